/*
 * rtp - the RTP packet (RFC 3550 section 5.1) with header extensions (RFC 8285), as a view of the
 * bytes it was parsed from.
 *
 *    0                   1                   2                   3
 *   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *   |                           timestamp                           |
 *   |                             SSRC                              |
 *   | CSRC * CC | profile, length, extensions (X) | payload | padding, its length (P) |
 *
 * Private to webrtc/. Ownership: everything is borrowed from the packet.
 */
#ifndef WEBRTC_RTP_H
#define WEBRTC_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/reader.h"

struct writer;

enum {
    RTP_HEADER_LEN = 12,
    RTP_EXTENSION_ONE_BYTE = 0xBEDE, /* RFC 8285 section 4.2 */
    RTP_EXTENSION_TWO_BYTE = 0x1000, /* section 4.3; the low four bits are the application's */
};

struct rtp_packet {
    bool has_marker;
    uint8_t payload_type; /* 0..127 */
    uint16_t seq;
    uint32_t timestamp;
    uint32_t ssrc;
    uint8_t csrc_count; /* 0..15 */
    const uint8_t *csrcs;
    uint16_t extension_profile; /* 0: no extension header */
    const uint8_t *extensions;  /* its content */
    size_t extensions_len;      /* a multiple of 4 */
    const uint8_t *payload;
    size_t payload_len; /* without padding */
    uint8_t padding_len;
};

struct rtp_extension {
    uint8_t id; /* 1..14, or 1..255 in the two-byte form */
    const uint8_t *data;
    size_t len;
};

/* ERR_MALFORMED: another version, or lengths that do not fit. */
MUST_USE enum err rtp_parse(const uint8_t *bytes, size_t len, struct rtp_packet *ret_packet);

/* Walks the extensions: start with a reader over packet->extensions. False at the end, at bytes
 * that are no extension, and for a profile that is not of RFC 8285. */
bool rtp_next_extension(struct reader *r, uint16_t profile, struct rtp_extension *ret_extension);

/* Writes header, payload and padding. The lengths and counts must obey the comments above. */
void rtp_write(struct writer *w, const struct rtp_packet *packet);

/* The 64-bit number next to `near` whose low bits are given: sequence numbers and timestamps wrap
 * on the wire, and never behind this. */
static inline int64_t rtp_extend_seq(int64_t near, uint16_t seq)
{
    return near + (int16_t)(uint16_t)(seq - (uint16_t)near);
}

static inline int64_t rtp_extend_timestamp(int64_t near, uint32_t timestamp)
{
    return near + (int32_t)(timestamp - (uint32_t)near);
}

#endif
