/*
 * stoa-worker - turns sound from one codec into another for the server that started it.
 *
 *     stoa serve ==socketpair, descriptor 3, messages of transcode/frame.h==> stoa-worker
 *
 * One process and one thread for all streams. It reads no file, opens no socket and keeps nothing:
 * when its parent goes, the socket closes and it ends; when it dies, the parent starts another.
 * A packet that cannot be decoded is taken as lost; a message that breaks the protocol ends the
 * process, because nothing after it can be trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/writer.h"
#include "stream.h"

enum {
    PARENT_FD = 3,
    QUEUE_MAX = 4 << 20,
    QUEUE_PAUSE = 1 << 20, /* above it nothing more is read until the server has taken some */
    MESSAGES_PER_TURN = 256,
};

struct worker {
    int fd;
    struct frame_parser parser;
    struct frame_queue queue;
    struct stream *streams[FRAME_STREAMS_MAX]; /* NULL: free */
    struct scratch scratch;
};

static struct stream **find_slot(struct worker *worker, uint32_t id)
{
    for (size_t i = 0; i < FRAME_STREAMS_MAX; i++) {
        struct stream *stream = worker->streams[i];
        if ((stream ? stream_id(stream) : 0) == id)
            return &worker->streams[i];
    }
    return NULL;
}

static void send_frame(struct worker *worker, const struct frame *frame)
{
    if (!frame_queue_push(&worker->queue, frame))
        log_limited(LOG_WARN, 1, "worker_queue_full", LOG_U64("stream", frame->stream_id));
}

static void on_sample(void *ctx, const struct frame *sample)
{
    send_frame(ctx, sample);
}

static void send_error(struct worker *worker, uint32_t id, const char *reason)
{
    log_limited(LOG_WARN, 10, "worker_stream_refused", LOG_U64("stream", id),
                LOG_STR("reason", reason));
    send_frame(worker, &(struct frame){.type = FRAME_ERROR,
                                       .stream_id = id,
                                       .payload = (const uint8_t *)reason,
                                       .payload_len = strnlen(reason, FRAME_TEXT_MAX)});
}

static void send_opened(struct worker *worker, const struct stream *stream)
{
    uint8_t payload[FRAME_CONFIG_MAX + 64];
    struct writer w = writer_fixed(payload, sizeof(payload));
    struct frame_opened opened = stream_opened(stream);

    frame_opened_write(&w, &opened);
    send_frame(worker, &(struct frame){.type = FRAME_OPENED,
                                       .stream_id = stream_id(stream),
                                       .payload = payload,
                                       .payload_len = w.len});
}

static enum err on_open(struct worker *worker, const struct frame *frame)
{
    const char *reason = "";
    struct frame_open open;

    if (frame_open_parse(frame->payload, frame->payload_len, &open) != OK ||
        find_slot(worker, frame->stream_id))
        return ERR_MALFORMED;
    struct stream **slot = find_slot(worker, 0);
    if (!slot) {
        send_error(worker, frame->stream_id, "too many streams");
        return OK;
    }
    if (stream_create(frame->stream_id, &open, &worker->scratch, on_sample, worker, slot,
                      &reason) != OK) {
        send_error(worker, frame->stream_id, reason);
        return OK;
    }
    send_opened(worker, *slot);
    return OK;
}

static void close_stream(struct stream **slot)
{
    stream_destroy(*slot);
    *slot = NULL;
}

/* Messages for a stream that was refused may still be on their way: they are let pass. */
static enum err on_stream_frame(struct worker *worker, const struct frame *frame)
{
    struct stream **slot = find_slot(worker, frame->stream_id);

    if (!slot)
        return OK;
    if (frame->type == FRAME_SAMPLE) {
        stream_packet(*slot, frame);
    } else if (frame->type == FRAME_ADVANCE) {
        stream_advance(*slot, frame->pts_us);
    } else {
        if (frame->type == FRAME_FLUSH) {
            stream_finish(*slot);
            send_frame(worker, &(struct frame){.type = FRAME_FLUSH, .stream_id = frame->stream_id});
        }
        close_stream(slot);
    }
    return OK;
}

static enum err on_ping(struct worker *worker, const struct frame *frame)
{
    send_frame(worker, &(struct frame){.type = FRAME_PONG, .pts_us = frame->pts_us});
    return OK;
}

