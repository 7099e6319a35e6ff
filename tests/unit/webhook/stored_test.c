/*
 * The hub and the real store together: what one run leaves, the next one sends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store.h"
#include "support/test.h"
#include "webhook/webhook.h"

#define S(seconds) ((int64_t)(seconds)*US_PER_S)
#define WALL       S(1767225600)

struct run {
    struct store *store;
    struct webhook_hub *hub;
    uint64_t send_id;
    char sent_id[ROW_UUID_LEN + 1];
    char sent_body[512];
    size_t sent_count;
    bool is_dead; /* the store answers nothing any more */
};

static void apply(struct run *run, struct store_batch *batch)
{
    struct diag diag = {0};

    if (!run->is_dead && store_apply_batch(run->store, batch, &diag) != OK)
        fail_msg("%s", diag.message);
    store_batch_destroy(batch);
}

/* The real pool answers later. Here nothing depends on that: no handler calls back. */
struct waiting {
    struct store_batch *batch;
    uint64_t mark;
};

static struct waiting waiting[16];
static size_t waiting_count;

static void on_store(void *context, struct store_batch *batch, uint64_t mark)
{
    (void)context;
    assert_true(waiting_count < 16);
    waiting[waiting_count++] = (struct waiting){batch, mark};
}

static void store_all(struct run *run, int64_t now_us)
{
    for (size_t i = 0; i < waiting_count; i++) {
        apply(run, waiting[i].batch);
        if (!run->is_dead)
            webhook_on_stored(run->hub, waiting[i].mark, OK, now_us);
    }
    waiting_count = 0;
}

static void on_send(void *context, const struct webhook_send *send)
{
    struct run *run = context;

    run->sent_count++;
    run->send_id = send->id;
    (void)snprintf(run->sent_id, sizeof(run->sent_id), "%s", send->webhook_id);
    (void)snprintf(run->sent_body, sizeof(run->sent_body), "%.*s", TEXT_ARG(buf_text(send->body)));
}

static enum err on_check_url(void *context, struct text url, struct diag *diag)
{
    (void)context;
    (void)url;
    (void)diag;
    return OK;
}

static void run_begin(struct run *run, const char *url, int64_t now_us)
{
    *run = (struct run){0};
    const struct webhook_limits limits = webhook_limits_default();
    const struct webhook_handler handler = {run, on_store, on_send, on_check_url};
    const struct store_config config = {.url = url};
    struct store_people people;
    struct diag diag = {0};

    assert_ok(store_open(&config, &run->store, &diag));
    assert_ok(store_load_people(run->store, WALL + now_us, &people, &diag));
    run->hub = webhook_hub_create(&limits, &handler);
    webhook_set_wall_offset(run->hub, WALL);
    for (size_t i = 0; i < people.endpoint_count; i++)
        webhook_set_endpoint_row(run->hub, &people.endpoints[i], now_us);
    webhook_take_pending(run->hub,
                         &(struct webhook_pending){.rows = people.deliveries,
                                                   .count = people.delivery_count,
                                                   .asked_us = now_us},
                         now_us);
    store_people_deinit(&people);
    store_all(run, now_us);
}

static void run_end(struct run *run)
{
    webhook_hub_destroy(run->hub);
    store_close(run->store);
}

static void create_channel(struct store_batch *batch, uint64_t id)
{
    struct store_change change = {.channel_op = STORE_CHANNEL_CREATE,
                                  .channel = {.id = id,
                                              .title = "shoes",
                                              .stream_mode = "hybrid",
                                              .streaming_platform = "local",
                                              .created_at_us = WALL,
                                              .updated_at_us = WALL},
                                  .broadcast_op = STORE_BROADCAST_NONE};

    assert_true(secret_set(&change.channel.stream_key, TEXT("sk_1")));
    store_batch_change(batch, &change);
}

/* The change of a channel and its message are one transaction. */
static uint64_t channel_event(struct run *run, enum webhook_event_kind kind, bool is_created,
                              int64_t now_us)
{
    struct store_batch *batch = store_batch_create();
    const struct webhook_event event = {
        .kind = kind, .channel_id = 1, .channel_json = TEXT("{\"id\":1}")};

    if (is_created)
        create_channel(batch, 1);
    uint64_t mark = webhook_append(run->hub, &event, batch, now_us);
    apply(run, batch);
    return mark;
}

