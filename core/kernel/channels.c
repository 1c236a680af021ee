/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/channels.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>
#include <zmq.h>

enum { TURN_MESSAGES = 2000, TURN_BYTES = 8 << 20, MONITOR = CHANNEL_COUNT, SOCKETS };

struct channels {
    uv_loop_t *loop; /* borrowed */
    const struct channels_ops *ops;
    void *ctx;
    void *zmq;             /* owned context */
    void *socket[SOCKETS]; /* owned */
    int path_fd
        [CHANNEL_COUNT]; /* owned: what /proc/self/fd/N connects, and connects again, through */
    uv_poll_t poll[SOCKETS];
    uv_idle_t again;
    int handles; /* not yet closed */
    bool closing, in_turn;
    bool connected, lost; /* of iopub; lost: still to be told */
};

const char *channel_name(enum channel ch)
{
    static const char *const names[] = {"shell", "iopub", "stdin", "control"};
    return names[ch];
}

/* The numbers are the ports of the connection file: <prefix>-1 is the shell, and so on. */
static int open_path(int folder_fd, const char *prefix, enum channel ch, struct err *err)
{
    if (!*prefix || strchr(prefix, '/') || prefix[0] == '.')
        return err_set(err, ERR_BUG, "bad_prefix", "%s is no prefix of a socket", prefix);
    _cleanup_free_ char *name = xasprintf("%s-%d", prefix, (int)ch + 1);
    _cleanup_close_ int fd = fs_open_beneath(folder_fd, name, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0)
        return err_sys(err, -fd, "cannot open the kernel's socket %s", name);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, errno, "cannot look at the kernel's socket %s", name);
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, ERR_GUEST, "bad_socket", "the kernel's %s is not a socket", name);
    return TAKE_FD(fd);
}

static int set_option(void *s, int option, int value)
{
    return zmq_setsockopt(s, option, &value, sizeof value);
}

static void address_of(const struct channels *c, enum channel ch, char ret[64])
{
    snprintf(ret, 64, "ipc:///proc/self/fd/%d", c->path_fd[ch]);
}

static int open_socket(struct channels *c, enum channel ch, const char *identity, struct err *err)
{
    void *s = c->socket[ch] = zmq_socket(c->zmq, ch == CHANNEL_IOPUB ? ZMQ_SUB : ZMQ_DEALER);
    int64_t most = LIMIT_KERNEL_MSG;
    char address[64];
    address_of(c, ch, address);
    /* PUB drops at the high-water mark: there is none on our side. */
    bool ok = s && set_option(s, ZMQ_LINGER, 0) == 0 && set_option(s, ZMQ_RCVHWM, 0) == 0 &&
              set_option(s, ZMQ_RECONNECT_IVL, 20) == 0 &&
              zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0;
    if (ok && ch == CHANNEL_IOPUB)
        ok = zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0) == 0 &&
             zmq_socket_monitor(s, "inproc://iopub",
                                ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) == 0 &&
             (c->socket[MONITOR] = zmq_socket(c->zmq, ZMQ_PAIR)) &&
             set_option(c->socket[MONITOR], ZMQ_LINGER, 0) == 0 &&
             zmq_connect(c->socket[MONITOR], "inproc://iopub") == 0;
    else if (ok) /* one identity: an input_request is routed to who sent the request */
        ok = zmq_setsockopt(s, ZMQ_ROUTING_ID, identity, strlen(identity)) == 0;
    if (!ok || zmq_connect(s, address) < 0)
        return err_set(err, ERR_SYSTEM, "zmq", "cannot connect the kernel's %s: %s",
                       channel_name(ch), zmq_strerror(zmq_errno()));
    return 0;
}

/* One message of at most WIRE_PARTS_MAX parts; the rest of a longer one is read and thrown away, but
 * counted, so that the decoder refuses it. Returns bytes, or -1 when nothing is there. */
