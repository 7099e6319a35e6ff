#include <stdio.h>

#include "api_world.h"
#include "base/mem.h"
#include "base/writer.h"

static void assert_problem(const struct api_world *world, int status, const char *code,
                           const char *detail, const char *field)
{
    api_world_expect(world, status, NULL);
    assert_text(api_world_header(world, "content-type"), "application/problem+json");
    json_t *json = api_world_json(world);

    assert_string_equal(json_string_value(json_object_get(json, "type")), "about:blank");
    assert_int_equal(json_integer_value(json_object_get(json, "status")), status);
    assert_string_equal(json_string_value(json_object_get(json, "code")), code);
    if (detail)
        assert_string_equal(json_string_value(json_object_get(json, "detail")), detail);
    if (field) {
        json_t *error = json_array_get(json_object_get(json, "errors"), 0);
        assert_string_equal(json_string_value(json_object_get(error, "field")), field);
        struct text whole = text_of(json_string_value(json_object_get(json, "detail")));
        assert_true(text_starts_with(whole, text_of(field)));
        assert_text(text_sub(whole, strlen(field) + 2, whole.len),
                    json_string_value(json_object_get(error, "message")));
    } else {
        assert_null(json_object_get(json, "errors"));
    }
    json_decref(json);
}

static void creating_a_channel_answers_all_that_is_needed(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);

    api_world_call(&world, "POST /api/v1/channels", ADMIN_KEY, "{\"title\":\"Shoes\"}");
    api_world_expect(&world, 201, NULL);
    assert_text(api_world_header(&world, "content-type"), "application/json");
    assert_text(api_world_header(&world, "cache-control"), "no-store");
    assert_int_equal(world.answer.last_ticket, world.last_ticket);
    assert_int_equal(world.answer.last_ticket, 1);

    const struct channel *channel = channel_find(world.dir, 1);
    struct text key = secret_reveal(&channel->stream_key);
    char expected[600];
    assert_int_equal(key.len, API_STREAM_KEY_LEN);
    (void)snprintf(expected, sizeof(expected),
                   "{\"id\":1,\"title\":\"Shoes\",\"streamKey\":\"%.*s\","
                   "\"whipUrl\":\"http://live.example:8080/whip/1\","
                   "\"rtmpUrl\":\"rtmp://live.example/live\","
                   "\"hlsPlaybackUrl\":\"http://live.example:8080/hls/1/index.m3u8\","
                   "\"studioUrl\":\"http://live.example:8080/studio/1\","
                   "\"watchUrl\":\"http://live.example:8080/watch/1\"}",
                   TEXT_ARG(key));
    api_world_expect(&world, 201, expected);
    api_world_deinit(&world);
}

static void status_of_a_live_channel_is_complete(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    uint64_t id = api_world_channel(&world, "Shoes");

    api_world_go_live(&world, id);
    api_world_call(&world, "GET /api/v1/channels/1/status", NULL, NULL);
    api_world_expect(
        &world, 200,
        "{\"channelId\":1,\"isActive\":true,\"isLive\":true,\"relayStatus\":\"active\","
        "\"relayError\":null,\"hlsPlaybackUrl\":\"http://live.example:8080/hls/1/index.m3u8\","
        "\"recordingUrl\":null,\"viewerCount\":42,\"webrtcViewers\":1,\"hlsViewers\":41,"
        "\"startedAt\":\"2026-11-21T08:40:00.000Z\",\"endedAt\":null,\"ingest\":\"rtmp\","
        "\"health\":\"good\",\"healthReason\":null,\"bitrateKbps\":2500,\"fps\":30.0,"
        "\"keyframeIntervalMs\":2000,\"packetLoss\":null,\"rttMs\":null,\"videoCodec\":\"h264\","
        "\"audioCodec\":\"aac\",\"width\":1280,\"height\":720}");
    assert_int_equal(world.answer.last_ticket, 0);
    api_world_deinit(&world);
}

static void status_of_an_idle_channel_knows_nothing(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_channel(&world, "Shoes");

    api_world_call(&world, "GET /api/v1/channels/1/status", NULL, NULL);
    api_world_expect(
        &world, 200,
        "{\"channelId\":1,\"isActive\":false,\"isLive\":false,\"relayStatus\":null,"
        "\"relayError\":null,\"hlsPlaybackUrl\":null,\"recordingUrl\":null,\"viewerCount\":0,"
        "\"webrtcViewers\":0,\"hlsViewers\":0,\"startedAt\":null,\"endedAt\":null,"
        "\"ingest\":null,\"health\":null,\"healthReason\":null,\"bitrateKbps\":null,"
        "\"fps\":null,\"keyframeIntervalMs\":null,\"packetLoss\":null,\"rttMs\":null,"
        "\"videoCodec\":null,\"audioCodec\":null,\"width\":null,\"height\":null}");
    api_world_deinit(&world);
}

