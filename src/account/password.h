/*
 * password - Argon2id of passwords, for a thread of the pool.
 *
 * A hash costs 64 MiB and about 55 ms of a core, so it never runs on a loop: the control loop fills
 * a struct password_job (account_sign_in_start() and the like), a thread of the pool runs it, the
 * control loop reads the result. The job is a plain value without pointers and may be copied
 * through a mailbox; whoever lets go of a copy wipes it.
 *
 * What is stored is libsodium's text ("$argon2id$v=19$m=65536,t=2,p=1$salt$hash"): it names its own
 * cost, so a change of the cost needs no migration, and the next sign-in hashes anew.
 *
 * Threads   password_job_run(): any, blocking. The rest has no state.
 * Spec      section 8; RFC 9106; docs/decisions/0010-credentials.md.
 */
#ifndef ACCOUNT_PASSWORD_H
#define ACCOUNT_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "store/store.h"

enum { PASSWORD_LEN_MIN = 8, PASSWORD_LEN_MAX = 256 }; /* bytes */

struct password {
    char chars[PASSWORD_LEN_MAX + 1];
    size_t len;
};

struct password_cost {
    uint32_t memory_kib; /* 8 or more */
    uint32_t passes;     /* 1 or more */
};

/* 64 MiB, 2 passes: about 55 ms. */
struct password_cost password_cost_default(void);

/* First verifies, then hashes; both are optional. */
struct password_job {
    struct password_cost cost;
    struct password to_verify;                /* empty: nothing to verify */
    char hash[ROW_PASSWORD_HASH_LEN_MAX + 1]; /* what it is verified against */
    struct password
        to_hash; /* empty: the verified one, when its hash has another cost than `cost` */

    /* Results. */
    bool is_right;                                /* the verified password fits the hash */
    char new_hash[ROW_PASSWORD_HASH_LEN_MAX + 1]; /* ""; none was made: not right or not needed */
};

/* Blocks for as long as Argon2id takes. Wipes both passwords. ERR_IO: there is no memory for the
 * new hash; what was verified counts. */
MUST_USE enum err password_job_run(struct password_job *job);

void password_job_wipe(struct password_job *job);

/* 8 to 256 bytes of UTF-8, and no other rule. ERR_INVALID with a sentence. */
MUST_USE enum err password_check_rules(struct text password, struct diag *diag);

/* False when it is longer than PASSWORD_LEN_MAX; it is then empty. */
bool password_set(struct password *password, struct text text);

/* A hash of this cost that no password fits: whoever signs in as nobody waits as long. */
void password_write_nobodys_hash(const struct password_cost *cost,
                                 char to[ROW_PASSWORD_HASH_LEN_MAX + 1]);

/* 20 characters of [a-z2-7] (100 random bits) for a password that is shown once. */
enum { PASSWORD_DRAWN_LEN = 20 };
void password_draw(char to[PASSWORD_DRAWN_LEN + 1]);

#endif
