/*
 * broadcast - acts on the table of relay.c: begins and finishes broadcasts, sets states, keeps the
 * deadlines.
 */
#include <assert.h>

#include "base/clock.h"
#include "channel/directory.h"

static void close_sessions(struct channel_directory *dir, struct channel *channel)
{
    uint64_t sessions[] = {channel->session_id, channel->lost_session_id};

    channel->session_id = channel->lost_session_id = 0;
    for (size_t i = 0; i < 2; i++)
        if (sessions[i] != 0)
            dir->handler.kick_session(dir->handler.context, sessions[i], channel->reason);
}

int64_t directory_broadcast_max_us(const struct channel_directory *dir,
                                   const struct channel *channel)
{
    return channel->max_duration_s ? (int64_t)channel->max_duration_s * US_PER_S
                                   : dir->limits.broadcast_max_us;
}

static void begin_broadcast(struct channel_directory *dir, struct channel *channel, int64_t now_us)
{
    channel->broadcast_id = id_supply_take(&dir->broadcast_ids);
    channel->started_at_us = channel_directory_wall_us(dir, now_us);
    channel->ended_at_us = 0;
    channel->begun_at_us = now_us;
    memcpy(channel->node, dir->node, sizeof(channel->node));
    channel->end_by_us = now_us + directory_broadcast_max_us(dir, channel);
    channel->has_media = false;
    channel->session_id = channel->lost_session_id = 0;
    channel->ingest = 0;
    channel->webrtc_viewers = channel->hls_viewers = channel->peak_viewers = 0;
    channel->stats = channel_stats_unknown();
    channel->health = (struct health_state){.health = HEALTH_UNKNOWN};
    list_push_back(&dir->active, &channel->in_active);
    dir->active_count++;
}

static void finish_broadcast(struct channel_directory *dir, struct channel *channel)
{
    channel->broadcast_id = 0;
    channel->webrtc_viewers = channel->hls_viewers = 0;
    channel->stats = channel_stats_unknown();
    channel->health = (struct health_state){.health = HEALTH_UNKNOWN};
    channel->end_by_us = CHANNEL_NEVER;
    list_unlink(&channel->in_active);
    dir->active_count--;
}

/* How long a channel may stay in a state. */
static int64_t wait_of(const struct channel_directory *dir, enum relay_state state)
{
    switch (state) {
    case RELAY_STARTING:
        return dir->limits.media_wait_us;
    case RELAY_RECONNECTING:
        return dir->limits.reconnect_wait_us;
    case RELAY_STOPPING:
        return dir->limits.stop_wait_us;
    case RELAY_IDLE:
    case RELAY_ACTIVE:
    case RELAY_STOPPED:
    case RELAY_ERROR:
    case RELAY_STATE_UNSET:
    case RELAY_STATE_END:
        break;
    }
    return CHANNEL_NEVER;
}

static void arm(struct channel_directory *dir, struct channel *channel, int64_t deadline_us)
{
    channel->deadline_us = deadline_us;
    int64_t first_us = deadline_us < channel->end_by_us ? deadline_us : channel->end_by_us;
    if (first_us < dir->deadline_us)
        dir->deadline_us = first_us;
}

void directory_arm_end(struct channel_directory *dir, struct channel *channel)
{
    if (channel->end_by_us == CHANNEL_NEVER) /* nothing goes on, or it ends already */
        return;
    channel->end_by_us = channel->begun_at_us + directory_broadcast_max_us(dir, channel);
    arm(dir, channel, channel->deadline_us);
}

/* The only place that sets a state: with its deadline, its time and its record. */
static void set_state(struct channel_directory *dir, struct channel *channel, enum relay_state to,
                      const char *reason, enum store_broadcast_op broadcast_op, int64_t now_us)
{
    enum relay_state from = channel->state;
    int64_t wait_us = wait_of(dir, to);

    if (reason)
        directory_copy_reason(channel->reason, reason);
    channel->state = to;
    channel->state_since_us = now_us;
    channel->updated_at_us = channel_directory_wall_us(dir, now_us);
    if (broadcast_op == STORE_BROADCAST_END)
        channel->ended_at_us = channel->updated_at_us;
    arm(dir, channel, wait_us == CHANNEL_NEVER ? CHANNEL_NEVER : now_us + wait_us);
    directory_send_state(dir, channel, from, broadcast_op);
}

/* A publisher gets the full time for its first part, but publishers that come and go without any
 * media must not keep a state for ever: twice the wait is the most. */
static void extend_wait(struct channel_directory *dir, struct channel *channel, int64_t now_us)
{
    int64_t wait_us = wait_of(dir, channel->state);
    int64_t latest_us = channel->state_since_us + 2 * wait_us;

    arm(dir, channel, now_us + wait_us < latest_us ? now_us + wait_us : latest_us);
}

static void stop_media(struct channel_directory *dir, struct channel *channel)
{
    if (channel->has_media)
        dir->handler.stop_media(dir->handler.context, channel->id, channel->broadcast_id);
}

