#include "base/map.h"

#include <assert.h>

#include "base/crypto.h"
#include "base/mem.h"

enum { MIN_CAP = 16 };

struct map_slot {
    char *key; /* a copy for text keys; NULL for numbers */
    size_t key_len;
    uint64_t hash; /* the number itself for number keys, mixed only for the index */
    void *value;   /* NULL: free, or a tombstone when is_removed */
    bool is_removed;
};

static uint64_t mix(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    return hash ^ hash >> 33;
}

static bool is_same(const struct map_slot *slot, uint64_t hash, struct text key)
{
    return slot->value && slot->hash == hash && slot->key_len == key.len &&
           (key.len == 0 || memcmp(slot->key, key.ptr, key.len) == 0);
}

static struct map_slot *find(const struct map *map, uint64_t hash, struct text key)
{
    if (map->cap == 0)
        return NULL;

    for (size_t i = mix(hash) & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
        struct map_slot *slot = &map->slots[i];

        if (is_same(slot, hash, key))
            return slot;
        if (!slot->value && !slot->is_removed)
            return NULL; /* there always is a free slot: at most 3/4 are in use */
    }
}

static struct map_slot *free_slot(struct map_slot *slots, size_t cap, uint64_t hash)
{
    size_t i = mix(hash) & (cap - 1);

    while (slots[i].value)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static void make_room(struct map *map)
{
    if ((map->count + map->tombstones + 1) * 4 <= map->cap * 3)
        return;

    size_t cap = MIN_CAP;
    while (cap < (map->count + 1) * 2)
        cap *= 2;

    struct map_slot *slots = mem_zalloc(cap * sizeof(*slots));
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].value)
            *free_slot(slots, cap, map->slots[i].hash) = map->slots[i];
    mem_free(map->slots);
    map->slots = slots;
    map->cap = cap;
    map->tombstones = 0;
}

static void *put(struct map *map, uint64_t hash, struct text key, void *value)
{
    assert(value);
    struct map_slot *slot = find(map, hash, key);

    if (slot) {
        void *old = slot->value;
        slot->value = value;
        return old;
    }
    make_room(map);
    slot = free_slot(map->slots, map->cap, hash);
    if (slot->is_removed)
        map->tombstones--;
    *slot = (struct map_slot){
        .key = key.ptr ? mem_strndup(key.ptr, key.len) : NULL,
        .key_len = key.len,
        .hash = hash,
        .value = value,
    };
    map->count++;
    return NULL;
}

static void *take_out(struct map *map, uint64_t hash, struct text key)
{
    struct map_slot *slot = find(map, hash, key);

    if (!slot)
        return NULL;
    void *old = slot->value;
    mem_free(slot->key);
    *slot = (struct map_slot){.is_removed = true};
    map->count--;
    map->tombstones++;
    return old;
}

static uint64_t hash_text(struct text key)
{
    return crypto_siphash(key.ptr, key.len);
}

void map_deinit(struct map *map)
{
    for (size_t i = 0; i < map->cap; i++)
        mem_free(map->slots[i].key);
    mem_free(map->slots);
    *map = (struct map){0};
}

void *map_get(const struct map *map, struct text key)
{
    struct map_slot *slot = find(map, hash_text(key), key);

    return slot ? slot->value : NULL;
}

void *map_put(struct map *map, struct text key, void *value)
{
    return put(map, hash_text(key), key, value);
}

void *map_remove(struct map *map, struct text key)
{
    return take_out(map, hash_text(key), key);
}

void *map_get_u64(const struct map *map, uint64_t key)
{
    struct map_slot *slot = find(map, key, (struct text){0});

    return slot ? slot->value : NULL;
}

void *map_put_u64(struct map *map, uint64_t key, void *value)
{
    return put(map, key, (struct text){0}, value);
}

void *map_remove_u64(struct map *map, uint64_t key)
{
    return take_out(map, key, (struct text){0});
}

void *map_next(const struct map *map, size_t *position)
{
    while (*position < map->cap) {
        void *value = map->slots[(*position)++].value;

        if (value)
            return value;
    }
    return NULL;
}
