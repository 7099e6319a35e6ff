#include "api/guard.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/crypto.h"

enum { ADDRESS_LEN_MAX = 63, SUBNET_LEN = 8 };

static uint64_t hash_of(struct text address)
{
    char chars[ADDRESS_LEN_MAX + 1];
    struct in6_addr v6;
    uint64_t hash;

    (void)snprintf(chars, sizeof(chars), "%.*s", TEXT_ARG(address)); /* cut to fit */
    if (inet_pton(AF_INET6, chars, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6))
        hash = crypto_siphash(v6.s6_addr, SUBNET_LEN);
    else
        hash = crypto_siphash(chars, strlen(chars));
    return hash ? hash : 1;
}

/* A linear walk: 512 entries, and only requests with credentials come here. */
static const struct guard_entry *find(const struct guard *guard, uint64_t hash)
{
    for (size_t i = 0; i < GUARD_ENTRIES_MAX; i++)
        if (guard->entries[i].address == hash)
            return &guard->entries[i];
    return NULL;
}

int64_t guard_shut_for_us(const struct guard *guard, struct text address, int64_t now_us)
{
    const struct guard_entry *entry = find(guard, hash_of(address));

    return entry && entry->shut_until_us > now_us ? entry->shut_until_us - now_us : 0;
}

static struct guard_entry *entry_for(struct guard *guard, uint64_t hash)
{
    struct guard_entry *oldest = &guard->entries[0];

    for (size_t i = 0; i < GUARD_ENTRIES_MAX; i++) {
        struct guard_entry *entry = &guard->entries[i];

        if (entry->address == hash)
            return entry;
        if (oldest->address != 0 && (entry->address == 0 || entry->last_us < oldest->last_us))
            oldest = entry;
    }
    *oldest = (struct guard_entry){.address = hash};
    return oldest;
}

void guard_note_failure(struct guard *guard, struct text address, int64_t now_us)
{
    struct guard_entry *entry = entry_for(guard, hash_of(address));

    if (entry->failures == 0 || now_us - entry->window_start_us >= GUARD_WINDOW_US) {
        entry->failures = 0;
        entry->window_start_us = now_us;
    }
    entry->failures++;
    entry->last_us = now_us;
    if (entry->failures >= GUARD_FAILURES_MAX) {
        entry->shut_until_us = now_us + GUARD_SHUT_US;
        entry->failures = 0;
    }
}
