/*
 * tRPC over a WebSocket: the core (trpc_ws) on a connection. Queries and mutations go to the
 * control loop as calls with the connection's credentials, subscriptions to the hub.
 */
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/writer.h"
#include "edge/call.h"
#include "edge/edge_private.h"
#include "edge/trpc_push.h"
#include "edge/trpc_ws.h"
#include "edge/upgrade.h"
#include "edge/wish.h"

enum {
    CODE_GOING_AWAY = 1001,
    CODE_UNSUPPORTED = 1003,
    CODE_POLICY = 1008,
    CODE_TOO_SLOW = 4008,
    CREDENTIAL_LEN_MAX = 4096, /* each */
    ANSWERS_LEN_MAX = 1 << 20, /* unread answers: the client is not there to read */
    QUERY_LEN_MAX = API_QUERY_LEN_MAX + 16,
    PATH_LEN_MAX = TRPC_WS_PATH_LEN_MAX + sizeof("/trpc/"),
};

static const int64_t SILENCE_US = 45 * US_PER_S;

/* Headers of the request that opened the socket, for the calls that come over it. Wiped at the end.
 */
struct socket_credentials {
    struct api_request request; /* texts point into `block` */
    char *block;
    size_t block_len;
    char *bearer; /* "Bearer <token>" from connectionParams; NULL: none */
    size_t bearer_len;
};

struct trpc_socket {
    struct edge *edge;
    struct http_ws *ws;
    struct list_node in_edge;
    struct trpc_ws core;
    struct push_pulse pulse;
    struct net_address client;
    struct socket_credentials credentials;
    int64_t heard_us;
    bool is_draining; /* closes when the last call is answered */
};

struct trpc_subscription {
    struct push_subscriber subscriber;
    struct trpc_ws_operation *operation; /* NULL: the core has let go of it */
    struct trpc_socket *socket;
};

/* ---- sending ---- */

static void close_slow(struct trpc_socket *socket)
{
    http_ws_close(socket->ws, CODE_TOO_SLOW, TEXT("You read too slowly. Connect again."));
}

static void send_frame(struct trpc_socket *socket, struct text head, struct slice *tail)
{
    char memory[HTTP_WS_HEAD_LEN_MAX + 8192];
    struct writer w = writer_fixed(memory, sizeof(memory));

    http_ws_write_head(&w, head.len + tail->len);
    writer_text(&w, head); /* at most an error with two long texts */
    IGNORE_ERR(http_ws_send_frames(socket->ws, writer_as_text(&w), tail, tail->buf ? 1 : 0));
}

static void on_send(void *ctx, struct text head, struct slice tail)
{
    struct trpc_socket *socket = ctx;

    if (text_equal(head, TEXT("PONG")) || http_ws_queued_len(socket->ws) <= ANSWERS_LEN_MAX) {
        send_frame(socket, head, &tail);
    } else {
        slice_unref(&tail);
        close_slow(socket);
    }
}

static void close_if_drained(struct trpc_socket *socket)
{
    if (socket->is_draining && socket->core.calls_count == 0)
        http_ws_close(socket->ws, CODE_GOING_AWAY, (struct text){0});
}

/* ---- subscriptions: the hub's side ---- */

static struct trpc_subscription *subscription_of(const struct push_subscriber *subscriber)
{
    return CONTAINER_OF((uintptr_t)subscriber, struct trpc_subscription, subscriber);
}

/* The messages are what all subscribers share; before each stands the id that this client chose. */
static void send_messages(struct push_subscriber *subscriber, struct slice *messages, size_t count)
{
    struct trpc_subscription *subscription = subscription_of(subscriber);
    char memory[TRPC_WS_HEAD_LEN_MAX];
    struct writer head = writer_fixed(memory, sizeof(memory));

    trpc_ws_write_data_head(&head, subscription->operation);
    for (size_t i = 0; i < count; i++)
        send_frame(subscription->socket, writer_as_text(&head), &messages[i]);
}

static size_t queued_len(const struct push_subscriber *subscriber)
{
    return http_ws_queued_len(subscription_of(subscriber)->socket->ws);
}

static uint64_t taken_len(const struct push_subscriber *subscriber)
{
    return http_ws_taken_len(subscription_of(subscriber)->socket->ws);
}

