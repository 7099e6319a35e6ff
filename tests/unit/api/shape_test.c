/*
 * Each operation answers what its schema says, all of it and nothing else; the OpenAPI document has
 * each operation and each schema; the words of the API are those of the domain.
 */
#include <stdio.h>

#include "api/operation.h"
#include "api/schema.h"
#include "api/words.h"
#include "api_world.h"
#include "base/writer.h"

/* ---- a value and its schema ---- */

static const struct schema *find_schema(const char *name)
{
    for (size_t i = 0; i < schema_count; i++)
        if (strcmp(schemas[i].name, name) == 0)
            return &schemas[i];
    fail_msg("there is no schema %s", name);
    return NULL;
}

static bool has_word(const char *words, const char *word)
{
    struct text rest = text_of(words);

    while (rest.len != 0)
        if (text_equal(text_cut(&rest, ' '), text_of(word)))
            return true;
    return false;
}

static bool is_time(const json_t *value)
{
    int64_t wall_us;

    return json_is_string(value) &&
           clock_parse_iso8601(text_of(json_string_value(value)), &wall_us) == OK;
}

static void check_object(const char *where, const char *name, json_t *value);

static void check_array(const char *where, const struct schema_member *member, json_t *value)
{
    size_t i;
    json_t *item;

    if (!json_is_array(value))
        fail_msg("%s.%s is no array", where, member->name);
    json_array_foreach(value, i, item)
    {
        if (member->type == SCHEMA_ARRAY)
            check_object(where, member->ref, item);
        else if (!json_is_string(item) ||
                 (member->words && !has_word(member->words, json_string_value(item))))
            fail_msg("%s.%s[%zu] is another text", where, member->name, i);
    }
}

static bool is_of_type(enum schema_type type, const json_t *value)
{
    switch (type) {
    case SCHEMA_TEXT:
        return json_is_string(value);
    case SCHEMA_TIME:
        return is_time(value);
    case SCHEMA_INTEGER:
        return json_is_integer(value);
    case SCHEMA_NUMBER:
        return json_is_number(value);
    case SCHEMA_BOOLEAN:
        return json_is_boolean(value);
    case SCHEMA_JSON:
        return json_is_object(value);
    case SCHEMA_TEXTS:
    case SCHEMA_OBJECT:
    case SCHEMA_ARRAY:
        break;
    }
    return true; /* looked into by the caller */
}

static void check_member(const char *where, const struct schema_member *member, json_t *value)
{
    if (!value && member->is_optional)
        return;
    if (!value)
        fail_msg("%s has no %s", where, member->name);
    if (json_is_null(value) && member->is_nullable)
        return;
    if (member->type == SCHEMA_OBJECT)
        check_object(where, member->ref, value);
    else if (member->type == SCHEMA_ARRAY || member->type == SCHEMA_TEXTS)
        check_array(where, member, value);
    else if (!is_of_type(member->type, value))
        fail_msg("%s.%s has another type", where, member->name);
    else if (member->type == SCHEMA_TEXT && member->words &&
             !has_word(member->words, json_string_value(value)))
        fail_msg("%s.%s is \"%s\"", where, member->name, json_string_value(value));
}

static void check_object(const char *where, const char *name, json_t *value)
{
    const struct schema *schema = find_schema(name);
    char path[200];
    const char *key;
    json_t *member_value;

    (void)snprintf(path, sizeof(path), "%s > %s", where, name);
    if (!json_is_object(value))
        fail_msg("%s is no object", path);
    for (const struct schema_member *member = schema->members; member->name; member++)
        check_member(path, member, json_object_get(value, member->name));
    json_object_foreach(value, key, member_value)
    {
        bool is_known = false;

        for (const struct schema_member *member = schema->members; member->name; member++)
            is_known |= strcmp(member->name, key) == 0;
        if (!is_known)
            fail_msg("%s has %s, which its schema does not know", path, key);
    }
}

