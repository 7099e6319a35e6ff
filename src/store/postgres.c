#include "store/postgres.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"

enum { PARAMETERS_MAX = 64, MESSAGE_LEN_MAX = 200, READS_MAX = 16 };

/* ---- what answers mean ---- */

/* By SQLSTATE (PostgreSQL, appendix A): the first row whose code the answer's begins with. */
static const struct {
    const char *code;
    enum err err;
    const char *sentence;
} failures[] = {
    {"57014", ERR_AGAIN, "the database server took too long"},
    {"57", ERR_AGAIN, "the database server is shutting down or starting"},
    {"40", ERR_AGAIN, "another process writes the same rows"},
    {"55", ERR_AGAIN, "another process holds the rows"},
    {"08", ERR_AGAIN, "the connection to the database server was lost"},
    {"53300", ERR_AGAIN, "the database server has no free connection; raise max_connections"},
    {"53100", ERR_IO, "the disk of the database server is full"},
    {"53", ERR_IO, "the database server lacks memory or another resource"},
    {"58", ERR_IO, "the disk of the database server failed"},
    {"XX", ERR_IO, "the database server has an internal error; look into its log"},
    {"23", ERR_CONFLICT, "the row contradicts what is stored"},
    {"25006", ERR_DENIED, "the database may only be read: is the server a standby?"},
    {"28", ERR_DENIED, "the database server refuses the user"},
    {"3D", ERR_DENIED, "the database server does not have this database; create it"},
    {"42501", ERR_DENIED, "the user may not do this in the database; grant it CREATE and USAGE"},
    {"22", ERR_INVALID, "a value is none that the database takes"},
};

void postgres_copy_message(char *to, size_t cap, const char *message, const char *password)
{
    struct writer w = writer_fixed(to, cap - 1);
    struct text rest = text_of(message);
    struct text hidden = text_of(password);

    while (rest.len && !w.failed) {
        char c = rest.ptr[0];

        if (hidden.len && text_starts_with(rest, hidden)) {
            writer_str(&w, "***");
            rest = text_sub(rest, hidden.len, rest.len);
            continue;
        }
        if (c == '\n' || c == '\r' || c == '\t')
            c = ' ';
        if (c != ' ' || (w.len && w.data[w.len - 1] != ' '))
            writer_char(&w, c);
        rest = text_sub(rest, 1, rest.len);
    }
    while (w.len && w.data[w.len - 1] == ' ')
        w.len--;
    to[w.len] = '\0';
}

static enum err connection_failed(const PGconn *conn, enum err err, const char *sentence,
                                  struct diag *diag)
{
    char message[MESSAGE_LEN_MAX];

    postgres_copy_message(message, sizeof(message), PQerrorMessage(conn), PQpass(conn));
    diag_set(diag, "database: %s (%s)", sentence, message);
    return err;
}

static enum err answer_failed(const PGconn *conn, const PGresult *result, struct diag *diag)
{
    /* The primary message alone: the detail may show values of the row. */
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    char message[MESSAGE_LEN_MAX];

    if (!primary || !code)
        return connection_failed(conn, ERR_AGAIN, "the connection to the database server was lost",
                                 diag);
    postgres_copy_message(message, sizeof(message), primary, PQpass(conn));
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (!text_starts_with(text_of(code), text_of(failures[i].code)))
            continue;
        diag_set(diag, "database: %s (%s)", failures[i].sentence, message);
        return failures[i].err;
    }
    diag_set(diag, "database: %s (SQLSTATE %s)", message, code);
    return ERR_IO;
}

