/*
 * Inputs: each field of each operation refuses what it does not take and names itself; what looks
 * like SQL, HTML or a header stays text.
 */
#include <stdio.h>

#include "api/operation.h"
#include "api_world.h"
#include "base/mem.h"
#include "base/writer.h"

/* ---- each field ---- */

static void expect_field(const struct api_world *world, const char *what, const char *field)
{
    struct text body = world->answer.body ? buf_text(world->answer.body) : (struct text){0};

    if (world->answer.status != 400)
        fail_msg("%s: %d %.*s", what, world->answer.status, TEXT_ARG(body));
    json_t *json = api_world_json(world);
    json_t *data = json_object_get(json_object_get(json, "error"), "data"); /* of tRPC */
    json_t *errors = json_object_get(data ? data : json, "errors");
    json_t *error = json_array_get(errors, 0);
    const char *got = json_string_value(json_object_get(error, "field"));
    if (!got || strcmp(got, field) != 0)
        fail_msg("%s: %.*s", what, TEXT_ARG(body));
    assert_true(json_string_length(json_object_get(error, "message")) > 5);
    json_decref(json);
}

/* JSON that a field of this type never takes, whatever its bounds. */
static const char *const never[FIELD_CURSOR + 1][9] = {
    [FIELD_TEXT] = {"7", "true", "[]", "{}", "[\"x\"]"},
    [FIELD_INTEGER] = {"\"7\"", "1.5", "true", "[]", "{}", "9223372036854775807", "-1", "1e3"},
    [FIELD_BOOLEAN] = {"\"true\"", "0", "1", "[]", "{}"},
    [FIELD_WORD] = {"7", "\"\"", "\"no such word\"", "[]", "{}", "true"},
    [FIELD_WORDS] = {"\"read\"", "[]", "[\"no such word\"]", "[7]", "{}", "[\"\"]", "[null]", "7"},
    [FIELD_TIME] = {"7", "\"\"", "\"soon\"", "\"2026-13-01T00:00:00Z\"", "\"2026-11-21\"", "[]",
                    "\"1960-01-01T00:00:00Z\""},
    [FIELD_UUID] = {"7", "\"\"", "\"x\"", "\"0199A1B2-0000-7000-8000-000000000001\"", "[]",
                    "\"0199a1b2-0000-7000-8000-00000000000\"", "{}"},
    [FIELD_CURSOR] = {"7", "\"\"", "\"x\"", "[]", "{}", "true"},
};

/* What inputs name: channel 1, and this webhook. */
static char webhook_id[WORLD_TEXT_MAX];

static void make_things(struct api_world *world)
{
    const struct api_config config = {.mutations = {.per_second = 1, .burst = 100000}};

    api_world_init(world);
    api_world_restart(world, &config);
    (void)api_world_channel(world, "Shoes");
    api_world_call(world, "POST /api/v1/webhooks", ADMIN_KEY,
                   "{\"url\":\"https://shop.example/\",\"events\":[\"*\"]}");
    api_world_expect(world, 201, NULL);
    api_world_take(world, "id", webhook_id);
}

/* Something that the field takes, so that others can be looked at. */
static void write_good(struct writer *w, const struct field *field)
{
    if (field->type == FIELD_UUID) {
        writer_printf(w, "\"%s\"", webhook_id);
    } else if (field->type == FIELD_INTEGER) {
        writer_dec(w, (uint64_t)field->min);
    } else {
        assert_non_null(field->example);
        writer_str(w, field->example);
    }
}

/* A procedure with its required fields good, but for one. */
static void call_with(struct api_world *world, const struct operation *operation,
                      const struct field *field, const char *value)
{
    static char body[8192], line[9000];
    struct writer w = writer_fixed(body, sizeof(body) - 1);

    writer_char(&w, '{');
    for (const struct field *other = operation->fields; other->name; other++) {
        if (other != field && !(other->flags & FIELD_REQUIRED))
            continue;
        if (other == field && !value) /* missing */
            continue;
        writer_printf(&w, "%s\"%s\":", w.len > 1 ? "," : "", other->name);
        if (other == field)
            writer_str(&w, value);
        else
            write_good(&w, other);
    }
    writer_char(&w, '}');
    assert_false(w.failed);
    body[w.len] = '\0';
    bool is_query = operation->kind == OPERATION_QUERY;
    (void)snprintf(line, sizeof(line), "%s /trpc/%s%s%s", is_query ? "GET" : "POST",
                   operation->name, is_query ? "?input=" : "", is_query ? body : "");
    api_world_call(world, line, ADMIN_KEY, is_query ? NULL : body);
}

