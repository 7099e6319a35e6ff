#include "webrtc/depacketize.h"

#include <stdio.h>
#include <string.h>

#include "media/format.h"
#include "support/test.h"

/* Of x264: 1280x720 baseline, 1920x1080 high (cropped from 1088), 642x358 main (cropped). */
#define SPS_720      "6742c01fd9005005bb0110000003001000000303c0f1832480"
#define SPS_1080     "67640028acd940780227e5c044000003000400000300f03c60c658"
#define SPS_642      "674d401eeca05217f1136022000003000200000300781e2c5b2c"
#define PPS_BASELINE "68cb83cb20"
#define PPS_HIGH     "68ebe3cb22c0"
#define PPS_MAIN     "68ebe3cb20"

static uint8_t pool[4096];
static size_t pool_len;
static struct slice payloads[16];
static size_t payload_count;
static struct h264_sets sets;

static void reset(void)
{
    h264_sets_deinit(&sets);
    pool_len = 0;
    payload_count = 0;
}

static void add_payload(const char *hex)
{
    size_t len = test_unhex(hex, pool + pool_len, sizeof(pool) - pool_len);

    payloads[payload_count++] = (struct slice){NULL, pool + pool_len, len};
    pool_len += len;
}

static enum err measure(struct h264_unit *unit)
{
    return depacketize_h264_measure(payloads, payload_count, &sets, unit);
}

/* Measures and writes, and compares with the sample wanted. */
static struct h264_unit assert_unit(const char *hex)
{
    uint8_t wanted[4096], got[4096];
    size_t len = test_unhex(hex, wanted, sizeof(wanted));
    struct h264_unit unit = {0};

    assert_ok(measure(&unit));
    assert_int_equal(unit.len, len);
    depacketize_h264_write(payloads, payload_count, got, unit.len);
    assert_memory_equal(got, wanted, len);
    return unit;
}

static void put(const char *hex)
{
    uint8_t nal[H264_SETS_NAL_LEN_MAX + 8];

    h264_sets_put(&sets, nal, test_unhex(hex, nal, sizeof(nal)));
}

static void single_nal_units_get_their_lengths(void **state)
{
    (void)state;
    reset();
    add_payload("41 9a aa bb");
    add_payload("01 9b cc");
    struct h264_unit unit = assert_unit("00000004 419aaabb 00000003 019bcc");

    assert_true(unit.has_slices);
    assert_false(unit.is_keyframe);
}

static void aggregates_are_taken_apart(void **state)
{
    (void)state;
    reset();
    add_payload("78 0002 0601 0003 658880 0002 0611");
    assert_true(assert_unit("00000002 0601 00000003 658880 00000002 0611").is_keyframe);
}

static void fragments_are_put_together(void **state)
{
    (void)state;
    reset();
    add_payload("7c 85 88 81");
    add_payload("7c 05 02 03");
    add_payload("7c 45 04");
    add_payload("41 9a");
    struct h264_unit unit = assert_unit("00000006 65 8881020304 00000002 419a");

    assert_true(unit.is_keyframe);
    assert_int_equal(unit.pps_id, 0);
}

static void a_fragmented_unit_in_one_packet_is_tolerated(void **state)
{
    (void)state;
    reset();
    add_payload("5c c1 9a 01");
    (void)assert_unit("00000003 419a01");
}

static void many_slices_make_one_sample(void **state)
{
    (void)state;
    reset();
    add_payload("65 88");
    add_payload("65 05 11");
    add_payload("7c 85 03");
    add_payload("7c 45 22");
    assert_true(assert_unit("00000002 6588 00000003 650511 00000003 650322").is_keyframe);
}

static void parameter_sets_delimiters_and_filler_are_left_out(void **state)
{
    (void)state;
    reset();
    add_payload("09 f0");
    add_payload("78 0019" SPS_720 "0005" PPS_BASELINE);
    add_payload("06 05 01 00 80");
    add_payload("65 88 11");
    add_payload("0c ff ff 80");
    (void)assert_unit("00000005 0605010080 00000003 658811");
    assert_int_equal(sets.change_count, 2);
    reset();
}

static void empty_payloads_are_skipped(void **state)
{
    (void)state;
    reset();
    add_payload("7c 85 88");
    add_payload("");
    add_payload("7c 45 99");
    (void)assert_unit("00000003 658899");
}

