#include "base/writer.h"

#include "base/bitreader.h"
#include "base/buf.h"
#include "base/reader.h"
#include "support/test.h"

static void fixed_writer_never_passes_its_end(void **state)
{
    (void)state;
    uint8_t memory[6] = {0};
    struct writer w = writer_fixed(memory, 5);

    writer_u32(&w, 0x01020304);
    writer_u16(&w, 0x0506);
    assert_true(w.failed);
    assert_int_equal(w.len, 4);
    assert_int_equal(memory[4], 0);
    writer_u8(&w, 7);
    assert_int_equal(w.len, 4); /* failure is sticky */
}

static void growing_writer_stops_at_its_limit(void **state)
{
    (void)state;
    struct writer w = writer_growing(1000);

    for (int i = 0; i < 1000; i++)
        writer_u8(&w, (uint8_t)i);
    assert_false(w.failed);
    writer_u8(&w, 1);
    assert_true(w.failed);
    assert_int_equal(w.len, 1000);
    writer_deinit(&w);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct writer w = writer_growing(64);

    size_t at = writer_reserve(&w, 2);
    writer_u24(&w, 0xabcdef);
    writer_u64(&w, UINT64_C(0x1122334455667788));
    writer_u16_le(&w, 0x1234);
    writer_u32_le(&w, 0x12345678);
    writer_patch_u16(&w, at, (uint16_t)w.len);
    struct buf *buf = writer_copy_buf(&w);
    struct reader r = reader_of(buf->data, buf->len);

    assert_int_equal(reader_u16(&r), buf->len);
    assert_int_equal(reader_u24(&r), 0xabcdef);
    assert_true(reader_u64(&r) == UINT64_C(0x1122334455667788));
    assert_int_equal(reader_u16_le(&r), 0x1234);
    assert_int_equal(reader_u32_le(&r), 0x12345678);
    assert_false(r.failed);
    assert_int_equal(r.left, 0);
    assert_int_equal(reader_u8(&r), 0);
    assert_true(r.failed);
    buf_unref(buf);
    writer_deinit(&w);
}

static void numbers_and_seconds_are_written_as_text(void **state)
{
    (void)state;
    char memory[200];
    struct writer w = writer_fixed(memory, sizeof(memory));

    writer_dec(&w, UINT64_MAX);
    writer_char(&w, ' ');
    writer_dec_signed(&w, INT64_MIN);
    writer_char(&w, ' ');
    writer_seconds(&w, 200000, 3);
    writer_char(&w, ' ');
    writer_seconds(&w, 1999999, 3);
    writer_char(&w, ' ');
    writer_seconds(&w, -1500000, 1);
    writer_printf(&w, " %d%s", 5, "!");
    assert_text(writer_as_text(&w),
                "18446744073709551615 -9223372036854775808 0.200 2.000 -1.5 5!");
}

static void sub_reader_bounds_a_field(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0, 3, 1, 2, 3, 9};
    struct reader r = reader_of(bytes, sizeof(bytes));
    struct reader field = reader_sub(&r, reader_u16(&r));

    reader_skip(&field, 3);
    assert_false(field.failed);
    reader_skip(&field, 1);
    assert_true(field.failed);
    assert_int_equal(reader_u8(&r), 9);
    assert_false(r.failed);
    assert_true(reader_sub(&r, 1).failed);
}

static void exp_golomb_codes_are_read(void **state)
{
    (void)state;
    /* 1 010 011 00100 00101: ue 0 1 2 3 4 */
    const uint8_t bytes[] = {0xa6, 0x42, 0x80};
    struct bitreader r = bitreader_of(bytes, sizeof(bytes));

    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(bitreader_ue(&r), i);
    r = bitreader_of(bytes, sizeof(bytes));
    static const int32_t wanted[] = {0, 1, -1, 2, -2};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(bitreader_se(&r), wanted[i]);

    const uint8_t zeroes[8] = {0};
    r = bitreader_of(zeroes, sizeof(zeroes));
    (void)bitreader_ue(&r);
    assert_true(r.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(fixed_writer_never_passes_its_end),
        TEST_CASE(growing_writer_stops_at_its_limit),
        TEST_CASE(what_is_written_is_read_back),
        TEST_CASE(numbers_and_seconds_are_written_as_text),
        TEST_CASE(sub_reader_bounds_a_field),
        TEST_CASE(exp_golomb_codes_are_read),
    };
    return RUN_TESTS("base_writer", tests);
}
