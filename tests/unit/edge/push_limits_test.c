/*
 * Subscribers of the hub of events that are slow, gone or too many.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "push_stage.h"
#include "support/test.h"

/* ---- the slow ---- */

static void who_takes_nothing_for_ten_seconds_is_ended(void **state)
{
    (void)state;
    struct client client;

    open_hub();
    post(1, "1");
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 1, 0);
    client.is_blocked = true;
    post(1, "2");
    settle();
    pass_s(9);
    assert_int_equal(client.ended, 0);
    client.queued_len--; /* a byte is progress */
    pass_s(9);
    assert_int_equal(client.ended, 0);
    pass_s(2);
    assert_int_equal(client.ended, PUSH_END_SLOW);
    assert_int_equal(T.hub.counters.ended_slow, 1);
    assert_int_equal(T.hub.counters.subscribers, 0);
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void who_has_too_much_unsent_is_given_no_more_and_ended_in_time(void **state)
{
    (void)state;
    enum { LEN = 10000 };
    static char json[LEN + 1];
    struct client client;

    memset(json, '1', LEN);
    open_hub();
    post(1, "1");
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 1, 0);
    client.is_blocked = true;
    for (int i = 0; i < 20; i++) {
        post(1, json);
        settle();
    }
    assert_true(client.queued_len >= PUSH_UNSENT_LEN_MAX);
    assert_true(client.queued_len < PUSH_UNSENT_LEN_MAX + 2 * LEN);
    size_t told = client.messages;
    for (int i = 0; i < 9; i++) { /* it does read, a little */
        client.queued_len -= 100;
        pass_s(1);
    }
    assert_int_equal(client.messages, told);
    assert_int_equal(client.ended, 0);
    client.queued_len -= 100;
    pass_s(1);
    assert_int_equal(client.ended, PUSH_END_SLOW);
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void who_reads_on_in_time_misses_nothing(void **state)
{
    (void)state;
    enum { LEN = 10000 };
    static char json[LEN + 1];
    struct client client;

    memset(json, '1', LEN);
    open_hub();
    post(1, "1");
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 1, 0);
    for (int round = 0; round < 10; round++) {
        client.is_blocked = true;
        for (int i = 0; i < 20; i++) {
            post(1, json);
            settle();
        }
        pass_s(5);
        client.is_blocked = false;
        client.queued_len = 0;
        push_drained(&client.subscriber);
        settle();
    }
    assert_int_equal(client.ended, 0);
    assert_true(client.messages >= 1 + 200);
    assert_false(client.subscriber.has_events);
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void many_snapshots_may_take_their_time(void **state)
{
    (void)state;
    enum { LEN = 10000 };
    static char json[LEN + 1];
    struct client client;

    memset(json, '1', LEN);
    open_hub();
    for (uint64_t id = 1; id <= 100; id++)
        post(id, json);
    join(&client, PUSH_EVENTS_SSE);
    client.is_blocked = true;
    want(&client, 0, 0);
    for (int i = 0; i < 30 && client.subscriber.snapshot; i++) {
        pass_s(8); /* slow, but it gets on: more than four minutes in all */
        assert_int_equal(client.ended, 0);
        assert_true(client.queued_len < 2 * PUSH_UNSENT_LEN_MAX + LEN);
        client.queued_len = 0;
        push_drained(&client.subscriber);
        settle();
    }
    assert_null(client.subscriber.snapshot);
    assert_true(client.messages >= 100);
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void whom_the_ring_overtakes_is_ended(void **state)
{
    (void)state;
    struct client client;

    open_hub();
    post(1, "1");
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 1, 0);
    client.queued_len = PUSH_UNSENT_LEN_MAX;
    for (int i = 0; i < PUSH_RING_MAX + 1; i++) {
        post(1, "2");
        settle();
    }
    client.queued_len = 0;
    push_drained(&client.subscriber);
    settle();
    assert_int_equal(client.ended, PUSH_END_SLOW);
    leave(&client);
    push_hub_deinit(&T.hub);
}

/* ---- life signs and limits ---- */

