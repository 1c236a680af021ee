/* SPDX-License-Identifier: Apache-2.0
 *
 * paths: where seer keeps things. All results are absolute and malloc'ed.
 *   home   SEER_HOME, else XDG_DATA_HOME/seer, else ~/.local/share/seer   state: must survive
 *   cache  SEER_CACHE, else XDG_CACHE_HOME/seer, else ~/.cache/seer       may be deleted any time
 *   run    XDG_RUNTIME_DIR/seer/<h>, else /tmp/seer-<uid>/<h>             sockets; short on purpose,
 *          since a Unix address holds 107 bytes. <h> = 64-bit FNV-1a of home, hex, so every SEER_HOME
 *          has a daemon of its own.
 */
#ifndef SEER_BASE_PATHS_H
#define SEER_BASE_PATHS_H

#include "base/cleanup.h"
#include "base/err.h"

struct paths {
    char *home;  /* owned */
    char *cache; /* owned */
    char *run;   /* owned */
};

/* Finds the three and makes them, mode 0700, refusing a run folder that another user owns. */
_must_check_ int paths_init(struct paths *p, struct err *err);
void paths_done(struct paths *p);

/* A folder that ships with seer ("guest", "models"): SEER_DATA/<name>, beside the build tree
 * (build/bin/../../<name>), or bin/../share/seer/<name>. NULL when there is none; malloc'ed. */
char *paths_data(const char *name);

#endif