/* A browser's session is needed for two operations; the others take the admin key. */
static bool is_reachable(const struct operation *operation)
{
    return operation->kind != OPERATION_SUBSCRIPTION && operation->who != WHO_SESSION;
}

static void try_field(struct api_world *world, const struct operation *operation,
                      const struct field *field)
{
    char what[200];

    for (size_t i = 0; i < 9 && never[field->type][i]; i++) {
        const char *value = never[field->type][i];
        (void)snprintf(what, sizeof(what), "%s.%s = %s", operation->name, field->name, value);
        if (strcmp(value, "9223372036854775807") == 0 && field->max == INT64_MAX)
            continue;
        call_with(world, operation, field, value);
        expect_field(world, what, field->name);
    }
    if (!(field->flags & FIELD_NULLABLE) && field->type != FIELD_CURSOR) {
        (void)snprintf(what, sizeof(what), "%s.%s = null", operation->name, field->name);
        call_with(world, operation, field, "null");
        expect_field(world, what, field->name);
    }
    if (field->flags & FIELD_REQUIRED) {
        (void)snprintf(what, sizeof(what), "%s without %s", operation->name, field->name);
        call_with(world, operation, field, NULL);
        expect_field(world, what, field->name);
    }
}

static void each_field_refuses_other_types_and_names_itself(void **state)
{
    (void)state;
    struct api_world world;
    size_t fields = 0;

    make_things(&world);
    for (size_t i = 0; i < operation_count(); i++) {
        const struct operation *operation = operation_at(i);

        if (!is_reachable(operation))
            continue;
        for (const struct field *field = operation->fields; field->name; field++, fields++)
            try_field(&world, operation, field);
    }
    assert_true(fields > 60);
    assert_int_equal(channel_directory_count(world.dir), 1); /* nothing was made */
    assert_int_equal(account_directory_count(world.accounts), 0);
    assert_int_equal(webhook_count(world.hub), 1);
    api_world_deinit(&world);
}

/* Texts and numbers: one step over each bound. */
static void each_field_knows_its_bounds(void **state)
{
    (void)state;
    struct api_world world;

    make_things(&world);
    for (size_t i = 0; i < operation_count(); i++) {
        const struct operation *operation = operation_at(i);

        if (!is_reachable(operation))
            continue;
        for (const struct field *field = operation->fields; field->name; field++) {
            static char value[4096];
            char what[200];

            (void)snprintf(what, sizeof(what), "%s.%s", operation->name, field->name);
            if (field->type == FIELD_TEXT) {
                (void)snprintf(value, sizeof(value), "\"%0*d\"", (int)field->max + 1, 0);
                call_with(&world, operation, field, value);
                expect_field(&world, what, field->name);
                if (field->min > 1) {
                    (void)snprintf(value, sizeof(value), "\"%0*d\"", (int)field->min - 1, 0);
                    call_with(&world, operation, field, value);
                    expect_field(&world, what, field->name);
                }
            } else if (field->type == FIELD_INTEGER) {
                for (int side = 0; side < 2; side++) {
                    if (side == 1 && field->max == INT64_MAX)
                        continue;
                    (void)snprintf(value, sizeof(value), "%lld",
                                   (long long)(side ? field->max + 1 : field->min - 1));
                    call_with(&world, operation, field, value);
                    expect_field(&world, what, field->name);
                }
            }
        }
    }
    api_world_deinit(&world);
}

