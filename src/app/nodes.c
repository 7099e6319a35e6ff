#include "app/nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"

static const int64_t BEAT_US = 2 * US_PER_S;
static const int64_t DEAD_US = 10 * US_PER_S;
static const int64_t SEEN_LATELY_US = 60 * US_PER_S; /* clocks may differ by that */
static const int64_t PENDING_US = 120 * US_PER_S;
static const int64_t TIDY_FIRST_US = 60 * US_PER_S;
static const int64_t TIDY_US = 600 * US_PER_S;
static const int64_t TIDY_MORE_US = US_PER_S;

enum { PEERS_MAX = 1000, NAME_DRAWN_LEN = 12, URL_CAP = 2 * CONFIG_TEXT_MAX };

/* Another server on the database. */
struct peer {
    char name[STORE_NODE_LEN_MAX + 1];
    int64_t last_beat_us; /* its own wall clock: only whether it moves counts */
    int64_t moved_us;     /* ours, monotonic */
    bool is_dead;
    bool is_listed;
};

struct nodes {
    struct server *server;
    char url[URL_CAP];
    char name[STORE_NODE_LEN_MAX + 1]; /* "" with SQLite */
    int lock_fd;
    struct store_watch *watch;
    struct replica *replica;
    VEC(struct peer) peers;
    struct loop_timer beat_timer;
    struct loop_timer tidy_timer;
    bool is_reserving[CHANNEL_IDS_BROADCASTS + 1];
    struct loop_timer pending_timer;
    bool is_beat_lost; /* the last beat found no database */
    bool is_alone;
};

/* ---- who may use this database ---- */

static void lock_path(const struct config *config, char *to, size_t cap)
{
    char url[URL_CAP];

    if (config_database_is_server(config)) {
        (void)snprintf(to, cap, "%s/node", config->data_dir); /* of the same size */
        return;
    }
    config_database_url(config, url, sizeof(url));
    (void)snprintf(to, cap, "%s.lock", url + strlen("sqlite:")); /* of the same size */
}

static enum err tell_taken(const struct config *config, const char *path, struct diag *diag)
{
    if (config_database_is_server(config))
        diag_set(diag,
                 "Another Stoa runs with this data.dir (%.100s). Servers that share a database "
                 "each need a folder of their own.",
                 config->data_dir);
    else
        diag_set(diag,
                 "Another Stoa uses this database (%.100s is locked). A SQLite file is for one "
                 "program at a time: stop the other one. Several servers need PostgreSQL.",
                 path);
    return ERR_CONFLICT;
}

/* The name that this folder had before, so that a server that comes back closes its own
 * broadcasts; else a new one. */
static enum err take_name(int fd, const char *path, char name[STORE_NODE_LEN_MAX + 1],
                          struct diag *diag)
{
    ssize_t len = pread(fd, name, STORE_NODE_LEN_MAX, 0);

    name[len > 0 ? len : 0] = '\0';
    name[strcspn(name, "\r\n")] = '\0';
    if (name[0])
        return OK;
    crypto_random_text(name, NAME_DRAWN_LEN);
    if (pwrite(fd, name, NAME_DRAWN_LEN, 0) == NAME_DRAWN_LEN)
        return OK;
    diag_set(diag, "%.150s cannot be written: %s.", path, strerror(errno));
    return ERR_IO;
}

enum err nodes_lock(const struct config *config, int *ret_fd, char ret_name[STORE_NODE_LEN_MAX + 1],
                    struct diag *diag)
{
    char path[URL_CAP];
    enum err err = OK;

    if (mkdir(config->data_dir, 0700) != 0 && access(config->data_dir, W_OK) != 0) {
        diag_set(diag,
                 "The folder \"%.100s\" (data.dir) cannot be made or written. Make it, or give "
                 "another one.",
                 config->data_dir);
        return ERR_IO;
    }
    lock_path(config, path, sizeof(path));
    ret_name[0] = '\0';
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        diag_set(diag, "%.150s cannot be opened: %s. Check folder and owner.", path,
                 strerror(errno));
        return ERR_DENIED;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        err = tell_taken(config, path, diag);
    else if (config_database_is_server(config))
        err = take_name(fd, path, ret_name, diag);
    if (err)
        (void)close(fd);
    else
        *ret_fd = fd;
    return err;
}

/* Whoever finds a channel live on this server must find the server, too. */
static enum err first_beat(struct server *server, struct diag *diag)
{
    static const struct store_query query = {.kind = STORE_QUERY_NODES};
    struct nodes *nodes = server->nodes;
    struct store_result result;
    int64_t now_us = clock_wall_us();
    enum err err = store_beat(server->store, now_us, diag);

