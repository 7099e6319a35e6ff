/*
 * HTTP/2 on a connection, framed by libnghttp2.
 *
 * nghttp2 keeps streams, HPACK and flow control; this file turns its callbacks into requests and
 * answers into frames. Bodies are not copied: a DATA frame is its 9 byte header in the output chunk
 * and slices of the body, and many frames go out with one conn_send(). While 256 kB wait in the
 * transport nothing more is framed, so what is urgent (a playlist) overtakes what is not.
 *
 * nghttp2 must not be asked to send inside its own callbacks: handlers run there, so answers are
 * only submitted, and h2_flush() follows when the input is used up, or at the end of the turn.
 */
#include "http/h2.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/reader.h"
#include "http/message.h"
#include "http/reply.h"

enum {
    QUEUED_LEN_MAX = 256 * 1024, /* in the transport */
    BATCH_LEN_MAX = 256 * 1024,  /* in one conn_send() */
    BATCH_SLICES_RESERVE = 8,
    HELD_LEN_MAX = 128 * 1024, /* of a paused body: the flow control window bounds it */
    CONTROL_BURST = 1000,      /* resets, pings, settings, priorities, empty frames ... */
    CONTROL_PER_S = 50,        /* ... that a client may send */
    PROGRESS_LEN = 4096,
};

/* ---- Memory ---- */

static void *ng_malloc(size_t size, void *ctx)
{
    (void)ctx;
    return mem_alloc(size);
}

static void *ng_calloc(size_t count, size_t size, void *ctx)
{
    (void)ctx;
    return mem_zalloc(count * size);
}

static void *ng_realloc(void *block, size_t size, void *ctx)
{
    (void)ctx;
    return mem_realloc(block, size);
}

static void ng_free(void *block, void *ctx)
{
    (void)ctx;
    mem_free(block);
}

static struct h2_stream *stream_find(struct h2_session *h2, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h2->ng, id);
}

static struct h2_stream *stream_create_for(struct h2_session *h2, int32_t id)
{
    struct h2_stream *stream = mem_zalloc(sizeof(*stream));

    stream->h2 = h2;
    stream->id = id;
    stream->slices = stream->inline_slices;
    stream->slices_cap = H2_INLINE_SLICES;
    stream->is_reading = true;
    h2->reading_count++;
    h2->streams_count++;
    list_push_back(&h2->streams, &stream->node);
    return stream;
}

static void stop_reading(struct h2_stream *stream)
{
    if (stream->is_reading)
        stream->h2->reading_count--;
    stream->is_reading = false;
}

static void stream_destroy(struct h2_stream *stream)
{
    stop_reading(stream);
    h2_drop_slices(stream);
    stream->h2->waiting_count -= stream->has_owner_waiting;
    if (stream->slices != stream->inline_slices)
        mem_free(stream->slices);
    writer_deinit(&stream->held);
    list_unlink(&stream->node);
    stream->h2->streams_count--;
    mem_free(stream);
}

/* ---- Requests ---- */

/* Each control frame costs a slice of time; who spends more than has passed is cut off. */
static int spend_control(struct h2_session *h2)
{
    int64_t now_us = h2->conn->server->now_us;
    int64_t cost_us = US_PER_S / CONTROL_PER_S;

    if (h2->control_us < now_us)
        h2->control_us = now_us;
    h2->control_us += cost_us;
    if (h2->control_us - now_us <= CONTROL_BURST * cost_us)
        return 0;
    h2->conn->server->counters.malformed++;
    h2->is_ending = true;
    return nghttp2_session_terminate_session(h2->ng, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *ctx)
{
    struct h2_session *h2 = ctx;

    writer_clear(&h2->head);
    h2->head_is_too_long = false;
    h2->is_in_head = true;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    /* Our limit binds the client only from its SETTINGS acknowledgement on. */
    if (h2->streams_count > h2->conn->server->config.h2_streams_max)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;

    struct h2_stream *stream = stream_create_for(h2, frame->hd.stream_id);
    list_node_init(&stream->req.owner_node);
    return nghttp2_session_set_stream_user_data(ng, frame->hd.stream_id, stream);
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx)
{
    struct h2_session *h2 = ctx;

    (void)ng, (void)flags;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) /* trailers: nobody reads them */
        return 0;
    if (name_len > UINT16_MAX || value_len > UINT16_MAX) {
        h2->head_is_too_long = true;
        return 0;
    }
    writer_u16(&h2->head, (uint16_t)name_len);
    writer_u16(&h2->head, (uint16_t)value_len);
    writer_bytes(&h2->head, name, name_len);
    writer_bytes(&h2->head, value, value_len);
    if (h2->head.failed)
        h2->head_is_too_long = true;
    return 0;
}

struct pseudo {
    struct text method;
    struct text path;
};

