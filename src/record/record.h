/*
 * record - broadcasts kept on the local disk, and found again by a path.
 *
 *     media loop                                  thread of the pool (one)
 *     snapshots --recorder_on_snapshot()--> job: one finished segment, by reference --> files
 *     on_status, on_deleted <------------- done ----------------------------'
 *
 * A recording is a folder, and what is in it can be read at any moment, also after a crash:
 *
 *     <root>/<channel id>/<broadcast id>/1.mp4        fragmented MP4: init, then the segments
 *                                        2.mp4 ...    after a change of format, or after a pause
 *                                        index.m3u8   byte ranges of these files; VOD when it ended
 *
 * Files only grow. A segment is written to its .mp4 first and listed in the playlist then, so the
 * list never names what is not there. What a crash cuts off (at most the segment that was being
 * written and those in the queue) is cut away at the next start: the playlist gets its end, and
 * whole fragments that it did not name yet are added to it.
 *
 * Disk      The media loop never waits for it. Each recording may have RECORD_QUEUE_BYTES_MAX of
 *           segments waiting for the thread, all together RECORD_QUEUE_TOTAL_MAX; beyond it, or on
 *           any error of the disk, the recording ends with a sentence and the broadcast goes on.
 *           Nothing is synced while it runs: after a power cut the kernel may have kept back the
 *           last half minute. At its end files, playlist and folder are synced before on_status
 *           tells that it is final.
 * Room      With bytes_max the oldest finished recordings are deleted to make room; one that finds
 *           none left ends. With keep_us each is deleted so long after its end.
 * Start-up  The thread looks through the folders in small steps between segments; recordings that
 *           were cut off are repaired and told as final, with is_repaired.
 * Threads   recorder_*() and the handlers on the loop given; record_file_*() blocks and belongs to
 *           a pool's thread; the rest anywhere.
 * Formats   ISO/IEC 14496-12 as mp4/ writes it; RFC 8216 (version 7: EXT-X-MAP, EXT-X-BYTERANGE).
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

struct hls_snapshot;
struct loop;
struct pool;
struct recorder;
struct writer;

enum {
    RECORD_QUEUE_BYTES_MAX = 48 << 20,
    RECORD_QUEUE_TOTAL_MAX = 512 << 20,
    RECORD_REASON_LEN_MAX = 239,
    RECORD_URL_LEN_MAX = 79,
};

struct recorder_config {
    const char *root;   /* the folder of all recordings; made when the first one begins. Borrowed */
    bool records_all;   /* every broadcast; else those that recorder_start() names */
    int64_t keep_us;    /* 0: for ever */
    uint64_t bytes_max; /* of all recordings; 0: as much as the disk holds */
};

enum record_state {
    RECORD_RUNNING = 1, /* or waiting for the first segment */
    RECORD_ENDED,
    RECORD_FAILED, /* ended before its time; what was written is kept */
};

struct record_status {
    uint64_t channel_id;
    uint64_t broadcast_id;
    enum record_state state;
    int64_t started_at_us;  /* wall clock */
    int64_t duration_us;    /* of what is written */
    uint64_t bytes;         /* of the folder; 0: nothing was written, there is nothing to play */
    bool is_final;          /* nothing more is written: the list has its end, all is synced. (When
                               the disk refuses even that, it is repaired some minutes later.) */
    bool is_repaired;       /* a crash had cut it off, or the end could not be written before */
    bool is_broadcast_over; /* with is_final: recorder_end() asked to be told */
    char reason[RECORD_REASON_LEN_MAX + 1]; /* FAILED: a sentence for people */
};

/* Called from inside recorder_*() and from the loop; they must not call back. */
struct recorder_handler {
    /* Begun, grown, ended; `status` is borrowed. */
    void (*on_status)(void *ctx, const struct record_status *status);
    /* The files of this broadcast are gone. */
    void (*on_deleted)(void *ctx, uint64_t channel_id, uint64_t broadcast_id);
};

struct recorder_counters {
    uint64_t running;
    uint64_t failed;     /* since the start of the program */
    size_t queued_bytes; /* waiting for the disk */
    uint64_t bytes;      /* on the disk, as far as it was looked through */
    uint64_t recordings;
};

/* The pool has one thread; it is borrowed, and destroyed after the recorder. The look through the
 * folders is queued at once. */
struct recorder *recorder_create(struct loop *loop, struct pool *pool,
                                 const struct recorder_config *config,
                                 const struct recorder_handler *handler, void *ctx);

/* Ends all recordings and calls back once their files are complete; the recorder is then gone. */
void recorder_close(struct recorder *recorder, void (*on_closed)(void *ctx), void *ctx);

/* The time for an orderly end is over: what waits for the disk is dropped, and the files end with
 * what is written. */
void recorder_drop_queue(struct recorder *recorder);

/* The newest snapshot of a broadcast; borrowed. A recording of another broadcast of this channel
 * ends by it, and so does one whose snapshot has the end of the list. */
void recorder_on_snapshot(struct recorder *recorder, uint64_t channel_id, uint64_t broadcast_id,
                          const struct hls_snapshot *snapshot);

/* Records this broadcast from the next segment on; `snapshot` is its newest, or NULL when it has
 * none yet. Goes on behind a discontinuity when it was recorded before. OK when it is recorded
 * already. ERR_CONFLICT: its last recording is still being finished; the diag has a sentence. */
MUST_USE enum err recorder_start(struct recorder *recorder, uint64_t channel_id,
                                 uint64_t broadcast_id, const struct hls_snapshot *snapshot,
                                 struct diag *diag);

/* Ends the recording of this broadcast, which goes on. Nothing happens when there is none. */
void recorder_stop(struct recorder *recorder, uint64_t channel_id, uint64_t broadcast_id);

/* The broadcast is over. True: on_status follows once with is_final and is_broadcast_over; false:
 * nothing of it has to be waited for. */
bool recorder_end(struct recorder *recorder, uint64_t channel_id, uint64_t broadcast_id);

/* Deletes the files of a broadcast, or with broadcast_id 0 those of all broadcasts of the channel;
 * recordings that run are left out. on_deleted follows for each. */
void recorder_delete(struct recorder *recorder, uint64_t channel_id, uint64_t broadcast_id);

/* Once a minute: deletes what is too old, and tries again to finish what could not be finished. */
void recorder_tidy(struct recorder *recorder);

struct recorder_counters recorder_get_counters(const struct recorder *recorder);

/* ---- what is behind a path ---- */

/* "/recordings/7/12/index.m3u8" */
void record_write_url(struct writer *w, uint64_t channel_id, uint64_t broadcast_id);

struct record_name {
    uint64_t channel_id;
    uint64_t broadcast_id;
    uint32_t file; /* the n of n.mp4; 0: index.m3u8 */
};

/* Numbers without leading zeroes and the names above; anything else is false. */
bool record_name_parse(struct text channel, struct text broadcast, struct text file,
                       struct record_name *ret_name);

/* A file that is being read. Zeroed but for fd -1 when closed. */
struct record_file {
    int fd;
    uint64_t len;  /* of a playlist that grows: up to its last whole entry */
    bool is_final; /* it will never change */
    char etag[48]; /* with quotes; another one whenever the bytes are */
};

/* ERR_NOT_FOUND; ERR_IO. Blocks. */
MUST_USE enum err record_file_open(const char *root, const struct record_name *name,
                                   struct record_file *ret_file);
/* Exactly these bytes, which are within file->len. ERR_IO. Blocks. */
MUST_USE enum err record_file_read(const struct record_file *file, uint64_t offset, void *to,
                                   size_t len);
void record_file_close(struct record_file *file);

#endif
