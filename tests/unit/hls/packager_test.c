#include "feed.h"

#include "base/clock.h"

static void nothing_is_published_before_a_key_frame(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    for (int i = 0; i < 3000; i++)
        (void)feed_frame(feed, false, 33333);
    struct hls_stats stats = hls_packager_stats(feed->packager);
    assert_null(feed_snapshot(feed));
    assert_true(stats.is_waiting_for_keyframe);
    assert_int_equal(stats.dropped_video, 3000);
    assert_int_equal(stats.pending_bytes, 0);
    assert_int_equal(hls_packager_deadline_us(feed->packager), INT64_MAX);
    feed_destroy(feed);
}

static void first_part_is_listed_as_soon_as_its_last_frame_comes(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    for (int i = 0; i < 5; i++)
        assert_false(feed_frame(feed, i == 0, 33333));
    assert_true(feed_frame(feed, false, 33333)); /* the sixth: 200 ms */
    const struct hls_snapshot *snapshot = feed_snapshot(feed);
    assert_int_equal(snapshot->running_msn, 1);
    assert_int_equal(snapshot->running_count, 1);
    assert_true(feed_playlist_has(feed, "#EXT-X-PART:DURATION=0.2"));
    assert_true(feed_playlist_has(feed, "URI=\"e1-1.0.m4s\",INDEPENDENT=YES"));
    assert_true(feed_playlist_has(feed, "#EXT-X-MAP:URI=\"e1-init0.mp4\""));
    assert_true(feed_playlist_has(feed, "TYPE=PART,URI=\"e1-1.1.m4s\""));
    feed_destroy(feed);
}

struct rate {
    int num;
    int den;
    int frames_a_part;
};

static void parts_hold_as_many_frames_as_fit_at_each_rate(void **state)
{
    (void)state;
    static const struct rate rates[] = {{24, 1, 4},  {25, 1, 5},      {30000, 1001, 6}, {30, 1, 6},
                                        {50, 1, 10}, {60, 1, 12},     {15, 1, 3},       {10, 1, 2},
                                        {5, 1, 1},   {24000, 1001, 4}};

    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct feed *feed = feed_create("va");
        int fps = (rates[i].num + rates[i].den - 1) / rates[i].den;

        feed_frames(feed, 20 * fps, rates[i].num, rates[i].den, 2 * fps);
        assert_in_range(feed->check.video_samples * 100 / feed->check.part_count,
                        rates[i].frames_a_part * 100 - 34, rates[i].frames_a_part * 100 + 2);
        assert_int_equal(feed->check.missed_hints, 0);
        assert_int_equal(feed->check.audio_holes, 0);
        assert_true(feed_playlist_has(feed, "#EXT-X-TARGETDURATION:2\n"));
        feed_destroy(feed);
    }
}

static void segments_last_two_seconds_at_usual_key_frame_distances(void **state)
{
    (void)state;
    /* Key frame distance in frames at 30 fps, and the segment that follows in seconds. */
    static const struct {
        int gop;
        const char *extinf;
    } rows[] = {{15, "#EXTINF:2.0"}, {30, "#EXTINF:2.0"}, {60, "#EXTINF:2.0"},
                {45, "#EXTINF:1.5"}, {27, "#EXTINF:1.8"}, {1, "#EXTINF:2.1"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct feed *feed = feed_create("va");

        feed_frames(feed, 600, 30, 1, rows[i].gop);
        if (rows[i].gop > 1)
            assert_true(feed_playlist_has(feed, rows[i].extinf));
        assert_true(feed_playlist_has(feed, "#EXT-X-TARGETDURATION:2\n"));
        assert_int_equal(feed->check.missed_hints, 0);
        feed_destroy(feed);
    }
}

/* A small generator with a fixed seed: the same jitter in each run. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static void jitter_breaks_no_part_and_keeps_each_pts(void **state)
{
    (void)state;
    for (int strength = 5000; strength <= 80000; strength += 15000) {
        struct feed *feed = feed_create("va");
        uint32_t seed = 7;
        int64_t last_us = -1;

        for (int64_t i = 0; i < 3000; i++) {
            int64_t dts_us = i * 1000000 / 30 + next_random(&seed) % (uint32_t)strength;
            if (dts_us <= last_us)
                dts_us = last_us + 1;
            last_us = dts_us;
            (void)feed_push(feed, MEDIA_VIDEO, i % 60 == 0, dts_us, dts_us, 300);
            feed->video_dts_us = dts_us;
            feed_audio_until(feed, dts_us);

            /* In each part each picture is shown when its sample said, to the microsecond. */
            const struct mp4_read_part *part = &feed->check.part;
            if (part->track_count && part->tracks[0].id == 1) {
                const struct mp4_read_track *track = &part->tracks[0];
                int64_t pts = (int64_t)track->decode_time + track->samples[0].composition_offset;
                assert_true(pts % 1 == 0 && llabs(pts - (int64_t)track->decode_time) < 90 * 250);
            }
        }
        assert_true(hls_packager_stats(feed->packager).discontinuities == 0);
        assert_int_equal(hls_packager_stats(feed->packager).dropped_video, 0);
        assert_int_equal(feed->check.missed_hints, 0);
        feed_destroy(feed);
    }
}

