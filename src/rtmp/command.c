#include <math.h>

#include "base/reader.h"
#include "rtmp/amf0.h"
#include "rtmp/session.h"

enum { BODY_LEN_MAX = 2048, STREAMS_COUNT_MAX = 16, TC_URL_LEN_MAX = 512 };
enum { CAPS_RECONNECT = 1, CAPS_MULTITRACK = 2, CAPS_MODEX = 4, CAPS_NANO_OFFSET = 8 };
enum { OUR_CAPS = CAPS_RECONNECT | CAPS_MULTITRACK | CAPS_MODEX | CAPS_NANO_OFFSET };
enum { FOURCC_CAN_FORWARD = 4 };

/* A command while it is handled: the arguments not read yet, and how to answer it. */
struct call {
    struct rtmp_session *session;
    struct reader args;
    double transaction; /* 0: no answer is wanted */
    uint32_t stream_id;
};

static void send_body(struct rtmp_session *session, uint32_t stream_id, const struct writer *body)
{
    session_send(session, MESSAGE_COMMAND, stream_id, body);
}

void command_send_status(struct rtmp_session *session, uint32_t stream_id, const char *level,
                         const char *code, struct text description, struct text tc_url)
{
    uint8_t memory[BODY_LEN_MAX];
    struct writer body = writer_fixed(memory, sizeof(memory));

    amf0_write_string(&body, TEXT("onStatus"));
    amf0_write_number(&body, 0); /* 7.2.2: the server's, so nothing to answer */
    amf0_write_null(&body);
    amf0_write_object_begin(&body);
    amf0_write_member_string(&body, "level", text_of(level));
    amf0_write_member_string(&body, "code", text_of(code));
    amf0_write_member_string(&body, "description", text_sub(description, 0, DESCRIPTION_LEN_MAX));
    if (tc_url.len > 0 && tc_url.len <= TC_URL_LEN_MAX)
        amf0_write_member_string(&body, "tcUrl", tc_url);
    amf0_write_object_end(&body);
    send_body(session, stream_id, &body);
}

/* `_result` with null and either null or the number of a stream. */
static void send_result(const struct call *call, bool has_number, double number)
{
    uint8_t memory[64];
    struct writer body = writer_fixed(memory, sizeof(memory));

    if (call->transaction == 0)
        return;
    amf0_write_string(&body, TEXT("_result"));
    amf0_write_number(&body, call->transaction);
    amf0_write_null(&body);
    if (has_number)
        amf0_write_number(&body, number);
    else
        amf0_write_null(&body);
    send_body(call->session, 0, &body);
}

/* What this server takes, as Enhanced RTMP wants it said (v1: the list, v2: the maps). */
static void write_capabilities(struct writer *body)
{
    static const char *const video[] = {"avc1", "hvc1", "av01", "vp09"};
    static const char *const audio[] = {"mp4a", "Opus"};
    enum { VIDEO_COUNT = sizeof(video) / sizeof(video[0]) };
    enum { AUDIO_COUNT = sizeof(audio) / sizeof(audio[0]) };

    amf0_write_name(body, TEXT("fourCcList"));
    amf0_write_strict_array_begin(body, VIDEO_COUNT + AUDIO_COUNT);
    for (int i = 0; i < VIDEO_COUNT; i++)
        amf0_write_string(body, text_of(video[i]));
    for (int i = 0; i < AUDIO_COUNT; i++)
        amf0_write_string(body, text_of(audio[i]));
    amf0_write_name(body, TEXT("videoFourCcInfoMap"));
    amf0_write_object_begin(body);
    for (int i = 0; i < VIDEO_COUNT; i++)
        amf0_write_member_number(body, video[i], FOURCC_CAN_FORWARD);
    amf0_write_object_end(body);
    amf0_write_name(body, TEXT("audioFourCcInfoMap"));
    amf0_write_object_begin(body);
    for (int i = 0; i < AUDIO_COUNT; i++)
        amf0_write_member_number(body, audio[i], FOURCC_CAN_FORWARD);
    amf0_write_object_end(body);
    amf0_write_member_number(body, "capsEx", OUR_CAPS);
}

static void send_number(struct rtmp_session *session, enum message_type type, uint32_t number)
{
    uint8_t memory[5];
    struct writer body = writer_fixed(memory, sizeof(memory));

    writer_u32(&body, number);
    if (type == MESSAGE_SET_PEER_BANDWIDTH)
        writer_u8(&body, 2); /* 5.4.5: dynamic */
    session_send(session, type, 0, &body);
}

