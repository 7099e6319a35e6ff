#include "live/live.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "live/live_private.h"
#include "transcode/transcode.h"

static void on_second(struct loop_timer *timer);

enum err live_create(struct loop *loop, const struct live_config *config,
                     const struct live_handler *handler, void *ctx, struct diag *diag,
                     struct live **ret_live)
{
    struct hls_packager *trial;

    /* A program cannot refuse its configuration, so it is tried here. */
    if (hls_packager_create(&config->hls, TEXT("trial"), &trial, diag) != OK)
        return ERR_INVALID;
    hls_packager_destroy(trial);

    struct live *live = mem_zalloc(sizeof(*live));
    live->loop = loop;
    live->config = *config;
    live->handler = handler;
    live->ctx = ctx;
    live->next_session_id = 1;
    list_init(&live->programs);
    live->transcoder = transcoder_create(loop, config->worker_path);
    live->rtmp = live_rtmp_create(live);
    live->webrtc = live_webrtc_create(live);
    loop_timer_set(loop, &live->second, loop_now_us(loop) + US_PER_S, on_second);
    *ret_live = live;
    return OK;
}

struct destroying {
    void (*on_destroyed)(void *ctx);
    void *ctx;
};

static void on_transcoder_stopped(void *ctx)
{
    struct destroying destroying = *(struct destroying *)ctx;

    mem_free(ctx);
    destroying.on_destroyed(destroying.ctx);
}

void live_destroy(struct live *live, void (*on_destroyed)(void *ctx), void *ctx)
{
    struct destroying *destroying = mem_alloc(sizeof(*destroying));

    live->is_destroying = true;
    loop_timer_cancel(&live->second);
    live_rtmp_destroy(live->rtmp);
    live_webrtc_destroy(live->webrtc);
    LIST_FOR_EACH(node, &live->programs)
    program_destroy(CONTAINER_OF(node, struct program, node));
    map_deinit(&live->program_by_channel);
    map_deinit(&live->session_by_id);
    *destroying = (struct destroying){on_destroyed, ctx};
    transcoder_stop(live->transcoder, on_transcoder_stopped, destroying);
    mem_free(live);
}

void live_publish_snapshot(struct program *program)
{
    struct live *live = program->live;
    const struct hls_snapshot *snapshot = hls_packager_snapshot(program->packager);

    if (!snapshot || snapshot->version == program->told_version)
        return;
    program->told_version = snapshot->version;
    if (map_get_u64(&live->program_by_channel, program->channel_id) == program)
        live->handler->on_snapshot(live->ctx, program->channel_id, program->broadcast_id, snapshot);
}

static struct live_session *find_session(struct live *live, uint64_t session_id)
{
    return map_get_u64(&live->session_by_id, session_id);
}

/* The program of the broadcast; a new one takes the place of an older broadcast that is only served
 * to its end. */
static struct program *find_or_create_program(struct live *live, uint64_t channel_id,
                                              uint64_t broadcast_id)
{
    struct program *program = map_get_u64(&live->program_by_channel, channel_id);

    if (program && program->broadcast_id == broadcast_id && !program->is_finished)
        return program;
    if (program) {
        map_remove_u64(&live->program_by_channel, channel_id);
        program_destroy(program);
    }
    program = program_create(live, channel_id, broadcast_id);
    (void)map_put_u64(&live->program_by_channel, channel_id, program);
    return program;
}

void live_accept(struct live *live, uint64_t session_id, uint64_t channel_id, uint64_t broadcast_id,
                 bool is_resumed)
{
    struct live_session *session = find_session(live, session_id);

    (void)is_resumed; /* a program that exists is gone on with, whoever sent to it before */
    if (!session || session->state != SESSION_ASKING) {
        live->handler->on_lost(live->ctx, channel_id, session_id,
                               "The publisher left before it was let in.");
        return;
    }
    struct program *program = find_or_create_program(live, channel_id, broadcast_id);
    if (program->session) { /* replaced: its kick is on the way */
        struct live_session *old = program->session;
        program_detach(program);
        old->state = SESSION_OVER;
        old->ops->end(old, "Another publisher has taken over this channel.");
    }
    session->state = SESSION_ACCEPTED;
    session->channel_id = channel_id;
    session->program = program;
    session->last_sample_us = loop_now_us(live->loop);
    program_attach(program, session);
    session->ops->accept(session);
}

