/*
 * email - what an e-mail address may look like here. Private to account/.
 *
 * Not all that RFC 5321 allows: no quotes, no comments, no address literals, ASCII only. A domain
 * without a dot is fine, because "admin@localhost" is.
 */
#ifndef ACCOUNT_EMAIL_H
#define ACCOUNT_EMAIL_H

#include "base/err.h"
#include "base/text.h"
#include "store/store.h"

/* ERR_INVALID with a sentence that says what is wrong. */
MUST_USE enum err email_check(struct text email, struct diag *diag);

/* In lower case, as it is stored and compared. At most ROW_EMAIL_LEN_MAX characters. */
void email_lower(struct text email, char to[ROW_EMAIL_LEN_MAX + 1]);

#endif
