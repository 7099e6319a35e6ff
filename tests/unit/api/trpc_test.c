#include <stdio.h>

#include "api_world.h"
#include "base/writer.h"

/* Envelopes as captured from @trpc/server 11 (reference/trpc-wire.md); the data are ours. */

static const char not_found_7[] =
    "{\"error\":{\"message\":\"Channel 7 not found\",\"code\":-32004,\"data\":{\"code\":"
    "\"NOT_FOUND\",\"httpStatus\":404,\"path\":\"channel.getStatus\",\"problem\":\"not_found\"}}}";

static const char done_1[] = "{\"result\":{\"data\":{\"success\":true,\"channelId\":1,"
                             "\"channelName\":\"channel_1\",\"relayStatus\":null}}}";

static void single_calls_answer_like_the_captured_ones(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *key;
        const char *body;
        int status;
        const char *answer;
    } cases[] = {
        {"GET /trpc/channel.list", NULL, NULL, 200,
         "{\"result\":{\"data\":{\"channels\":[],\"nextCursor\":null}}}"},
        {"GET /trpc/channel.list?input=%7B%7D", NULL, NULL, 200,
         "{\"result\":{\"data\":{\"channels\":[],\"nextCursor\":null}}}"},
        {"GET /trpc/channel.getStatus?input=%7B%22channelId%22%3A7%7D", NULL, NULL, 404,
         not_found_7},
        {"POST /trpc/channel.start", NULL, "{\"channelId\":7}", 401,
         "{\"error\":{\"message\":\"This needs somebody who is known: sign in, or send "
         "Authorization: Bearer <key>.\",\"code\":-32001,\"data\":{\"code\":\"UNAUTHORIZED\","
         "\"httpStatus\":401,\"path\":\"channel.start\",\"problem\":\"unauthorized\"}}}"},
        {"GET /trpc/channel.nope", NULL, NULL, 404,
         "{\"error\":{\"message\":\"No procedure found on path \\\"channel.nope\\\"\","
         "\"code\":-32004,\"data\":{\"code\":\"NOT_FOUND\",\"httpStatus\":404,\"path\":"
         "\"channel.nope\",\"problem\":\"not_found\"}}}"},
        {"GET /trpc/", NULL, NULL, 404,
         "{\"error\":{\"message\":\"No procedure found on path \\\"\\\"\",\"code\":-32004,"
         "\"data\":{\"code\":\"NOT_FOUND\",\"httpStatus\":404,\"path\":\"\",\"problem\":\"not_"
         "found\"}}}"},
        {"GET /trpc/channel.end", NULL, NULL, 405,
         "{\"error\":{\"message\":\"Unsupported GET-request to mutation procedure at path "
         "\\\"channel.end\\\"\",\"code\":-32005,\"data\":{\"code\":\"METHOD_NOT_SUPPORTED\","
         "\"httpStatus\":405,\"path\":\"channel.end\",\"problem\":\"method_not_allowed\"}}}"},
        {"GET /trpc/channel.getStatus", NULL, NULL, 400,
         "{\"error\":{\"message\":\"channelId: is required\",\"code\":-32600,\"data\":{\"code\":"
         "\"BAD_REQUEST\",\"httpStatus\":400,\"path\":\"channel.getStatus\",\"problem\":\"invalid_"
         "input\",\"errors\":[{\"field\":\"channelId\",\"message\":\"is required\"}]}}}"},
        {"GET /trpc/channel.getStatus?input=%7B%22channelId%22%3A%221%22%7D", NULL, NULL, 400,
         "{\"error\":{\"message\":\"channelId: must be a whole number\",\"code\":-32600,"
         "\"data\":{\"code\":\"BAD_REQUEST\",\"httpStatus\":400,\"path\":"
         "\"channel.getStatus\",\"problem\":\"invalid_input\",\"errors\":[{\"field\":\"channelId\","
         "\"message\":\"must be a whole number\"}]}}}"},
        {"GET /trpc/channel/getStatus", NULL, NULL, 404, NULL},
        {"GET /trpc/channel.list,channel.list", NULL, NULL, 404, NULL}, /* no batch=1 */
    };
    struct api_world world;
    api_world_init(&world);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        api_world_call(&world, cases[i].line, cases[i].key, cases[i].body);
        api_world_expect(&world, cases[i].status, cases[i].answer);
        assert_text(api_world_header(&world, "content-type"), "application/json");
        assert_text(api_world_header(&world, "vary"), "trpc-accept, accept");
    }
    api_world_deinit(&world);
}

