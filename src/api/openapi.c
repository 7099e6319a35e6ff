/*
 * openapi - the operation table and the schemas as an OpenAPI 3.1 document.
 */
#include <stdio.h>

#include "api/exchange.h"
#include "api/idempotency.h"
#include "api/schema.h"
#include "base/jsonw.h"

/* ---- small things ---- */

static void write_ref(struct jsonw *j, const char *kind, const char *name)
{
    char ref[96];

    (void)snprintf(ref, sizeof(ref), "#/components/%s/%s", kind, name); /* fits */
    jsonw_object_begin(j);
    jsonw_member_str(j, "$ref", ref);
    jsonw_object_end(j);
}

static void begin_object(struct jsonw *j, const char *key)
{
    jsonw_key(j, key);
    jsonw_object_begin(j);
}

static void begin_array(struct jsonw *j, const char *key)
{
    jsonw_key(j, key);
    jsonw_array_begin(j);
}

static void write_words(struct jsonw *j, const char *words, bool with_null)
{
    struct text rest = text_of(words);

    begin_array(j, "enum");
    while (rest.len != 0)
        jsonw_text(j, text_cut(&rest, ' '));
    if (with_null)
        jsonw_null(j);
    jsonw_array_end(j);
}

/* "type": "string", or "type": ["string", "null"] */
static void write_type(struct jsonw *j, const char *type, bool is_nullable)
{
    if (!is_nullable) {
        jsonw_member_str(j, "type", type);
        return;
    }
    begin_array(j, "type");
    jsonw_str(j, type);
    jsonw_str(j, "null");
    jsonw_array_end(j);
}

/* "content": {"<type>": {"schema": {"$ref": ...}}} */
static void write_content(struct jsonw *j, const char *type, const char *schema)
{
    begin_object(j, "content");
    begin_object(j, type);
    jsonw_key(j, "schema");
    write_ref(j, "schemas", schema);
    jsonw_object_end(j);
    jsonw_object_end(j);
}

/* ---- inputs ---- */

static const char *field_type_name(enum field_type type)
{
    static const char *const names[] = {
        [FIELD_TEXT] = "string", [FIELD_INTEGER] = "integer", [FIELD_BOOLEAN] = "boolean",
        [FIELD_WORD] = "string", [FIELD_WORDS] = "array",     [FIELD_TIME] = "string",
        [FIELD_UUID] = "string", [FIELD_CURSOR] = "string",
    };

    return names[type];
}

static void write_constraints(struct jsonw *j, const struct field *field)
{
    bool is_nullable = field->flags & FIELD_NULLABLE;

    switch (field->type) {
    case FIELD_TEXT: /* ours count bytes, those of JSON Schema characters: the upper bound holds */
        jsonw_member_i64(j, "minLength", field->min > 0);
        jsonw_member_i64(j, "maxLength", field->max);
        break;
    case FIELD_CURSOR:
        jsonw_member_i64(j, "maxLength", field->max);
        break;
    case FIELD_INTEGER:
        jsonw_member_i64(j, "minimum", field->min);
        jsonw_member_i64(j, "maximum", field->max);
        break;
    case FIELD_WORD:
        write_words(j, field->words, is_nullable);
        break;
    case FIELD_WORDS:
        jsonw_member_i64(j, "minItems", field->min);
        jsonw_member_i64(j, "maxItems", field->max);
        jsonw_member_bool(j, "uniqueItems", true);
        begin_object(j, "items");
        jsonw_member_str(j, "type", "string");
        write_words(j, field->words, false);
        jsonw_object_end(j);
        break;
    case FIELD_TIME:
        jsonw_member_str(j, "format", "date-time");
        break;
    case FIELD_UUID:
        jsonw_member_str(j, "format", "uuid");
        break;
    case FIELD_BOOLEAN:
        break;
    }
    if (field->flags & FIELD_SECRET)
        jsonw_member_str(j, "format", "password");
}

