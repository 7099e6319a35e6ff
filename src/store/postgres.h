/*
 * postgres - connections to a PostgreSQL server and what its answers mean, for db_postgres.c and
 * watch.c. Private to store/.
 *
 * Nothing here waits for ever: connecting takes at most about five seconds for each address, an
 * answer at most until the deadline that the caller gives. A connection whose answer did not come
 * in time is of no use any more: finish it.
 *
 * The password, wherever it comes from, is taken out of every sentence.
 */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

struct pg_conn;   /* libpq's PGconn */
struct pg_result; /* libpq's PGresult */

#define POSTGRES_SCHEME_SHORT "postgres://"
#define POSTGRES_SCHEME_LONG  "postgresql://"
#define POSTGRES_CHANNEL      "stoa" /* of NOTIFY */

/* Connects, for statements in UTF-8, without blocking reads and writes afterwards. ERR_INVALID: the
 * URL is none; ERR_DENIED: the server refuses; ERR_UNSUPPORTED: it does not store UTF-8; ERR_AGAIN:
 * it cannot be reached, or not now. */
MUST_USE enum err postgres_connect(const char *url, struct pg_conn **ret_conn, struct diag *diag);

/* NULL is allowed. */
void postgres_finish(struct pg_conn *conn);

/* Runs statements without values, and waits for all answers. */
MUST_USE enum err postgres_script(struct pg_conn *conn, struct text sql, int64_t deadline_us,
                                  struct diag *diag);

/* Waits for the answers to what was just sent (`is_sent`: libpq took it). On success the last one
 * is the caller's to clear. ERR_TIMEOUT: not by the deadline (monotonic). */
MUST_USE enum err postgres_await(struct pg_conn *conn, int is_sent, int64_t deadline_us,
                                 struct pg_result **ret_result, struct diag *diag);

/* Reads what has come while nothing was asked. ERR_CLOSED: the server has closed the connection. */
MUST_USE enum err postgres_read(struct pg_conn *conn);

/* Copies a message of libpq as one line, without the password. */
void postgres_copy_message(char *to, size_t cap, const char *message, const char *password);

#endif
