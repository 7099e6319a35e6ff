#include "app/commands.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/account.h"
#include "api/api.h"
#include "app/nodes.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"
#include "channel/channel.h"
#include "store/store.h"

enum { WORDS_MAX = 2, URL_CAP = 2 * CONFIG_TEXT_MAX, LINE_MAX_LEN = 1024, DAYS_MAX = 36500 };

/* ---- what was written on the command line ---- */

struct arguments {
    const char *words[WORDS_MAX];
    size_t word_count;
    const char *role;
    const char *name;
    const char *scopes;
    const char *days;
    const char *host;
    const char *to;
    bool reads_password;
    bool is_status;
};

static const struct option {
    const char *name;
    bool has_value;
    size_t offset;
} options[] = {
    {"--role", true, offsetof(struct arguments, role)},
    {"--name", true, offsetof(struct arguments, name)},
    {"--scopes", true, offsetof(struct arguments, scopes)},
    {"--days", true, offsetof(struct arguments, days)},
    {"--host", true, offsetof(struct arguments, host)},
    {"--to", true, offsetof(struct arguments, to)},
    {"--password-stdin", false, offsetof(struct arguments, reads_password)},
    {"--status", false, offsetof(struct arguments, is_status)},
};

enum { OPTION_COUNT = sizeof(options) / sizeof(options[0]) };

/* ---- the desk: everything that a verb works on ---- */

struct desk {
    const struct config *config;
    int lock_fd; /* -1: none */
    struct store *store;
    struct store_batch *batch; /* what the verb changes */
    struct store_people people;
    struct store_snapshot snapshot;
    struct account_directory *accounts;
    struct channel_directory *channels;
    int64_t now_us;
};

static void on_store(void *context, const struct store_change *change)
{
    struct desk *desk = context;

    store_batch_change(desk->batch, change);
}

static void on_kick(void *context, uint64_t session_id, const char *reason)
{
    (void)context;
    (void)session_id;
    (void)reason;
}

static void on_stop(void *context, uint64_t channel_id, uint64_t broadcast_id)
{
    (void)context;
    (void)channel_id;
    (void)broadcast_id;
}

static void on_changed(void *context, const struct channel_event *event)
{
    (void)context;
    (void)event;
}

static void create_directories(struct desk *desk)
{
    const struct account_limits account_limits = account_limits_default();
    const struct channel_limits channel_limits = channel_limits_default();
    const struct channel_handler handler = {desk, on_store, on_kick, on_stop, on_changed};

    desk->accounts = account_directory_create(&account_limits, NULL);
    account_directory_set_wall_offset(desk->accounts, clock_wall_us() - desk->now_us);
    account_directory_load(desk->accounts, &desk->people, desk->now_us);
    desk->channels = channel_directory_create(&channel_limits, &handler);
    if (config_database_is_server(desk->config))
        channel_directory_set_node(desk->channels, store_node(desk->store));
    channel_directory_set_wall_offset(desk->channels, clock_wall_us() - desk->now_us);
    channel_directory_load(desk->channels, &desk->snapshot, desk->now_us);
}

static enum err open_desk(struct desk *desk, bool writes, bool keeps_schema, struct diag *diag)
{
    char url[URL_CAP];
    char node[STORE_NODE_LEN_MAX + 1];
    const struct store_config config = {.url = url, .keeps_schema = keeps_schema};
    bool is_file = !config_database_is_server(desk->config);
    enum err err = OK;

    config_database_url(desk->config, url, sizeof(url));
    if (is_file && !writes && access(url + strlen("sqlite:"), F_OK) != 0) {
        diag_set(diag, "There is no database yet (%.150s). The first start makes it.",
                 url + strlen("sqlite:"));
        return ERR_NOT_FOUND;
    }
    if (is_file && writes)
        err = nodes_lock(desk->config, &desk->lock_fd, node, diag);
    if (!err)
        err = store_open(&config, &desk->store, diag);
    crypto_wipe(url, sizeof(url));
    return err;
}

/* Who only looks changes no schema under a server that runs. */
static enum err check_schema(struct desk *desk, struct diag *diag)
{
    uint32_t version = 0;
    enum err err = store_schema_version(desk->store, &version, diag);

