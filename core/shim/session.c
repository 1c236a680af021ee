/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/session.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "shim/boot.h"
#include "shim/follow.h"
#include "shim/guestlog.h"
#include "shim/wait.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

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

void session_discard(struct session *se, const struct err *err)
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

/* All on the disk, and said so; else --reap has something to do. */
static int finish_files(struct session *se, struct err *err)
{
    int r = journal_sync(se->journal, err);
    if (r == 0)
        r = notebook_file_save(se->notebook, se->fold, err);
    if (r == 0 && json_array_size(se->owed) == 0)
        r = session_describe(se, true, err);
    return r;
}

void session_close(struct session *se)
{
    struct err err = ERR_INIT;
    if (se->state == SESSION_STARTING) {
        err_set(&err, ERR_GUEST, "no_such_sandbox", "the sandbox ended: %s", se->shim->reason);
        session_discard(se, &err);
        return;
    }
    session_kernel_died(se, se->shim->reason);
    if (finish_files(se, &err) < 0)
        log_warn("session=%s %s", se->id, err.msg);
    wait_end(se);
    follow_end(se);
    let_go(se);
}