static void go(struct channel_directory *dir, struct channel *channel,
               const struct relay_rule *rule, const char *reason, int64_t now_us)
{
    if (!reason)
        reason = rule->reason;

    switch (rule->action) {
    case RELAY_ACT_NONE:
        if (rule->to != channel->state)
            set_state(dir, channel, rule->to, reason, STORE_BROADCAST_NONE, now_us);
        break;
    case RELAY_ACT_BEGIN:
        begin_broadcast(dir, channel, now_us);
        set_state(dir, channel, rule->to, reason, STORE_BROADCAST_START, now_us);
        break;
    case RELAY_ACT_EXTEND:
        extend_wait(dir, channel, now_us);
        break;
    case RELAY_ACT_STOP:
        channel->end_by_us = CHANNEL_NEVER; /* it does end */
        set_state(dir, channel, rule->to, reason, STORE_BROADCAST_NONE, now_us);
        close_sessions(dir, channel);
        stop_media(dir, channel);
        if (!channel->has_media) /* nobody will answer */
            directory_fire_quietly(dir, channel, RELAY_EVENT_MEDIA_STOPPED, NULL, now_us);
        break;
    case RELAY_ACT_FINISH:
        set_state(dir, channel, rule->to, reason, STORE_BROADCAST_END, now_us);
        finish_broadcast(dir, channel);
        break;
    case RELAY_ACT_FAIL:
        set_state(dir, channel, rule->to, reason, STORE_BROADCAST_END, now_us);
        close_sessions(dir, channel);
        stop_media(dir, channel);
        finish_broadcast(dir, channel);
        break;
    }
}

enum err directory_fire(struct channel_directory *dir, struct channel *channel,
                        enum relay_event event, const char *reason, int64_t now_us,
                        struct diag *diag)
{
    const struct relay_rule *rule = relay_rule_of(channel->state, event);

    enum err err = directory_check_ours(channel, diag);

    if (err != OK)
        return err;
    if (rule->verdict == RELAY_IGNORE)
        return OK;
    if (rule->verdict == RELAY_REFUSE) {
        diag_set(diag, "%s", rule->reason);
        return ERR_CONFLICT;
    }
    if (rule->action == RELAY_ACT_BEGIN && dir->active_count >= dir->limits.live_max) {
        diag_set(diag, "%zu broadcasts are live, which is the limit of this server. Try later.",
                 dir->active_count);
        return ERR_LIMIT;
    }
    if (rule->action == RELAY_ACT_BEGIN && id_supply_is_empty(&dir->broadcast_ids)) {
        diag_set(diag, "The server is drawing new numbers for broadcasts. Try again in a moment.");
        return ERR_AGAIN;
    }
    go(dir, channel, rule, reason, now_us);
    return OK;
}

void directory_fire_quietly(struct channel_directory *dir, struct channel *channel,
                            enum relay_event event, const char *reason, int64_t now_us)
{
    if (channel->is_foreign || relay_rule_of(channel->state, event)->verdict != RELAY_GO)
        return;
    enum err err = directory_fire(dir, channel, event, reason, now_us, NULL);
    assert(err == OK); /* only START and PUBLISH begin broadcasts, and they are never quiet */
    (void)err;
}

/* ---- time ---- */

int64_t channel_directory_deadline_us(const struct channel_directory *dir)
{
    return dir->deadline_us;
}

static void on_channel_time(struct channel_directory *dir, struct channel *channel, int64_t now_us)
{
    if (now_us >= channel->deadline_us) {
        const char *reason = NULL;

        if (channel->state == RELAY_STARTING && channel->session_id != 0)
            reason = "timeout waiting for seller stream: a publisher is connected, but sends no "
                     "picture that can be played";
        channel->deadline_us = CHANNEL_NEVER;
        directory_fire_quietly(dir, channel, RELAY_EVENT_TIMEOUT, reason, now_us);
    } else if (now_us >= channel->end_by_us) {
        channel->end_by_us = CHANNEL_NEVER;
        directory_fire_quietly(dir, channel, RELAY_EVENT_TOO_LONG, NULL, now_us);
    }
}

void channel_directory_on_time(struct channel_directory *dir, int64_t now_us)
{
    if (now_us < dir->deadline_us)
        return;

    LIST_FOR_EACH(node, &dir->active)
    {
        on_channel_time(dir, CONTAINER_OF(node, struct channel, in_active), now_us);
    }
    dir->deadline_us = CHANNEL_NEVER;
    LIST_FOR_EACH(node, &dir->active)
    {
        struct channel *channel = CONTAINER_OF(node, struct channel, in_active);

        arm(dir, channel, channel->deadline_us);
    }
}

void channel_directory_end_all(struct channel_directory *dir, const char *reason, int64_t now_us)
{
    LIST_FOR_EACH(node, &dir->active)
    {
        directory_fire_quietly(dir, CONTAINER_OF(node, struct channel, in_active), RELAY_EVENT_END,
                               reason, now_us);
    }
}
