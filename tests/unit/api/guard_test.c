#include "api/guard.h"

#include <stdio.h>

#include "base/clock.h"
#include "support/test.h"

#define S(seconds) ((int64_t)(seconds)*US_PER_S)

static void fail_times(struct guard *guard, const char *address, int times, int64_t now_us)
{
    for (int i = 0; i < times; i++)
        guard_note_failure(guard, text_of(address), now_us);
}

static void tenth_wrong_key_shuts_out_for_a_minute(void **state)
{
    (void)state;
    static struct guard guard;
    guard = (struct guard){0};

    fail_times(&guard, "192.0.2.1", 9, S(1));
    assert_int_equal(guard_shut_for_us(&guard, TEXT("192.0.2.1"), S(1)), 0);
    fail_times(&guard, "192.0.2.1", 1, S(2));
    assert_int_equal(guard_shut_for_us(&guard, TEXT("192.0.2.1"), S(2)), S(60));
    assert_int_equal(guard_shut_for_us(&guard, TEXT("192.0.2.2"), S(2)), 0);
    assert_int_equal(guard_shut_for_us(&guard, TEXT("192.0.2.1"), S(62)), 0);
}

static void slow_mistakes_are_forgiven(void **state)
{
    (void)state;
    static struct guard guard;
    guard = (struct guard){0};

    for (int i = 0; i < 50; i++) /* one each ten seconds: seven in a window at most */
        guard_note_failure(&guard, TEXT("192.0.2.1"), S(10 * i));
    assert_int_equal(guard_shut_for_us(&guard, TEXT("192.0.2.1"), S(491)), 0);
}

static void addresses_of_one_subnet_count_together(void **state)
{
    (void)state;
    static struct guard guard;
    guard = (struct guard){0};

    for (int i = 0; i < 10; i++) {
        char address[40];
        (void)snprintf(address, sizeof(address), "2001:db8:1:2::%x", i);
        guard_note_failure(&guard, text_of(address), S(1));
    }
    assert_true(guard_shut_for_us(&guard, TEXT("2001:db8:1:2:ffff::1"), S(1)) > 0);
    assert_int_equal(guard_shut_for_us(&guard, TEXT("2001:db8:1:3::1"), S(1)), 0);
}

static void full_table_gives_up_the_quietest_entry(void **state)
{
    (void)state;
    static struct guard guard;
    guard = (struct guard){0};

    fail_times(&guard, "192.0.2.1", 10, S(1));
    fail_times(&guard, "192.0.2.2", 10, S(2));
    for (int i = 0; i < GUARD_ENTRIES_MAX - 1; i++) {
        char address[40];
        (void)snprintf(address, sizeof(address), "10.0.%d.%d", i / 250, i % 250);
        guard_note_failure(&guard, text_of(address), S(3));
    }
    assert_int_equal(guard_shut_for_us(&guard, TEXT("192.0.2.1"), S(4)), 0);
    assert_true(guard_shut_for_us(&guard, TEXT("192.0.2.2"), S(4)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(tenth_wrong_key_shuts_out_for_a_minute),
        TEST_CASE(slow_mistakes_are_forgiven),
        TEST_CASE(addresses_of_one_subnet_count_together),
        TEST_CASE(full_table_gives_up_the_quietest_entry),
    };
    return RUN_TESTS("api_guard", tests);
}