    if (err == OK)
        err = store_run_query(server->store, &query, &result, diag);
    if (err)
        return err;
    for (size_t i = 0; i < result.count; i++)
        if (strcmp(result.nodes[i].id, nodes->name) != 0 &&
            result.nodes[i].last_seen_at_us > now_us - SEEN_LATELY_US)
            nodes->is_alone = false;
    store_result_deinit(&result);
    return OK;
}

enum err nodes_open_store(struct server *server, struct diag *diag)
{
    const struct config *config = &server->config;
    struct nodes *nodes = mem_zalloc(sizeof(*nodes));
    struct store_config store_config = {
        .url = nodes->url, .node = nodes->name, .node_url = config->node_url};

    server->nodes = nodes;
    nodes->server = server;
    nodes->lock_fd = -1;
    config_database_url(config, nodes->url, sizeof(nodes->url));
    enum err err = nodes_lock(config, &nodes->lock_fd, nodes->name, diag);
    if (!err)
        err = store_open(&store_config, &server->store, diag);
    nodes->is_alone = true;
    return !err && nodes->name[0] ? first_beat(server, diag) : err;
}

bool nodes_is_alone(const struct nodes *nodes)
{
    return nodes->is_alone;
}

void nodes_close_store(struct server *server)
{
    struct nodes *nodes = server->nodes;

    store_close(server->store);
    server->store = NULL;
    if (!nodes)
        return;
    if (nodes->lock_fd >= 0)
        (void)close(nodes->lock_fd);
    crypto_wipe(nodes->url, sizeof(nodes->url));
    vec_deinit(&nodes->peers);
    mem_free(nodes);
    server->nodes = NULL;
}

const char *nodes_name(const struct nodes *nodes)
{
    return nodes->name;
}

/* ---- numbers ---- */

static const struct {
    const char *name;
    uint64_t count;
} blocks[] = {
    [CHANNEL_IDS_CHANNELS] = {"channels", STORE_CHANNEL_IDS},
    [CHANNEL_IDS_BROADCASTS] = {"broadcasts", STORE_BROADCAST_IDS},
};

struct ids_job {
    struct pool_job job;
    struct server *server;
    enum channel_ids which;
    uint64_t first;
    enum err err;
};

static void ids_work(struct pool_job *job)
{
    struct ids_job *ids = CONTAINER_OF(job, struct ids_job, job);

    ids->err = store_reserve_ids(ids->server->store, blocks[ids->which].name,
                                 blocks[ids->which].count, &ids->first, NULL);
}

static void ids_done(struct pool_job *job)
{
    struct ids_job *ids = CONTAINER_OF(job, struct ids_job, job);
    struct server *server = ids->server;

    if (!server->has_stopped) {
        server->nodes->is_reserving[ids->which] = false;
        if (ids->err == OK)
            channel_directory_give_ids(server->directory, ids->which, ids->first,
                                       blocks[ids->which].count);
    }
    mem_free(ids);
}

static void want_ids(struct server *server, enum channel_ids which)
{
    struct ids_job *ids;

    if (server->nodes->is_reserving[which] ||
        !channel_directory_wants_ids(server->directory, which))
        return;
    ids = mem_zalloc(sizeof(*ids));
    ids->job.work = ids_work;
    ids->job.done = ids_done;
    ids->server = server;
    ids->which = which;
    if (pool_submit(server->pool, server->control, &ids->job) == OK)
        server->nodes->is_reserving[which] = true;
    else
        mem_free(ids); /* asked again within a second */
}

void nodes_want_ids(struct server *server)
{
    want_ids(server, CHANNEL_IDS_CHANNELS);
    want_ids(server, CHANNEL_IDS_BROADCASTS);
}

/* ---- who lives ---- */

static struct peer *find_peer(struct nodes *nodes, const char *name)
{
    for (size_t i = 0; i < nodes->peers.count; i++)
        if (strcmp(nodes->peers.items[i].name, name) == 0)
            return &nodes->peers.items[i];
    return NULL;
}

