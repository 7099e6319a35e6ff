#include "flv.h"

#include "base/mem.h"
#include "base/reader.h"
#include "base/vec.h"
#include "file.h"

enum { TAGS_MAX = 1 << 24 };

static bool is_header(const struct flv_tag *tag)
{
    if (tag->type == FLV_SCRIPT)
        return true;
    return tag->payload_len > 1 && tag->payload[1] == 0 &&
           (tag->type == FLV_VIDEO ? (tag->payload[0] & 15) == 7 : tag->payload[0] >> 4 == 10);
}

enum err flv_load(const char *path, struct flv *ret_flv)
{
    VEC(struct flv_tag) tags = {0};
    uint32_t last_video_ms = 0, previous_video_ms = 0;
    uint8_t *bytes;
    size_t len;
    enum err err = file_load(path, &bytes, &len);

    if (err != OK)
        return err;
    struct reader r = reader_of(bytes, len);
    struct text magic = reader_text(&r, 3);
    reader_skip(&r, 2);
    reader_skip(&r, reader_u32(&r) - 9);
    if (r.failed || !text_equal(magic, TEXT("FLV"))) {
        mem_free(bytes);
        return ERR_MALFORMED;
    }
    for (;;) {
        struct flv_tag tag = {0};

        reader_skip(&r, 4); /* size of the tag before */
        tag.type = reader_u8(&r);
        tag.payload_len = reader_u24(&r);
        tag.time_ms = reader_u24(&r);
        tag.time_ms |= (uint32_t)reader_u8(&r) << 24;
        reader_skip(&r, 3);
        tag.payload = reader_bytes(&r, tag.payload_len);
        if (r.failed)
            break;
        tag.is_header = is_header(&tag);
        if (tag.type == FLV_VIDEO && !tag.is_header) {
            previous_video_ms = last_video_ms;
            last_video_ms = tag.time_ms;
        }
        if (!vec_push(&tags, tag, TAGS_MAX))
            break;
    }
    *ret_flv = (struct flv){bytes, tags.items, tags.count, 2 * last_video_ms - previous_video_ms};
    return OK;
}

void flv_deinit(struct flv *flv)
{
    mem_free(flv->bytes);
    mem_free(flv->tags);
    *flv = (struct flv){0};
}
