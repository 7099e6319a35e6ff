/*
 * live_private - what the files of live/ share: the loop's state and its sessions.
 */
#ifndef LIVE_LIVE_PRIVATE_H
#define LIVE_LIVE_PRIVATE_H

#include "base/list.h"
#include "base/map.h"
#include "base/secret.h"
#include "live/interleave.h"
#include "live/live.h"
#include "live/program.h"

struct transcoder;
struct transcode_stream;
struct live_rtmp;
struct live_webrtc;

struct live {
    struct loop *loop;
    struct live_config config;
    const struct live_handler *handler;
    void *ctx;
    struct list programs;
    struct map program_by_channel; /* the newest of each channel */
    struct map session_by_id;
    uint64_t next_session_id;
    uint32_t next_epoch;
    struct loop_timer second; /* statistics and silence */
    struct transcoder *transcoder;
    struct live_rtmp *rtmp;
    struct live_webrtc *webrtc;
    bool is_draining;
    bool is_destroying;
    uint64_t rtmp_accepted;
    uint64_t rtmp_refused;
};

enum session_state { SESSION_ASKING = 1, SESSION_ACCEPTED, SESSION_OVER };

/* What a protocol does for its session. */
struct session_ops {
    void (*accept)(struct live_session *session);
    void (*refuse)(struct live_session *session, enum err err, const char *sentence);
    /* The program ended or another publisher took over: tell the publisher and close. The session
     * is detached already; the protocol destroys it when it likes. */
    void (*end)(struct live_session *session, const char *sentence);
    /* Fills what the protocol knows: loss, round trip. */
    void (*stats)(struct live_session *session, struct live_stats *stats);
    /* Asks for a key frame where the protocol can. NULL: it cannot. */
    void (*request_keyframe)(struct live_session *session);
    /* Asks the publisher to connect elsewhere. NULL: the protocol cannot. */
    void (*drain)(struct live_session *session);
    /* Destroys it without a word. */
    void (*destroy)(struct live_session *session);
};

/* The part of a publishing connection that all protocols share; embedded in theirs. */
struct live_session {
    struct live *live;
    const struct session_ops *ops;
    uint64_t id;
    enum session_state state;
    enum live_protocol protocol;
    struct net_address peer;
    uint64_t channel_id;                /* wanted, later the program's */
    struct program *program;            /* NULL unless SESSION_ACCEPTED */
    struct transcode_stream *transcode; /* Opus in */
    struct interleave interleave;       /* with `transcode`: pictures wait for its sound */
    enum codec audio_codec;             /* as it comes in */
    int64_t last_sample_us;
    bool is_silent;              /* reported as lost for silence */
    bool is_refused;             /* its offer is no good, but the key is looked at first */
    int32_t target_bitrate_kbps; /* as announced; -1: not */
    double nominal_fps;          /* as announced; -1: not */
};

/* Registers the session and gives it its number. ERR_LIMIT: too many, or too many from this
 * address; the diag has a sentence for the publisher. */
MUST_USE enum err session_init(struct live_session *session, struct live *live,
                               const struct session_ops *ops, enum live_protocol protocol,
                               const struct net_address *peer, struct diag *diag);

/* Unregisters; detaches from the program without a word. */
void session_deinit(struct live_session *session);

/* Asks the directory. */
void session_ask(struct live_session *session, uint64_t channel_id, struct text stream_key);

/* A track's format; takes the reference. Returns false when the session cannot go on: it is
 * detached, on_failed was told, and `diag` says why; the protocol closes it. */
bool session_on_format(struct live_session *session, struct format *format, struct diag *diag);

/* A sample with the source's times; takes the reference. False: as above. */
bool session_on_sample(struct live_session *session, struct sample *sample, struct diag *diag);

/* The publisher left; `reason` is a sentence or NULL. Detaches and tells the directory. */
void session_on_lost(struct live_session *session, const char *reason);

/* Hands the newest snapshot of the program out, if it is new. */
void live_publish_snapshot(struct program *program);

/* The second tick of sessions. */
void session_check_silence(struct live_session *session, int64_t now_us);

struct live_rtmp *live_rtmp_create(struct live *live);
void live_rtmp_destroy(struct live_rtmp *rtmp);
struct live_webrtc *live_webrtc_create(struct live *live);
void live_webrtc_destroy(struct live_webrtc *webrtc);
void live_webrtc_count(const struct live_webrtc *webrtc, struct live_counters *counters);

#endif
