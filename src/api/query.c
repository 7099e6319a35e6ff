#include "api/query.h"

#include <stdint.h>

bool query_next(struct text *rest, struct text *ret_name, struct text *ret_value)
{
    while (rest->len != 0) {
        struct text pair = text_cut(rest, '&');

        if (pair.len == 0)
            continue;
        *ret_name = text_cut(&pair, '=');
        *ret_value = pair;
        return true;
    }
    return false;
}

bool query_find(struct text query, struct text name, struct text *ret_value)
{
    struct text found;

    while (query_next(&query, &found, ret_value))
        if (text_equal(found, name))
            return true;
    return false;
}

enum err query_decode(struct text encoded, bool is_form, char *to, size_t *ret_len)
{
    size_t len = 0;

    for (size_t i = 0; i < encoded.len; i++) {
        char c = encoded.ptr[i];

        if (c == '%') {
            uint64_t byte;
            struct text digits = text_sub(encoded, i + 1, 2);

            if (digits.len != 2 || !text_parse_hex_u64(digits, UINT8_MAX, &byte))
                return ERR_MALFORMED;
            c = (char)byte;
            i += 2;
        } else if (c == '+' && is_form) {
            c = ' ';
        }
        to[len++] = c;
    }
    *ret_len = len;
    return OK;
}
