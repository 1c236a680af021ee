/* SPDX-License-Identifier: Apache-2.0
 *
 * seer-init: PID 1 of a sandbox. Starts what the shim tells it over descriptor 3 (init_link.h),
 * reaps everything, reports how its jobs ended, and ends when the socket does; the kernel then
 * kills the rest of the pid namespace. With isolation "none" it is an ordinary process that
 * gathers its orphans as a subreaper and kills them itself.
 *
 * Small, static, no threads, one loop: it runs where the guest is, so it trusts nobody's bytes and
 * holds nothing worth stealing: no environment, no host descriptor but the socket.
 */
#include "init/job.h"

#include "base/mem.h"
#include "sandbox/init_link.h"

#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define CONTROL 3

#if defined(__SANITIZE_ADDRESS__)
/* LeakSanitizer wants ptrace, which PID 1 of a sandbox does not have. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

struct init {
    int signals, epoll;
    struct jobs jobs;
    char packet[INIT_PACKET_MAX];
};

static int report_exit(struct init *in, pid_t pid, int status, const struct rusage *ru)
{
    uint32_t id;
    if (!jobs_remove(&in->jobs, pid, &id))
        return 0; /* an orphan */
    return init_send(CONTROL, INIT_EXITED, id, status, 0, (uint64_t)ru->ru_maxrss);
}

static int reap(struct init *in)
{
    struct signalfd_siginfo si;
    while (read(in->signals, &si, sizeof si) > 0)
        ;
    for (;;) {
        int status;
        struct rusage ru;
        pid_t pid = wait4(-1, &status, WNOHANG, &ru);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return 0;
        int r = report_exit(in, pid, status, &ru);
        if (r < 0)
            return r;
    }
}

static int spawn(struct init *in, const struct init_msg *m, const int *fds, size_t nfds)
{
    uint32_t step = INIT_STEP_PARSE;
    pid_t pid = nfds < 3 ? -EINVAL : job_start(m, fds, nfds, &step);
    if (pid < 0)
        return init_send(CONTROL, INIT_FAILED, m->job, -pid, step, 0);
    jobs_add(&in->jobs, m->job, pid);
    return init_send(CONTROL, INIT_STARTED, m->job, pid, 0, 0);
}

/* One packet from the shim. 0 when all is read, 1 to be called again, negative at the end. */
static int serve(struct init *in)
{
    int fds[INIT_FDS_MAX];
    size_t nfds = 0;
    struct init_msg m;
    int r = init_recv(CONTROL, in->packet, &m, fds, &nfds);
    if (r <= 0)
        return r;
    r = 0;
    if (m.type == INIT_SPAWN) {
        r = spawn(in, &m, fds, nfds);
    } else if (m.type == INIT_SIGNAL) {
        pid_t pid = jobs_pid(&in->jobs, m.job);
        if (pid > 0) /* it may have ended meanwhile */
            kill(m.extra ? -pid : pid, m.value);
    } else {
        r = -EBADMSG;
    }
    for (size_t i = 0; i < nfds; i++)
        close(fds[i]);
    init_msg_done(&m);
    return r < 0 ? r : 1;
}

static int set_up(struct init *in)
{
    prctl(PR_SET_NAME, "seer-init");
    /* The guest shall not look into /proc/1 (exe, fd, maps). */
    prctl(PR_SET_DUMPABLE, 0);
    if (getpid() == 1)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    else
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    in->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    in->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (in->signals < 0 || in->epoll < 0)
        return -errno;
    struct epoll_event ev[] = {{.events = EPOLLIN, .data.fd = in->signals},
                               {.events = EPOLLIN, .data.fd = CONTROL}};
    for (size_t i = 0; i < ARRAY_SIZE(ev); i++)
        if (epoll_ctl(in->epoll, EPOLL_CTL_ADD, ev[i].data.fd, &ev[i]) < 0)
            return -errno;
    return init_send(CONTROL, INIT_UP, 0, 0, 0, 0);
}

static int run(struct init *in)
{
    for (;;) {
        struct epoll_event ev;
        int n = epoll_wait(in->epoll, &ev, 1, -1);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n < 1)
            continue;
        int r = ev.data.fd == in->signals ? reap(in) : serve(in);
        if (r < 0)
            return r;
    }
}

int main(void)
{
    struct init *in = xnew(struct init);
    int r = set_up(in);
    if (r == 0)
        r = run(in);
    if (getpid() != 1)
        jobs_kill_all();
    return r == -EPIPE ? 0 : 1;
}
