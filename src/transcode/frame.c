#include "transcode/frame.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "base/writer.h"

enum { QUEUE_FIRST_CAP = 4096, OPEN_FIXED_LEN = 16, OPENED_FIXED_LEN = 6 };

/* What each type may carry. */
static const struct {
    uint8_t flags;
    bool has_stream;
    size_t payload_min;
    size_t payload_max;
} rules[FRAME_TYPE_END] = {
    /* clang-format off */
    [FRAME_OPEN]    = {0, true, OPEN_FIXED_LEN, OPEN_FIXED_LEN + FRAME_CONFIG_MAX},
    [FRAME_OPENED]  = {0, true, OPENED_FIXED_LEN, OPENED_FIXED_LEN + FRAME_CONFIG_MAX},
    [FRAME_SAMPLE]  = {FRAME_KEYFRAME | FRAME_DISCONTINUITY, true, 0, FRAME_PAYLOAD_MAX},
    [FRAME_ADVANCE] = {0, true, 0, 0},
    [FRAME_FLUSH]   = {0, true, 0, 0},
    [FRAME_CLOSE]   = {0, true, 0, 0},
    [FRAME_ERROR]   = {0, true, 0, FRAME_TEXT_MAX},
    [FRAME_PING]    = {0, false, 0, 0},
    [FRAME_PONG]    = {0, false, 0, 0},
    /* clang-format on */
};

static bool is_time(int64_t time_us)
{
    return time_us >= -FRAME_TIME_MAX_US && time_us <= FRAME_TIME_MAX_US;
}

/* `payload_len` apart, because a header is judged before its payload has arrived. */
static bool is_valid(const struct frame *frame)
{
    int type = (int)frame->type;

    return type > 0 && type < FRAME_TYPE_END && (frame->flags & ~rules[type].flags) == 0 &&
           (frame->stream_id != 0) == rules[type].has_stream &&
           frame->payload_len >= rules[type].payload_min &&
           frame->payload_len <= rules[type].payload_max && is_time(frame->dts_us) &&
           is_time(frame->pts_us);
}

void frame_write(struct writer *w, const struct frame *frame)
{
    assert(is_valid(frame));
    writer_u32(w, (uint32_t)frame->payload_len);
    writer_u8(w, (uint8_t)frame->type);
    writer_u8(w, frame->flags);
    writer_u16(w, 0);
    writer_u32(w, frame->stream_id);
    writer_u64(w, (uint64_t)frame->dts_us);
    writer_u64(w, (uint64_t)frame->pts_us);
    writer_u32(w, frame->duration_us);
    writer_bytes(w, frame->payload, frame->payload_len);
}

void frame_open_write(struct writer *w, const struct frame_open *open)
{
    assert(open->config_len <= FRAME_CONFIG_MAX);
    writer_u8(w, (uint8_t)open->in_codec);
    writer_u8(w, open->in_channels);
    writer_u32(w, open->in_rate);
    writer_u8(w, (uint8_t)open->out_codec);
    writer_u8(w, open->out_channels);
    writer_u32(w, open->out_rate);
    writer_u32(w, open->out_bitrate);
    writer_bytes(w, open->config, open->config_len);
}

static bool is_codec(unsigned codec)
{
    return codec > 0 && codec < FRAME_CODEC_END;
}

enum err frame_open_parse(const uint8_t *bytes, size_t len, struct frame_open *ret_open)
{
    struct reader r = reader_of(bytes, len);
    unsigned in_codec = reader_u8(&r);
    uint8_t in_channels = reader_u8(&r);
    uint32_t in_rate = reader_u32(&r);
    unsigned out_codec = reader_u8(&r);
    uint8_t out_channels = reader_u8(&r);
    uint32_t out_rate = reader_u32(&r);
    uint32_t out_bitrate = reader_u32(&r);

    if (r.failed || r.left > FRAME_CONFIG_MAX || !is_codec(in_codec) || !is_codec(out_codec) ||
        in_channels > FRAME_CHANNELS_MAX || in_rate > FRAME_RATE_MAX || out_channels == 0 ||
        out_channels > FRAME_CHANNELS_MAX || out_rate == 0 || out_rate > FRAME_RATE_MAX ||
        out_bitrate == 0 || out_bitrate > FRAME_BITRATE_MAX)
        return ERR_MALFORMED;
    *ret_open = (struct frame_open){.in_codec = (enum frame_codec)in_codec,
                                    .in_channels = in_channels,
                                    .in_rate = in_rate,
                                    .out_codec = (enum frame_codec)out_codec,
                                    .out_channels = out_channels,
                                    .out_rate = out_rate,
                                    .out_bitrate = out_bitrate,
                                    .config = r.ptr,
                                    .config_len = r.left};
    return OK;
}

void frame_opened_write(struct writer *w, const struct frame_opened *opened)
{
    assert(opened->config_len <= FRAME_CONFIG_MAX);
    writer_u8(w, (uint8_t)opened->codec);
    writer_u8(w, opened->channels);
    writer_u32(w, opened->rate);
    writer_bytes(w, opened->config, opened->config_len);
}

