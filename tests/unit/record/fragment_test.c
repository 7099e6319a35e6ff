#include "record/fragment.h"

#include <string.h>

#include "base/writer.h"
#include "mp4/mp4.h"
#include "unit/hls/feed.h"

/* The moov of an init segment; *ret_len its length. The buf stays the caller's. */
static const uint8_t *moov_of(const struct buf *init, size_t *ret_len)
{
    struct fragment_box ftyp;
    struct fragment_box moov;

    assert_ok(fragment_read_box(init->data, &ftyp));
    assert_int_equal(ftyp.kind, FRAGMENT_FTYP);
    assert_ok(fragment_read_box(init->data + ftyp.len, &moov));
    assert_int_equal(moov.kind, FRAGMENT_MOOV);
    assert_int_equal(ftyp.len + moov.len, init->len);
    *ret_len = moov.len;
    return init->data + ftyp.len;
}

static struct fragment_tracks tracks_of(const char *which)
{
    struct format *video = strchr(which, 'v') ? feed_h264(feed_avcc_720p) : NULL;
    struct format *audio = strchr(which, 'a') ? feed_aac(44100, 2) : NULL;
    struct fragment_tracks tracks;
    struct buf *init;
    size_t len;

    assert_ok(mp4_write_init(video, audio, &init, NULL));
    const uint8_t *moov = moov_of(init, &len);
    assert_ok(fragment_read_moov(moov, len, &tracks));
    for (size_t cut = 0; cut < len; cut++)
        assert_err(fragment_read_moov(moov, cut, &tracks), ERR_MALFORMED);
    buf_unref(init);
    format_unref(video);
    format_unref(audio);
    return tracks;
}

static void tracks_are_read_as_mp4_has_written_them(void **state)
{
    (void)state;
    struct fragment_tracks tracks = tracks_of("va");

    assert_int_equal(tracks.count, 2);
    assert_int_equal(tracks.items[0].id, MP4_TRACK_VIDEO);
    assert_int_equal(tracks.items[0].timescale, MP4_TIMESCALE_VIDEO);
    assert_true(tracks.items[0].is_video);
    assert_int_equal(tracks.items[1].id, MP4_TRACK_AUDIO);
    assert_int_equal(tracks.items[1].timescale, 44100);
    assert_false(tracks.items[1].is_video);
    assert_int_equal(tracks_of("a").count, 1);
}

/* A part of `frames` pictures of 1/30 s and of sound; the length of its moof in *ret_len. */
static struct buf *make_part(size_t frames, bool is_key, uint64_t start, size_t sounds,
                             size_t *ret_len)
{
    static const uint8_t payload[10] = {0};
    struct mp4_sample video[64];
    struct mp4_sample audio[64];
    struct fragment_box box;
    size_t count = 0;
    struct mp4_run runs[2];

    for (size_t i = 0; i < 64; i++) {
        video[i] = (struct mp4_sample){payload, 10, 3000, 0, is_key && i == 0};
        audio[i] = (struct mp4_sample){payload, 10, 1024, 0, true};
    }
    if (frames)
        runs[count++] = (struct mp4_run){MP4_TRACK_VIDEO, start, video, frames};
    if (sounds)
        runs[count++] = (struct mp4_run){MP4_TRACK_AUDIO, start, audio, sounds};
    struct buf *part = mp4_write_part(NULL, 1, runs, count);
    assert_ok(fragment_read_box(part->data, &box));
    assert_int_equal(box.kind, FRAGMENT_MOOF);
    *ret_len = box.len;
    assert_ok(fragment_read_box(part->data + *ret_len, &box));
    assert_int_equal(box.kind, FRAGMENT_MDAT);
    assert_int_equal(*ret_len + box.len, part->len);
    return part;
}

static void times_come_from_the_picture_when_there_is_one(void **state)
{
    (void)state;
    struct fragment_tracks tracks = tracks_of("va");
    struct fragment fragment;
    size_t len;
    struct buf *part = make_part(6, true, 90000, 3, &len);

    assert_ok(fragment_read_moof(part->data, len, &tracks, &fragment));
    assert_int_equal(fragment.start_us, 1000000);
    assert_int_equal(fragment.end_us, 1200000);
    assert_true(fragment.begins_with_key);
    for (size_t cut = 0; cut < len; cut++)
        assert_err(fragment_read_moof(part->data, cut, &tracks, &fragment), ERR_MALFORMED);
    buf_unref(part);

    part = make_part(6, false, 90000, 3, &len);
    assert_ok(fragment_read_moof(part->data, len, &tracks, &fragment));
    assert_false(fragment.begins_with_key);
    buf_unref(part);
}

static void sound_alone_is_a_beginning_only_where_there_is_no_picture(void **state)
{
    (void)state;
    struct fragment_tracks both = tracks_of("va");
    struct fragment_tracks sound = tracks_of("a");
    struct fragment fragment;
    size_t len;
    struct buf *part = make_part(0, false, 44100, 43, &len);

    assert_ok(fragment_read_moof(part->data, len, &both, &fragment));
    assert_false(fragment.begins_with_key);
    assert_ok(fragment_read_moof(part->data, len, &sound, &fragment));
    assert_true(fragment.begins_with_key);
    assert_int_equal(fragment.start_us, 1000000);
    assert_int_equal(fragment.end_us, 1000000 + 43 * 1024 * INT64_C(1000000) / 44100);
    buf_unref(part);
}

static void a_track_that_nobody_announced_is_malformed(void **state)
{
    (void)state;
    struct fragment_tracks sound = tracks_of("a");
    struct fragment fragment;
    size_t len;
    struct buf *part = make_part(1, true, 0, 0, &len);

    assert_err(fragment_read_moof(part->data, len, &sound, &fragment), ERR_MALFORMED);
    buf_unref(part);
}

static void times_beyond_the_universe_are_malformed(void **state)
{
    (void)state;
    struct fragment_tracks tracks = tracks_of("va");
    struct fragment fragment;
    size_t len;
    struct buf *part = make_part(1, true, UINT64_MAX - 10, 0, &len);

    assert_err(fragment_read_moof(part->data, len, &tracks, &fragment), ERR_MALFORMED);
    buf_unref(part);
    part = make_part(1, true, UINT64_MAX / 2, 0, &len);
    assert_err(fragment_read_moof(part->data, len, &tracks, &fragment), ERR_MALFORMED);
    buf_unref(part);
}

static void a_box_without_a_length_is_malformed(void **state)
{
    (void)state;
    struct fragment_box box;

    assert_err(fragment_read_box((const uint8_t *)"\0\0\0\0mdat", &box), ERR_MALFORMED);
    assert_err(fragment_read_box((const uint8_t *)"\0\0\0\1mdat", &box), ERR_MALFORMED);
    assert_err(fragment_read_box((const uint8_t *)"\0\0\0\7mdat", &box), ERR_MALFORMED);
    assert_ok(fragment_read_box((const uint8_t *)"\0\0\0\10free", &box));
    assert_int_equal(box.kind, FRAGMENT_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(tracks_are_read_as_mp4_has_written_them),
        TEST_CASE(times_come_from_the_picture_when_there_is_one),
        TEST_CASE(sound_alone_is_a_beginning_only_where_there_is_no_picture),
        TEST_CASE(a_track_that_nobody_announced_is_malformed),
        TEST_CASE(times_beyond_the_universe_are_malformed),
        TEST_CASE(a_box_without_a_length_is_malformed),
    };
    return RUN_TESTS("record_fragment", tests);
}
