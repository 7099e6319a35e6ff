/*
 * greet - what the program prints when it is up: where everything is.
 */
#include <stdio.h>

#include "app/server.h"

static const struct channel *find_or_create_demo(struct server *server)
{
    char key[API_STREAM_KEY_LEN + 1];
    struct diag diag = {0};
    uint64_t id;

    if (channel_directory_count(server->directory))
        return channel_directory_at(server->directory, 0);
    api_draw_stream_key(key);
    if (channel_create(server->directory, &(struct channel_settings){.title = TEXT("Demo")},
                       text_of(key), loop_now_us(server->control), &id, &diag) != OK)
        return NULL;
    return channel_find(server->directory, id);
}

static void print_base(const struct server *server, char *to, size_t cap)
{
    bool is_http = server->http_bound.any.sa_family != 0;

    if (server->config.public_url[0])
        (void)snprintf(to, cap, "%s", server->config.public_url);
    else
        (void)snprintf(to, cap, "%s://localhost:%u", is_http ? "http" : "https",
                       net_port(is_http ? &server->http_bound : &server->https_bound));
}

static void print_demo(const struct server *server, const struct channel *demo, const char *base)
{
    printf("  Studio      %s/studio/%llu\n", base, (unsigned long long)demo->id);
    printf("  Watch       %s/watch/%llu\n", base, (unsigned long long)demo->id);
    if (server->rtmp_bound.any.sa_family)
        printf("  OBS server  rtmp://localhost:%u/live\n", net_port(&server->rtmp_bound));
    else if (server->rtmps_bound.any.sa_family)
        printf("  OBS server  rtmps://localhost:%u/live\n", net_port(&server->rtmps_bound));
    printf("  Stream key  %.*s\n", TEXT_ARG(secret_reveal(&demo->stream_key)));
}

static void print_admin(const struct server *server, const char *base)
{
    const struct config *config = &server->config;

    printf("  Admin       %s/admin\n", base);
    printf("  Admin login %s, %s\n", config->admin_email,
           config->admin_password.len ? "the password of your configuration (STOA_ADMIN_PASSWORD)"
                                      : "the password printed at the first start");
    printf("  Admin key   %s\n\n", config->admin_key.len
                                       ? "the one in your configuration (STOA_ADMIN_KEY)"
                                       : "the one printed at the first start");
}

void control_greet(struct server *server, bool wants_demo)
{
    const struct channel *demo = wants_demo ? find_or_create_demo(server) : NULL;
    char base[CONFIG_TEXT_MAX + 1];

    print_base(server, base, sizeof(base));
    printf("\nStoa %s is up.\n  Home        %s/\n", STOA_VERSION, base);
    if (demo)
        print_demo(server, demo, base);
    print_admin(server, base);
    (void)fflush(stdout);
}
