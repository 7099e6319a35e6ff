/*
 * metrics - the numbers of all channels as Prometheus text (exposition format 0.0.4).
 */
#include "base/clock.h"
#include "base/writer.h"
#include "channel/directory.h"

struct metric {
    const char *name;
    const char *help;
    double (*value)(const struct channel *channel); /* negative: not known, left out */
};

static double bitrate(const struct channel *channel)
{
    return channel->stats.bitrate_kbps * 1000.0;
}

static double fps(const struct channel *channel)
{
    return channel->stats.fps;
}

static double keyframe_interval(const struct channel *channel)
{
    return channel->stats.keyframe_interval_ms / 1000.0;
}

static double packet_loss(const struct channel *channel)
{
    return channel->stats.packet_loss;
}

static double round_trip(const struct channel *channel)
{
    return channel->stats.rtt_ms / 1000.0;
}

static double part_delay(const struct channel *channel)
{
    return channel->stats.part_delay_ms / 1000.0;
}

static double is_playable(const struct channel *channel)
{
    return relay_state_is_playable(channel->state) ? 1 : 0;
}

static double health(const struct channel *channel)
{
    return channel->health.health == HEALTH_UNKNOWN
               ? -1
               : (double)(HEALTH_POOR - channel->health.health);
}

static const struct metric metrics[] = {
    {"stoa_channel_playable", "1 while the channel has HLS to play.", is_playable},
    {"stoa_channel_health", "2 good, 1 fair, 0 poor.", health},
    {"stoa_channel_bitrate_bits_per_second", "Media that arrives from the publisher.", bitrate},
    {"stoa_channel_frames_per_second", "Pictures that arrive from the publisher.", fps},
    {"stoa_channel_keyframe_interval_seconds", "Time between the last key frames.",
     keyframe_interval},
    {"stoa_channel_packet_loss_ratio", "Part of the publisher's packets that is lost, 0 to 1.",
     packet_loss},
    {"stoa_channel_round_trip_seconds", "Round trip between publisher and server.", round_trip},
    {"stoa_channel_part_delay_seconds",
     "From the arrival of a part's last sample to the part being listed.", part_delay},
};

static void write_head(struct writer *w, const char *name, const char *help)
{
    writer_str(w, "# HELP ");
    writer_str(w, name);
    writer_char(w, ' ');
    writer_str(w, help);
    writer_str(w, "\n# TYPE ");
    writer_str(w, name);
    writer_str(w, " gauge\n");
}

static void write_metric(const struct channel_directory *dir, const struct metric *metric,
                         struct writer *w)
{
    write_head(w, metric->name, metric->help);
    LIST_FOR_EACH(node, &dir->active)
    {
        const struct channel *channel = CONTAINER_OF(node, struct channel, in_active);
        double value = metric->value(channel);

        if (value < 0)
            continue;
        writer_str(w, metric->name);
        writer_str(w, "{channel=\"");
        writer_dec(w, channel->id);
        writer_printf(w, "\"} %.6g\n", value);
    }
}

static void write_viewers_of(struct writer *w, uint64_t id, const char *protocol, uint32_t count)
{
    writer_str(w, "stoa_channel_viewers{channel=\"");
    writer_dec(w, id);
    writer_str(w, "\",protocol=\"");
    writer_str(w, protocol);
    writer_str(w, "\"} ");
    writer_dec(w, count);
    writer_char(w, '\n');
}

static void write_viewers(const struct channel_directory *dir, struct writer *w)
{
    write_head(w, "stoa_channel_viewers", "Viewers that watch now.");
    LIST_FOR_EACH(node, &dir->active)
    {
        const struct channel *channel = CONTAINER_OF(node, struct channel, in_active);

        write_viewers_of(w, channel->id, "hls", channel->hls_viewers);
        write_viewers_of(w, channel->id, "webrtc", channel->webrtc_viewers);
    }
}

static void write_states(const struct channel_directory *dir, struct writer *w)
{
    uint64_t counts[RELAY_STATE_END] = {0};

    for (size_t i = 0; i < dir->channels.count; i++)
        counts[dir->channels.items[i]->state]++;
    write_head(w, "stoa_channels", "Channels by the state of their relay.");
    for (enum relay_state state = RELAY_IDLE; state < RELAY_STATE_END; state++) {
        writer_str(w, "stoa_channels{state=\"");
        writer_str(w, state == RELAY_IDLE ? "idle" : relay_state_name(state));
        writer_str(w, "\"} ");
        writer_dec(w, counts[state]);
        writer_char(w, '\n');
    }
}

void channel_write_metrics(const struct channel_directory *dir, struct writer *w)
{
    write_states(dir, w);
    write_viewers(dir, w);
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
        write_metric(dir, &metrics[i], w);
}
