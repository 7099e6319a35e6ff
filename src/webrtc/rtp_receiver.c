#include "webrtc/rtp_receiver.h"

#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"
#include "webrtc/rtcp.h"
#include "webrtc/rtp.h"
#include "webrtc/rtp_track.h"
#include "webrtc/twcc.h"

enum { TRACK_COUNT = 2, RTCP_OUT_LEN_MAX = RTP_PACKET_LEN_MAX - 100, FEEDBACKS_MAX = 4 };

#define REPORT_INTERVAL_US   US_PER_S
#define TWCC_INTERVAL_US     (50 * US_PER_MS)
#define SSRC_SILENCE_US      (500 * US_PER_MS) /* then another SSRC may take the track over */
#define RETRY_UNKNOWN_RTT_US (80 * US_PER_MS)
#define RETRY_MIN_US         (30 * US_PER_MS)
#define RETRY_MAX_US         (300 * US_PER_MS)
#define RTT_MAX_US           (10 * US_PER_S)
#define REMB_BITRATE_DEFAULT 8000000U
#define REMB_BITRATE_MIN     300000U

struct rtp_receiver {
    struct rtp_receiver_config config;
    struct rtp_sink sink;
    struct rtp_track tracks[TRACK_COUNT];
    struct twcc twcc;
    int64_t twcc_at_us;    /* when the last feedback was sent */
    int64_t report_due_us; /* INT64_MAX before the first packet */
    int64_t rtt_us;        /* by RTCP; -1: not known */
    int64_t rtt_hint_us;   /* by the session; -1: not known */
    uint32_t remb_bitrate;
    uint32_t media_ssrc; /* of the last packet: feedback must name one */
    uint8_t fir_number;
    struct rtp_receiver_stats stats; /* only what belongs to no track */
};

/* What a packet says of itself in header extensions. */
struct packet_marks {
    bool has_twcc;
    uint16_t twcc_seq;
    struct text mid;
};

#define FOR_EACH_TRACK(track, receiver)                                                            \
    for (struct rtp_track *track = (receiver)->tracks; track < (receiver)->tracks + TRACK_COUNT;   \
         track++)                                                                                  \
        if (track->config)

static bool is_valid_track(const struct rtp_track_config *config, uint8_t used[128])
{
    if (config->payload_count > RTP_PAYLOADS_MAX)
        return false;
    for (size_t i = 0; i < config->payload_count; i++) {
        const struct rtp_payload *payload = &config->payloads[i];

        if (payload->payload_type > 127 || payload->rtx_payload_type > 127 ||
            payload->clock_rate == 0 || used[payload->payload_type]++)
            return false;
        if (payload->rtx_payload_type && used[payload->rtx_payload_type]++)
            return false;
    }
    return true;
}

static bool is_valid(const struct rtp_receiver_config *config)
{
    uint8_t used[128] = {0};

    if (config->video.payload_count == 0 && config->audio.payload_count == 0)
        return false;
    return is_valid_track(&config->video, used) && is_valid_track(&config->audio, used);
}

enum err rtp_receiver_create(const struct rtp_receiver_config *config,
                             const struct rtp_receiver_handler *handler, void *ctx,
                             struct rtp_receiver **ret_receiver)
{
    if (!is_valid(config))
        return ERR_INVALID;

    struct rtp_receiver *receiver = mem_zalloc(sizeof(*receiver));

    receiver->config = *config;
    receiver->config.video.mid[RTP_MID_LEN_MAX] = '\0';
    receiver->config.audio.mid[RTP_MID_LEN_MAX] = '\0';
    receiver->config.cname[RTP_CNAME_LEN_MAX] = '\0';
    receiver->sink.handler = handler;
    receiver->sink.ctx = ctx;
    receiver->report_due_us = INT64_MAX;
    receiver->rtt_us = -1;
    receiver->rtt_hint_us = -1;
    if (config->has_remb && !config->has_twcc)
        receiver->remb_bitrate = config->bitrate_max ? config->bitrate_max : REMB_BITRATE_DEFAULT;
    config = &receiver->config;
    if (config->video.payload_count)
        rtp_track_init(&receiver->tracks[0], MEDIA_VIDEO, &config->video, &receiver->sink);
    if (config->audio.payload_count)
        rtp_track_init(&receiver->tracks[1], MEDIA_AUDIO, &config->audio, &receiver->sink);
    receiver->tracks[0].request.interval_us = config->keyframe_interval_us;
    *ret_receiver = receiver;
    return OK;
}

