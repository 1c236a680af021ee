/* SPDX-License-Identifier: Apache-2.0 */
#include "image/torch.h"

#include "base/fs.h"
#include "base/mem.h"
#include "image/links.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

/* A build without a local version is the CPU's if it is small: CUDA builds are above 700 MB. */
enum { CPU_SIZE_MAX = 400 << 20 };

int torch_version_cmp(const char *a, const char *b)
{
    for (;;) {
        char *enda, *endb;
        unsigned long x = strtoul(a, &enda, 10), y = strtoul(b, &endb, 10);
        if (x != y)
            return x < y ? -1 : 1;
        if (*enda != '.' || *endb != '.')
            return *enda == '.' ? 1 : *endb == '.' ? -1 : 0;
        a = enda + 1;
        b = endb + 1;
    }
}

/* torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl -> its version, when it fits. */
static char *wheel_version(const char *name, const char *tag, const char *machine)
{
    size_t len = strlen(name);
    if (strncmp(name, "torch-", 6) != 0 || len < 10 || strcmp(name + len - 4, ".whl") != 0)
        return NULL;
    const char *version = name + 6, *py = strchr(version, '-');
    size_t tag_len = strlen(tag);
    if (!py || strncmp(py + 1, tag, tag_len) != 0 || py[1 + tag_len] != '-' ||
        strncmp(py + 2 + tag_len, tag, tag_len) != 0 || py[2 + 2 * tag_len] != '-' ||
        !strstr(py, machine))
        return NULL;
    char *out = xstrndup(version, (size_t)(py - version));
    for (char *at = out; (at = strstr(at, "%2B")); at++) {
        *at = '+';
        memmove(at + 1, at + 3, strlen(at + 3) + 1);
    }
    return out;
}

static bool is_cpu(int dfd, const char *name, const char *version)
{
    const char *local = strchr(version, '+');
    struct stat st;
    if (local)
        return strncmp(local, "+cpu", 4) == 0;
    return fstatat(dfd, name, &st, 0) == 0 && st.st_size <= CPU_SIZE_MAX;
}

static void look(const char *folder, const char *tag, const char *machine, char **best)
{
    DIR *d = opendir(folder);
    const struct dirent *de;
    while (d && (de = readdir(d))) {
        _cleanup_free_ char *version = wheel_version(de->d_name, tag, machine);
        if (!version || !is_cpu(dirfd(d), de->d_name, version))
            continue;
        if (!*best || torch_version_cmp(version, *best) > 0) {
            free(*best);
            *best = TAKE_PTR(version);
        }
    }
    if (d)
        closedir(d);
}

char *torch_cpu_wheel(const json_t *find_links, const char *tag, const char *machine)
{
    char *best = NULL;
    size_t i;
    const json_t *v;
    json_array_foreach (find_links, i, v) {
        _cleanup_free_ char *folder = links_path(json_string_value(v));
        if (folder)
            look(folder, tag, machine, &best);
    }
    return best;
}
