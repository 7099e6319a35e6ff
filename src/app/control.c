/*
 * control - the control loop's end of the messages: the directory, the store behind its pool, the
 * API, and what the edges are told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/auth.h"
#include "app/server.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/writer.h"

/* ---- changes of channels ---- */

static void on_changed(void *context, const struct channel_event *event)
{
    status_on_changed(context, event);
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

    if (at_us == INT64_MAX)
        loop_timer_cancel(&server->directory_timer);
    else
        loop_timer_set(server->control, &server->directory_timer, at_us, on_directory_time);
}

/* ---- viewers ---- */

static int compare_viewers(const void *left, const void *right)
{
    const struct edge_viewer *a = left;
    const struct edge_viewer *b = right;

    if (a->channel_id != b->channel_id)
        return a->channel_id < b->channel_id ? -1 : 1;
    return (a->key > b->key) - (a->key < b->key);
}

/* A channel's viewers in the last three seconds: a player's gap between two requests is no
 * departure. */
struct viewer_count {
    uint64_t channel_id;
    uint32_t recent[3];
    uint32_t told;
};

static void add_viewers(struct server *server, uint64_t channel_id, uint32_t count)
{
    struct viewer_count *counted = map_get_u64(&server->viewer_counts, channel_id);

    if (!counted) {
        counted = mem_zalloc(sizeof(*counted));
        counted->channel_id = channel_id;
        (void)map_put_u64(&server->viewer_counts, channel_id, counted);
    }
    counted->recent[0] += count;
}

static void collect_viewers(struct server *server)
{
    size_t total = 0;

    for (size_t i = 0; i < server->edge_count; i++)
        total += server->reports[i] ? server->reports[i]->count : 0;
    if (total == 0)
        return;

    struct edge_viewer *all = mem_alloc(total * sizeof(*all));
    size_t count = 0;
    for (size_t i = 0; i < server->edge_count; i++) {
        const struct edge_report *report = server->reports[i];

        if (!report)
            continue;
        memcpy(all + count, report->viewers, report->count * sizeof(*all));
        count += report->count;
    }
    qsort(all, count, sizeof(*all), compare_viewers);
    for (size_t i = 0; i < count;) {
        uint64_t channel_id = all[i].channel_id;
        uint64_t key = all[i].key;
        uint32_t waiting = 0;

        for (; i < count && all[i].channel_id == channel_id && all[i].key == key; i++)
            waiting += all[i].waiting;
        add_viewers(server, channel_id, waiting ? waiting : 1);
    }
    mem_free(all);
}

static void tell_viewers(struct server *server)
{
    size_t position = 0;
    struct viewer_count *counted;

    collect_viewers(server);
    while ((counted = map_next(&server->viewer_counts, &position))) {
        uint32_t most = 0;

        for (size_t i = 0; i < 3; i++)
            if (counted->recent[i] > most)
                most = counted->recent[i];
        if (most != counted->told)
            channel_on_viewers(server->directory, counted->channel_id, 0, most,
                               loop_now_us(server->control));
        counted->told = most;
        if (most == 0) {
            (void)map_remove_u64(&server->viewer_counts, counted->channel_id);
            mem_free(counted);
            continue;
        }
        counted->recent[2] = counted->recent[1];
        counted->recent[1] = counted->recent[0];
        counted->recent[0] = 0;
    }
}

/* Sessions that were renewed, keys that were used. */
static void note_uses(struct server *server, int64_t now_us)
{
    struct store_batch *batch;

    if (now_us < account_directory_deadline_us(server->accounts))
        return;
    batch = store_batch_create();
    account_directory_on_time(server->accounts, batch, now_us);
    if (store_batch_count(batch) != 0)
        work_store(server, batch);
    else
        store_batch_destroy(batch);
}

