#include "api/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

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

bool api_fail_err(struct api_error *error, enum err err, const struct diag *diag)
{
    static const struct {
        enum err err;
        enum api_code code;
    } codes[] = {
        {ERR_NOT_FOUND, API_NOT_FOUND},   {ERR_CONFLICT, API_CONFLICT},
        {ERR_INVALID, API_INVALID_INPUT}, {ERR_LIMIT, API_LIMIT_REACHED},
        {ERR_DENIED, API_FORBIDDEN},      {ERR_AGAIN, API_BUSY},
    };
    enum api_code code = API_INTERNAL;

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].err == err)
            code = codes[i].code;
    return api_fail(error, code, "%s", diag->message);
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
        {400, "Bad Request"},         {401, "Unauthorized"},           {403, "Forbidden"},
        {404, "Not Found"},           {405, "Method Not Allowed"},     {409, "Conflict"},
        {413, "Content Too Large"},   {415, "Unsupported Media Type"}, {429, "Too Many Requests"},
        {503, "Service Unavailable"},
    };

    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Internal Server Error";
}

static void write_pointer(struct jsonw *j, const struct api_error *error)
{
    char pointer[API_FIELD_NAME_LEN_MAX + 2];

    (void)snprintf(pointer, sizeof(pointer), "/%s", error->field);
    jsonw_key(j, "errors");
    jsonw_array_begin(j);
    jsonw_object_begin(j);
    jsonw_member_str(j, "detail", error->message);
    jsonw_member_str(j, "pointer", pointer);
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
        write_pointer(j, error);
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
    jsonw_object_end(j);
    jsonw_object_end(j);
    jsonw_object_end(j);
}

void api_add_header(struct api_answer *answer, const char *name, struct text value)
{
    assert(answer->header_count < API_HEADERS_MAX);
    struct api_header *header = &answer->headers[answer->header_count++];

    header->name = name;
    (void)snprintf(header->value, sizeof(header->value), "%.*s", TEXT_ARG(value)); /* cut to fit */
}

void api_add_error_headers(struct api_answer *answer, const struct api_error *error)
{
    if (error->code == API_UNAUTHORIZED)
        api_add_header(answer, "www-authenticate", TEXT("Bearer realm=\"stoa\""));
    if (error->retry_after_s > 0) {
        char seconds[16];

        (void)snprintf(seconds, sizeof(seconds), "%d", error->retry_after_s); /* fits */
        api_add_header(answer, "retry-after", text_of(seconds));
    }
}
