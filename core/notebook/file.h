/* SPDX-License-Identifier: Apache-2.0
 *
 * file: the .ipynb on disk. Written to a temporary file beside it, synced, renamed (write: not
 * synced; the caller does it when it likes, the journal has everything). It remembers
 * (size, mtime, inode, hash of content) what it wrote last: when somebody else changed the file since, ours
 * goes to "<name> (seer).ipynb" beside it instead, and *ret_path says so.
 */
#ifndef SEER_NOTEBOOK_FILE_H
#define SEER_NOTEBOOK_FILE_H

#include "notebook/fold.h"

struct notebook_file;

/* path: absolute. A file that is already there and is not ours is not overwritten: " 2", " 3", …
 * goes before ".ipynb". The place is held by an empty file until the first save. */
_must_check_ int notebook_file_open(const char *path, struct notebook_file **ret, struct err *err);
/* The same for a session that has a notebook already (its shim died): the file at path is taken over
 * when it is of that session and as seer wrote it, which a digest in its metadata tells; a file that
 * was edited stays, and "<name> (seer).ipynb" is ours. */
_must_check_ int notebook_file_adopt(const char *path, const char *session,
                                     struct notebook_file **ret, struct err *err);
_must_check_ int notebook_file_save(struct notebook_file *nf, const struct fold *f,
                                    struct err *err);
_must_check_ int notebook_file_write(struct notebook_file *nf, const struct fold *f,
                                     struct err *err);
const char *notebook_file_path(const struct notebook_file *nf);
void notebook_file_close(struct notebook_file *nf);

#endif
