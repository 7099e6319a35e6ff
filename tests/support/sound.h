/*
 * sound - makes and measures sound for tests: Opus packets of a sine wave, and AAC decoded again.
 */
#ifndef TESTS_SUPPORT_SOUND_H
#define TESTS_SUPPORT_SOUND_H

#include <stddef.h>
#include <stdint.h>

struct sound_source;
struct sound_sink;

/* A sine of 440 Hz with amplitude 0.5, as Opus packets of 20 ms. */
struct sound_source *sound_source_create(int channels);
void sound_source_destroy(struct sound_source *source);

/* The next packet; `is_silent` makes it silence. Borrowed until the next call. */
const uint8_t *sound_source_next(struct sound_source *source, int is_silent, size_t *ret_len);

/* The same sine as AAC of another shape, mono, for what is not Opus: hands `count` packets of 1024
 * samples to `on_packet`, after `config` (AudioSpecificConfig). */
struct aac_listener {
    void (*on_config)(void *ctx, const uint8_t *config, size_t len);
    void (*on_packet)(void *ctx, const uint8_t *bytes, size_t len);
};
void sound_make_aac(int rate, int count, const struct aac_listener *listener, void *ctx);

/* Decodes AAC as players do. */
struct sound_sink *sound_sink_create(const uint8_t *config, size_t len);
void sound_sink_destroy(struct sound_sink *sink);

/* Fails the test when the packet cannot be decoded to 1024 samples of 48 kHz stereo. */
void sound_sink_push(struct sound_sink *sink, const uint8_t *bytes, size_t len);

/* Samples (of each channel) decoded. The first 1024 are what comes out for the first packet. */
size_t sound_sink_count(const struct sound_sink *sink);

/* Root of the mean square of samples [from, from + count) of a channel. A sine of amplitude 0.5 has
 * 0.354. */
double sound_sink_rms(const struct sound_sink *sink, int channel, size_t from, size_t count);

/* Zero crossings upwards in that range: the frequency, for a sine. */
size_t sound_sink_crossings(const struct sound_sink *sink, size_t from, size_t count);

#endif
