#include "api/schema.h"

#include "api/words.h"

/* clang-format off */
#define HAS(name, type)            {name, SCHEMA_##type, false, false, NULL, NULL}
#define NULLABLE(name, type)       {name, SCHEMA_##type, true, false, NULL, NULL}
#define OPTIONAL(name, type)       {name, SCHEMA_##type, false, true, NULL, NULL}
#define MAYBE_NULL(name, type)     {name, SCHEMA_##type, true, true, NULL, NULL}
#define WORD(name, words)          {name, SCHEMA_TEXT, false, false, NULL, words}
#define WORD_OR_NULL(name, words)  {name, SCHEMA_TEXT, true, false, NULL, words}
#define WORDS(name, words)         {name, SCHEMA_TEXTS, false, false, NULL, words}
#define OBJECT(name, ref)          {name, SCHEMA_OBJECT, false, false, ref, NULL}
#define OBJECT_OR_NULL(name, ref)  {name, SCHEMA_OBJECT, true, false, ref, NULL}
#define ARRAY(name, ref)           {name, SCHEMA_ARRAY, false, false, ref, NULL}
#define END                        {NULL, SCHEMA_TEXT, false, false, NULL, NULL}
#define NEXT_CURSOR                NULLABLE("nextCursor", TEXT)

static const struct schema_member success[] = {HAS("success", BOOLEAN), END};

/* ---- people and keys ---- */

#define ACCOUNT_MEMBERS                                                                            \
    HAS("id", TEXT), HAS("email", TEXT), HAS("displayName", TEXT), WORD("role", WORDS_ROLES),      \
    HAS("disabled", BOOLEAN), HAS("createdAt", TIME), HAS("channelCount", INTEGER)

static const struct schema_member account[] = {ACCOUNT_MEMBERS, END};
static const struct schema_member account_created[] = {
    ACCOUNT_MEMBERS,
    OPTIONAL("password", TEXT),
    END,
};
static const struct schema_member account_list[] = {ARRAY("accounts", "Account"), NEXT_CURSOR, END};

static const struct schema_member signed_in[] = {
    OBJECT("account", "Account"),
    HAS("csrfToken", TEXT),
    HAS("expiresAt", TIME),
    END,
};
static const struct schema_member me[] = {
    OBJECT_OR_NULL("account", "Account"),
    NULLABLE("csrfToken", TEXT),
    NULLABLE("expiresAt", TIME),
    WORD_OR_NULL("via", WORDS_VIA),
    WORDS("scopes", WORDS_SCOPES),
    NULLABLE("channelId", INTEGER),
    END,
};

#define API_KEY_MEMBERS                                                                            \
    HAS("id", TEXT), HAS("name", TEXT), HAS("prefix", TEXT), WORDS("scopes", WORDS_SCOPES),        \
    HAS("createdAt", TIME), NULLABLE("lastUsedAt", TIME), NULLABLE("expiresAt", TIME),             \
    NULLABLE("revokedAt", TIME)

static const struct schema_member api_key[] = {API_KEY_MEMBERS, END};
static const struct schema_member api_key_created[] = {API_KEY_MEMBERS, HAS("key", TEXT), END};
static const struct schema_member api_key_list[] = {ARRAY("apiKeys", "ApiKey"), END};

#define PUBLISH_TOKEN_MEMBERS                                                                      \
    HAS("id", TEXT), HAS("channelId", INTEGER), NULLABLE("broadcastId", INTEGER),                  \
    HAS("prefix", TEXT), HAS("createdAt", TIME), HAS("expiresAt", TIME)

static const struct schema_member publish_token[] = {PUBLISH_TOKEN_MEMBERS, END};
static const struct schema_member publish_token_created[] = {
    PUBLISH_TOKEN_MEMBERS,
    HAS("token", TEXT),
    END,
};
static const struct schema_member publish_token_list[] = {
    ARRAY("publishTokens", "PublishToken"),
    END,
};

/* ---- channels ---- */

#define SUMMARY_MEMBERS                                                                            \
    HAS("id", INTEGER), HAS("title", TEXT), HAS("isActive", BOOLEAN), HAS("isLive", BOOLEAN),      \
    WORD_OR_NULL("relayStatus", WORDS_RELAY), HAS("viewerCount", INTEGER),                         \
    NULLABLE("startedAt", TIME), NULLABLE("endedAt", TIME), HAS("hlsPlaybackUrl", TEXT),           \
    HAS("watchUrl", TEXT), HAS("studioUrl", TEXT), NULLABLE("createdAt", TIME)

