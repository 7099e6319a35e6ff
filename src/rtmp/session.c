#include "rtmp/session.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/reader.h"
#include "rtmp/handshake.h"

static_assert((int)RTMP_SEED_LEN == (int)HANDSHAKE_SEED_LEN, "the seed is for the handshake");

enum {
    MESSAGE_LEN_MAX_DEFAULT = 8 << 20,
    MESSAGE_LEN_MAX_STRANGER = 65536, /* before `publish` there is nothing large to say */
    BUFFERED_MAX_DEFAULT = 16 << 20,
    WAITING_COUNT_MAX = 2048,
    WINDOW_LEN_MIN = 16384 /* a peer that wants it smaller only wants noise */
};
#define SETUP_LIMIT_US (15 * US_PER_S)
#define IDLE_LIMIT_US  (30 * US_PER_S)
#define LINGER_US      (3 * US_PER_S)

enum { EVENT_PING_REQUEST = 6, EVENT_PING_RESPONSE = 7 };

static struct rtmp_config with_defaults(struct rtmp_config config)
{
    if (config.message_len_max == 0)
        config.message_len_max = MESSAGE_LEN_MAX_DEFAULT;
    if (config.buffered_max == 0)
        config.buffered_max = BUFFERED_MAX_DEFAULT;
    if (config.setup_limit_us == 0)
        config.setup_limit_us = SETUP_LIMIT_US;
    if (config.idle_limit_us == 0)
        config.idle_limit_us = IDLE_LIMIT_US;
    return config;
}

struct rtmp_session *rtmp_session_create(const struct rtmp_config *config,
                                         const struct rtmp_handler *handler, void *ctx,
                                         int64_t now_us)
{
    struct rtmp_session *session = mem_zalloc(sizeof(*session));

    session->config = with_defaults(*config);
    session->handler = *handler;
    session->ctx = ctx;
    session->now_us = now_us;
    session->output = writer_growing(RTMP_OUTPUT_LEN_MAX);
    session->window_len = OUR_WINDOW_LEN;
    session->chunks.chunk_size = CHUNK_SIZE_FIRST;
    session->chunks.buffered_max = session->config.buffered_max;
    session_set_state(session, STATE_C0);
    return session;
}

static void drop_waiting(struct rtmp_session *session)
{
    for (size_t i = 0; i < session->waiting.count; i++)
        buf_unref(session->waiting.items[i].body);
    vec_deinit(&session->waiting);
    session->waiting_len = 0;
}

void rtmp_session_destroy(struct rtmp_session *session)
{
    if (!session)
        return;
    drop_waiting(session);
    ingest_reset(session);
    chunk_reader_deinit(&session->chunks);
    writer_deinit(&session->output);
    mem_free(session->c1);
    crypto_wipe(session->app, sizeof(session->app)); /* some encoders put the key there */
    mem_free(session);
}

static bool has_publisher(const struct rtmp_session *session)
{
    return session->state == STATE_WAITING || session->state == STATE_PUBLISHING;
}

/* The handshake and the commands up to `publish` share one deadline, so that a peer that sends a
 * byte now and then is not kept for ever. */
void session_set_state(struct rtmp_session *session, enum rtmp_state state)
{
    enum rtmp_state before = session->state;

    session->state = state;
    if (has_publisher(session))
        session->deadline_us = session->now_us + session->config.idle_limit_us;
    else if (state == STATE_REFUSED)
        session->deadline_us = session->now_us + LINGER_US;
    else if (state == STATE_C0 || before > state)
        session->deadline_us = session->now_us + session->config.setup_limit_us;
    session->chunks.message_len_max =
        has_publisher(session) ? session->config.message_len_max : MESSAGE_LEN_MAX_STRANGER;
    if (state == STATE_REFUSED) /* what is on its way may be larger than a stranger's message */
        session->chunks.message_len_max = session->config.message_len_max;
}