static void write_field_schema(struct jsonw *j, const struct field *field)
{
    jsonw_object_begin(j);
    write_type(j, field_type_name(field->type), field->flags & FIELD_NULLABLE);
    write_constraints(j, field);
    jsonw_member_str(j, "description", field->help);
    jsonw_object_end(j);
}

static void write_example(struct jsonw *j, const struct field *field)
{
    if (!field->example)
        return;
    jsonw_key(j, "example");
    jsonw_raw(j, text_of(field->example));
}

static void write_parameter(struct jsonw *j, const struct field *field, bool is_path)
{
    jsonw_object_begin(j);
    jsonw_member_str(j, "name", field->name);
    jsonw_member_str(j, "in", is_path ? "path" : "query");
    jsonw_member_bool(j, "required", (field->flags & FIELD_REQUIRED) != 0);
    jsonw_key(j, "schema");
    write_field_schema(j, field);
    if (field->type == FIELD_WORDS) { /* read,publish */
        jsonw_member_str(j, "style", "form");
        jsonw_member_bool(j, "explode", false);
    }
    write_example(j, field);
    jsonw_object_end(j);
}

static bool needs_csrf(const struct operation *operation)
{
    return operation->kind == OPERATION_MUTATION && !(operation->flags & OPERATION_NO_CSRF);
}

static void write_parameters(struct jsonw *j, const struct operation *operation)
{
    begin_array(j, "parameters");
    for (const struct field *field = operation->fields; field->name; field++) {
        bool is_path = operation_field_is_in_path(operation, field);

        if (is_path || operation->kind != OPERATION_MUTATION) /* else it is in the body */
            write_parameter(j, field, is_path);
    }
    if (needs_csrf(operation))
        write_ref(j, "parameters", "CsrfToken");
    if (operation->flags & OPERATION_CREATES)
        write_ref(j, "parameters", "IdempotencyKey");
    jsonw_array_end(j);
}

static bool is_in_body(const struct operation *operation, const struct field *field)
{
    return operation->kind == OPERATION_MUTATION && !operation_field_is_in_path(operation, field);
}

/* How many fields of the body have one of these flags; 0: any. */
static size_t count_body(const struct operation *operation, unsigned flags)
{
    size_t count = 0;

    for (const struct field *field = operation->fields; field->name; field++)
        count += is_in_body(operation, field) && (flags == 0 || (field->flags & flags));
    return count;
}

static void write_body_schema(struct jsonw *j, const struct operation *operation)
{
    begin_object(j, "schema");
    jsonw_member_str(j, "type", "object");
    jsonw_member_bool(j, "additionalProperties", false);
    begin_array(j, "required");
    for (const struct field *field = operation->fields; field->name; field++)
        if ((field->flags & FIELD_REQUIRED) && is_in_body(operation, field))
            jsonw_str(j, field->name);
    jsonw_array_end(j);
    begin_object(j, "properties");
    for (const struct field *field = operation->fields; field->name; field++) {
        if (!is_in_body(operation, field))
            continue;
        jsonw_key(j, field->name);
        write_field_schema(j, field);
    }
    jsonw_object_end(j);
    jsonw_object_end(j);
}

static void write_body(struct jsonw *j, const struct operation *operation)
{
    begin_object(j, "requestBody");
    jsonw_member_bool(j, "required", count_body(operation, FIELD_REQUIRED) != 0);
    begin_object(j, "content");
    begin_object(j, "application/json");
    write_body_schema(j, operation);
    begin_object(j, "example");
    for (const struct field *field = operation->fields; field->name; field++) {
        if (!is_in_body(operation, field) || !field->example)
            continue;
        jsonw_key(j, field->name);
        jsonw_raw(j, text_of(field->example));
    }
    jsonw_object_end(j);
    jsonw_object_end(j);
    jsonw_object_end(j);
    jsonw_object_end(j);
}

/* ---- answers ---- */

