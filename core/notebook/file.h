/* SPDX-License-Identifier: Apache-2.0
 *
 * file: the .ipynb on disk. Written to a temporary file beside it, synced, renamed. It remembers
 * (size, mtime, inode, hash of content) what it wrote last: when somebody else changed the file since, ours
 * goes to "<name> (seer).ipynb" beside it instead, and *ret_path says so.
 */
#ifndef SEER_NOTEBOOK_FILE_H
#define SEER_NOTEBOOK_FILE_H

#include "proto/json.h"

struct notebook_file;

/* path: absolute. A file that is already there and is not ours is not overwritten: " 2", " 3", …
 * goes before ".ipynb". uid/gid -1 or the owner it gets. */
_must_check_ int notebook_file_open(const char *path, struct notebook_file **ret, struct err *err);
_must_check_ int notebook_file_save(struct notebook_file *nf, const json_t *notebook,
                                    struct err *err);
const char *notebook_file_path(const struct notebook_file *nf);
void notebook_file_close(struct notebook_file *nf);

#endif
