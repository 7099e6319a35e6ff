#include "base/buf.h"

#include <assert.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/pages.h"

struct paged_buf {
    struct buf buf;
    struct pages pages;
};

struct buf *buf_create(size_t len)
{
    struct buf *buf = mem_alloc(sizeof(*buf) + len);

    atomic_init(&buf->refs, 1);
    buf->len = len;
    buf->data = (uint8_t *)(buf + 1);
    buf->kind = BUF_INLINE;
    return buf;
}

struct buf *buf_create_paged(struct pages_cursor *cursor, size_t len)
{
    struct pages pages;

    if (!cursor || !pages_take(cursor, len, &pages))
        return buf_create(len);

    struct paged_buf *paged = mem_alloc(sizeof(*paged));
    atomic_init(&paged->buf.refs, 1);
    paged->buf.len = len;
    paged->buf.data = pages.data;
    paged->buf.kind = BUF_PAGED;
    paged->pages = pages;
    return &paged->buf;
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
        else if (buf->kind == BUF_PAGED)
            pages_give_back(&CONTAINER_OF(buf, struct paged_buf, buf)->pages);
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

bool slice_in_file(const struct slice *slice, int *ret_fd, off_t *ret_offset)
{
    if (!slice->buf || slice->buf->kind != BUF_PAGED)
        return false;

    const struct paged_buf *paged = CONTAINER_OF(slice->buf, struct paged_buf, buf);
    *ret_fd = pages_fd();
    *ret_offset = paged->pages.offset + (slice->data - paged->pages.data);
    return true;
}
