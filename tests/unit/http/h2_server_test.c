/*
 * The server over HTTP/2 with prior knowledge, against a client session of nghttp2.
 */
#include <nghttp2/nghttp2.h>
#include <string.h>

#include "base/mem.h"
#include "support/http_pipe.h"
#include "support/test.h"

enum { STREAMS = 64 };

/* What the client saw of one stream. */
struct seen {
    char status[4];
    char etag[64];
    char type[64];
    struct writer body;
    bool is_closed;
    uint32_t code;
    int order; /* of closing */
};

static struct {
    struct http_pipe pipe;
    nghttp2_session *client;
    struct seen seen[2 * STREAMS];
    int closed_count;
    bool has_goaway;
    uint32_t goaway_code;
    struct text upload;
    struct list waiting;
    size_t cancelled;
    size_t body_len;
    bool got_last;
    struct http_request *held;
    struct http_asset *media;
    struct http_asset *playlist;
} T;

/* ---- Handlers ---- */

static void on_cancel(struct http_request *req)
{
    (void)req;
    T.cancelled++;
}

static void get_playlist(struct http_request *req)
{
    http_respond_asset(req, T.playlist);
}

static void get_media(struct http_request *req)
{
    http_respond_asset(req, T.media);
}

static void get_wait(struct http_request *req)
{
    list_push_back(&T.waiting, &req->owner_node);
    http_suspend(req, on_cancel);
}

static void post_echo(struct http_request *req)
{
    http_respond_text(req, 200, "text/plain", http_body_text(req));
}

static void on_body(struct http_request *req, struct text bytes, bool is_last)
{
    T.body_len += bytes.len;
    T.got_last = is_last;
    if (is_last)
        http_respond_empty(req, 204);
}

static void post_upload(struct http_request *req)
{
    T.held = req;
    http_read_body(req, on_body, on_cancel);
}

static void get_stream(struct http_request *req)
{
    T.held = req;
    http_respond_stream(req, &(struct http_response){.content_type = "text/event-stream"},
                        on_cancel, NULL);
}

static void get_ws(struct http_request *req)
{
    static const struct http_ws_handlers handlers = {0};
    struct http_ws *ws;

    assert_err(http_upgrade_websocket(req, &handlers, NULL, &ws), ERR_UNSUPPORTED);
    http_respond_problem(req, 426, (struct text){0});
}

static const struct http_route routes[] = {
    {HTTP_GET, "/playlist", 0, 0, get_playlist, NULL},
    {HTTP_GET, "/media", HTTP_ROUTE_MEDIA, 0, get_media, NULL},
    {HTTP_GET, "/wait", 0, 0, get_wait, NULL},
    {HTTP_POST, "/echo", 0, 1000, post_echo, NULL},
    {HTTP_POST, "/upload", HTTP_ROUTE_STREAM_BODY, 1 << 20, post_upload, NULL},
    {HTTP_GET, "/stream", 0, 0, get_stream, NULL},
    {HTTP_GET, "/ws", 0, 0, get_ws, NULL},
};

/* ---- The client ---- */

static void copy_text(char *to, size_t cap, const uint8_t *bytes, size_t len)
{
    assert_true(len < cap);
    memcpy(to, bytes, len);
    to[len] = 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx)
{
    struct seen *seen = &T.seen[frame->hd.stream_id];
    struct text text = {(const char *)name, name_len};

    (void)ng, (void)flags, (void)ctx;
    if (text_equal(text, TEXT(":status")))
        copy_text(seen->status, sizeof(seen->status), value, value_len);
    else if (text_equal(text, TEXT("etag")))
        copy_text(seen->etag, sizeof(seen->etag), value, value_len);
    else if (text_equal(text, TEXT("content-type")))
        copy_text(seen->type, sizeof(seen->type), value, value_len);
    return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len,
                   void *ctx)
{
    (void)ng, (void)flags, (void)ctx;
    writer_bytes(&T.seen[id].body, bytes, len);
    return 0;
}

