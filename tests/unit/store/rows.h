/*
 * rows - rows with something in every column, for the tests of store/.
 */
#ifndef TESTS_UNIT_STORE_ROWS_H
#define TESTS_UNIT_STORE_ROWS_H

#include "store/store.h"

struct channel_row a_channel(uint64_t id, const char *key);

/* The channel goes live. */
struct store_change a_start(uint64_t channel_id, uint64_t broadcast_id, const char *key);

/* "00000000-0000-7000-8000-<number>" with a letter in the first place. */
void an_id(char to[ROW_UUID_LEN + 1], char letter, unsigned number);

struct account_row an_account(unsigned number);
struct session_row a_session(unsigned number, unsigned account);
struct api_key_row an_api_key(unsigned number, unsigned account);
struct publish_token_row a_publish_token(unsigned number, uint64_t channel_id, unsigned account);
struct webhook_endpoint_row an_endpoint(unsigned number, unsigned account);

/* The caller releases the payload. */
struct webhook_delivery_row a_delivery(unsigned number, unsigned endpoint, int64_t created_at_us);
struct webhook_attempt_row an_attempt(unsigned delivery, uint32_t number);
struct stream_metric_row a_metric(uint64_t channel_id, uint64_t broadcast_id, int64_t at_us);
struct stream_cost_row a_cost(uint64_t channel_id, uint64_t broadcast_id, int64_t created_at_us);
struct audit_row an_audit(unsigned number, unsigned account, int64_t at_us);

/* The caller releases the body. */
struct idempotency_row an_idempotency(unsigned number, int64_t created_at_us);

/* Applies the batch, destroys it, and fails the test when it was not stored. */
void apply(struct store *store, struct store_batch *batch);

/* Fails the test when a column differs. */
void assert_row(enum store_table table, const void *got, const void *wanted);

/* A store with channels 1 and 2 (keys "k1", "k2"), accounts 1 and 2, endpoints 1 and 2 of them. */
void fill(struct store *store);

#endif
