/*
 * The answers of http.h: each becomes a http_source, then a http_reply, and goes to the protocol.
 */
#include <assert.h>

#include "base/jsonw.h"
#include "http/asset.h"
#include "http/core.h"
#include "http/gzip.h"
#include "http/message.h"
#include "http/reply.h"

enum { COMPRESS_LEN_MIN = 1024, PROBLEM_LEN_MAX = 4096 };

static void send_reply(struct http_request *req, struct http_reply *reply)
{
    cors_add(reply, req);
    conn_proto(req->conn)->send_reply(req, reply);
}

static struct http_source source_of(const struct http_response *response)
{
    struct http_source source = {
        .status = response->status ? response->status : 200,
        .content_type = text_of(response->content_type),
        .cache_control = text_of(response->cache_control),
        .etag = response->etag,
        .location = response->location,
        .headers = response->headers,
        .headers_count = response->headers_count,
        .slices = response->body,
        .slices_count = response->body_count,
        .no_range = response->no_range,
    };

    if (source.content_type.len && !response->cache_control)
        source.cache_control = TEXT("no-store");
    for (size_t i = 0; i < response->body_count; i++)
        source.body_len += response->body[i].len;
    source.is_compressible = !response->no_gzip && source.body_len >= COMPRESS_LEN_MIN &&
                             http_type_is_text(source.content_type);
    return source;
}

static struct buf *compress_for(const struct http_request *req, const struct http_source *source)
{
    struct http_server *server = req->conn->server;

    if (!source->is_compressible || !(req->flags & REQUEST_GZIP))
        return NULL;
    if (!server->gzip)
        server->gzip = gzip_create();
    return gzip_compress(server->gzip, source->slices, source->slices_count);
}

void http_respond(struct http_request *req, const struct http_response *response)
{
    struct http_source source = source_of(response);
    struct buf *gzipped = compress_for(req, &source);
    struct http_reply reply;

    assert(response->headers_count <= HTTP_RESPONSE_HEADERS_MAX);
    assert(response->body_count <= HTTP_RESPONSE_SLICES_MAX);
    reply_from_source(&reply, req, &source, gzipped);
    send_reply(req, &reply);

    buf_unref(gzipped);
    for (size_t i = 0; i < response->body_count; i++)
        slice_unref(&response->body[i]);
}

/* Nothing of the request asks for more than the whole body. */
static bool is_plain_get(const struct http_request *req)
{
    return req->method == HTTP_GET && !(req->flags & (REQUEST_RANGE | REQUEST_CONDITION));
}

/* The hottest path: head and body are there already. */
static void reply_ready_made(struct http_reply *reply, const struct http_asset *asset,
                             const struct asset_variant *variant)
{
    reply_init(reply, 200);
    reply->prepared = buf_text(variant ? variant->head : asset->head);
    if (variant) {
        reply->storage[0] = slice_take(buf_ref(variant->body));
        reply->slices_count = 1;
        reply->body_len = variant->body->len;
        return;
    }
    for (size_t i = 0; i < asset->source.slices_count; i++)
        (void)slice_ref(asset->slices[i]); /* the taker's reference, of the slices in place */
    reply->slices = asset->slices;
    reply->slices_count = asset->source.slices_count;
    reply->body_len = asset->source.body_len;
}

void http_respond_asset(struct http_request *req, struct http_asset *asset)
{
    struct http_server *server = req->conn->server;
    const struct asset_variant *variant =
        req->flags & REQUEST_GZIP ? asset_gzip(asset, &server->gzip) : NULL;
    struct http_reply reply;

    if (is_plain_get(req) && req->version != HTTP_2)
        reply_ready_made(&reply, asset, variant);
    else
        reply_from_source(&reply, req, &asset->source, variant ? variant->body : NULL);
    send_reply(req, &reply);
}

void http_respond_text(struct http_request *req, int status, const char *content_type,
                       struct text body)
{
    struct slice slice = slice_take(buf_from_text(body));

    http_respond(
        req, &(struct http_response){
                 .status = status, .content_type = content_type, .body = &slice, .body_count = 1});
}

void http_respond_empty(struct http_request *req, int status)
{
    http_respond(req, &(struct http_response){.status = status});
}

struct buf *http_problem(int status, const char *code, struct text detail)
{
    struct writer w = writer_growing(PROBLEM_LEN_MAX);
    struct jsonw j = jsonw_of(&w);

