/* Answers: the head in the contract's form, errors that the server makes itself, preflights. Called by
 * handlers (vg_http_reply) and by conn.c. */
#include <string.h>

#include "base/json.h"
#include "net/count.h"
#include "net/server_private.h"

enum { HEAD_BYTES_USUAL = 480 };

/* RFC 9110, section 15, as far as Voxgate answers with it. */
static const struct {
    int status;
    const char *phrase;
    const char *code; /* what the server's own errors of this status are called; NULL: it makes none */
} STATUSES[] = {
    {200, "OK", NULL},
    {201, "Created", NULL},
    {202, "Accepted", NULL},
    {204, "No Content", NULL},
    {206, "Partial Content", NULL},
    {301, "Moved Permanently", NULL},
    {302, "Found", NULL},
    {303, "See Other", NULL},
    {304, "Not Modified", NULL},
    {307, "Temporary Redirect", NULL},
    {308, "Permanent Redirect", NULL},
    {400, "Bad Request", "VALIDATION_ERROR"},
    {401, "Unauthorized", "UNAUTHORIZED"},
    {403, "Forbidden", "FORBIDDEN"},
    {404, "Not Found", "RESOURCE_NOT_FOUND"},
    {405, "Method Not Allowed", "METHOD_NOT_ALLOWED"},
    {406, "Not Acceptable", "VALIDATION_ERROR"},
    {408, "Request Timeout", "REQUEST_TIMEOUT"},
    {409, "Conflict", "CONFLICT"},
    {410, "Gone", "RESOURCE_NOT_FOUND"},
    {411, "Length Required", "VALIDATION_ERROR"},
    {412, "Precondition Failed", NULL},
    {413, "Content Too Large", "PAYLOAD_TOO_LARGE"},
    {415, "Unsupported Media Type", "UNSUPPORTED_MEDIA_TYPE"},
    {417, "Expectation Failed", "VALIDATION_ERROR"},
    {422, "Unprocessable Content", NULL},
    {426, "Upgrade Required", "VALIDATION_ERROR"},
    {429, "Too Many Requests", "RATE_LIMITED"},
    {431, "Request Header Fields Too Large", "VALIDATION_ERROR"},
    {500, "Internal Server Error", "INTERNAL_ERROR"},
    {501, "Not Implemented", "METHOD_NOT_ALLOWED"},
    {502, "Bad Gateway", NULL},
    {503, "Service Unavailable", "UNAVAILABLE"},
    {504, "Gateway Timeout", NULL},
    {505, "HTTP Version Not Supported", "VALIDATION_ERROR"},
};

static const char *phrase_of(int status)
{
    for (size_t i = 0; i < VG_COUNT_OF(STATUSES); i++)
        if (STATUSES[i].status == status)
            return STATUSES[i].phrase;
    return "Unknown";
}

static const char *code_of(int status)
{
    for (size_t i = 0; i < VG_COUNT_OF(STATUSES); i++)
        if (STATUSES[i].status == status && STATUSES[i].code)
            return STATUSES[i].code;
    return status >= 500 ? "INTERNAL_ERROR" : "VALIDATION_ERROR";
}

/* A header value made of peer data must not end the line. */
static void add_header(struct vg_buf *head, const char *name, const char *value)
{
    vg_buf_puts(head, name);
    vg_buf_add(head, ": ", 2);
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p >= 0x20 || *p == '\t')
            vg_buf_putc(head, *p);
    vg_buf_add(head, "\r\n", 2);
}

static bool has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static void add_status(struct vg_buf *head, int status, const char *content_type, size_t body_bytes,
                       bool close)
{
    vg_buf_puts(head, "HTTP/1.1 ");
    vg_buf_int(head, status);
    vg_buf_putc(head, ' ');
    vg_buf_puts(head, phrase_of(status));
    vg_buf_add(head, "\r\n", 2);
    if (has_body(status)) {
        add_header(head, "Content-Type", content_type ? content_type : "application/json");
        vg_buf_puts(head, "Content-Length: ");
        vg_buf_int(head, (int64_t)body_bytes);
        vg_buf_add(head, "\r\n", 2);
    }
    if (close)
        vg_buf_puts(head, "Connection: close\r\n");
}

