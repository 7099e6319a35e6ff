/*
 * edge - one delivery loop: an HTTP server and its own replica of everything that is live.
 *
 *     viewers ---> http server ---> routes
 *                                    /hls/...            board: newest snapshot, who waits for it
 *                                    .../status          board: status rendered once a change
 *                                    /recordings/...     files, read by the pool (recordings.h)
 *                                    /api/v1/events      push: WebSocket, event stream
 *                                    /trpc               push: wsLink; its calls go to control
 *                                    /api/v1/upload-test here: bytes that are timed and dropped
 *                                    /, /watch, /assets  files built into the program
 *                                    /healthz, /readyz   here
 *                                    /api, /trpc, /metrics --> control loop --> answer
 *                                    /whip               --> media loop   --> answer
 *
 *     media loop ---- snapshots ----> edge_post_snapshot()
 *     control loop -- events -------> edge_post_event(), edge_post_ready()
 *
 * No lock is taken to serve a viewer and nothing here asks the database. A request that waits for
 * the next part costs no memory of its own: it stands in the list of all who wait for that part
 * and is answered from the same bytes as they.
 *
 * Threads   edge_post_*() and edge_answer_*() from any thread; everything else on the edge's loop.
 */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/api.h"
#include "base/err.h"
#include "http/http.h"
#include "loop/loop.h"
#include "net/net.h"

struct edge;
struct edge_report;
struct hls_snapshot;
struct pool;

/* ---- what an edge asks of the other loops ---- */

enum edge_call_kind {
    EDGE_CALL_API = 1,   /* control: api_call() */
    EDGE_CALL_METRICS,   /* control */
    EDGE_CALL_WHIP_POST, /* media */
    EDGE_CALL_WHIP_PATCH,
    EDGE_CALL_WHIP_DELETE,
};

/* A request on its way to another loop and back. Made by the edge, filled by the other side, and
 * given back with edge_answer(). Texts point into `block`. */
struct edge_call {
    struct loop_msg msg;
    struct edge *edge;
    void *upstream;                            /* for the other side */
    struct list_node node;                     /* for the other side */
    struct http_request *request;              /* the edge's own; NULL when the client went away */
    void (*on_answer)(struct edge_call *call); /* when no request waits */
    void *owner;
    void *block;
    enum edge_call_kind kind;
    struct net_address peer;

    struct api_request api; /* EDGE_CALL_API: everything; others: body, host */
    uint64_t channel_id;    /* WHIP */
    struct text secret;     /* the last part of a WHIP session's URL */
    struct text bearer;
    struct text if_match;

    /* The answer. */
    struct api_answer answer; /* status, headers, body; also for metrics and WHIP */
    char whip_secret[40];     /* 201: for Location */
    char whip_etag[40];
    char peer_text[64];
};

/* Where calls go. `send` may be called on the edge's loop and hands the call over (loop_post). */
struct edge_upstream {
    void *ctx;
    void (*send)(void *ctx, struct edge_call *call);
    /* Who watches now, once a second; the report is handed over. */
    void (*report)(void *ctx, struct edge *edge, struct edge_report *report);
};

/* One who watches: a hash of address and user agent, and how many playlist requests of theirs wait
 * right now. A low-latency player always has exactly one waiting, so behind one address each
 * counts; another player counts once while it is seen. */
struct edge_viewer {
    uint64_t channel_id;
    uint64_t key;
    uint32_t waiting;
};

struct push_counters {
    uint64_t subscribers; /* now */
    uint64_t messages;    /* given to their connections */
    uint64_t refused;
    uint64_t ended_slow;
    uint64_t ended_silent;
};

struct edge_report {
    struct loop_msg msg;
    struct edge *edge;
    void *upstream; /* for the other side */
    struct http_counters http;
    struct push_counters push;
    int64_t lag_us;
    size_t count;
    struct edge_viewer viewers[];
};

/* ---- files built into the program ---- */

struct edge_file {
    const char *path; /* "/assets/index-1a2b.js" */
    const char *content_type;
    const uint8_t *bytes;
    size_t len;
    const uint8_t *gzip; /* NULL: not worth it */
    size_t gzip_len;
    bool is_immutable; /* the name holds a hash of the content */
};

/* The pages; generated from web/dist (tools/embed_web.py). */
extern const struct edge_file edge_files[];
extern const size_t edge_file_count;

/* ---- life ---- */

/* Subscribers of events on one edge. */
struct push_limits {
    uint32_t subscribers_max;
    uint32_t per_address_max; /* IPv6: of one /64; loopback has no limit */
};

struct edge_config {
    struct http_config http;
    const char *const *cors_origins;
    size_t cors_origins_count;
    uint64_t push_epoch; /* of this run: ids of events of another are of no use */
    struct push_limits push;
    /* Of public.url and other servers, with spaces between, or ""; read by edge_create() only. */
    const char *media_urls;
    bool trusts_forwarded;  /* X-Forwarded-Proto and -For of a proxy in front are believed */
    struct pool *files;     /* reads recordings; borrowed; NULL: none are served */
    const char *recordings; /* their folder; borrowed for good */
};

MUST_USE enum err edge_create(struct loop *loop, const struct edge_config *config,
                              const struct edge_upstream *upstream, struct diag *diag,
                              struct edge **ret_edge);
MUST_USE enum err edge_listen(struct edge *edge, const struct net_address *address,
                              struct tls_context *tls, struct diag *diag,
                              struct net_address *ret_bound);

/* Stops listening, lets running answers finish, then calls back. */
void edge_drain(struct edge *edge, void (*on_drained)(void *ctx), void *ctx);
void edge_destroy(struct edge *edge);
struct loop *edge_loop(const struct edge *edge);

/* ---- from the other loops ---- */

/* The newest snapshot of a channel (a reference is taken); NULL: nothing more is served. */
void edge_post_snapshot(struct edge *edge, uint64_t channel_id,
                        const struct hls_snapshot *snapshot);

/* A change of a channel, for the board and for all who subscribed. Each edge is told of each event,
 * in the order of the ids, beginning with the channels that there are at the start. */
struct push_event {
    uint64_t id; /* from 1, rises by one; the same on all edges */
    uint64_t channel_id;
    const struct buf *json; /* the status; NULL: the channel is deleted */
    bool may_start;         /* a request for its playlist may wait a moment for the first part */
};

/* A reference to the status is taken. */
void edge_post_event(struct edge *edge, const struct push_event *event);

/* Told every second by the control loop: the database answers and nothing is draining. An edge
 * that has not heard it for 5 s is not ready. */
void edge_post_ready(struct edge *edge, bool is_ready, const char *why_not);

/* Gives a call back with its answer. */
void edge_answer(struct edge_call *call);

/* Releases a call that cannot be given back: a `drop` for its message when the loops are gone. */
void edge_drop_call(struct loop_msg *msg);

/* Fills a problem+json answer (RFC 9457). */
void edge_fill_problem(struct edge_call *call, int status, const char *code, struct text detail);

#endif
