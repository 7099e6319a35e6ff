/* What clients of the events say: any bytes as message, query and input; wishes within the limits.
 */
#include <assert.h>
#include <string.h>

#include "base/jsonr.h"
#include "base/mem.h"
#include "edge/wish.h"

enum { INPUT_LEN_MAX = 8192 };

static void check(const struct push_wish *wish)
{
    assert(wish->count <= PUSH_CHANNELS_MAX);
    assert(!wish->is_all || wish->count == 0);
    for (size_t i = 0; i < wish->count; i++) {
        assert(wish->channels[i] > 0 && wish->channels[i] <= INT64_MAX);
        for (size_t other = 0; other < i; other++)
            assert(wish->channels[other] != wish->channels[i]);
    }
}

static void check_message(struct text text)
{
    enum wish_request request = 0;
    struct diag diag = {0};
    struct push_wish wish = {0};

    if (wish_from_message(text, &request, &wish, &diag) == OK) {
        assert(request >= WISH_SUBSCRIBE && request <= WISH_PING);
        assert(request == WISH_PING || wish.is_all || wish.count);
        check(&wish);
    } else {
        assert(diag.message[0] && wish.count == 0 && !wish.is_all);
    }
}

static void check_input(struct text text, enum wish_procedure procedure)
{
    struct push_wish wish = {0};
    struct diag diag = {0};
    json_t *json;

    if (jsonr_parse(text, WISH_JSON_DEPTH_MAX, &diag, &json) != OK)
        return;
    if (wish_from_input(procedure, json, text, &wish, &diag) == OK) {
        assert(wish.is_all || wish.count);
        check(&wish);
    } else {
        assert(diag.message[0]);
    }
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    size_t blocks = mem_live_blocks();
    struct text text = {(const char *)bytes, len};
    struct push_wish wish = {0};
    struct push_place place;
    bool has_channels;

    if (len > INPUT_LEN_MAX)
        return 0;
    check_message(text);
    check_input(text, WISH_CHANNEL_ON_STATUS);
    check_input(text, WISH_EVENTS_SUBSCRIBE);
    if (wish_from_query(text, &wish, &has_channels, NULL) == OK) {
        assert(has_channels == (wish.is_all || wish.count));
        check(&wish);
    }
    (void)push_place_parse(text, &place); /* only that it reads within its bounds */
    assert(mem_live_blocks() == blocks);
    return 0;
}
