/*
 * directory - inside of struct account_directory, for the files of account/ only.
 *
 *     account ---< session      by_id, by_email     sessions: by hash, in order of their last use
 *             '--< key          keys: by hash, by id
 *     channel ---< token        tokens: by hash, by id, by channel
 */
#ifndef ACCOUNT_DIRECTORY_H
#define ACCOUNT_DIRECTORY_H

#include "account/account.h"
#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"
#include "store/store.h"

#define ACCOUNT_NEVER INT64_MAX

/* A thing that was created and is not stored yet: what batch it is in. */
enum thing { THING_ACCOUNT = 1, THING_SESSION, THING_KEY, THING_TOKEN };

struct unstored {
    struct list_node in_unstored;
    const struct store_batch *batch; /* compared, never looked into */
    enum thing thing;
};

struct account {
    struct account_row row;
    struct list sessions;
    size_t session_count;
    struct list keys; /* oldest first */
    size_t key_count;
    struct unstored unstored;
};

/* row.expires_at_us is the end of its longest life; how long it may idle follows from
 * last_used_at_us, so that using it writes one column. */
struct account_session {
    struct session_row row;
    struct account *account;
    struct list_node in_account;
    struct list_node in_use_order;
    struct list_node in_touched;
    struct unstored unstored;
};

struct account_key {
    struct api_key_row row;
    struct account *account;     /* NULL: the admin key */
    struct list_node in_account; /* not linked for the admin key */
    struct list_node in_touched;
    struct unstored unstored;
};

struct channel_tokens {
    uint64_t channel_id;
    struct list tokens; /* oldest first */
    size_t count;
};

struct account_token {
    struct publish_token_row row;
    struct channel_tokens *channel;
    struct list_node in_channel;
    struct unstored unstored;
};

struct account_directory {
    struct account_limits limits;
    struct jwt_checker *jwt; /* borrowed; NULL: none */

    VEC(struct account *) accounts; /* owned; by rising created_at, then id */
    struct map accounts_by_id;
    struct map accounts_by_email;
    struct map sessions_by_hash; /* owned */
    struct list sessions_in_use_order;
    struct map keys_by_hash; /* owned */
    struct map keys_by_id;
    struct account_key *admin_key; /* one of them, or NULL */
    struct map tokens_by_hash;     /* owned */
    struct map tokens_by_id;
    struct map tokens_by_channel; /* struct channel_tokens, owned; never empty ones */

    struct list unstored;
    struct list touched_sessions;
    struct list touched_keys;
    int64_t touched_due_us; /* ACCOUNT_NEVER: nothing was touched */
    int64_t sweep_due_us;

    struct guard *addresses;
    struct guard *emails;
    uint32_t jobs;
    int64_t wall_offset_us;
};

/* Monotonic time as wall clock. */
int64_t directory_wall(const struct account_directory *dir, int64_t now_us);

/* Remembers that the thing came into being with this batch, until the batch is stored. */
void directory_note_unstored(struct account_directory *dir, struct unstored *unstored,
                             enum thing thing, const struct store_batch *batch);

/* Copies text into a column, cut to fit, without control characters. */
void directory_copy(char *to, size_t cap, struct text from);

/* ---- accounts (accounts.c) ---- */

struct account *accounts_find(const struct account_directory *dir, struct text id);
struct account *accounts_find_by_email(const struct account_directory *dir, struct text email);
struct account *accounts_add(struct account_directory *dir, const struct account_row *row);
/* With its sessions and keys, in memory only. */
void accounts_remove(struct account_directory *dir, struct account *account);
enum account_role accounts_role(const struct account *account);

/* ---- sessions (session.c) ---- */

/* Wall clock: when it ends if nobody uses it any more. */
int64_t sessions_end_us(const struct account_directory *dir, const struct account_session *session);
struct account_session *sessions_find(const struct account_directory *dir,
                                      const uint8_t token_hash[CRYPTO_SHA256_LEN]);
struct account_session *sessions_add(struct account_directory *dir, struct account *account,
                                     const struct session_row *row);
void sessions_remove(struct account_directory *dir, struct account_session *session);
/* NULL: the row is gone. */
void sessions_set_row(struct account_directory *dir, const uint8_t token_hash[CRYPTO_SHA256_LEN],
                      const struct session_row *row);
/* Moves the end, at most every session_renew_us. */
void sessions_use(struct account_directory *dir, struct account_session *session, int64_t now_us);
/* Draws a token, opens a session; when there are too many, the one that was quiet longest goes. */
void sessions_open(struct account_directory *dir, struct account *account, struct text address,
                   struct text user_agent, struct store_batch *batch, int64_t now_us,
                   struct session_opened *ret_session);
/* Ends all of an account but `except`, which may be NULL. */
void sessions_end_all(struct account_directory *dir, struct account *account, const uint8_t *except,
                      struct store_batch *batch);
void sessions_drop_expired(struct account_directory *dir, int64_t now_us);

/* ---- API keys (key.c) ---- */

struct account_key *keys_add(struct account_directory *dir, struct account *account,
                             const struct api_key_row *row);
void keys_remove(struct account_directory *dir, struct account_key *key);
void keys_use(struct account_directory *dir, struct account_key *key, int64_t now_us);
uint32_t keys_scopes(const struct account_key *key);

/* ---- publish tokens (publish_token.c) ---- */

struct account_token *tokens_find(const struct account_directory *dir, struct text token);
struct account_token *tokens_add(struct account_directory *dir,
                                 const struct publish_token_row *row);
/* With its last token the channel is forgotten. */
void tokens_remove(struct account_directory *dir, struct account_token *token);
void tokens_drop_expired(struct account_directory *dir, int64_t now_us);

/* Something was touched: on_time is to write it soon. */
void directory_touch(struct account_directory *dir, struct list *touched, struct list_node *node,
                     int64_t now_us);

#endif
