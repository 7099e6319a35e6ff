/* Signed-in browsers: how long, how many, and how they end. */
#include "account_world.h"

#include <stdio.h>

/* Rows are borrowed and end with world_reload(), so ask again. */
static const char *id_of(const struct world *world, const char *email)
{
    return account_find_by_email(world->dir, text_of(email))->id;
}

static size_t count_sessions(const struct world *world, const char *account_id)
{
    size_t count = 0;

    while (account_session_at(world->dir, text_of(account_id), count))
        count++;
    return count;
}

static void session_is_known_by_its_cookie(void **state)
{
    (void)state;
    struct world world;

    world_begin(&world);
    const struct account_row *row = world_account(&world, "a@b.com", "seller");
    struct session_opened session = world_session(&world, "a@b.com");
    struct caller caller = world_cookie(&world, &session);

    assert_int_equal(caller.kind, CALLER_SESSION);
    assert_int_equal(caller.role, ROLE_SELLER);
    assert_int_equal(caller.scopes, account_role_scopes(ROLE_SELLER));
    assert_string_equal(caller.account_id, row->id);
    assert_string_equal(caller.name, "a@b.com");
    assert_string_equal(caller.csrf_token, session.csrf_token);
    assert_true(caller.has_csrf);
    assert_int_equal(caller.session_expires_at_us, WALL_OFFSET_US + world.now_us + DAYS(14));
    assert_int_equal(session.expires_at_us, caller.session_expires_at_us);

    /* What is kept is the hash, and it outlives the run. */
    const struct session_row *kept = account_session_at(world.dir, text_of(row->id), 0);
    assert_string_equal(kept->address, "192.0.2.1");
    assert_string_equal(kept->user_agent, "Test/1");
    assert_memory_equal(kept->token_hash, caller.session_hash, CRYPTO_SHA256_LEN);
    world_reload(&world);
    assert_int_equal(world_cookie(&world, &session).kind, CALLER_SESSION);
    session.token[3] = session.token[3] == 'a' ? 'b' : 'a';
    assert_int_equal(world_cookie(&world, &session).fault, CREDENTIAL_SESSION_EXPIRED);
    world_end(&world);
}

static void mutation_needs_the_csrf_token_of_this_session(void **state)
{
    (void)state;
    struct world world;

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "seller");
    struct session_opened one = world_session(&world, "a@b.com");
    struct session_opened two = world_session(&world, "a@b.com");

    assert_true(world_cookie(&world, &one).has_csrf);
    struct session_opened mixed = one;
    memcpy(mixed.csrf_token, two.csrf_token, sizeof(mixed.csrf_token));
    assert_false(world_cookie(&world, &mixed).has_csrf);
    mixed.csrf_token[0] = '\0';
    assert_false(world_cookie(&world, &mixed).has_csrf);
    memcpy(mixed.csrf_token, one.csrf_token, sizeof(mixed.csrf_token));
    mixed.csrf_token[ACCOUNT_CSRF_TOKEN_LEN - 1] = '\0';
    assert_false(world_cookie(&world, &mixed).has_csrf);
    /* The session itself is good all the same. */
    assert_int_equal(world_cookie(&world, &mixed).kind, CALLER_SESSION);
    world_end(&world);
}

static void idle_session_ends_after_fourteen_days(void **state)
{
    (void)state;
    struct world world;

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "buyer");
    struct session_opened session = world_session(&world, "a@b.com");

    world.now_us += DAYS(14) - 1;
    assert_int_equal(world_cookie(&world, &session).kind, CALLER_SESSION); /* and moves its end */
    world.now_us += DAYS(14);
    struct caller caller = world_cookie(&world, &session);
    assert_int_equal(caller.kind, CALLER_ANYBODY);
    assert_int_equal(caller.fault, CREDENTIAL_SESSION_EXPIRED);
    assert_false(caller.is_refused); /* who only looks need not be signed in */
    world_end(&world);
}

