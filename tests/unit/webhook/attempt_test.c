/*
 * What follows from an answer: tries, the end of an endpoint, the log, replays and tests.
 */
#include <stdio.h>

#include "base/writer.h"
#include "desk.h"
#include "store/store.h"

/* Fails each attempt and goes on to the next, `count` times. */
static void fail_attempts(struct desk *desk, int count)
{
    for (int i = 0; i < count; i++) {
        desk_answer_only(desk, 500);
        if (i + 1 < count)
            desk_wait_for_deadline(desk);
    }
}

static void tries_are_spread_over_a_day_and_then_end(void **state)
{
    (void)state;
    static const int64_t waits_s[] = {5, 30, 120, 600, 1800, 3600, 10800, 21600, 43200};
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_STARTING, 7);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    for (size_t i = 0; i < 9; i++) {
        desk_answer_only(&desk, 500);
        assert_string_equal(desk.deliveries.items[0].status, "pending");
        int64_t wait_us = desk.deliveries.items[0].next_attempt_at_us - WALL - desk.now_us;
        if (wait_us < S(waits_s[i]) || wait_us > S(waits_s[i]) + S(waits_s[i]) / 5)
            fail_msg("wait %zu is %lld us", i, (long long)wait_us);
        assert_int_equal(webhook_deadline_us(desk.hub), desk.now_us + wait_us);
        desk_wait(&desk, wait_us - 1);
        assert_int_equal(desk_open_count(&desk), 0);
        desk_wait(&desk, 1);
    }
    desk_answer(&desk, desk_open_request(&desk, 0), 500);
    desk_store(&desk);
    assert_string_equal(desk.deliveries.items[0].status, "failed");
    assert_int_equal(desk.deliveries.items[0].attempts, WEBHOOK_ATTEMPTS_MAX);
    assert_int_equal(desk.deliveries.items[0].next_attempt_at_us, 0);
    assert_string_equal(desk.deliveries.items[0].last_error,
                        "It answered 500: it failed while it handled the message.");
    assert_int_equal(desk.attempts.count, WEBHOOK_ATTEMPTS_MAX);

    /* Now it is the turn of the one behind it. */
    assert_string_equal(desk_open_request(&desk, 0)->webhook_id, desk.deliveries.items[1].id);
    assert_true(webhook_find(desk.hub, text_of(desk.endpoints.items[0].id))->is_active);
    desk_close(&desk);
}

static void waits_differ_by_chance(void **state)
{
    (void)state;
    struct desk desk;
    bool does_differ = false;

    desk_open(&desk);
    for (int i = 0; i < 8; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "%d", i);
        (void)desk_endpoint(&desk, name);
    }
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    while (desk_open_count(&desk))
        desk_answer(&desk, desk_open_request(&desk, 0), 0);
    desk_store(&desk);
    for (size_t i = 1; i < 8; i++)
        does_differ |= desk.deliveries.items[i].next_attempt_at_us !=
                       desk.deliveries.items[0].next_attempt_at_us;
    assert_true(does_differ);
    desk_close(&desk);
}

static void each_attempt_has_the_same_id_and_a_new_time(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    desk_answer_only(&desk, 500);
    desk_wait_for_deadline(&desk);
    const struct sent *first = &desk.sent.items[0];
    const struct sent *second = &desk.sent.items[1];
    assert_string_equal(first->webhook_id, second->webhook_id);
    assert_ptr_equal(first->body, second->body);
    assert_string_not_equal(first->timestamp, second->timestamp);
    assert_string_not_equal(first->signature, second->signature);
    assert_true(first->id != second->id);
    desk_close(&desk);
}

static void success_is_2xx_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *error;
    } cases[] = {
        {200, ""},
        {202, ""},
        {299, ""},
        {0, "shop.example refused the connection."},
        {301, "It answered 301: redirects are not followed; give the URL that it redirects to."},
        {308, "It answered 308: redirects are not followed; give the URL that it redirects to."},
        {400, "It answered 400: it does not accept the message."},
        {401, "It answered 401: it does not let the message in; check how it verifies the "
              "signature."},
        {404, "It answered 404: there is nothing at this URL."},
        {429, "It answered 429: it is asked too often."},
        {502, "It answered 502: it failed while it handled the message."},
        {999, "It answered 999, which is no answer to a webhook."},
    };
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 100 + i);
        desk_answer_only(&desk, cases[i].status);
        const struct webhook_delivery_row *row = &desk.deliveries.items[i];
        bool is_good = cases[i].error[0] == '\0';
        assert_string_equal(row->status, is_good ? "delivered" : "pending");
        assert_string_equal(row->last_error, cases[i].error);
        assert_int_equal(row->last_http_status, cases[i].status);
        assert_string_equal(desk.attempts.items[i].error, cases[i].error);
    }
    desk_close(&desk);
}

