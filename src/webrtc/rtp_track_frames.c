#include "webrtc/rtp_track.h"

#include "base/clock.h"
#include "codec/codec.h"

#define ANSWER_MAX_US (500 * US_PER_MS) /* later, the key frame came for another reason */

void rtp_track_lose(struct rtp_track *track, int64_t now_us)
{
    if (track->kind != MEDIA_VIDEO)
        return;
    track->needs_keyframe = true;
    rtp_track_want_keyframe(track, now_us);
}

/* The next packet in the window with which decoding can start, or scan_seq. */
static int64_t find_keyframe_start(const struct rtp_track *track)
{
    for (int64_t seq = track->scan_seq; seq < track->window.end_seq; seq++) {
        const struct rtp_slot *slot = rtp_window_at(&track->window, seq);

        if (slot->is_present && depacketize_h264_starts_keyframe(rtp_slot_payload(slot), slot->len))
            return seq;
    }
    return track->scan_seq;
}

static void consume(struct rtp_track *track, int64_t seq)
{
    track->stats.lost += rtp_window_consume(&track->window, seq);
    if (track->scan_seq < track->window.begin_seq)
        track->scan_seq = track->window.begin_seq;
}

void rtp_track_drop_to(struct rtp_track *track, int64_t seq, int64_t now_us)
{
    consume(track, seq);
    track->scan_seq = track->window.begin_seq;
    if (track->kind != MEDIA_VIDEO)
        return;
    track->stats.frames_dropped += track->has_frame;
    track->has_frame = false;
    track->is_broken = true;
    rtp_track_lose(track, now_us);
    consume(track, find_keyframe_start(track));
}

/* The cadence asks so much earlier as answers take: where the key frame lies decides how long the
 * last part of its segment is. */
static void note_keyframe(struct rtp_keyframe_request *request, int64_t now_us)
{
    /* Of several requests nobody knows which was answered. */
    if (request->is_wanted && request->sent_count == 1) {
        int64_t answer_us = now_us - request->sent_at_us;

        if (answer_us >= 0 && answer_us <= ANSWER_MAX_US)
            request->answer_us +=
                request->answer_us ? (answer_us - request->answer_us) / 4 : answer_us;
    }
    request->keyframe_us = now_us;
    request->is_wanted = false;
}

static void give_sample(struct rtp_track *track, struct sample *sample, uint32_t timestamp,
                        int64_t now_us)
{
    bool went_back;

    sample->pts_us =
        rtp_timeline_pts(&track->sink->timeline, track->kind, timestamp, now_us, &went_back);
    sample->dts_us = sample->pts_us;
    if (went_back)
        rtp_sink_notice(track->sink, RTP_NOTICE_TIME_ORDER);
    track->stats.frames++;
    track->rate_frames++;
    if (track->kind == MEDIA_VIDEO && sample->is_keyframe) {
        if (track->stats.keyframes++ > 0)
            track->stats.keyframe_interval_us = sample->pts_us - track->keyframe_pts_us;
        track->keyframe_pts_us = sample->pts_us;
        note_keyframe(&track->request, now_us);
        track->needs_keyframe = false;
    }
    track->sink->handler->on_sample(track->sink->ctx, sample);
    sample_unref(sample);
}

/* Takes the caller's format. */
static void give_format(struct rtp_track *track, struct format *format)
{
    if (format_equal(format, track->format)) {
        format_unref(format);
        return;
    }
    format_unref(track->format);
    track->format = format;
    track->sink->handler->on_format(track->sink->ctx, track->kind, format);
}

/* Makes the format fit this access unit; false when its parameter sets are not known. */
static bool update_format(struct rtp_track *track, const struct h264_unit *unit)
{
    if (track->format && track->format_change_count == track->sets.change_count &&
        (!unit->is_keyframe || track->format_pps_id == unit->pps_id))
        return true;
    /* A new parameter set between key frames: a player that starts there could not use it. */
    if (!unit->is_keyframe)
        return false;

    struct format *format = h264_sets_format(&track->sets, unit->pps_id);

    if (!format)
        return false;
    track->format_change_count = track->sets.change_count;
    track->format_pps_id = unit->pps_id;
    give_format(track, format);
    return true;
}

static void collect_payloads(struct rtp_track *track)
{
    track->payloads.count = 0;
    for (int64_t seq = track->window.begin_seq; seq < track->scan_seq; seq++) {
        const struct rtp_slot *slot = rtp_window_at(&track->window, seq);
        struct slice payload = {NULL, rtp_slot_payload(slot), slot->len};

        /* Always has room: a frame is no longer than the window. */
        (void)vec_push(&track->payloads, payload, RTP_VIDEO_WINDOW);
    }
}

