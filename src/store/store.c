#include "store/store.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/vec.h"
#include "base/writer.h"
#include "store/db.h"
#include "store/migrate.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define CHANNEL_COLUMNS                                                                            \
    "id, title, stream_key, stream_mode, is_active, relay_status, relay_error, "                   \
    "streaming_platform, relay_started_at, started_at, ended_at, created_at, updated_at, "         \
    "(SELECT max(b.id) FROM broadcasts b WHERE b.channel_id = channels.id AND b.ended_at IS NULL)"

struct store {
    struct db *db;
};

enum err store_open(const struct store_config *config, struct store **ret_store, struct diag *diag)
{
    struct migration_set set = migrations_embedded();
    struct db *db;
    enum err err = db_open(config, &db, diag);

    if (err != OK)
        return err;
    err = migrate_to(db, &set, migrations_newest(&set), diag);
    if (err != OK) {
        db_close(db);
        return err;
    }
    struct store *store = mem_zalloc(sizeof(*store));
    store->db = db;
    *ret_store = store;
    return OK;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    db_close(store->db);
    mem_free(store);
}

uint32_t store_schema_newest(void)
{
    struct migration_set set = migrations_embedded();

    return migrations_newest(&set);
}

enum err store_schema_version(struct store *store, uint32_t *ret_version, struct diag *diag)
{
    return migrate_version(store->db, ret_version, diag);
}

enum err store_migrate(struct store *store, uint32_t version, struct diag *diag)
{
    struct migration_set set = migrations_embedded();

    return migrate_to(store->db, &set, version, diag);
}

/* Cuts what does not fit: only a foreign hand can have written it. */
static void copy_text(char *to, size_t cap, struct text text)
{
    text = text_sub(text, 0, cap - 1);
    while (text.len && !text_is_utf8(text)) /* not inside a character */
        text.len--;
    memcpy(to, text.len ? text.ptr : "", text.len);
    to[text.len] = '\0';
}

#define COPY_COLUMN(to, cursor, column) copy_text(to, sizeof(to), db_column_text(cursor, column))

static void read_channel(const struct db_cursor *cursor, struct channel_row *ret_row)
{
    struct channel_row row = {.id = (uint64_t)db_column_i64(cursor, 0)};

    COPY_COLUMN(row.title, cursor, 1);
    (void)secret_set(&row.stream_key, db_column_text(cursor, 2)); /* too long: matches nothing */
    COPY_COLUMN(row.stream_mode, cursor, 3);
    row.is_active = db_column_i64(cursor, 4) != 0;
    COPY_COLUMN(row.relay_status, cursor, 5);
    COPY_COLUMN(row.relay_error, cursor, 6);
    COPY_COLUMN(row.streaming_platform, cursor, 7);
    row.relay_started_at_us = db_column_i64(cursor, 8);
    row.started_at_us = db_column_i64(cursor, 9);
    row.ended_at_us = db_column_i64(cursor, 10);
    row.created_at_us = db_column_i64(cursor, 11);
    row.updated_at_us = db_column_i64(cursor, 12);
    row.open_broadcast_id = (uint64_t)db_column_i64(cursor, 13);
    *ret_row = row;
    secret_wipe(&row.stream_key);
}

static enum err load_channels(struct store *store, struct store_snapshot *snapshot,
                              struct diag *diag)
{
    VEC(struct channel_row) rows = {0};
    struct channel_row row;
    struct db_cursor cursor;
    bool has_row = false;
    enum err err = db_query(store->db, "SELECT " CHANNEL_COLUMNS " FROM channels ORDER BY id", NULL,
                            0, &cursor, diag);

    while (err == OK && (err = db_next(&cursor, &has_row, diag)) == OK && has_row) {
        read_channel(&cursor, &row);
        if (!vec_push(&rows, row, STORE_CHANNELS_MAX)) {
            diag_set(diag, "database: more than %d channels", STORE_CHANNELS_MAX);
            err = ERR_LIMIT;
        }
        secret_wipe(&row.stream_key);
    }
    db_cursor_end(&cursor);
    snapshot->channels = rows.items;
    snapshot->channel_count = rows.count;
    return err;
}

