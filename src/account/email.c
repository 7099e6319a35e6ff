#include "account/email.h"

#include <assert.h>

enum { LOCAL_LEN_MAX = 64, LABEL_LEN_MAX = 63 }; /* RFC 5321 section 4.5.3.1, RFC 1035 2.3.4 */

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* dot-atom of RFC 5322 section 3.2.3 */
static bool is_local(struct text local)
{
    if (local.len == 0 || local.len > LOCAL_LEN_MAX || local.ptr[0] == '.' ||
        local.ptr[local.len - 1] == '.' || text_contains(local, TEXT("..")))
        return false;
    for (size_t i = 0; i < local.len; i++) {
        char c = local.ptr[i];

        if (!is_alphanumeric(c) && !(c && strchr("!#$%&'*+-/=?^_`{|}~.", c)))
            return false;
    }
    return true;
}

static bool is_label(struct text label)
{
    if (label.len == 0 || label.len > LABEL_LEN_MAX || label.ptr[0] == '-' ||
        label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_alphanumeric(label.ptr[i]) && label.ptr[i] != '-')
            return false;
    return true;
}

static bool is_domain(struct text domain)
{
    if (domain.len == 0 || domain.ptr[domain.len - 1] == '.')
        return false;
    while (domain.len)
        if (!is_label(text_cut(&domain, '.')))
            return false;
    return true;
}

enum err email_check(struct text email, struct diag *diag)
{
    size_t at = text_index_of(email, '@');

    if (email.len == 0 || email.len > ROW_EMAIL_LEN_MAX) {
        diag_set(diag, "email: it has 3 to %d characters.", ROW_EMAIL_LEN_MAX);
        return ERR_INVALID;
    }
    if (at == email.len || !is_local(text_sub(email, 0, at)) ||
        !is_domain(text_sub(email, at + 1, email.len))) {
        diag_set(diag, "email: this is no e-mail address such as anna@example.com.");
        return ERR_INVALID;
    }
    return OK;
}

void email_lower(struct text email, char to[ROW_EMAIL_LEN_MAX + 1])
{
    assert(email.len <= ROW_EMAIL_LEN_MAX);
    for (size_t i = 0; i < email.len; i++) {
        char c = email.ptr[i];

        to[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    to[email.len] = '\0';
}
