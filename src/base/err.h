/*
 * err - the one error type of the program.
 *
 * A code tells the caller what to *do* (wait, close, refuse, report); what happened in detail goes
 * to the log or into a `struct diag`. Bugs are asserts and never a code. The table below is the
 * only list: enum, name and HTTP status come from it.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

#define MUST_USE __attribute__((warn_unused_result))
/* For a result that does not matter, with a comment why: gcc warns about a cast to void. */
#define IGNORE_ERR(call)                                                                           \
    do {                                                                                           \
        enum err ignored_err = (call);                                                             \
        (void)ignored_err;                                                                         \
    } while (0)
#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

/*    code             name           HTTP   what the caller does */
#define ERR_TABLE(X)                                                                               \
    X(OK, "ok", 200)                       /* go on */                                             \
    X(ERR_AGAIN, "again", 503)             /* wait for more input or room, then call again */      \
    X(ERR_CLOSED, "closed", 499)           /* the peer is gone: release */                         \
    X(ERR_TIMEOUT, "timeout", 504)         /* a deadline passed: release */                        \
    X(ERR_MALFORMED, "malformed", 400)     /* the peer broke the protocol: refuse or close */      \
    X(ERR_UNSUPPORTED, "unsupported", 422) /* well formed, but not for us: refuse with reason */   \
    X(ERR_DENIED, "denied", 403)           /* not allowed: refuse */                               \
    X(ERR_LIMIT, "limit", 429)             /* the peer wants more than it may: refuse or close */  \
    X(ERR_NOT_FOUND, "not_found", 404)     /* no such thing */                                     \
    X(ERR_CONFLICT, "conflict", 409)       /* the state of the thing forbids it */                 \
    X(ERR_INVALID, "invalid", 400)         /* an argument of the caller is out of range */         \
    X(ERR_IO, "io", 500)                   /* the operating system refused: report, retry */       \
    X(ERR_OVERRUN, "overrun", 503)         /* the reader fell behind: seek and go on */

enum err {
#define ERR_ENUM(code, name, status) code,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
        ERR_COUNT
};

/* The name of a code, for logs ("not_found"). Never NULL. */
const char *err_name(enum err err);

/* The HTTP status that fits a code best. */
int err_http_status(enum err err);

/* A sentence for a person, filled by the function that knows it. `line` and `column` count from 1;
 * 0 means that the place is not known. A zeroed diag is empty. */
struct diag {
    char message[240];
    int line;
    int column;
};

/* Writes the sentence, cut to fit. A NULL diag is allowed: the caller did not want it. */
void diag_set(struct diag *diag, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
