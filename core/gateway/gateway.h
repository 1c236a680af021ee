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
    bool must;     /* that port or none; else any other does when it is taken */
};

/* daemon: borrowed, must outlive the gateway. -EADDRINUSE when want_port is taken. *ret is set on
 * failure too: what was begun is stopped and freed like a gateway that works. */
_must_check_ int gateway_start(uv_loop_t *loop, struct peer *daemon,
                               const struct gateway_options *o, struct gateway **ret,
                               struct err *err);
int gateway_port(const struct gateway *g);
/* Ends all connections and closes all handles. NULL and a second time are fine. */
void gateway_stop(struct gateway *g);
/* After gateway_stop(), once the loop has run out. NULL is fine. */
void gateway_free(struct gateway *g);

#endif
