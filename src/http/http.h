/*
 * http - the HTTP server of one delivery loop: HTTP/1.1, HTTP/2, WebSocket, event streams.
 *
 *     stream (net/) -> connection -> request -> route table -> handler(request)
 *                                                                 |  now, or later
 *     stream (net/) <- connection <- http_respond...(request) <---+
 *
 * One `struct http_server` belongs to one loop and shares nothing with the others: no lock is
 * taken to serve a viewer. The owner gives a route table; the server parses, checks limits and
 * deadlines, finds the route, answers preflights and errors of its own, and calls the handler.
 *
 * A request  is answered exactly once, in the handler or later. A handler that does not answer
 *            calls http_suspend(); the request then stays valid, with all its texts, until it is
 *            answered or its on_cancel was called because the client went away. A suspended
 *            request costs what its header costs, no buffers: thousands may wait.
 * Bodies     are slices of shared bufs and are never copied. What many clients get (a playlist, a
 *            part, a static file) is an `http_asset`: its header block is rendered once, its gzip
 *            form is made once, and an answer is one sendmsg of shared bytes.
 * Ownership  Texts of a request are borrowed from it. Texts in an http_response are borrowed for
 *            the call; body slices are taken (their references move), also when the client is gone.
 * Reentrance No callback of the owner runs inside a call of the owner: a client that vanishes
 *            during http_respond() is reported later. So a list of suspended requests may be
 *            walked with LIST_FOR_EACH and each request answered in the body.
 * Threads    All calls on the server's loop. Assets may be created and released on any thread.
 * Spec       RFC 9110 (semantics), 9112 (HTTP/1.1), 9113 (HTTP/2), 6455 (WebSocket), 9457
 *            (problem details), the Fetch standard (CORS).
 *
 * Not here: ALPN and TLS (net/), authentication, rate limits of the business (api/).
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/text.h"

struct loop;
struct net_address;
struct tls_context;
struct writer;
struct http_asset;
struct http_conn;
struct http_request;
struct http_server;
struct http_ws;

/* ---- Routes -------------------------------------------------------------------------------- */

/* Methods are bits, so that a route may serve several. */
enum http_method {
    HTTP_GET = 1 << 0,
    HTTP_HEAD = 1 << 1,
    HTTP_POST = 1 << 2,
    HTTP_PUT = 1 << 3,
    HTTP_PATCH = 1 << 4,
    HTTP_DELETE = 1 << 5,
    HTTP_OPTIONS = 1 << 6,
};

enum http_route_flag {
    HTTP_ROUTE_CORS = 1 << 0,        /* other origins may read; preflights are answered */
    HTTP_ROUTE_STREAM_BODY = 1 << 1, /* call the handler at the head; it uses http_read_body() */
    HTTP_ROUTE_MEDIA = 1 << 2,       /* HTTP/2: send after answers of other routes (RFC 9218) */
};

enum {
    HTTP_PARAMS_MAX = 4,
    HTTP_FIELDS_MAX = 100,
    HTTP_BODY_LEN_DEFAULT = 64 * 1024,
};

typedef void http_handler_fn(struct http_request *req);

/* One row. A table is static data and outlives the server. The first row that fits wins; put the
 * hottest rows first. HEAD is served by GET handlers (the server leaves the body out). OPTIONS is
 * answered by the server unless a row names it. */
struct http_route {
    unsigned methods;         /* HTTP_GET | ... */
    const char *pattern;      /* "/hls/{channel}/{file}"; a last "{rest...}" takes all that follows,
                                 also nothing. A parameter is one whole, non-empty segment. */
    unsigned flags;           /* enum http_route_flag */
    size_t body_len_max;      /* 0: HTTP_BODY_LEN_DEFAULT */
    http_handler_fn *handler; /* answers now, or calls http_suspend() */
    const char *accept_post;  /* content type told to preflights of POST routes, or NULL (WHIP) */
};

/* ---- Requests ------------------------------------------------------------------------------ */

enum http_version { HTTP_1_0 = 1, HTTP_1_1, HTTP_2 };

struct http_field { /* one header field; name as sent in HTTP/1.1, lower case in HTTP/2 */
    struct text name;
    struct text value;
};

