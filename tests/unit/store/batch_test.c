#include <stdio.h>
#include <string.h>

#include "rows.h"
#include "support/store_place.h"
#include "support/test.h"

enum { NOW_US = 500 };

struct bench {
    struct store_place place;
    struct store *store;
};

static struct bench bench_create(void)
{
    struct bench bench = {.place = store_place_create()};

    bench.store = store_place_open(&bench.place);
    return bench;
}

static void bench_remove(const struct bench *bench)
{
    store_close(bench->store);
    store_place_remove(&bench->place);
}

static struct store_people load(struct store *store)
{
    struct store_people people;
    struct diag diag = {0};

    if (store_load_people(store, NOW_US, &people, &diag) != OK)
        fail_msg("%s", diag.message);
    return people;
}

static void rows_come_back_as_they_were_put(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct session_row session = a_session(1, 1);
    struct api_key_row key = an_api_key(1, 1);
    struct publish_token_row token = a_publish_token(1, 1, 1);
    struct webhook_delivery_row delivery = a_delivery(1, 1, 100);
    struct idempotency_row idempotency = an_idempotency(1, 100);

    fill(bench.store);
    store_batch_put_session(batch, &session);
    store_batch_put_api_key(batch, &key);
    store_batch_put_publish_token(batch, &token);
    store_batch_put_webhook_delivery(batch, &delivery);
    store_batch_put_idempotency(batch, &idempotency);
    assert_int_equal(store_batch_count(batch), 5);
    apply(bench.store, batch);
    store_close(bench.store);
    bench.store = store_place_open(&bench.place);

    struct account_row account = an_account(2);
    struct webhook_endpoint_row endpoint = an_endpoint(1, 1);
    struct store_people people = load(bench.store);
    assert_int_equal(people.account_count, 2);
    assert_row(STORE_ACCOUNTS, &people.accounts[1], &account);
    assert_int_equal(people.session_count, 1);
    assert_row(STORE_SESSIONS, &people.sessions[0], &session);
    assert_int_equal(people.api_key_count, 1);
    assert_row(STORE_API_KEYS, &people.api_keys[0], &key);
    assert_int_equal(people.publish_token_count, 1);
    assert_row(STORE_PUBLISH_TOKENS, &people.publish_tokens[0], &token);
    assert_int_equal(people.endpoint_count, 2);
    assert_row(STORE_WEBHOOK_ENDPOINTS, &people.endpoints[0], &endpoint);
    assert_int_equal(people.delivery_count, 1);
    assert_text(buf_text(people.deliveries[0].payload),
                "{\"type\":\"relay.active\",\"data\":{\"title\":\"Caf\xc3\xa9\"}}");
    assert_string_equal(people.deliveries[0].last_error, "the target is busy");
    assert_int_equal(people.deliveries[0].next_attempt_at_us, 7);
    assert_int_equal(people.deliveries[0].last_http_status, 503);
    assert_false(people.has_more_deliveries);
    assert_int_equal(people.idempotency_count, 1);
    assert_memory_equal(people.idempotency[0].request_hash, idempotency.request_hash, 32);
    assert_text(buf_text(people.idempotency[0].body), "{\"id\":7}");
    store_people_deinit(&people);

    (void)buf_unref(delivery.payload);
    (void)buf_unref(idempotency.body);
    bench_remove(&bench);
}

static void empty_texts_and_zero_times_come_back_as_such(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct api_key_row key = an_api_key(1, 1);
    struct webhook_endpoint_row endpoint = an_endpoint(1, 1);

    memset(key.account_id, 0, sizeof(key.account_id));
    key.last_used_at_us = key.expires_at_us = key.revoked_at_us = 0;
    memset(endpoint.account_id, 0, sizeof(endpoint.account_id));
    memset(endpoint.disabled_reason, 0, sizeof(endpoint.disabled_reason));
    memset(endpoint.description, 0, sizeof(endpoint.description));
    endpoint.channel_id = 0;
    endpoint.is_active = false;
    store_batch_put_api_key(batch, &key);
    store_batch_put_webhook_endpoint(batch, &endpoint);
    apply(bench.store, batch);

    struct store_people people = load(bench.store);
    assert_int_equal(people.api_key_count, 1);
    assert_row(STORE_API_KEYS, &people.api_keys[0], &key);
    assert_int_equal(people.endpoint_count, 1);
    assert_row(STORE_WEBHOOK_ENDPOINTS, &people.endpoints[0], &endpoint);
    store_people_deinit(&people);
    assert_int_equal(store_place_number(&bench.place, "SELECT count(*) FROM api_keys WHERE "
                                                      "account_id IS NULL AND revoked_at IS NULL"),
                     1);
    bench_remove(&bench);
}

