#include "edge/board.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"
#include "edge/viewers.h"

/* A channel that is starting has its first part within a second or so; players try again after. */
static const int64_t FIRST_WAIT_US = 8 * US_PER_S;

static const char PLAYLIST_TYPE[] = "application/vnd.apple.mpegurl";
static const char MEDIA_TYPE[] = "video/mp4";
static const char IMMUTABLE[] = "public, max-age=31536000, immutable";

struct board_channel *board_find(const struct board *board, uint64_t channel_id)
{
    return map_get_u64(&board->channels, channel_id);
}

struct board_channel *board_find_or_create(struct board *board, uint64_t channel_id)
{
    struct board_channel *channel = board_find(board, channel_id);

    if (channel)
        return channel;
    channel = mem_zalloc(sizeof(*channel));
    channel->id = channel_id;
    list_init(&channel->groups);
    (void)map_put_u64(&board->channels, channel_id, channel);
    return channel;
}

/* ---- assets ---- */

static void drop_playlists(struct board_channel *channel)
{
    channel->playlist = http_asset_unref(channel->playlist);
    channel->playlist_blocking = http_asset_unref(channel->playlist_blocking);
    channel->delta = http_asset_unref(channel->delta);
    channel->delta_blocking = http_asset_unref(channel->delta_blocking);
    channel->multivariant = http_asset_unref(channel->multivariant);
}

static void drop_parts(struct board_channel *channel)
{
    for (size_t i = 0; i < BOARD_PART_ASSETS; i++) {
        channel->parts[i].body = NULL;
        channel->parts[i].asset = http_asset_unref(channel->parts[i].asset);
    }
}

static void write_cache_control(struct writer *w, int64_t cache_us)
{
    if (cache_us == HLS_CACHE_FOREVER) {
        writer_str(w, IMMUTABLE);
    } else if (cache_us < US_PER_S) {
        writer_str(w, "no-cache");
    } else {
        writer_str(w, "public, max-age=");
        writer_dec(w, (uint64_t)(cache_us / US_PER_S));
    }
}

static struct http_asset *playlist_asset(const struct hls_snapshot *snapshot, enum hls_kind kind,
                                         const struct buf *body, bool is_blocking)
{
    char memory[64];
    struct writer w = writer_fixed(memory, sizeof(memory) - 1);
    struct slice slice = slice_of(body, 0, body->len);

    write_cache_control(&w, hls_cache_us(snapshot, kind, is_blocking, true));
    memory[w.len] = '\0';
    struct http_asset_params params = {
        .content_type = PLAYLIST_TYPE,
        .cache_control = memory,
        .body = &slice,
        .body_count = 1,
        .is_compressible = true,
    };
    return http_asset_create(&params);
}

static struct http_asset *media_playlist(struct board_channel *channel,
                                         const struct hls_directives *directives)
{
    const struct buf *body = hls_snapshot_playlist(channel->snapshot, directives);
    bool is_delta = body == channel->snapshot->playlist_delta;
    struct http_asset **place = is_delta ? &channel->delta : &channel->playlist;

    if (directives->has_msn) /* caches may keep it longer */
        place = is_delta ? &channel->delta_blocking : &channel->playlist_blocking;
    if (!*place)
        *place = playlist_asset(channel->snapshot, HLS_PLAYLIST, body, directives->has_msn);
    return *place;
}

static struct http_asset *part_asset(struct board_channel *channel, struct buf *body)
{
    for (size_t i = 0; i < BOARD_PART_ASSETS; i++)
        if (channel->parts[i].body == body)
            return channel->parts[i].asset;

    struct slice slice = slice_of(body, 0, body->len);
    struct http_asset_params params = {
        .content_type = MEDIA_TYPE,
        .cache_control = IMMUTABLE,
        .body = &slice,
        .body_count = 1,
    };
    size_t place = channel->next_part++ % BOARD_PART_ASSETS;
    http_asset_unref(channel->parts[place].asset);
    channel->parts[place].asset = http_asset_create(&params);
    channel->parts[place].body = body;
    return channel->parts[place].asset;
}

