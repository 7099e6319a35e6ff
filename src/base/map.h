/*
 * map - hash table from bytes or numbers to pointers, open addressing, at most 3/4 full.
 *
 * Keys that a peer chooses cannot be made to collide: the hash is SipHash with a seed drawn at
 * program start. The map copies text keys; values are borrowed: the map never frees one.
 *
 * Threads   Not thread-safe: one loop owns a map.
 * Limits    The map itself has none; the owner compares `map.count` with its own.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct map_slot;

struct map {
    struct map_slot *slots;
    size_t count;
    size_t cap;        /* 0, or a power of two */
    size_t tombstones; /* removed slots that a search must still pass */
};

/* A zeroed map is empty and valid. */
void map_deinit(struct map *map);

/* The value of the key, or NULL. */
void *map_get(const struct map *map, struct text key);

/* Sets or replaces; returns the value that was there, or NULL. `value` must not be NULL. */
void *map_put(struct map *map, struct text key, void *value);

/* Removes; returns the value that was there, or NULL. */
void *map_remove(struct map *map, struct text key);

/* The same with a number as key. A map uses either text keys or numbers, never both. */
void *map_get_u64(const struct map *map, uint64_t key);
void *map_put_u64(struct map *map, uint64_t key, void *value);
void *map_remove_u64(struct map *map, uint64_t key);

/* Walks all values in no order: start with *position = 0; NULL at the end. The value just returned
 * may be removed during the walk; nothing may be added. */
void *map_next(const struct map *map, size_t *position);

#endif
