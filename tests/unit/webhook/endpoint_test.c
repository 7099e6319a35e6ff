/*
 * Endpoints: what people may say, secrets, and a store that refuses.
 */
#include <stdio.h>

#include "base/crypto.h"
#include "base/writer.h"
#include "desk.h"
#include "store/store.h"

static const struct text ALL = TEXT_INIT("*");

static struct webhook_input input_of(const char *url)
{
    return (struct webhook_input){.account_id = SELLER,
                                  .url = text_of(url),
                                  .events = &ALL,
                                  .event_count = 1,
                                  .description = TEXT("orders"),
                                  .is_active = true};
}

/* ---- create and update ---- */

static void new_endpoint_has_id_secret_and_what_was_said(void **state)
{
    (void)state;
    struct desk desk;
    const struct text events[] = {TEXT("relay.stopped"), TEXT("channel.created"),
                                  TEXT("relay.stopped")};
    struct webhook_input input = input_of("https://shop.example/hook");
    const struct webhook_endpoint_row *row;
    struct diag diag = {0};
    uint8_t key[64];
    size_t key_len;

    desk_open(&desk);
    input.events = events;
    input.event_count = 3;
    input.channel_id = 7;
    assert_ok(webhook_create(desk.hub, &input, desk.now_us, &row, &diag));
    desk_store(&desk);
    assert_int_equal(strlen(row->id), ROW_UUID_LEN);
    assert_string_equal(row->account_id, SELLER);
    assert_int_equal(row->channel_id, 7);
    assert_string_equal(row->url, "https://shop.example/hook");
    assert_string_equal(row->events, "channel.created relay.stopped");
    assert_string_equal(row->description, "orders");
    assert_true(row->is_active);
    assert_int_equal(row->created_at_us, WALL + desk.now_us);
    assert_true(text_starts_with(text_of(row->signing_secret), TEXT("whsec_")));
    assert_ok(crypto_base64_decode(text_of(row->signing_secret + 6), key, sizeof(key), &key_len));
    assert_int_equal(key_len, 32);
    assert_string_equal(row->old_signing_secret, "");

    assert_memory_equal(row, desk_stored_endpoint(&desk, row->id), sizeof(*row));
    assert_ptr_equal(webhook_find(desk.hub, text_of(row->id)), row);
    assert_int_equal(webhook_count(desk.hub), 1);
    assert_ptr_equal(webhook_at(desk.hub, 0), row);
    assert_null(webhook_find(desk.hub, TEXT("")));
    desk_close(&desk);
}

static void wrong_input_is_refused_by_its_name(void **state)
{
    (void)state;
    struct desk desk;
    char long_text[ROW_URL_LEN_MAX + 64];
    memset(long_text, 'a', sizeof(long_text));
    memcpy(long_text, "https://", 8);
    const struct text unknown[] = {TEXT("relay.active"), TEXT("relay.unheard")};
    const struct text two[] = {TEXT("*"), TEXT("relay.active")};
    const struct text test = TEXT("webhook.test");
    const struct text spaced = TEXT("relay.active relay.stopped");
    struct webhook_input cases[] = {
        [0] = input_of("ftp://shop.example/"), [1] = input_of("https://a/"),
        [2] = input_of("https://a/"),          [3] = input_of("https://a/"),
        [4] = input_of("https://a/"),          [5] = input_of("https://a/"),
        [6] = input_of("https://a/"),          [7] = input_of("https://a/"),
        [8] = input_of("https://a/"),
    };
    static const char *const words[] = {"url must begin with https://",
                                        "url must have at most 2047",
                                        "events must name at least one",
                                        "events has \"relay.unheard\"",
                                        "events has \"*\"",
                                        "events has \"webhook.test\"",
                                        "events has \"relay.active relay.stopped\"",
                                        "description must be one line",
                                        "description must be one line"};
    cases[1].url = (struct text){long_text, ROW_URL_LEN_MAX + 1};
    cases[2].event_count = 0;
    cases[3].events = unknown;
    cases[3].event_count = 2;
    cases[4].events = two;
    cases[4].event_count = 2;
    cases[5].events = &test;
    cases[6].events = &spaced;
    cases[7].description = TEXT("a\nb");
    cases[8].description = (struct text){long_text, ROW_TEXT_LEN_MAX + 1};

    desk_open(&desk);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct webhook_endpoint_row *row;
        struct diag diag = {0};

        assert_err(webhook_create(desk.hub, &cases[i], desk.now_us, &row, &diag), ERR_INVALID);
        if (!text_starts_with(text_of(diag.message), text_of(words[i])))
            fail_msg("case %zu: %s", i, diag.message);
    }
    assert_int_equal(webhook_count(desk.hub), 0);
    assert_int_equal(desk.queue.count, 0);
    desk_close(&desk);
}

