/*
 * tRPC over a WebSocket, message by message. What is expected was recorded from the reference
 * server (version 11).
 */
#include "edge/trpc_ws.h"

#include <stdio.h>
#include <string.h>

#include "base/jsonr.h"
#include "base/mem.h"
#include "base/writer.h"
#include "support/test.h"

enum { RUNNING_MAX = 200 };

static struct {
    struct trpc_ws ws;
    char memory[64 * 1024];
    struct writer sent; /* frames, each with a line end */
    struct trpc_ws_operation *running[RUNNING_MAX];
    size_t running_count;
    char input[256];
    char last_event_id[64];
    char token[64];
    size_t tokens_count;
    size_t stopped_count;
    size_t ends_count;
    bool refuses;
    bool answers_at_once;
} T;

static void on_send(void *ctx, struct text head, struct slice tail)
{
    assert_ptr_equal(ctx, &T);
    writer_text(&T.sent, head);
    writer_bytes(&T.sent, tail.data ? tail.data : (const uint8_t *)"", tail.len);
    writer_char(&T.sent, '\n');
    slice_unref(&tail);
    assert_false(T.sent.failed);
}

static void copy_text(char *to, size_t cap, struct text text)
{
    (void)snprintf(to, cap, "%.*s", TEXT_ARG(text));
}

static void on_call(void *ctx, struct trpc_ws_operation *operation, struct text input)
{
    (void)ctx;
    copy_text(T.input, sizeof(T.input), input);
    if (T.answers_at_once) {
        struct buf *body = buf_from_text(TEXT("{\"result\":{}}"));

        trpc_ws_answer(operation, 200, body);
        buf_unref(body);
    } else {
        T.running[T.running_count++] = operation;
    }
}

static bool on_subscribe(void *ctx, struct trpc_ws_operation *operation, const json_t *input,
                         struct text last_event_id, struct trpc_failure *failure)
{
    struct writer w = writer_fixed(T.input, sizeof(T.input) - 1);

    (void)ctx;
    memset(T.input, 0, sizeof(T.input));
    if (input)
        jsonr_write(&w, input);
    copy_text(T.last_event_id, sizeof(T.last_event_id), last_event_id);
    if (T.refuses) {
        failure->code = TRPC_NOT_FOUND;
        diag_set(&failure->diag, "There is no channel 7.");
        return false;
    }
    T.running[T.running_count++] = operation;
    return true;
}

static void on_stop(void *ctx, struct trpc_ws_operation *operation)
{
    (void)ctx;
    (void)operation;
    T.stopped_count++;
}

static void on_token(void *ctx, struct text token)
{
    (void)ctx;
    copy_text(T.token, sizeof(T.token), token);
    T.tokens_count++;
}

static void on_end(void *ctx)
{
    (void)ctx;
    T.ends_count++;
}

static void open_ws(bool awaits_params)
{
    static const struct trpc_ws_handler handler = {&T,      on_send,  on_call, on_subscribe,
                                                   on_stop, on_token, on_end};

    memset(&T, 0, sizeof(T));
    T.sent = writer_fixed(T.memory, sizeof(T.memory));
    trpc_ws_init(&T.ws, &handler, awaits_params);
}

static void close_ws(void)
{
    trpc_ws_deinit(&T.ws);
    assert_int_equal(T.ws.calls_count + T.ws.subscriptions_count, 0);
}

static void receive(const char *message)
{
    trpc_ws_receive(&T.ws, text_of(message));
}

static struct text sent(void)
{
    struct text text = writer_as_text(&T.sent);

    T.sent.len = 0;
    return text;
}

static void answer(struct trpc_ws_operation *operation, int status, const char *body)
{
    struct buf *buf = buf_from_text(text_of(body));

    trpc_ws_answer(operation, status, buf);
    buf_unref(buf);
}

#define ERROR(id, message, code, name, status, more)                                               \
    "{\"id\":" id ",\"error\":{\"message\":\"" message "\",\"code\":" code                         \
    ",\"data\":{\"code\":\"" name "\",\"httpStatus\":" status more "}}}\n"
#define PARSE_ERROR(message) ERROR("null", message, "-32700", "PARSE_ERROR", "400", "")

/* ---- calls ---- */