static int64_t receive(struct channels *c, enum channel ch)
{
    zmq_msg_t msg[WIRE_PARTS_MAX];
    struct wire_part parts[WIRE_PARTS_MAX + 1];
    size_t count = 0, kept = 0;
    int64_t bytes = 0;
    for (bool more = true; more;) {
        zmq_msg_t extra, *m = kept < WIRE_PARTS_MAX ? &msg[kept] : &extra;
        zmq_msg_init(m);
        if (zmq_msg_recv(m, c->socket[ch], ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(m);
            break; /* parts of one message arrive together, so this is the first */
        }
        more = zmq_msg_more(m);
        bytes += (int64_t)zmq_msg_size(m);
        if (m == &extra) {
            zmq_msg_close(m);
            parts[kept] = (struct wire_part){"", 0};
            count = kept + 1;
            continue;
        }
        parts[kept] = (struct wire_part){zmq_msg_data(m), zmq_msg_size(m)};
        count = ++kept;
    }
    if (count && !c->closing)
        c->ops->message(ch, parts, count, c->ctx);
    for (size_t i = 0; i < kept; i++)
        zmq_msg_close(&msg[i]);
    return count ? bytes : -1;
}

static void read_monitor(struct channels *c)
{
    for (;;) {
        zmq_msg_t m;
        zmq_msg_init(&m);
        int n = zmq_msg_recv(&m, c->socket[MONITOR], ZMQ_DONTWAIT);
        if (n < 0) {
            zmq_msg_close(&m);
            return;
        }
        uint16_t event = 0;
        if (n == 6 && zmq_msg_more(&m)) /* the first of two frames */
            memcpy(&event, zmq_msg_data(&m), sizeof event);
        zmq_msg_close(&m);
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            c->connected = true;
        } else if (event == ZMQ_EVENT_DISCONNECTED) {
            c->connected = false;
            c->lost = true;
        }
    }
}

/* Reads every socket until it has nothing more, or the budget is spent; true when all are empty. */
static bool read_sockets(struct channels *c, int messages, int64_t bytes)
{
    static const enum channel order[] = {CHANNEL_IOPUB, CHANNEL_STDIN, CHANNEL_SHELL,
                                         CHANNEL_CONTROL};
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        for (;;) {
            if (c->closing)
                return true;
            if (messages <= 0 || bytes <= 0)
                return false;
            int64_t n = receive(c, order[i]);
            if (n < 0)
                break;
            messages--;
            bytes -= n;
        }
    }
    return true;
}

static void on_again(uv_idle_t *h);

/* After a frame above the limit ZeroMQ gives the connection up for good; after another end it connects
 * again by itself. Two connections would bring everything twice, so the old one is ended in any case. */
static void connect_again(struct channels *c)
{
    char address[64];
    address_of(c, CHANNEL_IOPUB, address);
    zmq_disconnect(c->socket[CHANNEL_IOPUB], address);
    zmq_connect(c->socket[CHANNEL_IOPUB], address);
    uv_idle_start(&c->again, on_again);
}

static void turn(struct channels *c, int messages, int64_t bytes)
{
    if (c->closing || c->in_turn)
        return;
    c->in_turn = true;
    uv_idle_stop(&c->again);
    read_monitor(c);
    bool empty = read_sockets(c, messages, bytes);
    c->in_turn = false;
    if (c->closing)
        return;
    if (!empty)
        uv_idle_start(&c->again, on_again);
    c->ops->turn(c->ctx);
    if (empty && c->lost && !c->closing) {
        c->lost = false;
        connect_again(c);
        c->ops->lost(c->ctx);
    }
}

static void on_again(uv_idle_t *h)
{
    turn(h->data, TURN_MESSAGES, TURN_BYTES);
}

static void on_readable(uv_poll_t *h, int status, int events)
{
    turn(h->data, TURN_MESSAGES, TURN_BYTES);
}

/* The I/O thread may still be reading what the dead kernel left in the socket's buffer; when it comes to
 * the end it says so through the monitor, and by then every message lies in ours. */