static void account_may_have_a_number_of_endpoints(void **state)
{
    (void)state;
    struct desk desk;
    struct webhook_limits limits = webhook_limits_default();
    struct webhook_input input = input_of("https://shop.example/hook");
    const struct webhook_endpoint_row *row;
    struct diag diag = {0};

    limits.account_endpoints_max = 2;
    limits.endpoints_max = 3;
    desk_open_with(&desk, &limits);
    (void)desk_endpoint_of(&desk, &input);
    (void)desk_endpoint_of(&desk, &input);
    assert_err(webhook_create(desk.hub, &input, desk.now_us, &row, &diag), ERR_LIMIT);
    input.account_id = OTHER;
    (void)desk_endpoint_of(&desk, &input);
    input.account_id = "";
    assert_err(webhook_create(desk.hub, &input, desk.now_us, &row, &diag), ERR_LIMIT);
    assert_true(text_contains(text_of(diag.message), TEXT("no room")));
    desk_close(&desk);
}

static void update_changes_what_is_given(void **state)
{
    (void)state;
    struct desk desk;
    const struct text events[] = {TEXT("relay.active")};
    const struct webhook_endpoint_row *row;
    struct diag diag = {0};
    char secret[ROW_SIGNING_SECRET_LEN_MAX + 1];

    desk_open(&desk);
    const struct webhook_input input = input_of("https://shop.example/hook");
    struct text id = text_of(desk_endpoint_of(&desk, &input));
    memcpy(secret, webhook_find(desk.hub, id)->signing_secret, sizeof(secret));
    desk.now_us += S(10);
    assert_ok(webhook_update(
        desk.hub, id,
        &(struct webhook_input){.has_events = true, .events = events, .event_count = 1},
        desk.now_us, &row, &diag));
    desk_store(&desk);
    assert_string_equal(row->events, "relay.active");
    assert_string_equal(row->url, "https://shop.example/hook");
    assert_string_equal(row->description, "orders");
    assert_string_equal(row->signing_secret, secret);
    assert_true(row->is_active);
    assert_int_equal(row->updated_at_us, WALL + desk.now_us);
    assert_memory_equal(row, desk_stored_endpoint(&desk, row->id), sizeof(*row));
    assert_int_equal(desk_event(&desk, WEBHOOK_RELAY_STOPPED, 7), 0);

    assert_err(webhook_update(desk.hub, id,
                              &(struct webhook_input){.has_url = true, .url = TEXT("x")},
                              desk.now_us, &row, &diag),
               ERR_INVALID);
    assert_err(webhook_update(desk.hub, TEXT("nobody"), &(struct webhook_input){0}, desk.now_us,
                              &row, &diag),
               ERR_NOT_FOUND);
    desk_close(&desk);
}

static void switching_off_gives_up_and_switching_on_begins_anew(void **state)
{
    (void)state;
    struct desk desk;
    const struct webhook_endpoint_row *row;
    struct diag diag = {0};

    desk_open(&desk);
    struct text id = text_of(desk_endpoint(&desk, "a"));
    desk_stored_event(&desk, WEBHOOK_RELAY_STARTING, 7);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    desk_answer_only(&desk, 500);
    assert_ok(webhook_update(desk.hub, id,
                             &(struct webhook_input){.has_is_active = true, .is_active = false},
                             desk.now_us, &row, &diag));
    desk_store(&desk);
    assert_int_equal(desk_count_status(&desk, "failed"), 2);
    assert_string_equal(desk_stored_endpoint(&desk, row->id)->disabled_reason,
                        "Switched off by hand.");
    assert_int_equal(desk_event(&desk, WEBHOOK_RELAY_STOPPED, 7), 0);

    assert_ok(webhook_update(desk.hub, id,
                             &(struct webhook_input){.has_is_active = true, .is_active = true},
                             desk.now_us, &row, &diag));
    desk_store(&desk);
    assert_string_equal(desk_stored_endpoint(&desk, row->id)->disabled_reason, "");
    desk_stored_event(&desk, WEBHOOK_RELAY_STOPPED, 7);
    assert_int_equal(desk_open_count(&desk), 1);
    desk_close(&desk);
}

/* ---- secrets ---- */

static bool has_signature(const struct sent *sent, const char *secret)
{
    char signature[WEBHOOK_SIGNATURE_LEN_MAX + 1];
    struct writer w = writer_fixed(signature, sizeof(signature));

    assert_ok(webhook_sign(&w, secret, sent->webhook_id, sent->timestamp, buf_text(sent->body)));
    return text_contains(text_of(sent->signature), writer_as_text(&w));
}

