#include "store/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"

enum { BUSY_TIMEOUT_MS_DEFAULT = 5000, FILE_MODE = 0600 };

struct db {
    sqlite3 *handle;
    struct map statements; /* SQL -> sqlite3_stmt */
};

/* What each answer of SQLite means for the caller, and what an operator should know. */
static const struct {
    int code;
    enum err err;
    const char *sentence;
} failures[] = {
    {SQLITE_FULL, ERR_IO, "the disk is full, or the database has reached its size limit"},
    {SQLITE_BUSY, ERR_AGAIN, "another process holds the database; is a second server running?"},
    {SQLITE_LOCKED, ERR_AGAIN, "another statement holds the database"},
    {SQLITE_CORRUPT, ERR_IO, "the database file is damaged; restore it from a backup"},
    {SQLITE_NOTADB, ERR_IO, "the file is not a SQLite database"},
    {SQLITE_READONLY, ERR_DENIED, "the database may not be written; check the file's owner"},
    {SQLITE_PERM, ERR_DENIED, "the database may not be opened; check the file's owner"},
    {SQLITE_AUTH, ERR_DENIED, "the database may not be opened; check the file's owner"},
    {SQLITE_CANTOPEN, ERR_DENIED, "the database file cannot be opened; check folder and owner"},
    {SQLITE_CONSTRAINT, ERR_CONFLICT, "the row contradicts what is stored"},
    {SQLITE_IOERR, ERR_IO, "the disk failed"},
};

static enum err failed(struct db *db, int code, struct diag *diag)
{
    const char *detail = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);

    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (failures[i].code != (code & 0xff)) /* the low byte is the primary result code */
            continue;
        diag_set(diag, "database: %s (%s)", failures[i].sentence, detail);
        return failures[i].err;
    }
    diag_set(diag, "database: %s", detail);
    return ERR_IO;
}

struct db_value db_time(int64_t wall_us)
{
    return wall_us ? DB_I64(wall_us) : (struct db_value){.kind = DB_VALUE_NULL};
}

struct db_value db_word(const char *word)
{
    return *word ? DB_TEXT(text_of(word)) : (struct db_value){.kind = DB_VALUE_NULL};
}

/* SQLite would create the file by umask; keys are inside, so only the owner may read it. */
static enum err create_file(const char *path, struct diag *diag)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);

    if (fd < 0) {
        diag_set(diag, "the database file %s cannot be opened (%s); check folder and owner", path,
                 strerror(errno));
        return ERR_DENIED;
    }
    (void)close(fd); /* nothing was written */
    return OK;
}

static enum err configure(struct db *db, const struct store_config *config, struct diag *diag)
{
    char sql[64];
    uint32_t timeout_ms =
        config->busy_timeout_ms ? config->busy_timeout_ms : BUSY_TIMEOUT_MS_DEFAULT;

    (void)sqlite3_busy_timeout(db->handle, (int)timeout_ms);
    if (config->page_count_max != 0) {
        (void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA max_page_count = %u",
                               config->page_count_max);
        enum err err = db_script(db, text_of(sql), diag);
        if (err != OK)
            return err;
    }
    return db_script(db,
                     TEXT("PRAGMA journal_mode = WAL;"
                          "PRAGMA synchronous = NORMAL;"
                          "PRAGMA foreign_keys = ON;"),
                     diag);
}

static const char SQLITE_SCHEME[] = "sqlite:";

enum err db_open(const struct store_config *config, struct db **ret_db, struct diag *diag)
{
    if (!text_starts_with(text_of(config->url), text_of(SQLITE_SCHEME))) {
        diag_set(diag, "database.url must start with sqlite:");
        return ERR_INVALID;
    }
    const char *path = config->url + strlen(SQLITE_SCHEME);
    enum err err = create_file(path, diag);

    if (err != OK)
        return err;

    struct db *db = mem_zalloc(sizeof(*db));
    int code =
        sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    err = code == SQLITE_OK ? configure(db, config, diag) : failed(db, code, diag);
    if (err != OK) {
        db_close(db);
        return err;
    }
    *ret_db = db;
    return OK;
}

void db_close(struct db *db)
{
    if (!db)
        return;

    sqlite3_stmt *statement = NULL;
    for (size_t position = 0; (statement = map_next(&db->statements, &position));)
        (void)sqlite3_finalize(statement); /* repeats the statement's last error, told already */
    map_deinit(&db->statements);
    (void)sqlite3_close(db->handle); /* all statements are gone: it cannot be busy */
    mem_free(db);
}

