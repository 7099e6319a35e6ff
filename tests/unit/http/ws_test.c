/*
 * WebSockets over the pipe: handshake, frames, limits, closing.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "support/http_pipe.h"
#include "support/test.h"

static struct {
    struct http_pipe pipe;
    struct http_ws *ws;
    char memory[512];
    struct writer messages;
    size_t messages_count;
    size_t pongs;
    size_t closed;
    uint16_t code;
    size_t drained;
    bool echoes;
    bool waits_at_drain; /* does not close when the server drains */
} T;

static void on_message(struct http_ws *ws, bool is_text, struct text message)
{
    T.messages_count++;
    writer_str(&T.messages, is_text ? "t:" : "b:");
    writer_text(&T.messages, message);
    writer_char(&T.messages, ';');
    if (T.echoes)
        assert_ok(http_ws_send(ws, message));
}

static void on_pong(struct http_ws *ws)
{
    (void)ws;
    T.pongs++;
}

static void on_closed(struct http_ws *ws, uint16_t code)
{
    assert_ptr_equal(http_ws_owner(ws), &T);
    T.closed++;
    T.code = code;
}

static void on_drain(struct http_ws *ws)
{
    assert_ptr_equal(ws, T.ws);
    T.drained++;
}

static void on_server_drain(struct http_ws *ws)
{
    if (!T.waits_at_drain)
        http_ws_close(ws, 1001, (struct text){0});
}

static const struct http_ws_handlers handlers = {.on_message = on_message,
                                                 .on_pong = on_pong,
                                                 .on_closed = on_closed,
                                                 .on_drain = on_drain,
                                                 .on_server_drain = on_server_drain,
                                                 .protocol = "stoa",
                                                 .message_len_max = 100,
                                                 .queue_len_max = 1000};

static void get_ws(struct http_request *req)
{
    if (http_upgrade_websocket(req, &handlers, &T, &T.ws) != OK)
        http_respond_problem(req, 426, (struct text){0});
}

static const struct http_route routes[] = {{HTTP_GET, "/ws", 0, 0, get_ws, NULL}};

static enum http_origin origin_seen;

static void get_origin(struct http_request *req)
{
    origin_seen = http_origin(req);
    http_respond_empty(req, 204);
}

static const struct http_route origin_routes[] = {{HTTP_GET, "/origin", 0, 0, get_origin, NULL}};

/* The handshake of RFC 6455 section 1.3. */
#define HANDSHAKE                                                                                  \
    "GET /ws HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n"                       \
    "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"           \
    "Sec-WebSocket-Protocol: chat, stoa\r\nSec-WebSocket-Version: 13\r\n\r\n"

static void open_pipe(void)
{
    memset(&T, 0, sizeof(T));
    T.messages = writer_fixed(T.memory, sizeof(T.memory));
    http_pipe_open(&T.pipe, routes, 1, NULL);
}

static void open_socket(void)
{
    open_pipe();
    http_pipe_send(&T.pipe, HANDSHAKE);
    (void)http_pipe_output(&T.pipe);
    assert_non_null(T.ws);
}

/* A client's frame: masked with 0x01020304; payloads under 126 bytes. */
static size_t frame(uint8_t first, const char *payload, size_t len, uint8_t to[256])
{
    to[0] = first;
    to[1] = (uint8_t)(0x80 | len);
    for (uint8_t i = 0; i < 4; i++)
        to[2 + i] = (uint8_t)(i + 1);
    for (size_t i = 0; i < len; i++)
        to[6 + i] = (uint8_t)((uint8_t)payload[i] ^ (i % 4 + 1));
    return 6 + len;
}

static void send_frame(uint8_t first, const char *payload, size_t len)
{
    uint8_t bytes[256];

    http_pipe_send_bytes(&T.pipe.end, bytes, frame(first, payload, len, bytes));
}

static void assert_output(const char *hex)
{
    uint8_t wanted[64];
    size_t len = test_unhex(hex, wanted, sizeof(wanted));
    struct text output = http_pipe_output(&T.pipe);

    assert_int_equal(output.len, len);
    assert_memory_equal(output.ptr, wanted, len);
}

static void the_handshake_of_the_rfc_is_granted(void **state)
{
    (void)state;
    open_pipe();
    http_pipe_send(&T.pipe, HANDSHAKE);
    assert_text(http_pipe_output(&T.pipe), "HTTP/1.1 101 Switching Protocols\r\n"
                                           "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                           "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                           "Sec-WebSocket-Protocol: stoa\r\n\r\n");
    http_pipe_close(&T.pipe);
    assert_int_equal(T.closed, 1);
    assert_int_equal(T.code, 1006);
}

