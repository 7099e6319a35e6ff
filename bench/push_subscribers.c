/*
 * push_subscribers - a crowd that waits for one channel's events, in one thread.
 *
 *     push_subscribers --url http://127.0.0.1:8080 --channel 1 --subscribers 10000 --kind
 * sse|ws|bare
 *                      --rounds 10 --key <admin key> --pid <server>
 *
 *     all connect and get the snapshot --> memory is read --> each round: the broadcast is started
 *     or ended over a connection of its own --> each subscriber is told
 *
 * Prints one line of JSON. A delay is the time from the moment when the command is sent until a
 * subscriber has the change: the API, the state machine and this client's own reading are in it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/writer.h"
#include "process_stats.h"

enum { SUBSCRIBERS_MAX = 19000, ROUNDS_MAX = 100, EVENTS_MAX = 1024, CONNECTING_MAX = 256 };
enum { REQUEST_MAX = 1024, TAIL_LEN = 32, READ_LEN = 16384, HOST_MAX = 64 };

static const int64_t PATIENCE_US = 20 * US_PER_S;
static const int64_t SETTLE_US = 500 * US_PER_MS;

/* Part of the status, which no other message has. */
static const char *const wanted_texts[] = {"\"relayStatus\":null", "\"relayStatus\":\"starting\"",
                                           "\"relayStatus\":\"stopped\""};

struct subscriber {
    int fd;
    unsigned seen;       /* how many of the texts have come */
    char tail[TAIL_LEN]; /* the end of what was read: a text may come in two pieces */
    size_t tail_len;
};

struct crowd {
    struct sockaddr_in address;
    char host[HOST_MAX];
    char key[256];
    uint64_t channel_id;
    unsigned count;
    unsigned rounds;
    bool is_websocket;
    bool is_bare; /* bare_server, which has a path of its own */
    int pid;

    int epoll_fd;
    int control_fd;
    struct subscriber *subscribers;
    unsigned connected;
    const char *wanted;
    unsigned round; /* 0: the snapshot */
    unsigned told;  /* subscribers that have what is wanted in this round */
    int64_t sent_us;
    unsigned lost; /* connections that the server closed */
    uint32_t *delays_us;
    size_t delay_count;
    double round_max_ms[ROUNDS_MAX + 1];
};

static void die(const char *message, const char *value)
{
    (void)fprintf(stderr, "push_subscribers: %s: %s\n", message, value);
    exit(2);
}

/* ---- connections ---- */

static int connect_to(const struct crowd *crowd, int flags)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    if (fd < 0)
        die("socket", strerror(errno));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (const struct sockaddr *)&crowd->address, sizeof(crowd->address)) != 0 &&
        errno != EINPROGRESS)
        die("connect", strerror(errno));
    return fd;
}

static void send_all(int fd, const char *bytes, int len)
{
    if (len <= 0 || send(fd, bytes, (size_t)len, MSG_NOSIGNAL) != len)
        die("send", strerror(errno));
}

/* A blocking connect on loopback is at once, and the backlog is what bounds it. */
static void connect_subscriber(struct crowd *crowd)
{
    struct subscriber *subscriber = &crowd->subscribers[crowd->connected++];
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = subscriber};
    char request[REQUEST_MAX];
    const char *more = crowd->is_websocket
                           ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
                             "13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                           : "Accept: text/event-stream\r\n";
    int len =
        snprintf(request, sizeof(request), "GET /%s?channels=%llu HTTP/1.1\r\nHost: %s\r\n%s\r\n",
                 crowd->is_bare ? "snapshot" : "api/v1/events",
                 (unsigned long long)crowd->channel_id, crowd->host, more);

    subscriber->fd = connect_to(crowd, 0);
    send_all(subscriber->fd, request, len);
    if (epoll_ctl(crowd->epoll_fd, EPOLL_CTL_ADD, subscriber->fd, &event) != 0)
        die("epoll_ctl", strerror(errno));
}

