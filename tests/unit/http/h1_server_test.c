/*
 * The server over HTTP/1.1, without sockets: requests in, answers out, time as a value.
 */
#include <string.h>

#include "base/mem.h"
#include "support/http_pipe.h"
#include "support/test.h"

#define DATE "Date: Sat, 21 Nov 2026 08:40:00 GMT\r\n"

static struct state {
    struct http_asset *asset; /* 1,000 bytes in two slices */
    struct list waiting;
    struct http_request *stream;
    size_t cancelled;
    size_t drained;
    size_t body_len;
    bool got_last;
    char seen[256];
} S;

/* ---- Handlers ---- */

static void on_cancel(struct http_request *req)
{
    assert_false(list_node_is_linked(&req->owner_node));
    S.cancelled++;
}

static void get_hello(struct http_request *req)
{
    http_respond_text(req, 200, "text/plain", TEXT("hello"));
}

static void get_asset(struct http_request *req)
{
    http_respond_asset(req, S.asset);
}

static void get_wait(struct http_request *req)
{
    list_push_back(&S.waiting, &req->owner_node);
    http_suspend(req, on_cancel);
}

static void get_nothing(struct http_request *req)
{
    (void)req;
}

static void get_see(struct http_request *req)
{
    struct writer w = writer_fixed(S.seen, sizeof(S.seen));

    writer_text(&w, req->path);
    writer_char(&w, '|');
    writer_text(&w, http_param(req, "name"));
    writer_char(&w, '|');
    writer_text(&w, req->query);
    writer_char(&w, '|');
    writer_text(&w, req->host);
    writer_char(&w, '|');
    writer_text(&w, http_header(req, "x-test"));
    writer_char(&w, '|');
    writer_text(&w, http_bearer(req));
    writer_char(&w, 0);
    http_respond_empty(req, 204);
}

static void post_echo(struct http_request *req)
{
    http_respond_text(req, 200, "application/octet-stream", http_body_text(req));
}

static void on_upload(struct http_request *req, struct text bytes, bool is_last)
{
    S.body_len += bytes.len;
    S.got_last = is_last;
    if (is_last)
        http_respond_empty(req, 204);
}

static void post_upload(struct http_request *req)
{
    http_read_body(req, on_upload, on_cancel);
    S.stream = req;
}

static void post_refuse(struct http_request *req)
{
    http_respond_problem(req, 403, TEXT("no"));
}

static void on_drain(struct http_request *req)
{
    (void)req;
    S.drained++;
}

static void get_stream(struct http_request *req)
{
    S.stream = req;
    http_respond_stream(req, &(struct http_response){.content_type = "text/event-stream"},
                        on_cancel, on_drain);
}

static void get_headers(struct http_request *req)
{
    struct http_header_line lines[] = {{"X-Evil", TEXT_INIT("a\r\nSet-Cookie: b")}};

    http_respond(req, &(struct http_response){.status = 201,
                                              .location = TEXT("/whip/1/2"),
                                              .headers = lines,
                                              .headers_count = 1});
}

static const struct http_route routes[] = {
    {HTTP_GET, "/hello", 0, 0, get_hello, NULL},
    {HTTP_GET, "/asset", HTTP_ROUTE_CORS, 0, get_asset, NULL},
    {HTTP_GET, "/wait", 0, 0, get_wait, NULL},
    {HTTP_GET, "/nothing", 0, 0, get_nothing, NULL},
    {HTTP_GET, "/see/{name}", 0, 0, get_see, NULL},
    {HTTP_POST, "/echo", HTTP_ROUTE_CORS, 100, post_echo, "application/sdp"},
    {HTTP_POST, "/upload", HTTP_ROUTE_STREAM_BODY, 1000, post_upload, NULL},
    {HTTP_POST, "/refuse", HTTP_ROUTE_STREAM_BODY, 1000, post_refuse, NULL},
    {HTTP_GET, "/stream", 0, 0, get_stream, NULL},
    {HTTP_GET, "/headers", 0, 0, get_headers, NULL},
};

