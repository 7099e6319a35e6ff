/*
 * What answers over HTTP/1.1 depend on: conditions, ranges, origins; and answers that are streams.
 */
#include <string.h>

#include "base/mem.h"
#include "h1_site.h"
#include "support/test.h"

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
    http_pipe_open_with(&P, &(struct http_server_params){.routes = site_routes,
                                                         .routes_count = site_routes_count,
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

/* Writes what is wanted of the file, in two pieces. */
static void write_file(void)
{
    size_t first = (size_t)S.left / 2;
    size_t lens[] = {first, (size_t)S.left - first};

    for (size_t i = 0; i < 2; i++) {
        struct slice piece = slice_take(buf_create(lens[i]));
        memset(piece.buf->data, 'f', lens[i]);
        assert_ok(http_stream_write(S.stream, &piece, 1));
    }
    http_stream_end(S.stream);
    http_core_run(P.server);
}

static void a_file_is_sent_with_its_length_and_the_connection_goes_on(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET("/file") GET("/hello"));
    struct text output = http_pipe_output(&P);
    assert_starts(output, "HTTP/1.1 200 OK\r\n");
    assert_contains(output, "Content-Length: 1000\r\n");
    assert_contains(output, "Accept-Ranges: bytes\r\n");
    assert_contains(output, "ETag: \"f1\"\r\n");
    assert_lacks(output, "chunked");
    assert_int_equal(S.offset, 0);
    assert_int_equal(S.left, 1000);
    write_file();
    output = http_pipe_output(&P);
    assert_int_equal(text_index_of(output, 'H'), 1000);
    assert_starts(text_sub(output, 1000, output.len), "HTTP/1.1 200 OK\r\n");
    close_pipe();
}

static void a_part_of_a_file_is_asked_of_its_owner(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET_WITH("/file", "Range: bytes=300-499"));
    struct text output = http_pipe_output(&P);
    assert_starts(output, "HTTP/1.1 206 Partial Content\r\n");
    assert_contains(output, "Content-Range: bytes 300-499/1000\r\n");
    assert_contains(output, "Content-Length: 200\r\n");
    assert_int_equal(S.offset, 300);
    assert_int_equal(S.left, 200);
    write_file();
    assert_int_equal(http_pipe_output(&P).len, 200);
    http_pipe_send(&P, GET_WITH("/file", "Range: bytes=300-499\r\nIf-Range: \"f0\""));
    assert_int_equal(S.left, 1000); /* another version: all of it */
    write_file();
    close_pipe();
}

static void nothing_of_a_file_is_asked_when_nothing_is_sent(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET_WITH("/file", "If-None-Match: \"f1\""));
    assert_starts(http_pipe_output(&P), "HTTP/1.1 304 Not Modified\r\n");
    assert_null(S.stream);
    http_pipe_send(&P, GET_WITH("/file", "Range: bytes=1000-"));
    struct text output = http_pipe_output(&P);
    assert_starts(output, "HTTP/1.1 416 ");
    assert_contains(output, "Content-Range: bytes */1000\r\n");
    assert_null(S.stream);
    http_pipe_send(&P, "HEAD /file HTTP/1.1\r\nHost: a\r\n\r\n" GET("/hello"));
    output = http_pipe_output(&P);
    assert_contains(output, "Content-Length: 1000\r\n");
    assert_contains(output, "\r\n\r\nHTTP/1.1 200 OK\r\n");
    assert_null(S.stream);
    close_pipe();
}

static void a_file_that_breaks_off_closes_the_connection(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, GET("/file"));
    http_stream_abort(S.stream);
    http_core_run(P.server);
    assert_true(P.end.is_closed);
    close_pipe();
}

/* There the end of the connection would be the end of the body, but its length is told. */
static void a_file_keeps_an_http_1_0_connection_that_asks_for_it(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&P, "GET /file HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_contains(http_pipe_output(&P), "Content-Length: 1000\r\n");
    write_file();
    assert_int_equal(http_pipe_output(&P).len, 1000);
    http_pipe_send(&P, GET("/hello"));
    assert_starts(http_pipe_output(&P), "HTTP/1.1 200 OK\r\n");
    close_pipe();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(a_known_tag_gives_304),
        TEST_CASE(ranges_are_cut_across_slices),
        TEST_CASE(if_range_with_another_tag_sends_everything),
        TEST_CASE(any_origin_may_read_what_has_cors),
        TEST_CASE(preflights_are_answered_from_the_route_table),
        TEST_CASE(listed_origins_are_named_and_others_are_not),
        TEST_CASE(a_stream_is_sent_in_chunks_and_the_connection_goes_on),
        TEST_CASE(a_slow_stream_is_told_to_its_owner),
        TEST_CASE(a_file_is_sent_with_its_length_and_the_connection_goes_on),
        TEST_CASE(a_part_of_a_file_is_asked_of_its_owner),
        TEST_CASE(nothing_of_a_file_is_asked_when_nothing_is_sent),
        TEST_CASE(a_file_that_breaks_off_closes_the_connection),
        TEST_CASE(a_file_keeps_an_http_1_0_connection_that_asks_for_it),
    };
    return RUN_TESTS("http_h1_answers", tests);
}
