/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/mount.h"

#include "base/buf.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>

#define OPTION_MAX 255 /* the kernel's maximum for a string option */

int mount_bind(int dirfd, const char *path, unsigned attr, struct err *err)
{
    unsigned flags = path[0] ? 0 : AT_EMPTY_PATH;
    _cleanup_close_ int fd =
        open_tree(dirfd, path, flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (fd < 0)
        return err_sys(err, errno, "cannot bind %s", path);
    struct mount_attr set = {.attr_set = attr};
    if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &set, sizeof set) < 0)
        return err_sys(err, errno, "cannot restrict the mount of %s", path);
    return TAKE_FD(fd);
}

/* The kernel says why on the descriptor: "e overlay: …". */
static int refused(int fs, const char *type, int errnum, struct err *err)
{
    char why[512];
    ssize_t n = read(fs, why, sizeof why - 1);
    why[n > 0 ? n : 0] = '\0';
    why[strcspn(why, "\n")] = '\0';
    return err_sys(err, errnum, "cannot mount %s%s%s", type, n > 2 ? ", " : "",
                   n > 2 ? why + 2 : "");
}

static int finish(int fs, const char *type, unsigned attr, struct err *err)
{
    if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return refused(fs, type, errno, err);
    int mnt = fsmount(fs, FSMOUNT_CLOEXEC, attr);
    return mnt < 0 ? refused(fs, type, errno, err) : mnt;
}

static int set_option(int fs, const char *key, const char *value)
{
    return fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0);
}

int mount_new(const char *type, const struct mount_option *options, unsigned attr, struct err *err)
{
    _cleanup_close_ int fs = fsopen(type, FSOPEN_CLOEXEC);
    if (fs < 0)
        return err_sys(err, errno, "cannot mount %s", type);
    for (; options && options->key; options++)
        if (set_option(fs, options->key, options->value) < 0)
            return refused(fs, type, errno, err);
    return finish(fs, type, attr, err);
}

static int set_folder(int fs, const char *key, int fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return set_option(fs, key, path);
}

/* One string where it fits (any kernel), else a layer at a time (6.5). */
static int set_lowers(int fs, const int *lowers, size_t count)
{
    _cleanup_buf_ struct buf text = BUF_INIT(OPTION_MAX);
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = buf_appendf(&text, "%s/proc/self/fd/%d", i ? ":" : "", lowers[i]);
    if (r == 0)
        return set_option(fs, "lowerdir", text.data);
    for (size_t i = 0; i < count; i++)
        if (set_folder(fs, "lowerdir+", lowers[i]) < 0)
            return -1;
    return 0;
}

int mount_overlay(const int *lowers, size_t count, int upper, int work, struct err *err)
{
    _cleanup_close_ int fs = fsopen("overlay", FSOPEN_CLOEXEC);
    if (fs < 0)
        return err_sys(err, errno, "cannot mount an overlay");
    /* volatile: the upper lives no longer than the sandbox, so it is never synced. */
    if (set_option(fs, "source", "seer") < 0 || set_option(fs, "userxattr", NULL) < 0 ||
        set_option(fs, "volatile", NULL) < 0 || set_lowers(fs, lowers, count) < 0 ||
        set_folder(fs, "upperdir", upper) < 0 || set_folder(fs, "workdir", work) < 0)
        return refused(fs, "an overlay", errno, err);
    return finish(fs, "an overlay", MOUNT_PLAIN, err);
}

int mount_attach(int mnt, int target, struct err *err)
{
    if (move_mount(mnt, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return err_sys(err, errno, "cannot attach a mount");
    return 0;
}
