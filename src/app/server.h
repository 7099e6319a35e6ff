/*
 * server - the running program: its loops and the messages between them. Wiring only: what
 * happens is decided in channel/ and api/, and done in live/ and edge/.
 *
 *     control loop (main thread)   channel directory, api, signals      control.c
 *        |        ^      \-- pool of one thread: the store
 *        v        |
 *     media loop               live: publishers, packagers              media.c
 *        |  snapshots  \-- pool of one thread: recordings
 *        v
 *     delivery loops           edge: HTTP, one a core                   edge/
 *                    \-- pool: files of recordings are read
 *
 * Shutdown (SIGTERM, SIGINT): not ready -> broadcasts end, playlists get their end -> the edges
 * finish running answers -> the worker ends -> loops stop; each step bounded by server.shutdown_s.
 */
#ifndef APP_SERVER_H
#define APP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "account/account.h"
#include "api/api.h"
#include "app/config.h"
#include "base/list.h"
#include "base/map.h"
#include "channel/channel.h"
#include "edge/edge.h"
#include "fetch/fetch.h"
#include "live/live.h"
#include "loop/loop.h"
#include "loop/pool.h"
#include "record/record.h"
#include "store/store.h"
#include "webhook/webhook.h"

enum {
    SERVER_EDGES_MAX = 64,
    OUTBOX_MARKS_MAX = 3, /* events of one change */
};

struct nodes;

struct server {
    struct config config;
    const char *config_path;
    char worker_path[CONFIG_TEXT_MAX + 16];
    char epoch_prefix[16];
    char recordings_path[CONFIG_TEXT_MAX + 16];
    struct tls_context *https_tls;
    struct tls_context *rtmps_tls;
    struct net_address http_bound;
    struct net_address https_bound;
    struct net_address rtmp_bound;
    struct net_address rtmps_bound;
    struct net_address rtc_bound;
    const char *cors_origins[CONFIG_ORIGINS_MAX];
    size_t cors_origins_count;
    char cors_memory[CONFIG_TEXT_MAX + 1];

    /* Control loop. */
    struct loop *control;
    struct pool *pool;      /* one thread: the store */
    struct pool *passwords; /* Argon2id */
    struct store *store;    /* touched by the pool's thread only, once it runs */
    struct nodes *nodes;    /* this server among those on the database (nodes.h) */
    struct channel_directory *directory;
    struct account_directory *accounts;
    struct jwt_checker *jwt; /* NULL: no JSON Web Tokens are taken */
    struct webhook_hub *webhooks;
    struct fetch *fetch;
    struct api *api;
    struct loop_timer directory_timer;
    struct loop_timer outbox_timer;
    struct loop_timer second;
    uint64_t newest_ticket;    /* of the batches for the store */
    bool is_in_api;            /* a function of the API runs */
    bool has_stopped;          /* the loops do not run any more */
    struct list held_batches;  /* until it returns */
    struct list open_calls;    /* the API works on them */
    struct list waiting_calls; /* answers that wait for the store */
    uint64_t event_id;         /* of the newest event that the edges were told */
    struct map told;           /* channel -> struct told_status */
    struct list owed;          /* of these, those with new numbers */
    struct map token_uses;     /* channel -> struct token_use */
    struct map recordings;     /* channel -> struct api_recording, the newest */
    int64_t sample_at_us;      /* the next rows of stream_metrics */
    bool is_store_ok;
    bool is_write_refused; /* the newest batch could not be stored, and no write since */
    bool is_ping_under_way;
    char store_problem[160];
    bool is_shutting_down;
    int64_t shutdown_by_us;
    bool must_show_end; /* broadcasts were on air when it began */
    size_t edges_drained;
    struct loop_timer shutdown_timer;
    struct edge_report *reports[SERVER_EDGES_MAX]; /* the newest of each edge */
    struct map viewer_counts;                      /* channel -> struct viewer_count */
    int64_t edge_heard_us[SERVER_EDGES_MAX];
    int64_t media_heard_us;
    int64_t media_lag_us;
    struct live_counters live_counters;
    struct recorder_counters record_counters;
    int64_t started_wall_us;

    /* Media loop. */
    struct loop *media;
    struct live *live;
    struct map whip_calls; /* request id -> struct edge_call */
    uint64_t next_whip_call;
    struct loop_timer media_second;
    struct recorder *recorder;
    struct pool *record_pool; /* one thread: it writes */
    struct loop_timer record_minute;

    /* Delivery loops. */
    struct loop *edge_loops[SERVER_EDGES_MAX];
    struct edge *edges[SERVER_EDGES_MAX];
    size_t edge_count;
    struct pool *files_pool; /* reads recordings */
};

/* Runs until a signal. The exit code of the program. */
int server_run(const struct config *config, const char *config_path, bool wants_demo);

/* control.c: on the control loop, but for the post functions. */
MUST_USE enum err control_create(struct server *server, struct diag *diag);
void control_destroy(struct server *server);
/* Whatever may have moved the directory's deadline calls it. */
void control_arm(struct server *server);
void control_send_call(void *ctx, struct edge_call *call);
void control_report(void *ctx, struct edge *edge, struct edge_report *report);