static void no_session_lives_beyond_ninety_days(void **state)
{
    (void)state;
    struct world world;

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "buyer");
    struct session_opened session = world_session(&world, "a@b.com");
    int64_t begin_us = world.now_us;

    for (int day = 1; day < 90; day++) {
        world.now_us = begin_us + DAYS(day);
        assert_int_equal(world_cookie(&world, &session).kind, CALLER_SESSION);
    }
    assert_int_equal(world_cookie(&world, &session).session_expires_at_us,
                     WALL_OFFSET_US + begin_us + DAYS(90));
    world.now_us = begin_us + DAYS(90);
    assert_int_equal(world_cookie(&world, &session).fault, CREDENTIAL_SESSION_EXPIRED);
    world_end(&world);
}

static void use_is_written_once_an_hour(void **state)
{
    (void)state;
    struct world world;

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "buyer");
    struct session_opened session = world_session(&world, "a@b.com");
    account_directory_on_time(world.dir, world.batch, world.now_us); /* the first sweep */
    int64_t begin_us = world.now_us;

    for (int minute = 0; minute < 60; minute++) {
        world.now_us = begin_us + S(60 * minute);
        (void)world_cookie(&world, &session);
        account_directory_on_time(world.dir, world.batch, world.now_us + S(20));
    }
    assert_int_equal(store_batch_count(world.batch), 0);
    world.now_us = begin_us + HOURS(1);
    (void)world_cookie(&world, &session);
    (void)world_cookie(&world, &session);
    assert_int_equal(account_directory_deadline_us(world.dir), world.now_us + S(10));
    account_directory_on_time(world.dir, world.batch, world.now_us + S(9));
    assert_int_equal(store_batch_count(world.batch), 0);
    account_directory_on_time(world.dir, world.batch, world.now_us + S(10));
    assert_int_equal(store_batch_count(world.batch), 1);
    world_commit(&world);
    world_reload(&world);
    const char *id = id_of(&world, "a@b.com");
    assert_int_equal(account_session_at(world.dir, text_of(id), 0)->last_used_at_us,
                     WALL_OFFSET_US + world.now_us);

    world.now_us += HOURS(1);
    (void)world_cookie(&world, &session);
    account_directory_flush(world.dir, world.batch); /* the program ends */
    assert_int_equal(store_batch_count(world.batch), 1);
    world_end(&world);
}

static void expired_sessions_are_forgotten_in_time(void **state)
{
    (void)state;
    struct world world;

    world_begin(&world);
    const char *id = world_account(&world, "a@b.com", "buyer")->id;
    struct session_opened old = world_session(&world, "a@b.com");
    struct session_opened used = world_session(&world, "a@b.com");
    int64_t begin_us = world.now_us;

    world.now_us = begin_us + DAYS(10);
    (void)world_cookie(&world, &used);
    world.now_us = begin_us + DAYS(14);
    account_directory_on_time(world.dir, world.batch, world.now_us);
    assert_int_equal(count_sessions(&world, id), 1);
    assert_int_equal(world_cookie(&world, &used).kind, CALLER_SESSION);
    assert_int_equal(world_cookie(&world, &old).fault, CREDENTIAL_SESSION_EXPIRED);
    assert_true(account_directory_deadline_us(world.dir) > world.now_us);
    world_end(&world);
}

static void quietest_session_gives_way(void **state)
{
    (void)state;
    struct world world;
    struct account_limits limits = world_limits();
    struct session_opened sessions[4];

    limits.sessions_per_account_max = 3;
    world_begin_with(&world, &limits, NULL);
    (void)world_account(&world, "a@b.com", "buyer");
    for (int i = 0; i < 3; i++) {
        sessions[i] = world_session(&world, "a@b.com");
        world.now_us += HOURS(2);
    }
    (void)world_cookie(&world, &sessions[0]); /* so the second one is the quietest */
    sessions[3] = world_session(&world, "a@b.com");
    assert_int_equal(count_sessions(&world, id_of(&world, "a@b.com")), 3);
    world_reload(&world);
    assert_int_equal(count_sessions(&world, id_of(&world, "a@b.com")), 3);
    for (int i = 0; i < 4; i++)
        assert_int_equal(world_cookie(&world, &sessions[i]).kind,
                         i == 1 ? CALLER_ANYBODY : CALLER_SESSION);
    world_end(&world);
}

