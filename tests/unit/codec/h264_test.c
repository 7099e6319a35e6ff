#include "support/test.h"

#include "base/mem.h"
#include "base/writer.h"
#include "codec/codec.h"

/* As x264 writes them: 1280x720 constrained baseline 30 fps, 1920x1080 high 25 fps with B-frames
 * and a sample aspect ratio of 4:3. */
static const char sps_720p[] = "6742c01fda014016ec0440000003004000000f23c60ca8";
static const char sps_1080p[] = "67640028acd940780227e5c384000003000400000300c83c60c658";
static const char pps_720p[] = "68ce3c80";
static const char avcc_720p[] = "0142c01fffe100176742c01fda014016ec0440000003004000000f23c60ca801"
                                "000468ce3c80";
static const char avcc_1080p[] = "01640028ffe1001b67640028acd940780227e5c384000003000400000300c83c"
                                 "60c65801000668ebe3cb22c0fdf8f800";

struct bytes {
    uint8_t data[512];
    size_t len;
};

static struct bytes unhex(const char *hex)
{
    struct bytes bytes;

    bytes.len = test_unhex(hex, bytes.data, sizeof(bytes.data));
    return bytes;
}

static struct slice slice_of_bytes(const struct bytes *bytes)
{
    return codec_bytes(bytes->data, bytes->len);
}

static void sps_tells_dimensions_rate_and_reordering(void **state)
{
    (void)state;
    struct bytes small = unhex(sps_720p);
    struct bytes large = unhex(sps_1080p);
    struct h264_sps sps;

    assert_ok(h264_parse_sps(slice_of_bytes(&small), &sps));
    assert_int_equal(sps.width, 1280);
    assert_int_equal(sps.height, 720);
    assert_int_equal(sps.profile_idc, 66);
    assert_int_equal(sps.constraint_flags, 0xc0);
    assert_int_equal(sps.level_idc, 31);
    assert_int_equal(sps.frame_duration_us, 33333);
    assert_false(sps.may_reorder);

    assert_ok(h264_parse_sps(slice_of_bytes(&large), &sps));
    assert_int_equal(sps.width, 1920);
    assert_int_equal(sps.height, 1080); /* 1088 less the cropping */
    assert_int_equal(sps.sar_width, 4);
    assert_int_equal(sps.sar_height, 3);
    assert_int_equal(sps.frame_duration_us, 40000);
    assert_true(sps.may_reorder && sps.has_reorder_count);
    assert_int_equal(sps.reorder_count, 2);
}

static void truncated_sps_is_malformed_or_loses_only_its_vui(void **state)
{
    (void)state;
    struct bytes bytes = unhex(sps_1080p);
    struct h264_sps sps;

    for (size_t len = 0; len < bytes.len; len++) {
        uint8_t *exact = mem_dup(bytes.data, len);
        enum err err = h264_parse_sps(codec_bytes(exact, len), &sps);

        if (len < 11)
            assert_err(err, ERR_MALFORMED);
        else if (err == OK)
            assert_true(sps.width == 1920 && sps.height == 1080);
        mem_free(exact);
    }
}

static void other_nal_unit_is_no_sps(void **state)
{
    (void)state;
    struct bytes bytes = unhex(sps_720p);
    struct h264_sps sps;

    bytes.data[0] = 0x68;
    assert_err(h264_parse_sps(slice_of_bytes(&bytes), &sps), ERR_MALFORMED);
}

static void written_configuration_is_what_x264_writes(void **state)
{
    (void)state;
    struct bytes sps = unhex(sps_1080p);
    struct bytes pps = unhex("68ebe3cb22c0");
    struct bytes wanted = unhex(avcc_1080p);
    struct h264_params params = {.sps_count = 1, .pps_count = 1};
    struct buf *avcc;

    params.sps[0] = slice_of_bytes(&sps);
    params.pps[0] = slice_of_bytes(&pps);
    assert_ok(h264_write_avcc(&params, &avcc));
    assert_int_equal(avcc->len, wanted.len);
    assert_memory_equal(avcc->data, wanted.data, wanted.len);
    buf_unref(avcc);
}

static void configuration_without_parameter_sets_is_not_written(void **state)
{
    (void)state;
    struct bytes sps = unhex(sps_720p);
    struct bytes pps = unhex(pps_720p);
    struct h264_params params = {.sps_count = 1};
    struct buf *avcc = NULL;

    params.sps[0] = slice_of_bytes(&sps);
    assert_err(h264_write_avcc(&params, &avcc), ERR_MALFORMED);
    params.pps_count = 1;
    params.pps[0] = slice_of_bytes(&sps); /* not a PPS */
    assert_err(h264_write_avcc(&params, &avcc), ERR_MALFORMED);
    params.pps[0] = slice_of_bytes(&pps);
    params.sps_count = 0;
    assert_err(h264_write_avcc(&params, &avcc), ERR_MALFORMED);
    assert_null(avcc);
}