static void respond_media(struct board_channel *channel, struct http_request *request,
                          const struct hls_file *file)
{
    struct slice slices[HTTP_RESPONSE_SLICES_MAX];

    hls_snapshot_note_demand(channel->snapshot, file->count);
    if (file->kind == HLS_PART) {
        http_respond_asset(request, part_asset(channel, file->bodies[0]));
        return;
    }
    if (file->count > HTTP_RESPONSE_SLICES_MAX) {
        http_respond_problem(request, 500, TEXT("The segment has too many parts."));
        return;
    }
    for (size_t i = 0; i < file->count; i++)
        slices[i] = slice_of(file->bodies[i], 0, file->bodies[i]->len);
    struct http_response response = {
        .content_type = MEDIA_TYPE,
        .cache_control = IMMUTABLE,
        .body = slices,
        .body_count = file->count,
    };
    http_respond(request, &response);
}

/* ---- waiting ---- */

static bool is_same_wait(const struct wait_group *group, enum wait_kind kind,
                         const struct hls_directives *directives, struct text name)
{
    if (group->kind != kind || !text_equal(text_of(group->name), name))
        return false;
    return group->directives.has_msn == directives->has_msn &&
           group->directives.has_part == directives->has_part &&
           group->directives.wants_skip == directives->wants_skip &&
           group->directives.msn == directives->msn && group->directives.part == directives->part;
}

static struct wait_group *find_group(struct board_channel *channel, enum wait_kind kind,
                                     const struct hls_directives *directives, struct text name)
{
    LIST_FOR_EACH(node, &channel->groups)
    {
        struct wait_group *group = CONTAINER_OF(node, struct wait_group, node);

        if (is_same_wait(group, kind, directives, name))
            return group;
    }
    return NULL;
}

static void end_wait(struct http_request *request)
{
    struct viewer *viewer = request->owner;

    if (viewer)
        viewer_end_wait(viewer, clock_mono_us());
    request->owner = NULL;
}

/* The client went away; the server unlinks it from its group, and a group that is empty goes with
 * the next part. */
static void on_cancel(struct http_request *request)
{
    end_wait(request);
}

static void suspend(struct board_channel *channel, struct http_request *request,
                    enum wait_kind kind, const struct hls_directives *directives, struct text name,
                    int64_t until_us)
{
    struct wait_group *group = find_group(channel, kind, directives, name);

    if (!group) {
        if (channel->group_count >= BOARD_GROUPS_MAX || name.len >= BOARD_NAME_MAX) {
            http_respond_problem(request, 503, TEXT("Too many different requests wait."));
            return;
        }
        group = mem_zalloc(sizeof(*group));
        group->kind = kind;
        group->directives = *directives;
        memcpy(group->name, name.len ? name.ptr : "", name.len);
        group->until_us = until_us;
        list_init(&group->requests);
        list_push_back(&channel->groups, &group->node);
        channel->group_count++;
    }
    if (kind == WAIT_PART)
        request->owner = NULL; /* a viewer waits for one playlist at a time, and that is counted */
    if (request->owner)
        viewer_begin_wait(request->owner);
    http_suspend(request, on_cancel);
    list_push_back(&group->requests, &request->owner_node);
}

static void drop_group(struct board_channel *channel, struct wait_group *group)
{
    list_unlink(&group->node);
    channel->group_count--;
    mem_free(group);
}

/* The next request of a list, which waits no longer; NULL when there is none. */
static struct http_request *take_request(struct list *requests)
{
    struct list_node *node = list_pop_front(requests);

    if (!node)
        return NULL;
    struct http_request *request = CONTAINER_OF(node, struct http_request, owner_node);
    end_wait(request);
    return request;
}

/* Everybody in the group gets the same; they leave the list as they are answered. */
static void answer_problem(struct wait_group *group, int status, const char *detail)
{
    struct http_request *request;

    while ((request = take_request(&group->requests)))
        http_respond_problem(request, status, text_of(detail));
}

/* Returns how many there were. */
static size_t answer_asset(struct wait_group *group, struct http_asset *asset)
{
    struct http_request *request;
    size_t count = 0;

    for (; (request = take_request(&group->requests)); count++)
        http_respond_asset(request, asset);
    return count;
}

static void serve_now(struct board_channel *channel, struct http_request *request, struct text name,
                      int64_t now_us);

