/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/box.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/registry.h"

#include <string.h>

enum { SESSION_PREFIX_MIN = 4 };

static const char *const state_names[] = {"starting", "ready", "gone"};

const char *box_state_name(const struct box *b)
{
    return state_names[b->state];
}

struct box *box_new(struct daemon *d, const char *name, bool unseen)
{
    struct box *b = xnew(struct box);
    b->daemon = d;
    id_short(b->id);
    id_long(b->token);
    b->name = name ? xstrdup(name) : xasprintf("box-%.6s", b->id);
    b->isolation = xstrdup("namespaces");
    b->doc = json_object();
    b->created_ns = clock_wall_ns();
    b->unseen = unseen;
    LIST_INSERT_HEAD(&d->boxes, b, entry);
    return b;
}

struct box *box_load(struct daemon *d, const char *id, const json_t *doc)
{
    if (!id_valid(id, ID_SHORT_LEN))
        return NULL;
    struct box *b = box_new(d, json_str(doc, "name", id), json_flag(doc, "unseen", false));
    const char *state = json_str(doc, "state", ""), *reason = json_str(doc, "reason", NULL);
    const char *cwd = json_str(doc, "cwd", NULL);
    snprintf(b->id, sizeof b->id, "%s", id);
    snprintf(b->token, sizeof b->token, "%s", json_str(doc, "token", b->token));
    free(b->isolation);
    b->isolation = xstrdup(json_str(doc, "isolation", "namespaces"));
    b->cwd = cwd ? xstrdup(cwd) : NULL;
    b->reason = reason ? xstrdup(reason) : NULL;
    b->created_ns = (uint64_t)json_int(doc, "created_ns", 0);
    b->cli = json_flag(doc, "cli", false);
    for (int i = 0; i <= BOX_GONE; i++)
        if (strcmp(state, state_names[i]) == 0)
            b->state = (enum box_state)i;
    json_decref(b->doc);
    b->doc = json_deep_copy(doc);
    return b;
}

static void session_row_free(struct session_row *s)
{
    free(s->name);
    free(s->notebook);
    free(s->text);
    json_decref(s->models);
    free(s);
}

void box_free(struct box *b)
{
    if (!b)
        return;
    LIST_REMOVE(b, entry);
    while (!LIST_EMPTY(&b->sessions)) {
        struct session_row *s = LIST_FIRST(&b->sessions);
        LIST_REMOVE(s, entry);
        session_row_free(s);
    }
    while (!LIST_EMPTY(&b->waiting)) {
        struct settled *w = LIST_FIRST(&b->waiting);
        LIST_REMOVE(w, entry);
        free(w);
    }
    free(b->name);
    free(b->isolation);
    free(b->cwd);
    free(b->reason);
    json_decref(b->doc);
    free(b);
}

void box_save(struct box *b)
{
    json_object_set_new(b->doc, "name", json_string(b->name));
    json_object_set_new(b->doc, "token", json_string(b->token));
    json_object_set_new(b->doc, "state", json_string(box_state_name(b)));
    json_object_set_new(b->doc, "isolation", json_string(b->isolation));
    json_object_set_new(b->doc, "created_ns", json_integer((json_int_t)b->created_ns));
    json_object_set_new(b->doc, "unseen", json_boolean(b->unseen));
    json_object_set_new(b->doc, "cli", json_boolean(b->cli));
    if (b->cwd)
        json_object_set_new(b->doc, "cwd", json_lossy(b->cwd, strlen(b->cwd)));
    if (b->reason)
        json_object_set_new(b->doc, "reason", json_lossy(b->reason, strlen(b->reason)));
    struct err err = ERR_INIT;
    if (registry_put(b->daemon->registry, "sandboxes", b->id, b->doc, &err) < 0)
        log_error("event=registry sandbox=%s why=\"%s\"", b->id, err.msg);
}

/* ---- finding ---- */

struct box *box_by_id(struct daemon *d, const char *id)
{
    struct box *b;
    LIST_FOREACH (b, &d->boxes, entry)
        if (strcmp(b->id, id) == 0)
            return b;
    return NULL;
}

static struct box *by_name(struct daemon *d, const char *name)
{
    struct box *b, *gone = NULL;
    LIST_FOREACH (b, &d->boxes, entry) { /* newest first */
        if (b->unseen || strcmp(b->name, name) != 0)
            continue;
        if (b->state != BOX_GONE)
            return b;
        if (!gone)
            gone = b;
    }
    return gone;
}

static int no_sandbox(const char *ref, struct err *err)
{
    err_set(err, ERR_USER, "no_such_sandbox", "there is no sandbox %.128s", ref);
    err_hint(err, "`seer ps` lists them");
    return -ENOENT;
}

