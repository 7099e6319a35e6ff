#include "webrtc/session_mux.h"

#include <assert.h>

#include "base/map.h"
#include "base/mem.h"
#include "webrtc/stun.h"

struct webrtc_mux {
    struct map by_ufrag; /* local ufrag -> session */
    struct map by_path;  /* struct webrtc_address -> session */
    size_t session_count;
    uint64_t dropped;
};

static_assert(sizeof(struct webrtc_address) == 24, "padding would be part of the key");

static struct text key_of(const struct webrtc_address *address)
{
    return (struct text){(const char *)address, sizeof(*address)};
}

struct webrtc_mux *webrtc_mux_create(void)
{
    return mem_zalloc(sizeof(struct webrtc_mux));
}

void webrtc_mux_destroy(struct webrtc_mux *mux)
{
    if (!mux)
        return;
    assert(mux->session_count == 0);
    map_deinit(&mux->by_ufrag);
    map_deinit(&mux->by_path);
    mem_free(mux);
}

void webrtc_mux_add_ufrag(struct webrtc_mux *mux, const char *ufrag, struct webrtc_session *session)
{
    if (mux)
        (void)map_put(&mux->by_ufrag, text_of(ufrag), session); /* random: there was none */
}

void webrtc_mux_remove_ufrag(struct webrtc_mux *mux, const char *ufrag)
{
    if (mux && ufrag[0])
        (void)map_remove(&mux->by_ufrag, text_of(ufrag));
}

void webrtc_mux_add_path(struct webrtc_mux *mux, const struct webrtc_address *address,
                         struct webrtc_session *session)
{
    if (!mux)
        return;
    struct webrtc_session *other = map_put(&mux->by_path, key_of(address), session);

    if (other && other != session)
        webrtc_session_forget(other, address);
}

void webrtc_mux_remove_path(struct webrtc_mux *mux, const struct webrtc_address *address,
                            const struct webrtc_session *session)
{
    if (mux && map_get(&mux->by_path, key_of(address)) == session)
        (void)map_remove(&mux->by_path, key_of(address));
}

void webrtc_mux_count_session(struct webrtc_mux *mux, int change)
{
    if (mux)
        mux->session_count += (size_t)(ptrdiff_t)change;
}

/* A check names its session by our ufrag, wherever it comes from; so a publisher that starts anew
 * from the same port finds its new session. */
static struct webrtc_session *find_by_username(const struct webrtc_mux *mux, const uint8_t *bytes,
                                               size_t len)
{
    struct stun_message message;

    if (stun_parse(bytes, len, &message) != OK || message.type != STUN_BINDING_REQUEST ||
        !message.username.ptr)
        return NULL;
    struct text ufrag = text_sub(message.username, 0, text_index_of(message.username, ':'));

    return map_get(&mux->by_ufrag, ufrag);
}

struct webrtc_session *webrtc_mux_receive(struct webrtc_mux *mux, uint8_t *bytes, size_t len,
                                          const struct webrtc_address *from, int64_t now_us)
{
    struct webrtc_session *session;

    if (stun_is_message(bytes, len))
        session = find_by_username(mux, bytes, len);
    else
        session = map_get(&mux->by_path, key_of(from));
    if (!session) {
        mux->dropped++;
        return NULL;
    }
    webrtc_session_receive(session, bytes, len, from, now_us);
    return session;
}

void webrtc_mux_forget(struct webrtc_mux *mux, const struct webrtc_address *address)
{
    struct webrtc_session *session = map_remove(&mux->by_path, key_of(address));

    if (session)
        webrtc_session_forget(session, address);
}

void webrtc_mux_stats(const struct webrtc_mux *mux, struct webrtc_mux_stats *ret_stats)
{
    *ret_stats = (struct webrtc_mux_stats){
        .sessions = mux->session_count,
        .paths = mux->by_path.count,
        .dropped = mux->dropped,
    };
}
