#include "edge/call.h"

#include <string.h>

#include "base/mem.h"
#include "base/writer.h"
#include "edge/edge_private.h"

/* ---- what a request says ---- */

struct net_address call_client_address(const struct http_request *request)
{
    struct text forwarded = http_header(request, "x-forwarded-for");
    struct net_address client = *http_peer(request);

    if (!edge_of(request)->config.trusts_forwarded)
        return client;
    size_t last = forwarded.len;
    while (last > 0 && forwarded.ptr[last - 1] != ',')
        last--;
    /* No address there: the peer it is. */
    IGNORE_ERR(net_parse_ip(text_trim(text_sub(forwarded, last, forwarded.len)),
                            net_port(http_peer(request)), &client));
    return client;
}

static bool is_https(const struct http_request *request)
{
    if (request->is_tls)
        return true;
    return edge_of(request)->config.trusts_forwarded &&
           text_equal_nocase(http_header(request, "x-forwarded-proto"), TEXT("https"));
}

static struct text method_name(enum http_method method)
{
    switch (method) {
    case HTTP_GET:
        return TEXT("GET");
    case HTTP_HEAD:
        return TEXT("HEAD");
    case HTTP_POST:
        return TEXT("POST");
    case HTTP_PUT:
        return TEXT("PUT");
    case HTTP_PATCH:
        return TEXT("PATCH");
    case HTTP_DELETE:
        return TEXT("DELETE");
    case HTTP_OPTIONS:
        return TEXT("OPTIONS");
    }
    return (struct text){0};
}

struct api_request call_api_request(const struct http_request *request)
{
    bool is_foreign = http_origin(request) == HTTP_ORIGIN_FOREIGN;

    return (struct api_request){
        .method = method_name(request->method),
        .path = request->path,
        .query = request->query,
        .content_type = http_header(request, "content-type"),
        .authorization = http_header(request, "authorization"),
        .cookie = is_foreign ? (struct text){0} : http_header(request, "cookie"),
        .csrf_token = http_header(request, "x-csrf-token"),
        .idempotency_key = http_header(request, "idempotency-key"),
        .trpc_accept = http_header(request, "trpc-accept"),
        .user_agent = http_header(request, "user-agent"),
        .host = request->host,
        .is_https = is_https(request),
    };
}

/* ---- calls ---- */

/* The texts that a call carries; all are copied into its block. */
static const size_t texts[] = {
    offsetof(struct edge_call, api.path),
    offsetof(struct edge_call, api.query),
    offsetof(struct edge_call, api.content_type),
    offsetof(struct edge_call, api.authorization),
    offsetof(struct edge_call, api.cookie),
    offsetof(struct edge_call, api.csrf_token),
    offsetof(struct edge_call, api.idempotency_key),
    offsetof(struct edge_call, api.trpc_accept),
    offsetof(struct edge_call, api.user_agent),
    offsetof(struct edge_call, api.host),
    offsetof(struct edge_call, api.body),
    offsetof(struct edge_call, secret),
    offsetof(struct edge_call, bearer),
    offsetof(struct edge_call, if_match),
};

static struct text *text_at(struct edge_call *call, size_t i)
{
    return (struct text *)(void *)((char *)call + texts[i]);
}

static void copy_texts(struct edge_call *call)
{
    size_t len = 0;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        len += text_at(call, i)->len;
    char *to = call->block = mem_alloc(len);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct text *text = text_at(call, i);

        if (text->len)
            memcpy(to, text->ptr, text->len);
        text->ptr = to;
        to += text->len;
    }
}

static struct edge_call *create_call(struct edge *edge, enum edge_call_kind kind,
                                     const struct net_address *client)
{
    struct edge_call *call = mem_zalloc(sizeof(*call));
    struct writer peer = writer_fixed(call->peer_text, sizeof(call->peer_text) - 1);

    call->edge = edge;
    call->kind = kind;
    call->peer = *client;
    net_write_ip(&peer, client);
    return call;
}

static void send_call(struct edge_call *call)
{
    struct edge *edge = call->edge;

    call->api.peer_address = text_of(call->peer_text);
    copy_texts(call);
    edge->calls_open++;
    edge->upstream.send(edge->upstream.ctx, call);
}

static void on_call_cancel(struct http_request *request)
{
    struct edge_call *call = request->owner;

    call->request = NULL; /* the answer comes back all the same, and is dropped */
}

