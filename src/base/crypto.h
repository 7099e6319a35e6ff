/*
 * crypto - random bytes, digests and text encodings of bytes, on OpenSSL.
 *
 * Threads   Any.
 */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

struct buf;
struct writer;

enum { CRYPTO_SHA1_LEN = 20, CRYPTO_SHA256_LEN = 32 };

/* Fills with bytes from the system's CSPRNG; ends the program when there is none. */
void crypto_random(void *bytes, size_t len);

/* A random number, for identifiers that a peer must not guess. */
uint64_t crypto_random_u64(void);

/* `len` characters of [a-z2-7] (5 random bits each) and a NUL: ids, keys, ufrags.
 * `to` holds len + 1 bytes. */
void crypto_random_text(char *to, size_t len);

void crypto_sha1(const void *bytes, size_t len, uint8_t ret_digest[CRYPTO_SHA1_LEN]);
void crypto_sha256(const void *bytes, size_t len, uint8_t ret_digest[CRYPTO_SHA256_LEN]);
void crypto_hmac_sha1(const void *key, size_t key_len, const void *bytes, size_t len,
                      uint8_t ret_mac[CRYPTO_SHA1_LEN]);
void crypto_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                        uint8_t ret_mac[CRYPTO_SHA256_LEN]);

/* Equal in time that depends only on `len`. */
bool crypto_equal(const void *a, const void *b, size_t len);

/* The same for texts: the time does not tell where they differ; lengths are not secret. */
bool crypto_text_equal(struct text a, struct text b);

/* Wipes memory in a way that the compiler keeps. */
void crypto_wipe(void *bytes, size_t len);

/* SipHash-2-4 with the seed of this process: for hash tables, never for storage. */
uint64_t crypto_siphash(const void *bytes, size_t len);

/* CRC-32 (IEEE 802.3), as STUN's FINGERPRINT wants it. */
uint32_t crypto_crc32(const void *bytes, size_t len);

/* Encrypts and authenticates (AES-256-GCM, a random nonce in front). The caller owns the buf. */
struct buf *crypto_seal(const uint8_t key[CRYPTO_SHA256_LEN], struct text plain);

/* The inverse. ERR_DENIED: another key, or the bytes were changed. The caller owns *ret_plain. */
MUST_USE enum err crypto_open(const uint8_t key[CRYPTO_SHA256_LEN], struct text sealed,
                              struct buf **ret_plain);

/* Lower-case hexadecimal. */
void crypto_hex(struct writer *w, const void *bytes, size_t len);

/* Base64 with padding (RFC 4648 section 4). */
void crypto_base64(struct writer *w, const void *bytes, size_t len);

/* Decodes base64 with padding into `to`. ERR_MALFORMED: other characters or wrong length;
 * ERR_LIMIT: more than `cap` bytes. */
MUST_USE enum err crypto_base64_decode(struct text text, uint8_t *to, size_t cap, size_t *ret_len);

/* Base64 for URLs, without padding (RFC 4648 section 5). */
void crypto_base64url(struct writer *w, const void *bytes, size_t len);

/* Decodes the same. Bits that stand for nothing must be zero, so that each value has one text only.
 * Errors as above. */
MUST_USE enum err crypto_base64url_decode(struct text text, uint8_t *to, size_t cap,
                                          size_t *ret_len);

#endif
