/*
 * call_fuzz - any request gets a valid answer: a status, a content type, JSON (or lines of it), and
 * never a stream key for who has none.
 *
 * Input: "METHOD path?query\n", a byte of choices, then the body; by choice its beginning is the
 * Idempotency-Key too.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/mem.h"
#include "channel/channel.h"
#include "webhook/webhook.h"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BATCHES_MAX = 2 * API_BATCH_MAX + 8 };

/* Batches are kept until the call that brought them has returned: the API adds to them. */
struct owner {
    uint64_t ticket;
    struct api *api;
    struct store_batch *batches[BATCHES_MAX];
    size_t batch_count;
};

static void take_batch(struct owner *owner, struct store_batch *batch)
{
    REQUIRE(owner->batch_count < BATCHES_MAX);
    owner->ticket++;
    owner->batches[owner->batch_count++] = batch;
    if (owner->api)
        api_on_batch(owner->api, batch);
}

static void drop_batches(struct owner *owner)
{
    while (owner->batch_count != 0)
        store_batch_destroy(owner->batches[--owner->batch_count]);
}

static void on_store(void *context, const struct store_change *change)
{
    struct store_batch *batch = store_batch_create();

    store_batch_change(batch, change);
    take_batch(context, batch);
}

static void on_api_batch(void *context, struct store_batch *batch)
{
    take_batch(context, batch);
}

static void on_hub_batch(void *context, struct store_batch *batch, uint64_t mark)
{
    (void)mark;
    take_batch(context, batch);
}

static void on_send(void *context, const struct webhook_send *send)
{
    (void)context;
    (void)send;
}

static enum err check_url(void *context, struct text url, struct diag *diag)
{
    (void)context;
    (void)url;
    (void)diag;
    return OK;
}

static void on_kick(void *context, uint64_t session_id, const char *reason)
{
    (void)context;
    (void)session_id;
    (void)reason;
}

static void on_stop(void *context, uint64_t channel_id, uint64_t broadcast_id)
{
    (void)context;
    (void)channel_id;
    (void)broadcast_id;
}

static void on_changed(void *context, const struct channel_event *event)
{
    (void)context;
    (void)event;
}

static enum err run_task(void *context, struct api_task *task)
{
    (void)context;
    (void)task;
    return ERR_LIMIT;
}

static void on_answer(void *context, struct api_answer *answer)
{
    (void)context;
    (void)answer;
}

static uint64_t newest_ticket(void *context)
{
    return ((const struct owner *)context)->ticket;
}

static void tell_health(void *context, struct api_health *ret_health)
{
    (void)context;
    *ret_health = (struct api_health){{true, ""}, {true, ""}, {true, ""}};
}

static struct channel_directory *make_directory(struct owner *owner)
{
    const struct channel_handler handler = {owner, on_store, on_kick, on_stop, on_changed};
    const struct channel_limits limits = channel_limits_default();
    struct channel_directory *dir = channel_directory_create(&limits, &handler);
    const struct publish_request request = {
        .stream_key = TEXT("fuzz-key-1"), .session_id = 1, .ingest = INGEST_WHIP};
    struct publish_answer answer;
    uint64_t id;

    REQUIRE(channel_create(dir, &(struct channel_settings){.title = TEXT("one")},
                           TEXT("fuzz-key-1"), 1, &id, NULL) == OK);
    REQUIRE(channel_create(dir, &(struct channel_settings){.title = TEXT("two")},
                           TEXT("fuzz-key-2"), 1, &id, NULL) == OK);
    REQUIRE(channel_publish(dir, &request, 1, &answer, NULL) == OK);
    return dir;
}

static struct account_directory *make_accounts(void)
{
    const struct account_limits limits = account_limits_default();
    struct account_directory *accounts = account_directory_create(&limits, NULL);
    struct store_batch *batch = store_batch_create();

    account_set_admin_key(accounts, TEXT("admin"), batch, 1);
    account_directory_on_stored(accounts, batch, OK);
    store_batch_destroy(batch);
    return accounts;
}

