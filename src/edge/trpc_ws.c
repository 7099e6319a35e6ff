#include "edge/trpc_ws.h"

#include <string.h>

#include "base/jsonr.h"
#include "base/mem.h"
#include "base/writer.h"

enum { FRAME_LEN_MAX = 4096, STATUS_METHOD_NOT_ALLOWED = 405 };

/* ---- frames ---- */

static void send_frame(struct trpc_ws *ws, struct text frame)
{
    ws->handler.send(ws->handler.ctx, frame, (struct slice){0});
}

static struct text id_of(const struct trpc_ws_operation *operation)
{
    return (struct text){operation->id, operation->id_len};
}

static struct text path_of(const struct trpc_ws_operation *operation)
{
    return (struct text){operation->path, operation->path_len};
}

/* {"id":3, and the version of JSON-RPC when the client names it. */
static void begin_frame(struct writer *w, struct text id, bool has_jsonrpc)
{
    writer_str(w, "{\"id\":");
    writer_text(w, id);
    writer_str(w, has_jsonrpc ? ",\"jsonrpc\":\"2.0\"," : ",");
}

static void send_error(struct trpc_ws *ws, struct text id, bool has_jsonrpc,
                       const struct trpc_failure *failure, struct text path)
{
    char memory[FRAME_LEN_MAX];
    struct writer w = writer_fixed(memory, sizeof(memory));

    if (path.len > TRPC_WS_PATH_LEN_MAX)
        path.len = TRPC_WS_PATH_LEN_MAX;
    begin_frame(&w, id, has_jsonrpc);
    writer_str(&w, "\"error\":");
    trpc_failure_write(&w, failure, path);
    writer_char(&w, '}');
    send_frame(ws, writer_as_text(&w));
}

/* About a message that is no operation. */
static void refuse_message(struct trpc_ws *ws, enum trpc_code code, const char *sentence)
{
    struct trpc_failure failure = {.code = code};

    diag_set(&failure.diag, "%s", sentence);
    send_error(ws, TEXT("null"), false, &failure, (struct text){0});
}

static void send_result_type(const struct trpc_ws_operation *operation, const char *type)
{
    char memory[TRPC_WS_HEAD_LEN_MAX];
    struct writer w = writer_fixed(memory, sizeof(memory));

    begin_frame(&w, id_of(operation), operation->has_jsonrpc);
    writer_str(&w, "\"result\":{\"type\":\"");
    writer_str(&w, type);
    writer_str(&w, "\"}}");
    send_frame(operation->ws, writer_as_text(&w));
}

/* ---- operations ---- */

static uint32_t *count_of(struct trpc_ws *ws, enum trpc_ws_kind kind)
{
    return kind == TRPC_WS_SUBSCRIPTION ? &ws->subscriptions_count : &ws->calls_count;
}

static void release(struct trpc_ws_operation *operation)
{
    --*count_of(operation->ws, operation->kind);
    list_unlink(&operation->node);
    mem_free(operation);
}

static struct trpc_ws_operation *find_subscription(const struct trpc_ws *ws, struct text id)
{
    LIST_FOR_EACH(node, &ws->operations)
    {
        struct trpc_ws_operation *operation = CONTAINER_OF(node, struct trpc_ws_operation, node);

        if (operation->kind == TRPC_WS_SUBSCRIPTION && text_equal(id_of(operation), id))
            return operation;
    }
    return NULL;
}

static bool is_path(struct text path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!is_letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return path.len != 0 && path.len <= TRPC_WS_PATH_LEN_MAX;
}

static const char *kind_name(enum trpc_ws_kind kind)
{
    static const char *const names[] = {[TRPC_WS_QUERY] = "query",
                                        [TRPC_WS_MUTATION] = "mutation",
                                        [TRPC_WS_SUBSCRIPTION] = "subscription"};

    return names[kind];
}

