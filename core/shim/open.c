/* SPDX-License-Identifier: Apache-2.0
 *
 * open: shim.session, from the request to a kernel that boots.
 */
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "journal/record.h"
#include "shim/boot.h"
#include "shim/session.h"

#include <fcntl.h>
#include <string.h>

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

void session_boot_failed(struct session *se, const struct err *err)
{
    log_warn("session=%s start failed: %s", se->id, err->msg);
    session_discard(se, err);
}

/* A cancel ends the start; a lost connection (a new daemon comes) does not. */
static void on_opening_gone(struct call *c, void *ctx)
{
    struct session *se = ctx;
    if (!call_peer(c))
        return;
    struct err err;
    err_set(&err, ERR_USER, "cancelled", "the start of session %s was cancelled", se->id);
    session_discard(se, &err);
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
        r = session_append(se, session_kernel_record("starting", NULL), err);
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
    static const struct job_ops ops = {.ended = session_job_ended};
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
        session_discard(se, &err);
    else
        call_on_gone(take_call, on_opening_gone, se);
}