void rtp_receiver_destroy(struct rtp_receiver *receiver)
{
    if (!receiver)
        return;
    for (size_t i = 0; i < TRACK_COUNT; i++)
        rtp_track_deinit(&receiver->tracks[i]);
    mem_free(receiver);
}

/* ---- RTP in ---------------------------------------------------------------------------------- */

static struct packet_marks read_marks(const struct rtp_receiver *receiver,
                                      const struct rtp_packet *packet)
{
    struct packet_marks marks = {0};
    struct reader r = reader_of(packet->extensions, packet->extensions_len);
    struct rtp_extension extension;

    while (rtp_next_extension(&r, packet->extension_profile, &extension)) {
        struct reader data = reader_of(extension.data, extension.len);

        if (extension.id == receiver->config.twcc_extension_id && extension.len == 2) {
            marks.has_twcc = true;
            marks.twcc_seq = reader_u16(&data);
        } else if (extension.id == receiver->config.mid_extension_id) {
            marks.mid = reader_text(&data, extension.len);
        }
    }
    return marks;
}

/* The track of an SSRC that is not known yet: by mid (RFC 9143 section 9.2), then payload type. */
static struct rtp_track *find_track_of_new(struct rtp_receiver *receiver,
                                           const struct rtp_packet *packet, struct text mid)
{
    bool is_rtx;

    FOR_EACH_TRACK(track, receiver)
    {
        if (mid.len && text_equal(mid, text_of(track->config->mid)))
            return track;
    }
    FOR_EACH_TRACK(track, receiver)
    {
        if (rtp_track_find_payload(track, packet->payload_type, &is_rtx))
            return track;
    }
    return NULL;
}

/* May this SSRC be the track from now on? One that speaks is not interrupted. */
static bool may_take_over(const struct rtp_track *track, int64_t now_us)
{
    return !track->has_ssrc || !track->has_packets ||
           now_us - track->packet_at_us > SSRC_SILENCE_US;
}

static struct rtp_track *find_track(struct rtp_receiver *receiver, const struct rtp_packet *packet,
                                    struct text mid, int64_t now_us)
{
    bool is_rtx;

    FOR_EACH_TRACK(track, receiver)
    {
        if ((track->has_ssrc && track->ssrc == packet->ssrc) ||
            (track->has_rtx_ssrc && track->rtx_ssrc == packet->ssrc))
            return track;
    }
    struct rtp_track *track = find_track_of_new(receiver, packet, mid);

    if (!track || !rtp_track_find_payload(track, packet->payload_type, &is_rtx))
        return NULL;
    if (is_rtx) {
        track->has_rtx_ssrc = true;
        track->rtx_ssrc = packet->ssrc;
        return track;
    }
    if (!may_take_over(track, now_us))
        return NULL;
    rtp_track_bind(track, packet->ssrc);
    return track;
}

static bool is_taken(enum media_kind kind, enum codec codec)
{
    return codec == (kind == MEDIA_VIDEO ? CODEC_H264 : CODEC_OPUS);
}

/* RFC 4588 section 4: the payload starts with the original sequence number. False: only padding. */
static bool unpack_rtx(const struct rtp_track *track, const struct rtp_payload *payload,
                       struct rtp_packet *packet)
{
    struct reader r = reader_of(packet->payload, packet->payload_len);

    packet->seq = reader_u16(&r);
    packet->payload = r.ptr;
    packet->payload_len = r.left;
    packet->payload_type = payload->payload_type;
    packet->ssrc = track->ssrc;
    return !r.failed;
}

static void take_packet(struct rtp_receiver *receiver, struct rtp_packet *packet, struct text mid,
                        int64_t now_us)
{
    struct rtp_track *track = find_track(receiver, packet, mid, now_us);
    bool is_rtx = false;
    const struct rtp_payload *payload =
        track ? rtp_track_find_payload(track, packet->payload_type, &is_rtx) : NULL;

    if (!payload) {
        receiver->stats.unknown++;
        return;
    }
    if (!is_taken(track->kind, payload->codec)) {
        receiver->stats.unknown++;
        rtp_sink_notice(&receiver->sink, RTP_NOTICE_UNSUPPORTED_CODEC);
        return;
    }
    if (is_rtx && !unpack_rtx(track, payload, packet))
        return;
    if (!is_rtx)
        receiver->media_ssrc = packet->ssrc;
    rtp_track_put(track, payload, packet, is_rtx, now_us);
}