static void queries_and_mutations_are_answered_with_their_ids(void **state)
{
    (void)state;
    open_ws(false);
    receive("{\"id\":1,\"method\":\"query\",\"params\":{\"path\":\"channel.getStatus\","
            "\"input\":{\"channelId\":7}}}");
    assert_string_equal(T.input, "{\"channelId\":7}");
    assert_int_equal(T.running[0]->kind, TRPC_WS_QUERY);
    receive("{\"id\":\"b\",\"jsonrpc\":\"2.0\",\"method\":\"mutation\","
            "\"params\":{\"path\":\"channel.end\"}}");
    assert_string_equal(T.input, "");
    assert_int_equal(T.running[1]->kind, TRPC_WS_MUTATION);
    assert_int_equal(T.ws.calls_count, 2);
    assert_text(sent(), "");

    answer(T.running[1], 200, "{\"result\":{}}"); /* in any order */
    assert_text(sent(), "{\"id\":\"b\",\"jsonrpc\":\"2.0\",\"result\":{\"type\":\"data\"}}\n");
    answer(T.running[0], 200, "{\"result\":{\"data\":{\"isLive\":true}}}");
    assert_text(sent(), "{\"id\":1,\"result\":{\"type\":\"data\",\"data\":{\"isLive\":true}}}\n");
    close_ws();
    assert_int_equal(T.stopped_count, 0);
}

static void errors_of_the_api_are_handed_on(void **state)
{
    (void)state;
    open_ws(false);
    receive("{\"id\":2,\"method\":\"mutation\",\"params\":{\"path\":\"channel.start\"}}");
    answer(T.running[0], 401,
           "{\"error\":{\"message\":\"no\",\"code\":-32001,\"data\":{\"code\":\"UNAUTHORIZED\","
           "\"httpStatus\":401,\"path\":\"channel.start\"}}}");
    assert_text(sent(), "{\"id\":2,\"error\":{\"message\":\"no\",\"code\":-32001,\"data\":{"
                        "\"code\":\"UNAUTHORIZED\",\"httpStatus\":401,"
                        "\"path\":\"channel.start\"}}}\n");
    close_ws();
}

static void a_wrong_kind_is_no_procedure_here(void **state)
{
    (void)state;
    open_ws(false);
    receive("{\"id\":3,\"method\":\"query\",\"params\":{\"path\":\"channel.end\"}}");
    answer(T.running[0], 405, "{\"error\":{}}");
    assert_text(sent(), ERROR("3", "No \\\"query\\\"-procedure on path \\\"channel.end\\\"",
                              "-32004", "NOT_FOUND", "404", ",\"path\":\"channel.end\""));
    close_ws();
}

static void an_answer_that_is_no_envelope_is_an_internal_error(void **state)
{
    (void)state;
    static const char *const bodies[] = {"", "{}", "[]", "{\"type\":\"about:blank\"}"};

    open_ws(false);
    for (size_t i = 0; i <= sizeof(bodies) / sizeof(bodies[0]); i++) {
        T.running_count = 0;
        receive("{\"id\":4,\"method\":\"query\",\"params\":{\"path\":\"a\"}}");
        if (i < sizeof(bodies) / sizeof(bodies[0]))
            answer(T.running[0], 503, bodies[i]);
        else
            trpc_ws_answer(T.running[0], 503, NULL);
        assert_text(sent(), ERROR("4", "The server could not answer (status 503)", "-32603",
                                  "INTERNAL_SERVER_ERROR", "500", ",\"path\":\"a\""));
    }
    close_ws();
}

static void an_array_is_several_operations(void **state)
{
    (void)state;
    open_ws(false);
    T.answers_at_once = true;
    receive("[{\"id\":1,\"method\":\"query\",\"params\":{\"path\":\"a\"}},7,"
            "{\"id\":2,\"method\":\"mutation\",\"params\":{\"path\":\"b\"}}]");
    assert_text(sent(),
                "{\"id\":1,\"result\":{\"type\":\"data\"}}\n" PARSE_ERROR(
                    "A message must be an object, or an array of objects") "{\"id\":2,\"result\":{"
                                                                           "\"type\":\"data\"}}\n");
    receive("[]");
    assert_text(sent(), "");
    close_ws();
}

