/* SPDX-License-Identifier: Apache-2.0
 *
 * socket: Unix stream sockets by path, under peer_connect and peer_listen.
 */
#include "proto/peer_impl.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

enum { CONNECT_SECONDS = 10, LISTEN_BACKLOG = 256 };

static int address(const char *path, struct sockaddr_un *ret, struct err *err)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof ret->sun_path)
        return err_sys(err, ENAMETOOLONG, "the socket path %s does not fit", path);
    memcpy(ret->sun_path, path, len + 1);
    return 0;
}

int peer_connect_fd(const char *path, struct err *err)
{
    struct sockaddr_un to;
    int r = address(path, &to, err);
    if (r < 0)
        return r;
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(err, errno, "cannot make a socket");
    /* A listener that accepts nobody has a full queue: connect(2) would wait without end. */
    struct timeval limit = {.tv_sec = CONNECT_SECONDS};
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)
        return err_sys(err, errno, "cannot set a socket's time limit");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        return err_sys(err, errno, "cannot connect to %s", path);
    return TAKE_FD(fd);
}

/* 0 when the path is free (a dead socket is removed). */
static int make_way(const char *path, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_sys(err, errno, "cannot look at %s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_sys(err, EEXIST, "%s is no socket", path);
    struct err why;
    _cleanup_close_ int fd = peer_connect_fd(path, &why);
    if (fd >= 0 || fd != -ECONNREFUSED)
        return err_sys(err, EADDRINUSE, "another process listens at %s", path);
    return unlink(path) < 0 && errno != ENOENT ? err_sys(err, errno, "cannot remove %s", path) : 0;
}

int peer_listen(uv_loop_t *loop, uv_pipe_t *server, const char *path,
                uv_connection_cb on_connection, struct err *err)
{
    struct sockaddr_un at;
    int r = address(path, &at, err);
    if (r == 0)
        r = make_way(path, err);
    if (r < 0)
        return r;
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(err, errno, "cannot make a socket");
    /* Linux gives the file the mode of the unbound socket, so it is never open to others. */
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
        listen(fd, LISTEN_BACKLOG) < 0)
        return err_sys(err, errno, "cannot listen at %s", path);
    r = uv_pipe_init(loop, server, 0);
    if (r < 0)
        return err_sys(err, -r, "cannot listen at %s", path);
    r = uv_pipe_open(server, fd);
    if (r == 0) {
        TAKE_FD(fd);
        r = uv_listen((uv_stream_t *)server, LISTEN_BACKLOG, on_connection);
    }
    if (r < 0) {
        uv_close((uv_handle_t *)server, NULL);
        return err_sys(err, -r, "cannot listen at %s", path);
    }
    return 0;
}
