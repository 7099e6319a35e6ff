#include "app/check.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/auth.h"
#include "base/clock.h"
#include "base/writer.h"
#include "net/net.h"
#include "store/store.h"

enum verdict { GOOD = 1, WARNING, BAD };

struct report {
    int bad;
    int warnings;
};

static void tell(struct report *report, enum verdict verdict, const char *what,
                 const char *sentence)
{
    static const char *const marks[] = {[GOOD] = "ok  ", [WARNING] = "warn", [BAD] = "FAIL"};

    printf("%s  %-14s %s\n", marks[verdict], what, sentence);
    report->bad += verdict == BAD;
    report->warnings += verdict == WARNING;
}

/* ---- ports ---- */

static void check_port(struct report *report, const char *name, const struct config_address *listen,
                       bool is_udp)
{
    char sentence[240];
    unsigned port = net_port(&listen->address);

    if (!listen->is_on)
        return;
    if (is_udp ? udp_port_is_free(&listen->address) : tcp_port_is_free(&listen->address)) {
        (void)snprintf(sentence, sizeof(sentence), "%s port %u is free.", is_udp ? "UDP" : "TCP",
                       port);
        tell(report, GOOD, name, sentence);
        return;
    }
    (void)snprintf(sentence, sizeof(sentence),
                   "%s port %u is in use. Find by whom with `ss -lp%c 'sport = :%u'`; if it is a "
                   "running Stoa, all is well, else end it or set %s to another port.",
                   is_udp ? "UDP" : "TCP", port, is_udp ? 'u' : 't', port, name);
    tell(report, BAD, name, sentence);
}

static void check_ports(struct report *report, const struct config *config)
{
    check_port(report, "http.listen", &config->http_listen, false);
    check_port(report, "https.listen", &config->https_listen, false);
    check_port(report, "rtmp.listen", &config->rtmp_listen, false);
    check_port(report, "rtmps.listen", &config->rtmps_listen, false);
    check_port(report, "rtc.listen", &config->rtc_listen, true);
    check_port(report, "rtc.listen", &config->rtc_listen, false);
}

/* ---- the address that sellers' browsers are told ---- */

static bool is_private(const struct net_address *address)
{
    if (address->any.sa_family == AF_INET6)
        return (address->v6.sin6_addr.s6_addr[0] & 0xfe) == 0xfc;
    uint32_t ip = ntohl(address->v4.sin_addr.s_addr);
    return ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8 || ip >> 22 == 0x191;
}

static void check_public_address(struct report *report, const struct config *config)
{
    struct net_address local[16];
    size_t count = net_local_addresses(local, 16);
    size_t usable = 0;
    size_t public_count = 0;

    if (!config->rtc_listen.is_on)
        return;
    for (size_t i = 0; i < count; i++) {
        usable += !net_is_loopback(&local[i]);
        public_count += !net_is_loopback(&local[i]) && !is_private(&local[i]);
    }
    for (size_t i = 0; i < config->rtc_public_ip_count; i++) {
        bool is_local = false;

        for (size_t k = 0; k < count; k++)
            is_local = is_local || net_equal_ip(&local[k], &config->rtc_public_ip[i]);
        if (net_is_any(&config->rtc_public_ip[i]))
            tell(report, BAD, "rtc.public_ip",
                 "0.0.0.0 is no address that a browser can send to. Give the server's own.");
        else if (net_is_loopback(&config->rtc_public_ip[i]))
            tell(report, WARNING, "rtc.public_ip",
                 "A loopback address: only browsers on this machine can go live.");
        else if (!is_local)
            tell(report, WARNING, "rtc.public_ip",
                 "This machine has no such address itself. That is right behind NAT or in a "
                 "container if the port is forwarded, UDP and TCP; else sellers cannot connect.");
        else
            tell(report, GOOD, "rtc.public_ip", "An address of this machine.");
    }
    if (config->rtc_public_ip_count)
        return;
    if (public_count)
        tell(report, GOOD, "rtc.public_ip", "Found by itself: this machine has a public address.");
    else if (usable)
        tell(report, WARNING, "rtc.public_ip",
             "This machine has only private addresses. Sellers in the same network can go live; "
             "for others set rtc.public_ip to the address that is forwarded to this machine.");
    else
        tell(report, WARNING, "rtc.public_ip",
             "This machine has only loopback: browsers elsewhere cannot go live.");
}

/* ---- TLS ---- */

static void check_tls(struct report *report, const struct config *config)
{
    struct tls_context *tls;
    struct diag diag = {0};

    if (!config->tls_cert[0] && !config->tls_key[0]) {
        tell(report, WARNING, "tls",
             "No certificate. Browsers open camera and microphone only on https or localhost: set "
             "tls.cert, tls.key and https.listen, or put a proxy with TLS in front.");
        return;
    }
    if (tls_context_create(config->tls_cert, config->tls_key, (struct text){0}, &diag, &tls) !=
        OK) {
        tell(report, BAD, "tls", diag.message);
        return;
    }
    tls_context_destroy(tls);
    tell(report, GOOD, "tls", "Certificate and key fit.");
}

/* ---- database ---- */