void rtp_receiver_rtp(struct rtp_receiver *receiver, const uint8_t *bytes, size_t len,
                      int64_t now_us)
{
    struct rtp_packet packet;

    if (len > RTP_PACKET_LEN_MAX || rtp_parse(bytes, len, &packet) != OK) {
        receiver->stats.malformed++;
        return;
    }
    if (receiver->report_due_us == INT64_MAX) {
        receiver->report_due_us = now_us + REPORT_INTERVAL_US;
        receiver->twcc_at_us = now_us;
        FOR_EACH_TRACK(track, receiver)
        track->rate_from_us = now_us;
    }
    struct packet_marks marks = read_marks(receiver, &packet);

    if (marks.has_twcc && receiver->config.has_twcc)
        twcc_add(&receiver->twcc, marks.twcc_seq, now_us);
    take_packet(receiver, &packet, marks.mid, now_us);
}

/* ---- RTCP in --------------------------------------------------------------------------------- */

static uint64_t ntp_of(int64_t now_us)
{
    uint64_t fraction = ((uint64_t)(now_us % US_PER_S) << 32) / (uint64_t)US_PER_S;

    return (uint64_t)(now_us / US_PER_S) << 32 | fraction;
}

static void on_sender_report(struct rtp_receiver *receiver, struct rtcp_packet *packet,
                             int64_t now_us)
{
    struct rtcp_sender_report report;

    if (rtcp_read_sender_report(packet, &report) != OK) {
        receiver->stats.malformed++;
        return;
    }
    FOR_EACH_TRACK(track, receiver)
    {
        if (!track->has_packets || track->ssrc != report.ssrc)
            continue;
        track->reception.last_sr = (uint32_t)(report.ntp >> 16);
        track->reception.last_sr_at_us = now_us;
        if (!rtp_timeline_report(&receiver->sink.timeline, track->kind, report.ntp,
                                 report.rtp_timestamp, now_us))
            receiver->stats.ignored_reports++;
    }
}

static void on_bye(struct rtp_receiver *receiver, struct rtcp_packet *packet, int64_t now_us)
{
    (void)now_us;
    for (unsigned i = 0; i < packet->count && packet->body.left > 0; i++) {
        uint32_t ssrc = reader_u32(&packet->body);

        FOR_EACH_TRACK(track, receiver)
        {
            if (packet->body.failed || !track->has_ssrc || track->ssrc != ssrc)
                continue;
            track->has_ssrc = false;
            receiver->sink.handler->on_end(receiver->sink.ctx, track->kind);
        }
    }
}

static void on_extended_report(struct rtp_receiver *receiver, struct rtcp_packet *packet,
                               int64_t now_us)
{
    struct rtcp_dlrr dlrr;

    if (!rtcp_find_dlrr(packet, receiver->config.local_ssrc, &dlrr) || dlrr.last_rr == 0)
        return;

    /* RFC 3611 section 4.5: arrival minus LRR minus DLRR, in 1/65536 s. */
    uint32_t elapsed = (uint32_t)(ntp_of(now_us) >> 16) - dlrr.last_rr - dlrr.delay;
    int64_t rtt_us = (int64_t)elapsed * US_PER_S / 65536;

    if (rtt_us > RTT_MAX_US)
        return;
    receiver->rtt_us = receiver->rtt_us < 0 ? rtt_us : (receiver->rtt_us * 7 + rtt_us) / 8;
}

static const struct {
    enum rtcp_type type;
    void (*handle)(struct rtp_receiver *receiver, struct rtcp_packet *packet, int64_t now_us);
} rtcp_handlers[] = {
    {RTCP_SR, on_sender_report},   /* RFC 3550 section 6.4.1 */
    {RTCP_BYE, on_bye},            /* section 6.6 */
    {RTCP_XR, on_extended_report}, /* RFC 3611 */
};

void rtp_receiver_rtcp(struct rtp_receiver *receiver, const uint8_t *bytes, size_t len,
                       int64_t now_us)
{
    struct reader r = reader_of(bytes, len);
    struct rtcp_packet packet;

    while (rtcp_next(&r, &packet)) {
        for (size_t i = 0; i < sizeof(rtcp_handlers) / sizeof(rtcp_handlers[0]); i++) {
            if (packet.type == rtcp_handlers[i].type)
                rtcp_handlers[i].handle(receiver, &packet, now_us);
        }
    }
    if (r.failed)
        receiver->stats.malformed++;
}

/* ---- RTCP out -------------------------------------------------------------------------------- */

/* One RTCP packet in the making. */
struct outgoing {
    uint8_t bytes[RTCP_OUT_LEN_MAX];
    struct writer w;
};

static void write_lead(const struct rtp_receiver *receiver, struct writer *w,
                       const struct rtcp_report_block *blocks, size_t count)
{
    rtcp_write_receiver_report(w, receiver->config.local_ssrc, blocks, count);
    rtcp_write_sdes_cname(w, receiver->config.local_ssrc, text_of(receiver->config.cname));
}

