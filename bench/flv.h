/*
 * flv - the messages of an FLV file, whole in memory, as RTMP sends them (Adobe FLV 10.1, E.4.1).
 */
#ifndef BENCH_FLV_H
#define BENCH_FLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { FLV_AUDIO = 8, FLV_VIDEO = 9, FLV_SCRIPT = 18 };

struct flv_tag {
    uint8_t type;
    bool is_header; /* metadata or decoder configuration: sent once */
    uint32_t time_ms;
    const uint8_t *payload;
    size_t payload_len;
};

struct flv {
    uint8_t *bytes;
    struct flv_tag *tags;
    size_t tag_count;
    uint32_t duration_ms; /* until the file may begin again */
};

/* ERR_IO: not to be read. ERR_MALFORMED: not an FLV file. ERR_LIMIT: over 1 GB. */
MUST_USE enum err flv_load(const char *path, struct flv *ret_flv);
void flv_deinit(struct flv *flv);

#endif
