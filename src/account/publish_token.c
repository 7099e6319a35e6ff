/*
 * publish_token - what a seller hands to an encoder or a guest for one broadcast.
 *
 *     drawn -> (bound to the broadcast that it starts, or that goes on) -> over with it
 *          '-> revoked, expired
 *
 * A token that is over stays in memory until it expires, so that its refusal can say why.
 */
#include "account/credential.h"
#include "account/people.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/uuid.h"

/* ---- the set ---- */

static struct channel_tokens *channel_of(struct account_directory *dir, uint64_t channel_id)
{
    struct channel_tokens *channel = map_get_u64(&dir->tokens_by_channel, channel_id);

    if (channel)
        return channel;
    channel = mem_zalloc(sizeof(*channel));
    channel->channel_id = channel_id;
    list_init(&channel->tokens);
    (void)map_put_u64(&dir->tokens_by_channel, channel_id, channel);
    return channel;
}

struct account_token *tokens_find(const struct account_directory *dir, struct text token)
{
    uint8_t hash[CRYPTO_SHA256_LEN];

    if (token.len != ACCOUNT_KEY_LEN || !text_starts_with(token, TEXT("pt_")))
        return NULL;
    credential_hash(token, hash);
    return map_get(&dir->tokens_by_hash, credential_map_key(hash));
}

struct account_token *tokens_add(struct account_directory *dir, const struct publish_token_row *row)
{
    struct account_token *token = mem_zalloc(sizeof(*token));

    token->row = *row;
    token->channel = channel_of(dir, row->channel_id);
    token->channel->count++;
    list_push_back(&token->channel->tokens, &token->in_channel);
    list_node_init(&token->unstored.in_unstored);
    (void)map_put(&dir->tokens_by_hash, credential_map_key(token->row.token_hash), token);
    (void)map_put(&dir->tokens_by_id, text_of(token->row.id), token);
    return token;
}

void tokens_remove(struct account_directory *dir, struct account_token *token)
{
    (void)map_remove(&dir->tokens_by_hash, credential_map_key(token->row.token_hash));
    (void)map_remove(&dir->tokens_by_id, text_of(token->row.id));
    list_unlink(&token->in_channel);
    list_unlink(&token->unstored.in_unstored);
    if (--token->channel->count == 0) {
        (void)map_remove_u64(&dir->tokens_by_channel, token->channel->channel_id);
        mem_free(token->channel);
    }
    mem_free(token);
}

void account_directory_set_publish_token_row(struct account_directory *dir, struct text id,
                                             const struct publish_token_row *row)
{
    struct account_token *token = map_get(&dir->tokens_by_id, id);

    if (token && row) { /* its channel and text never change */
        int64_t revoked_at_us = token->row.revoked_at_us;

        token->row.broadcast_id = row->broadcast_id;
        token->row.expires_at_us = row->expires_at_us;
        token->row.revoked_at_us = row->revoked_at_us ? row->revoked_at_us : revoked_at_us;
    } else if (token) {
        tokens_remove(dir, token);
    } else if (row && dir->tokens_by_hash.count < STORE_PUBLISH_TOKENS_MAX &&
               !map_get(&dir->tokens_by_hash, credential_map_key(row->token_hash))) {
        (void)tokens_add(dir, row);
    }
}

void tokens_drop_expired(struct account_directory *dir, int64_t now_us)
{
    int64_t wall_us = people_wall(dir, now_us);
    struct account_token *token;
    size_t position = 0;

    while ((token = map_next(&dir->tokens_by_hash, &position)))
        if (token->row.expires_at_us <= wall_us)
            tokens_remove(dir, token); /* the store deletes such rows by itself */
}

static bool is_good(const struct account_token *token, int64_t wall_us)
{
    return token->row.revoked_at_us == 0 && token->row.expires_at_us > wall_us;
}

/* ---- commands ---- */

static enum err check(const struct account_directory *dir, const struct publish_token_input *input,
                      int64_t wall_us, struct diag *diag)
{
    const struct channel_tokens *channel = map_get_u64(&dir->tokens_by_channel, input->channel_id);
    size_t good = 0;

    if (input->life_us < 0 || input->life_us > dir->limits.token_life_max_us) {
        diag_set(diag, "expiresInSeconds: a publish token lives for up to %lld seconds.",
                 (long long)(dir->limits.token_life_max_us / US_PER_S));
        return ERR_INVALID;
    }
    if (channel) {
        LIST_FOR_EACH(node, &channel->tokens)
        {
            good += is_good(CONTAINER_OF(node, struct account_token, in_channel), wall_us);
        }
    }
    if (good >= dir->limits.tokens_per_channel_max ||
        dir->tokens_by_hash.count >= STORE_PUBLISH_TOKENS_MAX) {
        diag_set(diag, "This channel has %zu publish tokens, which is the limit. Revoke one first.",
                 good);
        return ERR_LIMIT;
    }
    return OK;
}

/* Tokens that are over make room when there are more of them than of good ones. */
static void forget_oldest(struct account_directory *dir, uint64_t channel_id, int64_t wall_us)
{
    struct channel_tokens *channel = channel_of(dir, channel_id);
    size_t count_max = 2 * (size_t)dir->limits.tokens_per_channel_max;

    channel->count++; /* keeps the channel while its tokens go */
    LIST_FOR_EACH(node, &channel->tokens)
    {
        struct account_token *token = CONTAINER_OF(node, struct account_token, in_channel);

        if (channel->count > count_max && !is_good(token, wall_us))
            tokens_remove(dir, token);
    }
    channel->count--;
}

