/* What readers ask: all here but the noting of demand is pure reading of an immutable snapshot, on
 * any thread. */
#include "base/clock.h"
#include "hls/window.h"

enum {
    MSN_AHEAD_MAX = 2,             /* section 6.2.5.2: beyond it 400 */
    ADVANCE_PARTS_US = 3 * 1000000 /* Advance Part Limit: three seconds of parts */
};

struct hls_snapshot *hls_snapshot_ref(const struct hls_snapshot *snapshot)
{
    struct hls_snapshot *shared = (struct hls_snapshot *)(uintptr_t)snapshot;

    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

struct hls_snapshot *hls_snapshot_unref(struct hls_snapshot *snapshot)
{
    if (snapshot && atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) == 1) {
        for (size_t i = 0; i < snapshot->segment_count; i++)
            hls_segment_unref(snapshot->segments[i]);
        for (size_t i = 0; i < snapshot->init_count; i++)
            hls_init_unref(snapshot->inits[i]);
        for (size_t i = 0; i < snapshot->running_count; i++)
            buf_unref(snapshot->running[i]);
        buf_unref(snapshot->playlist);
        buf_unref(snapshot->playlist_delta);
        buf_unref(snapshot->multivariant);
        mem_free(snapshot);
    }
    return NULL;
}

void hls_snapshot_note_demand(const struct hls_snapshot *snapshot, size_t bodies)
{
    struct hls_snapshot *shared = (struct hls_snapshot *)(uintptr_t)snapshot; /* as with refs */

    atomic_fetch_add_explicit(&shared->asked, (unsigned)bodies, memory_order_relaxed);
}

/* ---- Names ---- */

struct name {
    enum hls_kind kind;
    struct text epoch;
    uint64_t number; /* msn, or the init segment's */
    uint64_t part;
};

/* Decimal as we write it: no leading zeroes, so that a thing has one name only. */
static bool parse_number(struct text text, uint64_t *ret_number)
{
    if (text.len > 1 && text.ptr[0] == '0')
        return false;
    return text_parse_u64(text, UINT64_MAX, ret_number);
}

static bool parse_media_name(struct text rest, struct name *name)
{
    if (text_starts_with(rest, TEXT("init")) && text_ends_with(rest, TEXT(".mp4"))) {
        name->kind = HLS_INIT;
        return rest.len > 8 && parse_number(text_sub(rest, 4, rest.len - 8), &name->number);
    }
    if (!text_ends_with(rest, TEXT(".m4s")))
        return false;
    rest.len -= 4;
    size_t dot = text_index_of(rest, '.');
    name->kind = dot < rest.len ? HLS_PART : HLS_SEGMENT;
    if (dot < rest.len && !parse_number(text_sub(rest, dot + 1, rest.len), &name->part))
        return false;
    return parse_number(text_sub(rest, 0, dot), &name->number);
}

static bool parse_name(struct text text, struct name *ret_name)
{
    struct name name = {0};

    if (text.len > NAME_LEN_MAX)
        return false;
    if (text_equal(text, TEXT("live.m3u8"))) {
        name.kind = HLS_PLAYLIST;
    } else if (text_equal(text, TEXT("index.m3u8"))) {
        name.kind = HLS_MULTIVARIANT;
    } else {
        size_t dash = text_index_of(text, '-');

        name.epoch = text_sub(text, 0, dash);
        if (dash == text.len || !parse_media_name(text_sub(text, dash + 1, text.len), &name))
            return false;
    }
    *ret_name = name;
    return true;
}

enum hls_kind hls_kind_of_name(struct text text)
{
    struct name name = {0};

    return parse_name(text, &name) ? name.kind : (enum hls_kind)0;
}

/* ---- Finding ---- */

static enum hls_answer found(enum hls_kind kind, struct buf *const *bodies, size_t count,
                             struct hls_file *ret_file)
{
    *ret_file = (struct hls_file){.kind = kind, .bodies = bodies, .count = count};
    for (size_t i = 0; i < count; i++)
        ret_file->len += bodies[i]->len;
    return HLS_READY;
}

/* Numbers of held segments have no gaps, so the place is a subtraction. */
static const struct hls_segment *find_segment(const struct hls_snapshot *snapshot, uint64_t msn)
{
    uint64_t oldest = snapshot->segment_count ? snapshot->segments[0]->msn : UINT64_MAX;

    if (msn < oldest || msn - oldest >= snapshot->segment_count)
        return NULL;
    return snapshot->segments[msn - oldest];
}

static enum hls_answer find_init(const struct hls_snapshot *snapshot, const struct name *name,
                                 struct hls_file *ret_file)
{
    for (size_t i = 0; i < snapshot->init_count; i++) {
        if (snapshot->inits[i]->number == name->number)
            return found(HLS_INIT, &snapshot->inits[i]->body, 1, ret_file);
    }
    return HLS_NOT_FOUND;
}

