#include "account_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct account_limits world_limits(void)
{
    struct account_limits limits = account_limits_default();

    limits.password_cost = (struct password_cost){.memory_kib = 8, .passes = 1};
    return limits;
}

static void load(struct world *world)
{
    struct store_people people;

    world->dir = account_directory_create(&world->limits, world->jwt);
    account_directory_set_wall_offset(world->dir, WALL_OFFSET_US);
    assert_ok(
        store_load_people(world->store, WALL_OFFSET_US + world->now_us, &people, &world->diag));
    account_directory_load(world->dir, &people, world->now_us);
    store_people_deinit(&people);
}

void world_begin_with(struct world *world, const struct account_limits *limits,
                      struct jwt_checker *jwt)
{
    char url[80];

    *world = (struct world){.folder = "/tmp/stoa-account-XXXXXX", .now_us = S(1000)};
    world->limits = *limits;
    world->jwt = jwt;
    assert_non_null(mkdtemp(world->folder));
    (void)snprintf(url, sizeof(url), "sqlite:%s/stoa.db", world->folder);
    const struct store_config config = {.url = url};
    assert_ok(store_open(&config, &world->store, &world->diag));
    world->batch = store_batch_create();
    load(world);
}

void world_begin(struct world *world)
{
    const struct account_limits limits = world_limits();

    world_begin_with(world, &limits, NULL);
}

void world_end(struct world *world)
{
    char path[80];

    account_directory_destroy(world->dir);
    store_batch_destroy(world->batch);
    store_close(world->store);
    (void)snprintf(path, sizeof(path), "%s/stoa.db", world->folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(world->folder), 0);
}

static void answer(struct world *world, enum err result)
{
    account_directory_on_stored(world->dir, world->batch, result);
    store_batch_destroy(world->batch);
    world->batch = store_batch_create();
}

void world_commit(struct world *world)
{
    enum err err = store_apply_batch(world->store, world->batch, &world->diag);

    if (err != OK)
        fail_msg("not stored: %s", world->diag.message);
    answer(world, OK);
}

void world_fail(struct world *world)
{
    answer(world, ERR_IO);
}

void world_reload(struct world *world)
{
    account_directory_destroy(world->dir);
    load(world);
}

static void write_password(const char *email, char to[PASSWORD_LEN_MAX + 1])
{
    (void)snprintf(to, PASSWORD_LEN_MAX + 1, "password of %s", email);
}

const struct account_row *world_account(struct world *world, const char *email, const char *role)
{
    char password[PASSWORD_LEN_MAX + 1];
    struct password_job job;
    const struct account_row *row;

    write_password(email, password);
    assert_ok(account_hash_start(world->dir, text_of(password), &job, &world->diag));
    assert_ok(password_job_run(&job));
    const struct account_input input = {
        .email = text_of(email),
        .display_name = TEXT("Somebody"),
        .role = text_of(role),
        .password_hash = text_of(job.new_hash),
    };
    assert_ok(account_create(world->dir, &input, world->batch, world->now_us, &row, &world->diag));
    account_job_end(world->dir, &job);
    world_commit(world);
    return row;
}

enum err world_sign_in(struct world *world, const char *email, const char *password,
                       struct session_opened *ret_session)
{
    const struct sign_in sign_in = {
        .email = text_of(email),
        .password = text_of(password),
        .address = TEXT("192.0.2.1"),
        .user_agent = TEXT("Test/1"),
    };
    struct password_job job;
    int64_t wait_us;
    enum err err =
        account_sign_in_start(world->dir, &sign_in, world->now_us, &job, &wait_us, &world->diag);

    if (err != OK)
        return err;
    assert_ok(password_job_run(&job));
    err = account_sign_in_finish(world->dir, &sign_in, &job, world->batch, world->now_us,
                                 ret_session, &world->diag);
    account_job_end(world->dir, &job);
    return err;
}

struct session_opened world_session(struct world *world, const char *email)
{
    char password[PASSWORD_LEN_MAX + 1];
    struct session_opened session = {0};

    write_password(email, password);
    assert_ok(world_sign_in(world, email, password, &session));
    world_commit(world);
    return session;
}

struct caller world_bearer(struct world *world, const char *key)
{
    char header[ACCOUNT_BEARER_LEN_MAX + 100];
    struct caller caller;

    (void)snprintf(header, sizeof(header), "Bearer %s", key); /* fits, or is meant not to */
    const struct credentials credentials = {.authorization = text_of(header),
                                            .address = TEXT("192.0.2.1")};
    account_identify(world->dir, &credentials, world->now_us, &caller);
    return caller;
}

struct caller world_cookie(struct world *world, const struct session_opened *session)
{
    char header[200];
    struct caller caller;

    (void)snprintf(header, sizeof(header), "theme=dark; stoa_session=%s; lang=de", session->token);
    const struct credentials credentials = {.cookie = text_of(header),
                                            .csrf_token = text_of(session->csrf_token),
                                            .address = TEXT("192.0.2.1")};
    account_identify(world->dir, &credentials, world->now_us, &caller);
    return caller;
}
