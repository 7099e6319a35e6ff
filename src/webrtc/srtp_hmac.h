/*
 * srtp_hmac - HMAC-SHA1 (RFC 2104) with a key that stays: for SRTP packets and STUN messages.
 *
 * The key is hashed once; a MAC begins with a copy of that state, so it costs no allocation and two
 * blocks less. This is why it uses OpenSSL's SHA1_Init family, deprecated since 3.0: the EVP calls
 * of 3.0 allocate a context for each digest and each copy (measured: 2 allocations a packet).
 */
#ifndef WEBRTC_SRTP_HMAC_H
#define WEBRTC_SRTP_HMAC_H

#include <stddef.h>
#include <stdint.h>

enum { HMAC_SHA1_BLOCK_LEN = 64, HMAC_SHA1_LEN = 20, HMAC_SHA1_STATE_WORDS = 24 };

/* The state of one SHA-1, which OpenSSL's header would only give with its deprecated calls. */
struct srtp_hmac_state {
    unsigned words[HMAC_SHA1_STATE_WORDS];
};

struct srtp_hmac {
    struct srtp_hmac_state inner; /* after the inner key */
    struct srtp_hmac_state outer;
    struct srtp_hmac_state running;
};

/* A key longer than a block is hashed first. Wipe with srtp_hmac_deinit(). */
void srtp_hmac_init(struct srtp_hmac *hmac, const void *key, size_t key_len);

/* Wipes the key. A zeroed hmac is allowed. */
void srtp_hmac_deinit(struct srtp_hmac *hmac);

/* One MAC over what is added between begin and end. */
void srtp_hmac_begin(struct srtp_hmac *hmac);
void srtp_hmac_add(struct srtp_hmac *hmac, const void *bytes, size_t len);
void srtp_hmac_end(struct srtp_hmac *hmac, uint8_t ret_mac[HMAC_SHA1_LEN]);

#endif
