#include "store/tables.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/writer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- the tables ---- */

#define COLUMN(row, member, column, kind, flags)                                                   \
    {                                                                                              \
        column, COLUMN_##kind, flags, offsetof(struct row, member),                                \
            sizeof(((struct row *)0)->member), NULL                                                \
    }
#define COLUMN_OR(row, member, column, flags, fallback)                                            \
    {                                                                                              \
        column, COLUMN_TEXT, flags, offsetof(struct row, member),                                  \
            sizeof(((struct row *)0)->member), fallback                                            \
    }

#define OPEN_BROADCAST                                                                             \
    "(SELECT max(b.id) FROM broadcasts b WHERE b.channel_id = channels.id AND b.ended_at IS NULL)"

/* clang-format off */
static const struct column channels[] = {
    COLUMN(channel_row, id, "id", U64, COLUMN_KEY),
    COLUMN(channel_row, title, "title", TEXT, COLUMN_SETTINGS),
    COLUMN(channel_row, stream_key, "stream_key", SECRET, COLUMN_SETTINGS),
    COLUMN(channel_row, host_user_id, "host_user_id", WORD, COLUMN_SETTINGS),
    COLUMN_OR(channel_row, stream_mode, "stream_mode", COLUMN_SETTINGS, "hybrid"),
    COLUMN(channel_row, max_duration_s, "max_duration_s", U32_OR_NULL, COLUMN_SETTINGS),
    COLUMN(channel_row, is_active, "is_active", BOOL, COLUMN_STATE),
    COLUMN(channel_row, node, "node", WORD, COLUMN_STATE),
    COLUMN(channel_row, relay_status, "relay_status", WORD, COLUMN_STATE),
    COLUMN(channel_row, relay_error, "relay_error", WORD, COLUMN_STATE),
    COLUMN_OR(channel_row, streaming_platform, "streaming_platform", COLUMN_STATE, "local"),
    COLUMN(channel_row, relay_started_at_us, "relay_started_at", TIME, COLUMN_STATE),
    COLUMN(channel_row, started_at_us, "started_at", TIME, COLUMN_STATE),
    COLUMN(channel_row, ended_at_us, "ended_at", TIME, COLUMN_STATE),
    COLUMN(channel_row, created_at_us, "created_at", I64, 0),
    COLUMN(channel_row, updated_at_us, "updated_at", I64, COLUMN_SETTINGS | COLUMN_STATE),
    COLUMN(channel_row, open_broadcast_id, OPEN_BROADCAST, REF, COLUMN_READ_ONLY),
    COLUMN(channel_row, recording_url, "stream_recording_url", WORD, COLUMN_READ_ONLY),
};

static const struct column broadcasts[] = {
    COLUMN(broadcast_row, id, "id", U64, COLUMN_KEY),
    COLUMN(broadcast_row, channel_id, "channel_id", U64, 0),
    COLUMN(broadcast_row, started_at_us, "started_at", I64, 0),
    COLUMN(broadcast_row, ended_at_us, "ended_at", TIME, 0),
    COLUMN(broadcast_row, end_reason, "end_reason", WORD, 0),
    COLUMN(broadcast_row, peak_viewers, "peak_viewers", U32, 0),
    COLUMN_OR(broadcast_row, source, "source", 0, "local"),
    COLUMN_OR(broadcast_row, platform, "platform", 0, "local"),
    COLUMN(broadcast_row, recording_url, "recording_url", WORD, COLUMN_READ_ONLY),
};

static const struct column accounts[] = {
    COLUMN(account_row, id, "id", TEXT, COLUMN_KEY),
    COLUMN(account_row, email, "email", TEXT, 0),
    COLUMN(account_row, display_name, "display_name", TEXT, 0),
    COLUMN(account_row, role, "role", TEXT, 0),
    COLUMN(account_row, password_hash, "password_hash", WORD, 0),
    COLUMN(account_row, disabled_at_us, "disabled_at", TIME, 0),
    COLUMN(account_row, created_at_us, "created_at", I64, 0),
    COLUMN(account_row, updated_at_us, "updated_at", I64, 0),
};

