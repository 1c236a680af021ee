/* SPDX-License-Identifier: Apache-2.0
 *
 * find: built-in models, folders, and the user's hub cache
 * (models--owner--name/refs/main -> snapshots/<commit>/file -> ../../blobs/<etag>).
 */
#include "model/model.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

static bool has(const char *folder, const char *file)
{
    _cleanup_free_ char *path = fs_join(folder, file);
    return access(path, R_OK) == 0;
}

static bool is_model(const char *folder)
{
    return has(folder, "config.json") || has(folder, "adapter_config.json");
}

static const char *env_get(const json_t *caller_env, const char *name)
{
    const char *v = json_str(caller_env, name, "");
    return *v ? v : NULL;
}

char *model_hub_cache(const json_t *caller_env)
{
    const char *v;
    if ((v = env_get(caller_env, "HF_HUB_CACHE")))
        return xstrdup(v);
    if ((v = env_get(caller_env, "HF_HOME")))
        return fs_join(v, "hub");
    if ((v = env_get(caller_env, "XDG_CACHE_HOME")))
        return fs_join(v, "huggingface/hub");
    if ((v = env_get(caller_env, "HOME")))
        return fs_join(v, ".cache/huggingface/hub");
    return NULL;
}

/* A folder given inside a hub snapshot has its blobs two levels up. */
static char *symlink_root(const char *real)
{
    const char *at = strstr(real, "/snapshots/");
    if (at && strchr(at + strlen("/snapshots/"), '/') == NULL) {
        const char *repo = at;
        while (repo > real && repo[-1] != '/')
            repo--;
        if (strncmp(repo, "models--", 8) == 0)
            return xstrndup(real, (size_t)(at - real));
    }
    return xstrdup(real);
}

static int take_folder(const char *folder, char **ret_folder, char **ret_root)
{
    char real[PATH_MAX];
    if (!realpath(folder, real) || !is_model(real))
        return -ENOENT;
    *ret_folder = xstrdup(real);
    *ret_root = symlink_root(real);
    return 0;
}

static int find_path(const char *name, const struct model_places *at, char **ret_folder,
                     char **ret_root, struct err *err)
{
    const char *home = json_str(at->environ, "HOME", "/");
    _cleanup_free_ char *path = name[0] == '~'               ? fs_join(home, name + 2)
                                : name[0] == '/' || !at->cwd ? xstrdup(name)
                                                             : fs_join(at->cwd, name);
    struct stat st;
    if (take_folder(path, ret_folder, ret_root) == 0)
        return 0;
    if (stat(path, &st) < 0)
        err_set(err, ERR_USER, "no_such_model", "there is no folder %s", path);
    else
        err_set(err, ERR_USER, "no_such_model",
                "%s holds no model: neither config.json nor adapter_config.json is in it", path);
    err_hint(err, "name a folder with a model in Hugging Face's layout");
    return -EINVAL;
}

static int find_in_cache(const char *name, const char *hub, char **ret_folder, char **ret_root)
{
    const char *slash = strchr(name, '/');
    _cleanup_free_ char *repo =
        slash ? xasprintf("%s/models--%.*s--%s", hub, (int)(slash - name), name, slash + 1)
              : xasprintf("%s/models--%s", hub, name);
    _cleanup_free_ char *ref = fs_join(repo, "refs/main"), *commit = NULL;
    size_t len;
    int r = fs_read_file(AT_FDCWD, ref, 256, &commit, &len);
    if (r < 0)
        return r;
    commit[strcspn(commit, "\r\n ")] = '\0';
    if (*commit == '\0' || strspn(commit, "0123456789abcdef") != strlen(commit))
        return -ENOENT;
    _cleanup_free_ char *snapshot = xasprintf("%s/snapshots/%s", repo, commit);
    return take_folder(snapshot, ret_folder, ret_root);
}

/* The first few names that would work, for the hint. */
static void known_names(const struct model_places *at, const char *hub, struct buf *out)
{
    static const char *const builtin[] = {"seer/tiny-gemma2-it", "seer/tiny-gemma2-secret"};
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(builtin); i++)
        r |= buf_appendf(out, "%s%s", out->len ? ", " : "", builtin[i]);
    DIR *d = hub ? opendir(hub) : NULL;
    const struct dirent *de;
    for (int shown = 0; d && shown < 6 && (de = readdir(d));) {
        const char *rest = de->d_name + 8, *mid = NULL;
        if (strncmp(de->d_name, "models--", 8) != 0 || !(mid = strstr(rest, "--")))
            continue;
        r |= buf_appendf(out, ", %.*s/%s", (int)(mid - rest), rest, mid + 2);
        shown++;
    }
    if (d)
        closedir(d);
    (void)r; /* a full buffer only shortens the hint */
}

int model_find(const char *name, const struct model_places *at, char **ret_folder, char **ret_root,
               struct err *err)
{
    if (model_name_is_path(name))
        return find_path(name, at, ret_folder, ret_root, err);
    int r = model_name_check(name, err);
    if (r < 0)
        return r;
    if (at->builtin && strncmp(name, "seer/", 5) == 0) {
        _cleanup_free_ char *whole = fs_join(at->builtin, name);
        _cleanup_free_ char *part = fs_join(at->builtin, name + 5);
        if (take_folder(whole, ret_folder, ret_root) == 0 ||
            take_folder(part, ret_folder, ret_root) == 0)
            return 0;
    }
    _cleanup_free_ char *hub = model_hub_cache(at->environ);
    if (hub && find_in_cache(name, hub, ret_folder, ret_root) == 0)
        return 0;
    _cleanup_buf_ struct buf known = BUF_INIT(400);
    known_names(at, hub, &known);
    err_set(err, ERR_USER, "no_such_model",
            "the model %s is neither built in nor in the Hugging Face cache (%s)", name,
            hub ? hub : "there is none");
    err_hint(err, "downloads come with a later version; here are: %s", known.data);
    return -EINVAL;
}