static void heartbeats_come_each_fifteen_seconds(void **state)
{
    (void)state;
    struct client client;

    open_hub();
    post(1, "1");
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 1, 0);
    (void)seen(&client);
    pass_s(14);
    assert_text(seen(&client), "");
    pass_s(1);
    assert_text(seen(&client), HEARTBEAT("1"));
    T.event_id = 0; /* nothing happens: the same again */
    pass_s(15);
    assert_text(seen(&client), HEARTBEAT("1"));
    push_ask_heartbeat(&client.subscriber);
    settle();
    assert_text(seen(&client), HEARTBEAT("1"));
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void who_answers_no_ping_for_45_seconds_is_ended(void **state)
{
    (void)state;
    struct client silent, answering, stream;

    open_hub();
    post(1, "1");
    join(&silent, PUSH_EVENTS_WS);
    join(&answering, PUSH_EVENTS_WS);
    join(&stream, PUSH_EVENTS_SSE); /* has no way to answer */
    for (int i = 0; i < 8; i++) {
        pass_s(15);
        push_heard(&answering.subscriber, T.now_us);
        assert_int_equal(silent.ended, i < 3 ? 0 : PUSH_END_SILENT);
    }
    assert_int_equal(answering.ended, 0);
    assert_int_equal(stream.ended, 0);
    leave(&silent);
    leave(&answering);
    leave(&stream);
    push_hub_deinit(&T.hub);
}

static void an_address_and_an_edge_have_their_limits(void **state)
{
    (void)state;
    struct client a, b, c, other, refused;

    open_hub();
    assert_ok(join_as(&a, PUSH_EVENTS_SSE, "2001:db8::1"));
    assert_ok(join_as(&b, PUSH_EVENTS_SSE, "2001:db8::2"));
    assert_err(join_as(&refused, PUSH_EVENTS_SSE, "2001:db8::3"), ERR_LIMIT);
    writer_deinit(&refused.seen);
    assert_ok(join_as(&other, PUSH_EVENTS_SSE, "192.0.2.1"));
    leave(&a);
    assert_ok(join_as(&c, PUSH_EVENTS_SSE, "2001:db8::3"));
    T.hub.limits.subscribers_max = 3;
    assert_err(join_as(&refused, PUSH_EVENTS_SSE, "192.0.2.2"), ERR_AGAIN);
    writer_deinit(&refused.seen);
    assert_int_equal(T.hub.counters.refused, 2);
    leave(&b);
    leave(&c);
    leave(&other);
    push_hub_deinit(&T.hub);
}

static void a_drain_ends_everybody(void **state)
{
    (void)state;
    struct client a, b;

    open_hub();
    post(1, "1");
    join(&a, PUSH_EVENTS_SSE);
    join(&b, PUSH_EVENTS_WS);
    want(&a, 1, 0);
    push_drain(&T.hub);
    assert_int_equal(a.ended, PUSH_END_SHUTDOWN);
    assert_int_equal(b.ended, PUSH_END_SHUTDOWN);
    assert_false(push_run(&T.hub, T.now_us));
    leave(&a);
    leave(&b);
    push_hub_deinit(&T.hub);
}

/* ---- whatever happens ---- */

static uint64_t random_state;

static unsigned draw(unsigned below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(random_state >> 33) % below;
}

enum { CHANNELS = 6, READERS = 8, STEPS = 3000 };

/* What a reader has understood: the newest number of each channel. */
struct reader_view {
    struct client client;
    bool is_in;
    uint64_t last_id;           /* to go on from */
    unsigned numbers[CHANNELS]; /* 0: not told */
    uint64_t event_ids[CHANNELS];
    uint64_t channel_id; /* 0: all */
};