/* Fields out of h2->head into the shared array; false: too many. */
static bool read_fields(struct h2_session *h2, struct http_request *req, struct pseudo *pseudo)
{
    struct http_server *server = h2->conn->server;
    struct reader r = reader_of(h2->head.data, h2->head.len);

    req->fields = server->fields;
    while (r.left) {
        uint16_t name_len = reader_u16(&r);
        uint16_t value_len = reader_u16(&r);
        struct text name = reader_text(&r, name_len);
        struct text value = text_trim(reader_text(&r, value_len));

        if (text_equal(name, TEXT(":method"))) {
            pseudo->method = value;
        } else if (text_equal(name, TEXT(":path"))) {
            pseudo->path = value;
        } else if (text_equal(name, TEXT(":authority"))) {
            req->host = value;
        } else if (!text_starts_with(name, TEXT(":"))) {
            if (req->fields_count == HTTP_FIELDS_MAX)
                return false;
            req->fields[req->fields_count++] = (struct http_field){name, value};
        }
    }
    return true;
}

static uint64_t announced_len(const struct http_request *req)
{
    uint64_t len = 0;

    (void)text_parse_u64(http_header(req, "content-length"), UINT64_MAX, &len); /* 0: not told */
    return len;
}

/* GOAWAY with the last stream we took: later ones may be tried elsewhere. */
static void retire(struct h2_session *h2)
{
    if (h2->is_retiring)
        return;
    h2->is_retiring = true;
    (void)nghttp2_submit_goaway(h2->ng, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(h2->ng), NGHTTP2_NO_ERROR,
                                NULL, 0); /* fails only when one was sent */
}

static void open_request(struct h2_stream *stream, bool is_whole)
{
    struct h2_session *h2 = stream->h2;
    struct http_request *req = &stream->req;
    struct pseudo pseudo = {0};

    req->conn = h2->conn;
    req->version = HTTP_2;
    if (++h2->conn->requests_count >= h2->conn->server->config.requests_per_conn_max)
        retire(h2);
    h2->conn->server->counters.requests_h2++;
    if (is_whole) {
        stop_reading(stream);
        req->flags = REQUEST_BODY_DONE;
    }
    if (h2->head_is_too_long || !read_fields(h2, req, &pseudo)) {
        req->method = HTTP_GET;
        req->state = REQUEST_READING;
        request_refuse(req, 431);
        return;
    }
    if (!req->host.ptr)
        req->host = http_header(req, "host");
    if (request_open(req, h2->conn, http_method_parse(pseudo.method), pseudo.path,
                     announced_len(req)) &&
        (is_whole || (req->route->flags & HTTP_ROUTE_STREAM_BODY)))
        request_on_body(req, (struct text){0}, is_whole);
    if (req->state != REQUEST_NONE)
        request_keep(req, (struct text){(const char *)h2->head.data, h2->head.len});
}

/* The body goes to the owner, and the client may send as much again. */
static void deliver_body(struct h2_stream *stream, struct text bytes, bool is_last)
{
    struct http_request *req = &stream->req;

    if (stream->is_paused) {
        if (bytes.len)
            writer_bytes(&stream->held, bytes.ptr, bytes.len);
        stream->has_held_end = stream->has_held_end || is_last;
        return;
    }
    /* When the answer came early the window stays shut: the client stops by itself, or is told to
     * in h2_on_deadline(). A reset at once makes some clients lose the answer. */
    if (req->state == REQUEST_NONE)
        return;
    if (bytes.len)
        (void)nghttp2_session_consume_stream(stream->h2->ng, stream->id, bytes.len);
    request_on_body(req, bytes, is_last);
}

static void deliver_held(struct h2_stream *stream)
{
    struct writer held = stream->held;
    bool is_last = stream->has_held_end;

    if (stream->is_paused || (held.len == 0 && !is_last))
        return;
    stream->held = writer_growing(HELD_LEN_MAX);
    stream->has_held_end = false;
    deliver_body(stream, writer_as_text(&held), is_last);
    writer_deinit(&held);
}

static int on_data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *bytes,
                         size_t len, void *ctx)
{
    struct h2_session *h2 = ctx;
    struct h2_stream *stream = stream_find(h2, id);

    (void)flags;
    /* One slow reader does not stop the connection: only its stream's window closes. */
    (void)nghttp2_session_consume_connection(ng, len);
    if (stream) {
        if (!stream->held.limit)
            stream->held = writer_growing(HELD_LEN_MAX);
        deliver_body(stream, (struct text){(const char *)bytes, len}, false);
    }
    return 0;
}