static void mutation_takes_its_input_from_the_body(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_channel(&world, "Shoes");

    api_world_call(&world, "POST /trpc/channel.end", "stream-key-1", "{\"channelId\":1}");
    api_world_expect(&world, 200, done_1);
    api_world_call(&world, "POST /trpc/channel.create", ADMIN_KEY, "{\"title\":\"Hats\"}");
    api_world_expect(&world, 200, NULL); /* tRPC has no 201 */
    assert_int_equal(world.answer.last_ticket, world.last_ticket);
    api_world_call(&world, "POST /trpc/channel.start", "stream-key-1", "{\"channelId\":2}");
    api_world_expect(&world, 403,
                     "{\"error\":{\"message\":\"This key belongs to another channel.\","
                     "\"code\":-32003,\"data\":{\"code\":\"FORBIDDEN\",\"httpStatus\":403,"
                     "\"path\":\"channel.start\",\"problem\":\"forbidden\"}}}");
    api_world_call(&world, "POST /trpc/channel.start", "stream-key-1", "{\"channelId\":1}");
    api_world_expect(&world, 200, NULL);
    api_world_call(&world, "POST /trpc/channel.start", "stream-key-1", "{\"channelId\":1}");
    api_world_expect(&world, 409,
                     "{\"error\":{\"message\":\"This channel is already live. End that broadcast "
                     "first.\",\"code\":-32009,\"data\":{\"code\":\"CONFLICT\",\"httpStatus\":409,"
                     "\"path\":\"channel.start\",\"problem\":\"conflict\"}}}");
    api_world_deinit(&world);
}

static void batch_answers_in_order_with_207_when_statuses_differ(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);

    /* channel.list has no input: index 0 is left out, as the client does. */
    static const char *const paths[] = {"channel.list,channel.getStatus",
                                        "channel.list%2Cchannel.getStatus"};
    for (size_t i = 0; i < 2; i++) {
        char line[200], expected[400];

        (void)snprintf(line, sizeof(line),
                       "GET /trpc/%s?batch=1&input=%%7B%%221%%22%%3A%%7B%%22channelId%%22%%3A7"
                       "%%7D%%7D",
                       paths[i]);
        (void)snprintf(expected, sizeof(expected),
                       "[{\"result\":{\"data\":{\"channels\":[],\"nextCursor\":null}}},%s]",
                       not_found_7);
        api_world_call(&world, line, NULL, NULL);
        api_world_expect(&world, 207, expected);
    }
    api_world_call(&world, "GET /trpc/channel.list,channel.list?batch=1", NULL, NULL);
    api_world_expect(&world, 200,
                     "[{\"result\":{\"data\":{\"channels\":[],\"nextCursor\":null}}},"
                     "{\"result\":{\"data\":{\"channels\":[],\"nextCursor\":null}}}]");
    api_world_call(&world, "GET /trpc/channel.list?batch=1&input=%7B%7D", NULL, NULL);
    api_world_expect(&world, 200,
                     "[{\"result\":{\"data\":{\"channels\":[],\"nextCursor\":null}}}]");
    api_world_call(&world, "GET /trpc/a,b?batch=1", NULL, NULL);
    api_world_expect(&world, 404, NULL); /* the same status twice */
    assert_int_equal(world.answer.batch_count, 2);
    api_world_deinit(&world);
}

