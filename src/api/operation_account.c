/*
 * operation_account - accounts, which admins make and change, and API keys.
 */
#include <stdio.h>

#include "api/cursor.h"
#include "api/exchange.h"
#include "api/present.h"
#include "api/words.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "channel/channel.h"

enum { LIST_LIMIT_MAX = 1000, LIST_LIMIT_DEFAULT = 100 };

/* ---- accounts ---- */

/* How many channels each account has: account id -> number. */
static void count_channels(const struct call *call, struct map *counts)
{
    for (size_t i = 0; i < channel_directory_count(call->channels); i++) {
        struct text host = text_of(channel_directory_at(call->channels, i)->host_user_id);
        uintptr_t count = host.len ? (uintptr_t)map_get(counts, host) : 0;

        if (host.len != 0)
            (void)map_put(counts, host, (void *)(count + 1)); /* what it was is counted */
    }
}

static void present_account(struct call *call, const struct account_row *row,
                            const struct map *counts, struct text password)
{
    jsonw_object_begin(call->out);
    present_account_members(call->out, row, (uintptr_t)map_get(counts, text_of(row->id)));
    if (password.len != 0)
        jsonw_member_text(call->out, "password", password);
    jsonw_object_end(call->out);
}

static bool answer_account(struct call *call, struct text id)
{
    const struct account_row *row = account_find(call->accounts, id);
    struct map counts = {0};

    if (!row)
        return api_fail(call->error, API_NOT_FOUND, "Account %.*s not found", TEXT_ARG(id));
    count_channels(call, &counts);
    present_account(call, row, &counts, secret_reveal(&call->drawn));
    map_deinit(&counts);
    return true;
}

/* "1795250400000000 0199a1b2-..." */
static bool find_start(struct call *call, size_t *ret_index)
{
    char place[CURSOR_PLACE_LEN_MAX + 1];
    uint64_t created_at_us;

    *ret_index = 0;
    if (!cursor_read(call, 1, place))
        return false;
    if (!*place)
        return true;

    struct text id = text_of(place);
    if (!text_parse_u64(text_cut(&id, ' '), INT64_MAX, &created_at_us) || !uuid_is_valid(id))
        return cursor_refuse(call);
    *ret_index = account_directory_after(call->accounts, (int64_t)created_at_us, id);
    return true;
}

static bool is_wanted(const struct call *call, const struct account_row *row)
{
    struct text q = call->input.text[2];

    return q.len == 0 || text_contains_nocase(text_of(row->email), q) ||
           text_contains_nocase(text_of(row->display_name), q);
}

static void write_next(struct call *call, const struct account_row *last)
{
    char place[CURSOR_PLACE_LEN_MAX];
    struct writer w = writer_fixed(place, sizeof(place));

    if (last)
        writer_printf(&w, "%lld %s", (long long)last->created_at_us, last->id);
    cursor_write_next(call, writer_as_text(&w));
}

static bool handle_list(struct call *call)
{
    size_t count = account_directory_count(call->accounts);
    size_t left = call_has(call, 0) ? (size_t)call->input.number[0] : (size_t)LIST_LIMIT_DEFAULT;
    const struct account_row *last = NULL;
    bool has_more = false;
    struct map counts = {0};
    size_t i;

    if (!find_start(call, &i))
        return false;
    count_channels(call, &counts);
    jsonw_object_begin(call->out);
    jsonw_key(call->out, "accounts");
    jsonw_array_begin(call->out);
    for (; i < count && !has_more; i++) {
        const struct account_row *row = account_directory_at(call->accounts, i);

        if (!is_wanted(call, row))
            continue;
        has_more = left == 0;
        if (has_more)
            break;
        present_account(call, row, &counts, (struct text){0});
        last = row;
        left--;
    }
    jsonw_array_end(call->out);
    write_next(call, has_more ? last : NULL);
    jsonw_object_end(call->out);
    map_deinit(&counts);
    return true;
}

static bool handle_get(struct call *call)
{
    return answer_account(call, call->input.text[0]);
}

/* Field 3 of a creation and 4 of a change is a password: hashes it, then goes on. */
static bool hash_password(struct call *call, struct text password, call_fn *next)
{
    struct api_task *task = call_make_task(API_TASK_PASSWORD);
    struct diag diag = {0};
    enum err err = account_hash_start(call->accounts, password, &task->password, &diag);

    if (err != OK) {
        mem_free(task); /* no job was started */
        return api_fail_err(call->error, err, &diag);
    }
    return call_wait(call, task, next);
}

static bool fail_hash(struct call *call)
{
    return api_fail(call->error, API_BUSY,
                    "The password could not be hashed just now. Try again in a moment.");
}

