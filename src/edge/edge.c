#include "edge/edge.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/writer.h"
#include "edge/board.h"
#include "edge/edge_private.h"
#include "edge/pages.h"
#include "edge/viewers.h"

static const int64_t READY_HEARD_US = 5 * US_PER_S;

static struct edge *edge_of(const struct http_request *request)
{
    return http_owner(request);
}

/* ---- /hls ---- */

static bool parse_id(struct text text, uint64_t *ret_id)
{
    return text_parse_u64(text, INT64_MAX, ret_id) && *ret_id != 0;
}

/* The client as the proxy in front names it (the last entry is the proxy's own word; what stands
 * before it is the client's), when that proxy is trusted; else the peer. */
static struct net_address client_address(const struct http_request *request)
{
    struct text forwarded = http_header(request, "x-forwarded-for");
    struct net_address client = *http_peer(request);

    if (!edge_of(request)->config.trusts_forwarded)
        return client;
    size_t last = forwarded.len;
    while (last > 0 && forwarded.ptr[last - 1] != ',')
        last--;
    /* No address there: the peer it is. */
    IGNORE_ERR(net_parse_ip(text_trim(text_sub(forwarded, last, forwarded.len)),
                            net_port(http_peer(request)), &client));
    return client;
}

static uint64_t viewer_key(const struct http_request *request)
{
    struct text agent = http_header(request, "user-agent");
    struct net_address client = client_address(request);

    return net_hash_ip(&client) ^ crypto_siphash(agent.ptr, agent.len);
}

static void on_hls(struct http_request *request)
{
    struct edge *edge = edge_of(request);
    struct text name = request->params[1];
    uint64_t channel_id;
    struct board_channel *channel = NULL;
    struct viewer *viewer = NULL;
    int64_t now_us = loop_now_us(edge->loop);

    if (parse_id(request->params[0], &channel_id))
        channel = board_find(&edge->board, channel_id);
    if (!channel) {
        http_respond_problem(request, 404, TEXT("There is no such channel on air."));
        return;
    }
    if (text_equal(name, TEXT("live.m3u8")))
        viewer = viewers_see(&edge->viewers, channel_id, viewer_key(request), now_us);
    board_serve(channel, request, name, viewer, now_us);
}

/* ---- status, from the board ---- */

static void send_api_call(struct http_request *request);

static void on_status(struct http_request *request)
{
    uint64_t channel_id;
    struct board_channel *channel = NULL;

    if (parse_id(request->params[0], &channel_id))
        channel = board_find(&edge_of(request)->board, channel_id);
    if (channel && channel->status)
        http_respond_asset(request, channel->status);
    else
        send_api_call(request); /* it says what is wrong */
}

/* ---- calls to the other loops ---- */

static struct text copy_text(uint8_t **to, struct text text)
{
    struct text copy = {(const char *)*to, text.len};

    if (text.len)
        memcpy(*to, text.ptr, text.len);
    *to += text.len;
    return copy;
}

static bool is_https(const struct edge *edge, const struct http_request *request)
{
    if (request->is_tls)
        return true;
    return edge->config.trusts_forwarded &&
           text_equal_nocase(http_header(request, "x-forwarded-proto"), TEXT("https"));
}

static void on_call_cancel(struct http_request *request)
{
    struct edge_call *call = request->owner;

    call->request = NULL; /* the answer comes back all the same, and is dropped */
}

/* Copies what the other side needs, suspends the request and sends the call. */
static void send_call(struct http_request *request, enum edge_call_kind kind,
                      const struct edge_call *extra)
{
    struct edge *edge = edge_of(request);
    struct edge_call *call = mem_zalloc(sizeof(*call));
    struct writer peer = writer_fixed(call->peer_text, sizeof(call->peer_text) - 1);
    struct text fields[] = {
        request->path,
        request->query,
        http_header(request, "content-type"),
        http_header(request, "authorization"),
        http_header(request, "trpc-accept"),
        request->host,
        http_body_text(request),
        extra ? extra->secret : (struct text){0},
        extra ? extra->bearer : (struct text){0},
        extra ? extra->if_match : (struct text){0},
    };
    size_t total = 0;

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        total += fields[i].len;
    uint8_t *to = call->block = mem_alloc(total);
    call->edge = edge;
    call->request = request;
    call->kind = kind;
    call->peer = client_address(request);
    call->channel_id = extra ? extra->channel_id : 0;
    net_write_ip(&peer, &call->peer);
    call->api = (struct api_request){
        .method = edge_method_name(request->method),
        .path = copy_text(&to, fields[0]),
        .query = copy_text(&to, fields[1]),
        .content_type = copy_text(&to, fields[2]),
        .authorization = copy_text(&to, fields[3]),
        .trpc_accept = copy_text(&to, fields[4]),
        .host = copy_text(&to, fields[5]),
        .is_https = is_https(edge, request),
        .peer_address = writer_as_text(&peer),
        .body = copy_text(&to, fields[6]),
    };
    call->secret = copy_text(&to, fields[7]);
    call->bearer = copy_text(&to, fields[8]);
    call->if_match = copy_text(&to, fields[9]);

    request->owner = call;
    http_suspend(request, on_call_cancel);
    edge->calls_open++;
    edge->upstream.send(edge->upstream.ctx, call);
}

