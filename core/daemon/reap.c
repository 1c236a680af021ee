/* SPDX-License-Identifier: Apache-2.0
 *
 * reap: the link to a shim and the end of a box.
 */
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/box.h"
#include "daemon/registry.h"

#include <fcntl.h>
#include <string.h>

static void link_closed(struct peer *p, const struct err *why, void *ctx)
{
    struct box *b = ctx;
    if (p != b->link) /* it never came up: box_connect said so */
        return;
    b->link = NULL;
    if (b->daemon->ending)
        return;
    if (b->stop_late.loop)
        uv_timer_stop(&b->stop_late);
    box_lost(b, b->stopping ? "it was stopped" : "its shim ended unexpectedly");
}

static const struct peer_ops link_ops = {.closed = link_closed};

int box_connect(struct box *b, struct err *err)
{
    struct peer *p = peer_new(b->daemon->loop, &link_ops, b);
    int r = b->daemon->engine->ops->connect(b->daemon->engine, b->id, p, err);
    if (r < 0) {
        peer_close(p);
        return r;
    }
    b->link = p;
    return 0;
}

void box_close(struct box *b)
{
    peer_close(b->link);
    if (b->stop_late.loop)
        uv_close((uv_handle_t *)&b->stop_late, NULL);
}

/* An end in good order takes tenths of a second; most of it is the removal of what was written. */
enum { REAP_TRIES = 50, STOP_MS = 10000 };

static void reap(struct box *b);

static void settle(struct box *b)
{
    b->reaping = false;
    while (!LIST_EMPTY(&b->waiting)) {
        struct settled *w = LIST_FIRST(&b->waiting);
        LIST_REMOVE(w, entry);
        w->fn(b, w->ctx);
        free(w);
    }
}

static char *end_path(const struct box *b)
{
    return xasprintf("%s/logs/%s.end", b->daemon->paths.home, b->id);
}

/* What the shim left (shim/order.h): it was ending by itself, even if a stop came just then. Without
 * that, what the journals say. NULL when nothing does. */
static char *said_reason(const struct box *b)
{
    _cleanup_free_ char *path = end_path(b);
    char *said = NULL;
    if (fs_read_file(AT_FDCWD, path, LIMIT_LOG_TAIL, &said, NULL) == 0)
        return said;
    if (b->stopping)
        return NULL;
    struct session_row *s;
    LIST_FOREACH (s, &b->sessions, entry)
        if ((said = gone_reason(b->daemon, s->id)))
            break;
    return said;
}

static void drop_said(const struct box *b)
{
    _cleanup_free_ char *path = end_path(b);
    if (unlink(path) < 0 && errno != ENOENT)
        log_warn("event=unlink sandbox=%s why=\"%s\"", b->id, strerror(errno));
}

static void reap_done(const json_t *answer, const struct err *err, void *ctx)
{
    struct box *b = ctx;
    /* Its socket closed a moment before the rest of it: ask again, each time a process later. */
    if (err && err->kind == ERR_BUSY && b->reap_tries++ < REAP_TRIES) {
        reap(b);
        return;
    }
    if (err)
        log_error("event=reap sandbox=%s why=\"%s\"", b->id, err->msg);
    char *said = said_reason(b);
    if (said) {
        free(b->reason);
        b->reason = said;
    }
    struct err e = ERR_INIT;
    if (b->unseen) {
        if (registry_drop(b->daemon->registry, "sandboxes", b->id, &e) < 0)
            log_error("event=registry sandbox=%s why=\"%s\"", b->id, e.msg);
    } else
        box_save(b);
    drop_said(b);
    log_info("event=gone sandbox=%s why=\"%s\"", b->id, b->reason);
    settle(b);
}

/* An orderly end leaves nothing; then there is nothing to run. */
static bool left_something(const struct box *b)
{
    const struct daemon *d = b->daemon;
    _cleanup_free_ char *dir = xasprintf("%s/sandboxes/%s", d->paths.home, b->id);
    _cleanup_free_ char *run = xasprintf("%s/%s", d->paths.run, b->id);
    return access(dir, F_OK) == 0 || access(run, F_OK) == 0;
}

static void reap(struct box *b)
{
    static const struct engine_done done = {reap_done};
    struct err err = ERR_INIT;
    if (b->daemon->engine->ops->reap(b->daemon->engine, b->id, &done, b, &err) < 0)
        reap_done(NULL, &err, b);
}

void box_lost(struct box *b, const char *reason)
{
    if (b->reaping || b->state == BOX_GONE)
        return;
    b->state = BOX_GONE;
    b->reaping = true;
    if (!b->reason)
        b->reason = xstrdup(reason);
    if (left_something(b))
        reap(b);
    else
        reap_done(NULL, NULL, b);
}

static void stop_done(const json_t *result, const struct err *err, void *ctx)
{
    struct box *b = ctx;
    if (err && b->link) /* it will not stop by itself: without us it would live on unseen */
        log_warn("event=stop sandbox=%s why=\"%s\"", b->id, err->msg);
}

/* It hangs, or somebody stopped it with a signal. Its death closes the link (link_closed). */
static void on_stop_late(uv_timer_t *t)
{
    struct box *b = t->data;
    struct err err = ERR_INIT;
    if (!b->link)
        return;
    log_warn("event=stuck sandbox=%s why=\"its shim did not end in %d s and is killed\"", b->id,
             STOP_MS / 1000);
    if (b->daemon->engine->ops->kill(b->daemon->engine, b->link, &err) < 0)
        log_error("event=kill sandbox=%s why=\"%s\"", b->id, err.msg);
}

static void start_stop_timer(struct box *b)
{
    if (!b->stop_late.loop)
        uv_timer_init(b->daemon->loop, &b->stop_late);
    b->stop_late.data = b;
    uv_timer_start(&b->stop_late, on_stop_late, STOP_MS, 0);
}

void box_stop(struct box *b, void (*fn)(struct box *b, void *ctx), void *ctx)
{
    static const struct peer_reply reply = {.done = stop_done};
    if (b->state == BOX_GONE && !b->reaping) {
        fn(b, ctx);
        return;
    }
    struct settled *w = xnew(struct settled);
    *w = (struct settled){.fn = fn, .ctx = ctx};
    LIST_INSERT_HEAD(&b->waiting, w, entry);
    if (b->stopping || b->reaping)
        return;
    b->stopping = true;
    if (b->link) {
        start_stop_timer(b);
        peer_call(b->link, "shim.stop", NULL, &reply, b);
    } else if (b->state != BOX_STARTING) /* a start that is under way sees `stopping` (launch.c) */
        box_lost(b, "it was stopped");
}

void box_settled(struct box *b, void (*fn)(struct box *b, void *ctx), void *ctx)
{
    if (!b->reaping) {
        fn(b, ctx);
        return;
    }
    struct settled *w = xnew(struct settled);
    *w = (struct settled){.fn = fn, .ctx = ctx};
    LIST_INSERT_HEAD(&b->waiting, w, entry);
}

void box_gone_err(const struct box *b, bool session, struct err *err)
{
    err_set(err, ERR_GUEST, session ? "kernel_died" : "sandbox_died", "the sandbox %s is gone: %s",
            b->name, b->reason ? b->reason : "it ended");
    err_hint(err, session ? "its notebook is kept; start a new sandbox and session"
                          : "start a new sandbox");
}