/* ---- each operation ---- */

/* In this order. Who: 'a' the admin key, 's' a seller's browser, '-' anybody. {c}: the channel,
 * {p}: the seller, {k}: its API key, {t}: a publish token, {w}: a webhook, {d}: its delivery. */
/* clang-format off */
static const struct act {
    const char *name;
    char who;
    const char *line;
    const char *body;
    const char *list; /* a member that must not be empty; NULL: none */
} acts[] = {
    {"auth.signIn", '-', "POST /auth/sign-in", "{\"email\":\"seller@shop.example\",\"password\":\"password of seller@shop.example\"}", NULL},
    {"auth.me", 's', "GET /auth/me", NULL, NULL},
    {"auth.me", '-', "GET /auth/me", NULL, NULL},
    {"auth.me", 'a', "GET /auth/me", NULL, NULL},
    {"account.create", 'a', "POST /accounts", "{\"email\":\"new@shop.example\",\"displayName\":\"New\",\"role\":\"buyer\"}", NULL},
    {"account.create", 'a', "POST /accounts", "{\"email\":\"own@shop.example\",\"displayName\":\"New\",\"role\":\"buyer\",\"password\":\"a password\"}", NULL},
    {"account.list", 'a', "GET /accounts", NULL, "accounts"},
    {"account.getById", 'a', "GET /accounts/{p}", NULL, NULL},
    {"account.update", 'a', "PATCH /accounts/{p}", "{\"displayName\":\"Ada\"}", NULL},
    {"apiKey.create", 's', "POST /api-keys", "{\"name\":\"k\",\"scopes\":[\"read\"],\"expiresAt\":\"2030-01-01T00:00:00Z\"}", NULL},
    {"apiKey.list", 's', "GET /api-keys", NULL, "apiKeys"},
    {"apiKey.revoke", 's', "DELETE /api-keys/{k}", NULL, NULL},
    {"apiKey.list", 's', "GET /api-keys", NULL, "apiKeys"},

    {"channel.create", 's', "POST /channels", "{\"title\":\"Hats\"}", NULL},
    {"channel.list", '-', "GET /channels?limit=1", NULL, "channels"},
    {"channel.getById", '-', "GET /channels/{c}", NULL, NULL},
    {"channel.getById", 's', "GET /channels/{c}", NULL, NULL},
    {"channel.update", 's', "PATCH /channels/{c}", "{\"maxDurationSeconds\":3600}", NULL},
    {"channel.getById", 'a', "GET /channels/{c}", NULL, NULL},
    {"channel.getStatus", '-', "GET /channels/{c}/status", NULL, NULL},
    {"channel.getStatus", '-', "GET /channels/2/status", NULL, NULL},
    {"channel.healthCheck", '-', "GET /health", NULL, NULL},
    {"publishToken.create", 's', "POST /channels/{c}/publish-tokens", NULL, NULL},
    {"publishToken.list", 's', "GET /channels/{c}/publish-tokens", NULL, "publishTokens"},
    {"publishToken.revoke", 's', "DELETE /channels/{c}/publish-tokens/{t}", NULL, NULL},

    {"relay.start", 's', "POST /channels/{c}/relay/start", "{\"sellerUid\":7}", NULL},
    {"relay.status", 's', "GET /channels/{c}/relay", NULL, NULL},
    {"relay.status", 'a', "GET /channels/2/relay", NULL, NULL},
    {"relay.list", 'a', "GET /relays", NULL, "relays"},
    {"recording.status", 's', "GET /channels/{c}/recording", NULL, NULL},
    {"recording.start", 's', "POST /channels/{c}/recording/start", NULL, NULL},
    {"recording.listActive", 'a', "GET /recordings/active", NULL, "recordings"},
    {"recording.stop", 's', "POST /channels/{c}/recording/stop", NULL, NULL},
    {"streaming.getPlaybackUrl", '-', "GET /channels/{c}/playback", NULL, NULL},
    {"streaming.getPlaybackUrl", '-', "GET /channels/2/playback", NULL, NULL},
    {"streaming.getStreamStatus", '-', "GET /channels/{c}/stream-status", NULL, NULL},
    {"streaming.getStreamStatus", '-', "GET /channels/2/stream-status", NULL, NULL},
    {"streaming.healthCheck", '-', "GET /streaming/health", NULL, NULL},

    {"webhook.create", 's', "POST /webhooks", "{\"url\":\"https://shop.example/\",\"events\":[\"*\"],\"channelId\":1,\"description\":\"orders\"}", NULL},
    {"webhook.list", 's', "GET /webhooks", NULL, "webhooks"},
    {"webhook.getById", 's', "GET /webhooks/{w}", NULL, NULL},
    {"webhook.update", 's', "PATCH /webhooks/{w}", "{\"events\":[\"relay.active\",\"broadcast.ended\"]}", NULL},
    {"webhook.rotateSecret", 's', "POST /webhooks/{w}/rotate-secret", NULL, NULL},
    {"webhook.test", 's', "POST /webhooks/{w}/test", NULL, NULL},
    {"webhookDelivery.list", 's', "GET /webhooks/{w}/deliveries", NULL, "deliveries"},
    {"webhookDelivery.getById", 's', "GET /deliveries/{d}", NULL, "attempts"},
    {"webhookDelivery.replay", 's', "POST /deliveries/{d}/replay", NULL, NULL},
    {"webhook.delete", 's', "DELETE /webhooks/{w}", NULL, NULL},

    {"channel.leave", 's', "POST /channels/{c}/leave", NULL, NULL},
    {"relay.stop", 's', "POST /channels/{c}/relay/stop", NULL, NULL},
    {"channel.start", 's', "POST /channels/2/start", NULL, NULL},
    {"channel.end", 's', "POST /channels/2/end", NULL, NULL},
    {"channel.rotateKey", 's', "POST /channels/2/rotate-key", NULL, NULL},
    {"broadcast.list", 's', "GET /channels/{c}/broadcasts", NULL, "broadcasts"},
    {"recording.list", 's', "GET /channels/{c}/recordings", NULL, "recordings"},
    {"metrics.list", 's', "GET /channels/{c}/metrics", NULL, "points"},
    {"channel.delete", 's', "DELETE /channels/2", NULL, NULL},
    {"audit.list", 'a', "GET /audit", NULL, "entries"},

    {"auth.changePassword", 's', "POST /auth/password", "{\"currentPassword\":\"password of seller@shop.example\",\"newPassword\":\"another password\"}", NULL},
    {"auth.signOut", 's', "POST /auth/sign-out", NULL, NULL},
    {"account.signOut", 'a', "POST /accounts/{p}/sign-out", NULL, NULL},
};
/* clang-format on */

