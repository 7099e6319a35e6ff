/*
 * What subscribers of the hub of events get.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "push_stage.h"
#include "support/test.h"

/* ---- snapshots and changes ---- */

static void a_snapshot_comes_first_and_then_each_change(void **state)
{
    (void)state;
    struct client client;

    open_hub();
    post(7, "{\"n\":1}");
    post(8, "{\"n\":1}");
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 7, 0);
    assert_text(seen(&client), STATUS("snapshot", "2", "7", "{\"n\":1}"));
    post(8, "{\"n\":2}"); /* not wanted */
    post(7, "{\"n\":2}");
    post(7, "{\"n\":3}");
    settle();
    assert_text(seen(&client),
                STATUS("status", "4", "7", "{\"n\":2}") STATUS("status", "5", "7", "{\"n\":3}"));
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void of_many_snapshots_only_the_last_can_be_gone_on_from(void **state)
{
    (void)state;
    struct client client;

    open_hub();
    post(9, "9");
    post(3, "3");
    post(5, "5");
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 0, 0);
    assert_text(seen(&client), STATUS("snapshot", "0", "3", "3") STATUS("snapshot", "0", "5", "5")
                                   STATUS("snapshot", "3", "9", "9"));
    post(11, "11"); /* a new channel belongs to all */
    settle();
    assert_text(seen(&client), STATUS("status", "4", "11", "11"));
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void what_is_sent_is_made_once_for_all(void **state)
{
    (void)state;
    struct client a, b, other;

    open_hub();
    post(1, "1");
    join(&a, PUSH_EVENTS_WS);
    join(&b, PUSH_EVENTS_WS);
    join(&other, PUSH_TRPC_STATUS_WS);
    want(&a, 1, 0);
    want(&b, 1, 0);
    want(&other, 1, 0);
    post(1, "2");
    a.is_blocked = true;
    (void)push_run(&T.hub, T.now_us);
    assert_ptr_equal(a.last, b.last);
    assert_ptr_not_equal(a.last, other.last);
    leave(&a);
    leave(&b);
    leave(&other);
    push_hub_deinit(&T.hub);
}

static void each_dialect_has_its_words(void **state)
{
    (void)state;
    struct client clients[PUSH_DIALECT_END];
    static const char *const wanted[] = {
        [PUSH_EVENTS_WS] = "\x81\x3d{\"type\":\"status\",\"id\":\"abc-2\",\"channelId\":7,"
                           "\"status\":{\"n\":2}}",
        [PUSH_EVENTS_SSE] = STATUS("status", "2", "7", "{\"n\":2}"),
        [PUSH_TRPC_STATUS_SSE] = "data: {\"n\":2}\nid: abc-2\n\n",
        [PUSH_TRPC_EVENTS_SSE] =
            "data: {\"type\":\"status\",\"channelId\":7,\"status\":{\"n\":2}}\nid: abc-2\n\n",
        [PUSH_TRPC_STATUS_WS] = "{\"id\":\"abc-2\",\"data\":{\"n\":2}},\"id\":\"abc-2\"}}",
        [PUSH_TRPC_EVENTS_WS] = "{\"id\":\"abc-2\",\"data\":{\"type\":\"status\",\"channelId\":7,"
                                "\"status\":{\"n\":2}}},\"id\":\"abc-2\"}}",
    };
    static const char *const heartbeats[] = {
        [PUSH_EVENTS_WS] = "\x81\x21{\"type\":\"heartbeat\",\"id\":\"abc-2\"}\x89",
        [PUSH_EVENTS_SSE] = HEARTBEAT("2"),
        [PUSH_TRPC_STATUS_SSE] = "event: ping\ndata: \n\n",
        [PUSH_TRPC_EVENTS_SSE] = "event: ping\ndata: \n\n",
        [PUSH_TRPC_STATUS_WS] = "",
        [PUSH_TRPC_EVENTS_WS] = "",
    };

    open_hub();
    post(7, "{\"n\":1}");
    for (enum push_dialect i = PUSH_EVENTS_WS; i < PUSH_DIALECT_END; i++) {
        join(&clients[i], i);
        want(&clients[i], 7, 0);
        (void)seen(&clients[i]);
    }
    post(7, "{\"n\":2}");
    settle();
    for (enum push_dialect i = PUSH_EVENTS_WS; i < PUSH_DIALECT_END; i++)
        assert_text(seen(&clients[i]), wanted[i]);
    pass_s(15);
    for (enum push_dialect i = PUSH_EVENTS_WS; i < PUSH_DIALECT_END; i++) {
        struct text got = seen(&clients[i]);

        if (i == PUSH_EVENTS_WS && got.len) /* the ping ends with a zero */
            assert_int_equal(got.ptr[--got.len], 0);
        assert_text(got, heartbeats[i]);
        leave(&clients[i]);
    }
    push_hub_deinit(&T.hub);
}

