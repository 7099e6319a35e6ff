#include "webrtc/rtp.h"

#include "base/writer.h"
#include "support/test.h"

static void reads_header_payload_and_padding(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct rtp_packet packet;
    size_t len = test_unhex("b2e3 1234 01020304 aabbccdd 11111111 22222222"
                            "bede0002 10aa 31123400 0000"
                            "deadbe 000003",
                            bytes, sizeof(bytes));

    assert_ok(rtp_parse(bytes, len, &packet));
    assert_true(packet.has_marker);
    assert_int_equal(packet.payload_type, 0x63);
    assert_int_equal(packet.seq, 0x1234);
    assert_int_equal(packet.timestamp, 0x01020304);
    assert_int_equal(packet.ssrc, 0xaabbccdd);
    assert_int_equal(packet.csrc_count, 2);
    assert_int_equal(packet.csrcs[4], 0x22);
    assert_int_equal(packet.extension_profile, RTP_EXTENSION_ONE_BYTE);
    assert_int_equal(packet.extensions_len, 8);
    assert_int_equal(packet.padding_len, 3);
    assert_int_equal(packet.payload_len, 3);
    assert_memory_equal(packet.payload, "\xde\xad\xbe", 3);
}

static void refuses_each_truncation_of_the_header(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct rtp_packet packet;
    size_t len = test_unhex("92600001 00000000 00000001 11111111 22222222 bede0001 10aa0000", bytes,
                            sizeof(bytes));

    assert_ok(rtp_parse(bytes, len, &packet));
    assert_int_equal(packet.payload_len, 0);
    for (size_t cut = 0; cut < len; cut++)
        assert_err(rtp_parse(bytes, cut, &packet), ERR_MALFORMED);
}

static void refuses_other_versions_and_impossible_padding(void **state)
{
    (void)state;
    uint8_t bytes[16];
    struct rtp_packet packet;
    size_t len = test_unhex("40600001 00000000 00000001 aabbcc01", bytes, sizeof(bytes));

    assert_err(rtp_parse(bytes, len, &packet), ERR_MALFORMED);
    bytes[0] = 0xa0; /* version 2 with padding */
    assert_ok(rtp_parse(bytes, len, &packet));
    assert_int_equal(packet.payload_len, 3);
    bytes[15] = 0;
    assert_err(rtp_parse(bytes, len, &packet), ERR_MALFORMED);
    bytes[15] = 5;
    assert_err(rtp_parse(bytes, len, &packet), ERR_MALFORMED);
    bytes[15] = 4;
    assert_ok(rtp_parse(bytes, len, &packet));
    assert_int_equal(packet.payload_len, 0);
    assert_err(rtp_parse(bytes, 12, &packet), ERR_MALFORMED); /* padding, but not a byte of it */
}

static size_t collect(const char *hex, uint16_t profile, struct rtp_extension *extensions,
                      size_t max)
{
    static uint8_t bytes[64];
    struct reader r = reader_of(bytes, test_unhex(hex, bytes, sizeof(bytes)));
    size_t count = 0;

    while (count < max && rtp_next_extension(&r, profile, &extensions[count]))
        count++;
    return count;
}

static void walks_one_byte_extensions(void **state)
{
    (void)state;
    struct rtp_extension extensions[8];

    assert_int_equal(
        collect("10aa 00 00 311234 e2010203 00", RTP_EXTENSION_ONE_BYTE, extensions, 8), 3);
    assert_int_equal(extensions[0].id, 1);
    assert_int_equal(extensions[0].len, 1);
    assert_int_equal(extensions[1].id, 3);
    assert_int_equal(extensions[1].len, 2);
    assert_memory_equal(extensions[1].data, "\x12\x34", 2);
    assert_int_equal(extensions[2].id, 14);
}

static void id_15_ends_one_byte_extensions(void **state)
{
    (void)state;
    struct rtp_extension extensions[8];

    assert_int_equal(collect("10aa f0bb 10cc", RTP_EXTENSION_ONE_BYTE, extensions, 8), 1);
}

static void walks_two_byte_extensions_with_empty_ones(void **state)
{
    (void)state;
    struct rtp_extension extensions[8];

    assert_int_equal(collect("1000 00 ff021234 0f0155 00", 0x1003, extensions, 8), 3);
    assert_int_equal(extensions[0].id, 0x10);
    assert_int_equal(extensions[0].len, 0);
    assert_int_equal(extensions[1].id, 255);
    assert_int_equal(extensions[2].id, 15);
}

static void stops_at_an_extension_that_does_not_fit(void **state)
{
    (void)state;
    struct rtp_extension extensions[8];

    assert_int_equal(collect("10aa 3f1234", RTP_EXTENSION_ONE_BYTE, extensions, 8), 1);
    assert_int_equal(collect("1003 aabb", 0x1000, extensions, 8), 0);
    assert_int_equal(collect("10", 0x1000, extensions, 8), 0);
    assert_int_equal(collect("10aa", 0x1234, extensions, 8), 0);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    uint8_t bytes[128];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    struct rtp_packet packet = {.has_marker = true,
                                .payload_type = 102,
                                .seq = 65535,
                                .timestamp = 0xffffffff,
                                .ssrc = 7,
                                .csrc_count = 1,
                                .csrcs = (const uint8_t *)"abcd",
                                .extension_profile = RTP_EXTENSION_ONE_BYTE,
                                .extensions = (const uint8_t *)"\x11zz\0",
                                .extensions_len = 4,
                                .payload = (const uint8_t *)"payload",
                                .payload_len = 7,
                                .padding_len = 1};
    struct rtp_packet back;

    rtp_write(&w, &packet);
    assert_false(w.failed);
    assert_ok(rtp_parse(bytes, w.len, &back));
    assert_true(back.has_marker);
    assert_int_equal(back.payload_type, 102);
    assert_int_equal(back.seq, 65535);
    assert_int_equal(back.timestamp, 0xffffffff);
    assert_memory_equal(back.csrcs, "abcd", 4);
    assert_int_equal(back.extensions_len, 4);
    assert_int_equal(back.payload_len, 7);
    assert_memory_equal(back.payload, "payload", 7);
    assert_int_equal(back.padding_len, 1);
}

static void numbers_are_extended_over_wraps_both_ways(void **state)
{
    (void)state;
    assert_int_equal(rtp_extend_seq(65535, 0), 65536);
    assert_int_equal(rtp_extend_seq(65536, 65535), 65535);
    assert_int_equal(rtp_extend_seq(5 * 65536 + 10, 9), 5 * 65536 + 9);
    assert_int_equal(rtp_extend_seq(0, 65535), -1);
    assert_int_equal(rtp_extend_timestamp(0xffffffffLL, 5), 0x100000005LL);
    assert_int_equal(rtp_extend_timestamp(0x100000005LL, 0xffffffff), 0xffffffffLL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(reads_header_payload_and_padding),
        TEST_CASE(refuses_each_truncation_of_the_header),
        TEST_CASE(refuses_other_versions_and_impossible_padding),
        TEST_CASE(walks_one_byte_extensions),
        TEST_CASE(id_15_ends_one_byte_extensions),
        TEST_CASE(walks_two_byte_extensions_with_empty_ones),
        TEST_CASE(stops_at_an_extension_that_does_not_fit),
        TEST_CASE(what_is_written_is_read_back),
        TEST_CASE(numbers_are_extended_over_wraps_both_ways),
    };
    return RUN_TESTS("webrtc_rtp", tests);
}
