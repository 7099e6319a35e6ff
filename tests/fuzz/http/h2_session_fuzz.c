/* The server over HTTP/2: any frames behind the preface. It comes to rest, what it sends is bounded
 * by what it got, and time and the end of the connection leave no memory behind. */
#include <assert.h>

#include "base/mem.h"
#include "support/http_pipe.h"

enum { INPUT_LEN_MAX = 16 * 1024 };

static struct list waiting;

static void on_cancel(struct http_request *req)
{
    (void)req;
}

static void get(struct http_request *req)
{
    http_respond_text(req, 200, "text/plain", req->path);
}

static void wait(struct http_request *req)
{
    list_push_back(&waiting, &req->owner_node);
    http_suspend(req, on_cancel);
}

static void echo(struct http_request *req)
{
    http_respond_text(req, 200, "text/plain", http_body_text(req));
}

static const struct http_route routes[] = {
    {HTTP_GET, "/wait", 0, 0, wait, NULL},
    {HTTP_POST, "/{rest...}", 0, 1000, echo, NULL},
    {HTTP_GET, "/{rest...}", 0, 0, get, NULL},
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    size_t blocks = mem_live_blocks();
    struct http_pipe pipe;

    if (len > INPUT_LEN_MAX)
        return 0;
    list_init(&waiting);
    http_pipe_open(&pipe, routes, sizeof(routes) / sizeof(routes[0]), NULL);
    http_pipe_send(&pipe, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    http_pipe_send_bytes(&pipe.end, bytes, len / 2);
    LIST_FOR_EACH(node, &waiting)
    {
        http_respond_text(CONTAINER_OF(node, struct http_request, owner_node), 200, "text/plain",
                          TEXT("woken"));
    }
    http_pipe_send_bytes(&pipe.end, bytes + len / 2, len - len / 2);
    assert(http_pipe_output(&pipe).len <= 1024 + 2048 * len);
    http_pipe_pass_ms(&pipe, 100 * 1000);
    http_pipe_close(&pipe);
    assert(list_is_empty(&waiting));
    assert(mem_live_blocks() == blocks);
    return 0;
}
