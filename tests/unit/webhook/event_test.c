/*
 * From an event to the request: who hears of it, when, and in what order.
 */
#include <stdio.h>

#include "base/writer.h"
#include "desk.h"
#include "store/store.h"

static void event_is_sent_when_it_is_stored(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    assert_true(desk_event(&desk, WEBHOOK_RELAY_ACTIVE, 7) != 0);
    desk_wait(&desk, S(60));
    assert_int_equal(desk_open_count(&desk), 0);
    desk_store(&desk);
    assert_int_equal(desk_open_count(&desk), 1);
    assert_int_equal(desk_count_status(&desk, "pending"), 1);
    assert_string_equal(desk.deliveries.items[0].event, "relay.active");
    assert_int_equal(desk.deliveries.items[0].channel_id, 7);

    desk_answer_only(&desk, 204);
    assert_int_equal(desk_count_status(&desk, "delivered"), 1);
    assert_int_equal(desk.deliveries.items[0].delivered_at_us, WALL + desk.now_us);
    assert_int_equal(desk.deliveries.items[0].last_http_status, 204);
    assert_int_equal(desk.deliveries.items[0].attempts, 1);
    assert_int_equal(webhook_deadline_us(desk.hub), INT64_MAX);
    desk_close(&desk);
}

static void payload_tells_type_time_and_data(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    const struct webhook_event event = {
        .kind = WEBHOOK_RELAY_RECONNECTING,
        .channel_id = 7,
        .account_id = TEXT(SELLER),
        .channel_json = TEXT("{\"id\":7}"),
        .broadcast_json = TEXT("{\"id\":9}"),
        .from = "active",
        .to = "reconnecting",
        .reason = "the \"seller\" is away",
    };
    struct store_batch *batch = store_batch_create();
    uint64_t mark = webhook_append(desk.hub, &event, batch, desk.now_us);
    store_batch_destroy(batch);
    webhook_on_stored(desk.hub, mark, OK, desk.now_us);
    assert_text(buf_text(desk_open_request(&desk, 0)->body),
                "{\"type\":\"relay.reconnecting\",\"timestamp\":\"2026-01-01T00:16:40.000Z\","
                "\"data\":{\"channel\":{\"id\":7},\"broadcast\":{\"id\":9},\"from\":\"active\","
                "\"to\":\"reconnecting\",\"reason\":\"the \\\"seller\\\" is away\"}}");
    desk_close(&desk);
}

static void request_is_signed_with_the_secret_of_the_endpoint(void **state)
{
    (void)state;
    struct desk desk;
    char wanted[WEBHOOK_SIGNATURE_LEN_MAX + 1];
    struct writer w = writer_fixed(wanted, sizeof(wanted));

    desk_open(&desk);
    const char *id = desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    const struct sent *sent = desk_open_request(&desk, 0);
    assert_string_equal(sent->url, "https://shop.example/a");
    assert_string_equal(sent->webhook_id, desk.deliveries.items[0].id);
    assert_string_equal(sent->timestamp, "1767226600");
    assert_ok(webhook_sign(&w, webhook_find(desk.hub, text_of(id))->signing_secret,
                           sent->webhook_id, sent->timestamp, buf_text(sent->body)));
    assert_text(writer_as_text(&w), sent->signature);
    desk_close(&desk);
}