static const struct schema_member summary[] = {SUMMARY_MEMBERS, END};
static const struct schema_member channel_list[] = {
    ARRAY("channels", "ChannelSummary"),
    NEXT_CURSOR,
    END,
};

static const struct schema_member status[] = {
    HAS("channelId", INTEGER),
    HAS("isActive", BOOLEAN),
    HAS("isLive", BOOLEAN),
    WORD_OR_NULL("relayStatus", WORDS_RELAY),
    NULLABLE("relayError", TEXT),
    NULLABLE("hlsPlaybackUrl", TEXT),
    NULLABLE("recordingUrl", TEXT),
    HAS("viewerCount", INTEGER),
    HAS("webrtcViewers", INTEGER),
    HAS("hlsViewers", INTEGER),
    NULLABLE("startedAt", TIME),
    NULLABLE("endedAt", TIME),
    NULLABLE("ingest", TEXT),
    WORD_OR_NULL("health", WORDS_HEALTH),
    NULLABLE("healthReason", TEXT),
    NULLABLE("bitrateKbps", INTEGER),
    NULLABLE("fps", NUMBER),
    NULLABLE("keyframeIntervalMs", INTEGER),
    NULLABLE("packetLoss", NUMBER),
    NULLABLE("rttMs", INTEGER),
    NULLABLE("videoCodec", TEXT),
    NULLABLE("audioCodec", TEXT),
    NULLABLE("width", INTEGER),
    NULLABLE("height", INTEGER),
    END,
};

#define PUBLISH_MEMBERS                                                                            \
    HAS("streamKey", TEXT), HAS("whipUrl", TEXT), NULLABLE("rtmpUrl", TEXT)

static const struct schema_member publish[] = {
    PUBLISH_MEMBERS,
    OPTIONAL("token", TEXT),
    OPTIONAL("tokenExpiresAt", TIME),
    END,
};

static const struct schema_member channel[] = {
    SUMMARY_MEMBERS,
    HAS("channelName", TEXT),
    WORD("streamMode", WORDS_STREAM_MODES),
    OBJECT("streamingStatus", "ChannelStatus"),
    MAYBE_NULL("hostUserId", TEXT),
    MAYBE_NULL("maxDurationSeconds", INTEGER),
    {"publish", SCHEMA_OBJECT, false, true, "Publish", NULL},
    END,
};

static const struct schema_member channel_created[] = {
    HAS("id", INTEGER),
    HAS("title", TEXT),
    PUBLISH_MEMBERS,
    HAS("hlsPlaybackUrl", TEXT),
    HAS("studioUrl", TEXT),
    HAS("watchUrl", TEXT),
    END,
};

static const struct schema_member done[] = {
    HAS("success", BOOLEAN),
    HAS("channelId", INTEGER),
    OPTIONAL("channelName", TEXT),
    MAYBE_NULL("relayStatus", TEXT),
    END,
};

static const struct schema_member started[] = {
    HAS("success", BOOLEAN),
    HAS("channelId", INTEGER),
    HAS("channelName", TEXT),
    WORD_OR_NULL("relayStatus", WORDS_RELAY),
    OBJECT("publish", "Publish"),
    HAS("hlsPlaybackUrl", TEXT),
    END,
};

/* ---- relays, recordings, streams ---- */

static const struct schema_member relay_started[] = {
    HAS("success", BOOLEAN),
    HAS("channelId", INTEGER),
    WORD_OR_NULL("relayStatus", WORDS_RELAY),
    HAS("playbackUrl", TEXT),
    HAS("streamKey", TEXT),
    END,
};
static const struct schema_member relay_status[] = {
    HAS("channelId", INTEGER),
    HAS("title", TEXT),
    HAS("isActive", BOOLEAN),
    WORD_OR_NULL("status", WORDS_RELAY),
    NULLABLE("error", TEXT),
    HAS("viewerCount", INTEGER),
    NULLABLE("bitrate", INTEGER),
    NULLABLE("fps", NUMBER),
    WORD_OR_NULL("health", WORDS_HEALTH),
    NULLABLE("healthReason", TEXT),
    NULLABLE("startedAt", TIME),
    NULLABLE("playbackUrl", TEXT),
    HAS("source", TEXT),
    HAS("platform", TEXT),
    END,
};
static const struct schema_member relay_list[] = {ARRAY("relays", "RelayStatus"), END};

