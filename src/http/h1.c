/*
 * HTTP/1.1 on a connection: heads and bodies in, answers out, one request at a time. A client may
 * send further requests before the answer (pipelining); they wait in `pending`, and when that is
 * full, in the client's own send buffer.
 */
#include <assert.h>

#include "base/mem.h"
#include "http/core.h"
#include "http/message.h"
#include "http/reply.h"

enum { BODY_PROGRESS_LEN = 4096 };

void h1_start(struct http_conn *conn)
{
    conn->protocol = PROTOCOL_H1;
    conn->h1.state = H1_HEAD;
    conn->server->counters.conns_h1++;
}

/* The phase that fits what the connection is doing now. */
static void enter_phase(struct http_conn *conn)
{
    struct h1_conn *h1 = &conn->h1;
    enum conn_phase phase = PHASE_WAIT;

    if (conn_queued_len(conn))
        phase = PHASE_SEND;
    else if (h1->state == H1_HEAD)
        phase = h1->pending_len ? PHASE_HEAD : PHASE_IDLE;
    else if (h1->state == H1_BODY && !h1->is_paused)
        phase = PHASE_BODY;
    else if (h1->state == H1_LAST)
        phase = PHASE_LINGER;
    if (phase != conn->phase || phase == PHASE_IDLE)
        conn_enter(conn, phase);
}

/* ---- Answers ---- */

/* Whether the answer to the request in hand is the last one of the connection. */
static bool is_last_answer(const struct http_conn *conn)
{
    return !conn->h1.keeps_alive || !(conn->h1.req.flags & REQUEST_BODY_DONE) ||
           conn->server->is_draining ||
           conn->requests_count >= conn->server->config.requests_per_conn_max;
}

static struct text render_head(struct http_conn *conn, const struct http_reply *reply, bool is_last)
{
    struct http_server *server = conn->server;
    struct writer w = writer_fixed(server->head_out, HTTP_HEAD_OUT_LEN);

    reply_render_h1(&w, reply);
    writer_text(&w, server_date_lines(server));
    if (conn->h1.is_chunked_answer)
        writer_str(&w, "Transfer-Encoding: chunked\r\n");
    if (is_last)
        writer_str(&w, "Connection: close\r\n");
    else if (conn->h1.req.version == HTTP_1_0)
        writer_str(&w, "Connection: keep-alive\r\n");
    writer_str(&w, "\r\n");
    /* More header bytes than the server sends are a bug of the owner, not of the client. */
    if (w.failed)
        return TEXT("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n"
                    "Connection: close\r\n\r\n");
    return writer_as_text(&w);
}

static void count_answer(struct http_conn *conn, int status)
{
    conn->server->counters.answers[status / 100 % 6]++;
}

/* The answer is queued whole: make room for the next request, or for the end. */
static void end_request(struct http_conn *conn, bool is_last)
{
    struct h1_conn *h1 = &conn->h1;

    if (!(h1->req.flags & REQUEST_BODY_DONE))
        h1->must_linger = true;
    request_end(&h1->req);
    h1->state = is_last ? H1_LAST : H1_HEAD;
    h1->is_chunked_answer = false;
    h1->is_body_paused = false;
    h1->scan = (struct h1_scan){0};
    if (is_last && h1->must_linger && conn->handle)
        conn->io->shutdown(conn->handle);
    enter_phase(conn);
    if (is_last || (!conn->is_busy && (h1->pending_len || h1->is_paused)))
        conn_make_ready(conn);
}

static void h1_send_reply(struct http_request *req, struct http_reply *reply)
{
    struct http_conn *conn = req->conn;
    bool is_last = is_last_answer(conn);

    count_answer(conn, reply->status);
    if (req->method != HTTP_HEAD)
        conn->server->counters.body_bytes_sent += reply->body_len;
    conn_send(conn, render_head(conn, reply, is_last), reply->slices, reply->slices_count);
    end_request(conn, is_last);
}

static void h1_begin_stream(struct http_request *req, struct http_reply *reply)
{
    struct http_conn *conn = req->conn;

    /* HTTP/1.0 has no chunks: there the end of the connection ends the body. */
    conn->h1.is_chunked_answer = req->version == HTTP_1_1 && req->method != HTTP_HEAD;
    if (req->version == HTTP_1_0)
        conn->h1.keeps_alive = false;
    conn->h1.state = H1_STREAM;
    count_answer(conn, reply->status);
    conn_send(conn, render_head(conn, reply, is_last_answer(conn)), NULL, 0);
    enter_phase(conn);
}

static const struct slice chunk_end = {NULL, (const uint8_t *)"\r\n", 2};

