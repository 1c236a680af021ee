/* SPDX-License-Identifier: Apache-2.0 */
#include "image/files.h"

#include "base/fs.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

/* "//", ".", ".." and a slash at the end have no place in a plan. */
static bool clean(const char *path)
{
    for (const char *at = path; (at = strchr(at, '/')); at++) {
        size_t n = strcspn(at + 1, "/");
        if (n == 0 || (n == 1 && at[1] == '.') || (n == 2 && at[1] == '.' && at[2] == '.'))
            return false;
    }
    return true;
}

char *files_guest_path(const char *given, const char *local)
{
    const char *base = strrchr(local, '/');
    size_t n = strlen(given);
    bool into = (n && given[n - 1] == '/') || strcmp(given, ".") == 0;
    if (strncmp(given, "./", 2) == 0)
        given += 2;
    _cleanup_free_ char *whole = strcmp(given, ".") == 0 || !*given ? xstrdup(base + 1)
                                 : into ? xasprintf("%s%s", given, base + 1)
                                        : xstrdup(given);
    char *path = whole[0] == '/' ? xstrdup(whole) : fs_join("/workspace", whole);
    if (clean(path))
        return path;
    free(path);
    return NULL;
}

static int add_one(json_t *files, const char *src, const char *dst, struct err *err)
{
    if (json_array_size(files) >= FILES_MAX) {
        err_set(err, ERR_USER, "bad_parameter", "local_files: more than %d files", FILES_MAX);
        err_hint(err, "pack them into an archive and unpack that in the sandbox");
        return -EINVAL;
    }
    json_t *name = json_string(src);
    if (!name)
        return err_set(err, ERR_USER, "bad_utf8", "local_files: a file's name is not UTF-8");
    json_array_append_new(files, json_pack("{s:o, s:s}", "src", name, "dst", dst));
    return 0;
}

static int add_folder(json_t *files, const char *src, const char *dst, int depth, struct err *err)
{
    if (depth > DEPTH_MAX)
        return err_set(err, ERR_USER, "bad_parameter", "local_files: %s is too deep", src);
    DIR *d = opendir(src);
    if (!d)
        return err_sys(err, errno, "local_files: cannot read %s", src);
    int r = 0;
    const struct dirent *de;
    while (r == 0 && (de = readdir(d))) {
        struct stat st;
        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
            fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        _cleanup_free_ char *from = fs_join(src, de->d_name), *to = fs_join(dst, de->d_name);
        if (S_ISDIR(st.st_mode))
            r = add_folder(files, from, to, depth + 1, err);
        else if (S_ISREG(st.st_mode))
            r = add_one(files, from, to, err);
    }
    closedir(d);
    return r;
}

int files_add(json_t *files, const char *real, const char *dst, struct err *err)
{
    struct stat st;
    if (stat(real, &st) < 0)
        return err_sys(err, errno, "local_files: cannot look at %s", real);
    if (S_ISDIR(st.st_mode))
        return add_folder(files, real, dst, 0, err);
    if (S_ISREG(st.st_mode))
        return add_one(files, real, dst, err);
    return err_set(err, ERR_USER, "no_such_file", "local_files: %s is neither a file nor a folder",
                   real);
}