static int on_close(nghttp2_session *ng, int32_t id, uint32_t code, void *ctx)
{
    (void)ng, (void)ctx;
    T.seen[id].is_closed = true;
    T.seen[id].code = code;
    T.seen[id].order = ++T.closed_count;
    return 0;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *ctx)
{
    (void)ng, (void)ctx;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        T.has_goaway = true;
        T.goaway_code = frame->goaway.error_code;
    }
    return 0;
}

static ssize_t read_upload(nghttp2_session *ng, int32_t id, uint8_t *to, size_t len,
                           uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    (void)ng, (void)id, (void)source, (void)ctx;
    struct text part = text_sub(T.upload, 0, len);

    if (part.len)
        memcpy(to, part.ptr, part.len);
    T.upload = text_sub(T.upload, part.len, T.upload.len);
    if (T.upload.len == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)part.len;
}

/* Carries bytes both ways until nothing moves. */
static void exchange(void)
{
    for (int i = 0; i < 10000; i++) {
        const uint8_t *bytes;
        ssize_t len = nghttp2_session_mem_send(T.client, &bytes);

        assert_true(len >= 0);
        if (len)
            http_pipe_send_bytes(&T.pipe.end, bytes, (size_t)len);
        struct text output = http_pipe_output(&T.pipe);
        if (output.len)
            assert_int_equal(
                nghttp2_session_mem_recv(T.client, (const uint8_t *)output.ptr, output.len),
                output.len);
        if (len == 0 && output.len == 0)
            return;
    }
    fail();
}

static struct http_asset *make_asset(size_t len, bool is_text)
{
    struct slice slice = slice_take(buf_create(len));

    memset(slice.buf->data, 'm', len);
    return http_asset_create(&(struct http_asset_params){.content_type = "video/mp4",
                                                         .etag = TEXT("\"e\""),
                                                         .body = &slice,
                                                         .body_count = 1,
                                                         .is_compressible = is_text});
}

static void open_client(const struct http_config *config)
{
    nghttp2_session_callbacks *callbacks;

    memset(&T, 0, sizeof(T));
    list_init(&T.waiting);
    T.media = make_asset(200000, false);
    T.playlist = make_asset(1000, true);
    for (size_t i = 0; i < 2 * STREAMS; i++)
        T.seen[i].body = writer_growing(1 << 24);
    http_pipe_open(&T.pipe, routes, sizeof(routes) / sizeof(routes[0]), config);
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_client_new(&T.client, callbacks, NULL);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(T.client, NGHTTP2_FLAG_NONE, NULL, 0);
}

