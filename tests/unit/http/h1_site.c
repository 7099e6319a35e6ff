#include "h1_site.h"

#include <string.h>

#include "base/mem.h"
#include "support/test.h"

struct site_state S;
struct http_pipe P;

/* ---- Handlers ---- */

static void on_cancel(struct http_request *req)
{
    assert_false(list_node_is_linked(&req->owner_node));
    S.cancelled++;
}

static void get_hello(struct http_request *req)
{
    http_respond_text(req, 200, "text/plain", TEXT("hello"));
}

static void get_asset(struct http_request *req)
{
    http_respond_asset(req, S.asset);
}

static void get_wait(struct http_request *req)
{
    list_push_back(&S.waiting, &req->owner_node);
    http_suspend(req, on_cancel);
}

static void get_nothing(struct http_request *req)
{
    (void)req;
}

static void get_see(struct http_request *req)
{
    struct writer w = writer_fixed(S.seen, sizeof(S.seen));

    writer_text(&w, req->path);
    writer_char(&w, '|');
    writer_text(&w, http_param(req, "name"));
    writer_char(&w, '|');
    writer_text(&w, req->query);
    writer_char(&w, '|');
    writer_text(&w, req->host);
    writer_char(&w, '|');
    writer_text(&w, http_header(req, "x-test"));
    writer_char(&w, '|');
    writer_text(&w, http_bearer(req));
    writer_char(&w, 0);
    http_respond_empty(req, 204);
}

static void post_echo(struct http_request *req)
{
    http_respond_text(req, 200, "application/octet-stream", http_body_text(req));
}

static void on_upload(struct http_request *req, struct text bytes, bool is_last)
{
    S.body_len += bytes.len;
    S.got_last = is_last;
    if (is_last)
        http_respond_empty(req, 204);
}

static void post_upload(struct http_request *req)
{
    http_read_body(req, on_upload, on_cancel);
    S.stream = req;
}

static void post_refuse(struct http_request *req)
{
    http_respond_problem(req, 403, TEXT("no"));
}

static void on_drain(struct http_request *req)
{
    (void)req;
    S.drained++;
}

static void get_stream(struct http_request *req)
{
    S.stream = req;
    http_respond_stream(req, &(struct http_response){.content_type = "text/event-stream"},
                        on_cancel, on_drain);
}

/* A file of 1,000 bytes that is read later. */
static void get_file(struct http_request *req)
{
    const struct http_response response = {.content_type = "video/mp4", .etag = TEXT("\"f1\"")};

    S.stream = NULL;
    if (http_respond_file(req, &response, 1000, on_cancel, on_drain, &S.offset, &S.left))
        S.stream = req;
}

static void get_headers(struct http_request *req)
{
    struct http_header_line lines[] = {{"X-Evil", TEXT_INIT("a\r\nSet-Cookie: b")}};

    http_respond(req, &(struct http_response){.status = 201,
                                              .location = TEXT("/whip/1/2"),
                                              .headers = lines,
                                              .headers_count = 1});
}

const struct http_route site_routes[] = {
    {HTTP_GET, "/hello", 0, 0, get_hello, NULL},
    {HTTP_GET, "/asset", HTTP_ROUTE_CORS, 0, get_asset, NULL},
    {HTTP_GET, "/wait", 0, 0, get_wait, NULL},
    {HTTP_GET, "/nothing", 0, 0, get_nothing, NULL},
    {HTTP_GET, "/see/{name}", 0, 0, get_see, NULL},
    {HTTP_POST, "/echo", HTTP_ROUTE_CORS, 100, post_echo, "application/sdp"},
    {HTTP_POST, "/upload", HTTP_ROUTE_STREAM_BODY, 1000, post_upload, NULL},
    {HTTP_POST, "/refuse", HTTP_ROUTE_STREAM_BODY, 1000, post_refuse, NULL},
    {HTTP_GET, "/stream", 0, 0, get_stream, NULL},
    {HTTP_GET, "/file", 0, 0, get_file, NULL},
    {HTTP_GET, "/headers", 0, 0, get_headers, NULL},
};

const size_t site_routes_count = sizeof(site_routes) / sizeof(site_routes[0]);

/* ---- Fixture ---- */

void open_with(const struct http_config *config)
{
    struct slice slices[2] = {slice_take(buf_create(600)), slice_take(buf_create(400))};

    S = (struct site_state){0};
    list_init(&S.waiting);
    memset(slices[0].buf->data, 'a', 600);
    memset(slices[1].buf->data, 'b', 400);
    S.asset = http_asset_create(&(struct http_asset_params){.content_type = "video/mp4",
                                                            .cache_control = "max-age=5",
                                                            .etag = TEXT("\"v1\""),
                                                            .body = slices,
                                                            .body_count = 2});
    http_pipe_open(&P, site_routes, site_routes_count, config);
}

void open_pipe(void)
{
    open_with(NULL);
}

void close_pipe(void)
{
    http_pipe_close(&P);
    http_asset_unref(S.asset);
}

void assert_starts(struct text output, const char *wanted)
{
    assert_text(text_sub(output, 0, strlen(wanted)), wanted);
}

void assert_contains(struct text output, const char *wanted)
{
    if (!text_contains(output, text_of(wanted)))
        fail_msg("no \"%s\" in:\n%.*s", wanted, TEXT_ARG(output));
}

void assert_lacks(struct text output, const char *unwanted)
{
    if (text_contains(output, text_of(unwanted)))
        fail_msg("\"%s\" in:\n%.*s", unwanted, TEXT_ARG(output));
}

size_t count_of(struct text output, const char *needle)
{
    size_t count = 0;

    for (size_t i = 0; i < output.len; i++)
        count += text_starts_with(text_sub(output, i, output.len), text_of(needle));
    return count;
}