/* RFC 3550 section 6.1: a compound starts with a report and has a CNAME, unless RFC 5506 was agreed
 * upon. */
static struct writer *begin_feedback(const struct rtp_receiver *receiver, struct outgoing *outgoing)
{
    outgoing->w = writer_fixed(outgoing->bytes, sizeof(outgoing->bytes));
    if (!receiver->config.has_reduced_size)
        write_lead(receiver, &outgoing->w, NULL, 0);
    return &outgoing->w;
}

static void send_rtcp(struct rtp_receiver *receiver, const struct outgoing *outgoing)
{
    assert(!outgoing->w.failed); /* the limits of what is written are ours */
    receiver->sink.handler->on_rtcp(receiver->sink.ctx, outgoing->bytes, outgoing->w.len);
}

/* RFC 4585 has no estimate of its own: with REMB the receiver tells what the path carries. It
 * starts high, so that the sender's own probing decides, and falls below what came when much was
 * lost. */
static void update_remb(struct rtp_receiver *receiver)
{
    uint32_t max =
        receiver->config.bitrate_max ? receiver->config.bitrate_max : REMB_BITRATE_DEFAULT;
    uint64_t received = 0;
    uint64_t bitrate = receiver->remb_bitrate;
    double loss = 0;

    FOR_EACH_TRACK(track, receiver)
    {
        received += track->stats.bitrate;
        loss = track->stats.loss > loss ? track->stats.loss : loss;
    }
    if (loss > 0.10 && received > 0)
        bitrate = received * 85 / 100;
    else if (loss < 0.02)
        bitrate += bitrate / 10;
    bitrate = bitrate > REMB_BITRATE_MIN ? bitrate : REMB_BITRATE_MIN;
    receiver->remb_bitrate = (uint32_t)(bitrate < max ? bitrate : max);
}

static void send_reports(struct rtp_receiver *receiver, int64_t now_us)
{
    struct rtcp_report_block blocks[TRACK_COUNT];
    uint32_t ssrcs[TRACK_COUNT];
    size_t count = 0;
    struct outgoing outgoing;

    outgoing.w = writer_fixed(outgoing.bytes, sizeof(outgoing.bytes));
    FOR_EACH_TRACK(track, receiver)
    {
        rtp_track_measure(track, now_us);
        if (!track->has_packets)
            continue;
        ssrcs[count] = track->ssrc;
        blocks[count++] = rtp_track_report(track, now_us);
    }
    write_lead(receiver, &outgoing.w, blocks, count);
    rtcp_write_rrtr(&outgoing.w, receiver->config.local_ssrc, ntp_of(now_us));
    if (receiver->remb_bitrate && count > 0) {
        update_remb(receiver);
        rtcp_write_remb(&outgoing.w, receiver->config.local_ssrc, receiver->remb_bitrate, ssrcs,
                        count);
    }
    send_rtcp(receiver, &outgoing);
}

static void send_twcc(struct rtp_receiver *receiver)
{
    for (unsigned i = 0; i < FEEDBACKS_MAX && receiver->twcc.is_pending; i++) {
        struct outgoing outgoing;

        twcc_write(&receiver->twcc, begin_feedback(receiver, &outgoing),
                   receiver->config.local_ssrc, receiver->media_ssrc);
        send_rtcp(receiver, &outgoing);
        receiver->stats.feedback_packets++;
    }
}

static void send_nacks(struct rtp_receiver *receiver, struct rtp_track *track, int64_t retry_us,
                       int64_t now_us)
{
    uint16_t seqs[RTCP_NACKS_MAX];
    struct outgoing outgoing;

    if (!track->config->has_nack || now_us < track->window.nack_due_us)
        return;
    size_t count = rtp_window_collect_nacks(&track->window, now_us, retry_us, seqs, RTCP_NACKS_MAX);

    if (count == 0)
        return;
    rtcp_write_nack(begin_feedback(receiver, &outgoing), receiver->config.local_ssrc, track->ssrc,
                    seqs, count);
    send_rtcp(receiver, &outgoing);
    track->stats.nacks += count;
}

static void send_keyframe_request(struct rtp_receiver *receiver, struct rtp_track *track,
                                  int64_t now_us)
{
    struct outgoing outgoing;

    if (!rtp_track_take_keyframe_request(track, now_us))
        return;
    struct writer *w = begin_feedback(receiver, &outgoing);

    if (track->config->has_pli)
        rtcp_write_pli(w, receiver->config.local_ssrc, track->ssrc);
    else
        rtcp_write_fir(w, receiver->config.local_ssrc, track->ssrc, receiver->fir_number++);
    send_rtcp(receiver, &outgoing);
}

