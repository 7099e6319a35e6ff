/*
 * store - the tables of the domain, as functions. SQLite or PostgreSQL is behind it; nobody above
 * sees SQL.
 *
 *     control loop --- struct store_batch ---> queue ---> pool thread: store_apply_batch() ---.
 *          ^                                                     |                            v
 *          +----------- the same batch, err, diag <--------------+                        database
 *          |                                                                                  |
 *          +----- store_watch: what another node changed <--------- LISTEN (PostgreSQL) ------'
 *
 * The domain lives in memory (channel/, account/, webhook/). It reads what it needs once at
 * start-up (store_load, store_load_people) and then sends what each call changes, in order, as one
 * transaction (batch.h). What is only in the database is asked for (query.h).
 *
 * Opening runs the migrations that are missing (migrations/NNNN_name.up.sql, built into the
 * program), each in a transaction of its own, and records them in schema_migrations. A database
 * that a newer program has migrated is refused: nobody can say what its columns mean.
 *
 * Two kinds of database (docs/decisions/0009-two-databases.md):
 *
 *     SQLite       One process, one file. WAL, synchronous=NORMAL: a crash of the program loses
 *                  nothing that was confirmed; a power cut may lose the last moments, never the
 *                  database.
 *     PostgreSQL   Several processes (nodes). Numbers of channels and broadcasts come from blocks
 *                  that a node reserves; each batch tells the other nodes which rows it wrote.
 *
 * Secrets     Stream keys are stored as they are, in a file that only its owner may read (mode
 *             0600); of API keys only a SHA-256 is stored (docs/decisions/0002-stored-keys.md).
 *             The password in a postgres:// URL never comes into a diag or a log.
 * Threads     A store belongs to one thread at a time (the blocking pool's); every call may block,
 *             at most about as long as the timeouts of the configuration. A store_watch belongs to
 *             its loop.
 * Times       Wall clock microseconds since 1970; 0 stands for NULL, as do empty texts.
 * Errors      ERR_AGAIN     another process holds the database, or the database server is away or
 *                           too slow: try again; a lost connection is made anew by a later call
 *             ERR_CONFLICT  the row contradicts another one (same id, same stream key)
 *             ERR_NOT_FOUND no such row
 *             ERR_DENIED    the file may not be read or written; the server refuses the user
 *             ERR_INVALID   the URL is none; a value is none that the database takes
 *             ERR_LIMIT     more rows than this program takes
 *             ERR_UNSUPPORTED  the database comes from a newer program, or does not store UTF-8
 *             ERR_IO        disk full, damaged file, failing disk; the connection was lost while
 *                           the change was being confirmed: nobody can say if it is stored
 *             Each of them puts a sentence for the operator into the diag. Nothing was changed,
 *             but for that last case.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/err.h"
#include "base/secret.h"
#include "store/batch.h"
#include "store/query.h"
#include "store/rows.h"

enum {
    STORE_TITLE_LEN_MAX = 200, /* bytes of UTF-8 */
    STORE_NAME_LEN_MAX = 23,   /* words that the program itself chooses: states, platforms */
    STORE_REASON_LEN_MAX = 239,
    STORE_URL_LEN_MAX = 511,
    STORE_NODE_LEN_MAX = ROW_WORD_LEN_MAX,

    /* More rows than this are not loaded. */
    STORE_CHANNELS_MAX = 100000,
    STORE_ACCOUNTS_MAX = 100000,
    STORE_SESSIONS_MAX = 100000,
    STORE_API_KEYS_MAX = 100000,
    STORE_PUBLISH_TOKENS_MAX = 100000,
    STORE_ENDPOINTS_MAX = 10000,
    STORE_PENDING_MAX = 20000,
    STORE_IDEMPOTENCY_MAX = 20000,

    /* The blocks of numbers that a node takes at a time. */
    STORE_CHANNEL_IDS = 64,
    STORE_BROADCAST_IDS = 1000,
};

