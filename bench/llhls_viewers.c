/*
 * llhls_viewers - a crowd of HLS viewers in one thread, for measuring a server.
 *
 *     llhls_viewers --url http://127.0.0.1:8080/hls/1/index.m3u8 --viewers 2000 --seconds 20
 *                   --mode live|plain|static|blocked --pid <server>
 *
 * Prints one line of JSON. A part's delay is the time from the moment when the first of all viewers
 * was told of the part until a viewer has received it whole, for each viewer. The CPU time of the
 * processes given by --pid is theirs alone, in % of one core, after the warm-up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "process_stats.h"
#include "viewers.h"

enum { EVENTS_MAX = 512, TICK_MS = 5, CONNECTS_A_TICK = 100 };

void viewer_ask(struct bench *bench, struct viewer *viewer, int asking, const char *path,
                bool is_kept)
{
    viewer->is_resting = false;
    viewer->asking = asking;
    viewer->asked_us = bench->now_us;
    http_get_ask(&viewer->get, bench->host, path, is_kept ? &viewer->body : NULL);
}

void viewer_rest(struct viewer *viewer, int64_t wake_us)
{
    viewer->is_resting = true;
    viewer->wake_us = wake_us;
}

void bench_note_delay(struct bench *bench, int64_t since_us)
{
    int64_t delay_us = bench->now_us - since_us;

    if (!bench->is_measuring || delay_us < 0)
        return;
    int64_t bucket = delay_us / 100;
    bench->delays[bucket < DELAY_BUCKETS ? bucket : DELAY_BUCKETS - 1]++;
    bench->delay_count++;
    if (delay_us > bench->delay_max_us)
        bench->delay_max_us = delay_us;
}

void resolve_path(const char *base, struct text name, char *to, size_t cap)
{
    size_t folder_len = 0;

    if (text_starts_with(name, TEXT("http://"))) {
        name = text_sub(name, 7, name.len);
        (void)text_cut(&name, '/');
        (void)snprintf(to, cap, "/%.*s", TEXT_ARG(name));
        return;
    }
    if (!text_starts_with(name, TEXT("/")))
        for (size_t i = 0; base[i] && base[i] != '?'; i++)
            if (base[i] == '/')
                folder_len = i + 1;
    (void)snprintf(to, cap, "%.*s%.*s", (int)folder_len, base, TEXT_ARG(name));
}

static bool connect_viewer(struct bench *bench, struct viewer *viewer)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = viewer};

    if (http_get_connect(&viewer->get, &bench->address) != OK)
        return false;
    if (epoll_ctl(bench->epoll_fd, EPOLL_CTL_ADD, viewer->get.fd, &event) != 0) {
        http_get_close(&viewer->get);
        return false;
    }
    bench->mode->on_start(bench, viewer);
    return true;
}

static void reconnect(struct bench *bench, struct viewer *viewer)
{
    bench->counters.errors += bench->is_measuring;
    bench->counters.reconnects++;
    http_get_close(&viewer->get);
    viewer_rest(viewer, bench->now_us + 200 * US_PER_MS);
}

void bench_serve(struct bench *bench, struct viewer *viewer)
{
    while (!viewer->is_resting && viewer->get.fd >= 0) {
        uint64_t before = viewer->get.total_len;
        enum err err = http_get_ready(&viewer->get);

        if (bench->is_measuring)
            bench->counters.bytes += viewer->get.total_len - before;
        if (err == ERR_AGAIN)
            return;
        if (err != OK) {
            reconnect(bench, viewer);
            return;
        }
        bench->counters.requests += bench->is_measuring;
        bench->now_us = clock_mono_us();
        viewer->is_resting = true; /* unless the mode asks again */
        viewer->wake_us = INT64_MAX;
        bench->mode->on_answer(bench, viewer);
    }
}

static void wake_viewers(struct bench *bench)
{
    for (unsigned i = 0; i < bench->viewer_count; i++) {
        struct viewer *viewer = &bench->viewers[i];

        if (!viewer->is_resting || viewer->wake_us > bench->now_us)
            continue;
        if (viewer->get.fd < 0) {
            if (!connect_viewer(bench, viewer))
                viewer->wake_us = bench->now_us + US_PER_S;
        } else {
            bench->mode->on_wake(bench, viewer);
        }
        bench_serve(bench, viewer);
    }
}

static void wait_and_serve(struct bench *bench)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(bench->epoll_fd, events, EVENTS_MAX, TICK_MS);

    for (int i = 0; i < count; i++) {
        bench->now_us = clock_mono_us();
        bench_serve(bench, events[i].data.ptr);
    }
}

struct usage {
    int64_t at_us;
    int64_t cpu_us[PIDS_MAX];
    int64_t own_cpu_us;
};

