#include "store/query.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/cursor.h"
#include "store/store_private.h"

/* ---- cursors ---- */

static bool is_id_character(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
}

bool cursor_parse(struct text text, bool has_number, struct cursor *ret_cursor)
{
    struct cursor cursor = {.id = text};
    uint64_t number;

    if (text.len > STORE_CURSOR_LEN_MAX)
        return false;
    if (!text_parse_i64(text_cut(&cursor.id, '_'), 0, INT64_MAX, &cursor.at_us))
        return false;
    if (has_number && !text_parse_u64(cursor.id, INT64_MAX, &number))
        return false;
    if (cursor.id.len == 0 || cursor.id.len > STORE_ROW_ID_LEN_MAX)
        return false;
    for (size_t i = 0; i < cursor.id.len; i++)
        if (!is_id_character(cursor.id.ptr[i]))
            return false;
    *ret_cursor = cursor;
    return true;
}

void cursor_write(char to[STORE_CURSOR_LEN_MAX + 1], const struct cursor *cursor)
{
    (void)snprintf(to, STORE_CURSOR_LEN_MAX + 1, "%lld_%.*s", (long long)cursor->at_us,
                   TEXT_ARG(cursor->id));
}

/* ---- lists ---- */

/* What a kind of list is of, how it is ordered, and what may narrow it. */
static const struct list_rule {
    enum store_query_kind kind;
    enum store_table table;
    const char *of;   /* what must be true of each row: "" or with one '?' */
    const char *time; /* the column of the order, before the id */
    bool is_oldest_first;
    bool has_number; /* ids are numbers */
    bool has_heavy;
    bool is_of_channel;  /* `of` takes channel_id */
    bool is_of_id;       /* `of` takes id */
    bool may_have_range; /* from_us, until_us */
    bool may_have_broadcast;
    bool may_have_status;
    bool may_have_account; /* id */
    uint32_t max;
} list_rules[] = {
    {.kind = STORE_QUERY_BROADCASTS,
     .table = STORE_BROADCASTS,
     .of = "channel_id = ?",
     .time = "started_at",
     .has_number = true,
     .is_of_channel = true,
     .max = STORE_PAGE_MAX},
    {.kind = STORE_QUERY_METRICS,
     .table = STORE_STREAM_METRICS,
     .of = "channel_id = ?",
     .time = "timestamp",
     .is_oldest_first = true,
     .has_number = true,
     .is_of_channel = true,
     .may_have_range = true,
     .may_have_broadcast = true,
     .max = STORE_POINTS_MAX},
    {.kind = STORE_QUERY_COSTS,
     .table = STORE_STREAM_COSTS,
     .of = "channel_id = ?",
     .time = "created_at",
     .has_number = true,
     .is_of_channel = true,
     .may_have_range = true,
     .may_have_broadcast = true,
     .max = STORE_PAGE_MAX},
    {.kind = STORE_QUERY_DELIVERIES,
     .table = STORE_WEBHOOK_DELIVERIES,
     .of = "endpoint_id = ?",
     .time = "created_at",
     .is_of_id = true,
     .may_have_status = true,
     .max = STORE_PAGE_MAX},
    {.kind = STORE_QUERY_PENDING,
     .table = STORE_WEBHOOK_DELIVERIES,
     .of = "status = 'pending'",
     .time = "created_at",
     .is_oldest_first = true,
     .has_heavy = true,
     .max = STORE_PENDING_MAX},
    {.kind = STORE_QUERY_AUDIT,
     .table = STORE_AUDIT_LOG,
     .of = "",
     .time = "created_at",
     .may_have_range = true,
     .may_have_account = true,
     .max = STORE_PAGE_MAX},
};

static const struct list_rule *rule_of(enum store_query_kind kind)
{
    for (size_t i = 0; i < sizeof(list_rules) / sizeof(list_rules[0]); i++)
        if (list_rules[i].kind == kind)
            return &list_rules[i];
    return NULL;
}

