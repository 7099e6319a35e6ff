#include "store/migrate.h"

#include <stdio.h>

#include "base/clock.h"
#include "store/db.h"

extern const struct embedded_file migrations[];
extern const size_t migrations_count;

struct migration_set migrations_embedded(void)
{
    return (struct migration_set){migrations, migrations_count};
}

/* The number that a file's name starts with; 0 when there is none. */
static uint32_t file_version(const struct embedded_file *file)
{
    struct text name = text_of(file->name);
    uint64_t version = 0;

    return text_parse_u64(text_cut(&name, '_'), UINT32_MAX, &version) ? (uint32_t)version : 0;
}

static const struct embedded_file *find_file(const struct migration_set *set, uint32_t version,
                                             struct text suffix)
{
    for (size_t i = 0; i < set->count; i++)
        if (file_version(&set->files[i]) == version &&
            text_ends_with(text_of(set->files[i].name), suffix))
            return &set->files[i];
    return NULL;
}

uint32_t migrations_newest(const struct migration_set *set)
{
    uint32_t newest = 0;

    while (find_file(set, newest + 1, TEXT(".up.sql")))
        newest++;
    return newest;
}

/* Inside a transaction for the schema: two processes that create the same table at once would
 * otherwise stumble over each other (PostgreSQL). */
static enum err read_version(struct db *db, uint32_t *ret_version, struct diag *diag)
{
    struct db_cursor cursor;
    bool has_row = false;
    enum err err = db_script(db,
                             TEXT("CREATE TABLE IF NOT EXISTS schema_migrations ("
                                  "version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
                                  "applied_at BIGINT NOT NULL)"),
                             diag);

    if (err != OK)
        return err;
    err = db_query_row(db, "SELECT max(version) FROM schema_migrations", NULL, 0, &cursor, &has_row,
                       diag);
    if (err == OK)
        *ret_version = has_row ? (uint32_t)db_column_i64(&cursor, 0) : 0;
    db_cursor_end(&cursor);
    return err;
}

enum err migrate_version(struct db *db, uint32_t *ret_version, struct diag *diag)
{
    enum err err = db_begin(db, DB_SCHEMA, diag);

    return err == OK ? db_end(db, read_version(db, ret_version, diag), diag) : err;
}

static enum err record(struct db *db, uint32_t version, const char *name, bool is_up,
                       struct diag *diag)
{
    const struct db_value values[] = {DB_U64(version), DB_TEXT(text_of(name)),
                                      DB_I64(clock_wall_us())};

    if (!is_up)
        return db_run(db, "DELETE FROM schema_migrations WHERE version = ?", values, 1, NULL, diag);
    return db_run(db, "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)",
                  values, 3, NULL, diag);
}

/* Runs one file, from `at` to the version beside it, in one transaction. */
static enum err run_file(struct db *db, const struct embedded_file *file, uint32_t at, bool is_up,
                         struct diag *diag)
{
    struct diag detail = {0};
    uint32_t now_at = 0;
    enum err err = db_begin(db, DB_SCHEMA, &detail);

    if (err == OK) {
        /* Another process may have done it while this one waited for the lock. */
        err = read_version(db, &now_at, &detail);
        if (err == OK && now_at == at) {
            err = db_script(db, (struct text){(const char *)file->data, file->len}, &detail);
            if (err == OK)
                err = record(db, is_up ? at + 1 : at, file->name, is_up, &detail);
        }
        err = db_end(db, err, &detail);
    }
    if (err != OK)
        diag_set(diag, "migration %s failed: %s", file->name, detail.message);
    return err;
}

enum err migrate_to(struct db *db, const struct migration_set *set, uint32_t version,
                    struct diag *diag)
{
    uint32_t newest = migrations_newest(set);
    uint32_t at = 0;
    enum err err = migrate_version(db, &at, diag);

    if (err != OK)
        return err;
    if (at > newest) {
        diag_set(diag,
                 "the database has schema version %u, this program knows only up to %u: "
                 "start the newer program, or restore the backup from before its upgrade",
                 at, newest);
        return ERR_UNSUPPORTED;
    }
    if (version > newest) {
        diag_set(diag, "there is no schema version %u; the newest is %u", version, newest);
        return ERR_INVALID;
    }
    while (at != version) {
        bool is_up = at < version;
        const struct embedded_file *file =
            find_file(set, is_up ? at + 1 : at, is_up ? TEXT(".up.sql") : TEXT(".down.sql"));

        if (!file) {
            diag_set(diag, "schema version %u has no way back", at);
            return ERR_INVALID;
        }
        err = run_file(db, file, at, is_up, diag);
        if (err == OK)
            err = migrate_version(db, &at, diag);
        if (err != OK)
            return err;
    }
    return OK;
}
