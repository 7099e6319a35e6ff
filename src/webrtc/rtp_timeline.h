/*
 * rtp_timeline - from RTP timestamps of two tracks to one rising time in microseconds.
 *
 * Each track's clock: pts = media time of the timestamp + offset. The offset starts so that the
 * first packet's pts is its arrival. Then
 *
 *   the leading track (audio, if there is one)  follows the least delayed packets of the last
 *                                               seconds: the drift of the sender's crystal
 *   the other one                               follows the sender reports of both tracks, so that
 *                                               what was captured together is shown together
 *
 * and the offset moves in steps too small to be heard or seen. Only when timestamps themselves jump
 * by seconds is the clock set anew, on arrival time. Reports that contradict the earlier ones or
 * the packets are ignored, until a second one says the same.
 *
 * Private to webrtc/. Units: microseconds, and ticks of the RTP clock.
 */
#ifndef WEBRTC_RTP_TIMELINE_H
#define WEBRTC_RTP_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/format.h"

/* A sender report: this wall time is this timestamp. */
struct rtp_report_point {
    int64_t ntp_us; /* since 1900 */
    int64_t timestamp;
};

/* One track. Zeroed is valid: not started. */
struct rtp_track_clock {
    bool is_started;
    bool has_report;
    bool has_doubted; /* a report that contradicted */
    bool has_pts;
    uint32_t rate; /* Hz */
    int64_t first_timestamp;
    int64_t highest_timestamp;
    int64_t offset_us;
    int64_t slewed_at_us;
    int64_t pts_us;                 /* the last one given */
    int64_t transit_window_from_us; /* arrival minus media time: the least one of this window */
    int64_t least_transit_us;
    int64_t previous_least_transit_us; /* and of the window before */
    struct rtp_report_point report;
    struct rtp_report_point doubted;
};

/* Zeroed is valid. */
struct rtp_timeline {
    struct rtp_track_clock clocks[MEDIA_AUDIO + 1]; /* by enum media_kind */
};

/* Notes that a packet came for the first time (no retransmission). */
void rtp_timeline_arrival(struct rtp_timeline *timeline, enum media_kind kind, uint32_t rate,
                          uint32_t timestamp, int64_t now_us);

/* The pts of a frame whose packets were noted; greater than the last one given. *ret_went_back: the
 * timestamp alone would have gone back. */
int64_t rtp_timeline_pts(struct rtp_timeline *timeline, enum media_kind kind, uint32_t timestamp,
                         int64_t now_us, bool *ret_went_back);

/* Takes the times of a sender report; false when they are not believed. */
bool rtp_timeline_report(struct rtp_timeline *timeline, enum media_kind kind, uint64_t ntp,
                         uint32_t timestamp, int64_t now_us);

/* Another SSRC with timestamps of its own: the next arrival starts the clock; pts go on rising. */
void rtp_timeline_restart(struct rtp_timeline *timeline, enum media_kind kind);

/* Sender's wall clock at a pts, since 1970. False: not known. */
bool rtp_timeline_wall_us(const struct rtp_timeline *timeline, int64_t pts_us,
                          int64_t *ret_wall_us);

#endif
