/* session_mux - what a session tells its mux; the rest is in webrtc/webrtc.h. */
#ifndef WEBRTC_SESSION_MUX_H
#define WEBRTC_SESSION_MUX_H

#include "webrtc/webrtc.h"

/* All of them do nothing when `mux` is NULL. */
void webrtc_mux_add_ufrag(struct webrtc_mux *mux, const char *ufrag,
                          struct webrtc_session *session);
void webrtc_mux_remove_ufrag(struct webrtc_mux *mux, const char *ufrag);

/* A path of another session with the same address is taken over. */
void webrtc_mux_add_path(struct webrtc_mux *mux, const struct webrtc_address *address,
                         struct webrtc_session *session);

/* Nothing happens when the path belongs to another session by now. */
void webrtc_mux_remove_path(struct webrtc_mux *mux, const struct webrtc_address *address,
                            const struct webrtc_session *session);

void webrtc_mux_count_session(struct webrtc_mux *mux, int change);

/* The connection behind the address is gone. */
void webrtc_session_forget(struct webrtc_session *session, const struct webrtc_address *address);

#endif
