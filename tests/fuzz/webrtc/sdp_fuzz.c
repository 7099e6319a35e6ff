/* An offer is either refused with a sentence, or our answer to it is SDP that we read ourselves,
 * with as many sections and nothing but what was offered. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/writer.h"
#include "webrtc/sdp.h"
#include "webrtc/webrtc.h"

enum { ANSWER_LEN_MAX = 128 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
    if (!is_so)
        abort();
}

static void check_answer(const struct sdp *offer, const struct sdp_choice *choice)
{
    struct webrtc_candidate candidate = {0};
    struct sdp_local local = {
        .ufrag = TEXT("abcdefgh"),
        .pwd = TEXT("abcdefghijklmnopqrstuvwxyz234567"),
        .fingerprint = TEXT("00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
                            "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"),
        .candidates = &candidate,
        .candidate_count = 1,
    };
    struct writer w = writer_growing(ANSWER_LEN_MAX);
    struct sdp *answer = mem_alloc(sizeof(*answer));
    struct sdp_choice again;

    require(webrtc_address_parse(TEXT("192.0.2.1"), 1, 0, &candidate.address));
    sdp_write_answer(&w, offer, choice, &local);
    require(!w.failed && w.len <= WEBRTC_OFFER_LEN_MAX);
    require(sdp_parse(writer_as_text(&w), answer, NULL) == OK);
    require(answer->has_ice_lite && answer->section_count == offer->section_count);
    for (size_t i = 0; i < answer->section_count; i++) {
        const struct sdp_section *section = &answer->sections[i];

        require(text_equal(section->media, offer->sections[i].media));
        require(text_equal(section->mid, offer->sections[i].mid));
        require(section->port == 0 || section->direction == SDP_RECVONLY);
        require(section->port == 0 || section->transport.setup == SDP_PASSIVE);
    }
    require(sdp_choose(answer, &again, NULL) != OK); /* an answer is no offer */
    mem_free(answer);
    writer_deinit(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sdp *offer = mem_alloc(sizeof(*offer));
    struct sdp_choice choice;
    struct diag diag = {0};
    enum err err = sdp_parse((struct text){(const char *)data, size}, offer, &diag);

    if (err == OK)
        err = sdp_choose(offer, &choice, &diag);
    if (err == OK)
        check_answer(offer, &choice);
    else
        require(diag.message[0] != '\0');
    mem_free(offer);
    return 0;
}
