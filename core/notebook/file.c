/* SPDX-License-Identifier: Apache-2.0
 *
 * file: see file.h. How a person's edit is kept: before a save the file at our path is compared with
 * what we wrote last (device, inode, size, mtime; when one differs, its content). If it is still
 * ours, the new version is put in its place by RENAME_EXCHANGE, and what came out is compared again,
 * so that an edit that slipped in between is put back.
 */
#include "notebook/file.h"

#include "base/fs.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/mem.h"
#include "notebook/text.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <linux/fs.h>

enum { NAMES_MAX = 1000 };

struct notebook_file {
    char *path; /* owned; where ours is now */
    struct stat st;
    uint64_t hash;
    size_t len;
    bool saved; /* st, hash and len are of something we wrote (else: the empty place we hold) */
};

static int rename2(const char *from, const char *to, unsigned flags)
{
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags) < 0 ? -errno : 0;
}

static int fail(struct err *err, int errnum, const char *path)
{
    int r = err_sys(err, errnum, "cannot write the notebook %s", path);
    if (err && (errnum == ENOSPC || errnum == EDQUOT)) {
        snprintf(err->code, sizeof err->code, "disk_full");
        err_hint(err, "Free some space on the disk that holds %s.", path);
    }
    return r;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
}

/* "a.ipynb" and " 2" -> "a 2.ipynb" */
static char *with_suffix(const char *path, const char *suffix)
{
    static const char ext[] = ".ipynb";
    size_t n = strlen(path), e = sizeof ext - 1;
    if (n < e || strcmp(path + n - e, ext) != 0)
        return xasprintf("%s%s", path, suffix);
    return xasprintf("%.*s%s%s", (int)(n - e), path, suffix, ext);
}

/* Takes the first free name: path, path " 2", … by making an empty file there. */
static int claim(struct notebook_file *nf, const char *path, struct err *err)
{
    for (int i = 1; i <= NAMES_MAX; i++) {
        char suffix[16] = "";
        if (i > 1)
            snprintf(suffix, sizeof suffix, " %d", i);
        _cleanup_free_ char *name = with_suffix(path, suffix);
        _cleanup_close_ int fd =
            open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0 || fstat(fd, &nf->st) < 0)
            return fail(err, errno, name);
        free(nf->path);
        nf->path = TAKE_PTR(name);
        nf->saved = false;
        nf->len = 0;
        nf->hash = text_hash("", 0);
        return 0;
    }
    return fail(err, EEXIST, path);
}

int notebook_file_open(const char *path, struct notebook_file **ret, struct err *err)
{
    _cleanup_free_ char *folder = folder_of(path);
    int r = fs_mkdir_p(AT_FDCWD, folder, 0755);
    if (r < 0)
        return err_sys(err, -r, "cannot make the folder %s", folder);
    struct notebook_file *nf = xnew(struct notebook_file);
    r = claim(nf, path, err);
    if (r < 0) {
        notebook_file_close(nf);
        return r;
    }
    *ret = nf;
    return 0;
}

/* Whether this text is what notebook_file_save() wrote for that session and nobody touched. */
static bool is_ours(const char *text, size_t len, const char *session)
{
    if (len == 0)
        return true; /* a place that was taken and never written */
    _cleanup_json_ json_t *nb = json_parse_object(text, len, NULL);
    const json_t *seer = json_object_get(json_object_get(nb, "metadata"), "seer");
    return strcmp(json_str(seer, "session", ""), session) == 0 && text_digest_fits(nb);
}

int notebook_file_adopt(const char *path, const char *session, struct notebook_file **ret,
                        struct err *err)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return notebook_file_open(path, ret, err);
    _cleanup_free_ char *text = NULL;
    size_t len = 0;
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        fs_read_fd(fd, SIZE_MAX / 4, &text, &len) < 0 || !is_ours(text, len, session)) {
        _cleanup_free_ char *beside = with_suffix(path, " (seer)");
        return notebook_file_open(beside, ret, err);
    }
    struct notebook_file *nf = xnew(struct notebook_file);
    *nf = (struct notebook_file){.path = xstrdup(path),
                                 .st = st,
                                 .len = len,
                                 .hash = text_hash(text, len),
                                 .saved = len > 0};
    *ret = nf;
    return 0;
}

