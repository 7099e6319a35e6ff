#include "edge/events.h"

#include "base/jsonw.h"
#include "base/mem.h"
#include "base/writer.h"
#include "edge/call.h"
#include "edge/edge_private.h"
#include "edge/event_stream.h"
#include "edge/upgrade.h"
#include "edge/wish.h"

enum {
    CODE_UNSUPPORTED = 1003, /* binary messages */
    CODE_TOO_SLOW = 4008,
    ERROR_LEN_MAX = 1024,
};

/* A subscriber behind a WebSocket. */
struct events_socket {
    struct push_subscriber subscriber;
    struct edge *edge;
    struct http_ws *ws;
};

static struct events_socket *socket_of(const struct push_subscriber *subscriber)
{
    return CONTAINER_OF((uintptr_t)subscriber, struct events_socket, subscriber);
}

/* ---- the hub's side ---- */

static void send_messages(struct push_subscriber *subscriber, struct slice *messages, size_t count)
{
    /* Closing: on_closed comes. */
    IGNORE_ERR(http_ws_send_frames(socket_of(subscriber)->ws, (struct text){0}, messages, count));
}

static size_t queued_len(const struct push_subscriber *subscriber)
{
    return http_ws_queued_len(socket_of(subscriber)->ws);
}

static uint64_t taken_len(const struct push_subscriber *subscriber)
{
    return http_ws_taken_len(socket_of(subscriber)->ws);
}

static void end_socket(struct push_subscriber *subscriber, enum push_end why)
{
    struct http_ws *ws = socket_of(subscriber)->ws;

    switch (why) {
    case PUSH_END_SLOW:
        http_ws_close(ws, CODE_TOO_SLOW, TEXT("You read too slowly. Connect again."));
        break;
    case PUSH_END_SILENT:
        http_ws_cut(ws);
        break;
    case PUSH_END_DELETED:  /* a message like others */
    case PUSH_END_SHUTDOWN: /* the server closes it, with 1001 */
        break;
    }
}

static const struct push_sink sink = {send_messages, queued_len, taken_len, end_socket};

/* ---- the client's messages ---- */

static void send_error(struct events_socket *socket, const char *code, struct text sentence,
                       uint64_t channel_id)
{
    char memory[ERROR_LEN_MAX];
    struct writer w = writer_fixed(memory, sizeof(memory));
    struct jsonw j = jsonw_of(&w);

    jsonw_object_begin(&j);
    jsonw_member_str(&j, "type", "error");
    jsonw_member_str(&j, "code", code);
    jsonw_member_text(&j, "message", sentence);
    if (channel_id)
        jsonw_member_u64(&j, "channelId", channel_id);
    jsonw_object_end(&j);
    /* Who sends and does not read is no loss. */
    if (http_ws_send(socket->ws, writer_as_text(&w)) == ERR_LIMIT)
        http_ws_close(socket->ws, CODE_TOO_SLOW, TEXT("You do not read what you are sent."));
}

/* Takes the channels that do not exist out of the wish, and says so. */
static void keep_known(struct events_socket *socket, struct push_wish *wish)
{
    size_t kept = 0;

    for (size_t i = 0; i < wish->count; i++) {
        if (push_has_channel(&socket->edge->push, wish->channels[i]))
            wish->channels[kept++] = wish->channels[i];
        else
            send_error(socket, "not_found", TEXT("There is no such channel."), wish->channels[i]);
    }
    wish->count = kept;
}

static void subscribe(struct events_socket *socket, struct push_wish *wish)
{
    keep_known(socket, wish);
    if (!wish->is_all && wish->count == 0)
        return;
    if (push_want(&socket->subscriber, wish) != OK)
        send_error(socket, "limit_reached",
                   TEXT("A connection may have 100 channels, or all. Read what was sent before you "
                        "ask for more."),
                   0);
}

static void serve_request(struct events_socket *socket, enum wish_request request,
                          struct push_wish *wish)
{
    switch (request) {
    case WISH_SUBSCRIBE:
        subscribe(socket, wish);
        break;
    case WISH_UNSUBSCRIBE:
        if (!push_unwant(&socket->subscriber, wish))
            send_error(socket, "invalid_message",
                       TEXT("You are subscribed to all channels: unsubscribe from all."), 0);
        break;
    case WISH_PING:
        push_ask_heartbeat(&socket->subscriber);
        break;
    }
    edge_run_push(socket->edge);
}

