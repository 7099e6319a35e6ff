/*
 * trpc_error - the errors of tRPC that an edge itself answers. Private to edge/. (Those of queries
 * and mutations are the API's.)
 */
#ifndef EDGE_TRPC_ERROR_H
#define EDGE_TRPC_ERROR_H

#include "base/err.h"
#include "base/text.h"

struct writer;

/*    code                 name                 JSON-RPC  HTTP   a client of version 11 */
#define TRPC_CODE_TABLE(X)                                                                         \
    X(TRPC_PARSE_ERROR, "PARSE_ERROR", -32700, 400)                                                \
    X(TRPC_BAD_REQUEST, "BAD_REQUEST", -32600, 400)                                                \
    X(TRPC_NOT_FOUND, "NOT_FOUND", -32004, 404)                                                    \
    X(TRPC_TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", -32029, 429)                                    \
    X(TRPC_INTERNAL, "INTERNAL_SERVER_ERROR", -32603, 500)  /* subscribes again by itself */       \
    X(TRPC_UNAVAILABLE, "SERVICE_UNAVAILABLE", -32603, 503) /* the same */

enum trpc_code {
#define TRPC_CODE_ENUM(code, name, number, status) code,
    TRPC_CODE_NONE,
    TRPC_CODE_TABLE(TRPC_CODE_ENUM)
#undef TRPC_CODE_ENUM
        TRPC_CODE_END
};

struct trpc_failure {
    enum trpc_code code;
    struct diag diag; /* the sentence */
};

/* {"message","code","data":{"code","httpStatus","path"}}; without a path when it has no pointer. */
void trpc_failure_write(struct writer *w, const struct trpc_failure *failure, struct text path);

int trpc_code_status(enum trpc_code code);

#endif
