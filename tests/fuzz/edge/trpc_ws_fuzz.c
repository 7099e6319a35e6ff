/* A client of tRPC's WebSocket that says anything, a line a message: each frame that it is sent is
 * JSON with an id, the limits hold, and in the end nothing is left. The first byte chooses whether
 * credentials are awaited and when calls are answered. */
#include <assert.h>
#include <string.h>

#include "base/jsonr.h"
#include "base/mem.h"
#include "base/writer.h"
#include "edge/trpc_ws.h"

enum { INPUT_LEN_MAX = 16 * 1024, RUNNING_MAX = TRPC_WS_CALLS_MAX + TRPC_WS_SUBSCRIPTIONS_MAX };

static struct {
    struct trpc_ws ws;
    struct trpc_ws_operation *running[RUNNING_MAX];
    size_t running_count;
    uint8_t choice;
    bool has_ended;
} T;

static void on_send(void *ctx, struct text head, struct slice tail)
{
    struct writer frame = writer_growing(1 << 20);
    json_t *json;

    (void)ctx;
    writer_text(&frame, head);
    writer_bytes(&frame, tail.data ? tail.data : (const uint8_t *)"", tail.len);
    assert(!frame.failed);
    if (!text_equal(head, TEXT("PONG"))) {
        enum err err = jsonr_parse(writer_as_text(&frame), 64, NULL, &json);
        assert(err == OK);
        (void)err;
        assert(json_object_get(json, "id"));
        assert(!json_object_get(json, "result") != !json_object_get(json, "error"));
        json_decref(json);
    }
    writer_deinit(&frame);
    slice_unref(&tail);
}

static void forget(const struct trpc_ws_operation *operation)
{
    for (size_t i = 0; i < T.running_count; i++) {
        if (T.running[i] != operation)
            continue;
        T.running[i] = T.running[--T.running_count];
        return;
    }
    assert(false); /* an operation that was never begun, or ended before */
}

static void answer(struct trpc_ws_operation *operation)
{
    static const char *const bodies[] = {"{\"result\":{\"data\":[1]}}", "{\"result\":{}}",
                                         "{\"error\":{\"message\":\"x\"}}", "nonsense"};
    struct buf *body = buf_from_text(text_of(bodies[T.choice >> 2 & 3]));

    trpc_ws_answer(operation, T.choice & 16 ? 405 : 200, body);
    buf_unref(body);
}

static void on_call(void *ctx, struct trpc_ws_operation *operation, struct text input)
{
    json_t *json;

    (void)ctx;
    assert(!T.has_ended);
    assert(operation->path_len > 0 && operation->kind != TRPC_WS_SUBSCRIPTION);
    if (input.len) {
        enum err err = jsonr_parse(input, TRPC_WS_DEPTH_MAX, NULL, &json);
        assert(err == OK);
        (void)err;
        json_decref(json);
    }
    T.choice = (uint8_t)(T.choice * 5 + 1);
    if (T.choice & 2)
        answer(operation);
    else
        T.running[T.running_count++] = operation;
    assert(T.running_count <= RUNNING_MAX);
}

static bool on_subscribe(void *ctx, struct trpc_ws_operation *operation, const json_t *input,
                         struct text last_event_id, struct trpc_failure *failure)
{
    (void)ctx, (void)input, (void)last_event_id;
    assert(!T.has_ended);
    T.choice = (uint8_t)(T.choice * 5 + 1);
    if (T.choice & 8) {
        failure->code = TRPC_NOT_FOUND;
        return false;
    }
    T.running[T.running_count++] = operation;
    assert(T.running_count <= RUNNING_MAX);
    return true;
}

static void on_stop(void *ctx, struct trpc_ws_operation *operation)
{
    (void)ctx;
    forget(operation);
}

static void on_token(void *ctx, struct text token)
{
    (void)ctx;
    assert(token.len <= TRPC_WS_PARAMS_LEN_MAX);
}

static void on_end(void *ctx)
{
    (void)ctx;
    T.has_ended = true;
}

/* The other side gets on between two messages. */
static void end_one(void)
{
    if (T.running_count == 0 || T.choice & 32)
        return;
    struct trpc_ws_operation *operation = T.running[T.choice % T.running_count];
    forget(operation);
    if (operation->kind == TRPC_WS_SUBSCRIPTION)
        trpc_ws_stop(operation);
    else
        answer(operation);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct trpc_ws_handler handler = {NULL,    on_send,  on_call, on_subscribe,
                                                   on_stop, on_token, on_end};
    size_t blocks = mem_live_blocks();

    if (len == 0 || len > INPUT_LEN_MAX)
        return 0;
    memset(&T, 0, sizeof(T));
    T.choice = bytes[0];
    trpc_ws_init(&T.ws, &handler, bytes[0] & 1);
    struct text rest = {(const char *)bytes + 1, len - 1};
    while (rest.len) {
        trpc_ws_receive(&T.ws, text_cut(&rest, '\n'));
        assert(T.ws.calls_count <= TRPC_WS_CALLS_MAX);
        assert(T.ws.subscriptions_count <= TRPC_WS_SUBSCRIPTIONS_MAX);
        assert(T.ws.calls_count + T.ws.subscriptions_count == T.running_count);
        end_one();
    }
    trpc_ws_deinit(&T.ws);
    assert(T.running_count == 0);
    assert(mem_live_blocks() == blocks);
    return 0;
}
