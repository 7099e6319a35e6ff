/*
 * Refusals: the code, status and tRPC words of each, and what is refused because there is too much
 * of it.
 */
#include <stdio.h>

#include "api/error.h"
#include "api_world.h"
#include "base/jsonw.h"
#include "base/writer.h"

/* ---- codes ---- */

/* What clients know, written down once more: a code that changes breaks them. */
static const struct {
    enum api_code code;
    const char *name;
    int status;
    const char *trpc;
    int number;
} codes[] = {
    {API_INVALID_INPUT, "invalid_input", 400, "BAD_REQUEST", -32600},
    {API_MALFORMED_JSON, "malformed_json", 400, "BAD_REQUEST", -32600},
    {API_UNAUTHORIZED, "unauthorized", 401, "UNAUTHORIZED", -32001},
    {API_SESSION_EXPIRED, "session_expired", 401, "UNAUTHORIZED", -32001},
    {API_FORBIDDEN, "forbidden", 403, "FORBIDDEN", -32003},
    {API_CSRF_FAILED, "csrf_failed", 403, "FORBIDDEN", -32003},
    {API_ACCOUNT_DISABLED, "account_disabled", 403, "FORBIDDEN", -32003},
    {API_NOT_FOUND, "not_found", 404, "NOT_FOUND", -32004},
    {API_METHOD_NOT_ALLOWED, "method_not_allowed", 405, "METHOD_NOT_SUPPORTED", -32005},
    {API_CONFLICT, "conflict", 409, "CONFLICT", -32009},
    {API_IN_PROGRESS, "in_progress", 409, "CONFLICT", -32009},
    {API_PRECONDITION, "precondition", 412, "PRECONDITION_FAILED", -32012},
    {API_TOO_LARGE, "payload_too_large", 413, "PAYLOAD_TOO_LARGE", -32013},
    {API_MEDIA_TYPE, "unsupported_media_type", 415, "UNSUPPORTED_MEDIA_TYPE", -32015},
    {API_IDEMPOTENCY_CONFLICT, "idempotency_conflict", 422, "UNPROCESSABLE_CONTENT", -32022},
    {API_TOO_MANY_REQUESTS, "too_many_requests", 429, "TOO_MANY_REQUESTS", -32029},
    {API_LIMIT_REACHED, "limit_reached", 429, "TOO_MANY_REQUESTS", -32029},
    {API_INTERNAL, "internal", 500, "INTERNAL_SERVER_ERROR", -32603},
    {API_NOT_SUPPORTED, "not_supported", 501, "NOT_IMPLEMENTED", -32603},
    {API_BUSY, "busy", 503, "SERVICE_UNAVAILABLE", -32603},
    {API_NOT_STORED, "not_stored", 503, "SERVICE_UNAVAILABLE", -32603},
};

enum { CODES = sizeof(codes) / sizeof(codes[0]) };

