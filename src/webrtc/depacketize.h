/*
 * depacketize - RTP payloads back into samples: H.264 (RFC 6184) and Opus (RFC 7587).
 *
 * H.264, packetization-mode 1:
 *
 *   1..23  one NAL unit        | the packets of one access unit, in order
 *   24     STAP-A: size, NAL   |   -> depacketize_h264_measure(): parameter sets noted, size known
 *   28     FU-A: S E R, part   |   -> depacketize_h264_write(): each byte copied once, to its place
 *
 * The sample holds NAL units behind their length in 4 bytes. Delimiters, filler and parameter sets
 * are left out; SPS and PPS are kept in struct h264_sets, which makes the format.
 *
 * Private to webrtc/. Payloads are borrowed during the call.
 */
#ifndef WEBRTC_DEPACKETIZE_H
#define WEBRTC_DEPACKETIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct format;

enum { /* RFC 6184 table 1: packings; below them stand the NAL unit types of H.264 */
       RTP_H264_STAP_A = 24,
       RTP_H264_FU_A = 28,
};

enum {
    H264_SETS_SPS_MAX = 4, /* encoders use one or two; a new one replaces the oldest */
    H264_SETS_PPS_MAX = 8,
    H264_SETS_NAL_LEN_MAX = 256, /* a longer parameter set is ignored */
};

/* One parameter set. */
struct h264_set {
    struct buf *nal; /* NULL: free place */
    uint32_t id;
    uint32_t sps_id; /* of a PPS */
    uint32_t width;  /* of an SPS: after cropping */
    uint32_t height;
    uint64_t age; /* of its last change, counted in changes */
};

/* The parameter sets of a track. Zeroed is empty and valid. */
struct h264_sets {
    struct h264_set sps[H264_SETS_SPS_MAX];
    struct h264_set pps[H264_SETS_PPS_MAX];
    uint64_t change_count; /* rises when a set is new or differs from the one with the same id */
};

void h264_sets_deinit(struct h264_sets *sets);

/* Keeps a copy of an SPS or PPS, unless it is known or broken. */
void h264_sets_put(struct h264_sets *sets, const uint8_t *nal, size_t len);

/* The format (avcC, dimensions) for pictures that use this PPS; the active SPS comes first. The
 * caller owns it; it is equal for all pictures of one sequence. NULL: the PPS or its SPS is not
 * known. */
struct format *h264_sets_format(const struct h264_sets *sets, uint32_t pps_id);

/* What measure learns of an access unit. */
struct h264_unit {
    size_t len; /* bytes of the sample; 0: nothing but parameter sets and the like */
    bool has_slices;
    bool is_keyframe; /* has IDR slices */
    uint32_t pps_id;  /* of the first slice */
};

/* Walks the payloads of one access unit and hands its parameter sets to `sets`. Empty payloads are
 * skipped. ERR_MALFORMED: a fragment is missing or a length does not fit: drop the unit.
 * ERR_UNSUPPORTED: a packing of mode 2. `sets` may have changed even then. */
MUST_USE enum err depacketize_h264_measure(const struct slice *payloads, size_t count,
                                           struct h264_sets *sets, struct h264_unit *ret_unit);

/* Writes what measure has measured: `len` is unit.len, the payloads are the same. */
void depacketize_h264_write(const struct slice *payloads, size_t count, uint8_t *to, size_t len);

/* True when the payload holds an SPS, which comes before all slices of a key frame: decoding can
 * start with this packet, whatever was lost before it. */
bool depacketize_h264_starts_keyframe(const uint8_t *payload, size_t len);

/* The decoder configuration of Opus, OpusHead (RFC 7845 section 5.1). The caller owns it. */
struct buf *depacketize_opus_head(uint8_t channels, uint32_t sample_rate);

#endif