static void on_second(struct loop_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, second);
    int64_t now_us = loop_now_us(server->control);
    bool is_ready = server->is_store_ok && !server->is_shutting_down;

    channel_directory_set_wall_offset(server->directory, clock_wall_us() - now_us);
    account_directory_set_wall_offset(server->accounts, clock_wall_us() - now_us);
    tell_viewers(server);
    note_uses(server, now_us);
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

static enum ingest to_ingest(enum live_protocol protocol)
{
    static const enum ingest ingests[] = {
        [LIVE_WHIP] = INGEST_WHIP, [LIVE_RTMP] = INGEST_RTMP, [LIVE_RTMPS] = INGEST_RTMPS};

    return ingests[protocol];
}

static void on_publish(struct server *server, const struct media_event *event)
{
    struct publish_request request = {
        .stream_key = secret_reveal(&event->stream_key),
        .channel_id = event->channel_id,
        .session_id = event->session_id,
        .ingest = to_ingest(event->protocol),
    };
    struct publish_answer answer;
    struct diag diag = {0};

    if (event->is_refused) {
        enum err denied = channel_check_key(server->directory, &request, &diag);
        media_post_refuse(server, event->session_id, denied ? denied : ERR_UNSUPPORTED,
                          diag.message);
        return;
    }
    enum err err = server->is_shutting_down
                       ? ERR_LIMIT
                       : channel_publish(server->directory, &request, loop_now_us(server->control),
                                         &answer, &diag);
    if (server->is_shutting_down)
        diag_set(&diag, "The server is shutting down. Connect again in a moment.");
    if (err)
        media_post_refuse(server, event->session_id, err, diag.message);
    else
        media_post_accept(server, event->session_id, &answer);
}

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

static void end_shutdown(struct server *server);

void control_on_media_event(struct media_event *event)
{
    struct server *server = event->server;
    struct channel_directory *directory = server->directory;
    int64_t now_us = loop_now_us(server->control);
    const char *reason = event->has_reason ? event->reason : NULL;

    switch (event->kind) {
    case MEDIA_PUBLISH:
        on_publish(server, event);
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
    case MEDIA_RECORDING_DELETED:
        break;
    case MEDIA_COUNTERS:
        server->live_counters = event->counters;
        server->record_counters = event->record_counters;
        server->media_lag_us = event->lag_us;
        server->media_heard_us = now_us;
        break;
    case MEDIA_GONE:
        end_shutdown(server);
        return;
    }
    control_arm(server);
}

/* ---- shutdown ---- */

struct drain_msg {
    struct loop_msg msg;
    struct server *server;
    size_t index;
};

static void run_edge_drained(struct loop_msg *msg)
{
    struct drain_msg *drained = CONTAINER_OF(msg, struct drain_msg, msg);
    struct server *server = drained->server;

    mem_free(drained);
    if (++server->edges_drained == server->edge_count)
        media_post_destroy(server);
}

static void drop_drain(struct loop_msg *msg)
{
    mem_free(CONTAINER_OF(msg, struct drain_msg, msg));
}

static void on_edge_drained(void *ctx)
{
    struct drain_msg *drained = ctx;

    drained->msg.run = run_edge_drained;
    drained->msg.drop = drop_drain;
    loop_post(drained->server->control, &drained->msg);
}

static void run_drain_edge(struct loop_msg *msg)
{
    struct drain_msg *drain = CONTAINER_OF(msg, struct drain_msg, msg);

    edge_drain(drain->server->edges[drain->index], on_edge_drained, drain);
}

static void drain_edges(struct server *server)
{
    for (size_t i = 0; i < server->edge_count; i++) {
        struct drain_msg *drain = mem_zalloc(sizeof(*drain));

        drain->msg.run = run_drain_edge;
        drain->msg.drop = drop_drain;
        drain->server = server;
        drain->index = i;
        loop_post(server->edge_loops[i], &drain->msg);
    }
}

/* So long are ended playlists still served: a player asks again within a part or two. */
static const int64_t SHOW_END_US = 1 * US_PER_S;

