#include "edge/push.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    MESSAGES_PER_VISIT = 32,
    VISITS_PER_RUN = 64,       /* under a millisecond: nobody else on the loop waits longer */
    AHEAD_MAX = PUSH_RING_MAX, /* another edge may have told of so many events before us */
};

static const int64_t PULSE_US = 15 * US_PER_S;
static const int64_t SILENCE_US = 45 * US_PER_S; /* three pulses */
static const int64_t SLOW_US = 10 * US_PER_S;

/* A channel: its newest status, and who wants it. */
struct push_topic {
    uint64_t channel_id;
    struct buf *json; /* NULL: there is no such channel (any more) */
    struct list members;
};

/* One subscriber of one channel. */
struct push_member {
    struct list_node in_topic;
    struct push_topic *topic;
    struct push_subscriber *subscriber;
    uint64_t after_id; /* events up to here it has had, or they are in its snapshot */
};

/* What several channels were at one moment. */
struct push_snapshot {
    size_t refs;
    size_t count;
    struct snapshot_item {
        uint64_t channel_id;
        struct buf *json;
    } items[];
};

struct push_address {
    uint8_t key[16];
    size_t key_len;
    uint32_t count;
};

/* ---- topics ---- */

static struct push_topic *find_topic(const struct push_hub *hub, uint64_t channel_id)
{
    return map_get_u64(&hub->topics, channel_id);
}

static struct push_topic *need_topic(struct push_hub *hub, uint64_t channel_id)
{
    struct push_topic *topic = find_topic(hub, channel_id);

    if (topic)
        return topic;
    topic = mem_zalloc(sizeof(*topic));
    topic->channel_id = channel_id;
    list_init(&topic->members);
    (void)map_put_u64(&hub->topics, channel_id, topic); /* there was none */
    return topic;
}

static void forget_topic_if_empty(struct push_hub *hub, struct push_topic *topic)
{
    if (topic->json || !list_is_empty(&topic->members))
        return;
    (void)map_remove_u64(&hub->topics, topic->channel_id);
    mem_free(topic);
}

bool push_has_channel(const struct push_hub *hub, uint64_t channel_id)
{
    const struct push_topic *topic = find_topic(hub, channel_id);

    return topic && topic->json;
}

/* ---- snapshots ---- */

static struct push_snapshot *create_snapshot(size_t count)
{
    struct push_snapshot *snapshot =
        mem_zalloc(sizeof(*snapshot) + count * sizeof(snapshot->items[0]));

    snapshot->refs = 1;
    return snapshot;
}

static struct push_snapshot *unref_snapshot(struct push_snapshot *snapshot)
{
    if (!snapshot || --snapshot->refs)
        return NULL;
    for (size_t i = 0; i < snapshot->count; i++)
        buf_unref(snapshot->items[i].json);
    mem_free(snapshot);
    return NULL;
}

static void add_item(struct push_snapshot *snapshot, uint64_t channel_id, const struct buf *json)
{
    snapshot->items[snapshot->count++] = (struct snapshot_item){channel_id, buf_ref(json)};
}

static int compare_items(const void *left, const void *right)
{
    const struct snapshot_item *a = left;
    const struct snapshot_item *b = right;

    return (a->channel_id > b->channel_id) - (a->channel_id < b->channel_id);
}

/* All channels as they are now: made once for all who ask between two events. */
static struct push_snapshot *snapshot_of_all(struct push_hub *hub)
{
    size_t position = 0;
    const struct push_topic *topic;

    if (!hub->all) {
        hub->all = create_snapshot(hub->topics.count);
        while ((topic = map_next(&hub->topics, &position)))
            if (topic->json)
                add_item(hub->all, topic->channel_id, topic->json);
        qsort(hub->all->items, hub->all->count, sizeof(hub->all->items[0]), compare_items);
    }
    hub->all->refs++;
    return hub->all;
}

static struct push_snapshot *snapshot_of_wish(const struct push_hub *hub,
                                              const struct push_wish *wish)
{
    struct push_snapshot *snapshot = create_snapshot(wish->count);

    for (size_t i = 0; i < wish->count; i++)
        add_item(snapshot, wish->channels[i], find_topic(hub, wish->channels[i])->json);
    return snapshot;
}

