/* SPDX-License-Identifier: Apache-2.0
 *
 * init_link: what the shim and seer-init say to each other, over one SOCK_SEQPACKET socket. One
 * packet is one message of at most INIT_PACKET_MAX bytes, little-endian:
 *
 *   u32 type | u32 job | payload
 *   shim -> init
 *     SPAWN   u32 argc, u32 envc, then argc + envc + 1 NUL-terminated strings: argv, env, cwd;
 *             with 3..INIT_FDS_MAX descriptors (SCM_RIGHTS) that become 0, 1, 2, 3, … of the child.
 *             The child leads a process group of its own.
 *     SIGNAL  i32 signal, u32 group (0: the process, 1: its process group)
 *   init -> shim
 *     UP      (job 0) the guest stands
 *     STARTED i32 pid inside
 *     FAILED  i32 errno, u32 step (enum init_step): the spawn did not happen
 *     EXITED  i32 wait status as waitpid gives it, u64 max rss KiB
 *
 * init ends, and the whole sandbox with it, when the socket closes. The guest cannot reach the
 * socket, but the shim still checks each packet: after a kernel bug, init is the guest's.
 */
#ifndef SEER_SANDBOX_INIT_LINK_H
#define SEER_SANDBOX_INIT_LINK_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INIT_PACKET_MAX (128u << 10)
#define INIT_FDS_MAX 8

enum init_type { INIT_SPAWN = 1, INIT_SIGNAL, INIT_UP, INIT_STARTED, INIT_FAILED, INIT_EXITED };
enum init_step { INIT_STEP_PARSE, INIT_STEP_FORK, INIT_STEP_CWD, INIT_STEP_FDS, INIT_STEP_EXEC };

struct init_msg {
    enum init_type type;
    uint32_t job;
    /* SPAWN: pointers into the packet; argv and env are NULL-terminated (owned arrays). */
    char **argv, **env;
    const char *cwd;
    int32_t value;  /* signal, pid, errno or wait status */
    uint32_t extra; /* group or step */
    uint64_t rss_kib;
};

/* Pure: checks and takes apart one packet (it may be changed). 0 or -EBADMSG. */
_must_check_ int init_msg_parse(char *packet, size_t len, struct init_msg *ret);
void init_msg_done(struct init_msg *m);

/* The shim's side. job: any number the caller picks, unique while the job lives. env NULL: the
 * plan's environment is not known here, so it must be given. -E2BIG when it does not fit. */
_must_check_ int init_spawn(int control, uint32_t job, char *const argv[], char *const env[],
                            const char *cwd, const int *fds, size_t nfds, struct err *err);
_must_check_ int init_signal(int control, uint32_t job, int sig, bool group, struct err *err);
/* Next message: 1 with *ret, 0 when there is none now (EAGAIN), -EPIPE at the end, -EBADMSG.
 * Descriptors that came along are handed over in ret_fds (*ret_nfds of them); NULL refuses any.
 * buf (INIT_PACKET_MAX bytes) backs the pointers in *ret. */
_must_check_ int init_recv(int control, char *buf, struct init_msg *ret, int *ret_fds,
                           size_t *ret_nfds);
_must_check_ int init_send(int control, enum init_type type, uint32_t job, int32_t value,
                           uint32_t extra, uint64_t rss_kib);

#endif
