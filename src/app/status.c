/*
 * status - what the edges are told of the channels: each change at once, numbers (bitrate, viewers)
 * at most once a second for each channel, and nothing that says the same as before.
 *
 * A status is rendered once and shared by all edges, by reference: they answer polls from it and
 * push it to subscribers. Events get their ids here, so that they are the same on all edges.
 *
 * Changes come here when they are stored, and by then the directory may be a state further. Each
 * state is told all the same, in order; numbers wait until the edges know the newest one.
 */
#include <stdio.h>

#include "app/server.h"
#include "base/mem.h"
#include "base/writer.h"

enum { STATUS_LEN_MAX = 16384 };

/* What the edges know of a channel. */
struct told_status {
    uint64_t channel_id;
    struct buf *json;
    bool may_start;
    enum relay_state state;   /* the newest that was stored */
    struct list_node in_owed; /* linked: its numbers have changed since */
};

static void post(struct server *server, uint64_t channel_id, const struct buf *json, bool may_start)
{
    struct push_event event = {
        .id = ++server->event_id,
        .channel_id = channel_id,
        .json = json,
        .may_start = may_start,
    };

    for (size_t i = 0; i < server->edge_count; i++)
        edge_post_event(server->edges[i], &event);
}

static void release(struct told_status *told)
{
    list_unlink(&told->in_owed);
    buf_unref(told->json);
    mem_free(told);
}

static void tell_gone(struct server *server, uint64_t channel_id)
{
    struct told_status *told = map_remove_u64(&server->told, channel_id);

    if (!told)
        return;
    release(told);
    post(server, channel_id, NULL, false);
}

static struct told_status *find_or_create(struct server *server, uint64_t channel_id)
{
    struct told_status *told = map_get_u64(&server->told, channel_id);

    if (told)
        return told;
    told = mem_zalloc(sizeof(*told));
    told->channel_id = channel_id;
    list_node_init(&told->in_owed);
    (void)map_put_u64(&server->told, channel_id, told); /* there was none */
    return told;
}

static void tell(struct server *server, const struct channel *channel)
{
    struct told_status *told = find_or_create(server, channel->id);
    /* What another server runs never starts here. */
    bool may_start = relay_state_is_active(channel->state) && channel->state != RELAY_STOPPING &&
                     !channel->is_foreign;
    struct writer w = writer_growing(STATUS_LEN_MAX);

    api_status_json(channel, text_of(server->config.public_url), &w);
    list_unlink(&told->in_owed);
    told->state = channel->state;
    if (!told->json || told->may_start != may_start ||
        !text_equal(buf_text(told->json), writer_as_text(&w))) {
        buf_unref(told->json);
        told->json = writer_copy_buf(&w);
        told->may_start = may_start;
        post(server, channel->id, told->json, may_start);
    }
    writer_deinit(&w);
}

/* A state is on its way to the store. When it is told, so is everything else. */
static bool is_state_coming(struct server *server, const struct channel *channel)
{
    const struct told_status *told = map_get_u64(&server->told, channel->id);

    return told && told->json && told->state != channel->state;
}

/* The channel as it was when the event came to pass. */
static void tell_state(struct server *server, const struct channel *channel,
                       const struct channel_event *event)
{
    struct channel then = *channel;

    then.state = event->to;
    (void)snprintf(then.reason, sizeof(then.reason), "%s", event->reason); /* of the same size */
    if (relay_state_is_active(then.state))
        then.ended_at_us = 0;
    tell(server, &then);
    secret_wipe(&then.stream_key);
}

void status_tell_all(struct server *server)
{
    for (size_t i = 0; i < channel_directory_count(server->directory); i++)
        tell(server, channel_directory_at(server->directory, i));
}

void status_on_changed(struct server *server, const struct channel_event *event)
{
    const struct channel *channel = channel_find(server->directory, event->channel_id);

    if (server->edge_count == 0)
        return; /* not yet: status_tell_all() follows */
    if (!channel) {
        tell_gone(server, event->channel_id);
    } else if (event->kind == CHANNEL_NUMBERS) {
        struct told_status *told = find_or_create(server, channel->id);

        if (!list_node_is_linked(&told->in_owed))
            list_push_back(&server->owed, &told->in_owed);
    } else if (event->kind == CHANNEL_STATE && event->to != channel->state) {
        tell_state(server, channel, event);
    } else if (event->kind == CHANNEL_STATE || !is_state_coming(server, channel)) {
        tell(server, channel);
    }
}

void status_on_second(struct server *server)
{
    struct list_node *node;

    while ((node = list_pop_front(&server->owed))) {
        uint64_t channel_id = CONTAINER_OF(node, struct told_status, in_owed)->channel_id;
        const struct channel *channel = channel_find(server->directory, channel_id);

        if (channel && !is_state_coming(server, channel))
            tell(server, channel);
    }
}

void status_deinit(struct server *server)
{
    size_t position = 0;
    struct told_status *told;

    while ((told = map_next(&server->told, &position)))
        release(told);
    map_deinit(&server->told);
}
