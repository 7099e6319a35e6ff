/* Request targets and query values: what is accepted is normalised, and so is what comes out. */
#include <assert.h>
#include <string.h>

#include "http/target.h"

enum { TARGET_LEN_MAX = 4096 };

static void check_path(struct text path)
{
    char again[TARGET_LEN_MAX];
    struct http_target parsed;

    assert(path.len && text_is_utf8(path));
    if (text_equal(path, TEXT("*")))
        return;
    assert(path.ptr[0] == '/');
    assert(!text_contains(path, TEXT("/../")) && !text_contains(path, TEXT("/./")));
    assert(!text_ends_with(path, TEXT("/..")) && !text_ends_with(path, TEXT("/.")));
    for (size_t i = 0; i < path.len; i++)
        assert((unsigned char)path.ptr[i] >= ' ' && path.ptr[i] != 0x7f);

    /* A normal path is its own normal form, unless decoding made new escapes. */
    if (text_contains(path, TEXT("%")) || text_contains(path, TEXT("?")))
        return;
    memcpy(again, path.ptr, path.len);
    assert(http_target_parse((struct text){again, path.len}, &parsed) == OK);
    assert(text_equal(parsed.path, path));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char memory[TARGET_LEN_MAX];
    char decoded[64];
    struct http_target parsed;
    struct text text;

    if (len > sizeof(memory))
        return 0;
    if (len)
        memcpy(memory, bytes, len);
    if (http_query_decode((struct text){memory, len}, decoded, sizeof(decoded), &text) == OK)
        assert(text.len <= sizeof(decoded) && text_is_utf8(text));
    if (http_query_find((struct text){memory, len}, "a", &text))
        assert(text.len <= len);
    if (http_target_parse((struct text){memory, len}, &parsed) == OK) {
        check_path(parsed.path);
        assert(parsed.path.len + parsed.query.len <= len);
    }
    return 0;
}
