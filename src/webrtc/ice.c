#include "webrtc/ice.h"

#include <assert.h>
#include <string.h>

#include "base/crypto.h"
#include "base/writer.h"
#include "webrtc/stun.h"

/* A selected path that was not heard for so long gives way to any other that is nominated, also to
 * one of a lower priority: two missed checks of RFC 7675 (each about 5 s). */
#define STALE_US (10 * INT64_C(1000000))

/* ---- credentials ---- */

static void generation_init(struct ice_generation *generation, struct text remote_ufrag)
{
    assert(remote_ufrag.len < ICE_REMOTE_UFRAG_CAP);
    crypto_random_text(generation->ufrag, ICE_UFRAG_LEN);
    crypto_random_text(generation->pwd, ICE_PWD_LEN);
    memcpy(generation->remote_ufrag, remote_ufrag.ptr, remote_ufrag.len);
    generation->remote_ufrag[remote_ufrag.len] = '\0';
    srtp_hmac_init(&generation->key, generation->pwd, ICE_PWD_LEN);
}

static void generation_deinit(struct ice_generation *generation)
{
    srtp_hmac_deinit(&generation->key);
    crypto_wipe(generation, sizeof(*generation));
}

void ice_init(struct ice *ice, struct text remote_ufrag)
{
    memset(ice, 0, sizeof(*ice));
    generation_init(&ice->current, remote_ufrag);
}

void ice_deinit(struct ice *ice)
{
    generation_deinit(&ice->current);
    generation_deinit(&ice->previous);
}

void ice_restart(struct ice *ice, struct text remote_ufrag, char ret_lost_ufrag[ICE_UFRAG_LEN + 1])
{
    ret_lost_ufrag[0] = '\0';
    if (ice->previous.ufrag[0]) {
        memcpy(ret_lost_ufrag, ice->current.ufrag, sizeof(ice->current.ufrag));
        generation_deinit(&ice->current);
    } else {
        ice->previous = ice->current;
        memset(&ice->current, 0, sizeof(ice->current));
    }
    generation_init(&ice->current, remote_ufrag);
}

bool ice_knows_ufrag(const struct ice *ice, struct text ufrag)
{
    return ufrag.len == ICE_UFRAG_LEN && (text_equal(ufrag, text_of(ice->current.ufrag)) ||
                                          text_equal(ufrag, text_of(ice->previous.ufrag)));
}

/* The generation that a USERNAME "local:remote" names, or NULL. */
static struct ice_generation *find_generation(struct ice *ice, struct text username)
{
    struct ice_generation *generations[] = {&ice->current, &ice->previous};
    struct text local = text_cut(&username, ':');

    for (size_t i = 0; i < 2; i++) {
        if (generations[i]->ufrag[0] && text_equal(local, text_of(generations[i]->ufrag)) &&
            text_equal(username, text_of(generations[i]->remote_ufrag)))
            return generations[i];
    }
    return NULL;
}

/* ---- paths ---- */

struct ice_path *ice_find_path(struct ice *ice, const struct webrtc_address *address)
{
    if (ice->selected && memcmp(&ice->selected->address, address, sizeof(*address)) == 0)
        return ice->selected;
    for (size_t i = 0; i < WEBRTC_PATHS_MAX; i++) {
        struct ice_path *path = &ice->paths[i];

        if (path->is_used && memcmp(&path->address, address, sizeof(*address)) == 0)
            return path;
    }
    return NULL;
}

/* A free place, or that of the path that was heard longest ago and is not selected. */
static struct ice_path *make_room(struct ice *ice, struct ice_change *change)
{
    struct ice_path *oldest = NULL;

    for (size_t i = 0; i < WEBRTC_PATHS_MAX; i++) {
        struct ice_path *path = &ice->paths[i];

        if (!path->is_used)
            return path;
        if (path != ice->selected && (!oldest || path->heard_at_us < oldest->heard_at_us))
            oldest = path;
    }
    change->has_dropped = true;
    change->dropped = oldest->address;
    return oldest;
}

static struct ice_path *add_path(struct ice *ice, const struct webrtc_address *from,
                                 struct ice_change *change)
{
    struct ice_path *path = make_room(ice, change);

    *path = (struct ice_path){.address = *from, .is_used = true};
    change->has_added = true;
    return path;
}

