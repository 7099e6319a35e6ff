/* API keys: what they may, how they end, and the admin key of the first start. */
#include "account_world.h"

#include <stdio.h>

static enum err create(struct world *world, const char *account_id, uint32_t scopes,
                       int64_t expires_at_us, char key[ACCOUNT_KEY_LEN + 1],
                       const struct api_key_row **ret_row)
{
    const struct api_key_input input = {
        .account_id = text_of(account_id),
        .name = TEXT("for the shop"),
        .scopes = scopes,
        .expires_at_us = expires_at_us,
    };

    return account_key_create(world->dir, &input, world->batch, world->now_us, key, ret_row,
                              &world->diag);
}

static void key_is_shown_once_and_kept_as_hash(void **state)
{
    (void)state;
    struct world world;
    char key[ACCOUNT_KEY_LEN + 1];
    const struct api_key_row *row;
    uint8_t hash[CRYPTO_SHA256_LEN];

    world_begin(&world);
    const char *id = world_account(&world, "a@b.com", "seller")->id;
    assert_ok(create(&world, id, SCOPE_READ | SCOPE_PUBLISH, 0, key, &row));
    crypto_sha256(key, strlen(key), hash);
    assert_memory_equal(row->key_hash, hash, sizeof(hash));
    assert_true(text_starts_with(text_of(key), text_of(row->prefix)));
    assert_string_equal(row->scopes, "read publish");
    world_commit(&world);
    world_reload(&world);

    row = account_key_at(world.dir, text_of(account_find_by_email(world.dir, TEXT("a@b.com"))->id),
                         0);
    assert_string_equal(row->name, "for the shop");
    struct caller caller = world_bearer(&world, key);
    assert_int_equal(caller.kind, CALLER_API_KEY);
    assert_string_equal(caller.credential_id, row->id);
    assert_string_equal(caller.account_id, row->account_id);
    assert_int_equal(caller.scopes, SCOPE_READ | SCOPE_PUBLISH);
    assert_true(text_starts_with(text_of(caller.name), TEXT("key sk_")));
    assert_null(strstr(caller.name, key));
    world_end(&world);
}

static void wrong_input_is_refused(void **state)
{
    (void)state;
    struct world world;
    char key[ACCOUNT_KEY_LEN + 1], account_id[ROW_UUID_LEN + 1];
    const struct api_key_row *row;

    world_begin(&world);
    memcpy(account_id, world_account(&world, "a@b.com", "seller")->id, sizeof(account_id));
    assert_err(create(&world, "nobody", SCOPE_READ, 0, key, &row), ERR_NOT_FOUND);
    assert_err(create(&world, account_id, 0, 0, key, &row), ERR_INVALID);
    assert_err(create(&world, account_id, 64, 0, key, &row), ERR_INVALID);
    assert_err(create(&world, account_id, SCOPE_READ | SCOPE_ACCOUNTS, 0, key, &row), ERR_INVALID);
    assert_non_null(strstr(world.diag.message, "\"accounts\""));
    assert_err(create(&world, account_id, SCOPE_READ, WALL_OFFSET_US + world.now_us, key, &row),
               ERR_INVALID);
    assert_non_null(strstr(world.diag.message, "expiresAt"));
    const struct api_key_input nameless = {.account_id = text_of(account_id), .scopes = SCOPE_READ};
    assert_err(
        account_key_create(world.dir, &nameless, world.batch, world.now_us, key, &row, &world.diag),
        ERR_INVALID);
    const struct account_input disable = {.sets_disabled = true, .is_disabled = true};
    assert_ok(account_update(world.dir, text_of(account_id), &disable, world.batch, world.now_us,
                             &world.diag));
    assert_err(create(&world, account_id, SCOPE_READ, 0, key, &row), ERR_CONFLICT);
    assert_null(account_key_at(world.dir, text_of(account_id), 0));
    world_end(&world);
}

