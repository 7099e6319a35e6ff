#include "api/present.h"

#include <stdio.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/writer.h"
#include "channel/channel.h"

enum { URL_LEN_MAX = 512 };

void present_url(struct jsonw *j, const char *key, struct text base_url, const char *path,
                 uint64_t id, const char *suffix)
{
    char url[URL_LEN_MAX];
    struct writer w = writer_fixed(url, sizeof(url));

    writer_text(&w, base_url);
    writer_str(&w, path);
    writer_dec(&w, id);
    writer_str(&w, suffix);
    jsonw_member_text(j, key, writer_as_text(&w));
}

void present_path(struct jsonw *j, const char *key, struct text base_url, const char *path)
{
    char url[URL_LEN_MAX + STORE_URL_LEN_MAX];
    struct writer w = writer_fixed(url, sizeof(url));

    if (!*path) {
        jsonw_member_null(j, key);
        return;
    }
    if (*path == '/') /* else it is a whole URL already */
        writer_text(&w, base_url);
    writer_str(&w, path);
    jsonw_member_text(j, key, writer_as_text(&w));
}

void present_time(struct jsonw *j, const char *key, int64_t wall_us)
{
    char chars[40];
    struct writer w = writer_fixed(chars, sizeof(chars));

    if (wall_us == 0) {
        jsonw_member_null(j, key);
        return;
    }
    clock_write_iso8601(&w, wall_us);
    jsonw_member_text(j, key, writer_as_text(&w));
}

void present_id(struct jsonw *j, const char *key, uint64_t id)
{
    if (id == 0)
        jsonw_member_null(j, key);
    else
        jsonw_member_u64(j, key, id);
}

void present_words(struct jsonw *j, const char *key, const char *words)
{
    struct text rest = text_of(words);

    jsonw_key(j, key);
    jsonw_array_begin(j);
    while (rest.len != 0)
        jsonw_text(j, text_cut(&rest, ' '));
    jsonw_array_end(j);
}

void present_seconds_between(struct jsonw *j, const char *key, int64_t from_us, int64_t until_us)
{
    bool is_known = from_us != 0 && until_us >= from_us;

    present_fraction(j, key, is_known ? (double)(until_us - from_us) / US_PER_S : -1, 3);
}

void present_known(struct jsonw *j, const char *key, int64_t number)
{
    if (number < 0)
        jsonw_member_null(j, key);
    else
        jsonw_member_i64(j, key, number);
}

void present_fraction(struct jsonw *j, const char *key, double number, unsigned decimals)
{
    jsonw_key(j, key);
    if (number < 0)
        jsonw_null(j);
    else
        jsonw_double(j, number, decimals);
}

void present_word(struct jsonw *j, const char *key, const char *word)
{
    jsonw_member_str(j, key, word && *word ? word : NULL);
}

static void present_codec(struct jsonw *j, const char *key, enum codec codec)
{
    jsonw_member_str(j, key, codec == CODEC_NONE ? NULL : codec_name(codec));
}

static void present_viewers(struct jsonw *j, const struct channel *channel)
{
    jsonw_member_u64(j, "viewerCount", (uint64_t)channel->webrtc_viewers + channel->hls_viewers);
}

static void present_life(struct jsonw *j, const struct channel *channel)
{
    jsonw_member_bool(j, "isActive", relay_state_is_active(channel->state));
    jsonw_member_bool(j, "isLive",
                      channel->state == RELAY_ACTIVE || channel->state == RELAY_RECONNECTING);
    present_word(j, "relayStatus", relay_state_name(channel->state));
}

/* What another server runs is played from there, if that tells where it is. Else from where this
 * one is reached: then something in front finds the right one. */
static struct text playback_base(const struct channel *channel, struct text base_url)
{
    return channel->is_foreign && channel->node_url[0] ? text_of(channel->node_url) : base_url;
}

void present_playback(struct jsonw *j, const char *key, const struct channel *channel,
                      struct text base_url)
{
    present_url(j, key, playback_base(channel, base_url), "/hls/", channel->id, "/index.m3u8");
}

static void present_summary_members(struct jsonw *j, const struct channel *channel,
                                    struct text base_url)
{
    jsonw_member_u64(j, "id", channel->id);
    jsonw_member_str(j, "title", channel->title);
    present_life(j, channel);
    present_viewers(j, channel);
    present_time(j, "startedAt", channel->started_at_us);
    present_time(j, "endedAt", channel->ended_at_us);
    present_playback(j, "hlsPlaybackUrl", channel, base_url);
    present_url(j, "watchUrl", base_url, "/watch/", channel->id, "");
    present_url(j, "studioUrl", base_url, "/studio/", channel->id, "");
    present_time(j, "createdAt", channel->created_at_us);
}

void present_summary(struct jsonw *j, const struct channel *channel, struct text base_url)
{
    jsonw_object_begin(j);
    present_summary_members(j, channel, base_url);
    jsonw_object_end(j);
}

/* A publisher that is gone before its first picture has left nothing: it is as if none had come. */
static bool is_waiting(const struct channel *channel)
{
    return channel->state == RELAY_STARTING && channel->session_id == 0;
}