static enum err next_value(struct store *store, const char *name, uint64_t *ret_value,
                           struct diag *diag)
{
    const struct db_value values[] = {DB_TEXT(text_of(name))};
    struct db_cursor cursor;
    bool has_row = false;
    enum err err = db_query(store->db, "SELECT next_value FROM counters WHERE name = ?", values, 1,
                            &cursor, diag);

    if (err == OK)
        err = db_next(&cursor, &has_row, diag);
    if (err == OK)
        *ret_value = has_row ? (uint64_t)db_column_i64(&cursor, 0) : 1;
    db_cursor_end(&cursor);
    return err;
}

/* After the number `id` was given, the counter is past it. */
static enum err raise_counter(struct store *store, const char *name, uint64_t id, struct diag *diag)
{
    const struct db_value values[] = {DB_U64(id + 1), DB_TEXT(text_of(name)), DB_U64(id + 1)};

    return db_run(store->db, "UPDATE counters SET next_value = ? WHERE name = ? AND next_value < ?",
                  values, COUNT_OF(values), NULL, diag);
}

enum err store_load(struct store *store, struct store_snapshot *ret_snapshot, struct diag *diag)
{
    struct store_snapshot snapshot = {.channel_ids_end = UINT64_MAX,
                                      .broadcast_ids_end = UINT64_MAX};
    enum err err = load_channels(store, &snapshot, diag);

    if (err == OK)
        err = next_value(store, "channels", &snapshot.next_channel_id, diag);
    if (err == OK)
        err = next_value(store, "broadcasts", &snapshot.next_broadcast_id, diag);
    if (err != OK) {
        store_snapshot_deinit(&snapshot);
        return err;
    }
    *ret_snapshot = snapshot;
    return OK;
}

void store_snapshot_deinit(struct store_snapshot *snapshot)
{
    if (snapshot->channels)
        crypto_wipe(snapshot->channels, snapshot->channel_count * sizeof(*snapshot->channels));
    mem_free(snapshot->channels);
    *snapshot = (struct store_snapshot){0};
}

enum err store_channel_create(struct store *store, const struct channel_row *row, struct diag *diag)
{
    char name[40];
    struct writer w = writer_fixed(name, sizeof(name));

    writer_str(&w, "channel_");
    writer_dec(&w, row->id);
    const struct db_value values[] = {
        DB_U64(row->id),
        DB_TEXT(text_of(row->title)),
        DB_TEXT(writer_as_text(&w)),
        DB_TEXT(secret_reveal(&row->stream_key)),
        DB_TEXT(*row->stream_mode ? text_of(row->stream_mode) : TEXT("hybrid")),
        DB_TEXT(*row->streaming_platform ? text_of(row->streaming_platform) : TEXT("local")),
        DB_I64(row->created_at_us),
        DB_I64(row->updated_at_us),
    };
    enum err err = db_run(store->db,
                          "INSERT INTO channels (id, title, channel_name, stream_key, stream_mode, "
                          "streaming_platform, created_at, updated_at) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                          values, COUNT_OF(values), NULL, diag);

    return err == OK ? raise_counter(store, "channels", row->id, diag) : err;
}

static enum err not_found(const char *what, uint64_t id, struct diag *diag)
{
    diag_set(diag, "database: there is no %s %llu", what, (unsigned long long)id);
    return ERR_NOT_FOUND;
}

enum err store_channel_update(struct store *store, const struct channel_row *row, struct diag *diag)
{
    const struct db_value values[] = {
        DB_TEXT(text_of(row->title)), DB_TEXT(secret_reveal(&row->stream_key)),
        DB_I64(row->is_active),       db_word(row->relay_status),
        db_word(row->relay_error),    db_time(row->relay_started_at_us),
        db_time(row->started_at_us),  db_time(row->ended_at_us),
        DB_I64(row->updated_at_us),   DB_U64(row->id),
    };
    uint64_t changed = 0;
    enum err err =
        db_run(store->db,
               "UPDATE channels SET title = ?, stream_key = ?, is_active = ?, relay_status = ?, "
               "relay_error = ?, relay_started_at = ?, started_at = ?, ended_at = ?, "
               "updated_at = ? WHERE id = ?",
               values, COUNT_OF(values), &changed, diag);

