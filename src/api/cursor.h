/*
 * cursor - where a page of a list ends, as an opaque text. Private to api/.
 *
 * A cursor is base64url of the list's name and of what the list needs to go on. It is not signed:
 * it says where to begin and never who may see what, so a forged one gives its forger another page
 * of the same list. One of another list, or one that is no cursor, is refused.
 */
#ifndef API_CURSOR_H
#define API_CURSOR_H

#include <stdbool.h>

#include "base/text.h"
#include "store/store.h"

struct call;
struct jsonw;

enum { CURSOR_PLACE_LEN_MAX = STORE_CURSOR_LEN_MAX, CURSOR_LEN_MAX = 192 };

/* Writes the member nextCursor: null when `place` is empty. */
void cursor_write_next(struct call *call, struct text place);

/* What is in the cursor is no place in this list: fills call->error and returns false. */
bool cursor_refuse(struct call *call);

/* Reads the call's input field `index`. "" when it was not given. False: call->error is filled. */
bool cursor_read(struct call *call, size_t index, char ret_place[CURSOR_PLACE_LEN_MAX + 1]);

#endif
