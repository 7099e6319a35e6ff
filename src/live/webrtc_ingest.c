/*
 * webrtc_ingest - WHIP publishers: one UDP port, the TCP port of the same number, and the sessions.
 *
 * All sessions share one tick instead of a timer each: deadlines of ICE, DTLS, NACK and reports
 * move with nearly every packet. As soon as one of them sends media the tick also reads the UDP
 * port and the worker, and nobody is woken for them between: a browser's packets come one by one,
 * and waking for each costs more than what is done with it (docs/decisions/0016-udp-on-a-clock.md).
 */
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/writer.h"
#include "live/live_private.h"
#include "live/webrtc_tick.h"
#include "media/sample.h"
#include "transcode/transcode.h"
#include "webrtc/webrtc.h"

enum {
    URL_SECRET_LEN = 32,
    TCP_CONNECTIONS_MAX = 1024,
    TCP_QUEUE_MAX = 256 * 1024, /* control packets only: more means that the peer does not read */
    TCP_READ_LEN = 16 * 1024,
    UDP_SOCKET_NUMBER = 1, /* webrtc_address.socket; TCP connections count from 2 */
    LOCAL_ADDRESSES_MAX = 8,
    START_BITRATE_KBPS = 1500, /* Chrome begins there instead of at 300 */
};

static const int64_t REPAIR_FOR_US = 2 * US_PER_S;    /* after a packet was found missing */
static const int64_t ENDED_KEPT_US = 100 * US_PER_MS; /* for close_notify to be sent */

struct live_webrtc {
    struct live *live;
    struct dtls_identity *identity;
    struct webrtc_mux *mux;
    struct udp_socket *udp;
    struct tcp_listener *tcp;
    struct net_address bound;
    struct webrtc_candidate candidates[WEBRTC_CANDIDATES_MAX];
    size_t candidate_count;
    struct list publishers;
    struct list tcp_connections;
    size_t tcp_count;
    uint32_t next_socket;
    struct map tcp_by_socket;
    struct loop_timer tick;
    bool is_clocked;    /* the tick reads the UDP socket and the worker */
    int64_t read_at_us; /* when it last did */
};

/* A WHIP session. */
struct publisher {
    struct live_session session;
    struct live_webrtc *webrtc;
    struct list_node node;
    struct webrtc_session *core; /* NULL: the offer was refused */
    char url_secret[URL_SECRET_LEN + 1];
    uint64_t request_id; /* of the POST that waits; 0: answered */
    struct buf *answer;  /* the SDP, until it is accepted */
    struct diag diag;    /* what is wrong with the offer */
    int offer_status;    /* of that answer; 0: nothing is wrong */
    bool is_connected;   /* has been; media may flow */
    bool is_over;        /* destroyed by the next tick */
    int64_t over_since_us;
};

/* An ICE-TCP connection (RFC 6544): a way for packets, not yet anybody's. */
struct tcp_connection {
    struct live_webrtc *webrtc;
    struct list_node node;
    struct stream *stream;
    struct webrtc_framing framing;
    struct webrtc_address address;
    int64_t heard_at_us;
    bool is_in_use;
};

static void on_tick(struct loop_timer *timer);

/* At a multiple of its length, so that it shares a wake-up with the tick that reads RTMP. */
static void set_tick(struct live_webrtc *webrtc, int64_t tick_us)
{
    int64_t now_us = loop_now_us(webrtc->live->loop);

    loop_timer_set(webrtc->live->loop, &webrtc->tick, (now_us / tick_us + 1) * tick_us, on_tick);
}

static void run_tick(struct live_webrtc *webrtc)
{
    if (!webrtc->tick.loop)
        set_tick(webrtc, WEBRTC_TICK_IDLE_US);
}

/* ---- addresses ---- */

static struct webrtc_address to_webrtc(const struct net_address *address, uint32_t socket)
{
    struct webrtc_address to = {.port = net_port(address), .socket = socket};

