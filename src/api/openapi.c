/*
 * openapi - the operation table and the schemas as an OpenAPI 3.1 document.
 */
#include <stdio.h>

#include "api/exchange.h"
#include "api/schema.h"
#include "base/jsonw.h"

static void write_ref(struct jsonw *j, const char *schema)
{
    char ref[96];

    (void)snprintf(ref, sizeof(ref), "#/components/schemas/%s", schema); /* fits */
    jsonw_object_begin(j);
    jsonw_member_str(j, "$ref", ref);
    jsonw_object_end(j);
}

/* "content": {"<type>": {"schema": {"$ref": ...}}} */
static void write_content(struct jsonw *j, const char *type, const char *schema)
{
    jsonw_key(j, "content");
    jsonw_object_begin(j);
    jsonw_key(j, type);
    jsonw_object_begin(j);
    jsonw_key(j, "schema");
    write_ref(j, schema);
    jsonw_object_end(j);
    jsonw_object_end(j);
}

static void write_field_schema(struct jsonw *j, const struct field *field)
{
    bool is_text = field->type == FIELD_TEXT;

    jsonw_object_begin(j);
    jsonw_member_str(j, "type", is_text ? "string" : "integer");
    jsonw_member_i64(j, is_text ? "minLength" : "minimum", field->min);
    jsonw_member_i64(j, is_text ? "maxLength" : "maximum", field->max);
    jsonw_member_str(j, "description", field->help);
    jsonw_object_end(j);
}

static bool is_in_path(const struct operation *operation, const struct field *field)
{
    char pattern[40];

    (void)snprintf(pattern, sizeof(pattern), "{%s}", field->name); /* fits */
    return text_contains(text_of(operation->path), text_of(pattern));
}

static void write_parameters(struct jsonw *j, const struct operation *operation)
{
    jsonw_key(j, "parameters");
    jsonw_array_begin(j);
    for (const struct field *field = operation->fields; field->name; field++) {
        bool is_path = is_in_path(operation, field);

        if (!is_path && operation->kind == OPERATION_MUTATION)
            continue; /* in the body */
        jsonw_object_begin(j);
        jsonw_member_str(j, "name", field->name);
        jsonw_member_str(j, "in", is_path ? "path" : "query");
        jsonw_member_bool(j, "required", field->is_required);
        jsonw_key(j, "schema");
        write_field_schema(j, field);
        jsonw_object_end(j);
    }
    jsonw_array_end(j);
}

static bool has_body(const struct operation *operation)
{
    for (const struct field *field = operation->fields; field->name; field++)
        if (operation->kind == OPERATION_MUTATION && !is_in_path(operation, field))
            return true;
    return false;
}

static void write_body(struct jsonw *j, const struct operation *operation)
{
    jsonw_key(j, "requestBody");
    jsonw_object_begin(j);
    jsonw_member_bool(j, "required", true);
    jsonw_key(j, "content");
    jsonw_object_begin(j);
    jsonw_key(j, "application/json");
    jsonw_object_begin(j);
    jsonw_key(j, "schema");
    jsonw_object_begin(j);
    jsonw_member_str(j, "type", "object");
    jsonw_member_bool(j, "additionalProperties", false);
    jsonw_key(j, "required");
    jsonw_array_begin(j);
    for (const struct field *field = operation->fields; field->name; field++)
        if (field->is_required && !is_in_path(operation, field))
            jsonw_str(j, field->name);
    jsonw_array_end(j);
    jsonw_key(j, "properties");
    jsonw_object_begin(j);
    for (const struct field *field = operation->fields; field->name; field++) {
        if (is_in_path(operation, field))
            continue;
        jsonw_key(j, field->name);
        write_field_schema(j, field);
    }
    jsonw_object_end(j);
    jsonw_object_end(j);
    jsonw_object_end(j);
    jsonw_object_end(j);
    jsonw_object_end(j);
}

static void write_responses(struct jsonw *j, const struct operation *operation)
{
    char status[8];

    (void)snprintf(status, sizeof(status), "%d", operation->status); /* fits */
    jsonw_key(j, "responses");
    jsonw_object_begin(j);
    jsonw_key(j, status);
    jsonw_object_begin(j);
    jsonw_member_str(j, "description", "Done.");
    write_content(j, "application/json", operation->result);
    jsonw_object_end(j);
    jsonw_key(j, "default");
    jsonw_object_begin(j);
    jsonw_member_str(j, "description", "Refused; `code` is stable, `detail` is for people.");
    write_content(j, "application/problem+json", "Problem");
    jsonw_object_end(j);
    jsonw_object_end(j);
}

/* Nothing, or a bearer key; the first choice of WHO_PUBLIC is nothing. */
static void write_security(struct jsonw *j, const struct operation *operation)
{
    jsonw_key(j, "security");
    jsonw_array_begin(j);
    if (operation->who == WHO_PUBLIC) {
        jsonw_object_begin(j);
        jsonw_object_end(j);
    }
    jsonw_object_begin(j);
    jsonw_key(j, operation->who == WHO_ADMIN ? "adminKey" : "streamKey");
    jsonw_array_begin(j);
    jsonw_array_end(j);
    jsonw_object_end(j);
    jsonw_array_end(j);
}

