/*
 * Idempotency-Key: a creation that is asked for twice happens once.
 */
#include <stdio.h>

#include "api/idempotency.h"
#include "api/operation.h"
#include "api_world.h"

#define KEY       "6f1c0d5e-0000-4000-8000-000000000001"
#define OTHER_KEY "6f1c0d5e-0000-4000-8000-000000000002"
#define DAY_US    (INT64_C(86400) * US_PER_S)

/* The operations that make something, and something to make. */
static const struct {
    const char *name;
    const char *line;
    const char *body;
    const char *other_body;
    const char *trpc_body; /* another order, the same input */
} creations[] = {
    {"account.create", "POST /api/v1/accounts",
     "{\"email\":\"new@shop.example\",\"displayName\":\"New\",\"role\":\"buyer\"}",
     "{\"email\":\"new@shop.example\",\"displayName\":\"New\",\"role\":\"seller\"}",
     "{\"role\":\"buyer\",\"displayName\":\"New\",\"email\":\"new@shop.example\"}"},
    {"apiKey.create", "POST /api/v1/api-keys", "{\"name\":\"k\",\"scopes\":[\"read\"]}",
     "{\"name\":\"k\",\"scopes\":[\"read\",\"publish\"]}",
     "{\"scopes\":[\"read\"],\"name\":\"k\"}"},
    {"channel.create", "POST /api/v1/channels", "{\"title\":\"Hats\",\"streamMode\":\"hybrid\"}",
     "{\"title\":\"Hats\"}", "{\"streamMode\":\"hybrid\",\"title\":\"Hats\"}"},
    {"publishToken.create", "POST /api/v1/channels/1/publish-tokens", "{\"expiresInSeconds\":3600}",
     "{\"expiresInSeconds\":60}", "{\"expiresInSeconds\":3600,\"channelId\":1}"},
    {"webhook.create", "POST /api/v1/webhooks",
     "{\"url\":\"https://shop.example/\",\"events\":[\"*\"]}",
     "{\"url\":\"https://shop.example/\",\"events\":[\"*\"],\"isActive\":false}",
     "{\"events\":[\"*\"],\"url\":\"https://shop.example/\"}"},
};

enum { CREATIONS = sizeof(creations) / sizeof(creations[0]) };

struct stage {
    struct api_world world;
    struct world_session session; /* an admin's */
};

static void stage_init(struct stage *stage)
{
    const char *id;

    api_world_init(&stage->world);
    id = api_world_account(&stage->world, "admin@shop.example", "admin")->id;
    (void)api_world_channel_of(&stage->world, "Shoes", id);
    stage->session = api_world_session(&stage->world, "admin@shop.example");
}

static void ask(struct stage *stage, const char *line, const char *key, const char *body)
{
    const struct world_who who = {
        .cookie = stage->session.cookie, .csrf = stage->session.csrf, .idempotency_key = key};

    api_world_call_as(&stage->world, line, &who, body);
}

static size_t count_things(const struct api_world *world)
{
    const struct account_row *admin =
        account_find_by_email(world->accounts, TEXT("admin@shop.example"));
    size_t count = account_directory_count(world->accounts) + webhook_count(world->hub) +
                   channel_directory_count(world->dir);

    for (size_t i = 0; account_key_at(world->accounts, text_of(admin->id), i); i++)
        count++;
    for (size_t i = 0; account_token_at(world->accounts, 1, i, world->now_us); i++)
        count++;
    return count;
}

static bool is_replayed(const struct api_world *world)
{
    return text_equal(api_world_header(world, "idempotency-replayed"), TEXT("true"));
}

static struct buf *keep_body(const struct api_world *world)
{
    return buf_ref(world->answer.body);
}

static void list_here_is_that_of_the_table(void **state)
{
    (void)state;
    size_t count = 0;

    for (size_t i = 0; i < operation_count(); i++)
        count += (operation_at(i)->flags & OPERATION_CREATES) != 0;
    assert_int_equal(count, CREATIONS);
    for (size_t i = 0; i < CREATIONS; i++)
        assert_true(operation_find(text_of(creations[i].name))->flags & OPERATION_CREATES);
}