static const struct column sessions[] = {
    COLUMN(session_row, token_hash, "token_hash", HASH, COLUMN_KEY),
    COLUMN(session_row, account_id, "account_id", TEXT, 0),
    COLUMN(session_row, address, "address", TEXT, 0),
    COLUMN(session_row, user_agent, "user_agent", TEXT, 0),
    COLUMN(session_row, created_at_us, "created_at", I64, 0),
    COLUMN(session_row, last_used_at_us, "last_used_at", I64, 0),
    COLUMN(session_row, expires_at_us, "expires_at", I64, 0),
};

static const struct column api_keys[] = {
    COLUMN(api_key_row, key_hash, "key_hash", HASH, 0),
    COLUMN(api_key_row, id, "id", TEXT, COLUMN_KEY),
    COLUMN(api_key_row, account_id, "account_id", WORD, 0),
    COLUMN(api_key_row, name, "name", TEXT, 0),
    COLUMN(api_key_row, prefix, "prefix", TEXT, 0),
    COLUMN(api_key_row, scopes, "scopes", TEXT, 0),
    COLUMN(api_key_row, created_at_us, "created_at", I64, 0),
    COLUMN(api_key_row, last_used_at_us, "last_used_at", TIME, 0),
    COLUMN(api_key_row, expires_at_us, "expires_at", TIME, 0),
    COLUMN(api_key_row, revoked_at_us, "revoked_at", TIME, 0),
};

static const struct column publish_tokens[] = {
    COLUMN(publish_token_row, token_hash, "token_hash", HASH, 0),
    COLUMN(publish_token_row, id, "id", TEXT, COLUMN_KEY),
    COLUMN(publish_token_row, channel_id, "channel_id", U64, 0),
    COLUMN(publish_token_row, broadcast_id, "broadcast_id", REF, 0),
    COLUMN(publish_token_row, account_id, "account_id", WORD, 0),
    COLUMN(publish_token_row, prefix, "prefix", TEXT, 0),
    COLUMN(publish_token_row, created_at_us, "created_at", I64, 0),
    COLUMN(publish_token_row, expires_at_us, "expires_at", TIME, 0),
    COLUMN(publish_token_row, revoked_at_us, "revoked_at", TIME, 0),
};

static const struct column webhook_endpoints[] = {
    COLUMN(webhook_endpoint_row, id, "id", TEXT, COLUMN_KEY),
    COLUMN(webhook_endpoint_row, account_id, "account_id", WORD, 0),
    COLUMN(webhook_endpoint_row, channel_id, "channel_id", REF, 0),
    COLUMN(webhook_endpoint_row, url, "url", TEXT, 0),
    COLUMN(webhook_endpoint_row, signing_secret, "signing_secret", TEXT, 0),
    COLUMN(webhook_endpoint_row, old_signing_secret, "old_signing_secret", WORD, 0),
    COLUMN(webhook_endpoint_row, old_secret_until_us, "old_secret_until", TIME, 0),
    COLUMN(webhook_endpoint_row, events, "events", TEXT, 0),
    COLUMN(webhook_endpoint_row, description, "description", TEXT, 0),
    COLUMN(webhook_endpoint_row, is_active, "is_active", BOOL, 0),
    COLUMN(webhook_endpoint_row, disabled_reason, "disabled_reason", WORD, 0),
    COLUMN(webhook_endpoint_row, created_at_us, "created_at", I64, 0),
    COLUMN(webhook_endpoint_row, updated_at_us, "updated_at", I64, 0),
};

