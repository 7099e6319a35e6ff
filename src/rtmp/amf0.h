/*
 * amf0 - reader and writer of AMF0, the value format of RTMP commands and FLV metadata.
 *
 * Nothing is built in memory. A container is checked as a whole when it is read, and gives a reader
 * of its members, which are then read one by one:
 *
 *     struct amf0_value object, value;
 *     struct text name;
 *     amf0_read(&r, &object);
 *     while (amf0_next_member(&object, &name, &value)) { ... }
 *     if (r.failed) return ERR_MALFORMED;
 *
 * Ownership  Texts and members are views of the input.
 * Limits     Containers within containers: AMF0_DEPTH_MAX. AMF3 (marker 17) is refused.
 * Spec       Adobe AMF0, revision of December 2007; the number is the section.
 */
#ifndef RTMP_AMF0_H
#define RTMP_AMF0_H

#include <stdbool.h>

#include "base/reader.h"
#include "base/text.h"

struct writer;

enum { AMF0_DEPTH_MAX = 8 };

enum amf0_type {
    AMF0_NUMBER = 1,   /* 2.2; a date (2.13) is read as its number of milliseconds */
    AMF0_BOOLEAN,      /* 2.3 */
    AMF0_STRING,       /* 2.4, 2.14 long string, 2.17 XML */
    AMF0_OBJECT,       /* 2.5, 2.18 typed object, its class name is dropped */
    AMF0_ECMA_ARRAY,   /* 2.10: as an object, its count is only a hint */
    AMF0_STRICT_ARRAY, /* 2.12: members without names */
    AMF0_NULL          /* 2.7, 2.8 undefined, 2.9 reference, 2.15 unsupported */
};

struct amf0_value {
    enum amf0_type type;
    double number;
    bool boolean;
    struct text string;
    struct reader members; /* containers */
    uint32_t count;        /* strict array: members left */
};

/* Reads one value. Fails the reader, and gives AMF0_NULL, when there is none that is well formed.
 */
void amf0_read(struct reader *r, struct amf0_value *ret_value);

/* Reads a value and gives its string or number; empty or 0 when it is of another type. */
struct text amf0_read_string(struct reader *r);
double amf0_read_number(struct reader *r);

/* The next member of a container; *ret_name is empty in a strict array. False at the end, and for a
 * value that is no container. */
bool amf0_next_member(struct amf0_value *container, struct text *ret_name,
                      struct amf0_value *ret_value);

/* A number as an integer within [0, max]; 0 when it is none. */
uint64_t amf0_to_u64(const struct amf0_value *value, uint64_t max);

void amf0_write_number(struct writer *w, double number);
void amf0_write_boolean(struct writer *w, bool boolean);
void amf0_write_string(struct writer *w, struct text string);
void amf0_write_null(struct writer *w);

/* Containers: begin, then for each member its name (not in a strict array) and its value, then end
 * (not for a strict array, whose count is promised). */
void amf0_write_object_begin(struct writer *w);
void amf0_write_ecma_array_begin(struct writer *w, uint32_t count);
void amf0_write_strict_array_begin(struct writer *w, uint32_t count);
void amf0_write_name(struct writer *w, struct text name);
void amf0_write_object_end(struct writer *w);

/* Name and value at once. */
void amf0_write_member_string(struct writer *w, const char *name, struct text string);
void amf0_write_member_number(struct writer *w, const char *name, double number);

#endif