void session_unpublish(struct rtmp_session *session)
{
    if (!has_publisher(session))
        return;
    drop_waiting(session);
    ingest_reset(session);
    session_set_state(session, STATE_CONNECTED);
    session->handler.on_end(session->ctx, RTMP_END_UNPUBLISHED);
}

static enum err fail(struct rtmp_session *session, enum err err, enum rtmp_end reason)
{
    bool had_publisher = has_publisher(session);

    session->failure = err;
    session_set_state(session, STATE_REFUSED);
    session->deadline_us = INT64_MAX;
    drop_waiting(session);
    if (had_publisher)
        session->handler.on_end(session->ctx, reason);
    return err;
}

void session_send(struct rtmp_session *session, enum message_type type, uint32_t stream_id,
                  const struct writer *body)
{
    /* Chunk stream 2 is for control messages (5.4); we use 3 for all others. */
    uint32_t chunk_stream = type <= MESSAGE_SET_PEER_BANDWIDTH ? 2 : 3;

    assert(!body->failed && body->len < OUR_CHUNK_SIZE);
    chunk_write_header(&session->output, chunk_stream, (uint8_t)type, stream_id,
                       (uint32_t)body->len);
    writer_bytes(&session->output, body->data, body->len);
}

/* 5.4.3: tells the count of bytes received, mod 2^32, each time a window of them has come. */
static void acknowledge(struct rtmp_session *session)
{
    uint8_t memory[4];
    struct writer body = writer_fixed(memory, sizeof(memory));

    if (session->stats.received_len - session->acknowledged_len < session->window_len)
        return;
    session->acknowledged_len = session->stats.received_len;
    writer_u32(&body, (uint32_t)session->stats.received_len);
    session_send(session, MESSAGE_ACKNOWLEDGEMENT, 0, &body);
}

static enum err on_set_chunk_size(struct rtmp_session *session, struct reader body,
                                  const struct chunk_message *message)
{
    uint32_t size = reader_u32(&body);

    (void)message;
    if (body.failed || size == 0 || size > INT32_MAX) /* 5.4.1: the first bit must be zero */
        return ERR_MALFORMED;
    session->chunks.chunk_size = size < CHUNK_SIZE_MAX ? size : CHUNK_SIZE_MAX;
    return OK;
}

static enum err on_abort(struct rtmp_session *session, struct reader body,
                         const struct chunk_message *message)
{
    uint32_t chunk_stream = reader_u32(&body);

    (void)message;
    if (body.failed)
        return ERR_MALFORMED;
    chunk_reader_abort(&session->chunks, chunk_stream);
    return OK;
}

static enum err on_user_control(struct rtmp_session *session, struct reader body,
                                const struct chunk_message *message)
{
    uint8_t memory[6];
    struct writer answer = writer_fixed(memory, sizeof(memory));
    uint16_t event = reader_u16(&body);
    uint32_t value = reader_u32(&body);

    (void)message;
    if (event != EVENT_PING_REQUEST || body.failed)
        return OK; /* 7.1.7: the others are for players */
    writer_u16(&answer, EVENT_PING_RESPONSE);
    writer_u32(&answer, value);
    session_send(session, MESSAGE_USER_CONTROL, 0, &answer);
    return OK;
}

static enum err on_window_ack_size(struct rtmp_session *session, struct reader body,
                                   const struct chunk_message *message)
{
    uint32_t len = reader_u32(&body);

    (void)message;
    if (body.failed)
        return ERR_MALFORMED;
    session->window_len = len > WINDOW_LEN_MIN ? len : WINDOW_LEN_MIN;
    return OK;
}

static enum err on_command(struct rtmp_session *session, struct reader body,
                           const struct chunk_message *message)
{
    if (message->type == MESSAGE_COMMAND_AMF3)
        reader_skip(&body, 1); /* 0: AMF0 values follow, which is what everybody sends */
    enum err err = command_receive(session, body, message->stream_id);
    crypto_wipe(message->body->data, message->body->len); /* `publish` has the key in it */
    return err;
}

/* Keeps the message until the owner has answered on_publish. */
static enum err keep_waiting(struct rtmp_session *session, const struct chunk_message *message)
{
    struct chunk_message kept = *message;

