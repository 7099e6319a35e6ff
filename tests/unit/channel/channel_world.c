#include "channel_world.h"

#include <stdio.h>

#include "support/test.h"

static void on_store(void *context, const struct store_change *change)
{
    struct world *world = context;

    assert_true(world->change_count < CHANGES_MAX);
    world->changes[world->change_count++] = *change;
}

static void on_kick(void *context, uint64_t session_id, const char *reason)
{
    struct world *world = context;

    assert_true(world->kick_count < 16);
    world->kicked[world->kick_count++] = session_id;
    (void)snprintf(world->kick_reason, sizeof(world->kick_reason), "%s", reason);
}

static void on_stop(void *context, uint64_t channel_id, uint64_t broadcast_id)
{
    struct world *world = context;

    (void)channel_id;
    assert_true(world->stop_count < 16);
    world->stopped_broadcasts[world->stop_count++] = broadcast_id;
}

static void on_changed(void *context, const struct channel_event *event)
{
    struct world *world = context;

    assert_true(world->event_count < EVENTS_MAX);
    world->events[world->event_count++] = *event;
}

void world_init_with(struct world *world, const struct channel_limits *limits)
{
    *world = (struct world){0};
    const struct channel_handler handler = {world, on_store, on_kick, on_stop, on_changed};

    world->dir = channel_directory_create(limits, &handler);
    channel_directory_set_wall_offset(world->dir, WALL_OFFSET);
}

void world_init(struct world *world)
{
    struct channel_limits limits = channel_limits_default();

    world_init_with(world, &limits);
}

void world_deinit(struct world *world)
{
    channel_directory_destroy(world->dir);
}

void confirm_all(struct world *world)
{
    while (world->confirmed_count < world->change_count)
        channel_directory_on_stored(world->dir, &world->changes[world->confirmed_count++], OK,
                                    NULL);
}

const struct store_change *last_change(const struct world *world)
{
    assert_true(world->change_count > 0);
    return &world->changes[world->change_count - 1];
}

uint64_t create(struct world *world, const char *key)
{
    struct diag diag = {0};
    uint64_t id;

    assert_ok(channel_create(world->dir, &(struct channel_settings){.title = TEXT("Shoes")},
                             text_of(key), S(1), &id, &diag));
    return id;
}

enum err publish(struct world *world, const char *key, uint64_t session_id, enum ingest ingest,
                 int64_t now_us, struct publish_answer *ret_answer, struct diag *diag)
{
    const struct publish_request request = {
        .stream_key = text_of(key), .session_id = session_id, .ingest = ingest};

    return channel_publish(world->dir, &request, now_us, ret_answer, diag);
}

struct publish_answer publish_ok(struct world *world, const char *key, uint64_t session_id,
                                 int64_t now_us)
{
    struct publish_answer answer;
    struct diag diag = {0};

    assert_ok(publish(world, key, session_id, INGEST_RTMP, now_us, &answer, &diag));
    return answer;
}

enum relay_state state_of(const struct world *world, uint64_t id)
{
    return channel_find(world->dir, id)->state;
}

/* A channel on air since second 10, session 100, broadcast 1. */
uint64_t go_live(struct world *world)
{
    uint64_t id = create(world, "key-a");

    (void)publish_ok(world, "key-a", 100, S(10));
    channel_on_media(world->dir, id, 100, S(11));
    assert_int_equal(state_of(world, id), RELAY_ACTIVE);
    return id;
}

void send_packet_time(struct world *world, uint64_t id, uint64_t session_id, int64_t now_us)
{
    struct channel_stats stats = channel_stats_unknown();

    stats.last_packet_us = now_us;
    stats.has_video = stats.has_audio = true;
    channel_on_stats(world->dir, id, session_id, &stats, now_us);
}