static const struct schema_member recording[] = {
    HAS("channelId", INTEGER),
    NULLABLE("broadcastId", INTEGER),
    HAS("isRecording", BOOLEAN),
    NULLABLE("startedAt", TIME),
    HAS("durationSeconds", NUMBER),
    HAS("bytes", INTEGER),
    NULLABLE("url", TEXT),
    NULLABLE("reason", TEXT),
    END,
};
static const struct schema_member recording_active[] = {ARRAY("recordings", "Recording"), END};
static const struct schema_member recording_kept[] = {
    HAS("channelId", INTEGER),
    HAS("broadcastId", INTEGER),
    NULLABLE("startedAt", TIME),
    NULLABLE("endedAt", TIME),
    NULLABLE("durationSeconds", NUMBER),
    HAS("url", TEXT),
    END,
};
static const struct schema_member recording_list[] = {
    ARRAY("recordings", "KeptRecording"),
    NEXT_CURSOR,
    END,
};

static const struct schema_member playback[] = {NULLABLE("hlsUrl", TEXT), END};
static const struct schema_member stream_status[] = {
    HAS("isLive", BOOLEAN),
    NULLABLE("hlsUrl", TEXT),
    NULLABLE("durationSeconds", NUMBER),
    HAS("recordingAvailable", BOOLEAN),
    END,
};

static const struct schema_member check[] = {HAS("ok", BOOLEAN), NULLABLE("detail", TEXT), END};
static const struct schema_member checks[] = {
    OBJECT("database", "Check"),
    OBJECT("media", "Check"),
    OBJECT("delivery", "Check"),
    END,
};
static const struct schema_member health[] = {
    HAS("local", BOOLEAN),
    HAS("overall", BOOLEAN),
    OBJECT("checks", "Checks"),
    END,
};

/* ---- history ---- */

static const struct schema_member broadcast[] = {
    HAS("id", INTEGER),
    HAS("channelId", INTEGER),
    NULLABLE("startedAt", TIME),
    NULLABLE("endedAt", TIME),
    NULLABLE("durationSeconds", NUMBER),
    NULLABLE("endReason", TEXT),
    HAS("peakViewers", INTEGER),
    NULLABLE("source", TEXT),
    NULLABLE("platform", TEXT),
    NULLABLE("recordingUrl", TEXT),
    END,
};
static const struct schema_member broadcast_list[] = {
    ARRAY("broadcasts", "Broadcast"),
    NEXT_CURSOR,
    END,
};
static const struct schema_member metric_point[] = {
    HAS("at", TIME),
    NULLABLE("broadcastId", INTEGER),
    NULLABLE("bitrateKbps", INTEGER),
    NULLABLE("fps", NUMBER),
    NULLABLE("keyframeIntervalMs", INTEGER),
    NULLABLE("packetLoss", NUMBER),
    NULLABLE("rttMs", INTEGER),
    HAS("webrtcViewers", INTEGER),
    HAS("hlsViewers", INTEGER),
    WORD_OR_NULL("health", WORDS_HEALTH),
    HAS("resolutionSeconds", INTEGER),
    END,
};
static const struct schema_member metric_list[] = {
    ARRAY("points", "MetricPoint"),
    NEXT_CURSOR,
    END,
};
static const struct schema_member audit_entry[] = {
    HAS("id", TEXT),
    HAS("at", TIME),
    HAS("actor", TEXT),
    NULLABLE("accountId", TEXT),
    NULLABLE("address", TEXT),
    HAS("action", TEXT),
    NULLABLE("target", TEXT),
    NULLABLE("detail", TEXT),
    END,
};
static const struct schema_member audit_list[] = {ARRAY("entries", "AuditEntry"), NEXT_CURSOR, END};

/* ---- webhooks ---- */

#define WEBHOOK_MEMBERS                                                                            \
    HAS("id", TEXT), HAS("url", TEXT), WORDS("events", WORDS_WEBHOOK_EVENTS),                      \
    NULLABLE("accountId", TEXT), NULLABLE("channelId", INTEGER), NULLABLE("description", TEXT),    \
    HAS("isActive", BOOLEAN), NULLABLE("disabledReason", TEXT),                                    \
    HAS("pendingDeliveries", INTEGER), NULLABLE("failingSince", TIME),                             \
    NULLABLE("oldSecretUntil", TIME), HAS("createdAt", TIME), HAS("updatedAt", TIME)

