/* SPDX-License-Identifier: Apache-2.0 */
#include "base/paths.h"

#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>

static const char *env_nonempty(const char *name)
{
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

static char *absolute(const char *path)
{
    if (*path == '/')
        return xstrdup(path);
    char cwd[PATH_MAX];
    return getcwd(cwd, sizeof cwd) ? fs_join(cwd, path) : xstrdup(path);
}

static char *user_folder(const char *own, const char *xdg, const char *below_home)
{
    const char *v = env_nonempty(own);
    if (v)
        return absolute(v);
    v = env_nonempty(xdg);
    if (v && *v == '/')
        return fs_join(v, "seer");
    v = env_nonempty("HOME");
    if (!v) {
        const struct passwd *pw = getpwuid(getuid());
        v = pw ? pw->pw_dir : "/tmp";
    }
    _cleanup_free_ char *base = absolute(v);
    return fs_join(base, below_home);
}

static uint64_t fnv1a(const char *s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return h;
}

/* A folder in a place that others can write (/tmp) is ours only if we own it and nobody else may
 * enter. */
static int make_private(const char *path, struct err *err)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_sys(err, errno, "cannot make the folder %s", path);
    struct stat st;
    if (lstat(path, &st) < 0)
        return err_sys(err, errno, "cannot look at %s", path);
    if (!S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 077)) {
        err_set(err, ERR_SYSTEM, "unsafe_folder",
                "%s is not a folder that only this user can enter", path);
        err_hint(err, "remove it or set XDG_RUNTIME_DIR to a private folder");
        return -EPERM;
    }
    return 0;
}

static int make_state(const char *path, struct err *err)
{
    int r = fs_mkdir_p(AT_FDCWD, path, 0700);
    if (r < 0) {
        err_sys(err, -r, "cannot make the folder %s", path);
        err_hint(err, "set SEER_HOME and SEER_CACHE to folders this user can write");
    }
    return r;
}

int paths_init(struct paths *p, struct err *err)
{
    *p = (struct paths){0};
    p->home = user_folder("SEER_HOME", "XDG_DATA_HOME", ".local/share/seer");
    p->cache = user_folder("SEER_CACHE", "XDG_CACHE_HOME", ".cache/seer");
    const char *xdg = env_nonempty("XDG_RUNTIME_DIR");
    _cleanup_free_ char *base = xdg && *xdg == '/' && access(xdg, W_OK) == 0
                                    ? fs_join(xdg, "seer")
                                    : xasprintf("/tmp/seer-%u", (unsigned)getuid());
    int r = make_state(p->home, err);
    if (r == 0)
        r = make_state(p->cache, err);
    if (r == 0)
        r = make_private(base, err);
    if (r == 0) {
        char real[PATH_MAX];
        p->run = xasprintf("%s/%016llx", base,
                           (unsigned long long)fnv1a(realpath(p->home, real) ? real : p->home));
        r = make_private(p->run, err);
    }
    if (r < 0)
        paths_done(p);
    return r;
}

void paths_done(struct paths *p)
{
    free(p->home);
    free(p->cache);
    free(p->run);
    *p = (struct paths){0};
}

char *paths_data(const char *name)
{
    const char *set = env_nonempty("SEER_DATA");
    if (set) {
        char *p = fs_join(set, name);
        if (access(p, R_OK) == 0)
            return p;
        free(p);
    }
    _cleanup_free_ char *exe = fs_exe_dir();
    for (int i = 0; exe && i < 2; i++) {
        char path[PATH_MAX], real[PATH_MAX];
        const char *below = i == 0 ? "../.." : "../share/seer";
        int n = snprintf(path, sizeof path, "%s/%s/%s", exe, below, name);
        if (n > 0 && n < PATH_MAX && realpath(path, real) && access(real, R_OK) == 0)
            return xstrdup(real);
    }
    return NULL;
}
