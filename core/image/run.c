/* SPDX-License-Identifier: Apache-2.0 */
#include "image/run.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"

#include <signal.h>

struct run {
    uv_process_t process;
    uv_pipe_t out;
    struct buf text;
    run_done *done;
    void *ctx;
    int handles, status;
};

static void on_closed(uv_handle_t *h)
{
    struct run *r = h->data;
    if (--r->handles)
        return;
    if (r->done)
        r->done(r->status, r->text.data ? r->text.data : "", r->text.len, r->ctx);
    buf_done(&r->text);
    free(r);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
    struct run *r = h->data;
    bool room = buf_reserve(&r->text, 4096) == 0;
    *ret = room ? uv_buf_init(r->text.data + r->text.len, 4096) : uv_buf_init(NULL, 0);
}

static void on_out(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct run *r = s->data;
    if (n > 0) {
        r->text.len += (size_t)n;
        r->text.data[r->text.len] = '\0';
        return;
    }
    if (n == UV_ENOBUFS) {
        r->status = -1;
        run_cancel(r);
    }
    if (n < 0 && !uv_is_closing((uv_handle_t *)s))
        uv_close((uv_handle_t *)s, on_closed);
}

static void on_ended(uv_process_t *p, int64_t status, int sig)
{
    struct run *r = p->data;
    if (r->status != -1)
        r->status = sig ? 128 + sig : (int)status;
    uv_close((uv_handle_t *)p, on_closed);
}

int run_start(uv_loop_t *loop, char *const argv[], char *const env[], int fd, run_done *done,
              void *ctx, struct run **ret, struct err *err)
{
    struct run *r = xnew(struct run);
    r->text = BUF_INIT(LIMIT_GUEST_LINE);
    r->done = done;
    r->ctx = ctx;
    r->handles = 2;
    uv_pipe_init(loop, &r->out, 0);
    r->out.data = r->process.data = r;
    uv_stdio_container_t stdio[4] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&r->out},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = fd},
    };
    uv_process_options_t opt = {.file = argv[0],
                                .args = (char **)argv,
                                .env = (char **)env,
                                .exit_cb = on_ended,
                                .stdio = stdio,
                                .stdio_count = fd >= 0 ? 4 : 3};
    int e = uv_spawn(loop, &r->process, &opt);
    if (e < 0) {
        r->done = NULL;
        uv_close((uv_handle_t *)&r->process, on_closed);
        uv_close((uv_handle_t *)&r->out, on_closed);
        return err_sys(err, -e, "cannot run %s", argv[0]);
    }
    if (uv_read_start((uv_stream_t *)&r->out, on_alloc, on_out) < 0)
        uv_close((uv_handle_t *)&r->out, on_closed);
    if (ret)
        *ret = r;
    return 0;
}

void run_cancel(struct run *r)
{
    if (r && !uv_is_closing((uv_handle_t *)&r->process))
        uv_process_kill(&r->process, SIGKILL);
}
