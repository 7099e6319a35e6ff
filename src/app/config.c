#include "app/config.h"

#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/account.h"
#include "base/mem.h"
#include "base/writer.h"

enum key_kind {
    KIND_ADDRESS = 1, /* host:port, or "off" */
    KIND_IPS,         /* addresses separated by commas; may be empty */
    KIND_TEXT,
    KIND_URL, /* http(s)://host, without a slash at the end; may be empty */
    KIND_NUMBER,
    KIND_BOOL,
    KIND_LEVEL,
    KIND_FORMAT,
    KIND_DATABASE, /* sqlite:<path> or postgres://...; may be empty; may hold a password */
    KIND_SECRET,
};

struct key {
    const char *section;
    const char *name;
    enum key_kind kind;
    size_t offset;
    const char *initial;
    int64_t min;
    int64_t max;
    bool is_reloadable;
    const char *help;
    const char *other_variable; /* another name in the environment; STOA_... wins */
};

#define AT(member) offsetof(struct config, member)

/* clang-format off */
static const struct key keys[] = {
    /* section    name               kind          where                 default           min  max      reload */
    {"http",     "listen",          KIND_ADDRESS, AT(http_listen),      "0.0.0.0:8080",   0,   0,       false, "Address of HTTP, or off."},
    {"http",     "cors_origins",    KIND_TEXT,    AT(cors_origins),     "*",              0,   0,       false, "Origins of other sites whose pages may call the API and play, separated by spaces; * for all."},
    {"http",     "trust_forwarded", KIND_BOOL,    AT(trusts_forwarded), "no",             0,   0,       false, "A proxy in front sets X-Forwarded-Proto and X-Forwarded-For, and they may be believed."},
    {"http",     "connections",     KIND_NUMBER,  AT(connections_max),  "20000",          10,  1000000, false, "Connections of one delivery loop."},
    {"http",     "per_address",     KIND_NUMBER,  AT(connections_per_address), "512",     1,   1000000, false, "Connections from one address (IPv6: one /64) on one delivery loop."},
    {"push",     "subscribers",     KIND_NUMBER,  AT(subscribers_max),  "20000",          0,   1000000, false, "Subscriptions to events on one delivery loop."},
    {"push",     "per_address",     KIND_NUMBER,  AT(subscribers_per_address), "1000",    1,   1000000, false, "Subscriptions to events from one address (IPv6: one /64) on one delivery loop."},
    {"https",    "listen",          KIND_ADDRESS, AT(https_listen),     "off",            0,   0,       false, "Address of HTTPS; needs tls.cert and tls.key."},
    {"tls",      "cert",            KIND_TEXT,    AT(tls_cert),         "",               0,   0,       true,  "PEM file with the certificate chain."},
    {"tls",      "key",             KIND_TEXT,    AT(tls_key),          "",               0,   0,       true,  "PEM file with the private key."},
    {"rtmp",     "listen",          KIND_ADDRESS, AT(rtmp_listen),      "0.0.0.0:1935",   0,   0,       false, "Address of RTMP, or off."},
    {"rtmps",    "listen",          KIND_ADDRESS, AT(rtmps_listen),     "off",            0,   0,       false, "Address of RTMPS; needs tls.cert and tls.key."},
    {"rtc",      "listen",          KIND_ADDRESS, AT(rtc_listen),       "0.0.0.0:8189",   0,   0,       false, "Address of WebRTC: UDP, and TCP on the same number; or off."},
    {"rtc",      "public_ip",       KIND_IPS,     AT(rtc_public_ip),    "",               0,   0,       false, "Addresses under which sellers reach rtc.listen, separated by commas; needed behind NAT and in containers."},
    {"public",   "url",             KIND_URL,     AT(public_url),       "",               0,   0,       false, "What links and playback URLs start with; empty: taken from each request."},
    {"data",     "dir",             KIND_TEXT,    AT(data_dir),         "./data",         0,   0,       false, "Folder of the database and of the recordings."},
    {"database", "url",             KIND_DATABASE, AT(database_url),    "",               0,   0,       false, "sqlite:<path>, or postgres://user:password@host/database; empty: stoa.db in data.dir.", "DATABASE_URL"},
    {"node",     "url",             KIND_URL,     AT(node_url),         "",               0,   0,       false, "Where viewers reach this server itself, when several share a database: its broadcasts are played from there."},
    {"node",     "media_origins",   KIND_TEXT,    AT(node_media_origins), "",             0,   0,       false, "node.url of the other servers, separated by spaces: the pages may play from there."},
    {"worker",   "path",            KIND_TEXT,    AT(worker_path),      "",               0,   0,       false, "The program stoa-worker; empty: beside stoa."},
    {"admin",    "email",           KIND_TEXT,    AT(admin_email),      "admin@localhost", 0,  0,       false, "Who may sign in as admin: the account is made at the first start."},
    {"admin",    "password",        KIND_SECRET,  AT(admin_password),   "",               8,   0,       false, "Its password at the first start; empty: made up and printed then."},
    {"admin",    "key",             KIND_SECRET,  AT(admin_key),        "",               16,   0,       false, "The admin's key; empty: the one of the first start, which was made up and printed then."},
    {"auth",     "session_idle_s",  KIND_NUMBER,  AT(session_idle_s),   "1209600",        1,   31536000, false, "A signed-in browser that asks for nothing for so long must sign in again, in seconds."},
    {"auth",     "session_life_s",  KIND_NUMBER,  AT(session_life_s),   "7776000",        1,   31536000, false, "And after so long it must in any case, in seconds."},
    {"auth",     "jwt_algorithm",   KIND_TEXT,    AT(jwt_algorithm),    "",               0,   0,       false, "HS256, RS256 or ES256: how the shop's own sign-in signs its JSON Web Tokens; empty: none are taken."},
    {"auth",     "jwt_key",         KIND_SECRET,  AT(jwt_key),          "",               16,   0,       false, "The secret of HS256, 32 characters or more."},
    {"auth",     "jwt_key_files",   KIND_TEXT,    AT(jwt_key_files),    "",               0,   0,       false, "Files with the keys instead, separated by spaces: PEM public keys for RS256 and ES256, secrets for HS256; with several write <kid>=<file>."},
    {"auth",     "jwt_issuer",      KIND_TEXT,    AT(jwt_issuer),       "",               0,   0,       false, "What tokens must have as iss; empty: anything."},
    {"auth",     "jwt_audience",    KIND_TEXT,    AT(jwt_audience),     "",               0,   0,       false, "What tokens must have in aud; empty: anything."},
    {"auth",     "jwt_role_claim",  KIND_TEXT,    AT(jwt_role_claim),   "role",           0,   0,       false, "The claim with the role or roles."},
    {"auth",     "jwt_email_claim", KIND_TEXT,    AT(jwt_email_claim),  "email",          0,   0,       false, "The claim with the e-mail, by which an account is found when sub is not its id."},
    {"auth",     "jwt_admin_roles", KIND_TEXT,    AT(jwt_admin_roles),  "admin",          0,   0,       false, "What the shop calls admins, separated by commas."},
    {"auth",     "jwt_seller_roles", KIND_TEXT,   AT(jwt_seller_roles), "seller",         0,   0,       false, "What the shop calls sellers, separated by commas."},
    {"fetch",    "allow_private",   KIND_TEXT,    AT(fetch_allow_private), "",            0,   0,       false, "Private networks that webhooks may go to, as 10.0.0.0/8, separated by spaces."},
    {"fetch",    "ca_file",         KIND_TEXT,    AT(fetch_ca_file),    "",               0,   0,       false, "PEM file of certificate authorities that webhooks may have beside the system's."},
    {"log",      "level",           KIND_LEVEL,   AT(log_level),        "info",           0,   0,       true,  "error, warn, info, or debug."},
    {"log",      "format",          KIND_FORMAT,  AT(is_log_json),      "text",           0,   0,       true,  "text or json."},
    {"server",   "threads",         KIND_NUMBER,  AT(server_threads),   "0",              0,   64,      false, "Delivery loops; 0: one a core."},
    {"server",   "shutdown_s",      KIND_NUMBER,  AT(shutdown_s),       "15",             1,   600,     false, "The longest that a graceful shutdown may take, in seconds."},
    {"hls",      "part_ms",         KIND_NUMBER,  AT(hls_part_ms),      "200",            50,  2000,    false, "Target duration of a part, in milliseconds."},
    {"hls",      "segment_ms",      KIND_NUMBER,  AT(hls_segment_ms),   "2000",           1000, 10000,  false, "Target duration of a segment, in milliseconds; also how often browsers are asked for key frames."},
    {"hls",      "window_ms",       KIND_NUMBER,  AT(hls_window_ms),    "10000",          5000, 600000, false, "How much of each channel is kept in memory, in milliseconds; at least five segments."},
    {"live",     "max",             KIND_NUMBER,  AT(live_max),         "1000",           1,   100000,  false, "Broadcasts at the same time."},
    {"live",     "reconnect_s",     KIND_NUMBER,  AT(reconnect_s),      "30",             1,   3600,    false, "How long a seller who lost the connection may stay away before the broadcast ends, in seconds."},
    {"live",     "media_wait_s",    KIND_NUMBER,  AT(media_wait_s),     "30",             1,   600,     false, "How long a started channel waits for the seller's media, in seconds."},
    {"live",     "max_minutes",     KIND_NUMBER,  AT(broadcast_max_min), "120",           1,   10080,   false, "A broadcast ends by itself after this many minutes."},
    {"record",   "enabled",         KIND_BOOL,    AT(records_all),      "no",             0,   0,       false, "Every broadcast is recorded into data.dir; else those that are asked for."},
    {"record",   "retention_days",  KIND_NUMBER,  AT(record_days),      "0",              0,   36500,   false, "Recordings are deleted so many days after their end; 0: never."},
    {"record",   "max_bytes",       KIND_NUMBER,  AT(record_bytes_max), "0",              0,   INT64_MAX, false, "Room for all recordings; the oldest are deleted for new ones; 0: as much as the disk holds."},
};
/* clang-format on */

enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]), ENV_LINE_MAX = 4096 };

#define SQLITE_SCHEME "sqlite:"

/* Where a value came from, for the message. */
struct origin {
    const char *name;
    int line;
};

static void *field(struct config *config, const struct key *key)
{
    return (char *)config + key->offset;
}

static bool parse_address(struct text value, struct config_address *to)
{
    *to = (struct config_address){0};
    if (value.len == 0 || text_equal(value, TEXT("off")))
        return true;
    to->is_on = true;
    return net_parse(value, &to->address) == OK;
}

static bool parse_ips(struct text value, struct config *config)
{
    config->rtc_public_ip_count = 0;
    while (value.len) {
        struct text item = text_trim(text_cut(&value, ','));

        if (config->rtc_public_ip_count == CONFIG_PUBLIC_IPS_MAX ||
            net_parse_ip(item, 0, &config->rtc_public_ip[config->rtc_public_ip_count]) != OK)
            return false;
        config->rtc_public_ip_count++;
    }
    return true;
}

static bool parse_text(struct text value, char *to)
{
    if (value.len > CONFIG_TEXT_MAX)
        return false;
    memcpy(to, value.len ? value.ptr : "", value.len);
    to[value.len] = '\0';
    return true;
}

static bool parse_url(struct text value, char *to)
{
    bool is_url =
        text_starts_with(value, TEXT("http://")) || text_starts_with(value, TEXT("https://"));

    if (value.len && (!is_url || text_ends_with(value, TEXT("/"))))
        return false;
    return parse_text(value, to);
}