static void unknown_members_are_named(void **state)
{
    (void)state;
    struct api_world world;

    api_world_init(&world);
    (void)api_world_channel(&world, "Shoes");
    for (size_t i = 0; i < operation_count(); i++) {
        const struct operation *operation = operation_at(i);

        if (!is_reachable(operation) || operation_field_count(operation) == 0)
            continue;
        static char line[600];
        bool is_query = operation->kind == OPERATION_QUERY;
        (void)snprintf(line, sizeof(line), "%s /trpc/%s%s", is_query ? "GET" : "POST",
                       operation->name, is_query ? "?input={\"surplus\":1}" : "");
        api_world_call(&world, line, ADMIN_KEY, is_query ? NULL : "{\"surplus\":1}");
        expect_field(&world, operation->name, "surplus");
    }
    api_world_deinit(&world);
}

/* ---- what looks like something else ---- */

static const char *const shapes[] = {
    "'; DROP TABLE channels; --",
    "\" OR 1=1 --",
    "x'); DELETE FROM accounts WHERE ('1'='1",
    "$1 %s %n %p {0} ${jndi:ldap://x}",
    "line\r\nSet-Cookie: stoa_session=evil",
    "<script>alert(1)</script>",
    "\\u0022}\\\\,{",
    "100% _like_ % wildcards",
    "\xf0\x9f\x91\x9f \xe2\x80\xae rtl \xc2\xa0",
};

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

static char *as_json(const char *text)
{
    json_t *value = json_string(text);
    char *json = json_dumps(value, JSON_ENCODE_ANY);

    assert_non_null(value);
    json_decref(value);
    return json;
}

static void expect_member(const struct api_world *world, const char *member, const char *wanted)
{
    json_t *json = api_world_json(world);

    assert_string_equal(json_string_value(json_object_get(json, member)), wanted);
    json_decref(json);
}

static void titles_and_names_stay_what_they_are(void **state)
{
    (void)state;
    struct api_world world;
    char body[600], line[600], id[WORLD_TEXT_MAX];
    size_t channels = 0;

    api_world_init(&world);
    for (size_t i = 0; i < SHAPES; i++) {
        char *json = as_json(shapes[i]);

        (void)snprintf(body, sizeof(body), "{\"title\":%s}", json);
        api_world_call(&world, "POST /api/v1/channels", ADMIN_KEY, body);
        if (strpbrk(shapes[i], "\r\n")) { /* titles have no control characters */
            expect_field(&world, shapes[i], "title");
        } else {
            api_world_expect(&world, 201, NULL);
            expect_member(&world, "title", shapes[i]);
            (void)snprintf(line, sizeof(line), "GET /api/v1/channels/%zu", ++channels);
            api_world_call(&world, line, ADMIN_KEY, NULL);
            expect_member(&world, "title", shapes[i]);
        }

        (void)snprintf(body, sizeof(body),
                       "{\"email\":\"a%zu@b.example\",\"displayName\":%s,\"role\":\"buyer\"}", i,
                       json);
        api_world_call(&world, "POST /api/v1/accounts", ADMIN_KEY, body);
        if (strpbrk(shapes[i], "\r\n")) { /* names have no control characters */
            expect_field(&world, shapes[i], "displayName");
        } else {
            api_world_expect(&world, 201, NULL);
            expect_member(&world, "displayName", shapes[i]);
            api_world_take(&world, "id", id);
        }
        mem_free(json);
    }
    assert_int_equal(store_place_number(&world.place, "SELECT count(*) FROM channels"), channels);
    api_world_deinit(&world);
}

/* Searches find the characters, not patterns. */
static void searches_take_text_and_no_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *q;
        size_t found;
    } cases[] = {{"%25", 1}, {"_", 1}, {"'%20OR%20'1'='1", 0}, {"*", 0}, {".%2B", 0}, {"SHOES", 1}};
    struct api_world world;

    api_world_init(&world);
    (void)api_world_channel(&world, "100% _like_");
    (void)api_world_channel(&world, "Shoes");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[100];

        (void)snprintf(line, sizeof(line), "GET /api/v1/channels?q=%s", cases[i].q);
        api_world_call(&world, line, NULL, NULL);
        api_world_expect(&world, 200, NULL);
        json_t *json = api_world_json(&world);
        assert_int_equal(json_array_size(json_object_get(json, "channels")), cases[i].found);
        json_decref(json);
    }
    api_world_deinit(&world);
}

