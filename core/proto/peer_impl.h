/* SPDX-License-Identifier: Apache-2.0
 *
 * peer_impl: what peer.c and call.c share; nobody else includes it.
 *
 * Lifetimes. A peer lives from peer_new until both of its handles are closed; everything that
 * points at it is let go in that close callback. An incoming call lives until its handler ends it
 * and may outlive the peer, which then sets call->peer to NULL. An outgoing call lives until its
 * answer.
 */
#ifndef SEER_PROTO_PEER_IMPL_H
#define SEER_PROTO_PEER_IMPL_H

#include "proto/methods.h"
#include "proto/peer.h"

struct call {
    struct peer *peer; /* borrowed; NULL once the connection is gone */
    struct call *next; /* in peer->incoming */
    json_int_t id;
    const struct method *method;
    json_t *params; /* owned */
    void (*gone)(struct call *c, void *ctx);
    void *gone_ctx;
    bool cancelled;
};

/* Makes the call and puts it on the peer's list. Takes params. */
struct call *call_new(struct peer *p, json_int_t id, const struct method *m, json_t *take_params);
/* The requester no longer wants it: fires on_gone, once. The call may be freed by that. */
void call_gone(struct call *c);

/* Queues one message; takes it. 0, -EPIPE (no connection) or -EMSGSIZE (nothing was sent). */
_must_check_ int peer_send(struct peer *p, json_t *take_message);
/* Ends the connection, for the reason given. */
void peer_fail(struct peer *p, const struct err *why);
/* A connected, blocking socket (caller's) or a negative errno. */
_must_check_ int peer_connect_fd(const char *path, struct err *err);
struct call **peer_incoming(struct peer *p);
bool peer_open(const struct peer *p);

#endif
