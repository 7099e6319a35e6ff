/*
 * media - the media loop's end of the messages: decisions come in, events go out.
 */
#include <string.h>

#include "app/server.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/writer.h"

enum {
    RECORD_JOBS_MAX = 100000, /* segments and ends of recordings; their bytes are bounded before */
    FILE_JOBS_MAX = 10000,
    FILE_THREADS = 4,
};

/* ---- events to the control loop ---- */

static void copy_sentence(char *to, size_t cap, const char *sentence)
{
    struct writer w = writer_fixed(to, cap - 1);

    writer_text(&w, text_sub(text_of(sentence), 0, cap - 1));
    to[w.len] = '\0';
}

static void run_event(struct loop_msg *msg)
{
    struct media_event *event = CONTAINER_OF(msg, struct media_event, msg);

    control_on_media_event(event);
    secret_wipe(&event->stream_key);
    mem_free(event);
}

static void drop_event(struct loop_msg *msg)
{
    struct media_event *event = CONTAINER_OF(msg, struct media_event, msg);

    secret_wipe(&event->stream_key);
    mem_free(event);
}

static struct media_event *make_event(struct server *server, enum media_event_kind kind,
                                      uint64_t channel_id, uint64_t session_id)
{
    struct media_event *event = mem_zalloc(sizeof(*event));

    event->msg.run = run_event;
    event->msg.drop = drop_event;
    event->server = server;
    event->kind = kind;
    event->channel_id = channel_id;
    event->session_id = session_id;
    return event;
}

static void post(struct media_event *event)
{
    loop_post(event->server->control, &event->msg);
}

static void set_reason(struct media_event *event, const char *reason)
{
    event->has_reason = reason != NULL;
    copy_sentence(event->reason, sizeof(event->reason), reason ? reason : "");
}

static void on_publish(void *ctx, const struct live_publish *request)
{
    struct media_event *event =
        make_event(ctx, MEDIA_PUBLISH, request->channel_id, request->session_id);

    event->protocol = request->protocol;
    event->is_refused = request->is_refused;
    (void)secret_set(&event->stream_key,
                     request->stream_key); /* too long: empty, fits no channel */
    post(event);
}

static void on_media(void *ctx, uint64_t channel_id, uint64_t session_id)
{
    post(make_event(ctx, MEDIA_STARTED, channel_id, session_id));
}

static void on_lost(void *ctx, uint64_t channel_id, uint64_t session_id, const char *reason)
{
    struct media_event *event = make_event(ctx, MEDIA_LOST, channel_id, session_id);

    set_reason(event, reason);
    post(event);
}

static void on_resumed(void *ctx, uint64_t channel_id, uint64_t session_id)
{
    post(make_event(ctx, MEDIA_RESUMED, channel_id, session_id));
}

static void on_failed(void *ctx, uint64_t channel_id, uint64_t session_id, const char *reason)
{
    struct media_event *event = make_event(ctx, MEDIA_FAILED, channel_id, session_id);

    set_reason(event, reason);
    post(event);
}

static void post_stopped(struct server *server, uint64_t channel_id, uint64_t broadcast_id)
{
    struct media_event *event = make_event(server, MEDIA_STOPPED, channel_id, 0);

    event->broadcast_id = broadcast_id;
    post(event);
}

/* Spec section 4: the end "waits for the last segments, stores the recording URL", and then the
 * channel is stopped. So a recording that is being finished goes first. */
static void on_stopped(void *ctx, uint64_t channel_id, uint64_t broadcast_id)
{
    struct server *server = ctx;

    if (!recorder_end(server->recorder, channel_id, broadcast_id))
        post_stopped(server, channel_id, broadcast_id);
}

static void on_stats(void *ctx, uint64_t channel_id, uint64_t session_id,
                     const struct live_stats *stats)
{
    struct media_event *event = make_event(ctx, MEDIA_STATS, channel_id, session_id);

    event->stats = *stats;
    post(event);
}

static void on_snapshot(void *ctx, uint64_t channel_id, uint64_t broadcast_id,
                        const struct hls_snapshot *snapshot)
{
    struct server *server = ctx;

    for (size_t i = 0; i < server->edge_count; i++)
        edge_post_snapshot(server->edges[i], channel_id, snapshot);
    if (snapshot)
        recorder_on_snapshot(server->recorder, channel_id, broadcast_id, snapshot);
}

/* ---- recordings ---- */

