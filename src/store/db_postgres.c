/*
 * db_postgres - the database is a PostgreSQL server, by libpq. Several processes share it.
 *
 * A connection that is lost or too slow is dropped; what was under way fails with a sentence, and a
 * later call connects anew and prepares its statements again. After an attempt that failed, calls
 * fail at once for a moment: jobs that wait behind it must not each wait for the same silence.
 */
#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/writer.h"
#include "store/db_backend.h"
#include "store/postgres.h"

enum {
    ANSWER_TIMEOUT_MS_DEFAULT = 10000,
    IDLE_TRANSACTION_MS = 60000, /* the server ends a transaction of a process that is stopped */
    SQL_LEN_MAX = 16384,
};

static const int64_t CONNECT_PAUSE_US = US_PER_S;
static const int64_t CLIENT_EXTRA_US = US_PER_S; /* the server's own timeout comes first */
static const int64_t SCHEMA_TIMEOUT_US = 600 * US_PER_S;

/* pg_type.dat of PostgreSQL; these numbers never change. */
enum { TYPE_BOOL = 16, TYPE_INT8 = 20, TYPE_TEXT = 25, TYPE_FLOAT8 = 701 };

struct statement {
    char name[16];
    char *sql;           /* with $1 ... */
    unsigned connection; /* on which it is prepared; 0: on none */
};

struct postgres_db {
    struct db base;
    char *url;
    PGconn *conn;              /* NULL: not connected */
    unsigned connection;       /* its number, from 1 */
    struct map statements;     /* SQL with '?' -> struct statement */
    int64_t answer_timeout_us; /* as configured */
    int64_t patience_us;       /* now: more for migrations */
    int64_t connect_after_us;
    struct diag connect_problem;
    bool is_in_transaction;
};

static struct postgres_db *postgres_of(struct db *db)
{
    return (struct postgres_db *)db;
}

/* ---- the connection ---- */

static void drop_connection(struct postgres_db *pg)
{
    postgres_finish(pg->conn);
    pg->conn = NULL;
}

/* A connection that did not answer in time, or is lost, is of no use. */
static enum err judge(struct postgres_db *pg, enum err err)
{
    if (err == OK || !pg->conn)
        return err;
    if (err == ERR_TIMEOUT || PQstatus(pg->conn) != CONNECTION_OK)
        drop_connection(pg);
    return err == ERR_TIMEOUT ? ERR_AGAIN : err;
}

static int64_t deadline(const struct postgres_db *pg)
{
    return clock_mono_us() + pg->patience_us + CLIENT_EXTRA_US;
}

static enum err run_plain(struct postgres_db *pg, const char *sql, struct diag *diag)
{
    return judge(pg, postgres_script(pg->conn, text_of(sql), deadline(pg), diag));
}

static enum err connect_now(struct postgres_db *pg, struct diag *diag)
{
    char settings[160];
    struct pg_conn *conn = NULL;
    enum err err = postgres_connect(pg->url, &conn, diag);

    if (err != OK)
        return err;
    pg->conn = conn;
    pg->connection++;
    (void)snprintf(settings, sizeof(settings),
                   "SET statement_timeout = %lld; SET idle_in_transaction_session_timeout = %d",
                   (long long)(pg->answer_timeout_us / US_PER_MS), IDLE_TRANSACTION_MS);
    err = run_plain(pg, settings, diag);
    if (err != OK)
        drop_connection(pg);
    return err;
}

static enum err ensure_connected(struct postgres_db *pg, struct diag *diag)
{
    if (pg->is_in_transaction && !pg->conn) {
        diag_set(diag, "database: the connection was lost in the middle of a change");
        return ERR_AGAIN;
    }
    /* The server may have been restarted since the last call: then nothing is lost yet. */
    if (pg->conn && !pg->is_in_transaction && postgres_read(pg->conn) != OK)
        drop_connection(pg);
    if (pg->conn)
        return OK;
    if (clock_mono_us() < pg->connect_after_us) {
        diag_set(diag, "%s", pg->connect_problem.message);
        return ERR_AGAIN;
    }
    enum err err = connect_now(pg, &pg->connect_problem);
    if (err != OK) {
        pg->connect_after_us = clock_mono_us() + CONNECT_PAUSE_US;
        diag_set(diag, "%s", pg->connect_problem.message);
    }
    return err;
}

static void close_connection(struct db *db)
{
    struct postgres_db *pg = postgres_of(db);
    struct statement *statement;

    for (size_t position = 0; (statement = map_next(&pg->statements, &position));) {
        mem_free(statement->sql);
        mem_free(statement);
    }
    map_deinit(&pg->statements);
    drop_connection(pg);
    crypto_wipe(pg->url, strlen(pg->url));
    mem_free(pg->url);
    mem_free(pg);
}

static enum err open_connection(const struct store_config *config, struct db **ret_db,
                                struct diag *diag)
{
    struct postgres_db *pg = mem_zalloc(sizeof(*pg));
    uint32_t timeout_ms =
        config->answer_timeout_ms ? config->answer_timeout_ms : ANSWER_TIMEOUT_MS_DEFAULT;

