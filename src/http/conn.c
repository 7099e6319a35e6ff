/*
 * The life of a connection, whatever it speaks: limits, phases, reading, closing.
 */
#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/core.h"

/* How much is read at once. A head fits into two reads; what a client sends while its request waits
 * stays small, since thousands may wait. */
enum { READ_HEAD_LEN = 16 * 1024, READ_WAITING_LEN = 4 * 1024 };

/* Connections of one address; lives while there are any. */
struct address_count {
    uint8_t key[16];
    size_t key_len;
    uint32_t count;
};

/* ---- Limits ---- */

static bool count_address(struct http_server *server, const struct net_address *peer,
                          struct address_count **ret_address)
{
    struct text key = net_subscriber_key(peer);
    struct address_count *address = map_get(&server->addresses, key);

    *ret_address = NULL;
    if (net_is_loopback(peer) && !server->config.limit_loopback)
        return true;
    if (address && address->count >= server->config.conns_per_address_max)
        return false;
    if (!address) {
        address = mem_zalloc(sizeof(*address));
        memcpy(address->key, key.ptr, key.len);
        address->key_len = key.len;
        (void)map_put(&server->addresses, key, address); /* there was none */
    }
    address->count++;
    *ret_address = address;
    return true;
}

static void uncount_address(struct http_server *server, struct address_count *address)
{
    if (!address || --address->count)
        return;
    (void)map_remove(&server->addresses,
                     (struct text){(const char *)address->key, address->key_len});
    mem_free(address);
}

struct http_conn *conn_open(struct http_server *server, const struct http_io *io, void *handle,
                            const struct net_address *peer, bool is_tls)
{
    struct address_count *address;

    if (server->is_draining || server->counters.conns_open >= server->config.conns_max ||
        !count_address(server, peer, &address)) {
        server->counters.conns_refused++;
        return NULL;
    }

    struct http_conn *conn = mem_zalloc(sizeof(*conn));
    conn->server = server;
    conn->io = io;
    conn->handle = handle;
    conn->peer = *peer;
    conn->is_tls = is_tls;
    conn->address = address;
    conn->protocol = PROTOCOL_UNKNOWN;
    list_node_init(&conn->in_phase);
    list_node_init(&conn->in_ready);
    conn_enter(conn, PHASE_FIRST_BYTE);
    server->counters.conns_accepted++;
    server->counters.conns_open++;
    return conn;
}

/* ---- Phases ---- */

static int64_t phase_duration_us(const struct http_config *config, enum conn_phase phase)
{
    switch (phase) {
    case PHASE_FIRST_BYTE:
        return config->first_byte_ms * US_PER_MS;
    case PHASE_HEAD:
        return config->head_ms * US_PER_MS;
    case PHASE_BODY:
        return config->body_ms * US_PER_MS;
    case PHASE_SEND:
        return config->send_stall_ms * US_PER_MS;
    case PHASE_IDLE:
        return config->idle_ms * US_PER_MS;
    case PHASE_LINGER:
        return config->linger_ms * US_PER_MS;
    case PHASE_WAIT:
    case PHASE_COUNT:
        break;
    }
    return INT64_MAX / 2;
}

void conn_enter(struct http_conn *conn, enum conn_phase phase)
{
    struct http_server *server = conn->server;

    conn->phase = (uint8_t)phase;
    conn->deadline_us = server->now_us + phase_duration_us(&server->config, phase);
    if (phase == PHASE_SEND)
        conn->mark = conn->sent - conn_queued_len(conn);
    else if (phase == PHASE_BODY)
        conn->mark = conn->received;
    list_unlink(&conn->in_phase);
    list_push_back(&server->phases[phase], &conn->in_phase);
}

void conn_make_ready(struct http_conn *conn)
{
    struct http_server *server = conn->server;

    if (!list_node_is_linked(&conn->in_ready))
        list_push_back(&server->ready, &conn->in_ready);
    if (!server->is_run_asked && server->ask_run) {
        server->is_run_asked = true;
        server->ask_run(server);
    }
}

/* ---- Output ---- */

