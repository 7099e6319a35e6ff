#include "webrtc/rtp_timeline.h"

#include <assert.h>

#include "base/clock.h"
#include "webrtc/rtp.h"

#define JUMP_MIN_US         (3 * US_PER_S)  /* what no network explains */
#define REPORT_AGE_MAX_US   (10 * US_PER_S) /* between a report's timestamp and its arrival */
#define REPORT_TOLERANCE_US (100 * US_PER_MS)
#define ALIGNMENT_MAX_US    (2 * US_PER_S)
#define TRANSIT_WINDOW_US   (5 * US_PER_S)
#define NTP_TO_UNIX_US      (INT64_C(2208988800) * US_PER_S)
#define WALL_MIN_US         (INT64_C(1000000000) * US_PER_S) /* 2001: earlier is an uptime */
#define ELAPSED_MAX_US      US_PER_S

/* How a clock approaches its target: by `permille` of the time that goes by, and no nearer than
 * `slack_us`, so that ordinary jitter does not move it at all. An error of more than `far_us` is
 * worse than the haste: lips that are half a second off are seen, frames a fifth too short are not.
 */
struct slew {
    int64_t permille;
    int64_t slack_us;
    int64_t far_permille;
    int64_t far_us;
};

static const struct slew follow_arrival = {1, 10000, 1, INT64_MAX};
static const struct slew follow_reports = {50, 2000, 200, 100 * US_PER_MS};

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

static int64_t media_us(const struct rtp_track_clock *clock, int64_t timestamp)
{
    int64_t ticks = timestamp - clock->first_timestamp;

    return ticks / clock->rate * US_PER_S + ticks % clock->rate * US_PER_S / clock->rate;
}

static int64_t pts_of(const struct rtp_track_clock *clock, int64_t timestamp)
{
    return media_us(clock, timestamp) + clock->offset_us;
}

static int64_t ntp_to_us(uint64_t ntp)
{
    return (int64_t)(ntp >> 32) * US_PER_S +
           (int64_t)(((ntp & UINT32_MAX) * (uint64_t)US_PER_S) >> 32);
}

/* Sets the clock so that this timestamp is now, but not before what was given already. */
static void anchor(struct rtp_track_clock *clock, int64_t timestamp, int64_t now_us)
{
    int64_t pts_us = clock->has_pts && now_us <= clock->pts_us ? clock->pts_us + 1 : now_us;

    clock->first_timestamp = timestamp;
    clock->highest_timestamp = timestamp;
    clock->offset_us = pts_us;
    clock->slewed_at_us = now_us;
    clock->transit_window_from_us = now_us;
    clock->least_transit_us = now_us;
    clock->previous_least_transit_us = INT64_MAX;
    clock->has_report = false;
    clock->has_doubted = false;
}

static int64_t arrival_offset_us(const struct rtp_track_clock *clock)
{
    return clock->previous_least_transit_us < clock->least_transit_us
               ? clock->previous_least_transit_us
               : clock->least_transit_us;
}

static void note_transit(struct rtp_track_clock *clock, int64_t transit_us, int64_t now_us)
{
    if (now_us - clock->transit_window_from_us >= TRANSIT_WINDOW_US) {
        clock->previous_least_transit_us = clock->least_transit_us;
        clock->least_transit_us = transit_us;
        clock->transit_window_from_us = now_us;
    } else if (transit_us < clock->least_transit_us) {
        clock->least_transit_us = transit_us;
    }
}

void rtp_timeline_arrival(struct rtp_timeline *timeline, enum media_kind kind, uint32_t rate,
                          uint32_t timestamp, int64_t now_us)
{
    struct rtp_track_clock *clock = &timeline->clocks[kind];

    if (!clock->is_started || clock->rate != rate) {
        clock->is_started = true;
        clock->rate = rate;
        anchor(clock, timestamp, now_us);
        return;
    }
    int64_t extended = rtp_extend_timestamp(clock->highest_timestamp, timestamp);
    int64_t behind_us = media_us(clock, clock->highest_timestamp) - media_us(clock, extended);

    /* Packets may be late by seconds after an outage, but none comes before its time, and none is
     * that much older than another that came before it. */
    note_transit(clock, now_us - media_us(clock, extended), now_us);
    if (behind_us > JUMP_MIN_US || pts_of(clock, extended) - now_us > JUMP_MIN_US ||
        arrival_offset_us(clock) - clock->offset_us > JUMP_MIN_US) {
        anchor(clock, extended, now_us);
        return;
    }
    if (extended > clock->highest_timestamp)
        clock->highest_timestamp = extended;
}

/* Where the clock of `kind` should stand. */
static int64_t target_offset_us(const struct rtp_timeline *timeline, enum media_kind kind,
                                struct slew *ret_slew)
{
    const struct rtp_track_clock *clock = &timeline->clocks[kind];
    const struct rtp_track_clock *leader = &timeline->clocks[MEDIA_AUDIO];

