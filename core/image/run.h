/* SPDX-License-Identifier: Apache-2.0
 *
 * run: a small program of this machine, its standard output collected. done fires exactly once, never
 * before run_start returns.
 */
#ifndef SEER_IMAGE_RUN_H
#define SEER_IMAGE_RUN_H

#include "base/err.h"
#include "base/cleanup.h"

#include <stddef.h>
#include <uv.h>

struct run;

/* status: the exit status, 128 + signal, or -1 when the output passed its limit. */
typedef void run_done(int status, const char *out, size_t len, void *ctx);

/* env NULL: this process's. fd >= 0 is given to the child as its descriptor 3. */
_must_check_ int run_start(uv_loop_t *loop, char *const argv[], char *const env[], int fd,
                           run_done *done, void *ctx, struct run **ret, struct err *err);
/* Kills it; done still fires. NULL is fine. */
void run_cancel(struct run *r);

#endif
