#include "store/store.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/migrate.h"
#include "store/store_private.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    NODE_DRAWN_LEN = 12,
    ROW_IDS = 1000,
};

/* ---- life ---- */

static bool is_node(struct text name)
{
    if (name.len == 0 || name.len > STORE_NODE_LEN_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

static enum err name_node(struct store *store, const char *given, struct diag *diag)
{
    if (!given || !*given) {
        crypto_random_text(store->node, NODE_DRAWN_LEN);
        return OK;
    }
    if (!is_node(text_of(given))) {
        diag_set(diag, "the name of a node has 1 to %d letters, digits, '.', '_' or '-'",
                 STORE_NODE_LEN_MAX);
        return ERR_INVALID;
    }
    memcpy(store->node, given, strlen(given));
    return OK;
}

enum err store_open(const struct store_config *config, struct store **ret_store, struct diag *diag)
{
    struct migration_set set = migrations_embedded();
    struct store *store = mem_zalloc(sizeof(*store));
    enum err err = name_node(store, config->node, diag);

    if (config->node_url) /* cut, if it is longer than any setting */
        (void)snprintf(store->node_url, sizeof(store->node_url), "%s", config->node_url);
    store->told = writer_fixed(store->told_bytes, sizeof(store->told_bytes));
    if (err == OK)
        err = db_open(config, &store->db, diag);
    if (err == OK && !config->keeps_schema)
        err = migrate_to(store->db, &set, migrations_newest(&set), diag);
    if (err != OK) {
        store_close(store);
        return err;
    }
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

const char *store_node(const struct store *store)
{
    return store->node;
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

enum err store_ping(struct store *store, struct diag *diag)
{
    return db_run(store->db, "SELECT count(*) FROM counters", NULL, 0, NULL, diag);
}

enum err store_try_write(struct store *store, struct diag *diag)
{
    enum err err = store_begin(store, diag);

    if (err != OK)
        return err;
    err = db_run(store->db, "UPDATE counters SET next_value = next_value WHERE name = 'channels'",
                 NULL, 0, NULL, diag);
    return store_end(store, err, diag);
}

/* ---- transactions, and who hears of them ---- */

enum err store_begin(struct store *store, struct diag *diag)
{
    writer_clear(&store->told);
    return db_begin(store->db, DB_WRITE, diag);
}

static enum err flush_told(struct store *store, struct diag *diag)
{
    if (store->told.len == 0)
        return OK;
    enum err err = db_notify(store->db, writer_as_text(&store->told), diag);
    writer_clear(&store->told);
    return err;
}

enum err store_end(struct store *store, enum err result, struct diag *diag)
{
    if (result == OK)
        result = flush_told(store, diag);
    result = db_end(store->db, result, diag);
    /* What was taken inside a transaction that failed was never taken. */
    if (result != OK)
        memset(store->row_ids, 0, sizeof(store->row_ids));
    return result;
}

enum err store_tell(struct store *store, const struct table *table, struct text id,
                    struct diag *diag)
{
    struct writer *told = &store->told;
    size_t need = strlen(store->node) + strlen(table->name) + id.len + 3;

    if (!table->is_told || !db_is_shared(store->db))
        return OK;
    if (told->len + need > told->cap) {
        enum err err = flush_told(store, diag);
        if (err != OK)
            return err;
    }
    if (told->len == 0)
        writer_printf(told, "%s ", store->node);
    else
        writer_char(told, ',');
    writer_printf(told, "%s %.*s", table->name, TEXT_ARG(id));
    return OK;
}

enum err store_tell_row(struct store *store, const struct table *table, const void *row,
                        struct diag *diag)
{
    char id[STORE_ROW_ID_LEN_MAX + 1];
    struct writer w = writer_fixed(id, sizeof(id));

    if (!table->is_told)
        return OK;
    row_write_id(&w, table, row);
    return store_tell(store, table, writer_as_text(&w), diag);
}

/* ---- numbers ---- */

static enum err unknown_counter(const char *name, struct diag *diag)
{
    diag_set(diag, "database: the counter of %s is missing", name);
    return ERR_IO;
}

static enum err next_value(struct store *store, const char *name, uint64_t *ret_value,
                           struct diag *diag)
{
    const struct db_value values[] = {DB_TEXT(text_of(name))};
    struct db_cursor cursor;
    bool has_row = false;
    enum err err = db_query_row(store->db, "SELECT next_value FROM counters WHERE name = ?", values,
                                COUNT_OF(values), &cursor, &has_row, diag);

    if (err == OK && has_row)
        *ret_value = (uint64_t)db_column_i64(&cursor, 0);
    db_cursor_end(&cursor);
    return err == OK && !has_row ? unknown_counter(name, diag) : err;
}

/* The counter is beyond every number ever used. */
static enum err raise_counter(struct store *store, const char *name, uint64_t used,
                              struct diag *diag)
{
    const struct db_value values[] = {DB_U64(used + 1), DB_TEXT(text_of(name)), DB_U64(used)};

    return db_run(store->db,
                  "UPDATE counters SET next_value = ? WHERE name = ? AND next_value <= ?", values,
                  COUNT_OF(values), NULL, diag);
}

enum err store_reserve_ids(struct store *store, const char *name, uint64_t count,
                           uint64_t *ret_first, struct diag *diag)
{
    const struct db_value values[] = {DB_U64(count), DB_TEXT(text_of(name))};
    struct db_cursor cursor;
    bool has_row = false;
    enum err err = db_query_row(store->db,
                                "UPDATE counters SET next_value = next_value + ? WHERE name = ? "
                                "RETURNING next_value",
                                values, COUNT_OF(values), &cursor, &has_row, diag);
    uint64_t end = err == OK && has_row ? (uint64_t)db_column_i64(&cursor, 0) : 0;

    /* Only the step after the last row completes the statement (SQLite). */
    if (err == OK && has_row)
        err = db_next(&cursor, &has_row, diag);
    db_cursor_end(&cursor);
    if (err == OK && end < count + 1)
        return unknown_counter(name, diag);
    if (err == OK)
        *ret_first = end - count;
    return err;
}

static enum err next_row_id(struct store *store, const struct table *table, uint64_t *ret_id,
                            struct diag *diag)
{
    struct id_block *block = &store->row_ids[table - table_of(STORE_CHANNELS) + STORE_CHANNELS];

    if (block->next == block->end) {
        enum err err = store_reserve_ids(store, table->name, ROW_IDS, &block->next, diag);
        if (err != OK)
            return err;
        block->end = block->next + ROW_IDS;
    }
    *ret_id = block->next++;
    return OK;
}

/* ---- rows ---- */

enum err store_put(struct store *store, const struct table *table, const void *row,
                   struct diag *diag)
{
    struct sql sql = {0};
    struct bound bound = {0};
    uint64_t id;

    bind_row(&bound, table, row, 0);
    if (table->is_counted) {
        enum err err = next_row_id(store, table, &id, diag);
        if (err != OK)
            return err;
        sql_insert(&sql, table, ", id", ", ?", false);
        bind_value(&bound, DB_U64(id));
    } else {
        sql_insert(&sql, table, "", "", true);
    }
    enum err err = db_run(store->db, sql.text, bound.values, bound.count, NULL, diag);
    return err == OK ? store_tell_row(store, table, row, diag) : err;
}

void rows_release(const struct table *table, void *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        row_release(table, (uint8_t *)rows + i * table->row_size);
    mem_free(rows);
}

void row_list_deinit(struct row_list *list)
{
    if (list->table)
        rows_release(list->table, list->rows, list->count);
    *list = (struct row_list){0};
}

/* Room for one more. What is left behind is wiped: it may hold keys. */
static void *list_room(struct row_list *list, size_t *cap)
{
    size_t size = list->table->row_size;

    if (list->count == *cap) {
        size_t larger = *cap ? *cap * 2 : 4;
        void *rows = mem_alloc(larger * size);

        if (list->count) {
            memcpy(rows, list->rows, list->count * size);
            crypto_wipe(list->rows, list->count * size);
        }
        mem_free(list->rows);
        list->rows = rows;
        *cap = larger;
    }
    return (uint8_t *)list->rows + list->count * size;
}

enum err row_list_load(struct store *store, const struct table *table, const char *sql,
                       const struct bound *bound, size_t max, row_fn *on_row, void *context,
                       struct row_list *ret_list, struct diag *diag)
{
    struct db_cursor cursor;
    size_t cap = 0;
    bool has_row = false;
    enum err err = db_query(store->db, sql, bound->values, bound->count, &cursor, diag);

    *ret_list = (struct row_list){.table = table};
    while (err == OK && (err = db_next(&cursor, &has_row, diag)) == OK && has_row) {
        if (ret_list->count == max) {
            ret_list->has_more = true;
            break;
        }
        row_read(&cursor, table, list_room(ret_list, &cap));
        ret_list->count++;
        if (on_row)
            on_row(&cursor, context);
    }
    db_cursor_end(&cursor);
    return err;
}

/* ---- loading ---- */

static enum err load_channels(struct store *store, struct store_snapshot *snapshot,
                              struct diag *diag)
{
    const struct table *table = table_of(STORE_CHANNELS);
    struct bound none = {0};
    struct sql sql = {0};
    struct row_list list;

    sql_select(&sql, table, true, "");
    sql_add(&sql, " ORDER BY id");
    enum err err =
        row_list_load(store, table, sql.text, &none, STORE_CHANNELS_MAX, NULL, NULL, &list, diag);
    if (err == OK && list.has_more) {
        diag_set(diag, "database: more than %d channels", STORE_CHANNELS_MAX);
        err = ERR_LIMIT;
    }
    if (err != OK) {
        row_list_deinit(&list);
        return err;
    }
    snapshot->channels = list.rows;
    snapshot->channel_count = list.count;
    return OK;
}

static enum err load_ids(struct store *store, const char *name, uint64_t block, uint64_t *ret_next,
                         uint64_t *ret_end, struct diag *diag)
{
    bool is_shared = db_is_shared(store->db);
    enum err err = is_shared ? store_reserve_ids(store, name, block, ret_next, diag)
                             : next_value(store, name, ret_next, diag);

    *ret_end = is_shared ? *ret_next + block : UINT64_MAX;
    return err;
}

enum err store_load(struct store *store, struct store_snapshot *ret_snapshot, struct diag *diag)
{
    struct store_snapshot snapshot = {0};
    enum err err = load_channels(store, &snapshot, diag);

    if (err == OK)
        err = load_ids(store, "channels", STORE_CHANNEL_IDS, &snapshot.next_channel_id,
                       &snapshot.channel_ids_end, diag);
    if (err == OK)
        err = load_ids(store, "broadcasts", STORE_BROADCAST_IDS, &snapshot.next_broadcast_id,
                       &snapshot.broadcast_ids_end, diag);
    if (err != OK) {
        store_snapshot_deinit(&snapshot);
        return err;
    }
    *ret_snapshot = snapshot;
    return OK;
}

enum err store_load_channels(struct store *store, struct store_snapshot *ret_snapshot,
                             struct diag *diag)
{
    struct store_snapshot snapshot = {0};
    enum err err = load_channels(store, &snapshot, diag);

    if (err == OK)
        *ret_snapshot = snapshot;
    return err;
}

void store_snapshot_deinit(struct store_snapshot *snapshot)
{
    rows_release(table_of(STORE_CHANNELS), snapshot->channels, snapshot->channel_count);
    *snapshot = (struct store_snapshot){0};
}

static enum err not_found(const char *what, uint64_t id, struct diag *diag)
{
    diag_set(diag, "database: there is no %s %llu", what, (unsigned long long)id);
    return ERR_NOT_FOUND;
}

static enum err find_by_number(struct store *store, enum store_table which, const char *what,
                               uint64_t id, void *ret_row, struct diag *diag)
{
    const struct table *table = table_of(which);
    const struct db_value values[] = {DB_U64(id)};
    struct sql sql = {0};
    struct db_cursor cursor;
    bool has_row = false;

    sql_select(&sql, table, true, "");
    sql_add(&sql, " WHERE id = ?");
    enum err err =
        db_query_row(store->db, sql.text, values, COUNT_OF(values), &cursor, &has_row, diag);
    if (err == OK && has_row)
        row_read(&cursor, table, ret_row);
    db_cursor_end(&cursor);
    return err == OK && !has_row ? not_found(what, id, diag) : err;
}

enum err store_channel_find(struct store *store, uint64_t id, struct channel_row *ret_row,
                            struct diag *diag)
{
    return find_by_number(store, STORE_CHANNELS, "channel", id, ret_row, diag);
}

enum err store_broadcast_find(struct store *store, uint64_t id, struct broadcast_row *ret_row,
                              struct diag *diag)
{
    return find_by_number(store, STORE_BROADCASTS, "broadcast", id, ret_row, diag);
}

/* ---- channels and broadcasts ---- */

enum err store_channel_create(struct store *store, const struct channel_row *row, struct diag *diag)
{
    const struct table *table = table_of(STORE_CHANNELS);
    struct sql sql = {0};
    struct bound bound = {0};
    char name[40];

    (void)snprintf(name, sizeof(name), "channel_%llu", (unsigned long long)row->id);
    sql_insert(&sql, table, ", channel_name", ", ?", false);
    bind_row(&bound, table, row, 0);
    bind_value(&bound, DB_TEXT(text_of(name)));
    enum err err = db_run(store->db, sql.text, bound.values, bound.count, NULL, diag);
    return err == OK ? raise_counter(store, "channels", row->id, diag) : err;
}

static enum err update_channel(struct store *store, const struct channel_row *row, unsigned flags,
                               struct diag *diag)
{
    const struct table *table = table_of(STORE_CHANNELS);
    struct sql sql = {0};
    struct bound bound = {0};
    uint64_t changed = 0;

    sql_addf(&sql, "UPDATE %s SET ", table->name);
    sql_set(&sql, table, flags);
    sql_add(&sql, " WHERE id = ?");
    bind_row(&bound, table, row, flags);
    bind_value(&bound, DB_U64(row->id));
    enum err err = db_run(store->db, sql.text, bound.values, bound.count, &changed, diag);
    return err == OK && changed == 0 ? not_found("channel", row->id, diag) : err;
}

enum err store_channel_update(struct store *store, const struct channel_row *row, struct diag *diag)
{
    return update_channel(store, row, COLUMN_SETTINGS | COLUMN_STATE, diag);
}

enum err store_channel_delete(struct store *store, uint64_t id, struct diag *diag)
{
    const struct db_value values[] = {DB_U64(id)};
    uint64_t changed = 0;
    enum err err = db_run(store->db, "DELETE FROM channels WHERE id = ?", values, COUNT_OF(values),
                          &changed, diag);

    return err == OK && changed == 0 ? not_found("channel", id, diag) : err;
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
    enum err err =
        db_run(store->db,
               "UPDATE broadcasts SET ended_at = ?, end_reason = ?, peak_viewers = ? WHERE id = ?",
               values, COUNT_OF(values), &changed, diag);

    return err == OK && changed == 0 ? not_found("broadcast", row->id, diag) : err;
}

static enum err apply_channel(struct store *store, const struct store_change *change,
                              struct diag *diag)
{
    switch (change->channel_op) {
    case STORE_CHANNEL_CREATE:
        return store_channel_create(store, &change->channel, diag);
    case STORE_CHANNEL_UPDATE:
        return store_channel_update(store, &change->channel, diag);
    case STORE_CHANNEL_SETTINGS:
        return update_channel(store, &change->channel, COLUMN_SETTINGS, diag);
    case STORE_CHANNEL_STATE:
        return update_channel(store, &change->channel, COLUMN_STATE, diag);
    case STORE_CHANNEL_DELETE:
        return store_channel_delete(store, change->channel.id, diag);
    }
    return ERR_INVALID;
}

/* Another server took this one for dead, and has closed what it runs. */
static enum err open_again(struct store *store, const struct broadcast_row *row, bool *ret_is_there,
                           struct diag *diag)
{
    const struct db_value values[] = {DB_U64(row->id), DB_U64(row->channel_id)};
    uint64_t changed = 0;
    enum err err = db_run(store->db,
                          "UPDATE broadcasts SET ended_at = NULL, end_reason = NULL "
                          "WHERE id = ? AND channel_id = ?",
                          values, COUNT_OF(values), &changed, diag);

    *ret_is_there = changed != 0;
    return err;
}

static enum err start_broadcast(struct store *store, const struct broadcast_row *row,
                                struct diag *diag)
{
    bool is_there = false;
    enum err err = open_again(store, row, &is_there, diag);

    return err == OK && !is_there ? store_broadcast_start(store, row, diag) : err;
}

/* One whose start could not be stored comes into the history with its end. */
static enum err end_broadcast(struct store *store, const struct broadcast_row *row,
                              struct diag *diag)
{
    enum err err = store_broadcast_end(store, row, diag);

    if (err != ERR_NOT_FOUND)
        return err;
    err = store_broadcast_start(store, row, diag);
    return err == OK ? store_broadcast_end(store, row, diag) : err;
}

static enum err apply_broadcast(struct store *store, const struct store_change *change,
                                struct diag *diag)
{
    switch (change->broadcast_op) {
    case STORE_BROADCAST_NONE:
        return OK;
    case STORE_BROADCAST_START:
        return start_broadcast(store, &change->broadcast, diag);
    case STORE_BROADCAST_END:
        return end_broadcast(store, &change->broadcast, diag);
    }
    return ERR_INVALID;
}

enum err store_change_apply(struct store *store, const struct store_change *change,
                            struct diag *diag)
{
    enum err err = apply_channel(store, change, diag);

    if (err == OK)
        err = apply_broadcast(store, change, diag);
    return err == OK ? store_tell_row(store, table_of(STORE_CHANNELS), &change->channel, diag)
                     : err;
}

enum err store_apply(struct store *store, const struct store_change *change, struct diag *diag)
{
    enum err err = store_begin(store, diag);

    return err == OK ? store_end(store, store_change_apply(store, change, diag), diag) : err;
}

/* ---- the admin key, and this node ---- */

enum err store_admin_key_save(struct store *store, const uint8_t hash[CRYPTO_SHA256_LEN],
                              const char *prefix, int64_t now_us, struct diag *diag)
{
    struct api_key_row row = {
        .id = STORE_ADMIN_KEY_ID,
        .name = "Admin key",
        .scopes = "admin",
        .created_at_us = now_us,
    };

    memcpy(row.key_hash, hash, sizeof(row.key_hash));
    (void)snprintf(row.prefix, sizeof(row.prefix), "%s", prefix); /* its first characters */
    enum err err = store_begin(store, diag);
    if (err != OK)
        return err;
    return store_end(store, store_put(store, table_of(STORE_API_KEYS), &row, diag), diag);
}

enum err store_admin_key_load(struct store *store, uint8_t ret_hash[CRYPTO_SHA256_LEN],
                              struct diag *diag)
{
    const struct db_value values[] = {DB_TEXT(TEXT(STORE_ADMIN_KEY_ID))};
    struct db_cursor cursor;
    bool has_row = false;
    enum err err = db_query_row(store->db, "SELECT key_hash FROM api_keys WHERE id = ?", values,
                                COUNT_OF(values), &cursor, &has_row, diag);

    if (err == OK && !(has_row && hash_parse(db_column_text(&cursor, 0), ret_hash))) {
        diag_set(diag, "database: no admin key is stored");
        err = ERR_NOT_FOUND;
    }
    db_cursor_end(&cursor);
    return err;
}

enum err store_beat(struct store *store, int64_t now_us, struct diag *diag)
{
    struct node_row row = {.last_seen_at_us = now_us};

    if (store->started_at_us == 0)
        store->started_at_us = now_us;
    row.started_at_us = store->started_at_us;
    memcpy(row.id, store->node, sizeof(row.id));
    memcpy(row.url, store->node_url, sizeof(row.url));
    enum err err = store_begin(store, diag);
    if (err != OK)
        return err;
    return store_end(store, store_put(store, table_of(STORE_NODES), &row, diag), diag);
}