static void batch_of_mutations_runs_each_of_them(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_channel(&world, "Shoes");
    char expected[600];

    api_world_call(&world, "POST /trpc/channel.end,channel.end?batch=1", "stream-key-1",
                   "{\"0\":{\"channelId\":1},\"1\":{\"channelId\":2}}");
    (void)snprintf(expected, sizeof(expected),
                   "[%s,{\"error\":{\"message\":\"This key belongs to another channel.\","
                   "\"code\":-32003,\"data\":{\"code\":\"FORBIDDEN\",\"httpStatus\":403,"
                   "\"path\":\"channel.end\",\"problem\":\"forbidden\"}}}]",
                   done_1);
    api_world_expect(&world, 207, expected);
    api_world_deinit(&world);
}

static void refusals_before_the_call_have_no_path(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);

    api_world_call(&world, "GET /trpc/channel.list,channel.end?batch=1", NULL, NULL);
    api_world_expect(&world, 400,
                     "{\"error\":{\"message\":\"Cannot mix procedure types in call: query, "
                     "mutation\",\"code\":-32600,\"data\":{\"code\":\"BAD_REQUEST\","
                     "\"httpStatus\":400,\"problem\":\"invalid_input\"}}}");
    api_world_call(&world, "POST /trpc/channel.end", NULL, NULL);
    api_world_expect(&world, 415,
                     "{\"error\":{\"message\":\"Missing content-type header\",\"code\":-32015,"
                     "\"data\":{\"code\":\"UNSUPPORTED_MEDIA_TYPE\",\"httpStatus\":415,\"problem\":"
                     "\"unsupported_media_type\"}}}");

    struct api_request request = {
        .method = TEXT("POST"),
        .path = TEXT("/trpc/channel.end"),
        .content_type = TEXT("multipart/form-data; boundary=x"),
        .body = TEXT("{}"),
    };
    api_world_send(&world, &request);
    api_world_expect(&world, 415, NULL);
    api_world_deinit(&world);
}

static void methods_are_told_apart(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);

    api_world_call(&world, "HEAD /trpc/whatever", NULL, NULL);
    api_world_expect(&world, 204, NULL);
    assert_null(world.answer.body);
    api_world_call(&world, "OPTIONS /trpc/channel.list", NULL, NULL);
    api_world_expect(&world, 204, NULL);
    assert_text(api_world_header(&world, "allow"), "GET, POST");
    api_world_call(&world, "POST /trpc/channel.list", NULL, "{}");
    api_world_expect(&world, 405, NULL);
    assert_text(api_world_header(&world, "allow"), "GET");
    api_world_call(&world, "GET /trpc/channel.end", NULL, NULL);
    api_world_expect(&world, 405, NULL);
    assert_text(api_world_header(&world, "allow"), "POST");
    api_world_call(&world, "PUT /trpc/channel.end", NULL, "{}");
    api_world_expect(&world, 405, NULL);
    assert_text(api_world_header(&world, "allow"), "POST");
    api_world_deinit(&world);
}

static void broken_input_hits_only_who_reads_it(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_channel(&world, "Shoes");

    api_world_call(&world, "GET /trpc/channel.getStatus?input=%7B", NULL, NULL);
    api_world_expect(&world, 400, NULL);
    json_t *json = api_world_json(&world);
    json_t *error = json_object_get(json, "error");
    assert_int_equal(json_integer_value(json_object_get(error, "code")), -32600);
    assert_string_equal(json_string_value(json_object_get(json_object_get(error, "data"), "path")),
                        "channel.getStatus");
    json_decref(json);

    api_world_call(&world, "GET /trpc/channel.getStatus?input=%zz", NULL, NULL);
    api_world_expect(&world, 400, NULL);
    api_world_call(&world, "GET /trpc/channel.getStatus,channel.nope?batch=1&input=%5B1%5D", NULL,
                   NULL);
    api_world_expect(
        &world, 207,
        "[{\"error\":{\"message\":\"\\\"input\\\" needs to be an object when doing a batch call\","
        "\"code\":-32600,\"data\":{\"code\":\"BAD_REQUEST\",\"httpStatus\":400,\"path\":"
        "\"channel.getStatus\",\"problem\":\"invalid_input\"}}},{\"error\":{\"message\":\"No "
        "procedure found on path "
        "\\\"channel.nope\\\"\",\"code\":-32004,\"data\":{\"code\":\"NOT_FOUND\",\"httpStatus\":"
        "404,\"path\":\"channel.nope\",\"problem\":\"not_found\"}}}]");
    api_world_deinit(&world);
}

