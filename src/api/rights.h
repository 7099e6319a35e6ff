/*
 * rights - who may call what. Private to api/.
 *
 * A row of the operation table says who (operation_who) and with which scope; a caller has a kind,
 * a role and scopes (account/account.h). Both must fit:
 *
 *                anybody  stream key  publish token  buyer  seller         admin, admin key
 *   WHO_ANYBODY  yes      yes         yes            yes    yes            yes
 *   WHO_SESSION  -        -           -              when it is a session  (not the key)
 *   WHO_SELF     -        -           -              yes    yes            yes
 *   WHO_PERSON   -        -           -              scope  scope          yes
 *   WHO_OWNER    -        -           -              scope, own channel    yes
 *   WHO_HOST     -        own channel own channel, scope, own channel      yes
 *                                     reading only
 *   WHO_ADMIN    -        -           -              -      -              scope
 *
 * An API key has no more than the scopes it was made with. A mutation by a session's cookie needs
 * the session's CSRF token. Everything that changes something is limited in its rate.
 */
#ifndef API_RIGHTS_H
#define API_RIGHTS_H

#include <stdbool.h>

struct call;
struct caller;
struct channel;

/* What can be said before the input is read. False: call->error is filled. */
bool rights_admit(struct call *call);

/* For WHO_OWNER and WHO_HOST, once the channel is known: it is field 0. */
bool rights_check_channel(struct call *call);

/* The channel is the caller's, or the caller is an admin. */
bool rights_owns(const struct caller *caller, const struct channel *channel);

/* The caller may see the channel's stream key. */
bool rights_sees_key(const struct caller *caller, const struct channel *channel);

#endif