static void each_code_has_its_problem(void **state)
{
    (void)state;
    struct writer w = writer_growing(4096);

    assert_int_equal(CODES, API_CODE_END - 1);
    for (size_t i = 0; i < CODES; i++) {
        struct api_error error = {0};
        struct jsonw j = jsonw_of(&w);
        char begin[100];

        (void)api_fail(&error, codes[i].code, "Why \"%s\".", codes[i].name);
        writer_clear(&w);
        api_write_problem(&j, &error);
        json_t *json = json_loadb((const char *)w.data, w.len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(json);
        assert_string_equal(json_string_value(json_object_get(json, "code")), codes[i].name);
        assert_int_equal(json_integer_value(json_object_get(json, "status")), codes[i].status);
        assert_true(json_string_length(json_object_get(json, "title")) != 0);
        (void)snprintf(begin, sizeof(begin), "Why \"%s\".", codes[i].name);
        assert_string_equal(json_string_value(json_object_get(json, "detail")), begin);
        assert_int_equal(json_object_size(json), 5);
        if (codes[i].status != 500) /* the phrase that is left over */
            assert_string_not_equal(json_string_value(json_object_get(json, "title")),
                                    "Internal Server Error");
        json_decref(json);
    }
    writer_deinit(&w);
}

static void each_code_has_its_envelope(void **state)
{
    (void)state;
    struct writer w = writer_growing(4096);

    for (size_t i = 0; i < CODES; i++) {
        struct api_error error = {0};
        struct jsonw j = jsonw_of(&w);
        char wanted[400];

        (void)api_fail(&error, codes[i].code, "Why.");
        writer_clear(&w);
        api_write_trpc_error(&j, &error, TEXT("channel.end"));
        (void)snprintf(wanted, sizeof(wanted),
                       "{\"error\":{\"message\":\"Why.\",\"code\":%d,\"data\":{\"code\":\"%s\","
                       "\"httpStatus\":%d,\"path\":\"channel.end\",\"problem\":\"%s\"}}}",
                       codes[i].number, codes[i].trpc, codes[i].status, codes[i].name);
        assert_text(writer_as_text(&w), wanted);
    }
    writer_deinit(&w);
}

/* ---- the rate of changes ---- */

static void send_end(struct api_world *world, const char *address, const char *bearer)
{
    char authorization[200];

    (void)snprintf(authorization, sizeof(authorization), "Bearer %s", bearer);
    const struct api_request request = {
        .method = TEXT("POST"),
        .path = TEXT("/api/v1/channels/1/end"),
        .authorization = text_of(authorization),
        .peer_address = text_of(address),
    };
    api_world_send(world, &request);
}

static void limit_changes(struct api_world *world, double per_second, double burst)
{
    const struct api_config config = {.mutations = {.per_second = per_second, .burst = burst}};

    api_world_init(world);
    api_world_restart(world, &config);
    (void)api_world_channel_of(world, "Shoes",
                               api_world_account(world, "ada@shop.example", "seller")->id);
}

static void too_many_changes_of_an_address_have_to_wait(void **state)
{
    (void)state;
    struct api_world world;

    limit_changes(&world, 0.5, 3);
    for (int i = 0; i < 3; i++) {
        send_end(&world, "192.0.2.1", "stream-key-1");
        api_world_expect(&world, 200, NULL);
    }
    send_end(&world, "192.0.2.1", "stream-key-1");
    api_world_expect_problem(&world, 429, "too_many_requests");
    assert_text(api_world_header(&world, "retry-after"), "3"); /* rather late than in vain */
    assert_int_equal(world.answer.last_ticket, 0);
    api_world_call(&world, "GET /api/v1/channels", NULL, NULL); /* reading goes on */
    api_world_expect(&world, 200, NULL);
    send_end(&world, "192.0.2.2", "stream-key-1"); /* and so do others */
    api_world_expect(&world, 200, NULL);
    world.now_us += 3 * US_PER_S;
    send_end(&world, "192.0.2.1", "stream-key-1");
    api_world_expect(&world, 200, NULL);
    send_end(&world, "192.0.2.1", "stream-key-1"); /* one and a half came back */
    api_world_expect_problem(&world, 429, "too_many_requests");
    api_world_deinit(&world);
}

static void too_many_changes_of_an_account_have_to_wait_wherever_it_is(void **state)
{
    (void)state;
    struct api_world world;
    char key[ACCOUNT_KEY_LEN + 1], address[20];

    limit_changes(&world, 1, 3);
    api_world_key(&world, account_find_by_email(world.accounts, TEXT("ada@shop.example"))->id,
                  SCOPE_PUBLISH, key);
    for (int i = 0; i < 4; i++) {
        (void)snprintf(address, sizeof(address), "192.0.2.%d", i);
        send_end(&world, address, key);
        api_world_expect(&world, i < 3 ? 200 : 429, NULL);
    }
    assert_true(text_contains(buf_text(world.answer.body), TEXT("account")));
    assert_text(api_world_header(&world, "retry-after"), "2");
    send_end(&world, "192.0.2.9", "stream-key-1"); /* not by the account */
    api_world_expect(&world, 200, NULL);
    api_world_deinit(&world);
}

/* Each call of a batch counts. */
static void batch_is_no_way_around(void **state)
{
    (void)state;
    struct api_world world;

    limit_changes(&world, 1, 2);
    api_world_call(&world, "POST /trpc/channel.end,channel.end,channel.end?batch=1", "stream-key-1",
                   "{\"0\":{\"channelId\":1},\"1\":{\"channelId\":1},\"2\":{\"channelId\":1}}");
    api_world_expect(&world, 207, NULL);
    json_t *json = api_world_json(&world);
    assert_non_null(json_object_get(json_array_get(json, 1), "result"));
    json_t *data = json_object_get(json_object_get(json_array_get(json, 2), "error"), "data");
    assert_string_equal(json_string_value(json_object_get(data, "problem")), "too_many_requests");
    json_decref(json);
    api_world_deinit(&world);
}

/* ---- waiting ---- */

static struct api_task *held[API_WAITING_MAX];
static size_t held_count;

static enum err hold_task(void *context, struct api_task *task)
{
    (void)context;
    assert_true(held_count < API_WAITING_MAX);
    held[held_count++] = task;
    return OK;
}

static void count_answer(void *context, struct api_answer *answer)
{
    assert_int_equal(answer->status, 200);
    api_answer_deinit(answer);
    ++*(size_t *)context;
}

static void drop_batch(void *context, struct store_batch *batch)
{
    (void)context;
    store_batch_destroy(batch);
}

static uint64_t no_ticket(void *context)
{
    (void)context;
    return 0;
}

static void no_health(void *context, struct api_health *ret_health)
{
    (void)context;
    *ret_health = (struct api_health){0};
}

static void refuse_one(struct api *api, const struct api_request *request, int64_t now_us,
                       int status, const char *code)
{
    struct api_answer answer;

    assert_true(api_call(api, request, now_us, &answer));
    assert_int_equal(answer.status, status);
    assert_true(text_contains(buf_text(answer.body), text_of(code)));
    api_answer_deinit(&answer);
}

static void no_more_wait_than_there_is_room_for(void **state)
{
    (void)state;
    static struct api_answer answers[API_WAITING_MAX + 1];
    struct api_world world;
    size_t answered = 0;

    api_world_init(&world);
    const struct api_handler handler = {&answered, hold_task, count_answer, drop_batch,
                                        no_ticket, no_health, NULL};
    const struct api_parts parts = {world.dir, world.accounts, world.hub, NULL};
    const struct api_config config = {0};
    struct api *api = api_create(&config, &handler, &parts);
    static struct api_request requests[API_WAITING_MAX + 1];
    static char addresses[API_WAITING_MAX + 1][40];

    for (size_t i = 0; i <= API_WAITING_MAX; i++) {
        (void)snprintf(addresses[i], sizeof(addresses[i]), "192.0.2.%zu",
                       i / API_WAITING_OF_ADDRESS_MAX);
        requests[i] = (struct api_request){.method = TEXT("GET"),
                                           .path = TEXT("/api/v1/audit"),
                                           .authorization = TEXT("Bearer " ADMIN_KEY),
                                           .peer_address = text_of(addresses[i])};
    }
    for (size_t i = 0; i < API_WAITING_MAX; i++) {
        if (i == API_WAITING_OF_ADDRESS_MAX) /* one more of the first address */
            refuse_one(api, &requests[0], world.now_us, 429, "\"too_many_requests\"");
        assert_false(api_call(api, &requests[i], world.now_us, &answers[i]));
    }
    refuse_one(api, &requests[API_WAITING_MAX], world.now_us, 503, "\"busy\"");
    for (size_t i = 0; i < API_WAITING_MAX / 2; i++) {
        api_task_work(held[i], world.store);
        api_task_done(api, held[i], world.now_us);
    }
    assert_int_equal(answered, API_WAITING_MAX / 2);
    held_count = 0;
    assert_false(api_call(api, &requests[0], world.now_us, &answers[0])); /* there is room again */
    api_destroy(api); /* those that still wait are never answered, and nothing leaks */
    assert_int_equal(answered, API_WAITING_MAX / 2);
    api_world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(each_code_has_its_problem),
        TEST_CASE(each_code_has_its_envelope),
        TEST_CASE(too_many_changes_of_an_address_have_to_wait),
        TEST_CASE(too_many_changes_of_an_account_have_to_wait_wherever_it_is),
        TEST_CASE(batch_is_no_way_around),
        TEST_CASE(no_more_wait_than_there_is_room_for),
    };
    return RUN_TESTS("api_limit", tests);
}
