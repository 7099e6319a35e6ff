#include "http/reply.h"

#include <assert.h>

#include "base/writer.h"
#include "http/conditional.h"
#include "http/core.h"
#include "http/message.h"

void reply_init(struct http_reply *reply, int status)
{
    reply->status = status;
    reply->prepared = (struct text){0};
    reply->lines_count = 0;
    reply->has_len = false;
    reply->body_len = 0;
    reply->body_offset = 0;
    reply->slices = reply->storage;
    reply->slices_count = 0;
}

void reply_add(struct http_reply *reply, const char *name, struct text value)
{
    if (value.len == 0)
        return;
    assert(reply->lines_count < REPLY_LINES_MAX);
    reply->lines[reply->lines_count++] = (struct http_header_line){name, value};
}

/* A compressed body is another representation: its tag is the plain one's, weakened, so that it
 * still matches If-None-Match but never If-Range. */
static void add_etag(struct http_reply *reply, struct text etag, bool is_gzip)
{
    bool is_weak = text_starts_with(etag, TEXT("W/"));
    struct writer w = writer_fixed(reply->etag, sizeof(reply->etag));

    if (etag.len == 0 || etag.len > REPLY_ETAG_LEN_MAX)
        return;
    if (is_gzip && !is_weak)
        writer_str(&w, "W/");
    writer_text(&w, etag);
    reply_add(reply, "ETag", writer_as_text(&w));
}

static void add_lines(struct http_reply *reply, const struct http_source *source, bool is_gzip)
{
    reply_add(reply, "Content-Type", source->content_type);
    if (is_gzip)
        reply_add(reply, "Content-Encoding", TEXT("gzip"));
    reply_add(reply, "Cache-Control", source->cache_control);
    add_etag(reply, source->etag, is_gzip);
    reply_add(reply, "Location", source->location);
    if (source->is_compressible)
        reply_add(reply, "Vary", TEXT("Accept-Encoding"));
    else if (source->status == 200 && !source->no_range && source->etag.len)
        reply_add(reply, "Accept-Ranges", TEXT("bytes"));
    for (size_t i = 0; i < source->headers_count; i++)
        reply_add(reply, source->headers[i].name, source->headers[i].value);
}

void reply_whole(struct http_reply *reply, const struct http_source *source,
                 const struct buf *gzipped)
{
    reply_init(reply, source->status);
    add_lines(reply, source, gzipped != NULL);
    /* RFC 9110 section 8.6: no Content-Length in 1xx and 204. */
    reply->has_len = source->status != 204;
    reply->body_len = gzipped ? gzipped->len : source->body_len;
}

static bool is_not_modified(const struct http_request *req, const struct http_source *source)
{
    return (req->flags & REQUEST_CONDITION) && source->etag.len &&
           http_etag_list_matches(http_header(req, "if-none-match"), source->etag);
}

static void reply_not_modified(struct http_reply *reply, const struct http_source *source)
{
    reply_init(reply, 304);
    reply_add(reply, "Cache-Control", source->cache_control);
    add_etag(reply, source->etag, false);
    if (source->is_compressible)
        reply_add(reply, "Vary", TEXT("Accept-Encoding"));
}

/* Slices of [offset, offset + len) of the source. */
static void take_range(struct http_reply *reply, const struct http_source *source, uint64_t offset,
                       uint64_t len)
{
    for (size_t i = 0; i < source->slices_count && len; i++) {
        struct slice slice = source->slices[i];

        if (offset >= slice.len) {
            offset -= slice.len;
            continue;
        }
        slice.data += offset;
        slice.len -= (size_t)offset;
        if (slice.len > len)
            slice.len = (size_t)len;
        offset = 0;
        len -= slice.len;
        reply->storage[reply->slices_count++] = slice_ref(slice);
    }
}

