/*
 * Signing in and out, accounts, API keys, publish tokens, and what the audit log says about it.
 */
#include <stdio.h>

#include "api_world.h"

#define SIGN_IN "POST /api/v1/auth/sign-in"

static void call_as(struct api_world *world, const char *line, const struct world_session *session,
                    const char *body)
{
    const struct world_who who = {.cookie = session->cookie, .csrf = session->csrf};

    api_world_call_as(world, line, &who, body);
}

/* The cookie that the answer set, as the browser sends it. */
static void take_cookie(const struct api_world *world, char to[WORLD_TEXT_MAX])
{
    struct text header = api_world_header(world, "set-cookie");

    assert_true(text_starts_with(header, TEXT("stoa_session=")));
    struct text pair = text_cut(&header, ';');
    (void)snprintf(to, WORLD_TEXT_MAX, "%.*s", TEXT_ARG(pair));
}

static void signing_in_gives_a_session_that_works(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    const struct account_row *row = api_world_account(&world, "ada@shop.example", "seller");
    char cookie[WORLD_TEXT_MAX], csrf[WORLD_TEXT_MAX], expected[700];
    struct world_who who = {0};

    (void)api_world_channel_of(&world, "Shoes", row->id);
    api_world_call_as(&world, SIGN_IN, &who,
                      "{\"email\":\"Ada@Shop.example\",\"password\":\"password of "
                      "ada@shop.example\"}");
    api_world_expect(&world, 200, NULL);
    take_cookie(&world, cookie);
    assert_true(text_contains(api_world_header(&world, "set-cookie"),
                              TEXT("; Path=/; HttpOnly; SameSite=Lax")));
    assert_text(api_world_header(&world, "cache-control"), "no-store");
    assert_int_equal(world.answer.last_ticket, world.last_ticket); /* the session is stored first */
    api_world_take(&world, "csrfToken", csrf);
    (void)snprintf(expected, sizeof(expected),
                   "{\"account\":{\"id\":\"%s\",\"email\":\"ada@shop.example\",\"displayName\":"
                   "\"ada@shop.example\",\"role\":\"seller\",\"disabled\":false,\"createdAt\":"
                   "\"2026-11-21T08:40:00.000Z\",\"channelCount\":1},\"csrfToken\":\"%s\","
                   "\"expiresAt\":\"2026-12-05T08:40:00.000Z\"}",
                   row->id, csrf);
    api_world_expect(&world, 200, expected);

    who.cookie = cookie;
    api_world_call_as(&world, "GET /api/v1/auth/me", &who, NULL);
    (void)snprintf(expected + strlen(expected) - 1, 200,
                   ",\"via\":\"session\",\"scopes\":[\"read\",\"channels\",\"publish\","
                   "\"webhooks\"],\"channelId\":null}");
    api_world_expect(&world, 200, expected);

    api_world_call_as(&world, "POST /api/v1/channels/1/start", &who, NULL);
    api_world_expect_problem(&world, 403, "csrf_failed");
    who.csrf = csrf;
    api_world_call_as(&world, "POST /api/v1/channels/1/start", &who, NULL);
    api_world_expect(&world, 200, NULL);

    api_world_call_as(&world, "POST /api/v1/auth/sign-out", &who, NULL);
    api_world_expect(&world, 200, "{\"success\":true}");
    assert_true(text_contains(api_world_header(&world, "set-cookie"), TEXT("Max-Age=0")));
    api_world_call_as(&world, "POST /api/v1/channels/1/end", &who, NULL);
    api_world_expect_problem(&world, 401, "session_expired");
    api_world_call_as(&world, "GET /api/v1/auth/me", &who, NULL);
    api_world_expect(&world, 200,
                     "{\"account\":null,\"csrfToken\":null,\"expiresAt\":null,\"via\":null,"
                     "\"scopes\":[],\"channelId\":null}");
    api_world_deinit(&world);
}

