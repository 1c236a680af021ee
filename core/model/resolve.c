/* SPDX-License-Identifier: Apache-2.0
 *
 * resolve: the config's models -> mounts of the plan, and what shim.session says to the guest.
 */
#include "model/model.h"

#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>

enum { ADAPTER_CONFIG_MAX = 1 << 20, MODELS_MAX = 64 };

struct resolve {
    const struct model_places *at;
    json_t *mounts; /* borrowed */
    int next;       /* the N of /models/mN */
};

/* Adds the folder to the mounts (once per staged path) and gives its path in the guest. */
static char *mount_at(struct resolve *r, const char *staged)
{
    size_t i;
    const json_t *m;
    json_array_foreach (r->mounts, i, m) {
        if (strcmp(json_str(m, "src", ""), staged) == 0)
            return xstrdup(json_str(m, "dst", ""));
    }
    char *dst = xasprintf("/models/m%d", r->next++);
    json_array_append_new(r->mounts, json_pack("{s:s, s:s, s:s, s:b}", "type", "bind", "src",
                                               staged, "dst", dst, "writable", 0));
    return dst;
}

static int adapter_base(const char *folder, char **ret, struct err *err)
{
    _cleanup_free_ char *path = fs_join(folder, "adapter_config.json"), *text = NULL;
    size_t len;
    int r = fs_read_file(AT_FDCWD, path, ADAPTER_CONFIG_MAX, &text, &len);
    if (r < 0)
        return err_sys(err, -r, "cannot read adapter_config.json of the adapter");
    _cleanup_json_ json_t *j = json_parse_object(text, len, err);
    if (!j)
        return err_wrap(err, "adapter_config.json of the adapter");
    const char *base = json_str(j, "base_model_name_or_path", "");
    /* The adapter's author may name a model, not a folder of this machine. */
    if (*base && !model_name_is_path(base) && model_name_check(base, NULL) == 0) {
        *ret = xstrdup(base);
        return 0;
    }
    err_set(err, ERR_USER, "no_such_model", "the adapter does not name its base model");
    err_hint(err, "give base_model in its ModelConfig");
    return -EINVAL;
}

static bool folder_has(const char *folder, const char *file)
{
    _cleanup_free_ char *path = fs_join(folder, file);
    return access(path, R_OK) == 0;
}

static int check_kind(const char *name, const char *folder, bool is_peft, struct err *err)
{
    if (is_peft && !folder_has(folder, "adapter_config.json")) {
        err_set(err, ERR_USER, "no_such_model", "%s is no adapter: it has no adapter_config.json",
                name);
        err_hint(err, "leave out is_peft");
        return -EINVAL;
    }
    if (!is_peft && !folder_has(folder, "config.json")) {
        err_set(err, ERR_USER, "no_such_model", "%s is an adapter, not a whole model", name);
        err_hint(err, "set is_peft=True, and base_model if the adapter does not name it");
        return -EINVAL;
    }
    return 0;
}

static int place(struct resolve *r, const char *name, bool is_peft, bool hidden,
                 const char *base_path, char **ret_folder, char **ret_path, struct err *err)
{
    _cleanup_free_ char *folder = NULL, *root = NULL, *staged = NULL;
    int e = model_find(name, r->at, &folder, &root, err);
    if (e == 0)
        e = check_kind(name, folder, is_peft, err);
    if (e == 0)
        e = model_stage(folder, root, r->at->cache, hidden, base_path, &staged, err);
    if (e < 0)
        return e;
    *ret_path = mount_at(r, staged);
    if (ret_folder)
        *ret_folder = TAKE_PTR(folder);
    return 0;
}

/* An adapter's base must have its path before the adapter is staged (its JSON may name it). */
static int place_base(struct resolve *r, const json_t *m, bool hidden, char **ret_name,
                      char **ret_path, struct err *err)
{
    const char *given = json_str(m, "base_model", NULL);
    if (given)
        *ret_name = xstrdup(given);
    else {
        _cleanup_free_ char *folder = NULL, *root = NULL;
        const char *name = json_str(m, "name", "");
        int e = model_find(name, r->at, &folder, &root, err);
        if (e == 0)
            e = check_kind(name, folder, true, err);
        if (e == 0)
            e = adapter_base(folder, ret_name, err);
        if (e < 0)
            return e;
    }
    int e = place(r, *ret_name, false, hidden, NULL, NULL, ret_path, err);
    return e < 0 ? err_wrap(err, "the base model of an adapter") : 0;
}

static int resolve_one(struct resolve *r, const json_t *m, json_t *out, struct err *err)
{
    _cleanup_free_ char *path = NULL, *base_path = NULL, *base_name = NULL;
    const char *name = json_str(m, "name", ""), *var = json_str(m, "var_name", "model");
    bool hidden = json_flag(m, "hidden", false), is_peft = json_flag(m, "is_peft", false);
    if (!model_var_valid(var))
        return err_set(err, ERR_USER, "bad_parameter",
                       "a model's var_name must be a Python name, not \"%.64s\"", var);
    int e = is_peft ? place_base(r, m, hidden, &base_name, &base_path, err) : 0;
    if (e == 0)
        e = place(r, name, is_peft, hidden, base_path, NULL, &path, err);
    if (e < 0)
        return e;
    /* A hidden model's name stops here: the guest is told its variable's. */
    json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:b, s:b}", "name",
                                         hidden ? var : name, "var", var, "path", path, "base_path",
                                         base_path, "base_name", hidden ? NULL : base_name,
                                         "is_peft", is_peft, "hidden", hidden));
    return 0;
}

int model_resolve(const json_t *models, const struct model_places *at, json_t *mounts,
                  json_t **ret_models, struct err *err)
{
    struct resolve r = {.at = at, .mounts = mounts};
    _cleanup_json_ json_t *out = json_array();
    if (json_array_size(models) > MODELS_MAX)
        return err_set(err, ERR_USER, "bad_parameter", "more than %d models", MODELS_MAX);
    size_t i;
    const json_t *m;
    json_array_foreach (models, i, m) {
        int e = resolve_one(&r, m, out, err);
        if (e < 0)
            return e;
    }
    *ret_models = TAKE_PTR(out);
    return 0;
}
