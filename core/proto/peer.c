/* SPDX-License-Identifier: Apache-2.0
 *
 * peer: see peer.h. Two handles: the pipe, and an idle handle `later` for what must not happen
 * inside the caller's stack (failing a call that could not be sent, going on with frames that were
 * buffered while reading was paused).
 */
#include "proto/peer_impl.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "proto/frame.h"

#include <endian.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum { READ_SIZE = 64 << 10, KEEP_SIZE = 1 << 20 };

struct sent { /* an outgoing request */
    struct sent *next;
    json_int_t id;
    struct peer_reply reply;
    void *ctx;
    bool unsendable; /* waits for `later` to be failed */
};

struct peer {
    uv_pipe_t pipe;
    uv_idle_t later;
    const struct peer_ops *ops; /* borrowed */
    void *ctx;
    struct buf in;
    struct call *incoming; /* borrowed: their handlers own them */
    struct sent *sent;     /* owned */
    json_int_t next_id;
    int handles; /* open ones */
    bool connected, closing, paused;
    bool full; /* was above PEER_HIGH_WATER; drained is owed */
    struct err why;
};

struct out { /* one frame on its way */
    uv_write_t req;
    uint32_t head;
    char *text; /* owned */
};

struct call **peer_incoming(struct peer *p)
{
    return &p->incoming;
}

bool peer_open(const struct peer *p)
{
    return p->connected && !p->closing;
}

struct peer *peer_new(uv_loop_t *loop, const struct peer_ops *ops, void *ctx)
{
    struct sigaction now;
    /* libuv writes with write(2): a peer that left must be an error, not a signal. */
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
    struct peer *p = xnew(struct peer);
    p->ops = ops;
    p->ctx = ctx;
    p->in = BUF_INIT(LIMIT_FRAME + sizeof(uint32_t) + READ_SIZE);
    uv_pipe_init(loop, &p->pipe, 0);
    uv_idle_init(loop, &p->later);
    p->pipe.data = p->later.data = p;
    p->handles = 2;
    return p;
}

static void finish(struct sent *s, const json_t *result, const struct err *err)
{
    if (s->reply.done)
        s->reply.done(result, err, s->ctx);
    free(s);
}

static struct sent *sent_take(struct peer *p, json_int_t id)
{
    for (struct sent **at = &p->sent; *at; at = &(*at)->next)
        if ((*at)->id == id) {
            struct sent *s = *at;
            *at = s->next;
            return s;
        }
    return NULL;
}

static struct sent *sent_find(const struct peer *p, json_int_t id)
{
    struct sent *s = p->sent;
    while (s && s->id != id)
        s = s->next;
    return s;
}

static void on_closed(uv_handle_t *h)
{
    struct peer *p = h->data;
    if (--p->handles)
        return;
    struct err lost;
    err_set(&lost, ERR_BUSY, "connection_lost", "the connection was lost%s%s",
            err_is_set(&p->why) ? ": " : "", p->why.msg);
    while (p->sent)
        finish(sent_take(p, p->sent->id), NULL, &lost);
    while (p->incoming) {
        struct call *c = p->incoming;
        p->incoming = c->next;
        c->peer = NULL;
        call_gone(c);
    }
    if (p->ops->closed)
        p->ops->closed(p, &p->why, p->ctx);
    buf_done(&p->in);
    free(p);
}

void peer_fail(struct peer *p, const struct err *why)
{
    if (p->closing)
        return;
    if (why)
        p->why = *why;
    peer_close(p);
}

void peer_close(struct peer *p)
{
    if (!p || p->closing)
        return;
    p->closing = true;
    uv_close((uv_handle_t *)&p->pipe, on_closed);
    uv_close((uv_handle_t *)&p->later, on_closed);
}

void peer_discard(struct peer *p)
{
    static const struct peer_ops silent = {0};
    if (p)
        p->ops = &silent;
    peer_close(p);
}

