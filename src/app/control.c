/*
 * control - the control loop's end of the messages: the directory, the store behind its pool, the
 * API, and what the edges are told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/nodes.h"
#include "app/server.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/writer.h"

/* ---- changes of channels ---- */

static void on_changed(void *context, const struct channel_event *event)
{
    status_on_changed(context, event);
    if (event->kind == CHANNEL_DELETED && event->is_stored)
        recordings_on_channel_deleted(context, event->channel_id);
    channel_event_log(event);
}

static void on_kick_session(void *context, uint64_t session_id, const char *reason)
{
    media_post_kick(context, session_id, reason);
}

static void on_stop_media(void *context, uint64_t channel_id, uint64_t broadcast_id)
{
    media_post_stop(context, channel_id, broadcast_id);
}

/* ---- time ---- */

static void on_directory_time(struct loop_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, directory_timer);

    channel_directory_on_time(server->directory, loop_now_us(server->control));
    control_arm(server);
}

void control_arm(struct server *server)
{
    int64_t at_us = channel_directory_deadline_us(server->directory);

    nodes_want_ids(server);
    if (at_us == INT64_MAX)
        loop_timer_cancel(&server->directory_timer);
    else
        loop_timer_set(server->control, &server->directory_timer, at_us, on_directory_time);
}

static void on_second(struct loop_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, second);
    int64_t now_us = loop_now_us(server->control);
    bool is_ready = server->is_store_ok && !server->is_shutting_down;

    channel_directory_set_wall_offset(server->directory, clock_wall_us() - now_us);
    account_directory_set_wall_offset(server->accounts, clock_wall_us() - now_us);
    webhook_set_wall_offset(server->webhooks, clock_wall_us() - now_us);
    audience_tell(server);
    people_on_second(server);
    history_on_second(server);
    status_on_second(server);
    work_ping_store(server);
    for (size_t i = 0; i < server->edge_count; i++)
        edge_post_ready(server->edges[i], is_ready,
                        server->is_shutting_down ? "The server is shutting down."
                                                 : server->store_problem);
    control_arm(server);
    loop_timer_set(server->control, timer, now_us + US_PER_S, on_second);
}

/* ---- calls of the edges ---- */

static void answer_metrics(struct server *server, struct edge_call *call)
{
    struct writer w = writer_growing(8 << 20);

    metrics_write(server, &w);
    call->answer.status = w.failed ? 500 : 200;
    call->answer.header_count = 1;
    call->answer.headers[0] =
        (struct api_header){"content-type", "text/plain; version=0.0.4; charset=utf-8"};
    call->answer.body = writer_copy_buf(&w);
    writer_deinit(&w);
}

static void run_call(struct loop_msg *msg)
{
    struct edge_call *call = CONTAINER_OF(msg, struct edge_call, msg);
    struct server *server = call->upstream;

    if (call->kind == EDGE_CALL_METRICS) {
        answer_metrics(server, call);
        edge_answer(call);
        return;
    }
    work_call(server, call);
}

void control_send_call(void *ctx, struct edge_call *call)
{
    struct server *server = ctx;

    if (call->kind != EDGE_CALL_API && call->kind != EDGE_CALL_METRICS) {
        media_post_call(server, call);
        return;
    }
    call->upstream = server;
    call->msg.run = run_call;
    call->msg.drop = edge_drop_call;
    loop_post(server->control, &call->msg);
}

static size_t index_of_edge(const struct server *server, const struct edge *edge)
{
    size_t index = 0;

    while (server->edges[index] != edge)
        index++;
    return index;
}

static void run_report(struct loop_msg *msg)
{
    struct edge_report *report = CONTAINER_OF(msg, struct edge_report, msg);
    struct server *server = report->upstream;
    size_t index = index_of_edge(server, report->edge);

    mem_free(server->reports[index]);
    server->reports[index] = report;
    server->edge_heard_us[index] = loop_now_us(server->control);
}

static void drop_report(struct loop_msg *msg)
{
    mem_free(CONTAINER_OF(msg, struct edge_report, msg));
}

