#include "record/repair.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "base/writer.h"
#include "unit/record/shoot.h"

struct stage {
    struct scratch scratch;
    struct shoot shoot;
    struct record_folder folder;
};

static void open_stage(struct stage *stage, const char *tracks)
{
    scratch_make(&stage->scratch);
    shoot_begin(&stage->shoot, tracks);
    assert_ok(folder_open(&stage->folder, stage->scratch.fd, 7, 12, NULL));
}

static void close_stage(struct stage *stage)
{
    folder_deinit(&stage->folder);
    shoot_end(&stage->shoot);
    scratch_remove(&stage->scratch);
}

static void write_all(struct stage *stage)
{
    for (size_t i = 0; i < stage->shoot.segments.count; i++)
        assert_ok(folder_append(&stage->folder, stage->shoot.segments.items[i], false, 2 * US_PER_S,
                                NULL));
}

static struct repair_result repair(struct stage *stage)
{
    struct repair_result result = {0};
    struct diag diag = {0};
    enum err err = repair_folder(stage->scratch.fd, 7, 12, &result, &diag);

    if (err)
        print_error("%s\n", diag.message);
    assert_ok(err);
    return result;
}

static struct recorded read_back(struct stage *stage)
{
    return recorded_read(&stage->scratch, "7/12");
}

/* Three segments, another picture, two more. */
static void write_two_files(struct stage *stage)
{
    shoot_segments(&stage->shoot, 3);
    shoot_change_format(&stage->shoot);
    shoot_segments(&stage->shoot, 2);
    write_all(stage);
}

static void each_state_of_a_recording_can_be_read(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "va");

    shoot_segments(&stage.shoot, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_ok(
            folder_append(&stage.folder, stage.shoot.segments.items[i], false, 2 * US_PER_S, NULL));
        struct recorded recorded = read_back(&stage);
        assert_int_equal(recorded.entries, i + 1);
        assert_false(recorded.has_end);
        assert_false(recorded.header.is_ended);
    }
    assert_ok(folder_finish(&stage.folder, NULL));
    struct recorded recorded = read_back(&stage);
    assert_true(recorded.has_end && recorded.header.is_ended);
    assert_int_equal(recorded.entries, 3);
    assert_int_equal(recorded.duration_us, stage.folder.duration_us);
    close_stage(&stage);
}

static void recording_without_its_end_gets_it(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "va");

    write_two_files(&stage);
    struct recorded before = read_back(&stage);
    struct repair_result result = repair(&stage);
    struct recorded after = read_back(&stage);
    assert_true(after.has_end && after.header.is_ended);
    assert_int_equal(after.entries, before.entries);
    assert_int_equal(after.files, 2);
    assert_int_equal(after.discontinuities, 1);
    assert_int_equal(after.maps, 2);
    assert_int_equal(after.duration_us, before.duration_us);
    assert_int_equal(result.duration_us, after.duration_us);
    close_stage(&stage);
}

/* What a crash leaves when the bytes were written, and the list not yet. */
static void whole_fragments_that_the_list_does_not_name_are_added(void **state)
{
    (void)state;
    struct stage stage;
    size_t len;
    open_stage(&stage, "va");

    shoot_segments(&stage.shoot, 3);
    write_all(&stage);
    struct recorded before = read_back(&stage);
    uint64_t list_len = stage.folder.playlist_len;
    shoot_segments(&stage.shoot, 1);
    assert_ok(
        folder_append(&stage.folder, stage.shoot.segments.items[3], false, 2 * US_PER_S, NULL));
    scratch_truncate(&stage.scratch, "7/12/index.m3u8", list_len);
    /* And a piece of the next part. */
    char *bytes = scratch_read(&stage.scratch, "7/12/1.mp4", &len);
    scratch_write(&stage.scratch, "7/12/1.mp4", bytes, len - 100);
    mem_free(bytes);

    struct repair_result result = repair(&stage);
    struct recorded after = read_back(&stage);
    assert_int_equal(after.entries, before.entries + 1);
    assert_true(after.duration_us > before.duration_us + US_PER_S);
    assert_true(after.duration_us < before.duration_us + 2 * US_PER_S); /* a part is lost */
    assert_int_equal(after.discontinuities, 0);
    bytes = scratch_read(&stage.scratch, "7/12/1.mp4", &len);
    assert_true(len < result.bytes);
    mem_free(bytes);
    close_stage(&stage);
}

