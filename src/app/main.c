/*
 * main - the command line: one table of commands, one of options.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "app/check.h"
#include "app/commands.h"
#include "app/config.h"
#include "app/server.h"
#include "base/log.h"
#include "base/writer.h"

struct options {
    const char *config_path;
    bool wants_demo;
    const char *command;
    char **words; /* what is left for the commands of the operator */
    int word_count;
};

static int run_serve(const struct config *config, const struct options *options)
{
    return server_run(config, options->config_path, options->wants_demo);
}

static int run_check(const struct config *config, const struct options *options)
{
    (void)options;
    return check_run(config);
}

static int run_version(const struct config *config, const struct options *options)
{
    (void)config;
    (void)options;
    printf("stoa %s\n", STOA_VERSION);
    return 0;
}

static int run_check_config(const struct config *config, const struct options *options)
{
    (void)config;
    (void)options;
    printf("The configuration is good.\n"); /* else it was refused before */
    return 0;
}

static int run_print_config(const struct config *config, const struct options *options)
{
    struct writer w = writer_growing(1 << 20);

    (void)options;
    config_print(config, &w);
    (void)fwrite(w.data, 1, w.len, stdout);
    writer_deinit(&w);
    return 0;
}

static int run_operator(const struct config *config, const struct options *options)
{
    return commands_run(config, options->command, options->word_count, options->words);
}

static const struct command {
    const char *name;
    int (*run)(const struct config *config, const struct options *options);
    bool has_words;
    const char *help; /* NULL: commands_print_help() has it */
} commands[] = {
    {"serve", run_serve, false, "run the server"},
    {"check", run_check, false, "try ports, addresses, TLS, database and worker, say what to do"},
    {"version", run_version, false, "print the version"},
    {"--check-config", run_check_config, false, "read the configuration, tell what is wrong"},
    {"--print-config", run_print_config, false, "print all settings with their values"},
    {"migrate", run_operator, true, NULL},
    {"account", run_operator, true, NULL},
    {"key", run_operator, true, NULL},
    {"channel", run_operator, true, NULL},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void print_help(FILE *to)
{
    (void)fprintf(to,
                  "stoa %s - live commerce and live events on your own server\n\n"
                  "usage: stoa <command> [--config FILE] [--demo]\n\n",
                  STOA_VERSION);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (commands[i].help)
            (void)fprintf(to, "  %-15s %s\n", commands[i].name, commands[i].help);
    (void)fprintf(to, "\n");
    commands_print_help(to);
    (void)fprintf(to, "\n  --config FILE   read this file instead of ./stoa.conf\n"
                      "  --demo          with serve: make a first channel and print its links\n"
                      "  --help          this text\n\n"
                      "Each setting may be given as environment variable STOA_<SECTION>_<KEY>;\n"
                      "`stoa --print-config` lists them all.\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Takes the options out of the arguments; a command that has words of its own gets the rest. False:
 * one is wrong. */
static bool parse_options(const struct command *command, int argc, char **argv,
                          struct options *options)
{
    options->command = command->name;
    options->words = argv + 2;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            options->config_path = argv[++i];
        } else if (command->has_words) {
            options->words[options->word_count++] = argv[i];
        } else if (strcmp(argv[i], "--demo") == 0) {
            options->wants_demo = true;
        } else {
            (void)fprintf(stderr, "stoa: unknown option \"%s\"; see stoa --help\n", argv[i]);
            return false;
        }
    }
    return true;
}

/* Each viewer is a descriptor: use what the system allows without being asked. */
static void raise_file_limit(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct writer problems = writer_growing(1 << 16);
    struct config config;

    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    const struct command *command =
        find_command(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (!command) {
        (void)fprintf(stderr, "stoa: there is no command \"%s\"; see stoa --help\n", argv[1]);
        return 2;
    }
    if (!parse_options(command, argc, argv, &options))
        return 2;
    if (config_load(&config, options.config_path, &problems) != OK) {
        (void)fwrite(problems.data, 1, problems.len, stderr);
        (void)fprintf(stderr, "stoa: the configuration has errors; nothing was started.\n");
        writer_deinit(&problems);
        return 2;
    }
    writer_deinit(&problems);
    (void)umask(077); /* the database holds stream keys */
    raise_file_limit();
    log_configure(config.log_level, config.is_log_json);
    int code = command->run(&config, &options);
    config_wipe(&config);
    return code;
}
