/*
 * db_sqlite - the database is a file, by sqlite3. One process has it.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "store/db_backend.h"

enum { BUSY_TIMEOUT_MS_DEFAULT = 5000, FILE_MODE = 0600 };

static const struct text SCHEME = TEXT_INIT("sqlite:");

struct sqlite_db {
    struct db base;
    sqlite3 *handle;
    struct map statements; /* SQL -> sqlite3_stmt */
};

static struct sqlite_db *sqlite_of(struct db *db)
{
    return (struct sqlite_db *)db;
}

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

static enum err failed(const struct sqlite_db *db, int code, struct diag *diag)
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

/* ---- life ---- */

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

static enum err run_script(struct db *db, struct text sql, struct diag *diag)
{
    struct sqlite_db *sqlite = sqlite_of(db);
    char *script = mem_strndup(sql.ptr, sql.len);
    int code = sqlite3_exec(sqlite->handle, script, NULL, NULL, NULL);

    mem_free(script);
    return code == SQLITE_OK ? OK : failed(sqlite, code, diag);
}

static enum err configure(struct sqlite_db *sqlite, const struct store_config *config,
                          struct diag *diag)
{
    char sql[64];
    uint32_t timeout_ms =
        config->busy_timeout_ms ? config->busy_timeout_ms : BUSY_TIMEOUT_MS_DEFAULT;

    (void)sqlite3_busy_timeout(sqlite->handle, (int)timeout_ms);
    if (config->page_count_max != 0) {
        (void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA max_page_count = %u",
                               config->page_count_max);
        enum err err = run_script(&sqlite->base, text_of(sql), diag);
        if (err != OK)
            return err;
    }
    return run_script(&sqlite->base,
                      TEXT("PRAGMA journal_mode = WAL;"
                           "PRAGMA synchronous = NORMAL;"
                           "PRAGMA foreign_keys = ON;"),
                      diag);
}

static void close_file(struct db *db)
{
    struct sqlite_db *sqlite = sqlite_of(db);
    sqlite3_stmt *statement = NULL;

    for (size_t position = 0; (statement = map_next(&sqlite->statements, &position));)
        (void)sqlite3_finalize(statement); /* repeats the statement's last error, told already */
    map_deinit(&sqlite->statements);
    (void)sqlite3_close(sqlite->handle); /* all statements are gone: it cannot be busy */
    mem_free(sqlite);
}

static enum err open_file(const struct store_config *config, struct db **ret_db, struct diag *diag)
{
    const char *path = config->url + SCHEME.len;
    enum err err = create_file(path, diag);

    if (err != OK)
        return err;

    struct sqlite_db *sqlite = mem_zalloc(sizeof(*sqlite));
    sqlite->base.backend = &db_sqlite;
    int code =
        sqlite3_open_v2(path, &sqlite->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    err = code == SQLITE_OK ? configure(sqlite, config, diag) : failed(sqlite, code, diag);
    if (err != OK) {
        close_file(&sqlite->base);
        return err;
    }
    *ret_db = &sqlite->base;
    return OK;
}

/* ---- statements ---- */

static enum err prepared(struct sqlite_db *sqlite, const char *sql, sqlite3_stmt **ret_statement,
                         struct diag *diag)
{
    struct text key = text_of(sql);
    sqlite3_stmt *statement = map_get(&sqlite->statements, key);

