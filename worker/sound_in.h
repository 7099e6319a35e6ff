/*
 * sound_in - decodes packets of one stream to 48 kHz stereo, floats, interleaved.
 *
 * Opus goes straight to libopus, which decodes to this form by itself and conceals losses; AAC and
 * MP3 go through libavcodec and libswresample.
 */
#ifndef WORKER_SOUND_IN_H
#define WORKER_SOUND_IN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "transcode/frame.h"

struct sound_in;

/* Most samples (of each channel) that one packet may give: 120 ms of Opus, or a long frame of
 * AAC at 8 kHz with what the resampler held back. */
enum { SOUND_PACKET_MAX = 16384 };

/* ERR_UNSUPPORTED: no decoder for this codec or configuration; *ret_reason tells why. */
MUST_USE enum err sound_in_create(const struct frame_open *open, struct sound_in **ret_in,
                                  const char **ret_reason);
void sound_in_destroy(struct sound_in *in);

/* Looks at a packet before it is decoded: *ret_count is how many samples it holds, 0 when that is
 * known only after decoding (then decode first). ERR_MALFORMED: not a packet of this codec. */
MUST_USE enum err sound_in_measure(struct sound_in *in, const uint8_t *bytes, size_t len,
                                   uint32_t *ret_count);

/* Decodes to `pcm` (2 * SOUND_PACKET_MAX floats). ERR_MALFORMED: nothing was decoded. */
MUST_USE enum err sound_in_decode(struct sound_in *in, const uint8_t *bytes, size_t len, float *pcm,
                                  uint32_t *ret_count);

/* Makes up `count` (<= SOUND_PACKET_MAX) samples for what was lost, as well as the codec can. */
void sound_in_conceal(struct sound_in *in, float *pcm, uint32_t count);

/* The same for what was lost just before this packet, which may carry a spare copy of it. */
void sound_in_recover(struct sound_in *in, const uint8_t *bytes, size_t len, float *pcm,
                      uint32_t count);

#endif