static const struct column webhook_deliveries[] = {
    COLUMN(webhook_delivery_row, id, "id", TEXT, COLUMN_KEY),
    COLUMN(webhook_delivery_row, endpoint_id, "endpoint_id", TEXT, 0),
    COLUMN(webhook_delivery_row, channel_id, "channel_id", REF, 0),
    COLUMN(webhook_delivery_row, event, "event", TEXT, 0),
    COLUMN(webhook_delivery_row, payload, "payload", BUF, COLUMN_HEAVY),
    COLUMN(webhook_delivery_row, status, "status", TEXT, 0),
    COLUMN(webhook_delivery_row, attempts, "attempts", U32, 0),
    COLUMN(webhook_delivery_row, next_attempt_at_us, "next_attempt_at", TIME, 0),
    COLUMN(webhook_delivery_row, delivered_at_us, "delivered_at", TIME, 0),
    COLUMN(webhook_delivery_row, last_http_status, "last_http_status", I32, 0),
    COLUMN(webhook_delivery_row, last_error, "last_error", WORD, 0),
    COLUMN(webhook_delivery_row, created_at_us, "created_at", I64, 0),
    COLUMN(webhook_delivery_row, updated_at_us, "updated_at", I64, 0),
};

static const struct column webhook_attempts[] = {
    COLUMN(webhook_attempt_row, delivery_id, "delivery_id", TEXT, COLUMN_KEY),
    COLUMN(webhook_attempt_row, number, "number", U32, COLUMN_KEY),
    COLUMN(webhook_attempt_row, at_us, "created_at", I64, 0),
    COLUMN(webhook_attempt_row, duration_ms, "duration_ms", U32, 0),
    COLUMN(webhook_attempt_row, http_status, "http_status", I32, 0),
    COLUMN(webhook_attempt_row, error, "error", WORD, 0),
    COLUMN(webhook_attempt_row, response, "response", WORD, 0),
};

static const struct column stream_metrics[] = {
    COLUMN(stream_metric_row, channel_id, "channel_id", U64, 0),
    COLUMN(stream_metric_row, broadcast_id, "broadcast_id", REF, 0),
    COLUMN(stream_metric_row, at_us, "timestamp", I64, 0),
    COLUMN(stream_metric_row, resolution_s, "resolution_s", U32, 0),
    COLUMN(stream_metric_row, webrtc_viewers, "webrtc_viewers", U32, 0),
    COLUMN(stream_metric_row, hls_viewers, "hls_viewers", U32, 0),
    COLUMN(stream_metric_row, bitrate_kbps, "bitrate_kbps", KNOWN_I32, 0),
    COLUMN(stream_metric_row, fps, "fps", KNOWN_REAL, 0),
    COLUMN(stream_metric_row, keyframe_interval_ms, "keyframe_interval_ms", KNOWN_I32, 0),
    COLUMN(stream_metric_row, packet_loss, "packet_loss", KNOWN_REAL, 0),
    COLUMN(stream_metric_row, rtt_ms, "rtt_ms", KNOWN_I32, 0),
    COLUMN(stream_metric_row, relay_health, "relay_health", WORD, 0),
};

static const struct column stream_costs[] = {
    COLUMN(stream_cost_row, channel_id, "channel_id", U64, 0),
    COLUMN(stream_cost_row, broadcast_id, "broadcast_id", REF, 0),
    COLUMN(stream_cost_row, stream_key_id, "stream_key_id", WORD, 0),
    COLUMN(stream_cost_row, provider, "provider", TEXT, 0),
    COLUMN(stream_cost_row, unit, "unit", TEXT, 0),
    COLUMN(stream_cost_row, duration_s, "duration_seconds", U32, 0),
    COLUMN(stream_cost_row, quantity, "quantity", REAL, 0),
    COLUMN(stream_cost_row, cost_cents, "cost_cents", REAL, 0),
    COLUMN(stream_cost_row, created_at_us, "created_at", I64, 0),
};

