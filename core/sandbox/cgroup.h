/* SPDX-License-Identifier: Apache-2.0
 *
 * cgroup: the limits of one sandbox, on v1 and v2, each controller where this machine has it.
 *
 * v1: a child "seer-<id>" of the caller's own group in each hierarchy that is needed, so that a
 * limit around the caller holds for the guest too. v2: beside the caller's group, since a group
 * with processes may not hand controllers down (a child of it where it is the root).
 *
 * A process enters a v1 group by writing "0" to its `tasks` file by itself: moving another process,
 * or a whole thread group, waits for an RCU grace period (milliseconds). v2 is entered by
 * CLONE_INTO_CGROUP.
 */
#ifndef SEER_SANDBOX_CGROUP_H
#define SEER_SANDBOX_CGROUP_H

#include "sandbox/sandbox.h"

#define CGROUP_DIRS_MAX 4

enum cgroup_controller { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU, CGROUP_CPUACCT, CGROUP_COUNT };

struct cgroup_dir {
    char *path; /* owned; of the sandbox's group */
    bool v2;
    unsigned controllers; /* bits of 1 << enum cgroup_controller */
    int enter_fd;         /* v1: `tasks`; v2: the folder */
};

struct cgroup {
    struct cgroup_dir dirs[CGROUP_DIRS_MAX];
    size_t count;
};

/* Pure: the caller's own group of a controller, from the texts of /proc/self/mountinfo and
 * /proc/self/cgroup. controller NULL: the v2 tree. 0 with *ret malloc'ed, or -ENOENT. */
_must_check_ int cgroup_find(const char *mountinfo, const char *groups, const char *controller,
                             char **ret);

/* Makes what the plan's limits need and sets them. What cannot be had becomes a sentence in
 * notes; only a group that was made and then refuses its limit is an error. */
_must_check_ int cgroup_create(const struct plan *plan, struct cgroup *ret, json_t *notes,
                               struct err *err);
/* The child's side for v1. */
_must_check_ int cgroup_enter(const struct cgroup *cg, struct err *err);
/* The v2 folder for CLONE_INTO_CGROUP, or -1. */
int cgroup_clone_fd(const struct cgroup *cg);
void cgroup_usage(const struct cgroup *cg, struct sandbox_usage *ret);
/* Kills what is inside (isolation "none"; a reap). */
void cgroup_kill(const char *path, bool v2);
/* rmdir; absent is fine. */
_must_check_ int cgroup_remove(const char *path, struct err *err);
void cgroup_done(struct cgroup *cg);

#endif
