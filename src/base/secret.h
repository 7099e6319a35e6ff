/*
 * secret - a key or token in memory. It has no print function on purpose: nothing may put it into
 * a log, a URL or an answer by accident. Wiped when released.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"

enum { SECRET_LEN_MAX = 127 };

struct secret {
    char chars[SECRET_LEN_MAX + 1];
    size_t len;
};

/* False when the text is too long; the secret is then empty. */
static inline bool secret_set(struct secret *secret, struct text text)
{
    crypto_wipe(secret, sizeof(*secret));
    if (text.len > SECRET_LEN_MAX)
        return false;
    memcpy(secret->chars, text.len ? text.ptr : "", text.len);
    secret->len = text.len;
    return true;
}

static inline void secret_wipe(struct secret *secret)
{
    crypto_wipe(secret, sizeof(*secret));
}

/* Constant time. An empty secret equals nothing. */
static inline bool secret_equals(const struct secret *secret, struct text text)
{
    return secret->len != 0 && crypto_text_equal((struct text){secret->chars, secret->len}, text);
}

/* The characters, for the one place that must hand them out (an answer to their owner). */
static inline struct text secret_reveal(const struct secret *secret)
{
    return (struct text){secret->chars, secret->len};
}

#endif
