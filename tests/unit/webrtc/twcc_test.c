#include "webrtc/twcc.h"

#include <string.h>

#include "base/writer.h"
#include "support/test.h"
#include "webrtc/rtcp.h"

static struct twcc twcc;
static uint8_t bytes[1400];

static size_t write_feedback(void)
{
    struct writer w = writer_fixed(bytes, sizeof(bytes));

    assert_true(twcc.is_pending);
    twcc_write(&twcc, &w, 1, 2);
    assert_false(w.failed);
    assert_int_equal(w.len % 4, 0);
    assert_int_equal(((size_t)bytes[2] << 8 | bytes[3]) * 4 + 4, w.len);
    return w.len;
}

static void assert_feedback(const char *hex)
{
    uint8_t wanted[1400];
    size_t wanted_len = test_unhex(hex, wanted, sizeof(wanted));
    size_t len = write_feedback();

    assert_int_equal(len, wanted_len);
    assert_memory_equal(bytes, wanted, len);
}

/* What one packet's fate is, decoded by hand straight from the draft: no code shared with twcc.c.
 */
struct fate {
    bool is_received;
    long at_us;
};

static unsigned get_bits(const uint8_t *data, size_t bit, unsigned count)
{
    unsigned value = 0;

    for (unsigned i = 0; i < count; i++, bit++)
        value = value << 1 | ((unsigned)data[bit / 8] >> (7 - bit % 8) & 1U);
    return value;
}

static size_t decode(const uint8_t *packet, struct fate *fates, uint16_t *ret_base)
{
    size_t count = get_bits(packet, 14 * 8, 16);
    long time_us = (long)get_bits(packet, 16 * 8, 24) * 64000;
    unsigned symbols[TWCC_REPORT_MAX];
    size_t known = 0;
    size_t bit = 20 * 8;

    *ret_base = (uint16_t)get_bits(packet, 12 * 8, 16);
    while (known < count) {
        if (get_bits(packet, bit, 1) == 0) {
            for (unsigned n = get_bits(packet, bit + 3, 13); n > 0 && known < count; n--)
                symbols[known++] = get_bits(packet, bit + 1, 2);
        } else if (get_bits(packet, bit + 1, 1) == 0) {
            for (unsigned i = 0; i < 14 && known < count; i++)
                symbols[known++] = get_bits(packet, bit + 2 + i, 1);
        } else {
            for (unsigned i = 0; i < 7 && known < count; i++)
                symbols[known++] = get_bits(packet, bit + 2 + 2 * i, 2);
        }
        bit += 16;
    }
    for (size_t i = 0; i < count; i++) {
        if (symbols[i] == 1) {
            time_us += 250L * get_bits(packet, bit, 8);
            bit += 8;
        } else if (symbols[i] == 2) {
            time_us += 250L * (int16_t)(uint16_t)get_bits(packet, bit, 16);
            bit += 16;
        }
        fates[i] = (struct fate){symbols[i] != 0, time_us};
    }
    return count;
}

static void reset(void)
{
    memset(&twcc, 0, sizeof(twcc));
}

static void a_steady_stream_is_one_run(void **state)
{
    (void)state;
    reset();
    for (uint16_t i = 0; i < 20; i++)
        twcc_add(&twcc, (uint16_t)(0x100 + i), 640000 + 1000 * i);
    /* reference 10 * 64 ms; run of 20 small deltas: 0, then 4 ticks each */
    assert_feedback("8fcd 000a 00000001 00000002 0100 0014 00000a 00 2014"
                    "00 04040404 04040404 04040404 04040404 040404 0000");
    assert_false(twcc.is_pending);
}

static void gaps_are_told_in_a_one_bit_vector(void **state)
{
    (void)state;
    reset();
    twcc_add(&twcc, 10, 64000);
    twcc_add(&twcc, 12, 64250);
    twcc_add(&twcc, 13, 64500);
    twcc_add(&twcc, 17, 65000);
    /* 1 0 1 1 0 0 0 1 -> 10 10110001 000000 */
    assert_feedback("8fcd 0006 00000001 00000002 000a 0008 000001 00 ac40 00010102 0000");
}

static void late_and_reordered_packets_have_large_deltas(void **state)
{
    (void)state;
    reset();
    twcc_add(&twcc, 1, 128000);
    twcc_add(&twcc, 3, 228000); /* 400 ticks after */
    twcc_add(&twcc, 2, 229000); /* between them, 404 ticks after the first: then -4 */
    /* 01 10 10 -> 11 01101000000000: small, large, large */
    assert_feedback("8fcd 0006 00000001 00000002 0001 0003 000002 00 da00 00 0194 fffc 00");
}

static void sequence_numbers_wrap(void **state)
{
    (void)state;
    struct fate fates[TWCC_REPORT_MAX];
    uint16_t base;

    reset();
    for (unsigned i = 0; i < 10; i++)
        twcc_add(&twcc, (uint16_t)(65531 + i), 1000000 + 1000 * i);
    (void)write_feedback();
    assert_int_equal(decode(bytes, fates, &base), 10);
    assert_int_equal(base, 65531);
    for (size_t i = 0; i < 10; i++)
        assert_true(fates[i].is_received);
}

