/*
 * account - the people and their credentials: accounts, passwords, sessions, API keys, publish
 * tokens, the shop's own JWTs (spec sections 3, 7 and 8). Rules of the business: no sockets, no
 * SQL, no clock.
 *
 *     api: account_identify(headers) ------> who calls, what may it        (memory alone)
 *          account_create, ..., (batch) ---> rows of the change ---> the caller hands the batch to
 *     app: account_directory_on_time(batch)                          the store
 *          account_directory_on_stored(batch, err) <----------------- and brings its result back
 *
 *     sign-in:   account_sign_in_start() -> password_job_run() -> account_sign_in_finish()
 *                control loop, refuses      a thread of the       control loop, opens the session
 *                who tries too often        pool, about 55 ms
 *
 * A function that changes something appends the rows of the change to the batch that its caller
 * gives it, so that a change, its audit row and whatever else belongs to it are one transaction.
 * The state in memory changes at once. Each batch that went through one of these functions comes
 * back by account_directory_on_stored(); when it failed, what it created is taken back, and nothing
 * else is (as channel/ does it): what was revoked stays revoked.
 *
 * Credentials  text                          kept as                       shown
 *   session    43 characters of base64url    SHA-256                       once, in the cookie
 *   CSRF token 43 characters of base64url    not at all: HMAC-SHA256 of the session's token
 *   API key    "sk_" and 40 of [a-z2-7]      SHA-256, prefix, scopes       once
 *   publish    "pt_" and 40 of [a-z2-7]      SHA-256, prefix               once
 *   JWT        three parts of base64url      not at all                    never
 *   password                                 Argon2id (account/password.h) never, but one that the
 *                                                                          server drew: once
 * The random ones have 200 bits or more, so a plain SHA-256 is enough (decisions 0002 and 0010).
 *
 * Rights     A caller has a role and scopes. A role has its scopes (account_role_scopes); an API
 *            key has those of its own that its account's role has too. Which operation needs what
 *            is the table of api/.
 * Sessions   row.expires_at_us is the end of a session's longest life; it ends before that when it
 *            idles for session_idle_us. Using it writes last_used_at_us, once an hour.
 * Ownership  The directory owns everything. Pointers to rows are borrowed: valid until the next
 *            call that changes something.
 * Threads    All on one loop (control), but password_job_run().
 * Times      now_us is monotonic; rows and expiry are wall clock: the directory adds the offset of
 *            account_directory_set_wall_offset().
 * Errors     ERR_INVALID (the sentence names the field), ERR_NOT_FOUND, ERR_CONFLICT, ERR_LIMIT,
 *            ERR_DENIED, ERR_AGAIN (too many passwords are being checked). Each leaves things as
 *            they were.
 */
#ifndef ACCOUNT_ACCOUNT_H
#define ACCOUNT_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account/guard.h"
#include "account/password.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/text.h"
#include "store/store.h"

struct account_directory;
struct jwt_checker;

enum {
    ACCOUNT_SESSION_TOKEN_LEN = 43, /* 256 bits as base64url */
    ACCOUNT_CSRF_TOKEN_LEN = 43,
    ACCOUNT_KEY_LEN = 43,          /* "sk_", "pt_" and 40 characters */
    ACCOUNT_SESSION_ID_LEN = 32,   /* the first half of the token's SHA-256, in hexadecimal */
    ACCOUNT_COOKIE_LEN_MAX = 4096, /* of the Cookie header; a longer one is ignored */
    ACCOUNT_BEARER_LEN_MAX = 8192, /* of a credential in Authorization; JWTs are the longest */
};

#define ACCOUNT_COOKIE_NAME "stoa_session"

/* ---- roles and scopes ---- */

/*    role         name      scopes that it may have */
#define ACCOUNT_ROLE_TABLE(X)                                                                      \
    X(ROLE_BUYER, "buyer", SCOPE_READ)                                                             \
    X(ROLE_SELLER, "seller", SCOPE_READ | SCOPE_CHANNELS | SCOPE_PUBLISH | SCOPE_WEBHOOKS)         \
    X(ROLE_ADMIN, "admin", SCOPE_ALL)

