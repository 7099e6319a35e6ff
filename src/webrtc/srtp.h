/*
 * srtp - SRTP and SRTCP, one direction a context (RFC 3711, RFC 7714).
 *
 *     RTP    | header | CSRCs | extension | payload ........ | tag |
 *                                          ^--- encrypted --^
 *     RTCP   | header, SSRC | rest ......... | tag | E, index |        (AES-GCM)
 *     RTCP   | header, SSRC | rest ......... | E, index | tag |        (AES-CM, HMAC-SHA1)
 *
 * All work is in place and allocates nothing: ciphers are fetched once a program, and each context
 * keeps its keys; a packet sets only the IV. For each SSRC the context keeps the rollover counter
 * and a replay window; a packet that is not authentic changes nothing.
 *
 * (Names: OpenSSL has SRTP_AEAD_AES_128_GCM and libsrtp has srtp_protect, so ours differ.)
 *
 * Limits     SRTP_SSRCS_MAX SSRCs of RTP and as many of RTCP; packets of further ones are refused.
 */
#ifndef WEBRTC_SRTP_H
#define WEBRTC_SRTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct srtp_context;

enum {
    SRTP_SSRCS_MAX = 16,
    SRTP_WINDOW = 512,  /* packets behind the newest that are still taken, once each */
    SRTP_OVERHEAD = 20, /* the most that sealing adds: tag 16 and index 4 */
    SRTP_KEY_LEN = 16,
    SRTP_SALT_LEN_MAX = 14,
};

/* Numbers as in use_srtp (RFC 5764 section 4.1.2, RFC 7714 section 14.2). */
enum srtp_profile { SRTP_PROFILE_CM_SHA1_80 = 0x0001, SRTP_PROFILE_GCM = 0x0007 };

enum srtp_direction { SRTP_SEAL = 1, SRTP_OPEN };

/* A master key with its salt: 14 bytes of salt for AES-CM, 12 for GCM. */
struct srtp_key {
    uint8_t key[SRTP_KEY_LEN];
    uint8_t salt[SRTP_SALT_LEN_MAX];
};

size_t srtp_salt_len(enum srtp_profile profile);

/* Derives the session keys (RFC 3711 section 4.3). The caller owns the context and wipes its key.
 */
struct srtp_context *srtp_context_create(enum srtp_profile profile, enum srtp_direction direction,
                                         const struct srtp_key *master);

/* Wipes the keys. NULL is allowed. */
void srtp_context_destroy(struct srtp_context *context);

/* Encrypts a packet in place; `cap` must have room for SRTP_OVERHEAD more bytes. ERR_MALFORMED: no
 * RTP packet. ERR_LIMIT: no room, or too many SSRCs. ERR_DENIED: older than the window, or sent
 * before. */
MUST_USE enum err srtp_seal_rtp(struct srtp_context *context, uint8_t *packet, size_t len,
                                size_t cap, size_t *ret_len);
MUST_USE enum err srtp_seal_rtcp(struct srtp_context *context, uint8_t *packet, size_t len,
                                 size_t cap, size_t *ret_len);

/* Decrypts a packet in place. ERR_MALFORMED: too short, or no RTP. ERR_DENIED: forged, replayed or
 * too old; the bytes are then without value. ERR_LIMIT: too many SSRCs. */
MUST_USE enum err srtp_open_rtp(struct srtp_context *context, uint8_t *packet, size_t len,
                                size_t *ret_len);
MUST_USE enum err srtp_open_rtcp(struct srtp_context *context, uint8_t *packet, size_t len,
                                 size_t *ret_len);

#endif
