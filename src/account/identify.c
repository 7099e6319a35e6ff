/*
 * identify - from the headers of a request to who calls.
 */
#include <stdio.h>

#include "account/credential.h"
#include "account/directory.h"
#include "account/jwt.h"

static const struct {
    const char *code;
    int status;
    const char *sentence;
} faults[CREDENTIAL_FAULT_END] = {[CREDENTIAL_GOOD] = {"", 0, ""},
#define FAULT_ROW(fault, code, status, sentence) [fault] = {code, status, sentence},
                                  CREDENTIAL_FAULT_TABLE(FAULT_ROW)
#undef FAULT_ROW
};

const char *credential_fault_code(enum credential_fault fault)
{
    return (unsigned)fault < CREDENTIAL_FAULT_END ? faults[fault].code : "";
}

int credential_fault_status(enum credential_fault fault)
{
    return (unsigned)fault < CREDENTIAL_FAULT_END ? faults[fault].status : 0;
}

const char *credential_fault_sentence(enum credential_fault fault)
{
    return (unsigned)fault < CREDENTIAL_FAULT_END ? faults[fault].sentence : "";
}

const char *caller_kind_name(enum caller_kind kind)
{
    static const char *const names[] = {
        [CALLER_SESSION] = "session",      [CALLER_API_KEY] = "apiKey",
        [CALLER_ADMIN_KEY] = "adminKey",   [CALLER_JWT] = "jwt",
        [CALLER_STREAM_KEY] = "streamKey", [CALLER_PUBLISH_TOKEN] = "publishToken",
    };

    return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
}

bool caller_has_scope(const struct caller *caller, enum account_scope scope)
{
    return (caller->scopes & ((uint32_t)scope | SCOPE_ADMIN)) != 0;
}

bool caller_is_admin(const struct caller *caller)
{
    return caller->role == ROLE_ADMIN && (caller->scopes & SCOPE_ADMIN) != 0;
}

/* ---- by kind ---- */

static void set_account(struct caller *caller, enum caller_kind kind, const struct account *account,
                        uint32_t scopes)
{
    caller->kind = kind;
    caller->role = accounts_role(account);
    caller->scopes = scopes;
    memcpy(caller->account_id, account->row.id, sizeof(caller->account_id));
    directory_copy(caller->name, sizeof(caller->name), text_of(account->row.email));
}

static enum credential_fault take_key(struct account_directory *dir, struct account_key *key,
                                      int64_t now_us, struct caller *caller)
{
    const struct api_key_row *row = &key->row;

    if (row->revoked_at_us != 0)
        return CREDENTIAL_REVOKED;
    if (row->expires_at_us != 0 && row->expires_at_us <= directory_wall(dir, now_us))
        return CREDENTIAL_EXPIRED;
    if (key->account && key->account->row.disabled_at_us != 0)
        return CREDENTIAL_DISABLED;
    keys_use(dir, key, now_us);
    memcpy(caller->credential_id, row->id, sizeof(caller->credential_id));
    if (key->account) {
        set_account(caller, CALLER_API_KEY, key->account, keys_scopes(key));
        (void)snprintf(caller->name, sizeof(caller->name), "key %s", row->prefix); /* fits */
        return CREDENTIAL_GOOD;
    }
    caller->kind = CALLER_ADMIN_KEY;
    caller->role = ROLE_ADMIN;
    caller->scopes = SCOPE_ALL;
    (void)snprintf(caller->name, sizeof(caller->name), "admin key"); /* fits */
    return CREDENTIAL_GOOD;
}

static enum credential_fault take_stream_key(uint64_t channel_id, struct caller *caller)
{
    caller->kind = CALLER_STREAM_KEY;
    caller->scopes = SCOPE_READ | SCOPE_CHANNELS | SCOPE_PUBLISH;
    caller->channel_id = channel_id;
    (void)snprintf(caller->name, sizeof(caller->name), "stream key of channel %llu",
                   (unsigned long long)channel_id); /* fits */
    return CREDENTIAL_GOOD;
}

static enum credential_fault take_publish_token(const struct account_directory *dir,
                                                const struct account_token *token, int64_t now_us,
                                                struct caller *caller)
{
    const struct publish_token_row *row = &token->row;

    if (row->revoked_at_us != 0)
        return CREDENTIAL_REVOKED;
    if (row->expires_at_us <= directory_wall(dir, now_us))
        return CREDENTIAL_EXPIRED;
    caller->kind = CALLER_PUBLISH_TOKEN;
    caller->scopes = SCOPE_READ;
    caller->channel_id = row->channel_id;
    caller->broadcast_id = row->broadcast_id;
    memcpy(caller->credential_id, row->id, sizeof(caller->credential_id));
    (void)snprintf(caller->name, sizeof(caller->name), "token %s", row->prefix); /* fits */
    return CREDENTIAL_GOOD;
}

/* The account that the shop's token speaks of: by id, else by an e-mail that the shop does not call
 * unverified. */
static struct account *find_subject(const struct account_directory *dir,
                                    const struct jwt_claims *claims)
{
    struct account *account = accounts_find(dir, text_of(claims->subject));

    return account ? account : accounts_find_by_email(dir, text_of(claims->email));
}

