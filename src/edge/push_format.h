/*
 * push_format - how an event reads in each dialect that subscribers speak. Private to edge/.
 *
 *     dialect                 who                                     one message
 *     PUSH_EVENTS_WS          WebSocket /api/v1/events                a whole frame, JSON
 *     PUSH_EVENTS_SSE         event stream /api/v1/events             event, id, data: the same
 * JSON PUSH_TRPC_STATUS_SSE    /trpc/channel.onStatus, event stream    data: the status; id
 *     PUSH_TRPC_EVENTS_SSE    /trpc/events.subscribe, event stream    data: type, channel, status;
 * id PUSH_TRPC_STATUS_WS     the same two over a WebSocket: what follows the part that differs from
 *     PUSH_TRPC_EVENTS_WS     one subscriber to the next (trpc_ws_write_data_head), without a frame
 *
 * A message is made once and shared by all who speak its dialect.
 */
#ifndef EDGE_PUSH_FORMAT_H
#define EDGE_PUSH_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

struct writer;

enum push_dialect {
    PUSH_EVENTS_WS = 1,
    PUSH_EVENTS_SSE,
    PUSH_TRPC_STATUS_SSE,
    PUSH_TRPC_EVENTS_SSE,
    PUSH_TRPC_STATUS_WS,
    PUSH_TRPC_EVENTS_WS,
    PUSH_DIALECT_END,
};

/* Where a subscriber stands in the row of events: what it names to go on from there. `epoch` is of
 * one run of the server. With id 0 nobody can go on. */
struct push_place {
    uint64_t epoch;
    uint64_t id;
};

enum { PUSH_PLACE_LEN_MAX = 16 + 1 + 20 };

/* "5f21c08e-1742". False: it is no place. */
bool push_place_parse(struct text text, struct push_place *ret_place);
void push_place_write(struct writer *w, struct push_place place);

enum push_what { PUSH_SNAPSHOT = 1, PUSH_CHANGE, PUSH_DELETION, PUSH_HEARTBEAT };

struct push_message {
    enum push_what what;
    struct push_place place;
    uint64_t channel_id;    /* not of a heartbeat */
    const struct buf *json; /* the status; of snapshots and changes */
};

/* A new buf; NULL when the dialect has no words for it: the end of a subscription to one channel is
 * not a message, and over tRPC's WebSocket the connection has the heartbeat. */
struct buf *push_encode(enum push_dialect dialect, const struct push_message *message);

#endif
