/*
 * What the other loops tell an edge: snapshots of the media, status of the channels, readiness.
 */
#include <string.h>

#include "base/mem.h"
#include "base/writer.h"
#include "edge/edge_private.h"

struct snapshot_msg {
    struct loop_msg msg;
    struct edge *edge;
    uint64_t channel_id;
    struct hls_snapshot *snapshot;
};

static void run_snapshot(struct loop_msg *msg)
{
    struct snapshot_msg *update = CONTAINER_OF(msg, struct snapshot_msg, msg);
    struct edge *edge = update->edge;
    struct board_channel *channel = update->snapshot
                                        ? board_find_or_create(&edge->board, update->channel_id)
                                        : board_find(&edge->board, update->channel_id);

    if (channel)
        board_set_snapshot(&edge->board, channel, update->snapshot);
    http_server_flush(edge->server);
    mem_free(update);
}

static void drop_snapshot(struct loop_msg *msg)
{
    struct snapshot_msg *update = CONTAINER_OF(msg, struct snapshot_msg, msg);

    hls_snapshot_unref(update->snapshot);
    mem_free(update);
}

void edge_post_snapshot(struct edge *edge, uint64_t channel_id, const struct hls_snapshot *snapshot)
{
    struct snapshot_msg *update = mem_zalloc(sizeof(*update));

    update->msg.run = run_snapshot;
    update->msg.drop = drop_snapshot;
    update->edge = edge;
    update->channel_id = channel_id;
    update->snapshot = snapshot ? hls_snapshot_ref(snapshot) : NULL;
    loop_post(edge->loop, &update->msg);
}

struct status_msg {
    struct loop_msg msg;
    struct edge *edge;
    uint64_t channel_id;
    struct buf *json;
    bool may_start;
};

static void release_status(struct status_msg *update)
{
    buf_unref(update->json);
    mem_free(update);
}

static void run_status(struct loop_msg *msg)
{
    struct status_msg *update = CONTAINER_OF(msg, struct status_msg, msg);
    struct board *board = &update->edge->board;
    struct board_channel *channel = update->json ? board_find_or_create(board, update->channel_id)
                                                 : board_find(board, update->channel_id);

    if (channel) {
        http_asset_unref(channel->status);
        channel->status = NULL;
        channel->may_start = update->may_start;
        if (update->json) {
            struct slice slice = slice_of(update->json, 0, update->json->len);
            struct http_asset_params params = {
                .content_type = "application/json",
                .cache_control = "no-cache",
                .body = &slice,
                .body_count = 1,
            };
            channel->status = http_asset_create(&params);
        }
        board_forget_if_empty(board, channel);
    }
    release_status(update);
}

static void drop_status(struct loop_msg *msg)
{
    release_status(CONTAINER_OF(msg, struct status_msg, msg));
}

void edge_post_status(struct edge *edge, uint64_t channel_id, const struct buf *json,
                      bool may_start)
{
    struct status_msg *update = mem_zalloc(sizeof(*update));

    update->msg.run = run_status;
    update->msg.drop = drop_status;
    update->edge = edge;
    update->channel_id = channel_id;
    update->json = json ? buf_ref(json) : NULL;
    update->may_start = may_start;
    loop_post(edge->loop, &update->msg);
}

struct ready_msg {
    struct loop_msg msg;
    struct edge *edge;
    bool is_ready;
    char why_not[sizeof(((struct edge *)NULL)->why_not_ready)];
};

static void run_ready(struct loop_msg *msg)
{
    struct ready_msg *update = CONTAINER_OF(msg, struct ready_msg, msg);
    struct edge *edge = update->edge;

    edge->is_ready = update->is_ready;
    memcpy(edge->why_not_ready, update->why_not, sizeof(edge->why_not_ready));
    edge->ready_heard_us = loop_now_us(edge->loop);
    mem_free(update);
}

static void drop_ready(struct loop_msg *msg)
{
    mem_free(CONTAINER_OF(msg, struct ready_msg, msg));
}

void edge_post_ready(struct edge *edge, bool is_ready, const char *why_not)
{
    struct ready_msg *update = mem_zalloc(sizeof(*update));
    struct writer w = writer_fixed(update->why_not, sizeof(update->why_not) - 1);

    update->msg.run = run_ready;
    update->msg.drop = drop_ready;
    update->edge = edge;
    update->is_ready = is_ready;
    writer_text(&w, text_sub(text_of(why_not), 0, sizeof(update->why_not) - 1));
    loop_post(edge->loop, &update->msg);
}
