/*
 * present - broadcasts that were, and their numbers, in JSON.
 */
#include "api/present.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/jsonw.h"

void present_broadcast(struct jsonw *j, const struct broadcast_row *row, struct text base_url)
{
    jsonw_object_begin(j);
    jsonw_member_u64(j, "id", row->id);
    jsonw_member_u64(j, "channelId", row->channel_id);
    present_time(j, "startedAt", row->started_at_us);
    present_time(j, "endedAt", row->ended_at_us);
    present_seconds_between(j, "durationSeconds", row->started_at_us, row->ended_at_us);
    present_word(j, "endReason", row->end_reason);
    jsonw_member_u64(j, "peakViewers", row->peak_viewers);
    present_word(j, "source", row->source);
    present_word(j, "platform", row->platform);
    present_path(j, "recordingUrl", base_url, row->recording_url);
    jsonw_object_end(j);
}

void present_metric(struct jsonw *j, const struct stream_metric_row *row)
{
    jsonw_object_begin(j);
    present_time(j, "at", row->at_us);
    present_id(j, "broadcastId", row->broadcast_id);
    present_known(j, "bitrateKbps", row->bitrate_kbps);
    present_fraction(j, "fps", row->fps, 1);
    present_known(j, "keyframeIntervalMs", row->keyframe_interval_ms);
    present_fraction(j, "packetLoss", row->packet_loss, 4);
    present_known(j, "rttMs", row->rtt_ms);
    jsonw_member_u64(j, "webrtcViewers", row->webrtc_viewers);
    jsonw_member_u64(j, "hlsViewers", row->hls_viewers);
    present_word(j, "health", row->relay_health);
    jsonw_member_u64(j, "resolutionSeconds", row->resolution_s);
    jsonw_object_end(j);
}

void present_recording(struct jsonw *j, const struct api_recording *recording, struct text base_url)
{
    jsonw_object_begin(j);
    jsonw_member_u64(j, "channelId", recording->channel_id);
    present_id(j, "broadcastId", recording->broadcast_id);
    jsonw_member_bool(j, "isRecording", recording->is_recording);
    present_time(j, "startedAt", recording->started_at_us);
    present_fraction(j, "durationSeconds", (double)recording->duration_us / US_PER_S, 3);
    jsonw_member_u64(j, "bytes", recording->bytes);
    present_path(j, "url", base_url, recording->url);
    present_word(j, "reason", recording->reason);
    jsonw_object_end(j);
}

void api_broadcast_json(const struct broadcast_row *row, struct text base_url, struct writer *w)
{
    struct jsonw j = jsonw_of(w);

    present_broadcast(&j, row, base_url);
}

void api_recording_json(const struct api_recording *recording, struct text base_url,
                        struct writer *w)
{
    struct jsonw j = jsonw_of(w);

    present_recording(&j, recording, base_url);
}