enum { ACTS = sizeof(acts) / sizeof(acts[0]) };

struct stage {
    struct api_world world;
    struct world_session seller;
    char seller_id[WORLD_TEXT_MAX];
    char key_id[WORLD_TEXT_MAX];
    char token_id[WORLD_TEXT_MAX];
    char webhook_id[WORLD_TEXT_MAX];
    char delivery_id[WORLD_TEXT_MAX];
};

/* A recording and two numbers of the broadcast that ran. */
static void add_history(struct api_world *world)
{
    struct store_batch *batch = store_batch_create();
    struct stream_metric_row metric = {.channel_id = 1,
                                       .broadcast_id = 1,
                                       .at_us = WORLD_WALL,
                                       .resolution_s = 10,
                                       .bitrate_kbps = 2500,
                                       .fps = 29.97,
                                       .keyframe_interval_ms = 2000,
                                       .packet_loss = 0.01,
                                       .rtt_ms = 30,
                                       .relay_health = "good"};

    store_batch_put_stream_metric(batch, &metric);
    metric.at_us += 10 * US_PER_S;
    metric.bitrate_kbps = metric.keyframe_interval_ms = metric.rtt_ms = -1;
    metric.fps = metric.packet_loss = -1;
    metric.relay_health[0] = '\0';
    store_batch_put_stream_metric(batch, &metric);
    store_batch_set_recording(batch, 1, "/recordings/1/1/index.m3u8");
    assert_ok(store_apply_batch(world->store, batch, &world->diag));
    store_batch_destroy(batch);
}