static void send_connected(const struct call *call, bool is_enhanced)
{
    uint8_t memory[BODY_LEN_MAX];
    struct writer body = writer_fixed(memory, sizeof(memory));

    send_number(call->session, MESSAGE_WINDOW_ACK_SIZE, OUR_WINDOW_LEN);
    send_number(call->session, MESSAGE_SET_PEER_BANDWIDTH, OUR_WINDOW_LEN);
    send_number(call->session, MESSAGE_SET_CHUNK_SIZE, OUR_CHUNK_SIZE);

    amf0_write_string(&body, TEXT("_result"));
    amf0_write_number(&body, call->transaction);
    amf0_write_object_begin(&body);
    amf0_write_member_string(&body, "fmsVer", TEXT("FMS/3,5,7,7009")); /* some look at it */
    amf0_write_member_number(&body, "capabilities", 31);
    if (is_enhanced)
        write_capabilities(&body);
    amf0_write_object_end(&body);
    amf0_write_object_begin(&body);
    amf0_write_member_string(&body, "level", TEXT("status"));
    amf0_write_member_string(&body, "code", TEXT("NetConnection.Connect.Success"));
    amf0_write_member_string(&body, "description", TEXT("Connected."));
    amf0_write_member_number(&body, "objectEncoding", 0);
    if (is_enhanced)
        write_capabilities(&body); /* peers look for it in either object */
    amf0_write_object_end(&body);
    send_body(call->session, 0, &body);
}

/* Without query, and without slashes at both ends. */
static struct text bare(struct text text)
{
    text.len = text_index_of(text, '?');
    while (text.len && text.ptr[0] == '/')
        text = text_sub(text, 1, text.len);
    while (text.len && text.ptr[text.len - 1] == '/')
        text.len--;
    return text;
}

static enum err on_connect(struct call *call)
{
    struct rtmp_session *session = call->session;
    struct amf0_value object, value;
    struct text name;
    struct text app = TEXT_INIT("");
    bool is_enhanced = false;

    amf0_read(&call->args, &object);
    if (object.type != AMF0_OBJECT && object.type != AMF0_ECMA_ARRAY)
        return ERR_MALFORMED;
    while (amf0_next_member(&object, &name, &value)) {
        if (text_equal(name, TEXT("app")))
            app = bare(value.string);
        else if (text_equal(name, TEXT("capsEx")))
            session->can_reconnect = amf0_to_u64(&value, UINT32_MAX) & CAPS_RECONNECT;
        is_enhanced |=
            text_equal(name, TEXT("fourCcList")) || text_equal(name, TEXT("videoFourCcInfoMap")) ||
            text_equal(name, TEXT("audioFourCcInfoMap")) || text_equal(name, TEXT("capsEx"));
    }
    if (app.len > sizeof(session->app))
        return ERR_LIMIT;
    memcpy(session->app, app.len ? app.ptr : "", app.len);
    session->app_len = app.len;
    session_set_state(session, STATE_CONNECTED);
    send_connected(call, is_enhanced);
    return OK;
}

static enum err on_acknowledged(struct call *call)
{
    send_result(call, false, 0);
    return OK;
}

static enum err on_create_stream(struct call *call)
{
    if (call->session->streams_count == STREAMS_COUNT_MAX)
        return ERR_LIMIT;
    call->session->streams_count++;
    send_result(call, true, call->session->streams_count);
    return OK;
}

/* The publishing that is refused never began for the owner. */
static enum err refuse_publish(struct call *call, struct text description)
{
    command_send_status(call->session, call->stream_id, "error", "NetStream.Publish.BadName",
                        description, TEXT(""));
    session_set_state(call->session, STATE_REFUSED);
    return OK;
}

static enum err on_publish(struct call *call)
{
    struct rtmp_session *session = call->session;
    struct text app = {session->app, session->app_len};