static void only_who_wants_an_event_hears_of_it(void **state)
{
    (void)state;
    struct desk desk;
    const struct text all = TEXT("*");
    const struct text some[] = {TEXT("relay.active"), TEXT("channel.created")};
    const struct webhook_input base = {.account_id = SELLER,
                                       .url = TEXT("https://shop.example/all"),
                                       .events = &all,
                                       .event_count = 1,
                                       .is_active = true};
    struct webhook_input input = base;

    desk_open(&desk);
    (void)desk_endpoint_of(&desk, &input);
    input.url = TEXT("https://shop.example/some");
    input.events = some;
    input.event_count = 2;
    (void)desk_endpoint_of(&desk, &input);
    input = base;
    input.url = TEXT("https://shop.example/channel-8");
    input.channel_id = 8;
    (void)desk_endpoint_of(&desk, &input);
    input = base;
    input.url = TEXT("https://shop.example/other");
    input.account_id = OTHER;
    (void)desk_endpoint_of(&desk, &input);
    input = base;
    input.url = TEXT("https://shop.example/server");
    input.account_id = "";
    (void)desk_endpoint_of(&desk, &input);
    input = base;
    input.url = TEXT("https://shop.example/off");
    input.is_active = false;
    (void)desk_endpoint_of(&desk, &input);

    static const struct {
        enum webhook_event_kind kind;
        uint64_t channel_id;
        const char *urls;
    } cases[] = {
        {WEBHOOK_RELAY_ACTIVE, 7, "server some all "},
        {WEBHOOK_RELAY_STOPPED, 7, "server all "},
        {WEBHOOK_RELAY_ACTIVE, 8, "server channel-8 some all "},
        {WEBHOOK_CHANNEL_CREATED, 9, "server some all "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char urls[256] = "";
        struct writer w = writer_fixed(urls, sizeof(urls) - 1);

        desk_stored_event(&desk, cases[i].kind, cases[i].channel_id);
        while (desk_open_count(&desk)) {
            writer_printf(&w, "%s ", desk_open_request(&desk, 0)->url + 21);
            desk_answer(&desk, desk_open_request(&desk, 0), 200);
            desk_store(&desk);
        }
        writer_char(&w, '\0');
        for (struct text rest = text_of(cases[i].urls); rest.len;) {
            struct text url = text_cut(&rest, ' ');
            if (url.len && !text_contains(text_of(urls), url))
                fail_msg("event %zu: %s, not %s", i, urls, cases[i].urls);
        }
        assert_int_equal(strlen(urls), strlen(cases[i].urls));
    }
    desk_close(&desk);
}

static void event_that_nobody_wants_adds_nothing(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    assert_int_equal(desk_event(&desk, WEBHOOK_RELAY_ACTIVE, 7), 0);
    desk_store(&desk);
    assert_int_equal(desk.deliveries.count, 0);
    desk_close(&desk);
}

/* ---- order ---- */

static void events_of_a_channel_come_one_after_the_other(void **state)
{
    (void)state;
    struct desk desk;
    static const enum webhook_event_kind kinds[] = {WEBHOOK_RELAY_STARTING, WEBHOOK_RELAY_ACTIVE,
                                                    WEBHOOK_RELAY_STOPPED};

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    for (size_t i = 0; i < 3; i++)
        desk_stored_event(&desk, kinds[i], 7);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(desk_open_count(&desk), 1);
        assert_true(text_contains(buf_text(desk_open_request(&desk, 0)->body),
                                  text_of(webhook_event_type(kinds[i]))));
        desk_answer_only(&desk, 200);
    }
    assert_int_equal(desk_open_count(&desk), 0);
    desk_close(&desk);
}

static void failing_one_holds_back_its_channel_and_nothing_else(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_STARTING, 7);
    desk_answer_only(&desk, 500);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    assert_int_equal(desk_open_count(&desk), 0);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 8);
    assert_int_equal(desk_open_count(&desk), 1);
    desk_answer_only(&desk, 200);

    /* Another endpoint hears the same channel at once. */
    (void)desk_endpoint(&desk, "b");
    desk_stored_event(&desk, WEBHOOK_RELAY_STOPPED, 7);
    assert_int_equal(desk_open_count(&desk), 1);
    assert_string_equal(desk_open_request(&desk, 0)->url, "https://shop.example/b");
    desk_answer_only(&desk, 200);

    desk_wait(&desk, S(6));
    assert_true(text_contains(buf_text(desk_open_request(&desk, 0)->body), TEXT("relay.starting")));
    desk_answer_only(&desk, 200);
    assert_true(text_contains(buf_text(desk_open_request(&desk, 0)->body), TEXT("relay.active")));
    desk_answer_only(&desk, 200);
    assert_true(text_contains(buf_text(desk_open_request(&desk, 0)->body), TEXT("relay.stopped")));
    desk_answer_only(&desk, 200);
    assert_int_equal(desk_count_status(&desk, "delivered"), 5);
    desk_close(&desk);
}

