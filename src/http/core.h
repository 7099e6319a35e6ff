/*
 * core - what the files of the server share: the server, connections, and the ways between them.
 *
 *     listen.c      sockets of net/ and the loop       (the only file that knows them)
 *        |  http_io: read, send, close                  tests put a pipe of their own here
 *     conn.c        life of a connection: phases and deadlines, closing
 *        |-- h1.c   HTTP/1.1    -.
 *        |-- h2.c   HTTP/2       |-- request.c  routing, bodies, texts of a request
 *        `-- ws.c   WebSocket   -'-- respond.c  http_response or asset -> http_reply
 *     server.c      configuration, counters, deadlines, drain
 *
 * The core reads no clock and opens no socket: server->now_us is set by whoever calls in.
 *
 * A connection is freed only in conn_release(), never while one of its functions runs (is_busy).
 * What must not happen inside a call of the owner is put off: the connection goes to server->ready,
 * and http_core_run() takes it up at the end of the turn.
 */
#ifndef HTTP_CORE_H
#define HTTP_CORE_H

#include "base/list.h"
#include "base/map.h"
#include "base/writer.h"
#include "http/h1_parser.h"
#include "http/http.h"
#include "net/net.h"

struct gzip;
struct h2_session;
struct http_reply;
struct http_route_table;
struct ws_framer;

/* ---- Transport ---- */

/* Errors and ownership as in net/net.h (stream_...). */
struct http_io {
    enum err (*read)(void *handle, void *to, size_t cap, size_t *ret_len);
    enum err (*send)(void *handle, const void *head, size_t head_len, const struct slice *slices,
                     size_t count);
    size_t (*queued_len)(const void *handle);
    void (*pause_reading)(void *handle);
    void (*resume_reading)(void *handle);
    void (*shutdown)(void *handle);
    void (*close)(void *handle);
};

/* ---- Connection ---- */

/* What a connection is doing, as far as deadlines go. One list a phase; a phase has one duration,
 * so its list is in the order of deadlines. */
enum conn_phase {
    PHASE_FIRST_BYTE = 1,
    PHASE_HEAD,
    PHASE_BODY, /* deadline moves with progress */
    PHASE_WAIT, /* the owner has it: no deadline */
    PHASE_SEND, /* deadline moves with progress */
    PHASE_IDLE,
    PHASE_LINGER,
    PHASE_COUNT,
};

enum conn_protocol { PROTOCOL_UNKNOWN = 1, PROTOCOL_H1, PROTOCOL_H2, PROTOCOL_WS, PROTOCOL_COUNT };

enum h1_state {
    H1_HEAD = 1, /* waiting for, or inside, a request head */
    H1_BODY,     /* reading the body */
    H1_WAIT,     /* the owner has the request; input is kept for later */
    H1_STREAM,   /* the answer is a stream */
    H1_LAST,     /* the last answer is queued: discard input, close when sent */
};

struct h1_conn {
    enum h1_state state;
    bool keeps_alive;
    bool expects_continue;
    bool is_paused;      /* reading from the transport */
    bool is_body_paused; /* the owner wants no more of the body for now */
    bool is_chunked_answer;
    bool must_linger; /* input was left unread: a plain close could destroy the answer */
    struct h1_scan scan;
    struct h1_body body;
    uint8_t *pending; /* input that could not be used yet */
    uint32_t pending_len;
    uint32_t pending_cap;
    struct http_request req;
};

struct address_count;

struct http_conn {
    struct http_server *server;
    const struct http_io *io;
    void *handle; /* NULL once closed */
    struct list_node in_phase;
    struct list_node in_ready;
    int64_t deadline_us;
    uint64_t received; /* bytes, since start */
    uint64_t sent;     /* bytes given to io, since start */
    uint64_t mark;     /* progress at the last deadline */
    struct address_count *address;
    struct net_address peer;
    uint32_t requests_count;
    uint16_t is_busy;
    uint8_t phase;
    uint8_t protocol;
    bool is_tls;
    bool is_broken;    /* sending failed: to be closed at the end of the turn */
    bool ends_input;   /* the client will send no more */
    struct h1_conn h1; /* while protocol is UNKNOWN or H1 */
    struct h2_session *h2;
    struct http_ws *ws;
};