static void other_requests_are_not_upgraded(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        "GET /ws HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        open_pipe();
        http_pipe_send(&T.pipe, bad[i]);
        assert_text(text_sub(http_pipe_output(&T.pipe), 9, 3), "426");
        http_pipe_close(&T.pipe);
    }
}

static void messages_come_whole_and_are_answered(void **state)
{
    (void)state;
    open_socket();
    T.echoes = true;
    send_frame(0x81, "Hello", 5);
    assert_output("8105 48656c6c6f");
    send_frame(0x01, "Hel", 3); /* fragments, with a ping between them */
    send_frame(0x89, "p", 1);
    assert_output("8a01 70");
    send_frame(0x80, "lo", 2);
    assert_output("8105 48656c6c6f");
    T.echoes = false;
    send_frame(0x82, "bin", 3);
    assert_text(writer_as_text(&T.messages), "t:Hello;t:Hello;b:bin;");
    http_pipe_close(&T.pipe);
}

static void frames_behind_the_handshake_and_any_split_work(void **state)
{
    (void)state;
    uint8_t input[1024];
    size_t len = strlen(HANDSHAKE);

    memcpy(input, HANDSHAKE, len);
    len += frame(0x81, "one", 3, input + len);
    len += frame(0x81, "two", 3, input + len);
    for (size_t step = 1; step <= len; step += 7) {
        open_pipe();
        for (size_t at = 0; at < len; at += step)
            http_pipe_send_bytes(&T.pipe.end, input + at, len - at < step ? len - at : step);
        assert_text(writer_as_text(&T.messages), "t:one;t:two;");
        http_pipe_close(&T.pipe);
    }
}

static void a_close_is_answered_and_ends_the_connection(void **state)
{
    (void)state;
    open_socket();
    send_frame(0x88, "\x03\xe8", 2);
    assert_output("8802 03e8");
    assert_true(T.pipe.end.is_closed);
    assert_int_equal(T.closed, 1);
    assert_int_equal(T.code, 1000);
    http_pipe_close(&T.pipe);
    assert_int_equal(T.closed, 1);
}

static void our_close_waits_for_the_clients_but_not_for_ever(void **state)
{
    (void)state;
    open_socket();
    http_ws_close(T.ws, 1001, TEXT("bye"));
    http_core_run(T.pipe.server);
    assert_output("8805 03e9 627965");
    assert_err(http_ws_send(T.ws, TEXT("late")), ERR_CLOSED);
    assert_int_equal(T.closed, 0);
    http_pipe_pass_ms(&T.pipe, 2001);
    assert_int_equal(T.closed, 1);
    assert_true(T.pipe.end.is_closed);
    http_pipe_close(&T.pipe);
}

static void broken_frames_close_with_the_right_code(void **state)
{
    (void)state;
    static const struct {
        uint8_t first;
        const char *payload;
        size_t len;
        const char *answer;
    } cases[] = {
        {0x83, "", 0, "8802 03ea"},         /* reserved opcode */
        {0xc1, "x", 1, "8802 03ea"},        /* reserved bit */
        {0x80, "x", 1, "8802 03ea"},        /* continuation of nothing */
        {0x09, "x", 1, "8800"},             /* fragmented ping; wslay names no code */
        {0x81, "\xff\xff", 2, "8802 03ef"}, /* text that is not UTF-8 */
        {0x88, "\x03", 1, "8800"},          /* half a code; the same */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_socket();
        send_frame(cases[i].first, cases[i].payload, cases[i].len);
        assert_output(cases[i].answer);
        assert_int_equal(T.messages_count, 0);
        http_pipe_close(&T.pipe);
        assert_int_equal(T.closed, 1);
    }
}

static void an_unmasked_frame_is_refused(void **state)
{
    (void)state;
    open_socket();
    http_pipe_send_bytes(&T.pipe.end, "\x81\x01x", 3);
    assert_output("8802 03ea");
    http_pipe_close(&T.pipe);
}

static void a_long_message_closes_with_1009(void **state)
{
    (void)state;
    static char payload[101];

    open_socket();
    memset(payload, 'x', sizeof(payload));
    send_frame(0x81, payload, 100);
    assert_int_equal(T.messages_count, 1);
    send_frame(0x81, payload, 101);
    assert_output("8802 03f1");
    assert_int_equal(T.messages_count, 1);
    http_pipe_close(&T.pipe);
}

