/*
 * The hub of events with connections that are made of memory.
 */
#include "edge/push.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"
#include "support/test.h"

enum { SEEN_LEN_MAX = 4 << 20, CLIENTS_MAX = 1000 };

/* A client: what it has read, and what waits for it. */
struct client {
    struct push_subscriber subscriber;
    struct writer seen;
    size_t messages;
    size_t queued_len;
    uint64_t sent_len;
    bool is_blocked;
    const struct buf *last; /* borrowed: for telling whether it is shared */
    enum push_end ended;    /* 0: not */
};

static struct {
    struct push_hub hub;
    int64_t now_us;
    uint64_t event_id;
} T;

static struct client *client_of(const struct push_subscriber *subscriber)
{
    return CONTAINER_OF((uintptr_t)subscriber, struct client, subscriber);
}

static void on_send(struct push_subscriber *subscriber, struct slice *messages, size_t count)
{
    struct client *client = client_of(subscriber);

    assert_int_equal(client->ended, 0);
    for (size_t i = 0; i < count; i++) {
        writer_bytes(&client->seen, messages[i].data, messages[i].len);
        client->last = messages[i].buf;
        client->sent_len += messages[i].len;
        if (client->is_blocked)
            client->queued_len += messages[i].len;
        slice_unref(&messages[i]);
    }
    client->messages += count;
    assert_false(client->seen.failed);
}

static size_t on_queued_len(const struct push_subscriber *subscriber)
{
    return client_of(subscriber)->queued_len;
}

static uint64_t on_taken_len(const struct push_subscriber *subscriber)
{
    return client_of(subscriber)->sent_len - client_of(subscriber)->queued_len;
}

static void on_end(struct push_subscriber *subscriber, enum push_end why)
{
    assert_null(subscriber->hub);
    client_of(subscriber)->ended = why;
}

static const struct push_sink sink = {on_send, on_queued_len, on_taken_len, on_end};

/* ---- the stage ---- */

static void open_hub(void)
{
    static const struct push_limits limits = {.subscribers_max = CLIENTS_MAX, .per_address_max = 2};

    memset(&T, 0, sizeof(T));
    T.now_us = 1000 * US_PER_S;
    push_hub_init(&T.hub, 0xabc, &limits);
}

static void settle(void)
{
    for (int i = 0; push_run(&T.hub, T.now_us); i++)
        assert_true(i < 100000);
}

static void post(uint64_t channel_id, const char *json)
{
    struct buf *buf = json ? buf_from_text(text_of(json)) : NULL;
    struct push_event event = {.id = ++T.event_id, .channel_id = channel_id, .json = buf};

    push_post(&T.hub, &event);
    buf_unref(buf);
}

static enum err join_as(struct client *client, enum push_dialect dialect, const char *ip)
{
    struct net_address address;

    memset(client, 0, sizeof(*client));
    client->seen = writer_growing(SEEN_LEN_MAX);
    assert_ok(net_parse_ip(text_of(ip), 1, &address));
    return push_join(&T.hub, &client->subscriber, &sink, dialect, &address,
                     dialect == PUSH_EVENTS_WS, T.now_us);
}

static void join(struct client *client, enum push_dialect dialect)
{
    assert_ok(join_as(client, dialect, "127.0.0.1"));
}

static struct push_wish wish_of(uint64_t channel_id)
{
    return (struct push_wish){
        .is_all = channel_id == 0, .count = channel_id != 0, .channels = {channel_id}};
}

/* 0: all channels. */
static void want(struct client *client, uint64_t channel_id, uint64_t after_id)
{
    struct push_wish wish = wish_of(channel_id);

    wish.after = (struct push_place){0xabc, after_id};
    assert_ok(push_want(&client->subscriber, &wish));
    settle();
}

static void leave(struct client *client)
{
    push_leave(&client->subscriber);
    writer_deinit(&client->seen);
}

/* What came since the last look. */
static struct text seen(struct client *client)
{
    struct text text = writer_as_text(&client->seen);

    client->seen.len = 0;
    return text;
}

static void pass_s(int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        T.now_us += US_PER_S;
        push_on_second(&T.hub, T.now_us);
        settle();
    }
}

#define STATUS(what, id, channel, status)                                                          \
    "event: " what "\nid: abc-" id "\ndata: {\"type\":\"" what "\",\"id\":\"abc-" id               \
    "\",\"channelId\":" channel ",\"status\":" status "}\n\n"
#define HEARTBEAT(id)                                                                              \
    "event: heartbeat\nid: abc-" id "\ndata: {\"type\":\"heartbeat\",\"id\":\"abc-" id "\"}\n\n"

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

    return RUN_TESTS("edge_push", tests);
}