static void retry_after_is_heeded_within_bounds(void **state)
{
    (void)state;
    static const struct {
        int status;
        int64_t retry_after_s;
        int64_t wait_s;
    } cases[] = {
        {503, 100, 100},      {429, 100, 100},         {503, 2, 5}, {500, 100, 5},
        {503, 999999, 43200}, {429, INT64_MAX, 43200}, {503, 0, 5},
    };
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 100 + i);
        desk_answer_with(&desk, desk_open_request(&desk, 0),
                         &(struct webhook_answer){.http_status = cases[i].status,
                                                  .retry_after_s = cases[i].retry_after_s});
        desk_store(&desk);
        int64_t wait_us = desk.deliveries.items[i].next_attempt_at_us - WALL - desk.now_us;
        if (wait_us < S(cases[i].wait_s) || wait_us > S(cases[i].wait_s) * 6 / 5)
            fail_msg("case %zu: %lld us", i, (long long)wait_us);
    }
    desk_close(&desk);
}

/* ---- the log ---- */

static void attempt_is_logged_with_how_the_answer_begins(void **state)
{
    (void)state;
    struct desk desk;
    char body[600];
    struct text given = {body, sizeof(body)};

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    memset(body, 'x', sizeof(body));
    memcpy(body, "a\r\n\0\xff\xc3\xb6\x1b", 8);
    memcpy(body + 499, "\xc3\xb6", 2); /* cut in the middle */
    desk.now_us += S(2);
    desk_answer_with(
        &desk, desk_open_request(&desk, 0),
        &(struct webhook_answer){.http_status = 500, .duration_us = 1234567, .body = given});
    desk_store(&desk);
    const struct webhook_attempt_row *row = &desk.attempts.items[0];
    assert_string_equal(row->delivery_id, desk.deliveries.items[0].id);
    assert_int_equal(row->number, 1);
    assert_int_equal(row->at_us, WALL + desk.now_us - 1234567);
    assert_int_equal(row->duration_ms, 1234);
    assert_int_equal(row->http_status, 500);
    assert_int_equal(strlen(row->response), WEBHOOK_RESPONSE_KEPT);
    assert_true(text_starts_with(text_of(row->response), TEXT("a   .\xc3\xb6 x")));
    assert_true(text_ends_with(text_of(row->response), TEXT("xx.")));
    assert_true(text_is_utf8(text_of(row->response)));
    desk_close(&desk);
}

/* ---- switching off ---- */

static void gone_switches_the_endpoint_off(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    const char *id = desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_STARTING, 7);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 8);
    desk_answer(&desk, desk_open_request(&desk, 0), 410);
    desk_store(&desk);
    assert_false(webhook_find(desk.hub, text_of(id))->is_active);
    assert_false(desk_stored_endpoint(&desk, id)->is_active);
    assert_true(
        text_contains(text_of(desk_stored_endpoint(&desk, id)->disabled_reason), TEXT("410 Gone")));
    assert_string_equal(desk.deliveries.items[0].status, "failed");
    assert_true(text_contains(text_of(desk.deliveries.items[0].last_error), TEXT("410")));
    assert_string_equal(desk.deliveries.items[1].status, "failed");
    assert_true(text_contains(text_of(desk.deliveries.items[1].last_error), TEXT("switched off")));

    /* What ran meanwhile ends as it does, but is not tried again. */
    assert_string_equal(desk.deliveries.items[2].status, "pending");
    desk_answer_only(&desk, 500);
    assert_string_equal(desk.deliveries.items[2].status, "failed");
    assert_int_equal(desk_event(&desk, WEBHOOK_RELAY_STOPPED, 7), 0);
    assert_int_equal(webhook_deadline_us(desk.hub), INT64_MAX);
    desk_close(&desk);
}