static void on_message(struct http_ws *ws, bool is_text, struct text message)
{
    struct events_socket *socket = http_ws_owner(ws);
    enum wish_request request;
    struct push_wish wish;
    struct diag diag = {0};

    if (!is_text) {
        http_ws_close(ws, CODE_UNSUPPORTED, TEXT("Send JSON as text."));
        return;
    }
    if (!socket->subscriber.hub)
        return; /* it is being closed */
    push_heard(&socket->subscriber, loop_now_us(socket->edge->loop));
    if (wish_from_message(message, &request, &wish, &diag) == OK)
        serve_request(socket, request, &wish);
    else
        send_error(socket, "invalid_message", text_of(diag.message), 0);
}

static void on_pong(struct http_ws *ws)
{
    struct events_socket *socket = http_ws_owner(ws);

    push_heard(&socket->subscriber, loop_now_us(socket->edge->loop));
}

static void on_drain(struct http_ws *ws)
{
    struct events_socket *socket = http_ws_owner(ws);

    push_drained(&socket->subscriber);
    edge_run_push(socket->edge);
}

static void on_closed(struct http_ws *ws, uint16_t code)
{
    struct events_socket *socket = http_ws_owner(ws);

    (void)code;
    push_leave(&socket->subscriber);
    mem_free(socket);
}

static const struct http_ws_handlers handlers = {
    .on_message = on_message,
    .on_pong = on_pong,
    .on_drain = on_drain,
    .on_closed = on_closed,
    .message_len_max = WISH_MESSAGE_LEN_MAX,
};

/* ---- the request ---- */

static void refuse_join(struct http_request *request, enum err err)
{
    if (err == ERR_LIMIT)
        call_respond_problem(request, 429, "too_many_requests",
                             TEXT("Too many subscriptions come from your address."));
    else
        call_respond_problem(request, 503, "busy",
                             TEXT("The server has as many subscribers as it may have. Try again "
                                  "later."));
}

static void open_socket(struct http_request *request, struct push_wish *wish, bool has_channels)
{
    struct edge *edge = edge_of(request);
    struct net_address client = call_client_address(request);
    struct events_socket *socket = mem_zalloc(sizeof(*socket));
    enum err err = push_join(&edge->push, &socket->subscriber, &sink, PUSH_EVENTS_WS, &client, true,
                             loop_now_us(edge->loop));

    if (err) {
        mem_free(socket);
        refuse_join(request, err);
        return;
    }
    socket->edge = edge;
    err = http_upgrade_websocket(request, &handlers, socket, &socket->ws);
    if (err) { /* cannot be: it was looked at before */
        push_leave(&socket->subscriber);
        mem_free(socket);
        http_respond_err(request, err, (struct text){0});
        return;
    }
    if (has_channels)
        serve_request(socket, WISH_SUBSCRIBE, wish);
}

static bool accepts_stream(const struct http_request *request)
{
    struct text accept;

    return !http_header_find(request, "accept", &accept) ||
           text_contains(accept, TEXT("text/event-stream")) ||
           text_contains(accept, TEXT("text/*")) || text_contains(accept, TEXT("*/*"));
}

static void open_stream(struct http_request *request, struct push_wish *wish, bool has_channels)
{
    const struct push_hub *hub = &edge_of(request)->push;

    wish->is_all = wish->is_all || !has_channels;
    for (size_t i = 0; i < wish->count; i++) {
        if (push_has_channel(hub, wish->channels[i]))
            continue;
        call_respond_problem(request, 404, "not_found",
                             TEXT("channels: one of these channels does not exist."));
        return;
    }
    /* A browser that connects again names the last event here. */
    wish_go_on_after(wish, http_header(request, "last-event-id"));
    if (request->method == HTTP_HEAD) {
        http_respond(request, &(struct http_response){.content_type = "text/event-stream"});
        return;
    }
    enum err err = event_stream_open(request, PUSH_EVENTS_SSE, wish);
    if (err)
        refuse_join(request, err);
}

void events_on_get(struct http_request *request)
{
    struct push_wish wish;
    struct diag diag = {0};
    bool has_channels;

    if (wish_from_query(request->query, &wish, &has_channels, &diag) != OK) {
        call_respond_problem(request, 400, "invalid_input", text_of(diag.message));
    } else if (edge_of(request)->is_draining) {
        call_respond_problem(request, 503, "busy", TEXT("The server is shutting down."));
    } else if (upgrade_is_meant(request)) {
        if (upgrade_is_allowed(request))
            open_socket(request, &wish, has_channels);
    } else if (accepts_stream(request)) {
        open_stream(request, &wish, has_channels);
    } else {
        call_respond_problem(
            request, 406, "not_acceptable",
            TEXT("Events come as an event stream (Accept: text/event-stream) or by "
                 "WebSocket (Upgrade: websocket)."));
    }
}
