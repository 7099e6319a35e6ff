#include "store/query.h"

#include <stdio.h>
#include <string.h>

#include "rows.h"
#include "store/cursor.h"
#include "support/store_place.h"
#include "support/test.h"

static struct store_result run(struct store *store, const struct store_query *query)
{
    struct store_result result;
    struct diag diag = {0};

    if (store_run_query(store, query, &result, &diag) != OK)
        fail_msg("%s", diag.message);
    return result;
}

/* 25 broadcasts of channel 1 and one of channel 2; three of them begin at the same time. */
static void add_broadcasts(struct store *store)
{
    struct store_batch *batch = store_batch_create();

    for (unsigned i = 1; i <= 26; i++) {
        struct store_change change = a_start(i == 26 ? 2 : 1, i, i == 26 ? "k2" : "k1");

        change.broadcast.started_at_us = i >= 10 && i <= 12 ? 1000 : i * 100;
        store_batch_change(batch, &change);
        if (i == 26)
            break; /* it goes on */
        change.channel.is_active = false;
        change.broadcast_op = STORE_BROADCAST_END;
        change.broadcast.ended_at_us = i * 100 + 50;
        (void)snprintf(change.broadcast.end_reason, sizeof(change.broadcast.end_reason), "ended");
        store_batch_change(batch, &change);
    }
    apply(store, batch);
}

static void pages_show_each_row_once_newest_first(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct store_query query = {.kind = STORE_QUERY_BROADCASTS, .channel_id = 1, .limit = 7};
    uint64_t seen[26] = {0};
    size_t count = 0, pages = 0;
    int64_t last_us = INT64_MAX;
    bool has_more = true;

    fill(store);
    add_broadcasts(store);
    while (has_more) {
        struct store_result result = run(store, &query);

        assert_int_equal(result.table, STORE_BROADCASTS);
        for (size_t i = 0; i < result.count; i++) {
            assert_true(result.broadcasts[i].started_at_us <= last_us);
            last_us = result.broadcasts[i].started_at_us;
            assert_int_equal(result.broadcasts[i].channel_id, 1);
            assert_int_equal(seen[result.broadcasts[i].id]++, 0);
            count++;
        }
        has_more = result.has_more;
        assert_int_equal(*result.next != '\0', has_more);
        memcpy(query.after, result.next, sizeof(query.after));
        store_result_deinit(&result);
        if (++pages == 2) { /* a new one moves nothing */
            struct store_batch *batch = store_batch_create();
            struct store_change change = a_start(1, 40, "k1");

            change.broadcast.started_at_us = 99000;
            store_batch_change(batch, &change);
            apply(store, batch);
        }
    }
    assert_int_equal(count, 25);
    assert_int_equal(pages, 4);
    store_close(store);
    store_place_remove(&place);
}

static void page_that_ends_with_the_list_has_no_more(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct store_query query = {.kind = STORE_QUERY_BROADCASTS, .channel_id = 1, .limit = 25};

    fill(store);
    add_broadcasts(store);
    struct store_result result = run(store, &query);
    assert_int_equal(result.count, 25);
    assert_false(result.has_more);
    assert_string_equal(result.next, "");
    assert_int_equal(result.broadcasts[0].id, 25);
    assert_string_equal(result.broadcasts[0].end_reason, "ended");
    assert_int_equal(result.broadcasts[0].ended_at_us, 2550);
    store_result_deinit(&result);

    query.limit = 0; /* the most there is */
    query.channel_id = 7;
    result = run(store, &query);
    assert_int_equal(result.count, 0);
    assert_false(result.has_more);
    store_result_deinit(&result);
    store_close(store);
    store_place_remove(&place);
}

