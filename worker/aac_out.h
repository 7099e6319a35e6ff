/*
 * aac_out - encodes 48 kHz stereo to AAC-LC, and knows which time each packet has.
 *
 * FFmpeg's encoder gives nothing for the first frame, then a packet of priming (silence that the
 * overlapping windows need), then one packet a frame. The priming is left out here, so the first
 * packet that comes out is the sound of the first frame and carries its time: players hear no
 * delay and need no edit list.
 */
#ifndef WORKER_AAC_OUT_H
#define WORKER_AAC_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "transcode/frame.h"

struct aac_out;

enum { AAC_FRAME_SAMPLES = 1024 };

/* One packet; the bytes are borrowed during the call. */
typedef void aac_out_fn(void *ctx, const struct frame *sample);

/* `on_sample` gets frames whose stream_id is 0: the caller's to fill in. ERR_UNSUPPORTED: the
 * encoder refuses. */
MUST_USE enum err aac_out_create(const struct frame_open *open, aac_out_fn *on_sample, void *ctx,
                                 struct aac_out **ret_out);
void aac_out_destroy(struct aac_out *out);

/* AudioSpecificConfig. Borrowed. */
const uint8_t *aac_out_config(const struct aac_out *out, size_t *ret_len);

/* The next sample appended is at `origin_us`: fills up the frame that was begun with silence. */
void aac_out_begin(struct aac_out *out, int64_t origin_us);

/* Appends samples, interleaved. */
void aac_out_append(struct aac_out *out, const float *pcm, uint32_t count);

/* Encodes what is left; nothing may be appended after it. */
void aac_out_finish(struct aac_out *out);

#endif