static void pictures_are_shown_when_their_samples_say(void **state)
{
    (void)state;
    struct feed *feed = feed_create("v");
    int64_t shown[2048];
    size_t shown_count = 0;
    uint32_t seed = 3;

    for (int64_t i = 0; i < 900; i++) {
        int64_t dts_us = i * 33333 + next_random(&seed) % 20000;
        int64_t pts_us = dts_us + (int64_t)(next_random(&seed) % 4) * 33333; /* B-frames */
        bool has_new = feed_push(feed, MEDIA_VIDEO, i % 60 == 0, dts_us, pts_us, 100);

        shown[i] = (pts_us * 9 + 50) / 100;
        for (size_t n = 0; has_new && n < feed->check.part.tracks[0].count; n++) {
            const struct mp4_read_track *track = &feed->check.part.tracks[0];
            int64_t dts = (int64_t)track->decode_time;
            for (size_t k = 0; k < n; k++)
                dts += track->samples[k].duration;
            assert_in_range(dts + track->samples[n].composition_offset + 3, shown[shown_count] + 1,
                            shown[shown_count] + 5);
            shown_count++;
        }
    }
    assert_in_range(shown_count, 880, 900);
    feed_destroy(feed);
}

static void changing_frame_rates_keep_the_part_target(void **state)
{
    (void)state;
    static const int rates[] = {30, 24, 60, 15, 7, 30, 25, 12, 50, 3, 30};
    struct feed *feed = feed_create("va");

    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
        feed_frames(feed, 10 * rates[i], rates[i], 1, 2 * rates[i]);
    assert_int_equal(hls_packager_stats(feed->packager).discontinuities, 0);
    feed_destroy(feed);
}

static void late_audio_is_led_in_by_silence(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    feed->audio_dts_us = 700000;
    feed->audio_count = 33; /* 704 ms */
    feed_frames(feed, 300, 30, 1, 60);
    struct hls_stats stats = hls_packager_stats(feed->packager);
    assert_in_range(stats.silence_frames, 30, 34);
    assert_int_equal(stats.discontinuities, 0);
    assert_true(feed->check.audio_holes <= 1);
    assert_in_range(feed->check.audio_samples, 455, 470); /* 10 s of 46.9 a second */
    feed_destroy(feed);
}

static void vanished_audio_is_replaced_by_silence_and_comes_back(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    feed_frames(feed, 300, 30, 1, 60);
    struct format *audio = feed->audio;
    feed->audio = NULL; /* nothing is pushed */
    feed_frames(feed, 300, 30, 1, 60);
    assert_in_range(hls_packager_stats(feed->packager).silence_frames, 400, 470);
    uint64_t silence = hls_packager_stats(feed->packager).silence_frames;
    feed->audio = audio;
    feed->audio_count = (uint64_t)(feed->video_dts_us * 48 / 1000 / 1024);
    feed->audio_dts_us = (int64_t)feed->audio_count * 1024 * 1000000 / 48000;
    feed_frames(feed, 300, 30, 1, 60);
    assert_true(hls_packager_stats(feed->packager).silence_frames < silence + 20);
    assert_true(feed->check.audio_holes <= 2);
    assert_int_equal(hls_packager_stats(feed->packager).discontinuities, 0);
    feed_destroy(feed);
}

