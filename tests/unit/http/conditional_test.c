#include "http/conditional.h"

#include "support/test.h"

static void tags_match_weakly_in_a_list(void **state)
{
    (void)state;
    struct text tag = TEXT("\"a1\"");

    assert_true(http_etag_list_matches(TEXT("\"a1\""), tag));
    assert_true(http_etag_list_matches(TEXT("W/\"a1\""), tag));
    assert_true(http_etag_list_matches(TEXT("\"x\" , \"a1\""), tag));
    assert_true(http_etag_list_matches(TEXT(" * "), tag));
    assert_false(http_etag_list_matches(TEXT("\"a\""), tag));
    assert_false(http_etag_list_matches(TEXT("a1"), tag));
    assert_false(http_etag_list_matches(TEXT(""), tag));
    assert_false(http_etag_list_matches(TEXT("*"), (struct text){0}));
}

static void single_ranges_are_cut_to_the_body(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uint64_t offset;
        uint64_t len;
    } cases[] = {
        {"bytes=0-0", 0, 1},
        {"bytes=0-499", 0, 500},
        {"bytes=500-", 500, 500},
        {"bytes=-1", 999, 1},
        {"bytes=-5000", 0, 1000},
        {"bytes=999-999", 999, 1},
        {"Bytes=0-", 0, 1000},
        {"bytes=900-5000", 900, 100},
        {"bytes=0-18446744073709551615", 0, 1000},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_range range;

        assert_ok(http_range_parse(text_of(cases[i].value), 1000, &range));
        assert_int_equal(range.offset, cases[i].offset);
        assert_int_equal(range.len, cases[i].len);
    }
}

static void ranges_outside_the_body_cannot_be_satisfied(void **state)
{
    (void)state;
    struct http_range range;

    assert_err(http_range_parse(TEXT("bytes=1000-"), 1000, &range), ERR_LIMIT);
    assert_err(http_range_parse(TEXT("bytes=5000-6000"), 1000, &range), ERR_LIMIT);
    assert_err(http_range_parse(TEXT("bytes=-0"), 1000, &range), ERR_LIMIT);
    assert_err(http_range_parse(TEXT("bytes=0-"), 0, &range), ERR_LIMIT);
    assert_err(http_range_parse(TEXT("bytes=-1"), 0, &range), ERR_LIMIT);
}

static void other_ranges_are_ignored(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",           "bytes",      "bytes=",      "bytes=-",
        "bytes=a-b",  "bytes=5-1",  "items=0-1",   "bytes=0-1,3-4",
        "bytes=1--2", "bytes=+1-2", "bytes= 1 -2", "bytes=0-18446744073709551616",
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct http_range range;

        assert_err(http_range_parse(text_of(values[i]), 1000, &range), ERR_UNSUPPORTED);
    }
}

static void gzip_is_taken_only_when_allowed(void **state)
{
    (void)state;
    assert_true(http_accepts_gzip(TEXT("gzip")));
    assert_true(http_accepts_gzip(TEXT("gzip, deflate, br, zstd")));
    assert_true(http_accepts_gzip(TEXT("br;q=1.0, GZIP;q=0.001")));
    assert_true(http_accepts_gzip(TEXT("*")));
    assert_false(http_accepts_gzip(TEXT("")));
    assert_false(http_accepts_gzip(TEXT("identity")));
    assert_false(http_accepts_gzip(TEXT("gzip;q=0")));
    assert_false(http_accepts_gzip(TEXT("gzip; q=0.000, *")));
    assert_false(http_accepts_gzip(TEXT("*;q=0")));
    assert_false(http_accepts_gzip(TEXT("xgzip")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(tags_match_weakly_in_a_list),
        TEST_CASE(single_ranges_are_cut_to_the_body),
        TEST_CASE(ranges_outside_the_body_cannot_be_satisfied),
        TEST_CASE(other_ranges_are_ignored),
        TEST_CASE(gzip_is_taken_only_when_allowed),
    };

    return RUN_TESTS("http_conditional", tests);
}