void conn_send(struct http_conn *conn, struct text head, const struct slice *slices, size_t count)
{
    size_t len = head.len;

    for (size_t i = 0; i < count; i++)
        len += slices[i].len;
    if (!conn->handle || conn->is_broken) {
        for (size_t i = 0; i < count; i++)
            buf_unref(slices[i].buf);
        return;
    }
    conn->sent += len;
    if (conn->io->send(conn->handle, head.ptr, head.len, slices, count) != OK) {
        conn->is_broken = true;
        conn_make_ready(conn);
    }
}

size_t conn_queued_len(const struct http_conn *conn)
{
    return conn->handle && !conn->is_broken ? conn->io->queued_len(conn->handle) : 0;
}

const struct http_proto *conn_proto(const struct http_conn *conn)
{
    return conn->protocol == PROTOCOL_H2 ? &h2_proto : &h1_proto;
}

/* ---- Closing ---- */

static void cancel_all(struct http_conn *conn)
{
    switch ((enum conn_protocol)conn->protocol) {
    case PROTOCOL_H1:
        h1_cancel(conn);
        break;
    case PROTOCOL_H2:
        h2_cancel(conn);
        break;
    case PROTOCOL_WS:
        ws_cancel(conn);
        break;
    case PROTOCOL_UNKNOWN:
    case PROTOCOL_COUNT:
        break;
    }
}

void conn_close(struct http_conn *conn)
{
    struct http_server *server = conn->server;

    if (!conn->handle)
        return;
    conn->io->close(conn->handle);
    conn->handle = NULL;
    list_unlink(&conn->in_phase);
    list_unlink(&conn->in_ready);
    server->counters.conns_open--;
    uncount_address(server, conn->address);

    conn->is_busy++;
    cancel_all(conn);
    conn_release(conn);
}

void conn_release(struct http_conn *conn)
{
    if (--conn->is_busy || conn->handle)
        return;
    list_unlink(&conn->in_ready); /* a callback may have asked again */
    h1_deinit(conn);
    h2_destroy(conn->h2);
    ws_destroy(conn->ws);
    mem_free(conn);
}

void conn_on_broken(struct http_conn *conn)
{
    conn_close(conn);
}

/* ---- Input ---- */

/* RFC 9113 section 3.4: a client that knows that we speak HTTP/2 begins with this. */
static const struct text preface = TEXT_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/* False: not enough bytes to tell. */
static bool choose_protocol(struct http_conn *conn, struct text input)
{
    struct text wanted = text_sub(preface, 0, input.len);

    if (!text_starts_with(input, wanted)) {
        h1_start(conn);
        return true;
    }
    if (input.len < preface.len)
        return false;
    h2_start(conn);
    return true;
}

static void feed(struct http_conn *conn, struct text *input)
{
    if (conn->protocol == PROTOCOL_UNKNOWN && !choose_protocol(conn, *input))
        return;
    if (conn->protocol == PROTOCOL_H1)
        h1_input(conn, input);
    if (!conn->handle || input->len == 0)
        return;
    /* Not "else": a request may just have become a WebSocket, with its first frames behind it. */
    if (conn->protocol == PROTOCOL_H2) {
        h2_input(conn, *input);
        *input = (struct text){0};
    } else if (conn->protocol == PROTOCOL_WS) {
        ws_input(conn, *input);
        *input = (struct text){0};
    }
}

/* Moves what was kept to the start of the shared input buffer. */
static size_t take_pending(struct http_conn *conn)
{
    size_t len = conn->h1.pending_len;

    if (len)
        memcpy(conn->server->in, conn->h1.pending, len);
    conn->h1.pending_len = 0;
    return len;
}

static void put_pending(struct http_conn *conn, struct text left)
{
    struct h1_conn *h1 = &conn->h1;

    if (left.len == 0) {
        h1_deinit(conn);
        return;
    }
    if (left.len > h1->pending_cap) {
        h1->pending = mem_realloc(h1->pending, left.len);
        h1->pending_cap = (uint32_t)left.len;
    }
    memcpy(h1->pending, left.ptr, left.len);
    h1->pending_len = (uint32_t)left.len;
}

static void feed_and_keep(struct http_conn *conn, size_t len)
{
    struct text input = {(const char *)conn->server->in, len};

    feed(conn, &input);
    if (conn->handle)
        put_pending(conn, input);
}

