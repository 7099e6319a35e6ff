/*
 * api - the operations on channels: as REST under /api/v1 and as tRPC procedures under /trpc (spec
 * section 7).
 *
 *     api_request --> route --> credentials --> input --> handler --> api_answer
 *        method        \________ one row of the operation table ________/      status
 *        path, query                                       |  ^                headers
 *        headers, body                             run_task() |                body
 *                                                          v  |
 *                                                  pool --> api_task_done()
 *
 * One table (operation.c) is the whole contract: name, REST method and path, tRPC name and kind,
 * who may call, input fields with type and range, what comes back. REST, tRPC and the OpenAPI
 * document are three readings of it. REST errors are problem+json (RFC 9457) with a stable `code`;
 * tRPC errors are the envelope that a stock @trpc/client of version 10 or 11 expects. HTTP-level
 * rules: HEAD of tRPC is 204, one status in a batch is the status, several are 207.
 *
 * No sockets, no threads: api_call() runs on the control loop. What can be answered from memory is
 * answered at once. Some calls need work that blocks (a query of the database, Argon2id): the API
 * gives it to its owner as a task, and answers when the last task of the request came back.
 *
 * An answer whose calls changed something names the tickets of the store's batches: the server
 * holds it until they are stored and sends api_not_stored() instead when one of them could not be.
 *
 * Credentials  Authorization: Bearer <admin key> or <stream key of the channel>. Wrong keys are
 *              counted by address; too many answer 429 with Retry-After (account/guard.h).
 * Limits       The enum below; over them 413, 414 or 400.
 * Secrets      Answers hold stream keys only for their owner and the admin. Never log a body.
 */
#ifndef API_API_H
#define API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/text.h"

struct channel;
struct channel_directory;
struct writer;
struct api;

enum {
    API_BODY_LEN_MAX = 65536,
    API_QUERY_LEN_MAX = 16384,
    API_PATH_LEN_MAX = 4096,
    API_JSON_DEPTH_MAX = 16,
    API_BATCH_MAX = 64,
    API_HEADERS_MAX = 8,
    API_WAITING_MAX = 1000, /* requests that wait for tasks; more are refused as "busy" */
    API_ANSWER_LEN_MAX = 8 << 20,
    API_STREAM_KEY_LEN = 32,
};

struct api_config {
    struct text public_url; /* "https://live.example.org", no slash at the end; empty: from the
                               request. Copied. */
    uint16_t rtmp_port;     /* 0: RTMP is off, rtmpUrl is null */
    uint8_t admin_key_sha256[CRYPTO_SHA256_LEN];
};

/* All borrowed. Header values are empty when the header is absent. */
struct api_request {
    struct text method; /* "GET" */
    struct text path;   /* as in the request line: percent-encoded, without the query */
    struct text query;  /* the same, without '?' */
    struct text content_type;
    struct text authorization;
    struct text cookie;          /* empty for origins that are neither ours nor on the CORS list */
    struct text csrf_token;      /* the header x-csrf-token */
    struct text idempotency_key; /* the header idempotency-key */
    struct text trpc_accept;     /* the header trpc-accept */
    struct text user_agent;
    struct text host;         /* Host or :authority */
    bool is_https;            /* as the client sees it: TLS here, or a trusted proxy says so */
    struct text peer_address; /* "192.0.2.7", "2001:db8::1": for the guard only */
    struct text body;
};

struct api_header {
    const char *name; /* lower case, static */
    char value[96];
};

struct api_answer {
    int status;
    struct api_header headers[API_HEADERS_MAX]; /* content-type is among them */
    size_t header_count;
    struct buf *body;      /* a reference; NULL: none */
    uint64_t first_ticket; /* of what the store has to do before this may be sent ... */
    uint64_t last_ticket;  /* ... 0: send it at once */
    bool is_trpc;          /* the dialect, for api_not_stored() */
    uint16_t batch_count;  /* calls in a tRPC batch; 0: no batch */
};

/* ---- what blocks ---- */

enum api_task_kind { API_TASK_NONE };

/* Work for the pool. Made by the API and given to run_task(); whoever did it fills err and diag and
 * gives it back with api_task_done(). */
struct api_task {
    enum api_task_kind kind;
    enum err err;
    struct diag diag;
    void *call; /* the API's own */
};

struct api_handler {
    void *context;
    /* Starts the task and returns; never gives it back from inside. ERR_LIMIT: too much waits
     * already; the task was not taken. */
    enum err (*run_task)(void *context, struct api_task *task);
    /* The answer of a request that waited is complete. `answer` is what api_call() got: release it
     * with api_answer_deinit(). The request is not used any more. */
    void (*answer)(void *context, struct api_answer *answer);
    /* The ticket of the newest batch that went to the store; tickets rise by one. */
    uint64_t (*ticket)(void *context);
};

/* The directory is borrowed and must outlive it; config and handler are copied. */
struct api *api_create(const struct api_config *config, const struct api_handler *handler,
                       struct channel_directory *directory);
/* Forgets requests that wait: their answers are never given. No task may come back after it; those
 * that did not are released here. */
void api_destroy(struct api *api);

/* True for paths that api_call() serves: /api/v1 and /trpc and what is below. */
bool api_owns_path(struct text path);

/* Answers a request. True: the answer is complete; release it with api_answer_deinit(). False: it
 * waits for tasks; handler.answer() comes later, and until then request and answer must stay where
 * they are, also when the client has gone away. */
MUST_USE bool api_call(struct api *api, const struct api_request *request, int64_t now_us,
                       struct api_answer *answer);
void api_answer_deinit(struct api_answer *answer);

/* A task is done, or failed (task->err). Takes it; may call handler.answer(). */
void api_task_done(struct api *api, struct api_task *task, int64_t now_us);

/* Turns an answer into the one that says that the change could not be stored (503), in the same
 * dialect (REST or tRPC). */
void api_not_stored(struct api_answer *answer);

/* The status of a channel, as channel.getStatus and GET .../status answer it: pure, so that it is
 * rendered once a change and served to everybody who polls. `base_url` is public.url or empty; then
 * URLs are paths. */
void api_status_json(const struct channel *channel, struct text base_url, struct writer *w);

/* The same inside the tRPC envelope: {"result":{"data":...}}. */
void api_status_trpc_json(const struct channel *channel, struct text base_url, struct writer *w);

/* A new stream key; `to` holds API_STREAM_KEY_LEN + 1 characters. */
void api_draw_stream_key(char to[API_STREAM_KEY_LEN + 1]);

#endif