static void send_api_call(struct http_request *request)
{
    send_call(request, EDGE_CALL_API, NULL);
}

static void on_metrics(struct http_request *request)
{
    send_call(request, EDGE_CALL_METRICS, NULL);
}

static void release_call(struct edge_call *call)
{
    api_answer_deinit(&call->answer);
    mem_free(call->block);
    mem_free(call);
}

/* A WHIP answer has fields of its own: where the session is, and its ICE generation. */
static size_t whip_headers(const struct edge_call *call, struct http_header_line *lines,
                           char etag[48])
{
    struct writer w = writer_fixed(etag, 47);

    if (!call->whip_etag[0])
        return 0;
    writer_printf(&w, "\"%s\"", call->whip_etag);
    lines[0] = (struct http_header_line){"ETag", writer_as_text(&w)};
    return 1;
}

static void respond_call(struct edge_call *call)
{
    struct http_header_line lines[API_HEADERS_MAX + 2];
    size_t count = 0;
    char location_memory[128];
    struct writer location = writer_fixed(location_memory, sizeof(location_memory));
    char etag[48];
    struct http_response response = {
        .status = call->answer.status,
        .cache_control = "no-store",
        .no_gzip = call->kind != EDGE_CALL_METRICS,
    };
    struct slice body;

    for (size_t i = 0; i < call->answer.header_count; i++) {
        const struct api_header *header = &call->answer.headers[i];

        if (strcmp(header->name, "content-type") == 0)
            response.content_type = header->value;
        else if (strcmp(header->name, "cache-control") == 0)
            response.cache_control = header->value;
        else
            lines[count++] = (struct http_header_line){header->name, text_of(header->value)};
    }
    if (call->whip_secret[0]) {
        writer_printf(&location, "/whip/%llu/%s", (unsigned long long)call->channel_id,
                      call->whip_secret);
        response.location = writer_as_text(&location);
    }
    count += whip_headers(call, lines + count, etag);
    response.headers = lines;
    response.headers_count = count;
    if (call->answer.body) {
        body = slice_of(call->answer.body, 0, call->answer.body->len);
        response.body = &body;
        response.body_count = 1;
    }
    http_respond(call->request, &response);
}

static void run_answer(struct loop_msg *msg)
{
    struct edge_call *call = CONTAINER_OF(msg, struct edge_call, msg);

    call->edge->calls_open--;
    if (call->request)
        respond_call(call);
    release_call(call);
}

void edge_drop_call(struct loop_msg *msg)
{
    release_call(CONTAINER_OF(msg, struct edge_call, msg));
}

void edge_answer(struct edge_call *call)
{
    call->msg.run = run_answer;
    call->msg.drop = edge_drop_call;
    loop_post(call->edge->loop, &call->msg);
}

void edge_fill_problem(struct edge_call *call, int status, const char *code, struct text detail)
{
    struct writer w = writer_growing(4096);
    struct jsonw j = jsonw_of(&w);

    jsonw_object_begin(&j);
    jsonw_member_str(&j, "type", "about:blank");
    jsonw_member_str(&j, "title", http_status_phrase(status));
    jsonw_member_i64(&j, "status", status);
    jsonw_member_str(&j, "code", code);
    jsonw_member_text(&j, "detail", detail);
    jsonw_object_end(&j);
    call->answer.status = status;
    call->answer.header_count = 1;
    call->answer.headers[0] = (struct api_header){"content-type", "application/problem+json"};
    call->answer.body = writer_copy_buf(&w);
    writer_deinit(&w);
}

/* ---- WHIP ---- */

static bool parse_whip(struct http_request *request, struct edge_call *extra)
{
    if (parse_id(request->params[0], &extra->channel_id))
        return true;
    http_respond_problem(request, 404, TEXT("A WHIP URL ends with the number of a channel."));
    return false;
}

