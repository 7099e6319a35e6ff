/*
 * nodes - this server among those on one database: which database that is, that this server alone
 * uses its file or its name, what other servers change, and who of them is dead.
 *
 *     NOTIFY --> store_watch --changed--> replica.c --- reads the rows (pool) ---.
 *                                                                               v
 *     every 2 s: beat, who else lives (pool) --> on_dead_node ----> channel, account, webhook
 *     blocks of numbers (pool) ------------------> give_ids ------>
 *     every 2 min: pending deliveries (pool) ----> those that nobody sends are taken over
 *     every 10 min: thinning and purging (pool), with SQLite too
 *
 * A server is dead when its beat has not moved for ten seconds of this server's own clock: the
 * clocks of two machines need not agree. Of those that live, the one with the lowest name closes
 * its broadcasts, so that webhooks hear of it once.
 *
 * Ownership  struct nodes is owned by struct server; everything is on the control loop.
 */
#ifndef APP_NODES_H
#define APP_NODES_H

#include <stdbool.h>

#include "app/config.h"
#include "store/store.h"

struct nodes;
struct replica;
struct server;

/* Opens server->store. ERR_CONFLICT: another Stoa has the file, or the name of this server. */
MUST_USE enum err nodes_open_store(struct server *server, struct diag *diag);

/* The name of this server when others may use its database; "" with SQLite. */
const char *nodes_name(const struct nodes *nodes);

/* No other server was on the database when this one started. With SQLite always so. */
bool nodes_is_alone(const struct nodes *nodes);

/* Once the directories are loaded. */
MUST_USE enum err nodes_start(struct server *server, struct diag *diag);

/* Something may have used up numbers. */
void nodes_want_ids(struct server *server);

/* No callback comes after it; before the pool is destroyed. */
void nodes_stop(struct server *server);

/* After the pool: closes the store, and lets the database go. */
void nodes_close_store(struct server *server);

/* Makes data.dir, and keeps other Stoas away until *ret_fd is closed: from the file (SQLite), or
 * from the name that is kept in data.dir (PostgreSQL), which is read or drawn. ERR_CONFLICT: one is
 * there. */
MUST_USE enum err nodes_lock(const struct config *config, int *ret_fd,
                             char ret_name[STORE_NODE_LEN_MAX + 1], struct diag *diag);

/* ---- replica.c: what other servers change is read and handed to the directories ---- */

struct replica *replica_create(struct server *server);

/* A read that is under way ends without effect. NULL is allowed. */
void replica_destroy(struct replica *replica);

/* For struct store_watch_handler; the context is the replica. */
void replica_on_changed(void *context, enum store_table table, struct text id);
void replica_on_all_changed(void *context);

#endif
