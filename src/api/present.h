/*
 * present - how channels look in JSON. Private to api/; api_status_json() is the public part.
 *
 * The members of each shape are listed in schema.c, and a test compares the two.
 */
#ifndef API_PRESENT_H
#define API_PRESENT_H

#include "base/text.h"

struct channel;
struct jsonw;

/* base_url + path + id + suffix, as a member. */
void present_url(struct jsonw *j, const char *key, struct text base_url, const char *path,
                 uint64_t id, const char *suffix);

/* One of a list. */
void present_summary(struct jsonw *j, const struct channel *channel, struct text base_url);
void present_status(struct jsonw *j, const struct channel *channel, struct text base_url);

/* {"streamKey", "whipUrl", "rtmpUrl"}: for the owner. */
void present_publish(struct jsonw *j, const struct channel *channel, struct text base_url,
                     struct text rtmp_url);

/* The members of present_publish() in the object that is open. */
void present_publish_members(struct jsonw *j, const struct channel *channel, struct text base_url,
                             struct text rtmp_url);

/* All of a channel; `publish` only when is_owner. */
void present_channel(struct jsonw *j, const struct channel *channel, struct text base_url,
                     struct text rtmp_url, bool is_owner);

#endif