/* The client went away before the answer was complete. The request is invalid after the call; the
 * server has unlinked owner_node. Not called after http_respond() or http_stream_end(). */
typedef void http_cancel_fn(struct http_request *req);

/* Bytes of a streamed body, borrowed for the call. `is_last` comes exactly once, perhaps with no
 * bytes. When the body breaks a rule (too long, malformed) the server answers itself and calls
 * on_cancel instead. */
typedef void http_body_fn(struct http_request *req, struct text bytes, bool is_last);

struct http_request {
    /* For the owner to read. Texts live as long as the request. */
    enum http_method method;
    enum http_version version;
    struct text path;  /* percent-decoded, without dot segments, valid UTF-8, no control chars */
    struct text query; /* as sent, without '?'; see http_query_find() */
    struct text host;  /* Host or :authority, as sent */
    struct text params[HTTP_PARAMS_MAX]; /* in the order of the pattern */
    const struct http_route *route;
    bool is_tls;

    /* For the owner to use. owner_node may be linked into a list of the owner while the request
     * is suspended; the server unlinks it when the request ends. */
    void *owner;
    struct list_node owner_node;

    /* Private. */
    struct http_conn *conn;
    struct http_field *fields;
    struct text body;
    uint8_t *body_block; /* a body that came in pieces */
    uint8_t *block;      /* fields and header bytes of a request that waits */
    http_cancel_fn *on_cancel;
    http_body_fn *on_body;
    void (*on_drain)(struct http_request *req);
    uint32_t body_cap;
    uint16_t fields_count;
    uint8_t state;
    uint8_t flags;
};

/* What http_server_params.owner was: the delivery loop's own state. */
void *http_owner(const struct http_request *req);

/* The value of the first field with that name (any case), trimmed; empty when there is none. */
struct text http_header(const struct http_request *req, const char *name);

/* The same, and tells an empty value from a missing field. */
bool http_header_find(const struct http_request *req, const char *name, struct text *ret_value);

/* The address of the client. */
const struct net_address *http_peer(const struct http_request *req);

/* The path parameter of that name; it must be in the pattern. */
struct text http_param(const struct http_request *req, const char *name);

/* The raw value of a query parameter: first one with that name, '%' and '+' not decoded. Keys are
 * compared as sent. False when it is absent. "a" and "a=" both give an empty value. */
bool http_query_find(struct text query, const char *key, struct text *ret_value);

/* Decodes a query value (or a form value): %XX and '+'. ERR_MALFORMED: bad escape, NUL, or not
 * UTF-8. ERR_LIMIT: more than `cap` bytes. */
MUST_USE enum err http_query_decode(struct text value, char *to, size_t cap, struct text *ret_text);

/* Bearer token of the Authorization field; empty when there is none. */
struct text http_bearer(const struct http_request *req);

/* The value of a cookie; false when it is absent. */
bool http_cookie_find(const struct http_request *req, const char *name, struct text *ret_value);

/* True when the media type of Content-Type is `type` ("application/sdp"), any case, parameters
 * ignored. */
bool http_content_type_is(const struct http_request *req, const char *type);

/* Where a request comes from, by its Origin field. A WebSocket is not under the rules of CORS: who
 * grants one asks. */
enum http_origin {
    HTTP_ORIGIN_NONE = 1, /* no page: a program */
    HTTP_ORIGIN_SAME,     /* a page of this server; http and https count as the same */
    HTTP_ORIGIN_LISTED,   /* named by cors_origins ("*" names nobody) */
    HTTP_ORIGIN_FOREIGN,
};
enum http_origin http_origin(const struct http_request *req);

/* The whole body; routes without HTTP_ROUTE_STREAM_BODY have it when the handler is called. */
struct text http_body_text(const struct http_request *req);

/* For HTTP_ROUTE_STREAM_BODY, inside the handler: deliver the body to on_body as it comes (first
 * call after the handler returns). Implies http_suspend() with on_cancel. */
void http_read_body(struct http_request *req, http_body_fn *on_body, http_cancel_fn *on_cancel);

/* Stops and continues delivery of a streamed body; the client is held back by flow control. */
void http_body_pause(struct http_request *req);
void http_body_resume(struct http_request *req);

/* The handler will answer later. on_cancel may be NULL only when nothing of the owner points to
 * the request. */
