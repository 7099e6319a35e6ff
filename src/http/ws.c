/*
 * WebSocket (RFC 6455): our own handshake, a client's frames by libwslay, on a connection that was
 * HTTP/1.1.
 *
 * A context of wslay has 8 kB of buffers. So a connection holds one only while it needs one: while
 * a frame or a message is half read, and from the first close frame on. At rest it gives it back,
 * and the next connection that is sent something uses it. What the server sends is framed here, for
 * its frames are not masked: a head of two to ten bytes, and bytes that many connections may share.
 */
#include <assert.h>
#include <wslay/wslay.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "http/core.h"
#include "http/message.h"

enum {
    MESSAGE_LEN_DEFAULT = 64 * 1024,
    QUEUE_LEN_DEFAULT = 256 * 1024,
    KEY_LEN = 16,
    CODE_GOING_AWAY = 1001,
    CODE_ABNORMAL = 1006,
    PROGRESS_LEN = 4096,
    REASON_LEN_MAX = 122,
    CLIENT_HEAD_LEN = 2 + 4, /* with its mask, without a longer length */
    FRAME_TEXT = 0x81,       /* FIN, and the opcode */
    FRAME_PING = 0x89,
    LEN_IN_16_BITS = 126, /* what stands in the place of a length that does not fit */
    LEN_IN_64_BITS = 127,
};

struct ws_framer {
    wslay_event_context_ptr wslay;
    struct http_ws *ws;  /* whose frames these are; NULL: the server's spare */
    struct text input;   /* what ws_input() was given and wslay has not taken */
    uint64_t fed_len;    /* bytes that wslay was given */
    uint64_t framed_len; /* bytes of all frames that have begun */
    bool is_in_message;  /* more fragments follow */
};

struct http_ws {
    struct http_conn *conn;
    const struct http_ws_handlers *handlers;
    void *owner;
    struct ws_framer *framer; /* NULL at rest */
    size_t out_len;           /* frames in server->head_out, not sent yet */
    bool is_open;             /* on_closed has not been called */
    bool is_busy;             /* inside wslay */
    bool is_closing;          /* the owner closed it */
    bool has_failed;          /* the client broke the protocol: over once our close frame is out */
};

/* ---- Frames of the client ---- */

static ssize_t on_recv(wslay_event_context_ptr wslay, uint8_t *to, size_t len, int flags, void *ctx)
{
    struct ws_framer *framer = ctx;

    (void)flags;
    if (framer->input.len == 0) {
        wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    struct text taken = text_sub(framer->input, 0, len);
    framer->input = text_sub(framer->input, taken.len, framer->input.len);
    framer->fed_len += taken.len;
    memcpy(to, taken.ptr, taken.len);
    return (ssize_t)taken.len;
}

static void on_frame(wslay_event_context_ptr wslay,
                     const struct wslay_event_on_frame_recv_start_arg *frame, void *ctx)
{
    struct ws_framer *framer = ctx;
    uint64_t len = frame->payload_length;

    (void)wslay;
    framer->framed_len += CLIENT_HEAD_LEN + len;
    if (len >= LEN_IN_16_BITS)
        framer->framed_len += len <= UINT16_MAX ? 2 : 8;
    if (!wslay_is_ctrl_frame(frame->opcode))
        framer->is_in_message = !frame->fin;
}

static void send_out(struct http_ws *ws)
{
    struct text out = {(const char *)ws->conn->server->head_out, ws->out_len};

    ws->out_len = 0;
    if (out.len)
        conn_send(ws->conn, out, NULL, 0);
}

static ssize_t on_send(wslay_event_context_ptr wslay, const uint8_t *bytes, size_t len, int flags,
                       void *ctx)
{
    struct ws_framer *framer = ctx;
    struct http_ws *ws = framer->ws;

    (void)wslay, (void)flags;
    if (ws->out_len == HTTP_HEAD_OUT_LEN)
        send_out(ws);
    if (len > HTTP_HEAD_OUT_LEN - ws->out_len)
        len = HTTP_HEAD_OUT_LEN - ws->out_len;
    memcpy(ws->conn->server->head_out + ws->out_len, bytes, len);
    ws->out_len += len;
    return (ssize_t)len;
}

static void on_message(wslay_event_context_ptr wslay,
                       const struct wslay_event_on_msg_recv_arg *message, void *ctx)
{
    struct ws_framer *framer = ctx;
    struct http_ws *ws = framer->ws;
    struct text text = {(const char *)message->msg, message->msg_length};

    (void)wslay;
    if (!ws->is_open)
        return;
    if (message->opcode == WSLAY_TEXT_FRAME || message->opcode == WSLAY_BINARY_FRAME)
        ws->handlers->on_message(ws, message->opcode == WSLAY_TEXT_FRAME, text);
    else if (message->opcode == WSLAY_PONG && ws->handlers->on_pong)
        ws->handlers->on_pong(ws);
}

/* ---- Framers ---- */

static struct ws_framer *create_framer(void)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv,
        .send_callback = on_send,
        .on_frame_recv_start_callback = on_frame,
        .on_msg_recv_callback = on_message,
    };
    struct ws_framer *framer = mem_zalloc(sizeof(*framer));

    if (wslay_event_context_server_init(&framer->wslay, &callbacks, framer) != 0) {
        mem_free(framer);
        return NULL;
    }
    return framer;
}

