#include "api/input.h"

#include <stdio.h>

static bool fail_field(struct api_error *error, const char *field, const char *what)
{
    (void)snprintf(error->field, sizeof(error->field), "%s", field); /* cut to fit */
    return api_fail(error, API_INVALID_INPUT, "%.63s: %s", field, what);
}

/* jansson is recursive; nothing of ours is nested deeper than this. */
static bool is_shallow(struct text text)
{
    size_t depth = 0;
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
            if (++depth > API_JSON_DEPTH_MAX)
                return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

bool input_parse_json(struct text text, json_t **ret_json, struct api_error *error)
{
    json_error_t where;

    if (!is_shallow(text))
        return api_fail(error, API_MALFORMED_JSON, "The JSON is nested deeper than %d levels.",
                        API_JSON_DEPTH_MAX);

    json_t *json = json_loadb(text.len ? text.ptr : "", text.len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
    if (!json)
        return api_fail(error, API_MALFORMED_JSON, "The JSON is broken at line %d, column %d: %s",
                        where.line, where.column, where.text);
    *ret_json = json;
    return true;
}

static bool take_number(const struct field *field, size_t i, int64_t number, struct input *input,
                        struct api_error *error)
{
    char what[96];

    if (number < field->min || number > field->max) {
        (void)snprintf(what, sizeof(what), "must be a whole number from %lld to %lld",
                       (long long)field->min, (long long)field->max); /* fits */
        return fail_field(error, field->name, what);
    }
    input->number[i] = number;
    input->is_given[i] = true;
    return true;
}

static bool take_text(const struct field *field, size_t i, struct text text, struct input *input,
                      struct api_error *error)
{
    char what[96];

    if (!text_is_utf8(text) || (text.len && memchr(text.ptr, '\0', text.len)))
        return fail_field(error, field->name, "must be UTF-8 text");
    if (text.len < (size_t)field->min || text.len > (size_t)field->max) {
        (void)snprintf(what, sizeof(what), "must have %lld to %lld bytes", (long long)field->min,
                       (long long)field->max); /* fits */
        return fail_field(error, field->name, what);
    }
    input->text[i] = text;
    input->is_given[i] = true;
    return true;
}

static bool take_json(const struct field *field, size_t i, const json_t *value, struct input *input,
                      struct api_error *error)
{
    switch (field->type) {
    case FIELD_INTEGER:
        if (!json_is_integer(value))
            return fail_field(error, field->name, "must be a whole number");
        return take_number(field, i, json_integer_value(value), input, error);
    case FIELD_TEXT:
        if (!json_is_string(value))
            return fail_field(error, field->name, "must be a text");
        return take_text(field, i,
                         (struct text){json_string_value(value), json_string_length(value)}, input,
                         error);
    }
    return api_fail(error, API_INTERNAL, "The operation's table is wrong.");
}

bool input_from_json(const struct operation *operation, json_t *json, struct input *input,
                     struct api_error *error)
{
    if (!json || json_is_null(json))
        return true;
    if (!json_is_object(json))
        return api_fail(error, API_INVALID_INPUT, "The input must be a JSON object.");

    const char *name;
    json_t *value;

    json_object_foreach(json, name, value)
    {
        int field = operation_field_find(operation, text_of(name));

        if (field < 0)
            return fail_field(error, name, "is not a field of this operation");
        if (input->is_given[field])
            return fail_field(error, name, "is given by the path already");
        if (!take_json(&operation->fields[field], (size_t)field, value, input, error))
            return false;
    }
    return true;
}

bool input_from_text(const struct operation *operation, size_t field, struct text value,
                     struct input *input, struct api_error *error)
{
    const struct field *spec = &operation->fields[field];
    int64_t number;

    if (spec->type == FIELD_TEXT)
        return take_text(spec, field, value, input, error);
    if (!text_parse_i64(value, INT64_MIN + 1, INT64_MAX, &number))
        return fail_field(error, spec->name, "must be a whole number");
    return take_number(spec, field, number, input, error);
}

bool input_check(const struct operation *operation, const struct input *input,
                 struct api_error *error)
{
    for (size_t i = 0; operation->fields[i].name; i++)
        if (operation->fields[i].is_required && !input->is_given[i])
            return fail_field(error, operation->fields[i].name, "is required");
    return true;
}