static void write_operation(struct jsonw *j, const struct operation *operation)
{
    static const struct {
        const char *method;
        const char *key;
    } keys[] = {{"GET", "get"}, {"POST", "post"}, {"DELETE", "delete"}};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (text_equal(text_of(keys[i].method), text_of(operation->method)))
            jsonw_key(j, keys[i].key);
    jsonw_object_begin(j);
    jsonw_member_str(j, "operationId", operation->name);
    jsonw_member_str(j, "summary", operation->summary);
    write_security(j, operation);
    write_parameters(j, operation);
    if (has_body(operation))
        write_body(j, operation);
    write_responses(j, operation);
    jsonw_object_end(j);
}

static bool is_first_of_path(size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (text_equal(text_of(operations[i].path), text_of(operations[index].path)))
            return false;
    return true;
}

static void write_paths(struct jsonw *j)
{
    jsonw_key(j, "paths");
    jsonw_object_begin(j);
    for (size_t i = 0; i < operation_count; i++) {
        if (!is_first_of_path(i))
            continue;
        jsonw_key(j, operations[i].path);
        jsonw_object_begin(j);
        for (size_t k = i; k < operation_count; k++)
            if (text_equal(text_of(operations[k].path), text_of(operations[i].path)))
                write_operation(j, &operations[k]);
        jsonw_object_end(j);
    }
    jsonw_object_end(j);
}

static const char *type_name(enum schema_type type)
{
    static const char *const names[] = {
        [SCHEMA_TEXT] = "string",   [SCHEMA_TIME] = "string",     [SCHEMA_INTEGER] = "integer",
        [SCHEMA_NUMBER] = "number", [SCHEMA_BOOLEAN] = "boolean", [SCHEMA_OBJECT] = "object",
        [SCHEMA_ARRAY] = "array",
    };

    return names[type];
}

static void write_member_schema(struct jsonw *j, const struct schema_member *member)
{
    if (member->type == SCHEMA_OBJECT) {
        write_ref(j, member->ref);
        return;
    }
    jsonw_object_begin(j);
    jsonw_key(j, "type");
    if (member->is_nullable) {
        jsonw_array_begin(j);
        jsonw_str(j, type_name(member->type));
        jsonw_str(j, "null");
        jsonw_array_end(j);
    } else {
        jsonw_str(j, type_name(member->type));
    }
    if (member->type == SCHEMA_TIME)
        jsonw_member_str(j, "format", "date-time");
    if (member->type == SCHEMA_ARRAY) {
        jsonw_key(j, "items");
        write_ref(j, member->ref);
    }
    jsonw_object_end(j);
}

static void write_schema(struct jsonw *j, const struct schema *schema)
{
    jsonw_key(j, schema->name);
    jsonw_object_begin(j);
    jsonw_member_str(j, "type", "object");
    jsonw_key(j, "required");
    jsonw_array_begin(j);
    for (const struct schema_member *member = schema->members; member->name; member++)
        if (!member->is_optional)
            jsonw_str(j, member->name);
    jsonw_array_end(j);
    jsonw_key(j, "properties");
    jsonw_object_begin(j);
    for (const struct schema_member *member = schema->members; member->name; member++) {
        jsonw_key(j, member->name);
        write_member_schema(j, member);
    }
    jsonw_object_end(j);
    jsonw_object_end(j);
}

static void write_bearer(struct jsonw *j, const char *key, const char *description)
{
    jsonw_key(j, key);
    jsonw_object_begin(j);
    jsonw_member_str(j, "type", "http");
    jsonw_member_str(j, "scheme", "bearer");
    jsonw_member_str(j, "description", description);
    jsonw_object_end(j);
}

void openapi_write(struct writer *w)
{
    struct jsonw jsonw = jsonw_of(w);
    struct jsonw *j = &jsonw;

    jsonw_object_begin(j);
    jsonw_member_str(j, "openapi", "3.1.0");
    jsonw_key(j, "info");
    jsonw_object_begin(j);
    jsonw_member_str(j, "title", "Stoa");
    jsonw_member_str(j, "version", STOA_VERSION);
    jsonw_object_end(j);
    jsonw_key(j, "servers");
    jsonw_array_begin(j);
    jsonw_object_begin(j);
    jsonw_member_str(j, "url", "/api/v1");
    jsonw_object_end(j);
    jsonw_array_end(j);
    write_paths(j);
    jsonw_key(j, "components");
    jsonw_object_begin(j);
    jsonw_key(j, "securitySchemes");
    jsonw_object_begin(j);
    write_bearer(j, "adminKey", "The admin key.");
    write_bearer(j, "streamKey", "The channel's stream key, or the admin key.");
    jsonw_object_end(j);
    jsonw_key(j, "schemas");
    jsonw_object_begin(j);
    for (size_t i = 0; i < schema_count; i++)
        write_schema(j, &schemas[i]);
    jsonw_object_end(j);
    jsonw_object_end(j);
    jsonw_object_end(j);
}