static void put_replaces_the_row_with_its_key(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct account_row account = an_account(1);

    fill(bench.store);
    (void)snprintf(account.email, sizeof(account.email), "new@example.org");
    memset(account.password_hash, 0, sizeof(account.password_hash));
    account.disabled_at_us = 0;
    store_batch_put_account(batch, &account);
    apply(bench.store, batch);

    struct store_people people = load(bench.store);
    assert_int_equal(people.account_count, 2);
    assert_string_equal(people.accounts[0].email, "new@example.org");
    assert_string_equal(people.accounts[0].password_hash, "");
    assert_int_equal(people.accounts[0].disabled_at_us, 0);
    store_people_deinit(&people);
    bench_remove(&bench);
}

static void batch_is_all_or_nothing(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct account_row fine = an_account(3);
    struct account_row taken = an_account(4);
    struct store_change change = a_start(1, 5, "k1");
    struct channel_row channel;
    struct diag diag = {0};

    fill(bench.store);
    (void)snprintf(taken.email, sizeof(taken.email), "seller1@example.org");
    store_batch_change(batch, &change);
    store_batch_put_account(batch, &fine);
    store_batch_put_account(batch, &taken);
    assert_err(store_apply_batch(bench.store, batch, &diag), ERR_CONFLICT);
    assert_false(text_contains(text_of(diag.message), TEXT("seller1"))); /* no values of rows */
    store_batch_destroy(batch);

    struct store_people people = load(bench.store);
    assert_int_equal(people.account_count, 2);
    store_people_deinit(&people);
    assert_ok(store_channel_find(bench.store, 1, &channel, &diag));
    assert_false(channel.is_active);

    batch = store_batch_create(); /* and the store goes on */
    store_batch_put_account(batch, &fine);
    apply(bench.store, batch);
    bench_remove(&bench);
}

static void row_of_nothing_is_a_conflict(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct session_row session = a_session(1, 7);
    struct publish_token_row token = a_publish_token(1, 77, 1);
    struct stream_metric_row metric = a_metric(77, 1, 100);
    struct diag diag = {0};

    fill(bench.store);
    for (int i = 0; i < 3; i++) {
        struct store_batch *batch = store_batch_create();

        if (i == 0)
            store_batch_put_session(batch, &session);
        if (i == 1)
            store_batch_put_publish_token(batch, &token);
        if (i == 2)
            store_batch_put_stream_metric(batch, &metric);
        assert_err(store_apply_batch(bench.store, batch, &diag), ERR_CONFLICT);
        store_batch_destroy(batch);
    }
    bench_remove(&bench);
}

static void ops_are_applied_in_order(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct store_batch *more = store_batch_create();
    struct session_row session = a_session(1, 1);

    fill(bench.store);
    store_batch_put_session(batch, &session);
    store_batch_delete_session(more, session.token_hash);
    session.last_used_at_us = 77;
    store_batch_put_session(more, &session);
    store_batch_append(batch, more);
    assert_int_equal(store_batch_count(batch), 3);
    assert_int_equal(store_batch_count(more), 0);
    store_batch_destroy(more);
    apply(bench.store, batch);

    struct store_people people = load(bench.store);
    assert_int_equal(people.session_count, 1);
    assert_int_equal(people.sessions[0].last_used_at_us, 77);
    store_people_deinit(&people);
    bench_remove(&bench);
}

