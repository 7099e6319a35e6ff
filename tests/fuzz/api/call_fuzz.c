/*
 * call_fuzz - any request by anybody gets a valid answer: a status, a content type, JSON (or lines
 * of it); never a stream key for who has none, never a hash of a password or a key again.
 *
 * Input: "METHOD path?query\n", a byte of choices (who calls: 0 to 2; content type: 3 and 4; lines:
 * 5; a host: 6; headers: 7), with headers a line each of Authorization, Cookie, X-CSRF-Token,
 * Idempotency-Key and User-Agent, then the body. {w} in the first line stands for a webhook, {k}
 * for an API key.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "api/api.h"
#include "base/mem.h"
#include "base/writer.h"
#include "channel/channel.h"
#include "webhook/webhook.h"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BATCHES_MAX = 4 * API_BATCH_MAX + 8, LINE_LEN_MAX = 8192 };

#define SELLER "seller@shop.example"

/* Batches are kept until the call that brought them has returned: the API adds to them. */
struct owner {
    uint64_t ticket;
    struct api *api;
    struct api_parts parts;
    struct store_batch *batches[BATCHES_MAX];
    uint64_t marks[BATCHES_MAX]; /* of the hub; 0: not its */
    size_t batch_count;
    struct api_task *tasks[API_BATCH_MAX];
    size_t task_count;
    enum err query_result;
    bool is_answered;

    char account_id[ROW_UUID_LEN + 1];
    char webhook_id[ROW_UUID_LEN + 1];
    char key_id[ROW_UUID_LEN + 1];
    char key[ACCOUNT_KEY_LEN + 1];
    struct session_opened session;
};

static void take_batch(struct owner *owner, struct store_batch *batch)
{
    REQUIRE(owner->batch_count < BATCHES_MAX);
    owner->ticket++;
    owner->marks[owner->batch_count] = 0;
    owner->batches[owner->batch_count++] = batch;
    if (owner->api)
        api_on_batch(owner->api, batch);
}

/* Says that they are stored. */
static void drop_batches(struct owner *owner)
{
    for (size_t i = 0; i < owner->batch_count; i++) { /* the hub may bring more */
        account_directory_on_stored(owner->parts.accounts, owner->batches[i], OK);
        if (owner->marks[i] != 0)
            webhook_on_stored(owner->parts.webhooks, owner->marks[i], OK, 1000);
        store_batch_destroy(owner->batches[i]);
    }
    owner->batch_count = 0;
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
    struct owner *owner = context;

    take_batch(owner, batch);
    owner->marks[owner->batch_count - 1] = mark;
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
    struct owner *owner = context;

    if (owner->task_count == API_BATCH_MAX)
        return ERR_LIMIT;
    owner->tasks[owner->task_count++] = task;
    return OK;
}

/* Passwords are checked; the database finds nothing, or fails. */
static void do_tasks(struct owner *owner, int64_t now_us)
{
    while (owner->task_count != 0) {
        struct api_task *task = owner->tasks[--owner->task_count];

        if (task->kind == API_TASK_PASSWORD)
            api_task_work(task, NULL);
        else
            task->err = owner->query_result;
        api_task_done(owner->api, task, now_us);
    }
}

