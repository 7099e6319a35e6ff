/*
 * ogg - the Opus packets of an Ogg file with one stream, whole in memory (RFC 3533, RFC 7845).
 */
#ifndef BENCH_OGG_H
#define BENCH_OGG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ogg_packet {
    const uint8_t *bytes;
    size_t len;
};

struct ogg {
    uint8_t *bytes; /* of all packets, one behind the other */
    struct ogg_packet *packets;
    size_t packet_count;
};

/* Checksums are not checked: the file was made a moment ago. ERR_IO: not to be read.
 * ERR_MALFORMED: no Opus in Ogg. ERR_LIMIT: too large. */
MUST_USE enum err ogg_load_opus(const char *path, struct ogg *ret_ogg);
void ogg_deinit(struct ogg *ogg);

#endif
