/*
 * directory - inside of struct channel_directory, for the files of channel/ only.
 */
#ifndef CHANNEL_DIRECTORY_H
#define CHANNEL_DIRECTORY_H

#include "base/map.h"
#include "base/vec.h"
#include "channel/channel.h"
#include "channel/relay.h"

#define CHANNEL_NEVER INT64_MAX

/* Numbers that nobody else gives: those in use, and the next block, once it is there. */
struct id_block {
    uint64_t next;
    uint64_t end; /* the first one that is not ours */
};

struct id_supply {
    struct id_block now;
    struct id_block spare;
    uint64_t low; /* with fewer left, another block is wanted */
};

/* Another server, that tells where it is. */
struct node_place {
    char node[STORE_NODE_LEN_MAX + 1];
    char url[ROW_NODE_URL_LEN_MAX + 1];
};

enum { DIRECTORY_NODES_MAX = 1000 };

struct channel_directory {
    struct channel_limits limits;
    struct channel_handler handler;
    VEC(struct channel *) channels; /* owned; by rising id */
    struct map by_id;
    struct map by_key;  /* SHA-256 of the stream key -> channel */
    struct list active; /* channels with a broadcast that goes on */
    size_t active_count;
    struct id_supply channel_ids;
    struct id_supply broadcast_ids;
    char node[STORE_NODE_LEN_MAX + 1]; /* this server's name; "": there is no other */
    VEC(struct node_place) places;     /* of others */
    uint64_t ticket;
    int64_t wall_offset_us;
    int64_t deadline_us; /* not later than the earliest of all channels */
};

struct channel *directory_find(const struct channel_directory *dir, uint64_t id);

struct channel *directory_add(struct channel_directory *dir, const struct channel_row *row);
void directory_remove(struct channel_directory *dir, struct channel *channel);

void id_supply_init(struct id_supply *supply);
bool id_supply_is_empty(const struct id_supply *supply);
/* It must not be empty. */
uint64_t id_supply_take(struct id_supply *supply);
/* All from `next` on, and none below; `end` 0: without an end. */
void id_supply_begin(struct id_supply *supply, uint64_t next, uint64_t end);

/* Another key for a channel: it is found by it from now on. */
void directory_change_key(struct channel_directory *dir, struct channel *channel,
                          struct text stream_key);

/* Closes a broadcast that nobody runs any more, as far as tables go. */
void directory_repair(struct channel_directory *dir, struct channel *channel, uint64_t broadcast_id,
                      int64_t now_us);

/* Takes over the settings, and those of the state, of a row. */
void directory_take_settings(struct channel *channel, const struct channel_row *row);
void directory_take_state(const struct channel_directory *dir, struct channel *channel,
                          const struct channel_row *row);

/* ERR_CONFLICT, with a sentence, when another server runs the channel. */
MUST_USE enum err directory_check_ours(const struct channel *channel, struct diag *diag);

/* Sends the row to the store: alone, or as a change of state with what it means for the
 * broadcast. */
void directory_send_row(struct channel_directory *dir, const struct channel *channel,
                        enum store_channel_op op, enum channel_event_kind kind);
void directory_send_state(struct channel_directory *dir, const struct channel *channel,
                          enum relay_state from, enum store_broadcast_op broadcast_op);

/* The state once more, and that this broadcast goes on or is over: the database does not know. */
void directory_repeat_state(struct channel_directory *dir, const struct channel *channel,
                            uint64_t broadcast_id);

/* Lets an event happen: looks into the table, acts, sets the state. `reason` overrides the table's;
 * NULL: the table's. ERR_CONFLICT: the table refuses; ERR_LIMIT: too many broadcasts. */
MUST_USE enum err directory_fire(struct channel_directory *dir, struct channel *channel,
                                 enum relay_event event, const char *reason, int64_t now_us,
                                 struct diag *diag);

/* The same for events that nothing refuses: nobody waits for an answer. */
void directory_fire_quietly(struct channel_directory *dir, struct channel *channel,
                            enum relay_event event, const char *reason, int64_t now_us);

/* Closes the session that publishes, if there is one; the state is as after a lost connection. */
void directory_close_publisher(struct channel_directory *dir, struct channel *channel,
                               const char *reason, int64_t now_us);

/* After an end by hand: refuses encoders for a while, and as long as they try by themselves. */
void directory_make_encoders_wait(struct channel *channel, int64_t now_us);

/* How long a broadcast of this channel may be. */
int64_t directory_broadcast_max_us(const struct channel_directory *dir,
                                   const struct channel *channel);

/* Sets when the broadcast ends by itself, after its maximum length changed. */
void directory_arm_end(struct channel_directory *dir, struct channel *channel);

/* Tells the owner that numbers changed. */
void directory_tell_numbers(struct channel_directory *dir, const struct channel *channel);

/* Copies, cut to fit. */
void directory_copy_reason(char to[STORE_REASON_LEN_MAX + 1], const char *reason);

#endif
