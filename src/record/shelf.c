#include "record/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "record/folder.h"
#include "record/repair.h"

enum { STEP_FOLDERS_MAX = 32, STEP_DELETIONS_MAX = 4, TAIL_LEN = 1024 };

void shelf_init(struct shelf *shelf, const char *path)
{
    *shelf = (struct shelf){.path = path, .root = -1};
}

void shelf_deinit(struct shelf *shelf)
{
    size_t position = 0;
    struct shelf_item *item;

    while ((item = map_next(&shelf->items, &position)))
        mem_free(item);
    map_deinit(&shelf->items);
    vec_deinit(&shelf->channels);
    if (shelf->channel)
        (void)closedir(shelf->channel);
    if (shelf->root >= 0)
        (void)close(shelf->root);
    shelf->root = -1;
}

enum err shelf_open(struct shelf *shelf, bool makes, struct diag *diag)
{
    if (shelf->root >= 0)
        return OK;
    if (makes && mkdir(shelf->path, 0700) != 0 && errno != EEXIST)
        return folder_fail(errno, "The folder", diag);
    int root = open(shelf->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : folder_fail(errno, "The folder", diag);
    /* Two processes would repair what the other one is writing. */
    if (flock(root, LOCK_EX | LOCK_NB) != 0) {
        (void)close(root);
        diag_set(diag, "Another server uses this folder of recordings.");
        return ERR_CONFLICT;
    }
    shelf->root = root;
    return OK;
}

/* ---- items ---- */

static struct shelf_item *add_item(struct shelf *shelf, uint64_t channel_id, uint64_t broadcast_id)
{
    struct shelf_item *item = mem_zalloc(sizeof(*item));

    item->channel_id = channel_id;
    item->broadcast_id = broadcast_id;
    (void)map_put_u64(&shelf->items, broadcast_id, item); /* whoever calls has looked */
    return item;
}

static void forget_item(struct shelf *shelf, struct shelf_item *item)
{
    (void)map_remove_u64(&shelf->items, item->broadcast_id);
    shelf->bytes -= item->bytes;
    mem_free(item);
}

static void set_bytes(struct shelf *shelf, struct shelf_item *item, uint64_t bytes)
{
    shelf->bytes += bytes - item->bytes; /* wraps and comes back when it shrinks */
    item->bytes = bytes;
}

void shelf_begin(struct shelf *shelf, uint64_t channel_id, uint64_t broadcast_id)
{
    struct shelf_item *item = map_get_u64(&shelf->items, broadcast_id);

    if (!item)
        item = add_item(shelf, channel_id, broadcast_id);
    item->is_running = true;
}

void shelf_set_bytes(struct shelf *shelf, uint64_t broadcast_id, uint64_t bytes)
{
    struct shelf_item *item = map_get_u64(&shelf->items, broadcast_id);

    if (item)
        set_bytes(shelf, item, bytes);
}

void shelf_end(struct shelf *shelf, uint64_t broadcast_id, bool is_whole, int64_t now_us)
{
    struct shelf_item *item = map_get_u64(&shelf->items, broadcast_id);

    if (!item)
        return;
    item->is_running = false;
    item->is_broken = !is_whole;
    item->ended_at_us = now_us;
    if (item->bytes == 0)
        forget_item(shelf, item);
}

/* ---- deleting ---- */

static struct shelf_event *add_event(struct shelf_events *events, enum shelf_event_kind kind,
                                     uint64_t channel_id, uint64_t broadcast_id)
{
    struct shelf_event *event = &events->items[events->count++];

    *event =
        (struct shelf_event){.kind = kind, .channel_id = channel_id, .broadcast_id = broadcast_id};
    return event;
}

static bool has_room(const struct shelf_events *events)
{
    return events->count < SHELF_EVENTS_MAX;
}

static void tell_problem(struct shelf_events *events, uint64_t channel_id, uint64_t broadcast_id,
                         const struct diag *diag)
{
    struct shelf_event *event = add_event(events, SHELF_PROBLEM, channel_id, broadcast_id);

    (void)snprintf(event->reason, sizeof(event->reason), "%s", diag->message);
}

/* What cannot be deleted is forgotten, so that nothing is tried for ever; it is found again at the
 * next start. */
static void delete_item(struct shelf *shelf, struct shelf_item *item, struct shelf_events *events)
{
    struct diag diag = {0};

    if (repair_remove_folder(shelf->root, item->channel_id, item->broadcast_id, &diag) != OK)
        tell_problem(events, item->channel_id, item->broadcast_id, &diag);
    else
        (void)add_event(events, SHELF_DELETED, item->channel_id, item->broadcast_id);
    forget_item(shelf, item);
}

static struct shelf_item *find_oldest(const struct shelf *shelf)
{
    size_t position = 0;
    struct shelf_item *item;
    struct shelf_item *oldest = NULL;