static void a_packet_told_as_missing_is_told_again_when_it_comes(void **state)
{
    (void)state;
    struct fate fates[TWCC_REPORT_MAX];
    uint16_t base;

    reset();
    twcc_add(&twcc, 1, 1000000);
    twcc_add(&twcc, 3, 1001000);
    (void)write_feedback();
    assert_int_equal(bytes[19], 0);
    twcc_add(&twcc, 2, 1050000);
    twcc_add(&twcc, 2, 1090000); /* a copy: the first counts */
    (void)write_feedback();
    assert_int_equal(bytes[19], 1);
    assert_int_equal(decode(bytes, fates, &base), 2);
    assert_int_equal(base, 2);
    assert_int_equal(fates[0].at_us, 1050000);
    assert_int_equal(fates[1].at_us, 1001000);
    assert_false(twcc.is_pending);
}

static void a_pause_too_long_for_a_delta_starts_another_feedback(void **state)
{
    (void)state;
    struct fate fates[TWCC_REPORT_MAX];
    uint16_t base;

    reset();
    twcc_add(&twcc, 1, 1000000);
    twcc_add(&twcc, 2, 12000000); /* 11 s: more than 32767 ticks */
    (void)write_feedback();
    assert_int_equal(decode(bytes, fates, &base), 1);
    assert_true(twcc.is_pending);
    (void)write_feedback();
    assert_int_equal(decode(bytes, fates, &base), 1);
    assert_int_equal(base, 2);
    assert_int_equal(fates[0].at_us, 12000000);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Sends 3000 packets with loss, reordering and pauses, and checks each report by hand. */
static void random_arrivals_are_all_told_exactly(void **state)
{
    (void)state;
    static long arrivals[3000];
    static bool is_told[3000];
    uint32_t seed = 7;
    long now_us = 5000000;
    size_t received = 0, told = 0;

    reset();
    memset(arrivals, 0, sizeof(arrivals));
    memset(is_told, 0, sizeof(is_told));
    for (unsigned i = 0; i < 3000; i++) {
        now_us += next_random(&seed) % 3000 + (next_random(&seed) % 100 == 0 ? 200000 : 0);
        unsigned seq = i >= 4 && next_random(&seed) % 10 == 0 ? i - 3 : i;

        if (next_random(&seed) % 5 == 0 || arrivals[seq])
            continue;
        arrivals[seq] = now_us;
        twcc_add(&twcc, (uint16_t)(seq + 64000), now_us);
        if (i % 40 != 39 && i != 2999)
            continue;
        while (twcc.is_pending) {
            struct fate fates[TWCC_REPORT_MAX];
            struct twcc_report report;
            struct rtcp_feedback feedback;
            struct rtcp_packet packet;
            uint16_t base;
            struct reader r = reader_of(bytes, write_feedback());
            size_t count = decode(bytes, fates, &base);

            assert_true(rtcp_next(&r, &packet));
            assert_ok(rtcp_read_feedback(&packet, &feedback));
            assert_ok(twcc_read(&feedback, &report));
            assert_int_equal(report.count, count);
            for (size_t k = 0; k < count; k++) {
                size_t at = (uint16_t)(base + k - 64000);

                assert_int_equal(fates[k].is_received, arrivals[at] != 0);
                assert_int_equal(report.statuses[k].is_received, fates[k].is_received);
                if (!fates[k].is_received)
                    continue;
                assert_int_equal(fates[k].at_us, arrivals[at] / 250 * 250);
                assert_int_equal(report.statuses[k].ticks * 250, fates[k].at_us);
                is_told[at] = true;
            }
        }
    }
    for (size_t i = 0; i < 2950; i++) {
        received += arrivals[i] != 0;
        told += is_told[i];
    }
    assert_true(received > 2000);
    assert_int_equal(told, received);
}

static void a_report_longer_than_the_limit_is_refused(void **state)
{
    (void)state;
    struct rtcp_feedback feedback = {1, 2, {0}};
    struct twcc_report report;

    feedback.fci = reader_of(bytes, test_unhex("0001 0191 000000 00 2191", bytes, sizeof(bytes)));
    assert_err(twcc_read(&feedback, &report), ERR_LIMIT);
    feedback.fci = reader_of(bytes, test_unhex("0001 0002 000000 00 2000", bytes, sizeof(bytes)));
    assert_err(twcc_read(&feedback, &report), ERR_MALFORMED); /* a run of none */
    feedback.fci =
        reader_of(bytes, test_unhex("0001 0002 000000 00 2002 01", bytes, sizeof(bytes)));
    assert_err(twcc_read(&feedback, &report), ERR_MALFORMED); /* a delta is missing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(a_steady_stream_is_one_run),
        TEST_CASE(gaps_are_told_in_a_one_bit_vector),
        TEST_CASE(late_and_reordered_packets_have_large_deltas),
        TEST_CASE(sequence_numbers_wrap),
        TEST_CASE(a_packet_told_as_missing_is_told_again_when_it_comes),
        TEST_CASE(a_pause_too_long_for_a_delta_starts_another_feedback),
        TEST_CASE(random_arrivals_are_all_told_exactly),
        TEST_CASE(a_report_longer_than_the_limit_is_refused),
    };
    return RUN_TESTS("webrtc_twcc", tests);
}
