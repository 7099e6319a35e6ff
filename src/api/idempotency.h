/*
 * idempotency - a creation that is asked for twice happens once (header Idempotency-Key). Private
 * to api/; docs/decisions/0011-api-exchanges.md.
 *
 *     key + caller --SHA-256--> row of idempotency_keys --> not there: run, keep the answer
 *                               (a query of the store)      same operation and input: that answer
 *                                                           another one: 422
 *     the same key runs just now: 409
 *
 * The row is part of the transaction of the creation: there is an answer exactly when there is a
 * thing. Refusals are not kept, so what was refused may be tried again with the same key. Rows are
 * good for a day.
 *
 * Secrets  Some answers show what is stored nowhere (an API key). So answers are kept encrypted
 *          (AES-256-GCM) with a key that comes from the Idempotency-Key itself, of which only a
 *          hash is stored: who asks again can read the answer, who reads the database cannot. For
 *          that a key must not be guessable: 16 characters at least, a UUID is meant.
 * Nodes    Servers on one database see each other's rows; two of them that get the same key in the
 *          same moment both run it.
 */
#ifndef API_IDEMPOTENCY_H
#define API_IDEMPOTENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"

struct call;
struct store_batch;

enum { IDEMPOTENCY_KEY_LEN_MIN = 16, IDEMPOTENCY_KEY_LEN_MAX = 255 };

/* Of one call. Zeroed: it has no key. */
struct idempotency {
    bool is_running; /* its key is in api->running_keys */
    bool is_replay;  /* the result is a kept one: nothing was done */
    uint8_t key_hash[CRYPTO_SHA256_LEN];
    uint8_t request_hash[CRYPTO_SHA256_LEN];
};

/* The call is a creation and came with a key, alone in its request. */
bool idempotency_is_asked(const struct call *call);

/* Instead of the operation's handler: looks for the kept answer first. */
bool idempotency_run(struct call *call);

/* Adds the row with call->result to the batch, if the call has a key. */
void idempotency_keep(struct call *call, struct store_batch *batch);

/* The call does not run any more. Harmless when it never did. */
void idempotency_end(struct call *call);

#endif
