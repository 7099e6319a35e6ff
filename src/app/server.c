#include "app/server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "app/nodes.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/writer.h"

/* ---- signals ---- */

struct signals {
    uv_signal_t term;
    uv_signal_t interrupt;
    uv_signal_t hangup;
};

static void on_stop_signal(uv_signal_t *handle, int number)
{
    (void)number;
    control_begin_shutdown(handle->data);
}

static void reload_tls(struct tls_context *tls, const char *name)
{
    struct diag diag = {0};

    if (!tls)
        return;
    if (tls_context_reload(tls, &diag) == OK)
        log_info("certificate_reloaded", LOG_STR("of", name));
    else
        log_error("certificate_not_reloaded", LOG_STR("of", name), LOG_STR("reason", diag.message),
                  LOG_STR("effect", "the old certificate stays in use"));
}

/* Certificates and the log's settings are read again; everything else needs a restart. */
static void on_hangup(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;
    struct writer problems = writer_growing(1 << 16);
    struct config fresh;

    (void)number;
    if (config_load(&fresh, server->config_path, &problems) == OK) {
        log_configure(fresh.log_level, fresh.is_log_json);
        log_info("configuration_reloaded", LOG_STR("log_level", log_level_name(fresh.log_level)));
    } else {
        log_error("configuration_not_reloaded", LOG_TEXT("problems", writer_as_text(&problems)));
    }
    config_wipe(&fresh);
    writer_deinit(&problems);
    reload_tls(server->https_tls, "https");
    reload_tls(server->rtmps_tls, "rtmps");
}

static void watch_signal(struct server *server, uv_signal_t *handle, int number, uv_signal_cb on_it)
{
    (void)uv_signal_init(loop_uv(server->control), handle);
    handle->data = server;
    (void)uv_signal_start(handle, on_it, number);
}

static void watch_signals(struct server *server, struct signals *signals)
{
    (void)signal(SIGPIPE, SIG_IGN); /* a vanished reader of our output is an error code, no end */
    (void)signal(SIGXFSZ, SIG_IGN); /* so is a file that may not grow */
    watch_signal(server, &signals->term, SIGTERM, on_stop_signal);
    watch_signal(server, &signals->interrupt, SIGINT, on_stop_signal);
    watch_signal(server, &signals->hangup, SIGHUP, on_hangup);
}

/* ---- set-up ---- */

static void split_origins(struct server *server)
{
    char *next = server->cors_memory;

    (void)snprintf(next, sizeof(server->cors_memory), "%s", server->config.cors_origins);
    while (*next && server->cors_origins_count < CONFIG_ORIGINS_MAX) {
        size_t len = strcspn(next, " ");

        if (len)
            server->cors_origins[server->cors_origins_count++] = next;
        next += len;
        if (*next)
            *next++ = '\0';
    }
}

/* Two servers on one port would each get a part of the connections (SO_REUSEPORT). */
static enum err check_ports(const struct config *config, struct diag *diag)
{
    const struct {
        const char *name;
        const struct config_address *listen;
        bool is_udp;
    } rows[] = {
        {"http.listen", &config->http_listen, false},
        {"https.listen", &config->https_listen, false},
        {"rtmp.listen", &config->rtmp_listen, false},
        {"rtmps.listen", &config->rtmps_listen, false},
        {"rtc.listen", &config->rtc_listen, false},
        {"rtc.listen", &config->rtc_listen, true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct net_address *address = &rows[i].listen->address;

        if (!rows[i].listen->is_on ||
            (rows[i].is_udp ? udp_port_is_free(address) : tcp_port_is_free(address)))
            continue;
        diag_set(diag,
                 "%s port %u (%s) is in use by another program, perhaps another Stoa. Find it "
                 "with `ss -lp%c 'sport = :%u'`, end it, or set %s to another port.",
                 rows[i].is_udp ? "UDP" : "TCP", net_port(address), rows[i].name,
                 rows[i].is_udp ? 'u' : 't', net_port(address), rows[i].name);
        return ERR_CONFLICT;
    }
    return OK;
}

static enum err create_tls(struct server *server, struct diag *diag)
{
    const struct config *config = &server->config;
    enum err err = OK;

    if (config->https_listen.is_on)
        err = tls_context_create(config->tls_cert, config->tls_key, TEXT("\x02h2\x08http/1.1"),
                                 diag, &server->https_tls);
    if (!err && config->rtmps_listen.is_on)
        err = tls_context_create(config->tls_cert, config->tls_key, TEXT(""), diag,
                                 &server->rtmps_tls);
    return err;
}

static size_t wanted_edges(const struct config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = config->server_threads ? (size_t)config->server_threads : (size_t)cores;

    if (count < 1)
        return 1;
    return count < SERVER_EDGES_MAX ? count : SERVER_EDGES_MAX;
}

static enum err listen_edge(struct server *server, struct edge *edge, struct diag *diag)
{
    const struct config *config = &server->config;
    enum err err = OK;