    if (!statement) {
        int code = sqlite3_prepare_v3(sqlite->handle, sql, (int)key.len + 1,
                                      SQLITE_PREPARE_PERSISTENT, &statement, NULL);
        if (code != SQLITE_OK)
            return failed(sqlite, code, diag);
        (void)map_put(&sqlite->statements, key, statement); /* nothing was there */
    }
    *ret_statement = statement;
    return OK;
}

static int bind(sqlite3_stmt *statement, int index, const struct db_value *value)
{
    if (value->is_null)
        return sqlite3_bind_null(statement, index);
    switch (value->kind) {
    case DB_VALUE_I64:
    case DB_VALUE_BOOL:
        return sqlite3_bind_int64(statement, index, value->number);
    case DB_VALUE_REAL:
        return sqlite3_bind_double(statement, index, value->real);
    case DB_VALUE_TEXT:
        /* static: the caller keeps the text until the statement is reset, which unbinds it */
        return sqlite3_bind_text(statement, index, value->text.len ? value->text.ptr : "",
                                 (int)value->text.len, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static enum err query(struct db *db, const char *sql, const struct db_value *values, size_t count,
                      struct db_cursor *cursor, struct diag *diag)
{
    struct sqlite_db *sqlite = sqlite_of(db);
    sqlite3_stmt *statement = NULL;
    enum err err = prepared(sqlite, sql, &statement, diag);

    if (err != OK)
        return err;
    assert((size_t)sqlite3_bind_parameter_count(statement) == count);

    cursor->rows = statement;
    for (size_t i = 0; i < count; i++) {
        int code = bind(statement, (int)i + 1, &values[i]);
        if (code != SQLITE_OK)
            return failed(sqlite, code, diag);
    }
    return OK;
}

static enum err next(struct db_cursor *cursor, bool *ret_has_row, struct diag *diag)
{
    int code = sqlite3_step(cursor->rows);

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return failed(sqlite_of(cursor->db), code, diag);
    *ret_has_row = code == SQLITE_ROW;
    return OK;
}

static void end_cursor(struct db_cursor *cursor)
{
    (void)sqlite3_reset(cursor->rows); /* repeats the last error, which was told */
    (void)sqlite3_clear_bindings(cursor->rows);
}

static uint64_t changed(const struct db_cursor *cursor)
{
    return (uint64_t)sqlite3_changes(sqlite_of(cursor->db)->handle);
}

static bool column_is_null(const struct db_cursor *cursor, int column)
{
    return sqlite3_column_type(cursor->rows, column) == SQLITE_NULL;
}

static int64_t column_i64(const struct db_cursor *cursor, int column)
{
    return sqlite3_column_int64(cursor->rows, column);
}

static double column_real(const struct db_cursor *cursor, int column)
{
    return sqlite3_column_double(cursor->rows, column);
}

static struct text column_text(const struct db_cursor *cursor, int column)
{
    const unsigned char *chars = sqlite3_column_text(cursor->rows, column);

    if (!chars)
        return (struct text){0};
    return (struct text){(const char *)chars, (size_t)sqlite3_column_bytes(cursor->rows, column)};
}

/* ---- transactions ---- */

static enum err begin(struct db *db, enum db_mode mode, struct diag *diag)
{
    /* IMMEDIATE takes the write lock, so that waiting happens here. */
    return db_run(db, mode == DB_READ ? "BEGIN" : "BEGIN IMMEDIATE", NULL, 0, NULL, diag);
}

static enum err commit(struct db *db, struct diag *diag)
{
    return db_run(db, "COMMIT", NULL, 0, NULL, diag);
}

static void rollback(struct db *db)
{
    sqlite3 *handle = sqlite_of(db)->handle;

    /* A full disk may have rolled back by itself already. */
    if (!sqlite3_get_autocommit(handle))
        (void)sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL); /* the first error counts */
}

static enum err try_task(struct db *db, enum db_task task, bool *ret_is_mine, struct diag *diag)
{
    (void)db;
    (void)task;
    (void)diag;
    *ret_is_mine = true; /* there is nobody else */
    return OK;
}

static enum err notify(struct db *db, struct text payload, struct diag *diag)
{
    (void)db;
    (void)payload;
    (void)diag;
    return OK;
}

const struct db_backend db_sqlite = {
    .schemes = {TEXT_INIT("sqlite:"), TEXT_INIT("sqlite:")},
    .is_shared = false,
    .open = open_file,
    .close = close_file,
    .script = run_script,
    .query = query,
    .next = next,
    .cursor_end = end_cursor,
    .changed = changed,
    .column_is_null = column_is_null,
    .column_i64 = column_i64,
    .column_real = column_real,
    .column_text = column_text,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .try_task = try_task,
    .notify = notify,
};
