/*
 * webhook - tells shops what happens to their channels, by signed HTTP requests (Standard
 * Webhooks). Who wants to hear what, what is still to be told, when it is tried again. No sockets,
 * no clock.
 *
 *     a change of a channel                              endpoints, waiting deliveries: in memory
 *       webhook_append(event, batch) --> webhook_hub ----> send(webhook_send)         to fetch/
 *       webhook_on_stored(mark)      -->     |        <--- webhook_on_sent(answer)
 *     api: create, update, rotate,   -->     '-----------> store(batch, mark)         to the pool
 *       delete, test, replay
 *     webhook_on_time(now)           -->
 *
 * Outbox  webhook_append() puts the rows of an event's deliveries into the batch of the change
 *         itself: one transaction, so a crash loses neither or both. They are sent once the batch
 *         is stored, from memory; the database is read at start only.
 * Order   What an endpoint hears of one channel comes strictly one after the other: while one is
 *         tried again, the later ones of the same endpoint and channel wait. Other channels do not:
 *         up to four requests of an endpoint run at once. Tests and replays stand beside the order.
 * Tries   2xx is success, everything else is not (3xx too: redirects are not followed). 10 attempts
 *         over a day: 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 3 h, 6 h, 12 h apart, each up to a
 *         fifth longer by chance, or later when a 429 or 503 says Retry-After. Then "failed".
 *         410, and five days without one success, switch the endpoint off, with a reason. When an
 *         endpoint answers again after ten minutes or more of failures, what waits for it is due.
 * Once?   At least once. webhook-id is the same in every attempt: receivers drop what they know. A
 *         request that ran when the server died is sent again; webhook_take_pending() tells what
 *         bounds that when two servers share a database.
 * Bounds  `pending_max` deliveries in memory, `endpoint_pending_max` for one endpoint. Beyond that
 *         the oldest of the endpoint that has most waiting is given up as "failed" with a reason;
 *         it stays in the log and can be replayed. Nothing is loaded later from the database.
 *
 * Ownership  The hub owns endpoints and deliveries. Pointers to rows are borrowed: valid until the
 *            next call that is not const. Keep ids.
 * Threads    All on one loop (control). Handlers are called from inside the functions below and
 *            must not call back: post a message.
 * Times      now_us is monotonic. Stored times are wall clock; the hub adds the offset that
 *            webhook_set_wall_offset() gave it.
 * Errors     Each error leaves things as they were and puts a sentence into diag, which names the
 *            field where one is wrong.
 */
#ifndef WEBHOOK_WEBHOOK_H
#define WEBHOOK_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "store/rows.h"

struct store_batch;
struct webhook_hub;
struct writer;

enum {
    WEBHOOK_ATTEMPTS_MAX = 10,
    WEBHOOK_PARALLEL_MAX = 4,    /* requests of one endpoint at once */
    WEBHOOK_SOLO_MAX = 10,       /* tests and replays that wait, of one endpoint */
    WEBHOOK_PAYLOAD_MAX = 65536, /* bytes */
    WEBHOOK_RESPONSE_KEPT = 500, /* bytes of an answer that the log keeps */
    WEBHOOK_SIGNATURE_LEN_MAX = 127,
};

/*    event                       type, as endpoints and payloads name it */
#define WEBHOOK_EVENT_TABLE(X)                                                                     \
    X(WEBHOOK_CHANNEL_CREATED, "channel.created")                                                  \
    X(WEBHOOK_CHANNEL_UPDATED, "channel.updated")                                                  \
    X(WEBHOOK_CHANNEL_DELETED, "channel.deleted")                                                  \
    X(WEBHOOK_RELAY_STARTING, "relay.starting")                                                    \
    X(WEBHOOK_RELAY_ACTIVE, "relay.active")                                                        \
    X(WEBHOOK_RELAY_RECONNECTING, "relay.reconnecting")                                            \
    X(WEBHOOK_RELAY_STOPPING, "relay.stopping")                                                    \
    X(WEBHOOK_RELAY_STOPPED, "relay.stopped")                                                      \
    X(WEBHOOK_RELAY_ERROR, "relay.error")                                                          \
    X(WEBHOOK_BROADCAST_STARTED, "broadcast.started")                                              \
    X(WEBHOOK_BROADCAST_ENDED, "broadcast.ended")                                                  \
    X(WEBHOOK_RECORDING_READY, "recording.ready")                                                  \
    X(WEBHOOK_TEST, "webhook.test") /* only by webhook_test(); nobody subscribes to it */

enum webhook_event_kind {
    WEBHOOK_EVENT_NONE,
#define WEBHOOK_EVENT_ENUM(event, type) event,
    WEBHOOK_EVENT_TABLE(WEBHOOK_EVENT_ENUM)
#undef WEBHOOK_EVENT_ENUM
        WEBHOOK_EVENT_END
};

