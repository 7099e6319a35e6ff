/*
 * CORS, after the Fetch standard: the server answers preflights from the route table, and adds the
 * fields to answers of routes that have HTTP_ROUTE_CORS.
 */
#include "http/core.h"
#include "http/message.h"
#include "http/reply.h"
#include "http/route_table.h"

enum { REQUESTED_LEN_MAX = 512 };

static const char exposed[] =
    "Location, Link, ETag, Accept-Post, Age, Date, Retry-After, Idempotency-Replayed";

static bool is_listed(const struct http_server *server, struct text origin)
{
    for (size_t i = 0; i < server->cors_origins_count; i++)
        if (text_equal(server->cors_origins[i], origin))
            return true;
    return false;
}

enum http_origin http_origin(const struct http_request *req)
{
    static const struct text schemes[] = {TEXT_INIT("http://"), TEXT_INIT("https://")};
    struct text origin;

    if (!http_header_find(req, "origin", &origin))
        return HTTP_ORIGIN_NONE;
    /* Behind a proxy we do not see which scheme the page has. */
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (text_starts_with(origin, schemes[i]) && req->host.len &&
            text_equal_nocase(text_sub(origin, schemes[i].len, origin.len), req->host))
            return HTTP_ORIGIN_SAME;
    return is_listed(req->conn->server, origin) ? HTTP_ORIGIN_LISTED : HTTP_ORIGIN_FOREIGN;
}

/* With a list of origins the answer names the one that asked, and may be read with credentials. */
static void add_origin(struct http_reply *reply, const struct http_request *req)
{
    const struct http_server *server = req->conn->server;

    if (server->cors_origins_count == 0) {
        reply_add(reply, "Access-Control-Allow-Origin", TEXT("*"));
        return;
    }

    struct text origin = http_header(req, "origin");
    reply_add(reply, "Vary", TEXT("Origin"));
    if (is_listed(server, origin)) {
        reply_add(reply, "Access-Control-Allow-Origin", origin);
        reply_add(reply, "Access-Control-Allow-Credentials", TEXT("true"));
    }
}

void cors_add(struct http_reply *reply, const struct http_request *req)
{
    if (!req->route || !(req->route->flags & HTTP_ROUTE_CORS))
        return;
    add_origin(reply, req);
    reply_add(reply, "Access-Control-Expose-Headers", text_of(exposed));
}

/* What the client wants to send is allowed when it is a list of names: rights are checked by
 * tokens, never by which fields may be sent. */
static struct text allowed_headers(const struct http_request *req)
{
    struct text asked = http_header(req, "access-control-request-headers");

    if (asked.len > REQUESTED_LEN_MAX)
        return (struct text){0};
    for (size_t i = 0; i < asked.len; i++)
        if (!http_is_token_char(asked.ptr[i]) && asked.ptr[i] != ',' && asked.ptr[i] != ' ')
            return (struct text){0};
    return asked;
}

void cors_answer_options(struct http_request *req)
{
    const struct http_server *server = req->conn->server;
    struct http_route_options options = http_route_options(server->routes, req->path);
    bool is_preflight = req->flags & REQUEST_ORIGIN && options.cors_methods &&
                        http_header(req, "access-control-request-method").len != 0;
    char memory[128];
    struct writer w = writer_fixed(memory, sizeof(memory));
    struct http_reply reply;

    if (options.methods == 0 && !text_equal(req->path, TEXT("*"))) {
        request_refuse(req, 404);
        return;
    }
    /* RFC 9725 section 4.2: the answer to OPTIONS is 200 with Accept-Post. */
    reply_init(&reply, 200);
    reply.has_len = true;
    http_methods_write(&w, options.methods | HTTP_OPTIONS);
    reply_add(&reply, "Allow", writer_as_text(&w));
    if (options.accept_post)
        reply_add(&reply, "Accept-Post", text_of(options.accept_post));
    if (options.cors_methods) {
        add_origin(&reply, req);
        reply_add(&reply, "Access-Control-Expose-Headers", text_of(exposed));
    }
    if (is_preflight) {
        reply_add(&reply, "Access-Control-Allow-Methods", writer_as_text(&w));
        reply_add(&reply, "Access-Control-Allow-Headers", allowed_headers(req));
        reply_add(&reply, "Access-Control-Max-Age", TEXT("7200"));
    }
    conn_proto(req->conn)->send_reply(req, &reply);
}