static void end_subscription(struct push_subscriber *subscriber, enum push_end why)
{
    struct trpc_subscription *subscription = subscription_of(subscriber);

    switch (why) {
    case PUSH_END_DELETED:
        trpc_ws_stop(subscription->operation);
        mem_free(subscription);
        break;
    case PUSH_END_SLOW: /* the operation ends with the connection */
        close_slow(subscription->socket);
        break;
    case PUSH_END_SILENT:
    case PUSH_END_SHUTDOWN:
        break;
    }
}

static const struct push_sink sink = {send_messages, queued_len, taken_len, end_subscription};

/* ---- subscriptions: the client's side ---- */

static bool join(struct trpc_socket *socket, struct trpc_subscription *subscription,
                 enum push_dialect dialect, const struct push_wish *wish,
                 struct trpc_failure *failure)
{
    struct push_hub *hub = &socket->edge->push;
    int64_t now_us = loop_now_us(socket->edge->loop);
    enum err err =
        push_join(hub, &subscription->subscriber, &sink, dialect, &socket->client, false, now_us);

    if (err) {
        failure->code = err == ERR_LIMIT ? TRPC_TOO_MANY_REQUESTS : TRPC_UNAVAILABLE;
        diag_set(&failure->diag, "%s",
                 err == ERR_LIMIT ? "Too many subscriptions come from your address."
                                  : "The server has as many subscribers as it may have.");
        return false;
    }
    IGNORE_ERR(
        push_want(&subscription->subscriber, wish)); /* a new one wants no more than it may */
    return true;
}

static bool read_wish(const struct trpc_socket *socket, enum wish_procedure procedure,
                      const json_t *input, struct text last_event_id, struct push_wish *ret_wish,
                      struct trpc_failure *failure)
{
    failure->code = TRPC_BAD_REQUEST;
    if (wish_from_input(procedure, input, last_event_id, ret_wish, &failure->diag) != OK)
        return false;
    failure->code = TRPC_NOT_FOUND;
    for (size_t i = 0; i < ret_wish->count; i++) {
        if (push_has_channel(&socket->edge->push, ret_wish->channels[i]))
            continue;
        diag_set(&failure->diag, "There is no channel %llu.",
                 (unsigned long long)ret_wish->channels[i]);
        return false;
    }
    return true;
}

static bool on_subscribe(void *ctx, struct trpc_ws_operation *operation, const json_t *input,
                         struct text last_event_id, struct trpc_failure *failure)
{
    struct trpc_socket *socket = ctx;
    struct text path = {operation->path, operation->path_len};
    enum wish_procedure procedure = wish_procedure_find(path);
    struct push_wish wish;

    if (!procedure) {
        failure->code = TRPC_NOT_FOUND;
        diag_set(&failure->diag, "No \"subscription\"-procedure on path \"%.*s\"", TEXT_ARG(path));
        return false;
    }
    if (!read_wish(socket, procedure, input, last_event_id, &wish, failure))
        return false;

    struct trpc_subscription *subscription = mem_zalloc(sizeof(*subscription));
    subscription->operation = operation;
    subscription->socket = socket;
    if (!join(socket, subscription,
              procedure == WISH_CHANNEL_ON_STATUS ? PUSH_TRPC_STATUS_WS : PUSH_TRPC_EVENTS_WS,
              &wish, failure)) {
        mem_free(subscription);
        return false;
    }
    operation->owner = subscription;
    edge_run_push(socket->edge);
    return true;
}

/* ---- queries and mutations ---- */

/* Signing in and out sets a cookie, which only an HTTP answer can. */
static bool needs_http(const struct trpc_ws_operation *operation)
{
    struct text path = {operation->path, operation->path_len};

    return operation->kind == TRPC_WS_MUTATION && text_starts_with(path, TEXT("auth."));
}

static void on_answer(struct edge_call *call)
{
    struct trpc_ws_operation *operation = call->owner;
    struct trpc_socket *socket = operation->ws->handler.ctx;

    trpc_ws_answer(operation, call->answer.status, call->answer.body);
    close_if_drained(socket);
}

