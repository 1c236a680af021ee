/* SPDX-License-Identifier: Apache-2.0
 *
 * reap: what a dead shim left, put in order: `seer-shim --reap SEER_HOME/sandboxes/<id>`.
 *
 * The journals of its sessions get the ends they lack, the notebooks are written from them, the
 * processes, mounts, cgroups and folders go. Done twice it does nothing more; cut off at any point
 * it can be done again. A sandbox whose shim lives is refused.
 */
#ifndef SEER_SHIM_REAP_H
#define SEER_SHIM_REAP_H

#include "base/cleanup.h"
#include "base/err.h"

/* dir need not exist any more. */
_must_check_ int reap(const char *dir, struct err *err);

#endif
