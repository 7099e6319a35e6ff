/*
 * A request from its head to its end: routing, body, the memory that its texts live in.
 */
#include <assert.h>

#include "base/mem.h"
#include "http/conditional.h"
#include "http/core.h"
#include "http/message.h"
#include "http/reply.h"
#include "http/route_table.h"
#include "http/target.h"

enum { BODY_CAP_MIN = 1024 };

/* ---- What the owner asks ---- */

void *http_owner(const struct http_request *req)
{
    return req->conn->server->owner;
}

bool http_header_find(const struct http_request *req, const char *name, struct text *ret_value)
{
    const struct http_field *field = http_field_find(req->fields, req->fields_count, text_of(name));

    if (!field)
        return false;
    *ret_value = field->value;
    return true;
}

struct text http_header(const struct http_request *req, const char *name)
{
    struct text value = {0};

    (void)http_header_find(req, name, &value); /* empty when there is none */
    return value;
}

const struct net_address *http_peer(const struct http_request *req)
{
    return &req->conn->peer;
}

struct text http_param(const struct http_request *req, const char *name)
{
    struct text pattern = text_of(req->route->pattern);
    struct text wanted = text_of(name);

    for (size_t i = 0; i < HTTP_PARAMS_MAX; i++) {
        (void)text_cut(&pattern, '{');
        struct text found = text_cut(&pattern, '}');

        if (text_ends_with(found, TEXT("...")))
            found.len -= 3;
        if (text_equal(found, wanted))
            return req->params[i];
    }
    assert(false); /* the route has no such parameter */
    return (struct text){0};
}

struct text http_bearer(const struct http_request *req)
{
    struct text value = http_header(req, "authorization");

    if (!text_starts_with_nocase(value, TEXT("bearer ")))
        return (struct text){0};
    return text_trim(text_sub(value, 7, value.len));
}

bool http_cookie_find(const struct http_request *req, const char *name, struct text *ret_value)
{
    struct text wanted = text_of(name);

    /* HTTP/2 clients may split the cookies into several fields (RFC 9113 section 8.2.3). */
    for (size_t i = 0; i < req->fields_count; i++) {
        struct text rest = req->fields[i].value;

        if (!text_equal_nocase(req->fields[i].name, TEXT("cookie")))
            continue;
        while (rest.len) {
            struct text value = text_cut(&rest, ';');
            struct text key = text_trim(text_cut(&value, '='));

            if (!text_equal(key, wanted))
                continue;
            *ret_value = text_trim(value);
            return true;
        }
    }
    return false;
}

bool http_content_type_is(const struct http_request *req, const char *type)
{
    struct text value = http_header(req, "content-type");

    return text_equal_nocase(text_trim(text_cut(&value, ';')), text_of(type));
}

struct text http_body_text(const struct http_request *req)
{
    return req->body;
}

/* ---- Routing ---- */

void request_refuse(struct http_request *req, int status)
{
    static const struct http_header_line retry = {"Retry-After", TEXT_INIT("1")};
    struct http_response response = {.status = status};

    if (status == 429 || status == 503) {
        response.headers = &retry;
        response.headers_count = 1;
    }
    http_respond_problem_with(req, &response, (struct text){0});
}

static void refuse_method(struct http_request *req, unsigned allowed)
{
    char memory[128];
    struct writer w = writer_fixed(memory, sizeof(memory));

    http_methods_write(&w, allowed | HTTP_OPTIONS);
    struct http_header_line allow = {"Allow", writer_as_text(&w)};
    http_respond_problem_with(
        req, &(struct http_response){.status = 405, .headers = &allow, .headers_count = 1},
        (struct text){0});
}

/* One look at the fields that answers depend on, so that most requests are not searched again. */
static void note_fields(struct http_request *req)
{
    for (size_t i = 0; i < req->fields_count; i++) {
        struct text name = req->fields[i].name;

        if (name.len == 15 && text_equal_nocase(name, TEXT("accept-encoding")))
            req->flags |= http_accepts_gzip(req->fields[i].value) ? REQUEST_GZIP : 0;
        else if (name.len == 5 && text_equal_nocase(name, TEXT("range")))
            req->flags |= REQUEST_RANGE;
        else if (name.len == 13 && text_equal_nocase(name, TEXT("if-none-match")))
            req->flags |= REQUEST_CONDITION;
        else if (name.len == 6 && text_equal_nocase(name, TEXT("origin")))
            req->flags |= REQUEST_ORIGIN;
    }
}

static size_t body_len_max(const struct http_request *req)
{
    return req->route->body_len_max ? req->route->body_len_max : HTTP_BODY_LEN_DEFAULT;
}

/* False: answered. */
static bool find_route(struct http_request *req, uint64_t content_len)
{
    unsigned allowed = 0;

    req->route =
        http_route_find(req->conn->server->routes, req->method, req->path, req->params, &allowed);
    if (req->route) {
        if (content_len <= body_len_max(req))
            return true;
        request_refuse(req, 413);
    } else if (req->method == HTTP_OPTIONS) {
        cors_answer_options(req);
    } else if (allowed) {
        refuse_method(req, allowed);
    } else {
        request_refuse(req, 404);
    }
    return false;
}

bool request_open(struct http_request *req, struct http_conn *conn, unsigned method,
                  struct text target, uint64_t content_len)
{
    struct http_target parsed;

    req->conn = conn;
    req->method = method ? (enum http_method)method : HTTP_GET;
    req->is_tls = conn->is_tls;
    req->state = REQUEST_READING;
    list_node_init(&req->owner_node);
    note_fields(req);

