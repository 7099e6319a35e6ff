/*
 * rtmp_publishers - publishes one FLV file over many RTMP connections at once, in real time, in one
 * process, so that the encoders cost next to nothing on the machine that is measured.
 *
 *     rtmp_publishers --file f.flv --address 127.0.0.1:1935 --app live --seconds 30 key...
 *
 * Prints a line of JSON for each connection when it is publishing, and one at the end. The first
 * media message of a connection goes out at once; connections begin spread over --spread-ms, so
 * that their key frames do not fall together. The file is repeated with rising timestamps.
 *
 * It trusts the server that it measures: answers are searched for the words that matter and not
 * parsed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/writer.h"
#include "flv.h"

enum {
    HANDSHAKE_LEN = 1536,
    MESSAGE_MAX = 16 << 20,
    PUBLISHERS_MAX = 1000,
    TICK_MS = 2,
    ANSWER_TIMEOUT_MS = 5000,
    CHUNK_STREAM_COMMAND = 3,
    CHUNK_STREAM_MEDIA = 6,
    TYPE_SET_CHUNK_SIZE = 1,
    TYPE_COMMAND = 20,
    STREAM_ID = 1, /* what every server gives to the first createStream of a connection */
};

struct publisher {
    const char *key;
    int fd;           /* -1: ended */
    int64_t begin_us; /* the file's time 0 */
    bool has_begun;
    size_t next_tag;
    uint32_t loop_ms;  /* added to the file's times */
    struct writer out; /* the message that is being sent */
    size_t sent;
    uint64_t bytes;
    int64_t lag_max_us;
};

struct bench {
    struct sockaddr_in address;
    const char *app;
    uint32_t chunk_size;
    int64_t duration_us;
    int64_t spread_us;
    struct flv flv;
    struct publisher *publishers;
    unsigned count;
};

/* ---- messages ---- */

static void write_message(struct writer *w, uint32_t chunk_size, uint8_t chunk_stream, uint8_t type,
                          uint32_t stream_id, uint32_t time_ms, const uint8_t *payload, size_t len)
{
    bool is_extended = time_ms >= 0xffffff;

    writer_u8(w, chunk_stream);
    writer_u24(w, is_extended ? 0xffffff : time_ms);
    writer_u24(w, (uint32_t)len);
    writer_u8(w, type);
    writer_u32_le(w, stream_id);
    if (is_extended)
        writer_u32(w, time_ms);
    for (size_t done = 0; done < len;) {
        size_t step = len - done < chunk_size ? len - done : chunk_size;

        if (done > 0) {
            writer_u8(w, (uint8_t)(0xc0 | chunk_stream));
            if (is_extended)
                writer_u32(w, time_ms);
        }
        writer_bytes(w, payload + done, step);
        done += step;
    }
}

static void write_amf_string(struct writer *w, const char *string)
{
    writer_u8(w, 2);
    writer_u16(w, (uint16_t)strlen(string));
    writer_str(w, string);
}

static void write_amf_number(struct writer *w, double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof(bits));
    writer_u8(w, 0);
    writer_u64(w, bits);
}

static void write_amf_member(struct writer *w, const char *name, const char *value)
{
    writer_u16(w, (uint16_t)strlen(name));
    writer_str(w, name);
    write_amf_string(w, value);
}

static void write_command(struct writer *to, uint32_t chunk_size, uint32_t stream_id,
                          struct writer *amf)
{
    write_message(to, chunk_size, CHUNK_STREAM_COMMAND, TYPE_COMMAND, stream_id, 0, amf->data,
                  amf->len);
    writer_clear(amf);
}