/* What the version of the schema means for whoever starts this program. */
static void check_schema(struct report *report, struct store *store, struct text name)
{
    char sentence[3 * CONFIG_TEXT_MAX];
    struct diag diag = {0};
    uint32_t newest = store_schema_newest();
    uint32_t version = 0;

    if (store_schema_version(store, &version, &diag) != OK) {
        tell(report, BAD, "database", diag.message);
        return;
    }
    if (version > newest) {
        (void)snprintf(sentence, sizeof(sentence),
                       "%.*s has schema version %u, this program knows only up to %u. Start the "
                       "newer program, or restore the backup from before its upgrade.",
                       TEXT_ARG(name), version, newest);
        tell(report, BAD, "database", sentence);
    } else if (version < newest) {
        (void)snprintf(sentence, sizeof(sentence),
                       "%.*s answers; schema version %u. The next start brings it to %u: back it "
                       "up before (docs/operations.md).",
                       TEXT_ARG(name), version, newest);
        tell(report, version ? WARNING : GOOD, "database", sentence);
    } else {
        (void)snprintf(sentence, sizeof(sentence), "%.*s answers; schema version %u, the newest.",
                       TEXT_ARG(name), version);
        tell(report, GOOD, "database", sentence);
    }
}

static void check_database(struct report *report, const struct config *config)
{
    char url[2 * CONFIG_TEXT_MAX];
    char shown[2 * CONFIG_TEXT_MAX];
    struct writer name = writer_fixed(shown, sizeof(shown));
    struct store_config store_config = {.url = url, .busy_timeout_ms = 1000, .keeps_schema = true};
    struct store *store = NULL;
    struct diag diag = {0};
    struct statvfs disk;

    config_database_url(config, url, sizeof(url));
    if (config_database_is_server(config))
        config_database_name(config, &name);
    else
        writer_str(&name, url + strlen("sqlite:"));
    if (access(config->data_dir, W_OK) != 0 && access(config->data_dir, F_OK) == 0)
        tell(report, BAD, "data.dir", "The folder may not be written by this user.");
    else if (!config_database_is_server(config) && access(url + strlen("sqlite:"), F_OK) != 0)
        tell(report, GOOD, "database", "Not there yet; it is made at the first start.");
    else if (store_open(&store_config, &store, &diag) != OK)
        tell(report, BAD, "database", diag.message);
    else
        check_schema(report, store, writer_as_text(&name));
    store_close(store);
    crypto_wipe(url, sizeof(url));
    if (statvfs(access(config->data_dir, F_OK) == 0 ? config->data_dir : ".", &disk) == 0 &&
        disk.f_bavail * disk.f_frsize < UINT64_C(100) << 20)
        tell(report, WARNING, "disk", "Less than 100 MB are free for database and recordings.");
}

/* ---- worker ---- */

/* Runs `stoa-worker --version`: shows that its libraries are there as well. */
static bool worker_answers(const char *path)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        (void)close(STDOUT_FILENO);
        (void)close(STDERR_FILENO);
        (void)execl(path, path, "--version", (char *)NULL);
        _exit(127);
    }
    if (pid < 0)
        return false;
    for (int waited_ms = 0; waited_ms < 5000; waited_ms += 20) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        (void)poll(NULL, 0, 20);
    }
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    return false;
}

static void check_worker(struct report *report, const struct config *config)
{
    char path[2 * CONFIG_TEXT_MAX];
    char sentence[2 * CONFIG_TEXT_MAX + 200];

    config_worker_path(config, path, sizeof(path));
    if (access(path, X_OK) != 0) {
        (void)snprintf(sentence, sizeof(sentence),
                       "%s is missing. Without it, browsers' sound (Opus) is silent in HLS. Build "
                       "it with `make build`, or set worker.path.",
                       path);
        tell(report, BAD, "worker", sentence);
    } else if (!worker_answers(path)) {
        (void)snprintf(sentence, sizeof(sentence),
                       "%s does not run. Try it by hand with --version: a library may be missing.",
                       path);
        tell(report, BAD, "worker", sentence);
    } else {
        tell(report, GOOD, "worker", "stoa-worker runs.");
    }
}

/* ---- the shop's own sign-in ---- */

static void check_jwt(struct report *report, const struct config *config)
{
    struct jwt_checker *checker;
    struct diag diag = {0};

    if (!config->jwt_algorithm[0])
        return;
    enum err err = auth_create_jwt_checker(config, &checker, &diag);
    tell(report, err ? BAD : GOOD, "tokens",
         err ? diag.message : "The keys of the shop's JSON Web Tokens can be used.");
    jwt_checker_destroy(checker);
}

/* ---- limits of the system ---- */

static void check_limits(struct report *report)
{
    struct rlimit files;
    char sentence[160];

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    (void)snprintf(sentence, sizeof(sentence), "%llu files may be open%s",
                   (unsigned long long)files.rlim_cur,
                   files.rlim_cur < 4096 ? ": that many viewers at most. Raise it (ulimit -n, "
                                           "LimitNOFILE=)."
                                         : ".");
    tell(report, files.rlim_cur < 4096 ? WARNING : GOOD, "open files", sentence);
}

int check_run(const struct config *config)
{
    struct report report = {0};

    check_ports(&report, config);
    check_public_address(&report, config);
    check_tls(&report, config);
    check_database(&report, config);
    check_worker(&report, config);
    check_jwt(&report, config);
    check_limits(&report);
    if (report.bad)
        printf("\n%d problem%s to solve before the server can run well.\n", report.bad,
               report.bad == 1 ? "" : "s");
    else
        printf("\nThe server can run%s.\n", report.warnings ? "; read the warnings above" : "");
    return report.bad ? 1 : 0;
}
