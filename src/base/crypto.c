#include "base/crypto.h"

#include <assert.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/writer.h"

void crypto_random(void *bytes, size_t len)
{
    uint8_t *to = bytes;

    while (len > 0) {
        ssize_t got = getrandom(to, len, 0);

        if (got < 0) {
            (void)fputs("stoa: the system gives no random bytes\n", stderr);
            abort();
        }
        to += got;
        len -= (size_t)got;
    }
}

uint64_t crypto_random_u64(void)
{
    uint64_t value;

    crypto_random(&value, sizeof(value));
    return value;
}

void crypto_random_text(char *to, size_t len)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

    crypto_random(to, len);
    for (size_t i = 0; i < len; i++)
        to[i] = alphabet[(uint8_t)to[i] % 32];
    to[len] = '\0';
}

static void digest(const EVP_MD *md, const void *bytes, size_t len, uint8_t *ret_digest)
{
    unsigned digest_len;
    int ok = EVP_Digest(bytes, len, ret_digest, &digest_len, md, NULL);

    assert(ok == 1);
    (void)ok;
}

void crypto_sha1(const void *bytes, size_t len, uint8_t ret_digest[CRYPTO_SHA1_LEN])
{
    digest(EVP_sha1(), bytes, len, ret_digest);
}

void crypto_sha256(const void *bytes, size_t len, uint8_t ret_digest[CRYPTO_SHA256_LEN])
{
    digest(EVP_sha256(), bytes, len, ret_digest);
}

void crypto_hmac_sha1(const void *key, size_t key_len, const void *bytes, size_t len,
                      uint8_t ret_mac[CRYPTO_SHA1_LEN])
{
    unsigned mac_len;

    (void)HMAC(EVP_sha1(), key, (int)key_len, bytes, len, ret_mac, &mac_len);
}

void crypto_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                        uint8_t ret_mac[CRYPTO_SHA256_LEN])
{
    unsigned mac_len;

    (void)HMAC(EVP_sha256(), key, (int)key_len, bytes, len, ret_mac, &mac_len);
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

bool crypto_text_equal(struct text a, struct text b)
{
    return a.len == b.len && crypto_equal(a.ptr, b.ptr, a.len);
}

void crypto_wipe(void *bytes, size_t len)
{
    OPENSSL_cleanse(bytes, len);
}

static uint64_t rotl(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] = rotl(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] = rotl(v[2], 32);
}

static uint64_t sip_seed[2];

static void draw_sip_seed(void)
{
    crypto_random(sip_seed, sizeof(sip_seed));
}

uint64_t crypto_siphash(const void *bytes, size_t len)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, draw_sip_seed);

    uint64_t v[4] = {
        sip_seed[0] ^ UINT64_C(0x736f6d6570736575),
        sip_seed[1] ^ UINT64_C(0x646f72616e646f6d),
        sip_seed[0] ^ UINT64_C(0x6c7967656e657261),
        sip_seed[1] ^ UINT64_C(0x7465646279746573),
    };
    const uint8_t *in = bytes;
    size_t left = len;

    for (; left >= 8; left -= 8, in += 8) {
        uint64_t word;
        memcpy(&word, in, 8);
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)len << 56;
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)in[i] << 8 * i;
    v[3] ^= last;
    sip_round(v);
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint32_t crc_table[256];

static void make_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;

        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ UINT32_C(0xedb88320) : crc >> 1;
        crc_table[i] = crc;
    }
}

uint32_t crypto_crc32(const void *bytes, size_t len)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_crc_table);

    const uint8_t *in = bytes;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++)
        crc = crc >> 8 ^ crc_table[(crc ^ in[i]) & 0xff];
    return ~crc;
}

/* ---- sealing ---- */

enum { NONCE_LEN = 12, TAG_LEN = 16 };

/* nonce, cipher text, tag */
struct buf *crypto_seal(const uint8_t key[CRYPTO_SHA256_LEN], struct text plain)
{
    struct buf *sealed = buf_create(NONCE_LEN + plain.len + TAG_LEN);
    uint8_t *nonce = sealed->data, *cipher = nonce + NONCE_LEN;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len, end_len;

