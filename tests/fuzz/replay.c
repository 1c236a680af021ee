/* SPDX-License-Identifier: Apache-2.0
 *
 * replay: runs a fuzz target over the files of a folder, so that each crash found stays found in an
 * ordinary test run.
 */
#include "base/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    DIR *d = opendir(argv[1]);
    if (!d) {
        perror(argv[1]);
        return 1;
    }
    int count = 0;
    const struct dirent *de;
    while ((de = readdir(d))) {
        if (de->d_name[0] == '.')
            continue;
        _cleanup_free_ char *data = NULL;
        size_t len;
        if (fs_read_file(dirfd(d), de->d_name, 64u << 20, &data, &len) < 0)
            continue;
        LLVMFuzzerTestOneInput((const uint8_t *)data, len);
        count++;
    }
    closedir(d);
    printf("%d inputs replayed\n", count);
    return count ? 0 : 1;
}
