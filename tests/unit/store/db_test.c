#include "store/db.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "store/migrate.h"
#include "support/store_place.h"
#include "support/test.h"

static struct db *open_db(const struct store_place *place)
{
    struct store_config config = {.url = place->url, .busy_timeout_ms = 1};
    struct db *db;
    struct diag diag = {0};

    if (db_open(&config, &db, &diag) != OK)
        fail_msg("%s", diag.message);
    return db;
}

static void values_come_back_as_they_were_given(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct db *db = open_db(&place);
    struct diag diag = {0};
    struct db_cursor cursor;
    bool has_row = false;
    static const int64_t numbers[] = {0, 1, -1, INT64_MAX, INT64_MIN};
    static const double reals[] = {0, 0.1, -1.5, 1e300, 3.141592653589793};
    static const char *const texts[] = {"", "a", "' ? $1 \"", "caf\xc3\xa9\n", "\\"};

    assert_ok(db_script(
        db, TEXT("CREATE TABLE t (n BIGINT, r DOUBLE PRECISION, s TEXT, b BOOLEAN)"), &diag));
    for (int i = 0; i < 5; i++) {
        const struct db_value values[] = {DB_I64(numbers[i]), DB_REAL(reals[i]),
                                          DB_TEXT(text_of(texts[i])), DB_BOOL(i % 2)};

        assert_ok(db_run(db, "INSERT INTO t VALUES (?, ?, ?, ?)", values, 4, NULL, &diag));
        assert_ok(db_query_row(db, "SELECT n, r, s, b FROM t", NULL, 0, &cursor, &has_row, &diag));
        assert_true(has_row);
        assert_true(db_column_i64(&cursor, 0) == numbers[i]);
        assert_true(fabs(db_column_real(&cursor, 1) - reals[i]) <= 0);
        assert_text(db_column_text(&cursor, 2), texts[i]);
        assert_int_equal(db_column_bool(&cursor, 3), i % 2);
        assert_false(db_column_is_null(&cursor, 2));
        assert_ok(db_next(&cursor, &has_row, &diag));
        assert_false(has_row);
        db_cursor_end(&cursor);
        assert_ok(db_run(db, "DELETE FROM t", NULL, 0, NULL, &diag));
    }
    db_close(db);
    store_place_remove(&place);
}

static void null_is_neither_zero_nor_empty(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct db *db = open_db(&place);
    struct diag diag = {0};
    struct db_cursor cursor;
    bool has_row = false;

    assert_ok(db_script(db, TEXT("CREATE TABLE t (n BIGINT, s TEXT)"), &diag));
    for (int i = 0; i < 2; i++) { /* the same statement, with and without NULL */
        const struct db_value values[] = {db_time(i ? 7 : 0), db_word(i ? "x" : "")};

        assert_ok(db_run(db, "INSERT INTO t VALUES (?, ?)", values, 2, NULL, &diag));
    }
    assert_ok(
        db_query_row(db, "SELECT n, s FROM t WHERE n IS NULL", NULL, 0, &cursor, &has_row, &diag));
    assert_true(has_row && db_column_is_null(&cursor, 0) && db_column_is_null(&cursor, 1));
    assert_int_equal(db_column_i64(&cursor, 0), 0);
    assert_int_equal(db_column_text(&cursor, 1).len, 0);
    db_cursor_end(&cursor);
    db_close(db);
    store_place_remove(&place);
}

static void question_mark_inside_quotes_is_a_character(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct db *db = open_db(&place);
    struct diag diag = {0};
    struct db_cursor cursor;
    bool has_row = false;
    const struct db_value values[] = {DB_TEXT(TEXT("one")), DB_TEXT(TEXT("two"))};

    assert_ok(db_query_row(db, "SELECT 'it''s ?', ?, '?' AS \"a?b\", ? ", values, 2, &cursor,
                           &has_row, &diag));
    assert_text(db_column_text(&cursor, 0), "it's ?");
    assert_text(db_column_text(&cursor, 1), "one");
    assert_text(db_column_text(&cursor, 2), "?");
    assert_text(db_column_text(&cursor, 3), "two");
    db_cursor_end(&cursor);
    db_close(db);
    store_place_remove(&place);
}

