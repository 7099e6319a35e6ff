/*
 * rtp_receiver - the receiving half of a WHIP session: from decrypted RTP and RTCP packets to
 * samples with repaired times, and the RTCP that keeps the sender sending well.
 *
 *   SRTP --> rtp_receiver_rtp()  --> one window a track: order, duplicates, gaps, NACK, rtx
 *                                        |  complete access units
 *                                        v
 *                                    depacketize (RFC 6184, RFC 7587) --> on_format, on_sample
 *   SRTCP -> rtp_receiver_rtcp() --> sender reports: both tracks on one timeline; BYE --> on_end
 *
 *   rtp_receiver_on_time() --> on_rtcp: reports, NACK, PLI, FIR, transport-cc or REMB, to be
 *                              protected (SRTCP) and sent
 *
 * What it promises: a video sample is whole and all that it refers to was given before; after a
 * loss that nobody repaired, the next sample is a key frame. The first video sample is a key frame
 * and a format was given before it. Times rise, and never jump because of a sender report.
 *
 * Ownership  The receiver copies the bytes it keeps. What a callback gets is borrowed: take a
 *            reference to keep it. A callback must not destroy the receiver nor feed it.
 * Threads    One loop; nothing here reads a clock, opens a socket, allocates by packet or logs.
 * Units      now_us is the monotonic time; the pts of samples lie on the same scale: the time at
 *            which the packet came, smoothed, so that audio and video are in step.
 * Limits     One video and one audio track; 1024 packets of video and 256 of audio wait for a gap
 *            at most, 1 s; packets longer than RTP_PACKET_LEN_MAX are dropped and counted.
 * Spec       RFC 3550, 3611, 4585, 4588, 5104, 5506, 6184, 7587, 8285;
 *            draft-holmer-rmcat-transport-wide-cc-extensions-01, draft-alvestrand-rmcat-remb-03
 */
#ifndef WEBRTC_RTP_RECEIVER_H
#define WEBRTC_RTP_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "media/format.h"
#include "media/sample.h"

enum {
    RTP_PACKET_LEN_MAX = 1500,
    RTP_PAYLOADS_MAX = 16, /* payload types a track */
    RTP_MID_LEN_MAX = 16,
    RTP_CNAME_LEN_MAX = 63,
};

/* One payload type of the answer. */
struct rtp_payload {
    uint8_t payload_type;     /* 0..127 */
    uint8_t rtx_payload_type; /* the rtx type whose apt= names this one (RFC 4588); 0: none */
    enum codec codec;         /* other than H.264 and Opus: counted, dropped, told once */
    uint32_t clock_rate;      /* Hz */
    uint8_t channels;         /* audio: 0 means 2 */
};

/* One m= section of the answer. */
struct rtp_track_config {
    size_t payload_count; /* 0: this track does not exist */
    struct rtp_payload payloads[RTP_PAYLOADS_MAX];
    uint32_t ssrc;                 /* of a=ssrc; 0: learned from mid or payload type */
    uint32_t rtx_ssrc;             /* of a=ssrc-group:FID; 0: learned */
    char mid[RTP_MID_LEN_MAX + 1]; /* "" : none */
    bool has_nack;                 /* a=rtcp-fb nack */
    bool has_pli;                  /* a=rtcp-fb nack pli */
    bool has_fir;                  /* a=rtcp-fb ccm fir; used only when there is no PLI */
};

struct rtp_receiver_config {
    struct rtp_track_config video;
    struct rtp_track_config audio;

    uint8_t mid_extension_id; /* a=extmap ids of the bundle; 0: not negotiated */
    uint8_t twcc_extension_id;
    uint8_t abs_send_time_extension_id;

    bool has_twcc;         /* a=rtcp-fb transport-cc: feedback about each 50 ms */
    bool has_remb;         /* a=rtcp-fb goog-remb: used only when there is no transport-cc */
    bool has_reduced_size; /* a=rtcp-rsize (RFC 5506) */
    uint32_t bitrate_max;  /* bit/s, the most that REMB asks for; 0: 8 Mbit/s */

    uint32_t local_ssrc;               /* of our reports; random, from the session */
    char cname[RTP_CNAME_LEN_MAX + 1]; /* random, from the session */

    int64_t keyframe_interval_us; /* ask for a key frame when the last is this old; 0: never */
};

/* What a seller should be told in words; each is given once. */
enum rtp_notice {
    RTP_NOTICE_UNSUPPORTED_CODEC = 1, /* packets of a codec that is not taken */
    RTP_NOTICE_TIME_ORDER,            /* presentation times go back: B-frames, or a broken clock */
    RTP_NOTICE_NO_KEYFRAME,           /* video for 5 s, but no key frame in spite of requests */
    RTP_NOTICE_UNSUPPORTED_PACKING,   /* NAL packing that mode 1 does not allow (RFC 6184 5.4) */
};