static void number_of_all_sessions_is_limited(void **state)
{
    (void)state;
    struct world world;
    struct account_limits limits = world_limits();

    limits.sessions_max = 2;
    world_begin_with(&world, &limits, NULL);
    (void)world_account(&world, "a@b.com", "buyer");
    (void)world_account(&world, "b@b.com", "buyer");
    struct session_opened a1 = world_session(&world, "a@b.com");
    world.now_us += S(1);
    struct session_opened a2 = world_session(&world, "a@b.com");
    world.now_us += S(1);
    struct session_opened b = world_session(&world, "b@b.com");

    assert_int_equal(world_cookie(&world, &a1).kind, CALLER_ANYBODY);
    assert_int_equal(world_cookie(&world, &a2).kind, CALLER_SESSION);
    assert_int_equal(world_cookie(&world, &b).kind, CALLER_SESSION);
    world_end(&world);
}

static void sign_out_ends_this_session_alone(void **state)
{
    (void)state;
    struct world world;

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "buyer");
    struct session_opened one = world_session(&world, "a@b.com");
    struct session_opened two = world_session(&world, "a@b.com");
    struct caller caller = world_cookie(&world, &one);

    account_sign_out(world.dir, &caller, world.batch);
    account_sign_out(world.dir, &caller, world.batch); /* twice: nothing happens */
    world_commit(&world);
    world_reload(&world);
    assert_int_equal(world_cookie(&world, &one).kind, CALLER_ANYBODY);
    assert_int_equal(world_cookie(&world, &two).kind, CALLER_SESSION);
    const struct caller nobody = {.kind = CALLER_ANYBODY};
    account_sign_out(world.dir, &nobody, world.batch);
    assert_int_equal(store_batch_count(world.batch), 0);
    world_end(&world);
}

static void sessions_end_by_id_and_all_at_once(void **state)
{
    (void)state;
    struct world world;
    char id[ACCOUNT_SESSION_ID_LEN + 1];

    world_begin(&world);
    const struct text anna = text_of(world_account(&world, "a@b.com", "buyer")->id);
    const struct text ben = text_of(world_account(&world, "b@b.com", "buyer")->id);
    struct session_opened one = world_session(&world, "a@b.com");
    struct session_opened two = world_session(&world, "a@b.com");
    struct session_opened his = world_session(&world, "b@b.com");

    account_session_id(account_session_at(world.dir, anna, 0), id);
    assert_int_equal(strlen(id), 32);
    assert_err(account_end_session(world.dir, ben, text_of(id), world.batch, &world.diag),
               ERR_NOT_FOUND);
    assert_ok(account_end_session(world.dir, anna, text_of(id), world.batch, &world.diag));
    assert_int_equal(world_cookie(&world, &one).kind, CALLER_ANYBODY);
    assert_int_equal(world_cookie(&world, &two).kind, CALLER_SESSION);
    assert_ok(account_end_sessions(world.dir, anna, world.batch, &world.diag));
    assert_int_equal(world_cookie(&world, &two).kind, CALLER_ANYBODY);
    assert_int_equal(world_cookie(&world, &his).kind, CALLER_SESSION);
    assert_err(account_end_sessions(world.dir, TEXT("x"), world.batch, &world.diag), ERR_NOT_FOUND);
    world_commit(&world);
    world_reload(&world);
    assert_int_equal(world_cookie(&world, &two).kind, CALLER_ANYBODY);
    assert_int_equal(world_cookie(&world, &his).kind, CALLER_SESSION);
    world_end(&world);
}

static void disabling_an_account_ends_its_sessions(void **state)
{
    (void)state;
    struct world world;
    const struct account_input disable = {.sets_disabled = true, .is_disabled = true};
    const struct account_input enable = {.sets_disabled = true};

    world_begin(&world);
    const struct text id = text_of(world_account(&world, "a@b.com", "buyer")->id);
    struct session_opened session = world_session(&world, "a@b.com");

    assert_ok(account_update(world.dir, id, &disable, world.batch, world.now_us, &world.diag));
    assert_int_equal(world_cookie(&world, &session).kind, CALLER_ANYBODY);
    assert_ok(account_update(world.dir, id, &enable, world.batch, world.now_us, &world.diag));
    assert_int_equal(world_cookie(&world, &session).kind, CALLER_ANYBODY);
    world_end(&world);
}

