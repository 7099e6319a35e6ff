/*
 * file - a whole file in memory: what the load is made of is read before anything is measured.
 */
#ifndef BENCH_FILE_H
#define BENCH_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { FILE_LEN_MAX = 1 << 30 };

/* ERR_IO: not to be read. ERR_LIMIT: over 1 GB. On OK the caller owns *ret_bytes (mem_free). */
MUST_USE enum err file_load(const char *path, uint8_t **ret_bytes, size_t *ret_len);

#endif