    return err == OK && changed == 0 ? not_found("channel", row->id, diag) : err;
}

enum err store_channel_delete(struct store *store, uint64_t id, struct diag *diag)
{
    const struct db_value values[] = {DB_U64(id)};
    uint64_t changed = 0;
    enum err err = db_run(store->db, "DELETE FROM channels WHERE id = ?", values, COUNT_OF(values),
                          &changed, diag);

    return err == OK && changed == 0 ? not_found("channel", id, diag) : err;
}

enum err store_channel_find(struct store *store, uint64_t id, struct channel_row *ret_row,
                            struct diag *diag)
{
    const struct db_value values[] = {DB_U64(id)};
    struct db_cursor cursor;
    bool has_row = false;
    enum err err = db_query(store->db, "SELECT " CHANNEL_COLUMNS " FROM channels WHERE id = ?",
                            values, COUNT_OF(values), &cursor, diag);

    if (err == OK)
        err = db_next(&cursor, &has_row, diag);
    if (err == OK && has_row)
        read_channel(&cursor, ret_row);
    db_cursor_end(&cursor);
    return err == OK && !has_row ? not_found("channel", id, diag) : err;
}

enum err store_broadcast_start(struct store *store, const struct broadcast_row *row,
                               struct diag *diag)
{
    const struct db_value values[] = {
        DB_U64(row->id),
        DB_U64(row->channel_id),
        DB_I64(row->started_at_us),
        DB_TEXT(*row->source ? text_of(row->source) : TEXT("local")),
        DB_TEXT(*row->platform ? text_of(row->platform) : TEXT("local")),
        DB_I64(row->started_at_us),
    };
    enum err err = db_run(store->db,
                          "INSERT INTO broadcasts (id, channel_id, started_at, source, platform, "
                          "created_at) VALUES (?, ?, ?, ?, ?, ?)",
                          values, COUNT_OF(values), NULL, diag);

    return err == OK ? raise_counter(store, "broadcasts", row->id, diag) : err;
}

enum err store_broadcast_end(struct store *store, const struct broadcast_row *row,
                             struct diag *diag)
{
    const struct db_value values[] = {
        db_time(row->ended_at_us),
        db_word(row->end_reason),
        DB_U64(row->peak_viewers),
        DB_U64(row->id),
    };
    uint64_t changed = 0;
    enum err err = db_run(store->db,
                          "UPDATE broadcasts SET ended_at = ?, end_reason = ?, peak_viewers = ? "
                          "WHERE id = ?",
                          values, COUNT_OF(values), &changed, diag);

    return err == OK && changed == 0 ? not_found("broadcast", row->id, diag) : err;
}

static void read_broadcast(const struct db_cursor *cursor, struct broadcast_row *ret_row)
{
    struct broadcast_row row = {
        .id = (uint64_t)db_column_i64(cursor, 0),
        .channel_id = (uint64_t)db_column_i64(cursor, 1),
        .started_at_us = db_column_i64(cursor, 2),
        .ended_at_us = db_column_i64(cursor, 3),
        .peak_viewers = (uint32_t)db_column_i64(cursor, 5),
    };

    COPY_COLUMN(row.end_reason, cursor, 4);
    COPY_COLUMN(row.source, cursor, 6);
    COPY_COLUMN(row.platform, cursor, 7);
    *ret_row = row;
}

enum err store_broadcast_find(struct store *store, uint64_t id, struct broadcast_row *ret_row,
                              struct diag *diag)
{
    const struct db_value values[] = {DB_U64(id)};
    struct db_cursor cursor;
    bool has_row = false;
    enum err err = db_query(store->db,
                            "SELECT id, channel_id, started_at, ended_at, end_reason, "
                            "peak_viewers, source, platform FROM broadcasts WHERE id = ?",
                            values, COUNT_OF(values), &cursor, diag);

