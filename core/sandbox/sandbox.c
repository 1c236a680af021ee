/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sandbox.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"
#include "base/mem.h"
#include "sandbox/guest.h"
#include "sandbox/ids.h"
#include "sandbox/init_link.h"
#include "sandbox/net.h"
#include "sandbox/record.h"
#include "sandbox/root.h"
#include "sandbox/skeleton.h"
#include "sandbox/verify.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define START_MS 30000 /* a loaded machine, a cold disk; a healthy start takes a few */
#define END_MS 30000   /* a guest in the middle of a large write back */
#define NONE_END_MS 5000

struct sandbox {
    char *dir; /* owned */
    enum plan_isolation isolation;
    struct ids ids;
    pid_t pid;
    int pidfd, control;
    bool ended;
    struct cgroup cgroup;
    json_t *notes; /* owned */
};

int sandbox_pidfd(const struct sandbox *sb)
{
    return sb->pidfd;
}

int sandbox_control(const struct sandbox *sb)
{
    return sb->control;
}

pid_t sandbox_pid(const struct sandbox *sb)
{
    return sb->pid;
}

const char *sandbox_isolation(const struct sandbox *sb)
{
    return sb->isolation == PLAN_NONE ? "none" : "namespaces";
}

json_t *sandbox_notes(const struct sandbox *sb)
{
    return json_copy(sb->notes);
}

void sandbox_usage(const struct sandbox *sb, struct sandbox_usage *ret)
{
    cgroup_usage(&sb->cgroup, ret);
}

/* Waits for fd until the deadline. 1, 0 at the deadline. */
static int wait_fd(int fd, uint64_t deadline)
{
    for (;;) {
        uint64_t now = clock_boot_ms();
        struct pollfd p = {fd, POLLIN, 0};
        int n = poll(&p, 1, now < deadline ? (int)(deadline - now) : 0);
        if (n > 0 || (n == 0 && now >= deadline))
            return n;
        if (n < 0 && errno != EINTR)
            return 0;
    }
}

/* ---- the start ---- */

