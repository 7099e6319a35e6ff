/*
 * hub - inside of struct webhook_hub, for the files of webhook/ only.
 *
 *     hub --- endpoint --- lane (one a channel; one for each test or replay) --- delivery, in order
 *
 * Only the first delivery of a lane is ever due. Lanes and deliveries exist while something waits.
 */
#ifndef WEBHOOK_HUB_H
#define WEBHOOK_HUB_H

#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"
#include "webhook/webhook.h"

#define WEBHOOK_NEVER INT64_MAX

struct endpoint {
    struct webhook_endpoint_row row;
    bool is_stored; /* its row has been in the database */
    uint32_t wants; /* a bit for each kind of event */
    struct list lanes;
    struct map by_channel;    /* channel id + 1 -> lane; lanes of tests and replays are not in it */
    struct list_node in_turn; /* hub->turns, while something waits */
    uint32_t pending_count;   /* deliveries in the lanes */
    uint32_t solo_count;      /* lanes of tests and replays */
    uint32_t sending_count;   /* requests that count for WEBHOOK_PARALLEL_MAX */
    int64_t deadline_us;      /* not later than when the first lane is due */
    int64_t failing_since_us; /* monotonic; 0: it is not failing, as far as is known */
    int64_t last_failure_us;
    int64_t last_end_us; /* when the last delivery was done with; 0: none was */
};

struct lane {
    struct list_node node; /* endpoint->lanes; sent ones go to the end */
    struct endpoint *endpoint;
    uint64_t channel_id;
    bool is_solo;
    bool is_sending; /* its first delivery */
    struct list deliveries;
};

struct delivery {
    struct list_node node;
    struct list_node in_unstored; /* hub->unstored, until its batch is stored */
    struct lane *lane;
    uint64_t mark; /* of that batch; 0: stored */
    char id[ROW_UUID_LEN + 1];
    char event[ROW_EVENT_LEN_MAX + 1];
    uint64_t channel_id;
    struct buf *payload;
    uint32_t attempts; /* of all time */
    uint32_t tries;    /* since the event or the replay */
    bool has_one_try;
    int32_t last_http_status;
    char last_error[ROW_TEXT_LEN_MAX + 1];
    int64_t next_attempt_us; /* monotonic */
    int64_t created_at_us;   /* wall clock */
    int64_t delivered_at_us;
    uint64_t send_id; /* of the request that runs */
};

/* A change of an endpoint that is in memory and not yet in the database. */
struct unstored_change {
    struct list_node node;
    uint64_t mark;
    char endpoint_id[ROW_UUID_LEN + 1];
    bool was_there;                     /* before the change; false: it was created */
    struct webhook_endpoint_row before; /* when it was there */
    struct endpoint *deleted;           /* owned; NULL: it is still there */
};

struct webhook_hub {
    struct webhook_limits limits;
    struct webhook_handler handler;
    int64_t wall_offset_us;
    VEC(struct endpoint *) endpoints; /* owned; by rising id */
    struct map by_id;
    struct list turns;     /* endpoints for which something waits; who sent goes to the end */
    struct map deliveries; /* by id */
    struct map sends;      /* by send_id */
    struct list unstored;
    struct list changes; /* unstored */
    uint32_t pending_count;
    uint32_t sending_count;
    int64_t secrets_until_us; /* not later than when the first old secret ends; wall clock */
    uint64_t last_mark;
    uint64_t last_send_id;
    uint64_t delivered_total;
    uint64_t failed_attempts_total;
    uint64_t failed_total;
    uint64_t overflow_total;
};

/* Monotonic time as wall clock, and back. */
int64_t hub_wall(const struct webhook_hub *hub, int64_t now_us);
int64_t hub_mono(const struct webhook_hub *hub, int64_t wall_us);

/* Hands a batch to the store; an empty one is dropped. Returns its mark. */
uint64_t hub_store(struct webhook_hub *hub, struct store_batch *batch);

/* ---- endpoint.c ---- */

struct endpoint *endpoint_find(const struct webhook_hub *hub, struct text id);
struct endpoint *endpoint_create(const struct webhook_endpoint_row *row);
/* Drops what waits for it, too. */
void endpoint_destroy(struct webhook_hub *hub, struct endpoint *endpoint);

/* Sets or takes out of what can be found. */
void endpoint_insert(struct webhook_hub *hub, struct endpoint *endpoint);
void endpoint_withdraw(struct webhook_hub *hub, struct endpoint *endpoint);

/* Takes the values of the row, and what follows from them. */
void endpoint_set_row(struct endpoint *endpoint, const struct webhook_endpoint_row *row);

/* Switches it off and gives up what waits for it, by the batch. */
void endpoint_disable(struct webhook_hub *hub, struct endpoint *endpoint, const char *reason,
                      struct store_batch *batch, int64_t now_us);

/* Remembers how it was, until the batch with the mark is stored. `endpoint`: before the change. */
struct unstored_change *endpoint_remember(struct webhook_hub *hub, const struct endpoint *endpoint,
                                          uint64_t mark);
/* Takes it out of what can be found; it goes when the batch is stored, and is back when not. */
void endpoint_delete_later(struct webhook_hub *hub, struct endpoint *endpoint, uint64_t mark);
void endpoint_on_stored(struct webhook_hub *hub, uint64_t mark, enum err result);

/* Old secrets whose time is over are forgotten. */
void endpoint_end_secrets(struct webhook_hub *hub, int64_t now_us);

/* ---- queue.c ---- */

/* Adds a delivery to the lane of its channel, or to one of its own. Takes the reference. */
struct delivery *queue_add(struct webhook_hub *hub, struct endpoint *endpoint,
                           const struct webhook_delivery_row *row, bool is_solo);
/* Takes it out of its lane and releases it. */
void queue_remove(struct webhook_hub *hub, struct delivery *delivery);

/* Puts its row into the batch. */
void queue_put_row(const struct webhook_hub *hub, const struct delivery *delivery,
                   const char *status, struct store_batch *batch, int64_t now_us);

/* Ends it as failed, by the batch. */
void queue_give_up(struct webhook_hub *hub, struct delivery *delivery, const char *reason,
                   struct store_batch *batch, int64_t now_us);

/* The same for all of an endpoint that are not being sent now. */
void queue_give_up_all(struct webhook_hub *hub, struct endpoint *endpoint, const char *reason,
                       struct store_batch *batch, int64_t now_us);

/* Makes room for one more delivery of this endpoint, by the batch. */
void queue_make_room(struct webhook_hub *hub, struct endpoint *endpoint, struct store_batch *batch,
                     int64_t now_us);

/* Its first delivery may be due earlier than was known. */
void queue_touch(struct endpoint *endpoint, int64_t at_us);

/* Sends what is due. */
void queue_pump(struct webhook_hub *hub, int64_t now_us);

int64_t queue_deadline_us(const struct webhook_hub *hub);

/* ---- payload.c ---- */

/* The JSON of an event, or NULL when it is too large. */
struct buf *payload_of_event(const struct webhook_event *event, int64_t wall_us);
struct buf *payload_of_test(const char *endpoint_id, int64_t wall_us);

#endif