static void command(struct crowd *crowd, const char *name)
{
    char request[REQUEST_MAX];
    int len =
        snprintf(request, sizeof(request),
                 "POST /api/v1/channels/%llu/%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer "
                 "%s\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                 (unsigned long long)crowd->channel_id, name, crowd->host, crowd->key);

    send_all(crowd->control_fd, request, len);
}

static void read_answer(struct crowd *crowd)
{
    char answer[READ_LEN];
    ssize_t len = recv(crowd->control_fd, answer, sizeof(answer) - 1, 0);

    answer[len > 0 ? len : 0] = '\0';
    if (strncmp(answer, "HTTP/1.1 200", 12) != 0)
        die("the command was refused", answer);
}

/* ---- what comes ---- */

static void note_told(struct crowd *crowd, struct subscriber *subscriber)
{
    int64_t delay_us = clock_mono_us() - crowd->sent_us;

    subscriber->seen = crowd->round + 1;
    crowd->told++;
    if (crowd->round == 0)
        return;
    crowd->delays_us[crowd->delay_count++] = (uint32_t)delay_us;
    if ((double)delay_us / 1000 > crowd->round_max_ms[crowd->round])
        crowd->round_max_ms[crowd->round] = (double)delay_us / 1000;
}

static void read_subscriber(struct crowd *crowd, struct subscriber *subscriber)
{
    char bytes[TAIL_LEN + READ_LEN];
    size_t wanted_len = strlen(crowd->wanted);

    for (;;) {
        memcpy(bytes, subscriber->tail, subscriber->tail_len);
        ssize_t got = recv(subscriber->fd, bytes + subscriber->tail_len, READ_LEN, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            (void)epoll_ctl(crowd->epoll_fd, EPOLL_CTL_DEL, subscriber->fd, NULL);
            crowd->lost++;
        }
        if (got <= 0)
            return;
        size_t len = subscriber->tail_len + (size_t)got;
        if (subscriber->seen == crowd->round && memmem(bytes, len, crowd->wanted, wanted_len))
            note_told(crowd, subscriber);
        subscriber->tail_len = len < TAIL_LEN ? len : TAIL_LEN;
        memcpy(subscriber->tail, bytes + len - subscriber->tail_len, subscriber->tail_len);
        if (got < READ_LEN)
            return; /* what comes later makes a new edge */
    }
}

static void read_for(struct crowd *crowd, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(crowd->epoll_fd, events, EVENTS_MAX, timeout_ms);

    for (int i = 0; i < count; i++)
        read_subscriber(crowd, events[i].data.ptr);
}

/* False: not all were told in time. */
static bool wait_told(struct crowd *crowd, unsigned count)
{
    int64_t until_us = clock_mono_us() + PATIENCE_US;

    while (crowd->told + crowd->lost < count && clock_mono_us() < until_us)
        read_for(crowd, 10);
    return crowd->told >= count;
}

static void settle(struct crowd *crowd)
{
    int64_t until_us = clock_mono_us() + SETTLE_US;

    while (clock_mono_us() < until_us)
        read_for(crowd, 10);
}

/* ---- the run ---- */

static void connect_all(struct crowd *crowd)
{
    crowd->wanted = wanted_texts[0];
    while (crowd->connected < crowd->count) {
        connect_subscriber(crowd);
        if (crowd->connected - crowd->told >= CONNECTING_MAX && !wait_told(crowd, crowd->connected))
            die("no snapshot", "a subscriber waits in vain");
    }
    if (!wait_told(crowd, crowd->count))
        die("no snapshot", "a subscriber waits in vain");
}

static void run_round(struct crowd *crowd)
{
    bool is_start = crowd->round % 2 == 0;

    crowd->round++;
    crowd->told = 0;
    crowd->wanted = wanted_texts[is_start ? 1 : 2];
    crowd->sent_us = clock_mono_us();
    command(crowd, is_start ? "start" : "end");
    (void)wait_told(crowd, crowd->count); /* who was not is counted as missing */
    read_answer(crowd);
    settle(crowd);
}

/* The pages that the kernel holds for TCP, the slab among them not. */
static int64_t tcp_buffers_bytes(void)
{
    char line[256];
    int64_t bytes = -1;
    FILE *file = fopen("/proc/net/sockstat", "r");

    while (file && fgets(line, sizeof(line), file)) {
        const char *mem = strncmp(line, "TCP:", 4) == 0 ? strstr(line, " mem ") : NULL;

        if (mem)
            bytes = strtoll(mem + 5, NULL, 10) * sysconf(_SC_PAGESIZE);
    }
    if (file)
        (void)fclose(file);
    return bytes;
}

static int64_t slab_bytes(void)
{
    char line[256];
    int64_t bytes = -1;
    FILE *file = fopen("/proc/meminfo", "r");

    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, "Slab:", 5) == 0)
            bytes = strtoll(line + 5, NULL, 10) * 1024;
    if (file)
        (void)fclose(file);
    return bytes;
}

struct memory {
    int64_t rss;
    int64_t kernel;
};

static struct memory read_memory(const struct crowd *crowd)
{
    return (struct memory){process_rss_bytes(crowd->pid), tcp_buffers_bytes() + slab_bytes()};
}

