/* Agents and their versions; see admin.h. A row of `agents` names the version that new conversations get. */
#include <string.h>

#include "store/admin.h"
#include "store/directory_load.h"

static const char *or_text(const char *value, const char *otherwise)
{
    return value ? value : otherwise;
}

/* Inserts version `version`: the profile, with what it leaves open taken from `base`. */
static int insert_version(struct vg_pg *pg, const char *agent_uuid, int64_t version,
                          const struct vg_agent_profile *p, const struct vg_agent *base,
                          const char *base_vocabulary)
{
    char version_text[24], endpointing[24];
    bool barge_in = p->barge_in < 0 ? base->barge_in : p->barge_in > 0;
    snprintf(version_text, sizeof version_text, "%lld", (long long)version);
    snprintf(endpointing, sizeof endpointing, "%lld",
             (long long)(p->endpointing_ms < 0 ? base->endpointing_ms : p->endpointing_ms));
    const char *params[] = {agent_uuid,
                            version_text,
                            or_text(p->name, base->name),
                            or_text(p->role, base->role),
                            or_text(p->system_prompt, base->system_prompt),
                            or_text(p->greeting, base->greeting),
                            or_text(p->language, base->language),
                            or_text(p->voice_id, base->voice_id),
                            or_text(p->stt_engine, base->stt_engine),
                            or_text(p->llm_engine, base->llm_engine),
                            or_text(p->tts_engine, base->tts_engine),
                            or_text(p->vocabulary, base_vocabulary),
                            endpointing,
                            barge_in ? "true" : "false"};
    return vg_pg_exec(pg, NULL, VG_SQL_agent_version_insert, params, VG_COUNT_OF(params));
}

/* Reads one agent in the open transaction; `uuid` NULL: the default one. */
static int select_agent(struct vg_pg *pg, const char *uuid, const struct vg_agent **out)
{
    struct vg_rows *rows = NULL;
    int err = vg_pg_exec(pg, &rows, VG_SQL_directory_agent, (const char *[]){uuid}, 1);
    if (!err)
        err = vg_rows_count(rows) ? directory_agent_row(rows, 0, out) : VG_ENOENT;
    vg_rows_free(rows);
    return err;
}

static int has_default(struct vg_pg *pg, bool *has)
{
    const struct vg_agent *agent = NULL;
    int err = select_agent(pg, NULL, &agent);
    *has = !err;
    vg_agent_put(agent);
    return err == VG_ENOENT ? 0 : err;
}

static int finish(struct vg_pg *pg, int err, const struct vg_agent *agent, const struct vg_agent **out)
{
    err = vg_pg_end(pg, err);
    if (err)
        vg_agent_put(agent);
    else
        *out = agent;
    return err;
}

int vg_admin_agent_create(struct vg_pg *pg, const char *tenant_id, const struct vg_agent_profile *p,
                          int64_t deadline_us, const struct vg_agent **out)
{
    static const struct vg_agent FRESH = {.role = "custom",
                                          .greeting = "",
                                          .language = "auto",
                                          .voice_id = "",
                                          .stt_engine = "",
                                          .llm_engine = "",
                                          .tts_engine = "",
                                          .barge_in = true};
    char id[VG_ID_SIZE], uuid[VG_UUID_SIZE];
    const struct vg_agent *agent = NULL;
    bool has = true;
    vg_id_new(id, VG_ID_AGENT);
    int err = vg_id_to_uuid(uuid, id, VG_ID_AGENT);
    if (!err && (!p->name || !p->system_prompt))
        err = VG_EINVAL;
    if (!err)
        err = vg_pg_begin(pg, tenant_id, deadline_us);
    if (err)
        return err;
    err = has_default(pg, &has);
    bool be_default = p->is_default < 0 ? !has : p->is_default > 0;
    if (!err && be_default && has)
        err = vg_pg_exec(pg, NULL, VG_SQL_agent_undefault, NULL, 0);
    if (!err)
        err = vg_pg_exec(pg, NULL, VG_SQL_agent_insert, (const char *[]){uuid, be_default ? "true" : "false"},
                         2);
    if (!err)
        err = insert_version(pg, uuid, 1, p, &FRESH, "");
    if (!err)
        err = select_agent(pg, uuid, &agent);
    return finish(pg, err, agent, out);
}

