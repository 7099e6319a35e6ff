/*
 * people - what beside the channels is loaded at start-up.
 */
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "store/store_private.h"

#define DAY_US (INT64_C(86400) * US_PER_S)

/* Which rows of a table live in memory. Where missing rows would shut people out, more rows than
 * the program takes are an error; elsewhere the most useful ones come first. */
static const struct load_rule {
    enum store_table table;
    bool must_be_all;
    bool has_time;    /* `which` has a '?' */
    int64_t minus_us; /* for this time: now, or so long ago */
    const char *which;
    size_t max;
    size_t rows_at; /* members of struct store_people */
    size_t count_at;
} load_rules[] = {
#define AT(rows, count) offsetof(struct store_people, rows), offsetof(struct store_people, count)
    {STORE_ACCOUNTS, true, false, 0, " ORDER BY created_at, id", STORE_ACCOUNTS_MAX,
     AT(accounts, account_count)},
    {STORE_SESSIONS, false, true, 0, " WHERE expires_at > ? ORDER BY last_used_at DESC",
     STORE_SESSIONS_MAX, AT(sessions, session_count)},
    {STORE_API_KEYS, true, false, 0, " ORDER BY created_at, id", STORE_API_KEYS_MAX,
     AT(api_keys, api_key_count)},
    {STORE_PUBLISH_TOKENS, false, true, 0,
     " WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) "
     "ORDER BY created_at DESC",
     STORE_PUBLISH_TOKENS_MAX, AT(publish_tokens, publish_token_count)},
    {STORE_WEBHOOK_ENDPOINTS, true, false, 0, " ORDER BY created_at, id", STORE_ENDPOINTS_MAX,
     AT(endpoints, endpoint_count)},
    {STORE_IDEMPOTENCY_KEYS, false, true, DAY_US, " WHERE created_at > ? ORDER BY created_at DESC",
     STORE_IDEMPOTENCY_MAX, AT(idempotency, idempotency_count)},
#undef AT
};

enum { LOAD_RULES = sizeof(load_rules) / sizeof(load_rules[0]) };

static void set_list(struct store_people *people, const struct load_rule *rule,
                     const struct row_list *list)
{
    memcpy((uint8_t *)people + rule->rows_at, &list->rows, sizeof(list->rows));
    memcpy((uint8_t *)people + rule->count_at, &list->count, sizeof(list->count));
}

static void release_list(struct store_people *people, const struct load_rule *rule)
{
    void *rows;
    size_t count;

    memcpy(&rows, (uint8_t *)people + rule->rows_at, sizeof(rows));
    memcpy(&count, (uint8_t *)people + rule->count_at, sizeof(count));
    rows_release(table_of(rule->table), rows, count);
}

static enum err load_list(struct store *store, const struct load_rule *rule, int64_t now_us,
                          struct store_people *people, struct diag *diag)
{
    const struct table *table = table_of(rule->table);
    struct sql sql = {0};
    struct bound bound = {0};
    struct row_list list;

    sql_select(&sql, table, true, "");
    sql_addf(&sql, "%s LIMIT ?", rule->which);
    if (rule->has_time)
        bind_value(&bound, DB_I64(now_us - rule->minus_us));
    bind_value(&bound, DB_U64(rule->max + 1));
    enum err err =
        row_list_load(store, table, sql.text, &bound, rule->max, NULL, NULL, &list, diag);
    if (err == OK && list.has_more && rule->must_be_all) {
        diag_set(diag, "database: more than %zu rows in %s", rule->max, table->name);
        err = ERR_LIMIT;
    }
    set_list(people, rule, &list);
    return err;
}

static enum err load_deliveries(struct store *store, struct store_people *people, struct diag *diag)
{
    const struct store_query query = {.kind = STORE_QUERY_PENDING};
    struct store_result result;
    enum err err = store_run_query(store, &query, &result, diag);

    if (err != OK)
        return err;
    people->deliveries = result.webhook_deliveries; /* the result's rows are ours now */
    people->delivery_count = result.count;
    people->has_more_deliveries = result.has_more;
    memcpy(people->next_deliveries, result.next, sizeof(people->next_deliveries));
    return OK;
}

enum err store_load_people(struct store *store, int64_t now_us, struct store_people *ret_people,
                           struct diag *diag)
{
    struct store_people people = {0};
    enum err err = db_begin(store->db, DB_READ, diag);

    if (err != OK)
        return err;
    for (size_t i = 0; i < LOAD_RULES && err == OK; i++)
        err = load_list(store, &load_rules[i], now_us, &people, diag);
    if (err == OK)
        err = load_deliveries(store, &people, diag);
    err = db_end(store->db, err, diag);
    if (err != OK) {
        store_people_deinit(&people);
        return err;
    }
    *ret_people = people;
    return OK;
}

void store_people_deinit(struct store_people *people)
{
    for (size_t i = 0; i < LOAD_RULES; i++)
        release_list(people, &load_rules[i]);
    rows_release(table_of(STORE_WEBHOOK_DELIVERIES), people->deliveries, people->delivery_count);
    *people = (struct store_people){0};
}
