/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/logs.h"

#include "base/buf.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct logs {
    LIST_ENTRY(logs) entry;
    uv_fs_event_t watch;
    struct shim *shim; /* borrowed */
    struct call *call; /* owned; NULL once answered */
    int fd;            /* owned */
    bool follow, paused, skip_first;
    struct buf line;
};

static void on_closed(uv_handle_t *h)
{
    struct logs *l = h->data;
    close(l->fd);
    buf_done(&l->line);
    free(l);
}

static void finish(struct logs *l)
{
    if (!l->call)
        return;
    call_on_gone(l->call, NULL, NULL);
    call_reply(l->call, json_object());
    l->call = NULL;
    LIST_REMOVE(l, entry);
    uv_close((uv_handle_t *)&l->watch, on_closed);
}

/* "2026-11-24T17:00:00.123456Z" as nanoseconds since 1970; 0 when it is something else. */
static json_int_t parse_time(const char *text, const char **ret_rest)
{
    struct tm tm = {0};
    const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!at || *at != '.')
        return 0;
    char *end;
    long micros = strtol(at + 1, &end, 10);
    if (end != at + 7 || *end != 'Z' || end[1] != ' ')
        return 0;
    *ret_rest = end + 2;
    return (json_int_t)timegm(&tm) * 1000000000 + micros * 1000;
}

static json_t *line_event(const char *line)
{
    static const char *const own[] = {"error ", "warn ", "info ", "debug "};
    const char *rest = line, *source = "shim";
    size_t source_len = strlen(source);
    json_int_t time_ns = parse_time(line, &rest);
    bool ours = time_ns == 0;
    for (size_t i = 0; i < ARRAY_SIZE(own); i++)
        ours = ours || strncmp(rest, own[i], strlen(own[i])) == 0;
    const char *space = strchr(rest, ' ');
    if (!ours && space) {
        source = rest;
        source_len = (size_t)(space - rest);
        rest = space + 1;
    }
    json_t *event = json_object();
    json_object_set_new(event, "time_ns", json_integer(time_ns));
    json_object_set_new(event, "source", json_lossy(source, source_len));
    json_object_set_new(event, "text", json_lossy(rest, strlen(rest)));
    return event;
}

static void send_line(struct logs *l)
{
    bool skip = l->skip_first; /* the read began in the middle of a line */
    l->skip_first = false;
    if (!skip && l->line.len &&
        call_event(l->call, "line", line_event(l->line.data)) > PEER_HIGH_WATER)
        l->paused = true;
    buf_clear(&l->line);
}

static void take(struct logs *l, const char *data, size_t len)
{
    while (len) {
        const char *nl = memchr(data, '\n', len);
        size_t part = nl ? (size_t)(nl - data) : len;
        if (buf_append(&l->line, data, part) < 0)
            buf_clear(&l->line); /* no line of ours is that long */
        if (nl)
            send_line(l);
        part += nl != NULL;
        data += part;
        len -= part;
    }
}

/* Reads to the end of the file, or until the reader has enough. */
static void read_on(struct logs *l)
{
    char chunk[64 << 10];
    while (l->call && !l->paused) {
        ssize_t n = read(l->fd, chunk, sizeof chunk);
        if (n <= 0)
            break;
        take(l, chunk, (size_t)n);
    }
    if (!l->follow && !l->paused)
        finish(l);
}

static void on_change(uv_fs_event_t *h, const char *name, int events, int status)
{
    read_on(h->data);
}

static void on_gone(struct call *c, void *ctx)
{
    finish(ctx);
}

static int open_tail(struct logs *l, struct err *err)
{
    const char *path = l->shim->order.log;
    l->fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (l->fd < 0 || fstat(l->fd, &st) < 0)
        return err_sys(err, errno, "cannot read the log %s", path);
    if (st.st_size > LOGS_TAIL) {
        l->skip_first = true;
        if (lseek(l->fd, st.st_size - LOGS_TAIL, SEEK_SET) < 0)
            return err_sys(err, errno, "cannot read the log %s", path);
    }
    int r = l->follow ? uv_fs_event_start(&l->watch, on_change, path, 0) : 0;
    return r < 0 ? err_sys(err, -r, "cannot watch the log %s", path) : 0;
}

void logs_request(struct shim *s, struct call *take_call)
{
    struct logs *l = xnew(struct logs);
    *l = (struct logs){.shim = s, .call = take_call, .line = BUF_INIT(64 << 10)};
    l->follow = json_flag(call_params(take_call), "follow", false);
    uv_fs_event_init(&s->loop, &l->watch);
    l->watch.data = l;
    LIST_INSERT_HEAD(&s->logs, l, entry);
    struct err err = ERR_INIT;
    if (open_tail(l, &err) < 0) {
        call_fail(l->call, &err);
        l->call = NULL;
        LIST_REMOVE(l, entry);
        uv_close((uv_handle_t *)&l->watch, on_closed);
        return;
    }
    call_on_gone(l->call, on_gone, l);
    read_on(l);
}

void logs_drained(struct shim *s, const struct peer *p)
{
    struct logs *l, *next;
    for (l = LIST_FIRST(&s->logs); l; l = next) {
        next = LIST_NEXT(l, entry);
        if (!l->paused || call_peer(l->call) != p)
            continue;
        l->paused = false;
        read_on(l);
    }
}

void logs_end(struct shim *s)
{
    struct logs *l, *next;
    for (l = LIST_FIRST(&s->logs); l; l = next) {
        next = LIST_NEXT(l, entry);
        l->follow = false;
        l->paused = false;
        read_on(l);
        finish(l);
    }
}
