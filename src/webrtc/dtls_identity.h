/* dtls_identity - the certificate of this program and the SSL_CTX that all sessions share. */
#ifndef WEBRTC_DTLS_IDENTITY_H
#define WEBRTC_DTLS_IDENTITY_H

#include <openssl/types.h>

#include "base/crypto.h"

enum { DTLS_FINGERPRINT_TEXT_LEN = CRYPTO_SHA256_LEN * 3 - 1 };

struct dtls_identity {
    SSL_CTX *ssl_ctx;
    char fingerprint[DTLS_FINGERPRINT_TEXT_LEN + 1];
};

/* Lets each session of the context check the peer's certificate by its own fingerprints. */
void dtls_identity_verify_by_fingerprint(SSL_CTX *ctx);

#endif
