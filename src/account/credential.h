/*
 * credential - the texts of credentials: drawn, hashed, and found in headers. Private to account/.
 */
#ifndef ACCOUNT_CREDENTIAL_H
#define ACCOUNT_CREDENTIAL_H

#include "account/account.h"

/* 256 random bits. */
void credential_draw_token(char to[ACCOUNT_SESSION_TOKEN_LEN + 1]);

/* "sk_" or "pt_" and 200 random bits. */
void credential_draw_key(const char kind[4], char to[ACCOUNT_KEY_LEN + 1]);

void credential_hash(struct text credential, uint8_t ret_hash[CRYPTO_SHA256_LEN]);

/* What may be shown of it: enough to tell two keys apart, too little to help with guessing. */
void credential_prefix(struct text key, char to[ROW_PREFIX_LEN_MAX + 1]);

/* HMAC-SHA256 of a constant, keyed by the session's token: who can read it has the token's page,
 * and who has only the database cannot make it. */
void credential_csrf(struct text session_token, char to[ACCOUNT_CSRF_TOKEN_LEN + 1]);

/* The hash as a key of a map. */
static inline struct text credential_map_key(const uint8_t hash[CRYPTO_SHA256_LEN])
{
    return (struct text){(const char *)hash, CRYPTO_SHA256_LEN};
}

/* The value of a cookie (RFC 6265 section 5.4). False when it is not there; when it is there twice,
 * because then somebody may have planted one; and when the header is longer than
 * ACCOUNT_COOKIE_LEN_MAX. Borrowed. */
bool credential_find_cookie(struct text header, struct text name, struct text *ret_value);

/* 43 characters of base64url. */
bool credential_is_token(struct text text);

#endif
