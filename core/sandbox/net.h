/* SPDX-License-Identifier: Apache-2.0
 *
 * net: the guest's network. Without one it has a loopback of its own; with the host's it shares
 * everything but the abstract Unix sockets, where Landlock can take those away (ABI 6).
 */
#ifndef SEER_SANDBOX_NET_H
#define SEER_SANDBOX_NET_H

#include "base/cleanup.h"
#include "base/err.h"

/* In the new network namespace: brings "lo" up. */
_must_check_ int net_loopback_up(struct err *err);
/* With the host's network, after no_new_privs: no abstract sockets of the host (CVE-2020-15257).
 * 0, or -ENOTSUP where the kernel has no such wall. */
_must_check_ int net_scope_sockets(struct err *err);
/* Landlock's version here, 0 without. */
int net_landlock_abi(void);

#endif