    if (method == 0) {
        request_refuse(req, 501);
        return false;
    }
    if (http_target_parse(target, &parsed) != OK) {
        conn->server->counters.malformed++;
        request_refuse(req, 400);
        return false;
    }
    req->path = parsed.path;
    req->query = parsed.query;
    if (parsed.host.ptr)
        req->host = parsed.host;
    return find_route(req, content_len);
}

/* ---- Body ---- */

static void call_handler(struct http_request *req)
{
    struct http_conn *conn = req->conn;

    req->state = REQUEST_HANDLING;
    conn->is_busy++;
    req->route->handler(req);
    /* A handler that neither answers nor suspends is a bug of ours; the client still gets a word.
     */
    if (req->state == REQUEST_HANDLING)
        request_refuse(req, 500);
    conn->is_busy--;
}

static bool collect(struct http_request *req, struct text bytes)
{
    size_t len = req->body.len + bytes.len;

    if (len > body_len_max(req))
        return false;
    if (len > req->body_cap) {
        size_t cap = req->body_cap ? req->body_cap : BODY_CAP_MIN;

        while (cap < len)
            cap *= 2;
        req->body_block = mem_realloc(req->body_block, cap);
        req->body_cap = (uint32_t)cap;
    }
    if (bytes.len)
        memcpy(req->body_block + req->body.len, bytes.ptr, bytes.len);
    req->body = (struct text){(const char *)req->body_block, len};
    return true;
}

void request_break(struct http_request *req, int status)
{
    bool is_streaming = req->state == REQUEST_STREAMING;

    if (request_is_owned(req)) {
        list_unlink(&req->owner_node);
        if (req->on_cancel)
            req->on_cancel(req);
    }
    if (is_streaming)
        conn_proto(req->conn)->stream_end(req, true);
    else
        request_refuse(req, status);
}

static void stream_body(struct http_request *req, struct text bytes, bool is_last)
{
    if (req->state == REQUEST_READING)
        call_handler(req);
    if (!request_is_owned(req) || !req->on_body || (bytes.len == 0 && !is_last))
        return;

    /* body.len counts what came; body.ptr stays NULL. */
    req->body.len += bytes.len;
    if (req->body.len > body_len_max(req)) {
        request_break(req, 413);
        return;
    }
    req->conn->is_busy++;
    req->on_body(req, bytes, is_last);
    req->conn->is_busy--;
}

void request_on_body(struct http_request *req, struct text bytes, bool is_last)
{
    if (is_last)
        req->flags |= REQUEST_BODY_DONE;
    if (req->route->flags & HTTP_ROUTE_STREAM_BODY) {
        stream_body(req, bytes, is_last);
        return;
    }
    if (req->state != REQUEST_READING)
        return;
    /* A body that is here whole is used where it is. */
    if (is_last && req->body.len == 0 && bytes.len <= body_len_max(req)) {
        req->body = bytes;
    } else if (!collect(req, bytes)) {
        request_refuse(req, 413);
        return;
    }
    if (is_last)
        call_handler(req);
}

static void own(struct http_request *req, http_cancel_fn *on_cancel)
{
    assert(req->state == REQUEST_HANDLING);
    req->state = REQUEST_SUSPENDED;
    req->on_cancel = on_cancel;
    req->conn->server->counters.requests_suspended++;
}

void http_suspend(struct http_request *req, http_cancel_fn *on_cancel)
{
    own(req, on_cancel);
}

void http_read_body(struct http_request *req, http_body_fn *on_body, http_cancel_fn *on_cancel)
{
    assert(req->route->flags & HTTP_ROUTE_STREAM_BODY);
    own(req, on_cancel);
    req->on_body = on_body;
}

void http_body_pause(struct http_request *req)
{
    conn_proto(req->conn)->set_body_paused(req, true);
}

void http_body_resume(struct http_request *req)
{
    conn_proto(req->conn)->set_body_paused(req, false);
}

/* ---- Memory ---- */

struct move {
    const char *from;
    const char *to;
    size_t len;
};

static void move_text(const struct move *move, struct text *text)
{
    if (text->ptr >= move->from && text->ptr < move->from + move->len)
        text->ptr = move->to + (text->ptr - move->from);
}

void request_keep(struct http_request *req, struct text span)
{
    if (req->block)
        return;

    size_t fields_len = req->fields_count * sizeof(req->fields[0]);
    uint8_t *block = mem_alloc(fields_len + span.len);
    struct move move = {span.ptr, (const char *)block + fields_len, span.len};

    memcpy(block + fields_len, span.ptr, span.len);
    if (fields_len)
        memcpy(block, req->fields, fields_len);
    req->block = block;
    req->fields = (struct http_field *)(void *)block; /* as aligned as any allocation */
    for (size_t i = 0; i < req->fields_count; i++) {
        move_text(&move, &req->fields[i].name);
        move_text(&move, &req->fields[i].value);
    }
    for (size_t i = 0; i < HTTP_PARAMS_MAX; i++)
        move_text(&move, &req->params[i]);
    move_text(&move, &req->path);
    move_text(&move, &req->query);
    move_text(&move, &req->host);
    move_text(&move, &req->body);
}

void request_end(struct http_request *req)
{
    if (req->state == REQUEST_NONE)
        return;
    if (request_is_owned(req))
        req->conn->server->counters.requests_suspended--;
    list_unlink(&req->owner_node);
    mem_free(req->block);
    mem_free(req->body_block);
    req->block = req->body_block = NULL;
    req->state = REQUEST_NONE;
}

void request_cancel(struct http_request *req)
{
    if (request_is_owned(req)) {
        list_unlink(&req->owner_node);
        req->conn->server->counters.answers[0]++;
        if (req->on_cancel)
            req->on_cancel(req);
    }
    request_end(req);
}