/* Rising: a role may do what the roles before it may. 0: nobody. */
enum account_role {
    ROLE_NONE,
#define ACCOUNT_ROLE_ENUM(role, name, scopes) role,
    ACCOUNT_ROLE_TABLE(ACCOUNT_ROLE_ENUM)
#undef ACCOUNT_ROLE_ENUM
        ROLE_END
};

/*    scope           word        bit */
#define ACCOUNT_SCOPE_TABLE(X)                                                                     \
    X(SCOPE_READ, "read", 1)          /* whatever the account may see */                           \
    X(SCOPE_CHANNELS, "channels", 2)  /* create, change, delete own channels, rotate their keys */ \
    X(SCOPE_PUBLISH, "publish", 4)    /* start, end, relay, recording, publish tokens */           \
    X(SCOPE_WEBHOOKS, "webhooks", 8)  /* webhook endpoints and deliveries */                       \
    X(SCOPE_ACCOUNTS, "accounts", 16) /* accounts of others; for admins */                         \
    X(SCOPE_ADMIN, "admin", 32)       /* everything, also what is not the caller's; for admins */

enum account_scope {
#define ACCOUNT_SCOPE_ENUM(scope, word, bit) scope = (bit),
    ACCOUNT_SCOPE_TABLE(ACCOUNT_SCOPE_ENUM)
#undef ACCOUNT_SCOPE_ENUM
        SCOPE_ALL = 63
};

/* "buyer", "seller", "admin"; "" for ROLE_NONE. */
const char *account_role_name(enum account_role role);
/* ROLE_NONE: no such word. */
enum account_role account_role_parse(struct text word);
/* The bits that a role may have. */
uint32_t account_role_scopes(enum account_role role);

/* Words with spaces between, to bits. ERR_INVALID: an unknown word, one twice, or none at all. */
MUST_USE enum err account_scopes_parse(struct text words, uint32_t *ret_scopes, struct diag *diag);
/* The word of one bit; NULL: no such bit. */
const char *account_scope_word(uint32_t scope);
/* The words of the bits, in the table's order, with spaces between. */
void account_scopes_write(uint32_t scopes, char to[ROW_SCOPES_LEN_MAX + 1]);

/* ---- the directory ---- */

struct account_limits {
    uint32_t accounts_max;
    uint32_t sessions_max;             /* as below, of all accounts together */
    uint32_t sessions_per_account_max; /* the one that was quiet longest goes */
    uint32_t keys_per_account_max;
    uint32_t tokens_per_channel_max;
    uint32_t password_jobs_max; /* started and not ended: further ones are refused */
    int64_t session_idle_us;    /* a session ends after so long without a request */
    int64_t session_renew_us;   /* its end is moved at most this often */
    int64_t session_life_us;    /* and never beyond this */
    int64_t token_life_us;      /* of a publish token, when its maker names none */
    int64_t token_life_max_us;
    int64_t used_write_us; /* last_used_at of an API key is written at most this often */
    struct guard_rule address_rule;
    struct guard_rule email_rule;
    struct password_cost password_cost;
};

/* 100,000 accounts, 100,000 sessions, 20 an account, 50 keys, 100 tokens, 64 jobs; 14 days, 1 h, 90
 * days; 12 h, 7 days; 1 min; 10 wrong keys a minute and address, 20 wrong passwords a minute and
 * e-mail. */
struct account_limits account_limits_default(void);

/* Verifies the shop's JWTs; NULL: there are none. Borrowed, must outlive the directory. */
struct account_directory *account_directory_create(const struct account_limits *limits,
                                                   struct jwt_checker *jwt);
void account_directory_destroy(struct account_directory *dir);

/* wall clock minus monotonic clock. Call it before anything else, and now and then. */
void account_directory_set_wall_offset(struct account_directory *dir, int64_t offset_us);

/* Takes over what is stored (store_load_people; copied). What is expired is left out. */
void account_directory_load(struct account_directory *dir, const struct store_people *people,
                            int64_t now_us);

/* When account_directory_on_time() wants to be called; INT64_MAX: never. May be early. */
int64_t account_directory_deadline_us(const struct account_directory *dir);

