/*
 * call - one request on its way: its libcurl handle, what came so far, and why it failed. Private
 * to fetch/.
 */
#ifndef FETCH_CALL_H
#define FETCH_CALL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/writer.h"
#include "fetch/fetch.h"
#include "fetch/guard.h"

struct trusted;

enum call_state { CALL_QUEUED = 1, CALL_RUNNING, CALL_BROKEN };

struct call {
    struct list_node node; /* in the list of its state */
    enum call_state state;
    uint64_t id;
    fetch_done_fn *done;
    void *context;
    const struct guard *guard;
    const struct trusted *trusted;

    char method[FETCH_METHOD_LEN_MAX + 1];
    char *url;
    struct guard_url parsed; /* its texts point into `url` */
    struct curl_slist *headers;
    struct buf *body;
    int64_t connect_timeout_us;
    int64_t timeout_us;
    size_t answer_max;
    bool may_cut_answer;
    uint32_t redirects_max;
    uint32_t redirects_left;

    CURL *easy; /* NULL but while it runs */
    struct writer answer;
    bool is_cut;
    int64_t started_us; /* 0: waits in the queue */
    int64_t begun_us;   /* this hop */
    unsigned sockets_tried;
    struct diag refusal; /* by the guard, while connecting; empty: none */
};

/* Copies the request. ERR_INVALID, ERR_DENIED: as fetch_start(). */
MUST_USE enum err call_create(const struct fetch_request *request, const struct guard *guard,
                              const struct trusted *trusted, struct diag *diag,
                              struct call **ret_call);
void call_destroy(struct call *call);

/* Makes the libcurl handle for the next hop. ERR_IO: libcurl refused. */
MUST_USE enum err call_begin(struct call *call, int64_t now_us);

/* The hop is over: takes what libcurl knows and releases the handle. Returns true when the call
 * goes on with a redirect: begin it again. Else the answer is complete. */
bool call_end(struct call *call, CURLcode code, int64_t now_us, struct fetch_answer *ret_answer);

/* The sentence and code for a call that failed in libcurl. */
enum err call_explain(const struct call *call, CURLcode code, int64_t now_us, struct diag *diag);

/* ---- certificates that are trusted beside the system's ---- */

/* ERR_IO: the file cannot be read, or has no certificate. */
MUST_USE enum err trusted_create(const char *path, struct diag *diag, struct trusted **ret_trusted);
void trusted_destroy(struct trusted *trusted);

/* CURLOPT_SSL_CTX_FUNCTION; `context` is a struct trusted. */
CURLcode trusted_add(CURL *easy, void *ssl_ctx, void *context);

#endif
