/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/stdio.h"

#include "base/fs.h"
#include "base/mem.h"
#include "mcp/job.h"
#include "mcp/lines.h"

#include <signal.h>
#include <string.h>

/* Answers the client has not read yet: above this its requests wait as well. */
#define OUT_HIGH (8u << 20)

union stream {
    uv_stream_t stream;
    uv_pipe_t pipe;
    uv_tty_t tty;
    uv_handle_t handle;
};

struct stdio {
    uv_loop_t loop;
    struct mcp_server server;
    union stream in, out;
    bool in_stream, out_stream; /* else a file, read and written in place */
    bool paused, ending;
    struct lines lines;
    char chunk[65536];
};

struct write_req {
    uv_write_t req;
    struct stdio *io;
    char data[];
};

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b);

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    struct stdio *io = h->data;
    *b = uv_buf_init(io->chunk, sizeof io->chunk);
}

static void on_written(uv_write_t *req, int status)
{
    struct write_req *w = (struct write_req *)req;
    struct stdio *io = w->io;
    free(w);
    if (io->ending)
        return;
    if (status < 0) {
        uv_stop(&io->loop); /* the client is gone */
    } else if (io->paused && io->out.stream.write_queue_size < OUT_HIGH / 2) {
        io->paused = false;
        uv_read_start(&io->in.stream, on_alloc, on_read);
    }
}

static void on_send(const char *text, size_t len, void *ctx)
{
    struct stdio *io = ((struct mcp_server *)ctx)->loop->data;
    if (io->ending)
        return;
    struct write_req *w = xmalloc(sizeof *w + len + 1);
    w->io = io;
    memcpy(w->data, text, len);
    w->data[len] = '\n';
    if (!io->out_stream) {
        if (fs_write_all(STDOUT_FILENO, w->data, len + 1) < 0)
            uv_stop(&io->loop);
        free(w);
        return;
    }
    uv_buf_t b = uv_buf_init(w->data, (unsigned)len + 1);
    if (uv_write(&w->req, &io->out.stream, &b, 1, on_written) < 0) {
        free(w);
        uv_stop(&io->loop);
    } else if (io->in_stream && !io->paused && io->out.stream.write_queue_size > OUT_HIGH) {
        io->paused = true;
        uv_read_stop(&io->in.stream);
    }
}

static void on_line(const char *line, size_t len, void *ctx)
{
    struct stdio *io = ctx;
    if (line)
        mcp_message(io->server.mcp, line, len);
    else
        mcp_too_long(io->server.mcp);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct stdio *io = s->data;
    if (n < 0)
        uv_stop(&io->loop);
    else
        lines_feed(&io->lines, b->base, (size_t)n, on_line, io);
}

/* True when fd became a stream of the loop. */
static bool open_stream(struct stdio *io, union stream *s, int fd)
{
    int r = -1;
    uv_handle_type type = uv_guess_handle(fd);
    if (type == UV_TTY) {
        r = uv_tty_init(&io->loop, &s->tty, fd, 0);
    } else if (type == UV_NAMED_PIPE) {
        uv_pipe_init(&io->loop, &s->pipe, 0);
        r = uv_pipe_open(&s->pipe, fd);
    }
    s->handle.data = io;
    return r == 0;
}

/* Requests from a file: all at once, then until their answers are there. */
static void read_file(struct stdio *io)
{
    ssize_t n;
    while ((n = read(STDIN_FILENO, io->chunk, sizeof io->chunk)) > 0)
        lines_feed(&io->lines, io->chunk, (size_t)n, on_line, io);
    while (mcp_in_flight(io->server.mcp) && uv_run(&io->loop, UV_RUN_ONCE))
        ;
}

/* What is queued for the client still goes out, unless it does not read. */
static void flush(struct stdio *io)
{
    if (!io->out_stream)
        return;
    while (io->out.stream.write_queue_size && uv_is_writable(&io->out.stream))
        if (!uv_run(&io->loop, UV_RUN_ONCE))
            break;
}

/* Requests under way end here; their cells go on. */
static void stdio_end(struct stdio *io)
{
    io->ending = true;
    link_close(io->server.link);
    if (io->in.handle.type != UV_UNKNOWN_HANDLE)
        uv_close(&io->in.handle, NULL);
    if (io->out.handle.type != UV_UNKNOWN_HANDLE)
        uv_close(&io->out.handle, NULL);
    uv_run(&io->loop, UV_RUN_DEFAULT);
    mcp_free(io->server.mcp);
    link_free(io->server.link);
    buf_done(&io->lines.held);
    uv_loop_close(&io->loop);
    free(io);
}

int mcp_stdio_main(void)
{
    static const struct mcp_ops ops = {.send = on_send, .cancelled = job_cancelled};
    struct stdio *io = xnew(struct stdio);
    signal(SIGPIPE, SIG_IGN);
    if (uv_loop_init(&io->loop) < 0)
        return 1;
    io->loop.data = io;
    io->lines.held = BUF_INIT(MCP_LINE_MAX);
    io->server.loop = &io->loop;
    io->server.link = link_new(&io->loop);
    io->server.mcp = mcp_new(&ops, &io->server, mcp_tools, mcp_tools_count);
    io->out_stream = open_stream(io, &io->out, STDOUT_FILENO);
    io->in_stream = open_stream(io, &io->in, STDIN_FILENO);
    if (io->in_stream) {
        uv_read_start(&io->in.stream, on_alloc, on_read);
        uv_run(&io->loop, UV_RUN_DEFAULT);
    } else {
        read_file(io);
    }
    flush(io);
    stdio_end(io);
    return 0;
}
