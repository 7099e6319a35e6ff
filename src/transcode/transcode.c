#include "transcode/transcode.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/reader.h"
#include "base/writer.h"
#include "loop/child.h"
#include "loop/loop.h"
#include "media/format.h"
#include "media/sample.h"
#include "transcode/frame.h"

enum {
    CONTROL_MAX = FRAME_STREAMS_MAX * 2 * (FRAME_CONFIG_MAX + FRAME_HEADER_LEN),
    OUT_RATE = 48000,
    OUT_CHANNELS = 2,
    OUT_BITRATE = 128000,
};

/* A worker that does not answer a ping for so long hangs. */
static const int64_t PING_EVERY_US = 2 * US_PER_S;
static const int64_t HANGS_AFTER_US = 8 * US_PER_S;

enum { STREAM_OPENING = 1, STREAM_OPEN, STREAM_REFUSED };

struct transcode_stream {
    struct list_node in_streams;
    struct transcoder *transcoder;
    uint32_t id; /* the same in each worker */
    int state;
    bool has_failed; /* on_failed was called and not yet on_recovered */
    bool is_to_be_told;
    struct format *format;
    const struct transcode_handler *handler;
    void *ctx;
    int64_t last_dts_us;     /* that came out */
    int64_t pushed_until_us; /* the worker knows of sound, or its absence, up to here */
};

struct transcoder {
    struct loop *loop;
    struct child *child;
    struct loop_fd socket;
    struct loop_timer ping_timer;
    struct loop_idle flush; /* one send() a turn, however many samples were pushed */
    bool is_connected;
    bool is_clocked;
    bool is_stopping;
    int64_t answered_us; /* when the worker last said anything */
    struct frame_parser parser;
    struct frame_queue queue;
    struct list streams;
    struct map streams_by_id;
    uint32_t last_id;
    struct transcoder_stats stats;
    void (*on_stopped)(void *ctx);
    void *stopped_ctx;
};

/* ---- to the worker ---- */

static void disconnect(struct transcoder *t)
{
    if (!t->is_connected)
        return;
    int fd = t->socket.fd;

    t->is_connected = false;
    loop_fd_remove(&t->socket);
    loop_timer_cancel(&t->ping_timer);
    loop_idle_cancel(&t->flush);
    (void)close(fd);
    frame_parser_deinit(&t->parser);
    frame_queue_clear(&t->queue);
}

/* A worker that is not to be trusted any more. Its exit is told by the child, as any other. */
static void kill_worker(struct transcoder *t, const char *reason)
{
    int pid = child_pid(t->child);

    log_error("worker_killed", LOG_STR("reason", reason), LOG_I64("pid", pid));
    disconnect(t);
    if (pid > 0)
        (void)kill(pid, SIGKILL);
}

static void send_queue(struct transcoder *t)
{
    while (t->is_connected) {
        struct text bytes = frame_queue_bytes(&t->queue);

        if (bytes.len == 0)
            return;
        ssize_t sent = send(t->socket.fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0)
            frame_queue_sent(&t->queue, (size_t)sent);
        else if (errno == EAGAIN)
            return; /* LOOP_OUT comes, or the clock */
        else if (errno != EINTR)
            disconnect(t);
    }
}

static void on_turn_end(struct loop_idle *idle)
{
    send_queue(CONTAINER_OF(idle, struct transcoder, flush));
}

static void push_control(struct transcoder *t, const struct frame *frame)
{
    if (!t->is_connected)
        return;
    if (!frame_queue_push(&t->queue, frame)) {
        kill_worker(t, "it does not read");
        return;
    }
    loop_idle_add(t->loop, &t->flush, on_turn_end);
}

static enum frame_codec frame_codec_of(enum codec codec)
{
    switch (codec) {
    case CODEC_OPUS:
        return FRAME_CODEC_OPUS;
    case CODEC_AAC:
        return FRAME_CODEC_AAC;
    case CODEC_MP3:
        return FRAME_CODEC_MP3;
    case CODEC_NONE:
    case CODEC_H264:
    case CODEC_H265:
    case CODEC_AV1:
    case CODEC_VP8:
    case CODEC_VP9:
        break;
    }
    return FRAME_CODEC_END;
}

static bool can_open(const struct format *format)
{
    return frame_codec_of(format->codec) != FRAME_CODEC_END &&
           format->channels <= FRAME_CHANNELS_MAX && format->sample_rate <= FRAME_RATE_MAX &&
           (!format->config || format->config->len <= FRAME_CONFIG_MAX);
}