    /* Port 0 is chosen by the first edge and shared by the others. */
    if (config->http_listen.is_on) {
        struct net_address address =
            server->http_bound.any.sa_family ? server->http_bound : config->http_listen.address;
        err = edge_listen(edge, &address, NULL, diag, &server->http_bound);
    }
    if (!err && config->https_listen.is_on) {
        struct net_address address =
            server->https_bound.any.sa_family ? server->https_bound : config->https_listen.address;
        err = edge_listen(edge, &address, server->https_tls, diag, &server->https_bound);
    }
    return err;
}

static enum err create_edges(struct server *server, struct diag *diag)
{
    static char names[SERVER_EDGES_MAX][32];
    char media_urls[2 * CONFIG_TEXT_MAX + 4];
    const struct config *config = &server->config;
    struct edge_config edge_config = {
        .http = http_config_default(),
        .cors_origins = server->cors_origins,
        .cors_origins_count = server->cors_origins_count,
        .push_epoch = crypto_random_u64() >> 16, /* short, and hardly ever that of another run */
        .push = {.subscribers_max = (uint32_t)config->subscribers_max,
                 .per_address_max = (uint32_t)config->subscribers_per_address},
        .media_urls = media_urls,
        .trusts_forwarded = config->trusts_forwarded,
        .files = server->files_pool,
        .recordings = server->recordings_path,
    };
    struct edge_upstream upstream = {
        .ctx = server,
        .send = control_send_call,
        .report = control_report,
    };
    size_t count = wanted_edges(config);

    (void)snprintf(media_urls, sizeof(media_urls), "%s %s", config->public_url,
                   config->node_media_origins); /* fits */
    edge_config.http.conns_max = (uint32_t)config->connections_max;
    edge_config.http.conns_per_address_max = (uint32_t)config->connections_per_address;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "edge%zu", i);
        enum err err = loop_create(names[i], &server->edge_loops[i]);
        if (!err)
            err = edge_create(server->edge_loops[i], &edge_config, &upstream, diag,
                              &server->edges[i]);
        if (!err)
            err = listen_edge(server, server->edges[i], diag);
        server->edge_count = i + 1;
        if (err)
            return err;
    }
    return OK;
}

static enum err start_threads(struct server *server, struct diag *diag)
{
    enum err err = loop_start(server->media);

    for (size_t i = 0; i < server->edge_count && !err; i++)
        err = loop_start(server->edge_loops[i]);
    if (err)
        diag_set(diag, "The threads cannot be started: raise the limit of processes (ulimit -u).");
    return err;
}

static enum err create_all(struct server *server, struct diag *diag)
{
    struct writer epoch = writer_fixed(server->epoch_prefix, sizeof(server->epoch_prefix) - 1);

    /* Seconds since 2020, in hexadecimal: another one with each start. */
    writer_printf(&epoch, "%llx",
                  (unsigned long long)(clock_wall_us() / US_PER_S - INT64_C(1577836800)));
    config_worker_path(&server->config, server->worker_path, sizeof(server->worker_path));
    split_origins(server);
    enum err err = check_ports(&server->config, diag);
    if (!err)
        err = create_tls(server, diag);
    if (!err)
        err = media_create(server, diag);
    if (!err)
        err = control_create(server, diag);
    if (!err)
        err = create_edges(server, diag);
    if (!err)
        status_tell_all(server);
    return err;
}

/* ---- end ---- */

static void stop_threads(struct server *server)
{
    for (size_t i = 0; i < server->edge_count; i++) {
        loop_stop(server->edge_loops[i]);
        loop_join(server->edge_loops[i]);
    }
    loop_stop(server->media);
    loop_join(server->media);
}

static void on_gone(void *ctx)
{
    loop_stop(ctx);
}

/* The loops do not run any more: everything is touched from here. */
static void destroy_all(struct server *server)
{
    for (size_t i = 0; i < server->edge_count; i++)
        edge_destroy(server->edges[i]);
    loop_timer_cancel(&server->media_second); /* the media loop runs once more below */
    loop_timer_cancel(&server->record_minute);
    if (server->live) { /* the start failed, or the shutdown was cut short */
        live_destroy(server->live, on_gone, server->media);
        loop_run(server->media); /* until the worker has ended */
    }
    if (server->recorder) {
        recorder_drop_queue(server->recorder);
        recorder_close(server->recorder, on_gone, server->media);
        loop_run(server->media); /* until the files are closed */
    }
    pool_destroy(server->record_pool);
    pool_destroy(server->files_pool);
    if (server->pool || server->directory)
        control_destroy(server);
    api_destroy(server->api);
    channel_directory_destroy(server->directory);
    webhook_hub_destroy(server->webhooks);
    account_directory_destroy(server->accounts);
    jwt_checker_destroy(server->jwt);
    nodes_close_store(server);
    for (size_t i = 0; i < server->edge_count; i++)
        loop_destroy(server->edge_loops[i]);
    loop_destroy(server->media);
    loop_destroy(server->control);
    tls_context_destroy(server->https_tls);
    tls_context_destroy(server->rtmps_tls);
}

int server_run(const struct config *config, const char *config_path, bool wants_demo)
{
    struct server *server = mem_zalloc(sizeof(*server));
    struct signals signals;
    struct diag diag = {0};
    int code = 1;

    server->config = *config;
    server->config_path = config_path;
    server->started_wall_us = clock_wall_us();
    if (loop_create("control", &server->control) != OK) {
        (void)fprintf(stderr, "stoa: the event loop cannot be created\n");
        mem_free(server);
        return 1;
    }
    bool is_created = create_all(server, &diag) == OK;
    if (is_created && start_threads(server, &diag) == OK) {
        watch_signals(server, &signals);
        control_greet(server, wants_demo);
        log_info("server_started", LOG_STR("version", STOA_VERSION),
                 LOG_U64("edges", server->edge_count), LOG_STR("worker", server->worker_path));
        loop_run(server->control);
        log_info("server_stopped", LOG_STR("version", STOA_VERSION));
        code = 0;
    } else {
        (void)fprintf(stderr, "stoa: %s\n", diag.message);
    }
    if (is_created)
        stop_threads(server);
    destroy_all(server);
    config_wipe(&server->config);
    mem_free(server);
    return code;
}
