#include "api_world.h"

#include <stdio.h>
#include <string.h>

/* ---- the owner ---- */

static void take_job(struct api_world *world, const struct world_job *job)
{
    assert_true(world->job_count < WORLD_JOBS_MAX);
    world->jobs[world->job_count++] = *job;
    world->last_ticket++;
    if (world->api)
        api_on_batch(world->api, job->batch);
}

static void on_change(void *context, const struct store_change *change)
{
    struct world_job job = {store_batch_create(), true, *change, 0};

    store_batch_change(job.batch, change);
    take_job(context, &job);
}

static void on_api_batch(void *context, struct store_batch *batch)
{
    const struct world_job job = {.batch = batch};

    take_job(context, &job);
}

static void on_hub_batch(void *context, struct store_batch *batch, uint64_t mark)
{
    const struct world_job job = {.batch = batch, .mark = mark};

    take_job(context, &job);
}

void api_world_store(struct api_world *world)
{
    for (size_t i = 0; i < world->job_count; i++) { /* results may bring more */
        struct world_job job = world->jobs[i];
        enum err err = world->is_store_broken
                           ? ERR_IO
                           : store_apply_batch(world->store, job.batch, &world->diag);

        if (err != OK && !world->is_store_broken)
            fail_msg("not stored: %s", world->diag.message);
        account_directory_on_stored(world->accounts, job.batch, err);
        if (job.has_change)
            channel_directory_on_stored(world->dir, &job.change, err, NULL);
        webhook_on_stored(world->hub, job.mark, err, world->now_us);
        store_batch_destroy(job.batch);
    }
    world->job_count = 0;
}

