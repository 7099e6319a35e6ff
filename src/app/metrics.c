/*
 * metrics - /metrics: Prometheus text (format 0.0.4) of the whole program. The channels' part is
 * channel_write_metrics().
 */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/server.h"
#include "base/clock.h"
#include "base/writer.h"

static void head(struct writer *w, const char *name, const char *type, const char *help)
{
    writer_printf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(struct writer *w, const char *name, const char *type, const char *help,
                double value)
{
    head(w, name, type, help);
    writer_printf(w, "%s %.6f\n", name, value);
}

static void count(struct writer *w, const char *name, const char *type, const char *help,
                  uint64_t value)
{
    head(w, name, type, help);
    writer_printf(w, "%s %llu\n", name, (unsigned long long)value);
}

static double resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return 0;
    if (fscanf(file, "%*u %lu", &pages) != 1) /* NOLINT(cert-err34-c): the kernel wrote it */
        pages = 0;
    (void)fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void write_process(struct server *server, struct writer *w)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    one(w, "process_cpu_seconds_total", "counter", "CPU time of the server in seconds.",
        (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
            (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    one(w, "process_resident_memory_bytes", "gauge", "Resident memory in bytes.", resident_bytes());
    one(w, "process_start_time_seconds", "gauge", "Start time, seconds since 1970.",
        (double)server->started_wall_us / 1e6);
    count(w, "stoa_store_up", "gauge", "1 when the database answers.", server->is_store_ok);
}

static void write_loops(struct server *server, struct writer *w)
{
    head(w, "stoa_loop_lag_seconds", "gauge",
         "Longest turn of the loop in the last second or since the last scrape.");
    writer_printf(w, "stoa_loop_lag_seconds{loop=\"control\"} %.6f\n",
                  (double)loop_take_lag_us(server->control) / 1e6);
    writer_printf(w, "stoa_loop_lag_seconds{loop=\"media\"} %.6f\n",
                  (double)server->media_lag_us / 1e6);
    for (size_t i = 0; i < server->edge_count; i++)
        if (server->reports[i])
            writer_printf(w, "stoa_loop_lag_seconds{loop=\"edge%zu\"} %.6f\n", i,
                          (double)server->reports[i]->lag_us / 1e6);
}

static struct http_counters sum_http(const struct server *server)
{
    struct http_counters sum = {0};

    for (size_t i = 0; i < server->edge_count; i++) {
        const struct edge_report *report = server->reports[i];

        if (!report)
            continue;
        sum.conns_accepted += report->http.conns_accepted;
        sum.conns_refused += report->http.conns_refused;
        sum.conns_timed_out += report->http.conns_timed_out;
        sum.conns_open += report->http.conns_open;
        sum.requests_suspended += report->http.requests_suspended;
        sum.requests_h1 += report->http.requests_h1;
        sum.requests_h2 += report->http.requests_h2;
        sum.body_bytes_sent += report->http.body_bytes_sent;
        sum.bytes_received += report->http.bytes_received;
        sum.malformed += report->http.malformed;
        for (size_t class = 0; class < 6; class ++)
            sum.answers[class] += report->http.answers[class];
    }
    return sum;
}

static void write_http(const struct server *server, struct writer *w)
{
    struct http_counters http = sum_http(server);

    count(w, "stoa_http_connections_open", "gauge", "Open HTTP connections.", http.conns_open);
    count(w, "stoa_http_connections_total", "counter", "Accepted HTTP connections.",
          http.conns_accepted);
    count(w, "stoa_http_connections_refused_total", "counter",
          "HTTP connections refused by a limit.", http.conns_refused);
    count(w, "stoa_http_connections_timed_out_total", "counter",
          "HTTP connections closed by a deadline.", http.conns_timed_out);
    count(w, "stoa_http_requests_waiting", "gauge", "Requests that wait for a part or an answer.",
          http.requests_suspended);
    head(w, "stoa_http_requests_total", "counter", "HTTP requests by protocol.");
    writer_printf(w, "stoa_http_requests_total{protocol=\"h1\"} %llu\n",
                  (unsigned long long)http.requests_h1);
    writer_printf(w, "stoa_http_requests_total{protocol=\"h2\"} %llu\n",
                  (unsigned long long)http.requests_h2);
    head(w, "stoa_http_answers_total", "counter", "HTTP answers by class.");
    for (size_t class = 1; class < 6; class ++)
        writer_printf(w, "stoa_http_answers_total{class=\"%zuxx\"} %llu\n", class,
                      (unsigned long long)http.answers[class]);
    count(w, "stoa_http_sent_bytes_total", "counter", "Bytes of answer bodies.",
          http.body_bytes_sent);
    count(w, "stoa_http_received_bytes_total", "counter", "Bytes received.", http.bytes_received);
    count(w, "stoa_http_malformed_total", "counter", "Requests refused by a parser.",
          http.malformed);
}

static void write_push(const struct server *server, struct writer *w)
{
    struct push_counters sum = {0};

    for (size_t i = 0; i < server->edge_count; i++) {
        const struct edge_report *report = server->reports[i];

        if (!report)
            continue;
        sum.subscribers += report->push.subscribers;
        sum.messages += report->push.messages;
        sum.refused += report->push.refused;
        sum.ended_slow += report->push.ended_slow;
        sum.ended_silent += report->push.ended_silent;
    }
    count(w, "stoa_push_subscribers", "gauge", "Subscriptions to events.", sum.subscribers);
    count(w, "stoa_push_events_total", "counter", "Events of channels.", server->event_id);
    count(w, "stoa_push_messages_total", "counter", "Messages sent to subscribers.", sum.messages);
    count(w, "stoa_push_refused_total", "counter", "Subscriptions refused by a limit.",
          sum.refused);
    count(w, "stoa_push_slow_total", "counter", "Subscribers closed because they read too slowly.",
          sum.ended_slow);
    count(w, "stoa_push_silent_total", "counter", "Subscribers closed because they were gone.",
          sum.ended_silent);
}

static void write_live(const struct server *server, struct writer *w)
{
    const struct live_counters *live = &server->live_counters;

    count(w, "stoa_publishers", "gauge", "Publishing connections.", live->sessions);
    count(w, "stoa_rtmp_accepted_total", "counter", "RTMP publishers let in.", live->rtmp_accepted);
    count(w, "stoa_rtmp_refused_total", "counter", "RTMP publishers refused.", live->rtmp_refused);
    count(w, "stoa_rtc_datagrams_total", "counter", "UDP datagrams received.", live->udp_received);
    count(w, "stoa_rtc_dropped_total", "counter", "UDP datagrams of nobody.", live->udp_dropped);
    count(w, "stoa_worker_starts_total", "counter", "Starts of the worker process.",
          live->worker_starts);
    count(w, "stoa_worker_up", "gauge", "1 when the worker runs.", live->worker_pid != 0);
    count(w, "stoa_worker_dropped_total", "counter",
          "Audio frames dropped because the worker was away or slow.", live->worker_dropped);
}

void metrics_write(struct server *server, struct writer *w)
{
    write_process(server, w);
    write_loops(server, w);
    write_http(server, w);
    write_push(server, w);
    write_live(server, w);
    webhook_write_metrics(server->webhooks, w);
    channel_write_metrics(server->directory, w);
}
