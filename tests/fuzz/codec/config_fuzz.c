/*
 * Decoder configurations and payloads of all codecs. The first byte says which codec, the rest is
 * its configuration. What is taken must be usable to the end: a name, an init segment.
 */
#include <assert.h>
#include <string.h>

#include "base/writer.h"
#include "codec/codec.h"
#include "mp4/mp4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writing what was parsed, and parsing that, gives the same parameter sets. */
static void check_avcc(struct slice avcc)
{
    struct h264_params params;
    struct h264_params again;
    struct buf *written;

    if (h264_parse_avcc(avcc, &params) || h264_write_avcc(&params, &written))
        return;
    assert(h264_parse_avcc(codec_bytes(written->data, written->len), &again) == OK);
    assert(again.sps_count == params.sps_count && again.pps_count == params.pps_count);
    for (size_t i = 0; i < params.sps_count; i++)
        assert(again.sps[i].len == params.sps[i].len &&
               memcmp(again.sps[i].data, params.sps[i].data, params.sps[i].len) == 0);
    buf_unref(written);
}

static void check_walk(struct nal_walk walk, struct slice payload)
{
    struct slice nal;
    size_t len = 0;

    while (nal_walk_next(&walk, &nal)) {
        assert(nal.len > 0 && nal.data >= payload.data &&
               nal.data + nal.len <= payload.data + payload.len);
        len += nal.len;
    }
    assert(len <= payload.len);
}

static void check_payload(struct slice payload)
{
    check_walk(nal_walk_annex_b(payload), payload);
    check_walk(nal_walk_lengths(payload, 1), payload);
    check_walk(nal_walk_lengths(payload, 2), payload);
    check_walk(nal_walk_lengths(payload, 4), payload);
    if (h264_has_idr(payload))
        assert(h264_has_slice(payload));
    assert(opus_packet_len(payload) <= 5760);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum codec codec = CODEC_H264 + data[0] % (CODEC_MP3 - CODEC_H264 + 1);
    struct slice config = codec_bytes(data + 1, size - 1);
    struct format *format = format_create(codec, buf_copy(config.data, config.len));
    bool is_video = codec_kind(codec) == MEDIA_VIDEO;
    struct buf *init;
    char text[128];
    struct writer w = writer_fixed(text, sizeof(text));

    check_payload(config);
    check_avcc(config);
    if (codec_complete_format(format, NULL) == OK && codec != CODEC_VP8 && codec != CODEC_VP9 &&
        codec != CODEC_MP3) {
        assert(is_video ? format->width > 0 && format->width <= CODEC_DIMENSION_MAX &&
                              format->height > 0 && format->height <= CODEC_DIMENSION_MAX
                        : format->sample_rate > 0 && format->channels > 0 && format->channels <= 8);
        assert(codec_write_codecs_text(&w, format) == OK && !w.failed);
        assert(mp4_write_init(is_video ? format : NULL, is_video ? NULL : format, &init, NULL) ==
               OK);
        buf_unref(init);
    }
    format_unref(format);
    return 0;
}
