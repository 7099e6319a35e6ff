/*
 * error - the refusals of the API: one table gives the stable code of REST, the HTTP status and the
 * words and numbers of tRPC. Private to api/.
 */
#ifndef API_ERROR_H
#define API_ERROR_H

#include <stdbool.h>

#include "api/api.h"
#include "base/err.h"

struct jsonw;

/*    code                     REST                     HTTP  tRPC                      JSON-RPC */
#define API_CODE_TABLE(X)                                                                          \
    X(API_INVALID_INPUT, "invalid_input", 400, "BAD_REQUEST", -32600)                              \
    X(API_MALFORMED_JSON, "malformed_json", 400, "BAD_REQUEST", -32600)                            \
    X(API_UNAUTHORIZED, "unauthorized", 401, "UNAUTHORIZED", -32001)                               \
    X(API_SESSION_EXPIRED, "session_expired", 401, "UNAUTHORIZED", -32001)                         \
    X(API_FORBIDDEN, "forbidden", 403, "FORBIDDEN", -32003)                                        \
    X(API_CSRF_FAILED, "csrf_failed", 403, "FORBIDDEN", -32003)                                    \
    X(API_ACCOUNT_DISABLED, "account_disabled", 403, "FORBIDDEN", -32003)                          \
    X(API_NOT_FOUND, "not_found", 404, "NOT_FOUND", -32004)                                        \
    X(API_METHOD_NOT_ALLOWED, "method_not_allowed", 405, "METHOD_NOT_SUPPORTED", -32005)           \
    X(API_CONFLICT, "conflict", 409, "CONFLICT", -32009)                                           \
    X(API_IN_PROGRESS, "in_progress", 409, "CONFLICT", -32009)                                     \
    X(API_PRECONDITION, "precondition", 412, "PRECONDITION_FAILED", -32012)                        \
    X(API_TOO_LARGE, "payload_too_large", 413, "PAYLOAD_TOO_LARGE", -32013)                        \
    X(API_MEDIA_TYPE, "unsupported_media_type", 415, "UNSUPPORTED_MEDIA_TYPE", -32015)             \
    X(API_IDEMPOTENCY_CONFLICT, "idempotency_conflict", 422, "UNPROCESSABLE_CONTENT", -32022)      \
    X(API_TOO_MANY_REQUESTS, "too_many_requests", 429, "TOO_MANY_REQUESTS", -32029)                \
    X(API_LIMIT_REACHED, "limit_reached", 429, "TOO_MANY_REQUESTS", -32029)                        \
    X(API_INTERNAL, "internal", 500, "INTERNAL_SERVER_ERROR", -32603)                              \
    X(API_NOT_SUPPORTED, "not_supported", 501, "NOT_IMPLEMENTED", -32603)                          \
    X(API_BUSY, "busy", 503, "SERVICE_UNAVAILABLE", -32603)                                        \
    X(API_NOT_STORED, "not_stored", 503, "SERVICE_UNAVAILABLE", -32603)

enum api_code {
    API_OK,
#define API_CODE_ENUM(code, rest, status, trpc, number) code,
    API_CODE_TABLE(API_CODE_ENUM)
#undef API_CODE_ENUM
        API_CODE_END
};

enum { API_FIELD_NAME_LEN_MAX = 63 };

/* Why a call was refused. Zeroed: it was not. */
struct api_error {
    enum api_code code;
    char message[sizeof(((struct diag *)0)->message)];
    char field[API_FIELD_NAME_LEN_MAX + 1]; /* the input that is wrong; "": none in particular */
    int retry_after_s;                      /* 0: not known */
};

/* API_OK: no code has this name. */
enum api_code api_code_find(const char *name);
const char *api_code_name(enum api_code code);

/* Fills the error and returns false, so that `return api_fail(...)` reads well. */
bool api_fail(struct api_error *error, enum api_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The same for an input field. */
bool api_fail_field(struct api_error *error, const char *field, const char *what);

/* The same for what the domain refused. A sentence that begins with a name and a colon is about
 * that field. */
bool api_fail_err(struct api_error *error, enum err err, const struct diag *diag);

/* Seconds, rounded up, for Retry-After. */
int api_retry_after_s(int64_t wait_us);

int api_code_status(enum api_code code);

/* An RFC 9457 document. */
void api_write_problem(struct jsonw *j, const struct api_error *error);

/* {"error":{...}}; `path` is empty when no procedure was chosen. */
void api_write_trpc_error(struct jsonw *j, const struct api_error *error, struct text path);

/* The headers that belong to a refusal: www-authenticate, retry-after. */
void api_add_error_headers(struct api_answer *answer, const struct api_error *error);

/* Sets a header: one that has the name already is replaced, as in a batch whose calls each set the
 * cookie. The value is cut to fit. */
void api_set_header(struct api_answer *answer, const char *name, struct text value);

#endif
