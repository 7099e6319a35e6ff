#include "base/jsonw.h"

#include <math.h>

#include "base/writer.h"

static void before_value(struct jsonw *j)
{
    if (j->needs_comma)
        writer_char(j->w, ',');
    j->needs_comma = true;
}

static void begin(struct jsonw *j, char bracket)
{
    before_value(j);
    writer_char(j->w, bracket);
    j->needs_comma = false;
}

static void end(struct jsonw *j, char bracket)
{
    writer_char(j->w, bracket);
    j->needs_comma = true;
}

void jsonw_object_begin(struct jsonw *j)
{
    begin(j, '{');
}

void jsonw_object_end(struct jsonw *j)
{
    end(j, '}');
}

void jsonw_array_begin(struct jsonw *j)
{
    begin(j, '[');
}

void jsonw_array_end(struct jsonw *j)
{
    end(j, ']');
}

void jsonw_key(struct jsonw *j, const char *key)
{
    before_value(j);
    jsonw_write_string(j->w, text_of(key));
    writer_char(j->w, ':');
    j->needs_comma = false;
}

static void write_escaped(struct writer *w, unsigned char c)
{
    switch (c) {
    case '"':
        writer_str(w, "\\\"");
        break;
    case '\\':
        writer_str(w, "\\\\");
        break;
    case '\n':
        writer_str(w, "\\n");
        break;
    case '\r':
        writer_str(w, "\\r");
        break;
    case '\t':
        writer_str(w, "\\t");
        break;
    default:
        writer_printf(w, "\\u%04x", c);
        break;
    }
}

/* Bytes of the well-formed UTF-8 sequence at the start of the text, 0 when it is broken. */
static size_t sequence_len(struct text text)
{
    for (size_t len = 1; len <= 4 && len <= text.len; len++)
        if (text_is_utf8(text_sub(text, 0, len)))
            return len;
    return 0;
}

void jsonw_write_string(struct writer *w, struct text value)
{
    writer_char(w, '"');
    for (size_t i = 0; i < value.len;) {
        unsigned char c = (unsigned char)value.ptr[i];

        if (c >= 0x80) {
            size_t len = sequence_len(text_sub(value, i, 4));

            writer_text(w, len ? text_sub(value, i, len) : TEXT("\xef\xbf\xbd"));
            i += len ? len : 1;
            continue;
        }
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
            write_escaped(w, c);
        else
            writer_char(w, (char)c);
        i++;
    }
    writer_char(w, '"');
}

void jsonw_text(struct jsonw *j, struct text value)
{
    before_value(j);
    jsonw_write_string(j->w, value);
}

void jsonw_str(struct jsonw *j, const char *value)
{
    if (value)
        jsonw_text(j, text_of(value));
    else
        jsonw_null(j);
}

void jsonw_i64(struct jsonw *j, int64_t value)
{
    before_value(j);
    writer_dec_signed(j->w, value);
}

void jsonw_u64(struct jsonw *j, uint64_t value)
{
    before_value(j);
    writer_dec(j->w, value);
}

void jsonw_bool(struct jsonw *j, bool value)
{
    jsonw_raw(j, value ? TEXT("true") : TEXT("false"));
}

void jsonw_null(struct jsonw *j)
{
    jsonw_raw(j, TEXT("null"));
}

void jsonw_double(struct jsonw *j, double value, unsigned decimals)
{
    if (!isfinite(value)) {
        jsonw_null(j);
        return;
    }
    before_value(j);
    writer_printf(j->w, "%.*f", (int)decimals, value);
}

void jsonw_raw(struct jsonw *j, struct text json)
{
    before_value(j);
    writer_text(j->w, json);
}

void jsonw_member_text(struct jsonw *j, const char *key, struct text value)
{
    jsonw_key(j, key);
    jsonw_text(j, value);
}

void jsonw_member_str(struct jsonw *j, const char *key, const char *value)
{
    jsonw_key(j, key);
    jsonw_str(j, value);
}

void jsonw_member_i64(struct jsonw *j, const char *key, int64_t value)
{
    jsonw_key(j, key);
    jsonw_i64(j, value);
}

void jsonw_member_u64(struct jsonw *j, const char *key, uint64_t value)
{
    jsonw_key(j, key);
    jsonw_u64(j, value);
}

void jsonw_member_bool(struct jsonw *j, const char *key, bool value)
{
    jsonw_key(j, key);
    jsonw_bool(j, value);
}

void jsonw_member_null(struct jsonw *j, const char *key)
{
    jsonw_key(j, key);
    jsonw_null(j);
}
