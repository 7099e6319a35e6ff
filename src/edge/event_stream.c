#include "edge/event_stream.h"

#include "base/crypto.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/writer.h"
#include "edge/call.h"
#include "edge/edge_private.h"

enum {
    /* Clients of a server that ends come again, each after a time of its own. */
    RETRY_MS_MIN = 1000,
    RETRY_MS_SPREAD = 4000,
    OPENING_LEN_MAX = 160,
    END_LEN_MAX = 1024,
};

struct event_stream {
    struct push_subscriber subscriber;
    struct http_request *request;
};

static struct event_stream *stream_of(const struct push_subscriber *subscriber)
{
    return CONTAINER_OF((uintptr_t)subscriber, struct event_stream, subscriber);
}

static bool is_trpc(enum push_dialect dialect)
{
    return dialect != PUSH_EVENTS_SSE;
}

static void write_text(struct http_request *request, struct text text)
{
    struct slice slice = slice_take(buf_from_text(text));

    IGNORE_ERR(http_stream_write(request, &slice, 1)); /* a slow one is found by the hub */
}

/* ---- the hub's side ---- */

static void send_messages(struct push_subscriber *subscriber, struct slice *messages, size_t count)
{
    IGNORE_ERR(http_stream_write(stream_of(subscriber)->request, messages, count)); /* the same */
}

static size_t queued_len(const struct push_subscriber *subscriber)
{
    return http_stream_queued_len(stream_of(subscriber)->request);
}

static uint64_t taken_len(const struct push_subscriber *subscriber)
{
    return http_stream_taken_len(stream_of(subscriber)->request);
}

static void write_slow(struct writer *w, bool is_in_trpc)
{
    static const char sentence[] = "You read too slowly. Connect again.";
    struct jsonw j = jsonw_of(w);

    if (is_in_trpc) {
        struct trpc_failure failure = {.code = TRPC_UNAVAILABLE};

        diag_set(&failure.diag, "%s", sentence);
        writer_str(w, "event: serialized-error\ndata: ");
        trpc_failure_write(w, &failure, (struct text){0});
    } else {
        writer_str(w, "event: error\ndata: ");
        jsonw_object_begin(&j);
        jsonw_member_str(&j, "type", "error");
        jsonw_member_str(&j, "code", "too_slow");
        jsonw_member_str(&j, "message", sentence);
        jsonw_object_end(&j);
    }
    writer_str(w, "\n\n");
}

/* Without words the client takes the end for a broken connection and comes again: that is what it
 * shall do when the server goes. */
static void end_stream(struct push_subscriber *subscriber, enum push_end why)
{
    struct event_stream *stream = stream_of(subscriber);
    char memory[END_LEN_MAX];
    struct writer w = writer_fixed(memory, sizeof(memory));

    switch (why) {
    case PUSH_END_DELETED:
        writer_str(&w, "event: return\ndata: \n\n");
        break;
    case PUSH_END_SLOW:
        write_slow(&w, is_trpc(subscriber->dialect));
        break;
    case PUSH_END_SILENT:
    case PUSH_END_SHUTDOWN:
        break;
    }
    if (w.len)
        write_text(stream->request, writer_as_text(&w));
    http_stream_end(stream->request);
    mem_free(stream);
}

static const struct push_sink sink = {send_messages, queued_len, taken_len, end_stream};

/* ---- the connection's side ---- */

static void on_cancel(struct http_request *request)
{
    struct event_stream *stream = request->owner;

    push_leave(&stream->subscriber);
    mem_free(stream);
}

static void on_drain(struct http_request *request)
{
    struct event_stream *stream = request->owner;

    push_drained(&stream->subscriber);
    edge_run_push(edge_of(request));
}

static void respond_head(struct http_request *request, http_cancel_fn *on_gone,
                         void (*on_drained)(struct http_request *request))
{
    static const struct http_header_line headers[] = {
        {"X-Accel-Buffering", TEXT_INIT("no")}, /* nginx in front passes events on at once */
        {"Vary", TEXT_INIT("trpc-accept, accept")},
    };
    struct http_response response = {
        .content_type = "text/event-stream",
        .cache_control = "no-cache, no-transform",
        .headers = headers,
        .headers_count = sizeof(headers) / sizeof(headers[0]),
    };

    http_respond_stream(request, &response, on_gone, on_drained);
}

static void write_opening(struct http_request *request, bool is_in_trpc)
{
    char memory[OPENING_LEN_MAX];
    struct writer w = writer_fixed(memory, sizeof(memory));

    writer_str(&w, "retry: ");
    writer_dec(&w, RETRY_MS_MIN + crypto_random_u64() % RETRY_MS_SPREAD);
    writer_str(&w, is_in_trpc ? "\nevent: connected\n"
                                "data: {\"reconnectAfterInactivityMs\":45000}\n\n"
                              : "\n\n");
    write_text(request, writer_as_text(&w));
}

enum err event_stream_open(struct http_request *request, enum push_dialect dialect,
                           const struct push_wish *wish)
{
    struct edge *edge = edge_of(request);
    struct event_stream *stream = mem_zalloc(sizeof(*stream));
    struct net_address client = call_client_address(request);
    enum err err = push_join(&edge->push, &stream->subscriber, &sink, dialect, &client, false,
                             loop_now_us(edge->loop));

    if (err) {
        mem_free(stream);
        return err;
    }
    IGNORE_ERR(push_want(&stream->subscriber, wish)); /* a new one wants no more than it may */
    stream->request = request;
    request->owner = stream;
    respond_head(request, on_cancel, on_drain);
    write_opening(request, is_trpc(dialect));
    edge_run_push(edge);
    return OK;
}

void event_stream_fail(struct http_request *request, const struct trpc_failure *failure)
{
    char memory[END_LEN_MAX];
    struct writer w = writer_fixed(memory, sizeof(memory));

    writer_str(&w, "event: serialized-error\ndata: ");
    trpc_failure_write(&w, failure, text_sub(request->path, sizeof("/trpc/") - 1, 100));
    writer_str(&w, "\n\n");
    respond_head(request, NULL, NULL);
    write_opening(request, true);
    write_text(request, writer_as_text(&w));
    http_stream_end(request);
}