    if (err || version == store_schema_newest())
        return err;
    diag_set(diag, "The schema has version %u, this program is made for %u. See `stoa migrate`.",
             version, store_schema_newest());
    return ERR_UNSUPPORTED;
}

static enum err load_desk(struct desk *desk, struct diag *diag)
{
    enum err err = store_load_people(desk->store, clock_wall_us(), &desk->people, diag);

    return err ? err : store_load_channels(desk->store, &desk->snapshot, diag);
}

static void close_desk(struct desk *desk)
{
    channel_directory_destroy(desk->channels);
    account_directory_destroy(desk->accounts);
    store_snapshot_deinit(&desk->snapshot);
    store_people_deinit(&desk->people);
    store_batch_destroy(desk->batch);
    store_close(desk->store);
    if (desk->lock_fd >= 0)
        (void)close(desk->lock_fd);
}

static void audit(struct desk *desk, const char *action, const char *target)
{
    const struct caller who = {.kind = CALLER_ADMIN_KEY, .name = "stoa command"};

    account_audit(desk->accounts, desk->batch, &who, TEXT(""), action, text_of(target), TEXT(""),
                  desk->now_us);
}

/* ---- printing ---- */

static void print_time(int64_t wall_us)
{
    char chars[40];
    struct writer w = writer_fixed(chars, sizeof(chars));

    if (wall_us == 0) {
        printf("\t-");
        return;
    }
    clock_write_iso8601(&w, wall_us);
    printf("\t%.*s", TEXT_ARG(writer_as_text(&w)));
}

/* ---- accounts ---- */

static enum err find_account(const struct desk *desk, const char *email,
                             const struct account_row **ret_row, struct diag *diag)
{
    const struct account_row *row = account_find_by_email(desk->accounts, text_of(email));

    if (!row)
        row = account_find(desk->accounts, text_of(email));
    if (!row) {
        diag_set(diag, "There is no account %.150s. `stoa account list` shows all.", email);
        return ERR_NOT_FOUND;
    }
    *ret_row = row;
    return OK;
}

/* The first line of standard input, with or without an end of line. */
static enum err read_password(char to[LINE_MAX_LEN], struct diag *diag)
{
    const char *line = fgets(to, LINE_MAX_LEN, stdin);
    size_t len = line ? strcspn(line, "\r\n") : 0;
    bool may_be_cut = len + 1 == LINE_MAX_LEN;

    if (len == 0 || may_be_cut) {
        diag_set(diag, "Standard input has no password: write it as one line, like "
                       "`stoa account password EMAIL --password-stdin < file`.");
        return ERR_INVALID;
    }
    to[len] = '\0';
    return OK;
}

/* A hash of the password from standard input, or of one that is drawn and left in `shown`. */
static enum err hash_password(struct desk *desk, const struct arguments *arguments,
                              struct password_job *job, char shown[PASSWORD_DRAWN_LEN + 1],
                              struct diag *diag)
{
    char line[LINE_MAX_LEN] = "";
    enum err err = OK;

    shown[0] = '\0';
    if (arguments->reads_password)
        err = read_password(line, diag);
    else
        password_draw(shown);
    if (!err)
        err = account_hash_start(desk->accounts, text_of(shown[0] ? shown : line), job, diag);
    crypto_wipe(line, sizeof(line));
    if (err)
        return err;
    err = password_job_run(job);
    if (err) {
        diag_set(diag, "The password could not be hashed: too little memory (64 MB).");
        account_job_end(desk->accounts, job);
    }
    return err;
}

static enum err apply(struct desk *desk, struct diag *diag)
{
    return store_apply_batch(desk->store, desk->batch, diag);
}

static void print_password(const char *email, char shown[PASSWORD_DRAWN_LEN + 1])
{
    if (shown[0])
        printf("The password of %s, shown this once: %s\n", email, shown);
    crypto_wipe(shown, PASSWORD_DRAWN_LEN + 1);
}

static enum err create_account(struct desk *desk, const struct arguments *arguments,
                               struct diag *diag)
{
    struct account_input input = {
        .email = text_of(arguments->words[0]),
        .display_name = text_of(arguments->name ? arguments->name : arguments->words[0]),
        .role = text_of(arguments->role ? arguments->role : "seller"),
    };
    char shown[PASSWORD_DRAWN_LEN + 1];
    const struct account_row *row;
    struct password_job job;
    enum err err = account_check_new(desk->accounts, &input, diag);

