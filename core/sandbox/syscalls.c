/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/syscalls.h"

#include "base/fs.h"
#include "base/mem.h"

#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* Of 6.18; numbers from 424 on are the same on every architecture. */
#define NEWEST_SYSCALL 469
#define NR_OPEN_TREE_ATTR 467

static const char *const refused[] = {
    /* mounts and namespaces */
    "mount", "umount", "umount2", "pivot_root", "setns", "fsopen", "fsmount", "fsconfig", "fspick",
    "move_mount", "open_tree", "mount_setattr", "open_by_handle_at", "swapon", "swapoff",
    "quotactl", "quotactl_fd", "acct", "fanotify_init", "sethostname", "setdomainname",
    /* the kernel and its clock */
    "init_module", "finit_module", "delete_module", "create_module", "kexec_load",
    "kexec_file_load", "reboot", "syslog", "settimeofday", "stime", "clock_settime",
    "clock_settime64", "clock_adjtime", "clock_adjtime64", "adjtimex", "iopl", "ioperm", "vhangup",
    "vm86", "vm86old", "modify_ldt", "nfsservctl", "uselib", "ustat", "sysfs", "_sysctl",
    "lookup_dcookie", "get_kernel_syms", "query_module",
    /* wide and often broken */
    "bpf", "perf_event_open", "userfaultfd", "add_key", "request_key", "keyctl"};

/* Programs probe for these and do without when they are absent. */
static const char *const absent[] = {"io_uring_setup", "io_uring_enter", "io_uring_register",
                                     "clone3" /* its flags lie in memory a filter cannot read */};

static const uint32_t namespaces[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,   CLONE_NEWUSER,
                                      CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};

static int add_names(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int nr = seccomp_syscall_resolve_name(names[i]);
        /* Negative numbers are calls this architecture does not have. */
        int r = nr < 0 ? 0 : seccomp_rule_add(ctx, action, nr, 0);
        if (r < 0)
            return r;
    }
    return 0;
}

static int add_namespaces(scmp_filter_ctx ctx)
{
    /* CLONE_NEWTIME is a signal number in clone(). */
    int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, 0x80, 0x80));
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(namespaces); i++) {
        uint32_t bit = namespaces[i];
        r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
        if (r == 0)
            r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
                                 SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
    }
    return r;
}

/* Unix, internet and netlink (without audit) are left. */
static int add_sockets(scmp_filter_ctx ctx)
{
    uint32_t no = SCMP_ACT_ERRNO(EAFNOSUPPORT);
    int r = seccomp_rule_add(ctx, no, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_NETLINK));
    if (r == 0)
        r = seccomp_rule_add(ctx, no, SCMP_SYS(socketpair), 1, SCMP_A0(SCMP_CMP_GT, AF_NETLINK));
    for (unsigned family = AF_INET + 1; r == 0 && family < AF_NETLINK; family++)
        if (family != AF_INET6)
            r = seccomp_rule_add(ctx, no, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, family));
    if (r == 0)
        r = seccomp_rule_add(ctx, no, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
                             SCMP_A2(SCMP_CMP_MASKED_EQ, 0xffffffff, 9 /* NETLINK_AUDIT */));
    return r;
}

static int add_arguments(scmp_filter_ctx ctx)
{
    /* Typing into the terminal behind us (CVE-2017-5226); the kernel looks at 32 bits only. */
    static const uint32_t ioctls[] = {TIOCSTI, TIOCLINUX};
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(ioctls); i++)
        r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                             SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, ioctls[i]));
    if (r == 0) /* no READ_IMPLIES_EXEC and the like */
        r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(personality), 1,
                             SCMP_A0(SCMP_CMP_NE, 0));
    if (r == 0)
        r = add_namespaces(ctx);
    return r < 0 ? r : add_sockets(ctx);
}

static int fill(scmp_filter_ctx ctx)
{
    int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (r == 0)
        r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a chain */
    if (r == 0)
        r = add_names(ctx, SCMP_ACT_ERRNO(EPERM), refused, ARRAY_SIZE(refused));
    if (r == 0)
        r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), NR_OPEN_TREE_ATTR, 0);
    if (r == 0)
        r = add_names(ctx, SCMP_ACT_ERRNO(ENOSYS), absent, ARRAY_SIZE(absent));
    return r < 0 ? r : add_arguments(ctx);
}

/* The library's program behind three instructions of our own, which it cannot express. */
static int export(scmp_filter_ctx ctx, struct syscall_filter *ret)
{
    const struct sock_filter head[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        /* x32 numbers start at 2^30: they are left to the check of the architecture. */
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, NEWEST_SYSCALL, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    };
    _cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fs_write_all(fd, head, sizeof head);
    if (r == 0)
        r = seccomp_export_bpf(ctx, fd);
    char *code = NULL;
    size_t len;
    if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
        r = -errno;
    if (r == 0)
        r = fs_read_fd(fd, BPF_MAXINSNS * sizeof(struct sock_filter), &code, &len);
    if (r == 0)
        *ret = (struct syscall_filter){(struct sock_filter *)code,
                                       (unsigned short)(len / sizeof(struct sock_filter))};
    return r;
}

int syscalls_make(struct syscall_filter *ret, struct err *err)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    int r = ctx ? fill(ctx) : -ENOMEM;
    if (r == 0)
        r = export(ctx, ret);
    seccomp_release(ctx);
    return r < 0 ? err_sys(err, -r, "cannot make the system call filter") : 0;
}

void syscalls_done(struct syscall_filter *f)
{
    free(f->code);
    *f = (struct syscall_filter){0};
}

int syscalls_load(const struct syscall_filter *f, struct err *err)
{
    struct sock_fprog prog = {.len = f->len, .filter = f->code};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0)
        return err_sys(err, errno, "cannot load the system call filter");
    return 0;
}
