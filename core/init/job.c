/* SPDX-License-Identifier: Apache-2.0 */
#include "init/job.h"

#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

void jobs_add(struct jobs *jobs, uint32_t id, pid_t pid)
{
    if (jobs->count == jobs->cap) {
        jobs->cap = jobs->cap ? jobs->cap * 2 : 16;
        jobs->list = xrealloc(jobs->list, jobs->cap * sizeof *jobs->list);
    }
    jobs->list[jobs->count++] = (struct job){id, pid};
}

pid_t jobs_pid(const struct jobs *jobs, uint32_t id)
{
    for (size_t i = 0; i < jobs->count; i++)
        if (jobs->list[i].id == id)
            return jobs->list[i].pid;
    return -1;
}

bool jobs_remove(struct jobs *jobs, pid_t pid, uint32_t *ret_id)
{
    for (size_t i = 0; i < jobs->count; i++) {
        if (jobs->list[i].pid != pid)
            continue;
        *ret_id = jobs->list[i].id;
        jobs->list[i] = jobs->list[--jobs->count];
        return true;
    }
    return false;
}

struct failure {
    int32_t errnum;
    uint32_t step;
};

static void fail(int report, enum init_step step)
{
    struct failure f = {errno, step};
    (void)!write(report, &f, sizeof f);
    _exit(127);
}

/* fds become 0 … nfds-1. They are moved out of the way first, so that none is overwritten. */
static int place_fds(const int *fds, size_t nfds, int *report)
{
    int high[INIT_FDS_MAX + 1];
    for (size_t i = 0; i <= nfds; i++) {
        high[i] = fcntl(i < nfds ? fds[i] : *report, F_DUPFD_CLOEXEC, INIT_FDS_MAX);
        if (high[i] < 0)
            return -1;
    }
    for (size_t i = 0; i < nfds; i++)
        if (dup2(high[i], (int)i) < 0)
            return -1;
    *report = high[nfds];
    return close_range((unsigned)nfds, ~0u, CLOSE_RANGE_CLOEXEC);
}

static void reset_signals(void)
{
    struct sigaction sa = {.sa_handler = SIG_DFL};
    for (int sig = 1; sig < NSIG; sig++)
        sigaction(sig, &sa, NULL); /* SIGKILL and SIGSTOP refuse, as they should */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child(const struct init_msg *m, const int *fds, size_t nfds, int report,
                            bool die_with_parent)
{
    setsid();
    if (die_with_parent)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (place_fds(fds, nfds, &report) < 0)
        fail(report, INIT_STEP_FDS);
    if (chdir(m->cwd) < 0)
        fail(report, INIT_STEP_CWD);
    reset_signals();
    environ = m->env; /* execvp searches the PATH of the new environment */
    execvp(m->argv[0], m->argv);
    fail(report, INIT_STEP_EXEC);
    _exit(127);
}

pid_t job_start(const struct init_msg *m, const int *fds, size_t nfds, uint32_t *ret_step)
{
    int pipe_fds[2];
    *ret_step = INIT_STEP_FORK;
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -errno;
    _cleanup_close_ int in = pipe_fds[0];
    _cleanup_close_ int out = pipe_fds[1];
    bool alone = getpid() == 1;
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        child(m, fds, nfds, out, !alone);
    close(TAKE_FD(out));
    struct failure f;
    ssize_t n;
    do /* the end of the pipe is the exec */
        n = read(in, &f, sizeof f);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof f)
        return pid;
    waitpid(pid, NULL, 0);
    *ret_step = f.step;
    return -f.errnum;
}

/* Kills each child that /proc lists now; false when there is none left. */
static bool kill_children(void)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_free_ char *path = xasprintf("/proc/self/task/%d/children", (int)getpid());
    if (fs_read_file(AT_FDCWD, path, 1u << 20, &text, NULL) < 0)
        return false;
    bool any = false;
    for (char *at = text; *at;) {
        char *end;
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        if (pid > 1) {
            kill((pid_t)pid, SIGKILL);
            any = true;
        }
        at = *end ? end + 1 : end;
    }
    return any;
}

void jobs_kill_all(void)
{
    /* Children of the killed come to us (subreaper) before their parent can be reaped, so each
     * round sees the next generation. */
    while (kill_children())
        if (waitpid(-1, NULL, __WALL) < 0 && errno != EINTR)
            break;
}
