/* SPDX-License-Identifier: Apache-2.0
 *
 * local: shims on this machine. `seer-shim` beside this executable, in a session of its own, its
 * order written to standard input, its one line of answer read from descriptor 3. Its standard
 * error goes to the log the order names (made here, so that a shim that cannot start can say why).
 *
 * A `job` is one child and its pipes. done fires once: at the answer line, or, without one, when
 * both the child and the pipe have ended. The job is freed after the last handle has closed; a shim
 * that lives on is not waited for (libuv reaps it when it ends).
 */
#include "engine/engine.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/syscall.h>

struct job;

struct local {
    struct engine base;
    uv_loop_t *loop;  /* borrowed */
    const char *home; /* borrowed */
    const char *run;  /* borrowed */
    char *shim;       /* owned */
    LIST_HEAD(, job) jobs;
};

struct job {
    LIST_ENTRY(job) entry;
    uv_process_t process;
    uv_pipe_t in, out;
    uv_write_t write;
    char *order; /* owned */
    struct buf line;
    struct engine_done done;
    void *ctx;
    int handles; /* open ones */
    bool reap, ended, closed_out, answered, silent;
    int64_t status;
    int sig;
};

static void job_close(uv_handle_t *h)
{
    struct job *j = h->data;
    if (--j->handles)
        return;
    LIST_REMOVE(j, entry);
    buf_done(&j->line);
    free(j->order);
    free(j);
}

static void shut(uv_handle_t *h)
{
    if (!uv_is_closing(h))
        uv_close(h, job_close);
}

static void job_answer(struct job *j, const json_t *answer, const struct err *err)
{
    if (j->answered)
        return;
    j->answered = true;
    if (j->done.done)
        j->done.done(answer, err, j->ctx);
}

/* The child ended, or closed its descriptor 3, without a line we could use. */
static void job_no_answer(struct job *j)
{
    if (!j->ended || !j->closed_out)
        return;
    struct err err;
    if (j->reap && j->status == 0 && j->sig == 0) {
        _cleanup_json_ json_t *ok = json_object();
        job_answer(j, ok, NULL);
        return;
    }
    if (j->sig)
        err_set(&err, ERR_SYSTEM, "shim_failed", "seer-shim was killed by signal %d (%s)", j->sig,
                strsignal(j->sig));
    else
        err_set(&err, ERR_SYSTEM, "shim_failed", "seer-shim ended with status %d and no answer",
                (int)j->status);
    err_hint(&err,
             "see the logs folder in SEER_HOME; `seer doctor` checks what this machine can do");
    job_answer(j, NULL, &err);
}

static void job_line(struct job *j, const char *text, size_t len)
{
    struct err err = ERR_INIT;
    _cleanup_json_ json_t *line = json_parse_object(text, len, &err);
    if (!line)
        err_wrap(&err, "seer-shim's answer");
    else if (json_object_get(line, "error"))
        json_to_err(json_object_get(line, "error"), &err);
    job_answer(j, err_is_set(&err) ? NULL : line, err_is_set(&err) ? &err : NULL);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
    struct job *j = h->data;
    bool room = buf_reserve(&j->line, 4096) == 0;
    *ret = room ? uv_buf_init(j->line.data + j->line.len, 4096) : uv_buf_init(NULL, 0);
}

static void on_out(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct job *j = s->data;
    if (n == 0)
        return;
    if (n > 0) {
        j->line.len += (size_t)n;
        j->line.data[j->line.len] = '\0';
        const char *end = memchr(j->line.data, '\n', j->line.len);
        if (!end)
            return;
        job_line(j, j->line.data, (size_t)(end - j->line.data));
    }
    j->closed_out = true;
    shut((uv_handle_t *)s);
    job_no_answer(j);
}

static void on_child_exit(uv_process_t *p, int64_t status, int sig)
{
    struct job *j = p->data;
    j->ended = true;
    j->status = status;
    j->sig = sig;
    shut((uv_handle_t *)p);
    shut((uv_handle_t *)&j->in);
    job_no_answer(j);
}

static void on_written(uv_write_t *w, int status)
{
    struct job *j = w->data;
    shut((uv_handle_t *)&j->in); /* the end of the order; a failure shows as a missing answer */
}

