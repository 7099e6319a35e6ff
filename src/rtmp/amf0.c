#include "rtmp/amf0.h"

#include <string.h>

#include "base/writer.h"

enum marker {
    MARKER_NUMBER = 0,
    MARKER_BOOLEAN = 1,
    MARKER_STRING = 2,
    MARKER_OBJECT = 3,
    MARKER_NULL = 5,
    MARKER_UNDEFINED = 6,
    MARKER_REFERENCE = 7,
    MARKER_ECMA_ARRAY = 8,
    MARKER_OBJECT_END = 9,
    MARKER_STRICT_ARRAY = 10,
    MARKER_DATE = 11,
    MARKER_LONG_STRING = 12,
    MARKER_UNSUPPORTED = 13,
    MARKER_XML = 15,
    MARKER_TYPED_OBJECT = 16
};

static void read_value(struct reader *r, unsigned depth, struct amf0_value *value);

static double read_double(struct reader *r)
{
    uint64_t bits = reader_u64(r);
    double number;

    memcpy(&number, &bits, sizeof(number)); /* IEEE 754, big-endian */
    return number;
}

/* Skips named members and their end mark. Some encoders leave out the end mark of the last array of
 * a message: an array that has all its `count` members may end with the input. */
static size_t skip_members(struct reader *r, unsigned depth, bool may_end, uint32_t count)
{
    const uint8_t *start = r->ptr;
    struct amf0_value ignored;

    for (uint32_t i = 0; !r->failed; i++) {
        if (may_end && r->left == 0 && i == count)
            return (size_t)(r->ptr - start);
        size_t len = (size_t)(r->ptr - start);
        uint16_t name_len = reader_u16(r);
        if (name_len == 0 && reader_peek_u8(r) == MARKER_OBJECT_END) {
            reader_skip(r, 1);
            return r->failed ? 0 : len;
        }
        reader_skip(r, name_len);
        read_value(r, depth + 1, &ignored);
    }
    return 0;
}

static void read_members(struct reader *r, unsigned depth, bool may_end, uint32_t count,
                         struct amf0_value *value)
{
    const uint8_t *start = r->ptr;
    size_t len = skip_members(r, depth, may_end, count);

    if (!r->failed)
        value->members = reader_of(start, len);
}

static void read_strict_array(struct reader *r, unsigned depth, struct amf0_value *value)
{
    struct amf0_value ignored;
    uint32_t count = reader_u32(r);
    const uint8_t *start = r->ptr;

    /* Each turn eats at least one byte, or fails: the count alone makes no work. */
    for (uint32_t i = 0; i < count && !r->failed; i++)
        read_value(r, depth + 1, &ignored);
    if (r->failed)
        return;
    value->members = reader_of(start, (size_t)(r->ptr - start));
    value->count = count;
}

static void read_container(struct reader *r, unsigned depth, enum marker marker,
                           struct amf0_value *value)
{
    if (depth >= AMF0_DEPTH_MAX) {
        reader_fail(r);
        return;
    }
    if (marker == MARKER_STRICT_ARRAY) {
        value->type = AMF0_STRICT_ARRAY;
        read_strict_array(r, depth, value);
    } else if (marker == MARKER_ECMA_ARRAY) {
        uint32_t count = reader_u32(r);

        value->type = AMF0_ECMA_ARRAY;
        read_members(r, depth, true, count, value);
    } else {
        if (marker == MARKER_TYPED_OBJECT)
            reader_skip(r, reader_u16(r));
        value->type = AMF0_OBJECT;
        read_members(r, depth, false, 0, value);
    }
}

