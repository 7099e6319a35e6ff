#include "push_stage.h"

#include <string.h>

#include "support/test.h"

struct push_stage T;

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

void open_hub(void)
{
    static const struct push_limits limits = {.subscribers_max = CLIENTS_MAX, .per_address_max = 2};

    memset(&T, 0, sizeof(T));
    T.now_us = 1000 * US_PER_S;
    push_hub_init(&T.hub, 0xabc, &limits);
}

void settle(void)
{
    for (int i = 0; push_run(&T.hub, T.now_us); i++)
        assert_true(i < 100000);
}

void post(uint64_t channel_id, const char *json)
{
    struct buf *buf = json ? buf_from_text(text_of(json)) : NULL;
    struct push_event event = {.id = ++T.event_id, .channel_id = channel_id, .json = buf};

    push_post(&T.hub, &event);
    buf_unref(buf);
}

enum err join_as(struct client *client, enum push_dialect dialect, const char *ip)
{
    struct net_address address;

    memset(client, 0, sizeof(*client));
    client->seen = writer_growing(SEEN_LEN_MAX);
    assert_ok(net_parse_ip(text_of(ip), 1, &address));
    return push_join(&T.hub, &client->subscriber, &sink, dialect, &address,
                     dialect == PUSH_EVENTS_WS, T.now_us);
}

void join(struct client *client, enum push_dialect dialect)
{
    assert_ok(join_as(client, dialect, "127.0.0.1"));
}

struct push_wish wish_of(uint64_t channel_id)
{
    return (struct push_wish){
        .is_all = channel_id == 0, .count = channel_id != 0, .channels = {channel_id}};
}

/* 0: all channels. */
void want(struct client *client, uint64_t channel_id, uint64_t after_id)
{
    struct push_wish wish = wish_of(channel_id);

    wish.after = (struct push_place){0xabc, after_id};
    assert_ok(push_want(&client->subscriber, &wish));
    settle();
}

void leave(struct client *client)
{
    push_leave(&client->subscriber);
    writer_deinit(&client->seen);
}

/* What came since the last look. */
struct text seen(struct client *client)
{
    struct text text = writer_as_text(&client->seen);

    client->seen.len = 0;
    return text;
}

void pass_s(int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        T.now_us += US_PER_S;
        push_on_second(&T.hub, T.now_us);
        settle();
    }
}