static const struct column audit_log[] = {
    COLUMN(audit_row, id, "id", TEXT, COLUMN_KEY),
    COLUMN(audit_row, at_us, "created_at", I64, 0),
    COLUMN(audit_row, account_id, "account_id", WORD, 0),
    COLUMN(audit_row, actor, "actor", TEXT, 0),
    COLUMN(audit_row, address, "address", TEXT, 0),
    COLUMN(audit_row, action, "action", TEXT, 0),
    COLUMN(audit_row, target, "target", TEXT, 0),
    COLUMN(audit_row, detail, "detail", TEXT, 0),
};

static const struct column idempotency_keys[] = {
    COLUMN(idempotency_row, key_hash, "key_hash", HASH, COLUMN_KEY),
    COLUMN(idempotency_row, request_hash, "request_hash", HASH, 0),
    COLUMN(idempotency_row, http_status, "http_status", I32, 0),
    COLUMN(idempotency_row, body, "body", BUF, 0),
    COLUMN(idempotency_row, created_at_us, "created_at", I64, 0),
};

static const struct column nodes[] = {
    COLUMN(node_row, id, "id", TEXT, COLUMN_KEY),
    COLUMN(node_row, started_at_us, "started_at", I64, 0),
    COLUMN(node_row, last_seen_at_us, "last_seen_at", I64, 0),
    COLUMN(node_row, url, "url", WORD, 0),
};

#define TABLE(name, row, id_column, has_number, is_counted, is_told)                               \
    {#name, name, COUNT_OF(name), sizeof(struct row), id_column, has_number, is_counted, is_told}

static const struct table tables[STORE_TABLES_END] = {
    /*                            columns             row                   id            number counted told */
    [STORE_CHANNELS]           = TABLE(channels,           channel_row,          "id",         true,  false, true),
    [STORE_BROADCASTS]         = TABLE(broadcasts,         broadcast_row,        "id",         true,  false, false),
    [STORE_ACCOUNTS]           = TABLE(accounts,           account_row,          "id",         false, false, true),
    [STORE_SESSIONS]           = TABLE(sessions,           session_row,          "token_hash", false, false, true),
    [STORE_API_KEYS]           = TABLE(api_keys,           api_key_row,          "id",         false, false, true),
    [STORE_PUBLISH_TOKENS]     = TABLE(publish_tokens,     publish_token_row,    "id",         false, false, true),
    [STORE_WEBHOOK_ENDPOINTS]  = TABLE(webhook_endpoints,  webhook_endpoint_row, "id",         false, false, true),
    [STORE_WEBHOOK_DELIVERIES] = TABLE(webhook_deliveries, webhook_delivery_row, "id",         false, false, true),
    [STORE_WEBHOOK_ATTEMPTS]   = TABLE(webhook_attempts,   webhook_attempt_row,  NULL,         false, false, false),
    [STORE_STREAM_METRICS]     = TABLE(stream_metrics,     stream_metric_row,    NULL,         false, true,  false),
    [STORE_STREAM_COSTS]       = TABLE(stream_costs,       stream_cost_row,      NULL,         false, true,  false),
    [STORE_AUDIT_LOG]          = TABLE(audit_log,          audit_row,            "id",         false, false, false),
    [STORE_IDEMPOTENCY_KEYS]   = TABLE(idempotency_keys,   idempotency_row,      "key_hash",   false, false, true),
    [STORE_NODES]              = TABLE(nodes,              node_row,             "id",         false, false, false),
};
/* clang-format on */

const struct table *table_of(enum store_table table)
{
    assert(table >= STORE_CHANNELS && table < STORE_TABLES_END);
    return &tables[table];
}

const char *store_table_name(enum store_table table)
{
    return table_of(table)->name;
}

bool table_parse(struct text name, enum store_table *ret_table)
{
    for (int i = STORE_CHANNELS; i < STORE_TABLES_END; i++) {
        if (text_equal(name, text_of(tables[i].name))) {
            *ret_table = (enum store_table)i;
            return true;
        }
    }
    return false;
}

/* ---- statements ---- */

void sql_add(struct sql *sql, const char *part)
{
    size_t len = strlen(part);

    assert(sql->len + len < sizeof(sql->text)); /* SQL is our own */
    memcpy(sql->text + sql->len, part, len + 1);
    sql->len += len;
}

void sql_addf(struct sql *sql, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(sql->text + sql->len, sizeof(sql->text) - sql->len, format, args);
    va_end(args);
    assert(len >= 0 && (size_t)len < sizeof(sql->text) - sql->len);
    sql->len += (size_t)len;
}

void sql_select(struct sql *sql, const struct table *table, bool has_heavy, const char *more)
{
    sql_add(sql, "SELECT ");
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];

        sql_add(sql, i ? ", " : "");
        sql_add(sql, column->flags & COLUMN_HEAVY && !has_heavy ? "NULL" : column->name);
    }
    sql_addf(sql, "%s FROM %s", more, table->name);
}