static void key_ends_by_time_and_by_hand(void **state)
{
    (void)state;
    struct world world;
    char key[ACCOUNT_KEY_LEN + 1], other[ACCOUNT_KEY_LEN + 1], id[ROW_UUID_LEN + 1];
    const struct api_key_row *row;

    world_begin(&world);
    const char *account_id = world_account(&world, "a@b.com", "seller")->id;
    assert_ok(
        create(&world, account_id, SCOPE_READ, WALL_OFFSET_US + world.now_us + S(60), key, &row));
    assert_ok(create(&world, account_id, SCOPE_READ, 0, other, &row));
    memcpy(id, row->id, sizeof(id));
    world.now_us += S(60) - 1;
    assert_int_equal(world_bearer(&world, key).kind, CALLER_API_KEY);
    world.now_us += 1;
    struct caller caller = world_bearer(&world, key);
    assert_int_equal(caller.fault, CREDENTIAL_EXPIRED);
    assert_int_equal(caller.kind, CALLER_ANYBODY);
    assert_true(caller.is_refused);

    assert_ok(account_key_revoke(world.dir, text_of(id), world.batch, world.now_us, &world.diag));
    assert_int_equal(world_bearer(&world, other).fault, CREDENTIAL_REVOKED);
    world_commit(&world);
    assert_ok(account_key_revoke(world.dir, text_of(id), world.batch, world.now_us, &world.diag));
    assert_int_equal(store_batch_count(world.batch), 0);
    assert_err(account_key_revoke(world.dir, TEXT("x"), world.batch, 0, &world.diag),
               ERR_NOT_FOUND);
    world_reload(&world);
    assert_int_equal(world_bearer(&world, other).fault, CREDENTIAL_REVOKED);
    assert_true(account_key_find(world.dir, text_of(id))->revoked_at_us != 0);
    world_end(&world);
}

static void failed_revocation_stays_revoked(void **state)
{
    (void)state;
    struct world world;
    char key[ACCOUNT_KEY_LEN + 1], lost[ACCOUNT_KEY_LEN + 1];
    const struct api_key_row *row;

    world_begin(&world);
    const char *account_id = world_account(&world, "a@b.com", "seller")->id;
    assert_ok(create(&world, account_id, SCOPE_READ, 0, key, &row));
    world_commit(&world);
    assert_ok(
        account_key_revoke(world.dir, text_of(row->id), world.batch, world.now_us, &world.diag));
    world_fail(&world);
    assert_int_equal(world_bearer(&world, key).fault, CREDENTIAL_REVOKED);
    assert_ok(create(&world, account_id, SCOPE_READ, 0, lost, &row));
    world_fail(&world);
    assert_int_equal(world_bearer(&world, lost).fault, CREDENTIAL_UNKNOWN);
    world_end(&world);
}

static void number_of_good_keys_is_limited(void **state)
{
    (void)state;
    struct world world;
    struct account_limits limits = world_limits();
    char key[ACCOUNT_KEY_LEN + 1];
    const struct api_key_row *row;
    size_t count = 0;

    limits.keys_per_account_max = 3;
    world_begin_with(&world, &limits, NULL);
    const char *id = world_account(&world, "a@b.com", "seller")->id;
    for (int i = 0; i < 50; i++) { /* keys that are revoked do not count, and do not pile up */
        assert_ok(create(&world, id, SCOPE_READ, 0, key, &row));
        assert_ok(account_key_revoke(world.dir, text_of(row->id), world.batch, world.now_us,
                                     &world.diag));
        world_commit(&world);
    }
    while (account_key_at(world.dir, text_of(id), count))
        count++;
    assert_int_equal(count, 12);
    for (int i = 0; i < 3; i++)
        assert_ok(create(&world, id, SCOPE_READ, 0, key, &row));
    assert_err(create(&world, id, SCOPE_READ, 0, key, &row), ERR_LIMIT);
    world_commit(&world);
    char account_id[ROW_UUID_LEN + 1];
    memcpy(account_id, id, sizeof(account_id));
    world_reload(&world);
    for (count = 0; account_key_at(world.dir, text_of(account_id), count);)
        count++;
    assert_int_equal(count, 12);
    world_end(&world);
}

