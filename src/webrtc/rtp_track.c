#include "webrtc/rtp_track.h"

#include "base/clock.h"
#include "webrtc/rtp.h"

/* RFC 3550 section A.1: a packet further away than this is believed with its successor only. */
enum { JUMP_SEQ_MIN = 3000 };

/* So many packets are not asked for again: a key frame is smaller. */
enum { MISSING_MAX = 400 };

#define PATIENCE_MAX_US       US_PER_S
#define AUDIO_PATIENCE_MAX_US (400 * US_PER_MS)
#define REORDER_PATIENCE_US   (100 * US_PER_MS) /* nobody sends it again: it is late or lost */
#define KEYFRAME_PAUSE_US     US_PER_S
#define KEYFRAME_PAUSE_MAX_US (8 * US_PER_S)
#define KEYFRAME_GRACE_US     (300 * US_PER_MS) /* the one that has begun to come may be whole */
#define KEYFRAME_NOTICE_US    (5 * US_PER_S)

void rtp_track_init(struct rtp_track *track, enum media_kind kind,
                    const struct rtp_track_config *config, struct rtp_sink *sink)
{
    *track = (struct rtp_track){.kind = kind, .config = config, .sink = sink};
    track->needs_keyframe = kind == MEDIA_VIDEO;
    track->request.sent_at_us = INT64_MIN;
    track->request.keyframe_us = INT64_MIN;
    rtp_window_init(&track->window, kind == MEDIA_VIDEO ? RTP_VIDEO_WINDOW : RTP_AUDIO_WINDOW);
    track->has_ssrc = config->ssrc != 0;
    track->ssrc = config->ssrc;
    track->has_rtx_ssrc = config->rtx_ssrc != 0;
    track->rtx_ssrc = config->rtx_ssrc;
}

void rtp_track_deinit(struct rtp_track *track)
{
    if (!track->config)
        return;
    rtp_window_deinit(&track->window);
    h264_sets_deinit(&track->sets);
    format_unref(track->format);
    vec_deinit(&track->payloads);
}

const struct rtp_payload *rtp_track_find_payload(const struct rtp_track *track,
                                                 uint8_t payload_type, bool *ret_is_rtx)
{
    for (size_t i = 0; i < track->config->payload_count; i++) {
        const struct rtp_payload *payload = &track->config->payloads[i];

        if (payload->payload_type == payload_type ||
            (payload->rtx_payload_type && payload->rtx_payload_type == payload_type)) {
            *ret_is_rtx = payload->payload_type != payload_type;
            return payload;
        }
    }
    return NULL;
}

void rtp_track_bind(struct rtp_track *track, uint32_t ssrc)
{
    bool is_change = track->has_packets;

    if (track->window.is_started)
        (void)rtp_window_consume(&track->window, track->window.end_seq);
    track->window.is_started = false;
    track->has_ssrc = true;
    track->ssrc = ssrc;
    track->has_packets = false;
    track->has_jumped = false;
    track->has_frame = false;
    track->is_broken = false;
    track->needs_keyframe = track->kind == MEDIA_VIDEO;
    track->reception = (struct rtp_reception){0};
    rtp_timeline_restart(&track->sink->timeline, track->kind);
    if (is_change)
        track->has_rtx_ssrc = false; /* that of the new one is learned */
}

/* RFC 3550 section A.8. */
static void note_jitter(struct rtp_track *track, uint32_t rate, uint32_t timestamp, int64_t now_us)
{
    struct rtp_reception *reception = &track->reception;
    int64_t arrival = now_us / US_PER_S * rate + now_us % US_PER_S * rate / US_PER_S;
    int64_t transit = (int32_t)((uint32_t)arrival - timestamp);
    int64_t difference = (int32_t)(uint32_t)(transit - reception->transit_ticks);

    if (difference < 0)
        difference = -difference;
    if (reception->has_transit)
        reception->jitter_sixteenths += difference - (reception->jitter_sixteenths + 8) / 16;
    reception->has_transit = true;
    reception->transit_ticks = transit;
}

static void note_received(struct rtp_track *track, const struct rtp_packet *packet, int64_t now_us)
{
    track->reception.received++;
    track->stats.packets++;
    track->stats.bytes += RTP_HEADER_LEN + packet->extensions_len + packet->payload_len;
    track->rate_bytes += RTP_HEADER_LEN + packet->extensions_len + packet->payload_len;
    note_jitter(track, track->rate, packet->timestamp, now_us);
    rtp_timeline_arrival(&track->sink->timeline, track->kind, track->rate, packet->timestamp,
                         now_us);
}

static void start(struct rtp_track *track, int64_t seq, const struct rtp_packet *packet,
                  int64_t now_us)
{
    rtp_window_restart(&track->window, seq);
    track->scan_seq = seq;
    track->has_packets = true;
    track->has_jumped = false;
    track->has_frame = false;
    track->reception = (struct rtp_reception){.first_seq = seq};
    if (track->kind != MEDIA_VIDEO)
        return;
    /* Nobody knows what came before this packet, unless it starts a key frame. */
    track->is_broken = true;
    rtp_track_want_keyframe(track, now_us);
    if (depacketize_h264_starts_keyframe(packet->payload, packet->payload_len))
        track->request.due_us = now_us + KEYFRAME_GRACE_US;
}