static struct job *job_new(struct local *l, const struct engine_done *done, void *ctx)
{
    uv_loop_t *loop = l->loop;
    struct job *j = xnew(struct job);
    LIST_INSERT_HEAD(&l->jobs, j, entry);
    j->done = *done;
    j->ctx = ctx;
    j->line = BUF_INIT(LIMIT_GUEST_LINE);
    uv_pipe_init(loop, &j->in, 0);
    uv_pipe_init(loop, &j->out, 0);
    j->in.data = j->out.data = j->process.data = j->write.data = j;
    j->handles = 3;
    return j;
}

static int job_spawn(struct local *l, struct job *j, char **argv, const char *log, struct err *err)
{
    _cleanup_close_ int log_fd =
        log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600) : -EBADF;
    uv_stdio_container_t stdio[4] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&j->in},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = log_fd >= 0 ? log_fd : 2},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&j->out},
    };
    uv_process_options_t opt = {
        .file = l->shim,
        .args = argv,
        .exit_cb = on_child_exit,
        .flags = UV_PROCESS_DETACHED,
        .stdio = stdio,
        .stdio_count = 4,
    };
    int r = uv_spawn(l->loop, &j->process, &opt);
    if (r < 0) {
        err_sys(err, -r, "cannot start %s", l->shim);
        err_hint(err, "seer-shim belongs in the same folder as seerd: build or install it again");
        shut((uv_handle_t *)&j->process);
        shut((uv_handle_t *)&j->in);
        shut((uv_handle_t *)&j->out);
        return r;
    }
    uv_unref((uv_handle_t *)&j->process); /* a shim that lives on does not keep the loop */
    return uv_read_start((uv_stream_t *)&j->out, on_alloc, on_out);
}

static int local_start(struct engine *e, const json_t *order, const struct engine_done *done,
                       void *ctx, struct err *err)
{
    struct local *l = (struct local *)e;
    struct job *j = job_new(l, done, ctx);
    char *argv[] = {l->shim, NULL};
    int r = job_spawn(l, j, argv, json_str(order, "log", NULL), err);
    if (r < 0)
        return r;
    size_t len;
    j->order = json_text(order, &len);
    uv_buf_t buf = uv_buf_init(j->order, (unsigned)len);
    if (uv_write(&j->write, (uv_stream_t *)&j->in, &buf, 1, on_written) < 0)
        shut((uv_handle_t *)&j->in);
    return 0;
}

static int local_connect(struct engine *e, const char *sandbox, struct peer *p, struct err *err)
{
    struct local *l = (struct local *)e;
    _cleanup_free_ char *path = xasprintf("%s/%s/shim.sock", l->run, sandbox);
    return peer_connect(p, path, err);
}

static int local_kill(struct engine *e, const struct peer *p, struct err *err)
{
    _cleanup_close_ int pidfd = peer_uid(p) == (int64_t)getuid() ? peer_pidfd(p) : -EPERM;
    if (pidfd < 0)
        return err_sys(err, -pidfd, "cannot find the process of the shim");
    if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0)
        return err_sys(err, errno, "cannot kill the shim");
    return 0;
}

static int local_reap(struct engine *e, const char *sandbox, const struct engine_done *done,
                      void *ctx, struct err *err)
{
    struct local *l = (struct local *)e;
    struct job *j = job_new(l, done, ctx);
    j->reap = true;
    _cleanup_free_ char *dir = xasprintf("%s/sandboxes/%s", l->home, sandbox);
    _cleanup_free_ char *log = xasprintf("%s/logs/%s.log", l->home, sandbox);
    char *argv[] = {l->shim, (char *)"--reap", dir, NULL};
    int r = job_spawn(l, j, argv, log, err);
    if (r < 0)
        return r;
    shut((uv_handle_t *)&j->in);
    return 0;
}

static const struct engine_ops local_ops = {
    .name = "local",
    .start = local_start,
    .connect = local_connect,
    .kill = local_kill,
    .reap = local_reap,
};

struct engine *engine_local_new(uv_loop_t *loop, const char *home, const char *run)
{
    struct local *l = xnew(struct local);
    _cleanup_free_ char *dir = fs_exe_dir();
    *l = (struct local){.base = {&local_ops}, .loop = loop, .home = home, .run = run};
    l->shim = fs_join(dir ? dir : ".", "seer-shim");
    return &l->base;
}

void engine_close(struct engine *e)
{
    struct job *j;
    if (!e)
        return;
    LIST_FOREACH (j, &((struct local *)e)->jobs, entry) {
        j->answered = true; /* nobody is there to hear it */
        shut((uv_handle_t *)&j->process);
        shut((uv_handle_t *)&j->in);
        shut((uv_handle_t *)&j->out);
    }
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    free(((struct local *)e)->shim);
    free(e);
}
