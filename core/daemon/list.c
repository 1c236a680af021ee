/* SPDX-License-Identifier: Apache-2.0
 *
 * list: sandbox.list and sandbox.stop. What lives is asked of the shims, all at once; one that does
 * not answer in STATUS_MS is shown as it was last seen.
 */
#include "base/mem.h"
#include "daemon/box.h"

#include <string.h>

enum { STATUS_MS = 3000 };

struct asked { /* one box of a list */
    struct list *list;
    char id[ID_SHORT_LEN + 1];
};

struct list {
    struct daemon *daemon; /* borrowed */
    struct call *call;     /* owned; NULL once answered */
    json_t *status;        /* owned; {id: what its shim said} */
    size_t open;           /* questions */
    bool all;
    uv_timer_t timer;
    bool closed;
};

static json_t *session_json(const struct session_row *s, const json_t *live, bool gone)
{
    json_t *j = json_object();
    json_object_set_new(j, "session", json_string(s->id));
    json_object_set_new(j, "name", json_lossy(s->name, strlen(s->name)));
    json_object_set_new(j, "state", json_string(gone ? "dead" : json_str(live, "state", "idle")));
    json_object_set_new(j, "cells", json_integer(json_int(live, "cells", s->cells)));
    const char *notebook = json_str(live, "notebook", s->notebook);
    json_object_set_new(j, "notebook", json_lossy(notebook, strlen(notebook)));
    return j;
}

static const json_t *live_session(const json_t *status, const char *id)
{
    size_t i;
    const json_t *v;
    json_array_foreach (json_object_get(status, "sessions"), i, v) {
        if (strcmp(json_str(v, "session", ""), id) == 0)
            return v;
    }
    return NULL;
}

json_t *box_sessions(const struct box *b, const json_t *status)
{
    json_t *sessions = json_array();
    struct session_row *s;
    LIST_FOREACH (s, &b->sessions, entry) /* newest first; shown oldest first */
        json_array_insert_new(sessions, 0,
                              session_json(s, live_session(status, s->id), b->state == BOX_GONE));
    return sessions;
}

static json_t *box_json(const struct box *b, const json_t *status)
{
    json_t *j = json_object(), *models = json_object_get(b->doc, "model_names");
    json_object_set_new(j, "sandbox", json_string(b->id));
    json_object_set_new(j, "name", json_string(b->name));
    json_object_set_new(j, "state", json_string(box_state_name(b)));
    json_object_set_new(j, "created_ns", json_integer((json_int_t)b->created_ns));
    json_object_set_new(j, "isolation", json_string(b->isolation));
    json_object_set(j, "models", models ? models : json_null());
    if (!models)
        json_object_set_new(j, "models", json_array());
    json_object_set_new(j, "sessions", box_sessions(b, status));
    if (status) {
        json_object_set_new(j, "pid", json_integer(json_int(status, "pid", 0)));
        json_object_set_new(j, "memory", json_integer(json_int(status, "memory", 0)));
    }
    if (b->state == BOX_GONE && b->reason)
        json_object_set_new(j, "reason", json_lossy(b->reason, strlen(b->reason)));
    return j;
}

static void list_closed(uv_handle_t *h)
{
    struct list *l = h->data;
    l->closed = true;
    if (l->open)
        return;
    json_decref(l->status);
    free(l);
}

static void list_answer(struct list *l)
{
    json_t *out = json_array(), *r = json_object();
    struct box *b;
    LIST_FOREACH (b, &l->daemon->boxes, entry)
        if (!b->unseen && (l->all || b->state != BOX_GONE))
            json_array_insert_new(out, 0, box_json(b, json_object_get(l->status, b->id)));
    json_object_set_new(r, "sandboxes", out);
    call_reply(TAKE_PTR(l->call), r);
    uv_close((uv_handle_t *)&l->timer, list_closed);
}

static void on_status(const json_t *result, const struct err *err, void *ctx)
{
    struct asked *a = ctx;
    struct list *l = a->list;
    struct box *b = box_by_id(l->daemon, a->id);
    if (result && b) {
        box_take_status(b, result);
        json_object_set(l->status, a->id, (json_t *)result);
    }
    free(a);
    l->open--;
    if (l->open == 0 && l->call)
        list_answer(l);
    else if (l->open == 0 && l->closed) {
        json_decref(l->status);
        free(l);
    }
}

static void on_late(uv_timer_t *t)
{
    list_answer(t->data);
}

void list_request(struct daemon *d, struct client *c, struct call *take_call)
{
    static const struct peer_reply reply = {.done = on_status};
    struct list *l = xnew(struct list);
    *l = (struct list){.daemon = d, .call = take_call, .status = json_object()};
    l->all = json_flag(call_params(take_call), "all", false);
    uv_timer_init(d->loop, &l->timer);
    l->timer.data = l;
    struct box *b;
    LIST_FOREACH (b, &d->boxes, entry) {
        if (b->unseen || !b->link || b->state != BOX_READY)
            continue;
        struct asked *a = xnew(struct asked);
        a->list = l;
        memcpy(a->id, b->id, sizeof a->id);
        l->open++;
        peer_call(b->link, "shim.status", NULL, &reply, a);
    }
    if (l->open)
        uv_timer_start(&l->timer, on_late, STATUS_MS, 0);
    else
        list_answer(l);
}

/* ---- stop ---- */

struct stopping {
    struct call *call; /* owned */
    json_t *stopped;   /* owned */
    size_t open;
};

static void stop_answer(struct stopping *s)
{
    json_t *r = json_object();
    json_object_set_new(r, "stopped", s->stopped);
    call_reply(s->call, r);
    free(s);
}

static void on_stopped(struct box *b, void *ctx)
{
    struct stopping *s = ctx;
    json_array_append_new(s->stopped, json_string(b->id));
    if (--s->open == 0)
        stop_answer(s);
}

void stop_request(struct daemon *d, struct client *c, struct call *take_call)
{
    const json_t *params = call_params(take_call);
    const char *ref = json_str(params, "sandbox", NULL);
    struct err err = ERR_INIT;
    struct box *b = ref ? box_find(d, ref, &err) : NULL;
    if (!ref && !json_flag(params, "all", false))
        err_set(&err, ERR_USER, "bad_parameter", "sandbox.stop: name a sandbox, or all");
    if (err_is_set(&err)) {
        call_fail(take_call, &err);
        return;
    }
    struct stopping *s = xnew(struct stopping);
    *s = (struct stopping){.call = take_call, .stopped = json_array(), .open = 1};
    if (b && (b->state != BOX_GONE || b->reaping)) {
        s->open++;
        box_stop(b, on_stopped, s);
    } else if (!ref)
        LIST_FOREACH (b, &d->boxes, entry)
            if (!b->unseen && (b->state != BOX_GONE || b->reaping)) {
                s->open++;
                box_stop(b, on_stopped, s);
            }
    if (--s->open == 0)
        stop_answer(s);
}
