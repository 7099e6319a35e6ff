/*
 * publish - who may publish on a channel, and what the live layer tells about it.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "channel/directory.h"

static const struct {
    const char *name;
    const char *label;
} ingests[] = {
    [INGEST_WHIP] = {"whip", "a browser (WebRTC)"},
    [INGEST_RTMP] = {"rtmp", "RTMP"},
    [INGEST_RTMPS] = {"rtmps", "RTMPS"},
};

static const int64_t ENCODERS_WAIT_US = 15 * US_PER_S; /* at least, after an end by hand */

static const char *const stream_modes[] = {
    [STREAM_MODE_WEBRTC_ONLY] = "webrtc-only",
    [STREAM_MODE_HYBRID] = "hybrid",
};

const char *stream_mode_name(enum stream_mode mode)
{
    return stream_modes[mode];
}

bool stream_mode_parse(struct text name, enum stream_mode *ret_mode)
{
    enum stream_mode mode = STREAM_MODE_HYBRID;

    if (text_equal(name, TEXT("webrtc-only")) || text_equal(name, TEXT("agora-only")))
        mode = STREAM_MODE_WEBRTC_ONLY;
    else if (!text_equal(name, TEXT("hybrid")))
        return false;
    *ret_mode = mode;
    return true;
}

const char *ingest_name(enum ingest ingest)
{
    return ingests[ingest].name;
}

struct channel_stats channel_stats_unknown(void)
{
    return (struct channel_stats){
        .video_codec = CODEC_NONE,
        .audio_codec = CODEC_NONE,
        .bitrate_kbps = -1,
        .target_bitrate_kbps = -1,
        .fps = -1,
        .nominal_fps = -1,
        .keyframe_interval_ms = -1,
        .packet_loss = -1,
        .rtt_ms = -1,
        .part_delay_ms = -1,
    };
}

enum err channel_check_key(const struct channel_directory *dir,
                           const struct publish_request *request, struct diag *diag)
{
    const struct channel *found = channel_find_by_key(dir, request->stream_key);

    if (!found) {
        diag_set(diag, "This stream key is not known. Copy it again from the studio.");
        return ERR_DENIED;
    }
    if (request->channel_id != 0 && request->channel_id != found->id) {
        diag_set(diag, "This stream key does not belong to this channel. Copy it again from the "
                       "studio.");
        return ERR_DENIED;
    }
    return OK;
}

static enum err find_channel(struct channel_directory *dir, const struct publish_request *request,
                             struct channel **ret_channel, struct diag *diag)
{
    enum err err = channel_check_key(dir, request, diag);

    if (!err)
        *ret_channel = directory_find(dir, channel_find_by_key(dir, request->stream_key)->id);
    return err;
}

/* The same key from a newer session replaces a silent one; one that sends stands in its way. */
static enum err check_incumbent(const struct channel_directory *dir, const struct channel *channel,
                                int64_t now_us, struct diag *diag)
{
    if (channel->session_id == 0 ||
        now_us - channel->stats.last_packet_us > dir->limits.takeover_silence_us)
        return OK;
    diag_set(diag, "This channel is already live from %s. End that broadcast first.",
             ingests[channel->ingest].label);
    return ERR_CONFLICT;
}

void directory_make_encoders_wait(struct channel *channel, int64_t now_us)
{
    channel->encoders_wait_until_us = now_us + ENCODERS_WAIT_US;
    channel->encoder_tried_us = now_us;
}

/* An encoder that was cut off connects again by itself. Being refused does not stop it: OBS, once
 * it was live, tries 25 times and waits half as long again each time, up to 15 minutes. So it has
 * to wait until it was silent for twice as long as before: then a person started it. */
static enum err check_just_ended(struct channel *channel, enum ingest ingest, int64_t now_us,
                                 struct diag *diag)
{
    if (ingest == INGEST_WHIP || now_us >= channel->encoders_wait_until_us)
        return OK;
    int64_t wait_us = 2 * (now_us - channel->encoder_tried_us);

    if (wait_us < ENCODERS_WAIT_US)
        wait_us = ENCODERS_WAIT_US;
    channel->encoder_tried_us = now_us;
    if (channel->encoders_wait_until_us < now_us + wait_us)
        channel->encoders_wait_until_us = now_us + wait_us;
    int64_t left_us = channel->encoders_wait_until_us - now_us;
    diag_set(diag,
             "This broadcast was just ended. To go live again, stop the encoder and start it after "
             "%" PRId64 " seconds.",
             (left_us + US_PER_S - 1) / US_PER_S);
    return ERR_CONFLICT;
}

enum err channel_publish(struct channel_directory *dir, const struct publish_request *request,
                         int64_t now_us, struct publish_answer *ret_answer, struct diag *diag)
{
    struct channel *channel;
    enum err err = find_channel(dir, request, &channel, diag);

    assert(request->session_id != 0);
    if (err == OK)
        err = check_incumbent(dir, channel, now_us, diag);
    if (err == OK)
        err = check_just_ended(channel, request->ingest, now_us, diag);
    if (err == OK)
        err = directory_fire(dir, channel, RELAY_EVENT_PUBLISH, NULL, now_us, diag);
    if (err != OK)
        return err;

    uint64_t old = channel->session_id ? channel->session_id : channel->lost_session_id;
    bool is_resumed = channel->has_media;

    channel->session_id = request->session_id;
    channel->lost_session_id = 0;
    channel->ingest = request->ingest;
    channel->has_media = true;
    channel->stats = channel_stats_unknown();
    channel->stats.last_packet_us = now_us;
    channel->health = (struct health_state){.health = HEALTH_UNKNOWN};
    if (old == request->session_id)
        old = 0;
    if (old != 0)
        dir->handler.kick_session(dir->handler.context, old,
                                  "a newer connection with the same key took over");
    *ret_answer = (struct publish_answer){channel->id, channel->broadcast_id, is_resumed, old};
    directory_tell_numbers(dir, channel);
    return OK;
}