static void fail_unknown(struct trpc_failure *failure, enum trpc_ws_kind kind, struct text path)
{
    failure->code = TRPC_NOT_FOUND;
    path = text_sub(path, 0, TRPC_WS_PATH_LEN_MAX);
    diag_set(&failure->diag, "No \"%s\"-procedure on path \"%.*s\"", kind_name(kind),
             TEXT_ARG(path));
}

/* What a client asks for, as it stands in its message. */
struct request {
    enum trpc_ws_kind kind;
    bool is_stop;
    bool has_jsonrpc;
    uint8_t id_len;
    char id[TRPC_WS_ID_LEN_MAX];
    struct text path;
    struct text last_event_id;
    const json_t *input; /* NULL: none */
};

static bool may_begin(const struct trpc_ws *ws, const struct request *request,
                      struct trpc_failure *failure)
{
    struct text id = {request->id, request->id_len};

    if (!is_path(request->path)) {
        fail_unknown(failure, request->kind, request->path);
        return false;
    }
    if (request->kind != TRPC_WS_SUBSCRIPTION) {
        failure->code = TRPC_TOO_MANY_REQUESTS;
        diag_set(&failure->diag, "A connection has at most %d calls at a time", TRPC_WS_CALLS_MAX);
        return ws->calls_count < TRPC_WS_CALLS_MAX;
    }
    if (find_subscription(ws, id)) {
        failure->code = TRPC_BAD_REQUEST;
        diag_set(&failure->diag, "Duplicate id %.*s", TEXT_ARG(id));
        return false;
    }
    failure->code = TRPC_TOO_MANY_REQUESTS;
    diag_set(&failure->diag, "A connection has at most %d subscriptions",
             TRPC_WS_SUBSCRIPTIONS_MAX);
    return ws->subscriptions_count < TRPC_WS_SUBSCRIPTIONS_MAX;
}

static struct trpc_ws_operation *create_operation(struct trpc_ws *ws, const struct request *request)
{
    struct trpc_ws_operation *operation = mem_zalloc(sizeof(*operation));

    operation->ws = ws;
    operation->kind = request->kind;
    operation->has_jsonrpc = request->has_jsonrpc;
    operation->id_len = request->id_len;
    memcpy(operation->id, request->id, request->id_len);
    operation->path_len = (uint8_t)request->path.len;
    memcpy(operation->path, request->path.ptr, request->path.len);
    list_push_back(&ws->operations, &operation->node);
    ++*count_of(ws, request->kind);
    return operation;
}

static void begin_call(struct trpc_ws *ws, const struct request *request)
{
    struct writer input = writer_growing(TRPC_WS_MESSAGE_LEN_MAX);
    struct trpc_ws_operation *operation = create_operation(ws, request);

    if (request->input)
        jsonr_write(&input, request->input);
    ws->handler.on_call(ws->handler.ctx, operation, writer_as_text(&input));
    writer_deinit(&input);
}

static void begin_subscription(struct trpc_ws *ws, const struct request *request)
{
    struct trpc_failure failure = {.code = TRPC_INTERNAL};
    struct trpc_ws_operation *operation = create_operation(ws, request);

    if (ws->handler.on_subscribe(ws->handler.ctx, operation, request->input, request->last_event_id,
                                 &failure)) {
        send_result_type(operation, "started");
        return;
    }
    send_error(ws, id_of(operation), operation->has_jsonrpc, &failure, path_of(operation));
    release(operation);
}

static void stop_by_client(struct trpc_ws *ws, struct text id)
{
    struct trpc_ws_operation *operation = find_subscription(ws, id);

    if (!operation)
        return; /* it has ended by itself meanwhile */
    ws->handler.on_stop(ws->handler.ctx, operation);
    send_result_type(operation, "stopped");
    release(operation);
}

static void begin(struct trpc_ws *ws, const struct request *request)
{
    struct trpc_failure failure;

    if (request->is_stop)
        stop_by_client(ws, (struct text){request->id, request->id_len});
    else if (!may_begin(ws, request, &failure))
        send_error(ws, (struct text){request->id, request->id_len}, request->has_jsonrpc, &failure,
                   request->path);
    else if (request->kind == TRPC_WS_SUBSCRIPTION)
        begin_subscription(ws, request);
    else
        begin_call(ws, request);
}

