/*
 * accounts - the people: who there is, and what may be changed about them.
 */
#include <assert.h>
#include <stdio.h>

#include "account/email.h"
#include "account/people.h"
#include "base/mem.h"
#include "base/uuid.h"

/* ---- the set ---- */

struct account *accounts_find(const struct account_directory *dir, struct text id)
{
    return map_get(&dir->accounts_by_id, id);
}

struct account *accounts_find_by_email(const struct account_directory *dir, struct text email)
{
    char lower[ROW_EMAIL_LEN_MAX + 1];

    if (email.len > ROW_EMAIL_LEN_MAX)
        return NULL;
    email_lower(email, lower);
    return map_get(&dir->accounts_by_email, text_of(lower));
}

const struct account_row *account_find(const struct account_directory *dir, struct text id)
{
    const struct account *account = accounts_find(dir, id);

    return account ? &account->row : NULL;
}

const struct account_row *account_find_by_email(const struct account_directory *dir,
                                                struct text email)
{
    const struct account *account = accounts_find_by_email(dir, email);

    return account ? &account->row : NULL;
}

enum account_role accounts_role(const struct account *account)
{
    return account_role_parse(text_of(account->row.role));
}

size_t account_directory_count(const struct account_directory *dir)
{
    return dir->accounts.count;
}

const struct account_row *account_directory_at(const struct account_directory *dir, size_t index)
{
    assert(index < dir->accounts.count);
    return &dir->accounts.items[index]->row;
}

/* True when the account comes before this place in the order of the list, or is at it. */
static bool is_not_after(const struct account *account, int64_t created_at_us, struct text id)
{
    if (account->row.created_at_us != created_at_us)
        return account->row.created_at_us < created_at_us;
    return text_compare(text_of(account->row.id), id) <= 0;
}

size_t account_directory_after(const struct account_directory *dir, int64_t created_at_us,
                               struct text id)
{
    size_t low = 0, high = dir->accounts.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (is_not_after(dir->accounts.items[middle], created_at_us, id))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct account *accounts_add(struct account_directory *dir, const struct account_row *row)
{
    struct account *account = mem_zalloc(sizeof(*account));
    size_t place = account_directory_after(dir, row->created_at_us, text_of(row->id));

    account->row = *row;
    list_init(&account->sessions);
    list_init(&account->keys);
    list_node_init(&account->unstored.in_unstored);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the items are pointers */
    (void)vec_push(&dir->accounts, account, SIZE_MAX / sizeof(account)); /* the caller has looked */
    for (size_t i = dir->accounts.count - 1; i > place; i--)
        dir->accounts.items[i] = dir->accounts.items[i - 1];
    dir->accounts.items[place] = account;
    (void)map_put(&dir->accounts_by_id, text_of(account->row.id), account);
    (void)map_put(&dir->accounts_by_email, text_of(account->row.email), account);
    return account;
}

void accounts_remove(struct account_directory *dir, struct account *account)
{
    size_t place =
        account_directory_after(dir, account->row.created_at_us, text_of(account->row.id));
    struct list_node *node;

    while ((node = list_first(&account->sessions)))
        sessions_remove(dir, CONTAINER_OF(node, struct account_session, in_account));
    while ((node = list_first(&account->keys)))
        keys_remove(dir, CONTAINER_OF(node, struct account_key, in_account));
    assert(place > 0 && dir->accounts.items[place - 1] == account);
    vec_remove(&dir->accounts, place - 1);
    (void)map_remove(&dir->accounts_by_id, text_of(account->row.id));
    if (map_get(&dir->accounts_by_email, text_of(account->row.email)) == account)
        (void)map_remove(&dir->accounts_by_email, text_of(account->row.email));
    list_unlink(&account->unstored.in_unstored);
    crypto_wipe(&account->row, sizeof(account->row));
    mem_free(account);
}

void account_directory_set_account_row(struct account_directory *dir, struct text id,
                                       const struct account_row *row)
{
    struct account *account = accounts_find(dir, id);

    if (!row) {
        if (account)
            accounts_remove(dir, account);
        return;
    }
    if (!account) {
        if (dir->accounts.count < STORE_ACCOUNTS_MAX)
            (void)accounts_add(dir, row);
        return;
    }
    (void)map_remove(&dir->accounts_by_email, text_of(account->row.email));
    int64_t created_at_us =
        account->row.created_at_us; /* never changes: the list is sorted by it */
    account->row = *row;
    account->row.created_at_us = created_at_us;
    (void)map_put(&dir->accounts_by_email, text_of(account->row.email), account);
}

/* ---- rules ---- */

static enum err check_name(struct text name, struct diag *diag)
{
    if (name.len != 0 && name.len <= ROW_NAME_LEN_MAX && text_is_line(name))
        return OK;
    diag_set(diag, "displayName: it has 1 to %d bytes of UTF-8, without line breaks.",
             ROW_NAME_LEN_MAX);
    return ERR_INVALID;
}

static enum err check_role(struct text role, struct diag *diag)
{
    if (account_role_parse(role) != ROLE_NONE)
        return OK;
    diag_set(diag, "role: it is one of buyer, seller, admin.");
    return ERR_INVALID;
}

enum err account_check_new(const struct account_directory *dir, const struct account_input *input,
                           struct diag *diag)
{
    enum err err = email_check(input->email, diag);

