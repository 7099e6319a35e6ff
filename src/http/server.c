/*
 * The server of a loop: configuration, deadlines, drain, and small things that all connections
 * share.
 */
#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/core.h"
#include "http/gzip.h"
#include "http/route_table.h"

enum { CORS_ORIGINS_MAX = 256 };

struct http_config http_config_default(void)
{
    return (struct http_config){
#define HTTP_CONFIG_DEFAULT(name, value) .name = (value),
        HTTP_CONFIG_TABLE(HTTP_CONFIG_DEFAULT)
#undef HTTP_CONFIG_DEFAULT
            .limit_loopback = false,
    };
}

static void copy_origins(struct http_server *server, const struct http_server_params *params)
{
    size_t count = params->cors_origins_count;

    if (count == 0 || text_equal(text_of(params->cors_origins[0]), TEXT("*")))
        return;
    server->cors_origins = mem_zalloc(count * sizeof(server->cors_origins[0]));
    server->cors_origins_count = count;
    for (size_t i = 0; i < count; i++) {
        struct text origin = text_of(params->cors_origins[i]);

        server->cors_origins[i] = (struct text){mem_strndup(origin.ptr, origin.len), origin.len};
    }
}

enum err http_core_create(const struct http_server_params *params, int64_t wall_us,
                          struct diag *diag, struct http_server **ret_server)
{
    struct http_route_table *routes;

    if (params->cors_origins_count > CORS_ORIGINS_MAX) {
        diag_set(diag, "more than %d CORS origins", (int)CORS_ORIGINS_MAX);
        return ERR_INVALID;
    }
    enum err err = http_route_table_create(params->routes, params->routes_count, diag, &routes);
    if (err != OK)
        return err;

    struct http_server *server = mem_zalloc(sizeof(*server));
    server->config = params->config;
    server->loop = params->loop;
    server->routes = routes;
    server->owner = params->owner;
    server->wall_us = wall_us;
    server->date_second = INT64_MIN;
    if (params->server_name)
        server->server_name = mem_strndup(params->server_name, strlen(params->server_name));
    copy_origins(server, params);
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        list_init(&server->phases[phase]);
    list_init(&server->ready);
    server->in = mem_alloc(HTTP_IN_LEN);
    server->fields = mem_alloc(HTTP_FIELDS_MAX * sizeof(server->fields[0]));
    server->head_out = mem_alloc(HTTP_HEAD_OUT_LEN);
    server->batch = mem_alloc(HTTP_BATCH_SLICES * sizeof(server->batch[0]));
    *ret_server = server;
    return OK;
}

static struct http_conn *conn_of(struct list_node *in_phase)
{
    return CONTAINER_OF(in_phase, struct http_conn, in_phase);
}

static void close_all(struct http_server *server)
{
    for (int phase = 1; phase < PHASE_COUNT; phase++) {
        struct list_node *node;

        while ((node = list_first(&server->phases[phase])))
            conn_close(conn_of(node));
    }
}

void http_core_destroy(struct http_server *server)
{
    close_all(server);
    assert(server->counters.conns_open == 0);
    http_route_table_destroy(server->routes);
    for (size_t i = 0; i < server->cors_origins_count; i++)
        mem_free((char *)(uintptr_t)server->cors_origins[i].ptr); /* ours, from mem_strndup() */
    mem_free(server->cors_origins);
    mem_free(server->server_name);
    map_deinit(&server->addresses);
    gzip_destroy(server->gzip);
    ws_framer_destroy(server->ws_framer);
    buf_unref(server->out);
    mem_free(server->in);
    mem_free(server->fields);
    mem_free(server->head_out);
    mem_free(server->batch);
    mem_free(server);
}

void http_core_run(struct http_server *server)
{
    struct list batch;
    struct list_node *node;

    /* One pass: what becomes ready meanwhile waits for the next, so that a turn ends. */
    server->is_run_asked = false;
    list_init(&batch);
    list_splice_back(&batch, &server->ready);
    while ((node = list_pop_front(&batch)))
        conn_run(CONTAINER_OF(node, struct http_conn, in_ready));

    if (server->is_draining && server->on_drained && server->counters.conns_open == 0) {
        void (*on_drained)(void *) = server->on_drained;

        server->on_drained = NULL;
        on_drained(server->owner);
    }
}

void http_core_tick(struct http_server *server)
{
    if (server->is_draining && server->now_us >= server->drain_deadline_us)
        close_all(server);
    for (int phase = 1; phase < PHASE_COUNT; phase++) {
        struct list_node *node;

        /* Ends: whoever is not closed gets a deadline in the future, or no deadline. */
        while ((node = list_first(&server->phases[phase])) &&
               conn_of(node)->deadline_us <= server->now_us)
            conn_on_deadline(conn_of(node));
    }
    http_core_run(server);
}

void http_core_drain(struct http_server *server, void (*on_drained)(void *owner))
{
    server->is_draining = true;
    server->on_drained = on_drained;
    server->drain_deadline_us = server->now_us + server->config.drain_ms * US_PER_MS;
    for (int phase = 1; phase < PHASE_COUNT; phase++) {
        LIST_FOR_EACH(node, &server->phases[phase])
        conn_drain(conn_of(node));
    }
    if (server->ask_run)
        server->ask_run(server);
}

struct http_counters http_server_counters(const struct http_server *server)
{
    return server->counters;
}

enum { DATE_LEN = 29, DATE_AT = 6 }; /* "Date: Sat, 21 Nov 2026 08:40:00 GMT" */

struct text server_date_lines(struct http_server *server)
{
    int64_t wall_us = server->wall_us + server->now_us;

    if (wall_us / US_PER_S != server->date_second) {
        struct writer w = writer_fixed(server->date_lines, sizeof(server->date_lines));

        server->date_second = wall_us / US_PER_S;
        writer_str(&w, "Date: ");
        clock_write_http_date(&w, wall_us);
        writer_str(&w, "\r\n");
        if (server->server_name) {
            writer_str(&w, "Server: ");
            writer_text(&w, text_sub(text_of(server->server_name), 0, 64));
            writer_str(&w, "\r\n");
        }
        server->date_lines_len = w.len;
    }
    return (struct text){server->date_lines, server->date_lines_len};
}

struct text server_date(struct http_server *server)
{
    return text_sub(server_date_lines(server), DATE_AT, DATE_LEN);
}

/* The chunk is written only behind what earlier slices show, so those never change. When nobody
 * holds it any more it is used from the start again: sending small frames allocates nothing. */
struct slice server_out(struct http_server *server, const void *bytes, size_t len)
{
    assert(len <= HTTP_OUT_LEN);
    if (server->out && atomic_load(&server->out->refs) == 1)
        server->out_len = 0;
    if (!server->out || HTTP_OUT_LEN - server->out_len < len) {
        buf_unref(server->out);
        server->out = buf_create(HTTP_OUT_LEN);
        server->out_len = 0;
    }
    memcpy(server->out->data + server->out_len, bytes, len);
    struct slice slice = slice_of(server->out, server->out_len, len);
    server->out_len += len;
    return slice;
}
