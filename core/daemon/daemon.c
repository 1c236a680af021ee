/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/box.h"
#include "daemon/build.h"
#include "daemon/registry.h"
#include "proto/methods.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>

/* ---- the requests of our own ---- */

static void hello_request(struct daemon *d, struct client *c, struct call *take_call)
{
    int port = daemon_http_port(d);
    _cleanup_free_ char *http = xasprintf("http://127.0.0.1:%d", port);
    json_t *r = json_object();
    json_object_set_new(r, "version", json_string(SEER_VERSION));
    json_object_set_new(r, "pid", json_integer(getpid()));
    json_object_set_new(r, "home", json_lossy(d->paths.home, strlen(d->paths.home)));
    json_object_set_new(r, "http", port ? json_string(http) : json_string(""));
    json_object_set_new(r, "http_port", json_integer(port));
    json_object_set_new(r, "token", json_string(d->token));
    call_reply(take_call, r);
}

static void shutdown_request(struct daemon *d, struct client *c, struct call *take_call)
{
    call_reply(take_call, json_object());
    log_info("event=shutdown");
    daemon_end(d);
}

static const struct {
    const char *method;
    daemon_handler *handler;
} handlers[] = {
    {"hello", hello_request},           {"doctor", doctor_request},
    {"shutdown", shutdown_request},     {"sandbox.start", start_request},
    {"sandbox.list", list_request},     {"sandbox.stop", stop_request},
    {"session.create", create_request}, {"session.find", find_request},
    {"gateway.check", check_request},
};

static void on_request(struct peer *p, struct call *take_call, void *ctx)
{
    struct client *c = ctx;
    for (size_t i = 0; i < ARRAY_SIZE(handlers); i++)
        if (strcmp(handlers[i].method, call_method(take_call)) == 0) {
            handlers[i].handler(c->daemon, c, take_call);
            return;
        }
    forward_request(c->daemon, c, take_call);
}

/* ---- connections ---- */

static void client_closed(struct peer *p, const struct err *why, void *ctx)
{
    struct client *c = ctx;
    if (err_is_set(why))
        log_info("event=client_lost why=\"%s\"", why->msg);
    forward_client_closed(c);
    LIST_REMOVE(c, entry);
    free(c);
}

static void client_drained(struct peer *p, void *ctx)
{
    forward_drained(ctx);
    gone_drained(ctx);
}

static const struct peer_ops client_ops = {.request = on_request,
                                           .closed = client_closed,
                                           .drained = client_drained,
                                           .side = METHOD_DAEMON};

struct client *client_new(struct daemon *d)
{
    struct client *c = xnew(struct client);
    c->daemon = d;
    c->peer = peer_new(d->loop, &client_ops, c);
    LIST_INIT(&c->links);
    LIST_INSERT_HEAD(&d->clients, c, entry);
    return c;
}

static void on_connection(uv_stream_t *server, int status)
{
    struct daemon *d = server->data;
    struct err err = ERR_INIT;
    if (status < 0 || d->ending)
        return;
    struct client *c = client_new(d);
    int r = peer_accept(c->peer, (uv_pipe_t *)server, &err);
    if (r == 0 && peer_uid(c->peer) != (int64_t)getuid())
        r = err_set(&err, ERR_USER, "forbidden", "another user asked");
    if (r < 0) {
        log_warn("event=refused why=\"%s\"", err.msg);
        peer_close(c->peer);
    }
}

/* ---- life ---- */

static void on_signal(uv_signal_t *s, int signum)
{
    log_info("event=signal number=%d", signum);
    daemon_end(s->data);
}

static int take_lock(struct daemon *d, struct err *err)
{
    _cleanup_free_ char *path = fs_join(d->paths.home, "daemon.lock");
    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0)
        return err_sys(err, errno, "cannot open %s", path);
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return err_sys(err, errno, "cannot lock %s", path);
    err_set(err, ERR_BUSY, "already_running", "another seerd runs for %s", d->paths.home);
    return -EBUSY;
}