static void on_whip_post(struct http_request *request)
{
    struct edge_call extra = {.bearer = http_bearer(request)};
    static const struct http_header_line challenge[] = {{"WWW-Authenticate", TEXT_INIT("Bearer")}};

    if (!parse_whip(request, &extra))
        return;
    if (!http_content_type_is(request, "application/sdp")) {
        http_respond_problem(request, 415,
                             TEXT("Send the SDP offer with Content-Type: application/sdp."));
        return;
    }
    if (extra.bearer.len == 0) {
        struct http_response response = {.status = 401, .headers = challenge, .headers_count = 1};
        http_respond_problem_with(
            request, &response,
            TEXT("Send the channel's stream key as Authorization: Bearer <stream key>."));
        return;
    }
    send_call(request, EDGE_CALL_WHIP_POST, &extra);
}

static void on_whip_patch(struct http_request *request)
{
    struct edge_call extra = {.secret = request->params[1],
                              .bearer = http_bearer(request),
                              .if_match = http_header(request, "if-match")};

    if (!parse_whip(request, &extra))
        return;
    if (!http_content_type_is(request, "application/trickle-ice-sdpfrag")) {
        http_respond_problem(request, 415,
                             TEXT("Send Content-Type: application/trickle-ice-sdpfrag."));
        return;
    }
    send_call(request, EDGE_CALL_WHIP_PATCH, &extra);
}

static void on_whip_delete(struct http_request *request)
{
    struct edge_call extra = {.secret = request->params[1], .bearer = http_bearer(request)};

    if (parse_whip(request, &extra))
        send_call(request, EDGE_CALL_WHIP_DELETE, &extra);
}

/* RFC 9725 section 4.2: a GET of the endpoint or of a session has a 2xx answer without content. */
static void on_whip_get(struct http_request *request)
{
    http_respond_empty(request, 204);
}

/* ---- machines ---- */

static void on_healthz(struct http_request *request)
{
    http_respond_text(request, 200, "text/plain; charset=utf-8", TEXT("ok\n"));
}

static void on_readyz(struct http_request *request)
{
    const struct edge *edge = edge_of(request);

    if (edge->is_draining)
        http_respond_problem(request, 503, TEXT("The server is shutting down."));
    else if (loop_now_us(edge->loop) - edge->ready_heard_us > READY_HEARD_US)
        http_respond_problem(request, 503, TEXT("The control loop does not answer."));
    else if (!edge->is_ready)
        http_respond_problem(request, 503, text_of(edge->why_not_ready));
    else
        http_respond_text(request, 200, "text/plain; charset=utf-8", TEXT("ready\n"));
}

/* ---- the studio's upload test ---- */

enum { UPLOAD_TEST_LEN_MAX = 2 * 1024 * 1024 };

/* Kept nowhere: the client takes the time until the answer. */
static void on_upload_part(struct http_request *request, struct text bytes, bool is_last)
{
    (void)bytes;
    if (is_last)
        http_respond_empty(request, 204);
}

static void on_upload_test(struct http_request *request)
{
    http_read_body(request, on_upload_part, NULL); /* nothing of ours points to the request */
}

static void on_page(struct http_request *request)
{
    pages_serve(&edge_of(request)->pages, request);
}

/* ---- the route table ---- */

enum { SDP_LEN_MAX = 64 * 1024 };

