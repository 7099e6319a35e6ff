/*
 * operation_channel - channels and the tokens that let somebody publish on one.
 */
#include "api/operation.h"

#include <stdio.h>

#include "api/channel_call.h"
#include "api/cursor.h"
#include "api/exchange.h"
#include "api/present.h"
#include "api/rights.h"
#include "api/words.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "channel/channel.h"

enum {
    LIST_LIMIT_MAX = 1000,
    LIST_LIMIT_DEFAULT = 100,
    QUERY_LEN_MAX = 100,
    TOKEN_LIFE_S_MAX = 7 * 86400,
};

void api_draw_stream_key(char to[API_STREAM_KEY_LEN + 1])
{
    crypto_random_text(to, API_STREAM_KEY_LEN);
}

/* ---- for all that is about a channel ---- */

const struct channel *call_find_channel(struct call *call)
{
    uint64_t id = (uint64_t)call->input.number[0];
    const struct channel *channel = channel_find(call->channels, id);

    if (!channel)
        (void)api_fail(call->error, API_NOT_FOUND, "Channel %llu not found",
                       (unsigned long long)id); /* always false */
    return channel;
}

const char *call_actor_word(const struct call *call)
{
    return call->caller->role == ROLE_ADMIN ? "the admin" : "the seller";
}

/* ---- lists ---- */

/* The list shows who is live first, and of both halves the newest first. */
struct list_place {
    bool is_active;
    uint64_t id; /* the one that was shown last; UINT64_MAX: none yet */
};

/* "1 4711" */
static bool read_place(struct call *call, struct list_place *ret_place)
{
    char chars[CURSOR_PLACE_LEN_MAX + 1];
    uint64_t is_active;

    *ret_place = (struct list_place){true, UINT64_MAX};
    if (!cursor_read(call, 1, chars))
        return false;
    if (!*chars)
        return true;

    struct text id = text_of(chars);
    if (!text_parse_u64(text_cut(&id, ' '), 1, &is_active) ||
        !text_parse_u64(id, UINT64_MAX, &ret_place->id))
        return cursor_refuse(call);
    ret_place->is_active = is_active == 1;
    return true;
}

static void write_next(struct call *call, const struct channel *last)
{
    char chars[CURSOR_PLACE_LEN_MAX];
    struct writer w = writer_fixed(chars, sizeof(chars));

    if (last)
        writer_printf(&w, "%d %llu", relay_state_is_active(last->state),
                      (unsigned long long)last->id);
    cursor_write_next(call, writer_as_text(&w));
}

static bool is_mine(const struct caller *caller, const struct channel *channel)
{
    if (caller->channel_id != 0)
        return caller->channel_id == channel->id;
    return caller->account_id[0] != '\0' &&
           text_equal(text_of(caller->account_id), text_of(channel->host_user_id));
}

static bool is_wanted(const struct call *call, const struct channel *channel)
{
    bool wants_mine = call->input.number[2] != 0;
    struct text q = call->input.text[3];

    return (!wants_mine || is_mine(call->caller, channel)) &&
           (q.len == 0 || text_contains_nocase(text_of(channel->title), q));
}

/* Writes those of one half that come behind `place`. True: there are more than `*left`. */
static bool write_half(struct call *call, bool is_active, const struct list_place *place,
                       size_t *left, const struct channel **last)
{
    uint64_t below = place->is_active == is_active ? place->id : UINT64_MAX;

    if (place->is_active < is_active)
        return false; /* the pages before showed it */
    for (size_t i = channel_directory_count(call->channels); i-- > 0;) {
        const struct channel *channel = channel_directory_at(call->channels, i);

        if (channel->id >= below || relay_state_is_active(channel->state) != is_active ||
            !is_wanted(call, channel))
            continue;
        if (*left == 0)
            return true;
        present_summary(call->out, channel, call->base_url);
        *last = channel;
        (*left)--;
    }
    return false;
}

