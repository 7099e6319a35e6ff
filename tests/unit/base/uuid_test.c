#include "base/uuid.h"

#include "support/test.h"

static void version_4_is_random_and_has_its_bits(void **state)
{
    (void)state;
    char a[UUID_LEN + 1], b[UUID_LEN + 1];

    for (int i = 0; i < 100; i++) {
        uuid_draw_v4(a);
        uuid_draw_v4(b);
        assert_true(uuid_is_valid(text_of(a)));
        assert_int_equal(a[14], '4');
        assert_non_null(strchr("89ab", a[19]));
        assert_string_not_equal(a, b);
    }
}

static void version_7_begins_with_the_time(void **state)
{
    (void)state;
    char id[UUID_LEN + 1];

    /* RFC 9562 appendix A.6: 2022-02-22T19:22:22Z, drawn first: later times follow. */
    uuid_draw_v7(id, INT64_C(1645557742000000));
    assert_true(uuid_is_valid(text_of(id)));
    assert_memory_equal(id, "017f22e2-79b0-7", 15);
    assert_non_null(strchr("89ab", id[19]));
}

/* Also within a millisecond, when it runs out of numbers, and when the clock goes back. */
static void version_7_rises(void **state)
{
    (void)state;
    char last[UUID_LEN + 1], next[UUID_LEN + 1];
    int64_t wall_us = INT64_C(1795250400000000);

    uuid_draw_v7(last, wall_us);
    for (int i = 0; i < 20000; i++) {
        if (i == 10000)
            wall_us -= 1000000;
        uuid_draw_v7(next, wall_us);
        assert_true(strcmp(last, next) < 0);
        memcpy(last, next, sizeof(last));
    }
    uuid_draw_v7(next, wall_us + 10000000);
    assert_true(strcmp(last, next) < 0);
}

static void only_the_text_form_in_lower_case_is_valid(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00000000-0000-4000-8000-00000000000",
        "00000000-0000-4000-8000-0000000000000",
        "00000000-0000-4000-8000-00000000000G",
        "00000000-0000-4000-8000-00000000000A",
        "000000000000-4000-8000-0000-00000000",
        "{0000000-0000-4000-8000-00000000000}",
    };

    assert_true(uuid_is_valid(TEXT("00000000-0000-4000-8000-00000000000a")));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(uuid_is_valid(text_of(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(version_4_is_random_and_has_its_bits),
        TEST_CASE(version_7_begins_with_the_time),
        TEST_CASE(version_7_rises),
        TEST_CASE(only_the_text_form_in_lower_case_is_valid),
    };
    return RUN_TESTS("base_uuid", tests);
}
