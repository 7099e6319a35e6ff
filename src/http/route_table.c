#include "http/route_table.h"

#include "base/mem.h"

enum { SEGMENTS_MAX = 16, ROUTES_MAX = 1024 };

struct segment {
    struct text literal;
    bool is_parameter;
};

struct row {
    const struct http_route *route;
    unsigned methods;   /* with HEAD beside GET */
    struct text prefix; /* up to the first parameter: "/hls/" */
    struct segment segments[SEGMENTS_MAX];
    size_t segments_count; /* without the rest */
    bool has_rest;         /* ends in {name...} */
};

struct http_route_table {
    size_t count;
    struct row rows[];
};

static bool is_parameter(struct text segment)
{
    return segment.len && segment.ptr[0] == '{';
}

static enum err compile_segment(struct row *row, struct text segment, bool is_last,
                                size_t *params_count)
{
    if (!is_parameter(segment)) {
        if (segment.len == 0 && !is_last) /* a last empty one is the slash at the end */
            return ERR_INVALID;
        row->segments[row->segments_count++] = (struct segment){segment, false};
        return OK;
    }

    if (segment.len < 3 || segment.ptr[segment.len - 1] != '}' || ++*params_count > HTTP_PARAMS_MAX)
        return ERR_INVALID;
    if (text_ends_with(segment, TEXT("...}"))) {
        row->has_rest = true;
        return is_last ? OK : ERR_INVALID;
    }
    row->segments[row->segments_count++] = (struct segment){{0}, true};
    return OK;
}

static enum err compile_row(const struct http_route *route, struct row *row)
{
    struct text pattern = text_of(route->pattern);
    size_t params_count = 0;

    if (!route->handler || !route->methods || !text_starts_with(pattern, TEXT("/")))
        return ERR_INVALID;

    row->route = route;
    row->methods = route->methods | (route->methods & HTTP_GET ? HTTP_HEAD : 0);
    row->prefix = text_sub(pattern, 0, text_index_of(pattern, '{'));

    struct text rest = text_sub(pattern, 1, pattern.len);
    bool is_last = false;
    while (!is_last) {
        is_last = text_index_of(rest, '/') == rest.len;
        if (row->segments_count == SEGMENTS_MAX)
            return ERR_INVALID;
        enum err err = compile_segment(row, text_cut(&rest, '/'), is_last, &params_count);
        if (err != OK)
            return err;
    }
    return OK;
}

/* True when each path that fits `later` fits `earlier` too. */
static bool hides(const struct row *earlier, const struct row *later)
{
    if ((later->methods & ~earlier->methods) != 0)
        return false;
    /* A rest takes what follows a slash, so there must be one more segment, or a rest as well. */
    if (earlier->has_rest ? later->segments_count + later->has_rest <= earlier->segments_count
                          : later->has_rest || later->segments_count != earlier->segments_count)
        return false;
    for (size_t i = 0; i < earlier->segments_count; i++) {
        const struct segment *wide = &earlier->segments[i];
        const struct segment *narrow = &later->segments[i];

        if (wide->is_parameter
                ? !narrow->is_parameter && narrow->literal.len == 0
                : narrow->is_parameter || !text_equal(wide->literal, narrow->literal))
            return false;
    }
    return true;
}

static enum err add_row(struct http_route_table *table, const struct http_route *route,
                        struct diag *diag)
{
    struct row *row = &table->rows[table->count];

    if (compile_row(route, row) != OK) {
        diag_set(diag, "route \"%s\": not a pattern that can be served",
                 route->pattern ? route->pattern : "");
        return ERR_INVALID;
    }
    for (size_t i = 0; i < table->count; i++) {
        if (!hides(&table->rows[i], row))
            continue;
        diag_set(diag, "route \"%s\" is hidden by \"%s\" above it", route->pattern,
                 table->rows[i].route->pattern);
        return ERR_INVALID;
    }
    table->count++;
    return OK;
}

enum err http_route_table_create(const struct http_route *routes, size_t count, struct diag *diag,
                                 struct http_route_table **ret_table)
{
    if (count > ROUTES_MAX) {
        diag_set(diag, "more than %d routes", (int)ROUTES_MAX);
        return ERR_INVALID;
    }

    struct http_route_table *table = mem_zalloc(sizeof(*table) + count * sizeof(table->rows[0]));

    for (size_t i = 0; i < count; i++) {
        enum err err = add_row(table, &routes[i], diag);

        if (err != OK) {
            http_route_table_destroy(table);
            return err;
        }
    }
    *ret_table = table;
    return OK;
}

void http_route_table_destroy(struct http_route_table *table)
{
    mem_free(table);
}

static bool row_fits(const struct row *row, struct text path, struct text params[HTTP_PARAMS_MAX])
{
    if (!text_starts_with(path, row->prefix))
        return false;

    struct text rest = text_sub(path, 1, path.len);
    size_t params_count = 0;
    bool is_at_end = false;

    for (size_t i = 0; i < row->segments_count; i++) {
        const struct segment *wanted = &row->segments[i];

        if (is_at_end)
            return false;
        is_at_end = text_index_of(rest, '/') == rest.len;
        struct text segment = text_cut(&rest, '/');
        if (wanted->is_parameter ? segment.len == 0 : !text_equal(segment, wanted->literal))
            return false;
        if (wanted->is_parameter)
            params[params_count++] = segment;
    }
    if (!row->has_rest)
        return is_at_end;
    if (is_at_end)
        return false;
    params[params_count] = rest;
    return true;
}

const struct http_route *http_route_find(const struct http_route_table *table, unsigned method,
                                         struct text path, struct text params[HTTP_PARAMS_MAX],
                                         unsigned *ret_allowed)
{
    unsigned allowed = 0;

    for (size_t i = 0; i < table->count; i++) {
        const struct row *row = &table->rows[i];

        if (!row_fits(row, path, params))
            continue;
        if (row->methods & method)
            return row->route;
        allowed |= row->methods;
    }
    *ret_allowed = allowed;
    return NULL;
}

struct http_route_options http_route_options(const struct http_route_table *table, struct text path)
{
    struct http_route_options options = {0};
    struct text params[HTTP_PARAMS_MAX];

    for (size_t i = 0; i < table->count; i++) {
        const struct row *row = &table->rows[i];

        if (!row_fits(row, path, params))
            continue;
        options.methods |= row->methods;
        if (row->route->flags & HTTP_ROUTE_CORS)
            options.cors_methods |= row->methods;
        if (row->route->accept_post)
            options.accept_post = row->route->accept_post;
    }
    return options;
}
