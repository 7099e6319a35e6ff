#include "transcode/sound_clock.h"

#include "support/test.h"
#include "transcode/frame.h"

enum { PACKET = 960, PACKET_US = 20000 };

static void assert_taken_as_it_is(struct sound_step step)
{
    assert_int_equal(step.action, SOUND_TAKE);
    assert_int_equal(step.fill_count, 0);
    assert_int_equal(step.stretch_count, 0);
}

/* `count` packets in a row from `pts_us`; returns the time of the next. */
static int64_t play(struct sound_clock *clock, int64_t pts_us, int count)
{
    for (int i = 0; i < count; i++, pts_us += PACKET_US)
        assert_taken_as_it_is(sound_clock_packet(clock, pts_us, PACKET));
    return pts_us;
}

static void an_hour_without_loss_is_taken_as_it_is(void **state)
{
    (void)state;
    struct sound_clock clock = {0};

    play(&clock, 123456789, 180000);
    assert_int_equal(clock.sample_count, INT64_C(180000) * PACKET);
    assert_int_equal(clock.origin_us, 123456789);
}

static void lost_packets_are_filled_exactly(void **state)
{
    (void)state;
    struct sound_clock clock = {0};
    int64_t pts_us = play(&clock, 0, 10);
    struct sound_step step = sound_clock_packet(&clock, pts_us + 3 * PACKET_US, PACKET);

    assert_int_equal(step.action, SOUND_TAKE);
    assert_int_equal(step.fill_count, 3 * PACKET);
    play(&clock, pts_us + 4 * PACKET_US, 10);
}

static void dtx_of_400_ms_is_filled(void **state)
{
    (void)state;
    struct sound_clock clock = {0};
    int64_t pts_us = play(&clock, 0, 10);

    assert_int_equal(sound_clock_packet(&clock, pts_us + 400000, PACKET).fill_count, 19200);
}

static void longest_pause_is_filled_and_a_longer_one_jumps(void **state)
{
    (void)state;
    struct sound_clock clock = {0};
    int64_t pts_us = play(&clock, 0, 10);
    struct sound_step step = sound_clock_packet(&clock, pts_us + FRAME_FILL_MAX_US, PACKET);

    assert_int_equal(step.action, SOUND_TAKE);
    assert_int_equal(step.fill_count, 2 * SOUND_RATE);
    pts_us += FRAME_FILL_MAX_US + PACKET_US;
    step = sound_clock_packet(&clock, pts_us + FRAME_FILL_MAX_US + 1, PACKET);
    assert_int_equal(step.action, SOUND_JUMP);
    assert_int_equal(step.fill_count, 0);
    assert_int_equal(clock.origin_us, pts_us + FRAME_FILL_MAX_US + 1);
    assert_int_equal(clock.sample_count, PACKET);
}

static void jitter_of_the_times_changes_nothing(void **state)
{
    (void)state;
    static const int64_t jitter_us[] = {0, 5000, -5000, 9000, -9000, 3000, -3000};
    struct sound_clock clock = {0};

    for (int i = 0; i < 10000; i++)
        assert_taken_as_it_is(
            sound_clock_packet(&clock, (int64_t)i * PACKET_US + jitter_us[i % 7], PACKET));
}

/* Plays for ten minutes with a clock that is off by `ppm`; returns the largest error at the end. */
static int64_t error_after_ten_minutes(int64_t ppm)
{
    struct sound_clock clock = {0};
    int64_t pts_us = 0;

    for (int i = 0; i < 30000; i++) {
        pts_us = (int64_t)i * PACKET_US + (int64_t)i * PACKET_US * ppm / 1000000;
        struct sound_step step = sound_clock_packet(&clock, pts_us, PACKET);
        assert_int_equal(step.action, SOUND_TAKE);
        assert_int_equal(step.fill_count, 0);
        assert_in_range(step.stretch_count + 2, 0, 4);
    }
    int64_t end_us = sound_time_us(clock.origin_us, clock.sample_count);
    return pts_us + PACKET_US - end_us;
}

static void a_clock_that_is_off_by_200_ppm_is_followed(void **state)
{
    (void)state;
    assert_in_range(error_after_ten_minutes(200) + 10000, 0, 20000);
    assert_in_range(error_after_ten_minutes(-200) + 10000, 0, 20000);
    assert_in_range(error_after_ten_minutes(0), 0, 0);
}

static void late_packets_are_dropped_until_their_times_prove_wrong(void **state)
{
    (void)state;
    struct sound_clock clock = {0};
    play(&clock, 10000000, 10);

    for (int i = 0; i < SOUND_LATE_RUN - 1; i++)
        assert_int_equal(sound_clock_packet(&clock, (int64_t)i * PACKET_US, PACKET).action,
                         SOUND_DROP);
    int64_t count = clock.sample_count;
    play(&clock, (SOUND_LATE_RUN - 1) * PACKET_US, 50);
    assert_int_equal(clock.sample_count, count + INT64_C(50) * PACKET);
}

static void one_late_packet_is_dropped_and_forgotten(void **state)
{
    (void)state;
    struct sound_clock clock = {0};
    int64_t pts_us = play(&clock, 0, 100);

    assert_int_equal(sound_clock_packet(&clock, pts_us - 100000, PACKET).action, SOUND_DROP);
    play(&clock, pts_us, 100);
}

static void advance_fills_up_to_the_time_and_packets_go_on_after_it(void **state)
{
    (void)state;
    struct sound_clock clock = {0};
    int64_t pts_us = play(&clock, 0, 10);

    assert_int_equal(sound_clock_advance(&clock, pts_us - 1).fill_count, 0);
    assert_int_equal(sound_clock_advance(&clock, pts_us + 500000).fill_count, 24000);
    assert_int_equal(sound_clock_packet(&clock, pts_us, PACKET).action, SOUND_DROP);
    play(&clock, pts_us + 500000, 10);
}

static void advance_starts_a_clock_that_never_saw_sound(void **state)
{
    (void)state;
    struct sound_clock clock = {0};
    struct sound_step step = sound_clock_advance(&clock, 5000000);

    assert_int_equal(step.fill_count, 0);
    assert_int_equal(clock.origin_us, 5000000);
    assert_int_equal(sound_clock_advance(&clock, 5033333).fill_count, 1599);
    assert_int_equal(sound_clock_advance(&clock, 9000000).action, SOUND_JUMP);
    assert_int_equal(clock.origin_us, 9000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(an_hour_without_loss_is_taken_as_it_is),
        TEST_CASE(lost_packets_are_filled_exactly),
        TEST_CASE(dtx_of_400_ms_is_filled),
        TEST_CASE(longest_pause_is_filled_and_a_longer_one_jumps),
        TEST_CASE(jitter_of_the_times_changes_nothing),
        TEST_CASE(a_clock_that_is_off_by_200_ppm_is_followed),
        TEST_CASE(late_packets_are_dropped_until_their_times_prove_wrong),
        TEST_CASE(one_late_packet_is_dropped_and_forgotten),
        TEST_CASE(advance_fills_up_to_the_time_and_packets_go_on_after_it),
        TEST_CASE(advance_starts_a_clock_that_never_saw_sound),
    };
    return RUN_TESTS("transcode_sound_clock", tests);
}