static void run_tells_how_many_rows_changed(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct db *db = open_db(&place);
    struct diag diag = {0};
    uint64_t changed = 99;

    assert_ok(db_script(db,
                        TEXT("CREATE TABLE t (n BIGINT); INSERT INTO t VALUES (1);"
                             "INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)"),
                        &diag));
    assert_ok(db_run(db, "UPDATE t SET n = 0 WHERE n > 1", NULL, 0, &changed, &diag));
    assert_int_equal(changed, 2);
    assert_ok(db_run(db, "DELETE FROM t WHERE n = 77", NULL, 0, &changed, &diag));
    assert_int_equal(changed, 0);
    db_close(db);
    store_place_remove(&place);
}

static void each_error_has_its_code(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct db *db = open_db(&place);
    struct diag diag = {0};
    static const char *const conflicts[] = {
        "INSERT INTO t VALUES (1, 1, 'a')",    /* the same key */
        "INSERT INTO t VALUES (2, NULL, 'a')", /* NOT NULL */
        "INSERT INTO t VALUES (2, 1, 'c')",    /* CHECK */
        "INSERT INTO u VALUES (9)",            /* no such parent */
    };

    assert_ok(db_script(db,
                        TEXT("CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT NOT NULL, "
                             "s TEXT CHECK (s IN ('a', 'b')));"
                             "CREATE TABLE u (id BIGINT REFERENCES t (id));"
                             "INSERT INTO t VALUES (1, 1, 'a')"),
                        &diag));
    for (size_t i = 0; i < sizeof(conflicts) / sizeof(conflicts[0]); i++) {
        diag = (struct diag){0};
        assert_err(db_run(db, conflicts[i], NULL, 0, NULL, &diag), ERR_CONFLICT);
        assert_true(text_contains(text_of(diag.message), TEXT("contradicts")));
    }
    assert_err(db_run(db, "SELECT nothing FROM nowhere", NULL, 0, NULL, &diag), ERR_IO);
    assert_ok(db_run(db, "INSERT INTO t VALUES (2, 1, 'b')", NULL, 0, NULL, &diag));
    db_close(db);
    store_place_remove(&place);
}

static void transaction_that_fails_leaves_nothing(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct db *db = open_db(&place);
    struct diag diag = {0};

    assert_ok(db_script(db, TEXT("CREATE TABLE t (id BIGINT PRIMARY KEY)"), &diag));
    assert_ok(db_begin(db, DB_WRITE, &diag));
    assert_ok(db_run(db, "INSERT INTO t VALUES (1)", NULL, 0, NULL, &diag));
    assert_err(db_run(db, "INSERT INTO t VALUES (1)", NULL, 0, NULL, &diag), ERR_CONFLICT);
    assert_err(db_end(db, ERR_CONFLICT, &diag), ERR_CONFLICT);
    assert_int_equal(store_place_number(&place, "SELECT count(*) FROM t"), 0);

    assert_ok(db_begin(db, DB_WRITE, &diag));
    assert_ok(db_run(db, "INSERT INTO t VALUES (1)", NULL, 0, NULL, &diag));
    assert_ok(db_end(db, OK, &diag));
    assert_int_equal(store_place_number(&place, "SELECT count(*) FROM t"), 1);
    db_close(db);
    store_place_remove(&place);
}

static void reading_sees_one_moment(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct db *db = open_db(&place);
    struct diag diag = {0};
    struct db_cursor cursor;
    bool has_row;

    assert_ok(db_script(db, TEXT("CREATE TABLE t (id BIGINT PRIMARY KEY)"), &diag));
    assert_ok(db_begin(db, DB_READ, &diag));
    for (int i = 0; i < 2; i++) {
        assert_ok(db_query_row(db, "SELECT count(*) FROM t", NULL, 0, &cursor, &has_row, &diag));
        assert_int_equal(db_column_i64(&cursor, 0), 0);
        db_cursor_end(&cursor);
        if (i == 0)
            store_place_run_sql(&place, "INSERT INTO t VALUES (1)");
    }
    assert_ok(db_end(db, OK, &diag));
    assert_ok(db_query_row(db, "SELECT count(*) FROM t", NULL, 0, &cursor, &has_row, &diag));
    assert_int_equal(db_column_i64(&cursor, 0), 1);
    db_cursor_end(&cursor);
    db_close(db);
    store_place_remove(&place);
}