static void session_that_was_not_stored_is_taken_back(void **state)
{
    (void)state;
    struct world world;
    struct session_opened session;

    world_begin(&world);
    const char *id = world_account(&world, "a@b.com", "buyer")->id;
    assert_ok(world_sign_in(&world, "a@b.com", "password of a@b.com", &session));
    assert_int_equal(world_cookie(&world, &session).kind, CALLER_SESSION);
    world_fail(&world);
    assert_int_equal(world_cookie(&world, &session).kind, CALLER_ANYBODY);
    assert_int_equal(count_sessions(&world, id), 0);
    world_end(&world);
}

static void another_server_opens_uses_and_ends_sessions(void **state)
{
    (void)state;
    struct world world;
    char hex[2 * CRYPTO_SHA256_LEN + 1];

    world_begin(&world);
    const char *id = world_account(&world, "a@b.com", "buyer")->id;
    struct session_opened session = world_session(&world, "a@b.com");
    struct session_row row = *account_session_at(world.dir, text_of(id), 0);

    for (size_t i = 0; i < CRYPTO_SHA256_LEN; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", row.token_hash[i]);
    account_directory_set_session_row(world.dir, text_of(hex), NULL);
    assert_int_equal(world_cookie(&world, &session).kind, CALLER_ANYBODY);
    account_directory_set_session_row(world.dir, text_of(hex), &row);
    assert_int_equal(world_cookie(&world, &session).kind, CALLER_SESSION);

    world.now_us += DAYS(13);
    row.last_used_at_us = WALL_OFFSET_US + world.now_us; /* there, not here */
    account_directory_set_session_row(world.dir, text_of(hex), &row);
    world.now_us += DAYS(13);
    assert_int_equal(world_cookie(&world, &session).kind, CALLER_SESSION);
    /* An older word does not take back a later use. */
    account_directory_set_session_row(world.dir, text_of(hex), &row);
    assert_int_equal(account_session_at(world.dir, text_of(id), 0)->last_used_at_us,
                     WALL_OFFSET_US + world.now_us);
    assert_int_equal(count_sessions(&world, id), 1);

    account_directory_set_session_row(world.dir, TEXT("nonsense"), NULL);
    (void)snprintf(row.account_id, sizeof(row.account_id), "nobody");
    account_directory_set_session_row(world.dir, text_of(hex), &row);
    assert_int_equal(count_sessions(&world, id), 0);
    world_end(&world);
}

static void cookie_is_for_this_site_and_no_script(void **state)
{
    (void)state;
    char text[ACCOUNT_SET_COOKIE_LEN_MAX + 1];
    struct session_opened session = {.token = "0123456789012345678901234567890123456789012",
                                     .max_age_s = 7776000};

    account_set_cookie(&session, true, text);
    assert_string_equal(text, "stoa_session=0123456789012345678901234567890123456789012; Path=/; "
                              "HttpOnly; SameSite=Lax; Max-Age=7776000; Secure");
    account_set_cookie(&session, false, text);
    assert_null(strstr(text, "Secure"));
    account_set_cookie(NULL, false, text);
    assert_string_equal(text, "stoa_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(session_is_known_by_its_cookie),
        TEST_CASE(mutation_needs_the_csrf_token_of_this_session),
        TEST_CASE(idle_session_ends_after_fourteen_days),
        TEST_CASE(no_session_lives_beyond_ninety_days),
        TEST_CASE(use_is_written_once_an_hour),
        TEST_CASE(expired_sessions_are_forgotten_in_time),
        TEST_CASE(quietest_session_gives_way),
        TEST_CASE(number_of_all_sessions_is_limited),
        TEST_CASE(sign_out_ends_this_session_alone),
        TEST_CASE(sessions_end_by_id_and_all_at_once),
        TEST_CASE(disabling_an_account_ends_its_sessions),
        TEST_CASE(session_that_was_not_stored_is_taken_back),
        TEST_CASE(another_server_opens_uses_and_ends_sessions),
        TEST_CASE(cookie_is_for_this_site_and_no_script),
    };
    return RUN_TESTS("account_session", tests);
}