static bool is_postgres(struct text url)
{
    return text_starts_with(url, TEXT("postgres://")) ||
           text_starts_with(url, TEXT("postgresql://"));
}

static bool parse_database(struct text value, char *to)
{
    bool is_file = text_starts_with(value, TEXT(SQLITE_SCHEME));

    if (is_file && value.len == strlen(SQLITE_SCHEME))
        return false;
    return (value.len == 0 || is_file || is_postgres(value)) && parse_text(value, to);
}

static bool parse_bool(struct text value, bool *to)
{
    *to = text_equal(value, TEXT("yes")) || text_equal(value, TEXT("true")) ||
          text_equal(value, TEXT("1"));
    return *to || text_equal(value, TEXT("no")) || text_equal(value, TEXT("false")) ||
           text_equal(value, TEXT("0"));
}

static bool parse_format(struct text value, bool *is_json)
{
    *is_json = text_equal(value, TEXT("json"));
    return *is_json || text_equal(value, TEXT("text"));
}

static bool parse_value(struct config *config, const struct key *key, struct text value)
{
    void *to = field(config, key);

    switch (key->kind) {
    case KIND_ADDRESS:
        return parse_address(value, to);
    case KIND_IPS:
        return parse_ips(value, config);
    case KIND_TEXT:
        return parse_text(value, to);
    case KIND_URL:
        return parse_url(value, to);
    case KIND_NUMBER:
        return text_parse_i64(value, key->min, key->max, to);
    case KIND_BOOL:
        return parse_bool(value, to);
    case KIND_LEVEL:
        return log_level_parse(value, to);
    case KIND_FORMAT:
        return parse_format(value, to);
    case KIND_DATABASE:
        return parse_database(value, to);
    case KIND_SECRET:
        return secret_set(to, value) && (value.len == 0 || value.len >= (size_t)key->min);
    }
    return false;
}

