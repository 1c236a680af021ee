/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/guestlog.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "shim/source.h"

#include <fcntl.h>
#include <string.h>

enum { LINE_MAX_BYTES = 2048 };

struct guestlog {
    struct shim *shim;     /* borrowed */
    struct source *source; /* owned */
    char *name;            /* owned */
    struct buf line, tail;
};

static void write_line(struct guestlog *g, const char *text, size_t len)
{
    struct shim *s = g->shim;
    if (s->guest_logged > GUESTLOG_MAX)
        return;
    char when[32], out[LINE_MAX_BYTES + LIMIT_NAME + 64];
    clock_iso(clock_wall_ns(), when);
    int n = snprintf(out, sizeof out, "%s kernel/%.*s %.*s\n", when, LIMIT_NAME, g->name, (int)len,
                     text);
    size_t total = n > 0 && (size_t)n < sizeof out ? (size_t)n : 0;
    s->guest_logged += total;
    /* The log is a help, not a record: a full disk must not end the sandbox. */
    if (fs_write_all(STDERR_FILENO, out, total) < 0)
        return;
    if (s->guest_logged > GUESTLOG_MAX)
        log_warn("sandbox=%s the guest has printed %u MiB here; the rest is left out",
                 s->order.sandbox, GUESTLOG_MAX >> 20);
}

static void keep_tail(struct guestlog *g, const char *text, size_t len)
{
    if (g->tail.len + len + 1 > LIMIT_LOG_TAIL) {
        size_t cut = g->tail.len + len + 1 - LIMIT_LOG_TAIL;
        buf_consume(&g->tail, cut < g->tail.len ? cut : g->tail.len);
    }
    if (buf_append(&g->tail, text, len) < 0 || buf_append(&g->tail, "\n", 1) < 0)
        buf_clear(&g->tail);
}

static void flush(struct guestlog *g)
{
    char *text = g->line.data;
    size_t len = g->line.len;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = ' ';
    if (len) {
        write_line(g, text, len);
        keep_tail(g, text, len);
    }
    buf_clear(&g->line);
}

static void on_data(struct source *src, const char *data, size_t len, void *ctx)
{
    struct guestlog *g = ctx;
    while (len) {
        const char *nl = memchr(data, '\n', len);
        size_t part = nl ? (size_t)(nl - data) : len, room = LINE_MAX_BYTES - g->line.len;
        size_t take = part < room ? part : room;
        if (buf_append(&g->line, data, take) < 0)
            buf_clear(&g->line);
        if (nl && take == part)
            take++; /* the newline goes too */
        if (nl || g->line.len == LINE_MAX_BYTES)
            flush(g);
        data += take;
        len -= take;
    }
}

static void on_end(struct source *src, void *ctx)
{
    struct guestlog *g = ctx;
    flush(g);
    source_close(src);
    g->source = NULL;
}

int guestlog_open(struct shim *s, const char *name, struct guestlog **ret, int *ret_fd,
                  struct err *err)
{
    static const struct source_ops ops = {.data = on_data, .end = on_end};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, errno, "cannot make a pipe");
    struct guestlog *g = xnew(struct guestlog);
    *g = (struct guestlog){.shim = s,
                           .name = xstrdup(name),
                           .line = BUF_INIT(LINE_MAX_BYTES),
                           .tail = BUF_INIT(LIMIT_LOG_TAIL)};
    int r = source_open(&s->loop, ends[0], &ops, g, &g->source, err);
    if (r < 0) {
        close(ends[1]);
        guestlog_close(g);
        return r;
    }
    *ret = g;
    *ret_fd = ends[1];
    return 0;
}

void guestlog_finish(struct guestlog *g)
{
    if (g)
        source_finish(g->source);
}

const char *guestlog_tail(const struct guestlog *g)
{
    return g && g->tail.data ? g->tail.data : "";
}

void guestlog_close(struct guestlog *g)
{
    if (!g)
        return;
    source_close(g->source);
    free(g->name);
    buf_done(&g->line);
    buf_done(&g->tail);
    free(g);
}
