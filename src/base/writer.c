#include "base/writer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

enum { FIRST_CAP = 256 };

struct writer writer_fixed(void *memory, size_t cap)
{
    return (struct writer){.data = memory, .cap = cap};
}

struct writer writer_growing(size_t limit)
{
    assert(limit > 0);
    return (struct writer){.limit = limit};
}

void writer_deinit(struct writer *w)
{
    if (w->limit)
        mem_free(w->data);
    *w = (struct writer){.limit = w->limit};
}

void writer_clear(struct writer *w)
{
    w->len = 0;
    w->failed = false;
}

struct buf *writer_copy_buf(struct writer *w)
{
    struct buf *buf = buf_copy(w->data, w->failed ? 0 : w->len);

    writer_clear(w);
    return buf;
}

static bool grow(struct writer *w, size_t needed)
{
    if (w->limit == 0 || needed > w->limit)
        return false;

    size_t cap = w->cap ? w->cap : FIRST_CAP;
    while (cap < needed)
        cap *= 2;
    if (cap > w->limit)
        cap = w->limit;
    w->data = mem_realloc(w->data, cap);
    w->cap = cap;
    return true;
}

uint8_t *writer_room(struct writer *w, size_t len)
{
    if (w->failed)
        return NULL;
    if (len > w->cap - w->len && (len > SIZE_MAX - w->len || !grow(w, w->len + len))) {
        w->failed = true;
        return NULL;
    }
    return w->data + w->len;
}

void writer_commit(struct writer *w, size_t len)
{
    if (w->failed)
        return;
    assert(len <= w->cap - w->len);
    w->len += len;
}

void writer_bytes(struct writer *w, const void *bytes, size_t len)
{
    uint8_t *to = writer_room(w, len);

    if (!to || len == 0)
        return;
    memcpy(to, bytes, len);
    w->len += len;
}

void writer_zeroes(struct writer *w, size_t len)
{
    uint8_t *to = writer_room(w, len);

    if (!to || len == 0)
        return;
    memset(to, 0, len);
    w->len += len;
}

static void put_be(struct writer *w, uint64_t value, unsigned bytes)
{
    uint8_t *to = writer_room(w, bytes);

    if (!to)
        return;
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    w->len += bytes;
}

void writer_u8(struct writer *w, uint8_t value)
{
    put_be(w, value, 1);
}

void writer_u16(struct writer *w, uint16_t value)
{
    put_be(w, value, 2);
}

void writer_u24(struct writer *w, uint32_t value)
{
    put_be(w, value, 3);
}

void writer_u32(struct writer *w, uint32_t value)
{
    put_be(w, value, 4);
}

void writer_u64(struct writer *w, uint64_t value)
{
    put_be(w, value, 8);
}

void writer_u16_le(struct writer *w, uint16_t value)
{
    put_be(w, (uint16_t)(value << 8 | value >> 8), 2);
}

void writer_u32_le(struct writer *w, uint32_t value)
{
    put_be(w, __builtin_bswap32(value), 4);
}

size_t writer_reserve(struct writer *w, size_t len)
{
    size_t offset = w->len;

    writer_zeroes(w, len);
    return offset;
}

static void patch_be(struct writer *w, size_t offset, uint32_t value, unsigned bytes)
{
    if (w->failed)
        return;
    assert(offset + bytes <= w->len);
    for (unsigned i = 0; i < bytes; i++)
        w->data[offset + i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

void writer_patch_u16(struct writer *w, size_t offset, uint16_t value)
{
    patch_be(w, offset, value, 2);
}

void writer_patch_u24(struct writer *w, size_t offset, uint32_t value)
{
    patch_be(w, offset, value, 3);
}

void writer_patch_u32(struct writer *w, size_t offset, uint32_t value)
{
    patch_be(w, offset, value, 4);
}

void writer_text(struct writer *w, struct text text)
{
    writer_bytes(w, text.ptr, text.len);
}

void writer_str(struct writer *w, const char *string)
{
    writer_bytes(w, string, strlen(string));
}

void writer_char(struct writer *w, char c)
{
    writer_u8(w, (uint8_t)c);
}

void writer_dec_padded(struct writer *w, uint64_t value, unsigned width)
{
    char digits[20];
    unsigned count = 0;

    do {
        digits[sizeof(digits) - ++count] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0 || (count < width && count < sizeof(digits)));
    writer_bytes(w, digits + sizeof(digits) - count, count);
}

void writer_dec(struct writer *w, uint64_t value)
{
    writer_dec_padded(w, value, 1);
}

void writer_dec_signed(struct writer *w, int64_t value)
{
    if (value < 0)
        writer_char(w, '-');
    writer_dec(w, value < 0 ? ~(uint64_t)value + 1 : (uint64_t)value);
}

void writer_seconds(struct writer *w, int64_t duration_us, unsigned decimals)
{
    static const uint64_t unit_us[] = {1000000, 100000, 10000, 1000, 100, 10, 1};

    assert(decimals <= 6);
    if (duration_us < 0) {
        writer_char(w, '-');
        duration_us = -duration_us;
    }
    uint64_t units = ((uint64_t)duration_us + unit_us[decimals] / 2) / unit_us[decimals];
    uint64_t units_per_second = 1000000 / unit_us[decimals];

    writer_dec(w, units / units_per_second);
    if (decimals == 0)
        return;
    writer_char(w, '.');
    writer_dec_padded(w, units % units_per_second, decimals);
}

void writer_printf(struct writer *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);

    /* One more than the text: vsnprintf ends it with a NUL, which is not committed. */
    uint8_t *to = len < 0 ? NULL : writer_room(w, (size_t)len + 1);
    if (to) {
        (void)vsnprintf((char *)to, (size_t)len + 1, format, again);
        w->len += (size_t)len;
    }
    va_end(again);
}

struct text writer_as_text(const struct writer *w)
{
    return (struct text){(const char *)w->data, w->len};
}
