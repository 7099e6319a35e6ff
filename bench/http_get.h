/*
 * http_get - a client connection that asks for one thing after the other with HTTP/1.1 keep-alive.
 *
 *     http_get_connect -> http_get_ask -> http_get_ready (when readable or writable) ... -> DONE
 *                              ^------------------------------------------------------------'
 *
 * Made for load: bodies that nobody looks at are thrown away inside the kernel (MSG_TRUNC), so the
 * client costs less than the server it measures. Answers must have a Content-Length.
 */
#ifndef BENCH_HTTP_GET_H
#define BENCH_HTTP_GET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/writer.h"

enum {
    HTTP_GET_HEAD_MAX = 2048,
    HTTP_GET_PATH_MAX = 512,
    HTTP_GET_BODY_MAX = 1 << 20, /* of bodies that are kept */
};

struct http_get {
    int fd; /* -1: not connected */
    char request[HTTP_GET_PATH_MAX + 128];
    size_t request_len;
    size_t request_sent;
    char head[HTTP_GET_HEAD_MAX];
    size_t head_len;
    bool has_head;
    uint64_t body_left;

    int status;          /* of the answer */
    uint64_t body_len;   /* by its Content-Length */
    uint64_t total_len;  /* bytes received, heads included, since the start */
    struct writer *body; /* where a kept body is put */
};

/* A socket that connects without blocking. ERR_IO: the system refused. */
MUST_USE enum err http_get_connect(struct http_get *get, const struct sockaddr_in *address);
void http_get_close(struct http_get *get);

/* Sends a request for `path` as soon as the socket takes it; `body` (cleared) receives the body,
 * NULL throws it away. Follow with http_get_ready(). */
void http_get_ask(struct http_get *get, const char *host, const char *path, struct writer *body);

/* The same for a request that the caller has put on the socket itself, of any method. */
void http_get_expect(struct http_get *get, struct writer *body);

/* Goes on. OK: the whole answer is here. ERR_AGAIN: wait until the socket is readable (writable,
 * while http_get_is_sending). Other codes: the connection is of no more use. */
MUST_USE enum err http_get_ready(struct http_get *get);

static inline bool http_get_is_sending(const struct http_get *get)
{
    return get->request_sent < get->request_len;
}

#endif
