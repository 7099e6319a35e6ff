#include "transcode/sound_clock.h"

#include "transcode/frame.h"

enum { MEAN_OVER = 32 };

int64_t sound_time_us(int64_t origin_us, int64_t sample_count)
{
    return origin_us + sample_count * 125 / 6; /* 1,000,000 / 48,000 */
}

static uint32_t samples_of_us(int64_t duration_us)
{
    return (uint32_t)(duration_us * 6 / 125);
}

static void start(struct sound_clock *clock, int64_t at_us)
{
    clock->is_started = true;
    clock->is_stretching = false;
    clock->origin_us = at_us;
    clock->sample_count = 0;
    clock->input_end_us = at_us;
    clock->error_us = 0;
    clock->late_run = 0;
}

/* How far the input is ahead of what has been made. */
static int64_t ahead_us(const struct sound_clock *clock, int64_t at_us)
{
    return at_us - sound_time_us(clock->origin_us, clock->sample_count);
}

static uint32_t hole_to_fill(const struct sound_clock *clock, int64_t at_us)
{
    int64_t ahead = ahead_us(clock, at_us);
    int64_t hole = at_us - clock->input_end_us;

    /* Times that run away without a hole are followed when stretching is too slow for them. */
    if (ahead > SOUND_LATE_US)
        hole = ahead;
    if (hole > ahead)
        hole = ahead;
    return hole >= SOUND_HOLE_US ? samples_of_us(hole) : 0;
}

static int32_t stretch(struct sound_clock *clock, int64_t ahead, uint32_t count)
{
    clock->error_us += (ahead - clock->error_us) / MEAN_OVER;
    int64_t error = clock->error_us < 0 ? -clock->error_us : clock->error_us;

    if (error > SOUND_STRETCH_FROM_US)
        clock->is_stretching = true;
    if (error < SOUND_STRETCH_TO_US)
        clock->is_stretching = false;
    if (!clock->is_stretching)
        return 0;
    int32_t most = (int32_t)(count / SOUND_STRETCH_PART);
    return clock->error_us < 0 ? -most : most;
}

static bool is_too_late(struct sound_clock *clock, int64_t *at_us)
{
    int64_t ahead = ahead_us(clock, *at_us);

    if (ahead >= -SOUND_LATE_US) {
        clock->late_run = 0;
        return false;
    }
    if (++clock->late_run < SOUND_LATE_RUN)
        return true;
    clock->shift_us -= ahead;
    *at_us -= ahead;
    clock->input_end_us = *at_us;
    clock->late_run = 0;
    return false;
}

struct sound_step sound_clock_packet(struct sound_clock *clock, int64_t pts_us, uint32_t count)
{
    struct sound_step step = {.action = SOUND_TAKE};
    int64_t at_us = pts_us + clock->shift_us;

    if (!clock->is_started)
        start(clock, at_us);
    if (ahead_us(clock, at_us) > FRAME_FILL_MAX_US) {
        start(clock, at_us);
        step.action = SOUND_JUMP;
    } else if (is_too_late(clock, &at_us)) {
        step.action = SOUND_DROP;
        return step;
    }
    step.fill_count = hole_to_fill(clock, at_us);
    clock->sample_count += step.fill_count;
    step.stretch_count = stretch(clock, ahead_us(clock, at_us), count);
    clock->sample_count += (int64_t)count + step.stretch_count;
    clock->input_end_us = sound_time_us(at_us, count);
    return step;
}

struct sound_step sound_clock_advance(struct sound_clock *clock, int64_t until_us)
{
    struct sound_step step = {.action = SOUND_TAKE};
    int64_t at_us = until_us + clock->shift_us;

    if (!clock->is_started)
        start(clock, at_us);
    int64_t ahead = ahead_us(clock, at_us);
    if (ahead > FRAME_FILL_MAX_US) {
        start(clock, at_us);
        step.action = SOUND_JUMP;
    } else if (ahead > 0) {
        step.fill_count = samples_of_us(ahead);
        clock->sample_count += step.fill_count;
        clock->input_end_us = at_us > clock->input_end_us ? at_us : clock->input_end_us;
    }
    return step;
}
