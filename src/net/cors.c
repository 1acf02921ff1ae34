/* Cross-origin headers by configuration. Source: Fetch standard, section 3.2. Called by reply.c; immutable.
 */
#include <stdlib.h>
#include <string.h>

#include "net/server_private.h"

/* The answer headers that a page's script may read beyond the safelisted ones. */
#define EXPOSED "X-Request-Id, Retry-After, Link, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, ETag"
#define METHODS "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
#define DEFAULT_ALLOWED                                                                                      \
    "Authorization, Content-Type, X-API-Key, X-Request-Id, Idempotency-Key, Accept, Traceparent, Tracestate"

struct cors {
    bool any;       /* "*" is among the origins */
    char origins[]; /* as configured */
};

int cors_new(struct cors **out, const char *origins)
{
    size_t n = origins ? strlen(origins) : 0;
    struct cors *cors = calloc(1, sizeof *cors + n + 1);
    if (!cors)
        return VG_ENOMEM;
    if (n)
        memcpy(cors->origins, origins, n);
    cors->any = http_list_has(cors->origins, "*");
    *out = cors;
    return 0;
}

struct cors *cors_free(struct cors *cors)
{
    free(cors);
    return NULL;
}

static bool allowed(const struct cors *cors, const char *origin)
{
    return origin && (cors->any || http_list_has(cors->origins, origin));
}

void cors_add_headers(const struct cors *cors, const char *origin, struct vg_buf *head)
{
    if (cors->any) {
        if (origin)
            vg_buf_puts(head,
                        "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: " EXPOSED "\r\n");
        return;
    }
    if (cors->origins[0])
        vg_buf_puts(head, "Vary: Origin\r\n"); /* also for others: a cache must not mix them up */
    if (!allowed(cors, origin))
        return;
    vg_buf_puts(head, "Access-Control-Allow-Origin: ");
    vg_buf_puts(head, origin);
    vg_buf_puts(head, "\r\nAccess-Control-Allow-Credentials: true\r\n"
                      "Access-Control-Expose-Headers: " EXPOSED "\r\n");
}

void cors_add_preflight(const struct cors *cors, struct vg_http_request *r, struct vg_buf *head)
{
    const char *origin = vg_http_header(r, "origin");
    if (!allowed(cors, origin) || !vg_http_header(r, "access-control-request-method"))
        return;
    const char *wanted = vg_http_header(r, "access-control-request-headers");
    vg_buf_printf(head,
                  "Access-Control-Allow-Methods: " METHODS "\r\nAccess-Control-Allow-Headers: %s\r\n"
                  "Access-Control-Max-Age: 600\r\n",
                  wanted && *wanted ? wanted : DEFAULT_ALLOWED);
}
