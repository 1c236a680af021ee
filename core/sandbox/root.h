/* SPDX-License-Identifier: Apache-2.0
 *
 * root: the guest's file system, built by the cloned child in its own mount namespace.
 *
 *   root_prepare  (caller) the sandbox's folders: upper<N> and work<N> for each overlay
 *   root_open     (child, still with the caller's host ids) opens every host path: afterwards no
 *                 host path is looked up again
 *   root_build    (child, as the guest's root) makes the mounts from those descriptors
 *   root_enter    (child) pivots and lets the host's tree go
 *
 * The overlays are mounted as the guest's root, so the kernel reads host files with its rights: a
 * file that only the host's root may read stays unreadable, whatever its path.
 */
#ifndef SEER_SANDBOX_ROOT_H
#define SEER_SANDBOX_ROOT_H

#include "sandbox/ids.h"
#include "sandbox/plan.h"

#define ROOT_LOWERS_MAX 64

struct root_source {
    enum plan_mount_type type;
    const char *dst;  /* borrowed */
    const char *name; /* borrowed; for messages */
    int mnt;          /* PLAN_BIND: the detached mount */
    bool is_dir;
    int lowers[ROOT_LOWERS_MAX], upper, work;
    size_t lower_count;
    uint64_t size;
};

struct root {
    const struct plan *plan;     /* borrowed */
    int point;                   /* where the root is mounted at first: the sandbox's own folder */
    struct root_source *sources; /* owned */
    size_t count;
    int *files; /* owned: plan->files, open */
    int null, devices[6];
    char *resolv; /* owned: the host's resolv.conf, with a network */
    int fd;       /* the new root */
};

_must_check_ int root_prepare(const struct plan *plan, const struct ids *ids, struct err *err);
_must_check_ int root_open(struct root *r, const struct plan *plan, const char *skeleton,
                           struct err *err);
_must_check_ int root_build(struct root *r, struct err *err);
_must_check_ int root_enter(struct root *r, struct err *err);

#endif