struct loop;
struct pool;
struct store;

/* The texts must live as long as the store or the watch. */
struct store_config {
    /* "sqlite:<path>": the file is created with mode 0600 when it is not there.
     * "postgres://user:password@host:port/database?option=..." or "postgresql://...", as libpq
     * reads it; the database must be there. */
    const char *url;
    /* The name of this process among those on one database: up to STORE_NODE_LEN_MAX of
     * [A-Za-z0-9._-]; the same for the store and its watch. NULL or "": drawn. */
    const char *node;
    /* Where viewers reach this process itself, for the others (table nodes); NULL or "": not told.
     */
    const char *node_url;
    uint32_t busy_timeout_ms; /* SQLite: how long to wait for another process; 0: 5000 */
    uint32_t
        page_count_max; /* SQLite: the file may not grow beyond this; 0: the disk is the limit */
    uint32_t answer_timeout_ms; /* PostgreSQL: how long a statement may take; 0: 10000 */
    bool keeps_schema;          /* do not migrate: to look at the version, or to choose one */
};

/* One row of `channels` (spec section 3). Columns that nothing uses yet stay NULL. */
struct channel_row {
    uint64_t id;
    char title[STORE_TITLE_LEN_MAX + 1];
    struct secret stream_key;
    char host_user_id[ROW_UUID_LEN + 1]; /* the account; "": nobody's */
    char stream_mode[STORE_NAME_LEN_MAX + 1];
    uint32_t max_duration_s; /* of a broadcast; 0: as the server is configured */
    bool is_active;
    char node[STORE_NODE_LEN_MAX + 1];         /* which server runs or ran it; "": not known */
    char relay_status[STORE_NAME_LEN_MAX + 1]; /* "": never was live */
    char relay_error[STORE_REASON_LEN_MAX + 1];
    char streaming_platform[STORE_NAME_LEN_MAX + 1];
    int64_t relay_started_at_us;
    int64_t started_at_us;
    int64_t ended_at_us;
    int64_t created_at_us;
    int64_t updated_at_us;
    /* Read only: the broadcast without an end, 0 when there is none; the newest recording. */
    uint64_t open_broadcast_id;
    char recording_url[STORE_URL_LEN_MAX + 1];
};

/* One row of `broadcasts`. */
struct broadcast_row {
    uint64_t id;
    uint64_t channel_id;
    int64_t started_at_us;
    int64_t ended_at_us;
    char end_reason[STORE_REASON_LEN_MAX + 1];
    uint32_t peak_viewers;
    char source[STORE_NAME_LEN_MAX + 1];
    char platform[STORE_NAME_LEN_MAX + 1];
    char recording_url[STORE_URL_LEN_MAX + 1]; /* read only: see store_batch_set_recording() */
};

enum store_channel_op {
    STORE_CHANNEL_CREATE = 1,
    STORE_CHANNEL_UPDATE,   /* SETTINGS and STATE */
    STORE_CHANNEL_SETTINGS, /* title, key, host, mode, maximum length: any node may change them */
    STORE_CHANNEL_STATE,    /* the rest: only the node that runs the channel knows it */
    STORE_CHANNEL_DELETE,   /* its broadcasts, tokens, metrics, costs and endpoints go with it */
};

/* START opens one again that was ended; END adds one whose start could not be stored. */
enum store_broadcast_op { STORE_BROADCAST_NONE = 1, STORE_BROADCAST_START, STORE_BROADCAST_END };

/* What changed, as one transaction. A plain value. Wipe it (crypto_wipe) when it holds a key. */
struct store_change {
    uint64_t ticket;     /* rises by one with each change */
    uint32_t sender_tag; /* ticket, tag and note are the sender's: not stored, given back */
    char note[STORE_REASON_LEN_MAX + 1];
    enum store_channel_op channel_op;
    struct channel_row channel;
    enum store_broadcast_op broadcast_op;
    struct broadcast_row broadcast; /* START leaves ended_at, end_reason and peak_viewers out */
};