static bool is_written(const struct column *column, unsigned flags)
{
    return !(column->flags & COLUMN_READ_ONLY) && (flags == 0 || column->flags & flags);
}

void sql_insert(struct sql *sql, const struct table *table, const char *more,
                const char *more_marks, bool or_replace)
{
    const char *comma = "";

    sql_addf(sql, "INSERT INTO %s (", table->name);
    for (size_t i = 0; i < table->column_count; i++) {
        if (!is_written(&table->columns[i], 0))
            continue;
        sql_addf(sql, "%s%s", comma, table->columns[i].name);
        comma = ", ";
    }
    sql_addf(sql, "%s) VALUES (", more);
    comma = "";
    for (size_t i = 0; i < table->column_count; i++) {
        if (!is_written(&table->columns[i], 0))
            continue;
        sql_addf(sql, "%s?", comma);
        comma = ", ";
    }
    sql_addf(sql, "%s)", more_marks);
    if (!or_replace)
        return;
    comma = " ON CONFLICT (";
    for (size_t i = 0; i < table->column_count; i++) {
        if (!(table->columns[i].flags & COLUMN_KEY))
            continue;
        sql_addf(sql, "%s%s", comma, table->columns[i].name);
        comma = ", ";
    }
    comma = ") DO UPDATE SET ";
    for (size_t i = 0; i < table->column_count; i++) {
        const char *name = table->columns[i].name;

        if (!is_written(&table->columns[i], 0) || table->columns[i].flags & COLUMN_KEY)
            continue;
        sql_addf(sql, "%s%s = excluded.%s", comma, name, name);
        comma = ", ";
    }
}

void sql_set(struct sql *sql, const struct table *table, unsigned flags)
{
    const char *comma = "";

    for (size_t i = 0; i < table->column_count; i++) {
        if (!is_written(&table->columns[i], flags))
            continue;
        sql_addf(sql, "%s%s = ?", comma, table->columns[i].name);
        comma = ", ";
    }
}

/* ---- values ---- */

static const void *member_of(const struct column *column, const void *row)
{
    return (const uint8_t *)row + column->offset;
}

void bind_value(struct bound *bound, struct db_value value)
{
    assert(bound->count < DB_VALUES_MAX);
    bound->values[bound->count++] = value;
}

static struct db_value hash_value(struct bound *bound, const uint8_t hash[CRYPTO_SHA256_LEN])
{
    assert(bound->hex_count < HASHES_MAX);
    char *hex = bound->hex[bound->hex_count++];
    struct writer w = writer_fixed(hex, HEX_LEN);

    crypto_hex(&w, hash, CRYPTO_SHA256_LEN);
    return DB_TEXT(writer_as_text(&w));
}

void bind_hash(struct bound *bound, const uint8_t hash[CRYPTO_SHA256_LEN])
{
    bind_value(bound, hash_value(bound, hash));
}

static struct db_value with_null(struct db_value value, bool is_null)
{
    value.is_null = is_null;
    return value;
}

