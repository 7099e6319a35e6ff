#include "edge/viewers.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"

/* A player of ordinary HLS asks for the playlist each target duration or so. */
static const int64_t SEEN_FOR_US = 10 * US_PER_S;

struct viewer {
    uint64_t channel_id;
    uint64_t key;
    uint32_t waiting;
    int64_t seen_at_us;
};

static uint64_t map_key(uint64_t channel_id, uint64_t key)
{
    uint64_t both[2] = {channel_id, key};

    return crypto_siphash(both, sizeof(both));
}

struct viewer *viewers_see(struct viewers *viewers, uint64_t channel_id, uint64_t key,
                           int64_t now_us)
{
    struct viewer *viewer = map_get_u64(&viewers->by_key, map_key(channel_id, key));

    if (!viewer) {
        if (viewers->by_key.count >= VIEWERS_MAX)
            return NULL;
        viewer = mem_zalloc(sizeof(*viewer));
        viewer->channel_id = channel_id;
        viewer->key = key;
        (void)map_put_u64(&viewers->by_key, map_key(channel_id, key), viewer);
    }
    viewer->seen_at_us = now_us;
    return viewer;
}

void viewer_begin_wait(struct viewer *viewer)
{
    viewer->waiting++;
}

void viewer_end_wait(struct viewer *viewer, int64_t now_us)
{
    viewer->waiting--;
    viewer->seen_at_us = now_us;
}

struct edge_report *viewers_report(struct viewers *viewers, int64_t now_us)
{
    struct edge_report *report =
        mem_zalloc(sizeof(*report) + viewers->by_key.count * sizeof(report->viewers[0]));
    size_t position = 0;
    struct viewer *viewer;

    while ((viewer = map_next(&viewers->by_key, &position))) {
        if (viewer->waiting == 0 && now_us - viewer->seen_at_us > SEEN_FOR_US) {
            (void)map_remove_u64(&viewers->by_key, map_key(viewer->channel_id, viewer->key));
            mem_free(viewer);
            continue;
        }
        report->viewers[report->count++] =
            (struct edge_viewer){viewer->channel_id, viewer->key, viewer->waiting};
    }
    return report;
}

void viewers_deinit(struct viewers *viewers)
{
    size_t position = 0;
    struct viewer *viewer;

    while ((viewer = map_next(&viewers->by_key, &position)))
        mem_free(viewer);
    map_deinit(&viewers->by_key);
}
