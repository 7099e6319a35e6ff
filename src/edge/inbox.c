/*
 * What the other loops tell an edge: snapshots of the media, events of the channels, readiness.
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

struct event_msg {
    struct loop_msg msg;
    struct edge *edge;
    struct push_event event;
    struct buf *json; /* the message's reference */
};

static void release_event(struct event_msg *update)
{
    buf_unref(update->json);
    mem_free(update);
}

static void run_event(struct loop_msg *msg)
{
    struct event_msg *update = CONTAINER_OF(msg, struct event_msg, msg);
    struct edge *edge = update->edge;

    board_set_status(&edge->board, update->event.channel_id, update->event.json,
                     update->event.may_start);
    push_post(&edge->push, &update->event);
    edge_run_push(edge);
    release_event(update);
}

static void drop_event(struct loop_msg *msg)
{
    release_event(CONTAINER_OF(msg, struct event_msg, msg));
}

void edge_post_event(struct edge *edge, const struct push_event *event)
{
    struct event_msg *update = mem_zalloc(sizeof(*update));

    update->msg.run = run_event;
    update->msg.drop = drop_event;
    update->edge = edge;
    update->event = *event;
    update->event.json = update->json = event->json ? buf_ref(event->json) : NULL;
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
