/* Delivery directives in the query string (rfc8216bis section 6.2.5). */
#include "base/writer.h"
#include "hls/hls.h"

enum { PARAMETER_COUNT_MAX = 64 };
static const uint64_t NUMBER_MAX = UINT64_C(1) << 53; /* decimal-integer is up to 2^64 - 1 */

static bool set_number(struct text value, bool *has, uint64_t *number)
{
    if (*has || !text_parse_u64(value, NUMBER_MAX, number))
        return false;
    *has = true;
    return true;
}

static bool set_msn(struct hls_directives *directives, struct text value)
{
    return set_number(value, &directives->has_msn, &directives->msn);
}

static bool set_part(struct hls_directives *directives, struct text value)
{
    return set_number(value, &directives->has_part, &directives->part);
}

static bool set_skip(struct hls_directives *directives, struct text value)
{
    if (directives->wants_skip ||
        !(text_equal(value, TEXT("YES")) || text_equal(value, TEXT("v2"))))
        return false;
    directives->wants_skip = true;
    return true;
}

static const struct {
    struct text name;
    bool (*set)(struct hls_directives *directives, struct text value);
} names[] = {
    {TEXT_INIT("_HLS_msn"), set_msn},
    {TEXT_INIT("_HLS_part"), set_part},
    {TEXT_INIT("_HLS_skip"), set_skip},
};

enum err hls_directives_parse(struct text query, struct hls_directives *ret_directives)
{
    struct hls_directives directives = {0};

    for (unsigned i = 0; query.len; i++) {
        struct text value = text_cut(&query, '&');
        struct text name = text_cut(&value, '=');

        if (i == PARAMETER_COUNT_MAX)
            return ERR_MALFORMED;
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
            if (text_equal(name, names[n].name) && !names[n].set(&directives, value))
                return ERR_MALFORMED;
        }
    }
    if (directives.has_part && !directives.has_msn)
        return ERR_MALFORMED;
    *ret_directives = directives;
    return OK;
}

void hls_directives_write(struct writer *w, const struct hls_directives *directives)
{
    if (directives->has_msn) {
        writer_str(w, "_HLS_msn=");
        writer_dec(w, directives->msn);
    }
    if (directives->has_part) {
        writer_str(w, "&_HLS_part=");
        writer_dec(w, directives->part);
    }
    if (directives->wants_skip)
        writer_str(w, directives->has_msn ? "&_HLS_skip=YES" : "_HLS_skip=YES");
}