/* Puts into the batch what was noted meanwhile (sessions renewed, keys used) and forgets what is
 * expired. The batch may stay empty. */
void account_directory_on_time(struct account_directory *dir, struct store_batch *batch,
                               int64_t now_us);

/* The first half of it, at once: at the end of the program. */
void account_directory_flush(struct account_directory *dir, struct store_batch *batch);

/* The store's answer to a batch. Takes back what it created when the result is not OK. */
void account_directory_on_stored(struct account_directory *dir, const struct store_batch *batch,
                                 enum err result);

/* Another server on the same database changed a row: what it is now, or NULL when it is gone. The
 * id is the store's: a UUID, of sessions the hash in hexadecimal. What was revoked here stays so.
 */
void account_directory_set_account_row(struct account_directory *dir, struct text id,
                                       const struct account_row *row);
void account_directory_set_session_row(struct account_directory *dir, struct text id,
                                       const struct session_row *row);
void account_directory_set_api_key_row(struct account_directory *dir, struct text id,
                                       const struct api_key_row *row);
void account_directory_set_publish_token_row(struct account_directory *dir, struct text id,
                                             const struct publish_token_row *row);

/* ---- who calls ---- */

enum caller_kind {
    CALLER_ANYBODY = 1,
    CALLER_SESSION,
    CALLER_API_KEY,   /* of an account */
    CALLER_ADMIN_KEY, /* the key of the first start: an admin without an account */
    CALLER_JWT,
    CALLER_STREAM_KEY,    /* host of one channel */
    CALLER_PUBLISH_TOKEN, /* publisher of one channel */
};

/* Why credentials are not good: a code of the API and a sentence. */
/*    fault                      code                HTTP  sentence */
#define CREDENTIAL_FAULT_TABLE(X)                                                                  \
    X(CREDENTIAL_MALFORMED, "unauthorized", 401,                                                   \
      "The Authorization header is malformed: send \"Bearer\", a space and the key or token.")     \
    X(CREDENTIAL_UNKNOWN, "unauthorized", 401, "This key is not known.")                           \
    X(CREDENTIAL_REVOKED, "unauthorized", 401, "This key was revoked. Create another one.")        \
    X(CREDENTIAL_EXPIRED, "unauthorized", 401, "This key has expired. Create another one.")        \
    X(CREDENTIAL_SESSION_EXPIRED, "session_expired", 401,                                          \
      "Your session has ended. Sign in again.")                                                    \
    X(CREDENTIAL_DISABLED, "account_disabled", 403,                                                \
      "This account is disabled. Ask the administrator of this server.")                           \
    X(CREDENTIAL_JWT_OFF, "unauthorized", 401,                                                     \
      "This server takes no JSON Web Tokens: auth.jwt_algorithm is not configured.")               \
    X(CREDENTIAL_JWT_MALFORMED, "unauthorized", 401, "This JSON Web Token is malformed.")          \
    X(CREDENTIAL_JWT_ALGORITHM, "unauthorized", 401,                                               \
      "This JSON Web Token is signed with another algorithm than the configured key's.")           \
    X(CREDENTIAL_JWT_KEY, "unauthorized", 401,                                                     \
      "This JSON Web Token names a key (kid) that is not configured.")                             \
    X(CREDENTIAL_JWT_SIGNATURE, "unauthorized", 401,                                               \
      "The signature of this JSON Web Token is wrong.")                                            \
    X(CREDENTIAL_JWT_EXPIRED, "session_expired", 401,                                              \
      "This JSON Web Token has expired. Sign in again.")                                           \
    X(CREDENTIAL_JWT_NOT_YET, "unauthorized", 401, "This JSON Web Token is not valid yet.")        \
    X(CREDENTIAL_JWT_ISSUER, "unauthorized", 401,                                                  \
      "This JSON Web Token comes from another issuer than the configured one.")                    \
    X(CREDENTIAL_JWT_AUDIENCE, "unauthorized", 401,                                                \
      "This JSON Web Token is not meant for this server (audience).")                              \
    X(CREDENTIAL_JWT_CLAIMS, "unauthorized", 401,                                                  \
      "This JSON Web Token lacks a claim that is needed: exp and sub.")                            \
    X(CREDENTIAL_SHUT_OUT, "too_many_requests", 429,                                               \
      "Too many wrong keys came from this address. Wait a minute.")

