#include "account/password.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/writer.h"

static_assert(ROW_PASSWORD_HASH_LEN_MAX + 1 >= crypto_pwhash_argon2id_STRBYTES,
              "the column holds what libsodium writes");

struct password_cost password_cost_default(void)
{
    return (struct password_cost){.memory_kib = 65536, .passes = 2};
}

enum err password_check_rules(struct text password, struct diag *diag)
{
    if (password.len < PASSWORD_LEN_MIN || password.len > PASSWORD_LEN_MAX) {
        diag_set(diag, "password: it has %zu bytes; a password has %d to %d.", password.len,
                 PASSWORD_LEN_MIN, PASSWORD_LEN_MAX);
        return ERR_INVALID;
    }
    if (!text_is_utf8(password) || memchr(password.ptr, '\0', password.len)) {
        diag_set(diag, "password: it is not UTF-8 text.");
        return ERR_INVALID;
    }
    return OK;
}

bool password_set(struct password *password, struct text text)
{
    crypto_wipe(password, sizeof(*password));
    if (text.len > PASSWORD_LEN_MAX)
        return false;
    memcpy(password->chars, text.len ? text.ptr : "", text.len);
    password->len = text.len;
    return true;
}

void password_draw(char to[PASSWORD_DRAWN_LEN + 1])
{
    crypto_random_text(to, PASSWORD_DRAWN_LEN);
}

static void write_base64(struct writer *w, const uint8_t *bytes, size_t len)
{
    size_t padded = w->len;

    crypto_base64(w, bytes, len);
    while (w->len > padded && w->data[w->len - 1] == '=')
        w->len--; /* the text of Argon2 leaves the padding away */
}

void password_write_nobodys_hash(const struct password_cost *cost,
                                 char to[ROW_PASSWORD_HASH_LEN_MAX + 1])
{
    enum { SALT_LEN = 16, HASH_LEN = 32 };
    struct writer w = writer_fixed(to, ROW_PASSWORD_HASH_LEN_MAX);
    uint8_t random[SALT_LEN + HASH_LEN];

    crypto_random(random, sizeof(random));
    writer_printf(&w, "$argon2id$v=19$m=%u,t=%u,p=1$", cost->memory_kib, cost->passes);
    write_base64(&w, random, SALT_LEN);
    writer_char(&w, '$');
    write_base64(&w, random + SALT_LEN, HASH_LEN);
    to[w.len] = '\0';
}

static void start_sodium(void)
{
    if (sodium_init() < 0) {
        (void)fputs("stoa: libsodium does not start\n", stderr);
        abort();
    }
}

static size_t memory_of(const struct password_cost *cost)
{
    return (size_t)cost->memory_kib * 1024;
}

static enum err hash(const struct password_cost *cost, const struct password *password,
                     char ret_hash[ROW_PASSWORD_HASH_LEN_MAX + 1])
{
    char text[crypto_pwhash_argon2id_STRBYTES];

    if (crypto_pwhash_argon2id_str(text, password->chars, password->len, cost->passes,
                                   memory_of(cost)) != 0)
        return ERR_IO;
    (void)snprintf(ret_hash, ROW_PASSWORD_HASH_LEN_MAX + 1, "%s", text); /* fits, asserted above */
    return OK;
}

static bool has_other_cost(const struct password_job *job)
{
    return crypto_pwhash_argon2id_str_needs_rehash(job->hash, job->cost.passes,
                                                   memory_of(&job->cost)) != 0;
}

enum err password_job_run(struct password_job *job)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct password *to_hash = &job->to_hash;
    enum err err = OK;

    (void)pthread_once(&once, start_sodium);
    job->new_hash[0] = '\0';
    job->is_right = false;
    if (job->to_verify.len != 0) {
        job->is_right = crypto_pwhash_argon2id_str_verify(job->hash, job->to_verify.chars,
                                                          job->to_verify.len) == 0;
        if (to_hash->len == 0 && job->is_right && has_other_cost(job))
            to_hash = &job->to_verify;
    }
    if (to_hash->len != 0 && (job->to_verify.len == 0 || job->is_right))
        err = hash(&job->cost, to_hash, job->new_hash);
    crypto_wipe(&job->to_verify, sizeof(job->to_verify));
    crypto_wipe(&job->to_hash, sizeof(job->to_hash));
    return err;
}

void password_job_wipe(struct password_job *job)
{
    crypto_wipe(job, sizeof(*job));
}