enum err frame_opened_parse(const uint8_t *bytes, size_t len, struct frame_opened *ret_opened)
{
    struct reader r = reader_of(bytes, len);
    unsigned codec = reader_u8(&r);
    uint8_t channels = reader_u8(&r);
    uint32_t rate = reader_u32(&r);

    if (r.failed || r.left > FRAME_CONFIG_MAX || !is_codec(codec) || channels == 0 ||
        channels > FRAME_CHANNELS_MAX || rate == 0 || rate > FRAME_RATE_MAX)
        return ERR_MALFORMED;
    *ret_opened = (struct frame_opened){.codec = (enum frame_codec)codec,
                                        .channels = channels,
                                        .rate = rate,
                                        .config = r.ptr,
                                        .config_len = r.left};
    return OK;
}

/* ---- parser ---- */

void frame_parser_deinit(struct frame_parser *parser)
{
    mem_free(parser->block);
    *parser = (struct frame_parser){0};
}

uint8_t *frame_parser_room(struct frame_parser *parser, size_t *ret_room)
{
    if (!parser->block)
        parser->block = mem_alloc(FRAME_PARSER_LEN);
    if (parser->begin == parser->end)
        parser->begin = parser->end = 0;
    /* The block holds two of the longest messages, so what moves is the head of one message. */
    if (parser->begin > FRAME_PARSER_LEN / 2) {
        memmove(parser->block, parser->block + parser->begin, parser->end - parser->begin);
        parser->end -= parser->begin;
        parser->begin = 0;
    }
    *ret_room = FRAME_PARSER_LEN - parser->end;
    return parser->block + parser->end;
}

void frame_parser_commit(struct frame_parser *parser, size_t len)
{
    assert(len <= FRAME_PARSER_LEN - parser->end);
    parser->end += len;
}

enum err frame_parser_next(struct frame_parser *parser, struct frame *ret_frame)
{
    if (parser->failed)
        return ERR_MALFORMED;
    if (parser->end - parser->begin < FRAME_HEADER_LEN)
        return ERR_AGAIN;

    struct reader r = reader_of(parser->block + parser->begin, parser->end - parser->begin);
    struct frame frame = {.payload_len = reader_u32(&r)};

    frame.type = (enum frame_type)reader_u8(&r);
    frame.flags = reader_u8(&r);
    uint16_t reserved = reader_u16(&r);
    frame.stream_id = reader_u32(&r);
    frame.dts_us = (int64_t)reader_u64(&r);
    frame.pts_us = (int64_t)reader_u64(&r);
    frame.duration_us = reader_u32(&r);
    if (reserved != 0 || !is_valid(&frame)) {
        parser->failed = true;
        return ERR_MALFORMED;
    }
    if (r.left < frame.payload_len)
        return ERR_AGAIN;
    frame.payload = reader_bytes(&r, frame.payload_len);
    parser->begin += FRAME_HEADER_LEN + frame.payload_len;
    *ret_frame = frame;
    return OK;
}

/* ---- queue ---- */

struct frame_queue frame_queue_of(size_t limit)
{
    return (struct frame_queue){.limit = limit};
}

void frame_queue_deinit(struct frame_queue *queue)
{
    mem_free(queue->block);
    *queue = (struct frame_queue){.limit = queue->limit};
}

void frame_queue_clear(struct frame_queue *queue)
{
    queue->begin = queue->end = 0;
}

static bool make_room(struct frame_queue *queue, size_t len)
{
    size_t waiting = queue->end - queue->begin;

    if (len > queue->limit || waiting > queue->limit - len)
        return false;
    if (len <= queue->cap - queue->end)
        return true;

    if (waiting && queue->begin)
        memmove(queue->block, queue->block + queue->begin, waiting);
    queue->begin = 0;
    queue->end = waiting;
    if (len <= queue->cap - waiting)
        return true;
    size_t cap = queue->cap ? queue->cap : QUEUE_FIRST_CAP;
    while (cap < waiting + len)
        cap *= 2;
    queue->block = mem_realloc(queue->block, cap);
    queue->cap = cap;
    return true;
}

bool frame_queue_push(struct frame_queue *queue, const struct frame *frame)
{
    size_t len = FRAME_HEADER_LEN + frame->payload_len;

    if (!make_room(queue, len))
        return false;
    struct writer w = writer_fixed(queue->block + queue->end, len);
    frame_write(&w, frame);
    assert(!w.failed);
    queue->end += len;
    return true;
}

struct text frame_queue_bytes(const struct frame_queue *queue)
{
    return (struct text){queue->block ? (const char *)queue->block + queue->begin : "",
                         queue->end - queue->begin};
}

void frame_queue_sent(struct frame_queue *queue, size_t len)
{
    assert(len <= queue->end - queue->begin);
    queue->begin += len;
    if (queue->begin == queue->end)
        queue->begin = queue->end = 0;
}