static void prerendered_status_equals_the_answer(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    struct writer w = writer_growing(4096);
    uint64_t id = api_world_channel(&world, "Shoes");

    api_world_go_live(&world, id);
    api_status_json(channel_find(world.dir, id), TEXT("http://live.example:8080"), &w);
    api_world_call(&world, "GET /api/v1/channels/1/status", NULL, NULL);
    assert_true(text_equal(buf_text(world.answer.body), writer_as_text(&w)));
    writer_clear(&w);
    api_status_trpc_json(channel_find(world.dir, id), TEXT("http://live.example:8080"), &w);
    api_world_call(&world, "GET /trpc/channel.getStatus?input=%7B%22channelId%22%3A1%7D", NULL,
                   NULL);
    assert_true(text_equal(buf_text(world.answer.body), writer_as_text(&w)));
    writer_deinit(&w);
    api_world_deinit(&world);
}

static void list_shows_the_live_first_and_no_keys(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);

    for (int i = 0; i < 4; i++)
        (void)api_world_channel(&world, "Shoes");
    api_world_go_live(&world, 2);
    api_world_call(&world, "GET /api/v1/channels?limit=3&_=17", NULL, NULL);
    api_world_expect(&world, 200, NULL);
    assert_false(text_contains(buf_text(world.answer.body), TEXT("stream-key")));

    static const int order[] = {2, 4, 3};
    json_t *json = api_world_json(&world);
    json_t *channels = json_object_get(json, "channels");
    assert_int_equal(json_array_size(channels), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(json_integer_value(json_object_get(json_array_get(channels, i), "id")),
                         order[i]);
    json_decref(json);
    api_world_deinit(&world);
}

static void keys_are_shown_to_the_owner_and_the_admin_only(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_channel(&world, "Shoes");
    (void)api_world_channel(&world, "Hats");
    static const struct {
        const char *key;
        bool is_shown;
    } cases[] = {{NULL, false}, {"stream-key-1", true}, {"stream-key-2", false}, {ADMIN_KEY, true}};

    for (size_t i = 0; i < 4; i++) {
        api_world_call(&world, "GET /api/v1/channels/1", cases[i].key, NULL);
        api_world_expect(&world, 200, NULL);
        assert_int_equal(text_contains(buf_text(world.answer.body), TEXT("stream-key-1")),
                         cases[i].is_shown);
        json_t *json = api_world_json(&world);
        assert_int_equal(json_object_get(json, "publish") != NULL, cases[i].is_shown);
        assert_non_null(json_object_get(json, "streamingStatus"));
        json_decref(json);
    }
    api_world_deinit(&world);
}

/* Who gets what, for each kind of operation. 0: whatever is not a refusal of the caller. */
static void each_operation_checks_who_calls(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *body;
        int anybody, host, other_host, admin;
    } cases[] = {
        {"GET /api/v1/channels", NULL, 0, 0, 0, 0},
        {"GET /api/v1/channels/1", NULL, 0, 0, 0, 0},
        {"GET /api/v1/channels/1/status", NULL, 0, 0, 0, 0},
        {"POST /api/v1/channels", "{\"title\":\"t\"}", 401, 403, 403, 0},
        {"POST /api/v1/channels/1/start", NULL, 401, 0, 403, 0},
        {"POST /api/v1/channels/1/end", NULL, 401, 0, 403, 0},
        {"POST /api/v1/channels/9/start", NULL, 401, 403, 403, 404},
        {"DELETE /api/v1/channels/9", NULL, 401, 403, 403, 404},
    };
    struct api_world world;
    api_world_init(&world);
    (void)api_world_channel(&world, "Shoes");
    (void)api_world_channel(&world, "Hats");

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *keys[] = {NULL, "stream-key-1", "stream-key-2", ADMIN_KEY};
        int wanted[] = {cases[i].anybody, cases[i].host, cases[i].other_host, cases[i].admin};

        for (size_t k = 0; k < 4; k++) {
            api_world_call(&world, cases[i].line, keys[k], cases[i].body);
            int got = world.answer.status;
            bool is_refused = got == 401 || got == 403 || got == 404;
            if (wanted[k] ? got != wanted[k] : is_refused)
                fail_msg("%s as %s: %d", cases[i].line, keys[k] ? keys[k] : "anybody", got);
            if (got == 401)
                assert_text(api_world_header(&world, "www-authenticate"), "Bearer realm=\"stoa\"");
        }
    }
    api_world_deinit(&world);
}

