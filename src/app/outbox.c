/*
 * outbox - what shops are told by webhooks: which change of a channel is which event, and the way
 * of a request to fetch/ and back.
 *
 *     work_store_change() --> outbox_append(): rows beside the change, in one batch
 *     stored              --> outbox_on_stored() --> hub --> send --> fetch --> webhook_on_sent()
 */
#include <stdio.h>
#include <string.h>

#include "app/nodes.h"
#include "app/server.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"

enum { EVENT_JSON_LEN_MAX = 16384, HEADERS = 5 };

/* docs/webhooks.md promises it: a receiver that is slower works before it answers. */
static const int64_t SEND_TIMEOUT_US = 10 * US_PER_S;

/* ---- requests ---- */

struct sending {
    struct server *server;
    uint64_t send_id;
};

static void on_fetched(void *context, const struct fetch_answer *fetched)
{
    struct sending *sending = context;
    struct server *server = sending->server;
    const struct webhook_answer answer = {
        .http_status = fetched->result == OK ? fetched->status : 0,
        .error = fetched->result == OK ? NULL : fetched->error,
        .duration_us = fetched->duration_us,
        .retry_after_s = fetched->retry_after_s,
        .body = fetched->body,
    };

    if (!server->has_stopped) { /* else it stays pending, and the next run sends it */
        webhook_on_sent(server->webhooks, sending->send_id, &answer, loop_now_us(server->control));
        outbox_arm(server);
    }
    mem_free(sending);
}

static void on_send(void *context, const struct webhook_send *send)
{
    struct server *server = context;
    struct sending *sending = mem_zalloc(sizeof(*sending));
    const struct fetch_header headers[HEADERS] = {
        {"content-type", TEXT("application/json")},
        {"user-agent", TEXT("Stoa/" STOA_VERSION)},
        {"webhook-id", text_of(send->webhook_id)},
        {"webhook-timestamp", text_of(send->webhook_timestamp)},
        {"webhook-signature", text_of(send->webhook_signature)},
    };
    const struct fetch_request request = {
        .method = "POST",
        .url = text_of(send->url),
        .headers = headers,
        .header_count = HEADERS,
        .body = send->body,
        .timeout_us = SEND_TIMEOUT_US,
        .answer_max = WEBHOOK_RESPONSE_KEPT,
        .may_cut_answer = true,
    };

    sending->server = server;
    sending->send_id = send->id;
    (void)fetch_start(server->fetch, &request, on_fetched, sending); /* its end comes always */
}

static enum err check_url(void *context, struct text url, struct diag *diag)
{
    const struct server *server = context;

    return fetch_check_url(server->fetch, url, diag);
}

/* ---- time ---- */

static void on_time(struct loop_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, outbox_timer);

    webhook_on_time(server->webhooks, loop_now_us(server->control));
    outbox_arm(server);
}

void outbox_arm(struct server *server)
{
    int64_t at_us = webhook_deadline_us(server->webhooks);

    if (at_us == INT64_MAX)
        loop_timer_cancel(&server->outbox_timer);
    else
        loop_timer_set(server->control, &server->outbox_timer, at_us, on_time);
}

/* ---- events ---- */

/* A change of state is up to three events: that of the relay, those of the broadcast. */
static const enum webhook_event_kind relay_events[] = {
    [RELAY_STARTING] = WEBHOOK_RELAY_STARTING,         [RELAY_ACTIVE] = WEBHOOK_RELAY_ACTIVE,
    [RELAY_RECONNECTING] = WEBHOOK_RELAY_RECONNECTING, [RELAY_STOPPING] = WEBHOOK_RELAY_STOPPING,
    [RELAY_STOPPED] = WEBHOOK_RELAY_STOPPED,           [RELAY_ERROR] = WEBHOOK_RELAY_ERROR,
};

static size_t kinds_of(const struct channel_event *event, const struct store_change *change,
                       enum webhook_event_kind to[OUTBOX_MARKS_MAX])
{
    size_t count = 0;

    switch (event->kind) {
    case CHANNEL_CREATED:
        to[count++] = WEBHOOK_CHANNEL_CREATED;
        break;
    case CHANNEL_UPDATED:
        to[count++] = WEBHOOK_CHANNEL_UPDATED;
        break;
    case CHANNEL_DELETED:
        to[count++] = WEBHOOK_CHANNEL_DELETED;
        break;
    case CHANNEL_STATE:
        if (change->broadcast_op == STORE_BROADCAST_START)
            to[count++] = WEBHOOK_BROADCAST_STARTED;
        if (event->from != event->to)
            to[count++] = relay_events[event->to];
        if (change->broadcast_op == STORE_BROADCAST_END)
            to[count++] = WEBHOOK_BROADCAST_ENDED;
        break;
    case CHANNEL_NUMBERS:
        break;
    }
    return count;
}

/* A channel that was deleted is no more in the directory: what its row says. */
static void write_channel(const struct server *server, const struct store_change *change,
                          struct writer *w)
{
    const struct channel *channel = channel_find(server->directory, change->channel.id);
    struct channel gone = {.id = change->channel.id,
                           .stream_mode = STREAM_MODE_HYBRID,
                           .state = RELAY_STOPPED,
                           .created_at_us = change->channel.created_at_us,
                           .stats = channel_stats_unknown()};

