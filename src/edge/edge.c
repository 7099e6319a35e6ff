#include "edge/edge.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "edge/call.h"
#include "edge/edge_private.h"
#include "edge/events.h"
#include "edge/trpc_push.h"

static const int64_t READY_HEARD_US = 5 * US_PER_S;

/* ---- /hls ---- */

static bool parse_id(struct text text, uint64_t *ret_id)
{
    return text_parse_u64(text, INT64_MAX, ret_id) && *ret_id != 0;
}

static uint64_t viewer_key(const struct http_request *request)
{
    struct text agent = http_header(request, "user-agent");
    struct net_address client = call_client_address(request);

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

static void on_status(struct http_request *request)
{
    uint64_t channel_id;
    struct board_channel *channel = NULL;

    if (parse_id(request->params[0], &channel_id))
        channel = board_find(&edge_of(request)->board, channel_id);
    struct http_asset *status = channel ? board_status(channel) : NULL;
    if (status)
        http_respond_asset(request, status);
    else
        call_send_api(request); /* it says what is wrong */
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
    call_send(request, EDGE_CALL_WHIP_POST, &extra);
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
    call_send(request, EDGE_CALL_WHIP_PATCH, &extra);
}

static void on_whip_delete(struct http_request *request)
{
    struct edge_call extra = {.secret = request->params[1], .bearer = http_bearer(request)};

    if (parse_whip(request, &extra))
        call_send(request, EDGE_CALL_WHIP_DELETE, &extra);
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

static void on_metrics(struct http_request *request)
{
    call_send(request, EDGE_CALL_METRICS, NULL);
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

static void on_recording(struct http_request *request)
{
    recordings_serve(edge_of(request)->recordings, request);
}

/* ---- the route table ---- */

enum { SDP_LEN_MAX = 64 * 1024 };

/* clang-format off */
static const struct http_route routes[] = {
    /* methods                                  pattern                             flags            body           handler */
    {HTTP_GET,                                  "/hls/{channel}/{file}",            HTTP_ROUTE_CORS, 0,             on_hls, NULL},
    {HTTP_GET,                                  "/api/v1/channels/{channel}/status", HTTP_ROUTE_CORS, 0,            on_status, NULL},
    {HTTP_GET,                                  "/api/v1/events",                   HTTP_ROUTE_CORS, 0,             events_on_get, NULL},
    {HTTP_POST,                                 "/api/v1/upload-test",              HTTP_ROUTE_STREAM_BODY, UPLOAD_TEST_LEN_MAX, on_upload_test, NULL},
    {HTTP_GET | HTTP_POST | HTTP_PUT | HTTP_PATCH | HTTP_DELETE,
                                                "/api/v1/{rest...}",                HTTP_ROUTE_CORS, API_BODY_LEN_MAX, call_send_api, NULL},
    {HTTP_GET,                                  "/trpc",                            HTTP_ROUTE_CORS, 0,             trpc_on_socket, NULL},
    {HTTP_GET,                                  "/trpc/",                           HTTP_ROUTE_CORS, 0,             trpc_on_socket, NULL},
    {HTTP_GET,                                  "/trpc/channel.onStatus",           HTTP_ROUTE_CORS, 0,             trpc_on_stream, NULL},
    {HTTP_GET,                                  "/trpc/events.subscribe",           HTTP_ROUTE_CORS, 0,             trpc_on_stream, NULL},
    {HTTP_GET | HTTP_HEAD | HTTP_POST | HTTP_PUT | HTTP_PATCH | HTTP_DELETE,
                                                "/trpc/{rest...}",                  HTTP_ROUTE_CORS, API_BODY_LEN_MAX, call_send_api, NULL},
    {HTTP_POST,                                 "/whip/{channel}",                  HTTP_ROUTE_CORS, SDP_LEN_MAX,   on_whip_post, "application/sdp"},
    {HTTP_GET,                                  "/whip/{channel}",                  HTTP_ROUTE_CORS, 0,             on_whip_get, NULL},
    {HTTP_PATCH,                                "/whip/{channel}/{secret}",         HTTP_ROUTE_CORS, SDP_LEN_MAX,   on_whip_patch, NULL},
    {HTTP_DELETE,                               "/whip/{channel}/{secret}",         HTTP_ROUTE_CORS, 0,             on_whip_delete, NULL},
    {HTTP_GET,                                  "/whip/{channel}/{secret}",         HTTP_ROUTE_CORS, 0,             on_whip_get, NULL},
    {HTTP_GET,                                  "/recordings/{channel}/{broadcast}/{file}",
                                                                                    HTTP_ROUTE_CORS | HTTP_ROUTE_MEDIA, 0, on_recording, NULL},
    {HTTP_GET,                                  "/healthz",                         0,               0,             on_healthz, NULL},
    {HTTP_GET,                                  "/readyz",                          0,               0,             on_readyz, NULL},
    {HTTP_GET,                                  "/metrics",                         0,               0,             on_metrics, NULL},
    {HTTP_GET,                                  "/embed/{rest...}",                 HTTP_ROUTE_CORS, 0,             on_page, NULL},
    {HTTP_GET,                                  "/assets/{rest...}",                HTTP_ROUTE_CORS, 0,             on_page, NULL},
    {HTTP_GET,                                  "/{rest...}",                       0,               0,             on_page, NULL},
};
/* clang-format on */

/* ---- push ---- */

static void run_push(struct loop_idle *idle)
{
    struct edge *edge = CONTAINER_OF(idle, struct edge, push_idle);

    if (push_run(&edge->push, loop_now_us(edge->loop)))
        loop_idle_add(edge->loop, idle, run_push);
}

void edge_run_push(struct edge *edge)
{
    loop_idle_add(edge->loop, &edge->push_idle, run_push);
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
    report->push = edge->push.counters;
    board_expire(&edge->board, now_us);
    push_on_second(&edge->push, now_us);
    edge_run_push(edge);
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
    push_hub_init(&edge->push, config->push_epoch, &config->push);
    list_init(&edge->trpc_sockets);
    loop_idle_init(&edge->push_idle);
    pages_init(&edge->pages, text_of(config->media_urls));
    edge->recordings = recordings_create(loop, config->files, config->recordings);
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
    trpc_drain_sockets(edge); /* before their connections are closed */
    http_server_drain(edge->server, on_server_drained);
    push_drain(&edge->push);
}

void edge_destroy(struct edge *edge)
{
    if (!edge)
        return;
    loop_timer_cancel(&edge->second);
    board_deinit(&edge->board);
    http_server_destroy(edge->server);
    recordings_destroy(edge->recordings);
    loop_idle_cancel(&edge->push_idle);
    push_hub_deinit(&edge->push);
    pages_deinit(&edge->pages);
    viewers_deinit(&edge->viewers);
    mem_free(edge);
}

struct loop *edge_loop(const struct edge *edge)
{
    return edge->loop;
}
