/* The cutting: which samples make a part, which parts make a segment. See hls.h for the rules. */
#include "hls/packager.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "codec/codec.h"

enum {
    SEGMENT_MIN_PERCENT = 75, /* of the target: a key frame before it ends no segment */
    SEGMENT_MAX_PERCENT = 110 /* when waiting for the next key frame would exceed it, cut */
};

static const int64_t HOLE_MAX = TICKS(1500000);      /* a larger one is a discontinuity */
static const int64_t SOUND_HOLE_MAX = TICKS(100000); /* a larger one is not bridged */
static const int64_t VIDEO_STALL = TICKS(400000);    /* audio goes on alone after it */
static const int64_t KEYFRAME_SLACK = TICKS(50000);  /* a key frame may come that much late */
static const int64_t TIME_MAX_US = INT64_C(1) << 51; /* 71 years: a dts beyond is garbage */
static const int64_t OFFSET_MAX_US = 5 * US_PER_S;   /* |pts - dts| beyond is garbage */
static const int64_t STALL_FLUSH_US = US_PER_S;      /* publish whatever is pending */

/* ---- Life ---- */

static enum err check_config(struct hls_config *config, struct text epoch, struct diag *diag)
{
    static const struct hls_config defaults = {
        .part_target_us = 200000,
        .segment_target_us = 2000000,
        .segment_max_us = 24000000,
        .window_us = 12000000,
        .segment_max_bytes = 32 << 20,
        .window_max_bytes = 96 << 20,
    };
    config->part_target_us =
        config->part_target_us ? config->part_target_us : defaults.part_target_us;
    config->segment_target_us =
        config->segment_target_us ? config->segment_target_us : defaults.segment_target_us;
    config->segment_max_us =
        config->segment_max_us ? config->segment_max_us : defaults.segment_max_us;
    config->window_us = config->window_us ? config->window_us : defaults.window_us;
    config->segment_max_bytes =
        config->segment_max_bytes ? config->segment_max_bytes : defaults.segment_max_bytes;
    config->window_max_bytes =
        config->window_max_bytes ? config->window_max_bytes : defaults.window_max_bytes;

    if (config->part_target_us < 50000 || config->part_target_us > 2000000 ||
        config->segment_target_us < US_PER_S || config->segment_target_us > 10 * US_PER_S ||
        config->part_target_us * 2 > config->segment_target_us) {
        diag_set(diag, "parts last 50 ms..2 s, segments 1..10 s and at least two parts");
        return ERR_INVALID;
    }
    if (config->segment_max_us < 2 * config->segment_target_us ||
        config->segment_max_us > 120 * US_PER_S ||
        config->window_us < 5 * config->segment_target_us || config->window_us > 3600 * US_PER_S ||
        config->segment_max_bytes > config->window_max_bytes ||
        config->window_max_bytes > UINT32_MAX) {
        diag_set(diag, "the limits of segment and window do not fit each other");
        return ERR_INVALID;
    }
    bool is_fit = epoch.len > 0 && epoch.len <= HLS_EPOCH_LEN_MAX;
    for (size_t i = 0; i < epoch.len && is_fit; i++) {
        char c = epoch.ptr[i];
        is_fit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }
    if (!is_fit) {
        diag_set(diag, "an epoch is 1 to %d letters and digits", HLS_EPOCH_LEN_MAX);
        return ERR_INVALID;
    }
    return OK;
}

enum err hls_packager_create(const struct hls_config *config, struct text epoch,
                             struct hls_packager **ret_packager, struct diag *diag)
{
    struct hls_config checked = *config;
    enum err err = check_config(&checked, epoch, diag);

    if (err)
        return err;
    struct hls_packager *packager = mem_zalloc(sizeof(*packager));
    window_init(&packager->window, &checked, epoch);
    packager->rows = mem_alloc(2 * HLS_PENDING_COUNT_MAX * sizeof(packager->rows[0]));
    packager->is_waiting = true;
    packager->pending_since_us = INT64_MAX;
    *ret_packager = packager;
    return OK;
}

void hls_packager_destroy(struct hls_packager *packager)
{
    if (!packager)
        return;
    lane_deinit(&packager->video_lane);
    audio_lane_deinit(&packager->audio_lane);
    format_unref(packager->video);
    format_unref(packager->audio);
    format_unref(packager->next_audio);
    hls_init_unref(packager->next_init);
    window_deinit(&packager->window);
    pages_cursor_deinit(&packager->pages);
    mem_free(packager->rows);
    mem_free(packager);
}

