#include "webrtc/rtcp.h"

#include "base/writer.h"
#include "support/test.h"

static uint8_t bytes[1400];

static void assert_bytes(const struct writer *w, const char *hex)
{
    uint8_t wanted[1400];
    size_t len = test_unhex(hex, wanted, sizeof(wanted));

    assert_false(w->failed);
    assert_int_equal(w->len, len);
    assert_memory_equal(w->data, wanted, len);
}

static struct rtcp_packet only_packet(const struct writer *w)
{
    struct reader r = reader_of(w->data, w->len);
    struct rtcp_packet packet = {0};

    assert_true(rtcp_next(&r, &packet));
    assert_int_equal(r.left, 0);
    return packet;
}

static void receiver_report_and_cname_make_a_compound(void **state)
{
    (void)state;
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    struct rtcp_report_block block = {.ssrc = 0x11223344,
                                      .fraction_lost = 64,
                                      .cumulative_lost = -2,
                                      .highest_seq = 0x10005,
                                      .jitter = 9,
                                      .last_sr = 0xaabbccdd,
                                      .delay_since_sr = 0x8000};

    rtcp_write_receiver_report(&w, 1, &block, 1);
    rtcp_write_sdes_cname(&w, 1, TEXT("abc"));
    assert_bytes(&w, "81c90007 00000001 11223344 40fffffe 00010005 00000009 aabbccdd 00008000"
                     "81ca0003 00000001 0103616263 000000");

    struct reader r = reader_of(bytes, w.len);
    struct rtcp_packet packet;
    struct rtcp_report_block back;

    assert_true(rtcp_next(&r, &packet));
    reader_skip(&packet.body, 4);
    assert_true(rtcp_next_report_block(&packet.body, &back));
    assert_int_equal(back.cumulative_lost, -2);
    assert_int_equal(back.highest_seq, 0x10005);
    assert_int_equal(back.delay_since_sr, 0x8000);
    assert_false(rtcp_next_report_block(&packet.body, &back));
    assert_true(rtcp_next(&r, &packet));
    assert_int_equal(packet.type, RTCP_SDES);
    assert_false(rtcp_next(&r, &packet));
    assert_false(r.failed);
}

static void cname_always_ends_with_a_null(void **state)
{
    (void)state;
    const char *names[] = {"", "a", "ab", "abc", "abcd", "abcde"};

    for (size_t i = 0; i < 6; i++) {
        struct writer w = writer_fixed(bytes, sizeof(bytes));

        rtcp_write_sdes_cname(&w, 1, text_of(names[i]));
        assert_int_equal(w.len % 4, 0);
        assert_int_equal(bytes[w.len - 1], 0);
        assert_int_equal(only_packet(&w).body.left + 4, w.len);
    }
}

static void picture_loss_and_intra_requests_have_the_known_bytes(void **state)
{
    (void)state;
    struct writer w = writer_fixed(bytes, sizeof(bytes));

    rtcp_write_pli(&w, 1, 2);
    rtcp_write_fir(&w, 1, 2, 9);
    assert_bytes(&w, "81ce0002 00000001 00000002  84ce0004 00000001 00000000 00000002 09000000");
}

static void nack_packs_neighbours_into_one_entry(void **state)
{
    (void)state;
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    const uint16_t seqs[] = {65535, 0, 15, 16, 100};

    rtcp_write_nack(&w, 1, 2, seqs, 5);
    /* 65535 + bit 0 (0) + bit 15 (15); then 16 alone; then 100. */
    assert_bytes(&w, "81cd0005 00000001 00000002 ffff8001 00100000 00640000");

    struct rtcp_packet packet = only_packet(&w);
    struct rtcp_feedback feedback;
    uint16_t back[17];
    size_t count;

    assert_ok(rtcp_read_feedback(&packet, &feedback));
    assert_int_equal(feedback.media_ssrc, 2);
    assert_true(rtcp_next_nack(&feedback.fci, back, &count));
    assert_int_equal(count, 3);
    assert_int_equal(back[1], 0);
    assert_int_equal(back[2], 15);
    assert_true(rtcp_next_nack(&feedback.fci, back, &count));
    assert_int_equal(back[0], 16);
    assert_true(rtcp_next_nack(&feedback.fci, back, &count));
    assert_false(rtcp_next_nack(&feedback.fci, back, &count));
}

static void remb_keeps_eighteen_bits_of_the_bitrate(void **state)
{
    (void)state;
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    const uint32_t ssrcs[] = {0x11223344, 0x55667788};
    struct rtcp_feedback feedback;
    uint64_t bitrate;

    rtcp_write_remb(&w, 1, 2500000, ssrcs, 2);
    /* 2500000 = 156250 << 4; exponent 4 in six bits, then the mantissa in 18 */
    assert_bytes(&w, "8fce0006 00000001 00000000 52454d42 02 12625a 11223344 55667788");
    struct rtcp_packet packet = only_packet(&w);

    assert_ok(rtcp_read_feedback(&packet, &feedback));
    assert_ok(rtcp_read_remb(&feedback, &bitrate));
    assert_int_equal(bitrate, 2500000);
}

