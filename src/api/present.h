/*
 * present - how things look in JSON. Private to api/; api_..._json() are the public part.
 *
 *     present.c            channels, and the members that all shapes are made of
 *     present_people.c     accounts, keys, tokens, the audit log
 *     present_history.c    broadcasts, metrics
 *     present_webhook.c    webhook endpoints and deliveries
 *
 * The members of each shape are listed in schema.c, and a test compares the two.
 */
#ifndef API_PRESENT_H
#define API_PRESENT_H

#include "base/text.h"
#include "store/store.h"

struct api_recording;
struct channel;
struct jsonw;
struct webhook_numbers;

/* ---- members ---- */

/* base_url + path + id + suffix. */
void present_url(struct jsonw *j, const char *key, struct text base_url, const char *path,
                 uint64_t id, const char *suffix);

/* A path of this server as a URL; null when it is empty. */
void present_path(struct jsonw *j, const char *key, struct text base_url, const char *path);

/* RFC 3339; 0 is null. */
void present_time(struct jsonw *j, const char *key, int64_t wall_us);

/* "" and NULL are null. */
void present_word(struct jsonw *j, const char *key, const char *word);

/* 0 is null. */
void present_id(struct jsonw *j, const char *key, uint64_t id);

/* Negative is null. */
void present_known(struct jsonw *j, const char *key, int64_t number);
void present_fraction(struct jsonw *j, const char *key, double number, unsigned decimals);

/* An array of words that stand in a text with spaces between. */
void present_words(struct jsonw *j, const char *key, const char *words);

/* Between two instants, as seconds; null when one is missing. */
void present_seconds_between(struct jsonw *j, const char *key, int64_t from_us, int64_t until_us);

/* ---- channels ---- */

/* The URL of its playlist, also while there is none. */
void present_playback(struct jsonw *j, const char *key, const struct channel *channel,
                      struct text base_url);

/* One of a list. */
void present_summary(struct jsonw *j, const struct channel *channel, struct text base_url);
void present_status(struct jsonw *j, const struct channel *channel, struct text base_url);

/* isActive, isLive, relayStatus are of channels; relay.* calls them status and error. */
void present_relay(struct jsonw *j, const struct channel *channel, struct text base_url);

/* The members of "publish" in the object that is open: for the owner. */
void present_publish_members(struct jsonw *j, const struct channel *channel, struct text base_url,
                             struct text rtmp_url);

/* All of a channel; what is the owner's only when is_owner, keys only when sees_key. */
void present_channel(struct jsonw *j, const struct channel *channel, struct text base_url,
                     struct text rtmp_url, bool is_owner, bool sees_key);

/* ---- people ---- */

/* The members in the object that is open. */
void present_account_members(struct jsonw *j, const struct account_row *row, size_t channel_count);
void present_api_key_members(struct jsonw *j, const struct api_key_row *row);
void present_publish_token_members(struct jsonw *j, const struct publish_token_row *row);
void present_audit(struct jsonw *j, const struct audit_row *row);

/* ---- history ---- */

void present_broadcast(struct jsonw *j, const struct broadcast_row *row, struct text base_url);
void present_recording(struct jsonw *j, const struct api_recording *recording,
                       struct text base_url);
void present_metric(struct jsonw *j, const struct stream_metric_row *row);

/* ---- webhooks ---- */

/* The members in the object that is open; never the secret. */
void present_webhook_members(struct jsonw *j, const struct webhook_endpoint_row *row,
                             const struct webhook_numbers *numbers);
void present_delivery_members(struct jsonw *j, const struct webhook_delivery_row *row);
void present_attempt(struct jsonw *j, const struct webhook_attempt_row *row);

#endif