static void five_days_of_failures_switch_the_endpoint_off(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    const char *id = desk_endpoint(&desk, "a");
    int64_t since_us = desk.now_us;
    for (uint64_t channel = 1; channel <= 20; channel++)
        desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    while (webhook_find(desk.hub, text_of(id))->is_active) {
        desk_answer_only(&desk, 500);
        if (desk.now_us == since_us)
            assert_int_equal(webhook_endpoint_numbers(desk.hub, text_of(id)).failing_since_us,
                             WALL + since_us);
        if (webhook_find(desk.hub, text_of(id))->is_active && desk_open_count(&desk) == 0)
            desk_wait_for_deadline(&desk);
        assert_true(desk.now_us < since_us + H(24 * 6));
    }
    assert_true(desk.now_us >= since_us + H(24 * 5));
    assert_string_equal(desk_stored_endpoint(&desk, id)->disabled_reason,
                        "Switched off: for 5 days each request failed. The last time: It answered "
                        "500: it failed while it handled the message.");
    assert_int_equal(desk_count_status(&desk, "pending"), 0);
    desk_close(&desk);
}

static void success_begins_the_count_anew(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    const char *id = desk_endpoint(&desk, "a");
    for (int day = 0; day < 12; day++) {
        desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 100 + (uint64_t)day);
        desk_answer_only(&desk, 500);
        desk_wait_for_deadline(&desk);
        desk_answer_only(&desk, day % 4 == 3 ? 200 : 500);
        if (day % 4 == 3)
            assert_int_equal(webhook_endpoint_numbers(desk.hub, text_of(id)).failing_since_us, 0);
        while (desk_open_count(&desk))
            desk_answer(&desk, desk_open_request(&desk, 0), day % 4 == 3 ? 200 : 500);
        desk.now_us += H(20);
        webhook_on_time(desk.hub, desk.now_us);
        while (desk_open_count(&desk))
            desk_answer(&desk, desk_open_request(&desk, 0), 500);
        desk_store(&desk);
    }
    assert_true(webhook_find(desk.hub, text_of(id))->is_active);
    desk_close(&desk);
}

static void failure_long_ago_says_nothing_of_today(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    const char *id = desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    fail_attempts(&desk, WEBHOOK_ATTEMPTS_MAX);
    desk.now_us += H(24 * 30); /* nothing happened for a month */
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    desk_answer_only(&desk, 500);
    assert_true(webhook_find(desk.hub, text_of(id))->is_active);
    desk_close(&desk);
}

static void run_of_failures_is_known_after_a_restart(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    int64_t since_us = WALL + desk.now_us;
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    fail_attempts(&desk, 5);
    desk_restart(&desk);
    assert_int_equal(
        webhook_endpoint_numbers(desk.hub, text_of(desk.endpoints.items[0].id)).failing_since_us,
        since_us);
    desk_close(&desk);
}

static void endpoint_that_answers_again_gets_what_waits(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    fail_attempts(&desk, 8); /* the next one is six hours away */
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 8);
    desk_answer_only(&desk, 200);
    assert_int_equal(desk_open_count(&desk), 1);
    assert_string_equal(desk_open_request(&desk, 0)->webhook_id, desk.deliveries.items[0].id);

    /* Not so after a failure of a moment: that may be one delivery that it cannot digest. */
    desk_answer_only(&desk, 500);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 8);
    desk_answer_only(&desk, 200);
    assert_int_equal(desk_open_count(&desk), 0);
    desk_close(&desk);
}

/* ---- replay ---- */

static void replay_keeps_the_id_and_tries_anew(void **state)
{
    (void)state;
    struct desk desk;
    struct diag diag = {0};

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    fail_attempts(&desk, WEBHOOK_ATTEMPTS_MAX);
    assert_string_equal(desk.deliveries.items[0].status, "failed");

    assert_ok(webhook_replay(desk.hub, &desk.deliveries.items[0], desk.now_us, &diag));
    assert_int_equal(desk_open_count(&desk), 0);
    desk_store(&desk);
    assert_string_equal(desk.deliveries.items[0].status, "pending");
    assert_string_equal(desk_open_request(&desk, 0)->webhook_id, desk.deliveries.items[0].id);
    desk_answer_only(&desk, 500);
    assert_string_equal(desk.deliveries.items[0].status, "pending"); /* a full schedule */
    desk_wait_for_deadline(&desk);
    desk_answer_only(&desk, 200);
    assert_string_equal(desk.deliveries.items[0].status, "delivered");
    assert_int_equal(desk.deliveries.items[0].attempts, WEBHOOK_ATTEMPTS_MAX + 2);
    assert_int_equal(desk.attempts.items[11].number, WEBHOOK_ATTEMPTS_MAX + 2);

    assert_ok(webhook_replay(desk.hub, &desk.deliveries.items[0], desk.now_us, &diag));
    desk_store(&desk);
    desk_answer_only(&desk, 200);
    assert_int_equal(desk.deliveries.items[0].attempts, WEBHOOK_ATTEMPTS_MAX + 3);
    desk_close(&desk);
}

