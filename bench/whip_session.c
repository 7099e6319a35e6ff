#include "whip_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "webrtc/dtls_identity.h"
#include "webrtc/rtcp.h"
#include "webrtc/webrtc.h"

enum {
    DATAGRAM_CAP = 2048,
    DTLS_MTU_LEN = 1200,
    KEYING_LEN_MAX = 2 * (SRTP_KEY_LEN + SRTP_SALT_LEN_MAX),
    CANDIDATE_PRIORITY = 0x6e0001ff, /* peer reflexive, RFC 8445 section 5.1.2.1 */
    SEND_BUFFER_LEN = 1 << 20,       /* a burst after a pause of this process must not be lost */
};

static const int64_t CHECK_RETRY_US = 50 * US_PER_MS;
static const int64_t CHECK_INTERVAL_US = 2500 * US_PER_MS;
static const int64_t CONNECT_TIMEOUT_US = 10 * US_PER_S;

/* ---- what all share ---- */

enum err whip_client_init(struct whip_client *client)
{
    enum err err = dtls_identity_create(&client->identity);

    if (err != OK)
        return err;
    SSL_CTX *server = client->identity->ssl_ctx; /* it only holds the certificate for us */
    client->ssl_ctx = SSL_CTX_new(DTLS_client_method());
    if (!client->ssl_ctx ||
        SSL_CTX_use_certificate(client->ssl_ctx, SSL_CTX_get0_certificate(server)) != 1 ||
        SSL_CTX_use_PrivateKey(client->ssl_ctx, SSL_CTX_get0_privatekey(server)) != 1 ||
        SSL_CTX_set_tlsext_use_srtp(client->ssl_ctx,
                                    "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") != 0)
        return ERR_IO;
    SSL_CTX_set_verify(client->ssl_ctx, SSL_VERIFY_NONE, NULL);
    return OK;
}

void whip_client_deinit(struct whip_client *client)
{
    SSL_CTX_free(client->ssl_ctx);
    dtls_identity_destroy(client->identity);
    whip_media_deinit(&client->media);
}

static void fail(struct whip_session *session, const char *reason)
{
    session->state = WHIP_ENDED;
    if (!session->diag.message[0])
        diag_set(&session->diag, "%s", reason);
}

/* ---- ICE ---- */

/* As the controlling side, and nominating with each check: there is one pair only. */
static void send_check(struct whip_session *session, int64_t now_us)
{
    uint8_t bytes[STUN_MESSAGE_LEN_MAX];
    char memory[2 * WHIP_ICE_LEN_MAX + 2];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    struct writer username = writer_fixed(memory, sizeof(memory));

    writer_printf(&username, "%s:%s", session->server_ufrag, session->ufrag);
    crypto_random(session->transaction, sizeof(session->transaction));
    struct stun_writer s = stun_begin(&w, STUN_BINDING_REQUEST, session->transaction);
    stun_add_username(&s, writer_as_text(&username));
    stun_add_priority(&s, CANDIDATE_PRIORITY);
    stun_add_controlling(&s, session->tie_breaker);
    stun_add_use_candidate(&s);
    stun_end(&s, &session->check_key);
    (void)send(session->fd, bytes, w.len, MSG_NOSIGNAL); /* a lost one is sent again */
    session->check_us =
        now_us + (session->state == WHIP_CHECKING ? CHECK_RETRY_US : CHECK_INTERVAL_US);
}

/* ---- DTLS ---- */

/* Sends what OpenSSL has written: one flight, which is shorter than a datagram may be. */
static void flush(struct whip_session *session)
{
    uint8_t bytes[DATAGRAM_CAP];
    int len = BIO_read(SSL_get_wbio(session->ssl), bytes, sizeof(bytes));

    if (len > 0)
        (void)send(session->fd, bytes, (size_t)len, MSG_NOSIGNAL);
}