/* Answers the group when the snapshot allows it. False: it goes on waiting. */
static bool try_group(struct board_channel *channel, struct wait_group *group)
{
    struct hls_file file;
    enum hls_answer answer;

    if (list_is_empty(&group->requests))
        return true;
    switch (group->kind) {
    case WAIT_FIRST: {
        struct list waiting;
        struct http_request *request;

        list_init(&waiting);
        list_splice_back(&waiting, &group->requests);
        while ((request = take_request(&waiting)))
            serve_now(channel, request, text_of(group->name), clock_mono_us());
        return true;
    }
    case WAIT_PLAYLIST:
        answer = hls_snapshot_query(channel->snapshot, &group->directives);
        if (answer == HLS_WAIT)
            return false;
        if (answer == HLS_READY)
            (void)answer_asset(group, media_playlist(channel, &group->directives));
        else
            answer_problem(group, 400, "The playlist has moved on; load it without directives.");
        return true;
    case WAIT_PART:
        answer = hls_snapshot_find(channel->snapshot, text_of(group->name), &file);
        if (answer == HLS_WAIT)
            return false;
        if (answer == HLS_READY)
            hls_snapshot_note_demand(channel->snapshot,
                                     answer_asset(group, part_asset(channel, file.bodies[0])));
        else
            answer_problem(group, 404, "The part that was announced was not made.");
        return true;
    }
    return true;
}

static void try_groups(struct board_channel *channel)
{
    /* Parts after playlists: players parse the playlist while the part is on its way. */
    static const enum wait_kind order[] = {WAIT_PLAYLIST, WAIT_PART, WAIT_FIRST};

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        LIST_FOR_EACH(node, &channel->groups)
        {
            struct wait_group *group = CONTAINER_OF(node, struct wait_group, node);

            if (group->kind == order[i] && try_group(channel, group))
                drop_group(channel, group);
        }
    }
}

static void answer_all(struct board_channel *channel, int status, const char *detail)
{
    LIST_FOR_EACH(node, &channel->groups)
    {
        struct wait_group *group = CONTAINER_OF(node, struct wait_group, node);

        answer_problem(group, status, detail);
        drop_group(channel, group);
    }
}

void board_set_snapshot(struct board *board, struct board_channel *channel,
                        struct hls_snapshot *snapshot)
{
    bool is_other_epoch =
        channel->snapshot && snapshot &&
        (channel->snapshot->epoch_len != snapshot->epoch_len ||
         memcmp(channel->snapshot->epoch, snapshot->epoch, snapshot->epoch_len) != 0);

    hls_snapshot_unref(channel->snapshot);
    channel->snapshot = snapshot;
    drop_playlists(channel);
    if (!snapshot || is_other_epoch) {
        drop_parts(channel);
        answer_all(channel, 404, "The broadcast has ended.");
    }
    if (snapshot)
        try_groups(channel);
    else
        board_forget_if_empty(board, channel);
}

void board_expire(struct board *board, int64_t now_us)
{
    size_t position = 0;
    struct board_channel *channel;

    while ((channel = map_next(&board->channels, &position))) {
        LIST_FOR_EACH(node, &channel->groups)
        {
            struct wait_group *group = CONTAINER_OF(node, struct wait_group, node);

            if (now_us < group->until_us)
                continue;
            answer_problem(group, group->kind == WAIT_FIRST ? 404 : 503,
                           group->kind == WAIT_FIRST ? "The channel has not begun to send."
                                                     : "The publisher is late with the next part.");
            drop_group(channel, group);
        }
    }
}

/* ---- status ---- */

void board_set_status(struct board *board, uint64_t channel_id, const struct buf *json,
                      bool may_start)
{
    struct board_channel *channel =
        json ? board_find_or_create(board, channel_id) : board_find(board, channel_id);

    if (!channel)
        return;
    channel->status = http_asset_unref(channel->status);
    buf_unref(channel->status_json);
    channel->status_json = json ? buf_ref(json) : NULL;
    channel->may_start = may_start;
    board_forget_if_empty(board, channel);
}

struct http_asset *board_status(struct board_channel *channel)
{
    if (!channel->status && channel->status_json) {
        struct slice slice = slice_of(channel->status_json, 0, channel->status_json->len);
        struct http_asset_params params = {
            .content_type = "application/json",
            .cache_control = "no-cache",
            .body = &slice,
            .body_count = 1,
        };
        channel->status = http_asset_create(&params);
    }
    return channel->status;
}

