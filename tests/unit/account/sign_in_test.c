/* Passwords on their way: who gets in, who is told what, and what a thousand attempts cost. */
#include "account_world.h"

#include <stdio.h>

static void right_password_opens_a_session(void **state)
{
    (void)state;
    struct world world;
    struct session_opened session;

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "seller");
    assert_ok(world_sign_in(&world, "A@B.com", "password of a@b.com", &session));
    assert_int_equal(strlen(session.token), ACCOUNT_SESSION_TOKEN_LEN);
    assert_string_equal(session.account_id, account_find_by_email(world.dir, TEXT("a@b.com"))->id);
    assert_int_equal(store_batch_count(world.batch), 1);
    world_end(&world);
}

/* One sentence for all, so that nobody learns who has an account. */
static void wrong_password_and_unknown_email_are_the_same(void **state)
{
    (void)state;
    struct world world;
    struct session_opened session;
    struct diag diags[3];

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "seller");
    const struct account_input elsewhere = {
        .email = TEXT("c@b.com"), .display_name = TEXT("C"), .role = TEXT("buyer")};
    const struct account_row *row;
    assert_ok(account_create(world.dir, &elsewhere, world.batch, world.now_us, &row, &world.diag));
    world_commit(&world);

    static const char *const emails[] = {"a@b.com", "nobody@b.com", "c@b.com"};
    for (int i = 0; i < 3; i++) {
        world.diag = (struct diag){0};
        assert_err(world_sign_in(&world, emails[i], "wrong password", &session), ERR_DENIED);
        diags[i] = world.diag;
    }
    assert_string_equal(diags[0].message, diags[1].message);
    assert_string_equal(diags[0].message, diags[2].message);
    assert_int_equal(store_batch_count(world.batch), 0);
    world_end(&world);
}

/* And all of them run the same Argon2id. */
static void unknown_email_costs_a_hash_too(void **state)
{
    (void)state;
    struct world world;
    struct password_job jobs[2];
    int64_t wait_us;
    const struct sign_in known = {
        .email = TEXT("a@b.com"), .password = TEXT("x"), .address = TEXT("192.0.2.1")};
    const struct sign_in unknown = {
        .email = TEXT("b@b.com"), .password = TEXT("x"), .address = TEXT("192.0.2.1")};

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "seller");
    assert_ok(
        account_sign_in_start(world.dir, &known, world.now_us, &jobs[0], &wait_us, &world.diag));
    assert_ok(
        account_sign_in_start(world.dir, &unknown, world.now_us, &jobs[1], &wait_us, &world.diag));
    assert_int_equal(strlen(jobs[0].hash), strlen(jobs[1].hash));
    assert_memory_equal(jobs[0].hash, jobs[1].hash, strlen("$argon2id$v=19$m=8,t=1,p=1$"));
    assert_int_equal(jobs[0].to_verify.len, jobs[1].to_verify.len);
    account_job_end(world.dir, &jobs[0]);
    account_job_end(world.dir, &jobs[1]);
    world_end(&world);
}

static void disabled_account_is_told_only_behind_the_password(void **state)
{
    (void)state;
    struct world world;
    struct session_opened session;
    const struct account_input disable = {.sets_disabled = true, .is_disabled = true};

    world_begin(&world);
    const struct account_row *row = world_account(&world, "a@b.com", "seller");
    assert_ok(account_update(world.dir, text_of(row->id), &disable, world.batch, world.now_us,
                             &world.diag));
    assert_err(world_sign_in(&world, "a@b.com", "wrong password", &session), ERR_DENIED);
    assert_err(world_sign_in(&world, "a@b.com", "password of a@b.com", &session), ERR_CONFLICT);
    assert_non_null(strstr(world.diag.message, "disabled"));
    world_end(&world);
}

static void thousand_attempts_cost_ten_hashes(void **state)
{
    (void)state;
    struct world world;
    int hashes = 0, refused = 0;

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "seller");
    for (int i = 0; i < 1000; i++) {
        char password[40], email[40];
        int64_t wait_us = 0;
        struct password_job job;

        (void)snprintf(password, sizeof(password), "guess %d", i);
        (void)snprintf(email, sizeof(email), "a%d@b.com", i); /* another e-mail each time */
        const struct sign_in sign_in = {.email = text_of(email),
                                        .password = text_of(password),
                                        .address = TEXT("198.51.100.7")};
        enum err err =
            account_sign_in_start(world.dir, &sign_in, world.now_us, &job, &wait_us, &world.diag);
        if (err == OK) {
            hashes++;
            account_job_end(world.dir, &job);
        } else {
            assert_err(err, ERR_LIMIT);
            assert_in_range(wait_us, 1, S(60));
            refused++;
        }
    }
    assert_int_equal(hashes, 10);
    assert_int_equal(refused, 990);
    /* Others are not touched by it. */
    (void)world_session(&world, "a@b.com");
    world_end(&world);
}