static bool handle_list(struct call *call)
{
    size_t left = call_has(call, 0) ? (size_t)call->input.number[0] : (size_t)LIST_LIMIT_DEFAULT;
    const struct channel *last = NULL;
    struct list_place place;

    if (call->input.number[2] != 0 && call->caller->kind == CALLER_ANYBODY)
        return api_fail(call->error, API_UNAUTHORIZED,
                        "mine: this needs somebody who is known: sign in, or send a key.");
    if (!read_place(call, &place))
        return false;
    jsonw_object_begin(call->out);
    jsonw_key(call->out, "channels");
    jsonw_array_begin(call->out);
    bool has_more = write_half(call, true, &place, &left, &last) ||
                    write_half(call, false, &place, &left, &last);
    jsonw_array_end(call->out);
    write_next(call, has_more ? last : NULL);
    jsonw_object_end(call->out);
    return true;
}

/* ---- settings ---- */

enum { AT_TITLE = 0, AT_MODE, AT_DURATION, AT_HOST }; /* fields of a creation */

/* Reads the settings from the fields behind `first`. */
static bool take_settings(struct call *call, size_t first, struct channel_settings *settings)
{
    const struct input *input = &call->input;
    size_t host = first + AT_HOST;

    *settings = (struct channel_settings){
        .title = input->text[first + AT_TITLE],
        .max_duration_s = (uint32_t)input->number[first + AT_DURATION],
        .host_user_id = input->text[host],
        .has_title = input->is_given[first + AT_TITLE],
        .has_stream_mode = input->is_given[first + AT_MODE],
        .has_max_duration = input->is_given[first + AT_DURATION],
        .has_host_user_id = input->is_given[host],
    };
    if (settings->has_stream_mode) /* the words are those of the domain */
        (void)stream_mode_parse(input->text[first + AT_MODE], &settings->stream_mode);
    if (!settings->has_host_user_id)
        return true;
    if (!caller_is_admin(call->caller))
        return api_fail(call->error, API_FORBIDDEN,
                        "hostUserId: only an admin gives channels away.");
    if (call_has(call, host) && !account_find(call->accounts, settings->host_user_id))
        return api_fail_field(call->error, "hostUserId", "is no account of this server");
    return true;
}

static bool handle_create(struct call *call)
{
    const struct caller *caller = call->caller;
    char key[API_STREAM_KEY_LEN + 1];
    struct channel_settings settings;
    struct diag diag = {0};
    uint64_t id;

    if (!take_settings(call, 0, &settings))
        return false;
    if (!settings.has_host_user_id)
        settings.host_user_id = text_of(caller->account_id);
    if (settings.host_user_id.len == 0 && !caller_is_admin(caller))
        return api_fail(call->error, API_FORBIDDEN,
                        "Who calls has no account here, and so no channels.");
    api_draw_stream_key(key);
    enum err err =
        channel_create(call->channels, &settings, text_of(key), call->now_us, &id, &diag);
    crypto_wipe(key, sizeof(key));
    if (err != OK)
        return api_fail_err(call->error, err, &diag);

    const struct channel *channel = channel_find(call->channels, id);
    struct jsonw *j = call->out;
    call_set_target(call, "channel %llu", (unsigned long long)id);
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
    const struct channel *channel = call_find_channel(call);

    if (!channel)
        return false;
    present_channel(call->out, channel, call->base_url, call->rtmp_url,
                    rights_owns(call->caller, channel), rights_sees_key(call->caller, channel));
    return true;
}

static bool handle_update(struct call *call)
{
    struct channel_settings settings;
    struct diag diag = {0};

    if (!take_settings(call, 1, &settings))
        return false;
    enum err err = channel_update(call->channels, (uint64_t)call->input.number[0], &settings,
                                  call->now_us, &diag);
    return err == OK ? handle_get(call) : api_fail_err(call->error, err, &diag);
}

static bool handle_delete(struct call *call)
{
    uint64_t id = (uint64_t)call->input.number[0];
    struct diag diag = {0};
    enum err err = channel_delete(call->channels, id, call->now_us, &diag);

    if (err != OK)
        return api_fail_err(call->error, err, &diag);
    account_on_channel_deleted(call->accounts, id);
    jsonw_object_begin(call->out);
    jsonw_member_bool(call->out, "success", true);
    jsonw_member_u64(call->out, "channelId", id);
    jsonw_object_end(call->out);
    return true;
}

static bool handle_status(struct call *call)
{
    const struct channel *channel = call_find_channel(call);

    if (!channel)
        return false;
    present_status(call->out, channel, call->base_url);
    return true;
}

/* ---- on air ---- */