static void cookie_is_secure_when_the_browser_came_by_https(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_account(&world, "ada@shop.example", "seller");
    struct api_request request = {
        .method = TEXT("POST"),
        .path = TEXT("/api/v1/auth/sign-in"),
        .content_type = TEXT("application/json"),
        .peer_address = TEXT("192.0.2.1"),
        .body = TEXT("{\"email\":\"ada@shop.example\",\"password\":\"password of "
                     "ada@shop.example\"}"),
    };

    for (int i = 0; i < 2; i++) {
        request.is_https = i == 1;
        api_world_send(&world, &request);
        api_world_expect(&world, 200, NULL);
        assert_int_equal(text_contains(api_world_header(&world, "set-cookie"), TEXT("; Secure")),
                         i);
    }
    api_world_deinit(&world);
}

static void keys_of_all_kinds_tell_who_they_are(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    const struct account_row *row = api_world_account(&world, "ada@shop.example", "seller");
    char key[ACCOUNT_KEY_LEN + 1];

    (void)api_world_channel_of(&world, "Shoes", row->id);
    api_world_key(&world, row->id, SCOPE_READ | SCOPE_PUBLISH, key);
    const struct {
        const char *bearer;
        const char *end;
    } cases[] = {
        {NULL, "\"via\":null,\"scopes\":[],\"channelId\":null}"},
        {key, "\"via\":\"apiKey\",\"scopes\":[\"read\",\"publish\"],\"channelId\":null}"},
        {ADMIN_KEY, "\"via\":\"adminKey\",\"scopes\":[\"read\",\"channels\",\"publish\","
                    "\"webhooks\",\"accounts\",\"admin\"],\"channelId\":null}"},
        {"stream-key-1", "\"via\":\"streamKey\",\"scopes\":[\"read\",\"channels\",\"publish\"],"
                         "\"channelId\":1}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        api_world_call(&world, "GET /api/v1/auth/me", cases[i].bearer, NULL);
        api_world_expect(&world, 200, NULL);
        struct text body = buf_text(world.answer.body);
        if (!text_ends_with(body, text_of(cases[i].end)))
            fail_msg("%.*s", TEXT_ARG(body));
    }
    api_world_deinit(&world);
}

static void wrong_passwords_are_refused_and_then_shut_out(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_account(&world, "ada@shop.example", "seller");
    size_t denied = 0, shut_out = 0;

    for (int i = 0; i < 1000; i++) {
        api_world_call(&world, SIGN_IN, NULL,
                       "{\"email\":\"ada@shop.example\",\"password\":\"wrong\"}");
        denied += world.answer.status == 401;
        shut_out += world.answer.status == 429;
        if (i == 0)
            api_world_expect_problem(&world, 401, "unauthorized");
        if (i == 199) { /* not by the rate of all changes, but by the guard */
            api_world_expect_problem(&world, 429, "too_many_requests");
            assert_text(api_world_header(&world, "retry-after"), "60");
        }
    }
    assert_int_equal(denied, 10); /* so many hashes were made */
    assert_int_equal(shut_out, 990);
    assert_int_equal(api_world_header(&world, "set-cookie").len, 0);
    api_world_deinit(&world);
}

static void disabled_account_is_told_so_to_who_knows_its_password(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    const struct account_row *row = api_world_account(&world, "ada@shop.example", "seller");
    struct world_session session = api_world_session(&world, "ada@shop.example");
    char line[100];

    (void)snprintf(line, sizeof(line), "PATCH /api/v1/accounts/%s", row->id);
    api_world_call(&world, line, ADMIN_KEY, "{\"disabled\":true}");
    api_world_expect(&world, 200, NULL);
    assert_true(text_contains(buf_text(world.answer.body), TEXT("\"disabled\":true")));
    call_as(&world, "POST /api/v1/channels", &session, "{\"title\":\"t\"}");
    api_world_expect_problem(&world, 401, "session_expired");
    api_world_call(&world, SIGN_IN, NULL,
                   "{\"email\":\"ada@shop.example\",\"password\":\"wrong password\"}");
    api_world_expect_problem(&world, 401, "unauthorized");
    api_world_call(&world, SIGN_IN, NULL,
                   "{\"email\":\"ada@shop.example\",\"password\":\"password of "
                   "ada@shop.example\"}");
    api_world_expect_problem(&world, 403, "account_disabled");
    api_world_deinit(&world);
}

static void changing_the_password_ends_the_other_sessions(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_account(&world, "ada@shop.example", "seller");
    struct world_session here = api_world_session(&world, "ada@shop.example");
    struct world_session there = api_world_session(&world, "ada@shop.example");

    call_as(&world, "POST /api/v1/auth/password", &here,
            "{\"currentPassword\":\"wrong\",\"newPassword\":\"a new password\"}");
    api_world_expect_problem(&world, 400, "invalid_input");
    assert_true(text_contains(buf_text(world.answer.body),
                              TEXT("\"errors\":[{\"field\":\"currentPassword\"")));
    call_as(&world, "POST /api/v1/auth/password", &here,
            "{\"currentPassword\":\"password of ada@shop.example\",\"newPassword\":\"short\"}");
    api_world_expect_problem(&world, 400, "invalid_input");
    call_as(&world, "POST /api/v1/auth/password", &here,
            "{\"currentPassword\":\"password of ada@shop.example\",\"newPassword\":\"a new "
            "password\"}");
    api_world_expect(&world, 200, "{\"success\":true}");
    call_as(&world, "POST /api/v1/channels", &here, "{\"title\":\"t\"}");
    api_world_expect(&world, 201, NULL);
    call_as(&world, "POST /api/v1/channels", &there, "{\"title\":\"t\"}");
    api_world_expect_problem(&world, 401, "session_expired");
    api_world_call(&world, SIGN_IN, NULL,
                   "{\"email\":\"ada@shop.example\",\"password\":\"a new password\"}");
    api_world_expect(&world, 200, NULL);
    api_world_deinit(&world);
}

/* ---- accounts ---- */

static void account_without_a_password_gets_one_that_is_shown_once(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    char id[WORLD_TEXT_MAX], password[WORLD_TEXT_MAX], line[600];

    api_world_call(&world, "POST /api/v1/accounts", ADMIN_KEY,
                   "{\"email\":\"Bob@Shop.example\",\"displayName\":\"Bob\",\"role\":\"seller\"}");
    api_world_expect(&world, 201, NULL);
    api_world_take(&world, "id", id);
    api_world_take(&world, "password", password);
    assert_int_equal(strlen(password), PASSWORD_DRAWN_LEN);

    (void)snprintf(line, sizeof(line), "GET /api/v1/accounts/%s", id);
    api_world_call(&world, line, ADMIN_KEY, NULL);
    api_world_expect(&world, 200, NULL);
    assert_false(text_contains(buf_text(world.answer.body), TEXT("password")));
    (void)snprintf(line, sizeof(line), "{\"email\":\"bob@shop.example\",\"password\":\"%s\"}",
                   password);
    api_world_call(&world, SIGN_IN, NULL, line);
    api_world_expect(&world, 200, NULL);

    api_world_call(&world, "POST /api/v1/accounts", ADMIN_KEY,
                   "{\"email\":\"bob@shop.example\",\"displayName\":\"B\",\"role\":\"buyer\","
                   "\"password\":\"given by the admin\"}");
    api_world_expect_problem(&world, 409, "conflict");
    api_world_call(&world, "POST /api/v1/accounts", ADMIN_KEY,
                   "{\"email\":\"eve@shop.example\",\"displayName\":\"E\",\"role\":\"buyer\","
                   "\"password\":\"given by the admin\"}");
    api_world_expect(&world, 201, NULL);
    assert_false(text_contains(buf_text(world.answer.body), TEXT("password")));
    api_world_call(&world, SIGN_IN, NULL,
                   "{\"email\":\"eve@shop.example\",\"password\":\"given by the admin\"}");
    api_world_expect(&world, 200, NULL);
    api_world_deinit(&world);
}

static void wrong_inputs_of_accounts_name_their_field(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *body;
        const char *field;
    } cases[] = {
        {"POST /api/v1/accounts", "{\"displayName\":\"B\",\"role\":\"buyer\"}", "email"},
        {"POST /api/v1/accounts", "{\"email\":\"no\",\"displayName\":\"B\",\"role\":\"buyer\"}",
         "email"},
        {"POST /api/v1/accounts", "{\"email\":\"a b@c\",\"displayName\":\"B\",\"role\":\"buyer\"}",
         "email"},
        {"POST /api/v1/accounts", "{\"email\":\"b@c.d\",\"displayName\":\"\",\"role\":\"buyer\"}",
         "displayName"},
        {"POST /api/v1/accounts", "{\"email\":\"b@c.d\",\"displayName\":\"B\",\"role\":\"king\"}",
         "role"},
        {"POST /api/v1/accounts",
         "{\"email\":\"b@c.d\",\"displayName\":\"B\",\"role\":\"buyer\",\"password\":\"short\"}",
         "password"},
        {"POST /api/v1/accounts",
         "{\"email\":\"b@c.d\",\"displayName\":\"B\",\"role\":\"buyer\",\"id\":\"x\"}", "id"},
        {"GET /api/v1/accounts/7", NULL, "id"},
        {"GET /api/v1/accounts/0199A1B2-0000-7000-8000-000000000001", NULL, "id"},
        {"GET /api/v1/accounts?cursor=x", NULL, "cursor"},
        {"GET /api/v1/accounts?cursor=YWNjb3VudC5saXN0IHg", NULL, "cursor"},
        {"POST /api/v1/api-keys", "{\"scopes\":[\"read\"]}", "name"},
        {"POST /api/v1/api-keys", "{\"name\":\"k\",\"scopes\":[]}", "scopes"},
        {"POST /api/v1/api-keys", "{\"name\":\"k\",\"scopes\":[\"king\"]}", "scopes"},
        {"POST /api/v1/api-keys", "{\"name\":\"k\",\"scopes\":[\"read\",\"read\"]}", "scopes"},
        {"POST /api/v1/api-keys", "{\"name\":\"k\",\"scopes\":[7]}", "scopes"},
        {"POST /api/v1/api-keys", "{\"name\":\"k\",\"scopes\":\"read\"}", "scopes"},
        {"POST /api/v1/api-keys", "{\"name\":\"k\",\"scopes\":[\"read\"],\"expiresAt\":7}",
         "expiresAt"},
        {"POST /api/v1/api-keys", "{\"name\":\"k\",\"scopes\":[\"read\"],\"expiresAt\":\"soon\"}",
         "expiresAt"},
        {"POST /api/v1/api-keys",
         "{\"name\":\"k\",\"scopes\":[\"read\"],\"expiresAt\":\"2020-01-01T00:00:00Z\"}",
         "expiresAt"},
        {"POST /api/v1/auth/password", "{\"currentPassword\":\"x\",\"newPassword\":\"short\"}",
         "newPassword"},
        {"PATCH /api/v1/accounts/0199a1b2-0000-7000-8000-000000000001", "{\"disabled\":\"yes\"}",
         "disabled"},
    };
    struct api_world world;
    api_world_init(&world);
    (void)api_world_account(&world, "admin@shop.example", "admin");
    struct world_session session = api_world_session(&world, "admin@shop.example");

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        call_as(&world, cases[i].line, &session, cases[i].body);
        api_world_expect_problem(&world, 400, "invalid_input");
        json_t *json = api_world_json(&world);
        const char *field = json_string_value(
            json_object_get(json_array_get(json_object_get(json, "errors"), 0), "field"));
        if (!field || strcmp(field, cases[i].field) != 0)
            fail_msg("%s %s: %.*s", cases[i].line, cases[i].body,
                     TEXT_ARG(buf_text(world.answer.body)));
        json_decref(json);
    }
    api_world_deinit(&world);
}

