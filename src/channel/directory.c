#include "channel/directory.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"

struct channel_limits channel_limits_default(void)
{
    return (struct channel_limits){
        .channels_max = 10000,
        .live_max = 1000,
        .media_wait_us = 30 * US_PER_S,
        .reconnect_wait_us = 30 * US_PER_S,
        .stop_wait_us = 10 * US_PER_S,
        .takeover_silence_us = 3 * US_PER_S,
        .broadcast_max_us = INT64_C(7200) * US_PER_S,
    };
}

struct channel_directory *channel_directory_create(const struct channel_limits *limits,
                                                   const struct channel_handler *handler)
{
    struct channel_directory *dir = mem_zalloc(sizeof(*dir));

    dir->limits = *limits;
    dir->handler = *handler;
    id_supply_init(&dir->channel_ids);
    id_supply_init(&dir->broadcast_ids);
    dir->deadline_us = CHANNEL_NEVER;
    list_init(&dir->active);
    return dir;
}

static void destroy_channel(struct channel *channel)
{
    secret_wipe(&channel->stream_key);
    mem_free(channel);
}

void channel_directory_destroy(struct channel_directory *dir)
{
    if (!dir)
        return;
    for (size_t i = 0; i < dir->channels.count; i++)
        destroy_channel(dir->channels.items[i]);
    vec_deinit(&dir->channels);
    vec_deinit(&dir->places);
    map_deinit(&dir->by_id);
    map_deinit(&dir->by_key);
    mem_free(dir);
}

void channel_directory_set_wall_offset(struct channel_directory *dir, int64_t offset_us)
{
    dir->wall_offset_us = offset_us;
}

int64_t channel_directory_wall_us(const struct channel_directory *dir, int64_t now_us)
{
    return now_us + dir->wall_offset_us;
}

void directory_copy_reason(char to[STORE_REASON_LEN_MAX + 1], const char *reason)
{
    (void)snprintf(to, STORE_REASON_LEN_MAX + 1, "%s", reason); /* cutting is the intent */
}

/* ---- the set of channels ---- */

static struct text key_digest(struct text key, uint8_t digest[CRYPTO_SHA256_LEN])
{
    crypto_sha256(key.len ? key.ptr : "", key.len, digest);
    return (struct text){(const char *)digest, CRYPTO_SHA256_LEN};
}

struct channel *directory_find(const struct channel_directory *dir, uint64_t id)
{
    return map_get_u64(&dir->by_id, id);
}

const struct channel *channel_find(const struct channel_directory *dir, uint64_t id)
{
    return directory_find(dir, id);
}

const struct channel *channel_find_by_key(const struct channel_directory *dir, struct text key)
{
    uint8_t digest[CRYPTO_SHA256_LEN];

    return key.len ? map_get(&dir->by_key, key_digest(key, digest)) : NULL;
}

static void index_key(struct channel_directory *dir, struct channel *channel)
{
    uint8_t digest[CRYPTO_SHA256_LEN];

    if (channel->stream_key.len != 0)
        (void)map_put(&dir->by_key, key_digest(secret_reveal(&channel->stream_key), digest),
                      channel); /* whoever calls has looked that the key is free */
}

static void forget_key(struct channel_directory *dir, const struct channel *channel)
{
    uint8_t digest[CRYPTO_SHA256_LEN];

    (void)map_remove(&dir->by_key, key_digest(secret_reveal(&channel->stream_key), digest));
}

void directory_change_key(struct channel_directory *dir, struct channel *channel,
                          struct text stream_key)
{
    forget_key(dir, channel);
    (void)secret_set(&channel->stream_key, stream_key); /* who calls has checked the length */
    index_key(dir, channel);
}

