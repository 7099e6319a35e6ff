#include "edge/pages.h"

#include "base/buf.h"
#include "edge/edge.h"

/* What a page may do: its own scripts and styles, media of this server, nothing from elsewhere. The
 * embed pages may stand in frames of other sites; no other page may. */
static const struct http_header_line page_headers[] = {
    {"Content-Security-Policy",
     TEXT_INIT("default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
               "img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; "
               "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")},
    {"X-Content-Type-Options", TEXT_INIT("nosniff")},
    {"Referrer-Policy", TEXT_INIT("same-origin")},
    {"Permissions-Policy", TEXT_INIT("camera=(self), microphone=(self)")},
};

static struct http_asset *to_asset(const struct edge_file *file)
{
    struct slice slice = slice_take(buf_static(file->bytes, file->len));
    struct http_asset_params params = {
        .content_type = file->content_type,
        .cache_control = file->is_immutable ? "public, max-age=31536000, immutable" : "no-cache",
        .headers = page_headers,
        .headers_count = sizeof(page_headers) / sizeof(page_headers[0]),
        .body = &slice,
        .body_count = 1,
        .gzip = file->gzip ? buf_static(file->gzip, file->gzip_len) : NULL,
    };
    return http_asset_create(&params);
}

void pages_init(struct pages *pages)
{
    *pages = (struct pages){0};
    for (size_t i = 0; i < edge_file_count; i++) {
        struct http_asset *asset = to_asset(&edge_files[i]);

        (void)map_put(&pages->by_path, text_of(edge_files[i].path), asset);
        if (text_equal(text_of(edge_files[i].path), TEXT("/index.html")))
            pages->index = asset;
    }
}

static bool is_page(struct text path)
{
    static const char *const prefixes[] = {"/studio/", "/watch/"};

    if (text_equal(path, TEXT("/")))
        return true;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (text_starts_with(path, text_of(prefixes[i])))
            return true;
    return false;
}

void pages_serve(const struct pages *pages, struct http_request *request)
{
    struct http_asset *asset = map_get(&pages->by_path, request->path);

    if (!asset && is_page(request->path))
        asset = pages->index;
    if (asset)
        http_respond_asset(request, asset);
    else
        http_respond_problem(request, 404, TEXT("There is no such page."));
}

void pages_deinit(struct pages *pages)
{
    size_t position = 0;
    struct http_asset *asset;

    while ((asset = map_next(&pages->by_path, &position)))
        http_asset_unref(asset);
    map_deinit(&pages->by_path);
}