static void add_condition(struct sql *sql, bool *has_condition, const char *condition)
{
    sql_addf(sql, " %s %s", *has_condition ? "AND" : "WHERE", condition);
    *has_condition = true;
}

static void add_conditions(struct sql *sql, struct bound *bound, const struct list_rule *rule,
                           const struct store_query *query, const struct cursor *after)
{
    char condition[96];
    bool has_condition = false;

    if (*rule->of)
        add_condition(sql, &has_condition, rule->of);
    if (rule->is_of_channel)
        bind_value(bound, DB_U64(query->channel_id));
    if (rule->is_of_id)
        bind_value(bound, DB_TEXT(text_of(query->id)));
    if (rule->may_have_broadcast && query->broadcast_id) {
        add_condition(sql, &has_condition, "broadcast_id = ?");
        bind_value(bound, DB_U64(query->broadcast_id));
    }
    if (rule->may_have_status && *query->status) {
        add_condition(sql, &has_condition, "status = ?");
        bind_value(bound, DB_TEXT(text_of(query->status)));
    }
    if (rule->may_have_account && *query->id) {
        add_condition(sql, &has_condition, "account_id = ?");
        bind_value(bound, DB_TEXT(text_of(query->id)));
    }
    if (rule->may_have_range && query->from_us) {
        (void)snprintf(condition, sizeof(condition), "%s >= ?", rule->time);
        add_condition(sql, &has_condition, condition);
        bind_value(bound, DB_I64(query->from_us));
    }
    if (rule->may_have_range && query->until_us) {
        (void)snprintf(condition, sizeof(condition), "%s < ?", rule->time);
        add_condition(sql, &has_condition, condition);
        bind_value(bound, DB_I64(query->until_us));
    }
    if (after->id.len) {
        (void)snprintf(condition, sizeof(condition), "(%s, id) %c (?, ?)", rule->time,
                       rule->is_oldest_first ? '>' : '<');
        add_condition(sql, &has_condition, condition);
        bind_value(bound, DB_I64(after->at_us));
        if (rule->has_number) {
            uint64_t number = 0;

            (void)text_parse_u64(after->id, INT64_MAX, &number); /* cursor_parse() has looked */
            bind_value(bound, DB_U64(number));
        } else {
            bind_value(bound, DB_TEXT(after->id));
        }
    }
}

/* Where the page ends. */
struct page_end {
    int time_column;
    char next[STORE_CURSOR_LEN_MAX + 1];
};

static void note_end(const struct db_cursor *cursor, void *context)
{
    struct page_end *end = context;
    struct cursor place = {db_column_i64(cursor, end->time_column),
                           db_column_text(cursor, end->time_column + 1)};

    cursor_write(end->next, &place);
}

static enum err run_list(struct store *store, const struct list_rule *rule,
                         const struct store_query *query, struct store_result *result,
                         struct diag *diag)
{
    const struct table *table = table_of(rule->table);
    const char *direction = rule->is_oldest_first ? "ASC" : "DESC";
    uint32_t limit = query->limit && query->limit < rule->max ? query->limit : rule->max;
    struct page_end end = {.time_column = (int)table->column_count};
    struct cursor after = {0};
    struct sql sql = {0};
    struct bound bound = {0};
    struct row_list list;
    char more[64];

    if (*query->after && !cursor_parse(text_of(query->after), rule->has_number, &after)) {
        diag_set(diag, "This cursor is none of this list: give the one of the last answer.");
        return ERR_INVALID;
    }
    (void)snprintf(more, sizeof(more), ", %s, id", rule->time);
    sql_select(&sql, table, rule->has_heavy, more);
    add_conditions(&sql, &bound, rule, query, &after);
    sql_addf(&sql, " ORDER BY %s %s, id %s LIMIT ?", rule->time, direction, direction);
    bind_value(&bound, DB_I64((int64_t)limit + 1));
    enum err err =
        row_list_load(store, table, sql.text, &bound, limit, note_end, &end, &list, diag);
    if (err != OK) {
        row_list_deinit(&list);
        return err;
    }
    result->rows = list.rows;
    result->count = list.count;
    result->has_more = list.has_more;
    if (list.has_more)
        memcpy(result->next, end.next, sizeof(result->next));
    return OK;
}

