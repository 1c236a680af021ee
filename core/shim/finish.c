/* SPDX-License-Identifier: Apache-2.0
 *
 * finish: the end of a sandbox, one way for every cause.
 *
 *   shim_end()      kills PID 1, which ends everything in its namespace
 *   shim_on_pid1()  it is dead: what the kernels still had sent is taken in, every cell and session
 *                   gets its end in journal and notebook, then walls and folders go, then those who
 *                   asked are answered, and the loop runs empty
 */
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "shim/follow.h"
#include "shim/jobs.h"
#include "shim/logs.h"
#include "shim/session.h"
#include "shim/shim.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

/* For the daemon, which may be away now: it did not ask for this end, so it must be told why. */
static void leave_reason(const struct shim *s)
{
    _cleanup_free_ char *path = xasprintf("%s/logs/%s.end", s->order.home, s->order.sandbox);
    int r = fs_write_atomic(AT_FDCWD, path, s->reason, strlen(s->reason), 0600);
    if (r < 0)
        log_warn("sandbox=%s cannot write %s: %s", s->order.sandbox, path, strerror(-r));
}

void shim_end(struct shim *s, const char *reason)
{
    if (s->state == SHIM_ENDING)
        return;
    s->state = SHIM_ENDING;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
    log_info("sandbox=%s ends: %s", s->order.sandbox, reason);
    if (LIST_EMPTY(&s->endings))
        leave_reason(s);
    if (syscall(SYS_pidfd_send_signal, sandbox_pidfd(s->sb), SIGKILL, NULL, 0) < 0 &&
        errno != ESRCH)
        log_warn("sandbox=%s cannot kill its first process: %s", s->order.sandbox, strerror(errno));
}

static void close_handle(uv_handle_t *h)
{
    if (h->data && h->type != UV_UNKNOWN_HANDLE && !uv_is_closing(h))
        uv_close(h, NULL);
}

static void answer_endings(struct shim *s)
{
    while (!LIST_EMPTY(&s->endings)) {
        struct ending *e = LIST_FIRST(&s->endings);
        LIST_REMOVE(e, entry);
        call_reply(e->call, json_object());
        free(e);
    }
}

void shim_close_handles(struct shim *s)
{
    struct link *l;
    LIST_FOREACH (l, &s->links, entry)
        peer_close(l->peer);
    close_handle((uv_handle_t *)&s->server);
    close_handle((uv_handle_t *)&s->control);
    close_handle((uv_handle_t *)&s->pidfd);
    close_handle((uv_handle_t *)&s->deadline);
    close_handle((uv_handle_t *)&s->sigterm);
    close_handle((uv_handle_t *)&s->sigint);
    close_handle((uv_handle_t *)&s->pump);
}

static void note_cause(struct shim *s)
{
    struct sandbox_usage usage = {0};
    sandbox_usage(s->sb, &usage);
    if (usage.oom_kills > s->oom_seen)
        shim_end(s, "the sandbox was out of memory and its first process was killed");
    else
        shim_end(s, "the sandbox's first process was killed");
}

void shim_on_pid1(uv_poll_t *h, int status, int events)
{
    struct shim *s = h->data;
    uv_poll_stop(h);
    uv_poll_stop(&s->control);
    if (s->state != SHIM_ENDING)
        note_cause(s);
    jobs_lost(s);
    while (!LIST_EMPTY(&s->sessions))
        session_close(LIST_FIRST(&s->sessions));
    /* Still watched descriptors of the sandbox must leave the loop before they are closed. */
    close_handle((uv_handle_t *)&s->control);
    close_handle((uv_handle_t *)&s->pidfd);
    struct err err = ERR_INIT;
    if (sandbox_destroy(TAKE_PTR(s->sb), &err) < 0)
        log_error("sandbox=%s %s", s->order.sandbox, err.msg);
    shim_remove_folders(&s->order);
    log_info("sandbox=%s is gone", s->order.sandbox);
    logs_end(s);
    answer_endings(s);
    shim_close_handles(s);
}