    while ((item = map_next(&shelf->items, &position)))
        if (!item->is_running && (!oldest || item->ended_at_us < oldest->ended_at_us))
            oldest = item;
    return oldest;
}

static bool is_over(const struct shelf *shelf, uint64_t len, uint64_t bytes_max)
{
    return bytes_max && (shelf->bytes > bytes_max || len > bytes_max - shelf->bytes);
}

enum err shelf_make_room(struct shelf *shelf, uint64_t len, uint64_t bytes_max,
                         struct shelf_events *events)
{
    for (size_t i = 0; i < STEP_DELETIONS_MAX && is_over(shelf, len, bytes_max); i++) {
        struct shelf_item *oldest = find_oldest(shelf);

        if (!oldest || !has_room(events))
            break;
        delete_item(shelf, oldest, events);
    }
    return is_over(shelf, len, bytes_max) ? ERR_LIMIT : OK;
}

bool shelf_delete(struct shelf *shelf, uint64_t channel_id, uint64_t broadcast_id,
                  struct shelf_events *events)
{
    size_t position = 0;
    size_t count = 0;
    struct shelf_item *item;

    while ((item = map_next(&shelf->items, &position))) {
        if (item->is_running || item->channel_id != channel_id ||
            (broadcast_id && item->broadcast_id != broadcast_id))
            continue;
        if (count++ == STEP_DELETIONS_MAX)
            return true;
        delete_item(shelf, item, events);
    }
    return !shelf->is_looked_through;
}

/* ---- looking through ---- */

static bool parse_number(const char *name, uint64_t *ret_number)
{
    struct text text = text_of(name);

    return text.len && text.ptr[0] != '0' && text_parse_u64(text, INT64_MAX, ret_number);
}

static DIR *open_listing(int root, const char *path)
{
    int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);

    if (fd >= 0 && !listing)
        (void)close(fd);
    return listing;
}

static void list_channels(struct shelf *shelf)
{
    DIR *listing = open_listing(shelf->root, ".");
    struct dirent *entry;
    uint64_t id;

    while (listing && (entry = readdir(listing)))
        if (parse_number(entry->d_name, &id) && !vec_push(&shelf->channels, id, SHELF_CHANNELS_MAX))
            break;
    if (listing)
        (void)closedir(listing);
    shelf->has_channels = true;
}

static int64_t us_of(struct timespec time)
{
    return (int64_t)time.tv_sec * US_PER_S + time.tv_nsec / 1000;
}