    if (session->state != STATE_CONNECTED) {
        command_send_status(session, call->stream_id, "error", "NetStream.Publish.BadName",
                            TEXT("This connection already publishes."), TEXT(""));
        return OK;
    }
    struct amf0_value ignored;
    amf0_read(&call->args, &ignored); /* the command object: null */
    struct text key = bare(amf0_read_string(&call->args));
    if (call->args.failed)
        return ERR_MALFORMED;
    if (key.len == 0) { /* rtmp://host/live/key with nothing behind: all of it came as `app` */
        size_t at = app.len;

        while (at > 0 && app.ptr[at - 1] != '/')
            at--;
        if (at > 0) {
            key = text_sub(app, at, app.len);
            app = bare(text_sub(app, 0, at));
        }
    }
    if (key.len == 0)
        return refuse_publish(call, TEXT("The stream key is missing."));
    if (key.len > RTMP_KEY_LEN_MAX)
        return refuse_publish(call, TEXT("The stream key is too long."));
    session->publish_stream = call->stream_id;
    session_set_state(session, STATE_WAITING);
    session->handler.on_publish(session->ctx, app, key);
    return OK;
}

static void unpublish(struct call *call)
{
    struct rtmp_session *session = call->session;

    if (session->state != STATE_WAITING && session->state != STATE_PUBLISHING)
        return;
    command_send_status(session, session->publish_stream, "status", "NetStream.Unpublish.Success",
                        TEXT("Stopped."), TEXT(""));
    session_unpublish(session);
}

static enum err on_fc_unpublish(struct call *call)
{
    send_result(call, false, 0);
    unpublish(call);
    return OK;
}

static enum err on_close_stream(struct call *call)
{
    if (call->stream_id == call->session->publish_stream)
        unpublish(call);
    return OK;
}

static enum err on_delete_stream(struct call *call)
{
    struct amf0_value ignored, id;

    amf0_read(&call->args, &ignored);
    amf0_read(&call->args, &id);
    if (call->args.failed)
        return ERR_MALFORMED;
    if (id.type != AMF0_NUMBER || amf0_to_u64(&id, UINT32_MAX) == call->session->publish_stream)
        unpublish(call);
    return OK;
}

static enum err on_play(struct call *call)
{
    /* This code and the level make players stop at once instead of waiting for media. */
    command_send_status(call->session, call->stream_id, "error", "NetStream.Play.Failed",
                        TEXT("RTMP is for publishing only; watch over HLS."), TEXT(""));
    return OK;
}

#define IN(state) (1U << (state))

enum { IN_ANY_STREAM = IN(STATE_CONNECTED) | IN(STATE_WAITING) | IN(STATE_PUBLISHING) };

static const struct command {
    const char *name;
    unsigned allowed;
    enum err (*run)(struct call *call);
} commands[] = {
    /* name            allowed in           handler            RTMP 1.0, or who sends it */
    {"connect", IN(STATE_OPEN), on_connect},           /* 7.2.1.1 */
    {"createStream", IN_ANY_STREAM, on_create_stream}, /* 7.2.1.3 */
    {"publish", IN_ANY_STREAM, on_publish},            /* 7.2.2.6 */
    {"deleteStream", IN_ANY_STREAM, on_delete_stream}, /* 7.2.2.3 */
    {"closeStream", IN_ANY_STREAM, on_close_stream},   /* Flash Player */
    {"releaseStream", IN_ANY_STREAM, on_acknowledged}, /* all encoders, before publish */
    {"FCPublish", IN_ANY_STREAM, on_acknowledged},     /* all encoders, before publish */
    {"FCUnpublish", IN_ANY_STREAM, on_fc_unpublish},   /* all encoders, at the end */
    {"getStreamLength", IN_ANY_STREAM, on_play},       /* ffmpeg as player */
    {"play", IN_ANY_STREAM, on_play},                  /* 7.2.2.1 */
    {"play2", IN_ANY_STREAM, on_play},                 /* 7.2.2.2 */
};

enum err command_receive(struct rtmp_session *session, struct reader body, uint32_t stream_id)
{
    struct call call = {.session = session, .args = body, .stream_id = stream_id};
    struct text name = amf0_read_string(&call.args);

    call.transaction = amf0_read_number(&call.args);
    if (call.args.failed || name.len == 0 || !isfinite(call.transaction))
        return ERR_MALFORMED;
    if (session->state == STATE_REFUSED)
        return OK; /* it does not know yet */
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (!text_equal(name, text_of(commands[i].name)))
            continue;
        if (!(commands[i].allowed & IN(session->state)))
            return ERR_MALFORMED;
        return commands[i].run(&call);
    }
    return OK; /* _checkbw, onStatus and the like: nobody waits for an answer */
}