/* Waits for the broadcasts to end, at most for half of the time. */
static void on_shutdown_time(struct loop_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, shutdown_timer);
    int64_t now_us = loop_now_us(server->control);
    int64_t half_us = server->config.shutdown_s * US_PER_S / 2;

    if (channel_directory_live_count(server->directory) > 0 &&
        server->shutdown_by_us - now_us > half_us)
        loop_timer_set(server->control, timer, now_us + 20 * US_PER_MS, on_shutdown_time);
    else if (server->must_show_end) {
        server->must_show_end = false;
        loop_timer_set(server->control, timer, now_us + SHOW_END_US, on_shutdown_time);
    } else
        drain_edges(server);
}

static void on_shutdown_late(struct loop_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, second);

    log_error("shutdown_late", LOG_STR("effect", "what still runs is cut off"));
    loop_stop(server->control);
}

void control_begin_shutdown(struct server *server)
{
    int64_t now_us = loop_now_us(server->control);

    if (server->is_shutting_down)
        return;
    server->is_shutting_down = true;
    server->shutdown_by_us = now_us + server->config.shutdown_s * US_PER_S;
    server->must_show_end = channel_directory_live_count(server->directory) > 0;
    log_info("shutdown_begins", LOG_U64("live", channel_directory_live_count(server->directory)),
             LOG_I64("limit_s", server->config.shutdown_s));
    for (size_t i = 0; i < server->edge_count; i++)
        edge_post_ready(server->edges[i], false, "The server is shutting down.");
    media_post_drain(server);
    channel_directory_end_all(server->directory, "The server was shut down.", now_us);
    control_arm(server);
    loop_timer_set(server->control, &server->second, server->shutdown_by_us, on_shutdown_late);
    loop_timer_set(server->control, &server->shutdown_timer, now_us, on_shutdown_time);
}

static void end_shutdown(struct server *server)
{
    loop_stop(server->control);
}

/* ---- life ---- */

static enum err open_store(struct server *server, struct diag *diag)
{
    char url[2 * CONFIG_TEXT_MAX] = "sqlite:";
    struct store_config config = {.url = url};

    config_database_path(&server->config, url + strlen(url), sizeof(url) - strlen(url));
    if (mkdir(server->config.data_dir, 0700) != 0 && access(server->config.data_dir, W_OK) != 0) {
        diag_set(diag,
                 "The folder \"%.100s\" (data.dir) cannot be made or written. Make it, or give "
                 "another one.",
                 server->config.data_dir);
        return ERR_IO;
    }
    return store_open(&config, &server->store, diag);
}

/* The key of the configuration, else that of the first start, else a new one, printed once. */
static enum err set_admin_key(struct server *server, int64_t now_us, struct diag *diag)
{
    struct text given = secret_reveal(&server->config.admin_key);
    char drawn[ACCOUNT_KEY_LEN + 1];

    if (given.len == 0 && account_has_admin_key(server->accounts))
        return OK;
    if (given.len == 0) {
        account_draw_key(drawn);
        given = text_of(drawn);
        printf("The admin key, shown this once: %s\n", drawn);
        (void)fflush(stdout);
    }

    struct store_batch *batch = store_batch_create();
    account_set_admin_key(server->accounts, given, batch, now_us);
    enum err err = store_batch_count(batch) ? store_apply_batch(server->store, batch, diag) : OK;
    account_directory_on_stored(server->accounts, batch, err);
    store_batch_destroy(batch);
    crypto_wipe(drawn, sizeof(drawn));
    return err;
}

static enum err load_accounts(struct server *server, int64_t now_us, struct diag *diag)
{
    const struct account_limits limits = auth_limits(&server->config);
    struct store_people people;
    enum err err = auth_create_jwt_checker(&server->config, &server->jwt, diag);

