/*
 * sign_in - passwords: who may try, what the pool is to do, and what follows from its answer.
 *
 * An attempt is counted before its hash is made, and forgiven when it was right: so a thousand
 * attempts at once cost ten hashes, not a thousand.
 */
#include <assert.h>
#include <stdio.h>

#include "account/credential.h"
#include "account/people.h"
#include "base/clock.h"

/* ---- the guard ---- */

static bool is_signed_in_from(const struct account *account, struct text address)
{
    LIST_FOR_EACH(node, &account->sessions)
    {
        const struct account_session *session =
            CONTAINER_OF(node, struct account_session, in_account);

        if (text_equal(text_of(session->row.address), address))
            return true;
    }
    return false;
}

static enum err enter(struct account_directory *dir, const struct account *account,
                      struct text email, struct text address, int64_t now_us,
                      int64_t *ret_retry_after_us, struct diag *diag)
{
    uint64_t address_key = guard_key(GUARD_ADDRESS, address);
    uint64_t email_key = guard_key(GUARD_EMAIL, email);
    int64_t wait_us = guard_shut_for_us(dir->addresses, address_key, now_us);

    if (wait_us == 0 && !(account && is_signed_in_from(account, address)))
        wait_us = guard_shut_for_us(dir->emails, email_key, now_us);
    if (wait_us > 0) {
        *ret_retry_after_us = wait_us;
        diag_set(diag, "Too many attempts to sign in. Wait %lld seconds.",
                 (long long)((wait_us + US_PER_S - 1) / US_PER_S));
        return ERR_LIMIT;
    }
    guard_note(dir->addresses, address_key, now_us);
    guard_note(dir->emails, email_key, now_us);
    return OK;
}

static void forgive(struct account_directory *dir, struct text email, struct text address)
{
    guard_forgive(dir->addresses, guard_key(GUARD_ADDRESS, address));
    guard_forgive(dir->emails, guard_key(GUARD_EMAIL, email));
}

/* ---- jobs ---- */

static enum err start_job(struct account_directory *dir, struct password_job *job,
                          struct diag *diag)
{
    if (dir->jobs >= dir->limits.password_jobs_max) {
        diag_set(diag, "Too many passwords are being checked just now. Try again in a moment.");
        return ERR_AGAIN;
    }
    dir->jobs++;
    *job = (struct password_job){.cost = dir->limits.password_cost};
    return OK;
}

void account_job_end(struct account_directory *dir, struct password_job *job)
{
    assert(dir->jobs > 0);
    dir->jobs--;
    password_job_wipe(job);
}

/* The account's hash; for who has none, one that no password fits and that takes as long. */
static void set_hash(struct password_job *job, const struct account *account)
{
    if (account && account->row.password_hash[0] != '\0')
        memcpy(job->hash, account->row.password_hash, sizeof(job->hash));
    else
        password_write_nobodys_hash(&job->cost, job->hash);
}

/* The password was right for the hash that the account still has. */
static bool is_right(const struct password_job *job, const struct account *account)
{
    return account && job->is_right &&
           crypto_text_equal(text_of(job->hash), text_of(account->row.password_hash));
}

static void set_password_hash(struct account_directory *dir, struct account *account,
                              const char *hash, struct store_batch *batch, int64_t now_us)
{
    (void)snprintf(account->row.password_hash, sizeof(account->row.password_hash), "%s",
                   hash); /* of the same size */
    account->row.updated_at_us = people_wall(dir, now_us);
    store_batch_put_account(batch, &account->row);
}

/* ---- sign-in ---- */

static enum err check_texts(const struct sign_in *sign_in, struct diag *diag)
{
    if (sign_in->email.len == 0 || sign_in->email.len > ROW_EMAIL_LEN_MAX) {
        diag_set(diag, "email: it has 3 to %d characters.", ROW_EMAIL_LEN_MAX);
        return ERR_INVALID;
    }
    if (sign_in->password.len == 0 || sign_in->password.len > PASSWORD_LEN_MAX) {
        diag_set(diag, "password: it has 1 to %d bytes.", PASSWORD_LEN_MAX);
        return ERR_INVALID;
    }
    return OK;
}

