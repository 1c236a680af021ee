/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/skeleton.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/id.h"
#include "base/mem.h"
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define VERSION 1 /* raise it when what is below changes */

const char *const skeleton_usr_links[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32", NULL};

const char *const skeleton_etc_binds[] = {
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/ca-certificates/extracted",
    NULL,
};

static const struct {
    const char *path;
    mode_t mode;
} folders[] = {
    {"dev", 0755},        {"etc", 0755},         {"etc/ssl", 0755},
    {"home", 0755},       {"media", 0755},       {"mnt", 0755},
    {"models", 0755},     {"opt", 0755},         {"opt/env", 0755},
    {"opt/python", 0755}, {"opt/seer", 0755},    {"opt/seer/guest", 0755},
    {"proc", 0555},       {"root", 0700},        {"run", 0755},
    {"run/lock", 01777},  {"run/seer", 0755},    {"srv", 0755},
    {"sys", 0555},        {"sys/devices", 0555}, {"sys/devices/system", 0555},
    {"tmp", 01777},       {"usr", 0755},         {"var", 0755},
    {"var/cache", 0755},  {"var/lib", 0755},     {"var/log", 0755},
    {"var/tmp", 01777},   {"workspace", 0755},   {"opt/seer/lib", 0755},
};

static const struct {
    const char *path, *text;
} files[] = {
    {"etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"
                   "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"etc/group", "root:x:0:\ntty:x:5:\nusers:x:100:\nnogroup:x:65534:\n"},
    {"etc/hosts", "127.0.0.1 localhost seer\n::1 localhost ip6-localhost ip6-loopback\n"},
    {"etc/hostname", "seer\n"},
    {"etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
                          "networks: files\nprotocols: files\nservices: files\nrpc: files\n"},
    {"etc/host.conf", "multi on\n"},
    {"etc/shells", "/bin/sh\n/bin/bash\n"},
    {"etc/machine-id", ""},
};

static const struct {
    const char *path, *to;
} links[] = {
    {"etc/mtab", "../proc/self/mounts"},
    {"etc/os-release", "../usr/lib/os-release"},
    {"var/run", "../run"},
    {"var/lock", "../run/lock"},
};

/* Tables that say nothing about this machine. */
static const char *const copied[] = {"etc/protocols", "etc/services", "etc/rpc", "etc/mime.types",
                                     "etc/debian_version"};

/* "usr/bin" where the host's /bin is a link into /usr; "" where it is a folder of its own (a mount
 * point then); NULL where it does not exist. */
static const char *usr_link(const char *name, char *buf, size_t size)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/%s", name);
    if (lstat(path, &st) < 0)
        return NULL;
    ssize_t n = S_ISLNK(st.st_mode) ? readlink(path, buf, size - 1) : -1;
    if (n < 0)
        return "";
    buf[n] = '\0';
    const char *to = buf[0] == '/' ? buf + 1 : buf;
    return strncmp(to, "usr/", 4) == 0 ? to : NULL;
}

/* The version and, since a machine may gain /lib32 any day, a hash of the links. */
static char *skeleton_name(void)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; skeleton_usr_links[i]; i++) {
        char buf[PATH_MAX];
        const char *to = usr_link(skeleton_usr_links[i], buf, sizeof buf);
        for (const char *p = to ? to : "-"; *p; p++)
            h = (h ^ (unsigned char)*p) * 1099511628211u;
        h = (h ^ ';') * 1099511628211u;
    }
    return xasprintf("%d-%08x-%u", VERSION, (unsigned)(h ^ h >> 32), sandbox_root_uid());
}

static int own(int dfd, const char *path)
{
    return fchownat(dfd, path, sandbox_root_uid(), sandbox_root_gid(), AT_SYMLINK_NOFOLLOW) < 0
               ? -errno
               : 0;
}