/* ---- serving ---- */

static const char NOT_LIVE[] = "Nothing is to be played on this channel now.";

static void serve_playlist(struct board_channel *channel, struct http_request *request,
                           int64_t now_us)
{
    struct hls_directives directives;

    if (hls_directives_parse(request->query, &directives) != OK) {
        http_respond_problem(request, 400,
                             TEXT("_HLS_msn and _HLS_part must be whole numbers, _HLS_skip YES or "
                                  "v2, each once, and _HLS_part needs _HLS_msn."));
        return;
    }
    switch (hls_snapshot_query(channel->snapshot, &directives)) {
    case HLS_READY:
        http_respond_asset(request, media_playlist(channel, &directives));
        return;
    case HLS_WAIT:
        suspend(channel, request, WAIT_PLAYLIST, &directives, (struct text){0},
                now_us + hls_snapshot_hold_us(channel->snapshot));
        return;
    case HLS_BAD_REQUEST:
    case HLS_NOT_FOUND:
        http_respond_problem(request, 400,
                             TEXT("That is too far in the future; load the playlist again without "
                                  "directives."));
        return;
    }
}

static void serve_file(struct board_channel *channel, struct http_request *request,
                       struct text name, int64_t now_us)
{
    static const struct hls_directives none = {0};
    struct hls_file file;

    switch (hls_snapshot_find(channel->snapshot, name, &file)) {
    case HLS_READY:
        respond_media(channel, request, &file);
        return;
    case HLS_WAIT:
        suspend(channel, request, WAIT_PART, &none, name,
                now_us + hls_snapshot_hold_us(channel->snapshot));
        return;
    case HLS_BAD_REQUEST:
    case HLS_NOT_FOUND:
        http_respond_problem(request, 404,
                             TEXT("There is no such file; it may have left the window."));
        return;
    }
}

static void serve_now(struct board_channel *channel, struct http_request *request, struct text name,
                      int64_t now_us)
{
    switch (hls_kind_of_name(name)) {
    case HLS_MULTIVARIANT:
        if (!channel->multivariant)
            channel->multivariant = playlist_asset(channel->snapshot, HLS_MULTIVARIANT,
                                                   channel->snapshot->multivariant, false);
        http_respond_asset(request, channel->multivariant);
        return;
    case HLS_PLAYLIST:
        serve_playlist(channel, request, now_us);
        return;
    case HLS_INIT:
    case HLS_SEGMENT:
    case HLS_PART:
        serve_file(channel, request, name, now_us);
        return;
    }
    http_respond_problem(request, 404, TEXT("There is no such file."));
}

void board_serve(struct board_channel *channel, struct http_request *request, struct text name,
                 struct viewer *viewer, int64_t now_us)
{
    static const struct hls_directives none = {0};
    enum hls_kind kind = hls_kind_of_name(name);

    request->owner = viewer; /* suspend() decides whether it counts as waiting */
    if (channel->snapshot) {
        serve_now(channel, request, name, now_us);
    } else if (channel->may_start && (kind == HLS_MULTIVARIANT || kind == HLS_PLAYLIST)) {
        suspend(channel, request, WAIT_FIRST, &none, name, now_us + FIRST_WAIT_US);
    } else {
        http_respond_problem(request, 404, text_of(NOT_LIVE));
    }
}

/* ---- life ---- */

static void destroy_channel(struct board_channel *channel)
{
    answer_all(channel, 404, NOT_LIVE);
    drop_playlists(channel);
    drop_parts(channel);
    http_asset_unref(channel->status);
    buf_unref(channel->status_json);
    hls_snapshot_unref(channel->snapshot);
    mem_free(channel);
}

void board_forget_if_empty(struct board *board, struct board_channel *channel)
{
    if (channel->snapshot || channel->status_json)
        return;
    (void)map_remove_u64(&board->channels, channel->id);
    destroy_channel(channel);
}

void board_deinit(struct board *board)
{
    size_t position = 0;
    struct board_channel *channel;

    while ((channel = map_next(&board->channels, &position)))
        destroy_channel(channel);
    map_deinit(&board->channels);
}
