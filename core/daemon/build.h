/* SPDX-License-Identifier: Apache-2.0
 *
 * build: Python environments (image/env.h), each built once however many starts want it. Within one
 * daemon they wait on the same struct build; across daemons that share a cache, on a flock that
 * flock(1) waits for in a child.
 */
#ifndef SEER_DAEMON_BUILD_H
#define SEER_DAEMON_BUILD_H

#include "base/buf.h"
#include "daemon/start.h"

struct run;

struct build {
    LIST_ENTRY(build) entry;
    struct daemon *daemon; /* borrowed */
    struct env_recipe recipe;
    LIST_HEAD(, start) starts; /* who waits */
    char *dir;                 /* owned; SEER_CACHE/env */
    char *tmp;                 /* owned; the folder it is built in; NULL before */
    int lock_fd;
    struct run *lock; /* borrowed; flock(1), while it waits */
    struct box *box;  /* borrowed; the builder's */
    size_t attempt;
    struct buf line, tail; /* of the installer's output */
    struct buf frozen;     /* of `uv pip freeze` */
    bool ending;           /* nobody waits any more, or it failed */
    struct err err;        /* why it failed */
};

/* Removes what builds left that no living daemon works on. */
void build_clean(struct daemon *d);
/* The daemon ends: children that wait for locks end too. */
void build_abandon(struct daemon *d);
/* Whatever state it is in; the starts that wait for it are not told. */
void build_free(struct build *b);

/* builder.c: makes the environment in b->tmp; then build_finish, with b->err set when it failed. The
 * builder's sandbox is gone by then. */
void builder_start(struct build *b);
/* Nobody waits: ends it early. */
void builder_cancel(struct build *b);
void build_finish(struct build *b);
/* To everyone who waits. */
void build_say(struct build *b, const char *state, const char *text);

#endif
