/*
 * The server on its loop: listeners, accepted connections as streams of net/, the timer.
 */
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/core.h"

struct http_listener {
    struct http_server *server;
    struct tcp_listener *tcp;
    struct tls_context *tls;
};

/* ---- A stream as transport ---- */

static enum err io_read(void *handle, void *to, size_t cap, size_t *ret_len)
{
    return stream_read(handle, to, cap, ret_len);
}

static enum err io_send(void *handle, const void *head, size_t head_len, const struct slice *slices,
                        size_t count)
{
    return stream_send(handle, head, head_len, slices, count);
}

static size_t io_queued_len(const void *handle)
{
    return stream_queued_len(handle);
}

static void io_pause_reading(void *handle)
{
    stream_pause_reading(handle);
}

static void io_resume_reading(void *handle)
{
    stream_resume_reading(handle);
}

static void io_delay_acks(void *handle)
{
    stream_delay_acks(handle);
}

static void io_shutdown(void *handle)
{
    stream_shutdown(handle);
}

static void io_close(void *handle)
{
    stream_close(handle);
}

static const struct http_io stream_io = {
    .read = io_read,
    .send = io_send,
    .queued_len = io_queued_len,
    .pause_reading = io_pause_reading,
    .resume_reading = io_resume_reading,
    .delay_acks = io_delay_acks,
    .shutdown = io_shutdown,
    .close = io_close,
};

static void on_readable(void *ctx)
{
    struct http_conn *conn = ctx;

    conn->server->now_us = loop_now_us(conn->server->loop);
    conn_on_readable(conn, conn->protocol == PROTOCOL_UNKNOWN && conn->is_tls &&
                               text_equal(stream_alpn(conn->handle), TEXT("h2")));
}

static void on_drained(void *ctx)
{
    struct http_conn *conn = ctx;

    conn->server->now_us = loop_now_us(conn->server->loop);
    conn_on_drained(conn);
}

static void on_broken(void *ctx, enum err reason)
{
    (void)reason; /* clients come and go */
    conn_on_broken(ctx);
}

static const struct stream_handler conn_handler = {on_readable, on_drained, on_broken};

/* Until the connection exists nothing is called. */
static void on_nothing(void *ctx)
{
    (void)ctx;
}

static void on_early_break(void *ctx, enum err reason)
{
    (void)ctx;
    (void)reason;
}

static const struct stream_handler early_handler = {on_nothing, NULL, on_early_break};

void http_server_accept(struct http_server *server, int fd, const struct net_address *peer,
                        struct tls_context *tls)
{
    struct stream *stream;

    if (server->is_draining || server->counters.conns_open >= server->config.conns_max) {
        server->counters.conns_refused++;
        (void)close(fd); /* nothing to do about a failure */
        return;
    }
    server->now_us = loop_now_us(server->loop);
    if (stream_create(server->loop, fd, peer, tls, &early_handler, NULL, &stream) != OK) {
        server->counters.conns_refused++;
        return;
    }

    struct http_conn *conn = conn_open(server, &stream_io, stream, peer, tls != NULL);
    if (conn)
        stream_set_handler(stream, &conn_handler, conn);
    else
        stream_close(stream);
}

/* ---- Listeners ---- */

static void on_accept(void *ctx, int fd, const struct net_address *peer)
{
    struct http_listener *listener = ctx;

    http_server_accept(listener->server, fd, peer, listener->tls);
}

enum err http_server_listen(struct http_server *server, const struct net_address *address,
                            struct tls_context *tls, struct diag *diag,
                            struct net_address *ret_bound)
{
    if (server->listeners_count == HTTP_LISTENERS_MAX) {
        diag_set(diag, "more than %d HTTP listeners", (int)HTTP_LISTENERS_MAX);
        return ERR_INVALID;
    }

    struct http_listener *listener = mem_zalloc(sizeof(*listener));
    listener->server = server;
    listener->tls = tls;
    enum err err = tcp_listen(server->loop, address, on_accept, listener, diag, &listener->tcp);
    if (err != OK) {
        mem_free(listener);
        return err;
    }
    server->listeners[server->listeners_count++] = listener;
    if (ret_bound)
        *ret_bound = tcp_listener_address(listener->tcp);
    return OK;
}

static void close_listeners(struct http_server *server)
{
    for (size_t i = 0; i < server->listeners_count; i++) {
        tcp_listener_close(server->listeners[i]->tcp);
        loop_defer_free(server->loop, server->listeners[i]);
    }
    server->listeners_count = 0;
}

/* ---- Time ---- */

static void on_tick(struct loop_timer *timer)
{
    struct http_server *server = CONTAINER_OF(timer, struct http_server, timer);

    server->now_us = loop_now_us(server->loop);
    server->wall_us = clock_wall_us() - server->now_us;
    loop_timer_set(server->loop, &server->timer, server->now_us + HTTP_TICK_US, on_tick);
    http_core_tick(server);
}

static void on_turn_end(struct loop_idle *idle)
{
    http_core_run(CONTAINER_OF(idle, struct http_server, idle));
}

static void ask_run(struct http_server *server)
{
    loop_idle_add(server->loop, &server->idle, on_turn_end);
}

/* ---- Life ---- */

enum err http_server_create(const struct http_server_params *params, struct diag *diag,
                            struct http_server **ret_server)
{
    int64_t now_us = loop_now_us(params->loop);
    struct http_server *server;
    enum err err = http_core_create(params, clock_wall_us() - now_us, diag, &server);

    if (err != OK)
        return err;
    server->now_us = now_us;
    server->ask_run = ask_run;
    loop_idle_init(&server->idle);
    loop_timer_set(server->loop, &server->timer, now_us + HTTP_TICK_US, on_tick);
    *ret_server = server;
    return OK;
}

void http_server_drain(struct http_server *server, void (*on_drained_fn)(void *owner))
{
    close_listeners(server);
    server->now_us = loop_now_us(server->loop);
    http_core_drain(server, on_drained_fn);
}

void http_server_flush(struct http_server *server)
{
    http_core_run(server);
}

void http_server_destroy(struct http_server *server)
{
    if (!server)
        return;
    close_listeners(server);
    loop_timer_cancel(&server->timer);
    server->ask_run = NULL;
    loop_idle_cancel(&server->idle);
    http_core_destroy(server);
}