/* Takes over an open transport. NULL: refused, the caller closes it. */
struct http_conn *conn_open(struct http_server *server, const struct http_io *io, void *handle,
                            const struct net_address *peer, bool is_tls);

/* Events of the transport. `alpn_h2`: TLS chose HTTP/2. */
void conn_on_readable(struct http_conn *conn, bool alpn_h2);
void conn_on_drained(struct http_conn *conn);
void conn_on_broken(struct http_conn *conn);

/* Sends; on failure the connection is marked as broken and closed later. */
void conn_send(struct http_conn *conn, struct text head, const struct slice *slices, size_t count);
size_t conn_queued_len(const struct http_conn *conn);

void conn_enter(struct http_conn *conn, enum conn_phase phase);

/* Asks for http_core_run() to take the connection up. */
void conn_make_ready(struct http_conn *conn);

/* Cuts the connection: cancels its requests and closes the transport. The memory goes when nothing
 * of the connection runs any more. */
void conn_close(struct http_conn *conn);

/* Ends a stretch in which the connection must not be freed (conn->is_busy++ began it). */
void conn_release(struct http_conn *conn);

/* Does what conn_make_ready() asked for. */
void conn_run(struct http_conn *conn);

/* A deadline passed, or the server wants to end: each protocol in its own way. */
void conn_on_deadline(struct http_conn *conn);
void conn_drain(struct http_conn *conn);

/* ---- Protocols ---- */

/* What a protocol does for requests. */
struct http_proto {
    void (*send_reply)(struct http_request *req, struct http_reply *reply);
    void (*begin_stream)(struct http_request *req, struct http_reply *reply);
    void (*stream_write)(struct http_request *req, const struct slice *slices, size_t count);
    size_t (*stream_queued_len)(const struct http_request *req);
    uint64_t (*stream_taken_len)(const struct http_request *req);
    void (*stream_end)(struct http_request *req, bool is_aborted);
    void (*set_body_paused)(struct http_request *req, bool is_paused);
};

extern const struct http_proto h1_proto;
extern const struct http_proto h2_proto;
const struct http_proto *conn_proto(const struct http_conn *conn);

/* HTTP/1.1. h1_input consumes what it can from *input. */
void h1_start(struct http_conn *conn);
void h1_input(struct http_conn *conn, struct text *input);
void h1_resume(struct http_conn *conn); /* from server->ready */
void h1_on_drained(struct http_conn *conn);
void h1_on_deadline(struct http_conn *conn);
void h1_drain(struct http_conn *conn);
void h1_cancel(struct http_conn *conn);
void h1_deinit(struct http_conn *conn);

/* HTTP/2. */
void h2_start(struct http_conn *conn);
void h2_input(struct http_conn *conn, struct text input);
void h2_flush(struct http_conn *conn);
void h2_on_drained(struct http_conn *conn);
void h2_on_deadline(struct http_conn *conn);
void h2_drain(struct http_conn *conn);
void h2_cancel(struct http_conn *conn);
void h2_destroy(struct h2_session *h2);

/* WebSocket. */
void ws_input(struct http_conn *conn, struct text input);
void ws_on_deadline(struct http_conn *conn);
void ws_drain(struct http_conn *conn);
void ws_flush(struct http_conn *conn);
void ws_on_drained(struct http_conn *conn);
void ws_cancel(struct http_conn *conn);
void ws_destroy(struct http_ws *ws);
void ws_framer_destroy(struct ws_framer *framer);

/* ---- Requests ---- */

enum request_state {
    REQUEST_NONE = 0,
    REQUEST_READING,   /* the body; the handler has not been called */
    REQUEST_HANDLING,  /* inside the handler */
    REQUEST_SUSPENDED, /* the owner has it */
    REQUEST_STREAMING, /* the owner writes the answer piece by piece */
};

enum request_flag {
    REQUEST_GZIP = 1,      /* accepts it */
    REQUEST_RANGE = 2,     /* has Range */
    REQUEST_CONDITION = 4, /* has If-None-Match */
    REQUEST_ORIGIN = 8,    /* has Origin */
    REQUEST_BODY_DONE = 16,
};