void http_suspend(struct http_request *req, http_cancel_fn *on_cancel);

/* ---- Answers ------------------------------------------------------------------------------- */

enum { HTTP_RESPONSE_HEADERS_MAX = 16, HTTP_RESPONSE_SLICES_MAX = 128 };

struct http_header_line {
    const char *name;  /* "Location" */
    struct text value; /* without CR, LF, NUL: bytes below space are replaced by a space */
};

/* Zero members are left out. Date, Content-Length, CORS and connection fields are the server's. */
struct http_response {
    int status; /* 0: 200 */
    const char *content_type;
    const char *cache_control; /* NULL: "no-store" when there is a content type */
    struct text etag;          /* with its quotes; a GET that has it gets 304 */
    struct text location;
    const struct http_header_line *headers;
    size_t headers_count;
    struct slice *body; /* references are taken */
    size_t body_count;
    bool no_gzip; /* never compress (secrets beside text that a client chose) */
    bool no_range;
};

/* Answers. Range and If-None-Match are honoured on 200 answers to GET and HEAD; text of 1 kB and
 * more is compressed when the client takes it. The request is invalid afterwards. */
void http_respond(struct http_request *req, const struct http_response *response);

/* Answers with the asset; the caller keeps its reference. The cheapest answer there is. */
void http_respond_asset(struct http_request *req, struct http_asset *asset);

/* Answers with a copy of the text. */
void http_respond_text(struct http_request *req, int status, const char *content_type,
                       struct text body);

/* Answers without a body: 204, 202, ... */
void http_respond_empty(struct http_request *req, int status);

/* Problem details (RFC 9457): {"type":"about:blank","title":phrase,"status":status,"code":code,
 * "detail":detail}. `detail` is a sentence for a developer, or empty; `code` is a stable word for
 * programs, NULL: http_problem_code(status). */
struct buf *http_problem(int status, const char *code, struct text detail);

/* Answers with them, and with the code of the status. */
void http_respond_problem(struct http_request *req, int status, struct text detail);

/* The same with fields (Retry-After, WWW-Authenticate); status and headers of `response` are
 * used, its body is not. */
void http_respond_problem_with(struct http_request *req, const struct http_response *response,
                               struct text detail);

/* Problem details with the status of the code (err_http_status). */
void http_respond_err(struct http_request *req, enum err err, struct text detail);

/* The phrase of a status ("Not Found"), never NULL. */
const char *http_status_phrase(int status);

/* The stable word of a refusal's status in problem details ("not_found"), never NULL. */
const char *http_problem_code(int status);

/* ---- Streams (server-sent events, exports) --------------------------------------------------- */

/* Sends the head now; the body follows by http_stream_write() until http_stream_end(). The request
 * stays valid until then or until on_cancel. `response` has no body. on_drain is called when the
 * client has taken all that was queued; it may be NULL. */
void http_respond_stream(struct http_request *req, const struct http_response *response,
                         http_cancel_fn *on_cancel, void (*on_drain)(struct http_request *req));

/* The same for a body whose length is known, a file: If-None-Match, Range and If-Range are honoured
 * as http_respond() does it. True: the bytes [*ret_offset, *ret_offset + *ret_len) of the body are
 * wanted by http_stream_write(), and behind the last of them http_stream_end(), or
 * http_stream_abort() when they cannot be had. False: nothing is wanted (304, 416, HEAD, an empty
 * body); the request is answered and invalid. */
MUST_USE bool http_respond_file(struct http_request *req, const struct http_response *response,
                                uint64_t body_len, http_cancel_fn *on_cancel,
                                void (*on_drain)(struct http_request *req), uint64_t *ret_offset,
                                uint64_t *ret_len);

/* Queues slices (references are taken, also on error). ERR_LIMIT: stream_queue_len_max would be
 * passed; nothing was queued: a slow client, end it or leave this out. */
MUST_USE enum err http_stream_write(struct http_request *req, struct slice *slices, size_t count);

/* Bytes that the client has not taken yet (in HTTP/2: that wait for the stream's window or for room
 * in the connection), and bytes that it has taken since the start: they rise while it reads. */
size_t http_stream_queued_len(const struct http_request *req);
uint64_t http_stream_taken_len(const struct http_request *req);