/* ---- time ------------------------------------------------------------------------------------ */

static int64_t known_rtt_us(const struct rtp_receiver *receiver)
{
    return receiver->rtt_us >= 0 ? receiver->rtt_us : receiver->rtt_hint_us;
}

/* A little more than a round trip: the sender's answer must have had its chance. */
static int64_t retry_us(const struct rtp_receiver *receiver)
{
    int64_t rtt_us = known_rtt_us(receiver);
    int64_t retry = rtt_us + rtt_us / 4 + 10 * US_PER_MS;

    if (rtt_us < 0)
        return RETRY_UNKNOWN_RTT_US;
    if (retry < RETRY_MIN_US)
        return RETRY_MIN_US;
    return retry < RETRY_MAX_US ? retry : RETRY_MAX_US;
}

int64_t rtp_receiver_deadline_us(const struct rtp_receiver *receiver)
{
    int64_t due_us = receiver->report_due_us;
    int64_t retry = retry_us(receiver);

    if (receiver->twcc.is_pending && receiver->twcc_at_us + TWCC_INTERVAL_US < due_us)
        due_us = receiver->twcc_at_us + TWCC_INTERVAL_US;
    for (size_t i = 0; i < TRACK_COUNT; i++) {
        const struct rtp_track *track = &receiver->tracks[i];

        if (!track->config)
            continue;
        int64_t track_due_us = rtp_track_deadline_us(track, rtp_track_patience_us(track, retry));

        due_us = track_due_us < due_us ? track_due_us : due_us;
    }
    return due_us;
}

int64_t rtp_receiver_missed_at_us(const struct rtp_receiver *receiver)
{
    int64_t at_us = INT64_MIN;

    for (size_t i = 0; i < TRACK_COUNT; i++) {
        const struct rtp_track *track = &receiver->tracks[i];

        if (track->config && track->window.missed_at_us > at_us)
            at_us = track->window.missed_at_us;
    }
    return at_us;
}

void rtp_receiver_on_time(struct rtp_receiver *receiver, int64_t now_us)
{
    int64_t retry = retry_us(receiver);

    FOR_EACH_TRACK(track, receiver)
    {
        rtp_track_on_time(track, rtp_track_patience_us(track, retry), now_us);
        send_nacks(receiver, track, retry, now_us);
        send_keyframe_request(receiver, track, now_us);
    }
    if (receiver->twcc.is_pending && now_us - receiver->twcc_at_us >= TWCC_INTERVAL_US) {
        send_twcc(receiver);
        receiver->twcc_at_us = now_us;
    }
    if (now_us >= receiver->report_due_us) {
        send_reports(receiver, now_us);
        receiver->report_due_us = now_us + REPORT_INTERVAL_US;
    }
}

void rtp_receiver_request_keyframe(struct rtp_receiver *receiver, int64_t now_us)
{
    if (receiver->tracks[0].config)
        rtp_track_want_keyframe(&receiver->tracks[0], now_us);
}

void rtp_receiver_set_keyframe_interval(struct rtp_receiver *receiver, int64_t interval_us)
{
    receiver->tracks[0].request.interval_us = interval_us;
}

void rtp_receiver_set_rtt(struct rtp_receiver *receiver, int64_t rtt_us)
{
    receiver->rtt_hint_us = rtt_us;
}

bool rtp_receiver_wall_us(const struct rtp_receiver *receiver, int64_t pts_us, int64_t *ret_wall_us)
{
    return rtp_timeline_wall_us(&receiver->sink.timeline, pts_us, ret_wall_us);
}

static struct rtp_track_stats track_stats(const struct rtp_track *track, int64_t now_us)
{
    struct rtp_track_stats stats = track->stats;

    /* Figures of a second that is long over would claim that the track still runs. */
    if (track->config && now_us - track->packet_at_us > 2 * REPORT_INTERVAL_US) {
        stats.bitrate = 0;
        stats.fps = 0.0;
        stats.loss = 0.0;
    }
    return stats;
}

void rtp_receiver_stats(const struct rtp_receiver *receiver, int64_t now_us,
                        struct rtp_receiver_stats *ret_stats)
{
    *ret_stats = receiver->stats;
    ret_stats->video = track_stats(&receiver->tracks[0], now_us);
    ret_stats->audio = track_stats(&receiver->tracks[1], now_us);
    ret_stats->rtt_us = known_rtt_us(receiver);
    ret_stats->remb_bitrate = receiver->remb_bitrate;
}
