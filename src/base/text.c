#include "base/text.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_equal(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool text_equal_nocase(struct text a, struct text b)
{
    return a.len == b.len && text_starts_with_nocase(a, b);
}

bool text_starts_with(struct text text, struct text prefix)
{
    return text.len >= prefix.len && text_equal(text_sub(text, 0, prefix.len), prefix);
}

bool text_starts_with_nocase(struct text text, struct text prefix)
{
    if (text.len < prefix.len)
        return false;

    for (size_t i = 0; i < prefix.len; i++)
        if (lower(text.ptr[i]) != lower(prefix.ptr[i]))
            return false;
    return true;
}

bool text_ends_with(struct text text, struct text suffix)
{
    return text.len >= suffix.len &&
           text_equal(text_sub(text, text.len - suffix.len, suffix.len), suffix);
}

bool text_contains(struct text text, struct text needle)
{
    return needle.len == 0 ||
           (text.len != 0 && memmem(text.ptr, text.len, needle.ptr, needle.len) != NULL);
}

bool text_contains_nocase(struct text text, struct text needle)
{
    for (size_t i = 0; i + needle.len <= text.len; i++)
        if (text_equal_nocase(text_sub(text, i, needle.len), needle))
            return true;
    return false;
}

int text_compare(struct text a, struct text b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct text text_trim(struct text text)
{
    while (text.len && is_blank(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

struct text text_sub(struct text text, size_t from, size_t len)
{
    if (from >= text.len)
        return (struct text){0};
    if (len > text.len - from)
        len = text.len - from;
    return (struct text){text.ptr + from, len};
}

size_t text_index_of(struct text text, char c)
{
    const char *found = text.len ? memchr(text.ptr, c, text.len) : NULL;

    return found ? (size_t)(found - text.ptr) : text.len;
}

struct text text_cut(struct text *rest, char separator)
{
    size_t at = text_index_of(*rest, separator);
    struct text item = text_sub(*rest, 0, at);

    *rest = text_sub(*rest, at + 1, rest->len);
    return item;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

static bool parse_unsigned(struct text text, unsigned base, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)digit_value(text.ptr[i]);

        if (digit >= base || digit > max || value > (max - digit) / base)
            return false;
        value = value * base + digit;
    }
    *ret_value = value;
    return true;
}

bool text_parse_u64(struct text text, uint64_t max, uint64_t *ret_value)
{
    return parse_unsigned(text, 10, max, ret_value);
}

bool text_parse_hex_u64(struct text text, uint64_t max, uint64_t *ret_value)
{
    return parse_unsigned(text, 16, max, ret_value);
}

bool text_parse_i64(struct text text, int64_t min, int64_t max, int64_t *ret_value)
{
    bool is_negative = text.len != 0 && text.ptr[0] == '-';
    uint64_t magnitude;

    if (is_negative)
        text = text_sub(text, 1, text.len);
    if (!parse_unsigned(text, 10, INT64_MAX, &magnitude))
        return false;

    int64_t value = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
    if (value < min || value > max)
        return false;
    *ret_value = value;
    return true;
}

/* Length of the sequence that starts with this byte, 0 when none does; *ret_min is the smallest
 * code point that may be written with that length (RFC 3629 section 3). */
static size_t utf8_sequence_len(uint8_t first, uint32_t *ret_min)
{
    if (first < 0x80) {
        *ret_min = 0;
        return 1;
    }
    if ((first & 0xe0) == 0xc0) {
        *ret_min = 0x80;
        return 2;
    }
    if ((first & 0xf0) == 0xe0) {
        *ret_min = 0x800;
        return 3;
    }
    *ret_min = 0x10000;
    return (first & 0xf8) == 0xf0 ? 4 : 0;
}

bool text_is_utf8(struct text text)
{
    const uint8_t *bytes = (const uint8_t *)text.ptr;

    for (size_t i = 0; i < text.len;) {
        uint32_t min;
        size_t len = utf8_sequence_len(bytes[i], &min);

        if (len == 0 || len > text.len - i)
            return false;

        uint32_t code = len == 1 ? bytes[i] : bytes[i] & (0x7fU >> len);
        for (size_t k = 1; k < len; k++) {
            if ((bytes[i + k] & 0xc0) != 0x80)
                return false;
            code = code << 6 | (bytes[i + k] & 0x3f);
        }
        if (code < min || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return false;
        i += len;
    }
    return true;
}

bool text_is_line(struct text text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return false;
    return text_is_utf8(text);
}
