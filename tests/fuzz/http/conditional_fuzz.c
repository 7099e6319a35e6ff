/* Range, If-None-Match and Accept-Encoding: a range is inside the body. */
#include <assert.h>

#include "http/conditional.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct text text = {(const char *)bytes, len};
    uint64_t body_len = len ? (uint64_t)bytes[0] * bytes[len - 1] : 0;
    struct http_range range;

    if (http_range_parse(text, body_len, &range) == OK) {
        assert(range.len > 0 && range.offset < body_len);
        assert(range.len <= body_len - range.offset);
    }
    (void)http_accepts_gzip(text);
    if (http_etag_list_matches(text, TEXT("\"tag\"")))
        assert(text_contains(text, TEXT("\"tag\"")) || text_contains(text, TEXT("*")));
    return 0;
}
