#include "store/batch.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "store/store_private.h"

enum op_kind { OP_CHANGE = 1, OP_RECORDING, OP_PUT, OP_TOUCH, OP_DELETE, OP_DELETE_SESSIONS };

/* What is in the data of each kind of op: OP_CHANGE a struct store_change, OP_PUT the table's row,
 * the others this. */
struct op_target {
    char id[STORE_ROW_ID_LEN_MAX + 1];
    int64_t at_us;                     /* OP_TOUCH */
    uint64_t broadcast_id;             /* OP_RECORDING */
    char url[STORE_URL_LEN_MAX + 1];   /* OP_RECORDING */
    bool has_except;                   /* OP_DELETE_SESSIONS */
    uint8_t except[CRYPTO_SHA256_LEN]; /* OP_DELETE_SESSIONS */
};

struct op {
    struct list_node node;
    enum op_kind kind;
    const struct table *table; /* of OP_PUT, OP_TOUCH, OP_DELETE */
    size_t size;
    max_align_t data[];
};

struct store_batch {
    struct list ops;
    size_t count;
};

/* ---- life ---- */

struct store_batch *store_batch_create(void)
{
    struct store_batch *batch = mem_zalloc(sizeof(*batch));

    list_init(&batch->ops);
    return batch;
}

static void op_destroy(struct op *op)
{
    list_unlink(&op->node);
    if (op->kind == OP_PUT)
        row_release(op->table, op->data);
    crypto_wipe(op->data, op->size);
    mem_free(op);
}

void store_batch_destroy(struct store_batch *batch)
{
    if (!batch)
        return;
    LIST_FOR_EACH(node, &batch->ops)
    {
        op_destroy(CONTAINER_OF(node, struct op, node));
    }
    mem_free(batch);
}

size_t store_batch_count(const struct store_batch *batch)
{
    return batch->count;
}

void store_batch_append(struct store_batch *batch, struct store_batch *from)
{
    list_splice_back(&batch->ops, &from->ops);
    batch->count += from->count;
    from->count = 0;
}

/* ---- filling ---- */

static struct op *add(struct store_batch *batch, enum op_kind kind, const struct table *table,
                      const void *data, size_t size)
{
    struct op *op = mem_alloc(sizeof(*op) + size);

    op->kind = kind;
    op->table = table;
    op->size = size;
    memcpy(op->data, data, size);
    list_node_init(&op->node);
    list_push_back(&batch->ops, &op->node);
    batch->count++;
    return op;
}

static void put(struct store_batch *batch, enum store_table which, const void *row)
{
    const struct table *table = table_of(which);
    struct op *op = add(batch, OP_PUT, table, row, table->row_size);

    row_ref(table, op->data);
    row_make_utf8(table, op->data);
}

static void copy_id(struct op_target *target, struct text id)
{
    id = text_sub(id, 0, STORE_ROW_ID_LEN_MAX); /* a longer one is the id of nothing */
    memcpy(target->id, id.len ? id.ptr : "", id.len);
}

static void aim(struct store_batch *batch, enum op_kind kind, enum store_table which,
                struct text id, int64_t at_us)
{
    struct op_target target = {.at_us = at_us};

    copy_id(&target, id);
    (void)add(batch, kind, table_of(which), &target, sizeof(target));
}

static void aim_at_hash(struct store_batch *batch, enum op_kind kind, enum store_table which,
                        const uint8_t hash[CRYPTO_SHA256_LEN], int64_t at_us)
{
    char hex[HEX_LEN];
    struct writer w = writer_fixed(hex, sizeof(hex));

    crypto_hex(&w, hash, CRYPTO_SHA256_LEN);
    aim(batch, kind, which, writer_as_text(&w), at_us);
}

void store_batch_change(struct store_batch *batch, const struct store_change *change)
{
    struct op *op = add(batch, OP_CHANGE, NULL, change, sizeof(*change));
    struct store_change *copy = (struct store_change *)op->data;

    row_make_utf8(table_of(STORE_CHANNELS), &copy->channel);
    row_make_utf8(table_of(STORE_BROADCASTS), &copy->broadcast);
}

