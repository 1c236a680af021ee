/* SPDX-License-Identifier: Apache-2.0
 *
 * links: folders of this machine that hold packages, bound read-only into a builder. A folder below
 * /opt, /srv or /mnt keeps its path, so that messages read as the user wrote it; any other (a home)
 * comes to /mnt/seer/<n>.
 */
#ifndef SEER_IMAGE_LINKS_H
#define SEER_IMAGE_LINKS_H

#include "proto/json.h"

/* A find-links entry or an index as the builder sees it; malloc'ed. "/path" and "file:///path" are
 * bound (appended to mounts); anything else is a URL and stays. An index of files may link beside
 * itself (../../files/x.whl): that folder is bound too. NULL when the folder is not there. */
char *links_place(const char *given, bool index, json_t *mounts);
/* The host's path of a "/path" or "file:///path"; NULL for a URL. malloc'ed. */
char *links_path(const char *given);

#endif
