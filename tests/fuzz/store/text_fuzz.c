/*
 * text_fuzz - what comes to the store as text: cursors of clients, NOTIFY payloads of other nodes,
 * messages of libpq. A cursor that is taken is written as it was read; a payload's items are within
 * limits and end; the password is in no message.
 *
 * Input: one text for all. As a message its first byte says how long the password before it is.
 */
#include <assert.h>
#include <string.h>

#include "store/cursor.h"
#include "store/postgres.h"
#include "store/watch.h"

enum { MESSAGE_LEN_MAX = 1000, PASSWORD_LEN_MAX = 15 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_cursor(struct text text, bool has_number)
{
    char written[STORE_CURSOR_LEN_MAX + 1];
    struct cursor cursor, again;

    if (!cursor_parse(text, has_number, &cursor))
        return;
    assert(cursor.at_us >= 0 && cursor.id.len > 0 && cursor.id.len <= STORE_ROW_ID_LEN_MAX);
    cursor_write(written, &cursor);
    assert(cursor_parse(text_of(written), has_number, &again));
    assert(again.at_us == cursor.at_us && text_equal(again.id, cursor.id));
}

static void check_payload(struct text payload)
{
    size_t items = 0;

    while (payload.len) {
        struct watch_item item;

        assert(items++ <= MESSAGE_LEN_MAX);
        if (!watch_parse(&payload, &item))
            continue;
        assert(item.table >= STORE_CHANNELS && item.table < STORE_TABLES_END);
        assert(item.id.len > 0 && item.id.len <= STORE_ROW_ID_LEN_MAX && text_is_utf8(item.id));
    }
}

static void check_message(struct text text)
{
    char message[MESSAGE_LEN_MAX + 1] = {0};
    char password[PASSWORD_LEN_MAX + 1] = {0};
    char shown[200];
    size_t password_len;

    if (text.len == 0 || memchr(text.ptr, '\0', text.len))
        return;
    password_len = (unsigned char)text.ptr[0] % PASSWORD_LEN_MAX;
    struct text hidden = text_sub(text, 1, password_len);
    struct text rest = text_sub(text, 1 + hidden.len, MESSAGE_LEN_MAX);
    memcpy(password, hidden.len ? hidden.ptr : "", hidden.len);
    memcpy(message, rest.len ? rest.ptr : "", rest.len);

    postgres_copy_message(shown, sizeof(shown), message, password);
    assert(strlen(shown) < sizeof(shown));
    assert(!strpbrk(shown, "\n\r\t"));
    /* Stars and spaces are also written in place of something else. */
    if (*password && !strpbrk(password, "* \n\r\t"))
        assert(!strstr(shown, password));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct text text = {(const char *)bytes, len < MESSAGE_LEN_MAX ? len : MESSAGE_LEN_MAX};

    check_cursor(text, true);
    check_cursor(text, false);
    check_payload(text);
    check_message(text);
    return 0;
}
