/*
 * Answers over HTTP/2: fields for nghttp2, and bodies as slices behind frame headers.
 */
#include "http/h2.h"

#include "base/mem.h"
#include "http/message.h"
#include "http/reply.h"

enum {
    FRAME_HEADER_LEN = 9,
    URGENCY_PLAYLIST = 1, /* RFC 9218: 0 is the most urgent, 3 the default */
};

void h2_drop_slices(struct h2_stream *stream)
{
    for (size_t i = stream->slices_first; i < stream->slices_count; i++)
        slice_unref(&stream->slices[i]);
    stream->h2->queued_len -= stream->queued_len;
    stream->queued_len = 0;
    stream->slices_first = stream->slices_count = 0;
}

/* ---- Body of an answer ---- */

static void make_room(struct h2_stream *stream, size_t count)
{
    size_t used = stream->slices_count - stream->slices_first;
    size_t cap = stream->slices_cap;

    if (stream->slices_count + count <= cap)
        return;
    while (cap < used + count)
        cap *= 2;

    struct slice *slices = mem_alloc(cap * sizeof(*slices));
    memcpy(slices, stream->slices + stream->slices_first, used * sizeof(*slices));
    if (stream->slices != stream->inline_slices)
        mem_free(stream->slices);
    stream->slices = slices;
    stream->slices_cap = cap;
    stream->slices_first = 0;
    stream->slices_count = used;
}

/* Takes the references. */
static void queue_slices(struct h2_stream *stream, const struct slice *slices, size_t count)
{
    make_room(stream, count);
    for (size_t i = 0; i < count; i++) {
        stream->slices[stream->slices_count++] = slices[i];
        stream->queued_len += slices[i].len;
        stream->h2->queued_len += slices[i].len;
    }
}

static ssize_t on_read_body(nghttp2_session *ng, int32_t id, uint8_t *to, size_t len,
                            uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct h2_stream *stream = source->ptr;

    (void)ng, (void)id, (void)to, (void)ctx;
    if (stream->queued_len == 0 && !stream->is_ended) {
        stream->is_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (len > stream->queued_len)
        len = stream->queued_len;
    if (stream->is_ended && len == stream->queued_len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (len)
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return (ssize_t)len;
}

void h2_send_batch(struct h2_session *h2)
{
    if (h2->batch_count)
        conn_send(h2->conn, (struct text){0}, h2->conn->server->batch, h2->batch_count);
    h2->batch_count = h2->batch_len = 0;
}

void h2_batch_slice(struct h2_session *h2, struct slice slice)
{
    if (h2->batch_count == HTTP_BATCH_SLICES)
        h2_send_batch(h2);
    h2->conn->server->batch[h2->batch_count++] = slice;
    h2->batch_len += slice.len;
}

/* Moves `len` bytes of the answer into the batch; nghttp2 has asked for no more than is queued. */
static void batch_body(struct h2_stream *stream, size_t len)
{
    stream->queued_len -= len;
    stream->h2->queued_len -= len;
    while (len) {
        struct slice *first = &stream->slices[stream->slices_first];

        if (first->len <= len) {
            len -= first->len;
            h2_batch_slice(stream->h2, *first); /* with its reference */
            stream->slices_first++;
            continue;
        }
        struct slice part = slice_ref(*first);
        part.len = len;
        first->data += len;
        first->len -= len;
        h2_batch_slice(stream->h2, part);
        len = 0;
    }
}

int h2_on_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *frame_header,
                    size_t len, nghttp2_data_source *source, void *ctx)
{
    struct h2_session *h2 = ctx;

    (void)ng, (void)frame; /* without padding: we set no callback that asks for it */
    h2_batch_slice(h2, server_out(h2->conn->server, frame_header, FRAME_HEADER_LEN));
    batch_body(source->ptr, len);
    h2->conn->server->counters.body_bytes_sent += len;
    return 0;
}

/* ---- Answers ---- */

struct fields {
    nghttp2_nv nv[REPLY_LINES_MAX + 4];
    size_t count;
    struct writer memory; /* lower-case names, and values that had to change */
};

static uint8_t *bytes_of(const char *chars)
{
    return (uint8_t *)(uintptr_t)chars; /* nghttp2 copies and does not write */
}

static void add_field(struct fields *fields, const char *name, struct text value)
{
    size_t name_at = fields->memory.len;
    size_t name_len = strlen(name);

    for (size_t i = 0; i < name_len; i++)
        writer_char(&fields->memory,
                    name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i]);
    size_t value_at = fields->memory.len;
    bool is_clean = http_is_field_value(value);
    for (size_t i = 0; !is_clean && i < value.len; i++) {
        struct text c = {value.ptr + i, 1};

        writer_char(&fields->memory, http_is_field_value(c) ? c.ptr[0] : ' ');
    }
    if (fields->memory.failed)
        return; /* an owner with 16 kB of fields: what does not fit is left out */
    fields->nv[fields->count++] = (nghttp2_nv){
        .name = fields->memory.data + name_at,
        .namelen = name_len,
        .value = is_clean ? bytes_of(value.ptr) : fields->memory.data + value_at,
        .valuelen = value.len,
    };
}

