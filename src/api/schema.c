#include "api/schema.h"

#define NEVER_NULL false, false, NULL
#define OR_NULL    true, false, NULL

#define SUMMARY_MEMBERS                                                                            \
    {"id", SCHEMA_INTEGER, NEVER_NULL}, {"title", SCHEMA_TEXT, NEVER_NULL},                        \
        {"isActive", SCHEMA_BOOLEAN, NEVER_NULL}, {"isLive", SCHEMA_BOOLEAN, NEVER_NULL},          \
        {"relayStatus", SCHEMA_TEXT, OR_NULL}, {"viewerCount", SCHEMA_INTEGER, NEVER_NULL},        \
        {"startedAt", SCHEMA_TIME, OR_NULL}, {"endedAt", SCHEMA_TIME, OR_NULL},                    \
        {"hlsPlaybackUrl", SCHEMA_TEXT, NEVER_NULL}, {"watchUrl", SCHEMA_TEXT, NEVER_NULL},        \
        {"studioUrl", SCHEMA_TEXT, NEVER_NULL},                                                    \
    {                                                                                              \
        "createdAt", SCHEMA_TIME, OR_NULL                                                          \
    }

#define PUBLISH_MEMBERS                                                                            \
    {"streamKey", SCHEMA_TEXT, NEVER_NULL}, {"whipUrl", SCHEMA_TEXT, NEVER_NULL},                  \
    {                                                                                              \
        "rtmpUrl", SCHEMA_TEXT, OR_NULL                                                            \
    }

/* clang-format off */
static const struct schema_member summary[] = {SUMMARY_MEMBERS, {0}};

static const struct schema_member list[] = {
    {"channels", SCHEMA_ARRAY, false, false, "ChannelSummary"},
    {0},
};

static const struct schema_member status[] = {
    {"channelId", SCHEMA_INTEGER, NEVER_NULL},
    {"isActive", SCHEMA_BOOLEAN, NEVER_NULL},
    {"isLive", SCHEMA_BOOLEAN, NEVER_NULL},
    {"relayStatus", SCHEMA_TEXT, OR_NULL},
    {"relayError", SCHEMA_TEXT, OR_NULL},
    {"hlsPlaybackUrl", SCHEMA_TEXT, OR_NULL},
    {"recordingUrl", SCHEMA_TEXT, OR_NULL},
    {"viewerCount", SCHEMA_INTEGER, NEVER_NULL},
    {"webrtcViewers", SCHEMA_INTEGER, NEVER_NULL},
    {"hlsViewers", SCHEMA_INTEGER, NEVER_NULL},
    {"startedAt", SCHEMA_TIME, OR_NULL},
    {"endedAt", SCHEMA_TIME, OR_NULL},
    {"ingest", SCHEMA_TEXT, OR_NULL},
    {"health", SCHEMA_TEXT, OR_NULL},
    {"healthReason", SCHEMA_TEXT, OR_NULL},
    {"bitrateKbps", SCHEMA_INTEGER, OR_NULL},
    {"fps", SCHEMA_NUMBER, OR_NULL},
    {"keyframeIntervalMs", SCHEMA_INTEGER, OR_NULL},
    {"packetLoss", SCHEMA_NUMBER, OR_NULL},
    {"rttMs", SCHEMA_INTEGER, OR_NULL},
    {"videoCodec", SCHEMA_TEXT, OR_NULL},
    {"audioCodec", SCHEMA_TEXT, OR_NULL},
    {"width", SCHEMA_INTEGER, OR_NULL},
    {"height", SCHEMA_INTEGER, OR_NULL},
    {0},
};

static const struct schema_member publish[] = {PUBLISH_MEMBERS, {0}};

static const struct schema_member channel[] = {
    SUMMARY_MEMBERS,
    {"channelName", SCHEMA_TEXT, NEVER_NULL},
    {"streamingStatus", SCHEMA_OBJECT, false, false, "ChannelStatus"},
    {"publish", SCHEMA_OBJECT, false, true, "Publish"},
    {0},
};

static const struct schema_member created[] = {
    {"id", SCHEMA_INTEGER, NEVER_NULL},
    {"title", SCHEMA_TEXT, NEVER_NULL},
    PUBLISH_MEMBERS,
    {"hlsPlaybackUrl", SCHEMA_TEXT, NEVER_NULL},
    {"studioUrl", SCHEMA_TEXT, NEVER_NULL},
    {"watchUrl", SCHEMA_TEXT, NEVER_NULL},
    {0},
};

static const struct schema_member done[] = {
    {"success", SCHEMA_BOOLEAN, NEVER_NULL},
    {"channelId", SCHEMA_INTEGER, NEVER_NULL},
    {"channelName", SCHEMA_TEXT, false, true, NULL},
    {"relayStatus", SCHEMA_TEXT, true, true, NULL},
    {0},
};

static const struct schema_member started[] = {
    {"success", SCHEMA_BOOLEAN, NEVER_NULL},
    {"channelId", SCHEMA_INTEGER, NEVER_NULL},
    {"channelName", SCHEMA_TEXT, NEVER_NULL},
    {"relayStatus", SCHEMA_TEXT, OR_NULL},
    {"publish", SCHEMA_OBJECT, false, false, "Publish"},
    {"hlsPlaybackUrl", SCHEMA_TEXT, NEVER_NULL},
    {0},
};

static const struct schema_member problem_error[] = {
    {"detail", SCHEMA_TEXT, NEVER_NULL},
    {"pointer", SCHEMA_TEXT, NEVER_NULL},
    {0},
};

static const struct schema_member problem[] = {
    {"type", SCHEMA_TEXT, NEVER_NULL},
    {"title", SCHEMA_TEXT, NEVER_NULL},
    {"status", SCHEMA_INTEGER, NEVER_NULL},
    {"code", SCHEMA_TEXT, NEVER_NULL},
    {"detail", SCHEMA_TEXT, NEVER_NULL},
    {"errors", SCHEMA_ARRAY, false, true, "ProblemError"},
    {0},
};
/* clang-format on */

const struct schema schemas[] = {
    {"ChannelSummary", summary},
    {"ChannelList", list},
    {"ChannelStatus", status},
    {"Publish", publish},
    {"Channel", channel},
    {"ChannelCreated", created},
    {"Done", done},
    {"Started", started},
    {"Problem", problem},
    {"ProblemError", problem_error},
};
const size_t schema_count = sizeof(schemas) / sizeof(schemas[0]);
