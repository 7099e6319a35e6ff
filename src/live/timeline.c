#include "live/timeline.h"

#include "base/clock.h"

static const int64_t STEP_US = 1 * US_PER_MS;           /* what a repeated dts is moved by */
static const int64_t BACK_LIMIT_US = 250 * US_PER_MS;   /* further back is a jump */
static const int64_t FORWARD_LIMIT_US = 5 * US_PER_S;   /* further forward is a jump */
static const int64_t AHEAD_LIMIT_US = 1 * US_PER_S;     /* the same, ahead of the time gone by */
static const int64_t TRACK_DISTANCE_US = 3 * US_PER_S;  /* how far two tracks may be apart */
static const int64_t COMPOSITION_MAX_US = 2 * US_PER_S; /* a larger pts - dts is not believed */

void timeline_restart(struct timeline *timeline)
{
    timeline->video.is_anchored = false;
    timeline->audio.is_anchored = false;
}

static bool is_near(int64_t a_us, int64_t b_us, int64_t distance_us)
{
    return a_us - b_us <= distance_us && b_us - a_us <= distance_us;
}

static bool is_leap(int64_t step_us, int64_t gone_by_us)
{
    return step_us < -BACK_LIMIT_US || step_us > FORWARD_LIMIT_US ||
           step_us - gone_by_us > AHEAD_LIMIT_US;
}

/* With the other track's offset the two stay in sync, so it is preferred whenever it leads to about
 * the same place as the other track is at, and does not repeat the leap in what comes out: the
 * other track may be the one whose clock is still the old one. */
static bool fits_other(const struct timeline_track *track, const struct timeline_track *other,
                       int64_t source_us, int64_t now_us, bool did_jump)
{
    int64_t out_us = source_us + other->offset_us;

    if (!other->is_anchored || !is_near(out_us, other->last_out_us, TRACK_DISTANCE_US))
        return false;
    return !did_jump || !is_leap(out_us - track->last_out_us, now_us - track->last_now_us);
}

/* Gives the track a new offset for a source time that does not follow from its last one. */
static void anchor(struct timeline *timeline, struct timeline_track *track,
                   const struct timeline_track *other, int64_t source_us, int64_t now_us,
                   bool did_jump)
{
    int64_t out_us = now_us - timeline->began_at_us;

    if (fits_other(track, other, source_us, now_us, did_jump)) {
        track->offset_us = other->offset_us;
    } else {
        if (!other->is_anchored && out_us <= timeline->newest_out_us && timeline->newest_out_us > 0)
            out_us = timeline->newest_out_us + STEP_US;
        if (did_jump && out_us < track->last_out_us + STEP_US) /* faster than real time so far */
            out_us = track->last_out_us + STEP_US;
        track->offset_us = out_us - source_us;
    }
    track->is_anchored = true;
}

struct timeline_times timeline_place(struct timeline *timeline, enum media_kind kind,
                                     int64_t dts_us, int64_t pts_us, int64_t now_us)
{
    struct timeline_track *track = kind == MEDIA_VIDEO ? &timeline->video : &timeline->audio;
    const struct timeline_track *other = kind == MEDIA_VIDEO ? &timeline->audio : &timeline->video;
    bool did_jump = false;

    if (!timeline->has_begun) {
        timeline->has_begun = true;
        timeline->began_at_us = now_us;
    }
    if (track->is_anchored &&
        is_leap(dts_us - track->last_source_us, now_us - track->last_now_us)) {
        did_jump = true;
        timeline->jumps++;
    }
    if (!track->is_anchored || did_jump)
        anchor(timeline, track, other, dts_us, now_us, did_jump);

    int64_t out_us = dts_us + track->offset_us;
    if (track->has_out && out_us <= track->last_out_us) {
        if (!did_jump)
            timeline->moved++;
        out_us = track->last_out_us + STEP_US;
    }
    track->last_source_us = dts_us;
    track->last_now_us = now_us;
    track->last_out_us = out_us;
    track->has_out = true;
    if (out_us > timeline->newest_out_us)
        timeline->newest_out_us = out_us;

    int64_t composition_us = pts_us - dts_us;
    if (!is_near(composition_us, 0, COMPOSITION_MAX_US))
        composition_us = 0;
    return (struct timeline_times){out_us, out_us + composition_us, did_jump};
}
