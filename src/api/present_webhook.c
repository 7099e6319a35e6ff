/*
 * present - webhook endpoints and what was sent to them, in JSON.
 */
#include "api/present.h"

#include "base/jsonw.h"
#include "webhook/webhook.h"

void present_webhook_members(struct jsonw *j, const struct webhook_endpoint_row *row,
                             const struct webhook_numbers *numbers)
{
    jsonw_member_str(j, "id", row->id);
    jsonw_member_str(j, "url", row->url);
    present_words(j, "events", row->events);
    present_word(j, "accountId", row->account_id);
    present_id(j, "channelId", row->channel_id);
    present_word(j, "description", row->description);
    jsonw_member_bool(j, "isActive", row->is_active);
    present_word(j, "disabledReason", row->disabled_reason);
    jsonw_member_u64(j, "pendingDeliveries", numbers->pending);
    present_time(j, "failingSince", numbers->failing_since_us);
    present_time(j, "oldSecretUntil", row->old_secret_until_us);
    present_time(j, "createdAt", row->created_at_us);
    present_time(j, "updatedAt", row->updated_at_us);
}

void present_delivery_members(struct jsonw *j, const struct webhook_delivery_row *row)
{
    jsonw_member_str(j, "id", row->id);
    jsonw_member_str(j, "webhookId", row->endpoint_id);
    present_id(j, "channelId", row->channel_id);
    jsonw_member_str(j, "event", row->event);
    jsonw_member_str(j, "status", row->status);
    jsonw_member_u64(j, "attemptCount", row->attempts);
    present_time(j, "nextAttemptAt", row->next_attempt_at_us);
    present_time(j, "deliveredAt", row->delivered_at_us);
    present_id(j, "lastHttpStatus",
               row->last_http_status > 0 ? (uint64_t)row->last_http_status : 0);
    present_word(j, "lastError", row->last_error);
    present_time(j, "createdAt", row->created_at_us);
}

void present_attempt(struct jsonw *j, const struct webhook_attempt_row *row)
{
    jsonw_object_begin(j);
    jsonw_member_u64(j, "number", row->number);
    present_time(j, "at", row->at_us);
    jsonw_member_u64(j, "durationMs", row->duration_ms);
    present_id(j, "httpStatus", row->http_status > 0 ? (uint64_t)row->http_status : 0);
    present_word(j, "error", row->error);
    present_word(j, "response", row->response);
    jsonw_object_end(j);
}
