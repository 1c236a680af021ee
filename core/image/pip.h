/* SPDX-License-Identifier: Apache-2.0
 *
 * pip: where this user's packages come from. pip's configuration files and PIP_* variables, as pip
 * reads them (later wins): /etc/xdg/pip/pip.conf, /etc/pip.conf, ~/.pip/pip.conf,
 * ~/.config/pip/pip.conf, PIP_CONFIG_FILE; in each [global], then [install]; then the environment.
 * UV_* variables of the user stand above all of it.
 */
#ifndef SEER_IMAGE_PIP_H
#define SEER_IMAGE_PIP_H

#include "base/err.h"
#include "proto/json.h"

struct pip {
    json_t *indexes;       /* owned: extra indexes, strings */
    json_t *find_links;    /* owned */
    json_t *constraints;   /* owned: paths or URLs */
    json_t *trusted_hosts; /* owned */
    char *index;           /* owned; NULL: the default */
    char *cert;            /* owned; NULL: the default */
    char *timeout;         /* owned; seconds, NULL */
    bool no_index;
};

/* Reads one file's text into `into` ({option: value}, sections global and install merged in that
 * order). As Python's configparser: '#' and ';' lines, "key = value" or "key: value", values go on in
 * indented lines. Pure; what is no option is passed over. */
void pip_ini(const char *text, size_t len, json_t *into);
/* Everything for a caller with this environ. */
void pip_read(const json_t *environ, struct pip *ret);
void pip_done(struct pip *p);

#endif