/* Routes a request whose method, version, fields and is_tls are set. False: it was answered (error,
 * preflight). `content_len` is what the head announces, or 0. */
bool request_open(struct http_request *req, struct http_conn *conn, unsigned method,
                  struct text target, uint64_t content_len);

/* A piece of the body. Calls the handler or on_body when it is time. The request may be over when
 * it returns: look at req->state. */
void request_on_body(struct http_request *req, struct text bytes, bool is_last);

/* Copies what the request borrows from `span`, so that the input buffer may be used again. */
void request_keep(struct http_request *req, struct text span);

/* Unlinks and releases all that the request holds. */
void request_end(struct http_request *req);

/* Tells the owner that the client is gone, then ends the request. */
void request_cancel(struct http_request *req);

/* The owner has it: suspended or streaming. */
static inline bool request_is_owned(const struct http_request *req)
{
    return req->state == REQUEST_SUSPENDED || req->state == REQUEST_STREAMING;
}

/* The client broke a rule while the body came: the owner, if it has the request, is told by
 * on_cancel, and the client gets the status, unless an answer is on its way already. */
void request_break(struct http_request *req, int status);

/* Answers with a problem of the server's own. */
void request_refuse(struct http_request *req, int status);

/* ---- Server ---- */

enum {
    HTTP_IN_LEN = 64 * 1024,  /* input buffer, shared by all connections */
    HTTP_OUT_LEN = 32 * 1024, /* a chunk of rendered output */
    HTTP_HEAD_OUT_LEN = 16 * 1024,
    HTTP_BATCH_SLICES = 160,
    HTTP_LISTENERS_MAX = 8,
    HTTP_TICK_US = 250 * 1000,
};

struct http_listener;

struct http_server {
    struct http_config config;
    struct loop *loop; /* NULL in tests */
    struct http_route_table *routes;
    void *owner;
    struct text *cors_origins; /* copies */
    size_t cors_origins_count; /* 0: any */
    char *server_name;

    int64_t now_us;
    int64_t wall_us; /* wall clock when now_us was 0 */
    int64_t date_second;
    char date_lines[160]; /* "Date: ...\r\nServer: ...\r\n" */
    size_t date_lines_len;

    struct list phases[PHASE_COUNT];
    struct list ready;
    struct map addresses;
    struct http_counters counters;
    struct gzip *gzip; /* made at the first use */

    uint8_t *in;
    struct http_field *fields; /* of the request being parsed */
    uint8_t *head_out;
    struct slice *batch;         /* HTTP/2 frames on their way to one conn_send() */
    struct ws_framer *ws_framer; /* a spare one; NULL: none */
    struct buf *out;             /* chunk that small output is written to; sent by reference */
    size_t out_len;

    bool is_draining;
    bool is_run_asked;
    int64_t drain_deadline_us;
    void (*on_drained)(void *owner);
    void (*ask_run)(struct http_server *server); /* wants http_core_run() at the end of the turn */

    struct loop_timer timer;
    struct loop_idle idle;
    struct http_listener *listeners[HTTP_LISTENERS_MAX];
    size_t listeners_count;
};

/* The core without loop and listeners; `wall_us` is the wall clock at now_us 0. */
MUST_USE enum err http_core_create(const struct http_server_params *params, int64_t wall_us,
                                   struct diag *diag, struct http_server **ret_server);

/* Cuts all connections and releases the core. */
void http_core_destroy(struct http_server *server);

/* Takes up what was put off. */
void http_core_run(struct http_server *server);

/* Acts on deadlines. */
void http_core_tick(struct http_server *server);

/* Starts draining. */
void http_core_drain(struct http_server *server, void (*on_drained)(void *owner));

/* "Date: ...\r\n" and "Server: ...\r\n", made once a second; and the value of Date alone. */
struct text server_date_lines(struct http_server *server);
struct text server_date(struct http_server *server);

/* Copies bytes into the output chunk; the slice has a reference of its own. */
struct slice server_out(struct http_server *server, const void *bytes, size_t len);

/* listen.c: */
void listen_close_all(struct http_server *server);

#endif
