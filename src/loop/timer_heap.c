#include "loop/timer_heap.h"

#include <assert.h>

static void place(struct timer_heap *heap, size_t index, struct loop_timer *timer)
{
    heap->timers.items[index] = timer;
    timer->heap_index = index;
}

static void move_up(struct timer_heap *heap, struct loop_timer *timer)
{
    size_t index = timer->heap_index;

    while (index > 0) {
        struct loop_timer *parent = heap->timers.items[(index - 1) / 2];

        if (parent->at_us <= timer->at_us)
            break;
        place(heap, index, parent);
        index = (index - 1) / 2;
    }
    place(heap, index, timer);
}

static void move_down(struct timer_heap *heap, struct loop_timer *timer)
{
    size_t index = timer->heap_index;
    size_t count = heap->timers.count;

    for (;;) {
        size_t child = 2 * index + 1;

        if (child >= count)
            break;
        if (child + 1 < count &&
            heap->timers.items[child + 1]->at_us < heap->timers.items[child]->at_us)
            child++;
        if (heap->timers.items[child]->at_us >= timer->at_us)
            break;
        place(heap, index, heap->timers.items[child]);
        index = child;
    }
    place(heap, index, timer);
}

void timer_heap_add(struct timer_heap *heap, struct loop_timer *timer)
{
    bool did_push = vec_push(&heap->timers, timer, LOOP_TIMERS_MAX);

    assert(did_push); /* each timer is inside an object that has a limit of its own */
    (void)did_push;
    timer->heap_index = heap->timers.count - 1;
    move_up(heap, timer);
}

void timer_heap_remove(struct timer_heap *heap, struct loop_timer *timer)
{
    size_t index = timer->heap_index;
    struct loop_timer *last = heap->timers.items[--heap->timers.count];

    assert(index <= heap->timers.count);
    if (last == timer)
        return;
    place(heap, index, last);
    move_up(heap, last);
    move_down(heap, last);
}

struct loop_timer *timer_heap_first(const struct timer_heap *heap)
{
    return heap->timers.count ? heap->timers.items[0] : NULL;
}

void timer_heap_deinit(struct timer_heap *heap)
{
    vec_deinit(&heap->timers);
}
