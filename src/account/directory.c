#include "account/directory.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

/* What was noted waits so long, for company in one transaction. */
static const int64_t TOUCHED_WAIT_US = 10 * US_PER_S;
static const int64_t SWEEP_EVERY_US = 600 * US_PER_S;

struct account_limits account_limits_default(void)
{
    enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S };

    return (struct account_limits){
        .accounts_max = STORE_ACCOUNTS_MAX,
        .sessions_max = STORE_SESSIONS_MAX,
        .sessions_per_account_max = 20,
        .keys_per_account_max = 50,
        .tokens_per_channel_max = 100,
        .password_jobs_max = 64,
        .session_idle_us = 14 * DAY_S * US_PER_S,
        .session_renew_us = HOUR_S * US_PER_S,
        .session_life_us = 90 * DAY_S * US_PER_S,
        .token_life_us = 12 * HOUR_S * US_PER_S,
        .token_life_max_us = 7 * DAY_S * US_PER_S,
        .used_write_us = 60 * US_PER_S,
        .address_rule = guard_rule_default(),
        .email_rule = {.attempts_max = 20, .window_us = 60 * US_PER_S, .shut_us = 60 * US_PER_S},
        .password_cost = password_cost_default(),
    };
}

struct account_directory *account_directory_create(const struct account_limits *limits,
                                                   struct jwt_checker *jwt)
{
    struct account_directory *dir = mem_zalloc(sizeof(*dir));

    dir->limits = *limits;
    dir->jwt = jwt;
    list_init(&dir->sessions_in_use_order);
    list_init(&dir->unstored);
    list_init(&dir->touched_sessions);
    list_init(&dir->touched_keys);
    dir->touched_due_us = ACCOUNT_NEVER;
    dir->addresses = guard_create(&limits->address_rule);
    dir->emails = guard_create(&limits->email_rule);
    return dir;
}

static void remove_all_accounts(struct account_directory *dir)
{
    while (dir->accounts.count > 0)
        accounts_remove(dir, dir->accounts.items[dir->accounts.count - 1]);
}

static void remove_all_tokens(struct account_directory *dir)
{
    struct account_token *token;
    size_t position = 0;

    while ((token = map_next(&dir->tokens_by_hash, &position)))
        tokens_remove(dir, token);
}

void account_directory_destroy(struct account_directory *dir)
{
    if (!dir)
        return;
    remove_all_accounts(dir);
    if (dir->admin_key)
        keys_remove(dir, dir->admin_key);
    remove_all_tokens(dir);
    vec_deinit(&dir->accounts);
    map_deinit(&dir->accounts_by_id);
    map_deinit(&dir->accounts_by_email);
    map_deinit(&dir->sessions_by_hash);
    map_deinit(&dir->keys_by_hash);
    map_deinit(&dir->keys_by_id);
    map_deinit(&dir->tokens_by_hash);
    map_deinit(&dir->tokens_by_id);
    map_deinit(&dir->tokens_by_channel);
    guard_destroy(dir->addresses);
    guard_destroy(dir->emails);
    mem_free(dir);
}

void account_directory_set_wall_offset(struct account_directory *dir, int64_t offset_us)
{
    dir->wall_offset_us = offset_us;
}

int64_t directory_wall(const struct account_directory *dir, int64_t now_us)
{
    return now_us + dir->wall_offset_us;
}

void directory_copy(char *to, size_t cap, struct text from)
{
    size_t len = from.len < cap ? from.len : cap - 1;

    /* Cut between characters, not within one. */
    while (len < from.len && len > 0 && ((unsigned char)from.ptr[len] & 0xc0) == 0x80)
        len--;
    for (size_t i = 0; i < len; i++)
        to[i] = (unsigned char)from.ptr[i] < ' ' || from.ptr[i] == 0x7f ? ' ' : from.ptr[i];
    to[len] = '\0';
}

/* ---- start-up, and what other servers change ---- */

static int compare_use(const void *a, const void *b)
{
    int64_t a_us = (*(const struct session_row *const *)a)->last_used_at_us;
    int64_t b_us = (*(const struct session_row *const *)b)->last_used_at_us;

    return (a_us > b_us) - (a_us < b_us);
}