/* Ends the body. The request is invalid afterwards. */
void http_stream_end(struct http_request *req);

/* Breaks the stream off, so that the client sees that it is incomplete. */
void http_stream_abort(struct http_request *req);

/* ---- Assets -------------------------------------------------------------------------------- */

/* An immutable body with its header fields, shared by all who get it. Reference counted; any
 * thread. */
struct http_asset_params {
    const char *content_type;
    const char *cache_control; /* NULL: "no-cache" */
    struct text etag;          /* with quotes; empty: made of the body's bytes when there is at most
                                  64 kB of it, else none */
    const struct http_header_line *headers;
    size_t headers_count;
    struct slice *body; /* references are taken */
    size_t body_count;
    bool is_compressible; /* text: offer gzip, made at the first request that takes it */
    struct buf *gzip;     /* compressed already (embedded files); the reference is taken */
};

struct http_asset *http_asset_create(const struct http_asset_params *params);
struct http_asset *http_asset_ref(struct http_asset *asset);
struct http_asset *http_asset_unref(struct http_asset *asset); /* returns NULL; NULL is allowed */
size_t http_asset_len(const struct http_asset *asset);         /* body, not compressed */

/* ---- WebSocket ----------------------------------------------------------------------------- */

/* Static data: they outlive the sockets. */
struct http_ws_handlers {
    /* A whole message. Borrowed. */
    void (*on_message)(struct http_ws *ws, bool is_text, struct text message);
    /* The answer to http_ws_ping(). May be NULL. */
    void (*on_pong)(struct http_ws *ws);
    /* Comes exactly once, whoever closed; the ws is invalid afterwards. 1006: no close frame. */
    void (*on_closed)(struct http_ws *ws, uint16_t code);
    /* The client has taken all that was queued. May be NULL. */
    void (*on_drain)(struct http_ws *ws);
    /* The server drains: close with 1001, now or when what runs is answered. NULL: it is closed. */
    void (*on_server_drain)(struct http_ws *ws);
    const char *protocol;   /* subprotocol to choose when the client offers it, or NULL */
    size_t message_len_max; /* 0: 64 kB; a longer message closes with 1009 */
    size_t queue_len_max;   /* 0: 256 kB; what a slow client may leave unread */
};

/* True when the request asks for a WebSocket in a way that can be granted (HTTP/1.1, version 13).
 */
bool http_is_websocket(const struct http_request *req);

/* Answers 101 and turns the connection into a WebSocket. The request is invalid afterwards on OK.
 * ERR_UNSUPPORTED: not an upgrade request; the caller answers (426, 400). */
MUST_USE enum err http_upgrade_websocket(struct http_request *req,
                                         const struct http_ws_handlers *handlers, void *owner,
                                         struct http_ws **ret_ws);

void *http_ws_owner(const struct http_ws *ws);

/* Sends a text message. ERR_LIMIT: the client does not read; close it. ERR_CLOSED: closing. */
MUST_USE enum err http_ws_send(struct http_ws *ws, struct text message);

/* Writes the head of a text message of that length, and a whole ping: what http_ws_send_frames()
 * sends is made of them. */
enum { HTTP_WS_HEAD_LEN_MAX = 10 };
void http_ws_write_head(struct writer *w, uint64_t payload_len);
void http_ws_write_ping(struct writer *w);

/* Sends frames that are made already, so that many clients share their bytes: first `head`
 * (borrowed, may be empty), then the slices, whose references are taken, also on error. No limit:
 * the owner looks at http_ws_queued_len(). ERR_CLOSED: closing. */
MUST_USE enum err http_ws_send_frames(struct http_ws *ws, struct text head,
                                      const struct slice *slices, size_t count);

/* Bytes that the client has not taken yet, and bytes that it has taken. */
size_t http_ws_queued_len(const struct http_ws *ws);
uint64_t http_ws_taken_len(const struct http_ws *ws);

/* Sends a ping; the owner decides the cadence and what silence means. */
void http_ws_ping(struct http_ws *ws);

/* Sends a close frame (1000, 1001, 1008, ...) and waits, bounded, for the client's. */
void http_ws_close(struct http_ws *ws, uint16_t code, struct text reason);

/* Cuts the connection, for a client that is not there any more. on_closed comes later, with 1006.
 */
