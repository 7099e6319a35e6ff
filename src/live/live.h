/*
 * live - the channels that are on air: publishers in, HLS snapshots out. One `struct live` a media
 * loop; a channel belongs to one for life.
 *
 *     RTMP connection  -> live_rtmp   --\            (session: one publishing connection)
 *     WHIP session     -> live_webrtc ---> session -> program: timeline -> packager -> on_snapshot
 *                                            |  Opus      ^
 *                                            `-> transcode -> AAC
 *
 *   session   a publisher's connection, numbered, never 0 and never twice. It asks on_publish() and
 *             waits; live_accept() binds it to the program of a channel, live_refuse() tells the
 *             publisher why not.
 *   program   a broadcast: timeline, packager, statistics. It survives its publishers: one that
 *             comes back goes on in the same playlist behind a discontinuity.
 *
 * This layer decides nothing about rights, states or time limits: the channel directory does, and
 * this layer tells it what happens. Nothing blocks. Every queue is bounded.
 *
 * Threads   All calls and all callbacks on the media loop. Snapshots may leave it.
 */
#ifndef LIVE_LIVE_H
#define LIVE_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "hls/hls.h"
#include "media/format.h"
#include "net/net.h"

struct buf;
struct live;
struct loop;
struct tls_context;

enum live_protocol { LIVE_WHIP = 1, LIVE_RTMP, LIVE_RTMPS };

/* A publisher that wants in. Texts are borrowed for the call. */
struct live_publish {
    uint64_t session_id;
    uint64_t channel_id; /* WHIP: from the URL; 0: the key decides */
    enum live_protocol protocol;
    struct text stream_key;
    const struct net_address *peer;
    bool is_refused; /* its offer is no good: only the key is to be checked, then live_refuse() */
};

/* Numbers about a program, once a second. Negative: not known. */
struct live_stats {
    int64_t last_sample_us; /* monotonic */
    bool has_video;
    bool has_audio;
    bool has_b_frames;
    bool waits_for_keyframe;
    enum codec video_codec;
    enum codec audio_codec; /* as it comes in */
    uint32_t width;
    uint32_t height;
    int32_t bitrate_kbps;
    int32_t target_bitrate_kbps;
    double fps;
    double nominal_fps;
    int32_t keyframe_interval_ms;
    double packet_loss;
    int32_t rtt_ms;
    int32_t part_delay_ms; /* from the arrival of a part's last sample to its snapshot */
    uint64_t timestamp_repairs;
    size_t window_bytes;
};

enum { LIVE_SENTENCE_MAX = 239 };

/* An answer to WHIP's POST or PATCH; the texts are borrowed for the call. */
struct live_whip_answer {
    int status;         /* 201, 200, 204, or an error */
    const char *detail; /* error: a sentence */
    struct buf *body;   /* SDP or sdpfrag; borrowed; NULL: none */
    uint64_t session_id;
    char secret[33]; /* 201: the last part of the session's URL */
    char etag[33];   /* ICE generation, without quotes; "": none */
};

struct live_handler {
    /* Answer with live_accept() or live_refuse(), now or later. */
    void (*on_publish)(void *ctx, const struct live_publish *request);
    /* The program has something to play (first part, or first part of a returned publisher). */
    void (*on_media)(void *ctx, uint64_t channel_id, uint64_t session_id);
    /* The publisher is gone, or silent; `reason` is a sentence or NULL. */
    void (*on_lost)(void *ctx, uint64_t channel_id, uint64_t session_id, const char *reason);
    /* A silent publisher sends again. */
    void (*on_resumed)(void *ctx, uint64_t channel_id, uint64_t session_id);
    /* What comes cannot be played, ever; the session is closed already. */
    void (*on_failed)(void *ctx, uint64_t channel_id, uint64_t session_id, const char *reason);
    /* live_stop() is done: the playlist has its end. */
    void (*on_stopped)(void *ctx, uint64_t channel_id, uint64_t broadcast_id);
    void (*on_stats)(void *ctx, uint64_t channel_id, uint64_t session_id,
                     const struct live_stats *stats);
    /* The newest snapshot of a channel; borrowed. NULL: nothing is to be served any more. */
    void (*on_snapshot)(void *ctx, uint64_t channel_id, uint64_t broadcast_id,
                        const struct hls_snapshot *snapshot);
    void (*on_whip_answer)(void *ctx, uint64_t request_id, const struct live_whip_answer *answer);
};

