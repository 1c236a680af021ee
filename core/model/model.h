/* SPDX-License-Identifier: Apache-2.0
 *
 * model: from the names in a config to folders a sandbox may see.
 *
 * A name is a built-in model (seer/...), a folder (starts with / or ./ or ../ or ~/), or a model id
 * of the hub, looked for in the user's own hub cache; nothing is downloaded. What is found is
 * staged: SEER_CACHE/models/<digest>/ holds hard links (or copies) of its files under a neutral
 * path, since a mount's source can be read from inside (/proc/self/mountinfo). Symlinks are
 * followed only while they stay in the model's own folder or its hub repository: a repository's
 * author must not be able to hand a file of this machine to the sandbox.
 *
 * hidden: only files a loader needs are staged, and names in their JSON are replaced.
 */
#ifndef SEER_MODEL_MODEL_H
#define SEER_MODEL_MODEL_H

#include "base/err.h"
#include "proto/json.h"

struct model_places {
    const char *cwd;       /* for ./relative folders; may be NULL */
    const char *builtin;   /* the folder `models` of this installation; may be NULL */
    const char *cache;     /* SEER_CACHE */
    const json_t *environ; /* the caller's: HF_HUB_CACHE, HF_HOME, HOME */
};

/* A folder, as opposed to an id. */
bool model_name_is_path(const char *name);
/* code bad_model_name unless it can be a model id. */
_must_check_ int model_name_check(const char *name, struct err *err);
/* A Python identifier that is no keyword: what a var_name may be. */
bool model_var_valid(const char *var);
/* The hub cache's folder of the environ; malloc'ed, NULL when there is no HOME. */
char *model_hub_cache(const json_t *environ);

/* Where the files of `name` are. *ret_root: symlinks may lead anywhere below it. Both malloc'ed. */
_must_check_ int model_find(const char *name, const struct model_places *at, char **ret_folder,
                            char **ret_root, struct err *err);
/* Stages a folder; *ret is the staged path, malloc'ed. base_path: what an adapter's JSON names as
 * its base in the guest (hidden only), may be NULL. */
_must_check_ int model_stage(const char *folder, const char *root, const char *cache, bool hidden,
                             const char *base_path, char **ret, struct err *err);

/* models: the config's list, fields checked already (image/config.h). Appends bind mounts for the
 * plan to `mounts` and gives the list that shim.session takes (new reference). */
_must_check_ int model_resolve(const json_t *models, const struct model_places *at, json_t *mounts,
                               json_t **ret_models, struct err *err);

#endif
