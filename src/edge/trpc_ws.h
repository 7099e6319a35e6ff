/*
 * trpc_ws - tRPC over a WebSocket, the server's side, as wsLink of @trpc/client 10 and 11 speaks
 * it. Private to edge/.
 *
 *     client's text --trpc_ws_receive()--> on_call, on_subscribe, on_stop
 *     send() <-- trpc_ws_answer(), trpc_ws_write_data_head(), trpc_ws_stop()
 *
 * The core: it parses messages, keeps the operations that run with their ids, bounds them, and
 * words the frames. It has no socket and no clock. A message is an object or an array of objects;
 * what cannot be understood is answered with an error without an id, and the connection goes on.
 *
 * An operation (query, mutation, subscription) is the core's; the owner hangs its own things on it
 * until it is answered or stopped, or on_stop says to let go. Handlers may call the functions below
 * for the operation that they were given, on_stop excepted.
 *
 * Spec      the wire format of tRPC as its server sends it; docs/push.md
 */
#ifndef EDGE_TRPC_WS_H
#define EDGE_TRPC_WS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "edge/trpc_error.h"

enum {
    TRPC_WS_MESSAGE_LEN_MAX = 128 * 1024,
    TRPC_WS_DEPTH_MAX = 20,  /* the API's inputs are nested 16 deep at most */
    TRPC_WS_BATCH_MAX = 100, /* operations in one message */
    TRPC_WS_CALLS_MAX = 32,  /* queries and mutations that run */
    TRPC_WS_SUBSCRIPTIONS_MAX = 100,
    TRPC_WS_ID_LEN_MAX = 64, /* as JSON */
    TRPC_WS_PATH_LEN_MAX = 100,
    TRPC_WS_PARAMS_LEN_MAX = 8 * 1024,
    TRPC_WS_HEAD_LEN_MAX = TRPC_WS_ID_LEN_MAX + 80, /* trpc_ws_write_data_head() */
};

enum trpc_ws_kind { TRPC_WS_QUERY = 1, TRPC_WS_MUTATION, TRPC_WS_SUBSCRIPTION };

struct trpc_ws;

struct trpc_ws_operation {
    struct list_node node;
    struct trpc_ws *ws;
    void *owner; /* the owner's */
    enum trpc_ws_kind kind;
    bool has_jsonrpc;
    uint8_t id_len;
    uint8_t path_len;
    char id[TRPC_WS_ID_LEN_MAX];
    char path[TRPC_WS_PATH_LEN_MAX];
};

struct trpc_ws_handler {
    void *ctx;
    /* A text message for the client. `head` is borrowed; the reference of `tail` is taken, which
     * may have no bytes. */
    void (*send)(void *ctx, struct text head, struct slice tail);
    /* A query or mutation. `input` is JSON, or empty; the path has letters, digits, '.', '_', '-'.
     * Answer with trpc_ws_answer(), now or later. */
    void (*on_call)(void *ctx, struct trpc_ws_operation *operation, struct text input);
    /* False: refused, with the failure filled. `input` may be NULL. */
    bool (*on_subscribe)(void *ctx, struct trpc_ws_operation *operation, const json_t *input,
                         struct text last_event_id, struct trpc_failure *failure);
    /* Let go of the operation: the client stopped it, or the connection is gone. */
    void (*on_stop)(void *ctx, struct trpc_ws_operation *operation);
    /* The connection's credentials, once, before any operation. Empty: none were given. */
    void (*on_token)(void *ctx, struct text token);
    /* What came instead of them is no such thing: close, the client has been told. */
    void (*on_end)(void *ctx);
};

struct trpc_ws {
    struct trpc_ws_handler handler;
    struct list operations;
    uint32_t calls_count;
    uint32_t subscriptions_count;
    bool awaits_params; /* the first message has the connection's credentials */
    bool is_over;
};

void trpc_ws_init(struct trpc_ws *ws, const struct trpc_ws_handler *handler, bool awaits_params);

/* Stops all operations. */
void trpc_ws_deinit(struct trpc_ws *ws);

void trpc_ws_receive(struct trpc_ws *ws, struct text message);

/* Answers a query or mutation with what the API answered to it over HTTP; ends the operation.
 * `body` may be NULL. */
void trpc_ws_answer(struct trpc_ws_operation *operation, int status, const struct buf *body);

/* Answers with a failure instead; of a subscription "stopped" follows. */
void trpc_ws_fail(struct trpc_ws_operation *operation, const struct trpc_failure *failure);

/* What stands before a value of a subscription: {"id":3,"result":{"type":"data","data": */
void trpc_ws_write_data_head(struct writer *w, const struct trpc_ws_operation *operation);

/* The server ends a subscription. */
void trpc_ws_stop(struct trpc_ws_operation *operation);

/* Asks the client to connect anew, before the server goes. */
void trpc_ws_ask_reconnect(struct trpc_ws *ws);

#endif