/* A part that does not exist yet is waited for when it is the hinted one, or the one after it: the
 * hint may come from a snapshot that is newer than this thread's. */
static bool is_coming(const struct hls_snapshot *snapshot, const struct name *name)
{
    if (snapshot->is_ended)
        return false;
    if (name->number == snapshot->running_msn)
        return name->part <= snapshot->running_count + 1;
    return snapshot->running_count > 0 && name->number == snapshot->running_msn + 1 &&
           name->part == 0;
}

static enum hls_answer find_part(const struct hls_snapshot *snapshot, const struct name *name,
                                 struct hls_file *ret_file)
{
    const struct hls_segment *segment = find_segment(snapshot, name->number);

    if (segment && name->part < segment->part_count)
        return found(HLS_PART, &segment->bodies[name->part], 1, ret_file);
    if (name->number == snapshot->running_msn && name->part < snapshot->running_count)
        return found(HLS_PART, &snapshot->running[name->part], 1, ret_file);
    return is_coming(snapshot, name) ? HLS_WAIT : HLS_NOT_FOUND;
}

enum hls_answer hls_snapshot_find(const struct hls_snapshot *snapshot, struct text text,
                                  struct hls_file *ret_file)
{
    struct name name = {0};

    if (!parse_name(text, &name))
        return HLS_NOT_FOUND;
    if (name.kind == HLS_PLAYLIST)
        return found(HLS_PLAYLIST, &snapshot->playlist, 1, ret_file);
    if (name.kind == HLS_MULTIVARIANT)
        return found(HLS_MULTIVARIANT, &snapshot->multivariant, 1, ret_file);
    if (!text_equal(name.epoch, (struct text){snapshot->epoch, snapshot->epoch_len}))
        return HLS_NOT_FOUND;
    if (name.kind == HLS_INIT)
        return find_init(snapshot, &name, ret_file);
    if (name.kind == HLS_PART)
        return find_part(snapshot, &name, ret_file);
    const struct hls_segment *segment = find_segment(snapshot, name.number);
    return segment ? found(HLS_SEGMENT, segment->bodies, segment->part_count, ret_file)
                   : HLS_NOT_FOUND;
}

/* ---- Delivery directives ---- */

/* "If the client requests a part whose index is greater than that of the final part of the parent
 * segment, the server MUST treat it as a request for part 0 of the following segment." */
static void roll_over(const struct hls_snapshot *snapshot, uint64_t *msn, uint64_t *part)
{
    const struct hls_segment *segment = find_segment(snapshot, *msn);

    if (segment && *part >= segment->part_count) {
        *msn += 1;
        *part = 0;
    }
}

enum hls_answer hls_snapshot_query(const struct hls_snapshot *snapshot,
                                   const struct hls_directives *directives)
{
    uint64_t msn = directives->msn;
    uint64_t part = directives->part;
    uint64_t running = snapshot->running_msn;

    if (!directives->has_msn)
        return directives->has_part ? HLS_BAD_REQUEST : HLS_READY;
    if (snapshot->is_ended)
        return HLS_READY;
    /* The last whole segment of the list is running - 1. */
    if (msn > running && msn - running >= MSN_AHEAD_MAX)
        return HLS_BAD_REQUEST;
    if (!directives->has_part)
        return msn < running ? HLS_READY : HLS_WAIT;

    roll_over(snapshot, &msn, &part);
    if (msn < running || (msn == running && part < snapshot->running_count))
        return HLS_READY;
    uint64_t ahead = msn == running ? part - snapshot->running_count : part;
    uint64_t limit =
        (uint64_t)((ADVANCE_PARTS_US + snapshot->part_target_us - 1) / snapshot->part_target_us);
    return ahead >= limit ? HLS_BAD_REQUEST : HLS_WAIT;
}

const struct buf *hls_snapshot_playlist(const struct hls_snapshot *snapshot,
                                        const struct hls_directives *directives)
{
    return directives->wants_skip && snapshot->playlist_delta ? snapshot->playlist_delta
                                                              : snapshot->playlist;
}

int64_t hls_snapshot_hold_us(const struct hls_snapshot *snapshot)
{
    return 3 * snapshot->target_duration_us;
}

int64_t hls_cache_us(const struct hls_snapshot *snapshot, enum hls_kind kind, bool is_blocking,
                     bool is_success)
{
    int64_t target_us = snapshot ? snapshot->target_duration_us : US_PER_S;

    switch (kind) {
    case HLS_INIT:
    case HLS_SEGMENT:
    case HLS_PART:
        return is_success ? HLS_CACHE_FOREVER : target_us;
    case HLS_PLAYLIST:
    case HLS_MULTIVARIANT:
        break;
    }
    if (is_blocking)
        return (is_success ? 6 : 4) * target_us;
    return is_success ? target_us / 2 : target_us;
}