static void h1_stream_write(struct http_request *req, const struct slice *slices, size_t count)
{
    struct http_conn *conn = req->conn;
    char memory[24];
    struct writer w = writer_fixed(memory, sizeof(memory));
    uint64_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += slices[i].len;
    conn->server->counters.body_bytes_sent += len;
    if (!conn->h1.is_chunked_answer) {
        conn_send(conn, (struct text){0}, slices, count);
        enter_phase(conn);
        return;
    }

    /* Chunk: size CRLF data CRLF (RFC 9112 section 7.1), mostly with one system call. */
    writer_printf(&w, "%llx\r\n", (unsigned long long)len);
    if (count < HTTP_BATCH_SLICES) {
        struct slice *batch = conn->server->batch;

        memcpy(batch, slices, count * sizeof(*slices));
        batch[count] = chunk_end;
        conn_send(conn, writer_as_text(&w), batch, count + 1);
    } else {
        conn_send(conn, writer_as_text(&w), slices, count);
        conn_send(conn, (struct text){0}, &chunk_end, 1);
    }
    enter_phase(conn);
}

static size_t h1_stream_queued_len(const struct http_request *req)
{
    return conn_queued_len(req->conn);
}

static uint64_t h1_stream_taken_len(const struct http_request *req)
{
    return req->conn->sent - conn_queued_len(req->conn);
}

static void h1_stream_end(struct http_request *req, bool is_aborted)
{
    struct http_conn *conn = req->conn;
    bool is_last = is_last_answer(conn) || is_aborted;

    if (conn->h1.is_chunked_answer && !is_aborted)
        conn_send(conn, TEXT("0\r\n\r\n"), NULL, 0);
    end_request(conn, is_last);
}

static void h1_set_body_paused(struct http_request *req, bool is_paused)
{
    struct http_conn *conn = req->conn;
    struct h1_conn *h1 = &conn->h1;

    h1->is_body_paused = is_paused;
    if (!conn->handle)
        return;
    if (!is_paused) {
        conn_make_ready(conn); /* h1_resume() goes on with the body */
    } else if (!h1->is_paused) {
        h1->is_paused = true;
        conn->io->pause_reading(conn->handle);
        enter_phase(conn);
    }
}

const struct http_proto h1_proto = {
    .send_reply = h1_send_reply,
    .begin_stream = h1_begin_stream,
    .stream_write = h1_stream_write,
    .stream_queued_len = h1_stream_queued_len,
    .stream_taken_len = h1_stream_taken_len,
    .stream_end = h1_stream_end,
    .set_body_paused = h1_set_body_paused,
};

/* ---- Input ---- */

/* A head that cannot be understood: answer, then close. */
static void refuse_head(struct http_conn *conn, int status)
{
    struct http_request *req = &conn->h1.req;

    conn->server->counters.malformed++;
    *req = (struct http_request){
        .conn = conn, .method = HTTP_GET, .version = HTTP_1_1, .state = REQUEST_READING};
    list_node_init(&req->owner_node);
    conn->h1.keeps_alive = false;
    conn->h1.must_linger = true;
    request_refuse(req, status);
}

/* True: go on with what follows the head. */
static bool read_head(struct http_conn *conn, struct text *input)
{
    struct http_server *server = conn->server;
    struct h1_conn *h1 = &conn->h1;
    struct h1_limits limits = {server->config.request_line_len_max, server->config.head_len_max};
    struct h1_head head;
    int status;

    if (input->len == 0)
        return false;
    head.fields = server->fields;
    enum err err = h1_head_parse(*input, &limits, &h1->scan, &head, &status);

    if (err == ERR_AGAIN) {
        if (conn->phase != PHASE_HEAD && conn->phase != PHASE_SEND)
            conn_enter(conn, PHASE_HEAD);
        return false;
    }
    if (err != OK) {
        refuse_head(conn, status);
        return true;
    }

    input->ptr += head.len; /* also at the end: request_keep() measures from it */
    input->len -= head.len;
    h1->scan = (struct h1_scan){0};
    h1->keeps_alive = head.keeps_alive;
    h1->expects_continue = head.expects_continue;
    h1->body = h1_body_of(&head);
    h1->state = H1_BODY;
    conn->requests_count++;
    server->counters.requests_h1++;
    h1->req = (struct http_request){.version = head.version,
                                    .host = head.host,
                                    .fields = head.fields,
                                    .fields_count = (uint16_t)head.fields_count};
    if (h1->body.state == H1_BODY_DONE)
        h1->req.flags = REQUEST_BODY_DONE;
    if (request_open(&h1->req, conn, head.method, head.target, head.content_len) &&
        (h1->body.state == H1_BODY_DONE || (h1->req.route->flags & HTTP_ROUTE_STREAM_BODY)))
        request_on_body(&h1->req, (struct text){0}, h1->body.state == H1_BODY_DONE);
    return true;
}

/* RFC 9110 section 10.1.1; only when the client has not begun to send the body anyway. */
static void send_continue(struct http_conn *conn)
{
    if (conn->h1.expects_continue)
        conn_send(conn, TEXT("HTTP/1.1 100 Continue\r\n\r\n"), NULL, 0);
    conn->h1.expects_continue = false;
}