static void a_slow_client_is_told_to_the_owner(void **state)
{
    (void)state;
    static char payload[600];

    open_socket();
    memset(payload, 'x', sizeof(payload));
    T.pipe.end.is_blocked = true;
    assert_ok(http_ws_send(T.ws, (struct text){payload, 600}));
    http_core_run(T.pipe.server);
    assert_err(http_ws_send(T.ws, (struct text){payload, 600}), ERR_LIMIT);
    http_pipe_unblock(&T.pipe.end);
    assert_int_equal(http_pipe_output(&T.pipe).len, 604);
    assert_ok(http_ws_send(T.ws, (struct text){payload, 600}));
    http_pipe_close(&T.pipe);
}

static void pings_are_answered_to_the_owner(void **state)
{
    (void)state;
    open_socket();
    http_ws_ping(T.ws);
    http_core_run(T.pipe.server);
    assert_output("8900");
    send_frame(0x8a, "", 0);
    assert_int_equal(T.pongs, 1);
    http_pipe_close(&T.pipe);
}

static void the_owner_hears_when_the_client_has_taken_all(void **state)
{
    (void)state;
    open_socket();
    T.pipe.end.is_blocked = true;
    assert_ok(http_ws_send(T.ws, TEXT("12345")));
    assert_int_equal(http_ws_queued_len(T.ws), 7);
    uint64_t taken_len = http_ws_taken_len(T.ws);
    assert_int_equal(T.drained, 0);
    http_pipe_unblock(&T.pipe.end);
    assert_int_equal(T.drained, 1);
    assert_int_equal(http_ws_taken_len(T.ws), taken_len + 7);
    http_pipe_close(&T.pipe);
}

static void frames_that_are_made_already_are_shared(void **state)
{
    (void)state;
    uint8_t bytes[HTTP_WS_HEAD_LEN_MAX + 5];
    struct writer w = writer_fixed(bytes, sizeof(bytes));

    http_ws_write_head(&w, 5);
    writer_str(&w, "Hello");
    struct buf *made = buf_copy(w.data, w.len);
    struct slice twice[] = {slice_of(made, 0, made->len), slice_of(made, 0, made->len)};

    open_socket();
    assert_ok(http_ws_send_frames(T.ws, (struct text){0}, twice, 2));
    assert_output("8105 48656c6c6f 8105 48656c6c6f");
    assert_int_equal(atomic_load(&made->refs), 1);

    http_ws_close(T.ws, 1000, (struct text){0});
    struct slice late = slice_take(made);
    assert_err(http_ws_send_frames(T.ws, (struct text){0}, &late, 1), ERR_CLOSED);
    http_pipe_close(&T.pipe);
}

static void the_head_tells_lengths_of_each_size(void **state)
{
    (void)state;
    static const struct {
        uint64_t len;
        const char *head;
    } cases[] = {
        {125, "817d"}, {126, "817e 007e"}, {65535, "817e ffff"}, {65536, "817f 0000000000010000"}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[HTTP_WS_HEAD_LEN_MAX], wanted[16];
        struct writer w = writer_fixed(bytes, sizeof(bytes));

        http_ws_write_head(&w, cases[i].len);
        assert_int_equal(w.len, test_unhex(cases[i].head, wanted, sizeof(wanted)));
        assert_memory_equal(bytes, wanted, w.len);
    }
}

static void sockets_at_rest_hold_no_parser(void **state)
{
    (void)state;
    struct http_pipe_end other;
    struct http_ws *first;
    uint8_t bytes[256];
    size_t len;

    open_socket();
    first = T.ws;
    http_pipe_connect(&T.pipe, &other, "127.0.0.1");
    http_pipe_send_bytes(&other, HANDSHAKE, strlen(HANDSHAKE));
    assert_ptr_not_equal(T.ws, first);

    send_frame(0x81, "whole", 5);
    assert_non_null(T.pipe.server->ws_framer); /* given back */
    len = frame(0x81, "in halves", 9, bytes);
    for (size_t at = 1; at < len; at++) {
        http_pipe_send_bytes(&T.pipe.end, bytes, at);
        assert_null(T.pipe.server->ws_framer);
        http_pipe_send_bytes(&other, bytes, len - 1); /* both are in the middle */
        http_pipe_send_bytes(&T.pipe.end, bytes + at, len - at);
        assert_non_null(T.pipe.server->ws_framer);
        http_pipe_send_bytes(&other, bytes + len - 1, 1);
        assert_int_equal(T.messages_count, 1 + 2 * at);
        writer_clear(&T.messages);
    }
    send_frame(0x01, "no end", 6); /* the rest of the message is still to come */
    assert_null(T.pipe.server->ws_framer);
    http_pipe_close(&T.pipe);
    http_pipe_end_deinit(&other);
    assert_int_equal(T.closed, 2);
}