static void touch_writes_the_time_and_nothing_else(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct session_row session = a_session(1, 1);
    struct session_row missing = a_session(2, 1);
    struct api_key_row key = an_api_key(1, 1);

    fill(bench.store);
    store_batch_put_session(batch, &session);
    store_batch_put_api_key(batch, &key);
    store_batch_touch_session(batch, session.token_hash, 400);
    store_batch_touch_session(batch, missing.token_hash, 400);
    store_batch_touch_api_key(batch, key.id, 300);
    store_batch_touch_api_key(batch, "no such key", 300);
    apply(bench.store, batch);

    struct store_people people = load(bench.store);
    session.last_used_at_us = 400;
    key.last_used_at_us = 300;
    assert_int_equal(people.session_count, 1);
    assert_row(STORE_SESSIONS, &people.sessions[0], &session);
    assert_row(STORE_API_KEYS, &people.api_keys[0], &key);
    store_people_deinit(&people);
    bench_remove(&bench);
}

static void deletes_of_rows_that_are_gone_are_no_error(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct session_row session = a_session(1, 1);
    struct api_key_row key = an_api_key(1, 1);
    struct publish_token_row token = a_publish_token(1, 1, 1);
    struct idempotency_row idempotency = an_idempotency(1, 100);
    struct webhook_endpoint_row endpoint = an_endpoint(1, 1);

    fill(bench.store);
    store_batch_put_session(batch, &session);
    store_batch_put_api_key(batch, &key);
    store_batch_put_publish_token(batch, &token);
    store_batch_put_idempotency(batch, &idempotency);
    for (int i = 0; i < 2; i++) {
        store_batch_delete_session(batch, session.token_hash);
        store_batch_delete_api_key(batch, key.id);
        store_batch_delete_publish_token(batch, token.id);
        store_batch_delete_idempotency(batch, idempotency.key_hash);
        store_batch_delete_webhook_endpoint(batch, endpoint.id);
    }
    apply(bench.store, batch);
    (void)buf_unref(idempotency.body);

    struct store_people people = load(bench.store);
    assert_int_equal(people.session_count + people.api_key_count + people.publish_token_count +
                         people.idempotency_count,
                     0);
    assert_int_equal(people.endpoint_count, 1); /* the other one */
    store_people_deinit(&people);
    bench_remove(&bench);
}

static void account_is_signed_out_everywhere_but_here(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct session_row here = a_session(2, 1);

    fill(bench.store);
    for (unsigned i = 1; i <= 3; i++) {
        struct session_row session = a_session(i, 1);
        store_batch_put_session(batch, &session);
    }
    struct session_row other = a_session(4, 2);
    store_batch_put_session(batch, &other);
    store_batch_delete_sessions(batch, here.account_id, here.token_hash);
    apply(bench.store, batch);

    struct store_people people = load(bench.store);
    assert_int_equal(people.session_count, 2);
    store_people_deinit(&people);

    batch = store_batch_create();
    store_batch_delete_sessions(batch, here.account_id, NULL);
    apply(bench.store, batch);
    people = load(bench.store);
    assert_int_equal(people.session_count, 1);
    assert_row(STORE_SESSIONS, &people.sessions[0], &other);
    store_people_deinit(&people);
    bench_remove(&bench);
}

static void expired_and_revoked_rows_are_not_loaded(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct session_row old = a_session(1, 1), fresh = a_session(2, 1);
    struct publish_token_row revoked = a_publish_token(1, 1, 1), late = a_publish_token(2, 1, 1),
                             endless = a_publish_token(3, 1, 1);
    struct webhook_delivery_row done = a_delivery(1, 1, 100), waits = a_delivery(2, 1, 50);

    fill(bench.store);
    old.expires_at_us = NOW_US;
    revoked.revoked_at_us = 1;
    late.expires_at_us = NOW_US;
    endless.expires_at_us = 0;
    (void)snprintf(done.status, sizeof(done.status), "delivered");
    store_batch_put_session(batch, &old);
    store_batch_put_session(batch, &fresh);
    store_batch_put_publish_token(batch, &revoked);
    store_batch_put_publish_token(batch, &late);
    store_batch_put_publish_token(batch, &endless);
    store_batch_put_webhook_delivery(batch, &done);
    store_batch_put_webhook_delivery(batch, &waits);
    apply(bench.store, batch);

    struct store_people people = load(bench.store);
    assert_int_equal(people.session_count, 1);
    assert_row(STORE_SESSIONS, &people.sessions[0], &fresh);
    assert_int_equal(people.publish_token_count, 1);
    assert_row(STORE_PUBLISH_TOKENS, &people.publish_tokens[0], &endless);
    assert_int_equal(people.delivery_count, 1);
    assert_string_equal(people.deliveries[0].id, waits.id);
    store_people_deinit(&people);
    (void)buf_unref(done.payload);
    (void)buf_unref(waits.payload);
    bench_remove(&bench);
}

