/* The collector's URL from what an operator configured. */
#include <curl/curl.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "obs/trace_internal.h"

static const char traces_path[] = "/v1/traces";

/* 4317 is OTLP's gRPC port, 4318 its HTTP port on the same collector. */
static int port_correct(CURLU *u)
{
    char *port = NULL;
    if (curl_url_get(u, CURLUPART_PORT, &port, 0) != CURLUE_OK)
        return VG_OK; /* the scheme's own */
    int err = VG_OK;
    if (strcmp(port, "4317") == 0) {
        vg_log_warn("trace.grpc_port", "reason=%s",
                    "port 4317 is OTLP/gRPC; traces go to OTLP/HTTP on port 4318");
        err = curl_url_set(u, CURLUPART_PORT, "4318", 0) == CURLUE_OK ? VG_OK : VG_EINVAL;
    }
    curl_free(port);
    return err;
}

static int path_complete(CURLU *u)
{
    char *path = NULL;
    if (curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK)
        return VG_EINVAL;
    size_t n = strlen(path), tail = strlen(traces_path);
    while (n > 0 && path[n - 1] == '/')
        n--;
    struct vg_buf full = VG_BUF_INIT;
    vg_buf_add(&full, path, n);
    if (n < tail || memcmp(path + n - tail, traces_path, tail) != 0)
        vg_buf_puts(&full, traces_path);
    curl_free(path);
    int err = !full.failed && curl_url_set(u, CURLUPART_PATH, full.data, 0) == CURLUE_OK ? VG_OK : VG_EINVAL;
    vg_buf_free(&full);
    return err;
}

static int scheme_check(CURLU *u)
{
    char *scheme = NULL;
    if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return VG_EINVAL;
    bool ok = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
    curl_free(scheme);
    return ok ? VG_OK : VG_EINVAL;
}

int trace_url(const char *endpoint, char **out)
{
    CURLU *u = curl_url();
    char *text = NULL;
    if (!u)
        return VG_ENOMEM;
    int err = curl_url_set(u, CURLUPART_URL, endpoint, 0) == CURLUE_OK ? VG_OK : VG_EINVAL;
    err = err ? err : scheme_check(u);
    err = err ? err : port_correct(u);
    err = err ? err : path_complete(u);
    if (!err && curl_url_get(u, CURLUPART_URL, &text, 0) != CURLUE_OK)
        err = VG_EINVAL;
    if (!err && !(*out = strdup(text)))
        err = VG_ENOMEM;
    curl_free(text);
    curl_url_cleanup(u);
    return err;
}