static enum credential_fault take_jwt(const struct account_directory *dir, struct text bearer,
                                      int64_t now_us, struct caller *caller)
{
    struct jwt_claims claims;

    if (!dir->jwt)
        return CREDENTIAL_JWT_OFF;
    enum credential_fault fault = jwt_check(dir->jwt, bearer, directory_wall(dir, now_us), &claims);
    if (fault != CREDENTIAL_GOOD)
        return fault;

    const struct account *account = find_subject(dir, &claims);
    if (account && account->row.disabled_at_us != 0)
        return CREDENTIAL_DISABLED;
    if (account) {
        set_account(caller, CALLER_JWT, account, 0);
        /* The lower of the two: neither the shop nor we alone make somebody an admin. */
        if (claims.role != ROLE_NONE && claims.role < caller->role)
            caller->role = claims.role;
    } else {
        caller->kind = CALLER_JWT;
        caller->role = ROLE_BUYER;
        (void)snprintf(caller->name, sizeof(caller->name), "jwt %.*s", ROW_NAME_LEN_MAX - 4,
                       claims.subject); /* cut to fit */
    }
    caller->scopes = account_role_scopes(caller->role);
    return CREDENTIAL_GOOD;
}

/* ---- by header ---- */

static enum credential_fault take_bearer(struct account_directory *dir,
                                         const struct credentials *credentials, struct text bearer,
                                         int64_t now_us, struct caller *caller)
{
    uint8_t hash[CRYPTO_SHA256_LEN];
    struct account_key *key;
    const struct account_token *token;

    if (bearer.len == 0)
        return CREDENTIAL_MALFORMED;
    credential_hash(bearer, hash);
    if ((key = map_get(&dir->keys_by_hash, credential_map_key(hash))))
        return take_key(dir, key, now_us, caller);
    if (credentials->stream_key_channel_id != 0)
        return take_stream_key(credentials->stream_key_channel_id, caller);
    if ((token = tokens_find(dir, bearer)))
        return take_publish_token(dir, token, now_us, caller);
    if (jwt_is_shaped(bearer))
        return take_jwt(dir, bearer, now_us, caller);
    return CREDENTIAL_UNKNOWN;
}

/* Somebody may be guessing: it counts. What once was good, or is the shop's, does not. */
static bool is_guess(enum credential_fault fault)
{
    static const bool guesses[CREDENTIAL_FAULT_END] = {
        [CREDENTIAL_UNKNOWN] = true,       [CREDENTIAL_JWT_OFF] = true,
        [CREDENTIAL_JWT_KEY] = true,       [CREDENTIAL_JWT_ALGORITHM] = true,
        [CREDENTIAL_JWT_MALFORMED] = true, [CREDENTIAL_JWT_SIGNATURE] = true,
    };

    return guesses[fault];
}

static enum credential_fault take_authorization(struct account_directory *dir,
                                                const struct credentials *credentials,
                                                int64_t now_us, struct caller *caller)
{
    uint64_t address = guard_key(GUARD_ADDRESS, credentials->address);

    caller->retry_after_us = guard_shut_for_us(dir->addresses, address, now_us);
    if (caller->retry_after_us > 0)
        return CREDENTIAL_SHUT_OUT;

    enum credential_fault fault = take_bearer(
        dir, credentials, credentials_bearer(credentials->authorization), now_us, caller);
    if (is_guess(fault))
        guard_note(dir->addresses, address, now_us);
    return fault;
}

static enum credential_fault take_cookie(struct account_directory *dir,
                                         const struct credentials *credentials, struct text token,
                                         int64_t now_us, struct caller *caller)
{
    uint8_t hash[CRYPTO_SHA256_LEN];
    struct account_session *session = NULL;

    if (credential_is_token(token)) {
        credential_hash(token, hash);
        session = sessions_find(dir, hash);
    }
    if (!session || sessions_end_us(dir, session) <= directory_wall(dir, now_us))
        return CREDENTIAL_SESSION_EXPIRED;
    if (session->account->row.disabled_at_us != 0)
        return CREDENTIAL_DISABLED;
    sessions_use(dir, session, now_us);
    set_account(caller, CALLER_SESSION, session->account,
                account_role_scopes(accounts_role(session->account)));
    memcpy(caller->session_hash, hash, sizeof(hash));
    credential_csrf(token, caller->csrf_token);
    caller->has_csrf = crypto_text_equal(credentials->csrf_token, text_of(caller->csrf_token));
    caller->session_expires_at_us = sessions_end_us(dir, session);
    return CREDENTIAL_GOOD;
}

void account_identify(struct account_directory *dir, const struct credentials *credentials,
                      int64_t now_us, struct caller *ret_caller)
{
    struct text rest = credentials->authorization;
    /* Other schemes are those of a proxy in front of us. */
    bool has_bearer = text_equal_nocase(text_cut(&rest, ' '), TEXT("Bearer"));
    struct text token;

    *ret_caller = (struct caller){.kind = CALLER_ANYBODY};
    if (has_bearer) {
        ret_caller->fault = take_authorization(dir, credentials, now_us, ret_caller);
        ret_caller->is_refused = ret_caller->fault != CREDENTIAL_GOOD;
    } else if (credential_find_cookie(credentials->cookie, TEXT(ACCOUNT_COOKIE_NAME), &token) &&
               token.len != 0) {
        ret_caller->fault = take_cookie(dir, credentials, token, now_us, ret_caller);
    }
}