/* True: the body is complete, or the request over. */
static bool read_body(struct http_conn *conn, struct text *input)
{
    struct h1_conn *h1 = &conn->h1;

    if (h1->body.state == H1_BODY_DONE) {
        h1->state = H1_WAIT;
        return true;
    }
    while (h1->state == H1_BODY && !h1->is_paused) {
        struct text data;

        if (input->len == 0) {
            send_continue(conn);
            return false;
        }
        h1->expects_continue = false;
        if (h1_body_read(&h1->body, input, &data) != OK) {
            conn->server->counters.malformed++;
            h1->keeps_alive = false;
            request_break(&h1->req, 400);
            return true;
        }
        bool is_done = h1->body.state == H1_BODY_DONE;
        if (is_done)
            h1->state = H1_WAIT; /* before the handler, which may answer and change it */
        if (data.len || is_done)
            request_on_body(&h1->req, data, is_done);
        if (is_done)
            return true;
    }
    return h1->state != H1_BODY;
}

void h1_input(struct http_conn *conn, struct text *input)
{
    struct h1_conn *h1 = &conn->h1;
    const char *head_start = input->ptr;
    bool goes_on = true;

    conn->is_busy++;
    while (goes_on && conn->handle && conn->protocol == PROTOCOL_H1) {
        switch (h1->state) {
        case H1_HEAD:
            head_start = input->ptr;
            goes_on = read_head(conn, input);
            break;
        case H1_BODY:
            goes_on = read_body(conn, input);
            break;
        case H1_WAIT:
        case H1_STREAM:
            goes_on = false;
            break;
        case H1_LAST:
            input->ptr += input->len;
            input->len = 0;
            goes_on = false;
            break;
        }
    }
    if (conn->protocol == PROTOCOL_H1 && h1->req.state != REQUEST_NONE)
        request_keep(&h1->req, (struct text){head_start, (size_t)(input->ptr - head_start)});
    if (conn->protocol == PROTOCOL_H1 && conn->handle && h1->state != H1_HEAD)
        enter_phase(conn);
    conn->is_busy--;
}

/* Taken up at the end of a turn: an answer came from elsewhere, or a body may flow again. */
void h1_resume(struct http_conn *conn)
{
    struct h1_conn *h1 = &conn->h1;

    if (h1->state == H1_LAST && !conn_queued_len(conn) && !h1->must_linger) {
        conn_close(conn);
        return;
    }
    if (h1->is_paused && !h1->is_body_paused && h1->state != H1_WAIT && h1->state != H1_STREAM) {
        h1->is_paused = false;
        conn->io->resume_reading(conn->handle);
    }
}

void h1_on_drained(struct http_conn *conn)
{
    struct h1_conn *h1 = &conn->h1;

    if (h1->state == H1_LAST || (h1->state == H1_HEAD && conn->ends_input)) {
        if (!h1->must_linger) {
            conn_close(conn);
            return;
        }
    }
    enter_phase(conn);
    if (h1->state == H1_STREAM && h1->req.on_drain)
        h1->req.on_drain(&h1->req);
}

/* ---- Ends ---- */

static bool has_progress(struct http_conn *conn, uint64_t progress)
{
    bool is_enough = progress - conn->mark >= BODY_PROGRESS_LEN;

    conn->mark = progress;
    return is_enough;
}

static void time_out(struct http_conn *conn)
{
    conn->server->counters.conns_timed_out++;
    conn_close(conn);
}

/* 408, when nothing of an answer has been sent. */
static void time_out_with_answer(struct http_conn *conn)
{
    struct h1_conn *h1 = &conn->h1;

    conn->server->counters.conns_timed_out++;
    if (h1->req.state == REQUEST_NONE) {
        refuse_head(conn, 408);
        return;
    }
    h1->keeps_alive = false;
    request_break(&h1->req, 408);
}

void h1_on_deadline(struct http_conn *conn)
{
    switch ((enum conn_phase)conn->phase) {
    case PHASE_HEAD:
        time_out_with_answer(conn);
        break;
    case PHASE_BODY:
        if (has_progress(conn, conn->received))
            conn_enter(conn, PHASE_BODY);
        else
            time_out_with_answer(conn);
        break;
    case PHASE_SEND:
        if (has_progress(conn, conn->sent - conn_queued_len(conn)))
            conn_enter(conn, PHASE_SEND);
        else
            time_out(conn);
        break;
    case PHASE_IDLE:
    case PHASE_LINGER:
        conn_close(conn);
        break;
    case PHASE_FIRST_BYTE:
        time_out(conn);
        break;
    case PHASE_WAIT:
    case PHASE_COUNT:
        break;
    }
}

void h1_drain(struct http_conn *conn)
{
    if (conn->h1.state == H1_HEAD && conn->phase == PHASE_IDLE)
        conn_close(conn);
}

void h1_cancel(struct http_conn *conn)
{
    if (conn->h1.req.state != REQUEST_NONE)
        request_cancel(&conn->h1.req);
}

void h1_deinit(struct http_conn *conn)
{
    mem_free(conn->h1.pending);
    conn->h1.pending = NULL;
    conn->h1.pending_len = conn->h1.pending_cap = 0;
}
