/*
 * whip_media - a picture from an FLV file and sound from an Ogg file as RTP payloads, cut once for
 * all publishers: sending one is then a header, a copy and a cipher.
 */
#ifndef BENCH_WHIP_MEDIA_H
#define BENCH_WHIP_MEDIA_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "base/writer.h"

struct whip_payload {
    size_t at; /* in `bytes` of the track */
    size_t len;
};

/* What has one timestamp: an access unit, or a packet of Opus. */
struct whip_unit {
    int64_t ticks; /* since the first unit */
    size_t first_payload;
    size_t payload_count;
};

struct whip_track {
    uint32_t clock_rate;
    int64_t duration; /* ticks, until the first unit may come again */
    struct writer bytes;
    VEC(struct whip_payload) payloads;
    VEC(struct whip_unit) units;
};

enum { WHIP_AUDIO, WHIP_VIDEO, WHIP_TRACKS };

struct whip_media {
    struct whip_track tracks[WHIP_TRACKS];
    uint32_t profile_level; /* of the H.264: profile-level-id */
};

/* H.264 by RFC 6184 (packetization-mode 1), Opus by RFC 7587. The diag says what is wrong with the
 * files. The caller owns the media, also after an error. */
MUST_USE enum err whip_media_load(const char *flv_path, const char *opus_path,
                                  struct whip_media *media, struct diag *diag);
void whip_media_deinit(struct whip_media *media);

#endif
