/*
 * test - what every unit test includes: cmocka, and groups that also check the allocator.
 *
 * A test is a static function with a sentence as its name. The group fails when a test leaves
 * blocks behind (mem_live_blocks).
 *
 *     static void empty_text_is_no_number(void **state) { (void)state; assert_false(...); }
 *     int main(void) {
 *         const struct CMUnitTest tests[] = { TEST_CASE(empty_text_is_no_number) };
 *         return RUN_TESTS("base_text", tests);
 *     }
 */
#ifndef TESTS_SUPPORT_TEST_H
#define TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/text.h"

int test_note_blocks(void **state);
int test_check_blocks(void **state);

#define TEST_CASE(function)                                                                        \
    cmocka_unit_test_setup_teardown(function, test_note_blocks, test_check_blocks)
#define RUN_TESTS(name, tests) cmocka_run_group_tests_name(name, tests, NULL, NULL)

/* Fails with both values in words. */
void test_assert_err(enum err got, enum err wanted, const char *file, int line);
void test_assert_text(struct text got, struct text wanted, const char *file, int line);
#define assert_err(got, wanted)  test_assert_err(got, wanted, __FILE__, __LINE__)
#define assert_ok(got)           test_assert_err(got, OK, __FILE__, __LINE__)
#define assert_text(got, wanted) test_assert_text(got, text_of(wanted), __FILE__, __LINE__)

/* Reads bytes written as hexadecimal (spaces allowed) into `to`; returns how many. */
size_t test_unhex(const char *hex, uint8_t *to, size_t cap);

#endif