    if (!err)
        err = hash_password(desk, arguments, &job, shown, diag);
    if (err)
        return err;
    input.password_hash = text_of(job.new_hash);
    err = account_create(desk->accounts, &input, desk->batch, desk->now_us, &row, diag);
    account_job_end(desk->accounts, &job);
    if (!err)
        audit(desk, "account.create", row->id);
    if (!err)
        err = apply(desk, diag);
    if (err)
        return err;
    printf("Account %s (%s) is made, id %s.\n", row->email, row->role, row->id);
    print_password(row->email, shown);
    return OK;
}

static enum err list_accounts(struct desk *desk, const struct arguments *arguments,
                              struct diag *diag)
{
    (void)arguments;
    (void)diag;
    printf("id\temail\trole\tstate\tcreated\n");
    for (size_t i = 0; i < account_directory_count(desk->accounts); i++) {
        const struct account_row *row = account_directory_at(desk->accounts, i);

        printf("%s\t%s\t%s\t%s", row->id, row->email, row->role,
               row->disabled_at_us ? "disabled" : "enabled");
        print_time(row->created_at_us);
        printf("\n");
    }
    return OK;
}

static enum err set_password(struct desk *desk, const struct arguments *arguments,
                             struct diag *diag)
{
    char shown[PASSWORD_DRAWN_LEN + 1];
    const struct account_row *row;
    struct password_job job;
    enum err err = find_account(desk, arguments->words[0], &row, diag);

    if (!err)
        err = hash_password(desk, arguments, &job, shown, diag);
    if (err)
        return err;
    const struct account_input input = {.password_hash = text_of(job.new_hash)};
    err = account_update(desk->accounts, text_of(row->id), &input, desk->batch, desk->now_us, diag);
    account_job_end(desk->accounts, &job);
    if (!err)
        audit(desk, "account.update", row->id);
    if (!err)
        err = apply(desk, diag);
    if (err)
        return err;
    printf("The password of %s is changed; its sessions are ended.\n", row->email);
    print_password(row->email, shown);
    return OK;
}

static enum err set_disabled(struct desk *desk, const char *email, bool is_disabled,
                             struct diag *diag)
{
    const struct account_input input = {.sets_disabled = true, .is_disabled = is_disabled};
    const struct account_row *row;
    enum err err = find_account(desk, email, &row, diag);

    if (!err)
        err = account_update(desk->accounts, text_of(row->id), &input, desk->batch, desk->now_us,
                             diag);
    if (!err)
        audit(desk, "account.update", row->id);
    if (!err)
        err = apply(desk, diag);
    if (!err)
        printf("%s is %s.\n", row->email, is_disabled ? "disabled" : "enabled");
    return err;
}

static enum err disable_account(struct desk *desk, const struct arguments *arguments,
                                struct diag *diag)
{
    return set_disabled(desk, arguments->words[0], true, diag);
}

static enum err enable_account(struct desk *desk, const struct arguments *arguments,
                               struct diag *diag)
{
    return set_disabled(desk, arguments->words[0], false, diag);
}

/* ---- API keys ---- */

static enum err create_key(struct desk *desk, const struct arguments *arguments, struct diag *diag)
{
    struct api_key_input input = {
        .name = text_of(arguments->name ? arguments->name : "Made by the operator")};
    char key[ACCOUNT_KEY_LEN + 1];
    const struct account_row *account;
    const struct api_key_row *row;
    int64_t days = 0;
    enum err err = find_account(desk, arguments->words[0], &account, diag);

    if (err)
        return err;
    if (arguments->days && !text_parse_i64(text_of(arguments->days), 1, DAYS_MAX, &days)) {
        diag_set(diag, "--days is a whole number from 1 to %d.", DAYS_MAX);
        return ERR_INVALID;
    }
    input.account_id = text_of(account->id);
    input.expires_at_us = days ? clock_wall_us() + days * 86400 * US_PER_S : 0;
    err = account_scopes_parse(text_of(arguments->scopes ? arguments->scopes : "read"),
                               &input.scopes, diag);
    if (!err)
        err =
            account_key_create(desk->accounts, &input, desk->batch, desk->now_us, key, &row, diag);
    if (!err)
        audit(desk, "apiKey.create", row->id);
    if (!err)
        err = apply(desk, diag);
    if (!err)
        printf("Key %s of %s may: %s.\nThe key, shown this once: %s\n", row->id, account->email,
               row->scopes, key);
    crypto_wipe(key, sizeof(key));
    return err;
}

