/* SPDX-License-Identifier: Apache-2.0
 *
 * ids: the maps of a sandbox's user namespace (base/ids.h says which ids).
 */
#ifndef SEER_SANDBOX_IDS_H
#define SEER_SANDBOX_IDS_H

#include "base/cleanup.h"
#include "base/err.h"
#include "base/ids.h"

/* Writes the maps of a child that waits in a new user namespace. */
_must_check_ int ids_write_maps(const struct ids *ids, pid_t pid, struct err *err);

#endif