static struct db_value text_value(const struct column *column, const char *chars)
{
    const char *shown = !*chars && column->fallback ? column->fallback : chars;

    return DB_TEXT(text_of(shown));
}

static struct db_value buf_value(const struct buf *buf)
{
    assert(buf); /* batch.h asks for it */
    return DB_TEXT(buf_text(buf));
}

static struct db_value column_value(struct bound *bound, const struct column *column,
                                    const void *row)
{
    const void *at = member_of(column, row);

    switch (column->kind) {
    case COLUMN_TEXT:
        return text_value(column, at);
    case COLUMN_WORD:
        return db_word(at);
    case COLUMN_SECRET:
        return DB_TEXT(secret_reveal(at));
    case COLUMN_HASH:
        return hash_value(bound, at);
    case COLUMN_BUF:
        return buf_value(*(struct buf *const *)at);
    case COLUMN_I64:
    case COLUMN_U64:
        return DB_I64(*(const int64_t *)at);
    case COLUMN_TIME:
    case COLUMN_REF:
        return db_time(*(const int64_t *)at);
    case COLUMN_U32:
        return DB_I64(*(const uint32_t *)at);
    case COLUMN_U32_OR_NULL:
        return db_time(*(const uint32_t *)at);
    case COLUMN_I32:
        return DB_I64(*(const int32_t *)at);
    case COLUMN_KNOWN_I32:
        return with_null(DB_I64(*(const int32_t *)at), *(const int32_t *)at < 0);
    case COLUMN_REAL:
        return DB_REAL(*(const double *)at);
    case COLUMN_KNOWN_REAL: /* what is no number is not known either */
        return with_null(DB_REAL(*(const double *)at), !(*(const double *)at >= 0));
    case COLUMN_BOOL:
        return DB_BOOL(*(const bool *)at);
    }
    return (struct db_value){.is_null = true};
}

void bind_row(struct bound *bound, const struct table *table, const void *row, unsigned flags)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (is_written(&table->columns[i], flags))
            bind_value(bound, column_value(bound, &table->columns[i], row));
}

bool bind_id(struct bound *bound, const struct table *table, struct text id)
{
    uint64_t number;

    if (!table->has_number) {
        bind_value(bound, DB_TEXT(id));
        return text_is_utf8(id) && !memchr(id.ptr ? id.ptr : "", '\0', id.len);
    }
    if (!text_parse_u64(id, INT64_MAX, &number))
        return false;
    bind_value(bound, DB_U64(number));
    return true;
}

void row_write_id(struct writer *w, const struct table *table, const void *row)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        const void *at = member_of(column, row);

        if (strcmp(column->name, table->id_column) != 0)
            continue;
        if (column->kind == COLUMN_U64)
            writer_dec(w, *(const uint64_t *)at);
        else if (column->kind == COLUMN_HASH)
            crypto_hex(w, at, CRYPTO_SHA256_LEN);
        else
            writer_str(w, at);
    }
}

bool hash_parse(struct text hex, uint8_t ret_hash[CRYPTO_SHA256_LEN])
{
    uint8_t hash[CRYPTO_SHA256_LEN];

    if (hex.len != HEX_LEN)
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

/* ---- rows ---- */

/* Cuts what does not fit: only a foreign hand can have written it. */
static void copy_text(char *to, size_t cap, struct text text)
{
    text = text_sub(text, 0, cap - 1);
    while (text.len && !text_is_utf8(text)) /* not inside a character */
        text.len--;
    memcpy(to, text.len ? text.ptr : "", text.len);
    to[text.len] = '\0';
}

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
    return value < min ? min : value > max ? max : value;
}

