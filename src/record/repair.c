#include "record/repair.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"
#include "record/folder.h"
#include "record/fragment.h"

/* Between two fragments: more than this is a discontinuity. */
static const int64_t HOLE_MAX_US = US_PER_S / 2;

/* Longer than any segment of ours: without key frames a new entry begins all the same. */
static const int64_t ENTRY_MAX_US = 120 * US_PER_S;

/* One .mp4 that is being walked through. */
struct walk {
    int fd;
    uint32_t number;
    uint64_t len;
    struct timespec times[2]; /* to be kept when it is cut */
    uint64_t init_len;        /* 0: there is no whole init */
    struct fragment_tracks tracks;
    uint64_t at; /* everything before is whole */
};

struct repair {
    int root;
    uint64_t channel_id;
    uint64_t broadcast_id;
    struct diag *diag;
    struct playlist_header header;
    struct text kept;    /* entries of the old list that hold */
    struct writer found; /* entries of what it did not name */
    uint32_t file;       /* of the last entry; 0: none */
    uint64_t last_at;    /* where the last entry of the list begins */
    uint64_t file_end;   /* behind the last entry */
    int64_t last_end_us; /* of the fragment before, in this file; INT64_MIN: not known */
    struct repair_result result;
};

/* ---- one file ---- */

