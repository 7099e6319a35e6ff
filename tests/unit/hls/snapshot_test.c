#include "feed.h"

#include "base/clock.h"
#include "base/writer.h"

static enum hls_answer ask(const struct feed *feed, const char *query)
{
    struct hls_directives directives;

    if (hls_directives_parse(text_of(query), &directives))
        return HLS_BAD_REQUEST;
    return hls_snapshot_query(feed_snapshot(feed), &directives);
}

static enum hls_answer find(const struct feed *feed, const char *name)
{
    struct hls_file file;
    return hls_snapshot_find(feed_snapshot(feed), text_of(name), &file);
}

/* Segments 1 to 9 have ended with ten parts each, 10 runs with 3 parts: the fourth waits. */
static struct feed *create_in_segment_ten(void)
{
    struct feed *feed = feed_create("va");

    feed_frames(feed, 540 + 18, 30, 1, 60);
    assert_int_equal(feed_snapshot(feed)->running_msn, 10);
    assert_int_equal(feed_snapshot(feed)->running_count, 3);
    return feed;
}

/* Whether the newest part is in pages that are sent without a copy. */
static bool newest_is_paged(const struct feed *feed)
{
    const struct hls_snapshot *snapshot = feed_snapshot(feed);
    const struct hls_segment *last =
        snapshot->segment_count ? snapshot->segments[snapshot->segment_count - 1] : NULL;
    struct slice slice = {0};
    off_t offset;
    int fd;

    slice.buf = snapshot->running_count ? snapshot->running[snapshot->running_count - 1]
                                        : last->bodies[last->part_count - 1];
    slice.data = slice.buf->data;
    slice.len = slice.buf->len;
    return slice_in_file(&slice, &fd, &offset);
}

static void parts_are_paged_while_they_are_in_demand(void **state)
{
    (void)state;
    struct feed *feed = create_in_segment_ten();

    assert_false(newest_is_paged(feed));
    hls_snapshot_note_demand(feed_snapshot(feed), 15); /* a few viewers: copies are cheaper */
    feed_frames(feed, 12, 30, 1, 60);
    assert_false(newest_is_paged(feed));
    hls_snapshot_note_demand(feed_snapshot(feed), 10);
    hls_snapshot_note_demand(feed_snapshot(feed), 10);
    feed_frames(feed, 12, 30, 1, 60);
    assert_true(newest_is_paged(feed));
    feed_frames(feed, 60, 30, 1, 60); /* between two segments nobody of them asks */
    assert_true(newest_is_paged(feed));
    feed_frames(feed, 360, 30, 1, 60);
    assert_false(newest_is_paged(feed));
    feed_destroy(feed);
}

static void directives_are_parsed_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {"_HLS_part=1",
                                      "_HLS_msn=",
                                      "_HLS_msn=-1",
                                      "_HLS_msn=1.0",
                                      "_HLS_msn=+1",
                                      "_HLS_msn=0x1",
                                      "_HLS_msn=1&_HLS_msn=1",
                                      "_HLS_msn=1&_HLS_part=x",
                                      "_HLS_msn=99999999999999999999",
                                      "_HLS_skip=NO",
                                      "_HLS_skip",
                                      "_HLS_msn",
                                      "_HLS_msn=1 ",
                                      "_HLS_msn=1&_HLS_part=1&_HLS_part=2"};
    struct hls_directives directives;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_err(hls_directives_parse(text_of(bad[i]), &directives), ERR_MALFORMED);
    assert_ok(hls_directives_parse(TEXT(""), &directives));
    assert_false(directives.has_msn || directives.has_part || directives.wants_skip);
    assert_ok(hls_directives_parse(TEXT("token=a=b&_HLS_push=1&_hls_msn=x&&="), &directives));
    assert_false(directives.has_msn);
    assert_ok(hls_directives_parse(TEXT("_HLS_part=3&_HLS_msn=12&_HLS_skip=v2"), &directives));
    assert_true(directives.has_msn && directives.has_part && directives.wants_skip);
    assert_int_equal(directives.msn, 12);
    assert_int_equal(directives.part, 3);
}