static void batches_and_urls_have_a_limit(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    char line[2000];
    int len = snprintf(line, sizeof(line), "GET /trpc/channel.list");

    for (int count = 1; count < API_BATCH_MAX; count++)
        len += snprintf(line + len, sizeof(line) - (size_t)len, ",channel.list");
    int fitting = len;
    (void)snprintf(line + len, sizeof(line) - (size_t)len, "?batch=1");
    api_world_call(&world, line, NULL, NULL);
    api_world_expect(&world, 200, NULL);
    (void)snprintf(line + fitting, sizeof(line) - (size_t)fitting, ",channel.list?batch=1");
    api_world_call(&world, line, NULL, NULL);
    api_world_expect(&world, 400, NULL);

    static char query[API_QUERY_LEN_MAX + 1];
    memset(query, 'x', sizeof(query));
    const struct api_request request = {
        .method = TEXT("GET"), .path = TEXT("/trpc/channel.list"), .query = {query, sizeof(query)}};
    api_world_send(&world, &request);
    api_world_expect(&world, 413, NULL);
    api_world_deinit(&world);
}

static void streamed_batch_has_a_line_for_each_answer(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    struct api_request request = {
        .method = TEXT("GET"),
        .path = TEXT("/trpc/channel.list,channel.getStatus"),
        .query = TEXT("batch=1&input=%7B%221%22%3A%7B%22channelId%22%3A7%7D%7D"),
        .trpc_accept = TEXT("application/jsonl"),
    };
    char expected[500];

    api_world_send(&world, &request);
    (void)snprintf(expected, sizeof(expected),
                   "{\"0\":[[0],[null,0,0]],\"1\":[[0],[null,0,1]]}\n"
                   "[0,0,[[{\"result\":{\"data\":{\"channels\":[],\"nextCursor\":null}}}]]]\n"
                   "[1,0,[[%s]]]\n",
                   not_found_7);
    api_world_expect(&world, 200, expected);
    request.query = (struct text){0};
    api_world_send(&world, &request);
    api_world_expect(&world, 400, NULL);
    api_world_deinit(&world);
}

static void shut_out_address_gets_429_with_retry_after(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);

    for (int i = 0; i < 10; i++)
        api_world_call(&world, "GET /trpc/channel.list", "wrong", NULL);
    api_world_expect(&world, 401, NULL);
    api_world_call(&world, "GET /trpc/channel.list", "wrong", NULL);
    api_world_expect(&world, 429, NULL);
    assert_text(api_world_header(&world, "retry-after"), "60");
    assert_true(text_contains(buf_text(world.answer.body), TEXT("\"TOO_MANY_REQUESTS\"")));
    api_world_deinit(&world);
}

static void unstored_change_keeps_the_shape_of_the_answer(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_channel(&world, "Shoes");

    api_world_call(&world, "POST /trpc/channel.start", "stream-key-1", "{\"channelId\":1}");
    api_not_stored(&world.answer);
    api_world_expect(&world, 503, NULL);
    json_t *json = api_world_json(&world);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "error"), "code")),
                     -32603);
    json_decref(json);

    api_world_call(&world, "POST /trpc/channel.end,channel.start?batch=1", "stream-key-1",
                   "{\"0\":{\"channelId\":1},\"1\":{\"channelId\":1}}");
    api_not_stored(&world.answer);
    api_world_expect(&world, 503, NULL);
    json = api_world_json(&world);
    assert_int_equal(json_array_size(json), 2);
    json_decref(json);
    api_world_deinit(&world);
}

