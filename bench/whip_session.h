/*
 * whip_session - one WHIP publisher (RFC 9725): the offer, the checks of ICE, the DTLS client.
 *
 *     begin: POST, offer, answer        blocking, some milliseconds
 *       -> CHECKING   a check by STUN until one is answered
 *       -> SECURING   the handshake
 *       -> PUBLISHING whip_sender; a check each 2.5 s, as browsers do
 *       -> ENDED      by whip_session_end(), by the server, or by a failure that `diag` tells
 *
 * It trusts the server that it measures: neither the certificate nor the integrity of answers is
 * checked, and the answer is searched for what is needed.
 */
#ifndef BENCH_WHIP_SESSION_H
#define BENCH_WHIP_SESSION_H

#include <netinet/in.h>
#include <openssl/types.h>
#include <stdbool.h>

#include "base/err.h"
#include "webrtc/srtp_hmac.h"
#include "webrtc/stun.h"
#include "whip_sender.h"

struct dtls_identity;

/* What all sessions share. */
struct whip_client {
    struct sockaddr_in address;
    const char *host; /* the same as text */
    struct dtls_identity *identity;
    SSL_CTX *ssl_ctx;
    struct whip_media media;
};

enum whip_state { WHIP_IDLE, WHIP_CHECKING, WHIP_SECURING, WHIP_PUBLISHING, WHIP_ENDED };

enum { WHIP_ICE_LEN_MAX = 63, WHIP_UFRAG_LEN = 8, WHIP_PWD_LEN = 24, WHIP_PATH_LEN_MAX = 255 };

struct whip_session {
    const struct whip_client *client;
    const char *channel;
    const char *key;
    enum whip_state state;
    struct diag diag; /* why it has ended */

    char path[WHIP_PATH_LEN_MAX + 1]; /* of the session, by Location; "": none */
    char ufrag[WHIP_UFRAG_LEN + 1];
    char pwd[WHIP_PWD_LEN + 1];
    char server_ufrag[WHIP_ICE_LEN_MAX + 1];
    char server_pwd[WHIP_ICE_LEN_MAX + 1];
    struct sockaddr_in server; /* the first UDP candidate */

    int fd; /* -1: none */
    struct srtp_hmac check_key;
    uint64_t tie_breaker;
    uint8_t transaction[STUN_TRANSACTION_LEN]; /* of the newest check */
    int64_t check_us;                          /* when the next is due */
    SSL *ssl;
    const char *profile; /* of SRTP, by OpenSSL's name */
    struct srtp_context *seal;
    struct srtp_context *open;
    struct whip_sender sender;

    int64_t connect_us; /* when the POST began */
    int64_t publish_us; /* when the keys were there */
    uint64_t datagrams; /* received */
    uint64_t nack_count;
    uint64_t pli_count;
};

/* The certificate and OpenSSL's side of the client. ERR_IO: OpenSSL refused. */
MUST_USE enum err whip_client_init(struct whip_client *client);
void whip_client_deinit(struct whip_client *client);

/* Posts the offer and sends the first check; the state says what came of it. */
void whip_session_begin(struct whip_session *session);

/* Takes what the socket has. */
void whip_session_receive(struct whip_session *session);

/* Checks, retransmissions of DTLS, media. */
void whip_session_on_tick(struct whip_session *session, int64_t now_us);

/* DELETE and close_notify, when there is a session, and releases all. */
void whip_session_end(struct whip_session *session);

/* ---- whip_signal.c ---- */

/* POST: fills path, server_ufrag, server_pwd and server. Anything else than 201 with an answer to
 * be used is an error with a sentence in session->diag. */
MUST_USE enum err whip_signal_publish(struct whip_session *session);

/* DELETE; whether it worked does not matter any more. */
void whip_signal_delete(struct whip_session *session);

#endif
