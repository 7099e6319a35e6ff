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
 * Who calls    account_identify() tells: a session's cookie, or Authorization: Bearer with an API
 *              key, the admin key, a JWT, a channel's stream key or a publish token. rights.h says
 *              who may do what. Wrong keys are counted by address; too many answer 429. Changes are
 *              limited by address and by account.
 * Creations    take an Idempotency-Key (idempotency.h): asked twice, made once.
 * Audit        Each mutation that succeeded adds a row to the batch of its change.
 * Limits       The enum below; over them 413, 400 or 503.
 * Secrets      Answers hold stream keys only for their owner and the admin; what is shown once is
 *              stored nowhere in a form that can be read. Never log a body.
 */
#ifndef API_API_H
#define API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account/account.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/text.h"
#include "store/store.h"

struct account_directory;
struct api;
struct channel;
struct channel_directory;
struct webhook_hub;
struct writer;

enum {
    API_BODY_LEN_MAX = 65536,
    API_QUERY_LEN_MAX = 16384,
    API_PATH_LEN_MAX = 4096,
    API_JSON_DEPTH_MAX = 16,
    API_BATCH_MAX = 64,
    API_HEADERS_MAX = 8,
    API_WAITING_MAX = 1000,       /* requests that wait for tasks; more are refused as "busy" */
    API_ANSWER_LEN_MAX = 8 << 20, /* the results of one request together */
    API_STREAM_KEY_LEN = 32,
};

struct api_config {
    struct text public_url;     /* "https://live.example.org", no slash at the end; empty: from the
                                   request. Copied. */
    uint16_t rtmp_port;         /* 0: RTMP is off, rtmpUrl is null */
    struct rate_rule mutations; /* of an address, and of an account; 0: 50 a second, 200 at once */
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
    char value[ACCOUNT_SET_COOKIE_LEN_MAX + 1];
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
    bool is_stream;        /* a tRPC batch whose answers are lines */
};

/* ---- what blocks ---- */

enum api_task_kind {
    API_TASK_QUERY = 1, /* on the thread of the store, in order with the batches */
    API_TASK_PASSWORD,  /* on a thread that may be busy for some 55 ms */
};

/* Work for the pool. Made by the API and given to run_task(); comes back with api_task_done() after
 * api_task_work(). */
struct api_task {
    enum api_task_kind kind;
    struct store_query query;
    struct store_result result;
    struct password_job password;
    enum err err;
    struct diag diag;
    void *call; /* the API's own */
};

/* Does the task, on the thread of the pool that its kind wants. Blocks. */
void api_task_work(struct api_task *task, struct store *store);

/* ---- the owner ---- */

struct api_check {
    bool is_ok;
    char detail[160]; /* a sentence; "" when all is well */
};

/* What was measured in the last seconds. */
struct api_health {
    struct api_check database;
    struct api_check media;    /* the media loop answers */
    struct api_check delivery; /* the edges answer */
};

struct api_handler {
    void *context;
    /* Starts the task and returns; never gives it back from inside. ERR_LIMIT: too much waits
     * already; the task was not taken. */
    enum err (*run_task)(void *context, struct api_task *task);
    /* The answer of a request that waited is complete. `answer` is what api_call() got: release it
     * with api_answer_deinit(). The request is not used any more. */
    void (*answer)(void *context, struct api_answer *answer);
    /* Takes the batch: rows of accounts, keys and sessions, of audit_log and idempotency_keys. */
    void (*store)(void *context, struct store_batch *batch);
    /* The ticket of the newest batch that was taken; tickets rise by one. */
    uint64_t (*ticket)(void *context);
    void (*health)(void *context, struct api_health *ret_health);
    /* A publish token is good no more: who publishes with it is to be closed. May be NULL. */
    void (*token_revoked)(void *context, uint64_t channel_id, const char *token_id);
};

/* ---- recordings ---- */

struct api_recording {
    uint64_t channel_id;
    uint64_t broadcast_id;
    bool is_recording;
    int64_t started_at_us; /* wall clock */
    int64_t duration_us;
    uint64_t bytes;
    char url[STORE_URL_LEN_MAX + 1]; /* "/recordings/7/12/index.m3u8"; "": nothing to play yet */
    char reason[STORE_REASON_LEN_MAX + 1]; /* why it ended before its time; "": it did not */
};

/* Who keeps recordings, as the control loop sees it. */
struct api_recorder {
    void *context;
    /* Records the broadcast that goes on. OK too when it is recorded already. Errors put a sentence
     * into diag. */
    enum err (*start)(void *context, uint64_t channel_id, struct diag *diag);
    enum err (*stop)(void *context, uint64_t channel_id, struct diag *diag);
    /* Of the broadcast that goes on, or the newest of the channel. False: there is none. */
    bool (*status)(void *context, uint64_t channel_id, struct api_recording *ret_recording);
    /* Fills the index-th of those that run now. False: there are no more. */
    bool (*active_at)(void *context, size_t index, struct api_recording *ret_recording);
};

/* What the operations work on; all of it borrowed and must outlive the API. */
struct api_parts {
    struct channel_directory *channels;
    struct account_directory *accounts;
    struct webhook_hub *webhooks;
    const struct api_recorder *recorder; /* NULL: this server keeps no recordings */
};

/* ---- life ---- */

/* Config, handler and parts are copied. */
struct api *api_create(const struct api_config *config, const struct api_handler *handler,
                       const struct api_parts *parts);
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

/* While api_call() or api_task_done() runs, the owner keeps each batch that a part of the domain
 * hands to it, tells it here, and lets it go to the store only when the function has returned: so
 * that audit and idempotency rows become part of the same transaction. Harmless at other times. */
void api_on_batch(struct api *api, struct store_batch *batch);

/* Turns an answer into the one that says that the change could not be stored (503), in the same
 * dialect (REST or tRPC). */
void api_not_stored(struct api_answer *answer);

/* The status of a channel, as channel.getStatus and GET .../status answer it: pure, so that it is
 * rendered once a change and served to everybody who polls. `base_url` is public.url or empty; then
 * URLs are paths. */
void api_status_json(const struct channel *channel, struct text base_url, struct writer *w);

/* The same inside the tRPC envelope: {"result":{"data":...}}. */
void api_status_trpc_json(const struct channel *channel, struct text base_url, struct writer *w);

/* What anybody gets for a channel, a broadcast and a recording: for webhooks. */
void api_channel_json(const struct channel *channel, struct text base_url, struct writer *w);
void api_broadcast_json(const struct broadcast_row *row, struct text base_url, struct writer *w);
void api_recording_json(const struct api_recording *recording, struct text base_url,
                        struct writer *w);

/* A new stream key; `to` holds API_STREAM_KEY_LEN + 1 characters. */
void api_draw_stream_key(char to[API_STREAM_KEY_LEN + 1]);

#endif
