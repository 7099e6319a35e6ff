/*
 * A folder with any list and any video is repaired to one in which each entry is in its file, and a
 * second repair finds nothing more to do. Input: u16 length of the list, the list, u16 length of
 * 2.mp4, 2.mp4, and the rest is 1.mp4.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/reader.h"
#include "record/playlist.h"
#include "record/repair.h"
#include "support/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct scratch scratch;

static void remove_scratch(void)
{
    scratch_remove(&scratch);
}

static uint64_t len_of(uint32_t file)
{
    struct stat about;

    assert(file <= 2);
    assert(fstatat(scratch.fd, file == 1 ? "1/1/1.mp4" : "1/1/2.mp4", &about, 0) == 0);
    return (uint64_t)about.st_size;
}

static void check_list(struct text rest, const struct repair_result *result)
{
    struct playlist_header header;
    struct playlist_entry entry;
    struct text text;
    uint32_t file = 0;
    uint64_t end = 0;
    int64_t duration_us = 0;

    bool is_ours = playlist_read_header(&rest, &header);
    assert(is_ours && header.is_ended);
    while (playlist_read_entry(&rest, &entry, &text)) {
        assert(entry.map_len ? entry.file > file : entry.file == file);
        assert(entry.offset == (entry.map_len ? entry.map_len : end));
        assert(entry.len > 0 && entry.offset + entry.len <= len_of(entry.file));
        file = entry.file;
        end = entry.offset + entry.len;
        duration_us += entry.duration_us;
    }
    assert(file > 0 && end == len_of(file) && playlist_is_end(rest));
    /* The list has steps of ten microseconds. */
    assert(llabs(duration_us - result->duration_us) <= 10 * (int64_t)rest.len + 100000);
}

static void write_folder(struct text list, struct text second, struct text first)
{
    if (!scratch_has(&scratch, "1"))
        scratch_make_folder(&scratch, "1");
    if (!scratch_has(&scratch, "1/1"))
        scratch_make_folder(&scratch, "1/1");
    scratch_write(&scratch, "1/1/index.m3u8", list.ptr, list.len);
    scratch_write(&scratch, "1/1/1.mp4", first.ptr, first.len);
    if (second.len)
        scratch_write(&scratch, "1/1/2.mp4", second.ptr, second.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(data, size);
    struct text list = reader_text(&r, reader_u16(&r));
    struct text second = reader_text(&r, reader_u16(&r));
    struct text first = reader_text(&r, r.left);
    struct repair_result result;
    struct repair_result again;
    size_t len;
    size_t len_again;

    if (scratch.path[0] == '\0') {
        scratch_make_in_memory(&scratch);
        (void)atexit(remove_scratch);
    }
    write_folder(list, second, first);
    enum err err = repair_folder(scratch.fd, 1, 1, &result, NULL);
    assert(err == OK); /* nothing but the disk makes it fail */
    if (result.is_empty) {
        assert(!scratch_has(&scratch, "1/1"));
        return 0;
    }
    char *before = scratch_read(&scratch, "1/1/index.m3u8", &len);
    check_list((struct text){before, len}, &result);
    err = repair_folder(scratch.fd, 1, 1, &again, NULL);
    assert(err == OK && !again.is_empty);
    char *after = scratch_read(&scratch, "1/1/index.m3u8", &len_again);
    assert(len == len_again && memcmp(before, after, len) == 0);
    assert(again.bytes == result.bytes);
    mem_free(before);
    mem_free(after);
    err = repair_remove_folder(scratch.fd, 1, 1, NULL);
    assert(err == OK && !scratch_has(&scratch, "1/1"));
    return 0;
}
