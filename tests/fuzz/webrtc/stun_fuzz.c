/* What is parsed can be written, and parses to the same again. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/writer.h"
#include "webrtc/stun.h"
#include "webrtc/webrtc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
    if (!is_so)
        abort();
}

static size_t write_again(const struct stun_message *message, struct srtp_hmac *key, uint8_t *to,
                          size_t cap)
{
    struct writer w = writer_fixed(to, cap);
    struct stun_writer s = stun_begin(&w, message->type, message->transaction);

    if (message->username.ptr)
        stun_add_username(&s, message->username);
    if (message->has_priority)
        stun_add_priority(&s, message->priority);
    if (message->has_use_candidate)
        stun_add_use_candidate(&s);
    if (message->has_controlling)
        stun_add_controlling(&s, message->tie_breaker);
    if (message->has_controlled)
        stun_add_controlled(&s, message->tie_breaker);
    if (message->error_code)
        stun_add_error(&s, message->error_code, TEXT("reason"));
    if (message->has_mapped_address) {
        struct webrtc_address address = {.port = message->mapped_port};

        memcpy(address.ip, message->mapped_ip, sizeof(address.ip));
        stun_add_mapped_address(&s, &address);
    }
    stun_end(&s, key);
    require(!w.failed);
    return w.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[2 * STUN_MESSAGE_LEN_MAX];
    struct stun_message message;
    struct stun_message again;
    struct srtp_hmac key;

    if (stun_parse(data, size, &message) != OK)
        return 0;
    require(stun_is_message(data, size));
    srtp_hmac_init(&key, "password", 8);
    (void)stun_check_integrity(data, &message, &key);

    size_t len = write_again(&message, &key, bytes, sizeof(bytes));
    require(stun_parse(bytes, len, &again) == OK);
    require(stun_check_integrity(bytes, &again, &key));
    require(again.type == message.type && again.has_fingerprint);
    require(memcmp(again.transaction, message.transaction, STUN_TRANSACTION_LEN) == 0);
    require(text_equal(again.username, message.username));
    require(again.priority == message.priority && again.tie_breaker == message.tie_breaker);
    require(again.has_use_candidate == message.has_use_candidate);
    require(again.error_code == message.error_code);
    require(again.mapped_port == message.mapped_port);
    require(memcmp(again.mapped_ip, message.mapped_ip, 16) == 0);
    srtp_hmac_deinit(&key);
    return 0;
}
