/*
 * web_server - a small HTTP/1.1 server in a thread of its own, for tests of what asks: it answers
 * one connection after the other, well or badly, as the path says.
 *
 *     /ok                 200 "hello"
 *     /status/503         this status, with retry-after: 7
 *     /redirect/307?URL   this status, with location: URL
 *     /slow               nothing, until the client goes
 *     /huge               200 and bytes without end
 *     /short              200 that ends before it is complete
 *     /close              closes at once
 *     /noise              something that is not HTTP
 */
#ifndef TESTS_SUPPORT_WEB_SERVER_H
#define TESTS_SUPPORT_WEB_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_ctx_st;
struct test_certificate;

enum { WEB_SERVER_REQUEST_MAX = 65536 };

struct web_server {
    int fd;
    uint16_t port;
    pthread_t thread;
    struct ssl_ctx_st *tls;            /* NULL: plain */
    unsigned requests;                 /* read it when the server is stopped */
    char last[WEB_SERVER_REQUEST_MAX]; /* the last request, NUL-terminated; likewise */
};

/* Listens on 127.0.0.1 at a free port; with TLS when a certificate is given. */
void web_server_start(struct web_server *server, const struct test_certificate *certificate);
void web_server_stop(struct web_server *server);

#endif
