/*
 * h2 - what the two files of HTTP/2 share: h2.c (session and requests), h2_answer.c (answers).
 */
#ifndef HTTP_H2_H
#define HTTP_H2_H

#include <nghttp2/nghttp2.h>

#include "http/core.h"

enum { H2_INLINE_SLICES = 2 };

struct h2_stream {
    struct http_request req;
    struct h2_session *h2;
    struct list_node node;
    int32_t id;
    bool is_reading;   /* head or body are not whole yet */
    bool is_ended;     /* the answer's last byte is queued */
    bool is_deferred;  /* nghttp2 waits for nghttp2_session_resume_data() */
    bool is_paused;    /* the owner wants no more of the body for now */
    bool has_held_end; /* the end of the body came meanwhile */
    struct writer held;

    struct slice *slices; /* the answer's body: inline_slices or a block */
    size_t slices_first;
    size_t slices_count; /* from the start of the array */
    size_t slices_cap;
    size_t queued_len;
    uint64_t written_len; /* of a stream's body, since its start */
    struct slice inline_slices[H2_INLINE_SLICES];
};

struct h2_session {
    nghttp2_session *ng;
    struct http_conn *conn;
    struct list streams;
    size_t streams_count;
    size_t reading_count;
    size_t queued_len; /* of all answers, not framed yet */

    struct writer head; /* of the request whose header block is being read: u16 name length, u16
                           value length, name, value; and so on */
    bool head_is_too_long;
    bool is_in_head;    /* a header block has begun and is not whole */
    bool is_in_nghttp2; /* inside one of its calls */
    bool is_retiring;   /* GOAWAY is sent: ends with the last stream */
    bool is_ending;

    int64_t control_us; /* token bucket for control frames, in microseconds of time */
    size_t batch_count;
    size_t batch_len;
};

static inline struct h2_stream *h2_stream_of(const struct http_request *req)
{
    return CONTAINER_OF((uintptr_t)req, struct h2_stream, req);
}

/* Callbacks of nghttp2 that send a body. */
int h2_on_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *frame_header,
                    size_t len, nghttp2_data_source *source, void *ctx);

/* Releases what is queued of the stream's answer. */
void h2_drop_slices(struct h2_stream *stream);

/* Puts a slice, with its reference, behind the others of the next conn_send(). */
void h2_batch_slice(struct h2_session *h2, struct slice slice);
void h2_send_batch(struct h2_session *h2);

#endif
