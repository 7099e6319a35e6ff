/*
 * jwt - the tokens of the shop's own sign-in (RFC 7519). Private to account/.
 *
 * The signature is libjwt's to check. What libjwt leaves open is decided here before it sees the
 * token: the three parts are base64url without slack, header and claims are objects without
 * duplicate names, the algorithm is that of the configuration (never the token's choice, so that a
 * public key is never taken for a secret, and "none" is not a signature), no extension is critical.
 */
#ifndef ACCOUNT_JWT_H
#define ACCOUNT_JWT_H

#include "account/account.h"

struct jwt_claims {
    char subject[ROW_NAME_LEN_MAX + 1];
    char email[ROW_EMAIL_LEN_MAX + 1]; /* "": none, or the shop says that it is not verified */
    enum account_role role; /* ROLE_NONE: the token says nothing; words that the configuration does
                               not know are a buyer */
};

/* Three parts that are not empty, of the characters of base64url. */
bool jwt_is_shaped(struct text bearer);

/* Verifies and reads. CREDENTIAL_GOOD or the fault; the claims are written only when it is good. */
enum credential_fault jwt_check(const struct jwt_checker *checker, struct text token,
                                int64_t wall_us, struct jwt_claims *ret_claims);

#endif