/* ---- who is due ---- */

static bool has_more(const struct push_subscriber *subscriber)
{
    return subscriber->snapshot || subscriber->has_events || subscriber->owes_heartbeat;
}

static void make_due(struct push_subscriber *subscriber)
{
    if (has_more(subscriber) && !subscriber->is_full && !list_node_is_linked(&subscriber->in_due))
        list_push_back(&subscriber->hub->due, &subscriber->in_due);
}

static void note_event(struct push_subscriber *subscriber, uint64_t id)
{
    if (!subscriber->has_events) {
        subscriber->has_events = true;
        subscriber->cursor = id - 1;
    }
    make_due(subscriber);
}

void push_post(struct push_hub *hub, const struct push_event *event)
{
    struct push_topic *topic = need_topic(hub, event->channel_id);

    buf_unref(topic->json);
    topic->json = event->json ? buf_ref(event->json) : NULL;
    hub->all = unref_snapshot(hub->all);
    push_ring_add(&hub->ring, event);
    LIST_FOR_EACH(node, &topic->members)
    {
        note_event(CONTAINER_OF(node, struct push_member, in_topic)->subscriber, event->id);
    }
    LIST_FOR_EACH(node, &hub->everything)
    {
        note_event(CONTAINER_OF(node, struct push_subscriber, in_everything), event->id);
    }
    forget_topic_if_empty(hub, topic);
}

/* ---- what is wanted ---- */

