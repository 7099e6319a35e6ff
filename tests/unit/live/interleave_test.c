#include "live/interleave.h"

#include "support/test.h"

enum { MS = 1000, FRAME = 33 * MS, SOUND = 21333 };

static struct sample *picture_at(int64_t dts_us)
{
    struct sample *picture = sample_create(MEDIA_VIDEO, slice_take(buf_copy("x", 1)));

    picture->dts_us = picture->pts_us = dts_us;
    return picture;
}

static void sound_until(struct interleave *interleave, int64_t end_us, int64_t now_us)
{
    struct sample *sound = sample_create(MEDIA_AUDIO, slice_take(buf_copy("x", 1)));

    sound->dts_us = sound->pts_us = end_us - SOUND;
    sound->duration_us = SOUND;
    interleave_note_sound(interleave, sound, now_us);
    sample_unref(sound);
}

/* The dts of the next picture that may go; -1: none. */
static int64_t take(struct interleave *interleave, int64_t now_us)
{
    struct interleave_picture picture;

    if (!interleave_take(interleave, now_us, &picture))
        return -1;
    int64_t dts_us = picture.sample->dts_us;
    assert_null(picture.format);
    sample_unref(picture.sample);
    return dts_us;
}

static void pictures_wait_for_the_sound_of_their_time(void **state)
{
    (void)state;
    struct interleave interleave = {0};

    sound_until(&interleave, 40 * MS, 100 * MS);
    interleave_put(&interleave, picture_at(33 * MS), 100 * MS);
    interleave_put(&interleave, picture_at(66 * MS), 133 * MS);
    assert_int_equal(take(&interleave, 133 * MS), 33 * MS);
    assert_int_equal(take(&interleave, 133 * MS), -1);
    sound_until(&interleave, 65 * MS, 140 * MS);
    assert_int_equal(take(&interleave, 140 * MS), -1);
    sound_until(&interleave, 66 * MS, 141 * MS);
    assert_int_equal(take(&interleave, 141 * MS), 66 * MS);
    interleave_deinit(&interleave);
}

static void nothing_waits_before_there_was_sound(void **state)
{
    (void)state;
    struct interleave interleave = {0};

    interleave_put(&interleave, picture_at(0), 0);
    assert_int_equal(take(&interleave, 0), 0);
    interleave_deinit(&interleave);
}

static void sound_that_ceases_holds_nobody(void **state)
{
    (void)state;
    struct interleave interleave = {0};
    int64_t wait_us = INTERLEAVE_WAIT_MAX_US;

    sound_until(&interleave, 0, 0);
    interleave_put(&interleave, picture_at(33 * MS), 10 * MS);
    assert_int_equal(take(&interleave, wait_us), -1);
    assert_int_equal(take(&interleave, wait_us + 1), 33 * MS);
    interleave_put(&interleave, picture_at(66 * MS), wait_us + 2);
    assert_int_equal(take(&interleave, wait_us + 2), 66 * MS); /* at once from now on */
    interleave_deinit(&interleave);
}

static void sound_that_is_always_late_holds_a_bounded_time(void **state)
{
    (void)state;
    struct interleave interleave = {0};

    for (int64_t now_us = 0; now_us < 2000 * MS; now_us += FRAME) {
        interleave_put(&interleave, picture_at(now_us), now_us);
        sound_until(&interleave, now_us - 900 * MS, now_us);
        while (take(&interleave, now_us) >= 0)
            ;
        size_t count = interleave.pictures.count;
        assert_true(count == 0 ||
                    now_us - interleave.pictures.items[0].came_at_us <= INTERLEAVE_WAIT_MAX_US);
    }
    assert_int_equal(interleave.pictures.count, INTERLEAVE_WAIT_MAX_US / FRAME + 1);
    interleave_deinit(&interleave);
}

static void a_full_queue_lets_the_oldest_go(void **state)
{
    (void)state;
    struct interleave interleave = {0};

    sound_until(&interleave, -SOUND, 0);
    for (int64_t i = 0; i < INTERLEAVE_COUNT_MAX; i++)
        interleave_put(&interleave, picture_at(i), 0);
    assert_int_equal(take(&interleave, 0), 0);
    assert_int_equal(take(&interleave, 0), -1);

    struct interleave_picture picture;
    assert_true(interleave_take_anyway(&interleave, &picture));
    assert_int_equal(picture.sample->dts_us, 1);
    sample_unref(picture.sample);
    interleave_deinit(&interleave); /* the rest */
    assert_false(interleave_take_anyway(&interleave, &picture));
}

static void a_format_waits_with_its_first_picture(void **state)
{
    (void)state;
    struct interleave interleave = {0};
    struct format *format = format_create(CODEC_H264, NULL);
    struct interleave_picture picture;

    sound_until(&interleave, 50 * MS, 0);
    interleave_put(&interleave, picture_at(66 * MS), 0);
    interleave_put_format(&interleave, format_create(CODEC_H264, NULL)); /* nobody had it */
    interleave_put_format(&interleave, format);
    interleave_put(&interleave, picture_at(100 * MS), 33 * MS);
    interleave_put(&interleave, picture_at(133 * MS), 66 * MS);
    sound_until(&interleave, 140 * MS, 66 * MS);
    assert_int_equal(take(&interleave, 66 * MS), 66 * MS);
    assert_true(interleave_take(&interleave, 66 * MS, &picture));
    assert_ptr_equal(picture.format, format);
    format_unref(picture.format);
    sample_unref(picture.sample);
    assert_int_equal(take(&interleave, 66 * MS), 133 * MS);
    interleave_put_format(&interleave, format_create(CODEC_H264, NULL));
    interleave_deinit(&interleave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(pictures_wait_for_the_sound_of_their_time),
        TEST_CASE(nothing_waits_before_there_was_sound),
        TEST_CASE(sound_that_ceases_holds_nobody),
        TEST_CASE(sound_that_is_always_late_holds_a_bounded_time),
        TEST_CASE(a_full_queue_lets_the_oldest_go),
        TEST_CASE(a_format_waits_with_its_first_picture),
    };
    return RUN_TESTS("live_interleave", tests);
}