static void close_client(void)
{
    nghttp2_session_del(T.client);
    http_pipe_close(&T.pipe);
    http_asset_unref(T.media);
    http_asset_unref(T.playlist);
    for (size_t i = 0; i < 2 * STREAMS; i++)
        writer_deinit(&T.seen[i].body);
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

static int32_t request(const char *method, const char *path, const char *name, const char *value,
                       bool has_body)
{
    nghttp2_nv fields[] = {field(":method", method), field(":scheme", "http"),
                           field(":authority", "a.example"), field(":path", path),
                           field(name ? name : "accept", value ? value : "*/*")};
    nghttp2_data_provider provider = {{0}, read_upload};

    return nghttp2_submit_request(T.client, NULL, fields, 5, has_body ? &provider : NULL, NULL);
}

static int32_t get(const char *path)
{
    return request("GET", path, NULL, NULL, false);
}

/* ---- Tests ---- */

static void answers_come_on_their_streams(void **state)
{
    (void)state;
    open_client(NULL);
    int32_t a = get("/playlist");
    int32_t b = get("/none");
    int32_t c = get("/media");
    int32_t d = request("HEAD", "/media", NULL, NULL, false);
    exchange();
    assert_string_equal(T.seen[a].status, "200");
    assert_string_equal(T.seen[a].etag, "\"e\"");
    assert_int_equal(T.seen[a].body.len, 1000);
    assert_string_equal(T.seen[b].status, "404");
    assert_string_equal(T.seen[b].type, "application/problem+json");
    assert_int_equal(T.seen[c].body.len, 200000);
    assert_string_equal(T.seen[d].status, "200");
    assert_int_equal(T.seen[d].body.len, 0);
    assert_true(T.seen[d].is_closed);
    assert_int_equal(http_server_counters(T.pipe.server).requests_h2, 4);
    close_client();
}

static void any_split_of_the_input_gives_the_same_answers(void **state)
{
    (void)state;
    for (size_t step = 1; step < 40; step += 3) {
        const uint8_t *bytes;
        ssize_t len;

        open_client(NULL);
        int32_t id = request("GET", "/playlist", "if-none-match", "\"e\"", false);
        while ((len = nghttp2_session_mem_send(T.client, &bytes)) > 0)
            for (size_t at = 0; at < (size_t)len; at += step)
                http_pipe_send_bytes(&T.pipe.end, bytes + at,
                                     (size_t)len - at < step ? (size_t)len - at : step);
        exchange();
        assert_string_equal(T.seen[id].status, "304");
        close_client();
    }
}

static void compressed_and_partial_answers_work(void **state)
{
    (void)state;
    open_client(NULL);
    int32_t a = request("GET", "/playlist", "accept-encoding", "gzip", false);
    int32_t b = request("GET", "/media", "range", "bytes=10-19", false);
    exchange();
    assert_string_equal(T.seen[a].etag, "W/\"e\"");
    assert_true(T.seen[a].body.len < 100);
    assert_string_equal(T.seen[b].status, "206");
    assert_int_equal(T.seen[b].body.len, 10);
    close_client();
}

static void waiting_streams_are_answered_in_one_walk(void **state)
{
    (void)state;
    open_client(NULL);
    for (int i = 0; i < 20; i++)
        get("/wait");
    exchange();
    assert_int_equal(T.closed_count, 0);
    assert_int_equal(http_server_counters(T.pipe.server).requests_suspended, 20);
    assert_text(CONTAINER_OF(list_first(&T.waiting), struct http_request, owner_node)->host,
                "a.example");
    LIST_FOR_EACH(node, &T.waiting)
    {
        http_respond_asset(CONTAINER_OF(node, struct http_request, owner_node), T.playlist);
    }
    http_core_run(T.pipe.server);
    exchange();
    assert_int_equal(T.closed_count, 20);
    assert_int_equal(http_server_counters(T.pipe.server).requests_suspended, 0);
    close_client();
}

static void a_reset_stream_cancels_its_request_only(void **state)
{
    (void)state;
    open_client(NULL);
    int32_t a = get("/wait");
    get("/wait");
    exchange();
    nghttp2_submit_rst_stream(T.client, NGHTTP2_FLAG_NONE, a, NGHTTP2_CANCEL);
    exchange();
    assert_int_equal(T.cancelled, 1);
    assert_false(list_is_empty(&T.waiting));
    http_pipe_send_fin(&T.pipe.end);
    assert_int_equal(T.cancelled, 2);
    assert_true(T.pipe.end.is_closed);
    close_client();
}

static void bodies_are_collected_up_to_the_limit(void **state)
{
    (void)state;
    static char bytes[1001];

    memset(bytes, 'u', sizeof(bytes));
    for (size_t len = 0; len <= 1001; len += 143) {
        open_client(NULL);
        T.upload = (struct text){bytes, len};
        int32_t id = request("POST", "/echo", NULL, NULL, true);
        exchange();
        assert_string_equal(T.seen[id].status, len > 1000 ? "413" : "200");
        if (len <= 1000)
            assert_int_equal(T.seen[id].body.len, len);
        close_client();
    }
}

static void an_announced_body_over_the_limit_is_refused_at_once(void **state)
{
    (void)state;
    open_client(NULL);
    int32_t id = request("POST", "/echo", "content-length", "1001", true);
    T.upload = TEXT("x");
    exchange();
    assert_string_equal(T.seen[id].status, "413");
    close_client();
}

static void a_streamed_body_flows_and_can_be_paused(void **state)
{
    (void)state;
    static char bytes[300000];

    open_client(NULL);
    T.upload = (struct text){bytes, 10000};
    int32_t a = request("POST", "/upload", NULL, NULL, true);
    exchange();
    assert_int_equal(T.body_len, 10000);
    assert_true(T.got_last);
    assert_string_equal(T.seen[a].status, "204");

    T.body_len = 0;
    T.got_last = false;
    T.upload = (struct text){bytes, sizeof(bytes)};
    int32_t b = request("POST", "/upload", NULL, NULL, true);
    /* Only the head, then pause: at most a window of body may follow. */
    const uint8_t *out;
    ssize_t len = nghttp2_session_mem_send(T.client, &out);
    http_pipe_send_bytes(&T.pipe.end, out, (size_t)len);
    http_body_pause(T.held);
    exchange();
    assert_int_equal(T.body_len, 0);
    assert_true(T.upload.len >= sizeof(bytes) - 65535);
    http_body_resume(T.held);
    http_core_run(T.pipe.server);
    exchange();
    assert_int_equal(T.body_len, sizeof(bytes));
    assert_string_equal(T.seen[b].status, "204");
    close_client();
}

static void streams_are_written_piece_by_piece(void **state)
{
    (void)state;
    open_client(NULL);
    int32_t id = get("/stream");
    exchange();
    assert_string_equal(T.seen[id].status, "200");
    for (int i = 0; i < 3; i++) {
        struct slice event = slice_take(buf_from_text(TEXT("data: x\n\n")));

        assert_ok(http_stream_write(T.held, &event, 1));
        http_core_run(T.pipe.server);
        exchange();
        assert_int_equal(T.seen[id].body.len, 9 * (i + 1));
    }
    http_stream_end(T.held);
    http_core_run(T.pipe.server);
    exchange();
    assert_true(T.seen[id].is_closed);
    assert_int_equal(T.seen[id].code, NGHTTP2_NO_ERROR);
    close_client();
}

static void a_stream_tells_what_the_clients_window_holds_back(void **state)
{
    (void)state;
    enum { LEN = 100000, WINDOW = 65535 };
    struct slice slice = slice_take(buf_create(LEN));

    memset(slice.buf->data, 'x', LEN);
    open_client(NULL);
    int32_t id = get("/stream");
    exchange();
    assert_ok(http_stream_write(T.held, &slice, 1));
    http_core_run(T.pipe.server);
    assert_int_equal(http_stream_queued_len(T.held), LEN - WINDOW);
    assert_int_equal(http_stream_taken_len(T.held), WINDOW);
    exchange();
    assert_int_equal(T.seen[id].body.len, LEN);
    assert_int_equal(http_stream_queued_len(T.held), 0);
    assert_int_equal(http_stream_taken_len(T.held), LEN);
    close_client();
}

static void an_aborted_stream_is_reset(void **state)
{
    (void)state;
    open_client(NULL);
    int32_t id = get("/stream");
    exchange();
    http_stream_abort(T.held);
    http_core_run(T.pipe.server);
    exchange();
    assert_true(T.seen[id].is_closed);
    assert_int_equal(T.seen[id].code, NGHTTP2_INTERNAL_ERROR);
    close_client();
}

static void a_playlist_overtakes_media(void **state)
{
    (void)state;
    open_client(NULL);
    exchange();
    T.pipe.end.is_blocked = true;
    int32_t media[4];
    for (int i = 0; i < 4; i++)
        media[i] = get("/media");
    int32_t playlist = get("/playlist");
    exchange();
    http_pipe_unblock(&T.pipe.end);
    exchange();
    for (int i = 0; i < 4; i++) {
        assert_int_equal(T.seen[media[i]].body.len, 200000);
        assert_true(T.seen[playlist].order < T.seen[media[i]].order);
    }
    close_client();
}

static void heads_over_the_limit_get_431(void **state)
{
    (void)state;
    static char value[30000];

    memset(value, 'v', sizeof(value) - 1);
    open_client(NULL);
    int32_t id = request("GET", "/playlist", "x-big", value, false);
    int32_t other = get("/playlist");
    exchange();
    assert_string_equal(T.seen[id].status, "431");
    assert_string_equal(T.seen[other].status, "200");
    close_client();
}

static void escaping_paths_are_refused(void **state)
{
    (void)state;
    open_client(NULL);
    int32_t a = get("/../etc/passwd");
    int32_t b = get("/a%00");
    exchange();
    assert_string_equal(T.seen[a].status, "400");
    assert_string_equal(T.seen[b].status, "400");
    close_client();
}

static void a_flood_of_resets_is_cut_off(void **state)
{
    (void)state;
    open_client(NULL);
    exchange();
    for (int i = 0; i < 3000 && !T.has_goaway; i++) {
        nghttp2_submit_ping(T.client, NGHTTP2_FLAG_NONE, NULL);
        exchange();
    }
    assert_true(T.has_goaway);
    assert_int_equal(T.goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
    close_client();
}

static void a_client_that_takes_nothing_is_cut(void **state)
{
    (void)state;
    open_client(NULL);
    nghttp2_settings_entry none = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    nghttp2_submit_settings(T.client, NGHTTP2_FLAG_NONE, &none, 1);
    get("/media");
    exchange();
    http_pipe_pass_ms(&T.pipe, 20001);
    assert_true(T.pipe.end.is_closed);
    close_client();
}

static void an_idle_connection_gets_goaway(void **state)
{
    (void)state;
    open_client(NULL);
    get("/playlist");
    exchange();
    http_pipe_pass_ms(&T.pipe, 65001);
    exchange();
    assert_true(T.has_goaway);
    assert_int_equal(T.goaway_code, NGHTTP2_NO_ERROR);
    assert_true(T.pipe.end.is_closed);
    close_client();
}

static void draining_sends_goaway_and_finishes_streams(void **state)
{
    (void)state;
    open_client(NULL);
    int32_t id = get("/wait");
    exchange();
    http_core_drain(T.pipe.server, NULL);
    exchange();
    assert_true(T.has_goaway);
    assert_false(T.pipe.end.is_closed);
    http_respond_asset(CONTAINER_OF(list_first(&T.waiting), struct http_request, owner_node),
                       T.playlist);
    http_core_run(T.pipe.server);
    http_core_run(T.pipe.server); /* what the first turn put off */
    exchange();
    assert_string_equal(T.seen[id].status, "200");
    assert_true(T.pipe.end.is_closed);
    close_client();
}

static void websockets_are_not_offered(void **state)
{
    (void)state;
    open_client(NULL);
    int32_t id = get("/ws");
    exchange();
    assert_string_equal(T.seen[id].status, "426");
    close_client();
}

static void garbage_behind_the_preface_ends_the_connection(void **state)
{
    (void)state;
    open_client(NULL);
    http_pipe_send(&T.pipe, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    (void)http_pipe_output(&T.pipe);
    assert_true(T.pipe.end.is_closed);
    close_client();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(answers_come_on_their_streams),
        TEST_CASE(any_split_of_the_input_gives_the_same_answers),
        TEST_CASE(compressed_and_partial_answers_work),
        TEST_CASE(waiting_streams_are_answered_in_one_walk),
        TEST_CASE(a_reset_stream_cancels_its_request_only),
        TEST_CASE(bodies_are_collected_up_to_the_limit),
        TEST_CASE(an_announced_body_over_the_limit_is_refused_at_once),
        TEST_CASE(a_streamed_body_flows_and_can_be_paused),
        TEST_CASE(streams_are_written_piece_by_piece),
        TEST_CASE(a_stream_tells_what_the_clients_window_holds_back),
        TEST_CASE(an_aborted_stream_is_reset),
        TEST_CASE(a_playlist_overtakes_media),
        TEST_CASE(heads_over_the_limit_get_431),
        TEST_CASE(escaping_paths_are_refused),
        TEST_CASE(a_flood_of_resets_is_cut_off),
        TEST_CASE(a_client_that_takes_nothing_is_cut),
        TEST_CASE(an_idle_connection_gets_goaway),
        TEST_CASE(draining_sends_goaway_and_finishes_streams),
        TEST_CASE(websockets_are_not_offered),
        TEST_CASE(garbage_behind_the_preface_ends_the_connection),
    };

    return RUN_TESTS("http_h2_server", tests);
}
