/*
 * WebSocket (RFC 6455): our own handshake, frames by libwslay, on a connection that was HTTP/1.1.
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
};

struct http_ws {
    struct http_conn *conn;
    struct http_ws_handlers handlers;
    void *owner;
    wslay_event_context_ptr wslay;
    struct text input; /* what ws_input() was given and wslay has not taken */
    size_t out_len;    /* frames in server->head_out, not sent yet */
    bool is_open;      /* on_closed has not been called */
    bool is_busy;      /* inside wslay */
    bool has_failed;   /* the client broke the protocol: over once our close frame is out */
};

/* ---- Frames ---- */

static ssize_t on_recv(wslay_event_context_ptr wslay, uint8_t *to, size_t len, int flags, void *ctx)
{
    struct http_ws *ws = ctx;

    (void)flags;
    if (ws->input.len == 0) {
        wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    struct text taken = text_sub(ws->input, 0, len);
    ws->input = text_sub(ws->input, taken.len, ws->input.len);
    memcpy(to, taken.ptr, taken.len);
    return (ssize_t)taken.len;
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
    struct http_ws *ws = ctx;

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
    struct http_ws *ws = ctx;
    struct text text = {(const char *)message->msg, message->msg_length};

    (void)wslay;
    if (!ws->is_open)
        return;
    if (message->opcode == WSLAY_TEXT_FRAME || message->opcode == WSLAY_BINARY_FRAME)
        ws->handlers.on_message(ws, message->opcode == WSLAY_TEXT_FRAME, text);
    else if (message->opcode == WSLAY_PONG && ws->handlers.on_pong)
        ws->handlers.on_pong(ws);
}

static size_t queued_len(const struct http_ws *ws)
{
    return wslay_event_get_queued_msg_length(ws->wslay) + conn_queued_len(ws->conn);
}

static void enter_phase(struct http_ws *ws)
{
    struct http_conn *conn = ws->conn;
    enum conn_phase phase = PHASE_WAIT;

    if (wslay_event_get_close_sent(ws->wslay) || wslay_event_get_close_received(ws->wslay))
        phase = PHASE_LINGER;
    else if (conn_queued_len(conn))
        phase = PHASE_SEND;
    if (phase != conn->phase)
        conn_enter(conn, phase);
}

void ws_flush(struct http_conn *conn)
{
    struct http_ws *ws = conn->ws;

    if (ws->is_busy || !conn->handle || conn->is_broken)
        return;
    ws->is_busy = true;
    if (wslay_event_want_write(ws->wslay) && wslay_event_send(ws->wslay) != 0)
        conn->is_broken = true;
    send_out(ws);
    ws->is_busy = false;

    /* Section 7.1.1: the server closes the TCP connection first, once both close frames are out. */
    bool is_over =
        (ws->has_failed || !wslay_event_want_read(ws->wslay)) && !wslay_event_want_write(ws->wslay);
    if (conn->is_broken || (is_over && conn_queued_len(conn) == 0)) {
        conn->is_broken = true;
        conn_make_ready(conn);
        return;
    }
    enter_phase(ws);
}

void ws_input(struct http_conn *conn, struct text input)
{
    struct http_ws *ws = conn->ws;

    if (conn->is_broken)
        return;
    conn->is_busy++;
    ws->input = input;
    ws->is_busy = true;
    if (!ws->has_failed && wslay_event_recv(ws->wslay) != 0)
        ws->has_failed = true; /* a close frame with the code is queued */
    ws->is_busy = false;
    ws->input = (struct text){0};
    ws_flush(conn);
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

static struct http_ws *create(struct http_conn *conn, const struct http_ws_handlers *handlers,
                              void *owner)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv,
        .send_callback = on_send,
        .on_msg_recv_callback = on_message,
    };
    struct http_ws *ws = mem_zalloc(sizeof(*ws));
    size_t message_len_max = handlers->message_len_max;

    ws->conn = conn;
    ws->handlers = *handlers;
    ws->owner = owner;
    ws->is_open = true;
    if (wslay_event_context_server_init(&ws->wslay, &callbacks, ws) != 0) {
        mem_free(ws);
        return NULL;
    }
    wslay_event_config_set_max_recv_msg_length(ws->wslay, message_len_max ? message_len_max
                                                                          : MESSAGE_LEN_DEFAULT);
    return ws;
}

enum err http_upgrade_websocket(struct http_request *req, const struct http_ws_handlers *handlers,
                                void *owner, struct http_ws **ret_ws)
{
    struct http_conn *conn = req->conn;

    if (!http_is_websocket(req))
        return ERR_UNSUPPORTED;
    struct http_ws *ws = create(conn, handlers, owner);
    if (!ws)
        return ERR_LIMIT;

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

static enum err queue(struct http_ws *ws, uint8_t opcode, struct text payload)
{
    struct wslay_event_msg message = {opcode, (const uint8_t *)payload.ptr, payload.len};

    if (!ws->conn->handle || wslay_event_queue_msg(ws->wslay, &message) != 0)
        return ERR_CLOSED;
    conn_make_ready(ws->conn);
    return OK;
}

enum err http_ws_send(struct http_ws *ws, struct text message)
{
    size_t max = ws->handlers.queue_len_max ? ws->handlers.queue_len_max : QUEUE_LEN_DEFAULT;
    size_t waiting_len = queued_len(ws);

    if (waiting_len && waiting_len + message.len > max)
        return ERR_LIMIT;
    return queue(ws, WSLAY_TEXT_FRAME, message);
}

void http_ws_ping(struct http_ws *ws)
{
    (void)queue(ws, WSLAY_PING, (struct text){0}); /* a closing socket needs no ping */
}

void http_ws_close(struct http_ws *ws, uint16_t code, struct text reason)
{
    reason = text_sub(reason, 0, REASON_LEN_MAX);
    if (!ws->conn->handle ||
        wslay_event_queue_close(ws->wslay, code, (const uint8_t *)reason.ptr, reason.len) != 0)
        return;
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
    http_ws_close(conn->ws, CODE_GOING_AWAY, (struct text){0});
}

/* The codes of a finished close handshake; 1006 when there was none (section 7.1.5). */
static uint16_t close_code(const struct http_ws *ws)
{
    if (wslay_event_get_close_received(ws->wslay))
        return wslay_event_get_status_code_received(ws->wslay);
    if (wslay_event_get_close_sent(ws->wslay))
        return wslay_event_get_status_code_sent(ws->wslay);
    return CODE_ABNORMAL;
}

void ws_cancel(struct http_conn *conn)
{
    struct http_ws *ws = conn->ws;

    if (!ws->is_open)
        return;
    ws->is_open = false;
    conn->server->counters.ws_open--;
    ws->handlers.on_closed(ws, close_code(ws));
}

void ws_destroy(struct http_ws *ws)
{
    if (!ws)
        return;
    wslay_event_context_free(ws->wslay);
    mem_free(ws);
}
