/*
 * channel_world - the owner of a channel directory, as a test plays it: it keeps what was asked of
 * it and answers when the test says so.
 */
#ifndef TESTS_UNIT_CHANNEL_CHANNEL_WORLD_H
#define TESTS_UNIT_CHANNEL_CHANNEL_WORLD_H

#include "base/clock.h"
#include "channel/channel.h"

#define S(seconds)  ((int64_t)(seconds)*US_PER_S)
#define WALL_OFFSET INT64_C(1700000000000000)

enum { CHANGES_MAX = 64, EVENTS_MAX = 128 };

struct world {
    struct channel_directory *dir;
    struct store_change changes[CHANGES_MAX];
    size_t change_count;
    size_t confirmed_count;
    struct channel_event events[EVENTS_MAX];
    size_t event_count;
    uint64_t kicked[16];
    size_t kick_count;
    char kick_reason[STORE_REASON_LEN_MAX + 1];
    uint64_t stopped_broadcasts[16];
    size_t stop_count;
};

void world_init_with(struct world *world, const struct channel_limits *limits);
void world_init(struct world *world);
void world_deinit(struct world *world);
void confirm_all(struct world *world);
const struct store_change *last_change(const struct world *world);
uint64_t create(struct world *world, const char *key);
enum err publish(struct world *world, const char *key, uint64_t session_id, enum ingest ingest,
                 int64_t now_us, struct publish_answer *ret_answer, struct diag *diag);
struct publish_answer publish_ok(struct world *world, const char *key, uint64_t session_id,
                                 int64_t now_us);
enum relay_state state_of(const struct world *world, uint64_t id);
/* A channel on air since second 10, session 100, broadcast 1. */
uint64_t go_live(struct world *world);
void send_packet_time(struct world *world, uint64_t id, uint64_t session_id, int64_t now_us);

#endif
