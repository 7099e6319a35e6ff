/*
 * Subscriptions of tRPC as event streams: the server's side of httpSubscriptionLink (version 11).
 *
 * Once the procedure is known the status is 200 and errors come in the stream, because an
 * EventSource can read no other answer.
 */
#include "base/jsonr.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/writer.h"
#include "edge/call.h"
#include "edge/edge_private.h"
#include "edge/event_stream.h"
#include "edge/trpc_push.h"
#include "edge/wish.h"

enum { PARAMS_LEN_MAX = 4096, ERROR_LEN_MAX = 1024 };

/* The decoded JSON of a query parameter. `ret_json` is NULL when it is absent. */
static enum err read_json(const struct http_request *request, const char *key, size_t len_max,
                          json_t **ret_json, struct diag *diag)
{
    struct text encoded, text;
    enum err err = ERR_LIMIT;

    *ret_json = NULL;
    if (!http_query_find(request->query, key, &encoded))
        return OK;
    diag_set(diag, "%s is too long, or badly encoded", key);
    if (encoded.len > len_max)
        return ERR_LIMIT;
    char *decoded = mem_alloc(encoded.len);
    err = http_query_decode(encoded, decoded, encoded.len, &text);
    if (!err)
        err = jsonr_parse(text, WISH_JSON_DEPTH_MAX, diag, ret_json);
    mem_free(decoded);
    return err;
}

/* {"name":"value"} or null: how an EventSource, which can set no headers, sends credentials. What
 * is told here is public, so they are only looked at, and kept nowhere. */
static bool are_params_good(const struct http_request *request)
{
    struct diag diag;
    json_t *params, *value;
    const char *key;

    if (read_json(request, "connectionParams", PARAMS_LEN_MAX, &params, &diag) != OK)
        return false;
    bool is_good = !params || json_is_null(params) || json_is_object(params);
    json_object_foreach(params, key, value) is_good = is_good && json_is_string(value);
    json_decref(params);
    return is_good;
}

/* An error before the stream, as the answer to an ordinary call. */
static void refuse(struct http_request *request, enum trpc_code code, const char *sentence,
                   bool is_batch)
{
    struct trpc_failure failure = {.code = code};
    char memory[ERROR_LEN_MAX];
    struct writer w = writer_fixed(memory, sizeof(memory));

    diag_set(&failure.diag, "%s", sentence);
    writer_str(&w, is_batch ? "[{\"error\":" : "{\"error\":");
    trpc_failure_write(&w, &failure, (struct text){0});
    writer_str(&w, is_batch ? "}]" : "}");
    http_respond_text(request, trpc_code_status(code), "application/json", writer_as_text(&w));
}

/* In the order in which tRPC's server looks for it. */
static struct text last_event_id(const struct http_request *request)
{
    struct text id;

    if (http_header_find(request, "last-event-id", &id) ||
        http_query_find(request->query, "lastEventId", &id) ||
        http_query_find(request->query, "Last-Event-Id", &id))
        return id;
    return (struct text){0};
}

static bool read_wish(const struct http_request *request, enum wish_procedure procedure,
                      struct push_wish *ret_wish, struct trpc_failure *failure)
{
    const struct push_hub *hub = &edge_of(request)->push;
    json_t *input;

    failure->code = TRPC_BAD_REQUEST;
    enum err err = read_json(request, "input", request->query.len, &input, &failure->diag);
    if (!err)
        err = wish_from_input(procedure, input, last_event_id(request), ret_wish, &failure->diag);
    json_decref(input);
    for (size_t i = 0; !err && i < ret_wish->count; i++) {
        if (push_has_channel(hub, ret_wish->channels[i]))
            continue;
        failure->code = TRPC_NOT_FOUND;
        diag_set(&failure->diag, "There is no channel %llu.",
                 (unsigned long long)ret_wish->channels[i]);
        err = ERR_NOT_FOUND;
    }
    return err == OK;
}

static void open_stream(struct http_request *request)
{
    enum wish_procedure procedure =
        wish_procedure_find(text_sub(request->path, sizeof("/trpc/") - 1, request->path.len));
    struct trpc_failure failure = {0};
    struct push_wish wish;

    if (!read_wish(request, procedure, &wish, &failure)) {
        event_stream_fail(request, &failure);
        return;
    }
    enum err err = event_stream_open(
        request, procedure == WISH_CHANNEL_ON_STATUS ? PUSH_TRPC_STATUS_SSE : PUSH_TRPC_EVENTS_SSE,
        &wish);
    if (err) {
        failure.code = err == ERR_LIMIT ? TRPC_TOO_MANY_REQUESTS : TRPC_UNAVAILABLE;
        diag_set(&failure.diag, "%s",
                 err == ERR_LIMIT ? "Too many subscriptions come from your address."
                                  : "The server has as many subscribers as it may have.");
        event_stream_fail(request, &failure);
    }
}

void trpc_on_stream(struct http_request *request)
{
    struct text batch;

    if (request->method == HTTP_HEAD)
        http_respond_empty(request, 204); /* as for each path of tRPC */
    else if (http_query_find(request->query, "batch", &batch) && text_equal(batch, TEXT("1")))
        refuse(request, TRPC_BAD_REQUEST, "Cannot batch subscription calls", true);
    else if (!are_params_good(request))
        refuse(request, TRPC_PARSE_ERROR, "Invalid connection params shape", false);
    else if (edge_of(request)->is_draining)
        refuse(request, TRPC_UNAVAILABLE, "The server is shutting down.", false);
    else
        open_stream(request);
}
