/* SPDX-License-Identifier: Apache-2.0
 *
 * mount: the kernel's mount API (open_tree, fsopen, move_mount; Linux 5.12) in three verbs. A mount
 * is made detached, as a descriptor, with its final flags, and then attached to an open folder or
 * file: no path is resolved twice, and no mount is ever seen without its flags.
 */
#ifndef SEER_SANDBOX_MOUNT_H
#define SEER_SANDBOX_MOUNT_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stddef.h>
#include <sys/mount.h>

#define MOUNT_PLAIN (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define MOUNT_READ_ONLY (MOUNT_PLAIN | MOUNT_ATTR_RDONLY)

/* An option of a new file system; value NULL is a flag. */
struct mount_option {
    const char *key, *value;
};

/* A detached bind of path (below dirfd; "" is dirfd itself), with what is mounted below it. */
_must_check_ int mount_bind(int dirfd, const char *path, unsigned attr, struct err *err);
/* A new file system of this type; options end with a NULL key. */
_must_check_ int mount_new(const char *type, const struct mount_option *options, unsigned attr,
                           struct err *err);
/* An overlay from open folders, topmost lower first. The mount table shows no host path. */
_must_check_ int mount_overlay(const int *lowers, size_t count, int upper, int work,
                               struct err *err);
_must_check_ int mount_attach(int mnt, int target, struct err *err);

#endif
