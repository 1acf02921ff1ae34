/* The counters of this folder, in one place. */
#ifndef VG_NET_COUNT_H
#define VG_NET_COUNT_H

#if defined(__has_include)
#if __has_include("obs/metrics_table.inc")
#define NET_HAS_METRICS 1
#endif
#endif

#ifdef NET_HAS_METRICS
#include "obs/metrics.h"
#define net_count_connection(event) vg_count1(net_connections_total, event)
#define net_count_ws(event)         vg_count1(net_ws_total, event)
#define net_count_error(code)       vg_count1(net_http_errors_total, code)
#define net_gauge_connections(n)    vg_gauge_add(net_connections, n)
#else
#define net_count_connection(event) ((void)(event))
#define net_count_ws(event)         ((void)(event))
#define net_count_error(code)       ((void)(code))
#define net_gauge_connections(n)    ((void)(n))
#endif

#endif
