/* SPDX-License-Identifier: Apache-2.0
 *
 * caps: what the guest's root may still do inside its own user namespace, for good.
 */
#ifndef SEER_SANDBOX_CAPS_H
#define SEER_SANDBOX_CAPS_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdint.h>

/* Bit mask of what is kept. */
uint64_t caps_kept(void);
/* Drops the bounding set to it, then permitted and effective, clears the rest; sets
 * no_new_privs and forbids core dumps. */
_must_check_ int caps_drop(struct err *err);

#endif
