#include "edge/push_ring.h"

#include "base/mem.h"

static struct push_record **place_of(struct push_ring *ring, uint64_t id)
{
    return &ring->records[id & (PUSH_RING_MAX - 1)];
}

static void drop_messages(struct push_record *record)
{
    for (size_t i = 0; i < PUSH_DIALECT_END; i++)
        record->messages[i] = buf_unref(record->messages[i]);
}

uint64_t push_ring_oldest_id(const struct push_ring *ring)
{
    return ring->newest_id + 1 - ring->count;
}

static void drop_oldest(struct push_ring *ring)
{
    struct push_record **place = place_of(ring, push_ring_oldest_id(ring));

    ring->count--;
    ring->len -= (*place)->json ? (*place)->json->len : 0;
    drop_messages(*place);
    buf_unref((*place)->json);
    mem_free(*place);
    *place = NULL;
}

void push_ring_deinit(struct push_ring *ring)
{
    while (ring->count)
        drop_oldest(ring);
}

void push_ring_add(struct push_ring *ring, const struct push_event *event)
{
    size_t len = event->json ? event->json->len : 0;
    struct push_record *record = mem_zalloc(sizeof(*record));

    if (event->id != ring->newest_id + 1)
        push_ring_deinit(ring);
    while (ring->count && (ring->count == PUSH_RING_MAX || ring->len + len > PUSH_RING_LEN_MAX))
        drop_oldest(ring);
    record->id = event->id;
    record->channel_id = event->channel_id;
    record->json = event->json ? buf_ref(event->json) : NULL;
    ring->newest_id = event->id;
    ring->count++;
    ring->len += len;
    *place_of(ring, event->id) = record;
}

struct push_record *push_ring_find(const struct push_ring *ring, uint64_t id)
{
    if (id > ring->newest_id || id < push_ring_oldest_id(ring))
        return NULL;
    return ring->records[id & (PUSH_RING_MAX - 1)];
}

struct buf *push_ring_message(struct push_ring *ring, struct push_record *record,
                              enum push_dialect dialect, uint64_t epoch)
{
    if (!record->messages[dialect]) {
        struct push_message message = {
            .what = record->json ? PUSH_CHANGE : PUSH_DELETION,
            .place = {epoch, record->id},
            .channel_id = record->channel_id,
            .json = record->json,
        };
        record->messages[dialect] = push_encode(dialect, &message);
        if (record->id < ring->encoded_from)
            ring->encoded_from = record->id;
    }
    return record->messages[dialect];
}

void push_ring_forget_encoded(struct push_ring *ring)
{
    uint64_t id = push_ring_oldest_id(ring);

    if (id < ring->encoded_from)
        id = ring->encoded_from;
    for (; id <= ring->newest_id; id++)
        drop_messages(push_ring_find(ring, id));
    ring->encoded_from = ring->newest_id + 1;
}
