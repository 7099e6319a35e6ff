/*
 * guard - who tries too many keys or passwords is shut out; who calls too often is slowed down.
 *
 * Both are bounded tables keyed by a hash of what is counted: an address (IPv6 by its /64, which is
 * what one subscriber gets), an e-mail, an account's id. A key has a few places, chosen by the
 * seeded hash; when they are taken, the one that was quiet longest gives way. So a look costs the
 * same whatever a peer does, and nobody can aim at somebody else's place.
 *
 * Threads   One loop.
 * Times     Monotonic microseconds.
 */
#ifndef ACCOUNT_GUARD_H
#define ACCOUNT_GUARD_H

#include <stdint.h>

#include "base/text.h"

/* What is counted, as a number. The same text under another kind is another key. */
enum guard_kind { GUARD_ADDRESS = 1, GUARD_EMAIL, GUARD_ACCOUNT };
uint64_t guard_key(enum guard_kind kind, struct text text);

/* ---- attempts ---- */

struct guard_rule {
    uint32_t attempts_max; /* within a window, then the key is shut out */
    int64_t window_us;
    int64_t shut_us;
};

/* 10 in a minute, then a minute. */
struct guard_rule guard_rule_default(void);

struct guard;

struct guard *guard_create(const struct guard_rule *rule);
void guard_destroy(struct guard *guard);

/* For how much longer the key is shut out; 0: it is not. */
int64_t guard_shut_for_us(const struct guard *guard, uint64_t key, int64_t now_us);

/* An attempt that failed, or whose end is not known yet. */
void guard_note(struct guard *guard, uint64_t key, int64_t now_us);

/* An attempt that was noted turned out well. */
void guard_forgive(struct guard *guard, uint64_t key);

/* ---- calls ---- */

/* A bucket of tokens for each key: `burst` at once, then `per_second`. */
struct rate_rule {
    double per_second;
    double burst;
};

struct rate_limit;

struct rate_limit *rate_limit_create(const struct rate_rule *rule);
void rate_limit_destroy(struct rate_limit *limit);

/* Takes `cost` tokens and returns 0; or takes none and returns after how many microseconds they
 * will be there. */
int64_t rate_limit_take(struct rate_limit *limit, uint64_t key, double cost, int64_t now_us);

#endif
