/*
 * http_demo - a server with a few routes, for trying real clients (curl, h2load, wrk, browsers)
 * against src/http. Prints its port and serves until SIGTERM, then drains.
 *
 *     http_demo PORT [CERT KEY]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/writer.h"
#include "http/http.h"
#include "loop/loop.h"
#include "net/net.h"

enum { MEDIA_LEN = 1024 * 1024, PLAYLIST_LEN = 1024, BIG_PLAYLIST_LINES = 200 };

static struct demo {
    struct loop *loop;
    struct http_server *server;
    struct http_asset *playlist;
    struct http_asset *text;
    struct http_asset *media;
    struct list waiting;
    struct list streams;
    struct loop_timer beat;
    volatile sig_atomic_t is_asked_to_stop;
    bool is_draining;
} demo;

static void on_cancel(struct http_request *req)
{
    (void)req; /* the server has unlinked it */
}

static void get_playlist(struct http_request *req)
{
    http_respond_asset(req, demo.playlist);
}

static void get_text(struct http_request *req)
{
    http_respond_asset(req, demo.text);
}

static void get_media(struct http_request *req)
{
    http_respond_asset(req, demo.media);
}

static void get_wait(struct http_request *req)
{
    list_push_back(&demo.waiting, &req->owner_node);
    http_suspend(req, on_cancel);
}

static void post_wake(struct http_request *req)
{
    LIST_FOR_EACH(node, &demo.waiting)
    http_respond_asset(CONTAINER_OF(node, struct http_request, owner_node), demo.playlist);
    http_respond_empty(req, 204);
}

static void post_echo(struct http_request *req)
{
    http_respond_text(req, 200, "application/octet-stream", http_body_text(req));
}

static void on_upload(struct http_request *req, struct text bytes, bool is_last)
{
    char text[32];

    req->owner = (void *)((uintptr_t)req->owner + bytes.len);
    if (is_last) {
        int len = snprintf(text, sizeof(text), "%zu\n", (size_t)(uintptr_t)req->owner);
        http_respond_text(req, 200, "text/plain", (struct text){text, (size_t)len});
    }
}

static void post_upload(struct http_request *req)
{
    http_read_body(req, on_upload, on_cancel);
}

static void get_events(struct http_request *req)
{
    list_push_back(&demo.streams, &req->owner_node);
    http_respond_stream(req, &(struct http_response){.content_type = "text/event-stream"},
                        on_cancel, NULL);
}

static void on_message(struct http_ws *ws, bool is_text, struct text message)
{
    (void)is_text;
    if (http_ws_send(ws, message) != OK)
        http_ws_close(ws, 1008, TEXT("too slow"));
}

static void on_closed(struct http_ws *ws, uint16_t code)
{
    (void)ws;
    (void)code;
}

static void get_ws(struct http_request *req)
{
    static const struct http_ws_handlers handlers = {.on_message = on_message,
                                                     .on_closed = on_closed};
    struct http_ws *ws;

    if (http_upgrade_websocket(req, &handlers, NULL, &ws) != OK)
        http_respond_problem(req, 426, TEXT("This is a WebSocket."));
}

static void get_stats(struct http_request *req)
{
    struct http_counters c = http_server_counters(demo.server);
    char text[512];
    int len = snprintf(text, sizeof(text),
                       "conns_open %llu\nconns_accepted %llu\nrefused %llu\ntimed_out %llu\n"
                       "suspended %llu\nh1 %llu\nh2 %llu\nmalformed %llu\ncancelled %llu\n",
                       (unsigned long long)c.conns_open, (unsigned long long)c.conns_accepted,
                       (unsigned long long)c.conns_refused, (unsigned long long)c.conns_timed_out,
                       (unsigned long long)c.requests_suspended, (unsigned long long)c.requests_h1,
                       (unsigned long long)c.requests_h2, (unsigned long long)c.malformed,
                       (unsigned long long)c.answers[0]);

    http_respond_text(req, 200, "text/plain", (struct text){text, (size_t)len});
}

static const struct http_route routes[] = {
    {HTTP_GET, "/hls/{channel}/index.m3u8", HTTP_ROUTE_CORS, 0, get_playlist, NULL},
    {HTTP_GET, "/hls/{channel}/{file}", HTTP_ROUTE_CORS | HTTP_ROUTE_MEDIA, 0, get_media, NULL},
    {HTTP_GET, "/text", 0, 0, get_text, NULL},
    {HTTP_GET, "/wait", 0, 0, get_wait, NULL},
    {HTTP_POST, "/wake", 0, 0, post_wake, NULL},
    {HTTP_POST, "/echo", HTTP_ROUTE_CORS, 1024 * 1024, post_echo, "application/octet-stream"},
    {HTTP_POST, "/upload", HTTP_ROUTE_STREAM_BODY, 1024 * 1024 * 1024, post_upload, NULL},
    {HTTP_GET, "/events", 0, 0, get_events, NULL},
    {HTTP_GET, "/ws", 0, 0, get_ws, NULL},
    {HTTP_GET, "/stats", 0, 0, get_stats, NULL},
};