static void fail_sys(struct peer *p, int status, const char *what)
{
    struct err err;
    err_sys(&err, -status, "%s", what);
    peer_fail(p, &err);
}

/* ---- writing ---- */

static void on_written(uv_write_t *req, int status)
{
    struct out *o = (struct out *)req;
    struct peer *p = req->handle->data;
    free(o->text);
    free(o);
    if (status < 0 && status != UV_ECANCELED)
        fail_sys(p, status, "cannot write to the other side");
    if (p->full && !p->closing && peer_backlog(p) < PEER_LOW_WATER) {
        p->full = false;
        if (p->ops->drained)
            p->ops->drained(p, p->ctx);
    }
}

int peer_send(struct peer *p, json_t *take_message)
{
    _cleanup_json_ json_t *message = take_message;
    if (!peer_open(p))
        return -EPIPE;
    size_t len;
    _cleanup_free_ char *text = json_text(message, &len);
    if (len > LIMIT_FRAME)
        return -EMSGSIZE;
    struct out *o = xnew(struct out);
    o->head = htole32((uint32_t)len);
    o->text = TAKE_PTR(text);
    uv_buf_t bufs[2] = {uv_buf_init((char *)&o->head, sizeof o->head),
                        uv_buf_init(o->text, (unsigned)len)};
    int r = uv_write(&o->req, (uv_stream_t *)&p->pipe, bufs, 2, on_written);
    if (r < 0) {
        free(o->text);
        free(o);
        fail_sys(p, r, "cannot write to the other side");
        return -EPIPE;
    }
    if (peer_backlog(p) > PEER_HIGH_WATER)
        p->full = true;
    if (peer_backlog(p) > LIMIT_PEER_BACKLOG) {
        struct err err;
        err_set(&err, ERR_BUSY, "slow_reader", "the other side reads too slowly: %zu bytes wait",
                peer_backlog(p));
        peer_fail(p, &err);
        return -EPIPE;
    }
    return 0;
}

size_t peer_backlog(const struct peer *p)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&p->pipe);
}

/* ---- what comes in ---- */

static void bad_frame(struct peer *p, const char *what)
{
    struct err err;
    err_set(&err, ERR_USER, "bad_frame", "the other side broke the protocol: %s", what);
    peer_fail(p, &err);
}

static void refuse(struct peer *p, json_int_t id, const struct err *err)
{
    json_t *msg = json_object();
    json_object_set_new(msg, "id", json_integer(id));
    json_object_set_new(msg, "error", json_from_err(err));
    if (peer_send(p, msg) == -EMSGSIZE)
        bad_frame(p, "an error larger than a frame");
}

static int check_request(struct peer *p, const char *name, const json_t *params,
                         const struct method **ret, struct err *err)
{
    const struct method *m = method_find(name);
    if (!m || !p->ops->request || !(m->side & p->ops->side)) {
        err_set(err, ERR_USER, "unknown_method", "there is no method %.64s here", name);
        err_hint(err, "the two sides may be of different versions of seer");
        return -EINVAL;
    }
    unsigned count = 0;
    for (const struct call *c = p->incoming; c; c = c->next)
        count++;
    if (count >= LIMIT_CALLS_PER_PEER)
        return err_set(err, ERR_BUSY, "too_many_calls", "%d requests are in flight already",
                       LIMIT_CALLS_PER_PEER);
    if (!json_is_object(params))
        return err_set(err, ERR_USER, "bad_parameter", "%s: params must be an object", m->name);
    *ret = m;
    return method_check(m, params, err);
}

static void on_request(struct peer *p, json_int_t id, const char *name, json_t *msg)
{
    for (const struct call *c = p->incoming; c; c = c->next)
        if (c->id == id) {
            bad_frame(p, "a request's id is in use");
            return;
        }
    json_t *given = json_object_get(msg, "params");
    _cleanup_json_ json_t *params = given ? json_incref(given) : json_object();
    const struct method *m = NULL;
    struct err err = ERR_INIT;
    if (check_request(p, name, params, &m, &err) < 0)
        refuse(p, id, &err);
    else
        p->ops->request(p, call_new(p, id, m, TAKE_PTR(params)), p->ctx);
}