/* The refusals that an operation can answer with, by what its row says. */
static void write_refusals(struct jsonw *j, const struct operation *operation)
{
    bool is_public = operation->who == WHO_ANYBODY;
    bool is_mutation = operation->kind == OPERATION_MUTATION;
    const struct {
        const char *status;
        bool is_possible;
    } refusals[] = {
        {"400", operation->fields[0].name != NULL},
        {"401", true}, /* wrong credentials are refused everywhere */
        {"403", !is_public || is_mutation},
        {"404", operation->path && strchr(operation->path, '{')},
        {"409", is_mutation},
        {"422", operation->flags & OPERATION_CREATES},
        {"429", true},
        {"503", true},
    };

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (!refusals[i].is_possible)
            continue;
        jsonw_key(j, refusals[i].status);
        write_ref(j, "responses", "Problem");
    }
}

static void write_responses(struct jsonw *j, const struct operation *operation)
{
    bool is_stream = operation->kind == OPERATION_SUBSCRIPTION;
    char status[8];

    (void)snprintf(status, sizeof(status), "%d", operation->status); /* fits */
    begin_object(j, "responses");
    begin_object(j, status);
    jsonw_member_str(j, "description", is_stream ? "Events, each with such a status." : "Done.");
    write_content(j, is_stream ? "text/event-stream" : "application/json", operation->result);
    jsonw_object_end(j);
    write_refusals(j, operation);
    jsonw_key(j, "default");
    write_ref(j, "responses", "Problem");
    jsonw_object_end(j);
}

/* ---- operations ---- */

static void write_scheme(struct jsonw *j, const char *name)
{
    jsonw_object_begin(j);
    begin_array(j, name);
    jsonw_array_end(j);
    jsonw_object_end(j);
}

/* Each of them is enough; nothing is enough where anybody may call. */
static void write_security(struct jsonw *j, const struct operation *operation)
{
    begin_array(j, "security");
    if (operation->who == WHO_ANYBODY) {
        jsonw_object_begin(j);
        jsonw_object_end(j);
    }
    if (operation->who != WHO_SESSION)
        write_scheme(j, "bearer");
    write_scheme(j, "session");
    jsonw_array_end(j);
}

static const char *who_words(enum operation_who who)
{
    static const char *const words[] = {
        [WHO_ANYBODY] = "Anybody.",
        [WHO_SESSION] = "A signed-in browser.",
        [WHO_SELF] = "A session, a JWT, or a key of an admin.",
        [WHO_PERSON] = "A session, a JWT, an API key or the admin key.",
        [WHO_OWNER] = "The channel's owner, or an admin.",
        [WHO_HOST] = "The channel's owner, who has a key of the channel, or an admin.",
        [WHO_ADMIN] = "An admin.",
    };

    return words[who];
}

static void write_description(struct jsonw *j, const struct operation *operation)
{
    char words[160];
    const char *scope = operation->scope ? account_scope_word(operation->scope) : NULL;

    (void)snprintf(words, sizeof(words), "%s%s%s%s", who_words(operation->who),
                   scope ? " An API key needs the scope " : "", scope ? scope : "",
                   scope ? "." : ""); /* fits */
    jsonw_member_str(j, "description", words);
}

/* "channel.list" -> "channel" */
static void write_tag(struct jsonw *j, const struct operation *operation)
{
    struct text name = text_of(operation->name);

    begin_array(j, "tags");
    jsonw_text(j, text_cut(&name, '.'));
    jsonw_array_end(j);
}

static void write_operation(struct jsonw *j, const struct operation *operation)
{
    static const struct {
        const char *method;
        const char *key;
    } keys[] = {{"GET", "get"}, {"POST", "post"}, {"PATCH", "patch"}, {"DELETE", "delete"}};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (text_equal(text_of(keys[i].method), text_of(operation->method)))
            jsonw_key(j, keys[i].key);
    jsonw_object_begin(j);
    jsonw_member_str(j, "operationId", operation->name);
    write_tag(j, operation);
    jsonw_member_str(j, "summary", operation->summary);
    write_description(j, operation);
    write_security(j, operation);
    write_parameters(j, operation);
    if (count_body(operation, 0) != 0)
        write_body(j, operation);
    write_responses(j, operation);
    jsonw_object_end(j);
}

