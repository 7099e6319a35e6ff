/*
 * trpc - the wire format of @trpc/client 10 and 11 over HTTP, without a transformer: queries by
 * GET, mutations by POST, batches, and batches as a stream of lines.
 */
#include <jansson.h>
#include <stdio.h>

#include "api/exchange.h"
#include "api/input.h"
#include "api/query.h"
#include "base/jsonw.h"
#include "base/mem.h"

enum { STATUS_SEVERAL = 207 };

static void refuse(struct exchange *exchange, enum api_code code, const char *message)
{
    struct api_error error = {0};
    struct jsonw j = jsonw_of(&exchange->api->body);

    (void)api_fail(&error, code, "%s", message);
    api_write_trpc_error(&j, &error, (struct text){0});
    exchange_answer(exchange, api_code_status(code), "application/json");
}

static const struct {
    const char *name;
    const char *method;
} kinds[] = {
    [OPERATION_QUERY] = {"query", "GET"},
    [OPERATION_MUTATION] = {"mutation", "POST"},
    [OPERATION_SUBSCRIPTION] = {"subscription", "GET"},
};

/* ---- the calls ---- */

/* The part of the input that belongs to the call; NULL when it has none. `broken` is why there is
 * no input at all. */
static bool input_of_call(struct call *call, const struct api_error *broken, json_t **ret_json)
{
    const struct exchange *exchange = call->exchange;
    char key[24];

    *ret_json = NULL;
    if (operation_field_count(call->operation) == 0)
        return true; /* reads no input, so a broken one does not matter */
    if (broken->code != API_OK) {
        *call->error = *broken;
        return false;
    }
    if (!exchange->is_batch || !exchange->json) {
        *ret_json = exchange->json;
        return true;
    }
    if (!json_is_object(exchange->json))
        return api_fail(call->error, API_INVALID_INPUT,
                        "\"input\" needs to be an object when doing a batch call");
    (void)snprintf(key, sizeof(key), "%td", call - exchange->calls); /* fits */
    *ret_json = json_object_get(exchange->json, key);
    return true;
}

static bool check_procedure(struct call *call)
{
    const struct operation *operation = call->operation;
    struct text method = call->exchange->request->method;

    if (!operation)
        return api_fail(call->error, API_NOT_FOUND, "No procedure found on path \"%.*s\"",
                        (int)(call->name.len < 100 ? call->name.len : 100), call->name.ptr);
    if (!text_equal(method, text_of(kinds[operation->kind].method)))
        return api_fail(call->error, API_METHOD_NOT_ALLOWED,
                        "Unsupported %.*s-request to %s procedure at path \"%s\"",
                        (int)(method.len < 16 ? method.len : 16), method.ptr,
                        kinds[operation->kind].name, operation->name);
    if (operation->kind == OPERATION_SUBSCRIPTION) /* edge/ serves those before they come here */
        return api_fail(call->error, API_INVALID_INPUT,
                        "%s is a subscription: it takes httpSubscriptionLink or wsLink",
                        operation->name);
    return true;
}

static bool has_cursor(const struct operation *operation)
{
    for (const struct field *field = operation->fields; field->name; field++)
        if (field->type == FIELD_CURSOR)
            return true;
    return false;
}

/* useInfiniteQuery of @trpc/react-query 11 adds to a list's input the way that it goes: which is
 * forward, as lists tell no cursor of the page before. */
static bool drop_direction(struct call *call, json_t *json)
{
    json_t *direction = json_object_get(json, "direction"); /* NULL: there is none */

    if (!direction || !has_cursor(call->operation))
        return true;
    if (!json_is_string(direction) || strcmp(json_string_value(direction), "forward") != 0)
        return api_fail_field(call->error, "direction",
                              "must be \"forward\": lists have no cursor of the page before");
    (void)json_object_del(json, "direction"); /* it is there */
    return true;
}

static void start_call(struct call *call, const struct api_error *broken)
{
    json_t *json;

    if (check_procedure(call) && call_admit(call) && input_of_call(call, broken, &json) &&
        drop_direction(call, json) &&
        input_from_json(call->operation, json, &call->input, call->error) &&
        input_check(call->operation, &call->input, call->error))
        call_run(call);
}

/* True when one of them is a subscription. */
static bool name_calls(struct exchange *exchange, struct text names)
{
    bool has_subscription = false;

    for (size_t i = 0; i < exchange->call_count; i++) {
        struct call *call = &exchange->calls[i];

        call->name = exchange->is_batch ? text_cut(&names, ',') : names;
        if (!call->name.ptr)
            call->name = TEXT("");
        call->operation = operation_find(call->name);
        has_subscription |= call->operation && call->operation->kind == OPERATION_SUBSCRIPTION;
    }
    return has_subscription;
}