static void select_path(struct ice *ice, struct ice_path *path, int64_t now_us)
{
    struct ice_path *selected = ice->selected;

    /* RFC 8445 section 8.1.1: of several nominated pairs the one of the highest priority. */
    if (!selected ||
        (path->is_nominated && (!selected->is_nominated || path->priority >= selected->priority ||
                                now_us - selected->heard_at_us > STALE_US)))
        ice->selected = path;
}

void ice_note_media(struct ice *ice, struct ice_path *path, int64_t now_us)
{
    path->heard_at_us = now_us;
    ice->selected = path;
}

void ice_drop_path(struct ice *ice, struct ice_path *path)
{
    path->is_used = false;
    if (ice->selected != path)
        return;
    ice->selected = NULL;
    for (size_t i = 0; i < WEBRTC_PATHS_MAX; i++) {
        struct ice_path *other = &ice->paths[i];

        if (other->is_used && (!ice->selected || other->heard_at_us > ice->selected->heard_at_us))
            ice->selected = other;
    }
}

struct ice_path *ice_find_silent(struct ice *ice, int64_t now_us)
{
    for (size_t i = 0; i < WEBRTC_PATHS_MAX; i++) {
        struct ice_path *path = &ice->paths[i];

        if (path->is_used && now_us - path->heard_at_us >= ICE_CONSENT_US)
            return path;
    }
    return NULL;
}

int64_t ice_deadline_us(const struct ice *ice)
{
    int64_t deadline_us = INT64_MAX;

    for (size_t i = 0; i < WEBRTC_PATHS_MAX; i++) {
        const struct ice_path *path = &ice->paths[i];

        if (path->is_used && path->heard_at_us + ICE_CONSENT_US < deadline_us)
            deadline_us = path->heard_at_us + ICE_CONSENT_US;
    }
    return deadline_us;
}

/* ---- checks ---- */

static enum err refuse(struct writer *answer, const struct stun_message *request, unsigned code,
                       struct text reason, struct srtp_hmac *key)
{
    struct stun_writer s = stun_begin(answer, STUN_BINDING_ERROR, request->transaction);

    stun_add_error(&s, code, reason);
    if (code == 420)
        stun_add_unknown(&s, request->unknown, request->unknown_count);
    stun_end(&s, key);
    return ERR_DENIED;
}

static void end_previous(struct ice *ice, struct ice_change *change)
{
    change->has_ended_previous = true;
    memcpy(change->ended_ufrag, ice->previous.ufrag, sizeof(change->ended_ufrag));
    generation_deinit(&ice->previous);
    for (size_t i = 0; i < WEBRTC_PATHS_MAX; i++)
        ice->paths[i].is_nominated = false; /* a restart nominates anew */
}

enum err ice_check(struct ice *ice, const uint8_t *bytes, size_t len,
                   const struct webrtc_address *from, int64_t now_us, struct writer *answer,
                   struct ice_change *ret_change)
{
    struct stun_message request;
    struct ice_change change = {0};

    *ret_change = change;
    if (stun_parse(bytes, len, &request) != OK || request.type != STUN_BINDING_REQUEST)
        return ERR_MALFORMED;

    /* RFC 8489 section 9.1.3: the order and the codes of these refusals. */
    if (!request.username.ptr || request.integrity_at == 0)
        return refuse(answer, &request, 400, TEXT("Bad Request"), NULL);
    struct ice_generation *generation = find_generation(ice, request.username);
    if (!generation || !stun_check_integrity(bytes, &request, &generation->key))
        return refuse(answer, &request, 401, TEXT("Unauthenticated"), NULL);
    if (request.unknown_count > 0)
        return refuse(answer, &request, 420, TEXT("Unknown Attribute"), &generation->key);

    struct stun_writer s = stun_begin(answer, STUN_BINDING_RESPONSE, request.transaction);
    stun_add_mapped_address(&s, from);
    stun_end(&s, &generation->key);

    if (generation == &ice->current && ice->previous.ufrag[0])
        end_previous(ice, &change);
    struct ice_path *path = ice_find_path(ice, from);
    if (!path)
        path = add_path(ice, from, &change);
    path->heard_at_us = now_us;
    path->priority = request.priority;
    path->is_nominated |= request.has_use_candidate;
    select_path(ice, path, now_us);
    change.is_valid = true;
    *ret_change = change;
    return OK;
}
