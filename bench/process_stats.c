#include "process_stats.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum { STAT_UTIME = 14, STAT_STIME = 15, STAT_RSS = 24 }; /* fields as proc(5) numbers them */

/* Field `wanted` (> 2) of /proc/<pid>/stat, or -1. */
static int64_t stat_field(int pid, int wanted)
{
    char path[64], line[1024];
    uint64_t value;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    size_t len = fread(line, 1, sizeof(line), file);
    (void)fclose(file);

    /* The second field, the name, is in parentheses and may hold anything. */
    const char *end = memrchr(line, ')', len);
    if (!end || end + 2 >= line + len)
        return -1;
    struct text rest = {end + 2, (size_t)(line + len - (end + 2))};
    for (int field = 3; field < wanted; field++)
        (void)text_cut(&rest, ' ');
    return text_parse_u64(text_cut(&rest, ' '), INT64_MAX, &value) ? (int64_t)value : -1;
}

int64_t process_cpu_us(int pid)
{
    int64_t user = stat_field(pid, STAT_UTIME);
    int64_t system = stat_field(pid, STAT_STIME);

    return user < 0 || system < 0 ? -1 : (user + system) * US_PER_S / sysconf(_SC_CLK_TCK);
}

int64_t process_rss_bytes(int pid)
{
    int64_t pages = stat_field(pid, STAT_RSS);

    return pages < 0 ? -1 : pages * sysconf(_SC_PAGESIZE);
}
