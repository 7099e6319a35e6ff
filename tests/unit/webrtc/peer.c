#include "peer.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "base/writer.h"
#include "support/test.h"
#include "webrtc/dtls_identity.h"
#include "webrtc/sdp.h"
#include "webrtc/stun.h"

static int accept_any_certificate(X509_STORE_CTX *store, void *unused)
{
    (void)store;
    (void)unused;
    return 1;
}

void peer_init(struct peer *peer, const char *srtp_profiles)
{
    memset(peer, 0, sizeof(*peer));
    memcpy(peer->ufrag, "peer", 5);
    assert_true(webrtc_address_parse(TEXT("198.51.100.7"), 50000, 1, &peer->address));
    assert_ok(dtls_identity_create(&peer->identity));

    SSL_CTX *server = peer->identity->ssl_ctx;
    peer->ssl_ctx = SSL_CTX_new(DTLS_client_method());
    assert_int_equal(SSL_CTX_use_certificate(peer->ssl_ctx, SSL_CTX_get0_certificate(server)), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(peer->ssl_ctx, SSL_CTX_get0_privatekey(server)), 1);
    SSL_CTX_set_verify(peer->ssl_ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(peer->ssl_ctx, accept_any_certificate, NULL);
    if (srtp_profiles)
        assert_int_equal(SSL_CTX_set_tlsext_use_srtp(peer->ssl_ctx, srtp_profiles), 0);

    peer->ssl = SSL_new(peer->ssl_ctx);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    (void)BIO_set_mem_eof_return(in, -1);
    (void)BIO_set_mem_eof_return(out, -1);
    SSL_set_bio(peer->ssl, in, out);
    (void)SSL_set_options(peer->ssl, SSL_OP_NO_QUERY_MTU);
    (void)SSL_set_mtu(peer->ssl, 1200);
    SSL_set_connect_state(peer->ssl);
}

void peer_deinit(struct peer *peer)
{
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->ssl_ctx);
    dtls_identity_destroy(peer->identity);
    srtp_context_destroy(peer->seal);
    srtp_context_destroy(peer->open);
}

/* ---- what the session says ---- */

static void on_send(void *ctx, const struct webrtc_address *to, const uint8_t *bytes, size_t len)
{
    struct peer *peer = ctx;

    if (peer->queue_count == PEER_QUEUE_MAX) /* the oldest is lost, as on a network */
        memmove(peer->queue, peer->queue + 1, --peer->queue_count * sizeof(peer->queue[0]));
    struct peer_datagram *datagram = &peer->queue[peer->queue_count++];
    assert_true(len <= sizeof(datagram->bytes));
    memcpy(datagram->bytes, bytes, len);
    datagram->len = len;
    datagram->to = *to;
}

static void on_connected(void *ctx)
{
    ((struct peer *)ctx)->connected_count++;
}

static void on_format(void *ctx, const struct format *format)
{
    assert_non_null(format);
    ((struct peer *)ctx)->format_count++;
}

static void on_sample(void *ctx, const struct sample *sample)
{
    assert_non_null(sample);
    ((struct peer *)ctx)->sample_count++;
}

static void on_notice(void *ctx, enum webrtc_notice notice)
{
    (void)ctx;
    assert_true(webrtc_notice_sentence(notice)[0] != '\0');
}

static void on_ended(void *ctx, enum webrtc_end reason)
{
    struct peer *peer = ctx;

    peer->ended_count++;
    peer->end_reason = reason;
}

const struct webrtc_handler peer_handler = {
    .send = on_send,
    .on_connected = on_connected,
    .on_format = on_format,
    .on_sample = on_sample,
    .on_notice = on_notice,
    .on_ended = on_ended,
};

/* ---- SDP ---- */

struct text peer_offer(const struct peer *peer, const char *fingerprint)
{
    static char offer[2048];
    struct writer w = writer_fixed(offer, sizeof(offer));

    writer_printf(&w,
                  "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
                  "m=audio 9 UDP/TLS/RTP/SAVPF %d\r\na=mid:0\r\na=ice-ufrag:%s\r\n"
                  "a=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n"
                  "a=fingerprint:sha-256 %s\r\na=sendonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
                  "a=rtpmap:%d opus/48000/2\r\na=ssrc:%d cname:x\r\n",
                  PEER_OPUS_TYPE, peer->ufrag,
                  fingerprint ? fingerprint : dtls_identity_fingerprint(peer->identity).ptr,
                  PEER_OPUS_TYPE, PEER_OPUS_SSRC);
    assert_false(w.failed);
    return writer_as_text(&w);
}

void peer_read_answer(struct peer *peer, struct text answer)
{
    struct sdp_lines lines = {answer, 0};
    struct text value;
    char type;

    while (sdp_next_line(&lines, &type, &value, NULL) == OK) {
        if (text_starts_with(value, TEXT("ice-ufrag:")))
            (void)snprintf(peer->server_ufrag, sizeof(peer->server_ufrag), "%.*s",
                           (int)value.len - 10, value.ptr + 10);
        if (text_starts_with(value, TEXT("ice-pwd:")))
            (void)snprintf(peer->server_pwd, sizeof(peer->server_pwd), "%.*s", (int)value.len - 8,
                           value.ptr + 8);
    }
}

/* ---- ICE ---- */

