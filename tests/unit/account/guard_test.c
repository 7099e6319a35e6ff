#include "account/guard.h"

#include <stdio.h>

#include "base/clock.h"
#include "support/test.h"

#define S(seconds) ((int64_t)(seconds)*US_PER_S)

static uint64_t address(const char *text)
{
    return guard_key(GUARD_ADDRESS, text_of(text));
}

static struct guard *new_guard(void)
{
    const struct guard_rule rule = guard_rule_default();

    return guard_create(&rule);
}

static void note_times(struct guard *guard, uint64_t key, int times, int64_t now_us)
{
    for (int i = 0; i < times; i++)
        guard_note(guard, key, now_us);
}

static void tenth_wrong_key_shuts_out_for_a_minute(void **state)
{
    (void)state;
    struct guard *guard = new_guard();

    note_times(guard, address("192.0.2.1"), 9, S(1));
    assert_int_equal(guard_shut_for_us(guard, address("192.0.2.1"), S(1)), 0);
    note_times(guard, address("192.0.2.1"), 1, S(2));
    assert_int_equal(guard_shut_for_us(guard, address("192.0.2.1"), S(2)), S(60));
    assert_int_equal(guard_shut_for_us(guard, address("192.0.2.2"), S(2)), 0);
    assert_int_equal(guard_shut_for_us(guard, address("192.0.2.1"), S(62)), 0);
    /* And begins anew after that. */
    note_times(guard, address("192.0.2.1"), 9, S(62));
    assert_int_equal(guard_shut_for_us(guard, address("192.0.2.1"), S(62)), 0);
    guard_destroy(guard);
}

static void slow_mistakes_are_forgiven(void **state)
{
    (void)state;
    struct guard *guard = new_guard();

    for (int i = 0; i < 50; i++) { /* one each ten seconds: seven in a window at most */
        guard_note(guard, address("192.0.2.1"), S(10 * i));
        assert_int_equal(guard_shut_for_us(guard, address("192.0.2.1"), S(10 * i)), 0);
    }
    guard_destroy(guard);
}

static void forgiven_attempt_does_not_count(void **state)
{
    (void)state;
    struct guard *guard = new_guard();
    uint64_t key = address("192.0.2.1");

    for (int i = 0; i < 100; i++) {
        guard_note(guard, key, S(1));
        guard_forgive(guard, key);
    }
    note_times(guard, key, 9, S(1));
    assert_int_equal(guard_shut_for_us(guard, key, S(1)), 0);
    guard_note(guard, key, S(1));
    assert_true(guard_shut_for_us(guard, key, S(1)) > 0);
    guard_forgive(guard, key); /* the tenth was under way when it shut the door, and was right */
    assert_int_equal(guard_shut_for_us(guard, key, S(1)), 0);
    guard_forgive(guard, address("192.0.2.9")); /* nobody: nothing happens */
    guard_destroy(guard);
}

static void addresses_of_one_subnet_count_together(void **state)
{
    (void)state;
    struct guard *guard = new_guard();

    for (int i = 0; i < 10; i++) {
        char text[40];
        (void)snprintf(text, sizeof(text), "2001:db8:1:2::%x", i);
        guard_note(guard, address(text), S(1));
    }
    assert_true(guard_shut_for_us(guard, address("2001:db8:1:2:ffff::1"), S(1)) > 0);
    assert_int_equal(guard_shut_for_us(guard, address("2001:db8:1:3::1"), S(1)), 0);
    guard_destroy(guard);
}

static void keys_differ_by_kind_and_not_by_case(void **state)
{
    (void)state;

    assert_true(guard_key(GUARD_EMAIL, TEXT("Anna@Example.com")) ==
                guard_key(GUARD_EMAIL, TEXT("anna@example.com")));
    assert_true(guard_key(GUARD_EMAIL, TEXT("a")) != guard_key(GUARD_ACCOUNT, TEXT("a")));
    assert_true(guard_key(GUARD_ADDRESS, TEXT("")) != 0);
    assert_true(guard_key(GUARD_EMAIL, (struct text){0}) != 0);
}

/* 100,000 addresses cannot make the table larger, and who was just shut out is not washed away by
 * as many others as fit. */
static void table_is_bounded(void **state)
{
    (void)state;
    struct guard *guard = new_guard();
    int shut = 0;

    for (int i = 0; i < 100000; i++) {
        char text[40];
        (void)snprintf(text, sizeof(text), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        note_times(guard, address(text), 10, S(1) + i);
    }
    for (int i = 0; i < 100000; i++) {
        char text[40];
        (void)snprintf(text, sizeof(text), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        shut += guard_shut_for_us(guard, address(text), S(2)) > 0;
    }
    assert_in_range(shut, 3000, 4096);
    guard_destroy(guard);
}

static void bucket_gives_its_burst_and_then_its_rate(void **state)
{
    (void)state;
    const struct rate_rule rule = {.per_second = 2, .burst = 5};
    struct rate_limit *limit = rate_limit_create(&rule);
    uint64_t key = address("192.0.2.1");

    for (int i = 0; i < 5; i++)
        assert_int_equal(rate_limit_take(limit, key, 1, S(1)), 0);
    int64_t wait_us = rate_limit_take(limit, key, 1, S(1));
    assert_in_range(wait_us, 499000, 501000);
    assert_int_equal(rate_limit_take(limit, key, 1, S(1) + wait_us), 0);
    assert_true(rate_limit_take(limit, key, 1, S(1) + wait_us) > 0);
    assert_int_equal(rate_limit_take(limit, address("192.0.2.2"), 1, S(1)), 0);
    /* It never holds more than the burst. */
    for (int i = 0; i < 5; i++)
        assert_int_equal(rate_limit_take(limit, key, 1, S(1000)), 0);
    assert_true(rate_limit_take(limit, key, 1, S(1000)) > 0);
    rate_limit_destroy(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(tenth_wrong_key_shuts_out_for_a_minute),
        TEST_CASE(slow_mistakes_are_forgiven),
        TEST_CASE(forgiven_attempt_does_not_count),
        TEST_CASE(addresses_of_one_subnet_count_together),
        TEST_CASE(keys_differ_by_kind_and_not_by_case),
        TEST_CASE(table_is_bounded),
        TEST_CASE(bucket_gives_its_burst_and_then_its_rate),
    };
    return RUN_TESTS("account_guard", tests);
}
