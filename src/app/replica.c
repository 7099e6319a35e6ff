/*
 * replica - the copy in memory follows what other servers write.
 *
 *     changed(table, id) --> wanted --\
 *                                      > one read at a time (pool) --> directories
 *     all_changed() --> wants_all ----/
 *
 * A read is behind everything that was sent to the store before. What is sent while it runs may be
 * newer than what it finds: channels know that by their tickets; other rows are then read again.
 */
#include <stdio.h>
#include <string.h>

#include "app/nodes.h"
#include "app/server.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "base/writer.h"

enum {
    WANTED_MAX = 10000, /* more: everything is read again */
    ROWS_MAX = 64,      /* of one read */
    TRIES_MAX = 10,
    KNOWN_MAX =
        STORE_SESSIONS_MAX + STORE_API_KEYS_MAX + STORE_PUBLISH_TOKENS_MAX + STORE_ENDPOINTS_MAX,
};

static const int64_t PAUSE_US = US_PER_S;

/* A row, by what the store calls it. */
struct row_ref {
    enum store_table table;
    uint32_t tries;
    char id[STORE_ROW_ID_LEN_MAX + 1];
};

struct row_refs {
    VEC(struct row_ref) list;
};

struct replica {
    struct server *server;
    struct row_refs wanted;
    bool wants_all;
    uint32_t all_tries;
    struct read_job *job; /* under way, or NULL */
    struct loop_timer pause;
};

/* It outlives a replica that is destroyed meanwhile. */
struct read_job {
    struct pool_job job;
    struct replica *replica; /* NULL: nobody waits any more */
    struct store *store;
    uint64_t channel_ticket; /* of when it was asked for */
    uint64_t batch_ticket;
    bool is_all;
    struct row_refs refs; /* the rows; of `is_all`: those that were known */
    struct store_result results[ROWS_MAX];
    struct store_snapshot snapshot;
    struct store_people people;
    enum err err;
    struct diag diag;
};

static void start(struct replica *replica);

/* ---- reading: on the pool's thread ---- */

static void read_rows(struct read_job *read)
{
    for (size_t i = 0; i < read->refs.list.count && read->err == OK; i++) {
        const struct row_ref *ref = &read->refs.list.items[i];
        struct store_query query = {.kind = STORE_QUERY_ROW, .table = ref->table};

        memcpy(query.id, ref->id, sizeof(query.id));
        read->err = store_run_query(read->store, &query, &read->results[i], &read->diag);
    }
}

static void read_all(struct read_job *read)
{
    read->err = store_load_channels(read->store, &read->snapshot, &read->diag);
    if (read->err == OK)
        read->err = store_load_people(read->store, clock_wall_us(), &read->people, &read->diag);
}

static void read_work(struct pool_job *job)
{
    struct read_job *read = CONTAINER_OF(job, struct read_job, job);

    if (read->is_all)
        read_all(read);
    else
        read_rows(read);
}

/* ---- single rows ---- */

static uint64_t channel_id_of(const struct row_ref *ref)
{
    uint64_t id = 0;

    return text_parse_u64(text_of(ref->id), UINT64_MAX, &id) ? id : 0;
}

/* Who publishes here with a token that is revoked elsewhere is closed, too. */
static void take_token(struct server *server, struct text id, const struct publish_token_row *row)
{
    account_directory_set_publish_token_row(server->accounts, id, row);
    if (row && row->revoked_at_us)
        publish_on_token_revoked(server, row->channel_id, row->id);
}

static void take_endpoint(struct server *server, const char *id,
                          const struct webhook_endpoint_row *row)
{
    if (row)
        webhook_set_endpoint_row(server->webhooks, row, loop_now_us(server->control));
    else
        webhook_remove_endpoint_row(server->webhooks, id);
    outbox_arm(server);
}

/* `row` NULL: it is gone. */
static void take_row(struct replica *replica, const struct row_ref *ref, const void *row,
                     uint64_t ticket)
{
    struct server *server = replica->server;
    struct text id = text_of(ref->id);

    if (ref->table == STORE_CHANNELS)
        channel_directory_on_foreign(server->directory, channel_id_of(ref), row, ticket,
                                     loop_now_us(server->control));
    else if (ref->table == STORE_ACCOUNTS)
        account_directory_set_account_row(server->accounts, id, row);
    else if (ref->table == STORE_SESSIONS)
        account_directory_set_session_row(server->accounts, id, row);
    else if (ref->table == STORE_API_KEYS)
        account_directory_set_api_key_row(server->accounts, id, row);
    else if (ref->table == STORE_PUBLISH_TOKENS)
        take_token(server, id, row);
    else if (ref->table == STORE_WEBHOOK_ENDPOINTS)
        take_endpoint(server, ref->id, row);
}

static bool lives_in_memory(enum store_table table)
{
    return table == STORE_CHANNELS || table == STORE_ACCOUNTS || table == STORE_SESSIONS ||
           table == STORE_API_KEYS || table == STORE_PUBLISH_TOKENS ||
           table == STORE_WEBHOOK_ENDPOINTS;
}