static void same_key_and_request_give_the_same_answer_also_after_a_restart(void **state)
{
    (void)state;
    const struct api_config config = {.rtmp_port = 1935};

    for (size_t i = 0; i < CREATIONS; i++) {
        struct stage stage;

        stage_init(&stage);
        size_t before = count_things(&stage.world);
        ask(&stage, creations[i].line, KEY, creations[i].body);
        api_world_expect(&stage.world, 201, NULL);
        assert_false(is_replayed(&stage.world));
        assert_int_equal(count_things(&stage.world), before + 1);
        struct buf *first = keep_body(&stage.world);
        for (int round = 0; round < 2; round++) {
            ask(&stage, creations[i].line, KEY, creations[i].body);
            api_world_expect(&stage.world, 201, NULL);
            assert_true(is_replayed(&stage.world));
            assert_true(text_equal(buf_text(stage.world.answer.body), buf_text(first)));
            assert_int_equal(count_things(&stage.world), before + 1);
            assert_int_equal(stage.world.answer.last_ticket, 0); /* nothing is to be stored */
            api_world_restart(&stage.world, &config);
        }
        ask(&stage, creations[i].line, OTHER_KEY, creations[i].other_body);
        assert_false(is_replayed(&stage.world));
        buf_unref(first);
        api_world_deinit(&stage.world);
    }
}

static void rest_and_trpc_with_any_order_of_members_are_the_same_request(void **state)
{
    (void)state;

    for (size_t i = 0; i < CREATIONS; i++) {
        struct stage stage;
        char line[100], envelope[3000];

        stage_init(&stage);
        ask(&stage, creations[i].line, KEY, creations[i].body);
        api_world_expect(&stage.world, 201, NULL);
        (void)snprintf(envelope, sizeof(envelope), "{\"result\":{\"data\":%.*s}}",
                       TEXT_ARG(buf_text(stage.world.answer.body)));
        (void)snprintf(line, sizeof(line), "POST /trpc/%s", creations[i].name);
        ask(&stage, line, KEY, creations[i].trpc_body);
        api_world_expect(&stage.world, 200, envelope);
        assert_true(is_replayed(&stage.world));
        api_world_deinit(&stage.world);
    }
}

static void other_request_with_the_key_is_a_conflict(void **state)
{
    (void)state;

    for (size_t i = 0; i < CREATIONS; i++) {
        struct stage stage;

        stage_init(&stage);
        ask(&stage, creations[i].line, KEY, creations[i].body);
        api_world_expect(&stage.world, 201, NULL);
        size_t before = count_things(&stage.world);
        ask(&stage, creations[i].line, KEY, creations[i].other_body);
        api_world_expect_problem(&stage.world, 422, "idempotency_conflict");
        const size_t next = (i + 1) % CREATIONS; /* another operation */
        ask(&stage, creations[next].line, KEY, creations[next].body);
        api_world_expect_problem(&stage.world, 422, "idempotency_conflict");
        assert_int_equal(count_things(&stage.world), before);
        api_world_deinit(&stage.world);
    }
}

static void key_that_is_running_is_told_so(void **state)
{
    (void)state;
    struct stage stage;
    struct api_answer second;
    const struct api_request request = {
        .method = TEXT("POST"),
        .path = TEXT("/api/v1/channels"),
        .authorization = TEXT("Bearer " ADMIN_KEY),
        .content_type = TEXT("application/json"),
        .idempotency_key = TEXT(KEY),
        .body = TEXT("{\"title\":\"Hats\"}"),
    };

    stage_init(&stage);
    struct api_world *world = &stage.world;
    world->holds_tasks = true;
    api_world_send(world, &request);
    assert_true(world->is_waiting);
    assert_true(api_call(world->api, &request, world->now_us, &second)); /* the same again */
    assert_int_equal(second.status, 409);
    assert_true(text_contains(buf_text(second.body), TEXT("\"code\":\"in_progress\"")));
    api_answer_deinit(&second);
    api_world_run_tasks(world);
    assert_false(world->is_waiting);
    api_world_expect(world, 201, NULL);
    world->holds_tasks = false;
    api_world_send(world, &request); /* it is done: this is its answer */
    api_world_expect(world, 201, NULL);
    assert_true(is_replayed(world));
    assert_int_equal(channel_directory_count(world->dir), 2);
    api_world_deinit(world);
}

