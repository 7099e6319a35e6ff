#include "live/webrtc_tick.h"

#include "support/test.h"

/* One stream of 2.5 Mbit/s for 40 ms, a receive buffer of 208 kB. */
static const struct webrtc_census quiet = {
    .connected = 1, .found = 15, .span_us = 40 * US_PER_MS, .capacity = 180};

static void a_line_without_faults_is_served_seldom(void **state)
{
    (void)state;
    struct webrtc_census ten = quiet;

    assert_int_equal(webrtc_tick_next_us(&quiet), 40 * US_PER_MS);
    ten.connected = 10;
    ten.found = 150;
    ten.capacity = 3600;
    assert_int_equal(webrtc_tick_next_us(&ten), 40 * US_PER_MS);
}

static void missing_packets_are_asked_for_soon(void **state)
{
    (void)state;
    struct webrtc_census census = quiet;

    census.connected = 5;
    census.repairing = 1;
    assert_int_equal(webrtc_tick_next_us(&census), 10 * US_PER_MS);
}

static void handshakes_come_first(void **state)
{
    (void)state;
    struct webrtc_census census = quiet;

    census.connecting = 1;
    census.repairing = 1;
    assert_int_equal(webrtc_tick_next_us(&census), 5 * US_PER_MS);
}

/* Whatever the length of the tick that found them. */
static void a_buffer_that_fills_is_read_sooner(void **state)
{
    (void)state;
    static const struct {
        size_t found;
        int64_t span_ms;
        int64_t next_ms;
    } cases[] = {
        {45, 40, 40},  {46, 40, 20}, {150, 40, 10}, {38, 10, 10},   {300, 40, 5},
        {9000, 40, 5}, {38, 5, 5},   {5, 5, 40},    {150, 200, 40}, {0, 40, 40},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct webrtc_census census = quiet;

        census.found = cases[i].found;
        census.span_us = cases[i].span_ms * US_PER_MS;
        assert_int_equal(webrtc_tick_next_us(&census), cases[i].next_ms * US_PER_MS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(a_line_without_faults_is_served_seldom),
        TEST_CASE(missing_packets_are_asked_for_soon),
        TEST_CASE(handshakes_come_first),
        TEST_CASE(a_buffer_that_fills_is_read_sooner),
    };

    return RUN_TESTS("live_webrtc_tick", tests);
}
