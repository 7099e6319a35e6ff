/*
 * Each operation, called by each kind of caller, on what is theirs and on what is somebody else's.
 * What is expected stands here in full, and does not come from the table of operations.
 */
#include <stdio.h>

#include "../account/jwt_tool.h"
#include "api/operation.h"
#include "api_world.h"

/* The callers, a letter each:
 *   a  anybody                        t  an admin's API key with the scope accounts
 *   x  a browser whose session ended  d  an admin's API key with the scope admin
 *   b  a buyer's browser              K  the admin key
 *   s  a seller's browser             j  the seller's JWT
 *   n  the same without CSRF token    g  a JWT of somebody without an account
 *   A  an admin's browser             S  the stream key of channel 1
 *   r  the seller's API key: read     T  a publish token of channel 1
 *   c  the same: channels
 *   p  the same: publish
 *   w  the same: webhooks            G  the same, which says that it is an admin
 *                                    J  the admin's JWT
 *
 * Channel 1 is the seller's, channel 2 another seller's. */
static const char callers[] = "axbsnArcpwtdKjgSTGJ";

/* The answers: '.' not refused for its rights, '1' 401, '3' 403, '4' 404. */
#define ALL         "..................."
#define SESSION     "11..3.3333333333333"
#define ACCOUNTS    "11333.3333...33333."
#define ADMIN       "11333.33333..33333."
#define SELF        "11....33333...3333."
#define SELF_CHANGE "11..3.33333...3333."
#define HOST_READ   "113....3333...3..3."
#define HOST_CHANGE "113.3.33.33...3.33."
#define HOST_LIST   "113...33.33...3.33."
#define OWN_CHANGE  "113.3.3.333...3333."
#define KEY_CHANGE  "113.3.3.333...3.33."
#define HOOK_READ   "113...333.3...3333."
#define HOOK_CHANGE "113.3.333.3...3333."
#define THEIR_HOOK  "11344.33343..43333."
#define THEIR_HOOK_ "11343.33343..43333." /* to change it */

