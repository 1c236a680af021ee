/* SPDX-License-Identifier: Apache-2.0
 *
 * session: session.create, session.find, gateway.check.
 */
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/box.h"
#include "image/config.h"

#include <fcntl.h>
#include <string.h>

enum { LIBRARIES_MAX = 256 };

struct create {
    struct box *box;   /* borrowed */
    struct call *call; /* owned */
    char id[ID_LONG_LEN + 1];
    char *name, *notebook; /* owned */
    uint64_t request;
};

static void create_free(struct create *c)
{
    free(c->name);
    free(c->notebook);
    free(c);
}

static char *jupyter_url(const struct box *b)
{
    return xasprintf("http://127.0.0.1:%d/s/%s/?token=%s", daemon_http_port(b->daemon), b->id,
                     b->token);
}

static void put_text(json_t *j, const char *key, const char *text)
{
    json_object_set_new(j, key, json_lossy(text, strlen(text)));
}

/* ---- create ---- */

static void on_event(const char *event, const json_t *data, void *ctx)
{
    struct create *c = ctx;
    int64_t ignored = call_event(c->call, event, json_incref((json_t *)data));
    (void)ignored;
}

static void on_done(const json_t *result, const struct err *err, void *ctx)
{
    struct create *c = ctx;
    struct box *b = c->box;
    if (!result) {
        struct err gone;
        bool died = strcmp(err->code, "connection_lost") == 0 && b->state == BOX_GONE;
        if (died)
            box_gone_err(b, true, &gone);
        call_fail(c->call, died ? &gone : err);
        create_free(c);
        return;
    }
    struct session_row *s =
        box_add_session(b, c->id, c->name, json_str(result, "notebook", c->notebook));
    json_t *models = json_object_get(result, "models");
    free(s->text);
    s->text = xstrdup(json_str(result, "model_info_text", ""));
    if (json_is_array(models)) {
        json_decref(s->models);
        s->models = json_incref(models);
    }
    session_row_save(b, s);
    _cleanup_free_ char *url = jupyter_url(b);
    json_t *r = json_object();
    put_text(r, "session", s->id);
    put_text(r, "sandbox", b->id);
    put_text(r, "name", s->name);
    put_text(r, "jupyter_url", url);
    put_text(r, "notebook", s->notebook);
    put_text(r, "model_info_text", s->text);
    json_object_set(r, "models", s->models);
    call_reply(c->call, r);
    log_info("event=session sandbox=%s session=%.8s", b->id, s->id);
    create_free(c);
}

static void on_gone(struct call *call, void *ctx)
{
    struct create *c = ctx;
    if (c->box->link)
        peer_cancel(c->box->link, c->request);
}

static int check_libraries(const json_t *libraries, struct err *err)
{
    size_t i;
    const json_t *v;
    if (json_array_size(libraries) > LIBRARIES_MAX)
        return err_set(err, ERR_USER, "bad_parameter", "more than %d libraries", LIBRARIES_MAX);
    json_array_foreach (libraries, i, v) {
        const char *name = json_str(v, "name", "");
        const json_t *source = json_object_get(v, "source");
        if (!*name || strlen(name) > LIMIT_NAME || (*name >= '0' && *name <= '9') ||
            strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") !=
                strlen(name))
            return err_set(err, ERR_USER, "bad_parameter",
                           "a library's name must be one that Python can import, not \"%.64s\"",
                           name);
        if (!json_is_string(source) || json_string_length(source) > LIMIT_USER_FILE)
            return err_set(err, ERR_USER, "bad_parameter", "the library %s has no source", name);
    }
    return 0;
}

/* Does a session that lives write there, or has somebody put a file there? */
static bool taken(struct daemon *d, const char *path)
{
    struct box *b;
    struct session_row *s;
    if (access(path, F_OK) == 0)
        return true;
    LIST_FOREACH (b, &d->boxes, entry)
        LIST_FOREACH (s, &b->sessions, entry)
            if (b->state != BOX_GONE && strcmp(s->notebook, path) == 0)
                return true;
    return false;
}

static int choose_notebook(struct create *c, const json_t *params, struct err *err)
{
    const char *given = json_str(params, "name", NULL),
               *dir = json_str(params, "notebook_dir", NULL);
    const char *cwd = json_str(params, "cwd", c->box->cwd);
    if (given && !config_name_valid(given))
        return err_set(err, ERR_USER, "bad_parameter",
                       "the session's name must be letters, digits, '.', '_' and '-' (at most %d)",
                       LIMIT_NAME);
    if (!cwd || *cwd != '/')
        cwd = c->box->daemon->paths.home;
    _cleanup_free_ char *folder =
        dir && *dir == '/' ? xstrdup(dir) : fs_join(cwd, dir && *dir ? dir : "outputs");
    int r = fs_mkdir_p(AT_FDCWD, folder, 0755);
    if (r < 0) {
        err_sys(err, -r, "cannot make the folder %s for the notebook", folder);
        err_hint(err, "give notebook_dir a folder that can be written");
        return r;
    }
    const char *base = given ? given : "notebook";
    for (int n = 1; n < 100000; n++) {
        c->name = n == 1 ? xstrdup(base) : xasprintf("%s-%d", base, n);
        c->notebook = xasprintf("%s/%s.ipynb", folder, c->name);
        if (!taken(c->box->daemon, c->notebook))
            return 0;
        free(c->name);
        free(c->notebook);
        c->name = c->notebook = NULL;
    }
    return err_set(err, ERR_USER, "bad_parameter", "the folder %s is full of notebooks", folder);
}