enum credential_fault {
    CREDENTIAL_GOOD, /* or none were given */
#define CREDENTIAL_FAULT_ENUM(fault, code, status, sentence) fault,
    CREDENTIAL_FAULT_TABLE(CREDENTIAL_FAULT_ENUM)
#undef CREDENTIAL_FAULT_ENUM
        CREDENTIAL_FAULT_END
};

/* The columns of the table; CREDENTIAL_GOOD has none of them ("" and 0). */
const char *credential_fault_code(enum credential_fault fault);
int credential_fault_status(enum credential_fault fault);
const char *credential_fault_sentence(enum credential_fault fault);

/* What a request brings. Texts are borrowed and empty when absent. */
struct credentials {
    struct text authorization; /* the header's value */
    struct text cookie;     /* the header's value; leave it empty for origins that are not let in */
    struct text csrf_token; /* the header X-CSRF-Token */
    struct text address;    /* of the peer: "192.0.2.7", "2001:db8::1" */
    uint64_t stream_key_channel_id; /* of what channel/ knows credentials_bearer() as; 0: nothing */
};

/* The text behind "Bearer "; empty when the header is something else. Borrowed. */
struct text credentials_bearer(struct text authorization);

/* Who calls. A plain value. */
struct caller {
    enum caller_kind kind;
    enum account_role role; /* ROLE_NONE for anybody, stream keys and publish tokens */
    uint32_t scopes;        /* bits; never more than the role's. Stream key: read, channels,
                               publish for its channel. Publish token: read. Anybody: 0 */
    char account_id[ROW_UUID_LEN + 1];    /* "": none (admin key, guest, channel's keys) */
    char credential_id[ROW_UUID_LEN + 1]; /* of the API key or publish token; else "" */
    uint64_t channel_id;                  /* of a stream key or publish token; else 0 */
    uint64_t broadcast_id;                /* of a publish token that is bound; else 0 */
    char
        name[ROW_NAME_LEN_MAX + 1]; /* for the audit log: an e-mail, "admin key", "key sk_ab12cd" */

    /* CALLER_SESSION */
    uint8_t session_hash[CRYPTO_SHA256_LEN];
    char csrf_token[ACCOUNT_CSRF_TOKEN_LEN + 1]; /* that belongs to the session */
    bool has_csrf; /* the request brought it: else refuse a mutation ("csrf_failed", 403) */
    int64_t session_expires_at_us; /* wall clock */

    /* The credentials were not good; the kind is CALLER_ANYBODY then. */
    enum credential_fault fault;
    bool is_refused; /* refuse whatever is called (Authorization). A stale cookie does not set it:
                        then only what needs somebody is refused, with the fault's words */
    int64_t retry_after_us; /* CREDENTIAL_SHUT_OUT */
};

/* Finds out who calls. Authorization comes before the cookie. Never blocks; notes the use of
 * sessions and keys (written by on_time) and wrong keys by address. */
void account_identify(struct account_directory *dir, const struct credentials *credentials,
                      int64_t now_us, struct caller *ret_caller);

/* The caller has this right by role and scope. SCOPE_ADMIN implies all of them. */
bool caller_has_scope(const struct caller *caller, enum account_scope scope);

/* The caller may act on things of everybody: an admin, with the scope for it. */
bool caller_is_admin(const struct caller *caller);

/* "session", "apiKey", "jwt", "adminKey", "streamKey", "publishToken"; NULL for anybody. */
const char *caller_kind_name(enum caller_kind kind);

/* ---- passwords, on their way through the pool ----
 *
 * Each _start() that answered OK filled a job: run it on a thread of the pool, then call the
 * function that uses it, and in any case account_job_end(), which counts and wipes it.
 * ERR_AGAIN: password_jobs_max jobs are under way. */

struct sign_in {
    struct text email;
    struct text password;
    struct text address;
    struct text user_agent; /* cut to fit */
};