static void calls_are_bounded(void **state)
{
    (void)state;
    open_ws(false);
    for (int i = 0; i < TRPC_WS_CALLS_MAX; i++)
        receive("{\"id\":5,\"method\":\"query\",\"params\":{\"path\":\"a\"}}");
    assert_text(sent(), "");
    receive("{\"id\":6,\"method\":\"query\",\"params\":{\"path\":\"a\"}}");
    assert_text(sent(), ERROR("6", "A connection has at most 32 calls at a time", "-32029",
                              "TOO_MANY_REQUESTS", "429", ",\"path\":\"a\""));
    answer(T.running[0], 200, "{\"result\":{}}");
    (void)sent();
    receive("{\"id\":7,\"method\":\"query\",\"params\":{\"path\":\"a\"}}");
    assert_text(sent(), "");
    close_ws();
    assert_int_equal(T.stopped_count, TRPC_WS_CALLS_MAX); /* let go of */
}

static void too_many_operations_in_one_message_are_refused(void **state)
{
    (void)state;
    struct writer w = writer_growing(65536);

    open_ws(false);
    writer_char(&w, '[');
    for (int i = 0; i <= TRPC_WS_BATCH_MAX; i++)
        writer_str(&w, i ? ",1" : "1");
    writer_char(&w, ']');
    trpc_ws_receive(&T.ws, writer_as_text(&w));
    assert_text(sent(), ERROR("null", "Too many operations in one message", "-32600", "BAD_REQUEST",
                              "400", ""));
    writer_deinit(&w);
    close_ws();
}

/* ---- subscriptions ---- */

static void a_subscription_starts_gives_values_and_stops(void **state)
{
    (void)state;
    char memory[TRPC_WS_HEAD_LEN_MAX];
    struct writer head = writer_fixed(memory, sizeof(memory));

    open_ws(false);
    receive("{\"id\":3,\"method\":\"subscription\",\"params\":{\"path\":\"channel.onStatus\","
            "\"input\":{\"channelId\":7},\"lastEventId\":\"abc-1\"}}");
    assert_string_equal(T.input, "{\"channelId\":7}");
    assert_string_equal(T.last_event_id, "abc-1");
    assert_text(sent(), "{\"id\":3,\"result\":{\"type\":\"started\"}}\n");
    trpc_ws_write_data_head(&head, T.running[0]);
    assert_text(writer_as_text(&head), "{\"id\":3,\"result\":{\"type\":\"data\",\"data\":");
    receive("{\"id\":3,\"method\":\"subscription.stop\"}");
    assert_text(sent(), "{\"id\":3,\"result\":{\"type\":\"stopped\"}}\n");
    assert_int_equal(T.stopped_count, 1);
    receive("{\"id\":3,\"method\":\"subscription.stop\"}"); /* once more: nothing */
    receive("{\"id\":\"3\",\"method\":\"subscription.stop\"}");
    assert_text(sent(), "");
    close_ws();
}

static void the_server_may_end_a_subscription(void **state)
{
    (void)state;
    struct trpc_failure failure = {.code = TRPC_UNAVAILABLE};

    open_ws(false);
    receive("{\"id\":3,\"method\":\"subscription\",\"params\":{\"path\":\"a\"}}");
    receive("{\"id\":4,\"method\":\"subscription\",\"params\":{\"path\":\"a\"}}");
    (void)sent();
    trpc_ws_stop(T.running[0]);
    assert_text(sent(), "{\"id\":3,\"result\":{\"type\":\"stopped\"}}\n");
    diag_set(&failure.diag, "gone");
    trpc_ws_fail(T.running[1], &failure);
    assert_text(sent(), ERROR("4", "gone", "-32603", "SERVICE_UNAVAILABLE", "503",
                              ",\"path\":\"a\"") "{\"id\":4,\"result\":{\"type\":\"stopped\"}}\n");
    close_ws();
    assert_int_equal(T.stopped_count, 0); /* the owner has let go itself */
}

static void a_second_subscription_with_the_same_id_is_refused(void **state)
{
    (void)state;
    open_ws(false);
    receive("{\"id\":2,\"method\":\"subscription\",\"params\":{\"path\":\"a\"}}");
    (void)sent();
    receive("{\"id\":2,\"method\":\"subscription\",\"params\":{\"path\":\"b\"}}");
    assert_text(sent(),
                ERROR("2", "Duplicate id 2", "-32600", "BAD_REQUEST", "400", ",\"path\":\"b\""));
    receive("{\"id\":\"2\",\"method\":\"subscription\",\"params\":{\"path\":\"b\"}}"); /* another */
    assert_text(sent(), "{\"id\":\"2\",\"result\":{\"type\":\"started\"}}\n");
    assert_int_equal(T.ws.subscriptions_count, 2);
    close_ws();
    assert_int_equal(T.stopped_count, 2);
}

