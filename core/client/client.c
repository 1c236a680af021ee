/* SPDX-License-Identifier: Apache-2.0 */
#include "client/impl.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"

#include <string.h>

enum {
    HELLO_MS = 10000,  /* a daemon that accepts and is silent this long hangs */
    LOST_IN_A_ROW = 5, /* connections lost without one event between them */
};

typedef void event_fn(const char *event, const json_t *data, void *ctx);

struct client {
    uv_loop_t *loop;   /* borrowed */
    struct peer *peer; /* NULL while there is no connection */
    json_t *hello;     /* owned */
    uint64_t calling;  /* id of the call in progress, 0 for none */
    uv_timer_t limit;
    bool may_start;
};

struct wait { /* one call in progress; on the stack of client_call */
    struct client *client;
    event_fn *on_event;
    void *ctx;
    json_t *result; /* handed over */
    struct err *err;
    bool done;
};

static void on_event(const char *event, const json_t *data, void *ctx)
{
    struct wait *w = ctx;
    if (w->on_event)
        w->on_event(event, data, w->ctx);
}

static void on_done(const json_t *result, const struct err *err, void *ctx)
{
    struct wait *w = ctx;
    w->done = true;
    if (err)
        *w->err = *err;
    else
        w->result = json_incref((json_t *)result);
}

static void on_closed(struct peer *p, const struct err *why, void *ctx)
{
    struct client *c = ctx;
    if (c->peer == p)
        c->peer = NULL;
}

static void on_limit(uv_timer_t *t)
{
    struct client *c = t->data;
    peer_close(c->peer);
}

static const struct peer_ops ops = {.closed = on_closed};

/* One request on the connection that there is; runs the loop until it is answered. */
static int roundtrip(struct client *c, const char *method, json_t *take_params, event_fn *fn,
                     void *ctx, json_t **ret_result, struct err *err)
{
    static const struct peer_reply reply = {on_event, on_done};
    struct err local = ERR_INIT;
    struct wait w = {.client = c, .on_event = fn, .ctx = ctx, .err = &local};
    uint64_t outer = c->calling;
    c->calling = peer_call(c->peer, method, take_params, &reply, &w);
    while (!w.done)
        uv_run(c->loop, UV_RUN_ONCE);
    c->calling = outer;
    if (w.result) {
        *ret_result = w.result;
        return 0;
    }
    if (err)
        *err = local;
    return strcmp(local.code, "connection_lost") == 0 ? -ECONNRESET : -EIO;
}

static int greet(struct client *c, struct err *err)
{
    json_t *hello = NULL, *params = json_object();
    json_object_set_new(params, "version", json_string(SEER_VERSION));
    uv_timer_start(&c->limit, on_limit, HELLO_MS, 0);
    int r = roundtrip(c, "hello", params, NULL, NULL, &hello, err);
    bool silent = r < 0 && !uv_is_active((uv_handle_t *)&c->limit);
    uv_timer_stop(&c->limit);
    if (silent) {
        err_set(err, ERR_SYSTEM, "daemon_silent", "the running seerd does not answer");
        err_hint(err, "end it with kill -9; sandboxes go on without it");
        return -ETIMEDOUT;
    }
    if (r < 0)
        return r;
    json_decref(c->hello);
    c->hello = hello;
    return 0;
}

static int ensure(struct client *c, struct err *err)
{
    if (c->peer)
        return 0;
    int r = 0;
    for (int i = 0; i < 3; i++) { /* a daemon on its way out may accept and leave */
        r = connect_daemon(c->loop, &ops, c, c->may_start, &c->peer, err);
        if (r == 0)
            r = greet(c, err);
        if (r != -ECONNRESET)
            break;
        while (c->peer)
            uv_run(c->loop, UV_RUN_ONCE);
    }
    return r;
}

static int open_client(uv_loop_t *loop, bool may_start, struct client **ret, struct err *err)
{
    struct client *c = xnew(struct client);
    c->loop = loop;
    c->may_start = may_start;
    uv_timer_init(loop, &c->limit);
    uv_unref((uv_handle_t *)&c->limit);
    c->limit.data = c;
    int r = ensure(c, err);
    if (r < 0)
        client_close(c);
    else
        *ret = c;
    return r;
}

int client_open(uv_loop_t *loop, struct client **ret, struct err *err)
{
    return open_client(loop, true, ret, err);
}