static void both_secrets_sign_for_a_day_after_a_rotation(void **state)
{
    (void)state;
    struct desk desk;
    char secrets[3][ROW_SIGNING_SECRET_LEN_MAX + 1];
    const struct webhook_endpoint_row *row;
    struct diag diag = {0};

    desk_open(&desk);
    struct text id = text_of(desk_endpoint(&desk, "a"));
    memcpy(secrets[0], webhook_find(desk.hub, id)->signing_secret, sizeof(secrets[0]));
    assert_ok(webhook_rotate_secret(desk.hub, id, desk.now_us, &row, &diag));
    desk_store(&desk);
    memcpy(secrets[1], row->signing_secret, sizeof(secrets[1]));
    assert_string_not_equal(secrets[0], secrets[1]);

    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    const struct sent *sent = desk_open_request(&desk, 0);
    assert_true(has_signature(sent, secrets[0]));
    assert_true(has_signature(sent, secrets[1]));
    assert_true(text_starts_with(text_of(sent->signature), TEXT("v1,")));
    assert_true(text_contains(text_of(sent->signature), TEXT(" v1,")));
    desk_answer_only(&desk, 200);

    /* Another rotation: only the last two count. */
    desk.now_us += H(1);
    assert_ok(webhook_rotate_secret(desk.hub, id, desk.now_us, &row, &diag));
    desk_store(&desk);
    memcpy(secrets[2], row->signing_secret, sizeof(secrets[2]));
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    assert_false(has_signature(desk_open_request(&desk, 0), secrets[0]));
    assert_true(has_signature(desk_open_request(&desk, 0), secrets[1]));
    assert_true(has_signature(desk_open_request(&desk, 0), secrets[2]));
    desk_answer_only(&desk, 200);

    /* After a day the old one is forgotten, also in the database. */
    int64_t until_us = desk.now_us + H(24);
    desk_wait_for_deadline(&desk); /* may be early: when that of the first rotation was over */
    assert_string_equal(desk_stored_endpoint(&desk, row->id)->old_signing_secret, secrets[1]);
    assert_int_equal(webhook_deadline_us(desk.hub), until_us);
    desk_wait_for_deadline(&desk);
    desk_store(&desk);
    assert_string_equal(desk_stored_endpoint(&desk, row->id)->old_signing_secret, "");
    assert_int_equal(webhook_deadline_us(desk.hub), INT64_MAX);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    assert_false(has_signature(desk_open_request(&desk, 0), secrets[1]));
    assert_true(has_signature(desk_open_request(&desk, 0), secrets[2]));
    assert_false(text_contains(text_of(desk_open_request(&desk, 0)->signature), TEXT(" ")));
    desk_answer_only(&desk, 200);
    assert_err(webhook_rotate_secret(desk.hub, TEXT("nobody"), desk.now_us, &row, &diag),
               ERR_NOT_FOUND);
    desk_close(&desk);
}

static void damaged_secret_is_told_and_nothing_goes_out_unsigned(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    struct webhook_endpoint_row row = *webhook_find(desk.hub, text_of(desk_endpoint(&desk, "a")));
    (void)snprintf(row.signing_secret, sizeof(row.signing_secret), "whsec_?");
    webhook_set_endpoint_row(desk.hub, &row, desk.now_us);
    desk_stored_event(&desk, WEBHOOK_RELAY_STARTING, 7);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    assert_int_equal(desk_open_count(&desk), 0);
    assert_int_equal(desk_count_status(&desk, "failed"), 2);
    assert_true(text_contains(text_of(desk.deliveries.items[0].last_error), TEXT("rotate")));
    desk_close(&desk);
}

/* ---- a store that refuses ---- */

static void endpoint_that_could_not_be_stored_is_taken_back(void **state)
{
    (void)state;
    struct desk desk;
    const struct webhook_input input = input_of("https://shop.example/hook");
    const struct webhook_endpoint_row *row;
    struct diag diag = {0};

    desk_open(&desk);
    assert_ok(webhook_create(desk.hub, &input, desk.now_us, &row, &diag));
    desk_refuse(&desk);
    assert_int_equal(webhook_count(desk.hub), 0);
    desk_close(&desk);
}