void live_refuse(struct live *live, uint64_t session_id, enum err err, const char *sentence)
{
    struct live_session *session = find_session(live, session_id);

    if (!session || session->state != SESSION_ASKING)
        return;
    session->state = SESSION_OVER;
    session->ops->refuse(session, err, sentence);
}

void live_kick(struct live *live, uint64_t session_id, const char *sentence)
{
    struct live_session *session = find_session(live, session_id);

    if (!session || session->state == SESSION_OVER)
        return;
    if (session->program)
        program_detach(session->program);
    session->state = SESSION_OVER;
    session->ops->end(session, sentence);
}

void live_stop(struct live *live, uint64_t channel_id, uint64_t broadcast_id)
{
    struct program *program = map_get_u64(&live->program_by_channel, channel_id);

    if (program && program->broadcast_id == broadcast_id && !program->is_finished) {
        struct live_session *session = program->session;

        program_finish(program);
        if (session) {
            session->state = SESSION_OVER;
            session->ops->end(session, "The broadcast was ended.");
        }
    }
    live->handler->on_stopped(live->ctx, channel_id, broadcast_id);
}

const struct hls_snapshot *live_find_snapshot(const struct live *live, uint64_t channel_id,
                                              uint64_t broadcast_id)
{
    const struct program *program = map_get_u64(&live->program_by_channel, channel_id);

    if (!program || program->broadcast_id != broadcast_id || program->is_finished)
        return NULL;
    return hls_packager_snapshot(program->packager);
}

void live_drain(struct live *live)
{
    size_t position = 0;
    struct live_session *session;

    live->is_draining = true;
    while ((session = map_next(&live->session_by_id, &position)))
        if (session->ops->drain)
            session->ops->drain(session);
}

static void report(struct program *program, int64_t now_us)
{
    struct live_session *session = program->session;
    struct live_stats stats = {
        .bitrate_kbps = -1,
        .target_bitrate_kbps = -1,
        .fps = -1,
        .nominal_fps = -1,
        .keyframe_interval_ms = -1,
        .packet_loss = -1,
        .rtt_ms = -1,
        .part_delay_ms = -1,
    };

    program_count(program, now_us);
    if (!session)
        return;
    program_fill_stats(program, &stats);
    stats.audio_codec = session->audio_codec;
    stats.target_bitrate_kbps = session->target_bitrate_kbps;
    stats.nominal_fps = session->nominal_fps;
    session->ops->stats(session, &stats);
    program->live->handler->on_stats(program->live->ctx, program->channel_id, session->id, &stats);
}

static void on_second(struct loop_timer *timer)
{
    struct live *live = CONTAINER_OF(timer, struct live, second);
    int64_t now_us = loop_now_us(live->loop);
    size_t position = 0;
    struct live_session *session;

    LIST_FOR_EACH(node, &live->programs)
    report(CONTAINER_OF(node, struct program, node), now_us);
    while ((session = map_next(&live->session_by_id, &position)))
        session_check_silence(session, now_us);
    loop_timer_set(live->loop, &live->second, now_us + US_PER_S, on_second);
}

struct live_counters live_get_counters(const struct live *live)
{
    struct transcoder_stats worker = transcoder_stats(live->transcoder);
    struct live_counters counters = {
        .programs = live->program_by_channel.count,
        .sessions = live->session_by_id.count,
        .worker_starts = worker.worker_starts,
        .worker_pid = worker.worker_pid,
        .worker_dropped = worker.samples_dropped,
        .rtmp_accepted = live->rtmp_accepted,
        .rtmp_refused = live->rtmp_refused,
    };

    live_webrtc_count(live->webrtc, &counters);
    return counters;
}
