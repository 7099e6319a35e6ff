/*
 * whip_publishers - publishes one picture and one sound by WHIP on many channels at once, in real
 * time, in one process: what a browser sends, without the browser's CPU beside the server's.
 *
 *     whip_publishers --file f.flv --opus f.opus --address 127.0.0.1:8080 --seconds 30 id:key...
 *
 * `id:key` is a channel and its stream key. Prints a line of JSON for each session when it is
 * publishing, with the reason when it is not or no longer, and one at the end. Sessions begin
 * spread over --spread-ms, so that their key frames do not fall together. The files are repeated
 * with rising timestamps. SIGTERM ends it as --seconds does.
 *
 * Each session sends every 5 ms. Sessions take turns in these 5 ms: browsers are not in step
 * either, and a server that found the packets of all at once would have fewer wake-ups to do.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "whip_session.h"

enum { SESSIONS_MAX = 50, TICK_MS = 5, GROUPS_MAX = 5, EVENTS_MAX = 64, LINE_LEN_MAX = 4096 };

struct bench {
    struct whip_client client;
    int64_t duration_us;
    int64_t spread_us;
    const char *file;
    const char *opus;
    struct whip_session *sessions;
    enum whip_state *told; /* what was last printed, of each session */
    unsigned count;
    unsigned groups; /* that take turns in a tick */
    int epoll_fd;
    int timer_fd;
};

static volatile sig_atomic_t is_over;

static void on_signal(int number)
{
    (void)number;
    is_over = 1;
}

static void die(const char *message, const char *value)
{
    (void)fprintf(stderr, "whip_publishers: %s: %s\n", message, value);
    exit(2);
}

/* ---- lines ---- */

static void print_line(struct writer *w)
{
    (void)printf("%.*s\n", TEXT_ARG(writer_as_text(w)));
    (void)fflush(stdout);
    writer_deinit(w);
}

static void tell(const struct whip_session *session)
{
    struct writer w = writer_growing(LINE_LEN_MAX);
    struct jsonw j = jsonw_of(&w);
    bool is_ok = session->state == WHIP_PUBLISHING;

    jsonw_object_begin(&j);
    jsonw_member_str(&j, "channel", session->channel);
    jsonw_member_bool(&j, "publishing", is_ok);
    jsonw_member_i64(&j, "connect_us", session->connect_us);
    if (is_ok) {
        jsonw_member_i64(&j, "publish_us", session->publish_us);
        jsonw_member_str(&j, "srtp", session->profile);
    } else {
        jsonw_member_str(&j, "reason", session->diag.message);
    }
    jsonw_object_end(&j);
    print_line(&w);
}

static void report(const struct bench *bench)
{
    struct writer w = writer_growing(LINE_LEN_MAX);
    struct jsonw j = jsonw_of(&w);
    uint64_t alive = 0, packets = 0, bytes = 0, unsent = 0, received = 0, nacks = 0, plis = 0;
    int64_t lag_max_us = 0;

    for (unsigned i = 0; i < bench->count; i++) {
        const struct whip_session *session = &bench->sessions[i];
        const struct whip_sender *sender = &session->sender;

        alive += session->state == WHIP_PUBLISHING;
        packets += sender->packet_count;
        bytes += sender->byte_count;
        unsent += sender->unsent_count;
        received += session->datagrams;
        nacks += session->nack_count;
        plis += session->pli_count;
        lag_max_us = sender->lag_max_us > lag_max_us ? sender->lag_max_us : lag_max_us;
    }
    jsonw_object_begin(&j);
    jsonw_member_u64(&j, "publishers", bench->count);
    jsonw_member_u64(&j, "alive", alive);
    jsonw_member_u64(&j, "packets", packets);
    jsonw_member_u64(&j, "bytes", bytes);
    jsonw_member_u64(&j, "unsent", unsent);
    jsonw_member_u64(&j, "received", received);
    jsonw_member_u64(&j, "nacks", nacks);
    jsonw_member_u64(&j, "plis", plis);
    jsonw_member_i64(&j, "lag_max_ms", lag_max_us / US_PER_MS);
    jsonw_object_end(&j);
    print_line(&w);
}

/* ---- running ---- */

static void begin(struct bench *bench, struct whip_session *session)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};

    whip_session_begin(session);
    if (session->fd >= 0 && epoll_ctl(bench->epoll_fd, EPOLL_CTL_ADD, session->fd, &event) != 0)
        die("epoll", strerror(errno));
}

/* The sessions of one group send. */
static void on_tick(struct bench *bench, uint64_t tick, int64_t began_us)
{
    for (unsigned i = (unsigned)(tick % bench->groups); i < bench->count; i += bench->groups) {
        struct whip_session *session = &bench->sessions[i];
        int64_t now_us = clock_mono_us();

        if (session->state == WHIP_IDLE &&
            now_us - began_us >= bench->spread_us * i / (int64_t)bench->count)
            begin(bench, session);
        whip_session_on_tick(session, now_us);
        if (session->state >= WHIP_PUBLISHING && session->state != bench->told[i]) {
            tell(session);
            bench->told[i] = session->state;
        }
    }
}