static struct usage read_usage(const struct bench *bench)
{
    struct usage usage = {.at_us = clock_mono_us()};

    for (unsigned i = 0; i < bench->pid_count; i++)
        usage.cpu_us[i] = process_cpu_us(bench->pids[i]);
    usage.own_cpu_us = process_cpu_us(getpid());
    return usage;
}

static void run(struct bench *bench, struct usage *ret_from, struct usage *ret_to)
{
    int64_t began_us = clock_mono_us(), last_tick_us = 0;
    unsigned connected = 0;

    bench->now_us = began_us;
    bench->end_us = began_us + bench->warm_up_us + bench->duration_us;
    *ret_from = read_usage(bench);
    while (!bench->is_done && bench->now_us < bench->end_us) {
        if (bench->now_us - last_tick_us >= TICK_MS * US_PER_MS) {
            last_tick_us = bench->now_us;
            for (unsigned i = 0; i < CONNECTS_A_TICK && connected < bench->viewer_count; i++)
                viewer_rest(&bench->viewers[connected++], 0);
            wake_viewers(bench);
            if (bench->mode->on_tick)
                bench->mode->on_tick(bench);
        }
        wait_and_serve(bench);
        bench->now_us = clock_mono_us();
        if (!bench->is_measuring && bench->now_us - began_us >= bench->warm_up_us) {
            *ret_from = read_usage(bench);
            bench->is_measuring = true;
        }
    }
    *ret_to = read_usage(bench);
}

static double percentile_ms(const struct bench *bench, double part)
{
    uint64_t wanted = (uint64_t)((double)bench->delay_count * part), sum = 0;

    for (unsigned i = 0; i < DELAY_BUCKETS; i++) {
        sum += bench->delays[i];
        if (sum > wanted)
            return (i + 1) / 10.0;
    }
    return 0;
}

static void report_cpu(const struct bench *bench, struct jsonw *j, const struct usage *from,
                       const struct usage *to)
{
    double wall_us = (double)(to->at_us - from->at_us), sum_us = 0;

    for (unsigned i = 0; i < bench->pid_count; i++)
        sum_us += (double)(to->cpu_us[i] - from->cpu_us[i]);
    jsonw_key(j, "seconds");
    jsonw_double(j, wall_us / (double)US_PER_S, 2);
    jsonw_key(j, "cpu_percent");
    jsonw_double(j, 100 * sum_us / wall_us, 2);
    jsonw_key(j, "cpu_us_a_request");
    jsonw_double(j, bench->counters.requests ? sum_us / (double)bench->counters.requests : 0, 2);
    jsonw_key(j, "own_cpu_percent");
    jsonw_double(j, 100 * (double)(to->own_cpu_us - from->own_cpu_us) / wall_us, 1);
}

static void report(const struct bench *bench, const struct usage *from, const struct usage *to)
{
    const struct counters *c = &bench->counters;
    struct writer w = writer_growing(65536);
    struct jsonw j = jsonw_of(&w);

    jsonw_object_begin(&j);
    jsonw_member_str(&j, "mode", bench->mode->name);
    jsonw_member_u64(&j, "viewers", bench->viewer_count);
    report_cpu(bench, &j, from, to);
    jsonw_member_u64(&j, "requests", c->requests);
    jsonw_member_u64(&j, "bytes", c->bytes);
    jsonw_member_u64(&j, "items", c->items);
    jsonw_member_u64(&j, "errors", c->errors);
    jsonw_member_u64(&j, "reconnects", c->reconnects);
    jsonw_member_u64(&j, "stalls", c->late);
    jsonw_member_u64(&j, "unblocked", c->unblocked);
    jsonw_key(&j, "target_ms");
    jsonw_double(&j, (double)bench->target_us / 1000, 1);
    jsonw_key(&j, "delay_p50_ms");
    jsonw_double(&j, percentile_ms(bench, 0.5), 1);
    jsonw_key(&j, "delay_p99_ms");
    jsonw_double(&j, percentile_ms(bench, 0.99), 1);
    jsonw_key(&j, "delay_max_ms");
    jsonw_double(&j, (double)bench->delay_max_us / 1000, 1);
    if (bench->mode->report)
        bench->mode->report(bench, &j);
    jsonw_object_end(&j);
    (void)printf("%.*s\n", TEXT_ARG(writer_as_text(&w)));
    writer_deinit(&w);
}

/* ---- options ---- */

static void die(const char *message, const char *value)
{
    (void)fprintf(stderr, "llhls_viewers: %s: %s\n", message, value);
    exit(2);
}

static uint64_t number(const char *value, uint64_t max)
{
    uint64_t result = 0;

    if (!text_parse_u64(text_of(value), max, &result))
        die("not a number in range", value);
    return result;
}

