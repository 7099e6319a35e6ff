/*
 * rtp_track - one track of a receiver: its SSRC, its window, the frames that come out of it, and
 * the figures that reports are made of.
 *
 *   rtp_track.c         packets in: order, jumps, give-up, statistics
 *   rtp_track_frames.c  frames out: access units, formats, samples
 *
 * A video track is in one of two moods: it gives frames, or it needs a key frame (needs_keyframe)
 * and drops what cannot be decoded. A gap that stays open, a frame that does not parse and a new
 * SSRC make it need one; a whole key frame whose parameter sets are known ends that.
 *
 * Private to webrtc/.
 */
#ifndef WEBRTC_RTP_TRACK_H
#define WEBRTC_RTP_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/vec.h"
#include "webrtc/depacketize.h"
#include "webrtc/rtcp.h"
#include "webrtc/rtp_receiver.h"
#include "webrtc/rtp_timeline.h"
#include "webrtc/rtp_window.h"

struct rtp_packet;

enum { RTP_VIDEO_WINDOW = 1024, RTP_AUDIO_WINDOW = 256 };

/* Where both tracks of a receiver put what they have. */
struct rtp_sink {
    const struct rtp_receiver_handler *handler;
    void *ctx;
    struct rtp_timeline timeline;
    uint32_t noticed; /* bits of enum rtp_notice */
};

/* When to ask the sender for a key frame. */
struct rtp_keyframe_request {
    bool is_wanted;
    unsigned sent_count; /* since it is wanted */
    int64_t wanted_at_us;
    int64_t due_us;
    int64_t sent_at_us;  /* INT64_MIN: never */
    int64_t keyframe_us; /* when the last key frame was given; INT64_MIN: never */
    int64_t interval_us; /* 0: no cadence */
    int64_t answer_us;   /* from a request of the cadence to its key frame, smoothed; 0: unknown */
};

/* What a report interval is measured against. */
struct rtp_reception {
    int64_t first_seq;
    uint64_t received; /* RTP of the SSRC itself, without duplicates and retransmissions */
    uint64_t expected_before;
    uint64_t received_before;
    int64_t jitter_sixteenths; /* in ticks, RFC 3550 section A.8 */
    int64_t transit_ticks;
    bool has_transit;
    uint32_t last_sr; /* middle bits of its NTP time; 0: none */
    int64_t last_sr_at_us;
};

struct rtp_track {
    enum media_kind kind;
    const struct rtp_track_config *config; /* NULL: the track does not exist */
    struct rtp_sink *sink;
    bool has_ssrc;
    bool has_packets; /* of this SSRC */
    bool has_rtx_ssrc;
    uint32_t ssrc;
    uint32_t rtx_ssrc;
    uint32_t rate;
    int64_t packet_at_us; /* the last one */

    struct rtp_window window;
    int64_t scan_seq; /* the first packet not looked at yet */
    bool has_jumped;  /* a packet far away came; its neighbour makes it the new place */
    int64_t jump_seq;

    bool has_frame; /* packets before scan_seq belong to a frame that has not ended */
    bool is_broken; /* something of that frame may be missing */
    bool needs_keyframe;
    uint32_t frame_timestamp;
    struct h264_sets sets;
    uint64_t format_change_count; /* sets.change_count when the format was made */
    uint32_t format_pps_id;
    struct format *format;
    VEC(struct slice) payloads; /* of the frame in hand */

    struct rtp_keyframe_request request;
    struct rtp_reception reception;
    struct rtp_track_stats stats;
    int64_t rate_from_us; /* bitrate and fps are counted since */
    uint64_t rate_bytes;
    uint64_t rate_frames;
    int64_t keyframe_pts_us;
};

/* `config` and `sink` outlive the track. */
void rtp_track_init(struct rtp_track *track, enum media_kind kind,
                    const struct rtp_track_config *config, struct rtp_sink *sink);
void rtp_track_deinit(struct rtp_track *track);

/* The payload that this type names, as media or as its rtx. NULL: none. */
const struct rtp_payload *rtp_track_find_payload(const struct rtp_track *track,
                                                 uint8_t payload_type, bool *ret_is_rtx);

/* From now on the track is this SSRC. */
void rtp_track_bind(struct rtp_track *track, uint32_t ssrc);

/* One packet of the track; is_recovered: unpacked from rtx. */
void rtp_track_put(struct rtp_track *track, const struct rtp_payload *payload,
                   const struct rtp_packet *packet, bool is_recovered, int64_t now_us);

/* How long a gap may stay open. */
int64_t rtp_track_patience_us(const struct rtp_track *track, int64_t retry_us);

/* Gives up gaps that are older than the patience. */
void rtp_track_on_time(struct rtp_track *track, int64_t patience_us, int64_t now_us);

/* When rtp_track_on_time() or NACK or a key frame request is due. */
int64_t rtp_track_deadline_us(const struct rtp_track *track, int64_t patience_us);

/* A key frame is wanted; nothing happens when it is already. */
void rtp_track_want_keyframe(struct rtp_track *track, int64_t now_us);

/* True when a request must be sent now, which is noted as sent. */
bool rtp_track_take_keyframe_request(struct rtp_track *track, int64_t now_us);

/* Closes a report interval. */
struct rtcp_report_block rtp_track_report(struct rtp_track *track, int64_t now_us);

/* Counts bitrate and fps anew when a second or more has gone by. */
void rtp_track_measure(struct rtp_track *track, int64_t now_us);

/* rtp_track_frames.c: gives all frames that are complete. */
void rtp_track_advance(struct rtp_track *track, int64_t now_us);

/* Something was lost: no frame is given before the next key frame. */
void rtp_track_lose(struct rtp_track *track, int64_t now_us);

/* Drops everything before `seq`. */
void rtp_track_drop_to(struct rtp_track *track, int64_t seq, int64_t now_us);

/* Tells it once in the life of the receiver. */
void rtp_sink_notice(struct rtp_sink *sink, enum rtp_notice notice);

#endif
