#include "store/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "rows.h"
#include "store/db.h"
#include "store/migrate.h"
#include "support/store_place.h"
#include "support/test.h"

enum { PAGE_COUNT_SMALL = 120 };

static void new_database_has_the_newest_schema(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct diag diag = {0};
    uint32_t version;

    assert_ok(store_schema_version(store, &version, &diag));
    assert_int_equal(version, store_schema_newest());
    assert_true(version >= 2);
    assert_ok(store_ping(store, &diag));
    store_close(store);
    store_place_remove(&place);
}

static void only_the_owner_may_read_the_file(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    store_place_sqlite_only(&place);
    mode_t old = umask(0);
    struct store *store = store_place_open(&place);
    struct diag diag = {0};
    char wal[128];
    struct stat info;

    (void)umask(old);
    assert_int_equal(stat(place.path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);

    struct channel_row row = a_channel(1, "key-1");
    assert_ok(store_channel_create(store, &row, &diag));
    (void)snprintf(wal, sizeof(wal), "%s-wal", place.path);
    assert_int_equal(stat(wal, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    store_close(store);
    store_place_remove(&place);
}

static void channel_comes_back_as_it_was_stored(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct diag diag = {0};
    struct channel_row row = a_channel(7, "the-key");
    struct store_change change = a_start(7, 3, "the-key");
    struct store_snapshot snapshot;

    (void)snprintf(row.title, sizeof(row.title), "Caf\xc3\xa9; DROP TABLE channels --'");
    change.channel = row;
    change.channel_op = STORE_CHANNEL_CREATE;
    change.broadcast_op = STORE_BROADCAST_NONE;
    assert_ok(store_apply(store, &change, &diag));
    store_close(store);

    store = store_place_open(&place);
    assert_ok(store_load(store, &snapshot, &diag));
    assert_int_equal(snapshot.channel_count, 1);
    assert_int_equal(snapshot.channels[0].id, 7);
    assert_string_equal(snapshot.channels[0].title, row.title);
    assert_true(secret_equals(&snapshot.channels[0].stream_key, TEXT("the-key")));
    assert_false(snapshot.channels[0].is_active);
    assert_string_equal(snapshot.channels[0].relay_status, "");
    assert_string_equal(snapshot.channels[0].stream_mode, "hybrid");
    assert_int_equal(snapshot.channels[0].created_at_us, 1000);
    assert_int_equal(snapshot.channels[0].started_at_us, 0);
    assert_int_equal(snapshot.next_channel_id, 8);
    assert_int_equal(snapshot.next_broadcast_id, 1);
    store_snapshot_deinit(&snapshot);
    store_close(store);
    store_place_remove(&place);
}

static void broadcast_starts_and_ends_with_its_channel(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct diag diag = {0};
    struct channel_row row = a_channel(1, "k");
    struct broadcast_row broadcast;
    struct store_change change = a_start(1, 5, "k");

    assert_ok(store_channel_create(store, &row, &diag));
    assert_ok(store_apply(store, &change, &diag));
    assert_ok(store_channel_find(store, 1, &row, &diag));
    assert_true(row.is_active);
    assert_string_equal(row.relay_status, "starting");
    assert_int_equal(row.open_broadcast_id, 5);

    change.broadcast_op = STORE_BROADCAST_END;
    change.broadcast.ended_at_us = 9000;
    change.broadcast.peak_viewers = 1234;
    (void)snprintf(change.broadcast.end_reason, sizeof(change.broadcast.end_reason), "ended");
    change.channel.is_active = false;
    (void)snprintf(change.channel.relay_status, sizeof(change.channel.relay_status), "stopped");
    assert_ok(store_apply(store, &change, &diag));
    assert_ok(store_channel_find(store, 1, &row, &diag));
    assert_false(row.is_active);
    assert_int_equal(row.open_broadcast_id, 0);
    assert_ok(store_broadcast_find(store, 5, &broadcast, &diag));
    assert_int_equal(broadcast.started_at_us, 2000);
    assert_int_equal(broadcast.ended_at_us, 9000);
    assert_int_equal(broadcast.peak_viewers, 1234);
    assert_string_equal(broadcast.end_reason, "ended");
    assert_string_equal(broadcast.source, "local");
    store_close(store);
    store_place_remove(&place);
}

static void broadcast_whose_start_was_lost_comes_with_its_end(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct diag diag = {0};
    struct channel_row row = a_channel(1, "k");
    struct broadcast_row broadcast;
    struct store_change change = a_start(1, 5, "k");

    assert_ok(store_channel_create(store, &row, &diag));
    change.broadcast_op = STORE_BROADCAST_END;
    change.broadcast.ended_at_us = 9000;
    assert_ok(store_apply(store, &change, &diag));
    assert_ok(store_broadcast_find(store, 5, &broadcast, &diag));
    assert_int_equal(broadcast.started_at_us, 2000);
    assert_int_equal(broadcast.ended_at_us, 9000);

    change.broadcast_op = STORE_BROADCAST_START; /* it goes on, after all */
    assert_ok(store_apply(store, &change, &diag));
    assert_ok(store_broadcast_find(store, 5, &broadcast, &diag));
    assert_int_equal(broadcast.ended_at_us, 0);
    store_close(store);
    store_place_remove(&place);
}

static void change_is_all_or_nothing(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct diag diag = {0};
    struct channel_row row = a_channel(1, "k");
    struct store_change change = a_start(1, 5, "k");

    assert_ok(store_channel_create(store, &row, &diag));
    change.broadcast.channel_id = 99; /* no such channel: the foreign key refuses it */
    assert_err(store_apply(store, &change, &diag), ERR_CONFLICT);
    assert_ok(store_channel_find(store, 1, &row, &diag));
    assert_false(row.is_active);
    assert_err(store_broadcast_find(store, 5, &change.broadcast, &diag), ERR_NOT_FOUND);
    store_close(store);
    store_place_remove(&place);
}

static void numbers_are_never_given_twice(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct diag diag = {0};
    struct channel_row row = a_channel(41, "k");
    struct store_change start = a_start(41, 12, "k");
    struct store_snapshot snapshot;

    assert_ok(store_channel_create(store, &row, &diag));
    assert_ok(store_apply(store, &start, &diag));
    assert_ok(store_channel_delete(store, 41, &diag));
    assert_err(store_broadcast_find(store, 12, &start.broadcast, &diag), ERR_NOT_FOUND);
    assert_ok(store_load(store, &snapshot, &diag));
    assert_int_equal(snapshot.channel_count, 0);
    assert_int_equal(snapshot.next_channel_id, 42);
    assert_int_equal(snapshot.next_broadcast_id, 13);
    store_snapshot_deinit(&snapshot);
    store_close(store);
    store_place_remove(&place);
}

static void same_key_or_number_is_a_conflict(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct diag diag = {0};
    struct channel_row row = a_channel(1, "k");
    struct channel_row same_id = a_channel(1, "other");
    struct channel_row same_key = a_channel(2, "k");

    assert_ok(store_channel_create(store, &row, &diag));
    assert_err(store_channel_create(store, &same_id, &diag), ERR_CONFLICT);
    assert_err(store_channel_create(store, &same_key, &diag), ERR_CONFLICT);
    assert_true(*diag.message != '\0');
    store_close(store);
    store_place_remove(&place);
}

static void missing_rows_are_not_found(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct diag diag = {0};
    struct channel_row row = a_channel(1, "k");
    struct broadcast_row broadcast = {.id = 3, .ended_at_us = 1};
    uint8_t hash[CRYPTO_SHA256_LEN];

    assert_err(store_channel_update(store, &row, &diag), ERR_NOT_FOUND);
    assert_err(store_channel_delete(store, 1, &diag), ERR_NOT_FOUND);
    assert_err(store_channel_find(store, 1, &row, &diag), ERR_NOT_FOUND);
    assert_string_equal(diag.message, "database: there is no channel 1");
    assert_err(store_broadcast_end(store, &broadcast, &diag), ERR_NOT_FOUND);
    assert_err(store_admin_key_load(store, hash, &diag), ERR_NOT_FOUND);
    store_close(store);
    store_place_remove(&place);
}

static void newest_admin_key_replaces_the_old_one(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct diag diag = {0};
    uint8_t first[CRYPTO_SHA256_LEN], second[CRYPTO_SHA256_LEN], loaded[CRYPTO_SHA256_LEN];

    crypto_sha256("a", 1, first);
    crypto_sha256("b", 1, second);
    assert_ok(store_admin_key_save(store, first, "sk_a", 1, &diag));
    assert_ok(store_admin_key_load(store, loaded, &diag));
    assert_memory_equal(loaded, first, sizeof(first));
    assert_ok(store_admin_key_save(store, second, "sk_b", 2, &diag));
    assert_ok(store_admin_key_load(store, loaded, &diag));
    assert_memory_equal(loaded, second, sizeof(second));
    store_close(store);
    store_place_remove(&place);
}

static void schema_goes_down_to_nothing_and_up_again(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store *store = store_place_open(&place);
    struct diag diag = {0};
    struct channel_row row = a_channel(1, "k");
    uint32_t version;

    for (int round = 0; round < 2; round++) {
        assert_ok(store_channel_create(store, &row, &diag));
        for (uint32_t down = store_schema_newest(); down-- > 0;) {
            assert_ok(store_migrate(store, down, &diag));
            assert_ok(store_schema_version(store, &version, &diag));
            assert_int_equal(version, down);
        }
        assert_true(store_channel_find(store, 1, &row, &diag) != OK); /* the table is gone */
        assert_ok(store_migrate(store, store_schema_newest(), &diag));
        assert_err(store_channel_find(store, 1, &row, &diag), ERR_NOT_FOUND);
    }
    assert_err(store_migrate(store, store_schema_newest() + 1, &diag), ERR_INVALID);
    store_close(store);
    store_place_remove(&place);
}

static void schema_is_left_alone_when_asked(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store_config config = {.url = place.url, .keeps_schema = true};
    struct store *store = store_place_open(&place);
    struct diag diag = {0};
    uint32_t version = 0;

    assert_ok(store_migrate(store, 2, &diag));
    store_close(store);
    assert_ok(store_open(&config, &store, &diag));
    assert_ok(store_schema_version(store, &version, &diag));
    assert_int_equal(version, 2);
    store_close(store);
    store_place_remove(&place);
}

static void database_from_the_future_is_refused(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct store_config config = {.url = place.url};
    struct store *store = store_place_open(&place);
    struct diag diag = {0};

    store_close(store);
    store_place_run_sql(&place,
                        "INSERT INTO schema_migrations VALUES (9000, '9000_future.up.sql', 1)");
    assert_err(store_open(&config, &store, &diag), ERR_UNSUPPORTED);
    assert_true(text_contains(text_of(diag.message), TEXT("9000")));
    assert_true(text_contains(text_of(diag.message), TEXT("newer program")));
    store_place_remove(&place);
}

static void broken_migration_leaves_the_version_before_it(void **state)
{
    (void)state;
    static const char good[] = "CREATE TABLE a (x INTEGER);";
    static const char bad[] = "CREATE TABLE b (x INTEGER); INSERT INTO nowhere VALUES (1);";
    static const struct embedded_file files[] = {
        {"0001_a.up.sql", (const uint8_t *)good, sizeof(good) - 1},
        {"0002_b.up.sql", (const uint8_t *)bad, sizeof(bad) - 1},
    };
    const struct migration_set set = {files, 2};
    struct store_place place = store_place_create();
    struct store_config config = {.url = place.url};
    struct db *db;
    struct diag diag = {0};
    uint32_t version;

    assert_ok(db_open(&config, &db, &diag));
    assert_true(migrate_to(db, &set, 2, &diag) != OK);
    assert_true(text_contains(text_of(diag.message), TEXT("0002_b.up.sql")));
    assert_ok(migrate_version(db, &version, &diag));
    assert_int_equal(version, 1);
    assert_ok(db_script(db, TEXT("SELECT x FROM a"), &diag));
    assert_true(db_script(db, TEXT("SELECT x FROM b"), &diag) != OK); /* rolled back */
    assert_err(migrate_to(db, &set, 0, &diag), ERR_INVALID);          /* no down file */
    db_close(db);
    store_place_remove(&place);
}

static void full_disk_is_told_and_harms_nothing(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    store_place_sqlite_only(&place);
    struct store_config config = {.url = place.url, .page_count_max = PAGE_COUNT_SMALL};
    struct store *store;
    struct diag diag = {0};
    struct store_snapshot snapshot;
    uint64_t stored = 0;
    enum err err = OK;

    assert_ok(store_open(&config, &store, &diag));
    while (err == OK && stored < 100000) {
        char key[32];
        (void)snprintf(key, sizeof(key), "key-%llu", (unsigned long long)stored);
        struct store_change change = {
            .channel_op = STORE_CHANNEL_CREATE,
            .channel = a_channel(stored + 1, key),
            .broadcast_op = STORE_BROADCAST_NONE,
        };
        memset(change.channel.title, 'x', STORE_TITLE_LEN_MAX);
        err = store_apply(store, &change, &diag);
        stored += err == OK;
    }
    assert_err(err, ERR_IO);
    assert_true(text_contains(text_of(diag.message), TEXT("disk is full")));
    assert_true(stored > 10);

    assert_ok(store_load(store, &snapshot, &diag)); /* reading goes on */
    assert_int_equal(snapshot.channel_count, stored);
    assert_int_equal(snapshot.next_channel_id, stored + 1);
    store_snapshot_deinit(&snapshot);
    assert_ok(store_channel_delete(store, 1, &diag)); /* and room can be made */
    store_close(store);
    store_place_remove(&place);
}

static void locked_database_says_so_and_works_later(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    store_place_sqlite_only(&place);
    struct store *store = store_place_open(&place);
    struct diag diag = {0};
    struct store_change change = {
        .channel_op = STORE_CHANNEL_CREATE,
        .channel = a_channel(1, "k"),
        .broadcast_op = STORE_BROADCAST_NONE,
    };
    sqlite3 *other;

    assert_int_equal(sqlite3_open(place.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_err(store_apply(store, &change, &diag), ERR_AGAIN);
    assert_true(text_contains(text_of(diag.message), TEXT("another process")));
    assert_ok(store_ping(store, &diag)); /* it can be read all the while */
    assert_err(store_try_write(store, &diag), ERR_AGAIN);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_ok(store_try_write(store, &diag));
    assert_ok(store_apply(store, &change, &diag));
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    store_close(store);
    store_place_remove(&place);
}

static void file_that_is_no_database_is_refused(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    store_place_sqlite_only(&place);
    struct store_config config = {.url = place.url};
    struct store *store;
    struct diag diag = {0};
    FILE *file = fopen(place.path, "w");

    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        (void)fputs("This is a letter to grandmother. ", file);
    assert_int_equal(fclose(file), 0);
    assert_err(store_open(&config, &store, &diag), ERR_IO);
    assert_true(text_contains(text_of(diag.message), TEXT("not a SQLite database")));
    store_place_remove(&place);
}

static void missing_folder_is_told_with_its_name(void **state)
{
    (void)state;
    struct store_config config = {.url = "sqlite:/nonexistent/folder/stoa.db"};
    struct store *store;
    struct diag diag = {0};

    assert_err(store_open(&config, &store, &diag), ERR_DENIED);
    assert_true(text_contains(text_of(diag.message), TEXT("/nonexistent/folder/stoa.db")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(new_database_has_the_newest_schema),
        TEST_CASE(only_the_owner_may_read_the_file),
        TEST_CASE(channel_comes_back_as_it_was_stored),
        TEST_CASE(broadcast_starts_and_ends_with_its_channel),
        TEST_CASE(broadcast_whose_start_was_lost_comes_with_its_end),
        TEST_CASE(change_is_all_or_nothing),
        TEST_CASE(numbers_are_never_given_twice),
        TEST_CASE(same_key_or_number_is_a_conflict),
        TEST_CASE(missing_rows_are_not_found),
        TEST_CASE(newest_admin_key_replaces_the_old_one),
        TEST_CASE(schema_goes_down_to_nothing_and_up_again),
        TEST_CASE(schema_is_left_alone_when_asked),
        TEST_CASE(database_from_the_future_is_refused),
        TEST_CASE(broken_migration_leaves_the_version_before_it),
        TEST_CASE(full_disk_is_told_and_harms_nothing),
        TEST_CASE(locked_database_says_so_and_works_later),
        TEST_CASE(file_that_is_no_database_is_refused),
        TEST_CASE(missing_folder_is_told_with_its_name),
    };
    return RUN_TESTS("store_store", tests);
}
