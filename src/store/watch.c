/*
 * watch - hears by a connection of its own what other nodes write: LISTEN on a socket of the loop.
 * Connecting blocks, so the pool's thread does it.
 *
 *     start --> connect_work (pool) --> on_connected --> listening -- lost --> pause --> start
 */
#include "store/watch.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/pool.h"
#include "store/postgres.h"
#include "store/store.h"
#include "store/tables.h"

static const int64_t PAUSE_FIRST_US = US_PER_S;
static const int64_t PAUSE_MAX_US = 30 * US_PER_S;
static const int64_t LISTEN_TIMEOUT_US = 10 * US_PER_S;

/* One try to connect. It outlives a watch that is destroyed meanwhile. */
struct connect_job {
    struct pool_job job;
    struct store_watch *watch; /* NULL: nobody waits any more */
    char *url;
    struct pg_conn *conn;
    enum err err;
    struct diag diag;
};

struct store_watch {
    struct loop *loop;
    struct pool *pool;
    struct store_watch_handler handler;
    char *url;
    char node[STORE_NODE_LEN_MAX + 1];
    struct connect_job *job; /* under way, or NULL */
    struct pg_conn *conn;    /* listening, or NULL */
    struct loop_fd fd;
    struct loop_timer timer;
    int64_t pause_us;
    bool is_trouble_told;
};

static void start(struct store_watch *watch);

/* ---- what is heard ---- */

bool watch_parse(struct text *rest, struct watch_item *ret_item)
{
    struct text item = text_cut(rest, ',');
    struct text name = text_cut(&item, ' ');

    if (item.len == 0 || item.len > STORE_ROW_ID_LEN_MAX || !text_is_utf8(item))
        return false;
    ret_item->id = item;
    return table_parse(name, &ret_item->table);
}

static void on_payload(struct store_watch *watch, struct text payload)
{
    struct text node = text_cut(&payload, ' ');

    if (text_equal(node, text_of(watch->node)))
        return;
    while (payload.len) {
        struct watch_item item;

        /* A newer node may know tables that this one does not. */
        if (watch_parse(&payload, &item))
            watch->handler.changed(watch->handler.context, item.table, item.id);
    }
}

/* ---- the connection ---- */

static void on_pause_over(struct loop_timer *timer)
{
    start(CONTAINER_OF(timer, struct store_watch, timer));
}

static void try_later(struct store_watch *watch, const char *reason)
{
    int64_t spread_us = (int64_t)(crypto_random_u64() % (uint64_t)(watch->pause_us / 4));

    if (!watch->is_trouble_told)
        log_warn("database_watch_lost", LOG_STR("reason", reason),
                 LOG_STR("effect", "changes of other nodes are seen when it is back"));
    watch->is_trouble_told = true;
    loop_timer_set(watch->loop, &watch->timer,
                   loop_now_us(watch->loop) + watch->pause_us + spread_us, on_pause_over);
    watch->pause_us = 2 * watch->pause_us < PAUSE_MAX_US ? 2 * watch->pause_us : PAUSE_MAX_US;
}

static void disconnect(struct store_watch *watch)
{
    loop_fd_remove(&watch->fd);
    postgres_finish(watch->conn);
    watch->conn = NULL;
}

static void on_socket(struct loop_fd *fd, unsigned events)
{
    struct store_watch *watch = CONTAINER_OF(fd, struct store_watch, fd);
    PGnotify *heard;

    (void)events;
    bool is_alive = PQconsumeInput(watch->conn) != 0;
    while ((heard = PQnotifies(watch->conn))) {
        on_payload(watch, text_of(heard->extra));
        PQfreemem(heard);
    }
    if (is_alive)
        return;
    disconnect(watch);
    try_later(watch, "the connection to the database server was lost");
}