enum err account_sign_in_start(struct account_directory *dir, const struct sign_in *sign_in,
                               int64_t now_us, struct password_job *ret_job,
                               int64_t *ret_retry_after_us, struct diag *diag)
{
    const struct account *account = accounts_find_by_email(dir, sign_in->email);
    enum err err = check_texts(sign_in, diag);

    if (err != OK)
        return err;
    if (dir->jobs >= dir->limits.password_jobs_max)
        return start_job(dir, ret_job, diag); /* refuses, and the attempt does not count */
    err = enter(dir, account, sign_in->email, sign_in->address, now_us, ret_retry_after_us, diag);
    if (err == OK)
        err = start_job(dir, ret_job, diag);
    if (err != OK)
        return err;
    (void)password_set(&ret_job->to_verify, sign_in->password); /* the length is checked */
    set_hash(ret_job, account);
    return OK;
}

enum err account_sign_in_finish(struct account_directory *dir, const struct sign_in *sign_in,
                                const struct password_job *job, struct store_batch *batch,
                                int64_t now_us, struct session_opened *ret_session,
                                struct diag *diag)
{
    struct account *account = accounts_find_by_email(dir, sign_in->email);

    if (!is_right(job, account)) {
        diag_set(diag, "The e-mail or the password is wrong.");
        return ERR_DENIED;
    }
    forgive(dir, sign_in->email, sign_in->address);
    if (account->row.disabled_at_us != 0) {
        diag_set(diag, "%s", credential_fault_sentence(CREDENTIAL_DISABLED));
        return ERR_CONFLICT;
    }
    if (job->new_hash[0] != '\0')
        set_password_hash(dir, account, job->new_hash, batch, now_us);
    sessions_open(dir, account, sign_in->address, sign_in->user_agent, batch, now_us, ret_session);
    return OK;
}

/* ---- changing it ---- */

static struct account *account_of(const struct account_directory *dir, const struct caller *caller,
                                  struct diag *diag)
{
    struct account *account = accounts_find(dir, text_of(caller->account_id));

    if (!account)
        diag_set(diag, "Who calls has no account here, and so no password.");
    return account;
}

enum err account_change_password_start(struct account_directory *dir, const struct caller *caller,
                                       struct text address, struct text current_password,
                                       struct text new_password, int64_t now_us,
                                       struct password_job *ret_job, int64_t *ret_retry_after_us,
                                       struct diag *diag)
{
    const struct account *account = account_of(dir, caller, diag);
    enum err err = account ? password_check_rules(new_password, diag) : ERR_NOT_FOUND;

    if (err == OK && (current_password.len == 0 || current_password.len > PASSWORD_LEN_MAX)) {
        diag_set(diag, "currentPassword: it has 1 to %d bytes.", PASSWORD_LEN_MAX);
        err = ERR_INVALID;
    }
    if (err != OK)
        return err;
    if (dir->jobs >= dir->limits.password_jobs_max)
        return start_job(dir, ret_job, diag); /* refuses, and the attempt does not count */
    err =
        enter(dir, account, text_of(account->row.email), address, now_us, ret_retry_after_us, diag);
    if (err == OK)
        err = start_job(dir, ret_job, diag);
    if (err != OK)
        return err;
    (void)password_set(&ret_job->to_verify, current_password); /* the lengths are checked */
    (void)password_set(&ret_job->to_hash, new_password);
    set_hash(ret_job, account);
    return OK;
}

enum err account_change_password_finish(struct account_directory *dir, const struct caller *caller,
                                        struct text address, const struct password_job *job,
                                        struct store_batch *batch, int64_t now_us,
                                        struct diag *diag)
{
    struct account *account = account_of(dir, caller, diag);

    if (!account)
        return ERR_NOT_FOUND;
    if (!is_right(job, account)) {
        diag_set(diag, "It is wrong.");
        return ERR_DENIED;
    }
    forgive(dir, text_of(account->row.email), address);
    if (job->new_hash[0] == '\0') {
        diag_set(diag, "There is no memory for hashing the password now. Try again.");
        return ERR_AGAIN;
    }
    set_password_hash(dir, account, job->new_hash, batch, now_us);
    sessions_end_all(dir, account, caller->kind == CALLER_SESSION ? caller->session_hash : NULL,
                     batch);
    return OK;
}

enum err account_hash_start(struct account_directory *dir, struct text password,
                            struct password_job *ret_job, struct diag *diag)
{
    enum err err = password_check_rules(password, diag);

    if (err == OK)
        err = start_job(dir, ret_job, diag);
    if (err == OK)
        (void)password_set(&ret_job->to_hash, password); /* the length is checked */
    return err;
}
