/* SPDX-License-Identifier: Apache-2.0
 *
 * start: runs seerd, detached from this process, and waits until it listens.
 */
#include "client/impl.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { READY_FD = 3, LINE_MAX_BYTES = 8192 };

struct launch {
    char *program;  /* owned */
    char *log;      /* owned */
    char **environ; /* owned, entries owned */
    int ready;      /* the end the daemon writes to */
};

static void launch_done(struct launch *l)
{
    free(l->program);
    free(l->log);
    for (char **e = l->environ; e && *e; e++)
        free(*e);
    free(l->environ);
    if (l->ready >= 0)
        close(l->ready);
}

/* This process's environment, with the two folders made absolute: seerd's cwd is "/". */
static char **make_environ(const struct paths *paths)
{
    size_t n = 0, at = 0;
    while (environ[n])
        n++;
    char **out = xcalloc(n + 3, sizeof *out);
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "SEER_HOME=", 10) != 0 &&
            strncmp(environ[i], "SEER_CACHE=", 11) != 0)
            out[at++] = xstrdup(environ[i]);
    out[at++] = xasprintf("SEER_HOME=%s", paths->home);
    out[at] = xasprintf("SEER_CACHE=%s", paths->cache);
    return out;
}

static int prepare(const struct paths *paths, struct launch *l, int *ret_read, struct err *err)
{
    _cleanup_free_ char *exe = fs_exe_dir();
    l->program = exe ? fs_join(exe, "seerd") : xstrdup("seerd");
    if (access(l->program, X_OK) < 0) {
        free(l->program);
        l->program = xstrdup("seerd"); /* a program elsewhere that links libseer: PATH decides */
    }
    _cleanup_free_ char *logs = fs_join(paths->home, "logs");
    int r = fs_mkdir_p(AT_FDCWD, logs, 0700);
    if (r < 0)
        return err_sys(err, -r, "cannot make the folder %s", logs);
    l->log = fs_join(logs, "seerd.log");
    l->environ = make_environ(paths);
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(err, errno, "cannot make a pipe");
    *ret_read = fds[0];
    /* Out of the way of 0..3, which the daemon's descriptors go to. */
    l->ready = fcntl(fds[1], F_DUPFD_CLOEXEC, 10);
    int e = errno;
    close(fds[1]);
    return l->ready < 0 ? err_sys(err, e, "cannot make a pipe") : 0;
}

/* In a forked child: 0 or an errno. */
static int spawn(const struct launch *l)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    char *argv[] = {(char *)"seerd", (char *)"--ready-fd", (char *)"3", NULL};
    if (posix_spawn_file_actions_init(&files) || posix_spawnattr_init(&attr))
        return ENOMEM;
    int r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (!r)
        r = posix_spawn_file_actions_addopen(&files, 1, l->log, O_WRONLY | O_CREAT | O_APPEND,
                                             0600);
    if (!r)
        r = posix_spawn_file_actions_adddup2(&files, 1, 2);
    if (!r)
        r = posix_spawn_file_actions_adddup2(&files, l->ready, READY_FD);
    if (!r)
        r = posix_spawn_file_actions_addclosefrom_np(&files, READY_FD + 1);
    if (!r)
        r = posix_spawn_file_actions_addchdir_np(&files, "/");
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setsigmask(&attr, &none);
    return r ? r : posix_spawnp(&(pid_t){0}, l->program, &files, &attr, argv, l->environ);
}

/* By way of a child that exits at once, so that seerd is nobody's zombie when it dies before us. */
static int run_detached(const struct launch *l, struct err *err)
{
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(err, errno, "cannot start seerd");
    if (pid == 0)
        _exit(spawn(l));
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    err_set(err, ERR_SYSTEM, "daemon_start", "cannot start %s: %s", l->program,
            strerror(WIFEXITED(status) ? WEXITSTATUS(status) : EIO));
    err_hint(err, "seerd has to stand beside seer, or on PATH");
    return -ENOENT;
}

/* Reads one line until the deadline. 0 with an empty line when the other end was closed. */
static int read_line(int fd, char *line, size_t size)
{
    uint64_t deadline = clock_boot_ms() + CLIENT_START_SECONDS * 1000u;
    size_t len = 0;
    line[0] = '\0';
    while (len < size - 1 && !strchr(line, '\n')) {
        uint64_t now = clock_boot_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int r = poll(&p, 1, now >= deadline ? 0 : (int)(deadline - now));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return r < 0 ? -errno : -ETIMEDOUT;
        ssize_t n = read(fd, line + len, size - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        len += (size_t)n;
        line[len] = '\0';
    }
    return 0;
}

/* The last line of the log, as the reason. */
static void say_why(const char *log, int r, struct err *err)
{
    _cleanup_free_ char *text = NULL;
    size_t len = 0;
    _cleanup_close_ int fd = open(log, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && lseek(fd, -1024, SEEK_END) < 0)
        lseek(fd, 0, SEEK_SET);
    const char *last = "";
    if (fd >= 0 && fs_read_fd(fd, LIMIT_LOG_TAIL, &text, &len) == 0) {
        while (len && text[len - 1] == '\n')
            text[--len] = '\0';
        const char *at = strrchr(text, '\n');
        last = at ? at + 1 : text;
    }
    if (r == -ETIMEDOUT)
        err_set(err, ERR_SYSTEM, "daemon_start", "seerd did not get ready within %d seconds",
                CLIENT_START_SECONDS);
    else
        err_set(err, ERR_SYSTEM, "daemon_start", "seerd ended before it was ready%s%s",
                *last ? ": " : "", last);
    err_hint(err, "its log is %s", log);
}

static int start_once(const struct paths *paths, struct err *err)
{
    _cleanup_(launch_done) struct launch l = {.ready = -EBADF};
    _cleanup_close_ int from = -EBADF;
    int r = prepare(paths, &l, &from, err);
    if (r == 0)
        r = run_detached(&l, err);
    if (r < 0)
        return r;
    close(TAKE_FD(l.ready));
    char line[LINE_MAX_BYTES];
    r = read_line(from, line, sizeof line);
    if (r < 0 || !*line) {
        say_why(l.log, r, err);
        return r < 0 ? r : -ECONNREFUSED;
    }
    _cleanup_json_ json_t *answer =
        *line == '{' ? json_parse_object(line, strlen(line), NULL) : NULL;
    const json_t *why = json_object_get(answer, "error");
    if (!why)
        return 0;
    json_to_err(why, err);
    return -ECONNREFUSED;
}

/* Until a seerd that stopped listening has let go of its lock, that is, has ended. A child waits for
 * the lock, since flock(2) knows no deadline. */
static int wait_for_lock(const struct paths *paths)
{
    _cleanup_free_ char *path = fs_join(paths->home, "daemon.lock");
    _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        _exit(flock(fd, LOCK_EX) < 0);
    _cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int status, r = pidfd < 0 ? -1 : poll(&p, 1, CLIENT_START_SECONDS * 1000);
    if (r <= 0)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return r > 0 ? 0 : -ETIMEDOUT;
}

int daemon_start(const struct paths *paths, struct err *err)
{
    struct err local = ERR_INIT;
    int r = start_once(paths, &local);
    if (r < 0 && strcmp(local.code, "already_running") == 0) {
        r = wait_for_lock(paths);
        if (r == 0)
            r = start_once(paths, &local);
        else
            err_hint(&local, "it does not listen any more: end it with kill -9; "
                             "sandboxes go on");
    }
    if (r < 0 && err)
        *err = local;
    return r;
}