    if (err == OK)
        err = db_next(&cursor, &has_row, diag);
    if (err == OK && has_row)
        read_broadcast(&cursor, ret_row);
    db_cursor_end(&cursor);
    return err == OK && !has_row ? not_found("broadcast", id, diag) : err;
}

static enum err apply_channel(struct store *store, const struct store_change *change,
                              struct diag *diag)
{
    switch (change->channel_op) {
    case STORE_CHANNEL_CREATE:
        return store_channel_create(store, &change->channel, diag);
    case STORE_CHANNEL_UPDATE:
    case STORE_CHANNEL_SETTINGS:
    case STORE_CHANNEL_STATE:
        return store_channel_update(store, &change->channel, diag);
    case STORE_CHANNEL_DELETE:
        return store_channel_delete(store, change->channel.id, diag);
    }
    return ERR_INVALID;
}

static enum err apply_broadcast(struct store *store, const struct store_change *change,
                                struct diag *diag)
{
    switch (change->broadcast_op) {
    case STORE_BROADCAST_NONE:
        return OK;
    case STORE_BROADCAST_START:
        return store_broadcast_start(store, &change->broadcast, diag);
    case STORE_BROADCAST_END:
        return store_broadcast_end(store, &change->broadcast, diag);
    }
    return ERR_INVALID;
}

enum err store_apply(struct store *store, const struct store_change *change, struct diag *diag)
{
    enum err err = db_begin(store->db, diag);

    if (err != OK)
        return err;
    err = apply_channel(store, change, diag);
    if (err == OK)
        err = apply_broadcast(store, change, diag);
    return db_end(store->db, err, diag);
}

enum err store_admin_key_save(struct store *store, const uint8_t hash[CRYPTO_SHA256_LEN],
                              const char *prefix, int64_t now_us, struct diag *diag)
{
    char hex[2 * CRYPTO_SHA256_LEN];
    struct writer w = writer_fixed(hex, sizeof(hex));

    crypto_hex(&w, hash, CRYPTO_SHA256_LEN);
    const struct db_value values[] = {DB_TEXT(writer_as_text(&w)), DB_TEXT(text_of(prefix)),
                                      DB_I64(now_us)};
    enum err err = db_begin(store->db, diag);

    if (err != OK)
        return err;
    err =
        db_run(store->db, "DELETE FROM api_keys WHERE scopes = 'admin:first'", NULL, 0, NULL, diag);
    if (err == OK)
        err = db_run(store->db,
                     "INSERT INTO api_keys (key_hash, prefix, scopes, created_at) "
                     "VALUES (?, ?, 'admin:first', ?)",
                     values, COUNT_OF(values), NULL, diag);
    return db_end(store->db, err, diag);
}

static bool parse_hash(struct text hex, uint8_t ret_hash[CRYPTO_SHA256_LEN])
{
    uint8_t hash[CRYPTO_SHA256_LEN];

    if (hex.len != 2 * sizeof(hash))
        return false;
    for (size_t i = 0; i < sizeof(hash); i++) {
        uint64_t byte;

        if (!text_parse_hex_u64(text_sub(hex, 2 * i, 2), UINT8_MAX, &byte))
            return false;
        hash[i] = (uint8_t)byte;
    }
    memcpy(ret_hash, hash, sizeof(hash));
    return true;
}

enum err store_admin_key_load(struct store *store, uint8_t ret_hash[CRYPTO_SHA256_LEN],
                              struct diag *diag)
{
    struct db_cursor cursor;
    bool has_row = false;
    enum err err = db_query(store->db, "SELECT key_hash FROM api_keys WHERE scopes = 'admin:first'",
                            NULL, 0, &cursor, diag);

    if (err == OK)
        err = db_next(&cursor, &has_row, diag);
    if (err == OK && !(has_row && parse_hash(db_column_text(&cursor, 0), ret_hash))) {
        diag_set(diag, "database: no admin key is stored");
        err = ERR_NOT_FOUND;
    }
    db_cursor_end(&cursor);
    return err;
}

enum err store_ping(struct store *store, struct diag *diag)
{
    struct db_cursor cursor;
    bool has_row = false;
    enum err err = db_query(store->db, "SELECT count(*) FROM counters", NULL, 0, &cursor, diag);

    if (err == OK)
        err = db_next(&cursor, &has_row, diag);
    db_cursor_end(&cursor);
    return err;
}