static void directives_have_one_form_for_caches(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"_HLS_part=3&x=1&_HLS_msn=012&_HLS_skip=v2", "_HLS_msn=12&_HLS_part=3&_HLS_skip=YES"},
        {"_HLS_skip=YES", "_HLS_skip=YES"},
        {"_HLS_msn=0", "_HLS_msn=0"},
        {"a=b", ""}};
    char memory[128];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct writer w = writer_fixed(memory, sizeof(memory));
        struct hls_directives directives;

        assert_ok(hls_directives_parse(text_of(rows[i][0]), &directives));
        hls_directives_write(&w, &directives);
        assert_text(writer_as_text(&w), rows[i][1]);
    }
}

static void blocking_requests_wait_for_their_part(void **state)
{
    (void)state;
    struct feed *feed = create_in_segment_ten();

    assert_int_equal(ask(feed, ""), HLS_READY);
    assert_int_equal(ask(feed, "_HLS_skip=YES"), HLS_READY);
    assert_int_equal(ask(feed, "_HLS_msn=9"), HLS_READY);
    assert_int_equal(ask(feed, "_HLS_msn=10"), HLS_WAIT); /* the whole segment */
    assert_int_equal(ask(feed, "_HLS_msn=11"), HLS_WAIT);
    assert_int_equal(ask(feed, "_HLS_msn=10&_HLS_part=0"), HLS_READY);
    assert_int_equal(ask(feed, "_HLS_msn=10&_HLS_part=2"), HLS_READY);
    assert_int_equal(ask(feed, "_HLS_msn=10&_HLS_part=3"), HLS_WAIT);
    assert_int_equal(ask(feed, "_HLS_msn=11&_HLS_part=0"), HLS_WAIT);
    feed_frames(feed, 6, 30, 1, 60); /* a key frame too early to cut at: part 3 */
    assert_int_equal(ask(feed, "_HLS_msn=10&_HLS_part=3"), HLS_READY);
    feed_destroy(feed);
}

static void part_behind_the_last_is_the_first_of_the_next_segment(void **state)
{
    (void)state;
    struct feed *feed = create_in_segment_ten();

    assert_int_equal(ask(feed, "_HLS_msn=9&_HLS_part=9"), HLS_READY);
    assert_int_equal(ask(feed, "_HLS_msn=9&_HLS_part=10"), HLS_READY); /* 10.0 is there */
    assert_int_equal(ask(feed, "_HLS_msn=9&_HLS_part=4711"), HLS_READY);
    feed_look(feed, hls_packager_discontinuity(feed->packager, feed->now_us));
    assert_int_equal(feed_snapshot(feed)->running_msn, 11);
    assert_int_equal(ask(feed, "_HLS_msn=10&_HLS_part=3"), HLS_WAIT); /* is 11.0 now */
    assert_int_equal(ask(feed, "_HLS_msn=10&_HLS_part=2"), HLS_READY);
    assert_int_equal(ask(feed, "_HLS_msn=10"), HLS_READY);
    feed_frames(feed, 10, 30, 1, 60);
    assert_int_equal(ask(feed, "_HLS_msn=10&_HLS_part=3"), HLS_READY);
    feed_destroy(feed);
}

static void requests_too_far_ahead_are_bad(void **state)
{
    (void)state;
    struct feed *feed = create_in_segment_ten();

    assert_int_equal(ask(feed, "_HLS_msn=12"), HLS_BAD_REQUEST); /* last 9, + 2 = 11 */
    assert_int_equal(ask(feed, "_HLS_msn=9007199254740992"), HLS_BAD_REQUEST);
    /* Advance Part Limit: 3 s / 0.204 s, so 15 parts after the third. */
    assert_int_equal(ask(feed, "_HLS_msn=10&_HLS_part=17"), HLS_WAIT);
    assert_int_equal(ask(feed, "_HLS_msn=10&_HLS_part=18"), HLS_BAD_REQUEST);
    assert_int_equal(ask(feed, "_HLS_msn=11&_HLS_part=14"), HLS_WAIT);
    assert_int_equal(ask(feed, "_HLS_msn=11&_HLS_part=15"), HLS_BAD_REQUEST);
    feed_destroy(feed);
}

