/* The making of parts: the part target, the decode timeline, the segments they go into. */
#include "hls/packager.h"

#include <assert.h>

enum { PART_MARGIN_PERCENT = 2 /* room for jitter above n frames */ };

static const int64_t FRAME_DEFAULT = TICKS(33333);      /* before two frames were seen */
static const int64_t FRAME_MIN = TICKS(2000);           /* 500 fps */
static const int64_t FRAME_MAX = TICKS(1000000);        /* 1 fps */
static const int64_t AUDIO_STALL = TICKS(1000000);      /* then silence */
static const int64_t AUDIO_STALL_FIRST = TICKS(300000); /* the same before any audio came */

/* ---- Frame rate and part target ---- */

int64_t frame_duration(const struct hls_packager *packager)
{
    return packager->frame_duration ? packager->frame_duration : FRAME_DEFAULT;
}

/* Follows the distance of frames slowly, and at once when it has changed for good. */
void measure_frame(struct hls_packager *packager, int64_t distance)
{
    enum { SMOOTHING = 16, ODD_MAX = 4 };

    distance = clamp(distance, FRAME_MIN, FRAME_MAX);
    int64_t known = packager->frame_duration;
    bool is_odd = distance < known / 2 || distance > known * 2;
    packager->odd_frames = is_odd ? packager->odd_frames + 1 : 0;
    if (known == 0 || packager->odd_frames > ODD_MAX)
        packager->frame_duration = distance;
    else if (!is_odd)
        packager->frame_duration = known + (distance - known) / SMOOTHING;
}

/* Chooses T from the samples that are pending: as many frames as fit into the configured target,
 * a little more for jitter, whole milliseconds. */
void choose_part_target(struct hls_packager *packager)
{
    const struct lane *lane = &packager->video_lane;
    int64_t frame = frame_duration(packager);

    if (packager->part_target)
        return;
    if (!packager->video) {
        frame = TICKS(20000);
        if (packager->audio_lane.timescale && packager->audio_lane.silence_len)
            frame = mp4_ticks_of_us(
                mp4_us_of_ticks(packager->audio_lane.silence_len, packager->audio_lane.timescale),
                MP4_TIMESCALE_VIDEO);
    } else if (lane->items.count > 1) {
        frame = (packager->last_dts - lane->items.items[0].dts) / (int64_t)(lane->items.count - 1);
    }
    frame = clamp(frame, FRAME_MIN, FRAME_MAX);
    packager->frame_duration = frame;
    int64_t wanted = TICKS(packager->window.config.part_target_us);
    int64_t count = clamp((wanted + frame / 10) / frame, 1, HLS_PENDING_COUNT_MAX / 2);
    int64_t exact = count * frame * (100 + PART_MARGIN_PERCENT) / 100;
    packager->part_target = (exact + TICKS(1000) - 1) / TICKS(1000) * TICKS(1000);
    packager->window.part_target_us = mp4_us_of_ticks(packager->part_target, MP4_TIMESCALE_VIDEO);
}

/* The rate to announce: counted over a segment, and the usual rate when it is within 0.5 %. */
static void measure_rate(struct hls_packager *packager, int64_t dts)
{
    static const uint32_t usual[] = {23976, 24000, 25000, 29970, 30000, 50000, 59940, 60000};
    int64_t span = dts - packager->rate_since;

    if (packager->frames_since < 2 || span <= 0)
        return;
    uint32_t milli = (uint32_t)clamp(
        (packager->frames_since * MP4_TIMESCALE_VIDEO * 1000 + span / 2) / span, 1, 1000000);
    uint32_t nearest = milli / 200;
    uint32_t rate = milli;
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        uint32_t away = milli > usual[i] ? milli - usual[i] : usual[i] - milli;

        if (away < nearest) {
            nearest = away;
            rate = usual[i];
        }
    }
    packager->window.frame_rate_milli = rate;
    packager->window.multivariant = buf_unref(packager->window.multivariant);
    packager->frames_since = 0;
    packager->rate_since = dts;
}

/* ---- Parts ---- */

/* Lays the first `count` frames on the decode timeline [part_start, end): they keep their places
 * as far as they fit, and their pts in any case. When parts of sound alone went before, the first
 * one fills the time since the last frame: a player that finds a hole in the decode times drops
 * the picture until the next key frame (Media Source Extensions section 3.5.8). */
static void lay_video(struct hls_packager *packager, size_t count, int64_t end)
{
    int64_t at = packager->video_end;

    for (size_t i = 0; i < count; i++) {
        const struct lane_item *item = &packager->video_lane.items.items[i];
        int64_t left = (int64_t)(count - 1 - i); /* each frame after this needs a tick */
        int64_t least = at < packager->part_start ? packager->part_start : at;
        int64_t next = i + 1 < count ? clamp(item[1].dts, least + 1, end - left) : end;
        int64_t offset = clamp(item->dts + item->offset - at, INT32_MIN, INT32_MAX);

        packager->rows[i] = (struct mp4_sample){
            .data = item->sample->payload.data,
            .len = (uint32_t)item->sample->payload.len,
            .duration = (uint32_t)(next - at),
            .composition_offset = (int32_t)offset,
            .is_keyframe = item->sample->is_keyframe,
        };
        at = next;
    }
}

