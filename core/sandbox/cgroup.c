/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/cgroup.h"

#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#define CPU_PERIOD_US 100000

static const char *const names[CGROUP_COUNT] = {"memory", "pids", "cpu", "cpuacct"};

static int read_number(const char *dir, const char *file, uint64_t *ret)
{
    _cleanup_free_ char *path = fs_join(dir, file), *text = NULL;
    int r = fs_read_file(AT_FDCWD, path, 4096, &text, NULL);
    if (r < 0)
        return r;
    char *end;
    *ret = strtoull(text, &end, 10);
    return end == text ? -ENODATA : 0; /* "max" */
}

/* The value behind `key ` at the start of a line. */
static uint64_t read_keyed(const char *dir, const char *file, const char *key)
{
    _cleanup_free_ char *path = fs_join(dir, file), *text = NULL;
    if (fs_read_file(AT_FDCWD, path, 65536, &text, NULL) < 0)
        return 0;
    size_t n = strlen(key);
    for (const char *at = text; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, key, n) == 0 && at[n] == ' ')
            return strtoull(at + n + 1, NULL, 10);
    }
    return 0;
}

static int write_to(const char *dir, const char *file, const char *text)
{
    _cleanup_free_ char *path = fs_join(dir, file);
    return fs_write_kernel(AT_FDCWD, path, text);
}

static int write_number(const char *dir, const char *file, uint64_t n)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    return write_to(dir, file, text);
}

/* ---- making ---- */

