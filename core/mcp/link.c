/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/link.h"

#include "base/clock.h"
#include "base/mem.h"
#include "client/client.h"

#include <string.h>

/* Losses of the connection one request lives through: more means that seerd cannot stay up. */
#define LINK_TRIES 5

struct link {
    uv_loop_t *loop;   /* borrowed */
    struct peer *peer; /* NULL while there is no connection */
    bool closing;
};

struct link_call {
    struct link *link; /* borrowed */
    const char *method;
    json_t *params; /* owned */
    enum link_again again;
    struct peer_reply reply;
    void *ctx;
    struct peer *peer;    /* the one it was sent on; compared, never used */
    uint64_t deadline_ms; /* of params.timeout, 0 for none */
    unsigned tries;
    bool waiting; /* sent as session.wait */
    bool queued;  /* the shim has the cell */
};

static void send_call(struct link_call *lc);

struct link *link_new(uv_loop_t *loop)
{
    struct link *l = xnew(struct link);
    l->loop = loop;
    return l;
}

void link_close(struct link *l)
{
    l->closing = true;
    if (l->peer)
        peer_close(l->peer);
}

void link_free(struct link *l)
{
    free(l);
}

static void on_closed(struct peer *p, const struct err *why, void *ctx)
{
    struct link *l = ctx;
    if (l->peer == p)
        l->peer = NULL;
}

static void finish(struct link_call *lc, const json_t *result, const struct err *err)
{
    lc->reply.done(result, err, lc->ctx);
    json_decref(lc->params);
    free(lc);
}

static void on_event(const char *event, const json_t *data, void *ctx)
{
    struct link_call *lc = ctx;
    if (strcmp(event, "cell") == 0)
        lc->queued = true;
    if (lc->reply.event)
        lc->reply.event(event, data, lc->ctx);
}

static void on_done(const json_t *result, const struct err *err, void *ctx)
{
    struct link_call *lc = ctx;
    bool lost = err && strcmp(err->code, "connection_lost") == 0;
    if (lost && lc->link->peer == lc->peer)
        lc->link->peer = NULL; /* it is closing; the next request makes a new one */
    if (lc->link->closing) {
        finish(lc, result, err);
    } else if (lost && lc->again != LINK_ONCE && ++lc->tries < LINK_TRIES) {
        lc->waiting = lc->again == LINK_EXECUTE;
        send_call(lc);
    } else if (err && lc->waiting && !lc->queued && strcmp(err->code, "no_such_cell") == 0) {
        lc->waiting = false; /* the loss came before the shim had it */
        send_call(lc);
    } else {
        finish(lc, result, err);
    }
}

/* session.wait for a cell that session.execute may have queued. */
static json_t *wait_params(const struct link_call *lc)
{
    static const char *const keys[] = {"session", "sandbox", "cell", "max_bytes"};
    json_t *p = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (json_object_get(lc->params, keys[i]))
            json_object_set(p, keys[i], json_object_get(lc->params, keys[i]));
    if (lc->deadline_ms) {
        uint64_t now = clock_boot_ms();
        double left = lc->deadline_ms > now ? (double)(lc->deadline_ms - now) / 1000 : 0.001;
        json_object_set_new(p, "timeout", json_real(left));
    }
    return p;
}

static void send_call(struct link_call *lc)
{
    static const struct peer_ops ops = {.closed = on_closed};
    static const struct peer_reply reply = {.event = on_event, .done = on_done};
    struct link *l = lc->link;
    struct err err = ERR_INIT;
    if (!l->peer && client_connect(l->loop, &ops, l, &l->peer, &err) < 0) {
        l->peer = NULL;
        finish(lc, NULL, &err);
        return;
    }
    lc->peer = l->peer;
    if (lc->waiting)
        peer_call(l->peer, "session.wait", wait_params(lc), &reply, lc);
    else
        peer_call(l->peer, lc->method, json_incref(lc->params), &reply, lc);
}

void link_call(struct link *l, const char *method, json_t *take_params, enum link_again again,
               const struct peer_reply *reply, void *ctx)
{
    struct link_call *lc = xnew(struct link_call);
    *lc = (struct link_call){.link = l,
                             .method = method,
                             .params = take_params,
                             .again = again,
                             .reply = *reply,
                             .ctx = ctx};
    double timeout = json_num(take_params, "timeout", 0);
    if (timeout > 0)
        lc->deadline_ms = clock_boot_ms() + (uint64_t)(timeout * 1000);
    send_call(lc);
}