static void want(struct replica *replica, const struct row_ref *ref)
{
    if (replica->wants_all || vec_push(&replica->wanted.list, *ref, WANTED_MAX))
        return;
    replica->wants_all = true;
    replica->wanted.list.count = 0;
}

static void take_rows(struct replica *replica, const struct read_job *read)
{
    bool is_overtaken = replica->server->newest_ticket != read->batch_ticket;

    for (size_t i = 0; i < read->refs.list.count; i++) {
        struct row_ref ref = read->refs.list.items[i];

        take_row(replica, &ref, read->results[i].count ? read->results[i].rows : NULL,
                 read->channel_ticket);
        if (is_overtaken && ref.table != STORE_CHANNELS && ++ref.tries < TRIES_MAX)
            want(replica, &ref);
    }
}

/* ---- everything ---- */

static void know(struct row_refs *known, enum store_table table, const char *id)
{
    struct row_ref ref = {.table = table};

    (void)snprintf(ref.id, sizeof(ref.id), "%s", id);     /* ids fit */
    (void)vec_push(&known->list, ref, (size_t)KNOWN_MAX); /* there are no more than that */
}

static void know_session(struct row_refs *known, const struct session_row *row)
{
    char id[STORE_ROW_ID_LEN_MAX + 1];
    struct writer w = writer_fixed(id, sizeof(id));

    crypto_hex(&w, row->token_hash, sizeof(row->token_hash));
    writer_u8(&w, 0);
    know(known, STORE_SESSIONS, id);
}

static void know_account(const struct account_directory *accounts, struct text id,
                         struct row_refs *known)
{
    const struct session_row *session;
    const struct api_key_row *key;

    for (size_t i = 0; (session = account_session_at(accounts, id, i)); i++)
        know_session(known, session);
    for (size_t i = 0; (key = account_key_at(accounts, id, i)); i++)
        know(known, STORE_API_KEYS, key->id);
}

/* What is known before the read, and not found by it, is gone. Accounts are never deleted. */
static void know_all(struct replica *replica, struct row_refs *known)
{
    const struct server *server = replica->server;
    const struct publish_token_row *token;
    int64_t now_us = loop_now_us(server->control);
    char id[24];

    for (size_t i = 0; i < account_directory_count(server->accounts); i++)
        know_account(server->accounts, text_of(account_directory_at(server->accounts, i)->id),
                     known);
    for (size_t i = 0; i < webhook_count(server->webhooks); i++)
        know(known, STORE_WEBHOOK_ENDPOINTS, webhook_at(server->webhooks, i)->id);
    for (size_t i = 0; i < channel_directory_count(server->directory); i++) {
        uint64_t channel_id = channel_directory_at(server->directory, i)->id;

        (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)channel_id);
        know(known, STORE_CHANNELS, id);
        for (size_t k = 0; (token = account_token_at(server->accounts, channel_id, k, now_us)); k++)
            know(known, STORE_PUBLISH_TOKENS, token->id);
    }
}

/* Marks a row as found, and takes it. */
static void take_found(struct replica *replica, struct map *found, const struct row_ref *ref,
                       const void *row, uint64_t ticket)
{
    /* No two tables have ids that look alike: numbers, UUIDs, hashes. */
    (void)map_put(found, text_of(ref->id), replica);
    take_row(replica, ref, row, ticket);
}

static void take_channels(struct replica *replica, const struct read_job *read, struct map *found)
{
    struct row_ref ref = {.table = STORE_CHANNELS};

    for (size_t i = 0; i < read->snapshot.channel_count; i++) {
        const struct channel_row *row = &read->snapshot.channels[i];

        (void)snprintf(ref.id, sizeof(ref.id), "%llu", (unsigned long long)row->id);
        take_found(replica, found, &ref, row, read->channel_ticket);
    }
}

static void take_people(struct replica *replica, const struct store_people *people,
                        struct map *found)
{
    for (size_t i = 0; i < people->account_count; i++)
        account_directory_set_account_row(replica->server->accounts,
                                          text_of(people->accounts[i].id), &people->accounts[i]);
    for (size_t i = 0; i < people->session_count; i++) {
        struct row_refs one = {0};

        know_session(&one, &people->sessions[i]);
        take_found(replica, found, &one.list.items[0], &people->sessions[i], 0);
        vec_deinit(&one.list);
    }
    for (size_t i = 0; i < people->api_key_count; i++) {
        struct row_ref ref = {.table = STORE_API_KEYS};

        memcpy(ref.id, people->api_keys[i].id, sizeof(people->api_keys[i].id));
        take_found(replica, found, &ref, &people->api_keys[i], 0);
    }
    for (size_t i = 0; i < people->publish_token_count; i++) {
        struct row_ref ref = {.table = STORE_PUBLISH_TOKENS};

        memcpy(ref.id, people->publish_tokens[i].id, sizeof(people->publish_tokens[i].id));
        take_found(replica, found, &ref, &people->publish_tokens[i], 0);
    }
    for (size_t i = 0; i < people->endpoint_count; i++) {
        struct row_ref ref = {.table = STORE_WEBHOOK_ENDPOINTS};

        memcpy(ref.id, people->endpoints[i].id, sizeof(people->endpoints[i].id));
        take_found(replica, found, &ref, &people->endpoints[i], 0);
    }
}