static void on_record_status(void *ctx, const struct record_status *status)
{
    struct media_event *event = make_event(ctx, MEDIA_RECORDING, status->channel_id, 0);

    event->broadcast_id = status->broadcast_id;
    event->recording = *status;
    post(event);
    if (status->is_broadcast_over)
        post_stopped(ctx, status->channel_id, status->broadcast_id);
}

static void on_record_deleted(void *ctx, uint64_t channel_id, uint64_t broadcast_id)
{
    struct media_event *event = make_event(ctx, MEDIA_RECORDING_DELETED, channel_id, 0);

    event->broadcast_id = broadcast_id;
    post(event);
}

/* The control loop believes that it runs: what came of it must be told. */
static void start_recording(struct server *server, uint64_t channel_id, uint64_t broadcast_id)
{
    const struct hls_snapshot *snapshot =
        live_find_snapshot(server->live, channel_id, broadcast_id);
    struct record_status status = {
        .channel_id = channel_id,
        .broadcast_id = broadcast_id,
        .state = RECORD_FAILED,
        .is_final = true,
    };
    struct diag diag = {0};

    if (recorder_start(server->recorder, channel_id, broadcast_id, snapshot, &diag) == OK)
        return;
    copy_sentence(status.reason, sizeof(status.reason), diag.message);
    on_record_status(server, &status);
}

/* ---- WHIP ---- */

static void on_whip_answer(void *ctx, uint64_t request_id, const struct live_whip_answer *answer)
{
    struct server *server = ctx;
    struct edge_call *call = map_remove_u64(&server->whip_calls, request_id);

    if (!call)
        return;
    if (answer->status >= 300) {
        edge_fill_problem(call, answer->status,
                          answer->status == 401   ? "unauthorized"
                          : answer->status == 404 ? "not_found"
                          : answer->status == 409 ? "conflict"
                                                  : "whip_refused",
                          text_of(answer->detail));
        if (answer->status == 401)
            call->answer.headers[call->answer.header_count++] =
                (struct api_header){"www-authenticate", "Bearer"};
        edge_answer(call);
        return;
    }
    call->answer.status = answer->status;
    if (answer->body) {
        call->answer.header_count = 1;
        call->answer.headers[0] = (struct api_header){"content-type", ""};
        copy_sentence(call->answer.headers[0].value, sizeof(call->answer.headers[0].value),
                      answer->status == 201 ? "application/sdp"
                                            : "application/trickle-ice-sdpfrag");
        call->answer.body = buf_ref(answer->body);
    }
    copy_sentence(call->whip_secret, sizeof(call->whip_secret), answer->secret);
    copy_sentence(call->whip_etag, sizeof(call->whip_etag), answer->etag);
    edge_answer(call);
}

static void run_call(struct loop_msg *msg)
{
    struct edge_call *call = CONTAINER_OF(msg, struct edge_call, msg);
    struct server *server = call->upstream;
    uint64_t request_id = ++server->next_whip_call;

    if (!server->live) {
        edge_fill_problem(call, 503, "shutting_down", TEXT("The server is shutting down."));
        edge_answer(call);
        return;
    }
    (void)map_put_u64(&server->whip_calls, request_id, call);
    if (call->kind == EDGE_CALL_WHIP_POST)
        live_whip_post(server->live, request_id, call->channel_id, call->bearer, call->api.body,
                       &call->peer);
    else if (call->kind == EDGE_CALL_WHIP_PATCH)
        live_whip_patch(server->live, request_id, call->channel_id, call->secret, call->if_match,
                        call->api.body);
    else
        live_whip_delete(server->live, request_id, call->channel_id, call->secret);
}

void media_post_call(struct server *server, struct edge_call *call)
{
    call->upstream = server;
    call->msg.run = run_call;
    call->msg.drop = edge_drop_call;
    loop_post(server->media, &call->msg);
}

/* ---- decisions of the control loop ---- */

enum command_kind {
    COMMAND_ACCEPT = 1,
    COMMAND_REFUSE,
    COMMAND_KICK,
    COMMAND_STOP,
    COMMAND_RECORD,
    COMMAND_RECORD_NO_MORE,
    COMMAND_DELETE_RECORDINGS,
    COMMAND_DRAIN,
    COMMAND_DESTROY,
};

struct media_command {
    struct loop_msg msg;
    struct server *server;
    enum command_kind kind;
    uint64_t session_id;
    uint64_t channel_id;
    uint64_t broadcast_id;
    bool is_resumed;
    enum err err;
    char sentence[LIVE_SENTENCE_MAX + 1];
};

