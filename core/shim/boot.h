/* SPDX-License-Identifier: Apache-2.0
 *
 * boot: the talk with guest/boot.py (its head documents the lines) until the kernel is bound.
 *
 * Everything that comes in is the guest's: a line above LIMIT_GUEST_LINE, one that is no JSON
 * object, or one out of turn ends the start. Ends in exactly one of session_boot_ready() and
 * session_boot_failed(), which close it.
 */
#ifndef SEER_SHIM_BOOT_H
#define SEER_SHIM_BOOT_H

#include "shim/session.h"

struct boot;

/* Starts the process: python boot.py with its socket, and se->log behind 1 and 2. ops get the session's
 * id as ctx, to be freed. */
_must_check_ int boot_start(struct session *se, const json_t *params, const struct job_ops *ops,
                            struct err *err);
/* The process has ended: what it still said counts, then the start has failed. */
void boot_job_ended(struct boot *b, const char *how);
/* A reader that was slow has caught up. */
void boot_drained(struct shim *s, const struct peer *p);
void boot_close(struct boot *b);

#endif