static void on_kick(void *context, uint64_t session_id, const char *reason)
{
    (void)session_id;
    (void)reason;
    ((struct api_world *)context)->kick_count++;
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

static void on_webhook_send(void *context, const struct webhook_send *send)
{
    struct api_world *world = context;

    world->send_count++;
    world->last_send_id = send->id;
}

static enum err check_url(void *context, struct text url, struct diag *diag)
{
    (void)context;
    if (text_starts_with(url, TEXT("https://")))
        return OK;
    diag_set(diag, "url: it must begin with https://.");
    return ERR_INVALID;
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

static void tell_health(void *context, struct api_health *ret_health)
{
    *ret_health = ((const struct api_world *)context)->health;
}

static void on_token_revoked(void *context, uint64_t channel_id, const char *token_id)
{
    struct api_world *world = context;

    assert_true(channel_id != 0);
    (void)snprintf(world->revoked_token, sizeof(world->revoked_token), "%s", token_id);
}

/* ---- the recorder: channel 1 can be recorded, the others cannot ---- */

static enum err start_recording(void *context, uint64_t channel_id, struct diag *diag)
{
    if (channel_id != 1) {
        diag_set(diag, "Its last recording is still being finished.");
        return ERR_CONFLICT;
    }
    ((struct api_world *)context)->is_recording = true;
    return OK;
}

static enum err stop_recording(void *context, uint64_t channel_id, struct diag *diag)
{
    (void)channel_id;
    (void)diag;
    ((struct api_world *)context)->is_recording = false;
    return OK;
}

static bool recording_status(void *context, uint64_t channel_id,
                             struct api_recording *ret_recording)
{
    const struct api_world *world = context;

    if (channel_id != 1 || !world->is_recording)
        return false;
    *ret_recording = (struct api_recording){
        .channel_id = 1,
        .broadcast_id = 1,
        .is_recording = true,
        .started_at_us = WORLD_WALL,
        .duration_us = 2500000,
        .bytes = 1234,
        .url = "/recordings/1/1/index.m3u8",
    };
    return true;
}

static bool active_recording_at(void *context, size_t index, struct api_recording *ret_recording)
{
    return index == 0 && recording_status(context, 1, ret_recording);
}

/* ---- life ---- */

void api_world_restart(struct api_world *world, const struct api_config *config)
{
    const struct api_recorder recorder = {world, start_recording, stop_recording, recording_status,
                                          active_recording_at};
    const struct api_handler handler = {world,         run_task,    on_answer,       on_api_batch,
                                        newest_ticket, tell_health, on_token_revoked};
    const struct api_parts parts = {world->dir, world->accounts, world->hub,
                                    world->has_recorder ? &recorder : NULL};

    api_destroy(world->api);
    world->api = api_create(config, &handler, &parts);
}

static void create_directories(struct api_world *world)
{
    const struct channel_handler channels = {world, on_change, on_kick, on_stop, on_changed};
    const struct webhook_handler webhooks = {
        .context = world, .store = on_hub_batch, .send = on_webhook_send, .check_url = check_url};
    const struct channel_limits channel_limits = channel_limits_default();
    const struct webhook_limits webhook_limits = webhook_limits_default();
    const struct jwt_config jwt = {
        .algorithm = JWT_HS256, .keys = {{.key = TEXT(JWT_SECRET)}}, .key_count = 1};
    struct account_limits account_limits = account_limits_default();

    account_limits.password_cost = (struct password_cost){.memory_kib = 8, .passes = 1};
    world->dir = channel_directory_create(&channel_limits, &channels);
    channel_directory_set_wall_offset(world->dir, WORLD_WALL - WORLD_NOW);
    assert_ok(jwt_checker_create(&jwt, &world->jwt, &world->diag));
    world->accounts = account_directory_create(&account_limits, world->jwt);
    account_directory_set_wall_offset(world->accounts, WORLD_WALL - WORLD_NOW);
    world->hub = webhook_hub_create(&webhook_limits, &webhooks);
    webhook_set_wall_offset(world->hub, WORLD_WALL - WORLD_NOW);
}

void api_world_init(struct api_world *world)
{
    const struct api_config config = {.rtmp_port = 1935};

    *world = (struct api_world){.now_us = WORLD_NOW, .has_recorder = true};
    world->health = (struct api_health){{true, ""}, {true, ""}, {true, ""}};
    world->place = store_place_create();
    world->store = store_place_open(&world->place);
    create_directories(world);

    struct world_job job = {.batch = store_batch_create()};
    account_set_admin_key(world->accounts, TEXT(ADMIN_KEY), job.batch, WORLD_NOW);
    take_job(world, &job);
    api_world_store(world);
    world->last_ticket = 0;
    api_world_restart(world, &config);
}

void api_world_deinit(struct api_world *world)
{
    api_world_store(world);
    api_answer_deinit(&world->answer);
    api_destroy(world->api);
    webhook_hub_destroy(world->hub);
    account_directory_destroy(world->accounts);
    jwt_checker_destroy(world->jwt);
    channel_directory_destroy(world->dir);
    store_close(world->store);
    store_place_remove(&world->place);
}

/* ---- calls ---- */

void api_world_run_tasks(struct api_world *world)
{
    while (world->task_count != 0) {
        struct api_task *task = world->tasks[0];

        memmove(world->tasks, world->tasks + 1, --world->task_count * sizeof(task));
        api_world_store(world); /* the pool does it in order */
        api_task_work(task, world->store);
        api_task_done(world->api, task, world->now_us);
        if (!world->holds_tasks)
            api_world_store(world);
    }
}

void api_world_send(struct api_world *world, const struct api_request *request)
{
    api_answer_deinit(&world->answer);
    world->is_waiting = true;
    if (api_call(world->api, request, world->now_us, &world->answer))
        world->is_waiting = false;
    if (world->holds_tasks)
        return;
    api_world_store(world);
    api_world_run_tasks(world);
    assert_false(world->is_waiting);
}

void api_world_call_as(struct api_world *world, const char *line, const struct world_who *who,
                       const char *body)
{
    char authorization[200] = "";
    struct text rest = text_of(line);
    struct api_request request = {
        .method = text_cut(&rest, ' '),
        .path = text_cut(&rest, '?'),
        .query = rest,
        .host = TEXT("live.example:8080"),
        .peer_address = TEXT("192.0.2.1"),
        .user_agent = TEXT("tests"),
        .cookie = text_of(who->cookie),
        .csrf_token = text_of(who->csrf),
        .idempotency_key = text_of(who->idempotency_key),
        .body = text_of(body),
        .content_type = body ? TEXT("application/json; charset=utf-8") : (struct text){0},
    };

    if (who->bearer)
        (void)snprintf(authorization, sizeof(authorization), "Bearer %s", who->bearer);
    request.authorization = text_of(authorization);
    api_world_send(world, &request);
}

void api_world_call(struct api_world *world, const char *line, const char *key, const char *body)
{
    const struct world_who who = {.bearer = key};

    api_world_call_as(world, line, &who, body);
}

/* ---- answers ---- */

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

void api_world_expect_problem(const struct api_world *world, int status, const char *code)
{
    api_world_expect(world, status, NULL);
    json_t *json = api_world_json(world);

    assert_text(api_world_header(world, "content-type"), "application/problem+json");
    assert_string_equal(json_string_value(json_object_get(json, "code")), code);
    json_decref(json);
}

json_t *api_world_json(const struct api_world *world)
{
    struct text body = buf_text(world->answer.body);
    json_t *json = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);

    if (!json)
        fail_msg("no JSON: %.*s", TEXT_ARG(body));
    return json;
}

void api_world_take(const struct api_world *world, const char *member, char to[WORLD_TEXT_MAX])
{
    json_t *json = api_world_json(world);
    const char *value = json_string_value(json_object_get(json, member));

    if (!value)
        fail_msg("no text %s: %.*s", member, TEXT_ARG(buf_text(world->answer.body)));
    (void)snprintf(to, WORLD_TEXT_MAX, "%s", value);
    json_decref(json);
}

/* ---- what is there ---- */

uint64_t api_world_channel_of(struct api_world *world, const char *title, const char *account_id)
{
    const struct channel_settings settings = {.title = text_of(title),
                                              .host_user_id = text_of(account_id)};
    char key[40];
    uint64_t id;

    (void)snprintf(key, sizeof(key), "stream-key-%zu", channel_directory_count(world->dir) + 1);
    assert_ok(
        channel_create(world->dir, &settings, text_of(key), world->now_us, &id, &world->diag));
    api_world_store(world);
    return id;
}

uint64_t api_world_channel(struct api_world *world, const char *title)
{
    return api_world_channel_of(world, title, "");
}

void api_world_go_live(struct api_world *world, uint64_t id)
{
    char key[40];
    struct publish_answer answer;
    struct channel_stats stats = channel_stats_unknown();

    (void)snprintf(key, sizeof(key), "stream-key-%d", (int)id);
    const struct publish_request request = {
        .stream_key = text_of(key), .session_id = 100 + id, .ingest = INGEST_RTMP};
    assert_ok(channel_publish(world->dir, &request, world->now_us, &answer, &world->diag));
    channel_on_media(world->dir, id, 100 + id, world->now_us);
    stats.last_packet_us = world->now_us;
    stats.has_video = stats.has_audio = true;
    stats.video_codec = CODEC_H264;
    stats.audio_codec = CODEC_AAC;
    stats.width = 1280;
    stats.height = 720;
    stats.bitrate_kbps = 2500;
    stats.fps = 30;
    stats.keyframe_interval_ms = 2000;
    channel_on_stats(world->dir, id, 100 + id, &stats, world->now_us);
    channel_on_viewers(world->dir, id, 1, 41, world->now_us);
    api_world_store(world);
}

const struct account_row *api_world_account(struct api_world *world, const char *email,
                                            const char *role)
{
    char password[300];
    struct password_job job;
    const struct account_row *row;
    struct world_job stored = {.batch = store_batch_create()};

    (void)snprintf(password, sizeof(password), "password of %s", email);
    assert_ok(account_hash_start(world->accounts, text_of(password), &job, &world->diag));
    assert_ok(password_job_run(&job));
    const struct account_input input = {.email = text_of(email),
                                        .display_name = text_of(email),
                                        .role = text_of(role),
                                        .password_hash = text_of(job.new_hash)};
    assert_ok(
        account_create(world->accounts, &input, stored.batch, world->now_us, &row, &world->diag));
    account_job_end(world->accounts, &job);
    take_job(world, &stored);
    api_world_store(world);
    return row;
}

struct world_session api_world_session(struct api_world *world, const char *email)
{
    char password[300];
    struct session_opened opened;
    struct password_job job;
    int64_t retry_us;
    struct world_session session;
    struct world_job stored = {.batch = store_batch_create()};

    (void)snprintf(password, sizeof(password), "password of %s", email);
    const struct sign_in sign_in = {text_of(email), text_of(password), TEXT("192.0.2.1"),
                                    TEXT("tests")};
    assert_ok(account_sign_in_start(world->accounts, &sign_in, world->now_us, &job, &retry_us,
                                    &world->diag));
    assert_ok(password_job_run(&job));
    assert_ok(account_sign_in_finish(world->accounts, &sign_in, &job, stored.batch, world->now_us,
                                     &opened, &world->diag));
    account_job_end(world->accounts, &job);
    take_job(world, &stored);
    api_world_store(world);
    (void)snprintf(session.cookie, sizeof(session.cookie), "a=b; stoa_session=%s", opened.token);
    memcpy(session.csrf, opened.csrf_token, sizeof(session.csrf));
    return session;
}

void api_world_key(struct api_world *world, const char *account_id, uint32_t scopes,
                   char ret_key[ACCOUNT_KEY_LEN + 1])
{
    const struct api_key_input input = {
        .account_id = text_of(account_id), .name = TEXT("of the tests"), .scopes = scopes};
    const struct api_key_row *row;
    struct world_job stored = {.batch = store_batch_create()};

    assert_ok(account_key_create(world->accounts, &input, stored.batch, world->now_us, ret_key,
                                 &row, &world->diag));
    take_job(world, &stored);
    api_world_store(world);
}
