#include "support/http_pipe.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

enum { OUTPUT_LEN_MAX = 64 * 1024 * 1024 };

#define WALL_US (INT64_C(1795250400) * US_PER_S)

static enum err pipe_read(void *handle, void *to, size_t cap, size_t *ret_len)
{
    struct http_pipe_end *end = handle;
    size_t left = end->input.len - end->input_read;

    if (left == 0)
        return end->has_ended ? ERR_CLOSED : ERR_AGAIN;
    if (left > cap)
        left = cap;
    memcpy(to, end->input.data + end->input_read, left);
    end->input_read += left;
    *ret_len = left;
    return OK;
}

static enum err pipe_send(void *handle, const void *head, size_t head_len,
                          const struct slice *slices, size_t count)
{
    struct http_pipe_end *end = handle;
    struct writer *to = end->is_blocked ? &end->blocked : &end->output;

    if (head_len)
        writer_bytes(to, head, head_len);
    for (size_t i = 0; i < count; i++) {
        writer_bytes(to, slices[i].data, slices[i].len);
        buf_unref(slices[i].buf);
    }
    assert(!to->failed);
    return end->fails ? ERR_CLOSED : OK;
}

static size_t pipe_queued_len(const void *handle)
{
    const struct http_pipe_end *end = handle;

    return end->blocked.len;
}

static void pipe_pause(void *handle)
{
    ((struct http_pipe_end *)handle)->is_paused = true;
}

static void pipe_resume(void *handle)
{
    ((struct http_pipe_end *)handle)->is_paused = false;
}

static void pipe_delay_acks(void *handle)
{
    ((struct http_pipe_end *)handle)->acks_delayed++;
}

static void pipe_shutdown(void *handle)
{
    ((struct http_pipe_end *)handle)->is_shut_down = true;
}

static void pipe_close(void *handle)
{
    struct http_pipe_end *end = handle;

    assert(!end->is_closed);
    end->is_closed = true;
    end->conn = NULL;
}

static const struct http_io pipe_io = {
    .read = pipe_read,
    .send = pipe_send,
    .queued_len = pipe_queued_len,
    .pause_reading = pipe_pause,
    .resume_reading = pipe_resume,
    .delay_acks = pipe_delay_acks,
    .shutdown = pipe_shutdown,
    .close = pipe_close,
};

void http_pipe_connect(struct http_pipe *pipe, struct http_pipe_end *end, const char *ip)
{
    struct net_address peer;

    *end = (struct http_pipe_end){.pipe = pipe,
                                  .input = writer_growing(OUTPUT_LEN_MAX),
                                  .output = writer_growing(OUTPUT_LEN_MAX),
                                  .blocked = writer_growing(OUTPUT_LEN_MAX)};
    if (net_parse_ip(text_of(ip), 40000, &peer) != OK)
        abort();
    end->conn = conn_open(pipe->server, &pipe_io, end, &peer, false);
}

void http_pipe_end_deinit(struct http_pipe_end *end)
{
    writer_deinit(&end->input);
    writer_deinit(&end->output);
    writer_deinit(&end->blocked);
}

void http_pipe_open_with(struct http_pipe *pipe, const struct http_server_params *params)
{
    struct diag diag;

    if (http_core_create(params, WALL_US, &diag, &pipe->server) != OK)
        abort();
    http_pipe_connect(pipe, &pipe->end, "127.0.0.1");
}

void http_pipe_open(struct http_pipe *pipe, const struct http_route *routes, size_t count,
                    const struct http_config *config)
{
    http_pipe_open_with(
        pipe, &(struct http_server_params){.routes = routes,
                                           .routes_count = count,
                                           .config = config ? *config : http_config_default(),
                                           .owner = pipe});
}

void http_pipe_close(struct http_pipe *pipe)
{
    http_core_destroy(pipe->server);
    http_pipe_end_deinit(&pipe->end);
}

/* Turns, until nothing moves. */
static void settle(struct http_pipe_end *end)
{
    for (int turn = 0; turn < 1000; turn++) {
        size_t read_before = end->input_read;

        if (end->conn && !end->is_paused)
            conn_on_readable(end->conn, false);
        http_core_run(end->pipe->server);
        if (end->input_read == read_before && list_is_empty(&end->pipe->server->ready))
            return;
    }
    abort(); /* the server never comes to rest */
}

void http_pipe_send_bytes(struct http_pipe_end *end, const void *bytes, size_t len)
{
    if (!end->conn)
        return;
    if (end->input_read == end->input.len) {
        writer_clear(&end->input);
        end->input_read = 0;
    }
    writer_bytes(&end->input, bytes, len);
    settle(end);
}

void http_pipe_send(struct http_pipe *pipe, const char *text)
{
    http_pipe_send_bytes(&pipe->end, text, strlen(text));
}

void http_pipe_send_fin(struct http_pipe_end *end)
{
    end->has_ended = true;
    settle(end);
}

void http_pipe_unblock(struct http_pipe_end *end)
{
    end->is_blocked = false;
    if (end->blocked.len)
        writer_bytes(&end->output, end->blocked.data, end->blocked.len);
    writer_clear(&end->blocked);
    if (end->conn)
        conn_on_drained(end->conn);
    settle(end);
}

void http_pipe_pass_ms(struct http_pipe *pipe, int64_t ms)
{
    pipe->server->now_us += ms * US_PER_MS;
    http_core_tick(pipe->server);
    settle(&pipe->end);
}

struct text http_pipe_output(struct http_pipe *pipe)
{
    /* Cleared only in length: the text stays readable until more is sent. */
    struct text output = writer_as_text(&pipe->end.output);

    pipe->end.output.len = 0;
    return output;
}

struct text http_pipe_body(struct http_pipe *pipe)
{
    struct text output = http_pipe_output(pipe);

    while (output.len && !text_starts_with(output, TEXT("\r\n\r\n")))
        output = text_sub(output, 1, output.len);
    return text_sub(output, 4, output.len);
}
