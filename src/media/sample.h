/*
 * sample - one access unit of video or one frame of audio, with its times. Immutable, ref-counted.
 *
 * The payload is a slice of a buf: an ingest writes the bytes once and nobody copies them again
 * until the packager lays them into a part.
 *
 *   H.264, H.265   NAL units, each behind its length in 4 bytes big-endian (ISO 14496-15), without
 *                  start codes, without parameter sets (they are in the format), without AUD
 *   AAC            one raw_data_block, no ADTS header
 *   Opus           one packet
 *   others         one frame as the codec defines it
 *
 * Times are microseconds on the timeline of the broadcast, which the live channel makes continuous:
 * dts never goes back within a track; pts - dts is the composition offset.
 *
 * Threads   References may be taken and dropped on any thread.
 */
#ifndef MEDIA_SAMPLE_H
#define MEDIA_SAMPLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "media/format.h"

struct sample {
    atomic_uint refs;
    enum media_kind kind;
    bool is_keyframe; /* decoding can start here; audio: always true */
    int64_t dts_us;
    int64_t pts_us;
    int64_t duration_us; /* 0: not known before the next sample comes */
    struct slice payload;
};

/* A sample with one reference; takes the payload. Fill the times before sharing it. */
struct sample *sample_create(enum media_kind kind, struct slice payload);
struct sample *sample_ref(const struct sample *sample);

/* Returns NULL. NULL is allowed. */
struct sample *sample_unref(struct sample *sample);

#endif