    if (address->any.sa_family == AF_INET6) {
        memcpy(to.ip, &address->v6.sin6_addr, 16);
    } else {
        to.ip[10] = to.ip[11] = 0xff;
        memcpy(to.ip + 12, &address->v4.sin_addr, 4);
    }
    return to;
}

static struct net_address from_webrtc(const struct webrtc_address *address)
{
    struct net_address to = {0};

    if (webrtc_address_is_ipv4(address)) {
        to.any.sa_family = AF_INET;
        memcpy(&to.v4.sin_addr, address->ip + 12, 4);
    } else {
        to.any.sa_family = AF_INET6;
        memcpy(&to.v6.sin6_addr, address->ip, 16);
    }
    net_set_port(&to, address->port);
    return to;
}

static void add_candidate(struct live_webrtc *webrtc, struct net_address address)
{
    if (webrtc->candidate_count + 2 > WEBRTC_CANDIDATES_MAX)
        return;
    net_set_port(&address, net_port(&webrtc->bound));
    for (int is_tcp = 0; is_tcp <= (webrtc->tcp != NULL); is_tcp++)
        webrtc->candidates[webrtc->candidate_count++] =
            (struct webrtc_candidate){to_webrtc(&address, 0), is_tcp != 0};
}

/* Where publishers reach us: what the operator says, else the address that was bound, else those of
 * the interfaces. Loopback is announced only when there is nothing else. */
static void find_candidates(struct live_webrtc *webrtc)
{
    const struct live_config *config = &webrtc->live->config;
    struct net_address found[LOCAL_ADDRESSES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < config->rtc_public_count; i++)
        add_candidate(webrtc, config->rtc_public[i]);
    if (webrtc->candidate_count)
        return;
    if (!net_is_any(&webrtc->bound)) {
        add_candidate(webrtc, webrtc->bound);
        return;
    }
    count = net_local_addresses(found, LOCAL_ADDRESSES_MAX);
    for (size_t i = 0; i < count; i++) {
        bool fits = found[i].any.sa_family == webrtc->bound.any.sa_family;

        if (fits && (!net_is_loopback(&found[i]) || webrtc->candidate_count == 0))
            add_candidate(webrtc, found[i]);
    }
}

/* ---- packets ---- */

static void send_packet(void *ctx, const struct webrtc_address *to, const uint8_t *bytes,
                        size_t len)
{
    struct live_webrtc *webrtc = ((struct publisher *)ctx)->webrtc;

    if (to->socket == UDP_SOCKET_NUMBER) {
        struct net_address address = from_webrtc(to);
        udp_send(webrtc->udp, &address, bytes, len);
        return;
    }
    struct tcp_connection *connection = map_get_u64(&webrtc->tcp_by_socket, to->socket);
    if (!connection || stream_queued_len(connection->stream) > TCP_QUEUE_MAX)
        return; /* lost, as on UDP */
    uint8_t frame[WEBRTC_FRAME_HEADER_LEN + WEBRTC_DATAGRAM_LEN_MAX];
    webrtc_framing_write_header(len, frame);
    memcpy(frame + WEBRTC_FRAME_HEADER_LEN, bytes, len);
    /* A broken connection shows itself when it is read. */
    IGNORE_ERR(stream_send(connection->stream, frame, WEBRTC_FRAME_HEADER_LEN + len, NULL, 0));
}

static void on_datagram(void *ctx, uint8_t *bytes, size_t len, const struct net_address *from,
                        int64_t arrived_us)
{
    struct live_webrtc *webrtc = ctx;
    struct webrtc_address address = to_webrtc(from, UDP_SOCKET_NUMBER);

    (void)webrtc_mux_receive(webrtc->mux, bytes, len, &address, arrived_us);
}

static const struct udp_handler udp_handler = {.on_datagram = on_datagram};

/* ---- ICE-TCP ---- */

