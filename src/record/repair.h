/*
 * repair - makes a recording whole that a crash has cut off. Private to record/.
 *
 * The list names what was written whole; behind that there may be whole fragments that it does not
 * name yet, and a broken one. So: believe the list as far as the files reach, walk on fragment by
 * fragment, cut the files behind the last whole one, and write the list anew with its end. Without
 * a list that can be read everything is found by walking.
 *
 * Threads   The pool's thread. Blocks.
 */
#ifndef RECORD_REPAIR_H
#define RECORD_REPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct repair_result {
    bool is_empty; /* nothing could be saved; the folder is gone */
    int64_t duration_us;
    uint64_t bytes;
};

/* ERR_LIMIT, ERR_IO: nothing was lost, try again later. */
MUST_USE enum err repair_folder(int root, uint64_t channel_id, uint64_t broadcast_id,
                                struct repair_result *ret_result, struct diag *diag);

/* Deletes a recording. Files that are not ours keep the folder: ERR_IO. */
MUST_USE enum err repair_remove_folder(int root, uint64_t channel_id, uint64_t broadcast_id,
                                       struct diag *diag);

#endif