static void metrics_come_oldest_first_of_the_range_and_broadcast(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct store_batch *batch = store_batch_create();
    struct store_query query = {.kind = STORE_QUERY_METRICS, .channel_id = 1};

    fill(store);
    for (int i = 10; i-- > 0;) { /* stored in any order */
        struct stream_metric_row row = a_metric(1, i < 5 ? 3 : 4, 1000 + i * 10);

        row.rtt_ms = i;
        if (i == 2) {
            row.bitrate_kbps = row.keyframe_interval_ms = row.rtt_ms = -1;
            row.fps = row.packet_loss = -1;
            row.relay_health[0] = '\0';
        }
        store_batch_put_stream_metric(batch, &row);
    }
    struct stream_metric_row other = a_metric(2, 9, 1000);
    store_batch_put_stream_metric(batch, &other);
    apply(store, batch);

    struct store_result result = run(store, &query);
    assert_int_equal(result.count, 10);
    for (int i = 0; i < 10; i++) {
        struct stream_metric_row *row = &result.stream_metrics[i];

        assert_int_equal(row->at_us, 1000 + i * 10);
        assert_int_equal(row->resolution_s, 10);
        assert_int_equal(row->webrtc_viewers, 3);
        assert_int_equal(row->hls_viewers, 40);
        assert_int_equal(row->rtt_ms, i == 2 ? -1 : i);
        assert_int_equal(row->bitrate_kbps, i == 2 ? -1 : 2500);
        assert_true(i == 2 ? row->fps < 0 : row->fps > 29.96999 && row->fps < 29.97001);
        assert_true(i == 2 ? row->packet_loss < 0 : row->packet_loss > 0.01249);
        assert_string_equal(row->relay_health, i == 2 ? "" : "good");
    }
    store_result_deinit(&result);

    query.from_us = 1020;
    query.until_us = 1080;
    query.limit = 4;
    result = run(store, &query);
    assert_int_equal(result.count, 4);
    assert_int_equal(result.stream_metrics[0].at_us, 1020);
    assert_true(result.has_more);
    memcpy(query.after, result.next, sizeof(query.after));
    store_result_deinit(&result);
    result = run(store, &query);
    assert_int_equal(result.count, 2);
    assert_int_equal(result.stream_metrics[1].at_us, 1070);
    assert_false(result.has_more);
    store_result_deinit(&result);

    query = (struct store_query){.kind = STORE_QUERY_METRICS, .channel_id = 1, .broadcast_id = 4};
    result = run(store, &query);
    assert_int_equal(result.count, 5);
    assert_int_equal(result.stream_metrics[0].at_us, 1050);
    store_result_deinit(&result);
    store_close(store);
    store_place_remove(&place);
}

static void costs_are_listed_of_a_channel(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct store_batch *batch = store_batch_create();
    struct store_query query = {.kind = STORE_QUERY_COSTS, .channel_id = 1};
    struct stream_cost_row first = a_cost(1, 3, 100), second = a_cost(1, 4, 200),
                           foreign = a_cost(2, 5, 300);

    fill(store);
    store_batch_put_stream_cost(batch, &first);
    store_batch_put_stream_cost(batch, &second);
    store_batch_put_stream_cost(batch, &foreign);
    apply(store, batch);
    struct store_result result = run(store, &query);
    assert_int_equal(result.count, 2);
    assert_row(STORE_STREAM_COSTS, &result.stream_costs[0], &second);
    assert_row(STORE_STREAM_COSTS, &result.stream_costs[1], &first);
    store_result_deinit(&result);
    store_close(store);
    store_place_remove(&place);
}

static void add_deliveries(struct store *store)
{
    struct store_batch *batch = store_batch_create();

    for (unsigned i = 1; i <= 10; i++) {
        struct webhook_delivery_row row = a_delivery(i, i == 10 ? 2 : 1, 100 * i);

        if (i % 3 == 0)
            (void)snprintf(row.status, sizeof(row.status), "failed");
        store_batch_put_webhook_delivery(batch, &row);
        (void)buf_unref(row.payload);
    }
    for (uint32_t number = 3; number > 0; number--) {
        struct webhook_attempt_row row = an_attempt(4, number);
        store_batch_put_webhook_attempt(batch, &row);
    }
    apply(store, batch);
}

static void deliveries_are_listed_by_status_without_payload(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct store_query query = {.kind = STORE_QUERY_DELIVERIES, .limit = 2};

    fill(store);
    add_deliveries(store);
    an_id(query.id, 'd', 1);
    (void)snprintf(query.status, sizeof(query.status), "failed");
    struct store_result result = run(store, &query);
    assert_int_equal(result.count, 2);
    assert_int_equal(result.webhook_deliveries[0].created_at_us, 900);
    assert_int_equal(result.webhook_deliveries[1].created_at_us, 600);
    assert_null(result.webhook_deliveries[0].payload);
    assert_true(result.has_more);
    memcpy(query.after, result.next, sizeof(query.after));
    store_result_deinit(&result);
    result = run(store, &query);
    assert_int_equal(result.count, 1);
    assert_int_equal(result.webhook_deliveries[0].created_at_us, 300);
    store_result_deinit(&result);

    query = (struct store_query){.kind = STORE_QUERY_DELIVERIES};
    an_id(query.id, 'd', 1);
    result = run(store, &query);
    assert_int_equal(result.count, 9);
    store_result_deinit(&result);
    store_close(store);
    store_place_remove(&place);
}

