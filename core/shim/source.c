/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/source.h"

#include "base/mem.h"

#include <fcntl.h>
#include <sys/ioctl.h>

enum { CHUNK = 64 << 10 };

struct source {
    uv_poll_t poll;
    int fd; /* owned */
    const struct source_ops *ops;
    void *ctx;
    bool paused, finishing, ended, closing;
    size_t left; /* while finishing: bytes that stood in the pipe */
};

static void on_closed(uv_handle_t *h)
{
    struct source *src = h->data;
    close(src->fd);
    free(src);
}

static void end(struct source *src)
{
    if (src->ended || src->closing)
        return;
    src->ended = true;
    uv_poll_stop(&src->poll);
    src->ops->end(src, src->ctx);
}

/* One read. False when there is nothing more to do for now. */
static bool step(struct source *src)
{
    char chunk[CHUNK];
    size_t want = src->finishing && src->left < CHUNK ? src->left : CHUNK;
    ssize_t n = want ? read(src->fd, chunk, want) : 0;
    if (n < 0 && errno == EINTR)
        return true;
    if (n < 0 && errno == EAGAIN && !src->finishing)
        return false;
    if (n <= 0) {
        end(src);
        return false;
    }
    if (src->finishing)
        src->left -= (size_t)n;
    src->ops->data(src, chunk, (size_t)n, src->ctx);
    return !src->closing && !src->paused;
}

static void on_poll(uv_poll_t *h, int status, int events)
{
    struct source *src = h->data;
    if (status < 0) /* a socket whose other end left something unread: ours still has its words */
        source_finish(src);
    else
        step(src); /* one chunk a turn, so that a flood leaves room for others */
}

static void go_on(struct source *src)
{
    if (src->paused || src->ended || src->closing)
        return;
    if (src->finishing) {
        uv_poll_stop(&src->poll);
        while (step(src))
            ;
    } else
        uv_poll_start(&src->poll, UV_READABLE, on_poll);
}

int source_open(uv_loop_t *loop, int take_fd, const struct source_ops *ops, void *ctx,
                struct source **ret, struct err *err)
{
    _cleanup_close_ int fd = take_fd;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_sys(err, errno, "cannot prepare a pipe");
    struct source *src = xnew(struct source);
    *src = (struct source){.fd = fd, .ops = ops, .ctx = ctx};
    int r = uv_poll_init(loop, &src->poll, fd);
    if (r < 0) {
        free(src);
        return err_sys(err, -r, "cannot watch a pipe");
    }
    src->poll.data = src;
    TAKE_FD(fd);
    go_on(src);
    *ret = src;
    return 0;
}

void source_pause(struct source *src)
{
    if (!src || src->paused)
        return;
    src->paused = true;
    uv_poll_stop(&src->poll);
}

void source_resume(struct source *src)
{
    if (!src || !src->paused)
        return;
    src->paused = false;
    go_on(src);
}

void source_finish(struct source *src)
{
    if (!src || src->finishing)
        return;
    int left = 0;
    if (ioctl(src->fd, FIONREAD, &left) < 0)
        left = 0;
    src->left = left > 0 ? (size_t)left : 0;
    src->finishing = true;
    go_on(src);
}

void source_close(struct source *src)
{
    if (!src || src->closing)
        return;
    src->closing = true;
    uv_close((uv_handle_t *)&src->poll, on_closed);
}