static void deliver(struct peer *peer, struct webrtc_session *session, struct webrtc_mux *mux,
                    uint8_t *bytes, size_t len, int64_t now_us)
{
    if (mux)
        (void)webrtc_mux_receive(mux, bytes, len, &peer->address, now_us);
    else
        webrtc_session_receive(session, bytes, len, &peer->address, now_us);
}

unsigned peer_check(struct peer *peer, struct webrtc_session *session, struct webrtc_mux *mux,
                    bool use_candidate, int64_t now_us)
{
    uint8_t transaction[STUN_TRANSACTION_LEN] = {(uint8_t)++peer->checks, 9};
    uint8_t bytes[512];
    char username[128];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    struct srtp_hmac key;
    struct stun_message answer = {0};
    size_t queued = peer->queue_count;

    (void)snprintf(username, sizeof(username), "%s:%s", peer->server_ufrag, peer->ufrag);
    srtp_hmac_init(&key, peer->server_pwd, strlen(peer->server_pwd));
    struct stun_writer s = stun_begin(&w, STUN_BINDING_REQUEST, transaction);
    stun_add_username(&s, text_of(username));
    stun_add_priority(&s, 0x6e0001ff);
    stun_add_controlling(&s, 1);
    if (use_candidate)
        stun_add_use_candidate(&s);
    stun_end(&s, &key);
    deliver(peer, session, mux, bytes, w.len, now_us);

    if (peer->queue_count > queued) {
        const struct peer_datagram *datagram = &peer->queue[--peer->queue_count];

        assert_ok(stun_parse(datagram->bytes, datagram->len, &answer));
        assert_memory_equal(answer.transaction, transaction, sizeof(transaction));
        assert_memory_equal(&datagram->to, &peer->address, sizeof(peer->address));
        if (answer.type == STUN_BINDING_RESPONSE) {
            assert_true(stun_check_integrity(datagram->bytes, &answer, &key));
            assert_int_equal(answer.mapped_port, peer->address.port);
            assert_memory_equal(answer.mapped_ip, peer->address.ip, 16);
        }
    }
    srtp_hmac_deinit(&key);
    return answer.type;
}

/* ---- DTLS and SRTP ---- */

static void take_keys(struct peer *peer)
{
    const SRTP_PROTECTION_PROFILE *selected = SSL_get_selected_srtp_profile(peer->ssl);
    struct srtp_key client = {0};
    struct srtp_key server = {0};
    uint8_t keying[64];

    if (!selected || peer->seal)
        return;
    enum srtp_profile profile = (enum srtp_profile)selected->id;
    size_t salt_len = srtp_salt_len(profile);
    assert_int_equal(SSL_export_keying_material(peer->ssl, keying, 2 * (16 + salt_len),
                                                "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0),
                     1);
    memcpy(client.key, keying, 16);
    memcpy(server.key, keying + 16, 16);
    memcpy(client.salt, keying + 32, salt_len);
    memcpy(server.salt, keying + 32 + salt_len, salt_len);
    peer->seal = srtp_context_create(profile, SRTP_SEAL, &client);
    peer->open = srtp_context_create(profile, SRTP_OPEN, &server);
}

/* What the client wants to send, as one datagram; false: nothing. */
static bool flush(struct peer *peer, struct webrtc_session *session, int64_t now_us)
{
    uint8_t bytes[PEER_DATAGRAM_CAP];
    int len = BIO_read(SSL_get_wbio(peer->ssl), bytes, sizeof(bytes));

    if (len <= 0)
        return false;
    webrtc_session_receive(session, bytes, (size_t)len, &peer->address, now_us);
    return true;
}

void peer_handshake(struct peer *peer, struct webrtc_session *session, int lost_flights,
                    int64_t now_us)
{
    for (int round = 0; round < 20; round++) {
        if (SSL_do_handshake(peer->ssl) == 1)
            take_keys(peer);
        bool is_busy = flush(peer, session, now_us);

        while (peer->queue_count > 0) {
            struct peer_datagram datagram = peer->queue[0];

            memmove(peer->queue, peer->queue + 1, --peer->queue_count * sizeof(peer->queue[0]));
            is_busy = true;
            if (datagram.bytes[0] < 20 || datagram.bytes[0] > 63 || lost_flights-- > 0)
                continue;
            (void)BIO_write(SSL_get_rbio(peer->ssl), datagram.bytes, (int)datagram.len);
            if (SSL_do_handshake(peer->ssl) == 1)
                take_keys(peer);
        }
        if (!is_busy)
            break;
    }
}

void peer_send_opus(struct peer *peer, struct webrtc_session *session, uint16_t sequence,
                    int64_t now_us)
{
    uint8_t bytes[256];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    size_t len;

    writer_u8(&w, 0x80);
    writer_u8(&w, PEER_OPUS_TYPE);
    writer_u16(&w, sequence);
    writer_u32(&w, sequence * UINT32_C(960));
    writer_u32(&w, PEER_OPUS_SSRC);
    writer_u8(&w, 0xfc); /* CELT, 20 ms, stereo, one frame */
    writer_zeroes(&w, 60);
    assert_ok(srtp_seal_rtp(peer->seal, bytes, w.len, sizeof(bytes), &len));
    webrtc_session_receive(session, bytes, len, &peer->address, now_us);
}

void peer_close(struct peer *peer, struct webrtc_session *session, int64_t now_us)
{
    (void)SSL_shutdown(peer->ssl);
    assert_true(flush(peer, session, now_us));
}