/* Index of the first channel with an id not below this one. */
static size_t place_of(const struct channel_directory *dir, uint64_t id)
{
    size_t low = 0, high = dir->channels.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (dir->channels.items[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct channel *directory_add(struct channel_directory *dir, const struct channel_row *row)
{
    struct channel *channel = mem_zalloc(sizeof(*channel));

    channel->id = row->id;
    channel->stream_key = row->stream_key;
    channel->created_at_us = row->created_at_us;
    directory_take_settings(channel, row);
    directory_take_state(dir, channel, row);
    channel->stats = channel_stats_unknown();
    channel->health.health = HEALTH_UNKNOWN;
    channel->deadline_us = channel->end_by_us = CHANNEL_NEVER;
    list_node_init(&channel->in_active);

    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the items are pointers */
    bool has_room = vec_push(&dir->channels, channel, STORE_CHANNELS_MAX);
    assert(has_room); /* channels_max and the snapshot are both within it */
    (void)has_room;
    /* Ids rise, so this moves nothing but for a channel whose deletion was taken back. */
    for (size_t i = dir->channels.count - 1; i > 0 && dir->channels.items[i - 1]->id > row->id;
         i--) {
        dir->channels.items[i] = dir->channels.items[i - 1];
        dir->channels.items[i - 1] = channel;
    }
    (void)map_put_u64(&dir->by_id, channel->id, channel); /* the id is new */
    index_key(dir, channel);
    return channel;
}

void directory_remove(struct channel_directory *dir, struct channel *channel)
{
    size_t place = place_of(dir, channel->id);

    assert(!list_node_is_linked(&channel->in_active));
    vec_remove(&dir->channels, place);
    (void)map_remove_u64(&dir->by_id, channel->id);
    forget_key(dir, channel);
    destroy_channel(channel);
}

size_t channel_directory_count(const struct channel_directory *dir)
{
    return dir->channels.count;
}

const struct channel *channel_directory_at(const struct channel_directory *dir, size_t index)
{
    assert(index < dir->channels.count);
    return dir->channels.items[index];
}

size_t channel_directory_live_count(const struct channel_directory *dir)
{
    return dir->active_count;
}

uint64_t channel_directory_ticket(const struct channel_directory *dir)
{
    return dir->ticket;
}

/* ---- start-up ---- */

/* Nobody runs what the last run left. When it really ended is not known: not after its maximum
 * length. */
void directory_repair(struct channel_directory *dir, struct channel *channel, uint64_t broadcast_id,
                      int64_t now_us)
{
    enum relay_state from = channel->state;
    int64_t latest_us = channel->started_at_us
                            ? channel->started_at_us + directory_broadcast_max_us(dir, channel)
                            : INT64_MAX;

    channel->state = RELAY_STOPPED;
    channel->is_foreign = false;
    channel->updated_at_us = channel_directory_wall_us(dir, now_us);
    channel->ended_at_us = channel->updated_at_us < latest_us ? channel->updated_at_us : latest_us;
    channel->broadcast_id = broadcast_id;
    directory_copy_reason(channel->reason, "the server stopped during the broadcast");
    directory_send_state(dir, channel, from,
                         broadcast_id ? STORE_BROADCAST_END : STORE_BROADCAST_NONE);
    channel->broadcast_id = 0;
}

void channel_directory_load(struct channel_directory *dir, const struct store_snapshot *snapshot,
                            int64_t now_us)
{
    uint64_t newest = 0;

    assert(dir->channels.count == 0);
    for (size_t i = 0; i < snapshot->channel_count; i++) {
        const struct channel_row *row = &snapshot->channels[i];
        struct channel *channel = directory_add(dir, row);

        if (!channel->is_foreign && (row->is_active || row->open_broadcast_id != 0 ||
                                     relay_state_is_active(channel->state)))
            directory_repair(dir, channel, row->open_broadcast_id, now_us);
        if (row->id > newest)
            newest = row->id;
    }
    id_supply_begin(&dir->channel_ids,
                    snapshot->next_channel_id > newest ? snapshot->next_channel_id : newest + 1,
                    snapshot->channel_ids_end);
    id_supply_begin(&dir->broadcast_ids, snapshot->next_broadcast_id, snapshot->broadcast_ids_end);
}

/* ---- commands ---- */

static enum err check_title(struct text title, struct diag *diag)
{
    if (title.len != 0 && title.len <= STORE_TITLE_LEN_MAX && text_is_line(title))
        return OK;
    diag_set(diag, "title: it has 1 to %d bytes of UTF-8, without line breaks.",
             STORE_TITLE_LEN_MAX);
    return ERR_INVALID;
}

static enum err check_key(const struct channel_directory *dir, struct text key, struct diag *diag)
{
    if (key.len == 0 || key.len > SECRET_LEN_MAX) {
        diag_set(diag, "A stream key has 1 to %d characters.", SECRET_LEN_MAX);
        return ERR_INVALID;
    }
    if (channel_find_by_key(dir, key)) {
        diag_set(diag, "This stream key is in use.");
        return ERR_CONFLICT;
    }
    return OK;
}

static enum err check_duration(uint32_t seconds, struct diag *diag)
{
    if (seconds == 0 || (seconds >= CHANNEL_DURATION_S_MIN && seconds <= CHANNEL_DURATION_S_MAX))
        return OK;
    diag_set(diag, "The maximum length of a broadcast is %d to %d seconds.", CHANNEL_DURATION_S_MIN,
             CHANNEL_DURATION_S_MAX);
    return ERR_INVALID;
}

static void copy_id(char to[ROW_UUID_LEN + 1], struct text id)
{
    (void)snprintf(to, ROW_UUID_LEN + 1, "%.*s", TEXT_ARG(id)); /* ids fit */
}

static void take_title(struct channel *channel, struct text title)
{
    memset(channel->title, 0, sizeof(channel->title));
    memcpy(channel->title, title.ptr, title.len);
}

enum err channel_create(struct channel_directory *dir, const struct channel_settings *settings,
                        struct text stream_key, int64_t now_us, uint64_t *ret_id, struct diag *diag)
{
    enum err err = check_title(settings->title, diag);

    if (err == OK)
        err = check_duration(settings->max_duration_s, diag);
    if (err == OK)
        err = check_key(dir, stream_key, diag);
    if (err != OK)
        return err;
    if (dir->channels.count >= dir->limits.channels_max ||
        dir->channels.count >= STORE_CHANNELS_MAX) {
        diag_set(diag, "There are %zu channels, which is the limit of this server.",
                 dir->channels.count);
        return ERR_LIMIT;
    }
    if (id_supply_is_empty(&dir->channel_ids)) {
        diag_set(diag, "The server is drawing new numbers for channels. Try again in a moment.");
        return ERR_AGAIN;
    }
    struct channel_row row = {
        .id = id_supply_take(&dir->channel_ids),
        .max_duration_s = settings->max_duration_s,
        .created_at_us = channel_directory_wall_us(dir, now_us),
        .updated_at_us = channel_directory_wall_us(dir, now_us),
    };
    memcpy(row.title, settings->title.ptr, settings->title.len);
    copy_id(row.host_user_id, settings->host_user_id);
    (void)secret_set(&row.stream_key, stream_key); /* the length is checked */
    struct channel *channel = directory_add(dir, &row);
    secret_wipe(&row.stream_key);
    if (settings->stream_mode)
        channel->stream_mode = settings->stream_mode;
    directory_send_row(dir, channel, STORE_CHANNEL_CREATE, CHANNEL_CREATED);
    *ret_id = channel->id;
    return OK;
}

static enum err require(struct channel_directory *dir, uint64_t id, struct channel **ret_channel,
                        struct diag *diag)
{
    struct channel *channel = directory_find(dir, id);

    if (!channel) {
        diag_set(diag, "Channel %llu not found", (unsigned long long)id);
        return ERR_NOT_FOUND;
    }
    *ret_channel = channel;
    return OK;
}

enum err channel_delete(struct channel_directory *dir, uint64_t id, int64_t now_us,
                        struct diag *diag)
{
    struct channel *channel;
    enum err err = require(dir, id, &channel, diag);

    if (err == OK)
        err = directory_fire(dir, channel, RELAY_EVENT_DELETE, NULL, now_us, diag);
    if (err != OK)
        return err;
    directory_send_row(dir, channel, STORE_CHANNEL_DELETE, CHANNEL_DELETED);
    directory_remove(dir, channel);
    return OK;
}

enum err channel_update(struct channel_directory *dir, uint64_t id,
                        const struct channel_settings *settings, int64_t now_us, struct diag *diag)
{
    struct channel *channel;
    enum err err = require(dir, id, &channel, diag);

    if (err == OK && settings->has_title)
        err = check_title(settings->title, diag);
    if (err == OK && settings->has_max_duration)
        err = check_duration(settings->max_duration_s, diag);
    if (err != OK)
        return err;
    if (settings->has_title)
        take_title(channel, settings->title);
    if (settings->has_host_user_id)
        copy_id(channel->host_user_id, settings->host_user_id);
    if (settings->has_stream_mode)
        channel->stream_mode = settings->stream_mode;
    if (settings->has_max_duration) {
        channel->max_duration_s = settings->max_duration_s;
        directory_arm_end(dir, channel);
    }
    channel->updated_at_us = channel_directory_wall_us(dir, now_us);
    directory_send_row(dir, channel, STORE_CHANNEL_SETTINGS, CHANNEL_UPDATED);
    return OK;
}

enum err channel_set_key(struct channel_directory *dir, uint64_t id, struct text stream_key,
                         int64_t now_us, struct diag *diag)
{
    struct channel *channel;
    enum err err = require(dir, id, &channel, diag);

    if (err == OK)
        err = check_key(dir, stream_key, diag);
    if (err != OK)
        return err;
    directory_change_key(dir, channel, stream_key);
    channel->updated_at_us = channel_directory_wall_us(dir, now_us);
    directory_send_row(dir, channel, STORE_CHANNEL_SETTINGS, CHANNEL_UPDATED);
    directory_close_publisher(dir, channel, "the stream key was replaced", now_us);
    return OK;
}

enum err channel_leave(struct channel_directory *dir, uint64_t id, const char *reason,
                       int64_t now_us, struct diag *diag)
{
    struct channel *channel;
    enum err err = require(dir, id, &channel, diag);

    if (err == OK)
        err = directory_check_ours(channel, diag);
    if (err == OK)
        directory_close_publisher(dir, channel, reason, now_us);
    return err;
}

enum err channel_start(struct channel_directory *dir, uint64_t id, int64_t now_us,
                       struct diag *diag)
{
    struct channel *channel;
    enum err err = require(dir, id, &channel, diag);

    if (err == OK)
        err = directory_fire(dir, channel, RELAY_EVENT_START, NULL, now_us, diag);
    if (err == OK)
        channel->encoders_wait_until_us = 0;
    return err;
}

enum err channel_end(struct channel_directory *dir, uint64_t id, const char *reason, int64_t now_us,
                     struct diag *diag)
{
    struct channel *channel;
    enum err err = require(dir, id, &channel, diag);

    if (err != OK)
        return err;
    if (relay_state_is_active(channel->state))
        directory_make_encoders_wait(channel, now_us);
    return directory_fire(dir, channel, RELAY_EVENT_END, reason, now_us, diag);
}
