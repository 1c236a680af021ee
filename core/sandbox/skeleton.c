/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/skeleton.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/id.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define VERSION 1 /* raise it when what is below changes */
#define COPY_DEPTH_MAX 4
#define COPY_FILE_MAX (4u << 20) /* all certificates in one file are 0.2 MB */

const char *const skeleton_usr_links[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32", NULL};

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
    {"sys", 0755},        {"sys/devices", 0755}, {"sys/devices/system", 0755},
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

/* What programs need of the host's /etc: where libraries are, which certificates hold, what the
 * fonts are, what day it is. Only what everyone may read is copied, and no keys: those lie in
 * /etc/ssl/private, /etc/pki/tls/private. */
static const char *const copied[] = {
    "etc/alternatives",
    "etc/fonts",
    "etc/ld.so.cache",
    "etc/ld.so.conf",
    "etc/ld.so.conf.d",
    "etc/localtime",
    "etc/ssl/certs",
    "etc/ssl/openssl.cnf",
    "etc/pki/tls/certs",
    "etc/pki/tls/openssl.cnf",
    "etc/pki/ca-trust/extracted",
    "etc/ca-certificates/extracted",
    "etc/protocols",
    "etc/services",
    "etc/rpc",
    "etc/mime.types",
    "etc/debian_version",
};

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

static uint64_t hash(uint64_t h, const void *data, size_t len) /* FNV-1a */
{
    for (const unsigned char *p = data, *end = p + len; p < end; p++)
        h = (h ^ *p) * 1099511628211u;
    return h;
}

/* The version, and a hash of what of the host it depends on: a machine may gain /lib32, or a
 * certificate, any day. */
static char *skeleton_name(const struct ids *ids)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; skeleton_usr_links[i]; i++) {
        char buf[PATH_MAX];
        const char *to = usr_link(skeleton_usr_links[i], buf, sizeof buf);
        h = hash(h, to ? to : "-", to ? strlen(to) + 1 : 2);
    }
    for (size_t i = 0; i < ARRAY_SIZE(copied); i++) {
        char path[64];
        struct stat st;
        snprintf(path, sizeof path, "/%s", copied[i]);
        if (stat(path, &st) < 0)
            continue;
        h = hash(h, &st.st_mtim, sizeof st.st_mtim);
        h = hash(h, &st.st_ino, sizeof st.st_ino);
    }
    return xasprintf("%d-%016llx-%u", VERSION, (unsigned long long)h, ids->uid);
}

