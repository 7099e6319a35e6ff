/*
 * operation - the handlers, and the table that names them all.
 */
#include "api/operation.h"

#include <stdio.h>

#include "api/exchange.h"
#include "api/present.h"
#include "base/crypto.h"
#include "base/jsonw.h"
#include "channel/channel.h"

enum { ID_MAX = INT32_MAX, LIST_LIMIT_MAX = 1000, LIST_LIMIT_DEFAULT = 100 };

void api_draw_stream_key(char to[API_STREAM_KEY_LEN + 1])
{
    crypto_random_text(to, API_STREAM_KEY_LEN);
}

/* NULL: the error is filled. */
static const struct channel *find_channel(struct call *call)
{
    uint64_t id = (uint64_t)call->input.number[0];
    const struct channel *channel = channel_find(call->directory, id);

    if (!channel)
        (void)api_fail(call->error, API_NOT_FOUND, "Channel %llu not found",
                       (unsigned long long)id); /* always false */
    return channel;
}

static bool handle_list(struct call *call)
{
    size_t count = channel_directory_count(call->directory);
    size_t left =
        call->input.is_given[0] ? (size_t)call->input.number[0] : (size_t)LIST_LIMIT_DEFAULT;

    jsonw_object_begin(call->out);
    jsonw_key(call->out, "channels");
    jsonw_array_begin(call->out);
    for (int is_active = 1; is_active >= 0; is_active--) { /* who is live comes first */
        for (size_t i = count; i-- > 0 && left > 0;) {     /* newest first */
            const struct channel *channel = channel_directory_at(call->directory, i);

            if (relay_state_is_active(channel->state) != (is_active == 1))
                continue;
            present_summary(call->out, channel, call->base_url);
            left--;
        }
    }
    jsonw_array_end(call->out);
    jsonw_object_end(call->out);
    return true;
}

static bool handle_create(struct call *call)
{
    char key[API_STREAM_KEY_LEN + 1];
    struct diag diag = {0};
    uint64_t id;

    api_draw_stream_key(key);
    enum err err =
        channel_create(call->directory, &(struct channel_settings){.title = call->input.text[0]},
                       text_of(key), call->now_us, &id, &diag);
    crypto_wipe(key, sizeof(key));
    if (err != OK)
        return api_fail_err(call->error, err, &diag);

    const struct channel *channel = channel_find(call->directory, id);
    struct jsonw *j = call->out;
    jsonw_object_begin(j);
    jsonw_member_u64(j, "id", channel->id);
    jsonw_member_str(j, "title", channel->title);
    present_publish_members(j, channel, call->base_url, call->rtmp_url);
    present_url(j, "hlsPlaybackUrl", call->base_url, "/hls/", id, "/index.m3u8");
    present_url(j, "studioUrl", call->base_url, "/studio/", id, "");
    present_url(j, "watchUrl", call->base_url, "/watch/", id, "");
    jsonw_object_end(j);
    return true;
}

static bool handle_get(struct call *call)
{
    const struct channel *channel = find_channel(call);

    if (!channel)
        return false;
    present_channel(call->out, channel, call->base_url, call->rtmp_url,
                    caller_owns(call->caller, channel->id));
    return true;
}

static bool handle_status(struct call *call)
{
    const struct channel *channel = find_channel(call);

    if (!channel)
        return false;
    present_status(call->out, channel, call->base_url);
    return true;
}

/* What mutations of a channel answer. */
static void present_done(struct call *call, const struct channel *channel, bool with_publish)
{
    struct jsonw *j = call->out;
    char name[40];

    (void)snprintf(name, sizeof(name), "channel_%llu", (unsigned long long)channel->id); /* fits */
    jsonw_object_begin(j);
    jsonw_member_bool(j, "success", true);
    jsonw_member_u64(j, "channelId", channel->id);
    jsonw_member_str(j, "channelName", name);
    jsonw_member_str(j, "relayStatus",
                     channel->state == RELAY_IDLE ? NULL : relay_state_name(channel->state));
    if (with_publish) {
        jsonw_key(j, "publish");
        present_publish(j, channel, call->base_url, call->rtmp_url);
        present_url(j, "hlsPlaybackUrl", call->base_url, "/hls/", channel->id, "/index.m3u8");
    }
    jsonw_object_end(j);
}

static bool finish(struct call *call, enum err err, const struct diag *diag, bool with_publish)
{
    if (err != OK)
        return api_fail_err(call->error, err, diag);

    const struct channel *channel = find_channel(call);
    if (!channel)
        return false;
    present_done(call, channel, with_publish);
    return true;
}

static bool handle_start(struct call *call)
{
    struct diag diag = {0};
    enum err err =
        channel_start(call->directory, (uint64_t)call->input.number[0], call->now_us, &diag);

    return finish(call, err, &diag, true);
}

static bool handle_end(struct call *call)
{
    struct diag diag = {0};
    const char *reason =
        call->caller->kind == CALLER_ADMIN ? "ended by the admin" : "ended by the seller";
    enum err err =
        channel_end(call->directory, (uint64_t)call->input.number[0], reason, call->now_us, &diag);

    return finish(call, err, &diag, false);
}

