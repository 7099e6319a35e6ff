#include "http/asset.h"

#include <assert.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/writer.h"
#include "http/gzip.h"

enum {
    COMPRESS_LEN_MIN = 512,
    HASHED_LEN_MAX = 64 * 1024,
    TEXTS_LEN_MAX = 16 * 1024,
    ETAG_DIGITS = 8, /* bytes of the digest that go into a tag */
};

/* The whole body's digest, for a body that has no tag of its own. */
static struct text make_etag(const struct http_asset_params *params, char to[40])
{
    struct writer all = writer_growing(HASHED_LEN_MAX);
    struct writer w = writer_fixed(to, 40);
    uint8_t digest[CRYPTO_SHA256_LEN];

    for (size_t i = 0; i < params->body_count; i++)
        writer_bytes(&all, params->body[i].data, params->body[i].len);
    if (!all.failed) {
        crypto_sha256(all.data ? all.data : (const uint8_t *)"", all.len, digest);
        writer_char(&w, '"');
        crypto_hex(&w, digest, ETAG_DIGITS);
        writer_char(&w, '"');
    }
    writer_deinit(&all);
    return writer_as_text(&w);
}

/* Copies a text behind the others; it is found again by its offset, since the block moves. */
static size_t put_text(struct writer *w, struct text text)
{
    size_t offset = w->len;

    writer_text(w, text);
    return offset;
}

static void copy_texts(struct http_asset *asset, const struct http_asset_params *params)
{
    char etag_memory[40];
    struct text type = text_of(params->content_type);
    struct text cache = params->cache_control ? text_of(params->cache_control) : TEXT("no-cache");
    struct text etag = params->etag.len ? params->etag : make_etag(params, etag_memory);
    struct writer w = writer_growing(TEXTS_LEN_MAX);
    size_t values_at[HTTP_RESPONSE_HEADERS_MAX];
    size_t type_at = put_text(&w, type);
    size_t cache_at = put_text(&w, cache);
    size_t etag_at = put_text(&w, etag);

    for (size_t i = 0; i < params->headers_count; i++)
        values_at[i] = put_text(&w, params->headers[i].value);
    assert(!w.failed); /* an asset's fields are the program's own */

    asset->texts = (char *)w.data;
    asset->source.content_type = (struct text){asset->texts + type_at, type.len};
    asset->source.cache_control = (struct text){asset->texts + cache_at, cache.len};
    asset->source.etag = (struct text){asset->texts + etag_at, etag.len};
    for (size_t i = 0; i < params->headers_count; i++)
        asset->headers[i] = (struct http_header_line){
            params->headers[i].name,
            {asset->texts + values_at[i], params->headers[i].value.len},
        };
    asset->source.headers = asset->headers;
    asset->source.headers_count = params->headers_count;
}

static struct buf *render_head(const struct http_asset *asset, const struct buf *gzipped)
{
    struct writer w = writer_growing(TEXTS_LEN_MAX + 1024);
    struct http_reply reply;

    reply_whole(&reply, &asset->source, gzipped);
    reply_render_h1(&w, &reply);
    assert(!w.failed);
    struct buf *head = writer_copy_buf(&w);
    writer_deinit(&w);
    return head;
}

/* Takes `body`, which may be NULL: it did not shrink. */
static struct asset_variant *create_variant(const struct http_asset *asset, struct buf *body)
{
    struct asset_variant *variant = mem_zalloc(sizeof(*variant));

    variant->body = body;
    variant->head = body ? render_head(asset, body) : NULL;
    return variant;
}

static void destroy_variant(struct asset_variant *variant)
{
    if (!variant)
        return;
    buf_unref(variant->body);
    buf_unref(variant->head);
    mem_free(variant);
}

struct http_asset *http_asset_create(const struct http_asset_params *params)
{
    struct http_asset *asset =
        mem_zalloc(sizeof(*asset) + params->body_count * sizeof(asset->slices[0]));

    assert(params->headers_count <= HTTP_RESPONSE_HEADERS_MAX);
    assert(params->body_count <= HTTP_RESPONSE_SLICES_MAX);
    atomic_init(&asset->refs, 1);
    for (size_t i = 0; i < params->body_count; i++) {
        asset->slices[i] = params->body[i];
        asset->source.body_len += params->body[i].len;
    }
    asset->source.status = 200;
    asset->source.slices = asset->slices;
    asset->source.slices_count = params->body_count;
    asset->source.is_compressible =
        params->gzip || (params->is_compressible && asset->source.body_len >= COMPRESS_LEN_MIN);
    copy_texts(asset, params);
    asset->head = render_head(asset, NULL);
    atomic_init(&asset->gzip, params->gzip ? create_variant(asset, params->gzip) : NULL);
    return asset;
}

struct http_asset *http_asset_ref(struct http_asset *asset)
{
    atomic_fetch_add_explicit(&asset->refs, 1, memory_order_relaxed);
    return asset;
}

struct http_asset *http_asset_unref(struct http_asset *asset)
{
    if (!asset || atomic_fetch_sub_explicit(&asset->refs, 1, memory_order_acq_rel) != 1)
        return NULL;

    for (size_t i = 0; i < asset->source.slices_count; i++)
        slice_unref(&asset->slices[i]);
    buf_unref(asset->head);
    destroy_variant(atomic_load(&asset->gzip));
    mem_free(asset->texts);
    mem_free(asset);
    return NULL;
}

size_t http_asset_len(const struct http_asset *asset)
{
    return (size_t)asset->source.body_len;
}

const struct asset_variant *asset_gzip(struct http_asset *asset, struct gzip **gzip)
{
    struct asset_variant *variant = atomic_load_explicit(&asset->gzip, memory_order_acquire);

    if (!asset->source.is_compressible)
        return NULL;
    if (!variant) {
        if (!*gzip)
            *gzip = gzip_create();

        struct asset_variant *made =
            create_variant(asset, gzip_compress(*gzip, asset->slices, asset->source.slices_count));
        if (atomic_compare_exchange_strong(&asset->gzip, &variant, made))
            variant = made;
        else
            destroy_variant(made);
    }
    return variant->body ? variant : NULL;
}