static void the_end_of_a_channel_is_told_or_ends_the_subscription(void **state)
{
    (void)state;
    struct client all, one;

    open_hub();
    post(7, "7");
    join(&all, PUSH_EVENTS_SSE);
    join(&one, PUSH_TRPC_STATUS_SSE);
    want(&all, 0, 0);
    want(&one, 7, 0);
    (void)seen(&all);
    (void)seen(&one);
    post(7, "8");
    post(7, NULL);
    settle();
    assert_text(seen(&all),
                STATUS("status", "2", "7",
                       "8") "event: deleted\nid: abc-3\n"
                            "data: {\"type\":\"deleted\",\"id\":\"abc-3\",\"channelId\":7}\n\n");
    assert_text(seen(&one), "data: 8\nid: abc-2\n\n"); /* what came before still comes */
    assert_int_equal(one.ended, PUSH_END_DELETED);
    assert_false(push_has_channel(&T.hub, 7));
    leave(&all);
    leave(&one);
    push_hub_deinit(&T.hub);
}

/* ---- going on ---- */

static void who_names_the_last_event_gets_what_follows(void **state)
{
    (void)state;
    struct client client;

    open_hub();
    for (int i = 1; i <= 5; i++) {
        char json[8];

        (void)snprintf(json, sizeof(json), "%d", i);
        post(i % 2 ? 1 : 2, json); /* 1, 3, 5 are of channel 1 */
    }
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 1, 2);
    assert_text(seen(&client),
                STATUS("status", "3", "1", "3") STATUS("status", "5", "1", "5") HEARTBEAT("5"));
    leave(&client);

    join(&client, PUSH_EVENTS_SSE); /* nothing was missed: it hears that */
    want(&client, 1, 5);
    assert_text(seen(&client), HEARTBEAT("5"));
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void who_comes_too_late_or_from_elsewhere_gets_snapshots(void **state)
{
    (void)state;
    struct client client;
    static const struct push_place places[] = {
        {0xabc, 0},                         /* was cut off in the middle of snapshots */
        {0xabd, 10000},                     /* of another run */
        {0xabc, 10000 - PUSH_RING_MAX - 1}, /* what follows is gone */
        {0xabc, 10000 + PUSH_RING_MAX + 1}, /* no event of ours */
    };

    open_hub();
    for (int i = 0; i < 10000; i++)
        post(1, "1");
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct push_wish wish = wish_of(1);

        wish.after = places[i];
        join(&client, PUSH_EVENTS_SSE);
        assert_ok(push_want(&client.subscriber, &wish));
        settle();
        assert_text(seen(&client), STATUS("snapshot", "10000", "1", "1"));
        leave(&client);
    }
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 1, 10000 - PUSH_RING_MAX); /* just in time */
    assert_int_equal(client.messages, PUSH_RING_MAX + 1);
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void an_edge_that_is_behind_tells_nothing_twice(void **state)
{
    (void)state;
    struct client client;

    open_hub();
    post(1, "1");
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 1, 3); /* another edge has told it of event 3 already */
    assert_text(seen(&client), HEARTBEAT("1"));
    post(1, "2");
    post(1, "3");
    settle();
    assert_text(seen(&client), "");
    post(1, "4");
    settle();
    assert_text(seen(&client), STATUS("status", "4", "1", "4"));
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void going_back_for_one_channel_repeats_no_other(void **state)
{
    (void)state;
    struct client client;

    open_hub();
    post(1, "1");
    post(2, "2");
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 1, 0);
    post(1, "3");
    post(2, "4");
    settle();
    (void)seen(&client);
    want(&client, 2, 2);
    assert_text(seen(&client), STATUS("status", "4", "2", "4") HEARTBEAT("4"));
    post(1, "5");
    settle();
    assert_text(seen(&client), STATUS("status", "5", "1", "5"));
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void a_gap_in_the_ids_means_snapshots(void **state)
{
    (void)state;
    struct client client;

    open_hub();
    post(1, "1");
    T.event_id = 9;
    post(1, "10");
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 1, 1);
    assert_text(seen(&client), STATUS("snapshot", "10", "1", "10"));
    leave(&client);
    push_hub_deinit(&T.hub);
}

