/*
 * channel - the channels and their relay state machine (spec section 4). Rules of the business: no
 * sockets, no media, no SQL, no clock.
 *
 *     api (create start end delete) --\                        /--> store(change)     to the pool
 *     live (publish media lost stats) ---> channel_directory ----> kick_session()     to live
 *     on_time(now)                  --/     all channels,     ---> stop_media()       to live
 *     on_stored(change, err) --------/      in memory          \--> changed(event)    push, log
 *
 * The directory holds all channels, found by id and by stream key. One table (relay.c) says for
 * each state and event what follows; whatever is not in it is ignored or refused with a sentence.
 *
 *                    publish, start                 media
 *     (idle) ------------------------> starting ------------> active <--------.
 *     stopped, error ------------------^  |  |                  | lost,       | media, resumed
 *                                 timeout |  | end              | take-over   |
 *                                         v  |                  v             |
 *                                      error |   end, 2 h   reconnecting -----'
 *                                            v               | end, 30 s
 *                  stopped <------------ stopping <----------'
 *                      media_stopped, 10 s
 *
 * Order of a change (spec: stored, then pushed, then logged). The state in memory changes at once;
 * `store` gets the row; when the owner hands the result back with channel_directory_on_stored(),
 * `changed` is called, and its owner pushes and then logs (channel_event_log). A failed write is
 * told in the event and changes nothing else: a full disk must not end a broadcast. Only a
 * created channel that could not be stored is taken back.
 *
 * Sessions   A session is one publishing connection, numbered by the live layer (never 0, never
 *            twice). Events of a session that the channel no longer has are ignored, so the live
 *            layer need not care about order.
 * Ownership  The directory owns the channels. Pointers to them are borrowed: valid until the next
 *            call that may delete (delete, on_stored). Keep ids.
 * Threads    All on one loop (control). Handlers are called from inside the functions below and
 *            must not call back into the directory: post a message.
 * Times      now_us is monotonic. Stored times are wall clock; the directory adds the offset that
 *            channel_directory_set_wall_offset() gave it.
 */
#ifndef CHANNEL_CHANNEL_H
#define CHANNEL_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "base/secret.h"
#include "base/text.h"
#include "media/format.h"
#include "store/store.h"

struct writer;
struct channel_directory;

/*    state                name            is_active  playable */
#define RELAY_STATE_TABLE(X)                                                                       \
    X(RELAY_IDLE, "", false, false) /* never was live; null in the API */                          \
    X(RELAY_STARTING, "starting", true, false)                                                     \
    X(RELAY_ACTIVE, "active", true, true)                                                          \
    X(RELAY_RECONNECTING, "reconnecting", true, true)                                              \
    X(RELAY_STOPPING, "stopping", true, true)                                                      \
    X(RELAY_STOPPED, "stopped", false, false)                                                      \
    X(RELAY_ERROR, "error", false, false)

enum relay_state {
    RELAY_STATE_UNSET,
#define RELAY_STATE_ENUM(state, name, is_active, is_playable) state,
    RELAY_STATE_TABLE(RELAY_STATE_ENUM)
#undef RELAY_STATE_ENUM
        RELAY_STATE_END
};

/* "starting" ...; "" for RELAY_IDLE. */
const char *relay_state_name(enum relay_state state);
/* A broadcast is going on: from start or publish to stopped or error. */
bool relay_state_is_active(enum relay_state state);
/* There is HLS to play, now. */
bool relay_state_is_playable(enum relay_state state);

/* What viewers get: WebRTC alone, or HLS too. */
enum stream_mode { STREAM_MODE_WEBRTC_ONLY = 1, STREAM_MODE_HYBRID };

/* "webrtc-only", "hybrid". */
const char *stream_mode_name(enum stream_mode mode);
/* Takes "agora-only" too, which means "webrtc-only". False: no such mode. */
bool stream_mode_parse(struct text name, enum stream_mode *ret_mode);

enum ingest { INGEST_WHIP = 1, INGEST_RTMP, INGEST_RTMPS };

/* "whip", "rtmp", "rtmps"; NULL for 0. */
const char *ingest_name(enum ingest ingest);

