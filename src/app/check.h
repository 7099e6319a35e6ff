/*
 * check - `stoa check`: tries everything that the server needs and says what to do.
 */
#ifndef APP_CHECK_H
#define APP_CHECK_H

#include "app/config.h"

/* Prints a line a check; returns the exit code: 0 when the server would run well. */
int check_run(const struct config *config);

#endif