/* What the domain needs to go on where the last run ended. The numbers from next_... up to, not
 * including, ..._ids_end were never used before, also not by a channel that is deleted now, and no
 * other node gets them: SQLite has one process, which may take all; PostgreSQL gives a block, and
 * store_reserve_ids() gives more. */
struct store_snapshot {
    struct channel_row *channels; /* by id, rising */
    size_t channel_count;
    uint64_t next_channel_id;
    uint64_t channel_ids_end;
    uint64_t next_broadcast_id;
    uint64_t broadcast_ids_end;
};

/* The rest of what lives in memory: accounts, what people and programs sign in with, and what is on
 * its way to webhooks. */
struct store_people {
    struct account_row *accounts;
    size_t account_count;
    struct session_row *sessions; /* not expired; the last used ones */
    size_t session_count;
    struct api_key_row *api_keys; /* all, also revoked ones */
    size_t api_key_count;
    struct publish_token_row *publish_tokens; /* not expired, not revoked */
    size_t publish_token_count;
    struct webhook_endpoint_row *endpoints;
    size_t endpoint_count;
    struct webhook_delivery_row *deliveries; /* pending, by rising created_at */
    size_t delivery_count;
    bool has_more_deliveries; /* go on with STORE_QUERY_PENDING */
    char next_deliveries[STORE_CURSOR_LEN_MAX + 1];
    struct idempotency_row *idempotency; /* of the last day; the newest */
    size_t idempotency_count;
};

/* Opens or creates the database and brings it up to date, unless keeps_schema. */
MUST_USE enum err store_open(const struct store_config *config, struct store **ret_store,
                             struct diag *diag);

/* NULL is allowed. */
void store_close(struct store *store);

/* Reads everything. ERR_LIMIT: more than STORE_CHANNELS_MAX channels. Release the snapshot with
 * store_snapshot_deinit(). */
MUST_USE enum err store_load(struct store *store, struct store_snapshot *ret_snapshot,
                             struct diag *diag);
void store_snapshot_deinit(struct store_snapshot *snapshot);

/* The channels alone: no numbers are taken. */
MUST_USE enum err store_load_channels(struct store *store, struct store_snapshot *ret_snapshot,
                                      struct diag *diag);

/* Reads the rest, in one read transaction. ERR_LIMIT: more accounts, keys or endpoints than
 * the maxima above; of the other tables the surplus stays in the database. Release with
 * store_people_deinit(). */
MUST_USE enum err store_load_people(struct store *store, int64_t now_us,
                                    struct store_people *ret_people, struct diag *diag);
void store_people_deinit(struct store_people *people);

/* Applies all ops of the batch in one transaction, or none. The batch stays the caller's. */
MUST_USE enum err store_apply_batch(struct store *store, const struct store_batch *batch,
                                    struct diag *diag);

/* Takes `count` numbers that nobody else gets, from *ret_first on. `name`: "channels" or
 * "broadcasts". Numbers that are never used are lost, which harms nothing. */
MUST_USE enum err store_reserve_ids(struct store *store, const char *name, uint64_t count,
                                    uint64_t *ret_first, struct diag *diag);

/* The rows of 10 s become rows of 60 s after a day and of 600 s after 30 days; after a year they
 * go. Bounded work (one transaction of some hundred milliseconds at most): call it again while
 * *ret_has_more. On PostgreSQL one node at a time does it; the others hear that there is no more.
 */
MUST_USE enum err store_thin_metrics(struct store *store, int64_t now_us, bool *ret_has_more,
                                     struct diag *diag);

/* Deletes what has had its time: deliveries that are done after 30 days, idempotency rows after a
 * day, sessions and publish tokens that expired, tokens revoked 30 days ago, audit rows after a
 * year. Bounded like store_thin_metrics(). */
MUST_USE enum err store_purge(struct store *store, int64_t now_us, bool *ret_has_more,
                              struct diag *diag);

