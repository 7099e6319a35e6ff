/*
 * codec - what the headers of H.264, H.265, AV1, AAC and Opus say, and nothing about pictures.
 *
 *     ingest                                             mp4, hls, webrtc
 *     parameter sets --h264_write_avcc()--> format.config --codec_complete_format()--> width, ...
 *                                                 \--codec_write_codecs_text()--> "avc1.64001f"
 *
 * Everything here is a function from bytes to values: no state, no allocation but the bufs that
 * are returned, no logging. Bytes come from the network and are never trusted: what is broken is
 * ERR_MALFORMED, what is legal but not for us is ERR_UNSUPPORTED, the diag has the sentence.
 *
 * Spec      ITU-T H.264 and H.265, ISO/IEC 14496-15 (avcC, hvcC), 14496-3 (AudioSpecificConfig),
 *           AV1 bitstream and AV1-ISOBMFF, RFC 6716 and RFC 7845 (Opus), RFC 6381 (CODECS).
 * Threads   Any.
 */
#ifndef CODEC_CODEC_H
#define CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "media/format.h"

struct writer;

enum {
    CODEC_CONFIG_MAX = 4096,    /* the longest decoder configuration or parameter set taken */
    CODEC_DIMENSION_MAX = 16384 /* pixels; wider or higher is ERR_UNSUPPORTED */
};

/* Bytes are passed as slices without a reference (`buf` is NULL or ignored): a NAL unit without
 * start code or length, a packet, a configuration. What a function returns in a slice borrows from
 * its input in the same way. */
static inline struct slice codec_bytes(const void *data, size_t len)
{
    return (struct slice){NULL, (const uint8_t *)data, len};
}

/* ---- NAL units ---- */

/* Walks NAL units, in front of each its length in 1, 2 or 4 bytes, or Annex-B start codes.
 *     struct nal_walk walk = nal_walk_lengths(payload, 4);
 *     struct slice nal;
 *     while (nal_walk_next(&walk, &nal)) { ... }
 *     if (walk.failed) return ERR_MALFORMED;
 * Empty NAL units are skipped. A length that reaches past the end sets `failed`. */
struct nal_walk {
    const uint8_t *ptr;
    size_t left;
    unsigned length_size; /* 0: Annex B */
    bool failed;
};

struct nal_walk nal_walk_lengths(struct slice payload, unsigned length_size);
struct nal_walk nal_walk_annex_b(struct slice stream);
bool nal_walk_next(struct nal_walk *walk, struct slice *ret_nal);

/* ---- H.264 ---- */

enum h264_nal_type {
    H264_NAL_SLICE = 1,
    H264_NAL_IDR = 5,
    H264_NAL_SEI = 6,
    H264_NAL_SPS = 7,
    H264_NAL_PPS = 8,
    H264_NAL_AUD = 9,
    H264_NAL_END_OF_SEQUENCE = 10,
    H264_NAL_END_OF_STREAM = 11,
    H264_NAL_FILLER = 12
};

/* nal_unit_type of a NAL unit; 0 for an empty one. */
static inline unsigned h264_nal_type(struct slice nal)
{
    return nal.len ? nal.data[0] & 31U : 0;
}

struct h264_sps {
    uint8_t profile_idc;
    uint8_t constraint_flags; /* the byte after profile_idc, as in CODECS */
    uint8_t level_idc;
    uint8_t id;
    uint8_t chroma_format_idc;
    uint8_t bit_depth_luma;
    uint8_t bit_depth_chroma;
    uint32_t width; /* as shown, after cropping */
    uint32_t height;
    uint32_t sar_width; /* sample aspect ratio; 0:0 when not said */
    uint32_t sar_height;
    int64_t frame_duration_us; /* from the VUI timing; 0 when not said */
    bool may_reorder;          /* B-frames are possible: pts may differ from dts */
    uint32_t reorder_count;    /* max_num_reorder_frames, when has_reorder_count */
    bool has_reorder_count;
    bool has_colour; /* the three below are set: ISO 23091-2 code points */
    uint8_t colour_primaries;
    uint8_t colour_transfer;
    uint8_t colour_matrix;
    bool is_full_range;
};

/* Parses a sequence parameter set, a whole NAL unit (H.264 section 7.3.2.1.1).
 * ERR_MALFORMED, ERR_UNSUPPORTED (dimensions over CODEC_DIMENSION_MAX). */
MUST_USE enum err h264_parse_sps(struct slice nal, struct h264_sps *ret_sps);

enum { H264_SPS_COUNT_MAX = 4, H264_PPS_COUNT_MAX = 16 };

/* The parameter sets of a stream, borrowed. */
struct h264_params {
    struct slice sps[H264_SPS_COUNT_MAX];
    size_t sps_count;
    struct slice pps[H264_PPS_COUNT_MAX];
    size_t pps_count;
    unsigned length_size; /* bytes of the length in front of each NAL unit: 1, 2, 4 */
};

