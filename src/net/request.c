/* What handlers ask of a request. Strings live as long as the request. Made by conn_request.c. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/server_private.h"

static bool is_request_id(const char *id)
{
    size_t n = id ? strlen(id) : 0;
    return n > 0 && n <= REQUEST_ID_BYTES_MAX &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static void set_remote(struct vg_http_request *r)
{
    struct address client = r->conn->peer;
    const struct address_set *trusted = r->server->trusted;
    if (address_set_has(trusted, &client))
        address_forwarded(&client, vg_http_header(r, "x-forwarded-for"), trusted);
    address_print(&client, r->remote);
}

struct vg_http_request *request_new(struct conn *c, char *text, const struct http_head *head)
{
    struct vg_http_request *r = calloc(1, sizeof *r);
    if (!r) {
        free(text);
        return NULL;
    }
    r->server = c->server;
    r->loop = c->server->loop;
    r->conn = c;
    r->head = *head;
    r->text = text;
    r->is_head = !strcmp(head->method, "HEAD");
    r->is_tls = c->tls != NULL;
    r->keep_alive = head->keep_alive;
    r->arrival_us = vg_mono_us();
    const char *id = http_head_field(head, "x-request-id");
    if (is_request_id(id))
        memcpy(r->id, id, strlen(id) + 1);
    else
        vg_id_new(r->id, VG_ID_REQUEST);
    set_remote(r);
    r->next = c->server->requests;
    if (r->next)
        r->next->prev = r;
    c->server->requests = r;
    return r;
}

void request_free(struct vg_http_request *r)
{
    if (r->prev)
        r->prev->next = r->next;
    else if (r->server)
        r->server->requests = r->next;
    if (r->next)
        r->next->prev = r->prev;
    if (r->conn)
        r->conn->request = NULL;
    free(r->text);
    free(r->body);
    free(r->joined);
    free(r->query_text);
    free(r);
}

const char *vg_http_method(const struct vg_http_request *r)
{
    return r->is_head ? "GET" : r->head.method;
}

const char *vg_http_path(const struct vg_http_request *r)
{
    return r->head.path;
}

/* Splits and decodes the query once. A parameter with a bad escape is as good as absent. */
static void parse_query(struct vg_http_request *r)
{
    r->query_parsed = true;
    r->query_text = strdup(r->head.query);
    char *rest = r->query_text;
    while (rest && r->query_count < REQUEST_QUERY_MAX) {
        char *name = strsep(&rest, "&");
        char *value = strchr(name, '=');
        if (value)
            *value++ = '\0';
        if (!*name || http_percent_decode(name, true) < 0 || (value && http_percent_decode(value, true) < 0))
            continue;
        r->query[r->query_count++] = (struct request_parameter){name, value ? value : ""};
    }
}

const char *vg_http_query(struct vg_http_request *r, const char *name)
{
    if (!r->query_parsed)
        parse_query(r);
    for (unsigned i = 0; i < r->query_count; i++)
        if (!strcmp(r->query[i].name, name))
            return r->query[i].value;
    return NULL;
}

/* Headers that are lists may come in several lines; they count as one (RFC 9110, section 5.3). */
static bool is_list(const char *name)
{
    return !strcmp(name, "x-forwarded-for") || !strcmp(name, "sec-websocket-protocol") ||
           !strcmp(name, "accept") || !strcmp(name, "if-none-match") ||
           !strcmp(name, "access-control-request-headers");
}

/* Joins the lines of header `name` and puts the text in the place of the first one. */
static void join(struct vg_http_request *r, const char *name)
{
    struct vg_buf all = VG_BUF_INIT;
    struct http_field *first = NULL;
    if (r->joined)
        return; /* one joined list a request is enough for what the edges read; others keep their first line
                 */
    for (unsigned i = 0; i < r->head.field_count; i++) {
        struct http_field *f = &r->head.fields[i];
        if (strcmp(f->name, name))
            continue;
        if (first)
            vg_buf_puts(&all, ", ");
        first = first ? first : f;
        vg_buf_puts(&all, f->value);
    }
    r->joined = vg_buf_take(&all);
    if (r->joined && first)
        first->value = r->joined;
}

const char *vg_http_header(struct vg_http_request *r, const char *name)
{
    if (is_list(name) && http_head_count(&r->head, name) > 1)
        join(r, name);
    return http_head_field(&r->head, name);
}

const char *vg_http_body(const struct vg_http_request *r, size_t *bytes)
{
    if (bytes)
        *bytes = r->body ? r->body_bytes : 0;
    return r->body ? r->body : "";
}

const char *vg_http_remote(const struct vg_http_request *r)
{
    return r->remote;
}

const char *vg_http_request_id(const struct vg_http_request *r)
{
    return r->id;
}

int64_t vg_http_arrival_us(const struct vg_http_request *r)
{
    return r->arrival_us;
}

struct vg_loop *vg_http_loop(const struct vg_http_request *r)
{
    return r->loop;
}

bool vg_http_is_tls(const struct vg_http_request *r)
{
    return r->is_tls;
}

void vg_http_set_context(struct vg_http_request *r, void *context)
{
    r->context = context;
}

void *vg_http_context(const struct vg_http_request *r)
{
    return r->context;
}
