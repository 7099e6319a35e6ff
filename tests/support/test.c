#include "support/test.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/mem.h"

static size_t blocks_before;

int test_note_blocks(void **state)
{
    (void)state;
    blocks_before = mem_live_blocks();
    return 0;
}

int test_check_blocks(void **state)
{
    (void)state;
    size_t blocks = mem_live_blocks();

    if (blocks == blocks_before)
        return 0;
    print_error("%zu blocks before the test, %zu after\n", blocks_before, blocks);
    return -1;
}

void test_assert_err(enum err got, enum err wanted, const char *file, int line)
{
    if (got == wanted)
        return;
    print_error("got %s, wanted %s\n", err_name(got), err_name(wanted));
    _fail(file, line);
}

void test_assert_text(struct text got, struct text wanted, const char *file, int line)
{
    if (text_equal(got, wanted))
        return;
    print_error("got    \"%.*s\"\nwanted \"%.*s\"\n", TEXT_ARG(got), TEXT_ARG(wanted));
    _fail(file, line);
}

static bool hex_digit(char c, uint8_t *ret_value)
{
    uint64_t value;

    if (!text_parse_hex_u64((struct text){&c, 1}, 15, &value))
        return false;
    *ret_value = (uint8_t)value;
    return true;
}

size_t test_unhex(const char *hex, uint8_t *to, size_t cap)
{
    size_t digits = 0;

    for (; *hex; hex++) {
        uint8_t value;

        if (!hex_digit(*hex, &value))
            continue;
        assert_true(digits / 2 < cap);
        to[digits / 2] = (uint8_t)(digits % 2 ? to[digits / 2] << 4 | value : value);
        digits++;
    }
    assert_true(digits % 2 == 0);
    return digits / 2;
}