    assert(plain.len < INT_MAX);
    crypto_random(nonce, NONCE_LEN);
    bool ok =
        ctx && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
        EVP_EncryptUpdate(ctx, cipher, &len, (const uint8_t *)plain.ptr, (int)plain.len) == 1 &&
        EVP_EncryptFinal_ex(ctx, cipher + len, &end_len) == 1 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, cipher + plain.len) == 1;
    assert(ok); /* it fails for wrong lengths only */
    (void)ok;
    EVP_CIPHER_CTX_free(ctx);
    return sealed;
}

enum err crypto_open(const uint8_t key[CRYPTO_SHA256_LEN], struct text sealed,
                     struct buf **ret_plain)
{
    if (sealed.len < NONCE_LEN + TAG_LEN || sealed.len >= INT_MAX)
        return ERR_DENIED;

    size_t plain_len = sealed.len - NONCE_LEN - TAG_LEN;
    const uint8_t *nonce = (const uint8_t *)sealed.ptr, *cipher = nonce + NONCE_LEN;
    uint8_t tag[TAG_LEN];
    struct buf *plain = buf_create(plain_len);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len, end_len;

    memcpy(tag, cipher + plain_len, TAG_LEN);
    bool ok = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
              EVP_DecryptUpdate(ctx, plain->data, &len, cipher, (int)plain_len) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1 &&
              EVP_DecryptFinal_ex(ctx, plain->data + len, &end_len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        crypto_wipe(plain->data, plain_len);
        buf_unref(plain);
        return ERR_DENIED;
    }
    *ret_plain = plain;
    return OK;
}

/* ---- text encodings ---- */

void crypto_hex(struct writer *w, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = bytes;

    for (size_t i = 0; i < len; i++) {
        writer_char(w, digits[in[i] >> 4]);
        writer_char(w, digits[in[i] & 15]);
    }
}

void crypto_base64(struct writer *w, const void *bytes, size_t len)
{
    size_t encoded_len = (len + 2) / 3 * 4;
    uint8_t *to = writer_room(w, encoded_len + 1); /* OpenSSL ends it with a NUL */

    if (!to)
        return;
    (void)EVP_EncodeBlock(to, bytes, (int)len);
    writer_commit(w, encoded_len);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

enum err crypto_base64_decode(struct text text, uint8_t *to, size_t cap, size_t *ret_len)
{
    size_t padding = 0;

    if (text.len % 4 != 0)
        return ERR_MALFORMED;
    while (padding < 2 && text.len && text.ptr[text.len - 1] == '=') {
        text.len--;
        padding++;
    }
    if (text.len * 3 / 4 > cap)
        return ERR_LIMIT;

    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.ptr[i]);

        if (value < 0)
            return ERR_MALFORMED;
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            to[len++] = (uint8_t)(bits >> bit_count);
        }
    }
    *ret_len = len;
    return OK;
}

void crypto_base64url(struct writer *w, const void *bytes, size_t len)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const uint8_t *in = bytes;
    uint32_t bits = 0;
    unsigned bit_count = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | in[i];
        for (bit_count += 8; bit_count >= 6; bit_count -= 6)
            writer_char(w, alphabet[bits >> (bit_count - 6) & 63]);
    }
    if (bit_count != 0)
        writer_char(w, alphabet[bits << (6 - bit_count) & 63]);
}

static int base64url_value(char c)
{
    if (c == '-')
        return 62;
    if (c == '_')
        return 63;
    return c == '+' || c == '/' ? -1 : base64_value(c);
}

enum err crypto_base64url_decode(struct text text, uint8_t *to, size_t cap, size_t *ret_len)
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t len = 0;

    if (text.len % 4 == 1)
        return ERR_MALFORMED;
    if (text.len / 4 * 3 + text.len % 4 * 3 / 4 > cap)
        return ERR_LIMIT;
    for (size_t i = 0; i < text.len; i++) {
        int value = base64url_value(text.ptr[i]);

        if (value < 0)
            return ERR_MALFORMED;
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            to[len++] = (uint8_t)(bits >> bit_count);
        }
    }
    if ((bits & ((UINT32_C(1) << bit_count) - 1)) != 0)
        return ERR_MALFORMED;
    *ret_len = len;
    return OK;
}
