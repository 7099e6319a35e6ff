#include "api_world.h"

#include <stdio.h>
#include <string.h>

static void on_store(void *context, const struct store_change *change)
{
    ((struct api_world *)context)->last_ticket = change->ticket;
}

static void on_kick(void *context, uint64_t session_id, const char *reason)
{
    (void)context;
    (void)session_id;
    (void)reason;
}

static void on_stop(void *context, uint64_t channel_id, uint64_t broadcast_id)
{
    (void)context;
    (void)channel_id;
    (void)broadcast_id;
}

static void on_changed(void *context, const struct channel_event *event)
{
    (void)context;
    (void)event;
}

static enum err run_task(void *context, struct api_task *task)
{
    struct api_world *world = context;

    if (world->is_busy || world->task_count == WORLD_TASKS_MAX)
        return ERR_LIMIT;
    world->tasks[world->task_count++] = task;
    return OK;
}

static void on_answer(void *context, struct api_answer *answer)
{
    struct api_world *world = context;

    assert_ptr_equal(answer, &world->answer);
    assert_true(world->is_waiting);
    world->is_waiting = false;
}

static uint64_t newest_ticket(void *context)
{
    return ((const struct api_world *)context)->last_ticket;
}

struct api *api_world_create_api(struct api_world *world, const struct api_config *config)
{
    const struct api_handler handler = {world, run_task, on_answer, newest_ticket};

    return api_create(config, &handler, world->dir);
}

void api_world_init(struct api_world *world)
{
    *world = (struct api_world){0};
    const struct channel_handler handler = {world, on_store, on_kick, on_stop, on_changed};
    const struct channel_limits limits = channel_limits_default();
    struct api_config config = {.rtmp_port = 1935};

    crypto_sha256(ADMIN_KEY, strlen(ADMIN_KEY), config.admin_key_sha256);
    world->dir = channel_directory_create(&limits, &handler);
    channel_directory_set_wall_offset(world->dir, WORLD_WALL - WORLD_NOW);
    world->api = api_world_create_api(world, &config);
}

void api_world_deinit(struct api_world *world)
{
    api_answer_deinit(&world->answer);
    api_destroy(world->api);
    channel_directory_destroy(world->dir);
}

void api_world_send(struct api_world *world, const struct api_request *request)
{
    api_answer_deinit(&world->answer);
    world->is_waiting = !api_call(world->api, request, WORLD_NOW, &world->answer);
}

void api_world_call(struct api_world *world, const char *line, const char *key, const char *body)
{
    char authorization[200] = "";
    struct text rest = text_of(line);
    struct api_request request = {
        .method = text_cut(&rest, ' '),
        .path = text_cut(&rest, '?'),
        .query = rest,
        .host = TEXT("live.example:8080"),
        .peer_address = TEXT("192.0.2.1"),
        .body = text_of(body),
        .content_type = body ? TEXT("application/json; charset=utf-8") : (struct text){0},
    };

    if (key)
        (void)snprintf(authorization, sizeof(authorization), "Bearer %s", key);
    request.authorization = text_of(authorization);
    api_world_send(world, &request);
}

struct text api_world_header(const struct api_world *world, const char *name)
{
    for (size_t i = 0; i < world->answer.header_count; i++)
        if (strcmp(world->answer.headers[i].name, name) == 0)
            return text_of(world->answer.headers[i].value);
    return (struct text){0};
}

void api_world_expect(const struct api_world *world, int status, const char *body)
{
    struct text got = world->answer.body ? buf_text(world->answer.body) : (struct text){0};

    if (body)
        assert_text(got, body);
    if (world->answer.status != status)
        fail_msg("status %d: %.*s", world->answer.status, TEXT_ARG(got));
}

json_t *api_world_json(const struct api_world *world)
{
    struct text body = buf_text(world->answer.body);
    json_t *json = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);

    if (!json)
        fail_msg("no JSON: %.*s", TEXT_ARG(body));
    return json;
}

uint64_t api_world_channel(struct api_world *world, const char *title)
{
    char key[40];
    struct diag diag = {0};
    uint64_t id;

    (void)snprintf(key, sizeof(key), "stream-key-%zu", channel_directory_count(world->dir) + 1);
    assert_ok(channel_create(world->dir, &(struct channel_settings){.title = text_of(title)},
                             text_of(key), WORLD_NOW, &id, &diag));
    return id;
}

void api_world_go_live(struct api_world *world, uint64_t id)
{
    char key[40];
    struct diag diag = {0};
    struct publish_answer answer;
    struct channel_stats stats = channel_stats_unknown();

    (void)snprintf(key, sizeof(key), "stream-key-%d", (int)id);
    const struct publish_request request = {
        .stream_key = text_of(key), .session_id = 100 + id, .ingest = INGEST_RTMP};
    assert_ok(channel_publish(world->dir, &request, WORLD_NOW, &answer, &diag));
    channel_on_media(world->dir, id, 100 + id, WORLD_NOW);
    stats.last_packet_us = WORLD_NOW;
    stats.has_video = stats.has_audio = true;
    stats.video_codec = CODEC_H264;
    stats.audio_codec = CODEC_AAC;
    stats.width = 1280;
    stats.height = 720;
    stats.bitrate_kbps = 2500;
    stats.fps = 30;
    stats.keyframe_interval_ms = 2000;
    channel_on_stats(world->dir, id, 100 + id, &stats, WORLD_NOW);
    channel_on_viewers(world->dir, id, 1, 41, WORLD_NOW);
}