    if (!err)
        err = store_load_people(server->store, clock_wall_us(), &people, diag);
    if (err)
        return err;
    server->accounts = account_directory_create(&limits, server->jwt);
    account_directory_set_wall_offset(server->accounts, clock_wall_us() - now_us);
    account_directory_load(server->accounts, &people, now_us);
    store_people_deinit(&people);
    return set_admin_key(server, now_us, diag);
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
}

static enum err load(struct server *server, int64_t now_us, struct diag *diag)
{
    struct store_snapshot snapshot;
    enum err err = open_store(server, diag);

    if (!err)
        err = load_accounts(server, now_us, diag);
    if (!err)
        err = store_load(server->store, &snapshot, diag);
    if (err)
        return err;
    err = work_create(server, diag);
    if (!err) {
        create_directory(server);
        channel_directory_set_wall_offset(server->directory, clock_wall_us() - now_us);
        channel_directory_load(server->directory, &snapshot, now_us);
    }
    store_snapshot_deinit(&snapshot);
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
    };
    const struct api_parts parts = {.channels = server->directory, .accounts = server->accounts};

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
    if (err)
        return err;
    create_api(server);
    server->is_store_ok = true;
    loop_timer_set(server->control, &server->second, now_us, on_second);
    return OK;
}

void control_destroy(struct server *server)
{
    size_t position = 0;
    struct viewer_count *counted;

    work_destroy(server);
    for (size_t i = 0; i < server->edge_count; i++)
        mem_free(server->reports[i]);
    while ((counted = map_next(&server->viewer_counts, &position)))
        mem_free(counted);
    map_deinit(&server->viewer_counts);
    status_deinit(server);
}

/* ---- the greeting ---- */

static const struct channel *find_or_create_demo(struct server *server)
{
    char key[API_STREAM_KEY_LEN + 1];
    struct diag diag = {0};
    uint64_t id;

    if (channel_directory_count(server->directory))
        return channel_directory_at(server->directory, 0);
    api_draw_stream_key(key);
    if (channel_create(server->directory, &(struct channel_settings){.title = TEXT("Demo")},
                       text_of(key), loop_now_us(server->control), &id, &diag) != OK)
        return NULL;
    return channel_find(server->directory, id);
}

static void print_base(const struct server *server, char *to, size_t cap)
{
    bool is_http = server->http_bound.any.sa_family != 0;

    if (server->config.public_url[0])
        (void)snprintf(to, cap, "%s", server->config.public_url);
    else
        (void)snprintf(to, cap, "%s://localhost:%u", is_http ? "http" : "https",
                       net_port(is_http ? &server->http_bound : &server->https_bound));
}

static void print_demo(const struct server *server, const struct channel *demo, const char *base)
{
    printf("  Studio      %s/studio/%llu\n", base, (unsigned long long)demo->id);
    printf("  Watch       %s/watch/%llu\n", base, (unsigned long long)demo->id);
    if (server->rtmp_bound.any.sa_family)
        printf("  OBS server  rtmp://localhost:%u/live\n", net_port(&server->rtmp_bound));
    else if (server->rtmps_bound.any.sa_family)
        printf("  OBS server  rtmps://localhost:%u/live\n", net_port(&server->rtmps_bound));
    printf("  Stream key  %.*s\n", TEXT_ARG(secret_reveal(&demo->stream_key)));
}

void control_greet(struct server *server, bool wants_demo)
{
    const struct config *config = &server->config;
    const struct channel *demo = wants_demo ? find_or_create_demo(server) : NULL;
    char base[CONFIG_TEXT_MAX + 1];

    print_base(server, base, sizeof(base));
    printf("\nStoa %s is up.\n  Home        %s/\n", STOA_VERSION, base);
    if (demo)
        print_demo(server, demo, base);
    printf("  Admin key   %s\n\n", config->admin_key.len
                                       ? "the one in your configuration (STOA_ADMIN_KEY)"
                                       : "the one printed at the first start");
    (void)fflush(stdout);
}
