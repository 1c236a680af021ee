/* SPDX-License-Identifier: Apache-2.0
 *
 * front: the web front (gateway/gateway.h), behind a socketpair, so that it can become a process of
 * its own: it is a client like any other.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#ifdef SEER_HAVE_GATEWAY
#include "gateway/gateway.h"
#endif

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#ifdef SEER_HAVE_GATEWAY
/* 1..65535, or -EINVAL. */
static int parse_port(const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);
    return end == text || end[strspn(end, "\n")] || n < 1 || n > 65535 ? -EINVAL : (int)n;
}

/* SEER_PORT must be had; the port of last time only should. */
static int wanted_port(const struct daemon *d, bool *ret_must, struct err *err)
{
    const char *set = getenv("SEER_PORT");
    *ret_must = set && *set;
    if (*ret_must) {
        int port = parse_port(set);
        return port > 0 ? port
                        : err_set(err, ERR_USER, "bad_parameter",
                                  "SEER_PORT must be a port from 1 to 65535, not \"%.32s\"", set);
    }
    _cleanup_free_ char *path = fs_join(d->paths.home, "port"), *text = NULL;
    int port = fs_read_file(AT_FDCWD, path, 32, &text, NULL) == 0 ? parse_port(text) : 0;
    return port > 0 ? port : 0;
}

static int connect_gateway(struct daemon *d, struct err *err)
{
    static const struct peer_ops ops = {0};
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return err_sys(err, errno, "cannot make a socketpair");
    struct client *c = client_new(d);
    d->gateway_peer = peer_new(d->loop, &ops, NULL);
    int r = peer_open_fd(c->peer, fds[0], err);
    int other = peer_open_fd(d->gateway_peer, fds[1], r < 0 ? NULL : err);
    return r < 0 ? r : other;
}

static int save_port(const struct daemon *d, struct err *err)
{
    char text[32];
    _cleanup_free_ char *path = fs_join(d->paths.home, "port");
    int n = snprintf(text, sizeof text, "%d\n", gateway_port(d->gateway));
    int r = fs_write_atomic(AT_FDCWD, path, text, (size_t)n, 0600);
    return r < 0 ? err_sys(err, -r, "cannot write %s", path) : 0;
}

int front_start(struct daemon *d, struct err *err)
{
    bool must;
    int port = wanted_port(d, &must, err), r = port < 0 ? port : connect_gateway(d, err);
    if (r < 0)
        return r;
    struct gateway_options o = {.want_port = port, .must = must};
    r = gateway_start(d->loop, d->gateway_peer, &o, &d->gateway, err);
    if (r == -EADDRINUSE && must)
        err_hint(err, "another program has it: set SEER_PORT to a free one, or unset it");
    return r < 0 ? r : save_port(d, err);
}

void front_end(struct daemon *d)
{
    gateway_stop(d->gateway);
    peer_close(d->gateway_peer);
}

void front_done(struct daemon *d)
{
    gateway_free(TAKE_PTR(d->gateway));
}

int daemon_http_port(const struct daemon *d)
{
    return d->gateway ? gateway_port(d->gateway) : 0;
}
#else
int front_start(struct daemon *d, struct err *err)
{
    return 0;
}

void front_end(struct daemon *d)
{
}

void front_done(struct daemon *d)
{
}

int daemon_http_port(const struct daemon *d)
{
    return 0;
}
#endif
