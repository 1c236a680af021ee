/* SPDX-License-Identifier: Apache-2.0
 *
 * seer-shim: one sandbox. The order comes on standard input (order.h); one line of JSON answers on
 * descriptor 3, or on standard output where there is no 3:
 *     {"ready": true, "sandbox", "pid", "isolation", "notes"}      or      {"error": {...}}
 * `seer-shim --reap DIR` puts in order what a dead one left and answers in the same way.
 */
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "shim/doctor.h"
#include "shim/reap.h"
#include "shim/shim.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

static void say(int fd, json_t *take_line)
{
    size_t len;
    _cleanup_free_ char *text = json_text(take_line, &len);
    json_decref(take_line);
    text[len] = '\n'; /* in place of its NUL */
    int r = fs_write_all(fd, text, len + 1);
    (void)r; /* who asked is gone: that is theirs to notice */
}

static int say_error(int fd, const struct err *err)
{
    json_t *line = json_object();
    json_object_set_new(line, "error", json_from_err(err));
    say(fd, line);
    return 1;
}

/* Descriptor 3, kept from children, or a copy of standard output. */
static int answer_fd(void)
{
    if (fcntl(3, F_SETFD, FD_CLOEXEC) == 0)
        return 3;
    return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
}

static int run_reap(const char *dir)
{
    struct err err = ERR_INIT;
    int fd = answer_fd();
    if (reap(dir, &err) < 0)
        return say_error(fd, &err);
    json_t *line = json_object();
    json_object_set_new(line, "ready", json_true());
    say(fd, line);
    return 0;
}

static int read_order(struct order *ret, struct err *err)
{
    _cleanup_free_ char *text = NULL;
    size_t len;
    int r = fs_read_fd(STDIN_FILENO, LIMIT_FRAME, &text, &len);
    if (r < 0)
        return err_sys(err, -r, "cannot read the order for the sandbox");
    return order_parse(text, len, ret, err);
}

static int prepare(struct shim *s, struct err *err)
{
    _cleanup_free_ char *dir = fs_exe_dir();
    if (!dir)
        return err_set(err, ERR_SYSTEM, "internal", "the folder of seer-shim cannot be found");
    s->init_path = fs_join(dir, "seer-init");
    return read_order(&s->order, err);
}

static void shim_done(struct shim *s)
{
    if (uv_loop_close(&s->loop) < 0)
        log_warn("sandbox=%s a handle was left open", s->order.sandbox);
    if (s->k_fd >= 0)
        close(s->k_fd);
    if (s->run_fd >= 0)
        close(s->run_fd);
    if (s->deadline_fd >= 0)
        close(s->deadline_fd);
    free(s->init_path);
    order_done(&s->order);
}

static int run_shim(void)
{
    struct err err = ERR_INIT;
    struct shim s = {
        .answer_fd = answer_fd(), .run_fd = -EBADF, .k_fd = -EBADF, .deadline_fd = -EBADF};
    setsid(); /* the engine has done it; started by hand, a terminal's end is not ours */
    if (uv_loop_init(&s.loop) < 0) {
        err_set(&err, ERR_SYSTEM, "system", "cannot make an event loop");
        return say_error(s.answer_fd, &err);
    }
    int r = prepare(&s, &err);
    if (r == 0)
        r = shim_start(&s, &err);
    if (r < 0) {
        say_error(s.answer_fd, &err);
        shim_close_handles(&s);
        uv_run(&s.loop, UV_RUN_DEFAULT);
        shim_done(&s);
        return 1;
    }
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null > STDIN_FILENO) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    say(s.answer_fd, shim_ready_line(&s));
    close(s.answer_fd);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    shim_done(&s);
    return 0;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (argc == 3 && strcmp(argv[1], "--reap") == 0)
        return run_reap(argv[2]);
    if ((argc == 2 || argc == 3) && strcmp(argv[1], "--doctor") == 0)
        return doctor(argv[2]);
    if (argc == 1)
        return run_shim();
    fprintf(stderr, "usage: seer-shim < ORDER, or seer-shim --reap DIR\n");
    return 2;
}
