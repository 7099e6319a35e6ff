#include "base/log.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/writer.h"

enum { LINE_MAX_LEN = 4096 };

static atomic_int current_level = LOG_INFO;
static atomic_bool is_json_format;

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};

bool log_level_parse(struct text name, enum log_level *ret_level)
{
    for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
        if (text_equal(name, text_of(level_names[level]))) {
            *ret_level = (enum log_level)level;
            return true;
        }
    }
    return false;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

void log_configure(enum log_level level, bool is_json)
{
    atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
    atomic_store_explicit(&is_json_format, is_json, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

static void write_json(struct writer *w, enum log_level level, const char *event,
                       const struct log_field *fields, size_t count)
{
    struct jsonw j = jsonw_of(w);
    char time[32];

    jsonw_object_begin(&j);
    struct writer time_writer = writer_fixed(time, sizeof(time));
    clock_write_iso8601(&time_writer, clock_wall_us());
    jsonw_member_text(&j, "time", writer_as_text(&time_writer));
    jsonw_member_text(&j, "level", text_of(level_names[level]));
    jsonw_member_text(&j, "event", text_of(event));
    for (size_t i = 0; i < count; i++) {
        const struct log_field *field = &fields[i];

        switch (field->kind) {
        case LOG_FIELD_TEXT:
            jsonw_member_text(&j, field->key, field->text);
            break;
        case LOG_FIELD_I64:
            jsonw_member_i64(&j, field->key, field->number);
            break;
        case LOG_FIELD_U64:
            jsonw_member_u64(&j, field->key, (uint64_t)field->number);
            break;
        case LOG_FIELD_BOOL:
            jsonw_member_bool(&j, field->key, field->number != 0);
            break;
        }
    }
    jsonw_object_end(&j);
}

static bool is_plain(struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
            return false;
    }
    return text.len != 0;
}

static void write_plain(struct writer *w, enum log_level level, const char *event,
                        const struct log_field *fields, size_t count)
{
    clock_write_iso8601(w, clock_wall_us());
    writer_printf(w, " %-5s %s", level_names[level], event);
    for (size_t i = 0; i < count; i++) {
        const struct log_field *field = &fields[i];

        writer_printf(w, " %s=", field->key);
        switch (field->kind) {
        case LOG_FIELD_TEXT:
            if (is_plain(field->text))
                writer_text(w, field->text);
            else
                jsonw_write_string(w, field->text); /* a peer's text cannot forge a line */
            break;
        case LOG_FIELD_I64:
            writer_dec_signed(w, field->number);
            break;
        case LOG_FIELD_U64:
            writer_dec(w, (uint64_t)field->number);
            break;
        case LOG_FIELD_BOOL:
            writer_str(w, field->number ? "yes" : "no");
            break;
        }
    }
}

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count)
{
    char line[LINE_MAX_LEN];
    struct writer w = writer_fixed(line, sizeof(line) - 1);

    if (atomic_load_explicit(&is_json_format, memory_order_relaxed))
        write_json(&w, level, event, fields, count);
    else
        write_plain(&w, level, event, fields, count);
    if (w.failed) { /* the fields are too long for a line: the event alone is better than nothing */
        writer_clear(&w);
        const struct log_field too_long = LOG_BOOL("fields_too_long", true);
        if (atomic_load_explicit(&is_json_format, memory_order_relaxed))
            write_json(&w, level, event, &too_long, 1);
        else
            write_plain(&w, level, event, &too_long, 1);
    }
    line[w.len] = '\n';
    ssize_t written = write(STDERR_FILENO, line, w.len + 1);
    (void)written; /* nowhere to tell that the log is gone */
}

bool log_budget_take(struct log_budget *budget, uint32_t per_second, const char *event)
{
    int64_t second = clock_mono_us() / US_PER_S;

    if (budget->second != second) {
        uint32_t left_out = budget->left_out;

        *budget = (struct log_budget){.second = second};
        if (left_out)
            log_warn("log_lines_left_out", LOG_STR("of", event), LOG_U64("count", left_out));
    }
    if (budget->written >= per_second) {
        budget->left_out++;
        return false;
    }
    budget->written++;
    return true;
}
