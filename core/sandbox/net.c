/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/net.h"

#include <linux/landlock.h>
#include <stdint.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

int net_loopback_up(struct err *err)
{
    _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
        return err_sys(err, errno, "cannot bring up the sandbox's loopback");
    return 0;
}

int net_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

int net_scope_sockets(struct err *err)
{
    if (net_landlock_abi() < 6)
        return -ENOTSUP;
    /* struct landlock_ruleset_attr as of ABI 6; older headers end earlier. */
    struct {
        uint64_t fs, net, scoped;
    } attr = {.scoped = 1 /* LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET */};
    _cleanup_close_ int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
        return err_sys(err, errno, "cannot shut the host's abstract sockets out");
    return 0;
}
