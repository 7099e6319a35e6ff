/*
 * board - an edge's replica of the channels: newest snapshot, rendered status, and who waits.
 * Private to edge/.
 *
 * Requests that wait for the same thing stand in one `wait_group`; when the snapshot that has it
 * arrives, all are answered with one asset.
 */
#ifndef EDGE_BOARD_H
#define EDGE_BOARD_H

#include "base/list.h"
#include "base/map.h"
#include "hls/hls.h"
#include "http/http.h"

struct viewer;

enum { BOARD_NAME_MAX = 96, BOARD_PART_ASSETS = 8, BOARD_GROUPS_MAX = 256 };

enum wait_kind {
    WAIT_FIRST = 1, /* for any snapshot: a playlist of a channel that is just starting */
    WAIT_PLAYLIST,  /* for what the directives say */
    WAIT_PART,      /* for a hinted part, by its name */
};

struct wait_group {
    struct list_node node; /* in board_channel.groups */
    enum wait_kind kind;
    struct hls_directives directives;
    char name[BOARD_NAME_MAX];
    struct list requests; /* http_request.owner_node */
    int64_t until_us;     /* then 503 */
};

struct board_channel {
    uint64_t id;
    struct hls_snapshot *snapshot; /* NULL: nothing to play */
    bool may_start;
    struct buf *status_json;     /* NULL: no such channel */
    struct http_asset *status;   /* of it, made at the first request */
    struct http_asset *playlist; /* of the snapshot, made at the first request */
    struct http_asset *playlist_blocking;
    struct http_asset *delta;
    struct http_asset *delta_blocking;
    struct http_asset *multivariant;
    struct {
        const struct buf *body; /* the identity; kept alive by the asset */
        struct http_asset *asset;
    } parts[BOARD_PART_ASSETS]; /* the newest parts: what everybody asks for */
    size_t next_part;
    struct list groups;
    size_t group_count;
};

struct board {
    struct map channels; /* by id */
};

/* The channel, or NULL. */
struct board_channel *board_find(const struct board *board, uint64_t channel_id);
struct board_channel *board_find_or_create(struct board *board, uint64_t channel_id);

/* The newest status; NULL: the channel is gone. `may_start`: a request for its playlist may wait a
 * moment for the first part. */
void board_set_status(struct board *board, uint64_t channel_id, const struct buf *json,
                      bool may_start);

/* As an answer; NULL: no such channel. Borrowed. */
struct http_asset *board_status(struct board_channel *channel);

/* Forgets a channel that has neither status nor snapshot; those who wait get 404. */
void board_forget_if_empty(struct board *board, struct board_channel *channel);

/* A new snapshot; takes the reference. Answers all who waited for it. */
void board_set_snapshot(struct board *board, struct board_channel *channel,
                        struct hls_snapshot *snapshot);

/* Answers a request for a file of the channel, now or when it is there. `now_us` is monotonic.
 * `viewer` (may be NULL) counts as waiting meanwhile. */
void board_serve(struct board_channel *channel, struct http_request *request, struct text name,
                 struct viewer *viewer, int64_t now_us);

/* 503 for all who waited too long. */
void board_expire(struct board *board, int64_t now_us);

void board_deinit(struct board *board);

#endif