static int own(int dfd, const char *path, const struct ids *ids)
{
    return fchownat(dfd, path, ids->uid, ids->gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int put_file(int dfd, const char *path, const char *text, size_t len, const struct ids *ids)
{
    _cleanup_close_ int fd = openat(dfd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    int r = fs_write_all(fd, text, len);
    if (r == 0 && fchmod(fd, 0644) < 0)
        r = -errno;
    return r < 0 ? r : own(dfd, path, ids);
}

static int put_folder(int dfd, const char *path, mode_t mode, const struct ids *ids)
{
    if (mkdirat(dfd, path, 0755) < 0)
        return -errno;
    int r = own(dfd, path, ids);
    if (r == 0 && fchmodat(dfd, path, mode, 0) < 0)
        r = -errno;
    return r;
}

static int put_link(int dfd, const char *path, const char *to, const struct ids *ids)
{
    return symlinkat(to, dfd, path) < 0 ? -errno : own(dfd, path, ids);
}

/* Each missing folder of the path. */
static int put_folders(int dfd, const char *path, const struct ids *ids)
{
    _cleanup_free_ char *part = xstrdup(path);
    int r = 0;
    for (char *at = part; at && r == 0;) {
        at = strchr(at, '/');
        if (at)
            *at = '\0';
        if (faccessat(dfd, part, F_OK, 0) < 0)
            r = put_folder(dfd, part, 0755, ids);
        if (at)
            *at++ = '/';
    }
    return r;
}

static int put_usr_links(int dfd, const struct ids *ids)
{
    int r = 0;
    for (size_t i = 0; skeleton_usr_links[i] && r == 0; i++) {
        char buf[PATH_MAX];
        const char *to = usr_link(skeleton_usr_links[i], buf, sizeof buf);
        if (to)
            r = *to ? put_link(dfd, skeleton_usr_links[i], to, ids)
                    : put_folder(dfd, skeleton_usr_links[i], 0755, ids);
    }
    return r;
}

static int copy_tree(int from_dfd, const char *from, int dfd, const char *path, int depth,
                     const struct ids *ids);

static int copy_folder(int take_from, int dfd, const char *path, int depth, const struct ids *ids)
{
    DIR *d = fdopendir(take_from);
    if (!d) {
        close(take_from);
        return -ENOMEM;
    }
    _cleanup_close_ int to = -EBADF;
    int r = put_folder(dfd, path, 0755, ids);
    if (r == 0)
        r = to = openat(dfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct dirent *de;
    while (r >= 0 && (de = readdir(d)))
        if (de->d_name[0] != '.')
            r = copy_tree(dirfd(d), de->d_name, to, de->d_name, depth + 1, ids);
    closedir(d);
    return r < 0 ? r : 0;
}

/* A link stays a link, but at the top, where it is followed (/etc/localtime). What cannot be read
 * or is too much is left out. */
static int copy_tree(int from_dfd, const char *from, int dfd, const char *path, int depth,
                     const struct ids *ids)
{
    struct stat st;
    char link[PATH_MAX];
    if (depth > COPY_DEPTH_MAX || fstatat(from_dfd, from, &st, depth ? AT_SYMLINK_NOFOLLOW : 0) < 0)
        return 0;
    if (S_ISLNK(st.st_mode)) {
        ssize_t n = readlinkat(from_dfd, from, link, sizeof link - 1);
        link[n > 0 ? n : 0] = '\0';
        return n > 0 ? put_link(dfd, path, link, ids) : 0;
    }
    if (!(st.st_mode & S_IROTH) || !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
        return 0;
    if (S_ISDIR(st.st_mode)) {
        int fd = openat(from_dfd, from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? 0 : copy_folder(fd, dfd, path, depth, ids);
    }
    _cleanup_free_ char *text = NULL;
    size_t len;
    if (fs_read_file(from_dfd, from, COPY_FILE_MAX, &text, &len) < 0)
        return 0;
    return put_file(dfd, path, text, len, ids);
}

static int put_copies(int dfd, const struct ids *ids)
{
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(copied) && r == 0; i++) {
        _cleanup_free_ char *from = xasprintf("/%s", copied[i]), *folder = xstrdup(copied[i]);
        *strrchr(folder, '/') = '\0';
        if (access(from, R_OK) < 0)
            continue;
        if (faccessat(dfd, folder, F_OK, 0) < 0)
            r = put_folders(dfd, folder, ids);
        if (r == 0)
            r = copy_tree(AT_FDCWD, from, dfd, copied[i], 0, ids);
    }
    return r;
}

static int fill(int dfd, const struct ids *ids)
{
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++)
        r = put_folder(dfd, folders[i].path, folders[i].mode, ids);
    for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++)
        r = put_file(dfd, files[i].path, files[i].text, strlen(files[i].text), ids);
    for (size_t i = 0; i < ARRAY_SIZE(links) && r == 0; i++)
        r = put_link(dfd, links[i].path, links[i].to, ids);
    if (r == 0)
        r = put_usr_links(dfd, ids);
    return r < 0 ? r : put_copies(dfd, ids);
}

/* Made under another name and renamed, so that a half-made one is never found. */
static int make(const char *path, const struct ids *ids, struct err *err)
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
        r = own(dfd, ".", ids);
    if (r == 0)
        r = fill(dfd, ids);
    if (r == 0 && rename(tmp, path) < 0 && errno != EEXIST && errno != ENOTEMPTY)
        r = -errno;
    (void)!fs_rm_rf(AT_FDCWD, tmp); /* gone after the rename; left when another was first */
    return r < 0 ? err_sys(err, -r, "cannot make the root skeleton %s", path) : 0;
}

int skeleton_ensure(const char *cache_dir, const struct ids *ids, char **ret, struct err *err)
{
    _cleanup_free_ char *name = skeleton_name(ids);
    _cleanup_free_ char *path = xasprintf("%s/skeleton/%s", cache_dir, name);
    int r = access(path, F_OK) == 0 ? 0 : make(path, ids, err);
    if (r == 0)
        *ret = TAKE_PTR(path);
    return r;
}
