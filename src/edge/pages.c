#include "edge/pages.h"

#include "base/buf.h"
#include "base/writer.h"
#include "edge/edge.h"

enum { POLICY_LEN_MAX = 4096 };

/* What is for other sites: the player's page and scripts. Only that may stand in their frames. */
static bool is_embed(struct text path)
{
    return text_starts_with(path, TEXT("/embed/"));
}

/* ---- what a page may do ---- */

/* The origin of a URL: its scheme, host and port. Empty when a character in it could mean something
 * else in a policy. */
static struct text origin_of(struct text url)
{
    size_t scheme_len = text_starts_with(url, TEXT("https://"))  ? 8
                        : text_starts_with(url, TEXT("http://")) ? 7
                                                                 : 0;
    struct text host = text_sub(url, scheme_len, url.len);

    host.len = text_index_of(host, '/');
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            !text_contains(TEXT(".-:[]"), (struct text){&c, 1}))
            return (struct text){0};
    }
    if (scheme_len == 0 || host.len == 0)
        return (struct text){0};
    return text_sub(url, 0, scheme_len + host.len);
}

static void write_origins(struct writer *w, struct text media_urls, bool also_sockets)
{
    while (media_urls.len) {
        struct text origin = origin_of(text_cut(&media_urls, ' '));

        if (origin.len == 0)
            continue;
        writer_char(w, ' ');
        writer_text(w, origin);
        if (!also_sockets)
            continue;
        /* http -> ws, https -> wss */
        writer_str(w, " ws");
        writer_text(w, text_sub(origin, 4, origin.len));
    }
}

/* Playback URLs start with public.url, or with that of another server; a page may be opened under
 * another address. */
static void write_media_sources(struct writer *w, struct text media_urls)
{
    writer_str(w, "; media-src 'self' blob:");
    write_origins(w, media_urls, false);
    writer_str(w, "; connect-src 'self'");
    write_origins(w, media_urls, true);
}

void pages_write_policy(struct writer *w, struct text path, struct text media_urls)
{
    /* Its own scripts and styles, media of this server, nothing from elsewhere. */
    writer_str(w, "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                  "img-src 'self' data: blob:; worker-src 'self' blob:");
    write_media_sources(w, media_urls);
    writer_str(w, "; frame-ancestors ");
    writer_str(w, is_embed(path) ? "*" : "'none'");
    writer_str(w, "; base-uri 'none'; form-action 'self'");
}

/* ---- files ---- */

static struct http_asset *to_asset(const struct edge_file *file, struct text media_urls)
{
    char memory[POLICY_LEN_MAX];
    struct writer policy = writer_fixed(memory, sizeof(memory));
    struct text path = text_of(file->path);
    struct slice slice = slice_take(buf_static(file->bytes, file->len));

    pages_write_policy(&policy, path, media_urls);
    const struct http_header_line headers[] = {
        {"Content-Security-Policy", writer_as_text(&policy)},
        {"X-Content-Type-Options", TEXT("nosniff")},
        {"Referrer-Policy", TEXT("same-origin")},
        {"Permissions-Policy", is_embed(path) ? TEXT("camera=(), microphone=()")
                                              : TEXT("camera=(self), microphone=(self)")},
    };
    struct http_asset_params params = {
        .content_type = file->content_type,
        .cache_control = file->is_immutable ? "public, max-age=31536000, immutable" : "no-cache",
        .headers = headers,
        .headers_count = sizeof(headers) / sizeof(headers[0]),
        .body = &slice,
        .body_count = 1,
        .gzip = file->gzip ? buf_static(file->gzip, file->gzip_len) : NULL,
    };
    return http_asset_create(&params);
}

void pages_init(struct pages *pages, struct text media_urls)
{
    *pages = (struct pages){0};
    for (size_t i = 0; i < edge_file_count; i++) {
        struct http_asset *asset = to_asset(&edge_files[i], media_urls);

        (void)map_put(&pages->by_path, text_of(edge_files[i].path), asset);
        if (text_equal(text_of(edge_files[i].path), TEXT("/index.html")))
            pages->index = asset;
        else if (text_equal(text_of(edge_files[i].path), TEXT("/embed/index.html")))
            pages->embed = asset;
    }
}

/* The paths that web/src/router.tsx knows: all get the same file. One that ends with a slash stands
 * for what is below it. */
static bool is_page(struct text path)
{
    static const char *const paths[] = {
        "/",      "/sign-in", "/channels", "/account", "/account/",
        "/admin", "/admin/",  "/studio/",  "/watch/",
    };

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct text known = text_of(paths[i]);
        bool is_folder = known.len > 1 && known.ptr[known.len - 1] == '/';

        if (is_folder ? text_starts_with(path, known) : text_equal(path, known))
            return true;
    }
    return false;
}

/* "/embed/7": the number is the page's to read, and to refuse. */
static bool is_embed_page(struct text path)
{
    return is_embed(path) && !text_contains(path, TEXT("."));
}

void pages_serve(const struct pages *pages, struct http_request *request)
{
    struct http_asset *asset = map_get(&pages->by_path, request->path);

    if (!asset && is_page(request->path))
        asset = pages->index;
    else if (!asset && is_embed_page(request->path))
        asset = pages->embed;
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