static void four_requests_of_an_endpoint_run_at_once(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    for (uint64_t channel = 1; channel <= 6; channel++)
        desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, channel);
    assert_int_equal(desk_open_count(&desk), WEBHOOK_PARALLEL_MAX);
    assert_int_equal(webhook_deadline_us(desk.hub), INT64_MAX); /* no clock helps here */
    desk_answer(&desk, desk_open_request(&desk, 2), 200);
    assert_int_equal(desk_open_count(&desk), WEBHOOK_PARALLEL_MAX);
    desk_answer(&desk, desk_open_request(&desk, 0), 500);
    assert_int_equal(desk_open_count(&desk), WEBHOOK_PARALLEL_MAX);
    desk_answer(&desk, desk_open_request(&desk, 0), 200);
    assert_int_equal(desk_open_count(&desk), WEBHOOK_PARALLEL_MAX - 1);
    desk_close(&desk);
}

static void all_endpoints_share_the_requests_of_the_server(void **state)
{
    (void)state;
    struct desk desk;
    struct webhook_limits limits = webhook_limits_default();
    unsigned seen[3] = {0};

    limits.sends_max = 2;
    desk_open_with(&desk, &limits);
    (void)desk_endpoint(&desk, "0");
    (void)desk_endpoint(&desk, "1");
    (void)desk_endpoint(&desk, "2");
    for (uint64_t channel = 1; channel <= 4; channel++)
        desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, channel);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(desk_open_count(&desk), 2);
        assert_int_equal(webhook_deadline_us(desk.hub), INT64_MAX); /* no clock makes room */
        struct sent *sent = desk_open_request(&desk, 0);
        seen[sent->url[21] - '0']++;
        desk_answer(&desk, sent, 200);
    }
    /* Half of it is done, and nobody was forgotten. */
    for (size_t i = 0; i < 3; i++)
        assert_true(seen[i] > 0);
    for (int i = 0; i < 6; i++)
        desk_answer(&desk, desk_open_request(&desk, 0), 200);
    desk_store(&desk);
    assert_int_equal(desk_count_status(&desk, "delivered"), 12);
    desk_close(&desk);
}

/* ---- the store refuses ---- */

static void event_that_could_not_be_stored_is_told_all_the_same(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    (void)desk_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    desk_refuse(&desk);
    assert_int_equal(desk.deliveries.count, 0);
    assert_int_equal(desk_open_count(&desk), 1);
    desk_answer_only(&desk, 500);
    assert_int_equal(desk_count_status(&desk, "pending"), 1); /* now it is in the log */
    desk_close(&desk);
}

static void channel_that_could_not_be_created_is_not_told(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    (void)desk_event(&desk, WEBHOOK_CHANNEL_CREATED, 7);
    desk_refuse(&desk);
    desk_wait(&desk, S(60));
    assert_int_equal(desk_open_count(&desk), 0);
    assert_int_equal(
        webhook_endpoint_numbers(desk.hub, text_of(desk.endpoints.items[0].id)).pending, 0);
    desk_close(&desk);
}

static void endpoint_of_a_channel_hears_of_its_end(void **state)
{
    (void)state;
    struct desk desk;
    const struct text all = TEXT("*");
    struct webhook_input input = {.account_id = SELLER,
                                  .channel_id = 7,
                                  .url = TEXT("https://shop.example/seven"),
                                  .events = &all,
                                  .event_count = 1,
                                  .is_active = true};

    desk_open(&desk);
    (void)desk_endpoint_of(&desk, &input);
    desk_stored_event(&desk, WEBHOOK_CHANNEL_DELETED, 7);
    assert_true(
        text_contains(buf_text(desk_open_request(&desk, 0)->body), TEXT("channel.deleted")));
    desk_close(&desk);
}

