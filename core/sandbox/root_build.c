/* SPDX-License-Identifier: Apache-2.0
 *
 * The half of root that makes the mounts, as the guest's root. Targets are found below the new
 * root's descriptor only (openat2, RESOLVE_IN_ROOT).
 */
#include "sandbox/root.h"

#include "base/fs.h"
#include "base/mem.h"
#include "sandbox/mount.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const char *const device_names[] = {"null", "zero", "full", "random", "urandom", "tty"};

/* Tell of the host or act on it; all but sysrq-trigger are also guarded by the kernel. */
static const char *const masked[] = {"kcore",       "keys", "sysrq-trigger", "timer_list",
                                     "sched_debug", "kmsg", "kallsyms",      "latency_stats",
                                     "vmallocinfo", "acpi", "scsi",          "asound"};
static const char *const frozen[] = {"sys", "bus", "fs", "irq"};

/* The folder or file `path` below the root as O_PATH, made when it is missing. */
static int target(int root, const char *path, bool is_dir, struct err *err)
{
    _cleanup_free_ char *part = xstrdup(path);
    _cleanup_close_ int at = -EBADF;
    for (char *p = part + strspn(part, "/"); *p;) {
        char *end = p + strcspn(p, "/"), *next = end + strspn(end, "/"), keep = *end;
        bool last = *next == '\0';
        *end = '\0';
        int fd = fs_open_in(root, part, O_PATH, 0);
        if (fd == -ENOENT) {
            int parent = at >= 0 ? at : root;
            int made = last && !is_dir
                           ? openat(parent, p, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0644)
                           : mkdirat(parent, p, 0755);
            if (made < 0)
                return err_sys(err, errno, "cannot make %s in the sandbox", path);
            if (last && !is_dir)
                close(made);
            fd = fs_open_in(root, part, O_PATH, 0);
        }
        if (fd < 0)
            return err_sys(err, -fd, "cannot find %s in the sandbox", path);
        close(at);
        at = fd;
        *end = keep;
        p = next;
    }
    return at < 0 ? err_sys(err, EINVAL, "%s is no target", path) : TAKE_FD(at);
}

static int attach_at(int root, const char *path, bool is_dir, int mnt, struct err *err)
{
    _cleanup_close_ int to = target(root, path, is_dir, err);
    return to < 0 ? to : mount_attach(mnt, to, err);
}

static int build_source(struct root *root, const struct root_source *s, struct err *err)
{
    char size[32];
    _cleanup_close_ int mnt = -EBADF;
    if (s->type == PLAN_OVERLAY) {
        mnt = mount_overlay(s->lowers, s->lower_count, s->upper, s->work, err);
    } else if (s->type == PLAN_TMPFS) {
        snprintf(size, sizeof size, "%llu", (unsigned long long)s->size);
        struct mount_option options[] = {{"mode", "1777"}, {s->size ? "size" : NULL, size}, {0}};
        mnt = mount_new("tmpfs", options, MOUNT_PLAIN, err);
    } else {
        mnt = s->mnt;
    }
    if (mnt < 0)
        return err_wrap(err, "%s", s->name);
    return attach_at(root->fd, s->dst, s->is_dir, mnt, err);
}

static int build_first(struct root *root, struct err *err)
{
    const struct root_source *s = &root->sources[0];
    int mnt = mount_overlay(s->lowers, s->lower_count, s->upper, s->work, err);
    if (mnt < 0) {
        err_hint(err, "seer keeps its state where overlayfs can have an upper layer (ext4, xfs, "
                      "btrfs, tmpfs); SEER_HOME can name another place");
        return err_wrap(err, "the root");
    }
    root->fd = mnt;
    return mount_attach(mnt, root->point, err);
}

