/*
 * rtp_sim - a publisher and a network around an rtp_receiver, in simulated time.
 *
 * The publisher sends numbered video frames (H.264 packed as a browser does it) and Opus packets,
 * sender reports each second, and answers NACK by rtx, PLI and FIR by a key frame, RRTR by DLRR.
 * The network loses, delays, reorders and doubles by a seeded generator. What the receiver gives is
 * checked on the spot: each video sample must be whole, byte by byte, and be a key frame or follow
 * the frame before it; times must rise; a format must come first.
 */
#ifndef TESTS_UNIT_WEBRTC_RTP_SIM_H
#define TESTS_UNIT_WEBRTC_RTP_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "webrtc/rtp_receiver.h"

enum {
    SIM_VIDEO_SSRC = 0x1111,
    SIM_RTX_SSRC = 0x2222,
    SIM_AUDIO_SSRC = 0x3333,
    SIM_VIDEO_TYPE = 102,
    SIM_RTX_TYPE = 103,
    SIM_AUDIO_TYPE = 111,
    SIM_TWCC_EXTENSION = 3,
    SIM_MID_EXTENSION = 4,
    SIM_HISTORY = 4096,
    SIM_FLIGHT_MAX = 4096,
};

struct sim_packet {
    int64_t at_us; /* when it is delivered */
    bool is_rtcp;
    size_t len;
    uint8_t bytes[RTP_PACKET_LEN_MAX];
};

struct sim {
    /* Set by sim_init(), changed by the test. */
    struct rtp_receiver_config config;
    unsigned loss_permille; /* of media packets, rtx too */
    unsigned duplicate_permille;
    unsigned jitter_us;         /* at random, so packets overtake each other */
    int64_t delay_us;           /* one way */
    int64_t video_delay_us;     /* between capture and sending */
    unsigned packets_per_frame; /* delta frames; key frames have four times as many */
    int64_t drift_ppm;          /* of the publisher's clock */
    int64_t ntp_offset_us;      /* added to all sender reports */
    int64_t audio_ntp_offset_us;
    bool has_audio;
    bool is_outage; /* nothing arrives */
    bool ignores_nack;
    bool has_no_rtx; /* repeats a packet as it was */
    bool ignores_pli;
    bool has_no_marker;
    uint32_t video_ssrc;
    uint32_t video_timestamp_offset;
    uint32_t audio_timestamp_offset;
    const char *sps;

    /* The publisher. */
    uint32_t seed;
    int64_t begin_us;
    int64_t now_us;
    int64_t video_at_us;
    int64_t audio_at_us;
    int64_t report_at_us;
    uint16_t video_seq;
    uint16_t rtx_seq;
    uint16_t audio_seq;
    uint16_t twcc_seq;
    uint32_t frame_number;
    bool wants_keyframe;
    uint64_t rrtr_at_us;
    uint32_t rrtr;
    struct sim_packet *history; /* by video sequence number */
    struct sim_packet *flight;
    size_t flight_count;

    /* What the receiver gave. */
    struct rtp_receiver *receiver;
    bool has_video_format;
    bool has_audio_format;
    unsigned format_count;
    uint32_t width;
    unsigned video_count;
    unsigned audio_count;
    unsigned keyframe_count;
    uint32_t last_frame_number;
    int64_t video_pts_us;
    int64_t audio_pts_us;
    int64_t video_lag_us; /* pts minus the true time of capture, of the last sample */
    int64_t audio_lag_us;
    int64_t step_max_us; /* the largest difference of neighbouring audio pts */
    unsigned end_count;
    uint32_t notices;
    unsigned rtcp_count[8]; /* by type - 200 */
    unsigned pli_count;
    unsigned fir_count;
    unsigned nack_count;
    unsigned remb_count;
    unsigned twcc_count;
    size_t twcc_received; /* statuses told as received */
    int64_t pli_at_us;
    int64_t pli_gap_min_us;
};

/* A publisher with rtx, transport-cc and audio, 20 ms away, without any trouble. */
void sim_init(struct sim *sim);
void sim_start(struct sim *sim);
void sim_run(struct sim *sim, int64_t duration_us);
void sim_deinit(struct sim *sim);

/* Delivers one RTCP packet right now. */
void sim_rtcp(struct sim *sim, const uint8_t *bytes, size_t len);

#endif
