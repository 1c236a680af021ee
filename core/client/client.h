/* SPDX-License-Identifier: Apache-2.0
 *
 * client: how a program talks to seerd, starting it when none runs.
 *
 * client_peer() is for programs with a loop of their own (mcp); client_call() runs the loop until
 * the answer is there (cli). Both do `hello` first. A connection that is lost in the middle (seerd
 * was killed) is made anew by the caller calling again; client_execute() does that by itself: it
 * goes on with session.wait, so that a cell is never run twice.
 */
#ifndef SEER_CLIENT_CLIENT_H
#define SEER_CLIENT_CLIENT_H

#include "base/paths.h"
#include "proto/peer.h"

struct client;

/* Connects, starting `seerd` (beside this executable, else on PATH) if nobody listens at run/d.sock;
 * refuses a socket that another user owns. The daemon is run as `seerd --ready-fd N` in a session of
 * its own, with the caller's environment and absolute SEER_HOME and SEER_CACHE; it writes one line to
 * N when it listens, or {"error": {kind, code, message, hint}} when it cannot. Two clients that start
 * at once are kept apart by a lock on run/d.lock. */
_must_check_ int client_open(uv_loop_t *loop, struct client **ret, struct err *err);
/* The same, but starts nothing: code "no_daemon" when nobody listens. */
_must_check_ int client_open_running(uv_loop_t *loop, struct client **ret, struct err *err);
/* Takes params. *ret_result: new reference. on_event may be NULL. Negative with err on failure;
 * code "connection_lost" means: ask again. */
_must_check_ int client_call(struct client *c, const char *method, json_t *take_params,
                             void (*on_event)(const char *event, const json_t *data, void *ctx),
                             void *ctx, json_t **ret_result, struct err *err);
/* session.execute to its end, across deaths of seerd; events as they come, none twice. It names the
 * cell itself (unless params do), so that after a lost connection session.wait tells whether the
 * request had arrived; code "no_such_cell" means it had not, and it is sent again. */
_must_check_ int client_execute(struct client *c, json_t *take_params,
                                void (*on_event)(const char *event, const json_t *data, void *ctx),
                                void *ctx, json_t **ret_result, struct err *err);
/* The same from session.wait on: params name the session and a cell that exists. */
_must_check_ int client_follow(struct client *c, json_t *take_params,
                               void (*on_event)(const char *event, const json_t *data, void *ctx),
                               void *ctx, json_t **ret_result, struct err *err);
/* From an event or a signal: cancels the client_call in progress, which then ends as the other side
 * answers. */
void client_cancel(struct client *c);
/* What hello answered; borrowed. */
const json_t *client_hello(const struct client *c);
/* The connection, for requests on the side; NULL while it is lost. Borrowed. */
struct peer *client_peer(struct client *c);
void client_close(struct client *c);

/* For loop-driven programs: connect (starting seerd) without hello. Caller owns the peer. */
_must_check_ int client_connect(uv_loop_t *loop, const struct peer_ops *ops, void *ctx,
                                struct peer **ret, struct err *err);
/* The part of this process's environment that a sandbox.start honours (SEER_*, HF_*, PIP_*, UV_*,
 * proxies, certificates, PATH, HOME), as {"NAME": "value"}; new reference. */
json_t *client_environ(void);

#endif
