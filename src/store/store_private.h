/*
 * store_private - inside of struct store, for the files of store/ only.
 */
#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H

#include "base/writer.h"
#include "store/db.h"
#include "store/store.h"
#include "store/tables.h"

/* PostgreSQL takes less than 8000 bytes in a NOTIFY. */
enum { TOLD_LEN_MAX = 7900 };

/* Numbers that this process has taken from `counters` and not used yet. */
struct id_block {
    uint64_t next;
    uint64_t end;
};

struct store {
    struct db *db;
    char node[STORE_NODE_LEN_MAX + 1];
    char node_url[ROW_NODE_URL_LEN_MAX + 1];
    int64_t started_at_us;
    struct id_block row_ids[STORE_TABLES_END]; /* of the counted tables */
    struct writer told; /* "<node> <table> <id>,<table> <id>": what the transaction wrote so far */
    uint8_t told_bytes[TOLD_LEN_MAX];
};

/* Everything that writes is between these two: other nodes hear of it when it is committed. */
MUST_USE enum err store_begin(struct store *store, struct diag *diag);
MUST_USE enum err store_end(struct store *store, enum err result, struct diag *diag);

/* Notes that a row was written or deleted. Nothing when nobody else is there to hear it. */
MUST_USE enum err store_tell(struct store *store, const struct table *table, struct text id,
                             struct diag *diag);
MUST_USE enum err store_tell_row(struct store *store, const struct table *table, const void *row,
                                 struct diag *diag);

/* A change of a channel, inside a transaction. */
MUST_USE enum err store_change_apply(struct store *store, const struct store_change *change,
                                     struct diag *diag);

/* Writes a row: a new one of a counted table, else a new one or in place of the one with its key.
 */
MUST_USE enum err store_put(struct store *store, const struct table *table, const void *row,
                            struct diag *diag);

/* Rows of a table that a statement gives, its columns first. */
struct row_list {
    const struct table *table;
    void *rows;
    size_t count;
    bool has_more; /* there was one more than `max`; it was not kept */
};

/* `on_last`, unless NULL, gets the cursor on the last row that is kept. Release with
 * row_list_deinit(), after an error too. */
typedef void row_fn(const struct db_cursor *cursor, void *context);
MUST_USE enum err row_list_load(struct store *store, const struct table *table, const char *sql,
                                const struct bound *bound, size_t max, row_fn *on_row,
                                void *context, struct row_list *ret_list, struct diag *diag);
void row_list_deinit(struct row_list *list);
void rows_release(const struct table *table, void *rows, size_t count);

#endif
