/*
 * packager - the state behind hls.h and the making of parts. Private to hls/.
 *
 * `part_start` is the master clock: 90 kHz ticks, where the next part begins. It only moves by the
 * durations of parts, so the list, the tfdt of the video and the media agree exactly.
 *
 * A stretch is what lies between two discontinuities: it begins with a key frame.
 */
#ifndef HLS_PACKAGER_H
#define HLS_PACKAGER_H

#include "base/pages.h"
#include "hls/hls.h"
#include "hls/lane.h"
#include "hls/window.h"
#include "mp4/mp4.h"

#define TICKS(time_us) ((int64_t)(time_us)*9 / 100)

struct hls_packager {
    struct window window;
    struct format *video; /* NULL: none */
    struct format *audio;
    struct format *next_audio; /* with next_init: takes over at the next key frame */
    struct hls_init *next_init;
    uint32_t init_count;

    struct lane video_lane;
    struct audio_lane audio_lane;
    struct pages_cursor pages; /* of the parts, one behind the other */
    struct mp4_sample *rows;   /* scratch of the part being written: both tracks */

    bool is_waiting;    /* for what begins a stretch: a key frame, or any audio */
    bool sound_goes_on; /* while waiting: only the picture begins anew */
    bool has_timeline;  /* timeline_offset_us is chosen */
    bool is_dirty;      /* something changed since the last snapshot */
    bool has_wall_offset;
    int64_t wall_offset_us;     /* wall = dts + this */
    int64_t timeline_offset_us; /* added to each dts, so that decode times are not negative */
    int64_t part_start;         /* where the next part begins */
    int64_t video_end;          /* where the frames of the parts so far end; <= part_start */
    int64_t segment_start;      /* where the running segment began */
    int64_t part_target;        /* T; 0: not chosen yet */
    int64_t frame_duration;     /* measured, smoothed; 0: unknown */
    unsigned odd_frames;        /* in a row whose distance does not fit */
    int64_t last_dts;           /* of the newest video frame */
    bool has_last_dts;
    int64_t last_key_dts;
    int64_t keyframe_interval;
    int64_t frames_since;     /* frames since rate_since, for FRAME-RATE */
    int64_t rate_since;       /* dts of the frame from which they are counted */
    int64_t last_audio_at;    /* where the video was when audio last came */
    bool has_audio_come;      /* in this stretch */
    int64_t pending_since_us; /* now_us of the first pending sample; INT64_MAX: none */
    uint64_t dropped_video;
    uint64_t forced_cuts;
};

static inline int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static inline bool is_running(const struct hls_packager *packager)
{
    return packager->window.running.is_begun;
}

enum { PART_MIN_PERCENT = 85 /* of PART-TARGET, rfc8216bis section 4.4.4.9 */ };

/* ---- part.c ---- */

/* The distance of video frames, measured or assumed. */
int64_t frame_duration(const struct hls_packager *packager);
void measure_frame(struct hls_packager *packager, int64_t distance);

/* Chooses T from the samples that are pending, once. */
void choose_part_target(struct hls_packager *packager);

/* Makes a part of what is pending, that ends as near to `end` as the rules allow. A last part of a
 * segment may be short. Nothing happens when nothing is pending. */
void close_part(struct hls_packager *packager, int64_t end, bool is_last);

/* The last part of the segment, up to the frame that begins the next one. */
void close_segment(struct hls_packager *packager, int64_t end);
void end_segment(struct hls_packager *packager);

#endif
