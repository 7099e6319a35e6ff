/*
 * rtmp_ingest - RTMP and RTMPS connections: sockets on one side, live sessions on the other.
 *
 * A publisher writes some 80 small messages a second. Waking up for each costs more than all the
 * work on them, so once it publishes, a plain connection is read on a clock: the kernel is told to
 * wake us only for the end (SO_RCVLOWAT), and every READ_TICK all such connections are read with
 * one system call each. With few publishers the tick is short, since then latency counts and CPU
 * does not.
 */
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/writer.h"
#include "live/live_private.h"
#include "media/sample.h"
#include "rtmp/rtmp.h"

enum { READ_LEN = 128 * 1024, LISTENERS_MAX = 4, LOW_WATER = 256 * 1024, FEW_PUBLISHERS = 8 };

static const int64_t READ_TICK_FEW_US = 5 * US_PER_MS;
static const int64_t READ_TICK_MANY_US = 20 * US_PER_MS;

struct live_rtmp {
    struct live *live;
    struct {
        struct live_rtmp *rtmp;
        struct tcp_listener *listener;
        struct tls_context *tls;
    } listeners[LISTENERS_MAX];
    size_t listener_count;
    struct list connections;
    struct list clocked; /* read by the tick */
    size_t clocked_count;
    struct loop_timer tick;
    uint8_t read_buffer[READ_LEN];
};

struct connection {
    struct live_session session;
    struct live_rtmp *rtmp;
    struct list_node node;
    struct list_node in_clocked;
    struct stream *stream;
    struct rtmp_session *core;
    struct loop_timer timer;
    bool is_registered; /* `session` is */
    bool is_receiving;  /* inside rtmp_session_receive(): not to be destroyed */
    bool must_close;    /* when that returns */
    char peer_text[64];
};

static const struct session_ops session_ops;

static void close_connection(struct connection *connection, const char *reason);
static void arm(struct connection *connection);

/* ---- the clock ---- */

static void on_tick(struct loop_timer *timer);

/* At a multiple of its length, so that it shares a wake-up with the tick that reads WebRTC. */
static void set_tick(struct live_rtmp *rtmp)
{
    int64_t tick_us = rtmp->clocked_count <= FEW_PUBLISHERS ? READ_TICK_FEW_US : READ_TICK_MANY_US;
    int64_t now_us = loop_now_us(rtmp->live->loop);

    if (rtmp->clocked_count)
        loop_timer_set(rtmp->live->loop, &rtmp->tick, (now_us / tick_us + 1) * tick_us, on_tick);
}

static void read_by_clock(struct connection *connection)
{
    struct live_rtmp *rtmp = connection->rtmp;

    if (list_node_is_linked(&connection->in_clocked) || stream_is_tls(connection->stream))
        return;
    stream_set_read_low_water(connection->stream, LOW_WATER);
    list_push_back(&rtmp->clocked, &connection->in_clocked);
    rtmp->clocked_count++;
    if (!rtmp->tick.loop)
        set_tick(rtmp);
}

static void read_by_event(struct connection *connection)
{
    if (!list_node_is_linked(&connection->in_clocked))
        return;
    list_unlink(&connection->in_clocked);
    connection->rtmp->clocked_count--;
    stream_set_read_low_water(connection->stream, 1);
}

/* ---- bytes ---- */

/* False: the connection is closed. */
static bool send_output(struct connection *connection)
{
    struct writer *output = rtmp_session_output(connection->core);

    if (output->len == 0)
        return true;
    enum err err = stream_send(connection->stream, output->data, output->len, NULL, 0);
    writer_clear(output);
    if (!err)
        return true;
    close_connection(connection, "The connection broke.");
    return false;
}

/* Gives what was read to the core. False: the connection is closed. */
static bool receive(struct connection *connection, const uint8_t *bytes, size_t len)
{
    int64_t now_us = loop_now_us(connection->rtmp->live->loop);

    connection->is_receiving = true;
    enum err err = rtmp_session_receive(connection->core, bytes, len, now_us);
    connection->is_receiving = false;
    if (!send_output(connection))
        return false;
    if (err) {
        log_limited(LOG_INFO, 10, "rtmp_refused", LOG_STR("peer", connection->peer_text),
                    LOG_STR("reason", err_name(err)));
        close_connection(connection, "The publisher broke the RTMP protocol.");
        return false;
    }
    if (connection->must_close) {
        close_connection(connection, NULL);
        return false;
    }
    return true;
}