static void stage_init(struct stage *stage)
{
    struct api_world *world = &stage->world;

    *stage = (struct stage){0};
    api_world_init(world);
    const struct account_row *row = api_world_account(world, "seller@shop.example", "seller");
    (void)snprintf(stage->seller_id, sizeof(stage->seller_id), "%s", row->id);
    (void)api_world_channel_of(world, "Shoes", stage->seller_id);
    stage->seller = api_world_session(world, "seller@shop.example");
    api_world_go_live(world, 1);
}

static const char *value_of(const struct stage *stage, char letter)
{
    return letter == 'c'   ? "1"
           : letter == 'p' ? stage->seller_id
           : letter == 'k' ? stage->key_id
           : letter == 't' ? stage->token_id
           : letter == 'w' ? stage->webhook_id
                           : stage->delivery_id;
}

static void write_line(const struct stage *stage, const char *pattern, char *to, size_t cap)
{
    struct writer w = writer_fixed(to, cap - 1);
    struct text rest = text_of(pattern);

    writer_text(&w, text_cut(&rest, ' '));
    writer_str(&w, " /api/v1");
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.ptr[i] != '{') {
            writer_char(&w, rest.ptr[i]);
            continue;
        }
        writer_str(&w, value_of(stage, rest.ptr[i + 1]));
        i += 2;
    }
    assert_false(w.failed);
    to[w.len] = '\0';
}

/* What later acts need. */
static void remember(struct stage *stage, const struct act *act)
{
    static const struct webhook_answer gone = {.error = "Nobody is there."};
    struct api_world *world = &stage->world;

    if (strcmp(act->name, "apiKey.create") == 0)
        api_world_take(world, "id", stage->key_id);
    if (strcmp(act->name, "publishToken.create") == 0)
        api_world_take(world, "id", stage->token_id);
    if (strcmp(act->name, "webhook.create") == 0)
        api_world_take(world, "id", stage->webhook_id);
    if (strcmp(act->name, "webhook.test") == 0) {
        api_world_take(world, "deliveryId", stage->delivery_id);
        webhook_on_sent(world->hub, world->last_send_id, &gone, world->now_us);
        api_world_store(world);
    }
    if (strcmp(act->name, "relay.stop") == 0) { /* the media path has ended what it had */
        channel_on_media_stopped(world->dir, 1, 1, world->now_us);
        api_world_store(world);
        add_history(world);
    }
}

static void play(struct stage *stage, const struct act *act)
{
    const struct operation *operation = operation_find(text_of(act->name));
    const struct world_who who = {
        .bearer = act->who == 'a' ? ADMIN_KEY : NULL,
        .cookie = act->who == 's' ? stage->seller.cookie : NULL,
        .csrf = act->who == 's' ? stage->seller.csrf : NULL,
    };
    char line[200];

    assert_non_null(operation);
    write_line(stage, act->line, line, sizeof(line));
    api_world_call_as(&stage->world, line, &who, act->body);
    if (stage->world.answer.status != operation->status)
        fail_msg("%s: %d %.*s", line, stage->world.answer.status,
                 TEXT_ARG(buf_text(stage->world.answer.body)));
    json_t *json = api_world_json(&stage->world);
    check_object(act->name, operation->result, json);
    if (act->list && json_array_size(json_object_get(json, act->list)) == 0)
        fail_msg("%s: no %s", act->name, act->list);
    json_decref(json);
    remember(stage, act);
}