static void send_open(struct transcode_stream *stream)
{
    const struct format *format = stream->format;
    uint8_t payload[FRAME_CONFIG_MAX + 64];
    struct writer w = writer_fixed(payload, sizeof(payload));

    frame_open_write(&w, &(struct frame_open){
                             .in_codec = frame_codec_of(format->codec),
                             .in_channels = (uint8_t)format->channels,
                             .in_rate = format->sample_rate,
                             .out_codec = FRAME_CODEC_AAC,
                             .out_channels = OUT_CHANNELS,
                             .out_rate = OUT_RATE,
                             .out_bitrate = OUT_BITRATE,
                             .config = format->config ? format->config->data : NULL,
                             .config_len = format->config ? format->config->len : 0,
                         });
    stream->state = STREAM_OPENING;
    stream->pushed_until_us = INT64_MIN;
    push_control(stream->transcoder, &(struct frame){.type = FRAME_OPEN,
                                                     .stream_id = stream->id,
                                                     .payload = w.data,
                                                     .payload_len = w.len});
}

/* ---- from the worker ---- */

static enum err on_opened(struct transcode_stream *stream, const struct frame *frame)
{
    struct frame_opened opened;

    if (stream->state != STREAM_OPENING ||
        frame_opened_parse(frame->payload, frame->payload_len, &opened) != OK ||
        opened.codec != FRAME_CODEC_AAC)
        return ERR_MALFORMED;

    struct format *format = format_create(CODEC_AAC, buf_copy(opened.config, opened.config_len));
    bool has_recovered = stream->has_failed;
    struct transcoder *t = stream->transcoder;

    format->sample_rate = opened.rate;
    format->channels = opened.channels;
    stream->state = STREAM_OPEN;
    stream->has_failed = false;
    stream->handler->on_format(stream->ctx, format);
    format_unref(format);
    /* The callback may have closed the stream or stopped everything. */
    if (has_recovered && !t->is_stopping &&
        map_get_u64(&t->streams_by_id, frame->stream_id) == stream)
        stream->handler->on_recovered(stream->ctx);
    return OK;
}

static enum err on_sample(struct transcode_stream *stream, const struct frame *frame)
{
    if (stream->state != STREAM_OPEN)
        return ERR_MALFORMED;
    /* A new worker may begin inside what the old one had already given. */
    if (frame->dts_us <= stream->last_dts_us)
        return OK;

    struct sample *sample =
        sample_create(MEDIA_AUDIO, slice_take(buf_copy(frame->payload, frame->payload_len)));

    sample->is_keyframe = frame->flags & FRAME_KEYFRAME;
    sample->dts_us = frame->dts_us;
    sample->pts_us = frame->pts_us;
    sample->duration_us = frame->duration_us;
    stream->last_dts_us = frame->dts_us;
    stream->transcoder->stats.samples_out++;
    stream->handler->on_sample(stream->ctx, sample);
    sample_unref(sample);
    return OK;
}

static enum err on_error(struct transcode_stream *stream, const struct frame *frame)
{
    char reason[FRAME_TEXT_MAX + 1] = "";

    struct reader r = reader_of(frame->payload, frame->payload_len);
    reader_copy(&r, reason, frame->payload_len);
    stream->state = STREAM_REFUSED;
    stream->has_failed = true;
    log_warn("transcode_refused", LOG_U64("stream", stream->id), LOG_STR("reason", reason));
    stream->handler->on_failed(stream->ctx, reason, true);
    return OK;
}

/* What the worker may say of a stream; NULL: it may not. */
static enum err (*const handlers[FRAME_TYPE_END])(struct transcode_stream *,
                                                  const struct frame *) = {
    [FRAME_OPENED] = on_opened,
    [FRAME_SAMPLE] = on_sample,
    [FRAME_ERROR] = on_error,
};

static enum err on_frame(struct transcoder *t, const struct frame *frame)
{
    if (frame->type == FRAME_PONG)
        return OK;
    if (!handlers[frame->type])
        return ERR_MALFORMED;
    struct transcode_stream *stream = map_get_u64(&t->streams_by_id, frame->stream_id);

    return stream ? handlers[frame->type](stream, frame) : OK; /* unknown: just closed by us */
}

static void parse(struct transcoder *t)
{
    while (t->is_connected) {
        struct frame frame;
        enum err err = frame_parser_next(&t->parser, &frame);

        if (err == ERR_AGAIN)
            return;
        if (err == OK)
            err = on_frame(t, &frame);
        if (err != OK && t->is_connected)
            kill_worker(t, "it broke the protocol");
    }
}