/* What the live layer measures, about once a second for each channel with a publisher. Numbers
 * that are not known: negative. */
struct channel_stats {
    int64_t last_packet_us; /* monotonic: when the publisher's last media arrived */
    bool has_video;
    bool has_audio;
    bool has_b_frames;
    enum codec video_codec; /* CODEC_NONE: not known */
    enum codec audio_codec; /* as it comes in */
    uint32_t width;
    uint32_t height;
    int32_t bitrate_kbps;
    int32_t target_bitrate_kbps; /* what the encoder means to send (RTMP metadata, REMB) */
    double fps;
    double nominal_fps;
    int32_t keyframe_interval_ms;
    double packet_loss; /* 0..1, over the last seconds; RTMP: -1 */
    int32_t rtt_ms;
    int32_t part_delay_ms; /* from the arrival of a part's last sample to the part being listed */
};

/* All unknown. */
struct channel_stats channel_stats_unknown(void);

enum health { HEALTH_UNKNOWN = 1, HEALTH_GOOD, HEALTH_FAIR, HEALTH_POOR };

/* "good", "fair", "poor"; NULL when unknown. */
const char *health_name(enum health health);

enum { HEALTH_RULES_MAX = 24 };

/* Which rules of health.c hold now, with the time since their opposite is seen (hysteresis). */
struct health_state {
    enum health health;
    char reason[STORE_REASON_LEN_MAX + 1]; /* what the seller should do; "" when good */
    uint8_t shown;                         /* the rule that gave the reason, from 1; 0: none */
    uint32_t raised;                       /* a bit for each rule */
    int64_t changing_since_us[HEALTH_RULES_MAX];
};

/* Reads the numbers against the table of rules. `ingest` decides the words. */
void health_update(struct health_state *state, const struct channel_stats *stats,
                   enum ingest ingest, int64_t now_us);

/* A channel, for reading. Only the directory writes it. */
struct channel {
    uint64_t id;
    char title[STORE_TITLE_LEN_MAX + 1];
    struct secret stream_key;
    char host_user_id[ROW_UUID_LEN + 1]; /* the account whose channel it is; "": nobody's */
    enum stream_mode stream_mode;
    uint32_t max_duration_s;                   /* of a broadcast; 0: as the server is configured */
    char recording_url[STORE_URL_LEN_MAX + 1]; /* of the newest recording; "": there is none */

    enum relay_state state;
    char reason[STORE_REASON_LEN_MAX + 1]; /* why it is in this state; a sentence or "" */
    int64_t created_at_us;                 /* wall clock; 0: not yet */
    int64_t updated_at_us;
    int64_t started_at_us; /* of the broadcast that goes on, or of the last one */
    int64_t ended_at_us;   /* 0 while one goes on */
    uint64_t broadcast_id; /* 0: none goes on */

    uint64_t session_id;      /* the publisher's; 0: nobody publishes */
    uint64_t lost_session_id; /* was lost, may resume or be replaced; 0: none */
    enum ingest ingest; /* of the publisher, or of the last one of this broadcast; 0: none yet */

    uint32_t webrtc_viewers;
    uint32_t hls_viewers;
    uint32_t peak_viewers; /* of this broadcast */
    struct channel_stats stats;
    struct health_state health;

    /* The server that runs the broadcast, or ran the last one; "": not known. While `is_foreign`,
     * that is another one, which alone knows more than is written here. */
    char node[STORE_NODE_LEN_MAX + 1];
    bool is_foreign;
    char node_url[ROW_NODE_URL_LEN_MAX + 1]; /* while foreign: where it is played; "": not known */

    /* The directory's own. */
    uint64_t ticket; /* of the newest change that was sent to the store */
    bool has_media; /* a publisher was accepted: the live layer holds something of this broadcast */
    int64_t state_since_us;
    int64_t begun_at_us;            /* the broadcast */
    int64_t deadline_us;            /* of the state; INT64_MAX: none */
    int64_t end_by_us;              /* of the broadcast */
    int64_t encoders_wait_until_us; /* after an end by hand; 0: they need not */
    int64_t encoder_tried_us;       /* last while they had to wait; at first: the end */
    struct list_node in_active;
};

