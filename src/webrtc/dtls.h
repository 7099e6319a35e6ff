/*
 * dtls - the DTLS 1.2 server of one session, and the keys for SRTP that come out of it (RFC 6347,
 * 5763, 5764).
 *
 *     datagram --> dtls_receive --> flights to `send`, one call a datagram
 *                       |
 *                       v
 *           DTLS_CONNECTED: dtls_keys --> client key, server key
 *
 * The peer's certificate is self-signed too; what makes it the right one is the fingerprint of the
 * offer. Retransmission follows OpenSSL's timer, which reads the clock of the system by itself; a
 * deadline only says when to call dtls_on_time().
 */
#ifndef WEBRTC_DTLS_H
#define WEBRTC_DTLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "webrtc/srtp.h"
#include "webrtc/webrtc.h"

struct dtls;
struct sdp_fingerprint;

enum { DTLS_MTU = 1200 };

enum dtls_state {
    DTLS_HANDSHAKING = 1,
    DTLS_CONNECTED,
    DTLS_CLOSED, /* the peer sent close_notify, or we did */
    DTLS_FAILED, /* an alert, or no handshake in time */
    DTLS_WRONG_CERTIFICATE,
};

typedef void (*dtls_send_fn)(void *ctx, const uint8_t *bytes, size_t len);

/* Copies the fingerprints (1..SDP_FINGERPRINTS_MAX); one of them must fit. ERR_IO: OpenSSL refused.
 */
MUST_USE enum err dtls_create(const struct dtls_identity *identity,
                              const struct sdp_fingerprint *fingerprints, size_t fingerprint_count,
                              dtls_send_fn send, void *ctx, struct dtls **ret_dtls);
void dtls_destroy(struct dtls *dtls);

enum dtls_state dtls_state(const struct dtls *dtls);

/* One datagram. Garbage is dropped; returns the state after it. */
enum dtls_state dtls_receive(struct dtls *dtls, const uint8_t *bytes, size_t len, int64_t now_us);

/* INT64_MAX: nothing waits. */
int64_t dtls_deadline_us(const struct dtls *dtls);

/* Sends the last flight again when it is time. */
enum dtls_state dtls_on_time(struct dtls *dtls, int64_t now_us);

/* The keys, once connected: the peer protects with `client`, we with `server`. */
void dtls_keys(struct dtls *dtls, enum srtp_profile *ret_profile, struct srtp_key *ret_client,
               struct srtp_key *ret_server);

/* Sends close_notify. */
void dtls_close(struct dtls *dtls);

#endif
