/*
 * store_driver - a process that has a store on its pool's thread and a watch on its loop, as the
 * server has them, and does what its standard input says, a line a command:
 *
 *     store_driver <url> <node> <answer timeout in ms>
 *
 *     open                       opens the store (and migrates)
 *     account <number> <email>   puts an account
 *     channel <number>           creates a channel
 *     metric <channel>           writes a row of stream_metrics
 *     signout <account number>   deletes the sessions of an account
 *     session <number> <account> puts a session
 *     count <table>              rows of a table that the store can see
 *     ids                        takes ten numbers for channels
 *     begin, end                 a transaction of db.h, beside the store
 *     run <sql>                  a statement of db.h
 *     ping
 *     watch                      begins to watch
 *
 * Each answer is a line: "ok", "ok <number>", or the name of an error and its sentence. What the
 * watch hears: "changed <table> <id>", "all changed".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/loop.h"
#include "loop/pool.h"
#include "store/db.h"
#include "store/store.h"

enum { LINE_LEN_MAX = 1000, QUEUE_MAX = 100 };

static struct store_config config;
static struct loop *loop;
static struct pool *pool;
static struct store *store;
static struct db *db;
static struct store_watch *watch;

static void say(const char *line)
{
    (void)printf("%s\n", line);
    (void)fflush(stdout);
}

struct command {
    struct pool_job job;
    char line[LINE_LEN_MAX + 1];
    char answer[LINE_LEN_MAX + 1];
};

/* ---- on the pool's thread ---- */

static void an_id(char to[ROW_UUID_LEN + 1], const char *number)
{
    (void)snprintf(to, ROW_UUID_LEN + 1, "00000000-0000-4000-8000-%012lu",
                   strtoul(number, NULL, 10));
}

static enum err apply(struct store_batch *batch, struct diag *diag)
{
    enum err err = store_apply_batch(store, batch, diag);

    store_batch_destroy(batch);
    return err;
}

static enum err run_account(const char *number, const char *email, struct diag *diag)
{
    struct account_row row = {.role = "seller", .display_name = "Somebody", .created_at_us = 1};
    struct store_batch *batch = store_batch_create();

    an_id(row.id, number);
    (void)snprintf(row.email, sizeof(row.email), "%s", email);
    store_batch_put_account(batch, &row);
    return apply(batch, diag);
}

static enum err run_session(const char *number, const char *account, struct diag *diag)
{
    struct session_row row = {.expires_at_us = INT64_MAX};
    struct store_batch *batch = store_batch_create();

    crypto_sha256(number, strlen(number), row.token_hash);
    an_id(row.account_id, account);
    store_batch_put_session(batch, &row);
    return apply(batch, diag);
}

static enum err run_signout(const char *account, struct diag *diag)
{
    struct store_batch *batch = store_batch_create();
    char id[ROW_UUID_LEN + 1];

    an_id(id, account);
    store_batch_delete_sessions(batch, id, NULL);
    return apply(batch, diag);
}

static enum err run_channel(const char *number, struct diag *diag)
{
    struct store_change change = {
        .channel_op = STORE_CHANNEL_CREATE,
        .channel = {.id = strtoull(number, NULL, 10), .title = "Channel"},
        .broadcast_op = STORE_BROADCAST_NONE,
    };
    struct store_batch *batch = store_batch_create();

    (void)secret_set(&change.channel.stream_key, text_of(number)); /* short */
    store_batch_change(batch, &change);
    return apply(batch, diag);
}

static enum err run_metric(const char *channel, struct diag *diag)
{
    struct stream_metric_row row = {.channel_id = strtoull(channel, NULL, 10), .resolution_s = 10};
    struct store_batch *batch = store_batch_create();

    store_batch_put_stream_metric(batch, &row);
    return apply(batch, diag);
}

static enum err run_count(const char *table, uint64_t *ret_number, struct diag *diag)
{
    struct db_cursor cursor;
    bool has_row = false;
    char sql[96];
    enum err err = db ? OK : db_open(&config, &db, diag);

    if (err != OK)
        return err;
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %.60s", table);
    err = db_query_row(db, sql, NULL, 0, &cursor, &has_row, diag);
    if (err == OK)
        *ret_number = (uint64_t)db_column_i64(&cursor, 0);
    db_cursor_end(&cursor);
    return err;
}

static enum err run_sql(const char *verb, const char *sql, struct diag *diag)
{
    enum err err = db ? OK : db_open(&config, &db, diag);

    if (err != OK)
        return err;
    if (strcmp(verb, "begin") == 0)
        return db_begin(db, DB_WRITE, diag);
    if (strcmp(verb, "end") == 0)
        return db_end(db, OK, diag);
    return db_run(db, sql, NULL, 0, NULL, diag);
}

