#include "support/test.h"

static void numbers_are_strict(void **state)
{
    (void)state;
    uint64_t value = 77;

    assert_true(text_parse_u64(TEXT("0"), 10, &value));
    assert_int_equal(value, 0);
    assert_true(text_parse_u64(TEXT("18446744073709551615"), UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    value = 77;
    static const char *const bad[] = {
        "", " 1", "1 ", "+1", "-1", "0x1", "11", "1.0", "18446744073709551616"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(text_parse_u64(text_of(bad[i]), 10, &value));
    assert_int_equal(value, 77);
}

static void signed_numbers_keep_their_range(void **state)
{
    (void)state;
    int64_t value = 0;

    assert_true(text_parse_i64(TEXT("-5"), -5, 5, &value));
    assert_int_equal(value, -5);
    assert_false(text_parse_i64(TEXT("-6"), -5, 5, &value));
    assert_false(text_parse_i64(TEXT("6"), -5, 5, &value));
    assert_false(text_parse_i64(TEXT("-"), -5, 5, &value));
}

static void cut_walks_a_list(void **state)
{
    (void)state;
    struct text rest = TEXT("a,,b");

    assert_text(text_cut(&rest, ','), "a");
    assert_text(text_cut(&rest, ','), "");
    assert_text(text_cut(&rest, ','), "b");
    assert_int_equal(rest.len, 0);
}

static void comparisons_ignore_case_only_when_asked(void **state)
{
    (void)state;
    assert_true(text_equal_nocase(TEXT("Content-Type"), TEXT("content-type")));
    assert_false(text_equal(TEXT("Content-Type"), TEXT("content-type")));
    assert_true(text_starts_with_nocase(TEXT("BEARER x"), TEXT("bearer ")));
    assert_true(text_ends_with(TEXT("a.m3u8"), TEXT(".m3u8")));
    assert_false(text_ends_with(TEXT("u8"), TEXT(".m3u8")));
    assert_true(text_compare(TEXT("a"), TEXT("ab")) < 0);
}

static void utf8_rejects_overlong_and_surrogates(void **state)
{
    (void)state;
    assert_true(text_is_utf8(TEXT("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80")));
    assert_false(text_is_utf8(TEXT("\xc0\xaf")));
    assert_false(text_is_utf8(TEXT("\xed\xa0\x80")));
    assert_false(text_is_utf8(TEXT("\xf4\x90\x80\x80")));
    assert_false(text_is_utf8(TEXT("\xe2\x82")));
    assert_false(text_is_utf8(TEXT("\xff")));
    assert_true(text_is_line(TEXT("gr\xc3\xbc\xc3\x9f e")));
    assert_false(text_is_line(TEXT("two\nlines")));
    assert_false(text_is_line(TEXT("a\x01z")));
    assert_false(text_is_line(TEXT("a\x7f")));
    assert_false(text_is_line(TEXT("\xff")));
}

static void what_is_contained_is_found_whatever_its_case(void **state)
{
    (void)state;

    assert_true(text_contains_nocase(TEXT("Shoes on Friday"), TEXT("shoes")));
    assert_true(text_contains_nocase(TEXT("Shoes on Friday"), TEXT("FRIDAY")));
    assert_true(text_contains_nocase(TEXT("Shoes"), TEXT("")));
    assert_false(text_contains_nocase(TEXT("Shoes"), TEXT("shoess")));
    assert_false(text_contains_nocase(TEXT(""), TEXT("s")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(numbers_are_strict),
        TEST_CASE(signed_numbers_keep_their_range),
        TEST_CASE(cut_walks_a_list),
        TEST_CASE(comparisons_ignore_case_only_when_asked),
        TEST_CASE(utf8_rejects_overlong_and_surrogates),
        TEST_CASE(what_is_contained_is_found_whatever_its_case),
    };
    return RUN_TESTS("base_text", tests);
}
