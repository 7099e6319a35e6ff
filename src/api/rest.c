/*
 * rest - operations by method and path, refusals as problem+json (RFC 9457).
 */
#include <jansson.h>
#include <stdio.h>

#include "api/exchange.h"
#include "api/input.h"
#include "api/query.h"
#include "base/jsonw.h"
#include "base/mem.h"

enum { SEGMENT_LEN_MAX = 256, METHODS_LEN_MAX = 64 };

static void refuse(struct exchange *exchange, const struct api_error *error)
{
    struct jsonw j = jsonw_of(&exchange->api->body);

    api_write_problem(&j, error);
    api_add_error_headers(exchange->answer, error);
    exchange_answer(exchange, api_code_status(error->code), "application/problem+json");
}

/* "{id}" -> "id"; empty for a literal segment. */
static struct text field_of_segment(struct text segment)
{
    if (segment.len < 2 || segment.ptr[0] != '{')
        return (struct text){0};
    return text_sub(segment, 1, segment.len - 2);
}

/* Takes a field out of the path. `*to` has room for what is decoded, and moves behind it. */
static bool take_segment(struct call *call, struct text field, struct text segment, char **to)
{
    size_t index = (size_t)operation_field_find(call->operation, field);
    struct text value = {*to,
                         0}; /* no value is empty, so the field refuses what is badly encoded */

    if (segment.len <= SEGMENT_LEN_MAX && query_decode(segment, false, *to, &value.len) != OK)
        value.len = 0;
    *to += value.len;
    return input_from_text(call->operation, index, value, &call->input, call->error);
}

/* True when the path has the operation's shape. With a call, also takes the fields in it; then
 * false can mean a wrong value, and its error tells. */
static bool match(const struct operation *operation, struct text path, struct call *call, char **to)
{
    struct text pattern = text_of(operation->path);

    while (pattern.len != 0 && path.len != 0) {
        (void)text_cut(&pattern, '/'); /* what stands before the slash is empty */
        (void)text_cut(&path, '/');
        struct text wanted = text_sub(pattern, 0, text_index_of(pattern, '/'));
        struct text got = text_sub(path, 0, text_index_of(path, '/'));
        struct text field = field_of_segment(wanted);

        pattern = text_sub(pattern, wanted.len, pattern.len);
        path = text_sub(path, got.len, path.len);
        if (field.len == 0 && !text_equal(wanted, got))
            return false;
        if (field.len != 0 && call && !take_segment(call, field, got, to))
            return false;
    }
    return pattern.len == 0 && path.len == 0;
}

/* The operation for the method; when there is none, the methods that the path has. */
static const struct operation *route(struct text method, struct text path,
                                     char allowed[METHODS_LEN_MAX])
{
    struct writer w = writer_fixed(allowed, METHODS_LEN_MAX - 1);

    if (text_equal(method, TEXT("HEAD")))
        method = TEXT("GET");
    for (size_t i = 0; i < operation_count(); i++) {
        const struct operation *operation = operation_at(i);

        if (!operation->method || !match(operation, path, NULL, NULL))
            continue;
        if (text_equal(text_of(operation->method), method))
            return operation;
        writer_str(&w, w.len ? ", " : "");
        writer_str(&w, operation->method);
        writer_str(&w, text_equal(text_of(operation->method), TEXT("GET")) ? ", HEAD" : "");
    }
    allowed[w.len] = '\0';
    return NULL;
}

static bool take_query(const struct operation *operation, struct text query, struct input *input,
                       char *chars, struct api_error *error)
{
    struct text name, value;

    while (query_next(&query, &name, &value)) {
        int field = operation_field_find(operation, name);
        size_t len;

        if (field < 0)
            continue; /* proxies and browsers add their own */
        if (input->is_given[field] || query_decode(value, true, chars, &len) != OK) {
            (void)snprintf(error->field, sizeof(error->field), "%.*s", TEXT_ARG(name)); /* cut */
            return api_fail(error, API_INVALID_INPUT, "%.*s: is given twice or badly encoded",
                            (int)(name.len < 64 ? name.len : 64), name.ptr);
        }
        if (!input_from_text(operation, (size_t)field, (struct text){chars, len}, input, error))
            return false;
        chars += len; /* texts in the input point to what was decoded */
    }
    return true;
}