const struct hls_snapshot *hls_packager_snapshot(const struct hls_packager *packager)
{
    return packager->window.snapshot;
}

static bool publish(struct hls_packager *packager)
{
    if (!packager->is_dirty || packager->window.part_total == 0)
        return false;
    packager->is_dirty = false;
    window_publish(&packager->window);
    return true;
}

/* ---- Stretches ---- */

/* What is pending becomes the last part; the next stretch begins with a key frame. With
 * `sound_goes_on` the sound that came for later than that waits for it: a hole of three access
 * units in the sound makes a browser drop the picture up to the next key frame. */
static void interrupt(struct hls_packager *packager, bool sound_goes_on)
{
    if (!packager->is_waiting) {
        int64_t end = packager->video
                          ? packager->last_dts + frame_duration(packager)
                          : mp4_ticks_of_us(audio_lane_end_us(&packager->audio_lane) == INT64_MIN
                                                ? 0
                                                : audio_lane_end_us(&packager->audio_lane),
                                            MP4_TIMESCALE_VIDEO);
        close_segment(packager, end);
    }
    packager->dropped_video += packager->video_lane.items.count;
    lane_drop_front(&packager->video_lane, packager->video_lane.items.count);
    packager->sound_goes_on = sound_goes_on && !packager->is_waiting;
    if (!packager->sound_goes_on)
        audio_lane_restart(&packager->audio_lane, 0);
    packager->is_waiting = true;
    packager->has_last_dts = false;
    packager->pending_since_us = INT64_MAX;
    packager->window.is_discontinuity_next = true;
}

/* A stretch begins: all clocks start at `dts_us`. */
static void begin_stretch(struct hls_packager *packager, int64_t dts_us)
{
    if (!packager->has_timeline || dts_us + packager->timeline_offset_us < 0) {
        packager->timeline_offset_us = dts_us < 0 ? -dts_us : 0;
        packager->has_timeline = true;
    }
    int64_t start_us = dts_us + packager->timeline_offset_us;
    int64_t start = mp4_ticks_of_us(start_us, MP4_TIMESCALE_VIDEO);
    bool is_near = llabs(start - packager->part_start) <= SOUND_HOLE_MAX;
    packager->is_waiting = false;
    packager->part_start = start;
    packager->video_end = packager->part_start;
    packager->last_audio_at = packager->part_start;
    packager->has_audio_come = false;
    packager->has_last_dts = false;
    packager->last_key_dts = packager->part_start;
    packager->rate_since = packager->part_start;
    packager->frames_since = 0;
    if (packager->sound_goes_on && is_near)
        audio_lane_continue(&packager->audio_lane, start_us);
    else
        audio_lane_restart(&packager->audio_lane, start_us);
    packager->sound_goes_on = false;
}

/* ---- Video ---- */

/* Whether a key frame at `at` would begin a new segment: when the running one is long enough, and
 * would be too long with one more group of pictures. */
static bool may_cut(const struct hls_packager *packager, int64_t at)
{
    int64_t target = TICKS(packager->window.config.segment_target_us);
    int64_t duration = at - packager->segment_start;

    return is_running(packager) && duration * 100 >= target * SEGMENT_MIN_PERCENT &&
           (duration + at - packager->last_key_dts) * 100 >= target * SEGMENT_MAX_PERCENT;
}

static void note_key(struct hls_packager *packager, int64_t dts)
{
    if (packager->has_last_dts && dts > packager->last_key_dts)
        packager->keyframe_interval = dts - packager->last_key_dts;
    packager->last_key_dts = dts;
}

/* Closes what must be closed before a frame at `dts` is taken in. */
static void cut_before(struct hls_packager *packager, bool is_key, int64_t dts)
{
    if (is_key && may_cut(packager, dts)) {
        close_segment(packager, dts);
        return;
    }
    if (packager->part_target == 0 || packager->video_lane.items.count == 0)
        return;
    int64_t frame = frame_duration(packager);
    if (dts + frame - packager->part_start > packager->part_target + frame / 4)
        close_part(packager, dts, false);
}

/* Closes the part at once when one more frame would not fit, unless it may be the segment's last:
 * then the next frame decides, so that the preload hint names what really comes. A quarter of a
 * frame over the target is forgiven, for the decode timeline bends. */
