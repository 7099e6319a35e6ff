#include "store/db.h"

#include "store/db_backend.h"

static const struct db_backend *const backends[] = {&db_sqlite, &db_postgres};

struct db_value db_time(int64_t wall_us)
{
    return (struct db_value){.kind = DB_VALUE_I64, .is_null = wall_us == 0, .number = wall_us};
}

struct db_value db_word(const char *word)
{
    return (struct db_value){.kind = DB_VALUE_TEXT, .is_null = !*word, .text = text_of(word)};
}

enum err db_open(const struct store_config *config, struct db **ret_db, struct diag *diag)
{
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
        for (size_t k = 0; k < 2; k++)
            if (text_starts_with(text_of(config->url), backends[i]->schemes[k]))
                return backends[i]->open(config, ret_db, diag);
    /* The URL itself is not shown: a password may be in it. */
    diag_set(diag, "database.url must start with sqlite: or postgres://");
    return ERR_INVALID;
}

void db_close(struct db *db)
{
    if (db)
        db->backend->close(db);
}

bool db_is_shared(const struct db *db)
{
    return db->backend->is_shared;
}

enum err db_script(struct db *db, struct text sql, struct diag *diag)
{
    return db->backend->script(db, sql, diag);
}

enum err db_query(struct db *db, const char *sql, const struct db_value *values, size_t count,
                  struct db_cursor *ret_cursor, struct diag *diag)
{
    *ret_cursor = (struct db_cursor){.db = db};
    return db->backend->query(db, sql, values, count, ret_cursor, diag);
}

enum err db_next(struct db_cursor *cursor, bool *ret_has_row, struct diag *diag)
{
    return cursor->db->backend->next(cursor, ret_has_row, diag);
}

void db_cursor_end(struct db_cursor *cursor)
{
    if (cursor->rows)
        cursor->db->backend->cursor_end(cursor);
    cursor->rows = NULL;
}

enum err db_query_row(struct db *db, const char *sql, const struct db_value *values, size_t count,
                      struct db_cursor *ret_cursor, bool *ret_has_row, struct diag *diag)
{
    enum err err = db_query(db, sql, values, count, ret_cursor, diag);

    return err == OK ? db_next(ret_cursor, ret_has_row, diag) : err;
}

enum err db_run(struct db *db, const char *sql, const struct db_value *values, size_t count,
                uint64_t *ret_changed, struct diag *diag)
{
    struct db_cursor cursor;
    bool has_row;
    enum err err = db_query_row(db, sql, values, count, &cursor, &has_row, diag);

    if (err == OK && ret_changed)
        *ret_changed = db->backend->changed(&cursor);
    db_cursor_end(&cursor);
    return err;
}

bool db_column_is_null(const struct db_cursor *cursor, int column)
{
    return cursor->db->backend->column_is_null(cursor, column);
}

int64_t db_column_i64(const struct db_cursor *cursor, int column)
{
    return cursor->db->backend->column_i64(cursor, column);
}

double db_column_real(const struct db_cursor *cursor, int column)
{
    return cursor->db->backend->column_real(cursor, column);
}

bool db_column_bool(const struct db_cursor *cursor, int column)
{
    struct text value = db_column_text(cursor, column);

    return text_equal(value, TEXT("1")) || text_equal(value, TEXT("t")); /* SQLite, PostgreSQL */
}

struct text db_column_text(const struct db_cursor *cursor, int column)
{
    return cursor->db->backend->column_text(cursor, column);
}

enum err db_begin(struct db *db, enum db_mode mode, struct diag *diag)
{
    return db->backend->begin(db, mode, diag);
}

enum err db_end(struct db *db, enum err result, struct diag *diag)
{
    if (result == OK)
        result = db->backend->commit(db, diag);
    if (result != OK)
        db->backend->rollback(db);
    return result;
}

enum err db_try_task(struct db *db, enum db_task task, bool *ret_is_mine, struct diag *diag)
{
    return db->backend->try_task(db, task, ret_is_mine, diag);
}

enum err db_notify(struct db *db, struct text payload, struct diag *diag)
{
    return db->backend->notify(db, payload, diag);
}