static bool is_json_type(struct text content_type)
{
    return text_equal_nocase(text_trim(text_cut(&content_type, ';')), TEXT("application/json"));
}

static bool take_body(const struct operation *operation, const struct api_request *request,
                      struct input *input, json_t **ret_json, struct api_error *error)
{
    if (request->body.len == 0)
        return true;
    if (request->body.len > API_BODY_LEN_MAX)
        return api_fail(error, API_TOO_LARGE, "A body has at most %d bytes.", API_BODY_LEN_MAX);
    if (!is_json_type(request->content_type))
        return api_fail(error, API_MEDIA_TYPE, "Send the body as content-type application/json.");
    return input_parse_json(request->body, ret_json, error) &&
           input_from_json(operation, *ret_json, input, error);
}

static bool take_input(struct call *call, struct text path)
{
    struct exchange *exchange = call->exchange;
    const struct operation *operation = call->operation;
    const struct api_request *request = exchange->request;
    char *to = exchange->chars = mem_alloc(path.len + request->query.len);

    return match(operation, path, call, &to) &&
           (operation->kind == OPERATION_MUTATION
                ? take_body(operation, request, &call->input, &exchange->json, call->error)
                : take_query(operation, request->query, &call->input, to, call->error)) &&
           input_check(operation, &call->input, call->error);
}

static void finish(struct exchange *exchange)
{
    const struct call *call = &exchange->calls[0];

    if (call->state != CALL_DONE) {
        refuse(exchange, call->error);
        return;
    }
    writer_text(&exchange->api->body, buf_text(call->result));
    exchange_answer(exchange, call->operation->status, "application/json");
}

static void call_operation(struct exchange *exchange, const struct operation *operation,
                           struct text path)
{
    struct call *call;

    exchange_add_calls(exchange, 1);
    exchange->finish = finish;
    call = &exchange->calls[0];
    call->operation = operation;
    if (call_admit(call) && take_input(call, path))
        call_run(call);
}

static void answer_openapi(struct exchange *exchange)
{
    struct api *api = exchange->api;

    if (!api->openapi) {
        openapi_write(&api->body);
        api->openapi = writer_copy_buf(&api->body);
    }
    exchange->answer->status = 200;
    api_set_header(exchange->answer, "cache-control", TEXT("max-age=300"));
    api_set_header(exchange->answer, "content-type", TEXT("application/json"));
    exchange->answer->body = buf_ref(api->openapi);
}

/* OPTIONS and methods that the path does not have. */
static void answer_methods(struct exchange *exchange, const char *allowed, struct text path)
{
    bool is_options = text_equal(exchange->request->method, TEXT("OPTIONS"));
    struct api_error error = {0};

    if (!*allowed) {
        (void)api_fail(&error, API_NOT_FOUND, "There is nothing at /api/v1%.*s",
                       (int)(path.len < 100 ? path.len : 100), path.ptr);
        refuse(exchange, &error);
        return;
    }
    api_set_header(exchange->answer, "allow", text_of(allowed));
    if (is_options) {
        exchange_answer(exchange, 204, NULL);
        return;
    }
    (void)api_fail(&error, API_METHOD_NOT_ALLOWED, "This path takes %s.", allowed);
    refuse(exchange, &error);
}

void rest_call(struct exchange *exchange, struct text path)
{
    const struct api_request *request = exchange->request;
    char allowed[METHODS_LEN_MAX];
    bool is_openapi = text_equal(path, TEXT("/openapi.json"));

    if (path.len > API_PATH_LEN_MAX || request->query.len > API_QUERY_LEN_MAX) {
        struct api_error error = {0};

        (void)api_fail(&error, API_TOO_LARGE, "The URL is too long.");
        refuse(exchange, &error);
        return;
    }
    const struct operation *operation = route(request->method, path, allowed);
    if (is_openapi &&
        (text_equal(request->method, TEXT("GET")) || text_equal(request->method, TEXT("HEAD"))))
        answer_openapi(exchange);
    else if (operation)
        call_operation(exchange, operation, path);
    else
        answer_methods(exchange, is_openapi ? "GET, HEAD" : allowed, path);
}
