/*
 * db - one skin over two databases: open, statements that are prepared once, values, cursor,
 * transactions, errors as sentences. Private to store/.
 *
 *                    .--> db_sqlite.c    a file, by sqlite3
 *     store, queries -> db.c (table of functions)
 *                    '--> db_postgres.c  a server, by libpq
 *
 * SQL is written in the part that both share; parameters are '?'.
 *
 *     const struct db_value values[] = {DB_U64(id)};
 *     struct db_cursor cursor;
 *     err = db_query(db, "SELECT title FROM channels WHERE id = ?", values, 1, &cursor, diag);
 *     while (err == OK && (err = db_next(&cursor, &has_row, diag)) == OK && has_row) ...
 *     db_cursor_end(&cursor);
 *
 * Types     A parameter has the type of its value, also when it is NULL: PostgreSQL prepares a
 *           statement for types, so a place must get the same type each time.
 * Threads   One at a time.
 * Errors    As store.h lists them. After an error inside a transaction, end it with that error.
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

enum { DB_VALUES_MAX = 32 };

struct db_value {
    enum { DB_VALUE_I64 = 1, DB_VALUE_TEXT, DB_VALUE_BOOL, DB_VALUE_REAL } kind;
    bool is_null;
    int64_t number; /* I64, BOOL */
    double real;
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
#define DB_BOOL(value)                                                                             \
    (struct db_value)                                                                              \
    {                                                                                              \
        .kind = DB_VALUE_BOOL, .number = (value)                                                   \
    }
#define DB_REAL(value)                                                                             \
    (struct db_value)                                                                              \
    {                                                                                              \
        .kind = DB_VALUE_REAL, .real = (value)                                                     \
    }

/* NULL for 0, and for the empty text. */
struct db_value db_time(int64_t wall_us);
struct db_value db_word(const char *word);

struct db_cursor {
    struct db *db;
    void *rows; /* the backend's: sqlite3_stmt, PGresult; NULL: ended */
    int row;
};

/* What a transaction is for. */
enum db_mode {
    DB_READ = 1, /* one moment of the database, whatever others write meanwhile */
    DB_WRITE,    /* waits here for other writers (SQLite), not in the middle */
    DB_SCHEMA,   /* one process at a time; statements may take as long as they need */
};

/* Tasks that one process at a time does. */
enum db_task { DB_TASK_SCHEMA = 1, DB_TASK_THINNING };

MUST_USE enum err db_open(const struct store_config *config, struct db **ret_db, struct diag *diag);

/* NULL is allowed. */
void db_close(struct db *db);

/* Several processes may use this database: others are told what changes, numbers are reserved. */
bool db_is_shared(const struct db *db);

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

/* db_query() and its first row. */
MUST_USE enum err db_query_row(struct db *db, const char *sql, const struct db_value *values,
                               size_t count, struct db_cursor *ret_cursor, bool *ret_has_row,
                               struct diag *diag);

/* Column of the current row, from 0. NULL gives 0 and the empty text. */
bool db_column_is_null(const struct db_cursor *cursor, int column);
int64_t db_column_i64(const struct db_cursor *cursor, int column);
double db_column_real(const struct db_cursor *cursor, int column);
bool db_column_bool(const struct db_cursor *cursor, int column);

/* Borrowed until the next db_next(). */
struct text db_column_text(const struct db_cursor *cursor, int column);

MUST_USE enum err db_begin(struct db *db, enum db_mode mode, struct diag *diag);

/* Commits when `result` is OK, else rolls back. Returns `result`, or what the commit said. */
MUST_USE enum err db_end(struct db *db, enum err result, struct diag *diag);

/* Takes the task until the end of the transaction; *ret_is_mine is false when another process does
 * it now. */
MUST_USE enum err db_try_task(struct db *db, enum db_task task, bool *ret_is_mine,
                              struct diag *diag);

/* Tells the other processes, when the transaction is committed. Nothing when there are none. */
MUST_USE enum err db_notify(struct db *db, struct text payload, struct diag *diag);

#endif
