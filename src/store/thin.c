/*
 * thin - history gets coarser with age, and what has had its time goes. In steps that are bounded,
 * so that nothing else waits long for the database.
 */
#include "base/clock.h"
#include "base/vec.h"
#include "store/store_private.h"

#define DAY_US  (INT64_C(86400) * US_PER_S)
#define YEAR_US (365 * DAY_US)

enum {
    WINDOWS_MAX = 20,   /* of one channel, in one call */
    WINDOW_POINTS = 60, /* that a window becomes, at most, for each broadcast in it */
    GROUPS_MAX = 10000, /* far more than a window of one channel can give */
    DELETES_MAX = 2000, /* rows of one table, in one call */
};

/* ---- metrics ---- */

static const struct level {
    int64_t from_s; /* resolution before */
    int64_t to_s;   /* and after */
    int64_t age_us;
} levels[] = {
    {10, 60, DAY_US},
    {60, 600, 30 * DAY_US},
};

/* Some hours of one channel. */
struct window {
    uint64_t channel_id;
    int64_t from_us;
    int64_t until_us;
};

/* The oldest rows that are due. */
static enum err find_window(struct store *store, const struct level *level, int64_t now_us,
                            struct window *ret_window, bool *ret_is_found, struct diag *diag)
{
    int64_t bucket_us = level->to_s * US_PER_S;
    int64_t due_us = (now_us - level->age_us) / bucket_us * bucket_us; /* whole buckets only */
    const struct db_value values[] = {DB_I64(level->from_s), DB_I64(due_us)};
    struct db_cursor cursor;
    enum err err = db_query_row(store->db,
                                "SELECT channel_id, timestamp FROM stream_metrics "
                                "WHERE resolution_s = ? AND timestamp < ? "
                                "ORDER BY timestamp LIMIT 1",
                                values, 2, &cursor, ret_is_found, diag);

    if (err == OK && *ret_is_found) {
        int64_t from_us = db_column_i64(&cursor, 1) / bucket_us * bucket_us;
        int64_t until_us = from_us + WINDOW_POINTS * bucket_us;

        *ret_window = (struct window){
            .channel_id = (uint64_t)db_column_i64(&cursor, 0),
            .from_us = from_us,
            .until_us = until_us < due_us ? until_us : due_us,
        };
    }
    db_cursor_end(&cursor);
    return err;
}

/* One coarse row, with the smallest number of those it is made of. */
struct group {
    uint64_t id;
    struct stream_metric_row row;
};

struct groups {
    VEC(struct group) list;
};

static int32_t average(const struct db_cursor *cursor, int column)
{
    return db_column_is_null(cursor, column) ? -1 : (int32_t)(db_column_real(cursor, column) + 0.5);
}

static double average_real(const struct db_cursor *cursor, int column)
{
    return db_column_is_null(cursor, column) ? -1 : db_column_real(cursor, column);
}

static void read_group(const struct db_cursor *cursor, const struct level *level,
                       uint64_t channel_id, struct group *ret_group)
{
    static const char *const healths[] = {"", "good", "fair", "poor"};
    int64_t bucket_us = level->to_s * US_PER_S;
    int64_t health = db_column_i64(cursor, 10);
    struct group group = {
        .id = (uint64_t)db_column_i64(cursor, 0),
        .row =
            {
                .channel_id = channel_id,
                .broadcast_id = (uint64_t)db_column_i64(cursor, 1),
                .at_us = db_column_i64(cursor, 2) / bucket_us * bucket_us,
                .resolution_s = (uint32_t)level->to_s,
                .webrtc_viewers = (uint32_t)db_column_i64(cursor, 3),
                .hls_viewers = (uint32_t)db_column_i64(cursor, 4),
                .bitrate_kbps = average(cursor, 5),
                .fps = average_real(cursor, 6),
                .keyframe_interval_ms = average(cursor, 7),
                .packet_loss = average_real(cursor, 8),
                .rtt_ms = average(cursor, 9),
            },
    };

    memcpy(group.row.relay_health, healths[health], strlen(healths[health]));
    *ret_group = group;
}

/* Peaks of the viewers, means of what was measured, the worst health: what people look for in old
 * history. */
static enum err read_groups(struct store *store, const struct level *level,
                            const struct window *window, struct groups *groups, struct diag *diag)
{
    const struct db_value values[] = {
        DB_U64(window->channel_id), DB_I64(level->from_s),          DB_I64(window->from_us),
        DB_I64(window->until_us),   DB_I64(level->to_s * US_PER_S),
    };
    struct db_cursor cursor;
    struct group group;
    bool has_row = false;
    enum err err = db_query(
        store->db,
        "SELECT min(id), broadcast_id, min(timestamp), max(webrtc_viewers), max(hls_viewers), "
        "CAST(avg(bitrate_kbps) AS DOUBLE PRECISION), avg(fps), "
        "CAST(avg(keyframe_interval_ms) AS DOUBLE PRECISION), avg(packet_loss), "
        "CAST(avg(rtt_ms) AS DOUBLE PRECISION), "
        "max(CASE relay_health WHEN 'poor' THEN 3 WHEN 'fair' THEN 2 WHEN 'good' THEN 1 ELSE 0 END)"
        " FROM stream_metrics "
        "WHERE channel_id = ? AND resolution_s = ? AND timestamp >= ? AND timestamp < ? "
        "GROUP BY broadcast_id, timestamp / ?",
        values, 5, &cursor, diag);

    while (err == OK && (err = db_next(&cursor, &has_row, diag)) == OK && has_row) {
        read_group(&cursor, level, window->channel_id, &group);
        if (!vec_push(&groups->list, group, GROUPS_MAX)) {
            diag_set(diag, "database: more than %d broadcasts of one channel in hours", GROUPS_MAX);
            err = ERR_LIMIT;
        }
    }
    db_cursor_end(&cursor);
    return err;
}