void store_batch_set_recording(struct store_batch *batch, uint64_t broadcast_id, const char *url)
{
    struct op_target target = {.broadcast_id = broadcast_id};
    struct text cut = text_sub(text_of(url), 0, STORE_URL_LEN_MAX);

    memcpy(target.url, cut.len ? cut.ptr : "", cut.len);
    (void)add(batch, OP_RECORDING, NULL, &target, sizeof(target));
}

void store_batch_put_account(struct store_batch *batch, const struct account_row *row)
{
    put(batch, STORE_ACCOUNTS, row);
}

void store_batch_put_session(struct store_batch *batch, const struct session_row *row)
{
    put(batch, STORE_SESSIONS, row);
}

void store_batch_touch_session(struct store_batch *batch,
                               const uint8_t token_hash[CRYPTO_SHA256_LEN], int64_t last_used_at_us)
{
    aim_at_hash(batch, OP_TOUCH, STORE_SESSIONS, token_hash, last_used_at_us);
}

void store_batch_delete_session(struct store_batch *batch,
                                const uint8_t token_hash[CRYPTO_SHA256_LEN])
{
    aim_at_hash(batch, OP_DELETE, STORE_SESSIONS, token_hash, 0);
}

void store_batch_delete_sessions(struct store_batch *batch, const char *account_id,
                                 const uint8_t *except)
{
    struct op_target target = {.has_except = except != NULL};

    copy_id(&target, text_of(account_id));
    if (except)
        memcpy(target.except, except, sizeof(target.except));
    (void)add(batch, OP_DELETE_SESSIONS, table_of(STORE_SESSIONS), &target, sizeof(target));
}

void store_batch_put_api_key(struct store_batch *batch, const struct api_key_row *row)
{
    put(batch, STORE_API_KEYS, row);
}

void store_batch_touch_api_key(struct store_batch *batch, const char *id, int64_t last_used_at_us)
{
    aim(batch, OP_TOUCH, STORE_API_KEYS, text_of(id), last_used_at_us);
}

void store_batch_delete_api_key(struct store_batch *batch, const char *id)
{
    aim(batch, OP_DELETE, STORE_API_KEYS, text_of(id), 0);
}

void store_batch_put_publish_token(struct store_batch *batch, const struct publish_token_row *row)
{
    put(batch, STORE_PUBLISH_TOKENS, row);
}

void store_batch_delete_publish_token(struct store_batch *batch, const char *id)
{
    aim(batch, OP_DELETE, STORE_PUBLISH_TOKENS, text_of(id), 0);
}

void store_batch_put_webhook_endpoint(struct store_batch *batch,
                                      const struct webhook_endpoint_row *row)
{
    put(batch, STORE_WEBHOOK_ENDPOINTS, row);
}

void store_batch_delete_webhook_endpoint(struct store_batch *batch, const char *id)
{
    aim(batch, OP_DELETE, STORE_WEBHOOK_ENDPOINTS, text_of(id), 0);
}

void store_batch_put_webhook_delivery(struct store_batch *batch,
                                      const struct webhook_delivery_row *row)
{
    assert(row->payload);
    put(batch, STORE_WEBHOOK_DELIVERIES, row);
}

void store_batch_put_webhook_attempt(struct store_batch *batch,
                                     const struct webhook_attempt_row *row)
{
    put(batch, STORE_WEBHOOK_ATTEMPTS, row);
}

void store_batch_put_stream_metric(struct store_batch *batch, const struct stream_metric_row *row)
{
    put(batch, STORE_STREAM_METRICS, row);
}

void store_batch_put_stream_cost(struct store_batch *batch, const struct stream_cost_row *row)
{
    put(batch, STORE_STREAM_COSTS, row);
}

void store_batch_put_audit(struct store_batch *batch, const struct audit_row *row)
{
    put(batch, STORE_AUDIT_LOG, row);
}

void store_batch_put_idempotency(struct store_batch *batch, const struct idempotency_row *row)
{
    assert(row->body);
    put(batch, STORE_IDEMPOTENCY_KEYS, row);
}

void store_batch_delete_idempotency(struct store_batch *batch,
                                    const uint8_t key_hash[CRYPTO_SHA256_LEN])
{
    aim_at_hash(batch, OP_DELETE, STORE_IDEMPOTENCY_KEYS, key_hash, 0);
}

/* ---- applying ---- */

