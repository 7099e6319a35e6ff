/*
 * key - API keys of accounts, and the admin key of the first start.
 */
#include <assert.h>

#include "account/credential.h"
#include "account/people.h"
#include "base/mem.h"
#include "base/uuid.h"

/* Keys stay when they are revoked, so that their refusal can say so: up to so many for each that an
 * account may have. */
enum { REVOKED_FOR_EACH = 3 };

/* Oldest first; nearly always it is the youngest. */
static void put_in_order(struct account *account, struct account_key *key)
{
    struct list_node *place = account->keys.head.prev;

    while (place != &account->keys.head &&
           CONTAINER_OF(place, struct account_key, in_account)->row.created_at_us >
               key->row.created_at_us)
        place = place->prev;
    list_insert_after(place, &key->in_account);
    account->key_count++;
}

struct account_key *keys_add(struct account_directory *dir, struct account *account,
                             const struct api_key_row *row)
{
    struct account_key *key = mem_zalloc(sizeof(*key));

    key->row = *row;
    key->account = account;
    list_node_init(&key->in_account);
    list_node_init(&key->in_touched);
    list_node_init(&key->unstored.in_unstored);
    if (account) {
        put_in_order(account, key);
    } else {
        assert(!dir->admin_key);
        dir->admin_key = key;
    }
    (void)map_put(&dir->keys_by_hash, credential_map_key(key->row.key_hash), key);
    (void)map_put(&dir->keys_by_id, text_of(key->row.id), key);
    return key;
}

void keys_remove(struct account_directory *dir, struct account_key *key)
{
    (void)map_remove(&dir->keys_by_hash, credential_map_key(key->row.key_hash));
    (void)map_remove(&dir->keys_by_id, text_of(key->row.id));
    if (key->account) {
        list_unlink(&key->in_account);
        key->account->key_count--;
    } else {
        dir->admin_key = NULL;
    }
    list_unlink(&key->in_touched);
    list_unlink(&key->unstored.in_unstored);
    mem_free(key);
}

/* Of two servers' words the later use counts, and that it was revoked. */
static void merge(struct api_key_row *to, const struct api_key_row *row)
{
    int64_t last_used_at_us = to->last_used_at_us;
    int64_t revoked_at_us = to->revoked_at_us;

    *to = *row;
    if (to->last_used_at_us < last_used_at_us)
        to->last_used_at_us = last_used_at_us;
    if (to->revoked_at_us == 0)
        to->revoked_at_us = revoked_at_us;
}

/* A row without an account is the admin key, of which there is one. */
void account_directory_set_api_key_row(struct account_directory *dir, struct text id,
                                       const struct api_key_row *row)
{
    struct account_key *key = map_get(&dir->keys_by_id, id);
    struct account *account = row ? accounts_find(dir, text_of(row->account_id)) : NULL;

    if (key && row && crypto_equal(key->row.key_hash, row->key_hash, sizeof(row->key_hash)) &&
        key->account == account) {
        merge(&key->row, row);
        return;
    }
    if (key)
        keys_remove(dir, key);
    if (!row || dir->keys_by_hash.count >= STORE_API_KEYS_MAX ||
        map_get(&dir->keys_by_hash, credential_map_key(row->key_hash)))
        return;
    if (account || (row->account_id[0] == '\0' && !dir->admin_key))
        (void)keys_add(dir, account, row);
}

void keys_use(struct account_directory *dir, struct account_key *key, int64_t now_us)
{
    int64_t wall_us = people_wall(dir, now_us);

    if (wall_us - key->row.last_used_at_us < dir->limits.used_write_us)
        return;
    key->row.last_used_at_us = wall_us;
    people_touch(dir, &dir->touched_keys, &key->in_touched, now_us);
}

/* What the key was given, as far as its account still has it. */
uint32_t keys_scopes(const struct account_key *key)
{
    uint32_t scopes = 0;

    if (!key->account)
        return SCOPE_ALL;
    if (account_scopes_parse(text_of(key->row.scopes), &scopes, NULL) != OK)
        return 0; /* words of a newer program */
    return scopes & account_role_scopes(accounts_role(key->account));
}

/* ---- the admin key ---- */

bool account_has_admin_key(const struct account_directory *dir)
{
    return dir->admin_key != NULL;
}

void account_set_admin_key(struct account_directory *dir, struct text key,
                           struct store_batch *batch, int64_t now_us)
{
    struct api_key_row row = {
        .id = STORE_ADMIN_KEY_ID,
        .name = "admin key",
        .scopes = "admin",
        .created_at_us = people_wall(dir, now_us),
    };

    credential_hash(key, row.key_hash);
    credential_prefix(key, row.prefix);
    if (dir->admin_key &&
        crypto_equal(dir->admin_key->row.key_hash, row.key_hash, sizeof(row.key_hash)))
        return;
    if (dir->admin_key)
        keys_remove(dir, dir->admin_key);
    (void)keys_add(dir, NULL, &row);
    store_batch_put_api_key(batch, &row);
}

/* ---- keys of accounts ---- */

static size_t count_good(const struct account *account, int64_t wall_us)
{
    size_t count = 0;

    LIST_FOR_EACH(node, &account->keys)
    {
        const struct api_key_row *row = &CONTAINER_OF(node, struct account_key, in_account)->row;

        if (row->revoked_at_us == 0 && (row->expires_at_us == 0 || row->expires_at_us > wall_us))
            count++;
    }
    return count;
}

