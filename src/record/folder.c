#include "record/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/writer.h"
#include "hls/hls.h"

enum {
    PIECES_MAX = 64,
    REPLACE_PIECES_MAX = 4,
    PLAYLIST_END_LEN_MAX = 32,
    FOLDER_MODE = 0700,
    FILE_MODE = 0600
};

enum err folder_fail(int error, const char *what, struct diag *diag)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        diag_set(diag,
                 "The disk for recordings is full. Free some space, or set record.max_bytes.");
        return ERR_LIMIT;
    case EFBIG:
        diag_set(diag, "The recording has reached the size that the system allows a file.");
        return ERR_LIMIT;
    case EACCES:
    case EPERM:
    case EROFS:
        diag_set(diag,
                 "%s of the recording cannot be written: %s. The folder of the recordings "
                 "must belong to the server.",
                 what, strerror(error));
        return ERR_IO;
    default:
        diag_set(diag, "%s of the recording cannot be written: %s.", what, strerror(error));
        return ERR_IO;
    }
}

void folder_path(char to[FOLDER_PATH_LEN_MAX + 1], uint64_t channel_id, uint64_t broadcast_id)
{
    (void)snprintf(to, FOLDER_PATH_LEN_MAX + 1, "%llu/%llu", (unsigned long long)channel_id,
                   (unsigned long long)broadcast_id);
}

void folder_file_path(char to[FOLDER_PATH_LEN_MAX + 1], uint64_t channel_id, uint64_t broadcast_id,
                      uint32_t file)
{
    int len = snprintf(to, FOLDER_PATH_LEN_MAX + 1, "%llu/%llu/", (unsigned long long)channel_id,
                       (unsigned long long)broadcast_id);

    if (file)
        (void)snprintf(to + len, (size_t)(FOLDER_PATH_LEN_MAX + 1 - len), "%u.mp4", file);
    else
        (void)snprintf(to + len, (size_t)(FOLDER_PATH_LEN_MAX + 1 - len), "index.m3u8");
}

/* ---- writing ---- */

