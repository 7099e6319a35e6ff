#include "edge/wish.h"

#include <stdio.h>

#include "base/jsonr.h"
#include "base/writer.h"
#include "support/test.h"

static void assert_channels(const struct push_wish *wish, const char *wanted)
{
    char memory[256];
    struct writer w = writer_fixed(memory, sizeof(memory));

    if (wish->is_all)
        writer_str(&w, "all");
    for (size_t i = 0; i < wish->count; i++)
        writer_printf(&w, "%s%llu", i ? "," : "", (unsigned long long)wish->channels[i]);
    assert_text(writer_as_text(&w), wanted);
}

/* ---- queries ---- */

static void a_query_names_channels_and_the_last_event(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        const char *channels;
        bool has_channels;
        uint64_t after_id;
    } cases[] = {
        {"", "", false, 0},
        {"channels=7", "7", true, 0},
        {"channels=1,2,3&lastEventId=abc-12", "1,2,3", true, 12},
        {"channels=1%2C2", "1,2", true, 0},
        {"channels=2,2,1,2", "2,1", true, 0},
        {"channels=all&lastEventId=abc-5", "all", true, 5},
        {"lastEventId=abc-5", "", false, 5},
        {"channels=1&lastEventId=of-another-server", "1", true, 0},
        {"channels=9223372036854775807", "9223372036854775807", true, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct push_wish wish;
        bool has_channels;

        assert_ok(wish_from_query(text_of(cases[i].query), &wish, &has_channels, NULL));
        assert_channels(&wish, cases[i].channels);
        assert_int_equal(has_channels, cases[i].has_channels);
        assert_int_equal(wish.after.id, cases[i].after_id);
        assert_int_equal(wish.after.epoch, cases[i].after_id ? 0xabc : 0);
    }
}

static void a_query_that_is_wrong_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "channels=",     "channels=0",    "channels=-1",    "channels=1,",
        "channels=,1",   "channels=1,,2", "channels=x",     "channels=1%",
        "channels=1%00", "channels=ALL",  "channels=1,all", "channels=9223372036854775808",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct push_wish wish;
        bool has_channels;
        struct diag diag = {0};

        assert_err(wish_from_query(text_of(bad[i]), &wish, &has_channels, &diag), ERR_INVALID);
        assert_string_equal(diag.message, "channels: must be numbers of channels, or all");
    }
}

static void a_query_has_a_hundred_channels_at_most(void **state)
{
    (void)state;
    char memory[1024];
    struct writer w = writer_fixed(memory, sizeof(memory));
    struct push_wish wish;
    bool has_channels;
    struct diag diag = {0};

    writer_str(&w, "channels=1");
    for (int i = 2; i <= PUSH_CHANNELS_MAX; i++)
        writer_printf(&w, ",%d", i);
    assert_ok(wish_from_query(writer_as_text(&w), &wish, &has_channels, &diag));
    assert_int_equal(wish.count, PUSH_CHANNELS_MAX);
    writer_str(&w, ",101");
    assert_err(wish_from_query(writer_as_text(&w), &wish, &has_channels, &diag), ERR_INVALID);
    assert_string_equal(diag.message, "channels: must be at most 100, or all");
}

/* ---- messages ---- */

static void each_kind_of_message_is_understood(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        enum wish_request request;
        const char *channels;
        uint64_t after_id;
    } cases[] = {
        {"{\"type\":\"subscribe\",\"channels\":[1,2]}", WISH_SUBSCRIBE, "1,2", 0},
        {"{\"type\":\"subscribe\",\"channels\":\"all\",\"lastEventId\":\"abc-9\"}", WISH_SUBSCRIBE,
         "all", 9},
        {"{\"lastEventId\":null,\"channels\":[3],\"type\":\"subscribe\"}", WISH_SUBSCRIBE, "3", 0},
        {"{\"type\":\"unsubscribe\",\"channels\":[2]}", WISH_UNSUBSCRIBE, "2", 0},
        {"{\"type\":\"unsubscribe\",\"channels\":\"all\"}", WISH_UNSUBSCRIBE, "all", 0},
        {"{\"type\":\"ping\"}", WISH_PING, "", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct push_wish wish;
        enum wish_request request;

        assert_ok(wish_from_message(text_of(cases[i].message), &request, &wish, NULL));
        assert_int_equal(request, cases[i].request);
        assert_channels(&wish, cases[i].channels);
        assert_int_equal(wish.after.id, cases[i].after_id);
    }
}