    jsonw_object_begin(&j);
    jsonw_member_str(&j, "type", "about:blank");
    jsonw_member_str(&j, "title", http_status_phrase(status));
    jsonw_member_i64(&j, "status", status);
    jsonw_member_str(&j, "code", code ? code : http_problem_code(status));
    if (detail.len)
        jsonw_member_text(&j, "detail", text_sub(detail, 0, PROBLEM_LEN_MAX / 8));
    jsonw_object_end(&j);
    struct buf *body = writer_copy_buf(&w);
    writer_deinit(&w);
    return body;
}

void http_respond_problem_with(struct http_request *req, const struct http_response *response,
                               struct text detail)
{
    struct slice slice = slice_take(http_problem(response->status, NULL, detail));
    struct http_response problem = *response;

    problem.content_type = "application/problem+json";
    problem.body = &slice;
    problem.body_count = 1;
    http_respond(req, &problem);
}

void http_respond_problem(struct http_request *req, int status, struct text detail)
{
    http_respond_problem_with(req, &(struct http_response){.status = status}, detail);
}

void http_respond_err(struct http_request *req, enum err err, struct text detail)
{
    http_respond_problem(req, err_http_status(err), detail);
}

/* ---- Streams ---- */

static void begin_stream(struct http_request *req, struct http_reply *reply,
                         http_cancel_fn *on_cancel, void (*on_drain)(struct http_request *req))
{
    cors_add(reply, req);
    if (!request_is_owned(req))
        req->conn->server->counters.requests_suspended++;
    req->state = REQUEST_STREAMING;
    req->on_cancel = on_cancel;
    req->on_drain = on_drain;
    conn_proto(req->conn)->begin_stream(req, reply);
}

void http_respond_stream(struct http_request *req, const struct http_response *response,
                         http_cancel_fn *on_cancel, void (*on_drain)(struct http_request *req))
{
    struct http_source source = source_of(response);
    struct http_reply reply;

    reply_whole(&reply, &source, NULL);
    reply.has_len = false;
    begin_stream(req, &reply, on_cancel, on_drain);
}

bool http_respond_file(struct http_request *req, const struct http_response *response,
                       uint64_t body_len, http_cancel_fn *on_cancel,
                       void (*on_drain)(struct http_request *req), uint64_t *ret_offset,
                       uint64_t *ret_len)
{
    struct http_source source = source_of(response);
    struct http_reply reply;

    source.body_len = body_len; /* after source_of(): what comes in pieces is not compressed */
    reply_from_source(&reply, req, &source, NULL);
    if ((reply.status != 200 && reply.status != 206) || reply.body_len == 0 ||
        req->method != HTTP_GET) {
        send_reply(req, &reply);
        return false;
    }
    *ret_offset = reply.body_offset;
    *ret_len = reply.body_len;
    begin_stream(req, &reply, on_cancel, on_drain);
    return true;
}

static void drop(struct slice *slices, size_t count)
{
    for (size_t i = 0; i < count; i++)
        slice_unref(&slices[i]);
}

enum err http_stream_write(struct http_request *req, struct slice *slices, size_t count)
{
    const struct http_proto *proto = conn_proto(req->conn);
    size_t queued_len = proto->stream_queued_len(req);
    size_t len = 0;

    assert(req->state == REQUEST_STREAMING);
    for (size_t i = 0; i < count; i++)
        len += slices[i].len;
    if (queued_len && queued_len + len > req->conn->server->config.stream_queue_len_max) {
        drop(slices, count);
        return ERR_LIMIT;
    }
    if (len && req->method != HTTP_HEAD)
        proto->stream_write(req, slices, count);
    else
        drop(slices, count);
    return OK;
}

size_t http_stream_queued_len(const struct http_request *req)
{
    return conn_proto(req->conn)->stream_queued_len(req);
}

uint64_t http_stream_taken_len(const struct http_request *req)
{
    return conn_proto(req->conn)->stream_taken_len(req);
}

void http_stream_end(struct http_request *req)
{
    assert(req->state == REQUEST_STREAMING);
    conn_proto(req->conn)->stream_end(req, false);
}

void http_stream_abort(struct http_request *req)
{
    assert(req->state == REQUEST_STREAMING);
    conn_proto(req->conn)->stream_end(req, true);
}