static void start_calls(struct exchange *exchange, struct text names,
                        const struct api_error *broken)
{
    bool is_refused = name_calls(exchange, names) && exchange->is_batch;

    for (size_t i = 0; i < exchange->call_count; i++) {
        struct call *call = &exchange->calls[i];

        if (is_refused)
            (void)api_fail(call->error, API_INVALID_INPUT,
                           "Cannot batch subscription calls"); /* always false */
        else
            start_call(call, broken);
    }
}

/* ---- the answer ---- */

/* Headers that a single call has; a batch has none of one call. */
static void add_call_headers(const struct call *call)
{
    struct api_answer *answer = call->exchange->answer;

    if (call->error->code == API_METHOD_NOT_ALLOWED && call->operation)
        api_set_header(answer, "allow", text_of(kinds[call->operation->kind].method));
    api_add_error_headers(answer, call->error);
}

static int status_of(const struct call *call)
{
    return call->state == CALL_DONE ? 200 : api_code_status(call->error->code);
}

static void write_call(struct jsonw *j, const struct call *call)
{
    if (call->state != CALL_DONE) {
        api_write_trpc_error(j, call->error, call->name);
        return;
    }
    jsonw_object_begin(j);
    jsonw_key(j, "result");
    jsonw_object_begin(j);
    jsonw_key(j, "data");
    jsonw_raw(j, buf_text(call->result));
    jsonw_object_end(j);
    jsonw_object_end(j);
}

static void finish_single(struct exchange *exchange)
{
    struct jsonw j = jsonw_of(&exchange->api->body);
    const struct call *call = &exchange->calls[0];

    write_call(&j, call);
    if (call->state != CALL_DONE)
        add_call_headers(call);
    exchange_answer(exchange, status_of(call), "application/json");
}

static void finish_batch(struct exchange *exchange)
{
    struct jsonw j = jsonw_of(&exchange->api->body);
    int status = status_of(&exchange->calls[0]);

    jsonw_array_begin(&j);
    for (size_t i = 0; i < exchange->call_count; i++) {
        write_call(&j, &exchange->calls[i]);
        if (status_of(&exchange->calls[i]) != status)
            status = STATUS_SEVERAL;
    }
    jsonw_array_end(&j);
    exchange->answer->batch_count = (uint16_t)exchange->call_count;
    exchange_answer(exchange, status, "application/json");
}

/* {"0":[[0],[null,0,0]],...}: each answer is a promise that a later line keeps. */
static void write_stream_head(struct writer *w, size_t count)
{
    writer_char(w, '{');
    for (size_t i = 0; i < count; i++)
        writer_printf(w, "%s\"%zu\":[[0],[null,0,%zu]]", i ? "," : "", i, i);
    writer_str(w, "}\n");
}

static void finish_stream(struct exchange *exchange)
{
    struct writer *w = &exchange->api->body;

    write_stream_head(w, exchange->call_count);
    for (size_t i = 0; i < exchange->call_count; i++) {
        struct jsonw j = jsonw_of(w);

        writer_printf(w, "[%zu,0,[[", i);
        write_call(&j, &exchange->calls[i]);
        writer_str(w, "]]]\n");
    }
    exchange->answer->batch_count = (uint16_t)exchange->call_count;
    exchange->answer->is_stream = true;
    exchange_answer(exchange, 200, "application/json"); /* whatever they came to */
}

void trpc_write_refusals(const struct api_answer *answer, const struct api_error *error,
                         struct writer *w)
{
    struct jsonw j = jsonw_of(w);

    if (answer->is_stream)
        write_stream_head(w, answer->batch_count);
    else if (answer->batch_count != 0)
        jsonw_array_begin(&j);
    for (size_t i = 0; i < (answer->batch_count ? answer->batch_count : 1U); i++) {
        if (!answer->is_stream) {
            api_write_trpc_error(&j, error, (struct text){0});
            continue;
        }
        struct jsonw line = jsonw_of(w);
        writer_printf(w, "[%zu,0,[[", i);
        api_write_trpc_error(&line, error, (struct text){0});
        writer_str(w, "]]]\n");
    }
    if (!answer->is_stream && answer->batch_count != 0)
        jsonw_array_end(&j);
}

/* ---- the request ---- */

