#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "rows.h"
#include "support/store_place.h"
#include "support/test.h"

#define MINUTE_US (60 * US_PER_S)
#define DAY_US    (INT64_C(86400) * US_PER_S)
#define NOW_US    (INT64_C(20000) * DAY_US) /* 2024; a whole day, so a whole bucket */

static void thin(struct store *store, int64_t now_us)
{
    bool has_more = true;
    struct diag diag = {0};

    for (int calls = 0; has_more; calls++) {
        assert_true(calls < 1000);
        if (store_thin_metrics(store, now_us, &has_more, &diag) != OK)
            fail_msg("%s", diag.message);
    }
}

static struct store_result points(struct store *store, uint64_t channel_id)
{
    struct store_query query = {.kind = STORE_QUERY_METRICS, .channel_id = channel_id};
    struct store_result result;
    struct diag diag = {0};

    if (store_run_query(store, &query, &result, &diag) != OK)
        fail_msg("%s", diag.message);
    return result;
}

/* A row each 10 s: viewers 0, 1, 2 ..., bitrate 1000, 1010 ... */
static void measure(struct store *store, uint64_t channel_id, uint64_t broadcast_id,
                    int64_t from_us, unsigned count)
{
    struct store_batch *batch = store_batch_create();

    for (unsigned i = 0; i < count; i++) {
        struct stream_metric_row row =
            a_metric(channel_id, broadcast_id, from_us + i * 10 * US_PER_S);

        row.hls_viewers = i;
        row.bitrate_kbps = 1000 + (int32_t)i * 10;
        store_batch_put_stream_metric(batch, &row);
    }
    apply(store, batch);
}

static void rows_of_a_day_ago_become_rows_of_a_minute(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    int64_t from_us = NOW_US - DAY_US - 10 * MINUTE_US;

    fill(store);
    measure(store, 1, 5, from_us, 12);
    measure(store, 2, 6, NOW_US - DAY_US, 6); /* not yet */
    thin(store, NOW_US);

    struct store_result result = points(store, 1);
    assert_int_equal(result.count, 2);
    for (int i = 0; i < 2; i++) {
        struct stream_metric_row *row = &result.stream_metrics[i];

        assert_int_equal(row->at_us, from_us + i * MINUTE_US);
        assert_int_equal(row->resolution_s, 60);
        assert_int_equal(row->broadcast_id, 5);
        assert_int_equal(row->hls_viewers, i == 0 ? 5 : 11);       /* the peak */
        assert_int_equal(row->bitrate_kbps, i == 0 ? 1025 : 1085); /* the mean */
        assert_true(row->fps > 29.96 && row->fps < 29.98);
        assert_int_equal(row->rtt_ms, 31);
        assert_string_equal(row->relay_health, "good");
    }
    store_result_deinit(&result);
    result = points(store, 2);
    assert_int_equal(result.count, 6);
    store_result_deinit(&result);

    thin(store, NOW_US); /* a second time changes nothing */
    result = points(store, 1);
    assert_int_equal(result.count, 2);
    store_result_deinit(&result);
    store_close(store);
    store_place_remove(&place);
}

static void broadcasts_are_not_mixed_and_the_worst_health_stays(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct store_batch *batch = store_batch_create();
    int64_t from_us = NOW_US - 2 * DAY_US;
    static const char *const healths[] = {"good", "poor", "fair", "", "good", "good"};

    fill(store);
    for (int i = 0; i < 6; i++) {
        struct stream_metric_row row = a_metric(1, i < 4 ? 5 : 6, from_us + i * 10 * US_PER_S);

        (void)snprintf(row.relay_health, sizeof(row.relay_health), "%s", healths[i]);
        row.rtt_ms = i < 4 ? -1 : 20 + i; /* unknown in the first one */
        store_batch_put_stream_metric(batch, &row);
    }
    apply(store, batch);
    thin(store, NOW_US);
    struct store_result result = points(store, 1);
    assert_int_equal(result.count, 2);
    for (int i = 0; i < 2; i++) {
        struct stream_metric_row *row = &result.stream_metrics[i];
        bool is_first = row->broadcast_id == 5;

        assert_int_equal(row->at_us, from_us);
        assert_string_equal(row->relay_health, is_first ? "poor" : "good");
        assert_int_equal(row->rtt_ms, is_first ? -1 : 25); /* 24.5, rounded */
    }
    store_result_deinit(&result);
    store_close(store);
    store_place_remove(&place);
}

static void rows_of_a_month_ago_become_rows_of_ten_minutes(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    int64_t from_us = NOW_US - 31 * DAY_US;

    fill(store);
    measure(store, 1, 5, from_us, 360); /* an hour */
    thin(store, from_us + 2 * DAY_US);
    struct store_result result = points(store, 1);
    assert_int_equal(result.count, 60);
    store_result_deinit(&result);

    thin(store, NOW_US);
    result = points(store, 1);
    assert_int_equal(result.count, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(result.stream_metrics[i].resolution_s, 600);
        assert_int_equal(result.stream_metrics[i].at_us, from_us + i * 10 * MINUTE_US);
        assert_int_equal(result.stream_metrics[i].hls_viewers, i * 60 + 59);
    }
    store_result_deinit(&result);

    thin(store, from_us + 366 * DAY_US);
    result = points(store, 1);
    assert_int_equal(result.count, 0);
    store_result_deinit(&result);
    store_close(store);
    store_place_remove(&place);
}

