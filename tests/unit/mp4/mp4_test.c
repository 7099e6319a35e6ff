#include "support/mp4_read.h"
#include "support/test.h"

#include "base/mem.h"
#include "codec/codec.h"
#include "mp4/mp4.h"

static const char avcc[] = "01640028ffe1001b67640028acd940780227e5c384000003000400000300c83c60c658"
                           "01000668ebe3cb22c0fdf8f800";

static struct format *create(enum codec codec, const char *hex)
{
    uint8_t bytes[256];
    size_t len = test_unhex(hex, bytes, sizeof(bytes));
    struct format *format = format_create(codec, len ? buf_copy(bytes, len) : NULL);

    assert_ok(codec_complete_format(format, NULL));
    return format;
}

/* The content of the box at the path "moov/trak/...", the n-th trak; empty when it is not there.
 * Children of stsd begin behind its count, those of a sample entry behind its fields. */
static struct reader find_box(struct reader in, const char *path, unsigned trak)
{
    struct text rest = text_of(path);

    while (rest.len) {
        struct text name = text_cut(&rest, '/');
        struct reader found = {0};

        while (in.left >= 8) {
            uint32_t len = reader_u32(&in);
            struct text type = reader_text(&in, 4);
            struct reader body = reader_sub(&in, len - 8);

            if (in.failed)
                break;
            if (!text_equal(type, name))
                continue;
            if (text_equal(name, TEXT("trak")) && trak-- > 0)
                continue;
            found = body;
            break;
        }
        if (text_equal(name, TEXT("stsd")))
            reader_skip(&found, 8);
        if (text_equal(name, TEXT("avc1")) || text_equal(name, TEXT("hvc1")) ||
            text_equal(name, TEXT("av01")))
            reader_skip(&found, rest.len ? 78 : 0);
        if (text_equal(name, TEXT("mp4a")) || text_equal(name, TEXT("Opus")))
            reader_skip(&found, rest.len ? 28 : 0);
        in = found;
    }
    return in;
}

#define STBL "moov/trak/mdia/minf/stbl/"

static struct buf *write_init(const struct format *video, const struct format *audio)
{
    struct buf *init;

    assert_ok(mp4_write_init(video, audio, &init, NULL));
    return init;
}

static void init_segment_describes_both_tracks(void **state)
{
    (void)state;
    struct format *video = create(CODEC_H264, avcc);
    struct format *audio = create(CODEC_AAC, "1190");
    struct buf *init = write_init(video, audio);
    struct reader all = reader_of(init->data, init->len);

    struct reader entry = find_box(all, STBL "stsd/avc1", 0);
    reader_skip(&entry, 24);
    assert_int_equal(reader_u16(&entry), 1920);
    assert_int_equal(reader_u16(&entry), 1080);
    struct reader config = find_box(all, STBL "stsd/avc1/avcC", 0);
    assert_int_equal(config.left, video->config->len);
    assert_memory_equal(config.ptr, video->config->data, config.left);
    struct reader aspect = find_box(all, STBL "stsd/avc1/pasp", 0);
    assert_int_equal(reader_u32(&aspect), 4);
    assert_int_equal(reader_u32(&aspect), 3);
    struct reader tkhd = find_box(all, "moov/trak/tkhd", 0);
    reader_skip(&tkhd, 76);
    assert_int_equal(reader_u32(&tkhd), 2560U << 16); /* in square pixels */
    struct reader mdhd = find_box(all, "moov/trak/mdia/mdhd", 0);
    reader_skip(&mdhd, 12);
    assert_int_equal(reader_u32(&mdhd), 90000);

    mdhd = find_box(all, "moov/trak/mdia/mdhd", 1);
    reader_skip(&mdhd, 12);
    assert_int_equal(reader_u32(&mdhd), 48000);
    struct reader esds = find_box(all, STBL "stsd/mp4a/esds", 1);
    assert_true(text_contains((struct text){(const char *)esds.ptr, esds.left},
                              TEXT("\x05\x80\x80\x80\x02\x11\x90")));
    assert_true(find_box(all, "moov/mvex/trex", 0).left == 24);
    buf_unref(init);
    format_unref(video);
    format_unref(audio);
}

static void one_track_alone_is_fine(void **state)
{
    (void)state;
    struct format *video = create(CODEC_H264, avcc);
    struct format *opus = create(CODEC_OPUS, "4f7075734865616401 02 3801 80bb0000 0000 00");
    struct buf *init = write_init(video, NULL);

    assert_true(find_box(reader_of(init->data, init->len), "moov/trak", 0).left > 0);
    assert_true(find_box(reader_of(init->data, init->len), "moov/trak", 1).left == 0);
    buf_unref(init);
    init = write_init(NULL, opus);
    struct reader dops = find_box(reader_of(init->data, init->len), STBL "stsd/Opus/dOps", 0);
    uint8_t wanted[] = {0, 2, 0x01, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0}; /* big-endian here */
    assert_int_equal(dops.left, sizeof(wanted));
    assert_memory_equal(dops.ptr, wanted, sizeof(wanted));
    buf_unref(init);
    format_unref(video);
    format_unref(opus);
}

