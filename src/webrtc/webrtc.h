/*
 * webrtc - WebRTC in: one `webrtc_session` is one publisher that came by WHIP (RFC 9725).
 *
 *     SDP offer --> webrtc_session_create --> SDP answer
 *
 *     datagram --> webrtc_mux_receive ---- finds the session by 5-tuple, or by ICE ufrag
 *                        |
 *                        v
 *                 webrtc_session: STUN -> ice     answers checks, knows the peer's address
 *                  (RFC 7983)     DTLS -> dtls    handshake, keys, fingerprint of the offer
 *                                 SRTP -> srtp -> rtp_receiver -> on_format, on_sample
 *
 * It is an ICE-lite agent (it answers checks and never sends one), always the DTLS server, and it
 * only receives media: H.264 and Opus. Sans-I/O: bytes and `now_us` go in, datagrams come out by
 * the callback `send`, and the owner arms one timer per session from webrtc_session_deadline_us().
 * Randomness is drawn only when a session is created or restarted. No socket, clock or log inside.
 *
 * Ownership  The creator owns the session; the session belongs to a mux while it lives. Identity
 *            and mux must live longer than their sessions. Never destroy a session inside one of
 *            its callbacks: note it and do it afterwards.
 * Threads    A session, its mux and its callbacks live on one loop. The identity is immutable after
 *            creation and shared by all loops.
 * Memory     Bounded a session: WEBRTC_PATHS_MAX peer addresses, 16 SSRCs, and what rtp_receiver.h
 *            says. No packet allocates here.
 * Specs      RFC 8445 (lite), 8489, 7675, 6544, 4571; 8829, 8839, 8840, 8843; 6347, 5763, 5764;
 *            3711, 7714.
 */
#ifndef WEBRTC_WEBRTC_H
#define WEBRTC_WEBRTC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

struct buf;
struct dtls_identity;
struct format;
struct sample;
struct webrtc_mux;
struct webrtc_session;

enum {
    WEBRTC_OFFER_LEN_MAX = 64 * 1024, /* a larger offer is refused (ERR_LIMIT) */
    WEBRTC_DATAGRAM_LEN_MAX = 2048,   /* longer ones are dropped */
    WEBRTC_CANDIDATES_MAX = 16,
    WEBRTC_PATHS_MAX = 8, /* peer addresses of one session that passed a check */
};

/* Where a datagram came from and where an answer goes: the peer's address, and which of our sockets
 * (or which accepted ICE-TCP connection) carries it. `socket` is a number that the owner gives.
 * IPv4 is written as ::ffff:a.b.c.d. Zero `reserved`: the struct is compared and hashed whole. */
struct webrtc_address {
    uint8_t ip[16];
    uint16_t port; /* host byte order */
    uint16_t reserved;
    uint32_t socket;
};

/* Reads "192.0.2.1" or "2001:db8::1". False: it is neither. */
bool webrtc_address_parse(struct text ip, uint16_t port, uint32_t socket,
                          struct webrtc_address *ret_address);

bool webrtc_address_is_ipv4(const struct webrtc_address *address);

enum { WEBRTC_IP_TEXT_CAP = 46 };

/* Writes the IP without the port, NUL-terminated. */
void webrtc_address_ip_text(const struct webrtc_address *address, char ret_ip[WEBRTC_IP_TEXT_CAP]);

/* ---- the certificate ---------------------------------------------------------------------- */

/* A fresh self-signed ECDSA P-256 certificate; made once at program start. ERR_IO: OpenSSL refused.
 */
MUST_USE enum err dtls_identity_create(struct dtls_identity **ret_identity);
void dtls_identity_destroy(struct dtls_identity *identity);

/* SHA-256 of the certificate as SDP writes it: "AB:CD:...". Borrowed from the identity. */
struct text dtls_identity_fingerprint(const struct dtls_identity *identity);

/* ---- one publisher ------------------------------------------------------------------------ */

/* A place where peers reach us. TCP ones are passive (RFC 6544). Only ip and port count. */
struct webrtc_candidate {
    struct webrtc_address address;
    bool is_tcp;
};

struct webrtc_config {
    const struct dtls_identity *identity;
    struct webrtc_mux *mux;                    /* where the session registers itself; or NULL */
    const struct webrtc_candidate *candidates; /* borrowed during the call; best first */
    size_t candidate_count;                    /* 1..WEBRTC_CANDIDATES_MAX */
    uint32_t start_bitrate_kbps;               /* hint for Chrome; 0: none */
    uint32_t max_bitrate_kbps;                 /* the most that is asked for; 0: 8 Mbit/s */
    int64_t keyframe_interval_us;              /* ask for key frames at this cadence; 0: never */
};

enum webrtc_state {
    WEBRTC_WAITING = 1, /* no valid ICE check yet */
    WEBRTC_SECURING,    /* a path is there, DTLS is not done */
    WEBRTC_CONNECTED,   /* media may flow */
    WEBRTC_ENDED,       /* nothing more happens; destroy it */
};

