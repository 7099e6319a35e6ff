/*
 * foreign - what other servers on the same database do to channels: their changes are taken over,
 * and channels that they run are left to them.
 */
#include "channel/directory.h"

#include <stdio.h>
#include <string.h>

void channel_directory_set_node(struct channel_directory *dir, const char *node)
{
    struct text name = text_sub(text_of(node), 0, STORE_NODE_LEN_MAX);

    memset(dir->node, 0, sizeof(dir->node));
    memcpy(dir->node, name.len ? name.ptr : "", name.len);
}

enum err directory_check_ours(const struct channel *channel, struct diag *diag)
{
    if (!channel->is_foreign)
        return OK;
    diag_set(diag, "This channel is live on another server (%s). Go there, or wait until it ends.",
             channel->node);
    return ERR_CONFLICT;
}

void directory_take_settings(struct channel *channel, const struct channel_row *row)
{
    memcpy(channel->title, row->title, sizeof(channel->title));
    memcpy(channel->host_user_id, row->host_user_id, sizeof(channel->host_user_id));
    if (!stream_mode_parse(text_of(row->stream_mode), &channel->stream_mode))
        channel->stream_mode = STREAM_MODE_HYBRID;
    channel->max_duration_s = row->max_duration_s;
    memcpy(channel->recording_url, row->recording_url, sizeof(channel->recording_url));
    channel->updated_at_us = row->updated_at_us;
}

static bool is_other_node(const struct channel_directory *dir, const char *node)
{
    return *node && *dir->node && strcmp(node, dir->node) != 0;
}

static struct node_place *find_place(const struct channel_directory *dir, struct text node)
{
    for (size_t i = 0; i < dir->places.count; i++)
        if (text_equal(text_of(dir->places.items[i].node), node))
            return &dir->places.items[i];
    return NULL;
}

static void take_place(const struct channel_directory *dir, struct channel *channel)
{
    const struct node_place *place =
        channel->is_foreign ? find_place(dir, text_of(channel->node)) : NULL;

    (void)snprintf(channel->node_url, sizeof(channel->node_url), "%s",
                   place ? place->url : ""); /* of the same size */
}

void directory_take_state(const struct channel_directory *dir, struct channel *channel,
                          const struct channel_row *row)
{
    channel->state = relay_state_parse(text_of(row->relay_status));
    directory_copy_reason(channel->reason, row->relay_error);
    channel->started_at_us = row->started_at_us;
    channel->ended_at_us = row->ended_at_us;
    memcpy(channel->node, row->node, sizeof(channel->node));
    channel->is_foreign = relay_state_is_active(channel->state) && is_other_node(dir, row->node);
    channel->broadcast_id = channel->is_foreign ? row->open_broadcast_id : 0;
    take_place(dir, channel);
}

static void tell(const struct channel_directory *dir, uint64_t id, enum channel_event_kind kind,
                 enum relay_state from, const struct channel *channel)
{
    struct channel_event event = {
        .kind = kind,
        .channel_id = id,
        .broadcast_id = channel ? channel->broadcast_id : 0,
        .from = from,
        .to = channel ? channel->state : from,
        .is_foreign = true,
        .is_stored = true,
    };

    if (channel)
        directory_copy_reason(event.reason, channel->reason);
    dir->handler.changed(dir->handler.context, &event);
}

static void on_deleted(struct channel_directory *dir, struct channel *channel)
{
    uint64_t id = channel->id;
    enum relay_state from = channel->state;

    /* One that is live here was not deleted by a server that looked: it is left to end. */
    if (!channel->is_foreign && relay_state_is_active(channel->state))
        return;
    directory_remove(dir, channel);
    tell(dir, id, CHANNEL_DELETED, from, NULL);
}

/* What was changed while the database was away is not stored, and another server may have taken
 * this one for dead. What two servers run at once stays as it is: neither may undo the other's. */
static void repeat_unstored(struct channel_directory *dir, const struct channel *channel,
                            const struct channel_row *row)
{
    bool is_live = relay_state_is_active(channel->state);

    if (channel->is_foreign || (row->is_active && is_other_node(dir, row->node)))
        return;
    if (is_live && (!row->is_active || row->open_broadcast_id != channel->broadcast_id))
        directory_repeat_state(dir, channel, channel->broadcast_id);
    else if (!is_live && row->is_active)
        directory_repeat_state(dir, channel, row->open_broadcast_id);
}

static void on_changed(struct channel_directory *dir, struct channel *channel,
                       const struct channel_row *row, int64_t now_us)
{
    enum relay_state from = channel->state;
    bool is_live_here = !channel->is_foreign && relay_state_is_active(from);
    bool is_new_key = !secret_equals(&channel->stream_key, secret_reveal(&row->stream_key));

    if (is_new_key)
        directory_change_key(dir, channel, secret_reveal(&row->stream_key));
    directory_take_settings(channel, row);
    if (is_live_here)
        directory_arm_end(dir, channel);
    else if (!row->is_active || is_other_node(dir, row->node))
        directory_take_state(dir, channel, row);
    repeat_unstored(dir, channel, row);
    tell(dir, channel->id, channel->state == from ? CHANNEL_UPDATED : CHANNEL_STATE, from, channel);
    if (is_new_key && is_live_here)
        directory_close_publisher(dir, channel, "the stream key was replaced", now_us);
}

void channel_directory_on_foreign(struct channel_directory *dir, uint64_t id,
                                  const struct channel_row *row, uint64_t ticket, int64_t now_us)
{
    struct channel *channel = directory_find(dir, id);

    if (channel && channel->ticket > ticket)
        return;
    if (channel && !row) {
        on_deleted(dir, channel);
    } else if (channel) {
        on_changed(dir, channel, row, now_us);
    } else if (row && dir->channels.count < STORE_CHANNELS_MAX) {
        channel = directory_add(dir, row);
        if (!channel->is_foreign && relay_state_is_active(channel->state))
            directory_repair(dir, channel, row->open_broadcast_id, now_us);
        tell(dir, id, CHANNEL_CREATED, channel->state, channel);
    }
}

enum err channel_directory_set_node_url(struct channel_directory *dir, struct text node,
                                        struct text url)
{
    struct node_place *place = find_place(dir, node);

    if (place ? text_equal(text_of(place->url), url) : url.len == 0)
        return OK;
    if (node.len > STORE_NODE_LEN_MAX || url.len > ROW_NODE_URL_LEN_MAX)
        return ERR_LIMIT;
    if (!place) {
        struct node_place fresh = {0};

        if (!vec_push(&dir->places, fresh, DIRECTORY_NODES_MAX))
            return ERR_LIMIT;
        place = &dir->places.items[dir->places.count - 1];
        memcpy(place->node, node.ptr, node.len);
    }
    memset(place->url, 0, sizeof(place->url));
    memcpy(place->url, url.len ? url.ptr : "", url.len);
    for (size_t i = 0; i < dir->channels.count; i++) {
        struct channel *channel = dir->channels.items[i];

        if (!channel->is_foreign || !text_equal(text_of(channel->node), node))
            continue;
        take_place(dir, channel);
        tell(dir, channel->id, CHANNEL_UPDATED, channel->state, channel);
    }
    return OK;
}

void channel_directory_on_dead_node(struct channel_directory *dir, struct text node, int64_t now_us)
{
    for (size_t i = 0; i < dir->channels.count; i++) {
        struct channel *channel = dir->channels.items[i];

        if (channel->is_foreign && text_equal(text_of(channel->node), node))
            directory_repair(dir, channel, channel->broadcast_id, now_us);
    }
}