static bool is_fine(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

/* ---- waiting ---- */

/* False when the deadline has passed. */
static bool wait_ready(int fd, short events, int64_t deadline_us)
{
    struct pollfd watch = {.fd = fd, .events = events};

    for (;;) {
        int64_t left_us = deadline_us - clock_mono_us();
        int ready = left_us > 0 ? poll(&watch, 1, (int)((left_us + US_PER_MS - 1) / US_PER_MS)) : 0;

        if (ready == 0)
            return false;
        if (ready > 0 || errno != EINTR)
            return true; /* errors are found by reading */
    }
}

/* Until the next answer can be taken without blocking, or the connection is lost. */
static enum err wait_answer(PGconn *conn, int64_t deadline_us)
{
    for (;;) {
        int unsent = PQflush(conn);

        if (unsent < 0 || (unsent == 0 && !PQisBusy(conn)))
            return OK;
        if (!wait_ready(PQsocket(conn), unsent ? POLLIN | POLLOUT : POLLIN, deadline_us))
            return ERR_TIMEOUT;
        if (!PQconsumeInput(conn))
            return OK; /* PQgetResult() tells what happened */
    }
}

enum err postgres_await(struct pg_conn *conn, int is_sent, int64_t deadline_us,
                        struct pg_result **ret_result, struct diag *diag)
{
    PGresult *kept = NULL;

    if (!is_sent)
        return connection_failed(conn, ERR_AGAIN, "the connection to the database server was lost",
                                 diag);
    for (;;) {
        enum err err = wait_answer(conn, deadline_us);
        if (err != OK) {
            PQclear(kept);
            diag_set(diag, "database: the server did not answer in time; the connection is given "
                           "up and made anew");
            return err;
        }
        PGresult *result = PQgetResult(conn);
        if (!result)
            break;
        if (kept && !is_fine(kept)) { /* the first failure counts */
            PQclear(result);
            continue;
        }
        PQclear(kept);
        kept = result;
    }
    if (!kept)
        return connection_failed(conn, ERR_AGAIN, "the connection to the database server was lost",
                                 diag);
    if (!is_fine(kept)) {
        enum err err = answer_failed(conn, kept, diag);
        PQclear(kept);
        return err;
    }
    *ret_result = kept;
    return OK;
}

enum err postgres_script(struct pg_conn *conn, struct text sql, int64_t deadline_us,
                         struct diag *diag)
{
    char *script = mem_strndup(sql.ptr, sql.len);
    PGresult *result = NULL;
    enum err err = postgres_await(conn, PQsendQuery(conn, script), deadline_us, &result, diag);

    PQclear(result);
    mem_free(script);
    return err;
}

enum err postgres_read(struct pg_conn *conn)
{
    /* The reason of the end and the end itself come one after the other. */
    for (int i = 0; i < READS_MAX; i++) {
        struct pollfd watch = {.fd = PQsocket(conn), .events = POLLIN};

        if (poll(&watch, 1, 0) <= 0)
            return OK;
        if (!PQconsumeInput(conn))
            return ERR_CLOSED;
    }
    return OK;
}

/* ---- connecting ---- */

/* What the URL may override, and what it may not. A dead peer is found by the kernel. */
static const char *const defaults[][2] = {
    {"connect_timeout", "5"},  {"keepalives_idle", "30"},     {"keepalives_interval", "5"},
    {"keepalives_count", "3"}, {"tcp_user_timeout", "30000"}, {"fallback_application_name", "stoa"},
};
static const char *const musts[][2] = {{"client_encoding", "UTF8"}};

static void drop_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result; /* libpq would write it to stderr */
}

/* What a connection that was refused or did not come about means. */
static enum err not_connected(const PGconn *conn, struct diag *diag)
{
    static const struct {
        const char *part;
        enum err err;
        const char *sentence;
    } reasons[] = {
        {"starting up", ERR_AGAIN, "the database server is starting"},
        {"shutting down", ERR_AGAIN, "the database server is shutting down"},
        {"recovery mode", ERR_AGAIN, "the database server recovers from a crash"},
        {"too many", ERR_AGAIN, "the database server has no free connection"},
        {"remaining connection slots", ERR_AGAIN, "the database server has no free connection"},
        {"FATAL:", ERR_DENIED,
         "the database server refuses the connection; check user, password "
         "and database of database.url"},
        {"no password supplied", ERR_DENIED,
         "the database server wants a password; give one in "
         "database.url"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (strstr(PQerrorMessage(conn), reasons[i].part))
            return connection_failed(conn, reasons[i].err, reasons[i].sentence, diag);
    return connection_failed(conn, ERR_AGAIN, "the database server cannot be reached", diag);
}

static PGconn *connect_with(const PQconninfoOption *given)
{
    const char *keywords[PARAMETERS_MAX + 1] = {0};
    const char *values[PARAMETERS_MAX + 1] = {0};
    size_t count = 0;

    /* Of a keyword that is there twice libpq takes the last. */
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++, count++) {
        keywords[count] = defaults[i][0];
        values[count] = defaults[i][1];
    }
    for (; given->keyword && count < PARAMETERS_MAX - 1; given++) {
        if (!given->val)
            continue;
        keywords[count] = given->keyword;
        values[count++] = given->val;
    }
    for (size_t i = 0; i < sizeof(musts) / sizeof(musts[0]); i++, count++) {
        keywords[count] = musts[i][0];
        values[count] = musts[i][1];
    }
    return PQconnectdbParams(keywords, values, 0);
}

enum err postgres_connect(const char *url, struct pg_conn **ret_conn, struct diag *diag)
{
    PQconninfoOption *given = PQconninfoParse(url, NULL); /* its message would quote the URL */

    if (!given) {
        diag_set(diag, "database.url is no URL that PostgreSQL takes. It looks like "
                       "postgres://user:password@host:5432/database; write other characters than "
                       "letters and digits in the password as %%XX.");
        return ERR_INVALID;
    }
    PGconn *conn = connect_with(given);
    PQconninfoFree(given);
    if (PQstatus(conn) != CONNECTION_OK) {
        enum err err = not_connected(conn, diag);
        PQfinish(conn);
        return err;
    }
    const char *encoding = PQparameterStatus(conn, "server_encoding");
    if (!encoding || strcmp(encoding, "UTF8") != 0) {
        diag_set(diag, "database: it stores %s, not UTF8; create it with ENCODING 'UTF8'",
                 encoding ? encoding : "another encoding");
        PQfinish(conn);
        return ERR_UNSUPPORTED;
    }
    (void)PQsetNoticeReceiver(conn, drop_notice, NULL);
    (void)PQsetnonblocking(conn, 1); /* fails only for a connection that is lost */
    *ret_conn = conn;
    return OK;
}

void postgres_finish(struct pg_conn *conn)
{
    PQfinish(conn); /* takes NULL */
}
