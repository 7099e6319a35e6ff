#include "webhook/hub.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/writer.h"
#include "store/store.h"

struct webhook_limits webhook_limits_default(void)
{
    return (struct webhook_limits){
        .endpoints_max = 5000,
        .account_endpoints_max = 20,
        .pending_max = 20000,
        .endpoint_pending_max = 5000,
        .sends_max = 64,
        .disable_after_us = INT64_C(5 * 24 * 3600) * US_PER_S,
        .secret_overlap_us = INT64_C(24 * 3600) * US_PER_S,
    };
}

struct webhook_hub *webhook_hub_create(const struct webhook_limits *limits,
                                       const struct webhook_handler *handler)
{
    struct webhook_hub *hub = mem_zalloc(sizeof(*hub));

    hub->limits = *limits;
    hub->handler = *handler;
    hub->secrets_until_us = WEBHOOK_NEVER;
    list_init(&hub->turns);
    list_init(&hub->unstored);
    list_init(&hub->changes);
    return hub;
}

void webhook_hub_destroy(struct webhook_hub *hub)
{
    struct list_node *node;

    if (!hub)
        return;
    while ((node = list_pop_front(&hub->changes))) {
        struct unstored_change *change = CONTAINER_OF(node, struct unstored_change, node);

        if (change->deleted)
            endpoint_destroy(hub, change->deleted);
        crypto_wipe(change, sizeof(*change));
        mem_free(change);
    }
    for (size_t i = 0; i < hub->endpoints.count; i++)
        endpoint_destroy(hub, hub->endpoints.items[i]);
    vec_deinit(&hub->endpoints);
    map_deinit(&hub->by_id);
    map_deinit(&hub->deliveries);
    map_deinit(&hub->sends);
    mem_free(hub);
}

void webhook_set_wall_offset(struct webhook_hub *hub, int64_t offset_us)
{
    hub->wall_offset_us = offset_us;
}

int64_t hub_wall(const struct webhook_hub *hub, int64_t now_us)
{
    return now_us + hub->wall_offset_us;
}

int64_t hub_mono(const struct webhook_hub *hub, int64_t wall_us)
{
    return wall_us - hub->wall_offset_us;
}

uint64_t hub_store(struct webhook_hub *hub, struct store_batch *batch)
{
    uint64_t mark = ++hub->last_mark;

    if (store_batch_count(batch) == 0)
        store_batch_destroy(batch);
    else
        hub->handler.store(hub->handler.context, batch, mark);
    return mark;
}

int64_t webhook_deadline_us(const struct webhook_hub *hub)
{
    int64_t deadline_us = queue_deadline_us(hub);

    if (hub->secrets_until_us != WEBHOOK_NEVER) {
        int64_t secrets_us = hub_mono(hub, hub->secrets_until_us);

        if (secrets_us < deadline_us)
            deadline_us = secrets_us;
    }
    return deadline_us;
}

void webhook_on_time(struct webhook_hub *hub, int64_t now_us)
{
    if (hub->secrets_until_us <= hub_wall(hub, now_us))
        endpoint_end_secrets(hub, now_us);
    queue_pump(hub, now_us);
}

size_t webhook_count(const struct webhook_hub *hub)
{
    return hub->endpoints.count;
}

const struct webhook_endpoint_row *webhook_at(const struct webhook_hub *hub, size_t index)
{
    return &hub->endpoints.items[index]->row;
}

const struct webhook_endpoint_row *webhook_find(const struct webhook_hub *hub, struct text id)
{
    const struct endpoint *endpoint = endpoint_find(hub, id);

    return endpoint ? &endpoint->row : NULL;
}

struct webhook_numbers webhook_endpoint_numbers(const struct webhook_hub *hub, struct text id)
{
    const struct endpoint *endpoint = endpoint_find(hub, id);

    if (!endpoint)
        return (struct webhook_numbers){0};
    return (struct webhook_numbers){
        .pending = endpoint->pending_count,
        .failing_since_us =
            endpoint->failing_since_us ? hub_wall(hub, endpoint->failing_since_us) : 0,
    };
}

static void write_metric(struct writer *w, const char *name, const char *type, const char *help,
                         uint64_t value)
{
    writer_printf(w, "# HELP stoa_webhook_%s %s\n# TYPE stoa_webhook_%s %s\nstoa_webhook_%s %llu\n",
                  name, help, name, type, name, (unsigned long long)value);
}

void webhook_write_metrics(const struct webhook_hub *hub, struct writer *w)
{
    uint64_t disabled = 0;

    for (size_t i = 0; i < hub->endpoints.count; i++)
        disabled += !hub->endpoints.items[i]->row.is_active;
    write_metric(w, "endpoints", "gauge", "Webhook endpoints.", hub->endpoints.count);
    write_metric(w, "endpoints_off", "gauge", "Webhook endpoints that are switched off.", disabled);
    write_metric(w, "deliveries_pending", "gauge", "Deliveries that wait or run.",
                 hub->pending_count);
    write_metric(w, "requests", "gauge", "Requests to endpoints that run.", hub->sending_count);
    write_metric(w, "deliveries_delivered_total", "counter", "Deliveries that were taken.",
                 hub->delivered_total);
    write_metric(w, "attempts_failed_total", "counter", "Requests that were not answered with 2xx.",
                 hub->failed_attempts_total);
    write_metric(w, "deliveries_failed_total", "counter", "Deliveries that were given up.",
                 hub->failed_total);
    write_metric(w, "deliveries_overflow_total", "counter",
                 "Of these, those given up because too many waited.", hub->overflow_total);
}
