/* SPDX-License-Identifier: Apache-2.0
 *
 * job: one command that the shim asked for, and the list of those that live.
 */
#ifndef SEER_INIT_JOB_H
#define SEER_INIT_JOB_H

#include "sandbox/init_link.h"

#include <sys/types.h>

struct jobs {
    struct job {
        uint32_t id;
        pid_t pid;
    } * list; /* owned */
    size_t count, cap;
};

void jobs_add(struct jobs *jobs, uint32_t id, pid_t pid);
/* -1 when there is none. */
pid_t jobs_pid(const struct jobs *jobs, uint32_t id);
bool jobs_remove(struct jobs *jobs, pid_t pid, uint32_t *ret_id);

/* Forks and executes m with fds as its 0, 1, 2, …, in a session of its own. Returns when the exec
 * has happened: the pid, or a negative errno with *ret_step telling what failed. */
pid_t job_start(const struct init_msg *m, const int *fds, size_t nfds, uint32_t *ret_step);

/* Kills and reaps all descendants of this process (isolation "none": nobody else will). */
void jobs_kill_all(void);

#endif