/* An e-mail that nobody has costs the same as one with a wrong password. ERR_LIMIT: too many
 * attempts from this address or for this e-mail; *ret_retry_after_us says when again. No Argon2id
 * was spent then. An address from which the account is signed in already is not shut out by
 * others' attempts at its e-mail. */
MUST_USE enum err account_sign_in_start(struct account_directory *dir,
                                        const struct sign_in *sign_in, int64_t now_us,
                                        struct password_job *ret_job, int64_t *ret_retry_after_us,
                                        struct diag *diag);

/* What the browser gets: once, never again. Wipe it. */
struct session_opened {
    char token[ACCOUNT_SESSION_TOKEN_LEN + 1]; /* for the cookie */
    char csrf_token[ACCOUNT_CSRF_TOKEN_LEN + 1];
    char account_id[ROW_UUID_LEN + 1];
    int64_t expires_at_us; /* wall clock; moves on with use */
    uint32_t max_age_s;    /* of the cookie: its longest life */
};

/* ERR_DENIED: e-mail or password are wrong (one sentence for both); ERR_CONFLICT: the account is
 * disabled (told only to who knows the password). */
MUST_USE enum err account_sign_in_finish(struct account_directory *dir,
                                         const struct sign_in *sign_in,
                                         const struct password_job *job, struct store_batch *batch,
                                         int64_t now_us, struct session_opened *ret_session,
                                         struct diag *diag);

/* Writes the value of Set-Cookie: name, token, Path=/, HttpOnly, SameSite=Lax, Max-Age, and Secure
 * when the browser came by https. A NULL session writes the one that takes the cookie away. */
enum { ACCOUNT_SET_COOKIE_LEN_MAX = 159 };
void account_set_cookie(const struct session_opened *session, bool is_secure,
                        char to[ACCOUNT_SET_COOKIE_LEN_MAX + 1]);

/* Checks the rules for the new password and the guard (wrong current passwords count like wrong
 * sign-ins). ERR_INVALID, ERR_LIMIT, ERR_NOT_FOUND. */
MUST_USE enum err account_change_password_start(struct account_directory *dir,
                                                const struct caller *caller, struct text address,
                                                struct text current_password,
                                                struct text new_password, int64_t now_us,
                                                struct password_job *ret_job,
                                                int64_t *ret_retry_after_us, struct diag *diag);

/* Sets the new hash and ends the account's other sessions. ERR_DENIED: the current one is wrong. */
MUST_USE enum err account_change_password_finish(struct account_directory *dir,
                                                 const struct caller *caller, struct text address,
                                                 const struct password_job *job,
                                                 struct store_batch *batch, int64_t now_us,
                                                 struct diag *diag);

/* A job that hashes a password for account_create() or account_update(). ERR_INVALID by the rules.
 * Look whether password_job_run() failed: without a hash there is no password. */
MUST_USE enum err account_hash_start(struct account_directory *dir, struct text password,
                                     struct password_job *ret_job, struct diag *diag);

/* Ends a job that one of the above started: once, whatever came of it. */
void account_job_end(struct account_directory *dir, struct password_job *job);

/* ---- accounts ---- */

struct account_input {
    struct text email;        /* create only */
    struct text display_name; /* update: ptr NULL keeps it */
    struct text role;         /* a word; update: ptr NULL keeps it */
    struct text
        password_hash;  /* of a job; create: empty: signs in elsewhere; update: empty keeps it */
    bool sets_disabled; /* update only */
    bool is_disabled;
};

/* Checks without doing: so that no hash is made for what is refused anyway. */
MUST_USE enum err account_check_new(const struct account_directory *dir,
                                    const struct account_input *input, struct diag *diag);

/* ERR_INVALID, ERR_CONFLICT (the e-mail is taken), ERR_LIMIT. */
MUST_USE enum err account_create(struct account_directory *dir, const struct account_input *input,
                                 struct store_batch *batch, int64_t now_us,
                                 const struct account_row **ret_account, struct diag *diag);

/* Disabling and a new password end all sessions of the account. ERR_NOT_FOUND, ERR_INVALID;
 * ERR_CONFLICT: it is the last admin that can sign in or is not disabled. */
MUST_USE enum err account_update(struct account_directory *dir, struct text id,
                                 const struct account_input *input, struct store_batch *batch,
                                 int64_t now_us, struct diag *diag);