static void replay_stands_beside_the_order(void **state)
{
    (void)state;
    struct desk desk;
    struct diag diag = {0};

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_STARTING, 7);
    desk_answer_only(&desk, 200);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    desk_answer_only(&desk, 500);
    assert_ok(webhook_replay(desk.hub, &desk.deliveries.items[0], desk.now_us, &diag));
    desk_store(&desk);
    assert_string_equal(desk_open_request(&desk, 0)->webhook_id, desk.deliveries.items[0].id);
    desk_close(&desk);
}

static void replay_of_what_waits_hurries_it(void **state)
{
    (void)state;
    struct desk desk;
    struct diag diag = {0};

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_STARTING, 7);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    assert_err(webhook_replay(desk.hub, &desk.deliveries.items[0], desk.now_us, &diag),
               ERR_CONFLICT); /* it runs */
    desk_answer_only(&desk, 500);
    assert_err(webhook_replay(desk.hub, &desk.deliveries.items[1], desk.now_us, &diag),
               ERR_CONFLICT); /* it waits for the first */
    assert_true(text_contains(text_of(diag.message), TEXT("earlier one")));
    assert_ok(webhook_replay(desk.hub, &desk.deliveries.items[0], desk.now_us, &diag));
    assert_string_equal(desk_open_request(&desk, 0)->webhook_id, desk.deliveries.items[0].id);
    desk_close(&desk);
}

static void replay_needs_an_endpoint_that_is_on(void **state)
{
    (void)state;
    struct desk desk;
    const struct webhook_endpoint_row *row;
    struct diag diag = {0};

    desk_open(&desk);
    struct text id = text_of(desk_endpoint(&desk, "a"));
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    desk_answer_only(&desk, 200);
    struct webhook_delivery_row stranger = desk.deliveries.items[0];
    (void)snprintf(stranger.id, sizeof(stranger.id), "01900000-0000-7000-8000-000000000001");
    (void)snprintf(stranger.status, sizeof(stranger.status), "pending");
    assert_err(webhook_replay(desk.hub, &stranger, desk.now_us, &diag), ERR_CONFLICT);
    assert_true(text_contains(text_of(diag.message), TEXT("another server")));

    assert_ok(webhook_update(desk.hub, id,
                             &(struct webhook_input){.has_is_active = true, .is_active = false},
                             desk.now_us, &row, &diag));
    desk_store(&desk);
    assert_err(webhook_replay(desk.hub, &desk.deliveries.items[0], desk.now_us, &diag),
               ERR_CONFLICT);
    assert_true(text_contains(text_of(diag.message), TEXT("switched off")));
    struct webhook_delivery_row kept = desk.deliveries.items[0];
    assert_ok(webhook_delete(desk.hub, id, desk.now_us, &diag));
    assert_err(webhook_replay(desk.hub, &kept, desk.now_us, &diag), ERR_NOT_FOUND);
    desk_store(&desk);
    desk_close(&desk);
}

/* ---- tests by hand ---- */

static void test_is_sent_at_once_and_once(void **state)
{
    (void)state;
    struct desk desk;
    char id[ROW_UUID_LEN + 1];
    struct diag diag = {0};

    desk_open(&desk);
    const char *endpoint = desk_endpoint(&desk, "a");
    for (uint64_t channel = 1; channel <= 5; channel++) /* four slots are taken */
        desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, channel);
    assert_ok(webhook_test(desk.hub, text_of(endpoint), desk.now_us, id, &diag));
    desk_store(&desk);
    struct sent *sent = desk_open_request(&desk, WEBHOOK_PARALLEL_MAX);
    assert_string_equal(sent->webhook_id, id);
    assert_true(text_starts_with(buf_text(sent->body), TEXT("{\"type\":\"webhook.test\",")));
    assert_true(text_contains(buf_text(sent->body), text_of(endpoint)));
    desk_answer(&desk, sent, 500);
    desk_store(&desk);
    assert_string_equal(desk_delivery(&desk, id)->status, "failed");
    assert_int_equal(desk_delivery(&desk, id)->attempts, 1);
    assert_int_equal(webhook_endpoint_numbers(desk.hub, text_of(endpoint)).failing_since_us, 0);
    desk_close(&desk);
}