static void on_recorder_closed(void *ctx)
{
    post(make_event(ctx, MEDIA_GONE, 0, 0));
}

static void on_live_destroyed(void *ctx)
{
    struct server *server = ctx;
    struct recorder *recorder = server->recorder;
    size_t position = 0;
    struct edge_call *call;

    while ((call = map_next(&server->whip_calls, &position))) {
        edge_fill_problem(call, 503, "shutting_down", TEXT("The server is shutting down."));
        edge_answer(call);
    }
    map_deinit(&server->whip_calls);
    loop_timer_cancel(&server->record_minute);
    server->recorder = NULL;
    recorder_close(recorder, on_recorder_closed, server);
}

static void run_command(struct loop_msg *msg)
{
    struct media_command *command = CONTAINER_OF(msg, struct media_command, msg);
    struct server *server = command->server;
    struct live *live = server->live;

    if (live) {
        switch (command->kind) {
        case COMMAND_ACCEPT:
            live_accept(live, command->session_id, command->channel_id, command->broadcast_id,
                        command->is_resumed);
            break;
        case COMMAND_REFUSE:
            live_refuse(live, command->session_id, command->err, command->sentence);
            break;
        case COMMAND_KICK:
            live_kick(live, command->session_id, command->sentence);
            break;
        case COMMAND_STOP:
            live_stop(live, command->channel_id, command->broadcast_id);
            break;
        case COMMAND_RECORD:
            start_recording(server, command->channel_id, command->broadcast_id);
            break;
        case COMMAND_RECORD_NO_MORE:
            recorder_stop(server->recorder, command->channel_id, command->broadcast_id);
            break;
        case COMMAND_DELETE_RECORDINGS:
            recorder_delete(server->recorder, command->channel_id, command->broadcast_id);
            break;
        case COMMAND_DRAIN:
            live_drain(live);
            break;
        case COMMAND_DESTROY:
            loop_timer_cancel(&server->media_second);
            server->live = NULL;
            live_destroy(live, on_live_destroyed, server);
            break;
        }
    }
    mem_free(command);
}

static void drop_command(struct loop_msg *msg)
{
    mem_free(CONTAINER_OF(msg, struct media_command, msg));
}

static struct media_command *make_command(struct server *server, enum command_kind kind,
                                          const char *sentence)
{
    struct media_command *command = mem_zalloc(sizeof(*command));

    command->msg.run = run_command;
    command->msg.drop = drop_command;
    command->server = server;
    command->kind = kind;
    copy_sentence(command->sentence, sizeof(command->sentence), sentence);
    return command;
}

static void post_command(struct media_command *command)
{
    loop_post(command->server->media, &command->msg);
}

void media_post_accept(struct server *server, uint64_t session_id,
                       const struct publish_answer *answer)
{
    struct media_command *command = make_command(server, COMMAND_ACCEPT, "");

    command->session_id = session_id;
    command->channel_id = answer->channel_id;
    command->broadcast_id = answer->broadcast_id;
    command->is_resumed = answer->is_resumed;
    post_command(command);
}

void media_post_refuse(struct server *server, uint64_t session_id, enum err err,
                       const char *sentence)
{
    struct media_command *command = make_command(server, COMMAND_REFUSE, sentence);

    command->session_id = session_id;
    command->err = err;
    post_command(command);
}

void media_post_kick(struct server *server, uint64_t session_id, const char *sentence)
{
    struct media_command *command = make_command(server, COMMAND_KICK, sentence);

    command->session_id = session_id;
    post_command(command);
}

static void post_broadcast_command(struct server *server, enum command_kind kind,
                                   uint64_t channel_id, uint64_t broadcast_id)
{
    struct media_command *command = make_command(server, kind, "");

    command->channel_id = channel_id;
    command->broadcast_id = broadcast_id;
    post_command(command);
}

void media_post_stop(struct server *server, uint64_t channel_id, uint64_t broadcast_id)
{
    post_broadcast_command(server, COMMAND_STOP, channel_id, broadcast_id);
}

void media_post_record(struct server *server, uint64_t channel_id, uint64_t broadcast_id,
                       bool is_on)
{
    post_broadcast_command(server, is_on ? COMMAND_RECORD : COMMAND_RECORD_NO_MORE, channel_id,
                           broadcast_id);
}