static void foreign_bytes_are_stored_as_text(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct session_row session = a_session(1, 1);
    struct webhook_delivery_row delivery = a_delivery(1, 1, 100);
    struct store_change change = a_start(1, 5, "k1");
    struct channel_row channel;
    struct diag diag = {0};

    fill(bench.store);
    memset(session.user_agent, 0, sizeof(session.user_agent));
    (void)snprintf(session.user_agent, sizeof(session.user_agent),
                   "a\xff\xc3(\xe2\x82 caf\xc3\xa9\xc3");
    (void)buf_unref(delivery.payload);
    delivery.payload = buf_copy("a\0b\x80", 4);
    (void)snprintf(change.channel.relay_error, sizeof(change.channel.relay_error), "peer: \xfe");
    store_batch_put_session(batch, &session);
    store_batch_put_webhook_delivery(batch, &delivery);
    store_batch_change(batch, &change);
    assert_memory_equal(delivery.payload->data, "a\0b\x80", 4); /* the caller's is untouched */
    apply(bench.store, batch);
    (void)buf_unref(delivery.payload);

    struct store_people people = load(bench.store);
    assert_string_equal(people.sessions[0].user_agent, "a?"
                                                       "?(?"
                                                       "? caf\xc3\xa9?");
    assert_text(buf_text(people.deliveries[0].payload), "a?b?");
    store_people_deinit(&people);
    assert_ok(store_channel_find(bench.store, 1, &channel, &diag));
    assert_string_equal(channel.relay_error, "peer: ?");
    bench_remove(&bench);
}

static void outbox_rides_with_the_change(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct store_change change = a_start(99, 5, "k99"); /* there is no channel 99 */
    struct webhook_delivery_row delivery = a_delivery(1, 1, 100);
    struct diag diag = {0};

    fill(bench.store);
    store_batch_put_webhook_delivery(batch, &delivery);
    store_batch_change(batch, &change);
    assert_err(store_apply_batch(bench.store, batch, &diag), ERR_NOT_FOUND);
    store_batch_destroy(batch);
    struct store_people people = load(bench.store);
    assert_int_equal(people.delivery_count, 0);
    store_people_deinit(&people);

    batch = store_batch_create();
    change = a_start(1, 5, "k1");
    store_batch_change(batch, &change);
    store_batch_put_webhook_delivery(batch, &delivery);
    apply(bench.store, batch);
    people = load(bench.store);
    assert_int_equal(people.delivery_count, 1);
    store_people_deinit(&people);
    (void)buf_unref(delivery.payload);
    bench_remove(&bench);
}