/* "relay.active" ... */
const char *webhook_event_type(enum webhook_event_kind kind);
/* WEBHOOK_EVENT_NONE when there is no such type. */
enum webhook_event_kind webhook_event_find(struct text type);

struct webhook_limits {
    uint32_t endpoints_max;
    uint32_t account_endpoints_max; /* of one account; those without an account count as one */
    uint32_t pending_max;           /* deliveries that wait */
    uint32_t endpoint_pending_max;
    uint32_t sends_max;        /* requests at once, of all endpoints */
    int64_t disable_after_us;  /* of nothing but failures */
    int64_t secret_overlap_us; /* after a rotation both secrets sign */
};

/* 5,000 endpoints, 20 an account, 20,000 waiting, 5,000 an endpoint, 64 at once, 5 days, 24 h, 0.
 */
struct webhook_limits webhook_limits_default(void);

/* One request to be made: POST with content-type application/json and these headers. Borrowed for
 * the call but for `body`, of which the sender takes a reference of its own. */
struct webhook_send {
    uint64_t id; /* of this attempt; for webhook_on_sent() */
    const char *url;
    const char *webhook_id;
    const char *webhook_timestamp; /* seconds */
    const char *webhook_signature; /* "v1,...", or two of them with a space between */
    const struct buf *body;
};

/* What came of it. */
struct webhook_answer {
    int http_status;       /* 0: none came, `error` says why */
    const char *error;     /* a sentence; NULL with a status */
    int64_t duration_us;   /* from the call of send() */
    int64_t retry_after_s; /* 0: the answer did not say */
    struct text body;      /* how it begins; any bytes */
};

struct webhook_handler {
    void *context;
    /* Takes the batch, which is never empty. Queue it in order; answer with webhook_on_stored() and
     * the mark. */
    void (*store)(void *context, struct store_batch *batch, uint64_t mark);
    /* Make the request; answer with webhook_on_sent(). */
    void (*send)(void *context, const struct webhook_send *send);
    /* Whether requests may go to this URL, as far as its text tells (fetch_check_url). */
    enum err (*check_url)(void *context, struct text url, struct diag *diag);
};

/* Limits and handler are copied. */
struct webhook_hub *webhook_hub_create(const struct webhook_limits *limits,
                                       const struct webhook_handler *handler);
/* What waits stays in the database as it is. NULL is allowed. */
void webhook_hub_destroy(struct webhook_hub *hub);

/* Wall clock minus monotonic clock. Call it before anything else, and now and then. */
void webhook_set_wall_offset(struct webhook_hub *hub, int64_t offset_us);

/* ---- what the database holds ---- */

/* An endpoint's row: at start, and when another server changed it. Adds or replaces. Beyond
 * endpoints_max it is left out, and that is logged. */
void webhook_set_endpoint_row(struct webhook_hub *hub, const struct webhook_endpoint_row *row,
                              int64_t now_us);
/* Another server deleted it. Harmless when there is none. */
void webhook_remove_endpoint_row(struct webhook_hub *hub, const char *id);

/* Deliveries that are "pending" in the database, and how to read them. */
struct webhook_pending {
    const struct webhook_delivery_row *rows; /* oldest first, with payloads */
    size_t count;
    int64_t asked_us;   /* when the database was asked */
    int64_t overdue_us; /* 0: no other server lives on this database */
};

/* Takes over what is pending: at start, after the endpoints. Those already in memory are skipped;
 * payloads get a reference.
 *
 * With overdue_us 0 all are taken: right at start when no other server lives on this database.
 * While others live, the one that stored a delivery sends it, so only those channels of an endpoint
 * are taken over whose oldest delivery should have been tried overdue_us ago, which tells that its
 * server is gone: call it every few minutes with what is pending and 600 s. If that server is only
 * slow, a delivery is sent once more by each of the others, with the same webhook-id: bounded by
 * their number, not by time. */
void webhook_take_pending(struct webhook_hub *hub, const struct webhook_pending *pending,
                          int64_t now_us);

/* ---- events ---- */

struct webhook_event {
    enum webhook_event_kind kind;
    uint64_t channel_id;
    struct text account_id;     /* of the channel's owner; empty: nobody's */
    struct text channel_json;   /* the channel as the API shows it: an object */
    struct text broadcast_json; /* the same of the broadcast; empty: left out */
    struct text recording_json; /* the same of the recording; empty: left out */
    const char *from;           /* relay states; NULL: left out */
    const char *to;
    const char *reason; /* a sentence; NULL or "": left out */
};

/* Adds the rows of all deliveries that this event causes to `batch`. Returns a mark for
 * webhook_on_stored(), or 0 when nobody wants to hear of it. The caller stores the batch. */
uint64_t webhook_append(struct webhook_hub *hub, const struct webhook_event *event,
                        struct store_batch *batch, int64_t now_us);