/* In the order of their use, so that each goes to the end of the list. */
static void load_sessions(struct account_directory *dir, const struct store_people *people,
                          int64_t now_us)
{
    const struct session_row **rows = mem_alloc(people->session_count * sizeof(*rows));

    for (size_t i = 0; i < people->session_count; i++)
        rows[i] = &people->sessions[i];
    qsort(rows, people->session_count, sizeof(*rows), compare_use);
    for (size_t i = 0; i < people->session_count; i++)
        sessions_set_row(dir, rows[i]->token_hash, rows[i]);
    mem_free(rows);
    sessions_drop_expired(dir, now_us);
}

void account_directory_load(struct account_directory *dir, const struct store_people *people,
                            int64_t now_us)
{
    assert(dir->accounts.count == 0);
    for (size_t i = 0; i < people->account_count; i++)
        account_directory_set_account_row(dir, text_of(people->accounts[i].id),
                                          &people->accounts[i]);
    load_sessions(dir, people, now_us);
    for (size_t i = 0; i < people->api_key_count; i++)
        account_directory_set_api_key_row(dir, text_of(people->api_keys[i].id),
                                          &people->api_keys[i]);
    for (size_t i = 0; i < people->publish_token_count; i++)
        account_directory_set_publish_token_row(dir, text_of(people->publish_tokens[i].id),
                                                &people->publish_tokens[i]);
    tokens_drop_expired(dir, now_us);
}

/* ---- time ---- */

int64_t account_directory_deadline_us(const struct account_directory *dir)
{
    return dir->touched_due_us < dir->sweep_due_us ? dir->touched_due_us : dir->sweep_due_us;
}

void directory_touch(struct account_directory *dir, struct list *touched, struct list_node *node,
                     int64_t now_us)
{
    if (!list_node_is_linked(node))
        list_push_back(touched, node);
    if (dir->touched_due_us == ACCOUNT_NEVER)
        dir->touched_due_us = now_us + TOUCHED_WAIT_US;
}

void account_directory_flush(struct account_directory *dir, struct store_batch *batch)
{
    struct list_node *node;

    while ((node = list_pop_front(&dir->touched_sessions))) {
        const struct session_row *row =
            &CONTAINER_OF(node, struct account_session, in_touched)->row;

        store_batch_touch_session(batch, row->token_hash, row->last_used_at_us);
    }
    while ((node = list_pop_front(&dir->touched_keys))) {
        const struct api_key_row *row = &CONTAINER_OF(node, struct account_key, in_touched)->row;

        store_batch_touch_api_key(batch, row->id, row->last_used_at_us);
    }
    dir->touched_due_us = ACCOUNT_NEVER;
}

void account_directory_on_time(struct account_directory *dir, struct store_batch *batch,
                               int64_t now_us)
{
    if (now_us >= dir->touched_due_us)
        account_directory_flush(dir, batch);
    if (now_us >= dir->sweep_due_us) {
        sessions_drop_expired(dir, now_us);
        tokens_drop_expired(dir, now_us);
        dir->sweep_due_us = now_us + SWEEP_EVERY_US;
    }
}

/* ---- the store's answers ---- */

void directory_note_unstored(struct account_directory *dir, struct unstored *unstored,
                             enum thing thing, const struct store_batch *batch)
{
    unstored->thing = thing;
    unstored->batch = batch;
    list_push_back(&dir->unstored, &unstored->in_unstored);
}

static void take_back(struct account_directory *dir, struct unstored *unstored)
{
    switch (unstored->thing) {
    case THING_ACCOUNT:
        accounts_remove(dir, CONTAINER_OF(unstored, struct account, unstored));
        break;
    case THING_SESSION:
        sessions_remove(dir, CONTAINER_OF(unstored, struct account_session, unstored));
        break;
    case THING_KEY:
        keys_remove(dir, CONTAINER_OF(unstored, struct account_key, unstored));
        break;
    case THING_TOKEN:
        tokens_remove(dir, CONTAINER_OF(unstored, struct account_token, unstored));
        break;
    }
}

static struct unstored *find_unstored(const struct account_directory *dir,
                                      const struct store_batch *batch)
{
    LIST_FOR_EACH(node, &dir->unstored)
    {
        struct unstored *unstored = CONTAINER_OF(node, struct unstored, in_unstored);

        if (unstored->batch == batch)
            return unstored;
    }
    return NULL;
}

void account_directory_on_stored(struct account_directory *dir, const struct store_batch *batch,
                                 enum err result)
{
    struct unstored *unstored;

    /* From the beginning each time: an account takes its sessions and keys along. */
    while ((unstored = find_unstored(dir, batch))) {
        list_unlink(&unstored->in_unstored);
        if (result != OK)
            take_back(dir, unstored);
    }
}
