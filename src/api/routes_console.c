/* GET /try and its files: the web console, which a browser may keep as long as its ETag is the same. */
#include <string.h>

#include "api/exchange.h"
#include "api/routes.h"
#include "console/console.h"

void handle_console(struct exchange *ex)
{
    const struct vg_console_file *file = vg_console_find(vg_http_path(ex->request));
    if (!file) {
        exchange_error(ex, VG_ERROR_NOT_FOUND, NULL, NULL);
        return;
    }
    const char *known = vg_http_header(ex->request, "if-none-match");
    bool same = known && (strstr(known, file->etag) || strcmp(known, "*") == 0);
    ex->status = same ? 304 : 200;
    ex->content_type = file->content_type;
    ex->headers[0] = (struct vg_http_header){"ETag", file->etag};
    ex->headers[1] = (struct vg_http_header){"Cache-Control", "no-cache"};
    ex->headers[2] = (struct vg_http_header){"Content-Security-Policy", VG_CONSOLE_CSP};
    ex->headers[3] = (struct vg_http_header){"X-Content-Type-Options", "nosniff"};
    ex->headers[4] = (struct vg_http_header){"Referrer-Policy", "no-referrer"};
    if (!same)
        vg_buf_add(&ex->body, file->data, file->size);
    exchange_answer(ex);
}
