/*
 * history - the numbers that outlive a broadcast: a row of each channel on air every ten seconds,
 * and what a broadcast took when it ends (spec section 3: stream_metrics, stream_costs). The store
 * thins the rows with age.
 */
#include <stdio.h>

#include "app/server.h"
#include "base/clock.h"

enum { SAMPLE_S = 10 };

static void put_metric(struct store_batch *batch, const struct channel *channel, int64_t wall_us)
{
    const struct channel_stats *stats = &channel->stats;
    struct stream_metric_row row = {
        .channel_id = channel->id,
        .broadcast_id = channel->broadcast_id,
        .at_us = wall_us,
        .resolution_s = SAMPLE_S,
        .webrtc_viewers = channel->webrtc_viewers,
        .hls_viewers = channel->hls_viewers,
        .bitrate_kbps = stats->bitrate_kbps,
        .fps = stats->fps,
        .keyframe_interval_ms = stats->keyframe_interval_ms,
        .packet_loss = stats->packet_loss,
        .rtt_ms = stats->rtt_ms,
    };
    const char *health = health_name(channel->health.health);

    (void)snprintf(row.relay_health, sizeof(row.relay_health), "%s", health ? health : "");
    store_batch_put_stream_metric(batch, &row);
}

void history_on_second(struct server *server)
{
    int64_t now_us = loop_now_us(server->control);
    struct store_batch *batch;

    if (now_us < server->sample_at_us)
        return;
    server->sample_at_us = now_us + SAMPLE_S * US_PER_S;
    if (channel_directory_live_count(server->directory) == 0)
        return;
    batch = store_batch_create();
    for (size_t i = 0; i < channel_directory_count(server->directory); i++) {
        const struct channel *channel = channel_directory_at(server->directory, i);

        /* Another server writes its own. */
        if (relay_state_is_playable(channel->state) && !channel->is_foreign &&
            store_batch_count(batch) < STORE_BATCH_MAX)
            put_metric(batch, channel, channel_directory_wall_us(server->directory, now_us));
    }
    if (store_batch_count(batch) != 0)
        work_store(server, batch);
    else
        store_batch_destroy(batch);
}

void history_on_broadcast_ended(const struct store_change *change, struct store_batch *batch)
{
    const struct broadcast_row *broadcast = &change->broadcast;
    int64_t length_us = broadcast->ended_at_us - broadcast->started_at_us;
    struct stream_cost_row row = {
        .channel_id = broadcast->channel_id,
        .broadcast_id = broadcast->id,
        .provider = "local",
        .unit = "minute",
        .created_at_us = broadcast->ended_at_us,
    };

    if (broadcast->started_at_us == 0 || length_us <= 0)
        return;
    row.duration_s = (uint32_t)(length_us / US_PER_S);
    row.quantity = (double)length_us / (60.0 * US_PER_S);
    store_batch_put_stream_cost(batch, &row); /* one's own machine sends no bill */
}
