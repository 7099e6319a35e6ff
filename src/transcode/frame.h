/*
 * frame - the messages between the server and its worker, the same code on both sides.
 *
 *     0        4      5       6          8           12        20        28            32
 *     | length | type | flags | reserved | stream id | dts_us  | pts_us  | duration_us | payload...
 *
 * Numbers are big-endian; `length` counts the payload only. Times are two's complement.
 *
 *     server -> worker                            worker -> server
 *     OPEN     payload: struct frame_open         OPENED   payload: struct frame_opened
 *     SAMPLE   payload: one packet                SAMPLE   payload: one packet
 *     ADVANCE  pts_us: nothing comes before it    ERROR    payload: text; the stream is closed
 *     FLUSH    encode what is left                FLUSH    all that was left has been sent
 *     CLOSE
 *     PING     pts_us: any number                 PONG     pts_us: the same number
 *
 * The transport is a stream socket between a parent and its child, so a message that breaks these
 * rules means a broken peer: ERR_MALFORMED, and the connection ends. Nothing here does I/O.
 */
#ifndef TRANSCODE_FRAME_H
#define TRANSCODE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

struct writer;

enum {
    FRAME_HEADER_LEN = 32,
    FRAME_PAYLOAD_MAX = 64 * 1024,
    FRAME_CONFIG_MAX = 1024,
    FRAME_TEXT_MAX = 200,
    FRAME_STREAMS_MAX = 256, /* open at once in one worker */
    FRAME_RATE_MAX = 192000,
    FRAME_CHANNELS_MAX = 8,
    FRAME_BITRATE_MAX = 1000000,
};

/* A pause of the input up to this long is filled, a longer one makes the times jump. */
#define FRAME_FILL_MAX_US INT64_C(2000000)

/* Times are within +-FRAME_TIME_MAX_US (142 years), so that sums never overflow. */
#define FRAME_TIME_MAX_US (INT64_C(1) << 52)

enum frame_type {
    FRAME_OPEN = 1,
    FRAME_OPENED,
    FRAME_SAMPLE,
    FRAME_ADVANCE,
    FRAME_FLUSH,
    FRAME_CLOSE,
    FRAME_ERROR,
    FRAME_PING,
    FRAME_PONG,
    FRAME_TYPE_END
};

/* Flags of a SAMPLE. */
enum {
    FRAME_KEYFRAME = 1,
    FRAME_DISCONTINUITY = 2, /* its time does not continue the one before */
};

struct frame {
    enum frame_type type;
    uint8_t flags;
    uint32_t stream_id; /* 0 for PING and PONG only */
    int64_t dts_us;
    int64_t pts_us;
    uint32_t duration_us;
    const uint8_t *payload; /* borrowed */
    size_t payload_len;
};

/* Codecs on the wire: numbers of their own, so that both programs may differ in version. */
enum frame_codec { FRAME_CODEC_OPUS = 1, FRAME_CODEC_AAC, FRAME_CODEC_MP3, FRAME_CODEC_END };

/* Payload of OPEN: codec u8, channels u8, rate u32 of the input; the same of the output, then
 * bitrate u32 of the output; then the input's decoder configuration up to the end. */
struct frame_open {
    enum frame_codec in_codec;
    uint8_t in_channels; /* 0: not known */
    uint32_t in_rate;    /* Hz, 0: not known */
    enum frame_codec out_codec;
    uint8_t out_channels;
    uint32_t out_rate;
    uint32_t out_bitrate;  /* bits a second */
    const uint8_t *config; /* borrowed */
    size_t config_len;
};

/* Payload of OPENED: codec u8, channels u8, rate u32, then the decoder configuration. */
struct frame_opened {
    enum frame_codec codec;
    uint8_t channels;
    uint32_t rate;
    const uint8_t *config; /* borrowed */
    size_t config_len;
};

/* Appends a message; the writer fails when it does not fit. The payload is within its limit. */
void frame_write(struct writer *w, const struct frame *frame);

/* Write the payload of OPEN and OPENED. */
void frame_open_write(struct writer *w, const struct frame_open *open);
void frame_opened_write(struct writer *w, const struct frame_opened *opened);

/* Read it. ERR_MALFORMED: a field is out of its range. */
MUST_USE enum err frame_open_parse(const uint8_t *bytes, size_t len, struct frame_open *ret_open);
MUST_USE enum err frame_opened_parse(const uint8_t *bytes, size_t len,
                                     struct frame_opened *ret_opened);

/* ---- receiving: any split of the stream gives the same messages ---- */

struct frame_parser {
    uint8_t *block; /* FRAME_PARSER_LEN bytes, allocated at first use */
    size_t begin;   /* bytes [begin, end) are received and not yet parsed */
    size_t end;
    bool failed;
};

enum { FRAME_PARSER_LEN = 2 * (FRAME_HEADER_LEN + FRAME_PAYLOAD_MAX) };

/* A zeroed parser is ready. */
void frame_parser_deinit(struct frame_parser *parser);

/* Where to receive the next bytes, and how many at most (never 0 after frame_parser_next() gave
 * ERR_AGAIN). Invalidates what frame_parser_next() lent. */
uint8_t *frame_parser_room(struct frame_parser *parser, size_t *ret_room);

/* So many bytes were put there. */
void frame_parser_commit(struct frame_parser *parser, size_t len);

/* The next message; its payload is borrowed until the next frame_parser_room(). ERR_AGAIN: more
 * bytes are needed. ERR_MALFORMED: the peer broke the rules; so is every later call. */
MUST_USE enum err frame_parser_next(struct frame_parser *parser, struct frame *ret_frame);

/* ---- sending: a bounded queue of bytes ---- */

struct frame_queue {
    uint8_t *block;
    size_t begin; /* bytes [begin, end) wait */
    size_t end;
    size_t cap;
    size_t limit;
};

/* Holds at most `limit` bytes. */
struct frame_queue frame_queue_of(size_t limit);
void frame_queue_deinit(struct frame_queue *queue);

/* Forgets what waits. */
void frame_queue_clear(struct frame_queue *queue);

/* Appends a message; false when there is no room for it (nothing is then appended). */
MUST_USE bool frame_queue_push(struct frame_queue *queue, const struct frame *frame);

/* The bytes that wait; the first `len` of them were sent. */
struct text frame_queue_bytes(const struct frame_queue *queue);
void frame_queue_sent(struct frame_queue *queue, size_t len);

#endif