/* Builds an AVCDecoderConfigurationRecord (ISO 14496-15 section 5.3.3.1); the length size written
 * is always 4. ERR_MALFORMED: no SPS or PPS, or one that cannot be parsed; ERR_LIMIT: longer than
 * CODEC_CONFIG_MAX. On OK the caller owns *ret_avcc. */
MUST_USE enum err h264_write_avcc(const struct h264_params *params, struct buf **ret_avcc);

/* Parses one. The params borrow from `avcc`. ERR_MALFORMED; ERR_LIMIT: too many sets. */
MUST_USE enum err h264_parse_avcc(struct slice avcc, struct h264_params *ret_params);

/* Questions about the payload of a sample (4-byte lengths). Malformed payloads answer false. */
bool h264_has_idr(struct slice payload);
bool h264_has_slice(struct slice payload);

/* ---- H.265 ---- */

struct h265_config {
    uint8_t profile_space;
    uint8_t profile_idc;
    bool is_high_tier;
    uint8_t level_idc;
    uint32_t compatibility_flags;
    uint8_t constraint_flags[6];
    unsigned length_size;
    uint32_t width;
    uint32_t height;
};

/* Parses an HEVCDecoderConfigurationRecord with the dimensions of its first SPS.
 * ERR_MALFORMED, ERR_UNSUPPORTED. */
MUST_USE enum err h265_parse_hvcc(struct slice hvcc, struct h265_config *ret_config);

/* ---- AV1 ---- */

struct av1_config {
    uint8_t profile;
    uint8_t level_idx;
    bool is_high_tier;
    uint8_t bit_depth; /* 8, 10, 12 */
    uint32_t width;    /* largest frame of the sequence */
    uint32_t height;
};

/* Parses an AV1CodecConfigurationRecord that carries its sequence header OBU. */
MUST_USE enum err av1_parse_av1c(struct slice av1c, struct av1_config *ret_config);

/* ---- AAC ---- */

struct aac_config {
    uint8_t object_type;  /* the core's: 2 = LC; with SBR 5 and PS 29 see below */
    bool has_sbr;         /* said explicitly */
    bool has_ps;          /* said explicitly */
    uint32_t sample_rate; /* of the output: doubled by SBR when the config says so */
    uint32_t channels;    /* 1..8 */
    uint32_t frame_len;   /* output samples of one access unit: 1024 or 960, doubled by SBR */
};

/* Parses an AudioSpecificConfig (ISO 14496-3 section 1.6.2.1), hierarchical or backward-compatible
 * SBR signalling. ERR_MALFORMED; ERR_UNSUPPORTED: not an AAC object type, or channels unknown. */
MUST_USE enum err aac_parse_config(struct slice config, struct aac_config *ret_config);

/* Builds the AudioSpecificConfig of AAC-LC; `channels` 1..7 or 8. ERR_INVALID: no such layout. On
 * OK the caller owns *ret_config. */
MUST_USE enum err aac_write_lc_config(uint32_t sample_rate, uint32_t channels,
                                      struct buf **ret_config);

/* One access unit of silence for AAC-LC with 1 or 2 channels, a new reference; NULL for others. */
struct buf *aac_silence(uint32_t channels);

/* ---- Opus ---- */

/* Duration in samples at 48 kHz, 120..5760, from the TOC (RFC 6716 section 3.1); 0: malformed. */
uint32_t opus_packet_len(struct slice packet);

struct opus_head {
    uint8_t channels;
    uint16_t pre_skip;
    uint32_t input_sample_rate;
    int16_t output_gain;
    uint8_t mapping_family;
    struct slice mapping_table; /* stream count, coupled count, mapping; empty for family 0 */
};

/* Parses OpusHead (RFC 7845 section 5.1). An empty `head` means stereo, as in WebRTC. */
MUST_USE enum err opus_parse_head(struct slice head, struct opus_head *ret_head);

/* 20 ms of silence, mono or stereo. A new reference. */
struct buf *opus_silence(uint32_t channels);

/* ---- All codecs ---- */

/* Fills width, height, sample_rate and channels from `config`; call it before the format is
 * shared. ERR_MALFORMED, ERR_UNSUPPORTED, with a sentence in the diag; the format is untouched. */
MUST_USE enum err codec_complete_format(struct format *format, struct diag *diag);

/* Writes the CODECS entry (RFC 6381): "avc1.64001f", "hvc1.1.6.L93.B0", "av01.0.08M.08",
 * "mp4a.40.2", "opus". ERR_MALFORMED or ERR_UNSUPPORTED (VP8, VP9, MP3 are not put into HLS). */
MUST_USE enum err codec_write_codecs_text(struct writer *w, const struct format *format);

/* Samples of one access unit at the format's sample rate; 0: not known. For AAC it is the same for
 * each unit, so ask once with an empty payload. */
uint32_t codec_audio_frame_len(const struct format *format, struct slice payload);

/* One access unit of silence in this format, or NULL where none is known. A new reference. */
struct buf *codec_silence(const struct format *format);

#endif
