/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/boot.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "shim/guestlog.h"
#include "shim/source.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

struct boot {
    struct session *session; /* borrowed */
    struct source *source;   /* owned */
    struct buf line;
    int busy; /* calls on the stack that use it: it is freed by the outermost */
    bool done, closed;
};

/* The configuration line on its way; a process of its own pace at the other end. */
struct config {
    uv_pipe_t pipe;
    uv_write_t req;
    char *text; /* owned */
};

static void on_config_closed(uv_handle_t *h)
{
    struct config *c = h->data;
    free(c->text);
    free(c);
}

static void on_config_written(uv_write_t *req, int status)
{
    uv_close((uv_handle_t *)req->handle, on_config_closed);
}

static int send_config(struct session *se, int take_fd, json_t *take_config, struct err *err)
{
    struct config *c = xnew(struct config);
    size_t len;
    c->text = json_text(take_config, &len);
    json_decref(take_config);
    c->text[len] = '\n'; /* in place of its NUL */
    uv_pipe_init(&se->shim->loop, &c->pipe, 0);
    c->pipe.data = c;
    int r = uv_pipe_open(&c->pipe, take_fd);
    if (r < 0)
        close(take_fd);
    uv_buf_t buf = uv_buf_init(c->text, (unsigned)len + 1);
    if (r == 0)
        r = uv_write(&c->req, (uv_stream_t *)&c->pipe, &buf, 1, on_config_written);
    if (r == 0)
        return 0;
    uv_close((uv_handle_t *)&c->pipe, on_config_closed);
    return err_sys(err, -r, "cannot tell the kernel what to load");
}

static json_t *config_of(const struct session *se, const json_t *params)
{
    static const char *const ports[] = {"shell_port", "iopub_port", "stdin_port", "control_port",
                                        "hb_port"};
    json_t *connection = json_object(), *config = json_object();
    _cleanup_free_ char *ip = xasprintf("/run/seer/%s", se->prefix);
    json_object_set_new(connection, "transport", json_string("ipc"));
    json_object_set_new(connection, "ip", json_string(ip));
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
        json_object_set_new(connection, ports[i], json_integer((json_int_t)i + 1));
    json_object_set_new(connection, "key", json_string(se->key));
    json_object_set_new(connection, "signature_scheme", json_string("hmac-sha256"));
    json_object_set_new(connection, "kernel_name", json_string("python3"));
    json_object_set_new(config, "session", json_string(se->id));
    json_object_set_new(config, "connection", connection);
    json_t *models = json_object_get(params, "models");
    json_t *libraries = json_object_get(params, "libraries");
    json_object_set_new(config, "models", models ? json_incref(models) : json_array());
    json_object_set_new(config, "libraries", libraries ? json_incref(libraries) : json_array());
    json_object_set_new(config, "workdir", json_string(json_str(params, "workdir", "/workspace")));
    return config;
}

/* ---- what the guest says ---- */

static void fail(struct boot *b, const struct err *err)
{
    if (b->done)
        return;
    b->done = true;
    session_boot_failed(b->session, err);
}

static void broke(struct boot *b, const char *what)
{
    struct err err;
    err_set(&err, ERR_GUEST, "boot_failed", "the boot script in the sandbox broke its protocol: %s",
            what);
    fail(b, &err);
}

static void on_progress(struct boot *b, const json_t *line)
{
    struct session *se = b->session;
    json_t *event = json_object(), *fraction = json_object_get(line, "fraction");
    json_object_set_new(event, "stage", json_string(json_str(line, "stage", "models")));
    json_object_set_new(event, "state", json_string("line"));
    json_object_set_new(event, "text", json_string(json_str(line, "text", "")));
    if (json_is_number(fraction))
        json_object_set(event, "fraction", fraction);
    if (se->opening && call_event(se->opening, "progress", event) > PEER_HIGH_WATER)
        source_pause(b->source);
    else if (!se->opening)
        json_decref(event);
}

static bool are_facts(const json_t *models)
{
    size_t i;
    json_t *fact;
    json_array_foreach ((json_t *)models, i, fact)
        if (!json_is_object(fact) || !json_str(fact, "var", NULL) || !json_str(fact, "name", NULL))
            return false;
    return json_is_array(models);
}

static void on_failed(struct boot *b, const json_t *line)
{
    struct err err;
    err_set(&err, ERR_GUEST, json_str(line, "code", "boot_failed"), "%s",
            json_str(line, "message", "the kernel could not be prepared"));
    const char *hint = json_str(line, "hint", "");
    if (hint[0])
        err_hint(&err, "%s", hint);
    fail(b, &err);
}