    if (message->body->len > session->config.buffered_max - session->waiting_len ||
        !vec_push(&session->waiting, kept, WAITING_COUNT_MAX))
        return ERR_LIMIT;
    session->waiting_len += message->body->len;
    (void)buf_ref(message->body);
    return OK;
}

static enum err on_media(struct rtmp_session *session, struct reader body,
                         const struct chunk_message *message)
{
    (void)body;
    /* Some encoders leave the stream id at 0. Another one's media are not of this publishing. */
    if (message->stream_id != session->publish_stream && message->stream_id != 0)
        return OK;
    if (session->state == STATE_WAITING)
        return keep_waiting(session, message);
    if (session->state == STATE_PUBLISHING)
        ingest_message(session, message);
    return OK; /* in other states: late media of an ended or refused publisher */
}

static enum err on_aggregate(struct rtmp_session *session, struct reader body,
                             const struct chunk_message *message)
{
    (void)body;
    (void)message;
    session->stats.skipped_count++;
    if (session->state == STATE_PUBLISHING)
        ingest_tell(session, TOLD_AGGREGATE, TEXT("Aggregate messages are not supported."));
    return OK;
}

typedef enum err (*message_fn)(struct rtmp_session *session, struct reader body,
                               const struct chunk_message *message);

static const message_fn message_handlers[] = {
    [MESSAGE_SET_CHUNK_SIZE] = on_set_chunk_size,
    [MESSAGE_ABORT] = on_abort,
    [MESSAGE_USER_CONTROL] = on_user_control,
    [MESSAGE_WINDOW_ACK_SIZE] = on_window_ack_size,
    [MESSAGE_AUDIO] = on_media,
    [MESSAGE_VIDEO] = on_media,
    [MESSAGE_DATA_AMF3] = on_media,
    [MESSAGE_COMMAND_AMF3] = on_command,
    [MESSAGE_DATA] = on_media,
    [MESSAGE_COMMAND] = on_command,
    [MESSAGE_AGGREGATE] = on_aggregate,
};

static enum err dispatch(struct rtmp_session *session, const struct chunk_message *message)
{
    size_t count = sizeof(message_handlers) / sizeof(message_handlers[0]);

    if (message->type >= count || !message_handlers[message->type])
        return OK; /* acknowledgements and bandwidth need no answer; unknown ones are skipped */
    return message_handlers[message->type](
        session, reader_of(message->body->data, message->body->len), message);
}

/* Gathers C0, C1 and C2. ERR_AGAIN: the input is used up. */
static enum err receive_handshake(struct rtmp_session *session, struct reader *input)
{
    if (session->state == STATE_C0) {
        if (input->left == 0)
            return ERR_AGAIN;
        enum err err = handshake_check_version(reader_u8(input));
        if (err)
            return err;
        session->c1 = mem_alloc(HANDSHAKE_PACKET_LEN);
        session_set_state(session, STATE_C1);
    }
    size_t missing = HANDSHAKE_PACKET_LEN - session->handshake_len;
    size_t len = input->left < missing ? input->left : missing;

    if (session->state == STATE_C1)
        reader_copy(input, session->c1 + session->handshake_len, len);
    else
        reader_skip(input, len); /* C2 ought to echo S1; encoders send what they like */
    session->handshake_len += len;
    if (len < missing)
        return ERR_AGAIN;

    session->handshake_len = 0;
    if (session->state == STATE_C2) {
        session_set_state(session, STATE_OPEN);
        return OK;
    }
    handshake_write_answer(&session->output, session->c1, session->config.seed);
    mem_free(session->c1);
    session->c1 = NULL;
    session_set_state(session, STATE_C2);
    return OK;
}

static enum err receive_message(struct rtmp_session *session, struct reader *input,
                                uint64_t received_before)
{
    struct chunk_message message;
    size_t left = input->left;
    enum err err = chunk_reader_next(&session->chunks, input, &message);

    session->stats.received_len = received_before + (left - input->left);
    if (err)
        return err;
    err = dispatch(session, &message);
    buf_unref(message.body);
    if (!err)
        acknowledge(session);
    return err;
}