/* Nothing is seen in it: /dev/null over a file, an empty folder over a folder. */
static int mask(struct root *root, int proc, const char *name, struct err *err)
{
    _cleanup_close_ int at = openat(proc, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (at < 0 || fstat(at, &st) < 0)
        return 0; /* this kernel does not have it */
    _cleanup_close_ int mnt = -EBADF;
    if (S_ISDIR(st.st_mode))
        mnt =
            mount_new("tmpfs", (struct mount_option[]){{"size", "4k"}, {0}}, MOUNT_READ_ONLY, err);
    else
        mnt = mount_bind(root->null, "", MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY, err);
    return mnt < 0 ? mnt : mount_attach(mnt, at, err);
}

static int build_proc(struct root *root, struct err *err)
{
    int proc = mount_new("proc", NULL, MOUNT_PLAIN | MOUNT_ATTR_NOEXEC, err);
    if (proc < 0) {
        err_hint(err, "the kernel lets a new /proc be mounted only where the machine's own is "
                      "wholly visible; in a container, give it an unmasked /proc");
        return proc;
    }
    int r = attach_at(root->fd, "/proc", true, proc, err);
    for (size_t i = 0; i < ARRAY_SIZE(masked) && r == 0; i++)
        r = mask(root, proc, masked[i], err);
    for (size_t i = 0; i < ARRAY_SIZE(frozen) && r == 0; i++) {
        _cleanup_close_ int at = openat(proc, frozen[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (at < 0)
            continue;
        _cleanup_close_ int mnt = mount_bind(at, "", MOUNT_READ_ONLY | MOUNT_ATTR_NOEXEC, err);
        r = mnt < 0 ? mnt : mount_attach(mnt, at, err);
    }
    close(proc);
    return r;
}

static int build_devices(struct root *root, int dev, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(device_names); i++) {
        _cleanup_close_ int file =
            openat(dev, device_names[i], O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0666);
        if (file < 0)
            return err_sys(err, errno, "cannot make /dev/%s", device_names[i]);
        _cleanup_close_ int mnt =
            mount_bind(root->devices[i], "", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, err);
        int r = mnt < 0 ? mnt : mount_attach(mnt, file, err);
        if (r < 0)
            return err_wrap(err, "/dev/%s", device_names[i]);
    }
    return 0;
}

static int build_dev_links(int dev, struct err *err)
{
    static const char *const links[][2] = {{"/proc/self/fd", "fd"},
                                           {"/proc/self/fd/0", "stdin"},
                                           {"/proc/self/fd/1", "stdout"},
                                           {"/proc/self/fd/2", "stderr"},
                                           {"pts/ptmx", "ptmx"}};
    for (size_t i = 0; i < ARRAY_SIZE(links); i++)
        if (symlinkat(links[i][0], dev, links[i][1]) < 0)
            return err_sys(err, errno, "cannot make /dev/%s", links[i][1]);
    return 0;
}

static int build_dev_mounts(const struct plan *plan, int dev, struct err *err)
{
    char size[32];
    snprintf(size, sizeof size, "%llu", (unsigned long long)plan->memory);
    struct mount_option shm_options[] = {
        {"mode", "1777"}, {"size", plan->memory ? size : "50%"}, {0}};
    struct mount_option pts_options[] = {
        {"newinstance", NULL}, {"ptmxmode", "0666"}, {"mode", "0620"}, {0}};
    unsigned attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    _cleanup_close_ int pts = mount_new("devpts", pts_options, attr, err);
    _cleanup_close_ int shm = pts < 0 ? pts : mount_new("tmpfs", shm_options, MOUNT_PLAIN, err);
    if (shm < 0)
        return shm;
    int r = attach_at(dev, "pts", true, pts, err);
    return r < 0 ? r : attach_at(dev, "shm", true, shm, err);
}

static int build_dev(struct root *root, struct err *err)
{
    struct mount_option options[] = {{"mode", "755"}, {"size", "64k"}, {"nr_inodes", "64"}, {0}};
    _cleanup_close_ int dev =
        mount_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, err);
    if (dev < 0)
        return dev;
    int r = attach_at(root->fd, "/dev", true, dev, err);
    if (r == 0)
        r = build_devices(root, dev, err);
    if (r == 0)
        r = build_dev_links(dev, err);
    return r < 0 ? r : build_dev_mounts(root->plan, dev, err);
}

static int write_in(int root, const char *path, const char *text, struct err *err)
{
    _cleanup_close_ int fd = fs_open_in(root, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int r = fd < 0 ? fd : fs_write_all(fd, text, strlen(text));
    return r < 0 ? err_sys(err, -r, "cannot write %s in the sandbox", path) : 0;
}

/* What differs between sandboxes; a file left alone costs no copy-up. */
static int build_etc(struct root *root, struct err *err)
{
    int r = 0;
    if (strcmp(root->plan->hostname, "seer") != 0) {
        char text[256];
        snprintf(text, sizeof text, "%s\n", root->plan->hostname);
        r = write_in(root->fd, "etc/hostname", text, err);
        snprintf(text, sizeof text,
                 "127.0.0.1 localhost %s\n::1 localhost ip6-localhost ip6-loopback\n",
                 root->plan->hostname);
        if (r == 0)
            r = write_in(root->fd, "etc/hosts", text, err);
    }
    if (r == 0 && root->resolv)
        r = write_in(root->fd, "etc/resolv.conf", root->resolv, err);
    return r;
}

static int copy_file(int root, int from, const char *dst, struct err *err)
{
    struct stat st;
    _cleanup_close_ int at = target(root, dst, false, err);
    if (at < 0)
        return at;
    /* Opened by name again: an O_PATH descriptor cannot be written. */
    _cleanup_close_ int to = fs_open_in(root, dst, O_WRONLY | O_TRUNC, 0);
    if (to < 0 || fstat(from, &st) < 0)
        return err_sys(err, to < 0 ? -to : errno, "cannot write %s in the sandbox", dst);
    ssize_t n;
    while ((n = sendfile(to, from, NULL, 1u << 30)) > 0 || (n < 0 && errno == EINTR))
        ;
    if (n < 0 || fchmod(to, (st.st_mode & 0111) ? 0755 : 0644) < 0)
        return err_sys(err, errno, "cannot copy to %s in the sandbox", dst);
    return 0;
}

int root_build(struct root *root, struct err *err)
{
    int r = build_first(root, err);
    for (size_t i = 1; i < root->count && r == 0; i++)
        r = build_source(root, &root->sources[i], err);
    if (r == 0)
        r = build_proc(root, err);
    if (r == 0)
        r = build_dev(root, err);
    if (r == 0)
        r = build_etc(root, err);
    for (size_t i = 0; i < root->plan->file_count && r == 0; i++)
        r = copy_file(root->fd, root->files[i], root->plan->files[i].dst, err);
    return r;
}

int root_enter(struct root *root, struct err *err)
{
    /* pivot_root(".", ".") stacks the old root upon the new one; detaching it leaves nothing. */
    if (fchdir(root->fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
        return err_sys(err, errno, "cannot enter the sandbox's root");
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return err_sys(err, errno, "cannot let the machine's root go");
    return 0;
}
