#include "api/input.h"

#include <stdio.h>

#include "api/cursor.h"
#include "base/clock.h"
#include "base/jsonr.h"
#include "base/uuid.h"
#include "base/writer.h"

bool input_parse_json(struct text text, json_t **ret_json, struct api_error *error)
{
    struct diag diag = {0};

    if (jsonr_parse(text, API_JSON_DEPTH_MAX, &diag, ret_json) == OK)
        return true;
    return api_fail(error, API_MALFORMED_JSON, "%s", diag.message);
}

/* ---- values ---- */

/* The place of a field's value, and where to complain. */
struct slot {
    const struct field *field;
    size_t index;
    struct input *input;
    struct api_error *error;
};

static bool fail(const struct slot *slot, const char *what)
{
    return api_fail_field(slot->error, slot->field->name, what);
}

static bool take_number(const struct slot *slot, int64_t number)
{
    const struct field *field = slot->field;
    char what[96];

    if (number < field->min || number > field->max) {
        (void)snprintf(what, sizeof(what), "must be a whole number from %lld to %lld",
                       (long long)field->min, (long long)field->max); /* fits */
        return fail(slot, what);
    }
    slot->input->number[slot->index] = number;
    return true;
}

static bool is_plain_utf8(struct text text)
{
    return text_is_utf8(text) && !(text.len && memchr(text.ptr, '\0', text.len));
}

static bool take_text(const struct slot *slot, struct text text)
{
    const struct field *field = slot->field;
    char what[96];

    if (!is_plain_utf8(text))
        return fail(slot, "must be UTF-8 text");
    if (text.len < (size_t)field->min || text.len > (size_t)field->max) {
        (void)snprintf(what, sizeof(what), "must have %lld to %lld bytes", (long long)field->min,
                       (long long)field->max); /* fits */
        return fail(slot, what);
    }
    slot->input->text[slot->index] = text;
    return true;
}

static bool is_word_of(struct text word, const char *words)
{
    struct text rest = text_of(words);

    while (rest.len != 0)
        if (text_equal(text_cut(&rest, ' '), word))
            return true;
    return false;
}

static bool fail_word(const struct slot *slot, const char *begin)
{
    char what[192];
    struct writer w = writer_fixed(what, sizeof(what) - 1);
    struct text rest = text_of(slot->field->words);

    writer_str(&w, begin);
    for (bool is_first = true; rest.len != 0; is_first = false) {
        writer_str(&w, is_first ? "" : ", ");
        writer_text(&w, text_cut(&rest, ' '));
    }
    what[w.len] = '\0';
    return fail(slot, w.failed ? "is no word that this field knows" : what);
}

static bool take_word(const struct slot *slot, struct text text)
{
    if (!is_word_of(text, slot->field->words))
        return fail_word(slot, "must be one of ");
    slot->input->text[slot->index] = text;
    return true;
}

static bool add_word(const struct slot *slot, struct text word)
{
    struct input *input = slot->input;

    if (!is_word_of(word, slot->field->words))
        return fail_word(slot, "must hold only ");
    for (size_t i = 0; i < input->word_count; i++)
        if (text_equal(input->words[i], word))
            return fail(slot, "names something twice");
    if (input->word_count == INPUT_WORDS_MAX)
        return fail(slot, "is too long");
    input->words[input->word_count++] = word;
    return true;
}

static bool check_words(const struct slot *slot)
{
    return (int64_t)slot->input->word_count >= slot->field->min || fail(slot, "must not be empty");
}

static bool take_words(const struct slot *slot, const json_t *array)
{
    size_t index;
    json_t *item;

    json_array_foreach(array, index, item)
    {
        if (!json_is_string(item))
            return fail(slot, "must be an array of texts");
        if (!add_word(slot, jsonr_text(item)))
            return false;
    }
    return check_words(slot);
}

/* "read,publish" */
static bool take_word_list(const struct slot *slot, struct text list)
{
    while (list.len != 0)
        if (!add_word(slot, text_cut(&list, ',')))
            return false;
    return check_words(slot);
}