static void take_all(struct replica *replica, const struct read_job *read)
{
    struct map found = {0};

    take_channels(replica, read, &found);
    take_people(replica, &read->people, &found);
    for (size_t i = 0; i < read->refs.list.count; i++)
        if (!map_get(&found, text_of(read->refs.list.items[i].id)))
            take_row(replica, &read->refs.list.items[i], NULL, read->channel_ticket);
    map_deinit(&found);
    if (replica->server->newest_ticket == read->batch_ticket || ++replica->all_tries >= TRIES_MAX)
        replica->all_tries = 0;
    else
        replica->wants_all = true;
}

/* ---- the way there and back ---- */

static void job_destroy(struct read_job *read)
{
    for (size_t i = 0; i < ROWS_MAX; i++)
        store_result_deinit(&read->results[i]);
    store_snapshot_deinit(&read->snapshot);
    store_people_deinit(&read->people);
    vec_deinit(&read->refs.list);
    mem_free(read);
}

static void on_pause_over(struct loop_timer *timer)
{
    start(CONTAINER_OF(timer, struct replica, pause));
}

static void start_later(struct replica *replica)
{
    loop_timer_set(replica->server->control, &replica->pause,
                   loop_now_us(replica->server->control) + PAUSE_US, on_pause_over);
}

static void read_done(struct pool_job *job)
{
    struct read_job *read = CONTAINER_OF(job, struct read_job, job);
    struct replica *replica = read->replica;

    if (!replica) {
        job_destroy(read);
        return;
    }
    replica->job = NULL;
    if (read->err != OK) {
        log_limited(LOG_WARN, 1, "foreign_changes_not_read", LOG_STR("reason", read->diag.message),
                    LOG_STR("effect", "everything is read again in a moment"));
        replica->wants_all = true;
        start_later(replica);
    } else {
        if (read->is_all)
            take_all(replica, read);
        else
            take_rows(replica, read);
        control_arm(replica->server);
        start(replica);
    }
    job_destroy(read);
}

static void take_wanted(struct replica *replica, struct read_job *read)
{
    size_t count = replica->wanted.list.count;
    size_t taken = count < ROWS_MAX ? count : ROWS_MAX;

    for (size_t i = 0; i < taken; i++)
        (void)vec_push(&read->refs.list, replica->wanted.list.items[i], ROWS_MAX); /* fits */
    for (size_t i = taken; i < count; i++)
        replica->wanted.list.items[i - taken] = replica->wanted.list.items[i];
    replica->wanted.list.count = count - taken;
}

static void start(struct replica *replica)
{
    struct server *server = replica->server;
    struct read_job *read;

    if (replica->job || (!replica->wants_all && replica->wanted.list.count == 0))
        return;
    read = mem_zalloc(sizeof(*read));
    read->job.work = read_work;
    read->job.done = read_done;
    read->replica = replica;
    read->store = server->store;
    read->channel_ticket = channel_directory_ticket(server->directory);
    read->batch_ticket = server->newest_ticket;
    read->is_all = replica->wants_all;
    if (read->is_all) {
        know_all(replica, &read->refs);
        replica->wanted.list.count = 0;
    } else {
        take_wanted(replica, read);
    }
    if (pool_submit(server->pool, server->control, &read->job) == OK) {
        replica->wants_all = false;
        replica->job = read;
        return;
    }
    replica->wants_all = true; /* what was taken out of `wanted` is among it */
    job_destroy(read);
    start_later(replica);
}

void replica_on_changed(void *context, enum store_table table, struct text id)
{
    struct replica *replica = context;
    struct row_ref ref = {.table = table};

    if (!lives_in_memory(table))
        return;
    (void)snprintf(ref.id, sizeof(ref.id), "%.*s", TEXT_ARG(id)); /* the watch bounds it */
    want(replica, &ref);
    start(replica);
}

void replica_on_all_changed(void *context)
{
    struct replica *replica = context;

    replica->wants_all = true;
    replica->wanted.list.count = 0;
    start(replica);
}

/* ---- life ---- */

struct replica *replica_create(struct server *server)
{
    struct replica *replica = mem_zalloc(sizeof(*replica));

    replica->server = server;
    return replica;
}

void replica_destroy(struct replica *replica)
{
    if (!replica)
        return;
    if (replica->job)
        replica->job->replica = NULL; /* read_done() releases it */
    loop_timer_cancel(&replica->pause);
    vec_deinit(&replica->wanted.list);
    mem_free(replica);
}