static struct http_asset *make_asset(const char *type, struct buf *body, bool is_text)
{
    struct slice slice = slice_take(body);

    return http_asset_create(&(struct http_asset_params){.content_type = type,
                                                         .etag = TEXT("\"demo\""),
                                                         .body = &slice,
                                                         .body_count = 1,
                                                         .is_compressible = is_text});
}

static struct buf *make_playlist(size_t lines)
{
    struct writer w = writer_growing(lines * 64 + 64);

    writer_str(&w, "#EXTM3U\n");
    for (size_t i = 0; i < lines; i++)
        writer_printf(&w, "#EXT-X-PART:DURATION=0.2,URI=\"part-%06zu.m4s\"\n", i);
    struct buf *buf = writer_copy_buf(&w);
    writer_deinit(&w);
    return buf;
}

static void on_drained(void *owner)
{
    (void)owner;
    loop_stop(demo.loop);
}

/* What only we can end, we end; the server does the rest. */
static void drain(void)
{
    demo.is_draining = true;
    http_server_drain(demo.server, on_drained);
    LIST_FOR_EACH(node, &demo.waiting)
    {
        http_respond_problem(CONTAINER_OF(node, struct http_request, owner_node), 503,
                             TEXT("The server is going down."));
    }
    LIST_FOR_EACH(node, &demo.streams)
    {
        http_stream_end(CONTAINER_OF(node, struct http_request, owner_node));
    }
}

static void on_beat(struct loop_timer *timer)
{
    loop_timer_set(demo.loop, timer, loop_now_us(demo.loop) + 100000, on_beat);
    if (demo.is_asked_to_stop && !demo.is_draining)
        drain();
    LIST_FOR_EACH(node, &demo.streams)
    {
        struct http_request *req = CONTAINER_OF(node, struct http_request, owner_node);
        struct slice event = slice_take(buf_from_text(TEXT("data: beat\n\n")));

        if (http_stream_write(req, &event, 1) != OK)
            http_stream_abort(req);
    }
}

static void on_signal(int number)
{
    (void)number;
    demo.is_asked_to_stop = 1;
}

static void serve(uint16_t port, struct tls_context *tls)
{
    static const struct http_server_params template = {
        .routes = routes, .routes_count = sizeof(routes) / sizeof(routes[0])};
    struct http_server_params params = template;
    struct diag diag = {0};
    struct net_address address;
    struct net_address bound;

    params.loop = demo.loop;
    params.config = http_config_default();
    if (net_parse_ip(TEXT("127.0.0.1"), port, &address) != OK ||
        http_server_create(&params, &diag, &demo.server) != OK ||
        http_server_listen(demo.server, &address, NULL, &diag, &bound) != OK) {
        fprintf(stderr, "%s\n", diag.message);
        exit(1);
    }
    printf("http %u\n", net_port(&bound));
    net_set_port(&address, (uint16_t)(port ? port + 1 : 0));
    if (tls && http_server_listen(demo.server, &address, tls, &diag, &bound) == OK)
        printf("https %u\n", net_port(&bound));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct tls_context *tls = NULL;
    struct diag diag = {0};
    uint64_t port = 0;

    signal(SIGTERM, on_signal);
    list_init(&demo.waiting);
    list_init(&demo.streams);
    if (loop_create("http_demo", &demo.loop) != OK)
        return 1;
    if (argc > 3 && tls_context_create(argv[2], argv[3], TEXT("\x02h2\x08http/1.1"), &diag, &tls)) {
        fprintf(stderr, "%s\n", diag.message);
        return 1;
    }
    demo.playlist =
        make_asset("application/vnd.apple.mpegurl", make_playlist(PLAYLIST_LEN / 50), false);
    demo.text = make_asset("text/plain", make_playlist(BIG_PLAYLIST_LINES), true);
    demo.media = make_asset("video/mp4", buf_create(MEDIA_LEN), false);
    if (argc > 1 && !text_parse_u64(text_of(argv[1]), UINT16_MAX, &port))
        return 1;
    serve((uint16_t)port, tls);
    loop_timer_set(demo.loop, &demo.beat, loop_now_us(demo.loop), on_beat);
    loop_run(demo.loop);

    loop_timer_cancel(&demo.beat);
    http_server_destroy(demo.server);
    http_asset_unref(demo.playlist);
    http_asset_unref(demo.text);
    http_asset_unref(demo.media);
    loop_destroy(demo.loop);
    tls_context_destroy(tls);
    return 0;
}
