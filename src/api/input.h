/*
 * input - reads the input of a call against the fields of its operation. Private to api/.
 *
 * Strict: each value has the type and range of its field, nothing required is missing, nothing
 * unknown is there, no member comes twice. Messages name the field.
 */
#ifndef API_INPUT_H
#define API_INPUT_H

#include <jansson.h>
#include <stdbool.h>

#include "api/operation.h"

/* Parses JSON of any kind. False: `error` says where it is broken. Release with json_decref(). */
bool input_parse_json(struct text text, json_t **ret_json, struct api_error *error);

/* Takes an object's members; NULL and JSON null are an object without members. Texts are borrowed
 * from the JSON. */
bool input_from_json(const struct operation *operation, json_t *json, struct input *input,
                     struct api_error *error);

/* Takes one field from a decoded path segment or query value. */
bool input_from_text(const struct operation *operation, size_t field, struct text value,
                     struct input *input, struct api_error *error);

/* After all sources are read: is something missing? */
bool input_check(const struct operation *operation, const struct input *input,
                 struct api_error *error);

#endif