static void requests_for_the_past_get_the_current_list(void **state)
{
    (void)state;
    struct feed *feed = create_in_segment_ten();

    assert_int_equal(ask(feed, "_HLS_msn=0"), HLS_READY);
    assert_int_equal(ask(feed, "_HLS_msn=0&_HLS_part=99"), HLS_READY);
    feed_destroy(feed);
}

static void ended_playlist_ignores_directives(void **state)
{
    (void)state;
    struct feed *feed = create_in_segment_ten();

    feed_look(feed, hls_packager_finish(feed->packager, 0));
    assert_int_equal(ask(feed, "_HLS_msn=10"), HLS_READY);
    assert_int_equal(ask(feed, "_HLS_msn=4711&_HLS_part=3"), HLS_READY);
    assert_int_equal(find(feed, "e1-11.0.m4s"), HLS_NOT_FOUND);
    feed_destroy(feed);
}

static void files_are_found_by_their_one_name(void **state)
{
    (void)state;
    struct feed *feed = create_in_segment_ten();
    static const char *const unknown[] = {"",
                                          "live.m3u",
                                          "e1-9",
                                          "e2-9.m4s",
                                          "e1-09.m4s",
                                          "e1-9.00.m4s",
                                          "e1-9.1.2.m4s",
                                          "e1-9..m4s",
                                          "e1-.m4s",
                                          "e1-init.mp4",
                                          "e1-init1.mp4",
                                          "e1-init00.mp4",
                                          "../live.m3u8",
                                          "e1-9.10.m4s",
                                          "e1-10.m4s",
                                          "e1-99.m4s",
                                          "e1--1.m4s",
                                          "-9.m4s",
                                          "e1-init0.mp4.mp4",
                                          "e1-9.m4s ",
                                          "e1-18446744073709551616.m4s",
                                          "e1-1.m4s",
                                          "e1-12.0.m4s"};
    struct hls_file file;

    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_int_equal(find(feed, unknown[i]), HLS_NOT_FOUND);
    assert_int_equal(hls_snapshot_find(feed_snapshot(feed), TEXT("e1-9.m4s"), &file), HLS_READY);
    assert_int_equal(file.kind, HLS_SEGMENT);
    assert_int_equal(file.count, 10);
    size_t len = 0;
    for (int i = 0; i < 10; i++) {
        struct hls_file part;
        char name[32];

        (void)snprintf(name, sizeof(name), "e1-9.%d.m4s", i);
        assert_int_equal(hls_snapshot_find(feed_snapshot(feed), text_of(name), &part), HLS_READY);
        assert_int_equal(part.kind, HLS_PART);
        assert_ptr_equal(part.bodies[0], file.bodies[i]); /* the same bytes, no copy */
        len += part.len;
    }
    assert_int_equal(file.len, len);
    assert_int_equal(find(feed, "live.m3u8"), HLS_READY);
    assert_int_equal(find(feed, "index.m3u8"), HLS_READY);
    assert_int_equal(find(feed, "e1-init0.mp4"), HLS_READY);
    assert_int_equal(hls_kind_of_name(TEXT("e1-9.m4s")), HLS_SEGMENT);
    assert_int_equal(hls_kind_of_name(TEXT("favicon.ico")), 0);
    feed_destroy(feed);
}