/* Sizes, and when the video last grew. */
static void measure(struct shelf *shelf, const char *path, uint64_t *ret_bytes,
                    int64_t *ret_ended_at_us)
{
    DIR *listing = open_listing(shelf->root, path);
    struct dirent *entry;
    struct stat about;

    *ret_bytes = 0;
    *ret_ended_at_us = 0;
    while (listing && (entry = readdir(listing))) {
        if (fstatat(dirfd(listing), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(about.st_mode))
            continue;
        *ret_bytes += (uint64_t)about.st_size;
        if (text_ends_with(text_of(entry->d_name), TEXT(".mp4")) &&
            us_of(about.st_mtim) > *ret_ended_at_us)
            *ret_ended_at_us = us_of(about.st_mtim);
    }
    if (listing)
        (void)closedir(listing);
}

static bool is_list_ended(int root, uint64_t channel_id, uint64_t broadcast_id)
{
    char path[FOLDER_PATH_LEN_MAX + 1];
    char tail[TAIL_LEN];
    struct stat about;
    bool is_ended = false;

    folder_file_path(path, channel_id, broadcast_id, 0);
    int fd = openat(root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    if (fstat(fd, &about) == 0) {
        off_t from = about.st_size > TAIL_LEN ? about.st_size - TAIL_LEN : 0;
        ssize_t len = pread(fd, tail, sizeof(tail), from);

        if (len > 0)
            (void)playlist_unfinished_len((struct text){tail, (size_t)len}, &is_ended);
    }
    (void)close(fd);
    return is_ended;
}

static void repair_item(struct shelf *shelf, struct shelf_item *item, struct shelf_events *events)
{
    struct repair_result result;
    struct diag diag = {0};

    item->is_broken =
        repair_folder(shelf->root, item->channel_id, item->broadcast_id, &result, &diag) != OK;
    if (item->is_broken) {
        tell_problem(events, item->channel_id, item->broadcast_id, &diag);
        return;
    }
    struct shelf_event *event =
        add_event(events, SHELF_REPAIRED, item->channel_id, item->broadcast_id);
    event->ended_at_us = item->ended_at_us;
    event->duration_us = result.duration_us;
    event->bytes = result.bytes;
    set_bytes(shelf, item, result.bytes);
    if (result.is_empty)
        forget_item(shelf, item);
}

/* True when it took a repair, which is enough for one step. */
static bool look_at(struct shelf *shelf, uint64_t channel_id, uint64_t broadcast_id,
                    struct shelf_events *events)
{
    char path[FOLDER_PATH_LEN_MAX + 1];
    uint64_t bytes;

    /* Begun since the start, or a number that another channel's folder has as well. */
    if (map_get_u64(&shelf->items, broadcast_id) || shelf->items.count >= SHELF_ITEMS_MAX)
        return false;
    struct shelf_item *item = add_item(shelf, channel_id, broadcast_id);
    folder_path(path, channel_id, broadcast_id);
    measure(shelf, path, &bytes, &item->ended_at_us);
    set_bytes(shelf, item, bytes);
    if (is_list_ended(shelf->root, channel_id, broadcast_id))
        return false;
    repair_item(shelf, item, events);
    return true;
}

/* Goes on reading the folder of a channel. Returns false at its end. */
static bool look_through_channel(struct shelf *shelf, struct shelf_events *events)
{
    uint64_t channel_id = shelf->channels.items[shelf->channel_at];
    uint64_t broadcast_id;
    struct dirent *entry;

    for (size_t i = 0; i < STEP_FOLDERS_MAX; i++) {
        entry = readdir(shelf->channel);
        if (!entry)
            return false;
        if (parse_number(entry->d_name, &broadcast_id) &&
            look_at(shelf, channel_id, broadcast_id, events))
            break;
    }
    return true;
}

/* Returns true when there is more. */
static bool look_through(struct shelf *shelf, struct shelf_events *events)
{
    char path[FOLDER_PATH_LEN_MAX + 1];

    if (!shelf->has_channels)
        list_channels(shelf);
    if (shelf->channel_at == shelf->channels.count) {
        vec_deinit(&shelf->channels);
        shelf->channel_at = 0;
        shelf->is_looked_through = true;
        return false;
    }
    if (!shelf->channel) {
        (void)snprintf(path, sizeof(path), "%llu",
                       (unsigned long long)shelf->channels.items[shelf->channel_at]);
        shelf->channel = open_listing(shelf->root, path);
    }
    if (!shelf->channel || !look_through_channel(shelf, events)) {
        if (shelf->channel)
            (void)closedir(shelf->channel);
        shelf->channel = NULL;
        shelf->channel_at++;
    }
    return true;
}

/* ---- the step ---- */

static bool delete_old(struct shelf *shelf, int64_t before_us, struct shelf_events *events)
{
    struct shelf_item *oldest = find_oldest(shelf);

    if (!oldest || oldest->ended_at_us >= before_us)
        return false;
    delete_item(shelf, oldest, events);
    return true;
}

static void retry_broken(struct shelf *shelf, struct shelf_events *events)
{
    size_t position = 0;
    struct shelf_item *item;

    while (events->count < SHELF_EVENTS_MAX / 2 && (item = map_next(&shelf->items, &position)))
        if (item->is_broken && !item->is_running)
            repair_item(shelf, item, events);
}

bool shelf_step(struct shelf *shelf, const struct recorder_config *config, int64_t now_us,
                bool retries, struct shelf_events *events)
{
    if (!shelf->is_looked_through && look_through(shelf, events))
        return true;
    if (retries)
        retry_broken(shelf, events);
    if (config->keep_us && delete_old(shelf, now_us - config->keep_us, events))
        return true;
    if (is_over(shelf, 0, config->bytes_max) && find_oldest(shelf)) {
        IGNORE_ERR(shelf_make_room(shelf, 0, config->bytes_max, events)); /* it goes on later */
        return true;
    }
    return false;
}
