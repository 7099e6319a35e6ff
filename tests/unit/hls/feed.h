/*
 * feed - a publisher for the packager's tests: makes samples, pushes them, and looks at each
 * snapshot with hls_check.
 */
#ifndef TESTS_UNIT_HLS_FEED_H
#define TESTS_UNIT_HLS_FEED_H

#include "support/hls_check.h"
#include "support/test.h"

#include "base/mem.h"
#include "codec/codec.h"

struct feed {
    struct hls_packager *packager;
    struct format *video;
    struct format *audio;
    struct hls_check check;
    int64_t now_us;
    int64_t video_dts_us;
    int64_t audio_dts_us;
    uint64_t audio_count;
    size_t video_len; /* payload of a frame */
    size_t audio_len;
    uint64_t snapshots;
};

/* avcC of 1280x720 constrained baseline 3.1, as x264 writes it. */
static const char feed_avcc_720p[] =
    "0142c01fffe100176742c01fda014016ec0440000003004000000f23c60ca8"
    "01000468ce3c80";
/* 1920x1080 high 4.0, sample aspect ratio 4:3. */
static const char feed_avcc_1080p[] =
    "01640028ffe1001b67640028acd940780227e5c384000003000400000300c8"
    "3c60c65801000668ebe3cb22c0fdf8f800";

static inline struct format *feed_h264(const char *hex)
{
    uint8_t bytes[256];
    size_t len = test_unhex(hex, bytes, sizeof(bytes));
    struct format *format = format_create(CODEC_H264, buf_copy(bytes, len));

    assert_ok(codec_complete_format(format, NULL));
    return format;
}

static inline struct format *feed_aac(uint32_t rate, uint32_t channels)
{
    struct buf *config;

    assert_ok(aac_write_lc_config(rate, channels, &config));
    struct format *format = format_create(CODEC_AAC, config);
    assert_ok(codec_complete_format(format, NULL));
    return format;
}

/* Tracks: "v", "a" or "va". */
static inline struct feed *feed_create_with(const char *tracks, const struct hls_config *config)
{
    struct feed *feed = mem_zalloc(sizeof(*feed));

    assert_ok(hls_packager_create(config, TEXT("e1"), &feed->packager, NULL));
    feed->video = strchr(tracks, 'v') ? feed_h264(feed_avcc_720p) : NULL;
    feed->audio = strchr(tracks, 'a') ? feed_aac(48000, 2) : NULL;
    assert_ok(hls_packager_set_formats(feed->packager, feed->video, feed->audio, 0, NULL, NULL));
    feed->video_len = 500;
    feed->audio_len = 50;
    return feed;
}

static inline struct feed *feed_create(const char *tracks)
{
    return feed_create_with(tracks, &(struct hls_config){0});
}

static inline void feed_destroy(struct feed *feed)
{
    hls_packager_destroy(feed->packager);
    format_unref(feed->video);
    format_unref(feed->audio);
    mem_free(feed);
}

static inline const struct hls_snapshot *feed_snapshot(const struct feed *feed)
{
    return hls_packager_snapshot(feed->packager);
}

static inline void feed_look(struct feed *feed, bool has_new)
{
    if (!has_new)
        return;
    const char *complaint = hls_check_snapshot(&feed->check, feed_snapshot(feed));
    feed->snapshots++;
    if (complaint) {
        print_error("%s, at video dts %lld:\n%.*s\n", complaint, (long long)feed->video_dts_us,
                    TEXT_ARG(buf_text(feed_snapshot(feed)->playlist)));
        fail();
    }
}

static inline bool feed_push(struct feed *feed, enum media_kind kind, bool is_key, int64_t dts_us,
                             int64_t pts_us, size_t len)
{
    struct buf *buf = buf_create(len);

    memset(buf->data, (int)(dts_us & 0xff), len);
    struct sample *sample = sample_create(kind, slice_take(buf));
    sample->is_keyframe = is_key || kind == MEDIA_AUDIO;
    sample->dts_us = dts_us;
    sample->pts_us = pts_us;
    bool has_new = hls_packager_push(feed->packager, sample, feed->now_us);
    sample_unref(sample);
    feed_look(feed, has_new);
    return has_new;
}

/* Pushes audio up to the time. */
static inline void feed_audio_until(struct feed *feed, int64_t until_us)
{
    while (feed->audio && feed->audio_dts_us < until_us) {
        (void)feed_push(feed, MEDIA_AUDIO, true, feed->audio_dts_us, feed->audio_dts_us,
                        feed->audio_len);
        feed->audio_count++;
        feed->audio_dts_us = (int64_t)feed->audio_count * 1024 * 1000000 / 48000;
    }
}

/* The audio up to the time never comes. */
static inline void feed_skip_audio_to(struct feed *feed, int64_t until_us)
{
    feed->audio_count = (uint64_t)until_us * 48 / 1024000 + 1;
    feed->audio_dts_us = (int64_t)feed->audio_count * 1024 * 1000000 / 48000;
}

/* One frame that lasts `duration_us`; the audio follows it. */
static inline bool feed_frame(struct feed *feed, bool is_key, int64_t duration_us)
{
    bool has_new = feed_push(feed, MEDIA_VIDEO, is_key, feed->video_dts_us, feed->video_dts_us,
                             is_key ? 4 * feed->video_len : feed->video_len);

    feed->video_dts_us += duration_us;
    feed->now_us = feed->video_dts_us;
    feed_audio_until(feed, feed->video_dts_us);
    return has_new;
}

/* `count` frames at num/den frames a second with a key frame each `gop` frames. */
static inline void feed_frames(struct feed *feed, int count, int num, int den, int gop)
{
    int64_t start_us = feed->video_dts_us;

    for (int64_t i = 0; i < count; i++) {
        int64_t next_us = start_us + (i + 1) * 1000000 * den / num;
        (void)feed_frame(feed, i % gop == 0, next_us - feed->video_dts_us);
    }
}

static inline bool feed_playlist_has(const struct feed *feed, const char *needle)
{
    return text_contains(buf_text(feed_snapshot(feed)->playlist), text_of(needle));
}

#endif
