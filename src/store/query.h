/*
 * query - what is only in the database: history, the delivery log, the audit log; and single rows
 * that another node has changed. Part of store.h.
 *
 *     control loop --- struct store_query ---> pool thread: store_run_query() --- SELECT --->
 *          ^                                        |
 *          +------- struct store_result <-----------+
 *
 * A query is a plain value, a result is owned by who ran the query. Lists come in pages: give the
 * `next` of one page as `after` of the next one. The pages are keyed by the last row, so that rows
 * which come or go meanwhile make nobody see one twice, and page 1000 costs what page 1 costs.
 *
 *   kind         of                        order         optional
 *   BROADCASTS   channel_id                newest first
 *   METRICS      channel_id                oldest first  from_us, until_us, broadcast_id
 *   COSTS        channel_id                newest first  from_us, until_us, broadcast_id
 *   DELIVERIES   id of an endpoint         newest first  status
 *   DELIVERY     id of a delivery          -             with its attempts, oldest first
 *   PENDING      -                         oldest first  deliveries of all endpoints, with payload
 *   AUDIT        -                         newest first  from_us, until_us, id of an account
 *   ROW          table, id                 -             one row, or none
 *   NODES        -                         by id
 *
 * from_us is included, until_us is not; 0: open. DELIVERIES leave the payload out (NULL): a page of
 * them would be megabytes.
 */
#ifndef STORE_QUERY_H
#define STORE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "store/rows.h"

struct broadcast_row;
struct channel_row;
struct store;

enum {
    STORE_PAGE_MAX = 1000,    /* rows of a page */
    STORE_POINTS_MAX = 10000, /* of METRICS */
    STORE_CURSOR_LEN_MAX = 79,
    STORE_ROW_ID_LEN_MAX = 2 * CRYPTO_SHA256_LEN,
};

/* The tables whose rows have an id of their own. As text it is: a number (channels, broadcasts), a
 * UUID, or a hash in hexadecimal (sessions, idempotency keys). */
enum store_table {
    STORE_CHANNELS = 1,
    STORE_BROADCASTS,
    STORE_ACCOUNTS,
    STORE_SESSIONS,
    STORE_API_KEYS,
    STORE_PUBLISH_TOKENS,
    STORE_WEBHOOK_ENDPOINTS,
    STORE_WEBHOOK_DELIVERIES,
    STORE_WEBHOOK_ATTEMPTS,
    STORE_STREAM_METRICS,
    STORE_STREAM_COSTS,
    STORE_AUDIT_LOG,
    STORE_IDEMPOTENCY_KEYS,
    STORE_NODES,
    STORE_TABLES_END,
};

/* "channels" ... */
const char *store_table_name(enum store_table table);

enum store_query_kind {
    STORE_QUERY_BROADCASTS = 1,
    STORE_QUERY_METRICS,
    STORE_QUERY_COSTS,
    STORE_QUERY_DELIVERIES,
    STORE_QUERY_DELIVERY,
    STORE_QUERY_PENDING,
    STORE_QUERY_AUDIT,
    STORE_QUERY_ROW,
    STORE_QUERY_NODES,
};

struct store_query {
    enum store_query_kind kind;
    enum store_table table; /* of ROW */
    uint64_t channel_id;
    uint64_t broadcast_id;
    int64_t from_us;
    int64_t until_us;
    char id[STORE_ROW_ID_LEN_MAX + 1];
    char status[ROW_WORD_LEN_MAX + 1];
    char after[STORE_CURSOR_LEN_MAX + 1]; /* "": from the beginning */
    uint32_t limit;                       /* 0: the most there is */
};

struct store_result {
    enum store_table table; /* which of the pointers below it is */
    size_t count;
    union {
        void *rows;
        struct channel_row *channels;
        struct broadcast_row *broadcasts;
        struct account_row *accounts;
        struct session_row *sessions;
        struct api_key_row *api_keys;
        struct publish_token_row *publish_tokens;
        struct webhook_endpoint_row *webhook_endpoints;
        struct webhook_delivery_row *webhook_deliveries;
        struct stream_metric_row *stream_metrics;
        struct stream_cost_row *stream_costs;
        struct audit_row *audit;
        struct idempotency_row *idempotency;
        struct node_row *nodes;
    };
    struct webhook_attempt_row *attempts; /* of DELIVERY */
    size_t attempt_count;
    bool has_more;
    char next[STORE_CURSOR_LEN_MAX + 1]; /* "" when there is no more */
};

/* Release the result with store_result_deinit(). No rows is no error: a channel without broadcasts,
 * a row that is gone. ERR_INVALID: `after` is no cursor of this kind of query (the diag's sentence
 * is for who sent it); the table of a ROW has no ids. */
MUST_USE enum err store_run_query(struct store *store, const struct store_query *query,
                                  struct store_result *ret_result, struct diag *diag);

/* Releases the rows with what they hold, and wipes them. A zeroed result is allowed. */
void store_result_deinit(struct store_result *result);

#endif
