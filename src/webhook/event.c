/*
 * event - from a change of a channel to deliveries that wait, through the store.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "store/store.h"
#include "webhook/hub.h"

/* ---- append ---- */

static bool wants(const struct endpoint *endpoint, const struct webhook_event *event)
{
    const struct webhook_endpoint_row *row = &endpoint->row;

    /* A delivery of an endpoint that could not be stored would take the whole batch along. */
    if (!endpoint->is_stored || !row->is_active || !(endpoint->wants & UINT32_C(1) << event->kind))
        return false;
    if (row->channel_id && row->channel_id != event->channel_id)
        return false;
    return row->account_id[0] == '\0' || text_equal(text_of(row->account_id), event->account_id);
}

static void add_delivery(struct webhook_hub *hub, struct endpoint *endpoint,
                         const struct webhook_event *event, struct buf *payload, uint64_t mark,
                         struct store_batch *batch, int64_t now_us)
{
    struct webhook_delivery_row row = {
        .channel_id = event->channel_id,
        .payload = payload,
        .next_attempt_at_us = hub_wall(hub, now_us),
        .created_at_us = hub_wall(hub, now_us),
    };

    (void)snprintf(row.event, sizeof(row.event), "%s", webhook_event_type(event->kind));
    uuid_draw_v7(row.id, row.created_at_us);
    queue_make_room(hub, endpoint, batch, now_us);

    struct delivery *delivery = queue_add(hub, endpoint, &row, false);
    delivery->mark = mark;
    list_push_back(&hub->unstored, &delivery->in_unstored);
    queue_put_row(hub, delivery, "pending", batch, now_us);
}

uint64_t webhook_append(struct webhook_hub *hub, const struct webhook_event *event,
                        struct store_batch *batch, int64_t now_us)
{
    uint64_t mark = hub->last_mark + 1;
    struct buf *payload = NULL;
    bool is_used = false;

    for (size_t i = 0; i < hub->endpoints.count; i++) {
        struct endpoint *endpoint = hub->endpoints.items[i];

        if (!wants(endpoint, event))
            continue;
        if (!payload)
            payload = payload_of_event(event, hub_wall(hub, now_us));
        if (!payload) {
            log_error("webhook_payload_too_large",
                      LOG_STR("event", webhook_event_type(event->kind)),
                      LOG_U64("channel", event->channel_id));
            break;
        }
        add_delivery(hub, endpoint, event, payload, mark, batch, now_us);
        is_used = true;
    }
    (void)buf_unref(payload);
    if (!is_used)
        return 0;
    hub->last_mark = mark;
    return mark;
}

/* ---- stored ---- */

void webhook_on_stored(struct webhook_hub *hub, uint64_t mark, enum err result, int64_t now_us)
{
    if (mark == 0)
        return;
    endpoint_on_stored(hub, mark, result);
    LIST_FOR_EACH(node, &hub->unstored)
    {
        struct delivery *delivery = CONTAINER_OF(node, struct delivery, in_unstored);

        if (delivery->mark != mark)
            continue;
        /* A channel that could not be stored is taken back: there is nothing to tell. */
        if (result != OK && text_equal(text_of(delivery->event),
                                       text_of(webhook_event_type(WEBHOOK_CHANNEL_CREATED)))) {
            queue_remove(hub, delivery);
            continue;
        }
        delivery->mark = 0;
        list_unlink(&delivery->in_unstored);
        queue_touch(delivery->lane->endpoint, delivery->next_attempt_us);
    }
    queue_pump(hub, now_us);
}

/* ---- what an earlier run, or a server that is gone, left ---- */

/* The oldest delivery of each channel of an endpoint, which decides for the later ones. */
struct takeover {
    struct map oldest; /* "endpoint channel" -> its row */
    int64_t overdue_us;
};

static bool may_take(struct takeover *takeover, const struct webhook_delivery_row *row,
                     int64_t wall_us)
{
    char key[ROW_UUID_LEN + 24];

    if (takeover->overdue_us == 0)
        return true;
    int len = snprintf(key, sizeof(key), "%s %llu", row->endpoint_id,
                       (unsigned long long)row->channel_id);
    struct text text = {key, (size_t)len};
    const struct webhook_delivery_row *oldest = map_get(&takeover->oldest, text);
    if (!oldest) {
        oldest = row;
        /* the map takes no pointer to const; nobody writes through it */
        (void)map_put(&takeover->oldest, text, (void *)(uintptr_t)row);
    }
    return oldest->next_attempt_at_us + takeover->overdue_us < wall_us;
}

/* The first of what is left of a run of failures tells since when it lasts. */
static void note_failing(const struct webhook_hub *hub, struct endpoint *endpoint,
                         const struct webhook_delivery_row *row, int64_t now_us)
{
    int64_t since_us = hub_mono(hub, row->created_at_us);

    if (row->attempts == 0 || since_us >= now_us)
        return;
    if (endpoint->failing_since_us == 0 || since_us < endpoint->failing_since_us) {
        endpoint->failing_since_us = since_us ? since_us : -1; /* 0 would mean that it is well */
        endpoint->last_failure_us = now_us;
    }
}

static void take_row(struct webhook_hub *hub, struct endpoint *endpoint,
                     const struct webhook_delivery_row *row, struct store_batch *batch,
                     int64_t now_us)
{
    bool is_test = webhook_event_find(text_of(row->event)) == WEBHOOK_TEST;

    queue_make_room(hub, endpoint, batch, now_us);
    struct delivery *delivery = queue_add(hub, endpoint, row, is_test);
    delivery->has_one_try = is_test;
    delivery->tries =
        row->attempts < WEBHOOK_ATTEMPTS_MAX ? row->attempts : WEBHOOK_ATTEMPTS_MAX - 1;
    if (!endpoint->row.is_active && !is_test)
        queue_give_up(hub, delivery, "The endpoint was switched off before this could be sent.",
                      batch, now_us);
    else
        note_failing(hub, endpoint, row, now_us);
}

void webhook_take_pending(struct webhook_hub *hub, const struct webhook_pending *pending,
                          int64_t now_us)
{
    struct takeover takeover = {.overdue_us = pending->overdue_us};
    struct store_batch *batch = store_batch_create();

    for (size_t i = 0; i < pending->count; i++) {
        const struct webhook_delivery_row *row = &pending->rows[i];
        struct endpoint *endpoint = endpoint_find(hub, text_of(row->endpoint_id));

        if (!endpoint || !row->payload || map_get(&hub->deliveries, text_of(row->id)))
            continue;
        /* What was done with since the database was asked is pending there, and unknown here. */
        if (endpoint->last_end_us && endpoint->last_end_us >= pending->asked_us)
            continue;
        if (may_take(&takeover, row, hub_wall(hub, now_us)))
            take_row(hub, endpoint, row, batch, now_us);
    }
    map_deinit(&takeover.oldest);
    (void)hub_store(hub, batch);
    queue_pump(hub, now_us);
}