/* ---- Fixture ---- */

static struct http_pipe P;

static void open_with(const struct http_config *config)
{
    struct slice slices[2] = {slice_take(buf_create(600)), slice_take(buf_create(400))};

    S = (struct state){0};
    list_init(&S.waiting);
    memset(slices[0].buf->data, 'a', 600);
    memset(slices[1].buf->data, 'b', 400);
    S.asset = http_asset_create(&(struct http_asset_params){.content_type = "video/mp4",
                                                            .cache_control = "max-age=5",
                                                            .etag = TEXT("\"v1\""),
                                                            .body = slices,
                                                            .body_count = 2});
    http_pipe_open(&P, routes, sizeof(routes) / sizeof(routes[0]), config);
}

static void open_pipe(void)
{
    open_with(NULL);
}

static void close_pipe(void)
{
    http_pipe_close(&P);
    http_asset_unref(S.asset);
}

static void assert_starts(struct text output, const char *wanted)
{
    assert_text(text_sub(output, 0, strlen(wanted)), wanted);
}

static void assert_contains(struct text output, const char *wanted)
{
    if (!text_contains(output, text_of(wanted)))
        fail_msg("no \"%s\" in:\n%.*s", wanted, TEXT_ARG(output));
}

static void assert_lacks(struct text output, const char *unwanted)
{
    if (text_contains(output, text_of(unwanted)))
        fail_msg("\"%s\" in:\n%.*s", unwanted, TEXT_ARG(output));
}

static size_t count_of(struct text output, const char *needle)
{
    size_t count = 0;

    for (size_t i = 0; i < output.len; i++)
        count += text_starts_with(text_sub(output, i, output.len), text_of(needle));
    return count;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- Answers ---- */

static void a_request_gets_its_answer_and_the_connection_stays(void **state)
{
    (void)state;
    open_pipe();
    for (int i = 0; i < 3; i++) {
        http_pipe_send(&P, GET("/hello"));
        assert_text(http_pipe_output(&P), "HTTP/1.1 200 OK\r\n"
                                          "Content-Type: text/plain\r\n"
                                          "Cache-Control: no-store\r\n"
                                          "Content-Length: 5\r\n" DATE "\r\n"
                                          "hello");
    }
    assert_false(P.end.is_closed);
    assert_int_equal(http_server_counters(P.server).requests_h1, 3);
    assert_int_equal(http_server_counters(P.server).answers[2], 3);
    close_pipe();
}

static void an_answer_is_the_same_at_any_split_of_the_request(void **state)
{
    (void)state;
    static const char request[] = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                                  "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                                  "\r\n2\r\nwo\r\n3\r\nrld\r\n0\r\n\r\n";

    for (size_t step = 1; step < sizeof(request); step++) {
        open_pipe();
        for (size_t at = 0; at < sizeof(request) - 1; at += step) {
            size_t left = sizeof(request) - 1 - at;

            http_pipe_send_bytes(&P.end, request + at, left < step ? left : step);
        }
        struct text output = http_pipe_output(&P);
        assert_int_equal(count_of(output, "HTTP/1.1 200 OK"), 2);
        assert_contains(output, "\r\n\r\nhelloHTTP");
        assert_true(text_ends_with(output, TEXT("\r\n\r\nworld")));
        close_pipe();
    }
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET("/wait") GET("/hello") GET("/none"));
    assert_int_equal(http_pipe_output(&P).len, 0);
    http_respond_text(CONTAINER_OF(list_first(&S.waiting), struct http_request, owner_node), 200,
                      "text/plain", TEXT("late"));
    http_core_run(P.server);
    struct text output = http_pipe_output(&P);
    assert_int_equal(count_of(output, "HTTP/1.1 "), 3);
    assert_contains(output, "lateHTTP/1.1 200 OK");
    assert_contains(output, "helloHTTP/1.1 404 Not Found");
    close_pipe();
}

