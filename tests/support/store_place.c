#include "support/store_place.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/test.h"

/* Runs it, and gives the first value of the first row, or 0. */
static long long run_postgres(const char *url, const char *sql)
{
    PGconn *conn = PQconnectdb(url);
    long long value = 0;

    if (PQstatus(conn) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(conn));
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    if (PQntuples(result) > 0)
        value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    PQfinish(conn);
    return value;
}

static int take_number(void *context, int count, char **values, char **names)
{
    long long *value = context;

    (void)names;
    if (count > 0 && values[0])
        *value = strtoll(values[0], NULL, 10);
    return 0;
}

static long long run_sqlite(const char *path, const char *sql)
{
    sqlite3 *handle;
    long long value = 0;

    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    if (sqlite3_exec(handle, sql, take_number, &value, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
    return value;
}

struct store_place store_place_create(void)
{
    struct store_place place = {.folder = "/tmp/stoa-store-XXXXXX"};
    const char *url = getenv("STOA_TEST_DATABASE_URL");

    if (url) {
        place.is_postgres = true;
        (void)snprintf(place.url, sizeof(place.url), "%s", url);
        (void)run_postgres(url, "SET client_min_messages = warning; "
                                "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        return place;
    }
    assert_non_null(mkdtemp(place.folder));
    (void)snprintf(place.path, sizeof(place.path), "%s/stoa.db", place.folder);
    (void)snprintf(place.url, sizeof(place.url), "sqlite:%s", place.path);
    return place;
}

void store_place_remove(const struct store_place *place)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

    if (place->is_postgres)
        return; /* the next one empties it */
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char path[128];

        (void)snprintf(path, sizeof(path), "%s%s", place->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(place->folder), 0);
}

struct store *store_place_open(const struct store_place *place)
{
    struct store_config config = {.url = place->url, .busy_timeout_ms = 1};
    struct store *store;
    struct diag diag = {0};

    if (store_open(&config, &store, &diag) != OK)
        fail_msg("%s", diag.message);
    return store;
}

long long store_place_number(const struct store_place *place, const char *sql)
{
    return place->is_postgres ? run_postgres(place->url, sql) : run_sqlite(place->path, sql);
}

void store_place_run_sql(const struct store_place *place, const char *sql)
{
    (void)store_place_number(place, sql);
}

void store_place_sqlite_only(const struct store_place *place)
{
    if (!place->is_postgres)
        return;
    store_place_remove(place);
    skip();
}
