/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/record.h"

#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>
#include <sys/pidfd.h>

#define RECORD_MAX 65536

uint64_t record_started(const char *stat)
{
    const char *at = strrchr(stat, ')');
    for (int field = 2; at && field < 22; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at ? strtoull(at, NULL, 10) : 0;
}

/* When the process started and in which pid namespace it lives. */
static int identify(pid_t pid, bool none, uint64_t *ret_started, uint64_t *ret_pidns)
{
    char path[64];
    struct stat st = {0};
    _cleanup_free_ char *text = NULL;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int r = fs_read_file(AT_FDCWD, path, 8192, &text, NULL);
    if (r < 0)
        return r;
    *ret_started = record_started(text);
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    if (!none && stat(path, &st) < 0)
        return -errno;
    *ret_pidns = st.st_ino;
    return 0;
}

int record_write(const char *dir, const struct plan *plan, const struct cgroup *cg, pid_t pid,
                 struct err *err)
{
    uint64_t started = 0, pidns = 0;
    bool none = plan->isolation == PLAN_NONE;
    int r = pid ? identify(pid, none, &started, &pidns) : 0;
    if (r < 0)
        return err_sys(err, -r, "cannot look at the new sandbox");
    json_t *groups = json_array();
    for (size_t i = 0; i < cg->count; i++)
        json_array_append_new(
            groups, json_pack("{s:s, s:b}", "path", cg->dirs[i].path, "v2", cg->dirs[i].v2));
    _cleanup_json_ json_t *j =
        json_pack("{s:i, s:s, s:I, s:I, s:I, s:o}", "version", 1, "isolation",
                  none ? "none" : "namespaces", "pid", (json_int_t)pid, "started",
                  (json_int_t)started, "pidns", (json_int_t)pidns, "cgroups", groups);
    size_t len;
    _cleanup_free_ char *text = json_text(j, &len);
    _cleanup_free_ char *path = fs_join(dir, "record.json"), *tmp = fs_join(dir, "record.tmp");
    _cleanup_close_ int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    r = fd < 0 ? -errno : fs_write_all(fd, text, len);
    if (r == 0 && rename(tmp, path) < 0)
        r = -errno;
    return r < 0 ? err_sys(err, -r, "cannot write %s", path) : 0;
}

/* Only groups that we could have made: nothing else is ever killed or removed. */
static bool group_ok(const char *path)
{
    const char *name = path ? strrchr(path, '/') : NULL;
    return name && path[0] == '/' && strncmp(name, "/seer-", 6) == 0 && !strstr(path, "/../");
}

int record_read(const char *dir, struct record *ret, struct err *err)
{
    _cleanup_free_ char *path = fs_join(dir, "record.json"), *text = NULL;
    size_t len;
    int r = fs_read_file(AT_FDCWD, path, RECORD_MAX, &text, &len);
    if (r == -ENOENT)
        return r;
    if (r < 0)
        return err_sys(err, -r, "cannot read %s", path);
    _cleanup_json_ json_t *j = json_parse_object(text, len, err);
    if (!j)
        return err_wrap(err, "%s", path);
    struct record rec = {.none = strcmp(json_str(j, "isolation", ""), "none") == 0,
                         .pid = (pid_t)json_int(j, "pid", 0),
                         .started = (uint64_t)json_int(j, "started", 0),
                         .pidns = (uint64_t)json_int(j, "pidns", 0)};
    size_t i;
    const json_t *g;
    json_array_foreach (json_object_get(j, "cgroups"), i, g) {
        const char *group = json_str(g, "path", NULL);
        if (group_ok(group) && rec.cgroup_count < CGROUP_DIRS_MAX)
            rec.cgroups[rec.cgroup_count++] =
                (struct record_cgroup){xstrdup(group), json_flag(g, "v2", false)};
    }
    *ret = rec;
    return 0;
}

int record_open(const struct record *rec)
{
    uint64_t started, pidns;
    if (rec->pid <= 1 || rec->started == 0)
        return -ESRCH;
    _cleanup_close_ int fd = pidfd_open(rec->pid, 0);
    if (fd < 0)
        return -ESRCH;
    /* Checked after the pidfd was taken: from here on it cannot become another process. A zombie
     * has no namespaces any more: it has ended, as good as gone. */
    if (identify(rec->pid, rec->none, &started, &pidns) < 0 || started != rec->started ||
        pidns != rec->pidns)
        return -ESRCH;
    return TAKE_FD(fd);
}

void record_done(struct record *rec)
{
    for (size_t i = 0; i < rec->cgroup_count; i++)
        free(rec->cgroups[i].path);
    *rec = (struct record){0};
}
