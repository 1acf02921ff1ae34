/* The handlers that the route table names, a file of routes each. src/api alone. */
#ifndef VG_API_ROUTES_H
#define VG_API_ROUTES_H

struct exchange;
struct vg_pg;

/* routes_auth.c */
void handle_token(struct exchange *ex);

/* routes_call.c */
void handle_call_start(struct exchange *ex);
void handle_call_get(struct exchange *ex);
void work_call_get(struct exchange *ex, struct vg_pg *pg);
void handle_call_end(struct exchange *ex);
void handle_ws_plain(struct exchange *ex); /* GET /ws/{id} without an upgrade */

/* routes_handoff.c */
void handle_handoff(struct exchange *ex);
void after_handoff(struct exchange *ex);
void work_handoff_list(struct exchange *ex, struct vg_pg *pg);
void work_handoff_accept(struct exchange *ex, struct vg_pg *pg);
void work_handoff_decline(struct exchange *ex, struct vg_pg *pg);
void work_handoff_complete(struct exchange *ex, struct vg_pg *pg);
void after_handoff_change(struct exchange *ex);

/* routes_knowledge.c */
void handle_ingest(struct exchange *ex);
void after_ingest(struct exchange *ex);
void work_ingest(struct exchange *ex, struct vg_pg *pg);
void work_document_get(struct exchange *ex, struct vg_pg *pg);
void work_document_delete(struct exchange *ex, struct vg_pg *pg);
void handle_rag_query(struct exchange *ex);
void work_rag_query(struct exchange *ex, struct vg_pg *pg);

/* routes_observe.c */
void handle_root(struct exchange *ex);
void handle_health(struct exchange *ex);
void handle_readyz(struct exchange *ex);
void handle_healthz(struct exchange *ex);
void handle_metrics(struct exchange *ex);
void handle_voices(struct exchange *ex);
void handle_console(struct exchange *ex);

#endif