/* NULL when there is none. E-mails compare without case. */
const struct account_row *account_find(const struct account_directory *dir, struct text id);
const struct account_row *account_find_by_email(const struct account_directory *dir,
                                                struct text email);

/* By rising created_at, then id. A page begins at account_directory_after(the last one of the page
 * before), or at 0. */
size_t account_directory_count(const struct account_directory *dir);
const struct account_row *account_directory_at(const struct account_directory *dir, size_t index);
size_t account_directory_after(const struct account_directory *dir, int64_t created_at_us,
                               struct text id);

/* First start: when there is no admin that may sign in, creates one. *ret_is_created tells whether
 * it was needed. An account with this e-mail becomes admin (enabled, with this password). */
bool account_directory_needs_admin(const struct account_directory *dir);
MUST_USE enum err account_ensure_admin(struct account_directory *dir, struct text email,
                                       struct text password_hash, struct store_batch *batch,
                                       int64_t now_us, bool *ret_is_created, struct diag *diag);

/* The admin key of the configuration or of the first start: replaces the one that was there; does
 * nothing when it is the same. The text is any; whoever draws it takes account_draw_key(). */
void account_set_admin_key(struct account_directory *dir, struct text key,
                           struct store_batch *batch, int64_t now_us);
bool account_has_admin_key(const struct account_directory *dir);
void account_draw_key(char to[ACCOUNT_KEY_LEN + 1]); /* "sk_" and random */

/* ---- sessions ---- */

/* Ends the caller's session. Not a session: nothing happens. */
void account_sign_out(struct account_directory *dir, const struct caller *caller,
                      struct store_batch *batch);

/* Ends all sessions of an account. ERR_NOT_FOUND: no such account. */
MUST_USE enum err account_end_sessions(struct account_directory *dir, struct text account_id,
                                       struct store_batch *batch, struct diag *diag);

/* Ends one by its id, if it is one of this account. ERR_NOT_FOUND. */
MUST_USE enum err account_end_session(struct account_directory *dir, struct text account_id,
                                      struct text session_id, struct store_batch *batch,
                                      struct diag *diag);

/* The index-th of an account, in no order that means anything; NULL at the end. */
const struct session_row *account_session_at(const struct account_directory *dir,
                                             struct text account_id, size_t index);
void account_session_id(const struct session_row *session, char to[ACCOUNT_SESSION_ID_LEN + 1]);

/* ---- API keys ---- */

struct api_key_input {
    struct text account_id;
    struct text name;
    uint32_t scopes;       /* bits */
    int64_t expires_at_us; /* wall clock; 0: never */
};

/* The key's text is given once. ERR_INVALID: name, scopes beyond the role's, an end in the past;
 * ERR_NOT_FOUND; ERR_CONFLICT: the account is disabled; ERR_LIMIT. */
MUST_USE enum err account_key_create(struct account_directory *dir,
                                     const struct api_key_input *input, struct store_batch *batch,
                                     int64_t now_us, char ret_key[ACCOUNT_KEY_LEN + 1],
                                     const struct api_key_row **ret_row, struct diag *diag);

/* Revoking twice is no error. ERR_NOT_FOUND. */
MUST_USE enum err account_key_revoke(struct account_directory *dir, struct text id,
                                     struct store_batch *batch, int64_t now_us, struct diag *diag);

const struct api_key_row *account_key_find(const struct account_directory *dir, struct text id);
/* The index-th of an account, oldest first, revoked ones among them; NULL at the end. */
const struct api_key_row *account_key_at(const struct account_directory *dir,
                                         struct text account_id, size_t index);

/* ---- publish tokens ---- */

struct publish_token_input {
    uint64_t channel_id;
    uint64_t broadcast_id;  /* that goes on now; 0: the first that it starts */
    struct text account_id; /* who draws it; may be empty */
    int64_t life_us;        /* 0: token_life_us */
};

/* ERR_INVALID: the life is out of range; ERR_LIMIT. */
MUST_USE enum err account_token_create(struct account_directory *dir,
                                       const struct publish_token_input *input,
                                       struct store_batch *batch, int64_t now_us,
                                       char ret_token[ACCOUNT_KEY_LEN + 1],
                                       const struct publish_token_row **ret_row, struct diag *diag);

