/*
 * operation_auth - signing in and out, and who one is.
 *
 * A password is checked by a task (Argon2id); whoever tries too often is refused before it.
 */
#include <stdio.h>

#include "api/exchange.h"
#include "api/present.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "channel/channel.h"

/* ---- accounts in answers ---- */

static size_t count_channels(const struct call *call, const char *account_id)
{
    size_t count = 0;

    for (size_t i = 0; i < channel_directory_count(call->channels); i++) {
        const struct channel *channel = channel_directory_at(call->channels, i);

        count += text_equal(text_of(channel->host_user_id), text_of(account_id));
    }
    return count;
}

static void present_own_account(struct call *call, const char *account_id)
{
    const struct account_row *row = account_find(call->accounts, text_of(account_id));
    struct jsonw *j = call->out;

    jsonw_key(j, "account");
    if (!row) {
        jsonw_null(j);
        return;
    }
    jsonw_object_begin(j);
    present_account_members(j, row, count_channels(call, account_id));
    jsonw_object_end(j);
}

/* ---- sign-in ---- */

static struct sign_in sign_in_of(const struct call *call)
{
    const struct api_request *request = call->exchange->request;

    return (struct sign_in){
        .email = call->input.text[0],
        .password = call->input.text[1],
        .address = request->peer_address,
        .user_agent = request->user_agent,
    };
}

/* What password work was refused for, before or after it. */
static bool fail_password(struct call *call, enum err err, int64_t retry_after_us,
                          const struct diag *diag)
{
    enum api_code code = API_UNAUTHORIZED;

    if (err == ERR_LIMIT) {
        call->error->retry_after_s = api_retry_after_s(retry_after_us);
        code = API_TOO_MANY_REQUESTS;
    } else if (err == ERR_CONFLICT) {
        code = API_ACCOUNT_DISABLED;
    } else if (err != ERR_DENIED) {
        return api_fail_err(call->error, err, diag);
    }
    return api_fail(call->error, code, "%s", diag->message);
}

static void set_cookie(struct call *call, const struct session_opened *session)
{
    char value[ACCOUNT_SET_COOKIE_LEN_MAX + 1];

    account_set_cookie(session, call->exchange->request->is_https, value);
    api_set_header(call->exchange->answer, "set-cookie", text_of(value));
    crypto_wipe(value, sizeof(value));
}

/* For the audit log: the request came from nobody, but now it is known who that is. */
static void become(struct call *call, const struct session_opened *session)
{
    const struct account_row *row = account_find(call->accounts, text_of(session->account_id));

    call->actor.kind = CALLER_SESSION;
    memcpy(call->actor.account_id, session->account_id, sizeof(call->actor.account_id));
    (void)snprintf(call->actor.name, sizeof(call->actor.name), "%.100s",
                   row->email); /* cut to fit */
    call_set_target(call, "%s", session->account_id);
}

static bool finish_sign_in(struct call *call)
{
    const struct sign_in sign_in = sign_in_of(call);
    struct store_batch *batch = store_batch_create();
    struct session_opened session;
    struct diag diag = {0};
    /* A task that failed could not renew the hash: what it verified counts. */
    enum err err = account_sign_in_finish(call->accounts, &sign_in, &call->task->password, batch,
                                          call->now_us, &session, &diag);

    if (err != OK) {
        store_batch_destroy(batch);
        return fail_password(call, err, 0, &diag);
    }
    call_store(call, batch);
    set_cookie(call, &session);
    become(call, &session);
    jsonw_object_begin(call->out);
    present_own_account(call, session.account_id);
    jsonw_member_str(call->out, "csrfToken", session.csrf_token);
    present_time(call->out, "expiresAt", session.expires_at_us);
    jsonw_object_end(call->out);
    crypto_wipe(&session, sizeof(session));
    return true;
}

static bool handle_sign_in(struct call *call)
{
    const struct sign_in sign_in = sign_in_of(call);
    struct api_task *task = call_make_task(API_TASK_PASSWORD);
    int64_t retry_after_us = 0;
    struct diag diag = {0};
    enum err err = account_sign_in_start(call->accounts, &sign_in, call->now_us, &task->password,
                                         &retry_after_us, &diag);

    if (err != OK) {
        mem_free(task); /* no job was started */
        return fail_password(call, err, retry_after_us, &diag);
    }
    return call_wait(call, task, finish_sign_in);
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

    account_sign_out(call->accounts, call->caller, batch);
    call_store(call, batch);
    set_cookie(call, NULL);
    return present_success(call);
}