static void audio_that_always_lags_is_not_replaced(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    feed->audio_dts_us = 0;
    for (int i = 0; i < 900; i++) { /* 600 ms behind the picture */
        (void)feed_push(feed, MEDIA_VIDEO, i % 60 == 0, feed->video_dts_us, feed->video_dts_us, 99);
        feed->video_dts_us += 33333;
        feed_audio_until(feed, feed->video_dts_us - 600000);
    }
    assert_true(hls_packager_stats(feed->packager).silence_frames < 30);
    assert_true(hls_packager_stats(feed->packager).dropped_audio < 30);
    feed_destroy(feed);
}

static void sound_goes_on_when_the_picture_stalls(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    feed_frames(feed, 120, 30, 1, 60);
    uint64_t parts = hls_packager_stats(feed->packager).parts;
    feed_audio_until(feed, feed->video_dts_us + 1400000);
    assert_in_range(hls_packager_stats(feed->packager).parts, parts + 3, parts + 7);
    feed->video_dts_us += 1400000;
    feed_frames(feed, 120, 30, 1, 60);
    assert_int_equal(hls_packager_stats(feed->packager).discontinuities, 0);
    feed_destroy(feed);
}

/* Behind five seconds of nothing, which are 234 access units of silence. */
static void sound_that_comes_back_before_the_picture_leaves_no_hole(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    feed_frames(feed, 75, 30, 1, 60);
    feed_skip_audio_to(feed, feed->video_dts_us + 5 * US_PER_S);
    feed_audio_until(feed, feed->video_dts_us + 5500 * US_PER_MS);
    assert_in_range(hls_packager_stats(feed->packager).silence_frames, 232, 236);
    assert_int_equal(feed->check.audio_holes, 0);
    feed_destroy(feed);
}

/* A player that meets a hole in the decode times drops the picture until the next key frame (Media
 * Source Extensions section 3.5.8), so there is none: the first frame behind the stall is decoded
 * where the last one before it ended, and shown when its sample says. */
static void picture_that_stalled_goes_on_without_a_hole_in_its_decode_times(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    feed_frames(feed, 75, 30, 1, 60);
    feed_audio_until(feed, feed->video_dts_us + 900000);
    uint64_t clock = feed->check.clock;
    assert_true(feed->check.unseen > 0);
    feed->video_dts_us += 900000;
    int64_t resumed_us = feed->video_dts_us;
    while (feed->check.unseen) /* hls_check wants the picture to go on at its clock */
        (void)feed_frame(feed, false, 33333);
    const struct mp4_read_track *video = &feed->check.part.tracks[0];
    assert_int_equal(video->decode_time, clock);
    assert_in_range((int64_t)video->decode_time + video->samples[0].composition_offset,
                    resumed_us * 9 / 100 - 1, resumed_us * 9 / 100 + 1);
    feed_frames(feed, 120, 30, 1, 60);
    feed_destroy(feed);
}

static void stalled_publisher_is_flushed_at_the_deadline(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    feed_frames(feed, 63, 30, 1, 60); /* three frames into the second segment */
    assert_true(hls_packager_stats(feed->packager).pending_bytes > 0);
    int64_t deadline_us = hls_packager_deadline_us(feed->packager);
    assert_in_range(deadline_us, feed->now_us, feed->now_us + US_PER_S);
    assert_false(hls_packager_on_deadline(feed->packager, deadline_us - 1));
    feed_look(feed, hls_packager_on_deadline(feed->packager, deadline_us));
    assert_int_equal(hls_packager_stats(feed->packager).parts, 11);
    assert_int_equal(hls_packager_deadline_us(feed->packager), INT64_MAX);
    feed_frames(feed, 120, 30, 1, 60);
    feed_destroy(feed);
}

static void audio_alone_makes_parts_and_segments(void **state)
{
    (void)state;
    struct feed *feed = feed_create("a");

    feed_audio_until(feed, 30 * US_PER_S);
    assert_in_range(hls_packager_stats(feed->packager).parts, 140, 165);
    assert_in_range(hls_packager_stats(feed->packager).segments, 14, 16);
    assert_int_equal(feed->check.missed_hints, 0);
    struct text index = buf_text(feed_snapshot(feed)->multivariant);
    assert_true(text_contains(index, TEXT("CODECS=\"mp4a.40.2\"\n")));
    assert_false(text_contains(index, TEXT("RESOLUTION")));
    feed_destroy(feed);
}

