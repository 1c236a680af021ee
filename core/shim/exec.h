/* SPDX-License-Identifier: Apache-2.0
 *
 * exec: sandbox.exec, one command in the sandbox.
 *
 * The call is answered when the command has ended and what it wrote has been passed on; a child that
 * it left behind with the pipe in hand is not waited for. At the deadline, or when nobody wants the
 * answer any more, the command's process group is killed.
 */
#ifndef SEER_SHIM_EXEC_H
#define SEER_SHIM_EXEC_H

#include "shim/shim.h"

void exec_request(struct shim *s, struct call *take_call);
/* The reader p has caught up: commands that were held back for it go on. */
void exec_drained(struct shim *s, const struct peer *p);

#endif
