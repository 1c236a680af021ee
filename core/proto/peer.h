/* SPDX-License-Identifier: Apache-2.0
 *
 * peer: one end of a connection that speaks frames, in a libuv loop. Both the daemon's and the
 * shim's sockets, and every client's, are this.
 *
 *   struct peer *p = peer_new(loop, &ops, ctx);         then one of
 *   peer_connect(p, "/path.sock", err)                  a blocking connect(2): local, immediate
 *   peer_accept(p, server_pipe)                         from a listening uv_pipe_t
 *   peer_call(p, "method", params, &(struct peer_reply){...}, ctx)
 *   peer_close(p)                                       asynchronous; ops->closed fires, then freed
 *
 * A request that comes in is checked against the table of methods (methods.h) before ops->request
 * sees it. Outstanding outgoing calls are failed with code "connection_lost" at close. A reader that
 * lets more than LIMIT_PEER_BACKLOG pile up is closed.
 */
#ifndef SEER_PROTO_PEER_H
#define SEER_PROTO_PEER_H

#include "proto/call.h"

#include <uv.h>

struct peer_ops {
    /* A request; the handler takes the call. NULL: every request is refused. */
    void (*request)(struct peer *p, struct call *take_call, void *ctx);
    /* The connection ended (why->kind is ERR_NONE for an orderly end). p is freed afterwards. */
    void (*closed)(struct peer *p, const struct err *why, void *ctx);
    unsigned side; /* METHOD_DAEMON or METHOD_SHIM: which requests are served here */
    /* The backlog fell below PEER_LOW_WATER after it had been above PEER_HIGH_WATER: producers that
     * paused (see call_event) go on. Called from the loop. May be NULL. */
    void (*drained)(struct peer *p, void *ctx);
};

#define PEER_HIGH_WATER (4u << 20)
#define PEER_LOW_WATER (1u << 20)

struct peer_reply {
    /* Borrowed for the call. May be NULL. */
    void (*event)(const char *event, const json_t *data, void *ctx);
    /* Exactly once: result (borrowed) or err is set, the other NULL. */
    void (*done)(const json_t *result, const struct err *err, void *ctx);
};

struct peer *peer_new(uv_loop_t *loop, const struct peer_ops *ops, void *ctx);
_must_check_ int peer_connect(struct peer *p, const char *path, struct err *err);
_must_check_ int peer_accept(struct peer *p, uv_pipe_t *server, struct err *err);
/* For an already connected socket (socketpair, inherited fd). Takes fd. */
_must_check_ int peer_open_fd(struct peer *p, int take_fd, struct err *err);
void peer_close(struct peer *p);
/* Closes one that was never handed out: ops->closed does not fire. */
void peer_discard(struct peer *p);

/* Sends a request; takes params (NULL is {}). Returns its id (> 0). reply->done always fires, never
 * before peer_call returns. */
uint64_t peer_call(struct peer *p, const char *method, json_t *take_params,
                   const struct peer_reply *reply, void *ctx);
void peer_cancel(struct peer *p, uint64_t id);
/* Bytes queued and not yet taken by the kernel. */
size_t peer_backlog(const struct peer *p);
void *peer_ctx(const struct peer *p);
/* uid of the process at the other end (SO_PEERCRED), or -errno. */
int64_t peer_uid(const struct peer *p);
/* A pidfd of that process, the caller's to close; -ESRCH when it is gone, or another -errno. */
_must_check_ int peer_pidfd(const struct peer *p);
/* Stops and starts reading (back pressure). */
void peer_pause(struct peer *p);
void peer_resume(struct peer *p);

/* Binds and listens on a Unix socket of mode 0600, replacing a dead one at the path. */
_must_check_ int peer_listen(uv_loop_t *loop, uv_pipe_t *server, const char *path,
                             uv_connection_cb on_connection, struct err *err);

#endif