    if (!channel) {
        memcpy(gone.title, change->channel.title, sizeof(gone.title));
        (void)stream_mode_parse(text_of(change->channel.stream_mode), &gone.stream_mode);
        channel = &gone;
    }
    api_channel_json(channel, text_of(server->config.public_url), w);
}

size_t outbox_append(struct server *server, const struct store_change *change,
                     struct store_batch *batch, uint64_t ret_marks[OUTBOX_MARKS_MAX])
{
    const struct channel_event event = channel_event_of(change);
    struct writer channel_json = writer_growing(EVENT_JSON_LEN_MAX);
    struct writer broadcast_json = writer_growing(EVENT_JSON_LEN_MAX); /* neither allocates yet */
    enum webhook_event_kind kinds[OUTBOX_MARKS_MAX];
    size_t kind_count = kinds_of(&event, change, kinds);
    size_t mark_count = 0;

    if (webhook_count(server->webhooks) == 0)
        return 0; /* most servers: nobody to tell, nothing to render */
    write_channel(server, change, &channel_json);
    if (event.kind == CHANNEL_STATE && change->broadcast.id)
        api_broadcast_json(&change->broadcast, text_of(server->config.public_url), &broadcast_json);
    for (size_t i = 0; i < kind_count; i++) {
        bool is_relay = event.kind == CHANNEL_STATE && kinds[i] != WEBHOOK_BROADCAST_STARTED &&
                        kinds[i] != WEBHOOK_BROADCAST_ENDED;
        const struct webhook_event told = {
            .kind = kinds[i],
            .channel_id = change->channel.id,
            .account_id = text_of(change->channel.host_user_id),
            .channel_json = writer_as_text(&channel_json),
            .broadcast_json = writer_as_text(&broadcast_json),
            .from = is_relay ? relay_state_name(event.from) : NULL,
            .to = is_relay ? relay_state_name(event.to) : NULL,
            .reason = event.reason,
        };
        uint64_t mark =
            webhook_append(server->webhooks, &told, batch, loop_now_us(server->control));

        if (mark)
            ret_marks[mark_count++] = mark;
    }
    writer_deinit(&channel_json);
    writer_deinit(&broadcast_json);
    return mark_count;
}

uint64_t outbox_append_recording(struct server *server, const struct api_recording *recording,
                                 struct store_batch *batch)
{
    const struct channel *channel = channel_find(server->directory, recording->channel_id);
    const struct text base_url = text_of(server->config.public_url);
    struct writer channel_json = writer_growing(EVENT_JSON_LEN_MAX);
    struct writer recording_json = writer_growing(EVENT_JSON_LEN_MAX);
    uint64_t mark;

    if (!channel)
        return 0;
    api_channel_json(channel, base_url, &channel_json);
    api_recording_json(recording, base_url, &recording_json);
    const struct webhook_event told = {
        .kind = WEBHOOK_RECORDING_READY,
        .channel_id = channel->id,
        .account_id = text_of(channel->host_user_id),
        .channel_json = writer_as_text(&channel_json),
        .recording_json = writer_as_text(&recording_json),
        .reason = recording->reason,
    };
    mark = webhook_append(server->webhooks, &told, batch, loop_now_us(server->control));
    writer_deinit(&channel_json);
    writer_deinit(&recording_json);
    return mark;
}

void outbox_on_stored(struct server *server, uint64_t mark, enum err result)
{
    if (mark)
        webhook_on_stored(server->webhooks, mark, result, loop_now_us(server->control));
    outbox_arm(server);
}

/* ---- life ---- */

/* Beside other servers only what is overdue is taken: the one that stored it sends it. */
static const int64_t OVERDUE_US = 600 * US_PER_S;

void outbox_take_pending(struct server *server, const struct webhook_delivery_row *rows,
                         size_t count, int64_t asked_us)
{
    const struct webhook_pending pending = {
        .rows = rows,
        .count = count,
        .asked_us = asked_us,
        .overdue_us = nodes_is_alone(server->nodes) ? 0 : OVERDUE_US,
    };

    webhook_take_pending(server->webhooks, &pending, loop_now_us(server->control));
    outbox_arm(server);
}

static void load(struct server *server, const struct store_people *people)
{
    int64_t now_us = loop_now_us(server->control);

    webhook_set_wall_offset(server->webhooks, clock_wall_us() - now_us);
    for (size_t i = 0; i < people->endpoint_count; i++)
        webhook_set_endpoint_row(server->webhooks, &people->endpoints[i], now_us);
    outbox_take_pending(server, people->deliveries, people->delivery_count, now_us);
}

enum err outbox_create(struct server *server, const struct store_people *people, struct diag *diag)
{
    const struct fetch_config fetch_config = {
        .allow_private = text_of(server->config.fetch_allow_private),
        .extra_ca_file = server->config.fetch_ca_file,
    };
    const struct webhook_handler handler = {
        .context = server, .store = work_store_marked, .send = on_send, .check_url = check_url};
    const struct webhook_limits limits = webhook_limits_default();
    enum err err = fetch_create(server->control, &fetch_config, diag, &server->fetch);

    if (err)
        return err;
    server->webhooks = webhook_hub_create(&limits, &handler);
    load(server, people);
    return OK;
}

void outbox_stop(struct server *server)
{
    server->has_stopped = true; /* what comes back now finds nobody */
    loop_timer_cancel(&server->outbox_timer);
    fetch_destroy(server->fetch);
    server->fetch = NULL;
}