static void close_tcp(struct tcp_connection *connection)
{
    struct live_webrtc *webrtc = connection->webrtc;

    webrtc_mux_forget(webrtc->mux, &connection->address);
    (void)map_remove_u64(&webrtc->tcp_by_socket, connection->address.socket);
    webrtc_framing_deinit(&connection->framing);
    list_unlink(&connection->node);
    webrtc->tcp_count--;
    stream_close(connection->stream);
    loop_defer_free(webrtc->live->loop, connection);
}

static void on_frame(void *ctx, uint8_t *frame, size_t len)
{
    struct tcp_connection *connection = ctx;
    int64_t now_us = loop_now_us(connection->webrtc->live->loop);

    if (webrtc_mux_receive(connection->webrtc->mux, frame, len, &connection->address, now_us)) {
        connection->is_in_use = true;
        connection->heard_at_us = now_us;
    }
}

static void on_tcp_readable(void *ctx)
{
    struct tcp_connection *connection = ctx;
    uint8_t bytes[TCP_READ_LEN];
    size_t len;
    enum err err;

    while ((err = stream_read(connection->stream, bytes, sizeof(bytes), &len)) == OK) {
        err = webrtc_framing_push(&connection->framing, bytes, len, on_frame, connection);
        if (err)
            break;
    }
    if (err != ERR_AGAIN)
        close_tcp(connection);
}

static void on_tcp_broken(void *ctx, enum err reason)
{
    (void)reason;
    close_tcp(ctx);
}

static const struct stream_handler tcp_handler = {
    .on_readable = on_tcp_readable,
    .on_broken = on_tcp_broken,
};

static void on_tcp_accept(void *ctx, int fd, const struct net_address *peer)
{
    struct live_webrtc *webrtc = ctx;
    struct tcp_connection *connection = mem_zalloc(sizeof(*connection));

    connection->webrtc = webrtc;
    if (stream_create(webrtc->live->loop, fd, peer, NULL, &tcp_handler, connection,
                      &connection->stream) != OK) {
        mem_free(connection);
        return;
    }
    if (webrtc->tcp_count >= TCP_CONNECTIONS_MAX) {
        stream_close(connection->stream);
        mem_free(connection);
        return;
    }
    connection->address = to_webrtc(peer, webrtc->next_socket++);
    connection->heard_at_us = loop_now_us(webrtc->live->loop);
    list_push_back(&webrtc->tcp_connections, &connection->node);
    webrtc->tcp_count++;
    (void)map_put_u64(&webrtc->tcp_by_socket, connection->address.socket, connection);
    run_tick(webrtc);
}

/* A connection that carried nothing of a session for this long is of no use. */
static const int64_t TCP_UNUSED_US = 10 * US_PER_S;
static const int64_t TCP_SILENT_US = 60 * US_PER_S;

static void close_unused_tcp(struct live_webrtc *webrtc, int64_t now_us)
{
    LIST_FOR_EACH(node, &webrtc->tcp_connections)
    {
        struct tcp_connection *connection = CONTAINER_OF(node, struct tcp_connection, node);
        int64_t limit_us = connection->is_in_use ? TCP_SILENT_US : TCP_UNUSED_US;

        if (now_us - connection->heard_at_us > limit_us)
            close_tcp(connection);
    }
}

/* ---- events of a session ---- */

static void retire(struct publisher *publisher)
{
    if (publisher->is_over)
        return;
    publisher->is_over = true;
    publisher->over_since_us = loop_now_us(publisher->webrtc->live->loop);
}

static void on_connected(void *ctx)
{
    struct publisher *publisher = ctx;

    publisher->is_connected = true;
    log_info("whip_connected", LOG_U64("channel", publisher->session.channel_id),
             LOG_U64("session", publisher->session.id));
}

static void end_core(struct publisher *publisher)
{
    if (publisher->core)
        webrtc_session_close(publisher->core, WEBRTC_END_LOCAL,
                             loop_now_us(publisher->webrtc->live->loop));
    retire(publisher);
}

