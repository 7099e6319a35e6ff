/*
 * clock - the only place that reads the time. Protocol cores never call it: `now_us` is an argument
 * there, so every test is deterministic.
 *
 * Durations and instants are int64_t microseconds. Monotonic time has no meaning outside this
 * process; wall time counts from 1970-01-01T00:00:00Z.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

#define US_PER_MS INT64_C(1000)
#define US_PER_S  INT64_C(1000000)

struct writer;

int64_t clock_mono_us(void);
int64_t clock_wall_us(void);

/* Writes 2026-11-21T08:40:00.123Z (RFC 3339, UTC, milliseconds). */
void clock_write_iso8601(struct writer *w, int64_t wall_us);

/* Reads a time of RFC 3339: 2026-11-21T08:40:00Z, with or without a fraction (cut to microseconds),
 * with Z or an offset. ERR_MALFORMED: anything else, and dates that do not exist. */
MUST_USE enum err clock_parse_iso8601(struct text text, int64_t *ret_wall_us);

/* Writes Sat, 21 Nov 2026 08:40:00 GMT (RFC 9110 section 5.6.7). */
void clock_write_http_date(struct writer *w, int64_t wall_us);

#endif
