/* SPDX-License-Identifier: Apache-2.0 */
#include "client/impl.h"

#include "base/fs.h"

#include <fcntl.h>
#include <sys/file.h>

/* 0, -ENOENT or -ECONNREFUSED when nobody listens, else a failure. */
static int try_connect(struct peer *p, const char *path, struct err *err)
{
    int r = peer_connect(p, path, err);
    if (r < 0)
        return r;
    int64_t uid = peer_uid(p);
    if (uid == (int64_t)getuid())
        return 0;
    err_set(err, ERR_SYSTEM, "foreign_daemon", "the process that listens at %s is another user's",
            path);
    err_hint(err, "set XDG_RUNTIME_DIR to a folder that only you can enter");
    return -EPERM;
}

static bool nobody(int r)
{
    return r == -ENOENT || r == -ECONNREFUSED;
}

/* Under the lock, so that of two clients one starts seerd and the other finds it. */
static int start_and_connect(const struct paths *paths, struct peer *p, const char *path,
                             struct err *err)
{
    _cleanup_free_ char *lock = fs_join(paths->run, "d.lock");
    _cleanup_close_ int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", lock);
    while (flock(fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return err_sys(err, errno, "cannot lock %s", lock);
    int r = try_connect(p, path, err);
    if (!nobody(r))
        return r;
    r = daemon_start(paths, err);
    if (r < 0)
        return r;
    r = try_connect(p, path, err);
    return r < 0 ? err_wrap(err, "seerd said that it is ready, but") : 0;
}

int connect_daemon(uv_loop_t *loop, const struct peer_ops *ops, void *ctx, bool may_start,
                   struct peer **ret, struct err *err)
{
    _cleanup_(paths_done) struct paths paths = {0};
    int r = paths_init(&paths, err);
    if (r < 0)
        return r;
    _cleanup_free_ char *path = fs_join(paths.run, "d.sock");
    struct peer *p = peer_new(loop, ops, ctx);
    r = try_connect(p, path, err);
    if (nobody(r) && may_start)
        r = start_and_connect(&paths, p, path, err);
    else if (nobody(r)) {
        err_set(err, ERR_USER, "no_daemon", "no seerd is running");
        err_hint(err, "any seer command starts one, `seer daemon` for instance");
    }
    if (r < 0) {
        peer_discard(p);
        return r;
    }
    *ret = p;
    return 0;
}

int client_connect(uv_loop_t *loop, const struct peer_ops *ops, void *ctx, struct peer **ret,
                   struct err *err)
{
    return connect_daemon(loop, ops, ctx, true, ret, err);
}