static void write_connect(struct bench *bench, struct writer *to)
{
    uint8_t memory[1024], size[4];
    struct writer amf = writer_fixed(memory, sizeof(memory));
    struct writer four = writer_fixed(size, sizeof(size));
    char url[256];

    (void)snprintf(url, sizeof(url), "rtmp://%s:%u/%s", inet_ntoa(bench->address.sin_addr),
                   ntohs(bench->address.sin_port), bench->app);
    writer_u32(&four, bench->chunk_size);
    write_message(to, 128, 2, TYPE_SET_CHUNK_SIZE, 0, 0, four.data, four.len);
    write_amf_string(&amf, "connect");
    write_amf_number(&amf, 1);
    writer_u8(&amf, 3);
    write_amf_member(&amf, "app", bench->app);
    write_amf_member(&amf, "type", "nonprivate");
    write_amf_member(&amf, "flashVer", "FMLE/3.0 (compatible; stoa-bench)");
    write_amf_member(&amf, "tcUrl", url);
    writer_u24(&amf, 9);
    write_command(to, bench->chunk_size, 0, &amf);
    write_amf_string(&amf, "createStream");
    write_amf_number(&amf, 2);
    writer_u8(&amf, 5);
    write_command(to, bench->chunk_size, 0, &amf);
}

static void write_publish(struct bench *bench, const char *key, struct writer *to)
{
    uint8_t memory[1024];
    struct writer amf = writer_fixed(memory, sizeof(memory));

    write_amf_string(&amf, "publish");
    write_amf_number(&amf, 3);
    writer_u8(&amf, 5);
    write_amf_string(&amf, key);
    write_amf_string(&amf, "live");
    write_command(to, bench->chunk_size, STREAM_ID, &amf);
}

/* ---- the beginning of a connection, blocking ---- */

static bool send_all(int fd, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t sent = send(fd, (const uint8_t *)bytes + done, len - done, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        done += (size_t)sent;
    }
    return true;
}

static bool receive_all(int fd, uint8_t *to, size_t len)
{
    return recv(fd, to, len, MSG_WAITALL) == (ssize_t)len;
}

/* Receives until `wanted` was there `times` times. */
static bool await(int fd, const char *wanted, unsigned times)
{
    uint8_t bytes[8192];
    size_t len = 0;

    for (;;) {
        struct pollfd watch = {fd, POLLIN, 0};
        ssize_t got = len < sizeof(bytes) && poll(&watch, 1, ANSWER_TIMEOUT_MS) == 1
                          ? recv(fd, bytes + len, sizeof(bytes) - len, 0)
                          : 0;
        if (got <= 0)
            return false;
        len += (size_t)got;
        unsigned seen = 0;
        for (const uint8_t *at = bytes; seen < times; seen++) {
            const uint8_t *hit = memmem(at, len - (size_t)(at - bytes), wanted, strlen(wanted));
            if (!hit)
                break;
            at = hit + 1;
        }
        if (seen == times)
            return true;
    }
}

/* Handshake (RTMP 1.0 section 5.2, the plain one), connect, createStream, publish. */
static bool negotiate(struct bench *bench, int fd, const char *key)
{
    static uint8_t hello[1 + HANDSHAKE_LEN] = {3}, answer[1 + 2 * HANDSHAKE_LEN];
    struct writer w = writer_growing(MESSAGE_MAX);
    bool is_ok = false;

    if (!send_all(fd, hello, sizeof(hello)) || !receive_all(fd, answer, sizeof(answer)) ||
        !send_all(fd, answer + 1, HANDSHAKE_LEN))
        goto done;
    write_connect(bench, &w);
    if (!send_all(fd, w.data, w.len) || !await(fd, "_result", 2))
        goto done;
    writer_clear(&w);
    write_publish(bench, key, &w);
    is_ok = send_all(fd, w.data, w.len) && await(fd, "NetStream.Publish.Start", 1);
done:
    writer_deinit(&w);
    return is_ok;
}

