#include "jwt_tool.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/writer.h"
#include "support/test.h"

enum { ES256_HALF = 32, SIGNATURE_MAX = 1024 };

static void write_pem(EVP_PKEY *key, bool is_private, char to[JWT_TOOL_PEM_MAX])
{
    BIO *bio = BIO_new(BIO_s_mem());

    assert_int_equal(is_private ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                                : PEM_write_bio_PUBKEY(bio, key),
                     1);
    int len = BIO_read(bio, to, JWT_TOOL_PEM_MAX - 1);
    assert_true(len > 0);
    to[len] = '\0';
    BIO_free(bio);
}

static struct jwt_tool_key with_pem(EVP_PKEY *pkey)
{
    struct jwt_tool_key key = {.key = pkey};

    assert_non_null(pkey);
    write_pem(pkey, false, key.public_pem);
    write_pem(pkey, true, key.private_pem);
    return key;
}

struct jwt_tool_key jwt_tool_rsa(unsigned bits)
{
    return with_pem(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits));
}

struct jwt_tool_key jwt_tool_ec(const char *curve)
{
    return with_pem(EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve));
}

void jwt_tool_free(struct jwt_tool_key *key)
{
    EVP_PKEY_free(key->key);
    key->key = NULL;
}

/* The part that is signed. */
static struct writer signed_part(const char *header, const char *claims,
                                 char to[JWT_TOOL_TOKEN_MAX])
{
    struct writer w = writer_fixed(to, JWT_TOOL_TOKEN_MAX - 1);

    crypto_base64url(&w, header, strlen(header));
    writer_char(&w, '.');
    crypto_base64url(&w, claims, strlen(claims));
    return w;
}

static void finish(struct writer *w, const void *signature, size_t len)
{
    writer_char(w, '.');
    crypto_base64url(w, signature, len);
    assert_false(w->failed);
    w->data[w->len] = '\0';
}

void jwt_tool_raw(const char *header, const char *claims, const char *signature,
                  char to[JWT_TOOL_TOKEN_MAX])
{
    struct writer w = signed_part(header, claims, to);

    writer_char(&w, '.');
    writer_str(&w, signature);
    assert_false(w.failed);
    w.data[w.len] = '\0';
}

void jwt_tool_hs256(const char *header, const char *claims, const void *secret, size_t secret_len,
                    char to[JWT_TOOL_TOKEN_MAX])
{
    struct writer w = signed_part(header, claims, to);
    uint8_t mac[CRYPTO_SHA256_LEN];

    crypto_hmac_sha256(secret, secret_len, w.data, w.len, mac);
    finish(&w, mac, sizeof(mac));
}

static size_t sign(const struct jwt_tool_key *key, const struct writer *w,
                   uint8_t to[SIGNATURE_MAX])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = SIGNATURE_MAX;

    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->key), 1);
    assert_int_equal(EVP_DigestSign(context, to, &len, w->data, w->len), 1);
    EVP_MD_CTX_free(context);
    return len;
}

void jwt_tool_rs256(const char *header, const char *claims, const struct jwt_tool_key *key,
                    char to[JWT_TOOL_TOKEN_MAX])
{
    struct writer w = signed_part(header, claims, to);
    uint8_t signature[SIGNATURE_MAX];

    finish(&w, signature, sign(key, &w, signature));
}

/* RFC 7518 section 3.4: r and s side by side, not the DER of OpenSSL. */
void jwt_tool_es256(const char *header, const char *claims, const struct jwt_tool_key *key,
                    char to[JWT_TOOL_TOKEN_MAX])
{
    struct writer w = signed_part(header, claims, to);
    uint8_t der[SIGNATURE_MAX], raw[2 * ES256_HALF];
    const uint8_t *at = der;
    size_t len = sign(key, &w, der);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)len);

    assert_non_null(signature);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, ES256_HALF), ES256_HALF);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + ES256_HALF, ES256_HALF),
                     ES256_HALF);
    ECDSA_SIG_free(signature);
    finish(&w, raw, sizeof(raw));
}
