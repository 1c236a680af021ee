/* SPDX-License-Identifier: Apache-2.0
 *
 * jobs: the processes that seer-init runs for the shim, by number.
 *
 * ended fires exactly once per job that jobs_spawn() accepted, never before it returns; the number
 * means nothing afterwards (jobs_signal on it is a no-op).
 */
#ifndef SEER_SHIM_JOBS_H
#define SEER_SHIM_JOBS_H

#include "shim/shim.h"

struct job_end {
    enum { JOB_EXITED, JOB_FAILED, JOB_LOST } how; /* LOST: the sandbox ended */
    int status;                                    /* EXITED: as waitpid gives it */
    int errnum;                                    /* FAILED */
    unsigned step;                                 /* FAILED: enum init_step */
};

struct job_ops {
    void (*ended)(struct shim *s, uint32_t job, const struct job_end *end, void *ctx);
};

/* env and argv NULL-terminated; fds become 0, 1, 2, … of the child; all borrowed. */
_must_check_ int jobs_spawn(struct shim *s, char *const argv[], char *const env[], const char *cwd,
                            const int *fds, size_t nfds, const struct job_ops *ops, void *ctx,
                            uint32_t *ret_job, struct err *err);
/* To the job's process group. */
void jobs_signal(struct shim *s, uint32_t job, int sig);
/* The link to init is readable. */
void jobs_on_control(uv_poll_t *h, int status, int events);
/* The sandbox is dead: what init still had to say is heard, then every job that is left is LOST. */
void jobs_lost(struct shim *s);
/* A FAILED end as an error that names the command. */
int jobs_failure(const struct job_end *end, const char *command, const char *cwd, struct err *err);

#endif
