#include "record/playlist.h"

#include "base/clock.h"
#include "base/writer.h"
#include "support/test.h"

static const struct playlist_entry first = {
    .map_len = 1203,
    .file = 1,
    .offset = 1203,
    .len = 150200,
    .duration_us = 2000000,
    .date_us = INT64_C(1795250400123000),
};
static const struct playlist_entry second = {
    .has_discontinuity = true, .map_len = 99, .file = 2, .offset = 99, .len = 7, .duration_us = 10};

static struct text write_list(struct writer *w)
{
    playlist_write_header(w, &(struct playlist_header){.target_s = 2, .is_independent = true});
    playlist_write_entry(w, &first);
    playlist_write_entry(w, &second);
    return writer_as_text(w);
}

static void the_list_is_written_as_players_read_it(void **state)
{
    (void)state;
    struct writer w = writer_growing(4096);

    (void)write_list(&w);
    playlist_write_end(&w);
    assert_text(writer_as_text(&w), "#EXTM3U\n"
                                    "#EXT-X-VERSION:7\n"
                                    "#EXT-X-PLAYLIST-TYPE:EVENT\n"
                                    "#EXT-X-TARGETDURATION:2\n"
                                    "#EXT-X-MEDIA-SEQUENCE:0\n"
                                    "#EXT-X-INDEPENDENT-SEGMENTS\n"
                                    "#EXT-X-MAP:URI=\"1.mp4\",BYTERANGE=\"1203@0\"\n"
                                    "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T08:40:00.123Z\n"
                                    "#EXTINF:2.00000,\n"
                                    "#EXT-X-BYTERANGE:150200@1203\n"
                                    "1.mp4\n"
                                    "#EXT-X-DISCONTINUITY\n"
                                    "#EXT-X-MAP:URI=\"2.mp4\",BYTERANGE=\"99@0\"\n"
                                    "#EXTINF:0.00001,\n"
                                    "#EXT-X-BYTERANGE:7@99\n"
                                    "2.mp4\n"
                                    "#EXT-X-ENDLIST\n");
    writer_deinit(&w);
}

static void assert_entry(const struct playlist_entry *got, const struct playlist_entry *wanted)
{
    assert_int_equal(got->has_discontinuity, wanted->has_discontinuity);
    assert_int_equal(got->map_len, wanted->map_len);
    assert_int_equal(got->file, wanted->file);
    assert_int_equal(got->offset, wanted->offset);
    assert_int_equal(got->len, wanted->len);
    assert_int_equal(got->duration_us, wanted->duration_us);
}

static void what_was_written_is_read_back(void **state)
{
    (void)state;
    struct writer w = writer_growing(4096);
    struct playlist_header header;
    struct playlist_entry entry;
    struct text text;
    struct text rest;

    (void)write_list(&w);
    playlist_write_end(&w);
    rest = writer_as_text(&w);
    assert_true(playlist_read_header(&rest, &header));
    assert_int_equal(header.target_s, 2);
    assert_true(header.is_independent);
    assert_false(header.is_ended);
    assert_true(playlist_read_entry(&rest, &entry, &text));
    assert_entry(&entry, &first);
    assert_true(text_starts_with(text, TEXT("#EXT-X-MAP:URI=\"1")));
    assert_true(text_ends_with(text, TEXT("\n1.mp4\n")));
    assert_true(playlist_read_entry(&rest, &entry, &text));
    assert_entry(&entry, &second);
    assert_false(playlist_read_entry(&rest, &entry, &text));
    assert_true(playlist_is_end(rest));
    writer_deinit(&w);
}

/* How many whole entries a list has that ends after `len` bytes. */
static size_t count_entries(struct text list, size_t len)
{
    struct playlist_header header;
    struct playlist_entry entry;
    struct text text;
    struct text rest = text_sub(list, 0, len);
    size_t count = 0;

    if (!playlist_read_header(&rest, &header))
        return 0;
    while (playlist_read_entry(&rest, &entry, &text))
        count++;
    return count;
}

