/* Publish tokens: for one broadcast of one channel, and over with it. */
#include "account_world.h"

/* The rows belong to channels, which the store wants to know. */
static void add_channels(struct world *world)
{
    for (uint64_t id = 1; id <= 2; id++) {
        struct store_change change = {
            .channel_op = STORE_CHANNEL_CREATE,
            .channel = {.id = id,
                        .title = "c",
                        .stream_mode = "hybrid",
                        .streaming_platform = "local",
                        .created_at_us = 1,
                        .updated_at_us = 1},
            .broadcast_op = STORE_BROADCAST_NONE,
        };
        assert_true(secret_set(&change.channel.stream_key, id == 1 ? TEXT("k1") : TEXT("k2")));
        store_batch_change(world->batch, &change);
    }
    world_commit(world);
}

static void begin(struct world *world)
{
    world_begin(world);
    add_channels(world);
}

static const struct publish_token_row *create(struct world *world, uint64_t channel_id,
                                              uint64_t broadcast_id,
                                              char token[ACCOUNT_KEY_LEN + 1])
{
    const struct publish_token_input input = {.channel_id = channel_id,
                                              .broadcast_id = broadcast_id};
    const struct publish_token_row *row;

    assert_ok(account_token_create(world->dir, &input, world->batch, world->now_us, token, &row,
                                   &world->diag));
    return row;
}

static enum err check(struct world *world, const char *token, struct publish_permit *ret_permit)
{
    return account_token_check(world->dir, text_of(token), world->now_us, ret_permit, &world->diag);
}

static void token_lets_publish_on_its_channel(void **state)
{
    (void)state;
    struct world world;
    char token[ACCOUNT_KEY_LEN + 1];
    struct publish_permit permit;

    begin(&world);
    const struct publish_token_row *row = create(&world, 1, 0, token);
    assert_true(text_starts_with(text_of(token), TEXT("pt_")));
    assert_int_equal(row->expires_at_us, WALL_OFFSET_US + world.now_us + HOURS(12));
    world_commit(&world);
    world_reload(&world);
    assert_ok(check(&world, token, &permit));
    assert_int_equal(permit.channel_id, 1);
    assert_int_equal(permit.broadcast_id, 0);
    assert_string_equal(permit.token_id, account_token_at(world.dir, 1, 0, world.now_us)->id);

    struct caller caller = world_bearer(&world, token);
    assert_int_equal(caller.kind, CALLER_PUBLISH_TOKEN);
    assert_int_equal(caller.channel_id, 1);
    assert_int_equal(caller.scopes, SCOPE_READ);
    assert_int_equal(caller.role, ROLE_NONE);
    world_end(&world);
}

static void other_texts_are_no_tokens(void **state)
{
    (void)state;
    struct world world;
    char token[ACCOUNT_KEY_LEN + 1];
    struct publish_permit permit = {.channel_id = 77};

    begin(&world);
    (void)create(&world, 1, 0, token);
    token[20] = token[20] == 'a' ? 'b' : 'a';
    assert_err(check(&world, token, &permit), ERR_NOT_FOUND);
    assert_err(check(&world, "", &permit), ERR_NOT_FOUND);
    assert_err(check(&world, "pt_", &permit), ERR_NOT_FOUND);
    assert_err(check(&world, "a-stream-key", &permit), ERR_NOT_FOUND);
    assert_int_equal(permit.channel_id, 77);
    world_end(&world);
}

