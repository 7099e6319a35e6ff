/*
 * rtmp - the server's side of one RTMP connection: bytes in, samples out. Receives what OBS,
 * ffmpeg, GStreamer and hardware encoders publish; it does not play anything to anybody.
 *
 *     TCP or TLS bytes                                               on_publish(app, key)
 *          |                                                           ^      | ... later
 *          v                                                           |      v
 *     handshake -> chunks -> messages --commands (AMF0)--> session ----+   accept() or reject()
 *                                |                           |
 *                                |                           +--> output: answers, acknowledgements
 *                                +--media (FLV tags)--> on_format, on_sample, on_metadata
 *
 * The core is sans-I/O: no socket, no clock, no random source and no log. The owner reads the
 * socket into rtmp_session_receive(), sends what rtmp_session_output() holds, and calls
 * rtmp_session_on_time() when rtmp_session_deadline_us() has come. Any split of the input gives the
 * same events.
 *
 * Authorisation is the owner's and may take its time. on_publish hands out the application and the
 * stream key; the owner answers with rtmp_session_accept() or rtmp_session_reject(), at once (also
 * from within on_publish) or later. Media that comes before the answer is kept, within
 * `buffered_max` bytes.
 *
 * Media      A message is reassembled straight into a buf of its exact size, and the payload of the
 *            sample is a slice of it: the bytes are copied once. NAL units of H.264 and H.265 come
 *            behind their lengths; other sizes than 4 bytes are rewritten. Parameter sets and
 *            delimiters at the beginning of an access unit are cut off; such units further inside
 *            stay where they are, for a slice is contiguous.
 * Codecs     H.264 and AAC; by Enhanced RTMP (v1, v2) also H.265, AV1, VP9 and Opus; H.265 under
 *            the unofficial codec id 12 too. Of a multitrack message track 0 is taken. All else is
 *            told once by on_unsupported and skipped.
 * Times      dts is the RTMP timestamp, extended from 32 to 64 bits over wraps; pts adds the
 *            composition time. They are what the peer says: they may repeat, jump or go back.
 * Ownership  A session has one owner. Inside a handler the owner may call accept, reject, end,
 *            request_reconnect, output and stats, but not receive, on_time or destroy.
 * Threads    The loop that owns the session.
 * Limits     Chunk streams, message length, partial messages and output are bounded; a peer that
 *            wants more gets ERR_LIMIT. Before on_publish messages are limited to 64 kB.
 * Spec       Adobe RTMP 1.0; Adobe FLV 10.1 annex E; AMF0; Enhanced RTMP v2 (Veovera).
 */
#ifndef RTMP_RTMP_H
#define RTMP_RTMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "media/format.h"

struct sample;
struct writer;
struct rtmp_session;

enum {
    RTMP_SEED_LEN = 32,
    RTMP_APP_LEN_MAX = 255,
    RTMP_KEY_LEN_MAX = 127, /* fits a struct secret */
    RTMP_OUTPUT_LEN_MAX = 65536
};

/* A zeroed field takes the default. */
struct rtmp_config {
    uint8_t seed[RTMP_SEED_LEN]; /* random bytes, for the handshake; new ones for each session */
    uint32_t message_len_max;    /* one message; default 8 MiB, at most 16 MiB - 1 */
    uint32_t buffered_max;       /* partial messages, and again media that waits; default 16 MiB */
    int64_t setup_limit_us;      /* from the connection to `publish`; default 15 s */
    int64_t idle_limit_us;       /* between two bytes of a publisher; default 30 s */
};

/* What the publisher says of itself in onMetaData. 0 and empty: not told. Nothing of it is
 * checked: for display and as a first guess only. */
struct rtmp_metadata {
    uint32_t width;
    uint32_t height;
    double frames_per_s;
    uint64_t video_rate_bps;
    uint64_t audio_rate_bps;
    struct text encoder; /* borrowed; any bytes */
};

enum rtmp_end {
    RTMP_END_UNPUBLISHED = 1, /* the publisher said that it is done */
    RTMP_END_FAILED, /* the peer broke the protocol: receive is about to return the error */
    RTMP_END_TIMEOUT /* no bytes for too long: on_time is about to return ERR_TIMEOUT */
};

