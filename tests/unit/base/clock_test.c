#include "base/clock.h"

#include "base/writer.h"
#include "support/test.h"

#define WALL INT64_C(1795250400000000) /* 2026-11-21T08:40:00Z */

static void times_are_read_as_rfc_3339_writes_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t wall_us;
    } cases[] = {
        {"2026-11-21T08:40:00Z", WALL},
        {"2026-11-21t08:40:00z", WALL},
        {"2026-11-21T08:40:00.5Z", WALL + 500000},
        {"2026-11-21T08:40:00.123Z", WALL + 123000},
        {"2026-11-21T08:40:00.123456789Z", WALL + 123456},
        {"2026-11-21T10:10:00+01:30", WALL},
        {"2026-11-21T00:40:00-08:00", WALL},
        {"1970-01-01T00:00:00Z", 0},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800000000)},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t wall_us = -1;

        if (clock_parse_iso8601(text_of(cases[i].text), &wall_us) != OK ||
            wall_us != cases[i].wall_us)
            fail_msg("%s: %lld", cases[i].text, (long long)wall_us);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "2026-11-21",
        "2026-11-21T08:40:00",
        "2026-11-21 08:40:00Z",
        "2026-11-21T08:40Z",
        "2026-11-21T08:40:00.Z",
        "2026-11-21T08:40:00ZZ",
        "2026-11-21T24:00:00Z",
        "2026-11-21T08:60:00Z",
        "2026-11-21T08:40:61Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-00T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "26-11-21T08:40:00Z",
        "+026-11-21T08:40:00Z",
        "2026-11-21T08:40:00+1:00",
        "2026-11-21T08:40:00+24:00",
        "2026-11-21T08:40:00+01:00Z",
        "1795250400",
    };
    int64_t wall_us = -1;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (clock_parse_iso8601(text_of(wrong[i]), &wall_us) != ERR_MALFORMED)
            fail_msg("%s is taken", wrong[i]);
    assert_int_equal(wall_us, -1);
}

static void each_beginning_of_a_time_is_refused(void **state)
{
    (void)state;
    struct text whole = TEXT("2026-11-21T08:40:00+01:00");
    int64_t wall_us;

    for (size_t len = 0; len < whole.len; len++)
        assert_err(clock_parse_iso8601(text_sub(whole, 0, len), &wall_us), ERR_MALFORMED);
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;

    for (int64_t wall_us = 1; wall_us < INT64_C(4102444800000000);
         wall_us += INT64_C(77777777777777)) {
        char chars[40];
        struct writer w = writer_fixed(chars, sizeof(chars));
        int64_t read_us;

        clock_write_iso8601(&w, wall_us);
        assert_ok(clock_parse_iso8601(writer_as_text(&w), &read_us));
        assert_int_equal(read_us, wall_us / US_PER_MS * US_PER_MS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(times_are_read_as_rfc_3339_writes_them),
        TEST_CASE(what_is_no_time_is_refused),
        TEST_CASE(each_beginning_of_a_time_is_refused),
        TEST_CASE(what_is_written_is_read_again),
    };
    return RUN_TESTS("base_clock", tests);
}