static void on_readable(void *ctx)
{
    struct connection *connection = ctx;
    struct live_rtmp *rtmp = connection->rtmp;
    size_t len;
    enum err err;

    while ((err = stream_read(connection->stream, rtmp->read_buffer, READ_LEN, &len)) == OK) {
        if (!receive(connection, rtmp->read_buffer, len))
            return;
        if (len < READ_LEN && list_node_is_linked(&connection->in_clocked))
            break; /* the rest comes with the next tick */
    }
    if (err && err != ERR_AGAIN) {
        close_connection(connection, err == ERR_CLOSED ? "The publisher closed the connection."
                                                       : "The connection broke.");
        return;
    }
    arm(connection);
}

static void on_tick(struct loop_timer *timer)
{
    struct live_rtmp *rtmp = CONTAINER_OF(timer, struct live_rtmp, tick);

    LIST_FOR_EACH(node, &rtmp->clocked)
    on_readable(CONTAINER_OF(node, struct connection, in_clocked));
    set_tick(rtmp);
}

static void on_broken(void *ctx, enum err reason)
{
    (void)reason;
    close_connection(ctx, "The connection broke.");
}

static const struct stream_handler stream_handler = {
    .on_readable = on_readable,
    .on_broken = on_broken,
};

/* ---- deadlines ---- */

static void on_time(struct loop_timer *timer)
{
    struct connection *connection = CONTAINER_OF(timer, struct connection, timer);
    int64_t now_us = loop_now_us(connection->rtmp->live->loop);

    enum err err = rtmp_session_on_time(connection->core, now_us);
    if (!send_output(connection))
        return;
    if (err)
        close_connection(connection, "The publisher was silent for too long.");
    else
        arm(connection);
}

/* The deadline moves with each byte; the timer is moved only when it would come too late. */
static void arm(struct connection *connection)
{
    int64_t at_us = rtmp_session_deadline_us(connection->core);

    if (at_us == INT64_MAX)
        loop_timer_cancel(&connection->timer);
    else if (!connection->timer.loop || connection->timer.at_us > at_us)
        loop_timer_set(connection->rtmp->live->loop, &connection->timer, at_us, on_time);
}

/* ---- events of the core ---- */

/* The publisher ended its stream and wants to send another one: that is a session of its own. */
static bool begin_again(struct connection *connection)
{
    struct live_session *session = &connection->session;
    struct net_address peer = session->peer;
    struct diag diag = {0};

    session_deinit(session);
    if (session_init(session, connection->rtmp->live, &session_ops, session->protocol, &peer,
                     &diag) == OK)
        return true;
    rtmp_session_reject(connection->core, RTMP_REJECT_REJECTED, text_of(diag.message));
    return false;
}

static void on_publish(void *ctx, struct text app, struct text key)
{
    struct connection *connection = ctx;

    (void)app; /* the key alone decides; encoders call the application as they like */
    if (connection->session.state == SESSION_OVER && !begin_again(connection))
        return;
    session_ask(&connection->session, 0, key);
}

/* The session is over by itself: tell the publisher and let it go. */
static void end_with(struct connection *connection, const char *sentence)
{
    rtmp_session_end(connection->core, text_of(sentence)); /* gives it some seconds to read it */
}

static void on_format(void *ctx, enum media_kind kind, struct format *format)
{
    struct connection *connection = ctx;
    struct diag diag = {0};

    (void)kind;
    if (!session_on_format(&connection->session, format, &diag))
        end_with(connection, diag.message);
}

static void on_sample(void *ctx, struct sample *sample)
{
    struct connection *connection = ctx;
    struct diag diag = {0};

    if (!session_on_sample(&connection->session, sample, &diag))
        end_with(connection, diag.message);
}

