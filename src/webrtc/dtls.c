#include "webrtc/dtls.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/reader.h"
#include "webrtc/dtls_identity.h"
#include "webrtc/sdp.h"

enum {
    /* RFC 6347 section 4.2.4.1 starts at 1 s; on a lossy link that would be the whole time to air,
     * and browsers start at 50 ms too. */
    FIRST_TIMEOUT_US = 200000,
    TIMEOUT_MAX_US = 5000000,
    RECORDS_MAX = 64, /* reads of one datagram: more records than it can hold */
    KEYING_LEN_MAX = 2 * (SRTP_KEY_LEN + SRTP_SALT_LEN_MAX),
};

struct dtls {
    SSL *ssl;
    enum dtls_state state;
    dtls_send_fn send;
    void *ctx;
    const uint8_t *datagram; /* being read; NULL: none */
    size_t datagram_len;
    int64_t deadline_us;
    bool has_wrong_certificate;
    size_t fingerprint_count;
    struct sdp_fingerprint fingerprints[SDP_FINGERPRINTS_MAX];
};

/* ---- a BIO that keeps datagrams whole ---- */

static int bio_read(BIO *bio, char *to, int cap)
{
    struct dtls *dtls = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (!dtls->datagram || cap <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    struct reader r = reader_of(dtls->datagram, dtls->datagram_len);
    size_t len = r.left < (size_t)cap ? r.left : (size_t)cap;

    reader_copy(&r, to, len);
    dtls->datagram = NULL; /* as with a socket, the rest of a datagram that was too long is lost */
    return (int)len;
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
    struct dtls *dtls = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (len > 0)
        dtls->send(dtls->ctx, (const uint8_t *)bytes, (size_t)len);
    return len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return DTLS_MTU;
    default:
        return 0;
    }
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stoa datagram");
    assert(bio_method);
    (void)BIO_meth_set_read(bio_method, bio_read);
    (void)BIO_meth_set_write(bio_method, bio_write);
    (void)BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

static BIO *bio_create(struct dtls *dtls)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, make_bio_method);
    BIO *bio = BIO_new(bio_method);
    if (bio) {
        BIO_set_data(bio, dtls);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* ---- the peer's certificate ---- */

static const EVP_MD *hash_of(enum sdp_hash hash)
{
    switch (hash) {
    case SDP_SHA384:
        return EVP_sha384();
    case SDP_SHA512:
        return EVP_sha512();
    case SDP_SHA256:
    default:
        return EVP_sha256();
    }
}

static bool fingerprint_fits(const struct dtls *dtls, const X509 *certificate)
{
    for (size_t i = 0; i < dtls->fingerprint_count; i++) {
        const struct sdp_fingerprint *wanted = &dtls->fingerprints[i];
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned len = sizeof(digest);

        if (X509_digest(certificate, hash_of(wanted->hash), digest, &len) && len == wanted->len &&
            crypto_equal(digest, wanted->digest, len))
            return true;
    }
    return false;
}

/* RFC 5763 section 5: the certificate may be self-signed; it must be the one of the offer. */
static int verify_certificate(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct dtls *dtls = SSL_get_app_data(ssl);
    const X509 *certificate = X509_STORE_CTX_get0_cert(store);

    (void)unused;
    if (certificate && fingerprint_fits(dtls, certificate)) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    dtls->has_wrong_certificate = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

/* ---- life ---- */

static unsigned next_timeout_us(SSL *ssl, unsigned last_us)
{
    (void)ssl;
    if (last_us == 0)
        return FIRST_TIMEOUT_US;
    return last_us > TIMEOUT_MAX_US / 2 ? TIMEOUT_MAX_US : last_us * 2;
}

enum err dtls_create(const struct dtls_identity *identity,
                     const struct sdp_fingerprint *fingerprints, size_t fingerprint_count,
                     dtls_send_fn send, void *ctx, struct dtls **ret_dtls)
{
    struct dtls *dtls = mem_zalloc(sizeof(*dtls));

    assert(fingerprint_count > 0 && fingerprint_count <= SDP_FINGERPRINTS_MAX);
    dtls->state = DTLS_HANDSHAKING;
    dtls->send = send;
    dtls->ctx = ctx;
    dtls->deadline_us = INT64_MAX;
    dtls->fingerprint_count = fingerprint_count;
    memcpy(dtls->fingerprints, fingerprints, fingerprint_count * sizeof(fingerprints[0]));

    BIO *bio = bio_create(dtls);
    dtls->ssl = SSL_new(identity->ssl_ctx);
    if (!dtls->ssl || !bio) {
        BIO_free(bio);
        dtls_destroy(dtls);
        ERR_clear_error();
        return ERR_IO;
    }
    SSL_set_bio(dtls->ssl, bio, bio); /* takes the BIO */
    SSL_set_app_data(dtls->ssl, dtls);
    (void)SSL_set_mtu(dtls->ssl, DTLS_MTU);
    DTLS_set_timer_cb(dtls->ssl, next_timeout_us);
    SSL_set_verify(dtls->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_set_accept_state(dtls->ssl);
    *ret_dtls = dtls;
    return OK;
}

void dtls_destroy(struct dtls *dtls)
{
    if (!dtls)
        return;
    SSL_free(dtls->ssl);
    mem_free(dtls);
}

void dtls_identity_verify_by_fingerprint(SSL_CTX *ctx)
{
    SSL_CTX_set_cert_verify_callback(ctx, verify_certificate, NULL);
}

enum dtls_state dtls_state(const struct dtls *dtls)
{
    return dtls->state;
}

/* ---- datagrams ---- */

static enum dtls_state fail(struct dtls *dtls)
{
    dtls->deadline_us = INT64_MAX;
    dtls->state = dtls->has_wrong_certificate ? DTLS_WRONG_CERTIFICATE : DTLS_FAILED;
    return dtls->state;
}

static void arm(struct dtls *dtls, int64_t now_us)
{
    struct timeval left;

    if (dtls->state == DTLS_HANDSHAKING && DTLSv1_get_timeout(dtls->ssl, &left))
        dtls->deadline_us = now_us + (int64_t)left.tv_sec * US_PER_S + left.tv_usec;
    else
        dtls->deadline_us = INT64_MAX;
}

/* What a call of OpenSSL that gave `result` <= 0 means. */
static enum dtls_state judge(struct dtls *dtls, int result)
{
    int reason = SSL_get_error(dtls->ssl, result);

    ERR_clear_error();
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
        return dtls->state;
    if (reason == SSL_ERROR_ZERO_RETURN) {
        dtls->state = DTLS_CLOSED;
        return dtls->state;
    }
    return fail(dtls);
}

static enum dtls_state finish_handshake(struct dtls *dtls)
{
    /* RFC 5764 section 4.1: without use_srtp there are no keys for media. */
    if (!SSL_get_selected_srtp_profile(dtls->ssl))
        return fail(dtls);
    dtls->state = DTLS_CONNECTED;
    return dtls->state;
}

/* Reads the records of the datagram; data of an application is none of ours. */
static enum dtls_state read_records(struct dtls *dtls)
{
    uint8_t unused[WEBRTC_DATAGRAM_LEN_MAX];

    for (int i = 0; i < RECORDS_MAX && dtls->state == DTLS_CONNECTED; i++) {
        int result = SSL_read(dtls->ssl, unused, sizeof(unused));

        if (result <= 0) {
            (void)judge(dtls, result);
            break;
        }
    }
    return dtls->state;
}

enum dtls_state dtls_receive(struct dtls *dtls, const uint8_t *bytes, size_t len, int64_t now_us)
{
    if (dtls->state != DTLS_HANDSHAKING && dtls->state != DTLS_CONNECTED)
        return dtls->state;
    ERR_clear_error();
    dtls->datagram = bytes;
    dtls->datagram_len = len;
    if (dtls->state == DTLS_HANDSHAKING) {
        int result = SSL_do_handshake(dtls->ssl);

        if (result == 1)
            (void)finish_handshake(dtls);
        else
            (void)judge(dtls, result);
    }
    if (dtls->state == DTLS_CONNECTED)
        (void)read_records(dtls);
    dtls->datagram = NULL;
    arm(dtls, now_us);
    return dtls->state;
}

int64_t dtls_deadline_us(const struct dtls *dtls)
{
    return dtls->deadline_us;
}

enum dtls_state dtls_on_time(struct dtls *dtls, int64_t now_us)
{
    if (dtls->state != DTLS_HANDSHAKING || now_us < dtls->deadline_us)
        return dtls->state;
    ERR_clear_error();
    if (DTLSv1_handle_timeout(dtls->ssl) < 0) {
        ERR_clear_error();
        return fail(dtls);
    }
    arm(dtls, now_us);
    return dtls->state;
}

void dtls_keys(struct dtls *dtls, enum srtp_profile *ret_profile, struct srtp_key *ret_client,
               struct srtp_key *ret_server)
{
    static const char label[] = "EXTRACTOR-dtls_srtp";
    const SRTP_PROTECTION_PROFILE *selected = SSL_get_selected_srtp_profile(dtls->ssl);
    uint8_t keying[KEYING_LEN_MAX];

    assert(dtls->state == DTLS_CONNECTED);
    *ret_profile = (enum srtp_profile)selected->id;
    size_t salt_len = srtp_salt_len(*ret_profile);
    int ok = SSL_export_keying_material(dtls->ssl, keying, 2 * (SRTP_KEY_LEN + salt_len), label,
                                        sizeof(label) - 1, NULL, 0, 0);
    assert(ok == 1);
    (void)ok;

    /* RFC 5764 section 4.2: client key, server key, client salt, server salt. */
    struct reader r = reader_of(keying, sizeof(keying));
    memset(ret_client, 0, sizeof(*ret_client));
    memset(ret_server, 0, sizeof(*ret_server));
    reader_copy(&r, ret_client->key, SRTP_KEY_LEN);
    reader_copy(&r, ret_server->key, SRTP_KEY_LEN);
    reader_copy(&r, ret_client->salt, salt_len);
    reader_copy(&r, ret_server->salt, salt_len);
    crypto_wipe(keying, sizeof(keying));
}

void dtls_close(struct dtls *dtls)
{
    if (dtls->state == DTLS_CONNECTED) {
        ERR_clear_error();
        (void)SSL_shutdown(dtls->ssl); /* one way: sends close_notify, waits for nothing */
        ERR_clear_error();
    }
    dtls->state = DTLS_CLOSED;
    dtls->deadline_us = INT64_MAX;
}
