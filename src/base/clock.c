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

/* ---- RFC 3339 ---- */

/* Cuts a number of exactly `digits` digits and what must stand behind it (NUL: nothing) off. */
static bool cut_number(struct text *rest, size_t digits, char behind, uint64_t max, int *ret_value)
{
    struct text number = text_sub(*rest, 0, digits);
    size_t used = digits + (behind != '\0');
    uint64_t value;

    if (rest->len < used || (behind != '\0' && rest->ptr[digits] != behind) ||
        !text_parse_u64(number, max, &value))
        return false;
    *rest = text_sub(*rest, used, rest->len);
    *ret_value = (int)value;
    return true;
}

static bool cut_date_time(struct text *rest, struct tm *tm)
{
    if (!cut_number(rest, 4, '-', 9999, &tm->tm_year) ||
        !cut_number(rest, 2, '-', 12, &tm->tm_mon) || rest->len < 3)
        return false;

    char behind_day = rest->ptr[2] == 't' ? 't' : 'T';
    return cut_number(rest, 2, behind_day, 31, &tm->tm_mday) &&
           cut_number(rest, 2, ':', 23, &tm->tm_hour) &&
           cut_number(rest, 2, ':', 59, &tm->tm_min) && cut_number(rest, 2, '\0', 59, &tm->tm_sec);
}

static bool cut_fraction(struct text *rest, int64_t *ret_us)
{
    int64_t unit_us = US_PER_S / 10;

    *ret_us = 0;
    if (rest->len == 0 || rest->ptr[0] != '.')
        return true;
    *rest = text_sub(*rest, 1, rest->len);
    if (rest->len == 0 || rest->ptr[0] < '0' || rest->ptr[0] > '9')
        return false;
    for (; rest->len != 0 && rest->ptr[0] >= '0' && rest->ptr[0] <= '9';
         *rest = text_sub(*rest, 1, rest->len), unit_us /= 10)
        *ret_us += (rest->ptr[0] - '0') * unit_us;
    return true;
}

static bool cut_offset(struct text *rest, int64_t *ret_us)
{
    int hours, minutes;

    *ret_us = 0;
    if (text_equal_nocase(*rest, TEXT("Z")))
        return true;
    if (rest->len != 6 || (rest->ptr[0] != '+' && rest->ptr[0] != '-'))
        return false;
    bool is_behind = rest->ptr[0] == '-';
    *rest = text_sub(*rest, 1, rest->len);
    if (!cut_number(rest, 2, ':', 23, &hours) || !cut_number(rest, 2, '\0', 59, &minutes))
        return false;
    *ret_us = (hours * INT64_C(60) + minutes) * 60 * US_PER_S * (is_behind ? -1 : 1);
    return true;
}

enum err clock_parse_iso8601(struct text text, int64_t *ret_wall_us)
{
    struct tm tm = {0};
    int64_t fraction_us, offset_us;

    if (!cut_date_time(&text, &tm) || !cut_fraction(&text, &fraction_us) ||
        !cut_offset(&text, &offset_us))
        return ERR_MALFORMED;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;

    struct tm same = tm;
    time_t seconds = timegm(&same); /* moves what does not exist, as a 30th of February */
    if (same.tm_mday != tm.tm_mday || same.tm_mon != tm.tm_mon)
        return ERR_MALFORMED;
    *ret_wall_us = (int64_t)seconds * US_PER_S + fraction_us - offset_us;
    return OK;
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
