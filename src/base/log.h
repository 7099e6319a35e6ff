/*
 * log - one line per event on stderr, as text or as JSON.
 *
 *     log_info("publish_started", LOG_U64("channel", id), LOG_STR("protocol", "rtmp"));
 *     -> 2026-11-21T08:40:00.123Z info  publish_started channel=7 protocol=rtmp
 *     -> {"time":"2026-...","level":"info","event":"publish_started","channel":7,"protocol":"rtmp"}
 *
 * An event has a stable name in snake_case and at least one field. error = the operator must act;
 * warn = degraded but going on; info = life of a stream or session; debug = protocol. Protocol
 * cores do not log above debug: the owner that decides what to do logs once. What a peer can
 * trigger at will goes through log_limited(). Secrets (struct secret) are never fields.
 *
 * Threads   Any. A line is written with one write(2).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum log_level { LOG_ERROR = 1, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_field {
    const char *key;
    enum { LOG_FIELD_TEXT = 1, LOG_FIELD_I64, LOG_FIELD_U64, LOG_FIELD_BOOL } kind;
    struct text text;
    int64_t number;
};

#define LOG_TEXT(name, value)                                                                      \
    (struct log_field)                                                                             \
    {                                                                                              \
        .key = (name), .kind = LOG_FIELD_TEXT, .text = (value)                                     \
    }
#define LOG_STR(name, value) LOG_TEXT(name, text_of(value))
#define LOG_I64(name, value)                                                                       \
    (struct log_field)                                                                             \
    {                                                                                              \
        .key = (name), .kind = LOG_FIELD_I64, .number = (int64_t)(value)                           \
    }
#define LOG_U64(name, value)                                                                       \
    (struct log_field)                                                                             \
    {                                                                                              \
        .key = (name), .kind = LOG_FIELD_U64, .number = (int64_t)(value)                           \
    }
#define LOG_BOOL(name, value)                                                                      \
    (struct log_field)                                                                             \
    {                                                                                              \
        .key = (name), .kind = LOG_FIELD_BOOL, .number = (value)                                   \
    }

#define LOG_AT(level, event, ...)                                                                  \
    do {                                                                                           \
        if (log_is_on(level))                                                                      \
            log_write(level, event, (const struct log_field[]){__VA_ARGS__},                       \
                      sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field)); \
    } while (0)

#define log_error(event, ...) LOG_AT(LOG_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)  LOG_AT(LOG_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  LOG_AT(LOG_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) LOG_AT(LOG_DEBUG, event, __VA_ARGS__)

/* At most `per_second` lines a second from this place and thread; the next line after a pause
 * says how many were left out. */
#define log_limited(level, per_second, event, ...)                                                 \
    do {                                                                                           \
        static _Thread_local struct log_budget log_budget;                                         \
        if (log_is_on(level) && log_budget_take(&log_budget, per_second, event))                   \
            LOG_AT(level, event, __VA_ARGS__);                                                     \
    } while (0)

struct log_budget {
    int64_t second;
    uint32_t written;
    uint32_t left_out;
};

/* Level by name ("error", "warn", "info", "debug"); false when there is no such name. */
bool log_level_parse(struct text name, enum log_level *ret_level);

const char *log_level_name(enum log_level level);

/* May be called at any time (SIGHUP). */
void log_configure(enum log_level level, bool is_json);

bool log_is_on(enum log_level level);
void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count);
bool log_budget_take(struct log_budget *budget, uint32_t per_second, const char *event);

#endif