static enum err delete_window(struct store *store, const struct level *level,
                              const struct window *window, struct diag *diag)
{
    const struct db_value values[] = {DB_U64(window->channel_id), DB_I64(level->from_s),
                                      DB_I64(window->from_us), DB_I64(window->until_us)};

    return db_run(store->db,
                  "DELETE FROM stream_metrics WHERE channel_id = ? AND resolution_s = ? "
                  "AND timestamp >= ? AND timestamp < ?",
                  values, 4, NULL, diag);
}

static enum err insert_group(struct store *store, const struct group *group, struct diag *diag)
{
    const struct table *table = table_of(STORE_STREAM_METRICS);
    struct sql sql = {0};
    struct bound bound = {0};

    sql_insert(&sql, table, ", id", ", ?", false);
    bind_row(&bound, table, &group->row, 0);
    bind_value(&bound, DB_U64(group->id));
    return db_run(store->db, sql.text, bound.values, bound.count, NULL, diag);
}

static enum err thin_window(struct store *store, const struct level *level,
                            const struct window *window, struct groups *groups, struct diag *diag)
{
    groups->list.count = 0;
    enum err err = read_groups(store, level, window, groups, diag);

    if (err == OK)
        err = delete_window(store, level, window, diag);
    for (size_t i = 0; i < groups->list.count && err == OK; i++)
        err = insert_group(store, &groups->list.items[i], diag);
    return err;
}

static enum err thin_level(struct store *store, const struct level *level, int64_t now_us,
                           struct groups *groups, bool *ret_has_more, struct diag *diag)
{
    for (int i = 0; i < WINDOWS_MAX; i++) {
        struct window window = {0};
        bool is_found = false;
        enum err err = find_window(store, level, now_us, &window, &is_found, diag);

        if (err != OK || !is_found)
            return err;
        err = thin_window(store, level, &window, groups, diag);
        if (err != OK)
            return err;
    }
    *ret_has_more = true;
    return OK;
}

/* ---- what goes ---- */

static const struct purge_rule {
    const char *table;
    const char *id;
    const char *which; /* with one '?': a time so long ago */
    int64_t age_us;
    bool is_metric;
} purge_rules[] = {
    {"stream_metrics", "id", "resolution_s IN (10, 60, 600) AND timestamp < ?", YEAR_US, true},
    {"webhook_deliveries", "id", "status <> 'pending' AND created_at < ?", 30 * DAY_US, false},
    {"idempotency_keys", "key_hash", "created_at < ?", DAY_US, false},
    {"sessions", "token_hash", "expires_at < ?", 0, false},
    {"publish_tokens", "id", "expires_at < ?", 0, false},
    {"publish_tokens", "id", "revoked_at < ?", 30 * DAY_US, false},
    {"audit_log", "id", "created_at < ?", YEAR_US, false},
    {"nodes", "id", "last_seen_at < ?", 30 * DAY_US, false},
};

static enum err run_purge(struct store *store, bool is_metric, int64_t now_us, bool *ret_has_more,
                          struct diag *diag)
{
    for (size_t i = 0; i < sizeof(purge_rules) / sizeof(purge_rules[0]); i++) {
        const struct purge_rule *rule = &purge_rules[i];
        const struct db_value values[] = {DB_I64(now_us - rule->age_us), DB_I64(DELETES_MAX)};
        struct sql sql = {0};
        uint64_t changed = 0;

        if (rule->is_metric != is_metric)
            continue;
        sql_addf(&sql, "DELETE FROM %s WHERE %s IN (SELECT %s FROM %s WHERE %s LIMIT ?)",
                 rule->table, rule->id, rule->id, rule->table, rule->which);
        enum err err = db_run(store->db, sql.text, values, 2, &changed, diag);
        if (err != OK)
            return err;
        if (changed == DELETES_MAX)
            *ret_has_more = true;
    }
    return OK;
}

static enum err thin_all(struct store *store, int64_t now_us, bool *ret_has_more, struct diag *diag)
{
    struct groups groups = {0};
    enum err err = OK;

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]) && err == OK; i++)
        err = thin_level(store, &levels[i], now_us, &groups, ret_has_more, diag);
    vec_deinit(&groups.list);
    return err == OK ? run_purge(store, true, now_us, ret_has_more, diag) : err;
}

static enum err purge_rest(struct store *store, int64_t now_us, bool *ret_has_more,
                           struct diag *diag)
{
    return run_purge(store, false, now_us, ret_has_more, diag);
}

/* One process at a time does this: two would only wait for each other's rows. */
static enum err tidy(struct store *store, int64_t now_us,
                     enum err (*work)(struct store *, int64_t, bool *, struct diag *),
                     bool *ret_has_more, struct diag *diag)
{
    bool is_mine = false, has_more = false;
    enum err err = store_begin(store, diag);

    if (err != OK)
        return err;
    err = db_try_task(store->db, DB_TASK_THINNING, &is_mine, diag);
    if (err == OK && is_mine)
        err = work(store, now_us, &has_more, diag);
    err = store_end(store, err, diag);
    if (err == OK)
        *ret_has_more = has_more;
    return err;
}

enum err store_thin_metrics(struct store *store, int64_t now_us, bool *ret_has_more,
                            struct diag *diag)
{
    return tidy(store, now_us, thin_all, ret_has_more, diag);
}

enum err store_purge(struct store *store, int64_t now_us, bool *ret_has_more, struct diag *diag)
{
    return tidy(store, now_us, purge_rest, ret_has_more, diag);
}