/* The client will send no more. What is being answered by an owner is given up; what is queued
 * still goes out. */
static void on_input_end(struct http_conn *conn)
{
    conn->ends_input = true;
    bool has_answers =
        conn->protocol == PROTOCOL_H1 && conn_queued_len(conn) &&
        (conn->h1.state == H1_HEAD || (conn->h1.state == H1_LAST && !conn->h1.must_linger));

    if (!has_answers)
        conn_close(conn);
}

/* How much to read behind the `kept_len` bytes that wait already; 0: enough waits. */
static size_t read_len(const struct http_conn *conn, size_t kept_len)
{
    if (conn->protocol == PROTOCOL_H1) {
        if (conn->h1.state == H1_WAIT || conn->h1.state == H1_STREAM)
            return kept_len ? 0 : READ_WAITING_LEN;
        if (conn->h1.state == H1_HEAD)
            return READ_HEAD_LEN;
    }
    return HTTP_IN_LEN - kept_len;
}

/* True: there may be more to read. */
static bool read_once(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    size_t len = 0;

    if (conn->h1.is_paused)
        return false;

    size_t kept_len = conn->h1.pending_len;
    size_t cap = read_len(conn, kept_len);
    if (cap == 0) {
        conn->h1.is_paused = true;
        conn->io->pause_reading(conn->handle);
        return false;
    }
    enum err err = conn->io->read(conn->handle, server->in + kept_len, cap, &len);
    if (err == ERR_AGAIN)
        return false;
    if (err != OK) {
        on_input_end(conn);
        return false;
    }
    conn->received += len;
    if (conn->phase == PHASE_FIRST_BYTE)
        conn_enter(conn, PHASE_HEAD);
    server->counters.bytes_received += len;
    feed_and_keep(conn, take_pending(conn) + len);
    return true;
}

void conn_on_readable(struct http_conn *conn, bool alpn_h2)
{
    conn->is_busy++;
    if (conn->protocol == PROTOCOL_UNKNOWN && alpn_h2)
        h2_start(conn);
    while (conn->handle && !conn->is_broken && read_once(conn))
        ;
    conn_release(conn);
}

void conn_on_drained(struct http_conn *conn)
{
    conn->is_busy++;
    switch ((enum conn_protocol)conn->protocol) {
    case PROTOCOL_H1:
        h1_on_drained(conn);
        break;
    case PROTOCOL_H2:
        h2_on_drained(conn);
        break;
    case PROTOCOL_WS:
        ws_on_drained(conn);
        break;
    case PROTOCOL_UNKNOWN:
    case PROTOCOL_COUNT:
        break;
    }
    conn_release(conn);
}

/* What was put off: closing, flushing, input that waited for an answer. */
void conn_run(struct http_conn *conn)
{
    conn->is_busy++;
    if (conn->is_broken)
        conn_close(conn);
    else if (conn->protocol == PROTOCOL_H1)
        h1_resume(conn);
    else if (conn->protocol == PROTOCOL_H2)
        h2_flush(conn);
    else if (conn->protocol == PROTOCOL_WS)
        ws_flush(conn);
    if (conn->handle && conn->h1.pending_len && !conn->h1.is_body_paused)
        feed_and_keep(conn, take_pending(conn));
    conn_release(conn);
}

void conn_on_deadline(struct http_conn *conn)
{
    conn->is_busy++;
    if (conn->protocol == PROTOCOL_H2) {
        h2_on_deadline(conn);
    } else if (conn->protocol == PROTOCOL_WS) {
        ws_on_deadline(conn);
    } else if (conn->protocol == PROTOCOL_H1) {
        h1_on_deadline(conn);
    } else {
        conn->server->counters.conns_timed_out++;
        conn_close(conn);
    }
    conn_release(conn);
}

void conn_drain(struct http_conn *conn)
{
    conn->is_busy++;
    if (conn->protocol == PROTOCOL_H2)
        h2_drain(conn);
    else if (conn->protocol == PROTOCOL_WS)
        ws_drain(conn);
    else if (conn->protocol == PROTOCOL_H1)
        h1_drain(conn);
    else
        conn_close(conn);
    conn_release(conn);
}
