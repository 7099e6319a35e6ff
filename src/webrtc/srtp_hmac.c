#define OPENSSL_SUPPRESS_DEPRECATED /* see the header */

#include "webrtc/srtp_hmac.h"

#include <assert.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/crypto.h"

static_assert(sizeof(SHA_CTX) == sizeof(struct srtp_hmac_state), "the state has its place");
static_assert(_Alignof(SHA_CTX) == _Alignof(struct srtp_hmac_state), "and its alignment");

static SHA_CTX *sha1_of(struct srtp_hmac_state *state)
{
    return (SHA_CTX *)(void *)state->words;
}

static void hash_key(struct srtp_hmac_state *state, const uint8_t block[HMAC_SHA1_BLOCK_LEN],
                     uint8_t pad)
{
    uint8_t padded[HMAC_SHA1_BLOCK_LEN];

    for (size_t i = 0; i < sizeof(padded); i++)
        padded[i] = block[i] ^ pad;
    (void)SHA1_Init(sha1_of(state)); /* these calls cannot fail */
    (void)SHA1_Update(sha1_of(state), padded, sizeof(padded));
    crypto_wipe(padded, sizeof(padded));
}

void srtp_hmac_init(struct srtp_hmac *hmac, const void *key, size_t key_len)
{
    uint8_t block[HMAC_SHA1_BLOCK_LEN] = {0};

    if (key_len > sizeof(block))
        crypto_sha1(key, key_len, block);
    else if (key_len)
        memcpy(block, key, key_len);
    hash_key(&hmac->inner, block, 0x36);
    hash_key(&hmac->outer, block, 0x5c);
    crypto_wipe(block, sizeof(block));
}

void srtp_hmac_deinit(struct srtp_hmac *hmac)
{
    crypto_wipe(hmac, sizeof(*hmac));
}

void srtp_hmac_begin(struct srtp_hmac *hmac)
{
    hmac->running = hmac->inner;
}

void srtp_hmac_add(struct srtp_hmac *hmac, const void *bytes, size_t len)
{
    (void)SHA1_Update(sha1_of(&hmac->running), bytes, len);
}

void srtp_hmac_end(struct srtp_hmac *hmac, uint8_t ret_mac[HMAC_SHA1_LEN])
{
    (void)SHA1_Final(ret_mac, sha1_of(&hmac->running));
    hmac->running = hmac->outer;
    (void)SHA1_Update(sha1_of(&hmac->running), ret_mac, HMAC_SHA1_LEN);
    (void)SHA1_Final(ret_mac, sha1_of(&hmac->running));
}
