/*
 * dialect - what api.c hands to REST and tRPC. Private to api/.
 */
#ifndef API_DIALECT_H
#define API_DIALECT_H

#include "api/operation.h"
#include "base/writer.h"

struct guard;

struct api {
    struct api_config config; /* public_url points to public_url_chars */
    char *public_url_chars;
    struct channel_directory *directory;
    struct guard *guard;
    struct writer body;  /* the answer's */
    struct writer data;  /* one operation's result */
    struct buf *openapi; /* rendered once; NULL: not yet */
};

/* One request, with what is the same for all its calls. */
struct api_exchange {
    struct api *api;
    const struct api_request *request;
    struct caller caller;
    struct text base_url;
    struct text rtmp_url;
    int64_t now_us;
    struct api_answer *answer;
};

/* Runs the operation with this input; the result is in api->data. Credentials are checked here, so
 * there is no other way to an operation. */
bool api_run(struct api_exchange *exchange, const struct operation *operation,
             const struct input *input, struct api_error *error);

/* Ends the exchange: status, content type and what is in api->body. */
void api_finish(struct api_exchange *exchange, int status, const char *content_type);

/* `path` is below /api/v1, with its slash, and still encoded; or below /trpc/. */
void rest_call(struct api_exchange *exchange, struct text path);
void trpc_call(struct api_exchange *exchange, struct text path);

/* The OpenAPI 3.1 document of the table. */
void openapi_write(struct writer *w);

#endif
