#include "api/api.h"

#include <jansson.h>
#include <stdio.h>

#include "api/exchange.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "channel/channel.h"

#define REST_PREFIX TEXT("/api/v1")
#define TRPC_PREFIX TEXT("/trpc")

/* Around the results of a batch: envelopes, and refusals with their sentences. */
enum { HOST_LEN_MAX = 255, ENVELOPES_LEN_MAX = API_BATCH_MAX * 8192 };

static struct rate_rule mutations_rule(const struct api_config *config)
{
    struct rate_rule rule = {.per_second = 50, .burst = 200};

    if (config->mutations.per_second > 0)
        rule.per_second = config->mutations.per_second;
    if (config->mutations.burst > 0)
        rule.burst = config->mutations.burst;
    return rule;
}

struct api *api_create(const struct api_config *config, const struct api_handler *handler,
                       const struct api_parts *parts)
{
    struct api *api = mem_zalloc(sizeof(*api));
    struct rate_rule rule = mutations_rule(config);

    /* With our allocator, out of memory is handled in one way, and tests see leaks. */
    json_set_alloc_funcs(mem_alloc, mem_free);
    api->config = *config;
    api->public_url_chars = mem_strndup(config->public_url.ptr, config->public_url.len);
    api->config.public_url = text_of(api->public_url_chars);
    api->handler = *handler;
    api->channels = parts->channels;
    api->accounts = parts->accounts;
    api->webhooks = parts->webhooks;
    api->has_recorder = parts->recorder != NULL;
    if (parts->recorder)
        api->recorder = *parts->recorder;
    api->mutations = rate_limit_create(&rule);
    list_init(&api->waiting);
    api->body = writer_growing(API_ANSWER_LEN_MAX + ENVELOPES_LEN_MAX);
    api->data = writer_growing(API_ANSWER_LEN_MAX);
    return api;
}

void api_destroy(struct api *api)
{
    if (!api)
        return;
    LIST_FOR_EACH(node, &api->waiting)
    {
        exchange_destroy(CONTAINER_OF(node, struct exchange, in_waiting));
    }
    map_deinit(&api->running_keys);
    rate_limit_destroy(api->mutations);
    writer_deinit(&api->body);
    writer_deinit(&api->data);
    (void)buf_unref(api->openapi); /* gives NULL */
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

static void find_caller(struct exchange *exchange)
{
    const struct api *api = exchange->api;
    const struct api_request *request = exchange->request;
    const struct channel *channel =
        channel_find_by_key(api->channels, credentials_bearer(request->authorization));
    const struct credentials credentials = {
        .authorization = request->authorization,
        .cookie = request->cookie,
        .csrf_token = request->csrf_token,
        .address = request->peer_address,
        .stream_key_channel_id = channel ? channel->id : 0,
    };

    account_identify(api->accounts, &credentials, exchange->now_us, &exchange->caller);
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

/* Empty when neither the configuration nor the request names a host: links are paths then. */
static void find_base_url(const struct api *api, const struct api_request *request,
                          char to[EXCHANGE_URL_LEN_MAX])
{
    struct writer w = writer_fixed(to, EXCHANGE_URL_LEN_MAX - 1);

    if (api->config.public_url.len != 0) {
        writer_text(&w, api->config.public_url);
    } else if (is_host(request->host)) {
        writer_str(&w, request->is_https ? "https://" : "http://");
        writer_text(&w, request->host);
    }
    to[w.len] = '\0';
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

static void find_rtmp_url(const struct api *api, struct text base_url,
                          char to[EXCHANGE_URL_LEN_MAX])
{
    enum { RTMP_PORT = 1935 };
    struct writer w = writer_fixed(to, EXCHANGE_URL_LEN_MAX - 1);
    struct text host = host_of(base_url);

    if (api->config.rtmp_port != 0) {
        writer_str(&w, "rtmp://");
        writer_text(&w, host.len ? host : TEXT("localhost"));
        if (api->config.rtmp_port != RTMP_PORT) {
            writer_char(&w, ':');
            writer_dec(&w, api->config.rtmp_port);
        }
        writer_str(&w, "/live");
    }
    to[w.len] = '\0';
}

/* ---- calls ---- */

static uint64_t newest_ticket(const struct api *api)
{
    return api->handler.ticket(api->handler.context);
}

/* The answer waits for what went to the store since `before`. */
static void note_tickets(const struct api *api, struct api_answer *answer, uint64_t before)
{
    uint64_t newest = newest_ticket(api);

    if (newest == before)
        return;
    if (answer->first_ticket == 0)
        answer->first_ticket = before + 1;
    answer->last_ticket = newest;
}

static struct exchange *open_exchange(struct api *api, const struct api_request *request,
                                      int64_t now_us, struct api_answer *answer)
{
    struct exchange *exchange = mem_zalloc(sizeof(*exchange));

    *answer = (struct api_answer){0};
    writer_clear(&api->body);
    exchange->api = api;
    exchange->request = request;
    exchange->answer = answer;
    exchange->now_us = now_us;
    list_node_init(&exchange->in_waiting);
    find_base_url(api, request, exchange->base_url);
    find_rtmp_url(api, text_of(exchange->base_url), exchange->rtmp_url);
    find_caller(exchange);
    return exchange;
}

bool api_call(struct api *api, const struct api_request *request, int64_t now_us,
              struct api_answer *answer)
{
    uint64_t ticket_before = newest_ticket(api);
    struct exchange *exchange = open_exchange(api, request, now_us, answer);
    struct text rest;

    if (cut_prefix(request->path, TRPC_PREFIX, &rest)) {
        answer->is_trpc = true;
        trpc_call(exchange, text_sub(rest, 1, rest.len));
    } else if (cut_prefix(request->path, REST_PREFIX, &rest)) {
        rest_call(exchange, rest);
    } else {
        rest_call(exchange, (struct text){0}); /* not ours: answered as not found */
    }
    bool is_answered = exchange_settle(exchange);
    note_tickets(api, answer, ticket_before);
    return is_answered;
}

void api_task_done(struct api *api, struct api_task *task, int64_t now_us)
{
    uint64_t ticket_before = newest_ticket(api);
    struct call *call = task->call;
    struct exchange *exchange = call->exchange;
    struct api_answer *answer = exchange->answer;

    exchange->now_us = now_us;
    call_resume(call, task);
    bool is_answered = exchange_settle(exchange);
    note_tickets(api, answer, ticket_before);
    if (is_answered)
        api->handler.answer(api->handler.context, answer);
}

void api_answer_deinit(struct api_answer *answer)
{
    (void)buf_unref(answer->body); /* gives NULL */
    *answer = (struct api_answer){0};
}

void api_not_stored(struct api_answer *answer)
{
    const struct api_answer shape = {.is_trpc = answer->is_trpc,
                                     .batch_count = answer->batch_count,
                                     .is_stream = answer->is_stream};
    struct writer w = writer_growing(ENVELOPES_LEN_MAX);
    struct jsonw j = jsonw_of(&w);
    struct api_error error = {0};

    (void)api_fail(&error, API_NOT_STORED,
                   "The change could not be stored. Nothing is lost; try again later.");
    api_answer_deinit(answer);
    *answer = shape;
    if (shape.is_trpc)
        trpc_write_refusals(&shape, &error, &w);
    else
        api_write_problem(&j, &error);

    answer->status = api_code_status(error.code);
    api_set_header(answer, "cache-control", TEXT("no-store"));
    api_set_header(answer, "content-type",
                   shape.is_trpc ? TEXT("application/json") : TEXT("application/problem+json"));
    answer->body = writer_copy_buf(&w);
    writer_deinit(&w);
}