static struct account_input new_account_of(const struct call *call)
{
    return (struct account_input){
        .email = call->input.text[0],
        .display_name = call->input.text[1],
        .role = call->input.text[2],
    };
}

static bool finish_create(struct call *call)
{
    struct account_input input = new_account_of(call);
    struct store_batch *batch;
    const struct account_row *row;
    struct diag diag = {0};

    if (call->task->err != OK)
        return fail_hash(call);
    input.password_hash = text_of(call->task->password.new_hash);
    batch = store_batch_create();
    enum err err = account_create(call->accounts, &input, batch, call->now_us, &row, &diag);
    if (err != OK) {
        store_batch_destroy(batch);
        return api_fail_err(call->error, err, &diag);
    }
    call_set_target(call, "%s", row->id);
    (void)snprintf(call->detail, sizeof(call->detail), "%s, %s", row->email, row->role);
    call_store(call, batch);
    return answer_account(call, text_of(row->id));
}

static bool handle_create(struct call *call)
{
    const struct account_input input = new_account_of(call);
    struct text password = call->input.text[3];
    char drawn[PASSWORD_DRAWN_LEN + 1];
    struct diag diag = {0};
    enum err err = account_check_new(call->accounts, &input, &diag);

    if (err != OK)
        return api_fail_err(call->error, err, &diag);
    if (!call_has(call, 3)) {
        password_draw(drawn);
        (void)secret_set(&call->drawn, text_of(drawn)); /* it fits */
        crypto_wipe(drawn, sizeof(drawn));
        password = secret_reveal(&call->drawn);
    }
    return hash_password(call, password, finish_create);
}

/* Who may do nothing any more is not on the air either. */
static void end_broadcasts(struct call *call, struct text account_id)
{
    for (size_t i = 0; i < channel_directory_count(call->channels); i++) {
        const struct channel *channel = channel_directory_at(call->channels, i);
        struct diag diag = {0};

        if (text_equal(text_of(channel->host_user_id), account_id) &&
            relay_state_is_active(channel->state) &&
            channel_end(call->channels, channel->id, "the account of this channel was disabled",
                        call->now_us, &diag) != OK)
            log_warn("broadcast_not_ended", LOG_U64("channel", channel->id),
                     LOG_STR("reason", diag.message));
    }
}

static bool update(struct call *call, struct text password_hash)
{
    const struct account_input input = {
        .display_name = call->input.text[1],
        .role = call->input.text[2],
        .sets_disabled = call_has(call, 3),
        .is_disabled = call->input.number[3] != 0,
        .password_hash = password_hash,
    };
    struct store_batch *batch = store_batch_create();
    struct diag diag = {0};
    enum err err =
        account_update(call->accounts, call->input.text[0], &input, batch, call->now_us, &diag);

    if (err != OK) {
        store_batch_destroy(batch);
        return api_fail_err(call->error, err, &diag);
    }
    call_store(call, batch);
    if (input.sets_disabled && input.is_disabled)
        end_broadcasts(call, call->input.text[0]);
    return answer_account(call, call->input.text[0]);
}

static bool finish_update(struct call *call)
{
    return call->task->err == OK ? update(call, text_of(call->task->password.new_hash))
                                 : fail_hash(call);
}

static void describe_update(struct call *call)
{
    struct writer w = writer_fixed(call->detail, sizeof(call->detail) - 1);

    for (size_t i = 1; call->operation->fields[i].name; i++) {
        if (!call->input.is_given[i])
            continue;
        writer_printf(&w, "%s%s", w.len ? ", " : "changed ", call->operation->fields[i].name);
    }
    call->detail[w.len] = '\0';
}

static bool handle_update(struct call *call)
{
    describe_update(call);
    if (!call_has(call, 4))
        return update(call, (struct text){0});
    if (!account_find(call->accounts, call->input.text[0])) /* no hash for what is not there */
        return answer_account(call, call->input.text[0]);
    return hash_password(call, call->input.text[4], finish_update);
}

static bool present_success(struct call *call)
{
    jsonw_object_begin(call->out);
    jsonw_member_bool(call->out, "success", true);
    jsonw_object_end(call->out);
    return true;
}

static bool handle_sign_out(struct call *call)
{
    struct store_batch *batch = store_batch_create();
    struct diag diag = {0};
    enum err err = account_end_sessions(call->accounts, call->input.text[0], batch, &diag);

    if (err != OK) {
        store_batch_destroy(batch);
        return api_fail_err(call->error, err, &diag);
    }
    call_store(call, batch);
    return present_success(call);
}

/* ---- API keys ---- */