/* On the pool's thread. */
static void connect_work(struct pool_job *job)
{
    struct connect_job *connect = CONTAINER_OF(job, struct connect_job, job);

    connect->err = postgres_connect(connect->url, &connect->conn, &connect->diag);
    if (connect->err == OK)
        connect->err = postgres_script(connect->conn, TEXT("LISTEN " POSTGRES_CHANNEL),
                                       clock_mono_us() + LISTEN_TIMEOUT_US, &connect->diag);
}

static enum err take_connection(struct store_watch *watch, struct connect_job *connect)
{
    if (connect->err != OK)
        return connect->err;
    enum err err =
        loop_fd_add(watch->loop, &watch->fd, PQsocket(connect->conn), LOOP_IN, on_socket);
    if (err != OK) {
        diag_set(&connect->diag, "the system has no room for another socket");
        return err;
    }
    watch->conn = connect->conn;
    connect->conn = NULL;
    return OK;
}

static void job_destroy(struct connect_job *connect)
{
    postgres_finish(connect->conn);
    crypto_wipe(connect->url, strlen(connect->url));
    mem_free(connect->url);
    mem_free(connect);
}

static void connect_done(struct pool_job *job)
{
    struct connect_job *connect = CONTAINER_OF(job, struct connect_job, job);
    struct store_watch *watch = connect->watch;

    if (!watch) {
        job_destroy(connect);
        return;
    }
    watch->job = NULL;
    if (take_connection(watch, connect) == OK) {
        if (watch->is_trouble_told)
            log_info("database_watch_up", LOG_STR("node", watch->node));
        watch->is_trouble_told = false;
        watch->pause_us = PAUSE_FIRST_US;
        watch->handler.all_changed(watch->handler.context);
    } else {
        try_later(watch, connect->diag.message);
    }
    job_destroy(connect);
}

static void start(struct store_watch *watch)
{
    struct connect_job *connect = mem_zalloc(sizeof(*connect));

    connect->watch = watch;
    connect->url = mem_strndup(watch->url, strlen(watch->url));
    connect->job.work = connect_work;
    connect->job.done = connect_done;
    if (pool_submit(watch->pool, watch->loop, &connect->job) == OK) {
        watch->job = connect;
        return;
    }
    job_destroy(connect);
    try_later(watch, "too much waits for the database");
}

/* ---- life ---- */

enum err store_watch_create(const struct store_config *config, struct loop *loop, struct pool *pool,
                            const struct store_watch_handler *handler,
                            struct store_watch **ret_watch, struct diag *diag)
{
    struct text url = text_of(config->url);

    if (text_starts_with(url, TEXT("sqlite:"))) {
        *ret_watch = NULL;
        return OK;
    }
    if (!text_starts_with(url, TEXT(POSTGRES_SCHEME_SHORT)) &&
        !text_starts_with(url, TEXT(POSTGRES_SCHEME_LONG))) {
        diag_set(diag, "database.url must start with sqlite: or postgres://");
        return ERR_INVALID;
    }
    struct store_watch *watch = mem_zalloc(sizeof(*watch));
    struct text node = text_sub(text_of(config->node), 0, STORE_NODE_LEN_MAX);

    watch->loop = loop;
    watch->pool = pool;
    watch->handler = *handler;
    watch->url = mem_strndup(url.ptr, url.len);
    memcpy(watch->node, node.len ? node.ptr : "", node.len);
    watch->pause_us = PAUSE_FIRST_US;
    start(watch);
    *ret_watch = watch;
    return OK;
}

void store_watch_destroy(struct store_watch *watch)
{
    if (!watch)
        return;
    if (watch->job)
        watch->job->watch = NULL; /* connect_done() releases it */
    loop_timer_cancel(&watch->timer);
    disconnect(watch);
    crypto_wipe(watch->url, strlen(watch->url));
    mem_free(watch->url);
    mem_free(watch);
}

bool store_watch_is_up(const struct store_watch *watch)
{
    return watch->conn != NULL;
}