static void use_is_written_once_a_minute(void **state)
{
    (void)state;
    struct world world;
    char key[ACCOUNT_KEY_LEN + 1], id[ROW_UUID_LEN + 1];
    const struct api_key_row *row;

    world_begin(&world);
    assert_ok(
        create(&world, world_account(&world, "a@b.com", "seller")->id, SCOPE_READ, 0, key, &row));
    memcpy(id, row->id, sizeof(id));
    world_commit(&world);
    for (int i = 0; i < 59; i++) {
        (void)world_bearer(&world, key);
        account_directory_on_time(world.dir, world.batch, world.now_us + S(10));
        world.now_us += S(1);
    }
    assert_int_equal(store_batch_count(world.batch), 1); /* the first use */
    world.now_us += S(1);
    (void)world_bearer(&world, key);
    account_directory_on_time(world.dir, world.batch, world.now_us + S(10));
    assert_int_equal(store_batch_count(world.batch), 2);
    world_commit(&world);
    world_reload(&world);
    assert_int_equal(account_key_find(world.dir, text_of(id))->last_used_at_us,
                     WALL_OFFSET_US + world.now_us);
    world_end(&world);
}

/* Each role with each set of scopes: a key is created when the role has all of them, and what it
 * may is what both have, also when the role is changed afterwards. */
static void key_never_may_more_than_its_account(void **state)
{
    (void)state;
    struct world world;
    struct account_limits limits = world_limits();
    char keys[SCOPE_ALL + 1][ACCOUNT_KEY_LEN + 1];
    const struct api_key_row *row;

    limits.keys_per_account_max = 1000;
    world_begin_with(&world, &limits, NULL);
    (void)world_account(&world, "boss@b.com", "admin");
    const char *id = world_account(&world, "a@b.com", "admin")->id;
    for (enum account_role role = ROLE_BUYER; role < ROLE_END; role++) {
        const struct account_input change = {.role = text_of(account_role_name(role))};

        assert_ok(account_update(world.dir, text_of(id), &change, world.batch, 0, &world.diag));
        for (uint32_t scopes = 1; scopes <= SCOPE_ALL; scopes++)
            assert_int_equal(create(&world, id, scopes, 0, keys[scopes], &row) == OK,
                             (scopes & ~account_role_scopes(role)) == 0);
    }
    for (enum account_role role = ROLE_BUYER; role < ROLE_END; role++) {
        const struct account_input change = {.role = text_of(account_role_name(role))};

        assert_ok(account_update(world.dir, text_of(id), &change, world.batch, 0, &world.diag));
        for (uint32_t scopes = 1; scopes <= SCOPE_ALL; scopes++) {
            struct caller caller = world_bearer(&world, keys[scopes]);

            assert_int_equal(caller.kind, CALLER_API_KEY);
            assert_int_equal(caller.role, role);
            assert_int_equal(caller.scopes, scopes & account_role_scopes(role));
            assert_int_equal(caller_is_admin(&caller),
                             role == ROLE_ADMIN && (scopes & SCOPE_ADMIN) != 0);
        }
    }
    world_end(&world);
}

static void keys_of_a_disabled_account_say_so(void **state)
{
    (void)state;
    struct world world;
    char key[ACCOUNT_KEY_LEN + 1];
    const struct api_key_row *row;
    const struct account_input disable = {.sets_disabled = true, .is_disabled = true};
    const struct account_input enable = {.sets_disabled = true};

    world_begin(&world);
    const char *id = world_account(&world, "a@b.com", "seller")->id;
    assert_ok(create(&world, id, SCOPE_READ, 0, key, &row));
    assert_ok(account_update(world.dir, text_of(id), &disable, world.batch, 0, &world.diag));
    assert_ok(account_update(world.dir, text_of(id), &disable, world.batch, S(1), &world.diag));
    assert_int_equal(world_bearer(&world, key).fault, CREDENTIAL_DISABLED);
    assert_ok(account_update(world.dir, text_of(id), &enable, world.batch, 0, &world.diag));
    assert_int_equal(world_bearer(&world, key).kind, CALLER_API_KEY);
    world_end(&world);
}