/* ---- single rows ---- */

static enum err run_row(struct store *store, const struct store_query *query,
                        struct store_result *result, struct diag *diag)
{
    const struct table *table = table_of(result->table);
    struct sql sql = {0};
    struct bound bound = {0};
    struct row_list list;

    if (!table->id_column) {
        diag_set(diag, "database: rows of %s have no id", table->name);
        return ERR_INVALID;
    }
    if (!bind_id(&bound, table, text_of(query->id)))
        return OK; /* the id of no row */
    sql_select(&sql, table, true, "");
    sql_addf(&sql, " WHERE %s = ?", table->id_column);
    enum err err = row_list_load(store, table, sql.text, &bound, 1, NULL, NULL, &list, diag);
    if (err != OK) {
        row_list_deinit(&list);
        return err;
    }
    result->rows = list.rows;
    result->count = list.count;
    return OK;
}

enum { ATTEMPTS_MAX = 1000 };

static enum err add_attempts(struct store *store, const struct store_query *query,
                             struct store_result *result, struct diag *diag)
{
    const struct table *table = table_of(STORE_WEBHOOK_ATTEMPTS);
    struct sql sql = {0};
    struct bound bound = {0};
    struct row_list list;

    sql_select(&sql, table, true, "");
    sql_add(&sql, " WHERE delivery_id = ? ORDER BY number LIMIT ?");
    bind_value(&bound, DB_TEXT(text_of(query->id)));
    bind_value(&bound, DB_I64(ATTEMPTS_MAX));
    enum err err =
        row_list_load(store, table, sql.text, &bound, ATTEMPTS_MAX, NULL, NULL, &list, diag);
    result->attempts = list.rows;
    result->attempt_count = list.count;
    return err;
}

static enum err run_nodes(struct store *store, struct store_result *result, struct diag *diag)
{
    const struct table *table = table_of(STORE_NODES);
    struct sql sql = {0};
    struct bound bound = {0};
    struct row_list list;

    sql_select(&sql, table, true, "");
    sql_add(&sql, " ORDER BY id LIMIT ?");
    bind_value(&bound, DB_I64(STORE_PAGE_MAX));
    enum err err =
        row_list_load(store, table, sql.text, &bound, STORE_PAGE_MAX, NULL, NULL, &list, diag);
    result->rows = list.rows;
    result->count = list.count;
    return err;
}

/* ---- queries ---- */

enum err store_run_query(struct store *store, const struct store_query *query,
                         struct store_result *ret_result, struct diag *diag)
{
    const struct list_rule *rule = rule_of(query->kind);
    struct store_result result = {.table = rule ? rule->table : query->table};
    enum err err;

    if (rule) {
        err = run_list(store, rule, query, &result, diag);
    } else if (query->kind == STORE_QUERY_NODES) {
        result.table = STORE_NODES;
        err = run_nodes(store, &result, diag);
    } else if (query->kind == STORE_QUERY_DELIVERY) {
        result.table = STORE_WEBHOOK_DELIVERIES;
        err = run_row(store, query, &result, diag);
        if (err == OK && result.count)
            err = add_attempts(store, query, &result, diag);
    } else {
        assert(query->kind == STORE_QUERY_ROW);
        err = run_row(store, query, &result, diag);
    }
    if (err != OK) {
        store_result_deinit(&result);
        return err;
    }
    *ret_result = result;
    return OK;
}

void store_result_deinit(struct store_result *result)
{
    if (result->table)
        rows_release(table_of(result->table), result->rows, result->count);
    rows_release(table_of(STORE_WEBHOOK_ATTEMPTS), result->attempts, result->attempt_count);
    *result = (struct store_result){0};
}