static const char *make_folder(char folder[32], char url[96])
{
    (void)snprintf(folder, 32, "/tmp/stoa-webhook-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(url, 96, "sqlite:%s/stoa.db", folder);
    return folder;
}

static void remove_folder(const char *folder)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "%s/stoa.db", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static struct store_result delivery_of(struct run *run, const char *id)
{
    struct store_query query = {.kind = STORE_QUERY_DELIVERY};
    struct store_result result;
    struct diag diag = {0};

    (void)snprintf(query.id, sizeof(query.id), "%s", id);
    if (store_run_query(run->store, &query, &result, &diag) != OK)
        fail_msg("%s", diag.message);
    return result;
}

static void crash_loses_no_message_and_the_id_stays(void **state)
{
    (void)state;
    char folder[32], url[96], id[ROW_UUID_LEN + 1];
    struct run run;
    const struct text all = TEXT("*");
    const struct webhook_endpoint_row *row;
    struct diag diag = {0};
    const struct webhook_input input = {.account_id = "",
                                        .url = TEXT("https://shop.example/hook"),
                                        .events = &all,
                                        .event_count = 1,
                                        .is_active = true};

    (void)make_folder(folder, url);
    run_begin(&run, url, S(1));
    assert_ok(webhook_create(run.hub, &input, S(1), &row, &diag));
    store_all(&run, S(1));
    /* Stored, and killed before anything was sent. */
    assert_true(channel_event(&run, WEBHOOK_CHANNEL_CREATED, true, S(2)) != 0);
    assert_int_equal(run.sent_count, 0);
    run_end(&run);

    run_begin(&run, url, S(3));
    assert_int_equal(run.sent_count, 1);
    memcpy(id, run.sent_id, sizeof(id));
    assert_true(text_contains(text_of(run.sent_body), TEXT("channel.created")));
    webhook_on_sent(run.hub, run.send_id,
                    &(struct webhook_answer){.http_status = 500, .body = TEXT("no\xff\0pe")}, S(4));
    store_all(&run, S(4));
    run_end(&run); /* killed while it waits */

    run_begin(&run, url, S(5));
    assert_int_equal(run.sent_count, 0);
    webhook_on_time(run.hub, S(20));
    assert_int_equal(run.sent_count, 1);
    assert_string_equal(run.sent_id, id);
    webhook_on_sent(run.hub, run.send_id, &(struct webhook_answer){.http_status = 200}, S(21));
    run.is_dead = true; /* killed before the success was stored */
    store_all(&run, S(21));
    run_end(&run);

    /* At least once: it is sent again, by the same id. */
    run_begin(&run, url, S(30));
    assert_int_equal(run.sent_count, 1);
    assert_string_equal(run.sent_id, id);
    webhook_on_sent(run.hub, run.send_id, &(struct webhook_answer){.http_status = 200}, S(31));
    store_all(&run, S(31));
    struct store_result result = delivery_of(&run, id);
    assert_int_equal(result.count, 1);
    assert_string_equal(result.webhook_deliveries[0].status, "delivered");
    assert_int_equal(result.webhook_deliveries[0].attempts, 2);
    assert_int_equal(result.attempt_count, 2);
    assert_int_equal(result.attempts[0].http_status, 500);
    assert_string_equal(result.attempts[0].response, "no. pe");

    /* And from the log it can be replayed. */
    assert_ok(webhook_replay(run.hub, &result.webhook_deliveries[0], S(40), &diag));
    store_result_deinit(&result);
    store_all(&run, S(40));
    assert_int_equal(run.sent_count, 2);
    assert_string_equal(run.sent_id, id);
    webhook_on_sent(run.hub, run.send_id, &(struct webhook_answer){.http_status = 200}, S(41));
    store_all(&run, S(41));
    run_end(&run);

    run_begin(&run, url, S(50));
    assert_int_equal(run.sent_count, 0);
    run_end(&run);
    remove_folder(folder);
}

static void secrets_and_their_rotation_outlive_a_restart(void **state)
{
    (void)state;
    char folder[32], url[96];
    struct run run;
    const struct text events[] = {TEXT("relay.active"), TEXT("relay.error")};
    const struct webhook_endpoint_row *row;
    struct diag diag = {0};
    const struct webhook_input input = {.account_id = "",
                                        .channel_id = 7,
                                        .url = TEXT("https://shop.example/hook"),
                                        .events = events,
                                        .event_count = 2,
                                        .description = TEXT("Bestellungen \xe2\x82\xac"),
                                        .is_active = true};

    (void)make_folder(folder, url);
    run_begin(&run, url, S(1));
    assert_ok(webhook_create(run.hub, &input, S(1), &row, &diag));
    assert_ok(webhook_rotate_secret(run.hub, text_of(row->id), S(2), &row, &diag));
    struct webhook_endpoint_row before = *row;
    store_all(&run, S(2));
    run_end(&run);

    run_begin(&run, url, S(3));
    assert_int_equal(webhook_count(run.hub), 1);
    assert_memory_equal(webhook_at(run.hub, 0), &before, sizeof(before));
    webhook_on_time(run.hub, S(2) + INT64_C(86400) * US_PER_S);
    store_all(&run, S(90000));
    run_end(&run);

    run_begin(&run, url, S(90001));
    assert_string_equal(webhook_at(run.hub, 0)->old_signing_secret, "");
    assert_ok(webhook_delete(run.hub, text_of(before.id), S(90002), &diag));
    store_all(&run, S(90002));
    run_end(&run);

    run_begin(&run, url, S(90003));
    assert_int_equal(webhook_count(run.hub), 0);
    run_end(&run);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(crash_loses_no_message_and_the_id_stays),
        TEST_CASE(secrets_and_their_rotation_outlive_a_restart),
    };
    return RUN_TESTS("webhook_stored", tests);
}
