/*
 * stream - one sound on its way through the worker: decode, put on the timeline, encode.
 *
 *     packet -> sound_in -> sound_clock: fill, stretch, drop, jump -> aac_out -> packet
 */
#ifndef WORKER_STREAM_H
#define WORKER_STREAM_H

#include <stdint.h>

#include "aac_out.h"
#include "base/err.h"
#include "sound_in.h"
#include "transcode/frame.h"

struct stream;

/* Room for one packet, decoded and then stretched: shared by all streams, because they work one
 * after the other. */
struct scratch {
    float decoded[2 * SOUND_PACKET_MAX];
    float made[2 * SOUND_PACKET_MAX + 128];
};

/* `on_sample` gets what comes out, with the stream's id. ERR_UNSUPPORTED: *ret_reason. */
MUST_USE enum err stream_create(uint32_t id, const struct frame_open *open, struct scratch *scratch,
                                aac_out_fn *on_sample, void *ctx, struct stream **ret_stream,
                                const char **ret_reason);
void stream_destroy(struct stream *stream);

uint32_t stream_id(const struct stream *stream);

/* The payload of the answer to OPEN. Borrows from the stream. */
struct frame_opened stream_opened(const struct stream *stream);

/* A packet that cannot be decoded is taken as lost. */
void stream_packet(struct stream *stream, const struct frame *packet);

void stream_advance(struct stream *stream, int64_t until_us);

/* Encodes what is left; only stream_destroy() may follow. */
void stream_finish(struct stream *stream);

#endif
