/*
 * vec - a growing array of one type, with a maximum that must be named.
 *
 *     VEC(struct track) tracks = {0};
 *     if (!vec_push(&tracks, track, TRACKS_MAX)) return ERR_LIMIT;
 *     for (size_t i = 0; i < tracks.count; i++) use(&tracks.items[i]);
 *     vec_deinit(&tracks);
 *
 * Pointers into items are valid until the next push.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count;                                                                              \
        size_t cap;                                                                                \
    }

static inline bool vec_grow(void **items, size_t *cap, size_t count, size_t size, size_t max)
{
    if (count >= max)
        return false;
    if (count < *cap)
        return true;

    size_t larger = *cap ? *cap * 2 : 8;
    *cap = larger < max ? larger : max;
    *items = mem_realloc(*items, *cap * size);
    return true;
}

/* Appends a copy of `item`; false when there are already `max` items. */
#define vec_push(v, item, max)                                                                     \
    (vec_grow((void **)&(v)->items, &(v)->cap, (v)->count, sizeof(*(v)->items), (max))             \
         ? ((v)->items[(v)->count++] = (item), true)                                               \
         : false)

/* Removes item `index`, keeping the order of the rest. */
#define vec_remove(v, index)                                                                       \
    do {                                                                                           \
        for (size_t vec_i = (index); vec_i + 1 < (v)->count; vec_i++)                              \
            (v)->items[vec_i] = (v)->items[vec_i + 1];                                             \
        (v)->count--;                                                                              \
    } while (0)

/* Releases the array (not what the items own). */
#define vec_deinit(v)                                                                              \
    do {                                                                                           \
        mem_free((v)->items);                                                                      \
        (v)->items = NULL;                                                                         \
        (v)->count = (v)->cap = 0;                                                                 \
    } while (0)

#endif
