/*
 * jsonr - reads JSON that comes from outside: jansson, behind bounds. (Writing is jsonw's.)
 *
 *     json_t *json;
 *     if (jsonr_parse(text, 8, &diag, &json) != OK) ...
 *     json_t *path = json_object_get(json, "path");
 *     ...
 *     json_decref(json);
 *
 * The caller bounds the length of the text; here its depth is bounded (jansson is recursive), and a
 * member that comes twice is refused: two readers could take different ones.
 */
#ifndef BASE_JSONR_H
#define BASE_JSONR_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/text.h"

struct writer;

/* Any JSON value, nested at most `depth_max` deep. ERR_MALFORMED: `diag` says where it is broken.
 * Release with json_decref(). */
MUST_USE enum err jsonr_parse(struct text text, unsigned depth_max, struct diag *diag,
                              json_t **ret_json);

/* The characters of a JSON string, which lends them; empty for anything else. */
struct text jsonr_text(const json_t *json);

/* Writes the value again, without spaces. */
void jsonr_write(struct writer *w, const json_t *json);

#endif
