/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/session.h"

#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "journal/record.h"
#include "shim/boot.h"
#include "shim/follow.h"
#include "shim/guestlog.h"
#include "shim/wait.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

char *shim_session_path(const char *home, const char *session, const char *file)
{
    return xasprintf("%s/sessions/%s%s%s", home, session, file ? "/" : "", file ? file : "");
}

struct session *session_find(const struct shim *s, const char *id)
{
    struct session *se;
    LIST_FOREACH (se, &s->sessions, entry)
        if (strcmp(se->id, id) == 0)
            return se;
    return NULL;
}

const char *session_state_name(const struct session *se)
{
    static const char *const names[] = {"starting", "idle", "busy", "dead"};
    return names[se->state];
}

int session_describe(const struct session *se, bool ended, struct err *err)
{
    const struct order *o = &se->shim->order;
    json_t *j = json_object();
    json_object_set_new(j, "session", json_string(se->id));
    json_object_set_new(j, "sandbox", json_string(o->sandbox));
    json_object_set_new(j, "name", json_string(se->name));
    json_object_set_new(j, "notebook", json_string(notebook_file_path(se->notebook)));
    json_object_set_new(j, "run", json_string(o->run));
    json_object_set_new(j, "ended", json_boolean(ended));
    size_t len;
    _cleanup_free_ char *text = json_text(j, &len);
    json_decref(j);
    _cleanup_free_ char *path = shim_session_path(o->home, se->id, "session.json");
    int r = fs_write_atomic(AT_FDCWD, path, text, len, 0600);
    return r < 0 ? err_sys(err, -r, "cannot write %s", path) : 0;
}

/* ---- its memory ---- */

static void on_late_closed(uv_handle_t *h)
{
    struct session *se = h->data;
    json_decref(se->owed);
    json_decref(se->models);
    free(se->model_text);
    free(se->name);
    fold_free(se->fold);
    free(se);
}

static void let_go(struct session *se)
{
    boot_close(TAKE_PTR(se->boot));
    guestlog_close(TAKE_PTR(se->log));
    kernel_close(TAKE_PTR(se->kernel));
    notebook_file_close(TAKE_PTR(se->notebook));
    journal_close(TAKE_PTR(se->journal));
    LIST_REMOVE(se, entry);
    uv_close((uv_handle_t *)&se->late, on_late_closed);
}

/* A start that failed leaves nothing behind. */
static void discard(struct session *se, const struct err *err)
{
    struct shim *s = se->shim;
    struct call *c = TAKE_PTR(se->opening);
    if (c) {
        call_on_gone(c, NULL, NULL);
        call_fail(c, err);
    }
    cells_discard(se, err);
    follow_end(se);
    wait_end(se);
    jobs_signal(s, se->job, SIGKILL);
    bool ours = se->ours;
    _cleanup_free_ char *folder = shim_session_path(s->order.home, se->id, NULL);
    let_go(se);
    int r = ours ? fs_rm_rf(AT_FDCWD, folder) : 0;
    if (r < 0)
        log_warn("sandbox=%s cannot remove %s: %s", s->order.sandbox, folder, strerror(-r));
}

/* ---- the kernel ---- */

static json_t *kernel_record(const char *state, const char *reason)
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

static void on_job_ended(struct shim *s, uint32_t job, const struct job_end *end, void *ctx)
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
    session_append_owed(se, kernel_record("dead", reason));
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
    json_t *rec = kernel_record("ready", NULL);
    json_t *language = json_object_get(info, "language_info");
    if (json_is_object(language))
        json_object_set(rec, "info", language);
    struct err err = ERR_INIT;
    int r = session_append(se, rec, &err);
    if (r == 0)
        r = journal_sync(se->journal, &err);
    if (r < 0) {
        session_boot_failed(se, &err);
        return;
    }
    se->state = SESSION_IDLE;
    session_save(se);
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

/* ---- its start ---- */

void session_boot_models(struct session *se, json_t *models, const char *text)
{
    struct err err = ERR_INIT;
    json_t *rec = json_object();
    json_object_set_new(rec, "t", json_string("models"));
    json_object_set(rec, "models", models);
    json_object_set_new(rec, "text", json_string(text));
    json_decref(se->models);
    se->models = json_incref(models);
    free(se->model_text);
    se->model_text = xstrdup(text);
    if (session_append(se, rec, &err) < 0)
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

void session_boot_failed(struct session *se, const struct err *err)
{
    log_warn("session=%s start failed: %s", se->id, err->msg);
    discard(se, err);
}

/* A cancel ends the start; a lost connection (a new daemon comes) does not. */
static void on_opening_gone(struct call *c, void *ctx)
{
    struct session *se = ctx;
    if (!call_peer(c))
        return;
    struct err err;
    err_set(&err, ERR_USER, "cancelled", "the start of session %s was cancelled", se->id);
    discard(se, &err);
}

static bool is_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return n > 0 && n <= LIMIT_NAME && !name[n];
}