static void note_peer(struct nodes *nodes, const struct node_row *row, int64_t now_us)
{
    struct peer *peer = find_peer(nodes, row->id);

    if (strcmp(row->id, nodes->name) == 0)
        return;
    if (!peer) {
        struct peer fresh = {.last_beat_us = row->last_seen_at_us, .moved_us = now_us};

        memcpy(fresh.name, row->id, sizeof(fresh.name));
        if (!vec_push(&nodes->peers, fresh, PEERS_MAX))
            return;
        peer = &nodes->peers.items[nodes->peers.count - 1];
    }
    peer->is_listed = true;
    if (peer->last_beat_us != row->last_seen_at_us || nodes->is_beat_lost) {
        if (peer->is_dead)
            log_info("node_is_back", LOG_STR("node", peer->name));
        peer->last_beat_us = row->last_seen_at_us;
        peer->moved_us = now_us; /* while the database was away, nobody could beat */
        peer->is_dead = false;
    } else if (!peer->is_dead && now_us - peer->moved_us >= DEAD_US) {
        peer->is_dead = true;
        log_warn("node_is_dead", LOG_STR("node", peer->name),
                 LOG_STR("effect", "its broadcasts are closed"));
    }
}

static void note_peers(struct nodes *nodes, const struct store_result *result, int64_t now_us)
{
    for (size_t i = 0; i < nodes->peers.count; i++)
        nodes->peers.items[i].is_listed = false;
    for (size_t i = 0; i < result->count; i++)
        note_peer(nodes, &result->nodes[i], now_us);
    for (size_t i = nodes->peers.count; i > 0; i--)
        if (!nodes->peers.items[i - 1].is_listed)
            vec_remove(&nodes->peers, i - 1);
    nodes->is_beat_lost = false;
}

static bool is_lowest(const struct nodes *nodes)
{
    for (size_t i = 0; i < nodes->peers.count; i++)
        if (!nodes->peers.items[i].is_dead && strcmp(nodes->peers.items[i].name, nodes->name) < 0)
            return false;
    return true;
}

/* Again with each beat: a row that names a dead server may have been read since. */
static void close_what_the_dead_left(struct server *server, int64_t now_us)
{
    const struct nodes *nodes = server->nodes;

    if (!is_lowest(nodes))
        return;
    for (size_t i = 0; i < nodes->peers.count; i++)
        if (nodes->peers.items[i].is_dead)
            channel_directory_on_dead_node(server->directory, text_of(nodes->peers.items[i].name),
                                           now_us);
}

static void note_urls(struct server *server, const struct store_result *result)
{
    for (size_t i = 0; i < result->count; i++)
        if (strcmp(result->nodes[i].id, server->nodes->name) != 0 &&
            channel_directory_set_node_url(server->directory, text_of(result->nodes[i].id),
                                           text_of(result->nodes[i].url)) != OK)
            log_limited(LOG_WARN, 1, "node_url_not_known", LOG_STR("node", result->nodes[i].id),
                        LOG_STR("effect", "its broadcasts are not played from here"));
}

struct beat_job {
    struct pool_job job;
    struct server *server;
    struct store_result result;
    enum err err;
};

static void beat_work(struct pool_job *job)
{
    static const struct store_query query = {.kind = STORE_QUERY_NODES};
    struct beat_job *beat = CONTAINER_OF(job, struct beat_job, job);

    beat->err = store_beat(beat->server->store, clock_wall_us(), NULL);
    if (beat->err == OK)
        beat->err = store_run_query(beat->server->store, &query, &beat->result, NULL);
}

static void on_beat_time(struct loop_timer *timer);

static void set_beat(struct server *server)
{
    loop_timer_set(server->control, &server->nodes->beat_timer,
                   loop_now_us(server->control) + BEAT_US, on_beat_time);
}

static void take_beat(struct server *server, const struct beat_job *beat)
{
    int64_t now_us = loop_now_us(server->control);

    if (beat->err == OK) {
        note_peers(server->nodes, &beat->result, now_us);
        note_urls(server, &beat->result);
        close_what_the_dead_left(server, now_us);
        control_arm(server);
    } else {
        server->nodes->is_beat_lost = true;
    }
    set_beat(server);
}

static void beat_done(struct pool_job *job)
{
    struct beat_job *beat = CONTAINER_OF(job, struct beat_job, job);

    if (!beat->server->has_stopped)
        take_beat(beat->server, beat);
    store_result_deinit(&beat->result);
    mem_free(beat);
}

static void start_beat(struct server *server)
{
    struct beat_job *beat = mem_zalloc(sizeof(*beat));

    beat->job.work = beat_work;
    beat->job.done = beat_done;
    beat->server = server;
    if (pool_submit(server->pool, server->control, &beat->job) == OK)
        return; /* beat_done() sets the timer again */
    mem_free(beat);
    set_beat(server);
}

static void on_beat_time(struct loop_timer *timer)
{
    start_beat(CONTAINER_OF(timer, struct nodes, beat_timer)->server);
}

/* ---- what dead servers had still to tell ---- */

struct pending_job {
    struct pool_job job;
    struct server *server;
    int64_t asked_us;
    struct store_result result;
    enum err err;
};

