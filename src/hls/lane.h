/*
 * lane - the samples of one track that wait for their part. Private to hls/.
 *
 * Times are ticks of the track's timescale on the packager's timeline.
 *
 * The audio lane makes its own timeline: access units have a known length, so each begins exactly
 * where the one before ended, and timestamps that jitter (RTMP has milliseconds) do no harm. When
 * the samples' times leave that line by more than AUDIO_SLACK, it follows them: silence fills a
 * hole, a late sample is dropped. So lips stay in sync and nothing drifts.
 */
#ifndef HLS_LANE_H
#define HLS_LANE_H

#include "base/vec.h"
#include "hls/hls.h"

struct lane_item {
    struct sample *sample; /* a reference; NULL: silence */
    int64_t dts;
    int32_t offset;    /* pts - dts, of video */
    uint32_t duration; /* of audio */
};

struct lane {
    VEC(struct lane_item) items;
    size_t bytes;
};

/* Takes the item's reference; false (and the reference is dropped) when the lane is full. */
bool lane_push(struct lane *lane, struct lane_item item);
void lane_drop_front(struct lane *lane, size_t count);
void lane_deinit(struct lane *lane);

struct audio_lane {
    struct lane lane;
    uint32_t timescale;
    uint32_t frame_len; /* ticks of an access unit; 0: each says its own (Opus) */
    bool is_opus;
    struct buf *silence;  /* one access unit; NULL: not known for this format */
    uint32_t silence_len; /* ticks */
    int64_t start;        /* where the audio of this stretch may begin */
    int64_t next;         /* where the next access unit begins */
    bool is_begun;        /* `next` is set by something in this stretch */
    bool is_on_silence;   /* the newest access unit is silence that bridges a stall */
    uint64_t dropped;
    uint64_t silence_frames;
};

/* Sets the lane up for a format; NULL: no audio. What waits is dropped. */
void audio_lane_set_format(struct audio_lane *audio, const struct format *format);
void audio_lane_deinit(struct audio_lane *audio);

/* Forgets what waits and begins a new stretch at `start_us`. */
void audio_lane_restart(struct audio_lane *audio, int64_t start_us);

/* The picture begins anew at `start_us` and the sound goes on: drops only what is too early. */
void audio_lane_continue(struct audio_lane *audio, int64_t start_us);

/* Takes a sample whose dts is `dts_us` on the packager's timeline. */
void audio_lane_push(struct audio_lane *audio, const struct sample *sample, int64_t dts_us);

/* Fills with silence up to `until_us`, because no audio comes. */
void audio_lane_bridge(struct audio_lane *audio, int64_t until_us);

/* Where the audio that is there ends; INT64_MIN: there is none. */
int64_t audio_lane_end_us(const struct audio_lane *audio);

/* Items that begin before `until_us`. */
size_t audio_lane_count_before(const struct audio_lane *audio, int64_t until_us);

#endif
