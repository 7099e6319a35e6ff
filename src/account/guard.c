#include "account/guard.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"

/* A key may be in one of PLACES neighbours; the hash is seeded, so nobody knows whose they are. */
enum { PLACES = 8, GUARD_SETS = 512, RATE_SETS = 2048, TEXT_LEN_MAX = 255, SUBNET_LEN = 8 };

struct key_material {
    char kind;
    char chars[TEXT_LEN_MAX];
};

static size_t put_address(struct key_material *material, struct text address)
{
    char chars[INET6_ADDRSTRLEN];
    struct in6_addr v6;

    if (address.len < sizeof(chars)) {
        (void)snprintf(chars, sizeof(chars), "%.*s", TEXT_ARG(address)); /* fits */
        if (inet_pton(AF_INET6, chars, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6)) {
            memcpy(material->chars, v6.s6_addr, SUBNET_LEN);
            return SUBNET_LEN;
        }
    }
    size_t len = address.len < TEXT_LEN_MAX ? address.len : TEXT_LEN_MAX;
    memcpy(material->chars, len ? address.ptr : "", len);
    return len;
}

static size_t put_lower(struct key_material *material, struct text text)
{
    size_t len = text.len < TEXT_LEN_MAX ? text.len : TEXT_LEN_MAX;

    for (size_t i = 0; i < len; i++) {
        char c = text.ptr[i];

        material->chars[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return len;
}

uint64_t guard_key(enum guard_kind kind, struct text text)
{
    struct key_material material = {.kind = (char)kind};
    size_t len = kind == GUARD_ADDRESS ? put_address(&material, text) : put_lower(&material, text);
    uint64_t key = crypto_siphash(&material, offsetof(struct key_material, chars) + len);

    return key ? key : 1; /* 0 marks a free place */
}

/* ---- attempts ---- */

struct attempts {
    uint64_t key; /* 0: free */
    uint32_t count;
    int64_t window_start_us;
    int64_t shut_until_us; /* 0: not shut out */
    int64_t last_us;
};

struct guard {
    struct guard_rule rule;
    struct attempts sets[GUARD_SETS][PLACES];
};

struct guard_rule guard_rule_default(void)
{
    return (struct guard_rule){
        .attempts_max = 10, .window_us = 60 * US_PER_S, .shut_us = 60 * US_PER_S};
}

struct guard *guard_create(const struct guard_rule *rule)
{
    struct guard *guard = mem_zalloc(sizeof(*guard));

    guard->rule = *rule;
    return guard;
}

void guard_destroy(struct guard *guard)
{
    mem_free(guard);
}

static const struct attempts *find_attempts(const struct guard *guard, uint64_t key)
{
    const struct attempts *set = guard->sets[key % GUARD_SETS];

    for (size_t i = 0; i < PLACES; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

int64_t guard_shut_for_us(const struct guard *guard, uint64_t key, int64_t now_us)
{
    const struct attempts *attempts = find_attempts(guard, key);

    return attempts && attempts->shut_until_us > now_us ? attempts->shut_until_us - now_us : 0;
}

/* The entry of the key, or the place of the one that was quiet longest. Who is shut out was heard
 * last when the door shut, so it stays as long as others that are as busy. */
static struct attempts *attempts_for(struct guard *guard, uint64_t key)
{
    struct attempts *set = guard->sets[key % GUARD_SETS];
    struct attempts *place = &set[0];

    for (size_t i = 0; i < PLACES; i++) {
        if (set[i].key == key)
            return &set[i];
        if (place->key != 0 && (set[i].key == 0 || set[i].last_us < place->last_us))
            place = &set[i];
    }
    *place = (struct attempts){.key = key};
    return place;
}

void guard_note(struct guard *guard, uint64_t key, int64_t now_us)
{
    struct attempts *attempts = attempts_for(guard, key);
    bool is_over = now_us - attempts->window_start_us >= guard->rule.window_us ||
                   (attempts->shut_until_us != 0 && attempts->shut_until_us <= now_us);

    if (attempts->count == 0 || is_over) {
        attempts->count = 0;
        attempts->shut_until_us = 0;
        attempts->window_start_us = now_us;
    }
    attempts->count++;
    attempts->last_us = now_us;
    if (attempts->count >= guard->rule.attempts_max)
        attempts->shut_until_us = now_us + guard->rule.shut_us;
}

void guard_forgive(struct guard *guard, uint64_t key)
{
    struct attempts *set = guard->sets[key % GUARD_SETS];

    for (size_t i = 0; i < PLACES; i++) {
        if (set[i].key != key || set[i].count == 0)
            continue;
        set[i].count--;
        if (set[i].count < guard->rule.attempts_max)
            set[i].shut_until_us = 0;
    }
}

/* ---- calls ---- */

struct bucket {
    uint64_t key; /* 0: free */
    double tokens;
    int64_t filled_us;
};

struct rate_limit {
    struct rate_rule rule;
    struct bucket sets[RATE_SETS][PLACES];
};

struct rate_limit *rate_limit_create(const struct rate_rule *rule)
{
    struct rate_limit *limit = mem_zalloc(sizeof(*limit));

    limit->rule = *rule;
    return limit;
}

void rate_limit_destroy(struct rate_limit *limit)
{
    mem_free(limit);
}

static struct bucket *bucket_for(struct rate_limit *limit, uint64_t key, int64_t now_us)
{
    struct bucket *set = limit->sets[key % RATE_SETS];
    struct bucket *place = &set[0];

    for (size_t i = 0; i < PLACES; i++) {
        if (set[i].key == key)
            return &set[i];
        if (place->key != 0 && (set[i].key == 0 || set[i].filled_us < place->filled_us))
            place = &set[i];
    }
    *place = (struct bucket){.key = key, .tokens = limit->rule.burst, .filled_us = now_us};
    return place;
}

int64_t rate_limit_take(struct rate_limit *limit, uint64_t key, double cost, int64_t now_us)
{
    struct bucket *bucket = bucket_for(limit, key, now_us);
    double per_us = limit->rule.per_second / (double)US_PER_S;
    double grown = bucket->tokens + (double)(now_us - bucket->filled_us) * per_us;

    bucket->tokens = grown < limit->rule.burst ? grown : limit->rule.burst;
    bucket->filled_us = now_us;
    if (bucket->tokens >= cost) {
        bucket->tokens -= cost;
        return 0;
    }
    return (int64_t)((cost - bucket->tokens) / per_us) + 1;
}