static void on_format(void *ctx, const struct format *format)
{
    struct publisher *publisher = ctx;
    struct diag diag = {0};

    if (!session_on_format(&publisher->session, format_ref(format), &diag))
        retire(publisher);
}

static void on_sample(void *ctx, const struct sample *sample)
{
    struct publisher *publisher = ctx;
    struct diag diag = {0};
    /* The session writes its times into the sample, so it gets one of its own; the payload is
     * shared. */
    struct sample *own = sample_create(sample->kind, slice_ref(sample->payload));

    own->is_keyframe = sample->is_keyframe;
    own->dts_us = sample->dts_us;
    own->pts_us = sample->pts_us;
    own->duration_us = sample->duration_us;
    if (!session_on_sample(&publisher->session, own, &diag))
        retire(publisher);
}

static void on_notice(void *ctx, enum webrtc_notice notice)
{
    const struct publisher *publisher = ctx;

    log_warn("whip_notice", LOG_U64("channel", publisher->session.channel_id),
             LOG_STR("notice", webrtc_notice_sentence(notice)));
}

static void on_ended(void *ctx, enum webrtc_end reason)
{
    struct publisher *publisher = ctx;

    if (publisher->session.state == SESSION_ACCEPTED)
        session_on_lost(&publisher->session, webrtc_end_sentence(reason));
    retire(publisher);
}

static const struct webrtc_handler webrtc_handler = {
    .send = send_packet,
    .on_connected = on_connected,
    .on_format = on_format,
    .on_sample = on_sample,
    .on_notice = on_notice,
    .on_ended = on_ended,
};

static void answer(struct live_webrtc *webrtc, uint64_t request_id,
                   const struct live_whip_answer *whip_answer)
{
    webrtc->live->handler->on_whip_answer(webrtc->live->ctx, request_id, whip_answer);
}

static void answer_error(struct live_webrtc *webrtc, uint64_t request_id, int status,
                         const char *detail)
{
    struct live_whip_answer error = {.status = status, .detail = detail};

    answer(webrtc, request_id, &error);
}

static void destroy_publisher(struct publisher *publisher)
{
    if (publisher->request_id && publisher->session.live)
        answer_error(publisher->webrtc, publisher->request_id, 503,
                     "The server could not decide in time. Try again.");
    list_unlink(&publisher->node);
    webrtc_session_destroy(publisher->core);
    session_deinit(&publisher->session);
    buf_unref(publisher->answer);
    mem_free(publisher);
}

/* ---- the tick ---- */

static bool is_repairing(const struct publisher *publisher, int64_t now_us)
{
    return webrtc_session_missed_at_us(publisher->core) > now_us - REPAIR_FOR_US;
}

static struct webrtc_census serve_publishers(struct live_webrtc *webrtc, int64_t now_us)
{
    struct webrtc_census census = {0};

    LIST_FOR_EACH(node, &webrtc->publishers)
    {
        struct publisher *publisher = CONTAINER_OF(node, struct publisher, node);

        if (publisher->core && webrtc_session_deadline_us(publisher->core) <= now_us)
            webrtc_session_on_time(publisher->core, now_us);
        if (!publisher->is_over && publisher->is_connected) {
            census.connected++;
            census.repairing += is_repairing(publisher, now_us);
        } else if (!publisher->is_over) {
            census.connecting++;
        } else if (now_us - publisher->over_since_us >= ENDED_KEPT_US) {
            destroy_publisher(publisher);
        }
    }
    return census;
}

static void set_clocked(struct live_webrtc *webrtc, bool is_clocked)
{
    if (is_clocked == webrtc->is_clocked || udp_set_clocked(webrtc->udp, is_clocked) != OK)
        return; /* refused by the system: the tick goes on reading and asks again */
    transcoder_set_clocked(webrtc->live->transcoder, is_clocked);
    webrtc->is_clocked = is_clocked;
}

