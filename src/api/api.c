#include "api/api.h"

#include <jansson.h>
#include <stdio.h>

#include "account/guard.h"
#include "api/dialect.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "channel/channel.h"

#define REST_PREFIX TEXT("/api/v1")
#define TRPC_PREFIX TEXT("/trpc")

enum { BASE_URL_LEN_MAX = 300, HOST_LEN_MAX = 255 };

struct api *api_create(const struct api_config *config, struct channel_directory *directory)
{
    struct api *api = mem_zalloc(sizeof(*api));
    const struct guard_rule rule = guard_rule_default();

    /* With our allocator, out of memory is handled in one way, and tests see leaks. */
    json_set_alloc_funcs(mem_alloc, mem_free);
    api->config = *config;
    api->public_url_chars = mem_strndup(config->public_url.ptr, config->public_url.len);
    api->config.public_url = text_of(api->public_url_chars);
    api->directory = directory;
    api->guard = guard_create(&rule);
    api->body = writer_growing(API_ANSWER_LEN_MAX);
    api->data = writer_growing(API_ANSWER_LEN_MAX);
    return api;
}

void api_destroy(struct api *api)
{
    if (!api)
        return;
    writer_deinit(&api->body);
    writer_deinit(&api->data);
    (void)buf_unref(api->openapi);
    guard_destroy(api->guard);
    mem_free(api->public_url_chars);
    mem_free(api);
}

/* Cuts a prefix that ends at a slash or at the end of the path. */
static bool cut_prefix(struct text path, struct text prefix, struct text *ret_rest)
{
    if (!text_starts_with(path, prefix) || (path.len > prefix.len && path.ptr[prefix.len] != '/'))
        return false;
    *ret_rest = text_sub(path, prefix.len, path.len);
    return true;
}

bool api_owns_path(struct text path)
{
    struct text rest;

    return cut_prefix(path, REST_PREFIX, &rest) || cut_prefix(path, TRPC_PREFIX, &rest);
}

/* ---- credentials ---- */

static void read_caller(struct api *api, const struct api_request *request, int64_t now_us,
                        struct caller *caller)
{
    struct text scheme = request->authorization;
    struct text key;
    uint8_t hash[CRYPTO_SHA256_LEN];

    caller->kind = CALLER_ANYBODY;
    if (!text_starts_with_nocase(scheme, TEXT("Bearer ")))
        return; /* none, or those of a proxy in front of us */
    key = text_trim(text_sub(scheme, 7, scheme.len));

    uint64_t address = guard_key(GUARD_ADDRESS, request->peer_address);
    int64_t shut_for_us = guard_shut_for_us(api->guard, address, now_us);
    if (shut_for_us > 0) {
        caller->error.retry_after_s = (int)((shut_for_us + US_PER_S - 1) / US_PER_S);
        (void)api_fail(&caller->error, API_TOO_MANY_REQUESTS,
                       "Too many wrong keys came from this address. Wait a minute.");
        return;
    }
    crypto_sha256(key.len ? key.ptr : "", key.len, hash);
    const struct channel *channel = channel_find_by_key(api->directory, key);
    if (crypto_equal(hash, api->config.admin_key_sha256, sizeof(hash))) {
        caller->kind = CALLER_ADMIN;
    } else if (channel) {
        caller->kind = CALLER_HOST;
        caller->channel_id = channel->id;
    } else {
        guard_note(api->guard, address, now_us);
        (void)api_fail(&caller->error, API_UNAUTHORIZED, "This key is not known.");
    }
}

/* ---- URLs ---- */

/* Only what a host name, an address or a port can have: it goes into links. */
static bool is_host(struct text host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_digit = c >= '0' && c <= '9';

        if (!is_letter && !is_digit && !(c && strchr(".-:[]_", c)))
            return false;
    }
    return host.len != 0 && host.len <= HOST_LEN_MAX;
}

static struct text base_url_of(const struct api *api, const struct api_request *request,
                               char chars[BASE_URL_LEN_MAX])
{
    struct writer w = writer_fixed(chars, BASE_URL_LEN_MAX);

    if (api->config.public_url.len != 0)
        return api->config.public_url;
    if (!is_host(request->host))
        return (struct text){0}; /* links are paths then */
    writer_str(&w, request->is_https ? "https://" : "http://");
    writer_text(&w, request->host);
    return writer_as_text(&w);
}

/* "https://[::1]:8080/x" -> "[::1]" */
static struct text host_of(struct text base_url)
{
    struct text host = base_url;

    for (size_t i = 0; i + 3 <= host.len; i++) {
        if (text_starts_with(text_sub(base_url, i, 3), TEXT("://"))) {
            host = text_sub(base_url, i + 3, base_url.len);
            break;
        }
    }
    host = text_sub(host, 0, text_index_of(host, '/'));
    size_t bracket = text_index_of(host, ']');
    return bracket < host.len ? text_sub(host, 0, bracket + 1)
                              : text_sub(host, 0, text_index_of(host, ':'));
}

