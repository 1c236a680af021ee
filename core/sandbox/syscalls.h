/* SPDX-License-Identifier: Apache-2.0
 *
 * syscalls: the seccomp filter, the system calls a guest may not make. A list of what is refused, as container runtimes
 * keep it, over a kernel that refuses most of it anyway in a user namespace: the filter is there
 * for the bugs in that code. Calls newer than this list say ENOSYS. Made in the caller before
 * clone, so that the child only has to load it.
 */
#ifndef SEER_SANDBOX_SYSCALLS_H
#define SEER_SANDBOX_SYSCALLS_H

#include "base/cleanup.h"
#include "base/err.h"

#include <linux/filter.h>

struct syscall_filter {
    struct sock_filter *code; /* owned */
    unsigned short len;
};

_must_check_ int syscalls_make(struct syscall_filter *ret, struct err *err);
void syscalls_done(struct syscall_filter *f);
/* For this process and all it starts; no_new_privs must be set. */
_must_check_ int syscalls_load(const struct syscall_filter *f, struct err *err);

#endif
