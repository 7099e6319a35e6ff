/*
 * cursor - the place after a row of a list, as the text that a client gives back. Private to
 * store/.
 *
 * A list is ordered by a time and an id; the text is "<time>_<id>". It comes from outside, so
 * everything in it is checked; whoever invents one gets another page of what he may read anyway.
 */
#ifndef STORE_CURSOR_H
#define STORE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "store/query.h"

struct cursor {
    int64_t at_us;
    struct text id; /* borrowed from the text */
};

/* False when the text is no cursor. `has_number`: the ids of this list are numbers. */
bool cursor_parse(struct text text, bool has_number, struct cursor *ret_cursor);

/* The id is cut to what fits; ids of ours are short enough. */
void cursor_write(char to[STORE_CURSOR_LEN_MAX + 1], const struct cursor *cursor);

#endif
