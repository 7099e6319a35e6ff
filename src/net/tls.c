#include "net/tls.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/mem.h"

struct tls_context {
    pthread_mutex_t mutex; /* guards `ctx`: a reload may run on another thread than the streams */
    SSL_CTX *ctx;
    char *cert_path;
    char *key_path;
    uint8_t alpn[64];
    size_t alpn_len;
};

struct tls_session {
    SSL *ssl;
};

struct tls_gather *tls_gather(void)
{
    static _Thread_local struct tls_gather gather;

    return &gather;
}

/* ---- BIO: reads from the socket, writes into the gather buffer ---- */

static int bio_read(BIO *bio, char *to, int cap)
{
    int fd = (int)(intptr_t)BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    ssize_t len = recv(fd, to, (size_t)cap, 0);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    return (int)len;
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
    struct tls_gather *gather = tls_gather();

    BIO_clear_retry_flags(bio);
    if ((size_t)len > sizeof(gather->bytes) - gather->len)
        return -1; /* cannot happen: callers leave room for a record; a handshake flight is small */
    memcpy(gather->bytes + gather->len, bytes, (size_t)len);
    gather->len += (size_t)len;
    return len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stoa stream");
    assert(bio_method);
    (void)BIO_meth_set_read(bio_method, bio_read);
    (void)BIO_meth_set_write(bio_method, bio_write);
    (void)BIO_meth_set_ctrl(bio_method, bio_ctrl);
    (void)BIO_meth_set_create(bio_method, bio_create);
}

/* ---- context ---- */

static int choose_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
                       const unsigned char *offered, unsigned offered_len, void *arg)
{
    const struct tls_context *tls = arg;
    unsigned char *chosen;

    (void)ssl;
    if (SSL_select_next_proto(&chosen, ret_len, tls->alpn, (unsigned)tls->alpn_len, offered,
                              offered_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK; /* no common protocol: go on as HTTP/1.1 */
    *ret_name = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void explain(struct diag *diag, const char *what, const char *path)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    diag_set(diag, "%s \"%s\" cannot be used: %s. Give a readable PEM file.", what, path,
             reason ? reason : "unknown reason");
    ERR_clear_error();
}

static SSL_CTX *load(struct tls_context *tls, struct diag *diag)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    ERR_clear_error();
    if (!ctx)
        return NULL;
    (void)SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                       SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* AES-128 first: a quarter less CPU than AES-256, and no less safe here. */
    (void)SSL_CTX_set_ciphersuites(
        ctx, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384");
    (void)SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20");
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1);
    if (tls->alpn_len)
        SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, tls);

    if (SSL_CTX_use_certificate_chain_file(ctx, tls->cert_path) != 1)
        explain(diag, "The certificate", tls->cert_path);
    else if (SSL_CTX_use_PrivateKey_file(ctx, tls->key_path, SSL_FILETYPE_PEM) != 1)
        explain(diag, "The private key", tls->key_path);
    else if (SSL_CTX_check_private_key(ctx) != 1)
        explain(diag, "The private key (it is not the certificate's)", tls->key_path);
    else
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

enum err tls_context_create(const char *cert_path, const char *key_path, struct text alpn,
                            struct diag *diag, struct tls_context **ret_tls)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_bio_method);

    struct tls_context *tls = mem_zalloc(sizeof(*tls));
    assert(alpn.len <= sizeof(tls->alpn));
    (void)pthread_mutex_init(&tls->mutex, NULL);
    tls->cert_path = mem_strndup(cert_path, strlen(cert_path));
    tls->key_path = mem_strndup(key_path, strlen(key_path));
    if (alpn.len)
        memcpy(tls->alpn, alpn.ptr, alpn.len);
    tls->alpn_len = alpn.len;
    tls->ctx = load(tls, diag);
    if (!tls->ctx) {
        tls_context_destroy(tls);
        return ERR_INVALID;
    }
    *ret_tls = tls;
    return OK;
}

enum err tls_context_reload(struct tls_context *tls, struct diag *diag)
{
    SSL_CTX *fresh = load(tls, diag);

    if (!fresh)
        return ERR_INVALID;
    (void)pthread_mutex_lock(&tls->mutex);
    SSL_CTX *old = tls->ctx;
    tls->ctx = fresh;
    (void)pthread_mutex_unlock(&tls->mutex);
    SSL_CTX_free(old); /* running sessions hold references of their own */
    return OK;
}

void tls_context_destroy(struct tls_context *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->ctx);
    (void)pthread_mutex_destroy(&tls->mutex);
    mem_free(tls->cert_path);
    mem_free(tls->key_path);
    mem_free(tls);
}

/* ---- session ---- */

struct tls_session *tls_session_create(struct tls_context *tls, int fd)
{
    (void)pthread_mutex_lock(&tls->mutex);
    SSL *ssl = SSL_new(tls->ctx);
    (void)pthread_mutex_unlock(&tls->mutex);
    BIO *bio = BIO_new(bio_method);

    if (!ssl || !bio) {
        SSL_free(ssl);
        (void)BIO_free(bio);
        return NULL;
    }
    BIO_set_data(bio, (void *)(intptr_t)fd);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);

    struct tls_session *session = mem_alloc(sizeof(*session));
    session->ssl = ssl;
    return session;
}

void tls_session_destroy(struct tls_session *session)
{
    if (!session)
        return;
    SSL_free(session->ssl);
    mem_free(session);
}

static enum err to_err(const struct tls_session *session, int result)
{
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return ERR_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return ERR_CLOSED;
    case SSL_ERROR_SYSCALL:
        return ERR_IO;
    default:
        return ERR_MALFORMED;
    }
}

enum err tls_session_handshake(struct tls_session *session)
{
    ERR_clear_error();
    int result = SSL_do_handshake(session->ssl);

    return result == 1 ? OK : to_err(session, result);
}

enum err tls_session_read(struct tls_session *session, void *to, size_t cap, size_t *ret_len)
{
    ERR_clear_error();
    int result = SSL_read_ex(session->ssl, to, cap, ret_len);

    return result == 1 ? OK : to_err(session, result);
}

enum err tls_session_write(struct tls_session *session, const void *bytes, size_t len)
{
    size_t written;

    assert(len <= TLS_RECORD_MAX);
    ERR_clear_error();
    int result = SSL_write_ex(session->ssl, bytes, len, &written);
    if (result != 1)
        return to_err(session, result);
    assert(written == len); /* the gather buffer takes whole records */
    return OK;
}

void tls_session_close_notify(struct tls_session *session)
{
    ERR_clear_error();
    (void)SSL_shutdown(session->ssl); /* the peer's answer does not matter */
}

struct text tls_session_alpn(const struct tls_session *session)
{
    const unsigned char *name;
    unsigned len;

    SSL_get0_alpn_selected(session->ssl, &name, &len);
    return (struct text){(const char *)name, len};
}