struct channel_limits {
    uint32_t channels_max;
    uint32_t live_max;           /* broadcasts at the same time */
    int64_t media_wait_us;       /* after start, for the first part */
    int64_t reconnect_wait_us;   /* after the loss of the publisher */
    int64_t stop_wait_us;        /* for the last segments */
    int64_t takeover_silence_us; /* a publisher silent for longer may be replaced */
    int64_t broadcast_max_us;
};

/* 10,000 channels, 1,000 live, 30 s, 30 s, 10 s, 3 s, 2 h. */
struct channel_limits channel_limits_default(void);

enum channel_event_kind {
    CHANNEL_CREATED = 1, /* stored */
    CHANNEL_UPDATED,     /* settings or key; stored */
    CHANNEL_DELETED,     /* stored; the channel is gone */
    CHANNEL_STATE,       /* relay state; stored */
    CHANNEL_NUMBERS,     /* statistics, viewers or health; nothing is stored */
};

struct channel_event {
    enum channel_event_kind kind;
    uint64_t channel_id;
    uint64_t broadcast_id;
    enum relay_state from; /* CHANNEL_STATE */
    enum relay_state to;
    char reason[STORE_REASON_LEN_MAX + 1];
    bool is_foreign; /* another server did it, and has told webhooks and its log */
    bool is_stored;  /* false: the database refused, `store_error` says why */
    char store_error[STORE_REASON_LEN_MAX + 1];
};

/* Writes the event to the log: info for changes, error when it was not stored, nothing for numbers
 * and for what another server did. */
void channel_event_log(const struct channel_event *event);

/* What a change on its way to the store is about; not stored yet. */
struct channel_event channel_event_of(const struct store_change *change);

struct channel_handler {
    void *context;
    /* Copy and queue it, in order; answer with channel_directory_on_stored(). */
    void (*store)(void *context, const struct store_change *change);
    /* Close this publishing session, if it still is there, and tell the publisher the reason. No
     * event of it counts any more. */
    void (*kick_session)(void *context, uint64_t session_id, const char *reason);
    /* Finish the HLS of this broadcast (last segments, end of list), then call
     * channel_on_media_stopped(). */
    void (*stop_media)(void *context, uint64_t channel_id, uint64_t broadcast_id);
    /* Render the status anew, push it, log it. */
    void (*changed)(void *context, const struct channel_event *event);
};

/* The handler is copied. */
struct channel_directory *channel_directory_create(const struct channel_limits *limits,
                                                   const struct channel_handler *handler);
void channel_directory_destroy(struct channel_directory *dir);

/* The name of this server among those on one database (store_node()); copied. Without a name there
 * is no other. Call it before loading. */
void channel_directory_set_node(struct channel_directory *dir, const char *node);

/* wall clock minus monotonic clock. Call it before anything else, and now and then. */
void channel_directory_set_wall_offset(struct channel_directory *dir, int64_t offset_us);

/* Takes over what the last run left (the snapshot is copied). A channel that claims to be live is
 * closed as stopped: nobody runs it any more; unless another server runs it. */
void channel_directory_load(struct channel_directory *dir, const struct store_snapshot *snapshot,
                            int64_t now_us);

/* Wall clock of this moment, as stored times are. */
int64_t channel_directory_wall_us(const struct channel_directory *dir, int64_t now_us);

/* When channel_directory_on_time() wants to be called; INT64_MAX: never. May be early. */
int64_t channel_directory_deadline_us(const struct channel_directory *dir);
void channel_directory_on_time(struct channel_directory *dir, int64_t now_us);

/* The store's answer to a change; `diag` may be NULL. Calls `changed`. */
void channel_directory_on_stored(struct channel_directory *dir, const struct store_change *change,
                                 enum err result, const struct diag *diag);

/* The ticket of the newest change that went to `store`: an answer that promises that something is
 * stored waits for it. 0: none yet. */
uint64_t channel_directory_ticket(const struct channel_directory *dir);

/* ---- several servers on one database ---- */

/* Numbers of new channels and broadcasts come in blocks that the store reserves (store.h). While
 * the directory wants more, reserve a block and give it; one at a time. When they are used up
 * before it comes, channel_create() and new broadcasts are refused with ERR_AGAIN. */
