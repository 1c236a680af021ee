/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/jobs.h"

#include "base/log.h"
#include "base/mem.h"
#include "sandbox/init_link.h"

#include <signal.h>
#include <string.h>

struct job {
    LIST_ENTRY(job) entry;
    uint32_t id;
    const struct job_ops *ops;
    void *ctx;
    int owed_signal; /* init's queue was full; 0 none */
};

static struct job *find(struct shim *s, uint32_t id)
{
    struct job *j;
    LIST_FOREACH (j, &s->jobs, entry)
        if (j->id == id)
            return j;
    return NULL;
}

int jobs_spawn(struct shim *s, char *const argv[], char *const env[], const char *cwd,
               const int *fds, size_t nfds, const struct job_ops *ops, void *ctx, uint32_t *ret_job,
               struct err *err)
{
    if (s->state != SHIM_READY)
        return err_set(err, ERR_USER, "no_such_sandbox", "the sandbox is ending");
    uint32_t id = ++s->next_job;
    int r = init_spawn(sandbox_control(s->sb), id, argv, env, cwd, fds, nfds, err);
    if (r == -E2BIG)
        return err_set(err, ERR_USER, "bad_parameter",
                       "the command with its arguments and environment is longer than %u bytes",
                       INIT_PACKET_MAX);
    if (r < 0)
        return err_wrap(err, "cannot start '%.100s' in the sandbox", argv[0]);
    struct job *j = xnew(struct job);
    *j = (struct job){.id = id, .ops = ops, .ctx = ctx};
    LIST_INSERT_HEAD(&s->jobs, j, entry);
    *ret_job = id;
    return 0;
}

static void watch(struct shim *s)
{
    int events = UV_READABLE;
    const struct job *j;
    LIST_FOREACH (j, &s->jobs, entry)
        if (j->owed_signal)
            events |= UV_WRITABLE;
    uv_poll_start(&s->control, events, jobs_on_control);
}

void jobs_signal(struct shim *s, uint32_t id, int sig)
{
    struct job *j = find(s, id);
    struct err err = ERR_INIT;
    if (!j || s->state != SHIM_READY)
        return;
    int r = init_signal(sandbox_control(s->sb), id, sig, true, &err);
    if (r == -EAGAIN) {
        if (j->owed_signal != SIGKILL) /* the strongest wins */
            j->owed_signal = sig;
        watch(s);
    } else if (r < 0)
        log_warn("sandbox=%s job=%u cannot signal: %s", s->order.sandbox, id, err.msg);
}

static void send_owed(struct shim *s)
{
    struct job *j;
    LIST_FOREACH (j, &s->jobs, entry) {
        int sig = j->owed_signal;
        if (!sig)
            continue;
        if (init_signal(sandbox_control(s->sb), j->id, sig, true, NULL) == -EAGAIN)
            break;
        j->owed_signal = 0;
    }
    watch(s);
}

static void job_ended(struct shim *s, struct job *j, const struct job_end *end)
{
    LIST_REMOVE(j, entry);
    j->ops->ended(s, j->id, end, j->ctx);
    free(j);
}

static void take(struct shim *s, const struct init_msg *m)
{
    struct job *j = find(s, m->job);
    if (!j)
        return;
    if (m->type == INIT_EXITED)
        job_ended(s, j, &(struct job_end){.how = JOB_EXITED, .status = m->value});
    else if (m->type == INIT_FAILED)
        job_ended(s, j, &(struct job_end){.how = JOB_FAILED, .errnum = m->value, .step = m->extra});
}

/* 0 when all was heard, or what init_recv said. */
static int hear(struct shim *s)
{
    char *packet = xmalloc(INIT_PACKET_MAX);
    struct init_msg m;
    int r;
    while ((r = init_recv(sandbox_control(s->sb), packet, &m, NULL, NULL)) > 0) {
        take(s, &m);
        init_msg_done(&m);
    }
    free(packet);
    return r;
}

void jobs_on_control(uv_poll_t *h, int status, int events)
{
    struct shim *s = h->data;
    if (events & UV_WRITABLE)
        send_owed(s);
    int r = status < 0 ? status : hear(s);
    if (r < 0) {
        /* The end of PID 1 follows on its pidfd; a packet out of order means it is not ours any
         * more, so it is ended. */
        uv_poll_stop(h);
        if (r == -EBADMSG)
            shim_end(s, "its init broke the protocol");
    }
}

void jobs_lost(struct shim *s)
{
    if (s->sb && hear(s) == -EBADMSG)
        log_warn("sandbox=%s its init broke the protocol", s->order.sandbox);
    while (!LIST_EMPTY(&s->jobs))
        job_ended(s, LIST_FIRST(&s->jobs), &(struct job_end){.how = JOB_LOST});
}

int jobs_failure(const struct job_end *end, const char *command, const char *cwd, struct err *err)
{
    const char *why = strerror(end->errnum);
    if (end->step == INIT_STEP_CWD)
        return err_set(err, ERR_USER, "no_such_file",
                       "the folder %.200s cannot be entered in the sandbox: %s", cwd, why);
    if (end->step == INIT_STEP_EXEC && end->errnum == ENOENT) {
        err_set(err, ERR_USER, "no_such_file", "there is no command '%.200s' in the sandbox",
                command);
        err_hint(err, "look at PATH, or give the whole path; shell syntax needs sh -c '…'");
        return -ENOENT;
    }
    if (end->step == INIT_STEP_EXEC)
        return err_set(err, ERR_USER, "bad_parameter", "'%.200s' cannot be run in the sandbox: %s",
                       command, why);
    return err_set(err, end->errnum == EAGAIN ? ERR_BUSY : ERR_SYSTEM, "system",
                   "'%.200s' could not be started in the sandbox: %s", command, why);
}