enum err account_token_create(struct account_directory *dir,
                              const struct publish_token_input *input, struct store_batch *batch,
                              int64_t now_us, char ret_token[ACCOUNT_KEY_LEN + 1],
                              const struct publish_token_row **ret_row, struct diag *diag)
{
    int64_t wall_us = people_wall(dir, now_us);
    int64_t life_us = input->life_us ? input->life_us : dir->limits.token_life_us;
    struct publish_token_row row = {
        .channel_id = input->channel_id,
        .broadcast_id = input->broadcast_id,
        .created_at_us = wall_us,
        .expires_at_us = wall_us + life_us,
    };
    enum err err = check(dir, input, wall_us, diag);

    if (err != OK)
        return err;
    forget_oldest(dir, input->channel_id, wall_us);
    credential_draw_key("pt_", ret_token);
    credential_hash(text_of(ret_token), row.token_hash);
    credential_prefix(text_of(ret_token), row.prefix);
    uuid_draw_v4(row.id);
    people_copy(row.account_id, sizeof(row.account_id), input->account_id);

    struct account_token *token = tokens_add(dir, &row);
    people_note_unstored(dir, &token->unstored, THING_TOKEN, batch);
    store_batch_put_publish_token(batch, &row);
    *ret_row = &token->row;
    return OK;
}

enum err account_token_revoke(struct account_directory *dir, uint64_t channel_id, struct text id,
                              struct store_batch *batch, int64_t now_us, struct diag *diag)
{
    struct account_token *token = map_get(&dir->tokens_by_id, id);

    if (!token || token->row.channel_id != channel_id) {
        diag_set(diag, "This channel has no publish token with this id.");
        return ERR_NOT_FOUND;
    }
    if (token->row.revoked_at_us != 0)
        return OK;
    token->row.revoked_at_us = people_wall(dir, now_us);
    store_batch_put_publish_token(batch, &token->row);
    return OK;
}

const struct publish_token_row *account_token_at(const struct account_directory *dir,
                                                 uint64_t channel_id, size_t index, int64_t now_us)
{
    const struct channel_tokens *channel = map_get_u64(&dir->tokens_by_channel, channel_id);
    int64_t wall_us = people_wall(dir, now_us);

    if (!channel)
        return NULL;
    LIST_FOR_EACH(node, &channel->tokens)
    {
        const struct account_token *token = CONTAINER_OF(node, struct account_token, in_channel);

        if (is_good(token, wall_us) && index-- == 0)
            return &token->row;
    }
    return NULL;
}

/* ---- publishing ---- */

enum err account_check_publisher(const struct account_directory *dir, struct text account_id,
                                 struct diag *diag)
{
    const struct account_row *owner = account_find(dir, account_id);

    if (!owner || owner->disabled_at_us == 0)
        return OK;
    diag_set(diag, "The account of this channel is disabled. Ask who runs this server.");
    return ERR_DENIED;
}

enum err account_token_check(const struct account_directory *dir, struct text text, int64_t now_us,
                             struct publish_permit *ret_permit, struct diag *diag)
{
    const struct account_token *token = tokens_find(dir, text);

    if (!token) {
        diag_set(diag, "This publish token is not known.");
        return ERR_NOT_FOUND;
    }
    if (token->row.revoked_at_us != 0) {
        diag_set(diag,
                 "This publish token was revoked, or its broadcast is over. Ask for another.");
        return ERR_DENIED;
    }
    if (token->row.expires_at_us <= people_wall(dir, now_us)) {
        diag_set(diag, "This publish token has expired. Ask for another.");
        return ERR_DENIED;
    }
    ret_permit->channel_id = token->row.channel_id;
    ret_permit->broadcast_id = token->row.broadcast_id;
    memcpy(ret_permit->token_id, token->row.id, sizeof(ret_permit->token_id));
    return OK;
}

enum err account_token_bind(struct account_directory *dir, struct text token_id,
                            uint64_t broadcast_id, struct store_batch *batch, struct diag *diag)
{
    struct account_token *token = map_get(&dir->tokens_by_id, token_id);

    if (!token) {
        diag_set(diag, "This publish token is not known.");
        return ERR_NOT_FOUND;
    }
    if (token->row.broadcast_id == broadcast_id)
        return OK;
    if (token->row.broadcast_id != 0) {
        diag_set(diag, "This publish token is for another broadcast. Ask for another.");
        return ERR_DENIED;
    }
    token->row.broadcast_id = broadcast_id;
    store_batch_put_publish_token(batch, &token->row);
    return OK;
}

void account_on_broadcast_ended(struct account_directory *dir, uint64_t channel_id,
                                uint64_t broadcast_id, struct store_batch *batch, int64_t now_us)
{
    const struct channel_tokens *channel = map_get_u64(&dir->tokens_by_channel, channel_id);

    if (!channel || broadcast_id == 0)
        return;
    LIST_FOR_EACH(node, &channel->tokens)
    {
        struct account_token *token = CONTAINER_OF(node, struct account_token, in_channel);

        if (token->row.broadcast_id != broadcast_id || token->row.revoked_at_us != 0)
            continue;
        token->row.revoked_at_us = people_wall(dir, now_us);
        store_batch_put_publish_token(batch, &token->row);
    }
}

void account_on_channel_deleted(struct account_directory *dir, uint64_t channel_id)
{
    struct channel_tokens *channel = map_get_u64(&dir->tokens_by_channel, channel_id);

    for (size_t left = channel ? channel->count : 0; left > 0; left--)
        tokens_remove(dir,
                      CONTAINER_OF(list_first(&channel->tokens), struct account_token, in_channel));
}