static void change_that_could_not_be_stored_is_taken_back(void **state)
{
    (void)state;
    struct desk desk;
    const struct webhook_endpoint_row *row;
    const struct webhook_input change = {.has_url = true, .url = TEXT("https://shop.example/new")};
    struct diag diag = {0};

    desk_open(&desk);
    struct text id = text_of(desk_endpoint(&desk, "a"));
    struct webhook_endpoint_row before = *webhook_find(desk.hub, id);
    assert_ok(webhook_update(desk.hub, id, &change, desk.now_us, &row, &diag));
    desk_refuse(&desk);
    assert_memory_equal(webhook_find(desk.hub, id), &before, sizeof(before));
    assert_ok(webhook_rotate_secret(desk.hub, id, desk.now_us, &row, &diag));
    desk_refuse(&desk);
    assert_memory_equal(webhook_find(desk.hub, id), &before, sizeof(before));
    assert_memory_equal(desk_stored_endpoint(&desk, before.id), &before, sizeof(before));
    desk_close(&desk);
}

/* The store answers the first of two changes with "no": the second is still on its way. */
static void later_change_of_the_same_endpoint_counts(void **state)
{
    (void)state;
    struct desk desk;
    const struct webhook_endpoint_row *row;
    const struct webhook_input first = {.has_url = true, .url = TEXT("https://shop.example/1")};
    const struct webhook_input second = {.has_description = true, .description = TEXT("two")};
    struct diag diag = {0};

    desk_open(&desk);
    struct text id = text_of(desk_endpoint(&desk, "a"));
    struct webhook_endpoint_row before = *webhook_find(desk.hub, id);
    assert_ok(webhook_update(desk.hub, id, &first, desk.now_us, &row, &diag));
    assert_ok(webhook_update(desk.hub, id, &second, desk.now_us, &row, &diag));
    struct queued_batch lost = desk.queue.items[0];
    vec_remove(&desk.queue, 0);
    store_batch_destroy(lost.batch);
    webhook_on_stored(desk.hub, lost.mark, ERR_IO, desk.now_us);
    assert_string_equal(webhook_find(desk.hub, id)->url, "https://shop.example/1");
    desk_store(&desk);
    assert_string_equal(desk_stored_endpoint(&desk, before.id)->url, "https://shop.example/1");
    assert_string_equal(webhook_find(desk.hub, id)->description, "two");

    /* And when both fail, it is as before both. */
    before = *webhook_find(desk.hub, id);
    const struct webhook_input third = {.has_url = true, .url = TEXT("https://shop.example/3")};
    assert_ok(webhook_update(desk.hub, id, &third, desk.now_us, &row, &diag));
    assert_ok(webhook_delete(desk.hub, id, desk.now_us, &diag));
    desk_refuse(&desk);
    assert_memory_equal(webhook_find(desk.hub, id), &before, sizeof(before));
    desk_close(&desk);
}

static void deletion_that_could_not_be_stored_brings_back_what_waits(void **state)
{
    (void)state;
    struct desk desk;
    struct diag diag = {0};

    desk_open(&desk);
    struct text id = text_of(desk_endpoint(&desk, "a"));
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    desk_answer_only(&desk, 500);
    struct text gone = text_of(desk.endpoints.items[0].id);
    assert_ok(webhook_delete(desk.hub, id, desk.now_us, &diag));
    assert_int_equal(webhook_count(desk.hub), 0);
    desk_wait(&desk, S(10));
    assert_int_equal(desk_open_count(&desk), 0);
    desk_refuse(&desk);
    assert_int_equal(webhook_count(desk.hub), 1);
    assert_int_equal(webhook_endpoint_numbers(desk.hub, gone).pending, 1);
    assert_int_equal(desk_open_count(&desk), 1); /* its time has come meanwhile */
    desk_answer_only(&desk, 200);
    desk_close(&desk);
}

static void deleted_endpoint_hears_nothing_more(void **state)
{
    (void)state;
    struct desk desk;
    struct diag diag = {0};

    desk_open(&desk);
    const char *id = desk_endpoint(&desk, "a");
    desk_stored_event(&desk, WEBHOOK_RELAY_STARTING, 7);
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    assert_ok(webhook_delete(desk.hub, text_of(id), desk.now_us, &diag));
    /* The answer of what ran comes before the database has answered, and writes nothing. */
    desk_answer(&desk, desk_open_request(&desk, 0), 200);
    assert_int_equal(desk.queue.count, 1);
    desk_store(&desk);
    assert_int_equal(desk.endpoints.count, 0);
    assert_int_equal(desk.deliveries.count, 0);
    assert_int_equal(desk_open_count(&desk), 0);
    assert_int_equal(desk_event(&desk, WEBHOOK_RELAY_STOPPED, 7), 0);
    assert_err(webhook_delete(desk.hub, TEXT("nobody"), desk.now_us, &diag), ERR_NOT_FOUND);
    desk_close(&desk);
}