void control_report(void *ctx, struct edge *edge, struct edge_report *report)
{
    struct server *server = ctx;

    (void)edge;
    report->upstream = server;
    report->msg.run = run_report;
    report->msg.drop = drop_report;
    loop_post(server->control, &report->msg);
}

/* ---- events of the media loop ---- */

static void on_stats(struct server *server, const struct media_event *event)
{
    const struct live_stats *from = &event->stats;
    struct channel_stats stats = channel_stats_unknown();

    stats.last_packet_us = from->last_sample_us;
    stats.has_video = from->has_video;
    stats.has_audio = from->has_audio;
    stats.has_b_frames = from->has_b_frames;
    stats.video_codec = from->video_codec;
    stats.audio_codec = from->audio_codec;
    stats.width = from->width;
    stats.height = from->height;
    stats.bitrate_kbps = from->bitrate_kbps;
    stats.target_bitrate_kbps = from->target_bitrate_kbps;
    stats.fps = from->fps;
    stats.nominal_fps = from->nominal_fps;
    stats.keyframe_interval_ms = from->keyframe_interval_ms;
    stats.packet_loss = from->packet_loss;
    stats.rtt_ms = from->rtt_ms;
    stats.part_delay_ms = from->part_delay_ms;
    channel_on_stats(server->directory, event->channel_id, event->session_id, &stats,
                     loop_now_us(server->control));
}

void control_on_media_event(struct media_event *event)
{
    struct server *server = event->server;
    struct channel_directory *directory = server->directory;
    int64_t now_us = loop_now_us(server->control);
    const char *reason = event->has_reason ? event->reason : NULL;

    switch (event->kind) {
    case MEDIA_PUBLISH:
        publish_on_request(server, event);
        break;
    case MEDIA_STARTED:
        channel_on_media(directory, event->channel_id, event->session_id, now_us);
        break;
    case MEDIA_LOST:
        channel_on_publisher_lost(directory, event->channel_id, event->session_id, reason, now_us);
        break;
    case MEDIA_RESUMED:
        channel_on_publisher_resumed(directory, event->channel_id, event->session_id, now_us);
        break;
    case MEDIA_FAILED:
        channel_on_media_failed(directory, event->channel_id, event->session_id, reason, now_us);
        break;
    case MEDIA_STOPPED:
        channel_on_media_stopped(directory, event->channel_id, event->broadcast_id, now_us);
        break;
    case MEDIA_STATS:
        on_stats(server, event);
        break;
    case MEDIA_RECORDING:
        recordings_on_status(server, &event->recording);
        break;
    case MEDIA_RECORDING_DELETED:
        recordings_on_deleted(server, event->channel_id, event->broadcast_id);
        break;
    case MEDIA_COUNTERS:
        server->live_counters = event->counters;
        server->record_counters = event->record_counters;
        server->media_lag_us = event->lag_us;
        server->media_heard_us = now_us;
        break;
    case MEDIA_GONE:
        loop_stop(server->control);
        return;
    }
    control_arm(server);
}

/* ---- how it is ---- */

/* Each loop tells something once a second. */
static const int64_t LOOP_HEARD_US = 5 * US_PER_S;

static void check_heard(struct api_check *check, int64_t heard_us, int64_t now_us,
                        const char *sentence)
{
    check->is_ok = now_us - heard_us <= LOOP_HEARD_US;
    if (!check->is_ok)
        (void)snprintf(check->detail, sizeof(check->detail), "%s", sentence); /* fits */
}

static void tell_health(void *context, struct api_health *ret_health)
{
    const struct server *server = context;
    int64_t now_us = loop_now_us(server->control);
    int64_t edge_heard_us = now_us;

    for (size_t i = 0; i < server->edge_count; i++)
        if (server->edge_heard_us[i] < edge_heard_us)
            edge_heard_us = server->edge_heard_us[i];
    *ret_health = (struct api_health){.database = {.is_ok = server->is_store_ok}};
    (void)snprintf(ret_health->database.detail, sizeof(ret_health->database.detail), "%s",
                   server->store_problem); /* of the same size */
    check_heard(&ret_health->media, server->media_heard_us, now_us,
                "The media loop does not answer.");
    check_heard(&ret_health->delivery, edge_heard_us, now_us, "A delivery loop does not answer.");
}

