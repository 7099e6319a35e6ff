/*
 * query_fuzz - any query string is walked to its end, in order and without overlap, and what is
 * decoded never is longer than what was encoded.
 */
#include <stdint.h>
#include <stdlib.h>

#include "api/query.h"
#include "base/mem.h"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text query = {(const char *)data, size};
    struct text rest = query, name, value, found;
    const char *end = query.ptr;

    while (query_next(&rest, &name, &value)) {
        char *to = mem_alloc(value.len);
        size_t len;

        REQUIRE(name.ptr == NULL || name.len == 0 || name.ptr >= end);
        if (name.len != 0)
            end = name.ptr + name.len;
        if (query_decode(value, true, to, &len) == OK)
            REQUIRE(len <= value.len);
        REQUIRE(query_find(query, name, &found));
        mem_free(to);
    }
    REQUIRE(rest.len == 0);
    return 0;
}