static void long_history_is_thinned_in_steps(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    bool has_more = false;
    struct diag diag = {0};

    fill(store);
    measure(store, 1, 5, NOW_US - 3 * DAY_US, 9000); /* 25 hours */
    assert_ok(store_thin_metrics(store, NOW_US, &has_more, &diag));
    assert_true(has_more);
    struct store_result result = points(store, 1);
    assert_true(result.count > 1500 && result.count < 9000); /* a part of it */
    store_result_deinit(&result);
    thin(store, NOW_US);
    result = points(store, 1);
    assert_int_equal(result.count, 1500);
    store_result_deinit(&result);
    store_close(store);
    store_place_remove(&place);
}

static void add_old_rows(struct store *store)
{
    struct store_batch *batch = store_batch_create();
    struct session_row late = a_session(1, 1), fresh = a_session(2, 1);
    struct publish_token_row expired = a_publish_token(1, 1, 1), revoked = a_publish_token(2, 1, 1),
                             endless = a_publish_token(3, 1, 1);
    struct idempotency_row old = an_idempotency(1, NOW_US - DAY_US - 1),
                           new = an_idempotency(2, NOW_US - DAY_US + 1);
    struct audit_row ancient = an_audit(1, 1, NOW_US - 366 * DAY_US),
                     recent = an_audit(2, 1, NOW_US - 364 * DAY_US);
    struct webhook_attempt_row attempt = an_attempt(1, 1);

    late.expires_at_us = NOW_US - 1;
    fresh.expires_at_us = NOW_US + 1;
    expired.expires_at_us = NOW_US - 1;
    revoked.expires_at_us = 0;
    revoked.revoked_at_us = NOW_US - 31 * DAY_US;
    endless.expires_at_us = 0;
    for (unsigned i = 1; i <= 3; i++) {
        struct webhook_delivery_row row = a_delivery(i, 1, NOW_US - (i == 3 ? 29 : 31) * DAY_US);

        if (i != 2) /* what still waits stays, however old */
            (void)snprintf(row.status, sizeof(row.status), "delivered");
        store_batch_put_webhook_delivery(batch, &row);
        (void)buf_unref(row.payload);
    }
    store_batch_put_webhook_attempt(batch, &attempt);
    store_batch_put_session(batch, &late);
    store_batch_put_session(batch, &fresh);
    store_batch_put_publish_token(batch, &expired);
    store_batch_put_publish_token(batch, &revoked);
    store_batch_put_publish_token(batch, &endless);
    store_batch_put_idempotency(batch, &old);
    store_batch_put_idempotency(batch, &new);
    store_batch_put_audit(batch, &ancient);
    store_batch_put_audit(batch, &recent);
    apply(store, batch);
    (void)buf_unref(old.body);
    (void)buf_unref(new.body);
}

static void what_has_had_its_time_goes_and_nothing_else(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    bool has_more = true;
    struct diag diag = {0};
    static const struct {
        const char *sql;
        long long count;
    } left[] = {
        {"SELECT count(*) FROM webhook_deliveries", 2},
        {"SELECT count(*) FROM webhook_attempts", 0},
        {"SELECT count(*) FROM sessions", 1},
        {"SELECT count(*) FROM publish_tokens", 1},
        {"SELECT count(*) FROM idempotency_keys", 1},
        {"SELECT count(*) FROM audit_log", 1},
        {"SELECT count(*) FROM accounts", 2},
        {"SELECT count(*) FROM nodes", 1},
    };

    fill(store);
    add_old_rows(store);
    store_place_run_sql(&place, "INSERT INTO nodes (id, started_at, last_seen_at) "
                                "VALUES ('gone', 1, 1)");
    assert_ok(store_beat(store, NOW_US, &diag));
    assert_ok(store_purge(store, NOW_US, &has_more, &diag));
    assert_false(has_more);
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
        assert_int_equal(store_place_number(&place, left[i].sql), left[i].count);
    store_close(store);
    store_place_remove(&place);
}

static void much_that_is_old_goes_in_steps(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct store_batch *batch = store_batch_create();
    bool has_more = false;
    struct diag diag = {0};
    int calls = 0;

    for (unsigned i = 0; i < 5000; i++) {
        struct audit_row row = an_audit(i, 1, NOW_US - 400 * DAY_US);
        store_batch_put_audit(batch, &row);
    }
    apply(store, batch);
    do {
        assert_ok(store_purge(store, NOW_US, &has_more, &diag));
        calls++;
    } while (has_more);
    assert_int_equal(calls, 3);
    assert_int_equal(store_place_number(&place, "SELECT count(*) FROM audit_log"), 0);
    store_close(store);
    store_place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(rows_of_a_day_ago_become_rows_of_a_minute),
        TEST_CASE(broadcasts_are_not_mixed_and_the_worst_health_stays),
        TEST_CASE(rows_of_a_month_ago_become_rows_of_ten_minutes),
        TEST_CASE(long_history_is_thinned_in_steps),
        TEST_CASE(what_has_had_its_time_goes_and_nothing_else),
        TEST_CASE(much_that_is_old_goes_in_steps),
    };
    return RUN_TESTS("store_thin", tests);
}