/* A token for the broadcast that goes on: what lets a browser publish without the stream key. */
struct drawn_token {
    char chars[ACCOUNT_KEY_LEN + 1];
    const struct publish_token_row *row;
};

static bool draw_token(struct call *call, const struct channel *channel, int64_t life_us,
                       struct drawn_token *ret_token)
{
    const struct publish_token_input input = {
        .channel_id = channel->id,
        .broadcast_id = channel->broadcast_id,
        .account_id = text_of(call->caller->account_id),
        .life_us = life_us,
    };
    struct store_batch *batch = store_batch_create();
    struct diag diag = {0};
    enum err err = account_token_create(call->accounts, &input, batch, call->now_us,
                                        ret_token->chars, &ret_token->row, &diag);

    if (err != OK) {
        store_batch_destroy(batch);
        return api_fail_err(call->error, err, &diag);
    }
    call_store(call, batch);
    return true;
}

/* What mutations of a channel answer; `token` may be NULL. */
static void present_done(struct call *call, const struct channel *channel, bool with_publish,
                         const struct drawn_token *token)
{
    struct jsonw *j = call->out;
    char name[40];

    (void)snprintf(name, sizeof(name), "channel_%llu", (unsigned long long)channel->id); /* fits */
    jsonw_object_begin(j);
    jsonw_member_bool(j, "success", true);
    jsonw_member_u64(j, "channelId", channel->id);
    jsonw_member_str(j, "channelName", name);
    present_word(j, "relayStatus", relay_state_name(channel->state));
    if (with_publish) {
        jsonw_key(j, "publish");
        jsonw_object_begin(j);
        present_publish_members(j, channel, call->base_url, call->rtmp_url);
        if (token) {
            jsonw_member_str(j, "token", token->chars);
            present_time(j, "tokenExpiresAt", token->row->expires_at_us);
        }
        jsonw_object_end(j);
        present_playback(j, "hlsPlaybackUrl", channel, call->base_url);
    }
    jsonw_object_end(j);
}

static bool finish(struct call *call, enum err err, const struct diag *diag, bool with_publish)
{
    if (err != OK)
        return api_fail_err(call->error, err, diag);

    const struct channel *channel = call_find_channel(call);
    if (!channel)
        return false;
    present_done(call, channel, with_publish, NULL);
    return true;
}

/* The broadcast starts even when no token can be drawn for it: the stream key does. */
static bool handle_start(struct call *call)
{
    struct drawn_token token;
    struct api_error ignored = {0};
    struct diag diag = {0};
    enum err err =
        channel_start(call->channels, (uint64_t)call->input.number[0], call->now_us, &diag);

    if (err != OK)
        return api_fail_err(call->error, err, &diag);

    const struct channel *channel = call_find_channel(call);
    struct api_error *error = call->error;
    call->error = &ignored;
    bool has_token = draw_token(call, channel, 0, &token);
    call->error = error;
    present_done(call, channel, true, has_token ? &token : NULL);
    crypto_wipe(token.chars, sizeof(token.chars));
    return true;
}

static bool handle_end(struct call *call)
{
    char reason[40];
    struct diag diag = {0};

    (void)snprintf(reason, sizeof(reason), "ended by %s", call_actor_word(call)); /* fits */
    enum err err =
        channel_end(call->channels, (uint64_t)call->input.number[0], reason, call->now_us, &diag);
    return finish(call, err, &diag, false);
}

static bool handle_leave(struct call *call)
{
    struct diag diag = {0};
    enum err err = channel_leave(call->channels, (uint64_t)call->input.number[0],
                                 "the seller left the broadcast", call->now_us, &diag);

    return finish(call, err, &diag, false);
}

static bool handle_rotate_key(struct call *call)
{
    char key[API_STREAM_KEY_LEN + 1];
    struct diag diag = {0};

    api_draw_stream_key(key);
    enum err err = channel_set_key(call->channels, (uint64_t)call->input.number[0], text_of(key),
                                   call->now_us, &diag);
    crypto_wipe(key, sizeof(key));
    return finish(call, err, &diag, true);
}

/* ---- publish tokens ---- */