static void pending_work(struct pool_job *job)
{
    static const struct store_query query = {.kind = STORE_QUERY_PENDING};
    struct pending_job *pending = CONTAINER_OF(job, struct pending_job, job);

    pending->err = store_run_query(pending->server->store, &query, &pending->result, NULL);
}

static void on_pending_time(struct loop_timer *timer);

static void set_pending(struct server *server)
{
    loop_timer_set(server->control, &server->nodes->pending_timer,
                   loop_now_us(server->control) + PENDING_US, on_pending_time);
}

static void pending_done(struct pool_job *job)
{
    struct pending_job *pending = CONTAINER_OF(job, struct pending_job, job);
    struct server *server = pending->server;

    if (!server->has_stopped) {
        server->nodes->is_alone = false; /* somebody may have come since */
        if (pending->err == OK)
            outbox_take_pending(server, pending->result.webhook_deliveries, pending->result.count,
                                pending->asked_us);
        set_pending(server);
    }
    store_result_deinit(&pending->result);
    mem_free(pending);
}

static void on_pending_time(struct loop_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct nodes, pending_timer)->server;
    struct pending_job *pending = mem_zalloc(sizeof(*pending));

    pending->job.work = pending_work;
    pending->job.done = pending_done;
    pending->server = server;
    pending->asked_us = loop_now_us(server->control);
    if (pool_submit(server->pool, server->control, &pending->job) == OK)
        return; /* pending_done() sets the timer again */
    mem_free(pending);
    set_pending(server);
}

/* ---- history gets coarser, and what has had its time goes ---- */

struct tidy_job {
    struct pool_job job;
    struct server *server;
    bool has_more;
    enum err err;
    struct diag diag;
};

static void tidy_work(struct pool_job *job)
{
    struct tidy_job *tidy = CONTAINER_OF(job, struct tidy_job, job);
    struct store *store = tidy->server->store;
    int64_t now_us = clock_wall_us();
    bool has_more_metrics = false, has_more_rest = false;

    tidy->err = store_thin_metrics(store, now_us, &has_more_metrics, &tidy->diag);
    if (tidy->err == OK)
        tidy->err = store_purge(store, now_us, &has_more_rest, &tidy->diag);
    tidy->has_more = has_more_metrics || has_more_rest;
}

static void on_tidy_time(struct loop_timer *timer);

static void set_tidy(struct server *server, int64_t wait_us)
{
    loop_timer_set(server->control, &server->nodes->tidy_timer,
                   loop_now_us(server->control) + wait_us, on_tidy_time);
}

static void tidy_done(struct pool_job *job)
{
    struct tidy_job *tidy = CONTAINER_OF(job, struct tidy_job, job);
    struct server *server = tidy->server;

    if (tidy->err)
        log_warn("history_not_thinned", LOG_STR("reason", tidy->diag.message),
                 LOG_STR("effect", "tried again later"));
    if (!server->has_stopped)
        set_tidy(server, tidy->err == OK && tidy->has_more ? TIDY_MORE_US : TIDY_US);
    mem_free(tidy);
}

static void on_tidy_time(struct loop_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct nodes, tidy_timer)->server;
    struct tidy_job *tidy = mem_zalloc(sizeof(*tidy));

    tidy->job.work = tidy_work;
    tidy->job.done = tidy_done;
    tidy->server = server;
    if (pool_submit(server->pool, server->control, &tidy->job) == OK)
        return; /* tidy_done() sets the timer again */
    mem_free(tidy);
    set_tidy(server, TIDY_US);
}

/* ---- life ---- */

enum err nodes_start(struct server *server, struct diag *diag)
{
    struct nodes *nodes = server->nodes;
    const struct store_config config = {.url = nodes->url, .node = nodes->name};

    set_tidy(server, TIDY_FIRST_US);
    if (!nodes->name[0])
        return OK; /* SQLite: there is nobody else */
    nodes->replica = replica_create(server);
    const struct store_watch_handler handler = {
        .context = nodes->replica,
        .changed = replica_on_changed,
        .all_changed = replica_on_all_changed,
    };
    start_beat(server);
    set_pending(server);
    return store_watch_create(&config, server->control, server->pool, &handler, &nodes->watch,
                              diag);
}

void nodes_stop(struct server *server)
{
    struct nodes *nodes = server->nodes;

    if (!nodes)
        return;
    loop_timer_cancel(&nodes->beat_timer);
    loop_timer_cancel(&nodes->pending_timer);
    loop_timer_cancel(&nodes->tidy_timer);
    store_watch_destroy(nodes->watch);
    nodes->watch = NULL;
    replica_destroy(nodes->replica);
    nodes->replica = NULL;
}
