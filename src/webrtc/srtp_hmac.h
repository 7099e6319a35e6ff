/*
 * srtp_hmac - HMAC-SHA1 (RFC 2104) with a key that stays: for SRTP packets and STUN messages.
 *
 * The digest is fetched once a program and its context kept, so a MAC costs no allocation. (The
 * HMAC of OpenSSL 3.0 copies contexts, which allocates on each use.)
 */
#ifndef WEBRTC_SRTP_HMAC_H
#define WEBRTC_SRTP_HMAC_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

enum { HMAC_SHA1_BLOCK_LEN = 64, HMAC_SHA1_LEN = 20 };

struct srtp_hmac {
    EVP_MD_CTX *ctx;
    uint8_t inner_key[HMAC_SHA1_BLOCK_LEN];
    uint8_t outer_key[HMAC_SHA1_BLOCK_LEN];
};

/* A key longer than a block is hashed first. Release with srtp_hmac_deinit(). */
void srtp_hmac_init(struct srtp_hmac *hmac, const void *key, size_t key_len);

/* Wipes the key. A zeroed hmac is allowed. */
void srtp_hmac_deinit(struct srtp_hmac *hmac);

/* One MAC over what is added between begin and end. */
void srtp_hmac_begin(struct srtp_hmac *hmac);
void srtp_hmac_add(struct srtp_hmac *hmac, const void *bytes, size_t len);
void srtp_hmac_end(struct srtp_hmac *hmac, uint8_t ret_mac[HMAC_SHA1_LEN]);

#endif