/* clang-format off */
static const struct expectation {
    const char *name;
    const char *line; /* {c}: channel, {t}: publish token, {w}: webhook, {d}: delivery, {k}: API key, {v}: an account */
    const char *body;
    const char *own;
    const char *foreign; /* NULL: it is about nobody's thing */
} expectations[] = {
    {"auth.signIn", "POST /auth/sign-in", "{\"email\":\"a@b\"}", ALL, NULL},
    {"auth.signOut", "POST /auth/sign-out", "{\"x\":1}", SESSION, NULL},
    {"auth.me", "GET /auth/me", NULL, ALL, NULL},
    {"auth.changePassword", "POST /auth/password", "{}", SESSION, NULL},

    {"account.list", "GET /accounts", NULL, ACCOUNTS, NULL},
    {"account.create", "POST /accounts", "{\"email\":\"new\"}", ACCOUNTS, NULL},
    {"account.getById", "GET /accounts/{v}", NULL, ACCOUNTS, NULL},
    {"account.update", "PATCH /accounts/{v}", "{\"displayName\":\"V\"}", ACCOUNTS, NULL},
    {"account.signOut", "POST /accounts/{v}/sign-out", NULL, ACCOUNTS, NULL},

    {"apiKey.list", "GET /api-keys", NULL, SELF, NULL},
    {"apiKey.create", "POST /api-keys", "{\"name\":\"k\",\"scopes\":[\"read\"]}", SELF_CHANGE, NULL},
    {"apiKey.revoke", "DELETE /api-keys/{k}", NULL, "114.3.33333...4334.", "11443.33333..44334."},

    {"channel.list", "GET /channels", NULL, ALL, NULL},
    {"channel.create", "POST /channels", "{\"title\":\"t\"}", OWN_CHANGE, NULL},
    {"channel.getById", "GET /channels/{c}", NULL, ALL, ALL},
    {"channel.update", "PATCH /channels/{c}", "{\"title\":\"t\"}", OWN_CHANGE, ADMIN},
    {"channel.delete", "DELETE /channels/{c}", NULL, OWN_CHANGE, ADMIN},
    {"channel.getStatus", "GET /channels/{c}/status", NULL, ALL, ALL},
    {"channel.start", "POST /channels/{c}/start", NULL, HOST_CHANGE, ADMIN},
    {"channel.end", "POST /channels/{c}/end", NULL, HOST_CHANGE, ADMIN},
    {"channel.leave", "POST /channels/{c}/leave", NULL, HOST_CHANGE, ADMIN},
    {"channel.rotateKey", "POST /channels/{c}/rotate-key", NULL, KEY_CHANGE, ADMIN},
    {"channel.healthCheck", "GET /health", NULL, ALL, NULL},

    {"publishToken.create", "POST /channels/{c}/publish-tokens", NULL, HOST_CHANGE, ADMIN},
    {"publishToken.list", "GET /channels/{c}/publish-tokens", NULL, HOST_LIST, ADMIN},
    {"publishToken.revoke", "DELETE /channels/{c}/publish-tokens/{t}", NULL, HOST_CHANGE, ADMIN},

    {"relay.start", "POST /channels/{c}/relay/start", NULL, HOST_CHANGE, ADMIN},
    {"relay.stop", "POST /channels/{c}/relay/stop", NULL, HOST_CHANGE, ADMIN},
    {"relay.status", "GET /channels/{c}/relay", NULL, HOST_READ, ADMIN},
    {"relay.list", "GET /relays", NULL, ADMIN, NULL},
    {"recording.start", "POST /channels/{c}/recording/start", NULL, HOST_CHANGE, ADMIN},
    {"recording.stop", "POST /channels/{c}/recording/stop", NULL, HOST_CHANGE, ADMIN},
    {"recording.status", "GET /channels/{c}/recording", NULL, HOST_READ, ADMIN},
    {"recording.listActive", "GET /recordings/active", NULL, ADMIN, NULL},
    {"recording.list", "GET /channels/{c}/recordings", NULL, HOST_READ, ADMIN},
    {"streaming.getPlaybackUrl", "GET /channels/{c}/playback", NULL, ALL, ALL},
    {"streaming.getStreamStatus", "GET /channels/{c}/stream-status", NULL, ALL, ALL},
    {"streaming.healthCheck", "GET /streaming/health", NULL, ALL, NULL},

    {"broadcast.list", "GET /channels/{c}/broadcasts", NULL, HOST_READ, ADMIN},
    {"metrics.list", "GET /channels/{c}/metrics", NULL, HOST_READ, ADMIN},
    {"audit.list", "GET /audit", NULL, ADMIN, NULL},
    {"events.subscribe", "GET /events", NULL, ALL, NULL},

    {"webhook.list", "GET /webhooks", NULL, HOOK_READ, NULL},
    {"webhook.create", "POST /webhooks", "{\"url\":\"https://a\",\"events\":[\"*\"]}", HOOK_CHANGE, NULL},
    {"webhook.getById", "GET /webhooks/{w}", NULL, HOOK_READ, THEIR_HOOK},
    {"webhook.update", "PATCH /webhooks/{w}", "{\"description\":\"d\"}", HOOK_CHANGE, THEIR_HOOK_},
    {"webhook.rotateSecret", "POST /webhooks/{w}/rotate-secret", NULL, HOOK_CHANGE, THEIR_HOOK_},
    {"webhook.test", "POST /webhooks/{w}/test", NULL, HOOK_CHANGE, THEIR_HOOK_},
    {"webhookDelivery.list", "GET /webhooks/{w}/deliveries", NULL, HOOK_READ, THEIR_HOOK},
    {"webhookDelivery.getById", "GET /deliveries/{d}", NULL, HOOK_READ, THEIR_HOOK},
    {"webhookDelivery.replay", "POST /deliveries/{d}/replay", NULL, HOOK_CHANGE, THEIR_HOOK_},
    {"webhook.delete", "DELETE /webhooks/{w}", NULL, HOOK_CHANGE, THEIR_HOOK_},
};
/* clang-format on */

enum { EXPECTATIONS = sizeof(expectations) / sizeof(expectations[0]) };