static bool take_time(const struct slot *slot, struct text text)
{
    int64_t wall_us;

    if (clock_parse_iso8601(text, &wall_us) != OK || wall_us <= 0)
        return fail(slot, "must be a time as in 2026-11-21T08:40:00Z (RFC 3339)");
    slot->input->number[slot->index] = wall_us;
    return true;
}

/* Types that are texts in JSON and in URLs. */
static bool take_string(const struct slot *slot, struct text text)
{
    switch (slot->field->type) {
    case FIELD_TEXT:
        return take_text(slot, text);
    case FIELD_WORD:
        return take_word(slot, text);
    case FIELD_TIME:
        return take_time(slot, text);
    case FIELD_UUID:
        if (!uuid_is_valid(text))
            return fail(slot, "must be a UUID in lower case");
        slot->input->text[slot->index] = text;
        return true;
    case FIELD_CURSOR:
        if (text.len > CURSOR_LEN_MAX)
            return fail(slot, "is not one that this list gave as nextCursor");
        slot->input->text[slot->index] = text;
        return true;
    case FIELD_INTEGER:
    case FIELD_BOOLEAN:
    case FIELD_WORDS:
        break;
    }
    return fail(slot, "has a type that the operation's table does not know");
}

static bool take_json(const struct slot *slot, const json_t *value)
{
    /* No cursor is the first page: the libraries that walk through lists begin with null. */
    if (json_is_null(value) &&
        ((slot->field->flags & FIELD_NULLABLE) || slot->field->type == FIELD_CURSOR)) {
        slot->input->is_null[slot->index] = true;
        return true;
    }
    switch (slot->field->type) {
    case FIELD_INTEGER:
        return json_is_integer(value) ? take_number(slot, json_integer_value(value))
                                      : fail(slot, "must be a whole number");
    case FIELD_BOOLEAN:
        slot->input->number[slot->index] = json_is_true(value);
        return json_is_boolean(value) || fail(slot, "must be true or false");
    case FIELD_WORDS:
        return json_is_array(value) ? take_words(slot, value)
                                    : fail(slot, "must be an array of texts");
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_TIME:
    case FIELD_UUID:
    case FIELD_CURSOR:
        break;
    }
    return json_is_string(value) ? take_string(slot, jsonr_text(value))
                                 : fail(slot, "must be a text");
}

/* ---- sources ---- */

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
            return api_fail_field(error, name, "is not a field of this operation");
        if (input->is_given[field])
            return api_fail_field(error, name, "is given by the path already");

        const struct slot slot = {&operation->fields[field], (size_t)field, input, error};
        if (!take_json(&slot, value))
            return false;
        input->is_given[field] = true;
    }
    return true;
}

bool input_from_text(const struct operation *operation, size_t field, struct text value,
                     struct input *input, struct api_error *error)
{
    const struct slot slot = {&operation->fields[field], field, input, error};
    bool is_taken = false;
    int64_t number;

    switch (slot.field->type) {
    case FIELD_INTEGER:
        is_taken = text_parse_i64(value, INT64_MIN + 1, INT64_MAX, &number)
                       ? take_number(&slot, number)
                       : fail(&slot, "must be a whole number");
        break;
    case FIELD_BOOLEAN:
        input->number[field] = text_equal(value, TEXT("true"));
        is_taken = input->number[field] || text_equal(value, TEXT("false")) ||
                   fail(&slot, "must be true or false");
        break;
    case FIELD_WORDS:
        is_taken = take_word_list(&slot, value);
        break;
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_TIME:
    case FIELD_UUID:
    case FIELD_CURSOR:
        is_taken = take_string(&slot, value);
        break;
    }
    input->is_given[field] = is_taken;
    return is_taken;
}

bool input_check(const struct operation *operation, const struct input *input,
                 struct api_error *error)
{
    for (size_t i = 0; operation->fields[i].name; i++)
        if ((operation->fields[i].flags & FIELD_REQUIRED) && !input->is_given[i])
            return api_fail_field(error, operation->fields[i].name, "is required");
    return true;
}