static void settings_and_state_do_not_touch_each_other(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct store_change live = a_start(1, 5, "k1");
    struct store_change renamed = {.channel_op = STORE_CHANNEL_SETTINGS,
                                   .channel = a_channel(1, "k9"),
                                   .broadcast_op = STORE_BROADCAST_NONE};
    struct channel_row row;
    struct diag diag = {0};

    fill(bench.store);
    live.channel_op = STORE_CHANNEL_STATE;
    (void)snprintf(live.channel.node, sizeof(live.channel.node), "node-1");
    (void)snprintf(live.channel.title, sizeof(live.channel.title), "stale title");
    (void)snprintf(renamed.channel.title, sizeof(renamed.channel.title), "New title");
    an_id(renamed.channel.host_user_id, 'a', 2);
    renamed.channel.max_duration_s = 3600;
    (void)snprintf(renamed.channel.stream_mode, sizeof(renamed.channel.stream_mode), "webrtc-only");
    store_batch_change(batch, &renamed);
    store_batch_change(batch, &live);
    apply(bench.store, batch);

    assert_ok(store_channel_find(bench.store, 1, &row, &diag));
    assert_string_equal(row.title, "New title");
    assert_true(secret_equals(&row.stream_key, TEXT("k9")));
    assert_string_equal(row.host_user_id, renamed.channel.host_user_id);
    assert_int_equal(row.max_duration_s, 3600);
    assert_string_equal(row.stream_mode, "webrtc-only");
    assert_true(row.is_active);
    assert_string_equal(row.node, "node-1");
    assert_string_equal(row.relay_status, "starting");
    assert_int_equal(row.open_broadcast_id, 5);

    renamed.channel.max_duration_s = 0;
    memset(renamed.channel.host_user_id, 0, sizeof(renamed.channel.host_user_id));
    assert_ok(store_apply(bench.store, &renamed, &diag));
    assert_ok(store_channel_find(bench.store, 1, &row, &diag));
    assert_int_equal(row.max_duration_s, 0);
    assert_string_equal(row.host_user_id, "");
    assert_true(row.is_active);
    bench_remove(&bench);
}

static void recording_is_known_to_broadcast_and_channel(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct store_change live = a_start(1, 5, "k1");
    struct broadcast_row broadcast;
    struct channel_row channel;
    struct diag diag = {0};

    fill(bench.store);
    store_batch_change(batch, &live);
    store_batch_set_recording(batch, 5, "/recordings/1/5.mp4");
    store_batch_set_recording(batch, 6, "/recordings/of-nothing.mp4");
    apply(bench.store, batch);
    assert_ok(store_broadcast_find(bench.store, 5, &broadcast, &diag));
    assert_string_equal(broadcast.recording_url, "/recordings/1/5.mp4");
    assert_ok(store_channel_find(bench.store, 1, &channel, &diag));
    assert_string_equal(channel.recording_url, "/recordings/1/5.mp4");
    assert_ok(store_apply(bench.store, &live, &diag)); /* told once more */
    live.broadcast_op = STORE_BROADCAST_END;
    assert_ok(store_apply(bench.store, &live, &diag)); /* a change of the rest leaves it alone */
    assert_ok(store_channel_find(bench.store, 1, &channel, &diag));
    assert_string_equal(channel.recording_url, "/recordings/1/5.mp4");
    bench_remove(&bench);
}