static void delivery_comes_with_its_attempts(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct store_query query = {.kind = STORE_QUERY_DELIVERY};

    fill(store);
    add_deliveries(store);
    an_id(query.id, 'e', 4);
    struct store_result result = run(store, &query);
    assert_int_equal(result.count, 1);
    assert_non_null(result.webhook_deliveries[0].payload);
    assert_int_equal(result.attempt_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        struct webhook_attempt_row wanted = an_attempt(4, i + 1);
        assert_row(STORE_WEBHOOK_ATTEMPTS, &result.attempts[i], &wanted);
    }
    store_result_deinit(&result);

    an_id(query.id, 'e', 77);
    result = run(store, &query);
    assert_int_equal(result.count, 0);
    store_result_deinit(&result);
    store_close(store);
    store_place_remove(&place);
}

static void pending_deliveries_go_on_where_loading_ended(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct store_query query = {.kind = STORE_QUERY_PENDING, .limit = 4};

    fill(store);
    add_deliveries(store);
    struct store_result result = run(store, &query);
    assert_int_equal(result.count, 4);
    assert_int_equal(result.webhook_deliveries[0].created_at_us, 100);
    assert_non_null(result.webhook_deliveries[0].payload);
    memcpy(query.after, result.next, sizeof(query.after));
    store_result_deinit(&result);
    result = run(store, &query);
    assert_int_equal(result.count, 3);
    assert_int_equal(result.webhook_deliveries[2].created_at_us, 1000);
    assert_false(result.has_more);
    store_result_deinit(&result);
    store_close(store);
    store_place_remove(&place);
}

static void audit_log_is_read_backwards(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct store_batch *batch = store_batch_create();
    struct store_query query = {.kind = STORE_QUERY_AUDIT, .limit = 3};

    for (unsigned i = 1; i <= 7; i++) {
        struct audit_row row = an_audit(i, i % 2, 100); /* all at the same time */
        store_batch_put_audit(batch, &row);
    }
    apply(store, batch);
    unsigned expected = 7;
    do {
        struct store_result result = run(store, &query);

        for (size_t i = 0; i < result.count; i++, expected--) {
            struct audit_row wanted = an_audit(expected, expected % 2, 100);
            assert_row(STORE_AUDIT_LOG, &result.audit[i], &wanted);
        }
        memcpy(query.after, result.next, sizeof(query.after));
        store_result_deinit(&result);
    } while (*query.after);
    assert_int_equal(expected, 0);

    an_id(query.id, 'a', 1);
    query.limit = 0;
    struct store_result result = run(store, &query);
    assert_int_equal(result.count, 4);
    store_result_deinit(&result);
    store_close(store);
    store_place_remove(&place);
}

static void expect_row(struct store *store, enum store_table table, const char *id,
                       const void *wanted)
{
    struct store_query query = {.kind = STORE_QUERY_ROW, .table = table};

    (void)snprintf(query.id, sizeof(query.id), "%s", id);
    struct store_result result = run(store, &query);
    assert_int_equal(result.table, table);
    assert_int_equal(result.count, wanted ? 1 : 0);
    if (wanted)
        assert_row(table, result.rows, wanted);
    store_result_deinit(&result);
}