/* The channel, if this session is its publisher. */
static struct channel *find_session(struct channel_directory *dir, uint64_t channel_id,
                                    uint64_t session_id)
{
    struct channel *channel = directory_find(dir, channel_id);

    return channel && session_id != 0 && channel->session_id == session_id ? channel : NULL;
}

void channel_on_media(struct channel_directory *dir, uint64_t channel_id, uint64_t session_id,
                      int64_t now_us)
{
    struct channel *channel = find_session(dir, channel_id, session_id);

    if (channel)
        directory_fire_quietly(dir, channel, RELAY_EVENT_MEDIA, NULL, now_us);
}

void channel_on_publisher_lost(struct channel_directory *dir, uint64_t channel_id,
                               uint64_t session_id, const char *reason, int64_t now_us)
{
    struct channel *channel = find_session(dir, channel_id, session_id);

    if (!channel)
        return;
    channel->session_id = 0;
    channel->lost_session_id = session_id;
    directory_fire_quietly(dir, channel, RELAY_EVENT_LOST, reason, now_us);
    /* No change of state tells it while the first picture is waited for. */
    directory_tell_numbers(dir, channel);
}

void directory_close_publisher(struct channel_directory *dir, struct channel *channel,
                               const char *reason, int64_t now_us)
{
    uint64_t session_id = channel->session_id ? channel->session_id : channel->lost_session_id;

    if (session_id == 0)
        return;
    /* Not even as a lost session may it come back. */
    channel->session_id = channel->lost_session_id = 0;
    dir->handler.kick_session(dir->handler.context, session_id, reason);
    directory_fire_quietly(dir, channel, RELAY_EVENT_LOST, reason, now_us);
    directory_tell_numbers(dir, channel);
}

void channel_on_publisher_resumed(struct channel_directory *dir, uint64_t channel_id,
                                  uint64_t session_id, int64_t now_us)
{
    struct channel *channel = directory_find(dir, channel_id);

    if (!channel || session_id == 0 || channel->lost_session_id != session_id)
        return;
    channel->session_id = session_id;
    channel->lost_session_id = 0;
    channel->stats.last_packet_us = now_us;
    directory_fire_quietly(dir, channel, RELAY_EVENT_PUBLISH, NULL, now_us);
    directory_tell_numbers(dir, channel);
}

void channel_on_media_failed(struct channel_directory *dir, uint64_t channel_id,
                             uint64_t session_id, const char *reason, int64_t now_us)
{
    struct channel *channel = find_session(dir, channel_id, session_id);

    if (channel)
        directory_fire_quietly(dir, channel, RELAY_EVENT_FAILED, reason, now_us);
}

void channel_on_media_stopped(struct channel_directory *dir, uint64_t channel_id,
                              uint64_t broadcast_id, int64_t now_us)
{
    struct channel *channel = directory_find(dir, channel_id);

    if (channel && broadcast_id != 0 && channel->broadcast_id == broadcast_id)
        directory_fire_quietly(dir, channel, RELAY_EVENT_MEDIA_STOPPED, NULL, now_us);
}

void channel_on_recording(struct channel_directory *dir, uint64_t channel_id, const char *url)
{
    struct channel *channel = directory_find(dir, channel_id);

    if (!channel || strcmp(channel->recording_url, url) == 0)
        return;
    (void)snprintf(channel->recording_url, sizeof(channel->recording_url), "%s", url);
    directory_tell_numbers(dir, channel);
}

void channel_on_stats(struct channel_directory *dir, uint64_t channel_id, uint64_t session_id,
                      const struct channel_stats *stats, int64_t now_us)
{
    struct channel *channel = find_session(dir, channel_id, session_id);

    if (!channel)
        return;
    channel->stats = *stats;
    health_update(&channel->health, stats, channel->ingest, now_us);
    directory_tell_numbers(dir, channel);
}

void channel_on_viewers(struct channel_directory *dir, uint64_t channel_id, uint32_t webrtc_viewers,
                        uint32_t hls_viewers, int64_t now_us)
{
    struct channel *channel = directory_find(dir, channel_id);

    (void)now_us; /* a count has no deadline */
    if (!channel || !relay_state_is_active(channel->state) ||
        (channel->webrtc_viewers == webrtc_viewers && channel->hls_viewers == hls_viewers))
        return;
    channel->webrtc_viewers = webrtc_viewers;
    channel->hls_viewers = hls_viewers;
    if (webrtc_viewers + hls_viewers > channel->peak_viewers)
        channel->peak_viewers = webrtc_viewers + hls_viewers;
    directory_tell_numbers(dir, channel);
}
