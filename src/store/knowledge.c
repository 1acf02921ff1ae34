/* Documents and search; see knowledge.h. Read next: chunk.c, migrations/0005_knowledge.sql. */
#include "store/knowledge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "store/chunk.h"

struct gathering {
    struct vg_json json; /* [{"id","heading","body"}, ..] */
    char first_heading[256];
    unsigned count;
};

static int gather(void *arg, const char *heading, const char *body)
{
    struct gathering *g = arg;
    char id[VG_ID_SIZE];
    vg_id_new(id, "");
    vg_json_object(&g->json, NULL);
    vg_json_str(&g->json, "id", id);
    vg_json_str(&g->json, "heading", heading);
    vg_json_str(&g->json, "body", body);
    vg_json_end(&g->json);
    if (!g->first_heading[0])
        snprintf(g->first_heading, sizeof g->first_heading, "%s", heading);
    g->count++;
    return 0;
}

static int format_of(const char *content_type, enum chunk_format *format)
{
    static const struct {
        const char *type;
        enum chunk_format format;
    } TYPES[] = {{"text/plain", CHUNK_TEXT},
                 {"text/markdown", CHUNK_MARKDOWN},
                 {"text/x-markdown", CHUNK_MARKDOWN},
                 {"text/html", CHUNK_HTML},
                 {"application/xhtml+xml", CHUNK_HTML}};
    size_t n = strcspn(content_type, "; ");
    for (size_t i = 0; i < VG_COUNT_OF(TYPES); i++) {
        if (strlen(TYPES[i].type) == n && strncasecmp(TYPES[i].type, content_type, n) == 0) {
            *format = TYPES[i].format;
            return 0;
        }
    }
    return VG_ENOTSUP;
}

static int check(const struct vg_document_input *in, const char *type, enum chunk_format *format)
{
    if (!in->source || !*in->source || strlen(in->source) > 2000)
        return VG_EINVAL;
    if (in->content_bytes > VG_DOCUMENT_BYTES_MAX)
        return VG_ETOOBIG;
    if (!chunk_is_utf8(in->content, in->content_bytes))
        return VG_EINVAL;
    if (in->metadata && in->metadata[strspn(in->metadata, " \t\r\n")] != '{')
        return VG_EINVAL;
    return format_of(type, format);
}

/* In the open transaction; gives the document's UUID. */
static int store(struct vg_pg *pg, const struct vg_document_input *in, const char *type, const char *title,
                 const char *content, const char *passages, unsigned count, char uuid[VG_UUID_SIZE])
{
    char new_id[VG_ID_SIZE], new_uuid[VG_UUID_SIZE], version[24], count_text[16];
    struct vg_rows *rows = NULL;
    const char *metadata = in->metadata ? in->metadata : "{}";
    vg_id_new(new_id, VG_ID_DOCUMENT);
    int err = vg_id_to_uuid(new_uuid, new_id, VG_ID_DOCUMENT);
    if (!err)
        err = vg_pg_exec(pg, &rows, VG_SQL_document_upsert, (const char *[]){new_uuid, in->source}, 2);
    if (err)
        return err;
    snprintf(uuid, VG_UUID_SIZE, "%s", vg_rows_text(rows, 0, 0));
    snprintf(version, sizeof version, "%s", vg_rows_text(rows, 0, 1));
    vg_rows_free(rows);
    snprintf(count_text, sizeof count_text, "%u", count);
    err = vg_pg_exec(pg, NULL, VG_SQL_document_retire, (const char *[]){uuid}, 1);
    if (!err)
        err = vg_pg_exec(pg, NULL, VG_SQL_document_version_insert,
                         (const char *[]){uuid, version, title, type, content, metadata, count_text}, 7);
    if (!err)
        err = vg_pg_exec(pg, NULL, VG_SQL_passages_insert,
                         (const char *[]){uuid, version, title, metadata, passages}, 5);
    return err;
}

static int ingest_text(struct vg_pg *pg, const char *tenant_id, const struct vg_document_input *in,
                       const char *type, enum chunk_format format, const char *content, int64_t deadline_us,
                       char uuid[VG_UUID_SIZE])
{
    struct vg_buf passages = VG_BUF_INIT;
    struct gathering g = {.json = vg_json_start(&passages)};
    vg_json_array(&g.json, NULL);
    int err = chunk_document(format, content, gather, &g);
    vg_json_end(&g.json);
    if (!err && passages.failed)
        err = VG_ENOMEM;
    if (!err && g.count == 0)
        err = VG_EPARSE;
    if (!err)
        err = vg_pg_begin(pg, tenant_id, deadline_us);
    if (!err) {
        const char *title = in->title ? in->title : g.first_heading[0] ? g.first_heading : in->source;
        err = vg_pg_end(pg, store(pg, in, type, title, content, vg_buf_str(&passages), g.count, uuid));
    }
    vg_buf_free(&passages);
    return err;
}