/* ---- who one is ---- */

static bool handle_me(struct call *call)
{
    const struct caller *caller = call->caller;
    bool is_session = caller->kind == CALLER_SESSION;
    char scopes[ROW_SCOPES_LEN_MAX + 1];
    struct jsonw *j = call->out;

    account_scopes_write(caller->scopes, scopes);
    jsonw_object_begin(j);
    present_own_account(call, caller->account_id);
    jsonw_member_str(j, "csrfToken", is_session ? caller->csrf_token : NULL);
    present_time(j, "expiresAt", is_session ? caller->session_expires_at_us : 0);
    jsonw_member_str(j, "via", caller_kind_name(caller->kind));
    present_words(j, "scopes", scopes);
    present_id(j, "channelId", caller->channel_id);
    jsonw_object_end(j);
    return true;
}

/* ---- the password ---- */

static bool finish_change_password(struct call *call)
{
    struct store_batch *batch = store_batch_create();
    struct diag diag = {0};
    enum err err = call->task->err;

    if (err != OK)
        diag_set(&diag, "The password could not be changed. Try again in a moment.");
    else
        err = account_change_password_finish(call->accounts, call->caller,
                                             call->exchange->request->peer_address,
                                             &call->task->password, batch, call->now_us, &diag);
    if (err != OK) {
        store_batch_destroy(batch);
        if (err == ERR_DENIED) /* not 401: who calls is known */
            return api_fail_field(call->error, "currentPassword", diag.message);
        return fail_password(call, err == ERR_IO ? ERR_AGAIN : err, 0, &diag);
    }
    call_store(call, batch);
    return present_success(call);
}

static bool handle_change_password(struct call *call)
{
    struct api_task *task = call_make_task(API_TASK_PASSWORD);
    int64_t retry_after_us = 0;
    struct diag diag = {0};
    enum err err = account_change_password_start(
        call->accounts, call->caller, call->exchange->request->peer_address, call->input.text[0],
        call->input.text[1], call->now_us, &task->password, &retry_after_us, &diag);

    if (err != OK) {
        mem_free(task); /* no job was started */
        return fail_password(call, err, retry_after_us, &diag);
    }
    call_set_target(call, "%s", call->caller->account_id);
    return call_wait(call, task, finish_change_password);
}

/* ---- the rows ---- */

/* clang-format off */
static const struct field no_fields[] = {{0}};

static const struct field sign_in_fields[] = {
    {"email", FIELD_TEXT, FIELD_REQUIRED, 3, ROW_EMAIL_LEN_MAX, NULL,
     "As it was given when the account was made; upper and lower case are the same.",
     "\"ada@shop.example\""},
    {"password", FIELD_TEXT, FIELD_REQUIRED | FIELD_SECRET, 1, PASSWORD_LEN_MAX, NULL, "The password.",
     "\"correct horse battery staple\""},
    {0},
};

static const struct field password_fields[] = {
    {"currentPassword", FIELD_TEXT, FIELD_REQUIRED | FIELD_SECRET, 1, PASSWORD_LEN_MAX, NULL,
     "The password until now.", "\"correct horse battery staple\""},
    {"newPassword", FIELD_TEXT, FIELD_REQUIRED | FIELD_SECRET, PASSWORD_LEN_MIN, PASSWORD_LEN_MAX, NULL,
     "The password from now on.", "\"a longer one is a better one\""},
    {0},
};

static const struct operation rows[] = {
    {"auth.signIn", "POST", "/auth/sign-in", OPERATION_MUTATION, WHO_ANYBODY, 0, OPERATION_NO_CSRF,
     sign_in_fields, 200, "SignedIn",
     "Sign in with e-mail and password: sets the cookie stoa_session", handle_sign_in},
    {"auth.signOut", "POST", "/auth/sign-out", OPERATION_MUTATION, WHO_SESSION, 0, 0, no_fields, 200,
     "Success", "End this session", handle_sign_out},
    {"auth.me", "GET", "/auth/me", OPERATION_QUERY, WHO_ANYBODY, 0, 0, no_fields, 200, "Me",
     "Who calls, by which credentials, and what they may", handle_me},
    {"auth.changePassword", "POST", "/auth/password", OPERATION_MUTATION, WHO_SESSION, 0, 0,
     password_fields, 200, "Success", "Change the own password; other sessions end",
     handle_change_password},
};
/* clang-format on */

const struct operation_table auth_operations = OPERATION_TABLE(rows);