static void missing_fragments_are_malformed(void **state)
{
    (void)state;
    struct h264_unit unit;
    static const char *const broken[][3] = {
        {"7c 05 02", "7c 45 04", NULL},       /* no start */
        {"7c 85 02", NULL, NULL},             /* no end */
        {"7c 85 02", "41 9a", NULL},          /* another unit before the end */
        {"7c 85 02", "7c 85 03", "7c 45 04"}, /* two starts */
        {"7c 85 02", "5c 41 03", NULL},       /* the type changes */
        {"7c 85 02", "78 0002 419a", NULL},   /* an aggregate before the end */
        {"7c", NULL, NULL},                   /* no header */
        {"78 0003 6588", NULL, NULL},         /* longer than the packet */
        {"78 0002 6588 00", NULL, NULL},      /* half a size */
        {"78 0000 0002 6588", NULL, NULL},    /* an empty unit */
        {"78", NULL, NULL},                   /* nothing inside */
    };

    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        reset();
        for (size_t k = 0; k < 3 && broken[i][k]; k++)
            add_payload(broken[i][k]);
        assert_err(measure(&unit), ERR_MALFORMED);
    }
}

static void packings_of_other_modes_are_unsupported(void **state)
{
    (void)state;
    struct h264_unit unit;
    static const char *const others[] = {
        "79 0001 0002 6588",    /* STAP-B */
        "7a 0001 0002 00 0000", /* MTAP16 */
        "7b 0001",              /* MTAP24 */
        "7d 85 0001 88",        /* FU-B */
        "7e 00",
        "7f 00",
        "60 00",
        "78 0002 7c85", /* reserved, and fragments in an aggregate */
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        reset();
        add_payload(others[i]);
        assert_err(measure(&unit), ERR_UNSUPPORTED);
    }
}

static void assert_config(const struct format *format, const char *hex)
{
    uint8_t wanted[2048];
    size_t len = test_unhex(hex, wanted, sizeof(wanted));

    assert_int_equal(format->config->len, len);
    assert_memory_equal(format->config->data, wanted, len);
}

static void baseline_makes_an_avcc_without_chroma_fields(void **state)
{
    (void)state;
    reset();
    put(SPS_720);
    put(PPS_BASELINE);
    struct format *format = h264_sets_format(&sets, 0);

    assert_non_null(format);
    assert_int_equal(format->codec, CODEC_H264);
    assert_int_equal(format->width, 1280);
    assert_int_equal(format->height, 720);
    assert_config(format, "01 42c01f ff e1 0019" SPS_720 "01 0005" PPS_BASELINE);
    format_unref(format);
    reset();
}

static void high_profile_makes_an_avcc_with_chroma_fields(void **state)
{
    (void)state;
    reset();
    put(SPS_1080);
    put(PPS_HIGH);
    struct format *format = h264_sets_format(&sets, 0);

    assert_non_null(format);
    assert_int_equal(format->width, 1920);
    assert_int_equal(format->height, 1080);
    assert_config(format, "01 640028 ff e1 001b" SPS_1080 "01 0006" PPS_HIGH "fdf8f800");
    format_unref(format);
    reset();
}

static void cropping_is_taken_off_both_dimensions(void **state)
{
    (void)state;
    reset();
    put(SPS_642);
    put(PPS_MAIN);
    struct format *format = h264_sets_format(&sets, 0);

    assert_non_null(format);
    assert_int_equal(format->width, 642);
    assert_int_equal(format->height, 358);
    format_unref(format);
    reset();
}

static void repeated_sets_change_nothing_and_new_ones_replace(void **state)
{
    (void)state;
    reset();
    for (int i = 0; i < 3; i++) {
        put(SPS_720);
        put(PPS_BASELINE);
    }
    assert_int_equal(sets.change_count, 2);
    put(SPS_1080); /* the same id */
    assert_int_equal(sets.change_count, 3);
    struct format *format = h264_sets_format(&sets, 0);

    assert_int_equal(format->height, 1080);
    format_unref(format);
    reset();
}

static void pictures_of_an_unknown_set_have_no_format(void **state)
{
    (void)state;
    reset();
    assert_null(h264_sets_format(&sets, 0));
    put(SPS_720);
    assert_null(h264_sets_format(&sets, 0));
    put(PPS_BASELINE);
    assert_null(h264_sets_format(&sets, 1));
    reset();
}

