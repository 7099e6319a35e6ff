/*
 * timeline - turns the timestamps of a publisher into times on the timeline of the broadcast.
 *
 * The broadcast's timeline starts at 0 with the first sample and follows our monotonic clock. What
 * a publisher sends is never trusted and never a reason to close (docs/invariants.md):
 *
 *   going on         out = source + offset of the track
 *   repeats, steps   a dts that does not rise is moved 1 ms behind the last one; pts keeps its
 *   back a little    distance
 *   jumps            back by more than 250 ms, forward by more than five seconds, or by a second
 *                    more than has gone by here: the track gets a new offset; the one of the other
 *                    track when that makes sense (an encoder that restarts its clock moves both),
 *                    else the time of arrival. Time that stood still until a clock that was set
 *                    back has caught up, or a hole that nobody waited for, would stall the players.
 *   a new publisher  timeline_restart(): the first sample is placed by its time of arrival, behind
 *                    everything before it
 *
 * Repairs are counted, so that the health of the stream can tell the seller. Sans-I/O.
 */
#ifndef LIVE_TIMELINE_H
#define LIVE_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "media/format.h"

struct timeline_track {
    bool is_anchored;
    bool has_out; /* last_out_us is set */
    int64_t offset_us;
    int64_t last_source_us;
    int64_t last_now_us;
    int64_t last_out_us;
};

struct timeline {
    bool has_begun;
    int64_t began_at_us; /* monotonic clock at out time 0 */
    int64_t newest_out_us;
    uint64_t moved; /* samples moved by a little */
    uint64_t jumps; /* new offsets while a publisher was sending */
    struct timeline_track video;
    struct timeline_track audio;
};

struct timeline_times {
    int64_t dts_us;
    int64_t pts_us;
    bool did_jump; /* the source's clock made a leap: what was before does not touch this */
};

/* A zeroed timeline is new. Forgets the offsets, keeps the position. */
void timeline_restart(struct timeline *timeline);

/* Places the next sample of a track. `now_us` is the time of its arrival. */
struct timeline_times timeline_place(struct timeline *timeline, enum media_kind kind,
                                     int64_t dts_us, int64_t pts_us, int64_t now_us);

#endif
