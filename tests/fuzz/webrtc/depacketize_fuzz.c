/*
 * Access units: the input is payloads, each behind its length in 16 bits. What is written is
 * exactly as long as measured and is a chain of NAL units that ends at the end, none of them a
 * parameter set, delimiter or filler; a format has an avcC whose sets are those that were put.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/reader.h"
#include "codec/codec.h"
#include "media/format.h"
#include "webrtc/depacketize.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_chain(const uint8_t *bytes, size_t len)
{
    struct reader r = reader_of(bytes, len);

    while (r.left > 0) {
        struct reader nal = reader_sub(&r, reader_u32(&r));
        uint8_t type = reader_u8(&nal) & 0x1f;

        check(!r.failed && !nal.failed);
        check(type != H264_NAL_SPS && type != H264_NAL_PPS && type != H264_NAL_AUD &&
              type != H264_NAL_FILLER);
    }
}

static void check_format(const struct h264_sets *sets, uint32_t pps_id)
{
    struct format *format = h264_sets_format(sets, pps_id);

    if (!format)
        return;
    struct reader r = reader_of(format->config->data, format->config->len);

    check(format->width > 0 && format->height > 0);
    reader_skip(&r, 5);
    for (unsigned kind = 0; kind < 2; kind++) {
        unsigned count = reader_u8(&r) & (kind == 0 ? 0x1f : 0xff);

        check(count > 0);
        for (unsigned i = 0; i < count; i++) {
            struct reader nal = reader_sub(&r, reader_u16(&r));

            check((reader_u8(&nal) & 0x1f) == (kind == 0 ? H264_NAL_SPS : H264_NAL_PPS));
        }
    }
    check(!r.failed && (r.left == 0 || r.left == 4));
    format_unref(format);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(data, size);
    struct slice payloads[64];
    struct h264_sets sets = {0};
    struct h264_unit unit;
    size_t count = 0;

    while (r.left > 0 && count < 64) {
        size_t len = reader_u16(&r);

        len = len < r.left ? len : r.left;
        payloads[count].buf = NULL;
        payloads[count].len = len;
        payloads[count++].data = reader_bytes(&r, len);
        (void)depacketize_h264_starts_keyframe(payloads[count - 1].data, len);
    }
    if (depacketize_h264_measure(payloads, count, &sets, &unit) == OK) {
        uint8_t *bytes = mem_alloc(unit.len);

        check(unit.len <= size * 6); /* five bytes more for each NAL unit of at least one */
        depacketize_h264_write(payloads, count, bytes, unit.len);
        check_chain(bytes, unit.len);
        mem_free(bytes);
        check_format(&sets, unit.pps_id);
    }
    check_format(&sets, 0);
    h264_sets_deinit(&sets);
    return 0;
}