static void too_much_pipelining_waits_in_the_clients_buffer(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET("/wait"));
    for (int i = 0; i < 1000; i++)
        http_pipe_send(&P, GET("/hello"));
    assert_true(P.end.is_paused);
    assert_true(P.end.conn->h1.pending_len < 8192);
    http_respond_empty(CONTAINER_OF(list_first(&S.waiting), struct http_request, owner_node), 204);
    http_core_run(P.server);
    assert_false(P.end.is_paused);
    http_pipe_send(&P, "");
    assert_int_equal(count_of(http_pipe_output(&P), "HTTP/1.1 200 OK"), 1000);
    close_pipe();
}

static void head_has_the_fields_of_get_and_no_body(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "HEAD /asset HTTP/1.1\r\nHost: a\r\n\r\n");
    struct text output = http_pipe_output(&P);
    assert_contains(output, "Content-Length: 1000\r\n");
    assert_true(text_ends_with(output, TEXT("\r\n\r\n")));
    http_pipe_send(&P, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    output = http_pipe_output(&P);
    assert_contains(output, "Content-Length: 5\r\n");
    assert_true(text_ends_with(output, TEXT("\r\n\r\n")));
    close_pipe();
}

static void http_1_0_is_served_and_closed_unless_asked_otherwise(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_contains(http_pipe_output(&P), "Connection: keep-alive\r\n");
    http_pipe_send(&P, "GET /hello HTTP/1.0\r\n\r\n");
    assert_contains(http_pipe_output(&P), "Connection: close\r\n");
    assert_true(P.end.is_closed);
    close_pipe();
}

static void connection_close_is_obeyed_after_the_answer_is_out(void **state)
{
    (void)state;
    open_pipe();
    P.end.is_blocked = true;
    http_pipe_send(&P, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/none"));
    assert_false(P.end.is_closed);
    http_pipe_unblock(&P.end);
    struct text output = http_pipe_output(&P);
    assert_true(text_ends_with(output, TEXT("hello"))); /* what followed is not answered */
    assert_true(P.end.is_closed);
    close_pipe();
}

static void texts_of_a_request_reach_the_handler(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "GET /see/%41b?x=%20 HTTP/1.1\r\nHost: h.example\r\nX-TEST:  v \r\n"
                       "Authorization: bearer  t0k\r\n\r\n");
    assert_string_equal(S.seen, "/see/Ab|Ab|x=%20|h.example|v|t0k");
    close_pipe();
}

static void a_handler_that_forgets_to_answer_gives_500(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET("/nothing"));
    assert_starts(http_pipe_output(&P), "HTTP/1.1 500 Internal Server Error\r\n");
    close_pipe();
}

static void values_of_an_owner_cannot_split_the_answer(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET("/headers"));
    struct text output = http_pipe_output(&P);
    assert_contains(output, "HTTP/1.1 201 Created\r\nLocation: /whip/1/2\r\n");
    assert_contains(output, "X-Evil: a  Set-Cookie: b\r\n");
    close_pipe();
}

/* ---- Errors ---- */

static void errors_of_the_server_are_problem_details(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        const char *status;
        bool closes;
    } cases[] = {
        {GET("/none"), "404 Not Found", false},
        {GET("/../x"), "400 Bad Request", false},
        {GET("/a%00"), "400 Bad Request", false},
        {"PUT /hello HTTP/1.1\r\nHost: a\r\n\r\n", "405 Method Not Allowed", false},
        {"BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", "501 Not Implemented", false},
        {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported", true},
        {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request", true},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", "413 Content Too Large",
         true},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
         "400 Bad Request", true},
        {"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "403 Forbidden", true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_pipe();
        http_pipe_send(&P, cases[i].request);
        struct text output = http_pipe_output(&P);
        assert_contains(output, cases[i].status);
        assert_contains(output, "Content-Type: application/problem+json\r\n");
        assert_contains(output, "{\"type\":\"about:blank\",\"title\":\"");
        assert_int_equal(count_of(output, "HTTP/1.1 "), 1);
        assert_int_equal(P.end.is_shut_down, cases[i].closes);
        assert_int_equal(count_of(output, "Connection: close"), cases[i].closes);
        close_pipe();
    }
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_contains(http_pipe_output(&P), "Allow: GET, HEAD, OPTIONS\r\n");
    close_pipe();
}