enum err rtmp_session_receive(struct rtmp_session *session, const void *bytes, size_t len,
                              int64_t now_us)
{
    struct reader input = reader_of(bytes, len);
    enum err err = session->failure;

    if (err)
        return err;
    session->now_us = now_us;
    if (has_publisher(session) && len > 0)
        session->deadline_us = now_us + session->config.idle_limit_us;
    while (!err) {
        uint64_t received_before = session->stats.received_len;

        if (session->state < STATE_OPEN) {
            size_t left = input.left;

            err = receive_handshake(session, &input);
            session->stats.received_len = received_before + (left - input.left);
        } else {
            err = receive_message(session, &input, received_before);
        }
        if (session->output.failed)
            err = ERR_LIMIT; /* asks faster than it reads the answers */
    }
    return err == ERR_AGAIN ? OK : fail(session, err, RTMP_END_FAILED);
}

struct writer *rtmp_session_output(struct rtmp_session *session)
{
    return &session->output;
}

void rtmp_session_accept(struct rtmp_session *session)
{
    uint8_t memory[6];
    struct writer body = writer_fixed(memory, sizeof(memory));

    if (session->state != STATE_WAITING)
        return;
    writer_u16(&body, 0); /* 7.1.7: Stream Begin */
    writer_u32(&body, session->publish_stream);
    session_send(session, MESSAGE_USER_CONTROL, 0, &body);
    command_send_status(session, session->publish_stream, "status", "NetStream.Publish.Start",
                        TEXT("Go."), TEXT(""));
    session_set_state(session, STATE_PUBLISHING);
    for (size_t i = 0; i < session->waiting.count; i++) {
        struct chunk_message message = session->waiting.items[i];

        /* The owner may end the publishing from within an event, which empties the list. */
        message.body = buf_ref(message.body);
        ingest_message(session, &message);
        buf_unref(message.body);
    }
    drop_waiting(session);
}

static void refuse(struct rtmp_session *session, const char *level, const char *code,
                   struct text description)
{
    command_send_status(session, session->publish_stream, level, code, description, TEXT(""));
    drop_waiting(session);
    ingest_reset(session);
    session_set_state(session, STATE_REFUSED);
}

void rtmp_session_reject(struct rtmp_session *session, enum rtmp_reject reason,
                         struct text description)
{
    /* OBS gives up on these three codes and no others; and on none when it connects again. */
    static const char *const codes[] = {[RTMP_REJECT_BAD_NAME] = "NetStream.Publish.BadName",
                                        [RTMP_REJECT_DENIED] = "NetStream.Publish.Denied",
                                        [RTMP_REJECT_REJECTED] = "NetStream.Publish.Rejected"};

    if (session->state == STATE_WAITING)
        refuse(session, "error", codes[reason], description);
}

void rtmp_session_end(struct rtmp_session *session, struct text description)
{
    if (session->state == STATE_PUBLISHING)
        refuse(session, "status", "NetStream.Unpublish.Success", description);
}

bool rtmp_session_request_reconnect(struct rtmp_session *session, struct text tc_url,
                                    struct text description)
{
    if (!session->can_reconnect || !has_publisher(session))
        return false;
    command_send_status(session, 0, "status", "NetConnection.Connect.ReconnectRequest", description,
                        tc_url);
    return true;
}

int64_t rtmp_session_deadline_us(const struct rtmp_session *session)
{
    return session->deadline_us;
}

enum err rtmp_session_on_time(struct rtmp_session *session, int64_t now_us)
{
    session->now_us = now_us;
    if (session->failure)
        return session->failure;
    if (now_us < session->deadline_us)
        return OK;
    return fail(session, ERR_TIMEOUT, RTMP_END_TIMEOUT);
}

const struct rtmp_stats *rtmp_session_stats(const struct rtmp_session *session)
{
    return &session->stats;
}