void transcoder_read(struct transcoder *t)
{
    send_queue(t); /* what the socket did not take when it was pushed */
    while (t->is_connected) {
        size_t room;
        uint8_t *to = frame_parser_room(&t->parser, &room);
        ssize_t got = recv(t->socket.fd, to, room, MSG_DONTWAIT);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            disconnect(t); /* the child's exit follows */
            return;
        }
        t->answered_us = loop_now_us(t->loop);
        frame_parser_commit(&t->parser, (size_t)got);
        parse(t);
        if ((size_t)got < room)
            return; /* all there was: what comes now is a new event, or the next reading's */
    }
}

static void on_socket(struct loop_fd *watch, unsigned events)
{
    struct transcoder *t = CONTAINER_OF(watch, struct transcoder, socket);

    (void)events;
    transcoder_read(t);
}

/* LOOP_OUT is no less costly than LOOP_IN: it comes each time that the worker has read. */
static unsigned wanted_events(const struct transcoder *t)
{
    return LOOP_HUP | LOOP_EDGE | (t->is_clocked ? 0U : LOOP_IN | LOOP_OUT);
}

void transcoder_set_clocked(struct transcoder *t, bool is_clocked)
{
    if (t->is_clocked == is_clocked)
        return;
    t->is_clocked = is_clocked;
    if (t->is_connected && loop_fd_change(&t->socket, wanted_events(t)) != OK)
        kill_worker(t, "its socket cannot be watched");
}

/* ---- the process ---- */

static void on_ping_time(struct loop_timer *timer)
{
    struct transcoder *t = CONTAINER_OF(timer, struct transcoder, ping_timer);
    int64_t now_us = loop_now_us(t->loop);

    if (now_us - t->answered_us > HANGS_AFTER_US) {
        kill_worker(t, "it does not answer");
        return;
    }
    loop_timer_set(t->loop, timer, now_us + PING_EVERY_US, on_ping_time);
    push_control(t, &(struct frame){.type = FRAME_PING});
}

static void on_start(void *ctx, int fd)
{
    struct transcoder *t = ctx;

    if (loop_fd_add(t->loop, &t->socket, fd, wanted_events(t), on_socket) != OK) {
        (void)close(fd); /* the worker sees it and ends, and is started again later */
        return;
    }
    t->is_connected = true;
    t->stats.worker_starts++;
    t->answered_us = loop_now_us(t->loop);
    loop_timer_set(t->loop, &t->ping_timer, t->answered_us + PING_EVERY_US, on_ping_time);
    LIST_FOR_EACH(node, &t->streams)
    {
        struct transcode_stream *stream = CONTAINER_OF(node, struct transcode_stream, in_streams);

        if (stream->state != STREAM_REFUSED)
            send_open(stream);
    }
}

static void release(struct transcoder *t)
{
    void (*on_stopped)(void *) = t->on_stopped;
    void *ctx = t->stopped_ctx;

    frame_queue_deinit(&t->queue);
    map_deinit(&t->streams_by_id);
    loop_defer_free(t->loop, t); /* a callback of ours may be below us on the stack */
    if (on_stopped)
        on_stopped(ctx);
}

static struct transcode_stream *find_to_be_told(struct transcoder *t)
{
    LIST_FOR_EACH(node, &t->streams)
    {
        struct transcode_stream *stream = CONTAINER_OF(node, struct transcode_stream, in_streams);

        if (stream->is_to_be_told)
            return stream;
    }
    return NULL;
}

/* A callback may close any stream, so each is searched anew. */
static void tell_failure(struct transcoder *t, const char *reason)
{
    struct transcode_stream *stream;

    LIST_FOR_EACH(node, &t->streams)
    {
        stream = CONTAINER_OF(node, struct transcode_stream, in_streams);
        stream->is_to_be_told = stream->state != STREAM_REFUSED && !stream->has_failed;
    }
    while (!t->is_stopping && (stream = find_to_be_told(t))) {
        stream->is_to_be_told = false;
        stream->has_failed = true;
        stream->handler->on_failed(stream->ctx, reason, false);
    }
}

static void on_exit_of_worker(void *ctx, int status, int signal, int64_t wait_us)
{
    struct transcoder *t = ctx;
    char reason[80];

    disconnect(t);
    if (wait_us < 0) {
        release(t);
        return;
    }
    log_error("worker_ended", LOG_I64("status", status), LOG_I64("signal", signal),
              LOG_I64("restart_in_ms", wait_us / US_PER_MS));
    (void)snprintf(reason, sizeof(reason), "the worker ended (status %d, signal %d)", status,
                   signal);
    tell_failure(t, reason);
}

static const struct child_handler child_events = {on_start, on_exit_of_worker};

/* ---- the public face ---- */

struct transcoder *transcoder_create(struct loop *loop, const char *worker_path)
{
    struct transcoder *t = mem_zalloc(sizeof(*t));
    const char *const args[] = {worker_path, NULL};

