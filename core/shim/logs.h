/* SPDX-License-Identifier: Apache-2.0
 *
 * logs: sandbox.logs, the lines of the log (guestlog.h) from LOGS_TAIL bytes before its end, and, when
 * asked, the ones that follow. The file system says when there are more.
 */
#ifndef SEER_SHIM_LOGS_H
#define SEER_SHIM_LOGS_H

#include "shim/shim.h"

#define LOGS_TAIL (1u << 20)

void logs_request(struct shim *s, struct call *take_call);
void logs_drained(struct shim *s, const struct peer *p);
/* The sandbox is gone: those who follow get their last lines and the answer. */
void logs_end(struct shim *s);

#endif