void vg_http_reply(struct vg_http_request *r, const struct vg_http_response *response)
{
    loop_assert_here(r->loop);
    VG_ASSERT(!r->replied);
    r->replied = true;
    struct conn *c = r->conn;
    if (!c) { /* the client is gone */
        if (!r->upgrading)
            request_free(r);
        return;
    }
    bool close = !r->keep_alive || c->close_after;
    struct vg_buf head = VG_BUF_INIT;
    (void)!vg_buf_reserve(&head, HEAD_BYTES_USUAL);
    add_status(&head, response->status, response->content_type, response->body_bytes, close);
    if (!close && r->head.minor == 0)
        vg_buf_puts(&head, "Connection: keep-alive\r\n");
    add_header(&head, "X-Request-Id", r->id);
    for (size_t i = 0; i < VG_HTTP_HEADERS_MAX && response->headers[i].name; i++)
        add_header(&head, response->headers[i].name, response->headers[i].value);
    cors_add_headers(r->server->cors, vg_http_header(r, "origin"), &head);
    if (r->upgrading && response->status == 426)
        vg_buf_puts(&head, "Sec-WebSocket-Version: 13\r\n");
    vg_buf_puts(&head, "\r\n");
    bool with_body = !r->is_head && has_body(response->status);
    r->conn = NULL;
    c->request = NULL;
    if (head.failed)
        conn_close(c);
    else
        conn_answer(c, head.data, head.len, response->body, with_body ? response->body_bytes : 0, close);
    vg_buf_free(&head);
    if (!r->upgrading) /* else whoever asked the upgrade handler frees it */
        request_free(r);
}

static void write_error(struct vg_buf *body, int status, const char *message, const char *request_id)
{
    struct vg_json j = vg_json_start(body);
    vg_json_object(&j, NULL);
    vg_json_object(&j, "error");
    vg_json_str(&j, "code", code_of(status));
    vg_json_str(&j, "message", message);
    vg_json_object(&j, "details");
    vg_json_end(&j);
    vg_json_str(&j, "requestId", request_id);
    vg_json_end(&j);
    vg_json_end(&j);
    net_count_error(code_of(status));
}

void reply_error(struct vg_http_request *r, int status, const char *message)
{
    struct vg_buf body = VG_BUF_INIT;
    write_error(&body, status, message, r->id);
    struct vg_http_response response = {.status = status, .body = vg_buf_str(&body), .body_bytes = body.len};
    if (status == 405 || status == 501)
        response.headers[0] =
            (struct vg_http_header){"Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"};
    vg_http_reply(r, &response);
    vg_buf_free(&body);
}

void reply_fault(struct conn *c, int status, const char *message)
{
    char id[VG_ID_SIZE];
    vg_id_new(id, VG_ID_REQUEST);
    struct vg_buf body = VG_BUF_INIT;
    struct vg_buf head = VG_BUF_INIT;
    write_error(&body, status, message, id);
    add_status(&head, status, NULL, body.len, true);
    add_header(&head, "X-Request-Id", id);
    if (status == 405 || status == 501)
        add_header(&head, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    cors_add_headers(c->server->cors, NULL, &head);
    vg_buf_puts(&head, "\r\n");
    if (head.failed || body.failed)
        conn_close(c);
    else
        conn_answer(c, head.data, head.len, body.data, body.len, true);
    vg_buf_free(&head);
    vg_buf_free(&body);
}

void reply_options(struct vg_http_request *r)
{
    struct conn *c = r->conn;
    bool close = !r->keep_alive;
    struct vg_buf head = VG_BUF_INIT;
    add_status(&head, 204, NULL, 0, close);
    add_header(&head, "X-Request-Id", r->id);
    add_header(&head, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    cors_add_headers(r->server->cors, vg_http_header(r, "origin"), &head);
    cors_add_preflight(r->server->cors, r, &head);
    vg_buf_puts(&head, "\r\n");
    request_free(r);
    if (head.failed)
        conn_close(c);
    else
        conn_answer(c, head.data, head.len, NULL, 0, close);
    vg_buf_free(&head);
}