static void print_keys(const struct desk *desk, const struct account_row *account)
{
    const struct api_key_row *row;

    for (size_t i = 0; (row = account_key_at(desk->accounts, text_of(account->id), i)); i++) {
        printf("%s\t%s\t%s...\t%s\t%s\t%s", row->id, account->email, row->prefix, row->name,
               row->scopes, row->revoked_at_us ? "revoked" : "good");
        print_time(row->expires_at_us);
        print_time(row->last_used_at_us);
        printf("\n");
    }
}

static enum err list_keys(struct desk *desk, const struct arguments *arguments, struct diag *diag)
{
    const struct account_row *only = NULL;
    enum err err =
        arguments->word_count ? find_account(desk, arguments->words[0], &only, diag) : OK;

    if (err)
        return err;
    printf("id\taccount\tkey\tname\tscopes\tstate\texpires\tused\n");
    for (size_t i = 0; i < account_directory_count(desk->accounts); i++)
        if (!only || account_directory_at(desk->accounts, i) == only)
            print_keys(desk, account_directory_at(desk->accounts, i));
    return OK;
}

static enum err revoke_key(struct desk *desk, const struct arguments *arguments, struct diag *diag)
{
    const char *id = arguments->words[0];
    enum err err = account_key_revoke(desk->accounts, text_of(id), desk->batch, desk->now_us, diag);

    if (!err)
        audit(desk, "apiKey.revoke", id);
    if (!err)
        err = apply(desk, diag);
    if (!err)
        printf("Key %s is revoked.\n", id);
    return err;
}

/* ---- channels ---- */

static enum err parse_channel(const char *word, uint64_t *ret_id, struct diag *diag)
{
    if (text_parse_u64(text_of(word), INT64_MAX, ret_id))
        return OK;
    diag_set(diag, "\"%.100s\" is no number of a channel. `stoa channel list` shows all.", word);
    return ERR_INVALID;
}

static void audit_channel(struct desk *desk, const char *action, uint64_t id)
{
    char target[40];

    (void)snprintf(target, sizeof(target), "channel %llu", (unsigned long long)id); /* fits */
    audit(desk, action, target);
}

static enum err create_channel(struct desk *desk, const struct arguments *arguments,
                               struct diag *diag)
{
    struct channel_settings settings = {.title = text_of(arguments->words[0])};
    char key[API_STREAM_KEY_LEN + 1];
    const struct account_row *host;
    uint64_t id;
    enum err err = arguments->host ? find_account(desk, arguments->host, &host, diag) : OK;

    if (err)
        return err;
    if (arguments->host)
        settings.host_user_id = text_of(host->id);
    api_draw_stream_key(key);
    err = channel_create(desk->channels, &settings, text_of(key), desk->now_us, &id, diag);
    if (!err) {
        audit_channel(desk, "channel.create", id);
        err = apply(desk, diag);
    }
    if (!err)
        printf("Channel %llu is made.\nIts stream key: %s\n", (unsigned long long)id, key);
    crypto_wipe(key, sizeof(key));
    return err;
}

/* From the rows: the directory would close what it takes for left on air. */
static enum err list_channels(struct desk *desk, const struct arguments *arguments,
                              struct diag *diag)
{
    (void)arguments;
    (void)diag;
    printf("id\ttitle\thost\tstate\tcreated\n");
    for (size_t i = 0; i < desk->snapshot.channel_count; i++) {
        const struct channel_row *row = &desk->snapshot.channels[i];
        const struct account_row *host = account_find(desk->accounts, text_of(row->host_user_id));

        printf("%llu\t%s\t%s\t%s", (unsigned long long)row->id, row->title,
               host ? host->email : "-", row->relay_status[0] ? row->relay_status : "-");
        print_time(row->created_at_us);
        printf("\n");
    }
    return OK;
}