static uint64_t number_behind(struct text text, const char *what)
{
    struct text wanted = text_of(what);
    uint64_t number = 0;

    while (text.len && !text_starts_with(text, wanted))
        text = text_sub(text, 1, text.len);
    text = text_sub(text, wanted.len, text.len);
    size_t len = 0;
    while (len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9')
        len++;
    assert_true(text_parse_u64(text_sub(text, 0, len), UINT64_MAX, &number));
    return number;
}

static void read_event(struct reader_view *view, struct text event)
{
    uint64_t id = number_behind(event, "id: abc-");

    if (id)
        view->last_id = id;
    if (text_starts_with(event, TEXT("event: heartbeat")))
        return;
    uint64_t channel = number_behind(event, "\"channelId\":");
    unsigned number = (unsigned)number_behind(event, "\"status\":");
    assert_true(channel >= 1 && channel <= CHANNELS);
    assert_true(view->channel_id == 0 || view->channel_id == channel);
    if (text_starts_with(event, TEXT("event: status"))) {
        assert_true(id > view->event_ids[channel - 1]); /* in order, and never twice */
        view->event_ids[channel - 1] = id;
    }
    assert_true(number >= view->numbers[channel - 1]); /* never back */
    view->numbers[channel - 1] = number;
}

static void read_all(struct reader_view *view)
{
    struct text rest = seen(&view->client);

    while (rest.len) {
        size_t len = 0;

        while (!text_starts_with(text_sub(rest, len, rest.len), TEXT("\n\n")))
            len++;
        read_event(view, text_sub(rest, 0, len));
        rest = text_sub(rest, len + 2, rest.len);
    }
}

static void step_reader(struct reader_view *view)
{
    switch (draw(6)) {
    case 0: /* comes, or comes back where it was */
        if (!view->is_in) {
            struct push_wish wish = wish_of(view->channel_id);

            wish.after = (struct push_place){0xabc, view->last_id};
            join(&view->client, PUSH_EVENTS_SSE);
            assert_ok(push_want(&view->client.subscriber, &wish));
            view->is_in = true;
        }
        break;
    case 1: /* goes, with what it has read */
        if (view->is_in && draw(4) == 0) {
            read_all(view);
            leave(&view->client);
            view->is_in = false;
        }
        break;
    case 2:
        view->client.queued_len = PUSH_UNSENT_LEN_MAX;
        break;
    case 3:
    case 4:
        view->client.queued_len = 0;
        if (view->is_in)
            push_drained(&view->client.subscriber);
        break;
    default:
        if (view->is_in)
            read_all(view);
        break;
    }
}

static void whoever_reads_ends_up_with_the_truth(void **state)
{
    (void)state;
    static struct reader_view views[READERS];
    unsigned truth[CHANNELS] = {0};
    unsigned number = 0;

    random_state = 42;
    open_hub();
    memset(views, 0, sizeof(views));
    for (size_t i = 0; i < READERS; i++)
        views[i].channel_id = i < READERS / 2 ? 0 : 1 + i % CHANNELS;
    for (uint64_t channel = 1; channel <= CHANNELS; channel++)
        post(channel, "0");
    for (int step = 0; step < STEPS; step++) {
        char json[16];
        unsigned channel = draw(CHANNELS);

        truth[channel] = ++number;
        (void)snprintf(json, sizeof(json), "%u", number);
        post(channel + 1, json);
        step_reader(&views[draw(READERS)]);
        if (draw(3) == 0)
            (void)push_run(&T.hub, T.now_us);
    }
    for (size_t i = 0; i < READERS; i++) {
        struct reader_view *view = &views[i];

        view->client.queued_len = 0;
        if (!view->is_in)
            continue;
        push_drained(&view->client.subscriber);
        settle();
        assert_int_equal(view->client.ended, 0);
        read_all(view);
        for (unsigned channel = 0; channel < CHANNELS; channel++)
            if (view->channel_id == 0 || view->channel_id == channel + 1)
                assert_int_equal(view->numbers[channel], truth[channel]);
        leave(&view->client);
    }
    push_hub_deinit(&T.hub);
}

static void places_are_written_as_they_are_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-",
                                      "abc",
                                      "abc-",
                                      "-1",
                                      "abc-1-2",
                                      "xyz-1",
                                      "abc-99999999999999999999",
                                      "12345678901234567-1"};
    struct push_place place = {0};
    char memory[PUSH_PLACE_LEN_MAX + 1];
    struct writer w = writer_fixed(memory, sizeof(memory));

    push_place_write(&w, (struct push_place){UINT64_MAX, UINT64_MAX});
    assert_false(w.failed);
    assert_true(push_place_parse(writer_as_text(&w), &place));
    assert_true(place.epoch == UINT64_MAX && place.id == UINT64_MAX);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(push_place_parse(text_of(bad[i]), &place));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(who_takes_nothing_for_ten_seconds_is_ended),
        TEST_CASE(who_has_too_much_unsent_is_given_no_more_and_ended_in_time),
        TEST_CASE(who_reads_on_in_time_misses_nothing),
        TEST_CASE(many_snapshots_may_take_their_time),
        TEST_CASE(whom_the_ring_overtakes_is_ended),
        TEST_CASE(heartbeats_come_each_fifteen_seconds),
        TEST_CASE(who_answers_no_ping_for_45_seconds_is_ended),
        TEST_CASE(an_address_and_an_edge_have_their_limits),
        TEST_CASE(a_drain_ends_everybody),
        TEST_CASE(whoever_reads_ends_up_with_the_truth),
        TEST_CASE(places_are_written_as_they_are_read),
    };
    return RUN_TESTS("edge_push_limits", tests);
}