static void endpoint_that_is_not_stored_yet_spoils_no_batch(void **state)
{
    (void)state;
    struct desk desk;
    const struct text all = TEXT("*");
    const struct webhook_endpoint_row *row;
    struct diag diag = {0};

    desk_open(&desk);
    assert_ok(webhook_create(desk.hub,
                             &(struct webhook_input){.account_id = SELLER,
                                                     .url = TEXT("https://shop.example/a"),
                                                     .events = &all,
                                                     .event_count = 1,
                                                     .is_active = true},
                             desk.now_us, &row, &diag));
    assert_int_equal(desk_event(&desk, WEBHOOK_RELAY_ACTIVE, 7), 0);
    desk_store(&desk);
    assert_true(desk_event(&desk, WEBHOOK_RELAY_ACTIVE, 7) != 0);
    desk_close(&desk);
}

/* ---- bounds ---- */

static void oldest_is_given_up_when_too_many_wait(void **state)
{
    (void)state;
    struct desk desk;
    struct webhook_limits limits = webhook_limits_default();

    limits.endpoint_pending_max = 3;
    desk_open_with(&desk, &limits);
    const char *id = desk_endpoint(&desk, "a");
    for (uint64_t channel = 1; channel <= 5; channel++) {
        desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
        desk_wait(&desk, S(1));
    }
    /* The first is being sent; the second and third had to go. */
    assert_int_equal(webhook_endpoint_numbers(desk.hub, text_of(id)).pending, 3);
    assert_string_equal(desk.deliveries.items[0].status, "pending");
    assert_string_equal(desk.deliveries.items[1].status, "failed");
    assert_string_equal(desk.deliveries.items[2].status, "failed");
    assert_true(text_contains(text_of(desk.deliveries.items[1].last_error), TEXT("Too many")));
    desk_answer_only(&desk, 200);
    assert_string_equal(desk_open_request(&desk, 0)->webhook_id, desk.deliveries.items[3].id);
    desk_close(&desk);
}

static void oldest_of_all_channels_is_the_one(void **state)
{
    (void)state;
    struct desk desk;
    struct webhook_limits limits = webhook_limits_default();
    static const uint64_t channels[] = {1, 2, 3, 4, 6, 5, 6, 5};

    limits.endpoint_pending_max = 7;
    desk_open_with(&desk, &limits);
    (void)desk_endpoint(&desk, "a");
    for (size_t i = 0; i < 8; i++) {
        desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, channels[i]);
        if (i == 3) { /* channel 5 has its place in line, but what waits there is younger */
            desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 5);
            desk_answer(&desk, desk_open_request(&desk, 0), 200);
            desk_answer(&desk, desk_open_request(&desk, 3), 500);
            desk_store(&desk);
        }
        desk_wait(&desk, S(1));
    }
    /* Running: 2, 3, 4 and one more; waiting: 5 of the fifth second, 6 of the sixth ... */
    size_t failed = 0;
    while (strcmp(desk.deliveries.items[failed].status, "failed") != 0)
        failed++;
    for (size_t i = 0; i < desk.deliveries.count; i++) {
        const struct webhook_delivery_row *row = &desk.deliveries.items[i];
        bool is_sent = false;

        for (size_t k = 0; k < desk.sent.count; k++)
            is_sent |= strcmp(desk.sent.items[k].webhook_id, row->id) == 0 &&
                       !desk.sent.items[k].is_answered;
        if (strcmp(row->status, "pending") == 0 && !is_sent)
            assert_true(row->created_at_us >= desk.deliveries.items[failed].created_at_us);
    }
    assert_int_equal(desk_count_status(&desk, "failed"), 1);
    desk_close(&desk);
}