static void life_of_a_channel_by_rest(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_channel(&world, "Shoes");

    api_world_call(&world, "POST /api/v1/channels/1/start", "stream-key-1", NULL);
    api_world_expect(&world, 200, NULL);
    assert_true(text_contains(buf_text(world.answer.body), TEXT("\"relayStatus\":\"starting\"")));
    assert_true(world.answer.last_ticket != 0);
    api_world_call(&world, "POST /api/v1/channels/1/start", "stream-key-1", "{}");
    assert_problem(&world, 409, "conflict",
                   "This channel is already live. End that broadcast first.", NULL);
    api_world_call(&world, "DELETE /api/v1/channels/1", ADMIN_KEY, NULL);
    assert_problem(&world, 409, "conflict", NULL, NULL);
    api_world_call(&world, "POST /api/v1/channels/1/end", "stream-key-1", NULL);
    api_world_expect(&world, 200,
                     "{\"success\":true,\"channelId\":1,\"channelName\":\"channel_1\","
                     "\"relayStatus\":\"stopped\"}");
    api_world_call(&world, "POST /api/v1/channels/1/rotate-key", "stream-key-1", NULL);
    api_world_expect(&world, 200, NULL);
    api_world_call(&world, "POST /api/v1/channels/1/start", "stream-key-1", NULL);
    assert_problem(&world, 401, "unauthorized", "This key is not known.", NULL);
    api_world_call(&world, "DELETE /api/v1/channels/1", ADMIN_KEY, NULL);
    api_world_expect(&world, 200, "{\"success\":true,\"channelId\":1}");
    api_world_call(&world, "GET /api/v1/channels/1", NULL, NULL);
    assert_problem(&world, 404, "not_found", "Channel 1 not found", NULL);
    api_world_deinit(&world);
}

static void wrong_input_is_refused_by_the_name_of_the_field(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *body;
        int status;
        const char *code;
        const char *detail;
        const char *field;
    } cases[] = {
        {"POST /api/v1/channels", "{}", 400, "invalid_input", "title: is required", "title"},
        {"POST /api/v1/channels", NULL, 400, "invalid_input", "title: is required", "title"},
        {"POST /api/v1/channels", "null", 400, "invalid_input", "title: is required", "title"},
        {"POST /api/v1/channels", "{\"title\":7}", 400, "invalid_input", "title: must be a text",
         "title"},
        {"POST /api/v1/channels", "{\"title\":null}", 400, "invalid_input", "title: must be a text",
         "title"},
        {"POST /api/v1/channels", "{\"title\":\"\"}", 400, "invalid_input",
         "title: must have 1 to 200 bytes", "title"},
        {"POST /api/v1/channels", "{\"titel\":\"x\"}", 400, "invalid_input",
         "titel: is not a field of this operation", "titel"},
        {"POST /api/v1/channels", "[1]", 400, "invalid_input", "The input must be a JSON object.",
         NULL},
        {"POST /api/v1/channels", "{\"title\":", 400, "malformed_json", NULL, NULL},
        {"POST /api/v1/channels", "{\"title\":\"a\",\"title\":\"b\"}", 400, "malformed_json", NULL,
         NULL},
        {"POST /api/v1/channels", "{\"title\":\"a\\u0000b\"}", 400, "malformed_json", NULL, NULL},
        {"POST /api/v1/channels", "{\"title\":\"\xff\"}", 400, "malformed_json", NULL, NULL},
        {"POST /api/v1/channels", "{\"title\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", 400,
         "malformed_json", "The JSON is nested deeper than 16 levels.", NULL},
        {"POST /api/v1/channels/1/start", "{\"channelId\":2}", 400, "invalid_input",
         "channelId: is given by the path already", "channelId"},
        {"GET /api/v1/channels/abc", NULL, 400, "invalid_input", "id: must be a whole number",
         "id"},
        {"GET /api/v1/channels/0", NULL, 400, "invalid_input",
         "id: must be a whole number from 1 to 2147483647", "id"},
        {"GET /api/v1/channels/-1", NULL, 400, "invalid_input", NULL, "id"},
        {"GET /api/v1/channels/99999999999999999999", NULL, 400, "invalid_input", NULL, "id"},
        {"GET /api/v1/channels/%zz", NULL, 400, "invalid_input", NULL, "id"},
        {"GET /api/v1/channels?limit=0", NULL, 400, "invalid_input",
         "limit: must be a whole number from 1 to 1000", "limit"},
        {"GET /api/v1/channels?limit=2&limit=3", NULL, 400, "invalid_input", NULL, "limit"},
        {"GET /api/v1/channels?limit=%2", NULL, 400, "invalid_input", NULL, "limit"},
        {"GET /api/v1/nothing", NULL, 404, "not_found", NULL, NULL},
        {"GET /api/v1", NULL, 404, "not_found", NULL, NULL},
        {"GET /api/v1/channels/1/status/more", NULL, 404, "not_found", NULL, NULL},
        {"GET /api/v1/channels/1/../2", NULL, 404, "not_found", NULL, NULL},
        {"GET /api/v12/channels", NULL, 404, "not_found", NULL, NULL},
    };
    struct api_world world;
    api_world_init(&world);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        api_world_call(&world, cases[i].line, ADMIN_KEY, cases[i].body);
        assert_problem(&world, cases[i].status, cases[i].code, cases[i].detail, cases[i].field);
    }
    assert_int_equal(channel_directory_count(world.dir), 0);
    api_world_deinit(&world);
}

