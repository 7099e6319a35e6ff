/*
 * audience - who watches: the edges' reports of each second, put together. A viewer whose requests
 * reach several edges counts once.
 */
#include <stdlib.h>
#include <string.h>

#include "app/server.h"
#include "base/mem.h"

static int compare_viewers(const void *left, const void *right)
{
    const struct edge_viewer *a = left;
    const struct edge_viewer *b = right;

    if (a->channel_id != b->channel_id)
        return a->channel_id < b->channel_id ? -1 : 1;
    return (a->key > b->key) - (a->key < b->key);
}

/* A channel's viewers in the last three seconds: a player's gap between two requests is no
 * departure. */
struct viewer_count {
    uint64_t channel_id;
    uint32_t recent[3];
    uint32_t told;
};

static void add_viewers(struct server *server, uint64_t channel_id, uint32_t count)
{
    struct viewer_count *counted = map_get_u64(&server->viewer_counts, channel_id);

    if (!counted) {
        counted = mem_zalloc(sizeof(*counted));
        counted->channel_id = channel_id;
        (void)map_put_u64(&server->viewer_counts, channel_id, counted);
    }
    counted->recent[0] += count;
}

static void collect_viewers(struct server *server)
{
    size_t total = 0;

    for (size_t i = 0; i < server->edge_count; i++)
        total += server->reports[i] ? server->reports[i]->count : 0;
    if (total == 0)
        return;

    struct edge_viewer *all = mem_alloc(total * sizeof(*all));
    size_t count = 0;
    for (size_t i = 0; i < server->edge_count; i++) {
        const struct edge_report *report = server->reports[i];

        if (!report)
            continue;
        memcpy(all + count, report->viewers, report->count * sizeof(*all));
        count += report->count;
    }
    qsort(all, count, sizeof(*all), compare_viewers);
    for (size_t i = 0; i < count;) {
        uint64_t channel_id = all[i].channel_id;
        uint64_t key = all[i].key;
        uint32_t waiting = 0;

        for (; i < count && all[i].channel_id == channel_id && all[i].key == key; i++)
            waiting += all[i].waiting;
        add_viewers(server, channel_id, waiting ? waiting : 1);
    }
    mem_free(all);
}

void audience_tell(struct server *server)
{
    size_t position = 0;
    struct viewer_count *counted;

    collect_viewers(server);
    while ((counted = map_next(&server->viewer_counts, &position))) {
        uint32_t most = 0;

        for (size_t i = 0; i < 3; i++)
            if (counted->recent[i] > most)
                most = counted->recent[i];
        if (most != counted->told)
            channel_on_viewers(server->directory, counted->channel_id, 0, most,
                               loop_now_us(server->control));
        counted->told = most;
        if (most == 0) {
            (void)map_remove_u64(&server->viewer_counts, counted->channel_id);
            mem_free(counted);
            continue;
        }
        counted->recent[2] = counted->recent[1];
        counted->recent[1] = counted->recent[0];
        counted->recent[0] = 0;
    }
}

void audience_deinit(struct server *server)
{
    size_t position = 0;
    struct viewer_count *counted;

    for (size_t i = 0; i < server->edge_count; i++)
        mem_free(server->reports[i]);
    while ((counted = map_next(&server->viewer_counts, &position)))
        mem_free(counted);
    map_deinit(&server->viewer_counts);
}
