/*
 * The server over HTTP/1.1, without sockets: requests in, answers out, time as a value.
 */
#include <string.h>

#include "base/mem.h"
#include "h1_site.h"
#include "support/test.h"

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
        const char *code;
    } cases[] = {
        {GET("/none"), "404 Not Found", false, "not_found"},
        {GET("/../x"), "400 Bad Request", false, "bad_request"},
        {GET("/a%00"), "400 Bad Request", false, "bad_request"},
        {"PUT /hello HTTP/1.1\r\nHost: a\r\n\r\n", "405 Method Not Allowed", false,
         "method_not_allowed"},
        {"BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", "501 Not Implemented", false, "not_supported"},
        {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported", true,
         "http_version_not_supported"},
        {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request", true, "bad_request"},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", "413 Content Too Large",
         true, "payload_too_large"},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
         "400 Bad Request", true, "bad_request"},
        {"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "403 Forbidden", true,
         "forbidden"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_pipe();
        http_pipe_send(&P, cases[i].request);
        struct text output = http_pipe_output(&P);
        assert_contains(output, cases[i].status);
        assert_contains(output, "Content-Type: application/problem+json\r\n");
        assert_contains(output, "{\"type\":\"about:blank\",\"title\":\"");
        assert_contains(output, "\"code\":\"");
        assert_contains(output, cases[i].code);
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

/* An answer that comes at once carries the acknowledgement by itself. */
static void only_after_a_late_answer_acknowledgements_wait_for_the_next(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET("/asset"));
    assert_int_equal(P.end.acks_delayed, 0);
    http_pipe_send(&P, GET("/wait"));
    http_respond_asset(CONTAINER_OF(list_first(&S.waiting), struct http_request, owner_node),
                       S.asset);
    assert_int_equal(P.end.acks_delayed, 1);
    http_pipe_send(&P, GET("/asset"));
    assert_int_equal(P.end.acks_delayed, 1);
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
        TEST_CASE(only_after_a_late_answer_acknowledgements_wait_for_the_next),
        TEST_CASE(a_client_that_goes_away_cancels_its_request),
        TEST_CASE(a_broken_client_is_reported_after_the_owners_call),
        TEST_CASE(a_crowd_is_woken_in_one_walk_of_the_list),
    };
    return RUN_TESTS("http_h1_server", tests);
}