static void hinted_part_is_waited_for_until_it_comes_or_cannot(void **state)
{
    (void)state;
    struct feed *feed = create_in_segment_ten();

    assert_true(feed_playlist_has(feed, "URI=\"e1-10.3.m4s\""));
    assert_int_equal(find(feed, "e1-10.3.m4s"), HLS_WAIT);
    assert_int_equal(find(feed, "e1-10.4.m4s"), HLS_WAIT); /* a newer list may hint it */
    assert_int_equal(find(feed, "e1-10.5.m4s"), HLS_NOT_FOUND);
    assert_int_equal(find(feed, "e1-11.0.m4s"), HLS_WAIT);
    for (int i = 0; i < 7; i++)
        (void)feed_frame(feed, false, 33333);
    assert_int_equal(find(feed, "e1-10.3.m4s"), HLS_READY);
    assert_int_equal(find(feed, "e1-10.4.m4s"), HLS_WAIT);
    feed_look(feed, hls_packager_discontinuity(feed->packager, 0)); /* what is pending is 10.4 */
    assert_int_equal(find(feed, "e1-10.4.m4s"), HLS_READY);
    assert_int_equal(find(feed, "e1-10.5.m4s"), HLS_NOT_FOUND);
    assert_int_equal(find(feed, "e1-11.0.m4s"), HLS_WAIT);
    feed_destroy(feed);
}

static void unlisted_segments_can_be_fetched_for_a_while(void **state)
{
    (void)state;
    struct feed *feed = create_in_segment_ten();
    uint64_t first = feed_snapshot(feed)->first_msn;
    char name[32];

    assert_in_range(first, 6, 7); /* 8 s and the running segment are listed */
    (void)snprintf(name, sizeof(name), "e1-%llu.m4s", (unsigned long long)first - 1);
    assert_int_equal(find(feed, name), HLS_READY);
    (void)snprintf(name, sizeof(name), "e1-%llu.3.m4s", (unsigned long long)first - 1);
    assert_int_equal(find(feed, name), HLS_READY);
    (void)snprintf(name, sizeof(name), "e1-%llu.m4s", (unsigned long long)first - 3);
    assert_int_equal(find(feed, name), HLS_NOT_FOUND);
    feed_destroy(feed);
}

static void parts_are_listed_for_three_target_durations(void **state)
{
    (void)state;
    struct feed *feed = create_in_segment_ten();

    assert_true(feed_playlist_has(feed, "URI=\"e1-9.0.m4s\""));
    assert_true(feed_playlist_has(feed, "URI=\"e1-8.0.m4s\""));
    assert_true(feed_playlist_has(feed, "URI=\"e1-7.0.m4s\"")); /* its end is 4.6 s away */
    assert_false(feed_playlist_has(feed, "URI=\"e1-6.9.m4s\""));
    assert_int_equal(find(feed, "e1-6.9.m4s"), HLS_READY);
    feed_destroy(feed);
}

static void delta_skips_what_is_older_than_six_target_durations(void **state)
{
    (void)state;
    struct hls_config config = {.window_us = 60 * US_PER_S};
    struct feed *feed = feed_create_with("va", &config);
    struct hls_directives skip = {.wants_skip = true};

    feed_frames(feed, 180, 30, 1, 60); /* nothing to skip yet: the whole list */
    assert_ptr_equal(hls_snapshot_playlist(feed_snapshot(feed), &skip),
                     feed_snapshot(feed)->playlist);
    feed_frames(feed, 840, 30, 1, 60);
    assert_true(feed_playlist_has(feed, "CAN-SKIP-UNTIL=12.0"));
    struct text full = buf_text(feed_snapshot(feed)->playlist);
    struct text delta = buf_text(hls_snapshot_playlist(feed_snapshot(feed), &skip));
    assert_int_equal(feed_snapshot(feed)->running_msn, 17);
    assert_true(text_contains(delta, TEXT("#EXT-X-SKIP:SKIPPED-SEGMENTS=11\n"))); /* with the gap */
    assert_false(text_contains(delta, TEXT("e1-10.m4s")));
    assert_true(text_contains(delta, TEXT("\ne1-11.m4s\n")));
    assert_true(text_contains(full, TEXT("\ne1-10.m4s\n")));

    /* Behind the skipped segments both are the same. */
    size_t at = 0;
    while (!text_starts_with(text_sub(full, at, full.len), TEXT("e1-10.m4s\n")))
        at++;
    struct text rest = text_sub(full, at + 10, full.len);
    assert_true(rest.len > 0 && text_ends_with(delta, rest));

    feed_look(feed, hls_packager_finish(feed->packager, 0));
    assert_ptr_equal(hls_snapshot_playlist(feed_snapshot(feed), &skip),
                     feed_snapshot(feed)->playlist);
    feed_destroy(feed);
}

