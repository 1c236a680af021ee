/* SPDX-License-Identifier: Apache-2.0
 *
 * source: bytes that the guest writes into a pipe of ours, read as they come.
 *
 * ops->end fires at most once, after the last byte: when every writer has closed the pipe, or, after
 * source_finish(), when what stood in the pipe at that moment has been read. Neither fires after
 * source_close(), which may be called inside both.
 */
#ifndef SEER_SHIM_SOURCE_H
#define SEER_SHIM_SOURCE_H

#include "base/err.h"
#include "base/cleanup.h"

#include <uv.h>

struct source;

struct source_ops {
    void (*data)(struct source *src, const char *data, size_t len, void *ctx);
    void (*end)(struct source *src, void *ctx);
};

/* Takes fd, and makes it non-blocking. */
_must_check_ int source_open(uv_loop_t *loop, int take_fd, const struct source_ops *ops, void *ctx,
                             struct source **ret, struct err *err);
/* Back pressure: no data between the two. */
void source_pause(struct source *src);
void source_resume(struct source *src);
/* The process that the pipe was made for is dead: a child of it that holds the pipe is not waited
 * for. May fire data and end before it returns. */
void source_finish(struct source *src);
void source_close(struct source *src);

#endif
