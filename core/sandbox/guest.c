/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/guest.h"

#include "base/fs.h"
#include "sandbox/caps.h"
#include "sandbox/mount.h"
#include "sandbox/net.h"
#include "sandbox/root.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define CONTROL 3

static int die_with_caller(struct err *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return err_sys(err, errno, "cannot tie the sandbox to its shim");
    return 0;
}

/* The caller may die at any time: then its end of the pipe closes and nothing comes. */
static void wait_for_ids(const struct guest *g)
{
    char go;
    if (read(g->go, &go, 1) != 1)
        _exit(1);
}

static int new_session(const struct guest *g, struct err *err)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(022);
    if (setsid() < 0)
        return err_sys(err, errno, "cannot make a session");
    int r = cgroup_enter(g->cgroup, err);
    /* After entering: the cgroup namespace takes the group of this moment for its root. */
    if (r == 0 && g->plan->isolation == PLAN_NAMESPACES && unshare(CLONE_NEWCGROUP) < 0)
        r = err_sys(err, errno, "cannot make a cgroup namespace");
    return r;
}

/* From the caller's host ids to the guest's root. What the caller had in groups goes too. */
static int become_root(struct err *err)
{
    if ((setgroups(0, NULL) < 0 && errno != EPERM) || setresgid(0, 0, 0) < 0 ||
        setresuid(0, 0, 0) < 0)
        return err_sys(err, errno, "cannot become root of the sandbox");
    return die_with_caller(err); /* the change of ids cleared it */
}

/* The program as a mount of its own: read-only, so that not even the owner of the host's file can
 * write to it through /proc/1/exe (CVE-2019-5736), and detached, so that link names no path. */
static int open_init(struct guest *g, struct err *err)
{
    g->init_fd = g->plan->isolation == PLAN_NAMESPACES
                     ? mount_bind(AT_FDCWD, g->init_path,
                                  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, err)
                     : open(g->init_path, O_PATH | O_CLOEXEC);
    if (g->init_fd < 0)
        return err_sys(err, errno, "cannot use %s", g->init_path);
    if (g->plan->isolation == PLAN_NONE)
        return 0;
    /* Attached over itself: it then goes with the old root, where a detached mount would cost
     * another grace period of RCU when its descriptor closes. */
    _cleanup_close_ int at = open(g->init_path, O_PATH | O_CLOEXEC);
    return at < 0 ? err_sys(err, errno, "cannot use %s", g->init_path)
                  : mount_attach(g->init_fd, at, err);
}

static int build(struct guest *g, struct err *err)
{
    struct root root;
    if (sethostname(g->plan->hostname, strlen(g->plan->hostname)) < 0)
        return err_sys(err, errno, "cannot name the sandbox");
    int r = g->plan->network == PLAN_NET_NONE ? net_loopback_up(err) : 0;
    if (r == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        r = err_sys(err, errno, "cannot make the mounts private");
    if (r == 0)
        r = open_init(g, err);
    if (r == 0)
        r = root_open(&root, g->plan, g->skeleton, err);
    if (r == 0) {
        wait_for_ids(g); /* only now: the caller writes the maps meanwhile */
        r = become_root(err);
    }
    if (r == 0)
        r = root_build(&root, err);
    return r < 0 ? r : root_enter(&root, err);
}

static int drop(const struct guest *g, struct err *err)
{
    int r = caps_drop(err);
    if (r == 0 && g->plan->network == PLAN_NET_HOST) {
        r = net_scope_sockets(err);
        if (r == -ENOTSUP)
            r = 0; /* sandbox_start has said so in a note */
    }
    return r < 0 ? r : syscalls_load(g->filter, err);
}

/* 0, 1, 2 are the guest's own /dev/null, 3 the link; all else closes at exec. The descriptors still
 * needed are first moved above the ones being filled. */
static int place_fds(struct guest *g, struct err *err)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int *keep[] = {&null, &g->control, &g->init_fd};
    for (size_t i = 0; i < ARRAY_SIZE(keep); i++) {
        *keep[i] = fcntl(*keep[i], F_DUPFD_CLOEXEC, 16);
        if (*keep[i] < 0)
            return err_sys(err, errno, "cannot place the sandbox's descriptors");
    }
    for (int fd = 0; fd < CONTROL; fd++)
        if (dup2(null, fd) < 0)
            return err_sys(err, errno, "cannot place the sandbox's descriptors");
    if (dup2(g->control, CONTROL) < 0 || close_range(CONTROL + 1, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
        return err_sys(err, errno, "cannot place the sandbox's descriptors");
    return 0;
}

static int execute(const struct guest *g, struct err *err)
{
    char *argv[] = {(char *)"seer-init", NULL}, *env[] = {NULL};
    struct sigaction sa = {.sa_handler = SIG_DFL};
    for (int sig = 1; sig < NSIG; sig++)
        sigaction(sig, &sa, NULL);
    syscall(SYS_execveat, g->init_fd, "", argv, env, AT_EMPTY_PATH);
    int r = err_sys(err, errno, "cannot start seer-init");
    err_hint(err, "%s must be executable by everyone and not lie on a noexec mount", g->init_path);
    return r;
}

void guest_run(const struct guest *given)
{
    struct guest g = *given;
    struct err err = ERR_INIT;
    bool walls = g.plan->isolation == PLAN_NAMESPACES;
    close(g.parent_control);
    close(g.parent_go);
    int r = die_with_caller(&err);
    if (r == 0)
        r = new_session(&g, &err);
    if (r == 0)
        r = walls ? build(&g, &err) : open_init(&g, &err);
    if (r == 0)
        r = place_fds(&g, &err);
    if (r == 0 && walls)
        r = drop(&g, &err);
    if (r == 0 && !walls) /* seer-init ends in good order at the end of its link */
        prctl(PR_SET_PDEATHSIG, 0);
    if (r == 0)
        execute(&g, &err);
    (void)!write(g.control, &err, sizeof err);
    _exit(1);
}
