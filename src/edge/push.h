/*
 * push - the events of an edge: topics, subscribers, and who still has to get what. Private to
 * edge/.
 *
 *     push_post() --> ring: the newest events, encoded once a dialect, shared by reference
 *         |                              |
 *         '--> topics: each channel's    '--> due subscribers --push_run()--> sink: WebSocket,
 *              status, who wants it           (some at a time)                event stream, tRPC
 *
 * A subscriber is told of each of its channels once (a snapshot), then of each event in the order
 * of the ids. It may name the last event that it had and go on from there, also on another edge, as
 * long as the ring has what follows; else it gets snapshots again.
 *
 * Nothing is queued for a subscriber: it has a place in the ring. Only what its connection may hold
 * (PUSH_UNSENT_LEN_MAX) is handed to it; the rest follows when the client has taken that. Slow is
 * who takes nothing for ten seconds, has so much unsent for ten seconds, or is overtaken by the
 * ring: those are ended with a reason, and may come again.
 *
 * Of several snapshots only the last has an id to go on from: who is cut off before has not seen
 * all.
 *
 * Threads   The edge's loop. Times are arguments; no sockets here: connections are behind a sink.
 * Reentrance  sink->end() is called when the hub has let go of the subscriber already; sink->send()
 *           must not call back. The owner may call push_leave() at any time, also twice.
 */
#ifndef EDGE_PUSH_H
#define EDGE_PUSH_H

#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"
#include "edge/push_ring.h"

enum {
    PUSH_CHANNELS_MAX = 100, /* of one subscriber, unless it wants all */
    PUSH_UNSENT_LEN_MAX = 64 * 1024,
};

/* What a client wants to be told of. */
struct push_wish {
    bool is_all;
    size_t count;
    uint64_t channels[PUSH_CHANNELS_MAX]; /* not when is_all */
    struct push_place after;              /* the last event that it had; id 0: none */
};

enum push_end {
    PUSH_END_DELETED = 1, /* the only channel of a subscription is gone */
    PUSH_END_SLOW,
    PUSH_END_SILENT,   /* the peer answers no ping */
    PUSH_END_SHUTDOWN, /* the server goes: the client comes again by itself */
};

struct push_hub;
struct push_subscriber;
struct push_snapshot;
struct push_member;

/* A connection, as the hub sees it. */
struct push_sink {
    /* Sends the messages, each a slice; takes their references. */
    void (*send)(struct push_subscriber *subscriber, struct slice *messages, size_t count);
    /* Bytes that the client has not taken; bytes that it has taken, for telling progress. */
    size_t (*queued_len)(const struct push_subscriber *subscriber);
    uint64_t (*taken_len)(const struct push_subscriber *subscriber);
    /* The subscription is over; say so to the client if it can hear, and close. */
    void (*end)(struct push_subscriber *subscriber, enum push_end why);
};

/* Comes each PUSH_PULSE_US after its start, from one timer for all. */
struct push_pulse {
    struct list_node node;
    int64_t due_us;
    void (*on_pulse)(struct push_pulse *pulse, int64_t now_us);
};

/* Embedded in its owner. Zero before push_join(); the members are the hub's. */
struct push_subscriber {
    struct push_hub *hub; /* NULL: not joined, or left */
    const struct push_sink *sink;
    struct push_address *address;
    enum push_dialect dialect;
    bool is_all;
    bool has_events;     /* there are events behind `cursor` that it may want */
    bool is_full;        /* waits for push_drained() */
    bool owes_heartbeat; /* the hub owes it one */
    bool expects_pong;

    uint64_t cursor;                   /* while has_events: it has had all up to here */
    uint64_t all_after_id;             /* is_all: events up to here it has had otherwise */
    VEC(struct push_member *) members; /* by rising channel id */

    struct push_snapshot *snapshot; /* being told; NULL: done */
    size_t snapshot_next;

    struct list_node in_hub;
    struct list_node in_everything; /* is_all */
    struct list_node in_due;
    struct list_node in_unsent;
    struct push_pulse pulse;

    int64_t heard_us;
    int64_t full_since_us;
    int64_t progress_us; /* in_unsent: when the client last took something */
    uint64_t progress_len;
};

struct push_hub {
    uint64_t epoch;
    struct push_limits limits;
    struct push_ring ring;
    struct map topics;      /* by channel id */
    struct list members;    /* all subscribers */
    struct list everything; /* those who want all channels */
    struct list due;
    struct list unsent; /* whose connection holds bytes */
    struct list pulses; /* by rising due_us */
    struct map addresses;
    struct push_snapshot *all; /* of this moment, shared; NULL: to be made */
    struct buf *heartbeats[PUSH_DIALECT_END];
    uint64_t heartbeats_id;
    struct push_counters counters;
};

void push_hub_init(struct push_hub *hub, uint64_t epoch, const struct push_limits *limits);
/* All subscribers have left. */
void push_hub_deinit(struct push_hub *hub);

/* A change of a channel. Follow with push_run(). */
void push_post(struct push_hub *hub, const struct push_event *event);

bool push_has_channel(const struct push_hub *hub, uint64_t channel_id);

/* ERR_LIMIT: the address has too many; ERR_AGAIN: this edge has. Heartbeats begin, in the dialects
 * that have them. `expects_pong`: the client answers pings, and push_heard() is called then. */
MUST_USE enum err push_join(struct push_hub *hub, struct push_subscriber *subscriber,
                            const struct push_sink *sink, enum push_dialect dialect,
                            const struct net_address *address, bool expects_pong, int64_t now_us);

/* Adds channels, which must exist. Follow with push_run(). ERR_LIMIT: too many channels, or the
 * client has not read what it asked for before; nothing is changed. */
MUST_USE enum err push_want(struct push_subscriber *subscriber, const struct push_wish *wish);

/* Takes channels away; is_all: everything. False: it wants all, and one of all cannot be left. */
bool push_unwant(struct push_subscriber *subscriber, const struct push_wish *wish);

/* The connection took all that was sent. Follow with push_run(). */
void push_drained(struct push_subscriber *subscriber);

/* A sign of life. */
void push_heard(struct push_subscriber *subscriber, int64_t now_us);

/* A heartbeat soon. Follow with push_run(). */
void push_ask_heartbeat(struct push_subscriber *subscriber);

void push_leave(struct push_subscriber *subscriber);

/* Serves some of those to whom something is due. True: more wait; call again in the next turn. */
bool push_run(struct push_hub *hub, int64_t now_us);

/* Each second: ends the slow. Follow with push_run(). */
void push_on_second(struct push_hub *hub, int64_t now_us);

/* Ends all subscriptions with PUSH_END_SHUTDOWN. */
void push_drain(struct push_hub *hub);

void push_pulse_start(struct push_hub *hub, struct push_pulse *pulse,
                      void (*on_pulse)(struct push_pulse *pulse, int64_t now_us), int64_t now_us);
/* Harmless when it was not started, if it is zero. */
void push_pulse_stop(struct push_pulse *pulse);

#endif
