#include "base/jsonr.h"

#include "base/writer.h"

/* Brackets outside of strings; whether they match is jansson's to say. */
static bool is_shallow(struct text text, unsigned depth_max)
{
    unsigned depth = 0;
    bool is_string = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (is_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                is_string = false;
        } else if (c == '"') {
            is_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > depth_max)
                return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

enum err jsonr_parse(struct text text, unsigned depth_max, struct diag *diag, json_t **ret_json)
{
    json_error_t where;

    if (!is_shallow(text, depth_max)) {
        diag_set(diag, "The JSON is nested deeper than %u levels.", depth_max);
        return ERR_MALFORMED;
    }
    json_t *json = json_loadb(text.len ? text.ptr : "", text.len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
    if (!json) {
        diag_set(diag, "The JSON is broken at line %d, column %d: %s", where.line, where.column,
                 where.text);
        return ERR_MALFORMED;
    }
    *ret_json = json;
    return OK;
}

struct text jsonr_text(const json_t *json)
{
    if (!json_is_string(json))
        return (struct text){0};
    return (struct text){json_string_value(json), json_string_length(json)};
}

static int on_piece(const char *bytes, size_t len, void *ctx)
{
    writer_bytes(ctx, bytes, len);
    return 0;
}

void jsonr_write(struct writer *w, const json_t *json)
{
    if (json_dump_callback(json, on_piece, w, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
        w->failed = true;
}