static void test_reaches_an_endpoint_that_is_off(void **state)
{
    (void)state;
    struct desk desk;
    char id[ROW_UUID_LEN + 1];
    const struct text all = TEXT("*");
    struct diag diag = {0};

    desk_open(&desk);
    const char *endpoint =
        desk_endpoint_of(&desk, &(struct webhook_input){.account_id = SELLER,
                                                        .url = TEXT("https://shop.example/off"),
                                                        .events = &all,
                                                        .event_count = 1});
    assert_ok(webhook_test(desk.hub, text_of(endpoint), desk.now_us, id, &diag));
    desk_store(&desk);
    desk_answer_only(&desk, 200);
    assert_string_equal(desk_delivery(&desk, id)->status, "delivered");
    assert_err(webhook_test(desk.hub, TEXT("nobody"), desk.now_us, id, &diag), ERR_NOT_FOUND);
    desk_close(&desk);
}

static void tests_are_bounded(void **state)
{
    (void)state;
    struct desk desk;
    char id[ROW_UUID_LEN + 1];
    struct diag diag = {0};

    desk_open(&desk);
    const char *endpoint = desk_endpoint(&desk, "a");
    for (int i = 0; i < WEBHOOK_SOLO_MAX; i++)
        assert_ok(webhook_test(desk.hub, text_of(endpoint), desk.now_us, id, &diag));
    assert_err(webhook_test(desk.hub, text_of(endpoint), desk.now_us, id, &diag), ERR_LIMIT);
    desk_store(&desk);
    desk_answer(&desk, desk_open_request(&desk, 0), 200);
    assert_ok(webhook_test(desk.hub, text_of(endpoint), desk.now_us, id, &diag));
    desk_close(&desk);
}

static void unknown_answer_is_ignored(void **state)
{
    (void)state;
    struct desk desk;
    const struct webhook_answer answer = {.http_status = 200};

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    webhook_on_sent(desk.hub, 4711, &answer, desk.now_us);
    assert_int_equal(desk.queue.count, 0);
    uint64_t id = desk_open_request(&desk, 0)->id;
    desk_answer_only(&desk, 200);
    webhook_on_sent(desk.hub, id, &answer, desk.now_us); /* twice */
    assert_int_equal(desk.queue.count, 0);
    desk_close(&desk);
}

static void metrics_count(void **state)
{
    (void)state;
    struct desk desk;
    struct writer w = writer_growing(65536);

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    desk_answer_only(&desk, 200);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    desk_answer_only(&desk, 500);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 8);
    webhook_write_metrics(desk.hub, &w);
    struct text text = writer_as_text(&w);
    assert_true(text_contains(text, TEXT("\nstoa_webhook_endpoints 1\n")));
    assert_true(text_contains(text, TEXT("\nstoa_webhook_deliveries_pending 2\n")));
    assert_true(text_contains(text, TEXT("\nstoa_webhook_requests 1\n")));
    assert_true(text_contains(text, TEXT("\nstoa_webhook_deliveries_delivered_total 1\n")));
    assert_true(text_contains(text, TEXT("\nstoa_webhook_attempts_failed_total 1\n")));
    writer_deinit(&w);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(tries_are_spread_over_a_day_and_then_end),
        TEST_CASE(waits_differ_by_chance),
        TEST_CASE(each_attempt_has_the_same_id_and_a_new_time),
        TEST_CASE(success_is_2xx_and_nothing_else),
        TEST_CASE(retry_after_is_heeded_within_bounds),
        TEST_CASE(attempt_is_logged_with_how_the_answer_begins),
        TEST_CASE(gone_switches_the_endpoint_off),
        TEST_CASE(five_days_of_failures_switch_the_endpoint_off),
        TEST_CASE(success_begins_the_count_anew),
        TEST_CASE(failure_long_ago_says_nothing_of_today),
        TEST_CASE(run_of_failures_is_known_after_a_restart),
        TEST_CASE(endpoint_that_answers_again_gets_what_waits),
        TEST_CASE(replay_keeps_the_id_and_tries_anew),
        TEST_CASE(replay_stands_beside_the_order),
        TEST_CASE(replay_of_what_waits_hurries_it),
        TEST_CASE(replay_needs_an_endpoint_that_is_on),
        TEST_CASE(test_is_sent_at_once_and_once),
        TEST_CASE(test_reaches_an_endpoint_that_is_off),
        TEST_CASE(tests_are_bounded),
        TEST_CASE(unknown_answer_is_ignored),
        TEST_CASE(metrics_count),
    };
    return RUN_TESTS("webhook_attempt", tests);
}