/* The batch with this mark is stored, or could not be. Then endpoints that it created, changed or
 * deleted are as before, and the deliveries of an event are sent all the same, because the event
 * did happen, and stored with their first attempt; but not those of a channel that could not be
 * created. A mark of 0 is ignored. */
void webhook_on_stored(struct webhook_hub *hub, uint64_t mark, enum err result, int64_t now_us);

/* What came of a request. Attempts that the hub no longer knows are ignored. */
void webhook_on_sent(struct webhook_hub *hub, uint64_t send_id, const struct webhook_answer *answer,
                     int64_t now_us);

/* When webhook_on_time() wants to be called; INT64_MAX: never. May be early. It may change with
 * each call above and below. */
int64_t webhook_deadline_us(const struct webhook_hub *hub);
void webhook_on_time(struct webhook_hub *hub, int64_t now_us);

/* ---- endpoints (api) ---- */

/* By rising id, which is the order of creation. */
size_t webhook_count(const struct webhook_hub *hub);
const struct webhook_endpoint_row *webhook_at(const struct webhook_hub *hub, size_t index);

/* NULL when there is none. The secret is for the answer to creation and rotation only. */
const struct webhook_endpoint_row *webhook_find(const struct webhook_hub *hub, struct text id);

/* What is known of an endpoint beside its row. */
struct webhook_numbers {
    uint32_t pending;         /* deliveries that wait or run */
    int64_t failing_since_us; /* wall clock; 0: its last request was answered well, or none ran */
};
/* All 0 when there is no such endpoint. */
struct webhook_numbers webhook_endpoint_numbers(const struct webhook_hub *hub, struct text id);

struct webhook_input {
    const char *account_id; /* create only; "": hears of all channels of the server */
    uint64_t channel_id;    /* create only; 0: all of the account */
    struct text url;
    const struct text *events; /* types, or "*" alone; webhook.test is not among them */
    size_t event_count;
    struct text description; /* may be empty */
    bool is_active;
    /* update only: which of the members above are given. */
    bool has_url;
    bool has_events;
    bool has_description;
    bool has_is_active;
};

/* Draws id and secret ("whsec_" and base64). It hears of what happens once it is stored. That the
 * account may see the channel is for the caller to check. ERR_INVALID: url, events, description;
 * ERR_LIMIT. */
MUST_USE enum err webhook_create(struct webhook_hub *hub, const struct webhook_input *input,
                                 int64_t now_us, const struct webhook_endpoint_row **ret_row,
                                 struct diag *diag);

/* Switching off gives up what waits for it ("failed"; it can be replayed); switching on removes
 * the reason. ERR_NOT_FOUND, ERR_INVALID. */
MUST_USE enum err webhook_update(struct webhook_hub *hub, struct text id,
                                 const struct webhook_input *input, int64_t now_us,
                                 const struct webhook_endpoint_row **ret_row, struct diag *diag);

/* Draws a new secret; the one before signs too for 24 h, and one before that no longer.
 * ERR_NOT_FOUND. */
MUST_USE enum err webhook_rotate_secret(struct webhook_hub *hub, struct text id, int64_t now_us,
                                        const struct webhook_endpoint_row **ret_row,
                                        struct diag *diag);

/* With its deliveries. ERR_NOT_FOUND. */
MUST_USE enum err webhook_delete(struct webhook_hub *hub, struct text id, int64_t now_us,
                                 struct diag *diag);

/* Sends webhook.test to one endpoint at once, also when it is switched off; one attempt only.
 * *ret_delivery_id has room for ROW_UUID_LEN + 1. ERR_NOT_FOUND; ERR_LIMIT: too many run. */
MUST_USE enum err webhook_test(struct webhook_hub *hub, struct text id, int64_t now_us,
                               char *ret_delivery_id, struct diag *diag);

/* Sends a delivery again, with its id and all tries anew; the row comes from the database. One that
 * waits for its next attempt gets it now. ERR_NOT_FOUND: its endpoint is gone; ERR_CONFLICT: the
 * endpoint is switched off, or the delivery runs or waits for an earlier one; ERR_LIMIT. */
MUST_USE enum err webhook_replay(struct webhook_hub *hub, const struct webhook_delivery_row *row,
                                 int64_t now_us, struct diag *diag);

/* ---- the rest ---- */

/* webhook-signature of Standard Webhooks with one secret: "v1," and the base64 of HMAC-SHA256 over
 * "<id>.<timestamp>.<body>". ERR_INVALID: the secret is not "whsec_" and base64. */
MUST_USE enum err webhook_sign(struct writer *w, const char *secret, const char *webhook_id,
                               const char *webhook_timestamp, struct text body);

/* Prometheus text (0.0.4): stoa_webhook_*. */
void webhook_write_metrics(const struct webhook_hub *hub, struct writer *w);

#endif