static struct text rtmp_url_of(const struct api *api, struct text base_url,
                               char chars[BASE_URL_LEN_MAX])
{
    enum { RTMP_PORT = 1935 };
    struct writer w = writer_fixed(chars, BASE_URL_LEN_MAX);
    struct text host = host_of(base_url);

    if (api->config.rtmp_port == 0)
        return (struct text){0};
    writer_str(&w, "rtmp://");
    writer_text(&w, host.len ? host : TEXT("localhost"));
    if (api->config.rtmp_port != RTMP_PORT) {
        writer_char(&w, ':');
        writer_dec(&w, api->config.rtmp_port);
    }
    writer_str(&w, "/live");
    return writer_as_text(&w);
}

/* ---- calls ---- */

bool api_run(struct api_exchange *exchange, const struct operation *operation,
             const struct input *input, struct api_error *error)
{
    struct api *api = exchange->api;

    writer_clear(&api->data);
    struct jsonw out = jsonw_of(&api->data);
    struct call call = {
        .api = api,
        .directory = api->directory,
        .operation = operation,
        .caller = &exchange->caller,
        .input = *input,
        .base_url = exchange->base_url,
        .rtmp_url = exchange->rtmp_url,
        .now_us = exchange->now_us,
        .out = &out,
        .error = error,
    };

    if (!call_check_caller(operation, &exchange->caller, error) ||
        !call_check_channel(operation, &exchange->caller, input, error) ||
        !operation->handle(&call))
        return false;
    if (api->data.failed)
        return api_fail(error, API_INTERNAL, "The answer is too large.");
    return true;
}

void api_finish(struct api_exchange *exchange, int status, const char *content_type)
{
    struct api_answer *answer = exchange->answer;

    answer->status = status;
    api_add_header(answer, "cache-control", TEXT("no-store"));
    if (content_type) {
        api_add_header(answer, "content-type", text_of(content_type));
        answer->body = writer_copy_buf(&exchange->api->body);
    }
}

void api_call(struct api *api, const struct api_request *request, int64_t now_us,
              struct api_answer *ret_answer)
{
    char base_url[BASE_URL_LEN_MAX], rtmp_url[BASE_URL_LEN_MAX];
    uint64_t ticket_before = channel_directory_ticket(api->directory);
    struct api_exchange exchange = {
        .api = api, .request = request, .now_us = now_us, .answer = ret_answer};
    struct text rest;

    *ret_answer = (struct api_answer){0};
    writer_clear(&api->body);
    exchange.base_url = base_url_of(api, request, base_url);
    exchange.rtmp_url = rtmp_url_of(api, exchange.base_url, rtmp_url);
    read_caller(api, request, now_us, &exchange.caller);

    if (cut_prefix(request->path, TRPC_PREFIX, &rest)) {
        ret_answer->is_trpc = true;
        trpc_call(&exchange, text_sub(rest, 1, rest.len));
    } else if (cut_prefix(request->path, REST_PREFIX, &rest)) {
        rest_call(&exchange, rest);
    } else {
        rest_call(&exchange, (struct text){0}); /* not ours: answered as not found */
    }
    uint64_t ticket = channel_directory_ticket(api->directory);
    ret_answer->store_ticket = ticket == ticket_before ? 0 : ticket;
}

void api_answer_deinit(struct api_answer *answer)
{
    (void)buf_unref(answer->body); /* gives NULL */
    *answer = (struct api_answer){0};
}

void api_not_stored(struct api_answer *answer)
{
    struct api_error error = {0};
    struct writer w = writer_growing(API_ANSWER_LEN_MAX);
    struct jsonw j = jsonw_of(&w);
    bool is_trpc = answer->is_trpc;
    uint16_t batch_count = answer->batch_count;

    (void)api_fail(&error, API_NOT_STORED,
                   "The change could not be stored. Nothing is lost; try again later.");
    api_answer_deinit(answer);
    if (batch_count != 0)
        jsonw_array_begin(&j);
    for (uint16_t i = 0; is_trpc && i < (batch_count ? batch_count : 1); i++)
        api_write_trpc_error(&j, &error, (struct text){0});
    if (batch_count != 0)
        jsonw_array_end(&j);
    if (!is_trpc)
        api_write_problem(&j, &error);

    answer->status = api_code_status(error.code);
    answer->is_trpc = is_trpc;
    answer->batch_count = batch_count;
    api_add_header(answer, "cache-control", TEXT("no-store"));
    api_add_header(answer, "content-type",
                   is_trpc ? TEXT("application/json") : TEXT("application/problem+json"));
    answer->body = writer_copy_buf(&w);
    writer_deinit(&w);
}