/* The first file of the second picture is there, and the list knows nothing of it. */
static void a_file_that_the_list_does_not_name_is_added_behind_a_discontinuity(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "v");

    shoot_segments(&stage.shoot, 2);
    write_all(&stage);
    uint64_t list_len = stage.folder.playlist_len;
    shoot_change_format(&stage.shoot);
    shoot_segments(&stage.shoot, 2);
    for (size_t i = 2; i < stage.shoot.segments.count; i++)
        assert_ok(
            folder_append(&stage.folder, stage.shoot.segments.items[i], false, 2 * US_PER_S, NULL));
    struct recorded before = read_back(&stage);
    scratch_truncate(&stage.scratch, "7/12/index.m3u8", list_len);
    (void)repair(&stage);
    struct recorded after = read_back(&stage);
    assert_int_equal(after.files, 2);
    assert_int_equal(after.maps, 2);
    assert_int_equal(after.discontinuities, 1);
    assert_true(after.duration_us > before.duration_us - US_PER_S / 10);
    close_stage(&stage);
}

static void without_a_list_everything_is_found_again(void **state)
{
    (void)state;
    static const char garbage[] = "#EXTM3U\nsomebody else's";
    struct stage stage;
    open_stage(&stage, "va");

    write_two_files(&stage);
    struct recorded before = read_back(&stage);
    scratch_write(&stage.scratch, "7/12/index.m3u8", garbage, sizeof(garbage) - 1);
    (void)repair(&stage);
    struct recorded after = read_back(&stage);
    assert_int_equal(after.files, 2);
    assert_int_equal(after.entries, before.entries);
    assert_int_equal(after.discontinuities, 1);
    assert_true(after.has_end && after.header.is_independent);
    assert_true(after.duration_us > before.duration_us - US_PER_S / 10 &&
                after.duration_us < before.duration_us + US_PER_S / 10);
    close_stage(&stage);
}

/* The system may have kept back any of it after a power cut. */
static void cut_at_any_byte_of_the_video_what_is_whole_is_kept(void **state)
{
    (void)state;
    struct stage stage;
    size_t len;
    size_t list_len;
    int64_t longest_us = -1;
    open_stage(&stage, "va");

    shoot_segments(&stage.shoot, 2);
    write_all(&stage);
    char *bytes = scratch_read(&stage.scratch, "7/12/1.mp4", &len);
    char *list = scratch_read(&stage.scratch, "7/12/index.m3u8", &list_len);
    for (size_t cut = 0; cut <= len; cut += cut + 199 < len ? 199 : 1) {
        scratch_write(&stage.scratch, "7/12/1.mp4", bytes, cut);
        scratch_write(&stage.scratch, "7/12/index.m3u8", list, list_len);
        struct repair_result result = repair(&stage);
        if (result.is_empty) {
            assert_int_equal(longest_us, -1);
            assert_false(scratch_has(&stage.scratch, "7"));
            scratch_make_folder(&stage.scratch, "7");
            scratch_make_folder(&stage.scratch, "7/12");
            continue;
        }
        struct recorded recorded = read_back(&stage);
        assert_true(recorded.has_end);
        assert_int_equal(recorded.duration_us, result.duration_us);
        assert_true(recorded.duration_us >= longest_us);
        longest_us = recorded.duration_us;
    }
    assert_true(longest_us > 3 * US_PER_S);
    mem_free(bytes);
    mem_free(list);
    close_stage(&stage);
}