    if (err == OK)
        err = check_name(input->display_name, diag);
    if (err == OK)
        err = check_role(input->role, diag);
    if (err != OK)
        return err;
    if (accounts_find_by_email(dir, input->email)) {
        diag_set(diag, "email: there is an account with this e-mail already.");
        return ERR_CONFLICT;
    }
    if (dir->accounts.count >= dir->limits.accounts_max ||
        dir->accounts.count >= STORE_ACCOUNTS_MAX) {
        diag_set(diag, "There are %zu accounts, which is the limit of this server.",
                 dir->accounts.count);
        return ERR_LIMIT;
    }
    return OK;
}

static size_t count_admins(const struct account_directory *dir)
{
    size_t count = 0;

    for (size_t i = 0; i < dir->accounts.count; i++) {
        const struct account *account = dir->accounts.items[i];

        if (accounts_role(account) == ROLE_ADMIN && account->row.disabled_at_us == 0)
            count++;
    }
    return count;
}

/* ---- commands ---- */

enum err account_create(struct account_directory *dir, const struct account_input *input,
                        struct store_batch *batch, int64_t now_us,
                        const struct account_row **ret_account, struct diag *diag)
{
    enum err err = account_check_new(dir, input, diag);
    int64_t wall_us = people_wall(dir, now_us);
    struct account_row row = {.created_at_us = wall_us, .updated_at_us = wall_us};

    if (err != OK)
        return err;
    uuid_draw_v4(row.id);
    email_lower(input->email, row.email);
    people_copy(row.display_name, sizeof(row.display_name), input->display_name);
    people_copy(row.role, sizeof(row.role), input->role);
    people_copy(row.password_hash, sizeof(row.password_hash), input->password_hash);

    struct account *account = accounts_add(dir, &row);
    people_note_unstored(dir, &account->unstored, THING_ACCOUNT, batch);
    store_batch_put_account(batch, &row);
    crypto_wipe(&row, sizeof(row));
    *ret_account = &account->row;
    return OK;
}

static enum err check_update(const struct account_directory *dir, const struct account *account,
                             const struct account_input *input, struct diag *diag)
{
    enum err err = OK;

    if (input->display_name.ptr)
        err = check_name(input->display_name, diag);
    if (err == OK && input->role.ptr)
        err = check_role(input->role, diag);
    if (err != OK)
        return err;

    bool is_admin = accounts_role(account) == ROLE_ADMIN && account->row.disabled_at_us == 0;
    bool is_demoted = input->role.ptr && account_role_parse(input->role) != ROLE_ADMIN;
    bool is_disabled = input->sets_disabled && input->is_disabled;
    if (is_admin && (is_demoted || is_disabled) && count_admins(dir) == 1) {
        diag_set(diag,
                 "%s: this is the last admin, and somebody must be it. Make another account admin "
                 "first.",
                 is_disabled ? "disabled" : "role");
        return ERR_CONFLICT;
    }
    return OK;
}

/* Writes what the input gives into the row. */
static void apply(struct account_row *row, const struct account_input *input, int64_t wall_us)
{
    if (input->display_name.ptr)
        people_copy(row->display_name, sizeof(row->display_name), input->display_name);
    if (input->role.ptr)
        people_copy(row->role, sizeof(row->role), input->role);
    if (input->password_hash.len)
        people_copy(row->password_hash, sizeof(row->password_hash), input->password_hash);
    if (input->sets_disabled && !input->is_disabled)
        row->disabled_at_us = 0;
    else if (input->sets_disabled && row->disabled_at_us == 0)
        row->disabled_at_us = wall_us;
    row->updated_at_us = wall_us;
}

static enum err require(const struct account_directory *dir, struct text id,
                        struct account **ret_account, struct diag *diag)
{
    *ret_account = accounts_find(dir, id);
    if (*ret_account)
        return OK;
    diag_set(diag, "There is no account with this id.");
    return ERR_NOT_FOUND;
}

enum err account_update(struct account_directory *dir, struct text id,
                        const struct account_input *input, struct store_batch *batch,
                        int64_t now_us, struct diag *diag)
{
    struct account *account;
    enum err err = require(dir, id, &account, diag);

    if (err == OK)
        err = check_update(dir, account, input, diag);
    if (err != OK)
        return err;
    apply(&account->row, input, people_wall(dir, now_us));
    store_batch_put_account(batch, &account->row);
    if (account->row.disabled_at_us != 0 || input->password_hash.len != 0)
        sessions_end_all(dir, account, NULL, batch);
    return OK;
}

enum err account_end_sessions(struct account_directory *dir, struct text account_id,
                              struct store_batch *batch, struct diag *diag)
{
    struct account *account;
    enum err err = require(dir, account_id, &account, diag);

    if (err == OK)
        sessions_end_all(dir, account, NULL, batch);
    return err;
}

/* ---- the first admin ---- */

bool account_directory_needs_admin(const struct account_directory *dir)
{
    return count_admins(dir) == 0;
}

enum err account_ensure_admin(struct account_directory *dir, struct text email,
                              struct text password_hash, struct store_batch *batch, int64_t now_us,
                              bool *ret_is_created, struct diag *diag)
{
    struct account_input input = {
        .email = email,
        .display_name = TEXT("Administrator"),
        .role = TEXT("admin"),
        .password_hash = password_hash,
    };
    const struct account_row *row = account_find_by_email(dir, email);
    bool is_needed = account_directory_needs_admin(dir);
    enum err err = OK;

    if (is_needed && row) {
        input.display_name = (struct text){0}; /* stays */
        input.sets_disabled = true;
        err = account_update(dir, text_of(row->id), &input, batch, now_us, diag);
    } else if (is_needed) {
        err = account_create(dir, &input, batch, now_us, &row, diag);
    }
    if (err == OK)
        *ret_is_created = is_needed;
    return err;
}
