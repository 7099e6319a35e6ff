/*
 * Deadlines, limits of connections, and drain: time is a value, addresses are made up.
 */
#include <string.h>

#include "base/mem.h"
#include "support/http_pipe.h"
#include "support/test.h"

static struct state {
    struct list waiting;
    size_t cancelled;
    size_t drained;
} S;

static struct http_pipe P;

static void on_cancel(struct http_request *req)
{
    (void)req;
    S.cancelled++;
}

static void get_hello(struct http_request *req)
{
    http_respond_text(req, 200, "text/plain", TEXT("hello"));
}

static void get_wait(struct http_request *req)
{
    list_push_back(&S.waiting, &req->owner_node);
    http_suspend(req, on_cancel);
}

static void post_echo(struct http_request *req)
{
    http_respond_text(req, 200, "application/octet-stream", http_body_text(req));
}

static const struct http_route routes[] = {
    {HTTP_GET, "/hello", 0, 0, get_hello, NULL},
    {HTTP_GET, "/wait", 0, 0, get_wait, NULL},
    {HTTP_POST, "/echo", 0, 100, post_echo, NULL},
};

static void open_with(const struct http_config *config)
{
    S = (struct state){0};
    list_init(&S.waiting);
    http_pipe_open(&P, routes, sizeof(routes) / sizeof(routes[0]), config);
}

static void open_pipe(void)
{
    open_with(NULL);
}

static void close_pipe(void)
{
    http_pipe_close(&P);
}

static void assert_starts(struct text output, const char *wanted)
{
    assert_text(text_sub(output, 0, strlen(wanted)), wanted);
}

static bool contains(struct text output, const char *wanted)
{
    return text_contains(output, text_of(wanted));
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- Deadlines and limits ---- */

static void silent_clients_are_closed(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_pass_ms(&P, 9999);
    assert_false(P.end.is_closed);
    http_pipe_pass_ms(&P, 1);
    assert_true(P.end.is_closed);
    assert_int_equal(http_server_counters(P.server).conns_timed_out, 1);
    close_pipe();
}

static void a_head_that_drips_gets_408(void **state)
{
    (void)state;
    open_pipe();
    for (int i = 0; i < 9; i++) {
        http_pipe_send(&P, i ? "X: y\r\n" : "GET / HTTP/1.1\r\n");
        http_pipe_pass_ms(&P, 1111);
    }
    assert_int_equal(http_pipe_output(&P).len, 0);
    http_pipe_pass_ms(&P, 10);
    assert_starts(http_pipe_output(&P), "HTTP/1.1 408 Request Timeout\r\n");
    http_pipe_pass_ms(&P, 2001);
    assert_true(P.end.is_closed);
    close_pipe();
}

static void a_body_that_drips_gets_408_and_one_that_flows_does_not(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
    for (int i = 0; i < 20; i++) {
        http_pipe_send(&P, "x");
        http_pipe_pass_ms(&P, 999);
    }
    assert_int_equal(http_pipe_output(&P).len, 0);
    http_pipe_pass_ms(&P, 999);
    assert_starts(http_pipe_output(&P), "HTTP/1.1 408 ");
    close_pipe();
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET("/hello"));
    (void)http_pipe_output(&P);
    http_pipe_pass_ms(&P, 64999);
    assert_false(P.end.is_closed);
    http_pipe_pass_ms(&P, 1);
    assert_true(P.end.is_closed);
    assert_int_equal(http_pipe_output(&P).len, 0);
    close_pipe();
}

static void a_client_that_does_not_read_is_cut(void **state)
{
    (void)state;
    open_pipe();
    P.end.is_blocked = true;
    for (int i = 0; i < 10; i++)
        http_pipe_send(&P, GET("/hello"));
    http_pipe_pass_ms(&P, 20001);
    assert_true(P.end.is_closed);
    close_pipe();
}

static void a_waiting_request_has_no_deadline_of_the_server(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET("/wait"));
    http_pipe_pass_ms(&P, 3600 * 1000);
    assert_false(P.end.is_closed);
    close_pipe();
    assert_int_equal(S.cancelled, 1);
}

static void one_address_gets_only_its_share(void **state)
{
    (void)state;
    struct http_config config = http_config_default();
    struct http_pipe_end ends[5];

    config.conns_per_address_max = 2;
    open_with(&config);
    http_pipe_connect(&P, &ends[0], "192.0.2.1");
    http_pipe_connect(&P, &ends[1], "192.0.2.1");
    http_pipe_connect(&P, &ends[2], "192.0.2.1");
    assert_non_null(ends[1].conn);
    assert_null(ends[2].conn);
    http_pipe_connect(&P, &ends[3], "192.0.2.2");
    assert_non_null(ends[3].conn);
    http_pipe_send_fin(&ends[0]);
    http_pipe_connect(&P, &ends[4], "192.0.2.1");
    assert_non_null(ends[4].conn);
    assert_int_equal(http_server_counters(P.server).conns_refused, 1);
    close_pipe();
    for (int i = 0; i < 5; i++)
        http_pipe_end_deinit(&ends[i]);
}

