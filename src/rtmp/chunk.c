#include "rtmp/chunk.h"

#include <string.h>

#include "base/buf.h"
#include "base/writer.h"

enum { TIMESTAMP_IS_EXTENDED = 0xffffff, EXTENDED_LEN = 4, TYPE_CONTINUE = 3 };

static const uint8_t message_header_len[4] = {11, 7, 3, 0}; /* by chunk type: 5.3.1.2 */

/* The parts of a header as far as its bytes are there. */
struct chunk_header {
    unsigned type;
    uint32_t id;
    size_t basic_len;
    size_t fixed_len;   /* basic and message header */
    uint32_t timestamp; /* the 3-byte field */
};

void chunk_reader_deinit(struct chunk_reader *r)
{
    for (size_t i = 0; i < r->streams.count; i++)
        buf_unref(r->streams.items[i].body);
    vec_deinit(&r->streams);
}

/* Copies up to `want` bytes, first from the replay, then from the input; returns how many. */
static size_t take(struct chunk_reader *r, struct reader *input, uint8_t *to, size_t want)
{
    size_t len = r->replay_len < want ? r->replay_len : want;

    if (len) {
        memcpy(to, r->replay, len);
        memmove(r->replay, r->replay + len, r->replay_len - len);
        r->replay_len = (uint8_t)(r->replay_len - len);
    }
    size_t more = want - len < input->left ? want - len : input->left;
    if (more)
        reader_copy(input, to + len, more);
    return len + more;
}

static size_t find_stream(const struct chunk_reader *r, uint32_t id)
{
    size_t i = 0;

    while (i < r->streams.count && r->streams.items[i].id != id)
        i++;
    return i;
}

/* Gathers the header up to `want` bytes; false when the input ends before. */
static bool gather(struct chunk_reader *r, struct reader *input, size_t want)
{
    if (r->header_len < want)
        r->header_len = (uint8_t)(r->header_len +
                                  take(r, input, r->header + r->header_len, want - r->header_len));
    return r->header_len >= want;
}

/* Basic header (5.3.1.1) and the fixed part of the message header (5.3.1.2). */
static bool gather_fixed(struct chunk_reader *r, struct reader *input, struct chunk_header *header)
{
    if (!gather(r, input, 1))
        return false;

    unsigned low = r->header[0] & 63;
    header->type = r->header[0] >> 6;
    header->basic_len = low == 0 ? 2 : low == 1 ? 3 : 1;
    header->fixed_len = header->basic_len + message_header_len[header->type];
    if (!gather(r, input, header->fixed_len))
        return false;

    header->id = low;
    if (low == 0)
        header->id = 64U + r->header[1];
    else if (low == 1)
        header->id = 64U + r->header[1] + 256U * r->header[2];

    struct reader fields =
        reader_of(r->header + header->basic_len, header->fixed_len - header->basic_len);
    header->timestamp = header->type == TYPE_CONTINUE ? 0 : reader_u24(&fields);
    return true;
}

/* The stream of a header, made when it is new. A message can be described by what came before only
 * when something did. Type 1 is let pass: librtmp begins its control stream with it. */
static enum err select_stream(struct chunk_reader *r, const struct chunk_header *header)
{
    r->current = find_stream(r, header->id);
    if (r->current < r->streams.count)
        return OK;
    if (header->type > 1)
        return ERR_MALFORMED;

    struct chunk_stream stream = {.id = header->id};
    return vec_push(&r->streams, stream, CHUNK_STREAMS_MAX) ? OK : ERR_LIMIT;
}

/* Puts the fields of the header into the stream: the message's length, type and time. */
static void begin_message(struct chunk_reader *r, struct chunk_stream *stream,
                          const struct chunk_header *header)
{
    struct reader fields =
        reader_of(r->header + header->basic_len, r->header_len - header->basic_len);

    if (header->type <= 2)
        stream->step = reader_u24(&fields);
    if (header->type <= 1) {
        stream->message_len = reader_u24(&fields);
        stream->type = reader_u8(&fields);
    }
    if (header->type == 0)
        stream->stream_id = reader_u32_le(&fields);
    if (stream->is_extended)
        stream->step = stream->extended = reader_u32(&fields);

    /* 5.3.1.2.4: type 3 after type 0 has the timestamp of the latter as its delta. ffmpeg really
     * sends that, so the step is kept, whatever it was. */
    stream->timestamp = header->type == 0 ? stream->step : stream->timestamp + stream->step;
}

