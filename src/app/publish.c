/*
 * publish - who may publish: the media loop asks with a stream key or a publish token, the
 * directories decide.
 *
 * A publish token stands for the stream key of its channel until its broadcast is over. Which
 * connection came by which token is kept, so that a revoked one closes it.
 */
#include <string.h>

#include "app/server.h"
#include "base/log.h"
#include "base/mem.h"

/* The publisher of a channel that came by a token. */
struct token_use {
    uint64_t channel_id;
    uint64_t session_id;
    char token_id[ROW_UUID_LEN + 1];
};

static void forget_use(struct server *server, uint64_t channel_id)
{
    mem_free(map_remove_u64(&server->token_uses, channel_id));
}

static void keep_use(struct server *server, const struct publish_permit *permit,
                     uint64_t session_id)
{
    struct token_use *use = mem_zalloc(sizeof(*use));

    forget_use(server, permit->channel_id);
    use->channel_id = permit->channel_id;
    use->session_id = session_id;
    memcpy(use->token_id, permit->token_id, sizeof(use->token_id));
    (void)map_put_u64(&server->token_uses, permit->channel_id, use); /* there is none now */
}

static enum ingest to_ingest(enum live_protocol protocol)
{
    static const enum ingest ingests[] = {
        [LIVE_WHIP] = INGEST_WHIP, [LIVE_RTMP] = INGEST_RTMP, [LIVE_RTMPS] = INGEST_RTMPS};

    return ingests[protocol];
}

/* Puts the stream key in the place of a publish token. *ret_permit has a channel then, else it is
 * zero. ERR_DENIED. */
static enum err exchange_token(struct server *server, struct publish_request *request,
                               struct publish_permit *ret_permit, struct diag *diag)
{
    enum err err = account_token_check(server->accounts, request->stream_key,
                                       loop_now_us(server->control), ret_permit, diag);

    if (err) {
        *ret_permit = (struct publish_permit){0};
        if (err != ERR_NOT_FOUND)
            return err;
        *diag = (struct diag){0}; /* not a token: a stream key, or nothing that we know */
        return OK;
    }
    const struct channel *channel = channel_find(server->directory, ret_permit->channel_id);
    if (!channel || (request->channel_id && request->channel_id != channel->id)) {
        diag_set(diag, "This publish token does not belong to this channel. Get a new one from "
                       "the studio.");
        return ERR_DENIED;
    }
    if (ret_permit->broadcast_id && ret_permit->broadcast_id != channel->broadcast_id) {
        diag_set(diag, "The broadcast of this publish token is over. Get a new one from the "
                       "studio.");
        return ERR_DENIED;
    }
    request->stream_key = secret_reveal(&channel->stream_key);
    return OK;
}

static enum err check_owner(const struct server *server, const struct publish_request *request,
                            struct diag *diag)
{
    const struct channel *channel = channel_find_by_key(server->directory, request->stream_key);

    return channel ? account_check_publisher(server->accounts, text_of(channel->host_user_id), diag)
                   : OK;
}

static void bind_token(struct server *server, const struct publish_permit *permit,
                       const struct publish_answer *answer)
{
    struct store_batch *batch = store_batch_create();

    /* It was checked a moment ago, on this thread. */
    if (account_token_bind(server->accounts, text_of(permit->token_id), answer->broadcast_id, batch,
                           NULL) == OK &&
        store_batch_count(batch) != 0)
        work_store(server, batch);
    else
        store_batch_destroy(batch);
}

static enum err let_in(struct server *server, struct publish_request *request,
                       struct publish_answer *ret_answer, struct diag *diag)
{
    struct publish_permit permit;
    enum err err = exchange_token(server, request, &permit, diag);

    if (!err)
        err = check_owner(server, request, diag);
    if (!err)
        err = channel_publish(server->directory, request, loop_now_us(server->control), ret_answer,
                              diag);
    if (err)
        return err;
    forget_use(server, ret_answer->channel_id);
    if (permit.channel_id) {
        keep_use(server, &permit, request->session_id);
        bind_token(server, &permit, ret_answer);
    }
    return OK;
}

/* Its offer is no good; the answer says so only to who may publish. */
static enum err refuse(struct server *server, struct publish_request *request, struct diag *diag)
{
    struct publish_permit permit;
    enum err err = exchange_token(server, request, &permit, diag);

    if (!err)
        err = channel_check_key(server->directory, request, diag);
    return err ? err : ERR_UNSUPPORTED;
}

void publish_on_request(struct server *server, const struct media_event *event)
{
    struct publish_request request = {
        .stream_key = secret_reveal(&event->stream_key),
        .channel_id = event->channel_id,
        .session_id = event->session_id,
        .ingest = to_ingest(event->protocol),
    };
    struct publish_answer answer;
    struct diag diag = {0};
    enum err err = ERR_LIMIT;

    if (event->is_refused)
        err = refuse(server, &request, &diag);
    else if (server->is_shutting_down)
        diag_set(&diag, "The server is shutting down. Connect again in a moment.");
    else
        err = let_in(server, &request, &answer, &diag);
    if (err)
        media_post_refuse(server, event->session_id, err, diag.message);
    else
        media_post_accept(server, event->session_id, &answer);
}

void publish_on_token_revoked(void *context, uint64_t channel_id, const char *token_id)
{
    struct server *server = context;
    const struct token_use *use = map_get_u64(&server->token_uses, channel_id);
    const struct channel *channel = channel_find(server->directory, channel_id);
    struct diag diag = {0};

    if (!use || !channel || strcmp(use->token_id, token_id) != 0)
        return;
    if (channel->session_id == use->session_id &&
        channel_leave(server->directory, channel_id, "the publish token was revoked",
                      loop_now_us(server->control), &diag) != OK)
        log_error("publisher_not_closed", LOG_U64("channel", channel_id),
                  LOG_STR("reason", diag.message));
    forget_use(server, channel_id);
}

void publish_on_broadcast_ended(struct server *server, const struct store_change *change,
                                struct store_batch *batch)
{
    account_on_broadcast_ended(server->accounts, change->broadcast.channel_id, change->broadcast.id,
                               batch, loop_now_us(server->control));
    forget_use(server, change->broadcast.channel_id);
}

void publish_on_channel_deleted(struct server *server, uint64_t channel_id)
{
    account_on_channel_deleted(server->accounts, channel_id);
    forget_use(server, channel_id);
}

void publish_deinit(struct server *server)
{
    size_t position = 0;
    struct token_use *use;

    while ((use = map_next(&server->token_uses, &position)))
        mem_free(use);
    map_deinit(&server->token_uses);
}