/* Whose keys it is about: the caller's own, or what an admin names in `field`. */
static bool find_account_id(struct call *call, size_t field, struct text *ret_id)
{
    const struct caller *caller = call->caller;

    *ret_id = text_of(caller->account_id);
    if (call_has(call, field) && !text_equal(call->input.text[field], *ret_id)) {
        if (!caller_is_admin(caller))
            return api_fail(call->error, API_FORBIDDEN, "These are keys of somebody else.");
        *ret_id = call->input.text[field];
    }
    if (ret_id->len == 0)
        return caller_is_admin(caller)
                   ? api_fail_field(call->error, "accountId", "is required with the admin key")
                   : api_fail(call->error, API_FORBIDDEN,
                              "Who calls has no account here, and so no keys.");
    return account_find(call->accounts, *ret_id) ||
           api_fail(call->error, API_NOT_FOUND, "Account %.*s not found", TEXT_ARG(*ret_id));
}

static bool handle_key_list(struct call *call)
{
    const struct api_key_row *row;
    struct text account_id;

    if (!find_account_id(call, 0, &account_id))
        return false;
    jsonw_object_begin(call->out);
    jsonw_key(call->out, "apiKeys");
    jsonw_array_begin(call->out);
    for (size_t i = 0; (row = account_key_at(call->accounts, account_id, i)); i++) {
        jsonw_object_begin(call->out);
        present_api_key_members(call->out, row);
        jsonw_object_end(call->out);
    }
    jsonw_array_end(call->out);
    jsonw_object_end(call->out);
    return true;
}

/* The words are of the table, so all of them have a bit. */
static uint32_t scopes_of(const struct input *input)
{
    uint32_t scopes = 0;

    for (uint32_t bit = 1; bit < SCOPE_ALL; bit <<= 1)
        for (size_t i = 0; i < input->word_count; i++)
            if (text_equal(text_of(account_scope_word(bit)), input->words[i]))
                scopes |= bit;
    return scopes;
}

static bool handle_key_create(struct call *call)
{
    struct api_key_input input = {
        .name = call->input.text[0],
        .scopes = scopes_of(&call->input),
        .expires_at_us = call_has(call, 2) ? call->input.number[2] : 0,
    };
    char key[ACCOUNT_KEY_LEN + 1];
    const struct api_key_row *row;
    struct diag diag = {0};

    if (!find_account_id(call, 3, &input.account_id))
        return false;

    struct store_batch *batch = store_batch_create();
    enum err err =
        account_key_create(call->accounts, &input, batch, call->now_us, key, &row, &diag);
    if (err != OK) {
        store_batch_destroy(batch);
        return api_fail_err(call->error, err, &diag);
    }
    call_set_target(call, "%s", row->id);
    (void)snprintf(call->detail, sizeof(call->detail), "%s: %s", row->prefix, row->scopes);
    call_store(call, batch);
    jsonw_object_begin(call->out);
    present_api_key_members(call->out, row);
    jsonw_member_str(call->out, "key", key);
    jsonw_object_end(call->out);
    crypto_wipe(key, sizeof(key));
    return true;
}

static bool handle_key_revoke(struct call *call)
{
    struct text id = call->input.text[0];
    const struct api_key_row *row = account_key_find(call->accounts, id);
    bool is_own = row && row->account_id[0] &&
                  text_equal(text_of(row->account_id), text_of(call->caller->account_id));
    struct diag diag = {0};

    /* What is somebody else's does not exist. The admin key itself stays: it is configured. */
    if (!row || !row->account_id[0] || (!is_own && !caller_is_admin(call->caller)))
        return api_fail(call->error, API_NOT_FOUND, "API key %.*s not found", TEXT_ARG(id));

    struct store_batch *batch = store_batch_create();
    enum err err = account_key_revoke(call->accounts, id, batch, call->now_us, &diag);
    if (err != OK) {
        store_batch_destroy(batch);
        return api_fail_err(call->error, err, &diag);
    }
    call_store(call, batch);
    return present_success(call);
}

/* ---- the rows ---- */

