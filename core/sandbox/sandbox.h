/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox: the walls around one guest, from prepared to gone. plan -> apply -> verify.
 *
 * sandbox_start() writes `dir`/record.json (what to undo: cgroup paths, folders), makes the folders
 * and the cgroup, clones the guest's PID 1 into new user, mount, pid, ipc, uts, net and cgroup
 * namespaces, maps its ids, lets it build its root, drop its privileges and exec seer-init, and
 * returns when init says it is up, or with the reason why not and nothing left behind. It blocks
 * for a few milliseconds; the caller must be single-threaded (call it before the first ZeroMQ
 * socket).
 *
 * As root the guest's ids 0..65535 are IDS_BASE.. on the host (base/ids.h), so root inside
 * owns nothing outside; as an ordinary user, root inside is that user and no other id exists.
 */
#ifndef SEER_SANDBOX_SANDBOX_H
#define SEER_SANDBOX_SANDBOX_H

#include "sandbox/plan.h"

#include <sys/types.h>

struct sandbox;

struct sandbox_usage {
    uint64_t memory, memory_max; /* bytes; 0 unknown */
    uint64_t pids;
    uint64_t oom_kills;
    uint64_t cpu_ns;
};

/* init_path: the seer-init binary on the host; cache_dir: where the skeleton is kept. */
_must_check_ int sandbox_start(const struct plan *plan, const char *init_path,
                               const char *cache_dir, struct sandbox **ret, struct err *err);
/* Readable when the guest's PID 1 has ended (then all of the sandbox has). Borrowed. */
int sandbox_pidfd(const struct sandbox *sb);
/* The link to seer-init (init_link.h), SOCK_SEQPACKET, non-blocking. Borrowed. */
int sandbox_control(const struct sandbox *sb);
pid_t sandbox_pid(const struct sandbox *sb);
/* "namespaces" or "none". */
const char *sandbox_isolation(const struct sandbox *sb);
/* Sentences about lower walls ("no memory limit: …"), as a JSON list; a new reference. */
json_t *sandbox_notes(const struct sandbox *sb);
void sandbox_usage(const struct sandbox *sb, struct sandbox_usage *ret);
/* uid and gid on the host of the guest's root: who must own a folder that the guest is to write. */
uid_t sandbox_root_uid(void);
gid_t sandbox_root_gid(void);
/* Kills everything inside, waits for its end, removes cgroup, uppers and `dir`. NULL is fine. */
int sandbox_destroy(struct sandbox *sb, struct err *err);
/* The same for a sandbox whose shim is dead, from dir/record.json. Absent is fine. */
_must_check_ int sandbox_reap(const char *dir, struct err *err);

/* What this machine can do: appends {name, state: ok|warn|fail, found, mend} to the list. Each
 * check tries the thing itself (makes the namespace, mounts the overlay, …), in a child. */
void sandbox_doctor(json_t *checks, const char *cache_dir);

#endif