static void admin_key_is_an_admin_without_account(void **state)
{
    (void)state;
    struct world world;
    char key[ACCOUNT_KEY_LEN + 1];

    world_begin(&world);
    assert_false(account_has_admin_key(world.dir));
    account_draw_key(key);
    account_set_admin_key(world.dir, text_of(key), world.batch, world.now_us);
    world_commit(&world);
    account_set_admin_key(world.dir, text_of(key), world.batch, world.now_us); /* the same */
    assert_int_equal(store_batch_count(world.batch), 0);
    world_reload(&world);
    assert_true(account_has_admin_key(world.dir));

    struct caller caller = world_bearer(&world, key);
    assert_int_equal(caller.kind, CALLER_ADMIN_KEY);
    assert_int_equal(caller.role, ROLE_ADMIN);
    assert_int_equal(caller.scopes, SCOPE_ALL);
    assert_true(caller_is_admin(&caller));
    assert_string_equal(caller.account_id, "");
    assert_string_equal(caller.name, "admin key");

    /* Another one in the configuration replaces it; its text is any. */
    account_set_admin_key(world.dir, TEXT("my own key"), world.batch, world.now_us);
    assert_int_equal(store_batch_count(world.batch), 1);
    world_commit(&world);
    world_reload(&world);
    assert_int_equal(world_bearer(&world, key).fault, CREDENTIAL_UNKNOWN);
    /* It has spaces, which no header can carry as a token. */
    assert_int_equal(world_bearer(&world, "my own key").fault, CREDENTIAL_MALFORMED);
    account_set_admin_key(world.dir, TEXT("my-own-key"), world.batch, world.now_us);
    world_commit(&world);
    assert_int_equal(world_bearer(&world, "my-own-key").kind, CALLER_ADMIN_KEY);
    /* It is no key of the list. */
    assert_null(account_key_find(world.dir, TEXT(STORE_ADMIN_KEY_ID)));
    assert_err(account_key_revoke(world.dir, TEXT(STORE_ADMIN_KEY_ID), world.batch, 0, &world.diag),
               ERR_NOT_FOUND);
    world_end(&world);
}

static void another_server_changes_keys(void **state)
{
    (void)state;
    struct world world;
    char key[ACCOUNT_KEY_LEN + 1], other[ACCOUNT_KEY_LEN + 1];
    const struct api_key_row *row;

    world_begin(&world);
    const char *account_id = world_account(&world, "a@b.com", "seller")->id;
    assert_ok(create(&world, account_id, SCOPE_READ, 0, key, &row));
    world_commit(&world);
    struct api_key_row theirs = *row;
    theirs.revoked_at_us = 7;
    account_directory_set_api_key_row(world.dir, text_of(theirs.id), &theirs);
    assert_int_equal(world_bearer(&world, key).fault, CREDENTIAL_REVOKED);
    theirs.revoked_at_us = 0; /* an older word: it stays revoked */
    account_directory_set_api_key_row(world.dir, text_of(theirs.id), &theirs);
    assert_int_equal(world_bearer(&world, key).fault, CREDENTIAL_REVOKED);
    account_directory_set_api_key_row(world.dir, text_of(theirs.id), NULL);
    assert_int_equal(world_bearer(&world, key).fault, CREDENTIAL_UNKNOWN);
    assert_null(account_key_at(world.dir, text_of(account_id), 0));
    account_directory_set_api_key_row(world.dir, text_of(theirs.id), &theirs);
    assert_int_equal(world_bearer(&world, key).kind, CALLER_API_KEY);

    /* The admin key keeps its id and gets another text. */
    account_set_admin_key(world.dir, TEXT("first"), world.batch, world.now_us);
    struct api_key_row admin = {.id = STORE_ADMIN_KEY_ID, .scopes = "admin"};
    account_draw_key(other);
    crypto_sha256(other, strlen(other), admin.key_hash);
    account_directory_set_api_key_row(world.dir, text_of(admin.id), &admin);
    assert_int_equal(world_bearer(&world, "first").fault, CREDENTIAL_UNKNOWN);
    assert_int_equal(world_bearer(&world, other).kind, CALLER_ADMIN_KEY);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(key_is_shown_once_and_kept_as_hash),
        TEST_CASE(wrong_input_is_refused),
        TEST_CASE(key_ends_by_time_and_by_hand),
        TEST_CASE(failed_revocation_stays_revoked),
        TEST_CASE(number_of_good_keys_is_limited),
        TEST_CASE(use_is_written_once_a_minute),
        TEST_CASE(key_never_may_more_than_its_account),
        TEST_CASE(keys_of_a_disabled_account_say_so),
        TEST_CASE(admin_key_is_an_admin_without_account),
        TEST_CASE(another_server_changes_keys),
    };
    return RUN_TESTS("account_key", tests);
}