static void what_is_wrong_with_a_message_is_said(void **state)
{
    (void)state;
    static const char channels[] = "channels: must be numbers of channels, or all";
    static const char number[] = "channels: must be the number of a channel";
    static const struct {
        const char *message;
        const char *sentence;
    } cases[] = {
        {"[]", "A message must be a JSON object."},
        {"7", "A message must be a JSON object."},
        {"{}", "type: must be subscribe, unsubscribe or ping"},
        {"{\"type\":7}", "type: must be subscribe, unsubscribe or ping"},
        {"{\"type\":\"shout\"}", "type: must be subscribe, unsubscribe or ping"},
        {"{\"type\":\"subscribe\"}", channels},
        {"{\"type\":\"subscribe\",\"channels\":[]}", channels},
        {"{\"type\":\"subscribe\",\"channels\":7}", channels},
        {"{\"type\":\"subscribe\",\"channels\":\"some\"}", channels},
        {"{\"type\":\"subscribe\",\"channels\":[0]}", number},
        {"{\"type\":\"subscribe\",\"channels\":[1,\"2\"]}", number},
        {"{\"type\":\"subscribe\",\"channels\":[1.5]}", number},
        {"{\"type\":\"subscribe\",\"channels\":[1],\"lastEventId\":7}",
         "lastEventId: must be the id of an event"},
        {"{\"type\":\"subscribe\",\"chanels\":[1]}", "chanels: is not a field of this"},
        {"{\"type\":\"ping\",\"data\":1}", "data: is not a field of this"},
        {"[[[[[]]]]]", "The JSON is nested deeper than 4 levels."},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct push_wish wish;
        enum wish_request request;
        struct diag diag = {0};

        assert_true(wish_from_message(text_of(cases[i].message), &request, &wish, &diag) != OK);
        assert_string_equal(diag.message, cases[i].sentence);
    }
    struct diag diag = {0};
    struct push_wish wish;
    enum wish_request request;
    assert_err(wish_from_message(TEXT("{\"type\""), &request, &wish, &diag), ERR_MALFORMED);
}

/* ---- tRPC ---- */

static enum err from_input(enum wish_procedure procedure, const char *input, const char *last,
                           struct push_wish *wish, struct diag *diag)
{
    json_t *json = NULL;

    if (input)
        assert_ok(jsonr_parse(text_of(input), 8, NULL, &json));
    enum err err = wish_from_input(procedure, json, text_of(last), wish, diag);
    json_decref(json);
    return err;
}

static void the_inputs_of_both_procedures_are_read(void **state)
{
    (void)state;
    static const struct {
        enum wish_procedure procedure;
        const char *input;
        const char *last;
        const char *channels;
        uint64_t after_id;
    } cases[] = {
        {WISH_CHANNEL_ON_STATUS, "{\"channelId\":7}", NULL, "7", 0},
        {WISH_CHANNEL_ON_STATUS, "{\"channelId\":7,\"lastEventId\":\"abc-3\"}", NULL, "7", 3},
        {WISH_CHANNEL_ON_STATUS, "{\"channelId\":7,\"lastEventId\":\"abc-3\"}", "abc-4", "7", 4},
        {WISH_EVENTS_SUBSCRIBE, NULL, NULL, "all", 0},
        {WISH_EVENTS_SUBSCRIBE, "null", "abc-4", "all", 4},
        {WISH_EVENTS_SUBSCRIBE, "{}", NULL, "all", 0},
        {WISH_EVENTS_SUBSCRIBE, "{\"channels\":[2,1]}", NULL, "2,1", 0},
        {WISH_EVENTS_SUBSCRIBE, "{\"channels\":\"all\",\"lastEventId\":\"abc-3\"}", NULL, "all", 3},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct push_wish wish;

        assert_ok(from_input(cases[i].procedure, cases[i].input, cases[i].last, &wish, NULL));
        assert_channels(&wish, cases[i].channels);
        assert_int_equal(wish.after.id, cases[i].after_id);
    }
    assert_int_equal(wish_procedure_find(TEXT("channel.onStatus")), WISH_CHANNEL_ON_STATUS);
    assert_int_equal(wish_procedure_find(TEXT("events.subscribe")), WISH_EVENTS_SUBSCRIBE);
    assert_int_equal(wish_procedure_find(TEXT("channel.getStatus")), 0);
}

static void inputs_that_are_wrong_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum wish_procedure procedure;
        const char *input;
        const char *sentence;
    } cases[] = {
        {WISH_CHANNEL_ON_STATUS, NULL, "channelId: must be the number of a channel"},
        {WISH_CHANNEL_ON_STATUS, "{}", "channelId: must be the number of a channel"},
        {WISH_CHANNEL_ON_STATUS, "{\"channelId\":\"7\"}",
         "channelId: must be the number of a channel"},
        {WISH_CHANNEL_ON_STATUS, "7", "The input must be an object."},
        {WISH_CHANNEL_ON_STATUS, "{\"channelId\":7,\"channels\":[1]}",
         "channels: is not a field of this"},
        {WISH_EVENTS_SUBSCRIBE, "{\"channelId\":7}", "channelId: is not a field of this"},
        {WISH_EVENTS_SUBSCRIBE, "{\"channels\":[]}",
         "channels: must be numbers of channels, or all"},
        {WISH_EVENTS_SUBSCRIBE, "{\"lastEventId\":[]}", "lastEventId: must be the id of an event"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct push_wish wish;
        struct diag diag = {0};

        assert_err(from_input(cases[i].procedure, cases[i].input, NULL, &wish, &diag), ERR_INVALID);
        assert_string_equal(diag.message, cases[i].sentence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(a_query_names_channels_and_the_last_event),
        TEST_CASE(a_query_that_is_wrong_is_refused),
        TEST_CASE(a_query_has_a_hundred_channels_at_most),
        TEST_CASE(each_kind_of_message_is_understood),
        TEST_CASE(what_is_wrong_with_a_message_is_said),
        TEST_CASE(the_inputs_of_both_procedures_are_read),
        TEST_CASE(inputs_that_are_wrong_are_refused),
    };

    return RUN_TESTS("edge_wish", tests);
}
