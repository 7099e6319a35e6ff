/*
 * mem - allocation. The only place that calls malloc and free.
 *
 * We are a program, not a library: when memory is out, mem_alloc ends the program, so no caller
 * handles it. What keeps memory bounded is limits: compare a size that a peer names with a named
 * limit *before* allocating it.
 *
 * Threads   Any.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* `size` bytes, not initialised. A size of 0 gives a valid, distinct pointer. */
void *mem_alloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));

/* The same, zeroed. */
void *mem_zalloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));

/* Grows or shrinks a block; NULL allocates. */
void *mem_realloc(void *block, size_t size) __attribute__((alloc_size(2), returns_nonnull));

/* A copy of `len` bytes. */
void *mem_dup(const void *bytes, size_t len) __attribute__((malloc, returns_nonnull));

/* A NUL-terminated copy of `len` characters: for system calls that need one. */
char *mem_strndup(const char *chars, size_t len) __attribute__((malloc, returns_nonnull));

/* Releases a block; NULL is allowed. */
void mem_free(void *block);

/* Blocks allocated and not yet freed by this process. Counted only in builds with
 * MEM_COUNT_BLOCKS (tests, debug); 0 otherwise. A test compares it before and after. */
size_t mem_live_blocks(void);

#endif