static int put_file(int dfd, const char *path, const char *text, size_t len)
{
    _cleanup_close_ int fd = openat(dfd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    int r = fs_write_all(fd, text, len);
    if (r == 0 && fchmod(fd, 0644) < 0)
        r = -errno;
    return r < 0 ? r : own(dfd, path);
}

static int put_folder(int dfd, const char *path, mode_t mode)
{
    if (mkdirat(dfd, path, 0755) < 0)
        return -errno;
    int r = own(dfd, path);
    if (r == 0 && fchmodat(dfd, path, mode, 0) < 0)
        r = -errno;
    return r;
}

static int put_link(int dfd, const char *path, const char *to)
{
    return symlinkat(to, dfd, path) < 0 ? -errno : own(dfd, path);
}

static int put_usr_links(int dfd)
{
    int r = 0;
    for (size_t i = 0; skeleton_usr_links[i] && r == 0; i++) {
        char buf[PATH_MAX];
        const char *to = usr_link(skeleton_usr_links[i], buf, sizeof buf);
        if (to)
            r = *to ? put_link(dfd, skeleton_usr_links[i], to)
                    : put_folder(dfd, skeleton_usr_links[i], 0755);
    }
    return r;
}

static int put_copies(int dfd)
{
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(copied) && r == 0; i++) {
        _cleanup_free_ char *from = xasprintf("/%s", copied[i]), *text = NULL;
        size_t len;
        if (fs_read_file(AT_FDCWD, from, 1u << 20, &text, &len) == 0)
            r = put_file(dfd, copied[i], text, len);
    }
    return r;
}

/* A mount point for each path below /etc that the root binds (root_open.c). */
static int put_etc_points(int dfd)
{
    int r = 0;
    for (size_t i = 0; skeleton_etc_binds[i] && r == 0; i++) {
        struct stat st;
        const char *path = skeleton_etc_binds[i] + 1;
        if (stat(skeleton_etc_binds[i], &st) < 0)
            continue;
        _cleanup_free_ char *folder = xstrdup(path);
        *strrchr(folder, '/') = '\0';
        r = fs_mkdir_p(dfd, folder, 0755);
        if (r == 0)
            r = S_ISDIR(st.st_mode) ? put_folder(dfd, path, 0755) : put_file(dfd, path, "", 0);
    }
    return r;
}

static int fill(int dfd)
{
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++)
        r = put_folder(dfd, folders[i].path, folders[i].mode);
    for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++)
        r = put_file(dfd, files[i].path, files[i].text, strlen(files[i].text));
    for (size_t i = 0; i < ARRAY_SIZE(links) && r == 0; i++)
        r = put_link(dfd, links[i].path, links[i].to);
    if (r == 0)
        r = put_usr_links(dfd);
    if (r == 0)
        r = put_etc_points(dfd);
    return r < 0 ? r : put_copies(dfd);
}

/* Made under another name and renamed, so that a half-made one is never found. */
static int make(const char *path, struct err *err)
{
    char id[ID_SHORT_LEN + 1];
    id_short(id);
    _cleanup_free_ char *tmp = xasprintf("%s.%s.tmp", path, id);
    int r = fs_mkdir_p(AT_FDCWD, tmp, 0755);
    _cleanup_close_ int dfd = r < 0 ? r : open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r == 0 && dfd < 0)
        r = -errno;
    if (r == 0 && fchmod(dfd, 0755) < 0)
        r = -errno;
    if (r == 0)
        r = own(dfd, ".");
    if (r == 0)
        r = fill(dfd);
    if (r == 0 && rename(tmp, path) < 0 && errno != EEXIST && errno != ENOTEMPTY)
        r = -errno;
    (void)!fs_rm_rf(AT_FDCWD, tmp); /* gone after the rename; left when another was first */
    return r < 0 ? err_sys(err, -r, "cannot make the root skeleton %s", path) : 0;
}

int skeleton_ensure(const char *cache_dir, char **ret, struct err *err)
{
    _cleanup_free_ char *name = skeleton_name();
    _cleanup_free_ char *path = xasprintf("%s/skeleton/%s", cache_dir, name);
    int r = access(path, F_OK) == 0 ? 0 : make(path, err);
    if (r == 0)
        *ret = TAKE_PTR(path);
    return r;
}