static void each_answer_has_the_shape_that_its_schema_says(void **state)
{
    (void)state;
    static struct stage stage;

    stage_init(&stage);
    for (size_t i = 0; i < ACTS; i++)
        play(&stage, &acts[i]);
    api_world_deinit(&stage.world);
}

static void each_operation_is_played(void **state)
{
    (void)state;

    for (size_t i = 0; i < operation_count(); i++) {
        const struct operation *operation = operation_at(i);
        bool is_played = operation->kind == OPERATION_SUBSCRIPTION;

        for (size_t k = 0; k < ACTS; k++)
            is_played |= strcmp(acts[k].name, operation->name) == 0;
        if (!is_played)
            fail_msg("nobody plays %s", operation->name);
    }
}

static void problems_have_their_shape_too(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);

    api_world_call(&world, "POST /api/v1/channels", ADMIN_KEY, "{\"title\":\"\"}");
    json_t *json = api_world_json(&world);
    check_object("with a field", "Problem", json);
    json_decref(json);
    api_world_call(&world, "GET /api/v1/channels/7", NULL, NULL);
    json = api_world_json(&world);
    check_object("without one", "Problem", json);
    json_decref(json);
    api_world_deinit(&world);
}

/* ---- the document ---- */

static json_t *ask_document(struct api_world *world)
{
    api_world_call(world, "GET /api/v1/openapi.json", NULL, NULL);
    api_world_expect(world, 200, NULL);
    assert_text(api_world_header(world, "content-type"), "application/json");
    return api_world_json(world);
}

static const char *method_key(const char *method)
{
    return strcmp(method, "GET") == 0     ? "get"
           : strcmp(method, "POST") == 0  ? "post"
           : strcmp(method, "PATCH") == 0 ? "patch"
                                          : "delete";
}

/* Each name of `wanted` is one of the array. */
static void assert_has_parameter(json_t *parameters, const char *name, const char *in)
{
    size_t i;
    json_t *parameter;

    json_array_foreach(parameters, i, parameter)
    {
        const char *got = json_string_value(json_object_get(parameter, "name"));
        if (got && strcmp(got, name) == 0) {
            assert_string_equal(json_string_value(json_object_get(parameter, "in")), in);
            return;
        }
    }
    fail_msg("no parameter %s", name);
}

static void check_fields(const struct operation *operation, json_t *object)
{
    json_t *body = json_object_get(
        json_object_get(
            json_object_get(json_object_get(json_object_get(object, "requestBody"), "content"),
                            "application/json"),
            "schema"),
        "properties");

    for (const struct field *field = operation->fields; field->name; field++) {
        if (operation_field_is_in_path(operation, field))
            assert_has_parameter(json_object_get(object, "parameters"), field->name, "path");
        else if (operation->kind == OPERATION_MUTATION)
            assert_non_null(json_object_get(body, field->name));
        else
            assert_has_parameter(json_object_get(object, "parameters"), field->name, "query");
    }
}

static void document_has_each_operation_once(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    json_t *document = ask_document(&world);
    json_t *paths = json_object_get(document, "paths"), *item;
    size_t in_document = 0, in_table = 0;
    const char *path;

    assert_string_equal(json_string_value(json_object_get(document, "openapi")), "3.1.0");
    json_object_foreach(paths, path, item) in_document += json_object_size(item);
    for (size_t i = 0; i < operation_count(); i++) {
        const struct operation *operation = operation_at(i);

        if (!operation->method)
            continue;
        in_table++;
        json_t *object =
            json_object_get(json_object_get(paths, operation->path), method_key(operation->method));
        if (!object)
            fail_msg("%s is not in the document", operation->name);
        assert_string_equal(json_string_value(json_object_get(object, "operationId")),
                            operation->name);
        check_fields(operation, object);
        assert_non_null(find_schema(operation->result));
    }
    assert_int_equal(in_document, in_table);
    json_decref(document);
    api_world_deinit(&world);
}

