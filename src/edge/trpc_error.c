#include "edge/trpc_error.h"

#include "base/jsonw.h"

static const struct {
    const char *name;
    int number;
    int status;
} codes[] = {
#define TRPC_CODE_ROW(code, name, number, status) [code] = {name, number, status},
    TRPC_CODE_TABLE(TRPC_CODE_ROW)
#undef TRPC_CODE_ROW
};

void trpc_failure_write(struct writer *w, const struct trpc_failure *failure, struct text path)
{
    struct jsonw j = jsonw_of(w);

    jsonw_object_begin(&j);
    jsonw_member_str(&j, "message", failure->diag.message);
    jsonw_member_i64(&j, "code", codes[failure->code].number);
    jsonw_key(&j, "data");
    jsonw_object_begin(&j);
    jsonw_member_str(&j, "code", codes[failure->code].name);
    jsonw_member_i64(&j, "httpStatus", codes[failure->code].status);
    if (path.ptr)
        jsonw_member_text(&j, "path", path);
    jsonw_object_end(&j);
    jsonw_object_end(&j);
}

int trpc_code_status(enum trpc_code code)
{
    return codes[code].status;
}