static void present_numbers(struct jsonw *j, const struct channel *channel)
{
    const struct channel_stats *stats = &channel->stats;
    bool has_publisher = relay_state_is_active(channel->state) && !is_waiting(channel);

    present_word(j, "ingest", has_publisher ? ingest_name(channel->ingest) : NULL);
    present_word(j, "health", is_waiting(channel) ? NULL : health_name(channel->health.health));
    present_word(j, "healthReason", is_waiting(channel) ? NULL : channel->health.reason);
    present_known(j, "bitrateKbps", stats->bitrate_kbps);
    present_fraction(j, "fps", stats->fps, 1);
    present_known(j, "keyframeIntervalMs", stats->keyframe_interval_ms);
    present_fraction(j, "packetLoss", stats->packet_loss, 4);
    present_known(j, "rttMs", stats->rtt_ms);
    present_codec(j, "videoCodec", stats->video_codec);
    present_codec(j, "audioCodec", stats->audio_codec);
    present_known(j, "width", stats->width ? (int64_t)stats->width : -1);
    present_known(j, "height", stats->height ? (int64_t)stats->height : -1);
}

void present_status(struct jsonw *j, const struct channel *channel, struct text base_url)
{
    jsonw_object_begin(j);
    jsonw_member_u64(j, "channelId", channel->id);
    present_life(j, channel);
    present_word(j, "relayError", channel->state == RELAY_ERROR ? channel->reason : NULL);
    if (relay_state_is_playable(channel->state))
        present_playback(j, "hlsPlaybackUrl", channel, base_url);
    else
        jsonw_member_null(j, "hlsPlaybackUrl");
    present_path(j, "recordingUrl", base_url, channel->recording_url);
    present_viewers(j, channel);
    jsonw_member_u64(j, "webrtcViewers", channel->webrtc_viewers);
    jsonw_member_u64(j, "hlsViewers", channel->hls_viewers);
    present_time(j, "startedAt", channel->started_at_us);
    present_time(j, "endedAt", channel->ended_at_us);
    present_numbers(j, channel);
    jsonw_object_end(j);
}

void present_publish_members(struct jsonw *j, const struct channel *channel, struct text base_url,
                             struct text rtmp_url)
{
    jsonw_member_text(j, "streamKey", secret_reveal(&channel->stream_key));
    present_url(j, "whipUrl", base_url, "/whip/", channel->id, "");
    jsonw_key(j, "rtmpUrl");
    if (rtmp_url.len != 0)
        jsonw_text(j, rtmp_url);
    else
        jsonw_null(j);
}

void present_relay(struct jsonw *j, const struct channel *channel, struct text base_url)
{
    bool is_active = relay_state_is_active(channel->state);

    jsonw_object_begin(j);
    jsonw_member_u64(j, "channelId", channel->id);
    jsonw_member_str(j, "title", channel->title);
    jsonw_member_bool(j, "isActive", is_active);
    present_word(j, "status", relay_state_name(channel->state));
    present_word(j, "error", channel->state == RELAY_ERROR ? channel->reason : NULL);
    present_viewers(j, channel);
    present_known(j, "bitrate", channel->stats.bitrate_kbps);
    present_fraction(j, "fps", channel->stats.fps, 1);
    present_word(j, "health", health_name(channel->health.health));
    present_word(j, "healthReason", channel->health.reason);
    present_time(j, "startedAt", is_active ? channel->started_at_us : 0);
    if (relay_state_is_playable(channel->state))
        present_playback(j, "playbackUrl", channel, base_url);
    else
        jsonw_member_null(j, "playbackUrl");
    jsonw_member_str(j, "source", "local");
    jsonw_member_str(j, "platform", "local");
    jsonw_object_end(j);
}

static void present_owner_members(struct jsonw *j, const struct channel *channel)
{
    present_word(j, "hostUserId", channel->host_user_id);
    present_id(j, "maxDurationSeconds", channel->max_duration_s);
}

void present_channel(struct jsonw *j, const struct channel *channel, struct text base_url,
                     struct text rtmp_url, bool is_owner, bool sees_key)
{
    char name[40];

    (void)snprintf(name, sizeof(name), "channel_%llu", (unsigned long long)channel->id); /* fits */
    jsonw_object_begin(j);
    present_summary_members(j, channel, base_url);
    jsonw_member_str(j, "channelName", name);
    jsonw_member_str(j, "streamMode", stream_mode_name(channel->stream_mode));
    jsonw_key(j, "streamingStatus");
    present_status(j, channel, base_url);
    if (is_owner)
        present_owner_members(j, channel);
    if (sees_key) {
        jsonw_key(j, "publish");
        jsonw_object_begin(j);
        present_publish_members(j, channel, base_url, rtmp_url);
        jsonw_object_end(j);
    }
    jsonw_object_end(j);
}

void api_channel_json(const struct channel *channel, struct text base_url, struct writer *w)
{
    struct jsonw j = jsonw_of(w);

    present_channel(&j, channel, base_url, (struct text){0}, false, false);
}

void api_status_json(const struct channel *channel, struct text base_url, struct writer *w)
{
    struct jsonw j = jsonw_of(w);

    present_status(&j, channel, base_url);
}

void api_status_trpc_json(const struct channel *channel, struct text base_url, struct writer *w)
{
    struct jsonw j = jsonw_of(w);

    jsonw_object_begin(&j);
    jsonw_key(&j, "result");
    jsonw_object_begin(&j);
    jsonw_key(&j, "data");
    present_status(&j, channel, base_url);
    jsonw_object_end(&j);
    jsonw_object_end(&j);
}
