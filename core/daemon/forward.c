/* SPDX-License-Identifier: Apache-2.0
 *
 * forward: a METHOD_BOTH request goes on to the shim of its sandbox, events come back as they are.
 *
 * Each client has a connection of its own to each shim it uses, so that a client that reads slowly
 * pauses its own producers and nobody else's (peer_pause until the client is drained). A cancelled
 * request is cancelled at the shim; the answer still comes from there.
 */
#include "base/log.h"
#include "base/mem.h"
#include "daemon/box.h"
#include "proto/methods.h"

#include <string.h>

struct link {
    LIST_ENTRY(link) entry;
    struct client *client; /* borrowed; NULL once it is gone */
    struct box *box;       /* borrowed; boxes outlive links */
    struct peer *peer;     /* owned; frees itself */
    bool paused;
};

struct forward {
    struct call *call;  /* owned */
    struct link *link;  /* borrowed; outlives its requests */
    struct box *box;    /* borrowed */
    struct peer *probe; /* owned */
    uint64_t id;
    bool session;
};

static void link_closed(struct peer *p, const struct err *why, void *ctx)
{
    struct link *l = ctx;
    if (l->client)
        LIST_REMOVE(l, entry);
    free(l);
}

/* Negative: -ENOENT or -ECONNREFUSED when the shim is dead. */
static int link_to(struct client *c, struct box *b, struct link **ret, struct err *err)
{
    static const struct peer_ops ops = {.closed = link_closed};
    struct link *l;
    LIST_FOREACH (l, &c->links, entry)
        if (l->box == b) {
            *ret = l;
            return 0;
        }
    l = xnew(struct link);
    *l = (struct link){.client = c, .box = b};
    l->peer = peer_new(c->daemon->loop, &ops, l);
    LIST_INSERT_HEAD(&c->links, l, entry);
    int r = c->daemon->engine->ops->connect(c->daemon->engine, b->id, l->peer, err);
    if (r < 0) {
        LIST_REMOVE(l, entry);
        l->client = NULL;
        peer_close(l->peer);
        return r;
    }
    *ret = l;
    return 0;
}

/* ---- answers ---- */

static void on_event(const char *event, const json_t *data, void *ctx)
{
    struct forward *f = ctx;
    int64_t queued = call_event(f->call, event, json_incref((json_t *)data));
    if (queued > PEER_HIGH_WATER && !f->link->paused && f->link->client) {
        f->link->paused = true;
        peer_pause(f->link->peer);
    }
}

static void fail_gone(struct forward *f)
{
    struct err gone;
    box_gone_err(f->box, f->session, &gone);
    call_fail(f->call, &gone);
    free(f);
}

/* ---- the link was lost: did the shim die, or did it only drop us? ---- */

static void probe_done(const json_t *result, const struct err *err, void *ctx)
{
    struct forward *f = ctx;
    struct err lost;
    peer_close(TAKE_PTR(f->probe));
    if (!result) {
        fail_gone(f);
        return;
    }
    err_set(&lost, ERR_BUSY, "connection_lost",
            "the sandbox closed the connection: the answers were "
            "read too slowly");
    call_fail(f->call, &lost);
    free(f);
}

static void probe_closed(struct peer *p, const struct err *why, void *ctx)
{
    /* probe_done was told already */
}

/* A dying process still lets us connect while it closes its descriptors, so it must answer too. */
static void probe(struct forward *f)
{
    static const struct peer_ops ops = {.closed = probe_closed};
    static const struct peer_reply reply = {.done = probe_done};
    struct daemon *d = f->box->daemon;
    if (f->box->state == BOX_GONE) {
        fail_gone(f);
        return;
    }
    f->probe = peer_new(d->loop, &ops, NULL);
    if (d->engine->ops->connect(d->engine, f->box->id, f->probe, NULL) < 0) {
        peer_close(f->probe);
        fail_gone(f);
    } else
        peer_call(f->probe, "shim.status", NULL, &reply, f);
}

static void on_done(const json_t *result, const struct err *err, void *ctx)
{
    struct forward *f = ctx;
    f->link = NULL; /* it may be gone before we are */
    if (!result && strcmp(err->code, "connection_lost") == 0 && !f->box->daemon->ending &&
        call_wanted(f->call)) {
        call_on_gone(f->call, NULL, NULL);
        probe(f);
        return;
    }
    if (result)
        call_reply(f->call, json_incref((json_t *)result));
    else
        call_fail(f->call, err);
    free(f);
}

static void on_gone(struct call *c, void *ctx)
{
    struct forward *f = ctx;
    if (f->link)
        peer_cancel(f->link->peer, f->id);
}

/* ---- requests ---- */

static struct box *target(struct daemon *d, struct call *c, struct session_row **ret_row,
                          struct err *err)
{
    json_t *params = call_params(c);
    const char *session = json_str(params, "session", NULL);
    const char *sandbox = json_str(params, "sandbox", NULL);
    struct box *b = session ? box_by_session(d, session, ret_row, err) : NULL;
    struct box *named = sandbox && (b || !session) ? box_find(d, sandbox, err) : NULL;
    if (!session)
        return named;
    if (b && sandbox && named != b) {
        if (named)
            err_set(err, ERR_USER, "no_such_session",
                    "the session %.64s is not in the sandbox %.64s", session, sandbox);
        return NULL;
    }
    return b;
}

void forward_request(struct daemon *d, struct client *c, struct call *take_call)
{
    static const struct peer_reply reply = {on_event, on_done};
    struct session_row *row = NULL;
    struct err err = ERR_INIT;
    struct box *b = target(d, take_call, &row, &err);
    if (!b) {
        call_fail(take_call, &err);
        return;
    }
    if (b->state == BOX_GONE) {
        gone_request(b, row, take_call);
        return;
    }
    if (b->state == BOX_STARTING) {
        err_set(&err, ERR_BUSY, "no_such_sandbox", "the sandbox %s is still starting", b->name);
        call_fail(take_call, &err);
        return;
    }
    struct link *l;
    int r = link_to(c, b, &l, &err);
    if (r == -ENOENT || r == -ECONNREFUSED) { /* it died, and its link has not told us yet */
        box_lost(b, b->stopping ? "it was stopped" : "its shim ended unexpectedly");
        gone_request(b, row, take_call);
        return;
    }
    if (r < 0) {
        call_fail(take_call, &err);
        return;
    }
    json_t *params = json_copy(call_params(take_call));
    json_object_set_new(params, "sandbox", json_string(b->id));
    if (row)
        json_object_set_new(params, "session", json_string(row->id));
    struct forward *f = xnew(struct forward);
    *f = (struct forward){.call = take_call, .link = l, .box = b, .session = row != NULL};
    f->id = peer_call(l->peer, call_method(take_call), params, &reply, f);
    call_on_gone(take_call, on_gone, f);
}

/* ---- the client's side ---- */

void forward_client_closed(struct client *c)
{
    while (!LIST_EMPTY(&c->links)) {
        struct link *l = LIST_FIRST(&c->links);
        LIST_REMOVE(l, entry);
        l->client = NULL;
        peer_close(l->peer);
    }
}

void forward_drained(struct client *c)
{
    struct link *l;
    LIST_FOREACH (l, &c->links, entry)
        if (l->paused) {
            l->paused = false;
            peer_resume(l->peer);
        }
}