/* What the worker made of the last tick's sound first, then what came meanwhile. */
static size_t read_on_clock(struct live_webrtc *webrtc)
{
    if (!webrtc->is_clocked)
        return 0;
    transcoder_read(webrtc->live->transcoder);
    return udp_read(webrtc->udp);
}

static void on_tick(struct loop_timer *timer)
{
    struct live_webrtc *webrtc = CONTAINER_OF(timer, struct live_webrtc, tick);
    size_t found = read_on_clock(webrtc);
    int64_t now_us = loop_now_us(webrtc->live->loop);
    struct webrtc_census census = serve_publishers(webrtc, now_us);

    census.found = found;
    census.span_us = now_us - webrtc->read_at_us;
    census.capacity = udp_capacity(webrtc->udp);
    webrtc->read_at_us = now_us;
    close_unused_tcp(webrtc, now_us);
    set_clocked(webrtc, census.connected > 0);
    if (!list_is_empty(&webrtc->publishers) || webrtc->tcp_count || webrtc->is_clocked)
        set_tick(webrtc, webrtc->is_clocked ? webrtc_tick_next_us(&census) : WEBRTC_TICK_IDLE_US);
}

/* ---- WHIP ---- */

static struct publisher *publisher_of(struct live_session *session)
{
    return CONTAINER_OF(session, struct publisher, session);
}

static void write_etag(const struct publisher *publisher, struct live_whip_answer *whip_answer)
{
    struct text tag = webrtc_session_ice_tag(publisher->core);
    struct writer w = writer_fixed(whip_answer->etag, sizeof(whip_answer->etag) - 1);

    writer_text(&w, text_sub(tag, 0, sizeof(whip_answer->etag) - 1));
}

static void ops_accept(struct live_session *session)
{
    struct publisher *publisher = publisher_of(session);
    struct live_whip_answer created = {
        .status = 201, .session_id = session->id, .body = publisher->answer};
    uint64_t request_id = publisher->request_id;

    publisher->request_id = 0;
    memcpy(created.secret, publisher->url_secret, sizeof(created.secret));
    write_etag(publisher, &created);
    answer(publisher->webrtc, request_id, &created);
    publisher->answer = buf_unref(publisher->answer);
}

static void ops_refuse(struct live_session *session, enum err err, const char *sentence)
{
    struct publisher *publisher = publisher_of(session);
    uint64_t request_id = publisher->request_id;
    int status = err == ERR_DENIED ? 401 : err_http_status(err);

    publisher->request_id = 0;
    if (!sentence[0] && publisher->offer_status) {
        status = publisher->offer_status;
        sentence = publisher->diag.message;
    }
    answer_error(publisher->webrtc, request_id, status, sentence);
    retire(publisher);
}

static void ops_end(struct live_session *session, const char *sentence)
{
    (void)sentence; /* WebRTC has no word for it; the pages read it from the channel's status */
    end_core(publisher_of(session));
}

static void ops_stats(struct live_session *session, struct live_stats *stats)
{
    const struct publisher *publisher = publisher_of(session);
    struct webrtc_stats webrtc;

    if (!publisher->core)
        return;
    webrtc_session_stats(publisher->core, loop_now_us(publisher->webrtc->live->loop), &webrtc);
    stats->packet_loss = webrtc.video.loss;
    if (webrtc.round_trip_us > 0)
        stats->rtt_ms = (int32_t)((webrtc.round_trip_us + 500) / US_PER_MS);
}

static void ops_request_keyframe(struct live_session *session)
{
    const struct publisher *publisher = publisher_of(session);

    if (publisher->core)
        webrtc_session_request_keyframe(publisher->core,
                                        loop_now_us(publisher->webrtc->live->loop));
}

static void ops_destroy(struct live_session *session)
{
    destroy_publisher(publisher_of(session));
}

static const struct session_ops session_ops = {
    .accept = ops_accept,
    .refuse = ops_refuse,
    .end = ops_end,
    .stats = ops_stats,
    .request_keyframe = ops_request_keyframe,
    .destroy = ops_destroy,
};