static void on_metadata(void *ctx, const struct rtmp_metadata *metadata)
{
    struct connection *connection = ctx;
    uint64_t rate_bps = metadata->video_rate_bps + metadata->audio_rate_bps;

    if (rate_bps > 0 && rate_bps < 1000000000)
        connection->session.target_bitrate_kbps = (int32_t)(rate_bps / 1000);
    if (metadata->frames_per_s >= 1 && metadata->frames_per_s <= 240)
        connection->session.nominal_fps = metadata->frames_per_s;
    log_debug("rtmp_metadata", LOG_U64("channel", connection->session.channel_id),
              LOG_TEXT("encoder", metadata->encoder), LOG_U64("width", metadata->width),
              LOG_U64("height", metadata->height));
}

static void on_unsupported(void *ctx, struct text sentence)
{
    const struct connection *connection = ctx;

    log_warn("rtmp_media_skipped", LOG_U64("channel", connection->session.channel_id),
             LOG_TEXT("reason", sentence));
}

static void on_end(void *ctx, enum rtmp_end reason)
{
    struct connection *connection = ctx;
    static const char *const sentences[] = {
        [RTMP_END_UNPUBLISHED] = "The publisher ended the stream.",
        [RTMP_END_FAILED] = "The publisher broke the RTMP protocol.",
        [RTMP_END_TIMEOUT] = "The publisher was silent for too long.",
    };

    /* The connection stays: after FCUnpublish comes deleteStream, and to some (rtmp2sink) a server
     * that hangs up before it has said so is an error. The core knows when it is too long. */
    session_on_lost(&connection->session, sentences[reason]);
    read_by_event(connection);
}

static const struct rtmp_handler rtmp_handler = {
    .on_publish = on_publish,
    .on_format = on_format,
    .on_sample = on_sample,
    .on_metadata = on_metadata,
    .on_unsupported = on_unsupported,
    .on_end = on_end,
};

/* ---- decisions of the directory ---- */

static struct connection *connection_of(struct live_session *session)
{
    return CONTAINER_OF(session, struct connection, session);
}

static void ops_accept(struct live_session *session)
{
    struct connection *connection = connection_of(session);

    connection->rtmp->live->rtmp_accepted++;
    read_by_clock(connection);
    /* What waited is handed out inside: the same care as when bytes are received. */
    connection->is_receiving = true;
    rtmp_session_accept(connection->core);
    connection->is_receiving = false;
    if (!send_output(connection))
        return;
    if (connection->must_close)
        close_connection(connection, NULL);
    else
        arm(connection);
}

static void ops_refuse(struct live_session *session, enum err err, const char *sentence)
{
    struct connection *connection = connection_of(session);
    enum rtmp_reject reason = err == ERR_DENIED     ? RTMP_REJECT_DENIED
                              : err == ERR_CONFLICT ? RTMP_REJECT_BAD_NAME
                                                    : RTMP_REJECT_REJECTED;

    connection->rtmp->live->rtmp_refused++;
    log_limited(LOG_INFO, 10, "publish_refused", LOG_STR("protocol", "rtmp"),
                LOG_STR("peer", connection->peer_text), LOG_STR("reason", sentence));
    rtmp_session_reject(connection->core, reason, text_of(sentence));
    if (send_output(connection))
        arm(connection);
}

static void ops_end(struct live_session *session, const char *sentence)
{
    struct connection *connection = connection_of(session);

    read_by_event(connection);
    rtmp_session_end(connection->core, text_of(sentence));
    if (!connection->is_receiving && send_output(connection))
        arm(connection);
}

static void ops_stats(struct live_session *session, struct live_stats *stats)
{
    (void)session; /* TCP hides loss, and its round trip is not the seller's */
    (void)stats;
}

static void ops_drain(struct live_session *session)
{
    struct connection *connection = connection_of(session);

    if (rtmp_session_request_reconnect(connection->core, (struct text){0},
                                       TEXT("The server is restarting.")))
        (void)send_output(connection);
}

static void ops_destroy(struct live_session *session)
{
    close_connection(connection_of(session), NULL);
}