static void far_key_frames_raise_the_target_duration_once(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    feed_frames(feed, 30 * 20 * 6, 30, 1, 600);
    struct hls_stats stats = hls_packager_stats(feed->packager);
    assert_int_equal(stats.forced_cuts, 0);
    assert_int_equal(stats.segments, 5);
    assert_int_equal(stats.target_duration_us, 32 * US_PER_S);
    assert_true(feed_playlist_has(feed, "#EXT-X-INDEPENDENT-SEGMENTS"));
    feed_destroy(feed);
}

static void missing_key_frames_force_a_cut_at_the_limit(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");
    size_t most = 0;

    for (int i = 0; i < 30 * 300; i++) {
        (void)feed_frame(feed, i == 0, 33333);
        size_t bytes = hls_packager_stats(feed->packager).window_bytes;
        most = bytes > most ? bytes : most;
    }
    assert_in_range(hls_packager_stats(feed->packager).forced_cuts, 11, 13);
    assert_false(feed_playlist_has(feed, "#EXT-X-INDEPENDENT-SEGMENTS"));
    assert_true(most < 150 * 25000);
    feed_destroy(feed);
}

static void huge_frames_stay_within_the_byte_limits(void **state)
{
    (void)state;
    struct hls_config config = {.segment_max_bytes = 1 << 20, .window_max_bytes = 4 << 20};
    struct feed *feed = feed_create_with("v", &config);

    feed->video_len = 60000;
    for (int i = 0; i < 1200; i++) {
        (void)feed_frame(feed, i % 120 == 0, 33333);
        struct hls_stats stats = hls_packager_stats(feed->packager);
        assert_true(stats.window_bytes + stats.pending_bytes < (6U << 20));
    }
    assert_true(hls_packager_stats(feed->packager).forced_cuts > 10);
    feed_destroy(feed);
}

static void returning_publisher_continues_behind_a_discontinuity(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    feed_frames(feed, 100, 30, 1, 60);
    feed_look(feed, hls_packager_discontinuity(feed->packager, feed->now_us));
    const struct hls_snapshot *snapshot = feed_snapshot(feed);
    assert_int_equal(snapshot->running_msn, 3);
    assert_int_equal(snapshot->running_count, 0);
    assert_true(feed_playlist_has(feed, "TYPE=PART,URI=\"e1-3.0.m4s\""));
    assert_false(feed_playlist_has(feed, "#EXT-X-DISCONTINUITY\n"));

    for (int i = 0; i < 20; i++) /* no key frame yet */
        (void)feed_frame(feed, false, 33333);
    assert_int_equal(feed_snapshot(feed)->running_count, 0);
    feed_frames(feed, 100, 30, 1, 60);
    assert_true(feed_playlist_has(feed, "#EXT-X-DISCONTINUITY\n#EXT-X-PART:"));
    assert_true(feed_playlist_has(feed, "#EXT-X-DISCONTINUITY-SEQUENCE:0\n"));
    feed_frames(feed, 30 * 20, 30, 1, 60);
    assert_true(feed_playlist_has(feed, "#EXT-X-DISCONTINUITY-SEQUENCE:1\n"));
    assert_false(feed_playlist_has(feed, "#EXT-X-DISCONTINUITY\n"));
    assert_int_equal(hls_packager_stats(feed->packager).discontinuities, 1);
    feed_destroy(feed);
}

static void timeline_that_jumps_is_a_discontinuity_of_its_own(void **state)
{
    (void)state;
    static const int64_t jumps_us[] = {5 * US_PER_S, -5 * US_PER_S, 86400 * US_PER_S};

    for (size_t i = 0; i < 3; i++) {
        struct feed *feed = feed_create("v");

        feed_frames(feed, 300, 30, 1, 60);
        feed->video_dts_us += jumps_us[i];
        feed_frames(feed, 300, 30, 1, 60);
        assert_int_equal(hls_packager_stats(feed->packager).discontinuities, 1);
        assert_true(feed->check.video_samples > 590);
        feed_destroy(feed);
    }
}

