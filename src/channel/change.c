/*
 * change - the way of each change: to the store, and when that has answered, to whoever watches.
 */
#include "channel/directory.h"

#include <stdio.h>

#include "base/log.h"

/* The tag brings the event through the store and back. */
static uint32_t tag_of(enum channel_event_kind kind, enum relay_state from, enum relay_state to)
{
    return (uint32_t)kind | (uint32_t)from << 8 | (uint32_t)to << 16;
}

static struct channel_row row_of(const struct channel *channel)
{
    struct channel_row row = {
        .id = channel->id,
        .stream_key = channel->stream_key,
        .max_duration_s = channel->max_duration_s,
        .is_active = relay_state_is_active(channel->state),
        .streaming_platform = "local",
        .relay_started_at_us = channel->started_at_us,
        .started_at_us = channel->started_at_us,
        .ended_at_us = channel->ended_at_us,
        .created_at_us = channel->created_at_us,
        .updated_at_us = channel->updated_at_us,
    };

    memcpy(row.title, channel->title, sizeof(row.title));
    memcpy(row.node, channel->node, sizeof(row.node));
    memcpy(row.host_user_id, channel->host_user_id, sizeof(row.host_user_id));
    (void)snprintf(row.stream_mode, sizeof(row.stream_mode), "%s",
                   stream_mode_name(channel->stream_mode)); /* names fit */
    (void)snprintf(row.relay_status, sizeof(row.relay_status), "%s",
                   relay_state_name(channel->state)); /* names fit */
    if (channel->state == RELAY_ERROR)
        directory_copy_reason(row.relay_error, channel->reason);
    return row;
}

static void send_change(struct channel_directory *dir, struct store_change *change)
{
    struct channel *channel = directory_find(dir, change->channel.id);

    change->ticket = ++dir->ticket;
    if (channel)
        channel->ticket = dir->ticket;
    dir->handler.store(dir->handler.context, change);
    secret_wipe(&change->channel.stream_key);
}

/* A change of the row alone. */
void directory_send_row(struct channel_directory *dir, const struct channel *channel,
                        enum store_channel_op op, enum channel_event_kind kind)
{
    struct store_change change = {
        .sender_tag = tag_of(kind, channel->state, channel->state),
        .channel_op = op,
        .channel = row_of(channel),
        .broadcast_op = STORE_BROADCAST_NONE,
    };

    send_change(dir, &change);
}

static void send_state(struct channel_directory *dir, const struct channel *channel, uint32_t tag,
                       enum store_broadcast_op broadcast_op, uint64_t broadcast_id)
{
    struct store_change change = {
        .sender_tag = tag,
        .channel_op = STORE_CHANNEL_STATE,
        .channel = row_of(channel),
        .broadcast_op = broadcast_op,
        .broadcast =
            {
                .id = broadcast_id,
                .channel_id = channel->id,
                .started_at_us = channel->started_at_us,
                .ended_at_us = channel->ended_at_us,
                .peak_viewers = channel->peak_viewers,
                .source = "local",
                .platform = "local",
            },
    };

    directory_copy_reason(change.note, channel->reason);
    if (broadcast_op == STORE_BROADCAST_END)
        directory_copy_reason(change.broadcast.end_reason, channel->reason);
    send_change(dir, &change);
}

/* A change of state, with what it means for the broadcast. */
void directory_send_state(struct channel_directory *dir, const struct channel *channel,
                          enum relay_state from, enum store_broadcast_op broadcast_op)
{
    send_state(dir, channel, tag_of(CHANNEL_STATE, from, channel->state), broadcast_op,
               channel->broadcast_id);
}

void directory_repeat_state(struct channel_directory *dir, const struct channel *channel,
                            uint64_t broadcast_id)
{
    enum store_broadcast_op op =
        relay_state_is_active(channel->state) ? STORE_BROADCAST_START : STORE_BROADCAST_END;

    send_state(dir, channel, tag_of(CHANNEL_UPDATED, channel->state, channel->state),
               broadcast_id ? op : STORE_BROADCAST_NONE, broadcast_id);
}

void directory_tell_numbers(struct channel_directory *dir, const struct channel *channel)
{
    const struct channel_event event = {
        .kind = CHANNEL_NUMBERS,
        .channel_id = channel->id,
        .broadcast_id = channel->broadcast_id,
        .from = channel->state,
        .to = channel->state,
        .is_stored = true,
    };

    dir->handler.changed(dir->handler.context, &event);
}

/* A channel that was never stored does not exist, one that could not be deleted does. */
static void take_back(struct channel_directory *dir, const struct store_change *change)
{
    struct channel *channel = directory_find(dir, change->channel.id);

    if (change->channel_op == STORE_CHANNEL_CREATE && channel &&
        !relay_state_is_active(channel->state))
        directory_remove(dir, channel);
    else if (change->channel_op == STORE_CHANNEL_DELETE && !channel)
        (void)directory_add(dir, &change->channel);
}

struct channel_event channel_event_of(const struct store_change *change)
{
    struct channel_event event = {
        .kind = (enum channel_event_kind)(change->sender_tag & 0xff),
        .channel_id = change->channel.id,
        .broadcast_id = change->broadcast.id,
        .from = (enum relay_state)(change->sender_tag >> 8 & 0xff),
        .to = (enum relay_state)(change->sender_tag >> 16 & 0xff),
    };

    directory_copy_reason(event.reason, change->note);
    return event;
}

void channel_directory_on_stored(struct channel_directory *dir, const struct store_change *change,
                                 enum err result, const struct diag *diag)
{
    struct channel_event event = channel_event_of(change);

    event.is_stored = result == OK;
    if (result != OK) {
        directory_copy_reason(event.store_error,
                              diag && *diag->message ? diag->message : err_name(result));
        take_back(dir, change);
    }
    dir->handler.changed(dir->handler.context, &event);
}

void channel_event_log(const struct channel_event *event)
{
    static const char *const names[] = {
        [CHANNEL_CREATED] = "channel_created",
        [CHANNEL_UPDATED] = "channel_updated",
        [CHANNEL_DELETED] = "channel_deleted",
        [CHANNEL_STATE] = "relay_state",
    };

    if (event->kind == CHANNEL_NUMBERS || event->is_foreign)
        return;
    if (event->kind == CHANNEL_STATE)
        log_info(names[event->kind], LOG_U64("channel", event->channel_id),
                 LOG_U64("broadcast", event->broadcast_id),
                 LOG_STR("from", relay_state_name(event->from)),
                 LOG_STR("to", relay_state_name(event->to)), LOG_STR("reason", event->reason));
    else
        log_info(names[event->kind], LOG_U64("channel", event->channel_id));
    if (!event->is_stored)
        log_error("change_not_stored", LOG_U64("channel", event->channel_id),
                  LOG_STR("change", names[event->kind]), LOG_STR("reason", event->store_error));
}
