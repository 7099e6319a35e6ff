/*
 * message - the words of HTTP that both versions share: methods, phrases, tokens, field lookup.
 *
 * Spec      RFC 9110 sections 5.6, 9, 15
 */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include "http/http.h"

/* The method of that name, case-sensitive; 0 when we do not know it. */
unsigned http_method_parse(struct text name);

/* Writes "GET, HEAD, POST" for a set of methods, in a fixed order. */
void http_methods_write(struct writer *w, unsigned methods);

/* True for a character of a token (RFC 9110 section 5.6.2). */
bool http_is_token_char(char c);

/* True for a token of at least one character. */
bool http_is_token(struct text text);

/* True when the text holds only characters of a field value: VCHAR, obs-text, space, tab. */
bool http_is_field_value(struct text text);

/* The first field of that name, any case; NULL when there is none. `name` in lower case. */
const struct http_field *http_field_find(const struct http_field *fields, size_t count,
                                         struct text name);

/* True when the comma-separated list holds the token, any case. */
bool http_list_has_token(struct text list, struct text token);

/* True when the text is a host with an optional port, as Host and :authority carry it. */
bool http_is_host(struct text host);

#endif