void channels_drain(struct channels *c, int wait_ms)
{
    uint64_t deadline = clock_boot_ms() + (uint64_t)wait_ms;
    for (;;) {
        bool ended = !c->connected;
        read_sockets(c, INT32_MAX, INT64_MAX);
        uint64_t now = clock_boot_ms();
        if (c->closing || ended || now >= deadline)
            break;
        zmq_pollitem_t items[] = {{c->socket[MONITOR], 0, ZMQ_POLLIN, 0},
                                  {c->socket[CHANNEL_IOPUB], 0, ZMQ_POLLIN, 0}};
        if (zmq_poll(items, (int)ARRAY_SIZE(items), (long)(deadline - now)) < 0 &&
            zmq_errno() != EINTR)
            break;
        read_monitor(c);
    }
    if (!c->closing)
        uv_idle_start(&c->again, on_again);
}

int channels_send(struct channels *c, enum channel ch, const struct wire_part *parts, size_t count)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        int flags = ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0);
        if (zmq_send(c->socket[ch], parts[i].data, parts[i].len, flags) < 0)
            r = -zmq_errno();
    }
    if (!c->closing)
        uv_idle_start(&c->again, on_again);
    return r;
}

static void destroy(struct channels *c)
{
    if (c->socket[CHANNEL_IOPUB])
        zmq_socket_monitor(c->socket[CHANNEL_IOPUB], NULL, 0);
    for (int i = 0; i < SOCKETS; i++)
        if (c->socket[i])
            zmq_close(c->socket[i]);
    /* With LINGER 0 and all sockets closed this waits for nothing but the I/O thread's last turn. */
    if (c->zmq)
        zmq_ctx_term(c->zmq);
    for (int i = 0; i < CHANNEL_COUNT; i++)
        cleanup_close(&c->path_fd[i]);
    const struct channels_ops *ops = c->ops;
    void *ctx = c->ctx;
    bool tell = c->closing;
    free(c);
    if (tell)
        ops->closed(ctx);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct channels *c = h->data;
    if (--c->handles == 0)
        destroy(c);
}

void channels_close(struct channels *c)
{
    if (c->closing)
        return;
    c->closing = true;
    for (int i = 0; i < SOCKETS; i++)
        uv_close((uv_handle_t *)&c->poll[i], on_handle_closed);
    uv_close((uv_handle_t *)&c->again, on_handle_closed);
}

static int open_all(struct channels *c, int folder_fd, const char *prefix, struct err *err)
{
    char identity[ID_LONG_LEN + 1];
    id_long(identity);
    c->zmq = zmq_ctx_new();
    if (!c->zmq)
        return err_sys(err, zmq_errno(), "cannot make a ZeroMQ context");
    for (int i = 0; i < CHANNEL_COUNT; i++) {
        c->path_fd[i] = open_path(folder_fd, prefix, (enum channel)i, err);
        int r = c->path_fd[i] < 0 ? c->path_fd[i] : open_socket(c, (enum channel)i, identity, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* From the first handle on, channels_close() is the only way back; so handles come last. */
static void watch(struct channels *c)
{
    uv_idle_init(c->loop, &c->again);
    c->again.data = c;
    c->handles = 1;
    for (int i = 0; i < SOCKETS; i++) {
        int fd = -1;
        size_t len = sizeof fd;
        zmq_getsockopt(c->socket[i], ZMQ_FD, &fd, &len);
        uv_poll_init(c->loop, &c->poll[i], fd);
        c->poll[i].data = c;
        c->handles++;
        uv_poll_start(&c->poll[i], UV_READABLE, on_readable);
    }
    uv_idle_start(&c->again, on_again); /* what has happened since the sockets were made */
}

int channels_open(uv_loop_t *loop, int folder_fd, const char *prefix,
                  const struct channels_ops *ops, void *ctx, struct channels **ret, struct err *err)
{
    struct channels *c = xnew(struct channels);
    c->loop = loop;
    c->ops = ops;
    c->ctx = ctx;
    for (int i = 0; i < CHANNEL_COUNT; i++)
        c->path_fd[i] = -EBADF;
    int r = open_all(c, folder_fd, prefix, err);
    if (r < 0) {
        destroy(c);
        return r;
    }
    watch(c);
    *ret = c;
    return 0;
}