static void write_escaped(struct writer *w, struct text text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (is_plain) {
            writer_char(w, (char)c);
        } else {
            writer_char(w, '%');
            writer_char(w, digits[c >> 4]);
            writer_char(w, digits[c & 15]);
        }
    }
}

static void on_call(void *ctx, struct trpc_ws_operation *operation, struct text input)
{
    struct trpc_socket *socket = ctx;
    struct trpc_failure failure = {.code = TRPC_BAD_REQUEST};
    char path_memory[PATH_LEN_MAX];
    struct writer path = writer_fixed(path_memory, sizeof(path_memory));
    struct writer query = writer_growing(QUERY_LEN_MAX);
    struct api_request request = socket->credentials.request;

    writer_str(&path, "/trpc/");
    writer_text(&path, (struct text){operation->path, operation->path_len});
    request.path = writer_as_text(&path);
    if (operation->kind == TRPC_WS_MUTATION) {
        request.method = TEXT("POST");
        request.content_type = TEXT("application/json");
        request.body = input;
    } else {
        request.method = TEXT("GET");
        if (input.len) {
            writer_str(&query, "input=");
            write_escaped(&query, input);
        }
        request.query = writer_as_text(&query);
    }
    if (query.failed)
        diag_set(&failure.diag, "The input is too long");
    else if (needs_http(operation))
        diag_set(&failure.diag, "Sign in and out over HTTP: a WebSocket cannot set the cookie");
    if (failure.diag.message[0])
        trpc_ws_fail(operation, &failure);
    else
        operation->owner =
            call_send_for(socket->edge, &request, &socket->client, on_answer, operation);
    writer_deinit(&query);
}

static void on_stop(void *ctx, struct trpc_ws_operation *operation)
{
    (void)ctx;
    if (operation->kind == TRPC_WS_SUBSCRIPTION) {
        struct trpc_subscription *subscription = operation->owner;

        push_leave(&subscription->subscriber);
        mem_free(subscription);
    } else {
        call_abandon(operation->owner);
    }
}

/* ---- credentials ---- */

static void keep_text(struct socket_credentials *credentials, struct text *text)
{
    char *to = credentials->block + credentials->block_len;

    if (text->len)
        memcpy(to, text->ptr, text->len);
    credentials->block_len += text->len;
    text->ptr = to;
}