static void accounts_come_in_pages_and_can_be_searched(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    char email[40], line[600], cursor[WORLD_TEXT_MAX] = "";
    size_t pages = 0, seen = 0;
    unsigned seen_bits = 0;

    for (int i = 0; i < 7; i++) {
        (void)snprintf(email, sizeof(email), "person%d@shop.example", i);
        (void)api_world_account(&world, email, "buyer");
        world.now_us += i % 2; /* some in the same moment */
    }
    for (bool has_more = true; has_more; pages++) {
        (void)snprintf(line, sizeof(line), "GET /api/v1/accounts?limit=3%s%s",
                       *cursor ? "&cursor=" : "", cursor);
        api_world_call(&world, line, ADMIN_KEY, NULL);
        api_world_expect(&world, 200, NULL);
        json_t *json = api_world_json(&world);
        json_t *accounts = json_object_get(json, "accounts");
        for (size_t i = 0; i < json_array_size(accounts); i++, seen++) {
            const char *got =
                json_string_value(json_object_get(json_array_get(accounts, i), "email"));
            seen_bits |= 1U << (got[strlen("person")] - '0'); /* each once, in any order */
        }
        has_more = !json_is_null(json_object_get(json, "nextCursor"));
        json_decref(json);
        if (has_more)
            api_world_take(&world, "nextCursor", cursor);
    }
    assert_int_equal(pages, 3);
    assert_int_equal(seen, 7);
    assert_int_equal(seen_bits, 0x7f);
    api_world_call(&world, "GET /api/v1/accounts?q=PERSON3", ADMIN_KEY, NULL);
    json_t *json = api_world_json(&world);
    assert_int_equal(json_array_size(json_object_get(json, "accounts")), 1);
    json_decref(json);
    api_world_deinit(&world);
}

