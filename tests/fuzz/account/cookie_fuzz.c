/*
 * cookie_fuzz - any Cookie header: what is found lies in it, other cookies around it change
 * nothing, and a second one of the name takes it away.
 */
#include <stdint.h>
#include <stdlib.h>

#include "account/credential.h"
#include "base/mem.h"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#define NAME TEXT("stoa_session")

/* before + header + after, if that fits. */
static bool find_within(struct text before, struct text header, struct text after,
                        struct text *ret_value, char **ret_memory)
{
    size_t len = before.len + header.len + after.len;
    char *memory = mem_alloc(len);

    memcpy(memory, before.ptr, before.len);
    memcpy(memory + before.len, header.len ? header.ptr : "", header.len);
    memcpy(memory + before.len + header.len, after.ptr, after.len);
    *ret_memory = memory;
    return credential_find_cookie((struct text){memory, len}, NAME, ret_value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text header = {(const char *)data, size};
    struct text value = {0}, again = {0};
    char *memory;
    bool is_found = credential_find_cookie(header, NAME, &value);

    if (is_found) {
        REQUIRE(size <= ACCOUNT_COOKIE_LEN_MAX);
        REQUIRE(value.len == 0 ||
                (value.ptr >= header.ptr && value.ptr + value.len <= header.ptr + header.len));
        REQUIRE(text_index_of(value, ';') == value.len);
    }
    if (credential_is_token(header))
        REQUIRE(size == ACCOUNT_SESSION_TOKEN_LEN);
    if (size > ACCOUNT_COOKIE_LEN_MAX / 2)
        return 0;

    REQUIRE(find_within(TEXT("a=b; "), header, TEXT("; c=d"), &again, &memory) == is_found);
    REQUIRE(!is_found || text_equal(value, again));
    mem_free(memory);
    if (is_found)
        REQUIRE(!find_within(TEXT("stoa_session=x;"), header, TEXT(""), &again, &memory));
    else
        (void)find_within(TEXT("stoa_session=x;"), header, TEXT(""), &again, &memory);
    mem_free(memory);
    return 0;
}
