#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name;
    int http_status;
} rows[ERR_COUNT] = {
#define ERR_ROW(code, name, status) {name, status},
    ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

const char *err_name(enum err err)
{
    return (unsigned)err < ERR_COUNT ? rows[err].name : "unknown";
}

int err_http_status(enum err err)
{
    return (unsigned)err < ERR_COUNT ? rows[err].http_status : 500;
}

void diag_set(struct diag *diag, const char *format, ...)
{
    if (!diag)
        return;

    va_list args;
    va_start(args, format);
    (void)vsnprintf(diag->message, sizeof(diag->message), format, args); /* cutting is the intent */
    va_end(args);
}