/* Gives [begin_seq, scan_seq) as a sample; false when it cannot be decoded. */
static bool give_unit(struct rtp_track *track, int64_t now_us)
{
    struct h264_unit unit;
    enum err err;

    if (track->is_broken)
        return false;
    collect_payloads(track);
    err =
        depacketize_h264_measure(track->payloads.items, track->payloads.count, &track->sets, &unit);
    if (err == ERR_UNSUPPORTED)
        rtp_sink_notice(track->sink, RTP_NOTICE_UNSUPPORTED_PACKING);
    if (err != OK)
        return false;
    if (!unit.has_slices)
        return true; /* parameter sets alone */
    if ((track->needs_keyframe && !unit.is_keyframe) || !update_format(track, &unit))
        return false;

    struct buf *bytes = buf_create(unit.len);

    depacketize_h264_write(track->payloads.items, track->payloads.count, bytes->data, unit.len);
    struct sample *sample = sample_create(MEDIA_VIDEO, slice_take(bytes));

    sample->is_keyframe = unit.is_keyframe;
    give_sample(track, sample, track->frame_timestamp, now_us);
    return true;
}

static void end_frame(struct rtp_track *track, int64_t now_us)
{
    if (!give_unit(track, now_us)) {
        track->stats.frames_dropped++;
        rtp_track_lose(track, now_us);
    }
    track->has_frame = false;
    track->is_broken = false;
    consume(track, track->scan_seq);
}

/* RFC 6184 section 5.1: the marker is set on the last packet of an access unit; a receiver may use
 * it as an early hint, but the timestamp decides. Packets without payload only carry padding. */
static void advance_video(struct rtp_track *track, int64_t now_us)
{
    while (track->scan_seq < track->window.end_seq) {
        const struct rtp_slot *slot = rtp_window_at(&track->window, track->scan_seq);

        if (!slot->is_present)
            return;
        if (track->has_frame && slot->len > 0 && slot->timestamp != track->frame_timestamp) {
            end_frame(track, now_us);
            continue;
        }
        if (track->is_broken &&
            depacketize_h264_starts_keyframe(rtp_slot_payload(slot), slot->len)) {
            consume(track, track->scan_seq);
            track->is_broken = false;
        }
        if (slot->len > 0) {
            track->has_frame = true;
            track->frame_timestamp = slot->timestamp;
        }
        bool has_ended = slot->len > 0 && slot->has_marker;

        track->scan_seq++;
        if (has_ended)
            end_frame(track, now_us);
        else if (!track->has_frame)
            consume(track, track->scan_seq);
    }
}

static void give_audio_format(struct rtp_track *track)
{
    if (track->format)
        return;

    uint8_t channels = track->config->payloads[0].channels;

    if (channels == 0)
        channels = 2;
    struct format *format = format_create(CODEC_OPUS, depacketize_opus_head(channels, track->rate));

    format->sample_rate = track->rate;
    format->channels = channels;
    give_format(track, format);
}

static void give_audio(struct rtp_track *track, const struct rtp_slot *slot, int64_t now_us)
{
    struct slice packet = codec_bytes(rtp_slot_payload(slot), slot->len);
    uint32_t duration = opus_packet_len(packet); /* at 48 kHz */

    if (duration == 0) {
        track->stats.frames_dropped++;
        return;
    }
    give_audio_format(track);
    struct sample *sample =
        sample_create(MEDIA_AUDIO, slice_take(buf_copy(packet.data, packet.len)));

    sample->duration_us = (int64_t)duration * US_PER_S / 48000;
    give_sample(track, sample, slot->timestamp, now_us);
}

static void advance_audio(struct rtp_track *track, int64_t now_us)
{
    while (track->scan_seq < track->window.end_seq) {
        const struct rtp_slot *slot = rtp_window_at(&track->window, track->scan_seq);

        if (!slot->is_present)
            return;
        if (slot->len > 0)
            give_audio(track, slot, now_us);
        track->scan_seq++;
        consume(track, track->scan_seq);
    }
}

void rtp_track_advance(struct rtp_track *track, int64_t now_us)
{
    if (track->kind == MEDIA_VIDEO)
        advance_video(track, now_us);
    else
        advance_audio(track, now_us);
}