static bool is_control(const nghttp2_frame *frame)
{
    switch (frame->hd.type) {
    case NGHTTP2_RST_STREAM:
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
    case NGHTTP2_PRIORITY:
    case NGHTTP2_PRIORITY_UPDATE:
        return true;
    case NGHTTP2_DATA:
        return frame->hd.length == 0 && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    default:
        return false;
    }
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *ctx)
{
    struct h2_session *h2 = ctx;
    bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    bool is_data = frame->hd.type == NGHTTP2_DATA;
    struct h2_stream *stream;

    if (is_control(frame))
        return spend_control(h2);
    if (!is_data && frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    stream = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
    if (!stream)
        return 0;
    if (!is_data)
        h2->is_in_head = false;
    if (!is_data && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        open_request(stream, is_end);
    } else if (is_end) {
        stop_reading(stream);
        deliver_body(stream, (struct text){0}, true);
    }
    return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *ctx)
{
    struct h2_session *h2 = ctx;
    struct h2_stream *stream = nghttp2_session_get_stream_user_data(ng, id);

    (void)code;
    if (!stream)
        return 0;
    /* Detached first: what the owner does in on_cancel must not find it. */
    (void)nghttp2_session_set_stream_user_data(ng, id, NULL);
    h2->conn->is_busy++;
    request_cancel(&stream->req);
    h2->conn->is_busy--;
    stream_destroy(stream);
    return 0;
}

/* ---- Session ---- */

static nghttp2_session *create_nghttp2(struct h2_session *h2)
{
    static nghttp2_mem memory = {NULL, ng_malloc, ng_free, ng_calloc, ng_realloc};
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_session *ng = NULL;

    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return NULL;
    if (nghttp2_option_new(&option) == 0) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
        nghttp2_session_callbacks_set_send_data_callback(callbacks, h2_on_send_data);
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_no_closed_streams(option, 1);
        if (nghttp2_session_server_new3(&ng, callbacks, h2, option, &memory) != 0)
            ng = NULL;
        nghttp2_option_del(option);
    }
    nghttp2_session_callbacks_del(callbacks);
    return ng;
}

void h2_start(struct http_conn *conn)
{
    const struct http_config *config = &conn->server->config;
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, config->h2_streams_max},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, config->head_len_max},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    struct h2_session *h2 = mem_zalloc(sizeof(*h2));

    h2->conn = conn;
    list_init(&h2->streams);
    h2->head = writer_growing(config->head_len_max + config->request_line_len_max);
    conn->h2 = h2;
    conn->protocol = PROTOCOL_H2;
    conn->server->counters.conns_h2++;
    h2->ng = create_nghttp2(h2);
    if (!h2->ng || nghttp2_submit_settings(h2->ng, NGHTTP2_FLAG_NONE, settings,
                                           sizeof(settings) / sizeof(settings[0])) != 0)
        conn->is_broken = true;
    conn_make_ready(conn);
}

static void enter_phase(struct http_conn *conn)
{
    const struct h2_session *h2 = conn->h2;
    enum conn_phase phase = PHASE_WAIT;

    if (h2->is_ending)
        phase = PHASE_LINGER;
    else if (conn_queued_len(conn) || h2->queued_len)
        phase = PHASE_SEND;
    else if (h2->reading_count)
        phase = PHASE_BODY;
    else if (h2->streams_count == 0)
        phase = PHASE_IDLE;
    if (phase != conn->phase)
        conn_enter(conn, phase);
}

static void deliver_all_held(struct h2_session *h2)
{
    LIST_FOR_EACH(node, &h2->streams)
    {
        deliver_held(CONTAINER_OF(node, struct h2_stream, node));
    }
}

/* Frames what nghttp2 wants to send, as long as the transport is not full. */
static void pump(struct h2_session *h2)
{
    struct http_conn *conn = h2->conn;
    const uint8_t *bytes;
    ssize_t len;

    while (!conn->is_broken && conn_queued_len(conn) + h2->batch_len < QUEUED_LEN_MAX) {
        len = nghttp2_session_mem_send(h2->ng, &bytes);
        if (len < 0)
            conn->is_broken = true;
        if (len <= 0)
            break;
        for (size_t done = 0; done < (size_t)len;) {
            size_t part = (size_t)len - done < HTTP_OUT_LEN ? (size_t)len - done : HTTP_OUT_LEN;

            h2_batch_slice(h2, server_out(conn->server, bytes + done, part));
            done += part;
        }
        if (h2->batch_len >= BATCH_LEN_MAX ||
            h2->batch_count >= HTTP_BATCH_SLICES - BATCH_SLICES_RESERVE)
            h2_send_batch(h2);
    }
    h2_send_batch(h2);
}

/* Owners that wait for room. What the transport took at once never makes it tell that it is empty,
 * so this is looked at wherever frames went out, but for where an owner is calling. */