static enum err reserve_body(struct chunk_reader *r, struct chunk_stream *stream)
{
    if (stream->message_len > r->message_len_max ||
        stream->message_len > r->buffered_max - r->buffered_len)
        return ERR_LIMIT;
    stream->body = buf_create(stream->message_len);
    stream->filled_len = 0;
    r->buffered_len += stream->message_len;
    return OK;
}

/* 5.3.1.3: the extended timestamp is repeated in the type 3 chunks of the message. Not everybody
 * does; four bytes that differ from it are payload and are read again. */
static void check_repetition(struct chunk_reader *r, const struct chunk_stream *stream,
                             const struct chunk_header *header)
{
    struct reader repeated = reader_of(r->header + header->fixed_len, EXTENDED_LEN);

    if (reader_u32(&repeated) == stream->extended)
        return;
    memcpy(r->replay, r->header + header->fixed_len, EXTENDED_LEN);
    r->replay_len =
        EXTENDED_LEN; /* it was empty: those four bytes came last out of it, if at all */
}

/* Reads a header. On OK the payload of the current stream follows. */
static enum err read_header(struct chunk_reader *r, struct reader *input)
{
    struct chunk_header header;

    if (!gather_fixed(r, input, &header))
        return ERR_AGAIN;
    enum err err = select_stream(r, &header);
    if (err)
        return err;

    struct chunk_stream *stream = &r->streams.items[r->current];
    if (stream->body && header.type != TYPE_CONTINUE)
        return ERR_MALFORMED; /* a new message within a message: we lost the place, or the peer */
    if (header.type != TYPE_CONTINUE)
        stream->is_extended = header.timestamp == TIMESTAMP_IS_EXTENDED;
    if (!gather(r, input, header.fixed_len + (stream->is_extended ? EXTENDED_LEN : 0)))
        return ERR_AGAIN;

    if (stream->body) {
        if (stream->is_extended)
            check_repetition(r, stream, &header);
    } else {
        begin_message(r, stream, &header);
        err = reserve_body(r, stream);
        if (err)
            return err;
    }
    r->header_len = 0;
    uint32_t left = stream->message_len - stream->filled_len;
    r->chunk_left = left < r->chunk_size ? left : r->chunk_size;
    return OK;
}

enum err chunk_reader_next(struct chunk_reader *r, struct reader *input,
                           struct chunk_message *ret_message)
{
    for (;;) {
        if (r->chunk_left == 0) {
            enum err err = read_header(r, input);
            if (err)
                return err;
        }
        struct chunk_stream *stream = &r->streams.items[r->current];
        size_t len = take(r, input, stream->body->data + stream->filled_len, r->chunk_left);

        stream->filled_len += (uint32_t)len;
        r->chunk_left -= (uint32_t)len;
        if (r->chunk_left > 0)
            return ERR_AGAIN;
        if (stream->filled_len == stream->message_len) {
            *ret_message = (struct chunk_message){stream->timestamp, stream->stream_id,
                                                  stream->type, stream->body};
            r->buffered_len -= stream->message_len;
            stream->body = NULL;
            return OK;
        }
    }
}

void chunk_reader_abort(struct chunk_reader *r, uint32_t id)
{
    size_t i = find_stream(r, id);

    if (i == r->streams.count || !r->streams.items[i].body)
        return;
    r->buffered_len -= r->streams.items[i].message_len;
    r->streams.items[i].body = buf_unref(r->streams.items[i].body);
}

void chunk_write_header(struct writer *w, uint32_t id, uint8_t type, uint32_t stream_id,
                        uint32_t message_len)
{
    writer_u8(w, (uint8_t)id);
    writer_u24(w, 0);
    writer_u24(w, message_len);
    writer_u8(w, type);
    writer_u32_le(w, stream_id);
}