void media_post_delete_recordings(struct server *server, uint64_t channel_id, uint64_t broadcast_id)
{
    post_broadcast_command(server, COMMAND_DELETE_RECORDINGS, channel_id, broadcast_id);
}

void media_post_drain(struct server *server)
{
    post_command(make_command(server, COMMAND_DRAIN, ""));
}

void media_post_destroy(struct server *server)
{
    post_command(make_command(server, COMMAND_DESTROY, ""));
}

/* ---- life ---- */

static void on_second(struct loop_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, media_second);
    struct media_event *event = make_event(server, MEDIA_COUNTERS, 0, 0);

    event->counters = live_get_counters(server->live);
    event->record_counters = recorder_get_counters(server->recorder);
    event->lag_us = loop_take_lag_us(server->media);
    post(event);
    loop_timer_set(server->media, timer, loop_now_us(server->media) + US_PER_S, on_second);
}

static void on_record_minute(struct loop_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, record_minute);

    recorder_tidy(server->recorder);
    loop_timer_set(server->media, timer, loop_now_us(server->media) + 60 * US_PER_S,
                   on_record_minute);
}

static enum err create_recorder(struct server *server, struct diag *diag)
{
    static const struct recorder_handler handler = {on_record_status, on_record_deleted};
    const struct config *config = &server->config;
    struct recorder_config recorder_config = {
        .root = server->recordings_path,
        .records_all = config->records_all,
        .keep_us = config->record_days * 24 * 3600 * US_PER_S,
        .bytes_max = (uint64_t)config->record_bytes_max,
    };

    config_recordings_path(config, server->recordings_path, sizeof(server->recordings_path));
    enum err err = pool_create("record", 1, RECORD_JOBS_MAX, &server->record_pool);
    if (!err)
        err = pool_create("files", FILE_THREADS, FILE_JOBS_MAX, &server->files_pool);
    if (err) {
        diag_set(diag, "The threads of the recordings cannot be started: raise the limit of "
                       "processes (ulimit -u).");
        return err;
    }
    server->recorder =
        recorder_create(server->media, server->record_pool, &recorder_config, &handler, server);
    loop_timer_set(server->media, &server->record_minute,
                   loop_now_us(server->media) + 60 * US_PER_S, on_record_minute);
    return OK;
}

static enum err listen_all(struct server *server, struct diag *diag)
{
    const struct config *config = &server->config;
    enum err err = OK;

    if (config->rtmp_listen.is_on)
        err = live_listen_rtmp(server->live, &config->rtmp_listen.address, NULL, diag,
                               &server->rtmp_bound);
    if (!err && config->rtmps_listen.is_on)
        err = live_listen_rtmp(server->live, &config->rtmps_listen.address, server->rtmps_tls, diag,
                               &server->rtmps_bound);
    if (!err && config->rtc_listen.is_on)
        err = live_listen_rtc(server->live, &config->rtc_listen.address, diag, &server->rtc_bound);
    return err;
}

enum err media_create(struct server *server, struct diag *diag)
{
    static const struct live_handler handler = {
        .on_publish = on_publish,
        .on_media = on_media,
        .on_lost = on_lost,
        .on_resumed = on_resumed,
        .on_failed = on_failed,
        .on_stopped = on_stopped,
        .on_stats = on_stats,
        .on_snapshot = on_snapshot,
        .on_whip_answer = on_whip_answer,
    };
    const struct config *config = &server->config;
    struct live_config live_config = {
        .hls =
            {
                .part_target_us = config->hls_part_ms * US_PER_MS,
                .segment_target_us = config->hls_segment_ms * US_PER_MS,
                .window_us = config->hls_window_ms * US_PER_MS,
            },
        .worker_path = server->worker_path,
        .epoch_prefix = server->epoch_prefix,
        .rtc_public = config->rtc_public_ip,
        .rtc_public_count = config->rtc_public_ip_count,
        .sessions_max = (uint32_t)config->live_max + 100,
        .sessions_per_address_max = 64,
    };

    enum err err = loop_create("media", &server->media);
    if (err) {
        diag_set(diag, "The media loop cannot be created.");
        return err;
    }
    err = live_create(server->media, &live_config, &handler, server, diag, &server->live);
    if (!err)
        err = create_recorder(server, diag);
    if (err)
        return err;
    loop_timer_set(server->media, &server->media_second, loop_now_us(server->media) + US_PER_S,
                   on_second);
    return listen_all(server, diag);
}
