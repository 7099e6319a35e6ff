/*
 * folder - the files of one recording, as the thread writes them. Private to record/.
 *
 * No descriptor is kept between two segments: a thousand recordings cost none, and a folder that
 * somebody removed by hand is an error of one recording. What is written stands at the offset that
 * this struct knows, so bytes that a failed write left behind are written over or cut off.
 *
 * Threads   The pool's thread. Every call blocks.
 * Errors    ERR_LIMIT: no room (disk full, quota); ERR_IO. The diag has a sentence for people.
 */
#ifndef RECORD_FOLDER_H
#define RECORD_FOLDER_H

#include "base/err.h"
#include "record/playlist.h"

struct hls_init;
struct hls_segment;

struct record_folder {
    int root; /* descriptor of the folder of all recordings; borrowed */
    uint64_t channel_id;
    uint64_t broadcast_id;
    struct hls_init
        *init;           /* of the file that is being written; NULL: the next segment begins one */
    uint32_t file;       /* its number; 0: none yet */
    uint32_t first_file; /* that was written since folder_open() */
    uint64_t file_len;
    uint64_t playlist_len; /* 0: there is no playlist yet */
    struct playlist_header header;
    uint64_t other_bytes; /* of the files before this one */
    int64_t duration_us;
};

/* Relative to the root: "7/12" and "7/12/3.mp4" (file 0: the playlist). Fits 80 bytes. */
enum { FOLDER_PATH_LEN_MAX = 79 };
void folder_path(char to[FOLDER_PATH_LEN_MAX + 1], uint64_t channel_id, uint64_t broadcast_id);
void folder_file_path(char to[FOLDER_PATH_LEN_MAX + 1], uint64_t channel_id, uint64_t broadcast_id,
                      uint32_t file);

/* Makes the folder, or takes up one that was finished before: then the next segment begins a new
 * file behind a discontinuity. */
MUST_USE enum err folder_open(struct record_folder *folder, int root, uint64_t channel_id,
                              uint64_t broadcast_id, struct diag *diag);

/* Adds a segment: bytes first, then its lines. After an error the files are as before. */
MUST_USE enum err folder_append(struct record_folder *folder, const struct hls_segment *segment,
                                bool is_gap, int64_t target_duration_us, struct diag *diag);

/* Gives the list its end and syncs everything. After an error it can be called again. */
MUST_USE enum err folder_finish(struct record_folder *folder, struct diag *diag);

/* Bytes of all files. */
uint64_t folder_bytes(const struct record_folder *folder);

/* Releases the memory; the files stay. */
void folder_deinit(struct record_folder *folder);

/* ---- for the repair ---- */

/* The whole playlist in a block of its own; an empty text when there is none. */
MUST_USE enum err folder_load_playlist(int root, uint64_t channel_id, uint64_t broadcast_id,
                                       char **ret_block, struct text *ret_text, struct diag *diag);

/* Puts a new playlist in the place of the old one, in one step. */
MUST_USE enum err folder_replace_playlist(int root, uint64_t channel_id, uint64_t broadcast_id,
                                          const struct text *pieces, size_t count,
                                          struct diag *diag);

/* The highest n of its n.mp4; 0: there is none. There may be holes: a repair deletes a file of
 * which nothing could be saved. */
MUST_USE enum err folder_last_file(int root, uint64_t channel_id, uint64_t broadcast_id,
                                   uint32_t *ret_file, struct diag *diag);

/* Syncs a file or a folder. */
MUST_USE enum err folder_sync(int root, const char *path, struct diag *diag);

/* errno as a code and a sentence about recordings. */
enum err folder_fail(int error, const char *what, struct diag *diag);

#endif
