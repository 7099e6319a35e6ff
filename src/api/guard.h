/*
 * guard - counts wrong keys by address and shuts out who tries too many. Private to api/.
 *
 * A bounded table: when it is full the entry that was quiet longest gives way. IPv6 addresses count
 * by their /64, which is what one subscriber gets.
 *
 * Threads   One loop.
 */
#ifndef API_GUARD_H
#define API_GUARD_H

#include <stdint.h>

#include "base/text.h"

enum {
    GUARD_ENTRIES_MAX = 512,
    GUARD_FAILURES_MAX = 10, /* wrong keys within a window, then the address is shut out */
};

#define GUARD_WINDOW_US INT64_C(60000000)
#define GUARD_SHUT_US   INT64_C(60000000)

struct guard_entry {
    uint64_t address; /* its hash; 0: free */
    uint32_t failures;
    int64_t window_start_us;
    int64_t shut_until_us;
    int64_t last_us;
};

struct guard {
    struct guard_entry entries[GUARD_ENTRIES_MAX]; /* zeroed is empty */
};

/* For how much longer the address is shut out; 0: it is not. */
int64_t guard_shut_for_us(const struct guard *guard, struct text address, int64_t now_us);

/* A wrong key came from there. */
void guard_note_failure(struct guard *guard, struct text address, int64_t now_us);

#endif