/* ---- messages ---- */

/* A number or a text, as JSON. False: missing, of another kind, or too long. */
static bool read_id(const json_t *id, struct request *request)
{
    struct writer w = writer_fixed(request->id, sizeof(request->id));

    if (!json_is_number(id) && !json_is_string(id))
        return false;
    jsonr_write(&w, id);
    request->id_len = (uint8_t)w.len;
    return !w.failed;
}

static bool read_method(struct text method, struct request *request)
{
    if (text_equal(method, TEXT("subscription.stop"))) {
        request->is_stop = true;
        return true;
    }
    for (enum trpc_ws_kind kind = TRPC_WS_QUERY; kind <= TRPC_WS_SUBSCRIPTION; kind++) {
        if (!text_equal(method, text_of(kind_name(kind))))
            continue;
        request->kind = kind;
        return true;
    }
    return false;
}

/* NULL: it is understood; else what is wrong. */
static const char *read_request(const json_t *json, struct request *request)
{
    const json_t *params = json_object_get(json, "params");
    const json_t *last_event_id = json_object_get(params, "lastEventId");

    if (!json_is_object(json))
        return "A message must be an object, or an array of objects";
    if (!read_method(jsonr_text(json_object_get(json, "method")), request))
        return "Invalid procedure type";
    if (!read_id(json_object_get(json, "id"), request))
        return "Invalid request id";
    request->has_jsonrpc = text_equal(jsonr_text(json_object_get(json, "jsonrpc")), TEXT("2.0"));
    if (request->is_stop)
        return NULL;
    request->path = jsonr_text(json_object_get(params, "path"));
    if (!request->path.ptr)
        return "Invalid procedure path";
    if (last_event_id && !json_is_null(last_event_id) && !json_is_string(last_event_id))
        return "Invalid lastEventId";
    request->last_event_id = jsonr_text(last_event_id);
    request->input = json_object_get(params, "input");
    return NULL;
}

static void receive_one(struct trpc_ws *ws, const json_t *json)
{
    struct request request = {0};
    const char *wrong = read_request(json, &request);

    if (wrong)
        refuse_message(ws, TRPC_PARSE_ERROR, wrong);
    else
        begin(ws, &request);
}

static void receive_json(struct trpc_ws *ws, const json_t *json)
{
    if (!json_is_array(json)) {
        receive_one(ws, json);
        return;
    }
    if (json_array_size(json) > TRPC_WS_BATCH_MAX) {
        refuse_message(ws, TRPC_BAD_REQUEST, "Too many operations in one message");
        return;
    }
    for (size_t i = 0; i < json_array_size(json); i++)
        receive_one(ws, json_array_get(json, i));
}

/* {"method":"connectionParams","data":{...}}: an object of texts, or null. */
static bool read_params(struct text message, json_t **ret_json)
{
    const char *key;
    json_t *value;
    json_t *json;

    if (message.len > TRPC_WS_PARAMS_LEN_MAX ||
        jsonr_parse(message, TRPC_WS_DEPTH_MAX, NULL, &json) != OK)
        return false;
    json_t *data = json_object_get(json, "data");
    bool is_good = json_is_null(data) || json_is_object(data);
    json_object_foreach(data, key, value) is_good = is_good && json_is_string(value);
    if (is_good)
        *ret_json = json;
    else
        json_decref(json);
    return is_good;
}

static void receive_params(struct trpc_ws *ws, struct text message)
{
    json_t *json;

    ws->awaits_params = false;
    if (!read_params(message, &json)) {
        ws->is_over = true;
        refuse_message(ws, TRPC_PARSE_ERROR, "Malformed connectionParams message");
        ws->handler.on_end(ws->handler.ctx);
        return;
    }
    ws->handler.on_token(ws->handler.ctx,
                         jsonr_text(json_object_get(json_object_get(json, "data"), "token")));
    json_decref(json);
}

