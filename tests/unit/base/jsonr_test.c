#include "base/jsonr.h"

#include "base/writer.h"
#include "support/test.h"

static enum err parse(const char *text, struct diag *diag)
{
    json_t *json;
    enum err err = jsonr_parse(text_of(text), 3, diag, &json);

    if (err == OK)
        json_decref(json);
    return err;
}

static void values_of_each_kind_are_read_and_written_alike(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"a\":[1,-2,2.5,\"x\\u00fc\",true,null],\"b\":{}}", "[]",
                                        "7", "\"text\"", "null"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char memory[200];
        struct writer w = writer_fixed(memory, sizeof(memory));
        struct writer again = writer_fixed(memory + 100, 100);
        json_t *json;

        w.cap = 100;
        assert_ok(jsonr_parse(text_of(texts[i]), 3, NULL, &json));
        jsonr_write(&w, json);
        json_decref(json);
        assert_ok(jsonr_parse(writer_as_text(&w), 3, NULL, &json));
        jsonr_write(&again, json);
        json_decref(json);
        assert_false(w.failed);
        assert_int_equal(w.len, again.len);
        assert_memory_equal(w.data, again.data, w.len);
    }
}

static void depth_is_bounded_and_brackets_in_strings_do_not_count(void **state)
{
    (void)state;
    struct diag diag = {0};

    assert_err(parse("[[[]]]", NULL), OK);
    assert_err(parse("[[[[]]]]", &diag), ERR_MALFORMED);
    assert_string_equal(diag.message, "The JSON is nested deeper than 3 levels.");
    assert_err(parse("[[[\"[[[[{{{{\\\"[[[\"]]]", NULL), OK);
    assert_err(parse("[[],[],[],[],[[]]]", NULL), OK);
}

static void what_is_broken_or_ambiguous_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    " ",   "{",        "{\"a\":1,\"a\":2}",
                                        "{}x", "'a'", "\"\xff\"", "[1,]"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct diag diag = {0};

        assert_err(parse(texts[i], &diag), ERR_MALFORMED);
        assert_true(diag.message[0] != '\0');
    }
}

static void only_a_string_has_characters(void **state)
{
    (void)state;
    json_t *json;

    assert_ok(jsonr_parse(TEXT("{\"a\":\"bc\",\"n\":1}"), 3, NULL, &json));
    assert_text(jsonr_text(json_object_get(json, "a")), "bc");
    assert_text(jsonr_text(json_object_get(json, "n")), "");
    assert_text(jsonr_text(json_object_get(json, "none")), "");
    json_decref(json);
    assert_err(parse("\"a\\u0000b\"", NULL), ERR_MALFORMED); /* no reader can cut it short */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(values_of_each_kind_are_read_and_written_alike),
        TEST_CASE(depth_is_bounded_and_brackets_in_strings_do_not_count),
        TEST_CASE(what_is_broken_or_ambiguous_is_refused),
        TEST_CASE(only_a_string_has_characters),
    };

    return RUN_TESTS("base_jsonr", tests);
}