static void read_column(const struct db_cursor *cursor, int index, const struct column *column,
                        void *row)
{
    void *at = (uint8_t *)row + column->offset;
    bool is_null = db_column_is_null(cursor, index);

    switch (column->kind) {
    case COLUMN_TEXT:
    case COLUMN_WORD:
        copy_text(at, column->size, db_column_text(cursor, index));
        break;
    case COLUMN_SECRET:
        (void)secret_set(at, db_column_text(cursor, index)); /* too long: matches nothing */
        break;
    case COLUMN_HASH:
        (void)hash_parse(db_column_text(cursor, index), at); /* a foreign hand's matches nothing */
        break;
    case COLUMN_BUF:
        *(struct buf **)at = is_null ? NULL : buf_from_text(db_column_text(cursor, index));
        break;
    case COLUMN_I64:
    case COLUMN_TIME:
    case COLUMN_U64:
    case COLUMN_REF:
        *(int64_t *)at = db_column_i64(cursor, index);
        break;
    case COLUMN_U32:
    case COLUMN_U32_OR_NULL:
        *(uint32_t *)at = (uint32_t)clamp(db_column_i64(cursor, index), 0, UINT32_MAX);
        break;
    case COLUMN_I32:
    case COLUMN_KNOWN_I32:
        *(int32_t *)at = (int32_t)clamp(db_column_i64(cursor, index), INT32_MIN, INT32_MAX);
        if (column->kind == COLUMN_KNOWN_I32 && is_null)
            *(int32_t *)at = -1;
        break;
    case COLUMN_REAL:
    case COLUMN_KNOWN_REAL:
        *(double *)at =
            column->kind == COLUMN_KNOWN_REAL && is_null ? -1 : db_column_real(cursor, index);
        break;
    case COLUMN_BOOL:
        *(bool *)at = db_column_bool(cursor, index);
        break;
    }
}

void row_read(const struct db_cursor *cursor, const struct table *table, void *ret_row)
{
    memset(ret_row, 0, table->row_size);
    for (size_t i = 0; i < table->column_count; i++)
        read_column(cursor, (int)i, &table->columns[i], ret_row);
}

void row_ref(const struct table *table, void *row)
{
    for (size_t i = 0; i < table->column_count; i++) {
        struct buf **at = (void *)((uint8_t *)row + table->columns[i].offset);

        if (table->columns[i].kind == COLUMN_BUF && *at)
            *at = buf_ref(*at);
    }
}

void row_release(const struct table *table, void *row)
{
    for (size_t i = 0; i < table->column_count; i++) {
        struct buf **at = (void *)((uint8_t *)row + table->columns[i].offset);

        if (table->columns[i].kind == COLUMN_BUF)
            *at = buf_unref(*at);
    }
    crypto_wipe(row, table->row_size);
}

/* ---- foreign bytes ---- */

static size_t character_len(struct text rest)
{
    for (size_t len = 1; len <= 4 && len <= rest.len; len++)
        if (text_is_utf8(text_sub(rest, 0, len)))
            return len;
    return 0;
}

static bool is_clean(struct text text)
{
    return text_is_utf8(text) && (text.len == 0 || !memchr(text.ptr, '\0', text.len));
}

static void make_utf8(char *chars, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t step = character_len((struct text){chars + i, len - i});

        if (step == 0 || chars[i] == '\0')
            chars[i] = '?';
        i += step ? step : 1;
    }
}

static struct buf *clean_buf(struct buf *buf)
{
    if (!buf || is_clean(buf_text(buf)))
        return buf;
    struct buf *copy = buf_copy(buf->data, buf->len);
    make_utf8((char *)copy->data, copy->len);
    (void)buf_unref(buf);
    return copy;
}

void row_make_utf8(const struct table *table, void *row)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        void *at = (uint8_t *)row + column->offset;

        if (column->kind == COLUMN_BUF)
            *(struct buf **)at = clean_buf(*(struct buf **)at);
        else if ((column->kind == COLUMN_TEXT || column->kind == COLUMN_WORD) &&
                 !is_clean(text_of(at)))
            make_utf8(at, strlen(at));
    }
}
