#include "ogg.h"

#include "base/mem.h"
#include "base/reader.h"
#include "base/vec.h"
#include "base/writer.h"
#include "codec/codec.h"
#include "file.h"

enum {
    PACKETS_MAX = 1 << 20,
    HEADERS = 2,         /* OpusHead and OpusTags (RFC 7845 section 3) */
    SKIPPED_LEN = 22,    /* version, flags, granule position, serial number, number, checksum */
    SEGMENT_FULL = 0xff, /* the packet goes on in the next segment, perhaps of the next page */
};

/* Packets are put together from segments, which pages keep apart. */
struct assembly {
    struct writer bytes;
    VEC(size_t) ends; /* of the packets, in `bytes` */
};

/* One page (RFC 3533 section 6). */
static enum err read_page(struct reader *r, struct assembly *assembly)
{
    struct text magic = reader_text(r, 4);

    reader_skip(r, SKIPPED_LEN);
    struct reader lacing = reader_sub(r, reader_u8(r));
    if (r->failed || !text_equal(magic, TEXT("OggS")))
        return ERR_MALFORMED;
    while (lacing.left > 0) {
        uint8_t len = reader_u8(&lacing);
        const uint8_t *bytes = reader_bytes(r, len);

        if (r->failed)
            return ERR_MALFORMED;
        writer_bytes(&assembly->bytes, bytes, len);
        if (len < SEGMENT_FULL && !vec_push(&assembly->ends, assembly->bytes.len, PACKETS_MAX))
            return ERR_LIMIT;
    }
    return assembly->bytes.failed ? ERR_LIMIT : OK;
}

/* Keeps what comes after the two headers. */
static enum err take_packets(const struct assembly *assembly, struct ogg *ret_ogg)
{
    const uint8_t *bytes = assembly->bytes.data;
    struct opus_head head;

    if (assembly->ends.count <= HEADERS ||
        opus_parse_head(codec_bytes(bytes, assembly->ends.items[0]), &head) != OK)
        return ERR_MALFORMED;
    size_t count = assembly->ends.count - HEADERS;
    struct ogg_packet *packets = mem_alloc(count * sizeof(*packets));

    for (size_t i = 0; i < count; i++) {
        size_t begin = assembly->ends.items[i + HEADERS - 1];

        packets[i] = (struct ogg_packet){bytes + begin, assembly->ends.items[i + HEADERS] - begin};
    }
    *ret_ogg = (struct ogg){assembly->bytes.data, packets, count};
    return OK;
}

enum err ogg_load_opus(const char *path, struct ogg *ret_ogg)
{
    struct assembly assembly = {.bytes = writer_growing(FILE_LEN_MAX)};
    uint8_t *file;
    size_t len;
    enum err err = file_load(path, &file, &len);

    if (err != OK)
        return err;
    for (struct reader r = reader_of(file, len); err == OK && r.left > 0;)
        err = read_page(&r, &assembly);
    if (err == OK)
        err = take_packets(&assembly, ret_ogg);
    if (err != OK)
        writer_deinit(&assembly.bytes);
    vec_deinit(&assembly.ends);
    mem_free(file);
    return err;
}

void ogg_deinit(struct ogg *ogg)
{
    mem_free(ogg->bytes);
    mem_free(ogg->packets);
    *ogg = (struct ogg){0};
}
