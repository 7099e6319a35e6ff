/* E-mail addresses: what is taken can be put into a header, a log and a database as it is, and is
 * the same in lower case. */
#include <assert.h>
#include <string.h>

#include "account/email.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct text email = {(const char *)bytes, len};
    char lower[ROW_EMAIL_LEN_MAX + 1];
    char again[ROW_EMAIL_LEN_MAX + 1];
    struct diag diag = {0};

    if (email_check(email, &diag) != OK) {
        assert(diag.message[0]);
        return 0;
    }
    assert(len >= 3 && len <= ROW_EMAIL_LEN_MAX);
    for (size_t i = 0; i < len; i++)
        assert(bytes[i] > ' ' && bytes[i] < 0x7f && !strchr("\"<>()[]\\,;:", bytes[i]));
    assert(memchr(bytes, '@', len) == memrchr(bytes, '@', len));

    email_lower(email, lower);
    assert(strlen(lower) == len && text_equal_nocase(text_of(lower), email));
    assert(email_check(text_of(lower), &diag) == OK);
    email_lower(text_of(lower), again);
    assert(strcmp(lower, again) == 0);
    return 0;
}