static void new_resolution_gets_an_init_segment_of_its_own(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");
    struct format *larger = feed_h264(feed_avcc_1080p);
    bool is_changed;

    feed_frames(feed, 100, 30, 1, 60);
    assert_ok(hls_packager_set_formats(feed->packager, feed->video, feed->audio, feed->now_us,
                                       &is_changed, NULL)); /* the same: nothing happens */
    assert_false(is_changed);
    assert_ok(hls_packager_set_formats(feed->packager, larger, feed->audio, feed->now_us,
                                       &is_changed, NULL));
    assert_true(is_changed);
    feed_look(feed, true);
    assert_true(feed_playlist_has(feed, "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"e1-init1.mp4\""));
    feed_frames(feed, 100, 30, 1, 60);
    assert_true(feed_playlist_has(feed, "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"e1-init1.mp4\""));
    assert_true(text_contains(buf_text(feed_snapshot(feed)->multivariant),
                              TEXT("CODECS=\"avc1.640028,mp4a.40.2\",RESOLUTION=1920x1080")));
    feed_frames(feed, 900, 30, 1, 60); /* the old one is gone from the window */
    struct hls_file file;
    assert_int_equal(hls_snapshot_find(feed_snapshot(feed), TEXT("e1-init0.mp4"), &file),
                     HLS_NOT_FOUND);
    assert_int_equal(hls_snapshot_find(feed_snapshot(feed), TEXT("e1-init1.mp4"), &file),
                     HLS_READY);
    format_unref(larger);
    feed_destroy(feed);
}

/* Sound may come before the picture: 90 ms of it wait here. Returns how much was dropped so far. */
static uint64_t play_with_early_sound(struct feed *feed)
{
    feed_frames(feed, 100, 30, 1, 60);
    feed_audio_until(feed, feed->video_dts_us + 90000);
    return hls_packager_stats(feed->packager).dropped_audio;
}

static void become_larger(struct feed *feed)
{
    struct format *larger = feed_h264(feed_avcc_1080p);

    assert_ok(
        hls_packager_set_formats(feed->packager, larger, feed->audio, feed->now_us, NULL, NULL));
    format_unref(larger);
}

/* A browser drops the picture up to the next key frame when the sound has a hole behind the first
 * frame of another size. */
static void sound_goes_on_over_a_new_resolution(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");
    uint64_t lost = play_with_early_sound(feed);

    become_larger(feed);
    feed_frames(feed, 100, 30, 1, 60);
    assert_true(feed_playlist_has(feed, "#EXT-X-DISCONTINUITY\n"));
    assert_int_equal(feed->check.audio_leap, 0);
    assert_int_equal(feed->check.audio_holes, 0);
    assert_int_equal(hls_packager_stats(feed->packager).dropped_audio, lost);
    assert_int_equal(hls_packager_stats(feed->packager).silence_frames, 0);
    feed_destroy(feed);
}

/* The key frame of another publisher, seconds later: the sound of the one before is not its own. */
static void sound_does_not_go_on_over_a_pause(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    (void)play_with_early_sound(feed);
    become_larger(feed);
    feed->video_dts_us += 3000000;
    feed_skip_audio_to(feed, feed->video_dts_us);
    feed_frames(feed, 100, 30, 1, 60);
    assert_in_range(feed->check.audio_leap, 2800 * 48, 3000 * 48);
    assert_int_equal(hls_packager_stats(feed->packager).silence_frames, 0);
    feed_destroy(feed);
}

static void added_audio_waits_for_a_key_frame_and_the_picture_goes_on(void **state)
{
    (void)state;
    struct feed *feed = feed_create("v");
    struct format *audio = feed_aac(44100, 1);

    feed_frames(feed, 100, 30, 1, 60);
    assert_ok(hls_packager_set_formats(feed->packager, feed->video, audio, 0, NULL, NULL));
    uint64_t parts = hls_packager_stats(feed->packager).parts;
    for (int i = 0; i < 12; i++)
        (void)feed_frame(feed, false, 33333);
    assert_int_equal(hls_packager_stats(feed->packager).parts, parts + 2);
    assert_int_equal(hls_packager_stats(feed->packager).discontinuities, 0);
    feed_frames(feed, 60, 30, 1, 60);
    assert_int_equal(hls_packager_stats(feed->packager).discontinuities, 1);
    assert_true(feed_playlist_has(feed, "#EXT-X-MAP:URI=\"e1-init1.mp4\""));
    format_unref(audio);
    feed_destroy(feed);
}