static void cut_after(struct hls_packager *packager, int64_t dts)
{
    const struct window *window = &packager->window;
    int64_t frame = frame_duration(packager);
    int64_t end = dts + frame;

    if (packager->part_target == 0) {
        if (end + frame / 10 - packager->part_start < TICKS(window->config.part_target_us) &&
            packager->video_lane.items.count < HLS_PENDING_COUNT_MAX / 2)
            return;
        choose_part_target(packager);
        frame = frame_duration(packager);
    }
    bool is_full = end + frame - packager->part_start > packager->part_target + frame / 4;
    bool is_over = packager->video_lane.items.count >= HLS_PENDING_COUNT_MAX ||
                   packager->video_lane.bytes > window->config.segment_max_bytes / 2;
    if (is_over || (is_full && !may_cut(packager, end + KEYFRAME_SLACK)))
        close_part(packager, end, false);
}

static void switch_audio(struct hls_packager *packager);

static bool time_is_usable(const struct sample *sample)
{
    return sample->dts_us > -TIME_MAX_US && sample->dts_us < TIME_MAX_US;
}

/* True when the frame cannot go on with the stretch: it would leave a hole, or jumps back. */
static bool is_jump(const struct hls_packager *packager, int64_t dts)
{
    return dts - packager->part_start > HOLE_MAX || packager->part_start - dts > HOLE_MAX;
}

static void push_video(struct hls_packager *packager, const struct sample *sample)
{
    const struct hls_config *config = &packager->window.config;

    if (!packager->video || !time_is_usable(sample) || sample->payload.len == 0 ||
        sample->payload.len > config->segment_max_bytes / 2) {
        packager->dropped_video++;
        return;
    }
    if (sample->is_keyframe && packager->next_init)
        switch_audio(packager);
    int64_t dts_us = sample->dts_us + packager->timeline_offset_us;
    if (!packager->is_waiting && is_jump(packager, TICKS(dts_us)))
        interrupt(packager, false);
    if (packager->is_waiting) {
        if (!sample->is_keyframe) {
            packager->dropped_video++;
            return;
        }
        begin_stretch(packager, sample->dts_us);
    }
    int64_t dts =
        mp4_ticks_of_us(sample->dts_us + packager->timeline_offset_us, MP4_TIMESCALE_VIDEO);
    int64_t offset_us = clamp(sample->pts_us - sample->dts_us, -OFFSET_MAX_US, OFFSET_MAX_US);

    if (packager->has_last_dts && dts < packager->last_dts)
        dts = packager->last_dts; /* decode order is the order of arrival */
    cut_before(packager, sample->is_keyframe, dts);
    if (sample->is_keyframe)
        note_key(packager, dts);
    if (packager->has_last_dts)
        measure_frame(packager, dts - packager->last_dts);
    packager->frames_since += packager->has_last_dts;
    packager->last_dts = dts;
    packager->has_last_dts = true;
    if (!lane_push(&packager->video_lane, (struct lane_item){.sample = sample_ref(sample),
                                                             .dts = dts,
                                                             .offset = (int32_t)TICKS(offset_us)}))
        packager->dropped_video++;
    cut_after(packager, dts);
}

/* ---- Audio ---- */

/* Without video the audio is the clock. */
static void cut_audio_only(struct hls_packager *packager)
{
    struct audio_lane *audio = &packager->audio_lane;
    int64_t end = mp4_ticks_of_us(audio_lane_end_us(audio), MP4_TIMESCALE_VIDEO);

    choose_part_target(packager);
    int64_t frame = packager->frame_duration;
    if (end + frame - packager->part_start <= packager->part_target)
        return;
    close_part(packager, end, false);
    const struct window *window = &packager->window;
    if (window->running.duration_us + window->part_target_us > window->config.segment_target_us)
        end_segment(packager);
}

/* With video: when it stalls, the sound goes on alone. */
static void cut_stalled_video(struct hls_packager *packager)
{
    int64_t end = mp4_ticks_of_us(audio_lane_end_us(&packager->audio_lane), MP4_TIMESCALE_VIDEO);

    if (packager->part_target && is_running(packager) &&
        end - packager->part_start > packager->part_target + VIDEO_STALL)
        close_part(packager, packager->part_start + packager->part_target, false);
}