/* All members must be set. */
struct rtp_receiver_handler {
    /* The decoder configuration of the samples that follow. Comes before the first sample of a
     * track, and again when it changes (new resolution, new parameter sets). */
    void (*on_format)(void *ctx, enum media_kind kind, const struct format *format);

    /* One access unit or audio frame. duration_us is 0 for video. */
    void (*on_sample)(void *ctx, const struct sample *sample);

    /* One RTCP packet, not protected yet; at most RTP_PACKET_LEN_MAX - 100 bytes. */
    void (*on_rtcp)(void *ctx, const uint8_t *bytes, size_t len);

    /* BYE: the sender says that the track has ended. It may come back with another SSRC. */
    void (*on_end)(void *ctx, enum media_kind kind);

    void (*on_notice)(void *ctx, enum rtp_notice notice);
};

struct rtp_track_stats {
    uint64_t packets; /* taken, rtx and duplicates apart */
    uint64_t bytes;   /* of these, with headers */
    uint64_t duplicates;
    uint64_t recovered; /* gaps filled late, by reordering or rtx */
    uint64_t lost;      /* given up */
    uint64_t nacks;     /* sequence numbers asked for */
    uint64_t plis;      /* PLI and FIR sent */
    uint64_t frames;    /* samples given */
    uint64_t frames_dropped;
    uint64_t keyframes;
    uint32_t bitrate;             /* bit/s, over the last second or so */
    double loss;                  /* 0..1, over the last report interval, before repair */
    int64_t jitter_us;            /* interarrival jitter, RFC 3550 section 6.4.1 */
    double fps;                   /* samples a second, over the last second or so */
    int64_t keyframe_interval_us; /* between the last two; 0: not known */
};

struct rtp_receiver_stats {
    struct rtp_track_stats video;
    struct rtp_track_stats audio;
    int64_t rtt_us;            /* -1: not known */
    uint64_t malformed;        /* packets that are no RTP or RTCP, or too long */
    uint64_t unknown;          /* RTP that belongs to no track */
    uint64_t ignored_reports;  /* sender reports with absurd times */
    uint32_t remb_bitrate;     /* what REMB asks for; 0: not in use */
    uint64_t feedback_packets; /* transport-cc packets sent */
};

struct rtp_receiver;

/* Copies the config. ERR_INVALID: no track, a payload type over 127, twice the same one, or a clock
 * rate of 0. `handler` must outlive the receiver. */
MUST_USE enum err rtp_receiver_create(const struct rtp_receiver_config *config,
                                      const struct rtp_receiver_handler *handler, void *ctx,
                                      struct rtp_receiver **ret_receiver);

/* Gives nothing more. NULL is allowed. */
void rtp_receiver_destroy(struct rtp_receiver *receiver);

/* One decrypted RTP packet. now_us must not go back from call to call. Whatever is wrong with the
 * packet is counted, never an error. */
void rtp_receiver_rtp(struct rtp_receiver *receiver, const uint8_t *bytes, size_t len,
                      int64_t now_us);

/* One decrypted RTCP packet, compound or reduced-size. */
void rtp_receiver_rtcp(struct rtp_receiver *receiver, const uint8_t *bytes, size_t len,
                       int64_t now_us);

/* When rtp_receiver_on_time() is due; INT64_MAX before the first packet. Ask again after each
 * call into the receiver. */
int64_t rtp_receiver_deadline_us(const struct rtp_receiver *receiver);

/* When a packet of either track was last found missing, lost or only out of order; INT64_MIN:
 * never. */
int64_t rtp_receiver_missed_at_us(const struct rtp_receiver *receiver);

/* Does what is due: gives up gaps, sends NACK, PLI, reports, feedback. Early calls are harmless. */
void rtp_receiver_on_time(struct rtp_receiver *receiver, int64_t now_us);

/* Asks the sender for a key frame as soon as the rate limit (one a second) allows. */
void rtp_receiver_request_keyframe(struct rtp_receiver *receiver, int64_t now_us);

/* Changes the cadence of the config; 0 stops asking. */
void rtp_receiver_set_keyframe_interval(struct rtp_receiver *receiver, int64_t interval_us);

/* A round trip measured elsewhere (STUN), used until RTCP knows one. */
void rtp_receiver_set_rtt(struct rtp_receiver *receiver, int64_t rtt_us);

/* The sender's wall clock (microseconds since 1970, from its reports) at the moment of `pts_us`,
 * for PROGRAM-DATE-TIME. False, and nothing written, before the first believable report. */
bool rtp_receiver_wall_us(const struct rtp_receiver *receiver, int64_t pts_us,
                          int64_t *ret_wall_us);

/* A snapshot. */
void rtp_receiver_stats(const struct rtp_receiver *receiver, int64_t now_us,
                        struct rtp_receiver_stats *ret_stats);

#endif