/* ---- the stage ---- */

/* What belongs to one of the two sellers. */
struct side {
    uint64_t channel_id;
    char account_id[ROW_UUID_LEN + 1];
    char token_id[ROW_UUID_LEN + 1];
    char webhook_id[ROW_UUID_LEN + 1];
    char delivery_id[ROW_UUID_LEN + 1];
    char key_id[ROW_UUID_LEN + 1];
};

struct stage {
    struct api_world world;
    struct side sides[2]; /* the seller's, and the other one's */
    char victim_id[ROW_UUID_LEN + 1];
    struct world_who who[sizeof(callers) - 1];
    struct world_session buyer, seller, admin;
    char keys[6][ACCOUNT_KEY_LEN + 1]; /* r c p w t d */
    char jwts[4][JWT_TOOL_TOKEN_MAX];  /* j g G J */
    char publish_token[ACCOUNT_KEY_LEN + 1];
};

static void copy_id(char to[ROW_UUID_LEN + 1], const char *id)
{
    (void)snprintf(to, ROW_UUID_LEN + 1, "%s", id);
}

/* Channels live, keys as they were, webhooks and tokens there. */
static void tidy(struct stage *stage, struct side *side)
{
    struct api_world *world = &stage->world;
    const struct channel *channel = channel_find(world->dir, side->channel_id);
    char key[40];

    (void)snprintf(key, sizeof(key), "stream-key-%d", (int)side->channel_id);
    if (!secret_equals(&channel->stream_key, text_of(key)))
        assert_ok(channel_set_key(world->dir, side->channel_id, text_of(key), world->now_us,
                                  &world->diag));
    if (channel->state == RELAY_STOPPING)
        channel_on_media_stopped(world->dir, channel->id, channel->broadcast_id, world->now_us);
    api_world_store(world);
    if (channel->state != RELAY_ACTIVE) {
        world->now_us += 60 * US_PER_S; /* encoders wait after an end */
        api_world_go_live(world, side->channel_id);
    }
}

static void make_token(struct stage *stage, struct side *side, char key[ACCOUNT_KEY_LEN + 1])
{
    const struct publish_token_input input = {.channel_id = side->channel_id,
                                              .account_id = text_of(side->account_id)};
    struct store_batch *batch = store_batch_create();
    const struct publish_token_row *row;

    assert_ok(account_token_create(stage->world.accounts, &input, batch, stage->world.now_us, key,
                                   &row, &stage->world.diag));
    assert_ok(store_apply_batch(stage->world.store, batch, &stage->world.diag));
    account_directory_on_stored(stage->world.accounts, batch, OK);
    store_batch_destroy(batch);
    copy_id(side->token_id, row->id);
}

static void make_webhook(struct stage *stage, struct side *side)
{
    struct api_world *world = &stage->world;
    const struct text event = TEXT("*");
    const struct webhook_input input = {.account_id = side->account_id,
                                        .url = TEXT("https://shop.example/"),
                                        .events = &event,
                                        .event_count = 1,
                                        .is_active = true};
    const struct webhook_endpoint_row *row;

    assert_ok(webhook_create(world->hub, &input, world->now_us, &row, &world->diag));
    copy_id(side->webhook_id, row->id);
    api_world_store(world);
    assert_ok(webhook_test(world->hub, text_of(side->webhook_id), world->now_us, side->delivery_id,
                           &world->diag));
    api_world_store(world);
}

static void prepare_side(struct stage *stage, struct side *side)
{
    char key[ACCOUNT_KEY_LEN + 1];

    tidy(stage, side);
    if (side->token_id[0] == '\0')
        make_token(stage, side, key);
    if (!webhook_find(stage->world.hub, text_of(side->webhook_id)))
        make_webhook(stage, side);
}

static void make_side(struct stage *stage, struct side *side, const char *email)
{
    struct api_world *world = &stage->world;
    const struct account_row *row = api_world_account(world, email, "seller");
    char key[ACCOUNT_KEY_LEN + 1];

    copy_id(side->account_id, row->id);
    side->channel_id = api_world_channel_of(world, "Shoes", side->account_id);
    api_world_key(world, side->account_id, SCOPE_READ, key);
    copy_id(side->key_id, account_key_at(world->accounts, text_of(side->account_id), 0)->id);
}