static void tell_drained(struct http_conn *conn)
{
    struct h2_session *h2 = conn->h2;

    if (h2->waiting_count == 0 || !conn->handle || conn->is_broken || conn_queued_len(conn))
        return;
    LIST_FOR_EACH(node, &h2->streams)
    {
        struct h2_stream *stream = CONTAINER_OF(node, struct h2_stream, node);

        if (!stream->has_owner_waiting || stream->queued_len)
            continue;
        stream->has_owner_waiting = false;
        h2->waiting_count--;
        if (stream->req.state == REQUEST_STREAMING)
            stream->req.on_drain(&stream->req);
    }
}

void h2_flush(struct http_conn *conn)
{
    struct h2_session *h2 = conn->h2;

    if (h2->is_in_nghttp2 || !conn->handle || conn->is_broken)
        return;
    deliver_all_held(h2);
    h2->is_in_nghttp2 = true;
    pump(h2);
    if (h2->is_retiring && h2->streams_count == 0 && !h2->is_ending) {
        h2->is_ending = true;
        (void)nghttp2_session_terminate_session(h2->ng, NGHTTP2_NO_ERROR);
        pump(h2);
    }
    h2->is_in_nghttp2 = false;
    bool is_over = !nghttp2_session_want_read(h2->ng) && !nghttp2_session_want_write(h2->ng);
    if (conn->is_broken || (is_over && conn_queued_len(conn) == 0)) {
        conn->is_broken = true;
        conn_make_ready(conn);
        return;
    }
    enter_phase(conn);
}

void h2_run(struct http_conn *conn)
{
    h2_flush(conn);
    tell_drained(conn);
}

void h2_input(struct http_conn *conn, struct text input)
{
    struct h2_session *h2 = conn->h2;

    if (conn->is_broken)
        return;
    conn->is_busy++;
    h2->is_in_nghttp2 = true;
    ssize_t used = nghttp2_session_mem_recv(h2->ng, (const uint8_t *)input.ptr, input.len);
    h2->is_in_nghttp2 = false;
    if (!h2->is_in_head)
        writer_deinit(&h2->head); /* a connection at rest keeps no buffers */
    if (used < 0) {
        conn->server->counters.malformed++;
        conn->is_broken = true;
        conn_make_ready(conn);
    } else {
        h2_run(conn);
    }
    conn->is_busy--;
}

/* ---- Ends ---- */

static void end_session(struct http_conn *conn)
{
    struct h2_session *h2 = conn->h2;

    if (h2->is_ending) {
        conn_close(conn);
        return;
    }
    h2->is_ending = true;
    (void)nghttp2_session_terminate_session(h2->ng, NGHTTP2_NO_ERROR);
    h2_flush(conn);
}

/* Streams that were answered while their body was still coming. RFC 9113 section 8.1: "the server
 * MAY request that the client abort transmission of a request without error". */
static bool abort_answered(struct h2_session *h2)
{
    bool did_any = false;

    LIST_FOR_EACH(node, &h2->streams)
    {
        struct h2_stream *stream = CONTAINER_OF(node, struct h2_stream, node);

        if (!stream->is_reading || stream->req.state != REQUEST_NONE)
            continue;
        stop_reading(stream);
        (void)nghttp2_submit_rst_stream(h2->ng, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
        did_any = true;
    }
    return did_any;
}

void h2_on_deadline(struct http_conn *conn)
{
    uint64_t progress =
        conn->phase == PHASE_SEND ? conn->sent - conn_queued_len(conn) : conn->received;

    switch ((enum conn_phase)conn->phase) {
    case PHASE_IDLE:
        end_session(conn);
        break;
    case PHASE_SEND:
    case PHASE_BODY:
        if (progress - conn->mark >= PROGRESS_LEN ||
            (conn->phase == PHASE_BODY && abort_answered(conn->h2))) {
            conn_enter(conn, (enum conn_phase)conn->phase);
            h2_flush(conn);
            break;
        }
        conn->server->counters.conns_timed_out++;
        conn_close(conn);
        break;
    case PHASE_FIRST_BYTE:
    case PHASE_HEAD:
    case PHASE_LINGER:
        conn_close(conn);
        break;
    case PHASE_WAIT:
    case PHASE_COUNT:
        break;
    }
}

void h2_drain(struct http_conn *conn)
{
    retire(conn->h2);
    h2_flush(conn);
}

void h2_cancel(struct http_conn *conn)
{
    struct h2_session *h2 = conn->h2;

    LIST_FOR_EACH(node, &h2->streams)
    {
        request_cancel(&CONTAINER_OF(node, struct h2_stream, node)->req);
    }
}

void h2_destroy(struct h2_session *h2)
{
    struct list_node *node;

    if (!h2)
        return;
    while ((node = list_first(&h2->streams)))
        stream_destroy(CONTAINER_OF(node, struct h2_stream, node));
    nghttp2_session_del(h2->ng);
    writer_deinit(&h2->head);
    mem_free(h2);
}