static void explain(struct writer *problems, const struct key *key, struct text value,
                    const struct origin *origin)
{
    writer_str(problems, origin->name);
    if (origin->line)
        writer_printf(problems, ":%d", origin->line);
    writer_printf(problems, ": %s.%s ", key->section, key->name);
    if (key->kind == KIND_SECRET)
        writer_printf(problems, "must have %lld to %d characters. ", (long long)key->min,
                      SECRET_LEN_MAX);
    else if (key->kind == KIND_DATABASE) /* it may hold a password: not repeated */
        writer_printf(problems, "must start with sqlite: or postgres://, up to %d characters. ",
                      CONFIG_TEXT_MAX);
    else
        writer_printf(problems, "cannot be \"%.*s\". ", TEXT_ARG(value));
    if (key->kind == KIND_NUMBER)
        writer_printf(problems, "It is a whole number from %lld to %lld. ", (long long)key->min,
                      (long long)key->max);
    if (key->kind == KIND_ADDRESS)
        writer_str(problems, "It is an address with port like 0.0.0.0:8080, or off. ");
    if (key->kind == KIND_URL)
        writer_str(problems, "It is like https://live.example.org, without a slash at the end. ");
    writer_printf(problems, "(%s)\n", key->help);
}

static void apply(struct config *config, const struct key *key, struct text value,
                  const struct origin *origin, struct writer *problems)
{
    if (!parse_value(config, key, text_trim(value)))
        explain(problems, key, value, origin);
}

/* ---- the ini file ---- */

struct ini_reading {
    struct config *config;
    struct writer *problems;
    const char *path;
    FILE *file;
    int line;
};

/* Debian's inih does not tell the handler the line, so the lines are counted as they are read. */
static char *read_ini_line(char *to, int cap, void *stream)
{
    struct ini_reading *reading = stream;

    reading->line++;
    return fgets(to, cap, reading->file);
}

static int on_ini_value(void *user, const char *section, const char *name, const char *value)
{
    struct ini_reading *reading = user;
    struct origin origin = {reading->path, reading->line};

    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0) {
            apply(reading->config, &keys[i], text_of(value), &origin, reading->problems);
            return 1;
        }
    }
    writer_printf(reading->problems,
                  "%s:%d: there is no setting %s.%s. `stoa --print-config` lists all.\n",
                  reading->path, reading->line, section, name);
    return 1;
}

static void read_ini(struct config *config, const char *path, bool must_exist,
                     struct writer *problems)
{
    struct ini_reading reading = {config, problems, path, fopen(path, "re"), 0};

    if (!reading.file) {
        if (must_exist || errno != ENOENT)
            writer_printf(problems, "%s: cannot be read: %s.\n", path, strerror(errno));
        return;
    }
    int bad_line = ini_parse_stream(read_ini_line, &reading, on_ini_value, &reading);
    (void)fclose(reading.file);
    if (bad_line > 0)
        writer_printf(problems, "%s:%d: this line is not \"[section]\" nor \"key = value\".\n",
                      path, bad_line);
}