static void input_after_a_refusal_is_discarded_until_the_linger_ends(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
    assert_contains(http_pipe_output(&P), "413");
    for (int i = 0; i < 100; i++)
        http_pipe_send(&P, GET("/hello"));
    assert_int_equal(http_pipe_output(&P).len, 0);
    assert_false(P.end.is_closed);
    http_pipe_pass_ms(&P, 2001);
    assert_true(P.end.is_closed);
    close_pipe();
}

/* ---- Bodies of requests ---- */

static void expect_continue_is_answered_before_the_body(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                       "Expect: 100-continue\r\n\r\n");
    assert_text(http_pipe_output(&P), "HTTP/1.1 100 Continue\r\n\r\n");
    http_pipe_send(&P, "he");
    http_pipe_send(&P, "llo");
    assert_starts(http_pipe_output(&P), "HTTP/1.1 200 OK\r\n");
    http_pipe_send(&P, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n"
                       "Expect: 100-continue\r\n\r\n");
    assert_starts(http_pipe_output(&P), "HTTP/1.1 413 ");
    close_pipe();
}

static void a_chunked_body_over_the_limit_is_refused(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 10; i++)
        http_pipe_send(&P, "a\r\n0123456789\r\n");
    assert_int_equal(http_pipe_output(&P).len, 0);
    http_pipe_send(&P, "1\r\nx\r\n");
    assert_starts(http_pipe_output(&P), "HTTP/1.1 413 ");
    close_pipe();
}

static void a_streamed_body_comes_in_pieces(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
    assert_int_equal(S.body_len, 5);
    assert_false(S.got_last);
    http_pipe_send(&P, "56789" GET("/hello"));
    assert_int_equal(S.body_len, 10);
    assert_true(S.got_last);
    struct text output = http_pipe_output(&P);
    assert_starts(output, "HTTP/1.1 204 No Content\r\n");
    assert_lacks(text_sub(output, 0, 60), "Content-Length");
    assert_int_equal(count_of(output, "HTTP/1.1 200 OK"), 1);
    close_pipe();
}

static void a_streamed_body_over_the_limit_tells_the_owner_and_the_client(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 70; i++)
        http_pipe_send(&P, "f\r\n0123456789abcde\r\n");
    assert_int_equal(S.cancelled, 1);
    assert_starts(http_pipe_output(&P), "HTTP/1.1 413 ");
    close_pipe();
}

static void a_paused_body_waits_in_the_clients_buffer(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0");
    http_body_pause(S.stream);
    assert_true(P.end.is_paused);
    http_pipe_send(&P, "123456789");
    assert_int_equal(S.body_len, 1);
    http_body_resume(S.stream);
    http_core_run(P.server);
    assert_false(P.end.is_paused);
    http_pipe_send(&P, "");
    assert_int_equal(S.body_len, 10);
    close_pipe();
}

/* ---- Waiting requests ---- */

static void a_waiting_request_keeps_its_texts(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "GET /wait?_HLS_msn=7 HTTP/1.1\r\nHost: h\r\nX-Test: kept\r\n\r\n");
    memset(P.server->in, 'x', HTTP_IN_LEN);
    struct http_request *req =
        CONTAINER_OF(list_first(&S.waiting), struct http_request, owner_node);
    assert_text(req->path, "/wait");
    assert_text(req->query, "_HLS_msn=7");
    assert_text(req->host, "h");
    assert_text(http_header(req, "x-test"), "kept");
    assert_int_equal(http_server_counters(P.server).requests_suspended, 1);
    http_respond_asset(req, S.asset);
    assert_int_equal(http_server_counters(P.server).requests_suspended, 0);
    assert_starts(http_pipe_output(&P), "HTTP/1.1 200 OK\r\n");
    close_pipe();
}