/* ---- keys ---- */

static void key_is_shown_once_works_and_can_be_revoked(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    (void)api_world_account(&world, "ada@shop.example", "seller");
    struct world_session session = api_world_session(&world, "ada@shop.example");
    char id[WORLD_TEXT_MAX], key[WORLD_TEXT_MAX], line[600];

    call_as(&world, "POST /api/v1/api-keys", &session,
            "{\"name\":\"shop\",\"scopes\":[\"publish\",\"channels\"],\"expiresAt\":"
            "\"2026-11-21T09:40:00Z\"}");
    api_world_expect(&world, 201, NULL);
    assert_true(
        text_contains(buf_text(world.answer.body), TEXT("\"scopes\":[\"channels\",\"publish\"]")));
    api_world_take(&world, "id", id);
    api_world_take(&world, "key", key);
    call_as(&world, "GET /api/v1/api-keys", &session, NULL);
    api_world_expect(&world, 200, NULL);
    assert_false(text_contains(buf_text(world.answer.body), text_of(key)));

    api_world_call(&world, "POST /api/v1/channels", key, "{\"title\":\"by key\"}");
    api_world_expect(&world, 201, NULL);
    assert_string_equal(channel_find(world.dir, 1)->host_user_id,
                        account_find_by_email(world.accounts, TEXT("ada@shop.example"))->id);
    world.now_us += 3601 * US_PER_S;
    api_world_call(&world, "POST /api/v1/channels", key, "{\"title\":\"late\"}");
    api_world_expect_problem(&world, 401, "unauthorized");
    world.now_us -= 3601 * US_PER_S;
    (void)snprintf(line, sizeof(line), "DELETE /api/v1/api-keys/%s", id);
    for (int i = 0; i < 2; i++) {
        call_as(&world, line, &session, NULL);
        api_world_expect(&world, 200, "{\"success\":true}");
    }
    api_world_call(&world, "POST /api/v1/channels", key, "{\"title\":\"revoked\"}");
    api_world_expect_problem(&world, 401, "unauthorized");

    call_as(&world, "POST /api/v1/api-keys", &session, "{\"name\":\"x\",\"scopes\":[\"admin\"]}");
    api_world_expect_problem(&world, 400, "invalid_input"); /* more than a seller may */
    api_world_deinit(&world);
}

