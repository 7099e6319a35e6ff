/*
 * people - accounts, sessions and keys at start-up, and the admin's own.
 */
#include <stdio.h>

#include "app/auth.h"
#include "app/server.h"
#include "base/clock.h"
#include "base/crypto.h"

enum { DRAWN_PASSWORD_LEN = 20 };

/* Before the loops run: the store is still ours. */
static enum err apply(struct server *server, struct store_batch *batch, struct diag *diag)
{
    enum err err = store_batch_count(batch) ? store_apply_batch(server->store, batch, diag) : OK;

    account_directory_on_stored(server->accounts, batch, err);
    store_batch_destroy(batch);
    return err;
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

/* An account that can sign in as admin: with the e-mail and the password of the configuration, or
 * with a password that is printed once. */
static enum err create_admin(struct server *server, struct text password, int64_t now_us,
                             struct diag *diag)
{
    const struct text email = text_of(server->config.admin_email);
    struct password_job job;
    bool is_created = false;
    enum err err = account_hash_start(server->accounts, password, &job, diag);

    if (err)
        return err;
    err = password_job_run(&job);
    if (err) {
        diag_set(diag, "The admin's password could not be hashed: too little memory.");
        account_job_end(server->accounts, &job);
        return err;
    }
    struct store_batch *batch = store_batch_create();
    err = account_ensure_admin(server->accounts, email, text_of(job.new_hash), batch, now_us,
                               &is_created, diag);
    account_job_end(server->accounts, &job);
    if (err) {
        store_batch_destroy(batch);
        return err;
    }
    return apply(server, batch, diag);
}

static enum err set_admin(struct server *server, int64_t now_us, struct diag *diag)
{
    struct text given = secret_reveal(&server->config.admin_password);
    char drawn[DRAWN_PASSWORD_LEN + 1];

    if (!account_directory_needs_admin(server->accounts))
        return OK;
    crypto_random_text(drawn, DRAWN_PASSWORD_LEN);
    enum err err = create_admin(server, given.len ? given : text_of(drawn), now_us, diag);
    if (err == OK && given.len == 0) {
        printf("The admin login, shown this once: %s  %s\n", server->config.admin_email, drawn);
        (void)fflush(stdout);
    }
    crypto_wipe(drawn, sizeof(drawn));
    return err;
}

enum err people_load(struct server *server, const struct store_people *people, struct diag *diag)
{
    const struct account_limits limits = auth_limits(&server->config);
    int64_t now_us = loop_now_us(server->control);
    enum err err = auth_create_jwt_checker(&server->config, &server->jwt, diag);

    if (err)
        return err;
    server->accounts = account_directory_create(&limits, server->jwt);
    account_directory_set_wall_offset(server->accounts, clock_wall_us() - now_us);
    account_directory_load(server->accounts, people, now_us);
    err = set_admin_key(server, now_us, diag);
    return err ? err : set_admin(server, now_us, diag);
}

/* Sessions that were renewed, keys that were used. */
void people_on_second(struct server *server)
{
    int64_t now_us = loop_now_us(server->control);
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
