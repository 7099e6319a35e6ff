#include "api/query.h"

#include "support/test.h"

static void pairs_are_cut_in_order(void **state)
{
    (void)state;
    struct text rest = TEXT("a=1&&b&c=x=y&=empty&");
    static const char *const wanted[][2] = {{"a", "1"}, {"b", ""}, {"c", "x=y"}, {"", "empty"}};
    struct text name, value;

    for (size_t i = 0; i < 4; i++) {
        assert_true(query_next(&rest, &name, &value));
        assert_text(name, wanted[i][0]);
        assert_text(value, wanted[i][1]);
    }
    assert_false(query_next(&rest, &name, &value));
}

static void first_pair_of_a_name_is_found(void **state)
{
    (void)state;
    struct text value;

    assert_true(query_find(TEXT("batch=1&input=x&batch=2"), TEXT("batch"), &value));
    assert_text(value, "1");
    assert_false(query_find(TEXT("xbatch=1"), TEXT("batch"), &value));
    assert_false(query_find((struct text){0}, TEXT("batch"), &value));
}

static void decoding_knows_forms_and_refuses_half_escapes(void **state)
{
    (void)state;
    char to[64];
    size_t len;

    assert_ok(query_decode(TEXT("%7B%22a%22%3a+1%7d"), true, to, &len));
    assert_text(((struct text){to, len}), "{\"a\": 1}");
    assert_ok(query_decode(TEXT("a+b"), false, to, &len));
    assert_text(((struct text){to, len}), "a+b");
    assert_err(query_decode(TEXT("%"), true, to, &len), ERR_MALFORMED);
    assert_err(query_decode(TEXT("%4"), true, to, &len), ERR_MALFORMED);
    assert_err(query_decode(TEXT("%4g"), true, to, &len), ERR_MALFORMED);
    assert_err(query_decode(TEXT("%-1"), true, to, &len), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(pairs_are_cut_in_order),
        TEST_CASE(first_pair_of_a_name_is_found),
        TEST_CASE(decoding_knows_forms_and_refuses_half_escapes),
    };
    return RUN_TESTS("api_query", tests);
}
