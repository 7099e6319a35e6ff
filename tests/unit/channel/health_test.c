#include "base/clock.h"
#include "channel/channel.h"
#include "support/test.h"

#define S(seconds) ((int64_t)(seconds)*US_PER_S)

/* A stream that nothing is wrong with. */
static struct channel_stats good_stats(int64_t now_us)
{
    struct channel_stats stats = channel_stats_unknown();

    stats.last_packet_us = now_us;
    stats.has_video = stats.has_audio = true;
    stats.bitrate_kbps = stats.target_bitrate_kbps = 2500;
    stats.fps = stats.nominal_fps = 30;
    stats.keyframe_interval_ms = 2000;
    stats.packet_loss = 0;
    stats.rtt_ms = 20;
    stats.part_delay_ms = 5;
    return stats;
}

/* A report a second, from second `from` to before `to`. */
static void report(struct health_state *health, struct channel_stats stats, enum ingest ingest,
                   int from, int to)
{
    for (int second = from; second < to; second++) {
        stats.last_packet_us = S(second);
        health_update(health, &stats, ingest, S(second));
    }
}

static void steady_stream_is_good_without_words(void **state)
{
    (void)state;
    struct health_state health = {.health = HEALTH_UNKNOWN};

    report(&health, good_stats(0), INGEST_RTMP, 0, 60);
    assert_int_equal(health.health, HEALTH_GOOD);
    assert_string_equal(health.reason, "");
}

static void unknown_numbers_blame_nobody(void **state)
{
    (void)state;
    struct health_state health = {.health = HEALTH_UNKNOWN};
    struct channel_stats stats = channel_stats_unknown();

    stats.has_video = stats.has_audio = true;
    report(&health, stats, INGEST_WHIP, 0, 60);
    assert_int_equal(health.health, HEALTH_GOOD);
}

static void rare_key_frames_are_named_with_the_setting_that_helps(void **state)
{
    (void)state;
    struct health_state health = {.health = HEALTH_UNKNOWN};
    struct channel_stats stats = good_stats(0);

    stats.keyframe_interval_ms = 8000;
    report(&health, stats, INGEST_RTMP, 0, 1);
    assert_int_equal(health.health, HEALTH_POOR);
    assert_string_equal(health.reason,
                        "Key frames are 8 s apart: set the keyframe interval to 2 s in OBS.");
    stats.keyframe_interval_ms = 5000;
    report(&health, stats, INGEST_RTMP, 1, 10);
    assert_int_equal(health.health, HEALTH_FAIR);
    stats.keyframe_interval_ms = 2000;
    report(&health, stats, INGEST_RTMP, 10, 20);
    assert_int_equal(health.health, HEALTH_GOOD);
}

static void browser_is_not_told_to_open_obs(void **state)
{
    (void)state;
    struct health_state health = {.health = HEALTH_UNKNOWN};
    struct channel_stats stats = good_stats(0);

    stats.keyframe_interval_ms = 9000;
    report(&health, stats, INGEST_WHIP, 0, 3);
    assert_false(text_contains(text_of(health.reason), TEXT("OBS")));
    assert_true(text_contains(text_of(health.reason), TEXT("9 s apart")));
}

static void short_dip_does_not_change_the_light(void **state)
{
    (void)state;
    struct health_state health = {.health = HEALTH_UNKNOWN};
    struct channel_stats good = good_stats(0), bad = good_stats(0);

    bad.packet_loss = 0.2;
    report(&health, good, INGEST_WHIP, 0, 10);
    report(&health, bad, INGEST_WHIP, 10, 13); /* two full seconds of it */
    assert_int_equal(health.health, HEALTH_GOOD);
    report(&health, good, INGEST_WHIP, 13, 14);
    report(&health, bad, INGEST_WHIP, 14, 17); /* counted anew */
    assert_int_equal(health.health, HEALTH_GOOD);
    report(&health, bad, INGEST_WHIP, 17, 18);
    assert_int_equal(health.health, HEALTH_POOR);
}

static void light_does_not_flicker_between_raise_and_clear(void **state)
{
    (void)state;
    struct health_state health = {.health = HEALTH_UNKNOWN};
    struct channel_stats stats = good_stats(0);

    stats.packet_loss = 0.07;
    report(&health, stats, INGEST_WHIP, 0, 5);
    assert_int_equal(health.health, HEALTH_POOR);
    stats.packet_loss = 0.04; /* below 5 %, but not below 3 % */
    report(&health, stats, INGEST_WHIP, 5, 60);
    assert_int_equal(health.health, HEALTH_POOR);
    assert_string_equal(health.reason, "4.0 % of the data is lost on the way: use a cable instead "
                                       "of Wi-Fi, or move closer to the router.");
    stats.packet_loss = 0.02;
    report(&health, stats, INGEST_WHIP, 60, 65); /* about to clear: the number stays */
    assert_true(text_starts_with(text_of(health.reason), TEXT("4.0 %")));
    report(&health, stats, INGEST_WHIP, 65, 66);
    assert_int_equal(health.health, HEALTH_FAIR);
    assert_true(text_starts_with(text_of(health.reason), TEXT("2.0 %")));
}