enum channel_ids { CHANNEL_IDS_CHANNELS = 1, CHANNEL_IDS_BROADCASTS };

bool channel_directory_wants_ids(const struct channel_directory *dir, enum channel_ids which);
void channel_directory_give_ids(struct channel_directory *dir, enum channel_ids which,
                                uint64_t first, uint64_t count);

/* Another server wrote this channel: `row` is how it is stored now, NULL: it is gone. Read the row
 * behind everything that was sent to the store before; `ticket` is channel_directory_ticket() of
 * when the reading was asked for: what was changed here since is newer and stays. Calls `changed`
 * with `is_foreign` when something did change. A state of ours that the row does not have, because
 * the database was away or another server took this one for dead, is stored once more. */
void channel_directory_on_foreign(struct channel_directory *dir, uint64_t id,
                                  const struct channel_row *row, uint64_t ticket, int64_t now_us);

/* Where viewers reach that server itself; empty: it does not tell. Calls `changed` for what it runs
 * when this is news. ERR_LIMIT: more servers than the directory knows. */
MUST_USE enum err channel_directory_set_node_url(struct channel_directory *dir, struct text node,
                                                 struct text url);

/* That server is dead: its broadcasts are closed as stopped, as after a crash of our own. */
void channel_directory_on_dead_node(struct channel_directory *dir, struct text node,
                                    int64_t now_us);

/* ---- ---- */

/* Ends all broadcasts (server shutdown); they go through `stopping` in parallel. */
void channel_directory_end_all(struct channel_directory *dir, const char *reason, int64_t now_us);

/* Channels, by rising id. */
size_t channel_directory_count(const struct channel_directory *dir);
const struct channel *channel_directory_at(const struct channel_directory *dir, size_t index);
/* Broadcasts that go on. */
size_t channel_directory_live_count(const struct channel_directory *dir);

/* NULL when there is none. */
const struct channel *channel_find(const struct channel_directory *dir, uint64_t id);
/* In time that tells nothing of the keys. */
const struct channel *channel_find_by_key(const struct channel_directory *dir, struct text key);

/* ---- commands (api). Each error leaves things as they were and puts a sentence into diag. ---- */

enum { CHANNEL_DURATION_S_MIN = 60, CHANNEL_DURATION_S_MAX = 86400 };

/* What may be chosen about a channel. An update takes those that are given. */
struct channel_settings {
    struct text title;
    struct text host_user_id;     /* an account that the caller knows; empty: nobody's */
    enum stream_mode stream_mode; /* create: 0 is hybrid */
    uint32_t max_duration_s;      /* 0: as the server is configured */
    bool has_title;               /* update only, as the other three */
    bool has_host_user_id;
    bool has_stream_mode;
    bool has_max_duration;
};

/* The caller draws the key (crypto_random_text). ERR_INVALID: title empty, too long or no UTF-8, or
 * a maximum length out of range; ERR_LIMIT: too many channels; ERR_CONFLICT: the key is in use. */
MUST_USE enum err channel_create(struct channel_directory *dir,
                                 const struct channel_settings *settings, struct text stream_key,
                                 int64_t now_us, uint64_t *ret_id, struct diag *diag);

/* A new maximum length holds for the broadcast that goes on, too. ERR_NOT_FOUND, ERR_INVALID. */
MUST_USE enum err channel_update(struct channel_directory *dir, uint64_t id,
                                 const struct channel_settings *settings, int64_t now_us,
                                 struct diag *diag);

/* ERR_NOT_FOUND; ERR_CONFLICT: it is live. */
MUST_USE enum err channel_delete(struct channel_directory *dir, uint64_t id, int64_t now_us,
                                 struct diag *diag);

/* A new key. Who publishes with the old one is closed; the broadcast waits for the new one as after
 * a lost connection. ERR_NOT_FOUND, ERR_INVALID, ERR_CONFLICT. */
MUST_USE enum err channel_set_key(struct channel_directory *dir, uint64_t id,
                                  struct text stream_key, int64_t now_us, struct diag *diag);

