/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/watch.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <fcntl.h>

struct watch {
    uv_poll_t poll;
    struct lws *wsi; /* borrowed */
    int fd;          /* owned */
};

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    uv_poll_stop(poll);
    lws_set_timeout(w->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
}

struct watch *watch_start(uv_loop_t *loop, struct lws *wsi)
{
    int fd = fcntl(lws_get_socket_fd(wsi), F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    struct watch *w = xnew(struct watch);
    w->wsi = wsi;
    w->fd = fd;
    if (uv_poll_init(loop, &w->poll, fd) < 0) {
        close(fd);
        free(w);
        return NULL;
    }
    w->poll.data = w;
    uv_poll_start(&w->poll, UV_READABLE | UV_DISCONNECT, on_event);
    return w;
}

static void on_closed(uv_handle_t *h)
{
    struct watch *w = h->data;
    close(w->fd);
    free(w);
}

void watch_stop(struct watch *w)
{
    if (w)
        uv_close((uv_handle_t *)&w->poll, on_closed);
}
