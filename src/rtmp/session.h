/*
 * session - what the three parts of a session share: session.c (handshake, messages, states,
 * deadlines), command.c (AMF0 commands and answers), ingest.c (media messages to samples).
 *
 *     C0 -> C1 -> C2 -> OPEN --connect--> CONNECTED --publish--> WAITING --accept--> PUBLISHING
 *                                             ^                    |  |                  |
 *                                             +----- unpublish ----+--|------------------+
 *                                                                     +--reject, end--> REFUSED
 */
#ifndef RTMP_SESSION_H
#define RTMP_SESSION_H

#include <stdbool.h>

#include "base/vec.h"
#include "base/writer.h"
#include "media/format.h"
#include "rtmp/chunk.h"
#include "rtmp/rtmp.h"

enum rtmp_state {
    STATE_C0 = 1,
    STATE_C1,
    STATE_C2,
    STATE_OPEN,
    STATE_CONNECTED,
    STATE_WAITING,
    STATE_PUBLISHING,
    STATE_REFUSED
};

/* Types of messages: RTMP 1.0 sections 5.4 and 7.1. */
enum message_type {
    MESSAGE_SET_CHUNK_SIZE = 1,
    MESSAGE_ABORT = 2,
    MESSAGE_ACKNOWLEDGEMENT = 3,
    MESSAGE_USER_CONTROL = 4,
    MESSAGE_WINDOW_ACK_SIZE = 5,
    MESSAGE_SET_PEER_BANDWIDTH = 6,
    MESSAGE_AUDIO = 8,
    MESSAGE_VIDEO = 9,
    MESSAGE_DATA_AMF3 = 15,
    MESSAGE_COMMAND_AMF3 = 17,
    MESSAGE_DATA = 18,
    MESSAGE_COMMAND = 20,
    MESSAGE_AGGREGATE = 22
};

enum {
    OUR_CHUNK_SIZE = 65536, /* ffmpeg takes over what we announce: fewer and larger chunks for us */
    OUR_WINDOW_LEN = 2500000,
    DESCRIPTION_LEN_MAX = 500
};

/* What has been told with on_unsupported. */
enum { TOLD_VIDEO = 1, TOLD_AUDIO = 2, TOLD_AGGREGATE = 4 };

struct track {
    enum codec codec;     /* CODEC_NONE: no configuration yet */
    struct buf *config;   /* as received, or NULL */
    unsigned length_size; /* H.264, H.265: bytes of the length in front of a NAL unit */
};

struct rtmp_session {
    enum rtmp_state state;
    enum err failure; /* OK, or what each later call returns */
    struct rtmp_handler handler;
    void *ctx;
    struct rtmp_config config;
    int64_t now_us; /* of the call that is under way */
    int64_t deadline_us;
    struct rtmp_stats stats;
    struct writer output;

    uint8_t *c1; /* while it is gathered */
    size_t handshake_len;
    struct chunk_reader chunks;
    uint64_t window_len; /* bytes between two acknowledgements */
    uint64_t acknowledged_len;

    char app[RTMP_APP_LEN_MAX];
    size_t app_len;
    bool can_reconnect;
    uint32_t streams_count;  /* message streams created; their ids count from 1 */
    uint32_t publish_stream; /* the one of `publish` */

    VEC(struct chunk_message) waiting; /* media that came before accept */
    size_t waiting_len;

    bool has_time; /* the two below are valid */
    uint32_t last_ms32;
    int64_t last_ms; /* the same, extended */
    struct track tracks[2];
    unsigned told;
};

/* The only function that sets the state; arms the deadline that belongs to it. */
void session_set_state(struct rtmp_session *session, enum rtmp_state state);

/* Back to CONNECTED, with on_end, if it is publishing or waiting to. */
void session_unpublish(struct rtmp_session *session);

/* Puts a message into the output. */
void session_send(struct rtmp_session *session, enum message_type type, uint32_t stream_id,
                  const struct writer *body);

/* command.c: a message of AMF0 values: name, transaction, arguments. */
MUST_USE enum err command_receive(struct rtmp_session *session, struct reader body,
                                  uint32_t stream_id);

/* command.c: an onStatus, with `level` "status" or "error". The description is cut to its limit;
 * an empty tc_url is left out. */
void command_send_status(struct rtmp_session *session, uint32_t stream_id, const char *level,
                         const char *code, struct text description, struct text tc_url);

/* ingest.c: audio, video or data of the publisher. Takes nothing; slices hold references. */
void ingest_message(struct rtmp_session *session, const struct chunk_message *message);

/* ingest.c: forgets tracks and time, for the next publishing. */
void ingest_reset(struct rtmp_session *session);

/* ingest.c: tells the publisher's user, unless it was told before. */
void ingest_tell(struct rtmp_session *session, unsigned what, struct text sentence);

#endif