static void a_client_that_goes_away_cancels_its_request(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET("/wait"));
    http_pipe_send_fin(&P.end);
    assert_int_equal(S.cancelled, 1);
    assert_true(list_is_empty(&S.waiting));
    assert_true(P.end.is_closed);
    assert_int_equal(http_server_counters(P.server).conns_open, 0);
    close_pipe();
}

static void a_broken_client_is_reported_after_the_owners_call(void **state)
{
    (void)state;
    struct http_pipe_end other;

    open_pipe();
    http_pipe_connect(&P, &other, "192.0.2.1");
    http_pipe_send(&P, GET("/stream"));
    http_pipe_send_bytes(&other, GET("/wait"), strlen(GET("/wait")));
    P.end.fails = true;
    struct slice event = slice_take(buf_from_text(TEXT("data: 1\n\n")));
    assert_ok(http_stream_write(S.stream, &event, 1));
    assert_int_equal(S.cancelled, 0);
    http_core_run(P.server);
    assert_int_equal(S.cancelled, 1);
    assert_false(list_is_empty(&S.waiting));
    close_pipe();
    assert_int_equal(S.cancelled, 2);
    http_pipe_end_deinit(&other);
}

enum { CROWD = 200 };

static void a_crowd_is_woken_in_one_walk_of_the_list(void **state)
{
    (void)state;
    static struct http_pipe_end ends[CROWD];

    open_pipe();
    for (int i = 0; i < CROWD; i++) {
        http_pipe_connect(&P, &ends[i], "127.0.0.1");
        http_pipe_send_bytes(&ends[i], GET("/wait"), strlen(GET("/wait")));
        ends[i].fails = i % 7 == 0; /* some are gone, and we do not know yet */
    }
    LIST_FOR_EACH(node, &S.waiting)
    {
        http_respond_asset(CONTAINER_OF(node, struct http_request, owner_node), S.asset);
    }
    http_core_run(P.server);
    assert_true(list_is_empty(&S.waiting));
    assert_int_equal(S.cancelled, 0); /* all were answered before they were found gone */
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(ends[i].is_closed, i % 7 == 0);
        assert_true(ends[i].output.len > 1000);
        http_pipe_end_deinit(&ends[i]);
        ends[i].output = writer_growing(1);
    }
    close_pipe();
}

/* ---- Conditions, ranges, compression ---- */

#define GET_WITH(path, field) "GET " path " HTTP/1.1\r\nHost: a\r\n" field "\r\n\r\n"

static void a_known_tag_gives_304(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET_WITH("/asset", "If-None-Match: W/\"v1\""));
    struct text output = http_pipe_output(&P);
    assert_starts(output, "HTTP/1.1 304 Not Modified\r\n");
    assert_contains(output, "ETag: \"v1\"\r\n");
    assert_contains(output, "Cache-Control: max-age=5\r\n");
    assert_lacks(output, "Content-Length");
    assert_true(text_ends_with(output, TEXT("\r\n\r\n")));
    http_pipe_send(&P, GET_WITH("/asset", "If-None-Match: \"v2\""));
    assert_starts(http_pipe_output(&P), "HTTP/1.1 200 OK\r\n");
    close_pipe();
}

static void ranges_are_cut_across_slices(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET_WITH("/asset", "Range: bytes=598-601"));
    struct text output = http_pipe_output(&P);
    assert_starts(output, "HTTP/1.1 206 Partial Content\r\n");
    assert_contains(output, "Content-Range: bytes 598-601/1000\r\n");
    assert_contains(output, "Content-Length: 4\r\n");
    assert_true(text_ends_with(output, TEXT("\r\n\r\naabb")));
    http_pipe_send(&P, GET_WITH("/asset", "Range: bytes=-2"));
    assert_text(http_pipe_body(&P), "bb");
    http_pipe_send(&P, GET_WITH("/asset", "Range: bytes=1000-"));
    output = http_pipe_output(&P);
    assert_starts(output, "HTTP/1.1 416 ");
    assert_contains(output, "Content-Range: bytes */1000\r\n");
    http_pipe_send(&P, GET_WITH("/asset", "Range: bytes=0-1,3-4"));
    assert_starts(http_pipe_output(&P), "HTTP/1.1 200 OK\r\n");
    close_pipe();
}