static void deleted_channel_takes_what_is_its_own(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct store_change live = a_start(1, 5, "k1");
    struct publish_token_row token = a_publish_token(1, 1, 1);
    struct stream_metric_row metric = a_metric(1, 5, 100);
    struct stream_cost_row cost = a_cost(1, 5, 100);
    struct webhook_delivery_row delivery = a_delivery(1, 1, 100);
    struct store_change gone = {.channel_op = STORE_CHANNEL_DELETE,
                                .channel = {.id = 1},
                                .broadcast_op = STORE_BROADCAST_NONE};

    fill(bench.store);
    store_batch_change(batch, &live);
    store_batch_put_publish_token(batch, &token);
    store_batch_put_stream_metric(batch, &metric);
    store_batch_put_stream_cost(batch, &cost);
    store_batch_change(batch, &gone);
    store_batch_put_webhook_delivery(batch, &delivery); /* that it was deleted */
    apply(bench.store, batch);
    (void)buf_unref(delivery.payload);

    static const char *const empty[] = {"broadcasts", "publish_tokens", "stream_metrics"};
    for (size_t i = 0; i < 3; i++) {
        char sql[64];

        (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", empty[i]);
        assert_int_equal(store_place_number(&bench.place, sql), 0);
    }
    static const char *const kept[] = {"stream_costs", "webhook_deliveries", "channels"};
    for (size_t i = 0; i < 3; i++) {
        char sql[64];

        (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", kept[i]);
        assert_int_equal(store_place_number(&bench.place, sql), 1);
    }
    bench_remove(&bench);
}

static void too_large_batch_is_refused(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_batch *batch = store_batch_create();
    struct diag diag = {0};

    for (int i = 0; i <= STORE_BATCH_MAX; i++)
        store_batch_delete_api_key(batch, "x");
    assert_err(store_apply_batch(bench.store, batch, &diag), ERR_LIMIT);
    store_batch_destroy(batch);
    store_batch_destroy(NULL);
    batch = store_batch_create();
    apply(bench.store, batch); /* an empty one changes nothing */
    bench_remove(&bench);
}

static void reserved_numbers_are_given_once(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store *other = store_place_open(&bench.place);
    struct diag diag = {0};
    struct store_snapshot snapshot;
    uint64_t first, second, third;

    assert_ok(store_reserve_ids(bench.store, "channels", 10, &first, &diag));
    assert_ok(store_reserve_ids(other, "channels", 5, &second, &diag));
    assert_ok(store_reserve_ids(bench.store, "channels", 1, &third, &diag));
    assert_int_equal(first, 1);
    assert_int_equal(second, 11);
    assert_int_equal(third, 16);
    assert_err(store_reserve_ids(bench.store, "unicorns", 1, &first, &diag), ERR_IO);
    assert_ok(store_load(other, &snapshot, &diag));
    assert_int_equal(snapshot.next_channel_id, 17);
    assert_true(snapshot.channel_ids_end > 17);
    store_snapshot_deinit(&snapshot);
    store_close(other);
    bench_remove(&bench);
}

static void node_tells_that_it_lives(void **state)
{
    (void)state;
    struct bench bench = bench_create();
    struct store_query query = {.kind = STORE_QUERY_NODES};
    struct store_result result;
    struct diag diag = {0};

    assert_ok(store_beat(bench.store, 100, &diag));
    assert_ok(store_beat(bench.store, 200, &diag));
    assert_ok(store_run_query(bench.store, &query, &result, &diag));
    assert_int_equal(result.count, 1);
    assert_string_equal(result.nodes[0].id, store_node(bench.store));
    assert_int_equal(result.nodes[0].started_at_us, 100);
    assert_int_equal(result.nodes[0].last_seen_at_us, 200);
    store_result_deinit(&result);
    bench_remove(&bench);
}

static void wrong_name_of_a_node_is_refused(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    static const char *const wrong[] = {"a b", "a,b", "this-name-has-more-than-23-letters",
                                        "\xc3\xa9"};
    struct diag diag = {0};
    struct store *store;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct store_config config = {.url = place.url, .node = wrong[i]};
        assert_err(store_open(&config, &store, &diag), ERR_INVALID);
    }
    struct store_config config = {.url = place.url, .node = "Node-1.example_org"};
    assert_ok(store_open(&config, &store, &diag));
    assert_string_equal(store_node(store), "Node-1.example_org");
    store_close(store);
    store_place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(rows_come_back_as_they_were_put),
        TEST_CASE(empty_texts_and_zero_times_come_back_as_such),
        TEST_CASE(put_replaces_the_row_with_its_key),
        TEST_CASE(batch_is_all_or_nothing),
        TEST_CASE(row_of_nothing_is_a_conflict),
        TEST_CASE(ops_are_applied_in_order),
        TEST_CASE(touch_writes_the_time_and_nothing_else),
        TEST_CASE(deletes_of_rows_that_are_gone_are_no_error),
        TEST_CASE(account_is_signed_out_everywhere_but_here),
        TEST_CASE(expired_and_revoked_rows_are_not_loaded),
        TEST_CASE(foreign_bytes_are_stored_as_text),
        TEST_CASE(outbox_rides_with_the_change),
        TEST_CASE(settings_and_state_do_not_touch_each_other),
        TEST_CASE(recording_is_known_to_broadcast_and_channel),
        TEST_CASE(deleted_channel_takes_what_is_its_own),
        TEST_CASE(too_large_batch_is_refused),
        TEST_CASE(reserved_numbers_are_given_once),
        TEST_CASE(node_tells_that_it_lives),
        TEST_CASE(wrong_name_of_a_node_is_refused),
    };
    return RUN_TESTS("store_batch", tests);
}
