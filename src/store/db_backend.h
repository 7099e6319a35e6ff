/*
 * db_backend - what a kind of database must be able to do; db.h says what each function means.
 * Private to store/.
 */
#ifndef STORE_DB_BACKEND_H
#define STORE_DB_BACKEND_H

#include "store/db.h"

struct db_backend {
    struct text schemes[2]; /* what URLs of this kind start with */
    bool is_shared;
    enum err (*open)(const struct store_config *config, struct db **ret_db, struct diag *diag);
    void (*close)(struct db *db);
    enum err (*script)(struct db *db, struct text sql, struct diag *diag);
    enum err (*query)(struct db *db, const char *sql, const struct db_value *values, size_t count,
                      struct db_cursor *ret_cursor, struct diag *diag);
    enum err (*next)(struct db_cursor *cursor, bool *ret_has_row, struct diag *diag);
    void (*cursor_end)(struct db_cursor *cursor);
    uint64_t (*changed)(const struct db_cursor *cursor);
    bool (*column_is_null)(const struct db_cursor *cursor, int column);
    int64_t (*column_i64)(const struct db_cursor *cursor, int column);
    double (*column_real)(const struct db_cursor *cursor, int column);
    struct text (*column_text)(const struct db_cursor *cursor, int column);
    enum err (*begin)(struct db *db, enum db_mode mode, struct diag *diag);
    enum err (*commit)(struct db *db, struct diag *diag);
    void (*rollback)(struct db *db); /* also after a commit that failed */
    enum err (*try_task)(struct db *db, enum db_task task, bool *ret_is_mine, struct diag *diag);
    enum err (*notify)(struct db *db, struct text payload, struct diag *diag);
};

/* The first member of each backend's own struct. */
struct db {
    const struct db_backend *backend;
};

extern const struct db_backend db_sqlite;
extern const struct db_backend db_postgres;

#endif
