/* SPDX-License-Identifier: Apache-2.0
 *
 * doctor: what this machine can do for a sandbox. Each check does the thing, in a child that then
 * ends; what a check finds travels back as a struct err.
 */
#include "sandbox/sandbox.h"

#include "base/fs.h"
#include "base/mem.h"
#include "sandbox/cgroup.h"
#include "sandbox/ids.h"
#include "sandbox/mount.h"
#include "sandbox/net.h"
#include "sandbox/syscalls.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void add(json_t *checks, const char *name, const char *state, const char *found,
                const char *mend)
{
    json_array_append_new(checks, json_pack("{s:s, s:s, s:s, s:s}", "name", name, "state", state,
                                            "found", found, "mend", mend));
}

struct trial {
    uint64_t walls; /* of the child */
    int (*run)(void *arg, struct err *err);
    void *arg;
};

static _Noreturn void trial_child(const struct trial *t, int go, int out)
{
    struct err err = ERR_INIT;
    char c;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(go, &c, 1) != 1)
        _exit(1);
    int r = t->run ? t->run(t->arg, &err) : 0;
    if (r < 0 && !err_is_set(&err))
        err_sys(&err, -r, "it failed");
    if (r < 0)
        (void)!write(out, &err, sizeof err);
    _exit(0);
}

/* Runs a trial in a child inside these namespaces. */
static int try(const struct trial *t, struct err *err)
{
    int go[2], out[2];
    if (pipe2(go, O_CLOEXEC) < 0)
        return err_sys(err, errno, "cannot make a pipe");
    _cleanup_close_ int go_in = go[0], go_out = go[1];
    if (pipe2(out, O_CLOEXEC) < 0)
        return err_sys(err, errno, "cannot make a pipe");
    _cleanup_close_ int in = out[0], theirs = out[1];
    struct clone_args args = {.flags = t->walls, .exit_signal = SIGCHLD};
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) {
        close(go_out);
        trial_child(t, go_in, theirs);
    }
    if (pid < 0)
        return err_sys(err, errno, "the kernel refuses");
    close(TAKE_FD(theirs));
    close(TAKE_FD(go_in));
    struct ids ids = ids_here();
    struct err got;
    int r = t->walls & CLONE_NEWUSER ? ids_write_maps(&ids, pid, err) : 0;
    if (r == 0 && write(go_out, "g", 1) != 1)
        r = err_sys(err, errno, "the child ended");
    close(TAKE_FD(go_out)); /* a child that was not let go ends here */
    if (read(in, &got, sizeof got) == (ssize_t)sizeof got && r == 0) {
        *err = got;
        r = -EIO;
    }
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (r == 0 && status != 0)
        r = err_set(err, ERR_SYSTEM, "system", "the child died (status %d)", status);
    return r;
}

static int private_mounts(struct err *err)
{
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(err, errno, "cannot make the mounts private");
    return 0;
}

static int try_proc(void *arg, struct err *err)
{
    (void)arg;
    int r = private_mounts(err);
    _cleanup_close_ int fd = r < 0 ? r : mount_new("proc", NULL, MOUNT_PLAIN, err);
    return r < 0 ? r : fd < 0 ? fd : 0;
}

/* arg: a folder with lower, upper, work. They are opened in the new mount namespace, which is where
 * an overlay's layers must lie. */
static int try_overlay(void *arg, struct err *err)
{
    static const char *const names[] = {"lower", "upper", "work"};
    int fds[3];
    for (size_t i = 0; i < 3; i++) {
        _cleanup_free_ char *path = fs_join(arg, names[i]);
        fds[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fds[i] < 0)
            return err_sys(err, errno, "cannot open %s", path);
    }
    int r = private_mounts(err);
    _cleanup_close_ int fd = r < 0 ? r : mount_overlay(fds, 1, fds[1], fds[2], err);
    return r < 0 ? r : fd < 0 ? fd : 0;
}

static int try_filter(void *arg, struct err *err)
{
    (void)arg;
    struct syscall_filter f = {0};
    int r = syscalls_make(&f, err);
    if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        r = err_sys(err, errno, "cannot set no_new_privs");
    if (r == 0)
        r = syscalls_load(&f, err);
    syscalls_done(&f);
    return r;
}

static void report(json_t *checks, const char *name, int r, const struct err *err, const char *good,
                   const char *bad_state, const char *mend)
{
    add(checks, name, r < 0 ? bad_state : "ok", r < 0 ? err->msg : good, r < 0 ? mend : "");
}

static void check_namespaces(json_t *checks)
{
    struct err err = ERR_INIT;
    struct trial user = {.walls = CLONE_NEWUSER};
    int r = try(&user, &err);
    report(checks, "user namespaces", r, &err, "a user namespace can be made", "fail",
           "as root: sysctl -w user.max_user_namespaces=100000 "
           "kernel.apparmor_restrict_unprivileged_userns=0 (and, on old Debian, "
           "kernel.unprivileged_userns_clone=1); in a container, allow clone with new namespaces");
    struct trial all = {.walls = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                                 CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP};
    r = try(&all, &err);
    report(checks, "namespaces", r, &err, "mount, pid, ipc, uts, net and cgroup namespaces", "fail",
           "raise the user.max_*_namespaces sysctls; SEER_ISOLATION=none runs without walls");
    struct trial proc = {.walls = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, .run = try_proc};
    r = try(&proc, &err);
    report(checks, "proc", r, &err, "a new /proc can be mounted", "fail",
           "in a container, let it have an unmasked /proc (docker: --security-opt "
           "systempaths=unconfined)");
}

