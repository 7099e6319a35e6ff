/*
 * route_table - finds the row of the route table that serves a path.
 *
 * Patterns are taken apart once. A path is compared with the rows in their order; a row whose
 * literal beginning ("/hls/") does not fit costs one comparison. Nothing is allocated.
 *
 * Sans-I/O.
 */
#ifndef HTTP_ROUTE_TABLE_H
#define HTTP_ROUTE_TABLE_H

#include "http/http.h"

struct http_route_table;

/* ERR_INVALID: a bad pattern, or a row that an earlier one always hides; `diag` says which. */
MUST_USE enum err http_route_table_create(const struct http_route *routes, size_t count,
                                          struct diag *diag, struct http_route_table **ret_table);
void http_route_table_destroy(struct http_route_table *table);

/* The first row that serves the method and fits the path, with its parameters, or NULL. When NULL,
 * *ret_allowed holds the methods that rows which fit the path do serve (0: no such path), with HEAD
 * beside GET. */
const struct http_route *http_route_find(const struct http_route_table *table, unsigned method,
                                         struct text path, struct text params[HTTP_PARAMS_MAX],
                                         unsigned *ret_allowed);

/* All methods of rows that fit the path, those of rows with HTTP_ROUTE_CORS, and the Accept-Post of
 * one of them (NULL: none has it): for OPTIONS. */
struct http_route_options {
    unsigned methods;
    unsigned cors_methods;
    const char *accept_post;
};
struct http_route_options http_route_options(const struct http_route_table *table,
                                             struct text path);

#endif