static int compare_delays(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

static double percentile_ms(const struct crowd *crowd, double part)
{
    size_t index = (size_t)((double)crowd->delay_count * part);

    if (crowd->delay_count == 0)
        return 0;
    return crowd->delays_us[index < crowd->delay_count ? index : crowd->delay_count - 1] / 1000.0;
}

static void member_double(struct jsonw *j, const char *name, double value, unsigned decimals)
{
    jsonw_key(j, name);
    jsonw_double(j, value, decimals);
}

static void report(struct crowd *crowd, struct memory empty, struct memory full, int64_t cpu_us)
{
    struct writer w = writer_growing(65536);
    struct jsonw j = jsonw_of(&w);
    double told = (double)(crowd->delay_count ? crowd->delay_count : 1);

    qsort(crowd->delays_us, crowd->delay_count, sizeof(crowd->delays_us[0]), compare_delays);
    jsonw_object_begin(&j);
    jsonw_member_u64(&j, "subscribers", crowd->count);
    jsonw_member_u64(&j, "rounds", crowd->rounds);
    jsonw_member_u64(&j, "missing", (uint64_t)crowd->count * crowd->rounds - crowd->delay_count);
    jsonw_member_u64(&j, "lost", crowd->lost);
    member_double(&j, "delay_p50_ms", percentile_ms(crowd, 0.5), 1);
    member_double(&j, "delay_p99_ms", percentile_ms(crowd, 0.99), 1);
    member_double(&j, "delay_max_ms", percentile_ms(crowd, 1), 1);
    member_double(&j, "bytes_a_subscriber", (double)(full.rss - empty.rss) / crowd->count, 0);
    member_double(&j, "kernel_bytes_a_subscriber",
                  (double)(full.kernel - empty.kernel) / crowd->count, 0);
    member_double(&j, "cpu_us_a_message", (double)cpu_us / told, 2);
    jsonw_key(&j, "round_max_ms");
    jsonw_array_begin(&j);
    for (unsigned i = 1; i <= crowd->rounds; i++)
        jsonw_double(&j, crowd->round_max_ms[i], 1);
    jsonw_array_end(&j);
    jsonw_object_end(&j);
    (void)printf("%.*s\n", TEXT_ARG(writer_as_text(&w)));
    writer_deinit(&w);
}

static void run(struct crowd *crowd)
{
    struct memory empty = read_memory(crowd);

    connect_all(crowd);
    settle(crowd);
    struct memory full = read_memory(crowd);
    int64_t cpu_us = process_cpu_us(crowd->pid);
    while (crowd->round < crowd->rounds)
        run_round(crowd);
    report(crowd, empty, full, process_cpu_us(crowd->pid) - cpu_us);
}

/* ---- options ---- */

static uint64_t number(const char *value, uint64_t max)
{
    uint64_t result = 0;

    if (!text_parse_u64(text_of(value), max, &result))
        die("not a number in range", value);
    return result;
}

static void set_url(struct crowd *crowd, const char *url)
{
    struct text rest = text_of(url);
    char name[HOST_MAX];
    uint64_t port;

    if (!text_starts_with(rest, TEXT("http://")))
        die("only http:// and an IPv4 address with port", url);
    rest = text_sub(rest, 7, rest.len);
    (void)snprintf(crowd->host, sizeof(crowd->host), "%.*s", TEXT_ARG(rest));
    struct text host = text_cut(&rest, ':');
    (void)snprintf(name, sizeof(name), "%.*s", TEXT_ARG(host));
    crowd->address.sin_family = AF_INET;
    if (inet_pton(AF_INET, name, &crowd->address.sin_addr) != 1 ||
        !text_parse_u64(rest, 65535, &port))
        die("only http:// and an IPv4 address with port", url);
    crowd->address.sin_port = htons((uint16_t)port);
}

static void set_option(struct crowd *crowd, int option, const char *value)
{
    switch (option) {
    case 'u':
        set_url(crowd, value);
        break;
    case 'c':
        crowd->channel_id = number(value, UINT32_MAX);
        break;
    case 'n':
        crowd->count = (unsigned)number(value, SUBSCRIBERS_MAX);
        break;
    case 'r':
        crowd->rounds = (unsigned)number(value, ROUNDS_MAX);
        break;
    case 'k':
        (void)snprintf(crowd->key, sizeof(crowd->key), "%s", value);
        break;
    case 't':
        crowd->is_websocket = strcmp(value, "ws") == 0;
        crowd->is_bare = strcmp(value, "bare") == 0;
        break;
    case 'p':
        crowd->pid = (int)number(value, INT32_MAX);
        break;
    default:
        exit(2);
    }
}

static void parse_options(struct crowd *crowd, int argc, char **argv)
{
    static const struct option options[] = {
        {"url", required_argument, NULL, 'u'},         {"channel", required_argument, NULL, 'c'},
        {"subscribers", required_argument, NULL, 'n'}, {"rounds", required_argument, NULL, 'r'},
        {"key", required_argument, NULL, 'k'},         {"kind", required_argument, NULL, 't'},
        {"pid", required_argument, NULL, 'p'},         {NULL, 0, NULL, 0},
    };

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        set_option(crowd, option, optarg);
    if (crowd->host[0] == '\0' || crowd->channel_id == 0 || crowd->count == 0 || crowd->pid == 0)
        die("needed", "--url, --channel, --subscribers and --pid");
}

int main(int argc, char **argv)
{
    static struct crowd crowd = {.rounds = 10};
    struct rlimit files;

    parse_options(&crowd, argc, argv);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    crowd.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    crowd.control_fd = connect_to(&crowd, 0);
    crowd.subscribers = mem_zalloc(crowd.count * sizeof(*crowd.subscribers));
    crowd.delays_us =
        mem_alloc((size_t)crowd.count * (crowd.rounds + 1) * sizeof(*crowd.delays_us));
    run(&crowd);
    for (unsigned i = 0; i < crowd.count; i++)
        (void)close(crowd.subscribers[i].fd);
    mem_free(crowd.subscribers);
    mem_free(crowd.delays_us);
    return 0;
}
