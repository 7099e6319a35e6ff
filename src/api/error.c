#include "api/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/jsonw.h"

static const struct {
    const char *code;
    const char *trpc_key;
    int status;
    int trpc_number;
} rows[API_CODE_END] = {[API_OK] = {"ok", "OK", 200, 0},
#define CODE_ROW(code, rest, status, trpc, number) [code] = {rest, trpc, status, number},
                        API_CODE_TABLE(CODE_ROW)
#undef CODE_ROW
};

bool api_fail(struct api_error *error, enum api_code code, const char *format, ...)
{
    error->code = code;

    va_list args;
    va_start(args, format);
    (void)vsnprintf(error->message, sizeof(error->message), format, args); /* cut to fit */
    va_end(args);
    return false;
}

bool api_fail_field(struct api_error *error, const char *field, const char *what)
{
    (void)snprintf(error->field, sizeof(error->field), "%s", field); /* cut to fit */
    return api_fail(error, API_INVALID_INPUT, "%s: %s", error->field, what);
}

enum api_code api_code_find(const char *name)
{
    for (enum api_code code = API_OK + 1; code < API_CODE_END; code++)
        if (strcmp(rows[code].code, name) == 0)
            return code;
    return API_OK;
}

const char *api_code_name(enum api_code code)
{
    return rows[code].code;
}

int api_retry_after_s(int64_t wait_us)
{
    return (int)((wait_us + US_PER_S - 1) / US_PER_S);
}

/* "displayName: it has 1 to 100 bytes." */
static void find_field(struct api_error *error)
{
    size_t len = strcspn(error->message, ": ");

    if (len == 0 || len > API_FIELD_NAME_LEN_MAX || error->message[len] != ':')
        return;
    (void)snprintf(error->field, sizeof(error->field), "%.*s", (int)len, error->message); /* fits */
}

bool api_fail_err(struct api_error *error, enum err err, const struct diag *diag)
{
    static const struct {
        enum err err;
        enum api_code code;
    } codes[] = {
        {ERR_NOT_FOUND, API_NOT_FOUND},      {ERR_CONFLICT, API_CONFLICT},
        {ERR_INVALID, API_INVALID_INPUT},    {ERR_LIMIT, API_LIMIT_REACHED},
        {ERR_DENIED, API_FORBIDDEN},         {ERR_AGAIN, API_BUSY},
        {ERR_UNSUPPORTED, API_PRECONDITION},
    };
    enum api_code code = API_INTERNAL;

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].err == err)
            code = codes[i].code;
    (void)api_fail(error, code, "%s", diag->message); /* always false */
    if (code == API_INVALID_INPUT)
        find_field(error);
    return false;
}

int api_code_status(enum api_code code)
{
    return rows[code].status;
}

/* The phrase of the status (RFC 9110), which RFC 9457 wants as title of about:blank. */
static const char *status_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
    };

    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Internal Server Error";
}

/* The sentence without the name that it begins with: it stands beside it. */
static const char *message_of_field(const struct api_error *error)
{
    size_t len = strlen(error->field);
    bool is_named = strncmp(error->message, error->field, len) == 0 &&
                    strncmp(error->message + len, ": ", 2) == 0;

    return is_named ? error->message + len + 2 : error->message;
}

static void write_fields(struct jsonw *j, const struct api_error *error)
{
    jsonw_key(j, "errors");
    jsonw_array_begin(j);
    jsonw_object_begin(j);
    jsonw_member_str(j, "field", error->field);
    jsonw_member_str(j, "message", message_of_field(error));
    jsonw_object_end(j);
    jsonw_array_end(j);
}

void api_write_problem(struct jsonw *j, const struct api_error *error)
{
    int status = rows[error->code].status;

    jsonw_object_begin(j);
    jsonw_member_str(j, "type", "about:blank");
    jsonw_member_str(j, "title", status_phrase(status));
    jsonw_member_i64(j, "status", status);
    jsonw_member_str(j, "code", rows[error->code].code);
    jsonw_member_str(j, "detail", error->message);
    if (*error->field)
        write_fields(j, error);
    jsonw_object_end(j);
}

void api_write_trpc_error(struct jsonw *j, const struct api_error *error, struct text path)
{
    jsonw_object_begin(j);
    jsonw_key(j, "error");
    jsonw_object_begin(j);
    jsonw_member_str(j, "message", error->message);
    jsonw_member_i64(j, "code", rows[error->code].trpc_number);
    jsonw_key(j, "data");
    jsonw_object_begin(j);
    jsonw_member_str(j, "code", rows[error->code].trpc_key);
    jsonw_member_i64(j, "httpStatus", rows[error->code].status);
    if (path.ptr)
        jsonw_member_text(j, "path", path);
    jsonw_member_str(j, "problem", rows[error->code].code);
    if (*error->field)
        write_fields(j, error);
    jsonw_object_end(j);
    jsonw_object_end(j);
    jsonw_object_end(j);
}

static struct api_header *header_of(struct api_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->header_count; i++)
        if (strcmp(answer->headers[i].name, name) == 0)
            return &answer->headers[i];
    assert(answer->header_count < API_HEADERS_MAX); /* fewer names are used in all */
    return &answer->headers[answer->header_count++];
}

void api_set_header(struct api_answer *answer, const char *name, struct text value)
{
    struct api_header *header = header_of(answer, name);

    header->name = name;
    (void)snprintf(header->value, sizeof(header->value), "%.*s", TEXT_ARG(value)); /* cut to fit */
}

void api_add_error_headers(struct api_answer *answer, const struct api_error *error)
{
    if (rows[error->code].status == 401)
        api_set_header(answer, "www-authenticate", TEXT("Bearer realm=\"stoa\""));
    if (error->retry_after_s > 0) {
        char seconds[16];

        (void)snprintf(seconds, sizeof(seconds), "%d", error->retry_after_s); /* fits */
        api_set_header(answer, "retry-after", text_of(seconds));
    }
}
