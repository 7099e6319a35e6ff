#include "live/program.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/writer.h"
#include "live/live_private.h"
#include "media/sample.h"

/* How long the first track waits for the other. Audio waits longer: a camera is slow to start, and
 * a picture that comes later costs a discontinuity. */
static const int64_t VIDEO_WAITS_US = 300 * US_PER_MS;
static const int64_t AUDIO_WAITS_US = 2 * US_PER_S;

enum { WAITING_BYTES_MAX = 16 << 20 };

/* An ended playlist is served for this long, so that every player sees its end. */
static const int64_t LINGER_US = 60 * US_PER_S;

/* The wall clock of the playlist follows ours by at most this much a second. */
static const int64_t WALL_SLEW_US = 2 * US_PER_MS;

static void arm(struct program *program);

static void write_epoch(struct live *live, char *to, size_t cap)
{
    struct writer w = writer_fixed(to, cap - 1);

    writer_str(&w, live->config.epoch_prefix);
    writer_printf(&w, "x%x", live->next_epoch++);
    to[w.len] = '\0';
}

struct program *program_create(struct live *live, uint64_t channel_id, uint64_t broadcast_id)
{
    struct program *program = mem_zalloc(sizeof(*program));
    struct diag diag = {0};
    char epoch[HLS_EPOCH_LEN_MAX + 1];

    program->live = live;
    program->channel_id = channel_id;
    program->broadcast_id = broadcast_id;
    program->part_delay_ms = -1;
    program->bitrate_kbps = -1;
    program->fps = -1;
    program->counted_since_us = loop_now_us(live->loop);
    write_epoch(live, epoch, sizeof(epoch));
    enum err err =
        hls_packager_create(&live->config.hls, text_of(epoch), &program->packager, &diag);
    assert(err == OK); /* the configuration was tried when `live` was created */
    (void)err;
    list_push_back(&live->programs, &program->node);
    return program;
}

static void drop_waiting(struct program *program)
{
    for (size_t i = 0; i < program->waiting_count; i++)
        sample_unref(program->waiting[i]);
    program->waiting_count = 0;
    program->waiting_bytes = 0;
}

void program_destroy(struct program *program)
{
    if (!program)
        return;
    program_detach(program);
    loop_timer_cancel(&program->timer);
    list_unlink(&program->node);
    drop_waiting(program);
    format_unref(program->video);
    format_unref(program->audio);
    hls_packager_destroy(program->packager);
    mem_free(program);
}

static void publish(struct program *program)
{
    live_publish_snapshot(program);
    arm(program);
}

void program_attach(struct program *program, struct live_session *session)
{
    int64_t now_us = loop_now_us(program->live->loop);

    assert(!program->session && !program->is_finished);
    program->session = session;
    program->awaits_media = true;
    program->is_feeding = false;
    program->first_sample_us = 0;
    program->fed_at_us = 0;
    program->last_sample_us = now_us;
    program->video = format_unref(program->video);
    program->audio = format_unref(program->audio);
    program->has_b_frames = false;
    timeline_restart(&program->timeline);
    if (hls_packager_discontinuity(program->packager, now_us))
        publish(program);
}

void program_detach(struct program *program)
{
    if (!program->session)
        return;
    program->session->program = NULL;
    program->session = NULL;
    drop_waiting(program);
}

/* The wall clock of a sample is what the clock says when it arrives with the least delay. Until the
 * first date is written the best guess replaces the one before. */
void program_note_arrival(struct program *program, int64_t dts_us)
{
    int64_t offset_us = clock_wall_us() - dts_us;
    bool is_dated = hls_packager_snapshot(program->packager) != NULL;

    if (!program->has_wall_offset || (!is_dated && offset_us < program->wall_offset_us)) {
        program->has_wall_offset = true;
        program->wall_offset_us = program->wall_least_us = offset_us;
        hls_packager_set_wall_offset(program->packager, offset_us);
    } else if (offset_us < program->wall_least_us) {
        program->wall_least_us = offset_us;
    }
}

static void adjust_wall_clock(struct program *program)
{
    int64_t error_us = program->wall_least_us - program->wall_offset_us;

    if (!program->has_wall_offset || program->wall_least_us == INT64_MAX)
        return;
    if (error_us > WALL_SLEW_US)
        error_us = WALL_SLEW_US;
    if (error_us < -WALL_SLEW_US)
        error_us = -WALL_SLEW_US;
    program->wall_offset_us += error_us;
    program->wall_least_us = INT64_MAX;
    hls_packager_set_wall_offset(program->packager, program->wall_offset_us);
}

static void feed(struct program *program, const struct sample *sample)
{
    int64_t now_us = loop_now_us(program->live->loop);
    int64_t before_us = program->fed_at_us;

    program->fed_at_us = now_us;
    if (!hls_packager_push(program->packager, sample, now_us))
        return;
    publish(program);
    if (before_us)
        program->part_delay_ms =
            (int32_t)((loop_now_us(program->live->loop) - before_us) / US_PER_MS);
    if (program->awaits_media && program->session) {
        program->awaits_media = false;
        program->live->handler->on_media(program->live->ctx, program->channel_id,
                                         program->session->id);
    }
}

static enum err begin_feeding(struct program *program, struct diag *diag)
{
    bool has_changed = false;
    enum err err = hls_packager_set_formats(program->packager, program->video, program->audio,
                                            loop_now_us(program->live->loop), &has_changed, diag);