static void token_is_bound_to_the_first_broadcast_and_ends_with_it(void **state)
{
    (void)state;
    struct world world;
    char token[ACCOUNT_KEY_LEN + 1], unbound[ACCOUNT_KEY_LEN + 1], other[ACCOUNT_KEY_LEN + 1];
    struct publish_permit permit;

    begin(&world);
    (void)create(&world, 1, 0, token);
    (void)create(&world, 1, 0, unbound);
    (void)create(&world, 2, 0, other);
    world_commit(&world);
    assert_ok(check(&world, token, &permit));
    const struct text id = text_of(permit.token_id);
    assert_ok(account_token_bind(world.dir, id, 5, world.batch, &world.diag));
    assert_int_equal(store_batch_count(world.batch), 1);
    assert_ok(account_token_bind(world.dir, id, 5, world.batch, &world.diag)); /* comes back */
    assert_int_equal(store_batch_count(world.batch), 1);
    assert_err(account_token_bind(world.dir, id, 6, world.batch, &world.diag), ERR_DENIED);
    assert_err(account_token_bind(world.dir, TEXT("x"), 6, world.batch, &world.diag),
               ERR_NOT_FOUND);
    world_commit(&world);
    world_reload(&world);
    assert_ok(check(&world, token, &permit));
    assert_int_equal(permit.broadcast_id, 5);
    assert_int_equal(world_bearer(&world, token).broadcast_id, 5);

    account_on_broadcast_ended(world.dir, 1, 4, world.batch, world.now_us);
    account_on_broadcast_ended(world.dir, 9, 5, world.batch, world.now_us);
    account_on_broadcast_ended(world.dir, 1, 0, world.batch, world.now_us);
    assert_int_equal(store_batch_count(world.batch), 0);
    account_on_broadcast_ended(world.dir, 1, 5, world.batch, world.now_us);
    assert_int_equal(store_batch_count(world.batch), 1);
    assert_err(check(&world, token, &permit), ERR_DENIED);
    assert_non_null(strstr(world.diag.message, "over"));
    assert_int_equal(world_bearer(&world, token).fault, CREDENTIAL_REVOKED);
    assert_ok(check(&world, unbound, &permit));
    assert_ok(check(&world, other, &permit));
    world_commit(&world);
    world_reload(&world);
    assert_err(check(&world, token, &permit), ERR_NOT_FOUND); /* such rows are not loaded */
    world_end(&world);
}

static void token_ends_by_time_and_by_hand(void **state)
{
    (void)state;
    struct world world;
    char token[ACCOUNT_KEY_LEN + 1], revoked[ACCOUNT_KEY_LEN + 1];
    struct publish_permit permit;

    begin(&world);
    (void)create(&world, 1, 0, token);
    const struct text id = text_of(create(&world, 1, 0, revoked)->id);
    assert_err(account_token_revoke(world.dir, 2, id, world.batch, world.now_us, &world.diag),
               ERR_NOT_FOUND); /* of another channel */
    assert_ok(account_token_revoke(world.dir, 1, id, world.batch, world.now_us, &world.diag));
    assert_ok(account_token_revoke(world.dir, 1, id, world.batch, world.now_us, &world.diag));
    assert_int_equal(store_batch_count(world.batch), 3);
    assert_err(check(&world, revoked, &permit), ERR_DENIED);
    world.now_us += HOURS(12) - 1;
    assert_ok(check(&world, token, &permit));
    world.now_us += 1;
    assert_err(check(&world, token, &permit), ERR_DENIED);
    assert_non_null(strstr(world.diag.message, "expired"));
    assert_int_equal(world_bearer(&world, token).fault, CREDENTIAL_EXPIRED);
    account_directory_on_time(world.dir, world.batch, world.now_us);
    assert_err(check(&world, token, &permit), ERR_NOT_FOUND); /* forgotten */
    assert_null(account_token_at(world.dir, 1, 0, world.now_us));
    world_end(&world);
}

static void life_and_number_are_limited(void **state)
{
    (void)state;
    struct world world;
    struct account_limits limits = world_limits();
    char token[ACCOUNT_KEY_LEN + 1];
    const struct publish_token_row *row;
    struct publish_token_input input = {.channel_id = 1};

    limits.tokens_per_channel_max = 3;
    world_begin_with(&world, &limits, NULL);
    for (int i = 0; i < 50; i++) { /* those that are over do not count, and do not pile up */
        row = create(&world, 1, 0, token);
        assert_ok(account_token_revoke(world.dir, 1, text_of(row->id), world.batch, world.now_us,
                                       &world.diag));
    }
    for (int i = 0; i < 3; i++)
        (void)create(&world, 1, 0, token);
    assert_err(account_token_create(world.dir, &input, world.batch, world.now_us, token, &row,
                                    &world.diag),
               ERR_LIMIT);
    (void)create(&world, 2, 0, token);
    input.channel_id = 2;
    for (int sign = -1; sign <= 1; sign += 2) {
        input.life_us = sign < 0 ? -1 : DAYS(7) + 1;
        assert_err(account_token_create(world.dir, &input, world.batch, world.now_us, token, &row,
                                        &world.diag),
                   ERR_INVALID);
        assert_non_null(strstr(world.diag.message, "expiresInSeconds"));
    }
    input.life_us = DAYS(7);
    assert_ok(account_token_create(world.dir, &input, world.batch, world.now_us, token, &row,
                                   &world.diag));
    size_t count = 0;
    while (account_token_at(world.dir, 1, count, world.now_us))
        count++;
    assert_int_equal(count, 3);
    world_end(&world);
}

