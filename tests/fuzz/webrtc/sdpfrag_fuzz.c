/* A fragment is refused with a sentence, or its credentials are such as RFC 8839 allows. */
#include <stdint.h>
#include <stdlib.h>

#include "webrtc/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sdp_frag frag;
    struct diag diag = {0};

    if (sdp_frag_parse((struct text){(const char *)data, size}, &frag, &diag) != OK) {
        if (diag.message[0] == '\0')
            abort();
        return 0;
    }
    if ((frag.ufrag.len == 0) != (frag.pwd.len == 0))
        abort();
    if (frag.ufrag.len && (!sdp_ufrag_is_valid(frag.ufrag) || !sdp_pwd_is_valid(frag.pwd)))
        abort();
    return 0;
}