static void a_client_that_is_gone_is_cut_off(void **state)
{
    (void)state;
    open_socket();
    http_ws_cut(T.ws);
    assert_int_equal(T.closed, 0);
    http_core_run(T.pipe.server);
    assert_int_equal(T.closed, 1);
    assert_int_equal(T.code, 1006);
    assert_int_equal(http_pipe_output(&T.pipe).len, 0);
    http_pipe_close(&T.pipe);
}

static void origins_are_told_apart(void **state)
{
    (void)state;
    static const char *const listed[] = {"https://shop.example"};
    static const struct {
        const char *line;
        enum http_origin origin;
    } cases[] = {
        {"", HTTP_ORIGIN_NONE},
        {"Origin: http://Stoa.example:8080\r\n", HTTP_ORIGIN_SAME},
        {"Origin: https://stoa.example:8080\r\n", HTTP_ORIGIN_SAME},
        {"Origin: http://stoa.example\r\n", HTTP_ORIGIN_FOREIGN},
        {"Origin: http://stoa.example:8080.evil.example\r\n", HTTP_ORIGIN_FOREIGN},
        {"Origin: null\r\n", HTTP_ORIGIN_FOREIGN},
        {"Origin:\r\n", HTTP_ORIGIN_FOREIGN},
        {"Origin: https://shop.example\r\n", HTTP_ORIGIN_LISTED},
        {"Origin: http://shop.example\r\n", HTTP_ORIGIN_FOREIGN},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_server_params params = {.routes = origin_routes,
                                            .routes_count = 1,
                                            .config = http_config_default(),
                                            .cors_origins = listed,
                                            .cors_origins_count = 1};
        char request[256];

        memset(&T, 0, sizeof(T));
        http_pipe_open_with(&T.pipe, &params);
        (void)snprintf(request, sizeof(request),
                       "GET /origin HTTP/1.1\r\nHost: stoa.example:8080\r\n%s\r\n", cases[i].line);
        http_pipe_send(&T.pipe, request);
        assert_int_equal(origin_seen, cases[i].origin);
        http_pipe_close(&T.pipe);
    }
}

static void the_owner_may_end_what_runs_before_it_closes(void **state)
{
    (void)state;
    open_socket();
    T.waits_at_drain = true;
    http_core_drain(T.pipe.server, NULL);
    http_core_run(T.pipe.server);
    assert_int_equal(http_pipe_output(&T.pipe).len, 0);
    assert_ok(http_ws_send(T.ws, TEXT("!")));
    http_ws_close(T.ws, 1001, (struct text){0});
    http_core_run(T.pipe.server);
    assert_output("8101 21 8802 03e9");
    http_pipe_close(&T.pipe);
}

static void draining_says_going_away(void **state)
{
    (void)state;
    open_socket();
    http_core_drain(T.pipe.server, NULL);
    http_core_run(T.pipe.server);
    assert_output("8802 03e9");
    send_frame(0x88, "\x03\xe9", 2);
    assert_true(T.pipe.end.is_closed);
    http_pipe_close(&T.pipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(the_handshake_of_the_rfc_is_granted),
        TEST_CASE(other_requests_are_not_upgraded),
        TEST_CASE(messages_come_whole_and_are_answered),
        TEST_CASE(frames_behind_the_handshake_and_any_split_work),
        TEST_CASE(a_close_is_answered_and_ends_the_connection),
        TEST_CASE(our_close_waits_for_the_clients_but_not_for_ever),
        TEST_CASE(broken_frames_close_with_the_right_code),
        TEST_CASE(an_unmasked_frame_is_refused),
        TEST_CASE(a_long_message_closes_with_1009),
        TEST_CASE(a_slow_client_is_told_to_the_owner),
        TEST_CASE(pings_are_answered_to_the_owner),
        TEST_CASE(the_owner_hears_when_the_client_has_taken_all),
        TEST_CASE(frames_that_are_made_already_are_shared),
        TEST_CASE(the_head_tells_lengths_of_each_size),
        TEST_CASE(sockets_at_rest_hold_no_parser),
        TEST_CASE(a_client_that_is_gone_is_cut_off),
        TEST_CASE(origins_are_told_apart),
        TEST_CASE(the_owner_may_end_what_runs_before_it_closes),
        TEST_CASE(draining_says_going_away),
    };

    return RUN_TESTS("http_ws", tests);
}
