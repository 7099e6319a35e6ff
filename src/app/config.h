/*
 * config - the settings of the program: one table row a key (config.c).
 *
 *     defaults  <  stoa.conf (ini)  <  .env  <  environment STOA_<SECTION>_<KEY>
 *
 * A setting is parsed and checked once, into this struct; all errors are told at once, each with
 * its file and line. Settings marked as reloadable are read again on SIGHUP.
 */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "net/net.h"

struct writer;

enum { CONFIG_TEXT_MAX = 255, CONFIG_PUBLIC_IPS_MAX = 4, CONFIG_ORIGINS_MAX = 16 };

struct config_address {
    bool is_on;
    struct net_address address;
};

struct config {
    struct config_address http_listen;
    struct config_address https_listen;
    struct config_address rtmp_listen;
    struct config_address rtmps_listen;
    struct config_address rtc_listen;
    char tls_cert[CONFIG_TEXT_MAX + 1];
    char tls_key[CONFIG_TEXT_MAX + 1];
    struct net_address rtc_public_ip[CONFIG_PUBLIC_IPS_MAX];
    size_t rtc_public_ip_count;
    char public_url[CONFIG_TEXT_MAX + 1];
    char data_dir[CONFIG_TEXT_MAX + 1];
    char database_url[CONFIG_TEXT_MAX + 1];
    char node_url[CONFIG_TEXT_MAX + 1];
    char node_media_origins[CONFIG_TEXT_MAX + 1];
    char worker_path[CONFIG_TEXT_MAX + 1]; /* "": beside the program */
    struct secret admin_key;
    int64_t session_idle_s;
    int64_t session_life_s;
    char jwt_algorithm[CONFIG_TEXT_MAX + 1]; /* "": no JSON Web Tokens */
    struct secret jwt_key;
    char jwt_key_files[CONFIG_TEXT_MAX + 1];
    char jwt_issuer[CONFIG_TEXT_MAX + 1];
    char jwt_audience[CONFIG_TEXT_MAX + 1];
    char jwt_role_claim[CONFIG_TEXT_MAX + 1];
    char jwt_email_claim[CONFIG_TEXT_MAX + 1];
    char jwt_admin_roles[CONFIG_TEXT_MAX + 1];
    char jwt_seller_roles[CONFIG_TEXT_MAX + 1];
    char admin_email[CONFIG_TEXT_MAX + 1];
    struct secret admin_password;
    char fetch_allow_private[CONFIG_TEXT_MAX + 1];
    char fetch_ca_file[CONFIG_TEXT_MAX + 1];
    enum log_level log_level;
    bool is_log_json;
    int64_t server_threads; /* delivery loops; 0: one a core */
    int64_t hls_part_ms;
    int64_t hls_segment_ms;
    int64_t hls_window_ms;
    int64_t live_max;
    int64_t reconnect_s;
    int64_t media_wait_s;
    int64_t broadcast_max_min;
    bool records_all;
    int64_t record_days; /* 0: for ever */
    int64_t record_bytes_max;
    int64_t connections_max;
    int64_t connections_per_address;
    int64_t subscribers_max;
    int64_t subscribers_per_address;
    int64_t shutdown_s;
    char cors_origins[CONFIG_TEXT_MAX + 1];
    bool trusts_forwarded;
};

/* Reads everything. `path` NULL: stoa.conf in the working directory, if it is there. Each problem
 * is written as a line into `problems`; ERR_INVALID when there is one. */
MUST_USE enum err config_load(struct config *config, const char *path, struct writer *problems);

/* Forgets the secrets. */
void config_wipe(struct config *config);

/* All settings as an ini file with their explanations; secrets are left out. */
void config_print(const struct config *config, struct writer *w);

/* The path of stoa-worker: as set, else beside this program. */
void config_worker_path(const struct config *config, char *to, size_t cap);

/* The folder of the recordings. */
void config_recordings_path(const struct config *config, char *to, size_t cap);

/* database.url, or that of the file in data.dir. It may hold a password: for the store alone. */
void config_database_url(const struct config *config, char *to, size_t cap);

/* PostgreSQL: other servers may use the same database. */
bool config_database_is_server(const struct config *config);

/* database.url as it may be shown: without user, password and options. */
void config_database_name(const struct config *config, struct writer *w);

#endif