static bool handle_token_create(struct call *call)
{
    const struct channel *channel = call_find_channel(call);
    int64_t life_us = call_has(call, 1) ? call->input.number[1] * US_PER_S : 0;
    struct drawn_token token;

    if (!channel || !draw_token(call, channel, life_us, &token))
        return false;
    (void)snprintf(call->detail, sizeof(call->detail), "%s", token.row->prefix); /* fits */
    jsonw_object_begin(call->out);
    present_publish_token_members(call->out, token.row);
    jsonw_member_str(call->out, "token", token.chars);
    jsonw_object_end(call->out);
    crypto_wipe(token.chars, sizeof(token.chars));
    return true;
}

static bool handle_token_list(struct call *call)
{
    uint64_t channel_id = (uint64_t)call->input.number[0];
    const struct publish_token_row *row;

    jsonw_object_begin(call->out);
    jsonw_key(call->out, "publishTokens");
    jsonw_array_begin(call->out);
    for (size_t i = 0; (row = account_token_at(call->accounts, channel_id, i, call->now_us)); i++) {
        jsonw_object_begin(call->out);
        present_publish_token_members(call->out, row);
        jsonw_object_end(call->out);
    }
    jsonw_array_end(call->out);
    jsonw_object_end(call->out);
    return true;
}

static bool handle_token_revoke(struct call *call)
{
    uint64_t channel_id = (uint64_t)call->input.number[0];
    struct text id = call->input.text[1];
    const struct api_handler *handler = &call->api->handler;
    struct store_batch *batch = store_batch_create();
    char chars[ROW_UUID_LEN + 1];
    struct diag diag = {0};
    enum err err = account_token_revoke(call->accounts, channel_id, id, batch, call->now_us, &diag);

    if (err != OK) {
        store_batch_destroy(batch);
        return api_fail_err(call->error, err, &diag);
    }
    call_store(call, batch);
    (void)snprintf(chars, sizeof(chars), "%.*s", TEXT_ARG(id)); /* fits: it is a UUID */
    (void)snprintf(call->detail, sizeof(call->detail), "%s", chars);
    if (handler->token_revoked)
        handler->token_revoked(handler->context, channel_id, chars);
    jsonw_object_begin(call->out);
    jsonw_member_bool(call->out, "success", true);
    jsonw_object_end(call->out);
    return true;
}

/* ---- the rows ---- */

/* clang-format off */
static const struct field no_fields[] = {{0}};
static const struct field list_fields[] = {
    {"limit", FIELD_INTEGER, 0, 1, LIST_LIMIT_MAX, NULL, "At most so many channels; 100 when absent.", "100"},
    {"cursor", FIELD_CURSOR, 0, 1, CURSOR_LEN_MAX, NULL, "nextCursor of the page before.", NULL},
    {"mine", FIELD_BOOLEAN, 0, 0, 0, NULL, "Only the caller's own channels.", "true"},
    {"q", FIELD_TEXT, 0, 1, QUERY_LEN_MAX, NULL, "Only channels with this in their title.", "\"shoes\""},
    {0},
};

#define SETTING_FIELDS(title_flags)                                                                \
    {"title", FIELD_TEXT, title_flags, 1, STORE_TITLE_LEN_MAX, NULL,                               \
     "What viewers see as the channel's name.", "\"Shoes on Friday\""},                            \
    {"streamMode", FIELD_WORD, 0, 0, 0, WORDS_STREAM_MODES " agora-only",                          \
     "What viewers get; agora-only means webrtc-only.", "\"hybrid\""},                             \
    {"maxDurationSeconds", FIELD_INTEGER, FIELD_NULLABLE, CHANNEL_DURATION_S_MIN,                  \
     CHANNEL_DURATION_S_MAX, NULL,                                                                 \
     "A broadcast ends by itself after so long; null: as the server is configured.", "7200"},      \
    {"hostUserId", FIELD_UUID, FIELD_NULLABLE, 0, 0, NULL,                                         \
     "For admins: the account whose channel it is; null: nobody's.", NULL}