/* What a call needs of the request that opened the socket. */
static void keep_credentials(struct socket_credentials *credentials,
                             const struct http_request *request)
{
    struct api_request from = call_api_request(request);
    struct text *texts[] = {&credentials->request.authorization, &credentials->request.cookie,
                            &credentials->request.csrf_token, &credentials->request.user_agent,
                            &credentials->request.host};
    size_t len = 0;

    credentials->request = (struct api_request){
        .authorization = text_sub(from.authorization, 0, CREDENTIAL_LEN_MAX),
        .cookie = text_sub(from.cookie, 0, CREDENTIAL_LEN_MAX),
        .csrf_token = text_sub(from.csrf_token, 0, CREDENTIAL_LEN_MAX),
        .user_agent = text_sub(from.user_agent, 0, CREDENTIAL_LEN_MAX),
        .host = from.host,
        .is_https = from.is_https,
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        len += texts[i]->len;
    credentials->block = mem_alloc(len);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        keep_text(credentials, texts[i]);
}

static void wipe_credentials(struct socket_credentials *credentials)
{
    crypto_wipe(credentials->block, credentials->block_len);
    mem_free(credentials->block);
    if (credentials->bearer)
        crypto_wipe(credentials->bearer, credentials->bearer_len);
    mem_free(credentials->bearer);
}

static void on_token(void *ctx, struct text token)
{
    static const struct text scheme = TEXT_INIT("Bearer ");
    struct trpc_socket *socket = ctx;
    struct socket_credentials *credentials = &socket->credentials;

    if (token.len == 0 || credentials->bearer)
        return;
    credentials->bearer_len = scheme.len + token.len;
    credentials->bearer = mem_alloc(credentials->bearer_len);
    memcpy(credentials->bearer, scheme.ptr, scheme.len);
    memcpy(credentials->bearer + scheme.len, token.ptr, token.len);
    credentials->request.authorization =
        (struct text){credentials->bearer, credentials->bearer_len};
}

/* ---- the connection ---- */

static void on_end(void *ctx)
{
    struct trpc_socket *socket = ctx;

    http_ws_close(socket->ws, CODE_POLICY, TEXT("Malformed connectionParams"));
}

static void on_message(struct http_ws *ws, bool is_text, struct text message)
{
    struct trpc_socket *socket = http_ws_owner(ws);

    socket->heard_us = loop_now_us(socket->edge->loop);
    if (is_text)
        trpc_ws_receive(&socket->core, message);
    else
        http_ws_close(ws, CODE_UNSUPPORTED, TEXT("Send JSON as text."));
}

static void on_pong(struct http_ws *ws)
{
    struct trpc_socket *socket = http_ws_owner(ws);

    socket->heard_us = loop_now_us(socket->edge->loop);
}

static void on_drain(struct http_ws *ws)
{
    struct trpc_socket *socket = http_ws_owner(ws);

    LIST_FOR_EACH(node, &socket->core.operations)
    {
        struct trpc_ws_operation *operation = CONTAINER_OF(node, struct trpc_ws_operation, node);
        struct trpc_subscription *subscription = operation->owner;

        if (operation->kind == TRPC_WS_SUBSCRIPTION && subscription)
            push_drained(&subscription->subscriber);
    }
    edge_run_push(socket->edge);
}

static void on_server_drain(struct http_ws *ws)
{
    struct trpc_socket *socket = http_ws_owner(ws);

    socket->is_draining = true;
    close_if_drained(socket);
}

static void on_closed(struct http_ws *ws, uint16_t code)
{
    struct trpc_socket *socket = http_ws_owner(ws);

    (void)code;
    push_pulse_stop(&socket->pulse);
    trpc_ws_deinit(&socket->core);
    list_unlink(&socket->in_edge);
    wipe_credentials(&socket->credentials);
    mem_free(socket);
}

static const struct http_ws_handlers handlers = {
    .on_message = on_message,
    .on_pong = on_pong,
    .on_closed = on_closed,
    .on_drain = on_drain,
    .on_server_drain = on_server_drain,
    .message_len_max = TRPC_WS_MESSAGE_LEN_MAX,
};

/* A ping of the WebSocket itself: clients of version 10 know no other. */
static void on_pulse(struct push_pulse *pulse, int64_t now_us)
{
    struct trpc_socket *socket = CONTAINER_OF(pulse, struct trpc_socket, pulse);

    if (now_us - socket->heard_us > SILENCE_US)
        http_ws_cut(socket->ws);
    else
        http_ws_ping(socket->ws);
}

static void open_socket(struct http_request *request)
{
    struct edge *edge = edge_of(request);
    struct trpc_socket *socket = mem_zalloc(sizeof(*socket));
    struct trpc_ws_handler handler = {socket,  on_send,  on_call, on_subscribe,
                                      on_stop, on_token, on_end};
    struct text awaits_params;

    socket->edge = edge;
    socket->client = call_client_address(request);
    socket->heard_us = loop_now_us(edge->loop);
    keep_credentials(&socket->credentials, request);
    bool has_params = http_query_find(request->query, "connectionParams", &awaits_params) &&
                      text_equal(awaits_params, TEXT("1"));
    enum err err = http_upgrade_websocket(request, &handlers, socket, &socket->ws);
    if (err) { /* cannot be: it was looked at before */
        wipe_credentials(&socket->credentials);
        mem_free(socket);
        http_respond_err(request, err, (struct text){0});
        return;
    }
    trpc_ws_init(&socket->core, &handler, has_params);
    push_pulse_start(&edge->push, &socket->pulse, on_pulse, socket->heard_us);
    list_push_back(&edge->trpc_sockets, &socket->in_edge);
}

void trpc_on_socket(struct http_request *request)
{
    if (!upgrade_is_meant(request))
        call_send_api(request); /* it says that this is no procedure */
    else if (upgrade_is_allowed(request))
        open_socket(request);
}

void trpc_drain_sockets(struct edge *edge)
{
    LIST_FOR_EACH(node, &edge->trpc_sockets)
    {
        trpc_ws_ask_reconnect(&CONTAINER_OF(node, struct trpc_socket, in_edge)->core);
    }
}
