/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include "base/id.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

static int open_resolve(int dirfd, const char *path, int flags, mode_t mode, unsigned resolve)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC),
        .mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
        .resolve = resolve,
    };
    long fd;
    do /* the kernel asks for a retry when a rename raced with ".." */
        fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
    while (fd < 0 && (errno == EAGAIN || errno == EINTR));
    return fd < 0 ? -errno : (int)fd;
}

int fs_open_in(int dirfd, const char *path, int flags, mode_t mode)
{
    return open_resolve(dirfd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
    return open_resolve(dirfd, path, flags, mode,
                        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

int fs_mkdir_p(int dirfd, const char *path, mode_t mode)
{
    _cleanup_free_ char *p = xstrdup(path);
    for (char *at = p + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdirat(dirfd, p, mode) < 0 && errno != EEXIST)
            return -errno;
        *at = '/';
    }
    if (mkdirat(dirfd, p, mode) < 0) {
        if (errno != EEXIST)
            return -errno;
        struct stat st;
        if (fstatat(dirfd, p, &st, 0) < 0)
            return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
    }
    return 0;
}

/* Deeper folders are moved up to the top and met again there: a hostile tree is as deep as its maker
 * likes, and each level costs a descriptor and a stack frame. */
#define RM_DEPTH_MAX 64

struct rm {
    int top;   /* borrowed */
    dev_t dev; /* the walk stays on one file system */
};

/* Opens a folder that may forbid it to its own owner. */
static int rm_open(int dfd, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(dfd, name, flags);
    if (fd < 0 && errno == EACCES && fchmodat(dfd, name, 0700, 0) == 0)
        fd = openat(dfd, name, flags);
    return fd < 0 ? -errno : fd;
}

static int rm_unlink(int dfd, const char *name, int flags)
{
    if (unlinkat(dfd, name, flags) == 0 || errno == ENOENT)
        return 0;
    /* The folder is read-only for its owner (who is not root). */
    if (errno == EACCES && fchmod(dfd, 0700) == 0 &&
        (unlinkat(dfd, name, flags) == 0 || errno == ENOENT))
        return 0;
    return -errno;
}

static int rm_children(const struct rm *rm, int take_dfd, int depth);

static int rm_folder(const struct rm *rm, int dfd, const char *name, int depth)
{
    if (depth > RM_DEPTH_MAX) {
        char id[ID_LONG_LEN + 1];
        id_long(id);
        /* To be moved, it must be writable too. */
        if (fchmodat(dfd, name, 0700, 0) < 0 || renameat(dfd, name, rm->top, id) < 0)
            return -errno;
        return 0;
    }
    int fd = rm_open(dfd, name);
    struct stat st;
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    if (fstat(fd, &st) < 0 || st.st_dev != rm->dev) {
        close(fd);
        return -EXDEV;
    }
    int r = rm_children(rm, fd, depth);
    return r < 0 ? r : rm_unlink(dfd, name, AT_REMOVEDIR);
}

static int rm_children(const struct rm *rm, int take_dfd, int depth)
{
    DIR *d = fdopendir(take_dfd);
    if (!d) {
        int e = errno;
        close(take_dfd);
        return -e;
    }
    int r = 0;
    const struct dirent *de;
    while (r == 0 && (de = readdir(d))) {
        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
            continue;
        r = rm_unlink(dirfd(d), de->d_name, 0);
        if (r == -EISDIR || r == -EPERM)
            r = rm_folder(rm, dirfd(d), de->d_name, depth + 1);
    }
    closedir(d);
    return r;
}

int fs_rm_rf(int dirfd, const char *path)
{
    if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    _cleanup_close_ int fd = rm_open(dirfd, path);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    const struct rm rm = {fd, st.st_dev};
    /* Again while deep folders have come up to the top meanwhile. */
    for (;;) {
        int walk = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = walk < 0 ? -errno : rm_children(&rm, walk, 0);
        if (r < 0)
            return r;
        if (unlinkat(dirfd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (errno != ENOTEMPTY && errno != EEXIST)
            return -errno;
    }
}

int fs_read_fd(int fd, size_t max, char **ret, size_t *ret_len)
{
    size_t cap = 4096, len = 0;
    _cleanup_free_ char *data = xmalloc(cap + 1);
    for (;;) {
        if (len == cap) {
            /* One byte above the maximum, so that a file of just that size is seen to end. */
            cap = cap * 2 > max ? max + 1 : cap * 2;
            data = xrealloc(data, cap + 1);
        }
        ssize_t n = read(fd, data + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > max)
            return -EFBIG;
    }
    data[len] = '\0';
    *ret = TAKE_PTR(data);
    if (ret_len)
        *ret_len = len;
    return 0;
}

int fs_read_file(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len)
{
    _cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return fs_read_fd(fd, max, ret, ret_len);
}

int fs_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static int sync_parent(int dirfd, const char *path)
{
    _cleanup_free_ char *folder = xstrdup(path);
    char *slash = strrchr(folder, '/');
    if (slash == folder)
        slash[1] = '\0';
    else if (slash)
        *slash = '\0';
    _cleanup_close_ int fd =
        openat(dirfd, slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return fsync(fd) < 0 ? -errno : 0;
}

int fs_write_atomic(int dirfd, const char *path, const void *data, size_t len, mode_t mode)
{
    char id[ID_SHORT_LEN + 1];
    id_short(id);
    _cleanup_free_ char *tmp = xasprintf("%s.%s.tmp", path, id);
    _cleanup_close_ int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    int r = fs_write_all(fd, data, len);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(dirfd, tmp, 0);
        return r;
    }
    return sync_parent(dirfd, path);
}

int fs_write_kernel(int dirfd, const char *path, const char *text)
{
    _cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

char *fs_join(const char *a, const char *b)
{
    size_t n = strlen(a);
    return xasprintf("%s%s%s", a, n && a[n - 1] == '/' ? "" : "/", b);
}

char *fs_exe_dir(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return NULL;
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash)
        return NULL;
    *(slash == path ? slash + 1 : slash) = '\0';
    return xstrdup(path);
}