static enum err rotate_key(struct desk *desk, const struct arguments *arguments, struct diag *diag)
{
    char key[API_STREAM_KEY_LEN + 1];
    uint64_t id;
    enum err err = parse_channel(arguments->words[0], &id, diag);

    if (err)
        return err;
    api_draw_stream_key(key);
    err = channel_set_key(desk->channels, id, text_of(key), desk->now_us, diag);
    if (!err) {
        audit_channel(desk, "channel.rotateKey", id);
        err = apply(desk, diag);
    }
    if (!err)
        printf("The new stream key of channel %llu: %s\n", (unsigned long long)id, key);
    crypto_wipe(key, sizeof(key));
    return err;
}

static enum err delete_channel(struct desk *desk, const struct arguments *arguments,
                               struct diag *diag)
{
    uint64_t id;
    enum err err = parse_channel(arguments->words[0], &id, diag);

    if (!err)
        err = channel_delete(desk->channels, id, desk->now_us, diag);
    if (!err) {
        audit_channel(desk, "channel.delete", id);
        err = apply(desk, diag);
    }
    if (!err)
        printf(
            "Channel %llu is deleted, with its history. Recordings that no server deletes are in "
            "%s/recordings/%llu.\n",
            (unsigned long long)id, desk->config->data_dir, (unsigned long long)id);
    return err;
}

/* ---- migrations ---- */

static enum err migrate(struct desk *desk, const struct arguments *arguments, struct diag *diag)
{
    uint32_t newest = store_schema_newest();
    uint32_t before = 0;
    uint64_t wanted = newest;
    enum err err = store_schema_version(desk->store, &before, diag);

    if (err)
        return err;
    if (arguments->to && !text_parse_u64(text_of(arguments->to), newest, &wanted)) {
        diag_set(diag, "--to is a version of the schema: 0 to %u.", newest);
        return ERR_INVALID;
    }
    if (arguments->is_status) {
        printf("The schema has version %u; this program brings it to %u.\n", before, newest);
        return OK;
    }
    err = store_migrate(desk->store, (uint32_t)wanted, diag);
    if (!err)
        printf("The schema had version %u and has %u now.\n", before, (unsigned)wanted);
    return err;
}

/* ---- the table ---- */

enum { READS = 1, WRITES = 2, TAKES_NUMBER = 4, SCHEMA = 8 };

static const struct verb {
    const char *noun;
    const char *name; /* NULL: the noun alone */
    const char *usage;
    const char *help;
    size_t words_min;
    size_t words_max;
    const char *allowed; /* options, with spaces around */
    unsigned flags;
    enum err (*run)(struct desk *desk, const struct arguments *arguments, struct diag *diag);
} verbs[] = {
    {"migrate", NULL, "[--status] [--to N]",
     "bring the schema to the newest version, or to N; older ones lose what newer ones hold", 0, 0,
     " --status --to ", WRITES | SCHEMA, migrate},
    {"account", "create", "EMAIL [--role ROLE] [--name NAME] [--password-stdin]",
     "make an account: seller (unless told), admin or buyer", 1, 1,
     " --role --name --password-stdin ", WRITES, create_account},
    {"account", "list", "", "all accounts", 0, 0, "", READS, list_accounts},
    {"account", "password", "EMAIL [--password-stdin]",
     "set a password and end the account's sessions", 1, 1, " --password-stdin ", WRITES,
     set_password},
    {"account", "disable", "EMAIL", "shut an account out", 1, 1, "", WRITES, disable_account},
    {"account", "enable", "EMAIL", "let it in again", 1, 1, "", WRITES, enable_account},
    {"key", "create", "EMAIL [--name NAME] [--scopes \"WORDS\"] [--days N]",
     "make an API key of an account; it may read, unless told", 1, 1, " --name --scopes --days ",
     WRITES, create_key},
    {"key", "list", "[EMAIL]", "all API keys, or those of an account", 0, 1, "", READS, list_keys},
    {"key", "revoke", "ID", "make an API key useless", 1, 1, "", WRITES, revoke_key},
    {"channel", "create", "TITLE [--host EMAIL]", "make a channel and print its stream key", 1, 1,
     " --host ", WRITES | TAKES_NUMBER, create_channel},
    {"channel", "list", "", "all channels", 0, 0, "", READS, list_channels},
    {"channel", "rotate-key", "ID", "give a channel another stream key", 1, 1, "", WRITES,
     rotate_key},
    {"channel", "delete", "ID", "delete a channel with its history", 1, 1, "", WRITES,
     delete_channel},
};