void call_send(struct http_request *request, enum edge_call_kind kind,
               const struct edge_call *extra)
{
    struct net_address client = call_client_address(request);
    struct edge_call *call = create_call(edge_of(request), kind, &client);

    call->request = request;
    call->api = call_api_request(request);
    call->api.body = http_body_text(request);
    if (extra) {
        call->channel_id = extra->channel_id;
        call->secret = extra->secret;
        call->bearer = extra->bearer;
        call->if_match = extra->if_match;
    }
    request->owner = call;
    http_suspend(request, on_call_cancel);
    send_call(call);
}

void call_send_api(struct http_request *request)
{
    call_send(request, EDGE_CALL_API, NULL);
}

struct edge_call *call_send_for(struct edge *edge, const struct api_request *request,
                                const struct net_address *client,
                                void (*on_answer)(struct edge_call *call), void *owner)
{
    struct edge_call *call = create_call(edge, EDGE_CALL_API, client);

    call->api = *request;
    call->on_answer = on_answer;
    call->owner = owner;
    send_call(call);
    return call;
}

void call_abandon(struct edge_call *call)
{
    call->on_answer = NULL;
}

/* ---- answers ---- */

static void release_call(struct edge_call *call)
{
    api_answer_deinit(&call->answer);
    mem_free(call->block);
    mem_free(call);
}

/* A WHIP answer has fields of its own: where the session is, and its ICE generation. */
static size_t whip_headers(const struct edge_call *call, struct http_header_line *lines,
                           char etag[48])
{
    struct writer w = writer_fixed(etag, 47);

    if (!call->whip_etag[0])
        return 0;
    writer_printf(&w, "\"%s\"", call->whip_etag);
    lines[0] = (struct http_header_line){"ETag", writer_as_text(&w)};
    return 1;
}

static void respond_call(struct edge_call *call)
{
    struct http_header_line lines[API_HEADERS_MAX + 2];
    size_t count = 0;
    char location_memory[128];
    struct writer location = writer_fixed(location_memory, sizeof(location_memory));
    char etag[48];
    struct http_response response = {
        .status = call->answer.status,
        .cache_control = "no-store",
        .no_gzip = call->kind != EDGE_CALL_METRICS,
    };
    struct slice body;

    for (size_t i = 0; i < call->answer.header_count; i++) {
        const struct api_header *header = &call->answer.headers[i];

        if (strcmp(header->name, "content-type") == 0)
            response.content_type = header->value;
        else if (strcmp(header->name, "cache-control") == 0)
            response.cache_control = header->value;
        else
            lines[count++] = (struct http_header_line){header->name, text_of(header->value)};
    }
    if (call->whip_secret[0]) {
        writer_printf(&location, "/whip/%llu/%s", (unsigned long long)call->channel_id,
                      call->whip_secret);
        response.location = writer_as_text(&location);
    }
    count += whip_headers(call, lines + count, etag);
    response.headers = lines;
    response.headers_count = count;
    if (call->answer.body) {
        body = slice_of(call->answer.body, 0, call->answer.body->len);
        response.body = &body;
        response.body_count = 1;
    }
    http_respond(call->request, &response);
}

static void run_answer(struct loop_msg *msg)
{
    struct edge_call *call = CONTAINER_OF(msg, struct edge_call, msg);

    call->edge->calls_open--;
    if (call->request)
        respond_call(call);
    else if (call->on_answer)
        call->on_answer(call);
    release_call(call);
}

void edge_drop_call(struct loop_msg *msg)
{
    release_call(CONTAINER_OF(msg, struct edge_call, msg));
}

void edge_answer(struct edge_call *call)
{
    call->msg.run = run_answer;
    call->msg.drop = edge_drop_call;
    loop_post(call->edge->loop, &call->msg);
}

/* ---- problems ---- */

void edge_fill_problem(struct edge_call *call, int status, const char *code, struct text detail)
{
    call->answer.status = status;
    call->answer.header_count = 1;
    call->answer.headers[0] = (struct api_header){"content-type", "application/problem+json"};
    call->answer.body = http_problem(status, code, detail);
}

void call_respond_problem(struct http_request *request, int status, const char *code,
                          struct text detail)
{
    static const struct http_header_line retry = {"Retry-After", TEXT_INIT("5")};
    struct slice body = slice_take(http_problem(status, code, detail));
    struct http_response response = {
        .status = status,
        .content_type = "application/problem+json",
        .headers = &retry,
        .headers_count = status == 429 || status == 503,
        .body = &body,
        .body_count = 1,
    };

    http_respond(request, &response);
}