static bool is_at_path(const struct operation *operation, const char *path)
{
    return operation->method && text_equal(text_of(operation->path), text_of(path));
}

static bool is_first_of_path(size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (is_at_path(operation_at(i), operation_at(index)->path))
            return false;
    return operation_at(index)->method != NULL;
}

static void write_paths(struct jsonw *j)
{
    size_t count = operation_count();

    begin_object(j, "paths");
    for (size_t i = 0; i < count; i++) {
        if (!is_first_of_path(i))
            continue;
        begin_object(j, operation_at(i)->path);
        for (size_t k = i; k < count; k++)
            if (is_at_path(operation_at(k), operation_at(i)->path))
                write_operation(j, operation_at(k));
        jsonw_object_end(j);
    }
    jsonw_object_end(j);
}

/* ---- components ---- */

static const char *type_name(enum schema_type type)
{
    static const char *const names[] = {
        [SCHEMA_TEXT] = "string",   [SCHEMA_TIME] = "string",     [SCHEMA_INTEGER] = "integer",
        [SCHEMA_NUMBER] = "number", [SCHEMA_BOOLEAN] = "boolean", [SCHEMA_TEXTS] = "array",
        [SCHEMA_OBJECT] = "object", [SCHEMA_ARRAY] = "array",     [SCHEMA_JSON] = "object",
    };

    return names[type];
}

static void write_object_or_null(struct jsonw *j, const char *ref)
{
    jsonw_object_begin(j);
    begin_array(j, "anyOf");
    write_ref(j, "schemas", ref);
    jsonw_object_begin(j);
    jsonw_member_str(j, "type", "null");
    jsonw_object_end(j);
    jsonw_array_end(j);
    jsonw_object_end(j);
}

static void write_member_schema(struct jsonw *j, const struct schema_member *member)
{
    if (member->type == SCHEMA_OBJECT && !member->is_nullable) {
        write_ref(j, "schemas", member->ref);
        return;
    }
    if (member->type == SCHEMA_OBJECT) {
        write_object_or_null(j, member->ref);
        return;
    }
    jsonw_object_begin(j);
    write_type(j, type_name(member->type), member->is_nullable);
    if (member->type == SCHEMA_TIME)
        jsonw_member_str(j, "format", "date-time");
    if (member->type == SCHEMA_TEXT && member->words)
        write_words(j, member->words, member->is_nullable);
    if (member->type == SCHEMA_ARRAY) {
        jsonw_key(j, "items");
        write_ref(j, "schemas", member->ref);
    } else if (member->type == SCHEMA_TEXTS) {
        begin_object(j, "items");
        jsonw_member_str(j, "type", "string");
        if (member->words)
            write_words(j, member->words, false);
        jsonw_object_end(j);
    }
    jsonw_object_end(j);
}

static void write_schema(struct jsonw *j, const struct schema *schema)
{
    begin_object(j, schema->name);
    jsonw_member_str(j, "type", "object");
    begin_array(j, "required");
    for (const struct schema_member *member = schema->members; member->name; member++)
        if (!member->is_optional)
            jsonw_str(j, member->name);
    jsonw_array_end(j);
    begin_object(j, "properties");
    for (const struct schema_member *member = schema->members; member->name; member++) {
        jsonw_key(j, member->name);
        write_member_schema(j, member);
    }
    jsonw_object_end(j);
    jsonw_object_end(j);
}

static void write_schemas(struct jsonw *j)
{
    begin_object(j, "schemas");
    for (size_t i = 0; i < schema_count; i++)
        write_schema(j, &schemas[i]);
    jsonw_object_end(j);
}