/* The words of a snapshot as one text, a line each. */
static void join_vocabulary(struct vg_buf *out, const struct vg_agent *agent)
{
    for (uint32_t i = 0; i < agent->vocabulary_count; i++)
        vg_buf_printf(out, "%s%s", i ? "\n" : "", agent->vocabulary[i]);
}

/* Takes the row's lock with the new number, then reads the old version, which is still the one before. */
static int update_in(struct vg_pg *pg, const char *uuid, const struct vg_agent_profile *p,
                     const struct vg_agent **out)
{
    struct vg_rows *rows = NULL;
    struct vg_buf words = VG_BUF_INIT;
    const struct vg_agent *old = NULL;
    int err = select_agent(pg, uuid, &old);
    if (!err && p->is_default > 0 && !old->is_default)
        err = vg_pg_exec(pg, NULL, VG_SQL_agent_undefault, NULL, 0);
    if (!err) {
        const char *mark = p->is_default < 0 ? NULL : p->is_default ? "true" : "false";
        err = vg_pg_exec(pg, &rows, VG_SQL_agent_bump, (const char *[]){uuid, mark}, 2);
    }
    if (!err && vg_rows_count(rows) == 0)
        err = VG_ENOENT;
    if (!err) {
        join_vocabulary(&words, old);
        err = insert_version(pg, uuid, vg_rows_int(rows, 0, 0), p, old, vg_buf_str(&words));
    }
    if (!err)
        err = select_agent(pg, uuid, out);
    vg_agent_put(old);
    vg_rows_free(rows);
    vg_buf_free(&words);
    return err;
}

int vg_admin_agent_update(struct vg_pg *pg, const char *tenant_id, const char *agent_id,
                          const struct vg_agent_profile *p, int64_t deadline_us, const struct vg_agent **out)
{
    char uuid[VG_UUID_SIZE];
    const struct vg_agent *agent = NULL;
    if (vg_id_to_uuid(uuid, agent_id, VG_ID_AGENT))
        return VG_ENOENT;
    int err = vg_pg_begin(pg, tenant_id, deadline_us);
    if (err)
        return err;
    err = update_in(pg, uuid, p, &agent);
    return finish(pg, err, agent, out);
}

int vg_admin_agent_load(struct vg_pg *pg, const char *tenant_id, const char *agent_id, int64_t deadline_us,
                        const struct vg_agent **out)
{
    struct directory_value value = {0};
    int err = directory_load_agent(pg, tenant_id, agent_id, deadline_us, &value);
    if (!err)
        *out = value.agent;
    return err;
}

int vg_admin_agent_list(struct vg_pg *pg, const char *tenant_id, const char *after, unsigned limit,
                        int64_t deadline_us, struct vg_agent_list **out)
{
    char after_uuid[VG_UUID_SIZE], limit_text[16];
    struct vg_rows *rows = NULL;
    if (after && vg_id_to_uuid(after_uuid, after, VG_ID_AGENT))
        return VG_EINVAL;
    snprintf(limit_text, sizeof limit_text, "%u", limit);
    int err = vg_pg_query(pg, tenant_id, deadline_us, &rows, VG_SQL_agent_list,
                          (const char *[]){after ? after_uuid : NULL, limit_text}, 2);
    size_t n = err ? 0 : vg_rows_count(rows);
    struct vg_agent_list *l = err ? NULL : calloc(1, sizeof *l + n * sizeof l->items[0]);
    if (!err && !l)
        err = VG_ENOMEM;
    for (size_t i = 0; !err && i < n; i++) {
        err = directory_agent_row(rows, i, &l->items[i]);
        if (!err)
            l->count++;
    }
    vg_rows_free(rows);
    if (err)
        vg_agent_list_free(l);
    else
        *out = l;
    return err;
}

struct vg_agent_list *vg_agent_list_free(struct vg_agent_list *l)
{
    for (size_t i = 0; l && i < l->count; i++)
        vg_agent_put(l->items[i]);
    free(l);
    return NULL;
}
