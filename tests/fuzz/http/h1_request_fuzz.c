/* The server over HTTP/1.1: any bytes, whole and in pieces, give the same answers; the server comes
 * to rest, keeps no more input than its limits, and leaves no memory behind. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "support/http_pipe.h"

enum { INPUT_LEN_MAX = 32 * 1024, PENDING_LEN_MAX = 64 * 1024 };

static void get(struct http_request *req)
{
    assert(text_is_utf8(req->path));
    assert(!text_contains(req->path, TEXT("/../")));
    assert(req->fields_count <= HTTP_FIELDS_MAX);
    http_respond_text(req, 200, "text/plain", req->path);
}

static void post(struct http_request *req)
{
    assert(http_body_text(req).len <= 1000);
    http_respond_text(req, 200, "text/plain", http_body_text(req));
}

static void on_cancel(struct http_request *req)
{
    (void)req;
}

static void on_body(struct http_request *req, struct text bytes, bool is_last)
{
    (void)bytes;
    if (is_last)
        http_respond_empty(req, 204);
}

static void upload(struct http_request *req)
{
    http_read_body(req, on_body, on_cancel);
}

static void wait(struct http_request *req)
{
    http_suspend(req, on_cancel);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/wait", 0, 0, wait, NULL},
    {HTTP_POST, "/echo", HTTP_ROUTE_CORS, 1000, post, "application/sdp"},
    {HTTP_PUT, "/upload", HTTP_ROUTE_STREAM_BODY, 1000, upload, NULL},
    {HTTP_GET, "/{rest...}", HTTP_ROUTE_CORS, 0, get, NULL},
};

/* Sends the input in pieces of `step` bytes; the output is left in the pipe. */
static void run(struct http_pipe *pipe, const uint8_t *bytes, size_t len, size_t step)
{
    http_pipe_open(pipe, routes, sizeof(routes) / sizeof(routes[0]), NULL);
    for (size_t at = 0; at < len; at += step) {
        http_pipe_send_bytes(&pipe->end, bytes + at, len - at < step ? len - at : step);
        assert(!pipe->end.conn || pipe->end.conn->h1.pending_len <= PENDING_LEN_MAX);
    }
}

/* 100 Continue depends on timing: it is sent only while the body has not come. */
static struct text without_continue(struct writer *w, struct text output)
{
    static const struct text interim = TEXT_INIT("HTTP/1.1 100 Continue\r\n\r\n");

    while (output.len) {
        if (text_starts_with(output, interim)) {
            output = text_sub(output, interim.len, output.len);
            continue;
        }
        writer_char(w, output.ptr[0]);
        output = text_sub(output, 1, output.len);
    }
    return writer_as_text(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    size_t blocks = mem_live_blocks();

    if (len > INPUT_LEN_MAX || (len >= 3 && memcmp(bytes, preface, 3) == 0))
        return 0;

    struct http_pipe whole;
    struct http_pipe split;
    struct writer a = writer_growing(1 << 26);
    struct writer b = writer_growing(1 << 26);

    run(&whole, bytes, len, len ? len : 1);
    run(&split, bytes, len, len > 4096 ? 1000 : 1 + len % 7);
    assert(text_equal(without_continue(&a, http_pipe_output(&whole)),
                      without_continue(&b, http_pipe_output(&split))));
    assert(whole.end.is_closed == split.end.is_closed);
    http_pipe_close(&whole);
    http_pipe_close(&split);
    writer_deinit(&a);
    writer_deinit(&b);
    assert(mem_live_blocks() == blocks);
    return 0;
}
