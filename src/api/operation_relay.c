/*
 * operation_relay - relays, recordings and streams of the local platform.
 *
 * The relay of a channel is its broadcast, as the platform sees it: starting it announces the
 * broadcast, stopping it ends it. Starting one that runs answers with the running one.
 */
#include "api/operation.h"

#include <stdio.h>

#include "api/channel_call.h"
#include "api/exchange.h"
#include "api/present.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "channel/channel.h"

/* ---- relays ---- */

static bool handle_start(struct call *call)
{
    const struct channel *channel = call_find_channel(call);
    struct diag diag = {0};

    if (!channel)
        return false;
    if (!relay_state_is_active(channel->state) || channel->state == RELAY_STOPPING) {
        enum err err = channel_start(call->channels, channel->id, call->now_us, &diag);
        if (err != OK)
            return api_fail_err(call->error, err, &diag);
    }
    jsonw_object_begin(call->out);
    jsonw_member_bool(call->out, "success", true);
    jsonw_member_u64(call->out, "channelId", channel->id);
    present_word(call->out, "relayStatus", relay_state_name(channel->state));
    present_playback(call->out, "playbackUrl", channel, call->base_url);
    jsonw_member_text(call->out, "streamKey", secret_reveal(&channel->stream_key));
    jsonw_object_end(call->out);
    return true;
}

static bool handle_stop(struct call *call)
{
    uint64_t id = (uint64_t)call->input.number[0];
    char reason[48];
    struct diag diag = {0};

    (void)snprintf(reason, sizeof(reason), "the relay was stopped by %s",
                   call_actor_word(call)); /* fits */
    enum err err = channel_end(call->channels, id, reason, call->now_us, &diag);
    if (err != OK)
        return api_fail_err(call->error, err, &diag);

    const struct channel *channel = channel_find(call->channels, id);
    jsonw_object_begin(call->out);
    jsonw_member_bool(call->out, "success", true);
    jsonw_member_u64(call->out, "channelId", id);
    present_word(call->out, "relayStatus", relay_state_name(channel->state));
    jsonw_object_end(call->out);
    return true;
}

static bool handle_status(struct call *call)
{
    const struct channel *channel = call_find_channel(call);

    if (!channel)
        return false;
    present_relay(call->out, channel, call->base_url);
    return true;
}

/* Those that run. */
static bool handle_list(struct call *call)
{
    jsonw_object_begin(call->out);
    jsonw_key(call->out, "relays");
    jsonw_array_begin(call->out);
    for (size_t i = 0; i < channel_directory_count(call->channels); i++) {
        const struct channel *channel = channel_directory_at(call->channels, i);

        if (relay_state_is_active(channel->state))
            present_relay(call->out, channel, call->base_url);
    }
    jsonw_array_end(call->out);
    jsonw_object_end(call->out);
    return true;
}

/* ---- recordings ---- */

static void present_recording_of(struct call *call)
{
    struct api_recording recording = {0};
    uint64_t id = (uint64_t)call->input.number[0];

    if (!call->api->has_recorder ||
        !call->api->recorder.status(call->api->recorder.context, id, &recording))
        recording = (struct api_recording){0};
    recording.channel_id = id;
    present_recording(call->out, &recording, call->base_url);
}

static bool check_recorder(struct call *call)
{
    return call->api->has_recorder ||
           api_fail(call->error, API_NOT_SUPPORTED, "This server keeps no recordings.");
}

static bool handle_record(struct call *call)
{
    const struct api_recorder *recorder = &call->api->recorder;
    const struct channel *channel = call_find_channel(call);
    struct diag diag = {0};

    if (!channel || !check_recorder(call))
        return false;
    if (!relay_state_is_active(channel->state))
        return api_fail(call->error, API_PRECONDITION,
                        "This channel is not live: there is nothing to record.");
    enum err err = recorder->start(recorder->context, channel->id, &diag);
    if (err != OK)
        return api_fail_err(call->error, err, &diag);
    present_recording_of(call);
    return true;
}

static bool handle_stop_recording(struct call *call)
{
    const struct api_recorder *recorder = &call->api->recorder;
    const struct channel *channel = call_find_channel(call);
    struct diag diag = {0};

    if (!channel || !check_recorder(call))
        return false;
    enum err err = recorder->stop(recorder->context, channel->id, &diag);
    if (err != OK)
        return api_fail_err(call->error, err, &diag);
    present_recording_of(call);
    return true;
}

static bool handle_recording(struct call *call)
{
    if (!call_find_channel(call))
        return false;
    present_recording_of(call);
    return true;
}

static bool handle_active_recordings(struct call *call)
{
    const struct api_recorder *recorder = &call->api->recorder;
    struct api_recording recording = {0};

    jsonw_object_begin(call->out);
    jsonw_key(call->out, "recordings");
    jsonw_array_begin(call->out);
    for (size_t i = 0;
         call->api->has_recorder && recorder->active_at(recorder->context, i, &recording); i++)
        present_recording(call->out, &recording, call->base_url);
    jsonw_array_end(call->out);
    jsonw_object_end(call->out);
    return true;
}

/* ---- streams ---- */

static void present_hls(struct call *call, const struct channel *channel)
{
    if (relay_state_is_playable(channel->state))
        present_playback(call->out, "hlsUrl", channel, call->base_url);
    else
        jsonw_member_null(call->out, "hlsUrl");
}