static void on_answer(void *context, struct api_answer *answer)
{
    (void)answer;
    ((struct owner *)context)->is_answered = true;
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

static void on_revoked(void *context, uint64_t channel_id, const char *token_id)
{
    (void)context;
    REQUIRE(channel_id != 0 && strlen(token_id) == ROW_UUID_LEN);
}

static struct channel_directory *make_directory(struct owner *owner)
{
    const struct channel_handler handler = {owner, on_store, on_kick, on_stop, on_changed};
    const struct channel_limits limits = channel_limits_default();
    struct channel_directory *dir = channel_directory_create(&limits, &handler);
    const struct publish_request request = {
        .stream_key = TEXT("fuzz-key-1"), .session_id = 1, .ingest = INGEST_WHIP};
    const struct channel_settings one = {.title = TEXT("one"),
                                         .host_user_id = text_of(owner->account_id)};
    const struct channel_settings two = {.title = TEXT("two")};
    struct publish_answer answer;
    uint64_t id;

    REQUIRE(channel_create(dir, &one, TEXT("fuzz-key-1"), 1, &id, NULL) == OK);
    REQUIRE(channel_create(dir, &two, TEXT("fuzz-key-2"), 1, &id, NULL) == OK);
    REQUIRE(channel_publish(dir, &request, 1, &answer, NULL) == OK);
    return dir;
}

static void hash_password(struct account_directory *accounts,
                          char to[ROW_PASSWORD_HASH_LEN_MAX + 1])
{
    struct password_job job;

    REQUIRE(account_hash_start(accounts, TEXT("a good password"), &job, NULL) == OK);
    REQUIRE(password_job_run(&job) == OK);
    memcpy(to, job.new_hash, sizeof(job.new_hash));
    account_job_end(accounts, &job);
}

static void sign_in(struct owner *owner, struct account_directory *accounts,
                    struct store_batch *batch)
{
    const struct sign_in as = {
        .email = TEXT(SELLER), .password = TEXT("a good password"), .address = TEXT("192.0.2.9")};
    struct password_job job;
    int64_t retry_after_us;

    REQUIRE(account_sign_in_start(accounts, &as, 1, &job, &retry_after_us, NULL) == OK);
    REQUIRE(password_job_run(&job) == OK);
    REQUIRE(account_sign_in_finish(accounts, &as, &job, batch, 1, &owner->session, NULL) == OK);
    account_job_end(accounts, &job);
}

/* A seller with a session and an API key. */
static struct account_directory *make_accounts(struct owner *owner)
{
    struct account_limits limits = account_limits_default();
    struct store_batch *batch = store_batch_create();
    char hash[ROW_PASSWORD_HASH_LEN_MAX + 1];
    const struct account_row *row;
    const struct api_key_row *key_row;

    limits.password_cost = (struct password_cost){.memory_kib = 8, .passes = 1};
    struct account_directory *accounts = account_directory_create(&limits, NULL);
    account_set_admin_key(accounts, TEXT("admin"), batch, 1);
    hash_password(accounts, hash);
    const struct account_input input = {.email = TEXT(SELLER),
                                        .display_name = TEXT("Seller"),
                                        .role = TEXT("seller"),
                                        .password_hash = text_of(hash)};
    REQUIRE(account_create(accounts, &input, batch, 1, &row, NULL) == OK);
    memcpy(owner->account_id, row->id, sizeof(owner->account_id));
    const struct api_key_input key = {.account_id = text_of(owner->account_id),
                                      .name = TEXT("key"),
                                      .scopes = SCOPE_READ | SCOPE_CHANNELS | SCOPE_PUBLISH |
                                                SCOPE_WEBHOOKS};
    REQUIRE(account_key_create(accounts, &key, batch, 1, owner->key, &key_row, NULL) == OK);
    memcpy(owner->key_id, key_row->id, sizeof(owner->key_id));
    sign_in(owner, accounts, batch);
    account_directory_on_stored(accounts, batch, OK);
    store_batch_destroy(batch);
    return accounts;
}

static void make_webhook(struct owner *owner)
{
    const struct text event = TEXT("*");
    const struct webhook_input input = {.account_id = owner->account_id,
                                        .url = TEXT("https://shop.example/"),
                                        .events = &event,
                                        .event_count = 1,
                                        .is_active = true};
    const struct webhook_endpoint_row *row;

    REQUIRE(webhook_create(owner->parts.webhooks, &input, 1, &row, NULL) == OK);
    memcpy(owner->webhook_id, row->id, sizeof(owner->webhook_id));
}

static void make_parts(struct owner *owner)
{
    const struct webhook_handler handler = {
        .context = owner, .store = on_hub_batch, .send = on_send, .check_url = check_url};
    const struct webhook_limits limits = webhook_limits_default();

    owner->parts.accounts = make_accounts(owner);
    owner->parts.channels = make_directory(owner);
    owner->parts.webhooks = webhook_hub_create(&limits, &handler);
    make_webhook(owner);
    drop_batches(owner);
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

/* What is nobody's to see; what the request has itself is no secret. */
static void check_secrets(const struct owner *owner, struct text body, struct text input,
                          bool has_one, bool has_two)
{
    REQUIRE(has_one || text_contains(input, TEXT("fuzz-key")) ||
            !text_contains(body, TEXT("fuzz-key-1")));
    REQUIRE(has_two || text_contains(input, TEXT("fuzz-key")) ||
            !text_contains(body, TEXT("fuzz-key-2")));
    REQUIRE(text_contains(input, TEXT("argon2")) || !text_contains(body, TEXT("$argon2")));
    REQUIRE(!text_contains(body, text_of(owner->key)));
    REQUIRE(!text_contains(body, text_of(owner->session.token)));
}

/* A JSON text, or a line of it for each piece of a streamed batch. */
static void require_body(const struct api_answer *answer, struct text body)
{
    if (!answer->is_stream) {
        require_json(body);
        return;
    }
    while (body.len != 0)
        require_json(text_cut(&body, '\n'));
}

static void check_answer(const struct api_answer *answer, bool is_stream, uint64_t ticket_before,
                         uint64_t ticket)
{
    REQUIRE(answer->status >= 200 && answer->status <= 599);
    REQUIRE(answer->last_ticket == (ticket == ticket_before ? 0 : ticket));
    for (size_t i = 0; i < answer->header_count; i++)
        REQUIRE(!strpbrk(answer->headers[i].value, "\r\n"));
    if (answer->status == 204) {
        REQUIRE(!answer->body);
        return;
    }
    REQUIRE(answer->body && answer->body->len != 0);
    REQUIRE(text_ends_with(header_of(answer, "content-type"), TEXT("json")));
    struct text body = buf_text(answer->body);
    REQUIRE(is_stream || !answer->is_stream);
    require_body(answer, body);
}

/* ---- the request ---- */

/* The first line with its ids. */
static struct text write_line(const struct owner *owner, struct text line, char to[LINE_LEN_MAX])
{
    struct writer w = writer_fixed(to, LINE_LEN_MAX);

    for (size_t i = 0; i < line.len; i++) {
        struct text at = text_sub(line, i, 3);

        if (!text_equal(at, TEXT("{w}")) && !text_equal(at, TEXT("{k}"))) {
            writer_char(&w, line.ptr[i]);
            continue;
        }
        writer_str(&w, at.ptr[1] == 'w' ? owner->webhook_id : owner->key_id);
        i += 2;
    }
    return writer_as_text(&w); /* cut when it is too long */
}

struct shape {
    char line[LINE_LEN_MAX];
    char authorization[80];
    char cookie[80];
    bool is_stream, has_one, has_two; /* who has the stream key of which channel */
};

static void set_caller(const struct owner *owner, uint8_t who, struct api_request *request,
                       struct shape *shape)
{
    static const char *const bearers[] = {"", "admin", "fuzz-key-1", "fuzz-key-2", "wrong", "", ""};
    struct writer w = writer_fixed(shape->authorization, sizeof(shape->authorization));
    struct writer cookie = writer_fixed(shape->cookie, sizeof(shape->cookie));

    if (who == 6) {
        writer_printf(&cookie, "stoa_session=%s", owner->session.token);
        request->cookie = writer_as_text(&cookie);
        request->csrf_token = text_of(owner->session.csrf_token);
    } else if (who != 0) {
        writer_printf(&w, "Bearer %s", who == 5 ? owner->key : who == 7 ? "" : bearers[who]);
        request->authorization = writer_as_text(&w);
    }
    shape->has_one = who == 1 || who == 2 || who == 5 || who == 6;
    shape->has_two = who == 1 || who == 3;
}

static struct api_request read_request(const struct owner *owner, struct text rest,
                                       struct shape *shape)
{
    static const char *const types[] = {"application/json", "", "text/plain", "application/json;"};
    struct text line = write_line(owner, text_cut(&rest, '\n'), shape->line);
    uint8_t choices = rest.len ? (uint8_t)rest.ptr[0] : 0;
    struct api_request request = {
        .method = text_cut(&line, ' '),
        .path = text_cut(&line, '?'),
        .query = line,
        .content_type = text_of(types[choices >> 3 & 3]),
        .peer_address = TEXT("192.0.2.1"),
    };

    rest = text_sub(rest, 1, rest.len);
    shape->is_stream = choices & 0x20;
    request.trpc_accept = shape->is_stream ? TEXT("application/jsonl") : (struct text){0};
    request.host = text_sub(rest, 0, choices & 0x40 ? 20 : 0);
    set_caller(owner, choices & 7, &request, shape);
    if (choices & 0x80) {
        struct text *headers[] = {&request.authorization, &request.cookie, &request.csrf_token,
                                  &request.idempotency_key, &request.user_agent};
        for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
            struct text value = text_cut(&rest, '\n');
            if (value.len != 0)
                *headers[i] = value;
        }
    }
    request.body = rest;
    return request;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum err results[] = {OK, ERR_INVALID, ERR_IO};
    const struct text input = {(const char *)data, size};
    const struct api_config config = {.rtmp_port = 1935};
    struct owner owner = {.query_result = results[size % 3]};
    struct shape shape;

    make_parts(&owner);
    const struct api_handler handler = {&owner,        run_task,    on_answer, on_api_batch,
                                        newest_ticket, tell_health, on_revoked};
    struct api *api = owner.api = api_create(&config, &handler, &owner.parts);
    const struct api_request request = read_request(&owner, input, &shape);
    for (int64_t round = 0; round < 2; round++) {
        struct api_answer answer;
        uint64_t ticket_before = owner.ticket;

        owner.is_answered = api_call(api, &request, 1000 + round, &answer);
        do_tasks(&owner, 1000 + round);
        REQUIRE(owner.is_answered);
        check_answer(&answer, shape.is_stream, ticket_before, owner.ticket);
        if (answer.body)
            check_secrets(&owner, buf_text(answer.body), input, shape.has_one, shape.has_two);
        api_not_stored(&answer);
        REQUIRE(answer.status == 503);
        check_answer(&answer, shape.is_stream, 0, 0);
        api_answer_deinit(&answer);
        drop_batches(&owner);
    }
    api_destroy(api);
    webhook_hub_destroy(owner.parts.webhooks);
    account_directory_destroy(owner.parts.accounts);
    channel_directory_destroy(owner.parts.channels);
    return 0;
}
