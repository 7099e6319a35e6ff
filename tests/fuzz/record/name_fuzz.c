/* "<channel>/<broadcast>/<file>" as it comes in a path: whatever is taken names one file and is its
 * only name, so that no second spelling gets by a rule or a cache. */
#include <assert.h>
#include <string.h>

#include "base/writer.h"
#include "record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char path[128];
    struct writer w = writer_fixed(path, sizeof(path));
    struct text whole = {(const char *)bytes, len};
    struct text rest = whole;
    struct text channel = text_cut(&rest, '/');
    struct text broadcast = text_cut(&rest, '/');
    struct record_name name;

    if (!record_name_parse(channel, broadcast, rest, &name))
        return 0;
    assert(name.channel_id && name.broadcast_id);
    record_write_url(&w, name.channel_id, name.broadcast_id);
    if (name.file) {
        w.len -= strlen("index.m3u8");
        writer_dec(&w, name.file);
        writer_str(&w, ".mp4");
    }
    assert(!w.failed);
    struct text written = writer_as_text(&w);
    assert(text_equal(text_sub(written, strlen("/recordings/"), written.len), whole));
    return 0;
}
