/* SPDX-License-Identifier: Apache-2.0
 *
 * launch: the plan, the order, the shim.
 */
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/box.h"
#include "daemon/start.h"

#include <string.h>
#include <sys/sysinfo.h>

enum { PIDS_DEFAULT = 4096 };

/* An eighth of the machine stays for the rest of it, seer's own processes among them. */
static json_int_t memory_default(void)
{
    struct sysinfo si;
    return sysinfo(&si) == 0 ? (json_int_t)((uint64_t)si.totalram * si.mem_unit / 8 * 7) : 0;
}

static json_t *limits(const struct config *c)
{
    json_t *l = json_object();
    json_int_t memory = c->memory ? (json_int_t)c->memory : memory_default();
    if (memory)
        json_object_set_new(l, "memory", json_integer(memory));
    json_object_set_new(l, "pids", json_integer(c->pids ? (json_int_t)c->pids : PIDS_DEFAULT));
    if (c->cpu > 0)
        json_object_set_new(l, "cpu", json_real(c->cpu));
    return l;
}

/* Built from nothing: no variable of the host is inside that was not asked for. */
static json_t *environment(const struct start *s)
{
    json_t *e = json_object();
    json_object_set_new(e, "PATH", json_string("/opt/env/bin:/usr/local/bin:/usr/bin:/bin"));
    json_object_set_new(e, "HOME", json_string("/root"));
    json_object_set_new(e, "LANG", json_string("C.UTF-8"));
    json_object_set_new(e, "PYTHONPATH", json_string("/opt/seer/lib"));
    if (!s->config.network)
        json_object_set_new(e, "HF_HUB_OFFLINE", json_string("1"));
    const struct python *p = s->daemon->python;
    if (s->env_path && p && p->guest_lib)
        json_object_set_new(e, "LD_LIBRARY_PATH", json_string(p->guest_lib));
    json_object_update(e, s->config.env);
    return e;
}

static json_t *mounts(const struct start *s)
{
    json_t *m = json_copy(s->mounts);
    const struct python *p = s->daemon->python;
    if (!s->env_path)
        return m;
    if (p && p->prefix)
        json_array_append_new(m, json_pack("{s:s, s:s, s:s, s:b}", "type", "bind", "src", p->prefix,
                                           "dst", PYTHON_GUEST_PREFIX, "writable", 0));
    json_array_append_new(m, json_pack("{s:s, s:[s], s:s}", "type", "overlay", "lower", s->env_path,
                                       "dst", ENV_GUEST));
    return m;
}

static json_t *plan(const struct start *s, const char *id)
{
    const char *home = s->daemon->paths.home;
    const char *isolation = json_str(s->environ, "SEER_ISOLATION", "");
    _cleanup_free_ char *dir = xasprintf("%s/sandboxes/%s", home, id);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:O}", "id", id, "hostname", "seer",
                     "dir", dir, "isolation", *isolation ? isolation : "namespaces", "network",
                     s->config.network ? "host" : "none", "limits", limits(&s->config), "env",
                     environment(s), "mounts", mounts(s), "files", s->config.files);
}

static json_t *order(const struct start *s)
{
    const struct paths *p = &s->daemon->paths;
    const struct box *b = s->box;
    _cleanup_free_ char *run = xasprintf("%s/%s", p->run, b->id);
    _cleanup_free_ char *log = xasprintf("%s/logs/%s.log", p->home, b->id);
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:o}", "v", 1, "sandbox", b->id,
                     "name", b->name, "home", p->home, "cache", p->cache, "run", run, "log", log,
                     "timeout", s->config.timeout, "python",
                     s->env_path ? ENV_GUEST "/bin/python" : "/usr/bin/python3", "plan",
                     plan(s, b->id));
}

/* The names a list may show: a hidden model has none but its variable's. */
static json_t *shown_models(const json_t *models)
{
    json_t *out = json_array();
    size_t i;
    const json_t *m;
    json_array_foreach (models, i, m) {
        json_array_append(out, json_object_get(m, "name"));
    }
    return out;
}

static void reply(struct start *s)
{
    struct box *b = s->box;
    json_t *r = json_object();
    json_object_set_new(r, "sandbox", json_string(b->id));
    json_object_set_new(r, "name", json_string(b->name));
    json_object_set_new(r, "isolation", json_string(b->isolation));
    json_object_set(r, "notes", s->config.notes);
    progress(s->call, "sandbox", "done", 1, "The sandbox %s is ready", b->name);
    call_reply(s->call, r);
    log_info("event=started sandbox=%s", b->id);
    start_free(s);
}

static void failed(struct start *s, const struct err *err)
{
    struct box *b = s->box;
    free(b->reason);
    b->reason = xstrdup(err->msg);
    b->unseen = true; /* it never was */
    box_lost(b, "it did not start");
    start_fail(s, err);
}

static void stopped(struct box *b, void *ctx)
{
    struct start *s = ctx;
    struct err err;
    err_set(&err, ERR_USER, "cancelled", "the start was cancelled");
    start_fail(s, &err);
}

static void on_answer(const json_t *answer, const struct err *err, void *ctx)
{
    struct start *s = ctx;
    struct box *b = s->box;
    struct err why = ERR_INIT;
    if (err) {
        failed(s, err);
        return;
    }
    if (box_connect(b, &why) < 0) {
        err_wrap(&why, "the new sandbox");
        failed(s, &why);
        return;
    }
    const char *isolation = json_str(answer, "isolation", b->isolation);
    char *copy = xstrdup(isolation);
    free(b->isolation);
    b->isolation = copy;
    const json_t *notes = json_object_get(answer, "notes");
    if (json_is_array(notes))
        json_array_extend(s->config.notes, (json_t *)notes);
    json_object_set(b->doc, "notes", s->config.notes);
    b->state = BOX_READY;
    if (s->cancelled || b->stopping) {
        b->stopping = false;
        b->unseen = true;
        box_stop(b, stopped, s);
        return;
    }
    box_save(b);
    reply(s);
}

void start_launch(struct start *s)
{
    static const struct engine_done done = {on_answer};
    struct daemon *d = s->daemon;
    struct err err = ERR_INIT;
    struct box *b = s->box =
        box_new(d, json_str(call_params(s->call), "name", s->config.name), false);
    b->cwd = s->cwd ? xstrdup(s->cwd) : NULL;
    b->cli = s->config.cli;
    json_object_set(b->doc, "config", s->config.shown);
    json_object_set(b->doc, "models", s->models);
    json_object_set_new(b->doc, "model_names", shown_models(s->models));
    if (s->env_path)
        json_object_set_new(b->doc, "env", json_string(s->env_key));
    box_save(b); /* before the shim: what a crash leaves is found again */
    progress(s->call, "sandbox", "start", -1, "Starting the sandbox");
    _cleanup_json_ json_t *o = order(s);
    if (!o) {
        err_set(&err, ERR_BUG, "internal", "cannot write the order for the sandbox");
        failed(s, &err);
    } else if (d->engine->ops->start(d->engine, o, &done, s, &err) < 0)
        failed(s, &err);
}