static int check(const struct shim *s, const json_t *params, struct err *err)
{
    const char *id = json_str(params, "session", ""), *name = json_str(params, "name", "");
    unsigned n = 0;
    const struct session *se;
    LIST_FOREACH (se, &s->sessions, entry)
        n++;
    if (!id_valid(id, ID_LONG_LEN))
        return err_set(err, ERR_USER, "bad_parameter", "'%.40s' is no session id", id);
    if (session_find(s, id))
        return err_set(err, ERR_USER, "bad_parameter", "session %s exists already", id);
    if (!is_name(name))
        return err_set(err, ERR_USER, "bad_parameter",
                       "'%.80s' is no name for a session: letters, digits and . _ - only", name);
    if (json_str(params, "notebook", "")[0] != '/')
        return err_set(err, ERR_USER, "bad_parameter", "notebook must be an absolute path");
    if (n >= SESSION_MAX)
        return err_set(err, ERR_USER, "busy", "the sandbox has %d sessions already", SESSION_MAX);
    return 0;
}

static int first_records(struct session *se, struct err *err)
{
    const struct order *o = &se->shim->order;
    json_t *rec = json_object();
    json_object_set_new(rec, "t", json_string("session"));
    json_object_set_new(rec, "v", json_integer(RECORD_VERSION));
    json_object_set_new(rec, "session", json_string(se->id));
    json_object_set_new(rec, "sandbox", json_string(o->sandbox));
    json_object_set_new(rec, "name", json_string(se->name));
    json_object_set_new(rec, "seer", json_string(SEER_VERSION));
    int r = session_append(se, rec, err);
    if (r == 0)
        r = session_append(se, kernel_record("starting", NULL), err);
    return r;
}

static int open_files(struct session *se, const json_t *params, struct err *err)
{
    const char *home = se->shim->order.home;
    _cleanup_free_ char *folder = shim_session_path(home, se->id, NULL);
    _cleanup_free_ char *path = fs_join(folder, "journal");
    if (access(path, F_OK) == 0)
        return err_set(err, ERR_USER, "bad_parameter", "session %s exists already", se->id);
    se->ours = true;
    int r = fs_mkdir_p(AT_FDCWD, folder, 0700);
    if (r < 0)
        return err_sys(err, -r, "cannot make %s", folder);
    uint64_t cut;
    r = journal_open(path, &se->journal, &cut, err);
    if (r == 0)
        r = notebook_file_open(json_str(params, "notebook", ""), &se->notebook, err);
    if (r == 0)
        r = session_describe(se, false, err);
    if (r == 0)
        r = first_records(se, err);
    return r;
}

static struct session *session_new(struct shim *s, const json_t *params)
{
    struct session *se = xnew(struct session);
    char random[ID_SHORT_LEN + 1];
    id_short(random);
    snprintf(se->prefix, sizeof se->prefix, "k%.8s", random);
    id_long(se->key);
    id_long(se->key + ID_LONG_LEN);
    snprintf(se->id, sizeof se->id, "%s", json_str(params, "session", ""));
    se->shim = s;
    se->name = xstrdup(json_str(params, "name", ""));
    se->owed = json_array();
    se->models = json_array();
    se->model_text = xstrdup("");
    se->fold = fold_new();
    TAILQ_INIT(&se->queue);
    uv_timer_init(&s->loop, &se->late);
    se->late.data = se;
    LIST_INSERT_HEAD(&s->sessions, se, entry);
    return se;
}

void session_open(struct shim *s, struct call *take_call)
{
    static const struct job_ops ops = {.ended = on_job_ended};
    const json_t *params = call_params(take_call);
    struct err err = ERR_INIT;
    if (check(s, params, &err) < 0) {
        call_fail(take_call, &err);
        return;
    }
    struct session *se = session_new(s, params);
    se->opening = take_call;
    int r = open_files(se, params, &err);
    if (r == 0)
        r = boot_start(se, params, &ops, &err);
    if (r < 0)
        discard(se, &err);
    else
        call_on_gone(take_call, on_opening_gone, se);
}

void session_close(struct session *se)
{
    struct err err = ERR_INIT;
    if (se->state == SESSION_STARTING) {
        err_set(&err, ERR_GUEST, "no_such_sandbox", "the sandbox ended: %s", se->shim->reason);
        discard(se, &err);
        return;
    }
    session_kernel_died(se, se->shim->reason);
    if (json_array_size(se->owed) == 0 && !se->save_failed && session_describe(se, true, &err) < 0)
        log_warn("session=%s %s", se->id, err.msg);
    wait_end(se);
    follow_end(se);
    let_go(se);
}