/* ---- .env and environment ---- */

static void env_name(const struct key *key, char *to, size_t cap)
{
    (void)snprintf(to, cap, "STOA_%s_%s", key->section, key->name);
    for (char *c = to; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
}

static struct text unquote(struct text value)
{
    if (value.len >= 2 && (value.ptr[0] == '"' || value.ptr[0] == '\'') &&
        value.ptr[value.len - 1] == value.ptr[0])
        return text_sub(value, 1, value.len - 2);
    return value;
}

static void read_dotenv_as(struct config *config, bool is_other, struct writer *problems)
{
    FILE *file = fopen(".env", "re");
    char line[ENV_LINE_MAX];
    struct origin origin = {".env", 0};

    if (!file)
        return;
    while (fgets(line, sizeof(line), file)) {
        struct text rest = text_of(line);

        origin.line++;
        rest.len = strcspn(line, "\r\n");
        struct text name = text_trim(text_cut(&rest, '='));
        for (size_t i = 0; i < KEY_COUNT; i++) {
            char wanted[64];

            env_name(&keys[i], wanted, sizeof(wanted));
            if (name.len && text_equal(name, text_of(is_other ? keys[i].other_variable : wanted)))
                apply(config, &keys[i], unquote(text_trim(rest)), &origin, problems);
        }
    }
    (void)fclose(file);
}

static void read_variable(struct config *config, const struct key *key, const char *name,
                          struct writer *problems)
{
    const struct origin origin = {name, 0};
    const char *value = name ? getenv(name) : NULL;

    if (value)
        apply(config, key, text_of(value), &origin, problems);
}

/* A name that others use too gives way to our own. */
static void read_environment(struct config *config, struct writer *problems)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        char name[64];

        env_name(&keys[i], name, sizeof(name));
        if (!getenv(name))
            read_variable(config, &keys[i], keys[i].other_variable, problems);
        read_variable(config, &keys[i], name, problems);
    }
}

/* ---- rules between settings ---- */

/* What is in the files is looked at when the server starts (auth.c). */
static void check_jwt(const struct config *config, struct writer *problems)
{
    bool has_key = config->jwt_key.len != 0;
    bool has_files = config->jwt_key_files[0] != '\0';

    if (config->jwt_algorithm[0] && !jwt_algorithm_parse(text_of(config->jwt_algorithm)))
        writer_str(problems, "auth.jwt_algorithm must be HS256, RS256 or ES256, or empty.\n");
    else if (config->jwt_algorithm[0] && has_key == has_files)
        writer_str(problems, "auth.jwt_algorithm needs auth.jwt_key or auth.jwt_key_files, and not "
                             "both.\n");
    else if (!config->jwt_algorithm[0] && (has_key || has_files))
        writer_str(problems, "auth.jwt_key and auth.jwt_key_files need auth.jwt_algorithm.\n");
}

static void check_together(const struct config *config, struct writer *problems)
{
    bool needs_tls = config->https_listen.is_on || config->rtmps_listen.is_on;

    if (needs_tls && (!config->tls_cert[0] || !config->tls_key[0]))
        writer_str(problems, "https.listen and rtmps.listen need tls.cert and tls.key.\n");
    if (config->hls_window_ms < 5 * config->hls_segment_ms)
        writer_str(problems, "hls.window_ms must be at least five times hls.segment_ms.\n");
    if (config->session_idle_s > config->session_life_s)
        writer_str(problems, "auth.session_idle_s must not be more than auth.session_life_s.\n");
    check_jwt(config, problems);
    if (!config->http_listen.is_on && !config->https_listen.is_on)
        writer_str(problems, "http.listen and https.listen are both off: nobody could watch.\n");
}

enum err config_load(struct config *config, const char *path, struct writer *problems)
{
    static const struct origin defaults = {"default", 0};

    *config = (struct config){0};
    for (size_t i = 0; i < KEY_COUNT; i++)
        apply(config, &keys[i], text_of(keys[i].initial), &defaults, problems);
    read_ini(config, path ? path : "stoa.conf", path != NULL, problems);
    read_dotenv_as(config, true, problems);
    read_dotenv_as(config, false, problems);
    read_environment(config, problems);
    check_together(config, problems);
    return problems->len ? ERR_INVALID : OK;
}

