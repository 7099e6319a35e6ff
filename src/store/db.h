/*
 * db - the thin skin over SQLite: open, statements that are prepared once, values, cursor, errors
 * as sentences. Private to store/.
 *
 * SQL is written in the part that SQLite and PostgreSQL share; parameters are '?'.
 *
 *     const struct db_value values[] = {DB_U64(id)};
 *     struct db_cursor cursor;
 *     err = db_query(db, "SELECT title FROM channels WHERE id = ?", values, 1, &cursor, diag);
 *     while (err == OK && (err = db_next(&cursor, &has_row, diag)) == OK && has_row) ...
 *     db_cursor_end(&cursor);
 *
 * Threads   One at a time.
 * Errors    As store.h lists them.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "store/store.h"

struct db;
struct sqlite3_stmt;

struct db_value {
    enum { DB_VALUE_NULL = 1, DB_VALUE_I64, DB_VALUE_TEXT } kind;
    int64_t number;
    struct text text;
};

#define DB_I64(value)                                                                              \
    (struct db_value)                                                                              \
    {                                                                                              \
        .kind = DB_VALUE_I64, .number = (value)                                                    \
    }
#define DB_U64(value) DB_I64((int64_t)(value))
#define DB_TEXT(value)                                                                             \
    (struct db_value)                                                                              \
    {                                                                                              \
        .kind = DB_VALUE_TEXT, .text = (value)                                                     \
    }

/* NULL for 0, and for the empty text. */
struct db_value db_time(int64_t wall_us);
struct db_value db_word(const char *word);

struct db_cursor {
    struct db *db;
    struct sqlite3_stmt *statement; /* NULL: ended */
};

MUST_USE enum err db_open(const struct store_config *config, struct db **ret_db, struct diag *diag);

/* NULL is allowed. */
void db_close(struct db *db);

/* Runs a script of several statements without values. */
MUST_USE enum err db_script(struct db *db, struct text sql, struct diag *diag);

/* Runs one statement; *ret_changed, unless NULL, gets the number of rows it changed. */
MUST_USE enum err db_run(struct db *db, const char *sql, const struct db_value *values,
                         size_t count, uint64_t *ret_changed, struct diag *diag);

/* Starts a query. Whatever it returns, db_cursor_end() may be called. */
MUST_USE enum err db_query(struct db *db, const char *sql, const struct db_value *values,
                           size_t count, struct db_cursor *ret_cursor, struct diag *diag);
MUST_USE enum err db_next(struct db_cursor *cursor, bool *ret_has_row, struct diag *diag);
void db_cursor_end(struct db_cursor *cursor);

/* Column of the current row, from 0. NULL gives 0 and the empty text. */
int64_t db_column_i64(const struct db_cursor *cursor, int column);

/* Borrowed until the next db_next(). */
struct text db_column_text(const struct db_cursor *cursor, int column);

/* Transactions that write. They take the write lock at once, so that waiting happens here. */
MUST_USE enum err db_begin(struct db *db, struct diag *diag);

/* Commits when `result` is OK, else rolls back. Returns `result`, or what the commit said. */
MUST_USE enum err db_end(struct db *db, enum err result, struct diag *diag);

#endif