/* clang-format off */
static const struct http_route routes[] = {
    /* methods                                  pattern                             flags            body           handler */
    {HTTP_GET,                                  "/hls/{channel}/{file}",            HTTP_ROUTE_CORS, 0,             on_hls, NULL},
    {HTTP_GET,                                  "/api/v1/channels/{channel}/status", HTTP_ROUTE_CORS, 0,            on_status, NULL},
    {HTTP_POST,                                 "/api/v1/upload-test",              HTTP_ROUTE_STREAM_BODY, UPLOAD_TEST_LEN_MAX, on_upload_test, NULL},
    {HTTP_GET | HTTP_POST | HTTP_PUT | HTTP_PATCH | HTTP_DELETE,
                                                "/api/v1/{rest...}",                HTTP_ROUTE_CORS, API_BODY_LEN_MAX, send_api_call, NULL},
    {HTTP_GET | HTTP_HEAD | HTTP_POST | HTTP_PUT | HTTP_PATCH | HTTP_DELETE,
                                                "/trpc/{rest...}",                  HTTP_ROUTE_CORS, API_BODY_LEN_MAX, send_api_call, NULL},
    {HTTP_POST,                                 "/whip/{channel}",                  HTTP_ROUTE_CORS, SDP_LEN_MAX,   on_whip_post, "application/sdp"},
    {HTTP_GET,                                  "/whip/{channel}",                  HTTP_ROUTE_CORS, 0,             on_whip_get, NULL},
    {HTTP_PATCH,                                "/whip/{channel}/{secret}",         HTTP_ROUTE_CORS, SDP_LEN_MAX,   on_whip_patch, NULL},
    {HTTP_DELETE,                               "/whip/{channel}/{secret}",         HTTP_ROUTE_CORS, 0,             on_whip_delete, NULL},
    {HTTP_GET,                                  "/whip/{channel}/{secret}",         HTTP_ROUTE_CORS, 0,             on_whip_get, NULL},
    {HTTP_GET,                                  "/healthz",                         0,               0,             on_healthz, NULL},
    {HTTP_GET,                                  "/readyz",                          0,               0,             on_readyz, NULL},
    {HTTP_GET,                                  "/metrics",                         0,               0,             on_metrics, NULL},
    {HTTP_GET,                                  "/embed/{rest...}",                 HTTP_ROUTE_CORS, 0,             on_page, NULL},
    {HTTP_GET,                                  "/assets/{rest...}",                HTTP_ROUTE_CORS, 0,             on_page, NULL},
    {HTTP_GET,                                  "/{rest...}",                       0,               0,             on_page, NULL},
};
/* clang-format on */

struct text edge_method_name(enum http_method method)
{
    switch (method) {
    case HTTP_GET:
        return TEXT("GET");
    case HTTP_HEAD:
        return TEXT("HEAD");
    case HTTP_POST:
        return TEXT("POST");
    case HTTP_PUT:
        return TEXT("PUT");
    case HTTP_PATCH:
        return TEXT("PATCH");
    case HTTP_DELETE:
        return TEXT("DELETE");
    case HTTP_OPTIONS:
        return TEXT("OPTIONS");
    }
    return (struct text){0};
}

/* ---- from the other loops ---- */

struct snapshot_msg {
    struct loop_msg msg;
    struct edge *edge;
    uint64_t channel_id;
    struct hls_snapshot *snapshot;
};

static void run_snapshot(struct loop_msg *msg)
{
    struct snapshot_msg *update = CONTAINER_OF(msg, struct snapshot_msg, msg);
    struct edge *edge = update->edge;
    struct board_channel *channel = update->snapshot
                                        ? board_find_or_create(&edge->board, update->channel_id)
                                        : board_find(&edge->board, update->channel_id);

    if (channel)
        board_set_snapshot(&edge->board, channel, update->snapshot);
    http_server_flush(edge->server);
    mem_free(update);
}

static void drop_snapshot(struct loop_msg *msg)
{
    struct snapshot_msg *update = CONTAINER_OF(msg, struct snapshot_msg, msg);

    hls_snapshot_unref(update->snapshot);
    mem_free(update);
}

void edge_post_snapshot(struct edge *edge, uint64_t channel_id, const struct hls_snapshot *snapshot)
{
    struct snapshot_msg *update = mem_zalloc(sizeof(*update));

    update->msg.run = run_snapshot;
    update->msg.drop = drop_snapshot;
    update->edge = edge;
    update->channel_id = channel_id;
    update->snapshot = snapshot ? hls_snapshot_ref(snapshot) : NULL;
    loop_post(edge->loop, &update->msg);
}

struct status_msg {
    struct loop_msg msg;
    struct edge *edge;
    uint64_t channel_id;
    struct buf *json;
    bool may_start;
};

static void release_status(struct status_msg *update)
{
    buf_unref(update->json);
    mem_free(update);
}

static void run_status(struct loop_msg *msg)
{
    struct status_msg *update = CONTAINER_OF(msg, struct status_msg, msg);
    struct board *board = &update->edge->board;
    struct board_channel *channel = update->json ? board_find_or_create(board, update->channel_id)
                                                 : board_find(board, update->channel_id);

    if (channel) {
        http_asset_unref(channel->status);
        channel->status = NULL;
        channel->may_start = update->may_start;
        if (update->json) {
            struct slice slice = slice_of(update->json, 0, update->json->len);
            struct http_asset_params params = {
                .content_type = "application/json",
                .cache_control = "no-cache",
                .body = &slice,
                .body_count = 1,
            };
            channel->status = http_asset_create(&params);
        }
        board_forget_if_empty(board, channel);
    }
    release_status(update);
}