static void truncated_and_long_sets_are_not_kept(void **state)
{
    (void)state;
    uint8_t nal[H264_SETS_NAL_LEN_MAX + 1] = {0x68, 0xcb, 0x83, 0xcb, 0x20};
    size_t len;

    reset();
    h264_sets_put(&sets, nal, sizeof(nal));
    h264_sets_put(&sets, nal, 1);
    h264_sets_put(&sets, nal, 0);
    len = test_unhex(SPS_1080, nal, sizeof(nal));
    for (size_t cut = 0; cut < 11; cut++) /* the crop fields end with byte 11 */
        h264_sets_put(&sets, nal, cut);
    assert_int_equal(sets.change_count, 0);
    h264_sets_put(&sets, nal, len);
    assert_int_equal(sets.change_count, 1);
    reset();
}

static void more_sets_than_places_push_out_the_oldest(void **state)
{
    (void)state;
    reset();
    put(SPS_720);
    for (unsigned id = 0; id < 200; id++) {
        /* ue(id) is id + 1 behind as many zeroes as it has bits after the first; then ue(0). */
        unsigned zeroes = 0;

        while ((id + 1) >> (zeroes + 1))
            zeroes++;
        uint32_t bits = ((id + 1) * 2 + 1) << (32 - (2 * zeroes + 2));
        uint8_t nal[6] = {
            0x68, (uint8_t)(bits >> 24), (uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits,
            0x80};

        h264_sets_put(&sets, nal, 6);
    }
    assert_int_equal(sets.change_count, 201);
    struct format *newest = h264_sets_format(&sets, 199);

    assert_non_null(newest);
    assert_null(h264_sets_format(&sets, 190));
    format_unref(newest);
    reset();
}

static void a_key_frame_starts_where_its_sps_is(void **state)
{
    (void)state;
    uint8_t bytes[64];
    static const struct {
        const char *hex;
        bool starts;
    } rows[] = {
        {"67 42c01f", true},    {"78 0002 09f0 0002 6742", true},
        {"78 0002 6742", true}, {"65 88", false},
        {"7c 87 42", false},    {"78 0002 09f0", false},
        {"78", false},          {"", false},
        {"78 0009 67", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = test_unhex(rows[i].hex, bytes, sizeof(bytes));

        assert_int_equal(depacketize_h264_starts_keyframe(bytes, len), rows[i].starts);
    }
}

static void opus_head_is_that_of_rfc_7845(void **state)
{
    (void)state;
    uint8_t wanted[32];
    size_t len = test_unhex("4f70757348656164 01 02 3801 80bb0000 0000 00", wanted, sizeof(wanted));
    struct buf *head = depacketize_opus_head(2, 48000);

    assert_int_equal(head->len, len);
    assert_memory_equal(head->data, wanted, len);
    buf_unref(head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(single_nal_units_get_their_lengths),
        TEST_CASE(aggregates_are_taken_apart),
        TEST_CASE(fragments_are_put_together),
        TEST_CASE(a_fragmented_unit_in_one_packet_is_tolerated),
        TEST_CASE(many_slices_make_one_sample),
        TEST_CASE(parameter_sets_delimiters_and_filler_are_left_out),
        TEST_CASE(empty_payloads_are_skipped),
        TEST_CASE(missing_fragments_are_malformed),
        TEST_CASE(packings_of_other_modes_are_unsupported),
        TEST_CASE(baseline_makes_an_avcc_without_chroma_fields),
        TEST_CASE(high_profile_makes_an_avcc_with_chroma_fields),
        TEST_CASE(cropping_is_taken_off_both_dimensions),
        TEST_CASE(repeated_sets_change_nothing_and_new_ones_replace),
        TEST_CASE(pictures_of_an_unknown_set_have_no_format),
        TEST_CASE(truncated_and_long_sets_are_not_kept),
        TEST_CASE(more_sets_than_places_push_out_the_oldest),
        TEST_CASE(a_key_frame_starts_where_its_sps_is),
        TEST_CASE(opus_head_is_that_of_rfc_7845),
    };
    return RUN_TESTS("webrtc_depacketize", tests);
}