/* Says that this node lives (table nodes). */
MUST_USE enum err store_beat(struct store *store, int64_t now_us, struct diag *diag);

/* The name of this node, given or drawn. */
const char *store_node(const struct store *store);

/* Applies one change in one transaction. */
MUST_USE enum err store_apply(struct store *store, const struct store_change *change,
                              struct diag *diag);

/* The parts of store_apply(). The server uses store_apply(), which makes them one transaction. */
MUST_USE enum err store_channel_create(struct store *store, const struct channel_row *row,
                                       struct diag *diag);
MUST_USE enum err store_channel_update(struct store *store, const struct channel_row *row,
                                       struct diag *diag);
MUST_USE enum err store_channel_delete(struct store *store, uint64_t id, struct diag *diag);
MUST_USE enum err store_channel_find(struct store *store, uint64_t id, struct channel_row *ret_row,
                                     struct diag *diag);
MUST_USE enum err store_broadcast_start(struct store *store, const struct broadcast_row *row,
                                        struct diag *diag);
MUST_USE enum err store_broadcast_end(struct store *store, const struct broadcast_row *row,
                                      struct diag *diag);
MUST_USE enum err store_broadcast_find(struct store *store, uint64_t id,
                                       struct broadcast_row *ret_row, struct diag *diag);

/* The id of the admin key's row in api_keys. It belongs to no account. */
#define STORE_ADMIN_KEY_ID "00000000-0000-4000-8000-000000000001"

/* The admin key: only its SHA-256 and its first characters, which may be shown. Saving replaces
 * the key that was there. ERR_NOT_FOUND: none was ever saved. */
MUST_USE enum err store_admin_key_save(struct store *store, const uint8_t hash[CRYPTO_SHA256_LEN],
                                       const char *prefix, int64_t now_us, struct diag *diag);
MUST_USE enum err store_admin_key_load(struct store *store, uint8_t ret_hash[CRYPTO_SHA256_LEN],
                                       struct diag *diag);

/* Answers OK when the database can be read now: for /readyz. */
MUST_USE enum err store_ping(struct store *store, struct diag *diag);

/* Writes something that changes nothing: whether a database that refused a change takes them
 * again. A full disk and a lock of somebody else's do not keep it from answering a ping. */
MUST_USE enum err store_try_write(struct store *store, struct diag *diag);

/* The number of the newest migration that this program has, and of the database. */
uint32_t store_schema_newest(void);
MUST_USE enum err store_schema_version(struct store *store, uint32_t *ret_version,
                                       struct diag *diag);

/* Brings the schema to `version`, forwards or backwards (the down files). Going back drops columns
 * with what they hold. ERR_INVALID: there is no such version. */
MUST_USE enum err store_migrate(struct store *store, uint32_t version, struct diag *diag);

/* ---- what other nodes change ---- */

struct store_watch;

struct store_watch_handler {
    void *context;
    /* Another node wrote or deleted this row: read it by STORE_QUERY_ROW. */
    void (*changed)(void *context, enum store_table table, struct text id);
    /* Nobody can say what was missed (the connection was lost and is there again): read all. */
    void (*all_changed)(void *context);
};

/* Watches from the loop, by a connection of its own that the pool's thread makes, again and again
 * with pauses when it is lost. Writes of `config->node` are not told. With SQLite there is nobody
 * else: *ret_watch is NULL. ERR_INVALID: the URL is none. */
MUST_USE enum err store_watch_create(const struct store_config *config, struct loop *loop,
                                     struct pool *pool, const struct store_watch_handler *handler,
                                     struct store_watch **ret_watch, struct diag *diag);

/* No callback comes after it. Call it on the loop, before the pool is destroyed. NULL is allowed.
 */
void store_watch_destroy(struct store_watch *watch);

/* The connection listens now. */
bool store_watch_is_up(const struct store_watch *watch);

#endif