void trpc_ws_receive(struct trpc_ws *ws, struct text message)
{
    struct trpc_failure failure = {.code = TRPC_PARSE_ERROR};
    json_t *json;

    if (ws->is_over || text_equal(message, TEXT("PONG")))
        return;
    if (text_equal(message, TEXT("PING"))) {
        send_frame(ws, TEXT("PONG"));
        return;
    }
    if (ws->awaits_params) {
        receive_params(ws, message);
        return;
    }
    if (jsonr_parse(message, TRPC_WS_DEPTH_MAX, &failure.diag, &json) != OK) {
        send_error(ws, TEXT("null"), false, &failure, (struct text){0});
        return;
    }
    receive_json(ws, json);
    json_decref(json);
}

/* ---- answers ---- */

/* The API answers in envelopes: {"result":{"data":...}}, {"result":{}} or {"error":{...}}. Ours
 * have the id before that and a type in the result; the rest is sent as it is. */
void trpc_ws_answer(struct trpc_ws_operation *operation, int status, const struct buf *body)
{
    static const struct text result = TEXT_INIT("{\"result\":{");
    static const struct text error = TEXT_INIT("{\"error\":");
    struct text answer = body ? buf_text(body) : (struct text){0};
    struct trpc_failure failure = {.code = TRPC_INTERNAL};
    char memory[TRPC_WS_HEAD_LEN_MAX];
    struct writer w = writer_fixed(memory, sizeof(memory));
    size_t skipped = 0;

    /* Over HTTP the method is wrong; here there is none, and so no such procedure. */
    if (status == STATUS_METHOD_NOT_ALLOWED) {
        fail_unknown(&failure, operation->kind, path_of(operation));
        trpc_ws_fail(operation, &failure);
        return;
    }
    begin_frame(&w, id_of(operation), operation->has_jsonrpc);
    if (text_starts_with(answer, result)) {
        skipped = result.len;
        writer_str(&w, "\"result\":{\"type\":\"data\"");
        if (answer.len > skipped && answer.ptr[skipped] != '}')
            writer_char(&w, ',');
    } else if (text_starts_with(answer, error)) {
        skipped = 1;
    } else {
        diag_set(&failure.diag, "The server could not answer (status %d)", status);
        trpc_ws_fail(operation, &failure);
        return;
    }
    operation->ws->handler.send(operation->ws->handler.ctx, writer_as_text(&w),
                                slice_of(body, skipped, answer.len - skipped));
    release(operation);
}

void trpc_ws_fail(struct trpc_ws_operation *operation, const struct trpc_failure *failure)
{
    send_error(operation->ws, id_of(operation), operation->has_jsonrpc, failure,
               path_of(operation));
    if (operation->kind == TRPC_WS_SUBSCRIPTION)
        send_result_type(operation, "stopped");
    release(operation);
}

void trpc_ws_write_data_head(struct writer *w, const struct trpc_ws_operation *operation)
{
    begin_frame(w, id_of(operation), operation->has_jsonrpc);
    writer_str(w, "\"result\":{\"type\":\"data\",\"data\":");
}

void trpc_ws_stop(struct trpc_ws_operation *operation)
{
    send_result_type(operation, "stopped");
    release(operation);
}

void trpc_ws_ask_reconnect(struct trpc_ws *ws)
{
    send_frame(ws, TEXT("{\"id\":null,\"method\":\"reconnect\"}"));
}

/* ---- life ---- */

void trpc_ws_init(struct trpc_ws *ws, const struct trpc_ws_handler *handler, bool awaits_params)
{
    *ws = (struct trpc_ws){.handler = *handler, .awaits_params = awaits_params};
    list_init(&ws->operations);
}

void trpc_ws_deinit(struct trpc_ws *ws)
{
    struct list_node *node;

    while ((node = list_first(&ws->operations))) {
        struct trpc_ws_operation *operation = CONTAINER_OF(node, struct trpc_ws_operation, node);

        ws->handler.on_stop(ws->handler.ctx, operation);
        release(operation);
    }
}
