/*
 * desk - a hub with everything around it played by the test: the clock, the store, the network.
 *
 * The store's batches are our own (desk.c): what is applied can be read in `database`.
 */
#ifndef TESTS_UNIT_WEBHOOK_DESK_H
#define TESTS_UNIT_WEBHOOK_DESK_H

#include "base/clock.h"
#include "base/vec.h"
#include "support/test.h"
#include "webhook/webhook.h"

#define S(seconds) ((int64_t)(seconds)*US_PER_S)
#define H(hours)   S((hours)*INT64_C(3600))
#define WALL       S(1767225600) /* 2026-01-01T00:00:00Z, when now_us is 0 */

#define SELLER "0190a000-0000-7000-8000-00000000000a"
#define OTHER  "0190a000-0000-7000-8000-00000000000b"

struct sent {
    uint64_t id;
    char url[256];
    char webhook_id[ROW_UUID_LEN + 1];
    char timestamp[24];
    char signature[WEBHOOK_SIGNATURE_LEN_MAX + 1];
    struct buf *body;
    bool is_answered;
};

struct queued_batch {
    struct store_batch *batch;
    uint64_t mark;
};

struct desk {
    struct webhook_hub *hub;
    int64_t now_us;
    VEC(struct sent) sent;
    VEC(struct queued_batch) queue;
    /* What is stored. */
    VEC(struct webhook_endpoint_row) endpoints;
    VEC(struct webhook_delivery_row) deliveries;
    VEC(struct webhook_attempt_row) attempts;
};

void desk_open(struct desk *desk);
void desk_open_with(struct desk *desk, const struct webhook_limits *limits);
void desk_close(struct desk *desk);

/* The hub ends, as in a crash; a new one begins with what is stored. */
void desk_restart(struct desk *desk);

/* The store answers all that is queued. */
void desk_store(struct desk *desk);
/* It refuses all that is queued. */
void desk_refuse(struct desk *desk);

/* Time passes. */
void desk_wait(struct desk *desk, int64_t us);
/* Time passes until the hub has something to do. */
void desk_wait_for_deadline(struct desk *desk);

/* An active endpoint of SELLER for all events at https://shop.example/<name>, stored. */
const char *desk_endpoint(struct desk *desk, const char *name);
const char *desk_endpoint_of(struct desk *desk, const struct webhook_input *input);

/* An event of a channel of SELLER; queued, or stored at once. */
uint64_t desk_event(struct desk *desk, enum webhook_event_kind kind, uint64_t channel_id);
void desk_stored_event(struct desk *desk, enum webhook_event_kind kind, uint64_t channel_id);

/* The n-th request that has no answer yet, from 0; fails when there is none. */
struct sent *desk_open_request(struct desk *desk, size_t index);
size_t desk_open_count(const struct desk *desk);
void desk_answer(struct desk *desk, struct sent *sent, int status);
void desk_answer_with(struct desk *desk, struct sent *sent, const struct webhook_answer *answer);
/* Answers the only open request and stores what follows. */
void desk_answer_only(struct desk *desk, int status);

const struct webhook_delivery_row *desk_delivery(const struct desk *desk, const char *id);
const struct webhook_endpoint_row *desk_stored_endpoint(const struct desk *desk, const char *id);
size_t desk_count_status(const struct desk *desk, const char *status);

#endif
