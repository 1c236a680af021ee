/* SPDX-License-Identifier: Apache-2.0
 *
 * fs: files, folders and paths by descriptor. Everything is O_CLOEXEC. Paths inside a tree that a
 * guest can write go through fs_open_in() only (openat2, RESOLVE_IN_ROOT), never through a string
 * prefix.
 */
#ifndef SEER_BASE_FS_H
#define SEER_BASE_FS_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* openat2(dirfd, path, flags|O_CLOEXEC, mode) with RESOLVE_IN_ROOT: symlinks and ".." stay below
 * dirfd. Returns a descriptor (caller's) or -errno. */
_must_check_ int fs_open_in(int dirfd, const char *path, int flags, mode_t mode);
/* The same with RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS: any symlink on the way is -ELOOP. */
_must_check_ int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode);

/* mkdir -p below dirfd (AT_FDCWD for a plain path). Existing folders are fine. 0 or -errno. */
_must_check_ int fs_mkdir_p(int dirfd, const char *path, mode_t mode);
/* Removes a tree, never following symlinks nor crossing a mount. Absent is fine. 0 or -errno. */
_must_check_ int fs_rm_rf(int dirfd, const char *path);

/* Whole file, at most max bytes, NUL-terminated (NUL not counted in *ret_len). *ret is malloc'ed.
 * -EFBIG when larger. 0 or -errno. */
_must_check_ int fs_read_file(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len);
_must_check_ int fs_read_fd(int fd, size_t max, char **ret, size_t *ret_len);
/* Durable replacement: temporary file beside it, write, fsync, rename, fsync folder. */
_must_check_ int fs_write_atomic(int dirfd, const char *path, const void *data, size_t len,
                                 mode_t mode);
/* Plain write of a small kernel file (/proc, cgroup): one write(2), no creation. */
_must_check_ int fs_write_kernel(int dirfd, const char *path, const char *text);
/* write(2) until all is out. 0 or -errno. */
_must_check_ int fs_write_all(int fd, const void *data, size_t len);

/* "a/b" from parts; malloc'ed. */
char *fs_join(const char *a, const char *b);
/* The folder of the running executable (for the sibling binaries); malloc'ed, NULL on failure. */
char *fs_exe_dir(void);

#endif
