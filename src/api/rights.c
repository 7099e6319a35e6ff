#include "api/rights.h"

#include "api/exchange.h"
#include "channel/channel.h"

/* ---- before the input ---- */

static bool fail_fault(struct call *call)
{
    const struct caller *caller = call->caller;

    if (caller->retry_after_us > 0)
        call->error->retry_after_s = api_retry_after_s(caller->retry_after_us);
    return api_fail(call->error, api_code_find(credential_fault_code(caller->fault)), "%s",
                    credential_fault_sentence(caller->fault));
}

static bool take_rate(struct call *call, enum guard_kind kind, struct text text)
{
    int64_t wait_us =
        rate_limit_take(call->api->mutations, guard_key(kind, text), 1, call->exchange->now_us);

    if (wait_us == 0)
        return true;
    call->error->retry_after_s = api_retry_after_s(wait_us);
    return api_fail(call->error, API_TOO_MANY_REQUESTS,
                    "Too many changes came from this %s. Slow down.",
                    kind == GUARD_ADDRESS ? "address" : "account");
}

static bool check_rate(struct call *call)
{
    const struct caller *caller = call->caller;

    return take_rate(call, GUARD_ADDRESS, call->exchange->request->peer_address) &&
           (caller->account_id[0] == '\0' ||
            take_rate(call, GUARD_ACCOUNT, text_of(caller->account_id)));
}

static bool check_csrf(struct call *call)
{
    if (call->caller->kind != CALLER_SESSION || call->caller->has_csrf ||
        (call->operation->flags & OPERATION_NO_CSRF))
        return true;
    return api_fail(call->error, API_CSRF_FAILED,
                    "Send the session's csrfToken (sign-in and auth.me tell it) as the header "
                    "X-CSRF-Token.");
}

static bool is_channel_key(const struct caller *caller)
{
    return caller->kind == CALLER_STREAM_KEY || caller->kind == CALLER_PUBLISH_TOKEN;
}

static bool check_scope(struct call *call)
{
    const struct caller *caller = call->caller;
    enum account_scope scope = call->operation->scope;

    if (scope == 0 || caller_has_scope(caller, scope))
        return true;
    if (is_channel_key(caller))
        return api_fail(call->error, API_FORBIDDEN,
                        "A publish token may publish and read, nothing else.");
    if (account_role_scopes(caller->role) & (uint32_t)scope)
        return api_fail(call->error, API_FORBIDDEN, "This needs a key with the scope \"%s\".",
                        account_scope_word((uint32_t)scope));
    return api_fail(call->error, API_FORBIDDEN, "A %s may not do this.",
                    account_role_name(caller->role));
}

static bool check_who(struct call *call)
{
    const struct caller *caller = call->caller;
    bool is_person = !is_channel_key(caller);

    switch (call->operation->who) {
    case WHO_ANYBODY:
        return true;
    case WHO_SESSION:
        return caller->kind == CALLER_SESSION ||
               api_fail(call->error, API_FORBIDDEN,
                        "This is for signed-in browsers; a key or token cannot do it.");
    case WHO_SELF:
        return (is_person && (caller->kind != CALLER_API_KEY || caller_is_admin(caller))) ||
               api_fail(call->error, API_FORBIDDEN,
                        "A key cannot do this. Sign in, or take the key of an admin.");
    case WHO_PERSON:
    case WHO_OWNER:
        return is_person ? check_scope(call)
                         : api_fail(call->error, API_FORBIDDEN,
                                    "A channel's own key may not do this. Sign in, or send an API "
                                    "key.");
    case WHO_HOST:
        return check_scope(call);
    case WHO_ADMIN:
        return caller->role == ROLE_ADMIN
                   ? check_scope(call)
                   : api_fail(call->error, API_FORBIDDEN, "This is for admins.");
    }
    return api_fail(call->error, API_INTERNAL, "The operation's table is wrong.");
}

bool rights_admit(struct call *call)
{
    const struct caller *caller = call->caller;

    if (caller->is_refused)
        return fail_fault(call);
    if (call->operation->kind == OPERATION_MUTATION && !check_rate(call))
        return false;
    if (call->operation->who != WHO_ANYBODY && caller->kind == CALLER_ANYBODY) {
        if (caller->fault != CREDENTIAL_GOOD)
            return fail_fault(call);
        return api_fail(call->error, API_UNAUTHORIZED,
                        "This needs somebody who is known: sign in, or send Authorization: Bearer "
                        "<key>.");
    }
    return (call->operation->kind != OPERATION_MUTATION || check_csrf(call)) && check_who(call);
}

/* ---- with the channel ---- */

bool rights_owns(const struct caller *caller, const struct channel *channel)
{
    if (caller_is_admin(caller))
        return true;
    return caller->account_id[0] != '\0' &&
           text_equal(text_of(caller->account_id), text_of(channel->host_user_id));
}

bool rights_sees_key(const struct caller *caller, const struct channel *channel)
{
    if (caller->kind == CALLER_STREAM_KEY)
        return caller->channel_id == channel->id;
    return caller_has_scope(caller, SCOPE_PUBLISH) && rights_owns(caller, channel);
}

bool rights_check_channel(struct call *call)
{
    const struct caller *caller = call->caller;
    uint64_t id = (uint64_t)call->input.number[0];

    if (call->operation->who != WHO_OWNER && call->operation->who != WHO_HOST)
        return true;
    if (is_channel_key(caller))
        return caller->channel_id == id ||
               api_fail(call->error, API_FORBIDDEN, "This key belongs to another channel.");

    const struct channel *channel = channel_find(call->channels, id);
    if (!channel)
        return api_fail(call->error, API_NOT_FOUND, "Channel %llu not found",
                        (unsigned long long)id);
    return rights_owns(caller, channel) ||
           api_fail(call->error, API_FORBIDDEN, "This channel belongs to somebody else.");
}
