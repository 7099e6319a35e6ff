#include "rtmp/amf0.h"

#include <math.h>

#include "base/writer.h"
#include "support/test.h"

static struct amf0_value read_hex(const char *hex, bool *ret_failed)
{
    static uint8_t bytes[512];
    struct amf0_value value;
    struct reader r = reader_of(bytes, test_unhex(hex, bytes, sizeof(bytes)));

    amf0_read(&r, &value);
    *ret_failed = r.failed || r.left != 0;
    return value;
}

static void each_type_is_read(void **state)
{
    (void)state;
    bool failed;

    struct amf0_value v = read_hex("00 4014000000000000", &failed);
    assert_true(!failed && v.type == AMF0_NUMBER && v.number > 4.99 && v.number < 5.01);
    v = read_hex("01 01", &failed);
    assert_true(!failed && v.type == AMF0_BOOLEAN && v.boolean);
    v = read_hex("02 0004 6c697665", &failed);
    assert_false(failed);
    assert_text(v.string, "live");
    v = read_hex("0c 00000004 6c697665", &failed);
    assert_false(failed);
    assert_text(v.string, "live");
    v = read_hex("0b 4014000000000000 0000", &failed);
    assert_true(!failed && v.type == AMF0_NUMBER);
    v = read_hex("05", &failed);
    assert_true(!failed && v.type == AMF0_NULL);
    v = read_hex("06", &failed);
    assert_true(!failed && v.type == AMF0_NULL);
    v = read_hex("07 0001", &failed);
    assert_true(!failed && v.type == AMF0_NULL);
    v = read_hex("10 0001 41 0001 61 05 0000 09", &failed);
    assert_true(!failed && v.type == AMF0_OBJECT);
}

static void members_come_in_order_and_nested_ones_are_skipped(void **state)
{
    (void)state;
    bool failed;
    struct text name;
    struct amf0_value member;
    struct amf0_value v =
        read_hex("03 0001 61 03 0001 78 05 0000 09  0001 62 0101  0000 09", &failed);

    assert_false(failed);
    assert_true(amf0_next_member(&v, &name, &member));
    assert_text(name, "a");
    assert_int_equal(member.type, AMF0_OBJECT);
    assert_true(amf0_next_member(&v, &name, &member));
    assert_text(name, "b");
    assert_true(member.boolean);
    assert_false(amf0_next_member(&v, &name, &member));
}

static void ecma_array_may_miss_its_end_when_its_members_are_all_there(void **state)
{
    (void)state;
    bool failed;

    struct amf0_value v = read_hex("08 00000001 0001 61 05", &failed);
    assert_true(!failed && v.type == AMF0_ECMA_ARRAY);
    (void)read_hex("08 00000002 0001 61 05", &failed);
    assert_true(failed);
    (void)read_hex("03 0001 61 05", &failed); /* an object may not */
    assert_true(failed);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    uint8_t bytes[5 * (AMF0_DEPTH_MAX + 1) + 1];
    struct amf0_value v;

    for (int depth = AMF0_DEPTH_MAX - 1; depth <= AMF0_DEPTH_MAX + 1; depth++) {
        struct writer w = writer_fixed(bytes, sizeof(bytes));

        for (int i = 0; i < depth; i++)
            amf0_write_strict_array_begin(&w, 1);
        amf0_write_null(&w);
        struct reader r = reader_of(w.data, w.len);
        amf0_read(&r, &v);
        assert_int_equal(r.failed, depth > AMF0_DEPTH_MAX);
    }
}

static void a_count_that_lies_makes_no_work(void **state)
{
    (void)state;
    bool failed;

    (void)read_hex("0a ffffffff 05 05", &failed);
    assert_true(failed);
    (void)read_hex("02 ffff 61", &failed);
    assert_true(failed);
    (void)read_hex("0c ffffffff 61", &failed);
    assert_true(failed);
    (void)read_hex("11 00", &failed); /* AMF3 */
    assert_true(failed);
    (void)read_hex("09", &failed); /* an end without a beginning */
    assert_true(failed);
}

static void each_truncation_fails(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    struct amf0_value v;

    amf0_write_object_begin(&w);
    amf0_write_member_string(&w, "app", TEXT("live"));
    amf0_write_member_number(&w, "capsEx", 3);
    amf0_write_name(&w, TEXT("list"));
    amf0_write_strict_array_begin(&w, 2);
    amf0_write_boolean(&w, true);
    amf0_write_null(&w);
    amf0_write_object_end(&w);
    for (size_t len = 0; len < w.len; len++) {
        struct reader r = reader_of(bytes, len);
        amf0_read(&r, &v);
        assert_true(r.failed);
        assert_int_equal(v.type, AMF0_NULL);
    }
    struct reader whole = reader_of(bytes, w.len);
    amf0_read(&whole, &v);
    assert_false(whole.failed);
    assert_int_equal(whole.left, 0);
}

static void only_numbers_in_range_become_integers(void **state)
{
    (void)state;
    struct amf0_value v = {.type = AMF0_NUMBER, .number = 720.9};

    assert_int_equal(amf0_to_u64(&v, 1000), 720);
    assert_int_equal(amf0_to_u64(&v, 700), 0);
    v.number = -1;
    assert_int_equal(amf0_to_u64(&v, 1000), 0);
    v.number = (double)NAN;
    assert_int_equal(amf0_to_u64(&v, 1000), 0);
    v.number = (double)INFINITY;
    assert_int_equal(amf0_to_u64(&v, 1000), 0);
    v = (struct amf0_value){.type = AMF0_STRING, .number = 5};
    assert_int_equal(amf0_to_u64(&v, 1000), 0);
}

static void long_strings_take_the_long_form(void **state)
{
    (void)state;
    static char chars[70000];
    struct writer w = writer_growing(100000);
    struct amf0_value v;

    amf0_write_string(&w, (struct text){chars, 65535});
    assert_int_equal(w.data[0], 2);
    writer_clear(&w);
    amf0_write_string(&w, (struct text){chars, sizeof(chars)});
    assert_int_equal(w.data[0], 12);
    struct reader r = reader_of(w.data, w.len);
    amf0_read(&r, &v);
    assert_int_equal(v.string.len, sizeof(chars));
    writer_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(each_type_is_read),
        TEST_CASE(members_come_in_order_and_nested_ones_are_skipped),
        TEST_CASE(ecma_array_may_miss_its_end_when_its_members_are_all_there),
        TEST_CASE(depth_is_bounded),
        TEST_CASE(a_count_that_lies_makes_no_work),
        TEST_CASE(each_truncation_fails),
        TEST_CASE(only_numbers_in_range_become_integers),
        TEST_CASE(long_strings_take_the_long_form),
    };
    return RUN_TESTS("rtmp_amf0", tests);
}
