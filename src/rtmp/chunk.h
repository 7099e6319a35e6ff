/*
 * chunk - messages out of chunk streams, and messages into chunks (RTMP 1.0 section 5.3).
 *
 *     input  [hdr a|....][hdr b|..][hdr a|....][hdr a|..]     chunks of streams a and b, mixed
 *                  \___________________\___________\__ body of a: one buf of the message's length
 *
 * A header is gathered in a small array, because the input may be split anywhere; the payload goes
 * with one memcpy a chunk from the input to its place in the body.
 */
#ifndef RTMP_CHUNK_H
#define RTMP_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/reader.h"
#include "base/vec.h"

struct buf;
struct writer;

enum {
    CHUNK_SIZE_FIRST = 128,    /* until Set Chunk Size */
    CHUNK_SIZE_MAX = 0xffffff, /* no message is longer (5.4.1) */
    CHUNK_HEADER_LEN_MAX = 3 + 11 + 4,
    CHUNK_STREAMS_MAX = 32
};

/* A message. The owner of the struct owns the reference to the body. */
struct chunk_message {
    uint32_t timestamp; /* milliseconds, mod 2^32 */
    uint32_t stream_id;
    uint8_t type;
    struct buf *body;
};

struct chunk_stream {
    uint32_t id;
    uint32_t timestamp; /* of the message that began last */
    uint32_t step;      /* what its header said: the delta, or after type 0 the timestamp itself */
    uint32_t message_len;
    uint32_t stream_id;
    uint8_t type;
    bool is_extended;  /* its header had an extended timestamp */
    uint32_t extended; /* the value of it */
    uint32_t filled_len;
    struct buf *body; /* a partial message, or NULL */
};

/* Zeroed but for `chunk_size` and the limits, it is ready. */
struct chunk_reader {
    uint32_t chunk_size;
    uint32_t message_len_max;
    uint32_t buffered_max; /* all partial messages together */
    uint32_t buffered_len;
    VEC(struct chunk_stream) streams;
    size_t current;      /* whose payload is being read */
    uint32_t chunk_left; /* bytes of payload up to the next header; 0: reading a header */
    uint8_t header[CHUNK_HEADER_LEN_MAX];
    uint8_t header_len;
    uint8_t replay[4]; /* bytes taken for an extended timestamp that were payload: read again */
    uint8_t replay_len;
};

void chunk_reader_deinit(struct chunk_reader *r);

/* Reads on until a message is complete. OK: *ret_message is the caller's. ERR_AGAIN: the input is
 * used up. ERR_MALFORMED, ERR_LIMIT: the reader is of no use any more. */
MUST_USE enum err chunk_reader_next(struct chunk_reader *r, struct reader *input,
                                    struct chunk_message *ret_message);

/* Drops the partial message of a chunk stream, if there is one (5.4.2). */
void chunk_reader_abort(struct chunk_reader *r, uint32_t id);

/* A header of type 0 with timestamp 0 for a message that fits one chunk; `id` is 2 to 63. */
void chunk_write_header(struct writer *w, uint32_t id, uint8_t type, uint32_t stream_id,
                        uint32_t message_len);

#endif
