/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/exec.h"

#include "base/clock.h"
#include "base/mem.h"
#include "shim/command.h"
#include "shim/jobs.h"
#include "shim/source.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

struct exec {
    LIST_ENTRY(exec) entry;
    uv_timer_t timer;
    struct shim *shim;        /* borrowed */
    struct call *call;        /* owned; NULL once answered */
    struct source *source[2]; /* owned; stdout, stderr (NULL when merged or at its end) */
    struct command command;   /* owned */
    uint32_t job;
    uint64_t begun_ns;
    struct job_end how;
    bool ended, timed_out;
    uint64_t room; /* bytes that may still be passed on */
    uint64_t dropped;
};

static void on_timer_closed(uv_handle_t *h)
{
    struct exec *x = h->data;
    command_done(&x->command);
    free(x);
}

static json_t *result_of(const struct exec *x)
{
    json_t *result = json_object();
    int status = x->how.status;
    if (WIFSIGNALED(status))
        json_object_set_new(result, "signal", json_integer(WTERMSIG(status)));
    else
        json_object_set_new(result, "exit_code", json_integer(WEXITSTATUS(status)));
    double seconds = (double)(clock_ns(CLOCK_MONOTONIC) - x->begun_ns) / 1e9;
    json_object_set_new(result, "timed_out", json_boolean(x->timed_out));
    json_object_set_new(result, "seconds", json_real(seconds));
    json_object_set_new(result, "dropped", json_integer((json_int_t)x->dropped));
    return result;
}

static void answer(struct exec *x)
{
    struct err err = ERR_INIT;
    if (x->how.how == JOB_EXITED) {
        call_reply(x->call, result_of(x));
        return;
    }
    if (x->how.how == JOB_FAILED)
        jobs_failure(&x->how, x->command.argv[0], x->command.cwd, &err);
    else
        err_set(&err, ERR_GUEST, "no_such_sandbox", "the sandbox ended while the command ran: %s",
                x->shim->reason);
    call_fail(x->call, &err);
}

/* Answers once the command is dead and both pipes have been read. */
static void maybe_done(struct exec *x)
{
    if (!x->ended || x->source[0] || x->source[1] || !x->call)
        return;
    LIST_REMOVE(x, entry);
    call_on_gone(x->call, NULL, NULL);
    answer(x);
    x->call = NULL;
    uv_close((uv_handle_t *)&x->timer, on_timer_closed);
}

static void on_data(struct source *src, const char *data, size_t len, void *ctx)
{
    struct exec *x = ctx;
    size_t pass = len < x->room ? len : (size_t)x->room;
    x->room -= pass;
    x->dropped += len - pass;
    if (!pass || !call_wanted(x->call))
        return;
    json_t *event = json_object();
    json_object_set_new(event, "stream", json_string(src == x->source[1] ? "stderr" : "stdout"));
    json_object_set_new(event, "data64", json_base64(data, pass));
    bool lost = x->ended && x->how.how == JOB_LOST; /* the shim ends: no time for the slow */
    if (call_event(x->call, "out", event) > PEER_HIGH_WATER && !lost) {
        source_pause(x->source[0]);
        source_pause(x->source[1]);
    }
}

static void on_end(struct source *src, void *ctx)
{
    struct exec *x = ctx;
    int i = src == x->source[1];
    x->source[i] = NULL;
    source_close(src);
    maybe_done(x);
}

static const struct source_ops source_ops = {.data = on_data, .end = on_end};

static void on_job_ended(struct shim *s, uint32_t job, const struct job_end *end, void *ctx)
{
    struct exec *x = ctx;
    uv_timer_stop(&x->timer);
    x->how = *end;
    x->ended = true;
    if (end->how == JOB_LOST) {
        source_resume(x->source[0]);
        source_resume(x->source[1]);
    }
    source_finish(x->source[0]); /* x outlives this call: it is freed with its timer */
    source_finish(x->source[1]);
    maybe_done(x);
}

static const struct job_ops job_ops = {.ended = on_job_ended};

static void on_timeout(uv_timer_t *t)
{
    struct exec *x = t->data;
    x->timed_out = true;
    jobs_signal(x->shim, x->job, SIGKILL);
}

static void on_gone(struct call *c, void *ctx)
{
    struct exec *x = ctx;
    source_resume(x->source[0]); /* nobody holds it back any more; what it writes goes nowhere */
    source_resume(x->source[1]);
    jobs_signal(x->shim, x->job, SIGKILL);
}

/* Pipes for the command's output. The guest's ends are in fds[1], fds[2] (closed by the caller). */
static int open_output(struct exec *x, bool merge, int fds[3], struct err *err)
{
    for (int i = 0; i < 2; i++) {
        int ends[2];
        if (i == 1 && merge) {
            fds[2] = fcntl(fds[1], F_DUPFD_CLOEXEC, 3);
            return fds[2] < 0 ? err_sys(err, errno, "cannot copy a descriptor") : 0;
        }
        if (pipe2(ends, O_CLOEXEC) < 0)
            return err_sys(err, errno, "cannot make a pipe");
        fds[1 + i] = ends[1];
        int r = source_open(&x->shim->loop, ends[0], &source_ops, x, &x->source[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int start(struct exec *x, struct err *err)
{
    _cleanup_close_ int in = -EBADF, out = -EBADF, errors = -EBADF;
    const json_t *params = call_params(x->call);
    int fds[3] = {-EBADF, -EBADF, -EBADF};
    int r = command_parse(params, x->shim->order.plan.env, &x->command, err);
    if (r < 0)
        return r;
    in = command_stdin(json_object_get(params, "stdin64"), err);
    if (in < 0)
        return in;
    r = open_output(x, json_flag(params, "merge", false), fds, err);
    out = fds[1];
    errors = fds[2];
    if (r < 0)
        return r;
    return jobs_spawn(x->shim, x->command.argv, x->command.env, x->command.cwd,
                      (int[]){in, out, errors}, 3, &job_ops, x, &x->job, err);
}

void exec_request(struct shim *s, struct call *take_call)
{
    const json_t *params = call_params(take_call);
    json_int_t cap = json_int(params, "cap", -1);
    double timeout = json_num(params, "timeout", 0);
    struct exec *x = xnew(struct exec);
    *x = (struct exec){.shim = s, .call = take_call, .begun_ns = clock_ns(CLOCK_MONOTONIC)};
    x->room = cap < 0 ? UINT64_MAX : (uint64_t)cap;
    uv_timer_init(&s->loop, &x->timer);
    x->timer.data = x;
    struct err err = ERR_INIT;
    if (start(x, &err) < 0) {
        source_close(x->source[0]);
        source_close(x->source[1]);
        call_fail(x->call, &err);
        uv_close((uv_handle_t *)&x->timer, on_timer_closed);
        return;
    }
    LIST_INSERT_HEAD(&s->execs, x, entry);
    call_on_gone(x->call, on_gone, x);
    if (timeout > 0 && timeout < 1e9)
        uv_timer_start(&x->timer, on_timeout, (uint64_t)(timeout * 1000) + 1, 0);
}

void exec_drained(struct shim *s, const struct peer *p)
{
    struct exec *x, *next;
    for (x = LIST_FIRST(&s->execs); x; x = next) {
        next = LIST_NEXT(x, entry);
        if (call_peer(x->call) != p)
            continue;
        source_resume(x->source[0]);
        source_resume(x->source[1]);
    }
}
