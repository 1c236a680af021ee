/* SPDX-License-Identifier: Apache-2.0
 *
 * The half of root that looks at the host: what the base consists of, and every path opened. The
 * process exits or executes soon after, so nothing is closed here.
 */
#include "sandbox/root.h"

#include "base/fs.h"
#include "base/mem.h"
#include "sandbox/mount.h"
#include "sandbox/skeleton.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#define BASE_BINDS_MAX 8

static const struct {
    const char *path;
    unsigned minor, major;
} devices[] = {
    {"/dev/null", 3, 1},   {"/dev/zero", 5, 1},    {"/dev/full", 7, 1},
    {"/dev/random", 8, 1}, {"/dev/urandom", 9, 1}, {"/dev/tty", 0, 5},
};

static size_t overlay_count(const struct plan *plan)
{
    size_t n = 1; /* the root */
    for (size_t i = 0; i < plan->mount_count; i++)
        n += plan->mounts[i].type == PLAN_OVERLAY;
    return n;
}

static int make_owned(int dfd, const char *name, mode_t mode, const struct ids *ids)
{
    if (mkdirat(dfd, name, mode) < 0)
        return -errno;
    if (fchownat(dfd, name, ids->uid, ids->gid, 0) < 0 || fchmodat(dfd, name, mode, 0) < 0)
        return -errno;
    return 0;
}

int root_prepare(const struct plan *plan, const struct ids *ids, struct err *err)
{
    _cleanup_close_ int dfd = open(plan->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = dfd < 0 ? -errno : 0;
    for (size_t i = 0; i < overlay_count(plan) && r == 0; i++) {
        char name[64];
        snprintf(name, sizeof name, "upper%zu", i);
        r = make_owned(dfd, name, 0755, ids);
        snprintf(name, sizeof name, "work%zu", i);
        if (r == 0)
            r = make_owned(dfd, name, 0700, ids);
    }
    return r < 0 ? err_sys(err, -r, "cannot make the sandbox's folders in %s", plan->dir) : 0;
}

static int open_path(const char *path, int flags, struct err *err)
{
    int fd = open(path, O_PATH | O_CLOEXEC | flags);
    if (fd < 0) {
        int r = err_sys(err, errno, "cannot use %s in the sandbox", path);
        if (err)
            err->kind = ERR_USER;
        return r;
    }
    return fd;
}

/* lowers: NULL-terminated, topmost first. */
static int open_overlay(struct root *root, size_t index, const char *const *lowers,
                        struct root_source *s, struct err *err)
{
    for (; *lowers; lowers++) {
        if (s->lower_count == ROOT_LOWERS_MAX)
            return err_sys(err, E2BIG, "too many layers for %s", s->dst);
        int fd = open_path(*lowers, O_DIRECTORY, err);
        if (fd < 0)
            return fd;
        s->lowers[s->lower_count++] = fd;
    }
    _cleanup_free_ char *upper = xasprintf("%s/upper%zu", root->plan->dir, index);
    _cleanup_free_ char *work = xasprintf("%s/work%zu", root->plan->dir, index);
    s->upper = open_path(upper, O_DIRECTORY, err);
    s->work = s->upper < 0 ? -1 : open_path(work, O_DIRECTORY, err);
    s->is_dir = true;
    return s->work < 0 ? -errno : 0;
}

static int open_bind(const char *path, unsigned attr, struct root_source *s, struct err *err)
{
    _cleanup_close_ int fd = open_path(path, 0, err);
    struct stat st;
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return err_sys(err, errno, "cannot look at %s", path);
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
        int r =
            err_sys(err, EINVAL, "cannot use %s in the sandbox, neither a file nor a folder", path);
        if (err)
            err->kind = ERR_USER;
        return r;
    }
    s->is_dir = S_ISDIR(st.st_mode);
    s->mnt = mount_bind(fd, "", attr, err);
    return s->mnt < 0 ? err_wrap(err, "%s", path) : 0;
}

static struct root_source *add(struct root *root, enum plan_mount_type type, const char *dst)
{
    struct root_source *s = &root->sources[root->count++];
    *s = (struct root_source){.type = type, .dst = dst, .name = dst};
    return s;
}

static int add_base_bind(struct root *root, const char *path, struct err *err)
{
    if (access(path, F_OK) < 0)
        return 0;
    return open_bind(path, MOUNT_READ_ONLY, add(root, PLAN_BIND, path), err);
}

static int open_base(struct root *root, const char *skeleton, struct err *err)
{
    const char *bottom[] = {skeleton, NULL};
    int r = open_overlay(root, 0, bottom, add(root, PLAN_OVERLAY, "/"), err);
    if (r == 0)
        r = add_base_bind(root, "/usr", err);
    if (r == 0)
        r = add_base_bind(root, "/sys/devices/system", err);
    for (size_t i = 0; skeleton_usr_links[i] && r == 0; i++) {
        struct stat st;
        char *path = xasprintf("/%s", skeleton_usr_links[i]); /* lives as long as the source */
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
            r = add_base_bind(root, path, err);
    }
    return r;
}

static int open_device(size_t i, struct err *err)
{
    struct stat st;
    int fd = open_path(devices[i].path, O_NOFOLLOW, err);
    if (fd < 0)
        return fd;
    /* A /dev/null that is something else would be bound over masked files (CVE-2025-31133). */
    if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) ||
        st.st_rdev != makedev(devices[i].major, devices[i].minor))
        return err_sys(err, ENODEV, "%s is not the device it should be", devices[i].path);
    return fd;
}

static int open_mount(struct root *root, const struct plan_mount *m, size_t *overlay,
                      struct err *err)
{
    struct root_source *s = add(root, m->type, m->dst);
    s->size = m->size;
    if (m->type == PLAN_BIND)
        return open_bind(m->src[0], m->writable ? MOUNT_PLAIN : MOUNT_READ_ONLY, s, err);
    if (m->type == PLAN_OVERLAY)
        return open_overlay(root, (*overlay)++, (const char *const *)m->src, s, err);
    s->is_dir = true;
    return 0;
}

static int open_file(const char *path, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int r = err_sys(err, errno, "cannot read %s", path);
        if (err)
            err->kind = ERR_USER;
        return r;
    }
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_USER, "no_such_file", "%s is not a regular file", path);
    return fd;
}

int root_open(struct root *root, const struct plan *plan, const char *skeleton, struct err *err)
{
    size_t most = 1 + BASE_BINDS_MAX + plan->mount_count, overlay = 1;
    *root = (struct root){.plan = plan, .fd = -1};
    root->sources = xcalloc(most, sizeof *root->sources);
    root->files = xcalloc(plan->file_count + 1, sizeof *root->files);
    root->point = open_path(plan->dir, O_DIRECTORY, err);
    int r = root->point < 0 ? root->point : open_base(root, skeleton, err);
    for (size_t i = 0; i < ARRAY_SIZE(devices) && r == 0; i++) {
        root->devices[i] = open_device(i, err);
        r = root->devices[i] < 0 ? root->devices[i] : 0;
    }
    root->null = root->devices[0];
    for (size_t i = 0; i < plan->mount_count && r == 0; i++)
        r = open_mount(root, &plan->mounts[i], &overlay, err);
    for (size_t i = 0; i < plan->file_count && r == 0; i++) {
        root->files[i] = open_file(plan->files[i].src, err);
        r = root->files[i] < 0 ? root->files[i] : 0;
    }
    if (r == 0 && plan->network == PLAN_NET_HOST)
        (void)!fs_read_file(AT_FDCWD, "/etc/resolv.conf", 65536, &root->resolv, NULL);
    return r;
}
