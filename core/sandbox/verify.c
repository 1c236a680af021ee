/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/verify.h"

#include "base/fs.h"
#include "base/mem.h"
#include "sandbox/caps.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

static int wrong(struct err *err, const char *what)
{
    return err_set(err, ERR_BUG, "internal", "the sandbox did not come out as planned: %s", what);
}

/* The text behind "name:\t", or NULL. */
static const char *value(const char *status, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = status; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, name, n) == 0 && at[n] == ':' && at[n + 1] == '\t')
            return at + n + 2;
    }
    return NULL;
}

int verify_status(const char *status, unsigned uid, struct err *err)
{
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
    const char *v = value(status, "NoNewPrivs");
    if (!v || *v != '1')
        return wrong(err, "no_new_privs is off");
    v = value(status, "Seccomp");
    if (!v || *v != '2')
        return wrong(err, "the system call filter is off");
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        v = value(status, sets[i]);
        uint64_t allowed = i == 0 || i == 4 ? 0 : caps_kept();
        if (!v || strtoull(v, NULL, 16) & ~allowed)
            return wrong(err, sets[i]);
    }
    unsigned ids[4];
    v = value(status, "Uid");
    if (!v || sscanf(v, "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) != 4 || ids[0] != uid ||
        ids[1] != uid || ids[2] != uid || ids[3] != uid)
        return wrong(err, "its user id");
    return 0;
}

static int verify_namespaces(int proc, const struct plan *plan, struct err *err)
{
    static const char *const names[] = {"user", "mnt", "pid", "ipc", "uts", "cgroup", "net"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char path[64];
        struct stat ours, theirs;
        snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
        if (stat(path, &ours) < 0 || fstatat(proc, path + strlen("/proc/self/"), &theirs, 0) < 0)
            return err_sys(err, errno, "cannot look at the sandbox's %s namespace", names[i]);
        bool same = ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
        bool shared = strcmp(names[i], "net") == 0 && plan->network == PLAN_NET_HOST;
        if (same != shared)
            return wrong(err, names[i]);
    }
    return 0;
}

static int verify_root(int proc, struct err *err)
{
    _cleanup_close_ int root = openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat ours, theirs;
    struct statfs fs;
    if (root < 0 || fstat(root, &theirs) < 0 || fstatfs(root, &fs) < 0 || stat("/", &ours) < 0)
        return err_sys(err, errno, "cannot look at the sandbox's root");
    if (theirs.st_dev == ours.st_dev || fs.f_type != OVERLAYFS_SUPER_MAGIC)
        return wrong(err, "its root is the machine's");
    return 0;
}

int verify_guest(pid_t pid, const struct plan *plan, uid_t uid, struct err *err)
{
    char path[32];
    _cleanup_free_ char *status = NULL;
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    _cleanup_close_ int proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = proc < 0 ? -errno : fs_read_file(proc, "status", 65536, &status, NULL);
    if (r < 0)
        return err_sys(err, -r, "cannot look at the sandbox");
    r = verify_status(status, uid, err);
    if (r == 0)
        r = verify_namespaces(proc, plan, err);
    return r < 0 ? r : verify_root(proc, err);
}