static void audio_announced_before_the_first_part_joins_without_discontinuity(void **state)
{
    (void)state;
    struct feed *feed = feed_create("v");
    struct format *audio = feed_aac(48000, 2);

    for (int i = 0; i < 3; i++)
        (void)feed_frame(feed, i == 0, 33333);
    assert_ok(hls_packager_set_formats(feed->packager, feed->video, audio, 0, NULL, NULL));
    feed->audio = audio;
    for (int i = 0; i < 57; i++)
        (void)feed_frame(feed, false, 33333);
    assert_true(feed_playlist_has(feed, "#EXT-X-MAP:URI=\"e1-init1.mp4\""));
    assert_true(text_contains(buf_text(feed_snapshot(feed)->multivariant), TEXT("mp4a.40.2")));
    assert_true(feed->check.audio_samples > 80);
    assert_true(feed->check.video_samples >= 54);
    assert_int_equal(hls_packager_stats(feed->packager).discontinuities, 0);
    feed_destroy(feed);
}

static void codecs_that_mp4_cannot_hold_are_refused(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");
    struct format *vp8 = format_create(CODEC_VP8, NULL);
    struct format *broken = format_create(CODEC_H264, buf_copy("garbage", 7));
    struct diag diag = {0};

    feed_frames(feed, 30, 30, 1, 60);
    assert_err(hls_packager_set_formats(feed->packager, vp8, NULL, 0, NULL, &diag),
               ERR_UNSUPPORTED);
    assert_true(diag.message[0] != 0);
    assert_err(hls_packager_set_formats(feed->packager, broken, NULL, 0, NULL, NULL),
               ERR_MALFORMED);
    assert_err(hls_packager_set_formats(feed->packager, NULL, NULL, 0, NULL, NULL), ERR_INVALID);
    feed_frames(feed, 30, 30, 1, 60); /* goes on as before */
    assert_int_equal(hls_packager_stats(feed->packager).discontinuities, 0);
    format_unref(vp8);
    format_unref(broken);
    feed_destroy(feed);
}

static void finished_playlist_has_all_and_ends(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    assert_false(hls_packager_finish(feed->packager, 0)); /* nothing was ever published */
    feed_destroy(feed);

    feed = feed_create("va");
    feed_frames(feed, 100, 30, 1, 60);
    feed_look(feed, hls_packager_finish(feed->packager, feed->now_us));
    assert_true(feed_snapshot(feed)->is_ended);
    assert_true(feed_playlist_has(feed, "#EXT-X-ENDLIST\n"));
    assert_int_equal(feed->check.video_samples, 100);
    assert_false(hls_packager_finish(feed->packager, feed->now_us));
    assert_false(feed_frame(feed, true, 33333));
    feed_destroy(feed);
}

static void dates_follow_the_wall_clock_and_never_go_back(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    hls_packager_set_wall_offset(feed->packager, INT64_C(1795250400000000));
    feed_frames(feed, 90, 30, 1, 60);
    assert_true(feed_playlist_has(feed, "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T08:40:00.000Z\n"));
    assert_true(feed_playlist_has(feed, "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T08:40:02."));
    for (int i = 0; i < 10; i++) {
        hls_packager_set_wall_offset(feed->packager,
                                     INT64_C(1795250400000000) - i * INT64_C(700000));
        feed_frames(feed, 60, 30, 1, 60);
    }
    feed_destroy(feed);
}

static void multivariant_playlist_tells_what_was_measured(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    feed->video_len = 10000; /* 30 x 10 kB, key frames four times that, 47 x 50 bytes */
    feed_frames(feed, 30, 30000, 1001, 60);
    struct text index = buf_text(feed_snapshot(feed)->multivariant);
    assert_true(text_contains(index, TEXT("FRAME-RATE=29.970\nlive.m3u8\n")));
    feed_frames(feed, 600, 30000, 1001, 60);
    index = buf_text(feed_snapshot(feed)->multivariant);
    assert_true(text_contains(index, TEXT("CODECS=\"avc1.42c01f,mp4a.40.2\"")));
    assert_true(text_contains(index, TEXT("RESOLUTION=1280x720,FRAME-RATE=29.970\n")));
    double peak = hls_check_number(index, ":BANDWIDTH=");
    double average = hls_check_number(index, "AVERAGE-BANDWIDTH=");
    double real = (29.97 * 10000 + 3 * 10000 / 2.002 + 47 * 50) * 8;
    assert_true(peak >= average && fabs(average - real) < real / 20 && peak < real * 1.1);
    feed_destroy(feed);
}

