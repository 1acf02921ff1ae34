/* Files that are part of the program, served with an ETag. Called by edges on the loop thread. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "net/http.h"

enum { ETAG_HEX = 20, ETAG_SIZE = ETAG_HEX + 3 };

/* A strong validator of the content: "<hex>" with its quotes (RFC 9110, section 8.8.3). */
static void etag_of(const struct vg_http_asset *asset, char out[ETAG_SIZE])
{
    char hex[VG_SHA256_HEX_SIZE];
    vg_sha256_hex(asset->data, asset->bytes, hex);
    snprintf(out, ETAG_SIZE, "\"%.*s\"", ETAG_HEX, hex);
}

void vg_http_reply_asset(struct vg_http_request *r, const struct vg_http_asset *asset)
{
    char etag[ETAG_SIZE];
    etag_of(asset, etag);
    const char *known = vg_http_header(r, "if-none-match");
    bool same = known && (strstr(known, etag) || strcmp(known, "*") == 0);
    struct vg_http_response response = {
        .status = same ? 304 : 200,
        .content_type = asset->content_type,
        .body = asset->data,
        .body_bytes = same ? 0 : asset->bytes,
        .headers = {{"ETag", etag}, {"Cache-Control", "no-cache"}, {"X-Content-Type-Options", "nosniff"}},
    };
    vg_http_reply(r, &response);
}
