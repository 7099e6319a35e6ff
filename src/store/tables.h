/*
 * tables - for each table, which column is which member of its row: one list, from which the
 * statements are written, values bound and rows read. Private to store/.
 *
 * SQL that is written here depends only on the table and on what is asked, never on a value, so the
 * statements of a table are few and are prepared once.
 */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/db.h"
#include "store/store.h"

struct writer;

enum { SQL_LEN_MAX = 4096, HEX_LEN = 2 * CRYPTO_SHA256_LEN, HASHES_MAX = 2 };

enum column_kind {
    COLUMN_TEXT = 1,    /* char[] */
    COLUMN_WORD,        /* char[]; "" is NULL */
    COLUMN_SECRET,      /* struct secret */
    COLUMN_HASH,        /* uint8_t[32], as hexadecimal */
    COLUMN_BUF,         /* struct buf *, as text */
    COLUMN_I64,         /* int64_t */
    COLUMN_TIME,        /* int64_t; 0 is NULL */
    COLUMN_U64,         /* uint64_t */
    COLUMN_REF,         /* uint64_t; 0 is NULL */
    COLUMN_U32,         /* uint32_t */
    COLUMN_U32_OR_NULL, /* uint32_t; 0 is NULL */
    COLUMN_I32,         /* int32_t */
    COLUMN_KNOWN_I32,   /* int32_t; negative is NULL */
    COLUMN_REAL,        /* double */
    COLUMN_KNOWN_REAL,  /* double; negative is NULL */
    COLUMN_BOOL,        /* bool */
};

enum {
    COLUMN_KEY = 1,       /* what makes a row the same row */
    COLUMN_READ_ONLY = 2, /* an expression, or written in another way */
    COLUMN_HEAVY = 4,     /* left out of long lists */
    COLUMN_SETTINGS = 8,  /* of channels: written by STORE_CHANNEL_SETTINGS */
    COLUMN_STATE = 16,    /* and by STORE_CHANNEL_STATE */
};

struct column {
    const char *name;
    enum column_kind kind;
    unsigned flags;
    size_t offset;
    size_t size;
    const char *fallback; /* of COLUMN_TEXT: what an empty text is stored as; NULL: as it is */
};

struct table {
    const char *name;
    const struct column *columns;
    size_t column_count;
    size_t row_size;
    const char *id_column; /* as the text ids of query.h name a row; NULL: rows have none */
    bool has_number;       /* the id is a number */
    bool is_counted;       /* rows get numbers from `counters` when they are written */
    bool is_told;          /* other nodes have it in memory */
};

const struct table *table_of(enum store_table table);

/* False when there is no such table. */
bool table_parse(struct text name, enum store_table *ret_table);

/* A statement that is being written. */
struct sql {
    char text[SQL_LEN_MAX];
    size_t len;
};

void sql_add(struct sql *sql, const char *part);
void sql_addf(struct sql *sql, const char *format, ...) PRINTF_LIKE(2, 3);

/* SELECT <all columns> FROM <table>. Without `has_heavy` the heavy ones are NULL. `more`: further
 * columns, or "". */
void sql_select(struct sql *sql, const struct table *table, bool has_heavy, const char *more);

/* INSERT of a whole row; `more` with their '?' come behind the table's own ("" when there are
 * none: `more_marks` too). `or_replace`: the row with the same key is replaced. */
void sql_insert(struct sql *sql, const struct table *table, const char *more,
                const char *more_marks, bool or_replace);

/* "a = ?, b = ?" for the columns with one of the flags. */
void sql_set(struct sql *sql, const struct table *table, unsigned flags);

/* Values that are being bound. Texts are borrowed from the row; `hex` holds the hashes. */
struct bound {
    struct db_value values[DB_VALUES_MAX];
    size_t count;
    char hex[HASHES_MAX][HEX_LEN];
    size_t hex_count;
};

void bind_value(struct bound *bound, struct db_value value);
void bind_hash(struct bound *bound, const uint8_t hash[CRYPTO_SHA256_LEN]);

/* The columns that are not read-only and have one of the flags; 0: all of them. */
void bind_row(struct bound *bound, const struct table *table, const void *row, unsigned flags);

/* The text id as a value of the id column. False: it can be the id of no row. */
bool bind_id(struct bound *bound, const struct table *table, struct text id);

/* The current row, whose columns come first. Release with row_release(). */
void row_read(const struct db_cursor *cursor, const struct table *table, void *ret_row);

/* Takes references to the bufs of a row that was copied byte by byte. */
void row_ref(const struct table *table, void *row);

/* Releases what the row holds, and wipes it. */
void row_release(const struct table *table, void *row);

/* Makes all texts of an own copy UTF-8 without NUL: other bytes become '?'. */
void row_make_utf8(const struct table *table, void *row);

/* The id as text, for other nodes. */
void row_write_id(struct writer *w, const struct table *table, const void *row);

/* Hexadecimal of 64 digits. */
bool hash_parse(struct text hex, uint8_t ret_hash[CRYPTO_SHA256_LEN]);

#endif