static void a_subscription_that_is_refused_leaves_nothing(void **state)
{
    (void)state;
    open_ws(false);
    T.refuses = true;
    receive("{\"id\":2,\"method\":\"subscription\",\"params\":{\"path\":\"channel.onStatus\"}}");
    assert_text(sent(), ERROR("2", "There is no channel 7.", "-32004", "NOT_FOUND", "404",
                              ",\"path\":\"channel.onStatus\""));
    T.refuses = false;
    receive("{\"id\":2,\"method\":\"subscription\",\"params\":{\"path\":\"a\"}}"); /* is free */
    assert_text(sent(), "{\"id\":2,\"result\":{\"type\":\"started\"}}\n");
    close_ws();
}

static void subscriptions_are_bounded(void **state)
{
    (void)state;
    char message[128];

    open_ws(false);
    for (int i = 0; i <= TRPC_WS_SUBSCRIPTIONS_MAX; i++) {
        (void)sent();
        (void)snprintf(message, sizeof(message),
                       "{\"id\":%d,\"method\":\"subscription\",\"params\":{\"path\":\"a\"}}", i);
        receive(message);
    }
    assert_text(sent(), ERROR("100", "A connection has at most 100 subscriptions", "-32029",
                              "TOO_MANY_REQUESTS", "429", ",\"path\":\"a\""));
    close_ws();
}

/* ---- what is no operation ---- */

static void what_cannot_be_understood_is_answered_without_an_id(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *answer;
    } cases[] = {
        {"7", PARSE_ERROR("A message must be an object, or an array of objects")},
        {"{}", PARSE_ERROR("Invalid procedure type")},
        {"{\"id\":1,\"method\":\"shout\"}", PARSE_ERROR("Invalid procedure type")},
        {"{\"method\":\"query\",\"params\":{\"path\":\"a\"}}", PARSE_ERROR("Invalid request id")},
        {"{\"id\":null,\"method\":\"query\",\"params\":{\"path\":\"a\"}}",
         PARSE_ERROR("Invalid request id")},
        {"{\"id\":{},\"method\":\"query\",\"params\":{\"path\":\"a\"}}",
         PARSE_ERROR("Invalid request id")},
        {"{\"id\":\"12345678901234567890123456789012345678901234567890123456789012345\","
         "\"method\":\"query\",\"params\":{\"path\":\"a\"}}",
         PARSE_ERROR("Invalid request id")},
        {"{\"id\":1,\"method\":\"query\"}", PARSE_ERROR("Invalid procedure path")},
        {"{\"id\":1,\"method\":\"query\",\"params\":7}", PARSE_ERROR("Invalid procedure path")},
        {"{\"id\":1,\"method\":\"query\",\"params\":{\"path\":7}}",
         PARSE_ERROR("Invalid procedure path")},
        {"{\"id\":1,\"method\":\"subscription\",\"params\":{\"path\":\"a\",\"lastEventId\":7}}",
         PARSE_ERROR("Invalid lastEventId")},
        /* Only the first message may be this, and only when the URL says so. */
        {"{\"method\":\"connectionParams\",\"data\":{}}", PARSE_ERROR("Invalid procedure type")},
    };

    open_ws(false);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        receive(cases[i].message);
        assert_text(sent(), cases[i].answer);
    }
    receive("{\"id\":");
    assert_true(text_starts_with(sent(), TEXT("{\"id\":null,\"error\":{\"message\":\"The JSON is "
                                              "broken")));
    receive("{\"id\":1,\"method\":\"query\",\"params\":{\"path\":\"a\"}}"); /* it goes on */
    assert_int_equal(T.running_count, 1);
    close_ws();
}

