#include "base/clock.h"

#include <time.h>

#include "base/writer.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    (void)clock_gettime(id, &now); /* cannot fail for these two clocks */
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

static struct tm to_utc(int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / US_PER_S);
    struct tm utc = {0};

    (void)gmtime_r(&seconds, &utc);
    return utc;
}

void clock_write_iso8601(struct writer *w, int64_t wall_us)
{
    struct tm utc = to_utc(wall_us);

    writer_dec_padded(w, (uint64_t)utc.tm_year + 1900, 4);
    writer_char(w, '-');
    writer_dec_padded(w, (uint64_t)utc.tm_mon + 1, 2);
    writer_char(w, '-');
    writer_dec_padded(w, (uint64_t)utc.tm_mday, 2);
    writer_char(w, 'T');
    writer_dec_padded(w, (uint64_t)utc.tm_hour, 2);
    writer_char(w, ':');
    writer_dec_padded(w, (uint64_t)utc.tm_min, 2);
    writer_char(w, ':');
    writer_dec_padded(w, (uint64_t)utc.tm_sec, 2);
    writer_char(w, '.');
    writer_dec_padded(w, (uint64_t)(wall_us % US_PER_S / US_PER_MS), 3);
    writer_char(w, 'Z');
}

void clock_write_http_date(struct writer *w, int64_t wall_us)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm utc = to_utc(wall_us);

    writer_printf(w, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday], utc.tm_mday,
                  months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}
