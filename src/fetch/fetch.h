/*
 * fetch - outgoing HTTP and HTTPS requests on one loop, by libcurl.
 *
 *     fetch_start(request) --> queue --> libcurl (at_once_max) --> done(answer)
 *                                           |  sockets, timers: the loop's
 *                                           '- before each connect: guard, the address itself
 *
 * Requests go to URLs that strangers typed in (webhooks), so the network behind the server must be
 * out of reach for them. Two checks, and the second is the one that counts:
 *
 *   - the text of the URL: http or https, no user name, a sane port, a host without tricks;
 *   - the address that is really connected to, when the socket is opened: a name that resolves to
 *     something else a moment later cannot get around it. Addresses that are not public (private,
 *     loopback, link-local, shared, multicast, reserved ..., and IPv6 that carries such an IPv4
 *     address) are refused unless `allow_private` lists their network.
 *
 * Redirects are not followed unless the request says so, and then each is checked anew; headers of
 * the caller stay with the origin they were meant for. No proxy, cookie, netrc or other setting of
 * the environment is used. Certificates are always verified.
 *
 * Ownership  A request is copied but for its body, of which fetch takes a reference.
 * Threads    All on the loop. Names are resolved on threads of libcurl's own, one for each lookup
 *            that runs, at most at_once_max. `done` is called in a turn of its own, never inside
 *            fetch_start(), and may start and cancel; it may not destroy.
 * Limits     at_once_max requests run, queue_max wait, answers are at most answer_max bytes.
 */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"

struct fetch;
struct loop;

enum {
    FETCH_URL_LEN_MAX = 2047,
    FETCH_HEADERS_MAX = 32,
    FETCH_HEADER_LEN_MAX = 4096, /* name and value */
    FETCH_METHOD_LEN_MAX = 15,
};

struct fetch_config {
    struct text allow_private; /* networks as "10.0.0.0/8", "fd00::/8" or single addresses, with
                                  commas or spaces between; empty: none */
    const char *extra_ca_file; /* PEM: trusted beside the system's authorities; NULL or "": none */
    uint32_t at_once_max;      /* 0: 64 */
    uint32_t queue_max;        /* 0: 1000 */
};

/* ERR_INVALID: a network of allow_private; ERR_IO: the file cannot be read or has no certificate.
 */
MUST_USE enum err fetch_create(struct loop *loop, const struct fetch_config *config,
                               struct diag *diag, struct fetch **ret_fetch);

/* Ends all requests; their `done` is called with ERR_CLOSED, inside. NULL is allowed. */
void fetch_destroy(struct fetch *fetch);

/* Whether requests may go to this URL, as far as its text tells. ERR_INVALID: it is not a URL that
 * we use; ERR_DENIED: its address or port is out of reach. The sentence fits after "url". */
MUST_USE enum err fetch_check_url(const struct fetch *fetch, struct text url, struct diag *diag);

struct fetch_header {
    const char *name;
    struct text value;
};

struct fetch_request {
    const char *method; /* "GET", "POST" ... */
    struct text url;
    const struct fetch_header *headers;
    size_t header_count;
    const struct buf *body;     /* NULL: none */
    int64_t connect_timeout_us; /* name, TCP and TLS; 0: 5 s */
    int64_t timeout_us;         /* all of it, redirects too; 0: 30 s */
    size_t answer_max;          /* bytes of the answer's body that are kept */
    bool may_cut_answer;        /* true: no more than that is read, and that is no failure */
    uint32_t redirects_max;     /* 0: a redirect is an answer like any other */
};

struct fetch_answer {
    uint64_t id;
    /* OK: an answer came, whatever its status. ERR_DENIED: the guard; ERR_TIMEOUT; ERR_LIMIT: it is
     * longer than answer_max, or redirected too often; ERR_MALFORMED: it is not HTTP; ERR_IO: name,
     * connection, TLS; ERR_CLOSED: fetch_destroy(). */
    enum err result;
    char error[sizeof(((struct diag *)0)->message)]; /* a sentence; "" when OK */
    int status;                                      /* 0: none came */
    struct text body;                                /* borrowed for the call */
    bool is_cut;                                     /* the body goes on after answer_max bytes */
    int64_t retry_after_s;                           /* Retry-After, as seconds; 0: not there */
    int64_t duration_us;                             /* without the time in the queue */
};

typedef void fetch_done_fn(void *context, const struct fetch_answer *answer);

/* ERR_INVALID, ERR_DENIED: URL (as fetch_check_url), method or header; ERR_LIMIT: the queue is
 * full. Then `done` is not called. */
MUST_USE enum err fetch_start(struct fetch *fetch, const struct fetch_request *request,
                              fetch_done_fn *done, void *context, uint64_t *ret_id,
                              struct diag *diag);

/* Ends a request at once; `done` is not called. Harmless when it is over. */
void fetch_cancel(struct fetch *fetch, uint64_t id);

/* Requests that run or wait. */
size_t fetch_count(const struct fetch *fetch);

#endif