static void odd_paths_are_no_procedures(void **state)
{
    (void)state;
    open_ws(false);
    receive("{\"id\":1,\"method\":\"query\",\"params\":{\"path\":\"a/b\"}}");
    assert_text(sent(), ERROR("1", "No \\\"query\\\"-procedure on path \\\"a/b\\\"", "-32004",
                              "NOT_FOUND", "404", ",\"path\":\"a/b\""));
    receive("{\"id\":1,\"method\":\"mutation\",\"params\":{\"path\":\"\"}}");
    assert_text(sent(), ERROR("1", "No \\\"mutation\\\"-procedure on path \\\"\\\"", "-32004",
                              "NOT_FOUND", "404", ",\"path\":\"\""));
    receive("{\"id\":1,\"method\":\"query\",\"params\":{\"path\":\"a,b?batch=1\"}}");
    assert_true(text_contains(sent(), TEXT("NOT_FOUND")));

    struct writer w = writer_growing(65536);
    writer_str(&w, "{\"id\":1,\"method\":\"query\",\"params\":{\"path\":\"");
    for (int i = 0; i < 10000; i++)
        writer_char(&w, '"' - 1); /* '!' */
    writer_str(&w, "\"}}");
    trpc_ws_receive(&T.ws, writer_as_text(&w));
    writer_deinit(&w);
    struct text frame = sent();
    assert_true(frame.len > 100 && frame.len < 1000);
    close_ws();
}

static void pings_in_words_are_answered(void **state)
{
    (void)state;
    open_ws(true);
    receive("PING");
    assert_text(sent(), "PONG\n");
    receive("PONG");
    assert_text(sent(), "");
    assert_true(T.ws.awaits_params); /* they are no message */
    close_ws();
}

/* ---- credentials ---- */

static void the_first_message_may_have_the_credentials(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *token;
    } cases[] = {
        {"{\"method\":\"connectionParams\",\"data\":{\"token\":\"tok\"}}", "tok"},
        {"{\"method\":\"connectionParams\",\"data\":{\"other\":\"x\"}}", ""},
        {"{\"method\":\"connectionParams\",\"data\":null}", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_ws(true);
        receive(cases[i].message);
        assert_int_equal(T.tokens_count, 1);
        assert_string_equal(T.token, cases[i].token);
        receive("{\"id\":1,\"method\":\"query\",\"params\":{\"path\":\"a\"}}");
        assert_int_equal(T.running_count, 1);
        assert_text(sent(), "");
        close_ws();
    }
}

static void something_else_in_their_place_ends_the_connection(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"id\":1,\"method\":\"query\",\"params\":{\"path\":\"a\"}}",
        "{\"method\":\"connectionParams\",\"data\":{\"token\":7}}",
        "{\"method\":\"connectionParams\",\"data\":[\"token\"]}",
        "{\"method\":\"connectionParams\"}",
        "x",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        open_ws(true);
        receive(bad[i]);
        assert_text(sent(), PARSE_ERROR("Malformed connectionParams message"));
        assert_int_equal(T.ends_count, 1);
        assert_int_equal(T.tokens_count, 0);
        receive("{\"id\":1,\"method\":\"query\",\"params\":{\"path\":\"a\"}}"); /* nobody listens */
        assert_int_equal(T.running_count, 0);
        assert_text(sent(), "");
        close_ws();
    }
}

static void clients_are_asked_to_connect_anew(void **state)
{
    (void)state;
    open_ws(false);
    trpc_ws_ask_reconnect(&T.ws);
    assert_text(sent(), "{\"id\":null,\"method\":\"reconnect\"}\n");
    close_ws();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(queries_and_mutations_are_answered_with_their_ids),
        TEST_CASE(errors_of_the_api_are_handed_on),
        TEST_CASE(a_wrong_kind_is_no_procedure_here),
        TEST_CASE(an_answer_that_is_no_envelope_is_an_internal_error),
        TEST_CASE(an_array_is_several_operations),
        TEST_CASE(calls_are_bounded),
        TEST_CASE(too_many_operations_in_one_message_are_refused),
        TEST_CASE(a_subscription_starts_gives_values_and_stops),
        TEST_CASE(the_server_may_end_a_subscription),
        TEST_CASE(a_second_subscription_with_the_same_id_is_refused),
        TEST_CASE(a_subscription_that_is_refused_leaves_nothing),
        TEST_CASE(subscriptions_are_bounded),
        TEST_CASE(what_cannot_be_understood_is_answered_without_an_id),
        TEST_CASE(odd_paths_are_no_procedures),
        TEST_CASE(pings_in_words_are_answered),
        TEST_CASE(the_first_message_may_have_the_credentials),
        TEST_CASE(something_else_in_their_place_ends_the_connection),
        TEST_CASE(clients_are_asked_to_connect_anew),
    };

    return RUN_TESTS("edge_trpc_ws", tests);
}