void http_ws_cut(struct http_ws *ws);

/* ---- Server -------------------------------------------------------------------------------- */

/* Every key has a default (http_config_default()); a server serves one loop, so the counts are
 * those of one loop. */
#define HTTP_CONFIG_TABLE(X)                                                                       \
    /* name                       default    what                                              */  \
    X(conns_max, 20000)           /* connections in all                                        */  \
    X(conns_per_address_max, 512) /* from one address (IPv6: one /64)                          */  \
    X(requests_per_conn_max, 100000)                                                               \
    X(h2_streams_max, 128) /* concurrent streams of an HTTP/2 connection                */         \
    X(request_line_len_max, 8192)                                                                  \
    X(head_len_max, 16384) /* all header fields                                         */         \
    X(stream_queue_len_max, 262144)                                                                \
    X(first_byte_ms, 10000) /* accept (with TLS handshake) to first byte                 */        \
    X(head_ms, 10000)       /* first byte to whole head                                  */        \
    X(body_ms, 20000)       /* without 4 kB of progress in a body                        */        \
    X(idle_ms, 65000)       /* between requests                                          */        \
    X(send_stall_ms, 20000) /* without 4 kB of progress in an answer                     */        \
    X(linger_ms, 2000)      /* after an error answer, before the connection is cut       */        \
    X(drain_ms, 10000)      /* from http_server_drain() to the end of all connections    */

struct http_config {
#define HTTP_CONFIG_MEMBER(name, value) uint32_t name;
    HTTP_CONFIG_TABLE(HTTP_CONFIG_MEMBER)
#undef HTTP_CONFIG_MEMBER
    bool limit_loopback; /* count conns_per_address_max also for 127.0.0.0/8 and ::1 */
};

struct http_config http_config_default(void);

struct http_server_params {
    struct loop *loop;
    const struct http_route *routes;
    size_t routes_count;
    void *owner; /* http_owner() */
    struct http_config config;
    const char *const *cors_origins; /* "https://shop.example"; NULL or a first "*": any origin,
                                        without credentials */
    size_t cors_origins_count;
    const char *server_name; /* "Server" field, or NULL */
};

/* ERR_INVALID: a pattern is wrong or a row can never be reached; `diag` says which. */
MUST_USE enum err http_server_create(const struct http_server_params *params, struct diag *diag,
                                     struct http_server **ret_server);

/* Listens on the address, with TLS when `tls` is given (ALPN "h2" and "http/1.1"); each loop's
 * server may listen on the same port. *ret_bound, which may be NULL, gets the address with the port
 * that the system gave. Errors as tcp_listen(). */
MUST_USE enum err http_server_listen(struct http_server *server, const struct net_address *address,
                                     struct tls_context *tls, struct diag *diag,
                                     struct net_address *ret_bound);

/* Serves a connection accepted elsewhere; takes the descriptor. Closes it when a limit is reached.
 */
void http_server_accept(struct http_server *server, int fd, const struct net_address *peer,
                        struct tls_context *tls);

/* Ends idle connections and lets the others finish: `Connection: close`, GOAWAY, close 1001. What
 * is left after drain_ms is cut, suspended requests by on_cancel: an owner that wants to answer
 * them (503) and to end its streams does so right after this call. on_drained is called once there
 * are no connections. Listening stops at once. */
void http_server_drain(struct http_server *server, void (*on_drained)(void *owner));

/* Cuts all connections; callbacks on_cancel and on_closed run inside. */
void http_server_destroy(struct http_server *server);

/* Sends what answers of this moment have queued; happens by itself before the loop sleeps. After a
 * batch of many answers it may be called to put the bytes on the wire at once. */
void http_server_flush(struct http_server *server);

struct http_counters {
    uint64_t conns_accepted, conns_refused, conns_timed_out;
    uint64_t conns_h1, conns_h2, conns_ws;            /* chosen protocol, since start */
    uint64_t conns_open, requests_suspended, ws_open; /* now */
    uint64_t requests_h1, requests_h2;
    uint64_t answers[6]; /* by class: [2] is 2xx; [0] cancelled */
    uint64_t body_bytes_sent, bytes_received;
    uint64_t malformed; /* requests refused by a parser */
};

struct http_counters http_server_counters(const struct http_server *server);

#endif