static void admin_makes_keys_for_others(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    const struct account_row *row = api_world_account(&world, "ada@shop.example", "seller");
    struct world_session session = api_world_session(&world, "ada@shop.example");
    char body[200], key[WORLD_TEXT_MAX];

    api_world_call(&world, "POST /api/v1/api-keys", ADMIN_KEY,
                   "{\"name\":\"x\",\"scopes\":[\"read\"]}");
    api_world_expect_problem(&world, 400, "invalid_input"); /* it has no account of its own */
    (void)snprintf(body, sizeof(body),
                   "{\"name\":\"x\",\"scopes\":[\"read\"],\"accountId\":\"%s\"}", row->id);
    api_world_call(&world, "POST /api/v1/api-keys", ADMIN_KEY, body);
    api_world_expect(&world, 201, NULL);
    api_world_take(&world, "key", key);
    api_world_call(&world, "GET /api/v1/auth/me", key, NULL);
    assert_true(text_contains(buf_text(world.answer.body), TEXT("ada@shop.example")));
    call_as(&world, "POST /api/v1/api-keys", &session, body); /* the own id may be named */
    api_world_expect(&world, 201, NULL);
    row = api_world_account(&world, "eve@shop.example", "seller");
    (void)snprintf(body, sizeof(body),
                   "{\"name\":\"x\",\"scopes\":[\"read\"],\"accountId\":\"%s\"}", row->id);
    call_as(&world, "POST /api/v1/api-keys", &session, body);
    api_world_expect_problem(&world, 403, "forbidden");
    api_world_deinit(&world);
}