static void cut_at_any_byte_of_the_list_nothing_is_lost(void **state)
{
    (void)state;
    struct stage stage;
    size_t len;
    size_t list_len;
    open_stage(&stage, "va");

    write_two_files(&stage);
    struct recorded before = read_back(&stage);
    char *list = scratch_read(&stage.scratch, "7/12/index.m3u8", &list_len);
    for (size_t cut = 0; cut < list_len; cut++) {
        scratch_write(&stage.scratch, "7/12/index.m3u8", list, cut);
        (void)repair(&stage);
        struct recorded after = read_back(&stage);
        assert_int_equal(after.files, before.files);
        assert_int_equal(after.entries, before.entries);
        assert_int_equal(after.discontinuities, before.discontinuities);
        assert_true(after.duration_us > before.duration_us - US_PER_S / 10);
        assert_true(after.has_end);
    }
    char *bytes = scratch_read(&stage.scratch, "7/12/1.mp4", &len);
    assert_true(len > 10000);
    mem_free(bytes);
    mem_free(list);
    close_stage(&stage);
}

static void sound_alone_is_repaired_too(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "a");

    while (stage.shoot.segments.count < 2) {
        feed_audio_until(stage.shoot.feed, stage.shoot.feed->audio_dts_us + US_PER_S);
        shoot_collect(&stage.shoot);
    }
    write_all(&stage);
    scratch_write(&stage.scratch, "7/12/index.m3u8", "", 0);
    (void)repair(&stage);
    assert_true(read_back(&stage).duration_us > 3 * US_PER_S);
    close_stage(&stage);
}

/* The list then begins with the second file, and that must hold as well. */
static void a_first_file_of_which_nothing_is_whole_is_left_out(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "v");

    write_two_files(&stage);
    scratch_write(&stage.scratch, "7/12/1.mp4", "garbage", 7);
    struct repair_result first = repair(&stage);
    assert_false(first.is_empty);
    assert_false(scratch_has(&stage.scratch, "7/12/1.mp4"));
    struct repair_result second = repair(&stage);
    assert_int_equal(first.bytes, second.bytes);
    assert_true(second.duration_us > 3 * US_PER_S);
    assert_true(scratch_has(&stage.scratch, "7/12/2.mp4"));
    assert_ok(repair_remove_folder(stage.scratch.fd, 7, 12, NULL));
    assert_false(scratch_has(&stage.scratch, "7"));
    close_stage(&stage);
}

static void repairing_twice_changes_nothing(void **state)
{
    (void)state;
    struct stage stage;
    size_t len;
    size_t len_again;
    open_stage(&stage, "v");

    shoot_segments(&stage.shoot, 2);
    write_all(&stage);
    struct repair_result first = repair(&stage);
    char *list = scratch_read(&stage.scratch, "7/12/index.m3u8", &len);
    struct repair_result second = repair(&stage);
    char *again = scratch_read(&stage.scratch, "7/12/index.m3u8", &len_again);
    assert_int_equal(len, len_again);
    assert_memory_equal(list, again, len);
    assert_int_equal(first.duration_us, second.duration_us);
    assert_int_equal(first.bytes, second.bytes);
    mem_free(list);
    mem_free(again);
    close_stage(&stage);
}

static void the_time_of_the_video_survives_the_cut(void **state)
{
    (void)state;
    struct stage stage;
    struct stat about;
    const struct timespec times[2] = {{1000, 0}, {1000, 0}};
    open_stage(&stage, "v");

    shoot_segments(&stage.shoot, 2);
    write_all(&stage);
    scratch_truncate(&stage.scratch, "7/12/1.mp4", stage.folder.file_len - 1);
    assert_int_equal(utimensat(stage.scratch.fd, "7/12/1.mp4", times, 0), 0);
    (void)repair(&stage);
    assert_int_equal(fstatat(stage.scratch.fd, "7/12/1.mp4", &about, 0), 0);
    assert_int_equal(about.st_mtim.tv_sec, 1000);
    close_stage(&stage);
}

static void foreign_files_are_not_deleted(void **state)
{
    (void)state;
    struct stage stage;
    struct diag diag = {0};
    open_stage(&stage, "v");

    shoot_segments(&stage.shoot, 1);
    write_all(&stage);
    scratch_write(&stage.scratch, "7/12/notes.txt", "mine", 4);
    assert_err(repair_remove_folder(stage.scratch.fd, 7, 12, &diag), ERR_IO);
    assert_true(*diag.message);
    assert_true(scratch_has(&stage.scratch, "7/12/notes.txt"));
    assert_false(scratch_has(&stage.scratch, "7/12/1.mp4"));
    assert_ok(repair_remove_folder(stage.scratch.fd, 7, 99, &diag)); /* there is none */
    close_stage(&stage);
}