enum err db_script(struct db *db, struct text sql, struct diag *diag)
{
    char *script = mem_strndup(sql.ptr, sql.len);
    int code = sqlite3_exec(db->handle, script, NULL, NULL, NULL);

    mem_free(script);
    return code == SQLITE_OK ? OK : failed(db, code, diag);
}

static enum err prepared(struct db *db, const char *sql, sqlite3_stmt **ret_statement,
                         struct diag *diag)
{
    struct text key = text_of(sql);
    sqlite3_stmt *statement = map_get(&db->statements, key);

    if (!statement) {
        int code = sqlite3_prepare_v3(db->handle, sql, (int)key.len + 1, SQLITE_PREPARE_PERSISTENT,
                                      &statement, NULL);
        if (code != SQLITE_OK)
            return failed(db, code, diag);
        (void)map_put(&db->statements, key, statement); /* nothing was there */
    }
    *ret_statement = statement;
    return OK;
}

static int bind(sqlite3_stmt *statement, int index, const struct db_value *value)
{
    switch (value->kind) {
    case DB_VALUE_NULL:
        return sqlite3_bind_null(statement, index);
    case DB_VALUE_I64:
        return sqlite3_bind_int64(statement, index, value->number);
    case DB_VALUE_TEXT:
        /* static: the caller keeps the text until the statement is reset, which unbinds it */
        return sqlite3_bind_text(statement, index, value->text.len ? value->text.ptr : "",
                                 (int)value->text.len, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

enum err db_query(struct db *db, const char *sql, const struct db_value *values, size_t count,
                  struct db_cursor *ret_cursor, struct diag *diag)
{
    sqlite3_stmt *statement = NULL;

    *ret_cursor = (struct db_cursor){db, NULL};
    enum err err = prepared(db, sql, &statement, diag);
    if (err != OK)
        return err;
    assert((size_t)sqlite3_bind_parameter_count(statement) == count);

    ret_cursor->statement = statement;
    for (size_t i = 0; i < count; i++) {
        int code = bind(statement, (int)i + 1, &values[i]);
        if (code != SQLITE_OK)
            return failed(db, code, diag);
    }
    return OK;
}

enum err db_next(struct db_cursor *cursor, bool *ret_has_row, struct diag *diag)
{
    int code = sqlite3_step(cursor->statement);

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return failed(cursor->db, code, diag);
    *ret_has_row = code == SQLITE_ROW;
    return OK;
}

void db_cursor_end(struct db_cursor *cursor)
{
    if (!cursor->statement)
        return;
    (void)sqlite3_reset(cursor->statement); /* repeats the last error, which was told */
    (void)sqlite3_clear_bindings(cursor->statement);
    cursor->statement = NULL;
}

enum err db_run(struct db *db, const char *sql, const struct db_value *values, size_t count,
                uint64_t *ret_changed, struct diag *diag)
{
    struct db_cursor cursor;
    bool has_row = false;
    enum err err = db_query(db, sql, values, count, &cursor, diag);

    if (err == OK)
        err = db_next(&cursor, &has_row, diag);
    if (err == OK && ret_changed)
        *ret_changed = (uint64_t)sqlite3_changes(db->handle);
    db_cursor_end(&cursor);
    return err;
}

int64_t db_column_i64(const struct db_cursor *cursor, int column)
{
    return sqlite3_column_int64(cursor->statement, column);
}

struct text db_column_text(const struct db_cursor *cursor, int column)
{
    const unsigned char *chars = sqlite3_column_text(cursor->statement, column);

    if (!chars)
        return (struct text){0};
    return (struct text){(const char *)chars,
                         (size_t)sqlite3_column_bytes(cursor->statement, column)};
}

enum err db_begin(struct db *db, struct diag *diag)
{
    return db_run(db, "BEGIN IMMEDIATE", NULL, 0, NULL, diag);
}

enum err db_end(struct db *db, enum err result, struct diag *diag)
{
    if (result == OK)
        result = db_run(db, "COMMIT", NULL, 0, NULL, diag);
    /* A full disk may have rolled back by itself already. */
    if (result != OK && !sqlite3_get_autocommit(db->handle))
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL); /* the first error counts */
    return result;
}