static void subscriptions_are_told_apart(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    static const char *const names[] = {"channel.onStatus", "events.subscribe"};
    char line[100];

    for (size_t i = 0; i < 2; i++) { /* those that are served never come here */
        (void)snprintf(line, sizeof(line), "GET /trpc/%s", names[i]);
        api_world_call(&world, line, NULL, NULL);
        api_world_expect(&world, 400, NULL);
        assert_true(text_contains(buf_text(world.answer.body), TEXT("httpSubscriptionLink")));
        (void)snprintf(line, sizeof(line), "POST /trpc/%s", names[i]);
        api_world_call(&world, line, NULL, "{}");
        api_world_expect(&world, 405, NULL);
        assert_text(api_world_header(&world, "allow"), "GET");
        (void)snprintf(line, sizeof(line), "GET /trpc/channel.list,%s?batch=1", names[i]);
        api_world_call(&world, line, NULL, NULL);
        api_world_expect(&world, 400, NULL);
        json_t *json = api_world_json(&world);
        assert_int_equal(json_array_size(json), 2);
        for (size_t k = 0; k < 2; k++)
            assert_string_equal(json_string_value(json_object_get(
                                    json_object_get(json_array_get(json, k), "error"), "message")),
                                "Cannot batch subscription calls");
        json_decref(json);
    }
    api_world_deinit(&world);
}

/* Each of them sets the cookie: the answer has one, and not more headers than it has room for. */
static void batch_of_many_sign_outs_sets_one_cookie(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_account(&world, "ada@shop.example", "seller");
    struct world_session session = api_world_session(&world, "ada@shop.example");
    const struct world_who who = {.cookie = session.cookie, .csrf = session.csrf};
    char line[1200];
    int len = snprintf(line, sizeof(line), "POST /trpc/auth.signOut");
    size_t cookies = 0;

    for (int count = 1; count < API_HEADERS_MAX + 2; count++)
        len += snprintf(line + len, sizeof(line) - (size_t)len, ",auth.signOut");
    (void)snprintf(line + len, sizeof(line) - (size_t)len, "?batch=1");
    api_world_call_as(&world, line, &who, "{}");
    api_world_expect(&world, 200, NULL);
    for (size_t i = 0; i < world.answer.header_count; i++)
        cookies += strcmp(world.answer.headers[i].name, "set-cookie") == 0;
    assert_int_equal(cookies, 1);
    api_world_deinit(&world);
}

static void batch_whose_answers_are_too_large_together_is_cut_short(void **state)
{
    (void)state;
    enum { CHANNELS = 1000 };
    struct api_world world;
    api_world_init(&world);
    static char line[1200];
    char title[STORE_TITLE_LEN_MAX + 1];
    int len = snprintf(line, sizeof(line), "/trpc/channel.list");
    size_t full = 0, refused = 0;

    memset(title, 'x', STORE_TITLE_LEN_MAX);
    title[STORE_TITLE_LEN_MAX] = '\0';
    for (int i = 0; i < CHANNELS; i++)
        (void)api_world_channel(&world, title);
    for (int count = 1; count < API_BATCH_MAX; count++)
        len += snprintf(line + len, sizeof(line) - (size_t)len, ",channel.list");
    static char query[8192];
    struct writer w = writer_fixed(query, sizeof(query));
    writer_str(&w, "batch=1&input={");
    for (int i = 0; i < API_BATCH_MAX; i++)
        writer_printf(&w, "%s\"%d\":{\"limit\":%d}", i ? "," : "", i, CHANNELS);
    writer_char(&w, '}');
    const struct api_request request = {.method = TEXT("GET"),
                                        .path = text_of(line),
                                        .query = writer_as_text(&w),
                                        .host = TEXT("live.example")};
    api_world_send(&world, &request);
    api_world_expect(&world, 207, NULL);
    assert_true(world.answer.body->len <= API_ANSWER_LEN_MAX + 100000);

    json_t *json = api_world_json(&world);
    assert_int_equal(json_array_size(json), API_BATCH_MAX);
    for (size_t i = 0; i < API_BATCH_MAX; i++) {
        json_t *error = json_object_get(json_array_get(json, i), "error");

        full += error == NULL;
        refused += error && text_equal(text_of(json_string_value(json_object_get(
                                           json_object_get(error, "data"), "problem"))),
                                       TEXT("payload_too_large"));
        assert_true(error || refused == 0); /* whatever comes behind is not even tried */
    }
    assert_true(full > 5);
    assert_int_equal(full + refused, API_BATCH_MAX);
    json_decref(json);
    api_world_deinit(&world);
}

