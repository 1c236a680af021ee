/* SPDX-License-Identifier: Apache-2.0
 *
 * verify: looks from outside at what a started guest really got. Nothing is believed because a call
 * returned 0.
 */
#ifndef SEER_SANDBOX_VERIFY_H
#define SEER_SANDBOX_VERIFY_H

#include "sandbox/plan.h"

#include <sys/types.h>

/* Pure: the text of /proc/<pid>/status against what must stand there. */
_must_check_ int verify_status(const char *status, unsigned uid, struct err *err);
_must_check_ int verify_guest(pid_t pid, const struct plan *plan, uid_t uid, struct err *err);

#endif