/* Announces a broadcast: the seller's media must come within media_wait. ERR_NOT_FOUND;
 * ERR_CONFLICT: it is live already or just ending; ERR_LIMIT: too many broadcasts. */
MUST_USE enum err channel_start(struct channel_directory *dir, uint64_t id, int64_t now_us,
                                struct diag *diag);

/* Closes the publisher's connection, if there is one; the broadcast waits as after a lost one.
 * ERR_NOT_FOUND. */
MUST_USE enum err channel_leave(struct channel_directory *dir, uint64_t id, const char *reason,
                                int64_t now_us, struct diag *diag);

/* Ends the broadcast. For a while encoders (RTMP) that connect again by themselves are refused, so
 * that OBS does not undo what the seller did; a start or a browser ends that wait. A channel that
 * is not live stays as it is, and the answer is OK, so that pressing the button twice is no error.
 * ERR_NOT_FOUND. */
MUST_USE enum err channel_end(struct channel_directory *dir, uint64_t id, const char *reason,
                              int64_t now_us, struct diag *diag);

/* ---- events (live) ---- */

struct publish_request {
    struct text stream_key;
    uint64_t channel_id; /* from the URL (WHIP); 0: the key alone decides (RTMP) */
    uint64_t session_id;
    enum ingest ingest;
};

struct publish_answer {
    uint64_t channel_id;
    uint64_t broadcast_id;
    bool is_resumed;              /* another session of this broadcast came before: its playlist, if
                                     there is one, goes on with a discontinuity */
    uint64_t replaced_session_id; /* was kicked; 0: none */
};

/* Somebody wants to publish. Starts a broadcast when none goes on. The diag's sentence is for the
 * publisher.
 * ERR_DENIED: unknown key, or not the key of this channel; ERR_CONFLICT: somebody else publishes,
 * or the broadcast is just ending; ERR_LIMIT: too many broadcasts. */
MUST_USE enum err channel_publish(struct channel_directory *dir,
                                  const struct publish_request *request, int64_t now_us,
                                  struct publish_answer *ret_answer, struct diag *diag);

/* Whether the key would be let in, and nothing else. ERR_DENIED as above. */
MUST_USE enum err channel_check_key(const struct channel_directory *dir,
                                    const struct publish_request *request, struct diag *diag);

/* The first part is listed, or the first one after a pause: the channel is playable. */
void channel_on_media(struct channel_directory *dir, uint64_t channel_id, uint64_t session_id,
                      int64_t now_us);

/* The publisher's connection ended or went silent. `reason`: a sentence for the seller, or NULL. */
void channel_on_publisher_lost(struct channel_directory *dir, uint64_t channel_id,
                               uint64_t session_id, const char *reason, int64_t now_us);

/* The same session sends again after a silence that was reported as lost: it is the channel's
 * publisher again unless somebody else is by now. */
void channel_on_publisher_resumed(struct channel_directory *dir, uint64_t channel_id,
                                  uint64_t session_id, int64_t now_us);

/* What this publisher sends cannot be played (codec, broken stream): ends in `error`. */
void channel_on_media_failed(struct channel_directory *dir, uint64_t channel_id,
                             uint64_t session_id, const char *reason, int64_t now_us);

/* The answer to stop_media: the last segment is written. */
void channel_on_media_stopped(struct channel_directory *dir, uint64_t channel_id,
                              uint64_t broadcast_id, int64_t now_us);

/* The newest recording of a channel: where it is to be played. "": it is gone. Whoever calls stores
 * it. No error when there is no such channel. */
void channel_on_recording(struct channel_directory *dir, uint64_t channel_id, const char *url);

void channel_on_stats(struct channel_directory *dir, uint64_t channel_id, uint64_t session_id,
                      const struct channel_stats *stats, int64_t now_us);

void channel_on_viewers(struct channel_directory *dir, uint64_t channel_id, uint32_t webrtc_viewers,
                        uint32_t hls_viewers, int64_t now_us);

/* Prometheus text (0.0.4): stoa_channel_* of each channel that is on air, stoa_channels by state.
 * Labels carry the channel's id and nothing else. */
void channel_write_metrics(const struct channel_directory *dir, struct writer *w);

#endif
