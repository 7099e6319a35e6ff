#include "webrtc/rtp_timeline.h"

#include <string.h>

#include "base/clock.h"
#include "support/test.h"

enum { VIDEO_RATE = 90000, AUDIO_RATE = 48000, FRAME_US = 33333, TICK_US = 21 };

/* Wall clock of the sender at its start, since 1900. */
#define NTP_START_S (INT64_C(3900000000))

static struct rtp_timeline timeline;

/* What the sender captured at `at_us` of its own time, on a track whose timestamps begin with
 * `first`. */
static uint32_t timestamp_at(uint32_t first, uint32_t rate, int64_t at_us)
{
    return first + (uint32_t)(at_us * rate / US_PER_S);
}

static uint64_t ntp_at(int64_t at_us)
{
    uint64_t fraction = ((uint64_t)(at_us % US_PER_S) << 32) / US_PER_S;

    return (uint64_t)(NTP_START_S + at_us / US_PER_S) << 32 | fraction;
}

static int64_t give(enum media_kind kind, int64_t captured_us, int64_t now_us)
{
    uint32_t rate = kind == MEDIA_VIDEO ? VIDEO_RATE : AUDIO_RATE;
    uint32_t timestamp = timestamp_at(kind == MEDIA_VIDEO ? 7000 : 99, rate, captured_us);
    bool went_back;

    rtp_timeline_arrival(&timeline, kind, rate, timestamp, now_us);
    int64_t pts_us = rtp_timeline_pts(&timeline, kind, timestamp, now_us, &went_back);
    assert_false(went_back);
    return pts_us;
}

static void report(int64_t at_us, int64_t now_us)
{
    assert_true(rtp_timeline_report(&timeline, MEDIA_VIDEO, ntp_at(at_us),
                                    timestamp_at(7000, VIDEO_RATE, at_us), now_us));
    assert_true(rtp_timeline_report(&timeline, MEDIA_AUDIO, ntp_at(at_us),
                                    timestamp_at(99, AUDIO_RATE, at_us), now_us));
}

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* The picture came late once, at its beginning, by `late_us`. Both tracks then run without delay,
 * with reports after two seconds. Returns by how much picture and sound of one capture differ after
 * `until_us`; *ret_worst_step_us is how far a frame was from its place behind the one before. */
static int64_t run(int64_t late_us, int64_t until_us, int64_t *ret_worst_step_us)
{
    int64_t video_us = give(MEDIA_VIDEO, 0, late_us);
    int64_t audio_us = give(MEDIA_AUDIO, 0, 0);

    *ret_worst_step_us = 0;
    for (int64_t at_us = FRAME_US; at_us <= until_us; at_us += FRAME_US) {
        int64_t now_us = at_us + late_us; /* what came late stays in the queue for a while */

        if (at_us / US_PER_S != (at_us - FRAME_US) / US_PER_S && at_us >= 2 * US_PER_S)
            report(at_us, now_us);
        audio_us = give(MEDIA_AUDIO, at_us, at_us);
        int64_t next_us = give(MEDIA_VIDEO, at_us, now_us);
        int64_t step_us = distance(next_us - video_us, FRAME_US);

        *ret_worst_step_us = step_us > *ret_worst_step_us ? step_us : *ret_worst_step_us;
        video_us = next_us;
    }
    return distance(video_us, audio_us);
}

static void begin(void)
{
    memset(&timeline, 0, sizeof(timeline));
}

static void the_first_packet_is_shown_at_its_arrival(void **state)
{
    (void)state;
    begin();
    assert_int_equal(give(MEDIA_VIDEO, 0, 500), 500);
    assert_int_equal(give(MEDIA_AUDIO, 0, 900), 900);
}

static void lips_half_a_second_off_are_together_soon(void **state)
{
    (void)state;
    int64_t worst_step_us;

    begin();
    assert_true(run(500 * US_PER_MS, 6 * US_PER_S, &worst_step_us) < 60 * US_PER_MS);
    assert_true(worst_step_us < FRAME_US / 4); /* nobody sees it */
}

static void lips_a_little_off_are_together_without_haste(void **state)
{
    (void)state;
    int64_t worst_step_us;

    begin();
    assert_true(run(90 * US_PER_MS, 5 * US_PER_S, &worst_step_us) < 5 * US_PER_MS);
    assert_true(worst_step_us <= FRAME_US / 20 + TICK_US);
}

static void nothing_moves_without_reports(void **state)
{
    (void)state;
    int64_t worst_step_us;

    begin();
    int64_t apart_us = run(400 * US_PER_MS, 2 * US_PER_S - FRAME_US, &worst_step_us);
    assert_true(distance(apart_us, 400 * US_PER_MS) <= TICK_US);
    assert_true(worst_step_us <= TICK_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(the_first_packet_is_shown_at_its_arrival),
        TEST_CASE(lips_half_a_second_off_are_together_soon),
        TEST_CASE(lips_a_little_off_are_together_without_haste),
        TEST_CASE(nothing_moves_without_reports),
    };
    return RUN_TESTS("webrtc_rtp_timeline", tests);
}