/*    code                   sentence for the seller and the log */
#define WEBRTC_END_TABLE(X)                                                                        \
    X(WEBRTC_END_LOCAL, "closed by the server")                                                    \
    X(WEBRTC_END_PEER_CLOSED, "the publisher closed the connection")                               \
    X(WEBRTC_END_NO_CHECK, "no packet of the publisher arrived; a firewall may block UDP")         \
    X(WEBRTC_END_NO_DTLS, "the secure connection was not set up in time")                          \
    X(WEBRTC_END_DTLS_FAILED, "the secure connection failed")                                      \
    X(WEBRTC_END_FINGERPRINT, "the publisher's certificate is not the one of its offer")           \
    X(WEBRTC_END_SILENT, "the publisher was not heard for 30 seconds")

enum webrtc_end {
    WEBRTC_END_NONE,
#define WEBRTC_END_ENUM(code, sentence) code,
    WEBRTC_END_TABLE(WEBRTC_END_ENUM)
#undef WEBRTC_END_ENUM
};

/* A sentence for a person. Never NULL. */
const char *webrtc_end_sentence(enum webrtc_end reason);

/*    code                        sentence for the seller */
#define WEBRTC_NOTICE_TABLE(X)                                                                     \
    X(WEBRTC_NOTICE_CODEC, "the publisher sends a codec that was not agreed on")                   \
    X(WEBRTC_NOTICE_B_FRAMES, "frames come out of order; turn B-frames off")                       \
    X(WEBRTC_NOTICE_NO_KEYFRAME, "no key frame for 5 seconds; set a key-frame interval of 2 s")    \
    X(WEBRTC_NOTICE_PACKING, "the H.264 packing is not packetization-mode 1")

enum webrtc_notice {
    WEBRTC_NOTICE_NONE,
#define WEBRTC_NOTICE_ENUM(code, sentence) code,
    WEBRTC_NOTICE_TABLE(WEBRTC_NOTICE_ENUM)
#undef WEBRTC_NOTICE_ENUM
};

/* A sentence for a person. Never NULL. */
const char *webrtc_notice_sentence(enum webrtc_notice notice);

/* What the session tells its owner. All of them are required. */
struct webrtc_handler {
    /* A datagram to send. The bytes are valid during the call. */
    void (*send)(void *ctx, const struct webrtc_address *to, const uint8_t *bytes, size_t len);

    /* ICE and DTLS are done. */
    void (*on_connected)(void *ctx);

    /* The decoder configuration of a track, before its first sample and at each change. Borrowed.
     * codec_kind(format->codec) tells the track: there is at most one of each kind. */
    void (*on_format)(void *ctx, const struct format *format);

    /* The next sample of the track sample->kind, in decoding order. Borrowed. */
    void (*on_sample)(void *ctx, const struct sample *sample);

    /* What the seller should know; each at most once. */
    void (*on_notice)(void *ctx, enum webrtc_notice notice);

    /* The end, exactly once. */
    void (*on_ended)(void *ctx, enum webrtc_end reason);
};

/* Reads a WHIP offer and makes the session and the answer. On OK the caller owns both. On an error
 * `diag` (may be NULL) holds one sentence for the seller.
 * ERR_MALFORMED: no SDP, or a rule of SDP is broken. ERR_UNSUPPORTED: good SDP that we cannot serve
 * (no H.264, no bundle, ...). ERR_LIMIT: too large. */
MUST_USE enum err webrtc_session_create(struct text offer, const struct webrtc_config *config,
                                        const struct webrtc_handler *handler, void *ctx,
                                        int64_t now_us, struct diag *diag,
                                        struct webrtc_session **ret_session,
                                        struct buf **ret_answer);

/* Ends it without a word to anybody, leaves the mux, releases all. NULL is allowed. */
void webrtc_session_destroy(struct webrtc_session *session);

/* Sends close_notify and ends the session: on_ended(reason) is called unless it was before. */
void webrtc_session_close(struct webrtc_session *session, enum webrtc_end reason, int64_t now_us);

/* One datagram (or one RFC 4571 frame) from the network, which arrived at `now_us`. Decrypts in
 * place, so the bytes change. What is invalid is counted and dropped. Normally called by
 * webrtc_mux_receive(). */
void webrtc_session_receive(struct webrtc_session *session, uint8_t *bytes, size_t len,
                            const struct webrtc_address *from, int64_t now_us);

/* When webrtc_session_on_time() wants to be called; INT64_MAX: never. May change with each call of
 * receive, on_time, patch and close. */
int64_t webrtc_session_deadline_us(const struct webrtc_session *session);
void webrtc_session_on_time(struct webrtc_session *session, int64_t now_us);

/* When a packet was last found missing, lost or only out of order; INT64_MIN: never. A session that
 * misses some wants to be served more often: it asks for them again. */
int64_t webrtc_session_missed_at_us(const struct webrtc_session *session);