static void publish_token_reads_and_ends_when_it_is_revoked(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    char id[WORLD_TEXT_MAX], token[WORLD_TEXT_MAX], line[600];

    (void)api_world_channel(&world, "Shoes");
    api_world_call(&world, "POST /api/v1/channels/1/start", "stream-key-1", NULL);
    api_world_expect(&world, 200, NULL);
    json_t *json = api_world_json(&world);
    json_t *publish = json_object_get(json, "publish");
    assert_int_equal(json_string_length(json_object_get(publish, "token")), ACCOUNT_KEY_LEN);
    assert_string_equal(json_string_value(json_object_get(publish, "tokenExpiresAt")),
                        "2026-11-21T20:40:00.000Z");
    json_decref(json);

    api_world_call(&world, "POST /api/v1/channels/1/publish-tokens", "stream-key-1",
                   "{\"expiresInSeconds\":60}");
    api_world_expect(&world, 201, NULL);
    api_world_take(&world, "id", id);
    api_world_take(&world, "token", token);
    api_world_call(&world, "GET /api/v1/channels/1", token, NULL);
    api_world_expect(&world, 200, NULL);
    assert_false(text_contains(buf_text(world.answer.body), TEXT("stream-key")));
    api_world_call(&world, "GET /api/v1/channels/1/publish-tokens", "stream-key-1", NULL);
    json = api_world_json(&world);
    assert_int_equal(json_array_size(json_object_get(json, "publishTokens")), 2);
    json_decref(json);
    assert_false(text_contains(buf_text(world.answer.body), text_of(token)));

    (void)snprintf(line, sizeof(line), "DELETE /api/v1/channels/1/publish-tokens/%s", id);
    api_world_call(&world, line, "stream-key-1", NULL);
    api_world_expect(&world, 200, "{\"success\":true}");
    assert_string_equal(world.revoked_token, id); /* who publishes with it is closed */
    api_world_call(&world, "GET /api/v1/channels/1", token, NULL);
    api_world_expect_problem(&world, 401, "unauthorized");
    api_world_call(&world, "POST /api/v1/channels/1/publish-tokens", "stream-key-1",
                   "{\"expiresInSeconds\":59}");
    api_world_expect_problem(&world, 400, "invalid_input");
    api_world_deinit(&world);
}