static void other_nal_length_sizes_become_four(void **state)
{
    (void)state;
    struct format *video = create(CODEC_H264, avcc);

    video->config->data[4] = 0xfd; /* the publisher's were two bytes */
    struct buf *init = write_init(video, NULL);
    struct reader config = find_box(reader_of(init->data, init->len), STBL "stsd/avc1/avcC", 0);
    assert_int_equal(config.ptr[4], 0xff);
    buf_unref(init);
    format_unref(video);
}

static void formats_that_cannot_be_muxed_are_refused(void **state)
{
    (void)state;
    struct format *vp9 = format_create(CODEC_VP9, NULL);
    struct format *mp3 = format_create(CODEC_MP3, NULL);
    struct format *empty = format_create(CODEC_AAC, NULL);
    struct format *incomplete = format_create(CODEC_AAC, buf_copy("\x11\x90", 2));
    struct buf *init = NULL;
    struct diag diag = {0};

    assert_err(mp4_write_init(vp9, NULL, &init, &diag), ERR_UNSUPPORTED);
    assert_true(diag.message[0] != 0);
    assert_err(mp4_write_init(NULL, mp3, &init, NULL), ERR_UNSUPPORTED);
    assert_err(mp4_write_init(NULL, empty, &init, NULL), ERR_MALFORMED);
    assert_err(mp4_write_init(NULL, incomplete, &init, NULL), ERR_MALFORMED);
    assert_null(init);
    format_unref(vp9);
    format_unref(mp3);
    format_unref(empty);
    format_unref(incomplete);
}

static void part_is_read_back_as_it_was_written(void **state)
{
    (void)state;
    static struct mp4_read_part part;
    const uint8_t bytes[] = "key-frame|delta|sound";
    const struct mp4_sample video[] = {{bytes, 9, 3000, -500, true},
                                       {bytes + 10, 5, 3003, 6000, false}};
    const struct mp4_sample audio[] = {{bytes + 16, 5, 1024, 0, true}};
    const struct mp4_run runs[] = {{MP4_TRACK_VIDEO, UINT64_C(0x123456789a), video, 2},
                                   {MP4_TRACK_AUDIO, 48000, audio, 1}};
    struct buf *buf = mp4_write_part(NULL, 7, runs, 2);

    assert_true(mp4_read_part(buf->data, buf->len, &part));
    assert_int_equal(part.sequence, 7);
    assert_int_equal(part.track_count, 2);
    assert_int_equal(part.tracks[0].decode_time, UINT64_C(0x123456789a));
    assert_int_equal(part.tracks[0].count, 2);
    assert_int_equal(part.tracks[0].duration, 6003);
    assert_int_equal(part.tracks[0].samples[0].composition_offset, -500);
    assert_int_equal(part.tracks[0].samples[0].flags, 0x02000000);
    assert_int_equal(part.tracks[0].samples[1].flags, 0x01010000);
    assert_memory_equal(part.tracks[0].samples[0].data, "key-frame", 9);
    assert_memory_equal(part.tracks[0].samples[1].data, "delta", 5);
    assert_int_equal(part.tracks[1].id, MP4_TRACK_AUDIO);
    assert_memory_equal(part.tracks[1].samples[0].data, "sound", 5);
    buf_unref(buf);
}

static void times_are_converted_without_drift_or_overflow(void **state)
{
    (void)state;
    for (int64_t frame = 0; frame < 1000000; frame += 997) {
        int64_t us = frame * 1024 * 1000000 / 48000;
        assert_int_equal(mp4_ticks_of_us(us, 48000), frame * 1024);
    }
    assert_int_equal(mp4_ticks_of_us(-1000000, 90000), -90000);
    assert_int_equal(mp4_ticks_of_us(-11, 90000), -1);
    int64_t far_us = INT64_C(1) << 51;
    assert_in_range(mp4_us_of_ticks(mp4_ticks_of_us(far_us, 90000), 90000) - far_us + 10, 0, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(init_segment_describes_both_tracks),
        TEST_CASE(one_track_alone_is_fine),
        TEST_CASE(other_nal_length_sizes_become_four),
        TEST_CASE(formats_that_cannot_be_muxed_are_refused),
        TEST_CASE(part_is_read_back_as_it_was_written),
        TEST_CASE(times_are_converted_without_drift_or_overflow),
    };

    return RUN_TESTS("mp4", tests);
}