int vg_knowledge_ingest(struct vg_pg *pg, const char *tenant_id, const struct vg_document_input *in,
                        int64_t deadline_us, struct vg_document **out)
{
    enum chunk_format format;
    char uuid[VG_UUID_SIZE];
    const char *type = in->content_type ? in->content_type : "text/plain";
    int err = check(in, type, &format);
    if (err)
        return err;
    struct vg_buf content = VG_BUF_INIT;
    vg_buf_add(&content, in->content, in->content_bytes);
    err = content.failed
              ? VG_ENOMEM
              : ingest_text(pg, tenant_id, in, type, format, vg_buf_str(&content), deadline_us, uuid);
    vg_buf_free(&content);
    return err ? err : vg_knowledge_load(pg, tenant_id, uuid, deadline_us, out);
}

int vg_knowledge_load(struct vg_pg *pg, const char *tenant_id, const char *document_id, int64_t deadline_us,
                      struct vg_document **out)
{
    char uuid[VG_UUID_SIZE];
    struct vg_rows *rows = NULL;
    if (vg_id_to_uuid(uuid, document_id, VG_ID_DOCUMENT))
        return VG_ENOENT;
    int err = vg_pg_query(pg, tenant_id, deadline_us, &rows, VG_SQL_document_load, (const char *[]){uuid}, 1);
    if (!err && vg_rows_count(rows) == 0)
        err = VG_ENOENT;
    struct vg_document *d = err ? NULL : calloc(1, sizeof *d);
    if (!d) {
        vg_rows_free(rows);
        return err ? err : VG_ENOMEM;
    }
    vg_rows_id(rows, 0, 0, VG_ID_DOCUMENT, d->id);
    d->source = vg_rows_text(rows, 0, 1);
    d->version = (uint32_t)vg_rows_int(rows, 0, 2);
    d->title = vg_rows_text(rows, 0, 3);
    d->content_type = vg_rows_text(rows, 0, 4);
    d->metadata = vg_rows_text(rows, 0, 5);
    snprintf(d->status, sizeof d->status, "%s", vg_rows_text(rows, 0, 6));
    d->passage_count = (uint32_t)vg_rows_int(rows, 0, 7);
    d->created_at_us = vg_rows_int(rows, 0, 8);
    d->updated_at_us = vg_rows_int(rows, 0, 9);
    d->rows = rows;
    *out = d;
    return 0;
}

int vg_knowledge_delete(struct vg_pg *pg, const char *tenant_id, const char *document_id, int64_t deadline_us)
{
    char uuid[VG_UUID_SIZE];
    struct vg_rows *rows = NULL;
    if (vg_id_to_uuid(uuid, document_id, VG_ID_DOCUMENT))
        return VG_ENOENT;
    int err =
        vg_pg_query(pg, tenant_id, deadline_us, &rows, VG_SQL_document_delete, (const char *[]){uuid}, 1);
    if (!err && vg_rows_affected(rows) == 0)
        err = VG_ENOENT;
    vg_rows_free(rows);
    return err;
}

struct vg_document *vg_document_free(struct vg_document *d)
{
    if (d)
        vg_rows_free(d->rows);
    free(d);
    return NULL;
}

int vg_knowledge_search(struct vg_pg *pg, const char *tenant_id, const char *language, const char *query,
                        const char *filters, unsigned top_k, int64_t deadline_us, struct vg_found **out)
{
    char top_k_text[16];
    struct vg_rows *rows = NULL;
    snprintf(top_k_text, sizeof top_k_text, "%u", top_k);
    const char *params[] = {query, language, filters ? filters : "{}", top_k_text};
    int err = vg_pg_query(pg, tenant_id, deadline_us, &rows, VG_SQL_knowledge_search, params, 4);
    size_t n = err ? 0 : vg_rows_count(rows);
    struct vg_found *f = err ? NULL : calloc(1, sizeof *f + n * sizeof f->items[0]);
    if (!f) {
        vg_rows_free(rows);
        return err ? err : VG_ENOMEM;
    }
    f->rows = rows;
    f->count = n;
    for (size_t i = 0; i < n; i++) {
        f->items[i] = (struct vg_passage){.text = vg_rows_text(rows, i, 5),
                                          .source = vg_rows_text(rows, i, 2),
                                          .metadata = vg_rows_text(rows, i, 6),
                                          .score = vg_rows_num(rows, i, 7)};
    }
    *out = f;
    return 0;
}

struct vg_found *vg_found_free(struct vg_found *f)
{
    if (f)
        vg_rows_free(f->rows);
    free(f);
    return NULL;
}
