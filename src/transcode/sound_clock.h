/*
 * sound_clock - decides where decoded sound goes on a timeline without holes.
 *
 *     packets in   |--20--|--20--|      (lost)      |--20--|        times from the sender, in us
 *     sound out    |=============|~~~~~~ filled ~~~~|======|        48,000 samples a second,
 * counted
 *
 * The output is a count of samples from an origin, so its times cannot drift or jitter; the input's
 * times only decide what to do before the next packet is appended:
 *
 *     a hole (lost, DTX)                  fill it, exactly
 *     jitter of the times                 nothing: only the mean matters
 *     the mean is off (clocks differ)     stretch packets by 0.2 % until it is not
 *     too late by LATE_US                 drop; when that does not end, the times are wrong: shift
 *     a pause over FRAME_FILL_MAX_US      jump: a new origin
 *
 * Sans-I/O, no codec: the worker does what the step says.
 */
#ifndef TRANSCODE_SOUND_CLOCK_H
#define TRANSCODE_SOUND_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SOUND_RATE = 48000,
    SOUND_HOLE_US = 15000,        /* shorter holes are jitter */
    SOUND_LATE_US = 60000,        /* sound that is later than this is not wanted */
    SOUND_LATE_RUN = 100,         /* so many late packets in a row: their times are wrong */
    SOUND_STRETCH_FROM_US = 8000, /* the mean error that starts and ends the stretching */
    SOUND_STRETCH_TO_US = 1000,
    SOUND_STRETCH_PART = 480, /* one sample in so many */
};

enum sound_action { SOUND_TAKE = 1, SOUND_DROP, SOUND_JUMP };

/* What to do with a packet. JUMP: finish what was begun, then go on from the clock's new origin_us
 * and take the packet. */
struct sound_step {
    enum sound_action action;
    uint32_t fill_count;   /* samples to make up before the packet */
    int32_t stretch_count; /* samples to add to the packet, or to take from it */
};

/* A zeroed clock is ready: the first packet sets the origin. */
struct sound_clock {
    bool is_started;
    bool is_stretching;
    int64_t origin_us;
    int64_t sample_count; /* appended since the origin */
    int64_t input_end_us; /* where the packet before ended, by its own time */
    int64_t shift_us;     /* added to the input's times */
    int64_t error_us;     /* mean of input time - output time */
    uint32_t late_run;
};

/* A packet of `count` samples (1..SOUND_RATE) whose first one is at `pts_us`
 * (+-FRAME_TIME_MAX_US). The clock counts what the step says. */
struct sound_step sound_clock_packet(struct sound_clock *clock, int64_t pts_us, uint32_t count);

/* Nothing more comes for times before `until_us`. TAKE: fill_count samples (perhaps 0) are to be
 * made up; JUMP: go on from the new origin. Starts the clock when it is not. */
struct sound_step sound_clock_advance(struct sound_clock *clock, int64_t until_us);

/* Time of a sample, counted from an origin. */
int64_t sound_time_us(int64_t origin_us, int64_t sample_count);

#endif
