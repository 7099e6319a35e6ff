/*
 * text - a view of characters: pointer and length, not NUL-terminated, owning nothing.
 *
 * Parsers cut views out of their input; the view lives as long as the input. To build text use
 * base/writer.h. NUL-terminated strings exist only at system calls (mem_strndup).
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    const char *ptr;
    size_t len;
};

/* A view of a string literal, usable in initialisers. */
#define TEXT(literal)                                                                              \
    (struct text)                                                                                  \
    {                                                                                              \
        "" literal "", sizeof(literal) - 1                                                         \
    }
#define TEXT_INIT(literal)                                                                         \
    {                                                                                              \
        "" literal "", sizeof(literal) - 1                                                         \
    }

/* For printf: printf("%.*s", TEXT_ARG(t)). */
#define TEXT_ARG(t) (int)(t).len, (t).ptr

/* A view of a NUL-terminated string; NULL gives an empty view. */
static inline struct text text_of(const char *string)
{
    return (struct text){string, string ? strlen(string) : 0};
}

bool text_equal(struct text a, struct text b);

/* Equal but for the case of ASCII letters. */
bool text_equal_nocase(struct text a, struct text b);

bool text_starts_with(struct text text, struct text prefix);
bool text_starts_with_nocase(struct text text, struct text prefix);
bool text_ends_with(struct text text, struct text suffix);

/* True when `needle` is somewhere in `text`; an empty needle always is. */
bool text_contains(struct text text, struct text needle);

/* The same, whatever the case of ASCII letters. */
bool text_contains_nocase(struct text text, struct text needle);

/* Three-way comparison by bytes, shorter first: for sorting. */
int text_compare(struct text a, struct text b);

/* Without spaces and tabs at both ends. */
struct text text_trim(struct text text);

/* Characters [from, from + len), cut to what is there. */
struct text text_sub(struct text text, size_t from, size_t len);

/* Index of the first `c`, or text.len. */
size_t text_index_of(struct text text, char c);

/* Cuts off and returns what stands before the first `separator`, and removes it with the separator
 * from *rest; without a separator returns all and leaves *rest empty.
 *     while (rest.len) { struct text item = text_cut(&rest, ','); ... } */
struct text text_cut(struct text *rest, char separator);

/* A decimal number without sign, spaces or leading '+', at most `max`. False, and *ret_value
 * untouched, when the text is empty, is anything else, or is larger. */
bool text_parse_u64(struct text text, uint64_t max, uint64_t *ret_value);

/* The same, with an optional '-'; min <= value <= max. */
bool text_parse_i64(struct text text, int64_t min, int64_t max, int64_t *ret_value);

/* Hexadecimal, no prefix. */
bool text_parse_hex_u64(struct text text, uint64_t max, uint64_t *ret_value);

/* True for well-formed UTF-8 (no surrogates, no overlong forms). */
bool text_is_utf8(struct text text);

/* The same without control characters: what people may be shown as a line. */
bool text_is_line(struct text text);

#endif