static void an_ipv6_subscriber_is_one_address(void **state)
{
    (void)state;
    struct http_config config = http_config_default();
    struct http_pipe_end ends[3];

    config.conns_per_address_max = 1;
    open_with(&config);
    http_pipe_connect(&P, &ends[0], "2001:db8::1");
    http_pipe_connect(&P, &ends[1], "2001:db8::2");
    http_pipe_connect(&P, &ends[2], "2001:db8:0:1::1");
    assert_non_null(ends[0].conn);
    assert_null(ends[1].conn);
    assert_non_null(ends[2].conn);
    close_pipe();
    for (int i = 0; i < 3; i++)
        http_pipe_end_deinit(&ends[i]);
}

static void there_is_a_limit_to_all_connections(void **state)
{
    (void)state;
    struct http_config config = http_config_default();
    struct http_pipe_end end;

    config.conns_max = 1;
    open_with(&config);
    http_pipe_connect(&P, &end, "127.0.0.1");
    assert_null(end.conn);
    http_pipe_end_deinit(&end);
    close_pipe();
}

static void the_last_request_of_a_connection_says_so(void **state)
{
    (void)state;
    struct http_config config = http_config_default();

    config.requests_per_conn_max = 2;
    open_with(&config);
    http_pipe_send(&P, GET("/hello"));
    assert_false(contains(http_pipe_output(&P), "Connection"));
    http_pipe_send(&P, GET("/hello"));
    assert_true(contains(http_pipe_output(&P), "Connection: close\r\n"));
    assert_true(P.end.is_closed);
    close_pipe();
}

/* ---- Drain ---- */

static void on_all_gone(void *owner)
{
    (void)owner;
    S.drained++;
}

static void draining_closes_idle_connections_and_finishes_others(void **state)
{
    (void)state;
    struct http_pipe_end idle;

    open_pipe();
    http_pipe_connect(&P, &idle, "127.0.0.1");
    http_pipe_send_bytes(&idle, GET("/hello"), strlen(GET("/hello")));
    http_pipe_send(&P, GET("/wait"));
    http_core_drain(P.server, on_all_gone);
    http_core_run(P.server);
    assert_true(idle.is_closed);
    assert_false(P.end.is_closed);
    assert_int_equal(S.drained, 0);
    http_respond_empty(CONTAINER_OF(list_first(&S.waiting), struct http_request, owner_node), 204);
    http_core_run(P.server);
    http_core_run(P.server);
    assert_true(contains(http_pipe_output(&P), "Connection: close\r\n"));
    assert_true(P.end.is_closed);
    assert_int_equal(S.drained, 1);
    http_pipe_end_deinit(&idle);
    close_pipe();
}

static void draining_ends_after_its_time(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET("/wait"));
    http_core_drain(P.server, on_all_gone);
    http_pipe_pass_ms(&P, 10001);
    assert_true(P.end.is_closed);
    assert_int_equal(S.cancelled, 1);
    assert_int_equal(S.drained, 1);
    close_pipe();
}

static void fin_behind_a_request_still_gets_the_answer(void **state)
{
    (void)state;
    open_pipe();
    P.end.is_blocked = true;
    http_pipe_send(&P, GET("/hello"));
    http_pipe_send_fin(&P.end);
    assert_false(P.end.is_closed);
    http_pipe_unblock(&P.end);
    assert_true(text_ends_with(http_pipe_output(&P), TEXT("hello")));
    assert_true(P.end.is_closed);
    close_pipe();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(silent_clients_are_closed),
        TEST_CASE(a_head_that_drips_gets_408),
        TEST_CASE(a_body_that_drips_gets_408_and_one_that_flows_does_not),
        TEST_CASE(an_idle_connection_is_closed_without_a_word),
        TEST_CASE(a_client_that_does_not_read_is_cut),
        TEST_CASE(a_waiting_request_has_no_deadline_of_the_server),
        TEST_CASE(one_address_gets_only_its_share),
        TEST_CASE(an_ipv6_subscriber_is_one_address),
        TEST_CASE(there_is_a_limit_to_all_connections),
        TEST_CASE(the_last_request_of_a_connection_says_so),
        TEST_CASE(draining_closes_idle_connections_and_finishes_others),
        TEST_CASE(draining_ends_after_its_time),
        TEST_CASE(fin_behind_a_request_still_gets_the_answer),
    };

    return RUN_TESTS("http_limits", tests);
}