static enum err touch(struct store *store, const struct table *table,
                      const struct op_target *target, struct diag *diag)
{
    struct bound bound = {0};
    struct sql sql = {0};

    bind_value(&bound, DB_I64(target->at_us));
    if (!bind_id(&bound, table, text_of(target->id)))
        return OK; /* the id of no row */
    sql_addf(&sql, "UPDATE %s SET last_used_at = ? WHERE %s = ?", table->name, table->id_column);
    return db_run(store->db, sql.text, bound.values, bound.count, NULL, diag);
}

static enum err delete_one(struct store *store, const struct table *table,
                           const struct op_target *target, struct diag *diag)
{
    struct bound bound = {0};
    struct sql sql = {0};
    uint64_t changed = 0;

    if (!bind_id(&bound, table, text_of(target->id)))
        return OK;
    sql_addf(&sql, "DELETE FROM %s WHERE %s = ?", table->name, table->id_column);
    enum err err = db_run(store->db, sql.text, bound.values, bound.count, &changed, diag);
    if (err != OK || changed == 0)
        return err;
    return store_tell(store, table, text_of(target->id), diag);
}

/* Each one is told: other nodes have them by their hash. */
static enum err delete_sessions(struct store *store, const struct op_target *target,
                                struct diag *diag)
{
    const struct table *table = table_of(STORE_SESSIONS);
    struct bound bound = {0};
    struct db_cursor cursor;
    bool has_row = false;

    bind_value(&bound, DB_TEXT(text_of(target->id)));
    if (target->has_except)
        bind_hash(&bound, target->except);
    else
        bind_value(&bound, DB_TEXT(TEXT("")));
    enum err err = db_query(store->db,
                            "DELETE FROM sessions WHERE account_id = ? AND token_hash <> ? "
                            "RETURNING token_hash",
                            bound.values, bound.count, &cursor, diag);
    while (err == OK && (err = db_next(&cursor, &has_row, diag)) == OK && has_row)
        err = store_tell(store, table, db_column_text(&cursor, 0), diag);
    db_cursor_end(&cursor);
    return err;
}

static enum err set_recording(struct store *store, const struct op_target *target,
                              struct diag *diag)
{
    const struct db_value values[] = {db_word(target->url), DB_U64(target->broadcast_id)};
    struct db_cursor cursor;
    bool has_row = false;
    char id[24] = "";
    enum err err = db_run(store->db, "UPDATE broadcasts SET recording_url = ? WHERE id = ?", values,
                          2, NULL, diag);

    if (err != OK)
        return err;
    err = db_query(store->db,
                   "UPDATE channels SET stream_recording_url = ? "
                   "WHERE id = (SELECT channel_id FROM broadcasts WHERE id = ?) RETURNING id",
                   values, 2, &cursor, diag);
    while (err == OK && (err = db_next(&cursor, &has_row, diag)) == OK && has_row) {
        struct writer w = writer_fixed(id, sizeof(id));

        writer_dec(&w, (uint64_t)db_column_i64(&cursor, 0));
        err = store_tell(store, table_of(STORE_CHANNELS), writer_as_text(&w), diag);
    }
    db_cursor_end(&cursor);
    return err;
}

static enum err op_apply(struct store *store, const struct op *op, struct diag *diag)
{
    const void *data = op->data;

    switch (op->kind) {
    case OP_CHANGE:
        return store_change_apply(store, data, diag);
    case OP_RECORDING:
        return set_recording(store, data, diag);
    case OP_PUT:
        return store_put(store, op->table, data, diag);
    case OP_TOUCH:
        return touch(store, op->table, data, diag);
    case OP_DELETE:
        return delete_one(store, op->table, data, diag);
    case OP_DELETE_SESSIONS:
        return delete_sessions(store, data, diag);
    }
    return ERR_INVALID;
}

enum err store_apply_batch(struct store *store, const struct store_batch *batch, struct diag *diag)
{
    if (batch->count > STORE_BATCH_MAX) {
        diag_set(diag, "database: a change of %zu rows at once; %d is the most", batch->count,
                 STORE_BATCH_MAX);
        return ERR_LIMIT;
    }
    if (batch->count == 0)
        return OK;
    enum err err = store_begin(store, diag);
    if (err != OK)
        return err;
    LIST_FOR_EACH(node, &batch->ops)
    {
        err = op_apply(store, CONTAINER_OF(node, struct op, node), diag);
        if (err != OK)
            break;
    }
    return store_end(store, err, diag);
}