/* A batch has one kind of procedures; unknown ones have none. */
static bool is_mixed(struct text paths)
{
    bool has[OPERATION_SUBSCRIPTION + 1] = {false};

    while (paths.len != 0) {
        const struct operation *operation = operation_find(text_cut(&paths, ','));

        if (operation)
            has[operation->kind] = true;
    }
    return has[OPERATION_QUERY] && has[OPERATION_MUTATION];
}

/* Parses the input, once for all calls; *ret_broken says why there is none. */
static void read_input(struct exchange *exchange, char *chars, struct api_error *ret_broken)
{
    const struct api_request *http = exchange->request;
    struct text json = http->body;
    struct text encoded;
    size_t len;

    if (text_equal(http->method, TEXT("GET"))) {
        if (!query_find(http->query, TEXT("input"), &encoded))
            return;
        if (query_decode(encoded, true, chars, &len) != OK) {
            (void)api_fail(ret_broken, API_MALFORMED_JSON,
                           "The query parameter input is badly encoded."); /* always false */
            return;
        }
        json = (struct text){chars, len};
    }
    if (json.len != 0)
        (void)input_parse_json(json, &exchange->json, ret_broken); /* the error tells */
}

/* What is refused before any procedure is chosen. False: it is answered. */
static bool check_request(struct exchange *exchange, struct text names, size_t count)
{
    const struct api_request *http = exchange->request;
    struct text type = http->content_type;
    char message[64];

    if (text_equal(http->method, TEXT("POST"))) {
        if (http->body.len > API_BODY_LEN_MAX) {
            refuse(exchange, API_TOO_LARGE, "The body is too large");
            return false;
        }
        if (!text_equal_nocase(text_trim(text_cut(&type, ';')), TEXT("application/json"))) {
            refuse(exchange, API_MEDIA_TYPE,
                   http->content_type.len ? "Unsupported content-type, send application/json"
                                          : "Missing content-type header");
            return false;
        }
    }
    if (exchange->is_stream && !exchange->is_batch) {
        refuse(exchange, API_INVALID_INPUT,
               "Streaming requests must be batched (you can do a batch of 1)");
        return false;
    }
    if (count > API_BATCH_MAX) {
        (void)snprintf(message, sizeof(message), "A batch has at most %d calls", API_BATCH_MAX);
        refuse(exchange, API_INVALID_INPUT, message);
        return false;
    }
    if (exchange->is_batch && is_mixed(names)) {
        refuse(exchange, API_INVALID_INPUT, "Cannot mix procedure types in call: query, mutation");
        return false;
    }
    return true;
}

static void call_decoded(struct exchange *exchange, struct text names, char *input)
{
    struct api_error broken = {0};
    struct text batch = {0};
    size_t count = 1;

    exchange->is_batch =
        query_find(exchange->request->query, TEXT("batch"), &batch) && text_equal(batch, TEXT("1"));
    exchange->is_stream = text_contains(exchange->request->trpc_accept, TEXT("application/jsonl"));
    for (size_t i = 0; exchange->is_batch && i < names.len; i++)
        count += names.ptr[i] == ',';
    if (!check_request(exchange, names, count))
        return;
    exchange->finish = exchange->is_stream  ? finish_stream
                       : exchange->is_batch ? finish_batch
                                            : finish_single;
    read_input(exchange, input, &broken);
    exchange_add_calls(exchange, count);
    start_calls(exchange, names, &broken);
}

void trpc_call(struct exchange *exchange, struct text path)
{
    const struct api_request *request = exchange->request;
    size_t len;

    api_set_header(exchange->answer, "vary", TEXT("trpc-accept, accept"));
    if (text_equal(request->method, TEXT("HEAD"))) {
        exchange_answer(exchange, 204, NULL);
        return;
    }
    if (text_equal(request->method, TEXT("OPTIONS"))) {
        api_set_header(exchange->answer, "allow", TEXT("GET, POST"));
        exchange_answer(exchange, 204, NULL);
        return;
    }
    if (path.len > API_PATH_LEN_MAX || request->query.len > API_QUERY_LEN_MAX) {
        refuse(exchange, API_TOO_LARGE, "The URL is too long");
        return;
    }
    /* The names stay; the input is parsed out of what follows them. */
    exchange->chars = mem_alloc(path.len + request->query.len);
    if (query_decode(path, false, exchange->chars, &len) == OK)
        call_decoded(exchange, (struct text){exchange->chars, len}, exchange->chars + path.len);
    else
        refuse(exchange, API_INVALID_INPUT, "The path is badly encoded");
}