/* Forgets the oldest of those that are revoked or expired when there are too many of them. */
static void forget_oldest(struct account_directory *dir, const struct account *account,
                          struct store_batch *batch, int64_t wall_us)
{
    size_t keys_max = (size_t)dir->limits.keys_per_account_max * (1 + REVOKED_FOR_EACH);

    LIST_FOR_EACH(node, &account->keys)
    {
        struct account_key *key = CONTAINER_OF(node, struct account_key, in_account);
        bool is_expired = key->row.expires_at_us != 0 && key->row.expires_at_us <= wall_us;

        if (account->key_count < keys_max)
            return;
        if (key->row.revoked_at_us == 0 && !is_expired)
            continue;
        store_batch_delete_api_key(batch, key->row.id);
        keys_remove(dir, key);
    }
}

static enum err check_key_name(struct text name, struct diag *diag)
{
    if (name.len != 0 && name.len <= ROW_NAME_LEN_MAX && text_is_line(name))
        return OK;
    diag_set(diag, "name: it has 1 to %d bytes of UTF-8, without line breaks.", ROW_NAME_LEN_MAX);
    return ERR_INVALID;
}

static enum err check_scopes(const struct account *account, uint32_t scopes, struct diag *diag)
{
    enum account_role role = accounts_role(account);
    uint32_t beyond = scopes & ~account_role_scopes(role);

    if (scopes == 0 || (scopes & ~(uint32_t)SCOPE_ALL)) {
        diag_set(diag, "scopes: name at least one.");
        return ERR_INVALID;
    }
    if (beyond) {
        diag_set(diag,
                 "scopes: \"%s\" is more than a %s may; a key never may more than its account.",
                 account_scope_word(beyond & -beyond), account_role_name(role));
        return ERR_INVALID;
    }
    return OK;
}

static enum err check_key(const struct account_directory *dir, const struct account *account,
                          const struct api_key_input *input, int64_t wall_us, struct diag *diag)
{
    enum err err = check_key_name(input->name, diag);

    if (err == OK)
        err = check_scopes(account, input->scopes, diag);
    if (err != OK)
        return err;
    if (input->expires_at_us != 0 && input->expires_at_us <= wall_us) {
        diag_set(diag, "expiresAt: it is in the past.");
        return ERR_INVALID;
    }
    if (account->row.disabled_at_us != 0) {
        diag_set(diag, "This account is disabled.");
        return ERR_CONFLICT;
    }
    if (count_good(account, wall_us) >= dir->limits.keys_per_account_max ||
        dir->keys_by_hash.count >= STORE_API_KEYS_MAX) {
        diag_set(diag, "This account has %u API keys, which is the limit. Revoke one first.",
                 dir->limits.keys_per_account_max);
        return ERR_LIMIT;
    }
    return OK;
}

enum err account_key_create(struct account_directory *dir, const struct api_key_input *input,
                            struct store_batch *batch, int64_t now_us,
                            char ret_key[ACCOUNT_KEY_LEN + 1], const struct api_key_row **ret_row,
                            struct diag *diag)
{
    struct account *account = accounts_find(dir, input->account_id);
    int64_t wall_us = people_wall(dir, now_us);
    struct api_key_row row = {.created_at_us = wall_us, .expires_at_us = input->expires_at_us};

    if (!account) {
        diag_set(diag, "There is no account with this id.");
        return ERR_NOT_FOUND;
    }
    enum err err = check_key(dir, account, input, wall_us, diag);
    if (err != OK)
        return err;
    forget_oldest(dir, account, batch, wall_us);
    account_draw_key(ret_key);
    credential_hash(text_of(ret_key), row.key_hash);
    credential_prefix(text_of(ret_key), row.prefix);
    uuid_draw_v4(row.id);
    memcpy(row.account_id, account->row.id, sizeof(row.account_id));
    people_copy(row.name, sizeof(row.name), input->name);
    account_scopes_write(input->scopes, row.scopes);

    struct account_key *key = keys_add(dir, account, &row);
    people_note_unstored(dir, &key->unstored, THING_KEY, batch);
    store_batch_put_api_key(batch, &row);
    *ret_row = &key->row;
    return OK;
}

enum err account_key_revoke(struct account_directory *dir, struct text id,
                            struct store_batch *batch, int64_t now_us, struct diag *diag)
{
    struct account_key *key = map_get(&dir->keys_by_id, id);

    if (!key || !key->account) { /* the admin key is changed by the configuration */
        diag_set(diag, "There is no API key with this id.");
        return ERR_NOT_FOUND;
    }
    if (key->row.revoked_at_us != 0)
        return OK;
    key->row.revoked_at_us = people_wall(dir, now_us);
    store_batch_put_api_key(batch, &key->row);
    return OK;
}

const struct api_key_row *account_key_find(const struct account_directory *dir, struct text id)
{
    const struct account_key *key = map_get(&dir->keys_by_id, id);

    return key && key->account ? &key->row : NULL;
}

const struct api_key_row *account_key_at(const struct account_directory *dir,
                                         struct text account_id, size_t index)
{
    const struct account *account = accounts_find(dir, account_id);

    if (!account)
        return NULL;
    LIST_FOR_EACH(node, &account->keys)
    {
        if (index-- == 0)
            return &CONTAINER_OF(node, struct account_key, in_account)->row;
    }
    return NULL;
}