static void renditions_are_reported(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");
    const struct hls_rendition two[] = {{TEXT_INIT("../low/live.m3u8"), 7, 3},
                                        {TEXT_INIT("../audio/live.m3u8"), 8, 0}};
    const struct hls_rendition bad = {TEXT_INIT("a\"b"), 0, 0};

    assert_ok(hls_packager_set_renditions(feed->packager, two, 2));
    assert_err(hls_packager_set_renditions(feed->packager, &bad, 1), ERR_LIMIT);
    feed_frames(feed, 30, 30, 1, 60);
    assert_true(feed_playlist_has(feed, "#EXT-X-RENDITION-REPORT:URI=\"../low/live.m3u8\","
                                        "LAST-MSN=7,LAST-PART=3\n"
                                        "#EXT-X-RENDITION-REPORT:URI=\"../audio/live.m3u8\","
                                        "LAST-MSN=8,LAST-PART=0\n"));
    feed_destroy(feed);
}

static void hours_of_samples_need_no_more_memory_and_do_not_drift(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");
    size_t most = 0;
    size_t blocks = 0;

    feed->video_len = 16;
    feed->audio_len = 8;
    for (int minute = 0; minute < 120; minute++) {
        feed_frames(feed, 1800, 30, 1, 60);
        struct hls_stats stats = hls_packager_stats(feed->packager);
        if (minute == 0) {
            most = stats.window_bytes;
            blocks = mem_live_blocks();
        }
        assert_true(stats.window_bytes < most + most / 2);
        assert_true(mem_live_blocks() < blocks + 50);
        assert_int_equal(stats.silence_frames, 0);
        assert_true(llabs(stats.decode_time_offset_us) < 5000);
    }
    assert_int_equal(hls_packager_stats(feed->packager).dropped_audio, 0);
    assert_int_equal(hls_packager_stats(feed->packager).dropped_video, 0);
    /* Both tracks are where their samples said: the end of the last part. */
    double video = (double)feed->check.clock / 90000;
    double audio = (double)feed->check.audio_end / 48000;
    assert_true(fabs(video - audio) < 0.05 && fabs(video - 7200) < 0.25);
    assert_int_equal(hls_packager_stats(feed->packager).segments, 3599);
    feed_destroy(feed);
}

static void milliseconds_of_rtmp_leave_no_trace_in_the_audio(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    for (int64_t i = 0; i < 1800; i++) {
        int64_t dts_us = i * 1000 / 30 * 1000;
        (void)feed_push(feed, MEDIA_VIDEO, i % 60 == 0, dts_us, dts_us, 100);
        for (; feed->audio_dts_us < dts_us; feed->audio_count++) {
            feed->audio_dts_us = (int64_t)(feed->audio_count * 1024 / 48) * 1000;
            (void)feed_push(feed, MEDIA_AUDIO, true, feed->audio_dts_us, feed->audio_dts_us, 20);
            for (size_t t = 0; t < feed->check.part.track_count; t++) {
                const struct mp4_read_track *track = &feed->check.part.tracks[t];
                for (size_t n = 0; track->id == 2 && n < track->count; n++)
                    assert_int_equal(track->samples[n].duration, 1024);
            }
        }
    }
    assert_int_equal(feed->check.audio_holes, 0);
    assert_int_equal(hls_packager_stats(feed->packager).silence_frames, 0);
    feed_destroy(feed);
}

static void settings_out_of_range_are_refused_with_a_sentence(void **state)
{
    (void)state;
    static const struct hls_config wrong[] = {
        {.part_target_us = 1},          {.part_target_us = 3000000},
        {.segment_target_us = 100},     {.segment_target_us = 60 * US_PER_S},
        {.window_us = 1000000},         {.segment_max_us = 1},
        {.segment_max_bytes = 1 << 30},
    };
    struct hls_packager *packager = NULL;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct diag diag = {0};
        assert_err(hls_packager_create(&wrong[i], TEXT("e"), &packager, &diag), ERR_INVALID);
        assert_true(diag.message[0] != 0);
    }
    const struct hls_config fine = {0};
    assert_err(hls_packager_create(&fine, TEXT(""), &packager, NULL), ERR_INVALID);
    assert_err(hls_packager_create(&fine, TEXT("a-b"), &packager, NULL), ERR_INVALID);
    assert_null(packager);
}