static void write_content_range(struct http_reply *reply, const struct http_range *range,
                                uint64_t body_len)
{
    struct writer w = writer_fixed(reply->content_range, sizeof(reply->content_range));

    writer_str(&w, "bytes ");
    if (range) {
        writer_dec(&w, range->offset);
        writer_char(&w, '-');
        writer_dec(&w, range->offset + range->len - 1);
    } else {
        writer_char(&w, '*');
    }
    writer_char(&w, '/');
    writer_dec(&w, body_len);
    reply_add(reply, "Content-Range", writer_as_text(&w));
}

/* RFC 9110 section 13.1.5: If-Range with another (or a weak) tag makes the server ignore Range. */
static bool range_is_wanted(const struct http_request *req, const struct http_source *source)
{
    struct text if_range;

    if (!(req->flags & REQUEST_RANGE) || req->method != HTTP_GET || source->no_range)
        return false;
    return !http_header_find(req, "if-range", &if_range) ||
           (text_equal(if_range, source->etag) && !text_starts_with(if_range, TEXT("W/")));
}

/* True when the reply is a range, or tells that there is none. */
static bool reply_range(struct http_reply *reply, const struct http_request *req,
                        const struct http_source *source)
{
    struct http_range range;
    enum err err = http_range_parse(http_header(req, "range"), source->body_len, &range);

    if (err == ERR_UNSUPPORTED)
        return false;
    reply_init(reply, err == OK ? 206 : 416);
    reply->has_len = true;
    if (err != OK) {
        write_content_range(reply, NULL, source->body_len);
        return true;
    }
    add_lines(reply, source, false);
    write_content_range(reply, &range, source->body_len);
    reply->body_len = range.len;
    reply->body_offset = range.offset;
    take_range(reply, source, range.offset, range.len);
    return true;
}

void reply_from_source(struct http_reply *reply, const struct http_request *req,
                       const struct http_source *source, const struct buf *gzipped)
{
    bool is_read = source->status == 200 && (req->method & (HTTP_GET | HTTP_HEAD));

    if (is_read && is_not_modified(req, source)) {
        reply_not_modified(reply, source);
        return;
    }
    if (is_read && range_is_wanted(req, source) && reply_range(reply, req, source))
        return;

    reply_whole(reply, source, gzipped);
    if (req->method == HTTP_HEAD || source->status == 204 || source->status == 304)
        return;
    if (gzipped)
        reply->storage[reply->slices_count++] = slice_take(buf_ref(gzipped));
    else
        take_range(reply, source, 0, source->body_len);
}

/* A value that an owner passes may hold what a client sent: nothing in it can end the line. */
static void write_value(struct writer *w, struct text value)
{
    if (http_is_field_value(value)) {
        writer_text(w, value);
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        struct text c = {value.ptr + i, 1};

        writer_char(w, http_is_field_value(c) ? c.ptr[0] : ' ');
    }
}

void reply_render_h1(struct writer *w, const struct http_reply *reply)
{
    if (reply->prepared.len) {
        writer_text(w, reply->prepared);
    } else {
        writer_str(w, "HTTP/1.1 ");
        writer_dec(w, (uint64_t)reply->status);
        writer_char(w, ' ');
        writer_str(w, http_status_phrase(reply->status));
        writer_str(w, "\r\n");
    }
    for (size_t i = 0; i < reply->lines_count; i++) {
        writer_str(w, reply->lines[i].name);
        writer_str(w, ": ");
        write_value(w, reply->lines[i].value);
        writer_str(w, "\r\n");
    }
    if (reply->has_len) {
        writer_str(w, "Content-Length: ");
        writer_dec(w, reply->body_len);
        writer_str(w, "\r\n");
    }
}

bool http_type_is_text(struct text content_type)
{
    static const struct text words[] = {TEXT_INIT("json"), TEXT_INIT("javascript"),
                                        TEXT_INIT("mpegurl"), TEXT_INIT("xml")};

    if (text_starts_with(content_type, TEXT("text/")))
        return true;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (text_contains(content_type, words[i]))
            return true;
    return false;
}