static void make_jwt(const char *members, char to[JWT_TOOL_TOKEN_MAX])
{
    char claims[300];

    (void)snprintf(claims, sizeof(claims), "{\"exp\":1999999999,%s}", members);
    jwt_tool_hs256("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", claims, JWT_SECRET, strlen(JWT_SECRET),
                   to);
}

static struct world_who *who_of(struct stage *stage, char letter)
{
    return &stage->who[strchr(callers, letter) - callers];
}

static void make_callers(struct stage *stage, const char *admin_id)
{
    static const uint32_t scopes[] = {SCOPE_READ,     SCOPE_CHANNELS, SCOPE_PUBLISH,
                                      SCOPE_WEBHOOKS, SCOPE_ACCOUNTS, SCOPE_ADMIN};
    static const char letters[] = "rcpwtd";

    for (size_t i = 0; i < 6; i++) {
        api_world_key(&stage->world, i < 4 ? stage->sides[0].account_id : admin_id, scopes[i],
                      stage->keys[i]);
        who_of(stage, letters[i])->bearer = stage->keys[i];
    }
    make_jwt("\"sub\":\"u1\",\"email\":\"seller@shop.example\",\"role\":\"seller\"",
             stage->jwts[0]);
    make_jwt("\"sub\":\"u2\",\"role\":\"seller\"", stage->jwts[1]);
    make_jwt("\"sub\":\"u3\",\"role\":\"admin\"", stage->jwts[2]);
    make_jwt("\"sub\":\"u4\",\"email\":\"admin@shop.example\",\"role\":\"admin\"", stage->jwts[3]);
    who_of(stage, 'j')->bearer = stage->jwts[0];
    who_of(stage, 'G')->bearer = stage->jwts[2];
    who_of(stage, 'J')->bearer = stage->jwts[3];
    who_of(stage, 'g')->bearer = stage->jwts[1];
    who_of(stage, 'K')->bearer = ADMIN_KEY;
    who_of(stage, 'S')->bearer = "stream-key-1";
    who_of(stage, 'T')->bearer = stage->publish_token;
    *who_of(stage, 'x') = (struct world_who){.cookie = "stoa_session=x"};
    *who_of(stage, 'b') =
        (struct world_who){.cookie = stage->buyer.cookie, .csrf = stage->buyer.csrf};
    *who_of(stage, 's') =
        (struct world_who){.cookie = stage->seller.cookie, .csrf = stage->seller.csrf};
    *who_of(stage, 'n') = (struct world_who){.cookie = stage->seller.cookie};
    *who_of(stage, 'A') =
        (struct world_who){.cookie = stage->admin.cookie, .csrf = stage->admin.csrf};
}

static void stage_init(struct stage *stage)
{
    const struct api_config config = {.mutations = {.per_second = 1, .burst = 100000}};
    struct side other_token;

    *stage = (struct stage){0};
    api_world_init(&stage->world);
    api_world_restart(&stage->world, &config);
    make_side(stage, &stage->sides[0], "seller@shop.example");
    make_side(stage, &stage->sides[1], "other@shop.example");
    copy_id(stage->victim_id, api_world_account(&stage->world, "victim@shop.example", "buyer")->id);
    (void)api_world_account(&stage->world, "buyer@shop.example", "buyer");
    const char *admin_id = api_world_account(&stage->world, "admin@shop.example", "admin")->id;
    stage->buyer = api_world_session(&stage->world, "buyer@shop.example");
    stage->seller = api_world_session(&stage->world, "seller@shop.example");
    stage->admin = api_world_session(&stage->world, "admin@shop.example");
    other_token = stage->sides[0]; /* not the one that gets revoked */
    make_token(stage, &other_token, stage->publish_token);
    make_callers(stage, admin_id);
}

/* ---- the calls ---- */