static bool handle_playback(struct call *call)
{
    const struct channel *channel = call_find_channel(call);

    if (!channel)
        return false;
    jsonw_object_begin(call->out);
    present_hls(call, channel);
    jsonw_object_end(call->out);
    return true;
}

static bool handle_stream_status(struct call *call)
{
    const struct channel *channel = call_find_channel(call);

    if (!channel)
        return false;

    bool is_active = relay_state_is_active(channel->state);
    jsonw_object_begin(call->out);
    jsonw_member_bool(call->out, "isLive",
                      channel->state == RELAY_ACTIVE || channel->state == RELAY_RECONNECTING);
    present_hls(call, channel);
    present_seconds_between(call->out, "durationSeconds", channel->started_at_us,
                            is_active ? channel_directory_wall_us(call->channels, call->now_us)
                                      : channel->ended_at_us);
    jsonw_member_bool(call->out, "recordingAvailable", channel->recording_url[0] != '\0');
    jsonw_object_end(call->out);
    return true;
}

/* ---- health ---- */

static void present_check(struct jsonw *j, const char *key, const struct api_check *check)
{
    jsonw_key(j, key);
    jsonw_object_begin(j);
    jsonw_member_bool(j, "ok", check->is_ok);
    present_word(j, "detail", check->is_ok ? NULL : check->detail);
    jsonw_object_end(j);
}

bool call_health(struct call *call)
{
    struct api_health health = {0};
    struct jsonw *j = call->out;

    call->api->handler.health(call->api->handler.context, &health);
    bool is_local_ok = health.media.is_ok && health.delivery.is_ok;
    jsonw_object_begin(j);
    jsonw_member_bool(j, "local", is_local_ok);
    jsonw_member_bool(j, "overall", is_local_ok && health.database.is_ok);
    jsonw_key(j, "checks");
    jsonw_object_begin(j);
    present_check(j, "database", &health.database);
    present_check(j, "media", &health.media);
    present_check(j, "delivery", &health.delivery);
    jsonw_object_end(j);
    jsonw_object_end(j);
    return true;
}

/* ---- the rows ---- */

/* clang-format off */
static const struct field no_fields[] = {{0}};
static const struct field channel_fields[] = {CHANNEL_FIELD("channelId"), {0}};
static const struct field start_fields[] = {
    CHANNEL_FIELD("channelId"),
    {"sellerUid", FIELD_INTEGER, 0, 0, UINT32_MAX, NULL,
     "The seller's number in an RTC network; the local source needs none.", NULL},
    {0},
};

static const struct operation rows[] = {
    {"relay.start", "POST", "/channels/{channelId}/relay/start", OPERATION_MUTATION, WHO_HOST,
     SCOPE_PUBLISH, 0, start_fields, 200, "RelayStarted",
     "Start the relay; one that runs is answered as it is", handle_start},
    {"relay.stop", "POST", "/channels/{channelId}/relay/stop", OPERATION_MUTATION, WHO_HOST,
     SCOPE_PUBLISH, 0, channel_fields, 200, "Done",
     "Stop the relay and with it the broadcast; twice is no error", handle_stop},
    {"relay.status", "GET", "/channels/{channelId}/relay", OPERATION_QUERY, WHO_HOST, SCOPE_READ, 0,
     channel_fields, 200, "RelayStatus", "How the relay is", handle_status},
    {"relay.list", "GET", "/relays", OPERATION_QUERY, WHO_ADMIN, SCOPE_ADMIN, 0, no_fields, 200,
     "RelayList", "All relays that run", handle_list},
    {"recording.start", "POST", "/channels/{channelId}/recording/start", OPERATION_MUTATION, WHO_HOST,
     SCOPE_PUBLISH, 0, channel_fields, 200, "Recording",
     "Record the broadcast that goes on; twice is no error", handle_record},
    {"recording.stop", "POST", "/channels/{channelId}/recording/stop", OPERATION_MUTATION, WHO_HOST,
     SCOPE_PUBLISH, 0, channel_fields, 200, "Recording",
     "End the recording; the broadcast goes on", handle_stop_recording},
    {"recording.status", "GET", "/channels/{channelId}/recording", OPERATION_QUERY, WHO_HOST, SCOPE_READ,
     0, channel_fields, 200, "Recording", "The recording that runs, or the newest one", handle_recording},
    {"recording.listActive", "GET", "/recordings/active", OPERATION_QUERY, WHO_ADMIN, SCOPE_ADMIN, 0,
     no_fields, 200, "ActiveRecordings", "All recordings that run", handle_active_recordings},
    {"streaming.getPlaybackUrl", "GET", "/channels/{channelId}/playback", OPERATION_QUERY, WHO_ANYBODY, 0,
     0, channel_fields, 200, "Playback", "What a player loads; null while there is nothing to play",
     handle_playback},
    {"streaming.getStreamStatus", "GET", "/channels/{channelId}/stream-status", OPERATION_QUERY,
     WHO_ANYBODY, 0, 0, channel_fields, 200, "StreamStatus", "Whether there is something to play",
     handle_stream_status},
    {"streaming.healthCheck", "GET", "/streaming/health", OPERATION_QUERY, WHO_ANYBODY, 0, 0, no_fields,
     200, "Health", "The same as channel.healthCheck", call_health},
};
/* clang-format on */

const struct operation_table relay_operations = OPERATION_TABLE(rows);