static void read_value(struct reader *r, unsigned depth, struct amf0_value *value)
{
    enum marker marker = (enum marker)reader_u8(r);

    *value = (struct amf0_value){.type = AMF0_NULL};
    if (r->failed)
        return;
    switch ((unsigned)marker) {
    case MARKER_NUMBER:
        value->type = AMF0_NUMBER;
        value->number = read_double(r);
        break;
    case MARKER_DATE:
        value->type = AMF0_NUMBER;
        value->number = read_double(r);
        reader_skip(r, 2); /* time zone: reserved, zero */
        break;
    case MARKER_BOOLEAN:
        value->type = AMF0_BOOLEAN;
        value->boolean = reader_u8(r) != 0;
        break;
    case MARKER_STRING:
        value->type = AMF0_STRING;
        value->string = reader_text(r, reader_u16(r));
        break;
    case MARKER_LONG_STRING:
    case MARKER_XML:
        value->type = AMF0_STRING;
        value->string = reader_text(r, reader_u32(r));
        break;
    case MARKER_OBJECT:
    case MARKER_TYPED_OBJECT:
    case MARKER_ECMA_ARRAY:
    case MARKER_STRICT_ARRAY:
        read_container(r, depth, marker, value);
        break;
    case MARKER_REFERENCE:
        reader_skip(r, 2);
        break;
    case MARKER_NULL:
    case MARKER_UNDEFINED:
    case MARKER_UNSUPPORTED:
        break;
    default:
        reader_fail(r);
        break;
    }
}

void amf0_read(struct reader *r, struct amf0_value *ret_value)
{
    read_value(r, 0, ret_value);
    if (r->failed)
        *ret_value = (struct amf0_value){.type = AMF0_NULL};
}

struct text amf0_read_string(struct reader *r)
{
    struct amf0_value value;

    amf0_read(r, &value);
    return value.string;
}

double amf0_read_number(struct reader *r)
{
    struct amf0_value value;

    amf0_read(r, &value);
    return value.number;
}

bool amf0_next_member(struct amf0_value *container, struct text *ret_name,
                      struct amf0_value *ret_value)
{
    struct reader *r = &container->members;

    if (r->left == 0)
        return false;

    struct text name = {0};
    if (container->type != AMF0_STRICT_ARRAY)
        name = reader_text(r, reader_u16(r));
    amf0_read(r, ret_value);
    *ret_name = name;
    return !r->failed;
}

uint64_t amf0_to_u64(const struct amf0_value *value, uint64_t max)
{
    if (value->type != AMF0_NUMBER || !(value->number >= 0) || value->number > (double)max)
        return 0; /* the negation catches what is not a number */
    return (uint64_t)value->number;
}

void amf0_write_number(struct writer *w, double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof(bits));
    writer_u8(w, MARKER_NUMBER);
    writer_u64(w, bits);
}

void amf0_write_boolean(struct writer *w, bool boolean)
{
    writer_u8(w, MARKER_BOOLEAN);
    writer_u8(w, boolean);
}

void amf0_write_string(struct writer *w, struct text string)
{
    if (string.len <= UINT16_MAX) {
        writer_u8(w, MARKER_STRING);
        writer_u16(w, (uint16_t)string.len);
    } else {
        writer_u8(w, MARKER_LONG_STRING);
        writer_u32(w, (uint32_t)string.len);
    }
    writer_text(w, string);
}

void amf0_write_null(struct writer *w)
{
    writer_u8(w, MARKER_NULL);
}

void amf0_write_object_begin(struct writer *w)
{
    writer_u8(w, MARKER_OBJECT);
}

void amf0_write_ecma_array_begin(struct writer *w, uint32_t count)
{
    writer_u8(w, MARKER_ECMA_ARRAY);
    writer_u32(w, count);
}

void amf0_write_strict_array_begin(struct writer *w, uint32_t count)
{
    writer_u8(w, MARKER_STRICT_ARRAY);
    writer_u32(w, count);
}

void amf0_write_name(struct writer *w, struct text name)
{
    if (name.len > UINT16_MAX)
        name.len = UINT16_MAX;
    writer_u16(w, (uint16_t)name.len);
    writer_text(w, name);
}

void amf0_write_object_end(struct writer *w)
{
    writer_u16(w, 0);
    writer_u8(w, MARKER_OBJECT_END);
}

void amf0_write_member_string(struct writer *w, const char *name, struct text string)
{
    amf0_write_name(w, text_of(name));
    amf0_write_string(w, string);
}

void amf0_write_member_number(struct writer *w, const char *name, double number)
{
    amf0_write_name(w, text_of(name));
    amf0_write_number(w, number);
}