static const struct schema_member webhook[] = {WEBHOOK_MEMBERS, END};
static const struct schema_member webhook_with_secret[] = {
    WEBHOOK_MEMBERS,
    HAS("secret", TEXT),
    END,
};
static const struct schema_member webhook_list[] = {ARRAY("webhooks", "Webhook"), NEXT_CURSOR, END};
static const struct schema_member webhook_tested[] = {
    HAS("success", BOOLEAN),
    HAS("deliveryId", TEXT),
    END,
};

#define DELIVERY_MEMBERS                                                                           \
    HAS("id", TEXT), HAS("webhookId", TEXT), NULLABLE("channelId", INTEGER), HAS("event", TEXT),   \
    WORD("status", WORDS_DELIVERY), HAS("attemptCount", INTEGER),                                  \
    NULLABLE("nextAttemptAt", TIME), NULLABLE("deliveredAt", TIME),                                \
    NULLABLE("lastHttpStatus", INTEGER), NULLABLE("lastError", TEXT), HAS("createdAt", TIME)

static const struct schema_member delivery[] = {DELIVERY_MEMBERS, END};
static const struct schema_member delivery_detail[] = {
    DELIVERY_MEMBERS,
    HAS("payload", JSON),
    ARRAY("attempts", "WebhookAttempt"),
    END,
};
static const struct schema_member delivery_list[] = {
    ARRAY("deliveries", "WebhookDelivery"),
    NEXT_CURSOR,
    END,
};
static const struct schema_member attempt[] = {
    HAS("number", INTEGER),
    HAS("at", TIME),
    HAS("durationMs", INTEGER),
    NULLABLE("httpStatus", INTEGER),
    NULLABLE("error", TEXT),
    NULLABLE("response", TEXT),
    END,
};

/* ---- refusals ---- */

static const struct schema_member problem_error[] = {HAS("field", TEXT), HAS("message", TEXT), END};
static const struct schema_member problem[] = {
    HAS("type", TEXT),
    HAS("title", TEXT),
    HAS("status", INTEGER),
    HAS("code", TEXT),
    HAS("detail", TEXT),
    {"errors", SCHEMA_ARRAY, false, true, "ProblemError", NULL},
    END,
};
/* clang-format on */

const struct schema schemas[] = {
    {"Success", success},
    {"Account", account},
    {"AccountCreated", account_created},
    {"AccountList", account_list},
    {"SignedIn", signed_in},
    {"Me", me},
    {"ApiKey", api_key},
    {"ApiKeyCreated", api_key_created},
    {"ApiKeyList", api_key_list},
    {"PublishToken", publish_token},
    {"PublishTokenCreated", publish_token_created},
    {"PublishTokenList", publish_token_list},
    {"ChannelSummary", summary},
    {"ChannelList", channel_list},
    {"ChannelStatus", status},
    {"Publish", publish},
    {"Channel", channel},
    {"ChannelCreated", channel_created},
    {"Done", done},
    {"Started", started},
    {"RelayStarted", relay_started},
    {"RelayStatus", relay_status},
    {"RelayList", relay_list},
    {"Recording", recording},
    {"ActiveRecordings", recording_active},
    {"KeptRecording", recording_kept},
    {"RecordingList", recording_list},
    {"Playback", playback},
    {"StreamStatus", stream_status},
    {"Check", check},
    {"Checks", checks},
    {"Health", health},
    {"Broadcast", broadcast},
    {"BroadcastList", broadcast_list},
    {"MetricPoint", metric_point},
    {"MetricList", metric_list},
    {"AuditEntry", audit_entry},
    {"AuditList", audit_list},
    {"Webhook", webhook},
    {"WebhookWithSecret", webhook_with_secret},
    {"WebhookList", webhook_list},
    {"WebhookTested", webhook_tested},
    {"WebhookDelivery", delivery},
    {"WebhookDeliveryDetail", delivery_detail},
    {"WebhookDeliveryList", delivery_list},
    {"WebhookAttempt", attempt},
    {"Problem", problem},
    {"ProblemError", problem_error},
};
const size_t schema_count = sizeof(schemas) / sizeof(schemas[0]);
