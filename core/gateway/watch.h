/* SPDX-License-Identifier: Apache-2.0
 *
 * watch: notices that a browser left while its answer is still to come. libwebsockets 4.1 does not
 * read from a connection in the middle of an answer: it would miss the end of a stream's reader, and
 * turn round and round on a socket that is readable all the time. So a second descriptor of the same
 * socket is watched; what comes then, the end or a pipelined request, ends the connection.
 */
#ifndef SEER_GATEWAY_WATCH_H
#define SEER_GATEWAY_WATCH_H

#include <libwebsockets.h>
#include <uv.h>

struct watch;

/* NULL when it cannot be watched (no descriptors left). */
struct watch *watch_start(uv_loop_t *loop, struct lws *wsi);
/* NULL is fine. Before the connection is gone. */
void watch_stop(struct watch *w);

#endif