static void long_segments_raise_the_target_duration_before_they_are_listed(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "v");

    shoot_segments(&stage.shoot, 1);
    write_all(&stage);
    assert_int_equal(read_back(&stage).header.target_s, 2);
    while (stage.shoot.segments.count < 3) { /* a key frame each five seconds */
        feed_frames(stage.shoot.feed, 150, 30, 1, 150);
        shoot_collect(&stage.shoot);
    }
    for (size_t i = 1; i < stage.shoot.segments.count; i++)
        assert_ok(
            folder_append(&stage.folder, stage.shoot.segments.items[i], false, 2 * US_PER_S, NULL));
    struct recorded recorded = read_back(&stage); /* checks each against the header */
    assert_true(recorded.header.target_s >= 5);
    assert_int_equal(recorded.entries, 3);
    close_stage(&stage);
}

static void a_finished_recording_goes_on_in_a_new_file(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "v");

    shoot_segments(&stage.shoot, 2);
    write_all(&stage);
    assert_ok(folder_finish(&stage.folder, NULL));
    folder_deinit(&stage.folder);
    assert_ok(folder_open(&stage.folder, stage.scratch.fd, 7, 12, NULL));
    assert_false(read_back(&stage).has_end);
    shoot_segments(&stage.shoot, 1);
    assert_ok(
        folder_append(&stage.folder, stage.shoot.segments.items[2], true, 2 * US_PER_S, NULL));
    assert_ok(folder_finish(&stage.folder, NULL));
    struct recorded recorded = read_back(&stage);
    assert_true(recorded.has_end);
    assert_int_equal(recorded.entries, 3);
    assert_int_equal(recorded.files, 2);
    assert_int_equal(recorded.discontinuities, 1);
    assert_int_equal(recorded.duration_us, stage.folder.duration_us);
    close_stage(&stage);
}

static void missing_segments_are_a_discontinuity(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "v");

    shoot_segments(&stage.shoot, 3);
    assert_ok(
        folder_append(&stage.folder, stage.shoot.segments.items[0], false, 2 * US_PER_S, NULL));
    assert_ok(
        folder_append(&stage.folder, stage.shoot.segments.items[2], true, 2 * US_PER_S, NULL));
    struct recorded recorded = read_back(&stage);
    assert_int_equal(recorded.discontinuities, 1);
    assert_int_equal(recorded.files, 1);
    close_stage(&stage);
}

static void a_recording_without_a_segment_leaves_no_folder(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "v");

    assert_true(scratch_has(&stage.scratch, "7/12"));
    assert_ok(folder_finish(&stage.folder, NULL));
    assert_false(scratch_has(&stage.scratch, "7/12"));
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(each_state_of_a_recording_can_be_read),
        TEST_CASE(recording_without_its_end_gets_it),
        TEST_CASE(whole_fragments_that_the_list_does_not_name_are_added),
        TEST_CASE(a_file_that_the_list_does_not_name_is_added_behind_a_discontinuity),
        TEST_CASE(without_a_list_everything_is_found_again),
        TEST_CASE(cut_at_any_byte_of_the_video_what_is_whole_is_kept),
        TEST_CASE(cut_at_any_byte_of_the_list_nothing_is_lost),
        TEST_CASE(sound_alone_is_repaired_too),
        TEST_CASE(a_first_file_of_which_nothing_is_whole_is_left_out),
        TEST_CASE(repairing_twice_changes_nothing),
        TEST_CASE(the_time_of_the_video_survives_the_cut),
        TEST_CASE(foreign_files_are_not_deleted),
        TEST_CASE(long_segments_raise_the_target_duration_before_they_are_listed),
        TEST_CASE(a_finished_recording_goes_on_in_a_new_file),
        TEST_CASE(missing_segments_are_a_discontinuity),
        TEST_CASE(a_recording_without_a_segment_leaves_no_folder),
    };
    return RUN_TESTS("record_repair", tests);
}