static void remb_that_overflows_is_refused(void **state)
{
    (void)state;
    struct rtcp_feedback feedback;
    struct rtcp_packet packet;
    uint64_t bitrate;
    size_t len = test_unhex("8fce0004 00000001 00000000 52454d42 00 ffffff", bytes, sizeof(bytes));
    struct reader r = reader_of(bytes, len);

    assert_true(rtcp_next(&r, &packet));
    assert_ok(rtcp_read_feedback(&packet, &feedback));
    assert_err(rtcp_read_remb(&feedback, &bitrate), ERR_MALFORMED);
    bytes[12] = 'X';
    assert_err(rtcp_read_remb(&feedback, &bitrate), ERR_UNSUPPORTED);
}

static void sender_report_is_read_back(void **state)
{
    (void)state;
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    struct rtcp_sender_report report = {5, 0x0123456789abcdef, 90000, 10, 1000};
    struct rtcp_sender_report back;

    rtcp_write_sender_report(&w, &report);
    assert_bytes(&w, "80c80006 00000005 0123456789abcdef 00015f90 0000000a 000003e8");
    for (size_t cut = 4; cut < w.len; cut += 4) { /* shorter bodies with a fitting length */
        struct rtcp_packet packet = {.type = RTCP_SR, .body = reader_of(bytes + 4, cut - 4)};

        assert_err(rtcp_read_sender_report(&packet, &back), ERR_MALFORMED);
    }
    struct rtcp_packet packet = only_packet(&w);

    assert_ok(rtcp_read_sender_report(&packet, &back));
    assert_int_equal(back.ntp, report.ntp);
    assert_int_equal(back.octet_count, 1000);
}

static void dlrr_for_us_is_found_among_others(void **state)
{
    (void)state;
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    struct rtcp_dlrr found;
    size_t begin = rtcp_begin(&w, 0, RTCP_XR);

    writer_u32(&w, 99);
    writer_u32(&w, 0x04000002); /* an RRTR block before it */
    writer_u64(&w, 1);
    writer_u32(&w, 0x05000006); /* DLRR with two entries */
    writer_u32(&w, 6);
    writer_u64(&w, 0);
    writer_u32(&w, 7);
    writer_u32(&w, 0xabcd);
    writer_u32(&w, 0x10000);
    rtcp_end(&w, begin);
    struct rtcp_packet packet = only_packet(&w);

    assert_true(rtcp_find_dlrr(&packet, 7, &found));
    assert_int_equal(found.last_rr, 0xabcd);
    assert_int_equal(found.delay, 0x10000);
    assert_false(rtcp_find_dlrr(&packet, 8, &found));
}

static void reference_time_has_the_known_bytes(void **state)
{
    (void)state;
    struct writer w = writer_fixed(bytes, sizeof(bytes));

    rtcp_write_rrtr(&w, 1, 0x0123456789abcdef);
    assert_bytes(&w, "80cf0004 00000001 04000002 0123456789abcdef");
}

static void a_lone_feedback_packet_is_read(void **state)
{
    (void)state;
    struct rtcp_packet packet;
    struct reader r =
        reader_of(bytes, test_unhex("81ce0002 00000001 00000002", bytes, sizeof(bytes)));

    assert_true(rtcp_next(&r, &packet));
    assert_int_equal(packet.type, RTCP_PSFB);
    assert_int_equal(packet.count, RTCP_PSFB_PLI);
}

static void malformed_packets_end_the_walk_with_failure(void **state)
{
    (void)state;
    const char *broken[] = {
        "81",                /* half a header */
        "81ce0002 00000001", /* longer than the bytes */
        "41ce0001 00000001", /* version 1 */
        "a1ce0001 00000000", /* no padding length */
        "a1ce0001 00000009", /* more padding than packet */
        "a1ce0000",          /* padding in an empty body */
    };

    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct rtcp_packet packet;
        struct reader r = reader_of(bytes, test_unhex(broken[i], bytes, sizeof(bytes)));

        assert_false(rtcp_next(&r, &packet));
        assert_true(r.failed);
    }
}

static void padding_is_not_part_of_the_body(void **state)
{
    (void)state;
    struct rtcp_packet packet;
    struct reader r =
        reader_of(bytes, test_unhex("a1cb0002 00000001 00000004", bytes, sizeof(bytes)));

    assert_true(rtcp_next(&r, &packet));
    assert_int_equal(packet.type, RTCP_BYE);
    assert_int_equal(packet.body.left, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(receiver_report_and_cname_make_a_compound),
        TEST_CASE(cname_always_ends_with_a_null),
        TEST_CASE(picture_loss_and_intra_requests_have_the_known_bytes),
        TEST_CASE(nack_packs_neighbours_into_one_entry),
        TEST_CASE(remb_keeps_eighteen_bits_of_the_bitrate),
        TEST_CASE(remb_that_overflows_is_refused),
        TEST_CASE(sender_report_is_read_back),
        TEST_CASE(dlrr_for_us_is_found_among_others),
        TEST_CASE(reference_time_has_the_known_bytes),
        TEST_CASE(a_lone_feedback_packet_is_read),
        TEST_CASE(malformed_packets_end_the_walk_with_failure),
        TEST_CASE(padding_is_not_part_of_the_body),
    };
    return RUN_TESTS("webrtc_rtcp", tests);
}