/* What the server may say; NULL: only the worker does. */
static enum err (*const handlers[FRAME_TYPE_END])(struct worker *, const struct frame *) = {
    [FRAME_OPEN] = on_open,
    [FRAME_SAMPLE] = on_stream_frame,
    [FRAME_ADVANCE] = on_stream_frame,
    [FRAME_FLUSH] = on_stream_frame,
    [FRAME_CLOSE] = on_stream_frame,
    [FRAME_PING] = on_ping,
};

/* ERR_AGAIN: all messages are handled. OK: there may be more. */
static enum err handle_messages(struct worker *worker)
{
    for (int i = 0; i < MESSAGES_PER_TURN; i++) {
        struct frame frame;
        enum err err = frame_parser_next(&worker->parser, &frame);

        if (err == OK)
            err = handlers[frame.type] ? handlers[frame.type](worker, &frame) : ERR_MALFORMED;
        if (err != OK)
            return err;
    }
    return OK;
}

static enum err read_some(struct worker *worker)
{
    size_t room;
    uint8_t *to = frame_parser_room(&worker->parser, &room);
    ssize_t got = recv(worker->fd, to, room, MSG_DONTWAIT);

    if (got > 0) {
        frame_parser_commit(&worker->parser, (size_t)got);
        return OK;
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? ERR_AGAIN : ERR_CLOSED;
}

static enum err write_some(struct worker *worker)
{
    struct text bytes = frame_queue_bytes(&worker->queue);

    if (bytes.len == 0)
        return OK;
    ssize_t sent = send(worker->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
        frame_queue_sent(&worker->queue, (size_t)sent);
        return OK;
    }
    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? ERR_AGAIN : ERR_CLOSED;
}

/* Until the server closes the socket (ERR_CLOSED) or breaks the protocol. */
static enum err serve(struct worker *worker)
{
    enum err err = ERR_AGAIN;
    bool has_more = false;

    while (err == OK || err == ERR_AGAIN) {
        size_t waiting = frame_queue_bytes(&worker->queue).len;
        struct pollfd watch = {.fd = worker->fd};

        watch.events = (short)((waiting < QUEUE_PAUSE ? POLLIN : 0) | (waiting ? POLLOUT : 0));
        if (poll(&watch, 1, has_more && waiting < QUEUE_PAUSE ? 0 : -1) < 0 && errno != EINTR)
            return ERR_IO;
        if (waiting < QUEUE_PAUSE) {
            if (watch.revents && !has_more && read_some(worker) == ERR_CLOSED)
                return ERR_CLOSED;
            err = handle_messages(worker);
            has_more = err == OK;
        }
        if (write_some(worker) == ERR_CLOSED)
            return ERR_CLOSED;
    }
    return err;
}

static void on_terminate(int signal)
{
    (void)signal;
    _exit(0); /* nothing is kept, so nothing is to be saved */
}

static void watch_signals(void)
{
    struct sigaction terminate = {.sa_handler = on_terminate};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)sigaction(SIGTERM, &terminate, NULL);
    /* Ctrl-C reaches the whole group; the server ends us when it has ended its streams. */
    (void)sigaction(SIGINT, &ignore, NULL);
    (void)sigaction(SIGHUP, &ignore, NULL);
}

static int usage(const char *program)
{
    (void)fprintf(stderr,
                  "stoa-worker %s, with FFmpeg under the %s\n"
                  "usage: %s [--version]\n"
                  "It is started by `stoa serve`, which talks to it over descriptor %d.\n",
                  STOA_VERSION, avcodec_license(), program, PARENT_FD);
    return 2;
}

int main(int argc, char **argv)
{
    int type = 0;
    socklen_t type_len = sizeof(type);

    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("stoa-worker %s\n", STOA_VERSION);
        return 0;
    }
    if (argc != 1 || getsockopt(PARENT_FD, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0 ||
        type != SOCK_STREAM)
        return usage(argv[0]);
    watch_signals();
    av_log_set_level(AV_LOG_QUIET); /* it would tell of each bad packet of each seller */

    struct worker *worker = mem_zalloc(sizeof(*worker));
    worker->fd = PARENT_FD;
    worker->queue = frame_queue_of(QUEUE_MAX);
    enum err err = serve(worker);
    for (size_t i = 0; i < FRAME_STREAMS_MAX; i++)
        stream_destroy(worker->streams[i]);
    frame_parser_deinit(&worker->parser);
    frame_queue_deinit(&worker->queue);
    mem_free(worker);
    if (err != ERR_CLOSED)
        log_error("worker_ends", LOG_STR("reason", err_name(err)));
    return err == ERR_CLOSED ? 0 : 1;
}