/* clang-format off */
static const struct field list_fields[] = {
    {"limit", FIELD_INTEGER, 0, 1, LIST_LIMIT_MAX, NULL, "At most so many accounts; 100 when absent.", "100"},
    {"cursor", FIELD_CURSOR, 0, 1, CURSOR_LEN_MAX, NULL, "nextCursor of the page before.", NULL},
    {"q", FIELD_TEXT, 0, 1, ROW_EMAIL_LEN_MAX, NULL, "Only accounts with this in e-mail or name.", NULL},
    {0},
};
static const struct field create_fields[] = {
    {"email", FIELD_TEXT, FIELD_REQUIRED, 3, ROW_EMAIL_LEN_MAX, NULL, "Unique; kept in lower case.",
     "\"ada@shop.example\""},
    {"displayName", FIELD_TEXT, FIELD_REQUIRED, 1, ROW_NAME_LEN_MAX, NULL, "How people see the account.",
     "\"Ada\""},
    {"role", FIELD_WORD, FIELD_REQUIRED, 0, 0, WORDS_ROLES, "What it may.", "\"seller\""},
    {"password", FIELD_TEXT, FIELD_SECRET, PASSWORD_LEN_MIN, PASSWORD_LEN_MAX, NULL,
     "When absent, one is drawn and answered once.", NULL},
    {0},
};
static const struct field id_fields[] = {
    {"id", FIELD_UUID, FIELD_REQUIRED, 0, 0, NULL, "The account.", NULL},
    {0},
};
static const struct field update_fields[] = {
    {"id", FIELD_UUID, FIELD_REQUIRED, 0, 0, NULL, "The account.", NULL},
    {"displayName", FIELD_TEXT, 0, 1, ROW_NAME_LEN_MAX, NULL, "How people see the account.", "\"Ada\""},
    {"role", FIELD_WORD, 0, 0, 0, WORDS_ROLES, "What it may.", "\"seller\""},
    {"disabled", FIELD_BOOLEAN, 0, 0, 0, NULL, "True: it may do nothing any more, and its sessions end.",
     "false"},
    {"password", FIELD_TEXT, FIELD_SECRET, PASSWORD_LEN_MIN, PASSWORD_LEN_MAX, NULL,
     "A new one; all sessions of the account end.", NULL},
    {0},
};
static const struct field key_list_fields[] = {
    {"accountId", FIELD_UUID, 0, 0, 0, NULL, "For admins: keys of this account, not the own ones.", NULL},
    {0},
};
static const struct field key_create_fields[] = {
    {"name", FIELD_TEXT, FIELD_REQUIRED, 1, ROW_NAME_LEN_MAX, NULL, "What it is for.", "\"shop back end\""},
    {"scopes", FIELD_WORDS, FIELD_REQUIRED, 1, INPUT_WORDS_MAX, WORDS_SCOPES,
     "What it may, and never more than the account.", "[\"read\", \"channels\", \"publish\"]"},
    {"expiresAt", FIELD_TIME, FIELD_NULLABLE, 0, 0, NULL, "When it ends; null or absent: never.",
     "\"2030-01-01T00:00:00Z\""},
    {"accountId", FIELD_UUID, 0, 0, 0, NULL, "For admins: a key of this account, not an own one.", NULL},
    {0},
};
static const struct field key_id_fields[] = {
    {"id", FIELD_UUID, FIELD_REQUIRED, 0, 0, NULL, "The API key.", NULL},
    {0},
};

static const struct operation rows[] = {
    {"account.list", "GET", "/accounts", OPERATION_QUERY, WHO_ADMIN, SCOPE_ACCOUNTS, 0, list_fields, 200,
     "AccountList", "All accounts, oldest first", handle_list},
    {"account.create", "POST", "/accounts", OPERATION_MUTATION, WHO_ADMIN, SCOPE_ACCOUNTS,
     OPERATION_CREATES, create_fields, 201, "AccountCreated", "Make an account", handle_create},
    {"account.getById", "GET", "/accounts/{id}", OPERATION_QUERY, WHO_ADMIN, SCOPE_ACCOUNTS, 0, id_fields,
     200, "Account", "One account", handle_get},
    {"account.update", "PATCH", "/accounts/{id}", OPERATION_MUTATION, WHO_ADMIN, SCOPE_ACCOUNTS, 0,
     update_fields, 200, "Account", "Change name, role or password, disable or enable", handle_update},
    {"account.signOut", "POST", "/accounts/{id}/sign-out", OPERATION_MUTATION, WHO_ADMIN, SCOPE_ACCOUNTS,
     0, id_fields, 200, "Success", "End all sessions of an account", handle_sign_out},
    {"apiKey.list", "GET", "/api-keys", OPERATION_QUERY, WHO_SELF, 0, 0, key_list_fields, 200,
     "ApiKeyList", "The own API keys, also revoked ones", handle_key_list},
    {"apiKey.create", "POST", "/api-keys", OPERATION_MUTATION, WHO_SELF, 0, OPERATION_CREATES,
     key_create_fields, 201, "ApiKeyCreated", "Make an API key; it is shown once", handle_key_create},
    {"apiKey.revoke", "DELETE", "/api-keys/{id}", OPERATION_MUTATION, WHO_SELF, 0, 0, key_id_fields, 200,
     "Success", "Make an API key useless; twice is no error", handle_key_revoke},
};
/* clang-format on */

const struct operation_table account_operations = OPERATION_TABLE(rows);
