/*
 * operation - the table of all operations, and what a call of one is. Private to api/.
 *
 * A row is the contract of an operation in all dialects. The name is the tRPC procedure's, REST has
 * method and path; fields named in the path come from there, the others from the query (GET) or the
 * JSON body. Who may call is checked before the input is looked at, and for WHO_HOST again when the
 * channel is known: field 0 of such an operation is always the channel's id.
 */
#ifndef API_OPERATION_H
#define API_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/error.h"
#include "base/text.h"

struct call;

/* Runs a call, or goes on with it. False: call->error is filled and nothing is written. */
typedef bool call_fn(struct call *call);

enum { OPERATION_FIELDS_MAX = 4 };

enum operation_kind { OPERATION_QUERY = 1, OPERATION_MUTATION };
enum operation_who { WHO_PUBLIC = 1, WHO_HOST, WHO_ADMIN };
enum field_type { FIELD_TEXT = 1, FIELD_INTEGER };

struct field {
    const char *name; /* NULL: no more fields */
    enum field_type type;
    bool is_required;
    int64_t min; /* of the number, or of the text's bytes */
    int64_t max;
    const char *help;
};

struct operation {
    const char *name;
    const char *method;
    const char *path; /* below /api/v1, "{field}" stands for a field */
    enum operation_kind kind;
    enum operation_who who;
    const struct field *fields; /* ends with a field without name */
    int status;                 /* of success in REST */
    const char *result;         /* name of the schema (schema.c) */
    const char *summary;
    call_fn *handle;
};

/* What the caller gave for each field of the operation, in its order. */
struct input {
    bool is_given[OPERATION_FIELDS_MAX];
    int64_t number[OPERATION_FIELDS_MAX];
    struct text text[OPERATION_FIELDS_MAX]; /* borrowed for the life of the exchange */
};

/* Who calls. */
struct caller {
    enum { CALLER_ANYBODY = 1, CALLER_HOST, CALLER_ADMIN } kind;
    uint64_t channel_id;    /* of CALLER_HOST */
    struct api_error error; /* credentials were given, but are not good: every call is refused */
};

extern const struct operation operations[];
extern const size_t operation_count;

const struct operation *operation_find(struct text name);

size_t operation_field_count(const struct operation *operation);

/* Index of the field, or -1. */
int operation_field_find(const struct operation *operation, struct text name);

/* True when the caller is the channel's owner or the admin. */
bool caller_owns(const struct caller *caller, uint64_t channel_id);

/* Before the input is known, and after. */
bool call_check_caller(const struct operation *operation, const struct caller *caller,
                       struct api_error *error);
bool call_check_channel(const struct operation *operation, const struct caller *caller,
                        const struct input *input, struct api_error *error);

#endif
