/*
 * recordings - what the control loop knows of the recordings that the media loop keeps: the newest
 * of each channel, who asked for one, and where a finished one is to be played.
 */
#include <stdio.h>
#include <string.h>

#include "app/server.h"
#include "base/mem.h"
#include "base/writer.h"

static struct api_recording *find_or_create(struct server *server, uint64_t channel_id)
{
    struct api_recording *recording = map_get_u64(&server->recordings, channel_id);

    if (recording)
        return recording;
    recording = mem_zalloc(sizeof(*recording));
    recording->channel_id = channel_id;
    (void)map_put_u64(&server->recordings, channel_id, recording); /* there was none */
    return recording;
}

/* ---- what the media loop tells ---- */

static void take_status(struct api_recording *recording, const struct record_status *status)
{
    struct writer url = writer_fixed(recording->url, sizeof(recording->url) - 1);

    recording->broadcast_id = status->broadcast_id;
    recording->is_recording = status->state == RECORD_RUNNING;
    recording->started_at_us = status->started_at_us;
    recording->duration_us = status->duration_us;
    recording->bytes = status->bytes;
    if (status->bytes)
        record_write_url(&url, status->channel_id, status->broadcast_id);
    recording->url[url.len] = '\0';
    (void)snprintf(recording->reason, sizeof(recording->reason), "%s", status->reason);
}

/* Complete files: the rows of broadcast and channel name them, and shops hear of them. */
static void publish_final(struct server *server, const struct api_recording *recording)
{
    struct store_batch *batch = store_batch_create();
    uint64_t mark;

    channel_on_recording(server->directory, recording->channel_id, recording->url);
    store_batch_set_recording(batch, recording->broadcast_id, recording->url);
    mark = outbox_append_recording(server, recording, batch);
    work_store_marked(server, batch, mark);
}

void recordings_on_status(struct server *server, const struct record_status *status)
{
    struct api_recording *newest = find_or_create(server, status->channel_id);
    struct api_recording recording = {.channel_id = status->channel_id};

    take_status(&recording, status);
    if (status->broadcast_id >= newest->broadcast_id) /* repairs tell of older ones */
        *newest = recording;
    if (status->is_final && status->bytes && channel_find(server->directory, status->channel_id))
        publish_final(server, &recording);
    if (status->is_final && status->state == RECORD_FAILED)
        log_error("recording_failed", LOG_U64("channel", status->channel_id),
                  LOG_U64("broadcast", status->broadcast_id), LOG_STR("reason", status->reason));
}

void recordings_on_deleted(struct server *server, uint64_t channel_id, uint64_t broadcast_id)
{
    const struct channel *channel = channel_find(server->directory, channel_id);
    const struct api_recording *newest = map_get_u64(&server->recordings, channel_id);
    char chars[RECORD_URL_LEN_MAX + 1];
    struct writer url = writer_fixed(chars, sizeof(chars) - 1);
    struct store_batch *batch;

    record_write_url(&url, channel_id, broadcast_id);
    chars[url.len] = '\0';
    if (newest && newest->broadcast_id == broadcast_id)
        mem_free(map_remove_u64(&server->recordings, channel_id));
    if (!channel)
        return; /* its rows are gone too */
    if (strcmp(channel->recording_url, chars) == 0)
        channel_on_recording(server->directory, channel_id, "");
    batch = store_batch_create();
    store_batch_set_recording(batch, broadcast_id, "");
    work_store(server, batch);
}

void recordings_on_channel_deleted(struct server *server, uint64_t channel_id)
{
    mem_free(map_remove_u64(&server->recordings, channel_id));
    media_post_delete_recordings(server, channel_id, 0);
}

/* ---- what the API asks ---- */

static enum err start(void *context, uint64_t channel_id, struct diag *diag)
{
    struct server *server = context;
    const struct channel *channel = channel_find(server->directory, channel_id);
    struct api_recording *recording;

    if (!channel || channel->broadcast_id == 0 || channel->is_foreign) {
        diag_set(diag, "This channel is not live on this server: there is nothing to record.");
        return ERR_CONFLICT;
    }
    recording = find_or_create(server, channel_id);
    if (recording->is_recording && recording->broadcast_id == channel->broadcast_id)
        return OK;
    *recording = (struct api_recording){
        .channel_id = channel_id,
        .broadcast_id = channel->broadcast_id,
        .is_recording = true,
        .started_at_us = channel_directory_wall_us(server->directory, loop_now_us(server->control)),
    };
    media_post_record(server, channel_id, channel->broadcast_id, true);
    return OK;
}

static enum err stop(void *context, uint64_t channel_id, struct diag *diag)
{
    struct server *server = context;
    struct api_recording *recording = map_get_u64(&server->recordings, channel_id);

    (void)diag;
    if (!recording || !recording->is_recording)
        return OK; /* pressing the button twice is no error */
    media_post_record(server, channel_id, recording->broadcast_id, false);
    recording->is_recording = false;
    return OK;
}

static bool status(void *context, uint64_t channel_id, struct api_recording *ret_recording)
{
    const struct server *server = context;
    const struct api_recording *recording = map_get_u64(&server->recordings, channel_id);

    if (recording)
        *ret_recording = *recording;
    return recording != NULL;
}

static bool active_at(void *context, size_t index, struct api_recording *ret_recording)
{
    const struct server *server = context;
    const struct api_recording *recording;
    size_t position = 0;

    while ((recording = map_next(&server->recordings, &position))) {
        if (!recording->is_recording)
            continue;
        if (index-- == 0) {
            *ret_recording = *recording;
            return true;
        }
    }
    return false;
}

struct api_recorder recordings_face(struct server *server)
{
    return (struct api_recorder){server, start, stop, status, active_at};
}

void recordings_deinit(struct server *server)
{
    size_t position = 0;
    struct api_recording *recording;

    while ((recording = map_next(&server->recordings, &position)))
        mem_free(recording);
    map_deinit(&server->recordings);
}
