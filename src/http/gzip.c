#include "http/gzip.h"

#include <assert.h>
#include <zlib.h>

#include "base/mem.h"

/* Level 4 has most of the gain on playlists and JSON for a third of the time of the default. */
enum { LEVEL = 4, WINDOW_BITS_GZIP = 15 + 16, MEM_LEVEL = 8 };

struct gzip {
    z_stream z;
};

static void *zlib_alloc(void *ctx, unsigned count, unsigned size)
{
    (void)ctx;
    return mem_alloc((size_t)count * size);
}

static void zlib_free(void *ctx, void *block)
{
    (void)ctx;
    mem_free(block);
}

struct gzip *gzip_create(void)
{
    struct gzip *gzip = mem_zalloc(sizeof(*gzip));

    gzip->z.zalloc = zlib_alloc;
    gzip->z.zfree = zlib_free;
    int status =
        deflateInit2(&gzip->z, LEVEL, Z_DEFLATED, WINDOW_BITS_GZIP, MEM_LEVEL, Z_DEFAULT_STRATEGY);
    assert(status == Z_OK); /* the arguments are constants and memory does not fail */
    (void)status;
    return gzip;
}

void gzip_destroy(struct gzip *gzip)
{
    if (!gzip)
        return;
    deflateEnd(&gzip->z);
    mem_free(gzip);
}

static bool deflate_all(z_stream *z, const struct slice *slices, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        z->next_in = (Bytef *)(uintptr_t)slices[i].data; /* zlib does not write there */
        z->avail_in = (uInt)slices[i].len;
        if (deflate(z, Z_NO_FLUSH) != Z_OK || z->avail_in)
            return false;
    }
    return deflate(z, Z_FINISH) == Z_STREAM_END;
}

struct buf *gzip_compress(struct gzip *gzip, const struct slice *slices, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += slices[i].len;
    if (len == 0 || len > GZIP_LEN_MAX)
        return NULL;

    /* Room for less than the input: when zlib does not get by with it, there is no gain. */
    uint8_t *block = mem_alloc(len);
    gzip->z.next_out = block;
    gzip->z.avail_out = (uInt)len - 1;
    deflateReset(&gzip->z);

    if (!deflate_all(&gzip->z, slices, count)) {
        mem_free(block);
        return NULL;
    }
    size_t compressed_len = len - 1 - gzip->z.avail_out;
    return buf_take(mem_realloc(block, compressed_len), compressed_len);
}