static void push_audio(struct hls_packager *packager, const struct sample *sample)
{
    struct audio_lane *audio = &packager->audio_lane;

    if (!packager->audio || packager->next_init || !time_is_usable(sample) ||
        sample->payload.len + audio->lane.bytes > packager->window.config.segment_max_bytes / 2 ||
        (packager->is_waiting && packager->video)) {
        audio->dropped++;
        return;
    }
    int64_t dts_us = sample->dts_us + packager->timeline_offset_us;
    if (!packager->video && !packager->is_waiting && is_jump(packager, TICKS(dts_us)) &&
        is_jump(packager, TICKS(dts_us) - HOLE_MAX))
        interrupt(packager, false);
    if (packager->is_waiting)
        begin_stretch(packager, sample->dts_us);
    /* Sound that is far from the picture says that its clock is wrong, not that it comes late. */
    dts_us = sample->dts_us + packager->timeline_offset_us;
    if (llabs(TICKS(dts_us) - packager->part_start) > 4 * HOLE_MAX) {
        audio->dropped++;
        return;
    }
    audio_lane_push(audio, sample, dts_us);
    packager->has_audio_come = true;
    packager->last_audio_at = packager->has_last_dts ? packager->last_dts : packager->part_start;
    if (audio->lane.items.count == 0)
        return;
    if (packager->video)
        cut_stalled_video(packager);
    else
        cut_audio_only(packager);
}

bool hls_packager_push(struct hls_packager *packager, const struct sample *sample, int64_t now_us)
{
    if (packager->window.is_ended)
        return false;
    if (sample->kind == MEDIA_VIDEO)
        push_video(packager, sample);
    else
        push_audio(packager, sample);

    bool has_pending = packager->video ? packager->video_lane.items.count > 0
                                       : packager->audio_lane.lane.items.count > 0;
    if (has_pending && packager->pending_since_us == INT64_MAX)
        packager->pending_since_us = now_us;
    return publish(packager);
}

/* ---- Formats ---- */

/* What the multivariant playlist says of the formats. */
static void write_stream_info(struct hls_packager *packager)
{
    struct window *window = &packager->window;
    struct writer w = writer_fixed(window->codecs, sizeof(window->codecs));

    /* mp4_write_init() took both, so these do not fail; if they did, CODECS would be empty. */
    if (packager->video && codec_write_codecs_text(&w, packager->video))
        w.failed = true;
    if (packager->video && packager->audio)
        writer_char(&w, ',');
    if (packager->audio && codec_write_codecs_text(&w, packager->audio))
        w.failed = true;
    window->codecs_len = w.failed ? 0 : w.len;
    window->width = packager->video ? packager->video->width : 0;
    window->height = packager->video ? packager->video->height : 0;
    window->frame_rate_milli = 0; /* measured anew */
    window->multivariant = buf_unref(window->multivariant);
}

/* Takes `init` and references to the formats; the samples that wait are the caller's matter. */
static void replace_formats(struct hls_packager *packager, const struct format *video,
                            const struct format *audio, struct hls_init *init)
{
    struct format *old_video = packager->video;
    struct format *old_audio = packager->audio;

    if (!format_equal(audio, old_audio))
        audio_lane_set_format(&packager->audio_lane, audio);
    packager->video = video ? format_ref(video) : NULL;
    packager->audio = audio ? format_ref(audio) : NULL;
    format_unref(old_video);
    format_unref(old_audio);
    hls_init_unref(packager->window.init);
    packager->window.init = init;
    write_stream_info(packager);
}

/* The audio format that waited for a key frame takes over. */
static void switch_audio(struct hls_packager *packager)
{
    struct format *audio = packager->next_audio;
    struct hls_init *init = packager->next_init;

    packager->next_audio = NULL;
    packager->next_init = NULL;
    interrupt(packager, false);
    replace_formats(packager, packager->video, audio, init);
    format_unref(audio);
}

static void forget_next(struct hls_packager *packager)
{
    packager->next_audio = format_unref(packager->next_audio);
    packager->next_init = hls_init_unref(packager->next_init);
}

enum err hls_packager_set_formats(struct hls_packager *packager, const struct format *video,
                                  const struct format *audio, int64_t now_us, bool *ret_changed,
                                  struct diag *diag)
{
    struct buf *body;

    (void)now_us;
    if (ret_changed)
        *ret_changed = false;
    if (!video && !audio) {
        diag_set(diag, "a broadcast needs video or audio");
        return ERR_INVALID;
    }
    bool is_same_video = format_equal(video, packager->video);
    if (packager->window.is_ended || (is_same_video && format_equal(audio, packager->audio))) {
        forget_next(packager);
        return OK;
    }
    enum err err = mp4_write_init(video, audio, &body, diag);
    if (err)
        return err;

    struct hls_init *init = hls_init_create(packager->init_count++, body);
    forget_next(packager);
    if (!is_same_video || !video || packager->is_waiting) {
        interrupt(packager, format_equal(audio, packager->audio));
        replace_formats(packager, video, audio, init);
    } else if (packager->window.part_total == 0) {
        /* Nobody has seen anything yet: the audio joins the frames that wait for the first part. */
        replace_formats(packager, video, audio, init);
        audio_lane_restart(&packager->audio_lane,
                           mp4_us_of_ticks(packager->part_start, MP4_TIMESCALE_VIDEO));
    } else {
        packager->next_audio = audio ? format_ref(audio) : NULL;
        packager->next_init = init;
    }
    bool is_changed = publish(packager);
    if (ret_changed)
        *ret_changed = is_changed;
    return OK;
}

