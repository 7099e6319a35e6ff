#include "http/asset.h"

#include <string.h>
#include <zlib.h>

#include "base/writer.h"
#include "http/gzip.h"
#include "support/test.h"

static struct http_asset *make(size_t len, bool is_compressible, const char *etag)
{
    struct slice slices[2] = {slice_take(buf_create(len / 2)),
                              slice_take(buf_create(len - len / 2))};

    memset(slices[0].buf->data, 'x', slices[0].len);
    memset(slices[1].buf->data, 'y', slices[1].len);
    return http_asset_create(&(struct http_asset_params){.content_type = "text/plain",
                                                         .etag = text_of(etag),
                                                         .body = slices,
                                                         .body_count = 2,
                                                         .is_compressible = is_compressible});
}

static void the_head_is_rendered_once(void **state)
{
    (void)state;
    struct http_asset *asset = make(10, false, "\"t\"");

    assert_text(buf_text(asset->head), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                                       "Cache-Control: no-cache\r\nETag: \"t\"\r\n"
                                       "Accept-Ranges: bytes\r\nContent-Length: 10\r\n");
    assert_int_equal(http_asset_len(asset), 10);
    http_asset_unref(asset);
}

static void a_tag_is_made_of_the_bytes(void **state)
{
    (void)state;
    struct http_asset *a = make(100, false, "");
    struct http_asset *b = make(100, false, "");
    struct http_asset *c = make(101, false, "");
    struct http_asset *large = make(100000, false, "");

    assert_int_equal(a->source.etag.len, 18);
    assert_true(text_equal(a->source.etag, b->source.etag));
    assert_false(text_equal(a->source.etag, c->source.etag));
    assert_int_equal(large->source.etag.len, 0);
    http_asset_unref(a);
    http_asset_unref(b);
    http_asset_unref(c);
    http_asset_unref(large);
}

static void gzip_is_made_once_and_holds_the_body(void **state)
{
    (void)state;
    struct http_asset *asset = make(10000, true, "\"t\"");
    struct gzip *gzip = NULL;
    const struct asset_variant *variant = asset_gzip(asset, &gzip);
    uint8_t plain[10001];
    z_stream z = {0};

    assert_non_null(variant);
    assert_ptr_equal(asset_gzip(asset, &gzip), variant);
    z.next_in = variant->body->data;
    z.avail_in = (uInt)variant->body->len;
    z.next_out = plain;
    z.avail_out = sizeof(plain);
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    inflateEnd(&z);
    assert_int_equal(z.total_out, 10000);
    assert_int_equal(plain[4999], 'x');
    assert_int_equal(plain[5000], 'y');
    assert_true(text_contains(buf_text(variant->head), TEXT("Content-Encoding: gzip\r\n")));
    assert_true(text_contains(buf_text(variant->head), TEXT("ETag: W/\"t\"\r\n")));
    assert_true(text_contains(buf_text(asset->head), TEXT("Vary: Accept-Encoding\r\n")));
    gzip_destroy(gzip);
    http_asset_unref(asset);
}

static void what_does_not_shrink_is_sent_as_it_is(void **state)
{
    (void)state;
    struct slice slice = slice_take(buf_create(2000));
    struct gzip *gzip = NULL;
    uint32_t seed = 1;

    for (size_t i = 0; i < slice.len; i++) {
        seed = seed * 1664525 + 1013904223;
        slice.buf->data[i] = (uint8_t)(seed >> 24);
    }
    struct http_asset *asset = http_asset_create(&(struct http_asset_params){
        .content_type = "text/plain", .body = &slice, .body_count = 1, .is_compressible = true});
    assert_null(asset_gzip(asset, &gzip));
    assert_null(asset_gzip(asset, &gzip));
    http_asset_unref(asset);

    struct http_asset *small = make(100, true, "\"t\"");
    assert_null(asset_gzip(small, &gzip));
    http_asset_unref(small);
    gzip_destroy(gzip);
}

static void an_embedded_gzip_is_used(void **state)
{
    (void)state;
    struct slice slice = slice_take(buf_create(2000));
    struct gzip *gzip = NULL;
    struct http_asset *asset =
        http_asset_create(&(struct http_asset_params){.content_type = "text/css",
                                                      .body = &slice,
                                                      .body_count = 1,
                                                      .gzip = buf_from_text(TEXT("ready"))});

    assert_text(buf_text(asset_gzip(asset, &gzip)->body), "ready");
    assert_null(gzip);
    http_asset_unref(asset);
}

static void references_keep_the_asset(void **state)
{
    (void)state;
    struct http_asset *asset = http_asset_ref(make(10, false, "\"t\""));

    assert_null(http_asset_unref(asset));
    assert_int_equal(http_asset_len(asset), 10);
    assert_null(http_asset_unref(asset));
    assert_null(http_asset_unref(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(the_head_is_rendered_once),
        TEST_CASE(a_tag_is_made_of_the_bytes),
        TEST_CASE(gzip_is_made_once_and_holds_the_body),
        TEST_CASE(what_does_not_shrink_is_sent_as_it_is),
        TEST_CASE(an_embedded_gzip_is_used),
        TEST_CASE(references_keep_the_asset),
    };

    return RUN_TESTS("http_asset", tests);
}