static void lay_audio(struct hls_packager *packager, size_t count, struct mp4_sample *rows)
{
    const struct audio_lane *audio = &packager->audio_lane;

    for (size_t i = 0; i < count; i++) {
        const struct lane_item *item = &audio->lane.items.items[i];
        const struct slice payload =
            item->sample ? item->sample->payload
                         : (struct slice){NULL, audio->silence->data, audio->silence->len};

        /* Durations lead to the next unit, also over a hole that could not be filled. */
        int64_t duration = i + 1 < count ? item[1].dts - item->dts : item->duration;
        rows[i] = (struct mp4_sample){
            .data = payload.data,
            .len = (uint32_t)payload.len,
            .duration = (uint32_t)clamp(duration, 1, INT32_MAX),
            .is_keyframe = true,
        };
    }
}

static void begin_segment(struct hls_packager *packager, bool is_independent)
{
    int64_t date_us = 0;

    if (packager->has_wall_offset)
        date_us = mp4_us_of_ticks(packager->part_start, MP4_TIMESCALE_VIDEO) -
                  packager->timeline_offset_us + packager->wall_offset_us;
    packager->segment_start = packager->part_start;
    packager->forced_cuts += !is_independent;
    window_begin_segment(&packager->window, date_us > 0 ? date_us : 0, is_independent);
}

static bool has_keyframe(const struct hls_packager *packager, size_t video_count)
{
    for (size_t i = 0; i < video_count; i++) {
        if (packager->rows[i].is_keyframe)
            return true;
    }
    return !packager->video;
}

/* NULL: nobody, or only a few, will get the part. */
static struct pages_cursor *choose_pages(struct hls_packager *packager)
{
    if (window_is_in_demand(&packager->window))
        return &packager->pages;
    pages_cursor_deinit(&packager->pages);
    return NULL;
}

/* Writes the part of `video_count` frames and `audio_count` units that lasts until `end`. */
static void write_part(struct hls_packager *packager, size_t video_count, size_t audio_count,
                       int64_t end)
{
    struct audio_lane *audio = &packager->audio_lane;
    struct mp4_sample *audio_rows = packager->rows + video_count;
    struct mp4_run runs[MP4_TRACK_COUNT_MAX];
    size_t run_count = 0;

    lay_video(packager, video_count, end);
    lay_audio(packager, audio_count, audio_rows);
    if (video_count)
        runs[run_count++] = (struct mp4_run){MP4_TRACK_VIDEO, (uint64_t)packager->video_end,
                                             packager->rows, video_count};
    if (audio_count)
        runs[run_count++] = (struct mp4_run){
            MP4_TRACK_AUDIO, (uint64_t)audio->lane.items.items[0].dts, audio_rows, audio_count};

    bool is_independent = has_keyframe(packager, video_count);
    if (!is_running(packager))
        begin_segment(packager, is_independent);
    struct buf *body = mp4_write_part(choose_pages(packager),
                                      (uint32_t)packager->window.part_total + 1, runs, run_count);
    int64_t duration_us = mp4_us_of_ticks(end, MP4_TIMESCALE_VIDEO) -
                          mp4_us_of_ticks(packager->part_start, MP4_TIMESCALE_VIDEO);
    window_add_part(&packager->window, body, duration_us, is_independent);
    lane_drop_front(&packager->video_lane, video_count);
    lane_drop_front(&audio->lane, audio_count);
    packager->part_start = end;
    if (video_count)
        packager->video_end = end;
    packager->is_dirty = true;
}

void end_segment(struct hls_packager *packager)
{
    if (!is_running(packager))
        return;
    if (packager->has_last_dts)
        measure_rate(packager, packager->last_dts);
    window_end_segment(&packager->window);
    packager->is_dirty = true;
}

/* Hard limits: the segment ends here, whatever frame comes next. */
static void end_segment_at_limits(struct hls_packager *packager)
{
    const struct window *window = &packager->window;
    const struct running *running = &window->running;

    if (running->duration_us + window->part_target_us > window->config.segment_max_us ||
        running->len > window->config.segment_max_bytes ||
        running->bodies.count >= HLS_SEGMENT_PART_COUNT_MAX)
        end_segment(packager);
}

/* Makes a part of what is pending, that ends as near to `end` as the rules allow. A last part of a
 * segment may be short. Nothing happens when nothing is pending. */
void close_part(struct hls_packager *packager, int64_t end, bool is_last)
{
    size_t video_count = packager->video_lane.items.count;
    struct audio_lane *audio = &packager->audio_lane;

    choose_part_target(packager);
    int64_t start = packager->part_start;
    int64_t least =
        is_last ? (int64_t)video_count + 1 : (packager->part_target * PART_MIN_PERCENT + 99) / 100;
    end = clamp(end, start + least, start + packager->part_target);

    int64_t stall = packager->has_audio_come ? AUDIO_STALL : AUDIO_STALL_FIRST;
    if (packager->video && end - packager->last_audio_at > stall)
        audio_lane_bridge(audio, mp4_us_of_ticks(start, MP4_TIMESCALE_VIDEO));
    size_t audio_count =
        packager->video ? audio_lane_count_before(audio, mp4_us_of_ticks(end, MP4_TIMESCALE_VIDEO))
                        : audio->lane.items.count;
    if (video_count == 0 && audio_count == 0)
        return;
    if (packager->video && video_count == 0 && (is_last || !is_running(packager)))
        return; /* sound alone begins no segment of a video, and ends none: it is a crumb */
    write_part(packager, video_count, audio_count, end);
    if (packager->window.frame_rate_milli == 0 && packager->has_last_dts)
        measure_rate(packager, packager->last_dts);
    packager->pending_since_us = INT64_MAX;
    end_segment_at_limits(packager);
}

/* The last part of the segment, up to the frame that begins the next one. */
void close_segment(struct hls_packager *packager, int64_t end)
{
    close_part(packager, end, true);
    end_segment(packager);
}
