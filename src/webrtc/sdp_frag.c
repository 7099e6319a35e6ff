/*
 * application/trickle-ice-sdpfrag (RFC 8840 section 9, RFC 9725 section 4.3): what PATCH carries.
 */
#include "webrtc/sdp.h"

#include "base/writer.h"
#include "webrtc/webrtc.h"

enum { FRAG_LEN_MAX = 16 * 1024, FRAG_CANDIDATES_MAX = 256 };

static enum err malformed(struct diag *diag, const char *sentence)
{
    diag_set(diag, "%s", sentence);
    return ERR_MALFORMED;
}

/* foundation component transport priority address port "typ" type ... (RFC 8839 section 5.1) */
static bool candidate_is_valid(struct text value)
{
    uint64_t number;
    struct text foundation = text_cut(&value, ' ');
    struct text component = text_cut(&value, ' ');
    struct text transport = text_cut(&value, ' ');
    struct text priority = text_cut(&value, ' ');
    struct text address = text_cut(&value, ' ');
    struct text port = text_cut(&value, ' ');

    return foundation.len >= 1 && foundation.len <= 32 && text_parse_u64(component, 256, &number) &&
           sdp_is_token(transport) && text_parse_u64(priority, UINT32_MAX, &number) &&
           address.len >= 1 && address.len <= 255 && text_parse_u64(port, UINT16_MAX, &number) &&
           text_equal(text_cut(&value, ' '), TEXT("typ")) && sdp_is_token(text_cut(&value, ' '));
}

static enum err on_attribute(struct sdp_frag *frag, struct text value, struct diag *diag)
{
    struct text name = text_cut(&value, ':');

    if (text_equal(name, TEXT("ice-ufrag"))) {
        if (!sdp_ufrag_is_valid(value))
            return malformed(diag, "The fragment's ice-ufrag must have 4 to 256 characters.");
        frag->ufrag = value;
    } else if (text_equal(name, TEXT("ice-pwd"))) {
        if (!sdp_pwd_is_valid(value))
            return malformed(diag, "The fragment's ice-pwd must have 22 to 256 characters.");
        frag->pwd = value;
    } else if (text_equal(name, TEXT("candidate"))) {
        if (!candidate_is_valid(value))
            return malformed(diag, "The fragment has an a=candidate that breaks RFC 8839.");
        if (++frag->candidate_count > FRAG_CANDIDATES_MAX) {
            diag_set(diag, "The fragment has more than %d candidates.", FRAG_CANDIDATES_MAX);
            return ERR_LIMIT;
        }
    } else if (text_equal(name, TEXT("end-of-candidates"))) {
        frag->has_end_of_candidates = true;
    }
    return OK;
}

enum err sdp_frag_parse(struct text text, struct sdp_frag *ret_frag, struct diag *diag)
{
    struct sdp_lines lines = {text, 0};
    struct sdp_frag frag = {0};
    struct text value;
    char type;
    enum err err;

    if (text.len > FRAG_LEN_MAX) {
        diag_set(diag, "The fragment is larger than %d bytes.", FRAG_LEN_MAX);
        return ERR_LIMIT;
    }
    while ((err = sdp_next_line(&lines, &type, &value, diag)) == OK) {
        if (type != 'a' && type != 'm')
            return malformed(diag, "A fragment has a= and m= lines only.");
        if (type == 'a' && (err = on_attribute(&frag, value, diag)) != OK)
            return err;
    }
    if (err != ERR_CLOSED)
        return err;
    if (diag)
        diag->line = 0;
    if (lines.line == 0)
        return malformed(diag, "The fragment is empty.");
    if ((frag.ufrag.len == 0) != (frag.pwd.len == 0))
        return malformed(diag, "The fragment has only one of ice-ufrag and ice-pwd.");
    *ret_frag = frag;
    return OK;
}

void sdp_frag_write(struct writer *w, struct text mids, struct text media,
                    const struct sdp_local *local)
{
    writer_str(w, "a=ice-lite\r\n");
    if (mids.len)
        writer_printf(w, "a=group:BUNDLE %.*s\r\n", TEXT_ARG(mids));
    writer_printf(w, "m=%.*s 9 UDP/TLS/RTP/SAVPF 0\r\n", TEXT_ARG(media));
    if (mids.len)
        writer_printf(w, "a=mid:%.*s\r\n", TEXT_ARG(text_sub(mids, 0, text_index_of(mids, ' '))));
    writer_printf(w, "a=ice-ufrag:%.*s\r\na=ice-pwd:%.*s\r\n", TEXT_ARG(local->ufrag),
                  TEXT_ARG(local->pwd));
    sdp_write_candidates(w, local);
}
