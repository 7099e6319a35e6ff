/*
 * format - what a track carries: codec, dimensions, decoder configuration. Immutable once shared.
 *
 * An ingest creates a new format whenever the encoder's configuration changes (other resolution,
 * other parameter sets); the packager answers with a new init segment and a discontinuity.
 *
 * Threads   References may be taken and dropped on any thread.
 */
#ifndef MEDIA_FORMAT_H
#define MEDIA_FORMAT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum media_kind { MEDIA_VIDEO = 1, MEDIA_AUDIO };

/*    code          name     kind         what struct format's config holds */
#define CODEC_TABLE(X)                                                                             \
    X(CODEC_H264, "h264", MEDIA_VIDEO) /* AVCDecoderConfigurationRecord (ISO 14496-15 5.3.3.1) */  \
    X(CODEC_H265, "h265", MEDIA_VIDEO) /* HEVCDecoderConfigurationRecord */                        \
    X(CODEC_AV1, "av1", MEDIA_VIDEO)   /* AV1CodecConfigurationRecord */                           \
    X(CODEC_VP8, "vp8", MEDIA_VIDEO)   /* nothing */                                               \
    X(CODEC_VP9, "vp9", MEDIA_VIDEO)   /* VPCodecConfigurationRecord */                            \
    X(CODEC_AAC, "aac", MEDIA_AUDIO)   /* AudioSpecificConfig (ISO 14496-3 1.6.2.1) */             \
    X(CODEC_OPUS, "opus", MEDIA_AUDIO) /* OpusHead (RFC 7845 5.1), or nothing: stereo default */   \
    X(CODEC_MP3, "mp3", MEDIA_AUDIO)   /* nothing */

enum codec {
    CODEC_NONE,
#define CODEC_ENUM(code, name, kind) code,
    CODEC_TABLE(CODEC_ENUM)
#undef CODEC_ENUM
};

const char *codec_name(enum codec codec);
enum media_kind codec_kind(enum codec codec);

struct format {
    atomic_uint refs;
    enum codec codec;
    uint32_t width; /* video: as shown, after cropping; 0 unknown */
    uint32_t height;
    uint32_t sample_rate; /* audio: Hz */
    uint32_t channels;    /* audio */
    struct buf *config;   /* decoder configuration, see CODEC_TABLE; NULL: none */
};

/* A format with one reference, zeroed but for the codec: fill it before sharing. Takes `config`. */
struct format *format_create(enum codec codec, struct buf *config);
struct format *format_ref(const struct format *format);
struct format *format_unref(struct format *format);

/* True when a decoder set up for one can go on with the other. NULL equals only NULL. */
bool format_equal(const struct format *a, const struct format *b);

#endif