static void title_at_its_limit_is_taken_and_one_more_is_not(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    char body[300];

    for (int len = STORE_TITLE_LEN_MAX; len <= STORE_TITLE_LEN_MAX + 1; len++) {
        char title[STORE_TITLE_LEN_MAX + 2];

        memset(title, 'x', sizeof(title));
        (void)snprintf(body, sizeof(body), "{\"title\":\"%.*s\"}", len, title);
        api_world_call(&world, "POST /api/v1/channels", ADMIN_KEY, body);
        api_world_expect(&world, len == STORE_TITLE_LEN_MAX ? 201 : 400, NULL);
    }
    api_world_deinit(&world);
}

static void body_must_be_json_and_not_too_large(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    char *large = mem_zalloc(API_BODY_LEN_MAX + 1);
    struct api_request request = {
        .method = TEXT("POST"),
        .path = TEXT("/api/v1/channels"),
        .authorization = TEXT("bearer " ADMIN_KEY), /* the scheme has no case (RFC 9110 11.1) */
        .content_type = TEXT("text/plain"),
        .body = TEXT("{\"title\":\"x\"}"),
    };

    memset(large, ' ', API_BODY_LEN_MAX + 1);
    api_world_send(&world, &request);
    assert_problem(&world, 415, "unsupported_media_type", NULL, NULL);
    request.content_type = TEXT("APPLICATION/json");
    api_world_send(&world, &request);
    api_world_expect(&world, 201, NULL);
    request.body = (struct text){large, API_BODY_LEN_MAX + 1};
    api_world_send(&world, &request);
    assert_problem(&world, 413, "payload_too_large", NULL, NULL);
    mem_free(large);
    api_world_deinit(&world);
}

static void wrong_method_tells_the_right_ones(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);

    api_world_call(&world, "PUT /api/v1/channels", ADMIN_KEY, "{}");
    assert_problem(&world, 405, "method_not_allowed", NULL, NULL);
    assert_text(api_world_header(&world, "allow"), "GET, HEAD, POST");
    api_world_call(&world, "OPTIONS /api/v1/channels/1", NULL, NULL);
    api_world_expect(&world, 204, NULL);
    assert_text(api_world_header(&world, "allow"), "GET, HEAD, PATCH, DELETE");
    assert_null(world.answer.body);
    api_world_call(&world, "GET /api/v1/channels/1/start", ADMIN_KEY, NULL);
    assert_problem(&world, 405, "method_not_allowed", "This path takes POST.", NULL);
    api_world_call(&world, "HEAD /api/v1/channels", NULL, NULL);
    api_world_expect(&world, 200, NULL);
    api_world_deinit(&world);
}

static void wrong_keys_from_one_address_are_shut_out(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    struct api_request request = {
        .method = TEXT("GET"),
        .path = TEXT("/api/v1/channels"),
        .authorization = TEXT("Bearer wrong"),
        .peer_address = TEXT("192.0.2.7"),
    };

    for (int i = 0; i < 10; i++) {
        api_world_send(&world, &request);
        assert_problem(&world, 401, "unauthorized", NULL, NULL);
    }
    request.authorization = TEXT("Bearer " ADMIN_KEY); /* not even the right one is looked at */
    api_world_send(&world, &request);
    assert_problem(&world, 429, "too_many_requests", NULL, NULL);
    assert_text(api_world_header(&world, "retry-after"), "60");
    request.authorization = (struct text){0}; /* who watches is not hit */
    api_world_send(&world, &request);
    api_world_expect(&world, 200, NULL);
    request.authorization = TEXT("Bearer " ADMIN_KEY);
    request.peer_address = TEXT("192.0.2.8");
    api_world_send(&world, &request);
    api_world_expect(&world, 200, NULL);
    api_world_deinit(&world);
}