static void refusals_are_not_kept(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage);
    ask(&stage, "POST /api/v1/channels", KEY, "{\"title\":\"\"}");
    api_world_expect_problem(&stage.world, 400, "invalid_input");
    ask(&stage, "POST /api/v1/accounts", KEY, /* what the domain refuses */
        "{\"email\":\"admin@shop.example\",\"displayName\":\"A\",\"role\":\"buyer\"}");
    api_world_expect_problem(&stage.world, 409, "conflict");
    stage.world.is_busy = true;
    ask(&stage, "POST /api/v1/channels", KEY, "{\"title\":\"Hats\"}");
    api_world_expect_problem(&stage.world, 503, "busy");
    stage.world.is_busy = false;
    assert_int_equal(
        store_place_number(&stage.world.place, "SELECT count(*) FROM idempotency_keys"), 0);
    ask(&stage, "POST /api/v1/channels", KEY, "{\"title\":\"Hats\"}");
    api_world_expect(&stage.world, 201, NULL);
    assert_false(is_replayed(&stage.world));
    api_world_deinit(&stage.world);
}

/* The row is part of the transaction of the creation. */
static void what_could_not_be_stored_may_be_tried_again(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage);
    stage.world.is_store_broken = true;
    ask(&stage, "POST /api/v1/channels", KEY, "{\"title\":\"Hats\"}");
    assert_true(stage.world.answer.last_ticket != 0);
    api_not_stored(&stage.world.answer); /* what the server makes of it */
    api_world_expect_problem(&stage.world, 503, "not_stored");
    stage.world.is_store_broken = false;
    ask(&stage, "POST /api/v1/channels", KEY, "{\"title\":\"Hats\"}");
    api_world_expect(&stage.world, 201, NULL);
    assert_false(is_replayed(&stage.world));
    assert_int_equal(channel_directory_count(stage.world.dir), 2); /* what failed was taken back */
    api_world_deinit(&stage.world);
}

/* Callers with the same key make a thing each, also those that have no account. */
static void keys_belong_to_their_caller(void **state)
{
    (void)state;
    struct stage stage;
    struct world_session seller;

    stage_init(&stage);
    const char *id = api_world_account(&stage.world, "ada@shop.example", "seller")->id;
    (void)api_world_channel_of(&stage.world, "Shoes", id);
    seller = api_world_session(&stage.world, "ada@shop.example");
    const struct {
        const char *line;
        struct world_who who;
    } callers[] = {
        {"POST /api/v1/channels/1/publish-tokens", {.bearer = ADMIN_KEY}},
        {"POST /api/v1/channels/1/publish-tokens", {.bearer = "stream-key-1"}},
        {"POST /api/v1/channels/2/publish-tokens", {.bearer = "stream-key-2"}},
        {"POST /api/v1/channels/1/publish-tokens",
         {.cookie = stage.session.cookie, .csrf = stage.session.csrf}},
        {"POST /api/v1/channels/2/publish-tokens", {.cookie = seller.cookie, .csrf = seller.csrf}},
    };
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
            struct world_who who = callers[i].who;

            who.idempotency_key = KEY;
            api_world_call_as(&stage.world, callers[i].line, &who, NULL);
            api_world_expect(&stage.world, 201, NULL);
            assert_int_equal(is_replayed(&stage.world), round);
        }
    }
    api_world_deinit(&stage.world);
}

static void key_is_good_for_a_day(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage);
    for (int i = 0; i < 3; i++) {
        static const int64_t waits_us[] = {0, DAY_US - 1, 1};

        stage.world.now_us += waits_us[i];
        api_world_call_as(&stage.world, "POST /api/v1/channels",
                          &(struct world_who){.bearer = ADMIN_KEY, .idempotency_key = KEY},
                          "{\"title\":\"Hats\"}");
        api_world_expect(&stage.world, 201, NULL);
        assert_int_equal(is_replayed(&stage.world), i == 1);
    }
    api_world_deinit(&stage.world);
}