    if (err)
        return err;
    program->is_feeding = true;
    if (has_changed)
        publish(program);
    size_t count = program->waiting_count;
    for (size_t i = 0; i < count; i++)
        feed(program, program->waiting[i]);
    drop_waiting(program);
    arm(program);
    return OK;
}

static bool is_ready(const struct program *program, int64_t now_us)
{
    int64_t waited_us = program->first_sample_us ? now_us - program->first_sample_us : 0;

    if (program->video && program->audio)
        return true;
    if (program->video)
        return waited_us >= VIDEO_WAITS_US;
    return program->audio && waited_us >= AUDIO_WAITS_US;
}

enum err program_set_format(struct program *program, struct format *format, struct diag *diag)
{
    struct format **place =
        codec_kind(format->codec) == MEDIA_VIDEO ? &program->video : &program->audio;

    if (format_equal(*place, format)) {
        format_unref(format);
        return OK;
    }
    format_unref(*place);
    *place = format;
    if (program->is_feeding || is_ready(program, loop_now_us(program->live->loop)))
        return begin_feeding(program, diag);
    return OK;
}

static void keep_waiting(struct program *program, struct sample *sample)
{
    if (program->waiting_count == PROGRAM_WAITING_MAX ||
        program->waiting_bytes + sample->payload.len > WAITING_BYTES_MAX)
        drop_waiting(program); /* the next key frame starts over */
    program->waiting[program->waiting_count++] = sample;
    program->waiting_bytes += sample->payload.len;
}

enum err program_push(struct program *program, struct sample *sample, struct diag *diag)
{
    int64_t now_us = loop_now_us(program->live->loop);

    program->bytes += sample->payload.len;
    program->last_sample_us = now_us;
    if (program->first_sample_us == 0)
        program->first_sample_us = now_us;
    if (sample->kind == MEDIA_VIDEO) {
        program->frames++;
        program->has_b_frames = program->has_b_frames || sample->pts_us != sample->dts_us;
    }
    if (program->is_feeding) {
        feed(program, sample);
        sample_unref(sample);
        arm(program);
        return OK;
    }
    keep_waiting(program, sample);
    return is_ready(program, now_us) ? begin_feeding(program, diag) : OK;
}

static void on_deadline(struct loop_timer *timer)
{
    struct program *program = CONTAINER_OF(timer, struct program, timer);

    if (program->is_finished) {
        struct live *live = program->live;
        uint64_t channel_id = program->channel_id;

        if (map_get_u64(&live->program_by_channel, channel_id) == program) {
            map_remove_u64(&live->program_by_channel, channel_id);
            live->handler->on_snapshot(live->ctx, channel_id, program->broadcast_id, NULL);
        }
        program_destroy(program);
        return;
    }
    if (hls_packager_on_deadline(program->packager, loop_now_us(program->live->loop)))
        live_publish_snapshot(program);
    arm(program);
}

/* The packager's deadline moves with each sample; the timer is only moved when it would come too
 * late, and looks again when it comes too early. */
static void arm(struct program *program)
{
    int64_t at_us = hls_packager_deadline_us(program->packager);

    if (program->is_finished)
        return;
    if (at_us == INT64_MAX)
        loop_timer_cancel(&program->timer);
    else if (!program->timer.loop || program->timer.at_us > at_us)
        loop_timer_set(program->live->loop, &program->timer, at_us, on_deadline);
}

void program_finish(struct program *program)
{
    int64_t now_us = loop_now_us(program->live->loop);

    program_detach(program);
    if (program->is_finished)
        return;
    if (hls_packager_finish(program->packager, now_us))
        live_publish_snapshot(program);
    program->is_finished = true;
    loop_timer_set(program->live->loop, &program->timer, now_us + LINGER_US, on_deadline);
}

void program_count(struct program *program, int64_t now_us)
{
    int64_t span_us = now_us - program->counted_since_us;

    if (program->is_finished || span_us < US_PER_S / 2)
        return;
    double seconds = (double)span_us / (double)US_PER_S;
    double fps = program->frames / seconds;
    int32_t bitrate_kbps = (int32_t)((double)program->bytes * 8 / 1000 / seconds);

    /* Half of the new: a steady number that still follows within some seconds. */
    program->fps = program->fps < 0 ? fps : (program->fps + fps) / 2;
    program->bitrate_kbps =
        program->bitrate_kbps < 0 ? bitrate_kbps : (program->bitrate_kbps + bitrate_kbps) / 2;
    program->bytes = 0;
    program->frames = 0;
    program->counted_since_us = now_us;
    adjust_wall_clock(program);
}

void program_fill_stats(const struct program *program, struct live_stats *stats)
{
    struct hls_stats hls = hls_packager_stats(program->packager);

    stats->last_sample_us = program->last_sample_us;
    stats->has_video = program->video != NULL;
    stats->has_audio = program->audio != NULL;
    stats->has_b_frames = program->has_b_frames;
    stats->waits_for_keyframe = hls.is_waiting_for_keyframe;
    stats->video_codec = program->video ? program->video->codec : CODEC_NONE;
    stats->width = program->video ? program->video->width : 0;
    stats->height = program->video ? program->video->height : 0;
    stats->bitrate_kbps = program->bitrate_kbps;
    stats->fps = program->video ? program->fps : -1;
    stats->keyframe_interval_ms =
        hls.keyframe_interval_us ? (int32_t)(hls.keyframe_interval_us / US_PER_MS) : -1;
    stats->part_delay_ms = program->part_delay_ms;
    stats->timestamp_repairs = program->timeline.moved + program->timeline.jumps;
    stats->window_bytes = hls.window_bytes;
}