static void on_line(struct boot *b, const char *text, size_t len)
{
    struct err err = ERR_INIT;
    _cleanup_json_ json_t *line = json_parse_object(text, len, &err);
    if (!line) {
        broke(b, err.msg);
        return;
    }
    const char *event = json_str(line, "event", "");
    json_t *models = json_object_get(line, "models");
    if (strcmp(event, "progress") == 0)
        on_progress(b, line);
    else if (strcmp(event, "models") == 0 && are_facts(models))
        session_boot_models(b->session, models, json_str(line, "text", ""));
    else if (strcmp(event, "failed") == 0)
        on_failed(b, line);
    else if (strcmp(event, "ready") == 0) {
        b->done = true;
        session_boot_ready(b->session);
    } else
        broke(b, "a line of no known kind");
}

static void enter(struct boot *b)
{
    b->busy++;
}

static void leave(struct boot *b)
{
    if (--b->busy == 0 && b->closed) {
        buf_done(&b->line);
        free(b);
    }
}

static void on_data(struct source *src, const char *data, size_t len, void *ctx)
{
    struct boot *b = ctx;
    enter(b);
    if (!b->done && buf_append(&b->line, data, len) < 0)
        broke(b, "a line above the limit");
    const char *nl;
    while (!b->done && b->line.len && (nl = memchr(b->line.data, '\n', b->line.len))) {
        size_t n = (size_t)(nl - b->line.data);
        on_line(b, b->line.data, n);
        buf_consume(&b->line, n + 1);
    }
    leave(b);
}

/* It closes its end only after "ready" or "failed"; before, its death follows. */
static void on_end(struct source *src, void *ctx)
{
}

/* ---- its life ---- */

static int spawn(struct session *se, int channel, const struct job_ops *ops, struct err *err)
{
    struct shim *s = se->shim;
    _cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0)
        return err_sys(err, errno, "cannot open /dev/null");
    _cleanup_close_ int log = -EBADF;
    int fd;
    int r = guestlog_open(s, se->name, &se->log, &fd, err);
    if (r < 0)
        return r;
    log = fd;
    char *argv[] = {(char *)s->order.python, (char *)"/opt/seer/guest/boot.py", (char *)"3", NULL};
    /* By id, not by pointer: the process may outlive a session whose start was cancelled. */
    _cleanup_free_ char *ctx = xstrdup(se->id);
    r = jobs_spawn(s, argv, s->order.plan.env, "/workspace", (int[]){null, log, log, channel}, 4,
                   ops, ctx, &se->job, err);
    if (r == 0)
        TAKE_PTR(ctx);
    return r;
}

int boot_start(struct session *se, const json_t *params, const struct job_ops *ops, struct err *err)
{
    static const struct source_ops source_ops = {.data = on_data, .end = on_end};
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return err_sys(err, errno, "cannot make a socket");
    _cleanup_close_ int ours = ends[0], theirs = ends[1];
    int writer = fcntl(ours, F_DUPFD_CLOEXEC, 4);
    if (writer < 0)
        return err_sys(err, errno, "cannot copy a descriptor");
    int r = send_config(se, writer, config_of(se, params), err);
    if (r < 0)
        return r;
    struct boot *b = xnew(struct boot);
    *b = (struct boot){.session = se, .line = BUF_INIT(LIMIT_GUEST_LINE)};
    se->boot = b;
    r = source_open(&se->shim->loop, TAKE_FD(ours), &source_ops, b, &b->source, err);
    if (r < 0)
        return r;
    return spawn(se, theirs, ops, err);
}

static void fail_dead(struct boot *b, const char *how)
{
    enum { SHOWN = 1000 };
    const char *tail = guestlog_tail(b->session->log);
    size_t len = strlen(tail);
    struct err err;
    err_set(&err, ERR_GUEST, "kernel_died", "the kernel ended before it was ready: %s%s%s", how,
            len ? "; its last words:\n" : "", len > SHOWN ? tail + len - SHOWN : tail);
    err_hint(&err, "`seer logs %s` has the whole log.", b->session->shim->order.sandbox);
    fail(b, &err);
}

void boot_job_ended(struct boot *b, const char *how)
{
    enter(b);
    source_resume(b->source);
    source_finish(b->source);
    if (!b->done)
        fail_dead(b, how);
    leave(b);
}

void boot_drained(struct shim *s, const struct peer *p)
{
    struct session *se;
    LIST_FOREACH (se, &s->sessions, entry)
        if (se->boot && se->opening && call_peer(se->opening) == p)
            source_resume(se->boot->source);
}

void boot_close(struct boot *b)
{
    if (!b)
        return;
    b->closed = true;
    b->done = true;
    source_close(b->source);
    enter(b);
    leave(b);
}