static void silence_is_poor_at_once_and_forgiven_soon(void **state)
{
    (void)state;
    struct health_state health = {.health = HEALTH_UNKNOWN};
    struct channel_stats stats = good_stats(S(0));

    health_update(&health, &stats, INGEST_RTMP, S(3));
    assert_int_equal(health.health, HEALTH_GOOD);
    health_update(&health, &stats, INGEST_RTMP, S(4));
    assert_int_equal(health.health, HEALTH_POOR);
    assert_string_equal(health.reason,
                        "Nothing has arrived for 4 s: check the connection of the encoder.");
    report(&health, stats, INGEST_RTMP, 5, 7);
    assert_int_equal(health.health, HEALTH_GOOD);
}

static void no_video(struct channel_stats *stats)
{
    stats->has_video = false;
    stats->fps = stats->bitrate_kbps = -1;
}

static void no_audio(struct channel_stats *stats)
{
    stats->has_audio = false;
}

static void b_frames(struct channel_stats *stats)
{
    stats->has_b_frames = true;
}

static void a_third_of_the_bitrate(struct channel_stats *stats)
{
    stats->bitrate_kbps = 800;
}

static void two_thirds_of_the_bitrate(struct channel_stats *stats)
{
    stats->bitrate_kbps = 1600;
}

static void tiny_bitrate(struct channel_stats *stats)
{
    stats->target_bitrate_kbps = -1;
    stats->bitrate_kbps = 90;
    stats->fps = 12;
}

static void still_picture(struct channel_stats *stats)
{
    stats->target_bitrate_kbps = -1;
    stats->bitrate_kbps = 90;
}

static void half_the_pictures(struct channel_stats *stats)
{
    stats->fps = 15;
}

static void slide_show(struct channel_stats *stats)
{
    stats->fps = 4;
}

static void far_away(struct channel_stats *stats)
{
    stats->rtt_ms = 500;
}

static void very_far_away(struct channel_stats *stats)
{
    stats->rtt_ms = 1500;
}

static void bursts(struct channel_stats *stats)
{
    stats->part_delay_ms = 900;
}

static void big_bursts(struct channel_stats *stats)
{
    stats->part_delay_ms = 3000;
}

static void some_loss(struct channel_stats *stats)
{
    stats->packet_loss = 0.02;
}

/* One wrong number each, with the light and the words it must give. */
static const struct {
    const char *name;
    void (*spoil)(struct channel_stats *stats);
    enum health health;
    const char *words;
} spoiled[] = {
    {"no_video", no_video, HEALTH_POOR, "No picture arrives"},
    {"no_audio", no_audio, HEALTH_FAIR, "No sound arrives"},
    {"b_frames", b_frames, HEALTH_FAIR, "set B-frames to 0"},
    {"third", a_third_of_the_bitrate, HEALTH_POOR, "Only 32 % of the set bitrate"},
    {"two thirds", two_thirds_of_the_bitrate, HEALTH_FAIR, "Only 64 % of the set bitrate"},
    {"still", still_picture, HEALTH_GOOD, ""},
    {"tiny", tiny_bitrate, HEALTH_POOR, "Only 90 kbit/s"},
    {"half", half_the_pictures, HEALTH_FAIR, "Only 50 % of the pictures"},
    {"slides", slide_show, HEALTH_POOR, "Only 4 pictures a second"},
    {"far", far_away, HEALTH_FAIR, "takes 500 ms"},
    {"very far", very_far_away, HEALTH_POOR, "takes 1500 ms"},
    {"bursts", bursts, HEALTH_FAIR, "in bursts, 900 ms late"},
    {"big bursts", big_bursts, HEALTH_POOR, "in bursts, 3000 ms late"},
    {"loss", some_loss, HEALTH_FAIR, "2.0 %"},
};

static void each_wrong_number_has_its_light_and_its_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(spoiled) / sizeof(spoiled[0]); i++) {
        struct health_state health = {.health = HEALTH_UNKNOWN};
        struct channel_stats stats = good_stats(0);

        spoiled[i].spoil(&stats);
        report(&health, stats, INGEST_RTMP, 0, 12);
        if (health.health != spoiled[i].health ||
            !text_contains(text_of(health.reason), text_of(spoiled[i].words)))
            fail_msg("%s: %s, \"%s\"", spoiled[i].name, health_name(health.health), health.reason);
        report(&health, good_stats(0), INGEST_RTMP, 12, 24);
        assert_int_equal(health.health, HEALTH_GOOD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(steady_stream_is_good_without_words),
        TEST_CASE(unknown_numbers_blame_nobody),
        TEST_CASE(rare_key_frames_are_named_with_the_setting_that_helps),
        TEST_CASE(browser_is_not_told_to_open_obs),
        TEST_CASE(short_dip_does_not_change_the_light),
        TEST_CASE(light_does_not_flicker_between_raise_and_clear),
        TEST_CASE(silence_is_poor_at_once_and_forgiven_soon),
        TEST_CASE(each_wrong_number_has_its_light_and_its_words),
    };
    return RUN_TESTS("channel_health", tests);
}
