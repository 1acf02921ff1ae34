/* A tenant's knowledge: documents in, passages out. Ingest and search are blocking (worker threads); the
 * adapter at the end serves engines on their loop. Search is PostgreSQL's own text search, English and Arabic
 * with their stemmers, other languages word by word; it gives stored text, never made-up text. */
#ifndef VG_STORE_KNOWLEDGE_H
#define VG_STORE_KNOWLEDGE_H

#include "store/pg.h"
#include "voxgate/engine.h"

struct vg_workers;

enum { VG_DOCUMENT_BYTES_MAX = 4 * 1024 * 1024 };

struct vg_document_input {
    const char *source; /* names the document within the tenant; the same one again is a new version */
    const char *title;  /* NULL: the first heading, else the source */
    const char
        *content_type;   /* text/plain, text/markdown, text/html; parameters are ignored; NULL: text/plain */
    const char *content; /* UTF-8 */
    size_t content_bytes;
    const char *metadata; /* JSON object; NULL for {} */
};

struct vg_document {
    char id[VG_ID_SIZE];
    uint32_t version;
    uint32_t passage_count;
    char status[16]; /* "ready" */
    const char *source, *title, *content_type, *metadata;
    int64_t created_at_us, updated_at_us;
    struct vg_rows *rows; /* owned: the strings */
};

/* Stores a new version and retires the one before it; the search changes over at once. Errors: VG_ENOTSUP
 * (content type), VG_EINVAL (no source, not UTF-8, metadata is not an object), VG_ETOOBIG, VG_EPARSE (nothing
 * to read in it), and those of vg_pg. */
int vg_knowledge_ingest(struct vg_pg *pg, const char *tenant_id, const struct vg_document_input *input,
                        int64_t deadline_us, struct vg_document **out) VG_MUST_CHECK;
/* VG_ENOENT. */
int vg_knowledge_load(struct vg_pg *pg, const char *tenant_id, const char *document_id, int64_t deadline_us,
                      struct vg_document **out) VG_MUST_CHECK;
int vg_knowledge_delete(struct vg_pg *pg, const char *tenant_id, const char *document_id,
                        int64_t deadline_us) VG_MUST_CHECK;
struct vg_document *vg_document_free(struct vg_document *d);

struct vg_found {
    struct vg_rows *rows; /* owned: the strings */
    size_t count;
    struct vg_passage items[];
};

/* Best first. `language` "en", "ar", another, or NULL: as the query is written. `filters` is a JSON object
 * that the document's metadata must contain; NULL for {}. A question that has no answer here finds nothing.
 */
int vg_knowledge_search(struct vg_pg *pg, const char *tenant_id, const char *language, const char *query,
                        const char *filters, unsigned top_k, int64_t deadline_us,
                        struct vg_found **out) VG_MUST_CHECK;
struct vg_found *vg_found_free(struct vg_found *f);

/* --- for engines: struct vg_engine_env's knowledge and knowledge_arg ---------------------------------------
 */
struct vg_knowledge;
/* `timeout_us` bounds each search; 1 s is what a caller waits without wondering. */
struct vg_knowledge *vg_knowledge_new(struct vg_workers *workers, int64_t timeout_us);
/* When no search is under way. */
struct vg_knowledge *vg_knowledge_free(struct vg_knowledge *k);
/* Each takes a struct vg_knowledge as knowledge_arg. cancel: on the loop that asked. */
extern const struct vg_knowledge_ops vg_knowledge_ops;

#endif
