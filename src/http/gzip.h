/*
 * gzip - compresses bodies with zlib. A compressor keeps its 260 kB of state and is used again.
 *
 * Threads   A compressor belongs to one thread.
 * Spec      RFC 1952
 */
#ifndef HTTP_GZIP_H
#define HTTP_GZIP_H

#include "base/buf.h"

enum { GZIP_LEN_MAX = 4 * 1024 * 1024 }; /* what is longer is sent as it is */

struct gzip;

struct gzip *gzip_create(void);
void gzip_destroy(struct gzip *gzip);

/* The slices as one gzip member, with one reference; NULL when it would not be smaller, or is over
 * GZIP_LEN_MAX. */
struct buf *gzip_compress(struct gzip *gzip, const struct slice *slices, size_t count);

#endif