void ws_framer_destroy(struct ws_framer *framer)
{
    if (!framer)
        return;
    wslay_event_context_free(framer->wslay);
    mem_free(framer);
}

/* NULL: memory is out, and wslay tells it. */
static struct ws_framer *need_framer(struct http_ws *ws)
{
    struct http_server *server = ws->conn->server;
    size_t len_max = ws->handlers->message_len_max;

    if (ws->framer)
        return ws->framer;
    ws->framer = server->ws_framer ? server->ws_framer : create_framer();
    server->ws_framer = NULL;
    if (!ws->framer)
        return NULL;
    ws->framer->ws = ws;
    ws->framer->fed_len = ws->framer->framed_len = 0;
    wslay_event_config_set_max_recv_msg_length(ws->framer->wslay,
                                               len_max ? len_max : MESSAGE_LEN_DEFAULT);
    return ws->framer;
}

static bool has_close(const struct http_ws *ws)
{
    return ws->framer && (wslay_event_get_close_sent(ws->framer->wslay) ||
                          wslay_event_get_close_received(ws->framer->wslay));
}

/* All that came was whole frames of whole messages, and nothing is to be sent: the context is as
 * new, and any other connection may use it. */
static void give_framer_back(struct http_ws *ws)
{
    struct ws_framer *framer = ws->framer;
    struct http_server *server = ws->conn->server;

    if (!framer || ws->is_closing || ws->has_failed || has_close(ws) || framer->is_in_message ||
        framer->fed_len != framer->framed_len || wslay_event_want_write(framer->wslay))
        return;
    ws->framer = NULL;
    framer->ws = NULL;
    if (server->ws_framer)
        ws_framer_destroy(framer);
    else
        server->ws_framer = framer;
}

/* ---- Input and output ---- */

static void enter_phase(struct http_ws *ws)
{
    struct http_conn *conn = ws->conn;
    enum conn_phase phase = PHASE_WAIT;

    if (has_close(ws))
        phase = PHASE_LINGER;
    else if (conn_queued_len(conn))
        phase = PHASE_SEND;
    if (phase != conn->phase)
        conn_enter(conn, phase);
}

/* Sends what wslay has: pongs and close frames. True: the conversation is over. */
static bool flush_framer(struct http_ws *ws)
{
    wslay_event_context_ptr wslay = ws->framer->wslay;

    ws->is_busy = true;
    if (wslay_event_want_write(wslay) && wslay_event_send(wslay) != 0)
        ws->conn->is_broken = true;
    send_out(ws);
    ws->is_busy = false;
    return (ws->has_failed || !wslay_event_want_read(wslay)) && !wslay_event_want_write(wslay);
}

void ws_flush(struct http_conn *conn)
{
    struct http_ws *ws = conn->ws;

    if (ws->is_busy || !conn->handle || conn->is_broken)
        return;
    /* Section 7.1.1: the server closes the TCP connection first, once both close frames are out. */
    bool is_over = ws->framer ? flush_framer(ws) : ws->has_failed;
    if (conn->is_broken || (is_over && conn_queued_len(conn) == 0)) {
        conn->is_broken = true;
        conn_make_ready(conn);
        return;
    }
    enter_phase(ws);
}

