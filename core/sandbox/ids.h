/* SPDX-License-Identifier: Apache-2.0
 *
 * ids: which host ids stand behind the guest's. Root that holds the range maps 0..65535 to
 * SANDBOX_UID_BASE..; everyone else (an ordinary user, or root of a container whose own map ends
 * earlier) maps the guest's root to itself and nothing more.
 */
#ifndef SEER_SANDBOX_IDS_H
#define SEER_SANDBOX_IDS_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct ids {
    uid_t uid; /* of the guest's root, on the host */
    gid_t gid;
    unsigned count;
};

/* What this process can give. */
struct ids ids_here(void);
/* Pure: does the text of a uid_map cover [first, first + count)? */
bool ids_map_covers(const char *map, unsigned first, unsigned count);
/* Writes the maps of a child that waits in a new user namespace. */
_must_check_ int ids_write_maps(const struct ids *ids, pid_t pid, struct err *err);

#endif