/* Finds the place of a packet; false when it must not be put anywhere. */
static bool place(struct rtp_track *track, const struct rtp_packet *packet, bool is_recovered,
                  int64_t now_us, int64_t *ret_seq)
{
    struct rtp_window *window = &track->window;

    if (!window->is_started) {
        *ret_seq = packet->seq;
        if (!is_recovered)
            start(track, packet->seq, packet, now_us);
        return !is_recovered;
    }
    int64_t seq = rtp_extend_seq(window->end_seq - 1, packet->seq);

    if (seq - window->end_seq >= JUMP_SEQ_MIN || window->begin_seq - seq > JUMP_SEQ_MIN) {
        bool is_confirmed = track->has_jumped && seq == track->jump_seq + 1;

        track->has_jumped = !is_recovered;
        track->jump_seq = seq;
        if (!is_confirmed || is_recovered)
            return false;
        rtp_timeline_restart(&track->sink->timeline, track->kind);
        track->needs_keyframe = track->kind == MEDIA_VIDEO;
        start(track, seq, packet, now_us);
    } else if (seq >= window->begin_seq + (int64_t)window->capacity) {
        /* More than a window is outstanding: hopeless. Make room for half of one. */
        int64_t drop_to = seq - (int64_t)window->capacity / 2;

        if (drop_to >= window->end_seq) {
            track->stats.lost += (uint64_t)(seq - window->end_seq);
            rtp_track_drop_to(track, window->end_seq, now_us);
            rtp_window_restart(window, seq);
            track->scan_seq = seq;
        } else {
            rtp_track_drop_to(track, drop_to, now_us);
        }
    }
    *ret_seq = seq;
    return true;
}

/* A key frame begins: what is still missing before it is of no use to a track that waits for one.
 */
static void skip_to_keyframe(struct rtp_track *track, int64_t seq, int64_t now_us)
{
    const struct rtp_slot *slot;

    if (!track->needs_keyframe || seq <= track->scan_seq)
        return;
    slot = rtp_window_at(&track->window, seq);
    if (depacketize_h264_starts_keyframe(rtp_slot_payload(slot), slot->len))
        rtp_track_drop_to(track, seq, now_us);
}

void rtp_track_put(struct rtp_track *track, const struct rtp_payload *payload,
                   const struct rtp_packet *packet, bool is_recovered, int64_t now_us)
{
    int64_t seq;

    track->rate = payload->clock_rate;
    track->packet_at_us = now_us;
    if (!place(track, packet, is_recovered, now_us, &seq))
        return;

    enum rtp_put put = rtp_window_put(&track->window, seq, packet, now_us);

    if (put == RTP_PUT_DUPLICATE) {
        track->stats.duplicates++;
        return;
    }
    if (put != RTP_PUT_NEW)
        track->stats.recovered++;
    /* Without rtx a repeated packet looks like any other; but it was lost once, and when it came
     * says nothing about the line. */
    if (put == RTP_PUT_REPAIRED)
        is_recovered = true;
    if (!is_recovered) {
        track->has_jumped = false;
        note_received(track, packet, now_us);
    }
    if (track->window.missing_count > MISSING_MAX)
        rtp_track_drop_to(track, seq, now_us);
    skip_to_keyframe(track, seq, now_us);
    rtp_track_advance(track, now_us);
}

int64_t rtp_track_patience_us(const struct rtp_track *track, int64_t retry_us)
{
    int64_t max_us = track->kind == MEDIA_VIDEO ? PATIENCE_MAX_US : AUDIO_PATIENCE_MAX_US;
    int64_t patience_us = RTP_NACK_DELAY_US + RTP_NACK_TRIES_MAX * retry_us;

    if (!track->config->has_nack)
        return REORDER_PATIENCE_US;
    return patience_us < max_us ? patience_us : max_us;
}

static bool is_at_gap(const struct rtp_track *track)
{
    return track->window.is_started && track->scan_seq < track->window.end_seq;
}

void rtp_track_on_time(struct rtp_track *track, int64_t patience_us, int64_t now_us)
{
    while (is_at_gap(track)) {
        int64_t seq = track->scan_seq;

        if (now_us - rtp_window_at(&track->window, seq)->since_us < patience_us)
            break;
        while (seq < track->window.end_seq && !rtp_window_at(&track->window, seq)->is_present)
            seq++;
        rtp_track_drop_to(track, seq, now_us);
        rtp_track_advance(track, now_us);
    }
    if (track->request.is_wanted && track->needs_keyframe &&
        now_us - track->request.wanted_at_us >= KEYFRAME_NOTICE_US &&
        now_us - track->packet_at_us < US_PER_S)
        rtp_sink_notice(track->sink, RTP_NOTICE_NO_KEYFRAME);
}

