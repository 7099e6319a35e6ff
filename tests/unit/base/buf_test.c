#include "base/buf.h"

#include <pthread.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pages.h"
#include "support/test.h"

enum { PART_LEN = 65000, PARTS = 300 };

static struct pages_cursor cursor;

static struct buf *paged(size_t len, int byte)
{
    struct buf *buf = buf_create_paged(&cursor, len);

    memset(buf->data, byte, len);
    return buf;
}

/* Bytes that the file takes up. */
static size_t file_len(void)
{
    struct stat found;

    assert_int_equal(fstat(pages_fd(), &found), 0);
    return (size_t)found.st_blocks * 512;
}

static void a_slice_of_pages_is_found_in_the_file(void **state)
{
    (void)state;
    struct buf *buf = buf_create_paged(&cursor, PART_LEN);
    uint8_t found[1000];
    off_t offset;
    int fd;

    for (size_t i = 0; i < PART_LEN; i++)
        buf->data[i] = (uint8_t)(i * 11);
    struct slice slice = slice_of(buf, 4321, sizeof(found));
    buf_unref(buf);
    assert_true(slice_in_file(&slice, &fd, &offset));
    assert_int_equal(pread(fd, found, sizeof(found), offset), sizeof(found));
    assert_memory_equal(found, slice.data, sizeof(found));
    assert_int_equal(found[0], (uint8_t)(4321 * 11));
    slice_unref(&slice);
}

static void what_one_cursor_cuts_stands_in_a_row(void **state)
{
    (void)state;
    struct pages_cursor own = {0};
    struct buf *bufs[3] = {buf_create_paged(&own, 10), buf_create_paged(&own, PART_LEN),
                           buf_create_paged(&own, 1)};
    off_t wanted = 0;

    for (size_t i = 0; i < 3; i++) {
        struct slice slice = slice_take(bufs[i]);
        off_t offset;
        int fd;

        assert_true(slice_in_file(&slice, &fd, &offset));
        assert_true(i == 0 || offset == wanted);
        wanted = offset + (off_t)slice.len;
    }
    memset(bufs[1]->data, 9, PART_LEN);
    memset(bufs[0]->data, 1, 10);
    buf_unref(bufs[0]);
    bufs[2]->data[0] = 2;
    assert_int_equal(bufs[1]->data[0], 9); /* the page that it shared is still there */
    pages_cursor_deinit(&own);
    assert_int_equal(bufs[1]->data[PART_LEN - 1], 9);
    buf_unref(bufs[1]);
    assert_int_equal(bufs[2]->data[0], 2);
    buf_unref(bufs[2]);
}

static void what_is_made_elsewhere_is_in_memory_only(void **state)
{
    (void)state;
    struct slice slices[] = {slice_take(buf_create_paged(NULL, PART_LEN)),
                             slice_take(buf_create(PART_LEN)), slice_take(buf_static("abc", 3))};
    struct slice nothing = {0};
    off_t offset;
    int fd;

    assert_false(slice_in_file(&nothing, &fd, &offset));
    for (size_t i = 0; i < 3; i++) {
        assert_false(slice_in_file(&slices[i], &fd, &offset));
        slice_unref(&slices[i]);
    }
}

static void pages_that_nobody_holds_go_back_to_the_system(void **state)
{
    (void)state;
    static struct buf *bufs[PARTS];
    size_t before = file_len();

    for (size_t i = 0; i < PARTS; i++)
        bufs[i] = paged(PART_LEN, (int)i);
    assert_true(file_len() >= before + (size_t)PARTS * PART_LEN);
    assert_true(file_len() <= before + (size_t)PARTS * PART_LEN * 11 / 10);
    for (size_t i = 0; i < PARTS; i++) {
        assert_int_equal(bufs[i]->data[PART_LEN - 1], (uint8_t)i); /* none shares another's */
        buf_unref(bufs[i]);
    }
    pages_cursor_deinit(&cursor);
    assert_true(file_len() <= before);
}

static void one_that_is_larger_than_a_block_has_its_own(void **state)
{
    (void)state;
    const size_t len = 9 * 1000 * 1000;
    struct buf *large = paged(len, 7);
    struct buf *after = paged(PART_LEN, 8);

    assert_int_equal(large->data[0], 7);
    assert_int_equal(large->data[len - 1], 7);
    buf_unref(large);
    assert_int_equal(after->data[0], 8);
    buf_unref(after);
}

/* A viewer may read long after the part has left the window. */
static void a_socket_keeps_what_was_given_back(void **state)
{
    (void)state;
    struct buf *buf = paged(PART_LEN, 'a');
    struct slice slice = slice_of(buf, 0, PART_LEN);
    static char got[PART_LEN];
    size_t got_len = 0;
    off_t offset;
    int ends[2];
    int fd;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_true(slice_in_file(&slice, &fd, &offset));
    ssize_t sent = sendfile(ends[0], fd, &offset, PART_LEN);
    assert_true(sent > 0);
    slice_unref(&slice);
    buf_unref(buf);
    for (int i = 0; i < PARTS; i++)
        buf_unref(paged(PART_LEN, 'b'));
    while (got_len < (size_t)sent) {
        ssize_t len = read(ends[1], got + got_len, sizeof(got) - got_len);
        assert_true(len > 0);
        got_len += (size_t)len;
    }
    for (size_t i = 0; i < got_len; i++)
        assert_int_equal(got[i], 'a');
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void *take_and_give_back(void *arg)
{
    int byte = *(const int *)arg;
    struct pages_cursor own = {0};
    struct buf *held[8] = {0};

    for (size_t i = 0; i < 2000; i++) {
        size_t at = i % 8;

        if (held[at] && (held[at]->data[0] != byte || held[at]->data[held[at]->len - 1] != byte))
            return arg; /* another thread has written there */
        buf_unref(held[at]);
        held[at] = buf_create_paged(&own, 20000 + i % 5 * 30000);
        memset(held[at]->data, byte, held[at]->len);
    }
    for (size_t i = 0; i < 8; i++)
        buf_unref(held[i]);
    pages_cursor_deinit(&own);
    return NULL;
}

static void threads_take_and_give_back_side_by_side(void **state)
{
    (void)state;
    static int bytes[] = {1, 2, 3};
    pthread_t threads[3];

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give_back, &bytes[i]), 0);
    for (size_t i = 0; i < 3; i++) {
        void *fault;

        assert_int_equal(pthread_join(threads[i], &fault), 0);
        assert_null(fault);
    }
}

static void slices_hold_their_buf(void **state)
{
    (void)state;
    size_t before = mem_live_blocks();
    struct slice slice = slice_take(buf_from_text(TEXT("hello")));
    struct slice again = slice_ref(slice);

    slice_unref(&slice);
    assert_null(slice.buf);
    assert_int_equal(again.len, 5);
    assert_memory_equal(again.data, "hello", 5);
    slice_unref(&again);
    assert_int_equal(mem_live_blocks(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(slices_hold_their_buf),
        TEST_CASE(a_slice_of_pages_is_found_in_the_file),
        TEST_CASE(what_one_cursor_cuts_stands_in_a_row),
        TEST_CASE(what_is_made_elsewhere_is_in_memory_only),
        TEST_CASE(pages_that_nobody_holds_go_back_to_the_system),
        TEST_CASE(one_that_is_larger_than_a_block_has_its_own),
        TEST_CASE(a_socket_keeps_what_was_given_back),
        TEST_CASE(threads_take_and_give_back_side_by_side),
    };
    return RUN_TESTS("base_buf", tests);
}
