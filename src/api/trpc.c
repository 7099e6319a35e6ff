/*
 * trpc - the wire format of @trpc/client 10 and 11 over HTTP, without a transformer: queries by
 * GET, mutations by POST, batches, and batches as a stream of lines.
 */
#include <jansson.h>
#include <stdio.h>

#include "api/dialect.h"
#include "api/input.h"
#include "api/query.h"
#include "base/jsonw.h"
#include "base/mem.h"

enum { STATUS_SEVERAL = 207 };

/* The input of the request, read once; each call of a batch looks for its own part. */
struct trpc_input {
    json_t *json; /* NULL: absent or broken */
    struct api_error broken;
};

struct trpc_request {
    struct api_exchange *exchange;
    struct text paths; /* decoded */
    size_t count;
    bool is_batch;
    bool is_stream; /* a line for each answer */
    struct trpc_input input;
};

static void refuse(struct api_exchange *exchange, enum api_code code, const char *message)
{
    struct api_error error = {0};
    struct jsonw j = jsonw_of(&exchange->api->body);

    (void)api_fail(&error, code, "%s", message);
    api_write_trpc_error(&j, &error, (struct text){0});
    api_finish(exchange, api_code_status(code), "application/json");
}

static const char *kind_name(enum operation_kind kind)
{
    return kind == OPERATION_QUERY ? "query" : "mutation";
}

static const char *kind_method(enum operation_kind kind)
{
    return kind == OPERATION_QUERY ? "GET" : "POST";
}

/* The part of the input that belongs to call `index`; NULL when it has none. */
static bool input_of_call(const struct trpc_request *request, size_t index,
                          const struct operation *operation, json_t **ret_json,
                          struct api_error *error)
{
    json_t *json = request->input.json;
    char key[16];

    *ret_json = NULL;
    if (operation_field_count(operation) == 0)
        return true; /* reads no input, so a broken one does not matter */
    if (request->input.broken.code != API_OK) {
        *error = request->input.broken;
        return false;
    }
    if (!request->is_batch || !json) {
        *ret_json = json;
        return true;
    }
    if (!json_is_object(json))
        return api_fail(error, API_INVALID_INPUT,
                        "\"input\" needs to be an object when doing a batch call");
    (void)snprintf(key, sizeof(key), "%zu", index); /* fits */
    *ret_json = json_object_get(json, key);
    return true;
}

static bool check_procedure(const struct trpc_request *request, const struct operation *operation,
                            struct text path, struct api_error *error)
{
    struct text method = request->exchange->request->method;

    if (!operation)
        return api_fail(error, API_NOT_FOUND, "No procedure found on path \"%.*s\"",
                        (int)(path.len < 100 ? path.len : 100), path.ptr);
    if (!text_equal(method, text_of(kind_method(operation->kind))))
        return api_fail(error, API_METHOD_NOT_ALLOWED,
                        "Unsupported %.*s-request to %s procedure at path \"%s\"",
                        (int)(method.len < 16 ? method.len : 16), method.ptr,
                        kind_name(operation->kind), operation->name);
    return true;
}

static bool run(const struct trpc_request *request, size_t index, struct text path,
                struct api_error *error)
{
    const struct operation *operation = operation_find(path);
    struct input input = {0};
    json_t *json;

    return check_procedure(request, operation, path, error) &&
           call_check_caller(operation, &request->exchange->caller, error) &&
           input_of_call(request, index, operation, &json, error) &&
           input_from_json(operation, json, &input, error) &&
           input_check(operation, &input, error) &&
           api_run(request->exchange, operation, &input, error);
}

/* Headers that a single call has; a batch has none of one call. */
static void add_call_headers(const struct trpc_request *request, const struct operation *operation,
                             const struct api_error *error)
{
    struct api_answer *answer = request->exchange->answer;

    if (request->is_batch || error->code == API_OK)
        return;
    if (error->code == API_METHOD_NOT_ALLOWED && operation)
        api_add_header(answer, "allow", text_of(kind_method(operation->kind)));
    api_add_error_headers(answer, error);
}

/* One envelope; returns its HTTP status. */
static int call_one(const struct trpc_request *request, size_t index, struct text path,
                    struct jsonw *j)
{
    struct api *api = request->exchange->api;
    struct api_error error = {0};

    if (run(request, index, path, &error)) {
        jsonw_object_begin(j);
        jsonw_key(j, "result");
        jsonw_object_begin(j);
        jsonw_key(j, "data");
        jsonw_raw(j, writer_as_text(&api->data));
        jsonw_object_end(j);
        jsonw_object_end(j);
        return 200;
    }
    api_write_trpc_error(j, &error, path.ptr ? path : TEXT(""));
    add_call_headers(request, operation_find(path), &error);
    return api_code_status(error.code);
}

/* {"0":[[0],[null,0,0]],...}: each answer is a promise that a later line keeps. */
static void write_stream_head(struct writer *w, size_t count)
{
    writer_char(w, '{');
    for (size_t i = 0; i < count; i++)
        writer_printf(w, "%s\"%zu\":[[0],[null,0,%zu]]", i ? "," : "", i, i);
    writer_str(w, "}\n");
}

