/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway: the HTTP front on 127.0.0.1, in the loop given (libwebsockets as a guest of libuv).
 *
 *   GET  /s/<sandbox>/?token=T          the live page; the token moves into a cookie
 *   GET  /s/<sandbox>/page.css, page.js what the page is made of (no secret in it)
 *   GET  /s/<sandbox>/sessions          {sandbox, name, sessions: [...]}
 *   GET  /s/<sandbox>/events?session=&from=   the journal as server-sent events, by cursor
 *   GET  /s/<sandbox>/notebook.ipynb?session= the notebook, to keep
 *   POST /s/<sandbox>/interrupt?session=      with a header X-XSRFToken
 *   GET  /s/<sandbox>/api               {version}
 *
 * It holds no state of its own: who may see what is asked of the daemon for every request
 * (gateway.check), through a peer, so that this parser of strangers' bytes can become a process of
 * its own at the price of a socketpair. Tokens come as ?token=, `Authorization: token T` or
 * `Bearer T`, or the cookie; they are compared by the daemon, in constant time, and never logged.
 */
#ifndef SEER_GATEWAY_GATEWAY_H
#define SEER_GATEWAY_GATEWAY_H

#include "proto/peer.h"

struct gateway;

struct gateway_options {
    int want_port; /* 0: any */
};

/* daemon: borrowed, must outlive the gateway. -EADDRINUSE when want_port is taken. */
_must_check_ int gateway_start(uv_loop_t *loop, struct peer *daemon,
                               const struct gateway_options *o, struct gateway **ret,
                               struct err *err);
int gateway_port(const struct gateway *g);
/* Ends all connections; the loop must turn afterwards until its handles are closed. NULL is fine. */
void gateway_stop(struct gateway *g);

#endif
