/*
 * uuid - universally unique ids (RFC 9562) as text: 36 characters, lower case.
 *
 * Version 4 is random: ids of things that are looked up. Version 7 begins with the time, so that
 * ids of history sort by it and can be cursors; two drawn in the same millisecond by one thread
 * rise as well.
 *
 * Threads   Any.
 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { UUID_LEN = 36 };

void uuid_draw_v4(char to[UUID_LEN + 1]);

/* `wall_us` is wall clock. */
void uuid_draw_v7(char to[UUID_LEN + 1], int64_t wall_us);

/* True for 8-4-4-4-12 digits of hexadecimal in lower case, whatever the version. */
bool uuid_is_valid(struct text text);

#endif