/* A body of PATCH (application/trickle-ice-sdpfrag, RFC 8840). Trickled candidates are checked and
 * ignored, as a lite agent does: OK, *ret_answer is NULL (204). New ufrag and pwd restart ICE: OK,
 * *ret_answer is the sdpfrag for the 200, owned by the caller; media flows on the old path until a
 * check with the new credentials comes. ERR_MALFORMED, ERR_LIMIT: nothing changed. ERR_CLOSED: the
 * session has ended. */
MUST_USE enum err webrtc_session_patch(struct webrtc_session *session, struct text sdpfrag,
                                       struct diag *diag, struct buf **ret_answer);

/* The entity tag of the ICE generation, without quotes: a new one with each restart. Borrowed until
 * then. */
struct text webrtc_session_ice_tag(const struct webrtc_session *session);

/* Asks the publisher for a key frame (rate limits apply). Nothing happens before it is connected.
 */
void webrtc_session_request_keyframe(struct webrtc_session *session, int64_t now_us);

/* Changes the cadence of the config. */
void webrtc_session_set_keyframe_interval(struct webrtc_session *session, int64_t interval_us);

/* The publisher's wall clock at the moment of `pts_us`, for PROGRAM-DATE-TIME. False, and nothing
 * written, before its first believable report. */
bool webrtc_session_wall_us(const struct webrtc_session *session, int64_t pts_us,
                            int64_t *ret_wall_us);

struct webrtc_track_stats {
    uint64_t packets;
    uint64_t lost;                /* never came, after NACK */
    uint64_t recovered;           /* came late or by retransmission */
    uint64_t frames;              /* samples given */
    uint64_t frames_dropped;      /* not whole, or not decodable */
    uint32_t bitrate_bps;         /* over the last second */
    double loss;                  /* 0..1 over the last report interval, before repair */
    double fps;                   /* samples a second */
    int64_t keyframe_interval_us; /* between the last two; 0: not known */
};

struct webrtc_stats {
    enum webrtc_state state;
    struct webrtc_address peer; /* the path in use; port 0: none yet */
    int64_t connected_at_us;    /* 0: not yet */
    int64_t round_trip_us;      /* 0: not known */
    uint64_t datagrams;         /* received, all kinds */
    uint64_t bytes;             /* of these */
    uint64_t dropped;           /* of these, what was no use: unknown, forged, replayed */
    struct webrtc_track_stats video;
    struct webrtc_track_stats audio;
};

void webrtc_session_stats(const struct webrtc_session *session, int64_t now_us,
                          struct webrtc_stats *ret_stats);

/* ---- many publishers on one port ---------------------------------------------------------- */

struct webrtc_mux *webrtc_mux_create(void);

/* Every session must be destroyed before. NULL is allowed. */
void webrtc_mux_destroy(struct webrtc_mux *mux);

/* Gives the datagram to its session and returns that, or drops and counts it and returns NULL.
 * After a non-NULL answer re-read the session's deadline. */
struct webrtc_session *webrtc_mux_receive(struct webrtc_mux *mux, uint8_t *bytes, size_t len,
                                          const struct webrtc_address *from, int64_t now_us);

/* The connection behind an address is closed (ICE-TCP): its number may be used again. */
void webrtc_mux_forget(struct webrtc_mux *mux, const struct webrtc_address *address);

struct webrtc_mux_stats {
    size_t sessions;
    size_t paths;
    uint64_t dropped; /* datagrams of nobody */
};

void webrtc_mux_stats(const struct webrtc_mux *mux, struct webrtc_mux_stats *ret_stats);

/* ---- ICE-TCP ------------------------------------------------------------------------------ */

/* RFC 4571: on TCP each packet stands behind its length in 2 bytes. A splitter for one connection;
 * the frames come out mutable, as webrtc_session_receive() wants them. */
struct webrtc_framing {
    uint8_t *partial; /* a frame that has not come whole; NULL: none yet */
    size_t len;       /* bytes of it, with the length, that are there */
};

enum { WEBRTC_FRAME_HEADER_LEN = 2 };

typedef void (*webrtc_frame_fn)(void *ctx, uint8_t *frame, size_t len);

/* A zeroed framing is empty and valid. */
void webrtc_framing_deinit(struct webrtc_framing *framing);

/* Takes the next bytes of the stream, split anywhere, and calls `on_frame` for each whole frame; it
 * must not release the framing.
 * ERR_MALFORMED: a frame longer than WEBRTC_DATAGRAM_LEN_MAX; close the connection. */
MUST_USE enum err webrtc_framing_push(struct webrtc_framing *framing, uint8_t *bytes, size_t len,
                                      webrtc_frame_fn on_frame, void *ctx);

/* Writes the length that goes before a frame of `len` bytes. */
void webrtc_framing_write_header(size_t len, uint8_t ret_header[WEBRTC_FRAME_HEADER_LEN]);

#endif