static void create_directory(struct server *server)
{
    const struct config *config = &server->config;
    struct channel_limits limits = channel_limits_default();
    struct channel_handler handler = {
        .context = server,
        .store = work_store_change,
        .kick_session = on_kick_session,
        .stop_media = on_stop_media,
        .changed = on_changed,
    };

    limits.live_max = (uint32_t)config->live_max;
    limits.media_wait_us = config->media_wait_s * US_PER_S;
    limits.reconnect_wait_us = config->reconnect_s * US_PER_S;
    limits.broadcast_max_us = config->broadcast_max_min * 60 * US_PER_S;
    server->directory = channel_directory_create(&limits, &handler);
    channel_directory_set_node(server->directory, nodes_name(server->nodes));
}

static void create_directory_of(struct server *server, const struct store_snapshot *snapshot,
                                int64_t now_us)
{
    create_directory(server);
    channel_directory_set_wall_offset(server->directory, clock_wall_us() - now_us);
    channel_directory_load(server->directory, snapshot, now_us);
}

static enum err load_channels(struct server *server, int64_t now_us, struct diag *diag)
{
    struct store_snapshot snapshot;
    enum err err = store_load(server->store, &snapshot, diag);

    if (err)
        return err;
    err = work_create(server, diag);
    if (!err)
        create_directory_of(server, &snapshot, now_us);
    store_snapshot_deinit(&snapshot);
    return err;
}

/* What the last run left to be told is loaded before this run has anything to tell: channels that
 * a crash left on air are closed as soon as they are loaded. */
static enum err load(struct server *server, int64_t now_us, struct diag *diag)
{
    struct store_people people;
    enum err err = nodes_open_store(server, diag);

    if (!err)
        err = store_load_people(server->store, clock_wall_us(), &people, diag);
    if (err)
        return err;
    err = people_load(server, &people, diag);
    if (!err)
        err = outbox_create(server, &people, diag);
    store_people_deinit(&people);
    if (!err)
        err = load_channels(server, now_us, diag);
    return err;
}

static void create_api(struct server *server)
{
    const struct api_config config = {
        .public_url = text_of(server->config.public_url),
        .rtmp_port = server->rtmp_bound.any.sa_family ? net_port(&server->rtmp_bound) : 0,
    };
    const struct api_handler handler = {
        .context = server,
        .run_task = work_run_task,
        .answer = work_on_answer,
        .store = work_store,
        .ticket = work_newest_ticket,
        .health = tell_health,
        .token_revoked = publish_on_token_revoked,
    };
    const struct api_recorder recorder = recordings_face(server);
    const struct api_parts parts = {.channels = server->directory,
                                    .accounts = server->accounts,
                                    .webhooks = server->webhooks,
                                    .recorder = &recorder};

    server->api = api_create(&config, &handler, &parts);
}

enum err control_create(struct server *server, struct diag *diag)
{
    int64_t now_us = loop_now_us(server->control);

    list_init(&server->held_batches);
    list_init(&server->open_calls);
    list_init(&server->waiting_calls);
    list_init(&server->owed);
    server->media_heard_us = now_us;
    for (size_t i = 0; i < SERVER_EDGES_MAX; i++)
        server->edge_heard_us[i] = now_us;
    enum err err = load(server, now_us, diag);
    if (!err)
        err = nodes_start(server, diag);
    if (err)
        return err;
    create_api(server);
    server->is_store_ok = true;
    loop_timer_set(server->control, &server->second, now_us, on_second);
    return OK;
}

void control_destroy(struct server *server)
{
    outbox_stop(server);
    nodes_stop(server);
    work_destroy(server);
    audience_deinit(server);
    publish_deinit(server);
    recordings_deinit(server);
    status_deinit(server);
}
