#include "support/test.h"

#include "base/mem.h"
#include "base/writer.h"
#include "codec/codec.h"

static const char hvcc_360p[] =
    "0101600000009000000000003ff000fcfdf8f800000f03a00001001840010c01ffff0160000003009000000300000"
    "3003f959809a10001002a42010101600000030090000003000003003fa00502016965959a4932bc05a0200000030"
    "0200000030321a2000100074401c172b46240";
static const char av1c_360p[] = "812100000a0d2000000cc4ff6736be48086801";

struct row {
    enum codec codec;
    const char *config;
    uint32_t a; /* width, or sample rate */
    uint32_t b; /* height, or channels */
    const char *text;
};

/* Configurations as x264, x265, libaom and FFmpeg's AAC and Opus encoders write them; the others
 * by hand from the tables. */
static const struct row rows[] = {
    {CODEC_H264, "0142c01fffe100176742c01fda014016ec0440000003004000000f23c60ca801000468ce3c80",
     1280, 720, "avc1.42c01f"},
    {CODEC_H265, hvcc_360p, 640, 360, "hvc1.1.6.L63.90"},
    {CODEC_AV1, av1c_360p, 640, 360, "av01.1.01M.08"},
    {CODEC_AAC, "119056e500", 48000, 2, "mp4a.40.2"},
    {CODEC_AAC, "1210", 44100, 2, "mp4a.40.2"},
    {CODEC_AAC, "1388", 22050, 1, "mp4a.40.2"},
    {CODEC_AAC, "2b118800", 48000, 2, "mp4a.40.5"},   /* SBR said first, core 24 kHz */
    {CODEC_AAC, "131056e598", 48000, 2, "mp4a.40.5"}, /* SBR said behind */
    {CODEC_AAC, "eb098800", 48000, 1, "mp4a.40.29"},  /* PS */
    {CODEC_AAC, "17805dc010", 48000, 2, "mp4a.40.2"}, /* the rate itself: 48,000 */
    {CODEC_AAC, "11b0", 48000, 6, "mp4a.40.2"},       /* 5.1 */
    {CODEC_OPUS, "4f707573486561640101380180bb0000000000", 48000, 1, "opus"},
    {CODEC_OPUS, "", 48000, 2, "opus"},
};

static struct format *create(enum codec codec, const char *hex)
{
    uint8_t bytes[512];
    size_t len = test_unhex(hex, bytes, sizeof(bytes));

    return format_create(codec, len ? buf_copy(bytes, len) : NULL);
}

static void formats_are_completed_and_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct format *format = create(rows[i].codec, rows[i].config);
        bool is_video = codec_kind(rows[i].codec) == MEDIA_VIDEO;
        char text[64];
        struct writer w = writer_fixed(text, sizeof(text));

        assert_ok(codec_complete_format(format, NULL));
        assert_int_equal(is_video ? format->width : format->sample_rate, rows[i].a);
        assert_int_equal(is_video ? format->height : format->channels, rows[i].b);
        assert_ok(codec_write_codecs_text(&w, format));
        assert_text(writer_as_text(&w), rows[i].text);
        format_unref(format);
    }
}

static void each_truncation_is_refused_or_says_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[512];
        size_t len = test_unhex(rows[i].config, bytes, sizeof(bytes));

        for (size_t cut = 1; cut < len; cut++) {
            struct format *format = format_create(rows[i].codec, buf_copy(bytes, cut));
            struct diag diag = {0};
            enum err err = codec_complete_format(format, &diag);

            assert_true(err == OK || err == ERR_MALFORMED || err == ERR_UNSUPPORTED);
            assert_true((err == OK) == (diag.message[0] == 0));
            if (err)
                assert_int_equal(format->width + format->sample_rate, 0);
            format_unref(format);
        }
    }
}

