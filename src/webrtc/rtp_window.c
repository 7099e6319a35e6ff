#include "webrtc/rtp_window.h"

#include <assert.h>

#include "base/reader.h"
#include "webrtc/rtp.h"
#include "webrtc/rtp_receiver.h"

enum { SLAB_BLOCKS = 16 };

union rtp_block {
    union rtp_block *next; /* while it is free */
    uint8_t bytes[RTP_PACKET_LEN_MAX + 4];
};

void rtp_window_init(struct rtp_window *window, size_t capacity)
{
    assert((capacity & (capacity - 1)) == 0);
    *window = (struct rtp_window){
        .capacity = capacity, .nack_due_us = INT64_MAX, .missed_at_us = INT64_MIN};
    window->slots = mem_zalloc(capacity * sizeof(window->slots[0]));
}

void rtp_window_deinit(struct rtp_window *window)
{
    for (size_t i = 0; i < window->slabs.count; i++)
        mem_free(window->slabs.items[i]);
    vec_deinit(&window->slabs);
    mem_free(window->slots);
    *window = (struct rtp_window){0};
}

static union rtp_block *take_block(struct rtp_window *window)
{
    if (!window->free_blocks) {
        union rtp_block *slab = mem_alloc(SLAB_BLOCKS * sizeof(*slab));
        bool has_room = vec_push(&window->slabs, slab, window->capacity / SLAB_BLOCKS + 1);

        assert(has_room); /* each block in use belongs to a slot */
        (void)has_room;
        for (size_t i = 0; i < SLAB_BLOCKS; i++) {
            slab[i].next = window->free_blocks;
            window->free_blocks = &slab[i];
        }
    }
    union rtp_block *block = window->free_blocks;

    window->free_blocks = block->next;
    return block;
}

static void release_slot(struct rtp_window *window, struct rtp_slot *slot)
{
    if (slot->block) {
        slot->block->next = window->free_blocks;
        window->free_blocks = slot->block;
    }
    *slot = (struct rtp_slot){0};
}

static struct rtp_slot *slot_of(const struct rtp_window *window, int64_t seq)
{
    return &window->slots[(uint64_t)seq & (window->capacity - 1)];
}

struct rtp_slot *rtp_window_at(const struct rtp_window *window, int64_t seq)
{
    assert(seq >= window->begin_seq && seq < window->end_seq);
    return slot_of(window, seq);
}

const uint8_t *rtp_slot_payload(const struct rtp_slot *slot)
{
    return slot->block->bytes;
}

void rtp_window_restart(struct rtp_window *window, int64_t seq)
{
    if (window->is_started)
        (void)rtp_window_consume(window, window->end_seq);
    window->is_started = true;
    window->begin_seq = seq;
    window->end_seq = seq;
    window->missing_count = 0;
    window->nack_due_us = INT64_MAX;
}

static void mark_missing(struct rtp_window *window, int64_t end_seq, int64_t now_us)
{
    for (; window->end_seq < end_seq; window->end_seq++) {
        struct rtp_slot *slot = slot_of(window, window->end_seq);

        *slot = (struct rtp_slot){.since_us = now_us, .nack_due_us = now_us + RTP_NACK_DELAY_US};
        window->missing_count++;
        window->missed_at_us = now_us;
        if (slot->nack_due_us < window->nack_due_us)
            window->nack_due_us = slot->nack_due_us;
    }
}

static void fill(struct rtp_window *window, struct rtp_slot *slot, const struct rtp_packet *packet)
{
    struct reader payload = reader_of(packet->payload, packet->payload_len);

    slot->is_present = true;
    slot->has_marker = packet->has_marker;
    slot->timestamp = packet->timestamp;
    slot->len = (uint16_t)packet->payload_len;
    slot->block = take_block(window);
    reader_copy(&payload, slot->block->bytes, packet->payload_len);
}

enum rtp_put rtp_window_put(struct rtp_window *window, int64_t seq, const struct rtp_packet *packet,
                            int64_t now_us)
{
    assert(seq < window->begin_seq + (int64_t)window->capacity);
    assert(packet->payload_len <= RTP_PACKET_LEN_MAX);
    if (seq < window->begin_seq)
        return RTP_PUT_DUPLICATE;

    if (seq < window->end_seq) {
        struct rtp_slot *slot = slot_of(window, seq);

        if (slot->is_present)
            return RTP_PUT_DUPLICATE;
        window->missing_count--;
        fill(window, slot, packet);
        return slot->nack_count > 0 ? RTP_PUT_REPAIRED : RTP_PUT_FILLED;
    }
    mark_missing(window, seq, now_us);
    *slot_of(window, seq) = (struct rtp_slot){0};
    fill(window, slot_of(window, seq), packet);
    window->end_seq = seq + 1;
    return RTP_PUT_NEW;
}

size_t rtp_window_consume(struct rtp_window *window, int64_t seq)
{
    size_t missing = 0;

    for (; window->begin_seq < seq && window->begin_seq < window->end_seq; window->begin_seq++) {
        struct rtp_slot *slot = slot_of(window, window->begin_seq);

        missing += !slot->is_present;
        release_slot(window, slot);
    }
    window->missing_count -= missing;
    if (window->missing_count == 0)
        window->nack_due_us = INT64_MAX;
    return missing;
}

size_t rtp_window_collect_nacks(struct rtp_window *window, int64_t now_us, int64_t retry_us,
                                uint16_t *ret_seqs, size_t max)
{
    size_t count = 0;

    if (now_us < window->nack_due_us)
        return 0;
    window->nack_due_us = INT64_MAX;
    size_t missing_left = window->missing_count;

    for (int64_t seq = window->begin_seq; seq < window->end_seq && missing_left > 0; seq++) {
        struct rtp_slot *slot = slot_of(window, seq);

        if (slot->is_present)
            continue;
        missing_left--;
        if (slot->nack_count >= RTP_NACK_TRIES_MAX)
            continue;
        if (slot->nack_due_us <= now_us && count < max) {
            ret_seqs[count++] = (uint16_t)seq;
            slot->nack_count++;
            slot->nack_due_us = now_us + retry_us;
        }
        if (slot->nack_due_us < window->nack_due_us)
            window->nack_due_us = slot->nack_due_us;
    }
    return count;
}
