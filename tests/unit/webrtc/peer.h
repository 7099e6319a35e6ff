/*
 * peer - the publisher's side of a WebRTC connection, for tests: ICE checks, a DTLS client, SRTP.
 * It speaks to a session by plain calls; the "network" is a queue of datagrams each way.
 */
#ifndef TESTS_UNIT_WEBRTC_PEER_H
#define TESTS_UNIT_WEBRTC_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "webrtc/srtp.h"
#include "webrtc/webrtc.h"

enum {
    PEER_QUEUE_MAX = 64,
    PEER_DATAGRAM_CAP = 2048,
    PEER_OPUS_TYPE = 111,
    PEER_OPUS_SSRC = 1111,
};

struct peer_datagram {
    struct webrtc_address to;
    size_t len;
    uint8_t bytes[PEER_DATAGRAM_CAP];
};

struct peer {
    struct dtls_identity *identity;
    SSL_CTX *ssl_ctx;
    SSL *ssl;
    char ufrag[8];
    char server_ufrag[64];
    char server_pwd[64];
    struct webrtc_address address; /* of this peer */
    uint64_t checks;
    struct srtp_context *seal;
    struct srtp_context *open;

    /* What the session sent. */
    size_t queue_count;
    struct peer_datagram queue[PEER_QUEUE_MAX];

    /* What the session told. */
    int connected_count;
    int format_count;
    int sample_count;
    int ended_count;
    enum webrtc_end end_reason;
};

/* `srtp_profiles` as OpenSSL writes them; NULL: no use_srtp. */
void peer_init(struct peer *peer, const char *srtp_profiles);
void peer_deinit(struct peer *peer);

/* The session's handler; its ctx is the peer. */
extern const struct webrtc_handler peer_handler;

/* An offer of one Opus track. `fingerprint` NULL: the peer's own. Borrowed until the next call. */
struct text peer_offer(const struct peer *peer, const char *fingerprint);

/* Takes the server's ufrag and pwd out of an answer or a fragment. */
void peer_read_answer(struct peer *peer, struct text answer);

/* Sends one check; returns the type of the answer (enum stun_type), 0 for none. Others stay queued.
 */
unsigned peer_check(struct peer *peer, struct webrtc_session *session, struct webrtc_mux *mux,
                    bool use_candidate, int64_t now_us);

/* Sends datagrams both ways until nobody says anything more. `lost_flights` of the session's
 * datagrams at the start never arrive. */
void peer_handshake(struct peer *peer, struct webrtc_session *session, int lost_flights,
                    int64_t now_us);

/* Sends one Opus packet by SRTP. */
void peer_send_opus(struct peer *peer, struct webrtc_session *session, uint16_t sequence,
                    int64_t now_us);

/* Sends close_notify. */
void peer_close(struct peer *peer, struct webrtc_session *session, int64_t now_us);

#endif