static const struct session_ops session_ops = {
    .accept = ops_accept,
    .refuse = ops_refuse,
    .end = ops_end,
    .stats = ops_stats,
    .drain = ops_drain,
    .destroy = ops_destroy,
};

/* ---- life ---- */

/* `reason` NULL: nobody is told. */
static void close_connection(struct connection *connection, const char *reason)
{
    if (connection->is_receiving) {
        connection->must_close = true;
        return;
    }
    if (reason && connection->session.state == SESSION_ACCEPTED)
        session_on_lost(&connection->session, reason);
    if (list_node_is_linked(&connection->in_clocked)) {
        list_unlink(&connection->in_clocked);
        connection->rtmp->clocked_count--;
    }
    if (connection->is_registered)
        session_deinit(&connection->session);
    loop_timer_cancel(&connection->timer);
    list_unlink(&connection->node);
    stream_close(connection->stream);
    rtmp_session_destroy(connection->core);
    loop_defer_free(connection->rtmp->live->loop, connection);
}

static void on_accept(void *ctx, int fd, const struct net_address *peer)
{
    struct live_rtmp *rtmp = *(struct live_rtmp **)ctx;
    size_t index = 0;
    struct diag diag = {0};
    struct rtmp_config config = {0};
    struct connection *connection = mem_zalloc(sizeof(*connection));
    struct writer w = writer_fixed(connection->peer_text, sizeof(connection->peer_text) - 1);

    while ((const void *)&rtmp->listeners[index] != ctx)
        index++;
    net_write(&w, peer);
    connection->rtmp = rtmp;
    list_node_init(&connection->node);
    list_node_init(&connection->in_clocked);
    if (stream_create(rtmp->live->loop, fd, peer, rtmp->listeners[index].tls, &stream_handler,
                      connection, &connection->stream) != OK) {
        mem_free(connection);
        return;
    }
    enum live_protocol protocol = rtmp->listeners[index].tls ? LIVE_RTMPS : LIVE_RTMP;
    if (session_init(&connection->session, rtmp->live, &session_ops, protocol, peer, &diag) != OK) {
        log_limited(LOG_WARN, 1, "rtmp_connection_refused", LOG_STR("peer", connection->peer_text),
                    LOG_STR("reason", diag.message));
        stream_close(connection->stream);
        mem_free(connection);
        return;
    }
    connection->is_registered = true;
    crypto_random(config.seed, sizeof(config.seed));
    connection->core =
        rtmp_session_create(&config, &rtmp_handler, connection, loop_now_us(rtmp->live->loop));
    list_push_back(&rtmp->connections, &connection->node);
    arm(connection);
}

struct live_rtmp *live_rtmp_create(struct live *live)
{
    struct live_rtmp *rtmp = mem_zalloc(sizeof(*rtmp));

    rtmp->live = live;
    list_init(&rtmp->connections);
    list_init(&rtmp->clocked);
    return rtmp;
}

void live_rtmp_destroy(struct live_rtmp *rtmp)
{
    LIST_FOR_EACH(node, &rtmp->connections)
    close_connection(CONTAINER_OF(node, struct connection, node), NULL);
    for (size_t i = 0; i < rtmp->listener_count; i++)
        tcp_listener_close(rtmp->listeners[i].listener);
    loop_timer_cancel(&rtmp->tick);
    mem_free(rtmp);
}

enum err live_listen_rtmp(struct live *live, const struct net_address *address,
                          struct tls_context *tls, struct diag *diag, struct net_address *ret_bound)
{
    struct live_rtmp *rtmp = live->rtmp;
    size_t index = rtmp->listener_count;

    if (index == LISTENERS_MAX) {
        diag_set(diag, "At most %d RTMP addresses can be listened on.", LISTENERS_MAX);
        return ERR_LIMIT;
    }
    rtmp->listeners[index].rtmp = rtmp;
    rtmp->listeners[index].tls = tls;
    enum err err = tcp_listen(live->loop, address, on_accept, &rtmp->listeners[index], diag,
                              &rtmp->listeners[index].listener);
    if (err)
        return err;
    rtmp->listener_count++;
    *ret_bound = tcp_listener_address(rtmp->listeners[index].listener);
    return OK;
}
