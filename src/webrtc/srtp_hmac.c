#include "webrtc/srtp_hmac.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "base/crypto.h"

static EVP_MD *sha1;

static void fetch_sha1(void)
{
    sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    assert(sha1);
}

/* OpenSSL can fail here only for lack of memory, which ends the program everywhere. */
static void must(int ok)
{
    assert(ok == 1);
    (void)ok;
}

void srtp_hmac_init(struct srtp_hmac *hmac, const void *key, size_t key_len)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    uint8_t block[HMAC_SHA1_BLOCK_LEN] = {0};

    (void)pthread_once(&once, fetch_sha1);
    if (key_len > sizeof(block))
        crypto_sha1(key, key_len, block);
    else if (key_len)
        memcpy(block, key, key_len);

    for (size_t i = 0; i < sizeof(block); i++) {
        hmac->inner_key[i] = block[i] ^ 0x36;
        hmac->outer_key[i] = block[i] ^ 0x5c;
    }
    crypto_wipe(block, sizeof(block));
    hmac->ctx = EVP_MD_CTX_new();
    assert(hmac->ctx);
}

void srtp_hmac_deinit(struct srtp_hmac *hmac)
{
    EVP_MD_CTX_free(hmac->ctx);
    crypto_wipe(hmac, sizeof(*hmac));
}

void srtp_hmac_begin(struct srtp_hmac *hmac)
{
    must(EVP_DigestInit_ex2(hmac->ctx, sha1, NULL));
    must(EVP_DigestUpdate(hmac->ctx, hmac->inner_key, sizeof(hmac->inner_key)));
}

void srtp_hmac_add(struct srtp_hmac *hmac, const void *bytes, size_t len)
{
    must(EVP_DigestUpdate(hmac->ctx, bytes, len));
}

void srtp_hmac_end(struct srtp_hmac *hmac, uint8_t ret_mac[HMAC_SHA1_LEN])
{
    must(EVP_DigestFinal_ex(hmac->ctx, ret_mac, NULL));
    must(EVP_DigestInit_ex2(hmac->ctx, sha1, NULL));
    must(EVP_DigestUpdate(hmac->ctx, hmac->outer_key, sizeof(hmac->outer_key)));
    must(EVP_DigestUpdate(hmac->ctx, ret_mac, HMAC_SHA1_LEN));
    must(EVP_DigestFinal_ex(hmac->ctx, ret_mac, NULL));
}
