/*
 * batch - what one call of the domain changes, as one transaction. Part of store.h.
 *
 *     struct store_batch *batch = store_batch_create();
 *     store_batch_change(batch, &change);              a channel goes live ...
 *     store_batch_put_webhook_delivery(batch, &row);   ... and its webhooks hear of it, or neither
 *     handler->store(handler->context, batch);         ownership moves
 *
 * The ops are applied in the order in which they were added. Each function copies the row and takes
 * references of its own to the row's bufs, so the caller keeps what it has.
 *
 *   put      inserts the row, or replaces the one with the same key. A row that contradicts another
 *            one (an email that is taken) or that belongs to nothing (a token of a channel that is
 *            gone) fails the whole batch with ERR_CONFLICT.
 *   delete   a row that is not there is no error: somebody else was faster.
 *   touch    writes that something was used, and nothing else of the row: what another node has
 *            revoked meanwhile stays revoked. No row is no error. Other nodes are not told.
 *
 * Texts      Bytes that are no UTF-8 are stored as '?', because PostgreSQL takes nothing else.
 * Limits     More than STORE_BATCH_MAX ops make store_apply_batch() answer ERR_LIMIT.
 * Threads    A batch belongs to one thread at a time: filled on one, applied on another.
 */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/rows.h"

struct store_change;
struct store_batch;

enum { STORE_BATCH_MAX = 20000 };

struct store_batch *store_batch_create(void);

/* Releases the ops and wipes them: some hold keys. NULL is allowed. */
void store_batch_destroy(struct store_batch *batch);

size_t store_batch_count(const struct store_batch *batch);

/* Moves the ops of `from` to the end of `batch`; `from` is then empty and still the caller's. */
void store_batch_append(struct store_batch *batch, struct store_batch *from);

/* Channels and broadcasts (store.h). */
void store_batch_change(struct store_batch *batch, const struct store_change *change);

/* The recording of a broadcast, which is known after its end: written to the broadcast, and to its
 * channel as the newest one. A broadcast that is gone is no error. */
void store_batch_set_recording(struct store_batch *batch, uint64_t broadcast_id, const char *url);

void store_batch_put_account(struct store_batch *batch, const struct account_row *row);

void store_batch_put_session(struct store_batch *batch, const struct session_row *row);
void store_batch_touch_session(struct store_batch *batch,
                               const uint8_t token_hash[CRYPTO_SHA256_LEN],
                               int64_t last_used_at_us);
void store_batch_delete_session(struct store_batch *batch,
                                const uint8_t token_hash[CRYPTO_SHA256_LEN]);
/* All of an account, also those that another node has just made. `except`: this one stays; NULL:
 * none does. */
void store_batch_delete_sessions(struct store_batch *batch, const char *account_id,
                                 const uint8_t *except);

void store_batch_put_api_key(struct store_batch *batch, const struct api_key_row *row);
void store_batch_touch_api_key(struct store_batch *batch, const char *id, int64_t last_used_at_us);
void store_batch_delete_api_key(struct store_batch *batch, const char *id);

void store_batch_put_publish_token(struct store_batch *batch, const struct publish_token_row *row);
void store_batch_delete_publish_token(struct store_batch *batch, const char *id);

void store_batch_put_webhook_endpoint(struct store_batch *batch,
                                      const struct webhook_endpoint_row *row);
/* Its deliveries and their attempts go with it. */
void store_batch_delete_webhook_endpoint(struct store_batch *batch, const char *id);

/* The payload must be there. */
void store_batch_put_webhook_delivery(struct store_batch *batch,
                                      const struct webhook_delivery_row *row);
void store_batch_put_webhook_attempt(struct store_batch *batch,
                                     const struct webhook_attempt_row *row);

/* These three are only ever added. */
void store_batch_put_stream_metric(struct store_batch *batch, const struct stream_metric_row *row);
void store_batch_put_stream_cost(struct store_batch *batch, const struct stream_cost_row *row);
void store_batch_put_audit(struct store_batch *batch, const struct audit_row *row);

/* The body must be there. */
void store_batch_put_idempotency(struct store_batch *batch, const struct idempotency_row *row);
void store_batch_delete_idempotency(struct store_batch *batch,
                                    const uint8_t key_hash[CRYPTO_SHA256_LEN]);

#endif
