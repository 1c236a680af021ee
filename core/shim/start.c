/* SPDX-License-Identifier: Apache-2.0
 *
 * start: from an order to a sandbox that listens.
 */
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "shim/follow.h"
#include "shim/jobs.h"
#include "shim/shim.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/timerfd.h>

/* ---- folders ---- */

/* run/<id>, locked. One that a dead shim left is emptied; one of a living shim is an error. */
static int make_run_folder(struct shim *s, struct err *err)
{
    const char *run = s->order.run;
    int r = fs_mkdir_p(AT_FDCWD, run, 0700);
    if (r < 0)
        return err_sys(err, -r, "cannot make %s", run);
    s->run_fd = open(run, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (s->run_fd < 0)
        return err_sys(err, errno, "cannot open %s", run);
    if (flock(s->run_fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, ERR_BUSY, "busy", "sandbox %s has a supervisor already",
                       s->order.sandbox);
    r = fs_rm_rf(s->run_fd, "k");
    if (r == 0 && mkdirat(s->run_fd, "k", 0700) < 0)
        r = -errno;
    if (r == 0) {
        s->k_fd = openat(s->run_fd, "k", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (s->k_fd < 0 || fchown(s->k_fd, sandbox_root_uid(), sandbox_root_gid()) < 0)
            r = -errno;
    }
    return r < 0 ? err_sys(err, -r, "cannot make %s/k", run) : 0;
}

static int open_log(struct shim *s, struct err *err)
{
    const char *path = s->order.log;
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "cannot open the log %s", path);
    if (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
        return err_sys(err, errno, "cannot use the log %s", path);
    return 0;
}

/* What --reap must know, without the environment and its secrets. */
static int write_order(const struct shim *s, struct err *err)
{
    const struct order *o = &s->order;
    int r = fs_mkdir_p(AT_FDCWD, o->plan.dir, 0700);
    if (r < 0)
        return err_sys(err, -r, "cannot make %s", o->plan.dir);
    json_t *j = json_object();
    json_object_set_new(j, "v", json_integer(1));
    json_object_set_new(j, "sandbox", json_string(o->sandbox));
    json_object_set_new(j, "name", json_string(o->name));
    json_object_set_new(j, "run", json_string(o->run));
    json_object_set_new(j, "log", json_string(o->log));
    json_object_set_new(j, "created_ns", json_integer((json_int_t)s->created_ns));
    size_t len;
    _cleanup_free_ char *text = json_text(j, &len), *path = fs_join(o->plan.dir, "order.json");
    json_decref(j);
    r = fs_write_atomic(AT_FDCWD, path, text, len, 0600);
    return r < 0 ? err_sys(err, -r, "cannot write %s", path) : 0;
}

void shim_remove_folders(const struct order *o)
{
    int r = fs_rm_rf(AT_FDCWD, o->run);
    if (r < 0)
        log_warn("sandbox=%s cannot remove %s: %s", o->sandbox, o->run, strerror(-r));
    r = fs_rm_rf(AT_FDCWD, o->plan.dir);
    if (r < 0)
        log_warn("sandbox=%s cannot remove %s: %s", o->sandbox, o->plan.dir, strerror(-r));
}

/* ---- the loop ---- */

static void on_signal(uv_signal_t *h, int signum)
{
    shim_end(h->data, "the sandbox's supervisor was told to end");
}

static void on_deadline(uv_poll_t *h, int status, int events)
{
    uv_poll_stop(h);
    shim_end(h->data, "its time was over");
}

static int watch_fd(struct shim *s, uv_poll_t *h, int fd, uv_poll_cb cb, struct err *err)
{
    int r = uv_poll_init(&s->loop, h, fd);
    if (r == 0) {
        h->data = s;
        r = uv_poll_start(h, UV_READABLE, cb);
    }
    return r < 0 ? err_sys(err, -r, "cannot watch the sandbox") : 0;
}

/* On the clock that goes on while a lid is closed. */
static int start_deadline(struct shim *s, struct err *err)
{
    if (!s->order.timeout)
        return 0;
    s->deadline_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    struct itimerspec when = {.it_value.tv_sec = s->order.timeout};
    if (s->deadline_fd < 0 || timerfd_settime(s->deadline_fd, 0, &when, NULL) < 0)
        return err_sys(err, errno, "cannot set the sandbox's timeout");
    return watch_fd(s, &s->deadline, s->deadline_fd, on_deadline, err);
}

static int watch(struct shim *s, struct err *err)
{
    int r = watch_fd(s, &s->control, sandbox_control(s->sb), jobs_on_control, err);
    if (r == 0)
        r = watch_fd(s, &s->pidfd, sandbox_pidfd(s->sb), shim_on_pid1, err);
    if (r == 0)
        r = start_deadline(s, err);
    if (r < 0)
        return r;
    uv_signal_init(&s->loop, &s->sigterm);
    uv_signal_init(&s->loop, &s->sigint);
    uv_idle_init(&s->loop, &s->pump);
    s->sigterm.data = s->sigint.data = s->pump.data = s;
    r = uv_signal_start(&s->sigterm, on_signal, SIGTERM);
    if (r == 0)
        r = uv_signal_start(&s->sigint, on_signal, SIGINT);
    return r < 0 ? err_sys(err, -r, "cannot watch for signals") : 0;
}

static int serve(struct shim *s, struct err *err)
{
    _cleanup_free_ char *path = fs_join(s->order.run, "shim.sock");
    int r = peer_listen(&s->loop, &s->server, path, shim_on_connection, err);
    if (r == 0)
        s->server.data = s;
    return r;
}

static int start(struct shim *s, struct err *err)
{
    int r = make_run_folder(s, err);
    if (r == 0)
        r = open_log(s, err);
    if (r == 0)
        r = write_order(s, err);
    if (r == 0)
        r = sandbox_start(&s->order.plan, s->init_path, s->order.cache, &s->sb, err);
    if (r == 0)
        r = watch(s, err);
    if (r == 0)
        r = serve(s, err);
    return r;
}

int shim_start(struct shim *s, struct err *err)
{
    s->created_ns = clock_wall_ns();
    int r = start(s, err);
    if (r == 0) {
        s->state = SHIM_READY;
        log_info("sandbox=%s ready pid=%d isolation=%s", s->order.sandbox, (int)sandbox_pid(s->sb),
                 sandbox_isolation(s->sb));
        return 0;
    }
    log_error("sandbox=%s start failed: %s", s->order.sandbox, err->msg);
    shim_close_handles(s);
    struct err again = ERR_INIT;
    if (s->sb && sandbox_destroy(TAKE_PTR(s->sb), &again) < 0)
        log_error("sandbox=%s %s", s->order.sandbox, again.msg);
    /* Another shim's folder is not ours to remove. */
    if (strcmp(err->code, "busy") != 0)
        shim_remove_folders(&s->order);
    return r;
}

json_t *shim_ready_line(const struct shim *s)
{
    json_t *j = json_object();
    json_object_set_new(j, "ready", json_true());
    json_object_set_new(j, "sandbox", json_string(s->order.sandbox));
    json_object_set_new(j, "pid", json_integer(getpid()));
    json_object_set_new(j, "isolation", json_string(sandbox_isolation(s->sb)));
    json_object_set_new(j, "notes", sandbox_notes(s->sb));
    return j;
}
