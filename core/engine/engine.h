/* SPDX-License-Identifier: Apache-2.0
 *
 * engine: a way to start a shim. Nothing above this interface knows where the shim runs. `local` is
 * the one there is; ssh, slurm and others are further struct engine.
 *
 * The shim reads its order (one JSON object, see shim/order.h) from standard input, and answers on
 * descriptor 3 with one line: {"ready": true, ...} or {"error": {...}}. It runs in a session of its
 * own, so it lives on when the daemon dies. Its link is the Unix socket run/<sandbox>/shim.sock.
 */
#ifndef SEER_ENGINE_ENGINE_H
#define SEER_ENGINE_ENGINE_H

#include "proto/peer.h"

struct engine;

struct engine_done {
    /* Exactly once. answer: the shim's ready line (borrowed), or NULL with err. */
    void (*done)(const json_t *answer, const struct err *err, void *ctx);
};

struct engine_ops {
    const char *name;
    int (*start)(struct engine *e, const json_t *order, const struct engine_done *done, void *ctx,
                 struct err *err);
    /* A connection to the shim of a sandbox; -ENOENT or -ECONNREFUSED when it is dead. */
    int (*connect)(struct engine *e, const char *sandbox, struct peer *p, struct err *err);
    /* Ends a shim that does not answer; p is a connection to it, still open. -ESRCH: it is dead. */
    int (*kill)(struct engine *e, const struct peer *p, struct err *err);
    /* Removes what a dead shim left (runs `seer-shim --reap DIR`); done fires when it is gone. */
    int (*reap)(struct engine *e, const char *sandbox, const struct engine_done *done, void *ctx,
                struct err *err);
};

struct engine {
    const struct engine_ops *ops;
};

/* home and run as in base/paths.h; borrowed for the engine's life. */
struct engine *engine_local_new(uv_loop_t *loop, const char *home, const char *run);
/* Lets go of every child without ending it; done fires no more. The loop must turn afterwards. */
void engine_close(struct engine *e);
void engine_free(struct engine *e);

#endif
