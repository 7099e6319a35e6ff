#include "live/timeline.h"

#include "support/test.h"

enum { MS = 1000, S = 1000000 };

static int64_t place(struct timeline *timeline, enum media_kind kind, int64_t source_us,
                     int64_t now_us)
{
    return timeline_place(timeline, kind, source_us, source_us, now_us).dts_us;
}

static void tracks_keep_their_distance(void **state)
{
    (void)state;
    struct timeline timeline = {0};

    assert_int_equal(place(&timeline, MEDIA_VIDEO, 50 * S, 7 * S), 0);
    assert_int_equal(place(&timeline, MEDIA_AUDIO, 50 * S + 20 * MS, 7 * S), 20 * MS);
    assert_int_equal(place(&timeline, MEDIA_VIDEO, 50 * S + 33 * MS, 7 * S + 90 * MS), 33 * MS);
    assert_int_equal(timeline.moved + timeline.jumps, 0);
}

static void repeated_and_slightly_earlier_times_are_moved(void **state)
{
    (void)state;
    struct timeline timeline = {0};
    struct timeline_times times;

    (void)place(&timeline, MEDIA_VIDEO, 10 * S, S);
    assert_int_equal(place(&timeline, MEDIA_VIDEO, 10 * S + 40 * MS, S), 40 * MS);
    assert_int_equal(place(&timeline, MEDIA_VIDEO, 10 * S + 40 * MS, S), 41 * MS);
    times = timeline_place(&timeline, MEDIA_VIDEO, 10 * S, 10 * S + 80 * MS, S);
    assert_int_equal(times.dts_us, 42 * MS);
    assert_int_equal(times.pts_us, 122 * MS); /* the composition offset stays */
    assert_false(times.did_jump);
    assert_int_equal(timeline.moved, 2);
}

static void clock_that_restarts_moves_both_tracks_alike(void **state)
{
    (void)state;
    struct timeline timeline = {0};

    (void)place(&timeline, MEDIA_VIDEO, 100 * S, 0);
    (void)place(&timeline, MEDIA_AUDIO, 100 * S + 10 * MS, 0);
    /* the encoder starts from 0 again, two seconds later */
    struct timeline_times times = timeline_place(&timeline, MEDIA_VIDEO, 0, 0, 2 * S);
    assert_true(times.did_jump);
    assert_int_equal(times.dts_us, 2 * S);
    assert_int_equal(place(&timeline, MEDIA_AUDIO, 30 * MS, 2 * S + 50 * MS), 2 * S + 30 * MS);
}

static void jump_far_ahead_lands_at_the_time_of_arrival(void **state)
{
    (void)state;
    struct timeline timeline = {0};

    (void)place(&timeline, MEDIA_VIDEO, 0, 0);
    (void)place(&timeline, MEDIA_VIDEO, S, S);
    assert_int_equal(place(&timeline, MEDIA_VIDEO, 5000 * (int64_t)S, S + 40 * MS), S + 40 * MS);
    assert_int_equal(timeline.jumps, 1);
}

static void jump_ahead_of_real_time_leaves_no_hole(void **state)
{
    (void)state;
    struct timeline timeline = {0};

    (void)place(&timeline, MEDIA_VIDEO, 0, 0);
    (void)place(&timeline, MEDIA_AUDIO, 0, 0);
    (void)place(&timeline, MEDIA_VIDEO, S, S);
    assert_int_equal(place(&timeline, MEDIA_VIDEO, 3 * S, S + 40 * MS), S + 40 * MS);
    assert_int_equal(place(&timeline, MEDIA_AUDIO, 3 * S + 10 * MS, S + 60 * MS), S + 50 * MS);
    assert_int_equal(timeline.jumps, 2);
}

static void pause_of_the_publisher_stays_a_pause(void **state)
{
    (void)state;
    struct timeline timeline = {0};

    (void)place(&timeline, MEDIA_VIDEO, 0, 0);
    assert_int_equal(place(&timeline, MEDIA_VIDEO, 4 * S, 4 * S + 20 * MS), 4 * S);
    assert_int_equal(place(&timeline, MEDIA_VIDEO, 4 * S + 40 * MS, 4 * S + 60 * MS),
                     4 * S + 40 * MS);
    assert_int_equal(timeline.jumps, 0);
}

