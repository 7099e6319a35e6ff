/*
 * shoot - a broadcast for the tests of recordings: the segments that a packager makes, and the
 * reading back of what was recorded.
 */
#ifndef TESTS_UNIT_RECORD_SHOOT_H
#define TESTS_UNIT_RECORD_SHOOT_H

#include "base/vec.h"
#include "record/folder.h"
#include "record/fragment.h"
#include "support/scratch.h"
#include "unit/hls/feed.h"

enum { SHOOT_SEGMENTS_MAX = 64 };

struct shoot {
    struct feed *feed;
    VEC(struct hls_segment *) segments;
    uint64_t next_msn;
};

static inline void shoot_begin(struct shoot *shoot, const char *tracks)
{
    *shoot = (struct shoot){.feed = feed_create(tracks)};
}

/* Takes over what the packager has finished. */
static inline void shoot_collect(struct shoot *shoot)
{
    const struct hls_snapshot *snapshot = feed_snapshot(shoot->feed);

    for (size_t i = 0; snapshot && i < snapshot->segment_count; i++) {
        struct hls_segment *segment = snapshot->segments[i];

        if (segment->msn < shoot->next_msn)
            continue;
        shoot->next_msn = segment->msn + 1;
        segment = hls_segment_ref(segment);
        assert_true(vec_push(&shoot->segments, segment, SHOOT_SEGMENTS_MAX));
    }
}

/* Two-second segments of 30 frames a second, with a key frame each second. */
static inline void shoot_segments(struct shoot *shoot, size_t count)
{
    size_t wanted = shoot->segments.count + count;

    while (shoot->segments.count < wanted) {
        feed_frames(shoot->feed, 30, 30, 1, 30);
        shoot_collect(shoot);
    }
}

/* The publisher comes back with another picture. */
static inline void shoot_change_format(struct shoot *shoot)
{
    format_unref(shoot->feed->video);
    shoot->feed->video = feed_h264(feed_avcc_1080p);
    assert_ok(hls_packager_set_formats(shoot->feed->packager, shoot->feed->video,
                                       shoot->feed->audio, shoot->feed->now_us, NULL, NULL));
    shoot_collect(shoot);
}

static inline void shoot_end(struct shoot *shoot)
{
    for (size_t i = 0; i < shoot->segments.count; i++)
        hls_segment_unref(shoot->segments.items[i]);
    vec_deinit(&shoot->segments);
    feed_destroy(shoot->feed);
}

/* ---- what was recorded ---- */

struct recorded {
    struct playlist_header header;
    size_t entries;
    size_t discontinuities;
    size_t maps;
    uint32_t files;
    int64_t duration_us;
    bool has_end;
};

/* Each entry must be whole fragments in its file, behind an init that can be read; the entries of a
 * file must follow each other. Fails the test else. */
static inline struct recorded recorded_read(const struct scratch *scratch, const char *folder)
{
    struct recorded recorded = {0};
    struct fragment_tracks tracks = {0};
    struct playlist_entry entry;
    struct text text;
    char name[96];
    size_t list_len;
    size_t len = 0;
    uint64_t expected = 0;
    uint8_t *bytes = NULL;

    (void)snprintf(name, sizeof(name), "%s/index.m3u8", folder);
    char *list = scratch_read(scratch, name, &list_len);
    assert_non_null(list);
    struct text rest = {list, list_len};
    assert_true(playlist_read_header(&rest, &recorded.header));
    while (playlist_read_entry(&rest, &entry, &text)) {
        assert_true(playlist_target_s(entry.duration_us) <= recorded.header.target_s);
        if (entry.file != recorded.files) {
            struct fragment_box ftyp;

            assert_int_equal(entry.file, recorded.files + 1);
            assert_true(entry.map_len != 0);
            mem_free(bytes);
            (void)snprintf(name, sizeof(name), "%s/%u.mp4", folder, entry.file);
            bytes = (uint8_t *)scratch_read(scratch, name, &len);
            assert_non_null(bytes);
            assert_ok(fragment_read_box(bytes, &ftyp));
            assert_ok(fragment_read_moov(bytes + ftyp.len, entry.map_len - ftyp.len, &tracks));
            recorded.files = entry.file;
            expected = entry.map_len;
        }
        assert_int_equal(entry.offset, expected);
        assert_true(entry.offset + entry.len <= len);
        for (uint64_t at = entry.offset; at < entry.offset + entry.len;) {
            struct fragment_box moof;
            struct fragment_box mdat;
            struct fragment fragment;

            assert_ok(fragment_read_box(bytes + at, &moof));
            assert_ok(fragment_read_moof(bytes + at, moof.len, &tracks, &fragment));
            if (at == entry.offset && recorded.header.is_independent)
                assert_true(fragment.begins_with_key);
            assert_ok(fragment_read_box(bytes + at + moof.len, &mdat));
            assert_int_equal(mdat.kind, FRAGMENT_MDAT);
            at += moof.len + mdat.len;
            assert_true(at <= entry.offset + entry.len);
        }
        expected = entry.offset + entry.len;
        recorded.entries++;
        recorded.discontinuities += entry.has_discontinuity;
        recorded.maps += entry.map_len != 0;
        recorded.duration_us += entry.duration_us;
    }
    recorded.has_end = playlist_is_end(rest);
    assert_true(recorded.has_end || rest.len == 0 || !recorded.header.is_ended);
    mem_free(bytes);
    mem_free(list);
    return recorded;
}

#endif
