/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ids.h"

#include "base/cleanup.h"
#include "base/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool ids_map_covers(const char *map, unsigned first, unsigned count)
{
    for (const char *line = map; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        unsigned long inside, outside, n;
        if (sscanf(line, "%lu %lu %lu", &inside, &outside, &n) == 3 && inside <= first &&
            first + (unsigned long)count <= inside + n)
            return true;
    }
    return false;
}

struct ids ids_here(void)
{
    _cleanup_free_ char *map = NULL;
    struct ids one = {geteuid(), getegid(), 1};
    if (one.uid != 0 || fs_read_file(AT_FDCWD, "/proc/self/uid_map", 65536, &map, NULL) < 0 ||
        !ids_map_covers(map, IDS_BASE, IDS_COUNT))
        return one;
    return (struct ids){IDS_BASE, IDS_BASE, IDS_COUNT};
}