static void list_opens_with_a_gap_so_that_no_player_finds_it_empty(void **state)
{
    (void)state;
    struct feed *feed = feed_create("va");

    feed_frames(feed, 20, 30, 1, 60);
    assert_true(feed_playlist_has(feed, "#EXT-X-MEDIA-SEQUENCE:0\n"));
    assert_true(feed_playlist_has(feed, "#EXT-X-START:TIME-OFFSET=0.001\n"));
    assert_true(feed_playlist_has(feed, "#EXT-X-GAP\n#EXTINF:0.001,\ne1-0.m4s\n"));
    feed_frames(feed, 60, 30, 1, 60);
    feed_frames(feed, 20, 30, 1, 60);
    assert_false(feed_playlist_has(feed, "#EXT-X-START")); /* from now on the live edge */
    assert_true(feed_playlist_has(feed, "#EXT-X-GAP\n"));
    feed_frames(feed, 600, 30, 1, 60);
    assert_false(feed_playlist_has(feed, "#EXT-X-GAP")); /* left with the first segment */
    feed_destroy(feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(list_opens_with_a_gap_so_that_no_player_finds_it_empty),
        TEST_CASE(nothing_is_published_before_a_key_frame),
        TEST_CASE(first_part_is_listed_as_soon_as_its_last_frame_comes),
        TEST_CASE(parts_hold_as_many_frames_as_fit_at_each_rate),
        TEST_CASE(segments_last_two_seconds_at_usual_key_frame_distances),
        TEST_CASE(jitter_breaks_no_part_and_keeps_each_pts),
        TEST_CASE(pictures_are_shown_when_their_samples_say),
        TEST_CASE(changing_frame_rates_keep_the_part_target),
        TEST_CASE(late_audio_is_led_in_by_silence),
        TEST_CASE(vanished_audio_is_replaced_by_silence_and_comes_back),
        TEST_CASE(audio_that_always_lags_is_not_replaced),
        TEST_CASE(sound_goes_on_when_the_picture_stalls),
        TEST_CASE(sound_that_comes_back_before_the_picture_leaves_no_hole),
        TEST_CASE(picture_that_stalled_goes_on_without_a_hole_in_its_decode_times),
        TEST_CASE(stalled_publisher_is_flushed_at_the_deadline),
        TEST_CASE(audio_alone_makes_parts_and_segments),
        TEST_CASE(far_key_frames_raise_the_target_duration_once),
        TEST_CASE(missing_key_frames_force_a_cut_at_the_limit),
        TEST_CASE(huge_frames_stay_within_the_byte_limits),
        TEST_CASE(returning_publisher_continues_behind_a_discontinuity),
        TEST_CASE(timeline_that_jumps_is_a_discontinuity_of_its_own),
        TEST_CASE(new_resolution_gets_an_init_segment_of_its_own),
        TEST_CASE(sound_goes_on_over_a_new_resolution),
        TEST_CASE(sound_does_not_go_on_over_a_pause),
        TEST_CASE(added_audio_waits_for_a_key_frame_and_the_picture_goes_on),
        TEST_CASE(audio_announced_before_the_first_part_joins_without_discontinuity),
        TEST_CASE(codecs_that_mp4_cannot_hold_are_refused),
        TEST_CASE(finished_playlist_has_all_and_ends),
        TEST_CASE(dates_follow_the_wall_clock_and_never_go_back),
        TEST_CASE(multivariant_playlist_tells_what_was_measured),
        TEST_CASE(renditions_are_reported),
        TEST_CASE(hours_of_samples_need_no_more_memory_and_do_not_drift),
        TEST_CASE(milliseconds_of_rtmp_leave_no_trace_in_the_audio),
        TEST_CASE(settings_out_of_range_are_refused_with_a_sentence),
    };

    return RUN_TESTS("hls_packager", tests);
}