/* Half a part less than a segment, so that the last part of a segment is neither full nor a single
 * frame: a key frame one frame too late would make such a part, a request of every viewer for 33 ms
 * of media. */
static int64_t keyframe_interval_us(const struct hls_config *hls)
{
    return hls->segment_target_us - hls->part_target_us / 2;
}

/* Reads the offer and makes the session, which is nobody's before it is accepted. */
static enum err create_core(struct publisher *publisher, struct text offer, struct diag *diag)
{
    struct live_webrtc *webrtc = publisher->webrtc;
    struct webrtc_config config = {
        .identity = webrtc->identity,
        .mux = webrtc->mux,
        .candidates = webrtc->candidates,
        .candidate_count = webrtc->candidate_count,
        .start_bitrate_kbps = START_BITRATE_KBPS,
        .keyframe_interval_us = keyframe_interval_us(&webrtc->live->config.hls),
    };

    return webrtc_session_create(offer, &config, &webrtc_handler, publisher,
                                 loop_now_us(webrtc->live->loop), diag, &publisher->core,
                                 &publisher->answer);
}

void live_whip_post(struct live *live, uint64_t request_id, uint64_t channel_id,
                    struct text stream_key, struct text offer, const struct net_address *peer)
{
    struct live_webrtc *webrtc = live->webrtc;
    struct diag diag = {0};

    if (!webrtc->udp) {
        answer_error(webrtc, request_id, 503,
                     "This server takes no WebRTC: rtc.listen is off in its configuration.");
        return;
    }
    struct publisher *publisher = mem_zalloc(sizeof(*publisher));
    publisher->webrtc = webrtc;
    publisher->request_id = request_id;
    if (session_init(&publisher->session, live, &session_ops, LIVE_WHIP, peer, &diag) != OK) {
        mem_free(publisher);
        answer_error(webrtc, request_id, 503, diag.message);
        return;
    }
    enum err err = create_core(publisher, offer, &publisher->diag);
    if (err) {
        publisher->offer_status = err_http_status(err);
        publisher->session.is_refused = true;
    }
    crypto_random_text(publisher->url_secret, URL_SECRET_LEN);
    list_push_back(&webrtc->publishers, &publisher->node);
    run_tick(webrtc);
    session_ask(&publisher->session, channel_id, stream_key);
}

static struct publisher *find_publisher(struct live_webrtc *webrtc, uint64_t channel_id,
                                        struct text secret)
{
    LIST_FOR_EACH(node, &webrtc->publishers)
    {
        struct publisher *publisher = CONTAINER_OF(node, struct publisher, node);

        if (publisher->core && !publisher->is_over && publisher->session.channel_id == channel_id &&
            crypto_text_equal(text_of(publisher->url_secret), secret))
            return publisher;
    }
    return NULL;
}

static const char NO_SESSION[] =
    "There is no such WHIP session; it may have ended. Publish again with POST.";

/* RFC 9725 section 4.3.1: If-Match names the ICE session; "*" restarts whatever it is. */
static int check_if_match(const struct publisher *publisher, struct text if_match)
{
    struct text tag = webrtc_session_ice_tag(publisher->core);

    if_match = text_trim(if_match);
    if (if_match.len == 0)
        return 428;
    if (text_equal(if_match, TEXT("*")) || text_equal(if_match, TEXT("\"*\"")))
        return 0;
    if (if_match.len == tag.len + 2 && text_equal(text_sub(if_match, 1, tag.len), tag))
        return 0;
    return 412;
}

void live_whip_patch(struct live *live, uint64_t request_id, uint64_t channel_id,
                     struct text secret, struct text if_match, struct text sdpfrag)
{
    struct live_webrtc *webrtc = live->webrtc;
    struct publisher *publisher = find_publisher(webrtc, channel_id, secret);
    struct live_whip_answer patched = {.status = 204};
    struct diag diag = {0};

