/*
 * commands - `stoa migrate`, `stoa account ...`, `stoa key ...`, `stoa channel ...`: what an
 * operator does at the database itself, without a server. One table of verbs (commands.c).
 *
 * The rules are those of the API: rows are read into the directories of account/ and channel/,
 * these fill one batch, and the batch is one transaction.
 *
 *   SQLite       Who changes something must be alone with the file: while a server runs, it is
 *                refused. Lists may be read at any time.
 *   PostgreSQL   Servers that run hear of each change at once.
 *
 * Passwords come from standard input or are drawn; they and keys are printed once, never logged.
 */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

#include <stdio.h>

#include "app/config.h"

/* `arguments` are those behind the noun ("account"), without --config. The exit code: 0, 1 when it
 * could not be done (told on standard error), 2 when it was written wrongly. */
int commands_run(const struct config *config, const char *noun, int count, char **arguments);

/* A line a verb. */
void commands_print_help(FILE *to);

#endif