/* Runs the ticks that have passed: no more than one for each group, whatever was slept over. */
static uint64_t catch_up(struct bench *bench, uint64_t tick, int64_t began_us)
{
    uint64_t passed = 0;

    if (read(bench->timer_fd, &passed, sizeof(passed)) != sizeof(passed))
        return tick;
    if (passed > bench->groups)
        passed = bench->groups;
    for (; passed > 0; passed--)
        on_tick(bench, tick++, began_us);
    return tick;
}

static void prepare(struct bench *bench)
{
    bench->groups = bench->count < GROUPS_MAX ? bench->count : GROUPS_MAX;
    long interval_ns = TICK_MS * 1000000L / (long)bench->groups;
    struct itimerspec times = {{0, interval_ns}, {0, interval_ns}};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: waiting ends */

    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    bench->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    bench->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (bench->epoll_fd < 0 || bench->timer_fd < 0 ||
        timerfd_settime(bench->timer_fd, 0, &times, NULL) != 0 ||
        epoll_ctl(bench->epoll_fd, EPOLL_CTL_ADD, bench->timer_fd, &event) != 0)
        die("epoll", strerror(errno));
}

static void run(struct bench *bench)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t began_us = clock_mono_us();
    uint64_t tick = 0;

    while (!is_over && clock_mono_us() - began_us < bench->duration_us) {
        int count = epoll_wait(bench->epoll_fd, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                whip_session_receive(events[i].data.ptr);
            else
                tick = catch_up(bench, tick, began_us);
        }
    }
}

/* ---- options ---- */

static uint64_t number(const char *value, uint64_t max)
{
    uint64_t result = 0;

    if (!text_parse_u64(text_of(value), max, &result))
        die("not a number in range", value);
    return result;
}

static void set_address(struct whip_client *client, const char *value)
{
    struct text port = text_of(value);
    struct text ip = text_cut(&port, ':');
    char string[INET_ADDRSTRLEN];
    uint64_t port_number;

    (void)snprintf(string, sizeof(string), "%.*s", TEXT_ARG(ip));
    if (!text_parse_u64(port, UINT16_MAX, &port_number) || port_number == 0 ||
        inet_pton(AF_INET, string, &client->address.sin_addr) != 1)
        die("not address:port of IPv4", value);
    client->address.sin_family = AF_INET;
    client->address.sin_port = htons((uint16_t)port_number);
    client->host = value;
}

static void parse_options(struct bench *bench, int argc, char **argv)
{
    static const struct option options[] = {
        {"file", required_argument, NULL, 'f'},      {"opus", required_argument, NULL, 'o'},
        {"address", required_argument, NULL, 'a'},   {"seconds", required_argument, NULL, 's'},
        {"spread-ms", required_argument, NULL, 'S'}, {NULL, 0, NULL, 0},
    };

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'f')
            bench->file = optarg;
        else if (option == 'o')
            bench->opus = optarg;
        else if (option == 'a')
            set_address(&bench->client, optarg);
        else if (option == 's')
            bench->duration_us = (int64_t)number(optarg, 86400) * US_PER_S;
        else if (option == 'S')
            bench->spread_us = (int64_t)number(optarg, 3600000) * US_PER_MS;
        else
            exit(2);
    }
    if (!bench->file || !bench->opus || !bench->client.host || optind == argc)
        die("needed", "--file, --opus, --address and id:key");
}

static void make_sessions(struct bench *bench, char **channels, int count)
{
    if (count > SESSIONS_MAX)
        die("too many channels", channels[SESSIONS_MAX]);
    bench->count = (unsigned)count;
    bench->sessions = mem_zalloc(bench->count * sizeof(*bench->sessions));
    bench->told = mem_zalloc(bench->count * sizeof(*bench->told));
    for (unsigned i = 0; i < bench->count; i++) {
        char *colon = strchr(channels[i], ':');

        if (!colon)
            die("not id:key", channels[i]);
        *colon = '\0';
        bench->sessions[i] = (struct whip_session){
            .client = &bench->client, .channel = channels[i], .key = colon + 1, .fd = -1};
    }
}

int main(int argc, char **argv)
{
    struct bench bench = {.duration_us = 10 * US_PER_S};
    struct diag diag = {0};

    parse_options(&bench, argc, argv);
    make_sessions(&bench, argv + optind, argc - optind);
    if (whip_media_load(bench.file, bench.opus, &bench.client.media, &diag) != OK)
        die("media", diag.message);
    if (whip_client_init(&bench.client) != OK)
        die("OpenSSL", "no DTLS");
    prepare(&bench);
    run(&bench);
    report(&bench);
    for (unsigned i = 0; i < bench.count; i++)
        whip_session_end(&bench.sessions[i]);
    whip_client_deinit(&bench.client);
    mem_free(bench.sessions);
    mem_free(bench.told);
    (void)close(bench.epoll_fd);
    (void)close(bench.timer_fd);
    return 0;
}