static void write_security_schemes(struct jsonw *j)
{
    begin_object(j, "securitySchemes");
    begin_object(j, "bearer");
    jsonw_member_str(j, "type", "http");
    jsonw_member_str(j, "scheme", "bearer");
    jsonw_member_str(j, "description",
                     "An API key, the admin key, a JSON Web Token of the shop, a channel's stream "
                     "key or a publish token.");
    jsonw_object_end(j);
    begin_object(j, "session");
    jsonw_member_str(j, "type", "apiKey");
    jsonw_member_str(j, "in", "cookie");
    jsonw_member_str(j, "name", ACCOUNT_COOKIE_NAME);
    jsonw_member_str(j, "description",
                     "Set by auth.signIn. Changes need the header X-CSRF-Token too.");
    jsonw_object_end(j);
    jsonw_object_end(j);
}

static void write_header_parameter(struct jsonw *j, const char *key, const char *name,
                                   const char *description, int64_t len_min, int64_t len_max)
{
    begin_object(j, key);
    jsonw_member_str(j, "name", name);
    jsonw_member_str(j, "in", "header");
    jsonw_member_bool(j, "required", false);
    jsonw_member_str(j, "description", description);
    begin_object(j, "schema");
    jsonw_member_str(j, "type", "string");
    jsonw_member_i64(j, "minLength", len_min);
    jsonw_member_i64(j, "maxLength", len_max);
    jsonw_object_end(j);
    jsonw_object_end(j);
}

static void write_shared_parameters(struct jsonw *j)
{
    begin_object(j, "parameters");
    write_header_parameter(j, "CsrfToken", "X-CSRF-Token",
                           "For callers with a session: its csrfToken (auth.signIn, auth.me).",
                           ACCOUNT_CSRF_TOKEN_LEN, ACCOUNT_CSRF_TOKEN_LEN);
    write_header_parameter(j, "IdempotencyKey", "Idempotency-Key",
                           "Drawn by the client, a UUID: the same key and input within a day make "
                           "one thing and give the same answer.",
                           IDEMPOTENCY_KEY_LEN_MIN, IDEMPOTENCY_KEY_LEN_MAX);
    jsonw_object_end(j);
}

/* An answer as people see one: what a wrong field gives. */
static void write_shared_responses(struct jsonw *j)
{
    const struct api_error example = {
        .code = API_INVALID_INPUT,
        .message = "title: must have 1 to 200 bytes",
        .field = "title",
    };

    begin_object(j, "responses");
    begin_object(j, "Problem");
    jsonw_member_str(j, "description",
                     "Refused (RFC 9457): `code` is stable, `detail` is for people, `errors` names "
                     "the fields.");
    begin_object(j, "content");
    begin_object(j, "application/problem+json");
    jsonw_key(j, "schema");
    write_ref(j, "schemas", "Problem");
    jsonw_key(j, "example");
    api_write_problem(j, &example);
    jsonw_object_end(j);
    jsonw_object_end(j);
    jsonw_object_end(j);
    jsonw_object_end(j);
}

void openapi_write(struct writer *w)
{
    struct jsonw jsonw = jsonw_of(w);
    struct jsonw *j = &jsonw;

    jsonw_object_begin(j);
    jsonw_member_str(j, "openapi", "3.1.0");
    begin_object(j, "info");
    jsonw_member_str(j, "title", "Stoa");
    jsonw_member_str(j, "version", STOA_VERSION);
    jsonw_member_str(j, "summary", "Live channels: WebRTC and RTMP in, low-latency HLS out.");
    begin_object(j, "license");
    jsonw_member_str(j, "name", "Apache-2.0");
    jsonw_member_str(j, "identifier", "Apache-2.0");
    jsonw_object_end(j);
    jsonw_object_end(j);
    begin_array(j, "servers");
    jsonw_object_begin(j);
    jsonw_member_str(j, "url", "/api/v1");
    jsonw_object_end(j);
    jsonw_array_end(j);
    write_paths(j);
    begin_object(j, "components");
    write_security_schemes(j);
    write_shared_parameters(j);
    write_shared_responses(j);
    write_schemas(j);
    jsonw_object_end(j);
    jsonw_object_end(j);
}