static void drop_status(struct loop_msg *msg)
{
    release_status(CONTAINER_OF(msg, struct status_msg, msg));
}

void edge_post_status(struct edge *edge, uint64_t channel_id, const struct buf *json,
                      bool may_start)
{
    struct status_msg *update = mem_zalloc(sizeof(*update));

    update->msg.run = run_status;
    update->msg.drop = drop_status;
    update->edge = edge;
    update->channel_id = channel_id;
    update->json = json ? buf_ref(json) : NULL;
    update->may_start = may_start;
    loop_post(edge->loop, &update->msg);
}

struct ready_msg {
    struct loop_msg msg;
    struct edge *edge;
    bool is_ready;
    char why_not[sizeof(((struct edge *)NULL)->why_not_ready)];
};

static void run_ready(struct loop_msg *msg)
{
    struct ready_msg *update = CONTAINER_OF(msg, struct ready_msg, msg);
    struct edge *edge = update->edge;

    edge->is_ready = update->is_ready;
    memcpy(edge->why_not_ready, update->why_not, sizeof(edge->why_not_ready));
    edge->ready_heard_us = loop_now_us(edge->loop);
    mem_free(update);
}

static void drop_ready(struct loop_msg *msg)
{
    mem_free(CONTAINER_OF(msg, struct ready_msg, msg));
}

void edge_post_ready(struct edge *edge, bool is_ready, const char *why_not)
{
    struct ready_msg *update = mem_zalloc(sizeof(*update));
    struct writer w = writer_fixed(update->why_not, sizeof(update->why_not) - 1);

    update->msg.run = run_ready;
    update->msg.drop = drop_ready;
    update->edge = edge;
    update->is_ready = is_ready;
    writer_text(&w, text_sub(text_of(why_not), 0, sizeof(update->why_not) - 1));
    loop_post(edge->loop, &update->msg);
}

/* ---- life ---- */

static void on_second(struct loop_timer *timer)
{
    struct edge *edge = CONTAINER_OF(timer, struct edge, second);
    int64_t now_us = loop_now_us(edge->loop);
    struct edge_report *report = viewers_report(&edge->viewers, now_us);

    report->edge = edge;
    report->http = http_server_counters(edge->server);
    report->lag_us = loop_take_lag_us(edge->loop);
    board_expire(&edge->board, now_us);
    edge->upstream.report(edge->upstream.ctx, edge, report);
    loop_timer_set(edge->loop, &edge->second, now_us + US_PER_S, on_second);
}

enum err edge_create(struct loop *loop, const struct edge_config *config,
                     const struct edge_upstream *upstream, struct diag *diag,
                     struct edge **ret_edge)
{
    struct edge *edge = mem_zalloc(sizeof(*edge));
    struct http_server_params params = {
        .loop = loop,
        .routes = routes,
        .routes_count = sizeof(routes) / sizeof(routes[0]),
        .owner = edge,
        .config = config->http,
        .cors_origins = config->cors_origins,
        .cors_origins_count = config->cors_origins_count,
        .server_name = "stoa",
    };

    edge->loop = loop;
    edge->config = *config;
    edge->upstream = *upstream;
    enum err err = http_server_create(&params, diag, &edge->server);
    if (err) {
        mem_free(edge);
        return err;
    }
    pages_init(&edge->pages, text_of(config->public_url));
    loop_timer_set(loop, &edge->second, loop_now_us(loop) + US_PER_S, on_second);
    *ret_edge = edge;
    return OK;
}

enum err edge_listen(struct edge *edge, const struct net_address *address, struct tls_context *tls,
                     struct diag *diag, struct net_address *ret_bound)
{
    return http_server_listen(edge->server, address, tls, diag, ret_bound);
}

static void on_server_drained(void *owner)
{
    struct edge *edge = owner;

    edge->on_drained(edge->on_drained_ctx);
}

void edge_drain(struct edge *edge, void (*on_drained)(void *ctx), void *ctx)
{
    edge->is_draining = true;
    edge->on_drained = on_drained;
    edge->on_drained_ctx = ctx;
    http_server_drain(edge->server, on_server_drained);
}

void edge_destroy(struct edge *edge)
{
    if (!edge)
        return;
    loop_timer_cancel(&edge->second);
    board_deinit(&edge->board);
    http_server_destroy(edge->server);
    pages_deinit(&edge->pages);
    viewers_deinit(&edge->viewers);
    mem_free(edge);
}

struct loop *edge_loop(const struct edge *edge)
{
    return edge->loop;
}