static void unstored_stream_is_a_stream_of_refusals(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_channel(&world, "Shoes");
    const struct api_request request = {
        .method = TEXT("POST"),
        .path = TEXT("/trpc/channel.end,channel.end"),
        .query = TEXT("batch=1"),
        .authorization = TEXT("Bearer stream-key-1"),
        .content_type = TEXT("application/json"),
        .trpc_accept = TEXT("application/jsonl"),
        .body = TEXT("{\"0\":{\"channelId\":1},\"1\":{\"channelId\":1}}"),
    };

    api_world_send(&world, &request);
    api_world_expect(&world, 200, NULL);
    api_not_stored(&world.answer);
    assert_int_equal(world.answer.status, 503);
    struct text rest = buf_text(world.answer.body);
    assert_text(text_cut(&rest, '\n'), "{\"0\":[[0],[null,0,0]],\"1\":[[0],[null,0,1]]}");
    for (int i = 0; i < 2; i++) {
        char begin[60];

        (void)snprintf(begin, sizeof(begin), "[%d,0,[[{\"error\":{\"message\":\"The change", i);
        struct text line = text_cut(&rest, '\n');
        assert_true(text_starts_with(line, text_of(begin)));
        assert_true(text_ends_with(line, TEXT("\"problem\":\"not_stored\"}}}]]]")));
    }
    assert_int_equal(rest.len, 0);
    api_world_deinit(&world);
}

/* What useInfiniteQuery adds to the input of a list. */
static void lists_take_the_direction_of_an_infinite_query(void **state)
{
    (void)state;
    static const struct {
        const char *procedure;
        const char *input;
        int status;
    } cases[] = {
        {"channel.list", "{\"limit\":2,\"direction\":\"forward\"}", 200},
        {"channel.list", "{\"cursor\":null,\"direction\":\"forward\"}", 200},
        {"account.list", "{\"cursor\":null,\"direction\":\"forward\"}", 200},
        {"audit.list", "{\"cursor\":null,\"direction\":\"forward\"}", 200},
        {"channel.list", "{\"direction\":\"backward\"}", 400},
        {"channel.list", "{\"direction\":7}", 400},
        {"channel.getById", "{\"id\":1,\"direction\":\"forward\"}", 400}, /* no list */
    };
    struct api_world world;
    api_world_init(&world);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[300];

        (void)snprintf(line, sizeof(line), "GET /trpc/%s?input=%s", cases[i].procedure,
                       cases[i].input);
        api_world_call(&world, line, ADMIN_KEY, NULL);
        api_world_expect(&world, cases[i].status, NULL);
        assert_int_equal(
            text_contains(buf_text(world.answer.body), TEXT("\"field\":\"direction\"")),
            cases[i].status == 400);
    }
    api_world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(single_calls_answer_like_the_captured_ones),
        TEST_CASE(mutation_takes_its_input_from_the_body),
        TEST_CASE(batch_answers_in_order_with_207_when_statuses_differ),
        TEST_CASE(batch_of_mutations_runs_each_of_them),
        TEST_CASE(refusals_before_the_call_have_no_path),
        TEST_CASE(methods_are_told_apart),
        TEST_CASE(broken_input_hits_only_who_reads_it),
        TEST_CASE(batches_and_urls_have_a_limit),
        TEST_CASE(streamed_batch_has_a_line_for_each_answer),
        TEST_CASE(shut_out_address_gets_429_with_retry_after),
        TEST_CASE(unstored_change_keeps_the_shape_of_the_answer),
        TEST_CASE(subscriptions_are_told_apart),
        TEST_CASE(batch_of_many_sign_outs_sets_one_cookie),
        TEST_CASE(batch_whose_answers_are_too_large_together_is_cut_short),
        TEST_CASE(unstored_stream_is_a_stream_of_refusals),
        TEST_CASE(lists_take_the_direction_of_an_infinite_query),
    };
    return RUN_TESTS("api_trpc", tests);
}