static void fullest_endpoint_pays_when_the_server_is_full(void **state)
{
    (void)state;
    struct desk desk;
    struct webhook_limits limits = webhook_limits_default();
    const struct text all = TEXT("*");

    limits.pending_max = 6;
    desk_open_with(&desk, &limits);
    char busy[ROW_UUID_LEN + 1], quiet[ROW_UUID_LEN + 1];
    memcpy(busy, desk_endpoint(&desk, "busy"), sizeof(busy));
    memcpy(quiet,
           desk_endpoint_of(&desk, &(struct webhook_input){.account_id = SELLER,
                                                           .channel_id = 9,
                                                           .url = TEXT("https://shop.example/q"),
                                                           .events = &all,
                                                           .event_count = 1,
                                                           .is_active = true}),
           sizeof(quiet));
    for (int i = 0; i < 4; i++)
        desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    for (int i = 0; i < 2; i++)
        desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 9);
    assert_int_equal(webhook_endpoint_numbers(desk.hub, text_of(quiet)).pending, 2);
    assert_int_equal(webhook_endpoint_numbers(desk.hub, text_of(busy)).pending, 4);
    assert_int_equal(desk_count_status(&desk, "failed"), 2);
    desk_close(&desk);
}

/* ---- after a crash, and beside other servers ---- */

static void next_run_sends_what_the_last_one_left(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_STARTING, 7);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 8);
    desk_answer(&desk, desk_open_request(&desk, 1), 500);
    desk_store(&desk);
    char running[ROW_UUID_LEN + 1];
    memcpy(running, desk_open_request(&desk, 0)->webhook_id, sizeof(running));

    desk.now_us += S(2);
    desk_restart(&desk);
    /* What ran is sent again, with its id; what waited for its time still does. */
    assert_int_equal(desk_open_count(&desk), 1);
    assert_string_equal(desk_open_request(&desk, 0)->webhook_id, running);
    desk_answer_only(&desk, 200);
    assert_true(text_contains(buf_text(desk_open_request(&desk, 0)->body), TEXT("relay.active")));
    desk_answer_only(&desk, 200);
    assert_int_equal(desk_open_count(&desk), 0);
    desk_wait(&desk, S(5));
    desk_answer_only(&desk, 200);
    assert_int_equal(desk_count_status(&desk, "delivered"), 3);
    desk_close(&desk);
}

static void schedule_goes_on_after_a_restart(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    for (int i = 0; i < 4; i++) {
        desk_answer_only(&desk, 500);
        desk_wait_for_deadline(&desk);
    }
    desk_restart(&desk);
    desk_answer_only(&desk, 500); /* the fifth */
    int64_t wait_us = desk.deliveries.items[0].next_attempt_at_us - WALL - desk.now_us;
    assert_true(wait_us >= S(1800) && wait_us <= S(2160));
    assert_int_equal(desk.deliveries.items[0].attempts, 5);
    desk_close(&desk);
}

static struct webhook_delivery_row foreign_row(const char *id, const char *endpoint_id,
                                               uint64_t channel_id, int64_t due_us,
                                               struct buf *payload)
{
    struct webhook_delivery_row row = {.channel_id = channel_id,
                                       .payload = payload,
                                       .next_attempt_at_us = due_us,
                                       .created_at_us = due_us};

    (void)snprintf(row.id, sizeof(row.id), "%s", id);
    (void)snprintf(row.endpoint_id, sizeof(row.endpoint_id), "%s", endpoint_id);
    (void)snprintf(row.event, sizeof(row.event), "relay.active");
    (void)snprintf(row.status, sizeof(row.status), "pending");
    return row;
}

