/*
 * What is read can be written and read again: the second writing equals the first. (The first may
 * differ from the input, which can have dates, references and typed objects in it.)
 */
#include <stdlib.h>

#include "base/writer.h"
#include "rtmp/amf0.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_LEN_MAX = 4096, OUTPUT_LEN_MAX = 1 << 20 };

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void copy_value(struct amf0_value *value, struct writer *w, unsigned depth);

static void copy_members(struct amf0_value *container, struct writer *w, unsigned depth)
{
    struct amf0_value member;
    struct text name;
    uint32_t count = 0;

    while (amf0_next_member(container, &name, &member)) {
        if (container->type != AMF0_STRICT_ARRAY)
            amf0_write_name(w, name);
        copy_value(&member, w, depth + 1);
        count++;
    }
    require(!container->members.failed); /* it was checked as a whole */
    if (container->type == AMF0_STRICT_ARRAY)
        require(count == container->count);
    else
        amf0_write_object_end(w);
}

static void copy_value(struct amf0_value *value, struct writer *w, unsigned depth)
{
    require(depth <= AMF0_DEPTH_MAX);
    switch (value->type) {
    case AMF0_NUMBER:
        amf0_write_number(w, value->number);
        require(amf0_to_u64(value, 1000) <= 1000);
        return;
    case AMF0_BOOLEAN:
        amf0_write_boolean(w, value->boolean);
        return;
    case AMF0_STRING:
        amf0_write_string(w, value->string);
        return;
    case AMF0_OBJECT:
        amf0_write_object_begin(w);
        copy_members(value, w, depth);
        return;
    case AMF0_ECMA_ARRAY:
        amf0_write_ecma_array_begin(w, 0);
        copy_members(value, w, depth);
        return;
    case AMF0_STRICT_ARRAY:
        amf0_write_strict_array_begin(w, value->count);
        copy_members(value, w, depth);
        return;
    case AMF0_NULL:
        amf0_write_null(w);
        return;
    }
    abort();
}

/* Copies all values up to the first that is not well formed. */
static void copy_all(struct text input, struct writer *w, bool must_be_whole)
{
    struct reader r = reader_of(input.ptr, input.len);

    while (r.left > 0) {
        struct amf0_value value;

        amf0_read(&r, &value);
        require(!(r.failed && must_be_whole));
        if (!r.failed)
            copy_value(&value, w, 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct writer first = writer_growing(OUTPUT_LEN_MAX);
    struct writer second = writer_growing(OUTPUT_LEN_MAX);

    if (size > INPUT_LEN_MAX)
        return 0;
    copy_all((struct text){(const char *)data, size}, &first, false);
    copy_all(writer_as_text(&first), &second, true);
    require(!first.failed && !second.failed);
    require(text_equal(writer_as_text(&first), writer_as_text(&second)));
    writer_deinit(&first);
    writer_deinit(&second);
    return 0;
}
