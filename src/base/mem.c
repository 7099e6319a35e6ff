#include "base/mem.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef MEM_COUNT_BLOCKS
static atomic_size_t live_blocks;
#define COUNT(op) atomic_fetch_##op##_explicit(&live_blocks, 1, memory_order_relaxed)
#else
#define COUNT(op) ((void)0)
#endif

static void *check(void *block, size_t size)
{
    if (!block) {
        (void)fprintf(stderr, "stoa: out of memory (asked for %zu bytes)\n", size);
        abort();
    }
    return block;
}

void *mem_alloc(size_t size)
{
    COUNT(add);
    return check(malloc(size ? size : 1), size);
}

void *mem_zalloc(size_t size)
{
    COUNT(add);
    return check(calloc(1, size ? size : 1), size);
}

void *mem_realloc(void *block, size_t size)
{
    if (!block)
        COUNT(add);
    return check(realloc(block, size ? size : 1), size);
}

void *mem_dup(const void *bytes, size_t len)
{
    void *copy = mem_alloc(len);

    if (len)
        memcpy(copy, bytes, len);
    return copy;
}

char *mem_strndup(const char *chars, size_t len)
{
    char *copy = mem_alloc(len + 1);

    if (len)
        memcpy(copy, chars, len);
    copy[len] = '\0';
    return copy;
}

void mem_free(void *block)
{
    if (!block)
        return;
    COUNT(sub);
    free(block);
}

size_t mem_live_blocks(void)
{
#ifdef MEM_COUNT_BLOCKS
    return atomic_load_explicit(&live_blocks, memory_order_relaxed);
#else
    return 0;
#endif
}