static void write_line(const struct stage *stage, const struct side *side, const char *pattern,
                       char *to, size_t cap)
{
    struct text rest = text_of(pattern);
    struct text method = text_cut(&rest, ' ');
    int len = snprintf(to, cap, "%.*s /api/v1", TEXT_ARG(method));

    for (size_t i = 0; i < rest.len; i++) {
        size_t left = cap - (size_t)len;
        char *at = to + len;

        if (rest.ptr[i] != '{') {
            len += snprintf(at, left, "%c", rest.ptr[i]);
            continue;
        }
        const char *value = rest.ptr[i + 1] == 't'   ? side->token_id
                            : rest.ptr[i + 1] == 'w' ? side->webhook_id
                            : rest.ptr[i + 1] == 'd' ? side->delivery_id
                            : rest.ptr[i + 1] == 'k' ? side->key_id
                                                     : stage->victim_id;
        len += rest.ptr[i + 1] == 'c' ? snprintf(at, left, "%d", (int)side->channel_id)
                                      : snprintf(at, left, "%s", value);
        i += 2;
    }
}

static char verdict(int status)
{
    return (char)(status == 401 ? '1' : status == 403 ? '3' : status == 404 ? '4' : '.');
}

static void try_all(struct stage *stage, const struct expectation *expectation, struct side *side,
                    const char *wanted)
{
    char line[200], got[sizeof(callers)] = {0};

    for (size_t i = 0; callers[i]; i++) {
        prepare_side(stage, &stage->sides[0]); /* whose keys the callers have */
        prepare_side(stage, side);
        write_line(stage, side, expectation->line, line, sizeof(line));
        api_world_call_as(&stage->world, line, &stage->who[i], expectation->body);
        got[i] = verdict(stage->world.answer.status);
        if (got[i] != wanted[i])
            printf("# %s as %c: %.*s\n", line, callers[i],
                   TEXT_ARG(buf_text(stage->world.answer.body)));
        if (stage->world.answer.status == 200 && strstr(line, "/publish-tokens/"))
            side->token_id[0] = '\0'; /* revoked: the next one needs another */
    }
    if (strcmp(got, wanted) != 0)
        fail_msg("%s\n  callers %s\n  got     %s\n  wanted  %s", expectation->name, callers, got,
                 wanted);
}

static void each_caller_may_what_is_written_here(void **state)
{
    (void)state;
    static struct stage stage;

    stage_init(&stage);
    for (size_t i = 0; i < EXPECTATIONS; i++) {
        const struct expectation *expectation = &expectations[i];

        try_all(&stage, expectation, &stage.sides[0], expectation->own);
        if (expectation->foreign)
            try_all(&stage, expectation, &stage.sides[1], expectation->foreign);
    }
    api_world_deinit(&stage.world);
}

static void each_operation_is_in_the_list(void **state)
{
    (void)state;
    size_t without_rest = 0;

    for (size_t i = 0; i < operation_count(); i++) {
        const struct operation *operation = operation_at(i);
        size_t found = 0;

        without_rest += operation->method == NULL;
        for (size_t k = 0; k < EXPECTATIONS; k++)
            found += strcmp(expectations[k].name, operation->name) == 0;
        if (found != (operation->method != NULL))
            fail_msg("%s stands %zu times in the list", operation->name, found);
    }
    assert_int_equal(operation_count(), EXPECTATIONS + without_rest);
}

static void channel_that_is_not_there_is_told_to_who_could_publish(void **state)
{
    (void)state;
    static struct stage stage;
    static const char wanted[] = "1134343343344433334"; /* a stream key has its own channel only */
    char got[sizeof(callers)] = {0};

    stage_init(&stage);
    for (size_t i = 0; callers[i]; i++) {
        api_world_call_as(&stage.world, "POST /api/v1/channels/9/end", &stage.who[i], NULL);
        got[i] = verdict(stage.world.answer.status);
    }
    assert_string_equal(got, wanted);
    api_world_deinit(&stage.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(each_caller_may_what_is_written_here),
        TEST_CASE(each_operation_is_in_the_list),
        TEST_CASE(channel_that_is_not_there_is_told_to_who_could_publish),
    };
    return RUN_TESTS("api_rights", tests);
}