static void short_windows_offer_no_skipping(void **state)
{
    (void)state;
    struct feed *feed = create_in_segment_ten();

    assert_false(feed_playlist_has(feed, "CAN-SKIP-UNTIL"));
    assert_null(feed_snapshot(feed)->playlist_delta);
    feed_destroy(feed);
}

static void caches_are_told_how_long(void **state)
{
    (void)state;
    struct feed *feed = create_in_segment_ten();
    const struct hls_snapshot *snapshot = feed_snapshot(feed);

    assert_int_equal(hls_cache_us(snapshot, HLS_PART, true, true), HLS_CACHE_FOREVER);
    assert_int_equal(hls_cache_us(snapshot, HLS_SEGMENT, false, true), HLS_CACHE_FOREVER);
    assert_int_equal(hls_cache_us(snapshot, HLS_INIT, false, true), HLS_CACHE_FOREVER);
    assert_int_equal(hls_cache_us(snapshot, HLS_PART, true, false), 2 * US_PER_S);
    assert_int_equal(hls_cache_us(snapshot, HLS_PLAYLIST, true, true), 12 * US_PER_S);
    assert_int_equal(hls_cache_us(snapshot, HLS_PLAYLIST, true, false), 8 * US_PER_S);
    assert_int_equal(hls_cache_us(snapshot, HLS_PLAYLIST, false, true), US_PER_S);
    assert_int_equal(hls_cache_us(snapshot, HLS_PLAYLIST, false, false), 2 * US_PER_S);
    assert_int_equal(hls_cache_us(NULL, HLS_PLAYLIST, false, false), US_PER_S);
    assert_int_equal(hls_snapshot_hold_us(snapshot), 6 * US_PER_S);
    feed_destroy(feed);
}

static void old_snapshot_stays_whole_when_the_packager_is_gone(void **state)
{
    (void)state;
    struct feed *feed = create_in_segment_ten();
    struct hls_snapshot *snapshot = hls_snapshot_ref(feed_snapshot(feed));
    struct hls_file file;

    feed_frames(feed, 1800, 30, 1, 60);
    feed_destroy(feed);
    assert_int_equal(hls_snapshot_find(snapshot, TEXT("e1-9.m4s"), &file), HLS_READY);
    assert_int_equal(file.count, 10);
    assert_int_equal(file.bodies[9]->data[4], 'm');
    assert_int_equal(hls_snapshot_find(snapshot, TEXT("e1-10.2.m4s"), &file), HLS_READY);
    assert_null(hls_snapshot_unref(snapshot));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(parts_are_paged_while_they_are_in_demand),
        TEST_CASE(directives_are_parsed_strictly),
        TEST_CASE(directives_have_one_form_for_caches),
        TEST_CASE(blocking_requests_wait_for_their_part),
        TEST_CASE(part_behind_the_last_is_the_first_of_the_next_segment),
        TEST_CASE(requests_too_far_ahead_are_bad),
        TEST_CASE(requests_for_the_past_get_the_current_list),
        TEST_CASE(ended_playlist_ignores_directives),
        TEST_CASE(files_are_found_by_their_one_name),
        TEST_CASE(hinted_part_is_waited_for_until_it_comes_or_cannot),
        TEST_CASE(unlisted_segments_can_be_fetched_for_a_while),
        TEST_CASE(parts_are_listed_for_three_target_durations),
        TEST_CASE(delta_skips_what_is_older_than_six_target_durations),
        TEST_CASE(short_windows_offer_no_skipping),
        TEST_CASE(caches_are_told_how_long),
        TEST_CASE(old_snapshot_stays_whole_when_the_packager_is_gone),
    };

    return RUN_TESTS("hls_snapshot", tests);
}
