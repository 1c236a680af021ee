/* SPDX-License-Identifier: Apache-2.0
 *
 * guest: the cloned child's way from a copy of the caller to seer-init behind all walls.
 */
#ifndef SEER_SANDBOX_GUEST_H
#define SEER_SANDBOX_GUEST_H

#include "sandbox/cgroup.h"
#include "sandbox/syscalls.h"

struct guest {
    const struct plan *plan; /* borrowed, as is all below */
    const char *skeleton;
    const struct syscall_filter *filter;
    const struct cgroup *cgroup;
    const char *init_path;
    int init_fd;                   /* filled by the child */
    int control;                   /* the child's end of the link */
    int go;                        /* one byte comes: "the ids are mapped" */
    int parent_control, parent_go; /* the caller's ends, to close */
};

/* Does not return: executes seer-init, or sends a struct err over control and exits. */
_Noreturn void guest_run(const struct guest *g);

#endif
