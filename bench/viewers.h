/*
 * viewers - what the modes of llhls_viewers share: one thread, one epoll set, many viewers with one
 * connection each.
 *
 *     run loop --answer--> mode->on_answer --viewer_ask()--> next request
 *              --tick----> mode->on_tick     viewer_rest()
 */
#ifndef BENCH_VIEWERS_H
#define BENCH_VIEWERS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/jsonw.h"
#include "base/text.h"
#include "base/writer.h"
#include "http_get.h"

enum {
    VIEWERS_MAX = 20000,
    VIEWER_QUEUE_MAX = 64,
    VIEWER_NAME_MAX = 96,
    PIDS_MAX = 8,
    PATHS_MAX = 16,
    DELAY_BUCKETS = 100000, /* of 0.1 ms */
};

struct viewer_item {
    uint64_t key;
    char name[VIEWER_NAME_MAX];
};

struct viewer {
    struct http_get get;
    struct writer body;
    bool is_resting;   /* no request is under way */
    bool is_late;      /* nothing new for too long: counted once */
    bool has_tuned_in; /* has reached the live edge */
    int asking;        /* what, in the mode's own terms */
    int64_t asked_us;
    int64_t wake_us;     /* resting: until then */
    int64_t due_us;      /* static mode: when this turn should have begun */
    int64_t last_new_us; /* when something new had been received */
    uint64_t last_key;   /* the newest item that was queued */
    char playlist_path[HTTP_GET_PATH_MAX];
    struct viewer_item queue[VIEWER_QUEUE_MAX];
    unsigned queue_begin;
    unsigned queue_end;
    unsigned next_path;
};

struct counters {
    uint64_t requests;
    uint64_t bytes;
    uint64_t items; /* parts or segments received whole */
    uint64_t errors;
    uint64_t late;      /* times that a viewer had nothing new for three targets */
    uint64_t unblocked; /* reloads that brought nothing new at once */
    uint64_t reconnects;
};

struct bench {
    struct sockaddr_in address;
    char host[64];
    char path[HTTP_GET_PATH_MAX];
    unsigned viewer_count;
    int64_t duration_us;
    int64_t warm_up_us;
    int64_t interval_us; /* static mode */
    bool is_spread;      /* static mode: not all at the same instant */
    unsigned rounds;     /* blocked mode */
    char *paths[PATHS_MAX];
    unsigned path_count;
    int pids[PIDS_MAX];
    unsigned pid_count;

    const struct mode *mode;
    struct viewer *viewers;
    int epoll_fd;
    int64_t now_us;
    int64_t end_us;
    bool is_measuring; /* the warm-up is over */
    bool is_done;
    struct counters counters;
    int64_t target_us; /* of a part or a segment, as the playlist says */
    uint32_t delays[DELAY_BUCKETS];
    uint64_t delay_count;
    int64_t delay_max_us;
};

struct mode {
    const char *name;
    /* A viewer was connected: ask, or rest. */
    void (*on_start)(struct bench *bench, struct viewer *viewer);
    /* Its answer is here, whatever the status: ask again, or rest. */
    void (*on_answer)(struct bench *bench, struct viewer *viewer);
    /* A resting viewer's time has come. */
    void (*on_wake)(struct bench *bench, struct viewer *viewer);
    /* Every some milliseconds; NULL: nothing to do. */
    void (*on_tick)(struct bench *bench);
    /* More members of the report; NULL: none. */
    void (*report)(const struct bench *bench, struct jsonw *j);
};

extern const struct mode mode_live;    /* LL-HLS */
extern const struct mode mode_plain;   /* HLS without parts */
extern const struct mode mode_static;  /* fixed paths at a fixed pace */
extern const struct mode mode_blocked; /* many requests that wait for one part */

/* Asks for a path; keeps the body when `is_kept`. Whoever calls this outside of on_start, on_answer
 * and on_wake calls bench_serve() after it. */
void viewer_ask(struct bench *bench, struct viewer *viewer, int asking, const char *path,
                bool is_kept);

/* Sends, receives and answers until the socket has nothing more. */
void bench_serve(struct bench *bench, struct viewer *viewer);

/* No request until then. */
void viewer_rest(struct viewer *viewer, int64_t wake_us);

/* Counts a delay from `since_us` to now. */
void bench_note_delay(struct bench *bench, int64_t since_us);

/* Makes `name`, relative to `base`, a path. */
void resolve_path(const char *base, struct text name, char *to, size_t cap);

#endif