static void cut_anywhere_only_whole_entries_are_believed(void **state)
{
    (void)state;
    struct writer w = writer_growing(4096);
    struct text list = write_list(&w);
    size_t first_end = 0;

    while (count_entries(list, first_end) == 0)
        first_end++;
    for (size_t len = 0; len <= list.len; len++) {
        bool is_ended;
        size_t shown = len - playlist_unfinished_len(text_sub(list, 0, len), &is_ended);

        assert_int_equal(count_entries(list, len), len == list.len ? 2 : len < first_end ? 0 : 1);
        assert_false(is_ended);
        assert_int_equal(shown, len < first_end ? 0 : len == list.len ? len : first_end);
    }
    writer_deinit(&w);
}

static void the_tail_of_a_long_list_tells_where_it_ends(void **state)
{
    (void)state;
    struct writer w = writer_growing(4096);
    struct text list = write_list(&w);
    bool is_ended;

    /* It begins in the middle of a line. */
    struct text tail = text_sub(list, list.len - 100, 100);
    assert_int_equal(playlist_unfinished_len(tail, &is_ended), 0);
    assert_int_equal(playlist_unfinished_len(text_sub(tail, 0, 99), &is_ended), 99);
    playlist_write_end(&w);
    assert_int_equal(playlist_unfinished_len(writer_as_text(&w), &is_ended), 0);
    assert_true(is_ended);
    writer_deinit(&w);
}

static void other_lists_are_not_believed(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "",
        "#EXTM3U\n",
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-TARGETDURATION:2\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n",
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:LIVE\n#EXT-X-TARGETDURATION:2\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n",
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-TARGETDURATION:-2\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n",
    };
    static const char *const entries[] = {
        "#EXTINF:2.0,\n#EXT-X-BYTERANGE:1@0\n1.mp4\n",
        "#EXTINF:2.00000,x\n#EXT-X-BYTERANGE:1@0\n1.mp4\n",
        "#EXTINF:2.00000,\n#EXT-X-BYTERANGE:1\n1.mp4\n",
        "#EXTINF:2.00000,\n#EXT-X-BYTERANGE:1@0\n../1.mp4\n",
        "#EXTINF:2.00000,\n#EXT-X-BYTERANGE:1@0\n0.mp4\n",
        "#EXTINF:2.00000,\n#EXT-X-BYTERANGE:1@0\n10000.mp4\n",
        "#EXTINF:2.00000,\n#EXT-X-BYTERANGE:99999999999999999999@0\n1.mp4\n",
        "#EXT-X-MAP:URI=\"2.mp4\",BYTERANGE=\"9@0\"\n#EXTINF:2.00000,\n#EXT-X-BYTERANGE:1@9\n"
        "1.mp4\n",
        "#EXT-X-MAP:URI=\"1.mp4\",BYTERANGE=\"9@1\"\n#EXTINF:2.00000,\n#EXT-X-BYTERANGE:1@9\n"
        "1.mp4\n",
    };
    struct playlist_header header;
    struct playlist_entry entry;
    struct text text;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct text rest = text_of(lists[i]);
        assert_false(playlist_read_header(&rest, &header));
    }
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        struct text rest = text_of(entries[i]);
        assert_false(playlist_read_entry(&rest, &entry, &text));
        assert_int_equal(rest.len, strlen(entries[i])); /* nothing was taken */
    }
}

static void target_duration_is_the_nearest_second(void **state)
{
    (void)state;
    assert_int_equal(playlist_target_s(0), 1);
    assert_int_equal(playlist_target_s(2 * US_PER_S), 2);
    assert_int_equal(playlist_target_s(2 * US_PER_S + 499999), 2);
    assert_int_equal(playlist_target_s(2 * US_PER_S + 500000), 3);
    assert_int_equal(playlist_target_s(INT64_MAX / 2), PLAYLIST_TARGET_S_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(the_list_is_written_as_players_read_it),
        TEST_CASE(what_was_written_is_read_back),
        TEST_CASE(cut_anywhere_only_whole_entries_are_believed),
        TEST_CASE(the_tail_of_a_long_list_tells_where_it_ends),
        TEST_CASE(other_lists_are_not_believed),
        TEST_CASE(target_duration_is_the_nearest_second),
    };
    return RUN_TESTS("record_playlist", tests);
}