static int create(struct create *c, const json_t *params, struct err *err)
{
    struct box *b = c->box;
    if (b->state != BOX_READY || !b->link) {
        if (b->state == BOX_STARTING)
            return err_set(err, ERR_BUSY, "busy", "the sandbox %s is still starting", b->name);
        box_gone_err(b, false, err);
        return -EIO;
    }
    if (b->cli) {
        err_set(err, ERR_USER, "unsupported", "the sandbox %s runs commands only", b->name);
        err_hint(err, "start it with execution_mode NOTEBOOK");
        return -EINVAL;
    }
    int r = check_libraries(json_object_get(params, "libraries"), err);
    return r < 0 ? r : choose_notebook(c, params, err);
}

void create_request(struct daemon *d, struct client *client, struct call *take_call)
{
    static const struct peer_reply reply = {on_event, on_done};
    json_t *params = call_params(take_call);
    struct err err = ERR_INIT;
    struct box *b = box_find(d, json_str(params, "sandbox", ""), &err);
    struct create *c = xnew(struct create);
    *c = (struct create){.box = b, .call = take_call};
    if (!b || create(c, params, &err) < 0) {
        call_fail(take_call, &err);
        create_free(c);
        return;
    }
    id_long(c->id);
    json_t *models = json_object_get(b->doc, "models");
    json_t *p = json_object();
    put_text(p, "session", c->id);
    put_text(p, "name", c->name);
    put_text(p, "notebook", c->notebook);
    json_object_set(p, "libraries", json_object_get(params, "libraries"));
    json_object_set(p, "workdir", json_object_get(params, "workdir"));
    json_object_set(p, "models", models);
    if (!models)
        json_object_set_new(p, "models", json_array());
    c->request = peer_call(b->link, "shim.session", p, &reply, c);
    call_on_gone(take_call, on_gone, c);
}

/* ---- find ---- */

/* http://HOST:PORT/s/<sandbox>/?token=<token>, or the same with a path behind; the parts malloc'ed. */
static int parse_url(const char *url, char **ret_sandbox, char **ret_token)
{
    const char *at = strstr(url, "/s/"), *token = strstr(url, "token=");
    if (!at || !token || (token[-1] != '?' && token[-1] != '&'))
        return -EINVAL;
    at += 3;
    token += 6;
    *ret_sandbox = xstrndup(at, strcspn(at, "/?#"));
    *ret_token = xstrndup(token, strcspn(token, "&#"));
    return 0;
}

static int check_url(const struct box *b, const char *url, struct err *err)
{
    _cleanup_free_ char *sandbox = NULL, *token = NULL;
    bool ok = parse_url(url, &sandbox, &token) == 0;
    ok = ok && id_equal(token, b->token) && strcmp(sandbox, b->id) == 0;
    if (ok)
        return 0;
    err_set(err, ERR_USER, "bad_token", "this jupyter_url does not belong to the session");
    err_hint(err, "give session_id and jupyter_url as create_notebook_session returned them");
    return -EACCES;
}

struct finding {
    struct call *call; /* owned */
    struct box *box;
    struct session_row *row; /* borrowed; rows live as long as their box */
};

static void found(struct finding *f, const json_t *status)
{
    struct box *b = f->box;
    _cleanup_free_ char *url = jupyter_url(b);
    const char *state = b->state == BOX_GONE ? "dead" : "idle";
    size_t i;
    const json_t *v;
    json_array_foreach (json_object_get(status, "sessions"), i, v) {
        if (strcmp(json_str(v, "session", ""), f->row->id) == 0)
            state = json_str(v, "state", state);
    }
    json_t *r = json_object();
    put_text(r, "session", f->row->id);
    put_text(r, "sandbox", b->id);
    put_text(r, "name", f->row->name);
    put_text(r, "state", state);
    put_text(r, "jupyter_url", url);
    put_text(r, "notebook", f->row->notebook);
    put_text(r, "model_info_text", f->row->text);
    json_object_set(r, "models", f->row->models);
    if (b->state == BOX_GONE && b->reason)
        put_text(r, "reason", b->reason);
    call_reply(f->call, r);
    free(f);
}

static void on_status(const json_t *result, const struct err *err, void *ctx)
{
    struct finding *f = ctx;
    if (result)
        box_take_status(f->box, result);
    found(f, result);
}

void find_request(struct daemon *d, struct client *c, struct call *take_call)
{
    static const struct peer_reply reply = {.done = on_status};
    const json_t *params = call_params(take_call);
    const char *url = json_str(params, "jupyter_url", NULL);
    struct session_row *row;
    struct err err = ERR_INIT;
    struct box *b = box_by_session(d, json_str(params, "session", ""), &row, &err);
    if (!b || (url && *url && check_url(b, url, &err) < 0)) {
        call_fail(take_call, &err);
        return;
    }
    struct finding *f = xnew(struct finding);
    *f = (struct finding){take_call, b, row};
    if (b->link)
        peer_call(b->link, "shim.status", NULL, &reply, f);
    else
        found(f, NULL);
}

void check_request(struct daemon *d, struct client *c, struct call *take_call)
{
    const json_t *params = call_params(take_call);
    struct box *b = box_by_id(d, json_str(params, "sandbox", ""));
    struct err err;
    if (!b || b->unseen || !id_equal(json_str(params, "token", ""), b->token)) {
        err_set(&err, ERR_USER, "bad_token", "there is no such sandbox, or this is not its token");
        err_hint(&err, "open the address that seer printed, with ?token= in it");
        call_fail(take_call, &err);
        return;
    }
    json_t *r = json_object();
    put_text(r, "sandbox", b->id);
    put_text(r, "name", b->name);
    put_text(r, "state", box_state_name(b));
    json_object_set_new(r, "sessions", box_sessions(b, NULL));
    call_reply(take_call, r);
}
