/*
 * shelf - all recordings that are on the disk: found at start-up, repaired, kept within their
 * limits, deleted. Private to record/.
 *
 * The first look and every deletion are done in steps that take little time each, because the
 * thread also writes what is on air.
 *
 * Threads   The pool's thread. Every call may block.
 */
#ifndef RECORD_SHELF_H
#define RECORD_SHELF_H

#include <dirent.h>

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "record/record.h"

enum {
    SHELF_ITEMS_MAX = 1000000,   /* recordings */
    SHELF_CHANNELS_MAX = 100000, /* folders of channels that are looked through */
    SHELF_EVENTS_MAX = 16,       /* of one step */
};

enum shelf_event_kind { SHELF_REPAIRED = 1, SHELF_DELETED, SHELF_PROBLEM };

struct shelf_event {
    enum shelf_event_kind kind;
    uint64_t channel_id;
    uint64_t broadcast_id;
    int64_t ended_at_us;
    int64_t duration_us;
    uint64_t bytes;
    char reason[RECORD_REASON_LEN_MAX + 1]; /* PROBLEM */
};

struct shelf_events {
    size_t count;
    struct shelf_event items[SHELF_EVENTS_MAX];
};

struct shelf_item {
    uint64_t channel_id;
    uint64_t broadcast_id;
    uint64_t bytes;
    int64_t ended_at_us; /* wall clock */
    bool is_running;
    bool is_broken; /* the repair did not succeed, it is tried again */
};

struct shelf {
    const char *path;
    int root;         /* -1: not open */
    struct map items; /* broadcast id -> struct shelf_item */
    uint64_t bytes;
    bool is_looked_through;
    bool has_channels; /* the list below is made */
    VEC(uint64_t) channels;
    size_t channel_at;
    DIR *channel; /* which is being read; NULL: none */
};

void shelf_init(struct shelf *shelf, const char *path);
void shelf_deinit(struct shelf *shelf);

/* Opens the folder of all recordings, and keeps other processes out of it. ERR_NOT_FOUND: it is not
 * there (`makes` false); ERR_CONFLICT: another process has it; ERR_IO. */
MUST_USE enum err shelf_open(struct shelf *shelf, bool makes, struct diag *diag);

/* A recording begins, or goes on. */
void shelf_begin(struct shelf *shelf, uint64_t channel_id, uint64_t broadcast_id);
void shelf_set_bytes(struct shelf *shelf, uint64_t broadcast_id, uint64_t bytes);
/* It is over; without bytes it is forgotten. `is_whole` false: to be repaired later. */
void shelf_end(struct shelf *shelf, uint64_t broadcast_id, bool is_whole, int64_t now_us);

/* Deletes the oldest that are over until `len` more bytes fit into `bytes_max`. ERR_LIMIT: they do
 * not, or not within one step. */
MUST_USE enum err shelf_make_room(struct shelf *shelf, uint64_t len, uint64_t bytes_max,
                                  struct shelf_events *events);

/* Deletes one recording, or with broadcast_id 0 some of the channel's. Returns true when there is
 * more to delete, or may be, because not all was looked through yet. */
bool shelf_delete(struct shelf *shelf, uint64_t channel_id, uint64_t broadcast_id,
                  struct shelf_events *events);

/* One step of looking through, repairing, deleting what is too old or too much. Returns true when
 * it should be called again at once. `retries`: broken ones are tried again. */
bool shelf_step(struct shelf *shelf, const struct recorder_config *config, int64_t now_us,
                bool retries, struct shelf_events *events);

#endif