static void missing_and_foreign_configurations_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum codec codec;
        const char *config;
        enum err err;
    } bad[] = {
        {CODEC_H264, "", ERR_MALFORMED},
        {CODEC_H265, "", ERR_MALFORMED},
        {CODEC_AV1, "", ERR_MALFORMED},
        {CODEC_AAC, "", ERR_MALFORMED},
        {CODEC_AAC, "f000000000", ERR_UNSUPPORTED},   /* object type 30 */
        {CODEC_AAC, "1180", ERR_MALFORMED},           /* layout in an element that is cut */
        {CODEC_AAC, "17800000100000", ERR_MALFORMED}, /* 0 Hz */
        {CODEC_AAC, "16900000", ERR_MALFORMED},       /* reserved rate index 13 */
        {CODEC_AAC, "11c0", ERR_UNSUPPORTED},         /* reserved layout 8 */
        {CODEC_OPUS, "4f707573486561640100380180bb0000000000", ERR_MALFORMED},
        {CODEC_OPUS, "4f707573486561641101380180bb0000000000", ERR_UNSUPPORTED},
        {CODEC_OPUS, "4f707573486561640103380180bb0000000000", ERR_MALFORMED},
        {CODEC_OPUS, "4f707573486561640106380180bb0000000001", ERR_MALFORMED},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct format *format = create(bad[i].codec, bad[i].config);
        struct diag diag = {0};

        assert_err(codec_complete_format(format, &diag), bad[i].err);
        assert_true(text_contains(text_of(diag.message), text_of(codec_name(bad[i].codec))));
        format_unref(format);
    }
}

static void codecs_without_a_configuration_need_none(void **state)
{
    (void)state;
    static const enum codec codecs[] = {CODEC_VP8, CODEC_VP9, CODEC_MP3};
    char text[16];

    for (size_t i = 0; i < 3; i++) {
        struct format *format = format_create(codecs[i], NULL);
        struct writer w = writer_fixed(text, sizeof(text));

        assert_ok(codec_complete_format(format, NULL));
        assert_err(codec_write_codecs_text(&w, format), ERR_UNSUPPORTED);
        format_unref(format);
    }
}

static void written_aac_configurations_are_parsed_back(void **state)
{
    (void)state;
    static const uint32_t sample_rates[] = {48000, 44100, 24000, 8000, 12345, 96000};

    for (size_t i = 0; i < sizeof(sample_rates) / sizeof(sample_rates[0]); i++) {
        for (uint32_t channels = 1; channels <= 8; channels++) {
            struct aac_config config;
            struct buf *buf;

            assert_ok(aac_write_lc_config(sample_rates[i], channels, &buf));
            assert_ok(aac_parse_config(codec_bytes(buf->data, buf->len), &config));
            assert_int_equal(config.object_type, 2);
            assert_int_equal(config.sample_rate, sample_rates[i]);
            assert_int_equal(config.channels, channels);
            assert_int_equal(config.frame_len, 1024);
            assert_false(config.has_sbr);
            buf_unref(buf);
        }
    }
    struct buf *none = NULL;
    assert_err(aac_write_lc_config(48000, 0, &none), ERR_INVALID);
    assert_err(aac_write_lc_config(48000, 9, &none), ERR_INVALID);
    assert_err(aac_write_lc_config(0, 2, &none), ERR_INVALID);
}

static void opus_packets_tell_their_duration(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        uint32_t len;
    } packets[] = {{"fcfffe", 960}, {"f8fffe", 960}, {"00", 480},    {"18", 2880},   {"60", 480},
                   {"68", 960},     {"80", 120},     {"98", 960},    {"e1", 240},    {"f9", 1920},
                   {"fa", 1920},    {"fb03", 2880},  {"fb06", 5760}, {"fb07", 0},    {"fb00", 0},
                   {"fb", 0},       {"8330", 5760},  {"8331", 0},    {"1b02", 5760}, {"", 0}};

    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        uint8_t bytes[8];
        size_t len = test_unhex(packets[i].hex, bytes, sizeof(bytes));

        assert_int_equal(opus_packet_len(codec_bytes(bytes, len)), packets[i].len);
    }
}

static void silence_is_there_where_its_form_is_known(void **state)
{
    (void)state;
    for (uint32_t channels = 1; channels <= 3; channels++) {
        struct buf *silence = aac_silence(channels);
        assert_true((silence != NULL) == (channels < 3));
        buf_unref(silence);
    }
    struct buf *opus = opus_silence(2);
    assert_int_equal(opus_packet_len(codec_bytes(opus->data, opus->len)), 960);
    buf_unref(opus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(formats_are_completed_and_named),
        TEST_CASE(each_truncation_is_refused_or_says_the_same),
        TEST_CASE(missing_and_foreign_configurations_are_refused),
        TEST_CASE(codecs_without_a_configuration_need_none),
        TEST_CASE(written_aac_configurations_are_parsed_back),
        TEST_CASE(opus_packets_tell_their_duration),
        TEST_CASE(silence_is_there_where_its_form_is_known),
    };

    return RUN_TESTS("codec_format", tests);
}
