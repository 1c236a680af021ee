/* SPDX-License-Identifier: Apache-2.0
 *
 * start: one sandbox.start on its way.
 *
 *   config -> models -> (system packages) -> interpreter -> environment -> shim -> answer
 *
 * Each step goes on in the callback of the one before. When the caller cancels or leaves, `cancelled`
 * is set; the step that is under way ends the start when it comes back, and undoes what it made.
 */
#ifndef SEER_DAEMON_START_H
#define SEER_DAEMON_START_H

#include "daemon/daemon.h"
#include "image/config.h"
#include "image/env.h"

struct start {
    LIST_ENTRY(start) entry;   /* of the daemon */
    LIST_ENTRY(start) waiting; /* of a build */
    struct daemon *daemon;     /* borrowed */
    struct call *call;         /* owned */
    struct config config;
    json_t *environ; /* owned */
    char *cwd;       /* owned; may be NULL */
    json_t *mounts;  /* owned; of the models */
    json_t *models;  /* owned; for shim.session */
    char *env_path;  /* owned; the environment's tree; NULL: none */
    char env_key[65];
    struct build *build; /* borrowed; while waiting for it */
    struct box *box;     /* borrowed; once the shim is being started */
    bool cancelled;
};

/* build.c: gives s->env_path, at once or later; then start_launch or start_fail. Takes recipe. */
void build_want(struct daemon *d, struct start *s, struct env_recipe *take_recipe);
/* The start waits no more. */
void build_leave(struct start *s);

/* launch.c: from here the shim. */
void start_launch(struct start *s);
/* start.c */
void start_fail(struct start *s, const struct err *err);
void start_free(struct start *s);

#endif
