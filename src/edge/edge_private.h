/*
 * edge_private - the state of one delivery loop.
 */
#ifndef EDGE_EDGE_PRIVATE_H
#define EDGE_EDGE_PRIVATE_H

#include "edge/board.h"
#include "edge/edge.h"
#include "edge/pages.h"
#include "edge/push.h"
#include "edge/viewers.h"

struct edge {
    struct loop *loop;
    struct edge_config config;
    struct edge_upstream upstream;
    struct http_server *server;
    struct board board;
    struct viewers viewers;
    struct pages pages;
    struct push_hub push;
    struct list trpc_sockets; /* trpc_socket.in_edge */
    struct loop_idle push_idle;
    struct loop_timer second;
    size_t calls_open; /* on their way to another loop */

    bool is_ready;
    bool is_draining;
    int64_t ready_heard_us;
    char why_not_ready[160];

    void (*on_drained)(void *ctx);
    void *on_drained_ctx;
};

static inline struct edge *edge_of(const struct http_request *request)
{
    return http_owner(request);
}

/* Something is due to subscribers: serves them in bounded slices, at the ends of turns. */
void edge_run_push(struct edge *edge);

#endif
