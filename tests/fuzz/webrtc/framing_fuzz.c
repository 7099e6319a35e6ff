/* The first byte is the size of the pieces; the frames, or the refusal, do not depend on it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/writer.h"
#include "webrtc/webrtc.h"

enum { STREAM_LEN_MAX = 16 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_frame(void *ctx, uint8_t *frame, size_t len)
{
    struct writer *w = ctx;

    if (len > WEBRTC_DATAGRAM_LEN_MAX)
        abort();
    writer_u16(w, (uint16_t)len);
    writer_bytes(w, frame, len);
}

static enum err split(uint8_t *stream, size_t len, size_t step, struct writer *frames)
{
    struct webrtc_framing framing = {0};
    enum err err = OK;

    for (size_t at = 0; err == OK && at < len; at += step)
        err = webrtc_framing_push(&framing, stream + at, len - at < step ? len - at : step,
                                  on_frame, frames);
    webrtc_framing_deinit(&framing);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > STREAM_LEN_MAX)
        return 0;
    struct writer whole = writer_growing(2 * STREAM_LEN_MAX);
    struct writer pieces = writer_growing(2 * STREAM_LEN_MAX);
    size_t step = data[0] ? data[0] : 1;
    uint8_t *stream = mem_dup(data + 1, size - 1);

    enum err whole_err = split(stream, size - 1, size - 1, &whole);
    enum err pieces_err = split(stream, size - 1, step, &pieces);
    if (whole_err != pieces_err || whole.failed || pieces.failed)
        abort();
    if (!text_equal(writer_as_text(&whole), writer_as_text(&pieces)))
        abort();
    mem_free(stream);
    writer_deinit(&whole);
    writer_deinit(&pieces);
    return 0;
}