    pg->base.backend = &db_postgres;
    pg->url = mem_strndup(config->url, strlen(config->url));
    pg->answer_timeout_us = pg->patience_us = timeout_ms * US_PER_MS;
    enum err err = ensure_connected(pg, diag);
    if (err != OK) {
        close_connection(&pg->base);
        return err;
    }
    *ret_db = &pg->base;
    return OK;
}

/* ---- statements ---- */

/* '?' becomes $1, $2 ...; inside '...' and "..." it is a character like others. */
static char *with_numbers(struct text sql)
{
    struct writer w = writer_growing(SQL_LEN_MAX);
    unsigned number = 0;
    char quote = '\0';

    for (size_t i = 0; i < sql.len; i++) {
        char c = sql.ptr[i];

        if (quote == '\0' && c == '?') {
            writer_char(&w, '$');
            writer_dec(&w, ++number);
            continue;
        }
        if (quote != '\0')
            quote = c == quote ? '\0' : quote; /* '' closes and opens again, which is the same */
        else if (c == '\'' || c == '"')
            quote = c;
        writer_char(&w, c);
    }
    assert(!w.failed); /* SQL is our own */
    char *numbered = mem_strndup(writer_as_text(&w).ptr, w.len);
    writer_deinit(&w);
    return numbered;
}

static struct statement *find_statement(struct postgres_db *pg, const char *sql)
{
    struct statement *statement = map_get(&pg->statements, text_of(sql));

    if (!statement) {
        statement = mem_zalloc(sizeof(*statement));
        statement->sql = with_numbers(text_of(sql));
        (void)snprintf(statement->name, sizeof(statement->name), "s%zu", pg->statements.count);
        (void)map_put(&pg->statements, text_of(sql), statement); /* nothing was there */
    }
    return statement;
}

/* The values as libpq wants them, all in binary: so a text may hold anything. */
struct arguments {
    Oid types[DB_VALUES_MAX];
    const char *values[DB_VALUES_MAX];
    int lengths[DB_VALUES_MAX];
    int formats[DB_VALUES_MAX];
    uint8_t numbers[DB_VALUES_MAX][8];
};

static void set_argument(struct arguments *arguments, size_t i, const struct db_value *value)
{
    static const Oid types[] = {
        [DB_VALUE_I64] = TYPE_INT8,
        [DB_VALUE_TEXT] = TYPE_TEXT,
        [DB_VALUE_BOOL] = TYPE_BOOL,
        [DB_VALUE_REAL] = TYPE_FLOAT8,
    };
    struct writer w = writer_fixed(arguments->numbers[i], sizeof(arguments->numbers[i]));
    uint64_t bits = (uint64_t)value->number;

    arguments->types[i] = types[value->kind];
    arguments->formats[i] = 1;
    if (value->is_null)
        return;
    if (value->kind == DB_VALUE_TEXT) {
        arguments->values[i] = value->text.len ? value->text.ptr : "";
        arguments->lengths[i] = (int)value->text.len;
        return;
    }
    if (value->kind == DB_VALUE_REAL)
        memcpy(&bits, &value->real, sizeof(bits));
    if (value->kind == DB_VALUE_BOOL)
        writer_u8(&w, value->number != 0);
    else
        writer_u64(&w, bits);
    arguments->values[i] = (const char *)arguments->numbers[i];
    arguments->lengths[i] = (int)w.len;
}

static enum err prepare(struct postgres_db *pg, struct statement *statement,
                        const struct arguments *arguments, size_t count, struct diag *diag)
{
    PGresult *result = NULL;

    if (statement->connection == pg->connection)
        return OK;
    int is_sent =
        PQsendPrepare(pg->conn, statement->name, statement->sql, (int)count, arguments->types);
    enum err err = judge(pg, postgres_await(pg->conn, is_sent, deadline(pg), &result, diag));
    if (err == OK)
        statement->connection = pg->connection;
    PQclear(result);
    return err;
}

static enum err query(struct db *db, const char *sql, const struct db_value *values, size_t count,
                      struct db_cursor *cursor, struct diag *diag)
{
    struct postgres_db *pg = postgres_of(db);
    struct statement *statement = find_statement(pg, sql);
    struct arguments arguments = {0};
    PGresult *result = NULL;

    assert(count <= DB_VALUES_MAX);
    for (size_t i = 0; i < count; i++)
        set_argument(&arguments, i, &values[i]);

    enum err err = ensure_connected(pg, diag);
    if (err == OK)
        err = prepare(pg, statement, &arguments, count, diag);
    if (err != OK)
        return err;
    int is_sent = PQsendQueryPrepared(pg->conn, statement->name, (int)count, arguments.values,
                                      arguments.lengths, arguments.formats, 0);
    err = judge(pg, postgres_await(pg->conn, is_sent, deadline(pg), &result, diag));
    if (err != OK)
        return err;
    cursor->rows = result;
    cursor->row = -1;
    return OK;
}

