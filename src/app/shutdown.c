/*
 * shutdown - the orderly end: broadcasts, then playlists that say so, then answers that run, then
 * the media loop. Each step is bounded by server.shutdown_s in all.
 */
#include "app/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

struct drain_msg {
    struct loop_msg msg;
    struct server *server;
    size_t index;
};

static void run_edge_drained(struct loop_msg *msg)
{
    struct drain_msg *drained = CONTAINER_OF(msg, struct drain_msg, msg);
    struct server *server = drained->server;

    mem_free(drained);
    if (++server->edges_drained == server->edge_count)
        media_post_destroy(server);
}

static void drop_drain(struct loop_msg *msg)
{
    mem_free(CONTAINER_OF(msg, struct drain_msg, msg));
}

static void on_edge_drained(void *ctx)
{
    struct drain_msg *drained = ctx;

    drained->msg.run = run_edge_drained;
    drained->msg.drop = drop_drain;
    loop_post(drained->server->control, &drained->msg);
}

static void run_drain_edge(struct loop_msg *msg)
{
    struct drain_msg *drain = CONTAINER_OF(msg, struct drain_msg, msg);

    edge_drain(drain->server->edges[drain->index], on_edge_drained, drain);
}

static void drain_edges(struct server *server)
{
    for (size_t i = 0; i < server->edge_count; i++) {
        struct drain_msg *drain = mem_zalloc(sizeof(*drain));

        drain->msg.run = run_drain_edge;
        drain->msg.drop = drop_drain;
        drain->server = server;
        drain->index = i;
        loop_post(server->edge_loops[i], &drain->msg);
    }
}

/* So long are ended playlists still served: a player asks again within a part or two. */
static const int64_t SHOW_END_US = 1 * US_PER_S;

/* Waits for the broadcasts to end, at most for half of the time. */
static void on_shutdown_time(struct loop_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, shutdown_timer);
    int64_t now_us = loop_now_us(server->control);
    int64_t half_us = server->config.shutdown_s * US_PER_S / 2;

    if (channel_directory_live_count(server->directory) > 0 &&
        server->shutdown_by_us - now_us > half_us)
        loop_timer_set(server->control, timer, now_us + 20 * US_PER_MS, on_shutdown_time);
    else if (server->must_show_end) {
        server->must_show_end = false;
        loop_timer_set(server->control, timer, now_us + SHOW_END_US, on_shutdown_time);
    } else
        drain_edges(server);
}

static void on_shutdown_late(struct loop_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, second);

    log_error("shutdown_late", LOG_STR("effect", "what still runs is cut off"));
    loop_stop(server->control);
}

void control_begin_shutdown(struct server *server)
{
    int64_t now_us = loop_now_us(server->control);

    if (server->is_shutting_down)
        return;
    server->is_shutting_down = true;
    server->shutdown_by_us = now_us + server->config.shutdown_s * US_PER_S;
    server->must_show_end = channel_directory_live_count(server->directory) > 0;
    log_info("shutdown_begins", LOG_U64("live", channel_directory_live_count(server->directory)),
             LOG_I64("limit_s", server->config.shutdown_s));
    for (size_t i = 0; i < server->edge_count; i++)
        edge_post_ready(server->edges[i], false, "The server is shutting down.");
    media_post_drain(server);
    channel_directory_end_all(server->directory, "The server was shut down.", now_us);
    control_arm(server);
    loop_timer_set(server->control, &server->second, server->shutdown_by_us, on_shutdown_late);
    loop_timer_set(server->control, &server->shutdown_timer, now_us, on_shutdown_time);
}