    if (!publisher) {
        answer_error(webrtc, request_id, 404, NO_SESSION);
        return;
    }
    int mismatch = check_if_match(publisher, if_match);
    if (mismatch) {
        answer_error(webrtc, request_id, mismatch,
                     mismatch == 428 ? "PATCH needs If-Match with the ETag of the ICE session."
                                     : "The ETag is not that of the current ICE session.");
        return;
    }
    enum err err = webrtc_session_patch(publisher->core, sdpfrag, &diag, &patched.body);
    if (err) {
        answer_error(webrtc, request_id, err_http_status(err), diag.message);
        return;
    }
    if (patched.body) {
        patched.status = 200;
        write_etag(publisher, &patched);
    }
    answer(webrtc, request_id, &patched);
    buf_unref(patched.body);
}

void live_whip_delete(struct live *live, uint64_t request_id, uint64_t channel_id,
                      struct text secret)
{
    struct publisher *publisher = find_publisher(live->webrtc, channel_id, secret);
    struct live_whip_answer deleted = {.status = 200};

    if (!publisher) {
        answer_error(live->webrtc, request_id, 404, NO_SESSION);
        return;
    }
    session_on_lost(&publisher->session, "The publisher ended the stream.");
    end_core(publisher);
    answer(live->webrtc, request_id, &deleted);
}

/* ---- life ---- */

struct live_webrtc *live_webrtc_create(struct live *live)
{
    struct live_webrtc *webrtc = mem_zalloc(sizeof(*webrtc));

    webrtc->live = live;
    webrtc->next_socket = UDP_SOCKET_NUMBER + 1;
    webrtc->mux = webrtc_mux_create();
    list_init(&webrtc->publishers);
    list_init(&webrtc->tcp_connections);
    return webrtc;
}

void live_webrtc_destroy(struct live_webrtc *webrtc)
{
    int64_t now_us = loop_now_us(webrtc->live->loop);

    LIST_FOR_EACH(node, &webrtc->publishers)
    {
        struct publisher *publisher = CONTAINER_OF(node, struct publisher, node);

        publisher->session.state = SESSION_OVER; /* nobody is told any more */
        publisher->request_id = 0;
        if (publisher->core)
            webrtc_session_close(publisher->core, WEBRTC_END_LOCAL, now_us);
        destroy_publisher(publisher);
    }
    LIST_FOR_EACH(node, &webrtc->tcp_connections)
    close_tcp(CONTAINER_OF(node, struct tcp_connection, node));
    loop_timer_cancel(&webrtc->tick);
    udp_close(webrtc->udp);
    tcp_listener_close(webrtc->tcp);
    map_deinit(&webrtc->tcp_by_socket);
    webrtc_mux_destroy(webrtc->mux);
    dtls_identity_destroy(webrtc->identity);
    mem_free(webrtc);
}

enum err live_listen_rtc(struct live *live, const struct net_address *address, struct diag *diag,
                         struct net_address *ret_bound)
{
    struct live_webrtc *webrtc = live->webrtc;

    if (dtls_identity_create(&webrtc->identity) != OK) {
        diag_set(diag, "OpenSSL cannot make a certificate for WebRTC.");
        return ERR_IO;
    }
    enum err err = udp_open(live->loop, address, &udp_handler, webrtc, diag, &webrtc->udp);
    if (err)
        return err;
    webrtc->bound = udp_address(webrtc->udp);
    err = tcp_listen(live->loop, &webrtc->bound, on_tcp_accept, webrtc, diag, &webrtc->tcp);
    if (err)
        return err;
    find_candidates(webrtc);
    *ret_bound = webrtc->bound;
    return OK;
}

void live_webrtc_count(const struct live_webrtc *webrtc, struct live_counters *counters)
{
    struct webrtc_mux_stats mux;

    webrtc_mux_stats(webrtc->mux, &mux);
    counters->udp_dropped = mux.dropped;
    if (webrtc->udp)
        counters->udp_received = udp_get_stats(webrtc->udp).received;
}