static void check_ids(json_t *checks)
{
    struct ids ids = ids_here();
    char found[128];
    snprintf(found, sizeof found, "ids %u to %u stand behind the guest's", ids.uid,
             ids.uid + ids.count - 1);
    if (ids.count > 1)
        add(checks, "ids", "ok", found, "");
    else if (geteuid() != 0)
        add(checks, "ids", "ok", "root in the sandbox is you outside; no other id exists inside",
            "");
    else
        add(checks, "ids", "warn", "root of this container is root in the sandbox",
            "run seer as an ordinary user, or give the container a larger id range");
}

static int make_layers(const char *dir, struct err *err)
{
    static const char *const names[] = {"lower", "upper", "work"};
    struct ids ids = ids_here();
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        _cleanup_free_ char *path = fs_join(dir, names[i]);
        if (mkdir(path, 0755) < 0 || chown(path, ids.uid, ids.gid) < 0)
            return err_sys(err, errno, "cannot make %s", path);
    }
    return 0;
}

static void check_overlay(json_t *checks, const char *cache_dir)
{
    struct err err = ERR_INIT;
    _cleanup_free_ char *dir = fs_join(cache_dir, "doctor-XXXXXX");
    int r = fs_mkdir_p(AT_FDCWD, cache_dir, 0700);
    if (r < 0 || !mkdtemp(dir))
        r = err_sys(&err, r < 0 ? -r : errno, "cannot write to %s", cache_dir);
    if (r == 0)
        r = make_layers(dir, &err);
    struct trial t = {.walls = CLONE_NEWUSER | CLONE_NEWNS, .run = try_overlay, .arg = dir};
    if (r == 0)
        r = try(&t, &err);
    (void)!fs_rm_rf(AT_FDCWD, dir);
    report(checks, "overlay", r, &err, "overlayfs works inside a user namespace", "fail",
           "modprobe overlay; Linux 5.12 at least; SEER_HOME and SEER_CACHE on ext4, xfs, btrfs or "
           "a tmpfs of Linux 6.6");
}

static void check_filter(json_t *checks)
{
    struct err err = ERR_INIT;
    struct trial t = {.run = try_filter};
    int r = try(&t, &err);
    report(checks, "seccomp", r, &err, "system calls can be filtered", "fail",
           "a kernel with CONFIG_SECCOMP_FILTER");
    char found[64];
    int abi = net_landlock_abi();
    snprintf(found, sizeof found, "version %d", abi);
    add(checks, "landlock", abi >= 6 ? "ok" : "warn", abi ? found : "none",
        abi >= 6 ? ""
                 : "Linux 6.12 and lsm=landlock: with network=\"host\" the guest can reach "
                   "the host's abstract sockets without it");
}

static void check_cgroups(json_t *checks)
{
    static const char *const names[] = {"memory limit", "process limit", "CPU limit"};
    struct plan plan = {.id = (char *)"doctor"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct cgroup cg = {0};
        struct err err = ERR_INIT;
        _cleanup_json_ json_t *notes = json_array();
        char id[32];
        snprintf(id, sizeof id, "doctor%d", (int)getpid());
        plan = (struct plan){.id = id,
                             .memory = i == 0 ? 1u << 26 : 0,
                             .pids = i == 1 ? 64 : 0,
                             .cpu = i == 2 ? 1 : 0};
        int r = cgroup_create(&plan, &cg, notes, &err);
        const char *why = r < 0 ? err.msg : json_string_value(json_array_get(notes, 0));
        bool v2 = cg.count && cg.dirs[0].v2;
        for (size_t d = 0; d < cg.count; d++)
            (void)!cgroup_remove(cg.dirs[d].path, NULL);
        cgroup_done(&cg);
        add(checks, names[i], why ? "warn" : "ok",
            why  ? why
            : v2 ? "cgroup v2"
                 : "cgroup v1",
            why ? "as an ordinary user: a systemd session with delegation (systemd-run --user "
                  "--scope -p Delegate=yes); else run seer as root, or do without"
                : "");
    }
}

static void check_space(json_t *checks, const char *cache_dir)
{
    struct statvfs vfs;
    if (statvfs(cache_dir, &vfs) < 0)
        return;
    double gib = (double)vfs.f_bavail * (double)vfs.f_frsize / (double)(1u << 30);
    char found[128];
    snprintf(found, sizeof found, "%.1f GiB free for the cache", gib);
    add(checks, "disk",
        gib < 1    ? "fail"
        : gib < 10 ? "warn"
                   : "ok",
        found,
        gib < 10 ? "an environment with torch takes 1 to 6 GB: make room, or let SEER_CACHE name "
                   "another place"
                 : "");
}

static bool in_path(const char *program)
{
    const char *path = getenv("PATH");
    for (const char *at = path; at && *at;) {
        size_t n = strcspn(at, ":");
        _cleanup_free_ char *file = xasprintf("%.*s/%s", (int)n, at, program);
        if (access(file, X_OK) == 0)
            return true;
        at += n + (at[n] == ':');
    }
    return false;
}

static void check_network(json_t *checks)
{
    _cleanup_close_ int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    bool pasta = in_path("pasta");
    add(checks, "guest network", tun >= 0 && pasta ? "ok" : "warn",
        !pasta     ? "pasta is not installed"
        : tun >= 0 ? "pasta and /dev/net/tun"
                   : "/dev/net/tun cannot be opened",
        !pasta     ? "apt-get install passt"
        : tun >= 0 ? ""
                   : "as root: chmod 666 /dev/net/tun (modprobe tun)");
}

void sandbox_doctor(json_t *checks, const char *cache_dir)
{
    check_namespaces(checks);
    check_ids(checks);
    check_overlay(checks, cache_dir);
    check_filter(checks);
    check_cgroups(checks);
    check_space(checks, cache_dir);
    check_network(checks);
}
