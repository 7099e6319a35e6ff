/* Any bytes, in any split: the same messages, each of which is written back to its own bytes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/writer.h"
#include "transcode/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_payload(const struct frame *frame)
{
    uint8_t again[FRAME_CONFIG_MAX + 64];
    struct writer w = writer_fixed(again, sizeof(again));
    struct frame_opened opened;
    struct frame_open open;

    if (frame->type == FRAME_OPEN &&
        frame_open_parse(frame->payload, frame->payload_len, &open) == OK) {
        frame_open_write(&w, &open);
        assert(w.len == frame->payload_len && memcmp(again, frame->payload, w.len) == 0);
    }
    if (frame->type == FRAME_OPENED &&
        frame_opened_parse(frame->payload, frame->payload_len, &opened) == OK) {
        frame_opened_write(&w, &opened);
        assert(w.len == frame->payload_len && memcmp(again, frame->payload, w.len) == 0);
    }
}

/* Writes all messages again; returns how the stream ended. */
static enum err parse(const uint8_t *data, size_t size, size_t step, struct writer *w)
{
    struct frame_parser parser = {0};
    enum err err = ERR_AGAIN;

    for (size_t at = 0; at < size && err == ERR_AGAIN;) {
        struct frame frame;
        size_t room;
        uint8_t *to = frame_parser_room(&parser, &room);
        size_t len = size - at < step ? size - at : step;

        assert(room > 0);
        len = len < room ? len : room;
        memcpy(to, data + at, len);
        frame_parser_commit(&parser, len);
        at += len;
        while ((err = frame_parser_next(&parser, &frame)) == OK) {
            check_payload(&frame);
            frame_write(w, &frame);
        }
    }
    frame_parser_deinit(&parser);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct writer whole = writer_growing(4 << 20), split = writer_growing(4 << 20);
    size_t step = size ? 1 + data[size - 1] % 61 : 1;

    enum err whole_err = parse(data, size, size ? size : 1, &whole);
    enum err split_err = parse(data, size, step, &split);
    assert(whole_err == split_err && whole.len == split.len && whole.len <= size);
    assert(whole.len == 0 || memcmp(whole.data, split.data, whole.len) == 0);
    assert(whole.len == 0 || memcmp(whole.data, data, whole.len) == 0);
    writer_deinit(&whole);
    writer_deinit(&split);
    return 0;
}
