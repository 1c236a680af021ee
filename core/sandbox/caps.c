/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/caps.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define BIT(cap) (UINT64_C(1) << (cap))

/* What package managers, su and servers need; all of it counts for the guest's own files, ids and
 * processes only. Not SYS_ADMIN (mounts), NET_ADMIN, SYS_PTRACE, MKNOD (useless in a user
 * namespace), DAC_READ_SEARCH (open_by_handle_at). */
uint64_t caps_kept(void)
{
    return BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) |
           BIT(CAP_KILL) | BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETPCAP) | BIT(CAP_SETFCAP) |
           BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_CHROOT);
}

int caps_drop(struct err *err)
{
    uint64_t kept = caps_kept();
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return err_sys(err, errno, "cannot clear the ambient capabilities");
    for (int cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (!(kept & BIT(cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return err_sys(err, errno, "cannot drop capability %d", cap);
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)kept, .permitted = (uint32_t)kept},
        {.effective = (uint32_t)(kept >> 32), .permitted = (uint32_t)(kept >> 32)},
    };
    if (syscall(SYS_capset, &head, data) < 0)
        return err_sys(err, errno, "cannot set the capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(err, errno, "cannot set no_new_privs");
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) < 0)
        return err_sys(err, errno, "cannot forbid core dumps");
    return 0;
}