static enum err run_line(char *line, uint64_t *ret_number, struct diag *diag)
{
    char *rest = line;
    const char *verb = strsep(&rest, " ");
    char *all = rest;

    if (strcmp(verb, "begin") == 0 || strcmp(verb, "end") == 0 || strcmp(verb, "run") == 0)
        return run_sql(verb, all, diag);
    const char *first = rest ? strsep(&rest, " ") : "";
    const char *second = rest ? rest : "";

    if (strcmp(verb, "open") == 0)
        return store_open(&config, &store, diag);
    if (strcmp(verb, "ping") == 0)
        return store_ping(store, diag);
    if (strcmp(verb, "account") == 0)
        return run_account(first, second, diag);
    if (strcmp(verb, "session") == 0)
        return run_session(first, second, diag);
    if (strcmp(verb, "signout") == 0)
        return run_signout(first, diag);
    if (strcmp(verb, "channel") == 0)
        return run_channel(first, diag);
    if (strcmp(verb, "metric") == 0)
        return run_metric(first, diag);
    if (strcmp(verb, "count") == 0)
        return run_count(first, ret_number, diag);
    if (strcmp(verb, "ids") == 0)
        return store_reserve_ids(store, "channels", 10, ret_number, diag);
    diag_set(diag, "no such command");
    return ERR_INVALID;
}

static void work(struct pool_job *job)
{
    struct command *command = CONTAINER_OF(job, struct command, job);
    struct diag diag = {0};
    uint64_t number = UINT64_MAX;
    enum err err = run_line(command->line, &number, &diag);

    if (err != OK)
        (void)snprintf(command->answer, sizeof(command->answer), "%s %s", err_name(err),
                       diag.message);
    else if (number != UINT64_MAX)
        (void)snprintf(command->answer, sizeof(command->answer), "ok %llu",
                       (unsigned long long)number);
    else
        (void)snprintf(command->answer, sizeof(command->answer), "ok");
}

/* ---- on the loop ---- */

static void done(struct pool_job *job)
{
    struct command *command = CONTAINER_OF(job, struct command, job);

    say(command->answer);
    mem_free(command);
}

static void on_changed(void *context, enum store_table table, struct text id)
{
    char line[LINE_LEN_MAX];

    (void)context;
    (void)snprintf(line, sizeof(line), "changed %s %.*s", store_table_name(table), TEXT_ARG(id));
    say(line);
}

static void on_all_changed(void *context)
{
    (void)context;
    say("all changed");
}

static void begin_watch(void)
{
    const struct store_watch_handler handler = {NULL, on_changed, on_all_changed};
    struct diag diag = {0};

    if (store_watch_create(&config, loop, pool, &handler, &watch, &diag) != OK)
        say(diag.message);
}

static void submit(const char *line)
{
    struct command *command = mem_zalloc(sizeof(*command));

    (void)snprintf(command->line, sizeof(command->line), "%s", line);
    command->job.work = work;
    command->job.done = done;
    if (pool_submit(pool, loop, &command->job) == OK)
        return;
    say("limit too many commands");
    mem_free(command);
}

static void on_input(struct loop_fd *fd, unsigned events)
{
    static char input[LINE_LEN_MAX + 1];
    static size_t len;
    ssize_t got = read(fd->fd, input + len, LINE_LEN_MAX - len);
    char *end;

    (void)events;
    if (got <= 0) {
        loop_stop(loop);
        return;
    }
    len += (size_t)got;
    input[len] = '\0';
    while ((end = strchr(input, '\n'))) {
        *end = '\0';
        if (strcmp(input, "watch") == 0)
            begin_watch();
        else
            submit(input);
        len -= (size_t)(end + 1 - input);
        memmove(input, end + 1, len + 1);
    }
}

int main(int argc, char **argv)
{
    struct loop_fd input = {0};

    if (argc != 4)
        return 2;
    config = (struct store_config){
        .url = argv[1],
        .node = argv[2],
        .answer_timeout_ms = (uint32_t)strtoul(argv[3], NULL, 10),
    };
    if (loop_create("driver", &loop) != OK || pool_create("store", 1, QUEUE_MAX, &pool) != OK ||
        loop_fd_add(loop, &input, STDIN_FILENO, LOOP_IN, on_input) != OK)
        return 1;
    loop_run(loop);
    loop_fd_remove(&input);
    store_watch_destroy(watch);
    pool_destroy(pool);
    loop_destroy(loop);
    store_close(store);
    db_close(db);
    return 0;
}