enum { VERB_COUNT = sizeof(verbs) / sizeof(verbs[0]) };

static void print_usage(FILE *to, const struct verb *verb)
{
    (void)fprintf(to, "  stoa %s%s%s%s%s\n      %s\n", verb->noun, verb->name ? " " : "",
                  verb->name ? verb->name : "", *verb->usage ? " " : "", verb->usage, verb->help);
}

void commands_print_help(FILE *to)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        print_usage(to, &verbs[i]);
    (void)fprintf(to,
                  "\n  These work on the database itself. With SQLite, what changes something is\n"
                  "  refused while a server runs; with PostgreSQL, servers hear of it at once.\n"
                  "  Passwords are read from standard input or drawn and printed once.\n");
}

/* ---- the command line ---- */

static const struct verb *find_verb(const char *noun, const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i].noun, noun) == 0 &&
            (!verbs[i].name || (name && strcmp(verbs[i].name, name) == 0)))
            return &verbs[i];
    return NULL;
}

static int refuse_noun(const char *noun)
{
    (void)fprintf(stderr, "usage:\n");
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i].noun, noun) == 0)
            print_usage(stderr, &verbs[i]);
    return 2;
}

static const struct option *find_option(const struct verb *verb, const char *word)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        struct text rest = text_of(verb->allowed);

        if (strcmp(options[i].name, word) != 0)
            continue;
        while (rest.len)
            if (text_equal(text_cut(&rest, ' '), text_of(word)))
                return &options[i];
    }
    return NULL;
}

static bool parse(const struct verb *verb, int count, char **words, struct arguments *arguments)
{
    for (int i = 0; i < count; i++) {
        const struct option *option = find_option(verb, words[i]);
        char *to = (char *)arguments;

        if (option && !option->has_value) {
            memcpy(to + option->offset, &(bool){true}, sizeof(bool));
        } else if (option && i + 1 < count) {
            const char *value = words[++i];

            memcpy(to + option->offset, &value, sizeof(value));
        } else if (!option && words[i][0] != '-' && arguments->word_count < verb->words_max) {
            arguments->words[arguments->word_count++] = words[i];
        } else {
            return false;
        }
    }
    return arguments->word_count >= verb->words_min;
}

static enum err run_at_desk(struct desk *desk, const struct verb *verb,
                            const struct arguments *arguments, struct diag *diag)
{
    bool is_schema = (verb->flags & SCHEMA) != 0;
    bool writes = (verb->flags & WRITES) && !arguments->is_status;
    enum err err = open_desk(desk, writes, is_schema || !writes, diag);

    if (err || is_schema)
        return err ? err : verb->run(desk, arguments, diag);
    if (!writes)
        err = check_schema(desk, diag);
    if (!err)
        err = load_desk(desk, diag);
    if (!err && (verb->flags & TAKES_NUMBER)) { /* one is enough for one command */
        err = store_reserve_ids(desk->store, "channels", 1, &desk->snapshot.next_channel_id, diag);
        desk->snapshot.channel_ids_end = desk->snapshot.next_channel_id + 1;
    }
    if (err)
        return err;
    create_directories(desk);
    return verb->run(desk, arguments, diag);
}

int commands_run(const struct config *config, const char *noun, int count, char **words)
{
    const struct verb *verb = find_verb(noun, count ? words[0] : NULL);
    struct arguments arguments = {0};
    struct diag diag = {0};

    if (!verb)
        return refuse_noun(noun);
    int skip = verb->name ? 1 : 0;
    if (!parse(verb, count - skip, words + skip, &arguments)) {
        (void)fprintf(stderr, "usage:\n");
        print_usage(stderr, verb);
        return 2;
    }
    struct desk desk = {
        .config = config,
        .lock_fd = -1,
        .batch = store_batch_create(),
        .now_us = clock_mono_us(),
    };
    enum err err = run_at_desk(&desk, verb, &arguments, &diag);
    close_desk(&desk);
    if (err)
        (void)fprintf(stderr, "stoa: %s\n", diag.message);
    return err ? 1 : 0;
}