/* Events. Every member must be set. */
struct rtmp_handler {
    /* Somebody wants to publish: answer with accept or reject. `app` is without slashes at its ends
     * and without query; `key` is never empty. Both are borrowed for the call. */
    void (*on_publish)(void *ctx, struct text app, struct text key);

    /* The configuration of a track, before its first sample and whenever it changes. Only `codec`
     * and `config` are filled. The callee owns the reference, and may still complete the format. */
    void (*on_format)(void *ctx, enum media_kind kind, struct format *format);

    /* One access unit or audio frame. The callee owns the reference. */
    void (*on_sample)(void *ctx, struct sample *sample);

    void (*on_metadata)(void *ctx, const struct rtmp_metadata *metadata);

    /* Something that is skipped, as a sentence for the publisher's user; at most once for video,
     * once for audio and once for the rest in a publishing. */
    void (*on_unsupported)(void *ctx, struct text sentence);

    /* The publishing that on_publish began is over; exactly once, but never after reject or
     * destroy. A publisher that closed the connection is seen by the owner, not here. */
    void (*on_end)(void *ctx, enum rtmp_end reason);
};

struct rtmp_stats {
    uint64_t received_len;
    uint64_t video_count; /* samples handed out */
    uint64_t audio_count;
    uint64_t bad_count;     /* media messages dropped because they make no sense */
    uint64_t skipped_count; /* media messages of codecs, tracks or packet types that are not ours */
};

/* What the publisher sees as the reason; the description says the rest. */
enum rtmp_reject {
    RTMP_REJECT_BAD_NAME = 1, /* NetStream.Publish.BadName: no such key, or the key is in use */
    RTMP_REJECT_DENIED,       /* NetStream.Publish.Denied: not allowed, now or ever */
    RTMP_REJECT_REJECTED      /* NetStream.Publish.Rejected: the server cannot take it */
};

/* A session that waits for the handshake. The config is copied. The caller owns the session. */
struct rtmp_session *rtmp_session_create(const struct rtmp_config *config,
                                         const struct rtmp_handler *handler, void *ctx,
                                         int64_t now_us);

/* Releases the session without any event. NULL is allowed. */
void rtmp_session_destroy(struct rtmp_session *session);

/* Takes bytes from the peer, all of them. Events happen inside.
 * ERR_MALFORMED, ERR_LIMIT, ERR_UNSUPPORTED: the peer is beyond help; send what output holds,
 * then close. The session stays failed: each later call returns the same error. */
MUST_USE enum err rtmp_session_receive(struct rtmp_session *session, const void *bytes, size_t len,
                                       int64_t now_us);

/* Bytes for the peer. The owner sends from it and calls writer_clear(), after each receive,
 * on_time, accept, reject and request_reconnect. Borrowed; lives as long as the session. */
struct writer *rtmp_session_output(struct rtmp_session *session);

/* Lets the publisher begin; the media that waited is handed out before the call returns. Nothing
 * happens unless an on_publish is unanswered. */
void rtmp_session_accept(struct rtmp_session *session);

/* Refuses the publisher. The description is a sentence that its user sees, up to 500 characters.
 * Nothing happens unless an on_publish is unanswered. The peer gets 3 seconds to go. */
void rtmp_session_reject(struct rtmp_session *session, enum rtmp_reject reason,
                         struct text description);

/* Ends an accepted publisher (its channel was closed, or another session took over): it is told
 * with NetStream.Unpublish.Success and the sentence, media is ignored from now on, and the peer
 * gets 3 seconds to go. No on_end follows. */
void rtmp_session_end(struct rtmp_session *session, struct text description);

/* Asks the publisher to connect again, perhaps elsewhere, before this server goes down. `tc_url`
 * may be empty: the same address. False when the publisher never said that it can. */
bool rtmp_session_request_reconnect(struct rtmp_session *session, struct text tc_url,
                                    struct text description);

/* When on_time wants to be called; INT64_MAX: not at all. */
int64_t rtmp_session_deadline_us(const struct rtmp_session *session);

/* OK: nothing was due. ERR_TIMEOUT: a deadline passed: close. */
MUST_USE enum err rtmp_session_on_time(struct rtmp_session *session, int64_t now_us);

/* Borrowed. */
const struct rtmp_stats *rtmp_session_stats(const struct rtmp_session *session);

#endif
