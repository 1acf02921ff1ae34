/* Metrics that are read when somebody asks for them. src/app alone. */
#ifndef VG_APP_SCRAPE_H
#define VG_APP_SCRAPE_H

struct vg_calls;

/* Live calls of the 100 busiest tenants, the rest as "other". Within a scrape hook only. */
void scrape_tenants(struct vg_calls *calls);

#endif
