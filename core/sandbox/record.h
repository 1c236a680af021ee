/* SPDX-License-Identifier: Apache-2.0
 *
 * record: dir/record.json, what has to be undone when the shim is dead:
 *
 *   {"version": 1, "isolation": "namespaces"|"none", "pid": n, "started": ticks, "pidns": inode,
 *    "cgroups": [{"path": P, "v2": bool}]}
 *
 * Written before the clone (pid 0) and again after it. Not synced: what it names does not survive
 * the machine either. A process is killed only if pid, start time and pid namespace all agree.
 */
#ifndef SEER_SANDBOX_RECORD_H
#define SEER_SANDBOX_RECORD_H

#include "sandbox/cgroup.h"

struct record {
    bool none; /* isolation */
    pid_t pid;
    uint64_t started, pidns;
    struct record_cgroup {
        char *path; /* owned */
        bool v2;
    } cgroups[CGROUP_DIRS_MAX];
    size_t cgroup_count;
};

/* Pure: the 22nd field of /proc/<pid>/stat (the name in it may hold anything), 0 if malformed. */
uint64_t record_started(const char *stat);
_must_check_ int record_write(const char *dir, const struct plan *plan, const struct cgroup *cg,
                              pid_t pid, struct err *err);
/* -ENOENT when there is none. */
_must_check_ int record_read(const char *dir, struct record *ret, struct err *err);
/* A pidfd of the recorded process, or -ESRCH when it has gone. */
_must_check_ int record_open(const struct record *rec);
void record_done(struct record *rec);

#endif