void ws_on_drained(struct http_conn *conn)
{
    struct http_ws *ws = conn->ws;

    ws_flush(conn);
    if (ws->is_open && !conn->is_broken && !ws->is_closing && ws->handlers->on_drain)
        ws->handlers->on_drain(ws);
}

void ws_input(struct http_conn *conn, struct text input)
{
    struct http_ws *ws = conn->ws;

    if (conn->is_broken)
        return;
    conn->is_busy++;
    struct ws_framer *framer = need_framer(ws);
    if (framer && !ws->has_failed) {
        framer->input = input;
        ws->is_busy = true;
        if (wslay_event_recv(framer->wslay) != 0)
            ws->has_failed = true; /* a close frame with the code is queued */
        ws->is_busy = false;
        framer->input = (struct text){0};
    }
    ws->has_failed = ws->has_failed || !framer;
    ws_flush(conn);
    give_framer_back(ws);
    conn->is_busy--;
}

/* ---- Handshake ---- */

static bool is_key(struct text key)
{
    uint8_t bytes[KEY_LEN + 2];
    size_t len;

    return crypto_base64_decode(key, bytes, sizeof(bytes), &len) == OK && len == KEY_LEN;
}

bool http_is_websocket(const struct http_request *req)
{
    return req->version == HTTP_1_1 && req->method == HTTP_GET &&
           http_list_has_token(http_header(req, "connection"), TEXT("upgrade")) &&
           http_list_has_token(http_header(req, "upgrade"), TEXT("websocket")) &&
           text_equal(http_header(req, "sec-websocket-version"), TEXT("13")) &&
           is_key(http_header(req, "sec-websocket-key"));
}