/* The index of the first member whose channel is not below. */
static size_t member_index(const struct push_subscriber *subscriber, uint64_t channel_id)
{
    size_t from = 0, to = subscriber->members.count;

    while (from < to) {
        size_t middle = (from + to) / 2;

        if (subscriber->members.items[middle]->topic->channel_id < channel_id)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static struct push_member *find_member(const struct push_subscriber *subscriber,
                                       uint64_t channel_id)
{
    size_t index = member_index(subscriber, channel_id);

    if (index == subscriber->members.count ||
        subscriber->members.items[index]->topic->channel_id != channel_id)
        return NULL;
    return subscriber->members.items[index];
}

static bool wants(const struct push_subscriber *subscriber, const struct push_record *record)
{
    const struct push_member *member;

    if (subscriber->is_all)
        return record->id > subscriber->all_after_id;
    member = find_member(subscriber, record->channel_id);
    return member && record->id > member->after_id;
}

/* The caller has looked at the maximum. */
static void add_member(struct push_subscriber *subscriber, uint64_t channel_id, uint64_t after_id)
{
    size_t index = member_index(subscriber, channel_id);
    struct push_member *member = mem_zalloc(sizeof(*member));

    member->topic = need_topic(subscriber->hub, channel_id);
    member->subscriber = subscriber;
    member->after_id = after_id;
    list_push_back(&member->topic->members, &member->in_topic);
    bool is_added = vec_push(&subscriber->members, member, PUSH_CHANNELS_MAX);
    assert(is_added);
    (void)is_added;
    for (size_t i = subscriber->members.count - 1; i > index; i--)
        subscriber->members.items[i] = subscriber->members.items[i - 1];
    subscriber->members.items[index] = member;
}

static void drop_member(struct push_hub *hub, struct push_member *member)
{
    list_unlink(&member->in_topic);
    forget_topic_if_empty(hub, member->topic);
    mem_free(member);
}

static void drop_members(struct push_subscriber *subscriber)
{
    for (size_t i = 0; i < subscriber->members.count; i++)
        drop_member(subscriber->hub, subscriber->members.items[i]);
    vec_deinit(&subscriber->members);
}

static bool can_go_on(const struct push_hub *hub, struct push_place after)
{
    if (after.id == 0 || after.epoch != hub->epoch)
        return false;
    if (after.id >= hub->ring.newest_id)
        return after.id - hub->ring.newest_id <= AHEAD_MAX;
    return after.id + 1 >= push_ring_oldest_id(&hub->ring);
}

static void raise_to(uint64_t *number, uint64_t at_least)
{
    if (*number < at_least)
        *number = at_least;
}

/* Events behind `after_id` are due once more, but not for what is wanted already. */
static void go_back_to(struct push_subscriber *subscriber, uint64_t after_id)
{
    uint64_t newest_id = subscriber->hub->ring.newest_id;
    uint64_t done_id = subscriber->has_events ? subscriber->cursor : newest_id;

    raise_to(&subscriber->all_after_id, done_id);
    for (size_t i = 0; i < subscriber->members.count; i++)
        raise_to(&subscriber->members.items[i]->after_id, done_id);
    if (after_id < newest_id && after_id < done_id) {
        subscriber->has_events = true;
        subscriber->cursor = after_id;
    }
}

/* Puts the wish into the lists; events up to `after_id` are not its. */
static void enlist(struct push_subscriber *subscriber, const struct push_wish *wish,
                   uint64_t after_id)
{
    if (wish->is_all) {
        drop_members(subscriber);
        subscriber->all_after_id = after_id;
        subscriber->is_all = true;
        if (!list_node_is_linked(&subscriber->in_everything))
            list_push_back(&subscriber->hub->everything, &subscriber->in_everything);
        return;
    }
    for (size_t i = 0; i < wish->count && !subscriber->is_all; i++) {
        struct push_member *member = find_member(subscriber, wish->channels[i]);

        if (member)
            raise_to(&member->after_id, after_id);
        else
            add_member(subscriber, wish->channels[i], after_id);
    }
}

/* Behind what is left of an earlier one. */
static void tell_snapshot(struct push_subscriber *subscriber, struct push_snapshot *snapshot,
                          bool is_all)
{
    struct push_snapshot *earlier = subscriber->snapshot;

    if (earlier && !is_all) {
        struct push_snapshot *joined =
            create_snapshot(earlier->count - subscriber->snapshot_next + snapshot->count);

        for (size_t i = subscriber->snapshot_next; i < earlier->count; i++)
            add_item(joined, earlier->items[i].channel_id, earlier->items[i].json);
        for (size_t i = 0; i < snapshot->count; i++)
            add_item(joined, snapshot->items[i].channel_id, snapshot->items[i].json);
        unref_snapshot(snapshot);
        snapshot = joined;
    }
    unref_snapshot(earlier);
    subscriber->snapshot = snapshot->count ? snapshot : unref_snapshot(snapshot);
    subscriber->snapshot_next = 0;
}

static bool has_room(const struct push_subscriber *subscriber, const struct push_wish *wish)
{
    size_t count = subscriber->members.count;
    size_t untold =
        subscriber->snapshot ? subscriber->snapshot->count - subscriber->snapshot_next : 0;

    if (wish->is_all)
        return true;
    for (size_t i = 0; i < wish->count && !subscriber->is_all; i++)
        count += !find_member(subscriber, wish->channels[i]);
    return count <= PUSH_CHANNELS_MAX && untold <= PUSH_CHANNELS_MAX;
}

enum err push_want(struct push_subscriber *subscriber, const struct push_wish *wish)
{
    struct push_hub *hub = subscriber->hub;
    bool goes_on = can_go_on(hub, wish->after);

    if (!has_room(subscriber, wish))
        return ERR_LIMIT;
    if (goes_on) {
        go_back_to(subscriber, wish->after.id);
        enlist(subscriber, wish, wish->after.id);
    } else {
        enlist(subscriber, wish, hub->ring.newest_id);
        tell_snapshot(subscriber, wish->is_all ? snapshot_of_all(hub) : snapshot_of_wish(hub, wish),
                      wish->is_all);
    }
    /* Somebody who missed nothing hears at least that. */
    subscriber->owes_heartbeat = subscriber->owes_heartbeat || !subscriber->snapshot;
    make_due(subscriber);
    return OK;
}

bool push_unwant(struct push_subscriber *subscriber, const struct push_wish *wish)
{
    if (!wish->is_all && subscriber->is_all)
        return false;
    if (wish->is_all) {
        drop_members(subscriber);
        list_unlink(&subscriber->in_everything);
        subscriber->is_all = false;
        subscriber->snapshot = unref_snapshot(subscriber->snapshot);
        return true;
    }
    for (size_t i = 0; i < wish->count; i++) {
        struct push_member *member = find_member(subscriber, wish->channels[i]);

        if (!member)
            continue;
        vec_remove(&subscriber->members, member_index(subscriber, wish->channels[i]));
        drop_member(subscriber->hub, member);
    }
    return true;
}

/* ---- delivery ---- */

struct parcel {
    struct slice messages[MESSAGES_PER_VISIT];
    size_t count;
    size_t len;
};

static bool is_full_parcel(const struct parcel *parcel)
{
    return parcel->count == MESSAGES_PER_VISIT || parcel->len >= PUSH_UNSENT_LEN_MAX;
}

/* Takes the reference. */
static void put(struct parcel *parcel, struct buf *message)
{
    parcel->len += message->len;
    parcel->messages[parcel->count++] = slice_take(message);
}

/* In its place: another in the row follows, so nobody can go on from here. */
static void put_snapshots(struct push_subscriber *subscriber, struct parcel *parcel)
{
    struct push_hub *hub = subscriber->hub;
    struct push_snapshot *snapshot = subscriber->snapshot;

    while (subscriber->snapshot && !is_full_parcel(parcel)) {
        const struct snapshot_item *item = &snapshot->items[subscriber->snapshot_next++];
        bool is_last = subscriber->snapshot_next == snapshot->count;
        uint64_t told_id = subscriber->has_events ? subscriber->cursor : hub->ring.newest_id;
        struct push_message message = {
            .what = PUSH_SNAPSHOT,
            .place = {hub->epoch, is_last ? told_id : 0},
            .channel_id = item->channel_id,
            .json = item->json,
        };

        put(parcel, push_encode(subscriber->dialect, &message)); /* each dialect has words for it */
        if (is_last)
            subscriber->snapshot = unref_snapshot(snapshot);
    }
}

enum outcome { GOES_ON = 1, IS_OVER, IS_OVERTAKEN };

static enum outcome put_events(struct push_subscriber *subscriber, struct parcel *parcel)
{
    struct push_hub *hub = subscriber->hub;

    while (subscriber->has_events && !is_full_parcel(parcel)) {
        struct push_record *record = push_ring_find(&hub->ring, subscriber->cursor + 1);

        if (!record)
            return IS_OVERTAKEN;
        if (wants(subscriber, record)) {
            struct buf *message =
                push_ring_message(&hub->ring, record, subscriber->dialect, hub->epoch);

            if (!message)
                return IS_OVER;
            put(parcel, buf_ref(message));
        }
        subscriber->has_events = ++subscriber->cursor < hub->ring.newest_id;
    }
    return GOES_ON;
}

/* The same for everybody until the next event. */
static struct buf *heartbeat(struct push_hub *hub, enum push_dialect dialect)
{
    struct push_message message = {
        .what = PUSH_HEARTBEAT,
        .place = {hub->epoch, hub->ring.newest_id},
    };

    if (hub->heartbeats_id != hub->ring.newest_id)
        for (size_t i = 0; i < PUSH_DIALECT_END; i++)
            hub->heartbeats[i] = buf_unref(hub->heartbeats[i]);
    hub->heartbeats_id = hub->ring.newest_id;
    if (!hub->heartbeats[dialect])
        hub->heartbeats[dialect] = push_encode(dialect, &message);
    return hub->heartbeats[dialect];
}

static void put_heartbeat(struct push_subscriber *subscriber, struct parcel *parcel)
{
    struct buf *message = heartbeat(subscriber->hub, subscriber->dialect);

    subscriber->owes_heartbeat = false;
    if (message)
        put(parcel, buf_ref(message));
}

static void end_subscriber(struct push_subscriber *subscriber, enum push_end why)
{
    struct push_hub *hub = subscriber->hub;

    hub->counters.ended_slow += why == PUSH_END_SLOW;
    hub->counters.ended_silent += why == PUSH_END_SILENT;
    push_leave(subscriber);
    subscriber->sink->end(subscriber, why);
}

static void watch_unsent(struct push_subscriber *subscriber, int64_t now_us)
{
    if (list_node_is_linked(&subscriber->in_unsent) ||
        subscriber->sink->queued_len(subscriber) == 0)
        return;
    list_push_back(&subscriber->hub->unsent, &subscriber->in_unsent);
    subscriber->progress_len = subscriber->sink->taken_len(subscriber);
    subscriber->progress_us = now_us;
}

static void visit(struct push_subscriber *subscriber, int64_t now_us)
{
    struct parcel parcel;
    enum outcome outcome = GOES_ON;

    parcel.count = parcel.len = 0; /* the slices are written before they are read */
    if (subscriber->sink->queued_len(subscriber) >= PUSH_UNSENT_LEN_MAX) {
        subscriber->is_full = true;
        subscriber->full_since_us = now_us;
        watch_unsent(subscriber, now_us);
        return;
    }
    put_snapshots(subscriber, &parcel);
    if (!subscriber->snapshot)
        outcome = put_events(subscriber, &parcel);
    if (subscriber->owes_heartbeat && !subscriber->snapshot && !subscriber->has_events &&
        !is_full_parcel(&parcel))
        put_heartbeat(subscriber, &parcel);

    subscriber->hub->counters.messages += parcel.count;
    if (parcel.count)
        subscriber->sink->send(subscriber, parcel.messages, parcel.count);
    if (outcome != GOES_ON) {
        end_subscriber(subscriber, outcome == IS_OVER ? PUSH_END_DELETED : PUSH_END_SLOW);
        return;
    }
    watch_unsent(subscriber, now_us);
    make_due(subscriber);
}

bool push_run(struct push_hub *hub, int64_t now_us)
{
    struct list_node *node;
    int visits = 0;

    while (visits < VISITS_PER_RUN && (node = list_first(&hub->pulses))) {
        struct push_pulse *pulse = CONTAINER_OF(node, struct push_pulse, node);

        if (pulse->due_us > now_us)
            break;
        list_unlink(node);
        pulse->due_us = now_us + PULSE_US;
        list_push_back(&hub->pulses, node);
        pulse->on_pulse(pulse, now_us);
        visits++;
    }
    while (visits < VISITS_PER_RUN && (node = list_pop_front(&hub->due))) {
        visit(CONTAINER_OF(node, struct push_subscriber, in_due), now_us);
        visits++;
    }
    if (list_is_empty(&hub->due))
        push_ring_forget_encoded(&hub->ring);
    return visits == VISITS_PER_RUN;
}

void push_drained(struct push_subscriber *subscriber)
{
    subscriber->is_full = false;
    if (subscriber->hub)
        make_due(subscriber);
}

/* ---- time ---- */

void push_pulse_start(struct push_hub *hub, struct push_pulse *pulse,
                      void (*on_pulse)(struct push_pulse *pulse, int64_t now_us), int64_t now_us)
{
    pulse->on_pulse = on_pulse;
    pulse->due_us = now_us + PULSE_US;
    list_node_init(&pulse->node);
    list_push_back(&hub->pulses, &pulse->node);
}

void push_pulse_stop(struct push_pulse *pulse)
{
    if (pulse->on_pulse)
        list_unlink(&pulse->node);
}

static void on_pulse(struct push_pulse *pulse, int64_t now_us)
{
    struct push_subscriber *subscriber = CONTAINER_OF(pulse, struct push_subscriber, pulse);

    if (subscriber->expects_pong && now_us - subscriber->heard_us > SILENCE_US)
        end_subscriber(subscriber, PUSH_END_SILENT);
    else
        push_ask_heartbeat(subscriber);
}

void push_ask_heartbeat(struct push_subscriber *subscriber)
{
    subscriber->owes_heartbeat = true;
    make_due(subscriber);
}

void push_heard(struct push_subscriber *subscriber, int64_t now_us)
{
    subscriber->heard_us = now_us;
}

static bool is_slow(struct push_subscriber *subscriber, int64_t now_us)
{
    uint64_t taken_len = subscriber->sink->taken_len(subscriber);

    if (taken_len != subscriber->progress_len) {
        subscriber->progress_len = taken_len;
        subscriber->progress_us = now_us;
    }
    if (now_us - subscriber->progress_us >= SLOW_US)
        return true;
    /* Many snapshots may take their time, as long as they get on. */
    return subscriber->is_full && !subscriber->snapshot &&
           now_us - subscriber->full_since_us >= SLOW_US;
}

void push_on_second(struct push_hub *hub, int64_t now_us)
{
    LIST_FOR_EACH(node, &hub->unsent)
    {
        struct push_subscriber *subscriber = CONTAINER_OF(node, struct push_subscriber, in_unsent);

        if (subscriber->sink->queued_len(subscriber) == 0) {
            list_unlink(node);
            push_drained(subscriber); /* if nobody said so */
        } else if (is_slow(subscriber, now_us)) {
            end_subscriber(subscriber, PUSH_END_SLOW);
        }
    }
}

/* ---- joining and leaving ---- */

static enum err count_address(struct push_hub *hub, const struct net_address *address,
                              struct push_address **ret_address)
{
    struct text key = net_subscriber_key(address);
    struct push_address *counted = map_get(&hub->addresses, key);

    *ret_address = NULL;
    if (net_is_loopback(address))
        return OK;
    if (counted && counted->count >= hub->limits.per_address_max)
        return ERR_LIMIT;
    if (!counted) {
        counted = mem_zalloc(sizeof(*counted));
        memcpy(counted->key, key.ptr, key.len);
        counted->key_len = key.len;
        (void)map_put(&hub->addresses, key, counted); /* there was none */
    }
    counted->count++;
    *ret_address = counted;
    return OK;
}

static void uncount_address(struct push_hub *hub, struct push_address *address)
{
    if (!address || --address->count)
        return;
    (void)map_remove(&hub->addresses, (struct text){(const char *)address->key, address->key_len});
    mem_free(address);
}

enum err push_join(struct push_hub *hub, struct push_subscriber *subscriber,
                   const struct push_sink *sink, enum push_dialect dialect,
                   const struct net_address *address, bool expects_pong, int64_t now_us)
{
    struct push_address *counted;
    enum err err = ERR_AGAIN;

    if (hub->counters.subscribers < hub->limits.subscribers_max)
        err = count_address(hub, address, &counted);
    if (err) {
        hub->counters.refused++;
        return err;
    }
    subscriber->hub = hub;
    subscriber->sink = sink;
    subscriber->dialect = dialect;
    subscriber->address = counted;
    subscriber->expects_pong = expects_pong;
    subscriber->heard_us = now_us;
    list_node_init(&subscriber->in_everything);
    list_node_init(&subscriber->in_due);
    list_node_init(&subscriber->in_unsent);
    list_node_init(&subscriber->in_hub);
    list_push_back(&hub->members, &subscriber->in_hub);
    if (dialect != PUSH_TRPC_STATUS_WS && dialect != PUSH_TRPC_EVENTS_WS)
        push_pulse_start(hub, &subscriber->pulse, on_pulse, now_us);
    hub->counters.subscribers++;
    return OK;
}

void push_leave(struct push_subscriber *subscriber)
{
    struct push_hub *hub = subscriber->hub;

    if (!hub)
        return;
    drop_members(subscriber);
    subscriber->snapshot = unref_snapshot(subscriber->snapshot);
    push_pulse_stop(&subscriber->pulse);
    list_unlink(&subscriber->in_everything);
    list_unlink(&subscriber->in_due);
    list_unlink(&subscriber->in_unsent);
    list_unlink(&subscriber->in_hub);
    uncount_address(hub, subscriber->address);
    hub->counters.subscribers--;
    subscriber->hub = NULL;
}

void push_drain(struct push_hub *hub)
{
    struct list_node *node;

    while ((node = list_first(&hub->members)))
        end_subscriber(CONTAINER_OF(node, struct push_subscriber, in_hub), PUSH_END_SHUTDOWN);
}

/* ---- life ---- */

void push_hub_init(struct push_hub *hub, uint64_t epoch, const struct push_limits *limits)
{
    *hub = (struct push_hub){.epoch = epoch, .limits = *limits};
    list_init(&hub->members);
    list_init(&hub->everything);
    list_init(&hub->due);
    list_init(&hub->unsent);
    list_init(&hub->pulses);
}

void push_hub_deinit(struct push_hub *hub)
{
    size_t position = 0;
    struct push_topic *topic;

    assert(list_is_empty(&hub->members));
    while ((topic = map_next(&hub->topics, &position))) {
        buf_unref(topic->json);
        mem_free(topic);
    }
    map_deinit(&hub->topics);
    map_deinit(&hub->addresses);
    hub->all = unref_snapshot(hub->all);
    for (size_t i = 0; i < PUSH_DIALECT_END; i++)
        buf_unref(hub->heartbeats[i]);
    push_ring_deinit(&hub->ring);
}
