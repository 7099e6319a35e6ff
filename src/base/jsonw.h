/*
 * jsonw - writes JSON into a writer, with commas where they belong. (Reading is jansson's.)
 *
 *     struct jsonw j = jsonw_of(&w);
 *     jsonw_object_begin(&j);
 *     jsonw_member_u64(&j, "id", 7);
 *     jsonw_key(&j, "tags"); jsonw_array_begin(&j); jsonw_text(&j, t); jsonw_array_end(&j);
 *     jsonw_object_end(&j);
 *
 * Bytes that are not UTF-8 are written as U+FFFD, so the result always is valid JSON.
 */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct writer;

struct jsonw {
    struct writer *w;
    bool needs_comma;
};

static inline struct jsonw jsonw_of(struct writer *w)
{
    return (struct jsonw){w, false};
}

void jsonw_object_begin(struct jsonw *j);
void jsonw_object_end(struct jsonw *j);
void jsonw_array_begin(struct jsonw *j);
void jsonw_array_end(struct jsonw *j);
void jsonw_key(struct jsonw *j, const char *key);

void jsonw_text(struct jsonw *j, struct text value);
void jsonw_str(struct jsonw *j, const char *value); /* NULL writes null */
void jsonw_i64(struct jsonw *j, int64_t value);
void jsonw_u64(struct jsonw *j, uint64_t value);
void jsonw_bool(struct jsonw *j, bool value);
void jsonw_null(struct jsonw *j);

/* A number with `decimals` (0..6) places; NaN and infinities are written as null. */
void jsonw_double(struct jsonw *j, double value, unsigned decimals);

/* A value that already is JSON. */
void jsonw_raw(struct jsonw *j, struct text json);

void jsonw_member_text(struct jsonw *j, const char *key, struct text value);
void jsonw_member_str(struct jsonw *j, const char *key, const char *value);
void jsonw_member_i64(struct jsonw *j, const char *key, int64_t value);
void jsonw_member_u64(struct jsonw *j, const char *key, uint64_t value);
void jsonw_member_bool(struct jsonw *j, const char *key, bool value);
void jsonw_member_null(struct jsonw *j, const char *key);

/* Just the string, with quotes. */
void jsonw_write_string(struct writer *w, struct text value);

#endif
