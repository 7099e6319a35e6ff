/*
 * queue - what waits for each endpoint, in order, and when it is sent.
 */
#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/writer.h"
#include "store/store.h"
#include "webhook/hub.h"

static struct delivery *first_of(const struct lane *lane)
{
    return CONTAINER_OF(lane->deliveries.head.next, struct delivery, node);
}

static struct lane *lane_create(struct endpoint *endpoint, uint64_t channel_id, bool is_solo)
{
    struct lane *lane = mem_zalloc(sizeof(*lane));

    lane->endpoint = endpoint;
    lane->channel_id = channel_id;
    lane->is_solo = is_solo;
    list_init(&lane->deliveries);
    list_push_back(&endpoint->lanes, &lane->node);
    if (is_solo)
        endpoint->solo_count++;
    else
        (void)map_put_u64(&endpoint->by_channel, channel_id, lane); /* the caller has looked */
    return lane;
}

static void lane_destroy(struct lane *lane)
{
    assert(list_is_empty(&lane->deliveries));
    if (lane->is_solo)
        lane->endpoint->solo_count--;
    else
        (void)map_remove_u64(&lane->endpoint->by_channel, lane->channel_id);
    list_unlink(&lane->node);
    mem_free(lane);
}

struct delivery *queue_add(struct webhook_hub *hub, struct endpoint *endpoint,
                           const struct webhook_delivery_row *row, bool is_solo)
{
    struct delivery *delivery = mem_zalloc(sizeof(*delivery));
    struct lane *lane = is_solo ? NULL : map_get_u64(&endpoint->by_channel, row->channel_id);

    if (!lane)
        lane = lane_create(endpoint, row->channel_id, is_solo);
    list_node_init(&delivery->in_unstored);
    delivery->lane = lane;
    memcpy(delivery->id, row->id, sizeof(delivery->id));
    memcpy(delivery->event, row->event, sizeof(delivery->event));
    delivery->channel_id = row->channel_id;
    delivery->payload = buf_ref(row->payload);
    delivery->attempts = row->attempts;
    delivery->last_http_status = row->last_http_status;
    memcpy(delivery->last_error, row->last_error, sizeof(delivery->last_error));
    delivery->next_attempt_us = hub_mono(hub, row->next_attempt_at_us);
    delivery->created_at_us = row->created_at_us;
    delivery->delivered_at_us = row->delivered_at_us;

    list_push_back(&lane->deliveries, &delivery->node);
    (void)map_put(&hub->deliveries, text_of(delivery->id), delivery); /* the caller has looked */
    if (endpoint->pending_count++ == 0)
        list_push_back(&hub->turns, &endpoint->in_turn);
    hub->pending_count++;
    queue_touch(endpoint, delivery->next_attempt_us);
    return delivery;
}

void queue_remove(struct webhook_hub *hub, struct delivery *delivery)
{
    struct lane *lane = delivery->lane;
    struct endpoint *endpoint = lane->endpoint;

    if (delivery->send_id) {
        (void)map_remove_u64(&hub->sends, delivery->send_id);
        lane->is_sending = false;
        hub->sending_count--;
        if (!lane->is_solo)
            endpoint->sending_count--;
    }
    list_unlink(&delivery->node);
    list_unlink(&delivery->in_unstored);
    (void)map_remove(&hub->deliveries, text_of(delivery->id));
    hub->pending_count--;
    if (--endpoint->pending_count == 0)
        list_unlink(&endpoint->in_turn);
    if (list_is_empty(&lane->deliveries))
        lane_destroy(lane);
    else
        queue_touch(endpoint, first_of(lane)->next_attempt_us);
    (void)buf_unref(delivery->payload);
    mem_free(delivery);
}

void queue_put_row(const struct webhook_hub *hub, const struct delivery *delivery,
                   const char *status, struct store_batch *batch, int64_t now_us)
{
    struct webhook_delivery_row row = {
        .channel_id = delivery->channel_id,
        .payload = delivery->payload,
        .attempts = delivery->attempts,
        .next_attempt_at_us = hub_wall(hub, delivery->next_attempt_us),
        .delivered_at_us = delivery->delivered_at_us,
        .last_http_status = delivery->last_http_status,
        .created_at_us = delivery->created_at_us,
        .updated_at_us = hub_wall(hub, now_us),
    };

    memcpy(row.id, delivery->id, sizeof(row.id));
    memcpy(row.endpoint_id, delivery->lane->endpoint->row.id, sizeof(row.endpoint_id));
    memcpy(row.event, delivery->event, sizeof(row.event));
    memcpy(row.last_error, delivery->last_error, sizeof(row.last_error));
    (void)snprintf(row.status, sizeof(row.status), "%s", status); /* the words fit */
    if (strcmp(status, "pending") != 0)
        row.next_attempt_at_us = 0;
    store_batch_put_webhook_delivery(batch, &row);
}