static pid_t clone_guest(const struct guest *g, int *ret_pidfd)
{
    uint64_t walls = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
    if (g->plan->network == PLAN_NET_NONE)
        walls |= CLONE_NEWNET;
    int cgroup = cgroup_clone_fd(g->cgroup);
    struct clone_args args = {
        .flags = CLONE_PIDFD | (g->plan->isolation == PLAN_NAMESPACES ? walls : 0) |
                 (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uint64_t)(uintptr_t)ret_pidfd,
        .exit_signal = SIGCHLD,
        .cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0,
    };
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static int refused_clone(struct err *err, int errnum)
{
    err_sys(err, errnum, "this machine does not let seer make namespaces");
    if (err)
        snprintf(err->code, sizeof err->code, "no_namespaces");
    err_hint(err, "run \"seer doctor\": it says what is missing; SEER_ISOLATION=none runs without "
                  "walls");
    return -errnum;
}

/* One packet of the child: a struct err from before the exec, or seer-init's UP. */
static int first_packet(int control, char *buf, struct err *err)
{
    struct init_msg m;
    struct err got;
    ssize_t n;
    do
        n = recv(control, buf, INIT_PACKET_MAX, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return err_sys(err, EPROTO, "the sandbox broke off while it started");
    if (n == (ssize_t)sizeof got) {
        memcpy(&got, buf, sizeof got);
        got.msg[sizeof got.msg - 1] = got.hint[sizeof got.hint - 1] = '\0';
        got.code[sizeof got.code - 1] = '\0';
        if (err)
            *err = got;
        return got.errnum > 0 ? -got.errnum : -EIO;
    }
    if (init_msg_parse(buf, (size_t)n, &m) < 0)
        return err_sys(err, EPROTO, "seer-init sent a strange packet");
    init_msg_done(&m);
    return m.type == INIT_UP ? 0 : err_sys(err, EPROTO, "seer-init did not come up");
}

static int wait_up(struct sandbox *sb, struct err *err)
{
    _cleanup_free_ char *buf = xmalloc(INIT_PACKET_MAX);
    if (!wait_fd(sb->control, clock_boot_ms() + START_MS))
        return err_sys(err, ETIMEDOUT, "the sandbox did not start");
    return first_packet(sb->control, buf, err);
}

/* Everything between the clone and the first packet. */
static int attend(struct sandbox *sb, const struct plan *plan, int go, struct err *err)
{
    bool walls = plan->isolation == PLAN_NAMESPACES;
    int r = walls ? ids_write_maps(&sb->ids, sb->pid, err) : 0;
    /* The child may have failed before it came to read: its reason is in the link, so no SIGPIPE. */
    if (r == 0)
        (void)!send(go, "g", 1, MSG_NOSIGNAL);
    if (r == 0) /* while the child mounts */
        r = record_write(plan->dir, plan, &sb->cgroup, sb->pid, err);
    if (r == 0)
        r = wait_up(sb, err);
    return r == 0 && walls ? verify_guest(sb->pid, plan, sb->ids.uid, err) : r;
}

static int launch(struct sandbox *sb, struct guest *g, struct err *err)
{
    int control[2], go[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
        return err_sys(err, errno, "cannot make a socket");
    sb->control = control[0];
    _cleanup_close_ int their_control = control[1];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) < 0)
        return err_sys(err, errno, "cannot make a socket");
    _cleanup_close_ int our_go = go[0];
    _cleanup_close_ int their_go = go[1];
    if (fcntl(sb->control, F_SETFL, O_NONBLOCK) < 0)
        return err_sys(err, errno, "cannot set up a socket");
    g->control = their_control;
    g->go = their_go;
    g->parent_control = sb->control;
    g->parent_go = our_go;
    sb->pid = fault_point("sandbox.clone") < 0 ? (errno = EPERM, -1) : clone_guest(g, &sb->pidfd);
    if (sb->pid == 0)
        guest_run(g);
    if (sb->pid < 0)
        return refused_clone(err, errno);
    close(TAKE_FD(their_control));
    close(TAKE_FD(their_go));
    return attend(sb, g->plan, our_go, err);
}

static void add_notes(struct sandbox *sb, const struct plan *plan)
{
    json_t *notes = sb->notes;
    if (plan->isolation == PLAN_NONE) {
        json_array_append_new(
            notes, json_string("no walls: SEER_ISOLATION=none, so the code runs as you, sees all "
                               "your files, and the mounts of its environment are not made"));
        return;
    }
    if (geteuid() == 0 && sb->ids.count == 1)
        json_array_append_new(notes, json_string("weaker walls: root of this container cannot give "
                                                 "the guest ids of its own, so root inside is root "
                                                 "of the container"));
    if (plan->network == PLAN_NET_HOST && net_landlock_abi() < 6)
        json_array_append_new(notes, json_string("weaker walls: with the host's network the guest "
                                                 "reaches the host's abstract sockets; Linux 6.12 "
                                                 "with Landlock shuts them out"));
}

/* The caller's part before the clone: folders, filter, program. */
static int prepare(struct sandbox *sb, const struct plan *plan, const char *cache_dir,
                   char **ret_skeleton, struct err *err)
{
    int r = fs_mkdir_p(AT_FDCWD, plan->dir, 0700);
    if (r < 0)
        return err_sys(err, -r, "cannot make %s", plan->dir);
    if (plan->isolation == PLAN_NAMESPACES) {
        r = skeleton_ensure(cache_dir, &sb->ids, ret_skeleton, err);
        if (r == 0)
            r = root_prepare(plan, &sb->ids, err);
    }
    if (r == 0)
        r = cgroup_create(plan, &sb->cgroup, sb->notes, err);
    /* Without a cgroup the folder is all there is to undo, and a reap knows that by itself. */
    return r < 0 || sb->cgroup.count == 0 ? r : record_write(plan->dir, plan, &sb->cgroup, 0, err);
}

static int start(struct sandbox *sb, const struct plan *plan, const char *init_path,
                 const char *cache_dir, struct err *err)
{
    _cleanup_free_ char *skeleton = NULL;
    _cleanup_(syscalls_done) struct syscall_filter filter = {0};
    int r = prepare(sb, plan, cache_dir, &skeleton, err);
    if (r == 0)
        r = syscalls_make(&filter, err);
    if (r < 0)
        return r;
    struct guest g = {.plan = plan,
                      .skeleton = skeleton,
                      .filter = &filter,
                      .cgroup = &sb->cgroup,
                      .init_path = init_path};
    return launch(sb, &g, err);
}

int sandbox_start(const struct plan *plan, const char *init_path, const char *cache_dir,
                  struct sandbox **ret, struct err *err)
{
    struct sandbox *sb = xnew(struct sandbox);
    *sb = (struct sandbox){.dir = xstrdup(plan->dir),
                           .isolation = plan->isolation,
                           .ids = ids_here(),
                           .pidfd = -EBADF,
                           .control = -EBADF,
                           .notes = json_array()};
    add_notes(sb, plan);
    int r = start(sb, plan, init_path, cache_dir, err);
    if (r < 0) {
        (void)!sandbox_destroy(sb, NULL);
        return r;
    }
    *ret = sb;
    return 0;
}

/* ---- the end ---- */

static void kill_groups(const struct cgroup *cg)
{
    for (size_t i = 0; i < cg->count; i++)
        cgroup_kill(cg->dirs[i].path, cg->dirs[i].v2);
}

/* With isolation "none" seer-init kills its descendants when the link ends; it gets some time. */
static void end_none(struct sandbox *sb)
{
    close(TAKE_FD(sb->control));
    if (!wait_fd(sb->pidfd, clock_boot_ms() + NONE_END_MS))
        kill_groups(&sb->cgroup);
}

static int end_guest(struct sandbox *sb, struct err *err)
{
    if (sb->pid <= 0 || sb->ended)
        return 0;
    if (sb->isolation == PLAN_NONE)
        end_none(sb);
    pidfd_send_signal(sb->pidfd, SIGKILL, NULL, 0);
    /* The pidfd of a PID 1 fires when the kernel has killed and reaped all of its namespace. */
    if (!wait_fd(sb->pidfd, clock_boot_ms() + END_MS))
        return err_set(err, ERR_BUSY, "busy",
                       "the sandbox does not end: a process of it hangs in "
                       "the kernel");
    siginfo_t si;
    while (waitid(P_PIDFD, (id_t)sb->pidfd, &si, WEXITED) < 0 && errno == EINTR)
        ;
    sb->ended = true;
    return 0;
}

static int keep_first(int r, int next)
{
    return r < 0 ? r : next;
}

int sandbox_destroy(struct sandbox *sb, struct err *err)
{
    if (!sb)
        return 0;
    int r = end_guest(sb, err);
    for (size_t i = 0; i < sb->cgroup.count; i++)
        r = keep_first(r, cgroup_remove(sb->cgroup.dirs[i].path, r < 0 ? NULL : err));
    if (r == 0) { /* else the record stays, for a later reap */
        r = fs_rm_rf(AT_FDCWD, sb->dir);
        if (r < 0)
            err_sys(err, -r, "cannot remove %s", sb->dir);
    }
    if (sb->control >= 0)
        close(sb->control);
    if (sb->pidfd >= 0)
        close(sb->pidfd);
    cgroup_done(&sb->cgroup);
    json_decref(sb->notes);
    free(sb->dir);
    free(sb);
    return r;
}

int sandbox_reap(const char *dir, struct err *err)
{
    struct record rec = {0};
    int r = record_read(dir, &rec, err);
    if (r < 0 && r != -ENOENT)
        return r;
    r = 0;
    _cleanup_close_ int pidfd = record_open(&rec);
    if (pidfd >= 0) {
        if (rec.none)
            (void)!wait_fd(pidfd, clock_boot_ms() + NONE_END_MS);
        pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
        if (!wait_fd(pidfd, clock_boot_ms() + END_MS))
            r = err_set(err, ERR_BUSY, "busy",
                        "the sandbox does not end: a process of it hangs "
                        "in the kernel");
    }
    for (size_t i = 0; i < rec.cgroup_count; i++) {
        cgroup_kill(rec.cgroups[i].path, rec.cgroups[i].v2);
        r = keep_first(r, cgroup_remove(rec.cgroups[i].path, r < 0 ? NULL : err));
    }
    record_done(&rec);
    if (r == 0 && (r = fs_rm_rf(AT_FDCWD, dir)) < 0)
        err_sys(err, -r, "cannot remove %s", dir);
    return r;
}