/* A thousand addresses try the passwords of one account. */
static void attempts_count_for_the_email_as_well(void **state)
{
    (void)state;
    struct world world;
    int hashes = 0;
    int64_t wait_us;
    struct password_job job;

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "seller");
    struct session_opened mine = world_session(&world, "a@b.com"); /* from 192.0.2.1 */
    for (int i = 0; i < 1000; i++) {
        char address[40];

        (void)snprintf(address, sizeof(address), "203.0.%d.%d", i / 250, i % 250);
        const struct sign_in sign_in = {
            .email = TEXT("A@b.com"), .password = TEXT("guess"), .address = text_of(address)};
        if (account_sign_in_start(world.dir, &sign_in, world.now_us, &job, &wait_us, &world.diag) ==
            OK) {
            hashes++;
            account_job_end(world.dir, &job);
        }
    }
    assert_int_equal(hashes, 20);

    /* Its owner, who is signed in, is not shut out by them; from elsewhere even the right password
     * has to wait. */
    struct session_opened session;
    assert_ok(world_sign_in(&world, "a@b.com", "password of a@b.com", &session));
    const struct sign_in elsewhere = {.email = TEXT("a@b.com"),
                                      .password = TEXT("password of a@b.com"),
                                      .address = TEXT("192.0.2.77")};
    assert_err(
        account_sign_in_start(world.dir, &elsewhere, world.now_us, &job, &wait_us, &world.diag),
        ERR_LIMIT);
    world.now_us += wait_us;
    assert_ok(
        account_sign_in_start(world.dir, &elsewhere, world.now_us, &job, &wait_us, &world.diag));
    account_job_end(world.dir, &job);
    assert_int_equal(world_cookie(&world, &mine).kind, CALLER_SESSION);
    world_end(&world);
}

static void right_passwords_do_not_count(void **state)
{
    (void)state;
    struct world world;

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "seller");
    for (int i = 0; i < 100; i++)
        (void)world_session(&world, "a@b.com");
    world_end(&world);
}

static void number_of_jobs_is_limited(void **state)
{
    (void)state;
    struct world world;
    struct account_limits limits = world_limits();
    struct password_job jobs[3];
    struct session_opened session;

    limits.password_jobs_max = 3;
    world_begin_with(&world, &limits, NULL);
    (void)world_account(&world, "a@b.com", "seller");
    for (int i = 0; i < 3; i++)
        assert_ok(account_hash_start(world.dir, TEXT("password"), &jobs[i], &world.diag));
    for (int i = 0; i < 50; i++) /* refused, and counted as nobody's attempt */
        assert_err(world_sign_in(&world, "a@b.com", "password of a@b.com", &session), ERR_AGAIN);
    for (int i = 0; i < 3; i++)
        account_job_end(world.dir, &jobs[i]);
    assert_int_equal(jobs[0].to_hash.len, 0); /* wiped */
    assert_ok(world_sign_in(&world, "a@b.com", "password of a@b.com", &session));
    world_end(&world);
}

static void texts_have_their_limits(void **state)
{
    (void)state;
    struct world world;
    struct session_opened session;
    char text[400];

    world_begin(&world);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_err(world_sign_in(&world, text, "password", &session), ERR_INVALID);
    assert_err(world_sign_in(&world, "", "password", &session), ERR_INVALID);
    assert_err(world_sign_in(&world, "a@b.com", text, &session), ERR_INVALID);
    assert_err(world_sign_in(&world, "a@b.com", "", &session), ERR_INVALID);
    assert_err(world_sign_in(&world, "' OR 1=1 --", "password", &session), ERR_DENIED);
    world_end(&world);
}

static void dearer_cost_is_taken_over_at_sign_in(void **state)
{
    (void)state;
    struct world world;
    struct session_opened session;

    world_begin(&world);
    const char *id = world_account(&world, "a@b.com", "seller")->id;
    world_commit(&world);
    world.limits.password_cost.memory_kib = 16;
    char account_id[ROW_UUID_LEN + 1];
    memcpy(account_id, id, sizeof(account_id));
    world_reload(&world);

    assert_ok(world_sign_in(&world, "a@b.com", "password of a@b.com", &session));
    world_commit(&world);
    world_reload(&world);
    assert_non_null(strstr(account_find(world.dir, text_of(account_id))->password_hash, "m=16,"));
    assert_ok(world_sign_in(&world, "a@b.com", "password of a@b.com", &session));
    world_end(&world);
}

/* The password was changed while the old one was being checked. */
static void check_of_an_old_hash_opens_nothing(void **state)
{
    (void)state;
    struct world world;
    struct password_job job;
    int64_t wait_us;
    struct session_opened session;
    const struct sign_in sign_in = {.email = TEXT("a@b.com"),
                                    .password = TEXT("password of a@b.com"),
                                    .address = TEXT("192.0.2.1")};
    const struct account_input change = {.password_hash = TEXT("$other")};

    world_begin(&world);
    const struct account_row *row = world_account(&world, "a@b.com", "seller");
    assert_ok(
        account_sign_in_start(world.dir, &sign_in, world.now_us, &job, &wait_us, &world.diag));
    assert_ok(password_job_run(&job));
    assert_true(job.is_right);
    assert_ok(account_update(world.dir, text_of(row->id), &change, world.batch, world.now_us,
                             &world.diag));
    assert_err(account_sign_in_finish(world.dir, &sign_in, &job, world.batch, world.now_us,
                                      &session, &world.diag),
               ERR_DENIED);
    account_job_end(world.dir, &job);
    world_end(&world);
}

