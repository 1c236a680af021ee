/* SPDX-License-Identifier: Apache-2.0
 *
 * serve: connections, and which request is whose.
 */
#include "base/log.h"
#include "base/mem.h"
#include "proto/methods.h"
#include "shim/boot.h"
#include "shim/exec.h"
#include "shim/follow.h"
#include "shim/logs.h"
#include "shim/output.h"
#include "shim/session.h"
#include "shim/shim.h"
#include "shim/wait.h"

#include <string.h>

static void serve_status(struct shim *s, struct call *take_call)
{
    call_reply(take_call, shim_status(s));
}

static void serve_stop(struct shim *s, struct call *take_call)
{
    struct ending *e = xnew(struct ending);
    e->call = take_call;
    LIST_INSERT_HEAD(&s->endings, e, entry);
    shim_end(s, "the sandbox was stopped");
}

/* Exactly one of the two functions is set. */
struct route {
    const char *method;
    void (*shim)(struct shim *s, struct call *take_call);
    void (*session)(struct session *se, struct call *take_call);
};

static const struct route routes[] = {
    {.method = "shim.status", .shim = serve_status},
    {.method = "shim.session", .shim = session_open},
    {.method = "shim.stop", .shim = serve_stop},
    {.method = "sandbox.exec", .shim = exec_request},
    {.method = "sandbox.logs", .shim = logs_request},
    {.method = "session.execute", .session = cells_execute},
    {.method = "session.wait", .session = wait_request},
    {.method = "session.markdown", .session = cells_markdown},
    {.method = "session.interrupt", .session = cells_interrupt},
    {.method = "session.read", .session = follow_request},
    {.method = "session.output", .session = output_request},
    {.method = "session.notebook", .session = output_notebook},
};

static const struct route *route_of(const char *method)
{
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
    return NULL;
}

static int check(const struct shim *s, const struct route *r, const json_t *params,
                 struct session **ret_session, struct err *err)
{
    const char *sandbox = json_str(params, "sandbox", NULL);
    if (!r)
        return err_set(err, ERR_BUG, "unknown_method", "a shim does not serve this method");
    if (sandbox && strcmp(sandbox, s->order.sandbox) != 0)
        return err_set(err, ERR_USER, "no_such_sandbox", "this is sandbox %s, not %.64s",
                       s->order.sandbox, sandbox);
    if (s->state != SHIM_READY && r->shim != serve_stop && r->shim != serve_status)
        return err_set(err, ERR_USER, "no_such_sandbox", "sandbox %s is ending", s->order.sandbox);
    if (!r->session)
        return 0;
    const char *id = json_str(params, "session", "");
    *ret_session = session_find(s, id);
    if (!*ret_session)
        return err_set(err, ERR_USER, "no_such_session", "sandbox %s has no session '%.64s'",
                       s->order.sandbox, id);
    return 0;
}

static void on_request(struct peer *p, struct call *take_call, void *ctx)
{
    struct link *l = ctx;
    const struct route *r = route_of(call_method(take_call));
    struct session *se = NULL;
    struct err err = ERR_INIT;
    if (check(l->shim, r, call_params(take_call), &se, &err) < 0)
        call_fail(take_call, &err);
    else if (se)
        r->session(se, take_call);
    else
        r->shim(l->shim, take_call);
}

static void on_closed(struct peer *p, const struct err *why, void *ctx)
{
    struct link *l = ctx;
    if (err_is_set(why))
        log_debug("sandbox=%s a connection ended: %s", l->shim->order.sandbox, why->msg);
    LIST_REMOVE(l, entry);
    free(l);
}

static void on_drained(struct peer *p, void *ctx)
{
    struct link *l = ctx;
    follow_drained(l->shim, p);
    exec_drained(l->shim, p);
    logs_drained(l->shim, p);
    boot_drained(l->shim, p);
}

void shim_on_connection(uv_stream_t *server, int status)
{
    static const struct peer_ops ops = {
        .request = on_request, .closed = on_closed, .drained = on_drained, .side = METHOD_SHIM};
    struct shim *s = server->data;
    if (status < 0) {
        log_warn("sandbox=%s cannot take a connection: %s", s->order.sandbox, uv_strerror(status));
        return;
    }
    struct link *l = xnew(struct link);
    l->shim = s;
    l->peer = peer_new(&s->loop, &ops, l);
    LIST_INSERT_HEAD(&s->links, l, entry);
    struct err err = ERR_INIT;
    int r = peer_accept(l->peer, &s->server, &err);
    /* The folder is 0700; this holds even where somebody opened it. */
    if (r == 0 && peer_uid(l->peer) != (int64_t)geteuid())
        r = err_set(&err, ERR_USER, "forbidden", "another user connected");
    if (r < 0) {
        log_warn("sandbox=%s %s", s->order.sandbox, err.msg);
        peer_close(l->peer);
    }
}