static enum err run_script(struct db *db, struct text sql, struct diag *diag)
{
    struct postgres_db *pg = postgres_of(db);
    enum err err = ensure_connected(pg, diag);

    return err == OK ? judge(pg, postgres_script(pg->conn, sql, deadline(pg), diag)) : err;
}

/* ---- rows ---- */

static enum err next(struct db_cursor *cursor, bool *ret_has_row, struct diag *diag)
{
    (void)diag;
    cursor->row++;
    *ret_has_row = cursor->row < PQntuples(cursor->rows);
    return OK;
}

static void end_cursor(struct db_cursor *cursor)
{
    PQclear(cursor->rows);
}

static uint64_t changed(const struct db_cursor *cursor)
{
    uint64_t count = 0;

    (void)text_parse_u64(text_of(PQcmdTuples(cursor->rows)), UINT64_MAX, &count); /* "": none */
    return count;
}

static bool column_is_null(const struct db_cursor *cursor, int column)
{
    return PQgetisnull(cursor->rows, cursor->row, column) != 0;
}

static struct text column_text(const struct db_cursor *cursor, int column)
{
    return (struct text){PQgetvalue(cursor->rows, cursor->row, column),
                         (size_t)PQgetlength(cursor->rows, cursor->row, column)};
}

static int64_t column_i64(const struct db_cursor *cursor, int column)
{
    int64_t value = 0;

    (void)text_parse_i64(column_text(cursor, column), INT64_MIN, INT64_MAX, &value); /* NULL: 0 */
    return value;
}

static double column_real(const struct db_cursor *cursor, int column)
{
    return strtod(PQgetvalue(cursor->rows, cursor->row, column), NULL);
}

/* ---- transactions ---- */

/* The key of an advisory lock: "stoa", and the task. */
static int64_t key_of(enum db_task task)
{
    return INT64_C(0x73746f61) << 8 | (int64_t)task;
}

static void end_transaction(struct postgres_db *pg)
{
    pg->is_in_transaction = false;
    pg->patience_us = pg->answer_timeout_us;
}

static void rollback(struct db *db)
{
    struct postgres_db *pg = postgres_of(db);

    end_transaction(pg);
    if (pg->conn && PQtransactionStatus(pg->conn) != PQTRANS_IDLE &&
        run_plain(pg, "ROLLBACK", NULL) != OK && pg->conn)
        drop_connection(pg); /* whatever state it is in, the next one begins afresh */
}

static enum err begin(struct db *db, enum db_mode mode, struct diag *diag)
{
    struct postgres_db *pg = postgres_of(db);
    char sql[160] = "BEGIN";
    enum err err = ensure_connected(pg, diag);

    if (err != OK)
        return err;
    if (mode == DB_READ)
        (void)snprintf(sql, sizeof(sql), "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (mode == DB_SCHEMA) {
        (void)snprintf(sql, sizeof(sql),
                       "BEGIN; SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(%lld)",
                       (long long)key_of(DB_TASK_SCHEMA));
        pg->patience_us = SCHEMA_TIMEOUT_US;
    }
    err = run_plain(pg, sql, diag);
    pg->is_in_transaction = err == OK;
    if (err != OK)
        rollback(db); /* the lock may have failed after the BEGIN */
    return err;
}

static enum err commit(struct db *db, struct diag *diag)
{
    struct postgres_db *pg = postgres_of(db);
    enum err err = ensure_connected(pg, diag);

    if (err != OK)
        return err;
    err = run_plain(pg, "COMMIT", diag);
    if (err != OK && !pg->conn) {
        struct diag reason = diag ? *diag : (struct diag){0};

        diag_set(diag, "It is not known whether the change is stored. %.160s", reason.message);
        err = ERR_IO;
    }
    if (err == OK)
        end_transaction(pg);
    return err;
}

static enum err try_task(struct db *db, enum db_task task, bool *ret_is_mine, struct diag *diag)
{
    const struct db_value values[] = {DB_I64(key_of(task))};
    struct db_cursor cursor;
    bool has_row;
    enum err err =
        db_query_row(db, "SELECT pg_try_advisory_xact_lock(?)", values, 1, &cursor, &has_row, diag);

    if (err == OK)
        *ret_is_mine = has_row && db_column_bool(&cursor, 0);
    db_cursor_end(&cursor);
    return err;
}

static enum err notify(struct db *db, struct text payload, struct diag *diag)
{
    const struct db_value values[] = {DB_TEXT(payload)};

    return db_run(db, "SELECT pg_notify('" POSTGRES_CHANNEL "', ?)", values, 1, NULL, diag);
}

const struct db_backend db_postgres = {
    .schemes = {TEXT_INIT(POSTGRES_SCHEME_SHORT), TEXT_INIT(POSTGRES_SCHEME_LONG)},
    .is_shared = true,
    .open = open_connection,
    .close = close_connection,
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