static enum err change_password(struct world *world, const struct caller *caller,
                                const char *current, const char *new_password)
{
    struct password_job job;
    int64_t wait_us;
    enum err err = account_change_password_start(world->dir, caller, TEXT("192.0.2.1"),
                                                 text_of(current), text_of(new_password),
                                                 world->now_us, &job, &wait_us, &world->diag);

    if (err != OK)
        return err;
    assert_ok(password_job_run(&job));
    err = account_change_password_finish(world->dir, caller, TEXT("192.0.2.1"), &job, world->batch,
                                         world->now_us, &world->diag);
    account_job_end(world->dir, &job);
    return err;
}

static void new_password_ends_the_other_sessions(void **state)
{
    (void)state;
    struct world world;
    struct session_opened session;

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "seller");
    struct session_opened mine = world_session(&world, "a@b.com");
    struct session_opened other = world_session(&world, "a@b.com");
    struct caller caller = world_cookie(&world, &mine);

    assert_err(change_password(&world, &caller, "wrong", "new password"), ERR_DENIED);
    assert_string_equal(world.diag.message, "It is wrong.");
    assert_err(change_password(&world, &caller, "password of a@b.com", "short"), ERR_INVALID);
    assert_err(change_password(&world, &caller, "", "new password"), ERR_INVALID);
    assert_int_equal(store_batch_count(world.batch), 0);
    assert_ok(change_password(&world, &caller, "password of a@b.com", "new password"));
    world_commit(&world);
    world_reload(&world);
    assert_int_equal(world_cookie(&world, &mine).kind, CALLER_SESSION);
    assert_int_equal(world_cookie(&world, &other).kind, CALLER_ANYBODY);
    assert_err(world_sign_in(&world, "a@b.com", "password of a@b.com", &session), ERR_DENIED);
    assert_ok(world_sign_in(&world, "a@b.com", "new password", &session));

    const struct caller nobody = {.kind = CALLER_ADMIN_KEY, .role = ROLE_ADMIN};
    assert_err(change_password(&world, &nobody, "password", "new password"), ERR_NOT_FOUND);
    world_end(&world);
}

/* Who found an open browser does not get to try passwords without end. */
static void wrong_current_passwords_shut_out(void **state)
{
    (void)state;
    struct world world;
    enum err err = OK;
    int tried = 0;

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "seller");
    struct session_opened mine = world_session(&world, "a@b.com");
    struct caller caller = world_cookie(&world, &mine);

    while (tried < 100 && err != ERR_LIMIT) {
        err = change_password(&world, &caller, "wrong", "new password");
        tried++;
    }
    assert_int_equal(tried, 11);
    world_end(&world);
}

static void admin_sets_a_password_and_all_sessions_end(void **state)
{
    (void)state;
    struct world world;
    struct password_job job;
    struct session_opened session;

    world_begin(&world);
    const struct account_row *row = world_account(&world, "a@b.com", "seller");
    struct session_opened old = world_session(&world, "a@b.com");

    assert_err(account_hash_start(world.dir, TEXT("short"), &job, &world.diag), ERR_INVALID);
    assert_ok(account_hash_start(world.dir, TEXT("set by an admin"), &job, &world.diag));
    assert_ok(password_job_run(&job));
    const struct account_input change = {.password_hash = text_of(job.new_hash)};
    assert_ok(account_update(world.dir, text_of(row->id), &change, world.batch, world.now_us,
                             &world.diag));
    account_job_end(world.dir, &job);
    world_commit(&world);
    assert_int_equal(world_cookie(&world, &old).kind, CALLER_ANYBODY);
    assert_ok(world_sign_in(&world, "a@b.com", "set by an admin", &session));
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(right_password_opens_a_session),
        TEST_CASE(wrong_password_and_unknown_email_are_the_same),
        TEST_CASE(unknown_email_costs_a_hash_too),
        TEST_CASE(disabled_account_is_told_only_behind_the_password),
        TEST_CASE(thousand_attempts_cost_ten_hashes),
        TEST_CASE(attempts_count_for_the_email_as_well),
        TEST_CASE(right_passwords_do_not_count),
        TEST_CASE(number_of_jobs_is_limited),
        TEST_CASE(texts_have_their_limits),
        TEST_CASE(dearer_cost_is_taken_over_at_sign_in),
        TEST_CASE(check_of_an_old_hash_opens_nothing),
        TEST_CASE(new_password_ends_the_other_sessions),
        TEST_CASE(wrong_current_passwords_shut_out),
        TEST_CASE(admin_sets_a_password_and_all_sessions_end),
    };
    return RUN_TESTS("account_sign_in", tests);
}
