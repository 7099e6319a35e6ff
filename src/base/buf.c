#include "base/buf.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

struct buf *buf_create(size_t len)
{
    struct buf *buf = mem_alloc(sizeof(*buf) + len);

    atomic_init(&buf->refs, 1);
    buf->len = len;
    buf->data = (uint8_t *)(buf + 1);
    buf->kind = BUF_INLINE;
    return buf;
}

struct buf *buf_copy(const void *bytes, size_t len)
{
    struct buf *buf = buf_create(len);

    if (len)
        memcpy(buf->data, bytes, len);
    return buf;
}

struct buf *buf_from_text(struct text text)
{
    return buf_copy(text.ptr, text.len);
}

static struct buf *wrap(uint8_t *data, size_t len, enum buf_kind kind)
{
    struct buf *buf = mem_alloc(sizeof(*buf));

    atomic_init(&buf->refs, 1);
    buf->len = len;
    buf->data = data;
    buf->kind = kind;
    return buf;
}

struct buf *buf_take(uint8_t *block, size_t len)
{
    return wrap(block, len, BUF_OWNED);
}

struct buf *buf_static(const void *bytes, size_t len)
{
    /* Nobody writes through a shared buf, so dropping const here changes nothing. */
    return wrap((uint8_t *)(uintptr_t)bytes, len, BUF_STATIC);
}

struct buf *buf_ref(const struct buf *buf)
{
    struct buf *shared = (struct buf *)(uintptr_t)buf; /* the count is not part of the value */

    /* Relaxed: whoever hands us the pointer already made the bytes visible. */
    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

struct buf *buf_unref(struct buf *buf)
{
    if (!buf)
        return NULL;

    /* acq_rel: all reads through other references happen before the free. */
    if (atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel) == 1) {
        if (buf->kind == BUF_OWNED)
            mem_free(buf->data);
        mem_free(buf);
    }
    return NULL;
}

struct text buf_text(const struct buf *buf)
{
    return (struct text){(const char *)buf->data, buf->len};
}

struct slice slice_take(struct buf *buf)
{
    return (struct slice){buf, buf->data, buf->len};
}

struct slice slice_of(const struct buf *buf, size_t offset, size_t len)
{
    assert(offset <= buf->len && len <= buf->len - offset);
    return (struct slice){buf_ref(buf), buf->data + offset, len};
}

struct slice slice_ref(struct slice slice)
{
    if (slice.buf)
        (void)buf_ref(slice.buf);
    return slice;
}

void slice_unref(struct slice *slice)
{
    buf_unref(slice->buf);
    *slice = (struct slice){0};
}
