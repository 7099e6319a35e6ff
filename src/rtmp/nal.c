#include "rtmp/nal.h"

#include <stdbool.h>
#include <string.h>

#include "base/reader.h"

enum { AVCC_LEN_MIN = 7, AVCC_SIZE_AT = 4, HVCC_LEN_MIN = 23, HVCC_SIZE_AT = 21 };
enum { CONFIG_VERSION = 1, UNITS_COUNT_MAX = 4096 };

static size_t size_at(enum codec codec)
{
    return codec == CODEC_H264 ? AVCC_SIZE_AT : HVCC_SIZE_AT;
}

unsigned nal_length_size(enum codec codec, const uint8_t *config, size_t len)
{
    size_t len_min = codec == CODEC_H264 ? AVCC_LEN_MIN : HVCC_LEN_MIN;

    if (len < len_min)
        return 0;
    /* The first drafts of hvcC, still written by some, have version 0. */
    if (config[0] != CONFIG_VERSION && codec == CODEC_H264)
        return 0;
    unsigned size = (config[size_at(codec)] & 3U) + 1;
    return size == 3 ? 0 : size; /* ISO 14496-15 5.3.3.1.2: 0, 1 or 3 */
}

void nal_set_length_size_4(enum codec codec, uint8_t *config)
{
    config[size_at(codec)] |= 3;
}

/* Units that the format or nobody needs: they do not belong into a sample (media/sample.h). */
static bool is_parameter_or_delimiter(enum codec codec, uint8_t first_byte)
{
    if (codec == CODEC_H264) {
        unsigned type = first_byte & 31;
        return type == 7 || type == 8 || type == 9; /* SPS, PPS, AUD */
    }
    unsigned type = first_byte >> 1 & 63;
    return type >= 32 && type <= 35; /* VPS, SPS, PPS, AUD */
}

static uint32_t read_length(struct reader *r, unsigned size)
{
    return size == 4 ? reader_u32(r) : size == 2 ? reader_u16(r) : reader_u8(r);
}

/* Walks all units. *ret_keep_at is where the first one begins that stays (or the end), *ret_count
 * how many there are from there. */
static bool walk(enum codec codec, unsigned length_size, struct slice slice, size_t *ret_keep_at,
                 size_t *ret_count)
{
    struct reader r = reader_of(slice.data, slice.len);
    size_t keep_at = 0;
    size_t count = 0;

    for (unsigned i = 0; r.left > 0; i++) {
        uint32_t len = read_length(&r, length_size);
        uint8_t first_byte = reader_peek_u8(&r);

        reader_skip(&r, len);
        if (r.failed || len == 0 || i == UNITS_COUNT_MAX)
            return false;
        if (count == 0 && is_parameter_or_delimiter(codec, first_byte))
            keep_at = slice.len - r.left;
        else
            count++;
    }
    *ret_keep_at = keep_at;
    *ret_count = count;
    return true;
}

/* The same units behind 4-byte lengths. */
static struct buf *widen(unsigned length_size, struct slice slice, size_t count)
{
    struct buf *wide = buf_create(slice.len + count * (4 - length_size));
    struct reader r = reader_of(slice.data, slice.len);
    uint8_t *to = wide->data;

    while (r.left > 0) {
        uint32_t len = read_length(&r, length_size);

        *to++ = (uint8_t)(len >> 24);
        *to++ = (uint8_t)(len >> 16);
        *to++ = (uint8_t)(len >> 8);
        *to++ = (uint8_t)len;
        reader_copy(&r, to, len);
        to += len;
    }
    return wide;
}

enum err nal_normalize(enum codec codec, unsigned length_size, struct slice *slice)
{
    size_t keep_at;
    size_t count;

    if (!walk(codec, length_size, *slice, &keep_at, &count))
        return ERR_MALFORMED;
    slice->data += keep_at;
    slice->len -= keep_at;
    if (length_size != 4) {
        struct buf *wide = widen(length_size, *slice, count);

        slice_unref(slice);
        *slice = slice_take(wide);
    }
    return OK;
}
