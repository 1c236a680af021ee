/* SPDX-License-Identifier: Apache-2.0
 *
 * env: the recipe of a Python environment, decided before anything is built. Its key is the SHA-256
 * of what decides its content (interpreter, packages, where packages come from, constraints, the
 * choice of torch, ENV_FORMAT). SEER_CACHE/env/<key>/ holds
 *     tree/       the environment, made as /opt/env
 *     meta.json   {packages, resolved, python, created_ns, notes}; its presence says: finished
 * and is put in place by one rename. Builders work in env/.tmp-<key>-<random>/ under a flock on
 * env/.lock-<key>.
 */
#ifndef SEER_IMAGE_ENV_H
#define SEER_IMAGE_ENV_H

#include "base/err.h"
#include "image/python.h"
#include "proto/json.h"

#define ENV_FORMAT "env 1"
#define ENV_GUEST "/opt/env"
#define ENV_GUEST_INPUTS "/opt/build"
#define ENV_GUEST_CACHE "/opt/uv-cache"

struct env_recipe {
    char key[65];
    json_t *packages; /* owned: sorted */
    json_t *mounts;  /* owned: read-only binds of the builder: folders with packages, /opt/python */
    json_t *inputs;  /* owned: {file: text} for ENV_GUEST_INPUTS */
    json_t *environ; /* owned: the environment of uv in the builder */
    json_t *args;    /* owned: options of `uv pip install` */
    /* owned: [{args: [...], note?}], tried in order while torch is what cannot be resolved */
    json_t *attempts;
    json_t *notes; /* owned */
    char *python;  /* owned: the interpreter as the guest sees it */
    char *version; /* owned */
};

_must_check_ int env_recipe(const json_t *packages, const struct python *python,
                            const json_t *environ, bool gpu, struct env_recipe *ret,
                            struct err *err);
void env_recipe_done(struct env_recipe *r);
/* uv on this machine: SEER_UV, beside the seer binaries, .venv of the source tree, the caller's
 * PATH. malloc'ed; NULL with err. */
char *env_uv(const json_t *environ, struct err *err);

#endif