    t->loop = loop;
    t->queue = frame_queue_of(TRANSCODE_QUEUE_MAX + CONTROL_MAX);
    list_init(&t->streams);
    loop_idle_init(&t->flush);
    t->child = child_create(loop, args, &child_events, t);
    return t;
}

static void stream_release(struct transcode_stream *stream)
{
    struct transcoder *t = stream->transcoder;

    (void)map_remove_u64(&t->streams_by_id, stream->id);
    list_unlink(&stream->in_streams);
    format_unref(stream->format);
    loop_defer_free(t->loop, stream); /* it may be inside one of its callbacks */
    t->stats.streams--;
}

void transcoder_stop(struct transcoder *t, void (*on_stopped)(void *ctx), void *ctx)
{
    assert(!t->is_stopping);
    t->is_stopping = true;
    t->on_stopped = on_stopped;
    t->stopped_ctx = ctx;
    LIST_FOR_EACH(node, &t->streams)
    stream_release(CONTAINER_OF(node, struct transcode_stream, in_streams));
    disconnect(t);
    child_stop(t->child);
}

struct transcoder_stats transcoder_stats(const struct transcoder *t)
{
    struct transcoder_stats stats = t->stats;

    stats.queue_bytes = frame_queue_bytes(&t->queue).len;
    stats.worker_pid = t->is_connected ? child_pid(t->child) : 0;
    return stats;
}

enum err transcode_open(struct transcoder *t, const struct format *format,
                        const struct transcode_handler *handler, void *ctx,
                        struct transcode_stream **ret_stream)
{
    if (!can_open(format))
        return ERR_UNSUPPORTED;
    if (t->stats.streams >= FRAME_STREAMS_MAX)
        return ERR_LIMIT;

    struct transcode_stream *stream = mem_zalloc(sizeof(*stream));

    while (++t->last_id == 0 || map_get_u64(&t->streams_by_id, t->last_id)) {
    }
    stream->transcoder = t;
    stream->id = t->last_id;
    stream->state = STREAM_OPENING;
    stream->format = format_ref(format);
    stream->handler = handler;
    stream->ctx = ctx;
    stream->last_dts_us = INT64_MIN;
    stream->pushed_until_us = INT64_MIN;
    list_push_back(&t->streams, &stream->in_streams);
    (void)map_put_u64(&t->streams_by_id, stream->id, stream);
    t->stats.streams++;
    send_open(stream);
    *ret_stream = stream;
    return OK;
}

static bool is_time(int64_t time_us)
{
    return time_us >= -FRAME_TIME_MAX_US && time_us <= FRAME_TIME_MAX_US;
}

static bool push_input(struct transcode_stream *stream, const struct frame *frame)
{
    struct transcoder *t = stream->transcoder;

    if (!t->is_connected || stream->state == STREAM_REFUSED ||
        frame_queue_bytes(&t->queue).len + frame->payload_len > TRANSCODE_QUEUE_MAX ||
        !frame_queue_push(&t->queue, frame))
        return false;
    loop_idle_add(t->loop, &t->flush, on_turn_end);
    return true;
}

void transcode_push(struct transcode_stream *stream, const struct sample *sample)
{
    struct transcoder_stats *stats = &stream->transcoder->stats;
    struct frame frame = {.type = FRAME_SAMPLE,
                          .flags = FRAME_KEYFRAME,
                          .stream_id = stream->id,
                          .dts_us = sample->dts_us,
                          .pts_us = sample->pts_us,
                          .payload = sample->payload.data,
                          .payload_len = sample->payload.len};

    stats->samples_in++;
    if (sample->payload.len > FRAME_PAYLOAD_MAX || !is_time(sample->dts_us) ||
        !is_time(sample->pts_us) || !push_input(stream, &frame))
        stats->samples_dropped++;
    else if (sample->pts_us > stream->pushed_until_us)
        stream->pushed_until_us = sample->pts_us;
}

void transcode_advance(struct transcode_stream *stream, int64_t until_us)
{
    /* As long as sound comes this is asked with each frame of the picture: no need to wake anybody.
     */
    if (until_us <= stream->pushed_until_us || !is_time(until_us))
        return;
    if (push_input(stream, &(struct frame){.type = FRAME_ADVANCE,
                                           .stream_id = stream->id,
                                           .dts_us = until_us,
                                           .pts_us = until_us}))
        stream->pushed_until_us = until_us;
}

void transcode_close(struct transcode_stream *stream)
{
    if (!stream)
        return;
    if (stream->state != STREAM_REFUSED)
        push_control(stream->transcoder,
                     &(struct frame){.type = FRAME_CLOSE, .stream_id = stream->id});
    stream_release(stream);
}
