/*
 * store - the tables of the domain, as functions. SQLite is behind it; nobody above sees SQL.
 *
 *     control loop --- struct store_change ---> queue ---> pool thread: store_apply() ---> SQLite
 *          ^                                                     |
 *          +----------- the same change, err, diag <-------------+
 *
 * The domain lives in memory (channel/channel.h) and is the only writer. It reads everything once
 * at start-up and then sends each change, in order, as one value: a struct store_change has no
 * pointers, so it may be copied through a mailbox. One change is one transaction.
 *
 * Opening runs the migrations that are missing (migrations/NNNN_name.up.sql, built into the
 * program), each in a transaction of its own, and records them in schema_migrations. A database
 * that a newer program has migrated is refused: nobody can say what its columns mean.
 *
 * Durability  WAL, synchronous=NORMAL: a crash of the program loses nothing that was confirmed; a
 *             power cut may lose the last moments, never the database.
 * Secrets     Stream keys are stored as they are, in a file that only its owner may read (mode
 *             0600); of API keys only a SHA-256 is stored (docs/decisions/0002-stored-keys.md).
 * Threads     A store belongs to one thread at a time (the blocking pool's); every call may block.
 * Times       Wall clock microseconds since 1970; 0 stands for NULL, as do empty texts.
 * Errors      ERR_AGAIN     another process holds the database: try again
 *             ERR_CONFLICT  the row contradicts another one (same id, same stream key)
 *             ERR_NOT_FOUND no such row
 *             ERR_DENIED    the file may not be read or written
 *             ERR_UNSUPPORTED  the database comes from a newer program
 *             ERR_IO        disk full, damaged file, failing disk
 *             Each of them puts a sentence for the operator into the diag. Nothing was changed.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/err.h"
#include "base/secret.h"

enum {
    STORE_TITLE_LEN_MAX = 200, /* bytes of UTF-8 */
    STORE_NAME_LEN_MAX = 23,   /* words that the program itself chooses: states, platforms */
    STORE_REASON_LEN_MAX = 239,
    STORE_CHANNELS_MAX = 100000, /* more than this many rows are not loaded */
};

struct store;

struct store_config {
    const char *path;         /* of the file; created with mode 0600 when it is not there */
    uint32_t busy_timeout_ms; /* how long to wait for another process; 0: 5000 */
    uint32_t page_count_max;  /* the database may not grow beyond this; 0: no limit but the disk */
};

/* One row of `channels` (spec section 3). Columns that nothing uses yet stay NULL. */
struct channel_row {
    uint64_t id;
    char title[STORE_TITLE_LEN_MAX + 1];
    struct secret stream_key;
    char stream_mode[STORE_NAME_LEN_MAX + 1];
    bool is_active;
    char relay_status[STORE_NAME_LEN_MAX + 1]; /* "": never was live */
    char relay_error[STORE_REASON_LEN_MAX + 1];
    char streaming_platform[STORE_NAME_LEN_MAX + 1];
    int64_t relay_started_at_us;
    int64_t started_at_us;
    int64_t ended_at_us;
    int64_t created_at_us;
    int64_t updated_at_us;
    uint64_t open_broadcast_id; /* read only: the broadcast without an end, 0 when there is none */
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
};

enum store_channel_op {
    STORE_CHANNEL_CREATE = 1,
    STORE_CHANNEL_UPDATE,
    STORE_CHANNEL_DELETE, /* its broadcasts go with it */
};

enum store_broadcast_op { STORE_BROADCAST_NONE = 1, STORE_BROADCAST_START, STORE_BROADCAST_END };

/* What changed, as one transaction. A plain value. Wipe it (crypto_wipe) when it holds a key. */
struct store_change {
    uint64_t ticket;     /* rises by one with each change */
    uint32_t sender_tag; /* ticket, tag and note are the sender's: not stored, given back */
    char note[STORE_REASON_LEN_MAX + 1];
    enum store_channel_op channel_op;
    struct channel_row channel;
    enum store_broadcast_op broadcast_op;
    struct broadcast_row
        broadcast; /* END uses id, channel_id, ended_at, end_reason, peak_viewers */
};

/* What the domain needs to go on where the last run ended. */
struct store_snapshot {
    struct channel_row *channels; /* by id, rising */
    size_t channel_count;
    uint64_t next_channel_id; /* never used before, also not by a channel that is deleted now */
    uint64_t next_broadcast_id;
};

/* Opens or creates the database and brings it up to date. */
MUST_USE enum err store_open(const struct store_config *config, struct store **ret_store,
                             struct diag *diag);

/* NULL is allowed. */
void store_close(struct store *store);

/* Reads everything. ERR_LIMIT: more than STORE_CHANNELS_MAX channels. Release the snapshot with
 * store_snapshot_deinit(). */
MUST_USE enum err store_load(struct store *store, struct store_snapshot *ret_snapshot,
                             struct diag *diag);
void store_snapshot_deinit(struct store_snapshot *snapshot);

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

/* The admin key: only its SHA-256 and its first characters, which may be shown. Saving replaces
 * the key that was there. ERR_NOT_FOUND: none was ever saved. */
MUST_USE enum err store_admin_key_save(struct store *store, const uint8_t hash[CRYPTO_SHA256_LEN],
                                       const char *prefix, int64_t now_us, struct diag *diag);
MUST_USE enum err store_admin_key_load(struct store *store, uint8_t ret_hash[CRYPTO_SHA256_LEN],
                                       struct diag *diag);

/* Answers OK when the database can be read now: for /readyz. */
MUST_USE enum err store_ping(struct store *store, struct diag *diag);

/* The number of the newest migration that this program has, and of the database. */
uint32_t store_schema_newest(void);
MUST_USE enum err store_schema_version(struct store *store, uint32_t *ret_version,
                                       struct diag *diag);

/* Brings the schema to `version`, forwards or backwards (the down files). Going back drops columns
 * with what they hold. ERR_INVALID: there is no such version. */
MUST_USE enum err store_migrate(struct store *store, uint32_t version, struct diag *diag);

#endif