/* greet.c: makes the channel of --demo when there is none yet, and prints where everything is. */
void control_greet(struct server *server, bool wants_demo);

/* shutdown.c */
void control_begin_shutdown(struct server *server);

/* audience.c: once a second. */
void audience_tell(struct server *server);
void audience_deinit(struct server *server);

/* people.c */
MUST_USE enum err people_load(struct server *server, const struct store_people *people,
                              struct diag *diag);
void people_on_second(struct server *server);

/* history.c */
void history_on_second(struct server *server);
void history_on_broadcast_ended(const struct store_change *change, struct store_batch *batch);

/* outbox.c. Marks go to outbox_on_stored() when the batch came back. */
MUST_USE enum err outbox_create(struct server *server, const struct store_people *people,
                                struct diag *diag);
/* Ends all requests; they stay pending in the database. */
void outbox_stop(struct server *server);
/* What is pending in the database, oldest first. */
void outbox_take_pending(struct server *server, const struct webhook_delivery_row *rows,
                         size_t count, int64_t asked_us);
/* The hub's deadline may have moved. */
void outbox_arm(struct server *server);
size_t outbox_append(struct server *server, const struct store_change *change,
                     struct store_batch *batch, uint64_t ret_marks[OUTBOX_MARKS_MAX]);
uint64_t outbox_append_recording(struct server *server, const struct api_recording *recording,
                                 struct store_batch *batch);
void outbox_on_stored(struct server *server, uint64_t mark, enum err result);

/* recordings.c */
struct api_recorder recordings_face(struct server *server);
void recordings_on_status(struct server *server, const struct record_status *status);
void recordings_on_deleted(struct server *server, uint64_t channel_id, uint64_t broadcast_id);
void recordings_on_channel_deleted(struct server *server, uint64_t channel_id);
void recordings_deinit(struct server *server);

/* work.c: what the control loop lets the pools do. */
MUST_USE enum err work_create(struct server *server, struct diag *diag);
void work_destroy(struct server *server);
void work_call(struct server *server, struct edge_call *call);
void work_ping_store(struct server *server);
/* Handlers of the directories and of the API; the context is the server. */
void work_store(void *context, struct store_batch *batch);
void work_store_marked(void *context, struct store_batch *batch, uint64_t mark);
void work_store_change(void *context, const struct store_change *change);
enum err work_run_task(void *context, struct api_task *task);
void work_on_answer(void *context, struct api_answer *answer);
uint64_t work_newest_ticket(void *context);

/* Events of the media loop, posted to the control loop. */
enum media_event_kind {
    MEDIA_PUBLISH = 1,
    MEDIA_STARTED,
    MEDIA_LOST,
    MEDIA_RESUMED,
    MEDIA_FAILED,
    MEDIA_STOPPED,
    MEDIA_STATS,
    MEDIA_RECORDING,         /* a recording began, grew, ended, was repaired */
    MEDIA_RECORDING_DELETED, /* its files are gone */
    MEDIA_COUNTERS,
    MEDIA_GONE, /* live is destroyed: the media loop has stopped */
};

struct media_event {
    struct loop_msg msg;
    struct server *server;
    enum media_event_kind kind;
    uint64_t channel_id;
    uint64_t session_id;
    uint64_t broadcast_id;
    enum live_protocol protocol;
    struct secret stream_key;
    bool is_refused;
    bool has_reason;
    char reason[LIVE_SENTENCE_MAX + 1];
    struct live_stats stats;
    struct record_status recording;
    struct live_counters counters;
    struct recorder_counters record_counters;
    int64_t lag_us;
};

void control_on_media_event(struct media_event *event);

/* publish.c */
void publish_on_request(struct server *server, const struct media_event *event);
void publish_on_token_revoked(void *context, uint64_t channel_id, const char *token_id);
void publish_on_broadcast_ended(struct server *server, const struct store_change *change,
                                struct store_batch *batch);
void publish_on_channel_deleted(struct server *server, uint64_t channel_id);
void publish_deinit(struct server *server);

/* status.c */
void status_tell_all(struct server *server);
void status_on_changed(struct server *server, const struct channel_event *event);
void status_on_second(struct server *server);
void status_deinit(struct server *server);

/* metrics.c */
void metrics_write(struct server *server, struct writer *w);

/* media.c */
MUST_USE enum err media_create(struct server *server, struct diag *diag);
void media_post_accept(struct server *server, uint64_t session_id,
                       const struct publish_answer *answer);
void media_post_refuse(struct server *server, uint64_t session_id, enum err err,
                       const char *sentence);
void media_post_kick(struct server *server, uint64_t session_id, const char *sentence);
void media_post_stop(struct server *server, uint64_t channel_id, uint64_t broadcast_id);
/* Records the broadcast that goes on, from the next segment on; ends its recording. */
void media_post_record(struct server *server, uint64_t channel_id, uint64_t broadcast_id,
                       bool is_on);
/* Deletes the recording of a broadcast, or with 0 those of the channel. */
void media_post_delete_recordings(struct server *server, uint64_t channel_id,
                                  uint64_t broadcast_id);
void media_post_drain(struct server *server);
void media_post_destroy(struct server *server);
void media_post_call(struct server *server, struct edge_call *call);

#endif