static bool can_request_keyframe(const struct rtp_track *track)
{
    return track->kind == MEDIA_VIDEO && track->has_packets &&
           (track->config->has_pli || track->config->has_fir);
}

static int64_t request_due_us(const struct rtp_track *track)
{
    const struct rtp_keyframe_request *request = &track->request;

    if (!can_request_keyframe(track))
        return INT64_MAX;
    if (request->is_wanted)
        return request->due_us;
    if (request->interval_us > 0 && request->keyframe_us != INT64_MIN)
        return request->keyframe_us + request->interval_us - request->answer_us;
    return INT64_MAX;
}

int64_t rtp_track_deadline_us(const struct rtp_track *track, int64_t patience_us)
{
    int64_t due_us = request_due_us(track);

    if (track->config->has_nack && track->window.nack_due_us < due_us)
        due_us = track->window.nack_due_us;
    if (is_at_gap(track)) {
        int64_t give_up_us = rtp_window_at(&track->window, track->scan_seq)->since_us + patience_us;

        if (give_up_us < due_us)
            due_us = give_up_us;
    }
    return due_us;
}

void rtp_track_want_keyframe(struct rtp_track *track, int64_t now_us)
{
    struct rtp_keyframe_request *request = &track->request;

    if (track->kind != MEDIA_VIDEO || request->is_wanted)
        return;
    request->is_wanted = true;
    request->sent_count = 0;
    request->wanted_at_us = now_us;
    request->due_us = now_us;
    if (request->sent_at_us != INT64_MIN && request->sent_at_us + KEYFRAME_PAUSE_US > now_us)
        request->due_us = request->sent_at_us + KEYFRAME_PAUSE_US;
}

bool rtp_track_take_keyframe_request(struct rtp_track *track, int64_t now_us)
{
    struct rtp_keyframe_request *request = &track->request;
    int64_t pause_us = KEYFRAME_PAUSE_US;

    if (now_us < request_due_us(track))
        return false;
    rtp_track_want_keyframe(track, now_us); /* when it is the cadence that asks */
    if (now_us < request->due_us)
        return false;

    /* The request or its answer may be lost, so the first ones follow each other quickly; a sender
     * that does not answer those is not pressed. */
    for (unsigned i = 2; i < request->sent_count && pause_us < KEYFRAME_PAUSE_MAX_US; i++)
        pause_us *= 2;
    request->sent_count++;
    request->sent_at_us = now_us;
    request->due_us = now_us + pause_us;
    track->stats.plis++;
    return true;
}

/* RFC 3550 section A.3. */
struct rtcp_report_block rtp_track_report(struct rtp_track *track, int64_t now_us)
{
    struct rtp_reception *reception = &track->reception;
    uint64_t expected = (uint64_t)(track->window.end_seq - reception->first_seq);
    int64_t lost = (int64_t)(expected - reception->received);
    int64_t expected_now = (int64_t)(expected - reception->expected_before);
    int64_t lost_now = expected_now - (int64_t)(reception->received - reception->received_before);
    struct rtcp_report_block block = {.ssrc = track->ssrc, .last_sr = reception->last_sr};

    track->stats.loss =
        expected_now > 0 && lost_now > 0 ? (double)lost_now / (double)expected_now : 0.0;
    if (expected_now > 0 && lost_now > 0)
        block.fraction_lost =
            (uint8_t)(lost_now >= expected_now ? 255 : lost_now * 256 / expected_now);
    lost = lost > 0x7fffff ? 0x7fffff : lost;
    block.cumulative_lost = (int32_t)(lost < -0x800000 ? -0x800000 : lost);
    block.highest_seq = (uint32_t)(track->window.end_seq - 1);
    block.jitter = (uint32_t)(reception->jitter_sixteenths / 16);
    if (reception->last_sr)
        block.delay_since_sr = (uint32_t)((now_us - reception->last_sr_at_us) * 65536 / US_PER_S);
    reception->expected_before = expected;
    reception->received_before = reception->received;
    return block;
}

void rtp_track_measure(struct rtp_track *track, int64_t now_us)
{
    int64_t elapsed_us = now_us - track->rate_from_us;

    if (elapsed_us < US_PER_S)
        return;
    track->stats.bitrate =
        (uint32_t)(track->rate_bytes * 8 * (uint64_t)US_PER_S / (uint64_t)elapsed_us);
    track->stats.fps = (double)track->rate_frames * (double)US_PER_S / (double)elapsed_us;
    track->rate_from_us = now_us;
    track->rate_bytes = 0;
    track->rate_frames = 0;
    if (track->rate)
        track->stats.jitter_us = track->reception.jitter_sixteenths / 16 * US_PER_S / track->rate;
}

void rtp_sink_notice(struct rtp_sink *sink, enum rtp_notice notice)
{
    if (sink->noticed >> notice & 1)
        return;
    sink->noticed |= 1U << notice;
    sink->handler->on_notice(sink->ctx, notice);
}