/* ---- more and less ---- */

static void channels_can_be_added_and_taken_away(void **state)
{
    (void)state;
    struct client client;
    struct push_wish wish = wish_of(1);
    struct push_wish everything = wish_of(0);

    open_hub();
    post(1, "1");
    post(2, "2");
    post(3, "3");
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 2, 0);
    want(&client, 1, 0);
    (void)seen(&client);
    post(1, "4");
    post(2, "5");
    post(3, "6");
    settle();
    assert_text(seen(&client), STATUS("status", "4", "1", "4") STATUS("status", "5", "2", "5"));

    assert_true(push_unwant(&client.subscriber, &wish));
    post(1, "7");
    post(2, "8");
    settle();
    assert_text(seen(&client), STATUS("status", "8", "2", "8"));

    want(&client, 0, 0); /* in the place of all others */
    (void)seen(&client);
    assert_false(push_unwant(&client.subscriber, &wish));
    post(1, "9");
    settle();
    assert_text(seen(&client), STATUS("status", "9", "1", "9"));
    assert_true(push_unwant(&client.subscriber, &everything));
    post(1, "10");
    settle();
    assert_text(seen(&client), "");
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void what_is_asked_meanwhile_comes_behind_what_waits(void **state)
{
    (void)state;
    struct client client;
    struct push_wish wish = wish_of(2);

    open_hub();
    post(1, "1");
    post(2, "2");
    join(&client, PUSH_EVENTS_SSE);
    client.queued_len = PUSH_UNSENT_LEN_MAX; /* no room */
    want(&client, 1, 0);
    post(1, "3");
    assert_ok(push_want(&client.subscriber, &wish));
    settle();
    assert_text(seen(&client), "");
    client.queued_len = 0;
    push_drained(&client.subscriber);
    settle();
    /* The last snapshot names the last event that was told of all: event 3 follows. */
    assert_text(seen(&client), STATUS("snapshot", "0", "1", "1") STATUS("snapshot", "2", "2", "2")
                                   STATUS("status", "3", "1", "3"));
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void a_subscriber_has_a_hundred_channels_at_most(void **state)
{
    (void)state;
    struct client client;
    struct push_wish wish = {.count = 2, .channels = {100, 101}};

    open_hub();
    for (uint64_t id = 1; id <= 101; id++)
        post(id, "0");
    join(&client, PUSH_EVENTS_SSE);
    for (uint64_t id = 1; id < 100; id++)
        want(&client, id, 0);
    assert_err(push_want(&client.subscriber, &wish), ERR_LIMIT);
    wish.channels[1] = 99; /* one of them it has */
    assert_ok(push_want(&client.subscriber, &wish));
    settle();
    assert_int_equal(client.messages, 99 + 2);
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void who_does_not_read_cannot_pile_up_snapshots(void **state)
{
    (void)state;
    struct client client;
    struct push_wish wish = {0};
    enum err err = OK;

    open_hub();
    for (uint64_t id = 1; id <= 100; id++) {
        post(id, "0");
        wish.channels[wish.count++] = id;
    }
    join(&client, PUSH_EVENTS_SSE);
    client.queued_len = PUSH_UNSENT_LEN_MAX;
    for (int i = 0; i < 10 && err == OK; i++)
        err = push_want(&client.subscriber, &wish);
    assert_err(err, ERR_LIMIT);
    assert_true(client.subscriber.snapshot != NULL);
    leave(&client);
    push_hub_deinit(&T.hub);
}

/* ---- many ---- */

static void many_are_served_in_slices_and_each_once(void **state)
{
    (void)state;
    static struct client clients[CLIENTS_MAX];
    struct client late;
    int runs = 1;

    open_hub();
    post(1, "1");
    for (size_t i = 0; i < CLIENTS_MAX - 1; i++) {
        join(&clients[i], PUSH_EVENTS_SSE);
        want(&clients[i], 1, 0);
        (void)seen(&clients[i]);
    }
    post(1, "2");
    assert_true(push_run(&T.hub, T.now_us));
    size_t served = 0;
    for (size_t i = 0; i < CLIENTS_MAX - 1; i++)
        served += clients[i].seen.len != 0;
    assert_true(served > 0 && served <= 64);

    join(&late, PUSH_EVENTS_SSE); /* in the middle: event 2 is in its snapshot */
    struct push_wish wish = wish_of(1);
    assert_ok(push_want(&late.subscriber, &wish));
    post(1, "3"); /* also in the middle */
    for (; push_run(&T.hub, T.now_us); runs++)
        ;
    assert_true(runs >= CLIENTS_MAX / 64);
    for (size_t i = 0; i < CLIENTS_MAX - 1; i++) {
        assert_text(seen(&clients[i]),
                    STATUS("status", "2", "1", "2") STATUS("status", "3", "1", "3"));
        leave(&clients[i]);
    }
    assert_text(seen(&late), STATUS("snapshot", "2", "1", "2") STATUS("status", "3", "1", "3"));
    leave(&late);
    push_hub_deinit(&T.hub);
}

static void encoded_messages_are_forgotten_when_all_have_them(void **state)
{
    (void)state;
    struct client client;

    open_hub();
    post(1, "1");
    join(&client, PUSH_EVENTS_SSE);
    want(&client, 1, 0);
    size_t blocks = mem_live_blocks();
    post(1, "2");
    settle();
    /* A record and its status; no message. */
    assert_int_equal(mem_live_blocks(), blocks + 2);
    leave(&client);
    push_hub_deinit(&T.hub);
}

static void the_ring_is_bounded_in_bytes(void **state)
{
    (void)state;
    enum { LEN = 64 * 1024 };
    static char json[LEN + 1];

    open_hub();
    memset(json, '1', LEN);
    for (int i = 0; i < 300; i++)
        post(1, json);
    assert_true(T.hub.ring.len <= PUSH_RING_LEN_MAX);
    assert_int_equal(T.hub.ring.count, PUSH_RING_LEN_MAX / LEN);
    assert_int_equal(push_ring_oldest_id(&T.hub.ring), 300 - PUSH_RING_LEN_MAX / LEN + 1);
    push_hub_deinit(&T.hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(a_snapshot_comes_first_and_then_each_change),
        TEST_CASE(of_many_snapshots_only_the_last_can_be_gone_on_from),
        TEST_CASE(what_is_sent_is_made_once_for_all),
        TEST_CASE(each_dialect_has_its_words),
        TEST_CASE(the_end_of_a_channel_is_told_or_ends_the_subscription),
        TEST_CASE(who_names_the_last_event_gets_what_follows),
        TEST_CASE(who_comes_too_late_or_from_elsewhere_gets_snapshots),
        TEST_CASE(an_edge_that_is_behind_tells_nothing_twice),
        TEST_CASE(going_back_for_one_channel_repeats_no_other),
        TEST_CASE(a_gap_in_the_ids_means_snapshots),
        TEST_CASE(channels_can_be_added_and_taken_away),
        TEST_CASE(what_is_asked_meanwhile_comes_behind_what_waits),
        TEST_CASE(a_subscriber_has_a_hundred_channels_at_most),
        TEST_CASE(who_does_not_read_cannot_pile_up_snapshots),
        TEST_CASE(many_are_served_in_slices_and_each_once),
        TEST_CASE(encoded_messages_are_forgotten_when_all_have_them),
        TEST_CASE(the_ring_is_bounded_in_bytes),
    };
    return RUN_TESTS("edge_push", tests);
}