struct live_config {
    struct hls_config hls;
    const char *worker_path;  /* stoa-worker; borrowed for good */
    const char *epoch_prefix; /* unique for this start of the server; borrowed for good */
    const struct net_address *rtc_public; /* addresses to announce, or NULL: found by itself */
    size_t rtc_public_count;
    uint32_t sessions_max; /* publishing connections, also not yet accepted */
    uint32_t sessions_per_address_max;
};

/* ERR_IO with a sentence. */
MUST_USE enum err live_create(struct loop *loop, const struct live_config *config,
                              const struct live_handler *handler, void *ctx, struct diag *diag,
                              struct live **ret_live);

/* Closes everything without callbacks. The worker is asked to end; `on_destroyed` is called once
 * when it has, then nothing of `live` is left. */
void live_destroy(struct live *live, void (*on_destroyed)(void *ctx), void *ctx);

/* ---- ingest ---- */

MUST_USE enum err live_listen_rtmp(struct live *live, const struct net_address *address,
                                   struct tls_context *tls, struct diag *diag,
                                   struct net_address *ret_bound);

/* Opens the UDP port and the TCP port of the same number. */
MUST_USE enum err live_listen_rtc(struct live *live, const struct net_address *address,
                                  struct diag *diag, struct net_address *ret_bound);

/* A WHIP offer; the answer comes by on_whip_answer, perhaps within the call. */
void live_whip_post(struct live *live, uint64_t request_id, uint64_t channel_id,
                    struct text stream_key, struct text offer, const struct net_address *peer);

/* PATCH and DELETE of the session's URL. `if_match` is the header as sent, or empty. */
void live_whip_patch(struct live *live, uint64_t request_id, uint64_t channel_id,
                     struct text secret, struct text if_match, struct text sdpfrag);
void live_whip_delete(struct live *live, uint64_t request_id, uint64_t channel_id,
                      struct text secret);

/* No new publishers; those that can are asked to connect again elsewhere. */
void live_drain(struct live *live);

/* ---- decisions of the directory ---- */

/* Unknown sessions are ignored: they left meanwhile. on_lost follows for an accepted one. */
void live_accept(struct live *live, uint64_t session_id, uint64_t channel_id, uint64_t broadcast_id,
                 bool is_resumed);
/* An empty sentence: what is wrong with its offer. */
void live_refuse(struct live *live, uint64_t session_id, enum err err, const char *sentence);

/* Closes an accepted session and tells its publisher why; no callback follows. */
void live_kick(struct live *live, uint64_t session_id, const char *sentence);

/* Finishes the broadcast: last part, end of the playlist, which is served for a while. on_stopped
 * always follows, also when there is nothing. */
void live_stop(struct live *live, uint64_t channel_id, uint64_t broadcast_id);

/* The newest snapshot of a broadcast that goes on; borrowed until the loop turns. NULL: none yet.
 */
const struct hls_snapshot *live_find_snapshot(const struct live *live, uint64_t channel_id,
                                              uint64_t broadcast_id);

struct live_counters {
    size_t programs;
    size_t sessions;
    uint64_t worker_starts;
    int worker_pid;
    uint64_t worker_dropped;
    uint64_t rtmp_accepted;
    uint64_t rtmp_refused;
    uint64_t udp_received;
    uint64_t udp_dropped;
};
struct live_counters live_get_counters(const struct live *live);

#endif
