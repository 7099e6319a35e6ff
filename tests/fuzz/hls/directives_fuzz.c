/* Query strings: what is taken has one written form, and that form means the same. */
#include <assert.h>

#include "base/writer.h"
#include "hls/hls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text query = {(const char *)data, size};
    struct hls_directives directives;
    struct hls_directives again;
    char first[128];
    char second[128];
    struct writer w = writer_fixed(first, sizeof(first));
    struct writer v = writer_fixed(second, sizeof(second));

    (void)hls_kind_of_name(query);
    if (hls_directives_parse(query, &directives))
        return 0;
    assert(directives.has_msn || !directives.has_part);
    hls_directives_write(&w, &directives);
    assert(!w.failed);
    assert(hls_directives_parse(writer_as_text(&w), &again) == OK);
    assert(again.has_msn == directives.has_msn && again.msn == directives.msn);
    assert(again.has_part == directives.has_part && again.part == directives.part);
    assert(again.wants_skip == directives.wants_skip);
    hls_directives_write(&v, &again);
    assert(text_equal(writer_as_text(&w), writer_as_text(&v)));
    return 0;
}
