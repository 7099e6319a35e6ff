/*
 * http_pipe - a server without sockets: tests write what a client sends and read what it gets.
 *
 *     struct http_pipe pipe;
 *     http_pipe_open(&pipe, routes, count, NULL);
 *     http_pipe_send(&pipe, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
 *     assert_text(http_pipe_output(&pipe), "...");
 *     http_pipe_close(&pipe);
 *
 * The Date is always Sat, 21 Nov 2026 08:40:00 GMT plus the time that the test lets pass.
 */
#ifndef TESTS_SUPPORT_HTTP_PIPE_H
#define TESTS_SUPPORT_HTTP_PIPE_H

#include "http/core.h"

/* One connection. */
struct http_pipe_end {
    struct http_conn *conn; /* NULL: refused, or closed by the server */
    struct http_pipe *pipe;
    struct writer input; /* sent by the client, not read by the server */
    size_t input_read;
    struct writer output;  /* read by the client */
    struct writer blocked; /* sent by the server while is_blocked */
    bool is_blocked;       /* the client does not read */
    bool has_ended;        /* the client sent FIN */
    bool fails;            /* sending gives an error */
    int acks_delayed;      /* how often the server asked the kernel to hold back acknowledgements */
    bool is_paused;
    bool is_shut_down; /* the server sent FIN */
    bool is_closed;    /* by the server */
};

struct http_pipe {
    struct http_server *server;
    struct http_pipe_end end; /* the first connection */
    struct http_pipe_end *current;
};

/* `config` may be NULL: defaults. */
void http_pipe_open(struct http_pipe *pipe, const struct http_route *routes, size_t count,
                    const struct http_config *config);
void http_pipe_open_with(struct http_pipe *pipe, const struct http_server_params *params);
void http_pipe_close(struct http_pipe *pipe);

/* Another connection, from the address. */
void http_pipe_connect(struct http_pipe *pipe, struct http_pipe_end *end, const char *ip);
void http_pipe_end_deinit(struct http_pipe_end *end);

/* Delivers bytes and runs the end of the turn. */
void http_pipe_send_bytes(struct http_pipe_end *end, const void *bytes, size_t len);
void http_pipe_send(struct http_pipe *pipe, const char *text);
void http_pipe_send_fin(struct http_pipe_end *end);

/* The client reads what was blocked. */
void http_pipe_unblock(struct http_pipe_end *end);

/* Lets time pass, with a tick at its end. */
void http_pipe_pass_ms(struct http_pipe *pipe, int64_t ms);

/* What the client has got since the last call; cleared by the next call. */
struct text http_pipe_output(struct http_pipe *pipe);

/* The same, only the body of one answer. */
struct text http_pipe_body(struct http_pipe *pipe);

#endif
