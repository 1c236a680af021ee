/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/ids.h"

#include "base/fs.h"
#include "base/mem.h"
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <string.h>

uid_t sandbox_root_uid(void)
{
    return ids_here().uid;
}

gid_t sandbox_root_gid(void)
{
    return ids_here().gid;
}

static int write_proc(pid_t pid, const char *file, const char *text, struct err *err)
{
    _cleanup_free_ char *path = xasprintf("/proc/%d/%s", (int)pid, file);
    int r = fs_write_kernel(AT_FDCWD, path, text);
    if (r < 0) {
        err_sys(err, -r, "cannot set %s of the sandbox", file);
        err_hint(err, "seer needs user namespaces; run \"seer doctor\"");
    }
    return r;
}

int ids_write_maps(const struct ids *ids, pid_t pid, struct err *err)
{
    char uid[64], gid[64];
    snprintf(uid, sizeof uid, "0 %u %u", ids->uid, ids->count);
    snprintf(gid, sizeof gid, "0 %u %u", ids->gid, ids->count);
    /* Without the range the kernel wants setgroups denied before an unprivileged gid_map. */
    int r = ids->count > 1 ? 0 : write_proc(pid, "setgroups", "deny", err);
    if (r == 0)
        r = write_proc(pid, "uid_map", uid, err);
    return r < 0 ? r : write_proc(pid, "gid_map", gid, err);
}
