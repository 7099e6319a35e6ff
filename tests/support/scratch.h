/*
 * scratch - a folder of a test's own, removed with all that is in it.
 */
#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scratch {
    char path[64];
    int fd;
};

void scratch_make(struct scratch *scratch);
/* The same in memory where there is such a place: for many small files that are synced. */
void scratch_make_in_memory(struct scratch *scratch);
void scratch_remove(struct scratch *scratch);

/* The whole file, with a zero behind it; release with mem_free(). NULL: it is not there. */
char *scratch_read(const struct scratch *scratch, const char *name, size_t *ret_len);

/* Makes or replaces a file; folders above it must be there. */
void scratch_write(const struct scratch *scratch, const char *name, const void *bytes, size_t len);

void scratch_truncate(const struct scratch *scratch, const char *name, uint64_t len);
void scratch_make_folder(const struct scratch *scratch, const char *name);
bool scratch_has(const struct scratch *scratch, const char *name);

#endif
