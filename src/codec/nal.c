#include "codec/nal.h"

#include <assert.h>

#include "base/reader.h"

struct nal_walk nal_walk_lengths(struct slice payload, unsigned length_size)
{
    assert(length_size == 1 || length_size == 2 || length_size == 4);
    return (struct nal_walk){payload.data, payload.len, length_size, false};
}

/* Moves behind the next start code 00 00 01; to the end when there is none. Returns the number of
 * bytes before it. */
static size_t skip_to_start_code(struct nal_walk *walk)
{
    size_t before = 0;
    unsigned zeroes = 0;

    while (walk->left) {
        uint8_t byte = *walk->ptr++;

        walk->left--;
        before++;
        if (byte == 1 && zeroes >= 2)
            return before - 3;
        zeroes = byte == 0 ? zeroes + 1 : 0;
    }
    return before;
}

struct nal_walk nal_walk_annex_b(struct slice stream)
{
    struct nal_walk walk = {stream.data, stream.len, 0, false};

    (void)skip_to_start_code(&walk); /* what stands before the first start code is no NAL unit */
    return walk;
}

static bool next_annex_b(struct nal_walk *walk, struct slice *ret_nal)
{
    const uint8_t *start = walk->ptr;
    size_t len = skip_to_start_code(walk);

    /* Trailing zeroes belong to the next start code, or are trailing_zero_8bits (Annex B.1.1). */
    while (len && start[len - 1] == 0)
        len--;
    *ret_nal = codec_bytes(start, len);
    return len > 0;
}

static bool next_length(struct nal_walk *walk, struct slice *ret_nal)
{
    struct reader r = reader_of(walk->ptr, walk->left);
    size_t len = walk->length_size == 1   ? reader_u8(&r)
                 : walk->length_size == 2 ? reader_u16(&r)
                                          : reader_u32(&r);
    const uint8_t *bytes = reader_bytes(&r, len);

    if (r.failed) {
        walk->left = 0;
        walk->failed = true;
        return false;
    }
    walk->ptr = r.ptr;
    walk->left = r.left;
    *ret_nal = codec_bytes(bytes, len);
    return len > 0;
}

bool nal_walk_next(struct nal_walk *walk, struct slice *ret_nal)
{
    while (walk->left) {
        bool has_nal = walk->length_size ? next_length(walk, ret_nal) : next_annex_b(walk, ret_nal);
        if (has_nal)
            return true;
    }
    return false;
}

size_t nal_unescape(struct slice nal, uint8_t *to, size_t cap)
{
    struct reader r = reader_of(nal.data, nal.len);
    size_t len = 0;
    unsigned zeroes = 0;

    while (r.left && len < cap) {
        uint8_t byte = reader_u8(&r);

        if (zeroes >= 2 && byte == 3) {
            zeroes = 0;
            continue;
        }
        zeroes = byte == 0 ? zeroes + 1 : 0;
        to[len++] = byte;
    }
    return len;
}