/* The caller's own v2 group hands `controller` to its children, or can be made to. */
static bool v2_offers(const char *base, const char *controller)
{
    _cleanup_free_ char *path = fs_join(base, "cgroup.subtree_control"), *text = NULL;
    char want[64];
    if (fs_read_file(AT_FDCWD, path, 4096, &text, NULL) < 0)
        return false;
    size_t n = strlen(controller);
    for (const char *at = text; (at = strstr(at, controller)); at += n)
        if ((at == text || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\n' || at[n] == '\0'))
            return true;
    snprintf(want, sizeof want, "+%s", controller);
    return fs_write_kernel(AT_FDCWD, path, want) == 0;
}

/* Where the sandbox's group is made: beside the caller's, below it at the root. */
static char *v2_base(const char *own)
{
    _cleanup_free_ char *type = fs_join(own, "cgroup.type"); /* the root has none */
    char *base = xstrdup(own);
    if (access(type, F_OK) == 0) {
        char *slash = strrchr(base, '/');
        if (slash && slash != base)
            *slash = '\0';
    }
    return base;
}

static struct cgroup_dir *dir_of(struct cgroup *cg, enum cgroup_controller c)
{
    for (size_t i = 0; i < cg->count; i++)
        if (cg->dirs[i].controllers & 1u << c)
            return &cg->dirs[i];
    return NULL;
}

/* Makes the group below base, or finds that a co-mounted controller made it. Takes base. */
static int add_dir(struct cgroup *cg, char *take_base, const char *id, enum cgroup_controller c,
                   bool v2)
{
    _cleanup_free_ char *base = take_base;
    _cleanup_free_ char *path = xasprintf("%s/seer-%s", base, id);
    for (size_t i = 0; i < cg->count; i++)
        if (strcmp(cg->dirs[i].path, path) == 0) {
            cg->dirs[i].controllers |= 1u << c;
            return 0;
        }
    if (cg->count == CGROUP_DIRS_MAX)
        return -ENOSPC;
    if (mkdir(path, 0755) < 0)
        return -errno;
    _cleanup_free_ char *tasks = fs_join(path, "tasks");
    int fd = v2 ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : open(tasks, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        int e = errno;
        rmdir(path);
        return -e;
    }
    cg->dirs[cg->count++] = (struct cgroup_dir){TAKE_PTR(path), v2, 1u << c, fd};
    return 0;
}

struct texts {
    char *mountinfo, *groups; /* owned */
};

static int join_v1(struct cgroup *cg, const struct texts *t, const char *id,
                   enum cgroup_controller c)
{
    char *own;
    int r = cgroup_find(t->mountinfo, t->groups, names[c], &own);
    return r < 0 ? r : add_dir(cg, own, id, c, false);
}

static int join(struct cgroup *cg, const struct texts *t, const char *id, enum cgroup_controller c)
{
    char *own;
    int r = join_v1(cg, t, id, c);
    if (r != -ENOENT)
        return r;
    if (cgroup_find(t->mountinfo, t->groups, NULL, &own) < 0)
        return -ENOENT;
    char *base = v2_base(own);
    free(own);
    if (!v2_offers(base, names[c])) {
        free(base);
        return -EACCES;
    }
    return add_dir(cg, base, id, c, true);
}

static int set_memory(const struct cgroup_dir *d, uint64_t bytes)
{
    const char *file = d->v2 ? "memory.max" : "memory.limit_in_bytes";
    uint64_t got = 0;
    int r = write_number(d->path, file, bytes);
    if (r == 0 && d->v2)
        (void)write_number(d->path, "memory.swap.max", 0); /* absent without swap accounting */
    else if (r == 0)
        (void)write_number(d->path, "memory.memsw.limit_in_bytes", bytes);
    if (r == 0)
        r = read_number(d->path, file, &got);
    return r < 0 ? r : got <= bytes ? 0 : -ERANGE; /* rounded down to pages */
}

static int set_pids(const struct cgroup_dir *d, uint64_t n)
{
    uint64_t got = 0;
    int r = write_number(d->path, "pids.max", n);
    if (r == 0)
        r = read_number(d->path, "pids.max", &got);
    return r < 0 ? r : got == n ? 0 : -ERANGE;
}

static int set_cpu(const struct cgroup_dir *d, double cores)
{
    uint64_t quota = (uint64_t)(cores * CPU_PERIOD_US), got = 0;
    char text[64];
    snprintf(text, sizeof text, "%llu %d", (unsigned long long)quota, CPU_PERIOD_US);
    const char *file = d->v2 ? "cpu.max" : "cpu.cfs_quota_us";
    int r = d->v2 ? 0 : write_number(d->path, "cpu.cfs_period_us", CPU_PERIOD_US);
    if (r == 0)
        r = d->v2 ? write_to(d->path, file, text) : write_number(d->path, file, quota);
    if (r == 0)
        r = read_number(d->path, file, &got);
    return r < 0 ? r : got == quota ? 0 : -ERANGE;
}

static int apply(const struct cgroup *cg, const struct plan *plan, enum cgroup_controller c)
{
    const struct cgroup_dir *d = dir_of((struct cgroup *)cg, c);
    if (c == CGROUP_MEMORY)
        return set_memory(d, plan->memory);
    return c == CGROUP_PIDS ? set_pids(d, plan->pids) : set_cpu(d, plan->cpu);
}

static void note(json_t *notes, enum cgroup_controller c, int r)
{
    static const char *const what[] = {"memory", "process", "CPU"};
    _cleanup_free_ char *s = xasprintf(
        "no %s limit: %s; run \"seer doctor\" to see how to get one", what[c],
        r == -ENOENT ? "this machine has no such cgroup controller mounted"
        : r == -EACCES || r == -EROFS || r == -EPERM ? "the cgroup tree is not ours to write"
                                                     : strerror(-r));
    json_array_append_new(notes, json_string(s));
}

int cgroup_create(const struct plan *plan, struct cgroup *ret, json_t *notes, struct err *err)
{
    const bool want[] = {plan->memory > 0, plan->pids > 0, plan->cpu > 0};
    struct cgroup cg = {0};
    struct texts t = {0};
    int r = 0;
    if (want[0] || want[1] || want[2]) {
        (void)!fs_read_file(AT_FDCWD, "/proc/self/mountinfo", 16u << 20, &t.mountinfo, NULL);
        (void)!fs_read_file(AT_FDCWD, "/proc/self/cgroup", 1u << 20, &t.groups, NULL);
    }
    for (unsigned c = 0; c < ARRAY_SIZE(want) && r == 0; c++) {
        if (!want[c])
            continue;
        int made = join(&cg, &t, plan->id, (enum cgroup_controller)c);
        if (made < 0)
            note(notes, (enum cgroup_controller)c, made);
        else if ((r = apply(&cg, plan, (enum cgroup_controller)c)) < 0)
            err_sys(err, -r, "cannot limit the %s of the sandbox", names[c]);
    }
    if (r == 0 && cg.count > 0) /* for the figures only: no note when there is none */
        (void)!join_v1(&cg, &t, plan->id, CGROUP_CPUACCT);
    free(t.mountinfo);
    free(t.groups);
    if (r == 0) {
        *ret = cg;
        return 0;
    }
    for (size_t i = 0; i < cg.count; i++)
        (void)!cgroup_remove(cg.dirs[i].path, NULL);
    cgroup_done(&cg);
    return r;
}

/* ---- living ---- */

int cgroup_enter(const struct cgroup *cg, struct err *err)
{
    for (size_t i = 0; i < cg->count; i++)
        if (!cg->dirs[i].v2 && write(cg->dirs[i].enter_fd, "0", 1) < 0)
            return err_sys(err, errno, "cannot enter the sandbox's cgroup");
    return 0;
}

int cgroup_clone_fd(const struct cgroup *cg)
{
    for (size_t i = 0; i < cg->count; i++)
        if (cg->dirs[i].v2)
            return cg->dirs[i].enter_fd;
    return -1;
}

void cgroup_usage(const struct cgroup *cg, struct sandbox_usage *ret)
{
    *ret = (struct sandbox_usage){0};
    for (size_t i = 0; i < cg->count; i++) {
        const struct cgroup_dir *d = &cg->dirs[i];
        if (d->controllers & 1u << CGROUP_MEMORY) {
            (void)!read_number(d->path, d->v2 ? "memory.current" : "memory.usage_in_bytes",
                               &ret->memory);
            (void)!read_number(d->path, d->v2 ? "memory.max" : "memory.limit_in_bytes",
                               &ret->memory_max);
            ret->oom_kills =
                read_keyed(d->path, d->v2 ? "memory.events" : "memory.oom_control", "oom_kill");
        }
        if (d->controllers & 1u << CGROUP_PIDS)
            (void)!read_number(d->path, "pids.current", &ret->pids);
        if (d->v2)
            ret->cpu_ns = read_keyed(d->path, "cpu.stat", "usage_usec") * 1000;
        else if (d->controllers & 1u << CGROUP_CPUACCT)
            (void)!read_number(d->path, "cpuacct.usage", &ret->cpu_ns);
    }
}

/* ---- the end ---- */

void cgroup_kill(const char *path, bool v2)
{
    if (v2 && write_to(path, "cgroup.kill", "1") == 0)
        return;
    _cleanup_free_ char *file = fs_join(path, "cgroup.procs"), *text = NULL;
    if (fs_read_file(AT_FDCWD, file, 16u << 20, &text, NULL) < 0)
        return;
    for (char *at = text, *end; *at; at = end + (*end == '\n')) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            return;
        if (pid > 1)
            kill((pid_t)pid, SIGKILL);
    }
}

/* A task leaves its group after its exit could be seen (6.18: in its last context switch), and v1
 * tells nobody when; so a busy group is tried again, a millisecond apart, for a bounded time. */
int cgroup_remove(const char *path, struct err *err)
{
    for (int left = 200; rmdir(path) < 0 && errno != ENOENT; left--) {
        if (errno != EBUSY || left == 0)
            return err_sys(err, errno, "cannot remove the cgroup %s", path);
        poll(NULL, 0, 1);
    }
    return 0;
}

void cgroup_done(struct cgroup *cg)
{
    for (size_t i = 0; i < cg->count; i++) {
        free(cg->dirs[i].path);
        close(cg->dirs[i].enter_fd);
    }
    cg->count = 0;
}
