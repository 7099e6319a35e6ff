#include "webrtc/dtls_identity.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/mem.h"
#include "base/writer.h"
#include "webrtc/webrtc.h"

enum { CERTIFICATE_YEARS = 10, SECONDS_PER_DAY = 86400 };

/* Self-signed: peers check the fingerprint of our answer, nothing else (RFC 8827 section 5.6.4). */
static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    uint64_t serial = crypto_random_u64() >> 1;

    if (!certificate || !X509_set_version(certificate, X509_VERSION_3) ||
        !ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) ||
        !X509_gmtime_adj(X509_getm_notBefore(certificate), -SECONDS_PER_DAY) ||
        !X509_gmtime_adj(X509_getm_notAfter(certificate),
                         (long)CERTIFICATE_YEARS * 365 * SECONDS_PER_DAY) ||
        !X509_set_pubkey(certificate, key))
        goto fail;

    X509_NAME *name = X509_get_subject_name(certificate);
    if (!X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"WebRTC", -1,
                                    -1, 0) ||
        !X509_set_issuer_name(certificate, name) || !X509_sign(certificate, key, EVP_sha256()))
        goto fail;
    return certificate;

fail:
    X509_free(certificate);
    return NULL;
}

static enum err write_fingerprint(const X509 *certificate, char *to)
{
    uint8_t digest[CRYPTO_SHA256_LEN];
    unsigned digest_len = sizeof(digest);
    struct writer w = writer_fixed(to, DTLS_FINGERPRINT_TEXT_LEN + 1);

    if (!X509_digest(certificate, EVP_sha256(), digest, &digest_len))
        return ERR_IO;
    for (size_t i = 0; i < sizeof(digest); i++)
        writer_printf(&w, "%s%02X", i ? ":" : "", digest[i]);
    to[w.len] = '\0';
    return OK;
}

static enum err configure(SSL_CTX *ctx, EVP_PKEY *key, X509 *certificate)
{
    if (!SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) ||
        !SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) ||
        !SSL_CTX_use_certificate(ctx, certificate) || !SSL_CTX_use_PrivateKey(ctx, key) ||
        /* RFC 8827 section 6.5 names the first; the others are what older stacks have. */
        !SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
                                      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA"))
        return ERR_IO;
    /* This one call of OpenSSL gives 0 on success. GCM first: it costs half of AES-CM with SHA-1.
     */
    if (SSL_CTX_set_tlsext_use_srtp(ctx, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") != 0)
        return ERR_IO;
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                       SSL_OP_NO_QUERY_MTU | SSL_OP_CIPHER_SERVER_PREFERENCE);
    dtls_identity_verify_by_fingerprint(ctx);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    return OK;
}

enum err dtls_identity_create(struct dtls_identity **ret_identity)
{
    struct dtls_identity *identity = mem_zalloc(sizeof(*identity));
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? make_certificate(key) : NULL;
    enum err err = ERR_IO;

    identity->ssl_ctx = SSL_CTX_new(DTLS_server_method());
    if (certificate && identity->ssl_ctx) {
        err = configure(identity->ssl_ctx, key, certificate);
        if (err == OK)
            err = write_fingerprint(certificate, identity->fingerprint);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (err != OK) {
        ERR_clear_error();
        dtls_identity_destroy(identity);
        return err;
    }
    *ret_identity = identity;
    return OK;
}

void dtls_identity_destroy(struct dtls_identity *identity)
{
    if (!identity)
        return;
    SSL_CTX_free(identity->ssl_ctx);
    mem_free(identity);
}

struct text dtls_identity_fingerprint(const struct dtls_identity *identity)
{
    return text_of(identity->fingerprint);
}
