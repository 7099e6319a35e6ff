/* A WebSocket that is sent any bytes: messages within the limit, text in UTF-8, one on_closed. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "support/http_pipe.h"

enum { INPUT_LEN_MAX = 16 * 1024, MESSAGE_LEN_MAX = 1000 };

static size_t closed;

static void on_message(struct http_ws *ws, bool is_text, struct text message)
{
    assert(message.len <= MESSAGE_LEN_MAX);
    assert(!is_text || text_is_utf8(message));
    if (message.len == 3)
        http_ws_close(ws, 1000, message);
    else
        IGNORE_ERR(http_ws_send(ws, TEXT("ok"))); /* ERR_CLOSED is as good */
}

static void on_closed(struct http_ws *ws, uint16_t code)
{
    (void)ws;
    (void)code;
    closed++;
}

static void get_ws(struct http_request *req)
{
    static const struct http_ws_handlers handlers = {
        .on_message = on_message, .on_closed = on_closed, .message_len_max = MESSAGE_LEN_MAX};
    struct http_ws *ws;

    enum err err = http_upgrade_websocket(req, &handlers, NULL, &ws);
    assert(err == OK);
    (void)err;
}

static const struct http_route routes[] = {{HTTP_GET, "/", 0, 0, get_ws, NULL}};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    size_t blocks = mem_live_blocks();
    size_t step = len > 1000 ? 500 : 1 + len % 5;
    struct http_pipe pipe;

    if (len > INPUT_LEN_MAX)
        return 0;
    closed = 0;
    http_pipe_open(&pipe, routes, 1, NULL);
    http_pipe_send(&pipe, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    for (size_t at = 0; at < len; at += step)
        http_pipe_send_bytes(&pipe.end, bytes + at, len - at < step ? len - at : step);
    assert(http_pipe_output(&pipe).len <= 1024 + 16 * len);
    http_pipe_close(&pipe);
    assert(closed == 1);
    assert(mem_live_blocks() == blocks);
    return 0;
}