/* ---- giving up ---- */

void queue_give_up(struct webhook_hub *hub, struct delivery *delivery, const char *reason,
                   struct store_batch *batch, int64_t now_us)
{
    (void)snprintf(delivery->last_error, sizeof(delivery->last_error), "%s", reason);
    queue_put_row(hub, delivery, "failed", batch, now_us);
    delivery->lane->endpoint->last_end_us = now_us;
    queue_remove(hub, delivery);
    hub->failed_total++;
}

void queue_give_up_all(struct webhook_hub *hub, struct endpoint *endpoint, const char *reason,
                       struct store_batch *batch, int64_t now_us)
{
    LIST_FOR_EACH(lane_node, &endpoint->lanes)
    {
        struct lane *lane = CONTAINER_OF(lane_node, struct lane, node);
        size_t kept = lane->is_sending ? 1 : 0;

        /* The last one that goes takes the lane along, so it is not asked again. */
        for (bool is_last = false; !is_last;) {
            struct list_node *node = lane->deliveries.head.prev;

            if (node == &lane->deliveries.head || (kept && node->prev == &lane->deliveries.head))
                break;
            is_last = !kept && node->prev == &lane->deliveries.head;
            queue_give_up(hub, CONTAINER_OF(node, struct delivery, node), reason, batch, now_us);
        }
    }
}

/* The oldest that is not being sent, or NULL. */
static struct delivery *oldest_of(const struct endpoint *endpoint)
{
    struct delivery *oldest = NULL;

    LIST_FOR_EACH(lane_node, &endpoint->lanes)
    {
        const struct lane *lane = CONTAINER_OF(lane_node, struct lane, node);
        struct list_node *node = lane->deliveries.head.next;

        if (lane->is_sending)
            node = node->next;
        if (node == &lane->deliveries.head)
            continue;
        struct delivery *candidate = CONTAINER_OF(node, struct delivery, node);
        if (!oldest || candidate->created_at_us < oldest->created_at_us)
            oldest = candidate;
    }
    return oldest;
}

static struct endpoint *fullest(const struct webhook_hub *hub)
{
    struct endpoint *found = NULL;

    LIST_FOR_EACH(node, &hub->turns)
    {
        struct endpoint *endpoint = CONTAINER_OF(node, struct endpoint, in_turn);

        if (!found || endpoint->pending_count > found->pending_count)
            found = endpoint;
    }
    return found;
}

void queue_make_room(struct webhook_hub *hub, struct endpoint *endpoint, struct store_batch *batch,
                     int64_t now_us)
{
    struct endpoint *victim = NULL;

    if (endpoint->pending_count >= hub->limits.endpoint_pending_max)
        victim = endpoint;
    else if (hub->pending_count >= hub->limits.pending_max)
        victim = fullest(hub);

    struct delivery *oldest = victim ? oldest_of(victim) : NULL;
    if (!oldest)
        return; /* there is room; or all that waits is being sent, a handful */
    log_limited(LOG_WARN, 1, "webhook_queue_full", LOG_STR("endpoint", victim->row.id),
                LOG_U64("waiting", victim->pending_count));
    hub->overflow_total++;
    queue_give_up(hub, oldest,
                  "Too many deliveries waited for this endpoint, and this was the oldest. Replay "
                  "it when the endpoint answers again.",
                  batch, now_us);
}

/* ---- sending ---- */

void queue_touch(struct endpoint *endpoint, int64_t at_us)
{
    if (at_us < endpoint->deadline_us)
        endpoint->deadline_us = at_us;
}

