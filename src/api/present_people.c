/*
 * present - accounts, keys, tokens and the audit log in JSON. Hashes stay where they are.
 */
#include "api/present.h"

#include "base/jsonw.h"

void present_account_members(struct jsonw *j, const struct account_row *row, size_t channel_count)
{
    jsonw_member_str(j, "id", row->id);
    jsonw_member_str(j, "email", row->email);
    jsonw_member_str(j, "displayName", row->display_name);
    jsonw_member_str(j, "role", row->role);
    jsonw_member_bool(j, "disabled", row->disabled_at_us != 0);
    present_time(j, "createdAt", row->created_at_us);
    jsonw_member_u64(j, "channelCount", channel_count);
}

void present_api_key_members(struct jsonw *j, const struct api_key_row *row)
{
    jsonw_member_str(j, "id", row->id);
    jsonw_member_str(j, "name", row->name);
    jsonw_member_str(j, "prefix", row->prefix);
    present_words(j, "scopes", row->scopes);
    present_time(j, "createdAt", row->created_at_us);
    present_time(j, "lastUsedAt", row->last_used_at_us);
    present_time(j, "expiresAt", row->expires_at_us);
    present_time(j, "revokedAt", row->revoked_at_us);
}

void present_publish_token_members(struct jsonw *j, const struct publish_token_row *row)
{
    jsonw_member_str(j, "id", row->id);
    jsonw_member_u64(j, "channelId", row->channel_id);
    present_id(j, "broadcastId", row->broadcast_id);
    jsonw_member_str(j, "prefix", row->prefix);
    present_time(j, "createdAt", row->created_at_us);
    present_time(j, "expiresAt", row->expires_at_us);
}

void present_audit(struct jsonw *j, const struct audit_row *row)
{
    jsonw_object_begin(j);
    jsonw_member_str(j, "id", row->id);
    present_time(j, "at", row->at_us);
    jsonw_member_str(j, "actor", row->actor);
    present_word(j, "accountId", row->account_id);
    present_word(j, "address", row->address);
    jsonw_member_str(j, "action", row->action);
    present_word(j, "target", row->target);
    present_word(j, "detail", row->detail);
    jsonw_object_end(j);
}