/* E-mails, passwords and user agents of any kind: nobody gets in, and nothing breaks. */
static void sign_in_takes_any_text(void **state)
{
    (void)state;
    struct api_world world;
    char body[900];

    api_world_init(&world);
    (void)api_world_account(&world, "ada@shop.example", "seller");
    for (size_t i = 0; i < SHAPES; i++) {
        char *json = as_json(shapes[i]);
        struct api_request request = {
            .method = TEXT("POST"),
            .path = TEXT("/api/v1/auth/sign-in"),
            .content_type = TEXT("application/json"),
            .peer_address = TEXT("192.0.2.1"),
            .user_agent = text_of(shapes[i]),
            .cookie = text_of(shapes[i]),
            .csrf_token = text_of(shapes[i]),
            .host = text_of(shapes[i]),
        };

        world.now_us += 3600 * US_PER_S; /* the guard forgets */
        (void)snprintf(body, sizeof(body), "{\"email\":%s,\"password\":%s}", json, json);
        request.body = text_of(body);
        api_world_send(&world, &request);
        api_world_expect_problem(&world, 401, "unauthorized");
        request.body = TEXT("{\"email\":\"ada@shop.example\",\"password\":\"password of "
                            "ada@shop.example\"}");
        api_world_send(&world, &request);
        api_world_expect(&world, 200, NULL);
        for (size_t k = 0; k < world.answer.header_count; k++)
            assert_null(strpbrk(world.answer.headers[k].value, "\r\n"));
        mem_free(json);
    }
    assert_int_equal(store_place_number(&world.place, "SELECT count(*) FROM sessions"), SHAPES);
    api_world_deinit(&world);
}

/* Bytes that are no UTF-8, in a header that nobody checks before. */
static void user_agent_of_any_bytes_is_stored(void **state)
{
    (void)state;
    struct api_world world;
    const struct api_request request = {
        .method = TEXT("POST"),
        .path = TEXT("/api/v1/auth/sign-in"),
        .content_type = TEXT("application/json"),
        .peer_address = TEXT("192.0.2.1"),
        .user_agent = TEXT("\xff\xfe\x80 agent \xc3"),
        .body = TEXT("{\"email\":\"ada@shop.example\",\"password\":\"password of "
                     "ada@shop.example\"}"),
    };

    api_world_init(&world);
    (void)api_world_account(&world, "ada@shop.example", "seller");
    api_world_send(&world, &request);
    api_world_expect(&world, 200, NULL);
    assert_int_equal(store_place_number(&world.place, "SELECT count(*) FROM sessions"), 1);
    api_world_call(&world, "GET /api/v1/audit", ADMIN_KEY, NULL);
    api_world_expect(&world, 200, NULL);
    json_decref(api_world_json(&world));
    api_world_deinit(&world);
}

/* Of the request, in what the answer says back. */
static void answers_quote_no_more_than_they_must(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "GET /api/v1/<script>alert(1)</script>",
        "GET /trpc/%22%7D%0d%0aSet-Cookie:%20a=b",
        "GET /api/v1/channels/%0d%0aLocation:%20x",
        "GET /api/v1/accounts/' OR 1=1 --",
        "DELETE /api/v1/api-keys/%27%3BDROP%20TABLE%20accounts",
    };
    struct api_world world;

    api_world_init(&world);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        api_world_call(&world, lines[i], ADMIN_KEY, NULL);
        assert_true(world.answer.status == 400 || world.answer.status == 404);
        assert_true(text_ends_with(api_world_header(&world, "content-type"), TEXT("json")));
        json_decref(api_world_json(&world));
        for (size_t k = 0; k < world.answer.header_count; k++)
            assert_null(strpbrk(world.answer.headers[k].value, "\r\n"));
    }
    api_world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(each_field_refuses_other_types_and_names_itself),
        TEST_CASE(each_field_knows_its_bounds),
        TEST_CASE(unknown_members_are_named),
        TEST_CASE(titles_and_names_stay_what_they_are),
        TEST_CASE(searches_take_text_and_no_patterns),
        TEST_CASE(sign_in_takes_any_text),
        TEST_CASE(user_agent_of_any_bytes_is_stored),
        TEST_CASE(answers_quote_no_more_than_they_must),
    };
    return RUN_TESTS("api_input", tests);
}