static void set_url(struct bench *bench, const char *url)
{
    struct text rest = text_of(url);

    if (!text_starts_with(rest, TEXT("http://")))
        die("only http:// and an IPv4 address", url);
    rest = text_sub(rest, 7, rest.len);
    size_t host_len = text_index_of(rest, '/');
    (void)snprintf(bench->host, sizeof(bench->host), "%.*s", (int)host_len, rest.ptr);
    (void)snprintf(bench->path, sizeof(bench->path), "%s", rest.ptr + host_len);
    struct text port = {rest.ptr, host_len};
    struct text name = text_cut(&port, ':');
    char address[32];
    (void)snprintf(address, sizeof(address), "%.*s", TEXT_ARG(name));
    uint64_t number_of_port = 80;
    bench->address.sin_family = AF_INET;
    if (inet_pton(AF_INET, address, &bench->address.sin_addr) != 1 ||
        (port.len && !text_parse_u64(port, 65535, &number_of_port)))
        die("only http:// and an IPv4 address", url);
    bench->address.sin_port = htons((uint16_t)number_of_port);
}

static void set_mode(struct bench *bench, const char *name)
{
    static const struct mode *const modes[] = {&mode_live, &mode_plain, &mode_static,
                                               &mode_blocked};

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(modes[i]->name, name) == 0)
            bench->mode = modes[i];
    if (!bench->mode)
        die("no such mode", name);
}

static void add_paths(struct bench *bench, char *list)
{
    for (char *save, *path = strtok_r(list, ",", &save); path; path = strtok_r(NULL, ",", &save)) {
        if (bench->path_count == PATHS_MAX)
            die("too many paths", path);
        bench->paths[bench->path_count++] = path;
    }
}

static void set_option(struct bench *bench, int option, char *value)
{
    switch (option) {
    case 'u':
        set_url(bench, value);
        break;
    case 'm':
        set_mode(bench, value);
        break;
    case 'v':
        bench->viewer_count = (unsigned)number(value, VIEWERS_MAX);
        break;
    case 's':
        bench->duration_us = (int64_t)number(value, 86400) * US_PER_S;
        break;
    case 'w':
        bench->warm_up_us = (int64_t)number(value, 3600) * US_PER_S;
        break;
    case 'p':
        if (bench->pid_count == PIDS_MAX)
            die("too many processes", value);
        bench->pids[bench->pid_count++] = (int)number(value, INT32_MAX);
        break;
    case 'P':
        add_paths(bench, value);
        break;
    case 'i':
        bench->interval_us = (int64_t)number(value, 3600000) * US_PER_MS;
        break;
    case 'S':
        bench->is_spread = true;
        break;
    case 'r':
        bench->rounds = (unsigned)number(value, 32);
        break;
    default:
        exit(2);
    }
}

static void parse_options(struct bench *bench, int argc, char **argv)
{
    static const struct option options[] = {
        {"url", required_argument, NULL, 'u'},
        {"mode", required_argument, NULL, 'm'},
        {"viewers", required_argument, NULL, 'v'},
        {"seconds", required_argument, NULL, 's'},
        {"warm-up", required_argument, NULL, 'w'},
        {"pid", required_argument, NULL, 'p'},
        {"paths", required_argument, NULL, 'P'},
        {"interval-ms", required_argument, NULL, 'i'},
        {"spread", no_argument, NULL, 'S'},
        {"rounds", required_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        set_option(bench, option, optarg);
    if (bench->path[0] == '\0' || bench->viewer_count == 0)
        die("needed", "--url and --viewers");
    if (!bench->mode)
        bench->mode = &mode_live;
    if (bench->mode == &mode_static && (bench->path_count == 0 || bench->interval_us == 0))
        die("mode static needs", "--paths and --interval-ms");
}

int main(int argc, char **argv)
{
    struct rlimit files;
    struct usage from, to;
    struct bench *bench = mem_zalloc(sizeof(*bench));

    bench->duration_us = 10 * US_PER_S;
    bench->warm_up_us = 4 * US_PER_S;
    bench->rounds = 3;
    parse_options(bench, argc, argv);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    bench->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    bench->viewers = mem_zalloc(bench->viewer_count * sizeof(*bench->viewers));
    for (unsigned i = 0; i < bench->viewer_count; i++) {
        bench->viewers[i].get.fd = -1;
        bench->viewers[i].body = writer_growing(HTTP_GET_BODY_MAX);
        viewer_rest(&bench->viewers[i], INT64_MAX);
    }
    run(bench, &from, &to);
    report(bench, &from, &to);
    for (unsigned i = 0; i < bench->viewer_count; i++) {
        http_get_close(&bench->viewers[i].get);
        writer_deinit(&bench->viewers[i].body);
    }
    mem_free(bench->viewers);
    mem_free(bench);
    return 0;
}