static void call_stream(struct trpc_request *request)
{
    struct writer *w = &request->exchange->api->body;

    write_stream_head(w, request->count);
    for (size_t i = 0; i < request->count; i++) {
        struct jsonw j = jsonw_of(w);

        writer_printf(w, "[%zu,0,[[", i);
        (void)call_one(request, i, text_cut(&request->paths, ','), &j); /* the status is 200 */
        writer_str(w, "]]]\n");
    }
    api_finish(request->exchange, 200, "application/json");
}

static void call_all(struct trpc_request *request)
{
    struct jsonw j = jsonw_of(&request->exchange->api->body);
    int status = 0;

    if (!request->is_batch) {
        status = call_one(request, 0, request->paths, &j);
        api_finish(request->exchange, status, "application/json");
        return;
    }
    jsonw_array_begin(&j);
    for (size_t i = 0; i < request->count; i++) {
        int one = call_one(request, i, text_cut(&request->paths, ','), &j);

        status = status == 0 || status == one ? one : STATUS_SEVERAL;
    }
    jsonw_array_end(&j);
    request->exchange->answer->batch_count = (uint16_t)request->count;
    api_finish(request->exchange, status, "application/json");
}

/* A batch has one kind of procedures; unknown ones have none. */
static bool is_mixed(struct text paths)
{
    bool has[3] = {false};

    while (paths.len != 0) {
        const struct operation *operation = operation_find(text_cut(&paths, ','));

        if (operation)
            has[operation->kind] = true;
    }
    return has[OPERATION_QUERY] && has[OPERATION_MUTATION];
}

static void read_input(struct trpc_request *request, char *chars)
{
    const struct api_request *http = request->exchange->request;
    struct text json = http->body;
    struct text encoded;
    size_t len;

    if (text_equal(http->method, TEXT("GET"))) {
        if (!query_find(http->query, TEXT("input"), &encoded))
            return;
        if (query_decode(encoded, true, chars, &len) != OK) {
            (void)api_fail(&request->input.broken, API_MALFORMED_JSON,
                           "The query parameter input is badly encoded.");
            return;
        }
        json = (struct text){chars, len};
    }
    if (json.len != 0)
        (void)input_parse_json(json, &request->input.json, &request->input.broken);
}

/* What is refused before any procedure is chosen. False: it is answered. */
static bool check_request(const struct trpc_request *request)
{
    struct api_exchange *exchange = request->exchange;
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
    if (request->is_stream && !request->is_batch) {
        refuse(exchange, API_INVALID_INPUT,
               "Streaming requests must be batched (you can do a batch of 1)");
        return false;
    }
    if (request->count > API_BATCH_MAX) {
        (void)snprintf(message, sizeof(message), "A batch has at most %d calls", API_BATCH_MAX);
        refuse(exchange, API_INVALID_INPUT, message);
        return false;
    }
    if (request->is_batch && is_mixed(request->paths)) {
        refuse(exchange, API_INVALID_INPUT, "Cannot mix procedure types in call: query, mutation");
        return false;
    }
    return true;
}

static void call_decoded(struct api_exchange *exchange, struct text paths, char *chars)
{
    struct text batch = {0};
    struct trpc_request request = {
        .exchange = exchange,
        .paths = paths,
        .count = 1,
        .is_batch = query_find(exchange->request->query, TEXT("batch"), &batch) &&
                    text_equal(batch, TEXT("1")),
        .is_stream = text_contains(exchange->request->trpc_accept, TEXT("application/jsonl")),
    };

    for (size_t i = 0; request.is_batch && i < paths.len; i++)
        request.count += paths.ptr[i] == ',';
    if (!check_request(&request))
        return;
    read_input(&request, chars);
    if (request.is_stream)
        call_stream(&request);
    else
        call_all(&request);
    json_decref(request.input.json);
}

void trpc_call(struct api_exchange *exchange, struct text path)
{
    const struct api_request *request = exchange->request;
    size_t len;

    api_add_header(exchange->answer, "vary", TEXT("trpc-accept, accept"));
    if (text_equal(request->method, TEXT("HEAD"))) {
        api_finish(exchange, 204, NULL);
        return;
    }
    if (text_equal(request->method, TEXT("OPTIONS"))) {
        api_add_header(exchange->answer, "allow", TEXT("GET, POST"));
        api_finish(exchange, 204, NULL);
        return;
    }
    if (path.len > API_PATH_LEN_MAX || request->query.len > API_QUERY_LEN_MAX) {
        refuse(exchange, API_TOO_LARGE, "The URL is too long");
        return;
    }
    char *paths = mem_alloc(path.len);
    char *input = mem_alloc(request->query.len);
    if (query_decode(path, false, paths, &len) == OK)
        call_decoded(exchange, (struct text){paths, len}, input);
    else
        refuse(exchange, API_INVALID_INPUT, "The path is badly encoded");
    mem_free(input);
    mem_free(paths);
}