struct box *box_find(struct daemon *d, const char *ref, struct err *err)
{
    struct box *b = box_by_id(d, ref), *hit = NULL;
    size_t n = strlen(ref);
    int hits = 0;
    if (b && !b->unseen)
        return b;
    if ((b = by_name(d, ref)))
        return b;
    LIST_FOREACH (b, &d->boxes, entry)
        if (n && !b->unseen && strncmp(b->id, ref, n) == 0) {
            if (!hit || b->state != BOX_GONE || hit->state == BOX_GONE)
                hits = hit && (b->state == BOX_GONE) == (hit->state == BOX_GONE) ? hits + 1 : 1,
                hit = b;
        }
    if (hits == 1)
        return hit;
    if (hits > 1) {
        err_set(err, ERR_USER, "no_such_sandbox", "%.128s is the beginning of %d sandboxes' ids",
                ref, hits);
        err_hint(err, "give more of the id; `seer ps` lists them");
    } else
        no_sandbox(ref, err);
    return NULL;
}

struct box *box_by_session(struct daemon *d, const char *session, struct session_row **ret_row,
                           struct err *err)
{
    size_t n = strlen(session);
    struct box *b, *box = NULL;
    struct session_row *s, *row = NULL;
    int hits = 0;
    if (n >= SESSION_PREFIX_MIN)
        LIST_FOREACH (b, &d->boxes, entry)
            LIST_FOREACH (s, &b->sessions, entry)
                if (strncmp(s->id, session, n) == 0) {
                    hits++;
                    box = b;
                    row = s;
                }
    if (hits == 1) {
        if (ret_row)
            *ret_row = row;
        return box;
    }
    if (hits > 1)
        err_set(err, ERR_USER, "no_such_session", "%.64s is the beginning of %d sessions' ids",
                session, hits);
    else
        err_set(err, ERR_USER, "no_such_session", "there is no session %.64s", session);
    err_hint(err, "`seer ps` lists the sessions");
    return NULL;
}

/* ---- sessions ---- */

struct session_row *box_add_session(struct box *b, const char *id, const char *name,
                                    const char *notebook)
{
    struct session_row *s = xnew(struct session_row);
    snprintf(s->id, sizeof s->id, "%s", id);
    s->name = xstrdup(name);
    s->notebook = xstrdup(notebook);
    s->text = xstrdup("");
    s->models = json_array();
    LIST_INSERT_HEAD(&b->sessions, s, entry);
    return s;
}

void session_row_load(struct daemon *d, const char *id, const json_t *doc)
{
    struct box *b = box_by_id(d, json_str(doc, "sandbox", ""));
    if (!b || !id_valid(id, ID_LONG_LEN) || strlen(id) != ID_LONG_LEN)
        return;
    struct session_row *s =
        box_add_session(b, id, json_str(doc, "name", "notebook"), json_str(doc, "notebook", ""));
    free(s->text);
    s->text = xstrdup(json_str(doc, "text", ""));
    if (json_is_array(json_object_get(doc, "models"))) {
        json_decref(s->models);
        s->models = json_incref(json_object_get(doc, "models"));
    }
    s->cells = json_int(doc, "cells", 0);
}

void session_row_save(struct box *b, struct session_row *s)
{
    _cleanup_json_ json_t *doc = json_object();
    json_object_set_new(doc, "sandbox", json_string(b->id));
    json_object_set_new(doc, "name", json_lossy(s->name, strlen(s->name)));
    json_object_set_new(doc, "notebook", json_lossy(s->notebook, strlen(s->notebook)));
    json_object_set_new(doc, "text", json_lossy(s->text, strlen(s->text)));
    json_object_set(doc, "models", s->models);
    json_object_set_new(doc, "cells", json_integer(s->cells));
    struct err err = ERR_INIT;
    if (registry_put(b->daemon->registry, "sessions", s->id, doc, &err) < 0)
        log_error("event=registry session=%.8s why=\"%s\"", s->id, err.msg);
}

void box_take_status(struct box *b, const json_t *status)
{
    size_t i;
    const json_t *v;
    json_array_foreach (json_object_get(status, "sessions"), i, v) {
        const char *id = json_str(v, "session", "");
        struct session_row *s = NULL;
        if (!id_valid(id, ID_LONG_LEN) || strlen(id) != ID_LONG_LEN)
            continue;
        LIST_FOREACH (s, &b->sessions, entry)
            if (strcmp(s->id, id) == 0)
                break;
        if (!s) { /* made by a daemon that did not live to write it down */
            s = box_add_session(b, id, json_str(v, "name", "notebook"),
                                json_str(v, "notebook", ""));
            s->cells = -1;
        }
        const char *text = json_str(v, "model_info_text", NULL);
        if (text && !*s->text) {
            free(s->text);
            s->text = xstrdup(text);
        }
        if (s->cells != json_int(v, "cells", 0)) {
            s->cells = json_int(v, "cells", 0);
            session_row_save(b, s);
        }
    }
}
