/*
 * timer_heap - binary heap of loop_timers, the earliest first. Each timer knows its index, so that
 * it can be removed from the middle.
 */
#ifndef LOOP_TIMER_HEAP_H
#define LOOP_TIMER_HEAP_H

#include "base/vec.h"
#include "loop/loop.h"

enum { LOOP_TIMERS_MAX = 1 << 20 };

struct timer_heap {
    VEC(struct loop_timer *) timers;
};

void timer_heap_add(struct timer_heap *heap, struct loop_timer *timer);
void timer_heap_remove(struct timer_heap *heap, struct loop_timer *timer);

/* The earliest timer, or NULL. */
struct loop_timer *timer_heap_first(const struct timer_heap *heap);

void timer_heap_deinit(struct timer_heap *heap);

#endif
