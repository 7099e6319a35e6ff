/* Any bytes are taken; what is understood stays within limits. */
#include <assert.h>

#include "base/reader.h"
#include "record/fragment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fragment_tracks tracks = {
        .count = 2,
        .items = {{.id = 1, .timescale = 90000, .is_video = true}, {.id = 2, .timescale = 48000}},
    };
    struct fragment_tracks read;
    struct fragment fragment;
    struct fragment_box box;

    if (fragment_read_moov(data, size, &read) == OK) {
        assert(read.count > 0 && read.count <= FRAGMENT_TRACKS_MAX);
        for (size_t i = 0; i < read.count; i++)
            assert(read.items[i].timescale != 0);
        tracks = read;
    }
    /* The boxes of a file one after the other, as the repair walks through them. */
    while (size >= FRAGMENT_HEADER_LEN && fragment_read_box(data, &box) == OK) {
        size_t len = box.len < size ? box.len : size;

        assert(box.len >= FRAGMENT_HEADER_LEN);
        if (box.kind == FRAGMENT_MOOV && fragment_read_moov(data, len, &read) == OK)
            tracks = read;
        if (box.kind == FRAGMENT_MOOF && fragment_read_moof(data, len, &tracks, &fragment) == OK) {
            assert(fragment.start_us >= 0 && fragment.end_us >= fragment.start_us);
            assert(fragment.end_us < INT64_C(1) << 51);
        }
        data += len;
        size -= len;
    }
    return 0;
}
