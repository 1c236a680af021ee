/* SPDX-License-Identifier: Apache-2.0
 *
 * ids: which host ids stand behind a guest's. Root that holds the range maps 0..65535 to IDS_BASE..;
 * everyone else (an ordinary user, or root of a container whose own map ends earlier) maps the
 * guest's root to itself and nothing more.
 *
 * The range is nobody's on the host, and one for all sandboxes: a layer of files built in one is
 * owned by root in every other.
 */
#ifndef SEER_BASE_IDS_H
#define SEER_BASE_IDS_H

#include <stdbool.h>
#include <sys/types.h>

#define IDS_BASE 1900019712u
#define IDS_COUNT 65536u

struct ids {
    uid_t uid; /* of the guest's root, on the host */
    gid_t gid;
    unsigned count;
};

/* What this process can give. */
struct ids ids_here(void);
/* Pure: does the text of a uid_map cover [first, first + count)? */
bool ids_map_covers(const char *map, unsigned first, unsigned count);

#endif
