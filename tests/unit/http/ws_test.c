/*
 * WebSockets over the pipe: handshake, frames, limits, closing.
 */
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
    bool echoes;
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

static const struct http_ws_handlers handlers = {.on_message = on_message,
                                                 .on_pong = on_pong,
                                                 .on_closed = on_closed,
                                                 .protocol = "stoa",
                                                 .message_len_max = 100,
                                                 .queue_len_max = 1000};

static void get_ws(struct http_request *req)
{
    if (http_upgrade_websocket(req, &handlers, &T, &T.ws) != OK)
        http_respond_problem(req, 426, (struct text){0});
}

static const struct http_route routes[] = {{HTTP_GET, "/ws", 0, 0, get_ws, NULL}};

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
        TEST_CASE(draining_says_going_away),
    };

    return RUN_TESTS("http_ws", tests);
}