/* ---- The rest of the life of a broadcast ---- */

bool hls_packager_discontinuity(struct hls_packager *packager, int64_t now_us)
{
    (void)now_us;
    if (packager->window.is_ended)
        return false;
    interrupt(packager, false);
    return publish(packager);
}

bool hls_packager_finish(struct hls_packager *packager, int64_t now_us)
{
    (void)now_us;
    if (packager->window.is_ended)
        return false;
    interrupt(packager, false);
    packager->window.is_ended = true;
    packager->is_dirty = true;
    return publish(packager);
}

void hls_packager_set_wall_offset(struct hls_packager *packager, int64_t wall_minus_dts_us)
{
    packager->has_wall_offset = true;
    packager->wall_offset_us = wall_minus_dts_us;
}

/* Two stages: a part that is nearly full waits for two part targets only; anything pending is
 * published after STALL_FLUSH_US. */
static bool is_nearly_full(const struct hls_packager *packager)
{
    int64_t end = packager->last_dts + 2 * frame_duration(packager);

    return packager->part_target && packager->video &&
           (end - packager->part_start) * 100 >= packager->part_target * PART_MIN_PERCENT;
}

int64_t hls_packager_deadline_us(const struct hls_packager *packager)
{
    if (packager->pending_since_us == INT64_MAX || packager->window.is_ended)
        return INT64_MAX;
    int64_t wait_us =
        is_nearly_full(packager) ? 2 * packager->window.part_target_us : STALL_FLUSH_US;
    return packager->pending_since_us + wait_us;
}

bool hls_packager_on_deadline(struct hls_packager *packager, int64_t now_us)
{
    if (now_us < hls_packager_deadline_us(packager))
        return false;
    int64_t end = packager->video ? packager->last_dts + frame_duration(packager)
                                  : mp4_ticks_of_us(audio_lane_end_us(&packager->audio_lane),
                                                    MP4_TIMESCALE_VIDEO);
    packager->pending_since_us = INT64_MAX;
    close_part(packager, end, false);
    return publish(packager);
}

enum err hls_packager_set_renditions(struct hls_packager *packager,
                                     const struct hls_rendition *renditions, size_t count)
{
    struct window *window = &packager->window;

    if (count > HLS_RENDITION_COUNT_MAX)
        return ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        struct text uri = renditions[i].uri;

        if (uri.len == 0 || uri.len > RENDITION_URI_LEN_MAX || text_index_of(uri, '"') < uri.len ||
            text_index_of(uri, '\n') < uri.len || text_index_of(uri, '\r') < uri.len)
            return ERR_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(window->rendition_uris[i], renditions[i].uri.ptr, renditions[i].uri.len);
        window->renditions[i] = renditions[i];
        window->renditions[i].uri.ptr = window->rendition_uris[i];
    }
    window->rendition_count = count;
    return OK;
}

struct hls_stats hls_packager_stats(const struct hls_packager *packager)
{
    const struct window *window = &packager->window;
    int64_t bent = packager->video_lane.items.count
                       ? packager->part_start - packager->video_lane.items.items[0].dts
                       : 0;

    return (struct hls_stats){
        .is_waiting_for_keyframe =
            packager->is_waiting && packager->video && packager->dropped_video > 0,
        .parts = window->part_total,
        .segments = window->segment_total,
        .discontinuities = window->discontinuity_total,
        .forced_cuts = packager->forced_cuts,
        .dropped_video = packager->dropped_video,
        .dropped_audio = packager->audio_lane.dropped,
        .silence_frames = packager->audio_lane.silence_frames,
        .window_bytes = window_bytes(window),
        .pending_bytes = packager->video_lane.bytes + packager->audio_lane.lane.bytes,
        .part_target_us = window->part_target_us,
        .target_duration_us = window->target_duration_us,
        .frame_duration_us = mp4_us_of_ticks(packager->frame_duration, MP4_TIMESCALE_VIDEO),
        .keyframe_interval_us = mp4_us_of_ticks(packager->keyframe_interval, MP4_TIMESCALE_VIDEO),
        .decode_time_offset_us = mp4_us_of_ticks(bent, MP4_TIMESCALE_VIDEO),
    };
}