static void on_cancel(struct peer *p, json_int_t id)
{
    for (struct call *c = p->incoming; c; c = c->next)
        if (c->id == id) {
            call_gone(c);
            return;
        }
}

static void on_answer(struct peer *p, json_int_t id, const json_t *result, const json_t *error)
{
    struct sent *s = sent_take(p, id);
    if (!s)
        return;
    struct err err;
    if (!result)
        json_to_err(error, &err);
    finish(s, result, result ? NULL : &err);
}

static void dispatch(struct peer *p, const char *payload, size_t len)
{
    struct err err;
    _cleanup_json_ json_t *msg = json_parse_object(payload, len, &err);
    if (!msg) {
        bad_frame(p, err.msg);
        return;
    }
    json_int_t id = json_int(msg, "id", 0);
    const char *method = json_str(msg, "method", NULL), *event = json_str(msg, "event", NULL);
    const json_t *result = json_object_get(msg, "result"), *error = json_object_get(msg, "error");
    if (id <= 0)
        bad_frame(p, "a frame without an id");
    else if (method)
        on_request(p, id, method, msg);
    else if (event) {
        struct sent *s = sent_find(p, id);
        if (s && s->reply.event)
            s->reply.event(event, json_object_get(msg, "data"), s->ctx);
    } else if (result || json_is_object(error))
        on_answer(p, id, result, error);
    else if (json_is_true(json_object_get(msg, "cancel")))
        on_cancel(p, id);
    else
        bad_frame(p, "a frame that is neither request, event, answer nor cancel");
}

/* Works off the whole frames in the buffer. A handler may close or pause the peer at any of them.
 */
static void drain(struct peer *p)
{
    size_t at = 0;
    while (!p->closing && !p->paused) {
        const char *payload;
        size_t len, total;
        int r = frame_next(p->in.data + at, p->in.len - at, LIMIT_FRAME, &payload, &len, &total);
        if (r == 0)
            break;
        if (r < 0) {
            bad_frame(p, r == -EMSGSIZE ? "a frame above the limit" : "an empty frame");
            break;
        }
        at += total;
        dispatch(p, payload, len);
    }
    buf_consume(&p->in, at);
    if (p->in.len == 0 && p->in.cap > KEEP_SIZE)
        buf_done(&p->in);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
    struct peer *p = h->data;
    bool room = buf_reserve(&p->in, READ_SIZE) == 0;
    *ret = room ? uv_buf_init(p->in.data + p->in.len, READ_SIZE) : uv_buf_init(NULL, 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct peer *p = stream->data;
    if (n > 0) {
        p->in.len += (size_t)n;
        p->in.data[p->in.len] = '\0';
        drain(p);
    } else if (n == UV_EOF && p->in.len)
        fail_sys(p, UV_ECONNRESET, "the other side left in the middle of a frame");
    else if (n == UV_EOF)
        peer_close(p);
    else if (n < 0)
        fail_sys(p, (int)n, "cannot read from the other side");
}

static void on_later(uv_idle_t *h)
{
    struct peer *p = h->data;
    uv_idle_stop(h);
    struct err err;
    err_set(&err, ERR_USER, "too_large", "the request is larger than one frame may be");
    for (struct sent *s = p->sent, *next; s; s = next) {
        next = s->next;
        if (s->unsendable) {
            finish(sent_take(p, s->id), NULL, &err);
            next = p->sent; /* done may have changed the list */
        }
    }
    if (!p->closing && !p->paused && p->in.len)
        drain(p);
}

/* ---- opening ---- */

static int started(struct peer *p, struct err *err)
{
    p->connected = true;
    int r = p->paused ? 0 : uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read);
    return r < 0 ? err_sys(err, -r, "cannot read from the socket") : 0;
}