static struct webhook_hub *make_hub(struct owner *owner)
{
    const struct webhook_handler handler = {
        .context = owner, .store = on_hub_batch, .send = on_send, .check_url = check_url};
    const struct webhook_limits limits = webhook_limits_default();

    return webhook_hub_create(&limits, &handler);
}

static struct text header_of(const struct api_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->header_count; i++)
        if (strcmp(answer->headers[i].name, name) == 0)
            return text_of(answer->headers[i].value);
    return (struct text){0};
}

static void require_json(struct text text)
{
    json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

    REQUIRE(json);
    json_decref(json);
}

static void check_answer(const struct api_answer *answer, bool is_stream, bool has_key,
                         uint64_t ticket_before, uint64_t ticket)
{
    REQUIRE(answer->status >= 200 && answer->status <= 599);
    REQUIRE(answer->last_ticket == (ticket == ticket_before ? 0 : ticket));
    if (answer->status == 204) {
        REQUIRE(!answer->body);
        return;
    }
    REQUIRE(answer->body && answer->body->len != 0);
    REQUIRE(text_ends_with(header_of(answer, "content-type"), TEXT("json")));
    struct text body = buf_text(answer->body);
    REQUIRE(has_key || !text_contains(body, TEXT("fuzz-key")));
    if (!is_stream || body.ptr[body.len - 1] != '\n') {
        require_json(body);
        return;
    }
    while (body.len != 0)
        require_json(text_cut(&body, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"",
                                       "Bearer admin",
                                       "Bearer fuzz-key-1",
                                       "Bearer fuzz-key-2",
                                       "Bearer wrong",
                                       "Basic x",
                                       "bearer  admin ",
                                       "Bearer"};
    static const char *const types[] = {"application/json", "", "text/plain", "application/json;"};
    struct text rest = {(const char *)data, size};
    struct text line = text_cut(&rest, '\n');
    uint8_t choices = rest.len ? (uint8_t)rest.ptr[0] : 0;
    bool is_stream = choices & 0x20;
    struct owner owner = {0};
    struct api_config config = {.rtmp_port = 1935};
    struct api_request request = {
        .method = text_cut(&line, ' '),
        .path = text_cut(&line, '?'),
        .query = line,
        .authorization = text_of(keys[choices & 7]),
        .content_type = text_of(types[choices >> 3 & 3]),
        .trpc_accept = is_stream ? TEXT("application/jsonl") : (struct text){0},
        .host = text_sub(rest, 1, choices & 0x40 ? 20 : 0),
        .idempotency_key = text_sub(rest, 1, choices & 0x80 ? 40 : 0),
        .peer_address = TEXT("192.0.2.1"),
        .body = text_sub(rest, 1, rest.len),
    };
    bool has_key = ((choices & 7) >= 1 && (choices & 7) != 4 && (choices & 7) != 5) ||
                   text_contains((struct text){(const char *)data, size}, TEXT("fuzz-key"));

    const struct api_parts parts = {make_directory(&owner), make_accounts(), make_hub(&owner),
                                    NULL};
    const struct api_handler handler = {&owner,        run_task,    on_answer, on_api_batch,
                                        newest_ticket, tell_health, NULL};
    struct api *api = owner.api = api_create(&config, &handler, &parts);
    for (int64_t round = 0; round < 2; round++) {
        struct api_answer answer;
        uint64_t ticket_before = owner.ticket;

        REQUIRE(api_call(api, &request, 1000 + round, &answer));
        check_answer(&answer, is_stream, has_key, ticket_before, owner.ticket);
        api_not_stored(&answer);
        REQUIRE(answer.status == 503 && answer.body);
        require_json(buf_text(answer.body));
        api_answer_deinit(&answer);
        drop_batches(&owner);
    }
    api_destroy(api);
    webhook_hub_destroy(parts.webhooks);
    account_directory_destroy(parts.accounts);
    channel_directory_destroy(parts.channels);
    return 0;
}
