/*
 * store_place - an empty database for each test: a SQLite file in a folder of its own, or, when
 * STOA_TEST_DATABASE_URL names one, the PostgreSQL database behind that URL, emptied.
 *
 * So the same tests run on both: tests/integration/store_postgres_test.py runs them with the URL.
 */
#ifndef TESTS_SUPPORT_STORE_PLACE_H
#define TESTS_SUPPORT_STORE_PLACE_H

#include <stdbool.h>

#include "store/store.h"

struct store_place {
    char folder[64]; /* of SQLite */
    char path[96];
    char url[256];
    bool is_postgres;
};

struct store_place store_place_create(void);

/* Every store in it must be closed. */
void store_place_remove(const struct store_place *place);

/* Opens a store with short waits; fails the test when that fails. */
struct store *store_place_open(const struct store_place *place);

/* What another program does to the database. */
void store_place_run_sql(const struct store_place *place, const char *sql);

/* The first column of the first row, as a number. */
long long store_place_number(const struct store_place *place, const char *sql);

/* Ends a test that is about SQLite's file, and only about that. */
void store_place_sqlite_only(const struct store_place *place);

#endif