/* ---- other servers ---- */

static void row_of_another_server_counts_at_once(void **state)
{
    (void)state;
    struct desk desk;
    struct webhook_endpoint_row row;

    desk_open(&desk);
    row = *webhook_find(desk.hub, text_of(desk_endpoint(&desk, "a")));
    desk_stored_event(&desk, WEBHOOK_RELAY_ACTIVE, 7);
    desk_answer_only(&desk, 500);

    struct webhook_endpoint_row first = row;
    (void)snprintf(first.id, sizeof(first.id), "00000000-0000-7000-8000-000000000001");
    webhook_set_endpoint_row(desk.hub, &first, desk.now_us);
    assert_int_equal(webhook_count(desk.hub), 2);
    assert_string_equal(webhook_at(desk.hub, 0)->id, first.id); /* by id */

    row.is_active = false;
    webhook_set_endpoint_row(desk.hub, &row, desk.now_us);
    desk_store(&desk);
    assert_int_equal(desk_count_status(&desk, "failed"), 1);

    webhook_remove_endpoint_row(desk.hub, row.id);
    webhook_remove_endpoint_row(desk.hub, row.id);
    assert_int_equal(webhook_count(desk.hub), 1);
    desk_close(&desk);
}

static void too_many_rows_are_left_out(void **state)
{
    (void)state;
    struct desk desk;
    struct webhook_limits limits = webhook_limits_default();

    limits.endpoints_max = 1;
    desk_open_with(&desk, &limits);
    struct webhook_endpoint_row row = *webhook_find(desk.hub, text_of(desk_endpoint(&desk, "a")));
    row.id[0] = 'f';
    webhook_set_endpoint_row(desk.hub, &row, desk.now_us);
    assert_int_equal(webhook_count(desk.hub), 1);
    desk_close(&desk);
}

static void events_of_a_newer_program_are_kept_and_not_understood(void **state)
{
    (void)state;
    struct desk desk;

    desk_open(&desk);
    struct webhook_endpoint_row row = *webhook_find(desk.hub, text_of(desk_endpoint(&desk, "a")));
    (void)snprintf(row.events, sizeof(row.events), "relay.active chat.spoken");
    webhook_set_endpoint_row(desk.hub, &row, desk.now_us);
    assert_true(desk_event(&desk, WEBHOOK_RELAY_ACTIVE, 7) != 0);
    assert_int_equal(desk_event(&desk, WEBHOOK_RELAY_STOPPED, 7), 0);
    assert_string_equal(webhook_find(desk.hub, text_of(row.id))->events,
                        "relay.active chat.spoken");
    desk_close(&desk);
}

static void names_of_events_are_a_table(void **state)
{
    (void)state;
    for (int kind = WEBHOOK_EVENT_NONE + 1; kind < WEBHOOK_EVENT_END; kind++) {
        const char *type = webhook_event_type((enum webhook_event_kind)kind);

        assert_int_equal(webhook_event_find(text_of(type)), kind);
        assert_true(strlen(type) <= ROW_EVENT_LEN_MAX);
    }
    assert_int_equal(webhook_event_find(TEXT("relay.unheard")), WEBHOOK_EVENT_NONE);
    assert_int_equal(webhook_event_find(TEXT("")), WEBHOOK_EVENT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(new_endpoint_has_id_secret_and_what_was_said),
        TEST_CASE(wrong_input_is_refused_by_its_name),
        TEST_CASE(account_may_have_a_number_of_endpoints),
        TEST_CASE(update_changes_what_is_given),
        TEST_CASE(switching_off_gives_up_and_switching_on_begins_anew),
        TEST_CASE(both_secrets_sign_for_a_day_after_a_rotation),
        TEST_CASE(damaged_secret_is_told_and_nothing_goes_out_unsigned),
        TEST_CASE(endpoint_that_could_not_be_stored_is_taken_back),
        TEST_CASE(change_that_could_not_be_stored_is_taken_back),
        TEST_CASE(later_change_of_the_same_endpoint_counts),
        TEST_CASE(deletion_that_could_not_be_stored_brings_back_what_waits),
        TEST_CASE(deleted_endpoint_hears_nothing_more),
        TEST_CASE(row_of_another_server_counts_at_once),
        TEST_CASE(too_many_rows_are_left_out),
        TEST_CASE(events_of_a_newer_program_are_kept_and_not_understood),
        TEST_CASE(names_of_events_are_a_table),
    };
    return RUN_TESTS("webhook_endpoint", tests);
}