static void frames_that_a_stalled_line_held_back_keep_their_times(void **state)
{
    (void)state;
    struct timeline timeline = {0};

    (void)place(&timeline, MEDIA_VIDEO, 0, 0);
    for (int64_t i = 1; i <= 75; i++) /* three seconds of frames at once */
        assert_int_equal(place(&timeline, MEDIA_VIDEO, i * 40 * MS, 3 * S), i * 40 * MS);
    assert_int_equal(timeline.jumps, 0);
}

static void clock_set_back_by_half_a_second_does_not_stop_the_time(void **state)
{
    (void)state;
    struct timeline timeline = {0};

    (void)place(&timeline, MEDIA_VIDEO, 0, 0);
    (void)place(&timeline, MEDIA_AUDIO, 0, 0);
    (void)place(&timeline, MEDIA_VIDEO, S, S);
    (void)place(&timeline, MEDIA_AUDIO, S, S);
    assert_int_equal(place(&timeline, MEDIA_VIDEO, 540 * MS, S + 40 * MS), S + 40 * MS);
    assert_int_equal(place(&timeline, MEDIA_AUDIO, 520 * MS, S + 40 * MS), S + 20 * MS);
    assert_int_equal(timeline.jumps, 2);
}

static void jump_of_a_file_that_is_sent_too_fast_goes_on_behind_it(void **state)
{
    (void)state;
    struct timeline timeline = {0};

    for (int64_t i = 0; i <= 100; i++) /* four seconds at once */
        (void)place(&timeline, MEDIA_VIDEO, i * 40 * MS, 0);
    assert_int_equal(place(&timeline, MEDIA_VIDEO, 0, 0), 4 * S + MS);
    assert_int_equal(place(&timeline, MEDIA_VIDEO, 40 * MS, 0), 4 * S + 41 * MS);
    assert_int_equal(place(&timeline, MEDIA_VIDEO, 90 * S, 4 * S + 41 * MS + 5), 4 * S + 42 * MS);
}

static void new_publisher_comes_behind_the_old_one(void **state)
{
    (void)state;
    struct timeline timeline = {0};

    (void)place(&timeline, MEDIA_VIDEO, 0, 100 * (int64_t)S);
    assert_int_equal(place(&timeline, MEDIA_VIDEO, 4 * S, 104 * (int64_t)S), 4 * S);
    timeline_restart(&timeline);
    assert_int_equal(place(&timeline, MEDIA_VIDEO, 777 * (int64_t)S, 110 * (int64_t)S), 10 * S);
    timeline_restart(&timeline); /* faster than real time: never back */
    assert_true(place(&timeline, MEDIA_VIDEO, 0, 105 * (int64_t)S) > 10 * S);
}

static void absurd_composition_offset_is_not_believed(void **state)
{
    (void)state;
    struct timeline timeline = {0};
    struct timeline_times times = timeline_place(&timeline, MEDIA_VIDEO, 0, 90 * S, 0);

    assert_int_equal(times.pts_us, times.dts_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(tracks_keep_their_distance),
        TEST_CASE(repeated_and_slightly_earlier_times_are_moved),
        TEST_CASE(clock_that_restarts_moves_both_tracks_alike),
        TEST_CASE(jump_far_ahead_lands_at_the_time_of_arrival),
        TEST_CASE(jump_ahead_of_real_time_leaves_no_hole),
        TEST_CASE(pause_of_the_publisher_stays_a_pause),
        TEST_CASE(frames_that_a_stalled_line_held_back_keep_their_times),
        TEST_CASE(clock_set_back_by_half_a_second_does_not_stop_the_time),
        TEST_CASE(jump_of_a_file_that_is_sent_too_fast_goes_on_behind_it),
        TEST_CASE(new_publisher_comes_behind_the_old_one),
        TEST_CASE(absurd_composition_offset_is_not_believed),
    };
    return RUN_TESTS("live_timeline", tests);
}
