#include "http/conditional.h"

static struct text without_weakness(struct text tag)
{
    return text_starts_with(tag, TEXT("W/")) ? text_sub(tag, 2, tag.len) : tag;
}

bool http_etag_list_matches(struct text list, struct text etag)
{
    if (etag.len == 0)
        return false;
    if (text_equal(text_trim(list), TEXT("*")))
        return true;

    /* A comma inside a quoted tag splits it; our own tags have none, so it cannot match anyway. */
    while (list.len) {
        struct text tag = text_trim(text_cut(&list, ','));

        if (text_equal(without_weakness(tag), without_weakness(etag)))
            return true;
    }
    return false;
}

static enum err last_bytes(struct text count, uint64_t body_len, struct http_range *ret_range)
{
    uint64_t len;

    if (!text_parse_u64(count, UINT64_MAX, &len))
        return ERR_UNSUPPORTED;
    if (len == 0 || body_len == 0)
        return ERR_LIMIT;
    if (len > body_len)
        len = body_len;
    *ret_range = (struct http_range){body_len - len, len};
    return OK;
}

enum err http_range_parse(struct text value, uint64_t body_len, struct http_range *ret_range)
{
    if (!text_starts_with_nocase(value, TEXT("bytes=")) || text_index_of(value, ',') != value.len)
        return ERR_UNSUPPORTED;

    struct text rest = text_trim(text_sub(value, 6, value.len));
    size_t dash = text_index_of(rest, '-');
    struct text first = text_sub(rest, 0, dash);
    struct text last = text_sub(rest, dash + 1, rest.len);
    uint64_t from;
    uint64_t to = UINT64_MAX;

    if (dash == rest.len)
        return ERR_UNSUPPORTED;
    if (first.len == 0)
        return last_bytes(last, body_len, ret_range);
    if (!text_parse_u64(first, UINT64_MAX, &from) ||
        (last.len && !text_parse_u64(last, UINT64_MAX, &to)) || to < from)
        return ERR_UNSUPPORTED;
    if (from >= body_len)
        return ERR_LIMIT;
    if (to >= body_len)
        to = body_len - 1;
    *ret_range = (struct http_range){from, to - from + 1};
    return OK;
}

/* "0", "0.", "0.000": not acceptable (section 12.4.2). */
static bool is_zero_weight(struct text parameters)
{
    while (parameters.len) {
        struct text value = text_cut(&parameters, ';');
        struct text name = text_trim(text_cut(&value, '='));

        value = text_trim(value);
        if (!text_equal_nocase(name, TEXT("q")))
            continue;
        for (size_t i = 0; i < value.len; i++)
            if (value.ptr[i] != '0' && value.ptr[i] != '.')
                return false;
        return true;
    }
    return false;
}

bool http_accepts_gzip(struct text accept_encoding)
{
    bool accepts_any = false;

    while (accept_encoding.len) {
        struct text parameters = text_cut(&accept_encoding, ',');
        struct text coding = text_trim(text_cut(&parameters, ';'));

        if (text_equal_nocase(coding, TEXT("gzip")))
            return !is_zero_weight(parameters);
        if (text_equal(coding, TEXT("*")))
            accepts_any = !is_zero_weight(parameters);
    }
    return accepts_any;
}