/* The open file holds what we wrote last. */
static bool unchanged(const struct notebook_file *nf, int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return false;
    if (st.st_dev == nf->st.st_dev && st.st_ino == nf->st.st_ino && st.st_size == nf->st.st_size &&
        st.st_mtim.tv_sec == nf->st.st_mtim.tv_sec && st.st_mtim.tv_nsec == nf->st.st_mtim.tv_nsec)
        return true;
    _cleanup_free_ char *text = NULL;
    size_t len;
    return (size_t)st.st_size == nf->len && fs_read_fd(fd, nf->len, &text, &len) == 0 &&
           len == nf->len && text_hash(text, len) == nf->hash;
}

static bool path_unchanged(const struct notebook_file *nf, const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && unchanged(nf, fd);
}

/* A new file, written and perhaps synced; *ret_tmp is its name. */
static int write_temp(const char *path, const char *text, size_t len, bool sync, char **ret_tmp,
                      struct stat *ret_st)
{
    char id[ID_SHORT_LEN + 1];
    id_short(id);
    _cleanup_free_ char *folder = folder_of(path), *tmp = xasprintf("%s/.%s.ipynb.tmp", folder, id);
    _cleanup_close_ int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    int r = fs_write_all(fd, text, len);
    if (r == 0 && ((sync && fsync(fd) < 0) || fstat(fd, ret_st) < 0))
        r = -errno;
    if (r < 0) {
        unlink(tmp);
        return r;
    }
    *ret_tmp = TAKE_PTR(tmp);
    return 0;
}

/* Puts tmp at our path: 0, -EEXIST when somebody else's file is there (and stays), or -errno. */
static int put_in_place(const struct notebook_file *nf, const char *tmp)
{
    if (access(nf->path, F_OK) < 0 && errno == ENOENT)
        return rename2(tmp, nf->path, RENAME_NOREPLACE);
    if (!path_unchanged(nf, nf->path))
        return -EEXIST;
    int r = rename2(tmp, nf->path, RENAME_EXCHANGE);
    if (r == -EINVAL || r == -ENOSYS) /* NFS and the like */
        return rename2(tmp, nf->path, 0);
    if (r < 0)
        return r;
    if (path_unchanged(nf, tmp)) {
        unlink(tmp);
        return 0;
    }
    r = rename2(tmp, nf->path, RENAME_EXCHANGE);
    return r < 0 ? r : -EEXIST;
}

static int sync_folder(const char *path)
{
    _cleanup_free_ char *folder = folder_of(path);
    _cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int save(struct notebook_file *nf, const struct fold *f, bool sync, struct err *err)
{
    size_t len;
    _cleanup_free_ char *text = text_of(f, &len);
    if (!text)
        return err_set(err, ERR_BUG, "bad_notebook", "the notebook cannot be written as JSON");
    _cleanup_free_ char *tmp = NULL;
    struct stat st;
    int r = write_temp(nf->path, text, len, sync, &tmp, &st);
    if (r < 0)
        return fail(err, -r, nf->path);
    r = put_in_place(nf, tmp);
    if (r == -EEXIST) {
        _cleanup_free_ char *beside = with_suffix(nf->path, " (seer)");
        r = claim(nf, beside, err);
        if (r < 0) {
            unlink(tmp);
            return r;
        }
        r = rename2(tmp, nf->path, 0); /* over the empty file just made */
    }
    if (r < 0) {
        unlink(tmp);
        return fail(err, -r, nf->path);
    }
    nf->st = st;
    nf->len = len;
    nf->hash = text_hash(text, len);
    nf->saved = true;
    r = sync ? sync_folder(nf->path) : 0;
    return r < 0 ? fail(err, -r, nf->path) : 0;
}

int notebook_file_save(struct notebook_file *nf, const struct fold *f, struct err *err)
{
    return save(nf, f, true, err);
}

int notebook_file_write(struct notebook_file *nf, const struct fold *f, struct err *err)
{
    return save(nf, f, false, err);
}

const char *notebook_file_path(const struct notebook_file *nf)
{
    return nf->path;
}

void notebook_file_close(struct notebook_file *nf)
{
    if (!nf)
        return;
    if (nf->path && !nf->saved && path_unchanged(nf, nf->path))
        unlink(nf->path); /* the empty place */
    free(nf->path);
    free(nf);
}
