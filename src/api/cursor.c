#include "api/cursor.h"

#include "api/exchange.h"
#include "base/crypto.h"
#include "base/jsonw.h"

enum { PLAIN_LEN_MAX = 140 };

/* "channel.list" and a space, then the place. */
static void write_prefix(struct writer *w, const struct call *call)
{
    writer_str(w, call->operation->name);
    writer_char(w, ' ');
}

void cursor_write_next(struct call *call, struct text place)
{
    char plain[PLAIN_LEN_MAX], cursor[CURSOR_LEN_MAX];
    struct writer from = writer_fixed(plain, sizeof(plain));
    struct writer to = writer_fixed(cursor, sizeof(cursor));

    if (place.len == 0) {
        jsonw_member_null(call->out, "nextCursor");
        return;
    }
    write_prefix(&from, call);
    writer_text(&from, place);
    crypto_base64url(&to, plain, from.len);
    jsonw_member_text(call->out, "nextCursor", writer_as_text(&to));
}

bool cursor_refuse(struct call *call)
{
    return api_fail_field(call->error, "cursor", "is not one that this list gave as nextCursor");
}

bool cursor_read(struct call *call, size_t index, char ret_place[CURSOR_PLACE_LEN_MAX + 1])
{
    uint8_t plain[PLAIN_LEN_MAX];
    char chars[PLAIN_LEN_MAX];
    struct writer prefix = writer_fixed(chars, sizeof(chars));
    size_t len;

    ret_place[0] = '\0';
    if (!call_has(call, index))
        return true;
    write_prefix(&prefix, call);
    if (crypto_base64url_decode(call->input.text[index], plain, sizeof(plain), &len) == OK) {
        struct text text = {(const char *)plain, len};
        struct text place = text_sub(text, prefix.len, len);

        if (text_starts_with(text, writer_as_text(&prefix)) && place.len != 0 &&
            place.len <= CURSOR_PLACE_LEN_MAX && !memchr(place.ptr, '\0', place.len)) {
            memcpy(ret_place, place.ptr, place.len);
            ret_place[place.len] = '\0';
            return true;
        }
    }
    return cursor_refuse(call);
}