int peer_open_fd(struct peer *p, int take_fd, struct err *err)
{
    int r = uv_pipe_open(&p->pipe, take_fd);
    if (r < 0) {
        close(take_fd);
        return err_sys(err, -r, "cannot use the socket");
    }
    return started(p, err);
}

int peer_accept(struct peer *p, uv_pipe_t *server, struct err *err)
{
    int r = uv_accept((uv_stream_t *)server, (uv_stream_t *)&p->pipe);
    return r < 0 ? err_sys(err, -r, "cannot accept a connection") : started(p, err);
}

int peer_connect(struct peer *p, const char *path, struct err *err)
{
    int fd = peer_connect_fd(path, err);
    return fd < 0 ? fd : peer_open_fd(p, fd, err);
}

/* ---- the rest ---- */

uint64_t peer_call(struct peer *p, const char *method, json_t *take_params,
                   const struct peer_reply *reply, void *ctx)
{
    struct sent *s = xnew(struct sent);
    *s = (struct sent){.id = ++p->next_id, .ctx = ctx, .next = p->sent};
    if (reply)
        s->reply = *reply;
    p->sent = s;
    json_t *msg = json_object();
    json_object_set_new(msg, "id", json_integer(s->id));
    json_object_set_new(msg, "method", json_string(method));
    json_object_set_new(msg, "params", take_params ? take_params : json_object());
    json_int_t id = s->id;
    int r = peer_send(p, msg);
    if (r == -EMSGSIZE) {
        s->unsendable = true;
        uv_idle_start(&p->later, on_later);
    } else if (r < 0)
        peer_close(p); /* its close callback fails the call */
    return (uint64_t)id;
}

void peer_cancel(struct peer *p, uint64_t id)
{
    if (!sent_find(p, (json_int_t)id))
        return;
    json_t *msg = json_object();
    json_object_set_new(msg, "id", json_integer((json_int_t)id));
    json_object_set_new(msg, "cancel", json_true());
    if (peer_send(p, msg) < 0)
        peer_close(p);
}

void *peer_ctx(const struct peer *p)
{
    return p->ctx;
}

static int peer_cred(const struct peer *p, uv_os_fd_t *ret_fd, struct ucred *ret)
{
    socklen_t len = sizeof *ret;
    int r = uv_fileno((const uv_handle_t *)&p->pipe, ret_fd);
    if (r < 0)
        return r;
    return getsockopt(*ret_fd, SOL_SOCKET, SO_PEERCRED, ret, &len) < 0 ? -errno : 0;
}

int64_t peer_uid(const struct peer *p)
{
    uv_os_fd_t fd;
    struct ucred cred;
    int r = peer_cred(p, &fd, &cred);
    return r < 0 ? r : (int64_t)cred.uid;
}

int peer_pidfd(const struct peer *p)
{
    uv_os_fd_t fd;
    struct ucred cred;
    int r = peer_cred(p, &fd, &cred);
    if (r < 0)
        return r;
    int pidfd = (int)syscall(SYS_pidfd_open, cred.pid, 0);
    if (pidfd < 0)
        return -errno;
    /* The number could be another process's by now. But whoever holds the other end has not died
     * as long as it is open, so the number was still its own when the pidfd was made. */
    struct pollfd end = {.fd = fd, .events = POLLRDHUP};
    r = poll(&end, 1, 0);
    if (r == 0)
        return pidfd;
    close(pidfd);
    return r < 0 ? -errno : -ESRCH;
}

void peer_pause(struct peer *p)
{
    p->paused = true;
    if (peer_open(p))
        uv_read_stop((uv_stream_t *)&p->pipe);
}

void peer_resume(struct peer *p)
{
    if (!p->paused)
        return;
    p->paused = false;
    if (!peer_open(p))
        return;
    uv_idle_start(&p->later, on_later);
    int r = uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read);
    if (r < 0)
        fail_sys(p, r, "cannot read from the other side");
}