/* ---- the audit log ---- */

static void each_change_is_in_the_audit_log_with_who_made_it(void **state)
{
    (void)state;
    static const struct {
        const char *action;
        const char *actor;
        const char *target;
    } wanted[] = {
        {"channel.end", "stream key of channel 1", "channel 1"},
        {"channel.create", "ada@shop.example", "channel 1"},
        {"auth.signIn", "ada@shop.example", NULL},
        {"account.create", "admin key", NULL},
    };
    struct api_world world;
    api_world_init(&world);
    char cookie[WORLD_TEXT_MAX], csrf[WORLD_TEXT_MAX];
    struct world_who who = {.cookie = cookie, .csrf = csrf};

    api_world_call(&world, "POST /api/v1/accounts", ADMIN_KEY,
                   "{\"email\":\"ada@shop.example\",\"displayName\":\"Ada\",\"role\":\"seller\","
                   "\"password\":\"given by the admin\"}");
    world.now_us += US_PER_S;
    api_world_call(&world, SIGN_IN, NULL,
                   "{\"email\":\"ada@shop.example\",\"password\":\"given by the admin\"}");
    take_cookie(&world, cookie);
    api_world_take(&world, "csrfToken", csrf);
    world.now_us += US_PER_S;
    api_world_call_as(&world, "POST /api/v1/channels", &who, "{\"title\":\"Shoes\"}");
    api_world_expect(&world, 201, NULL);
    world.now_us += US_PER_S;
    char key[SECRET_LEN_MAX + 1];
    (void)snprintf(key, sizeof(key), "%.*s",
                   TEXT_ARG(secret_reveal(&channel_find(world.dir, 1)->stream_key)));
    api_world_call(&world, "POST /api/v1/channels/1/end", key, NULL);
    api_world_expect(&world, 200, NULL);
    api_world_call(&world, "POST /api/v1/channels/2/end", key, NULL); /* refused: not in the log */

    api_world_call(&world, "GET /api/v1/audit?limit=10", ADMIN_KEY, NULL);
    api_world_expect(&world, 200, NULL);
    assert_false(text_contains(buf_text(world.answer.body), TEXT("given by the admin")));
    assert_false(text_contains(buf_text(world.answer.body), text_of(key)));
    json_t *json = api_world_json(&world);
    json_t *entries = json_object_get(json, "entries");
    assert_int_equal(json_array_size(entries), 4);
    for (size_t i = 0; i < 4; i++) {
        json_t *entry = json_array_get(entries, i);
        assert_string_equal(json_string_value(json_object_get(entry, "action")), wanted[i].action);
        assert_string_equal(json_string_value(json_object_get(entry, "actor")), wanted[i].actor);
        assert_string_equal(json_string_value(json_object_get(entry, "address")), "192.0.2.1");
        if (wanted[i].target)
            assert_string_equal(json_string_value(json_object_get(entry, "target")),
                                wanted[i].target);
    }
    json_decref(json);
    api_world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(signing_in_gives_a_session_that_works),
        TEST_CASE(cookie_is_secure_when_the_browser_came_by_https),
        TEST_CASE(keys_of_all_kinds_tell_who_they_are),
        TEST_CASE(wrong_passwords_are_refused_and_then_shut_out),
        TEST_CASE(disabled_account_is_told_so_to_who_knows_its_password),
        TEST_CASE(changing_the_password_ends_the_other_sessions),
        TEST_CASE(account_without_a_password_gets_one_that_is_shown_once),
        TEST_CASE(wrong_inputs_of_accounts_name_their_field),
        TEST_CASE(accounts_come_in_pages_and_can_be_searched),
        TEST_CASE(key_is_shown_once_works_and_can_be_revoked),
        TEST_CASE(admin_makes_keys_for_others),
        TEST_CASE(publish_token_reads_and_ends_when_it_is_revoked),
        TEST_CASE(each_change_is_in_the_audit_log_with_who_made_it),
    };
    return RUN_TESTS("api_people", tests);
}