static void statement_outlives_a_change_of_its_table(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct db *db = open_db(&place);
    struct diag diag = {0};
    struct db_cursor cursor;
    bool has_row;

    for (int i = 0; i < 2; i++) {
        assert_ok(db_script(db,
                            i ? TEXT("DROP TABLE t; CREATE TABLE t (x TEXT, id BIGINT)")
                              : TEXT("CREATE TABLE t (id BIGINT)"),
                            &diag));
        assert_ok(db_query_row(db, "SELECT id FROM t", NULL, 0, &cursor, &has_row, &diag));
        assert_false(has_row);
        db_cursor_end(&cursor);
    }
    db_close(db);
    store_place_remove(&place);
}

static void url_of_no_known_kind_is_refused_without_showing_it(void **state)
{
    (void)state;
    static const char *const urls[] = {"", "/var/lib/stoa.db", "mysql://stoa:hunter2@db/stoa",
                                       "postgres:stoa:hunter2"};

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct store_config config = {.url = urls[i]};
        struct db *db;
        struct diag diag = {0};

        assert_err(db_open(&config, &db, &diag), ERR_INVALID);
        assert_false(text_contains(text_of(diag.message), TEXT("hunter2")));
        assert_true(text_contains(text_of(diag.message), TEXT("postgres://")));
    }
}

static void url_that_postgres_does_not_take_is_refused_without_showing_it(void **state)
{
    (void)state;
    static const char *const urls[] = {"postgres://stoa:hunter2%zz@127.0.0.1/stoa",
                                       "postgres://stoa@127.0.0.1:hunter2/stoa",
                                       "postgres://stoa:a@hunter2@127.0.0.1/stoa",
                                       "postgres://stoa:hunter2/a@127.0.0.1/stoa",
                                       "postgresql://[hunter2/stoa",
                                       "postgres://stoa@h/d?hunter2",
                                       "postgres://stoa:hunter2@127.0.0.1/stoa?sslmode=hunter2"};

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct store_config config = {.url = urls[i]};
        struct db *db;
        struct diag diag = {0};

        assert_true(db_open(&config, &db, &diag) != OK);
        if (text_contains(text_of(diag.message), TEXT("hunter2")))
            fail_msg("%s", diag.message);
    }
}

/* ---- migrations ---- */

static const char STORED_BY_0002[] =
    "INSERT INTO channels (id, title, channel_name, stream_key, is_active, started_at, "
    "stream_mode, relay_status, relay_error, created_at, updated_at) VALUES "
    "(7, 'Caf\xc3\xa9', 'channel_7', 'key-7', TRUE, 2000, 'hybrid', 'active', 'x', 1000, 2500);"
    "INSERT INTO channels (id, title, channel_name, stream_key, created_at, updated_at) VALUES "
    "(9, 'Idle', 'channel_9', 'key-9', 1001, 1001);"
    "INSERT INTO broadcasts (id, channel_id, started_at, ended_at, end_reason, peak_viewers, "
    "recording_url, created_at) VALUES (3, 7, 1500, 1600, 'ended', 44, '/r/3.mp4', 1500);"
    "INSERT INTO broadcasts (id, channel_id, started_at, created_at) VALUES (4, 7, 2000, 2000);"
    "UPDATE counters SET next_value = 12 WHERE name = 'channels';"
    "UPDATE counters SET next_value = 6 WHERE name = 'broadcasts';"
    "INSERT INTO api_keys (key_hash, prefix, scopes, last_used_at, created_at) VALUES "
    "('2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae', 'sk_f', 'admin:first', "
    "5, 4)";

/* The database as the version before accounts left it. */
static void make_0002(const struct store_place *place)
{
    struct migration_set set = migrations_embedded();
    struct db *db = open_db(place);
    struct diag diag = {0};

    assert_ok(migrate_to(db, &set, 2, &diag));
    assert_ok(db_script(db, text_of(STORED_BY_0002), &diag));
    db_close(db);
}

