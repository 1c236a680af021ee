/* SPDX-License-Identifier: Apache-2.0
 *
 * life: a session's kernel, from bound to dead.
 */
#include "base/log.h"
#include "shim/boot.h"
#include "shim/guestlog.h"
#include "shim/session.h"
#include "shim/sync.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

json_t *session_kernel_record(const char *state, const char *reason)
{
    json_t *rec = json_object();
    json_object_set_new(rec, "t", json_string("kernel"));
    json_object_set_new(rec, "state", json_string(state));
    if (reason)
        json_object_set_new(rec, "reason", json_lossy(reason, strlen(reason)));
    return rec;
}

static void describe_death(struct shim *s, const struct job_end *end, const char *python, char *ret,
                           size_t size)
{
    struct err err = ERR_INIT;
    struct sandbox_usage usage = {0};
    sandbox_usage(s->sb, &usage);
    bool oom = usage.oom_kills > s->oom_seen;
    s->oom_seen = usage.oom_kills;
    if (end->how == JOB_LOST)
        snprintf(ret, size, "%s", s->reason);
    else if (end->how == JOB_FAILED) {
        jobs_failure(end, python, "/workspace", &err);
        snprintf(ret, size, "%.*s", (int)size - 1, err.msg);
    } else if (WIFSIGNALED(end->status) && WTERMSIG(end->status) == SIGKILL && oom)
        snprintf(ret, size, "out of memory: it was killed at the sandbox's limit of %.1f GiB",
                 (double)usage.memory_max / (double)(1u << 30));
    else if (WIFSIGNALED(end->status))
        snprintf(ret, size, "killed by SIG%s", sigabbrev_np(WTERMSIG(end->status)));
    else
        snprintf(ret, size, "it ended with exit code %d", WEXITSTATUS(end->status));
}

void session_job_ended(struct shim *s, uint32_t job, const struct job_end *end, void *ctx)
{
    struct session *se = session_find(s, ctx);
    free(ctx);
    if (!se || se->job != job)
        return;
    char reason[256];
    describe_death(s, end, s->order.python, reason, sizeof reason);
    se->job = 0;
    guestlog_finish(se->log);
    if (se->boot)
        boot_job_ended(se->boot, reason);
    else if (se->state == SESSION_STARTING) {
        struct err err;
        err_set(&err, ERR_GUEST, "kernel_died", "the kernel ended before it was ready: %s", reason);
        session_boot_failed(se, &err);
    } else
        session_kernel_died(se, reason);
}

void session_kernel_died(struct session *se, const char *reason)
{
    if (se->state == SESSION_DEAD)
        return;
    se->state = SESSION_DEAD;
    snprintf(se->reason, sizeof se->reason, "%s", reason);
    log_warn("session=%s the kernel died: %s", se->id, reason);
    kernel_died(se->kernel, reason); /* what it had sent still counts; then the cell's end */
    cells_fail_running(se, reason);
    char why[300];
    snprintf(why, sizeof why, "the kernel died: %s", reason);
    cells_abort_queue(se, why);
    session_append_owed(se, session_kernel_record("dead", reason));
    struct err err = ERR_INIT;
    if (journal_sync(se->journal, &err) < 0)
        log_warn("session=%s %s", se->id, err.msg);
    session_save(se);
    kernel_close(TAKE_PTR(se->kernel));
}

static void open_reply(struct session *se)
{
    struct call *c = TAKE_PTR(se->opening);
    if (!c)
        return;
    json_t *result = json_object();
    json_object_set_new(result, "session", json_string(se->id));
    json_object_set(result, "models", se->models);
    json_object_set_new(result, "model_info_text", json_string(se->model_text));
    json_object_set_new(result, "notebook", json_string(notebook_file_path(se->notebook)));
    call_on_gone(c, NULL, NULL);
    call_reply(c, result);
}

static void on_kernel_ready(struct kernel *k, const json_t *info, void *ctx)
{
    struct session *se = ctx;
    if (se->state != SESSION_STARTING)
        return;
    json_t *rec = session_kernel_record("ready", NULL);
    json_t *language = json_object_get(info, "language_info");
    if (json_is_object(language))
        json_object_set(rec, "info", language);
    struct err err = ERR_INIT;
    if (session_append(se, rec, &err) < 0) {
        session_boot_failed(se, &err);
        return;
    }
    se->state = SESSION_IDLE;
    session_save(se);
    sync_soon(se);
    open_reply(se);
    cells_next(se);
}

static void on_kernel_record(struct kernel *k, json_t *take_rec, void *ctx)
{
    session_record(ctx, take_rec);
}

/* allow_stdin is false, so this is a kernel that asks against the rules: it gets its end of file. */
static void on_kernel_input(struct kernel *k, const char *prompt, bool password, void *ctx)
{
    struct session *se = ctx;
    struct err err = ERR_INIT;
    if (kernel_input(k, NULL, &err) < 0)
        log_warn("session=%s %s", se->id, err.msg);
}

void session_boot_ready(struct session *se)
{
    static const struct kernel_ops ops = {
        .ready = on_kernel_ready, .record = on_kernel_record, .input = on_kernel_input};
    struct shim *s = se->shim;
    struct err err = ERR_INIT;
    if (kernel_connect(&s->loop, s->k_fd, se->prefix, se->key, &ops, se, &se->kernel, &err) < 0)
        session_boot_failed(se, &err);
    else
        boot_close(TAKE_PTR(se->boot));
}