/* Walks the whole document: each reference leads to something. */
static void check_refs(json_t *document, json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;

    if (json_is_array(value)) {
        json_array_foreach(value, i, member) check_refs(document, member);
        return;
    }
    json_object_foreach(value, key, member)
    {
        if (strcmp(key, "$ref") != 0) {
            check_refs(document, member);
            continue;
        }
        struct text rest = text_of(json_string_value(member));
        json_t *at = document;
        assert_text(text_cut(&rest, '/'), "#");
        while (rest.len != 0) {
            struct text step = text_cut(&rest, '/');
            at = json_object_getn(at, step.ptr, step.len);
        }
        if (!at)
            fail_msg("%s leads nowhere", json_string_value(member));
    }
}

static void references_in_the_document_lead_somewhere(void **state)
{
    (void)state;
    struct api_world world;
    api_world_init(&world);
    json_t *document = ask_document(&world);

    check_refs(document, document);
    assert_int_equal(
        json_object_size(json_object_get(json_object_get(document, "components"), "schemas")),
        schema_count);
    json_decref(document);
    api_world_deinit(&world);
}

/* ---- the words ---- */

static void expect_words(const char *wanted, const struct writer *got)
{
    assert_false(got->failed);
    assert_text(writer_as_text(got), wanted);
}

static void add_word(struct writer *w, const char *word)
{
    writer_str(w, w->len ? " " : "");
    writer_str(w, word);
}

static void words_are_those_of_the_domain(void **state)
{
    (void)state;
    char chars[600];
    struct writer w = writer_fixed(chars, sizeof(chars));

    for (enum account_role role = ROLE_NONE + 1; role < ROLE_END; role++)
        add_word(&w, account_role_name(role));
    expect_words(WORDS_ROLES, &w);

    writer_clear(&w);
    for (uint32_t bit = 1; bit < SCOPE_ALL; bit <<= 1)
        add_word(&w, account_scope_word(bit));
    expect_words(WORDS_SCOPES, &w);

    writer_clear(&w);
    for (int kind = CALLER_ANYBODY + 1; caller_kind_name((enum caller_kind)kind); kind++)
        add_word(&w, caller_kind_name((enum caller_kind)kind));
    expect_words(WORDS_VIA, &w);

    writer_clear(&w);
    for (enum relay_state relay = RELAY_STATE_UNSET + 1; relay < RELAY_STATE_END; relay++)
        if (*relay_state_name(relay)) /* idle has no word: relayStatus is null */
            add_word(&w, relay_state_name(relay));
    expect_words(WORDS_RELAY, &w);

    writer_clear(&w);
    for (enum health health = HEALTH_UNKNOWN + 1; health <= HEALTH_POOR; health++)
        add_word(&w, health_name(health));
    expect_words(WORDS_HEALTH, &w);

    writer_clear(&w);
    for (enum stream_mode mode = STREAM_MODE_WEBRTC_ONLY; mode <= STREAM_MODE_HYBRID; mode++)
        add_word(&w, stream_mode_name(mode));
    expect_words(WORDS_STREAM_MODES, &w);

    writer_clear(&w);
    add_word(&w, "*");
    for (enum webhook_event_kind kind = WEBHOOK_EVENT_NONE + 1; kind < WEBHOOK_EVENT_END; kind++)
        if (kind != WEBHOOK_TEST) /* nobody subscribes to it */
            add_word(&w, webhook_event_type(kind));
    expect_words(WORDS_WEBHOOK_EVENTS, &w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(each_answer_has_the_shape_that_its_schema_says),
        TEST_CASE(each_operation_is_played),
        TEST_CASE(problems_have_their_shape_too),
        TEST_CASE(document_has_each_operation_once),
        TEST_CASE(references_in_the_document_lead_somewhere),
        TEST_CASE(words_are_those_of_the_domain),
    };
    return RUN_TESTS("api_shape", tests);
}