static void database_of_the_last_version_keeps_all_it_has(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store_snapshot snapshot;
    struct store_people people;
    struct broadcast_row broadcast;
    struct diag diag = {0};
    uint8_t hash[CRYPTO_SHA256_LEN], wanted[CRYPTO_SHA256_LEN];

    make_0002(&place);
    struct store *store = store_place_open(&place);
    assert_ok(store_load(store, &snapshot, &diag));
    assert_int_equal(snapshot.channel_count, 2);
    assert_string_equal(snapshot.channels[0].title, "Caf\xc3\xa9");
    assert_true(secret_equals(&snapshot.channels[0].stream_key, TEXT("key-7")));
    assert_true(snapshot.channels[0].is_active);
    assert_string_equal(snapshot.channels[0].relay_status, "active");
    assert_int_equal(snapshot.channels[0].open_broadcast_id, 4);
    assert_int_equal(snapshot.channels[0].updated_at_us, 2500);
    assert_string_equal(snapshot.channels[0].host_user_id, "");
    assert_int_equal(snapshot.channels[0].max_duration_s, 0);
    assert_int_equal(snapshot.channels[1].id, 9);
    assert_int_equal(snapshot.next_channel_id, 12);
    assert_int_equal(snapshot.next_broadcast_id, 6);
    store_snapshot_deinit(&snapshot);

    assert_ok(store_broadcast_find(store, 3, &broadcast, &diag));
    assert_int_equal(broadcast.peak_viewers, 44);
    assert_string_equal(broadcast.recording_url, "/r/3.mp4");

    crypto_sha256("foo", 3, wanted);
    assert_ok(store_admin_key_load(store, hash, &diag));
    assert_memory_equal(hash, wanted, sizeof(hash));
    assert_ok(store_load_people(store, 10, &people, &diag));
    assert_int_equal(people.api_key_count, 1);
    assert_string_equal(people.api_keys[0].id, STORE_ADMIN_KEY_ID);
    assert_string_equal(people.api_keys[0].account_id, "");
    assert_string_equal(people.api_keys[0].prefix, "sk_f");
    assert_string_equal(people.api_keys[0].scopes, "admin");
    assert_int_equal(people.api_keys[0].last_used_at_us, 5);
    assert_int_equal(people.api_keys[0].created_at_us, 4);
    store_people_deinit(&people);
    store_close(store);
    store_place_remove(&place);
}

static void way_back_keeps_what_the_old_version_knows(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct migration_set set = migrations_embedded();
    struct diag diag = {0};

    make_0002(&place);
    struct db *db = open_db(&place);
    assert_ok(migrate_to(db, &set, migrations_newest(&set), &diag));
    assert_ok(migrate_to(db, &set, 2, &diag));
    db_close(db);
    assert_int_equal(store_place_number(&place, "SELECT count(*) FROM channels"), 2);
    assert_int_equal(store_place_number(&place, "SELECT count(*) FROM broadcasts"), 2);
    assert_int_equal(store_place_number(&place, "SELECT count(*) FROM api_keys WHERE scopes = "
                                                "'admin:first' AND prefix = 'sk_f' AND "
                                                "last_used_at = 5"),
                     1);
    assert_int_equal(store_place_number(&place, "SELECT next_value FROM counters WHERE name = "
                                                "'channels'"),
                     12);
    store_place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(values_come_back_as_they_were_given),
        TEST_CASE(null_is_neither_zero_nor_empty),
        TEST_CASE(question_mark_inside_quotes_is_a_character),
        TEST_CASE(run_tells_how_many_rows_changed),
        TEST_CASE(each_error_has_its_code),
        TEST_CASE(transaction_that_fails_leaves_nothing),
        TEST_CASE(reading_sees_one_moment),
        TEST_CASE(statement_outlives_a_change_of_its_table),
        TEST_CASE(url_of_no_known_kind_is_refused_without_showing_it),
        TEST_CASE(url_that_postgres_does_not_take_is_refused_without_showing_it),
        TEST_CASE(database_of_the_last_version_keeps_all_it_has),
        TEST_CASE(way_back_keeps_what_the_old_version_knows),
    };
    return RUN_TESTS("store_db", tests);
}