static void submit(struct h2_stream *stream, const struct http_reply *reply, bool has_body)
{
    struct h2_session *h2 = stream->h2;
    struct http_server *server = h2->conn->server;
    struct fields fields = {.memory = writer_fixed(server->head_out, HTTP_HEAD_OUT_LEN)};
    nghttp2_data_provider provider = {{.ptr = stream}, on_read_body};
    char status[4];
    char len[24];
    struct writer status_w = writer_fixed(status, sizeof(status));
    struct writer len_w = writer_fixed(len, sizeof(len));

    writer_dec(&status_w, (uint64_t)reply->status);
    add_field(&fields, ":status", writer_as_text(&status_w));
    add_field(&fields, "date", server_date(server));
    for (size_t i = 0; i < reply->lines_count; i++)
        add_field(&fields, reply->lines[i].name, reply->lines[i].value);
    if (reply->has_len) {
        writer_dec(&len_w, reply->body_len);
        add_field(&fields, "content-length", writer_as_text(&len_w));
    }
    if (server->server_name)
        add_field(&fields, "server", text_of(server->server_name));

    server->counters.answers[reply->status / 100 % 6]++;
    /* Fails only when the stream is gone; then on_stream_close() has run or will. */
    (void)nghttp2_submit_response(h2->ng, stream->id, fields.nv, fields.count,
                                  has_body ? &provider : NULL);
    if (stream->req.route && !(stream->req.route->flags & HTTP_ROUTE_MEDIA)) {
        nghttp2_extpri priority = {.urgency = URGENCY_PLAYLIST, .inc = 0};

        (void)nghttp2_session_change_extpri_stream_priority(h2->ng, stream->id, &priority, 1);
    }
}

static void ask_flush(struct h2_session *h2)
{
    if (!h2->is_in_nghttp2)
        conn_make_ready(h2->conn);
}

static void h2_send_reply(struct http_request *req, struct http_reply *reply)
{
    struct h2_stream *stream = h2_stream_of(req);
    struct h2_session *h2 = stream->h2;

    queue_slices(stream, reply->slices, reply->slices_count);
    stream->is_ended = true;
    submit(stream, reply, stream->queued_len != 0);
    request_end(req);
    ask_flush(h2);
}

static void h2_begin_stream(struct http_request *req, struct http_reply *reply)
{
    struct h2_stream *stream = h2_stream_of(req);

    submit(stream, reply, req->method != HTTP_HEAD);
    ask_flush(stream->h2);
}

static void resume_data(struct h2_stream *stream)
{
    if (stream->is_deferred)
        (void)nghttp2_session_resume_data(stream->h2->ng, stream->id); /* fails when it is gone */
    stream->is_deferred = false;
    ask_flush(stream->h2);
}

static void h2_stream_write(struct http_request *req, const struct slice *slices, size_t count)
{
    struct h2_stream *stream = h2_stream_of(req);

    for (size_t i = 0; i < count; i++)
        stream->written_len += slices[i].len;
    queue_slices(stream, slices, count);
    resume_data(stream);
}

/* What is framed is the connection's: it holds little of it, and other streams wait there too. */
static size_t h2_stream_queued_len(const struct http_request *req)
{
    return h2_stream_of(req)->queued_len;
}

static uint64_t h2_stream_taken_len(const struct http_request *req)
{
    const struct h2_stream *stream = h2_stream_of(req);

    return stream->written_len - stream->queued_len;
}

static void h2_stream_end(struct http_request *req, bool is_aborted)
{
    struct h2_stream *stream = h2_stream_of(req);

    stream->is_ended = true;
    request_end(req);
    if (is_aborted) {
        h2_drop_slices(stream);
        (void)nghttp2_submit_rst_stream(stream->h2->ng, NGHTTP2_FLAG_NONE, stream->id,
                                        NGHTTP2_INTERNAL_ERROR);
    }
    resume_data(stream);
}

static void h2_set_body_paused(struct http_request *req, bool is_paused)
{
    struct h2_stream *stream = h2_stream_of(req);

    stream->is_paused = is_paused;
    if (!is_paused && (stream->held.len || stream->has_held_end))
        conn_make_ready(stream->h2->conn); /* h2_flush() delivers what was held */
}

const struct http_proto h2_proto = {
    .send_reply = h2_send_reply,
    .begin_stream = h2_begin_stream,
    .stream_write = h2_stream_write,
    .stream_queued_len = h2_stream_queued_len,
    .stream_taken_len = h2_stream_taken_len,
    .stream_end = h2_stream_end,
    .set_body_paused = h2_set_body_paused,
};