static const struct field create_fields[] = {SETTING_FIELDS(FIELD_REQUIRED), {0}};
static const struct field update_fields[] = {CHANNEL_FIELD("id"), SETTING_FIELDS(0), {0}};
static const struct field id_fields[] = {CHANNEL_FIELD("id"), {0}};
static const struct field channel_id_fields[] = {CHANNEL_FIELD("channelId"), {0}};
static const struct field token_fields[] = {
    CHANNEL_FIELD("channelId"),
    {"expiresInSeconds", FIELD_INTEGER, 0, 60, TOKEN_LIFE_S_MAX, NULL,
     "How long it is good; 12 hours when absent.", "3600"},
    {0},
};
static const struct field token_id_fields[] = {
    CHANNEL_FIELD("channelId"),
    {"tokenId", FIELD_UUID, FIELD_REQUIRED, 0, 0, NULL, "The publish token.", NULL},
    {0},
};

static const struct operation rows[] = {
    {"channel.list", "GET", "/channels", OPERATION_QUERY, WHO_ANYBODY, 0, 0, list_fields, 200,
     "ChannelList", "All channels, those that are live first", handle_list},
    {"channel.create", "POST", "/channels", OPERATION_MUTATION, WHO_PERSON, SCOPE_CHANNELS,
     OPERATION_CREATES, create_fields, 201, "ChannelCreated",
     "Make a channel with a stream key of its own", handle_create},
    {"channel.getById", "GET", "/channels/{id}", OPERATION_QUERY, WHO_ANYBODY, 0, 0, id_fields, 200,
     "Channel", "One channel; its owner and the admin also get what is needed to publish", handle_get},
    {"channel.update", "PATCH", "/channels/{id}", OPERATION_MUTATION, WHO_OWNER, SCOPE_CHANNELS, 0,
     update_fields, 200, "Channel", "Change what is given, keep the rest", handle_update},
    {"channel.delete", "DELETE", "/channels/{id}", OPERATION_MUTATION, WHO_OWNER, SCOPE_CHANNELS, 0,
     id_fields, 200, "Done", "Delete a channel that is not live", handle_delete},
    {"channel.getStatus", "GET", "/channels/{channelId}/status", OPERATION_QUERY, WHO_ANYBODY, 0, 0,
     channel_id_fields, 200, "ChannelStatus", "Whether and how well a channel is live", handle_status},
    {"channel.start", "POST", "/channels/{channelId}/start", OPERATION_MUTATION, WHO_HOST, SCOPE_PUBLISH,
     0, channel_id_fields, 200, "Started",
     "Announce a broadcast and get a publish token for it; publishing announces it by itself", handle_start},
    {"channel.end", "POST", "/channels/{channelId}/end", OPERATION_MUTATION, WHO_HOST, SCOPE_PUBLISH, 0,
     channel_id_fields, 200, "Done", "End the broadcast; ending what has ended is no error", handle_end},
    {"channel.leave", "POST", "/channels/{channelId}/leave", OPERATION_MUTATION, WHO_HOST, SCOPE_PUBLISH,
     0, channel_id_fields, 200, "Done",
     "Close the host's connection; the broadcast waits for it as after a lost one", handle_leave},
    {"channel.rotateKey", "POST", "/channels/{channelId}/rotate-key", OPERATION_MUTATION, WHO_HOST,
     SCOPE_CHANNELS, 0, channel_id_fields, 200, "Started",
     "Replace the stream key; who publishes with the old one is closed", handle_rotate_key},
    {"channel.healthCheck", "GET", "/health", OPERATION_QUERY, WHO_ANYBODY, 0, 0, no_fields, 200, "Health", "Whether the server's parts work, as measured", call_health},
    {"publishToken.create", "POST", "/channels/{channelId}/publish-tokens", OPERATION_MUTATION, WHO_HOST,
     SCOPE_PUBLISH, OPERATION_CREATES, token_fields, 201, "PublishTokenCreated",
     "Draw a token that lets its bearer publish one broadcast; it is shown once", handle_token_create},
    {"publishToken.list", "GET", "/channels/{channelId}/publish-tokens", OPERATION_QUERY, WHO_HOST,
     SCOPE_PUBLISH, 0, channel_id_fields, 200, "PublishTokenList",
     "The publish tokens that are good now", handle_token_list},
    {"publishToken.revoke", "DELETE", "/channels/{channelId}/publish-tokens/{tokenId}",
     OPERATION_MUTATION, WHO_HOST, SCOPE_PUBLISH, 0, token_id_fields, 200, "Success",
     "Make a publish token useless and close who publishes with it", handle_token_revoke},
};
/* clang-format on */

const struct operation_table channel_operations = OPERATION_TABLE(rows);