/* ---- printing ---- */

static void print_value(struct writer *w, const struct config *config, const struct key *key)
{
    const void *from = (const char *)config + key->offset;
    const struct config_address *address = from;

    switch (key->kind) {
    case KIND_ADDRESS:
        if (address->is_on)
            net_write(w, &address->address);
        else
            writer_str(w, "off");
        break;
    case KIND_IPS:
        for (size_t i = 0; i < config->rtc_public_ip_count; i++) {
            writer_str(w, i ? ", " : "");
            net_write_ip(w, &config->rtc_public_ip[i]);
        }
        break;
    case KIND_TEXT:
    case KIND_URL:
        writer_str(w, from);
        break;
    case KIND_NUMBER:
        writer_dec_signed(w, *(const int64_t *)from);
        break;
    case KIND_BOOL:
        writer_str(w, *(const bool *)from ? "yes" : "no");
        break;
    case KIND_LEVEL:
        writer_str(w, log_level_name(*(const enum log_level *)from));
        break;
    case KIND_FORMAT:
        writer_str(w, *(const bool *)from ? "json" : "text");
        break;
    case KIND_DATABASE:
        config_database_name(config, w);
        break;
    case KIND_SECRET:
        break; /* never printed */
    }
}

/* The line would not say the truth if it were read again. */
static bool is_hidden(const struct config *config, const struct key *key)
{
    return key->kind == KIND_SECRET ||
           (key->kind == KIND_DATABASE && config_database_is_server(config));
}

void config_print(const struct config *config, struct writer *w)
{
    const char *section = "";

    writer_str(w, "; stoa.conf - each setting may also be given as environment variable\n"
                  "; STOA_<SECTION>_<KEY>, which wins.\n");
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(section, keys[i].section) != 0) {
            section = keys[i].section;
            writer_printf(w, "\n[%s]\n", section);
        }
        writer_printf(w, "; %s%s\n", keys[i].help,
                      keys[i].is_reloadable ? " Read again on SIGHUP." : "");
        writer_printf(w, is_hidden(config, &keys[i]) ? ";%s = " : "%s = ", keys[i].name);
        print_value(w, config, &keys[i]);
        writer_char(w, '\n');
    }
}

void config_worker_path(const struct config *config, char *to, size_t cap)
{
    char self[CONFIG_TEXT_MAX + 1];

    if (config->worker_path[0]) {
        (void)snprintf(to, cap, "%s", config->worker_path);
        return;
    }
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        slash[1] = '\0';
    (void)snprintf(to, cap, "%sstoa-worker", self);
}

void config_database_url(const struct config *config, char *to, size_t cap)
{
    if (config->database_url[0])
        (void)snprintf(to, cap, "%s", config->database_url);
    else
        (void)snprintf(to, cap, SQLITE_SCHEME "%s/stoa.db", config->data_dir);
}

bool config_database_is_server(const struct config *config)
{
    return is_postgres(text_of(config->database_url));
}

void config_database_name(const struct config *config, struct writer *w)
{
    struct text rest = text_of(config->database_url);

    if (!config_database_is_server(config)) {
        writer_text(w, rest);
        return;
    }
    /* Behind the last '@', because a password may hold one; options may be a password, too. */
    rest = text_sub(rest, text_index_of(rest, '/') + 2, rest.len);
    rest = text_cut(&rest, '?');
    for (size_t at = text_index_of(rest, '@'); at < rest.len; at = text_index_of(rest, '@'))
        rest = text_sub(rest, at + 1, rest.len);
    writer_str(w, "postgres://");
    writer_text(w, rest);
}

void config_recordings_path(const struct config *config, char *to, size_t cap)
{
    (void)snprintf(to, cap, "%s/recordings", config->data_dir);
}

void config_wipe(struct config *config)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (keys[i].kind == KIND_SECRET)
            secret_wipe(field(config, &keys[i]));
        else if (keys[i].kind == KIND_DATABASE)
            crypto_wipe(field(config, &keys[i]), CONFIG_TEXT_MAX + 1);
}