static void only_what_a_server_that_is_gone_left_is_taken_over(void **state)
{
    (void)state;
    struct desk desk;
    struct buf *payload = buf_from_text(TEXT("{}"));

    desk_open(&desk);
    const char *id = desk_endpoint(&desk, "a");
    int64_t wall_us = WALL + desk.now_us;
    const struct webhook_delivery_row rows[] = {
        /* Channel 1: its first is tried by somebody, in an hour; the second waits for it. */
        foreign_row("01900000-0000-7000-8000-000000000001", id, 1, wall_us + H(1), payload),
        foreign_row("01900000-0000-7000-8000-000000000002", id, 1, wall_us - H(1), payload),
        /* Channel 2: nobody has tried the first, for eleven minutes. */
        foreign_row("01900000-0000-7000-8000-000000000003", id, 2, wall_us - S(660), payload),
        foreign_row("01900000-0000-7000-8000-000000000004", id, 2, wall_us - S(5), payload),
        /* Channel 3: due just now. */
        foreign_row("01900000-0000-7000-8000-000000000005", id, 3, wall_us - S(5), payload),
        /* An endpoint that is gone. */
        foreign_row("01900000-0000-7000-8000-000000000006", SELLER, 4, wall_us - H(1), payload),
    };
    const struct webhook_pending pending = {
        .rows = rows, .count = 6, .asked_us = desk.now_us, .overdue_us = S(600)};
    webhook_take_pending(desk.hub, &pending, desk.now_us);
    assert_int_equal(webhook_endpoint_numbers(desk.hub, text_of(id)).pending, 2);
    assert_string_equal(desk_open_request(&desk, 0)->webhook_id, rows[2].id);
    webhook_take_pending(desk.hub, &pending, desk.now_us); /* known by now */
    assert_int_equal(webhook_endpoint_numbers(desk.hub, text_of(id)).pending, 2);
    assert_int_equal(desk_open_count(&desk), 1);
    (void)buf_unref(payload);
    desk_close(&desk);
}

static void what_was_just_sent_is_not_taken_over(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    (void)desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    struct webhook_delivery_row row = desk.deliveries.items[0]; /* the database was asked ... */
    struct webhook_pending pending = {
        .rows = &row, .count = 1, .asked_us = desk.now_us, .overdue_us = S(600)};
    desk.now_us += H(1);
    desk_answer(&desk, desk_open_request(&desk, 0), 200); /* ... before this */
    webhook_take_pending(desk.hub, &pending, desk.now_us);
    assert_int_equal(desk_open_count(&desk), 0);

    /* If it is still pending for one who asks later, it was not we who had it. */
    pending.asked_us = desk.now_us + 1;
    webhook_take_pending(desk.hub, &pending, desk.now_us + 1);
    assert_int_equal(desk_open_count(&desk), 1);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(event_is_sent_when_it_is_stored),
        TEST_CASE(payload_tells_type_time_and_data),
        TEST_CASE(request_is_signed_with_the_secret_of_the_endpoint),
        TEST_CASE(only_who_wants_an_event_hears_of_it),
        TEST_CASE(event_that_nobody_wants_adds_nothing),
        TEST_CASE(events_of_a_channel_come_one_after_the_other),
        TEST_CASE(failing_one_holds_back_its_channel_and_nothing_else),
        TEST_CASE(four_requests_of_an_endpoint_run_at_once),
        TEST_CASE(all_endpoints_share_the_requests_of_the_server),
        TEST_CASE(event_that_could_not_be_stored_is_told_all_the_same),
        TEST_CASE(channel_that_could_not_be_created_is_not_told),
        TEST_CASE(endpoint_of_a_channel_hears_of_its_end),
        TEST_CASE(endpoint_that_is_not_stored_yet_spoils_no_batch),
        TEST_CASE(oldest_is_given_up_when_too_many_wait),
        TEST_CASE(oldest_of_all_channels_is_the_one),
        TEST_CASE(fullest_endpoint_pays_when_the_server_is_full),
        TEST_CASE(next_run_sends_what_the_last_one_left),
        TEST_CASE(schedule_goes_on_after_a_restart),
        TEST_CASE(only_what_a_server_that_is_gone_left_is_taken_over),
        TEST_CASE(what_was_just_sent_is_not_taken_over),
    };
    return RUN_TESTS("webhook_event", tests);
}