static void tell(const struct publisher *publisher, int64_t connect_us, bool is_ok)
{
    struct writer w = writer_growing(4096);
    struct jsonw j = jsonw_of(&w);

    jsonw_object_begin(&j);
    jsonw_member_str(&j, "key", publisher->key);
    jsonw_member_bool(&j, "publishing", is_ok);
    jsonw_member_i64(&j, "connect_us", connect_us);
    jsonw_member_i64(&j, "publish_us", clock_mono_us());
    jsonw_object_end(&j);
    (void)printf("%.*s\n", TEXT_ARG(writer_as_text(&w)));
    (void)fflush(stdout);
    writer_deinit(&w);
}

static void begin(struct bench *bench, struct publisher *publisher)
{
    int64_t connect_us = clock_mono_us();
    int on = 1;

    publisher->has_begun = true;
    publisher->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(publisher->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    bool is_ok =
        connect(publisher->fd, (struct sockaddr *)&bench->address, sizeof(bench->address)) == 0 &&
        negotiate(bench, publisher->fd, publisher->key);
    if (is_ok) {
        publisher->begin_us = clock_mono_us();
        (void)fcntl(publisher->fd, F_SETFL, O_NONBLOCK);
    } else {
        (void)close(publisher->fd);
        publisher->fd = -1;
    }
    tell(publisher, connect_us, is_ok);
}

/* ---- media ---- */

static void end(struct publisher *publisher)
{
    if (publisher->fd >= 0)
        (void)close(publisher->fd);
    publisher->fd = -1;
}

/* Puts the next message into `out` when it is due. */
static bool take_next(struct bench *bench, struct publisher *publisher, int64_t now_us)
{
    const struct flv_tag *tag = &bench->flv.tags[publisher->next_tag];
    uint32_t time_ms = tag->time_ms + publisher->loop_ms;
    int64_t lag_us = now_us - publisher->begin_us - (int64_t)time_ms * US_PER_MS;

    if (lag_us < 0)
        return false;
    if (lag_us > publisher->lag_max_us)
        publisher->lag_max_us = lag_us;
    writer_clear(&publisher->out);
    publisher->sent = 0;
    if (!tag->is_header || publisher->loop_ms == 0)
        write_message(&publisher->out, bench->chunk_size, CHUNK_STREAM_MEDIA, tag->type, STREAM_ID,
                      time_ms, tag->payload, tag->payload_len);
    if (++publisher->next_tag == bench->flv.tag_count) {
        publisher->next_tag = 0;
        publisher->loop_ms += bench->flv.duration_ms;
    }
    return true;
}

/* Sends what is due, and reads what the server says, which nobody looks at. */
static void go_on(struct bench *bench, struct publisher *publisher, int64_t now_us)
{
    for (;;) {
        size_t left = publisher->out.len - publisher->sent;

        if (left == 0) {
            if (!take_next(bench, publisher, now_us))
                break;
            continue;
        }
        ssize_t sent = send(publisher->fd, publisher->out.data + publisher->sent, left,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN) {
            end(publisher);
            return;
        }
        if (sent < 0)
            break;
        publisher->sent += (size_t)sent;
        publisher->bytes += (uint64_t)sent;
    }
    if (recv(publisher->fd, NULL, 1 << 20, MSG_TRUNC | MSG_DONTWAIT) == 0)
        end(publisher);
}

static void run(struct bench *bench)
{
    int64_t began_us = clock_mono_us();

    for (int64_t now_us = began_us; now_us - began_us < bench->duration_us;
         now_us = clock_mono_us()) {
        for (unsigned i = 0; i < bench->count; i++) {
            struct publisher *publisher = &bench->publishers[i];
            int64_t begin_us = began_us + bench->spread_us * i / bench->count;

            if (!publisher->has_begun && now_us >= begin_us)
                begin(bench, publisher);
            if (publisher->has_begun && publisher->fd >= 0)
                go_on(bench, publisher, clock_mono_us());
        }
        (void)poll(NULL, 0, TICK_MS);
    }
}

static void report(const struct bench *bench)
{
    struct writer w = writer_growing(4096);
    struct jsonw j = jsonw_of(&w);
    uint64_t bytes = 0, alive = 0;
    int64_t lag_max_us = 0;

    for (unsigned i = 0; i < bench->count; i++) {
        const struct publisher *publisher = &bench->publishers[i];
        bytes += publisher->bytes;
        alive += publisher->fd >= 0;
        lag_max_us = publisher->lag_max_us > lag_max_us ? publisher->lag_max_us : lag_max_us;
    }
    jsonw_object_begin(&j);
    jsonw_member_u64(&j, "publishers", bench->count);
    jsonw_member_u64(&j, "alive", alive);
    jsonw_member_u64(&j, "bytes", bytes);
    jsonw_member_i64(&j, "lag_max_ms", lag_max_us / US_PER_MS);
    jsonw_object_end(&j);
    (void)printf("%.*s\n", TEXT_ARG(writer_as_text(&w)));
    writer_deinit(&w);
}

/* ---- options ---- */

static void die(const char *message, const char *value)
{
    (void)fprintf(stderr, "rtmp_publishers: %s: %s\n", message, value);
    exit(2);
}

static uint64_t number(const char *value, uint64_t max)
{
    uint64_t result = 0;

    if (!text_parse_u64(text_of(value), max, &result))
        die("not a number in range", value);
    return result;
}

static void set_address(struct bench *bench, char *value)
{
    char *colon = strchr(value, ':');

    if (!colon)
        die("not address:port", value);
    *colon = '\0';
    bench->address.sin_family = AF_INET;
    bench->address.sin_port = htons((uint16_t)number(colon + 1, 65535));
    if (inet_pton(AF_INET, value, &bench->address.sin_addr) != 1)
        die("not an IPv4 address", value);
}

static const char *parse_options(struct bench *bench, int argc, char **argv)
{
    static const struct option options[] = {
        {"file", required_argument, NULL, 'f'},
        {"address", required_argument, NULL, 'a'},
        {"app", required_argument, NULL, 'A'},
        {"seconds", required_argument, NULL, 's'},
        {"chunk-size", required_argument, NULL, 'c'},
        {"spread-ms", required_argument, NULL, 'S'},
        {NULL, 0, NULL, 0},
    };
    const char *file = NULL;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'f')
            file = optarg;
        else if (option == 'a')
            set_address(bench, optarg);
        else if (option == 'A')
            bench->app = optarg;
        else if (option == 's')
            bench->duration_us = (int64_t)number(optarg, 86400) * US_PER_S;
        else if (option == 'c')
            bench->chunk_size = (uint32_t)number(optarg, 65536);
        else if (option == 'S')
            bench->spread_us = (int64_t)number(optarg, 3600000) * US_PER_MS;
        else
            exit(2);
    }
    if (!file || bench->address.sin_port == 0 || optind == argc)
        die("needed", "--file, --address and stream keys");
    return file;
}

int main(int argc, char **argv)
{
    struct bench bench = {.app = "live", .chunk_size = 4096, .duration_us = 10 * US_PER_S};
    const char *file = parse_options(&bench, argc, argv);

    if (flv_load(file, &bench.flv) != OK || bench.flv.tag_count == 0)
        die("cannot read as FLV", file);
    bench.count = (unsigned)(argc - optind);
    if (bench.count > PUBLISHERS_MAX)
        die("too many keys", argv[optind]);
    bench.publishers = mem_zalloc(bench.count * sizeof(*bench.publishers));
    for (unsigned i = 0; i < bench.count; i++) {
        bench.publishers[i].key = argv[optind + (int)i];
        bench.publishers[i].fd = -1;
        bench.publishers[i].out = writer_growing(MESSAGE_MAX);
    }
    run(&bench);
    report(&bench);
    for (unsigned i = 0; i < bench.count; i++) {
        end(&bench.publishers[i]);
        writer_deinit(&bench.publishers[i].out);
    }
    mem_free(bench.publishers);
    flv_deinit(&bench.flv);
    return 0;
}