static void if_range_with_another_tag_sends_everything(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET_WITH("/asset", "Range: bytes=0-1\r\nIf-Range: \"v1\""));
    assert_starts(http_pipe_output(&P), "HTTP/1.1 206 ");
    http_pipe_send(&P, GET_WITH("/asset", "Range: bytes=0-1\r\nIf-Range: \"v0\""));
    assert_starts(http_pipe_output(&P), "HTTP/1.1 200 ");
    http_pipe_send(&P, GET_WITH("/asset", "Range: bytes=0-1\r\nIf-Range: W/\"v1\""));
    assert_starts(http_pipe_output(&P), "HTTP/1.1 200 ");
    close_pipe();
}

/* ---- CORS ---- */

static void any_origin_may_read_what_has_cors(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET("/asset"));
    struct text output = http_pipe_output(&P);
    assert_contains(output, "Access-Control-Allow-Origin: *\r\n");
    assert_contains(output, "Access-Control-Expose-Headers: Location, Link, ETag, ");
    http_pipe_send(&P, GET("/hello"));
    assert_lacks(http_pipe_output(&P), "Access-Control");
    close_pipe();
}

static void preflights_are_answered_from_the_route_table(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "OPTIONS /echo HTTP/1.1\r\nHost: a\r\nOrigin: https://o\r\n"
                       "Access-Control-Request-Method: POST\r\n"
                       "Access-Control-Request-Headers: authorization, content-type\r\n\r\n");
    struct text output = http_pipe_output(&P);
    assert_starts(output, "HTTP/1.1 200 OK\r\n");
    assert_contains(output, "Access-Control-Allow-Methods: POST, OPTIONS\r\n");
    assert_contains(output, "Access-Control-Allow-Headers: authorization, content-type\r\n");
    assert_contains(output, "Access-Control-Allow-Origin: *\r\n");
    assert_contains(output, "Accept-Post: application/sdp\r\n");
    http_pipe_send(&P, "OPTIONS /hello HTTP/1.1\r\nHost: a\r\nOrigin: https://o\r\n"
                       "Access-Control-Request-Method: GET\r\n\r\n");
    output = http_pipe_output(&P);
    assert_contains(output, "Allow: GET, HEAD, OPTIONS\r\n");
    assert_lacks(output, "Access-Control");
    http_pipe_send(&P, "OPTIONS /none HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_starts(http_pipe_output(&P), "HTTP/1.1 404 ");
    http_pipe_send(&P, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_starts(http_pipe_output(&P), "HTTP/1.1 200 ");
    close_pipe();
}

static void listed_origins_are_named_and_others_are_not(void **state)
{
    (void)state;
    static const char *const origins[] = {"https://shop.example", "https://b.example"};

    open_pipe();
    http_pipe_close(&P);
    http_pipe_open_with(
        &P, &(struct http_server_params){.routes = routes,
                                         .routes_count = sizeof(routes) / sizeof(routes[0]),
                                         .config = http_config_default(),
                                         .cors_origins = origins,
                                         .cors_origins_count = 2});
    http_pipe_send(&P, GET_WITH("/asset", "Origin: https://b.example"));
    struct text output = http_pipe_output(&P);
    assert_contains(output, "Access-Control-Allow-Origin: https://b.example\r\n");
    assert_contains(output, "Access-Control-Allow-Credentials: true\r\n");
    assert_contains(output, "Vary: Origin\r\n");
    http_pipe_send(&P, GET_WITH("/asset", "Origin: https://evil.example"));
    output = http_pipe_output(&P);
    assert_lacks(output, "Access-Control-Allow-Origin");
    assert_contains(output, "Vary: Origin\r\n");
    close_pipe();
}

/* ---- Streams ---- */

static void a_stream_is_sent_in_chunks_and_the_connection_goes_on(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET("/stream") GET("/hello"));
    struct text output = http_pipe_output(&P);
    assert_contains(output, "Transfer-Encoding: chunked\r\n");
    assert_lacks(output, "Content-Length");
    struct slice event = slice_take(buf_from_text(TEXT("0123456789abcdefg")));
    assert_ok(http_stream_write(S.stream, &event, 1));
    assert_text(http_pipe_output(&P), "11\r\n0123456789abcdefg\r\n");
    http_stream_end(S.stream);
    http_core_run(P.server);
    assert_starts(http_pipe_output(&P), "0\r\n\r\nHTTP/1.1 200 OK\r\n");
    close_pipe();
}