/* The token of the front door is kept, so that a page that was open goes on after a restart. */
static int read_token(struct daemon *d, struct err *err)
{
    _cleanup_free_ char *path = fs_join(d->paths.home, "token"), *text = NULL;
    size_t len = 0;
    if (fs_read_file(AT_FDCWD, path, 64, &text, &len) == 0 && len >= ID_LONG_LEN) {
        text[ID_LONG_LEN] = '\0';
        if (id_valid(text, ID_LONG_LEN)) {
            memcpy(d->token, text, sizeof d->token);
            return 0;
        }
    }
    id_long(d->token);
    int r = fs_write_atomic(AT_FDCWD, path, d->token, ID_LONG_LEN, 0600);
    return r < 0 ? err_sys(err, -r, "cannot write %s", path) : 0;
}

static int make_folders(struct daemon *d, struct err *err)
{
    static const char *const names[] = {"sandboxes", "sessions", "logs"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        _cleanup_free_ char *path = fs_join(d->paths.home, names[i]);
        int r = fs_mkdir_p(AT_FDCWD, path, 0700);
        if (r < 0)
            return err_sys(err, -r, "cannot make %s", path);
    }
    return 0;
}

static int watch_signals(struct daemon *d, struct err *err)
{
    uv_signal_init(d->loop, &d->sigterm);
    uv_signal_init(d->loop, &d->sigint);
    d->sigterm.data = d->sigint.data = d;
    int r = uv_signal_start(&d->sigterm, on_signal, SIGTERM);
    if (r == 0)
        r = uv_signal_start(&d->sigint, on_signal, SIGINT);
    return r < 0 ? err_sys(err, -r, "cannot watch for signals") : 0;
}

int daemon_start(struct daemon *d, uv_loop_t *loop, struct err *err)
{
    *d = (struct daemon){.loop = loop, .lock_fd = -EBADF, .started_ns = clock_wall_ns()};
    int r = paths_init(&d->paths, err);
    if (r == 0)
        r = take_lock(d, err);
    if (r == 0)
        r = make_folders(d, err);
    if (r == 0)
        r = read_token(d, err);
    if (r < 0)
        return r;
    _cleanup_free_ char *db = fs_join(d->paths.home, "registry.db");
    _cleanup_free_ char *sock = fs_join(d->paths.run, "d.sock");
    r = registry_open(db, &d->registry, err);
    if (r < 0)
        return r;
    d->engine = engine_local_new(loop, d->paths.home, d->paths.run);
    r = watch_signals(d, err);
    build_clean(d);
    if (r == 0)
        r = scan(d, err);
    if (r == 0)
        r = front_start(d, err);
    if (r == 0)
        r = peer_listen(loop, &d->server, sock, on_connection, err);
    if (r < 0)
        return r;
    d->listening = true;
    d->server.data = d;
    return 0;
}

static void close_handle(uv_handle_t *h)
{
    if (h->loop && !uv_is_closing(h))
        uv_close(h, NULL);
}

void daemon_end(struct daemon *d)
{
    if (d->ending)
        return;
    d->ending = true;
    if (d->listening)
        close_handle((uv_handle_t *)&d->server);
    close_handle((uv_handle_t *)&d->sigterm);
    close_handle((uv_handle_t *)&d->sigint);
    front_end(d);
    struct client *c;
    LIST_FOREACH (c, &d->clients, entry)
        peer_close(c->peer);
    struct box *b;
    LIST_FOREACH (b, &d->boxes, entry)
        box_close(b);
    engine_close(d->engine);
    build_abandon(d);
}

void daemon_done(struct daemon *d)
{
    struct err err;
    err_set(&err, ERR_BUSY, "connection_lost", "seerd ended");
    while (!LIST_EMPTY(&d->builds)) /* their sandboxes are ended by the next seerd (scan.c) */
        build_free(LIST_FIRST(&d->builds));
    while (!LIST_EMPTY(&d->starts))
        start_fail(LIST_FIRST(&d->starts), &err);
    while (!LIST_EMPTY(&d->boxes))
        box_free(LIST_FIRST(&d->boxes));
    front_done(d);
    engine_free(d->engine);
    registry_close(d->registry);
    python_free(d->python);
    free(d->python_key);
    paths_done(&d->paths);
    cleanup_close(&d->lock_fd);
}
