/*
 * schema - the shapes of what operations answer, as tables, for the OpenAPI document. Private to
 * api/. The answers themselves are written by present*.c and operation*.c; a test compares.
 */
#ifndef API_SCHEMA_H
#define API_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

enum schema_type {
    SCHEMA_TEXT = 1,
    SCHEMA_TIME, /* RFC 3339 */
    SCHEMA_INTEGER,
    SCHEMA_NUMBER,
    SCHEMA_BOOLEAN,
    SCHEMA_TEXTS,  /* an array */
    SCHEMA_OBJECT, /* of the schema named in `ref` */
    SCHEMA_ARRAY,  /* of such objects */
    SCHEMA_JSON,   /* an object that is not ours to describe */
};

struct schema_member {
    const char *name; /* NULL: no more */
    enum schema_type type;
    bool is_nullable;
    bool is_optional;
    const char *ref;   /* OBJECT, ARRAY */
    const char *words; /* TEXT, TEXTS: all there are, with spaces between; NULL: any */
};

struct schema {
    const char *name;
    const struct schema_member *members;
};

extern const struct schema schemas[];
extern const size_t schema_count;

#endif