static bool handle_rotate_key(struct call *call)
{
    char key[API_STREAM_KEY_LEN + 1];
    struct diag diag = {0};

    api_draw_stream_key(key);
    enum err err = channel_set_key(call->directory, (uint64_t)call->input.number[0], text_of(key),
                                   call->now_us, &diag);
    crypto_wipe(key, sizeof(key));
    return finish(call, err, &diag, true);
}

static bool handle_delete(struct call *call)
{
    uint64_t id = (uint64_t)call->input.number[0];
    struct diag diag = {0};
    enum err err = channel_delete(call->directory, id, call->now_us, &diag);

    if (err != OK)
        return api_fail_err(call->error, err, &diag);
    jsonw_object_begin(call->out);
    jsonw_member_bool(call->out, "success", true);
    jsonw_member_u64(call->out, "channelId", id);
    jsonw_object_end(call->out);
    return true;
}

/* clang-format off */
static const struct field list_fields[] = {
    {"limit", FIELD_INTEGER, false, 1, LIST_LIMIT_MAX, "At most so many channels; 100 when absent."},
    {0},
};
static const struct field create_fields[] = {
    {"title", FIELD_TEXT, true, 1, STORE_TITLE_LEN_MAX, "What viewers see as the channel's name."},
    {0},
};
static const struct field id_fields[] = {
    {"id", FIELD_INTEGER, true, 1, ID_MAX, "The channel's number."},
    {0},
};
static const struct field channel_id_fields[] = {
    {"channelId", FIELD_INTEGER, true, 1, ID_MAX, "The channel's number."},
    {0},
};

const struct operation operations[] = {
    {"channel.list", "GET", "/channels", OPERATION_QUERY, WHO_PUBLIC, list_fields, 200,
     "ChannelList", "All channels, those that are live first", handle_list},
    {"channel.create", "POST", "/channels", OPERATION_MUTATION, WHO_ADMIN, create_fields, 201,
     "ChannelCreated", "Make a channel with a stream key of its own", handle_create},
    {"channel.getById", "GET", "/channels/{id}", OPERATION_QUERY, WHO_PUBLIC, id_fields, 200,
     "Channel", "One channel; its owner and the admin also get what is needed to publish",
     handle_get},
    {"channel.delete", "DELETE", "/channels/{id}", OPERATION_MUTATION, WHO_ADMIN,
     id_fields, 200, "Done", "Delete a channel that is not live", handle_delete},
    {"channel.getStatus", "GET", "/channels/{channelId}/status", OPERATION_QUERY, WHO_PUBLIC,
     channel_id_fields, 200, "ChannelStatus", "Whether and how well a channel is live",
     handle_status},
    {"channel.start", "POST", "/channels/{channelId}/start", OPERATION_MUTATION, WHO_HOST,
     channel_id_fields, 200, "Started",
     "Announce a broadcast; publishing does the same by itself", handle_start},
    {"channel.end", "POST", "/channels/{channelId}/end", OPERATION_MUTATION, WHO_HOST,
     channel_id_fields, 200, "Done", "End the broadcast; ending what has ended is no error",
     handle_end},
    {"channel.rotateKey", "POST", "/channels/{channelId}/rotate-key", OPERATION_MUTATION, WHO_HOST,
     channel_id_fields, 200, "Started", "Replace the stream key; who publishes with the old one is closed",
     handle_rotate_key},
};
/* clang-format on */

const size_t operation_count = sizeof(operations) / sizeof(operations[0]);

const struct operation *operation_find(struct text name)
{
    for (size_t i = 0; i < operation_count; i++)
        if (text_equal(text_of(operations[i].name), name))
            return &operations[i];
    return NULL;
}

size_t operation_field_count(const struct operation *operation)
{
    size_t count = 0;

    while (operation->fields[count].name)
        count++;
    return count;
}

int operation_field_find(const struct operation *operation, struct text name)
{
    for (int i = 0; operation->fields[i].name; i++)
        if (text_equal(text_of(operation->fields[i].name), name))
            return i;
    return -1;
}

bool caller_owns(const struct caller *caller, uint64_t channel_id)
{
    return caller->kind == CALLER_ADMIN ||
           (caller->kind == CALLER_HOST && caller->channel_id == channel_id);
}

bool call_check_caller(const struct operation *operation, const struct caller *caller,
                       struct api_error *error)
{
    if (caller->error.code != API_OK) {
        *error = caller->error;
        return false;
    }
    if (operation->who == WHO_PUBLIC || caller->kind == CALLER_ADMIN)
        return true;
    if (caller->kind == CALLER_ANYBODY)
        return api_fail(error, API_UNAUTHORIZED,
                        operation->who == WHO_ADMIN
                            ? "This needs the admin key: Authorization: Bearer <key>."
                            : "This needs the channel's stream key or the admin key: "
                              "Authorization: Bearer <key>.");
    if (operation->who == WHO_ADMIN)
        return api_fail(error, API_FORBIDDEN, "A stream key may not do this; the admin key may.");
    return true;
}

bool call_check_channel(const struct operation *operation, const struct caller *caller,
                        const struct input *input, struct api_error *error)
{
    if (operation->who != WHO_HOST || caller_owns(caller, (uint64_t)input->number[0]))
        return true;
    return api_fail(error, API_FORBIDDEN, "This stream key belongs to another channel.");
}