static void row_is_found_by_the_id_that_a_watch_tells(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct store_batch *batch = store_batch_create();
    struct session_row session = a_session(1, 1);
    struct api_key_row key = an_api_key(1, 1);
    struct publish_token_row token = a_publish_token(1, 2, 1);
    struct account_row account = an_account(2);
    struct webhook_endpoint_row endpoint = an_endpoint(2, 2);
    struct channel_row channel = a_channel(2, "k2");
    struct idempotency_row idempotency = an_idempotency(1, 100);
    char hex[2 * CRYPTO_SHA256_LEN + 1];

    fill(store);
    store_batch_put_session(batch, &session);
    store_batch_put_api_key(batch, &key);
    store_batch_put_publish_token(batch, &token);
    store_batch_put_idempotency(batch, &idempotency);
    apply(store, batch);
    expect_row(store, STORE_ACCOUNTS, account.id, &account);
    expect_row(store, STORE_API_KEYS, key.id, &key);
    expect_row(store, STORE_PUBLISH_TOKENS, token.id, &token);
    expect_row(store, STORE_WEBHOOK_ENDPOINTS, endpoint.id, &endpoint);
    expect_row(store, STORE_CHANNELS, "2", &channel);
    for (size_t i = 0; i < CRYPTO_SHA256_LEN; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", session.token_hash[i]);
    expect_row(store, STORE_SESSIONS, hex, &session);
    for (size_t i = 0; i < CRYPTO_SHA256_LEN; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", idempotency.key_hash[i]);
    expect_row(store, STORE_IDEMPOTENCY_KEYS, hex, &idempotency);

    expect_row(store, STORE_ACCOUNTS, "nobody", NULL);
    expect_row(store, STORE_CHANNELS, "3", NULL);
    expect_row(store, STORE_CHANNELS, "9223372036854775807", NULL);
    expect_row(store, STORE_CHANNELS, "9223372036854775808", NULL);
    expect_row(store, STORE_CHANNELS, "two", NULL);
    expect_row(store, STORE_SESSIONS, "\xff", NULL);
    (void)buf_unref(idempotency.body);
    store_close(store);
    store_place_remove(&place);
}

static void row_of_a_table_without_ids_is_refused(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct store_query query = {.kind = STORE_QUERY_ROW, .table = STORE_STREAM_METRICS};
    struct store_result result;
    struct diag diag = {0};

    assert_err(store_run_query(store, &query, &result, &diag), ERR_INVALID);
    store_close(store);
    store_place_remove(&place);
}

static void invented_cursors_are_refused_or_harmless(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct store_query query = {.kind = STORE_QUERY_BROADCASTS, .channel_id = 1};
    static const char *const wrong[] = {
        "x",
        "_",
        "1_",
        "_1",
        "1",
        "-1_1",
        "1_x",
        "1_-1",
        "1_1_1",
        "1 _1",
        "1_1 ",
        "1_' OR 1=1 --",
        "9999999999999999999_1",
        "1_00000000-0000-7000-8000-000000000001",
        "1_99999999999999999999",
    };
    struct store_result result;
    struct diag diag = {0};

    fill(store);
    add_broadcasts(store);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        (void)snprintf(query.after, sizeof(query.after), "%s", wrong[i]);
        diag = (struct diag){0};
        assert_err(store_run_query(store, &query, &result, &diag), ERR_INVALID);
        assert_true(*diag.message != '\0');
    }
    (void)snprintf(query.after, sizeof(query.after), "0_0");
    result = run(store, &query);
    assert_int_equal(result.count, 0);
    store_result_deinit(&result);

    query = (struct store_query){.kind = STORE_QUERY_AUDIT, .after = "5_zz"};
    assert_err(store_run_query(store, &query, &result, &diag), ERR_INVALID);
    store_close(store);
    store_place_remove(&place);
}

static void cursor_is_read_as_it_was_written(void **state)
{
    (void)state;
    static const struct cursor cursors[] = {
        {0, TEXT_INIT("1")},
        {INT64_MAX, TEXT_INIT("9223372036854775807")},
        {1700000000000000, TEXT_INIT("01890a5d-ac96-774b-bcce-b302099a8057")},
    };

    for (size_t i = 0; i < 3; i++) {
        char text[STORE_CURSOR_LEN_MAX + 1];
        struct cursor back;

        cursor_write(text, &cursors[i]);
        assert_true(cursor_parse(text_of(text), i < 2, &back));
        assert_int_equal(back.at_us, cursors[i].at_us);
        assert_true(text_equal(back.id, cursors[i].id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(pages_show_each_row_once_newest_first),
        TEST_CASE(page_that_ends_with_the_list_has_no_more),
        TEST_CASE(metrics_come_oldest_first_of_the_range_and_broadcast),
        TEST_CASE(costs_are_listed_of_a_channel),
        TEST_CASE(deliveries_are_listed_by_status_without_payload),
        TEST_CASE(delivery_comes_with_its_attempts),
        TEST_CASE(pending_deliveries_go_on_where_loading_ended),
        TEST_CASE(audit_log_is_read_backwards),
        TEST_CASE(row_is_found_by_the_id_that_a_watch_tells),
        TEST_CASE(row_of_a_table_without_ids_is_refused),
        TEST_CASE(invented_cursors_are_refused_or_harmless),
        TEST_CASE(cursor_is_read_as_it_was_written),
    };
    return RUN_TESTS("store_query", tests);
}
