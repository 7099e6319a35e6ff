/*
 * operation - the table of all operations: the contract of the API. Private to api/.
 *
 * A row is an operation in all dialects. The name is the tRPC procedure's, REST has method and
 * path; fields named in the path come from there, the others from the query (GET) or the JSON body.
 * `who` and `scope` say who may call (rights.h). The rows stand in several files, by subject, next
 * to their handlers.
 *
 *     operation_auth.c      auth.*                       operation_relay.c    relay.* recording.*
 *     operation_account.c   account.* apiKey.*                                streaming.*
 *     operation_channel.c   channel.* publishToken.*     operation_history.c  broadcast.* metrics.*
 *     operation_webhook.c   webhook.* webhookDelivery.*                       audit.* events.*
 */
#ifndef API_OPERATION_H
#define API_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account/account.h"
#include "api/error.h"
#include "base/text.h"

struct call;

enum { OPERATION_FIELDS_MAX = 8, INPUT_WORDS_MAX = 16, OPERATION_ID_MAX = INT32_MAX };

/* Runs a call, or goes on with it. False: call->error is filled and nothing is written. */
typedef bool call_fn(struct call *call);

enum operation_kind {
    OPERATION_QUERY = 1,
    OPERATION_MUTATION,
    OPERATION_SUBSCRIPTION, /* served by edge/; here only to be known */
};

enum operation_who {
    WHO_ANYBODY = 1,
    WHO_SESSION, /* a signed-in browser */
    WHO_SELF,    /* who may speak for an account: a session, a JWT, a key of an admin */
    WHO_PERSON,  /* a session, a JWT, an API key, the admin key: not a channel's own keys */
    WHO_OWNER,   /* a person whose channel it is (field 0), or an admin */
    WHO_HOST,    /* the same, or who has a key of the channel */
    WHO_ADMIN,
};

enum {
    OPERATION_CREATES = 1, /* takes an Idempotency-Key */
    OPERATION_NO_CSRF = 2, /* a session may call it without its CSRF token */
};

enum field_type {
    FIELD_TEXT = 1, /* min and max count bytes */
    FIELD_INTEGER,
    FIELD_BOOLEAN,
    FIELD_WORD,  /* one of `words` */
    FIELD_WORDS, /* an array of them, none twice; at most one such field an operation */
    FIELD_TIME,  /* RFC 3339 */
    FIELD_UUID,
    FIELD_CURSOR, /* of a list: what it answered as nextCursor */
};

enum {
    FIELD_REQUIRED = 1,
    FIELD_NULLABLE = 2, /* null means something else than leaving it out */
    FIELD_SECRET = 4,   /* a password */
};

struct field {
    const char *name; /* NULL: no more fields */
    enum field_type type;
    unsigned flags;
    int64_t min;
    int64_t max;
    const char *words; /* with spaces between */
    const char *help;
    const char *example; /* JSON; NULL: none */
};

struct operation {
    const char *name;
    const char *method;
    const char *path; /* below /api/v1, "{field}" stands for a field */
    enum operation_kind kind;
    enum operation_who who;
    enum account_scope scope; /* what a key needs for it, and a role; 0: nothing */
    unsigned flags;
    const struct field *fields; /* ends with a field without name */
    int status;                 /* of success in REST */
    const char *result;         /* name of the schema (schema.h) */
    const char *summary;
    call_fn *handle;
};

/* What the caller gave for each field of the operation, in its order. */
struct input {
    bool is_given[OPERATION_FIELDS_MAX];
    bool is_null[OPERATION_FIELDS_MAX];     /* given as null */
    int64_t number[OPERATION_FIELDS_MAX];   /* booleans are 0 and 1, times wall clock us */
    struct text text[OPERATION_FIELDS_MAX]; /* borrowed for the life of the exchange */
    struct text words[INPUT_WORDS_MAX];
    size_t word_count;
};

/* The rows of one subject. */
struct operation_table {
    const struct operation *rows;
    size_t count;
};

extern const struct operation_table auth_operations;
extern const struct operation_table account_operations;
extern const struct operation_table channel_operations;
extern const struct operation_table relay_operations;
extern const struct operation_table history_operations;
extern const struct operation_table webhook_operations;

#define OPERATION_TABLE(rows)                                                                      \
    {                                                                                              \
        rows, sizeof(rows) / sizeof((rows)[0])                                                     \
    }

size_t operation_count(void);
const struct operation *operation_at(size_t index);
const struct operation *operation_find(struct text name);

size_t operation_field_count(const struct operation *operation);

/* Index of the field, or -1. */
int operation_field_find(const struct operation *operation, struct text name);

/* The field stands in the path. */
bool operation_field_is_in_path(const struct operation *operation, const struct field *field);

#endif