static enum err write_signature(const struct endpoint *endpoint, const struct delivery *delivery,
                                const char *timestamp, int64_t wall_us, struct writer *w)
{
    const struct webhook_endpoint_row *row = &endpoint->row;
    struct text body = buf_text(delivery->payload);
    enum err err = webhook_sign(w, row->signing_secret, delivery->id, timestamp, body);

    if (err == OK && row->old_signing_secret[0] != '\0' && wall_us < row->old_secret_until_us) {
        writer_char(w, ' ');
        err = webhook_sign(w, row->old_signing_secret, delivery->id, timestamp, body);
    }
    writer_char(w, '\0');
    return w->failed ? ERR_INVALID : err;
}

static void give_up_unsigned(struct webhook_hub *hub, struct delivery *delivery, int64_t now_us)
{
    struct store_batch *batch = store_batch_create();

    queue_give_up(hub, delivery,
                  "The endpoint's secret cannot be read, so nothing can be signed: rotate it.",
                  batch, now_us);
    (void)hub_store(hub, batch);
}

/* The lane may be gone afterwards. */
static void send_first(struct webhook_hub *hub, struct lane *lane, int64_t now_us)
{
    struct delivery *delivery = first_of(lane);
    struct endpoint *endpoint = lane->endpoint;
    int64_t wall_us = hub_wall(hub, now_us);
    char timestamp[24];
    char signature[WEBHOOK_SIGNATURE_LEN_MAX + 1];
    struct writer w = writer_fixed(signature, sizeof(signature));

    (void)snprintf(timestamp, sizeof(timestamp), "%lld", (long long)(wall_us / US_PER_S));
    if (write_signature(endpoint, delivery, timestamp, wall_us, &w) != OK) {
        give_up_unsigned(hub, delivery, now_us);
        return;
    }
    delivery->send_id = ++hub->last_send_id;
    (void)map_put_u64(&hub->sends, delivery->send_id, delivery); /* the id is new */
    lane->is_sending = true;
    hub->sending_count++;
    if (!lane->is_solo)
        endpoint->sending_count++;
    list_unlink(&lane->node);
    list_push_back(&endpoint->lanes, &lane->node);

    const struct webhook_send send = {
        .id = delivery->send_id,
        .url = endpoint->row.url,
        .webhook_id = delivery->id,
        .webhook_timestamp = timestamp,
        .webhook_signature = signature,
        .body = delivery->payload,
    };
    hub->handler.send(hub->handler.context, &send);
}

/* True when it sent something. Tests and replays are asked for by a person who waits: they do not
 * stand behind the four others. */
static bool pump_endpoint(struct webhook_hub *hub, struct endpoint *endpoint, int64_t now_us)
{
    bool did_send = false;

    endpoint->deadline_us = WEBHOOK_NEVER;
    LIST_FOR_EACH(node, &endpoint->lanes)
    {
        struct lane *lane = CONTAINER_OF(node, struct lane, node);
        const struct delivery *first = first_of(lane);
        bool has_room = hub->sending_count < hub->limits.sends_max &&
                        (lane->is_solo || endpoint->sending_count < WEBHOOK_PARALLEL_MAX);

        if (lane->is_sending || first->mark)
            continue;
        if (first->next_attempt_us > now_us || !has_room) {
            queue_touch(endpoint, first->next_attempt_us);
            continue;
        }
        send_first(hub, lane, now_us);
        did_send = true;
    }
    return did_send;
}

void queue_pump(struct webhook_hub *hub, int64_t now_us)
{
    LIST_FOR_EACH(node, &hub->turns)
    {
        struct endpoint *endpoint = CONTAINER_OF(node, struct endpoint, in_turn);

        if (hub->sending_count >= hub->limits.sends_max)
            return;
        if (endpoint->deadline_us > now_us || !pump_endpoint(hub, endpoint, now_us))
            continue;
        if (list_node_is_linked(&endpoint->in_turn)) {
            list_unlink(&endpoint->in_turn);
            list_push_back(&hub->turns, &endpoint->in_turn);
        }
    }
}

int64_t queue_deadline_us(const struct webhook_hub *hub)
{
    int64_t deadline_us = WEBHOOK_NEVER;

    if (hub->sending_count >= hub->limits.sends_max)
        return deadline_us; /* the next answer makes room */
    LIST_FOR_EACH(node, &hub->turns)
    {
        const struct endpoint *endpoint = CONTAINER_OF(node, struct endpoint, in_turn);

        if (endpoint->deadline_us < deadline_us &&
            endpoint->sending_count < WEBHOOK_PARALLEL_MAX) /* else an answer comes before */
            deadline_us = endpoint->deadline_us;
    }
    return deadline_us;
}