static void a_slow_stream_is_told_to_its_owner(void **state)
{
    (void)state;
    struct http_config config = http_config_default();

    config.stream_queue_len_max = 1000;
    open_with(&config);
    http_pipe_send(&P, GET("/stream"));
    P.end.is_blocked = true;
    struct slice first = slice_take(buf_create(900));
    struct slice second = slice_take(buf_create(200));
    assert_ok(http_stream_write(S.stream, &first, 1));
    assert_true(http_stream_queued_len(S.stream) >= 900);
    uint64_t taken_len = http_stream_taken_len(S.stream);
    assert_err(http_stream_write(S.stream, &second, 1), ERR_LIMIT);
    http_pipe_unblock(&P.end);
    assert_int_equal(S.drained, 1);
    assert_int_equal(http_stream_queued_len(S.stream), 0);
    assert_true(http_stream_taken_len(S.stream) >= taken_len + 900);
    http_stream_abort(S.stream);
    http_core_run(P.server);
    assert_true(P.end.is_closed);
    close_pipe();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(a_request_gets_its_answer_and_the_connection_stays),
        TEST_CASE(an_answer_is_the_same_at_any_split_of_the_request),
        TEST_CASE(pipelined_requests_are_answered_in_order),
        TEST_CASE(too_much_pipelining_waits_in_the_clients_buffer),
        TEST_CASE(head_has_the_fields_of_get_and_no_body),
        TEST_CASE(http_1_0_is_served_and_closed_unless_asked_otherwise),
        TEST_CASE(connection_close_is_obeyed_after_the_answer_is_out),
        TEST_CASE(texts_of_a_request_reach_the_handler),
        TEST_CASE(a_handler_that_forgets_to_answer_gives_500),
        TEST_CASE(values_of_an_owner_cannot_split_the_answer),
        TEST_CASE(errors_of_the_server_are_problem_details),
        TEST_CASE(a_wrong_method_is_told_the_right_ones),
        TEST_CASE(input_after_a_refusal_is_discarded_until_the_linger_ends),
        TEST_CASE(expect_continue_is_answered_before_the_body),
        TEST_CASE(a_chunked_body_over_the_limit_is_refused),
        TEST_CASE(a_streamed_body_comes_in_pieces),
        TEST_CASE(a_streamed_body_over_the_limit_tells_the_owner_and_the_client),
        TEST_CASE(a_paused_body_waits_in_the_clients_buffer),
        TEST_CASE(a_waiting_request_keeps_its_texts),
        TEST_CASE(a_client_that_goes_away_cancels_its_request),
        TEST_CASE(a_broken_client_is_reported_after_the_owners_call),
        TEST_CASE(a_crowd_is_woken_in_one_walk_of_the_list),
        TEST_CASE(a_known_tag_gives_304),
        TEST_CASE(ranges_are_cut_across_slices),
        TEST_CASE(if_range_with_another_tag_sends_everything),
        TEST_CASE(any_origin_may_read_what_has_cors),
        TEST_CASE(preflights_are_answered_from_the_route_table),
        TEST_CASE(listed_origins_are_named_and_others_are_not),
        TEST_CASE(a_stream_is_sent_in_chunks_and_the_connection_goes_on),
        TEST_CASE(a_slow_stream_is_told_to_its_owner),
    };

    return RUN_TESTS("http_h1_server", tests);
}