static void key_must_not_be_guessable(void **state)
{
    (void)state;
    static char long_key[IDEMPOTENCY_KEY_LEN_MAX + 2];
    const char *keys[] = {"7",
                          "fifteen-letters",
                          "with a space in it",
                          "tab\tin the middle of",
                          "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
                          long_key};
    struct stage stage;

    memset(long_key, 'x', IDEMPOTENCY_KEY_LEN_MAX + 1);
    stage_init(&stage);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        ask(&stage, "POST /api/v1/channels", keys[i], "{\"title\":\"Hats\"}");
        api_world_expect_problem(&stage.world, 400, "invalid_input");
        assert_true(text_contains(buf_text(stage.world.answer.body),
                                  TEXT("\"field\":\"Idempotency-Key\"")));
    }
    static const size_t good[] = {IDEMPOTENCY_KEY_LEN_MAX, IDEMPOTENCY_KEY_LEN_MIN};
    for (size_t i = 0; i < 2; i++) {
        long_key[good[i]] = '\0';
        ask(&stage, "POST /api/v1/channels", long_key, "{\"title\":\"Hats\"}");
        api_world_expect(&stage.world, 201, NULL);
    }
    api_world_deinit(&stage.world);
}

/* In the database is nothing that helps who reads it: neither the key nor what was shown once. */
static void database_cannot_tell_what_was_answered(void **state)
{
    (void)state;
    struct stage stage;
    char shown[WORLD_TEXT_MAX], sql[700];

    stage_init(&stage);
    ask(&stage, "POST /api/v1/api-keys", KEY, "{\"name\":\"k\",\"scopes\":[\"read\"]}");
    api_world_take(&stage.world, "key", shown);
    /* Bodies are base64url: "eyJpZCI6" is how {"id": begins. */
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM idempotency_keys WHERE body NOT LIKE '%%eyJpZCI6%%' "
                   "AND body NOT LIKE '%%%s%%' AND key_hash NOT LIKE '%%%s%%'",
                   shown, KEY);
    assert_int_equal(store_place_number(&stage.world.place, sql), 1);
    api_world_deinit(&stage.world);
}

static void batches_and_other_operations_take_no_key(void **state)
{
    (void)state;
    struct stage stage;

    stage_init(&stage);
    for (int i = 0; i < 2; i++) {
        ask(&stage, "POST /trpc/channel.create,channel.create?batch=1", KEY,
            "{\"0\":{\"title\":\"Hats\"},\"1\":{\"title\":\"Hats\"}}");
        api_world_expect(&stage.world, 200, NULL);
        assert_false(is_replayed(&stage.world));
        ask(&stage, "POST /api/v1/channels/1/end", KEY, NULL);
        api_world_expect(&stage.world, 200, NULL);
        assert_false(is_replayed(&stage.world));
    }
    assert_int_equal(channel_directory_count(stage.world.dir), 5);
    api_world_deinit(&stage.world);
}

/* The answer is for who may make the thing, now as then. */
static void caller_without_the_right_gets_no_kept_answer(void **state)
{
    (void)state;
    struct stage stage;
    char key[ACCOUNT_KEY_LEN + 1];

    stage_init(&stage);
    ask(&stage, "POST /api/v1/channels", KEY, "{\"title\":\"Hats\"}");
    api_world_expect(&stage.world, 201, NULL);
    api_world_key(&stage.world,
                  account_find_by_email(stage.world.accounts, TEXT("admin@shop.example"))->id,
                  SCOPE_READ, key);
    api_world_call_as(&stage.world, "POST /api/v1/channels",
                      &(struct world_who){.bearer = key, .idempotency_key = KEY},
                      "{\"title\":\"Hats\"}");
    api_world_expect_problem(&stage.world, 403, "forbidden");
    api_world_deinit(&stage.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(list_here_is_that_of_the_table),
        TEST_CASE(same_key_and_request_give_the_same_answer_also_after_a_restart),
        TEST_CASE(rest_and_trpc_with_any_order_of_members_are_the_same_request),
        TEST_CASE(other_request_with_the_key_is_a_conflict),
        TEST_CASE(key_that_is_running_is_told_so),
        TEST_CASE(refusals_are_not_kept),
        TEST_CASE(what_could_not_be_stored_may_be_tried_again),
        TEST_CASE(keys_belong_to_their_caller),
        TEST_CASE(key_is_good_for_a_day),
        TEST_CASE(key_must_not_be_guessable),
        TEST_CASE(database_cannot_tell_what_was_answered),
        TEST_CASE(batches_and_other_operations_take_no_key),
        TEST_CASE(caller_without_the_right_gets_no_kept_answer),
    };
    return RUN_TESTS("api_idempotency", tests);
}
