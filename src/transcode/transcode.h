/*
 * transcode - the server's end of the worker process that turns one codec into another.
 *
 *     live/ --transcode_push--> transcoder ==socketpair==> stoa-worker (libavcodec, libopus)
 *       ^                           |                            |
 *       '---- on_format, on_sample -'<===========================''
 *
 * One transcoder serves all streams of a media loop through one supervised worker process. Nothing
 * of FFmpeg is linked here; the messages are in transcode/frame.h. What comes in is Opus (also AAC
 * and MP3), what comes out is AAC-LC, 48 kHz, stereo, in frames of exactly 1024 samples whose times
 * are continuous: losses and pauses of the input are concealed, the drift of the sender's clock is
 * followed by stretching the sound a little. Only a pause that is too long to be filled
 * (FRAME_FILL_MAX_US) makes the times jump forward. They never go back.
 *
 * A sound track that is silent for the server too (nothing arrives while the picture goes on) is
 * kept going with transcode_advance(): the picture's time drives it, no clock does.
 *
 * When the worker dies it is started again with growing waits, and open streams are opened in it
 * again by themselves: on_failed, later on_recovered; what was pushed between is lost and counted.
 *
 * Ownership  The transcoder owns the process and all streams; a stream is the caller's to close.
 * Threads    One loop; callbacks come on it, never from inside a call of this header but
 *            transcoder_read().
 * Limits     A queue towards the worker of TRANSCODE_QUEUE_MAX bytes; above it input is dropped and
 *            counted. At most FRAME_STREAMS_MAX streams.
 */
#ifndef TRANSCODE_TRANSCODE_H
#define TRANSCODE_TRANSCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct format;
struct loop;
struct sample;
struct transcoder;
struct transcode_stream;

enum { TRANSCODE_QUEUE_MAX = 1 << 20 };

struct transcode_handler {
    /* What comes out; before the first sample, and again after each restart of the worker.
     * Borrowed. */
    void (*on_format)(void *ctx, const struct format *format);
    /* One encoded frame, dts never going back. Borrowed: sample_ref() it to keep it. */
    void (*on_sample)(void *ctx, const struct sample *sample);
    /* Nothing comes out for now (the worker died), or for good (`is_final`: the worker refused the
     * stream; close it). `reason` is for the log. */
    void (*on_failed)(void *ctx, const char *reason, bool is_final);
    /* The stream is open in a new worker. */
    void (*on_recovered)(void *ctx);
};

struct transcoder_stats {
    uint64_t samples_in;
    uint64_t samples_out;
    uint64_t samples_dropped; /* pushed while no worker ran or the queue was full */
    uint64_t worker_starts;
    uint64_t queue_bytes; /* waiting to be written now */
    uint32_t streams;
    int worker_pid; /* 0: none runs */
};

/* Starts the worker at `worker_path`. A missing program is no error here: it is tried again with
 * growing waits, and streams stay in their first, silent state. */
struct transcoder *transcoder_create(struct loop *loop, const char *worker_path);

/* Closes all streams without a callback, asks the worker to end (killed after 5 s), then calls
 * `on_stopped` once (NULL: nobody waits; before it returns when no worker runs) and releases the
 * transcoder. */
void transcoder_stop(struct transcoder *transcoder, void (*on_stopped)(void *ctx), void *ctx);

/* Off: what the worker says is read as it comes. On: nobody is woken for it (but for the worker's
 * end), and the owner calls transcoder_read() on a clock of its own. */
void transcoder_set_clocked(struct transcoder *transcoder, bool is_clocked);

/* Reads what the worker has said; calls the handlers of its streams. Sends what it would not take
 * before. */
void transcoder_read(struct transcoder *transcoder);

struct transcoder_stats transcoder_stats(const struct transcoder *transcoder);

/* Opens a stream for samples of this format. The handler and ctx outlive the stream.
 * ERR_UNSUPPORTED: no worker can take this codec. ERR_LIMIT: too many streams. */
MUST_USE enum err transcode_open(struct transcoder *transcoder, const struct format *format,
                                 const struct transcode_handler *handler, void *ctx,
                                 struct transcode_stream **ret_stream);

/* Hands in one sample, dts in order. Never blocks; drops and counts when it must. */
void transcode_push(struct transcode_stream *stream, const struct sample *sample);

/* No more sound will come for times before `until_us`: what is missing is filled with silence. */
void transcode_advance(struct transcode_stream *stream, int64_t until_us);

/* Closes the stream; no callback follows. NULL is allowed. */
void transcode_close(struct transcode_stream *stream);

#endif