int client_open_running(uv_loop_t *loop, struct client **ret, struct err *err)
{
    return open_client(loop, false, ret, err);
}

static void on_timer_closed(uv_handle_t *h)
{
    *(bool *)h->data = true;
}

void client_close(struct client *c)
{
    if (!c)
        return;
    bool timer_closed = false;
    peer_close(c->peer);
    c->limit.data = &timer_closed;
    uv_close((uv_handle_t *)&c->limit, on_timer_closed);
    while (c->peer || !timer_closed)
        uv_run(c->loop, UV_RUN_ONCE);
    json_decref(c->hello);
    free(c);
}

int client_call(struct client *c, const char *method, json_t *take_params, event_fn *fn, void *ctx,
                json_t **ret_result, struct err *err)
{
    int r = ensure(c, err);
    if (r < 0) {
        json_decref(take_params);
        return r;
    }
    return roundtrip(c, method, take_params, fn, ctx, ret_result, err);
}

void client_cancel(struct client *c)
{
    if (c->peer && c->calling)
        peer_cancel(c->peer, c->calling);
}

const json_t *client_hello(const struct client *c)
{
    return c->hello;
}

struct peer *client_peer(struct client *c)
{
    return c->peer;
}

/* ---- a cell, across deaths of the daemon ---- */

struct follow {
    event_fn *on_event;
    void *ctx;
    json_int_t seq; /* of the last record passed on */
    bool said_cell;
    int lost; /* connections in a row without an event */
};

static void on_cell_event(const char *event, const json_t *data, void *ctx)
{
    struct follow *f = ctx;
    f->lost = 0;
    if (strcmp(event, "record") == 0) {
        json_int_t seq = json_int(data, "seq", 0);
        if (seq && seq <= f->seq)
            return;
        f->seq = seq ? seq : f->seq;
    } else if (strcmp(event, "cell") == 0) {
        if (f->said_cell)
            return;
        f->said_cell = true;
    }
    if (f->on_event)
        f->on_event(event, data, f->ctx);
}

/* session.wait's parameters from session.execute's. */
static json_t *wait_params(const json_t *params, uint64_t deadline)
{
    static const char *const kept[] = {"session", "sandbox", "cell", "max_bytes"};
    json_t *out = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        json_t *v = json_object_get(params, kept[i]);
        if (v)
            json_object_set(out, kept[i], v);
    }
    uint64_t now = clock_boot_ms();
    if (deadline)
        json_object_set_new(out, "timeout",
                            json_real(now < deadline ? (double)(deadline - now) / 1000.0 : 0.0));
    return out;
}

/* Takes params. `sent`: the cell is there already, only wait. */
static int run_cell(struct client *c, json_t *take_params, bool sent, struct follow *f,
                    json_t **ret_result, struct err *err)
{
    _cleanup_json_ json_t *params = take_params;
    struct err local = ERR_INIT;
    bool ours = !sent;
    double timeout = json_num(params, "timeout", 0);
    uint64_t deadline =
        timeout > 0 && timeout < 1e12 ? clock_boot_ms() + (uint64_t)(timeout * 1e3) : 0;
    for (;;) {
        json_t *p = sent ? wait_params(params, deadline) : json_deep_copy(params);
        int r = client_call(c, sent ? "session.wait" : "session.execute", p, on_cell_event, f,
                            ret_result, &local);
        if (r == 0)
            return 0;
        bool absent = sent && ours && strcmp(local.code, "no_such_cell") == 0;
        if ((!absent && r != -ECONNRESET) || f->lost++ >= LOST_IN_A_ROW) {
            if (err)
                *err = local;
            return r;
        }
        sent = !absent;
    }
}

int client_execute(struct client *c, json_t *take_params, event_fn *fn, void *ctx,
                   json_t **ret_result, struct err *err)
{
    struct follow f = {.on_event = fn, .ctx = ctx};
    if (!json_str(take_params, "cell", NULL)) {
        char cell[ID_SHORT_LEN + 1];
        id_short(cell);
        json_object_set_new(take_params, "cell", json_string(cell));
    }
    return run_cell(c, take_params, false, &f, ret_result, err);
}

int client_follow(struct client *c, json_t *take_params, event_fn *fn, void *ctx,
                  json_t **ret_result, struct err *err)
{
    struct follow f = {.on_event = fn, .ctx = ctx};
    return run_cell(c, take_params, true, &f, ret_result, err);
}