/* Writes all pieces one after the other from `offset`. Returns 0 or errno. */
static int write_at(int fd, uint64_t offset, struct iovec *pieces, size_t count)
{
    while (count) {
        int batch = count < PIECES_MAX ? (int)count : PIECES_MAX;
        ssize_t written = pwritev(fd, pieces, batch, (off_t)offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return errno;
        if (written == 0 && pieces->iov_len)
            return ENOSPC;
        offset += (uint64_t)written;
        while (count && (size_t)written >= pieces->iov_len) {
            written -= (ssize_t)pieces->iov_len;
            pieces++;
            count--;
        }
        if (count && written) {
            pieces->iov_base = (char *)pieces->iov_base + written;
            pieces->iov_len -= (size_t)written;
        }
    }
    return 0;
}

static struct iovec piece_of(const void *bytes, size_t len)
{
    return (struct iovec){(void *)(uintptr_t)bytes, len}; /* written from, not to */
}

/* What cannot be cut off now is written over by the next write, or cut off by the repair; the list
 * does not name it. */
static void cut_to(int fd, uint64_t len)
{
    if (ftruncate(fd, (off_t)len) != 0)
        return;
}

/* The file has `len` good bytes; adds the pieces, or leaves it with these. */
static enum err append_to(int root, const char *path, uint64_t len, struct iovec *pieces,
                          size_t count, const char *what, struct diag *diag)
{
    /* NOLINTNEXTLINE(android-cloexec-open): it has O_CLOEXEC */
    int fd = openat(root, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

    if (fd < 0)
        return folder_fail(errno, what, diag);
    int error = write_at(fd, len, pieces, count);
    if (error)
        cut_to(fd, len);
    (void)close(fd);
    return error ? folder_fail(error, what, diag) : OK;
}

enum err folder_last_file(int root, uint64_t channel_id, uint64_t broadcast_id, uint32_t *ret_file,
                          struct diag *diag)
{
    char path[FOLDER_PATH_LEN_MAX + 1];
    struct dirent *entry;
    uint64_t number;
    uint32_t last = 0;

    folder_path(path, channel_id, broadcast_id);
    int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    if (!listing) {
        enum err err = folder_fail(errno, "The folder", diag);
        if (fd >= 0)
            (void)close(fd);
        return err;
    }
    while ((entry = readdir(listing))) {
        struct text name = text_of(entry->d_name);

        if (text_ends_with(name, TEXT(".mp4")) && name.ptr[0] != '0' &&
            text_parse_u64(text_sub(name, 0, name.len - 4), RECORD_FILES_MAX, &number) &&
            number > last)
            last = (uint32_t)number;
    }
    (void)closedir(listing);
    *ret_file = last;
    return OK;
}

enum err folder_sync(int root, const char *path, struct diag *diag)
{
    int fd = openat(root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return folder_fail(errno, "A file", diag);
    int error = fsync(fd) == 0 ? 0 : errno;
    (void)close(fd);
    return error ? folder_fail(error, "A file", diag) : OK;
}

/* ---- the playlist ---- */

enum err folder_load_playlist(int root, uint64_t channel_id, uint64_t broadcast_id,
                              char **ret_block, struct text *ret_text, struct diag *diag)
{
    char path[FOLDER_PATH_LEN_MAX + 1];
    struct stat about;
    size_t got = 0;

    folder_file_path(path, channel_id, broadcast_id, 0);
    int fd = openat(root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno != ENOENT)
        return folder_fail(errno, "The list", diag);
    if (fd < 0) {
        *ret_block = NULL;
        *ret_text = TEXT("");
        return OK;
    }
    if (fstat(fd, &about) != 0 || about.st_size > PLAYLIST_LEN_MAX) {
        (void)close(fd);
        diag_set(diag, "The list of the recording is too long to be one of ours.");
        return ERR_IO;
    }
    size_t len = (size_t)about.st_size;
    char *block = mem_alloc(len + 1);
    while (got < len) {
        ssize_t part = pread(fd, block + got, len - got, (off_t)got);

        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            break; /* what is there is read */
        got += (size_t)part;
    }
    (void)close(fd);
    *ret_block = block;
    *ret_text = (struct text){block, got};
    return OK;
}

enum err folder_replace_playlist(int root, uint64_t channel_id, uint64_t broadcast_id,
                                 const struct text *pieces, size_t count, struct diag *diag)
{
    char path[FOLDER_PATH_LEN_MAX + 1];
    char fresh[FOLDER_PATH_LEN_MAX + 8];
    struct iovec bytes[REPLACE_PIECES_MAX];

    folder_file_path(path, channel_id, broadcast_id, 0);
    (void)snprintf(fresh, sizeof(fresh), "%s.new", path);
    for (size_t i = 0; i < count; i++)
        bytes[i] = piece_of(pieces[i].ptr, pieces[i].len);
    if (unlinkat(root, fresh, 0) != 0 && errno != ENOENT) /* a crash may have left one */
        return folder_fail(errno, "The list", diag);
    enum err err = append_to(root, fresh, 0, bytes, count, "The list", diag);
    if (!err)
        err = folder_sync(root, fresh, diag);
    if (!err && renameat(root, fresh, root, path) != 0)
        err = folder_fail(errno, "The list", diag);
    if (err)
        (void)unlinkat(root, fresh, 0);
    return err;
}

/* Writes the list anew with another header: its entries stay, an end goes. */
static enum err rewrite_playlist(struct record_folder *folder, const struct playlist_header *header,
                                 struct diag *diag)
{
    char head[PLAYLIST_HEADER_LEN_MAX];
    struct writer w = writer_fixed(head, sizeof(head));
    char end_memory[PLAYLIST_END_LEN_MAX];
    struct writer end = writer_fixed(end_memory, sizeof(end_memory));
    struct playlist_header old;
    struct text rest;
    char *block;
    enum err err = folder_load_playlist(folder->root, folder->channel_id, folder->broadcast_id,
                                        &block, &rest, diag);

    if (err)
        return err;
    rest = text_sub(rest, 0, folder->playlist_len);
    if (rest.len != folder->playlist_len || !playlist_read_header(&rest, &old)) {
        mem_free(block);
        diag_set(diag, "The list of the recording was changed by somebody else.");
        return ERR_IO;
    }
    playlist_write_header(&w, header);
    if (header->is_ended)
        playlist_write_end(&end);
    struct text pieces[] = {writer_as_text(&w), rest, writer_as_text(&end)};
    err = folder_replace_playlist(folder->root, folder->channel_id, folder->broadcast_id, pieces,
                                  end.len ? 3 : 2, diag);
    if (!err) {
        folder->header = *header;
        folder->playlist_len = w.len + rest.len;
    }
    mem_free(block);
    return err;
}

/* ---- segments ---- */

/* The header must be true before a segment is listed that would break it. */
static enum err prepare_playlist(struct record_folder *folder, const struct hls_segment *segment,
                                 int64_t target_duration_us, struct diag *diag)
{
    struct playlist_header header = folder->header;
    uint32_t wanted_s = playlist_target_s(segment->duration_us);
    uint32_t live_s = playlist_target_s(target_duration_us);

    if (live_s > wanted_s)
        wanted_s = live_s;
    if (wanted_s > header.target_s)
        header.target_s = wanted_s;
    header.is_independent = header.is_independent && segment->is_independent;
    if (folder->playlist_len == 0) {
        folder->header = header;
        return OK;
    }
    if (header.target_s == folder->header.target_s &&
        header.is_independent == folder->header.is_independent)
        return OK;
    return rewrite_playlist(folder, &header, diag);
}

static enum err list_segment(struct record_folder *folder, const struct playlist_entry *entry,
                             struct diag *diag)
{
    char memory[PLAYLIST_HEADER_LEN_MAX + PLAYLIST_ENTRY_LEN_MAX];
    char path[FOLDER_PATH_LEN_MAX + 1];
    struct writer w = writer_fixed(memory, sizeof(memory));

    if (folder->playlist_len == 0)
        playlist_write_header(&w, &folder->header);
    playlist_write_entry(&w, entry);
    folder_file_path(path, folder->channel_id, folder->broadcast_id, 0);
    struct iovec bytes = piece_of(memory, w.len);
    enum err err = append_to(folder->root, path, folder->playlist_len, &bytes, 1, "The list", diag);
    if (!err)
        folder->playlist_len += w.len;
    return err;
}

/* A new init segment: the next file. */
static enum err begin_file(struct record_folder *folder, const struct hls_segment *segment,
                           struct diag *diag)
{
    if (folder->init == segment->init)
        return OK;
    if (folder->file == RECORD_FILES_MAX) {
        diag_set(diag, "The recording has %d files: the format of the stream changed too often.",
                 RECORD_FILES_MAX);
        return ERR_LIMIT;
    }
    folder->other_bytes += folder->file_len;
    folder->file++;
    folder->file_len = 0;
    hls_init_unref(folder->init);
    folder->init = hls_init_ref(segment->init);
    return OK;
}

enum err folder_append(struct record_folder *folder, const struct hls_segment *segment, bool is_gap,
                       int64_t target_duration_us, struct diag *diag)
{
    bool is_first = folder->playlist_len == 0;
    char path[FOLDER_PATH_LEN_MAX + 1];
    enum err err = prepare_playlist(folder, segment, target_duration_us, diag);

    if (!err)
        err = begin_file(folder, segment, diag);
    if (err)
        return err;
    uint64_t len_before = folder->file_len;
    bool is_begun = len_before != 0;
    struct playlist_entry entry = {
        .has_discontinuity = !is_first && (segment->has_discontinuity || is_gap || !is_begun),
        .map_len = is_begun ? 0 : (uint32_t)segment->init->body->len,
        .file = folder->file,
        .offset = is_begun ? len_before : segment->init->body->len,
        .len = segment->len,
        .duration_us = segment->duration_us,
    };
    if (is_first || entry.has_discontinuity)
        entry.date_us = segment->date_us;

    struct iovec *pieces = mem_alloc((segment->part_count + 1) * sizeof(*pieces));
    size_t count = 0;
    if (!is_begun)
        pieces[count++] = piece_of(segment->init->body->data, segment->init->body->len);
    for (size_t i = 0; i < segment->part_count; i++)
        pieces[count++] = piece_of(segment->bodies[i]->data, segment->bodies[i]->len);
    folder_file_path(path, folder->channel_id, folder->broadcast_id, folder->file);
    err = append_to(folder->root, path, len_before, pieces, count, "The video", diag);
    mem_free(pieces);
    if (err)
        return err;
    err = list_segment(folder, &entry, diag);
    if (err)
        return err; /* its bytes are written over by the next one, or cut off by the repair */
    folder->file_len = entry.offset + entry.len;
    folder->duration_us += entry.duration_us;
    return OK;
}

/* ---- life ---- */

/* Files that are there already; the next one gets a higher number. */
static enum err count_files(struct record_folder *folder, struct diag *diag)
{
    struct stat about;
    char path[FOLDER_PATH_LEN_MAX + 1];
    enum err err = folder_last_file(folder->root, folder->channel_id, folder->broadcast_id,
                                    &folder->file, diag);

    for (uint32_t file = 1; file <= folder->file && !err; file++) {
        folder_file_path(path, folder->channel_id, folder->broadcast_id, file);
        if (fstatat(folder->root, path, &about, AT_SYMLINK_NOFOLLOW) == 0)
            folder->other_bytes += (uint64_t)about.st_size;
        else if (errno != ENOENT)
            err = folder_fail(errno, "The video", diag);
    }
    return err;
}

/* A recording that was finished goes on: without its end, which comes again. */
static enum err take_up(struct record_folder *folder, struct diag *diag)
{
    char *block;
    struct text rest;
    struct text ignored;
    struct playlist_entry entry;
    enum err err = folder_load_playlist(folder->root, folder->channel_id, folder->broadcast_id,
                                        &block, &rest, diag);

    if (err)
        return err;
    size_t len = rest.len;
    bool is_ours = playlist_read_header(&rest, &folder->header);
    while (is_ours && playlist_read_entry(&rest, &entry, &ignored))
        folder->duration_us += entry.duration_us;
    if (is_ours)
        folder->playlist_len = len - rest.len; /* the end is dropped */
    mem_free(block);
    if (!is_ours && len) {
        diag_set(diag, "The list of the recording was changed by somebody else.");
        return ERR_IO;
    }
    err = count_files(folder, diag);
    folder->first_file = folder->file + 1; /* those before are synced */
    if (err || folder->playlist_len == 0)
        return err;
    folder->header.is_ended = false;
    return rewrite_playlist(folder, &folder->header, diag);
}

enum err folder_open(struct record_folder *folder, int root, uint64_t channel_id,
                     uint64_t broadcast_id, struct diag *diag)
{
    char path[FOLDER_PATH_LEN_MAX + 1];

    *folder = (struct record_folder){
        .root = root,
        .channel_id = channel_id,
        .broadcast_id = broadcast_id,
        .header = {.target_s = 1, .is_independent = true},
        .first_file = 1,
    };
    (void)snprintf(path, sizeof(path), "%llu", (unsigned long long)channel_id);
    if (mkdirat(root, path, FOLDER_MODE) != 0 && errno != EEXIST)
        return folder_fail(errno, "The folder", diag);
    folder_path(path, channel_id, broadcast_id);
    if (mkdirat(root, path, FOLDER_MODE) == 0)
        return OK;
    if (errno != EEXIST)
        return folder_fail(errno, "The folder", diag);
    return take_up(folder, diag);
}

/* When there is no room for a new list, the old one gets its end in place. */
static enum err append_end(struct record_folder *folder, struct diag *diag)
{
    char memory[PLAYLIST_END_LEN_MAX];
    char path[FOLDER_PATH_LEN_MAX + 1];
    struct writer w = writer_fixed(memory, sizeof(memory));

    playlist_write_end(&w);
    struct iovec bytes = piece_of(memory, w.len);
    folder_file_path(path, folder->channel_id, folder->broadcast_id, 0);
    return append_to(folder->root, path, folder->playlist_len, &bytes, 1, "The list", diag);
}

/* What a failed write may have left behind the last whole segment. */
static void cut_off_rest(const struct record_folder *folder)
{
    char path[FOLDER_PATH_LEN_MAX + 1];

    folder_file_path(path, folder->channel_id, folder->broadcast_id, folder->file);
    int fd = openat(folder->root, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    cut_to(fd, folder->file_len);
    (void)close(fd);
    if (folder->file_len == 0)
        (void)unlinkat(folder->root, path, 0);
}

enum err folder_finish(struct record_folder *folder, struct diag *diag)
{
    char path[FOLDER_PATH_LEN_MAX + 1];
    struct playlist_header header = folder->header;
    enum err err = OK;

    if (folder->file && folder->init)
        cut_off_rest(folder);
    if (folder->playlist_len == 0) { /* nothing was written: no folder either */
        folder_path(path, folder->channel_id, folder->broadcast_id);
        (void)unlinkat(folder->root, path, AT_REMOVEDIR);
        return OK;
    }
    for (uint32_t file = folder->first_file; file <= folder->file && !err; file++) {
        folder_file_path(path, folder->channel_id, folder->broadcast_id, file);
        if (file < folder->file || folder->file_len)
            err = folder_sync(folder->root, path, diag);
    }
    header.is_ended = true;
    if (!err) {
        err = rewrite_playlist(folder, &header, diag);
        if (err == ERR_LIMIT)
            err = append_end(folder, diag);
    }
    folder_path(path, folder->channel_id, folder->broadcast_id);
    if (!err)
        err = folder_sync(folder->root, path, diag);
    return err;
}

uint64_t folder_bytes(const struct record_folder *folder)
{
    return folder->other_bytes + folder->file_len + folder->playlist_len;
}

void folder_deinit(struct record_folder *folder)
{
    folder->init = hls_init_unref(folder->init);
}