static void credentials_of_a_proxy_are_not_ours(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    const struct api_request request = {
        .method = TEXT("GET"),
        .path = TEXT("/api/v1/channels"),
        .authorization = TEXT("Basic Zm9vOmJhcg=="),
    };

    api_world_send(&world, &request);
    api_world_expect(&world, 200, "{\"channels\":[],\"nextCursor\":null}");
    api_world_deinit(&world);
}

static void links_follow_the_host_unless_it_is_no_host(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool is_https;
        const char *whip;
        const char *rtmp;
    } cases[] = {
        {"live.example", true, "\"https://live.example/whip/1\"", "\"rtmp://live.example/live\""},
        {"[::1]:8080", false, "\"http://[::1]:8080/whip/1\"", "\"rtmp://[::1]/live\""},
        {"", false, "\"/whip/1\"", "\"rtmp://localhost/live\""},
        {"evil\"><script>", false, "\"/whip/1\"", "\"rtmp://localhost/live\""},
        {"a/b", false, "\"/whip/1\"", "\"rtmp://localhost/live\""},
    };
    struct api_world world;
    api_world_init(&world);
    (void)api_world_channel(&world, "Shoes");

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct api_request request = {
            .method = TEXT("GET"),
            .path = TEXT("/api/v1/channels/1"),
            .authorization = TEXT("Bearer stream-key-1"),
            .host = text_of(cases[i].host),
            .is_https = cases[i].is_https,
        };
        api_world_send(&world, &request);
        api_world_expect(&world, 200, NULL);
        struct text body = buf_text(world.answer.body);
        if (!text_contains(body, text_of(cases[i].whip)) ||
            !text_contains(body, text_of(cases[i].rtmp)))
            fail_msg("%s: %.*s", cases[i].host, TEXT_ARG(body));
    }
    api_world_deinit(&world);
}

static void configured_url_wins_and_rtmp_may_be_off_or_elsewhere(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_channel(&world, "Shoes");
    static const struct {
        uint16_t port;
        const char *rtmp;
    } cases[] = {{0, "\"rtmpUrl\":null"},
                 {19350, "\"rtmpUrl\":\"rtmp://shop.example:19350/live\""}};

    for (size_t i = 0; i < 2; i++) {
        struct api_config config = {.public_url = TEXT("https://shop.example"),
                                    .rtmp_port = cases[i].port};
        const struct api_request request = {
            .method = TEXT("GET"),
            .path = TEXT("/api/v1/channels/1"),
            .authorization = TEXT("Bearer stream-key-1"),
            .host = TEXT("127.0.0.1:8080"),
        };

        api_world_restart(&world, &config);
        api_world_send(&world, &request);
        struct text body = buf_text(world.answer.body);
        assert_true(text_contains(body, TEXT("\"https://shop.example/whip/1\"")));
        assert_true(text_contains(body, text_of(cases[i].rtmp)));
    }
    api_world_deinit(&world);
}

static void unstored_change_is_told_instead_of_the_answer(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);

    api_world_call(&world, "POST /api/v1/channels", ADMIN_KEY, "{\"title\":\"Shoes\"}");
    api_not_stored(&world.answer);
    assert_problem(&world, 503, "not_stored", NULL, NULL);
    api_world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(creating_a_channel_answers_all_that_is_needed),
        TEST_CASE(status_of_a_live_channel_is_complete),
        TEST_CASE(status_of_an_idle_channel_knows_nothing),
        TEST_CASE(prerendered_status_equals_the_answer),
        TEST_CASE(list_shows_the_live_first_and_no_keys),
        TEST_CASE(keys_are_shown_to_the_owner_and_the_admin_only),
        TEST_CASE(each_operation_checks_who_calls),
        TEST_CASE(life_of_a_channel_by_rest),
        TEST_CASE(wrong_input_is_refused_by_the_name_of_the_field),
        TEST_CASE(title_at_its_limit_is_taken_and_one_more_is_not),
        TEST_CASE(body_must_be_json_and_not_too_large),
        TEST_CASE(wrong_method_tells_the_right_ones),
        TEST_CASE(wrong_keys_from_one_address_are_shut_out),
        TEST_CASE(credentials_of_a_proxy_are_not_ours),
        TEST_CASE(links_follow_the_host_unless_it_is_no_host),
        TEST_CASE(configured_url_wins_and_rtmp_may_be_off_or_elsewhere),
        TEST_CASE(unstored_change_is_told_instead_of_the_answer),
    };
    return RUN_TESTS("api_rest", tests);
}
