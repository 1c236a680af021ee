/* SPDX-License-Identifier: Apache-2.0
 *
 * config: a SandboxConfig as JSON (docs: the seed page), checked field by field. Each refusal is one
 * sentence that names the field. What a later version brings is refused with code "unsupported",
 * never passed over.
 */
#ifndef SEER_IMAGE_CONFIG_H
#define SEER_IMAGE_CONFIG_H

#include "base/err.h"
#include "proto/json.h"

#include <stdint.h>

struct config_from {       /* borrowed */
    const json_t *environ; /* the caller's; may be NULL */
    const json_t *secrets; /* {name: value}; may be NULL */
    const char *cwd;       /* absolute; may be NULL */
    bool have_gpu;         /* of this machine */
};

struct config {
    bool cli;         /* execution_mode */
    json_t *models;   /* owned: [{name, var_name, hidden, is_peft, base_model?}] */
    json_t *packages; /* owned: what is to be installed, with what is always added; may be empty */
    json_t *system;   /* owned: apt names that must be there already */
    json_t *env;      /* owned: {NAME: value}, secrets included */
    json_t *files;    /* owned: [{src, dst}] for the plan */
    json_t *notes;    /* owned: sentences for the user */
    json_t *shown;    /* owned: the config as given, without secret values */
    const char *name; /* into shown; NULL when none was given */
    bool network;     /* shares the host's */
    uint64_t memory, pids; /* 0: the default */
    double cpu;
    json_int_t timeout;
};

_must_check_ int config_parse(const json_t *in, const struct config_from *from, struct config *ret,
                              struct err *err);
void config_done(struct config *c);
/* "8G", "512M", "1073741824" -> bytes. */
_must_check_ int config_size(const char *text, uint64_t *ret);
/* A name of a sandbox or session: 1..LIMIT_NAME of [A-Za-z0-9._-], no leading dot or dash. */
bool config_name_valid(const char *s);

#endif
