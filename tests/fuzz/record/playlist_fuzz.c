/* What is read from a list is written again and read as the same; the end of a list, cut anywhere,
 * shows whole entries only. */
#include <assert.h>

#include "base/writer.h"
#include "record/playlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_header(const struct playlist_header *header)
{
    char memory[PLAYLIST_HEADER_LEN_MAX];
    struct writer w = writer_fixed(memory, sizeof(memory));
    struct playlist_header again;

    playlist_write_header(&w, header);
    struct text rest = writer_as_text(&w);
    assert(!w.failed && playlist_read_header(&rest, &again) && rest.len == 0);
    assert(again.target_s == header->target_s && again.is_independent == header->is_independent &&
           again.is_ended == header->is_ended);
}

static void check_entry(const struct playlist_entry *entry)
{
    char memory[PLAYLIST_ENTRY_LEN_MAX];
    struct writer w = writer_fixed(memory, sizeof(memory));
    struct playlist_entry again;
    struct text text;

    playlist_write_entry(&w, entry);
    struct text rest = writer_as_text(&w);
    assert(!w.failed && playlist_read_entry(&rest, &again, &text) && rest.len == 0);
    assert(again.has_discontinuity == entry->has_discontinuity && again.map_len == entry->map_len &&
           again.file == entry->file && again.offset == entry->offset && again.len == entry->len &&
           again.duration_us == entry->duration_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text list = {(const char *)data, size};
    struct text rest = list;
    struct playlist_header header;
    struct playlist_entry entry;
    struct text text;
    size_t left;
    bool is_ended;

    if (playlist_read_header(&rest, &header))
        check_header(&header);
    do {
        left = rest.len;
        while (playlist_read_entry(&rest, &entry, &text)) {
            assert(text.ptr + text.len == rest.ptr || rest.len == 0);
            assert(entry.file > 0 && entry.file <= RECORD_FILES_MAX);
            assert(playlist_target_s(entry.duration_us) <= PLAYLIST_TARGET_S_MAX);
            check_entry(&entry);
        }
        (void)text_cut(&rest, '\n'); /* go on behind a line that is none of ours */
    } while (rest.len && rest.len < left);

    size_t hidden = playlist_unfinished_len(list, &is_ended);
    assert(hidden <= list.len);
    struct text shown = text_sub(list, 0, list.len - hidden);
    assert(shown.len == 0 || shown.ptr[shown.len - 1] == '\n');
    assert(playlist_unfinished_len(shown, &is_ended) == 0);
    return 0;
}
