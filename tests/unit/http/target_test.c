#include "http/target.h"

#include <string.h>

#include "support/test.h"

static enum err parse(const char *target, char memory[256], struct http_target *parsed)
{
    size_t len = strlen(target);

    memcpy(memory, target, len);
    return http_target_parse((struct text){memory, len}, parsed);
}

static void paths_are_decoded_and_normalised(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *path;
        const char *query;
    } cases[] = {
        {"/", "/", ""},
        {"/?", "/", ""},
        {"/a/b?c=d&e", "/a/b", "c=d&e"},
        {"/a%20b", "/a b", ""},
        {"/%e2%82%ac", "/\xe2\x82\xac", ""},
        {"/a?x=%2F..%00", "/a", "x=%2F..%00"},
        {"/a/./b", "/a/b", ""},
        {"/a/../b", "/b", ""},
        {"/a/b/..", "/a/", ""},
        {"/a/b/.", "/a/b/", ""},
        {"/a/%2e%2e/b", "/b", ""},
        {"/a/.%2E/b", "/b", ""},
        {"/.well-known/x", "/.well-known/x", ""},
        {"/a/..b/...", "/a/..b/...", ""},
        {"/a//b", "/a//b", ""},
        {"/%252e%252e/", "/%2e%2e/", ""},
        {"http://h.example/a?b", "/a", "b"},
        {"HTTPS://h.example:8443", "/", ""},
        {"*", "*", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char memory[256];
        struct http_target parsed;

        assert_ok(parse(cases[i].target, memory, &parsed));
        assert_text(parsed.path, cases[i].path);
        assert_text(parsed.query, cases[i].query);
    }
}

static void the_absolute_form_carries_the_host(void **state)
{
    (void)state;
    char memory[256];
    struct http_target parsed;

    assert_ok(parse("http://h.example:81/a", memory, &parsed));
    assert_text(parsed.host, "h.example:81");
    assert_ok(parse("/a", memory, &parsed));
    assert_null(parsed.host.ptr);
}

static void ambiguous_and_escaping_targets_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "a",
        "/..",        "/../etc/passwd",
        "/a/../../b", "/%2e%2e/%2e%2e/etc",
        "/a%2fb",     "/a%2Fb",
        "/a%00",      "/a%0d%0aX: y",
        "/a%7f",      "/%",
        "/%4",        "/%zz",
        "/%ff",       "/%c0%af",
        "/%ed%a0%80", "ftp://h/a",
        "http:///a",  "http://u@h/a",
        "h:80",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char memory[256];
        struct http_target parsed;
        enum err err = parse(bad[i], memory, &parsed);

        if (err != ERR_MALFORMED)
            fail_msg("%s: %s", bad[i], err_name(err));
    }
}

static void query_values_are_found_by_whole_names(void **state)
{
    (void)state;
    struct text query = TEXT("_HLS_msn=12&_HLS_part=3&flag&x_HLS_msn=9&empty=");
    struct text value;

    assert_true(http_query_find(query, "_HLS_msn", &value));
    assert_text(value, "12");
    assert_true(http_query_find(query, "_HLS_part", &value));
    assert_text(value, "3");
    assert_true(http_query_find(query, "flag", &value));
    assert_text(value, "");
    assert_true(http_query_find(query, "empty", &value));
    assert_false(http_query_find(query, "msn", &value));
    assert_false(http_query_find((struct text){0}, "a", &value));
}

static void query_values_are_decoded(void **state)
{
    (void)state;
    char to[8];
    struct text text;

    assert_ok(http_query_decode(TEXT("a+b%26%c3%a9"), to, sizeof(to), &text));
    assert_text(text, "a b&\xc3\xa9");
    assert_ok(http_query_decode(TEXT(""), to, sizeof(to), &text));
    assert_err(http_query_decode(TEXT("123456789"), to, sizeof(to), &text), ERR_LIMIT);
    assert_err(http_query_decode(TEXT("%0"), to, sizeof(to), &text), ERR_MALFORMED);
    assert_err(http_query_decode(TEXT("%00"), to, sizeof(to), &text), ERR_MALFORMED);
    assert_err(http_query_decode(TEXT("%ff"), to, sizeof(to), &text), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(paths_are_decoded_and_normalised),
        TEST_CASE(the_absolute_form_carries_the_host),
        TEST_CASE(ambiguous_and_escaping_targets_are_refused),
        TEST_CASE(query_values_are_found_by_whole_names),
        TEST_CASE(query_values_are_decoded),
    };

    return RUN_TESTS("http_target", tests);
}
