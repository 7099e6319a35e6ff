#include <unistd.h>

#include "base/clock.h"
#include "base/writer.h"
#include "record/record.h"
#include "unit/record/shoot.h"

static void only_our_names_are_taken(void **state)
{
    (void)state;
    static const struct {
        const char *channel;
        const char *broadcast;
        const char *file;
    } refused[] = {
        {"0", "1", "1.mp4"},
        {"01", "1", "1.mp4"},
        {"-1", "1", "1.mp4"},
        {"..", "1", "1.mp4"},
        {"", "1", "1.mp4"},
        {"9223372036854775808", "1", "1.mp4"},
        {"1", "..", "1.mp4"},
        {"1", "1/..", "1.mp4"},
        {"1", "1", ""},
        {"1", "1", ".mp4"},
        {"1", "1", "0.mp4"},
        {"1", "1", "01.mp4"},
        {"1", "1", "10000.mp4"},
        {"1", "1", "../1.mp4"},
        {"1", "1", "1.mp4.new"},
        {"1", "1", "index.m3u8.new"},
        {"1", "1", "INDEX.M3U8"},
        {"1", "1", "live.m3u8"},
        {"1", "1", "../../stoa.db"},
    };
    struct record_name name = {.channel_id = 99};

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_false(record_name_parse(text_of(refused[i].channel), text_of(refused[i].broadcast),
                                       text_of(refused[i].file), &name));
    assert_false(
        record_name_parse(TEXT("1\0"), TEXT("1"), TEXT("1.mp4"), &name)); /* a NUL is no digit */
    assert_int_equal(name.channel_id, 99);
    assert_true(record_name_parse(TEXT("7"), TEXT("12"), TEXT("9999.mp4"), &name));
    assert_int_equal(name.channel_id, 7);
    assert_int_equal(name.broadcast_id, 12);
    assert_int_equal(name.file, 9999);
    assert_true(record_name_parse(TEXT("7"), TEXT("12"), TEXT("index.m3u8"), &name));
    assert_int_equal(name.file, 0);
}

static void the_url_is_the_path_of_the_list(void **state)
{
    (void)state;
    struct writer w = writer_growing(256);

    record_write_url(&w, 7, 12);
    assert_text(writer_as_text(&w), "/recordings/7/12/index.m3u8");
    writer_clear(&w);
    record_write_url(&w, INT64_MAX, INT64_MAX);
    assert_true(w.len <= RECORD_URL_LEN_MAX);
    writer_deinit(&w);
}

struct stage {
    struct scratch scratch;
    struct shoot shoot;
    struct record_folder folder;
};

static void open_stage(struct stage *stage)
{
    scratch_make(&stage->scratch);
    shoot_begin(&stage->shoot, "v");
    shoot_segments(&stage->shoot, 2);
    assert_ok(folder_open(&stage->folder, stage->scratch.fd, 7, 12, NULL));
    for (size_t i = 0; i < 2; i++)
        assert_ok(folder_append(&stage->folder, stage->shoot.segments.items[i], false, 2 * US_PER_S,
                                NULL));
}

static void close_stage(struct stage *stage)
{
    folder_deinit(&stage->folder);
    shoot_end(&stage->shoot);
    scratch_remove(&stage->scratch);
}

static const struct record_name list = {7, 12, 0};
static const struct record_name video = {7, 12, 1};

static void what_is_read_are_the_bytes_of_the_file(void **state)
{
    (void)state;
    struct stage stage;
    struct record_file file;
    size_t len;
    uint8_t bytes[5000];
    open_stage(&stage);

    char *all = scratch_read(&stage.scratch, "7/12/1.mp4", &len);
    assert_ok(record_file_open(stage.scratch.path, &video, &file));
    assert_int_equal(file.len, len);
    assert_false(file.is_final);
    assert_ok(record_file_read(&file, 1000, bytes, sizeof(bytes)));
    assert_memory_equal(bytes, all + 1000, sizeof(bytes));
    assert_err(record_file_read(&file, len - 10, bytes, 11), ERR_IO);
    record_file_close(&file);
    mem_free(all);
    close_stage(&stage);
}

static void a_finished_recording_is_final_and_keeps_its_tag(void **state)
{
    (void)state;
    struct stage stage;
    struct record_file before;
    struct record_file after;
    struct record_file again;
    open_stage(&stage);

    assert_ok(record_file_open(stage.scratch.path, &list, &before));
    assert_false(before.is_final);
    assert_ok(folder_finish(&stage.folder, NULL));
    assert_ok(record_file_open(stage.scratch.path, &list, &after));
    assert_ok(record_file_open(stage.scratch.path, &list, &again));
    assert_true(after.is_final);
    assert_string_not_equal(before.etag, after.etag);
    assert_string_equal(after.etag, again.etag);
    record_file_close(&before);
    record_file_close(&after);
    record_file_close(&again);
    assert_ok(record_file_open(stage.scratch.path, &video, &after));
    assert_true(after.is_final);
    record_file_close(&after);
    close_stage(&stage);
}

/* The reader comes while the thread writes a line. */
static void half_an_entry_is_not_shown(void **state)
{
    (void)state;
    struct stage stage;
    struct record_file file;
    size_t len;
    open_stage(&stage);

    char *text = scratch_read(&stage.scratch, "7/12/index.m3u8", &len);
    size_t first_end = (size_t)(strstr(text, "1.mp4\n#EXTINF") - text) + strlen("1.mp4\n");
    for (size_t cut = first_end; cut < len; cut++) {
        scratch_write(&stage.scratch, "7/12/index.m3u8", text, cut);
        assert_ok(record_file_open(stage.scratch.path, &list, &file));
        assert_int_equal(file.len, first_end);
        record_file_close(&file);
    }
    scratch_write(&stage.scratch, "7/12/index.m3u8", text, 60);
    assert_err(record_file_open(stage.scratch.path, &list, &file), ERR_NOT_FOUND);
    mem_free(text);
    close_stage(&stage);
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    struct stage stage;
    struct record_file file;
    open_stage(&stage);

    assert_err(record_file_open("/nonexistent", &video, &file), ERR_NOT_FOUND);
    assert_err(record_file_open(stage.scratch.path, &(struct record_name){8, 12, 1}, &file),
               ERR_NOT_FOUND);
    assert_err(record_file_open(stage.scratch.path, &(struct record_name){7, 12, 2}, &file),
               ERR_NOT_FOUND);
    /* Neither a link out of the folder nor a folder is a file of ours. */
    scratch_write(&stage.scratch, "secret", "key", 3);
    assert_int_equal(symlinkat("../../secret", stage.scratch.fd, "7/12/2.mp4"), 0);
    scratch_make_folder(&stage.scratch, "7/12/3.mp4");
    for (uint32_t number = 2; number <= 3; number++)
        assert_err(
            record_file_open(stage.scratch.path, &(struct record_name){7, 12, number}, &file),
            ERR_NOT_FOUND);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(only_our_names_are_taken),
        TEST_CASE(the_url_is_the_path_of_the_list),
        TEST_CASE(what_is_read_are_the_bytes_of_the_file),
        TEST_CASE(a_finished_recording_is_final_and_keeps_its_tag),
        TEST_CASE(half_an_entry_is_not_shown),
        TEST_CASE(what_is_not_there_is_not_found),
    };
    return RUN_TESTS("record_file", tests);
}
