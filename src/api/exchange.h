/*
 * exchange - one request with the calls in it, from the first look at it to its answer. Private to
 * api/.
 *
 *     api_call -> rest.c, trpc.c: make calls -> call_run -> handler -> done -----> finish -> answer
 *                                                              \-> task -> resume --^
 *
 * A REST request is one call, a tRPC batch several. A call whose handler asked for a task waits;
 * the exchange is finished by its dialect when none of its calls waits any more. Most never wait:
 * then all of this happens within api_call().
 *
 * Ownership  The API owns exchanges. What calls borrow (the request, decoded texts, parsed JSON)
 *            lives as long as the exchange does.
 */
#ifndef API_EXCHANGE_H
#define API_EXCHANGE_H

#include <jansson.h>

#include "api/idempotency.h"
#include "api/operation.h"
#include "base/list.h"
#include "base/map.h"
#include "base/writer.h"

enum { EXCHANGE_URL_LEN_MAX = 300 };

struct exchange;

struct api {
    struct api_config config; /* public_url points to public_url_chars */
    char *public_url_chars;
    struct api_handler handler;
    struct channel_directory *channels;
    struct account_directory *accounts;
    struct webhook_hub *webhooks;
    struct api_recorder recorder;
    bool has_recorder;
    struct rate_limit *mutations;
    struct writer body;  /* the answer's, while it is put together */
    struct writer data;  /* one operation's result */
    struct list waiting; /* exchanges with calls that wait */
    size_t waiting_count;
    struct map running_keys;   /* hash of an idempotency key -> the call that has it */
    struct store_batch *batch; /* borrowed: the first one of the step that runs now; NULL: none */
    struct buf *openapi;       /* rendered once; NULL: not yet */
};

enum call_state { CALL_REFUSED = 1, CALL_WAITING, CALL_DONE };

/* One call of an operation. Handlers read it, write their result to `out` and fill `error`. */
struct call {
    struct exchange *exchange;
    struct api *api;
    struct channel_directory *channels;
    struct account_directory *accounts;
    struct webhook_hub *webhooks;
    const struct operation *operation; /* NULL: there is none with this name */
    const struct caller *caller;
    struct text name; /* tRPC: the procedure as it was asked for */
    struct input input;
    struct text base_url; /* "https://host", or empty */
    struct text rtmp_url; /* "rtmp://host/live", or empty */
    int64_t now_us;
    struct jsonw *out;
    struct api_error *error;
    /* For the audit log: what was acted on, and how. By default the id in field 0, and nothing. */
    char target[ROW_TARGET_LEN_MAX + 1];
    char detail[ROW_DETAIL_LEN_MAX + 1];
    struct caller actor; /* when it is not `caller`: who has just signed in */
    struct secret drawn; /* a password that is shown once */

    bool is_admitted;
    enum call_state state;
    struct api_error refusal; /* what `error` points to */
    struct buf *result;       /* JSON; CALL_DONE */
    struct api_task *task;    /* what it waits for, or what has just come back; owned */
    call_fn *resume;
    struct idempotency idempotency;
};

struct exchange {
    struct api *api;
    const struct api_request *request;
    struct api_answer *answer;
    struct caller caller;
    char base_url[EXCHANGE_URL_LEN_MAX];
    char rtmp_url[EXCHANGE_URL_LEN_MAX];
    int64_t now_us;
    json_t *json; /* the parsed input; NULL: none */
    char *chars;  /* decoded texts */
    size_t waiting_count;
    size_t result_len; /* of all calls together */
    bool is_full;      /* the results are too large: what is still to come is refused */
    struct list_node in_waiting;
    bool is_stream; /* tRPC: a line for each answer */
    bool is_batch;
    void (*finish)(struct exchange *exchange); /* NULL: it is answered already */
    size_t call_count;
    struct call *calls;
};

/* Makes room for the calls, all of them refused until call_run(). */
void exchange_add_calls(struct exchange *exchange, size_t count);

/* May it be called at all? Before the input is read. */
bool call_admit(struct call *call);

/* Runs the operation with call->input, when the call was admitted and the caller may act on the
 * channel: there is no other way to an operation. */
void call_run(struct call *call);

/* For handlers: waits for the task (owned from here on), then goes on with `resume`, which finds it
 * in call->task. `return call_wait(...)`: false when the pool is too busy. */
bool call_wait(struct call *call, struct api_task *task, call_fn *resume);

/* For handlers: the query of call->task failed. Fills call->error and returns false. */
bool call_fail_query(struct call *call);

/* A task of this kind, to be filled and given to call_wait(). */
struct api_task *call_make_task(enum api_task_kind kind);

/* For handlers: gives a batch to the store. */
void call_store(struct call *call, struct store_batch *batch);

/* Sets what the audit log says was acted on. */
void call_set_target(struct call *call, const char *format, ...) PRINTF_LIKE(2, 3);

/* Given, and not null. */
static inline bool call_has(const struct call *call, size_t field)
{
    return call->input.is_given[field] && !call->input.is_null[field];
}

/* For api.c: goes on with a call whose task came back. */
void call_resume(struct call *call, struct api_task *task);
void api_task_release(struct api *api, struct api_task *task);

/* For api.c: answers and destroys the exchange, unless it waits. True: it is answered. */
bool exchange_settle(struct exchange *exchange);
void exchange_destroy(struct exchange *exchange);

/* Ends the exchange: status, content type (NULL: no body) and what is in api->body. */
void exchange_answer(struct exchange *exchange, int status, const char *content_type);

/* `path` is below /api/v1, with its slash, and still encoded; or below /trpc/. */
void rest_call(struct exchange *exchange, struct text path);
void trpc_call(struct exchange *exchange, struct text path);

/* The same refusal for all calls of an answer, in its shape: one, an array, or lines. */
void trpc_write_refusals(const struct api_answer *answer, const struct api_error *error,
                         struct writer *w);

/* The OpenAPI 3.1 document of the table. */
void openapi_write(struct writer *w);

#endif