static void tokens_go_with_their_channel(void **state)
{
    (void)state;
    struct world world;
    char tokens[3][ACCOUNT_KEY_LEN + 1];
    struct publish_permit permit;

    begin(&world);
    (void)create(&world, 1, 0, tokens[0]);
    (void)create(&world, 1, 0, tokens[1]);
    (void)create(&world, 2, 0, tokens[2]);
    account_on_channel_deleted(world.dir, 1);
    account_on_channel_deleted(world.dir, 1);
    assert_err(check(&world, tokens[0], &permit), ERR_NOT_FOUND);
    assert_err(check(&world, tokens[1], &permit), ERR_NOT_FOUND);
    assert_ok(check(&world, tokens[2], &permit));
    world_end(&world);
}

static void owner_that_is_disabled_may_not_publish(void **state)
{
    (void)state;
    struct world world;
    const struct account_input change = {.sets_disabled = true, .is_disabled = true};

    begin(&world);
    const struct account_row *owner = world_account(&world, "owner@example.com", "seller");
    assert_ok(account_check_publisher(world.dir, text_of(owner->id), &world.diag));
    assert_ok(account_check_publisher(world.dir, TEXT(""), &world.diag));
    assert_ok(account_check_publisher(world.dir, TEXT("nobody"), &world.diag));
    assert_ok(account_update(world.dir, text_of(owner->id), &change, world.batch, world.now_us,
                             &world.diag));
    assert_err(account_check_publisher(world.dir, text_of(owner->id), &world.diag), ERR_DENIED);
    assert_non_null(strstr(world.diag.message, "is disabled"));
    world_end(&world);
}

static void token_that_was_not_stored_is_taken_back(void **state)
{
    (void)state;
    struct world world;
    char token[ACCOUNT_KEY_LEN + 1];
    struct publish_permit permit;

    begin(&world);
    (void)create(&world, 1, 0, token);
    assert_ok(check(&world, token, &permit));
    world_fail(&world);
    assert_err(check(&world, token, &permit), ERR_NOT_FOUND);
    world_end(&world);
}

static void another_server_changes_tokens(void **state)
{
    (void)state;
    struct world world;
    char token[ACCOUNT_KEY_LEN + 1];
    struct publish_permit permit;

    begin(&world);
    struct publish_token_row row = *create(&world, 1, 0, token);
    row.broadcast_id = 9;
    account_directory_set_publish_token_row(world.dir, text_of(row.id), &row);
    assert_ok(check(&world, token, &permit));
    assert_int_equal(permit.broadcast_id, 9);
    row.revoked_at_us = 3;
    account_directory_set_publish_token_row(world.dir, text_of(row.id), &row);
    assert_err(check(&world, token, &permit), ERR_DENIED);
    row.revoked_at_us = 0; /* an older word */
    account_directory_set_publish_token_row(world.dir, text_of(row.id), &row);
    assert_err(check(&world, token, &permit), ERR_DENIED);
    account_directory_set_publish_token_row(world.dir, text_of(row.id), NULL);
    assert_err(check(&world, token, &permit), ERR_NOT_FOUND);
    account_directory_set_publish_token_row(world.dir, text_of(row.id), &row);
    assert_ok(check(&world, token, &permit));
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(token_lets_publish_on_its_channel),
        TEST_CASE(other_texts_are_no_tokens),
        TEST_CASE(token_is_bound_to_the_first_broadcast_and_ends_with_it),
        TEST_CASE(token_ends_by_time_and_by_hand),
        TEST_CASE(life_and_number_are_limited),
        TEST_CASE(tokens_go_with_their_channel),
        TEST_CASE(owner_that_is_disabled_may_not_publish),
        TEST_CASE(token_that_was_not_stored_is_taken_back),
        TEST_CASE(another_server_changes_tokens),
    };
    return RUN_TESTS("account_publish_token", tests);
}
