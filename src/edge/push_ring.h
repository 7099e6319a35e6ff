/*
 * push_ring - the newest events of an edge, for whoever still has to get them. Private to edge/.
 *
 * Ids are consecutive: the control loop draws them, and each edge gets each event. What an event
 * reads like in a dialect is made at the first need and forgotten when everybody has it; the status
 * itself is the one that the board serves.
 */
#ifndef EDGE_PUSH_RING_H
#define EDGE_PUSH_RING_H

#include "edge/edge.h"
#include "edge/push_format.h"

enum {
    PUSH_RING_MAX = 4096, /* a power of two */
    PUSH_RING_LEN_MAX = 8 << 20,
};

struct push_record {
    uint64_t id;
    uint64_t channel_id;
    struct buf *json; /* NULL: the channel was deleted */
    struct buf *messages[PUSH_DIALECT_END];
};

struct push_ring {
    struct push_record *records[PUSH_RING_MAX]; /* at id modulo PUSH_RING_MAX */
    size_t count;
    size_t len;            /* of all statuses */
    uint64_t newest_id;    /* 0: none yet */
    uint64_t encoded_from; /* records before it have no messages */
};

/* The oldest go when there are too many. An id that does not follow the last one empties the ring:
 * nobody can be told what is missing. */
void push_ring_add(struct push_ring *ring, const struct push_event *event);

/* NULL: it is gone, or has not come. */
struct push_record *push_ring_find(const struct push_ring *ring, uint64_t id);

/* The oldest event that is kept; newest_id + 1 when there is none. */
uint64_t push_ring_oldest_id(const struct push_ring *ring);

/* Borrowed; NULL when the dialect has no words for it. */
struct buf *push_ring_message(struct push_ring *ring, struct push_record *record,
                              enum push_dialect dialect, uint64_t epoch);

/* Everybody has everything: what was encoded goes. */
void push_ring_forget_encoded(struct push_ring *ring);

void push_ring_deinit(struct push_ring *ring);

#endif