    *ret_slew = follow_arrival;
    if (kind == MEDIA_AUDIO || !leader->is_started || !leader->has_report || !clock->has_report)
        return arrival_offset_us(clock);

    /* The pts that the leader gives to the moment of our report. */
    int64_t pts_us =
        pts_of(leader, leader->report.timestamp) + (clock->report.ntp_us - leader->report.ntp_us);
    int64_t target_us = pts_us - media_us(clock, clock->report.timestamp);

    if (distance(target_us, arrival_offset_us(clock)) > ALIGNMENT_MAX_US)
        return arrival_offset_us(clock);
    *ret_slew = follow_reports;
    return target_us;
}

static void slew(struct rtp_track_clock *clock, int64_t target_us, struct slew how, int64_t now_us)
{
    int64_t elapsed_us = now_us - clock->slewed_at_us;
    int64_t error_us = distance(target_us, clock->offset_us) - how.slack_us;

    if (elapsed_us > ELAPSED_MAX_US)
        elapsed_us = ELAPSED_MAX_US;
    int64_t step_us = elapsed_us * (error_us > how.far_us ? how.far_permille : how.permille) / 1000;

    if (error_us <= 0) {
        clock->slewed_at_us = now_us;
        return;
    }
    if (step_us == 0)
        return; /* let the time add up */
    clock->slewed_at_us = now_us;
    if (step_us > error_us)
        step_us = error_us;
    clock->offset_us += target_us > clock->offset_us ? step_us : -step_us;
}

int64_t rtp_timeline_pts(struct rtp_timeline *timeline, enum media_kind kind, uint32_t timestamp,
                         int64_t now_us, bool *ret_went_back)
{
    struct rtp_track_clock *clock = &timeline->clocks[kind];
    struct slew how;

    assert(clock->is_started);
    int64_t target_us = target_offset_us(timeline, kind, &how);

    slew(clock, target_us, how, now_us);
    int64_t pts_us = pts_of(clock, rtp_extend_timestamp(clock->highest_timestamp, timestamp));

    /* A frame that waited while the timestamps jumped belongs to the old clock. */
    if (pts_us - now_us > JUMP_MIN_US)
        pts_us = clock->has_pts ? clock->pts_us : now_us;
    *ret_went_back = clock->has_pts && pts_us <= clock->pts_us;
    if (*ret_went_back)
        pts_us = clock->pts_us + 1;
    clock->has_pts = true;
    clock->pts_us = pts_us;
    return pts_us;
}

/* Do both reports tell of the same clock? One percent is far beyond the error of any crystal. */
static bool agrees(const struct rtp_track_clock *clock, struct rtp_report_point a,
                   struct rtp_report_point b)
{
    int64_t ntp_us = b.ntp_us - a.ntp_us;
    int64_t elapsed_us = media_us(clock, b.timestamp) - media_us(clock, a.timestamp);

    return distance(ntp_us, elapsed_us) <= REPORT_TOLERANCE_US + distance(elapsed_us, 0) / 100;
}

bool rtp_timeline_report(struct rtp_timeline *timeline, enum media_kind kind, uint64_t ntp,
                         uint32_t timestamp, int64_t now_us)
{
    struct rtp_track_clock *clock = &timeline->clocks[kind];

    if (!clock->is_started || ntp == 0)
        return false;

    struct rtp_report_point point = {ntp_to_us(ntp),
                                     rtp_extend_timestamp(clock->highest_timestamp, timestamp)};

    if (distance(pts_of(clock, point.timestamp), now_us) > REPORT_AGE_MAX_US)
        return false;
    if (clock->has_report && !agrees(clock, clock->report, point)) {
        bool is_confirmed = clock->has_doubted && point.timestamp > clock->doubted.timestamp &&
                            agrees(clock, clock->doubted, point);

        clock->has_doubted = true;
        clock->doubted = point;
        if (!is_confirmed)
            return false;
    }
    clock->has_report = true;
    clock->has_doubted = false;
    clock->report = point;
    return true;
}

void rtp_timeline_restart(struct rtp_timeline *timeline, enum media_kind kind)
{
    struct rtp_track_clock *clock = &timeline->clocks[kind];

    clock->is_started = false;
    clock->has_report = false;
    clock->has_doubted = false;
}

bool rtp_timeline_wall_us(const struct rtp_timeline *timeline, int64_t pts_us, int64_t *ret_wall_us)
{
    const struct rtp_track_clock *clock = &timeline->clocks[MEDIA_AUDIO];

    if (!clock->is_started || !clock->has_report)
        clock = &timeline->clocks[MEDIA_VIDEO];
    if (!clock->is_started || !clock->has_report)
        return false;

    int64_t wall_us =
        clock->report.ntp_us - NTP_TO_UNIX_US + pts_us - pts_of(clock, clock->report.timestamp);

    if (wall_us < WALL_MIN_US)
        return false;
    *ret_wall_us = wall_us;
    return true;
}
