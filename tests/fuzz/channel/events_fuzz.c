/*
 * events_fuzz - commands and events in any order, with any times: broadcasts start and end in
 * pairs, rows agree with the state, deadlines are kept, and each channel ends when told to.
 *
 * Input: three bytes an event: what, whose, seconds that pass.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "channel/channel.h"

enum { CHANNEL_COUNT = 3, BROADCASTS_MAX = 4096 };

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct channel_directory *dir;
    uint64_t ticket;
    uint64_t open[CHANNEL_COUNT + 1]; /* broadcast that the store has open, by channel id */
    uint64_t newest_broadcast;
    uint64_t session; /* the newest */
    int64_t now_us;
};

static void on_store(void *context, const struct store_change *change)
{
    struct world *world = context;
    uint64_t id = change->channel.id;

    REQUIRE(change->ticket == ++world->ticket);
    REQUIRE(id >= 1 && id <= CHANNEL_COUNT);
    if (change->broadcast_op == STORE_BROADCAST_START) {
        REQUIRE(world->open[id] == 0);
        REQUIRE(change->broadcast.id > world->newest_broadcast);
        world->open[id] = world->newest_broadcast = change->broadcast.id;
    } else if (change->broadcast_op == STORE_BROADCAST_END) {
        REQUIRE(world->open[id] == change->broadcast.id);
        REQUIRE(change->broadcast.ended_at_us >= change->broadcast.started_at_us);
        REQUIRE(change->broadcast.end_reason[0]);
        world->open[id] = 0;
    }
    REQUIRE(change->channel.is_active == (world->open[id] != 0));
}

static void on_kick(void *context, uint64_t session_id, const char *reason)
{
    struct world *world = context;

    REQUIRE(session_id != 0 && session_id <= world->session);
    REQUIRE(reason && *reason);
}

static void on_stop(void *context, uint64_t channel_id, uint64_t broadcast_id)
{
    struct world *world = context;

    (void)channel_id;
    REQUIRE(broadcast_id != 0 && broadcast_id <= world->newest_broadcast);
}

static void on_changed(void *context, const struct channel_event *event)
{
    (void)context;
    REQUIRE(event->kind == CHANNEL_NUMBERS); /* nothing is confirmed here */
}

static void publish(struct world *world, uint64_t id)
{
    char key[8];
    struct publish_answer answer;
    struct diag diag = {0};

    (void)snprintf(key, sizeof(key), "key-%d", (int)id);
    const struct publish_request request = {
        .stream_key = text_of(key), .session_id = ++world->session, .ingest = INGEST_RTMP};
    enum err err = channel_publish(world->dir, &request, world->now_us, &answer, &diag);
    const struct channel *channel = channel_find(world->dir, id);

    if (err == OK) {
        REQUIRE(channel->session_id == world->session);
        REQUIRE(answer.broadcast_id == channel->broadcast_id && answer.broadcast_id != 0);
    } else {
        REQUIRE(diag.message[0]);
        REQUIRE(channel->session_id != world->session);
    }
}

static void happen(struct world *world, uint8_t what, uint64_t id)
{
    const struct channel *channel = channel_find(world->dir, id);
    uint64_t session = what & 0x40 ? world->session : channel->session_id;
    struct channel_stats stats = channel_stats_unknown();
    struct diag diag = {0};

    stats.last_packet_us = world->now_us;
    stats.packet_loss = what / 255.0;
    stats.keyframe_interval_ms = what * 50;
    switch (what % 12) {
    case 0:
        (void)(channel_start(world->dir, id, world->now_us, &diag) == OK); /* either way */
        break;
    case 1:
        REQUIRE(channel_end(world->dir, id, "ended", world->now_us, &diag) == OK);
        break;
    case 2:
    case 3:
        publish(world, id);
        break;
    case 4:
    case 5:
        channel_on_media(world->dir, id, session, world->now_us);
        break;
    case 6:
        channel_on_publisher_lost(world->dir, id, session, NULL, world->now_us);
        break;
    case 7:
        channel_on_publisher_resumed(world->dir, id, channel->lost_session_id, world->now_us);
        break;
    case 8:
        channel_on_media_failed(world->dir, id, session, "bad", world->now_us);
        break;
    case 9:
        channel_on_media_stopped(world->dir, id, channel->broadcast_id, world->now_us);
        break;
    case 10:
        channel_on_stats(world->dir, id, session, &stats, world->now_us);
        break;
    default:
        channel_on_viewers(world->dir, id, what, what, world->now_us);
        break;
    }
}

static void check(const struct world *world)
{
    size_t active = 0;

    for (uint64_t id = 1; id <= CHANNEL_COUNT; id++) {
        const struct channel *channel = channel_find(world->dir, id);
        bool is_active = relay_state_is_active(channel->state);

        active += is_active;
        REQUIRE(is_active == (channel->broadcast_id != 0));
        REQUIRE(world->open[id] == channel->broadcast_id);
        if (!is_active)
            REQUIRE(channel->session_id == 0 && channel->lost_session_id == 0);
        if (is_active)
            REQUIRE(channel_directory_deadline_us(world->dir) <= channel->end_by_us);
        if (channel->state == RELAY_ACTIVE)
            REQUIRE(channel->session_id != 0);
    }
    REQUIRE(active == channel_directory_live_count(world->dir));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.now_us = 1};
    const struct channel_handler handler = {&world, on_store, on_kick, on_stop, on_changed};
    struct channel_limits limits = channel_limits_default();

    limits.live_max = 2;
    world.dir = channel_directory_create(&limits, &handler);
    for (int i = 1; i <= CHANNEL_COUNT; i++) {
        char key[8];
        uint64_t id;

        (void)snprintf(key, sizeof(key), "key-%d", i);
        REQUIRE(channel_create(world.dir, &(struct channel_settings){.title = TEXT("t")},
                               text_of(key), 1, &id, NULL) == OK);
    }
    for (size_t i = 0; i + 3 <= size && i < 3 * BROADCASTS_MAX; i += 3) {
        happen(&world, data[i], 1 + data[i + 1] % CHANNEL_COUNT);
        check(&world);
        world.now_us += (int64_t)data[i + 2] * US_PER_S / 4;
        channel_directory_on_time(world.dir, world.now_us);
        REQUIRE(channel_directory_deadline_us(world.dir) > world.now_us);
        check(&world);
    }
    channel_directory_end_all(world.dir, "over", world.now_us);
    channel_directory_on_time(world.dir, world.now_us + limits.stop_wait_us);
    REQUIRE(channel_directory_live_count(world.dir) == 0);
    channel_directory_on_time(world.dir, channel_directory_deadline_us(world.dir)); /* early */
    REQUIRE(channel_directory_deadline_us(world.dir) == INT64_MAX);
    channel_directory_destroy(world.dir);
    return 0;
}