/* ERR_NOT_FOUND: no such token of this channel. */
MUST_USE enum err account_token_revoke(struct account_directory *dir, uint64_t channel_id,
                                       struct text id, struct store_batch *batch, int64_t now_us,
                                       struct diag *diag);

/* The index-th of a channel that is neither revoked nor expired, oldest first; NULL at the end. */
const struct publish_token_row *account_token_at(const struct account_directory *dir,
                                                 uint64_t channel_id, size_t index, int64_t now_us);

/* Whether the owner of a channel may go live: who may not sign in may not publish either. An id of
 * nobody hinders nothing. ERR_DENIED; the sentence is for the publisher. */
MUST_USE enum err account_check_publisher(const struct account_directory *dir,
                                          struct text account_id, struct diag *diag);

/* What a publisher may, who shows a publish token where a stream key could be (WHIP, RTMP). */
struct publish_permit {
    char token_id[ROW_UUID_LEN + 1];
    uint64_t channel_id;
    uint64_t broadcast_id; /* 0: not bound yet */
};

/* ERR_NOT_FOUND: not a publish token of ours (a stream key?); ERR_DENIED: expired, revoked, or its
 * broadcast is over; the sentence is for the publisher. */
MUST_USE enum err account_token_check(const struct account_directory *dir, struct text token,
                                      int64_t now_us, struct publish_permit *ret_permit,
                                      struct diag *diag);

/* The channel let the publisher in. A token that was not bound is bound to this broadcast.
 * ERR_DENIED: it is bound to another one; ERR_NOT_FOUND: it is gone. */
MUST_USE enum err account_token_bind(struct account_directory *dir, struct text token_id,
                                     uint64_t broadcast_id, struct store_batch *batch,
                                     struct diag *diag);

/* The broadcast's tokens end with it. */
void account_on_broadcast_ended(struct account_directory *dir, uint64_t channel_id,
                                uint64_t broadcast_id, struct store_batch *batch, int64_t now_us);
/* The store deletes the channel's tokens with it. */
void account_on_channel_deleted(struct account_directory *dir, uint64_t channel_id);

/* ---- audit ---- */

/* Adds a row of audit_log. Texts are cut to fit; never give it a secret. */
void account_audit(const struct account_directory *dir, struct store_batch *batch,
                   const struct caller *caller, struct text address, const char *action,
                   struct text target, struct text detail, int64_t now_us);

/* ---- the shop's own JWTs ---- */

enum jwt_algorithm { JWT_HS256 = 1, JWT_RS256, JWT_ES256 };

enum { JWT_KEYS_MAX = 8, JWT_KID_LEN_MAX = 63, JWT_HS256_SECRET_LEN_MIN = 32 };

struct jwt_key_config {
    struct text kid; /* empty: for tokens that name none, or when it is the only key */
    struct text key; /* HS256: the secret; RS256, ES256: the public key as PEM text */
};

struct jwt_config {
    enum jwt_algorithm algorithm; /* of all keys; a token that says otherwise is refused */
    struct jwt_key_config keys[JWT_KEYS_MAX];
    size_t key_count;
    struct text issuer;      /* empty: any */
    struct text audience;    /* empty: any */
    struct text role_claim;  /* empty: "role" */
    struct text email_claim; /* empty: "email" */
    struct text
        admin_roles; /* what the shop calls them; words with commas between. Empty: "admin" */
    struct text seller_roles; /* empty: "seller" */
    int64_t leeway_us;        /* of exp and nbf; 0: 30 s */
};

/* ERR_INVALID: a key is too short, is no PEM, or is of another kind than the algorithm wants; the
 * sentence says which. Everything is copied. */
MUST_USE enum err jwt_checker_create(const struct jwt_config *config,
                                     struct jwt_checker **ret_checker, struct diag *diag);
void jwt_checker_destroy(struct jwt_checker *checker);

/* "HS256", "RS256", "ES256"; 0: no such word. */
enum jwt_algorithm jwt_algorithm_parse(struct text word);

#endif
