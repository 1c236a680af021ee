/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/wait.h"

#include "base/mem.h"
#include "shim/follow.h"

#include <string.h>

struct wait {
    LIST_ENTRY(wait) entry;
    uv_timer_t timer;
    struct session *session; /* borrowed */
    struct call *call;       /* owned; NULL once answered */
    struct follow *follow;   /* owned */
    char cell[CELL_ID_MAX + 1];
    json_int_t max_bytes; /* 0: all */
    struct err lost;
};

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

static json_t *result_of(const struct wait *w, const char *status)
{
    _cleanup_json_ json_t *cell = fold_cell(w->session->fold, w->cell);
    json_t *result = json_object(), *truncated = json_array();
    json_t *outputs = json_object_get(cell, "outputs");
    json_t *cut = w->max_bytes > 0 && outputs
                      ? fold_shorten(outputs, (size_t)w->max_bytes, truncated)
                      : json_incref(outputs ? outputs : json_null());
    json_t *count = json_object_get(cell, "execution_count");
    json_object_set_new(result, "cell", json_string(w->cell));
    json_object_set_new(result, "status",
                        json_string(status ? status : json_str(cell, "status", "ok")));
    json_object_set(result, "execution_count", count ? count : json_null());
    json_object_set_new(result, "outputs", cut);
    json_object_set_new(result, "truncated", truncated);
    json_t *reason = json_object_get(cell, "reason");
    if (reason)
        json_object_set(result, "reason", reason);
    return result;
}

/* Takes the call out of w and lets go of the rest. */
static struct call *let_go(struct wait *w)
{
    struct call *c = TAKE_PTR(w->call);
    call_on_gone(c, NULL, NULL);
    follow_free(TAKE_PTR(w->follow));
    LIST_REMOVE(w, entry);
    uv_close((uv_handle_t *)&w->timer, on_closed);
    return c;
}

static void answer(struct wait *w, const char *status)
{
    struct err lost = w->lost;
    json_t *result = err_is_set(&lost) ? NULL : result_of(w, status);
    struct call *c = let_go(w);
    if (result)
        call_reply(c, result);
    else
        call_fail(c, &lost);
}

static void on_done(struct follow *f, const struct err *err, void *ctx)
{
    struct wait *w = ctx;
    if (err && !err_is_set(&w->lost))
        w->lost = *err;
    answer(w, NULL);
}

static void on_timeout(uv_timer_t *t)
{
    answer(t->data, "timeout");
}

static void on_gone(struct call *c, void *ctx)
{
    struct wait *w = ctx;
    if (!call_peer(c)) /* nobody reads the answer: spare the work */
        err_set(&w->lost, ERR_BUSY, "connection_lost", "the connection was lost");
    answer(w, "timeout");
}

void wait_start(struct session *se, struct call *take_call, const char *cell, uint64_t from)
{
    const json_t *params = call_params(take_call);
    double timeout = json_num(params, "timeout", 0);
    struct wait *w = xnew(struct wait);
    *w = (struct wait){.session = se, .call = take_call};
    snprintf(w->cell, sizeof w->cell, "%s", cell);
    w->max_bytes = json_int(params, "max_bytes", 0);
    uv_timer_init(&se->shim->loop, &w->timer);
    w->timer.data = w;
    w->follow = follow_new(se, take_call, cell, from, 0, on_done, w);
    LIST_INSERT_HEAD(&se->waits, w, entry);
    call_on_gone(take_call, on_gone, w);
    if (timeout > 0 && timeout < 1e9)
        uv_timer_start(&w->timer, on_timeout, (uint64_t)(timeout * 1000) + 1, 0);
}

static bool goes_on(const json_t *cell)
{
    const char *status = json_str(cell, "status", "");
    return strcmp(json_str(cell, "kind", "code"), "code") == 0 &&
           (strcmp(status, "queued") == 0 || strcmp(status, "running") == 0);
}

void wait_request(struct session *se, struct call *take_call)
{
    const char *id = json_str(call_params(take_call), "cell", "");
    _cleanup_json_ json_t *cell = fold_cell(se->fold, id);
    if (!cell || strlen(id) > CELL_ID_MAX) {
        struct err err;
        err_set(&err, ERR_USER, "no_such_cell", "session %s has no cell '%.64s'", se->id, id);
        call_fail(take_call, &err);
        return;
    }
    wait_start(se, take_call, id, 1);
    if (!goes_on(cell))
        wait_cell_ended(se, id, NULL);
}

void wait_cell_ended(struct session *se, const char *cell, const struct err *lost)
{
    struct wait *w, *next;
    for (w = LIST_FIRST(&se->waits); w; w = next) {
        next = LIST_NEXT(w, entry);
        if (strcmp(w->cell, cell) != 0)
            continue;
        if (lost)
            w->lost = *lost;
        follow_stop(w->follow);
    }
}

void wait_end(struct session *se)
{
    while (!LIST_EMPTY(&se->waits))
        answer(LIST_FIRST(&se->waits), NULL);
}
