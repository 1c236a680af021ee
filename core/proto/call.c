/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/peer_impl.h"

#include "base/mem.h"

struct call *call_new(struct peer *p, json_int_t id, const struct method *m, json_t *take_params)
{
    struct call *c = xnew(struct call);
    *c = (struct call){.peer = p, .id = id, .method = m, .params = take_params};
    c->next = *peer_incoming(p);
    *peer_incoming(p) = c;
    return c;
}

static void call_free(struct call *c)
{
    if (c->peer) {
        struct call **at = peer_incoming(c->peer);
        while (*at && *at != c)
            at = &(*at)->next;
        if (*at)
            *at = c->next;
    }
    json_decref(c->params);
    free(c);
}

void call_gone(struct call *c)
{
    void (*gone)(struct call *, void *) = c->gone;
    c->cancelled = true;
    c->gone = NULL;
    if (gone)
        gone(c, c->gone_ctx);
}

const char *call_method(const struct call *c)
{
    return c->method->name;
}

json_t *call_params(const struct call *c)
{
    return c->params;
}

struct peer *call_peer(const struct call *c)
{
    return c->peer;
}

bool call_wanted(const struct call *c)
{
    return !c->cancelled && c->peer && peer_open(c->peer);
}

int64_t call_event(struct call *c, const char *event, json_t *take_data)
{
    if (!c->peer) {
        json_decref(take_data);
        return -EPIPE;
    }
    json_t *msg = json_object();
    json_object_set_new(msg, "id", json_integer(c->id));
    json_object_set_new(msg, "event", json_string(event));
    json_object_set_new(msg, "data", take_data ? take_data : json_object());
    int r = peer_send(c->peer, msg);
    return r < 0 ? r : (int64_t)peer_backlog(c->peer);
}

static int send_answer(struct call *c, const char *key, json_t *take_value)
{
    json_t *msg = json_object();
    json_object_set_new(msg, "id", json_integer(c->id));
    json_object_set_new(msg, key, take_value);
    return peer_send(c->peer, msg);
}

void call_reply(struct call *c, json_t *take_result)
{
    if (!take_result)
        take_result = json_object();
    if (!c->peer)
        json_decref(take_result);
    else if (send_answer(c, "result", take_result) == -EMSGSIZE) {
        struct err err;
        err_set(&err, ERR_SYSTEM, "too_large", "%s: the answer is larger than one frame may be",
                c->method->name);
        call_fail(c, &err);
        return;
    }
    call_free(c);
}

void call_fail(struct call *c, const struct err *err)
{
    /* A dead connection needs no answer; an error always fits a frame. */
    if (c->peer && send_answer(c, "error", json_from_err(err)) == -EMSGSIZE)
        peer_close(c->peer);
    call_free(c);
}

void call_on_gone(struct call *c, void (*gone)(struct call *c, void *ctx), void *ctx)
{
    c->gone = gone;
    c->gone_ctx = ctx;
}

void *call_gone_ctx(const struct call *c)
{
    return c->gone_ctx;
}