static bool take_keys(struct whip_session *session)
{
    const SRTP_PROTECTION_PROFILE *selected = SSL_get_selected_srtp_profile(session->ssl);
    struct srtp_key client = {0}, server = {0};
    uint8_t keying[KEYING_LEN_MAX];

    if (!selected)
        return false;
    enum srtp_profile profile = (enum srtp_profile)selected->id;
    size_t salts_at = 2 * SRTP_KEY_LEN, salt_len = srtp_salt_len(profile);
    if (SSL_export_keying_material(session->ssl, keying, salts_at + 2 * salt_len,
                                   "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0) != 1)
        return false;
    /* RFC 5764 section 4.2: client key, server key, client salt, server salt. */
    memcpy(client.key, keying, SRTP_KEY_LEN);
    memcpy(server.key, keying + SRTP_KEY_LEN, SRTP_KEY_LEN);
    memcpy(client.salt, keying + salts_at, salt_len);
    memcpy(server.salt, keying + salts_at + salt_len, salt_len);
    session->seal = srtp_context_create(profile, SRTP_SEAL, &client);
    session->open = srtp_context_create(profile, SRTP_OPEN, &server);
    session->profile = selected->name;
    return true;
}

static void handshake(struct whip_session *session)
{
    ERR_clear_error();
    int result = SSL_do_handshake(session->ssl);

    flush(session);
    if (result != 1) {
        if (SSL_get_error(session->ssl, result) != SSL_ERROR_WANT_READ)
            fail(session, "the DTLS handshake failed");
        return;
    }
    if (!take_keys(session)) {
        fail(session, "the server took no profile of SRTP");
        return;
    }
    session->state = WHIP_PUBLISHING;
    session->publish_us = clock_mono_us();
    whip_sender_begin(&session->sender, session->fd, session->seal, session->publish_us);
}

static bool begin_dtls(struct whip_session *session)
{
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

    session->ssl = SSL_new(session->client->ssl_ctx);
    if (!session->ssl || !in || !out) {
        BIO_free(in);
        BIO_free(out);
        return false;
    }
    (void)BIO_set_mem_eof_return(in, -1); /* empty means: later */
    (void)BIO_set_mem_eof_return(out, -1);
    SSL_set_bio(session->ssl, in, out);
    (void)SSL_set_options(session->ssl, SSL_OP_NO_QUERY_MTU);
    (void)SSL_set_mtu(session->ssl, DTLS_MTU_LEN);
    SSL_set_connect_state(session->ssl);
    return true;
}

/* ---- receiving ---- */

static void receive_stun(struct whip_session *session, const uint8_t *bytes, size_t len)
{
    struct stun_message message;

    if (stun_parse(bytes, len, &message) != OK || session->state != WHIP_CHECKING ||
        memcmp(message.transaction, session->transaction, STUN_TRANSACTION_LEN) != 0)
        return;
    if (message.type != STUN_BINDING_RESPONSE) {
        fail(session, "the server refused the check of ICE");
        return;
    }
    session->state = WHIP_SECURING;
    session->check_us += CHECK_INTERVAL_US;
    handshake(session);
}

static void receive_dtls(struct whip_session *session, const uint8_t *bytes, size_t len)
{
    uint8_t nothing[1];

    if (BIO_write(SSL_get_rbio(session->ssl), bytes, (int)len) <= 0)
        return;
    if (session->state == WHIP_SECURING) {
        handshake(session);
        return;
    }
    ERR_clear_error();
    (void)SSL_read(session->ssl, nothing, sizeof(nothing));
    if (SSL_get_shutdown(session->ssl) & SSL_RECEIVED_SHUTDOWN)
        fail(session, "the server closed the connection");
}

/* Nothing is answered: on loopback nothing is lost, and key frames come each 2 s. */
static void receive_rtcp(struct whip_session *session, uint8_t *bytes, size_t len)
{
    struct rtcp_packet packet;

    if (srtp_open_rtcp(session->open, bytes, len, &len) != OK)
        return;
    for (struct reader r = reader_of(bytes, len); rtcp_next(&r, &packet);) {
        session->pli_count += packet.type == RTCP_PSFB && packet.count == RTCP_PSFB_PLI;
        session->nack_count += packet.type == RTCP_RTPFB && packet.count == RTCP_RTPFB_NACK;
    }
}

void whip_session_receive(struct whip_session *session)
{
    uint8_t bytes[DATAGRAM_CAP];
    ssize_t got;

    while (session->state != WHIP_ENDED &&
           (got = recv(session->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        session->datagrams++;
        /* RFC 7983 section 7: the first byte tells the protocol. */
        if (bytes[0] <= 3)
            receive_stun(session, bytes, (size_t)got);
        else if (bytes[0] >= 20 && bytes[0] <= 63)
            receive_dtls(session, bytes, (size_t)got);
        else if (bytes[0] >= 128 && bytes[0] <= 191 && session->open)
            receive_rtcp(session, bytes, (size_t)got);
    }
}

/* ---- its life ---- */

static bool open_socket(struct whip_session *session)
{
    int buffer_len = SEND_BUFFER_LEN;

    session->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (session->fd < 0)
        return false;
    (void)setsockopt(session->fd, SOL_SOCKET, SO_SNDBUF, &buffer_len, sizeof(buffer_len));
    return connect(session->fd, (const struct sockaddr *)&session->server,
                   sizeof(session->server)) == 0;
}

void whip_session_begin(struct whip_session *session)
{
    session->state = WHIP_CHECKING;
    session->connect_us = clock_mono_us();
    session->tie_breaker = crypto_random_u64();
    crypto_random_text(session->ufrag, WHIP_UFRAG_LEN);
    crypto_random_text(session->pwd, WHIP_PWD_LEN);
    whip_sender_init(&session->sender, &session->client->media);
    if (whip_signal_publish(session) != OK) {
        fail(session, "the offer was not taken");
        return;
    }
    srtp_hmac_init(&session->check_key, session->server_pwd, strlen(session->server_pwd));
    if (!open_socket(session) || !begin_dtls(session)) {
        fail(session, "no socket, or no DTLS");
        return;
    }
    send_check(session, clock_mono_us());
}

void whip_session_on_tick(struct whip_session *session, int64_t now_us)
{
    if (session->state == WHIP_IDLE || session->state == WHIP_ENDED)
        return;
    if (session->state != WHIP_PUBLISHING && now_us - session->connect_us > CONNECT_TIMEOUT_US) {
        fail(session, session->state == WHIP_CHECKING ? "no check of ICE was answered in time"
                                                      : "the DTLS handshake took too long");
        return;
    }
    if (now_us >= session->check_us)
        send_check(session, now_us);
    if (session->state == WHIP_SECURING && DTLSv1_handle_timeout(session->ssl) > 0)
        flush(session);
    if (session->state == WHIP_PUBLISHING)
        whip_sender_on_tick(&session->sender, now_us);
}

void whip_session_end(struct whip_session *session)
{
    whip_signal_delete(session);
    if (session->state == WHIP_PUBLISHING) {
        ERR_clear_error();
        (void)SSL_shutdown(session->ssl); /* one way: close_notify, no wait for the server's */
        flush(session);
    }
    session->state = WHIP_ENDED;
    SSL_free(session->ssl);
    srtp_context_destroy(session->seal);
    srtp_context_destroy(session->open);
    srtp_hmac_deinit(&session->check_key);
    if (session->fd >= 0)
        (void)close(session->fd);
    session->fd = -1;
}