static void configuration_is_parsed_back(void **state)
{
    (void)state;
    struct bytes avcc = unhex(avcc_720p);
    struct bytes sps = unhex(sps_720p);
    struct bytes pps = unhex(pps_720p);
    struct h264_params params;

    assert_ok(h264_parse_avcc(slice_of_bytes(&avcc), &params));
    assert_int_equal(params.length_size, 4);
    assert_int_equal(params.sps_count, 1);
    assert_int_equal(params.sps[0].len, sps.len);
    assert_memory_equal(params.sps[0].data, sps.data, sps.len);
    assert_int_equal(params.pps_count, 1);
    assert_memory_equal(params.pps[0].data, pps.data, pps.len);
}

static void broken_configurations_are_refused(void **state)
{
    (void)state;
    struct bytes avcc = unhex(avcc_720p);
    struct h264_params params;

    for (size_t len = 0; len < avcc.len; len++) { /* each truncation */
        uint8_t *exact = mem_dup(avcc.data, len);
        assert_err(h264_parse_avcc(codec_bytes(exact, len), &params), ERR_MALFORMED);
        mem_free(exact);
    }
    static const struct {
        size_t at;
        uint8_t value;
        enum err err;
    } changes[] = {{0, 2, ERR_MALFORMED},     /* version */
                   {4, 0xfe, ERR_MALFORMED},  /* length size 3 */
                   {5, 0xe0, ERR_MALFORMED},  /* no SPS */
                   {5, 0xff, ERR_LIMIT},      /* 31 of them */
                   {7, 0, ERR_MALFORMED},     /* an empty one */
                   {8, 0x68, ERR_MALFORMED}}; /* another type */
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct bytes changed = avcc;
        changed.data[changes[i].at] = changes[i].value;
        assert_err(h264_parse_avcc(slice_of_bytes(&changed), &params), changes[i].err);
    }
}

static void questions_about_a_payload(void **state)
{
    (void)state;
    struct bytes idr = unhex("00000002 0600 00000003 658880");
    struct bytes slice = unhex("00000003 419a00");
    struct bytes sei = unhex("00000002 0600");
    struct bytes broken = unhex("00000009 6588");

    assert_true(h264_has_idr(slice_of_bytes(&idr)) && h264_has_slice(slice_of_bytes(&idr)));
    assert_false(h264_has_idr(slice_of_bytes(&slice)));
    assert_true(h264_has_slice(slice_of_bytes(&slice)));
    assert_false(h264_has_slice(slice_of_bytes(&sei)));
    assert_false(h264_has_idr(slice_of_bytes(&broken)));
}

static void nal_units_are_walked_in_both_forms(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        unsigned length_size; /* 0: Annex B */
        size_t count;
        size_t bytes;
        bool failed;
    } rows[] = {
        {"00000002 6701 00000001 68", 4, 2, 3, false},
        {"0002 6701 0001 68", 2, 2, 3, false},
        {"02 6701 01 68 00", 1, 2, 3, false},
        {"00000002 6701 000001", 4, 1, 2, true},
        {"ffffffff 6701", 4, 0, 0, true},
        {"00000001 6701 000001 68 00000001 65888000", 0, 3, 6, false},
        {"0000 000001 6701", 0, 1, 2, false},
        {"6701 0203", 0, 0, 0, false},
        {"000001 000001 000001 41", 0, 1, 1, false},
        {"", 0, 0, 0, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bytes bytes = unhex(rows[i].hex);
        struct nal_walk walk = rows[i].length_size
                                   ? nal_walk_lengths(slice_of_bytes(&bytes), rows[i].length_size)
                                   : nal_walk_annex_b(slice_of_bytes(&bytes));
        struct slice nal;
        size_t count = 0;
        size_t sum = 0;

        while (nal_walk_next(&walk, &nal)) {
            count++;
            sum += nal.len;
        }
        assert_int_equal(count, rows[i].count);
        assert_int_equal(sum, rows[i].bytes);
        assert_true(walk.failed == rows[i].failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(sps_tells_dimensions_rate_and_reordering),
        TEST_CASE(truncated_sps_is_malformed_or_loses_only_its_vui),
        TEST_CASE(other_nal_unit_is_no_sps),
        TEST_CASE(written_configuration_is_what_x264_writes),
        TEST_CASE(configuration_without_parameter_sets_is_not_written),
        TEST_CASE(configuration_is_parsed_back),
        TEST_CASE(broken_configurations_are_refused),
        TEST_CASE(questions_about_a_payload),
        TEST_CASE(nal_units_are_walked_in_both_forms),
    };

    return RUN_TESTS("codec_h264", tests);
}