static bool read_all(int fd, uint64_t offset, uint8_t *to, size_t len)
{
    while (len) {
        ssize_t got = pread(fd, to, len, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return true;
}

/* The box at `at`, when all of it is there. */
static bool find_box(const struct walk *walk, uint64_t at, struct fragment_box *ret_box)
{
    uint8_t header[FRAGMENT_HEADER_LEN];

    return at <= walk->len && walk->len - at >= sizeof(header) &&
           read_all(walk->fd, at, header, sizeof(header)) &&
           fragment_read_box(header, ret_box) == OK && walk->len - at >= ret_box->len;
}

/* The bytes of a box, to be released; NULL: too long, or not readable. */
static uint8_t *load_box(const struct walk *walk, uint64_t at, const struct fragment_box *box,
                         size_t len_max)
{
    if (box->len > len_max)
        return NULL;
    uint8_t *bytes = mem_alloc(box->len);
    if (read_all(walk->fd, at, bytes, box->len))
        return bytes;
    mem_free(bytes);
    return NULL;
}

static void read_init(struct walk *walk)
{
    struct fragment_box ftyp;
    struct fragment_box moov;

    if (!find_box(walk, 0, &ftyp) || ftyp.kind != FRAGMENT_FTYP ||
        ftyp.len > FRAGMENT_INIT_LEN_MAX || !find_box(walk, ftyp.len, &moov) ||
        moov.kind != FRAGMENT_MOOV)
        return;
    uint8_t *bytes = load_box(walk, ftyp.len, &moov, FRAGMENT_INIT_LEN_MAX);
    if (bytes && fragment_read_moov(bytes, moov.len, &walk->tracks) == OK)
        walk->init_len = (uint64_t)ftyp.len + moov.len;
    mem_free(bytes);
}

/* ERR_NOT_FOUND: there is no such file. */
static enum err open_walk(const struct repair *repair, uint32_t number, struct walk *ret_walk)
{
    char path[FOLDER_PATH_LEN_MAX + 1];
    struct stat about;

    folder_file_path(path, repair->channel_id, repair->broadcast_id, number);
    int fd = openat(repair->root, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return ERR_NOT_FOUND;
    if (fd < 0 || fstat(fd, &about) != 0) {
        enum err err = folder_fail(errno, "The video", repair->diag);
        if (fd >= 0)
            (void)close(fd);
        return err;
    }
    *ret_walk = (struct walk){
        .fd = fd,
        .number = number,
        .len = (uint64_t)about.st_size,
        .times = {about.st_atim, about.st_mtim},
    };
    read_init(ret_walk);
    return OK;
}

/* The next whole fragment; false at the end of what is whole. */
static bool next_fragment(struct walk *walk, struct fragment *ret_fragment, uint64_t *ret_len)
{
    struct fragment_box moof;
    struct fragment_box mdat;

    if (!find_box(walk, walk->at, &moof) || moof.kind != FRAGMENT_MOOF ||
        !find_box(walk, walk->at + moof.len, &mdat) || mdat.kind != FRAGMENT_MDAT)
        return false;
    uint8_t *bytes = load_box(walk, walk->at, &moof, FRAGMENT_MOOF_LEN_MAX);
    bool is_read = bytes && fragment_read_moof(bytes, moof.len, &walk->tracks, ret_fragment) == OK;
    mem_free(bytes);
    *ret_len = (uint64_t)moof.len + mdat.len;
    walk->at += is_read ? *ret_len : 0;
    return is_read;
}

/* Cuts the file behind what is whole and syncs it. When it ended stays as it was: the age of the
 * recording is counted from there. */
static enum err close_walk(const struct repair *repair, struct walk *walk)
{
    enum err err = OK;

    if (walk->at < walk->len && ftruncate(walk->fd, (off_t)walk->at) != 0)
        err = folder_fail(errno, "The video", repair->diag);
    if (!err && walk->at < walk->len && futimens(walk->fd, walk->times) != 0)
        err = folder_fail(errno, "The video", repair->diag);
    if (!err && fsync(walk->fd) != 0)
        err = folder_fail(errno, "The video", repair->diag);
    (void)close(walk->fd);
    return err;
}

/* ---- what the list does not name ---- */

static void write_found(struct repair *repair, struct playlist_entry *entry)
{
    if (entry->len == 0)
        return;
    if (playlist_target_s(entry->duration_us) > repair->header.target_s)
        repair->header.target_s = playlist_target_s(entry->duration_us);
    playlist_write_entry(&repair->found, entry);
    repair->result.duration_us += entry->duration_us;
    repair->file = entry->file;
    repair->file_end = entry->offset + entry->len;
}

/* Between the fragment and the one before it; 0 when that is not known. */
static int64_t hole_before(const struct repair *repair, const struct fragment *fragment)
{
    return repair->last_end_us == INT64_MIN ? 0 : fragment->start_us - repair->last_end_us;
}

/* Whether the fragment begins a new segment: as the packager does it, at a key frame. */
static bool begins_entry(const struct repair *repair, const struct playlist_entry *entry,
                         const struct fragment *fragment)
{
    int64_t target_us = (int64_t)repair->header.target_s * US_PER_S;
    int64_t hole_us = hole_before(repair, fragment);

    if (entry->len == 0 || !fragment->begins_with_key)
        return entry->len == 0 || entry->duration_us > ENTRY_MAX_US;
    return hole_us > HOLE_MAX_US || hole_us < -HOLE_MAX_US ||
           entry->duration_us >= target_us * 3 / 4;
}

static void begin_entry(struct repair *repair, const struct walk *walk, uint64_t offset,
                        const struct fragment *fragment, struct playlist_entry *ret_entry)
{
    bool is_first = repair->kept.len == 0 && repair->found.len == 0;
    bool is_new_file = walk->number != repair->file;
    int64_t hole_us = hole_before(repair, fragment);

    *ret_entry = (struct playlist_entry){
        .has_discontinuity =
            !is_first && (is_new_file || hole_us > HOLE_MAX_US || hole_us < -HOLE_MAX_US),
        .map_len = is_new_file ? (uint32_t)walk->init_len : 0,
        .file = walk->number,
        .offset = offset,
    };
    repair->header.is_independent = repair->header.is_independent && fragment->begins_with_key;
}

/* Goes to where the walk begins: behind the last entry of the list, whose end in time tells
 * whether what follows has a hole before it; in another file behind the init. */
static void go_to_rest(struct repair *repair, struct walk *walk)
{
    struct fragment fragment;
    uint64_t len;

    repair->last_end_us = INT64_MIN;
    walk->at = walk->init_len;
    if (walk->number != repair->file)
        return;
    walk->at = repair->last_at;
    while (walk->at < repair->file_end && next_fragment(walk, &fragment, &len))
        repair->last_end_us = fragment.end_us;
    walk->at = repair->file_end;
}

/* Lists the whole fragments from walk->at on. */
static void list_rest(struct repair *repair, struct walk *walk)
{
    struct playlist_entry entry = {0};
    struct fragment fragment;
    uint64_t len;

    while (next_fragment(walk, &fragment, &len)) {
        if (begins_entry(repair, &entry, &fragment)) {
            write_found(repair, &entry);
            begin_entry(repair, walk, walk->at - len, &fragment, &entry);
        }
        entry.len += len;
        entry.duration_us += fragment.end_us - fragment.start_us;
        repair->last_end_us = fragment.end_us;
    }
    write_found(repair, &entry);
}

/* Walks through the files behind the last entry of the list. */
static enum err find_rest(struct repair *repair)
{
    uint32_t number = repair->file ? repair->file : 1;
    uint32_t last;
    enum err listed = folder_last_file(repair->root, repair->channel_id, repair->broadcast_id,
                                       &last, repair->diag);

    if (listed)
        return listed;
    for (; number <= last; number++) {
        char path[FOLDER_PATH_LEN_MAX + 1];
        struct walk walk = {0};
        enum err err = open_walk(repair, number, &walk);

        if (err == ERR_NOT_FOUND)
            continue;
        if (err)
            return err;
        go_to_rest(repair, &walk);
        if (walk.init_len)
            list_rest(repair, &walk);
        bool is_used = number == repair->file;
        repair->result.bytes += is_used ? walk.at : 0;
        err = close_walk(repair, &walk);
        folder_file_path(path, repair->channel_id, repair->broadcast_id, number);
        if (!err && !is_used && unlinkat(repair->root, path, 0) != 0)
            err = folder_fail(errno, "The video", repair->diag);
        if (err)
            return err;
    }
    return OK;
}

/* ---- the list ---- */

static bool file_len_of(const struct repair *repair, uint32_t number, uint64_t *ret_len)
{
    char path[FOLDER_PATH_LEN_MAX + 1];
    struct stat about;

    folder_file_path(path, repair->channel_id, repair->broadcast_id, number);
    if (fstatat(repair->root, path, &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(about.st_mode))
        return false;
    *ret_len = (uint64_t)about.st_size;
    return true;
}

/* Whether the entry follows the one before, and the file reaches so far. */
static bool entry_holds(struct repair *repair, const struct playlist_entry *entry,
                        uint64_t *file_len)
{
    bool is_next =
        entry->file > repair->file && entry->map_len != 0 && entry->offset == entry->map_len;
    bool is_same =
        entry->file == repair->file && entry->map_len == 0 && entry->offset == repair->file_end;

    if ((!is_next && !is_same) || entry->len == 0 ||
        (is_next && !file_len_of(repair, entry->file, file_len)))
        return false;
    return entry->offset <= *file_len && entry->len <= *file_len - entry->offset;
}

static void believe_list(struct repair *repair, struct text rest)
{
    struct playlist_entry entry;
    struct text text;
    uint64_t file_len = 0;

    if (!playlist_read_header(&rest, &repair->header))
        return;
    repair->kept = text_sub(rest, 0, 0);
    while (playlist_read_entry(&rest, &entry, &text) && entry_holds(repair, &entry, &file_len)) {
        if (entry.file != repair->file)
            repair->result.bytes += repair->file_end;
        repair->file = entry.file;
        repair->last_at = entry.offset;
        repair->file_end = entry.offset + entry.len;
        repair->kept.len += text.len;
        repair->result.duration_us += entry.duration_us;
    }
}

static enum err write_list(struct repair *repair)
{
    char head[PLAYLIST_HEADER_LEN_MAX];
    char path[FOLDER_PATH_LEN_MAX + 1];
    struct writer w = writer_fixed(head, sizeof(head));

    repair->header.is_ended = true;
    playlist_write_header(&w, &repair->header);
    playlist_write_end(&repair->found);
    struct text found = writer_as_text(&repair->found);
    if (repair->found.failed) {
        diag_set(repair->diag, "The recording has too many segments.");
        return ERR_IO;
    }
    struct text pieces[] = {writer_as_text(&w), repair->kept, found};
    enum err err = folder_replace_playlist(repair->root, repair->channel_id, repair->broadcast_id,
                                           pieces, 3, repair->diag);
    if (err)
        return err;
    repair->result.bytes += w.len + repair->kept.len + found.len;
    folder_path(path, repair->channel_id, repair->broadcast_id);
    return folder_sync(repair->root, path, repair->diag);
}

enum err repair_folder(int root, uint64_t channel_id, uint64_t broadcast_id,
                       struct repair_result *ret_result, struct diag *diag)
{
    struct repair repair = {
        .root = root,
        .channel_id = channel_id,
        .broadcast_id = broadcast_id,
        .diag = diag,
        .header = {.target_s = 2, .is_independent = true},
        .found = writer_growing(PLAYLIST_LEN_MAX),
    };
    char *block;
    struct text list;
    enum err err = folder_load_playlist(root, channel_id, broadcast_id, &block, &list, diag);

    if (err)
        return err;
    believe_list(&repair, list);
    err = find_rest(&repair);
    if (!err && repair.file == 0) {
        repair.result = (struct repair_result){.is_empty = true};
        err = repair_remove_folder(root, channel_id, broadcast_id, diag);
    } else if (!err) {
        err = write_list(&repair);
    }
    mem_free(block);
    writer_deinit(&repair.found);
    if (!err)
        *ret_result = repair.result;
    return err;
}

/* ---- removing ---- */

/* What a recording's folder may hold: n.mp4, the list, and a list that was being written. */
static bool is_ours(struct text name)
{
    uint64_t number;

    if (text_equal(name, TEXT("index.m3u8")) || text_equal(name, TEXT("index.m3u8.new")))
        return true;
    return text_ends_with(name, TEXT(".mp4")) &&
           text_parse_u64(text_sub(name, 0, name.len - 4), RECORD_FILES_MAX, &number);
}

static enum err remove_files(int folder, DIR *listing, struct diag *diag)
{
    struct dirent *entry;

    /* The list goes first: without it nobody begins to read. */
    if (unlinkat(folder, "index.m3u8", 0) != 0 && errno != ENOENT)
        return folder_fail(errno, "The list", diag);
    while ((entry = readdir(listing)))
        if (is_ours(text_of(entry->d_name)) && unlinkat(folder, entry->d_name, 0) != 0 &&
            errno != ENOENT)
            return folder_fail(errno, "The video", diag);
    return OK;
}

enum err repair_remove_folder(int root, uint64_t channel_id, uint64_t broadcast_id,
                              struct diag *diag)
{
    char path[FOLDER_PATH_LEN_MAX + 1];

    folder_path(path, channel_id, broadcast_id);
    int folder = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (folder < 0)
        return errno == ENOENT ? OK : folder_fail(errno, "The folder", diag);
    DIR *listing = fdopendir(folder);
    if (!listing) {
        (void)close(folder);
        return folder_fail(ENOMEM, "The folder", diag);
    }
    enum err err = remove_files(folder, listing, diag);
    (void)closedir(listing);
    if (!err && unlinkat(root, path, AT_REMOVEDIR) != 0 && errno != ENOENT)
        err = folder_fail(errno, "The folder", diag);
    (void)snprintf(path, sizeof(path), "%llu", (unsigned long long)channel_id);
    (void)unlinkat(root, path, AT_REMOVEDIR); /* fails while the channel has others */
    return err;
}
