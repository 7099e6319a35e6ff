/*
 * push_stage - the hub of events with connections that are made of memory.
 */
#ifndef TESTS_UNIT_EDGE_PUSH_STAGE_H
#define TESTS_UNIT_EDGE_PUSH_STAGE_H

#include "base/clock.h"
#include "base/writer.h"
#include "edge/push.h"

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

struct push_stage {
    struct push_hub hub;
    int64_t now_us;
    uint64_t event_id;
};

/* Emptied by open_hub(). */
extern struct push_stage T;

void open_hub(void);
void settle(void);
void post(uint64_t channel_id, const char *json);
enum err join_as(struct client *client, enum push_dialect dialect, const char *ip);
void join(struct client *client, enum push_dialect dialect);
struct push_wish wish_of(uint64_t channel_id);
/* 0: all channels. */
void want(struct client *client, uint64_t channel_id, uint64_t after_id);
void leave(struct client *client);
/* What came since the last look. */
struct text seen(struct client *client);
void pass_s(int64_t seconds);

#define STATUS(what, id, channel, status)                                                          \
    "event: " what "\nid: abc-" id "\ndata: {\"type\":\"" what "\",\"id\":\"abc-" id               \
    "\",\"channelId\":" channel ",\"status\":" status "}\n\n"
#define HEARTBEAT(id)                                                                              \
    "event: heartbeat\nid: abc-" id "\ndata: {\"type\":\"heartbeat\",\"id\":\"abc-" id "\"}\n\n"

#endif