static void send_switch(struct http_request *req, const char *protocol)
{
    static const struct text guid = TEXT_INIT("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    struct text key = http_header(req, "sec-websocket-key");
    struct writer w = writer_fixed(req->conn->server->head_out, HTTP_HEAD_OUT_LEN);
    uint8_t digest[CRYPTO_SHA1_LEN];
    char joined[64];
    struct writer j = writer_fixed(joined, sizeof(joined));

    writer_text(&j, key);
    writer_text(&j, guid);
    crypto_sha1(joined, j.len, digest);

    writer_str(&w, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
    crypto_base64(&w, digest, sizeof(digest));
    if (protocol &&
        http_list_has_token(http_header(req, "sec-websocket-protocol"), text_of(protocol))) {
        writer_str(&w, "\r\nSec-WebSocket-Protocol: ");
        writer_str(&w, protocol);
    }
    writer_str(&w, "\r\n\r\n");
    conn_send(req->conn, writer_as_text(&w), NULL, 0);
}

enum err http_upgrade_websocket(struct http_request *req, const struct http_ws_handlers *handlers,
                                void *owner, struct http_ws **ret_ws)
{
    struct http_conn *conn = req->conn;

    if (!http_is_websocket(req))
        return ERR_UNSUPPORTED;

    struct http_ws *ws = mem_zalloc(sizeof(*ws));
    ws->conn = conn;
    ws->handlers = handlers;
    ws->owner = owner;
    ws->is_open = true;
    send_switch(req, handlers->protocol);
    request_end(req);
    conn->ws = ws;
    conn->protocol = PROTOCOL_WS;
    conn->server->counters.conns_ws++;
    conn->server->counters.ws_open++;
    conn->server->counters.answers[1]++;
    if (conn->h1.is_paused && conn->handle)
        conn->io->resume_reading(conn->handle);
    conn->h1.is_paused = false;
    conn_enter(conn, PHASE_WAIT);
    conn_make_ready(conn); /* frames that came behind the request */
    *ret_ws = ws;
    return OK;
}

/* ---- The owner's calls ---- */

void *http_ws_owner(const struct http_ws *ws)
{
    return ws->owner;
}

void http_ws_write_head(struct writer *w, uint64_t payload_len)
{
    writer_u8(w, FRAME_TEXT);
    if (payload_len < LEN_IN_16_BITS) {
        writer_u8(w, (uint8_t)payload_len);
    } else if (payload_len <= UINT16_MAX) {
        writer_u8(w, LEN_IN_16_BITS);
        writer_u16(w, (uint16_t)payload_len);
    } else {
        writer_u8(w, LEN_IN_64_BITS);
        writer_u64(w, payload_len);
    }
}

void http_ws_write_ping(struct writer *w)
{
    writer_u8(w, FRAME_PING);
    writer_u8(w, 0);
}

enum err http_ws_send_frames(struct http_ws *ws, struct text head, const struct slice *slices,
                             size_t count)
{
    struct http_conn *conn = ws->conn;

    if (!conn->handle || conn->is_broken || ws->is_closing || ws->has_failed || has_close(ws)) {
        for (size_t i = 0; i < count; i++)
            buf_unref(slices[i].buf);
        return ERR_CLOSED;
    }
    conn_send(conn, head, slices, count);
    enter_phase(ws);
    return OK;
}

enum err http_ws_send(struct http_ws *ws, struct text message)
{
    size_t max = ws->handlers->queue_len_max ? ws->handlers->queue_len_max : QUEUE_LEN_DEFAULT;
    size_t waiting_len = conn_queued_len(ws->conn);
    uint8_t bytes[HTTP_WS_HEAD_LEN_MAX];
    struct writer head = writer_fixed(bytes, sizeof(bytes));

    if (waiting_len && waiting_len + message.len > max)
        return ERR_LIMIT;
    http_ws_write_head(&head, message.len);
    struct slice body = slice_take(buf_from_text(message));
    return http_ws_send_frames(ws, writer_as_text(&head), &body, 1);
}

size_t http_ws_queued_len(const struct http_ws *ws)
{
    return conn_queued_len(ws->conn);
}

uint64_t http_ws_taken_len(const struct http_ws *ws)
{
    return ws->conn->sent - conn_queued_len(ws->conn);
}

void http_ws_ping(struct http_ws *ws)
{
    uint8_t bytes[2];
    struct writer ping = writer_fixed(bytes, sizeof(bytes));

    http_ws_write_ping(&ping);
    /* A closing socket needs no ping. */
    IGNORE_ERR(http_ws_send_frames(ws, writer_as_text(&ping), NULL, 0));
}

void http_ws_close(struct http_ws *ws, uint16_t code, struct text reason)
{
    reason = text_sub(reason, 0, REASON_LEN_MAX);
    if (!ws->conn->handle || ws->is_closing)
        return;
    ws->is_closing = true;
    struct ws_framer *framer = need_framer(ws);
    if (!framer ||
        wslay_event_queue_close(framer->wslay, code, (const uint8_t *)reason.ptr, reason.len) != 0)
        ws->has_failed = true;
    conn_make_ready(ws->conn);
}

void http_ws_cut(struct http_ws *ws)
{
    ws->is_closing = true;
    ws->conn->is_broken = true;
    conn_make_ready(ws->conn);
}

/* ---- Ends ---- */

void ws_on_deadline(struct http_conn *conn)
{
    uint64_t progress = conn->sent - conn_queued_len(conn);

    if (conn->phase == PHASE_SEND && progress - conn->mark >= PROGRESS_LEN) {
        conn_enter(conn, PHASE_SEND);
        return;
    }
    if (conn->phase == PHASE_SEND)
        conn->server->counters.conns_timed_out++;
    conn_close(conn);
}

void ws_drain(struct http_conn *conn)
{
    struct http_ws *ws = conn->ws;

    if (ws->handlers->on_server_drain)
        ws->handlers->on_server_drain(ws);
    else
        http_ws_close(ws, CODE_GOING_AWAY, (struct text){0});
}

/* The codes of a finished close handshake; 1006 when there was none (section 7.1.5). */
static uint16_t close_code(const struct http_ws *ws)
{
    if (!ws->framer)
        return CODE_ABNORMAL;
    if (wslay_event_get_close_received(ws->framer->wslay))
        return wslay_event_get_status_code_received(ws->framer->wslay);
    if (wslay_event_get_close_sent(ws->framer->wslay))
        return wslay_event_get_status_code_sent(ws->framer->wslay);
    return CODE_ABNORMAL;
}

void ws_cancel(struct http_conn *conn)
{
    struct http_ws *ws = conn->ws;

    if (!ws->is_open)
        return;
    ws->is_open = false;
    conn->server->counters.ws_open--;
    ws->handlers->on_closed(ws, close_code(ws));
}

void ws_destroy(struct http_ws *ws)
{
    if (!ws)
        return;
    ws_framer_destroy(ws->framer);
    mem_free(ws);
}
